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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
