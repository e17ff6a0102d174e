/*
 * judge -- mail -> ledger: open -> authorise -> judge -> commit -> answer.
 *
 * judge_mail() decides about one mail from a clinician and commits what follows from it before it answers. What cannot
 * be committed we never had. One uniform answer for every failure of cryptography, identity or routing, so that nothing
 * can be probed; the clinician, when the login names one, learns the reason from a sealed notice.
 *
 * Repeats:  the key (login, Message-ID, digest of the raw body) makes a repeat a 250 that does nothing.
 * Errors:   anything but ST_OK means "later": nothing was committed, the sender keeps the mail.
 * Threads:  any.
 */
#ifndef FLOW_JUDGE_H
#define FLOW_JUDGE_H

#include "flow/world.h"

enum channel { CHANNEL_SUBMISSION, CHANNEL_PORT25, CHANNEL_PICKUP };

struct inbound {
	struct slice raw; /* the whole mail, CRLF */
	enum channel channel;
	const char *login;	 /* SASL, from a service that counts; NULL none */
	const char *mail_from;	 /* without brackets; "" the null sender */
	const char *const *rcpt; /* ours only, without brackets */
	size_t nrcpt;
};

enum answer_kind { ANSWER_TAKEN, ANSWER_REFUSED };
struct answer {
	enum answer_kind kind;
	const char
	    *code;    /* stable, a literal: "delivered", "held", "recorded", "duplicate", "refused", "sig-invalid"... */
	char ref[24]; /* message reference, or the reference of a refusal */
	char text[200]; /* what the SMTP client is told on refusal: neutral */
};
enum status judge_mail(struct view *, const struct inbound *, struct answer *ret, struct err *) MUST_CHECK;

/* Is this recipient ours: the gateway's address, or our bounce address with or without a token? */
bool judge_is_ours(const struct conf *, const char *rcpt);

#endif
