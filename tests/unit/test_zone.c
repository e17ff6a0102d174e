#include "conf/zone.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#define ZONEINFO "/usr/share/zoneinfo"

static int64_t
instant(const char *s)
{
	int64_t t = 0;

	assert_int_equal(time_parse_rfc3339(s, &t, NULL), ST_OK);
	return t;
}

static const struct zone *
zone(const char *name)
{
	struct err err = ERR_NONE;
	const struct zone *z = zone_shared(name, &err);

	if (z == NULL)
		fail_msg("%s: %s", name, err.text);
	return z;
}

static void
wall_clock_times_become_instants_by_rfc_5545(void **state)
{
	static const struct {
		const char *name, *zone;
		int y, m, d, second;
		const char *want;
	} rows[] = {
		{ "an ordinary winter day", "America/New_York", 2026, 3, 4, 17 * 3600, "2026-03-04T22:00:00Z" },
		{ "an ordinary summer day", "America/New_York", 2026, 7, 6, 17 * 3600, "2026-07-06T21:00:00Z" },
		{ "in the spring gap: offset before it", "America/New_York", 2026, 3, 8, 9000, "2026-03-08T07:30:00Z" },
		{ "first second of the gap", "America/New_York", 2026, 3, 8, 7200, "2026-03-08T07:00:00Z" },
		{ "first second after the gap", "America/New_York", 2026, 3, 8, 10800, "2026-03-08T07:00:00Z" },
		{ "ambiguous in autumn: first", "America/New_York", 2026, 11, 1, 5400, "2026-11-01T05:30:00Z" },
		{ "first ambiguous second", "America/New_York", 2026, 11, 1, 3600, "2026-11-01T05:00:00Z" },
		{ "first second after the repeat", "America/New_York", 2026, 11, 1, 7200, "2026-11-01T07:00:00Z" },
		{ "24:00 is the next midnight", "America/New_York", 2026, 3, 7, 86400, "2026-03-08T05:00:00Z" },
		{ "half-hour gap", "Australia/Lord_Howe", 2026, 10, 4, 8100, "2026-10-03T15:45:00Z" },
		{ "half-hour repeat: first", "Australia/Lord_Howe", 2026, 4, 5, 6300, "2026-04-04T14:45:00Z" },
		{ "south: gap in October", "Australia/Sydney", 2026, 10, 4, 9000, "2026-10-03T16:30:00Z" },
		{ "south: repeat in April", "Australia/Sydney", 2026, 4, 5, 9000, "2026-04-04T15:30:00Z" },
		{ "midnight does not exist", "America/Santiago", 2026, 9, 6, 0, "2026-09-06T04:00:00Z" },
		{ "23:30 twice", "America/Santiago", 2026, 4, 4, 84600, "2026-04-05T02:30:00Z" },
		{ "negative summer time", "Europe/Dublin", 2026, 10, 25, 5400, "2026-10-25T00:30:00Z" },
		{ "no summer time, three quarters", "Asia/Kathmandu", 2026, 6, 1, 32400, "2026-06-01T03:15:00Z" },
		{ "only a footer says so", "America/New_York", 2060, 7, 6, 17 * 3600, "2060-07-06T21:00:00Z" },
		{ "the footer's gap", "America/New_York", 2060, 3, 14, 9000, "2060-03-14T07:30:00Z" },
		{ "the footer's repeat", "America/New_York", 2060, 11, 7, 5400, "2060-11-07T05:30:00Z" },
		{ "rule before midnight", "America/Nuuk", 2050, 3, 26, 84600, "2050-03-27T01:30:00Z" },
		{ "a day that was skipped", "Pacific/Apia", 2011, 12, 30, 43200, "2011-12-30T22:00:00Z" },
		{ "UTC", "UTC", 2026, 1, 1, 0, "2026-01-01T00:00:00Z" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t got = zone_local_to_utc(
		    zone(rows[i].zone), days_from_civil(rows[i].y, rows[i].m, rows[i].d), rows[i].second);

		if (got != instant(rows[i].want))
			fail_msg(
			    "%s: %s, expected %s", rows[i].name, time_rfc3339(got, text, sizeof text), rows[i].want);
	}
}

static void
instants_have_their_offset_and_its_name(void **state)
{
	static const struct {
		const char *zone, *at, *abbrev;
		int seconds;
		bool dst;
	} rows[] = {
		{ "America/New_York", "2026-03-08T06:59:59Z", "EST", -18000, false },
		{ "America/New_York", "2026-03-08T07:00:00Z", "EDT", -14400, true },
		{ "America/New_York", "2026-11-01T05:59:59Z", "EDT", -14400, true },
		{ "America/New_York", "2026-11-01T06:00:00Z", "EST", -18000, false },
		{ "Australia/Lord_Howe", "2026-10-04T01:30:00Z", "+11", 39600, true },
		{ "Australia/Lord_Howe", "2026-10-03T01:30:00Z", "+1030", 37800, false },
		{ "Europe/London", "2099-07-01T00:00:00Z", "BST", 3600, true },
		{ "Africa/Casablanca", "2026-02-25T12:00:00Z", "+00", 0, true },
		{ "Asia/Kolkata", "2500-01-01T00:00:00Z", "IST", 19800, false },
		{ "America/New_York", "1970-01-01T00:00:00Z", "EST", -18000, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct zone_offset o = zone_at(zone(rows[i].zone), instant(rows[i].at));

		if (o.seconds != rows[i].seconds || strcmp(o.abbrev, rows[i].abbrev) != 0 || o.dst != rows[i].dst)
			fail_msg("%s at %s: %d %s %d", rows[i].zone, rows[i].at, o.seconds, o.abbrev, o.dst);
	}
}

/* What is not a zone: another place in the file system, or another kind of file. */
static void
names_that_are_no_zones_are_refused(void **state)
{
	static const char *const rows[] = { "", "/etc/passwd", "/usr/share/zoneinfo/UTC", "../../../etc/passwd",
		"America/../UTC", "leapseconds", "zone.tab", "America", "America/", "Nowhere/Atlantis", "New York",
		"America/New_York\n", "right/America/New_York",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_NONE;

		if (zone_shared(rows[i], &err) != NULL)
			fail_msg("\"%s\" was taken for a zone", rows[i]);
		assert_int_equal(err.st, ST_LOCAL);
		assert_string_not_equal(err.text, "");
	}
}

/* A file of version 2 with nothing but a footer, as compact compilers write zones that never changed. */
static struct slice
footer_only(const char *tz, char *out)
{
	static const char header[44] = "TZif2";
	size_t n = 0;

	for (int block = 0; block < 2; block++) {
		memcpy(out + n, header, 44);
		out[n + 39] = 1; /* typecnt */
		out[n + 43] = 4; /* charcnt */
		memcpy(out + n + 44, "\0\0\0\0\0\0LMT\0", 10);
		n += 54;
	}
	n += (size_t)sprintf(out + n, "\n%s\n", tz);
	return (struct slice){ out, n };
}

static void
a_footer_alone_is_enough(void **state)
{
	static const struct {
		const char *tz, *at;
		int seconds;
	} rows[] = {
		{ "EST5EDT,M3.2.0,M11.1.0", "2026-03-08T06:59:59Z", -18000 },
		{ "EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14400 },
		{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-12-31T23:59:59Z", 39600 },
		{ "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-04-04T15:00:00Z", 37800 },
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3600 },
		{ "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", -7200 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3600 },
		{ "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-28T00:00:00Z", 10800 },
		{ "EET-2EEST,M3.4.4/50,M10.4.4/50", "2026-03-27T23:59:59Z", 7200 },
		{ "AAA3BBB,J60,J300", "2028-03-01T05:00:00Z", -7200 },
		{ "AAA3BBB,J60,J300", "2028-03-01T04:59:59Z", -10800 },
		{ "AAA3BBB,59,300", "2028-02-29T05:00:00Z", -7200 },
		{ "XXX3EDT4,0/0,J365/23", "2026-06-01T00:00:00Z", -14400 },
		{ "XXX3EDT4,0/0,J365/23", "2026-12-31T23:30:00Z", -14400 },
		{ "XXX3EDT4,0/0,J365/23", "2027-01-01T03:00:00Z", -14400 },
		{ "UTC0", "2026-06-01T00:00:00Z", 0 },
	};
	char bytes[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		const struct zone *z = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(zone_parse(a, "test", footer_only(rows[i].tz, bytes), &z, &err), ST_OK);
		if (zone_at(z, instant(rows[i].at)).seconds != rows[i].seconds)
			fail_msg("%s at %s: %d", rows[i].tz, rows[i].at, zone_at(z, instant(rows[i].at)).seconds);
	}
}

static void
a_footer_that_is_no_rule_is_refused(void **state)
{
	static const char *const rows[] = { "EST", "5", "ES5", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0",
		"EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,M3.2.0,M11.1.0,",
		"EST25EDT,M3.2.0,M11.1.0", "EST5:60", "<+1030-10:30", "<>5", "EST5EDT,J0,J365", "EST5EDT,J1,J366",
		"EST5EDT,366,1", "EST5EDT,M3.2.0/168,M11.1.0", "EST5 ", " EST5", "E\x01T5", "EST99999999999999999999" };
	char bytes[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		const struct zone *z = NULL;

		if (zone_parse(a, "test", footer_only(rows[i], bytes), &z, NULL) == ST_OK)
			fail_msg("\"%s\" was taken for a rule", rows[i]);
		assert_null(z);
	}
}

static void
a_cut_or_damaged_file_is_refused_or_read_but_never_worse(void **state)
{
	AUTO_BUF whole = BUF_INIT;
	uint32_t seed = 1;

	(void)state;
	assert_int_equal(file_read(ZONEINFO "/America/New_York", 1 << 20, &whole, NULL), ST_OK);
	for (size_t n = 0; n < whole.n; n++) {
		AUTO(arena) a = arena_new();
		char *cut = xmalloc(n + 1); /* on the heap, so that a sanitizer sees one byte too many */
		const struct zone *z = NULL;

		memcpy(cut, whole.p, n);
		if (zone_parse(a, "cut", (struct slice){ cut, n }, &z, NULL) == ST_OK)
			fail_msg("a file cut at %zu of %zu was taken", n, whole.n);
		free(cut);
	}
	for (int i = 0; i < 2000; i++) {
		AUTO(arena) a = arena_new();
		AUTO_BUF bad = BUF_INIT;
		const struct zone *z = NULL;

		buf_append(&bad, whole.p, whole.n);
		for (int k = 0; k < 3; k++) {
			seed = seed * 1664525 + 1013904223;
			bad.p[(seed >> 8) % bad.n] = (char)(seed >> 24);
		}
		if (zone_parse(a, "damaged", buf_slice(&bad), &z, NULL) != ST_OK)
			continue;
		(void)zone_local_to_utc(z, 20000 + i, 9000);
		(void)zone_at(z, (int64_t)i << 30);
	}
}

/* Every zone of this system against the C library, which is right about instants (only about wall-clock times not). */
static size_t compared;

static void
compare_zone(const char *name)
{
	const struct zone *z = zone(name);
	uint32_t seed = (uint32_t)strlen(name) * 7919 + (unsigned char)name[strlen(name) - 1];

	setenv("TZ", name, 1);
	tzset();
	for (int i = 0; i < 400; i++) {
		time_t t;
		struct tm tm;
		struct zone_offset o;

		seed = seed * 1664525 + 1013904223;
		t = (time_t)(seed >> 1) * 2 % 4102444800; /* 1970 .. 2100 */
		localtime_r(&t, &tm);
		o = zone_at(z, t);
		if (o.seconds != tm.tm_gmtoff || strcmp(o.abbrev, tm.tm_zone) != 0)
			fail_msg("%s at %lld: %d %s, the C library says %ld %s", name, (long long)t, o.seconds,
			    o.abbrev, tm.tm_gmtoff, tm.tm_zone);
	}
	compared++;
}

static void
compare_dir(const char *dir, const char *prefix, int depth)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		AUTO_STR path = xasprintf("%s/%s", dir, e->d_name);
		AUTO_STR name = xasprintf("%s%s", prefix, e->d_name);
		AUTO_BUF bytes = BUF_INIT;
		struct stat st;

		if (e->d_name[0] == '.' || strcmp(name, "right") == 0 || strcmp(name, "posix") == 0 ||
		    stat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 3) {
			AUTO_STR below = xasprintf("%s/", name);

			compare_dir(path, below, depth + 1);
		} else if (S_ISREG(st.st_mode) && file_read(path, 1 << 20, &bytes, NULL) == ST_OK && bytes.n > 4 &&
			   memcmp(bytes.p, "TZif", 4) == 0) {
			compare_zone(name);
		}
	}
	closedir(d);
}

static void
every_zone_agrees_with_the_c_library(void **state)
{
	(void)state;
	compare_dir(ZONEINFO, "", 0);
	unsetenv("TZ");
	tzset();
	print_message("%zu zones compared\n", compared);
	assert_true(compared > 300);
}

/* For every minute of two days around a change: the instant of its wall-clock time is never later than it, shows the
 * same wall-clock time, and only the second of two equal ones is another instant. */
static void
there_and_back(void **state)
{
	static const char *const rows[] = { "America/New_York", "Australia/Lord_Howe", "America/Santiago",
		"Europe/Dublin", "America/Nuuk", "Africa/Casablanca", "Asia/Kathmandu", "America/Havana" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct zone *z = zone(rows[i]);

		for (int64_t t = instant("2026-01-01T00:00:00Z"); t < instant("2027-01-01T00:00:00Z"); t += 420) {
			int64_t day, back, day2;
			int32_t second, second2;

			zone_local(z, t, &day, &second);
			assert_true(second >= 0 && second < 86400);
			back = zone_local_to_utc(z, day, second);
			zone_local(z, back, &day2, &second2);
			assert_true(day2 == day && second2 == second);
			assert_true(back <= t && t - back <= 7200);
		}
	}
}

static void *
ask_many(void *arg)
{
	static const char *const names[] = { "America/New_York", "Europe/London", "Asia/Tokyo", "Pacific/Auckland" };
	intptr_t wrong = 0;

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		const struct zone *z = zone_shared(names[i % 4], NULL);

		wrong += z == NULL || z != zone_shared(names[i % 4], NULL) || strcmp(zone_name(z), names[i % 4]) != 0;
	}
	return (void *)wrong; // NOLINT: a count in a pointer
}

static void
the_shared_cache_is_one_for_all_threads(void **state)
{
	pthread_t t[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask_many, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		void *wrong;

		pthread_join(t[i], &wrong);
		assert_null(wrong);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wall_clock_times_become_instants_by_rfc_5545),
		cmocka_unit_test(instants_have_their_offset_and_its_name),
		cmocka_unit_test(names_that_are_no_zones_are_refused),
		cmocka_unit_test(a_footer_alone_is_enough),
		cmocka_unit_test(a_footer_that_is_no_rule_is_refused),
		cmocka_unit_test(a_cut_or_damaged_file_is_refused_or_read_but_never_worse),
		cmocka_unit_test(every_zone_agrees_with_the_c_library),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(the_shared_cache_is_one_for_all_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
