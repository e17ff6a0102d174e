#include "pki.h"

#include "base/file.h"
#include "base/own.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[64];
static int owner;

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		struct err e_ = ERR_NONE;                                                                              \
		enum status s_ = (call);                                                                               \
		if (s_ != ST_OK) {                                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #call);                                     \
			abort();                                                                                       \
		}                                                                                                      \
		(void)e_;                                                                                              \
	} while (0)

static void
clean(void)
{
	char cmd[256];

	if (owner != getpid() || getenv("PKI_KEEP") != NULL)
		return;
	/* gpg's agent lives in here too */
	snprintf(cmd, sizeof cmd, "gpgconf --homedir %s/gpg --kill all >/dev/null 2>&1; rm -rf %s", dir, dir);
	if (system(cmd) != 0)
		fprintf(stderr, "cannot remove %s\n", dir);
}

int64_t
pki_now(void)
{
	static int64_t now;

	if (now == 0)
		now = time(NULL);
	return now;
}

const char *
pki_dir(void)
{
	if (dir[0] != '\0')
		return dir;
	strcpy(dir, "/tmp/portico-pki.XXXXXX");
	if (mkdtemp(dir) == NULL)
		abort();
	owner = getpid();
	atexit(clean);
	OK(ca_init(pki_path("ca"), "Test clinic", PKI_NOW - 100 * PKI_DAY, NULL));
	OK(keys_init(dir, NULL));
	return dir;
}

const char *
pki_path(const char *fmt, ...)
{
	static _Thread_local char ring[8][256];
	static _Thread_local unsigned at;
	char *p = ring[at++ % 8], name[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	snprintf(p, sizeof ring[0], "%s/%s", dir[0] != '\0' ? dir : pki_dir(), name);
	return p;
}

void
pki_write(const char *name, struct slice s)
{
	OK(file_write(pki_path("%s", name), s.p, s.n, 0600, false, NULL));
}

void
pki_read(const char *name, struct buf *ret)
{
	OK(file_read(pki_path("%s", name), 256 << 20, ret, NULL));
}

void
pki_person(const char *id, const char *email, bool ec)
{
	struct ca_subject s = { id, email, ec, PKI_NOW - 10 * PKI_DAY, 365 };
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT;
	char name[80];

	OK(ca_issue(pki_path("ca"), &s, &key, &chain, NULL));
	snprintf(name, sizeof name, "%s.key", id);
	pki_write(name, buf_slice(&key));
	snprintf(name, sizeof name, "%s.crt", id);
	pki_write(name, buf_slice(&chain));
}

static X509 *
load_cert(const char *path)
{
	FILE *f = fopen(path, "r");
	X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (x == NULL)
		abort();
	fclose(f);
	return x;
}

static EVP_PKEY *
load_key(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *k = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (k == NULL)
		abort();
	fclose(f);
	return k;
}

static void
add_text(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	if (value == NULL || value[0] == '\0')
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (ext == NULL || X509_add_ext(x, ext, -1) != 1)
		abort();
	X509_EXTENSION_free(ext);
}

static void
push_name(GENERAL_NAMES *list, int type, const char *p, size_t n)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	ASN1_STRING_set(s, p, (int)n);
	GENERAL_NAME_set0_value(name, type, s);
	sk_GENERAL_NAME_push(list, name);
}

static void
add_names(X509 *x, const struct pki_odd *o)
{
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();

	for (int i = 0; i < o->more_n; i++) {
		char text[128];

		snprintf(text, sizeof text, "%s%d@clinic.example", o->more_email, i);
		push_name(list, GEN_EMAIL, text, strlen(text));
	}
	if (o->email != NULL)
		push_name(
		    list, o->dns_only ? GEN_DNS : GEN_EMAIL, o->email, o->email_n > 0 ? o->email_n : strlen(o->email));
	if (sk_GENERAL_NAME_num(list) > 0)
		X509_add1_ext_i2d(x, NID_subject_alt_name, list, 0, 0);
	GENERAL_NAMES_free(list);
}

static EVP_PKEY *
odd_key(const struct pki_odd *o)
{
	if (o->ed25519)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (o->curve != NULL)
		return EVP_EC_gen(o->curve);
	return EVP_RSA_gen((unsigned)(o->rsa_bits > 0 ? o->rsa_bits : 2048));
}

void
pki_odd(const struct pki_odd *o)
{
	const char *by = o->issuer != NULL ? o->issuer : "ca/intermediate";
	X509 *x = X509_new(), *ca = o->self_signed ? x : load_cert((pki_dir(), pki_path("%s.crt", by)));
	EVP_PKEY *key = odd_key(o), *ca_key = o->self_signed ? key : load_key(pki_path("%s.key", by));
	int64_t from = PKI_NOW + (o->from != 0 ? o->from : -10 * PKI_DAY);
	int64_t until = PKI_NOW + (o->until != 0 ? o->until : 300 * PKI_DAY);
	uint64_t serial = o->serial;
	FILE *f;

	if (serial == 0)
		serial = (uint64_t)random() << 24 ^ (uint64_t)random();
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)o->id, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(ca));
	ASN1_TIME_set(X509_getm_notBefore(x), from);
	ASN1_TIME_set(X509_getm_notAfter(x), until);
	X509_set_pubkey(x, key);
	add_text(x, ca, NID_basic_constraints, o->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_text(x, ca, NID_key_usage,
	    o->usage != NULL ? o->usage
	    : o->ca	     ? "critical,keyCertSign,cRLSign"
	    : o->curve	     ? "critical,digitalSignature,keyAgreement"
			     : "critical,digitalSignature,keyEncipherment");
	add_text(x, ca, NID_ext_key_usage, o->ext_usage != NULL ? o->ext_usage : o->ca ? "" : "emailProtection");
	add_text(x, ca, NID_name_constraints, o->constraints);
	add_text(x, ca, NID_subject_key_identifier, "hash");
	add_names(x, o);
	if (X509_sign(x, ca_key,
		o->ed25519 && o->self_signed ? NULL : EVP_get_digestbyname(o->md != NULL ? o->md : "SHA256")) <= 0)
		abort();
	f = fopen(pki_path("%s.key", o->id), "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fchmod(fileno(f), 0600);
	fclose(f);
	f = fopen(pki_path("%s.crt", o->id), "w");
	PEM_write_X509(f, x);
	if (!o->self_signed)
		PEM_write_X509(f, ca);
	fclose(f);
	if (!o->self_signed) {
		X509_free(ca);
		EVP_PKEY_free(ca_key);
	}
	X509_free(x);
	EVP_PKEY_free(key);
}

void
pki_revoke(const char *id, const char *name, int64_t from, int64_t until)
{
	X509 *ca = load_cert(pki_path("ca/intermediate.crt")), *x = load_cert(pki_path("%s.crt", id));
	EVP_PKEY *key = load_key(pki_path("ca/intermediate.key"));
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, PKI_NOW + from);
	FILE *f;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
	X509_CRL_set1_lastUpdate(crl, t);
	X509_REVOKED_set_revocationDate(r, t);
	X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(x));
	ASN1_TIME_set(t, PKI_NOW + until);
	X509_CRL_set1_nextUpdate(crl, t);
	X509_CRL_add0_revoked(crl, r);
	X509_CRL_sort(crl);
	X509_CRL_sign(crl, key, EVP_sha256());
	f = fopen(pki_path("%s.crl", name), "w");
	PEM_write_X509_CRL(f, crl);
	fclose(f);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
	X509_free(x);
	X509_free(ca);
	EVP_PKEY_free(key);
}

struct keys *
pki_keys(void)
{
	struct keys *k = NULL;

	OK(keys_load(pki_dir(), &k, NULL));
	return k;
}

struct trust *
pki_trust(void)
{
	const char *path = pki_path("ca/root.crt");
	struct trust *t = NULL;

	OK(trust_from_files(&path, 1, 2048, &t, NULL));
	return t;
}

struct cert *
pki_cert(const char *id)
{
	struct cert **list = NULL, *c;
	size_t n = 0;

	OK(certs_from_file(pki_path("%s.crt", id), &list, &n, NULL));
	c = cert_ref(list[0]);
	certs_free(list, n);
	return c;
}

int
pki_run(const char *fmt, ...)
{
	char line[2048], cmd[2400];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	snprintf(cmd, sizeof cmd, "cd %s && { %s ; } >>log 2>&1 </dev/null", pki_dir(), line);
	rc = system(cmd);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}
