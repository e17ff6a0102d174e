#include "crypto/ec.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

/* AlgorithmIdentifier of id-aes256-wrap, no parameters (RFC 3565 2.3.2). */
#define AES256_WRAP "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d"
#define MAX_Z 66

void
ec_shared_info(struct der wrap_alg, int wrap_bits, struct slice ukm, struct buf *ret)
{
	uint8_t bits[4] = { 0, 0, (uint8_t)(wrap_bits >> 8), (uint8_t)wrap_bits };
	size_t all = ret->n, at;

	der_raw(ret, wrap_alg);
	if (ukm.n > 0) {
		at = ret->n;
		der_put(ret, DER_OCTETS, (struct der){ (const uint8_t *)ukm.p, ukm.n });
		der_wrap(ret, at, DER_CTX0);
	}
	at = ret->n;
	der_put(ret, DER_OCTETS, (struct der){ bits, sizeof bits });
	der_wrap(ret, at, DER_CTX0 + 2);
	der_wrap(ret, all, DER_SEQ);
}

/* ANSI X9.63, SEC 1 3.6.1: hash(Z | counter | SharedInfo), as often as needed. */
static bool
kdf(const char *md_name, const uint8_t *z, size_t nz, struct slice info, uint8_t *ret, size_t n)
{
	EVP_MD *md = EVP_MD_fetch(NULL, md_name, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t block[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool ok = md != NULL && ctx != NULL;

	for (uint32_t i = 1; ok && n > 0; i++) {
		uint8_t counter[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		size_t part;

		ok = EVP_DigestInit_ex2(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, z, nz) == 1 &&
		     EVP_DigestUpdate(ctx, counter, 4) == 1 && EVP_DigestUpdate(ctx, info.p, info.n) == 1 &&
		     EVP_DigestFinal_ex(ctx, block, &len) == 1;
		part = len < n ? len : n;
		if (ok)
			memcpy(ret, block, part);
		ret += part, n -= part;
	}
	explicit_bzero(block, sizeof block);
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return ok;
}

static bool
agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t z[MAX_Z], size_t *nz)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	bool ok;

	*nz = MAX_Z;
	/* Both points are known to be on the curve: checked when decoded. */
	ok = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1 &&
	     EVP_PKEY_derive(ctx, z, nz) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* AES key wrap (RFC 3394). Returns the bytes written, 0 on failure. */
static size_t
aes_wrap(bool wrap, int bits, const uint8_t *kek, struct slice in, uint8_t *out)
{
	EVP_CIPHER *c = EVP_CIPHER_fetch(NULL,
	    bits == 128	  ? "AES-128-WRAP"
	    : bits == 192 ? "AES-192-WRAP"
			  : "AES-256-WRAP",
	    NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, more = 0;
	bool ok;

	if (ctx != NULL)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	ok = c != NULL && ctx != NULL && EVP_CipherInit_ex2(ctx, c, kek, NULL, wrap, NULL) == 1 &&
	     EVP_CipherUpdate(ctx, out, &n, (const unsigned char *)in.p, (int)in.n) == 1 &&
	     EVP_CipherFinal_ex(ctx, out + n, &more) == 1;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	return ok ? (size_t)(n + more) : 0;
}

bool
ec_wrap(
    EVP_PKEY *recipient, const char *md, const uint8_t *cek, size_t n, struct buf *ret_point, struct buf *ret_wrapped)
{
	char group[32] = "";
	EVP_PKEY *own = NULL;
	AUTO_BUF info = BUF_INIT;
	uint8_t z[MAX_Z], kek[32], out[64 + 8], *point = NULL;
	size_t nz = 0, got = 0, npoint = 0;

	if (n > 64 || EVP_PKEY_get_group_name(recipient, group, sizeof group, NULL) != 1)
		return false;
	own = EVP_EC_gen(group);
	ec_shared_info(DER_LIT(AES256_WRAP), 256, (struct slice){ "", 0 }, &info);
	if (own != NULL)
		npoint = EVP_PKEY_get1_encoded_public_key(own, &point);
	if (npoint > 0 && agree(own, recipient, z, &nz) && kdf(md, z, nz, buf_slice(&info), kek, sizeof kek))
		got = aes_wrap(true, 256, kek, (struct slice){ (const char *)cek, n }, out);
	if (got > 0) {
		buf_append(ret_point, point, npoint);
		buf_append(ret_wrapped, out, got);
	}
	explicit_bzero(z, sizeof z);
	explicit_bzero(kek, sizeof kek);
	OPENSSL_free(point);
	EVP_PKEY_free(own);
	return got > 0;
}

bool
ec_unwrap(EVP_PKEY *own, const struct key_wrap *w, uint8_t *ret, size_t n)
{
	EVP_PKEY *peer = EVP_PKEY_new();
	uint8_t z[MAX_Z], kek[32], out[64 + 8];
	size_t nz = 0, got = 0;
	bool ok;

	/* RFC 3394: the wrapped key is 8 bytes longer than the key. Decoding the point puts it on the curve or fails.
	 */
	ok = n <= 64 && w->wrapped.n == n + 8 && peer != NULL && EVP_PKEY_copy_parameters(peer, own) == 1 &&
	     EVP_PKEY_set1_encoded_public_key(peer, (const unsigned char *)w->point.p, w->point.n) == 1 &&
	     agree(own, peer, z, &nz) && kdf(w->md, z, nz, w->shared_info, kek, (size_t)w->wrap_bits / 8);
	if (ok)
		got = aes_wrap(false, w->wrap_bits, kek, w->wrapped, out);
	ok = got == n;
	if (ok)
		memcpy(ret, out, n);
	explicit_bzero(z, sizeof z);
	explicit_bzero(kek, sizeof kek);
	explicit_bzero(out, sizeof out);
	EVP_PKEY_free(peer);
	return ok;
}
