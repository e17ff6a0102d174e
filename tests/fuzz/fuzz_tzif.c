/* Target: zone_parse() and then every question a zone answers -- seeds: corpus/tzif */
#include "conf/zone.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static const int64_t instants[] = { -(INT64_C(1) << 40), -1, 0, 1772946000, 1793512800, 4102444800,
		INT64_C(1) << 41 };
	static const int32_t seconds[] = { 0, 5400, 9000, 86399, 86400 };
	AUTO(arena) a = arena_new();
	const struct zone *z = NULL;

	if (zone_parse(a, "fuzz", (struct slice){ (const char *)in, n }, &z, NULL) != ST_OK)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(instants); i++) {
		struct zone_offset o = zone_at(z, instants[i]);
		int64_t day;
		int32_t second;

		assert(o.seconds > -25 * 3600 && o.seconds < 26 * 3600);
		zone_local(z, instants[i], &day, &second);
		assert(second >= 0 && second < 86400);
		for (size_t k = 0; k < ARRAY_LEN(seconds); k++) {
			int64_t local = day * 86400 + seconds[k], utc = zone_local_to_utc(z, day, seconds[k]);

			assert(utc > local - 26 * 3600 && utc < local + 25 * 3600);
		}
	}
	return 0;
}
