/*
 * decide -- from mentions to a decision: defaults, agreements, legal floors, minors, the clock. The strictest wins.
 *
 * Errors: none. Threads: any.
 */
#ifndef POLICIES_DECIDE_H
#define POLICIES_DECIDE_H

#include "policies/read.h"

/* What one mention asks for, and why. */
struct ruling {
	enum decision act;
	bool redirect; /* a confidential class of a minor in a thread that a proxy reads */
	enum choice whose;
	const char *rule, *agreement;
	int64_t until;
};

/* rule: id of the lexicon rule behind the mention. Strings in the arena of the reader or of the boundaries. */
struct ruling decide_mention(const struct reader *, const struct mention *, const char *rule);
/* Does the mention count at all: its assertion triggers, it is about the patient, and it is not over or only thought
 * of? */
bool decide_triggers(const struct boundaries *, const struct mention *);
/* The floor of the patient's jurisdiction for a class; ACT_DELIVER when there is none. *ret_pack names it. */
enum decision decide_floor(
    const struct boundaries *, const struct message_facts *, const char *class_name, const char **ret_pack);
bool decide_minor_confidential(const struct boundaries *, const struct message_facts *, const char *class_name);

#endif
