#include "conf/ics.h"

#include "base/clock.h"
#include "base/own.h"

#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>

#define REFUSE(err, ...) err_set((err), ST_LOCAL, "ics.availability", __VA_ARGS__)
#define MAX_WINDOWS 24 /* a day */

struct week {
	struct window w[7][MAX_WINDOWS];
	size_t n[7];
};

static int32_t
second_of(struct icaltimetype t)
{
	return t.hour * 3600 + t.minute * 60 + t.second;
}

/* A week of answering windows has one zone: the calendar's. */
static bool
same_zone(icalproperty *p, struct icaltimetype t, const char *zone)
{
	icalparameter *tzid = icalproperty_get_first_parameter(p, ICAL_TZID_PARAMETER);
	const char *name = tzid != NULL ? icalparameter_get_tzid(tzid) : NULL;

	if (icaltime_is_utc(t))
		return strcmp(zone, "UTC") == 0;
	while (name != NULL && *name == '/')
		name++;
	return name == NULL || strcmp(name, zone) == 0;
}

static enum status
window_of(icalcomponent *c, const char *zone, struct window *ret, int *ret_day, struct err *err)
{
	icalproperty *start = icalcomponent_get_first_property(c, ICAL_DTSTART_PROPERTY);
	icalproperty *end = icalcomponent_get_first_property(c, ICAL_DTEND_PROPERTY);
	icalproperty *dur = icalcomponent_get_first_property(c, ICAL_DURATION_PROPERTY);
	struct icaltimetype s, e;
	int64_t day, length;

	if (start == NULL || (end == NULL && dur == NULL))
		return REFUSE(err, "an AVAILABLE without its times, expected DTSTART and DTEND");
	s = icalproperty_get_dtstart(start);
	if (icaltime_is_null_time(s) || s.is_date || !same_zone(start, s, zone))
		return REFUSE(
		    err, "an AVAILABLE in another zone or without a time of day, expected times in the calendar's");
	day = days_from_civil(s.year, s.month, s.day);
	if (end != NULL) {
		e = icalproperty_get_dtend(end);
		if (icaltime_is_null_time(e) || e.is_date || !same_zone(end, e, zone))
			return REFUSE(err, "an AVAILABLE whose end has another zone, expected the calendar's");
		length = (days_from_civil(e.year, e.month, e.day) - day) * 86400 + second_of(e) - second_of(s);
	} else {
		length = icaldurationtype_as_int(icalproperty_get_duration(dur));
	}
	if (length <= 0 || second_of(s) + length > 86400)
		return REFUSE(
		    err, "an AVAILABLE that goes past midnight, expected one that ends on its day or at 24:00");
	*ret = (struct window){ second_of(s), (int32_t)(second_of(s) + length) };
	*ret_day = (int)(((day + 3) % 7 + 7) % 7);
	return ST_OK;
}

static enum status
add(struct week *week, int day, struct window w, struct err *err)
{
	if (week->n[day] == MAX_WINDOWS)
		return REFUSE(err, "more than %d windows in a day, expected fewer", MAX_WINDOWS);
	week->w[day][week->n[day]++] = w;
	return ST_OK;
}

/* RRULE:FREQ=WEEKLY, with BYDAY or on the weekday of DTSTART. What comes and goes (UNTIL, COUNT, every second week) is
 * no week to promise by. */
static enum status
add_available(struct week *week, icalcomponent *c, const char *zone, struct err *err)
{
	icalproperty *rule = icalcomponent_get_first_property(c, ICAL_RRULE_PROPERTY);
	struct icalrecurrencetype r;
	struct window w = { 0, 0 };
	int day = 0;

	TRY(window_of(c, zone, &w, &day, err));
	if (rule == NULL)
		return REFUSE(
		    err, "an AVAILABLE that happens once, expected RRULE:FREQ=WEEKLY (once: special in the YAML file)");
	r = icalproperty_get_rrule(rule);
	if (r.freq != ICAL_WEEKLY_RECURRENCE || r.interval != 1 || r.count != 0 || !icaltime_is_null_time(r.until) ||
	    r.by_month[0] != ICAL_RECURRENCE_ARRAY_MAX || r.by_set_pos[0] != ICAL_RECURRENCE_ARRAY_MAX ||
	    r.by_hour[0] != ICAL_RECURRENCE_ARRAY_MAX || r.by_minute[0] != ICAL_RECURRENCE_ARRAY_MAX ||
	    r.by_second[0] != ICAL_RECURRENCE_ARRAY_MAX)
		return REFUSE(err, "an AVAILABLE not of every week, expected RRULE:FREQ=WEEKLY with BYDAY only");
	if (r.by_day[0] == ICAL_RECURRENCE_ARRAY_MAX)
		return add(week, day, w, err);
	for (int i = 0; i < ICAL_BY_DAY_SIZE && r.by_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++) {
		int dow = icalrecurrencetype_day_day_of_week(r.by_day[i]); /* 1 = Sunday */

		if (dow < 1 || dow > 7 || icalrecurrencetype_day_position(r.by_day[i]) != 0)
			return REFUSE(err, "a BYDAY that is no weekday, expected MO, TU, ...");
		TRY(add(week, (dow + 5) % 7, w, err));
	}
	return ST_OK;
}

static int
by_open(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	return (x->open > y->open) - (x->open < y->open);
}

static enum status
read_week(icalcomponent *root, const char *zone, struct week *week, struct err *err)
{
	icalcomponent *av = icalcomponent_get_first_component(root, ICAL_VAVAILABILITY_COMPONENT);

	if (icalcomponent_isa(root) != ICAL_VCALENDAR_COMPONENT || icalcomponent_count_errors(root) > 0 || av == NULL ||
	    icalcomponent_get_next_component(root, ICAL_VAVAILABILITY_COMPONENT) != NULL)
		return REFUSE(err, "not one readable VAVAILABILITY, expected a VCALENDAR of RFC 7953 with one");
	for (icalcomponent *c = icalcomponent_get_first_component(av, ICAL_XAVAILABLE_COMPONENT); c != NULL;
	     c = icalcomponent_get_next_component(av, ICAL_XAVAILABLE_COMPONENT))
		TRY(add_available(week, c, zone, err));
	for (int day = 0; day < 7; day++) {
		qsort(week->w[day], week->n[day], sizeof week->w[day][0], by_open);
		for (size_t i = 1; i < week->n[day]; i++)
			if (week->w[day][i].open < week->w[day][i - 1].close)
				return REFUSE(err, "two AVAILABLE of one day overlap, expected one after the other");
	}
	return ST_OK;
}

enum status
ics_week(struct slice text, const struct zone *z, struct arena *a, struct day_windows ret[7], struct err *err)
{
	struct week week = { .n = { 0 } };
	AUTO_STR copy = NULL;
	icalcomponent *root;
	enum status st;

	if (text.n > ICS_MAX_BYTES || memchr(text.n > 0 ? text.p : "", '\0', text.n) != NULL)
		return REFUSE(err, "no text or more than %zu bytes, expected an iCalendar file", ICS_MAX_BYTES);
	copy = slice_dup(text);
	icalerror_set_errors_are_fatal(false);
	root = icalparser_parse_string(copy);
	if (root == NULL)
		return REFUSE(err, "not iCalendar, expected BEGIN:VCALENDAR ... END:VCALENDAR");
	st = read_week(root, zone_name(z), &week, err);
	icalcomponent_free(root);
	if (st != ST_OK)
		return st;
	for (int day = 0; day < 7; day++) {
		struct window *w = ARENA_ARRAY(a, week.n[day] + 1, struct window);

		memcpy(w, week.w[day], week.n[day] * sizeof *w);
		ret[day] = (struct day_windows){ w, week.n[day] };
	}
	return ST_OK;
}
