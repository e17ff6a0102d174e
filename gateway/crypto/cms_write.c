#include "crypto/cms.h"

#include "base/arena.h"
#include "base/hash.h"
#include "crypto/ec.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* SMIMECapabilities we can read, most wanted first: AES-256-CBC, AES-128-CBC, AES-256-GCM (RFC 8551 2.5.2). */
#define CAPABILITIES                                                                                                   \
	"\x30\x27"                                                                                                     \
	"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a"                                                         \
	"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x02"                                                         \
	"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e"

#define TAG_BYTES 16
#define NONCE_BYTES 12
#define CEK_BYTES 32

static void
put_uint(struct buf *b, uint8_t v)
{
	der_put(b, DER_INTEGER, (struct der){ &v, 1 });
}

/* AlgorithmIdentifier with no parameters, or with NULL for RSA's sake. */
static void
put_alg(struct buf *b, struct der oid, bool null)
{
	size_t at = b->n;

	der_put(b, DER_OID, oid);
	if (null)
		der_head(b, DER_NULL, 0);
	der_wrap(b, at, DER_SEQ);
}

/* ---- SignedData ---- */

static void
put_attr(struct buf *b, struct der oid, uint8_t tag, struct der value)
{
	size_t at = b->n, set;

	der_put(b, DER_OID, oid);
	set = b->n;
	if (tag != 0)
		der_put(b, tag, value);
	else
		der_raw(b, value);
	der_wrap(b, set, DER_SET);
	der_wrap(b, at, DER_SEQ);
}

static int
by_encoding(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

/* The content of signedAttrs, in DER's order of a SET OF. */
static void
put_attrs(struct buf *ret, const uint8_t digest[32], int64_t now)
{
	struct buf attr[4] = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	char when[32];
	struct tm tm;
	time_t t = (time_t)now;

	gmtime_r(&t, &tm);
	strftime(when, sizeof when, tm.tm_year < 150 ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &tm);
	put_attr(&attr[0], OID_CONTENT_TYPE, DER_OID, OID_DATA);
	put_attr(&attr[1], OID_SIGNING_TIME, tm.tm_year < 150 ? DER_UTCTIME : DER_GENTIME,
	    (struct der){ (const uint8_t *)when, strlen(when) });
	put_attr(&attr[2], OID_MESSAGE_DIGEST, DER_OCTETS, (struct der){ digest, 32 });
	put_attr(&attr[3], OID_CAPABILITIES, 0, DER_LIT(CAPABILITIES));
	qsort(attr, ARRAY_LEN(attr), sizeof *attr, by_encoding);
	for (size_t i = 0; i < ARRAY_LEN(attr); i++) {
		buf_append(ret, attr[i].p, attr[i].n);
		buf_free(&attr[i]);
	}
}

static enum status
put_cert(struct buf *b, const struct cert *c, struct err *err)
{
	int n = i2d_X509(c->x509, NULL);
	unsigned char *p;

	if (n <= 0)
		return err_set(err, ST_LOCAL, "cms.cert", "cannot encode a certificate of our own chain");
	buf_reserve(b, (size_t)n);
	p = (unsigned char *)b->p + b->n;
	i2d_X509(c->x509, &p);
	b->n += (size_t)n;
	b->p[b->n] = '\0';
	return ST_OK;
}

static enum status
put_signer(struct keys *keys, const char *id, const struct cert *leaf, const uint8_t digest[32], int64_t now,
    struct buf *b, struct err *err)
{
	AUTO_BUF attrs = BUF_INIT, sig = BUF_INIT;
	uint8_t hash[32];
	size_t at = b->n;

	put_attrs(&attrs, digest, now);
	/* What is signed is the SET OF; what is sent is the same bytes under [0] (RFC 5652 5.4). */
	der_wrap(&attrs, 0, DER_SET);
	sha256(attrs.p, attrs.n, hash);
	TRY(keys_sign(keys, id, hash, &sig, err));
	attrs.p[0] = (char)DER_CTX0;
	put_uint(b, 1);
	buf_append(b, leaf->issuer_serial.p, leaf->issuer_serial.n);
	put_alg(b, OID_SHA256, false);
	buf_append(b, attrs.p, attrs.n);
	if (leaf->ec)
		put_alg(b, OID_ECDSA_SHA256, false);
	else
		put_alg(b, OID_RSA, true);
	der_put(b, DER_OCTETS, (struct der){ (const uint8_t *)sig.p, sig.n });
	der_wrap(b, at, DER_SEQ);
	der_wrap(b, at, DER_SET);
	return ST_OK;
}

enum status
cms_sign(struct keys *keys, const char *id, const uint8_t digest[32], int64_t now, struct buf *ret, struct err *err)
{
	struct cert *const *chain;
	AUTO_BUF b = BUF_INIT;
	size_t n, at;

	TRY(keys_chain(keys, id, &chain, &n, err));
	put_uint(&b, 1);
	put_alg(&b, OID_SHA256, false);
	der_wrap(&b, 3, DER_SET);
	at = b.n;
	der_put(&b, DER_OID, OID_DATA);
	der_wrap(&b, at, DER_SEQ);
	at = b.n;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || (X509_get_extension_flags(chain[i]->x509) & EXFLAG_SS) == 0)
			TRY(put_cert(&b, chain[i], err));
	der_wrap(&b, at, DER_CTX0);
	TRY(put_signer(keys, id, chain[0], digest, now, &b, err));
	der_wrap(&b, 0, DER_SEQ);
	der_wrap(&b, 0, DER_CTX0);
	at = ret->n;
	der_put(ret, DER_OID, OID_SIGNED);
	buf_append(ret, b.p, b.n);
	der_wrap(ret, at, DER_SEQ);
	return ST_OK;
}

/* ---- EnvelopedData ---- */

static bool
rsa_wrap(const struct cert *to, bool oaep, const uint8_t *cek, uint8_t *out, size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, X509_get0_pubkey(to->x509), NULL);
	bool ok = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1;

	if (ok && oaep)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
		     EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
	else if (ok)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	ok = ok && EVP_PKEY_encrypt(ctx, out, n, cek, CEK_BYTES) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* RSAES-OAEP-params with SHA-256 for both digests (RFC 8017 A.2.1). */
static void
put_oaep(struct buf *b)
{
	size_t alg = b->n, params, at;

	der_put(b, DER_OID, OID_OAEP);
	params = b->n;
	at = b->n;
	put_alg(b, OID_SHA256, true);
	der_wrap(b, at, DER_CTX0);
	at = b->n;
	der_put(b, DER_OID, OID_MGF1);
	put_alg(b, OID_SHA256, true);
	der_wrap(b, at, DER_SEQ);
	der_wrap(b, at, DER_CTX0 + 1);
	der_wrap(b, params, DER_SEQ);
	der_wrap(b, alg, DER_SEQ);
}

/* KeyTransRecipientInfo (RFC 5652 6.2.1). */
static bool
put_ktri(const struct cert *to, bool oaep, const uint8_t *cek, struct buf *b)
{
	uint8_t out[1024];
	size_t n = sizeof out, at = b->n;

	if (!rsa_wrap(to, oaep, cek, out, &n))
		return false;
	put_uint(b, 0);
	buf_append(b, to->issuer_serial.p, to->issuer_serial.n);
	if (oaep)
		put_oaep(b);
	else
		put_alg(b, OID_RSA, true);
	der_put(b, DER_OCTETS, (struct der){ out, n });
	der_wrap(b, at, DER_SEQ);
	return true;
}

/* KeyAgreeRecipientInfo with an ephemeral key of ours (RFC 5753 3.1.1). */
static bool
put_kari(const struct cert *to, const uint8_t *cek, struct buf *b)
{
	bool p384 = to->key_bits > 256;
	AUTO_BUF point = BUF_INIT, wrapped = BUF_INIT;
	size_t all = b->n, at;

	if (!ec_wrap(X509_get0_pubkey(to->x509), p384 ? "SHA384" : "SHA256", cek, CEK_BYTES, &point, &wrapped))
		return false;
	put_uint(b, 3);
	at = b->n;
	put_alg(b, OID_EC_KEY, false);
	der_head(b, DER_BITS, point.n + 1);
	buf_putc(b, '\0'); /* no unused bits */
	buf_append(b, point.p, point.n);
	der_wrap(b, at, DER_CTX0 + 1);
	der_wrap(b, at, DER_CTX0);
	at = b->n;
	der_put(b, DER_OID, p384 ? OID_ECDH_SHA384 : OID_ECDH_SHA256);
	put_alg(b, OID_AES256_WRAP, false);
	der_wrap(b, at, DER_SEQ);
	at = b->n;
	buf_append(b, to->issuer_serial.p, to->issuer_serial.n);
	der_put(b, DER_OCTETS, (struct der){ (const uint8_t *)wrapped.p, wrapped.n });
	der_wrap(b, at, DER_SEQ);
	der_wrap(b, at, DER_SEQ);
	der_wrap(b, all, DER_CTX0 + 1);
	return true;
}

/* Encrypts the pieces straight to the end of ret, which has room. */
static bool
run_cipher(bool gcm, const uint8_t *cek, const uint8_t *iv, const struct slice *piece, size_t n, size_t total,
    struct buf *ret, uint8_t tag[TAG_BYTES])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *out = (unsigned char *)ret->p + ret->n;
	bool ok =
	    ctx != NULL && EVP_EncryptInit_ex2(ctx, gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc(), cek, iv, NULL) == 1;
	size_t done = 0;
	int got = 0;

	for (size_t i = 0; ok && i < n; i++) {
		ok = piece[i].n <= INT32_MAX &&
		     EVP_EncryptUpdate(ctx, out + done, &got, (const unsigned char *)piece[i].p, (int)piece[i].n) == 1;
		done += (size_t)got;
	}
	ok = ok && EVP_EncryptFinal_ex(ctx, out + done, &got) == 1;
	done += (size_t)got;
	ok = ok && done == total;
	if (ok && gcm)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (ok) {
		ret->n += total;
		ret->p[ret->n] = '\0';
	}
	return ok;
}

static void
put_cipher(struct buf *b, bool gcm, const uint8_t *iv)
{
	size_t at = b->n, params;

	der_put(b, DER_OID, gcm ? OID_AES256_GCM : OID_AES256_CBC);
	if (!gcm) {
		der_put(b, DER_OCTETS, (struct der){ iv, 16 });
	} else {
		params = b->n;
		der_put(b, DER_OCTETS, (struct der){ iv, NONCE_BYTES });
		put_uint(b, TAG_BYTES);
		der_wrap(b, params, DER_SEQ);
	}
	der_wrap(b, at, DER_SEQ);
}

enum status
cms_encrypt(
    const struct cert *to, bool gcm, bool oaep, const struct slice *piece, size_t n, struct buf *ret, struct err *err)
{
	uint8_t cek[CEK_BYTES], iv[16], tag[TAG_BYTES];
	AUTO_BUF rid = BUF_INIT, head = BUF_INIT;
	size_t plain = 0, total, eci, body;
	bool ok;

	for (size_t i = 0; i < n; i++)
		plain += piece[i].n;
	total = gcm ? plain : plain + 16 - plain % 16;
	random_bytes(cek, sizeof cek);
	random_bytes(iv, sizeof iv);
	ok = to->ec ? put_kari(to, cek, &rid) : to->rsa && put_ktri(to, oaep, cek, &rid);
	if (ok) {
		der_wrap(&rid, 0, DER_SET);
		der_put(&head, DER_OID, OID_DATA);
		put_cipher(&head, gcm, iv);
		/* All lengths are known before the first byte is encrypted, so the ciphertext is written once, in
		 * place. */
		eci = head.n + der_size(total);
		body = 3 + rid.n + der_size(eci) + (gcm ? der_size(TAG_BYTES) : 0);
		buf_reserve(ret, body + 64);
		der_head(ret, DER_SEQ, (gcm ? 13 : 11) + der_size(der_size(body)));
		der_put(ret, DER_OID, gcm ? OID_AUTH_ENVELOPED : OID_ENVELOPED);
		der_head(ret, DER_CTX0, der_size(body));
		der_head(ret, DER_SEQ, body);
		put_uint(ret, !gcm && to->ec ? 2 : 0);
		buf_append(ret, rid.p, rid.n);
		der_head(ret, DER_SEQ, eci);
		buf_append(ret, head.p, head.n);
		der_head(ret, DER_PRIM0, total);
		ok = run_cipher(gcm, cek, iv, piece, n, total, ret, tag);
		if (ok && gcm)
			der_put(ret, DER_OCTETS, (struct der){ tag, sizeof tag });
	}
	explicit_bzero(cek, sizeof cek);
	ERR_clear_error();
	return ok ? ST_OK : err_set(err, ST_LOCAL, "cms.encrypt", "OpenSSL cannot encrypt for this certificate");
}
