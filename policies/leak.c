#include "policies/leak.h"

#include <string.h>

/* Names */

/* Is this word one of the words of a name? */
static bool
word_in(const struct reader *rd, struct slice word, const char *name)
{
	struct words ws;

	if (name == NULL)
		return false;
	words_split(slice_of(name), rd->arena, &ws);
	for (size_t i = 0; i < ws.n; i++) {
		struct slice s = word_text(&ws, i);

		if (s.n == word.n && memcmp(s.p, word.p, s.n) == 0)
			return true;
		/* "Mr. Simpsons results", "Simpson's" */
		if (word.n == s.n + 1 && word.p[s.n] == 's' && memcmp(s.p, word.p, s.n) == 0)
			return true;
	}
	return false;
}

static bool
in_group(const struct conf_list *l, struct slice word)
{
	for (size_t i = 0; i < l->n; i++)
		if (slice_eq(word, l->item[i]))
			return true;
	return false;
}

static bool
is_nickname(const struct reader *rd, struct slice word)
{
	struct words ws;

	words_split(slice_of(rd->f->patient.given), rd->arena, &ws);
	for (size_t g = 0; g < rd->b->nnicknames; g++) {
		const struct conf_list *l = &rd->b->nicknames[g];

		if (!in_group(l, word))
			continue;
		for (size_t i = 0; i < ws.n; i++)
			if (in_group(l, word_text(&ws, i)))
				return true;
	}
	return false;
}

static bool
is_patient_name(const struct reader *rd, struct slice word)
{
	const struct patient_facts *pt = &rd->f->patient;

	return word_in(rd, word, pt->given) || word_in(rd, word, pt->family) || is_nickname(rd, word);
}

static bool
is_name_word(const struct passage *p, size_t i)
{
	return i < p->words.n && p->words.w[i].kind == WORD_TEXT && (p->words.w[i].flags & WORD_CAPITAL) != 0 &&
	       p->words.w[i].end - p->words.w[i].begin > 1 &&
	       (p->cues[i] & (CUE_BIT(CUE_TITLE) | CUE_BIT(CUE_FUNCTION))) == 0;
}

static bool
has(const struct passage *p, size_t i, enum cue c)
{
	return i < p->words.n && (p->cues[i] & CUE_BIT(c)) != 0;
}

/* "dr" with its dot; "mrs" */
static size_t
skip_titles(const struct passage *p, size_t i, bool *title)
{
	*title = false;
	while (has(p, i, CUE_TITLE)) {
		*title = true;
		i++;
		if (word_mark(&p->words, i) == '.')
			i++;
	}
	return i;
}

static bool
is_clinician(const struct passage *p, size_t i)
{
	return word_is(&p->words, i, "dr") || word_is(&p->words, i, "dra") || word_is(&p->words, i, "doctor") ||
	       word_is(&p->words, i, "doctora");
}

/* A name of which no word is the patient's. */
static bool
other_name(const struct reader *rd, const struct passage *p, size_t i, size_t *end)
{
	bool mine = false;

	*end = i;
	while (is_name_word(p, *end)) {
		mine = mine || is_patient_name(rd, word_text(&p->words, *end));
		(*end)++;
		if (*end < p->words.n && (p->words.w[*end].flags & WORD_LINE) != 0)
			break;
	}
	return *end > i && !mine;
}

static bool
proxy_in_thread(const struct reader *rd)
{
	for (size_t i = 0; i < rd->f->patient.nproxies; i++)
		if (rd->f->patient.proxies[i].in_thread)
			return true;
	return false;
}

/* After "nurse", "ask for", "call": somebody of the clinic. */
static bool
staff_before(const struct passage *p, size_t i)
{
	size_t from = i > 3 ? i - 3 : 0;

	for (size_t k = from; k < i; k++)
		if (has(p, k, CUE_STAFF) && p->sentence_of[k] == p->sentence_of[i])
			return true;
	return false;
}

static void
add(struct leak *l, size_t *n, size_t begin, size_t end)
{
	l[(*n)++] = (struct leak){ .begin = (uint32_t)begin, .end = (uint32_t)end };
}

/* Greetings: "Dear Mrs. Bouvier", "Hi Ned,". Titles anywhere: "Mr. Flanders' potassium". */
static void
find_names(const struct reader *rd, const struct passage *p, struct leak *l, size_t *n)
{
	for (size_t i = 0; i < p->words.n; i++) {
		bool greeting = has(p, i, CUE_GREETING), title;
		size_t at = i, end;

		if (!greeting && !has(p, i, CUE_TITLE))
			continue;
		while (has(p, at, CUE_GREETING) || (greeting && word_mark(&p->words, at) == ','))
			at++;
		if (is_clinician(p, at))
			continue;
		at = skip_titles(p, at, &title);
		if (!other_name(rd, p, at, &end)) {
			i = end > i ? end - 1 : i;
			continue;
		}
		if (greeting && !title && proxy_in_thread(rd))
			continue; /* the proxy is spoken to */
		if (greeting && !title && word_mark(&p->words, end) != ',' && word_mark(&p->words, end) != '-' &&
		    word_mark(&p->words, end) != ':' && word_mark(&p->words, end) != '.' &&
		    word_mark(&p->words, end) != '!' && end < p->words.n && (p->words.w[end].flags & WORD_LINE) == 0)
			continue; /* "Hello World Clinic opens": no greeting of a person */
		if (!greeting && staff_before(p, i))
			continue;
		add(l, n, i, end);
		i = end - 1;
	}
}

/* Numbers */

static bool
same_number(const struct words *w, const struct number_found *m, const char *mrn)
{
	const char *t = w->text + w->w[m->begin].begin;
	size_t n = w->w[m->end - 1].end - w->w[m->begin].begin;

	if (mrn == NULL)
		return false;
	for (; *mrn != '\0'; mrn++) {
		char c = *mrn >= 'A' && *mrn <= 'Z' ? (char)(*mrn + 32) : *mrn;

		if (c == '-' || c == ' ' || c == '.')
			continue;
		while (n > 0 && (*t == ' ' || *t == '.'))
			t++, n--;
		if (n == 0 || *t != c)
			return false;
		t++, n--;
	}
	return n == 0;
}

static void
find_numbers(const struct reader *rd, const struct passage *p, struct leak *l, size_t *n)
{
	for (size_t i = 0; i < p->nnumbers; i++) {
		const struct number_found *m = &p->number[i];

		if (rd->b->regex[m->regex].check == CHECK_MRN && same_number(&p->words, m, rd->f->patient.mrn))
			continue;
		l[(*n)++] = (struct leak){ .begin = m->begin, .end = m->end, .is_number = true, .regex = m->regex };
	}
}

size_t
leak_find(const struct reader *rd, const struct passage *p, struct leak **ret)
{
	struct leak *l = ARENA_ARRAY(rd->arena, p->words.n + p->nnumbers + 1, struct leak);
	size_t n = 0;

	if (p->direction == TO_PATIENT) {
		find_names(rd, p, l, &n);
		find_numbers(rd, p, l, &n);
	}
	*ret = l;
	return n;
}
