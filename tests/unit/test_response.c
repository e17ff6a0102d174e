#include "conf/response.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "conf/ics.h"
#include "conf/templates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/portico-test-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static const char *const made[] = { "r.yaml", "h.ics", "a.ics", "t/en/promise.txt", "t/en", "t" };

static int
remove_dir(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		AUTO_STR path = path_join(dir, made[i]);

		if (unlink(path) != 0)
			rmdir(path);
	}
	return rmdir(dir);
}

static void
put(const char *name, const char *text)
{
	AUTO_STR path = path_join(dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644, false, NULL), ST_OK);
}

/* Loads a file of this text; errs are the caller's to free. */
static const struct response *
load(struct arena *a, const char *text, struct conf_errors *errs)
{
	AUTO_STR path = path_join(dir, "r.yaml");

	put("r.yaml", text);
	return response_load(path, a, errs);
}

static int32_t
date(const char *s)
{
	int32_t day = 0;

	assert_true(date_text_parse(s, &day));
	return day;
}

static bool
has_day(const struct calendar *c, const char *s)
{
	for (size_t i = 0; i < c->nholidays; i++)
		if (c->holidays[i] == date(s))
			return true;
	return false;
}

static const struct sla *
rule(const struct calendar *c, const char *category)
{
	for (size_t i = 0; i < c->nslas; i++)
		if (strcmp(c->slas[i].category, category) == 0)
			return &c->slas[i].sla;
	fail_msg("no rule for %s", category);
	return NULL;
}

#define THREE_LEVELS                                                                                                   \
	"clinic:\n"                                                                                                    \
	"  zone: America/New_York\n"                                                                                   \
	"  weekly: {mon-fri: 09:00-17:00}\n"                                                                           \
	"  cutoff: \"16:00\"\n"                                                                                        \
	"  holidays: [2026-12-25]\n"                                                                                   \
	"  holidays_known_through: 2026-12-31\n"                                                                       \
	"  special: {2026-12-24: 09:00-12:00, 2026-12-31: 09:00-12:00}\n"                                              \
	"teams:\n"                                                                                                     \
	"  nurses:\n"                                                                                                  \
	"    weekly:\n"                                                                                                \
	"      mon: [08:00-12:00, 13:00-24:00]\n"                                                                      \
	"      tue: closed\n"                                                                                          \
	"    holidays: {2026-12-26: Boxing Day}\n"                                                                     \
	"    sla: {billing: 7 business days}\n"                                                                        \
	"clinicians:\n"                                                                                                \
	"  lee:\n"                                                                                                     \
	"    team: nurses\n"                                                                                           \
	"    zone: America/Chicago\n"                                                                                  \
	"    cutoff: \"12:00\"\n"                                                                                      \
	"    cover: patel\n"                                                                                           \
	"    special: {2026-12-24: closed}\n"                                                                          \
	"    absences: [{from: 2026-04-15, to: 2026-04-19, why: leave}]\n"                                             \
	"    sla:\n"                                                                                                   \
	"      urgent: 60 open minutes\n"                                                                              \
	"      form: {rule: 2 business days, cutoff: \"10:00\"}\n"                                                     \
	"  patel: {}\n"

static void
levels_inherit_and_say_where_from(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .n = 0 };
	const struct response *r = load(a, THREE_LEVELS, &errs);
	const struct calendar *lee, *nurses, *patel;

	(void)state;
	assert_string_equal(buf_str(&errs.text), "");
	assert_non_null(r);
	assert_int_equal(r->ncalendars, 4);
	lee = response_calendar(r, "lee");
	nurses = response_calendar(r, "nurses");
	patel = response_calendar(r, "patel");
	assert_string_equal(lee->parent, "nurses");
	assert_string_equal(patel->parent, "clinic");

	assert_string_equal(lee->origin, "r.yaml:16");
	assert_string_equal(nurses->origin, "r.yaml:9");

	assert_string_equal(lee->zone_name, "America/Chicago");
	assert_string_equal(lee->from.zone, "r.yaml:18 (lee)");
	assert_string_equal(nurses->from.zone, "r.yaml:2 (clinic)");
	assert_int_equal(lee->weekly[0].n, 2);
	assert_int_equal(lee->weekly[0].w[1].close, 86400);
	assert_int_equal(lee->weekly[2].n, 0); /* the week is replaced as a whole */
	assert_int_equal(patel->weekly[2].n, 1);
	assert_string_equal(lee->from.weekly, "r.yaml:11 (nurses)");

	assert_true(has_day(lee, "2026-12-25") && has_day(lee, "2026-12-26"));
	assert_false(has_day(patel, "2026-12-26"));
	assert_string_equal(lee->from.holidays, "r.yaml:5 (clinic), r.yaml:13 (nurses)");
	assert_int_equal(lee->nspecial, 2);
	assert_int_equal(lee->special[0].windows.n, 0);
	assert_int_equal(lee->special[1].windows.n, 1);
	assert_int_equal(patel->special[0].windows.n, 1);
	assert_int_equal(lee->holidays_known_through, date("2026-12-31"));

	assert_ptr_equal(lee->cover, patel);
	assert_null(patel->cover);
	assert_int_equal(lee->nabsences, 1);
	/* whole days of Chicago: the 19th is still away */
	assert_int_equal(lee->absences[0].from, 1776229200);
	assert_int_equal(lee->absences[0].to, 1776661200);
	assert_int_equal(patel->nabsences, 0);
}

static void
rules_inherit_and_follow_the_cutoff_unless_they_have_their_own(void **state)
{
	static const struct {
		const char *id, *category;
		enum sla_mode mode;
		int n, cutoff;
		const char *origin;
	} rows[] = {
		{ "clinic", "billing", SLA_BUSINESS_DAYS, 3, 57600, "built in" },
		{ "nurses", "billing", SLA_BUSINESS_DAYS, 7, 57600, "r.yaml:14 (nurses)" },
		{ "lee", "billing", SLA_BUSINESS_DAYS, 7, 43200, "r.yaml:14 (nurses)" },
		{ "lee", "form", SLA_BUSINESS_DAYS, 2, 36000, "r.yaml:25 (lee)" },
		{ "lee", "urgent", SLA_BUSINESS_MINUTES, 60, -1, "r.yaml:24 (lee)" },
		{ "clinic", "urgent", SLA_BUSINESS_MINUTES, 120, -1, "built in" },
		{ "clinic", "emergency", SLA_ELAPSED_MINUTES, 0, -1, "built in" },
		{ "clinic", "rx_renewal", SLA_BUSINESS_DAYS, 1, 57600, "built in" },
		{ "clinic", "appointment", SLA_BUSINESS_DAYS, 1, 57600, "built in" },
		{ "clinic", "medical_advice", SLA_BUSINESS_DAYS, 2, 57600, "built in" },
		{ "clinic", "test_result_question", SLA_BUSINESS_DAYS, 2, 57600, "built in" },
		{ "clinic", "form", SLA_BUSINESS_DAYS, 5, 57600, "built in" },
		{ "clinic", "technical", SLA_BUSINESS_MINUTES, 240, -1, "built in" },
		{ "clinic", "complaint", SLA_BUSINESS_DAYS, 1, 57600, "built in" },
		{ "clinic", "social", SLA_NONE, 0, -1, "built in" },
	};
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .n = 0 };
	const struct response *r = load(a, THREE_LEVELS, &errs);

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sla *s = rule(response_calendar(r, rows[i].id), rows[i].category);

		if (s->mode != rows[i].mode || s->n != rows[i].n || s->cutoff != rows[i].cutoff ||
		    strcmp(s->origin, rows[i].origin) != 0)
			fail_msg("%s %s: mode %d, n %d, cutoff %d, %s", rows[i].id, rows[i].category, (int)s->mode,
			    s->n, s->cutoff, s->origin);
	}
}

static void
rules_are_written_as_people_say_them(void **state)
{
	static const struct {
		const char *text;
		enum sla_mode mode;
		int n, lead;
	} rows[] = {
		{ "1 business day", SLA_BUSINESS_DAYS, 1, 0 },
		{ "2 business_days", SLA_BUSINESS_DAYS, 2, 0 },
		{ "0 business days", SLA_BUSINESS_DAYS, 0, 0 },
		{ "120 business_minutes", SLA_BUSINESS_MINUTES, 120, 0 },
		{ "4 open hours", SLA_BUSINESS_MINUTES, 240, 0 },
		{ "30 minutes", SLA_ELAPSED_MINUTES, 30, 0 },
		{ "2 hours", SLA_ELAPSED_MINUTES, 120, 0 },
		{ "immediate", SLA_ELAPSED_MINUTES, 0, 0 },
		{ "at once", SLA_ELAPSED_MINUTES, 0, 0 },
		{ "next window", SLA_NEXT_WINDOW, 1, 0 },
		{ "2 windows", SLA_NEXT_WINDOW, 2, 0 },
		{ "{rule: next_window, min_lead: 30m}", SLA_NEXT_WINDOW, 1, 30 },
		{ "none", SLA_NONE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct conf_errors errs = { .n = 0 };
		const struct response *r = load(a,
		    arena_printf(a, "clinic: {zone: UTC, weekly: {mon: 09:00-10:00}, sla: {form: %s}}\n", rows[i].text),
		    &errs);
		const struct sla *s;

		assert_string_equal(buf_str(&errs.text), "");
		s = rule(r->clinic, "form");
		if (s->mode != rows[i].mode || s->n != rows[i].n || s->min_lead != rows[i].lead)
			fail_msg("%s: mode %d, n %d, lead %d", rows[i].text, (int)s->mode, s->n, s->min_lead);
	}
}

/* Every mistake with its line and column, and words that say what was expected. */
static void
mistakes_are_found_where_they_are(void **state)
{
	static const struct {
		const char *name, *text, *place, *words;
	} rows[] = {
		{ "no clinic", "teams: {}\n", "r.yaml:1:1:", "clinic" },
		{ "unknown zone", "clinic:\n  zone: America/Atlantis\n  weekly: {mon: 09:00-10:00}\n",
		    "r.yaml:2:9:", "zone" },
		{ "zone outside the tree", "clinic:\n  zone: ../../etc/passwd\n  weekly: {mon: 09:00-10:00}\n",
		    "r.yaml:2:9:", "zone" },
		{ "no zone", "clinic:\n  weekly: {mon: 09:00-10:00}\n", "r.yaml:2:3:", "\"zone\" is missing" },
		{ "no week", "clinic:\n  zone: UTC\n", "r.yaml:2:3:", "\"weekly\" is missing" },
		{ "windows overlap", "clinic:\n  zone: UTC\n  weekly:\n    mon: [09:00-12:00, 11:59-13:00]\n",
		    "r.yaml:4:10:", "overlap" },
		{ "close before open", "clinic:\n  zone: UTC\n  weekly:\n    mon: 17:00-09:00\n",
		    "r.yaml:4:10:", "closes before it opens" },
		{ "empty window", "clinic:\n  zone: UTC\n  weekly:\n    mon: 09:00-09:00\n", "r.yaml:4:10:", "closes" },
		{ "not a time", "clinic:\n  zone: UTC\n  weekly:\n    mon: 9-17\n",
		    "r.yaml:4:10:", "expected a window" },
		{ "25 o'clock", "clinic:\n  zone: UTC\n  weekly:\n    mon: 09:00-25:00\n",
		    "r.yaml:4:10:", "expected a window" },
		{ "after 24:00", "clinic:\n  zone: UTC\n  weekly:\n    mon: 09:00-24:01\n",
		    "r.yaml:4:10:", "expected a window" },
		{ "no such day", "clinic:\n  zone: UTC\n  weekly:\n    monday: 09:00-17:00\n",
		    "r.yaml:4:5:", "expected a day" },
		{ "days backwards", "clinic:\n  zone: UTC\n  weekly:\n    fri-mon: 09:00-17:00\n",
		    "r.yaml:4:5:", "expected a day" },
		{ "a day twice", "clinic:\n  zone: UTC\n  weekly:\n    mon-fri: 09:00-17:00\n    wed: closed\n",
		    "r.yaml:5:5:", "wed" },
		{ "a holiday as people write it",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  holidays: [12/25/2026]\n",
		    "r.yaml:4:14:", "expected a date" },
		{ "30 February", "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  holidays: [2026-02-30]\n",
		    "r.yaml:4:14:", "expected a date" },
		{ "a holiday twice",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  holidays:\n    - 2026-12-25\n    - "
		    "2026-12-25\n",
		    "r.yaml:6:7:", "already" },
		{ "a special day without a date",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  special: {xmas: closed}\n",
		    "r.yaml:4:13:", "expected a date" },
		{ "an absence without an end",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  absences:\n    - from: 2026-04-15\n",
		    "r.yaml:5:7:", "\"to\" is missing" },
		{ "an absence that ends first",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  absences: [{from: 2026-04-15, to: "
		    "2026-04-14}]\n",
		    "r.yaml:4:37:", "ends before it begins" },
		{ "an unknown cover",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\nclinicians:\n  lee: {cover: nobody}\n",
		    "r.yaml:5:16:", "no calendar" },
		{ "its own cover",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\nclinicians:\n  lee: {cover: lee}\n",
		    "r.yaml:5:16:", "covers itself" },
		{ "an unknown team",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\nclinicians:\n  lee: {team: b}\n",
		    "r.yaml:5:15:", "no team" },
		{ "two calendars of one id",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\nteams:\n  lee: {}\nclinicians:\n  lee: {}\n",
		    "r.yaml:7:3:", "once" },
		{ "an unknown category", "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  sla: {love: none}\n",
		    "r.yaml:4:9:", "expected one of" },
		{ "an unknown rule", "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  sla: {form: soon}\n",
		    "r.yaml:4:15:", "expected 2 business days" },
		{ "a negative rule",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  sla: {form: -1 business days}\n",
		    "r.yaml:4:15:", "expected" },
		{ "a cutoff that is no time",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  sla: {form: {rule: 1 business day, cutoff: "
		    "noon}}\n",
		    "r.yaml:4:46:", "time of day" },
		{ "a lead for a rule in days",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  sla: {form: {rule: 1 business day, "
		    "min_lead: 5m}}\n",
		    "r.yaml:4:48:", "min_lead" },
		{ "an unknown key", "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  hollidays: [2026-12-25]\n",
		    "r.yaml:4:3:", "hollidays" },
		{ "a missing iCalendar file",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  holiday_files: nothere.ics\n",
		    "r.yaml:4:18:", "nothere.ics" },
		{ "a missing directory of templates",
		    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\ntemplates: nothere\n",
		    "nothere:1:1:", "directory" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct conf_errors errs = { .n = 0 };

		(void)load(a, rows[i].text, &errs);
		if (errs.n == 0)
			fail_msg("%s: no mistake found", rows[i].name);
		if (strstr(buf_str(&errs.text), rows[i].place) == NULL ||
		    strstr(buf_str(&errs.text), rows[i].words) == NULL)
			fail_msg("%s: expected %s ... %s, got\n%s", rows[i].name, rows[i].place, rows[i].words,
			    buf_str(&errs.text));
		conf_errors_free(&errs);
	}
}

#define VCAL(body) "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" body "END:VCALENDAR\r\n"
#define VEVENT(body) "BEGIN:VEVENT\r\nUID:1\r\n" body "END:VEVENT\r\n"

static void
holidays_come_from_icalendar_files_too(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .n = 0 };
	const struct response *r;

	(void)state;
	put("h.ics", VCAL(VEVENT("DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20281225\r\n")
			     VEVENT("DTSTART;VALUE=DATE:20260907\r\nRRULE:FREQ=YEARLY;BYMONTH=9;BYDAY=1MO;COUNT=3\r\n")
				 VEVENT("DTSTART;VALUE=DATE:20260410\r\nDTEND;VALUE=DATE:20260412\r\n")
				     VEVENT("DTSTART;VALUE=DATE:20260601\r\nSTATUS:CANCELLED\r\n")));
	r = load(a,
	    "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  holidays: [2026-05-01, 2026-12-25]\n"
	    "  holiday_files: [h.ics]\n",
	    &errs);
	assert_string_equal(buf_str(&errs.text), "");
	assert_true(
	    has_day(r->clinic, "2026-12-25") && has_day(r->clinic, "2027-12-25") && has_day(r->clinic, "2060-12-25"));
	assert_false(has_day(r->clinic, "2028-12-25") || has_day(r->clinic, "2026-06-01"));
	assert_true(has_day(r->clinic, "2026-09-07") && has_day(r->clinic, "2028-09-04"));
	assert_false(has_day(r->clinic, "2029-09-03"));
	assert_true(
	    has_day(r->clinic, "2026-04-10") && has_day(r->clinic, "2026-04-11") && has_day(r->clinic, "2026-05-01"));
	assert_false(has_day(r->clinic, "2026-04-12"));
	for (size_t i = 1; i < r->clinic->nholidays; i++)
		assert_true(r->clinic->holidays[i - 1] < r->clinic->holidays[i]);
}

static void
absences_from_icalendar_are_instants_by_our_own_zones(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .n = 0 };
	const struct response *r;
	int64_t from, to;

	(void)state;
	/* 01:30 happens twice that night: the first is meant, which libical alone would not say */
	put("a.ics",
	    VCAL(VEVENT(
		"DTSTART;TZID=America/New_York:20261101T013000\r\nDTEND;TZID=America/New_York:20261101T030000\r\n")
		    VEVENT("DTSTART:20260415T120000Z\r\nDURATION:PT2H\r\n") VEVENT("DTSTART;VALUE=DATE:20260501\r\n")));
	r = load(a, "clinic:\n  zone: America/Chicago\n  weekly: {mon: 09:00-10:00}\n  absence_files: a.ics\n", &errs);
	assert_string_equal(buf_str(&errs.text), "");
	assert_int_equal(r->clinic->nabsences, 3);
	assert_int_equal(time_parse_rfc3339("2026-04-15T12:00:00Z", &from, NULL), ST_OK);
	assert_int_equal(r->clinic->absences[0].from, from);
	assert_int_equal(r->clinic->absences[0].to, from + 7200);
	assert_int_equal(time_parse_rfc3339("2026-05-01T05:00:00Z", &from, NULL), ST_OK);
	assert_int_equal(r->clinic->absences[1].from, from);
	assert_int_equal(r->clinic->absences[1].to, from + 86400);
	assert_int_equal(time_parse_rfc3339("2026-11-01T05:30:00Z", &from, NULL), ST_OK);
	assert_int_equal(time_parse_rfc3339("2026-11-01T08:00:00Z", &to, NULL), ST_OK);
	assert_int_equal(r->clinic->absences[2].from, from);
	assert_int_equal(r->clinic->absences[2].to, to);
}

#define VAVAIL(body) VCAL("BEGIN:VAVAILABILITY\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n" body "END:VAVAILABILITY\r\n")
#define AVAILABLE(body) "BEGIN:AVAILABLE\r\nUID:2\r\nDTSTAMP:20260101T000000Z\r\n" body "END:AVAILABLE\r\n"
#define CHICAGO "clinic:\n  zone: America/Chicago\n  availability: h.ics\n"

static void
a_week_comes_from_vavailability_too(void **state)
{
	static const char *const bad[] = {
		VAVAIL(AVAILABLE("DTSTART:20260105T090000\r\nDTEND:20260105T120000\r\n")),
		VAVAIL(AVAILABLE("DTSTART:20260105T090000\r\nDTEND:20260106T120000\r\nRRULE:FREQ=WEEKLY\r\n")),
		VAVAIL(AVAILABLE("DTSTART:20260105T090000\r\nRRULE:FREQ=WEEKLY\r\n")),
		VAVAIL(
		    AVAILABLE("DTSTART:20260105T090000\r\nDTEND:20260105T120000\r\nRRULE:FREQ=WEEKLY;INTERVAL=2\r\n")),
		VAVAIL(AVAILABLE("DTSTART:20260105T090000\r\nDTEND:20260105T120000\r\nRRULE:FREQ=WEEKLY;COUNT=5\r\n")),
		VAVAIL(
		    AVAILABLE("DTSTART:20260105T090000\r\nDTEND:20260105T120000\r\nRRULE:FREQ=MONTHLY;BYDAY=2MO\r\n")),
		VAVAIL(AVAILABLE("DTSTART:20260105T090000Z\r\nDTEND:20260105T120000Z\r\nRRULE:FREQ=WEEKLY\r\n")),
		VAVAIL(AVAILABLE("DTSTART:20260105T090000\r\nDTEND:20260105T120000\r\nRRULE:FREQ=WEEKLY\r\n")
			AVAILABLE("DTSTART:20260105T110000\r\nDTEND:20260105T130000\r\nRRULE:FREQ=WEEKLY\r\n")),
		VCAL(VEVENT("DTSTART;VALUE=DATE:20260105\r\n")),
		"nothing",
	};
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .n = 0 };
	const struct response *r;

	(void)state;
	put("h.ics",
	    VAVAIL(AVAILABLE(
		"DTSTART;TZID=America/Chicago:20260105T130000\r\nDTEND;TZID=America/Chicago:20260105T170000\r\n"
		"RRULE:FREQ=WEEKLY;BYDAY=MO,TH\r\n")
		    AVAILABLE("DTSTART:20260105T090000\r\nDURATION:PT3H\r\nRRULE:FREQ=WEEKLY\r\n")
			AVAILABLE("DTSTART:20260110T220000\r\nDTEND:20260111T000000\r\nRRULE:FREQ=WEEKLY\r\n")));
	r = load(a, CHICAGO, &errs);
	assert_string_equal(buf_str(&errs.text), "");
	assert_int_equal(r->clinic->weekly[0].n, 2);
	assert_int_equal(r->clinic->weekly[0].w[0].open, 9 * 3600);
	assert_int_equal(r->clinic->weekly[0].w[0].close, 12 * 3600);
	assert_int_equal(r->clinic->weekly[0].w[1].open, 13 * 3600);
	assert_int_equal(r->clinic->weekly[3].n, 1);
	assert_int_equal(r->clinic->weekly[5].w[0].close, 86400);
	assert_int_equal(r->clinic->weekly[1].n, 0);
	assert_string_equal(r->clinic->from.weekly, "r.yaml:3 (clinic)");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put("h.ics", bad[i]);
		errs = (struct conf_errors){ .n = 0 };
		(void)load(a, CHICAGO, &errs);
		if (errs.n != 1 || strstr(buf_str(&errs.text), "r.yaml:3:17: h.ics: ") == NULL)
			fail_msg("%zu: \"%s\"", i, buf_str(&errs.text));
		conf_errors_free(&errs);
	}
	(void)load(a, CHICAGO "  weekly: {mon: 09:00-10:00}\n", &errs);
	assert_non_null(strstr(buf_str(&errs.text), "one of the two"));
	conf_errors_free(&errs);
}

static void
icalendar_that_cannot_be_trusted_is_refused(void **state)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "not iCalendar", "hello\n" },
		{ "empty", "" },
		{ "no start", VCAL(VEVENT("SUMMARY:x\r\n")) },
		{ "ends before it begins",
		    VCAL(VEVENT("DTSTART;VALUE=DATE:20260110\r\nDTEND;VALUE=DATE:20260101\r\n")) },
		{ "a time without an end", VCAL(VEVENT("DTSTART:20260415T120000Z\r\n")) },
		{ "a date and a time", VCAL(VEVENT("DTSTART;VALUE=DATE:20260110\r\nDTEND:20260111T000000Z\r\n")) },
		{ "every second for ever", VCAL(VEVENT("DTSTART;VALUE=DATE:20260110\r\nRRULE:FREQ=SECONDLY\r\n")) },
		{ "every day for ever", VCAL(VEVENT("DTSTART;VALUE=DATE:20260110\r\nRRULE:FREQ=DAILY\r\n")) },
		{ "a zone of Microsoft",
		    VCAL(VEVENT("DTSTART;TZID=Eastern Standard Time:20260415T120000\r\nDTEND:20260415T180000Z\r\n")) },
		{ "a hundred years", VCAL(VEVENT("DTSTART;VALUE=DATE:20260110\r\nDTEND;VALUE=DATE:21260110\r\n")) },
		{ "a line that is no date", VCAL(VEVENT("DTSTART;VALUE=DATE:tomorrow\r\n")) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct zone_table *zones = zone_table_new(a);
		const struct ics_event *e = NULL;
		struct err err = ERR_NONE;
		size_t n = 7;

		if (ics_read(slice_of(rows[i].text), zones, zone_get(zones, "UTC", NULL), a, &e, &n, &err) == ST_OK)
			fail_msg("%s: taken, %zu events", rows[i].name, n);
		assert_int_equal(n, 7);
		assert_string_not_equal(err.text, "");
	}
}

static void
the_digest_covers_the_files_it_names(void **state)
{
	static const char text[] = "clinic:\n  zone: UTC\n  weekly: {mon: 09:00-10:00}\n  holiday_files: h.ics\n";
	uint8_t digest[2][32];

	(void)state;
	for (int i = 0; i < 2; i++) {
		AUTO(arena) a = arena_new();
		struct conf_errors errs = { .n = 0 };

		put("h.ics", i == 0 ? VCAL(VEVENT("DTSTART;VALUE=DATE:20261225\r\n"))
				    : VCAL(VEVENT("DTSTART;VALUE=DATE:20261226\r\n")));
		assert_non_null(load(a, text, &errs));
		memcpy(digest[i], errs.digest, 32);
	}
	assert_memory_not_equal(digest[0], digest[1], 32);
}

static void
edited_templates_take_the_place_of_the_shipped_ones(void **state)
{
	AUTO(arena) a = arena_new();
	AUTO_STR en = path_join(dir, "t/en");
	struct conf_errors errs = { .n = 0 };
	const struct response *r;

	(void)state;
	assert_int_equal(dir_make(en, 0755, NULL), ST_OK);
	put("t/en/promise.txt", "Subject: Ours\n\nHello from {clinic}.\n");
	r = load(a, "clinic: {zone: UTC, weekly: {mon: 09:00-10:00}}\ntemplates: t\n", &errs);
	assert_string_equal(buf_str(&errs.text), "");
	assert_string_equal(templates_get(r->templates, "en", "promise"), "Subject: Ours\n\nHello from {clinic}.\n");
	assert_string_equal(
	    templates_get(r->templates, "en-US", "promise"), templates_get(r->templates, "en", "promise"));
	assert_ptr_equal(templates_get(r->templates, "en", "urgent"), templates_get(NULL, "en", "urgent"));
	assert_ptr_equal(templates_get(r->templates, "es", "promise"), templates_get(NULL, "es", "promise"));
	assert_ptr_equal(templates_get(NULL, "de", "late"), templates_get(NULL, "en", "late"));
	assert_ptr_equal(templates_get(NULL, NULL, "late"), templates_get(NULL, "en", "late"));
	assert_null(templates_get(NULL, "en", "nonsense"));

	put("t/en/promise.txt", "Subject: Ours\n\nHello {patient}.\n");
	assert_non_null(load(a, "clinic: {zone: UTC, weekly: {mon: 09:00-10:00}}\ntemplates: t\n", &errs));
	assert_non_null(strstr(buf_str(&errs.text), "promise.txt:3:7: {patient}"));
	conf_errors_free(&errs);
}

static void
the_shipped_file_is_without_a_mistake(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { .n = 0 };
	const struct response *r = response_load("conf/response-times.yaml", a, &errs);
	int y, m, d;

	(void)state;
	if (access("conf/response-times.yaml", R_OK) != 0)
		skip();
	assert_string_equal(buf_str(&errs.text), "");
	assert_non_null(response_calendar(r, "lee"));
	assert_non_null(response_calendar(r, "patel"));
	assert_non_null(response_calendar(r, "nurses"));
	for (size_t i = 0; i < r->clinic->nholidays; i++) { /* observed on a weekday, or nobody would notice it */
		int dow = (r->clinic->holidays[i] % 7 + 3) % 7;

		civil_from_days(r->clinic->holidays[i], &y, &m, &d);
		if (dow > 4)
			fail_msg("%04d-%02d-%02d is on a weekend", y, m, d);
	}
	assert_ptr_equal(response_calendar_for(r, "nurses", "lee"), response_calendar(r, "nurses"));
	assert_ptr_equal(response_calendar_for(r, NULL, "lee"), response_calendar(r, "lee"));
	assert_ptr_equal(response_calendar_for(r, NULL, "nobody"), r->clinic);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_inherit_and_say_where_from),
		cmocka_unit_test(rules_inherit_and_follow_the_cutoff_unless_they_have_their_own),
		cmocka_unit_test(rules_are_written_as_people_say_them),
		cmocka_unit_test(mistakes_are_found_where_they_are),
		cmocka_unit_test(holidays_come_from_icalendar_files_too),
		cmocka_unit_test(absences_from_icalendar_are_instants_by_our_own_zones),
		cmocka_unit_test(a_week_comes_from_vavailability_too),
		cmocka_unit_test(icalendar_that_cannot_be_trusted_is_refused),
		cmocka_unit_test(the_digest_covers_the_files_it_names),
		cmocka_unit_test(edited_templates_take_the_place_of_the_shipped_ones),
		cmocka_unit_test(the_shipped_file_is_without_a_mistake),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
