#include "policies/read.h"

#include <stdlib.h>

/*
 * How a term was meant, in the tradition of NegEx and ConText (Chapman 2001, Harkema 2009), with one difference: these
 * texts are no reports. A cue counts only inside its clause and only when nothing but bridges and lists stands between
 * it and the term; where there is doubt the term stays affirmed and current.
 */

#define NEAR_WORDS 6 /* reach of a cue that lets other words stand between */

/* Clauses */

static bool
has(const struct passage *p, size_t i, enum cue c)
{
	return i < p->words.n && (p->cues[i] & CUE_BIT(c)) != 0;
}

static bool
cue_begins(const struct passage *p, size_t i, enum cue c)
{
	for (size_t k = p->sentence[p->sentence_of[i]].cue; k < p->ncues && p->cue[k].begin <= i; k++)
		if (p->cue[k].begin == i && found_rule(p, &p->cue[k])->cue == (int)c)
			return true;
	return false;
}

/* After "and" or a comma: does a clause of its own begin here? */
static bool
new_subject(const struct passage *p, size_t i)
{
	while (i < p->words.n && (has(p, i, CUE_AND) || word_mark(&p->words, i) == ','))
		i++;
	return has(p, i, CUE_SUBJECT);
}

static bool
begins_clause(const struct passage *p, size_t i)
{
	char m = word_mark(&p->words, i);

	if (m == ':' || m == '-' || m == '(' || m == ')')
		return true;
	if (m == ',')
		return new_subject(p, i + 1);
	if (m != 0)
		return false;
	if ((p->words.w[i].flags & (WORD_LINE | WORD_CAPITAL)) == (WORD_LINE | WORD_CAPITAL))
		return true;
	if ((p->cues[i] & (CUE_BIT(CUE_AND) | CUE_BIT(CUE_JOIN))) != 0)
		return new_subject(p, i + 1);
	return (p->cues[i] & CUE_BIT(CUE_TERMINATOR)) != 0 && cue_begins(p, i, CUE_TERMINATOR);
}

/* Where each sentence's cues begin, and whom the sentences before it spoke of last. */
static void
index_cues(const struct reader *rd, struct passage *p)
{
	bool other = false;
	uint32_t at = 0;

	for (size_t s = 0; s < p->nsentences; s++) {
		p->sentence[s].other_person = other;
		while (at < p->ncues && p->sentence_of[p->cue[at].begin] < s)
			at++;
		p->sentence[s].cue = at;
		for (uint32_t i = at; i < p->ncues && p->sentence_of[p->cue[i].begin] == s; i++) {
			int cue = found_rule(p, &p->cue[i])->cue;

			if (cue == CUE_OTHER)
				other = true;
			else if (cue == CUE_CHILD)
				other = !rd->patient_is_child;
		}
	}
}

void
passage_clauses(const struct reader *rd, struct passage *p)
{
	uint32_t clause = 0;

	index_cues(rd, p);

	for (size_t i = 0; i < p->words.n; i++) {
		if (i > 0 && p->sentence_of[i] != p->sentence_of[i - 1])
			clause++;
		else if (i > 0 && begins_clause(p, i) && p->clause_of[i - 1] == clause)
			clause++;
		p->clause_of[i] = clause;
	}
}

/* Paths between a cue and a term */

static bool
is_separator(const struct passage *p, size_t i)
{
	char m = word_mark(&p->words, i);

	return m == ',' || m == '/' || (p->cues[i] & (CUE_BIT(CUE_JOIN) | CUE_BIT(CUE_AND))) != 0;
}

/* Words that an item of a list does not hold: it would be a statement of its own. */
static bool
is_statement_word(const struct passage *p, size_t i)
{
	return (p->cues[i] & (CUE_BIT(CUE_SUBJECT) | CUE_BIT(CUE_NOW) | CUE_BIT(CUE_PAST))) != 0;
}

static bool
is_bridge(const struct passage *p, size_t i)
{
	return word_mark(&p->words, i) == '"' || (p->cues[i] & CUE_BIT(CUE_BRIDGE)) != 0;
}

/* Is there another item after the term, joined by "or", "nor" or "and"? Then the commas before it were a list. */
static bool
list_goes_on(const struct passage *p, size_t from)
{
	unsigned words = 0;

	for (size_t i = from; i < p->words.n && p->clause_of[i] == p->clause_of[from - 1]; i++) {
		if (has(p, i, CUE_JOIN) || has(p, i, CUE_AND))
			return true;
		if (word_mark(&p->words, i) == ',')
			words = 0;
		else if (is_statement_word(p, i) || ++words > 4)
			return false;
	}
	return false;
}

/* The rest of the term's item, up to the next separator: a statement there takes it out of the list. */
static bool
item_states(const struct passage *p, size_t from)
{
	for (size_t i = from; i < p->words.n && p->clause_of[i] == p->clause_of[from - 1] && !is_separator(p, i); i++)
		if ((p->cues[i] & (CUE_BIT(CUE_NOW) | CUE_BIT(CUE_PAST))) != 0)
			return true;
	return false;
}

/* May a cue that ends at from reach a term [begin, end)? Only bridges directly before the term; before those, whole
 * items of a list whose commas are closed by "or", "nor" or "and". */
static bool
path_open(const struct passage *p, uint32_t from, uint32_t begin, uint32_t end)
{
	unsigned words = 0, commas = 0, joins = 0, separators = 0;

	if (from > begin || p->clause_of[from - 1] != p->clause_of[begin])
		return false;
	if (from < begin && word_mark(&p->words, from) == ',')
		return false; /* "No, the chest pain is back" */
	for (uint32_t i = from; i < begin; i++) {
		if (is_separator(p, i)) {
			separators += words > 0 || separators == 0;
			commas += word_mark(&p->words, i) == ',';
			joins += (p->cues[i] & (CUE_BIT(CUE_JOIN) | CUE_BIT(CUE_AND))) != 0 ||
				 word_mark(&p->words, i) == '/';
			words = 0;
		} else if (is_statement_word(p, i) && !is_bridge(p, i)) {
			return false;
		} else if (!is_bridge(p, i) && ++words > 4) {
			return false;
		}
	}
	if (words > 0)
		return false;
	if (separators == 0)
		return true;
	if (item_states(p, end))
		return false;
	return joins > 0 || commas >= 2 || list_goes_on(p, end);
}

static bool
near_before(const struct passage *p, const struct found *c, const struct found *m, unsigned reach)
{
	unsigned words = 0;

	if (c->end > m->begin || p->sentence_of[c->begin] != p->sentence_of[m->begin])
		return false;
	if (p->clause_of[c->end - 1] != p->clause_of[m->begin])
		return false;
	for (uint32_t i = c->end; i < m->begin; i++)
		words += word_mark(&p->words, i) == 0;
	return words <= reach;
}

/* After the term: tests, bridges and "was" may stand between. */
static bool
path_after(const struct passage *p, const struct found *m, const struct found *c)
{
	if (c->begin < m->end || p->clause_of[c->begin] != p->clause_of[m->end - 1])
		return false;
	for (uint32_t i = m->end; i < c->begin; i++)
		if ((p->cues[i] & (CUE_BIT(CUE_BRIDGE) | CUE_BIT(CUE_TEST) | CUE_BIT(CUE_PAST))) == 0)
			return false;
	return true;
}

static bool
overlaps(const struct found *a, const struct found *b)
{
	return a->begin < b->end && b->begin < a->end;
}

static bool
same_clause(const struct passage *p, const struct found *a, const struct found *b)
{
	return p->clause_of[a->begin] == p->clause_of[b->begin] && p->sentence_of[a->begin] == p->sentence_of[b->begin];
}

/* The cues of a term's sentence, and of the next one where after is 1. */
static size_t
cue_from(const struct passage *p, const struct found *m)
{
	return p->sentence[p->sentence_of[m->begin]].cue;
}

static size_t
cue_to(const struct passage *p, const struct found *m, unsigned after)
{
	size_t next = p->sentence_of[m->end - 1] + 1 + after;

	return next < p->nsentences ? p->sentence[next].cue : p->ncues;
}

/* Any clause that the term reaches into. */
static bool
in_clauses(const struct passage *p, const struct found *c, const struct found *m)
{
	return p->clause_of[c->begin] >= p->clause_of[m->begin] && p->clause_of[c->begin] <= p->clause_of[m->end - 1];
}

static bool
same_sentence(const struct passage *p, const struct found *a, const struct found *b)
{
	return p->sentence_of[a->begin] == p->sentence_of[b->begin];
}

/* Assertion */

struct counts {
	unsigned negated, possible;
	bool positive;
};

static struct counts
count_cues(const struct passage *p, const struct found *m)
{
	struct counts n = { 0 };
	bool sentence = found_rule(p, m)->negation == NEGATION_SENTENCE;
	uint32_t last_end = 0;

	if (m->denied_inside && found_rule(p, m)->negation != NEGATION_NEVER)
		n.negated++;
	for (size_t i = cue_from(p, m); i < cue_to(p, m, 0); i++) {
		const struct found *c = &p->cue[i];
		int cue = found_rule(p, c)->cue;

		if (!same_sentence(p, c, m) || (overlaps(c, m) && cue != CUE_POSITIVE))
			continue;
		if (cue == CUE_NEGATED && c->begin >= last_end && path_open(p, c->end, m->begin, m->end)) {
			if (n.negated == 0 || !has(p, c->begin, CUE_JOIN)) /* "no X nor Y" denies Y once */
				n.negated++;
			last_end = c->end; /* "do not have", "have no": one negation each */
		} else if (cue == CUE_NEGATED_AFTER && (path_after(p, m, c) || (sentence && c->begin >= m->end))) {
			n.negated += n.negated == 0;
		} else if (cue == CUE_POSSIBLE) {
			n.possible += near_before(p, c, m, NEAR_WORDS);
		} else if (cue == CUE_POSSIBLE_AFTER) {
			n.possible += path_after(p, m, c);
		} else if (cue == CUE_POSITIVE && same_clause(p, c, m)) {
			n.positive = true;
		}
	}
	return n;
}

static enum assertion
assertion_of(const struct passage *p, const struct found *m, bool *positive)
{
	const struct lex_rule *r = found_rule(p, m);
	struct counts n = count_cues(p, m);

	*positive = n.positive || n.possible > 0;
	if (r->says >= 0)
		return (enum assertion)r->says;
	if (r->negation == NEGATION_NEVER)
		return n.possible > 0 ? ASSERT_POSSIBLE : ASSERT_AFFIRMED;
	if (n.possible > 0)
		return ASSERT_POSSIBLE;
	/* two negations of one thing say that it is so, or nobody knows what */
	return n.negated == 1 ? ASSERT_NEGATED : ASSERT_AFFIRMED;
}

/* Time */

static bool
clause_has(const struct passage *p, const struct found *m, enum cue cue)
{
	for (size_t i = cue_from(p, m); i < cue_to(p, m, 0); i++)
		if (found_rule(p, &p->cue[i])->cue == (int)cue && in_clauses(p, &p->cue[i], m))
			return true;
	return false;
}

/* In the sentence of the term or, for what came of it, in the next one. */
static bool
resolved(const struct passage *p, const struct found *m)
{
	for (size_t i = cue_from(p, m); i < cue_to(p, m, 1); i++) {
		const struct found *c = &p->cue[i];

		if (found_rule(p, c)->cue == CUE_RESOLVED && c->begin >= m->end &&
		    p->sentence_of[c->begin] - p->sentence_of[m->begin] <= 1)
			return true;
	}
	return false;
}

/* "in 2019", "en 2019", "of 2019": a year before this one. */
static bool
past_year(const struct reader *rd, const struct passage *p, const struct found *m)
{
	const struct words *w = &p->words;

	const struct sentence *in = &p->sentence[p->sentence_of[m->begin]];

	for (size_t i = in->begin + 1; i < in->end; i++) {
		struct slice s = word_text(w, i);
		long year;

		if (w->w[i].kind != WORD_NUMBER || s.n != 4 || p->clause_of[i] != p->clause_of[m->begin] ||
		    (i >= m->begin && i < m->end))
			continue;
		if (!word_is(w, i - 1, "in") && !word_is(w, i - 1, "en") && !word_is(w, i - 1, "of") &&
		    !word_is(w, i - 1, "del") && !word_is(w, i - 1, "during") && !word_is(w, i - 1, "around") &&
		    !word_is(w, i - 1, "(") && !word_is(w, i - 1, "de"))
			continue;
		year = strtol(s.p, NULL, 10);
		if (year >= 1900 && year <= 2100 && (rd->year == 0 || year < rd->year))
			return true;
	}
	return false;
}

/* "at 60", "at age 42": a life's time, not a clock's or a dose's. */
static bool
at_age(const struct passage *p, const struct found *m)
{
	const struct words *w = &p->words;

	for (size_t i = m->end; i + 1 < w->n && p->clause_of[i] == p->clause_of[m->begin]; i++) {
		size_t n = i + 1;

		if (!word_is(w, i, "at") && !(word_is(w, i, "a") && word_is(w, i + 1, "los")))
			continue;
		while (word_is(w, n, "age") || word_is(w, n, "the") || word_is(w, n, "of") || word_is(w, n, "los"))
			n++;
		if (n < w->n && w->w[n].kind == WORD_NUMBER && word_text(w, n).n == 2 && !word_is(w, n + 1, "am") &&
		    !word_is(w, n + 1, "pm") && !word_is(w, n + 1, "mg") && !word_is(w, n + 1, "percent") &&
		    !word_is(w, n + 1, "p") && !word_is(w, n + 1, "a"))
			return true;
	}
	return false;
}

static bool
says_past(const struct passage *p, const struct found *m)
{
	for (uint32_t i = m->begin; i < m->end; i++) {
		struct slice s = word_text(&p->words, i);

		if (has(p, i, CUE_PAST) || (s.n > 4 && s.p[s.n - 1] == 'd' && s.p[s.n - 2] == 'e'))
			return true;
	}
	return clause_has(p, m, CUE_PAST);
}

/* Clauses that follow one another by "or" and "and" alone: "if it hurts or your lips turn blue". */
static bool
joined_clauses(const struct passage *p, const struct found *c, const struct found *m)
{
	if (!same_sentence(p, c, m))
		return false;
	for (uint32_t i = c->end; i <= m->begin; i++)
		if (p->clause_of[i] != p->clause_of[i - 1] && !has(p, i, CUE_JOIN) && !has(p, i, CUE_AND))
			return false;
	return true;
}

/* A hypothetical cue reaches its clause. In a patient's message it does not reach over a comma unless what follows is
 * a list, and not to what is there now. */
static bool
hypothetical(const struct passage *p, const struct found *m)
{
	for (size_t i = cue_from(p, m); i < cue_to(p, m, 0); i++) {
		const struct found *c = &p->cue[i];
		unsigned commas = 0, joins = 0;

		if (found_rule(p, c)->cue != CUE_HYPOTHETICAL || c->begin >= m->end || overlaps(c, m) ||
		    !joined_clauses(p, c, m))
			continue;
		if (p->direction == TO_PATIENT)
			return true;
		if (clause_has(p, m, CUE_NOW))
			continue;
		for (uint32_t k = c->end; k < m->begin; k++) {
			commas += word_mark(&p->words, k) == ',';
			joins += has(p, k, CUE_JOIN) || has(p, k, CUE_AND);
		}
		if (commas == 0 || joins > 0 || list_goes_on(p, m->end))
			return true;
	}
	return false;
}

/* "Yesterday I had chest pain and it is still there": what is over does not come after, in this sentence or the next.
 */
static bool
persists(const struct passage *p, const struct found *m)
{
	static const char *const words[] = { "still", "again", "back", "worse", "worsening", "returned", "continues",
		"constant", "keeps", "todavia", "aun", "sigue", "sigo", "peor", "otra", "volvio", "nuevo" };

	for (size_t i = cue_from(p, m); i < cue_to(p, m, 1); i++) {
		const struct found *c = &p->cue[i];

		if (found_rule(p, c)->cue != CUE_NOW || c->begin < m->end ||
		    p->sentence_of[c->begin] - p->sentence_of[m->begin] > 1)
			continue;
		for (uint32_t w = c->begin; w < c->end; w++)
			for (size_t k = 0; k < sizeof words / sizeof *words; k++)
				if (word_is(&p->words, w, words[k]))
					return true;
	}
	return false;
}

static enum temporality
time_of(const struct reader *rd, const struct passage *p, const struct found *m)
{
	const struct lex_rule *r = found_rule(p, m);
	bool now = clause_has(p, m, CUE_NOW);

	if (hypothetical(p, m))
		return TIME_HYPOTHETICAL;
	if (r->when >= 0 && r->when != TIME_CURRENT)
		return (enum temporality)r->when;
	if (now)
		return TIME_CURRENT;
	if (clause_has(p, m, CUE_HISTORICAL) || past_year(rd, p, m) || clause_has(p, m, CUE_OTHER_PAST))
		return TIME_HISTORICAL;
	if (r->when == TIME_CURRENT || persists(p, m))
		return TIME_CURRENT;
	if (clause_has(p, m, CUE_RECENT) && (says_past(p, m) || resolved(p, m)))
		return TIME_RECENT;
	if (resolved(p, m) && (says_past(p, m) || clause_has(p, m, CUE_RESOLVED)))
		return TIME_RECENT;
	return TIME_CURRENT;
}

/* Of whom */

/* "my husband hits me", "he gave me": whoever does it, it happens to the writer. */
static bool
done_to_writer(const struct passage *p, const struct found *m)
{
	for (uint32_t i = m->begin; i < m->end; i++)
		if (word_is(&p->words, i, "me") || word_is(&p->words, i, "myself") || word_is(&p->words, i, "us"))
			return true;
	return false;
}

/* The nearest of self and other before the term in its sentence; "he" is whoever was spoken of before. -1: nobody. */
static int
subject_before(const struct passage *p, const struct found *m, bool child_is_patient)
{
	enum experiencer person = p->sentence[p->sentence_of[m->begin]].other_person ? WHO_OTHER : WHO_PATIENT;
	int who = -1;

	for (size_t i = cue_from(p, m); i < cue_to(p, m, 0); i++) {
		const struct found *c = &p->cue[i];
		int cue = found_rule(p, c)->cue;

		if (!same_sentence(p, c, m) || c->begin > m->begin || (c->begin == m->begin && cue != CUE_PRONOUN))
			continue;
		if ((cue == CUE_SELF || cue == CUE_PRONOUN) &&
		    (has(p, c->begin, CUE_OTHER) || has(p, c->begin, CUE_CHILD)))
			continue; /* the "my" of "my father" */
		if (cue == CUE_OTHER || cue == CUE_OTHER_PAST)
			who = person = WHO_OTHER;
		else if (cue == CUE_CHILD)
			who = person = child_is_patient ? WHO_PATIENT : WHO_OTHER;
		else if (cue == CUE_SELF)
			who = WHO_PATIENT;
		else if (cue == CUE_PRONOUN)
			who = person;
	}
	return who;
}

/* "breast cancer in your mother", "a stroke, my father's" */
static bool
other_after(const struct passage *p, const struct found *m)
{
	for (size_t i = cue_from(p, m); i < cue_to(p, m, 0); i++) {
		const struct found *c = &p->cue[i];
		int cue = found_rule(p, c)->cue;

		if (cue == CUE_OTHER_PAST && same_clause(p, c, m))
			return true;
		if (cue == CUE_OTHER && c->begin == m->end + 1 && same_clause(p, c, m) &&
		    (word_is(&p->words, m->end, "in") || word_is(&p->words, m->end, "of") ||
			word_is(&p->words, m->end, "de") || word_is(&p->words, m->end, "en")))
			return true;
	}
	return false;
}

static enum experiencer
who_of(const struct reader *rd, const struct passage *p, const struct found *m)
{
	bool child = rd->patient_is_child;
	int who = subject_before(p, m, child);

	if (other_after(p, m))
		return WHO_OTHER;
	if (done_to_writer(p, m))
		return WHO_PATIENT;
	return who >= 0 ? (enum experiencer)who : WHO_PATIENT;
}

struct meaning
context_of(const struct reader *rd, const struct passage *p, const struct found *m)
{
	struct meaning ret = { 0 };

	ret.assertion = assertion_of(p, m, &ret.positive);
	ret.experiencer = who_of(rd, p, m);
	ret.temporality = time_of(rd, p, m);
	if (ret.experiencer == WHO_OTHER && ret.temporality == TIME_CURRENT && at_age(p, m))
		ret.temporality = TIME_HISTORICAL;
	return ret;
}
