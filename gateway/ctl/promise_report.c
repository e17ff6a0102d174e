/*
 * promise list, promise show, promise report -- what patients were told, and what became of it. References and times
 * only: nothing here says who the patient is or what was asked.
 */
#include "base/clock.h"
#include "base/own.h"
#include "conf/conf.h"
#include "conf/zone.h"
#include "ctl/ctl.h"
#include "flow/due.h"
#include "flow/facts.h"
#include "policies/promise.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct promises {
	struct ctl *ctl;
	struct conf *conf;
	struct store *store;
	struct arena *a;
	int64_t now_ms, since_ms;
	const char *only; /* a promise's or thread's reference */
	bool open_only;
	struct promise_row *row;
	size_t n;
};

static enum status
read_rows(struct tx *tx, void *arg, struct err *err)
{
	struct promises *p = arg;

	p->now_ms = tx_now_ms(tx);
	return promise_list(tx, NULL, p->open_only, p->a, &p->row, &p->n, err);
}

static bool
wanted(const struct promises *p, const struct promise_row *r)
{
	if (r->received_ms < p->since_ms)
		return false;
	return p->only == NULL || strcmp(p->only, r->ref) == 0 || strcmp(p->only, r->thread) == 0;
}

/* Open and past its time is broken already: nobody has to answer for it to be so. */
static const char *
state_of(const struct promises *p, const struct promise_row *r)
{
	return r->state == PROMISE_OPEN && r->due_ms < p->now_ms ? "overdue" : promise_state_name(r->state);
}

static json_t *
instant(int64_t ms)
{
	char text[32];

	return ms > 0 ? json_string(time_rfc3339(ms / 1000, text, sizeof text)) : json_null();
}

static int64_t
open_seconds(const struct promises *p, const struct promise_row *r, int64_t to_ms)
{
	return promise_open_seconds(due_calendar(p->conf, r->addressee), r->received_ms / 1000, to_ms / 1000);
}

static json_t *
row_json(const struct promises *p, const struct promise_row *r)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b, s:b}", "ref", r->ref, "thread", r->thread,
	    "category", r->category, "urgency", r->urgency, "addressee", r->addressee, "state", state_of(p, r),
	    "reminders", r->warned, "by_cover", r->by_cover, "provisional", r->provisional);

	json_object_set_new(j, "received", instant(r->received_ms));
	json_object_set_new(j, "due", instant(r->due_ms));
	json_object_set_new(j, "closed", instant(r->closed_ms));
	return j;
}

/* "2026-11-01" begins at midnight of the clinic's zone. */
static bool
parse_since(const struct conf *conf, const char *text, int64_t *ret_ms)
{
	struct err err = ERR_NONE;
	int64_t at;
	int32_t day;

	if (date_text_parse(text, &day)) {
		*ret_ms = zone_local_to_utc(conf->response->clinic->zone, day, 0) * 1000;
		return true;
	}
	if (time_parse_rfc3339(text, &at, &err) != ST_OK)
		return false;
	*ret_ms = at * 1000;
	return true;
}

/* Opens, reads, hands over to fn, closes. */
static int
with_rows(struct ctl *ctl, struct promises *p, const char *since, int (*fn)(struct promises *))
{
	AUTO(arena) a = arena_new();
	struct err err = ERR_NONE;
	int rc = ctl_look(ctl, &p->conf, &p->store);

	if (rc != 0)
		return rc;
	p->ctl = ctl;
	p->a = a;
	if (since != NULL && !parse_since(p->conf, since, &p->since_ms))
		rc = ctl_usage(ctl, "--since is a date such as 2026-11-01 or a time such as 2026-11-01T08:00:00-05:00");
	else if (store_read(p->store, read_rows, p, &err) != ST_OK)
		rc = ctl_fail(&err);
	else
		rc = fn(p);
	store_free(p->store);
	conf_unref(p->conf);
	return rc;
}

static void
print_json(json_t *takes)
{
	json_dumpf(takes, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(takes);
}

static const char *
str(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s != NULL ? s : "-";
}

static int
print_list(struct promises *p)
{
	json_t *all = json_array();

	if (!p->ctl->json)
		printf("%-16s %-8s %-8s %-20s %-9s %-20s %-20s %s\n", "REF", "THREAD", "STATE", "CATEGORY", "URGENCY",
		    "RECEIVED", "DUE", "WHO");
	for (size_t i = 0; i < p->n; i++) {
		json_t *j;

		if (!wanted(p, &p->row[i]))
			continue;
		j = row_json(p, &p->row[i]);
		if (p->ctl->json) {
			json_array_append_new(all, j);
			continue;
		}
		printf("%-16s %-8s %-8s %-20s %-9s %-20s %-20s %s\n", str(j, "ref"), str(j, "thread"), str(j, "state"),
		    str(j, "category"), str(j, "urgency"), str(j, "received"), str(j, "due"), str(j, "addressee"));
		json_decref(j);
	}
	if (p->ctl->json)
		print_json(all);
	else
		json_decref(all);
	return EX_OK;
}

int
cmd_promise_list(struct ctl *ctl)
{
	const char *since = NULL, *thread = NULL, *word[1] = { NULL };
	struct promises p = { .since_ms = 0 };
	const struct ctl_opt opts[] = {
		{ "--since", &since, NULL },
		{ "--thread", &thread, NULL },
		{ "--open", NULL, &p.open_only },
	};
	int rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 0);

	p.only = thread;
	return rc != 0 ? rc : with_rows(ctl, &p, since, print_list);
}

/* ---- show -------------------------------------------------------------------------------------------------------- */

static json_t *
shown_json(struct promises *p, const struct promise_row *r)
{
	const struct calendar *cal = due_calendar(p->conf, r->addressee);
	const char *lang = p->conf->site.language;
	json_t *j = row_json(p, r);

	json_object_set_new(j, "message", json_string(r->message));
	json_object_set_new(j, "calendar", json_string(cal->id));
	json_object_set_new(j, "due_local",
	    json_string(promise_words(p->a, p->conf->response, r->due_ms / 1000, cal->zone_name, lang)));
	json_object_set_new(j, "remind_50", instant(r->warn_ms[0]));
	json_object_set_new(j, "remind_80", instant(r->warn_ms[1]));
	json_object_set_new(j, "open_hours_promised", json_real((double)open_seconds(p, r, r->due_ms) / 3600));
	json_object_set_new(j, "open_hours_used",
	    json_real((double)open_seconds(p, r, r->closed_ms > 0 ? r->closed_ms : p->now_ms) / 3600));
	return j;
}

static void
print_shown(const json_t *o)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)o, key, v) {
		if (json_is_string(v))
			printf("%-20s %s\n", key, json_string_value(v));
		else if (json_is_integer(v))
			printf("%-20s %lld\n", key, (long long)json_integer_value(v));
		else if (json_is_real(v))
			printf("%-20s %.2f\n", key, json_real_value(v));
		else if (json_is_boolean(v))
			printf("%-20s %s\n", key, json_is_true(v) ? "yes" : "no");
	}
}

static int
print_one(struct promises *p)
{
	json_t *all = json_array(), *one;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (wanted(p, &p->row[i]))
			json_array_append_new(all, shown_json(p, &p->row[i]));
	if (json_array_size(all) == 0) {
		fputs(
		    "portico: no promise or conversation of that reference; portico promise list shows them\n", stderr);
		json_decref(all);
		return EX_DATAERR;
	}
	if (p->ctl->json) {
		print_json(all);
		return EX_OK;
	}
	json_array_foreach (all, i, one) {
		if (i > 0)
			putchar('\n');
		print_shown(one);
	}
	json_decref(all);
	return EX_OK;
}

int
cmd_promise_show(struct ctl *ctl)
{
	const char *word[2] = { NULL };
	struct promises p = { .since_ms = 0 };
	int rc = ctl_options(ctl, NULL, 0, word, 1);

	if (rc != 0)
		return rc;
	if (word[0] == NULL)
		return ctl_usage(ctl, "which promise? Its reference, or a conversation's, is needed");
	p.only = word[0];
	return with_rows(ctl, &p, NULL, print_one);
}

/* ---- report ------------------------------------------------------------------------------------------------------ */

struct line {
	const char *by, *name; /* "clinician", "lee" */
	size_t promised, kept, broken, open, nhours;
	double *hours; /* own: open hours of what was answered */
};

struct report {
	struct promises *p;
	struct line *line;
	size_t n;
};

static struct line *
line_of(struct report *r, const char *by, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->line[i].by, by) == 0 && strcmp(r->line[i].name, name) == 0)
			return &r->line[i];
	r->line = xreallocarray(r->line, r->n + 1, sizeof *r->line);
	r->line[r->n] = (struct line){ .by = by, .name = name };
	return &r->line[r->n++];
}

static void
count_in(struct report *rep, const char *by, const char *name, const struct promise_row *r)
{
	struct line *l = line_of(rep, by, name);
	bool answered = r->state == PROMISE_KEPT || r->state == PROMISE_BROKEN;

	l->promised++;
	l->kept += r->state == PROMISE_KEPT;
	l->broken += r->state == PROMISE_BROKEN || (r->state == PROMISE_OPEN && r->due_ms < rep->p->now_ms);
	l->open += r->state == PROMISE_OPEN && r->due_ms >= rep->p->now_ms;
	if (!answered)
		return;
	l->hours = xreallocarray(l->hours, l->nhours + 1, sizeof *l->hours);
	l->hours[l->nhours++] = (double)open_seconds(rep->p, r, r->closed_ms) / 3600;
}

/* A clinician's promise counts for the clinician and each of the teams; a pool's for the team alone. */
static void
count_row(struct report *rep, const struct promise_row *r)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	count_in(rep, "all", "", r);
	count_in(rep, "category", r->category, r);
	addressee_of(rep->p->conf, r->addressee, &who, &pool);
	if (who != NULL)
		count_in(rep, "clinician", who->id, r);
	else if (pool == NULL)
		count_in(rep, "clinician", r->addressee, r); /* no longer in the directory */
	for (size_t i = 0; who != NULL && i < who->pools.n; i++)
		count_in(rep, "team", who->pools.item[i], r);
	if (pool != NULL)
		count_in(rep, "team", pool->id, r);
}

static int
by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The smallest value that at least percent of the answers did not exceed (nearest rank). */
static double
percentile(const struct line *l, int percent)
{
	return l->hours[(l->nhours * (size_t)percent + 99) / 100 - 1];
}

static json_t *
line_json(const struct line *l)
{
	json_t *j = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "by", l->by, "name", l->name, "promised",
	    (json_int_t)l->promised, "kept", (json_int_t)l->kept, "broken", (json_int_t)l->broken, "open",
	    (json_int_t)l->open);
	size_t decided = l->kept + l->broken;

	json_object_set_new(j, "kept_rate", decided > 0 ? json_real((double)l->kept / (double)decided) : json_null());
	json_object_set_new(j, "median_open_hours", l->nhours > 0 ? json_real(percentile(l, 50)) : json_null());
	json_object_set_new(j, "p90_open_hours", l->nhours > 0 ? json_real(percentile(l, 90)) : json_null());
	return j;
}

static const char *
figure(struct arena *a, const json_t *v, double factor, const char *unit)
{
	return json_is_real(v) ? arena_printf(a, "%.1f%s", json_real_value(v) * factor, unit) : "-";
}

static void
print_line(struct arena *a, const struct line *l)
{
	json_t *j = line_json(l);

	printf("%-10s %-22s %8zu %6zu %6zu %6zu %7s %9s %9s\n", l->by, l->name, l->promised, l->kept, l->broken,
	    l->open, figure(a, json_object_get(j, "kept_rate"), 100, "%"),
	    figure(a, json_object_get(j, "median_open_hours"), 1, "h"),
	    figure(a, json_object_get(j, "p90_open_hours"), 1, "h"));
	json_decref(j);
}

static int
print_report(struct promises *p)
{
	static const char *const order[] = { "all", "clinician", "team", "category" };
	struct report rep = { .p = p };
	json_t *all = json_array();

	for (size_t i = 0; i < p->n; i++)
		if (p->row[i].state != PROMISE_VOID && wanted(p, &p->row[i]))
			count_row(&rep, &p->row[i]);
	line_of(&rep, "all", "");
	if (!p->ctl->json)
		printf("%-10s %-22s %8s %6s %6s %6s %7s %9s %9s\n", "BY", "NAME", "PROMISED", "KEPT", "BROKEN", "OPEN",
		    "RATE", "MEDIAN", "90TH");
	for (size_t k = 0; k < ARRAY_LEN(order); k++)
		for (size_t i = 0; i < rep.n; i++) {
			struct line *l = &rep.line[i];

			if (strcmp(l->by, order[k]) != 0)
				continue;
			if (l->nhours > 0)
				qsort(l->hours, l->nhours, sizeof *l->hours, by_size);
			if (p->ctl->json)
				json_array_append_new(all, line_json(l));
			else
				print_line(p->a, l);
		}
	for (size_t i = 0; i < rep.n; i++)
		free(rep.line[i].hours);
	free(rep.line);
	if (p->ctl->json)
		print_json(all);
	else
		json_decref(all);
	return EX_OK;
}

int
cmd_promise_report(struct ctl *ctl)
{
	const char *since = NULL, *word[1] = { NULL };
	const struct ctl_opt opts[] = { { "--since", &since, NULL } };
	struct promises p = { .since_ms = 0 };
	int rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 0);

	return rc != 0 ? rc : with_rows(ctl, &p, since, print_report);
}
