/* portal -- portico portal check | show | jwks: a portal of the configuration, as the server itself answers. */
#include "ctl/portal.h"

#include "base/hash.h"
#include "base/own.h"
#include "conf/conf.h"
#include "conf/fhir.h"
#include "portal/fhir_link.h"
#include "portal/portal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct looking {
	struct ctl *ctl;
	struct conf *conf;
	const struct portal_conf *portal;
	struct clock clock;
	struct fhir_link *link;
	json_t *steps;
	bool bad;
};

static int
begin(struct ctl *ctl, struct looking *l)
{
	const char *word[2];
	int rc = ctl_options(ctl, NULL, 0, word, 1);

	*l = (struct looking){ .ctl = ctl, .clock = clock_from_env(), .steps = json_array() };
	if (rc != 0 || (rc = ctl_conf(ctl, &l->conf)) != 0)
		return rc;
	for (size_t i = 0; i < l->conf->site.nportals; i++) {
		const struct portal_conf *p = &l->conf->site.portals[i];

		if (word[0] != NULL ? strcmp(p->id, word[0]) == 0 : p->fhir != NULL)
			l->portal = p;
	}
	if (l->portal == NULL)
		return ctl_usage(ctl, "%s: no such portal in the configuration", word[0] != NULL ? word[0] : "fhir");
	if (l->portal->fhir == NULL)
		return ctl_usage(ctl, "portal %s has the driver %s: only fhir has something to look at", l->portal->id,
		    l->portal->driver);
	return 0;
}

static int
end(struct looking *l, int rc)
{
	json_decref(l->steps);
	fhir_link_free(l->link);
	conf_unref(l->conf);
	return rc;
}

/* ---- check --------------------------------------------------------------------------------------------------------
 */

static const char *
hint_for(const char *code)
{
	static const struct {
		const char *code, *hint;
	} hints[] = {
		{ "fhir.connect", "is the host name right, and does a firewall let us out?" },
		{ "fhir.tls",
		    "set ca_file to the authority of the server's certificate; the name in base must be in it" },
		{ "fhir.key", "openssl ecparam -genkey -name secp384r1 makes a key for ES384" },
		{ "fhir.discovery", "is base the FHIR base itself? Otherwise set token_url" },
		{ "fhir.token", "give portico portal jwks to the portal's administrator, and compare client_id" },
		{ "fhir.forbidden", "ask the portal's administrator for the scopes of the option scope" },
		{ "fhir.resting", "wait, then try again" },
		{ "fhir.not-json", "is base the FHIR base itself, or the address of a web page?" },
	};

	for (size_t i = 0; i < ARRAY_LEN(hints); i++)
		if (strcmp(hints[i].code, code) == 0)
			return hints[i].hint;
	return "";
}

/* false: the rest makes no sense. */
static bool
step(struct looking *l, const char *what, enum status st, const struct err *err)
{
	const char *hint = st == ST_OK ? "" : hint_for(err->code);

	l->bad = l->bad || st != ST_OK;
	json_array_append_new(
	    l->steps, json_pack("{s:s, s:b, s:s, s:s, s:s}", "step", what, "ok", st == ST_OK, "code",
			  st == ST_OK ? "" : err->code, "text", st == ST_OK ? "" : err->text, "hint", hint));
	if (l->ctl->json)
		return st == ST_OK;
	if (st == ST_OK)
		printf("pass  %s\n", what);
	else
		printf("FAIL  %s: %s (%s)\n%s%s%s", what, err->text, err->code, hint[0] != '\0' ? "      " : "", hint,
		    hint[0] != '\0' ? "\n" : "");
	return st == ST_OK;
}

static enum status
notifier_is_there(struct looking *l, struct err *err)
{
	json_t *r = NULL;
	enum status st = fhir_get(l->link, l->portal->fhir->notifier, &r, err);

	if (st == ST_OK && r == NULL)
		st = err_set(err, ST_MSG_REFUSED, "fhir.notifier", "%s is not there", l->portal->fhir->notifier);
	json_decref(r);
	return st;
}

/* How many of the directory the portal does not know. */
static enum status
clinicians_are_there(struct looking *l, struct err *err)
{
	const struct people_conf *people = &l->conf->people;
	size_t missing = 0;
	const char *first = "";

	for (size_t i = 0; i < people->nclinicians; i++) {
		const struct clinician_conf *c = &people->clinician[i];
		json_t *r = NULL;
		enum status st = fhir_find_one(l->link, "Practitioner", l->portal->fhir->clinician_system,
		    c->portal_id != NULL ? c->portal_id : c->id, &r, err);

		if (st == ST_REMOTE_DOWN || st == ST_LOCAL)
			return st;
		if (r == NULL && missing++ == 0)
			first = c->id;
		json_decref(r);
	}
	if (missing > 0)
		return err_set(err, ST_MSG_REFUSED, "fhir.practitioner",
		    "%zu of %zu clinicians have not exactly one Practitioner there, %s among them: see portal_id",
		    missing, people->nclinicians, first);
	return ST_OK;
}

static enum status
search_works(struct looking *l, struct err *err)
{
	json_t *bundle = NULL;
	char since[40];

	if (fhir_caps_poll_by(fhir_caps_of(l->link), l->portal->fhir->poll_by) != FHIR_POLL_UPDATED)
		return ST_OK;
	time_rfc3339(clock_now(&l->clock) - 60, since, sizeof since);
	AUTO_STR where = xasprintf("Communication?_lastUpdated=ge%s&_sort=_lastUpdated&_count=1", since);
	TRY(fhir_get(l->link, where, &bundle, err));
	json_decref(bundle);
	return ST_OK;
}

/* A notification to the test patient, and back by its key. */
static enum status
create_works(struct looking *l, struct err *err)
{
	const struct fhir_conf *f = l->portal->fhir;
	AUTO(content) c = content_new("Portico check", "This message tests the connection. Please ignore it.");
	json_t *patient = NULL, *found = NULL, *r;
	AUTO_STR id = NULL;
	AUTO(arena) a = arena_new();
	char ref[17];
	enum status st;

	TRY(fhir_find_one(l->link, "Patient", f->patient_system, f->test_patient, &patient, err));
	if (patient == NULL)
		return err_set(err, ST_MSG_REFUSED, "fhir.patient", "test_patient is no patient there");
	random_ref(ref, sizeof ref - 1);
	struct fhir_outgoing out = { .message_system = f->message_system,
		.key = arena_printf(a, "check/%s", ref),
		.patient = arena_printf(a, "Patient/%s", fhir_text(patient, a, "id")),
		.sender = f->notifier,
		.notification = true,
		.sent_ms = clock_now_ms(&l->clock),
		.content = c };

	r = fhir_write_communication(&out);
	json_decref(patient);
	if (fhir_create(l->link, "Communication", r, NULL, &id, err) != FHIR_CREATED) {
		json_decref(r);
		return err != NULL ? err->st : ST_REMOTE_DOWN;
	}
	json_decref(r);
	st = fhir_get(l->link, arena_printf(a, "Communication/%s", id), &found, err);
	if (st == ST_OK && found == NULL)
		st = err_set(err, ST_REMOTE_DOWN, "fhir.read-back", "what was created cannot be read");
	json_decref(found);
	found = NULL;
	if (st == ST_OK && fhir_caps_can_ask(fhir_caps_of(l->link))) {
		st = fhir_find_one(l->link, "Communication", f->message_system, out.key, &found, err);
		if (st == ST_OK && found == NULL)
			st = err_set(err, ST_REMOTE_DOWN, "fhir.read-back",
			    "what was created is not found by its identifier: a lost answer could make a second copy");
		json_decref(found);
	}
	return st;
}

static void
check(struct looking *l)
{
	const struct fhir_conf *f = l->portal->fhir;
	struct err err = ERR_NONE;

	if (!step(l, "key and options", fhir_link_new(f, &l->clock, l->conf->site.limits.json_depth, &l->link, &err),
		&err))
		return;
	if (f->client_id != NULL && !step(l, "discovery", fhir_link_discover(l->link, &err), &err))
		return;
	if (!step(l, "token", fhir_link_token(l->link, &err), &err) ||
	    !step(l, "capabilities", fhir_link_caps(l->link, &err), &err))
		return;
	step(l, "search for new messages", search_works(l, &err), &err);
	step(l, "sender of automatic replies", notifier_is_there(l, &err), &err);
	step(l, "clinicians by identifier", clinicians_are_there(l, &err), &err);
	if (f->test_patient != NULL)
		step(l, "create and read back", create_works(l, &err), &err);
	else if (!l->ctl->json)
		printf("skip  create and read back: no test_patient in the options\n");
}

int
cmd_portal_check(struct ctl *ctl)
{
	struct looking l;
	int rc = begin(ctl, &l);

	if (rc != 0)
		return end(&l, rc);
	check(&l);
	if (ctl->json) {
		json_t *all = json_pack("{s:s, s:b, s:O}", "portal", l.portal->id, "ok", !l.bad, "steps", l.steps);

		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	}
	return end(&l, l.bad ? EX_UNAVAILABLE : EX_OK);
}

/* ---- show ---------------------------------------------------------------------------------------------------------
 */

static const char *
poll_words(enum fhir_poll_by by)
{
	switch (by) {
	case FHIR_POLL_UPDATED:
		return "all new messages, by _lastUpdated";
	case FHIR_POLL_RECEIVED:
		return "clinician by clinician, by received";
	default:
		return "patient by patient, only those with an open conversation: a new conversation is not seen";
	}
}

static void
show_people(const struct looking *l, const struct fhir_caps *c)
{
	const char *once = !fhir_caps_can_ask(c)
			       ? "tried once; an unknown outcome is an incident, because the server cannot be asked"
			   : c->conditional_create ? "once: asked by identifier, created conditionally"
						   : "once: asked by identifier before every create";

	printf("portal     %s: %s\n", l->portal->id, l->portal->fhir->base);
	printf("server     %s, FHIR %s\n", c->software[0] != '\0' ? c->software : "(unnamed)", c->r4 ? "R4" : "not R4");
	printf("token      %s\n", fhir_token_url(l->link) != NULL ? fhir_token_url(l->link) : "from token_file");
	printf("messages   %s%s%s%s%s%s\n", c->read ? " read" : "", c->search ? " search" : "",
	    c->create ? " create" : "", c->update ? " update" : "", c->patch ? " patch" : "",
	    c->conditional_create ? " conditional-create" : "");
	printf("new ones   %s\n", poll_words(fhir_caps_poll_by(c, l->portal->fhir->poll_by)));
	printf("posts      %s\n", once);
	printf("record     patients%s%s%s\n", c->person_search ? " by identifier" : " (no search by identifier!)",
	    c->related_persons ? ", proxies" : "", c->conditions ? ", known problems" : "");
}

int
cmd_portal_show(struct ctl *ctl)
{
	struct looking l;
	struct err err = ERR_NONE;
	int rc = begin(ctl, &l);
	const struct fhir_caps *c;

	if (rc != 0)
		return end(&l, rc);
	if (fhir_link_new(l.portal->fhir, &l.clock, l.conf->site.limits.json_depth, &l.link, &err) != ST_OK ||
	    fhir_link_discover(l.link, &err) != ST_OK || fhir_link_caps(l.link, &err) != ST_OK)
		return end(&l, ctl_fail(&err));
	c = fhir_caps_of(l.link);
	if (!ctl->json) {
		show_people(&l, c);
		return end(&l, EX_OK);
	}
	json_t *all = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:s}", "portal", l.portal->id,
	    "base", l.portal->fhir->base, "software", c->software, "r4", c->r4, "create", c->create, "search",
	    c->search, "update", c->update, "patch", c->patch, "conditional_create", c->conditional_create, "can_ask",
	    fhir_caps_can_ask(c), "by_last_updated", c->by_updated, "poll",
	    poll_words(fhir_caps_poll_by(c, l.portal->fhir->poll_by)));

	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
	return end(&l, EX_OK);
}

/* ---- jwks ---------------------------------------------------------------------------------------------------------
 */

static enum status
add_key(json_t *keys, const char *path, const char *kid, int alg, struct err *err)
{
	AUTO(fhir_key) k = NULL;

	TRY(fhir_key_read(path, kid, alg, &k, err));
	json_array_append_new(keys, fhir_key_jwk(k));
	return ST_OK;
}

int
cmd_portal_jwks(struct ctl *ctl)
{
	struct looking l;
	struct err err = ERR_NONE;
	int rc = begin(ctl, &l);
	const struct fhir_conf *f;
	json_t *keys, *set;
	enum status st;

	if (rc != 0)
		return end(&l, rc);
	f = l.portal->fhir;
	if (f->key_file == NULL)
		return end(&l, ctl_usage(ctl, "portal %s has no key_file", l.portal->id));
	keys = json_array();
	st = add_key(keys, f->key_file, f->kid, f->alg, &err);
	for (size_t i = 0; st == ST_OK && i < f->published_keys.n; i++)
		st = add_key(keys, f->published_keys.item[i], NULL, FHIR_ALG_AUTO, &err);
	set = json_pack("{s:o}", "keys", keys);
	if (st == ST_OK) {
		json_dumpf(set, stdout, JSON_COMPACT);
		putchar('\n');
	}
	json_decref(set);
	return end(&l, st == ST_OK ? EX_OK : ctl_fail(&err));
}
