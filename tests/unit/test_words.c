/* Text as the boundary engine reads it, misspelt words, and the mistakes a lexicon can hold. */
#include "conf/words.h"

#include "base/own.h"
#include "conf/boundaries_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
many_spellings_are_one(void **state)
{
	static const struct {
		const char *name, *text, *canonical;
	} rows[] = {
		{ "case", "Chest PAIN", "chest pain" },
		{ "composed", "cora\xC3\xA7\xC3\xA3o", "coracao" },
		{ "decomposed",
		    "corac\xCC\xA7"
		    "a\xCC\x83o",
		    "coracao" },
		{ "apostrophe", "can't", "cant" },
		{ "curly apostrophe", "can\xE2\x80\x99t", "cant" },
		{ "hyphen", "x-ray", "x ray" },
		{ "dash is a mark", "fine - really", "fine - really" },
		{ "soft hyphen",
		    "can\xC2\xAD"
		    "cer",
		    "cancer" },
		{ "zero width",
		    "can\xE2\x80\x8B"
		    "cer",
		    "cancer" },
		{ "full width", "\xEF\xBD\x88\xEF\xBD\x89\xEF\xBD\x96", "hiv" },
		{ "Kelvin sign", "\xE2\x84\xAA", "k" },
		{ "ligature", "\xEF\xAC\x81ne", "fine" },
		{ "invalid byte",
		    "can\xFF"
		    "cer",
		    "cancer" },
		{ "truncated", "cancer\xC3", "cancer" },
		{ "overlong",
		    "\xC0\xAF"
		    "a",
		    "a" },
		{ "number", "5.9 and 10,000.", "5.9 and 10,000 ." },
		{ "marks", "Help!!! Now?", "help ! now ?" },
		{ "white space",
		    " a \t\n\r b\xC2\xA0"
		    "c ",
		    "a b c" },
		{ "without", "w/o pain", "without pain" },
		{ "sharp s",
		    "Stra\xC3\x9F"
		    "e",
		    "strasse" },
		{ "ampersand", "fever & chills", "fever and chills" },
		{ "quotes", "says 'lesion'", "says \" lesion \"" },
		{ "nothing", "", "" },
		{ "only marks of a letter", "\xCC\x81\xCC\x81", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct words w;

		words_split(slice_of(rows[i].text), a, &w);
		if (strcmp(w.text, rows[i].canonical) != 0)
			fail_msg("%s: \"%s\", expected \"%s\"", rows[i].name, w.text, rows[i].canonical);
	}
}

static void
every_word_knows_where_it_stood(void **state)
{
	static const char text[] = "El  Coraz\xC3\xB3n: 5.9!\n\n- dos";
	AUTO(arena) a = arena_new();
	struct words w;

	(void)state;
	words_split(SLICE(text), a, &w);
	assert_int_equal(w.n, 6);
	assert_true(w.w[1].flags & WORD_CAPITAL);
	assert_memory_equal(text + w.w[1].from, "Coraz\xC3\xB3n", w.w[1].to - w.w[1].from);
	assert_int_equal(w.w[1].to - w.w[1].from, 8);
	assert_int_equal(word_mark(&w, 2), ':');
	assert_int_equal(w.w[3].kind, WORD_NUMBER);
	assert_true(w.w[5].flags & WORD_PARA);
	assert_true(word_is(&w, 5, "dos"));
	assert_false(word_is(&w, 6, "dos"));
	assert_int_equal(word_mark(&w, 99), 0);
	words_replace(&w, (const char *const[]){ NULL, "x", NULL, NULL, NULL, NULL }, a);
	assert_string_equal(w.text, "el x : 5.9 ! dos");
	assert_int_equal(w.w[1].to - w.w[1].from, 8);
}

static void
fingers_slip(void **state)
{
	static const char *const known[] = { "heart", "breath", "chest", "pain" };
	static const char *const watch[] = { "breathing", "chest", "seizure", "cancer", "heart" };
	static const struct {
		const char *word, *meant;
	} rows[] = {
		{ "braething", "breathing" },
		{ "breathin", NULL }, /* an end is no slip: "breathin" may be anything */
		{ "breatthing", "breathing" },
		{ "siezure", "seizure" },
		{ "cancar", "cancer" },
		{ "chest", NULL },
		{ "chess", NULL },
		{ "heard", NULL },
		{ "hart", NULL },
		{ "breath", NULL },
		{ "dancer", NULL },
		{ "123456", NULL },
	};
	AUTO(spelling) s = spelling_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		spelling_known(s, known[i]);
	for (size_t i = 0; i < ARRAY_LEN(watch); i++) {
		spelling_known(s, watch[i]);
		spelling_watch(s, watch[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = spelling_meant(s, slice_of(rows[i].word));

		if ((got == NULL) != (rows[i].meant == NULL) || (got != NULL && strcmp(got, rows[i].meant) != 0))
			fail_msg("%s: %s", rows[i].word, got != NULL ? got : "nothing");
	}
}

#define HEAD "version: t\nlexicons: [l]\nclasses:\n  flag.x: { default: deliver }\n"

static void
mistakes_are_told_with_their_place(void **state)
{
	static const struct {
		const char *name, *conf, *lexicon, *says;
	} rows[] = {
		{ "fine", HEAD, "language: en\nrules:\n  - { id: a, class: flag.x, terms: [b] }\n", NULL },
		{ "unknown class", HEAD, "language: en\nrules:\n  - { id: a, class: flag.y, terms: [b] }\n", "l:3:" },
		{ "no term", HEAD, "language: en\nrules:\n  - { id: a, class: flag.x, terms: [] }\n", "l:3:" },
		{ "unknown list", HEAD,
		    "language: en\nrules:\n  - id: a\n    class: flag.x\n    terms:\n      - \"{no}\"\n", "l:6:9" },
		{ "open bracket", HEAD,
		    "language: en\nrules:\n  - id: a\n    class: flag.x\n    terms:\n      - (a|b\n", "l:6:9" },
		{ "empty alternative", HEAD, "language: en\nrules:\n  - { id: a, class: flag.x, terms: ['(a|)'] }\n",
		    "l:3:" },
		{ "gap first", HEAD, "language: en\nrules:\n  - { id: a, class: flag.x, terms: ['... b'] }\n", "l:3:" },
		{ "wide gap", HEAD, "language: en\nrules:\n  - { id: a, class: flag.x, terms: ['a ...99 b'] }\n",
		    "l:3:" },
		{ "unknown cue", HEAD,
		    "language: en\ncues:\n  maybe: [a]\nrules:\n  - { id: a, class: flag.x, terms: [b] }\n", "l:3:3" },
		{ "unknown key", HEAD, "language: en\nrules:\n  - { id: a, class: flag.x, terms: [b], term: c }\n",
		    "l:3:" },
		{ "list in itself", HEAD,
		    "language: en\nwords:\n  w: [\"{w}\"]\nrules:\n  - { id: a, class: flag.x, terms: [\"{w}\"] }\n",
		    "l:3:" },
		{ "no lexicon", "version: t\nlexicons: [m]\nclasses:\n  flag.x: { default: deliver }\n",
		    "language: en\n", "c:2:" },
		{ "no such decision", "version: t\nlexicons: [l]\nclasses:\n  flag.x: { default: maybe }\n",
		    "language: en\n", "c:4:" },
		{ "floor of no class", HEAD "legal_floor:\n  US-X:\n    topic.y: deliver\n", "language: en\n",
		    "c:7:5" },
		{ "bad regex", HEAD "identifiers:\n  - { id: i, class: flag.x, regex: '(?<=a)b' }\n", "language: en\n",
		    "c:6:" },
		{ "regex of nothing", HEAD "identifiers:\n  - { id: i, class: flag.x, regex: 'a*' }\n",
		    "language: en\n", "c:6:" },
		{ "bad day", HEAD "time_rules:\n  - { id: i, class: flag.x, from: friday, to: mon 08:00, zone: UTC }\n",
		    "language: en\n", "c:6:" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct conf_errors errs = { .text = BUF_INIT };
		struct boundaries_source src[] = { { "c", slice_of(rows[i].conf) },
			{ "l", slice_of(rows[i].lexicon) } };
		struct boundaries *b = boundaries_parse(src, 2, a, &errs);

		if ((b == NULL) != (rows[i].says != NULL))
			fail_msg("%s: %s%s", rows[i].name, b == NULL ? "refused: " : "taken", buf_str(&errs.text));
		if (rows[i].says != NULL && strstr(buf_str(&errs.text), rows[i].says) == NULL)
			fail_msg("%s: \"%s\" without \"%s\"", rows[i].name, buf_str(&errs.text), rows[i].says);
		boundaries_unload(b);
		conf_errors_free(&errs);
	}
}

static void
the_hash_is_over_every_file(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .text = BUF_INIT };
	static const char one[] = "language: en\nrules:\n  - { id: a, class: flag.x, terms: [b] }\n";
	static const char two[] = "language: en\nrules:\n  - { id: a, class: flag.x, terms: [c] }\n";
	struct boundaries_source src[] = { { "c", SLICE(HEAD) }, { "l", SLICE(one) } };
	struct boundaries *x = boundaries_parse(src, 2, a, &errs), *y = boundaries_parse(src, 2, a, &errs), *z;

	(void)state;
	src[1].text = SLICE(two);
	z = boundaries_parse(src, 2, a, &errs);
	assert_non_null(x);
	assert_non_null(z);
	assert_string_equal(boundaries_hash(x), boundaries_hash(y));
	assert_string_not_equal(boundaries_hash(x), boundaries_hash(z));
	assert_string_equal(boundaries_version(x), "t");
	assert_true(boundaries_has_class(x, "flag.x"));
	assert_true(boundaries_has_class(x, "flag.*"));
	assert_false(boundaries_has_class(x, "flag"));
	assert_false(boundaries_has_class(x, "news.*"));
	boundaries_unload(x);
	boundaries_unload(y);
	boundaries_unload(z);
	conf_errors_free(&errs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_spellings_are_one),
		cmocka_unit_test(every_word_knows_where_it_stood),
		cmocka_unit_test(fingers_slip),
		cmocka_unit_test(mistakes_are_told_with_their_place),
		cmocka_unit_test(the_hash_is_over_every_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
