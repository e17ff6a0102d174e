/*
 * promise -- when a patient may expect an answer. Arithmetic on UTC instants only; wall-clock times become instants by
 * RFC 5545 3.3.5 (an ambiguous time is its first occurrence, a nonexistent one takes the offset before the gap).
 *
 * Pure: calendars in, instant out; independent of the process's TZ. Threads: any.
 */
#ifndef POLICIES_PROMISE_H
#define POLICIES_PROMISE_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/response.h"
#include "policies/facts.h"

#define PROMISE_HORIZON_DAYS 120

struct promise {
	bool none;	      /* no open time within the horizon: no promise, an incident, the reply gives the phone */
	const char *reason;   /* "no-open-time-within-horizon" when none; else "" */
	int64_t due;	      /* seconds UTC */
	bool by_cover;	      /* the answering window is the cover's */
	bool provisional;     /* beyond holidays_known_through */
	bool already_past;    /* due <= now: we were down */
	int64_t due_from_now; /* promised again from now; set when already_past */
	const char *zone;     /* of the calendar, for showing it */
};

/* The rule of one category, urgency included: what response-times.yaml says for this calendar. */
const struct sla *promise_sla(const struct response *, const struct calendar *, const char *category, enum urgency);

/* received: the portal's acceptance time. now: ours, at most later. */
enum status promise_compute(const struct calendar *, const struct sla *, int64_t received, int64_t now,
    struct promise *ret, struct err *) MUST_CHECK;
/* The instant at which percent of the open time between received and due is used up (50 and 80: reminders). */
int64_t promise_fraction(const struct calendar *, int64_t received, int64_t due, int percent);
/* Open seconds between two instants: for reports. */
int64_t promise_open_seconds(const struct calendar *, int64_t from, int64_t to);

/* For people: "Wednesday 4 March 2026, 5:00 PM EST" in a zone and language ("en", "es"); always names the zone. */
char *promise_words(struct arena *, const struct response *, int64_t instant, const char *zone, const char *language);

#endif
