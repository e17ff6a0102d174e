/*
 * intake -- portal -> ledger: durable here, then acknowledged there.
 *
 * intake_message() triages one patient's message, promises, and commits it with its deliveries and the automatic reply
 * in one transaction. It is never held on the ground of its content: what the engine cannot read or do is delivered,
 * marked "not screened" and treated as urgent. A message whose patient or addressee cannot be told apart is kept, held
 * for support, with an incident: never a guess.
 *
 * Repeats:  the portal's message id is the source key; a repeat is ST_OK and writes nothing.
 * Errors:   ST_LOCAL only: then the portal must not be acknowledged. Threads: any.
 */
#ifndef FLOW_INTAKE_H
#define FLOW_INTAKE_H

#include "flow/world.h"
#include "portal/portal.h"

struct intake_result {
	char ref[REF_LEN + 1];
	bool dup, held;
	enum urgency urgency;
};
enum status intake_message(struct view *, const char *portal_id, const struct portal_message *,
    struct intake_result *ret, struct err *) MUST_CHECK;

#endif
