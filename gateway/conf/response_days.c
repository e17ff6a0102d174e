#include "conf/response_in.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"
#include "conf/ics.h"
#include "conf/yaml_in.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

static int
by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* Adds days to what the levels below had, once each. */
static void
merge_days(struct reader *r, struct day_list *io, const int32_t *more, size_t n)
{
	int32_t *all = ARENA_ARRAY(r->arena, io->n + n + 1, int32_t);
	size_t out = 0;

	if (io->n > 0)
		memcpy(all, io->day, io->n * sizeof *all);
	if (n > 0)
		memcpy(all + io->n, more, n * sizeof *all);
	qsort(all, io->n + n, sizeof *all, by_number);
	for (size_t i = 0; i < io->n + n; i++)
		if (out == 0 || all[out - 1] != all[i])
			all[out++] = all[i];
	*io = (struct day_list){ all, out };
}

void
read_holidays(struct reader *r, struct ynode at, struct day_list *io)
{
	size_t n = ynode_count(at), got = 0;
	int32_t *days = ARENA_ARRAY(r->arena, n + 1, int32_t);

	if (ynode_kind(at) != Y_LIST && ynode_kind(at) != Y_MAP) {
		yaml_complain(at, "\"%s\", expected a list of dates, or dates with their names", ynode_quote(at));
		return;
	}
	if (n > RESPONSE_MAX_DAYS) {
		yaml_complain(at, "%zu holidays, expected at most %d", n, RESPONSE_MAX_DAYS);
		return;
	}
	for (size_t i = 0; i < n && !yaml_full(at.doc); i++) {
		struct ynode one = ynode_kind(at) == Y_MAP ? ynode_key(at, i) : ynode_item(at, i);

		if (!read_date(one, &days[got]))
			continue;
		for (size_t k = 0; k < got; k++)
			if (days[k] == days[got])
				yaml_complain(
				    one, "%s is in the list already, expected each date once", ynode_quote(one));
		got++;
	}
	merge_days(r, io, days, got);
}

/* An iCalendar file named in the configuration, relative to it. Its bytes count in the digest. */
static bool
read_file(struct reader *r, struct ynode at, struct buf *ret)
{
	AUTO_STR copy = xstrdup(yaml_name(at.doc));
	AUTO_STR path = NULL;
	uint8_t both[2 * HASH_SIZE];
	struct err err = ERR_NONE;

	if (ynode_kind(at) != Y_SCALAR) {
		yaml_complain(at, "not a path, expected the name of an iCalendar file");
		return false;
	}
	path = path_join(dirname(copy), ynode_text(at));
	if (file_read(path, ICS_MAX_BYTES, ret, &err) != ST_OK) {
		yaml_complain(at, "%s, expected an iCalendar file", err.text);
		return false;
	}
	memcpy(both, r->errs->digest, HASH_SIZE);
	sha256(ret->n > 0 ? ret->p : "", ret->n, both + HASH_SIZE);
	sha256(both, sizeof both, r->errs->digest);
	return true;
}

static bool
read_ics(struct reader *r, struct ynode at, const struct zone *z, const struct ics_event **ret, size_t *n)
{
	AUTO_BUF text = BUF_INIT;
	struct err err = ERR_NONE;

	if (!read_file(r, at, &text))
		return false;
	if (ics_read(buf_slice(&text), r->zones, z, r->arena, ret, n, &err) == ST_OK)
		return true;
	yaml_complain(at, "%s: %s", ynode_quote(at), err.text);
	return false;
}

bool
read_availability(struct reader *r, struct ynode at, const struct zone *z, struct day_windows week[7])
{
	AUTO_BUF text = BUF_INIT;
	struct err err = ERR_NONE;

	if (!read_file(r, at, &text))
		return false;
	if (ics_week(buf_slice(&text), z, r->arena, week, &err) == ST_OK)
		return true;
	yaml_complain(at, "%s: %s", ynode_quote(at), err.text);
	return false;
}

static size_t
files_of(struct ynode at)
{
	return ynode_kind(at) == Y_LIST ? ynode_count(at) : 1;
}

static struct ynode
file_of(struct ynode at, size_t i)
{
	return ynode_kind(at) == Y_LIST ? ynode_item(at, i) : at;
}

void
read_holiday_files(struct reader *r, struct ynode at, const struct zone *z, struct day_list *io)
{
	for (size_t i = 0; i < files_of(at) && !yaml_full(at.doc); i++) {
		const struct ics_event *e = NULL;
		size_t n = 0, got = 0, total = 0;
		int32_t *days;

		if (!read_ics(r, file_of(at, i), z, &e, &n))
			continue;
		for (size_t k = 0; k < n; k++)
			total += e[k].all_day ? (size_t)(e[k].end - e[k].first) : 0;
		if (total > RESPONSE_MAX_DAYS) {
			yaml_complain(file_of(at, i), "%zu holidays, expected at most %d", total, RESPONSE_MAX_DAYS);
			continue;
		}
		days = ARENA_ARRAY(r->arena, total + 1, int32_t);
		for (size_t k = 0; k < n; k++) {
			if (!e[k].all_day)
				yaml_complain(file_of(at, i),
				    "event %zu has a time of day, expected whole days only in a file of holidays",
				    k + 1);
			for (int32_t d = e[k].first; e[k].all_day && d < e[k].end; d++)
				days[got++] = d;
		}
		merge_days(r, io, days, got);
	}
}

static int
by_special(const void *a, const void *b)
{
	const struct special_day *x = a, *y = b;

	return (x->day > y->day) - (x->day < y->day);
}

/* A date written at this level replaces the same date of the levels below. */
void
read_special(struct reader *r, struct ynode at, struct special_list *io)
{
	size_t n = ynode_count(at), old = io->n, got = old;
	struct special_day *all;

	if (ynode_kind(at) != Y_MAP || n > RESPONSE_MAX_DAYS) {
		yaml_complain(
		    at, "\"%s\", expected dates with their windows such as {2026-12-24: 09:00-12:00}", ynode_quote(at));
		return;
	}
	all = ARENA_ARRAY(r->arena, old + n + 1, struct special_day);
	if (old > 0)
		memcpy(all, io->day, old * sizeof *all);
	for (size_t i = 0; i < n && !yaml_full(at.doc); i++) {
		struct special_day one = { .day = 0 };
		size_t k = 0;

		if (!read_date(ynode_key(at, i), &one.day) || !read_windows(r, ynode_item(at, i), &one.windows))
			continue;
		while (k < old && all[k].day != one.day)
			k++;
		all[k < old ? k : got++] = one;
	}
	qsort(all, got, sizeof *all, by_special);
	*io = (struct special_list){ all, got };
}

static int
by_start(const void *a, const void *b)
{
	const struct absence *x = a, *y = b;

	return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to > y->to) - (x->to < y->to);
}

static void
merge_absences(struct reader *r, struct absence_list *io, const struct absence *more, size_t n)
{
	struct absence *all = ARENA_ARRAY(r->arena, io->n + n + 1, struct absence);

	if (io->n > 0)
		memcpy(all, io->a, io->n * sizeof *all);
	if (n > 0)
		memcpy(all + io->n, more, n * sizeof *all);
	qsort(all, io->n + n, sizeof *all, by_start);
	*io = (struct absence_list){ all, io->n + n };
}

/* "2026-12-21" is the whole day: as a begin its first instant, as an end its last. "2026-12-21 12:00" is local time,
 * and a time with an offset is itself. */
static bool
read_moment(struct ynode at, const struct zone *z, bool end, int64_t *ret)
{
	const char *text = ynode_text(at);
	char date[11] = "";
	int32_t day, second;

	if (ynode_kind(at) == Y_SCALAR && date_text_parse(text, &day)) {
		*ret = zone_local_to_utc(z, (int64_t)day + end, 0);
		return true;
	}
	if (strlen(text) == 16 && (text[10] == ' ' || text[10] == 'T')) {
		memcpy(date, text, 10);
		if (date_text_parse(date, &day) && clock_text_parse(text + 11, &second)) {
			*ret = zone_local_to_utc(z, day, second);
			return true;
		}
	}
	if (time_parse_rfc3339(text, ret, NULL) == ST_OK)
		return true;
	yaml_complain(
	    at, "\"%s\", expected a date such as 2026-12-21 or a local time such as 2026-12-21 12:00", ynode_quote(at));
	return false;
}

struct absence_keys {
	struct ynode from, to;
	const char *why;
};
static const struct conf_key absence_keys[] = {
	CONF_KEY(
	    struct absence_keys, from, CONF_NODE, .required = true, .help = "first day away, or the time it begins"),
	CONF_KEY(struct absence_keys, to, CONF_NODE, .required = true,
	    .help = "last day away, or the time it ends; never left open"),
	CONF_KEY(struct absence_keys, why, CONF_STR, .help = "for colleagues; patients never see it"),
};

void
read_absences(struct reader *r, struct ynode at, const struct zone *z, struct absence_list *io)
{
	size_t n = ynode_count(at), got = 0;
	struct absence *list;

	if (ynode_kind(at) != Y_LIST || n > RESPONSE_MAX_ABSENCES) {
		yaml_complain(
		    at, "\"%s\", expected a list such as [{from: 2026-12-21, to: 2027-01-03}]", ynode_quote(at));
		return;
	}
	list = ARENA_ARRAY(r->arena, n + 1, struct absence);
	for (size_t i = 0; i < n && !yaml_full(at.doc); i++) {
		struct absence_keys k = { .why = NULL };
		struct absence a;

		yaml_read_map(ynode_item(at, i), absence_keys, ARRAY_LEN(absence_keys), &k);
		if (k.from.id == 0 || k.to.id == 0 || !read_moment(k.from, z, false, &a.from) ||
		    !read_moment(k.to, z, true, &a.to))
			continue;
		if (a.to <= a.from) {
			yaml_complain(k.to, "an absence that ends before it begins, expected a later date than from");
			continue;
		}
		list[got++] = a;
	}
	merge_absences(r, io, list, got);
}

void
read_absence_files(struct reader *r, struct ynode at, const struct zone *z, struct absence_list *io)
{
	for (size_t i = 0; i < files_of(at) && !yaml_full(at.doc); i++) {
		const struct ics_event *e = NULL;
		struct absence *list;
		size_t n = 0;

		if (!read_ics(r, file_of(at, i), z, &e, &n))
			continue;
		if (n > RESPONSE_MAX_ABSENCES) {
			yaml_complain(file_of(at, i), "%zu absences, expected at most %d", n, RESPONSE_MAX_ABSENCES);
			continue;
		}
		list = ARENA_ARRAY(r->arena, n + 1, struct absence);
		for (size_t k = 0; k < n; k++) {
			list[k].from = e[k].all_day ? zone_local_to_utc(z, e[k].first, 0) : e[k].from;
			list[k].to = e[k].all_day ? zone_local_to_utc(z, e[k].end, 0) : e[k].to;
		}
		merge_absences(r, io, list, n);
	}
}
