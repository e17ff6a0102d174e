#include "policies/read.h"

#include <string.h>

/* Rules look this far around a word, in words: two sentences and a pattern. */
#define AROUND (2 * SENTENCE_MAX + 50)

int
found_order(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	return (int)x->denied_inside - (int)y->denied_inside;
}

/* What the rules of a pattern ask of the words around it */

static bool
in_sentence(const struct passage *p, const struct found *a, const struct found *b)
{
	return p->sentence_of[a->begin] == p->sentence_of[b->begin];
}

/* The first match that begins no more than AROUND words before this one. */
static size_t
first_around(const struct found *all, size_t at)
{
	uint32_t from = all[at].begin > AROUND ? all[at].begin - AROUND : 0;
	size_t lo = 0, hi = at;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (all[mid].begin < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The sentence before or after counts too: "I have your labs. Everything is normal." */
static bool
near_sentence(const struct passage *p, const struct found *a, const struct found *b)
{
	uint32_t x = p->sentence_of[a->begin], y = p->sentence_of[b->begin];

	return x <= y + 1 && y <= x + 1;
}

static bool
survives(const struct passage *p, const struct found *all, size_t n, size_t at)
{
	const struct found *f = &all[at];
	const struct lex_rule *r = &p->b->lexicon.rule[f->rule];
	bool with = !r->needs_with;

	if (p->heading && r->heading)
		return false;
	if ((r->direction == DIRECTION_IN && p->direction != TO_CLINICIAN) ||
	    (r->direction == DIRECTION_OUT && p->direction != TO_PATIENT))
		return false;
	for (size_t i = first_around(all, at); i < n && all[i].begin <= f->end + AROUND; i++) {
		const struct found *o = &all[i];

		if (o->role == ROLE_TERM)
			continue;
		if (o->rule != f->rule) { /* "cancer screening": the Spanish "cancer" is not meant either */
			const struct lex_rule *q = &p->b->lexicon.rule[o->rule];

			if (o->role == ROLE_IGNORE && strcmp(q->class_name, r->class_name) == 0 &&
			    q->language != r->language && o->begin < f->end && f->begin < o->end)
				return false;
			continue;
		}
		if (o->role == ROLE_IGNORE && o->begin < f->end && f->begin < o->end)
			return false;
		if (o->role == ROLE_WITHOUT && in_sentence(p, o, f))
			return false;
		with = with || (o->role == ROLE_WITH && near_sentence(p, o, f));
	}
	return with;
}

/* Does a longer cue take away one of another kind inside it? "cannot rule out" is no "rule out"; "does not suggest" no
 * "suggest"; "gone now" no "now". */
static bool
masks_cue(int outer, int inner)
{
	switch (outer) {
	case CUE_PSEUDO:
		return inner != CUE_POSSIBLE && inner != CUE_POSSIBLE_AFTER;
	case CUE_RESOLVED:
		return inner == CUE_NOW;
	case CUE_POSSIBLE:
		return inner == CUE_NEGATED || inner == CUE_HYPOTHETICAL;
	case CUE_POSSIBLE_AFTER:
		return inner == CUE_NEGATED_AFTER;
	case CUE_NEGATED:
	case CUE_NEGATED_AFTER:
		return inner == CUE_POSSIBLE || inner == CUE_POSSIBLE_AFTER || inner == CUE_HYPOTHETICAL;
	case CUE_NOW:
		return inner == CUE_HISTORICAL || inner == CUE_RECENT;
	default:
		return false;
	}
}

/* Cues inside a pseudo cue are none; the pseudo cue itself does nothing else. */
static bool
in_its_language(const struct passage *p, const struct found *f)
{
	return (p->sentence[p->sentence_of[f->begin]].languages >> found_rule(p, f)->language & 1) != 0;
}

static bool
masked(const struct passage *p, const struct found *all, size_t n, size_t at)
{
	const struct found *f = &all[at];
	int cue = p->b->lexicon.rule[f->rule].cue;

	if (cue != CUE_NEGATED && cue != CUE_NEGATED_AFTER && cue != CUE_HYPOTHETICAL && cue != CUE_RESOLVED &&
	    cue != CUE_NOW && cue != CUE_HISTORICAL && cue != CUE_RECENT && cue != CUE_TERMINATOR && cue != CUE_OTHER &&
	    cue != CUE_CHILD && cue != CUE_POSSIBLE && cue != CUE_POSSIBLE_AFTER)
		return false;
	for (size_t i = first_around(all, at); i < n && all[i].begin <= f->begin; i++) {
		const struct lex_rule *r = &p->b->lexicon.rule[all[i].rule];
		bool masks = r->kind == RULE_CUE && masks_cue(r->cue, cue);

		if (masks && in_its_language(p, &all[i]) && all[i].begin <= f->begin && f->end <= all[i].end &&
		    !(all[i].begin == f->begin && all[i].end == f->end && r->cue != CUE_PSEUDO))
			return true;
	}
	return false;
}

static void
keep_cue(struct passage *p, const struct found *f)
{
	p->cue[p->ncues++] = *f;
	for (uint32_t w = f->begin; w < f->end; w++)
		p->cues[w] |= CUE_BIT(found_rule(p, f)->cue);
}

void
passage_sift(struct passage *p, const struct found *all, size_t n, struct arena *a)
{
	size_t ncues = 0, nterms = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lex_rule *r = &p->b->lexicon.rule[all[i].rule];

		ncues += r->kind == RULE_CUE;
		nterms += r->kind != RULE_CUE && all[i].role == ROLE_TERM;
	}
	p->cue = ARENA_ARRAY(a, ncues + 1, struct found);
	p->found = ARENA_ARRAY(a, nterms + 1, struct found);
	for (size_t i = 0; i < n; i++) {
		const struct found *f = &all[i];
		const struct lex_rule *r = &p->b->lexicon.rule[f->rule];

		if (i > 0 && found_order(f, f - 1) == 0)
			continue;
		if (r->kind != RULE_CUE) {
			if (f->role == ROLE_TERM && survives(p, all, n, i))
				p->found[p->nfound++] = *f;
			continue;
		}
		if (in_its_language(p, f) && !masked(p, all, n, i))
			keep_cue(p, f);
	}
}
