#include "policies/triage.h"

#include <string.h>

static bool
has(const struct triage *t, const char *category)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->category[i], category) == 0)
			return true;
	return false;
}

static void
add(struct triage *t, const char *category)
{
	if (t->n < TRIAGE_MAX && !has(t, category))
		t->category[t->n++] = category;
}

static void
drop(struct triage *t, const char *category)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->category[i], category) == 0) {
			memmove(&t->category[i], &t->category[i + 1], (t->n - i - 1) * sizeof *t->category);
			t->n--;
			return;
		}
}

/* A category rule counts unless its clause denies it: "no need for a refill". */
static bool
denied(const struct reader *rd, const struct passage *p, const struct found *f)
{
	return found_rule(p, f)->negation == NEGATION_CLAUSE && context_of(rd, p, f).assertion == ASSERT_NEGATED;
}

/* Rules may carry a shade in their category's name: "social.thanks". */
static void
collect(const struct reader *rd, const struct passage *const *p, size_t np, struct triage *t, enum urgency *urgency)
{
	for (size_t k = 0; k < np; k++)
		for (size_t i = 0; i < p[k]->nfound; i++) {
			const struct found *f = &p[k]->found[i];
			const struct lex_rule *r = found_rule(p[k], f);

			if (r->kind != RULE_CATEGORY || denied(rd, p[k], f))
				continue;
			add(t, r->class_name);
			if (r->urgency > (int)*urgency)
				*urgency = (enum urgency)r->urgency;
		}
}

static void
from_patient(
    const struct reader *rd, const struct passage *const *p, size_t np, const struct findings *f, struct triage *t)
{
	enum urgency asked = URGENCY_NONE;
	bool courtesy, weak_advice;

	collect(rd, p, np, t, &asked);
	courtesy = has(t, "courtesy"); /* thanks that end a request are manners, not a request */
	drop(t, "courtesy");
	weak_advice = has(t, "symptom");
	drop(t, "symptom");
	if (f->flag_seen)
		add(t, "medical_advice");
	if (f->topic && (t->n == 0 || (t->n == 1 && has(t, "social"))))
		add(t, "medical_advice");
	if (weak_advice && !has(t, "test_result_question") && !has(t, "medical_advice") &&
	    (t->n == 0 || (!has(t, "appointment") && !has(t, "form") && !has(t, "technical") && !has(t, "billing"))))
		add(t, "medical_advice");
	if (t->n == 0)
		add(t, courtesy ? "social" : "medical_advice");
	t->urgency = has(t, "social") && t->n == 1 ? URGENCY_NONE : URGENCY_ROUTINE;
	if (asked > t->urgency)
		t->urgency = asked;
	if (f->flag > t->urgency)
		t->urgency = f->flag;
}

static void
to_patient(
    const struct reader *rd, const struct passage *const *p, size_t np, const struct findings *f, struct triage *t)
{
	enum urgency asked = URGENCY_NONE;
	bool advice, courtesy;

	collect(rd, p, np, t, &asked);
	courtesy = has(t, "courtesy");
	drop(t, "courtesy");
	advice = has(t, "symptom");
	drop(t, "symptom");
	if (f->news || f->result)
		add(t, "test_result");
	if (has(t, "test_result") && has(t, "medical_advice") && !f->med_change && !f->flag_advice)
		drop(t, "medical_advice"); /* what to do about a result belongs to it */
	if (!has(t, "test_result") && (f->other_news || f->flag_advice || f->topic || advice))
		add(t, "medical_advice");
	if (f->med_change || f->flag_advice)
		add(t, "medical_advice");
	if (t->n == 0)
		add(t, courtesy ? "social" : "medical_advice");
	t->urgency = has(t, "social") && t->n == 1 ? URGENCY_NONE : URGENCY_ROUTINE;
}

void
triage_route(const struct boundaries *b, struct triage *t)
{
	t->route = b->route_default;
	for (size_t i = b->nroutes; i-- > 0;)
		if (has(t, b->routes[i].category))
			t->route = b->routes[i].route;
	if (t->urgency == URGENCY_EMERGENCY)
		t->route = b->route_emergency;
	t->auto_reply = t->urgency == URGENCY_EMERGENCY ? "emergency"
			: t->urgency == URGENCY_URGENT	? "urgent"
			: t->urgency == URGENCY_ROUTINE ? "promise"
							: "none";
}

void
triage_message(
    const struct reader *rd, const struct passage *const *p, size_t np, const struct findings *f, struct triage *ret)
{
	struct triage t = { 0 };

	if (rd->f->direction == TO_CLINICIAN)
		from_patient(rd, p, np, f, &t);
	else
		to_patient(rd, p, np, f, &t);
	triage_route(rd->b, &t);
	if (rd->f->direction == TO_PATIENT) {
		t.route = "patient";
		t.auto_reply = "none";
	}
	*ret = t;
}
