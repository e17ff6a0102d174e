#include "policies/judging.h"

static bool
same_class(const struct weighed *a, const struct weighed *b)
{
	return strcmp(a->m.class_name, b->m.class_name) == 0;
}

static void
remove_at(struct judging *j, size_t i)
{
	memmove(&j->w[i], &j->w[i + 1], (j->nw - i - 1) * sizeof *j->w);
	j->nw--;
}

/* What a topic's several mentions say together: a test that found it, a doubt, a test that did not, or the bare word.
 * Where there is no test, a statement outweighs a denial. */
static int
topic_weight(const struct weighed *w)
{
	bool tested = is_class(w->m.class_name, "topic.hiv") || is_class(w->m.class_name, "topic.hepatitis") ||
		      is_class(w->m.class_name, "topic.sti") || is_class(w->m.class_name, "topic.genetic");

	if (w->m.assertion == ASSERT_AFFIRMED && w->positive)
		return 4;
	if (w->m.assertion == ASSERT_POSSIBLE)
		return 3;
	if (w->m.assertion == ASSERT_NEGATED)
		return tested ? 2 : 0;
	return 1;
}

static bool
outweighed(const struct judging *j, size_t i)
{
	const struct weighed *w = &j->w[i];

	for (size_t k = 0; k < j->nw; k++) {
		const struct weighed *o = &j->w[k];
		bool same_time = o->m.temporality == w->m.temporality;

		if (k == i || !same_class(o, w))
			continue;
		if (is_class(w->m.class_name, "leak.") && (w->m.source == 0) != (o->m.source == 0))
			continue; /* the body can be masked, the rest cannot */
		if (w->heading && !o->heading)
			return true; /* a heading names what the text then says */
		if (o->heading != w->heading || o->m.experiencer != w->m.experiencer)
			continue;
		if (is_class(w->m.class_name, "topic.")) {
			if (topic_weight(o) > topic_weight(w) ||
			    (topic_weight(o) == topic_weight(w) &&
				(o->m.temporality < w->m.temporality || (same_time && k < i))))
				return true;
			continue;
		}
		if (!same_time)
			continue;
		if (o->m.assertion == w->m.assertion && (k < i ? o->urgency >= w->urgency : o->urgency > w->urgency))
			return true;
		if (o->m.assertion == ASSERT_AFFIRMED && w->m.assertion == ASSERT_POSSIBLE)
			return true;
	}
	return false;
}

static bool
in_same_sentence(const struct weighed *a, const struct weighed *b)
{
	return a->passage != NULL && a->passage == b->passage && a->sentence == b->sentence;
}

static bool
in_same_clause(const struct weighed *a, const struct weighed *b)
{
	return in_same_sentence(a, b) && a->clause <= b->clause_end && b->clause <= a->clause_end;
}

/* "Your HIV test was negative" is about HIV and no other normal result; "the margins were positive" is no more abnormal
 * than the cancer it speaks of. What is written to another patient is no result of this one. */
static bool
spoken_for(const struct judging *j, size_t i)
{
	const struct weighed *w = &j->w[i];
	bool normal = strcmp(w->m.class_name, "result.normal") == 0;

	for (size_t k = 0; k < j->nw && strcmp(w->m.class_name, "topic.repro") == 0; k++)
		if (strcmp(j->w[k].m.class_name, "news.pregnancy_loss") == 0 &&
		    (w->heading || in_same_sentence(w, &j->w[k])))
			return true;
	if (!normal && strcmp(w->m.class_name, "result.abnormal") != 0)
		return false;
	if (normal && j->leaked)
		return true;
	for (size_t k = 0; k < j->nw; k++) {
		const struct weighed *o = &j->w[k];
		bool news = is_class(o->m.class_name, "news.") || is_class(o->m.class_name, "update.");
		bool topic = is_class(o->m.class_name, "topic.");

		if (k == i || !(news ? in_same_sentence(w, o) : topic && in_same_clause(w, o)))
			continue;
		if (topic && strcmp(o->m.class_name, "topic.mental_health") != 0)
			return true;
		if (news && (!normal || o->m.assertion != ASSERT_NEGATED))
			return true;
	}
	return false;
}

/* "Re: chest pain" over "Thank you!" is no news of chest pain. */
void
mentions_forget_thread(struct judging *j)
{
	for (size_t i = 0; i < j->nw;)
		if (j->w[i].by_reply)
			remove_at(j, i);
		else
			i++;
}

void
mentions_weigh(struct judging *j)
{
	for (size_t i = 0; i < j->nw;)
		if (spoken_for(j, i))
			remove_at(j, i);
		else
			i++;
	for (size_t i = 0; i < j->nw;)
		if (outweighed(j, i))
			remove_at(j, i);
		else
			i++;
}
