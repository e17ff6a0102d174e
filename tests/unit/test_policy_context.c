/* How a term was meant: negation, doubt, time and person, row by row. */
#include "tests/unit/policy_help.h"

#include "base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *name, *body, *mentions;
};

static const struct row from_patient[] = {
	{ "affirmed", "I have chest pain.", "flag.chest_pain+cp" },
	{ "no", "I have no chest pain.", "flag.chest_pain-cp" },
	{ "denies, list closed by or", "I deny chest pain, fainting, or trouble breathing.",
	    "flag.breathing-cp flag.chest_pain-cp flag.syncope-cp" },
	{ "or carries a negation", "No chest pain or shortness of breath.", "flag.breathing-cp flag.chest_pain-cp" },
	{ "a comma alone does not", "No fever, chest pain since this morning.", "flag.chest_pain+cp" },
	{ "an answer is no negation", "No, the chest pain is still there.", "flag.chest_pain+cp" },
	{ "and with a new clause ends it", "No fever and I have chest pain.", "flag.chest_pain+cp" },
	{ "but ends it", "No fever but chest pain all night.", "flag.chest_pain+cp" },
	{ "a purpose is not reached", "I have no medicine for chest pain at home.", "flag.chest_pain+cp" },
	{ "a symptom's own not", "The inhaler is not working and I can't catch my breath.", "flag.breathing+cp" },
	{ "not inside the words", "My chest does not hurt.", "flag.chest_pain-cp" },
	{ "twice no is yes", "I never walk without chest pain.", "flag.chest_pain+cp" },
	{ "not sure is perhaps", "I am not sure if this is a stroke.", "flag.stroke?cp" },
	{ "could it be", "Could it be a heart attack?", "flag.chest_pain?cp" },
	{ "a year past", "I had a heart attack in 2019.", "flag.chest_pain+hp" },
	{ "this year is not past", "I had chest pain in 2026.", "flag.chest_pain+cp" },
	{ "since a year is now", "I have had chest pain since 2019.", "flag.chest_pain+cp" },
	{ "past and now", "I had a stroke in 2019 and now I have chest pain.", "flag.chest_pain+cp flag.stroke+hp" },
	{ "recent", "Yesterday I passed out at work.", "flag.syncope+rp" },
	{ "recent and still", "Yesterday I had chest pain and it is still there.", "flag.chest_pain+cp" },
	{ "since yesterday is now", "I have chest pain since yesterday.", "flag.chest_pain+cp" },
	{ "gone", "I had chest pain but it went away.", "flag.chest_pain+rp" },
	{ "if", "What should I do if I get chest pain?", "flag.chest_pain+yp" },
	{ "if, but here now", "Should I worry if I have chest pain right now?", "flag.chest_pain+cp" },
	{ "husband", "My husband is having chest pain.", "flag.chest_pain+co" },
	{ "husband says of me", "My husband says my face is drooping.", "flag.stroke+cp" },
	{ "he is the one before", "My husband fell. He passed out.", "flag.syncope+co" },
	{ "hits me", "My husband hits me.", "topic.violence+cp" },
	{ "father died of", "My father died of a stroke at 60.", "flag.stroke+ho" },
	{ "spelt wrong", "I have chset pian and truoble breathing.", "flag.breathing+cp flag.chest_pain+cp" },
	{ "Spanish no .. ni", "No tengo dolor de pecho ni dificultad para respirar.",
	    "flag.breathing-cp flag.chest_pain-cp" },
	{ "Spanish but", "No tengo fiebre pero me duele el pecho.", "flag.chest_pain+cp" },
	{ "lines without marks", "No fever\nChest pain since noon", "flag.chest_pain+cp" },
	{ "bullets are sentences", "No:\n- fever\n- cough\n\nYes:\n- chest pain", "flag.chest_pain+cp" },
};

static const struct row to_patient[] = {
	{ "not only", "It was not only atypical, it is a melanoma.", "news.malignancy+cp" },
	{ "cannot rule out", "We cannot rule out malignancy.", "news.malignancy?cp" },
	{ "to rule out", "I ordered an MRI to rule out a tumor.", "news.malignancy?cp" },
	{ "was ruled out", "Cancer was ruled out.", "news.malignancy-cp" },
	{ "no change in", "There is no change in the size of the tumor.", "news.malignancy+cp" },
	{ "does not suggest", "This does not suggest cancer.", "news.malignancy-cp" },
	{ "can't say it isn't", "I can't say that this isn't cancer.", "news.malignancy+cp" },
	{ "the negation is the news", "We could not find a heartbeat.", "news.pregnancy_loss+cp" },
	{ "if you develop, a list", "If you develop chest pain or trouble breathing, call 911.",
	    "flag.breathing+yp flag.chest_pain+yp" },
	{ "another clause after or", "If you faint or your lips turn blue, call 911.", "flag.breathing+yp" },
	{ "screening", "We screen for cancer every year.", "news.malignancy+yp" },
	{ "your mother had", "Your mother had breast cancer at 42.", "news.malignancy+ho" },
	{ "protected though negative", "Your HIV test was negative.", "topic.hiv-cp" },
	{ "not high is normal", "Your potassium is not high.", "result.normal+cp" },
	{ "not normal is abnormal", "Your potassium is not normal.", "result.abnormal+cp" },
	{ "no cancer on a test is normal", "There is no evidence of cancer on your mammogram.",
	    "news.malignancy-cp result.normal+cp" },
};

static void
run(const struct row *r, size_t n, const char *(*of)(const char *, struct arena *))
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO(arena) a = arena_new();
		const char *got = of(r[i].body, a);

		if (strcmp(got, r[i].mentions) == 0)
			continue;
		print_error("%s: expected \"%s\", found \"%s\"\n", r[i].name, r[i].mentions, got);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void
a_patient_is_understood(void **state)
{
	(void)state;
	run(from_patient, ARRAY_LEN(from_patient), policy_from_patient);
}

static void
a_clinician_is_understood(void **state)
{
	(void)state;
	run(to_patient, ARRAY_LEN(to_patient), policy_to_patient);
}

static void
what_was_quoted_is_not_said(void **state)
{
	static const struct row rows[] = {
		{ "marked lines", "Fine.\n\nOn Mon, 2 Mar 2026, Homer wrote:\n> is it cancer?\n", "" },
		{ "an introduction of two lines",
		    "Fine.\n\nOn Mon, 2 Mar 2026 at 10:00 AM Homer Simpson\n"
		    "<homer@example.org> wrote:\n\n> is it cancer?\n",
		    "" },
		{ "a client that marks nothing", "Fine.\n\nOn Mon, 2 Mar 2026, Homer wrote:\nis it cancer?\n", "" },
		{ "Outlook", "Fine.\n\nFrom: Homer\nSent: Monday\nTo: Lee\nSubject: lump\n\nis it cancer?\n", "" },
		{ "original message", "Fine.\n\n-----Original Message-----\nis it cancer?\n", "" },
		{ "Spanish", "Bien.\n\nEl lun, 2 mar 2026, Homer escribió:\n> ¿es cáncer?\n", "" },
		{ "an answer between the lines", "> is it cancer?\nIt is a melanoma.\n> ok\n", "news.malignancy+cp" },
		{ "an answer below", "On Mon, 2 Mar 2026, Homer wrote:\n> well?\n\nIt is a melanoma.",
		    "news.malignancy+cp" },
	};

	(void)state;
	run(rows, ARRAY_LEN(rows), policy_to_patient);
}

static int
done(void **state)
{
	(void)state;
	policy_help_done();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_patient_is_understood),
		cmocka_unit_test(a_clinician_is_understood),
		cmocka_unit_test(what_was_quoted_is_not_said),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
