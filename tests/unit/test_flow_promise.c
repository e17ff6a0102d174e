/* Promises as patients and clinicians live them: told once, never moved later, watched, passed on, commanded by mail.
 */
#include "clinic.h"

#include "flow/clockwork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define KNEE "My knee has been sore for two weeks after running. Should I ice it or come in?"
#define REFILL "Please renew my prescription for lisinopril."
#define CHEST "Since this morning I have crushing chest pain and my left arm feels numb."
#define MORE "My knee is still sore. Should I keep icing it?"

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

struct rows {
	struct promise_row *p;
	size_t n;
	bool open;
};

static enum status
read_promises(struct tx *tx, void *arg, struct err *err)
{
	struct rows *r = arg;

	return promise_list(tx, NULL, r->open, c.a, &r->p, &r->n, err);
}

static struct rows
promises(bool open)
{
	struct rows r = { .open = open };
	struct err err = ERR_NONE;

	assert_int_equal(store_read(c.w->store, read_promises, &r, &err), ST_OK);
	return r;
}

static size_t
posts(void)
{
	size_t n = 0;

	clinic_run(&c);
	clinic_last_post(&c, "homer", &n);
	return n;
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

/* ---- told once, never later -------------------------------------------------------------------------------------- */

static void
emergency_is_tracked_as_urgent_and_never_late_at_once(void **state)
{
	struct rows r;

	(void)state;
	clinic_write(&c, "homer", "lee", NULL, CHEST);
	tick();
	r = promises(true);
	assert_true(r.n >= 1);
	assert_string_equal(r.p[0].urgency, "emergency");
	/* 120 open minutes; the day is open from before to long after. */
	assert_int_equal(r.p[0].due_ms, CLINIC_NOW * 1000 + 7200 * INT64_C(1000));
	assert_int_equal(posts(), 2);
	assert_null(strstr(clinic_last_post(&c, "homer", NULL), "late"));
	assert_non_null(strstr(clinic_last_post(&c, "homer", NULL), "911"));
	clinic_set_clock(&c, r.p[0].due_ms / 1000);
	tick();
	assert_int_equal(posts(), 3);
}

static void
repeat_within_minutes_is_not_answered_again(void **state)
{
	const char *thread = clinic_write(&c, "homer", "lee", NULL, KNEE);
	int64_t due = promises(true).p[0].due_ms;

	(void)state;
	for (int i = 1; i <= 3; i++) {
		clinic_set_clock(&c, CLINIC_NOW + 120 * i);
		clinic_write(&c, "homer", "lee", thread, MORE);
	}
	assert_int_equal(posts(), 5);
	assert_int_equal(promises(true).n, 1);
	/* Days later neither: the promise stands, and is never moved later. */
	clinic_set_clock(&c, CLINIC_NOW + 86400);
	clinic_write(&c, "homer", "lee", thread, MORE);
	assert_int_equal(posts(), 6);
	assert_int_equal(promises(true).n, 1);
	assert_int_equal(promises(true).p[0].due_ms, due);
}

static void
another_request_is_another_promise_and_both_times_are_told(void **state)
{
	const char *thread = clinic_write(&c, "homer", "lee", NULL, KNEE);
	struct rows r;

	(void)state;
	clinic_set_clock(&c, CLINIC_NOW + 300);
	clinic_write(&c, "homer", "lee", thread, REFILL);
	assert_int_equal(posts(), 4);
	r = promises(true);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.p[0].category, "rx_renewal");
	assert_string_equal(r.p[1].category, "medical_advice");
	clinic_write(&c, "homer", "lee", thread, REFILL);
	assert_int_equal(posts(), 5);
}

static void
higher_urgency_takes_the_place_and_is_told(void **state)
{
	const char *thread = clinic_write(&c, "homer", "lee", NULL, KNEE);
	int64_t due = promises(true).p[0].due_ms;
	struct rows r;
	size_t before;

	(void)state;
	clinic_set_clock(&c, CLINIC_NOW + 60);
	clinic_write(&c, "homer", "lee", thread, CHEST);
	assert_int_equal(posts(), 4);
	assert_non_null(strstr(clinic_last_post(&c, "homer", NULL), "911"));
	r = promises(true);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.p[0].urgency, "emergency");
	assert_true(r.p[0].due_ms < due);
	due = r.p[0].due_ms;
	/* The same again within the hour says nothing new; a calmer word moves nothing. */
	clinic_set_clock(&c, CLINIC_NOW + 600);
	clinic_write(&c, "homer", "lee", thread, CHEST);
	clinic_write(&c, "homer", "lee", thread, MORE);
	assert_int_equal(posts(), 6);
	assert_int_equal(promises(true).n, 1);
	assert_int_equal(promises(true).p[0].due_ms, due);
	/* After an hour an emergency is answered again, once. */
	clinic_set_clock(&c, CLINIC_NOW + 3700);
	before = posts();
	clinic_write(&c, "homer", "lee", thread, CHEST);
	clinic_write(&c, "homer", "lee", thread, CHEST);
	assert_int_equal(posts(), before + 3);
}

static void
down_too_long_means_promised_again_and_said_so(void **state)
{
	struct rows r;

	(void)state;
	clinic_post(&c, "homer", "lee", NULL, KNEE);
	clinic_set_clock(&c, CLINIC_NOW + 7 * 86400);
	clinic_take_in(&c);
	r = promises(true);
	assert_int_equal(r.n, 1);
	assert_true(r.p[0].due_ms > (CLINIC_NOW + 7 * 86400) * 1000);
	assert_true(r.p[0].warn_ms[0] > (CLINIC_NOW + 7 * 86400) * 1000);
	assert_int_equal(r.p[0].received_ms, CLINIC_NOW * 1000);
	assert_int_equal(posts(), 2);
	assert_non_null(strstr(clinic_last_post(&c, "homer", NULL), "Our system was down"));
	tick();
	assert_int_equal(posts(), 2);
}

static enum status
find_delay(struct tx *tx, void *arg, struct err *err)
{
	struct history_row *h = NULL;
	struct rows *r = arg;
	size_t n = 0;

	TRY(history_list(tx, r->p[0].message, c.a, &h, &n, err));
	for (size_t i = 0; i < n; i++)
		if (strcmp(h[i].event, "bridge_delay") == 0)
			return ST_OK;
	fail_msg("the history says nothing about the delay");
	return ST_OK;
}

static void
delay_of_ours_stands_in_the_history(void **state)
{
	struct rows r;
	struct err err = ERR_NONE;

	(void)state;
	clinic_post(&c, "homer", "lee", NULL, KNEE);
	clinic_set_clock(&c, CLINIC_NOW + 7 * 86400);
	clinic_take_in(&c);
	r = promises(true);
	assert_int_equal(store_read(c.w->store, find_delay, &r, &err), ST_OK);
	clinic_run(&c);
}

/* ---- watched ----------------------------------------------------------------------------------------------------- */

static void
cover_gets_it_at_80_percent_and_the_desk_at_the_end(void **state)
{
	struct promise_row p;
	struct clinic_mail m;
	size_t lee, patel;

	(void)state;
	clinic_write(&c, "homer", "lee", NULL, KNEE);
	clinic_run(&c);
	p = promises(true).p[0];
	clinic_set_clock(&c, p.warn_ms[0] / 1000);
	tick();
	lee = clinic_mails("lee");
	assert_int_equal(lee, 2);
	assert_int_equal(clinic_mails("patel"), 0);
	clinic_set_clock(&c, p.warn_ms[1] / 1000);
	tick();
	tick();
	patel = clinic_mails("patel");
	assert_int_equal(clinic_mails("lee"), 3);
	assert_int_equal(patel, 2); /* the patient's message, and why */
	assert_int_equal(clinic_count(&c).open_incidents, 0);
	clinic_set_clock(&c, p.due_ms / 1000 + 1);
	tick();
	tick();
	assert_int_equal(clinic_mails("patel"), 3);
	assert_int_equal(clinic_count(&c).open_incidents, 1);
	assert_non_null(strstr(clinic_last_post(&c, "homer", NULL), "will not answer by the time we gave you"));
	/* The cover answers: the promise is broken, and the incident is over. */
	assert_true(clinic_mail(&c, "patel", 0, &m));
	assert_non_null(strstr(m.text, KNEE));
	assert_string_equal(clinic_judge(&c, &(struct clinic_answer){ .from = "patel",
						 .in_reply_to = m.message_id,
						 .text = "Sorry for the wait. Ice it." })
				.code,
	    "taken");
	clinic_run(&c);
	tick();
	assert_int_equal(promises(false).p[0].state, PROMISE_BROKEN);
	assert_int_equal(clinic_count(&c).open_incidents, 0);
}

static void
every_member_of_a_pool_is_reminded(void **state)
{
	struct promise_row p;

	(void)state;
	clinic_write(&c, "homer", "nurses", NULL, KNEE);
	clinic_run(&c);
	p = promises(true).p[0];
	clinic_set_clock(&c, p.warn_ms[0] / 1000);
	tick();
	assert_int_equal(clinic_mails("nan"), 2);
	assert_int_equal(clinic_mails("pat"), 2);
}

/* ---- orders by mail ---------------------------------------------------------------------------------------------- */

static struct clinic_mail
asked(void)
{
	struct clinic_mail m = { .text = NULL };

	clinic_write(&c, "homer", "lee", NULL, KNEE);
	clinic_run(&c);
	assert_true(clinic_mail(&c, "lee", clinic_mails("lee") - 1, &m));
	return m;
}

static const char *
order(const struct clinic_mail *m, const char *text)
{
	return clinic_judge(&c, &(struct clinic_answer){ .from = "lee", .in_reply_to = m->message_id, .text = text })
	    .code;
}

static void
reassigned_conversation_is_another_clinicians(void **state)
{
	struct clinic_mail m = asked(), theirs;
	int64_t due = promises(true).p[0].due_ms;

	(void)state;
	assert_string_equal(order(&m, "Reassign to Nan"), "command");
	assert_int_equal(posts(), 2);
	assert_int_equal(clinic_mails("nan"), 1);
	assert_true(clinic_mail(&c, "nan", 0, &theirs));
	assert_non_null(strstr(theirs.text, KNEE));
	assert_int_equal(clinic_mails("lee"), 2);
	assert_true(clinic_mail(&c, "lee", 1, &m));
	assert_non_null(strstr(m.text, "Nan Ortiz RN"));
	assert_string_equal(promises(true).p[0].addressee, "clinician:nan");
	assert_int_equal(promises(true).p[0].due_ms, due);
	assert_string_equal(
	    clinic_judge(&c,
		&(struct clinic_answer){ .from = "nan", .in_reply_to = theirs.message_id, .text = "Please ice it." })
		.code,
	    "taken");
	clinic_run(&c);
	assert_int_equal(promises(true).n, 0);
}

static void
next_message_follows_the_reassignment(void **state)
{
	const char *thread = clinic_write(&c, "homer", "lee", NULL, KNEE);
	struct clinic_mail m;

	(void)state;
	clinic_run(&c);
	assert_true(clinic_mail(&c, "lee", 0, &m));
	assert_string_equal(order(&m, "reasignar a nurses"), "command");
	clinic_run(&c);
	assert_int_equal(clinic_mails("pat"), 1);
	clinic_write(&c, "homer", "lee", thread, REFILL);
	clinic_run(&c);
	assert_int_equal(clinic_mails("pat"), 2);
	assert_int_equal(clinic_mails("lee"), 2);
	assert_string_equal(promises(true).p[0].addressee, "pool:nurses");
}

static void
snooze_moves_reminders_and_not_the_promise(void **state)
{
	struct clinic_mail m = asked();
	struct promise_row p = promises(true).p[0], q;

	(void)state;
	clinic_set_clock(&c, p.warn_ms[0] / 1000);
	tick();
	assert_string_equal(order(&m, "Snooze until tomorrow 4 pm.\r\n\r\nSent from my phone"), "command");
	clinic_run(&c);
	q = promises(true).p[0];
	assert_int_equal(q.due_ms, p.due_ms);
	assert_true(q.warn_ms[1] >= p.warn_ms[1]);
	assert_true(q.warn_ms[1] <= p.due_ms);
	assert_int_equal(posts(), 2);
}

static void
closed_by_phone_keeps_the_promise(void **state)
{
	struct clinic_mail m = asked();

	(void)state;
	assert_string_equal(order(&m, "Cerrado por telefono."), "command");
	assert_int_equal(posts(), 2);
	assert_int_equal(promises(true).n, 0);
	assert_int_equal(promises(false).p[0].state, PROMISE_KEPT);
	assert_int_equal(clinic_mails("lee"), 2);
}

static void
orders_are_told_from_answers(void **state)
{
	static const struct {
		const char *text, *code;
	} rows[] = {
		{ "closed by phone", "command" },
		{ "Closed by phone!\r\n-- \r\nDr. Lee", "command" },
		{ "Your case was closed by phone.", "taken" },
		{ "closed by phone\r\nWe talked about your knee yesterday.", "taken" },
		{ "Closed by phone yesterday, see you on Friday.", "taken" },
		{ "reassign to Dr. Patel", "command" },
		{ "reassign to patel@clinic.example", "command" },
		{ "reassign to nobody", "command" }, /* asked back, nothing posted */
		{ "Reassign to a pharmacy closer to you and call me.", "taken" },
		{ "snooze until monday 9:30", "command" },
		{ "snooze until 2001-01-01", "command" },
		{ "Snooze until your alarm rings a second time, then take one.", "taken" },
		{ "Ice it. Then reassign to the couch.", "taken" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct clinic_mail m = asked();
		size_t before = posts(), now;
		const char *code = order(&m, rows[i].text);

		now = posts();
		if (strcmp(code, rows[i].code) != 0 || now - before != (strcmp(code, "taken") == 0))
			fail_msg("%s: %s, %zu posts", rows[i].text, code, now - before);
	}
}

static void
order_needs_a_signature_and_counts_once(void **state)
{
	struct clinic_mail m = asked();
	AUTO_BUF sent = BUF_INIT;
	struct clinic_answer a = {
		.from = "lee", .in_reply_to = m.message_id, .text = "reassign to nan", .keep = &sent
	};

	(void)state;
	assert_int_equal(clinic_judge(&c,
			     &(struct clinic_answer){
				 .from = "lee", .signer = "", .in_reply_to = m.message_id, .text = "reassign to nan" })
			     .kind,
	    ANSWER_REFUSED);
	assert_string_equal(clinic_judge(&c, &a).code, "command");
	a.keep = NULL;
	a.again = &sent;
	a.message_id = "another@client.example";
	assert_int_equal(clinic_judge(&c, &a).kind, ANSWER_REFUSED);
	clinic_run(&c);
}

static void
out_of_office_asks_the_desk_and_tells_the_cover(void **state)
{
	static const char *const robot = "Auto-Submitted: auto-replied\r\n";
	struct clinic_mail m = asked();

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_string_equal(clinic_judge(&c, &(struct clinic_answer){ .from = "lee",
							 .login = i == 0 ? "" : NULL,
							 .in_reply_to = m.message_id,
							 .text = "I am out of office.",
							 .headers = robot })
					.code,
		    "recorded");
	assert_int_equal(posts(), 2);
	assert_int_equal(clinic_count(&c).open_incidents, 1);
	assert_int_equal(clinic_mails("patel"), 1);
	assert_int_equal(promises(true).n, 1);
	/* A stranger in Dr. Patel's name proves nothing. */
	clinic_judge(
	    &c, &(struct clinic_answer){
		    .from = "patel", .login = "", .in_reply_to = m.message_id, .text = "Away.", .headers = robot });
	assert_int_equal(clinic_count(&c).open_incidents, 1);
	assert_string_equal(order(&m, "Ice it."), "taken");
	clinic_run(&c);
	assert_int_equal(clinic_count(&c).open_incidents, 0);
}

#define FLOW(f) cmocka_unit_test_setup_teardown(f, open_clinic, close_clinic)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(emergency_is_tracked_as_urgent_and_never_late_at_once),
		FLOW(repeat_within_minutes_is_not_answered_again),
		FLOW(another_request_is_another_promise_and_both_times_are_told),
		FLOW(higher_urgency_takes_the_place_and_is_told),
		FLOW(down_too_long_means_promised_again_and_said_so),
		FLOW(delay_of_ours_stands_in_the_history),
		FLOW(cover_gets_it_at_80_percent_and_the_desk_at_the_end),
		FLOW(every_member_of_a_pool_is_reminded),
		FLOW(reassigned_conversation_is_another_clinicians),
		FLOW(next_message_follows_the_reassignment),
		FLOW(snooze_moves_reminders_and_not_the_promise),
		FLOW(closed_by_phone_keeps_the_promise),
		FLOW(orders_are_told_from_answers),
		FLOW(order_needs_a_signature_and_counts_once),
		FLOW(out_of_office_asks_the_desk_and_tells_the_cover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
