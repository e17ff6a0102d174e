#include "mail/reply.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cpu_budget.h"

#define MARKER "-- please write above this line [P-7K3QXM] --"
#define OURS MARKER "\n\nPatient: Joel Rivera\n\nIt hurts.\nWhat shall I do?\n\n-- \nReference 8Q2M\n"
#define QUOTED                                                                                                         \
	"> " MARKER "\n>\n> Patient: Joel Rivera\n>\n> It hurts.\n> What shall I do?\n>\n> --\n> Reference 8Q2M\n"
#define OUTLOOK                                                                                                        \
	"From: Patient portal <portal@clinic.example>\nSent: Wednesday, March 4, 2026 10:00 AM\n"                      \
	"To: Lee, Dana <lee@clinic.example>\nSubject: Portal message [P-7K3QXM]\n\n"

static void
what_the_client_quoted_is_cut(void **state)
{
	static const struct {
		const char *name, *text, *expect;
	} rows[] = {
		{ "no quotation", "Take two a day.\n\nD. Lee\n", "Take two a day.\n\nD. Lee" },
		{ "empty", "", "" },
		{ "blank", " \n\n\t\n", "" },
		{ "marker alone", "Take two.\n\n" OURS, "Take two." },
		{ "our legacy display line above the marker", "Take two.\n\nSubject: A question\n\n" OURS,
		    "Take two." },
		{ "Thunderbird", "Take two.\n\nOn 3/4/26 10:00, Patient portal wrote:\n" QUOTED, "Take two." },
		{ "Thunderbird in Spanish",
		    "Tome dos.\n\nEl 4/3/26 a las 10:00, Patient portal escribi\303\263:\n" QUOTED, "Tome dos." },
		{ "Gmail, introduction on two lines",
		    "Take two.\n\nOn Wed, Mar 4, 2026 at 10:00 AM Patient portal (Example Clinic) <\n"
		    "portal@clinic.example> wrote:\n\n" QUOTED,
		    "Take two." },
		{ "Gmail in Spanish, on two lines",
		    "Tome dos.\n\nEl mi\303\251, 4 mar 2026 a las 10:00, Patient portal (<portal@clinic.example>)\n"
		    "escribi\303\263:\n\n" QUOTED,
		    "Tome dos." },
		{ "Apple Mail",
		    "Take two.\n\n> On Mar 4, 2026, at 10:00, Patient portal <portal@clinic.example> wrote:\n> "
		    "\n" QUOTED,
		    "Take two." },
		{ "Apple Mail, older", "Take two.\n\nOn Mar 4, 2026, at 10:00, Patient portal wrote:\n\n" QUOTED,
		    "Take two." },
		{ "HTML made text: introduction, then our text as it is",
		    "Take two.\n\nOn Wed, Mar 4, 2026 at 10:00 AM Patient portal wrote:\nSubject: A question\n\n" OURS,
		    "Take two." },
		{ "Outlook, header block", "Take two.\n\nDana Lee, MD\n\n" OUTLOOK OURS, "Take two.\n\nDana Lee, MD" },
		{ "Outlook, header block without our marker", "Take two.\n\n" OUTLOOK "It hurts.\n", "Take two." },
		{ "Outlook, rule and header block",
		    "Take two.\n\n________________________________\n" OUTLOOK "Subject: A question\n\n" OURS,
		    "Take two." },
		{ "Outlook, bold labels",
		    "Take two.\n\n*From:* Patient portal\n*Sent:* Wednesday\n*To:* Lee\n*Subject:* x\n\nIt hurts.\n",
		    "Take two." },
		{ "Outlook in Spanish",
		    "Tome dos.\n\nDe: Patient portal\nEnviado el: mi\303\251rcoles\nPara: Lee\nAsunto: x\n\nMe "
		    "duele.\n",
		    "Tome dos." },
		{ "Outlook, separator", "Take two.\n\n-----Original Message-----\n" OUTLOOK "It hurts.\n",
		    "Take two." },
		{ "Outlook, separator in Spanish", "Tome dos.\n\n-----Mensaje original-----\nMe duele.\n",
		    "Tome dos." },
		{ "Outlook, separator and prefixed lines",
		    "Take two.\n\n-----Original Message-----\n> From: x\n> It hurts.\nCall me.\n",
		    "Take two.\n\nCall me." },
		{ "German", "Zwei.\n\nAm 04.03.26 um 10:00 schrieb Patient portal:\n" QUOTED, "Zwei." },
		{ "French", "Deux.\n\nLe 4 mars 2026 \303\240 10:00, Portal a \303\251crit :\n" QUOTED, "Deux." },
		{ "mutt without blanks",
		    "Take two.\n\nOn Wed, Mar 04, 2026 at 10:00, Portal wrote:\n>It hurts.\n>Badly.\n", "Take two." },
		{ "bottom posting", "On 3/4/26 10:00, Patient portal wrote:\n" QUOTED "\nTake two.\nD. Lee\n",
		    "Take two.\nD. Lee" },
		{ "inline posting",
		    "See my answers.\n\nOn 3/4/26 10:00, Patient portal wrote:\n> It hurts.\n\nThat is normal.\n\n"
		    "> What shall I do?\n\nTake two.\n",
		    "See my answers.\n\n\nThat is normal.\n\n\nTake two." },
		{ "inline, one line each", "On 3/4/26, Portal wrote:\n> May I run?\nYes.\n> And swim?\nNo.\n",
		    "Yes.\nNo." },
		{ "quotation without introduction, with our marker", "Take two.\n\n> " MARKER "\n> x\n", "Take two." },
		{ "nested quotations", "Yes.\n\nOn 3/4/26, Portal wrote:\n>> older\n> > older\n> newer\n", "Yes." },
		{ "CR LF", "Take two.\r\n\r\nOn 3/4/26, Portal wrote:\r\n> x\r\n", "Take two." },
		{ "marker in other letters and after more quoting",
		    "Yes.\n\nOn 3/4/26, Portal wrote:\n> > -- Please Write Above "
		    "This Line [p-7k3qxm] --\n> > x\n",
		    "Yes." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct reply r;

		print_message("  %s\n", rows[i].name);
		reply_trim(rows[i].text, "P-7K3QXM", a, &r);
		assert_string_equal(r.text, rows[i].expect);
		assert_null(r.other_thread);
		assert_int_equal(r.trimmed, i > 2);
	}
}

static void
what_a_person_wrote_stays(void **state)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "numbered list", "1. Rest\n2. Drink\n3) Call on Monday\n- or earlier" },
		{ "a line that begins with >", "Your values:\n>140/90: call us\n> 5 mg: halve it\nD. Lee" },
		{ "a list with > and nothing that says it is a quotation", "Take\n\n> one\n> two\n> three\n> four" },
		{ "a value at the margin", ">140/90 is too high." },
		{ "somebody wrote", "On Monday the pharmacist wrote:\ntwo a day is fine." },
		{ "somebody wrote, with a date", "On 3 March your pharmacist wrote:\ntwo a day is fine." },
		{ "From, To and Subject without a date", "From: Monday\nTo: Friday\nSubject: rest\nD. Lee" },
		{ "From and To in a sentence", "From: Monday\nTo: Friday\ntake two." },
		{ "a rule", "Plan A\n-----\nPlan B\n__________\nPlan C" },
		{ "Subject in a sentence", "Subject: to change, take two." },
		{ "dashes and a signature", "Take two.\n-- \nD. Lee\n555 0100" },
		{ "a table of mine", "From: x\nCost: y" },
		{ "only a quotation is not trimmed to nothing", "On 3/4/26, Portal wrote:\n> It hurts.\n> Badly." },
		{ "only our text is not trimmed to nothing", OURS "end" },
		{ "answers below an unprefixed quotation",
		    "My answers are in red below.\n\n" OUTLOOK "It hurts.\nNormal.\nx" },
		{ "El at the start of a line", "El 4 de marzo le escribi\303\263:\nsu doctor" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct reply r;

		print_message("  %s\n", rows[i].name);
		reply_trim(rows[i].text, "P-7K3QXM", a, &r);
		assert_string_equal(r.text, rows[i].text);
		assert_false(r.trimmed);
	}
}

static void
another_threads_marker_is_reported(void **state)
{
	static const struct {
		const char *name, *text, *other;
	} rows[] = {
		{ "ours", "Yes.\n" OURS, NULL },
		{ "another", "Yes.\n\n-- please write above this line [P-ABC123] --\nx", "P-ABC123" },
		{ "another, quoted and in small letters",
		    "Yes.\nOn 1/1/26, x wrote:\n> -- PLEASE write above this line [p-abc123] --\n> x", "P-ABC123" },
		{ "another below ours", "Yes.\n" OURS "\n> > -- please write above this line [P-ABC123] --\n",
		    "P-ABC123" },
		{ "reference on the next line", "Yes.\n> -- please write above this line\n> [P-ABC123] --\n",
		    "P-ABC123" },
		{ "no reference", "Yes.\n-- please write above this line --\nx", NULL },
		{ "a bracket that is no reference", "Yes.\n-- please write above this line [x] --\nx", NULL },
		{ "another reference without the marker", "See P-ABC123 or [P-ABC123].", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct reply r;

		print_message("  %s\n", rows[i].name);
		reply_trim(rows[i].text, "P-7K3QXM", a, &r);
		if (rows[i].other == NULL)
			assert_null(r.other_thread);
		else
			assert_string_equal(r.other_thread, rows[i].other);
	}
}

static void
the_first_line_answers_a_question(void **state)
{
	static const struct {
		const char *text, *line;
	} rows[] = {
		{ "yes\n\n" OURS, "yes" },
		{ "\n\n  Yes, release \nit\n" OURS, "Yes, release" },
		{ OURS, "" },
		{ "On 3/4/26, Portal wrote:\n" QUOTED, "" },
		{ "On 3/4/26, Portal wrote:\n" QUOTED "no\n", "no" },
		{ OUTLOOK "x", "" },
		{ "", "" },
		{ NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();

		assert_string_equal(reply_first_line(rows[i].text, "P-7K3QXM", a), rows[i].line);
	}
}

/* A small generator: the same numbers on every run. */
static unsigned
next_number(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

static const char *const own_lines[] = { "Take two a day.", "1. Rest for a week", "2. Drink enough", "", "",
	"On Monday you may run again.", "On 3 March I wrote: come back.", ">140/90: call us", "From: Monday",
	"To: Friday", "- ibuprofen", "Subject: to change", "----------", "El lunes puede correr.", "-- ",
	"Dana Lee, MD", "Call +1 555 0100", "you wrote:", "> 5 mg is too much", "caf\303\251 > tea", "____" };

static void
own_text(unsigned *seed, struct buf *b)
{
	unsigned n = 1 + next_number(seed, 8);

	for (unsigned i = 0; i < n; i++)
		buf_printf(b, "%s\n", own_lines[next_number(seed, ARRAY_LEN(own_lines))]);
	buf_puts(b, "word\n"); /* somebody who answers says something */
}

/* Every line of own must stand in text, in order. */
static void
assert_lines_kept(const char *own, const char *text)
{
	while (*own != '\0') {
		size_t whole = strcspn(own, "\n"), n = whole;

		while (n > 0 && own[n - 1] == ' ')
			n--;
		while (n > 0 && strncmp(text, own, n) != 0) {
			text = strchr(text, '\n');
			if (text == NULL)
				fail_msg("a line was lost: %.*s", (int)n, own);
			text++;
		}
		text += n > 0 ? strcspn(text, "\n") : 0;
		own += whole + (own[whole] == '\n');
	}
}

static void
no_word_a_person_wrote_is_lost(void **state)
{
	static const char *const quotes[] = {
		"\n" OURS,
		"\nOn 3/4/26 10:00, Patient portal wrote:\n" QUOTED,
		"\nOn Wed, Mar 4, 2026 at 10:00 AM Patient portal <\nportal@clinic.example> wrote:\n\n" QUOTED,
		"\nEl 4/3/26 a las 10:00, Portal escribi\303\263:\n\n" QUOTED,
		"\n> On Mar 4, 2026, at 10:00, Portal wrote:\n>\n" QUOTED,
		"\n" OUTLOOK "Subject: A question\n\n" OURS,
		"\n________________________________\n" OUTLOOK OURS,
		"\n-----Original Message-----\n" OUTLOOK OURS,
		"\n\n" QUOTED,
	};
	unsigned seed = 20260304;
	size_t clean = 0, total = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		AUTO(arena) a = arena_new();
		AUTO_BUF own = BUF_INIT;
		AUTO_BUF mail = BUF_INIT;
		struct reply r;

		own_text(&seed, &own);
		buf_puts(&mail, buf_str(&own));
		buf_puts(&mail, quotes[next_number(&seed, ARRAY_LEN(quotes))]);
		reply_trim(buf_str(&mail), "P-7K3QXM", a, &r);
		assert_lines_kept(buf_str(&own), r.text);
		total++;
		clean += strstr(r.text, "It hurts.") == NULL;
	}
	/* and nearly always the quotation is gone as well */
	assert_true(clean * 100 >= total * 99);
}

static void
inline_answers_are_all_kept(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		AUTO(arena) a = arena_new();
		AUTO_BUF mail = BUF_INIT;
		AUTO_BUF own = BUF_INIT;
		unsigned n = 1 + next_number(&seed, 5);
		struct reply r;

		buf_puts(&mail, "On 3/4/26 10:00, Patient portal wrote:\n");
		for (unsigned i = 0; i < n; i++) {
			const char *line = own_lines[next_number(&seed, ARRAY_LEN(own_lines))];

			/* "> ..." below a quotation is the one thing nobody can tell apart */
			if (line[0] == '>' && line[1] == ' ')
				line = "No.";
			buf_printf(&mail, "> question %u\n> more\n\nanswer %u\n%s\n\n", i, i, line);
			buf_printf(&own, "answer %u\n%s\n", i, line);
		}
		reply_trim(buf_str(&mail), "P-7K3QXM", a, &r);
		assert_lines_kept(buf_str(&own), r.text);
		assert_null(strstr(r.text, "question"));
	}
}

static void
hostile_text_is_linear(void **state)
{
	static const char *const pieces[] = { ">", "> ", "\n", "On 1\n", "On 1 wrote:\n", "From:\n", "From: x\nTo: y\n",
		"--", "-----Original Message-----\n> x\n", "-- please write above this line [P-A", " ", "Subject: \n",
		"_____\n", "> x\n", "El 1 escribi\303\263:\n\n\n" };
	long start = cpu_ms();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		AUTO(arena) a = arena_new();
		AUTO_BUF b = BUF_INIT;
		struct reply r;

		while (b.n < 1 << 20)
			buf_puts(&b, pieces[i]);
		reply_trim(buf_str(&b), "P-7K3QXM", a, &r);
	}
	assert_cpu_below(start, 4000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_client_quoted_is_cut),
		cmocka_unit_test(what_a_person_wrote_stays),
		cmocka_unit_test(another_threads_marker_is_reported),
		cmocka_unit_test(the_first_line_answers_a_question),
		cmocka_unit_test(no_word_a_person_wrote_is_lost),
		cmocka_unit_test(inline_answers_are_all_kept),
		cmocka_unit_test(hostile_text_is_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
