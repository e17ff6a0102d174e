#include "pki.h"

#include "base/file.h"
#include "base/own.h"

#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void
an_authority_is_made_once_and_keeps_its_keys_to_itself(void **state)
{
	static const char *const secret[] = { "ca/root.key", "ca/intermediate.key", "site.key" };
	struct err err = ERR_NONE;
	AUTO_BUF before = BUF_INIT, after = BUF_INIT;

	(void)state;
	pki_dir();
	pki_read("ca/root.crt", &before);
	assert_int_equal(ca_init(pki_path("ca"), "Another", PKI_NOW, &err), ST_MSG_REFUSED);
	assert_string_equal(err.code, "ca.exists");
	pki_read("ca/root.crt", &after);
	assert_string_equal(before.p, after.p);
	for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
		struct stat st;

		assert_int_equal(stat(pki_path("%s", secret[i]), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_int_equal(pki_run("openssl verify -CAfile ca/root.crt -x509_strict ca/intermediate.crt"), 0);
	assert_int_equal(
	    pki_run("openssl x509 -in ca/intermediate.crt -noout -text | grep -q 'CA:TRUE, pathlen:0'"), 0);
}

static void
leaves_follow_the_mail_profile(void **state)
{
	(void)state;
	pki_person("rsa", "a@clinic.example", false);
	pki_person("ec", "b@clinic.example", true);
	for (int ec = 0; ec < 2; ec++) {
		const char *id = ec ? "ec" : "rsa";
		AUTO(cert) c = pki_cert(id);

		assert_int_equal(
		    pki_run("openssl verify -x509_strict -purpose smimesign -CAfile ca/root.crt -untrusted "
			    "ca/intermediate.crt %s.crt",
			id),
		    0);
		assert_int_equal(
		    pki_run("openssl verify -x509_strict -purpose smimeencrypt -CAfile ca/root.crt -untrusted "
			    "ca/intermediate.crt %s.crt",
			id),
		    ec ? 2 : 0); /* OpenSSL knows no purpose for key agreement */
		assert_true(c->can_sign && c->can_encrypt && c->ec == (ec == 1));
		assert_int_equal(X509_get_extended_key_usage(c->x509), XKU_SMIME);
		assert_true(c->ski.n > 0 && X509_get0_authority_key_id(c->x509) != NULL);
		assert_int_equal(c->not_after - c->not_before, 365 * PKI_DAY);
	}
}

static void
what_may_not_be_issued_is_refused(void **state)
{
	static const struct ca_subject rows[] = {
		{ "", "a@clinic.example", false, 0, 10 },
		{ "Lee", "not an address", false, 0, 10 },
		{ "Lee", "a@clinic.example\r\nx", false, 0, 10 },
		{ "12345678901234567890123456789012345678901234567890123456789012345", "a@clinic.example", false, 0,
		    10 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF key = BUF_INIT, chain = BUF_INIT;

		assert_int_equal(ca_issue(pki_path("ca"), &rows[i], &key, &chain, NULL), ST_MSG_REFUSED);
		assert_true(key.n == 0 && chain.n == 0);
	}
}

static void
a_leaf_never_outlives_its_authority(void **state)
{
	struct ca_subject s = { "Long", "long@clinic.example", true, PKI_NOW, 36500 };
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT;
	AUTO(cert) leaf = NULL;
	AUTO(cert) sub = NULL;

	(void)state;
	assert_int_equal(ca_issue(pki_path("ca"), &s, &key, &chain, NULL), ST_OK);
	pki_write("long.crt", buf_slice(&chain));
	leaf = pki_cert("long");
	sub = pki_cert("ca/intermediate");
	assert_int_equal(leaf->not_after, sub->not_after);
}

static void
pkcs12_opens_with_its_password_only(void **state)
{
	(void)state;
	pki_person("rsa", "a@clinic.example", false);
	for (int legacy = 0; legacy < 2; legacy++) {
		AUTO_BUF key = BUF_INIT, chain = BUF_INIT, p12 = BUF_INIT;
		struct err err = ERR_NONE;

		pki_read("rsa.key", &key);
		pki_read("rsa.crt", &chain);
		assert_int_equal(ca_pkcs12(pki_path("ca"), buf_slice(&key), buf_slice(&chain), "Dr Lee",
				     "correct horse", legacy == 1, &p12, &err),
		    ST_OK);
		pki_write("x.p12", buf_slice(&p12));
		assert_int_equal(pki_run("openssl pkcs12 -in x.p12 -passin 'pass:correct horse' -nodes -out x.pem"), 0);
		assert_int_equal(
		    pki_run("[ $(grep -c BEGIN.CERT x.pem) = 3 ] && grep -q 'friendlyName: Dr Lee' x.pem"), 0);
		assert_int_equal(
		    pki_run("openssl pkcs12 -in x.p12 -passin 'pass:correct horse' -info -noout 2>&1 | grep -q %s",
			legacy ? "pbeWithSHA1And3-KeyTripleDES-CBC" : "AES-256-CBC"),
		    0);
		assert_int_not_equal(pki_run("openssl pkcs12 -in x.p12 -passin pass:wrong -nodes -noout"), 0);
	}
}

static void
servers_get_names_and_addresses(void **state)
{
	static const char *const names[] = { "mail.clinic.example", "127.0.0.1" };
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT;

	(void)state;
	assert_int_equal(ca_issue_server(pki_path("ca"), names, 2, PKI_NOW, &key, &chain, NULL), ST_OK);
	pki_write("server.crt", buf_slice(&chain));
	assert_int_equal(
	    pki_run("openssl verify -purpose sslserver -CAfile ca/root.crt -untrusted ca/intermediate.crt "
		    "-verify_hostname mail.clinic.example server.crt && openssl verify -CAfile ca/root.crt "
		    "-untrusted ca/intermediate.crt -verify_ip 127.0.0.1 server.crt"),
	    0);
}

/* keys_*(): here because it is the other half of what a certificate is for. */
static void
keys_are_loaded_strictly(void **state)
{
	AUTO(keys) k = NULL;
	AUTO(keys) bad = NULL;
	struct err err = ERR_NONE;
	struct cert *const *list;
	size_t n;
	uint8_t a[32], b[32], digest[32] = { 1 };
	AUTO_BUF sig = BUF_INIT;

	(void)state;
	pki_person("rsa", "a@clinic.example", false);
	pki_person("ec", "b@clinic.example", true);
	assert_int_equal(
	    pki_run("mkdir -p kd && cp site.key rsa.key rsa.crt kd/ && cp ec.key kd/gw.old-1.key && cp ec.crt "
		    "kd/gw.old-1.crt && echo x >kd/notes.txt"),
	    0);
	assert_int_equal(keys_load(pki_path("kd"), &k, &err), ST_OK);
	assert_int_equal(keys_recipients(k, &list), 2);
	assert_int_equal(keys_chain(k, "rsa", &list, &n, &err), ST_OK);
	assert_int_equal(n, 2);
	assert_int_equal(keys_sign(k, "rsa", digest, &sig, &err), ST_OK);
	assert_int_equal(sig.n, 256);
	/* old keys decrypt and sign nothing */
	assert_int_equal(keys_chain(k, "gw.old-1", &list, &n, &err), ST_LOCAL);
	assert_int_equal(keys_sign(k, "gw.old-1", digest, &sig, &err), ST_LOCAL);
	assert_int_equal(keys_sign(k, "nobody", digest, &sig, &err), ST_LOCAL);
	assert_int_equal(keys_derive(k, "token", a, &err), ST_OK);
	assert_int_equal(keys_derive(k, "log", b, &err), ST_OK);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(keys_site_key(k, b, &err), ST_OK);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(pki_run("chmod 644 kd/rsa.key"), 0);
	assert_int_equal(keys_load(pki_path("kd"), &bad, &err), ST_LOCAL);
	assert_string_equal(err.code, "file.mode");
	assert_int_equal(pki_run("chmod 600 kd/rsa.key; cp ec.key kd/rsa.key"), 0);
	assert_int_equal(keys_load(pki_path("kd"), &bad, &err), ST_LOCAL);
	assert_string_equal(err.code, "keys.mismatch");
	assert_int_equal(pki_run("cp rsa.key kd/; echo 12 >kd/site.key"), 0);
	assert_int_equal(keys_load(pki_path("kd"), &bad, &err), ST_LOCAL);
	assert_string_equal(err.code, "keys.site");
	assert_int_equal(keys_init(pki_path("kd"), &err), ST_OK); /* what is there stays */
	assert_int_equal(keys_load(pki_path("kd"), &bad, &err), ST_LOCAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_authority_is_made_once_and_keeps_its_keys_to_itself),
		cmocka_unit_test(leaves_follow_the_mail_profile),
		cmocka_unit_test(what_may_not_be_issued_is_refused),
		cmocka_unit_test(a_leaf_never_outlives_its_authority),
		cmocka_unit_test(pkcs12_opens_with_its_password_only),
		cmocka_unit_test(servers_get_names_and_addresses),
		cmocka_unit_test(keys_are_loaded_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
