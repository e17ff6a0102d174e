#include "pki.h"

#include "base/own.h"
#include "mail/address.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cert *sub; /* the intermediate */

static int
setup(void **state)
{
	(void)state;
	pki_person("lee", "lee@clinic.example", false);
	pki_person("gone", "gone@clinic.example", false);
	sub = pki_cert("ca/intermediate");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	cert_free(sub);
	return 0;
}

static struct trust *
trust_of(const char *id)
{
	const char *path = pki_path("%s.crt", id);
	struct trust *t = NULL;

	assert_int_equal(trust_from_files(&path, 1, 2048, &t, NULL), ST_OK);
	return t;
}

static const char *
check(struct trust *t, struct cert *c, enum cert_use use, int64_t at)
{
	static struct err err;

	err = ERR_NONE;
	return trust_check(t, c, &sub, 1, use, at, &err) == ST_OK ? "ok" : err.code;
}

static void
what_a_certificate_says_is_read_once(void **state)
{
	AUTO(cert) a = pki_cert("lee");
	AUTO(cert) b = pki_cert("lee");

	(void)state;
	assert_ptr_equal(a, b);
	assert_int_equal(a->nemails, 1);
	assert_string_equal(a->emails[0], "lee@clinic.example");
	assert_true(a->rsa && !a->ec && a->key_bits == 2048 && a->can_sign && a->can_encrypt && !a->weak_digest);
	assert_true(cert_has_email(a, "lee@CLINIC.example"));
	assert_false(cert_has_email(a, "Lee@clinic.example"));
	assert_int_equal(strlen(a->sha256), 64);
	assert_int_equal(a->not_before, PKI_NOW - 10 * PKI_DAY);
}

static void
names_that_could_be_read_in_two_ways_are_left_out(void **state)
{
	static const struct pki_odd rows[] = {
		{ .id = "blank", .email = "a b@clinic.example" },
		{ .id = "nul", .email = "a@clinic.example\0x", .email_n = 18 },
		{ .id = "newline", .email = "a@clinic.example\n" },
		{ .id = "eight", .email = "\303\251@clinic.example" },
		{ .id = "short", .email = "a@" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(cert) c = NULL;

		pki_odd(&rows[i]);
		c = pki_cert(rows[i].id);
		print_message("%s\n", rows[i].id);
		assert_int_equal(c->nemails, 0);
	}
}

static void
junk_is_not_a_certificate(void **state)
{
	static const char junk[] = "0\202\001\001junk";
	AUTO_BUF der = BUF_INIT;
	struct cert *c;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(cert_from_der((struct slice){ junk, sizeof junk }, &c, &err), ST_MSG_REFUSED);
	assert_string_equal(err.code, "cert.malformed");
	assert_int_equal(pki_run("openssl x509 -in lee.crt -outform DER -out lee.der"), 0);
	pki_read("lee.der", &der);
	assert_int_equal(cert_from_der(buf_slice(&der), &c, &err), ST_OK);
	cert_free(c);
	buf_putc(&der, 'x');
	assert_int_equal(cert_from_der(buf_slice(&der), &c, &err), ST_MSG_REFUSED);
	for (size_t n = 0; n < der.n - 1; n += 7)
		assert_int_equal(cert_from_der((struct slice){ der.p, n }, &c, &err), ST_MSG_REFUSED);
}

static void
trust_is_judged_at_the_instant_given(void **state)
{
	AUTO(trust) t = trust_of("ca/root");
	AUTO(cert) lee = pki_cert("lee");

	(void)state;
	assert_string_equal(check(t, lee, CERT_SIGN, PKI_NOW), "ok");
	assert_string_equal(check(t, lee, CERT_ENCRYPT, PKI_NOW), "ok");
	/* the second time from memory: the same answer, and none beyond the certificate's life */
	assert_string_equal(check(t, lee, CERT_SIGN, PKI_NOW + 1), "ok");
	assert_string_equal(check(t, lee, CERT_SIGN, lee->not_before - 1), "cert.not-yet-valid");
	assert_string_equal(check(t, lee, CERT_SIGN, lee->not_after - 1), "ok");
	assert_string_equal(check(t, lee, CERT_SIGN, lee->not_after + 1), "cert.expired");
	/* within a remembered hour, but not within the chain's */
	assert_string_equal(check(t, lee, CERT_SIGN, lee->not_after - 10), "ok");
	assert_string_equal(check(t, lee, CERT_SIGN, lee->not_after + 10), "cert.expired");
}

static void
any_given_certificate_is_an_anchor(void **state)
{
	AUTO(cert) lee = pki_cert("lee");
	AUTO(trust) by_sub = trust_of("ca/intermediate");
	AUTO(trust) by_leaf = trust_of("lee");
	AUTO(trust) none = NULL;
	AUTO(trust) root = trust_of("ca/root");
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(trust_from_files(NULL, 0, 2048, &none, NULL), ST_OK);
	assert_int_equal(trust_check(by_sub, lee, NULL, 0, CERT_SIGN, PKI_NOW, &err), ST_OK);
	assert_int_equal(trust_check(by_leaf, lee, NULL, 0, CERT_SIGN, PKI_NOW, &err), ST_OK);
	assert_int_equal(trust_check(none, lee, &sub, 1, CERT_SIGN, PKI_NOW, &err), ST_MSG_REFUSED);
	assert_string_equal(err.code, "cert.untrusted");
	/* the intermediate is help, and missing when it is not given */
	assert_int_equal(trust_check(root, lee, NULL, 0, CERT_SIGN, PKI_NOW, &err), ST_MSG_REFUSED);
	assert_int_equal(trust_check(root, lee, &sub, 1, CERT_SIGN, PKI_NOW, &err), ST_OK);
	assert_non_null(trust_find(by_leaf, lee->issuer_serial, (struct slice){ NULL, 0 }));
	assert_null(trust_find(root, lee->issuer_serial, lee->ski));
}

static void
revocation_lists_count(void **state)
{
	AUTO(cert) lee = pki_cert("lee");
	AUTO(cert) gone = pki_cert("gone");
	AUTO(trust) t = trust_of("ca/root");
	AUTO(trust) strict = trust_of("ca/root");
	AUTO(trust) stale = trust_of("ca/root");
	AUTO(trust) together = NULL;
	const char *path;
	struct err err = ERR_NONE;

	(void)state;
	pki_revoke("gone", "now", -3600, 3600);
	pki_revoke("gone", "old", -7200, -3600);
	assert_string_equal(check(t, gone, CERT_SIGN, PKI_NOW), "ok");
	assert_int_equal(trust_add_crl(t, pki_path("now.crl"), &err), ST_OK);
	assert_string_equal(check(t, gone, CERT_SIGN, PKI_NOW), "cert.revoked");
	assert_string_equal(check(t, lee, CERT_SIGN, PKI_NOW), "ok");
	/* what was revoked stays revoked on an old list */
	assert_int_equal(trust_add_crl(stale, pki_path("old.crl"), &err), ST_OK);
	assert_string_equal(check(stale, gone, CERT_SIGN, PKI_NOW), "cert.revoked");
	trust_require_crl(strict, true);
	assert_string_equal(check(strict, lee, CERT_SIGN, PKI_NOW), "cert.revocation-unknown");
	assert_int_equal(trust_add_crl(strict, pki_path("old.crl"), &err), ST_OK);
	assert_string_equal(check(strict, lee, CERT_SIGN, PKI_NOW), "cert.revocation-unknown");
	assert_int_equal(trust_add_crl(t, pki_path("lee.crt"), &err), ST_MSG_REFUSED);
	/* lists may lie in the same file as the anchors */
	assert_int_equal(pki_run("cat ca/root.crt now.crl >both.crt"), 0);
	path = pki_path("both.crt");
	assert_int_equal(trust_from_files(&path, 1, 2048, &together, &err), ST_OK);
	assert_string_equal(check(together, gone, CERT_SIGN, PKI_NOW), "cert.revoked");
}

static void
authorities_are_held_to_their_own_limits(void **state)
{
	static const struct {
		struct pki_odd ca;
		const char *code;
	} rows[] = {
		{ { .id = "plainca", .ca = true }, "cert.untrusted" }, /* below a pathlen of 0 */
		{ { .id = "mailca", .ca = true, .issuer = "ca/root" }, "ok" },
		{ { .id = "tlsca", .ca = true, .issuer = "ca/root", .ext_usage = "serverAuth" }, "cert.usage" },
		{ { .id = "elsewhere",
		      .ca = true,
		      .issuer = "ca/root",
		      .constraints = "permitted;email:other.example" },
		    "cert.untrusted" },
		{ { .id = "here", .ca = true, .issuer = "ca/root", .constraints = "permitted;email:clinic.example" },
		    "ok" },
		{ { .id = "oldca", .ca = true, .issuer = "ca/root", .until = -60 }, "cert.expired" },
		{ { .id = "smallca", .ca = true, .issuer = "ca/root", .rsa_bits = 1024 }, "cert.key-too-small" },
	};
	AUTO(trust) t = trust_of("ca/root");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pki_odd leaf = { .id = "leaf", .email = "x@clinic.example", .issuer = rows[i].ca.id };
		AUTO(cert) ca = NULL;
		AUTO(cert) c = NULL;
		struct cert *extra[2];
		struct err err = ERR_NONE;

		pki_odd(&rows[i].ca);
		pki_odd(&leaf);
		ca = pki_cert(rows[i].ca.id);
		c = pki_cert("leaf");
		extra[0] = sub;
		extra[1] = ca;
		print_message("%s\n", rows[i].ca.id);
		if (trust_check(t, c, extra, 2, CERT_SIGN, PKI_NOW, &err) == ST_OK)
			err.code = "ok";
		assert_string_equal(err.code, rows[i].code);
	}
}

static void *
hammer(void *arg)
{
	struct trust *t = arg;

	for (int i = 0; i < 200; i++) {
		AUTO(cert) c = pki_cert(i % 2 == 0 ? "lee" : "gone");

		if (trust_check(t, c, &sub, 1, CERT_SIGN, PKI_NOW + i % 7, NULL) != ST_OK)
			return t;
	}
	return NULL;
}

static void
threads_share_certificates_and_verdicts(void **state)
{
	AUTO(trust) t = trust_of("ca/root");
	pthread_t id[4];

	(void)state;
	pki_path("x");
	for (size_t i = 0; i < ARRAY_LEN(id); i++)
		assert_int_equal(pthread_create(&id[i], NULL, hammer, t), 0);
	for (size_t i = 0; i < ARRAY_LEN(id); i++) {
		void *bad;

		pthread_join(id[i], &bad);
		assert_null(bad);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_certificate_says_is_read_once),
		cmocka_unit_test(names_that_could_be_read_in_two_ways_are_left_out),
		cmocka_unit_test(junk_is_not_a_certificate),
		cmocka_unit_test(trust_is_judged_at_the_instant_given),
		cmocka_unit_test(any_given_certificate_is_an_anchor),
		cmocka_unit_test(revocation_lists_count),
		cmocka_unit_test(authorities_are_held_to_their_own_limits),
		cmocka_unit_test(threads_share_certificates_and_verdicts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
