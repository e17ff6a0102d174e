#include "conf/response_in.h"

#include "base/own.h"
#include "conf/templates.h"
#include "conf/yaml_in.h"

#include <assert.h>
#include <libgen.h>
#include <string.h>

#define MAX_CALENDARS 5000

/* What is promised when nobody says otherwise; "urgent" and "emergency" are urgencies, the others categories. */
static const struct sla_entry builtin[] = {
	{ "emergency", { .mode = SLA_ELAPSED_MINUTES, .n = 0, .cutoff = -1, .origin = "built in" } },
	{ "urgent", { .mode = SLA_BUSINESS_MINUTES, .n = 120, .cutoff = -1, .origin = "built in" } },
	{ "rx_renewal", { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = -1, .origin = "built in" } },
	{ "appointment", { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = -1, .origin = "built in" } },
	{ "medical_advice", { .mode = SLA_BUSINESS_DAYS, .n = 2, .cutoff = -1, .origin = "built in" } },
	{ "test_result_question", { .mode = SLA_BUSINESS_DAYS, .n = 2, .cutoff = -1, .origin = "built in" } },
	{ "form", { .mode = SLA_BUSINESS_DAYS, .n = 5, .cutoff = -1, .origin = "built in" } },
	{ "billing", { .mode = SLA_BUSINESS_DAYS, .n = 3, .cutoff = -1, .origin = "built in" } },
	{ "technical", { .mode = SLA_BUSINESS_MINUTES, .n = 240, .cutoff = -1, .origin = "built in" } },
	{ "complaint", { .mode = SLA_BUSINESS_DAYS, .n = 1, .cutoff = -1, .origin = "built in" } },
	{ "social", { .mode = SLA_NONE, .cutoff = -1, .origin = "built in" } },
};

/* The keys of one level: clinic, a team or a clinician. */
struct level {
	const char *name, *team, *cover;
	struct ynode zone, weekly, availability, cutoff, holidays, holiday_files, holidays_known_through, special,
	    absences, absence_files, sla;
};
static const struct conf_key level_keys[] = {
	CONF_KEY(struct level, name, CONF_STR, .help = "for people who read this file"),
	CONF_KEY(struct level, team, CONF_STR, .help = "clinicians: the team whose values hold unless said otherwise"),
	CONF_KEY(struct level, zone, CONF_NODE, .help = "IANA time zone of all times here"),
	CONF_KEY(
	    struct level, weekly, CONF_NODE, .help = "when messages are answered; replaces the whole inherited week"),
	CONF_KEY(struct level, availability, CONF_NODE, .help = "the same as an iCalendar file with a VAVAILABILITY"),
	CONF_KEY(struct level, cutoff, CONF_NODE, .help = "what comes later in the day counts as the next day's"),
	CONF_KEY(struct level, holidays, CONF_NODE, .help = "closed days; adds to the inherited ones"),
	CONF_KEY(struct level, holiday_files, CONF_NODE, .help = "iCalendar files of closed days"),
	CONF_KEY(struct level, holidays_known_through, CONF_NODE, .help = "later promises are provisional"),
	CONF_KEY(struct level, special, CONF_NODE, .help = "dates with windows of their own, holidays included"),
	CONF_KEY(struct level, absences, CONF_NODE, .help = "away from .. to; adds to the inherited ones"),
	CONF_KEY(struct level, absence_files, CONF_NODE, .help = "iCalendar files of absences"),
	CONF_KEY(struct level, cover, CONF_STR, .help = "the calendar whose windows count while away"),
	CONF_KEY(struct level, sla, CONF_NODE, .help = "what is promised, by category or urgency"),
};

struct top {
	struct ynode clinic, teams, clinicians;
	const char *templates;
};
static const struct conf_key top_keys[] = {
	CONF_KEY(struct top, clinic, CONF_NODE, .required = true, .help = "what holds for everybody"),
	CONF_KEY(struct top, teams, CONF_NODE, .help = "by pool id"),
	CONF_KEY(struct top, clinicians, CONF_NODE, .help = "by clinician id"),
	CONF_KEY(struct top, templates, CONF_PATH, .help = "directory of edited automatic replies"),
};

static const char *
origin(struct reader *r, struct ynode at, const struct calendar *c)
{
	return arena_printf(r->arena, "%s:%d (%s)", r->file, ynode_line(at), c->id);
}

/* Where levels add up, so do their origins. */
static void
add_origin(struct reader *r, const char **io, struct ynode at, const struct calendar *c)
{
	const char *more = origin(r, at, c);

	*io = *io == NULL ? more : arena_printf(r->arena, "%s, %s", *io, more);
}

static void
apply_zone(struct reader *r, const struct level *l, struct calendar *c)
{
	const struct zone *z;

	if (l->zone.id == 0)
		return;
	z = ynode_kind(l->zone) == Y_SCALAR ? zone_get(r->zones, ynode_text(l->zone), NULL) : NULL;
	if (z == NULL) {
		yaml_complain(l->zone,
		    "\"%s\" is no time zone known here, expected an IANA name such as America/New_York",
		    ynode_quote(l->zone));
		return;
	}
	c->zone = z;
	c->zone_name = zone_name(z);
	c->from.zone = origin(r, l->zone, c);
}

static void
apply_days(struct reader *r, const struct level *l, struct calendar *c)
{
	struct day_list holidays = { (int32_t *)(uintptr_t)c->holidays, c->nholidays };
	struct special_list special = { (struct special_day *)(uintptr_t)c->special, c->nspecial };
	struct absence_list absences = { (struct absence *)(uintptr_t)c->absences, c->nabsences };

	if (l->holidays.id != 0) {
		read_holidays(r, l->holidays, &holidays);
		add_origin(r, &c->from.holidays, l->holidays, c);
	}
	if (l->holiday_files.id != 0) {
		read_holiday_files(r, l->holiday_files, c->zone, &holidays);
		add_origin(r, &c->from.holidays, l->holiday_files, c);
	}
	if (l->special.id != 0) {
		read_special(r, l->special, &special);
		add_origin(r, &c->from.special, l->special, c);
	}
	if (l->absences.id != 0) {
		read_absences(r, l->absences, c->zone, &absences);
		add_origin(r, &c->from.absences, l->absences, c);
	}
	if (l->absence_files.id != 0) {
		read_absence_files(r, l->absence_files, c->zone, &absences);
		add_origin(r, &c->from.absences, l->absence_files, c);
	}
	c->holidays = holidays.day;
	c->nholidays = holidays.n;
	c->special = special.day;
	c->nspecial = special.n;
	c->absences = absences.a;
	c->nabsences = absences.n;
}

static struct sla_entry *
find_rule(struct sla_entry *e, size_t n, const char *category)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(e[i].category, category) == 0)
			return &e[i];
	return NULL;
}

/* Every calendar carries all rules, so that who asks looks in one place. own_cutoff marks rules with a cutoff of their
 * own; the others follow the calendar's. */
static void
apply_rules(struct reader *r, const struct level *l, struct calendar *c, bool own_cutoff[ARRAY_LEN(builtin)])
{
	struct sla_entry *all = ARENA_ARRAY(r->arena, c->nslas, struct sla_entry);

	memcpy(all, c->slas, c->nslas * sizeof *all);
	if (l->sla.id != 0 && ynode_kind(l->sla) != Y_MAP)
		yaml_complain(l->sla, "\"%s\", expected categories with their rules such as {billing: 3 business days}",
		    ynode_quote(l->sla));
	for (size_t i = 0; ynode_kind(l->sla) == Y_MAP && i < ynode_count(l->sla); i++) {
		struct ynode key = ynode_key(l->sla, i);
		struct sla_entry *e = find_rule(all, c->nslas, ynode_text(key));

		if (e == NULL) {
			yaml_complain(key,
			    "\"%s\", expected one of emergency, urgent, rx_renewal, appointment, "
			    "medical_advice, test_result_question, form, billing, technical, complaint, social",
			    ynode_quote(key));
			continue;
		}
		if (read_sla(r, ynode_item(l->sla, i), &e->sla)) {
			own_cutoff[e - all] = e->sla.cutoff >= 0;
			e->sla.origin = arena_printf(r->arena, "%s (%s)", e->sla.origin, c->id);
		}
	}
	for (size_t i = 0; i < c->nslas; i++)
		if (!own_cutoff[i])
			all[i].sla.cutoff = all[i].sla.mode == SLA_BUSINESS_DAYS ? c->cutoff : -1;
	c->slas = all;
}

/* A calendar while it is being read. */
struct draft {
	struct calendar *c;
	struct ynode at;
	struct level level;
	bool own_cutoff[ARRAY_LEN(builtin)];
};

static void
apply_level(struct reader *r, struct draft *d)
{
	const struct level *l = &d->level;
	struct calendar *c = d->c;

	apply_zone(r, l, c);
	if (l->weekly.id != 0) {
		read_weekly(r, l->weekly, c->weekly);
		c->from.weekly = origin(r, l->weekly, c);
	}
	if (l->weekly.id != 0 && l->availability.id != 0)
		yaml_complain(l->availability, "weekly and availability together, expected one of the two");
	else if (l->availability.id != 0 && c->zone != NULL &&
		 read_availability(r, l->availability, c->zone, c->weekly))
		c->from.weekly = origin(r, l->availability, c);
	if (l->cutoff.id != 0 && read_clock_time(l->cutoff, &c->cutoff))
		c->from.cutoff = origin(r, l->cutoff, c);
	if (l->holidays_known_through.id != 0 && read_date(l->holidays_known_through, &c->holidays_known_through))
		c->from.known_through = origin(r, l->holidays_known_through, c);
	/* without a zone no wall-clock time is an instant; the missing zone has been complained about */
	if (c->zone != NULL)
		apply_days(r, l, c);
	apply_rules(r, l, c, d->own_cutoff);
}

static void
inherit(struct draft *d, const struct draft *from, enum calendar_level level, const char *id)
{
	struct calendar *c = d->c;
	const char *own = c->origin;

	if (from != NULL) {
		*c = *from->c;
		c->origin = own;
		memcpy(d->own_cutoff, from->own_cutoff, sizeof d->own_cutoff);
		c->parent = from->c->id;
	} else {
		c->cutoff = -1;
		c->slas = builtin;
		c->nslas = ARRAY_LEN(builtin);
	}
	c->level = level;
	c->id = id;
}

static struct draft *
find_draft(struct draft *d, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(d[i].c->id, id) == 0)
			return &d[i];
	return NULL;
}

static void
start_draft(struct reader *r, struct draft *d, struct calendar *c, struct ynode at)
{
	d->c = c;
	d->at = at;
	yaml_read_map(at, level_keys, ARRAY_LEN(level_keys), &d->level);
	c->origin = arena_printf(r->arena, "%s:%d", r->file, ynode_line(at));
}

/* The clinic's own calendar: what everybody else starts from, so here nothing may be missing. */
static void
read_clinic(struct reader *r, struct ynode at, struct draft *d, struct calendar *c)
{
	start_draft(r, d, c, at);
	inherit(d, NULL, LEVEL_CLINIC, "clinic");
	if (d->level.zone.id == 0)
		yaml_complain(at, "key \"zone\" is missing, expected the clinic's time zone such as America/New_York");
	if (d->level.weekly.id == 0 && d->level.availability.id == 0)
		yaml_complain(at, "key \"weekly\" is missing, expected when messages are answered such as "
				  "{mon-fri: 09:00-17:00}");
	if (d->level.team != NULL)
		yaml_complain(ynode_get(at, "team"), "a team for the clinic, expected none");
	apply_level(r, d);
}

/* Teams, then clinicians: both are maps from an id to a level. drafts[0] is the clinic. */
static size_t
read_group(struct reader *r, struct ynode map, enum calendar_level level, struct draft *drafts, struct calendar *cals,
    size_t n, size_t max)
{
	if (map.id != 0 && ynode_kind(map) != Y_MAP && ynode_kind(map) != Y_NONE)
		yaml_complain(map, "not a map, expected ids with their calendars");
	for (size_t i = 0; ynode_kind(map) == Y_MAP && i < ynode_count(map) && n < max && !yaml_full(map.doc); i++) {
		struct ynode key = ynode_key(map, i);
		const char *id = arena_strdup(r->arena, ynode_text(key));
		struct draft *from = &drafts[0], *d = &drafts[n];

		if (find_draft(drafts, n, id) != NULL) {
			yaml_complain(
			    key, "\"%s\" is the id of another calendar, expected each id once", ynode_quote(key));
			continue;
		}
		start_draft(r, d, &cals[n], ynode_item(map, i));
		cals[n].origin = arena_printf(r->arena, "%s:%d", r->file, ynode_line(key));
		if (d->level.team != NULL) {
			from = level == LEVEL_CLINICIAN ? find_draft(drafts, n, d->level.team) : NULL;
			if (from == NULL || from->c->level != LEVEL_TEAM) {
				yaml_complain(ynode_get(d->at, "team"), "\"%s\" is no team here, expected %s",
				    ynode_quote(ynode_get(d->at, "team")),
				    level == LEVEL_CLINICIAN ? "one named under teams"
							     : "none: teams inherit from the clinic");
				from = &drafts[0];
			}
		}
		inherit(d, from, level, id);
		apply_level(r, d);
		n++;
	}
	return n;
}

/* Covers may be named before they are written, so they are looked up last; an inherited one comes with its level. */
static void
link_covers(struct reader *r, struct draft *drafts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct draft *from = &drafts[i], *to;
		struct ynode at;

		while (from->level.cover == NULL && from->c->parent != NULL)
			from = find_draft(drafts, n, from->c->parent);
		if (from->level.cover == NULL)
			continue;
		at = ynode_get(from->at, "cover");
		to = find_draft(drafts, n, from->level.cover);
		if (to == NULL) {
			if (from == &drafts[i])
				yaml_complain(at,
				    "\"%s\" is no calendar here, expected a team or clinician of this file",
				    ynode_quote(at));
			continue;
		}
		if (to == &drafts[i]) { /* a team covered by one of its members: that member has no cover */
			if (from == to)
				yaml_complain(at, "covers itself, expected another calendar");
			continue;
		}
		drafts[i].c->cover = to->c;
		drafts[i].c->from.cover = origin(r, at, from->c);
	}
}

static const struct response *
read_all(struct reader *r, struct ynode root)
{
	struct response *out = ARENA_NEW(r->arena, struct response);
	struct top top = { .templates = NULL };
	struct calendar *cals;
	struct draft *drafts;
	size_t max, n;

	yaml_read_map(root, top_keys, ARRAY_LEN(top_keys), &top);
	if (top.clinic.id == 0)
		return NULL;
	max = 1 + ynode_count(top.teams) + ynode_count(top.clinicians);
	if (max > MAX_CALENDARS) {
		yaml_complain(root, "%zu calendars, expected at most %d", max, MAX_CALENDARS);
		return NULL;
	}
	cals = ARENA_ARRAY(r->arena, max, struct calendar);
	drafts = ARENA_ARRAY(r->arena, max, struct draft);
	read_clinic(r, top.clinic, &drafts[0], &cals[0]);
	n = read_group(r, top.teams, LEVEL_TEAM, drafts, cals, 1, max);
	n = read_group(r, top.clinicians, LEVEL_CLINICIAN, drafts, cals, n, max);
	link_covers(r, drafts, n);
	out->calendars = cals;
	out->ncalendars = n;
	out->clinic = &cals[0];
	out->defaults = cals[0].slas;
	out->ndefaults = cals[0].nslas;
	out->zones = r->zones;
	out->templates = templates_load(top.templates, r->arena, r->errs);
	return cals[0].zone != NULL ? out : NULL;
}

const struct response *
response_load(const char *path, struct arena *a, struct conf_errors *errs)
{
	char *copy = arena_strdup(a, path);
	struct reader r = { .arena = a, .zones = zone_table_new(a), .errs = errs, .file = basename(copy) };
	struct yaml_doc *doc = yaml_open(path, a, errs);
	const struct response *out;

	if (doc == NULL)
		return NULL;
	out = read_all(&r, yaml_root(doc));
	yaml_close(doc);
	return out;
}

const struct calendar *
response_calendar(const struct response *r, const char *id)
{
	for (size_t i = 0; id != NULL && i < r->ncalendars; i++)
		if (strcmp(r->calendars[i].id, id) == 0)
			return &r->calendars[i];
	return NULL;
}

const struct calendar *
response_calendar_for(const struct response *r, const char *calendar, const char *id)
{
	const struct calendar *c = response_calendar(r, calendar);

	if (c == NULL)
		c = response_calendar(r, id);
	return c != NULL ? c : r->clinic;
}
