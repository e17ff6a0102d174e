#include "policies/calendar.h"

#include <stdlib.h>

#define COVER_DEPTH 3

struct open_windows *
open_windows_new(void)
{
	return xcalloc(1, sizeof(struct open_windows));
}

void
open_windows_free(struct open_windows *l)
{
	if (l == NULL)
		return;
	free(l->w);
	free(l);
}

static void
add(struct open_windows *l, struct open_window w)
{
	if (w.to <= w.from)
		return;
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 16 : l->cap * 2;
		l->w = xreallocarray(l->w, l->cap, sizeof *l->w);
	}
	l->w[l->n++] = w;
}

int
day_of_week(int64_t day)
{
	return (int)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

static int
by_day(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

/* What is written for the date: special day, else nothing on a holiday, else the weekly pattern. */
static struct day_windows
written(const struct calendar *c, int64_t day)
{
	int32_t key = (int32_t)day;

	for (size_t i = 0; i < c->nspecial; i++)
		if (c->special[i].day == key)
			return c->special[i].windows;
	if (c->nholidays > 0 && bsearch(&key, c->holidays, c->nholidays, sizeof key, by_day) != NULL)
		return (struct day_windows){ NULL, 0 };
	return c->weekly[day_of_week(day)];
}

static int
by_time(const void *a, const void *b)
{
	const struct open_window *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

/* Sorts, and joins what overlaps: two wall-clock windows can fall together where clocks go forward. */
static void
tidy(struct open_windows *l)
{
	size_t n = 0;

	if (l->n > 1)
		qsort(l->w, l->n, sizeof *l->w, by_time);
	for (size_t i = 0; i < l->n; i++) {
		struct open_window w = l->w[i];

		if (n > 0 && w.from < l->w[n - 1].to && w.by_cover == l->w[n - 1].by_cover) {
			if (w.to > l->w[n - 1].to) {
				l->w[n - 1].to = w.to;
				l->w[n - 1].day = w.day;
			}
			continue;
		}
		l->w[n++] = w;
	}
	l->n = n;
}

struct chain { /* who covers whom on the way here: a circle ends at itself */
	const struct chain *up;
	const struct calendar *c;
	int depth;
};

static bool
in_chain(const struct chain *up, const struct calendar *c)
{
	for (; up != NULL; up = up->up)
		if (up->c == c)
			return true;
	return false;
}

/* Adds the parts of w outside every absence. Absences are sorted by start and may overlap each other. */
static void
add_present(struct open_windows *l, const struct calendar *c, struct open_window w)
{
	for (size_t i = 0; i < c->nabsences && w.from < w.to; i++) {
		const struct absence *a = &c->absences[i];

		if (a->to <= w.from || a->from >= w.to || a->to <= a->from)
			continue;
		if (a->from > w.from) {
			struct open_window head = w;

			head.to = a->from;
			add(l, head);
		}
		w.from = a->to;
	}
	add(l, w);
}

/* Adds the parts of w inside absences, each once however many absences name them; absences that touch are one. */
static void
add_absent(struct open_windows *l, const struct calendar *c, struct open_window w)
{
	struct open_window part = { .from = 0, .to = 0, .day = w.day, .by_cover = true };

	for (size_t i = 0; i < c->nabsences && w.from < w.to; i++) {
		const struct absence *a = &c->absences[i];

		if (a->to <= w.from || a->from >= w.to || a->to <= a->from)
			continue;
		if (part.to == 0 || a->from > w.from) {
			add(l, part);
			part.from = a->from > w.from ? a->from : w.from;
		}
		part.to = a->to < w.to ? a->to : w.to;
		w.from = part.to;
	}
	add(l, part);
}

static void
add_days(struct open_windows *l, const struct calendar *c, int64_t first, int64_t last, const struct chain *up)
{
	struct chain here = { .up = up, .c = c, .depth = up != NULL ? up->depth + 1 : 0 };

	for (int64_t day = first; day <= last; day++) {
		struct day_windows d = written(c, day);

		for (size_t i = 0; i < d.n; i++)
			add_present(l, c,
			    (struct open_window){ .from = zone_local_to_utc(c->zone, day, d.w[i].open),
				.to = zone_local_to_utc(c->zone, day, d.w[i].close),
				.day = day });
	}
	if (c->cover != NULL && c->nabsences > 0 && here.depth < COVER_DEPTH && !in_chain(&here, c->cover)) {
		AUTO(open_windows) cover = open_windows_new();

		add_days(cover, c->cover, first, last, &here);
		for (size_t i = 0; i < cover->n; i++)
			add_absent(l, c, cover->w[i]);
	}
	tidy(l);
}

struct open_windows *
calendar_windows(const struct calendar *c, int64_t first, int64_t last)
{
	struct open_windows *l = open_windows_new();

	add_days(l, c, first, last, NULL);
	return l;
}

struct open_windows *
calendar_windows_between(const struct calendar *c, int64_t from, int64_t to)
{
	struct open_windows *l;
	int64_t first, last;
	int32_t second;
	size_t n = 0;

	zone_local(c->zone, from, &first, &second);
	zone_local(c->zone, to, &last, &second);
	/* A cover far east or west of here has the same date at other instants: one day more at both ends. */
	l = calendar_windows(c, first - 1, last + 1);
	for (size_t i = 0; i < l->n; i++) {
		struct open_window w = l->w[i];

		w.from = w.from > from ? w.from : from;
		w.to = w.to < to ? w.to : to;
		if (w.from < w.to)
			l->w[n++] = w;
	}
	l->n = n;
	return l;
}
