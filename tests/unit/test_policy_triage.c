/* What a message asks for, how soon, and where it goes. */
#include "tests/unit/policy_help.h"

#include "base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct row {
	const char *name, *subject, *body, *told; /* "categories/urgency/route/auto_reply" */
};

static const char *
told(const struct verdict *v, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (size_t i = 0; i < v->ncategories; i++)
		buf_printf(&b, "%s%s", i > 0 ? "+" : "", v->categories[i]);
	return arena_printf(a, "%s/%s/%s/%s", buf_str(&b), urgency_name(v->urgency), v->route, v->auto_reply);
}

static void
run(const struct row *r, size_t n, enum direction d)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO(arena) a = arena_new();
		struct message_facts f = policy_facts(d, r[i].subject, r[i].body);
		struct verdict v = policy_judged(policy_shipped(), &f, a);

		if (strcmp(told(&v, a), r[i].told) == 0)
			continue;
		print_error("%s: expected %s, found %s\n", r[i].name, r[i].told, told(&v, a));
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void
a_request_finds_its_way(void **state)
{
	static const struct row rows[] = {
		{ "renewal", "", "Please refill my lisinopril. Thank you!", "rx_renewal/routine/rx_pool/promise" },
		{ "appointment", "", "Can I reschedule my visit on Friday?", "appointment/routine/front_desk/promise" },
		{ "billing", "", "I got an invoice that I already paid.", "billing/routine/billing/promise" },
		{ "technical", "", "I forgot my password and cannot log in.",
		    "technical/routine/tech_support/promise" },
		{ "form", "", "Please sign the school form.", "form/routine/clinician/promise" },
		{ "result", "", "When are my lab results ready?", "test_result_question/routine/clinician/promise" },
		{ "advice", "", "My knee is sore, should I ice it?", "medical_advice/routine/clinician/promise" },
		{ "nothing known", "", "Blue bicycles everywhere.", "medical_advice/routine/clinician/promise" },
		{ "empty", "", "", "medical_advice/routine/clinician/promise" },
		{ "thanks", "", "Thanks!", "social/none/clinician/none" },
		{ "thanks under another subject", "Re: chest pain", "Thank you, doctor.",
		    "social/none/clinician/none" },
		{ "thanks and a question", "", "Thanks for the call. Can I take ibuprofen?",
		    "social+medical_advice/routine/clinician/promise" },
		{ "the subject alone", "Refill of metformin", "Could you do that today?",
		    "rx_renewal/routine/rx_pool/promise" },
		{ "overdue", "", "Nobody has answered my messages.", "complaint/urgent/clinician/urgent" },
		{ "a vital medicine", "", "I am out of insulin.", "rx_renewal/urgent/rx_pool/urgent" },
		{ "an emergency goes everywhere", "", "Refill please. I also have chest pain.",
		    "rx_renewal+medical_advice/emergency/clinician+on_call/emergency" },
		{ "a reply's subject is not new", "Re: chest pain", "Can we move the visit to Monday?",
		    "appointment+medical_advice/urgent/clinician/urgent" },
	};

	(void)state;
	run(rows, ARRAY_LEN(rows), TO_CLINICIAN);
}

static void
an_answer_is_filed(void **state)
{
	static const struct row rows[] = {
		{ "result", "", "Your cholesterol is normal.", "test_result/routine/patient/none" },
		{ "renewal", "", "I sent the refill to your pharmacy.", "rx_renewal/routine/patient/none" },
		{ "appointment", "", "See you on Tuesday.", "appointment/routine/patient/none" },
		{ "form", "", "Your form is ready.", "form/routine/patient/none" },
		{ "advice", "", "You can take ibuprofen with food.", "medical_advice/routine/patient/none" },
		{ "social", "", "You are welcome!", "social/none/patient/none" },
	};

	(void)state;
	run(rows, ARRAY_LEN(rows), TO_PATIENT);
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
		cmocka_unit_test(a_request_finds_its_way),
		cmocka_unit_test(an_answer_is_filed),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
