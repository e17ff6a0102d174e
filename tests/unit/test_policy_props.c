/*
 * What holds for every text: more to say never loosens, order and dress do not matter, the patient's "less" is never
 * "more". The texts are those of the worked examples.
 */
#include "tests/unit/policy_help.h"

#include "base/file.h"
#include "base/own.h"

#include <glib.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const files[] = { "tests/cases/policy_cases.json", "tests/cases/policy_more.json" };

struct text {
	enum direction direction;
	const char *id, *subject, *body;
};
static struct text texts[1000];
static size_t ntexts;
static json_t *roots[ARRAY_LEN(files)];

static int
load_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		json_error_t where;
		json_t *c;
		size_t k;

		roots[i] = json_load_file(files[i], 0, &where);
		assert_non_null(roots[i]);
		json_array_foreach (json_object_get(roots[i], "cases"), k, c) {
			if (ntexts < ARRAY_LEN(texts))
				texts[ntexts++] =
				    (struct text){ strcmp(json_string_value(json_object_get(c, "direction")),
						       "clinician_to_patient") == 0
						       ? TO_PATIENT
						       : TO_CLINICIAN,
					    json_string_value(json_object_get(c, "id")),
					    json_string_value(json_object_get(c, "subject")),
					    json_string_value(json_object_get(c, "body")) };
		}
	}
	assert_true(ntexts > 200);
	return 0;
}

static int
unload_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		json_decref(roots[i]);
	policy_help_done();
	return 0;
}

static struct verdict
judged(const struct text *t, const char *body, struct arena *a)
{
	struct message_facts f = policy_facts(t->direction, t->subject, body);

	return policy_judged(policy_shipped(), &f, a);
}

static const char *
told(const struct verdict *v, struct arena *a)
{
	return arena_printf(
	    a, "%s %s %s [%s]", decision_name(v->act), urgency_name(v->urgency), v->route, policy_mentions(v, a));
}

static void
more_to_say_never_loosens(void **state)
{
	static const char *const more[] = { "The biopsy shows a melanoma.", "Your HIV test was negative.",
		"Your number is 078-05-1120.", "Your potassium is high." };

	(void)state;
	for (size_t i = 0; i < ntexts; i++)
		for (size_t k = 0; k < ARRAY_LEN(more) && texts[i].direction == TO_PATIENT; k++) {
			AUTO(arena) a = arena_new();
			struct verdict one = judged(&texts[i], texts[i].body, a);
			struct verdict two = judged(&texts[i], arena_printf(a, "%s\n\n%s", more[k], texts[i].body), a);
			struct message_facts f = policy_facts(TO_PATIENT, "", more[k]);
			struct verdict alone = policy_judged(policy_shipped(), &f, a);

			if (two.act < one.act || two.act < alone.act)
				fail_msg("%s with \"%s\": %s, from %s and %s", texts[i].id, more[k],
				    decision_name(two.act), decision_name(one.act), decision_name(alone.act));
		}
}

static void
an_emergency_is_one_in_any_company(void **state)
{
	static const char *const more[] = { "I have crushing chest pain.", "I can't breathe.",
		"Me duele mucho el pecho." };

	(void)state;
	for (size_t i = 0; i < ntexts; i++)
		for (size_t k = 0; k < ARRAY_LEN(more) && texts[i].direction == TO_CLINICIAN; k++) {
			AUTO(arena) a = arena_new();
			struct verdict v = judged(&texts[i], arena_printf(a, "%s\n\n%s", more[k], texts[i].body), a);

			if (v.urgency != URGENCY_EMERGENCY || v.act != ACT_DELIVER)
				fail_msg("%s with \"%s\": %s", texts[i].id, more[k], urgency_name(v.urgency));
		}
}

typedef char *(*dress_fn)(const char *, struct arena *);

static char *
more_blanks(const char *s, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (; *s != '\0'; s++) {
		buf_putc(&b, *s);
		if (*s == ' ')
			buf_puts(&b, " \t");
	}
	buf_puts(&b, "  \n\n");
	return arena_strdup(a, buf_str(&b));
}

/* Lines of some forty characters, broken before a small letter, as mail clients do. */
static char *
wrapped(const char *s, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;
	size_t column = 0;

	for (; *s != '\0'; s++) {
		column = *s == '\n' ? 0 : column + 1;
		if (*s == ' ' && column > 40 && s[1] >= 'a' && s[1] <= 'z') {
			buf_putc(&b, '\n');
			column = 0;
		} else {
			buf_putc(&b, *s);
		}
	}
	return arena_strdup(a, buf_str(&b));
}

static char *
with_quote(const char *s, struct arena *a)
{
	return arena_printf(a,
	    "%s\n\nOn Mon, 2 Mar 2026 at 10:00, Somebody wrote:\n> I have chest pain and cancer and HIV.\n"
	    "> Dear Ms. Bouvier, MRN 2002.\n",
	    s);
}

static char *
normalised(const char *s, struct arena *a, GNormalizeMode mode)
{
	char *g = g_utf8_normalize(s, -1, mode), *own = arena_strdup(a, g);

	g_free(g);
	return own;
}

static char *
decomposed(const char *s, struct arena *a)
{
	return normalised(s, a, G_NORMALIZE_NFD);
}

static char *
composed(const char *s, struct arena *a)
{
	return normalised(s, a, G_NORMALIZE_NFC);
}

static char *
curly(const char *s, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (; *s != '\0'; s++)
		if (*s == '\'')
			buf_puts(&b, "\xE2\x80\x99");
		else
			buf_putc(&b, *s);
	return arena_strdup(a, buf_str(&b));
}

/* One broken byte inside a word is no way around a boundary. */
static char *
broken(const char *s, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (size_t i = 0; s[i] != '\0'; i++) {
		buf_putc(&b, s[i]);
		if (i % 7 == 3 && s[i] >= 'a' && s[i] <= 'z' && s[i + 1] >= 'a' && s[i + 1] <= 'z')
			buf_puts(&b, i % 2 ? "\xFF" : "\xC2\xAD");
	}
	return arena_strdup(a, buf_str(&b));
}

static void
check_dress(const char *name, dress_fn dress)
{
	for (size_t i = 0; i < ntexts; i++) {
		AUTO(arena) a = arena_new();
		struct verdict one, two;

		if (dress == wrapped && strstr(texts[i].body, "\n>") != NULL)
			continue; /* a wrapped quote is one no more */
		if (dress == broken && strstr(texts[i].body, "-----") != NULL)
			continue; /* nor is one whose introduction is broken: then it is read, which is the safe side */
		one = judged(&texts[i], texts[i].body, a);
		two = judged(&texts[i], dress(texts[i].body, a), a);

		if (strcmp(told(&one, a), told(&two, a)) != 0)
			fail_msg("%s %s: %s, was %s", texts[i].id, name, told(&two, a), told(&one, a));
	}
}

static void
dress_does_not_matter(void **state)
{
	(void)state;
	check_dress("with more blanks", more_blanks);
	check_dress("wrapped", wrapped);
	check_dress("with a quote below", with_quote);
	check_dress("decomposed", decomposed);
	check_dress("composed", composed);
	check_dress("with curly apostrophes", curly);
	check_dress("with broken bytes", broken);
}

static void
order_of_sentences_does_not_matter(void **state)
{
	static const char *const say[] = { "Your cholesterol is normal.", "The biopsy shows a melanoma.",
		"Your HIV test was negative.", "If you develop chest pain, call 911.", "Please schedule a visit.",
		"There is no evidence of lymphoma.", "Your mother had a stroke at 60.", "I refilled your lisinopril." };
	size_t n = ARRAY_LEN(say);

	(void)state;
	for (size_t i = 0; i < n * n * n; i++) {
		AUTO(arena) a = arena_new();
		size_t x = i % n, y = i / n % n, z = i / n / n;
		struct text t = { TO_PATIENT, "sentences", "", "" };
		struct verdict one, two;

		if (x == y || y == z || x == z)
			continue;
		one = judged(&t, arena_printf(a, "%s %s %s", say[x], say[y], say[z]), a);
		two = judged(&t, arena_printf(a, "%s %s %s", say[z], say[x], say[y]), a);
		assert_string_equal(told(&one, a), told(&two, a));
	}
}

/* The rules of a lexicon file, last first. */
static char *
rules_reversed(const char *s, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;
	const char *from = strstr(s, "\nrules:\n"), *part[1000];
	size_t n = 0;

	assert_non_null(from);
	from += strlen("\nrules:\n");
	buf_append(&b, s, (size_t)(from - s));
	for (const char *p = strstr(from, "  - id:"); p != NULL && n < ARRAY_LEN(part) - 1;
	     p = strstr(p + 1, "\n  - id:")) {
		p += *p == '\n';
		part[n++] = p;
	}
	part[n] = s + strlen(s);
	for (size_t i = n; i-- > 0;) {
		buf_append(&b, part[i], (size_t)(part[i + 1] - part[i]));
		buf_putc(&b, '\n');
	}
	return arena_strdup(a, buf_str(&b));
}

static void
order_of_rules_does_not_matter(void **state)
{
	static const char *const names[] = { "conf/boundaries.yaml", "lexicon/en.yaml", "lexicon/es.yaml" };
	AUTO(arena) a = arena_new();
	struct boundaries_source src[3];
	struct conf_errors errs = { .text = BUF_INIT };
	struct boundaries *b;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		AUTO_STR path = i == 0 ? xstrdup(names[0]) : path_join("conf", names[i]);
		AUTO_BUF text = BUF_INIT;
		const char *s;

		assert_int_equal(file_read(path, 1 << 22, &text, NULL), ST_OK);
		s = i == 0 ? arena_strdup(a, buf_str(&text)) : rules_reversed(buf_str(&text), a);
		src[i] = (struct boundaries_source){ names[i], slice_of(s) };
	}
	b = boundaries_parse(src, 3, a, &errs);
	assert_string_equal(buf_str(&errs.text), "");
	for (size_t i = 0; i < ntexts; i++) {
		AUTO(arena) t = arena_new();
		struct message_facts f = policy_facts(texts[i].direction, texts[i].subject, texts[i].body);
		struct verdict one = policy_judged(policy_shipped(), &f, t), two = policy_judged(b, &f, t);

		if (strcmp(told(&one, t), told(&two, t)) != 0)
			fail_msg("%s: %s, was %s", texts[i].id, told(&two, t), told(&one, t));
	}
	boundaries_unload(b);
	conf_errors_free(&errs);
}

/* Whatever was agreed before, what the patient tightens alone never opens anything. */
static void
tightening_never_loosens(void **state)
{
	static const char *const classes[] = { "news.*", "news.malignancy", "topic.hiv", "result.abnormal", "topic.*" };

	(void)state;
	srand(7);
	for (size_t i = 0; i < 3000; i++) {
		AUTO(arena) a = arena_new();
		const struct text *t = &texts[(size_t)rand() % ntexts];
		struct message_facts f = policy_facts(TO_PATIENT, t->subject, t->body);
		struct agreement g[4] = { 0 };
		struct verdict before, after;

		for (size_t k = 0; k < 4; k++) {
			g[k] = (struct agreement){ .scope = (enum agreement_scope)(rand() % 3),
				.scope_id = "lee",
				.by = "",
				.class_name = classes[(size_t)rand() % ARRAY_LEN(classes)],
				.value = (enum agreement_value)(rand() % 4),
				.patient_consent = f.now - 100,
				.clinician_consent = rand() % 2 ? f.now - 100 : 0,
				.made = f.now - 100 + (int64_t)k };
			if (g[k].scope == SCOPE_CLINIC)
				g[k].scope_id = "";
		}
		g[3].clinician_consent = 0; /* the newest, by the patient alone */
		f.agreements = g;
		f.nagreements = 3;
		before = policy_judged(policy_shipped(), &f, a);
		f.nagreements = 4;
		after = policy_judged(policy_shipped(), &f, a);
		if (after.act < before.act)
			fail_msg("%s: %s, was %s", t->id, decision_name(after.act), decision_name(before.act));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_to_say_never_loosens),
		cmocka_unit_test(an_emergency_is_one_in_any_company),
		cmocka_unit_test(dress_does_not_matter),
		cmocka_unit_test(order_of_sentences_does_not_matter),
		cmocka_unit_test(order_of_rules_does_not_matter),
		cmocka_unit_test(tightening_never_loosens),
	};

	return cmocka_run_group_tests(tests, load_texts, unload_texts);
}
