/* verbs -- what the command may ask the bridge to do. Each is one transaction. */
#include "bridge/control.h"

#include "base/own.h"
#include "conf/boundaries.h"
#include "conf/zone.h"
#include "flow/facts.h"
#include "policies/agreement.h"
#include "portal/portal_local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct call {
	struct request *r;
	struct arena *a;
};

static enum status
in_tx(struct request *r, store_fn fn, bool write, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct call c = { r, a };

	return write ? store_write(r->b->world->store, fn, &c, err) : store_read(r->b->world->store, fn, &c, err);
}

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static void
answer_str(struct request *r, const char *name, const char *value)
{
	json_object_set_new(r->answer, name, json_string(value));
}

/* ---- patients ---------------------------------------------------------------------------------------------------- */

static bool
is_date(const char *s)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int y, m, d, n = 0;

	if (sscanf(s, "%4d-%2d-%2d%n", &y, &m, &d, &n) != 3 || n != 10 || s[10] != '\0' || m < 1 || m > 12)
		return false;
	return d >= 1 && d <= days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

static enum status
patient_add_tx(struct tx *tx, void *arg, struct err *err)
{
	struct call *c = arg;
	struct request *r = c->r;
	const struct site_conf *site = &r->v->conf->site;
	struct patient p = { .portal = arg_str(r, "portal"),
		.birth_date = or_empty(arg_str(r, "birth_date")),
		.zone = or_empty(arg_str(r, "zone")),
		.language = or_empty(arg_str(r, "language")),
		.jurisdiction = or_empty(arg_str(r, "jurisdiction")),
		.known_problems = or_empty(arg_str(r, "known_problems")),
		.proxies = or_empty(arg_str(r, "proxies")) };
	char ref[REF_LEN + 1];

	TRY(arg_need(r, "portal_key", &p.portal_key, err));
	TRY(arg_need(r, "given", &p.given, err));
	TRY(arg_need(r, "family", &p.family, err));
	TRY(arg_need(r, "mrn", &p.mrn, err));
	if (p.portal == NULL)
		p.portal = site->nportals > 0 ? site->portals[0].id : "local";
	if (p.birth_date[0] != '\0' && !is_date(p.birth_date))
		return err_set(err, ST_MSG_REFUSED, "usage", "the birth date is not a day of the form YYYY-MM-DD");
	if (p.zone[0] != '\0' && zone_shared(p.zone, err) == NULL)
		return err_set(
		    err, ST_MSG_REFUSED, "usage", "the zone is not an IANA time zone such as America/New_York");
	TRY(patient_put(tx, &p, ref, err));
	answer_str(r, "patient", ref);
	return ST_OK;
}

static enum status
verb_patient_add(struct request *r, struct err *err)
{
	return in_tx(r, patient_add_tx, true, err);
}

static enum status
the_patient(struct tx *tx, struct call *c, struct patient **ret, struct err *err)
{
	const char *which = NULL;

	TRY(arg_need(c->r, "patient", &which, err));
	TRY(patient_get(tx, which, c->a, ret, err));
	if (*ret == NULL)
		return err_set(err, ST_MSG_REFUSED, "patient.unknown",
		    "no such patient; `portico patient list` shows who is known");
	return ST_OK;
}

/* The embedded portal names clinicians and pools by their ids: somebody of that name must be there. */
static enum status
the_addressee(struct request *r, const char **ret, struct err *err)
{
	const struct people_conf *people = &r->v->conf->people;

	TRY(arg_need(r, "to", ret, err));
	for (size_t i = 0; i < people->nclinicians; i++)
		if (strcmp(people->clinician[i].portal_id != NULL ? people->clinician[i].portal_id
								  : people->clinician[i].id,
			*ret) == 0)
			return ST_OK;
	if (conf_pool(r->v->conf, *ret) != NULL)
		return ST_OK;
	return err_set(err, ST_MSG_REFUSED, "addressee.unknown",
	    "no clinician or pool of that id; `portico clinician list` shows them");
}

static enum status
patient_write_tx(struct tx *tx, void *arg, struct err *err)
{
	struct call *c = arg;
	struct request *r = c->r;
	const char *text = NULL, *to = NULL, *thread = NULL, *id = NULL;
	struct patient *p = NULL;
	AUTO(content) content = NULL;

	TRY(the_patient(tx, c, &p, err));
	TRY(arg_need(r, "text", &text, err));
	TRY(the_addressee(r, &to, err));
	content = content_new(or_empty(arg_str(r, "subject")), text);
	TRY(local_write(tx, p->portal_key, arg_str(r, "thread"), to, content, c->a, &thread, &id, err));
	answer_str(r, "thread", thread);
	answer_str(r, "id", id);
	return ST_OK;
}

static enum status
verb_patient_write(struct request *r, struct err *err)
{
	return in_tx(r, patient_write_tx, true, err);
}

static json_t *
post_json(const struct local_post *p)
{
	char at[32];
	json_t *att = json_array();
	json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s}", "id", p->id, "thread", p->thread, "author",
	    or_empty(p->author_name), "from_patient", p->from_patient, "notification", p->notification, "at",
	    time_rfc3339(p->at_ms / 1000, at, sizeof at), "subject",
	    p->content != NULL ? or_empty(p->content->subject) : "", "text",
	    p->content != NULL ? or_empty(p->content->text) : "");

	for (size_t i = 0; p->content != NULL && i < p->content->natt; i++)
		json_array_append_new(att, json_pack("{s:s, s:s, s:I}", "name", p->content->att[i].name, "type",
					       p->content->att[i].type, "size", (json_int_t)p->content->att[i].data.n));
	json_object_set_new(j, "attachments", att);
	return j;
}

static enum status
patient_read_tx(struct tx *tx, void *arg, struct err *err)
{
	struct call *c = arg;
	struct patient *p = NULL;
	struct local_post *post = NULL;
	json_t *list = json_array();
	size_t n = 0;

	json_object_set_new(c->r->answer, "posts", list);
	TRY(the_patient(tx, c, &p, err));
	TRY(local_read(tx, p->portal_key, arg_str(c->r, "thread"), c->a, &post, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, post_json(&post[i]));
	return ST_OK;
}

static enum status
verb_patient_read(struct request *r, struct err *err)
{
	return in_tx(r, patient_read_tx, false, err);
}

/* ---- agreements -------------------------------------------------------------------------------------------------- */

/* "clinician:lee", "team:nurses" or "clinic" */
static enum status
parse_scope(struct request *r, const char *text, struct consent *k, struct err *err)
{
	if (strcmp(text, "clinic") == 0) {
		k->scope = SCOPE_CLINIC;
		k->scope_id = "";
		return ST_OK;
	}
	if (strncmp(text, "clinician:", 10) == 0 && conf_clinician(r->v->conf, text + 10) != NULL) {
		k->scope = SCOPE_CLINICIAN;
		k->scope_id = text + 10;
		return ST_OK;
	}
	if (strncmp(text, "team:", 5) == 0 && conf_pool(r->v->conf, text + 5) != NULL) {
		k->scope = SCOPE_TEAM;
		k->scope_id = text + 5;
		return ST_OK;
	}
	return err_set(err, ST_MSG_REFUSED, "usage",
	    "the scope is clinician:<id>, team:<pool id> or clinic, with an id of clinicians.yaml");
}

static enum status
agreement_set_tx(struct tx *tx, void *arg, struct err *err)
{
	struct call *c = arg;
	struct request *r = c->r;
	const struct boundaries *rules = r->v->conf->boundaries;
	const char *scope = NULL, *value = NULL, *by = NULL, *expires = arg_str(r, "expires");
	struct patient *p = NULL;
	struct agreement *made = NULL;
	struct consent k = { .how = "admin" };

	TRY(the_patient(tx, c, &p, err));
	TRY(arg_need(r, "scope", &scope, err));
	TRY(arg_need(r, "class", &k.class_name, err));
	TRY(arg_need(r, "value", &value, err));
	TRY(arg_need(r, "by", &by, err));
	TRY(parse_scope(r, scope, &k, err));
	if (!boundaries_has_class(rules, k.class_name))
		return err_set(
		    err, ST_MSG_REFUSED, "usage", "no such class in boundaries.yaml (for example news.malignancy)");
	if (!agreement_value_parse(value, &k.value))
		return err_set(err, ST_MSG_REFUSED, "usage",
		    "the value is portal_ok, portal_after_call, in_person_only or never_electronic");
	k.by_patient = strcmp(by, "patient") == 0;
	k.by_clinician = strcmp(by, "clinician") == 0;
	if (!k.by_patient && !k.by_clinician)
		return err_set(err, ST_MSG_REFUSED, "usage", "by is patient or clinician");
	if (expires != NULL)
		TRY(time_parse_rfc3339(expires, &k.expires, err));
	k.patient = p->ref;
	k.by = by;
	TRY(agreement_put(tx, &k, c->a, &made, err));
	answer_str(r, "agreement", made->id);
	answer_str(r, "state", agreement_state_name(agreement_state(rules, made, tx_now_ms(tx) / 1000)));
	return ST_OK;
}

static enum status
verb_agreement_set(struct request *r, struct err *err)
{
	return in_tx(r, agreement_set_tx, true, err);
}

static enum status
agreement_revoke_tx(struct tx *tx, void *arg, struct err *err)
{
	struct call *c = arg;
	const char *id = NULL, *by = NULL;

	TRY(arg_need(c->r, "id", &id, err));
	TRY(arg_need(c->r, "by", &by, err));
	return agreement_revoke(tx, id, by, err);
}

static enum status
verb_agreement_revoke(struct request *r, struct err *err)
{
	return in_tx(r, agreement_revoke_tx, true, err);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static enum status
thread_close_tx(struct tx *tx, void *arg, struct err *err)
{
	struct call *c = arg;
	const char *ref = NULL;

	TRY(arg_need(c->r, "thread", &ref, err));
	return thread_close(tx, ref, err);
}

static enum status
verb_thread_close(struct request *r, struct err *err)
{
	return in_tx(r, thread_close_tx, true, err);
}

static enum status
verb_reload(struct request *r, struct err *err)
{
	struct conf_errors errs = { .n = 0 };
	enum status st = world_reload(r->b->world, &errs, err);

	if (st != ST_OK && errs.n > 0)
		answer_str(r, "mistakes", buf_str(&errs.text));
	conf_errors_free(&errs);
	return st;
}

static enum status
verb_ping(struct request *r, struct err *err)
{
	(void)err;
	json_object_set_new(r->answer, "pid", json_integer(getpid()));
	return ST_OK;
}

const struct verb control_verbs[] = {
	{ "ping", verb_ping },
	{ "reload", verb_reload },
	{ "patient.add", verb_patient_add },
	{ "patient.write", verb_patient_write },
	{ "patient.read", verb_patient_read },
	{ "agreement.set", verb_agreement_set },
	{ "agreement.revoke", verb_agreement_revoke },
	{ "thread.close", verb_thread_close },
};
const size_t control_nverbs = ARRAY_LEN(control_verbs);
