/*
 * auto -- is this mail written by a person? RFC 3834, RFC 3464, RFC 8098 and what robots really send.
 */
#ifndef MAIL_AUTO_H
#define MAIL_AUTO_H

#include "base/arena.h"
#include "mail/entity.h"

enum auto_kind {
	AUTO_NO,    /* a person's */
	AUTO_REPLY, /* out of office, vacation */
	AUTO_DSN,   /* delivery status notification */
	AUTO_MDN,   /* read receipt */
	AUTO_BULK,  /* lists, Precedence bulk/list/junk, auto-generated */
	AUTO_OURS,  /* our own mail come back */
};
const char *auto_kind_name(enum auto_kind);
/* mail_from: envelope sender without brackets, "" for the null sender, NULL unknown (picked up over IMAP). */
enum auto_kind auto_classify(const struct entity *, const char *mail_from, struct arena *);

#endif
