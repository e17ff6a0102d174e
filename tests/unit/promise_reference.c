#include "tests/unit/promise_reference.h"

#include <string.h>

#define BEFORE 3 /* dates before that of receipt that are looked at */
#define HORIZON 120

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && a < 0);
}

/* The minute a wall clock shows, counted from 1970-01-01 00:00 on that clock. */
static int64_t
shown(const struct zone *z, int64_t utc_minute)
{
	return floor_div(utc_minute * 60 + zone_at(z, utc_minute * 60).seconds, 60);
}

/* Watch the clock from well before the time: the first minute that shows it is meant. If the clock jumps over it, the
 * time is as long after the last minute before the jump as if there had been no jump. */
static int64_t
first_minute(const struct zone *z, int64_t day, int32_t second)
{
	int64_t wanted = day * 1440 + second / 60;
	int64_t m = wanted - zone_at(z, wanted * 60).seconds / 60 - 5 * 60;

	while (shown(z, m) < wanted)
		m++;
	if (shown(z, m) == wanted)
		return m;
	return m - 1 + (wanted - shown(z, m - 1));
}

static bool
away(const struct calendar *c, int64_t minute)
{
	for (size_t i = 0; i < c->nabsences; i++)
		if (minute * 60 >= c->absences[i].from && minute * 60 < c->absences[i].to)
			return true;
	return false;
}

static struct day_windows
written(const struct calendar *c, int64_t day)
{
	for (size_t i = 0; i < c->nspecial; i++)
		if (c->special[i].day == day)
			return c->special[i].windows;
	for (size_t i = 0; i < c->nholidays; i++)
		if (c->holidays[i] == day)
			return (struct day_windows){ NULL, 0 };
	return c->weekly[((day % 7) + 7 + 3) % 7];
}

/* Two windows that fall together where clocks go forward become one: the later. */
static void
mark(struct ref *r, int64_t at, uint32_t id, bool by_cover, int64_t day)
{
	struct ref_minute *m;

	if (at < 0 || at >= REF_MINUTES)
		return;
	m = &r->minute[at];
	r->used = at + 1 > r->used ? at + 1 : r->used;
	if (m->window != 0 && m->window != id && m->by_cover == by_cover) {
		uint32_t old = m->window;
		int64_t i = at;

		while (i > 0 && r->minute[i - 1].window == old)
			i--;
		for (; i < REF_MINUTES && r->minute[i].window == old; i++) {
			r->minute[i].window = id;
			r->minute[i].day = (int16_t)(day - r->day0);
		}
	}
	*m = (struct ref_minute){ .window = id, .by_cover = by_cover, .day = (int16_t)(day - r->day0) };
}

/* The windows of calendar c written for a date, where c's owner is present and everybody in "for_whom" is away. */
static void
fill_date(struct ref *r, const struct calendar *c, const struct calendar *const *for_whom, int n, int64_t day)
{
	struct day_windows d = written(c, day);

	for (size_t i = 0; i < d.n; i++) {
		int64_t from = first_minute(c->zone, day, d.w[i].open), to = first_minute(c->zone, day, d.w[i].close);
		uint32_t id = ++r->windows;

		for (int64_t m = from; m < to; m++) {
			bool counts = !away(c, m);

			for (int k = 0; k < n && counts; k++)
				counts = away(for_whom[k], m);
			if (counts)
				mark(r, m - r->start, id, n > 0, day);
		}
	}
	if (c->cover != NULL && n < 3) {
		const struct calendar *more[4];
		bool circle = c->cover == c;

		for (int k = 0; k < n; k++) {
			more[k] = for_whom[k];
			circle = circle || for_whom[k] == c->cover;
		}
		more[n] = c;
		if (!circle)
			fill_date(r, c->cover, more, n + 1, day);
	}
}

static void
fill_to(struct ref *r, int64_t day)
{
	while (r->filled < day) {
		const struct calendar *nobody[1] = { NULL };

		r->filled++;
		fill_date(r, r->c, nobody, 0, r->filled);
	}
}

void
ref_start(struct ref *r, const struct calendar *c, int64_t received)
{
	int64_t today = floor_div(shown(c->zone, received / 60), 1440);

	memset(r->minute, 0, (size_t)r->used * sizeof *r->minute);
	r->used = 0;
	r->windows = 0;
	r->c = c;
	r->day0 = today;
	r->start = (today - BEFORE) * 1440;
	r->filled = today - 2;
}

/* Everything about the minute is known once the dates around it are filled in. */
static struct ref_minute
look(struct ref *r, int64_t i)
{
	int64_t day = floor_div(r->start + i, 1440) + 2;
	int64_t last = r->day0 + HORIZON;

	fill_to(r, day < last ? day : last);
	return r->minute[i];
}

bool
ref_open(struct ref *r, int64_t at)
{
	int64_t i = at / 60 - r->start;

	return i >= 0 && i < REF_MINUTES && look(r, i).window != 0;
}

static struct ref_due
ref_open_minutes(struct ref *r, const struct sla *s, int64_t received)
{
	int64_t left = s->n;

	for (int64_t i = received / 60 - r->start; i < REF_MINUTES; i++) {
		struct ref_minute m = look(r, i);

		if (m.window == 0)
			continue;
		if (left == 0)
			return (struct ref_due){ true, m.by_cover, (r->start + i) * 60 };
		if (--left == 0)
			return (struct ref_due){ true, m.by_cover, (r->start + i + 1) * 60 };
	}
	return (struct ref_due){ .found = false };
}

/* Count the minutes of one piece of a window from the receipt on; its end is looked at when it comes. */
static struct ref_due
ref_next_window(struct ref *r, const struct sla *s, int64_t received)
{
	int64_t length = 0, left = s->n > 1 ? s->n : 1;

	for (int64_t i = received / 60 - r->start; i < REF_MINUTES - 1; i++) {
		struct ref_minute m = look(r, i), next = look(r, i + 1);

		if (m.window == 0)
			continue;
		length++;
		if (next.window == m.window && next.by_cover == m.by_cover)
			continue;
		if (length >= s->min_lead && --left == 0)
			return (struct ref_due){ true, m.by_cover, (r->start + i + 1) * 60 };
		length = 0;
	}
	return (struct ref_due){ .found = false };
}

/* Looks at the dates up to day0 + days only. */
static struct ref_due
ref_days_within(struct ref *r, const struct sla *s, int64_t received, int64_t days)
{
	static struct ref_due close[REF_DAYS + 8]; /* by date, from day0 - 1 */
	int64_t left = -1;

	memset(close, 0, sizeof close);
	for (int64_t i = 0; i < REF_MINUTES && i < (BEFORE + days + 3) * 1440; i++) {
		struct ref_minute m = look(r, i);

		if (m.window != 0 && m.day >= -1)
			close[m.day + 1] = (struct ref_due){ true, m.by_cover, (r->start + i + 1) * 60 };
	}
	for (int64_t d = 1; d <= days + 1; d++)
		for (int64_t k = 0; k < d && close[d].found; k++)
			if (close[k].found && close[k].at > close[d].at)
				close[d] = close[k];
	for (int64_t d = 1; d <= days + 1; d++) {
		int64_t limit = close[d].at;

		if (!close[d].found)
			continue;
		if (left > 0 && --left == 0)
			return close[d];
		if (left > 0)
			continue;
		if (d == 1 && s->cutoff >= 0) {
			int64_t cutoff = first_minute(r->c->zone, r->day0, s->cutoff) * 60;

			limit = cutoff < limit ? cutoff : limit;
		}
		if (received >= (d == 1 ? limit : close[d].at))
			continue;
		left = s->n;
		if (left == 0)
			return close[d];
	}
	return (struct ref_due){ .found = false };
}

/* Most answers are near; only when there is none, all dates are worth the time. */
static struct ref_due
ref_business_days(struct ref *r, const struct sla *s, int64_t received)
{
	struct ref_due near = ref_days_within(r, s, received, 12);

	return near.found ? near : ref_days_within(r, s, received, HORIZON);
}

struct ref_due
ref_compute(struct ref *r, const struct sla *s, int64_t received)
{
	switch (s->mode) {
	case SLA_BUSINESS_DAYS:
		return ref_business_days(r, s, received);
	case SLA_NEXT_WINDOW:
		return ref_next_window(r, s, received);
	case SLA_BUSINESS_MINUTES:
		return ref_open_minutes(r, s, received);
	case SLA_ELAPSED_MINUTES:
		return (struct ref_due){ true, false, received + (int64_t)s->n * 60 };
	default:
		return (struct ref_due){ .found = false };
	}
}
