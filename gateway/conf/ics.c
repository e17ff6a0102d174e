#include "conf/ics.h"

#include "base/clock.h"
#include "base/own.h"

#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>

#define LAST_YEAR 2100
#define REFUSE(err, ...) err_set((err), ST_LOCAL, "ics.format", __VA_ARGS__)

struct events {
	struct ics_event *e; /* own */
	size_t n, cap;
};

static bool
add(struct events *l, struct ics_event e)
{
	if (l->n == ICS_MAX_DAYS)
		return false;
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->e = xreallocarray(l->e, l->cap, sizeof *l->e);
	}
	l->e[l->n++] = e;
	return true;
}

static int64_t
day_of(struct icaltimetype t)
{
	return days_from_civil(t.year, t.month, t.day);
}

static bool
sane(struct icaltimetype t)
{
	return !icaltime_is_null_time(t) && t.year >= 1900 && t.year <= 9999 && t.month >= 1 && t.month <= 12 &&
	       t.day >= 1 && t.day <= 31 && t.hour >= 0 && t.hour <= 24 && t.minute >= 0 && t.minute <= 59 &&
	       t.second >= 0 && t.second <= 60;
}

/* What every time of one event needs to become an instant. */
struct where {
	struct zone_table *zones;
	const struct zone *floating;
};

static enum status
zone_of(const struct where *w, icalproperty *p, struct icaltimetype t, const struct zone **ret, struct err *err)
{
	icalparameter *tzid = icalproperty_get_first_parameter(p, ICAL_TZID_PARAMETER);
	const char *name = tzid != NULL ? icalparameter_get_tzid(tzid) : NULL;
	const struct zone *z = w->floating;

	if (!icaltime_is_utc(t) && name != NULL) {
		while (*name == '/')
			name++;
		z = zone_get(w->zones, name, NULL);
		if (z == NULL)
			return REFUSE(err, "a TZID that is no IANA time zone, expected one such as America/New_York");
	}
	*ret = z;
	return ST_OK;
}

static int64_t
instant_of(struct icaltimetype t, const struct zone *z)
{
	int32_t second = t.hour * 3600 + t.minute * 60 + t.second;

	return icaltime_is_utc(t) ? day_of(t) * 86400 + second : zone_local_to_utc(z, day_of(t), second);
}

/* The length of an event: RFC 5545 3.6.1, a date without an end lasts a day, a time without one lasts nothing. */
static enum status
length_of(const struct where *w, icalcomponent *ev, struct icaltimetype start, const struct zone *z, int64_t *ret,
    struct err *err)
{
	icalproperty *end = icalcomponent_get_first_property(ev, ICAL_DTEND_PROPERTY);
	icalproperty *dur = icalcomponent_get_first_property(ev, ICAL_DURATION_PROPERTY);
	int64_t n = start.is_date ? 1 : 0;

	if (end != NULL) {
		struct icaltimetype t = icalproperty_get_dtend(end);
		const struct zone *ez = z;

		if (!sane(t) || t.is_date != start.is_date)
			return REFUSE(
			    err, "an event whose DTEND does not fit its DTSTART, expected two dates or two times");
		TRY(zone_of(w, end, t, &ez, err));
		n = start.is_date ? day_of(t) - day_of(start) : instant_of(t, ez) - instant_of(start, z);
	} else if (dur != NULL) {
		int64_t seconds = icaldurationtype_as_int(icalproperty_get_duration(dur));

		n = start.is_date ? seconds / 86400 : seconds;
	}
	if (n <= 0)
		return REFUSE(
		    err, "an event without an end, or that ends before it begins, expected a DTEND after DTSTART");
	if (n > (start.is_date ? 3660 : (int64_t)3660 * 86400))
		return REFUSE(err, "an event longer than ten years, expected a shorter one");
	*ret = n;
	return ST_OK;
}

static bool
excluded(icalcomponent *ev, struct icaltimetype t)
{
	for (icalproperty *p = icalcomponent_get_first_property(ev, ICAL_EXDATE_PROPERTY); p != NULL;
	     p = icalcomponent_get_next_property(ev, ICAL_EXDATE_PROPERTY)) {
		struct icaltimetype x = icalproperty_get_exdate(p);

		if (day_of(x) == day_of(t) &&
		    (t.is_date || x.is_date || (x.hour == t.hour && x.minute == t.minute && x.second == t.second)))
			return true;
	}
	return false;
}

static bool
add_one(struct events *l, icalcomponent *ev, struct icaltimetype t, const struct zone *z, int64_t length)
{
	struct ics_event e = { .all_day = t.is_date };

	if (excluded(ev, t))
		return true;
	if (t.is_date) {
		e.first = (int32_t)day_of(t);
		e.end = (int32_t)(day_of(t) + length);
	} else {
		e.from = instant_of(t, z);
		e.to = e.from + length;
	}
	return add(l, e);
}

static enum status
add_repeated(struct events *l, icalcomponent *ev, icalproperty *rule, struct icaltimetype start, const struct zone *z,
    int64_t length, struct err *err)
{
	struct icalrecurrencetype r = icalproperty_get_rrule(rule);
	icalrecur_iterator *it;
	bool room = true;

	/* Hourly and finer rules can keep libical busy for hours without a single date; no holiday needs them. */
	if (r.freq != ICAL_DAILY_RECURRENCE && r.freq != ICAL_WEEKLY_RECURRENCE && r.freq != ICAL_MONTHLY_RECURRENCE &&
	    r.freq != ICAL_YEARLY_RECURRENCE)
		return REFUSE(err, "an RRULE that repeats within a day or cannot be read, expected DAILY to YEARLY");
	if (r.by_hour[0] != ICAL_RECURRENCE_ARRAY_MAX || r.by_minute[0] != ICAL_RECURRENCE_ARRAY_MAX ||
	    r.by_second[0] != ICAL_RECURRENCE_ARRAY_MAX)
		return REFUSE(err, "an RRULE with hours, minutes or seconds, expected whole days");
	it = icalrecur_iterator_new(r, start);
	if (it == NULL)
		return REFUSE(err, "an RRULE that cannot be followed, expected one of RFC 5545");
	for (struct icaltimetype t = icalrecur_iterator_next(it); room && sane(t) && t.year < LAST_YEAR;
	     t = icalrecur_iterator_next(it))
		room = add_one(l, ev, t, z, length);
	icalrecur_iterator_free(it);
	return room ? ST_OK : REFUSE(err, "more than %d days with repetitions, expected fewer", ICS_MAX_DAYS);
}

static enum status
add_event(const struct where *w, icalcomponent *ev, struct events *l, struct err *err)
{
	icalproperty *dtstart = icalcomponent_get_first_property(ev, ICAL_DTSTART_PROPERTY);
	icalproperty *rule = icalcomponent_get_first_property(ev, ICAL_RRULE_PROPERTY);
	struct icaltimetype start;
	const struct zone *z = NULL;
	int64_t length = 0;

	if (icalcomponent_get_status(ev) == ICAL_STATUS_CANCELLED)
		return ST_OK;
	if (dtstart == NULL || !sane(start = icalproperty_get_dtstart(dtstart)))
		return REFUSE(err, "an event without a start, expected DTSTART");
	TRY(zone_of(w, dtstart, start, &z, err));
	TRY(length_of(w, ev, start, z, &length, err));
	if (rule != NULL)
		return add_repeated(l, ev, rule, start, z, length, err);
	if (!add_one(l, ev, start, z, length))
		return REFUSE(err, "more than %d days, expected fewer", ICS_MAX_DAYS);
	for (icalproperty *p = icalcomponent_get_first_property(ev, ICAL_RDATE_PROPERTY); p != NULL;
	     p = icalcomponent_get_next_property(ev, ICAL_RDATE_PROPERTY)) {
		struct icaltimetype t = icalproperty_get_rdate(p).time;

		if (!sane(t) || t.is_date != start.is_date)
			return REFUSE(err, "an RDATE that does not fit DTSTART, expected the same kind of date");
		if (!add_one(l, ev, t, z, length))
			return REFUSE(err, "more than %d days, expected fewer", ICS_MAX_DAYS);
	}
	return ST_OK;
}

/* Events directly below the root, or below one of several VCALENDARs in a file. */
static enum status
walk(const struct where *w, icalcomponent *root, struct events *l, size_t *seen, struct err *err)
{
	for (icalcomponent *c = icalcomponent_get_first_component(root, ICAL_ANY_COMPONENT); c != NULL;
	     c = icalcomponent_get_next_component(root, ICAL_ANY_COMPONENT)) {
		if (icalcomponent_isa(c) == ICAL_VCALENDAR_COMPONENT && icalcomponent_isa(root) == ICAL_XROOT_COMPONENT)
			TRY(walk(w, c, l, seen, err));
		if (icalcomponent_isa(c) != ICAL_VEVENT_COMPONENT)
			continue;
		if (++*seen > ICS_MAX_EVENTS)
			return REFUSE(err, "more than %d events, expected fewer", ICS_MAX_EVENTS);
		TRY(add_event(w, c, l, err));
	}
	return ST_OK;
}

enum status
ics_read(struct slice text, struct zone_table *zones, const struct zone *floating, struct arena *a,
    const struct ics_event **ret, size_t *ret_n, struct err *err)
{
	const struct where w = { zones, floating };
	struct events l = { NULL, 0, 0 };
	AUTO_STR copy = NULL;
	struct ics_event *out;
	icalcomponent *root;
	enum status st;
	size_t seen = 0;

	if (text.n > ICS_MAX_BYTES || memchr(text.n > 0 ? text.p : "", '\0', text.n) != NULL)
		return REFUSE(err, "no text or more than %zu bytes, expected an iCalendar file", ICS_MAX_BYTES);
	copy = slice_dup(text);
	icalerror_set_errors_are_fatal(false);
	root = icalparser_parse_string(copy);
	if (root == NULL)
		return REFUSE(err, "not iCalendar, expected BEGIN:VCALENDAR ... END:VCALENDAR");
	if (icalcomponent_isa(root) != ICAL_VCALENDAR_COMPONENT && icalcomponent_isa(root) != ICAL_XROOT_COMPONENT)
		st = REFUSE(err, "no VCALENDAR, expected an iCalendar file");
	else if (icalcomponent_count_errors(root) >
		 0) /* a holiday that was skipped in silence would be a broken promise */
		st = REFUSE(err, "%d lines that cannot be read, expected RFC 5545", icalcomponent_count_errors(root));
	else
		st = walk(&w, root, &l, &seen, err);
	icalcomponent_free(root);
	if (st == ST_OK) {
		out = ARENA_ARRAY(a, l.n + 1, struct ics_event);
		if (l.n > 0)
			memcpy(out, l.e, l.n * sizeof *out);
		*ret = out;
		*ret_n = l.n;
	}
	free(l.e);
	return st;
}
