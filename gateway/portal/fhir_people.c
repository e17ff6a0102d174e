/* fhir_people -- who is who: patients and clinicians by identifier, and the patient's record in the ledger. */
#include "portal/fhir_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MS (10 * 60 * 1000)
#define ADDRESSEES "Practitioner PractitionerRole CareTeam HealthcareService Organization Group"

const struct known *
known_get(const struct known_list *k, const char *what)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(k->item[i].what, what) == 0 && k->item[i].until_ms > monotonic_ms())
			return &k->item[i];
	return NULL;
}

const struct known *
known_put(struct known_list *k, const char *what, const char *is, const char *more)
{
	struct known *slot = &k->item[k->next++ % KNOWN];

	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(k->item[i].what, what) == 0)
			slot = &k->item[i];
	free(slot->is);
	free(slot->more);
	snprintf(slot->what, sizeof slot->what, "%s", strlen(what) < sizeof slot->what ? what : "");
	slot->is = xstrdup(is);
	slot->more = more != NULL ? xstrdup(more) : NULL;
	slot->until_ms = monotonic_ms() + KNOWN_MS;
	return slot;
}

void
known_free(struct known_list *k)
{
	for (size_t i = 0; i < KNOWN; i++) {
		free(k->item[i].is);
		free(k->item[i].more);
	}
}

/* What the server does not let us see is not there for us: one locked record must not stop everybody's messages. */
static enum status
get_if_allowed(struct fhir *f, const char *where, json_t **ret, struct err *err)
{
	struct err why = ERR_NONE;
	enum status st = fhir_get(f->link, where, ret, &why);

	if (st == ST_MSG_REFUSED || (st != ST_OK && strcmp(why.code, "fhir.forbidden") == 0)) {
		*ret = NULL;
		return ST_OK;
	}
	if (st != ST_OK && err != NULL)
		*err = why;
	return st;
}

/* ---- the patient's record -----------------------------------------------------------------------------------------
 */

/* What FHIR does not tell stays as it was: an administrator may have said it. */
static enum status
put_in_tx(struct tx *tx, void *arg, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct patient p = *(struct patient *)arg, *old = NULL;
	char ref[REF_LEN + 1];

	if (patient_get(tx, p.portal_key, a, &old, NULL) == ST_OK && old != NULL &&
	    strcmp(old->portal, p.portal) == 0 && strcmp(old->portal_key, p.portal_key) == 0) {
#define KEEP(field) p.field = p.field != NULL && p.field[0] != '\0' ? p.field : old->field
		KEEP(mrn);
		KEEP(given);
		KEEP(family);
		KEEP(birth_date);
		KEEP(zone);
		KEEP(language);
		KEEP(jurisdiction);
#undef KEEP
		/* NULL: the server did not say; "" says that there are none. */
		p.known_problems = p.known_problems != NULL ? p.known_problems : old->known_problems;
		p.proxies = p.proxies != NULL ? p.proxies : old->proxies;
	}
	return patient_put(tx, &p, ref, err);
}

static enum status
fill_record(struct fhir *f, const json_t *r, const char *ref, struct arena *a, struct err *err)
{
	const struct fhir_caps *caps = fhir_caps_of(f->link);
	struct patient p = { .portal = f->id };
	json_t *proxies = NULL, *problems = NULL;

	fhir_read_patient(r, f->c, a, &p);
	p.proxies = p.known_problems = NULL;
	if (caps->related_persons)
		TRY(get_if_allowed(f, arena_printf(a, "RelatedPerson?patient=%s&_count=100", ref), &proxies, err));
	if (proxies != NULL)
		p.proxies = fhir_read_proxies(proxies, a);
	json_decref(proxies);
	if (caps->conditions)
		TRY(get_if_allowed(f, arena_printf(a, "Condition?patient=%s&_count=500", ref), &problems, err));
	if (problems != NULL)
		p.known_problems = fhir_read_problems(problems, f->c, a);
	json_decref(problems);
	return store_write(f->env.store, put_in_tx, &p, err);
}

/* The value must be this patient's alone: after a merge, or a mistake at the front desk, it may not be. */
static enum status
only_patient(struct fhir *f, const char *key, const char *ref, struct arena *a, bool *ret, struct err *err)
{
	json_t *same = NULL;
	struct err why = ERR_NONE;
	enum status st = fhir_find_one(f->link, "Patient", f->c->patient_system, key, &same, &why);

	if (st == ST_MSG_REFUSED) {
		*ret = false;
		return ST_OK;
	}
	if (st != ST_OK) {
		if (err != NULL)
			*err = why;
		return st;
	}
	*ret = same != NULL && strcmp(arena_printf(a, "Patient/%s", fhir_text(same, a, "id")), ref) == 0;
	json_decref(same);
	return ST_OK;
}

static enum status
read_patient(struct fhir *f, const char *ref, struct arena *a, const char **ret, struct err *err)
{
	json_t *r = NULL;
	const char *key;
	bool only = false;
	enum status st = ST_OK;

	TRY(get_if_allowed(f, ref, &r, err));
	key = r != NULL ? fhir_identifier(r, f->c->patient_system, a) : "";
	if (key[0] != '\0')
		st = only_patient(f, key, ref, a, &only, err);
	if (st == ST_OK && only)
		st = fill_record(f, r, ref, a, err);
	json_decref(r);
	*ret = only ? key : "";
	return st;
}

/* "RelatedPerson/3" to the patient it acts for. */
static enum status
patient_of_proxy(
    struct fhir *f, const char *ref, struct arena *a, const char **ret, const char **ret_proxy, struct err *err)
{
	json_t *r = NULL, *bundle;
	const char *proxy;

	TRY(get_if_allowed(f, ref, &r, err));
	*ret = fhir_reference(fhir_text(r, a, "patient", "reference"), f->c->base, "Patient", a);
	bundle = json_pack("{s:[{s:O?}]}", "entry", "resource", r);
	proxy = fhir_read_proxies(bundle, a);
	*ret_proxy = arena_strndup(a, proxy, strcspn(proxy, ":"));
	json_decref(bundle);
	json_decref(r);
	return ST_OK;
}

enum status
fhir_patient_key(
    struct fhir *f, const char *ref, struct arena *a, const char **ret_key, const char **ret_proxy, struct err *err)
{
	const struct known *k;
	const char *key = "";

	*ret_proxy = "";
	if (strncmp(ref, "RelatedPerson/", 14) == 0)
		TRY(patient_of_proxy(f, ref, a, &ref, ret_proxy, err));
	if (ref[0] == '\0') {
		*ret_key = "";
		return ST_OK;
	}
	k = known_get(&f->patients, ref);
	if (k == NULL) {
		TRY(read_patient(f, ref, a, &key, err));
		k = known_put(&f->patients, ref, key, NULL);
	}
	*ret_key = arena_strdup(a, k->is);
	return ST_OK;
}

enum status
fhir_patient_ref(struct fhir *f, const char *key, struct arena *a, const char **ret, struct err *err)
{
	const char *what = arena_printf(a, "key %s", key);
	const struct known *k = known_get(&f->patients, what);
	json_t *r = NULL;

	if (k == NULL) {
		TRY(fhir_find_one(f->link, "Patient", f->c->patient_system, key, &r, err));
		if (r == NULL)
			return err_set(
			    err, ST_MSG_REFUSED, "fhir.patient", "the portal has no patient of this identifier");
		k = known_put(&f->patients, what, arena_printf(a, "Patient/%s", fhir_text(r, a, "id")), NULL);
		json_decref(r);
	}
	*ret = arena_strdup(a, k->is);
	return ST_OK;
}

/* ---- clinicians and pools -----------------------------------------------------------------------------------------
 */

static bool
in_directory(const struct fhir *f, const char *name)
{
	const struct people_conf *p = f->env.conf != NULL ? &f->env.conf->people : NULL;

	if (name[0] == '\0' || p == NULL)
		return name[0] != '\0';
	for (size_t i = 0; i < p->nclinicians; i++)
		if (strcmp(p->clinician[i].portal_id != NULL ? p->clinician[i].portal_id : p->clinician[i].id, name) ==
		    0)
			return true;
	return conf_pool(f->env.conf, name) != NULL;
}

/* By either system: a pool's, or a clinician's. */
static const char *
named_by(const struct fhir *f, const json_t *r, struct arena *a)
{
	const char *s = fhir_identifier(r, f->c->clinician_system, a);

	return s[0] != '\0' ? s : fhir_identifier(r, f->c->pool_system, a);
}

static enum status
read_addressee(struct fhir *f, const char *ref, struct arena *a, const char **ret, struct err *err)
{
	json_t *r = NULL, *person = NULL;
	const char *name = "", *practitioner;

	TRY(get_if_allowed(f, ref, &r, err));
	if (r != NULL)
		name = named_by(f, r, a);
	if (name[0] == '\0' && strncmp(ref, "PractitionerRole/", 17) == 0) {
		practitioner =
		    fhir_reference(fhir_text(r, a, "practitioner", "reference"), f->c->base, "Practitioner", a);
		if (practitioner[0] != '\0')
			TRY(get_if_allowed(f, practitioner, &person, err));
		name = person != NULL ? named_by(f, person, a) : "";
		json_decref(person);
	}
	json_decref(r);
	*ret = name;
	return ST_OK;
}

enum status
fhir_addressee(struct fhir *f, const struct fhir_communication *m, struct arena *a, const char **ret, struct err *err)
{
	for (size_t i = 0; i < m->nrecipients; i++) {
		const json_t *logical = json_object_get(m->recipient_json[i], "identifier");
		const char *ref = fhir_reference(m->recipient[i], NULL, ADDRESSEES, a), *name = "";
		const char *system = fhir_text(logical, a, "system");
		const struct known *k = ref[0] != '\0' ? known_get(&f->people, ref) : NULL;

		if (strcmp(system, f->c->clinician_system) == 0 || strcmp(system, f->c->pool_system) == 0)
			name = fhir_text(logical, a, "value");
		if (k != NULL) {
			name = arena_strdup(a, k->is);
		} else if (name[0] == '\0' && ref[0] != '\0') {
			TRY(read_addressee(f, ref, a, &name, err));
			known_put(&f->people, ref, name, NULL);
		}
		if (in_directory(f, name)) {
			*ret = name;
			return ST_OK;
		}
	}
	*ret = "";
	return ST_OK;
}

enum status
fhir_sender_ref(struct fhir *f, const struct portal_post *p, struct arena *a, const char **ret, struct err *err)
{
	const struct clinician_conf *who = NULL;
	const char *name = p->author, *what;
	const struct known *k;
	json_t *r = NULL;

	*ret = f->c->notifier;
	if (p->notification || strncmp(p->author, "clinician:", 10) != 0)
		return ST_OK;
	if (f->env.conf != NULL)
		who = conf_clinician(f->env.conf, p->author + 10);
	if (who != NULL)
		name = who->portal_id != NULL ? who->portal_id : who->id;
	what = arena_printf(a, "name %s", name);
	k = known_get(&f->people, what);
	if (k == NULL) {
		TRY(fhir_find_one(f->link, "Practitioner", f->c->clinician_system, name, &r, err));
		if (r == NULL)
			return err_set(err, ST_MSG_REFUSED, "fhir.practitioner",
			    "the portal has no Practitioner of this clinician's portal_id");
		k = known_put(&f->people, what, arena_printf(a, "Practitioner/%s", fhir_text(r, a, "id")), NULL);
		json_decref(r);
	}
	*ret = arena_strdup(a, k->is);
	return ST_OK;
}
