#include "crypto/ca.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"
#include "mail/address.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY 86400
#define ROOT_DAYS 3652
#define INTERMEDIATE_DAYS 1826
#define SERVER_DAYS 825 /* what TLS clients still accept */
#define BACKDATE 300	/* clocks differ a little */
#define FILE_MAX 65536

static void
x509_freep(X509 **x)
{
	X509_free(*x);
}
static void
pkey_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define AUTO_X509 __attribute__((cleanup(x509_freep))) X509 *
#define AUTO_PKEY __attribute__((cleanup(pkey_freep))) EVP_PKEY *

static char no_passphrase[] = ""; /* an encrypted key is refused, never asked about at a terminal */

#define SAY(err) err_set((err), ST_LOCAL, "ca.openssl", "OpenSSL cannot make a key or certificate")

static EVP_PKEY *
new_key(bool ec)
{
	return ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
}

/* RFC 5280 4.1.2.2: positive, unique, at most 20 bytes; ours are random and long enough never to meet. */
static bool
set_serial(X509 *x)
{
	uint8_t raw[16];
	BIGNUM *bn;
	bool ok;

	random_bytes(raw, sizeof raw);
	raw[0] = (uint8_t)((raw[0] & 0x3f) | 0x40);
	bn = BN_bin2bn(raw, sizeof raw, NULL);
	ok = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
	BN_free(bn);
	return ok;
}

static bool
add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

/* A host given as an address is an iPAddress (RFC 5280 4.2.1.6); everything else is text as it stands. */
static bool
push_name(GENERAL_NAMES *list, int type, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_OCTET_STRING *ip = type == GEN_DNS ? a2i_IPADDRESS(text) : NULL;
	ASN1_STRING *s = ip != NULL ? ip : ASN1_IA5STRING_new();
	bool ok = name != NULL && s != NULL && (ip != NULL || ASN1_STRING_set(s, text, (int)strlen(text)) == 1);

	if (ok)
		GENERAL_NAME_set0_value(name, ip != NULL ? GEN_IPADD : type, s);
	else
		ASN1_STRING_free(s);
	ok = ok && sk_GENERAL_NAME_push(list, name) > 0;
	if (!ok)
		GENERAL_NAME_free(name);
	return ok;
}

/* Names are given as data, never through OpenSSL's configuration syntax: a comma in one must stay a comma. */
static bool
add_san(X509 *x, int type, const char *const *names, size_t n)
{
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < n; i++)
		ok = push_name(list, type, names[i]);
	ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, list, 0, 0) == 1;
	sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
	return ok;
}

struct plan {
	const char *org, *name;
	int64_t from, until;
	const char *basic, *usage, *ext_usage; /* ext_usage NULL: none */
	int san_type;
	const char *const *san;
	size_t nsan;
};

/* issuer NULL: self-signed. */
static X509 *
make_cert(const struct plan *p, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	X509_NAME *name;
	bool ok = x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x);

	if (ok) {
		name = X509_get_subject_name(x);
		ok = X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)p->org, -1, -1, 0) ==
			 1 &&
		     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)p->name, -1, -1, 0) ==
			 1;
	}
	ok = ok && X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer : x)) == 1 &&
	     ASN1_TIME_set(X509_getm_notBefore(x), (time_t)p->from) != NULL &&
	     ASN1_TIME_set(X509_getm_notAfter(x), (time_t)p->until) != NULL && X509_set_pubkey(x, key) == 1 &&
	     add_ext(x, issuer != NULL ? issuer : x, NID_basic_constraints, p->basic) &&
	     add_ext(x, issuer != NULL ? issuer : x, NID_key_usage, p->usage) &&
	     (p->ext_usage == NULL || add_ext(x, issuer != NULL ? issuer : x, NID_ext_key_usage, p->ext_usage)) &&
	     add_ext(x, issuer != NULL ? issuer : x, NID_subject_key_identifier, "hash") &&
	     add_ext(x, issuer != NULL ? issuer : x, NID_authority_key_identifier, "keyid:always") &&
	     (p->nsan == 0 || add_san(x, p->san_type, p->san, p->nsan)) &&
	     X509_sign(x, issuer_key != NULL ? issuer_key : key, EVP_sha256()) > 0;
	ERR_clear_error();
	if (ok)
		return x;
	X509_free(x);
	return NULL;
}

static bool
pem_key(EVP_PKEY *key, struct buf *ret)
{
	BIO *out = BIO_new(BIO_s_secmem());
	char *p;
	long n;
	bool ok = out != NULL && PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1;

	if (ok && (n = BIO_get_mem_data(out, &p)) > 0)
		buf_append(ret, p, (size_t)n);
	BIO_free(out);
	return ok;
}

static bool
pem_cert(X509 *x, struct buf *ret)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p;
	long n;
	bool ok = out != NULL && PEM_write_bio_X509(out, x) == 1;

	if (ok && (n = BIO_get_mem_data(out, &p)) > 0)
		buf_append(ret, p, (size_t)n);
	BIO_free(out);
	return ok;
}

static enum status
write_pair(const char *dir, const char *id, EVP_PKEY *key, X509 *x, struct err *err)
{
	AUTO_STR key_name = xasprintf("%s/%s.key", dir, id);
	AUTO_STR crt_name = xasprintf("%s/%s.crt", dir, id);
	AUTO_BUF pem = BUF_INIT, crt = BUF_INIT;

	if (!pem_key(key, &pem) || !pem_cert(x, &crt))
		return SAY(err);
	TRY(file_write(key_name, pem.p, pem.n, 0600, true, err));
	return file_write(crt_name, crt.p, crt.n, 0644, true, err);
}

enum status
ca_init(const char *dir, const char *clinic, int64_t now, struct err *err)
{
	static const char *const files[] = { "root.crt", "root.key", "intermediate.crt", "intermediate.key" };
	AUTO_STR root_name = xasprintf("%s root", clinic);
	AUTO_STR sub_name = xasprintf("%s mail certificates", clinic);
	struct plan root = { clinic, root_name, now - BACKDATE, now + (int64_t)ROOT_DAYS * DAY,
		"critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign", NULL, 0, NULL, 0 };
	struct plan sub = { clinic, sub_name, now - BACKDATE, now + (int64_t)INTERMEDIATE_DAYS * DAY,
		"critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL, 0, NULL, 0 };
	AUTO_PKEY root_key = NULL;
	AUTO_PKEY sub_key = NULL;
	AUTO_X509 root_crt = NULL;
	AUTO_X509 sub_crt = NULL;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_STR path = path_join(dir, files[i]);

		if (access(path, F_OK) == 0)
			return err_set(err, ST_MSG_REFUSED, "ca.exists", "%s: exists already and is left alone", path);
	}
	TRY(dir_make(dir, 0700, err));
	root_key = EVP_RSA_gen(3072);
	sub_key = new_key(false);
	if (root_key == NULL || sub_key == NULL)
		return SAY(err);
	root_crt = make_cert(&root, root_key, NULL, NULL);
	if (root_crt == NULL)
		return SAY(err);
	sub_crt = make_cert(&sub, sub_key, root_crt, root_key);
	if (sub_crt == NULL)
		return SAY(err);
	TRY(write_pair(dir, "root", root_key, root_crt, err));
	return write_pair(dir, "intermediate", sub_key, sub_crt, err);
}

static enum status
read_cert(const char *dir, const char *name, X509 **ret, struct err *err)
{
	AUTO_STR path = path_join(dir, name);
	AUTO_BUF pem = BUF_INIT;
	BIO *in;

	TRY(file_read(path, FILE_MAX, &pem, err));
	in = BIO_new_mem_buf(buf_str(&pem), (int)pem.n);
	*ret = PEM_read_bio_X509(in, NULL, NULL, NULL);
	BIO_free(in);
	ERR_clear_error();
	return *ret != NULL ? ST_OK : err_set(err, ST_LOCAL, "ca.file", "%s: not a certificate in PEM", path);
}

static enum status
read_intermediate(const char *dir, X509 **ret_crt, EVP_PKEY **ret_key, struct err *err)
{
	AUTO_STR path = path_join(dir, "intermediate.key");
	AUTO_BUF pem = BUF_INIT;
	BIO *in;

	TRY(read_cert(dir, "intermediate.crt", ret_crt, err));
	TRY(file_read_secret(path, FILE_MAX, &pem, err));
	in = BIO_new_mem_buf(buf_str(&pem), (int)pem.n);
	*ret_key = PEM_read_bio_PrivateKey(in, NULL, NULL, no_passphrase);
	BIO_free(in);
	ERR_clear_error();
	return *ret_key != NULL ? ST_OK : err_set(err, ST_LOCAL, "ca.file", "%s: not a private key in PEM", path);
}

/* Never longer than the authority above: a leaf that outlives it would fail one day without a word. */
static int64_t
not_beyond(const X509 *issuer, int64_t until)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(issuer), &tm) == 1 && timegm(&tm) < until)
		return timegm(&tm);
	return until;
}

static const char *
organisation(X509 *issuer, char *buf, size_t n)
{
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(issuer), NID_organizationName, buf, (int)n) <= 0)
		snprintf(buf, n, "Portico");
	return buf;
}

static enum status
issue(const char *dir, struct plan *p, bool ec, struct buf *ret_key, struct buf *ret_chain, struct err *err)
{
	AUTO_X509 ca = NULL;
	AUTO_X509 leaf = NULL;
	AUTO_PKEY ca_key = NULL;
	AUTO_PKEY key = NULL;
	AUTO_BUF key_pem = BUF_INIT, chain_pem = BUF_INIT;
	char org[256];

	TRY(read_intermediate(dir, &ca, &ca_key, err));
	key = new_key(ec);
	p->org = organisation(ca, org, sizeof org);
	p->until = not_beyond(ca, p->until);
	leaf = key != NULL ? make_cert(p, key, ca, ca_key) : NULL;
	if (leaf == NULL || !pem_key(key, &key_pem) || !pem_cert(leaf, &chain_pem) || !pem_cert(ca, &chain_pem))
		return SAY(err);
	buf_append(ret_key, key_pem.p, key_pem.n);
	buf_append(ret_chain, chain_pem.p, chain_pem.n);
	return ST_OK;
}

enum status
ca_issue(const char *dir, const struct ca_subject *s, struct buf *ret_key, struct buf *ret_chain, struct err *err)
{
	struct plan p = { NULL, s->name, s->not_before, s->not_before + (int64_t)s->days * DAY, "critical,CA:FALSE",
		s->ec ? "critical,digitalSignature,keyAgreement" : "critical,digitalSignature,keyEncipherment",
		"emailProtection", GEN_EMAIL, &s->email, 1 };

	if (s->name == NULL || s->name[0] == '\0' || strlen(s->name) > 64)
		return err_set(err, ST_MSG_REFUSED, "ca.name", "a certificate's name has 1 to 64 characters");
	if (!addr_spec_valid(s->email))
		return err_set(err, ST_MSG_REFUSED, "ca.email", "not a plain mail address");
	return issue(dir, &p, s->ec, ret_key, ret_chain, err);
}

enum status
ca_issue_server(const char *dir, const char *const *names, size_t n, int64_t now, struct buf *ret_key,
    struct buf *ret_chain, struct err *err)
{
	struct plan p = { NULL, n > 0 ? names[0] : "", now - BACKDATE, now + (int64_t)SERVER_DAYS * DAY,
		"critical,CA:FALSE", "critical,digitalSignature,keyEncipherment", "serverAuth", GEN_DNS, names, n };

	if (n == 0 || strlen(names[0]) > 64)
		return err_set(
		    err, ST_MSG_REFUSED, "ca.name", "a server certificate needs a host name of at most 64 characters");
	return issue(dir, &p, false, ret_key, ret_chain, err);
}

static STACK_OF(X509) * rest_of_chain(BIO *in, X509 *root)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	X509 *x;

	while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
		sk_X509_push(list, x);
	if (X509_up_ref(root) == 1)
		sk_X509_push(list, root);
	ERR_clear_error();
	return list;
}

enum status
ca_pkcs12(const char *dir, struct slice key_pem, struct slice chain_pem, const char *friendly_name,
    const char *password, bool legacy, struct buf *ret, struct err *err)
{
	BIO *in_key = BIO_new_mem_buf(key_pem.p, (int)key_pem.n);
	BIO *in_crt = BIO_new_mem_buf(chain_pem.p, (int)chain_pem.n);
	AUTO_PKEY key = PEM_read_bio_PrivateKey(in_key, NULL, NULL, no_passphrase);
	AUTO_X509 leaf = PEM_read_bio_X509(in_crt, NULL, NULL, NULL);
	AUTO_X509 root = NULL;
	STACK_OF(X509) *rest = NULL;
	PKCS12 *p12 = NULL;
	unsigned char *der = NULL;
	int cipher = legacy ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc, n = 0;
	enum status st = read_cert(dir, "root.crt", &root, err);

	if (st == ST_OK && key != NULL && leaf != NULL) {
		rest = rest_of_chain(in_crt, root);
		/* mac_iter -1: no MAC yet; it is set below with the digest the reader knows. */
		p12 = PKCS12_create_ex(
		    password, friendly_name, key, leaf, rest, cipher, cipher, PKCS12_DEFAULT_ITER, -1, 0, NULL, NULL);
		if (p12 != NULL && PKCS12_set_mac(p12, password, -1, NULL, 0, PKCS12_DEFAULT_ITER,
				       legacy ? EVP_sha1() : EVP_sha256()) == 1)
			n = i2d_PKCS12(p12, &der);
	}
	if (n > 0)
		buf_append(ret, der, (size_t)n);
	else if (st == ST_OK)
		st = err_set(err, ST_LOCAL, "ca.pkcs12", "cannot make the PKCS#12 file");
	OPENSSL_clear_free(der, n > 0 ? (size_t)n : 0);
	PKCS12_free(p12);
	sk_X509_pop_free(rest, X509_free);
	BIO_free(in_key);
	BIO_free(in_crt);
	ERR_clear_error();
	return st;
}
