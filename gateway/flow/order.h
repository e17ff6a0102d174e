/*
 * order -- what a clinician asks of us, not of the patient, by answering a portal mail with one line alone:
 *
 *   reassign to ID            reasignar a ID            somebody else answers in this conversation
 *   snooze until DATE/TIME    posponer hasta ...        reminders later; the promise stays where it is
 *   closed by phone           cerrado por teléfono      the patient was called
 *
 * It is one only when nothing else stands above the quote and the mail is signed; every other text is an answer to the
 * patient. A line that begins like one and cannot be understood is neither: the author is asked, nothing is posted.
 */
#ifndef FLOW_ORDER_H
#define FLOW_ORDER_H

#include "conf/response.h"
#include "flow/judge_in.h"

enum order_kind { ORDER_NONE, ORDER_UNCLEAR, ORDER_REASSIGN, ORDER_SNOOZE, ORDER_CLOSED };
struct order {
	enum order_kind kind;
	const char *to; /* reassign: "clinician:patel", "pool:nurses" */
	int64_t until;	/* snooze: seconds UTC */
};
/* text: what stands above the quote. now: seconds UTC; times are the calendar's zone. Pure. */
struct order order_read(const struct conf *, const struct calendar *, const char *text, int64_t now, struct arena *);

/* Does what was asked and confirms it by a sealed notice. ST_MSG_REFUSED replay when the signed text was used before.
 */
enum status order_commit(struct judging *, const struct order *, struct err *) MUST_CHECK;

/* ---- away.c: the mailbox of a clinician says that nobody reads it ------------------------------------------------ */

/* An incident for the desk that names the cover, and a notice to the cover, once a day. Never anything to a patient. */
enum status away_note(
    struct tx *, struct view *, const struct clinician_conf *, struct arena *, struct err *) MUST_CHECK;
/* The clinician writes: whatever was asked about an absence is over. */
enum status away_over(
    struct tx *, struct view *, const struct clinician_conf *, struct arena *, struct err *) MUST_CHECK;

#endif
