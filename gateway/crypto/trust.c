#include "crypto/cert.h"

#include "base/file.h"
#include "base/hash.h"
#include "crypto/wire.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 5  /* intermediates between leaf and anchor */
#define MAX_EXTRA 16 /* certificates of a message that may help */
#define VERDICT_SLOTS 1024
#define GOOD_FOR 3600 /* seconds a yes is remembered, within the chain's validity */
#define BAD_FOR 60    /* a no: long enough against a flood, short enough for a repaired list */
#define CRL_MAX_BYTES (64 * 1024 * 1024)

enum verdict {
	V_OK,
	V_EXPIRED,
	V_NOT_YET,
	V_UNTRUSTED,
	V_REVOKED,
	V_UNKNOWN,
	V_KEY,
	V_USAGE,
	V_NO_EMAIL,
};

/* Known for instants from <= t < until. The key covers leaf, helpers, use and which lists were loaded. */
struct entry {
	uint8_t key[HASH_SIZE];
	int64_t from, until;
	enum verdict verdict;
};

struct trust {
	X509_STORE *store;
	struct cert **anchor;
	size_t nanchors;
	int64_t rsa_min_bits;
	bool crls, require_crl;
	unsigned generation;
	uint64_t serial;
	pthread_mutex_t lock; /* over entry */
	struct entry entry[VERDICT_SLOTS];
};

static enum status
refuse(struct err *err, enum verdict v)
{
	switch (v) {
	case V_OK:
		return ST_OK;
	case V_EXPIRED:
		return err_set(err, ST_MSG_REFUSED, "cert.expired", "the certificate or one above it has expired");
	case V_NOT_YET:
		return err_set(
		    err, ST_MSG_REFUSED, "cert.not-yet-valid", "the certificate or one above it is not valid yet");
	case V_UNTRUSTED:
		break;
	case V_REVOKED:
		return err_set(err, ST_MSG_REFUSED, "cert.revoked", "the certificate or one above it is revoked");
	case V_UNKNOWN:
		return err_set(err, ST_MSG_REFUSED, "cert.revocation-unknown",
		    "no current revocation list for the certificate or one above it");
	case V_KEY:
		return err_set(
		    err, ST_MSG_REFUSED, "cert.key-too-small", "a key is too small or of a kind not used here");
	case V_USAGE:
		return err_set(err, ST_MSG_REFUSED, "cert.usage",
		    "key usage or extended key usage does not allow this use for e-mail");
	case V_NO_EMAIL:
		return err_set(err, ST_MSG_REFUSED, "cert.no-email", "the certificate names no e-mail address");
	}
	return err_set(err, ST_MSG_REFUSED, "cert.untrusted", "no acceptable chain to a configured anchor");
}

void
trust_free(struct trust *t)
{
	if (t == NULL)
		return;
	X509_STORE_free(t->store);
	certs_free(t->anchor, t->nanchors);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* What was concluded from the old lists no longer counts, here or in a worker. */
static void
changed(struct trust *t)
{
	static atomic_uint_least64_t last;

	t->generation++;
	t->serial = atomic_fetch_add(&last, 1) + 1;
}

uint64_t
trust_serial(const struct trust *t)
{
	return t != NULL ? t->serial : 0;
}

void
trust_require_crl(struct trust *t, bool on)
{
	t->require_crl = on;
	changed(t);
}

struct cert *
trust_find(const struct trust *t, struct slice id, struct slice ski)
{
	for (size_t i = 0; t != NULL && i < t->nanchors; i++) {
		struct cert *c = t->anchor[i];

		if (id.n > 0 && c->issuer_serial.n == id.n && memcmp(c->issuer_serial.p, id.p, id.n) == 0)
			return c;
		if (ski.n > 0 && c->ski.n == ski.n && memcmp(c->ski.p, ski.p, ski.n) == 0)
			return c;
	}
	return NULL;
}

static unsigned
add_crls(struct trust *t, struct slice file)
{
	const unsigned char *p = (const unsigned char *)file.p;
	BIO *in = NULL;
	X509_CRL *crl;
	unsigned n = 0;

	if (file.n > 0 && p[0] == 0x30) {
		crl = d2i_X509_CRL(NULL, &p, (long)file.n);
		n += crl != NULL && X509_STORE_add_crl(t->store, crl) == 1;
		X509_CRL_free(crl);
	} else {
		in = BIO_new_mem_buf(file.p, (int)file.n);
		while ((crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL)) != NULL) {
			n += X509_STORE_add_crl(t->store, crl) == 1;
			X509_CRL_free(crl);
		}
		BIO_free(in);
	}
	ERR_clear_error();
	if (n > 0) {
		t->crls = true;
		changed(t);
	}
	return n;
}

enum status
trust_add_crl(struct trust *t, const char *path, struct err *err)
{
	AUTO_BUF file = BUF_INIT;

	TRY(file_read(path, CRL_MAX_BYTES, &file, err));
	if (add_crls(t, buf_slice(&file)) == 0)
		return err_set(err, ST_MSG_REFUSED, "cert.crl", "%s: holds no revocation list", path);
	return ST_OK;
}

static enum status
add_anchors(struct trust *t, const char *path, struct err *err)
{
	AUTO_BUF file = BUF_INIT;
	struct cert **list;
	size_t n;

	TRY(certs_from_file(path, &list, &n, err));
	t->anchor = xreallocarray(t->anchor, t->nanchors + n, sizeof *t->anchor);
	memcpy(t->anchor + t->nanchors, list, n * sizeof *list);
	for (size_t i = 0; i < n; i++)
		X509_STORE_add_cert(t->store, list[i]->x509);
	t->nanchors += n;
	free(list);
	TRY(file_read(path, CRL_MAX_BYTES, &file, err));
	if (strstr(buf_str(&file), "-----BEGIN X509 CRL") != NULL)
		add_crls(t, buf_slice(&file));
	ERR_clear_error();
	return ST_OK;
}

static struct trust *
trust_new(int64_t rsa_min_bits)
{
	struct trust *t = xcalloc(1, sizeof *t);

	pthread_mutex_init(&t->lock, NULL);
	t->store = X509_STORE_new();
	t->rsa_min_bits = rsa_min_bits;
	changed(t);
	return t;
}

enum status
trust_from_files(const char *const *path, size_t n, int64_t rsa_min_bits, struct trust **ret, struct err *err)
{
	AUTO(trust) t = trust_new(rsa_min_bits);

	if (t->store == NULL)
		return err_set(err, ST_LOCAL, "cert.openssl", "cannot make a certificate store");
	for (size_t i = 0; i < n; i++)
		TRY(add_anchors(t, path[i], err));
	*ret = TAKE(t);
	return ST_OK;
}

/* ---- for a worker ------------------------------------------------------------------------------------------------ */

static void
put_der(struct buf *b, unsigned char *der, int n)
{
	wire_put_bytes(b, der, n > 0 ? (size_t)n : 0);
	OPENSSL_free(der);
}

void
trust_export(const struct trust *t, struct buf *ret)
{
	STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(t->store);
	AUTO_BUF lists = BUF_INIT;
	uint32_t n = 0;

	wire_put_u8(ret, t->require_crl);
	wire_put_i64(ret, t->rsa_min_bits);
	wire_put_u32(ret, (uint32_t)t->nanchors);
	for (size_t i = 0; i < t->nanchors; i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(t->anchor[i]->x509, &der);

		put_der(ret, der, len);
	}
	for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
		X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(all, i));
		unsigned char *der = NULL;
		int len = crl != NULL ? i2d_X509_CRL(crl, &der) : 0;

		if (crl == NULL)
			continue;
		put_der(&lists, der, len);
		n++;
	}
	wire_put_u32(ret, n);
	buf_append(ret, lists.p, lists.n);
}

static enum status
import_anchor(struct trust *t, struct slice der, struct err *err)
{
	struct cert *c;

	TRY(cert_from_der(der, &c, err));
	t->anchor = xreallocarray(t->anchor, t->nanchors + 1, sizeof *t->anchor);
	t->anchor[t->nanchors++] = c;
	X509_STORE_add_cert(t->store, c->x509);
	ERR_clear_error();
	return ST_OK;
}

enum status
trust_import(struct slice s, struct trust **ret, struct err *err)
{
	struct wire_in in = wire_in(s);
	bool require = wire_bool(&in);
	AUTO(trust) t = trust_new(wire_i64(&in));
	uint32_t n = wire_u32(&in);

	if (t->store == NULL)
		return err_set(err, ST_LOCAL, "cert.openssl", "cannot make a certificate store");
	for (uint32_t i = 0; i < n && !in.bad; i++)
		TRY(import_anchor(t, wire_bytes(&in), err));
	n = wire_u32(&in);
	for (uint32_t i = 0; i < n && !in.bad; i++)
		add_crls(t, wire_bytes(&in));
	t->require_crl = require;
	if (!wire_good(&in))
		return err_set(err, ST_LOCAL, "cert.import", "anchors from another process cannot be read");
	*ret = TAKE(t);
	return ST_OK;
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

/* A missing or stale list is "unknown": fatal only when lists are required. What a list says always counts. */
static int
on_error(int ok, X509_STORE_CTX *ctx)
{
	const struct trust *t = X509_STORE_CTX_get_app_data(ctx);

	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		if (t->require_crl)
			return ok;
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	default:
		return ok;
	}
}

static enum verdict
verdict_of(int error)
{
	switch (error) {
	case X509_V_OK:
		return V_OK;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return V_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return V_NOT_YET;
	case X509_V_ERR_CERT_REVOKED:
		return V_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return V_UNKNOWN;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		return V_KEY;
	case X509_V_ERR_INVALID_PURPOSE:
		return V_USAGE;
	default:
		return V_UNTRUSTED;
	}
}

/* An authority whose own extended usage is narrowed to something else may not vouch for mail. */
static bool
chain_is_for_mail(STACK_OF(X509) * chain)
{
	for (int i = 1; i < sk_X509_num(chain); i++) {
		uint32_t ext = X509_get_extended_key_usage(sk_X509_value(chain, i));

		if (ext != UINT32_MAX && (ext & (XKU_SMIME | XKU_ANYEKU)) == 0)
			return false;
	}
	return true;
}

static int64_t
chain_until(STACK_OF(X509) * chain, int64_t until)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		struct tm tm;
		int64_t end;

		if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &tm) != 1)
			continue;
		end = timegm(&tm);
		if (end < until)
			until = end;
	}
	return until;
}

static enum verdict
check_chain(struct trust *t, struct cert *c, struct cert *const *extra, size_t nextra, int64_t at, int64_t *until)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *help = sk_X509_new_null();
	enum verdict v = V_UNTRUSTED;
	X509_VERIFY_PARAM *param;

	for (size_t i = 0; i < nextra && i < MAX_EXTRA; i++)
		if (extra[i] != c)
			sk_X509_push(help, extra[i]->x509);
	if (ctx != NULL && help != NULL && X509_STORE_CTX_init(ctx, t->store, c->x509, help) == 1) {
		param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
		if (t->crls || t->require_crl)
			X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
		X509_VERIFY_PARAM_set_depth(param, MAX_DEPTH);
		X509_VERIFY_PARAM_set_auth_level(param, 2);
		X509_VERIFY_PARAM_set_time(param, (time_t)at);
		X509_STORE_CTX_set_app_data(ctx, t);
		X509_STORE_CTX_set_verify_cb(ctx, on_error);
		if (X509_verify_cert(ctx) != 1) {
			v = verdict_of(X509_STORE_CTX_get_error(ctx));
			v = v == V_OK ? V_UNTRUSTED : v;
		} else {
			v = chain_is_for_mail(X509_STORE_CTX_get0_chain(ctx)) ? V_OK : V_USAGE;
			*until = chain_until(X509_STORE_CTX_get0_chain(ctx), *until);
		}
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_free(help);
	ERR_clear_error();
	return v;
}

static void
entry_key(const struct trust *t, const struct cert *c, struct cert *const *extra, size_t nextra, uint8_t ret[HASH_SIZE])
{
	AUTO_BUF b = BUF_INIT;

	buf_printf(&b, "%u %s", t->generation, c->sha256);
	for (size_t i = 0; i < nextra && i < MAX_EXTRA; i++)
		buf_puts(&b, extra[i]->sha256);
	sha256(b.p, b.n, ret);
}

static enum verdict
check_cached(struct trust *t, struct cert *c, struct cert *const *extra, size_t nextra, int64_t at)
{
	uint8_t key[HASH_SIZE];
	struct entry *slot, got;
	int64_t until;

	entry_key(t, c, extra, nextra, key);
	slot = &t->entry[((size_t)key[0] << 8 | key[1]) % VERDICT_SLOTS];
	pthread_mutex_lock(&t->lock);
	got = *slot;
	pthread_mutex_unlock(&t->lock);
	if (memcmp(got.key, key, sizeof key) == 0 && got.from <= at && at < got.until)
		return got.verdict;
	until = at + GOOD_FOR;
	memcpy(got.key, key, sizeof key);
	got.verdict = check_chain(t, c, extra, nextra, at, &until);
	got.from = at;
	got.until = got.verdict == V_OK ? until : at + BAD_FOR;
	pthread_mutex_lock(&t->lock);
	*slot = got;
	pthread_mutex_unlock(&t->lock);
	return got.verdict;
}

enum status
trust_check(struct trust *t, struct cert *c, struct cert *const *extra, size_t nextra, enum cert_use use, int64_t at,
    struct err *err)
{
	if ((!c->rsa && !c->ec) || (c->rsa && c->key_bits < t->rsa_min_bits))
		return refuse(err, V_KEY);
	if (at < c->not_before)
		return refuse(err, V_NOT_YET);
	if (at > c->not_after)
		return refuse(err, V_EXPIRED);
	if (use == CERT_SIGN ? !c->can_sign : !c->can_encrypt)
		return refuse(err, V_USAGE);
	if (c->nemails == 0)
		return refuse(err, V_NO_EMAIL);
	return refuse(err, check_cached(t, c, extra, nextra, at));
}
