/*
 * promise when, calendar show -- what an administrator asks about response times: by when would this be answered, and
 * which line of the configuration says so.
 */
#include "policies/promise.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "ctl/ctl.h"
#include "policies/calendar.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *
instant_text(struct arena *a, int64_t utc)
{
	char text[32];

	return arena_strdup(a, time_rfc3339(utc, text, sizeof text));
}

static const char *
date_text(struct arena *a, int64_t day)
{
	int y, m, d;

	civil_from_days(day, &y, &m, &d);
	return arena_printf(a, "%04d-%02d-%02d", y, m, d);
}

static const char *
clock_text(struct arena *a, int32_t second)
{
	return arena_printf(a, "%02d:%02d", second / 3600, second / 60 % 60);
}

static const char *
windows_text(struct arena *a, struct day_windows d)
{
	const char *all = "";

	for (size_t i = 0; i < d.n; i++)
		all = arena_printf(
		    a, "%s%s%s-%s", all, i > 0 ? ", " : "", clock_text(a, d.w[i].open), clock_text(a, d.w[i].close));
	return d.n > 0 ? all : "closed";
}

static const char *
rule_text(struct arena *a, const struct sla *s)
{
	const char *cutoff = s->cutoff >= 0 ? arena_printf(a, ", cutoff %s", clock_text(a, s->cutoff)) : "";

	switch (s->mode) {
	case SLA_BUSINESS_DAYS:
		return arena_printf(a, "%d business day%s%s", s->n, s->n == 1 ? "" : "s", cutoff);
	case SLA_NEXT_WINDOW:
		return arena_printf(
		    a, "%d window%s ahead, with at least %d minutes left", s->n, s->n == 1 ? "" : "s", s->min_lead);
	case SLA_BUSINESS_MINUTES:
		return arena_printf(a, "%d open minutes", s->n);
	case SLA_ELAPSED_MINUTES:
		return s->n == 0 ? "at once" : arena_printf(a, "%d minutes by the clock", s->n);
	default:
		return "none";
	}
}

/* Prints the object, or its members as aligned lines. Takes o. */
static void
print_object(const struct ctl *ctl, json_t *o)
{
	const char *key;
	json_t *v;

	if (ctl->json) {
		json_dumpf(o, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(o);
		return;
	}
	json_object_foreach (o, key, v) {
		if (json_is_string(v))
			printf("%-14s %s\n", key, json_string_value(v));
		else if (!json_is_null(v))
			printf("%-14s %s\n", key, json_is_true(v) ? "yes" : "no");
	}
	json_decref(o);
}

static json_t *
text_or_null(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

static json_t *
when_json(const struct conf *conf, const struct calendar *c, const struct sla *s, int64_t at, const struct promise *p,
    struct arena *a)
{
	const struct response *r = conf->response;
	const char *lang = conf->site.language;
	json_t *o = json_object();

	json_object_set_new(o, "calendar", json_string(c->id));
	json_object_set_new(o, "rule", json_string(rule_text(a, s)));
	json_object_set_new(o, "rule_from", text_or_null(s->origin));
	json_object_set_new(o, "received", json_string(instant_text(a, at)));
	json_object_set_new(o, "received_local", json_string(promise_words(a, r, at, c->zone_name, lang)));
	if (p->none) {
		json_object_set_new(o, "expected_by", json_null());
		json_object_set_new(o, "reason", json_string(p->reason));
		return o;
	}
	json_object_set_new(o, "expected_by", json_string(instant_text(a, p->due)));
	json_object_set_new(o, "local", json_string(promise_words(a, r, p->due, c->zone_name, lang)));
	json_object_set_new(
	    o, "by", json_string(p->by_cover && c->cover != NULL ? arena_printf(a, "cover %s", c->cover->id) : "self"));
	json_object_set_new(o, "provisional", json_boolean(p->provisional));
	json_object_set_new(o, "remind_50", json_string(instant_text(a, promise_fraction(c, at, p->due, 50))));
	json_object_set_new(o, "remind_80", json_string(instant_text(a, promise_fraction(c, at, p->due, 80))));
	return o;
}

/* The calendar of a clinician or a pool, by what clinicians.yaml names for it; NULL and a message when it is neither.
 */
static const struct calendar *
calendar_of(const struct conf *conf, const char *id)
{
	const struct clinician_conf *who = conf_clinician(conf, id);
	const struct pool_conf *pool = who == NULL ? conf_pool(conf, id) : NULL;
	const struct calendar *c = response_calendar(conf->response, id);

	if (who != NULL)
		return response_calendar_for(conf->response, who->calendar, who->id);
	if (pool != NULL)
		return response_calendar_for(conf->response, pool->calendar, pool->id);
	if (c == NULL)
		fputs(
		    "portico: no clinician, pool or calendar has this id; portico calendar show lists them\n", stderr);
	return c;
}

static int
when(struct ctl *ctl, const struct conf *conf, const char *id, const char *category, const char *urgency, int64_t at)
{
	AUTO(arena) a = arena_new();
	const struct calendar *c = calendar_of(conf, id);
	enum urgency u = URGENCY_ROUTINE;
	const struct sla *s;
	struct promise p;
	struct err err = ERR_NONE;
	bool known = false;

	if (c == NULL)
		return EX_DATAERR;
	if (urgency != NULL && !urgency_parse(urgency, &u))
		return ctl_usage(ctl, "--urgency is none, routine, urgent or emergency");
	for (size_t i = 0; i < c->nslas; i++)
		known = known || strcmp(c->slas[i].category, category) == 0;
	s = promise_sla(conf->response, c, category, u);
	if (!known || s == NULL)
		return ctl_usage(ctl, "--category is one of those that portico calendar show prints");
	if (promise_compute(c, s, at, at, &p, &err) != ST_OK)
		return ctl_fail(&err);
	/* asked for a moment, not for a message that waits: "at once" is not late */
	p.none = p.none && !p.already_past;
	print_object(ctl, when_json(conf, c, s, at, &p, a));
	return EX_OK;
}

int
cmd_promise_when(struct ctl *ctl)
{
	const char *clinician = NULL, *category = NULL, *urgency = NULL, *at_text = NULL, *word[1] = { NULL };
	const struct ctl_opt opts[] = {
		{ "--clinician", &clinician, NULL },
		{ "--category", &category, NULL },
		{ "--urgency", &urgency, NULL },
		{ "--at", &at_text, NULL },
	};
	struct clock clock = clock_from_env();
	int64_t at = clock_now(&clock);
	struct conf *conf = NULL;
	struct err err = ERR_NONE;
	int rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 0);

	if (rc != 0)
		return rc;
	if (clinician == NULL || category == NULL)
		return ctl_usage(ctl, "promise when needs --clinician and --category");
	if (at_text != NULL && time_parse_rfc3339(at_text, &at, &err) != ST_OK)
		return ctl_usage(ctl, "--at needs a time such as 2026-03-04T17:00:00-05:00");
	rc = ctl_conf(ctl, &conf);
	if (rc != 0)
		return rc;
	rc = when(ctl, conf, clinician, category, urgency, at);
	conf_unref(conf);
	return rc;
}

/* One row of calendar show: a value and where it was written. */
static void
row(json_t *rows, const char *name, const char *value, const char *origin)
{
	json_array_append_new(
	    rows, json_pack("{s:s, s:s, s:s}", "name", name, "value", value, "from", origin != NULL ? origin : ""));
}

static void
rows_of_dates(struct arena *a, json_t *rows, const struct calendar *c)
{
	for (size_t i = 0; i < c->nholidays; i++)
		row(rows, "holiday", date_text(a, c->holidays[i]), c->from.holidays);
	for (size_t i = 0; i < c->nspecial; i++)
		row(rows, "special",
		    arena_printf(a, "%s %s", date_text(a, c->special[i].day), windows_text(a, c->special[i].windows)),
		    c->from.special);
	for (size_t i = 0; i < c->nabsences; i++)
		row(rows, "absence",
		    arena_printf(
			a, "%s to %s", instant_text(a, c->absences[i].from), instant_text(a, c->absences[i].to)),
		    c->from.absences);
}

static void
show_calendar(struct ctl *ctl, const struct calendar *c)
{
	static const char *const names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
	AUTO(arena) a = arena_new();
	json_t *rows = json_array(), *one;
	size_t i;

	row(rows, "calendar", c->id, c->origin);
	if (c->parent != NULL)
		row(rows, "inherits", c->parent, c->origin);
	row(rows, "zone", c->zone_name, c->from.zone);
	for (i = 0; i < 7; i++)
		row(rows, names[i], windows_text(a, c->weekly[i]), c->from.weekly);
	row(rows, "cutoff", c->cutoff >= 0 ? clock_text(a, c->cutoff) : "last close of the day", c->from.cutoff);
	row(rows, "cover", c->cover != NULL ? c->cover->id : "none", c->from.cover);
	row(rows, "holidays known through",
	    c->holidays_known_through != 0 ? date_text(a, c->holidays_known_through) : "not said",
	    c->from.known_through);
	for (i = 0; i < c->nslas; i++)
		row(rows, c->slas[i].category, rule_text(a, &c->slas[i].sla), c->slas[i].sla.origin);
	rows_of_dates(a, rows, c);
	if (ctl->json) {
		json_dumpf(rows, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		json_array_foreach (rows, i, one) {
			const char *name, *value, *from;

			json_unpack(one, "{s:s, s:s, s:s}", "name", &name, "value", &value, "from", &from);
			printf("%-22s %-44s %s\n", name, value, from);
		}
	}
	json_decref(rows);
}

static void
list_calendars(struct ctl *ctl, const struct response *r)
{
	static const char *const levels[] = { "clinic", "team", "clinician" };
	json_t *all = json_array();

	for (size_t i = 0; i < r->ncalendars; i++) {
		const struct calendar *c = &r->calendars[i];

		if (ctl->json)
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "id", c->id, "level",
						       levels[c->level], "zone", c->zone_name, "from", c->origin));
		else
			printf("%-16s %-10s %-24s %s\n", c->id, levels[c->level], c->zone_name, c->origin);
	}
	if (ctl->json) {
		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(all);
}

int
cmd_calendar_show(struct ctl *ctl)
{
	const char *word[2] = { NULL };
	const struct calendar *c;
	struct conf *conf = NULL;
	int rc = ctl_options(ctl, NULL, 0, word, 1);

	if (rc == 0)
		rc = ctl_conf(ctl, &conf);
	if (rc != 0)
		return rc;
	c = word[0] != NULL ? calendar_of(conf, word[0]) : NULL;
	if (word[0] == NULL)
		list_calendars(ctl, conf->response);
	else if (c != NULL)
		show_calendar(ctl, c);
	else
		rc = EX_DATAERR;
	conf_unref(conf);
	return rc;
}
