/*
 * policy test -- every rule of the lexicons and every identifier against its own examples.
 *
 * An example of must_match must make the rule speak, one of must_not_match must not; what other rules say of it does
 * not matter here. Prints each miss with its rule and "N passed, N failed" alone on the last line.
 */
#include "base/own.h"
#include "ctl/policy.h"
#include "policies/engine.h"
#include "policies/read.h"

#include <stdio.h>
#include <string.h>

struct tester {
	const struct boundaries *b;
	FILE *out; /* the misses */
	size_t passed, failed;
};

/* Does the rule (or, with regex, the identifier) speak in this text? */
static bool
speaks(const struct tester *t, const char *text, enum direction d, size_t rule, bool regex, bool *ret)
{
	AUTO(arena) a = arena_new();
	struct message_facts f = { .direction = d,
		.patient = { .given = "Homer", .family = "Simpson", .mrn = "1001" } };
	struct reader rd = { .b = t->b, .f = &f, .arena = a };
	struct passage p;
	struct err err = ERR_NONE;
	bool ok;

	if (boundaries_scratch(t->b, &rd.scratch, &err) != ST_OK)
		return false;
	ok = passage_read(&rd, 0, slice_of(text), &p, &err) == ST_OK;
	hs_free_scratch(rd.scratch);
	*ret = false;
	for (size_t i = 0; ok && !regex && i < p.nfound; i++)
		*ret = *ret || p.found[i].rule == rule;
	for (size_t i = 0; ok && regex && i < p.nnumbers; i++)
		*ret = *ret || (p.number[i].regex == rule &&
				   !(t->b->regex[rule].check == CHECK_MRN && strstr(text, f.patient.mrn) != NULL));
	return ok;
}

static void
run_examples(struct tester *t, const struct conf_list *list, const char *id, enum direction d, size_t rule, bool regex,
    bool want)
{
	for (size_t i = 0; i < list->n; i++) {
		bool got = false;

		if (speaks(t, list->item[i], d, rule, regex, &got) && got == want) {
			t->passed++;
			continue;
		}
		fprintf(t->out, "%s: %s \"%s\"\n", id, want ? "does not match" : "matches", list->item[i]);
		t->failed++;
	}
}

static void
run_all(struct tester *t)
{
	for (size_t i = 0; i < t->b->lexicon.nrules; i++) {
		const struct lex_rule *r = &t->b->lexicon.rule[i];
		enum direction d = r->direction == DIRECTION_OUT ? TO_PATIENT : TO_CLINICIAN;

		run_examples(t, &r->match, r->id, d, i, false, true);
		run_examples(t, &r->no_match, r->id, d, i, false, false);
	}
	for (size_t i = 0; i < t->b->nregex; i++) {
		const struct regex_conf *r = &t->b->regex[i];

		run_examples(t, &r->match, r->id, TO_PATIENT, i, true, true);
		run_examples(t, &r->no_match, r->id, TO_PATIENT, i, true, false);
	}
}

int
cmd_policy_test(struct ctl *ctl)
{
	AUTO(arena) a = arena_new();
	const char *file = NULL, *word[1] = { NULL };
	const struct ctl_opt opts[] = { { .name = "--boundaries", .value = &file } };
	struct boundaries *b;
	struct tester t;
	int rc;

	if ((rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 0)) != 0)
		return rc;
	if ((rc = policy_boundaries(file, a, &b)) != 0)
		return rc;
	t = (struct tester){ .b = b, .out = ctl->json ? stderr : stdout };
	run_all(&t);
	printf(ctl->json ? "{\"passed\":%zu,\"failed\":%zu}\n" : "%zu passed, %zu failed\n", t.passed, t.failed);
	boundaries_unload(b);
	return t.failed == 0 && t.passed > 0 ? 0 : 1;
}
