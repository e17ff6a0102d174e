/*
 * ics -- events of an iCalendar file (RFC 5545): holidays and absences; and the week of a VAVAILABILITY (RFC 7953).
 *
 * libical reads; wall-clock times become instants through our own zones, because libical gets gaps and repeats wrong.
 * VEVENTs: cancelled ones are left out; RRULE (daily or coarser), RDATE and EXDATE are followed up to the year 2100.
 *
 * Errors:   ST_LOCAL with what was found and what was expected, never text of the file.
 *
 * Owns:     events live in the arena.
 *
 * Threads:  any, one caller at a time per arena.
 */
#ifndef CONF_ICS_H
#define CONF_ICS_H

#include "conf/response.h"
#include "conf/zone.h"

#define ICS_MAX_BYTES ((size_t)1 << 20)
#define ICS_MAX_EVENTS 5000
#define ICS_MAX_DAYS 20000 /* of one file, with repetitions */

struct ics_event {
	bool all_day;
	int32_t first, end; /* all_day: days since 1970-01-01, end excluded */
	int64_t from, to;   /* else: seconds UTC, half-open */
};

/* floating: the zone of times that name none. */
enum status ics_read(struct slice text, struct zone_table *, const struct zone *floating, struct arena *,
    const struct ics_event **ret, size_t *ret_n, struct err *) MUST_CHECK;

/* The AVAILABLEs that repeat every week, as the windows of a week; Monday first. Anything else in it is refused: a week
 * that is only sometimes so is nothing to promise by. */
enum status ics_week(
    struct slice text, const struct zone *, struct arena *, struct day_windows ret[7], struct err *) MUST_CHECK;

#endif
