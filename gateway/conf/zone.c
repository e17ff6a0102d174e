#include "conf/zone.h"

#include "base/clock.h"
#include "base/file.h"
#include "conf/zone_rule.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_DIR "/usr/share/zoneinfo"
#define ZONE_FILE_MAX ((size_t)256 * 1024)
#define ZONE_NAME_MAX 64
#define ZONE_TIMES_MAX 20000
#define HEADER_SIZE 44

struct zone_type {
	int32_t offset;
	bool dst;
	const char *abbrev;
};

struct zone {
	const char *name;
	int64_t *at; /* transitions, ascending */
	uint8_t *to; /* index into type, one a transition */
	size_t n;
	struct zone_type *type;
	size_t ntypes;
	bool has_rule; /* the footer: instants after the last transition */
	struct zone_rule rule;
};

/* RFC 8536 3.1: counts in the order of the header. */
struct tzif_header {
	uint8_t version;
	uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
be_time(const uint8_t *p, size_t size)
{
	if (size == 4)
		return (int32_t)be32(p);
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

static bool
header_read(const uint8_t *p, size_t n, struct tzif_header *h)
{
	if (n < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
		return false;
	*h = (struct tzif_header){ .version = p[4],
		.isutcnt = be32(p + 20),
		.isstdcnt = be32(p + 24),
		.leapcnt = be32(p + 28),
		.timecnt = be32(p + 32),
		.typecnt = be32(p + 36),
		.charcnt = be32(p + 40) };
	return h->timecnt <= ZONE_TIMES_MAX && h->typecnt >= 1 && h->typecnt <= 256 && h->charcnt >= 1 &&
	       h->charcnt <= 4096 && h->leapcnt <= 4096 && (h->isutcnt == 0 || h->isutcnt == h->typecnt) &&
	       (h->isstdcnt == 0 || h->isstdcnt == h->typecnt);
}

static size_t
block_size(const struct tzif_header *h, size_t time_size)
{
	return h->timecnt * (time_size + 1) + h->typecnt * (size_t)6 + h->charcnt + h->leapcnt * (time_size + 4) +
	       h->isstdcnt + h->isutcnt;
}

/* RFC 8536 3.2. p holds block_size() bytes. */
static bool
block_read(struct arena *a, const uint8_t *p, const struct tzif_header *h, size_t time_size, struct zone *z)
{
	const uint8_t *times = p, *index = times + h->timecnt * time_size, *types = index + h->timecnt;
	const char *abbrevs = (const char *)types + h->typecnt * (size_t)6;
	char *names = arena_alloc(a, h->charcnt + (size_t)1);

	/* With leap seconds in the table (the "right/" tree) its instants are not POSIX time. */
	if (h->leapcnt != 0)
		return false;
	memcpy(names, abbrevs, h->charcnt);
	z->n = h->timecnt;
	z->at = ARENA_ARRAY(a, z->n + 1, int64_t);
	z->to = ARENA_ARRAY(a, z->n + 1, uint8_t);
	for (size_t i = 0; i < z->n; i++) {
		z->at[i] = be_time(times + i * time_size, time_size);
		z->to[i] = index[i];
		/* "sorted in strictly ascending order", "an index greater than or equal to typecnt" must not occur */
		if (z->to[i] >= h->typecnt || (i > 0 && z->at[i] <= z->at[i - 1]) || z->at[i] > ZONE_INSTANT_MAX)
			return false;
		/* the big bang of some compilers: far enough back is as good */
		if (z->at[i] < -ZONE_INSTANT_MAX)
			z->at[i] = -ZONE_INSTANT_MAX + (int64_t)i;
	}
	z->ntypes = h->typecnt;
	z->type = ARENA_ARRAY(a, z->ntypes, struct zone_type);
	for (size_t i = 0; i < z->ntypes; i++) {
		int32_t offset = (int32_t)be32(types + i * 6);
		uint8_t dst = types[i * 6 + 4], name = types[i * 6 + 5];

		/* "a value ... SHOULD be ... more than -25 hours and less than 26 hours"; more would overflow a date */
		if (offset <= -25 * 3600 || offset >= 26 * 3600 || dst > 1 || name >= h->charcnt)
			return false;
		z->type[i] = (struct zone_type){ .offset = offset, .dst = dst == 1, .abbrev = names + name };
	}
	return true;
}

/* The TZ string between two line feeds; an empty one says nothing about later times. */
static bool
footer_read(struct arena *a, const uint8_t *p, size_t n, struct zone *z)
{
	const uint8_t *end;

	if (n < 2 || p[0] != '\n')
		return false;
	end = memchr(p + 1, '\n', n - 1);
	if (end == NULL || memchr(p, '\0', (size_t)(end - p)) != NULL)
		return false;
	if (end == p + 1)
		return true;
	z->has_rule = true;
	return zone_rule_parse(a, (struct slice){ (const char *)p + 1, (size_t)(end - p) - 1 }, &z->rule);
}

enum status
zone_parse(struct arena *a, const char *name, struct slice bytes, const struct zone **ret, struct err *err)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	size_t left = bytes.n, size = 4;
	struct zone *z = ARENA_NEW(a, struct zone);
	struct tzif_header h;

	if (!header_read(p, left, &h) || left - HEADER_SIZE < block_size(&h, size))
		goto bad;
	if (h.version != 0) { /* "implementations ... SHOULD ... ignore the version 1 data block" */
		p += HEADER_SIZE + block_size(&h, size);
		left -= HEADER_SIZE + block_size(&h, size);
		size = 8;
		if (!header_read(p, left, &h) || left - HEADER_SIZE < block_size(&h, size))
			goto bad;
	}
	p += HEADER_SIZE;
	left -= HEADER_SIZE;
	if (!block_read(a, p, &h, size, z))
		goto bad;
	if (size == 8 && !footer_read(a, p + block_size(&h, size), left - block_size(&h, size), z))
		goto bad;
	z->name = arena_strdup(a, name);
	*ret = z;
	return ST_OK;
bad:
	return err_set(err, ST_LOCAL, "zone.format", "not a time zone file of RFC 8536 without leap seconds");
}

const char *
zone_name(const struct zone *z)
{
	return z->name;
}

struct zone_offset
zone_at(const struct zone *z, int64_t utc)
{
	const struct zone_type *t;
	size_t lo = 0, hi = z->n;

	if (z->has_rule && (z->n == 0 || utc >= z->at[z->n - 1]))
		return zone_rule_at(&z->rule, utc);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* "local time for timestamps before the first transition is specified by the first time type (time type 0)" */
	t = &z->type[lo == 0 ? 0 : z->to[lo - 1]];
	return (struct zone_offset){ .seconds = t->offset, .abbrev = t->abbrev, .dst = t->dst };
}

/* The next instant after utc at which the offset may change; false when there is none. */
static bool
zone_next(const struct zone *z, int64_t utc, int64_t *ret)
{
	size_t lo = 0, hi = z->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < z->n) {
		*ret = z->at[lo];
		return true;
	}
	return z->has_rule && zone_rule_next(&z->rule, utc, ret);
}

void
zone_local(const struct zone *z, int64_t utc, int64_t *day, int32_t *second)
{
	int64_t local = utc + zone_at(z, utc).seconds;

	*day = local / 86400 - (local % 86400 < 0);
	*second = (int32_t)(local - *day * 86400);
}

/*
 * RFC 5545 3.3.5: "If, based on the definition of the referenced time zone, the local time described occurs more than
 * once (when changing from daylight to standard time), the DATE-TIME value refers to the first occurrence of the
 * referenced time. ... If the local time described does not occur (when changing from standard to daylight time), the
 * DATE-TIME value is interpreted using the UTC offset before the gap in local times."
 *
 * Walks the stretches of constant offset around the time in order, so that the first that contains it wins.
 */
int64_t
zone_local_to_utc(const struct zone *z, int64_t day, int32_t second)
{
	int64_t local = day * 86400 + second;
	int64_t at = local - 26 * 3600, end = local + 25 * 3600, gap = 0;
	bool in_gap = false;

	for (;;) {
		int64_t offset = zone_at(z, at).seconds, next = 0;
		bool more = zone_next(z, at, &next) && next <= end;

		if (local - offset >= at && (!more || local - offset < next))
			return local - offset;
		if (!more)
			break;
		if (!in_gap && local - offset >= next && local < next + zone_at(z, next).seconds) {
			in_gap = true;
			gap = local - offset;
		}
		at = next;
	}
	return in_gap ? gap : local - zone_at(z, local).seconds;
}

static bool
name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > ZONE_NAME_MAX || name[0] == '/' || strstr(name, "..") != NULL)
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/") == n;
}

static const struct zone *
zone_load(struct arena *a, const char *name, struct err *err)
{
	AUTO_BUF bytes = BUF_INIT;
	AUTO_STR path = NULL;
	const struct zone *z = NULL;
	struct err why = ERR_NONE;

	if (!name_ok(name)) {
		err_set(err, ST_LOCAL, "zone.name", "not the name of a time zone such as America/New_York");
		return NULL;
	}
	path = path_join(ZONE_DIR, name);
	if (file_read(path, ZONE_FILE_MAX, &bytes, &why) != ST_OK) {
		err_set(err, ST_LOCAL, "zone.unknown", "no such time zone under " ZONE_DIR);
		return NULL;
	}
	if (zone_parse(a, name, buf_slice(&bytes), &z, err) != ST_OK)
		return NULL;
	return z;
}

struct zone_entry {
	struct zone_entry *next;
	const struct zone *zone;
};

struct zone_table {
	struct arena *arena;
	struct zone_entry *first;
};

struct zone_table *
zone_table_new(struct arena *a)
{
	struct zone_table *t = ARENA_NEW(a, struct zone_table);

	t->arena = a;
	return t;
}

const struct zone *
zone_get(struct zone_table *t, const char *name, struct err *err)
{
	struct zone_entry *e;
	const struct zone *z;

	for (e = t->first; e != NULL; e = e->next)
		if (strcmp(e->zone->name, name) == 0)
			return e->zone;
	z = zone_load(t->arena, name, err);
	if (z == NULL)
		return NULL;
	e = ARENA_NEW(t->arena, struct zone_entry);
	*e = (struct zone_entry){ .next = t->first, .zone = z };
	t->first = e;
	return z;
}

/* Names come from patients' records, but only files that exist get in: the cache is bounded by the zoneinfo tree. */
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zone_table *shared;

const struct zone *
zone_shared(const char *name, struct err *err)
{
	const struct zone *z;

	pthread_mutex_lock(&shared_lock);
	if (shared == NULL)
		shared = zone_table_new(arena_new());
	z = zone_get(shared, name, err);
	pthread_mutex_unlock(&shared_lock);
	return z;
}
