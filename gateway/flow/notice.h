/*
 * notice -- the mails we author: to a clinician, sealed like every other mail, through the same ledger.
 *
 * Every notice names its reference and whom to call. The words may name the boundary (they are encrypted); logs and
 * SMTP texts never do. All functions run inside the caller's write transaction; a repeat with the same key writes
 * nothing.
 */
#ifndef FLOW_NOTICE_H
#define FLOW_NOTICE_H

#include "flow/facts.h"
#include "flow/world.h"

struct notice {
	const char *thread;	 /* "" when it belongs to none */
	const char *clinician;	 /* who reads it */
	const char *note;	 /* "refused", "unreadable", "hold:<ref>", "reminder", "redacted", ... */
	const char *key;	 /* makes a repeat a repeat */
	const char *in_reply_to; /* our message this is about, or "" */
	const char *subject, *text;
};
enum status notice_add(
    struct tx *, struct view *, const struct notice *, char ret_ref[REF_LEN + 1], struct err *) MUST_CHECK;

/* What a clinician is told, as text in the arena; lang "es" or English. reference is what the SMTP reply said. */
const char *notice_refused_text(struct view *, const struct conversation *, const struct verdict *,
    const char *reference, const char *lang, struct arena *);
const char *notice_hold_text(struct view *, const struct verdict *, int64_t deadline, const char *lang, struct arena *);
/* reason: a stable code of open.h or judge.c, explained in words with what to do. */
const char *notice_unreadable_text(
    struct view *, const char *reason, const char *reference, const char *lang, struct arena *);
/* "Questions: Portal support, +1 555 0100." */
const char *notice_footer(struct view *, const char *lang, struct arena *);

#endif
