/*
 * ca -- a small certificate authority, so that a clinic can start today: root, intermediate, leaf certificates for the
 * gateway and for clinicians (RSA-2048 or P-256, one certificate that signs and encrypts, RFC 8550 profile).
 *
 * Files: <dir>/root.crt, root.key, intermediate.crt, intermediate.key (keys 0600). Existing files are never replaced.
 * A clinician's private key leaves only inside the PKCS#12 file; no copy is kept.
 */
#ifndef CRYPTO_CA_H
#define CRYPTO_CA_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/cert.h"

struct ca_subject {
	const char *name;  /* common name */
	const char *email; /* rfc822Name */
	bool ec;	   /* P-256 instead of RSA-2048 */
	int64_t not_before;
	int days;
};
enum status ca_init(const char *dir, const char *clinic, int64_t now, struct err *) MUST_CHECK;
/* Key and chain (leaf, intermediate) as PEM; ret_key is wiped by buf_wipe(). */
enum status ca_issue(
    const char *dir, const struct ca_subject *, struct buf *ret_key, struct buf *ret_chain, struct err *) MUST_CHECK;
/* PKCS#12 of what ca_issue() gave, with the chain and root inside. legacy: PBE-SHA1-3DES and a SHA-1 MAC, for clients
 * that know nothing newer (gpgsm, old Outlook and macOS). */
enum status ca_pkcs12(const char *dir, struct slice key_pem, struct slice chain_pem, const char *friendly_name,
    const char *password, bool legacy, struct buf *ret, struct err *) MUST_CHECK;
/* A TLS server certificate for host names, for the demo and the tests. */
enum status ca_issue_server(const char *dir, const char *const *names, size_t n, int64_t now, struct buf *ret_key,
    struct buf *ret_chain, struct err *) MUST_CHECK;

#endif
