/* The coordinators together: what a patient and a clinician say, and what becomes of it. */
#include "clinic.h"

#include "flow/clockwork.h"
#include "flow/watch.h"
#include "mailbox/mailbox_null.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define QUESTION "My knee has been sore for two weeks after running. Should I ice it or come in?"

static struct clinic c;

static int
open_clinic(void **state)
{
	(void)state;
	clinic_open(&c);
	clinic_patient(&c, "homer", "Homer", "Simpson", "1001");
	return 0;
}

static int
close_clinic(void **state)
{
	(void)state;
	clinic_check(&c);
	clinic_close(&c);
	return 0;
}

/* Homer asks; the mail as Dr. Lee has it. */
static struct clinic_mail
asked(void)
{
	struct clinic_mail m = { .text = NULL };

	clinic_write(&c, "homer", "lee", NULL, QUESTION);
	clinic_run(&c);
	assert_true(clinic_mail(&c, "lee", clinic_mails("lee") - 1, &m));
	return m;
}

static void
question_reaches_the_clinician_sealed(void **state)
{
	struct clinic_mail m = asked();

	(void)state;
	assert_int_equal(clinic_mails("lee"), 1);
	assert_non_null(strstr(m.text, QUESTION));
	assert_non_null(strstr(m.text, "Homer Simpson"));
	assert_null(strstr(m.text, "Written to:"));
	assert_non_null(strstr(m.text, "1001"));
	assert_true(strncmp(m.subject_outer, "Portal message [P-", 18) == 0);
	assert_null(memmem(m.raw.p, m.raw.n, "Homer", 5));
	assert_null(memmem(m.raw.p, m.raw.n, "knee", 4));
}

static void
patient_hears_at_once_when(void **state)
{
	size_t n = 0;
	const char *text;

	(void)state;
	asked();
	text = clinic_last_post(&c, "homer", &n);
	assert_int_equal(n, 2);
	assert_true(strstr(text, "EST") != NULL || strstr(text, "EDT") != NULL);
	assert_non_null(strstr(text, "911"));
	assert_non_null(strstr(text, "555-0111"));
	assert_null(strstr(text, "knee"));
}

static void
answer_reaches_the_patient_and_keeps_the_promise(void **state)
{
	struct clinic_mail m = asked();
	struct answer a = clinic_judge(
	    &c, &(struct clinic_answer){
		    .from = "lee", .in_reply_to = m.message_id, .text = "Ice it, and come in on Friday." });
	size_t n = 0;

	(void)state;
	assert_string_equal(a.code, "taken");
	assert_int_equal(clinic_count(&c).open_promises, 1);
	clinic_run(&c);
	assert_string_equal(clinic_last_post(&c, "homer", &n), "Ice it, and come in on Friday.");
	assert_int_equal(n, 3);
	assert_int_equal(clinic_count(&c).open_promises, 0);
	assert_int_equal(clinic_count(&c).in_flight, 0);
}

static void
thanks_are_not_answered(void **state)
{
	size_t n = 0;

	(void)state;
	clinic_write(&c, "homer", "lee", NULL, "Thank you so much, doctor!");
	clinic_run(&c);
	clinic_last_post(&c, "homer", &n);
	assert_int_equal(n, 1);
	assert_int_equal(clinic_count(&c).open_promises, 0);
}

static void
emergency_reaches_the_on_call_too(void **state)
{
	(void)state;
	clinic_write(
	    &c, "homer", "lee", NULL, "Since this morning I have crushing chest pain and my left arm feels numb.");
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), 1);
	assert_int_equal(clinic_mails("patel"), 1);
	assert_non_null(strstr(clinic_last_post(&c, "homer", NULL), "911"));
}

static void
pool_message_reaches_every_member(void **state)
{
	struct clinic_mail m;

	(void)state;
	clinic_write(&c, "homer", "nurses", NULL, QUESTION);
	clinic_run(&c);
	assert_int_equal(clinic_mails("nan"), 1);
	assert_int_equal(clinic_mails("pat"), 1);
	assert_true(clinic_mail(&c, "nan", 0, &m));
	assert_string_equal(
	    clinic_judge(
		&c, &(struct clinic_answer){ .from = "nan", .in_reply_to = m.message_id, .text = "Please ice it." })
		.code,
	    "taken");
	/* The other nurse's mail has a token of its own: hers is no use to him. */
	assert_string_equal(
	    clinic_judge(
		&c, &(struct clinic_answer){ .from = "pat", .in_reply_to = m.message_id, .text = "Please ice it too." })
		.code,
	    "thread-unknown");
}

static void
bad_news_is_refused_and_explained(void **state)
{
	struct clinic_mail m = asked(), notice;
	struct answer a = clinic_judge(
	    &c, &(struct clinic_answer){ .from = "lee",
		    .in_reply_to = m.message_id,
		    .text = "The biopsy shows an invasive ductal carcinoma. We will need to talk about treatment." });
	size_t n = 0;

	(void)state;
	assert_int_equal(a.kind, ANSWER_REFUSED);
	assert_non_null(strstr(a.text, "nothing reached the patient"));
	assert_non_null(strstr(a.text, a.ref));
	assert_non_null(strstr(a.text, "555-0111"));
	assert_null(strstr(a.text, "carcinoma"));
	assert_null(strstr(a.text, "malignancy"));
	clinic_run(&c);
	clinic_last_post(&c, "homer", &n);
	assert_int_equal(n, 2);
	assert_true(clinic_mail(&c, "lee", 1, &notice));
	assert_non_null(strstr(notice.text, "cancer"));
	assert_non_null(strstr(notice.text, "clinic's default"));
	assert_non_null(strstr(notice.text, "results are back"));
	assert_non_null(strstr(notice.text, a.ref));
	assert_null(memmem(notice.raw.p, notice.raw.n, "malignancy", 10));
}

struct consent_of {
	bool patient;
	const char *class_name;
	enum agreement_value value;
};

static enum status
consent(struct tx *tx, void *arg, struct err *err)
{
	struct consent_of *who = arg;
	struct patient *p = NULL;
	struct agreement *made = NULL;

	TRY(patient_get(tx, "homer", c.a, &p, err));
	struct consent k = { .patient = p->ref,
		.class_name = who->class_name,
		.scope = SCOPE_CLINICIAN,
		.scope_id = "lee",
		.value = who->value,
		.by_patient = who->patient,
		.by_clinician = !who->patient,
		.by = "test",
		.how = "visit" };

	return agreement_put(tx, &k, c.a, &made, err);
}

static void
agree(bool patient, const char *class_name, enum agreement_value value)
{
	struct consent_of k = { patient, class_name, value };
	struct err err = ERR_NONE;

	assert_int_equal(store_write(c.w->store, consent, &k, &err), ST_OK);
}

static void
bad_news_is_delivered_after_both_agreed(void **state)
{
	static const char *const text = "The biopsy shows an invasive ductal carcinoma. Please call me.";
	struct clinic_mail m = asked();

	(void)state;
	agree(true, "news.malignancy", AGREE_PORTAL_OK);
	assert_int_equal(
	    clinic_judge(&c, &(struct clinic_answer){ .from = "lee", .in_reply_to = m.message_id, .text = text }).kind,
	    ANSWER_REFUSED);
	agree(false, "news.malignancy", AGREE_PORTAL_OK);
	assert_string_equal(
	    clinic_judge(&c, &(struct clinic_answer){ .from = "lee", .in_reply_to = m.message_id, .text = text }).code,
	    "taken");
	clinic_run(&c);
	assert_string_equal(clinic_last_post(&c, "homer", NULL), text);
}

static void
patient_tightens_alone(void **state)
{
	struct clinic_mail m = asked();

	(void)state;
	agree(true, "result.normal", AGREE_IN_PERSON_ONLY);
	assert_string_equal(clinic_judge(&c, &(struct clinic_answer){ .from = "lee",
						 .in_reply_to = m.message_id,
						 .text = "Your cholesterol and A1c came back normal." })
				.code,
	    "boundary");
}

/* ---- holds ------------------------------------------------------------------------------------------------------- */

#define ABNORMAL "Your potassium is high at 5.9, please repeat the blood test tomorrow."

/* An abnormal result; the Message-ID of the question Dr. Lee is asked about it. */
static const char *
held(void)
{
	struct clinic_mail m = asked();
	size_t before = clinic_mails("lee");
	struct answer a =
	    clinic_judge(&c, &(struct clinic_answer){ .from = "lee", .in_reply_to = m.message_id, .text = ABNORMAL });

	assert_string_equal(a.code, "held");
	clinic_run(&c);
	assert_int_equal(clinic_count(&c).held, 1);
	assert_int_equal(clinic_mails("lee"), before + 1);
	assert_true(clinic_mail(&c, "lee", before, &m));
	assert_non_null(strstr(m.text, "WITHDRAW"));
	return m.message_id;
}

static struct answer
say(const char *who, const char *about, const char *word)
{
	return clinic_judge(&c, &(struct clinic_answer){ .from = who, .in_reply_to = about, .text = word });
}

static void
send_releases_what_was_held(void **state)
{
	const char *question = held();

	(void)state;
	assert_string_equal(say("lee", question, "SEND").code, "command");
	clinic_run(&c);
	assert_string_equal(clinic_last_post(&c, "homer", NULL), ABNORMAL);
	assert_int_equal(clinic_count(&c).held, 0);
	/* The answer is used up. */
	assert_string_equal(say("lee", question, "WITHDRAW").code, "command");
	assert_int_equal(clinic_count(&c).returned, 0);
}

static void
withdraw_returns_what_was_held(void **state)
{
	const char *question = held();
	size_t n = 0;

	(void)state;
	say("lee", question, "3");
	clinic_run(&c);
	clinic_last_post(&c, "homer", &n);
	assert_int_equal(n, 2);
	assert_int_equal(clinic_count(&c).returned, 1);
	assert_int_equal(clinic_count(&c).open_holds, 0);
}

static void
agreed_releases_and_is_recorded(void **state)
{
	const char *question = held();

	(void)state;
	say("lee", question, "Acordado.");
	clinic_run(&c);
	assert_string_equal(clinic_last_post(&c, "homer", NULL), ABNORMAL);
	/* Half an agreement: with the patient's own word the next one passes at once. */
	agree(true, "result.abnormal", AGREE_PORTAL_OK);
	struct clinic_mail m = asked();

	assert_string_equal(clinic_judge(&c, &(struct clinic_answer){ .from = "lee",
						 .in_reply_to = m.message_id,
						 .text = "Your potassium is high again at 5.8." })
				.code,
	    "taken");
}

static enum status
close_it(struct tx *tx, void *arg, struct err *err)
{
	return thread_close(tx, arg, err);
}

/* Closed, it takes no answer; what the patient writes opens it, and what the portal shows twice does not. */
static void
patient_opens_what_was_closed(void **state)
{
	const char *thread = clinic_write(&c, "homer", "lee", NULL, QUESTION);
	char ref[THREAD_LEN + 1] = "";
	struct clinic_mail m;
	struct err err = ERR_NONE;

	(void)state;
	clinic_run(&c);
	assert_true(clinic_mail(&c, "lee", 0, &m));
	memcpy(ref, strchr(m.subject_outer, '[') + 1, THREAD_LEN);
	assert_int_equal(store_write(c.w->store, close_it, ref, &err), ST_OK);
	clinic_take_in(&c);
	assert_string_equal(
	    clinic_judge(
		&c, &(struct clinic_answer){ .from = "lee", .in_reply_to = m.message_id, .text = "Ice it, please." })
		.code,
	    "thread-closed");
	clinic_write(&c, "homer", "lee", thread, "It is still sore. May I run again next week?");
	clinic_run(&c);
	assert_true(clinic_mail(&c, "lee", clinic_mails("lee") - 1, &m));
	assert_string_equal(
	    clinic_judge(
		&c, &(struct clinic_answer){ .from = "lee", .in_reply_to = m.message_id, .text = "Yes, slowly." })
		.code,
	    "taken");
	clinic_run(&c);
	assert_string_equal(clinic_last_post(&c, "homer", NULL), "Yes, slowly.");
}

static void
unclear_answer_is_asked_again(void **state)
{
	const char *question = held();
	size_t mails = clinic_mails("lee");

	(void)state;
	assert_string_equal(say("lee", question, "What do you mean?").code, "command");
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), mails + 1);
	assert_int_equal(clinic_count(&c).held, 1);
}

static void
nobody_else_releases(void **state)
{
	const char *question = held();

	(void)state;
	assert_int_equal(say("patel", question, "SEND").kind, ANSWER_REFUSED);
	assert_int_equal(clinic_count(&c).held, 1);
}

static void
word_to_the_wrong_mail_is_not_posted(void **state)
{
	struct clinic_mail m = asked();
	size_t mails = clinic_mails("lee"), n = 0;

	(void)state;
	assert_string_equal(say("lee", m.message_id, "SEND").code, "answer-elsewhere");
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), mails + 1);
	clinic_last_post(&c, "homer", &n);
	assert_int_equal(n, 2);
	/* A number may be meant for the patient. */
	assert_string_equal(say("lee", m.message_id, "2").code, "taken");
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void
bad_replies_get_one_answer(void **state)
{
	static const struct {
		const char *name;
		struct clinic_answer answer; /* in_reply_to "Q": the question's Message-ID */
		const char *code;
		size_t told; /* mails Dr. Lee gets because of it */
	} rows[] = {
		{ "not signed", { .from = "lee", .signer = "", .in_reply_to = "Q" }, "not-signed", 1 },
		{ "signed by somebody else", { .from = "lee", .signer = "patel", .in_reply_to = "Q" }, NULL, 1 },
		{ "somebody else's login", { .from = "lee", .login = "patel-mail", .in_reply_to = "Q" },
		    "identity-mismatch", 0 },
		{ "somebody else's thread", { .from = "nan", .in_reply_to = "Q" }, "thread-unknown", 0 },
		{ "no thread", { .from = "lee" }, "thread-unknown", 1 },
		{ "a made-up thread", { .from = "lee", .in_reply_to = "p1.mp-7k3qxm.0.k1.aaaa@clinic.example" },
		    "thread-unknown", 1 },
		{ "unknown author", { .from = "lee", .signer = "", .login = "", .in_reply_to = "Q" }, "not-signed", 0 },
		{ "two From fields", { .from = "lee", .in_reply_to = "Q", .headers = "From: patel@clinic.example\r\n" },
		    NULL, 1 },
	};
	struct clinic_mail m = asked();
	char pattern[220] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct clinic_answer a = rows[i].answer;
		size_t before = clinic_mails("lee"), n = 0;
		struct answer got;
		char text[220];

		a.text = "Please come in.";
		if (a.in_reply_to != NULL && strcmp(a.in_reply_to, "Q") == 0)
			a.in_reply_to = m.message_id;
		got = clinic_judge(&c, &a);
		if (got.kind != ANSWER_REFUSED || (rows[i].code != NULL && strcmp(got.code, rows[i].code) != 0))
			fail_msg("%s: got %s", rows[i].name, got.code);
		/* One text for all, but for the reference. */
		snprintf(text, sizeof text, "%s", got.text);
		memset(strstr(text, got.ref), 'x', strlen(got.ref));
		if (*pattern == '\0')
			snprintf(pattern, sizeof pattern, "%s", text);
		assert_string_equal(text, pattern);
		clinic_run(&c);
		if (clinic_mails("lee") != before + rows[i].told)
			fail_msg(
			    "%s: %zu mails instead of %zu", rows[i].name, clinic_mails("lee") - before, rows[i].told);
		clinic_last_post(&c, "homer", &n);
		assert_int_equal(n, 2);
	}
}

static void
valid_signature_is_enough_without_login(void **state)
{
	struct clinic_mail m = asked();

	(void)state;
	assert_string_equal(
	    clinic_judge(&c,
		&(struct clinic_answer){
		    .from = "lee", .login = "", .in_reply_to = m.message_id, .text = "Please come in." })
		.code,
	    "taken");
}

static void
repeat_is_absorbed_and_replay_refused(void **state)
{
	struct clinic_mail m = asked();
	AUTO_BUF sent = BUF_INIT;
	struct clinic_answer a = { .from = "lee",
		.in_reply_to = m.message_id,
		.text = "Please come in.",
		.message_id = "same@client.example",
		.keep = &sent };
	size_t n = 0;

	(void)state;
	assert_string_equal(clinic_judge(&c, &a).code, "taken");
	a.keep = NULL;
	a.again = &sent;
	assert_string_equal(clinic_judge(&c, &a).code, "duplicate");
	a.message_id = "another@client.example";
	assert_string_equal(clinic_judge(&c, &a).code, "replay");
	clinic_run(&c);
	clinic_last_post(&c, "homer", &n);
	assert_int_equal(n, 3);
}

static void
robots_are_recorded_not_posted(void **state)
{
	struct clinic_mail m = asked();
	size_t n = 0;

	(void)state;
	assert_string_equal(clinic_judge(&c, &(struct clinic_answer){ .from = "lee",
						 .in_reply_to = m.message_id,
						 .text = "I am out of office.",
						 .headers = "Auto-Submitted: auto-replied\r\n" })
				.code,
	    "recorded");
	clinic_run(&c);
	clinic_last_post(&c, "homer", &n);
	assert_int_equal(n, 2);
	assert_int_equal(clinic_count(&c).recorded, 1);
	assert_int_equal(clinic_count(&c).open_promises, 1);
}

/* ---- trouble ----------------------------------------------------------------------------------------------------- */

static void
mailbox_down_means_later_and_once(void **state)
{
	(void)state;
	clinic_write(&c, "homer", "lee", NULL, QUESTION);
	mailbox_null_fail(ST_REMOTE_DOWN, false);
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), 0);
	assert_int_equal(clinic_count(&c).in_flight, 1);
	assert_int_equal(clinic_count(&c).open_incidents, 1);
	clinic_set_clock(&c, CLINIC_NOW + 60);
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), 1);
	assert_int_equal(clinic_count(&c).in_flight, 0);
	assert_int_equal(clinic_count(&c).open_incidents, 0);
}

static void
lost_answer_makes_no_second_copy(void **state)
{
	(void)state;
	clinic_write(&c, "homer", "lee", NULL, QUESTION);
	mailbox_null_fail(ST_REMOTE_DOWN, true);
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), 1);
	clinic_set_clock(&c, CLINIC_NOW + 60);
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), 1);
	assert_int_equal(clinic_count(&c).in_flight, 0);
}

static void
unusable_mailbox_goes_to_the_cover(void **state)
{
	struct clinic_mail m;

	(void)state;
	clinic_write(&c, "homer", "lee", NULL, QUESTION);
	mailbox_null_fail(ST_MSG_REFUSED, false);
	clinic_run(&c);
	assert_int_equal(clinic_mails("lee"), 0);
	assert_int_equal(clinic_mails("patel"), 1);
	assert_int_equal(clinic_count(&c).open_incidents, 1);
	assert_true(clinic_mail(&c, "patel", 0, &m));
	assert_non_null(strstr(m.text, "Written to: "));
}

static void
tick(void)
{
	struct clockwork_done done;
	struct err err = ERR_NONE;
	struct view v;

	view_begin(c.w, &v);
	assert_int_equal(clockwork_tick(&v, &done, &err), ST_OK);
	view_end(&v);
	clinic_run(&c);
}

static enum status
first_promise(struct tx *tx, void *arg, struct err *err)
{
	struct promise_row *row = NULL;
	size_t n = 0;

	TRY(promise_list(tx, NULL, true, c.a, &row, &n, err));
	assert_true(n > 0);
	*(struct promise_row *)arg = row[0];
	return ST_OK;
}

static void
promise_is_reminded_and_its_breach_told(void **state)
{
	struct promise_row p;
	struct err err = ERR_NONE;
	size_t mails, posts = 0;

	(void)state;
	asked();
	assert_int_equal(store_read(c.w->store, first_promise, &p, &err), ST_OK);
	mails = clinic_mails("lee");
	clinic_set_clock(&c, p.warn_ms[0] / 1000 - 1);
	tick();
	assert_int_equal(clinic_mails("lee"), mails);
	clinic_set_clock(&c, p.warn_ms[0] / 1000);
	tick();
	tick();
	assert_int_equal(clinic_mails("lee"), mails + 1);
	clinic_set_clock(&c, p.warn_ms[1] / 1000);
	tick();
	assert_int_equal(clinic_mails("lee"), mails + 2);
	clinic_set_clock(&c, p.due_ms / 1000);
	tick();
	tick();
	assert_int_equal(clinic_mails("lee"), mails + 3);
	clinic_last_post(&c, "homer", &posts);
	assert_int_equal(posts, 3);
}

static void
hold_that_nobody_answers_is_asked_again(void **state)
{
	size_t mails;

	(void)state;
	held();
	mails = clinic_mails("lee");
	clinic_set_clock(&c, CLINIC_NOW + 3 * 86400);
	tick();
	assert_true(clinic_mails("lee") > mails);
	assert_int_equal(clinic_count(&c).held, 1);
}

static void
emergency_in_no_mailbox_is_an_incident_once(void **state)
{
	struct err err = ERR_NONE;
	struct view v;
	size_t pages;

	(void)state;
	clinic_write(&c, "homer", "lee", NULL, "I have crushing chest pain right now.");
	view_begin(c.w, &v);
	assert_int_equal(watch_emergencies(&v, &pages, &err), ST_OK);
	assert_int_equal(clinic_count(&c).open_incidents, 0);
	clinic_set_clock(&c, CLINIC_NOW + v.conf->site.page_after_s + 1);
	assert_int_equal(watch_emergencies(&v, &pages, &err), ST_OK);
	assert_int_equal(watch_emergencies(&v, &pages, &err), ST_OK);
	assert_int_equal(clinic_count(&c).open_incidents, 1);
	view_end(&v);
	clinic_run(&c);
	assert_int_equal(clinic_count(&c).open_incidents, 0);
}

static void
certificate_that_ends_is_an_incident_until_renewed(void **state)
{
	struct err err = ERR_NONE;
	struct view v;
	size_t troubles;

	(void)state;
	view_begin(c.w, &v);
	assert_int_equal(watch_certificates(&v, &troubles, &err), ST_OK);
	assert_int_equal(troubles, 0);
	clinic_set_clock(&c, CLINIC_NOW + 340 * INT64_C(86400));
	assert_int_equal(watch_certificates(&v, &troubles, &err), ST_OK);
	assert_int_equal(troubles, 5);
	assert_int_equal(clinic_count(&c).open_incidents, 5);
	clinic_set_clock(&c, CLINIC_NOW);
	assert_int_equal(watch_certificates(&v, &troubles, &err), ST_OK);
	assert_int_equal(clinic_count(&c).open_incidents, 0);
	view_end(&v);
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_clinic, close_clinic)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(question_reaches_the_clinician_sealed),
		FLOW(patient_hears_at_once_when),
		FLOW(answer_reaches_the_patient_and_keeps_the_promise),
		FLOW(thanks_are_not_answered),
		FLOW(emergency_reaches_the_on_call_too),
		FLOW(pool_message_reaches_every_member),
		FLOW(bad_news_is_refused_and_explained),
		FLOW(bad_news_is_delivered_after_both_agreed),
		FLOW(patient_tightens_alone),
		FLOW(send_releases_what_was_held),
		FLOW(withdraw_returns_what_was_held),
		FLOW(agreed_releases_and_is_recorded),
		FLOW(patient_opens_what_was_closed),
		FLOW(unclear_answer_is_asked_again),
		FLOW(nobody_else_releases),
		FLOW(word_to_the_wrong_mail_is_not_posted),
		FLOW(bad_replies_get_one_answer),
		FLOW(valid_signature_is_enough_without_login),
		FLOW(repeat_is_absorbed_and_replay_refused),
		FLOW(robots_are_recorded_not_posted),
		FLOW(mailbox_down_means_later_and_once),
		FLOW(lost_answer_makes_no_second_copy),
		FLOW(unusable_mailbox_goes_to_the_cover),
		FLOW(promise_is_reminded_and_its_breach_told),
		FLOW(hold_that_nobody_answers_is_asked_again),
		FLOW(emergency_in_no_mailbox_is_an_incident_once),
		FLOW(certificate_that_ends_is_an_incident_until_renewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
