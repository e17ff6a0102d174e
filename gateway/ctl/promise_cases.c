/*
 * promise cases FILE.json -- worked examples against the promise's arithmetic, with no configuration and no daemon.
 *
 * Reads {"calendars": {name: {...}}, "cases": [{id, calendar, sla, received, now?, expect}]}, compares the keys present
 * in "expect" and nothing else, prints every miss and then "N passed, N failed" alone on the last line.
 */
#include "base/clock.h"
#include "base/file.h"
#include "ctl/case_calendar.h"
#include "ctl/ctl.h"
#include "policies/calendar.h"
#include "policies/promise.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define CASES_MAX ((size_t)32 * 1024 * 1024)

static json_t *
json_instant(int64_t utc)
{
	char text[32];

	return json_string(time_rfc3339(utc, text, sizeof text));
}

/* "Wed 2026-03-04 17:00 EST" */
static json_t *
json_local(const struct calendar *c, int64_t utc)
{
	static const char *const dow[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	int64_t day;
	int32_t second;
	int y, m, d;

	zone_local(c->zone, utc, &day, &second);
	civil_from_days(day, &y, &m, &d);
	return json_sprintf("%s %04d-%02d-%02d %02d:%02d %s", dow[day_of_week(day)], y, m, d, second / 3600,
	    second / 60 % 60, zone_at(c->zone, utc).abbrev);
}

/* What was found, under the names that "expect" uses. A new reference. */
static json_t *
found_json(const struct calendar *c, const struct promise *p)
{
	json_t *o = json_object();
	/* with the old time past and no new one to give, the old time is still what the rule said */
	bool due = !p->none || p->already_past;

	json_object_set_new(o, "expected_by", due ? json_instant(p->due) : json_null());
	json_object_set_new(o, "local", due ? json_local(c, p->due) : json_null());
	json_object_set_new(o, "by", due ? json_string(p->by_cover ? "cover" : "self") : json_null());
	json_object_set_new(o, "provisional", json_boolean(p->provisional));
	json_object_set_new(o, "already_past", json_boolean(p->already_past));
	json_object_set_new(o, "none", json_boolean(p->none));
	json_object_set_new(o, "reason", p->none ? json_string(p->reason) : json_null());
	json_object_set_new(
	    o, "promise_from_now", p->already_past && !p->none ? json_instant(p->due_from_now) : json_null());
	json_object_set_new(
	    o, "promise_from_now_local", p->already_past && !p->none ? json_local(c, p->due_from_now) : json_null());
	json_object_set_new(o, "zone", json_string(p->zone));
	return o;
}

/* An instant may be written with another offset or without its seconds' fraction: then it is the same instant. */
static bool
same(const json_t *want, const json_t *got)
{
	int64_t a, b;

	if (json_equal(want, got))
		return true;
	return json_is_string(want) && json_is_string(got) &&
	       time_parse_rfc3339(json_string_value(want), &a, NULL) == ST_OK &&
	       time_parse_rfc3339(json_string_value(got), &b, NULL) == ST_OK && a == b;
}

static void
print_value(const json_t *v)
{
	char *text = v != NULL ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	printf("%s", text != NULL ? text : "nothing");
	free(text);
}

static bool
compare(const char *id, json_t *expect, const json_t *found)
{
	const char *key;
	json_t *want;
	bool ok = true;

	json_object_foreach (expect, key, want) {
		const json_t *got = json_object_get(found, key);

		if (got != NULL && same(want, got))
			continue;
		printf("%s: %s: expected ", id, key);
		print_value(want);
		printf(", found ");
		print_value(got);
		printf("%s\n", got == NULL ? " (no such result)" : "");
		ok = false;
	}
	return ok;
}

static enum status
instant_of(const json_t *o, const char *key, const char *other, int64_t *ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v) && other != NULL)
		v = json_object_get(o, other);
	if (!json_is_string(v) || time_parse_rfc3339(json_string_value(v), ret, NULL) != ST_OK)
		return err_set(err, ST_MSG_REFUSED, "cases.time",
		    "\"%s\": expected a time such as 2026-03-04T17:00:00-05:00", key);
	return ST_OK;
}

static enum status
compute(
    struct case_calendars *cals, const json_t *one, const struct calendar **ret_c, struct promise *ret, struct err *err)
{
	const struct calendar *c;
	struct promise p;
	struct sla sla;
	int64_t received, now;
	bool has_now = json_is_string(json_object_get(one, "now"));

	TRY(case_calendar(cals, json_object_get(one, "calendar"), &c, err));
	TRY(case_sla(json_object_get(one, "sla"), &sla, err));
	TRY(instant_of(one, "received", "received_utc", &received, err));
	now = received;
	if (has_now)
		TRY(instant_of(one, "now", NULL, &now, err));
	TRY(promise_compute(c, &sla, received, now, &p, err));
	/* without a "now" nobody looked later: nothing can be past */
	if (!has_now && p.already_past) {
		p.already_past = p.none = false;
		p.reason = "";
	}
	*ret_c = c;
	*ret = p;
	return ST_OK;
}

static bool
run_case(struct case_calendars *cals, size_t index, const json_t *one)
{
	const json_t *name = json_object_get(one, "id");
	json_t *expect = json_object_get(one, "expect"), *found;
	const struct calendar *c = NULL;
	struct promise p;
	struct err err = ERR_NONE;
	char number[32];
	const char *id;
	bool ok;

	snprintf(number, sizeof number, "case %zu", index + 1);
	id = json_is_string(name) ? json_string_value(name) : number;
	if (!json_is_object(expect) || json_object_size(expect) == 0) {
		printf("%s: expected an object \"expect\" with something in it\n", id);
		return false;
	}
	if (compute(cals, one, &c, &p, &err) != ST_OK) {
		printf("%s: %s\n", id, err.text);
		return false;
	}
	found = found_json(c, &p);
	ok = compare(id, expect, found);
	json_decref(found);
	return ok;
}

static int
run_cases(const char *path, json_t *root)
{
	AUTO(case_calendars) cals = case_calendars_new(json_object_get(root, "calendars"));
	json_t *cases = json_is_array(root) ? root : json_object_get(root, "cases");
	size_t passed = 0, failed = 0, i;
	json_t *one;

	if (!json_is_array(cases)) {
		fprintf(stderr, "portico: %s: not a file of cases: expected {\"calendars\": {...}, \"cases\": [...]}\n",
		    path);
		return EX_DATAERR;
	}
	json_array_foreach (cases, i, one) {
		if (run_case(cals, i, one))
			passed++;
		else
			failed++;
	}
	if (passed + failed == 0)
		fprintf(stderr, "portico: %s: there is no case in it\n", path);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed == 0 && passed > 0 ? EX_OK : passed + failed == 0 ? EX_DATAERR : 1;
}

int
cmd_promise_cases(struct ctl *ctl)
{
	AUTO_BUF text = BUF_INIT;
	struct err err = ERR_NONE;
	json_error_t where;
	json_t *root;
	int rc;

	if (ctl->argc != 2)
		return ctl_usage(ctl, "promise cases needs one FILE.json");
	if (file_read(ctl->argv[1], CASES_MAX, &text, &err) != ST_OK) {
		fprintf(stderr, "portico: %s\n", err.text);
		return EX_NOINPUT;
	}
	root = json_loadb(buf_str(&text), text.n, JSON_REJECT_DUPLICATES, &where);
	if (root == NULL) {
		fprintf(
		    stderr, "portico: %s:%d:%d: not JSON: %s\n", ctl->argv[1], where.line, where.column, where.text);
		return EX_DATAERR;
	}
	rc = run_cases(ctl->argv[1], root);
	json_decref(root);
	return rc;
}
