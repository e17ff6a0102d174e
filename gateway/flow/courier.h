/*
 * courier -- claim -> seal -> deliver -> settle: brings one delivery at a time where it belongs.
 *
 * A courier works one lane, "mailbox:" (to clinicians) or "portal:" (to patients), and keeps the sessions it opened.
 * Any number may run, in any number of processes: they meet only in the store, where work is claimed by lease. Before
 * the far side may see anything, the intent is durable; an unknown outcome is settled by asking, never by a second
 * copy, where the far side can be asked.
 *
 * Threads:  a struct courier belongs to one thread. Errors are handled here: deferred, rested, re-routed or failed,
 * each with its code in the ledger; what comes back is only ST_LOCAL (our trouble: pause).
 */
#ifndef FLOW_COURIER_H
#define FLOW_COURIER_H

#include "flow/world.h"
#include "mailbox/mailbox.h"
#include "portal/portal.h"

#define LANE_MAILBOX "mailbox:"
#define LANE_PORTAL "portal:"

struct courier;
/* Which drivers: the bridge decides, so that a program without mailboxes does not link them. Borrowed. */
struct courier_drivers {
	const struct mailbox_driver *mailbox;
	const struct portal_driver *(*portal)(const char *name);
};
/* One line of an outcome, for the program's log. Codes and references only. */
typedef void (*courier_note)(
    void *arg, const char *event, const struct delivery *, const struct err *, int64_t took_ms);

struct courier *courier_new(struct world *, const char *lane, const struct courier_drivers *, courier_note, void *arg);
void courier_free(struct courier *);
/* Handles one delivery if there is one. *ret_worked tells; *ret_next_ms is when to look again if there was none. */
enum status courier_step(struct courier *, bool *ret_worked, int64_t *ret_next_ms, struct err *) MUST_CHECK;
/* Hang up; sessions are opened again when needed. */
void courier_rest(struct courier *);

#endif
