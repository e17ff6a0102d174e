#include "ctl/case_calendar.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define REFUSE(err, ...) err_set((err), ST_MSG_REFUSED, "cases.calendar", __VA_ARGS__)

struct case_calendars {
	struct arena *arena;
	struct zone_table *zones;
	const json_t *named;
};

struct case_calendars *
case_calendars_new(const json_t *named)
{
	struct case_calendars *cs = xcalloc(1, sizeof *cs);

	cs->arena = arena_new();
	cs->zones = zone_table_new(cs->arena);
	cs->named = named;
	return cs;
}

void
case_calendars_free(struct case_calendars *cs)
{
	if (cs == NULL)
		return;
	arena_free(cs->arena);
	free(cs);
}

static const char *
text_of(const json_t *v)
{
	return json_is_string(v) ? json_string_value(v) : "";
}

static enum status
read_clock(const json_t *v, int32_t *ret, struct err *err)
{
	if (!clock_text_parse(text_of(v), ret))
		return REFUSE(err, "expected a time of day such as \"09:00\" or \"24:00\"");
	return ST_OK;
}

static enum status
read_date(const char *s, int32_t *ret, struct err *err)
{
	if (!date_text_parse(s, ret))
		return REFUSE(err, "expected a date such as \"2026-12-25\"");
	return ST_OK;
}

/* [["08:00", "12:00"], ["13:00", "17:00"]] */
static enum status
read_windows(struct arena *a, const json_t *v, struct day_windows *ret, struct err *err)
{
	struct window *w;
	size_t n = json_array_size(v);

	if (!json_is_array(v))
		return REFUSE(err, "expected a list of windows such as [[\"09:00\", \"17:00\"]]");
	w = ARENA_ARRAY(a, n + 1, struct window);
	for (size_t i = 0; i < n; i++) {
		const json_t *pair = json_array_get(v, i);

		if (!json_is_array(pair) || json_array_size(pair) != 2)
			return REFUSE(err, "expected a window such as [\"09:00\", \"17:00\"]");
		TRY(read_clock(json_array_get(pair, 0), &w[i].open, err));
		TRY(read_clock(json_array_get(pair, 1), &w[i].close, err));
		if (w[i].close <= w[i].open)
			return REFUSE(err, "a window closes before it opens");
	}
	*ret = (struct day_windows){ .w = w, .n = n };
	return ST_OK;
}

static enum status
read_weekly(struct arena *a, json_t *v, struct calendar *c, struct err *err)
{
	static const char *const names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
	const char *key;
	json_t *windows;

	if (v == NULL)
		return ST_OK;
	if (!json_is_object(v))
		return REFUSE(err, "\"weekly\": expected an object such as {\"mon\": [[\"09:00\", \"17:00\"]]}");
	json_object_foreach (v, key, windows) {
		size_t day = 0;

		while (day < 7 && strcmp(names[day], key) != 0)
			day++;
		if (day == 7)
			return REFUSE(err, "\"weekly\": expected the days mon, tue, wed, thu, fri, sat, sun");
		TRY(read_windows(a, windows, &c->weekly[day], err));
	}
	return ST_OK;
}

static int
by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static enum status
read_holidays(struct arena *a, const json_t *v, struct calendar *c, struct err *err)
{
	size_t n = json_array_size(v);
	int32_t *days = ARENA_ARRAY(a, n + 1, int32_t);

	if (v != NULL && !json_is_array(v))
		return REFUSE(err, "\"holidays\": expected a list of dates");
	for (size_t i = 0; i < n; i++)
		TRY(read_date(text_of(json_array_get(v, i)), &days[i], err));
	qsort(days, n, sizeof *days, by_number);
	c->holidays = days;
	c->nholidays = n;
	return ST_OK;
}

static enum status
read_special(struct arena *a, json_t *v, struct calendar *c, struct err *err)
{
	struct special_day *days = ARENA_ARRAY(a, json_object_size(v) + 1, struct special_day);
	const char *key;
	json_t *windows;
	size_t n = 0;

	if (v != NULL && !json_is_object(v))
		return REFUSE(
		    err, "\"special\": expected an object such as {\"2026-12-24\": [[\"09:00\", \"12:00\"]]}");
	json_object_foreach (v, key, windows) {
		TRY(read_date(key, &days[n].day, err));
		TRY(read_windows(a, windows, &days[n].windows, err));
		n++;
	}
	c->special = days;
	c->nspecial = n;
	return ST_OK;
}

/* An instant with its offset, or a date: its midnight here. */
static enum status
read_instant(const json_t *v, const struct zone *z, int64_t *ret, struct err *err)
{
	int32_t day;

	if (date_text_parse(text_of(v), &day)) {
		*ret = zone_local_to_utc(z, day, 0);
		return ST_OK;
	}
	if (time_parse_rfc3339(text_of(v), ret, NULL) != ST_OK)
		return REFUSE(err, "\"absences\": expected times such as \"2026-04-15T00:00:00-05:00\"");
	return ST_OK;
}

static int
by_start(const void *a, const void *b)
{
	const struct absence *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static enum status
read_absences(struct arena *a, const json_t *v, struct calendar *c, struct err *err)
{
	size_t n = json_array_size(v);
	struct absence *list = ARENA_ARRAY(a, n + 1, struct absence);

	if (v != NULL && !json_is_array(v))
		return REFUSE(err, "\"absences\": expected a list of pairs of times");
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(v, i);
		bool pair = json_is_array(one) && json_array_size(one) == 2;
		const json_t *from = pair ? json_array_get(one, 0) : json_object_get(one, "from");
		const json_t *to = pair ? json_array_get(one, 1) : json_object_get(one, "to");

		TRY(read_instant(from, c->zone, &list[i].from, err));
		TRY(read_instant(to, c->zone, &list[i].to, err));
		if (list[i].to <= list[i].from)
			return REFUSE(err, "\"absences\": one ends before it begins");
	}
	qsort(list, n, sizeof *list, by_start);
	c->absences = list;
	c->nabsences = n;
	return ST_OK;
}

static enum status
read_calendar(struct case_calendars *cs, const json_t *v, int depth, const struct calendar **ret, struct err *err)
{
	struct calendar *c = ARENA_NEW(cs->arena, struct calendar);
	const json_t *known, *cover;

	if (json_is_string(v) && cs->named != NULL)
		v = json_object_get(cs->named, json_string_value(v));
	if (!json_is_object(v))
		return REFUSE(err, "\"calendar\": neither the name of one in \"calendars\" nor an object");
	if (depth > DEPTH_MAX)
		return REFUSE(err, "\"cover\": more than %d deep, or in a circle", DEPTH_MAX);
	c->id = "case";
	c->origin = "";
	c->zone_name = arena_strdup(cs->arena, text_of(json_object_get(v, "tz")));
	c->zone = zone_get(cs->zones, c->zone_name, err);
	if (c->zone == NULL)
		return ST_MSG_REFUSED;
	TRY(read_weekly(cs->arena, json_object_get(v, "weekly"), c, err));
	TRY(read_holidays(cs->arena, json_object_get(v, "holidays"), c, err));
	TRY(read_special(cs->arena, json_object_get(v, "special"), c, err));
	TRY(read_absences(cs->arena, json_object_get(v, "absences"), c, err));
	known = json_object_get(v, "holidays_known_through");
	if (known != NULL && !json_is_null(known))
		TRY(read_date(text_of(known), &c->holidays_known_through, err));
	cover = json_object_get(v, "cover");
	if (cover != NULL && !json_is_null(cover))
		TRY(read_calendar(cs, cover, depth + 1, &c->cover, err));
	*ret = c;
	return ST_OK;
}

enum status
case_calendar(struct case_calendars *cs, const json_t *v, const struct calendar **ret, struct err *err)
{
	return read_calendar(cs, v, 0, ret, err);
}

static enum status
read_count(const json_t *v, int32_t def, int32_t *ret, struct err *err)
{
	if (v == NULL || json_is_null(v)) {
		*ret = def;
		return ST_OK;
	}
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 10000000)
		return REFUSE(err, "\"sla\": expected a whole number from 0 to 10000000");
	*ret = (int32_t)json_integer_value(v);
	return ST_OK;
}

enum status
case_sla(const json_t *v, struct sla *ret, struct err *err)
{
	static const char *const modes[] = { [SLA_BUSINESS_DAYS] = "business_days",
		[SLA_NEXT_WINDOW] = "next_window",
		[SLA_BUSINESS_MINUTES] = "business_minutes",
		[SLA_ELAPSED_MINUTES] = "elapsed_minutes",
		[SLA_NONE] = "none" };
	const json_t *cutoff = json_object_get(v, "cutoff");
	struct sla s = { .cutoff = -1, .origin = "" };
	size_t mode = 0;

	while (mode < ARRAY_LEN(modes) && strcmp(modes[mode], text_of(json_object_get(v, "mode"))) != 0)
		mode++;
	if (mode == ARRAY_LEN(modes))
		return REFUSE(err,
		    "\"sla\": expected \"mode\" business_days, next_window, business_minutes, elapsed_minutes or none");
	s.mode = (enum sla_mode)mode;
	TRY(read_count(json_object_get(v, "n"), 1, &s.n, err));
	TRY(read_count(json_object_get(v, "min_lead"), 0, &s.min_lead, err));
	if (cutoff != NULL && !json_is_null(cutoff))
		TRY(read_clock(cutoff, &s.cutoff, err));
	*ret = s;
	return ST_OK;
}
