/*
 * case_calendar -- calendars and rules as a file of worked examples writes them, in JSON.
 *
 * {"tz": "America/New_York", "weekly": {"mon": [["09:00", "17:00"]]}, "holidays": ["2026-12-25"], "special":
 * {"2026-12-24": [["09:00", "12:00"]]}, "absences": [["2026-04-15T00:00:00-05:00", "2026-04-20T00:00:00-05:00"]],
 * "cover": {...} or a calendar's name, "holidays_known_through": "2026-12-31"}
 *
 * Errors: ST_MSG_REFUSED with what was found and what was expected. Owns: calendars live as long as case_calendars.
 */
#ifndef CTL_CASE_CALENDAR_H
#define CTL_CASE_CALENDAR_H

#include "base/own.h"
#include "conf/response.h"

#include <jansson.h>

struct case_calendars;

/* named: the file's "calendars", borrowed, may be NULL. */
struct case_calendars *case_calendars_new(const json_t *named);
void case_calendars_free(struct case_calendars *);
DEFINE_FREEP(case_calendars)

/* A name or a calendar written in place. */
enum status case_calendar(
    struct case_calendars *, const json_t *, const struct calendar **ret, struct err *) MUST_CHECK;
/* {"mode": "business_days", "n": 1, "cutoff": "16:00", "min_lead": 30} */
enum status case_sla(const json_t *, struct sla *ret, struct err *) MUST_CHECK;

#endif
