#include "policies/promise.h"

#include "base/clock.h"
#include "policies/calendar.h"

#include <string.h>

#define DAY ((int64_t)86400)
#define INSTANT_MAX ((int64_t)253402300799) /* 9999-12-31T23:59:59Z */
#define N_MAX 10000000

/* Where the rule ended: the instant, and whose window it is. */
struct due {
	bool found;
	int64_t at;
	bool by_cover;
};

/* The close of a local date: its last one. One date's close is never before an earlier date's, which matters only for
 * a cover on the other side of the world. */
struct close {
	int64_t day, at;
	bool by_cover;
};

static size_t
closes(const struct open_windows *l, int64_t first, struct close *ret, size_t max)
{
	size_t n = 0;

	for (int64_t day = first; n < max && day <= first + PROMISE_HORIZON_DAYS + 2; day++) {
		struct close c = { .day = day, .at = INT64_MIN };

		for (size_t i = 0; i < l->n; i++)
			if (l->w[i].day == day && l->w[i].to > c.at) {
				c.at = l->w[i].to;
				c.by_cover = l->w[i].by_cover;
			}
		if (c.at == INT64_MIN)
			continue;
		if (n > 0 && ret[n - 1].at > c.at) {
			c.at = ret[n - 1].at;
			c.by_cover = ret[n - 1].by_cover;
		}
		ret[n++] = c;
	}
	return n;
}

/* day0 is the first open date after the day of receipt, or that day itself when it was received before both the cutoff
 * and the last close; due is the last close of the n-th open date after day0. */
static struct due
business_days(
    const struct calendar *c, const struct sla *s, int64_t received, int64_t today, const struct open_windows *l)
{
	struct close close[PROMISE_HORIZON_DAYS + 4];
	size_t n = closes(l, today - 1, close, ARRAY_LEN(close));

	for (size_t i = 0; i < n; i++) {
		int64_t limit = close[i].at;

		if (close[i].day < today || close[i].at <= received)
			continue;
		if (close[i].day == today && s->cutoff >= 0) {
			int64_t cutoff = zone_local_to_utc(c->zone, today, s->cutoff);

			limit = cutoff < limit ? cutoff : limit;
		}
		if (close[i].day == today && received >= limit)
			continue;
		if (i + (size_t)s->n >= n)
			break;
		close[i] = close[i + (size_t)s->n];
		return (struct due){ close[i].day <= today + PROMISE_HORIZON_DAYS, close[i].at, close[i].by_cover };
	}
	return (struct due){ .found = false };
}

static struct due
next_window(const struct sla *s, int64_t received, const struct open_windows *l)
{
	int32_t left = s->n > 1 ? s->n : 1;

	for (size_t i = 0; i < l->n; i++) {
		int64_t from = l->w[i].from > received ? l->w[i].from : received;

		if (l->w[i].to <= received || l->w[i].to - from < (int64_t)s->min_lead * 60)
			continue;
		if (--left == 0)
			return (struct due){ true, l->w[i].to, l->w[i].by_cover };
	}
	return (struct due){ .found = false };
}

static struct due
business_minutes(const struct sla *s, int64_t received, const struct open_windows *l)
{
	int64_t left = (int64_t)s->n * 60;

	for (size_t i = 0; i < l->n; i++) {
		int64_t from = l->w[i].from > received ? l->w[i].from : received;

		if (l->w[i].to <= received)
			continue;
		if (l->w[i].to - from >= left)
			return (struct due){ true, from + left, l->w[i].by_cover };
		left -= l->w[i].to - from;
	}
	return (struct due){ .found = false };
}

static struct due
compute(const struct calendar *c, const struct sla *s, int64_t received)
{
	AUTO(open_windows) l = NULL;
	int64_t today;
	int32_t second;

	switch (s->mode) {
	case SLA_ELAPSED_MINUTES:
		return (struct due){ true, received + (int64_t)s->n * 60, false };
	case SLA_NONE:
		return (struct due){ .found = false };
	default:
		break;
	}
	zone_local(c->zone, received, &today, &second);
	l = calendar_windows(c, today - 1, today + PROMISE_HORIZON_DAYS);
	if (s->mode == SLA_BUSINESS_DAYS)
		return business_days(c, s, received, today, l);
	return s->mode == SLA_NEXT_WINDOW ? next_window(s, received, l) : business_minutes(s, received, l);
}

/* Past the end of the last day whose holidays are published. A window that closes at 24:00 of that day is still known.
 */
static bool
beyond_known(const struct calendar *c, int64_t due)
{
	return c->holidays_known_through != 0 &&
	       due > zone_local_to_utc(c->zone, (int64_t)c->holidays_known_through + 1, 0);
}

enum status
promise_compute(
    const struct calendar *c, const struct sla *s, int64_t received, int64_t now, struct promise *ret, struct err *err)
{
	struct promise p = { .reason = "", .zone = c->zone_name };
	struct due due, again;

	if (s->n < 0 || s->n > N_MAX || s->min_lead < 0 || s->cutoff > DAY)
		return err_set(err, ST_LOCAL, "promise.rule", "a response-time rule is outside its limits");
	if (received < 0 || received > INSTANT_MAX || now < 0 || now > INSTANT_MAX)
		return err_set(err, ST_MSG_REFUSED, "promise.time", "a time of receipt outside the years 1970 to 9999");

	due = compute(c, s, received);
	if (!due.found) {
		p.none = true;
		p.reason = s->mode == SLA_NONE ? "no-promise-for-this-category" : "no-open-time-within-horizon";
		*ret = p;
		return ST_OK;
	}
	p.due = due.at;
	p.by_cover = due.by_cover;
	p.provisional = beyond_known(c, due.at) || (due.by_cover && c->cover != NULL && beyond_known(c->cover, due.at));
	if (due.at <= now) {
		p.already_past = true;
		again = compute(c, s, now);
		/* no open time from now on: there is nothing left to promise, and saying the old time would be a lie */
		if (!again.found) {
			p.none = true;
			p.reason = "no-open-time-within-horizon";
		}
		p.due_from_now = again.at;
	}
	*ret = p;
	return ST_OK;
}

const struct sla *
promise_sla(const struct response *r, const struct calendar *c, const char *category, enum urgency urgency)
{
	const char *wanted[3] = { NULL, category, "medical_advice" };

	if (urgency == URGENCY_EMERGENCY)
		wanted[0] = "emergency";
	else if (urgency == URGENCY_URGENT)
		wanted[0] = "urgent";
	for (size_t k = 0; k < ARRAY_LEN(wanted); k++) {
		if (wanted[k] == NULL)
			continue;
		for (size_t i = 0; c != NULL && i < c->nslas; i++)
			if (strcmp(c->slas[i].category, wanted[k]) == 0)
				return &c->slas[i].sla;
		for (size_t i = 0; r != NULL && i < r->ndefaults; i++)
			if (strcmp(r->defaults[i].category, wanted[k]) == 0)
				return &r->defaults[i].sla;
	}
	return NULL;
}

int64_t
promise_open_seconds(const struct calendar *c, int64_t from, int64_t to)
{
	AUTO(open_windows) l = NULL;
	int64_t sum = 0;

	if (to <= from)
		return 0;
	l = calendar_windows_between(c, from, to);
	for (size_t i = 0; i < l->n; i++)
		sum += l->w[i].to - l->w[i].from;
	return sum;
}

int64_t
promise_fraction(const struct calendar *c, int64_t received, int64_t due, int percent)
{
	AUTO(open_windows) l = NULL;
	int64_t total = 0, left;

	if (due <= received || percent >= 100)
		return due;
	if (percent <= 0)
		return received;
	l = calendar_windows_between(c, received, due);
	for (size_t i = 0; i < l->n; i++)
		total += l->w[i].to - l->w[i].from;
	/* A promise in plain minutes may run while everything is closed: then its time is all there is to divide. */
	if (total == 0)
		return received + (due - received) * percent / 100;
	left = total * percent / 100;
	for (size_t i = 0; i < l->n; i++) {
		int64_t span = l->w[i].to - l->w[i].from;

		if (span >= left)
			return l->w[i].from + left;
		left -= span;
	}
	return due;
}
