/*
 * response -- response-times.yaml: calendars, answering windows, and what is promised for which category.
 *
 * Levels inherit clinic < team < clinician; every value remembers where it came from (file:line) for `calendar show`.
 * Const after loading; all memory belongs to the arena of the configuration snapshot.
 */
#ifndef CONF_RESPONSE_H
#define CONF_RESPONSE_H

#include "conf/yaml.h"
#include "conf/zone.h"

struct window {
	int32_t open, close; /* seconds after local midnight; half-open; close may be 86400 */
};
struct day_windows {
	const struct window *w;
	size_t n;
};
struct special_day {
	int32_t day; /* days since 1970-01-01, local date */
	struct day_windows windows;
};
struct absence {
	int64_t from, to; /* seconds UTC, half-open */
};

enum sla_mode { SLA_BUSINESS_DAYS, SLA_NEXT_WINDOW, SLA_BUSINESS_MINUTES, SLA_ELAPSED_MINUTES, SLA_NONE };
struct sla {
	enum sla_mode mode;
	int32_t n;
	int32_t cutoff;	    /* seconds after local midnight; -1: last close of the day */
	int32_t min_lead;   /* minutes */
	const char *origin; /* "response-times.yaml:12" */
};

/* Where each value was written: "response-times.yaml:12 (clinic)"; several, with commas, where levels add up. */
struct calendar_origins {
	const char *zone, *weekly, *cutoff, *holidays, *special, *absences, *cover, *known_through;
};
enum calendar_level { LEVEL_CLINIC, LEVEL_TEAM, LEVEL_CLINICIAN };

struct calendar {
	const char *id;
	enum calendar_level level;
	const char *parent; /* id of the calendar it inherits from; NULL for the clinic's */
	const char *zone_name;
	const struct zone *zone;
	struct day_windows weekly[7]; /* 0 = Monday */
	const int32_t *holidays;      /* sorted day numbers */
	size_t nholidays;
	const struct special_day *special; /* sorted by day */
	size_t nspecial;
	const struct absence *absences; /* sorted */
	size_t nabsences;
	const struct calendar *cover;	/* or NULL */
	int32_t holidays_known_through; /* day number; 0: not said */
	int32_t cutoff;			/* for rules that name none; -1: last close of the day */
	const struct sla_entry *slas;	/* every category, inherited ones too: sla.origin says from where */
	size_t nslas;
	const char *origin; /* where the calendar itself stands */
	struct calendar_origins from;
};
struct sla_entry {
	const char *category; /* "rx_renewal", or "urgent", "emergency" for an urgency */
	struct sla sla;
};

struct templates;
struct response {
	const struct calendar *calendars;
	size_t ncalendars;
	const struct calendar *clinic; /* the default */
	const struct sla_entry *defaults;
	size_t ndefaults;
	/* zones are loaded once per snapshot */
	const struct zone_table *zones;
	const struct templates *templates; /* conf/templates.h: the words of automatic replies */
};

/* "09:00" to "24:00" as seconds after midnight, and "2026-12-25" as days since 1970-01-01; false for anything else. */
bool clock_text_parse(const char *, int32_t *ret);
bool date_text_parse(const char *, int32_t *ret);

/* Complains into errs; NULL when the file cannot be used at all. */
const struct response *response_load(const char *path, struct arena *, struct conf_errors *errs);
const struct calendar *response_calendar(const struct response *, const char *id); /* NULL: unknown */
/* The calendar that counts for a clinician or a pool: the one named for it, else the one with its own id, else the
 * clinic's. calendar may be NULL. */
const struct calendar *response_calendar_for(const struct response *, const char *calendar, const char *id);

#endif
