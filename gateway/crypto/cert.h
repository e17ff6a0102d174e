/*
 * cert -- X.509 certificates, decoded once and shared.
 *
 * OpenSSL 3.0 spends more on decoding a certificate than on a signature check, so a certificate is decoded once and
 * cached by the SHA-256 of its DER; struct cert is immutable and reference counted.
 * Threads: any.
 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"

#include <openssl/x509.h>
#include <stdint.h>

struct cert {
	X509 *x509;
	char sha256[65];	       /* of the DER, hex */
	int64_t not_before, not_after; /* seconds */
	int key_bits;
	bool rsa, ec;		    /* neither: a kind we do not use */
	bool can_sign, can_encrypt; /* key usage and emailProtection allow it */
	bool weak_digest;	    /* signed with MD5 or SHA-1 by its issuer */
	const char *const *emails;  /* rfc822Names, exactly as encoded; one with NUL, blank or control is left out */
	size_t nemails;
	struct slice issuer_serial, ski; /* IssuerAndSerialNumber (DER), subject key identifier: how CMS names it */
	int refs;			 /* private */
};
enum status cert_from_der(struct slice der, struct cert **ret, struct err *) MUST_CHECK;
/* All certificates of a PEM (or one DER) file. *ret: own array of own references. ST_LOCAL file.* when it cannot be
 * read, ST_MSG_REFUSED cert.* when it holds none or a broken one. */
enum status certs_from_file(const char *path, struct cert ***ret, size_t *nret, struct err *) MUST_CHECK;
void certs_free(struct cert **, size_t n);
struct cert *cert_ref(struct cert *);
void cert_free(struct cert *); /* drops one reference */
DEFINE_FREEP(cert)
bool cert_has_email(const struct cert *, const char *addr_spec); /* byte for byte; domain without case */

/* The anchors a chain must end in. Every certificate given is an anchor, root or not (partial chain). Revocation lists
 * in the same files count as if given to trust_add_crl(). */
struct trust;
enum status trust_from_files(
    const char *const *path, size_t n, int64_t rsa_min_bits, struct trust **ret, struct err *) MUST_CHECK;
void trust_free(struct trust *);
DEFINE_FREEP(trust)
/* Revocation lists (PEM or DER) in files; missing list for an issuer = unknown, which require_crl turns into a no. */
enum status trust_add_crl(struct trust *, const char *path, struct err *) MUST_CHECK;
void trust_require_crl(struct trust *, bool); /* off at first; both calls belong before the first check */
/* The anchor a CMS names by IssuerAndSerialNumber or by key identifier, or NULL; borrowed. */
struct cert *trust_find(const struct trust *, struct slice issuer_serial, struct slice ski);

/* For another process of ours: anchors, lists and rules as bytes, and back. A serial is never used twice in a process:
 * the same one means that nothing changed. */
void trust_export(const struct trust *, struct buf *ret);
enum status trust_import(struct slice, struct trust **ret, struct err *) MUST_CHECK;
uint64_t trust_serial(const struct trust *); /* NULL: 0 */

enum cert_use { CERT_SIGN, CERT_ENCRYPT };
/* ST_OK when c chains to an anchor at the instant at and is fit for the use; else ST_MSG_REFUSED with cert.expired,
 * cert.not-yet-valid, cert.untrusted, cert.revoked, cert.revocation-unknown, cert.key-too-small, cert.usage,
 * cert.no-email. extra: intermediates that came along, help only. Verdicts are cached for a bounded time. */
enum status trust_check(struct trust *, struct cert *c, struct cert *const *extra, size_t nextra, enum cert_use,
    int64_t at, struct err *) MUST_CHECK;

#endif
