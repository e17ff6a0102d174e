#include "portal/fhir_auth.h"

#include "base/file.h"
#include "base/hash.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 65536
#define VALID_S 240 /* at most five minutes are allowed: a little for clocks */
#define P384 48

struct fhir_key {
	EVP_PKEY *pkey;
	char *kid;
	bool ec;
};

void
base64url_put(const void *p, size_t n, struct buf *ret)
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t w = (uint32_t)b[i] << 16;

		if (i + 1 < n)
			w |= (uint32_t)b[i + 1] << 8;
		if (i + 2 < n)
			w |= b[i + 2];
		buf_putc(ret, abc[w >> 18]);
		buf_putc(ret, abc[w >> 12 & 63]);
		if (i + 1 < n)
			buf_putc(ret, abc[w >> 6 & 63]);
		if (i + 2 < n)
			buf_putc(ret, abc[w & 63]);
	}
}

void
fhir_key_free(struct fhir_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k->kid);
	free(k);
}

/* A public number of the key; size 0: as short as it is. */
static char *
number(const EVP_PKEY *pkey, const char *name, int size)
{
	BIGNUM *bn = NULL;
	AUTO_BUF text = BUF_INIT;
	uint8_t bytes[2048 + 8];
	int n = -1;

	if (EVP_PKEY_get_bn_param(pkey, name, &bn) == 1) {
		if (size == 0)
			size = BN_num_bytes(bn);
		n = size <= (int)sizeof bytes ? BN_bn2binpad(bn, bytes, size) : -1;
	}
	BN_free(bn);
	if (n < 0)
		return xstrdup("");
	base64url_put(bytes, (size_t)n, &text);
	return buf_take(&text);
}

static json_t *
public_members(const struct fhir_key *k)
{
	AUTO_STR a = number(k->pkey, k->ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_E, k->ec ? P384 : 0);
	AUTO_STR b = number(k->pkey, k->ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_N, k->ec ? P384 : 0);

	if (k->ec)
		return json_pack("{s:s, s:s, s:s, s:s}", "crv", "P-384", "kty", "EC", "x", a, "y", b);
	return json_pack("{s:s, s:s, s:s}", "e", a, "kty", "RSA", "n", b);
}

/* RFC 7638 3: the required members only, sorted, without blanks. */
static char *
thumbprint(const struct fhir_key *k)
{
	json_t *members = public_members(k);
	char *text = json_dumps(members, JSON_COMPACT | JSON_SORT_KEYS);
	uint8_t digest[HASH_SIZE];
	AUTO_BUF b = BUF_INIT;

	sha256(text, strlen(text), digest);
	base64url_put(digest, sizeof digest, &b);
	free(text);
	json_decref(members);
	return buf_take(&b);
}

json_t *
fhir_key_jwk(const struct fhir_key *k)
{
	json_t *jwk = public_members(k);

	json_object_set_new(jwk, "kid", json_string(k->kid));
	json_object_set_new(jwk, "alg", json_string(k->ec ? "ES384" : "RS384"));
	json_object_set_new(jwk, "use", json_string("sig"));
	json_object_set_new(jwk, "key_ops", json_pack("[s]", "verify"));
	return jwk;
}

static bool
usable(const struct fhir_key *k, int alg)
{
	char curve[32] = "";
	size_t n;

	if (!k->ec)
		return EVP_PKEY_is_a(k->pkey, "RSA") && EVP_PKEY_get_bits(k->pkey) >= 2048 &&
		       EVP_PKEY_get_bits(k->pkey) <= 16384 && alg != FHIR_ALG_ES384;
	EVP_PKEY_get_utf8_string_param(k->pkey, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, &n);
	return strcmp(curve, "secp384r1") == 0 && alg != FHIR_ALG_RS384;
}

enum status
fhir_key_parse(struct slice pem, const char *kid, int alg, struct fhir_key **ret, struct err *err)
{
	AUTO(fhir_key) k = xcalloc(1, sizeof *k);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);

	k->pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
	BIO_free(bio);
	if (k->pkey == NULL)
		return err_set(err, ST_LOCAL, "fhir.key", "key_file is no private key in PEM without a password");
	k->ec = EVP_PKEY_is_a(k->pkey, "EC");
	if (!usable(k, alg))
		return err_set(err, ST_LOCAL, "fhir.key",
		    "key_file does not fit: RS384 wants RSA of 2048 bits and more, ES384 a key on P-384");
	k->kid = kid != NULL ? xstrdup(kid) : thumbprint(k);
	*ret = TAKE(k);
	return ST_OK;
}

enum status
fhir_key_read(const char *path, const char *kid, int alg, struct fhir_key **ret, struct err *err)
{
	AUTO_BUF pem = BUF_INIT;

	TRY(file_read_secret(path, KEY_FILE_MAX, &pem, err));
	return fhir_key_parse(buf_slice(&pem), kid, alg, ret, err);
}

/* RFC 7518 3.4: r and s as 48 bytes each. OpenSSL gives DER. */
static bool
raw_signature(const uint8_t *der, size_t n, uint8_t ret[2 * P384])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, P384) == P384 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + P384, P384) == P384;

	ECDSA_SIG_free(sig);
	return ok;
}

static bool
sign(const struct fhir_key *k, struct slice what, struct buf *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[2048], raw[2 * P384];
	size_t n = sizeof sig;
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, k->pkey) == 1 &&
		  EVP_DigestSign(ctx, sig, &n, (const uint8_t *)what.p, what.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!ok || (k->ec && !raw_signature(sig, n, raw)))
		return false;
	base64url_put(k->ec ? raw : sig, k->ec ? sizeof raw : n, ret);
	return true;
}

static void
put_json(json_t *part, struct buf *ret)
{
	char *text = json_dumps(part, JSON_COMPACT);

	base64url_put(text, strlen(text), ret);
	free(text);
	json_decref(part);
}

enum status
fhir_assertion(const struct fhir_key *k, const char *client_id, const char *token_url, int64_t now, const char *jti,
    struct buf *ret, struct err *err)
{
	AUTO_BUF jwt = BUF_INIT;
	AUTO_BUF signature = BUF_INIT;

	put_json(json_pack("{s:s, s:s, s:s}", "alg", k->ec ? "ES384" : "RS384", "typ", "JWT", "kid", k->kid), &jwt);
	buf_putc(&jwt, '.');
	put_json(json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "iss", client_id, "sub", client_id, "aud", token_url,
		     "iat", (json_int_t)now, "exp", (json_int_t)(now + VALID_S), "jti", jti),
	    &jwt);
	if (!sign(k, buf_slice(&jwt), &signature))
		return err_set(err, ST_LOCAL, "fhir.sign", "the assertion could not be signed");
	buf_printf(ret, "%s.%s", buf_str(&jwt), buf_str(&signature));
	return ST_OK;
}
