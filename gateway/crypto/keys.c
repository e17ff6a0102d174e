#include "crypto/keys_in.h"

#include "base/file.h"
#include "base/hash.h"
#include "crypto/ec.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES 65536
#define SITE_KEY "site.key"

static void
key_clear(struct key *k)
{
	free(k->id);
	EVP_PKEY_free(k->pkey); /* OpenSSL clears private numbers when it frees them */
	certs_free(k->chain, k->nchain);
}

void
keys_free(struct keys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		key_clear(&k->key[i]);
	free(k->key);
	free(k->recipient);
	free(k->socket);
	explicit_bzero(k, sizeof *k);
	free(k);
}

/* Never ask at a terminal for a pass phrase: an encrypted key file is a mistake we report. */
static int
no_passphrase(char *buf, int size, int rw, void *arg)
{
	(void)buf, (void)size, (void)rw, (void)arg;
	return -1;
}

static enum status
parse_key(const char *path, struct slice pem, EVP_PKEY **ret, struct err *err)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);

	*ret = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
	BIO_free(in);
	ERR_clear_error();
	if (*ret == NULL)
		return err_set(err, ST_LOCAL, "keys.parse", "%s: not an unencrypted private key in PEM", path);
	return ST_OK;
}

void
keys_add(struct keys *k, struct key *one)
{
	k->key = xreallocarray(k->key, k->n + 1, sizeof *k->key);
	k->recipient = xreallocarray(k->recipient, k->n + 1, sizeof(struct cert *));
	k->key[k->n] = *one;
	k->recipient[k->n++] = one->chain[0];
}

/* Takes pem's words, not its memory. A key that is not the certificate's would fail at the worst moment: refuse now. */
static enum status
add_key(struct keys *k, const char *id, const char *key_path, struct slice pem, const char *crt_path, bool old,
    struct err *err)
{
	struct key one = { .old = old };
	enum status st = parse_key(key_path, pem, &one.pkey, err);

	if (st == ST_OK)
		st = certs_from_file(crt_path, &one.chain, &one.nchain, err);
	if (st == ST_OK && X509_check_private_key(one.chain[0]->x509, one.pkey) != 1)
		st = err_set(err, ST_LOCAL, "keys.mismatch", "%s: not the key of the first certificate in %s", key_path,
		    crt_path);
	ERR_clear_error();
	if (st != ST_OK) {
		key_clear(&one);
		return st;
	}
	one.id = xstrdup(id);
	keys_add(k, &one);
	return ST_OK;
}

static enum status
load_site(struct keys *k, const char *dir, struct err *err)
{
	AUTO_STR path = path_join(dir, SITE_KEY);
	AUTO_BUF text = BUF_INIT;

	TRY(file_read_secret(path, 1024, &text, err));
	while (text.n > 0 && strchr("\r\n ", text.p[text.n - 1]) != NULL)
		text.p[--text.n] = '\0';
	if (!hex_decode(buf_str(&text), k->site, sizeof k->site))
		return err_set(err, ST_LOCAL, "keys.site", "%s: must hold 64 hexadecimal digits", path);
	k->has_site = true;
	return ST_OK;
}

static enum status
load_one(struct keys *k, const char *dir, const char *name, struct err *err)
{
	AUTO_STR id = xstrndup(name, strlen(name) - strlen(".key"));
	AUTO_STR crt_name = xasprintf("%s.crt", id);
	AUTO_STR key_path = path_join(dir, name);
	AUTO_STR crt_path = path_join(dir, crt_name);
	AUTO_BUF pem = BUF_INIT;

	TRY(file_read_secret(key_path, KEY_MAX_BYTES, &pem, err));
	return add_key(k, id, key_path, buf_slice(&pem), crt_path, strstr(id, ".old-") != NULL, err);
}

static bool
is_key_name(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".key") == 0 && name[0] != '.' && strcmp(name, SITE_KEY) != 0;
}

enum status
keys_load(const char *dir, struct keys **ret, struct err *err)
{
	AUTO(keys) k = xcalloc(1, sizeof *k);
	DIR *d = opendir(dir);
	enum status st = ST_OK;
	struct dirent *e;

	if (d == NULL)
		return err_set(err, ST_LOCAL, "keys.dir", "%s: cannot open the directory of keys", dir);
	while (st == ST_OK && (e = readdir(d)) != NULL)
		if (is_key_name(e->d_name))
			st = load_one(k, dir, e->d_name, err);
	closedir(d);
	TRY(st);
	TRY(load_site(k, dir, err));
	*ret = TAKE(k);
	return ST_OK;
}

enum status
keys_from_files(const char *const *key_path, const char *const *cert_path, size_t n, struct keys **ret, struct err *err)
{
	AUTO(keys) k = xcalloc(1, sizeof *k);

	for (size_t i = 0; i < n; i++) {
		AUTO_BUF pem = BUF_INIT;

		TRY(file_read(key_path[i], KEY_MAX_BYTES, &pem, err));
		TRY(add_key(k, key_path[i], key_path[i], buf_slice(&pem), cert_path[i], true, err));
	}
	*ret = TAKE(k);
	return ST_OK;
}

enum status
keys_init(const char *dir, struct err *err)
{
	AUTO_STR path = path_join(dir, SITE_KEY);
	uint8_t site[32];
	char hex[2 * sizeof site + 2];
	enum status st;

	TRY(dir_make(dir, 0700, err));
	random_bytes(site, sizeof site);
	hex_encode(site, sizeof site, hex);
	hex[2 * sizeof site] = '\n';
	st = file_write(path, hex, 2 * sizeof site + 1, 0600, true, err);
	explicit_bzero(site, sizeof site);
	explicit_bzero(hex, sizeof hex);
	return st == ST_MSG_REFUSED ? ST_OK : st; /* there is one already */
}

static struct key *
find_id(struct keys *k, const char *id)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->key[i].id, id) == 0)
			return &k->key[i];
	return NULL;
}

enum status
keys_chain(struct keys *k, const char *id, struct cert *const **ret, size_t *nret, struct err *err)
{
	struct key *key = find_id(k, id);

	if (key == NULL || key->old)
		return err_set(err, ST_LOCAL, "keys.unknown", "no signing key of that id in the directory of keys");
	*ret = key->chain;
	*nret = key->nchain;
	return ST_OK;
}

size_t
keys_recipients(struct keys *k, struct cert *const **ret)
{
	*ret = k->recipient;
	return k->n;
}

enum status
keys_sign(struct keys *k, const char *id, const uint8_t digest[32], struct buf *ret, struct err *err)
{
	struct key *key = find_id(k, id);
	EVP_PKEY_CTX *ctx;
	uint8_t sig[2048];
	size_t n = sizeof sig;
	bool ok;

	if (key == NULL || key->old)
		return err_set(err, ST_LOCAL, "keys.unknown", "no signing key of that id in the directory of keys");
	if (k->ask != NULL)
		return remote_sign(k, id, digest, ret, err);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1;
	if (ok && EVP_PKEY_is_a(key->pkey, "RSA"))
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	ok =
	    ok && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 && EVP_PKEY_sign(ctx, sig, &n, digest, 32) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return err_set(err, ST_LOCAL, "keys.sign", "the private key cannot sign");
	buf_append(ret, sig, n);
	return ST_OK;
}

static bool
unwrap_rsa(EVP_PKEY *pkey, const struct key_wrap *w, uint8_t *ret, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	uint8_t out[1024];
	size_t nout = sizeof out;
	bool ok = ctx != NULL && EVP_PKEY_get_size(pkey) <= (int)sizeof out && EVP_PKEY_decrypt_init(ctx) == 1;

	if (ok && w->kind == WRAP_OAEP) {
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, w->md, NULL) == 1 &&
		     EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, w->mgf_md, NULL) == 1;
		if (ok && w->label.n > 0) {
			void *label = OPENSSL_memdup(w->label.p, w->label.n); /* taken by OpenSSL on success */

			ok = label != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)w->label.n) == 1;
			if (!ok)
				OPENSSL_free(label);
		}
	} else if (ok) {
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	}
	ok = ok && EVP_PKEY_decrypt(ctx, out, &nout, (const unsigned char *)w->wrapped.p, w->wrapped.n) == 1 &&
	     nout == n;
	if (ok)
		memcpy(ret, out, n);
	explicit_bzero(out, sizeof out);
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

enum status
keys_unwrap(struct keys *k, const struct cert *c, const struct key_wrap *w, uint8_t *ret, size_t n, struct err *err)
{
	uint8_t got[64] = { 0 };
	bool ok = false;
	size_t i;

	for (i = 0; i < k->n && strcmp(k->recipient[i]->sha256, c->sha256) != 0; i++)
		;
	if (i == k->n)
		return err_set(err, ST_LOCAL, "keys.unknown", "no private key for that certificate");
	if (n > sizeof got)
		return err_set(err, ST_LOCAL, "keys.size", "a content key of %zu bytes", n);
	if (k->ask != NULL)
		return remote_unwrap(k, c, w, ret, n, err);
	random_bytes(ret, n);
	if (w->kind == WRAP_ECDH)
		ok = c->ec && ec_unwrap(k->key[i].pkey, w, got, n);
	else
		ok = c->rsa && unwrap_rsa(k->key[i].pkey, w, got, n);
	/* No branch between the right key and the random one. */
	for (size_t j = 0; j < n; j++) {
		uint8_t mask = (uint8_t) - (int)ok;

		ret[j] = (uint8_t)((got[j] & mask) | (ret[j] & (uint8_t)~mask));
	}
	explicit_bzero(got, sizeof got);
	ERR_clear_error();
	return ST_OK;
}

enum status
keys_site_key(struct keys *k, uint8_t ret[32], struct err *err)
{
	if (k->ask != NULL)
		return remote_site_key(k, ret, err);
	if (!k->has_site)
		return err_set(err, ST_LOCAL, "keys.site", "there is no site key");
	memcpy(ret, k->site, 32);
	return ST_OK;
}

/* HKDF-Expand (RFC 5869 2.3) for one block: the site key is uniformly random, so nothing needs extracting. */
enum status
keys_derive(struct keys *k, const char *purpose, uint8_t ret[32], struct err *err)
{
	AUTO_BUF info = BUF_INIT;

	if (k->ask != NULL)
		return remote_derive(k, purpose, ret, err);
	if (!k->has_site)
		return err_set(err, ST_LOCAL, "keys.site", "there is no site key");
	buf_printf(&info, "portico %s%c", purpose, 1);
	hmac_sha256(k->site, sizeof k->site, info.p, info.n, ret);
	return ST_OK;
}
