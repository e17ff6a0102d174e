#include "pki.h"

#include "base/hash.h"
#include "base/own.h"
#include "crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUTER "From: portal@clinic.example\r\nTo: lee@clinic.example\r\nSubject: Portal message [P-7K3QXM]\r\n"
#define HEAD "Content-Type: text/plain; charset=us-ascii; hp=\"cipher\"\r\nSubject: The real one\r\n\r\n"

static struct keys *keys;
static struct trust *trust;

static int
setup(void **state)
{
	(void)state;
	pki_person("gw-rsa", "portal@clinic.example", false);
	pki_person("gw-ec", "portal@clinic.example", true);
	pki_person("lee-rsa", "lee@clinic.example", false);
	pki_person("lee-ec", "lee@clinic.example", true);
	pki_odd(&(struct pki_odd){ .id = "lee-384", .email = "lee@clinic.example", .curve = "P-384" });
	pki_odd(&(struct pki_odd){ .id = "lee-3072", .email = "lee@clinic.example", .rsa_bits = 3072 });
	keys = pki_keys();
	trust = pki_trust();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	keys_free(keys);
	trust_free(trust);
	return 0;
}

static void
make_inner(size_t n, struct buf *ret)
{
	buf_puts(ret, HEAD);
	for (size_t i = 0; i < n; i++) {
		if (i % 72 == 71)
			buf_puts(ret, "\r\n");
		else
			buf_putc(ret, (char)('a' + i % 26));
	}
}

static void
seal_as(const char *signer, const char *to, bool gcm, bool oaep, struct slice inner, const char *file)
{
	AUTO(cert) c = pki_cert(to);
	AUTO_BUF out = BUF_INIT;
	struct err err = ERR_NONE;
	struct seal s = { SLICE(OUTER), inner, signer, c, NULL, 0, gcm, oaep, PKI_NOW };

	assert_int_equal(seal_mail(keys, trust, &s, &out, &err), ST_OK);
	assert_null(memchr(out.p, 0, out.n));
	pki_write(file, buf_slice(&out));
}

static void
openssl_decrypts_and_verifies(void **state)
{
	static const struct {
		const char *name, *signer, *to;
		bool gcm, oaep;
	} rows[] = {
		{ "RSA, CBC", "gw-rsa", "lee-rsa", false, false },
		{ "RSA, GCM", "gw-rsa", "lee-rsa", true, false },
		{ "RSA, CBC, OAEP", "gw-rsa", "lee-rsa", false, true },
		{ "RSA-3072, CBC", "gw-ec", "lee-3072", false, false },
		{ "P-256, CBC", "gw-ec", "lee-ec", false, false },
		{ "P-256, GCM", "gw-ec", "lee-ec", true, false },
		{ "P-384, CBC", "gw-rsa", "lee-384", false, false },
	};
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 100 << 10, 5 << 20 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t j = 0; j < ARRAY_LEN(sizes); j++) {
			AUTO_BUF inner = BUF_INIT, out = BUF_INIT;

			if (sizes[j] > 100 << 10 && i > 1)
				continue;
			make_inner(sizes[j], &inner);
			seal_as(rows[i].signer, rows[i].to, rows[i].gcm, rows[i].oaep, buf_slice(&inner), "m.eml");
			print_message("%s, %zu bytes\n", rows[i].name, sizes[j]);
			assert_int_equal(
			    pki_run("openssl cms -decrypt -in m.eml -recip %s.crt -inkey %s.key -binary "
				    "-out m.signed && openssl cms -verify -in m.signed -CAfile ca/root.crt "
				    "-out m.inner",
				rows[i].to, rows[i].to),
			    0);
			pki_read("m.inner", &out);
			assert_int_equal(out.n, inner.n);
			assert_memory_equal(out.p, inner.p, out.n);
		}
	}
}

static void
nothing_leaves_for_a_certificate_that_may_not_be_used(void **state)
{
	static const struct {
		struct pki_odd make;
		const char *code;
	} rows[] = {
		{ { .id = "expired", .email = "lee@clinic.example", .until = -1 }, "cert.expired" },
		{ { .id = "early", .email = "lee@clinic.example", .from = 1 }, "cert.not-yet-valid" },
		{ { .id = "small", .email = "lee@clinic.example", .rsa_bits = 1024 }, "cert.key-too-small" },
		{ { .id = "signs", .email = "lee@clinic.example", .usage = "digitalSignature" }, "cert.usage" },
		{ { .id = "tls", .email = "lee@clinic.example", .ext_usage = "serverAuth" }, "cert.usage" },
		{ { .id = "nobody", .email = "clinic.example", .dns_only = true }, "cert.no-email" },
		{ { .id = "self", .email = "lee@clinic.example", .self_signed = true }, "cert.untrusted" },
		{ { .id = "p521", .email = "lee@clinic.example", .curve = "P-521" }, "cert.key-too-small" },
		{ { .id = "sha1", .email = "lee@clinic.example", .md = "SHA1" }, "cert.untrusted" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(cert) c = NULL;
		AUTO_BUF out = BUF_INIT;
		struct err err = ERR_NONE;
		struct seal s = { .outer = SLICE(OUTER), .inner = SLICE(HEAD), .signer = "gw-rsa", .now = PKI_NOW };

		pki_odd(&rows[i].make);
		c = pki_cert(rows[i].make.id);
		s.recipient = c;
		print_message("%s\n", rows[i].make.id);
		assert_int_equal(seal_mail(keys, trust, &s, &out, &err), ST_MSG_REFUSED);
		assert_string_equal(err.code, rows[i].code);
		assert_int_equal(out.n, 0);
	}
}

static void
what_a_relay_could_change_is_our_mistake(void **state)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "8-bit", HEAD "caf\xc3\xa9\r\n" },
		{ "bare LF", HEAD "a\nb\r\n" },
		{ "bare CR", HEAD "a\rb\r\n" },
		{ "bare CR at the end", HEAD "a\r" },
	};
	AUTO(cert) c = pki_cert("lee-rsa");
	AUTO_BUF out = BUF_INIT, inner = BUF_INIT;
	struct err err = ERR_NONE;
	struct seal s = { .outer = SLICE(OUTER), .signer = "gw-rsa", .recipient = c, .now = PKI_NOW };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].name);
		s.inner = slice_of(rows[i].text);
		assert_int_equal(seal_mail(keys, trust, &s, &out, &err), ST_LOCAL);
		assert_string_equal(err.code, "seal.not-canonical");
	}
	buf_puts(&inner, HEAD);
	for (int i = 0; i < 999; i++)
		buf_putc(&inner, 'x');
	buf_puts(&inner, "\r\n");
	s.inner = buf_slice(&inner);
	assert_int_equal(seal_mail(keys, trust, &s, &out, &err), ST_LOCAL);
	inner.p[inner.n - 3] = '\r';
	inner.p[inner.n - 2] = '\n';
	s.inner.n--;
	assert_int_equal(seal_mail(keys, trust, &s, &out, &err), ST_OK);
}

/* NSS: what Thunderbird uses. It reads neither GCM nor, before 3.100, OAEP and ECDH. */
static void
nss_decrypts_and_verifies(void **state)
{
	AUTO_BUF inner = BUF_INIT, out = BUF_INIT;

	(void)state;
	if (pki_run("command -v cmsutil certutil pk12util") != 0)
		skip();
	make_inner(4096, &inner);
	assert_int_equal(pki_run("mkdir -p nss && certutil -N -d nss --empty-password && certutil -A -d nss -n root "
				 "-t C,C,C -i ca/root.crt && certutil -A -d nss -n sub -t ,, -i ca/intermediate.crt"),
	    0);
	assert_int_equal(pki_run("openssl pkcs12 -export -in lee-rsa.crt -inkey lee-rsa.key -name lee -passout pass:x "
				 "-out lee.p12 && pk12util -i lee.p12 -d nss -W x"),
	    0);
	for (int gateway = 0; gateway < 2; gateway++) {
		seal_as(gateway == 0 ? "gw-rsa" : "gw-ec", "lee-rsa", false, false, buf_slice(&inner), "nss.eml");
		assert_int_equal(
		    pki_run("sed '1,/^\\r*$/d' nss.eml | base64 -di >nss.der && cmsutil -D -d nss -p '' -i nss.der "
			    "-o nss.signed"),
		    0);
		pki_read("nss.signed", &out);
		assert_non_null(strstr(out.p, "multipart/signed"));
		/* cmsutil takes the signed content and the signature apart only from files */
		assert_int_equal(
		    pki_run("openssl cms -verify -in nss.signed -noverify -out nss.inner && "
			    "sed -n '/smime.p7s\"\\r*$/,$p' nss.signed | sed '1,/^\\r*$/d;/^--/d' | base64 -di "
			    ">nss.p7s && cmsutil -D -d nss -p '' -u 4 -i nss.p7s -c nss.inner -o /dev/null; "
			    "[ $? -le 1 ]"),
		    0);
		buf_clear(&out);
	}
}

static void
gpgsm_decrypts_and_verifies(void **state)
{
	AUTO_BUF inner = BUF_INIT, out = BUF_INIT, key = BUF_INIT, chain = BUF_INIT, p12 = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	if (pki_run("command -v gpgsm") != 0)
		skip();
	make_inner(4096, &inner);
	pki_read("lee-rsa.key", &key);
	pki_read("lee-rsa.crt", &chain);
	assert_int_equal(
	    ca_pkcs12(pki_path("ca"), buf_slice(&key), buf_slice(&chain), "lee", "x", true, &p12, &err), ST_OK);
	pki_write("lee-legacy.p12", buf_slice(&p12));
	assert_int_equal(pki_run("mkdir -p -m 700 gpg && echo disable-crl-checks >gpg/gpgsm.conf && "
				 "fp=$(openssl x509 -in ca/root.crt -noout -fingerprint -sha1 | sed 's/.*=//') && "
				 "echo \"$fp S relax\" >gpg/trustlist.txt && echo x | gpgsm --homedir gpg --batch "
				 "--pinentry-mode loopback --passphrase-fd 0 --import lee-legacy.p12"),
	    0);
	seal_as("gw-rsa", "lee-rsa", false, false, buf_slice(&inner), "gpg.eml");
	assert_int_equal(
	    pki_run("sed '1,/^\\r*$/d' gpg.eml | base64 -di >gpg.der && echo x | gpgsm --homedir gpg --batch "
		    "--pinentry-mode loopback --passphrase-fd 0 --yes -o gpg.signed --decrypt gpg.der"),
	    0);
	assert_int_equal(
	    pki_run("openssl cms -verify -in gpg.signed -noverify -out gpg.inner && "
		    "sed -n '/smime.p7s\"\\r*$/,$p' gpg.signed | sed '1,/^\\r*$/d;/^--/d' | base64 -di >gpg.p7s "
		    "&& gpgsm --homedir gpg --batch --verify gpg.p7s gpg.inner"),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_decrypts_and_verifies),
		cmocka_unit_test(nothing_leaves_for_a_certificate_that_may_not_be_used),
		cmocka_unit_test(what_a_relay_could_change_is_our_mistake),
		cmocka_unit_test(nss_decrypts_and_verifies),
		cmocka_unit_test(gpgsm_decrypts_and_verifies),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
