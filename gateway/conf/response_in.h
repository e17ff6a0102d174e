/*
 * response_in -- what the files that read response-times.yaml share and nobody else needs.
 */
#ifndef CONF_RESPONSE_IN_H
#define CONF_RESPONSE_IN_H

#include "conf/response.h"

#define RESPONSE_MAX_WINDOWS 24 /* a day */
#define RESPONSE_MAX_DAYS 20000 /* holidays or special days of one calendar */
#define RESPONSE_MAX_ABSENCES 2000

struct reader {
	struct arena *arena;
	struct zone_table *zones;
	struct conf_errors *errs;
	const char *file; /* base name, for origins */
};

/* Each complains about what it cannot read and then answers false or leaves its output empty. */
bool read_clock_time(struct ynode, int32_t *ret);
bool read_date(struct ynode, int32_t *ret);
/* "09:00-17:00", a list of such, or "closed". */
bool read_windows(struct reader *, struct ynode, struct day_windows *ret);
/* {mon-thu: 09:00-17:00, fri: [08:00-12:00, 13:00-16:00]}; days not named are closed. */
void read_weekly(struct reader *, struct ynode, struct day_windows week[7]);
/* The week of a VAVAILABILITY file. */
bool read_availability(struct reader *, struct ynode, const struct zone *, struct day_windows week[7]);
/* "2 business days", "120 open minutes", "next window", "at once", "none", or a map with cutoff and min_lead.
 * cutoff stays -1 where none is written. */
bool read_sla(struct reader *, struct ynode, struct sla *ret);

/* Lists that levels add to: what is there already, plus this node, sorted. */
struct day_list {
	int32_t *day;
	size_t n;
};
void read_holidays(struct reader *, struct ynode, struct day_list *io);
void read_holiday_files(struct reader *, struct ynode, const struct zone *, struct day_list *io);
struct special_list {
	struct special_day *day;
	size_t n;
};
void read_special(struct reader *, struct ynode, struct special_list *io);
struct absence_list {
	struct absence *a;
	size_t n;
};
void read_absences(struct reader *, struct ynode, const struct zone *, struct absence_list *io);
void read_absence_files(struct reader *, struct ynode, const struct zone *, struct absence_list *io);

#endif
