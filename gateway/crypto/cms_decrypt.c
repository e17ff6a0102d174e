#include "crypto/cms_alg.h"

#include "base/arena.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define TAG_BYTES 16

static bool
same(struct slice a, struct slice b)
{
	return a.n > 0 && a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The first RecipientInfo that names a certificate of ours, and that certificate. */
static const struct cms_recipient *
find_ours(const struct cms_enveloped *ed, struct keys *keys, struct cert **ret)
{
	struct cert *const *own;
	size_t n = keys != NULL ? keys_recipients(keys, &own) : 0;

	for (size_t i = 0; i < ed->nrecipients; i++) {
		const struct cms_recipient *r = &ed->recipient[i];

		for (size_t j = 0; j < n; j++) {
			if (!same(r->issuer_serial, own[j]->issuer_serial) && !same(r->ski, own[j]->ski))
				continue;
			*ret = own[j];
			return r;
		}
	}
	return NULL;
}

/* Plaintext goes to out and nowhere else; the caller wipes it on failure. */
static bool
run_cipher(const struct cms_enveloped *ed, const struct cms_cipher *c, const uint8_t *cek, uint8_t *out, size_t *ret)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, c->name, NULL);
	int n = 0, more = 0;
	bool ok = ctx != NULL && cipher != NULL && ed->content.n <= INT32_MAX &&
		  EVP_DecryptInit_ex2(ctx, cipher, cek, c->iv.p, NULL) == 1;

	if (ok && c->gcm)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, (void *)ed->mac.p) == 1;
	ok = ok && EVP_DecryptUpdate(ctx, out, &n, ed->content.p, (int)ed->content.n) == 1 &&
	     EVP_DecryptFinal_ex(ctx, out + n, &more) == 1;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	ERR_clear_error();
	*ret = (size_t)n + (size_t)more;
	return ok;
}

/* Everything a stranger can see without any key: algorithms, kinds, sizes. */
static enum reason
check_visible(const struct cms_enveloped *ed, struct cms_cipher *c)
{
	enum reason got;

	if (ed->foreign || ed->nrecipients == 0)
		return R_RECIPIENT_KIND;
	got = alg_cipher(ed->cipher_alg, c);
	if (got != R_NONE)
		return got;
	if (c->gcm != ed->auth || !der_equal(ed->content_type, OID_DATA) || ed->auth_attrs)
		return R_UNSUPPORTED;
	/* No tag of another length, and nothing authenticated that is empty. */
	if (ed->auth && (ed->mac.n != TAG_BYTES || ed->content.n == 0))
		return R_DECRYPT;
	if (!ed->auth && (ed->content.n == 0 || ed->content.n % 16 != 0))
		return R_DECRYPT;
	return R_NONE;
}

enum status
cms_decrypt(const struct cms_enveloped *ed, struct keys *keys, struct arena *a, enum reason *reason,
    const char **cipher, struct slice *ret, struct err *err)
{
	struct cms_cipher c = { 0 };
	struct key_wrap wrap = { 0 };
	const struct cms_recipient *r;
	struct cert *own = NULL;
	AUTO_BUF shared_info = BUF_INIT;
	uint8_t cek[32], *out;
	enum status st;
	size_t n = 0;
	bool ok;

	*reason = check_visible(ed, &c);
	*cipher = c.name;
	if (*reason != R_NONE)
		return ST_OK;
	*reason = R_DECRYPT;
	r = find_ours(ed, keys, &own);
	if (r == NULL)
		return ST_OK;
	*reason = alg_wrap(r, &wrap, &shared_info);
	if (*reason != R_NONE)
		return ST_OK;
	wrap.wrapped = r->wrapped;
	wrap.point = r->point;
	st = keys_unwrap(keys, own, &wrap, cek, c.key_bytes, err);
	if (st != ST_OK)
		return st;
	out = arena_alloc(a, ed->content.n + 32);
	ok = run_cipher(ed, &c, cek, out, &n);
	explicit_bzero(cek, sizeof cek);
	if (!ok) {
		explicit_bzero(out, ed->content.n + 32);
		*reason = R_DECRYPT;
		return ST_OK;
	}
	*reason = R_NONE;
	*ret = (struct slice){ (const char *)out, n };
	return ST_OK;
}
