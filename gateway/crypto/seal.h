/*
 * seal -- signed, then encrypted, for exactly one recipient (RFC 8551): multipart/signed with SHA-256 inside
 * EnvelopedData (AES-256-CBC; AES-256-GCM AuthEnvelopedData when asked).
 *
 * Errors: ST_MSG_REFUSED cert.* when the recipient's certificate may not be used (trust_check with CERT_ENCRYPT is made
 * here, at the instant given): nothing ever leaves in clear. Threads: any.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "crypto/keys.h"

struct seal {
	struct slice outer; /* header fields of the whole mail, CRLF, no empty line */
	struct slice inner; /* the MIME entity to protect, canonical CRLF, 7-bit */
	const char *signer; /* key id */
	struct cert *recipient;
	struct cert *const *extra; /* intermediates that came with the recipient's certificate; may be none */
	size_t nextra;
	bool gcm;
	bool oaep;
	int64_t now; /* seconds; signing time and certificate checks */
};
/* The complete mail, CRLF, appended to ret. */
enum status seal_mail(struct keys *, struct trust *, const struct seal *, struct buf *ret, struct err *) MUST_CHECK;

#endif
