#include "policies/judging.h"
#include "policies/leak.h"

#include "base/own.h"

#define PATTERN_WORDS 200 /* more words than any pattern covers */
#define PASSAGE_TERMS 500 /* mentions of a passage that are weighed one by one; beyond them only new kinds */

struct weighed *
mention_add(struct judging *j, struct mention m, const char *rule, int urgency)
{
	if (j->nw == j->cap) {
		size_t cap = j->cap ? j->cap * 2 : 32;
		struct weighed *more = ARENA_ARRAY(j->rd.arena, cap, struct weighed);

		if (j->nw > 0)
			memcpy(more, j->w, j->nw * sizeof *more);
		j->w = more;
		j->cap = cap;
	}
	j->w[j->nw] = (struct weighed){ .m = m, .rule = rule, .urgency = urgency };
	return &j->w[j->nw++];
}

/* A condition on the problem list is no news: "malignancy" makes news.malignancy an update. */
static const char *
known_class(const struct reader *rd, const struct class_conf *c, bool *ret_known)
{
	struct words list, word;

	*ret_known = false;
	for (size_t i = 0; i < rd->f->patient.nknown_problems; i++) {
		words_split(slice_of(rd->f->patient.known_problems[i]), rd->arena, &list);
		for (size_t k = 0; k < c->known_words.n; k++) {
			AUTO_BUF pad = BUF_INIT, needle = BUF_INIT;

			words_split(slice_of(c->known_words.item[k]), rd->arena, &word);
			buf_printf(&pad, " %s ", list.text);
			buf_printf(&needle, " %s ", word.text);
			if (strstr(buf_str(&pad), buf_str(&needle)) != NULL) {
				*ret_known = true;
				return c->becomes != NULL ? c->becomes : c->name;
			}
		}
	}
	return c->name;
}

static bool
sentence_has(const struct passage *p, uint32_t sentence, enum cue cue)
{
	for (size_t i = 0; i < p->ncues; i++)
		if (found_rule(p, &p->cue[i])->cue == (int)cue && p->sentence_of[p->cue[i].begin] == sentence)
			return true;
	return false;
}

/* "No evidence of cancer on your mammogram" is a normal result, and "not high" and "not normal" change places. */
static void
add_result(struct judging *j, const struct passage *p, const struct found *f, struct weighed *w)
{
	static const char normal[] = "result.normal", abnormal[] = "result.abnormal";
	const char *c = w->m.class_name;
	struct mention m = w->m;
	struct weighed *normal_too;

	if (w->m.assertion != ASSERT_NEGATED || boundaries_class(j->rd.b, normal) == NULL ||
	    boundaries_class(j->rd.b, abnormal) == NULL)
		return;
	if (strcmp(c, abnormal) == 0 || strcmp(c, normal) == 0) {
		w->m.class_name = strcmp(c, abnormal) == 0 ? normal : abnormal;
		w->m.assertion = ASSERT_AFFIRMED;
		return;
	}
	if (p->direction != TO_PATIENT || !is_class(c, "news.") || m.experiencer != WHO_PATIENT ||
	    m.temporality != TIME_CURRENT || !sentence_has(p, p->sentence_of[f->begin], CUE_TEST))
		return;
	m.class_name = normal;
	m.assertion = ASSERT_AFFIRMED;
	normal_too = mention_add(j, m, "negated_news", 0);
	normal_too->passage = p;
	normal_too->sentence = p->sentence_of[f->begin];
	normal_too->clause = p->clause_of[f->begin];
	normal_too->clause_end = p->clause_of[f->end - 1];
}

static void
add_term(struct judging *j, const struct passage *p, const struct found *f)
{
	const struct lex_rule *r = found_rule(p, f);
	const struct class_conf *c = &j->rd.b->classes[r->cls];
	struct meaning mean = context_of(&j->rd, p, f);
	struct weighed *w;
	bool known;

	w = mention_add(j,
	    (struct mention){ .class_name = c->name,
		.assertion = mean.assertion,
		.temporality = mean.temporality,
		.experiencer = mean.experiencer,
		.begin = p->base + p->words.w[f->begin].from,
		.end = p->base + p->words.w[f->end - 1].to,
		.source = p->source },
	    r->id, r->urgency);
	w->heading = p->heading;
	w->passage = p;
	w->sentence = p->sentence_of[f->begin];
	w->clause = p->clause_of[f->begin];
	w->clause_end = p->clause_of[f->end - 1];
	w->positive = mean.positive;
	if (mean.experiencer == WHO_PATIENT) {
		w->m.class_name = known_class(&j->rd, c, &known);
		if (known && c->becomes == NULL && w->m.temporality == TIME_CURRENT)
			w->m.temporality = TIME_HISTORICAL; /* not news: both know it */
	}
	add_result(j, p, f, w);
}

static void
add_leaks(struct judging *j, const struct passage *p)
{
	struct leak *l;
	size_t n = leak_find(&j->rd, p, &l);

	for (size_t i = 0; i < n; i++) {
		const struct regex_conf *r = l[i].is_number ? &j->rd.b->regex[l[i].regex] : NULL;
		const char *name = r != NULL ? r->class_name : "leak.other_patient";
		struct span at = { p->base + p->words.w[l[i].begin].from, p->base + p->words.w[l[i].end - 1].to };
		struct weighed *w = mention_add(j,
		    (struct mention){
			.class_name = boundaries_class(j->rd.b, name) != NULL ? name : "leak.other_patient",
			.begin = at.begin,
			.end = at.end,
			.source = p->source },
		    r != NULL ? r->id : "name", 0);

		w->redact = at;
		j->leaked = j->leaked || strcmp(name, "leak.other_patient") == 0;
	}
}

/* Of hits of one class that overlap the longest speaks. */
static bool
inside_another(const struct passage *p, size_t i)
{
	const struct found *f = &p->found[i];
	const struct lex_rule *r = found_rule(p, f);

	size_t k = i;

	while (k > 0 && p->found[k - 1].begin + PATTERN_WORDS > f->begin)
		k--;
	for (; k < p->nfound; k++) {
		const struct found *o = &p->found[k];
		const struct lex_rule *q = found_rule(p, o);

		if (o->begin >= f->end)
			break;
		if (k == i || q->kind != RULE_CLASS || q->cls != r->cls)
			continue;
		/* a pattern that reached over a negation knows less than one inside it that did not */
		if (f->denied_inside && !o->denied_inside && o->begin >= f->begin && o->end <= f->end)
			return true;
		if (o->begin > f->begin || o->end < f->end || (o->denied_inside && !f->denied_inside))
			continue;
		if (o->begin == f->begin && o->end == f->end) {
			if (k < i && q->negation == r->negation && q->says == r->says)
				return true;
			/* the rule that knows more about its words: one that carries its own assertion */
			if (q->says >= 0 && r->says < 0)
				return true;
			continue;
		}
		return true;
	}
	return false;
}

/* Does the newest mention say what an earlier one from first on said? */
static bool
seen_before(const struct judging *j, size_t first)
{
	const struct weighed *w = &j->w[j->nw - 1];

	for (size_t i = first; i + 1 < j->nw; i++) {
		const struct weighed *o = &j->w[i];

		if (strcmp(o->m.class_name, w->m.class_name) == 0 && o->m.assertion == w->m.assertion &&
		    o->m.temporality == w->m.temporality && o->m.experiencer == w->m.experiencer &&
		    o->urgency >= w->urgency && o->positive == w->positive)
			return true;
	}
	return false;
}

void
mentions_read(struct judging *j, const struct passage *p, bool by_reply)
{
	size_t first = j->nw;

	for (size_t i = 0; i < p->nfound; i++) {
		size_t before = j->nw;

		if (found_rule(p, &p->found[i])->kind != RULE_CLASS || inside_another(p, i))
			continue;
		add_term(j, p, &p->found[i]);
		if (j->nw - first > PASSAGE_TERMS && seen_before(j, first))
			j->nw--;
		for (size_t k = before; k < j->nw; k++)
			j->w[k].by_reply = by_reply;
	}
	add_leaks(j, p);
}
