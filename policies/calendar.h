/*
 * calendar -- the open time of a calendar as UTC intervals: weekly windows, special days, holidays, absences, cover.
 *
 * Pure: independent of the process's TZ. Instants are seconds UTC, intervals half-open. Threads: any.
 */
#ifndef POLICIES_CALENDAR_H
#define POLICIES_CALENDAR_H

#include "base/own.h"
#include "conf/response.h"

struct open_window {
	int64_t from, to;
	int64_t day;   /* the local date it is written for: days since 1970-01-01 */
	bool by_cover; /* the clinician is away, somebody else answers */
};

struct open_windows { /* own; AUTO(open_windows) or open_windows_free() */
	struct open_window *w;
	size_t n, cap;
};
struct open_windows *open_windows_new(void);
void open_windows_free(struct open_windows *);
DEFINE_FREEP(open_windows)

/* The windows of the local dates first..last, in order of time and without overlap. Two windows that touch stay two.
 * A special day replaces the weekly pattern and a holiday; absences are taken out; inside an absence the windows of
 * the cover count (who may be away too, and then so may the cover's cover, up to three deep). */
struct open_windows *calendar_windows(const struct calendar *, int64_t first, int64_t last);
/* The same for the instants from..to, cut to them. */
struct open_windows *calendar_windows_between(const struct calendar *, int64_t from, int64_t to);

/* 0 = Monday */
int day_of_week(int64_t day);

#endif
