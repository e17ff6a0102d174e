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

/* Thanks are a message of their own when they open it ("Thanks for the call. By the way ..."); at its end they are
 * manners. */
static bool
opens_message(const struct passage *p, const struct found *f)
{
	return p->source == 0 && p->base == 0 && p->sentence_of[f->begin] <= 1 && f->begin <= 8 &&
	       p->sentence_of[f->begin] + 1 < p->nsentences;
}

struct asked {
	enum urgency urgency;
	bool courtesy, symptom; /* "thanks"; a complaint of the body without a question */
	bool closing;		/* a social phrase that does not open the message */
};

static void
collect(const struct reader *rd, const struct passage *p, struct triage *t, struct asked *asked)
{
	for (size_t i = 0; i < p->nfound; i++) {
		const struct found *f = &p->found[i];
		const struct lex_rule *r = found_rule(p, f);

		if (r->kind != RULE_CATEGORY || denied(rd, p, f))
			continue;
		if (r->urgency > (int)asked->urgency)
			asked->urgency = (enum urgency)r->urgency;
		if (strcmp(r->class_name, "courtesy") == 0)
			asked->courtesy = true;
		else if (strcmp(r->class_name, "symptom") == 0)
			asked->symptom = true;
		else if (strcmp(r->class_name, "social") == 0 && !opens_message(p, f))
			asked->closing = true;
		else
			add(t, r->class_name);
	}
}

/* The subject of a reply names what the thread began with: it counts when the message itself asks for nothing. */
static void
collect_all(const struct reader *rd, const struct passage *const *p, size_t np, bool reply, struct triage *t,
    struct asked *asked)
{
	for (size_t i = 0; i < np; i++)
		if (!(reply && p[i]->heading))
			collect(rd, p[i], t, asked);
	for (size_t i = 0; i < np; i++)
		if (reply && p[i]->heading && t->n == 0 && !asked->courtesy && !asked->closing && !asked->symptom)
			collect(rd, p[i], t, asked);
}

/* A few words and no question. */
static bool
is_short(const struct passage *p)
{
	size_t words = 0;

	for (size_t i = 0; i < p->nsentences; i++)
		if (p->sentence[i].question)
			return false;
	for (size_t i = 0; i < p->words.n; i++)
		words += p->words.w[i].kind != WORD_MARK;
	return words <= 20;
}

bool
triage_is_thanks(const struct reader *rd, const struct passage *body)
{
	struct asked asked = { .urgency = URGENCY_NONE };
	struct triage t = { 0 };

	for (size_t i = 0; i < body->nfound; i++)
		if (found_rule(body, &body->found[i])->kind == RULE_CLASS)
			return false;
	collect(rd, body, &t, &asked);
	return t.n == 0 && !asked.symptom && (asked.courtesy || asked.closing) && is_short(body);
}

static void
from_patient(
    const struct reader *rd, const struct passage *const *p, size_t np, const struct findings *f, struct triage *t)
{
	struct asked asked = { .urgency = URGENCY_NONE };

	collect_all(rd, p, np, f->reply_subject, t, &asked);
	if (f->supply_out)
		add(t, "rx_renewal");
	if (f->flag_seen)
		add(t, "medical_advice");
	if (t->n == 0 && asked.closing && !asked.symptom && !f->topic)
		add(t, "social");
	if (f->topic && (t->n == 0 || (t->n == 1 && has(t, "social"))))
		add(t, "medical_advice");
	if (asked.symptom && !has(t, "test_result_question") && !has(t, "appointment") && !has(t, "form") &&
	    !has(t, "technical") && !has(t, "billing") && !has(t, "rx_renewal"))
		add(t, "medical_advice");
	if (t->n == 0)
		add(t, asked.courtesy && np > 0 && is_short(p[0]) ? "social" : "medical_advice");
	t->urgency = has(t, "social") && t->n == 1 ? URGENCY_NONE : URGENCY_ROUTINE;
	if (asked.urgency > t->urgency)
		t->urgency = asked.urgency;
	if (f->flag > t->urgency)
		t->urgency = f->flag;
}

static void
to_patient(
    const struct reader *rd, const struct passage *const *p, size_t np, const struct findings *f, struct triage *t)
{
	struct asked asked = { .urgency = URGENCY_NONE };

	collect_all(rd, p, np, f->reply_subject, t, &asked);
	if (f->news || f->result)
		add(t, "test_result");
	if (has(t, "test_result"))
		drop(t, "medical_advice"); /* what to do about a result belongs to it */
	if (!has(t, "test_result") && (f->other_news || (f->topic && t->n == 0)))
		add(t, "medical_advice");
	if (f->med_change || f->flag_advice)
		add(t, "medical_advice");
	if (t->n == 0)
		add(t, asked.closing || asked.courtesy ? "social" : "medical_advice");
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
