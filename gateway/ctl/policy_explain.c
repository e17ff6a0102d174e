/*
 * policy explain FILE -- one text as the boundaries read it: mentions, rule, agreement, decision, and what would change
 * it. The text is the caller's own file; nothing of it is stored or logged.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "ctl/policy.h"
#include "policies/agreement.h"
#include "policies/engine.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX ((size_t)4 * 1024 * 1024)
#define LIST_MAX 32

struct question {
	const char *boundaries, *subject, *jurisdiction, *language, *age, *known, *agree, *given, *family, *mrn;
	bool from_patient, proxy;
	const char *file;
};

/* "a,b" into a list; borrowed from a copy in the arena. */
static size_t
split(struct arena *a, const char *s, const char **ret)
{
	size_t n = 0;
	char *copy = arena_strdup(a, s != NULL ? s : ""), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p != NULL && n < LIST_MAX; p = strtok_r(NULL, ",", &save))
		ret[n++] = p;
	return n;
}

/* "news.malignancy=portal_ok": in force, said by both. */
static int
read_agreements(struct arena *a, const struct boundaries *b, const char *s, struct message_facts *f)
{
	const char *item[LIST_MAX];
	size_t n = split(a, s, item);
	struct agreement *list = ARENA_ARRAY(a, n + 2, struct agreement);

	for (size_t i = 0; i < n; i++) {
		char *eq = strchr(arena_strdup(a, item[i]), '=');
		const char *name = arena_strndup(a, item[i], strcspn(item[i], "="));

		list[i] = (struct agreement){ .scope = SCOPE_CLINIC,
			.scope_id = "",
			.class_name = name,
			.by = "",
			.patient_consent = 1,
			.clinician_consent = 1,
			.made = 1 };
		if (eq == NULL || !boundaries_has_class(b, name) || !agreement_value_parse(eq + 1, &list[i].value)) {
			fprintf(stderr, "portico: --agree \"%s\": CLASS=VALUE is expected, as in topic.hiv=portal_ok\n",
			    item[i]);
			return EX_USAGE;
		}
		snprintf(list[i].id, sizeof list[i].id, "--agree %u", (unsigned)(i + 1) & 0xffu);
	}
	f->agreements = list;
	f->nagreements = n;
	return 0;
}

static void
place(const char *text, uint32_t at, unsigned *line, unsigned *column)
{
	*line = *column = 1;
	for (uint32_t i = 0; i < at && text[i] != '\0'; i++) {
		if (text[i] == '\n')
			(*line)++, *column = 1;
		else if ((text[i] & 0xC0) != 0x80)
			(*column)++;
	}
}

static void
print_mention(const struct boundaries *b, const struct message_facts *f, const struct mention *m)
{
	const char *text = m->source < 0 ? f->subject : f->body;
	unsigned line, column;

	place(text, m->begin, &line, &column);
	printf("  %-22s %-8s %-12s %-7s %s%u:%u  \"%.*s\"\n", m->class_name, assertion_name(m->assertion),
	    temporality_name(m->temporality), experiencer_name(m->experiencer), m->source < 0 ? "subject " : "", line,
	    column, (int)(m->end - m->begin), text + m->begin);
	(void)b;
}

static void
print_verdict(const struct boundaries *b, const struct message_facts *f, const struct verdict *v)
{
	printf("policy    %s (%.12s)\n", v->policy_version, v->policy_hash);
	printf("mentions  %s\n", v->nmentions == 0 ? "none" : "");
	for (size_t i = 0; i < v->nmentions; i++)
		print_mention(b, f, &v->mentions[i]);
	printf("requests ");
	for (size_t i = 0; i < v->ncategories; i++)
		printf(" %s", v->categories[i]);
	printf("\n");
	if (f->direction == TO_CLINICIAN)
		printf(
		    "urgency   %s, to %s, answered with \"%s\"\n", urgency_name(v->urgency), v->route, v->auto_reply);
	if (v->not_screened)
		printf("not read  %s\n", v->not_screened_why);
	printf("decision  %s%s%s\n", decision_name(v->act), v->redirect_to != NULL ? ", to " : "",
	    v->redirect_to != NULL ? v->redirect_to : "");
	if (v->act != ACT_DELIVER)
		printf("because   %s: rule %s, %s%s%s\n", *v->class_name ? v->class_name : "not read", v->rule,
		    choice_name(v->whose), *v->agreement ? " " : "", v->agreement);
}

/* Every agreement on the class that decided, tried in turn. */
static void
print_changes(const struct boundaries *b, const struct message_facts *f, const struct verdict *v, struct arena *a)
{
	struct message_facts what = *f;
	struct agreement *list = ARENA_ARRAY(a, f->nagreements + 1, struct agreement);
	bool any = false;

	if (f->direction == TO_CLINICIAN || *v->class_name == '\0')
		return;
	if (f->nagreements > 0)
		memcpy(list, f->agreements, f->nagreements * sizeof *list);
	what.agreements = list;
	what.nagreements = f->nagreements + 1;
	for (int value = AGREE_PORTAL_OK; value <= AGREE_IN_PERSON_ONLY; value++) {
		struct agreement *g = &list[f->nagreements];
		struct verdict other;
		struct err err = ERR_NONE;

		*g = (struct agreement){ .scope = SCOPE_CLINICIAN,
			.scope_id = "you",
			.class_name = v->class_name,
			.by = "",
			.patient_consent = f->now,
			.clinician_consent = f->now,
			.made = f->now };
		g->value = (enum agreement_value)value;
		what.clinician = "you";
		if (policy_judge(b, &what, a, &other, &err) != ST_OK || other.act == v->act)
			continue;
		printf("%s  %s agreed as %s: %s\n", any ? "        " : "change  ", v->class_name,
		    agreement_value_name(g->value), decision_name(other.act));
		any = true;
	}
	if (!any)
		printf("change    no agreement would: %s decides\n", choice_name(v->whose));
}

static int
explain(const struct question *q, const struct boundaries *b, const char *text, struct arena *a)
{
	const char *known[LIST_MAX];
	struct proxy_facts proxy = { "proxy", "full", true };
	struct message_facts f = { .direction = q->from_patient ? TO_CLINICIAN : TO_PATIENT,
		.subject = q->subject != NULL ? q->subject : "",
		.body = text,
		.language = q->language,
		.now = (int64_t)time(NULL) };
	struct verdict v;
	struct err err = ERR_NONE;
	int rc;

	f.patient = (struct patient_facts){ .given = q->given,
		.family = q->family,
		.mrn = q->mrn,
		.age = q->age != NULL ? (int)strtol(q->age, NULL, 10) : -1,
		.jurisdiction = q->jurisdiction,
		.language = q->language,
		.known_problems = known,
		.proxies = &proxy,
		.nproxies = q->proxy ? 1 : 0 };
	f.patient.nknown_problems = split(a, q->known, known);
	if ((rc = read_agreements(a, b, q->agree, &f)) != 0)
		return rc;
	if (policy_judge(b, &f, a, &v, &err) != ST_OK)
		return ctl_fail(&err);
	print_verdict(b, &f, &v);
	print_changes(b, &f, &v, a);
	return 0;
}

int
cmd_policy_explain(struct ctl *ctl)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF text = BUF_INIT;
	struct question q = { .given = "Homer", .family = "Simpson", .mrn = "1001" };
	const char *word[2] = { NULL };
	const struct ctl_opt opts[] = { { "--boundaries", &q.boundaries, NULL }, { "--subject", &q.subject, NULL },
		{ "--jurisdiction", &q.jurisdiction, NULL }, { "--language", &q.language, NULL },
		{ "--age", &q.age, NULL }, { "--known", &q.known, NULL }, { "--agree", &q.agree, NULL },
		{ "--given", &q.given, NULL }, { "--family", &q.family, NULL }, { "--mrn", &q.mrn, NULL },
		{ "--from-patient", NULL, &q.from_patient }, { "--proxy", NULL, &q.proxy } };
	struct err err = ERR_NONE;
	struct boundaries *b;
	int rc;

	if ((rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 1)) != 0)
		return rc;
	if (word[0] == NULL)
		return ctl_usage(ctl, "policy explain needs one FILE of text");
	if (file_read(word[0], TEXT_MAX, &text, &err) != ST_OK) {
		fprintf(stderr, "portico: %s\n", err.text);
		return EX_NOINPUT;
	}
	if ((rc = policy_boundaries(q.boundaries, a, &b)) != 0)
		return rc;
	rc = explain(&q, b, buf_str(&text), a);
	boundaries_unload(b);
	return rc;
}
