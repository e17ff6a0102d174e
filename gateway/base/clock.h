/*
 * clock -- time is a parameter.
 *
 * Instants are UTC. A name ending in _ms counts milliseconds since 1970-01-01T00:00:00Z, one without counts seconds.
 * Nothing below the programs calls time() or clock_gettime() for a wall-clock time: it asks the clock it was given.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct clock {
	int64_t (*now_ms)(const struct clock *);
	const char *path; /* borrowed; used by clock_shifted only */
	int64_t fixed_ms; /* used by clock_fixed only */
};

struct clock clock_real(void);
struct clock clock_fixed(int64_t now_ms);
/* The real clock plus the whole seconds written in the file at path (re-read at each call): how the flow tests live
 * through a week in a minute. A missing file means no shift. */
struct clock clock_shifted(const char *path);
/* What a program uses: shifted when the environment names PORTICO_CLOCK_FILE, else real. */
struct clock clock_from_env(void);

static inline int64_t
clock_now_ms(const struct clock *c)
{
	return c->now_ms(c);
}
static inline int64_t
clock_now(const struct clock *c)
{
	return c->now_ms(c) / 1000;
}

/* RFC 3339, as in 2026-03-04T22:00:00Z. buf holds at least 32 bytes; returns buf. */
char *time_rfc3339(int64_t seconds, char *buf, size_t n);
/* RFC 3339 with any offset, to seconds UTC. ST_MSG_REFUSED when it is not one. */
enum status time_parse_rfc3339(const char *s, int64_t *ret, struct err *) MUST_CHECK;
/* RFC 5322 date-time in UTC: "Wed, 04 Mar 2026 22:00:00 +0000". buf holds at least 40 bytes; returns buf. */
char *time_rfc5322(int64_t seconds, char *buf, size_t n);
/* Civil date of a day number (days since 1970-01-01) and back; proleptic Gregorian, any int year. */
int64_t days_from_civil(int y, int m, int d);
void civil_from_days(int64_t days, int *y, int *m, int *d);
/* CLOCK_MONOTONIC in milliseconds: for deadlines and durations, never for dates. */
int64_t monotonic_ms(void);

#endif
