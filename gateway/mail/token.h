/*
 * token -- our Message-IDs carry where a reply belongs. The token routes; the signature authorises.
 *
 *   p1.<kind><thread>.<ref>.<key id>.<mac>@<domain>        all lower case, under 120 characters
 *
 * mac = first 16 bytes, base32, of HMAC-SHA256(key, "p1" | tenant | kind | thread | ref | recipient). Comparison
 * ignores case, because mail systems change it; what is parsed comes back in capitals.
 */
#ifndef MAIL_TOKEN_H
#define MAIL_TOKEN_H

#include "base/arena.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum token_kind {
	TOKEN_MESSAGE = 'm', /* a message of the conversation: ref is the message */
	TOKEN_HOLD = 'h',    /* the question about a hold: ref is the hold */
	TOKEN_NOTICE = 'n',  /* a notice that needs no answer: ref is the message */
	TOKEN_BOUNCE = 'b',  /* envelope sender: ref is the delivery's message */
};
struct token_keys { /* newest first; old ones still verify */
	struct {
		char id[4];
		uint8_t key[32];
	} key[4];
	size_t n;
};
struct token {
	enum token_kind kind;
	char thread[9]; /* "P-7K3QXM", or "" */
	char ref[17];
};

/* own; without angle brackets. recipient: addr-spec of the mailbox it is sent to. */
char *token_message_id(
    const struct token_keys *, const char *tenant, const char *domain, const struct token *, const char *recipient);
/* True and *ret filled when id is ours and its MAC is good for this recipient. */
bool token_parse(
    const struct token_keys *, const char *tenant, const char *id, const char *recipient, struct token *ret);
/* Looks like one of ours, good MAC or not: such a mail is never taken for a new conversation. */
bool token_shaped(const char *id);
/* Envelope sender "portico-bounce+<token>@domain" and back. own. The recipient is not part of this MAC, and it has 10
 * bytes: a local part has 64 characters in all. */
char *token_bounce_address(
    const struct token_keys *, const char *tenant, const char *bounce_address, const struct token *);
bool token_bounce_parse(
    const struct token_keys *, const char *tenant, const char *bounce_address, const char *rcpt, struct token *ret);

#endif
