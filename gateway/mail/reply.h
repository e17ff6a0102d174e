/*
 * reply -- what a clinician wrote, without what the mail client quoted. Lossless by intent: no word the clinician wrote
 * is dropped; where it cannot be told apart, it stays in.
 */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include "base/arena.h"

#include <stdbool.h>

#define REPLY_MARKER "-- please write above this line"

struct reply {
	const char *text;	  /* the clinician's words; in the arena */
	bool trimmed;		  /* something was cut */
	const char *other_thread; /* marker of another thread inside the quote: hold; NULL none */
};
/* thread: "P-7K3QXM". Marker first; then quote blocks and introductions of Outlook, Apple Mail, Gmail, Thunderbird,
 * English and Spanish. Inline and bottom posting keep the person's lines. Never trims to nothing. */
void reply_trim(const char *text, const char *thread, struct arena *, struct reply *ret);
/* The first line that is not blank, above the quote: the answer to a question. In the arena; "" when none. */
const char *reply_first_line(const char *text, const char *thread, struct arena *);

#endif
