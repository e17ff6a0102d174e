/*
 * bench_scan -- what reading a message against the boundaries costs, beside the plain way, in one process and in turn.
 *
 *   plain    every term looked for by itself (memmem, and a look at the letters around), over the same canonical text
 *   scan     the databases alone: one pass over the text for all terms
 *   judge    the whole engine: words, spelling, scan, patterns, context, triage, decision
 *
 * Two lexicons: 10,000 generated terms (one in fifty a pattern with a gap), and the shipped one. The text is 4 KB of
 * words that look like the terms, with a handful of hits. One line per cell; ratios are medians of rounds run side by
 * side, so that they stand however busy the machine is.
 *
 * Usage: bench_scan [--rounds N]
 */
#include "base/own.h"
#include "conf/boundaries_in.h"
#include "policies/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TERMS 10000
#define TEXT 4096
#define ROUNDS_MAX 101

struct cell {
	double us[ROUNDS_MAX];
};

static uint32_t seed = 1;

static uint32_t
next(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Syllables make words that share beginnings and ends, as medical words do. */
static void
put_word(struct buf *b)
{
	static const char *const syllable[] = { "car", "dio", "neu", "ro", "gas", "tri", "der", "ma", "he", "pa", "ti",
		"tis", "lo", "gy", "os", "te", "my", "al", "gia", "pneu", "mo", "re", "nal", "vas", "cu", "li", "tic",
		"sten", "sis", "o" };

	for (uint32_t n = 2 + next(3); n > 0; n--)
		buf_puts(b, syllable[next(ARRAY_LEN(syllable))]);
}

static char *
make_lexicon(struct arena *a, const char **ret_terms)
{
	AUTO_BUF y = BUF_INIT;

	buf_puts(&y, "language: en\ncues:\n  function: [the, and]\n  negated: [no]\nrules:\n");
	for (size_t i = 0; i < TERMS; i++) {
		AUTO_BUF t = BUF_INIT;

		put_word(&t);
		if (i % 3 == 0) {
			buf_putc(&t, ' ');
			put_word(&t);
		}
		ret_terms[i] = arena_strdup(a, buf_str(&t));
		if (i % 100 == 0)
			buf_printf(&y, "  - id: r%zu\n    class: flag.x\n    terms:\n", i);
		buf_printf(&y, "      - %s%s\n", ret_terms[i], i % 50 == 1 ? " ...3 dio" : "");
	}
	return arena_strdup(a, buf_str(&y));
}

static char *
make_text(struct arena *a, const char *const *terms)
{
	AUTO_BUF t = BUF_INIT;

	while (t.n < TEXT) {
		if (next(60) == 0)
			buf_puts(&t, terms[next(TERMS)]);
		else
			put_word(&t);
		buf_puts(&t, next(12) == 0 ? ". " : " ");
	}
	return arena_strndup(a, buf_str(&t), TEXT);
}

static size_t
plain(const struct words *w, const char *const *terms)
{
	size_t hits = 0;

	for (size_t i = 0; i < TERMS; i++) {
		size_t n = strlen(terms[i]);

		for (const char *p = w->text; (p = memmem(p, w->len - (size_t)(p - w->text), terms[i], n)) != NULL; p++)
			hits += (p == w->text || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0');
	}
	return hits;
}

static int
count_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	(*(size_t *)ctx)++;
	return 0;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const double *v, size_t n)
{
	double copy[ROUNDS_MAX];

	memcpy(copy, v, n * sizeof *v);
	qsort(copy, n, sizeof *copy, by_value);
	return copy[n / 2];
}

static struct boundaries *
load(struct arena *a, const char *lexicon)
{
	static const char conf[] = "version: b\nlexicons: [l]\nclasses:\n  flag.x: { default: deliver }\n";
	struct boundaries_source src[] = { { "c", slice_of(conf) }, { "l", slice_of(lexicon) } };
	struct conf_errors errs = { .text = BUF_INIT };
	struct boundaries *b =
	    lexicon != NULL ? boundaries_parse(src, 2, a, &errs) : boundaries_load("conf/boundaries.yaml", a, &errs);

	if (b == NULL) {
		fprintf(stderr, "%s", buf_str(&errs.text));
		exit(1);
	}
	return b;
}

static double
time_judge(const struct boundaries *b, const char *text)
{
	AUTO(arena) a = arena_new();
	struct message_facts f = { .direction = TO_PATIENT,
		.subject = "",
		.body = text,
		.patient = { .given = "A", .family = "B", .mrn = "1", .age = 40 } };
	struct verdict v;
	struct err err = ERR_NONE;
	double t = now_us();

	if (policy_judge(b, &f, a, &v, &err) != ST_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return now_us() - t;
}

int
main(int argc, char **argv)
{
	size_t rounds = argc > 2 && strcmp(argv[1], "--rounds") == 0 ? (size_t)strtoul(argv[2], NULL, 10) : 31;
	AUTO(arena) a = arena_new();
	const char **terms = ARENA_ARRAY(a, TERMS, const char *);
	static struct cell cplain, cscan, cjudge, cshipped;
	double t0 = now_us(), t1, t2;
	struct boundaries *b = load(a, make_lexicon(a, terms)), *shipped;
	char *text = make_text(a, terms);
	hs_scratch_t *scratch = NULL;
	struct words w;
	size_t found = 0, hits = 0;

	t1 = now_us();
	shipped = load(a, NULL);
	t2 = now_us();
	rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	words_split(slice_of(text), a, &w);
	if (boundaries_scratch(b, &scratch, NULL) != ST_OK)
		return 1;
	for (size_t r = 0; r < rounds; r++) {
		double t = now_us();

		found = plain(&w, (const char *const *)terms);
		cplain.us[r] = now_us() - t;
		t = now_us();
		hits = 0;
		hs_scan(b->literals, w.text, (unsigned)w.len, 0, scratch, count_hit, &hits);
		cscan.us[r] = now_us() - t;
		cjudge.us[r] = time_judge(b, text);
		cshipped.us[r] = time_judge(shipped, text);
	}
	printf("load\t10,000 terms\t%.0f ms\tshipped\t%.0f ms (%zu literals)\n", (t1 - t0) / 1e3, (t2 - t1) / 1e3,
	    shipped->lexicon.nliterals);
	printf("plain\t10,000 terms, 4 KB\t%.1f us\t%zu hits\n", median(cplain.us, rounds), found);
	printf("scan\t10,000 terms, 4 KB\t%.1f us\t%.0f times faster than plain (%zu raw hits)\n",
	    median(cscan.us, rounds), median(cplain.us, rounds) / median(cscan.us, rounds), hits);
	printf("judge\t10,000 terms, 4 KB\t%.1f us\t%.1f times faster than plain\n", median(cjudge.us, rounds),
	    median(cplain.us, rounds) / median(cjudge.us, rounds));
	printf("judge\tshipped, 4 KB\t%.1f us\t%.1f times faster than plain\n", median(cshipped.us, rounds),
	    median(cplain.us, rounds) / median(cshipped.us, rounds));
	hs_free_scratch(scratch);
	boundaries_unload(b);
	boundaries_unload(shipped);
	return 0;
}
