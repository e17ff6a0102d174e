/*
 * policy cases FILE.json -- worked examples against the boundaries, with no configuration and no daemon.
 *
 * Reads {"policy": {...}?, "cases": [{id, direction, subject, body, attachments?, context, expect}]}, compares the keys
 * present in "expect" and nothing else (mentions and categories as sets), prints every miss and then
 * "N passed, N failed" alone on the last line.
 */
#include "base/file.h"
#include "base/own.h"
#include "ctl/policy.h"
#include "ctl/policy_override.h"
#include "policies/engine.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MAX ((size_t)64 * 1024 * 1024)
#define CASES_NOW INT64_C(1772463600) /* 2026-03-02T15:00:00Z, a Monday */
#define REFUSE(err, ...) err_set((err), ST_MSG_REFUSED, "cases.case", __VA_ARGS__)

struct run {
	const char *file;
	const struct boundaries *b;
	size_t passed, failed;
	size_t missed_emergency, missed_boundary, false_emergency, false_boundary; /* the two kinds of miss that hurt */
};

static const char *
text_at(const json_t *o, const char *key, const char *otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? json_string_value(v) : otherwise;
}

/* Reading */

static void
read_patient(const json_t *context, struct arena *a, struct patient_facts *ret)
{
	const json_t *who = json_object_get(context, "patient"), *age = json_object_get(context, "age");
	const json_t *problems = json_object_get(context, "known_problems"),
		     *proxies = json_object_get(context, "proxies");
	const char **problem = ARENA_ARRAY(a, json_array_size(problems) + 1, const char *);
	struct proxy_facts *proxy = ARENA_ARRAY(a, json_array_size(proxies) + 1, struct proxy_facts);
	struct patient_facts p = { .given = text_at(who, "given", "Homer"),
		.family = text_at(who, "family", "Simpson"),
		.mrn = text_at(who, "mrn", "1001"),
		.age = json_is_integer(age) ? (int)json_integer_value(age) : -1,
		.jurisdiction = text_at(context, "jurisdiction", "US-default"),
		.language = text_at(context, "language", "en") };

	for (size_t i = 0; i < json_array_size(problems); i++)
		if (json_is_string(json_array_get(problems, i)))
			problem[p.nknown_problems++] = json_string_value(json_array_get(problems, i));
	for (size_t i = 0; i < json_array_size(proxies); i++) {
		const json_t *v = json_array_get(proxies, i), *in = json_object_get(v, "in_thread");
		const char *access = text_at(v, "access", "");

		/* one with full access reads every thread unless it is said that this one is not */
		proxy[p.nproxies++] = (struct proxy_facts){ text_at(v, "who", ""), access,
			in != NULL ? json_is_true(in) : strcmp(access, "full") == 0 };
	}
	p.known_problems = problem;
	p.proxies = proxy;
	*ret = p;
}

/* {class: value}: in force, said by both. */
static enum status
read_agreements(json_t *map, struct arena *a, struct message_facts *f, struct err *err)
{
	struct agreement *list = ARENA_ARRAY(a, json_object_size(map) + 1, struct agreement);
	const char *name;
	json_t *v;

	json_object_foreach (map, name, v) {
		struct agreement *g = &list[f->nagreements];

		*g = (struct agreement){ .scope = SCOPE_CLINIC,
			.scope_id = "",
			.class_name = name,
			.by = "",
			.made = CASES_NOW - 1,
			.patient_consent = CASES_NOW - 1,
			.clinician_consent = CASES_NOW - 1 };
		if (!json_is_string(v) || !agreement_value_parse(json_string_value(v), &g->value))
			return REFUSE(err, "agreement for \"%s\": not a value such as portal_ok", name);
		snprintf(g->id, sizeof g->id, "A-%u", (unsigned)(++f->nagreements & 0xffffu));
	}
	f->agreements = list;
	return ST_OK;
}

static void
read_attachments(const json_t *list, struct arena *a, struct message_facts *f)
{
	struct attachment_facts *att = ARENA_ARRAY(a, json_array_size(list) + 1, struct attachment_facts);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		const char *text = text_at(v, "text", NULL);
		const json_t *size = json_object_get(v, "size");

		att[f->nattachments++] = (struct attachment_facts){ text_at(v, "name", ""),
			text_at(v, "type", "application/octet-stream"), text,
			json_is_integer(size) ? (size_t)json_integer_value(size)
			: text != NULL	      ? strlen(text)
					      : 0 };
	}
	f->attachments = att;
}

static enum status
read_case(json_t *c, struct arena *a, struct message_facts *ret, struct err *err)
{
	json_t *context = json_object_get(c, "context");
	const char *direction = text_at(c, "direction", "");
	struct message_facts f = { .subject = text_at(c, "subject", ""),
		.body = text_at(c, "body", ""),
		.language = text_at(context, "language", ""),
		.now = CASES_NOW };

	if (strcmp(direction, "patient_to_clinician") == 0)
		f.direction = TO_CLINICIAN;
	else if (strcmp(direction, "clinician_to_patient") == 0)
		f.direction = TO_PATIENT;
	else
		return REFUSE(err, "\"direction\" is neither patient_to_clinician nor clinician_to_patient");
	if (!json_is_object(json_object_get(c, "expect")))
		return REFUSE(err, "\"expect\" is not an object");
	read_patient(context, a, &f.patient);
	f.patient_only_thread = json_is_true(json_object_get(context, "patient_only_thread"));
	read_attachments(json_object_get(c, "attachments"), a, &f);
	TRY(read_agreements(json_object_get(context, "agreements"), a, &f, err));
	*ret = f;
	return ST_OK;
}

/* Comparing */

static json_t *
found_json(const struct verdict *v)
{
	json_t *o = json_object(), *mentions = json_array(), *categories = json_array();

	for (size_t i = 0; i < v->nmentions; i++)
		json_array_append_new(mentions, json_pack("{s:s, s:s, s:s, s:s}", "class", v->mentions[i].class_name,
						    "assertion", assertion_name(v->mentions[i].assertion),
						    "temporality", temporality_name(v->mentions[i].temporality),
						    "experiencer", experiencer_name(v->mentions[i].experiencer)));
	for (size_t i = 0; i < v->ncategories; i++)
		json_array_append_new(categories, json_string(v->categories[i]));
	json_object_set_new(o, "mentions", mentions);
	json_object_set_new(o, "categories", categories);
	json_object_set_new(o, "urgency", json_string(urgency_name(v->urgency)));
	json_object_set_new(o, "decision", json_string(decision_name(v->act)));
	json_object_set_new(o, "route", json_string(v->route));
	json_object_set_new(o, "auto_reply", json_string(v->auto_reply));
	json_object_set_new(o, "not_screened", json_boolean(v->not_screened));
	json_object_set_new(o, "redirect_on_release", json_boolean(v->redirect_on_release));
	return o;
}

/* Every key of want in got, with the same value: what a mention of the file does not say is not compared. */
static bool
covers(json_t *want, json_t *got)
{
	const char *key;
	json_t *v;

	if (!json_is_object(want))
		return json_equal(want, got);
	json_object_foreach (want, key, v) {
		if (!json_equal(v, json_object_get(got, key)))
			return false;
	}
	return true;
}

static bool
subset(json_t *a, json_t *b, bool swap)
{
	for (size_t i = 0; i < json_array_size(a); i++) {
		bool in = false;

		for (size_t k = 0; k < json_array_size(b) && !in; k++)
			in = swap ? covers(json_array_get(b, k), json_array_get(a, i))
				  : covers(json_array_get(a, i), json_array_get(b, k));
		if (!in)
			return false;
	}
	return true;
}

static bool
same(json_t *want, json_t *got)
{
	if (json_is_array(want) && json_is_array(got))
		return subset(want, got, false) && subset(got, want, true);
	return json_equal(want, got);
}

static size_t
print_misses(const char *id, json_t *expect, json_t *found)
{
	const char *key;
	json_t *want;
	size_t misses = 0;

	json_object_foreach (expect, key, want) {
		json_t *got = json_object_get(found, key);
		char *w, *g;

		if (got == NULL) {
			printf("%s: %s: not something this program decides\n", id, key);
			misses++;
			continue;
		}
		if (same(want, got))
			continue;
		w = json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT);
		g = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);
		printf("%s: %s: expected %s, found %s\n", id, key, w != NULL ? w : "?", g != NULL ? g : "?");
		free(w);
		free(g);
		misses++;
	}
	return misses;
}

/* A miss that lets something through is not the same as one that asks once too often: they are counted apart. */
static void
count_errors(struct run *r, const json_t *expect, const struct verdict *v)
{
	enum urgency u;
	enum decision d;

	if (urgency_parse(text_at(expect, "urgency", NULL), &u)) {
		r->missed_emergency += u == URGENCY_EMERGENCY && v->urgency < u;
		r->false_emergency += u < URGENCY_EMERGENCY && v->urgency == URGENCY_EMERGENCY;
	}
	if (decision_parse(text_at(expect, "decision", NULL), &d)) {
		r->missed_boundary += v->act < d;
		r->false_boundary += v->act > d;
	}
}

static void
run_case(struct run *r, json_t *c, size_t n)
{
	AUTO(arena) a = arena_new();
	const char *id = text_at(c, "id", arena_printf(a, "case %zu", n));
	struct message_facts f;
	struct verdict v;
	struct err err = ERR_NONE;
	json_t *found;

	if (read_case(c, a, &f, &err) != ST_OK || policy_judge(r->b, &f, a, &v, &err) != ST_OK) {
		printf("%s: %s\n", id, err.text);
		r->failed++;
		return;
	}
	found = found_json(&v);
	count_errors(r, json_object_get(c, "expect"), &v);
	if (print_misses(id, json_object_get(c, "expect"), found) > 0)
		r->failed++;
	else
		r->passed++;
	json_decref(found);
}

static int
run_cases(struct run *r, json_t *root, struct boundaries *b, struct arena *a)
{
	json_t *cases = json_is_array(root) ? root : json_object_get(root, "cases"), *c;
	struct err err = ERR_NONE;
	size_t i;

	if (!json_is_array(cases)) {
		fprintf(stderr, "portico: %s: no list \"cases\" in it\n", r->file);
		return EX_DATAERR;
	}
	if (policy_override(b, json_is_object(root) ? json_object_get(root, "policy") : NULL, a, &err) != ST_OK) {
		fprintf(stderr, "portico: %s: %s\n", r->file, err.text);
		return EX_DATAERR;
	}
	json_array_foreach (cases, i, c)
		run_case(r, c, i + 1);
	if (r->failed > 0)
		printf("let through: %zu emergencies, %zu boundaries; too strict: %zu emergencies, %zu boundaries\n",
		    r->missed_emergency, r->missed_boundary, r->false_emergency, r->false_boundary);
	printf("%zu passed, %zu failed\n", r->passed, r->failed);
	return r->failed == 0 && r->passed > 0 ? 0 : 1;
}

int
cmd_policy_cases(struct ctl *ctl)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF text = BUF_INIT;
	const char *file = NULL, *word[2] = { NULL };
	const struct ctl_opt opts[] = { { .name = "--boundaries", .value = &file } };
	struct err err = ERR_NONE;
	struct boundaries *b;
	struct run run;
	json_error_t where;
	json_t *root;
	int rc;

	if ((rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 1)) != 0)
		return rc;
	if (word[0] == NULL)
		return ctl_usage(ctl, "policy cases needs one FILE.json");
	if (file_read(word[0], CASES_MAX, &text, &err) != ST_OK) {
		fprintf(stderr, "portico: %s\n", err.text);
		return EX_NOINPUT;
	}
	root = json_loadb(buf_str(&text), text.n, 0, &where);
	if (root == NULL) {
		fprintf(stderr, "portico: %s:%d:%d: not JSON: %s\n", word[0], where.line, where.column, where.text);
		return EX_DATAERR;
	}
	if ((rc = policy_boundaries(file, a, &b)) == 0) {
		run = (struct run){ .file = word[0], .b = b };
		rc = run_cases(&run, root, b, a);
		boundaries_unload(b);
	}
	json_decref(root);
	return rc;
}
