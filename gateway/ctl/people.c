/* people -- patients and agreements, as the administrator sees and sets them. What changes goes through the bridge. */
#include "ctl/ctl.h"

#include "base/clock.h"
#include "base/own.h"
#include "conf/conf.h"
#include "policies/agreement.h"
#include "store/store.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1024 * 1024)

static const char *
str(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s != NULL ? s : "";
}

/* {"name": value} for every option that was said; "--birth-date" becomes "birth_date". */
static json_t *
args_of(const struct ctl_opt *opt, size_t n)
{
	json_t *args = json_object();

	for (size_t i = 0; i < n; i++) {
		char name[40];

		if (opt[i].value == NULL || *opt[i].value == NULL)
			continue;
		snprintf(name, sizeof name, "%s", opt[i].name + 2);
		for (char *p = name; *p != '\0'; p++)
			if (*p == '-')
				*p = '_';
		json_object_set_new(args, name, json_string(*opt[i].value));
	}
	return args;
}

static int
ask_and_print(struct ctl *c, const char *verb, json_t *args, const char *fmt, const char *key1, const char *key2)
{
	json_t *answer = NULL;
	int rc = ctl_ask(c, verb, args, &answer);

	if (rc != 0)
		return rc;
	if (c->json)
		json_dumpf(answer, stdout, JSON_COMPACT), putchar('\n');
	else if (key2 != NULL)
		printf("%s %s %s\n", fmt, str(answer, key1), str(answer, key2));
	else
		printf("%s %s\n", fmt, str(answer, key1));
	json_decref(answer);
	return 0;
}

/* ---- patients ---------------------------------------------------------------------------------------------------- */

int
cmd_patient_add(struct ctl *c)
{
	const char *v[11] = { NULL }, *word[1];
	const struct ctl_opt opt[] = { { "--portal-key", &v[0], NULL }, { "--given", &v[1], NULL },
		{ "--family", &v[2], NULL }, { "--mrn", &v[3], NULL }, { "--birth-date", &v[4], NULL },
		{ "--zone", &v[5], NULL }, { "--language", &v[6], NULL }, { "--jurisdiction", &v[7], NULL },
		{ "--known-problems", &v[8], NULL }, { "--proxies", &v[9], NULL }, { "--portal", &v[10], NULL } };
	int rc = ctl_options(c, opt, ARRAY_LEN(opt), word, 0);

	if (rc != 0)
		return rc;
	if (v[0] == NULL || v[1] == NULL || v[2] == NULL || v[3] == NULL)
		return ctl_usage(c, "--portal-key, --given, --family and --mrn are needed");
	return ask_and_print(c, "patient.add", args_of(opt, ARRAY_LEN(opt)), "patient", "patient", NULL);
}

static bool
read_text(struct buf *b)
{
	char part[16384];
	size_t n;

	while ((n = fread(part, 1, sizeof part, stdin)) > 0 && b->n + n <= TEXT_MAX)
		buf_append(b, part, n);
	explicit_bzero(part, sizeof part);
	return !ferror(stdin) && b->n > 0 && b->n <= TEXT_MAX;
}

int
cmd_patient_write(struct ctl *c)
{
	const char *v[4] = { NULL }, *word[1];
	const struct ctl_opt opt[] = { { "--patient", &v[0], NULL }, { "--to", &v[1], NULL },
		{ "--subject", &v[2], NULL }, { "--thread", &v[3], NULL } };
	int rc = ctl_options(c, opt, ARRAY_LEN(opt), word, 0);
	AUTO_BUF text = BUF_INIT;
	json_t *args;

	if (rc != 0)
		return rc;
	if (v[0] == NULL || v[1] == NULL)
		return ctl_usage(c, "--patient and --to are needed, and the text on standard input");
	if (!read_text(&text))
		return ctl_usage(c, "the text is read from standard input: between 1 byte and 1 MB");
	args = args_of(opt, ARRAY_LEN(opt));
	if (json_object_set_new(args, "text", json_stringn(text.p, text.n)) != 0) {
		json_decref(args);
		return ctl_usage(c, "the text is not valid UTF-8");
	}
	return ask_and_print(c, "patient.write", args, "written in thread", "thread", "id");
}

static void
print_post(const json_t *p)
{
	const char *who = json_is_true(json_object_get(p, "from_patient")) ? "you" : str(p, "author");
	const json_t *a;
	size_t i;

	printf("--- %s  %s%s%s%s\n", str(p, "at"), who,
	    json_is_true(json_object_get(p, "notification")) ? " (automatic)" : "", *str(p, "subject") ? ": " : "",
	    str(p, "subject"));
	printf("%s\n", str(p, "text"));
	json_array_foreach (json_object_get(p, "attachments"), i, a)
		printf("[attachment %s, %s]\n", str(a, "name"), str(a, "type"));
}

int
cmd_patient_read(struct ctl *c)
{
	const char *v[2] = { NULL }, *word[1];
	const struct ctl_opt opt[] = { { "--patient", &v[0], NULL }, { "--thread", &v[1], NULL } };
	int rc = ctl_options(c, opt, ARRAY_LEN(opt), word, 0);
	json_t *answer = NULL;
	const json_t *p;
	size_t i;

	if (rc != 0)
		return rc;
	if (v[0] == NULL)
		return ctl_usage(c, "--patient is needed");
	rc = ctl_ask(c, "patient.read", args_of(opt, ARRAY_LEN(opt)), &answer);
	if (rc != 0)
		return rc;
	if (c->json)
		json_dumpf(answer, stdout, JSON_COMPACT), putchar('\n');
	else
		json_array_foreach (json_object_get(answer, "posts"), i, p)
			print_post(p);
	json_decref(answer);
	return 0;
}

struct look {
	struct arena *a;
	const struct conf *conf;
	const char *which;
	json_t *out;
};

static json_t *
patient_json(const struct patient *p)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "ref", p->ref, "portal",
	    p->portal, "portal_key", p->portal_key, "mrn", p->mrn, "given", p->given, "family", p->family, "birth_date",
	    p->birth_date, "zone", p->zone, "language", p->language, "jurisdiction", p->jurisdiction, "known_problems",
	    p->known_problems, "proxies", p->proxies);
}

/* The one that was asked for, or all. */
static enum status
chosen_patients(struct tx *tx, const struct look *l, struct patient **ret, size_t *nret, struct err *err)
{
	struct patient *one = NULL;

	if (l->which == NULL)
		return patient_list(tx, l->a, ret, nret, err);
	TRY(patient_get(tx, l->which, l->a, &one, err));
	if (one == NULL)
		return err_set(err, ST_MSG_REFUSED, "patient.unknown",
		    "no such patient; `portico patient list` shows who is known");
	*ret = one;
	*nret = 1;
	return ST_OK;
}

static enum status
list_patients(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct patient *p = NULL;
	size_t n = 0;

	json_array_clear(l->out);
	TRY(chosen_patients(tx, l, &p, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(l->out, patient_json(&p[i]));
	return ST_OK;
}

static enum status
list_agreements(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct patient *p = NULL;
	size_t np = 0;

	json_array_clear(l->out);
	TRY(chosen_patients(tx, l, &p, &np, err));
	for (size_t i = 0; i < np; i++) {
		struct agreement *g = NULL;
		size_t n = 0;

		TRY(agreement_list(tx, p[i].ref, l->a, &g, &n, err));
		for (size_t k = 0; k < n; k++)
			json_array_append_new(l->out,
			    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "id", g[k].id, "patient",
				p[i].portal_key, "scope",
				g[k].scope == SCOPE_CLINIC
				    ? "clinic"
				    : arena_printf(l->a, "%s:%s", g[k].scope == SCOPE_TEAM ? "team" : "clinician",
					  g[k].scope_id),
				"class", g[k].class_name, "value", agreement_value_name(g[k].value), "state",
				agreement_state_name(agreement_state(l->conf->boundaries, &g[k], tx_now_ms(tx) / 1000)),
				"patient_said", g[k].patient_consent != 0, "clinician_said",
				g[k].clinician_consent != 0));
	}
	return ST_OK;
}

static int
look_list(struct ctl *c, store_fn fn, const char *which, void (*print)(const json_t *))
{
	AUTO(arena) a = arena_new();
	struct look l = { .a = a, .which = which };
	struct conf *conf = NULL;
	struct store *store = NULL;
	struct err err = ERR_NONE;
	const json_t *one;
	size_t i;
	int rc = ctl_look_with_keys(c, &conf, &store);

	if (rc != 0)
		return rc;
	l.conf = conf;
	l.out = json_array();
	if (store_read(store, fn, &l, &err) != ST_OK)
		rc = ctl_fail(&err);
	else if (c->json)
		json_dumpf(l.out, stdout, JSON_COMPACT), putchar('\n');
	else
		json_array_foreach (l.out, i, one)
			print(one);
	json_decref(l.out);
	store_free(store);
	conf_unref(conf);
	return rc;
}

static void
print_patient_row(const json_t *p)
{
	printf("%-16s %-8s %-12s %-10s %s, %s\n", str(p, "ref"), str(p, "portal"), str(p, "portal_key"), str(p, "mrn"),
	    str(p, "family"), str(p, "given"));
}

static void
print_patient(const json_t *p)
{
	static const char *const keys[] = { "ref", "portal", "portal_key", "mrn", "given", "family", "birth_date",
		"zone", "language", "jurisdiction", "known_problems", "proxies" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		printf("%-15s %s\n", keys[i], str(p, keys[i]));
}

int
cmd_patient_list(struct ctl *c)
{
	const char *word[1];
	int rc = ctl_options(c, NULL, 0, word, 0);

	return rc != 0 ? rc : look_list(c, list_patients, NULL, print_patient_row);
}

int
cmd_patient_show(struct ctl *c)
{
	const char *word[2];
	int rc = ctl_options(c, NULL, 0, word, 1);

	if (rc != 0)
		return rc;
	return word[0] == NULL ? ctl_usage(c, "which patient? The name at the portal, the record number or a reference")
			       : look_list(c, list_patients, word[0], print_patient);
}

/* ---- agreements -------------------------------------------------------------------------------------------------- */

int
cmd_agreement_set(struct ctl *c)
{
	const char *v[6] = { NULL }, *word[1];
	const struct ctl_opt opt[] = { { "--patient", &v[0], NULL }, { "--scope", &v[1], NULL },
		{ "--class", &v[2], NULL }, { "--value", &v[3], NULL }, { "--by", &v[4], NULL },
		{ "--expires", &v[5], NULL } };
	int rc = ctl_options(c, opt, ARRAY_LEN(opt), word, 0);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < 5; i++)
		if (v[i] == NULL)
			return ctl_usage(c, "%s is missing", opt[i].name);
	return ask_and_print(c, "agreement.set", args_of(opt, ARRAY_LEN(opt)), "agreement", "agreement", "state");
}

int
cmd_agreement_revoke(struct ctl *c)
{
	const char *by = NULL, *word[2];
	const struct ctl_opt opt[] = { { "--by", &by, NULL } };
	int rc = ctl_options(c, opt, 1, word, 1);

	if (rc != 0)
		return rc;
	if (word[0] == NULL || by == NULL)
		return ctl_usage(c, "an agreement's id and --by are needed");
	return ask_and_print(
	    c, "agreement.revoke", json_pack("{s:s, s:s}", "id", word[0], "by", by), "revoked", "", NULL);
}

static void
print_agreement(const json_t *g)
{
	printf("%-18s %-10s %-18s %-26s %-18s %-9s patient %s, clinician %s\n", str(g, "id"), str(g, "patient"),
	    str(g, "scope"), str(g, "class"), str(g, "value"), str(g, "state"),
	    json_is_true(json_object_get(g, "patient_said")) ? "yes" : "no",
	    json_is_true(json_object_get(g, "clinician_said")) ? "yes" : "no");
}

int
cmd_agreement_list(struct ctl *c)
{
	const char *patient = NULL, *word[1];
	const struct ctl_opt opt[] = { { "--patient", &patient, NULL } };
	int rc = ctl_options(c, opt, 1, word, 0);

	return rc != 0 ? rc : look_list(c, list_agreements, patient, print_agreement);
}
