#include "tests/unit/policy_help.h"

#include "base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MONDAY INT64_C(1772463600) /* 2026-03-02T15:00:00Z */

static struct boundaries *shipped;
static struct arena *memory;

const struct boundaries *
policy_shipped(void)
{
	struct conf_errors errs = { .text = BUF_INIT };

	if (shipped != NULL)
		return shipped;
	memory = arena_new();
	shipped = boundaries_load("conf/boundaries.yaml", memory, &errs);
	assert_string_equal(buf_str(&errs.text), "");
	assert_non_null(shipped);
	conf_errors_free(&errs);
	return shipped;
}

void
policy_help_done(void)
{
	boundaries_unload(shipped);
	arena_free(memory);
	shipped = NULL;
	memory = NULL;
}

struct message_facts
policy_facts(enum direction d, const char *subject, const char *body)
{
	return (struct message_facts){
		.direction = d,
		.subject = subject,
		.body = body,
		.patient = { .given = "Homer",
		    .family = "Simpson",
		    .mrn = "1001",
		    .age = 47,
		    .jurisdiction = "US-default" },
		.clinician = "lee",
		.now = MONDAY,
	};
}

struct verdict
policy_judged(const struct boundaries *b, const struct message_facts *f, struct arena *a)
{
	struct verdict v;
	struct err err = ERR_NONE;

	if (policy_judge(b, f, a, &v, &err) != ST_OK)
		fail_msg("%s", err.text);
	return v;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *
policy_mentions(const struct verdict *v, struct arena *a)
{
	const char **m = ARENA_ARRAY(a, v->nmentions + 1, const char *);
	AUTO_BUF all = BUF_INIT;

	for (size_t i = 0; i < v->nmentions; i++)
		m[i] = arena_printf(a, "%s%c%c%c", v->mentions[i].class_name, "+-?"[v->mentions[i].assertion],
		    "crhy"[v->mentions[i].temporality], "po"[v->mentions[i].experiencer]);
	if (v->nmentions > 0)
		qsort(m, v->nmentions, sizeof *m, by_text);
	for (size_t i = 0; i < v->nmentions; i++)
		buf_printf(&all, "%s%s", i > 0 ? " " : "", m[i]);
	return arena_strdup(a, buf_str(&all));
}

static const char *
mentions_of(enum direction d, const char *body, struct arena *a)
{
	struct message_facts f = policy_facts(d, "", body);
	struct verdict v = policy_judged(policy_shipped(), &f, a);

	return policy_mentions(&v, a);
}

const char *
policy_from_patient(const char *body, struct arena *a)
{
	return mentions_of(TO_CLINICIAN, body, a);
}

const char *
policy_to_patient(const char *body, struct arena *a)
{
	return mentions_of(TO_PATIENT, body, a);
}
