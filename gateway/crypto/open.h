/*
 * open -- what a mail really is: decrypted, verified and bound to a person, or a reason why not.
 *
 * The verdict is data. Identity is ours, not OpenSSL's: exactly one From with one mailbox, equal to an rfc822Name of
 * the one signer, registered for that address. Only a signature over the whole message counts, only a message that is
 * wholly encrypted is opened, only RecipientInfo kinds we use reach OpenSSL, and every failure to decrypt looks the
 * same from outside (reason "decrypt").
 *
 * Owns: strings and slices of struct opened live in the arena, which is wiped when freed. Threads: any.
 */
#ifndef CRYPTO_OPEN_H
#define CRYPTO_OPEN_H

#include "conf/conf.h"
#include "crypto/keys.h"
#include "mail/entity.h"

enum open_outcome { OPEN_VERIFIED, OPEN_ENCRYPTED_OK, OPEN_UNVERIFIED, OPEN_HOLD, OPEN_REJECT };
const char *open_outcome_name(enum open_outcome); /* "verified", "encrypted-ok", "unverified", "hold", "reject" */

struct open_env {
	const struct limits_conf *limits;
	struct keys *keys;   /* NULL: nothing can be decrypted */
	struct trust *trust; /* NULL: nothing is trusted */
	int64_t now;
	/* Is this certificate registered for this address? NULL: any certificate that names the address is. */
	bool (*registered)(void *arg, const char *addr_spec, const struct cert *);
	void *arg;
};

struct opened {
	enum open_outcome outcome;
	const char *reason; /* stable code, a literal: "ok", "decrypt", "sig-invalid", "identity-mismatch", ... */
	const char *from;   /* the one addr-spec, or NULL */
	const char *signer; /* the signer's first rfc822Name, or NULL */
	const char *const *layers; /* outermost first: "enveloped", "auth-enveloped", "signed", "signed-opaque" */
	size_t nlayers;
	const char *cipher, *digest;  /* "aes-256-cbc", "sha256", or NULL */
	bool encrypted, signed_valid; /* some layer is; a valid bound signature covers the whole message */
	struct cert *signer_cert;     /* own reference, or NULL: opened_clear() */
	int64_t signing_time;	      /* 0: none said */
	uint8_t signed_digest[32];    /* SHA-256 of the signed canonical bytes; zero when unsigned */
	struct entity inner;	      /* what was said, after all layers; header-protected fields are here */
	struct entity outer;
	const char *limit_hit; /* "limit.mime-depth" or NULL */
};
/* ST_OK with a verdict for every input, hostile ones included; another status only when we could not judge (ST_LOCAL:
 * memory, key process away): the mail is then tried again. */
enum status open_mail(
    const struct open_env *, struct slice raw, struct arena *, struct opened *ret, struct err *) MUST_CHECK;
void opened_clear(struct opened *);

#endif
