#include "policies/autoreply.h"

#include "base/clock.h"
#include "base/own.h"
#include "conf/response.h"
#include "conf/templates.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const languages[] = { "en", "es" };

static int64_t
instant(const char *s)
{
	int64_t t = 0;

	assert_int_equal(time_parse_rfc3339(s, &t, NULL), ST_OK);
	return t;
}

static struct conf
site(void)
{
	return (struct conf){
		.site = { .clinic = "Elm Street Clinic",
		    .zone = "America/New_York",
		    .language = "en",
		    .phone = "555-0100",
		    .phone_hours = "weekdays 9 to 5",
		    .emergency_number = "911",
		    .crisis_line = "988" },
		.support = { .name = "Sam Rivera", .phone = "555-0199" },
	};
}

static struct promise
tomorrow(void)
{
	return (struct promise){ .reason = "", .due = instant("2026-03-04T22:00:00Z"), .zone = "America/New_York" };
}

static struct autoreply_facts
facts(enum autoreply_kind kind, const struct promise *p)
{
	return (struct autoreply_facts){ .kind = kind,
		.language = "en",
		.who = "Dr. Lee",
		.ref = "T-7K3Q",
		.received = instant("2026-03-03T15:15:00Z"),
		.promise = p };
}

/* The text; it lives in a. */
static const char *
text_of(const struct conf *c, const struct autoreply_facts *f, struct arena *a)
{
	const char *subject = NULL, *text = NULL;
	struct err err = ERR_NONE;

	if (autoreply_text(c, f, a, &subject, &text, &err) != ST_OK)
		fail_msg("%s", err.text);
	assert_string_not_equal(subject, "");
	assert_null(strchr(subject, '\n'));
	return text;
}

static void
has(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static void
has_not(const char *text, const char *what)
{
	if (strstr(text, what) != NULL)
		fail_msg("\"%s\" in:\n%s", what, text);
}

static void
a_promise_says_when_who_and_what_else_to_do(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf c = site();
	struct promise p = tomorrow();
	struct autoreply_facts f = facts(AUTOREPLY_PROMISE, &p);
	const char *text = text_of(&c, &f, a);

	(void)state;
	has(text, "Elm Street Clinic");
	has(text, "Tuesday 3 March 2026, 10:15 AM EST");
	has(text, "Wednesday 4 March 2026, 5:00 PM EST");
	has(text, "Dr. Lee");
	has(text, "call 911");
	has(text, "988");
	has(text, "555-0100 (weekdays 9 to 5)");
	has(text, "Sam Rivera, 555-0199");
	has(text, "T-7K3Q");
	has_not(text, "At the clinic");
	has_not(text, "sorry");
	has_not(text, "holiday");
	has_not(text, "more than one thing");
	has_not(text, "{");
	has_not(text, "\n\n\n");
}

static void
a_patient_elsewhere_reads_both_zones(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf c = site();
	struct promise p = tomorrow();
	struct autoreply_facts f = facts(AUTOREPLY_PROMISE, &p);
	const char *text;

	(void)state;
	f.patient_zone = "America/Los_Angeles";
	text = text_of(&c, &f, a);
	has(text, "Tuesday 3 March 2026, 7:15 AM PST");
	has(text, "Wednesday 4 March 2026, 2:00 PM PST");
	has(text, "At the clinic that is Wednesday 4 March 2026, 5:00 PM EST");
	/* the same clock under another name is not told twice */
	f.patient_zone = "America/Toronto";
	has_not(text_of(&c, &f, a), "At the clinic");
	/* a zone that does not exist is the clinic's */
	f.patient_zone = "Mars/Olympus";
	has(text_of(&c, &f, a), "Wednesday 4 March 2026, 5:00 PM EST");
}

static void
lines_that_do_not_apply_are_left_out(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf c = site();
	struct promise p = tomorrow(), later = tomorrow(),
		       none = { .none = true, .reason = "no-open-time-within-horizon" };
	struct autoreply_facts f = facts(AUTOREPLY_PROMISE, &p);

	(void)state;
	p.provisional = true;
	later.due += 86400;
	f.latest = &later;
	has(text_of(&c, &f, a), "You will have all answers by Thursday 5 March 2026, 5:00 PM EST");
	has(text_of(&c, &f, a), "A holiday may move this time");
	later.due = p.due;
	has_not(text_of(&c, &f, a), "all answers");
	p.already_past = true;
	p.due_from_now = instant("2026-03-05T22:00:00Z");
	has(text_of(&c, &f, a), "We are sorry");
	has(text_of(&c, &f, a), "Thursday 5 March 2026, 5:00 PM EST");
	has_not(text_of(&c, &f, a), "Wednesday 4 March");
	/* no time to give: the telephone, whatever kind was asked for */
	f = facts(AUTOREPLY_PROMISE, &none);
	has(text_of(&c, &f, a), "Please call us at 555-0100");
	f.kind = AUTOREPLY_LATE;
	has_not(text_of(&c, &f, a), " by .");
	has(text_of(&c, &f, a), "call us at 555-0100");
	/* no hours: the number all the same */
	c.site.phone_hours = NULL;
	has(text_of(&c, &f, a), "555-0100.");
	has_not(text_of(&c, &f, a), "()");
}

static void
every_kind_in_every_language_has_the_emergency_lines_and_a_reference(void **state)
{
	struct conf c = site();
	struct promise p = tomorrow();

	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(languages); l++)
		for (int k = AUTOREPLY_PROMISE; k <= AUTOREPLY_UNDELIVERED; k++) {
			AUTO(arena) a = arena_new();
			struct autoreply_facts f = facts((enum autoreply_kind)k, &p);
			const char *text;

			f.language = languages[l];
			text = text_of(&c, &f, a);
			has(text, "911");
			has(text, "988");
			has(text, "555-0100");
			has(text, "555-0199");
			has(text, "T-7K3Q");
			has(text, "EST");
			has_not(text, "{");
		}
}

static void
spanish_is_spanish_and_unknown_languages_are_english(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf c = site();
	struct promise p = tomorrow();
	struct autoreply_facts f = facts(AUTOREPLY_PROMISE, &p);

	(void)state;
	f.language = "es-MX";
	has(text_of(&c, &f, a), "miércoles 4 de marzo de 2026, 17:00 EST");
	has(text_of(&c, &f, a), "llame al 911");
	f.language = "fr";
	has(text_of(&c, &f, a), "Wednesday 4 March 2026, 5:00 PM EST");
	f.language = NULL;
	has(text_of(&c, &f, a), "Wednesday 4 March 2026, 5:00 PM EST");
}

static void
shipped_templates_pass_their_own_check(void **state)
{
	(void)state;
	for (size_t l = 0; l < ARRAY_LEN(languages); l++)
		for (int k = AUTOREPLY_PROMISE; k <= AUTOREPLY_UNDELIVERED; k++) {
			AUTO_BUF found = BUF_INIT;
			const char *name = autoreply_kind_name((enum autoreply_kind)k);

			if (autoreply_check(name, languages[l], (enum autoreply_kind)k,
				templates_get(NULL, languages[l], name), &found) != 0)
				fail_msg("%s %s", languages[l], buf_str(&found));
		}
}

/* One good template, and what somebody might do to it. */
#define GOOD                                                                                                           \
	"Subject: We have your message\n\nWe got it on {received}. {who} will answer by {expected}.\n"                 \
	"That is {expected_clinic}.\nIn an emergency, call {emergency}.\nOr call {crisis}.\nTo talk: {phone}.\n"       \
	"Help: {support_name}, {support_phone}. Your reference is {ref}.\n"

static void
a_template_that_is_not_fit_is_found(void **state)
{
	static const struct {
		const char *name, *from, *to, *words;
	} rows[] = {
		{ "no emergency line", "In an emergency, call {emergency}.\n", "", "{emergency} is missing" },
		{ "no crisis line", "Or call {crisis}.\n", "", "{crisis} is missing" },
		{ "no time", "{expected}", "soon", "{expected} is missing" },
		{ "no zone of the clinic", "That is {expected_clinic}.\n", "", "{expected_clinic} is missing" },
		{ "no reference", "{ref}", "known", "{ref} is missing" },
		{ "nobody to call for the portal", "{support_phone}", "later", "{support_phone} is missing" },
		{ "a time by hand", "Or call", "We open at 9:00. Or call", "by hand" },
		{ "a time by hand, American", "Or call", "We close at 5 p.m. Or call", "by hand" },
		{ "a diagnosis", "Or call", "About your Cancer: call", "\"Cancer\"" },
		{ "an ending", "Or call", "About your pregnancies: call", "\"pregnancies\"" },
		{ "Spanish", "Or call", "Su embarazo. Or call", "\"embarazo\"" },
		{ "a result", "Or call", "Your results are here. Call", "\"results\"" },
		{ "emergency shares a line", "call {emergency}", "call {emergency} or {phone_hours}",
		    "line of its own" },
		{ "an unknown value", "{who}", "{patient_name}", "{patient_name}" },
		{ "a value in the subject", "your message", "{who}", "subject" },
		{ "no subject", "Subject: ", "About: ", "no subject" },
		{ "an open brace", "{ref}.", "{ref.", "{ref." },
		{ "too hard to read", "Or call",
		    "Notwithstanding considerable organizational difficulties, administrative representatives will "
		    "communicate "
		    "appropriate recommendations regarding availability. Or call",
		    "years of school" },
	};
	AUTO_BUF found = BUF_INIT;

	(void)state;
	assert_int_equal(autoreply_check("good", "en", AUTOREPLY_PROMISE, GOOD, &found), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF text = BUF_INIT;
		const char *at = strstr(GOOD, rows[i].from);

		assert_non_null(at);
		buf_append(&text, GOOD, (size_t)(at - GOOD));
		buf_puts(&text, rows[i].to);
		buf_puts(&text, at + strlen(rows[i].from));
		buf_clear(&found);
		if (autoreply_check("bad", "en", AUTOREPLY_PROMISE, buf_str(&text), &found) == 0 ||
		    strstr(buf_str(&found), rows[i].words) == NULL)
			fail_msg("%s: expected \"%s\", got \"%s\"", rows[i].name, rows[i].words, buf_str(&found));
	}
}

/* Values worked out with pencil and paper from the published formulas. */
static void
grades_follow_the_published_formulas(void **state)
{
	static const struct {
		const char *language, *text;
		double want;
	} rows[] = {
		{ "en", "The cat sat on the mat.", 0.39 * 6 + 11.8 * 6 / 6 - 15.59 },
		{ "en", "We are open. Please call the clinic.", 0.39 * 7 / 2 + 11.8 * 9 / 7 - 15.59 },
		{ "en", "Wait for the answer\nof our staff.", 0.39 * 7 + 11.8 * 8 / 7 - 15.59 },
		{ "en", "One:\n- two\n- three", 0.39 * 1 + 11.8 * 1 - 15.59 },
		{ "es", "El gato come pan.", -0.205 * 25 + 0.049 * 150 - 3.407 },
		{ "es", "Porque el día es frío.", -0.205 * 20 + 0.049 * 160 - 3.407 },
		{ "es", "Siga la guía. Agua.", -0.205 * 50 + 0.049 * 175 - 3.407 },
		{ "en", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double got = autoreply_grade(rows[i].language, rows[i].text);

		if (fabs(got - rows[i].want) > 0.001)
			fail_msg("\"%s\": %.3f, expected %.3f", rows[i].text, got, rows[i].want);
	}
}

static void
a_template_that_cannot_be_filled_is_an_error_not_a_crash(void **state)
{
	static const char *const rows[] = { "", "Hello", "Subject: x", "Subject: {who}\n\nHello\n",
		"Subject: x\n\n{latest}\n", "Subject: x\n\n{nothing}\n" };
	struct conf c = site();
	struct promise p = tomorrow();
	struct autoreply_facts f = facts(AUTOREPLY_PROMISE, &p);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		const char *subject = NULL, *text = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(autoreply_fill(&c, &f, rows[i], a, &subject, &text, &err), ST_LOCAL);
		assert_null(text);
		assert_null(subject);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_promise_says_when_who_and_what_else_to_do),
		cmocka_unit_test(a_patient_elsewhere_reads_both_zones),
		cmocka_unit_test(lines_that_do_not_apply_are_left_out),
		cmocka_unit_test(every_kind_in_every_language_has_the_emergency_lines_and_a_reference),
		cmocka_unit_test(spanish_is_spanish_and_unknown_languages_are_english),
		cmocka_unit_test(shipped_templates_pass_their_own_check),
		cmocka_unit_test(a_template_that_is_not_fit_is_found),
		cmocka_unit_test(grades_follow_the_published_formulas),
		cmocka_unit_test(a_template_that_cannot_be_filled_is_an_error_not_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
