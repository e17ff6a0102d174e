#include "crypto/cms_alg.h"

#include "base/arena.h"
#include "base/hash.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#define MAX_ATTRS 64

/* What the signed attributes say (RFC 5652 11; RFC 8551 2.5). */
struct attrs {
	struct der content_type, digest, signing_cert;
	int64_t signing_time;
};

/* Exactly one value. */
static bool
one_value(struct der set, uint8_t *tag, struct der *ret)
{
	return der_any(&set, tag, ret, NULL) && set.n == 0;
}

static bool
take_attr(struct der oid, struct der values, struct attrs *ret)
{
	struct der v;
	uint8_t tag;

	if (der_equal(oid, OID_CONTENT_TYPE))
		return one_value(values, &tag, &ret->content_type) && tag == DER_OID;
	if (der_equal(oid, OID_MESSAGE_DIGEST))
		return one_value(values, &tag, &ret->digest) && tag == DER_OCTETS;
	if (der_equal(oid, OID_SIGNING_TIME))
		return one_value(values, &tag, &v) && der_time(tag, v, &ret->signing_time);
	if (der_equal(oid, OID_SIGNING_CERT_V2))
		return one_value(values, &tag, &ret->signing_cert) && tag == DER_SEQ;
	return true;
}

/* An attribute that comes twice could be read in two ways: refuse, whichever it is. */
static bool
read_attrs(struct der in, struct attrs *ret)
{
	struct der seen[MAX_ATTRS];
	size_t n = 0;

	while (in.n > 0) {
		struct der attr, oid, values;

		if (n == MAX_ATTRS || !der_next(&in, DER_SEQ, &attr) || !der_next(&attr, DER_OID, &oid) ||
		    !der_next(&attr, DER_SET, &values) || attr.n != 0)
			return false;
		for (size_t i = 0; i < n; i++)
			if (der_equal(seen[i], oid))
				return false;
		seen[n++] = oid;
		if (!take_attr(oid, values, ret))
			return false;
	}
	return ret->content_type.n > 0 && ret->digest.n > 0;
}

/* ESSCertIDv2 (RFC 5035): when a signer says which certificate was meant, it is that one. Only SHA-256 is looked at. */
static bool
names_cert(struct der signing_cert, const struct cert *c)
{
	struct der certs, first, hash;
	char hex[HASH_HEX];

	if (!der_next(&signing_cert, DER_SEQ, &certs) || !der_next(&certs, DER_SEQ, &first))
		return false;
	if (der_is(&first, DER_SEQ))
		return true; /* another digest is named */
	if (!der_next(&first, DER_OCTETS, &hash) || hash.n != HASH_SIZE)
		return false;
	hex_encode(hash.p, hash.n, hex);
	return strcmp(hex, c->sha256) == 0;
}

static bool
digest_of(const struct cms_digest *d, const void *head, size_t nhead, struct slice s, uint8_t *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_MD *md = EVP_MD_fetch(NULL, d->md, NULL);
	unsigned n = 0;
	bool ok = ctx != NULL && md != NULL && EVP_DigestInit_ex2(ctx, md, NULL) == 1 &&
		  EVP_DigestUpdate(ctx, head, nhead) == 1 && EVP_DigestUpdate(ctx, s.p, s.n) == 1 &&
		  EVP_DigestFinal_ex(ctx, ret, &n) == 1 && n == d->size;

	EVP_MD_free(md);
	EVP_MD_CTX_free(ctx);
	return ok;
}

static bool
set_pss(EVP_PKEY_CTX *ctx, const struct cms_sig *sig)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, sig->mgf_md, NULL) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, sig->salt) == 1;
}

static bool
check_signature(
    const struct cert *c, const struct cms_sig *sig, const struct cms_digest *d, const uint8_t *hash, struct der value)
{
	EVP_PKEY_CTX *ctx;
	bool ok;

	if (sig->kind == SIG_ECDSA ? !c->ec : !c->rsa)
		return false;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, X509_get0_pubkey(c->x509), NULL);
	ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1;
	if (ok && sig->kind == SIG_PKCS1)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	if (ok)
		ok = EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(d->md)) == 1;
	if (ok && sig->kind == SIG_PSS)
		ok = set_pss(ctx, sig);
	ok = ok && EVP_PKEY_verify(ctx, value.p, value.n, hash, d->size) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

static bool
is_named(const struct cert *c, const struct cms_signer *s)
{
	if (s->issuer_serial.n > 0)
		return c->issuer_serial.n == s->issuer_serial.n &&
		       memcmp(c->issuer_serial.p, s->issuer_serial.p, s->issuer_serial.n) == 0;
	return c->ski.n == s->ski.n && c->ski.n > 0 && memcmp(c->ski.p, s->ski.p, c->ski.n) == 0;
}

/* The signer's certificate, and all others as help for the chain. One that cannot be read helps nobody. */
static void
find_certs(const struct cms_signed *sd, const struct trust *trust, struct cms_verdict *v)
{
	const struct cms_signer *s = &sd->signer[0];
	struct cert *c;

	for (size_t i = 0; i < sd->ncerts; i++) {
		if (cert_from_der((struct slice){ (const char *)sd->cert[i].p, sd->cert[i].n }, &c, NULL) != ST_OK)
			continue;
		if (v->signer == NULL && is_named(c, s))
			v->signer = c;
		else
			v->extra[v->nextra++] = c;
	}
	if (v->signer != NULL)
		return;
	c = trust_find(trust, s->issuer_serial, s->ski);
	if (c != NULL)
		v->signer = cert_ref(c);
}

static enum reason
verify(const struct cms_signed *sd, struct slice content, const struct trust *trust, struct cms_verdict *v)
{
	const struct cms_signer *s = &sd->signer[0];
	struct attrs attrs = { 0 };
	struct cms_digest digest = { NULL, NULL, 0 };
	struct cms_sig sig = { 0 };
	uint8_t hash[EVP_MAX_MD_SIZE], head[8];
	AUTO_BUF set = BUF_INIT;
	enum reason got;

	if (sd->nsigners == 0)
		return R_NO_SIGNER;
	if (sd->nsigners > 1)
		return R_SIGNER_COUNT;
	if (!der_equal(sd->content_type, OID_DATA))
		return R_UNSUPPORTED;
	got = alg_digest(s->digest_alg, false, &digest);
	v->digest = digest.name;
	if (got == R_NONE)
		got = alg_signature(s->sig_alg, &digest, &sig);
	if (got != R_NONE)
		return got;
	/* Without signed attributes a signature over attributes could be replayed as one over content: not taken. */
	if (!read_attrs(s->attrs, &attrs) || !der_equal(attrs.content_type, sd->content_type))
		return R_SIG_ATTRIBUTES;
	v->signing_time = attrs.signing_time;
	find_certs(sd, trust, v);
	if (v->signer == NULL)
		return R_SIGNER_CERT;
	if (!v->signer->rsa && !v->signer->ec)
		return R_UNSUPPORTED_ALG;
	if (attrs.signing_cert.n > 0 && !names_cert(attrs.signing_cert, v->signer))
		return R_SIG_ATTRIBUTES;
	if (!digest_of(&digest, "", 0, content, hash) ||
	    !bytes_equal(attrs.digest.p, hash, attrs.digest.n == digest.size ? digest.size : 0) ||
	    attrs.digest.n != digest.size)
		return R_SIG_INVALID;
	if (digest.size == HASH_SIZE)
		memcpy(v->content_sha256, hash, HASH_SIZE);
	else
		sha256(content.p, content.n, v->content_sha256);
	/* What was signed is the SET OF; what was sent is the same bytes under [0] (RFC 5652 5.4). */
	der_head(&set, DER_SET, s->attrs.n);
	memcpy(head, set.p, set.n);
	if (!digest_of(&digest, head, set.n, (struct slice){ (const char *)s->attrs.p, s->attrs.n }, hash) ||
	    !check_signature(v->signer, &sig, &digest, hash, s->signature))
		return R_SIG_INVALID;
	return R_NONE;
}

void
cms_verify(const struct cms_signed *sd, struct slice content, const struct trust *trust, struct cms_verdict *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->reason = verify(sd, content, trust, ret);
}

void
cms_verdict_clear(struct cms_verdict *v)
{
	cert_free(v->signer);
	for (size_t i = 0; i < v->nextra; i++)
		cert_free(v->extra[i]);
	memset(v, 0, sizeof *v);
}
