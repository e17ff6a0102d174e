#include "crypto/cert.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "mail/address.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CERT_MAX_BYTES 65536
#define CERT_MAX_EMAILS 256
#define CERT_MAX_RSA 8192 /* a check with a larger key is an attack on our time */
#define FILE_MAX (16 * 1024 * 1024)

/* Four certificates to a set; the oldest of a set makes room. A flood of strange certificates costs time, not memory.
 */
#define CACHE_SETS 1024
#define CACHE_WAYS 4
static struct {
	pthread_mutex_t lock;
	struct cert *slot[CACHE_SETS][CACHE_WAYS];
	uint8_t next[CACHE_SETS];
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t
set_of(const uint8_t hash[HASH_SIZE])
{
	return ((size_t)hash[0] << 8 | hash[1]) % CACHE_SETS;
}

static struct cert *
cache_get(const uint8_t hash[HASH_SIZE], const char *hex)
{
	struct cert **set = cache.slot[set_of(hash)], *found = NULL;

	pthread_mutex_lock(&cache.lock);
	for (size_t i = 0; i < CACHE_WAYS && found == NULL; i++)
		if (set[i] != NULL && strcmp(set[i]->sha256, hex) == 0)
			found = cert_ref(set[i]);
	pthread_mutex_unlock(&cache.lock);
	return found;
}

static void
cache_put(const uint8_t hash[HASH_SIZE], struct cert *c)
{
	size_t at = set_of(hash);
	struct cert **set = cache.slot[at], *old = NULL;
	bool known = false;

	pthread_mutex_lock(&cache.lock);
	for (size_t i = 0; i < CACHE_WAYS; i++)
		known |= set[i] != NULL && strcmp(set[i]->sha256, c->sha256) == 0;
	if (!known) {
		size_t way = cache.next[at]++ % CACHE_WAYS;

		old = set[way];
		set[way] = cert_ref(c);
	}
	pthread_mutex_unlock(&cache.lock);
	cert_free(old);
}

struct cert *
cert_ref(struct cert *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void
cert_free(struct cert *c)
{
	if (c == NULL || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	X509_free(c->x509);
	for (size_t i = 0; i < c->nemails; i++)
		free((char *)c->emails[i]);
	free((void *)c->emails);
	free((char *)c->issuer_serial.p);
	free((char *)c->ski.p);
	free(c);
}

/* RFC 5280 4.2.1.6 says IA5String; what could be read in two ways (NUL, blank, control, 8-bit) is not an address. */
static bool
email_usable(const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int n = ASN1_STRING_length(s);

	if (n < 3 || n > 254)
		return false;
	for (int i = 0; i < n; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f)
			return false;
	return true;
}

static void
read_emails(struct cert *c)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->x509, NID_subject_alt_name, NULL, NULL);
	int n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
	const char **list = n > 0 ? xcalloc((size_t)n, sizeof *list) : NULL;

	for (int i = 0; i < n && c->nemails < CERT_MAX_EMAILS; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_EMAIL || !email_usable(name->d.rfc822Name))
			continue;
		list[c->nemails++] = xstrndup((const char *)ASN1_STRING_get0_data(name->d.rfc822Name),
		    (size_t)ASN1_STRING_length(name->d.rfc822Name));
	}
	c->emails = list;
	GENERAL_NAMES_free(names);
}

static bool
ec_curve_ok(EVP_PKEY *key)
{
	char group[32] = "";
	EVP_PKEY_CTX *ctx;
	bool ok;

	if (EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
		return false;
	if (strcmp(group, "prime256v1") != 0 && strcmp(group, "secp384r1") != 0)
		return false;
	/* Once here, so that no later use needs to ask whether the point is on the curve. */
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	ok = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static void
read_key(struct cert *c)
{
	EVP_PKEY *key = X509_get0_pubkey(c->x509);
	uint32_t usage = X509_get_key_usage(c->x509), ext = X509_get_extended_key_usage(c->x509);
	bool mail, pss;

	if (key == NULL)
		return;
	pss = EVP_PKEY_is_a(key, "RSA-PSS");
	c->key_bits = EVP_PKEY_get_bits(key);
	c->rsa = (pss || EVP_PKEY_is_a(key, "RSA")) && c->key_bits <= CERT_MAX_RSA;
	c->ec = EVP_PKEY_is_a(key, "EC") && ec_curve_ok(key);
	/* RFC 8550 4.4: an absent extension forbids nothing. OpenSSL gives UINT32_MAX then. */
	mail = ext == UINT32_MAX || (ext & (XKU_SMIME | XKU_ANYEKU)) != 0;
	c->can_sign = mail && (c->rsa || c->ec) && (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
	c->can_encrypt = mail && ((c->rsa && !pss && (usage & KU_KEY_ENCIPHERMENT) != 0) ||
				     (c->ec && (usage & KU_KEY_AGREEMENT) != 0));
}

/* IssuerAndSerialNumber ::= SEQUENCE { issuer Name, serialNumber INTEGER }, as the certificate encodes them. */
static bool
read_ids(struct cert *c)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(c->x509);
	PKCS7_ISSUER_AND_SERIAL id = { .issuer = X509_get_issuer_name(c->x509),
		.serial = X509_get_serialNumber(c->x509) };
	unsigned char *der = NULL;
	int n = i2d_PKCS7_ISSUER_AND_SERIAL(&id, &der);

	if (n <= 0)
		return false;
	c->issuer_serial.p = memcpy(xmalloc((size_t)n), der, (size_t)n);
	c->issuer_serial.n = (size_t)n;
	OPENSSL_free(der);
	if (ski != NULL && ASN1_STRING_length(ski) > 0) {
		c->ski.n = (size_t)ASN1_STRING_length(ski);
		c->ski.p = memcpy(xmalloc(c->ski.n), ASN1_STRING_get0_data(ski), c->ski.n);
	}
	return true;
}

static bool
read_time(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*ret = timegm(&tm);
	return true;
}

static bool
digest_is_weak(const X509 *x)
{
	int md = NID_undef;

	if (X509_get_signature_info((X509 *)x, &md, NULL, NULL, NULL) != 1)
		return false;
	return md == NID_sha1 || md == NID_md5 || md == NID_md4 || md == NID_md2 || md == NID_ripemd160;
}

enum status
cert_from_der(struct slice der, struct cert **ret, struct err *err)
{
	const unsigned char *p = (const unsigned char *)der.p;
	uint8_t hash[HASH_SIZE];
	char hex[HASH_HEX];
	AUTO(cert) c = NULL;

	if (der.n == 0 || der.n > CERT_MAX_BYTES)
		return err_set(err, ST_MSG_REFUSED, "cert.malformed", "a certificate of %zu bytes", der.n);
	sha256(der.p, der.n, hash);
	hex_encode(hash, sizeof hash, hex);
	c = cache_get(hash, hex);
	if (c != NULL) {
		*ret = TAKE(c);
		return ST_OK;
	}
	c = xcalloc(1, sizeof *c);
	c->refs = 1;
	memcpy(c->sha256, hex, sizeof c->sha256);
	c->x509 = d2i_X509(NULL, &p, (long)der.n);
	/* X509_check_purpose(-1) fills OpenSSL's own cache now, so that the object is only read from here on. */
	if (c->x509 == NULL || p != (const unsigned char *)der.p + der.n || X509_check_purpose(c->x509, -1, 0) != 1 ||
	    (X509_get_extension_flags(c->x509) & EXFLAG_INVALID) != 0 ||
	    !read_time(X509_get0_notBefore(c->x509), &c->not_before) ||
	    !read_time(X509_get0_notAfter(c->x509), &c->not_after) || !read_ids(c)) {
		ERR_clear_error();
		return err_set(err, ST_MSG_REFUSED, "cert.malformed", "not a well-formed X.509 certificate");
	}
	c->weak_digest = digest_is_weak(c->x509);
	read_emails(c);
	read_key(c);
	ERR_clear_error();
	cache_put(hash, c);
	*ret = TAKE(c);
	return ST_OK;
}

static enum status
add_cert(struct slice der, struct cert ***list, size_t *n, struct err *err)
{
	struct cert *c;

	TRY(cert_from_der(der, &c, err));
	*list = xreallocarray(*list, *n + 1, sizeof **list);
	(*list)[(*n)++] = c;
	return ST_OK;
}

static enum status
add_pem(struct slice pem, struct cert ***list, size_t *n, struct err *err)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len;
	enum status st = ST_OK;

	while (st == ST_OK && PEM_read_bio(in, &name, &header, &der, &len) == 1) {
		if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0)
			st = add_cert((struct slice){ (char *)der, (size_t)len }, list, n, err);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	ERR_clear_error();
	BIO_free(in);
	return st;
}

enum status
certs_from_file(const char *path, struct cert ***ret, size_t *nret, struct err *err)
{
	AUTO_BUF file = BUF_INIT;
	struct cert **list = NULL;
	size_t n = 0;
	enum status st;

	TRY(file_read(path, FILE_MAX, &file, err));
	if (file.n > 0 && (unsigned char)file.p[0] == 0x30)
		st = add_cert(buf_slice(&file), &list, &n, err);
	else
		st = add_pem(buf_slice(&file), &list, &n, err);
	if (st == ST_OK && n == 0)
		st = err_set(err, ST_MSG_REFUSED, "cert.none", "%s: holds no certificate", path);
	if (st != ST_OK) {
		certs_free(list, n);
		return st;
	}
	*ret = list;
	*nret = n;
	return ST_OK;
}

void
certs_free(struct cert **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cert_free(list[i]);
	free(list);
}

bool
cert_has_email(const struct cert *c, const char *addr_spec)
{
	for (size_t i = 0; i < c->nemails; i++)
		if (addr_spec_equal(c->emails[i], addr_spec))
			return true;
	return false;
}
