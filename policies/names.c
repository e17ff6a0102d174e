#include "policies/facts.h"

#include "base/own.h"

#include <string.h>

static const char *const decisions[] = { "deliver", "redact", "redirect", "delay", "hold_confirm", "refuse_in_person",
	"quarantine" };
static const char *const urgencies[] = { "none", "routine", "urgent", "emergency" };
static const char *const assertions[] = { "affirmed", "negated", "possible" };
static const char *const temporalities[] = { "current", "recent", "historical", "hypothetical" };
static const char *const experiencers[] = { "patient", "other" };
static const char *const values[] = { "portal_ok", "portal_after_call", "in_person_only", "never_electronic" };
static const char *const choices[] = { "default", "agreement", "law", "minor", "safety" };

static bool
parse(const char *const *names, size_t n, const char *s, size_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (s != NULL && strcmp(names[i], s) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

const char *
decision_name(enum decision d)
{
	return decisions[d];
}

bool
decision_parse(const char *s, enum decision *ret)
{
	size_t i;

	if (!parse(decisions, ARRAY_LEN(decisions), s, &i))
		return false;
	*ret = (enum decision)i;
	return true;
}

const char *
urgency_name(enum urgency u)
{
	return urgencies[u];
}

bool
urgency_parse(const char *s, enum urgency *ret)
{
	size_t i;

	if (!parse(urgencies, ARRAY_LEN(urgencies), s, &i))
		return false;
	*ret = (enum urgency)i;
	return true;
}

const char *
assertion_name(enum assertion a)
{
	return assertions[a];
}

const char *
temporality_name(enum temporality t)
{
	return temporalities[t];
}

const char *
experiencer_name(enum experiencer e)
{
	return experiencers[e];
}

const char *
agreement_value_name(enum agreement_value v)
{
	return values[v];
}

bool
agreement_value_parse(const char *s, enum agreement_value *ret)
{
	size_t i;

	if (!parse(values, ARRAY_LEN(values), s, &i))
		return false;
	*ret = (enum agreement_value)i;
	return true;
}

const char *
choice_name(enum choice c)
{
	return choices[c];
}
