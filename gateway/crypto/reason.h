/*
 * reason -- every answer that opening a mail can give, named once: the stable code, and the outcome it means.
 *
 * The codes are what traces, notices and "portico mail explain" carry. The outcome column is design.md's and the
 * comments say when; open_mail() takes the first reason it meets, in the order: From, limits, shape, layers from the
 * outside in, trust, time, identity.
 */
#ifndef CRYPTO_REASON_H
#define CRYPTO_REASON_H

#include "crypto/open.h"

#define REASONS(X)                                                                                                     \
	/* good, or simply not signed */                                                                               \
	X(R_OK, "ok", OPEN_VERIFIED)			    /* one signature, whole message, trusted, bound to From */ \
	X(R_ENCRYPTED, "encrypted", OPEN_ENCRYPTED_OK)	    /* intact (AES-GCM), author unknown */                     \
	X(R_UNSIGNED, "unsigned", OPEN_UNVERIFIED)	    /* plain mail */                                           \
	X(R_CBC_UNSIGNED, "cbc-unsigned", OPEN_UNVERIFIED)  /* opened, but anybody may have changed it */              \
	X(R_PARTIAL, "partial-signature", OPEN_UNVERIFIED)  /* a signature over less than the whole message */         \
	X(R_NO_SIGNER, "no-signer", OPEN_UNVERIFIED)	    /* a SignedData that only carries certificates */          \
	X(R_IDENTITY, "identity-mismatch", OPEN_UNVERIFIED) /* a good signature of somebody else than From */          \
	X(R_UNREGISTERED, "not-registered", OPEN_UNVERIFIED)   /* bound, but not a registered clinician's */           \
	X(R_FROM_IDN, "from-idn", OPEN_UNVERIFIED)	       /* a domain in letters that no certificate can name */  \
	X(R_CERT_NO_EMAIL, "cert-no-email", OPEN_UNVERIFIED)   /* the certificate names no usable mail address */      \
	X(R_CERT_UNTRUSTED, "cert-untrusted", OPEN_UNVERIFIED) /* no chain to an anchor */                             \
	X(R_CERT_USAGE, "cert-usage", OPEN_UNVERIFIED) /* key usage or extended usage is not for signing mail */       \
	/* who wrote it cannot be said at all */                                                                       \
	X(R_FROM_COUNT, "from-count", OPEN_REJECT)     /* no From field, or several, hidden ones included */           \
	X(R_FROM_SYNTAX, "from-syntax", OPEN_REJECT)   /* not plainly one mailbox */                                   \
	X(R_FROM_MISMATCH, "from-mismatch", OPEN_HOLD) /* another protected From, and no signature of that one */      \
	X(R_EMPTY, "empty", OPEN_HOLD)		       /* nothing, no header, or nothing but a header */               \
	/* the form */                                                                                                 \
	X(R_LIMIT, "limit", OPEN_HOLD)			 /* see limit_hit */                                           \
	X(R_LAYERS, "layers", OPEN_HOLD)		 /* more cryptographic layers than we open */                  \
	X(R_SHAPE, "shape", OPEN_HOLD)			 /* layers in an order that is not on the list */              \
	X(R_MIXED, "mixed-encryption", OPEN_HOLD)	 /* an encrypted part beside others: never opened */           \
	X(R_SIGNED_PARTS, "signed-parts", OPEN_HOLD)	 /* multipart/signed has not exactly two good parts */         \
	X(R_MIME_AMBIGUOUS, "mime-ambiguous", OPEN_HOLD) /* two readers would see two mails */                         \
	X(R_MIME_BOUNDARY, "mime-boundary", OPEN_HOLD)	 /* missing, overlong, reused, unterminated */                 \
	X(R_MIME_ENCODING, "mime-encoding", OPEN_HOLD)	 /* a transfer encoding with junk in it, or an unknown one */  \
	X(R_MIME_NUL, "mime-nul", OPEN_HOLD)		 /* NUL bytes */                                               \
	X(R_MIME_LINES, "mime-line-ends", OPEN_HOLD)	 /* CR that is not part of CRLF */                             \
	/* CMS */                                                                                                      \
	X(R_MALFORMED, "cms-malformed", OPEN_HOLD)	/* not well-formed BER, or not the structure it should be */   \
	X(R_UNSUPPORTED, "unsupported-type", OPEN_HOLD) /* compressed, password-encrypted, OpenPGP */                  \
	X(R_UNSUPPORTED_ALG, "unsupported-alg", OPEN_HOLD) /* an algorithm that we do not know */                      \
	X(R_RECIPIENT_KIND, "unsupported-recipient",                                                                   \
	    OPEN_HOLD)				     /* a RecipientInfo other than KTRI or ephemeral KARI */           \
	X(R_WEAK_CIPHER, "weak-cipher", OPEN_HOLD)   /* 3DES, DES, RC2, RC4 */                                         \
	X(R_DECRYPT, "decrypt", OPEN_HOLD)	     /* the one answer to every failure of key, padding or tag */      \
	X(R_EMBEDDED, "embedded-content", OPEN_HOLD) /* a detached signature that brings other content along */        \
	X(R_NO_CONTENT, "no-content", OPEN_HOLD)     /* an opaque signature without content */                         \
	X(R_SIGNER_COUNT, "signer-count", OPEN_HOLD) /* more than one signer */                                        \
	X(R_SIGNER_CERT, "signer-cert-missing",                                                                        \
	    OPEN_HOLD)					 /* the signer's certificate is neither in it nor an anchor */ \
	X(R_WEAK_DIGEST, "weak-digest", OPEN_HOLD)	 /* SHA-1, MD5 and their like */                               \
	X(R_WEAK_KEY, "weak-key", OPEN_HOLD)		 /* RSA below the floor, a curve not used here */              \
	X(R_SIG_ATTRIBUTES, "sig-attributes", OPEN_HOLD) /* signed attributes missing, twice, or contradicting */      \
	X(R_SIG_INVALID, "sig-invalid", OPEN_HOLD)	 /* what arrived is not what was signed */                     \
	X(R_SIGNING_TIME, "signing-time", OPEN_HOLD)	 /* more than a day ahead, or before the certificate */        \
	X(R_CERT_EXPIRED, "cert-expired", OPEN_HOLD)	 /* at the time of receipt */                                  \
	X(R_CERT_EARLY, "cert-not-yet-valid", OPEN_HOLD)                                                               \
	X(R_CERT_REVOKED, "cert-revoked", OPEN_HOLD)                                                                   \
	X(R_CERT_UNKNOWN, "cert-revocation-unknown", OPEN_HOLD)

enum reason {
#define X(id, name, outcome) id,
	REASONS(X)
#undef X
	    R_NONE /* not decided yet */
};

const char *reason_name(enum reason);
enum open_outcome reason_outcome(enum reason);
/* What a code of the mail layer (mime.*, limit.*, identity.*) or of trust_check() (cert.*) means for a mail. */
enum reason reason_of_code(const char *code);

#endif
