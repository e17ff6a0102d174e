#include "crypto/keys_serve.h"

#include "base/arena.h"
#include "base/own.h"
#include "crypto/keys_in.h"
#include "crypto/wire.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#define CONTENT_KEY_MAX 64
#define WORD_MAX 255

static enum status
bad_request(struct err *err)
{
	return err_set(err, ST_LOCAL, "keys.request", "a question that is none");
}

static void
put_cert(struct buf *b, const struct cert *c)
{
	unsigned char *der = NULL;
	int n = i2d_X509(c->x509, &der);

	wire_put_bytes(b, der, n > 0 ? (size_t)n : 0);
	OPENSSL_free(der);
}

static enum status
list(struct keys *k, struct buf *ret)
{
	wire_put_u32(ret, (uint32_t)k->n);
	for (size_t i = 0; i < k->n; i++) {
		wire_put_text(ret, k->key[i].id);
		wire_put_u8(ret, k->key[i].old);
		wire_put_u32(ret, (uint32_t)k->key[i].nchain);
		for (size_t j = 0; j < k->key[i].nchain; j++)
			put_cert(ret, k->key[i].chain[j]);
	}
	return ST_OK;
}

static enum status
sign(struct keys *k, struct wire_in *in, struct arena *a, struct buf *ret, struct err *err)
{
	const char *id = wire_word(in, WORD_MAX, a);
	AUTO_BUF sig = BUF_INIT;
	uint8_t digest[32];

	wire_copy(in, digest, sizeof digest);
	if (!wire_good(in))
		return bad_request(err);
	TRY(keys_sign(k, id, digest, &sig, err));
	wire_put_bytes(ret, sig.p, sig.n);
	return ST_OK;
}

/* A digest's name goes to OpenSSL, so only those that open.c may have found in a mail. */
static bool
digest_ok(const char *name)
{
	static const char *const known[] = { "SHA1", "SHA256", "SHA384", "SHA512", "SHA-1", "SHA2-256", "SHA2-384",
		"SHA2-512", NULL };

	for (size_t i = 0; name != NULL && known[i] != NULL; i++)
		if (strcasecmp(known[i], name) == 0)
			return true;
	return false;
}

static bool
wrap_ok(const struct key_wrap *w)
{
	switch (w->kind) {
	case WRAP_PKCS1:
		return true;
	case WRAP_OAEP:
		return digest_ok(w->md) && digest_ok(w->mgf_md);
	case WRAP_ECDH:
		return digest_ok(w->md) && (w->wrap_bits == 128 || w->wrap_bits == 192 || w->wrap_bits == 256);
	}
	return false;
}

static enum status
unwrap(struct keys *k, struct wire_in *in, struct arena *a, struct buf *ret, struct err *err)
{
	struct cert *const *own;
	size_t n = keys_recipients(k, &own), i;
	uint8_t key[CONTENT_KEY_MAX];
	const char *id = wire_word(in, WORD_MAX, a);
	struct key_wrap w = { .kind = (enum wrap_kind)wire_u8(in) };
	uint32_t size;
	enum status st;

	w.wrapped = wire_bytes(in);
	w.md = wire_text(in, a);
	w.mgf_md = wire_text(in, a);
	w.label = wire_bytes(in);
	w.point = wire_bytes(in);
	w.shared_info = wire_bytes(in);
	w.wrap_bits = (int)(wire_u32(in) & 0xffff);
	size = wire_u32(in);
	if (!wire_good(in) || size == 0 || size > sizeof key || !wrap_ok(&w))
		return bad_request(err);
	for (i = 0; i < n && strcmp(own[i]->sha256, id) != 0; i++)
		;
	if (i == n)
		return err_set(err, ST_LOCAL, "keys.unknown", "no private key for that certificate");
	st = keys_unwrap(k, own[i], &w, key, size, err);
	if (st == ST_OK)
		wire_put_bytes(ret, key, size);
	explicit_bzero(key, sizeof key);
	return st;
}

static enum status
symmetric(struct keys *k, uint8_t op, struct wire_in *in, struct arena *a, struct buf *ret, struct err *err)
{
	const char *purpose = op == KEYS_DERIVE ? wire_word(in, WORD_MAX, a) : "";
	uint8_t key[32];
	enum status st;

	if (!wire_good(in))
		return bad_request(err);
	st = op == KEYS_DERIVE ? keys_derive(k, purpose, key, err) : keys_site_key(k, key, err);
	if (st == ST_OK)
		wire_put_bytes(ret, key, sizeof key);
	explicit_bzero(key, sizeof key);
	return st;
}

static enum status
dispatch(struct keys *k, enum keys_peer peer, uint8_t op, struct wire_in *in, struct arena *a, struct buf *ret,
    struct err *err)
{
	if (op == KEYS_UNWRAP)
		return unwrap(k, in, a, ret, err);
	if (op == KEYS_LIST)
		return wire_good(in) ? list(k, ret) : bad_request(err);
	if (peer != KEYS_FOR_DAEMON)
		return bad_request(err);
	if (op == KEYS_SIGN)
		return sign(k, in, a, ret, err);
	if (op == KEYS_DERIVE || op == KEYS_SITE)
		return symmetric(k, op, in, a, ret, err);
	return bad_request(err);
}

enum status
keys_answer(struct keys *k, enum keys_peer peer, uint8_t op, struct slice request, struct buf *ret)
{
	AUTO(arena) a = arena_new();
	struct wire_in in = wire_in(request);
	struct err err = ERR_NONE;
	enum status st = dispatch(k, peer, op, &in, a, ret, &err);

	if (st == ST_OK)
		return ST_OK;
	buf_clear(ret);
	wire_put_text(ret, err.code);
	wire_put_text(ret, err.text);
	return st;
}
