#include "base/hash.h"
#include "store/impl.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM 1 /* first byte of everything sealed */
#define IV_SIZE 12
#define TAG_SIZE 16
#define HEAD_SIZE (1 + IV_SIZE)

static void
derive(const uint8_t *site_key, const char *use, uint8_t ret[KEY_SIZE])
{
	hmac_sha256(site_key, KEY_SIZE, use, strlen(use), ret);
}

void
site_keys_derive(const uint8_t *site_key, struct site_keys *ret)
{
	derive(site_key, "portico store 1 wrap", ret->wrap);
	derive(site_key, "portico store 1 person", ret->person);
	derive(site_key, "portico store 1 index", ret->index);
}

void
site_keys_wipe(struct site_keys *k)
{
	explicit_bzero(k, sizeof *k);
}

/* What a seal is bound to: "<ref>:<role>". Neither contains a colon of its own that could shift the border: ref is
 * Crockford base32 or one of our literals. */
static int
bound_to(const char *ref, const char *role, char *ret, size_t n)
{
	return snprintf(ret, n, "%s:%s", ref, role);
}

/* OpenSSL counts in int; a chunk is far below that and a multiple of the block. */
#define CHUNK (1 << 26)

static bool
crypt_all(EVP_CIPHER_CTX *ctx, struct slice in, char *out)
{
	int n = 0;

	for (size_t at = 0; at < in.n;) {
		size_t part = in.n - at < CHUNK ? in.n - at : CHUNK;

		if (EVP_CipherUpdate(ctx, (unsigned char *)out + at, &n, (const unsigned char *)in.p + at, (int)part) !=
		    1)
			return false;
		at += part;
	}
	return true;
}

void
blob_seal(const uint8_t key[KEY_SIZE], const char *ref, const char *role, struct slice clear, struct buf *ret)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t head[HEAD_SIZE] = { FORM };
	char aad[128];
	unsigned char *out, end[TAG_SIZE];
	int n = 0, naad = bound_to(ref, role, aad, sizeof aad);

	random_bytes(head + 1, IV_SIZE);
	buf_append(ret, head, sizeof head);
	buf_reserve(ret, clear.n + TAG_SIZE);
	out = (unsigned char *)ret->p + ret->n;
	/* Sealing our own memory can only fail for want of memory or a broken library; going on would store clear text.
	 */
	if (ctx == NULL || naad < 0 || (size_t)naad >= sizeof aad ||
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, head + 1) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)aad, naad) != 1 ||
	    !crypt_all(ctx, clear, (char *)out) || EVP_EncryptFinal_ex(ctx, end, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, out + clear.n) != 1)
		abort();
	ret->n += clear.n + TAG_SIZE;
	ret->p[ret->n] = '\0';
	EVP_CIPHER_CTX_free(ctx);
}

enum status
blob_open(const uint8_t key[KEY_SIZE], const char *ref, const char *role, struct slice sealed, struct buf *ret,
    struct err *err)
{
	AUTO_BUF clear = BUF_INIT;
	EVP_CIPHER_CTX *ctx = NULL;
	unsigned char end[TAG_SIZE], tag[TAG_SIZE];
	struct slice body;
	char aad[128];
	int n = 0, naad = bound_to(ref, role, aad, sizeof aad);
	bool good;

	if (sealed.n < HEAD_SIZE + TAG_SIZE || sealed.p[0] != FORM || naad < 0 || (size_t)naad >= sizeof aad)
		return err_set(err, ST_LOCAL, "store.seal", "what is kept under a seal has no known form: damage?");
	body = (struct slice){ sealed.p + HEAD_SIZE, sealed.n - HEAD_SIZE - TAG_SIZE };
	memcpy(tag, body.p + body.n, TAG_SIZE);
	buf_reserve(&clear, body.n);
	ctx = EVP_CIPHER_CTX_new();
	good = ctx != NULL &&
	       EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, (const unsigned char *)sealed.p + 1) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)aad, naad) == 1 &&
	       crypt_all(ctx, body, clear.p) && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
	       EVP_DecryptFinal_ex(ctx, end, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!good)
		return err_set(err, ST_LOCAL, "store.seal", "a seal does not open: damage, or another site key");
	clear.n = body.n;
	/* The clear copy is only handed on after its tag was checked. */
	if (ret->n == 0 && ret->cap == 0) {
		clear.p[clear.n] = '\0';
		*ret = clear;
		clear = BUF_INIT;
		return ST_OK;
	}
	buf_append(ret, clear.p, clear.n);
	return ST_OK;
}

enum status
need_keys(struct tx *tx, struct err *err)
{
	if (tx->keys == NULL)
		return err_set(
		    err, ST_LOCAL, "store.no-key", "this is sealed, and the store was opened without the site key");
	return ST_OK;
}

void
blob_key_new(struct tx *tx, const char *ref, uint8_t ret_key[KEY_SIZE], struct buf *ret_wrapped)
{
	random_bytes(ret_key, KEY_SIZE);
	blob_seal(tx->keys->wrap, ref, "key", (struct slice){ (const char *)ret_key, KEY_SIZE }, ret_wrapped);
}

enum status
blob_key_unwrap(struct tx *tx, const char *ref, struct slice wrapped, uint8_t ret_key[KEY_SIZE], struct err *err)
{
	AUTO_BUF key = BUF_INIT;

	TRY(need_keys(tx, err));
	TRY(blob_open(tx->keys->wrap, ref, "key", wrapped, &key, err));
	if (key.n != KEY_SIZE)
		return err_set(err, ST_LOCAL, "store.seal", "a data key has the wrong size: damage");
	memcpy(ret_key, key.p, KEY_SIZE);
	return ST_OK;
}

void
index_tag(struct tx *tx, const char *kind, const char *value, uint8_t ret[KEY_SIZE])
{
	AUTO_BUF b = BUF_INIT;

	buf_append(&b, kind, strlen(kind) + 1);
	buf_puts(&b, value);
	hmac_sha256(tx->keys->index, KEY_SIZE, b.p, b.n, ret);
}

const char *
blob_role_name(enum blob_role r)
{
	return r == BLOB_ORIGINAL ? "original" : "content";
}
