/* Target: ics_read() -- seeds: corpus/ics */
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
	size_t count = 0;

	assert(utc != NULL);
	if (n > 4096 || ics_read((struct slice){ (const char *)in, n }, zones, utc, a, &e, &count, NULL) != ST_OK)
		return 0;
	assert(count <= ICS_MAX_DAYS);
	for (size_t i = 0; i < count; i++)
		assert(e[i].all_day ? e[i].first < e[i].end : e[i].from < e[i].to);
	return 0;
}
