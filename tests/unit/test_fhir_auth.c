/* Assertions for a token: what OpenSSL verifies, what RFC 7638 says a thumbprint is, and keys that do not fit. */
#include "portal/fhir_auth.h"

#include "crypto/base64.h"

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
pem_of(EVP_PKEY *k, struct buf *ret)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(b, &p);
	buf_append(ret, p, (size_t)n);
	BIO_free(b);
}

static size_t
from_base64url(const char *s, size_t n, uint8_t *out)
{
	AUTO_BUF plain = BUF_INIT;
	size_t got = 0;

	for (size_t i = 0; i < n; i++)
		buf_putc(&plain, s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i]);
	while (plain.n % 4 != 0)
		buf_putc(&plain, '=');
	assert_true(base64_read(buf_slice(&plain), out, &got));
	return got;
}

/* RFC 7518 3.4: 96 bytes r||s; back to DER for OpenSSL. */
static bool
verifies(EVP_PKEY *k, const char *jwt, bool ec)
{
	const char *dot = strrchr(jwt, '.');
	uint8_t sig[2048], *der = NULL;
	size_t n = from_base64url(dot + 1, strlen(dot + 1), sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	if (ec) {
		ECDSA_SIG *s = ECDSA_SIG_new();

		assert_int_equal(n, 96);
		ECDSA_SIG_set0(s, BN_bin2bn(sig, 48, NULL), BN_bin2bn(sig + 48, 48, NULL));
		n = (size_t)i2d_ECDSA_SIG(s, &der);
		ECDSA_SIG_free(s);
	}
	ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, k) == 1 &&
	     EVP_DigestVerify(ctx, der != NULL ? der : sig, n, (const uint8_t *)jwt, (size_t)(dot - jwt)) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static json_t *
part(const char *jwt, int which)
{
	const char *p = which == 0 ? jwt : strchr(jwt, '.') + 1;
	uint8_t out[4096];
	size_t n = from_base64url(p, strcspn(p, "."), out);

	return json_loadb((const char *)out, n, 0, NULL);
}

static void
check_assertion(EVP_PKEY *pkey, const char *alg)
{
	AUTO_BUF pem = BUF_INIT;
	AUTO(fhir_key) k = NULL;
	json_t *head, *claims, *jwk;

	pem_of(pkey, &pem);
	assert_int_equal(fhir_key_parse(buf_slice(&pem), NULL, FHIR_ALG_AUTO, &k, NULL), ST_OK);
	jwk = fhir_key_jwk(k);
	for (int i = 0; i < 40; i++) { /* r and s are shorter than 48 bytes now and then */
		AUTO_BUF jwt = BUF_INIT;

		assert_int_equal(
		    fhir_assertion(k, "portico", "https://x.example/token", 1000, "abc", &jwt, NULL), ST_OK);
		assert_true(verifies(pkey, buf_str(&jwt), strcmp(alg, "ES384") == 0));
		if (i > 0)
			continue;
		head = part(buf_str(&jwt), 0);
		claims = part(buf_str(&jwt), 1);
		assert_string_equal(json_string_value(json_object_get(head, "alg")), alg);
		assert_string_equal(
		    json_string_value(json_object_get(head, "kid")), json_string_value(json_object_get(jwk, "kid")));
		assert_string_equal(json_string_value(json_object_get(claims, "iss")), "portico");
		assert_string_equal(json_string_value(json_object_get(claims, "sub")), "portico");
		assert_string_equal(json_string_value(json_object_get(claims, "aud")), "https://x.example/token");
		assert_in_range(json_integer_value(json_object_get(claims, "exp")), 1001, 1300);
		json_decref(head);
		json_decref(claims);
	}
	assert_null(json_object_get(jwk, "d"));
	json_decref(jwk);
}

static void
es384_is_raw_r_and_s(void **state)
{
	EVP_PKEY *k = EVP_EC_gen("P-384");

	(void)state;
	check_assertion(k, "ES384");
	EVP_PKEY_free(k);
}

static void
rs384_verifies(void **state)
{
	EVP_PKEY *k = EVP_RSA_gen(2048);

	(void)state;
	check_assertion(k, "RS384");
	EVP_PKEY_free(k);
}

static void
keys_that_do_not_fit_are_refused(void **state)
{
	EVP_PKEY *k[] = { EVP_EC_gen("P-256"), EVP_RSA_gen(1024), EVP_EC_gen("P-384"), EVP_RSA_gen(2048) };
	static const int alg[] = { FHIR_ALG_AUTO, FHIR_ALG_AUTO, FHIR_ALG_RS384, FHIR_ALG_ES384 };
	AUTO(fhir_key) got = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(k); i++) {
		AUTO_BUF pem = BUF_INIT;

		pem_of(k[i], &pem);
		assert_int_equal(fhir_key_parse(buf_slice(&pem), NULL, alg[i], &got, NULL), ST_LOCAL);
		EVP_PKEY_free(k[i]);
	}
	assert_int_equal(fhir_key_parse(SLICE("junk"), NULL, FHIR_ALG_AUTO, &got, NULL), ST_LOCAL);
	assert_null(got);
}

static void
base64url_has_no_padding(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "\xfb\xff", "-_8" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF b = BUF_INIT;

		base64url_put(rows[i].in, strlen(rows[i].in), &b);
		assert_string_equal(buf_str(&b), rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(es384_is_raw_r_and_s),
		cmocka_unit_test(rs384_verifies),
		cmocka_unit_test(keys_that_do_not_fit_are_refused),
		cmocka_unit_test(base64url_has_no_padding),
	};

	return cmocka_run_group_tests_name("fhir_auth", tests, NULL, NULL);
}
