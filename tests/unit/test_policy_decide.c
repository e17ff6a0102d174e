/* From mentions to a decision: defaults, agreements, floors, minors, leaks, attachments, languages, the clock. */
#include "tests/unit/policy_help.h"

#include "base/own.h"
#include "policies/agreement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1772463600)

static const char melanoma[] = "The biopsy shows a melanoma.";
static const char hiv[] = "Your HIV test was negative.";
static const char sti[] = "Your chlamydia test is positive.";

static struct agreement
agreed(const char *class_name, enum agreement_value value)
{
	return (struct agreement){ .id = "A-1",
		.scope = SCOPE_CLINIC,
		.scope_id = "",
		.class_name = class_name,
		.value = value,
		.patient_consent = NOW - 10,
		.clinician_consent = NOW - 10,
		.by = "",
		.made = NOW - 10 };
}

static void
the_strictest_decides(void **state)
{
	static const struct {
		const char *body;
		enum decision act;
	} rows[] = {
		{ "See you on Tuesday.", ACT_DELIVER },
		{ "Your number is 078-05-1120.", ACT_REDACT },
		{ "Your potassium is high. Your number is 078-05-1120.", ACT_HOLD_CONFIRM },
		{ "Your potassium is high. The biopsy shows a melanoma.", ACT_REFUSE_IN_PERSON },
		{ "The biopsy shows a melanoma. Your potassium is high.", ACT_REFUSE_IN_PERSON },
		{ "Dear Ms. Bouvier, the biopsy shows a melanoma.", ACT_QUARANTINE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct message_facts f = policy_facts(TO_PATIENT, "", rows[i].body);

		assert_int_equal(policy_judged(policy_shipped(), &f, a).act, rows[i].act);
	}
}

static void
a_patient_is_never_held(void **state)
{
	static const char *const bodies[] = { melanoma, hiv, "078-05-1120", "Dear Ms. Bouvier, MRN 2002",
		"Ich habe seit gestern starke Schmerzen und weiß nicht was ich tun soll" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		AUTO(arena) a = arena_new();
		struct message_facts f = policy_facts(TO_CLINICIAN, "", bodies[i]);

		assert_int_equal(policy_judged(policy_shipped(), &f, a).act, ACT_DELIVER);
	}
}

static void
agreements_say_what_they_say(void **state)
{
	static const struct {
		const char *body, *class_name, *jurisdiction;
		enum agreement_value value;
		enum decision act;
		enum choice whose;
	} rows[] = {
		{ melanoma, "news.malignancy", NULL, AGREE_PORTAL_OK, ACT_DELIVER, CHOICE_DEFAULT },
		{ melanoma, "news.*", NULL, AGREE_PORTAL_AFTER_CALL, ACT_HOLD_CONFIRM, CHOICE_AGREEMENT },
		{ melanoma, "news.malignancy", "US-CA", AGREE_PORTAL_OK, ACT_HOLD_CONFIRM, CHOICE_LAW },
		{ melanoma, "news.malignancy", "US-CA", AGREE_IN_PERSON_ONLY, ACT_REFUSE_IN_PERSON, CHOICE_AGREEMENT },
		{ hiv, "topic.hiv", "US-KY", AGREE_PORTAL_OK, ACT_DELIVER, CHOICE_DEFAULT },
		{ hiv, "topic.hiv", "US-TX+US-CA", AGREE_PORTAL_OK, ACT_HOLD_CONFIRM, CHOICE_LAW },
		{ "Your cholesterol is normal.", "result.*", NULL, AGREE_NEVER_ELECTRONIC, ACT_REFUSE_IN_PERSON,
		    CHOICE_AGREEMENT },
		{ "Dear Ms. Bouvier, all is fine.", "leak.other_patient", NULL, AGREE_PORTAL_OK, ACT_QUARANTINE,
		    CHOICE_SAFETY },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct agreement g = agreed(rows[i].class_name, rows[i].value);
		struct message_facts f = policy_facts(TO_PATIENT, "", rows[i].body);
		struct verdict v;

		f.agreements = &g;
		f.nagreements = 1;
		f.patient.jurisdiction = rows[i].jurisdiction;
		v = policy_judged(policy_shipped(), &f, a);
		if (v.act != rows[i].act || (v.act != ACT_DELIVER && v.whose != rows[i].whose))
			fail_msg("row %zu: %s by %s", i, decision_name(v.act), choice_name(v.whose));
	}
}

static void
consent_makes_an_agreement(void **state)
{
	const struct boundaries *b = policy_shipped();
	struct agreement g = agreed("news.malignancy", AGREE_PORTAL_OK);

	(void)state;
	assert_int_equal(agreement_state(b, &g, NOW), AGREEMENT_IN_FORCE);
	g.clinician_consent = 0; /* loosening: proposed until both have said it */
	assert_int_equal(agreement_state(b, &g, NOW), AGREEMENT_PROPOSED);
	g.value = AGREE_IN_PERSON_ONLY; /* as strict as the default: the patient alone */
	assert_int_equal(agreement_state(b, &g, NOW), AGREEMENT_IN_FORCE);
	g.patient_consent = 0; /* not without the patient */
	assert_int_equal(agreement_state(b, &g, NOW), AGREEMENT_PROPOSED);
	g = agreed("news.*", AGREE_PORTAL_AFTER_CALL);
	g.clinician_consent = 0; /* looser than the default of one class it covers */
	assert_int_equal(agreement_state(b, &g, NOW), AGREEMENT_PROPOSED);
	g = agreed("news.malignancy", AGREE_PORTAL_OK);
	g.expires = NOW;
	assert_int_equal(agreement_state(b, &g, NOW), AGREEMENT_EXPIRED);
	assert_int_equal(agreement_state(b, &g, NOW - 1), AGREEMENT_IN_FORCE);
	g.revoked = NOW - 5;
	assert_int_equal(agreement_state(b, &g, NOW), AGREEMENT_REVOKED);
}

static void
the_narrower_scope_speaks(void **state)
{
	struct agreement g[3] = { agreed("result.abnormal", AGREE_IN_PERSON_ONLY),
		agreed("result.abnormal", AGREE_PORTAL_OK), agreed("result.*", AGREE_PORTAL_AFTER_CALL) };
	struct message_facts f = policy_facts(TO_PATIENT, "", "");
	static const char *const teams[] = { "cardio" };
	const struct boundaries *b = policy_shipped();

	(void)state;
	f.agreements = g;
	f.nagreements = 3;
	f.teams = teams;
	f.nteams = 1;
	assert_ptr_equal(agreement_for(b, &f, "result.abnormal"), &g[0]); /* equal age: the stricter exact one */
	g[1].scope = SCOPE_TEAM;
	g[1].scope_id = "cardio";
	assert_ptr_equal(agreement_for(b, &f, "result.abnormal"), &g[1]);
	g[2].scope = SCOPE_CLINICIAN;
	g[2].scope_id = "lee";
	assert_ptr_equal(agreement_for(b, &f, "result.abnormal"), &g[2]);
	g[2].scope_id = "gomez"; /* another clinician's */
	assert_ptr_equal(agreement_for(b, &f, "result.abnormal"), &g[1]);
	assert_null(agreement_for(b, &f, "topic.hiv"));
}

static void
a_minors_secret_stays_out_of_the_proxys_sight(void **state)
{
	struct proxy_facts mother = { "mother", "full", true };
	struct agreement g = agreed("topic.sti", AGREE_PORTAL_OK);
	struct message_facts f = policy_facts(TO_PATIENT, "", sti);
	AUTO(arena) a = arena_new();
	struct verdict v;

	(void)state;
	f.patient.age = 16;
	f.patient.proxies = &mother;
	f.patient.nproxies = 1;
	v = policy_judged(policy_shipped(), &f, a);
	assert_int_equal(v.act, ACT_REDIRECT);
	assert_string_equal(v.redirect_to, "patient_only_thread");
	assert_int_equal(v.whose, CHOICE_MINOR);
	f.agreements = &g; /* nobody agrees it into the proxy's sight */
	f.nagreements = 1;
	assert_int_equal(policy_judged(policy_shipped(), &f, a).act, ACT_REDIRECT);
	g.value = AGREE_PORTAL_AFTER_CALL;
	v = policy_judged(policy_shipped(), &f, a);
	assert_int_equal(v.act, ACT_HOLD_CONFIRM);
	assert_true(v.redirect_on_release);
	f.nagreements = 0;
	f.body = hiv;
	f.patient.jurisdiction = "US-CA";
	v = policy_judged(policy_shipped(), &f, a);
	assert_int_equal(v.act, ACT_HOLD_CONFIRM);
	assert_true(v.redirect_on_release);
	f.patient_only_thread = true;
	v = policy_judged(policy_shipped(), &f, a);
	assert_int_equal(v.act, ACT_HOLD_CONFIRM);
	assert_false(v.redirect_on_release);
	f.body = sti;
	f.patient_only_thread = false;
	f.patient.age = 18;
	assert_int_equal(policy_judged(policy_shipped(), &f, a).act, ACT_HOLD_CONFIRM);
	assert_false(agreement_proxy_may(policy_shipped(), &(struct patient_facts){ .age = 15 }, "topic.*"));
	assert_true(agreement_proxy_may(policy_shipped(), &(struct patient_facts){ .age = 15 }, "result.abnormal"));
	assert_true(agreement_proxy_may(policy_shipped(), &(struct patient_facts){ .age = 8 }, "topic.sti"));
}

static void
identifiers_are_masked_where_they_stand(void **state)
{
	static const char body[] =
	    "Número de seguro social: 078-05-1120, tarjeta 4111 1111 1111 1111. Call 555-867-5309.";
	struct message_facts f = policy_facts(TO_PATIENT, "", body);
	AUTO(arena) a = arena_new();
	struct verdict v = policy_judged(policy_shipped(), &f, a);

	(void)state;
	assert_int_equal(v.act, ACT_REDACT);
	assert_int_equal(v.nredactions, 2);
	assert_memory_equal(body + v.redactions[0].begin, "078-05-1120", 11);
	assert_int_equal(v.redactions[0].end - v.redactions[0].begin, 11);
	assert_memory_equal(body + v.redactions[1].begin, "4111 1111 1111 1111", 19);
	f.subject = "078-05-1120"; /* only the body can be masked */
	assert_int_equal(policy_judged(policy_shipped(), &f, a).act, ACT_HOLD_CONFIRM);
}

static void
another_patients_name_is_seen(void **state)
{
	static const struct {
		const char *body;
		bool leak;
	} rows[] = {
		{ "Dear Mrs. Bouvier, your x-ray is fine.", true },
		{ "Dear Mr. Simpson, your x-ray is fine.", false },
		{ "Hi Homer, your x-ray is fine.", false },
		{ "Hi Ned,\nyour x-ray is fine.", true },
		{ "Mr. Flanders' potassium is fine.", true },
		{ "Ask for Mrs. Krabappel at the desk.", false },
		{ "Dear Dr. Hibbert, thank you.", false },
		{ "Hello there, all fine.", false },
		{ "Estimada Sra. Bouvier, todo bien.", true },
		{ "Your MRN 1001 is on the form.", false },
		{ "Your MRN: 2002 is on the form.", true },
		{ "Medical record number 10010.", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct message_facts f = policy_facts(TO_PATIENT, "", rows[i].body);
		struct verdict v = policy_judged(policy_shipped(), &f, a);

		if ((v.act == ACT_QUARANTINE) != rows[i].leak)
			fail_msg("%s: %s", rows[i].body, decision_name(v.act));
	}
}

static void
what_cannot_be_read_is_held_or_flagged(void **state)
{
	static const struct {
		const char *name, *type, *text;
		bool read;
	} rows[] = {
		{ "report.pdf", "application/pdf", "", false },
		{ "report.pdf", "application/pdf", NULL, false },
		{ "report.pdf", "application/pdf", " \n\f", false },
		{ "scan.jpg", "image/jpeg", NULL, false },
		{ "a.zip", "application/zip", NULL, false },
		{ "letter.pdf", "application/pdf", "You may return to work on Monday.", true },
		{ "note.txt", "text/plain", "You may return to work on Monday.", true },
		{ "visit.ics", "text/calendar", "", true },
		{ "letter.pdf", "application/pdf",
		    "Der Befund ist leider nicht gut und wir müssen mit Ihnen darüber sprechen.", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct attachment_facts att = { rows[i].name, rows[i].type, rows[i].text, 1000 };
		struct message_facts f = policy_facts(TO_PATIENT, "", "Here is the letter.");
		struct verdict v;

		f.attachments = &att;
		f.nattachments = 1;
		v = policy_judged(policy_shipped(), &f, a);
		assert_int_equal(v.act, rows[i].read ? ACT_DELIVER : ACT_HOLD_CONFIRM);
		assert_int_equal(v.not_screened, !rows[i].read);
		f.direction = TO_CLINICIAN;
		v = policy_judged(policy_shipped(), &f, a);
		assert_int_equal(v.act, ACT_DELIVER);
		assert_int_equal(v.urgency, rows[i].read ? URGENCY_ROUTINE : URGENCY_URGENT);
	}
}

static void
an_unknown_language_is_not_screened(void **state)
{
	static const struct {
		const char *hint, *body;
		bool read;
	} rows[] = {
		{ NULL, "Please continue with the exercises and call us next week.", true },
		{ NULL, "Por favor siga con los ejercicios y llámenos la próxima semana.", true },
		{ NULL, "Ihre Blutwerte sind leider nicht gut, bitte rufen Sie mich in der Praxis an.", false },
		{ "en", "Vos résultats sont arrivés, je vous appelle demain pour en parler avec vous.", false },
		{ NULL, "Результаты анализов готовы, позвоните мне завтра.", false },
		{ NULL, "您的检查结果已经出来了，请明天给我打电话。", false },
		{ "fr", "Merci", false },
		{ "en", "OK", true },
		{ NULL, "CBC fine. TSH 2.1. LDL 90. A1c 5.4. CMP fine.", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct message_facts f = policy_facts(TO_PATIENT, "", rows[i].body);
		struct verdict v;

		f.language = rows[i].hint;
		v = policy_judged(policy_shipped(), &f, a);
		if (v.not_screened == rows[i].read || (v.act >= ACT_HOLD_CONFIRM) == rows[i].read)
			fail_msg("%s: %s %s", rows[i].body, decision_name(v.act), v.not_screened_why);
	}
}

static void
an_abnormal_result_waits_for_monday_when_asked_to(void **state)
{
	AUTO_BUF text = BUF_INIT;
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .text = BUF_INIT };
	struct boundaries_source src[3] = { { "boundaries.yaml", { 0 } }, { "lexicon/en.yaml", { 0 } },
		{ "lexicon/es.yaml", { 0 } } };
	static const char lex[] = "language: en\nrules:\n  - id: t\n    class: result.abnormal\n    terms: [high]\n";
	static const char conf[] =
	    "version: t\nlexicons: [lexicon/en.yaml]\nclasses:\n  result.abnormal: { default: deliver }\n"
	    "time_rules:\n  - { id: weekend, enabled: true, class: result.abnormal, from: fri 17:00, to: mon 08:00, "
	    "zone: America/New_York, decision: delay }\n";
	struct message_facts f = policy_facts(TO_PATIENT, "", "high");
	struct boundaries *b;
	struct verdict v;

	(void)state;
	(void)text;
	src[0].text = slice_of(conf);
	src[1].text = slice_of(lex);
	b = boundaries_parse(src, 2, a, &errs);
	assert_string_equal(buf_str(&errs.text), "");
	f.now = INT64_C(1772231400); /* Friday 2026-02-27 17:30 EST */
	v = policy_judged(b, &f, a);
	assert_int_equal(v.act, ACT_DELAY);
	assert_int_equal(v.delay_until, INT64_C(1772456400)); /* Monday 08:00 EST */
	assert_string_equal(v.rule, "weekend");
	f.now = INT64_C(1772228000); /* Friday 16:33 EST */
	assert_int_equal(policy_judged(b, &f, a).act, ACT_DELIVER);
	f.now = INT64_C(1772456400);
	assert_int_equal(policy_judged(b, &f, a).act, ACT_DELIVER);
	boundaries_unload(b);
	conf_errors_free(&errs);
}

static void
the_invitation_passes(void **state)
{
	static const char *const languages[] = { "en", "es", NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
		AUTO(arena) a = arena_new();
		struct message_facts f = policy_facts(TO_PATIENT, "", policy_invitation(languages[i]));
		struct verdict v = policy_judged(policy_shipped(), &f, a);

		assert_int_equal(v.act, ACT_DELIVER);
		assert_int_equal(v.nmentions, 0);
	}
	assert_string_equal(policy_class_words(policy_shipped(), "topic.hiv", "es"), "el VIH");
	assert_string_equal(policy_class_words(policy_shipped(), "no.such", "en"), "no.such");
}

static void
names_of_enums_are_those_of_the_file(void **state)
{
	enum decision d;
	enum urgency u;
	enum agreement_value g;

	(void)state;
	for (int i = ACT_DELIVER; i <= ACT_QUARANTINE; i++) {
		assert_true(decision_parse(decision_name((enum decision)i), &d));
		assert_int_equal(d, i);
	}
	for (int i = URGENCY_NONE; i <= URGENCY_EMERGENCY; i++) {
		assert_true(urgency_parse(urgency_name((enum urgency)i), &u));
		assert_int_equal(u, i);
	}
	for (int i = AGREE_PORTAL_OK; i <= AGREE_NEVER_ELECTRONIC; i++) {
		assert_true(agreement_value_parse(agreement_value_name((enum agreement_value)i), &g));
		assert_int_equal(g, i);
		assert_int_equal(policy_shipped()->agreement[i], agreement_decision((enum agreement_value)i));
	}
	assert_false(decision_parse("maybe", &d));
	assert_false(decision_parse(NULL, &d));
	assert_int_equal(boundaries_class(policy_shipped(), "news.malignancy")->decision, ACT_REFUSE_IN_PERSON);
	assert_int_equal(boundaries_class(policy_shipped(), "news.malignancy")->triggers,
	    1u << ASSERT_AFFIRMED | 1u << ASSERT_POSSIBLE);
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
		cmocka_unit_test(the_strictest_decides),
		cmocka_unit_test(a_patient_is_never_held),
		cmocka_unit_test(agreements_say_what_they_say),
		cmocka_unit_test(consent_makes_an_agreement),
		cmocka_unit_test(the_narrower_scope_speaks),
		cmocka_unit_test(a_minors_secret_stays_out_of_the_proxys_sight),
		cmocka_unit_test(identifiers_are_masked_where_they_stand),
		cmocka_unit_test(another_patients_name_is_seen),
		cmocka_unit_test(what_cannot_be_read_is_held_or_flagged),
		cmocka_unit_test(an_unknown_language_is_not_screened),
		cmocka_unit_test(an_abnormal_result_waits_for_monday_when_asked_to),
		cmocka_unit_test(the_invitation_passes),
		cmocka_unit_test(names_of_enums_are_those_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
