/*
 * zone -- IANA time zones from TZif files (RFC 8536), read once, const ever after, no process-wide TZ.
 *
 * glibc's mktime() picks the second of two equal wall-clock times and libical gets both the gap and the repeat wrong;
 * local_to_utc() follows RFC 5545 3.3.5.
 */
#ifndef CONF_ZONE_H
#define CONF_ZONE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct zone;
struct zone_table; /* zones by name, loaded on demand while a configuration is being read */

struct zone_table *zone_table_new(struct arena *);
/* NULL and err for a name that is no zone file under /usr/share/zoneinfo; a name with ".." or a leading "/" is refused.
 */
const struct zone *zone_get(struct zone_table *, const char *name, struct err *);
/* For times shown in a zone that is not in any configuration (a patient's): thread-safe, cached for the process. */
const struct zone *zone_shared(const char *name, struct err *);

/* One TZif file's bytes, versions 1 to 4; the bytes may be anything. name is kept for zone_name(). */
enum status zone_parse(
    struct arena *, const char *name, struct slice bytes, const struct zone **ret, struct err *) MUST_CHECK;
const char *zone_name(const struct zone *);

struct zone_offset {
	int32_t seconds;    /* east of UTC */
	const char *abbrev; /* "EST", "+11" */
	bool dst;
};
struct zone_offset zone_at(const struct zone *, int64_t utc);
/* Local date (days since 1970-01-01) and seconds after its midnight. */
void zone_local(const struct zone *, int64_t utc, int64_t *day, int32_t *second);
/* day: days since 1970-01-01 of the local date; second: 0..86400. An ambiguous time is the first occurrence, one in a
 * gap takes the offset before the gap. */
int64_t zone_local_to_utc(const struct zone *, int64_t day, int32_t second);

#endif
