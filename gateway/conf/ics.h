/*
 * ics -- events of an iCalendar file (RFC 5545): holidays and absences. libical reads; wall-clock times become instants
 * through our own zones, because libical gets gaps and repeats wrong.
 *
 * VEVENTs only; cancelled ones are left out; RRULE (daily or coarser), RDATE of whole days and EXDATE are followed up
 * to the year 2100. VAVAILABILITY is not read here. Errors:   ST_LOCAL with what was found and what was expected, never
 * text of the file. Owns:     events live in the arena. Threads: one caller at a time per file; libical keeps its state
 * per thread.
 */
#ifndef CONF_ICS_H
#define CONF_ICS_H

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

#endif
