/*
 * clockwork -- what happens because time passes: reminders before a promise breaks, the honest word to the patient when
 * it did, and holds that nobody answered.
 *
 * clockwork_tick() does all that is due and may be called by any number of bridges: every step is a transaction that
 * first looks whether it is still to be done. Errors: ST_LOCAL. Threads: any.
 */
#ifndef FLOW_CLOCKWORK_H
#define FLOW_CLOCKWORK_H

#include "flow/world.h"

struct clockwork_done {
	size_t reminders, late_notices, hold_reminders, hold_escalations;
};
enum status clockwork_tick(struct view *, struct clockwork_done *ret, struct err *) MUST_CHECK;

#endif
