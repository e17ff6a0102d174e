#include "conf/zone_rule.h"

#include "base/clock.h"

#include <string.h>

/* A cursor over the string; every parser below moves it or fails. */
struct cursor {
	const char *p, *end;
};

static bool
take(struct cursor *c, char want)
{
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

static bool
take_number(struct cursor *c, int max, int *ret)
{
	int v = 0, digits = 0;

	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && digits < 4; c->p++, digits++)
		v = v * 10 + (*c->p - '0');
	if (digits == 0 || v > max)
		return false;
	*ret = v;
	return true;
}

static bool
is_alpha(char ch)
{
	return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
}

/* "EST", or "<+1030>" between angle brackets. */
static bool
take_name(struct arena *a, struct cursor *c, const char **ret)
{
	bool quoted = take(c, '<');
	const char *from = c->p;
	size_t n;

	while (c->p < c->end &&
	       (is_alpha(*c->p) || (quoted && ((*c->p >= '0' && *c->p <= '9') || *c->p == '+' || *c->p == '-'))))
		c->p++;
	n = (size_t)(c->p - from);
	if (n < 3 || n > 31 || (quoted && !take(c, '>')))
		return false;
	*ret = arena_strndup(a, from, n);
	return true;
}

/* [+-]hh[:mm[:ss]] */
static bool
take_time(struct cursor *c, int max_hours, int32_t *ret)
{
	int sign = 1, h, m = 0, s = 0;

	if (take(c, '-'))
		sign = -1;
	else
		take(c, '+');
	if (!take_number(c, max_hours, &h))
		return false;
	if (take(c, ':')) {
		if (!take_number(c, 59, &m))
			return false;
		if (take(c, ':') && !take_number(c, 59, &s))
			return false;
	}
	*ret = sign * (h * 3600 + m * 60 + s);
	return true;
}

static bool
take_date(struct cursor *c, struct zone_rule_date *ret)
{
	*ret = (struct zone_rule_date){ .kind = RULE_JULIAN0, .time = 2 * 3600 };
	if (take(c, 'M')) {
		ret->kind = RULE_MONTH;
		if (!take_number(c, 12, &ret->month) || !take(c, '.') || !take_number(c, 5, &ret->week) ||
		    !take(c, '.') || !take_number(c, 6, &ret->day) || ret->month < 1 || ret->week < 1)
			return false;
	} else if (take(c, 'J')) {
		ret->kind = RULE_JULIAN1;
		if (!take_number(c, 365, &ret->day) || ret->day < 1)
			return false;
	} else if (!take_number(c, 365, &ret->day)) {
		return false;
	}
	return !take(c, '/') || take_time(c, 167, &ret->time);
}

bool
zone_rule_parse(struct arena *a, struct slice text, struct zone_rule *ret)
{
	struct cursor c = { text.p, text.p + text.n };
	struct zone_rule r = { .has_dst = false };
	int32_t west;

	if (!take_name(a, &c, &r.std.abbrev) || !take_time(&c, 24, &west))
		return false;
	r.std.seconds = -west; /* POSIX counts west of Greenwich */
	if (c.p == c.end) {
		*ret = r;
		return true;
	}
	r.has_dst = r.dst.dst = true;
	if (!take_name(a, &c, &r.dst.abbrev))
		return false;
	r.dst.seconds = r.std.seconds + 3600;
	if (c.p < c.end && *c.p != ',') {
		if (!take_time(&c, 24, &west))
			return false;
		r.dst.seconds = -west;
	}
	if (!take(&c, ',') || !take_date(&c, &r.start) || !take(&c, ',') || !take_date(&c, &r.end) || c.p != c.end)
		return false;
	*ret = r;
	return true;
}

static bool
is_leap(int y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Seconds since 1970 of the change in year y, in the local time that holds before it. */
static int64_t
date_local(const struct zone_rule_date *d, int y)
{
	int64_t first, day;
	int len, dow;

	switch (d->kind) {
	case RULE_JULIAN1: /* 29 February is never counted */
		day = days_from_civil(y, 1, 1) + d->day - 1 + (is_leap(y) && d->day >= 60);
		break;
	case RULE_JULIAN0:
		day = days_from_civil(y, 1, 1) + d->day;
		break;
	default: /* the week-th weekday of the month; 5: the last */
		first = days_from_civil(y, d->month, 1);
		len = (int)(days_from_civil(y + d->month / 12, d->month % 12 + 1, 1) - first);
		dow = (int)(((first + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday; 0 = Sunday */
		day = (d->day - dow + 7) % 7 + (int64_t)(d->week - 1) * 7;
		if (day >= len)
			day -= 7;
		day += first;
		break;
	}
	return day * 86400 + d->time;
}

struct change {
	int64_t at;
	bool to_dst;
};

/* The changes of the years around utc: a time of day of up to a week can move one over New Year. */
static size_t
changes_near(const struct zone_rule *r, int64_t utc, struct change *ret)
{
	int64_t days = utc / 86400 - (utc % 86400 < 0);
	size_t n = 0;
	int y, m, d;

	civil_from_days(days, &y, &m, &d);
	for (int i = y - 1; i <= y + 1; i++) {
		ret[n++] = (struct change){ date_local(&r->start, i) - r->std.seconds, true };
		ret[n++] = (struct change){ date_local(&r->end, i) - r->dst.seconds, false };
	}
	return n;
}

struct zone_offset
zone_rule_at(const struct zone_rule *r, int64_t utc)
{
	struct change near[6];
	const struct change *last = NULL;
	size_t n;

	if (!r->has_dst || utc > ZONE_INSTANT_MAX || utc < -ZONE_INSTANT_MAX)
		return r->std;
	n = changes_near(r, utc, near);
	/* Where summer time ends and begins at one instant it never ends (RFC 8536 3.3.1, "all-year" DST). */
	for (size_t i = 0; i < n; i++)
		if (near[i].at <= utc &&
		    (last == NULL || near[i].at > last->at || (near[i].at == last->at && near[i].to_dst)))
			last = &near[i];
	return last != NULL && last->to_dst ? r->dst : r->std;
}

bool
zone_rule_next(const struct zone_rule *r, int64_t utc, int64_t *ret)
{
	struct change near[6];
	bool found = false;
	size_t n;

	if (!r->has_dst || utc > ZONE_INSTANT_MAX || utc < -ZONE_INSTANT_MAX)
		return false;
	n = changes_near(r, utc, near);
	for (size_t i = 0; i < n; i++)
		if (near[i].at > utc && (!found || near[i].at < *ret)) {
			*ret = near[i].at;
			found = true;
		}
	return found;
}
