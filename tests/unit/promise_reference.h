/*
 * promise_reference -- the promise's arithmetic once more, slow and obviously right: it looks at every minute.
 *
 * It shares nothing with the code under test but zone_at() (which test_zone.c compares with the C library). A
 * wall-clock time becomes an instant by looking at one minute after the other until a clock would show it; the open
 * time is a row of minutes, each with the window it belongs to. Whole minutes only.
 */
#ifndef TESTS_PROMISE_REFERENCE_H
#define TESTS_PROMISE_REFERENCE_H

#include "conf/response.h"

#define REF_DAYS 130
#define REF_MINUTES (REF_DAYS * 1440)

struct ref_minute {
	uint32_t window; /* 0: closed; else which window */
	bool by_cover;
	int16_t day; /* nominal date, days after ref.day0 */
};

struct ref {
	const struct calendar *c;
	int64_t day0, start; /* date and UTC minute of minute[0] */
	int64_t filled;	     /* dates up to this one are in */
	uint32_t windows;
	int64_t used; /* minutes that may have been written to */
	struct ref_minute minute[REF_MINUTES];
};

struct ref_due {
	bool found, by_cover;
	int64_t at; /* seconds UTC */
};

/* received: seconds UTC, a whole minute. r is the caller's, large, zero at first. */
void ref_start(struct ref *r, const struct calendar *, int64_t received);
struct ref_due ref_compute(struct ref *r, const struct sla *, int64_t received);
/* Is the minute that begins at this instant open? */
bool ref_open(struct ref *r, int64_t at);

#endif
