#include "conf/response_in.h"

#include "base/clock.h"
#include "base/own.h"
#include "conf/yaml_in.h"

#include <stdlib.h>
#include <string.h>

static const char *const day_names[7] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

bool
read_clock_time(struct ynode at, int32_t *ret)
{
	if (ynode_kind(at) == Y_SCALAR && clock_text_parse(ynode_text(at), ret))
		return true;
	yaml_complain(at, "\"%s\", expected a time of day such as \"16:00\"", ynode_quote(at));
	return false;
}

bool
read_date(struct ynode at, int32_t *ret)
{
	if (ynode_kind(at) == Y_SCALAR && date_text_parse(ynode_text(at), ret))
		return true;
	yaml_complain(at, "\"%s\", expected a date such as 2026-12-25", ynode_quote(at));
	return false;
}

/* "09:00-17:00", blanks around the dash allowed. */
static bool
read_window(struct ynode at, struct window *ret)
{
	const char *text = ynode_text(at), *dash = strchr(text, '-');
	char open[8] = "", close[8] = "";
	struct slice a, b;

	if (ynode_kind(at) != Y_SCALAR || dash == NULL)
		goto bad;
	a = slice_trim((struct slice){ text, (size_t)(dash - text) });
	b = slice_trim(slice_of(dash + 1));
	if (a.n >= sizeof open || b.n >= sizeof close)
		goto bad;
	memcpy(open, a.p, a.n);
	memcpy(close, b.p, b.n);
	if (!clock_text_parse(open, &ret->open) || !clock_text_parse(close, &ret->close))
		goto bad;
	if (ret->close > ret->open)
		return true;
	yaml_complain(at,
	    "window %s closes before it opens, expected for example 09:00-17:00 (a night is two windows: "
	    "22:00-24:00 and, the next day, 00:00-06:00)",
	    ynode_quote(at));
	return false;
bad:
	yaml_complain(at, "\"%s\", expected a window such as 09:00-17:00, or closed", ynode_quote(at));
	return false;
}

static int
by_open(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	return x->open != y->open ? (x->open > y->open) - (x->open < y->open)
				  : (x->close > y->close) - (x->close < y->close);
}

bool
read_windows(struct reader *r, struct ynode at, struct day_windows *ret)
{
	bool list = ynode_kind(at) == Y_LIST;
	size_t n = list ? ynode_count(at) : 1;
	struct window *w;

	if (ynode_kind(at) == Y_SCALAR && strcmp(ynode_text(at), "closed") == 0)
		n = 0;
	if (n > RESPONSE_MAX_WINDOWS) {
		yaml_complain(at, "%zu windows in a day, expected at most %d", n, RESPONSE_MAX_WINDOWS);
		return false;
	}
	w = ARENA_ARRAY(r->arena, n + 1, struct window);
	for (size_t i = 0; i < n; i++)
		if (!read_window(list ? ynode_item(at, i) : at, &w[i]))
			return false;
	qsort(w, n, sizeof *w, by_open);
	for (size_t i = 1; i < n; i++)
		if (w[i].open < w[i - 1].close) {
			yaml_complain(at, "windows overlap from %02d:%02d, expected windows one after the other",
			    w[i].open / 3600, w[i].open / 60 % 60);
			return false;
		}
	*ret = (struct day_windows){ .w = w, .n = n };
	return true;
}

static int
day_index(const char *s, size_t n)
{
	for (int i = 0; i < 7; i++)
		if (n == 3 && strncmp(s, day_names[i], 3) == 0)
			return i;
	return -1;
}

/* "mon" or "mon-fri" */
static bool
read_day_range(struct ynode key, int *first, int *last)
{
	const char *text = ynode_text(key), *dash = strchr(text, '-');
	size_t n = dash != NULL ? (size_t)(dash - text) : strlen(text);

	*first = day_index(text, n);
	*last = dash != NULL ? day_index(dash + 1, strlen(dash + 1)) : *first;
	if (*first >= 0 && *last >= *first)
		return true;
	yaml_complain(key,
	    "\"%s\", expected a day (mon, tue, wed, thu, fri, sat, sun) or some in a row such as mon-fri",
	    ynode_quote(key));
	return false;
}

void
read_weekly(struct reader *r, struct ynode at, struct day_windows week[7])
{
	bool seen[7] = { false };

	memset(week, 0, 7 * sizeof *week);
	if (ynode_kind(at) != Y_MAP) {
		yaml_complain(
		    at, "\"%s\", expected days with their windows such as {mon-fri: 09:00-17:00}", ynode_quote(at));
		return;
	}
	for (size_t i = 0; i < ynode_count(at) && !yaml_full(at.doc); i++) {
		struct day_windows w = { NULL, 0 };
		int first, last;

		if (!read_day_range(ynode_key(at, i), &first, &last) || !read_windows(r, ynode_item(at, i), &w))
			continue;
		for (int day = first; day <= last; day++) {
			if (seen[day])
				yaml_complain(ynode_key(at, i), "%s has its windows already, expected each day once",
				    day_names[day]);
			seen[day] = true;
			week[day] = w;
		}
	}
}

/* Rules */

struct unit_words {
	const char *words;
	enum sla_mode mode;
	int32_t factor;
};
static const struct unit_words units[] = {
	{ "business days", SLA_BUSINESS_DAYS, 1 },
	{ "business day", SLA_BUSINESS_DAYS, 1 },
	{ "open minutes", SLA_BUSINESS_MINUTES, 1 },
	{ "business minutes", SLA_BUSINESS_MINUTES, 1 },
	{ "open hours", SLA_BUSINESS_MINUTES, 60 },
	{ "open hour", SLA_BUSINESS_MINUTES, 60 },
	{ "business hours", SLA_BUSINESS_MINUTES, 60 },
	{ "business hour", SLA_BUSINESS_MINUTES, 60 },
	{ "minutes", SLA_ELAPSED_MINUTES, 1 },
	{ "elapsed minutes", SLA_ELAPSED_MINUTES, 1 },
	{ "hours", SLA_ELAPSED_MINUTES, 60 },
	{ "hour", SLA_ELAPSED_MINUTES, 60 },
	{ "windows", SLA_NEXT_WINDOW, 1 },
};
#define RULE_EXAMPLES "2 business days, 120 open minutes, 4 open hours, 30 minutes, next window, at once or none"

/* "2 business days"; "_" may stand for a blank. */
static bool
parse_rule(const char *text, struct sla *s)
{
	char t[48];
	char *rest;
	long n;

	if (strlen(text) >= sizeof t)
		return false;
	memcpy(t, text, strlen(text) + 1);
	for (char *p = t; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	if (strcmp(t, "none") == 0) {
		s->mode = SLA_NONE;
		return true;
	}
	if (strcmp(t, "at once") == 0 || strcmp(t, "immediate") == 0) {
		s->mode = SLA_ELAPSED_MINUTES;
		s->n = 0;
		return true;
	}
	if (strcmp(t, "next window") == 0) {
		s->mode = SLA_NEXT_WINDOW;
		s->n = 1;
		return true;
	}
	if (t[0] < '0' || t[0] > '9')
		return false;
	n = strtol(t, &rest, 10);
	if (n > 100000 || *rest != ' ')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(rest + 1, units[i].words) == 0) {
			s->mode = units[i].mode;
			s->n = (int32_t)n * units[i].factor;
			return true;
		}
	return false;
}

struct rule_keys {
	struct ynode rule, cutoff;
	int64_t min_lead;
};
static const struct conf_key rule_keys[] = {
	CONF_KEY(
	    struct rule_keys, rule, CONF_NODE, .required = true, .help = "how long an answer may take: " RULE_EXAMPLES),
	CONF_KEY(struct rule_keys, cutoff, CONF_NODE, .help = "what comes later in the day counts as the next day's"),
	CONF_KEY(struct rule_keys, min_lead, CONF_DURATION, .max = 86400,
	    .help = "next window: how much of it must be left when the message comes"),
};

bool
read_sla(struct reader *r, struct ynode at, struct sla *ret)
{
	struct rule_keys k = { .rule = at };
	struct sla s = { .cutoff = -1 };

	if (ynode_kind(at) == Y_MAP) {
		yaml_read_map(at, rule_keys, ARRAY_LEN(rule_keys), &k);
		if (k.rule.id == 0)
			return false;
	}
	if (ynode_kind(k.rule) != Y_SCALAR || !parse_rule(ynode_text(k.rule), &s)) {
		yaml_complain(k.rule, "\"%s\", expected " RULE_EXAMPLES, ynode_quote(k.rule));
		return false;
	}
	if (k.cutoff.id != 0 && !read_clock_time(k.cutoff, &s.cutoff))
		return false;
	if (k.cutoff.id != 0 && s.mode != SLA_BUSINESS_DAYS)
		yaml_complain(k.cutoff, "a cutoff for a rule not in business days, expected none");
	if (k.min_lead != 0 && s.mode != SLA_NEXT_WINDOW)
		yaml_complain(ynode_get(at, "min_lead"), "min_lead for a rule other than next window, expected none");
	s.min_lead = (int32_t)(k.min_lead / 60);
	s.origin = arena_printf(r->arena, "%s:%d", r->file, ynode_line(at));
	*ret = s;
	return true;
}
