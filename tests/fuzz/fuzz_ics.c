/* Target: ics_read() ics_week() -- seeds: corpus/ics */
#include "conf/ics.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	AUTO(arena) a = arena_new();
	struct zone_table *zones = zone_table_new(a);
	const struct zone *utc = zone_get(zones, "UTC", NULL);
	const struct ics_event *e = NULL;
	struct day_windows week[7];
	size_t count = 0;

	assert(utc != NULL);
	if (n > 4096)
		return 0;
	if (ics_week((struct slice){ (const char *)in, n }, utc, a, week, NULL) == ST_OK)
		for (int day = 0; day < 7; day++)
			for (size_t i = 0; i < week[day].n; i++)
				assert(week[day].w[i].open >= (i > 0 ? week[day].w[i - 1].close : 0) &&
				       week[day].w[i].close > week[day].w[i].open && week[day].w[i].close <= 86400);
	if (ics_read((struct slice){ (const char *)in, n }, zones, utc, a, &e, &count, NULL) != ST_OK)
		return 0;
	assert(count <= ICS_MAX_DAYS);
	for (size_t i = 0; i < count; i++)
		assert(e[i].all_day ? e[i].first < e[i].end : e[i].from < e[i].to);
	return 0;
}
