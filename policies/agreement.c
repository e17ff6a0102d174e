#include "policies/agreement.h"

#include "conf/boundaries_in.h"

#include <string.h>

const char *
agreement_state_name(enum agreement_state s)
{
	static const char *const names[] = { "proposed", "in_force", "expired", "revoked" };

	return names[s];
}

/* What a value stands for without a configuration; boundaries.yaml can say otherwise. */
enum decision
agreement_decision(enum agreement_value v)
{
	switch (v) {
	case AGREE_PORTAL_OK:
		return ACT_DELIVER;
	case AGREE_PORTAL_AFTER_CALL:
		return ACT_HOLD_CONFIRM;
	case AGREE_IN_PERSON_ONLY:
	case AGREE_NEVER_ELECTRONIC:
		break;
	}
	return ACT_REFUSE_IN_PERSON;
}

/* "news.*" covers "news.malignancy". */
static bool
covers(const char *pattern, const char *class_name)
{
	size_t n = strlen(pattern);

	if (n >= 2 && strcmp(pattern + n - 2, ".*") == 0)
		return strncmp(pattern, class_name, n - 1) == 0;
	return strcmp(pattern, class_name) == 0;
}

/* A tightening is measured against the least strict default it covers. */
static bool
tightens(const struct boundaries *b, const struct agreement *a)
{
	int decision = b->agreement[a->value];

	for (size_t i = 0; i < b->nclasses; i++)
		if (covers(a->class_name, b->classes[i].name) && decision < b->classes[i].decision)
			return false;
	return true;
}

enum agreement_state
agreement_state(const struct boundaries *b, const struct agreement *a, int64_t now)
{
	if (a->revoked != 0 && a->revoked <= now)
		return AGREEMENT_REVOKED;
	if (a->expires != 0 && a->expires <= now)
		return AGREEMENT_EXPIRED;
	if (a->patient_consent == 0)
		return AGREEMENT_PROPOSED;
	if (a->clinician_consent == 0 && !tightens(b, a))
		return AGREEMENT_PROPOSED;
	return AGREEMENT_IN_FORCE;
}

static bool
in_scope(const struct message_facts *f, const struct agreement *a)
{
	switch (a->scope) {
	case SCOPE_CLINIC:
		return true;
	case SCOPE_CLINICIAN:
		return f->clinician != NULL && strcmp(f->clinician, a->scope_id) == 0;
	case SCOPE_TEAM:
		for (size_t i = 0; i < f->nteams; i++)
			if (strcmp(f->teams[i], a->scope_id) == 0)
				return true;
		break;
	}
	return false;
}

/* Is a the better answer than best? A narrower scope, then an exact class, then the newer one. */
static bool
better(const struct agreement *a, const struct agreement *best, const char *class_name)
{
	bool exact = strcmp(a->class_name, class_name) == 0, was = strcmp(best->class_name, class_name) == 0;

	if (a->scope != best->scope)
		return a->scope < best->scope;
	if (exact != was)
		return exact;
	if (a->made != best->made)
		return a->made > best->made;
	return a->value > best->value; /* the same instant: the stricter */
}

/* What both agreed later, as narrowly or more so, is not undone by what the patient had said alone. */
static bool
answers(const struct agreement *both, const struct agreement *alone)
{
	return both->made >= alone->made && both->scope <= alone->scope;
}

static const struct agreement *
best_of(const struct boundaries *b, const struct message_facts *f, const char *class_name, bool alone,
    const struct agreement *both)
{
	const struct agreement *best = NULL;

	for (size_t i = 0; i < f->nagreements; i++) {
		const struct agreement *a = &f->agreements[i];

		if (!covers(a->class_name, class_name) || !in_scope(f, a) || (a->clinician_consent == 0) != alone)
			continue;
		if (agreement_state(b, a, f->now) != AGREEMENT_IN_FORCE)
			continue;
		if (alone && both != NULL && answers(both, a))
			continue;
		if (best == NULL ||
		    (alone ? b->agreement[a->value] > b->agreement[best->value] : better(a, best, class_name)))
			best = a;
	}
	return best;
}

/* What the patient tightened alone stands beside what was agreed by both: the stricter of the two counts, so that
 * saying "less" in one place never opens another. */
const struct agreement *
agreement_for(const struct boundaries *b, const struct message_facts *f, const char *class_name)
{
	const struct agreement *both = best_of(b, f, class_name, false, NULL);
	const struct agreement *alone = best_of(b, f, class_name, true, both);

	if (both == NULL || (alone != NULL && b->agreement[alone->value] > b->agreement[both->value]))
		return alone;
	return both;
}

bool
agreement_proxy_may(const struct boundaries *b, const struct patient_facts *p, const char *class_name)
{
	if (p->age < 0 || p->age > b->minor_to || p->age < b->minor_from)
		return true;
	for (size_t i = 0; i < b->minor_classes.n; i++)
		if (covers(class_name, b->minor_classes.item[i]) || covers(b->minor_classes.item[i], class_name))
			return false;
	return true;
}
