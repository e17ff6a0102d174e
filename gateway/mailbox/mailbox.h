/*
 * mailbox -- where a clinician reads: the contract of every mailbox driver.
 *
 * Exactly once where the far side can be asked: the courier writes what prepare() says to the delivery's journal,
 * durably, before deliver(); after a crash or a lost answer find() looks for the token before anything is sent again.
 * A server that had the whole mail may still be filing it when the connection is gone: find() comes a grace later.
 * Threads:  a struct mailbox belongs to one thread at a time.
 * Damage:   ST_MSG_RETRY / ST_MSG_REFUSED the one message (quota, too big), ST_REMOTE_DOWN the server or the login,
 *           ST_LOCAL us.
 */
#ifndef MAILBOX_MAILBOX_H
#define MAILBOX_MAILBOX_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

enum mailbox_caps { MAILBOX_CAN_ASK = 1 /* find() works: exactly once */ };

struct mailbox_mail {
	struct slice raw;	/* the whole mail, CRLF */
	const char *token;	/* value of its X-Portal-Token field */
	const char *message_id; /* without brackets */
	const char *mail_from;	/* envelope sender, for drivers that have one */
	const char *rcpt;
	const char *folder; /* "Portal"; "INBOX" */
};

struct mailbox;
struct mailbox_driver {
	const char *name;
	unsigned caps;
	/* Connect, log in, make the folder if it is not there. */
	enum status (*open)(
	    const struct conf *, const struct clinician_conf *, struct mailbox **ret, struct err *) MUST_CHECK;
	/* Hang up and free. NULL is fine. */
	void (*close)(struct mailbox *);
	/* What must be journalled before deliver(), e.g. "v=1 next=7": own. "" is fine. */
	enum status (*prepare)(struct mailbox *, const char *folder, char **ret_journal, struct err *) MUST_CHECK;
	/* ret_id (own): the far side's id, "uidvalidity/uid" for IMAP. */
	enum status (*deliver)(struct mailbox *, const struct mailbox_mail *, char **ret_id, struct err *) MUST_CHECK;
	/* Is a mail with this token there since the journal was written? *ret_id = NULL when not. */
	enum status (*find)(struct mailbox *, const char *folder, const char *token, const char *journal, char **ret_id,
	    struct err *) MUST_CHECK;
	/* Still connected and logged in? For a session that is kept between messages. */
	enum status (*check)(struct mailbox *, struct err *) MUST_CHECK;
};
struct mailbox {
	const struct mailbox_driver *drv; /* first member of every driver's own struct */
};

extern const struct mailbox_driver mailbox_imap; /* APPEND over verified TLS; libetpan parses the answers */
extern const struct mailbox_driver mailbox_null; /* keeps the last mails in memory; template and test double */

#endif
