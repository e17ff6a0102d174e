#include "policies/decide.h"

#include "conf/zone.h"
#include "policies/agreement.h"

#include <string.h>

static bool
is_class(const char *class_name, const char *family)
{
	return strncmp(class_name, family, strlen(family)) == 0;
}

/* "US-CA+42CFRPart2" names two packs. */
static bool
names_pack(const char *jurisdiction, const char *pack)
{
	size_t n = strlen(pack);

	while (*jurisdiction != '\0') {
		size_t len = strcspn(jurisdiction, "+, ");

		if (len == n && strncmp(jurisdiction, pack, n) == 0)
			return true;
		jurisdiction += len;
		jurisdiction += strspn(jurisdiction, "+, ");
	}
	return false;
}

enum decision
decide_floor(const struct boundaries *b, const struct message_facts *f, const char *class_name, const char **ret_pack)
{
	const char *in = f->patient.jurisdiction != NULL ? f->patient.jurisdiction : "US-default";
	enum decision d = ACT_DELIVER;

	for (size_t i = 0; i < b->nfloors; i++) {
		const struct floor_conf *fl = &b->floors[i];
		size_t n = strlen(fl->class_name);
		bool match = n > 2 && strcmp(fl->class_name + n - 2, ".*") == 0
				 ? strncmp(fl->class_name, class_name, n - 1) == 0
				 : strcmp(fl->class_name, class_name) == 0;

		if (match && names_pack(in, fl->jurisdiction) && fl->decision > (int)d) {
			d = (enum decision)fl->decision;
			*ret_pack = fl->jurisdiction;
		}
	}
	return d;
}

bool
decide_minor_confidential(const struct boundaries *b, const struct message_facts *f, const char *class_name)
{
	bool read = false;

	if (f->patient_only_thread || f->patient.age < b->minor_from || f->patient.age > b->minor_to)
		return false;
	for (size_t i = 0; i < f->patient.nproxies; i++)
		read = read || f->patient.proxies[i].in_thread;
	if (!read)
		return false;
	for (size_t i = 0; i < b->minor_classes.n; i++) {
		const char *c = b->minor_classes.item[i];
		size_t n = strlen(c);

		if (strcmp(c, class_name) == 0 ||
		    (n > 2 && strcmp(c + n - 2, ".*") == 0 && strncmp(c, class_name, n - 1) == 0))
			return true;
	}
	return false;
}

bool
decide_triggers(const struct boundaries *b, const struct mention *m)
{
	const struct class_conf *c = boundaries_class(b, m->class_name);

	if (c == NULL || m->experiencer != WHO_PATIENT || (c->triggers >> m->assertion & 1) == 0)
		return false;
	if (is_class(m->class_name, "topic.") || is_class(m->class_name, "leak.") || is_class(m->class_name, "attach."))
		return true; /* protected whenever it was or may be */
	return m->temporality == TIME_CURRENT || m->temporality == TIME_RECENT;
}

/* When the rule's window is open at now: the instant it closes; else 0. */
static int64_t
window_end(const struct time_rule *r, int64_t now)
{
	struct zone_offset off = zone_at(r->zone, now);
	int64_t local = now + off.seconds, day = local >= 0 ? local / 86400 : (local - 86399) / 86400;
	int64_t monday = day - ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */

	for (int64_t week = monday - 7; week <= monday; week += 7) {
		int64_t from = zone_local_to_utc(r->zone, week + r->from_day, r->from_at);
		int64_t to = zone_local_to_utc(r->zone, week + r->to_day + (r->to_day < r->from_day ? 7 : 0), r->to_at);

		if (now >= from && now < to)
			return to;
	}
	return 0;
}

static void
apply_time(const struct reader *rd, const struct mention *m, struct ruling *r)
{
	for (size_t i = 0; i < rd->b->ntime_rules; i++) {
		const struct time_rule *t = &rd->b->time_rules[i];
		int64_t until;

		if (!t->enabled || t->zone == NULL || strcmp(t->class_name, m->class_name) != 0 ||
		    t->decision <= (int)r->act)
			continue;
		until = window_end(t, rd->f->now);
		if (until == 0)
			continue;
		*r = (struct ruling){ .act = (enum decision)t->decision,
			.redirect = r->redirect,
			.whose = CHOICE_DEFAULT,
			.rule = t->id,
			.agreement = "",
			.until = until };
	}
}

/* A clinic's safety: no agreement opens these. */
static bool
is_safety(const char *class_name)
{
	return is_class(class_name, "leak.") || is_class(class_name, "attach.");
}

static void
apply_agreement(const struct reader *rd, const struct mention *m, struct ruling *r, bool only_tighten)
{
	const struct agreement *a = agreement_for(rd->b, rd->f, m->class_name);
	enum decision d;

	if (a == NULL)
		return;
	d = (enum decision)rd->b->agreement[a->value];
	if (only_tighten && d <= r->act)
		return;
	r->act = d;
	r->whose = CHOICE_AGREEMENT;
	r->rule = "agreement";
	r->agreement = a->id;
}

struct ruling
decide_mention(const struct reader *rd, const struct mention *m, const char *rule)
{
	const struct class_conf *c = boundaries_class(rd->b, m->class_name);
	struct ruling r = { .act = ACT_DELIVER, .whose = CHOICE_DEFAULT, .rule = rule, .agreement = "" };
	const char *pack = "";
	enum decision floor;

	if (!decide_triggers(rd->b, m))
		return r;
	r.act = (enum decision)c->decision;
	if (is_safety(m->class_name)) {
		r.whose = CHOICE_SAFETY;
		return r;
	}
	if (decide_minor_confidential(rd->b, rd->f, m->class_name)) {
		r.act = (enum decision)rd->b->minor_decision;
		r.redirect = true;
		r.whose = CHOICE_MINOR;
		r.rule = arena_printf(rd->arena, "minors.%s", m->class_name);
	}
	apply_agreement(rd, m, &r, r.redirect);
	floor = decide_floor(rd->b, rd->f, m->class_name, &pack);
	if (floor > r.act) {
		r.act = floor;
		r.whose = CHOICE_LAW;
		r.rule = arena_printf(rd->arena, "floor.%s.%s", pack, m->class_name);
		r.agreement = "";
	}
	apply_time(rd, m, &r);
	return r;
}
