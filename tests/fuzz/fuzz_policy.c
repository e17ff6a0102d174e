/*
 * Target: policy_judge() -- the first byte says direction, age and proxy; then subject, body and an attachment's text,
 * each ended by a zero byte. Seeds: corpus/policy. Runs from the top of the source tree, where conf/ is.
 */
#include "conf/boundaries_in.h"
#include "policies/engine.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct boundaries *rules;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct conf_errors errs = { .text = BUF_INIT };
	static struct arena *a; /* a global keeps it reachable */

	(void)argc;
	(void)argv;
	a = arena_new();
	rules = boundaries_load("conf/boundaries.yaml", a, &errs);
	if (rules == NULL) {
		fprintf(stderr, "%s", buf_str(&errs.text));
		exit(1);
	}
	conf_errors_free(&errs);
	return 0;
}

static const char *
field(const char **p, const char *end)
{
	const char *s = *p;

	*p = s < end ? s + strlen(s) + 1 : end;
	return s < end ? s : "";
}

static void
check(const struct message_facts *f, const struct verdict *v)
{
	assert(f->direction == TO_PATIENT || v->act == ACT_DELIVER);
	assert(v->ncategories > 0 && v->route != NULL && v->auto_reply != NULL && v->rule != NULL);
	for (size_t i = 0; i < v->nmentions; i++) {
		const struct mention *m = &v->mentions[i];
		const char *text = m->source < 0    ? f->subject
				   : m->source == 0 ? f->body
						    : f->attachments[m->source - 1].text;
		size_t len = text != NULL ? strlen(text) : 0;

		assert(m->begin <= m->end && m->end <= len);
		assert(boundaries_class(rules, m->class_name) != NULL);
	}
	for (size_t i = 0; i < v->nredactions; i++)
		assert(v->redactions[i].begin < v->redactions[i].end && v->redactions[i].end <= strlen(f->body));
	assert(!v->redirect_on_release || v->redirect_to != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	AUTO(arena) a = arena_new();
	struct proxy_facts proxy = { "mother", "full", true };
	struct attachment_facts att = { "a.pdf", "application/pdf", NULL, 1 };
	const char *p, *end;
	struct message_facts f = { .now = 1772463600 };
	struct verdict v, again;

	if (n < 1 || rules == NULL)
		return 0;
	p = arena_strndup(a, (const char *)in + 1, n - 1);
	end = p + n - 1;
	f.direction = in[0] & 1 ? TO_PATIENT : TO_CLINICIAN;
	f.subject = field(&p, end);
	f.body = field(&p, end);
	f.patient = (struct patient_facts){ .given = "Homer",
		.family = "Simpson",
		.mrn = "1001",
		.age = in[0] & 2 ? 15 : 47,
		.jurisdiction = in[0] & 4 ? "US-CA" : NULL,
		.proxies = &proxy,
		.nproxies = in[0] & 8 ? 1 : 0 };
	if (p < end) {
		att.text = field(&p, end);
		f.attachments = &att;
		f.nattachments = 1;
	}
	if (policy_judge(rules, &f, a, &v, NULL) != ST_OK)
		return 0;
	check(&f, &v);
	if (policy_judge(rules, &f, a, &again, NULL) == ST_OK)
		assert(again.act == v.act && again.nmentions == v.nmentions && again.urgency == v.urgency);
	return 0;
}
