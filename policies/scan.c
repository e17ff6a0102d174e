#include "policies/read.h"

#include "base/own.h"

#include <stdlib.h>
#include <string.h>

/* More hits than this in one text is nobody's message; the engine answers "not screened". */
#define MAX_HITS 4000000

/* Ways of continuing a pattern from one place that are tried. */
#define STEPS_MAX 400

struct hit { /* an element of a pattern, by words */
	uint32_t element, begin, end;
};

struct scan {
	struct passage *p;
	const struct lexicon *lx;
	uint32_t *word_at; /* by byte of the canonical text: the word that begins there */
	struct hit *hits;  /* own */
	size_t nhits, cap;
	bool too_many;
	struct number_found *numbers; /* own */
	size_t nnumbers, ncap;
};

/* Sentences */

static bool
is_abbreviation(const struct words *w, size_t dot)
{
	static const char *const abbr[] = { "dr", "dra", "mr", "mrs", "ms", "mx", "sr", "sra", "srta", "st", "vs", "jr",
		"prof", "approx", "dept", "inc", "fig", "num", "tel", "ext", "ud", "uds", "mt", "ave" };
	struct slice s;

	if (dot == 0 || (w->w[dot].flags & WORD_GLUED) == 0 || w->w[dot - 1].kind != WORD_TEXT)
		return false;
	s = word_text(w, dot - 1);
	for (size_t i = 0; i < ARRAY_LEN(abbr); i++)
		if (slice_eq(s, abbr[i]))
			return true;
	/* one letter: an initial or "p.m."; but "vitamin D. Please" ends a sentence */
	if (s.n != 1 || slice_eq(s, "i"))
		return false;
	if (dot + 1 >= w->n)
		return false;
	return (w->w[dot + 1].flags & WORD_GLUED) != 0 || (w->w[dot + 1].flags & WORD_CAPITAL) == 0 ||
	       (dot >= 2 && word_mark(w, dot - 2) == '.');
}

/* "1)" and "1." at the start of a line or after a blank begin a request of a list. */
static bool
is_list_number(const struct words *w, size_t i)
{
	char m = word_mark(w, i + 1);

	if (w->w[i].kind != WORD_NUMBER || w->w[i].end - w->w[i].begin > 2)
		return false;
	if (m == ')')
		return (w->w[i + 1].flags & WORD_GLUED) != 0 && !(i > 0 && word_mark(w, i - 1) == '(');
	return m == '.' && (w->w[i + 1].flags & (WORD_GLUED | WORD_SPACED)) == (WORD_GLUED | WORD_SPACED) &&
	       (i == 0 || (w->w[i].flags & (WORD_LINE | WORD_PARA)) != 0);
}

static bool
ends_sentence(const struct words *w, size_t i)
{
	switch (word_mark(w, i)) {
	case '!':
	case '?':
	case ';':
		return true;
	case '.':
		return !is_abbreviation(w, i);
	default:
		return false;
	}
}

static void
split_sentences(struct passage *p, struct arena *a)
{
	const struct words *w = &p->words;
	struct sentence *cur;

	p->sentence = ARENA_ARRAY(a, w->n + 1, struct sentence);
	p->sentence_of = ARENA_ARRAY(a, w->n + 1, uint32_t);
	p->nsentences = 1;
	for (size_t i = 0; i < w->n; i++) {
		bool list = is_list_number(w, i), endless;

		cur = &p->sentence[p->nsentences - 1];
		endless = cur->end - cur->begin >= SENTENCE_MAX;
		if ((list || endless || (w->w[i].flags & WORD_PARA) != 0) && cur->end > cur->begin) {
			cur = &p->sentence[p->nsentences++];
			*cur = (struct sentence){ .begin = (uint32_t)i, .end = (uint32_t)i };
		}
		p->sentence_of[i] = (uint32_t)p->nsentences - 1;
		if (list) {
			p->sentence_of[++i] = (uint32_t)p->nsentences - 1;
			cur->begin = cur->end = (uint32_t)i + 1;
			continue;
		}
		if (!ends_sentence(w, i)) {
			cur->end = (uint32_t)i + 1;
			continue;
		}
		cur->question = word_mark(w, i) == '?';
		if (cur->end == cur->begin) {
			cur->begin = cur->end = (uint32_t)i + 1;
			continue;
		}
		p->sentence[p->nsentences++] = (struct sentence){ .begin = (uint32_t)i + 1, .end = (uint32_t)i + 1 };
	}
	if (p->nsentences > 1 && p->sentence[p->nsentences - 1].end == p->sentence[p->nsentences - 1].begin)
		p->nsentences--;
}

/* Literals */

static void
add_hit(struct scan *s, uint32_t element, uint32_t begin, uint32_t end)
{
	if (s->nhits == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 1024;
		s->hits = xreallocarray(s->hits, s->cap, sizeof *s->hits);
	}
	s->hits[s->nhits++] = (struct hit){ element, begin, end };
}

static int
on_literal(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	struct scan *s = ctx;
	const char *t = s->p->words.text;
	size_t len = s->lx->literal_len[id], start = (size_t)to - len;
	struct lex_range r = s->lx->literal_elems[id];
	uint32_t words = 1;

	(void)from;
	(void)flags;
	if (start > 0 && t[start - 1] != ' ')
		return 0;
	if (!s->lx->literal_open[id] && (size_t)to < s->p->words.len && t[to] != ' ')
		return 0;
	for (size_t i = start; i < (size_t)to; i++)
		words += t[i] == ' ';
	for (uint32_t i = 0; i < r.n; i++)
		add_hit(s, s->lx->elems[r.first + i], s->word_at[start], s->word_at[start] + words);
	s->too_many = s->nhits > MAX_HITS;
	return s->too_many;
}

static int
by_element(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->element != y->element)
		return x->element < y->element ? -1 : 1;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Patterns */

struct joiner {
	struct scan *s;
	uint32_t *first; /* by element: first hit; first[element + 1] is the end */
	struct found *found;
	size_t nfound, cap;
	unsigned steps; /* left for the pattern that is being joined */
};

static void
add_found(struct joiner *j, const struct lex_pattern *pat, uint32_t begin, uint32_t end, bool denied)
{
	if (j->nfound == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 256;
		j->found = xreallocarray(j->found, j->cap, sizeof *j->found);
	}
	j->found[j->nfound++] = (struct found){ pat->rule, begin, end, pat->role, denied };
}

/* May a pattern reach over the words between? Not over the end of a sentence, and a mark other than a comma or a quote
 * stops it too. Only words count towards the gap; nothing but a quotation mark may stand where there is no gap. */
static bool
gap_ok(const struct passage *p, uint32_t from, uint32_t to, unsigned gap)
{
	unsigned words = 0;

	for (uint32_t i = from; i < to; i++) {
		char m = word_mark(&p->words, i);

		if (m == 0)
			words++;
		else if (m != '"' && (m != ',' || gap == 0))
			return false;
	}
	return words <= gap && (to == from || to >= p->words.n || p->sentence_of[from] == p->sentence_of[to]) &&
	       (from == 0 || from >= p->words.n || p->sentence_of[from - 1] == p->sentence_of[from]);
}

/* Said in a gap, it denies what the pattern says. */
static bool
denies(const struct passage *p, uint32_t from, uint32_t to)
{
	static const char *const words[] = { "no", "not", "nor", "never", "without", "dont", "doesnt", "didnt", "isnt",
		"arent", "wasnt", "werent", "havent", "hasnt", "denies", "deny", "denied", "sin", "ningun", "ninguna",
		"nunca", "tampoco" };

	for (uint32_t i = from; i < to; i++)
		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			if (word_is(&p->words, i, words[k]))
				return true;
	return false;
}

/* First hit of the element that begins at word at or later. */
static uint32_t
lower_bound(const struct joiner *j, uint32_t element, uint32_t at)
{
	uint32_t lo = j->first[element], hi = j->first[element + 1];

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (j->s->hits[mid].begin < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
join(struct joiner *j, const struct lex_pattern *pat, size_t link, uint32_t begin, uint32_t at, bool denied)
{
	const struct lex_link *l;
	uint32_t reach;

	if (link == pat->nlinks) {
		add_found(j, pat, begin, at, denied);
		return;
	}
	l = &pat->link[link];
	reach = at + l->gap * 2u + 2; /* marks between do not count, but not many of them */
	for (uint32_t i = lower_bound(j, l->element, at); i < j->first[l->element + 1] && j->nfound < MAX_HITS; i++) {
		if (j->s->hits[i].begin > reach || j->steps == 0)
			return;
		j->steps--;
		if (gap_ok(j->s->p, at, j->s->hits[i].begin, l->gap))
			join(j, pat, link + 1, begin, j->s->hits[i].end,
			    denied || denies(j->s->p, at, j->s->hits[i].begin));
	}
}

static void
join_patterns(struct joiner *j)
{
	const struct lexicon *lx = j->s->lx;

	for (size_t e = 0; e < lx->nelements; e++) {
		struct lex_range r = lx->element_starts[e];

		for (uint32_t h = j->first[e]; h < j->first[e + 1] && r.n > 0; h++)
			for (uint32_t i = 0; i < r.n; i++) {
				j->steps = STEPS_MAX;
				join(j, &lx->pattern[lx->starts[r.first + i]], 1, j->s->hits[h].begin,
				    j->s->hits[h].end, false);
			}
	}
	if (j->nfound > 0)
		qsort(j->found, j->nfound, sizeof *j->found, found_order);
}

static void
index_hits(struct joiner *j)
{
	struct scan *s = j->s;
	size_t at = 0;

	if (s->nhits > 0)
		qsort(s->hits, s->nhits, sizeof *s->hits, by_element);
	j->first = xcalloc(s->lx->nelements + 1, sizeof *j->first);
	for (size_t e = 0; e <= s->lx->nelements; e++) {
		while (at < s->nhits && s->hits[at].element < e)
			at++;
		j->first[e] = (uint32_t)at;
	}
}

/* Function words tell the language before any cue is believed. */
static bool
mark_function_words(struct passage *p, const struct joiner *j)
{
	bool others = false;

	p->nfound = 0;
	for (size_t i = 0; i < j->nfound; i++) {
		const struct lex_rule *r = &p->b->lexicon.rule[j->found[i].rule];

		if (r->kind == RULE_CUE && r->cue == CUE_FUNCTION)
			p->found[p->nfound++] = j->found[i];
		else
			others = others || r->kind != RULE_CUE;
	}
	return others;
}

/* Numbers */

static bool
luhn(const char *s, size_t n)
{
	unsigned sum = 0, digits = 0;

	for (size_t i = n; i-- > 0;) {
		unsigned d;

		if (s[i] < '0' || s[i] > '9')
			continue;
		d = (unsigned)(s[i] - '0');
		if (digits++ % 2 == 1)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return digits >= 13 && digits <= 19 && sum % 10 == 0;
}

/* Numbers never issued: area 000, 666 or 9xx, group 00, serial 0000. */
static bool
ssn(const char *s, size_t n)
{
	char d[10];
	size_t k = 0;

	for (size_t i = 0; i < n && k < 10; i++)
		if (s[i] >= '0' && s[i] <= '9')
			d[k++] = s[i];
	return k == 9 && memcmp(d, "000", 3) != 0 && memcmp(d, "666", 3) != 0 && d[0] != '9' &&
	       memcmp(d + 3, "00", 2) != 0 && memcmp(d + 5, "0000", 4) != 0;
}

static int
on_regex(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	struct scan *s = ctx;
	const char *t = s->p->words.text;
	size_t n = s->p->words.len;

	(void)flags;
	if ((from > 0 && t[from - 1] != ' ') || (to < n && t[to] != ' '))
		return 0;
	if (s->nnumbers == s->ncap) {
		s->ncap = s->ncap ? s->ncap * 2 : 16;
		s->numbers = xreallocarray(s->numbers, s->ncap, sizeof *s->numbers);
	}
	s->numbers[s->nnumbers++] = (struct number_found){ id, s->word_at[from], 0, (uint32_t)from, (uint32_t)to };
	return s->nnumbers > 10000;
}

/* Of the matches that begin at one place the longest; then the number is its last words that hold digits. */
static void
keep_numbers(struct scan *s, struct arena *a)
{
	struct passage *p = s->p;
	const struct words *w = &p->words;

	p->number = ARENA_ARRAY(a, s->nnumbers + 1, struct number_found);
	for (size_t i = 0; i < s->nnumbers; i++) {
		struct number_found m = s->numbers[i];
		const struct regex_conf *r = &p->b->regex[m.regex];
		bool longest = true;
		uint32_t first;

		for (size_t k = 0; k < s->nnumbers; k++)
			longest = longest && !(s->numbers[k].regex == m.regex && s->numbers[k].from == m.from &&
						 s->numbers[k].to > m.to);
		m.end = m.begin;
		while (m.end < w->n && w->w[m.end].end <= m.to)
			m.end++;
		if (!longest || m.end == m.begin)
			continue;
		first = m.end - 1;
		while (first > m.begin && w->w[first - 1].kind == WORD_NUMBER)
			first--;
		if (r->check == CHECK_LUHN && !luhn(w->text + w->w[first].begin, m.to - w->w[first].begin))
			continue;
		if (r->check == CHECK_SSN && !ssn(w->text + w->w[first].begin, m.to - w->w[first].begin))
			continue;
		m.from = w->w[first].from;
		m.to = w->w[m.end - 1].to;
		m.begin = first;
		p->number[p->nnumbers++] = m;
	}
}

/* A capital inside a sentence: "Brian" is no brain. A shouted word is no name. */
static bool
is_a_name(const struct passage *p, struct slice text, size_t i)
{
	const struct word *w = &p->words.w[i];
	char m = i > 0 ? word_mark(&p->words, i - 1) : '.';

	if ((w->flags & WORD_CAPITAL) == 0 || i == 0 || (w->flags & (WORD_LINE | WORD_PARA)) != 0 ||
	    (m != 0 && m != ','))
		return false;
	return w->to - w->from > 1 && text.p[w->from + 1] >= 'a' && text.p[w->from + 1] <= 'z';
}

static void
correct_spelling(struct passage *p, struct slice text, struct arena *a)
{
	const char **instead = ARENA_ARRAY(a, p->words.n + 1, const char *);
	bool any = false;

	for (size_t i = 0; i < p->words.n; i++)
		if (p->words.w[i].kind == WORD_TEXT && !is_a_name(p, text, i)) {
			instead[i] = spelling_meant(p->b->lexicon.spelling, word_text(&p->words, i));
			any = any || instead[i] != NULL;
		}
	if (any)
		words_replace(&p->words, instead, a);
}

static enum status
scan_databases(const struct reader *rd, struct scan *s, struct err *err)
{
	const struct words *w = &s->p->words;
	unsigned len = (unsigned)w->len;
	hs_error_t rc = hs_scan(rd->b->literals, w->text, len, 0, rd->scratch, on_literal, s);

	if (rc == HS_SUCCESS && rd->b->regexes != NULL)
		rc = hs_scan(rd->b->regexes, w->text, len, 0, rd->scratch, on_regex, s);
	if (rc == HS_SUCCESS)
		return ST_OK;
	return err_set(err, ST_LOCAL, "policy.scan", "a text cannot be read against the lexicons (%d)", (int)rc);
}

enum status
passage_read(const struct reader *rd, int16_t source, struct slice text, struct passage *ret, struct err *err)
{
	struct passage p = {
		.source = source, .heading = source < 0, .direction = rd->f->direction, .b = rd->b, .languages = ~0u
	};
	struct scan s = { .p = &p, .lx = &rd->b->lexicon };
	struct joiner j = { .s = &s };
	enum status st;
	bool known, terms;

	words_split(text, rd->arena, &p.words);
	correct_spelling(&p, text, rd->arena);
	split_sentences(&p, rd->arena);
	p.clause_of = ARENA_ARRAY(rd->arena, p.words.n + 1, uint32_t);
	p.cues = ARENA_ARRAY(rd->arena, p.words.n + 1, uint32_t);
	s.word_at = xcalloc(p.words.len + 1, sizeof *s.word_at);
	for (size_t i = 0; i < p.words.n; i++)
		s.word_at[p.words.w[i].begin] = (uint32_t)i;
	st = scan_databases(rd, &s, err);
	if (st == ST_OK) {
		index_hits(&j);
		join_patterns(&j);
		p.found = ARENA_ARRAY(rd->arena, j.nfound + 1, struct found);
		terms = mark_function_words(&p, &j);
		p.languages = language_of(&p, &known);
		if (p.nfound == 0 && terms && p.words.foreign == 0)
			known = false; /* "CBC fine. TSH 2.1." has no function word and is no foreign language */
		p.foreign = known && p.languages == 0;
		p.language_told = known;
		if (p.languages == 0)
			p.languages = (1u << rd->b->lexicon.nlanguages) - 1;
		language_of_sentences(&p);
		p.nfound = 0;
		passage_sift(&p, j.found, j.nfound, rd->arena);
		keep_numbers(&s, rd->arena);
		passage_clauses(rd, &p);
		*ret = p;
	}
	free(s.word_at);
	free(s.hits);
	free(s.numbers);
	free(j.first);
	free(j.found);
	return st;
}
