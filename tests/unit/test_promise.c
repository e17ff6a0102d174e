#include "policies/promise.h"

#include "base/clock.h"
#include "base/own.h"
#include "policies/calendar.h"
#include "tests/unit/promise_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 10000

static int64_t
instant(const char *s)
{
	int64_t t = 0;

	assert_int_equal(time_parse_rfc3339(s, &t, NULL), ST_OK);
	return t;
}

/* Weekdays 9 to 17, no more: enough for questions that are not about calendars. */
static const struct window nine_to_five[] = { { 9 * 3600, 17 * 3600 } };

static struct calendar
weekdays(const char *zone)
{
	struct calendar c = { .id = "test", .zone_name = zone, .zone = zone_shared(zone, NULL), .cutoff = -1 };

	assert_non_null(c.zone);
	for (int i = 0; i < 5; i++)
		c.weekly[i] = (struct day_windows){ nine_to_five, 1 };
	return c;
}

static struct promise
promise(const struct calendar *c, struct sla s, const char *received, const char *now)
{
	struct promise p;
	struct err err = ERR_NONE;

	assert_int_equal(promise_compute(c, &s, instant(received), instant(now), &p, &err), ST_OK);
	return p;
}

static void
due_before_now_is_promised_again_from_now(void **state)
{
	struct calendar c = weekdays("America/New_York");
	struct sla s = { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = 16 * 3600 };
	struct promise p = promise(&c, s, "2026-03-02T15:00:00Z", "2026-03-04T14:30:00Z");

	(void)state;
	assert_true(p.already_past);
	assert_int_equal(p.due, instant("2026-03-03T22:00:00Z"));
	assert_int_equal(p.due_from_now, instant("2026-03-05T22:00:00Z"));
	assert_false(p.none);
	/* exactly at due is past, a second before is not */
	assert_true(promise(&c, s, "2026-03-02T15:00:00Z", "2026-03-03T22:00:00Z").already_past);
	assert_false(promise(&c, s, "2026-03-02T15:00:00Z", "2026-03-03T21:59:59Z").already_past);
}

static void
no_open_time_is_no_promise_and_says_why(void **state)
{
	struct calendar c = weekdays("America/New_York");
	struct sla s = { .mode = SLA_BUSINESS_MINUTES, .n = 120, .cutoff = -1 };
	struct promise p;

	(void)state;
	memset(c.weekly, 0, sizeof c.weekly);
	p = promise(&c, s, "2026-03-02T15:00:00Z", "2026-03-02T15:00:00Z");
	assert_true(p.none);
	assert_string_equal(p.reason, "no-open-time-within-horizon");
	s.mode = SLA_NONE;
	p = promise(&c, s, "2026-03-02T15:00:00Z", "2026-03-02T15:00:00Z");
	assert_true(p.none);
	assert_string_not_equal(p.reason, "no-open-time-within-horizon");
}

static void
nonsense_is_refused_and_nothing_is_written(void **state)
{
	static const struct {
		const char *name;
		struct sla s;
		int64_t received, now;
	} rows[] = {
		{ "fewer than no days", { .mode = SLA_BUSINESS_DAYS, .n = -1, .cutoff = -1 }, 1, 1 },
		{ "a cutoff after midnight", { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = 86401 }, 1, 1 },
		{ "a lead before the window", { .mode = SLA_NEXT_WINDOW, .n = 1, .min_lead = -1 }, 1, 1 },
		{ "more minutes than there are", { .mode = SLA_ELAPSED_MINUTES, .n = INT32_MAX }, 1, 1 },
		{ "received before 1970", { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = -1 }, -1, 1 },
		{ "received at the end of time", { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = -1 }, INT64_MAX, 1 },
		{ "now at the end of time", { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = -1 }, 1, INT64_MAX },
	};
	struct calendar c = weekdays("America/New_York");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promise p = { .due = 42 };
		struct err err = ERR_NONE;

		if (promise_compute(&c, &rows[i].s, rows[i].received, rows[i].now, &p, &err) == ST_OK)
			fail_msg("%s: accepted", rows[i].name);
		assert_int_equal(p.due, 42);
		assert_string_not_equal(err.code, "");
	}
}

static void
covers_in_a_circle_end(void **state)
{
	struct absence all = { 0, instant("2030-01-01T00:00:00Z") };
	struct calendar a = weekdays("America/New_York"), b = weekdays("America/Chicago");
	struct sla s = { .mode = SLA_NEXT_WINDOW, .n = 1 };

	(void)state;
	a.cover = &b;
	b.cover = &a;
	a.absences = b.absences = &all;
	a.nabsences = b.nabsences = 1;
	assert_true(promise(&a, s, "2026-03-02T15:00:00Z", "2026-03-02T15:00:00Z").none);
	b.nabsences = 0;
	assert_true(promise(&a, s, "2026-03-02T15:00:00Z", "2026-03-02T15:00:00Z").by_cover);
	a.cover = &a;
	assert_true(promise(&a, s, "2026-03-02T15:00:00Z", "2026-03-02T15:00:00Z").none);
}

/* A cover whose date is already tomorrow's: what closed before the message came is no answer to it. */
static void
a_cover_on_the_other_side_of_the_world_is_not_in_the_past(void **state)
{
	static const struct window night[] = { { 0, 7200 } };
	struct absence all = { 0, instant("2030-01-01T00:00:00Z") };
	struct calendar a = weekdays("America/New_York"), b = weekdays("Pacific/Auckland");
	struct sla s = { .mode = SLA_BUSINESS_DAYS, .n = 0, .cutoff = -1 };
	struct promise p;

	(void)state;
	for (int i = 0; i < 7; i++)
		b.weekly[i] = (struct day_windows){ night, 1 };
	a.cover = &b;
	a.absences = &all;
	a.nabsences = 1;
	/* Tuesday 20:00 in New York; the cover's Wednesday window was from 06:00 to 08:00 there */
	p = promise(&a, s, "2026-03-04T01:00:00Z", "2026-03-04T01:00:00Z");
	assert_int_equal(p.due, instant("2026-03-04T13:00:00Z"));
	assert_true(p.by_cover);
}

static void
reminders_come_at_a_share_of_the_open_time(void **state)
{
	static const struct {
		const char *name, *from, *due;
		int percent;
		const char *want;
	} rows[] = {
		{ "half of one day", "2026-03-02T14:00:00Z", "2026-03-02T22:00:00Z", 50, "2026-03-02T18:00:00Z" },
		{ "the weekend does not count", "2026-03-13T19:00:00Z", "2026-03-16T15:00:00Z", 50,
		    "2026-03-13T21:00:00Z" },
		{ "80 of four hours", "2026-03-13T19:00:00Z", "2026-03-16T15:00:00Z", 80, "2026-03-16T14:12:00Z" },
		{ "all of it is due", "2026-03-13T19:00:00Z", "2026-03-16T15:00:00Z", 100, "2026-03-16T15:00:00Z" },
		{ "none of it is the receipt", "2026-03-13T19:00:00Z", "2026-03-16T15:00:00Z", 0,
		    "2026-03-13T19:00:00Z" },
		{ "closed all the time: by the clock", "2026-03-14T10:00:00Z", "2026-03-14T11:00:00Z", 50,
		    "2026-03-14T10:30:00Z" },
		{ "due is not after receipt", "2026-03-14T10:00:00Z", "2026-03-14T10:00:00Z", 50,
		    "2026-03-14T10:00:00Z" },
	};
	struct calendar c = weekdays("America/New_York");
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t got = promise_fraction(&c, instant(rows[i].from), instant(rows[i].due), rows[i].percent);

		if (got != instant(rows[i].want))
			fail_msg("%s: %s", rows[i].name, time_rfc3339(got, text, sizeof text));
	}
	assert_int_equal(
	    promise_open_seconds(&c, instant("2026-03-13T19:00:00Z"), instant("2026-03-16T15:00:00Z")), 4 * 3600);
	assert_int_equal(promise_open_seconds(&c, instant("2026-03-16T15:00:00Z"), instant("2026-03-13T19:00:00Z")), 0);
}

static void
times_are_said_so_that_people_know_when(void **state)
{
	static const struct {
		const char *at, *zone, *language, *want;
	} rows[] = {
		{ "2026-03-04T22:00:00Z", "America/New_York", "en", "Wednesday 4 March 2026, 5:00 PM EST" },
		{ "2026-03-04T22:00:00Z", "America/New_York", "es", "miércoles 4 de marzo de 2026, 17:00 EST" },
		{ "2026-03-10T21:00:00Z", "America/New_York", "en-US", "Tuesday 10 March 2026, 5:00 PM EDT" },
		{ "2026-03-04T17:00:00Z", "America/New_York", "en", "Wednesday 4 March 2026, 12:00 PM (noon) EST" },
		{ "2026-03-04T05:00:00Z", "America/New_York", "en", "Wednesday 4 March 2026, 12:00 AM (midnight) EST" },
		{ "2026-03-04T05:05:00Z", "America/New_York", "en", "Wednesday 4 March 2026, 12:05 AM EST" },
		{ "2026-10-04T01:30:00Z", "Australia/Lord_Howe", "en",
		    "Sunday 4 October 2026, 12:30 PM Lord Howe time, UTC+11" },
		{ "2026-10-03T01:30:00Z", "Australia/Lord_Howe", "es",
		    "sábado 3 de octubre de 2026, 12:00 hora de Lord Howe, UTC+10:30" },
		{ "2026-04-02T17:00:00Z", "Europe/London", "fr", "Thursday 2 April 2026, 6:00 PM BST" },
		{ "2026-04-02T17:00:00Z", "No/Such", "en", "Thursday 2 April 2026, 5:00 PM UTC" },
		{ "2026-04-02T17:00:00Z", NULL, NULL, "Thursday 2 April 2026, 5:00 PM UTC" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();

		assert_string_equal(
		    promise_words(a, NULL, instant(rows[i].at), rows[i].zone, rows[i].language), rows[i].want);
	}
}

static void
the_rule_of_a_message_is_its_urgency_then_its_category(void **state)
{
	static const struct sla_entry own[] = { { "billing", { .n = 1 } } };
	static const struct sla_entry all[] = { { "emergency", { .n = 2 } }, { "urgent", { .n = 3 } },
		{ "billing", { .n = 4 } }, { "medical_advice", { .n = 5 } } };
	static const struct {
		const char *category;
		enum urgency u;
		int want;
	} rows[] = {
		{ "billing", URGENCY_ROUTINE, 1 },
		{ "billing", URGENCY_URGENT, 3 },
		{ "billing", URGENCY_EMERGENCY, 2 },
		{ "medical_advice", URGENCY_NONE, 5 },
		{ "something_new", URGENCY_ROUTINE, 5 },
		{ NULL, URGENCY_ROUTINE, 5 },
	};
	struct calendar c = { .slas = own, .nslas = 1 };
	struct response r = { .defaults = all, .ndefaults = ARRAY_LEN(all) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(promise_sla(&r, &c, rows[i].category, rows[i].u)->n, rows[i].want);
	assert_null(promise_sla(NULL, NULL, "billing", URGENCY_ROUTINE));
}

/* Random calendars */

static uint64_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static const char *const zones[] = { "America/New_York", "America/Chicago", "Europe/London", "Australia/Lord_Howe",
	"Australia/Sydney", "America/Santiago", "Asia/Kathmandu", "Europe/Dublin", "Pacific/Auckland", "America/Nuuk",
	"Africa/Casablanca", "UTC", "America/Havana", "Pacific/Chatham" };

static struct day_windows
random_day(struct arena *a)
{
	size_t n = rnd(8) == 0 ? 0 : 1 + rnd(3);
	struct window *w = ARENA_ARRAY(a, n + 1, struct window);
	int32_t at = rnd(4) == 0 ? 0 : (int32_t)rnd(600);
	size_t got = 0;

	if (rnd(12) == 0) {
		w[0] = (struct window){ 0, 86400 };
		return (struct day_windows){ w, 1 };
	}
	for (; got < n && at < 1439; got++) {
		int32_t end = at + 1 + (int32_t)rnd(400);

		end = end > 1440 || rnd(20) == 0 ? 1440 : end;
		w[got] = (struct window){ at * 60, end * 60 };
		at = end + (rnd(4) == 0 ? 0 : (int32_t)rnd(200));
	}
	return (struct day_windows){ w, got };
}

static int
by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static int
by_start(const void *a, const void *b)
{
	const struct absence *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static struct calendar *
random_calendar(struct arena *a, int64_t around, int depth)
{
	struct calendar *c = ARENA_NEW(a, struct calendar);
	size_t n = rnd(12), k;
	int32_t day = (int32_t)(around / 86400);
	int32_t *holidays = ARENA_ARRAY(a, n + 1, int32_t);
	struct special_day *special = ARENA_ARRAY(a, 4, struct special_day);
	struct absence *absences = ARENA_ARRAY(a, 4, struct absence);

	c->id = "random";
	c->zone_name = zones[rnd(ARRAY_LEN(zones))];
	c->zone = zone_shared(c->zone_name, NULL);
	for (int i = 0; i < 7; i++)
		if (rnd(i < 5 ? 5 : 2) != 0)
			c->weekly[i] = random_day(a);
	for (k = 0; k < n; k++)
		holidays[k] = day + (int32_t)rnd(40) - 3;
	qsort(holidays, n, sizeof *holidays, by_number);
	c->holidays = holidays;
	c->nholidays = n;
	for (k = 0; k < rnd(4); k++) {
		special[k].day = k > 0 ? special[k - 1].day + 1 + (int32_t)rnd(5) : day + (int32_t)rnd(6) - 2;
		special[k].windows = random_day(a);
	}
	c->special = special;
	c->nspecial = k;
	for (k = 0; k < rnd(4); k++) {
		absences[k].from = (around / 60 + (int64_t)rnd(20000) - 5000) * 60;
		absences[k].to = absences[k].from + (1 + (int64_t)rnd(rnd(3) == 0 ? 30000 : 3000)) * 60;
		if (k > 0 && rnd(2) == 0)
			absences[k].from = absences[k - 1].to;
		if (absences[k].to <= absences[k].from)
			absences[k].to = absences[k].from + 60;
	}
	qsort(absences, k, sizeof *absences, by_start);
	c->absences = absences;
	c->nabsences = k;
	if (k > 0 && depth < 2 && rnd(2) == 0)
		c->cover = random_calendar(a, around, depth + 1);
	return c;
}

static struct sla
random_sla(void)
{
	struct sla s = { .mode = (enum sla_mode)rnd(3), .cutoff = -1 };

	switch (s.mode) {
	case SLA_BUSINESS_DAYS:
		s.n = (int32_t)rnd(5);
		s.cutoff = rnd(3) == 0 ? -1 : (int32_t)rnd(1441) * 60;
		break;
	case SLA_NEXT_WINDOW:
		s.n = 1 + (int32_t)rnd(4);
		s.min_lead = rnd(4) == 0 ? 0 : (int32_t)rnd(120);
		break;
	default:
		s.n = (int32_t)rnd(rnd(3) == 0 ? 3000 : 300);
		break;
	}
	return s;
}

/* The open or close of a window soon after: where mistakes live. */
static int64_t
an_edge(const struct calendar *c, int64_t received)
{
	AUTO(open_windows) l = calendar_windows_between(c, received, received + 5 * 86400);
	const struct open_window *w;

	if (l->n == 0)
		return received;
	w = &l->w[rnd((uint32_t)l->n)];
	return rnd(2) == 0 ? w->from : w->to;
}

static void
describe(const struct calendar *c, const struct sla *s, int64_t received, uint64_t round)
{
	char text[32];

	print_error(
	    "round %llu: zone %s, %zu holidays, %zu absences, cover %s, mode %d n %d cutoff %d lead %d, received %s\n",
	    (unsigned long long)round, c->zone_name, c->nholidays, c->nabsences,
	    c->cover != NULL ? c->cover->zone_name : "-", (int)s->mode, s->n, s->cutoff, s->min_lead,
	    time_rfc3339(received, text, sizeof text));
}

static void
check_round(
    struct ref *ref, const struct calendar *c, const struct sla *s, int64_t received, uint64_t round, size_t *none)
{
	struct promise p, later, elsewhere;
	struct ref_due want;
	int64_t after = received + 1 + (int64_t)rnd(3 * 86400);

	ref_start(ref, c, received);
	want = ref_compute(ref, s, received);
	assert_int_equal(promise_compute(c, s, received, received, &p, NULL), ST_OK);
	if (p.none == want.found || (want.found && (p.due != want.at || p.by_cover != want.by_cover))) {
		char a[32], b[32];

		describe(c, s, received, round);
		fail_msg("found %s%s, expected %s%s", p.none ? "none" : time_rfc3339(p.due, a, sizeof a),
		    p.by_cover ? " cover" : "", !want.found ? "none" : time_rfc3339(want.at, b, sizeof b),
		    want.by_cover ? " cover" : "");
	}
	if (p.none) {
		++*none;
		return;
	}
	if (p.due < received || (!ref_open(ref, p.due) && !ref_open(ref, p.due - 60))) {
		describe(c, s, received, round);
		fail_msg("due before it was received, or outside every window");
	}
	assert_int_equal(promise_compute(c, s, after, after, &later, NULL), ST_OK);
	if (!later.none && later.due < p.due) {
		describe(c, s, received, round);
		fail_msg("received %lld s later, due earlier", (long long)(after - received));
	}
	if (s->mode == SLA_BUSINESS_MINUTES && promise_open_seconds(c, received, p.due) != (int64_t)s->n * 60) {
		describe(c, s, received, round);
		fail_msg("%lld open seconds", (long long)promise_open_seconds(c, received, p.due));
	}
	if (round % 50 == 0) {
		setenv("TZ", zones[rnd(ARRAY_LEN(zones))], 1);
		tzset();
		assert_int_equal(promise_compute(c, s, received, received, &elsewhere, NULL), ST_OK);
		assert_int_equal(elsewhere.due, p.due);
	}
}

/* Never before it was received, inside an open window or at its end, not earlier for what is received later, whatever
 * TZ is, and always what the reference finds by looking at every minute. */
static void
ten_thousand_random_calendars_agree_with_the_slow_reference(void **state)
{
	struct ref *ref = xcalloc(1, sizeof *ref);
	const char *rounds = getenv("PROMISE_ROUNDS");
	uint64_t n = rounds != NULL ? strtoull(rounds, NULL, 10) : ROUNDS;
	size_t none = 0;

	(void)state;
	for (uint64_t round = 0; round < n; round++) {
		AUTO(arena) a = arena_new();
		int64_t received;
		struct calendar *c;
		struct sla s;

		seed = round * 2654435761u + 1;
		/* 2026 and 2027, and some years that only a zone file's footer knows */
		received = instant("2026-01-01T00:00:00Z") + (int64_t)rnd(2 * 525600) * 60 +
			   (rnd(50) == 0 ? INT64_C(1262304000) : 0);
		c = random_calendar(a, received, 0);
		if (rnd(3) == 0)
			received = an_edge(c, received);
		s = random_sla();
		check_round(ref, c, &s, received, round, &none);
	}
	unsetenv("TZ");
	tzset();
	free(ref);
	print_message("%llu calendars, %zu without a promise\n", (unsigned long long)n, none);
	assert_true(none < n / 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_before_now_is_promised_again_from_now),
		cmocka_unit_test(no_open_time_is_no_promise_and_says_why),
		cmocka_unit_test(nonsense_is_refused_and_nothing_is_written),
		cmocka_unit_test(covers_in_a_circle_end),
		cmocka_unit_test(a_cover_on_the_other_side_of_the_world_is_not_in_the_past),
		cmocka_unit_test(reminders_come_at_a_share_of_the_open_time),
		cmocka_unit_test(times_are_said_so_that_people_know_when),
		cmocka_unit_test(the_rule_of_a_message_is_its_urgency_then_its_category),
		cmocka_unit_test(ten_thousand_random_calendars_agree_with_the_slow_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
