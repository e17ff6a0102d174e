/*
 * address -- who a mail says it is from, read strictly.
 *
 * Identity hangs on this: what is not plainly one mailbox with one plain ASCII addr-spec is refused, never guessed
 * (groups, routes, comments, quoted local parts, encoded words in the address, control characters, several mailboxes).
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/err.h"
#include "mail/entity.h"

/* dot-atom "@" domain (RFC 5321 4.1.2 without quoted strings and literals), at most 254 bytes. */
bool addr_spec_valid(const char *s);
/* Local part byte for byte, domain without case (A-labels). */
bool addr_spec_equal(const char *a, const char *b);
/* The one From of a mail: exactly one From field, one mailbox. ST_MSG_REFUSED with identity.from-count,
 * identity.from-syntax. */
enum status from_mailbox(const struct entity *, struct arena *, const char **ret, struct err *) MUST_CHECK;
/* Message-IDs "<a@b>" of a field value in order, without the angle brackets; at most max. */
size_t msg_ids(const char *value, struct arena *, size_t max, const char **ret);

#endif
