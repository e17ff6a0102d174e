#include "ctl/policy_override.h"

#include "policies/facts.h"

#include <string.h>

#define REFUSE(err, ...) err_set((err), ST_MSG_REFUSED, "cases.policy", __VA_ARGS__)

static const char *
text_of(const json_t *v)
{
	return json_is_string(v) ? json_string_value(v) : "";
}

static enum status
read_decision(const json_t *v, const char *where, int *ret, struct err *err)
{
	enum decision d;

	if (!decision_parse(text_of(v), &d))
		return REFUSE(err, "policy.%s: \"%s\" is no decision", where, text_of(v));
	*ret = (int)d;
	return ST_OK;
}

/* "news.*" and "news.malignancy" alike. */
static bool
covers(const char *pattern, const char *class_name)
{
	size_t n = strlen(pattern);

	if (n >= 2 && strcmp(pattern + n - 2, ".*") == 0)
		return strncmp(pattern, class_name, n - 1) == 0;
	return strcmp(pattern, class_name) == 0;
}

static enum status
read_defaults(struct boundaries *b, json_t *map, struct err *err)
{
	const char *name;
	json_t *v;

	json_object_foreach (map, name, v) {
		int d = 0;

		TRY(read_decision(v, "defaults_outbound", &d, err));
		for (size_t i = 0; i < b->nclasses; i++)
			if (covers(name, b->classes[i].name))
				b->classes[i].decision = d;
	}
	return ST_OK;
}

static enum status
read_triggers(struct boundaries *b, json_t *map, struct err *err)
{
	static const char *const names[] = { "affirmed", "negated", "possible" };
	const char *name;
	json_t *list, *v;
	size_t i;

	json_object_foreach (map, name, list) {
		unsigned bits = 0;

		json_array_foreach (list, i, v) {
			unsigned a = 0;

			while (a < 3 && strcmp(names[a], text_of(v)) != 0)
				a++;
			if (a == 3)
				return REFUSE(err, "policy.triggering_assertions: \"%s\" is no assertion", text_of(v));
			bits |= 1u << a;
		}
		for (i = 0; i < b->nclasses; i++)
			if (covers(name, b->classes[i].name))
				b->classes[i].triggers = bits;
	}
	return ST_OK;
}

static enum status
read_values(struct boundaries *b, json_t *map, struct err *err)
{
	const char *name;
	json_t *v;

	json_object_foreach (map, name, v) {
		enum agreement_value value;

		if (!agreement_value_parse(name, &value))
			return REFUSE(err, "policy.agreement_values: \"%s\" is no value", name);
		TRY(read_decision(v, "agreement_values", &b->agreement[value], err));
	}
	return ST_OK;
}

/* A pack that the file names replaces the shipped one of that name. */
static enum status
read_floors(struct boundaries *b, json_t *map, struct arena *a, struct err *err)
{
	size_t n = b->nfloors, kept = 0;
	const char *pack, *name;
	struct floor_conf *all;
	json_t *classes, *v;

	json_object_foreach (map, pack, classes)
		n += json_object_size(classes);
	all = ARENA_ARRAY(a, n + 1, struct floor_conf);
	for (size_t i = 0; i < b->nfloors; i++)
		if (json_object_get(map, b->floors[i].jurisdiction) == NULL)
			all[kept++] = b->floors[i];
	json_object_foreach (map, pack, classes) {
		json_object_foreach (classes, name, v) {
			all[kept] = (struct floor_conf){ .jurisdiction = arena_strdup(a, pack),
				.class_name = arena_strdup(a, name) };
			TRY(read_decision(v, "legal_floor", &all[kept].decision, err));
			kept++;
		}
	}
	b->floors = all;
	b->nfloors = kept;
	return ST_OK;
}

static enum status
read_minors(struct boundaries *b, json_t *map, struct arena *a, struct err *err)
{
	json_t *classes = json_object_get(map, "classes"), *ages = json_object_get(map, "ages");

	if (json_is_array(classes)) {
		b->minor_classes.item = ARENA_ARRAY(a, json_array_size(classes) + 1, const char *);
		b->minor_classes.n = 0;
		for (size_t i = 0; i < json_array_size(classes); i++)
			b->minor_classes.item[b->minor_classes.n++] =
			    arena_strdup(a, text_of(json_array_get(classes, i)));
	}
	if (json_is_array(ages) && json_array_size(ages) == 2) {
		b->minor_from = (int)json_integer_value(json_array_get(ages, 0));
		b->minor_to = (int)json_integer_value(json_array_get(ages, 1));
	}
	if (json_object_get(map, "to") != NULL)
		b->minor_redirect = arena_strdup(a, text_of(json_object_get(map, "to")));
	if (json_object_get(map, "decision") != NULL)
		TRY(read_decision(
		    json_object_get(map, "decision"), "minor_with_proxy_in_thread", &b->minor_decision, err));
	return ST_OK;
}

enum status
policy_override(struct boundaries *b, json_t *policy, struct arena *a, struct err *err)
{
	if (policy == NULL || json_is_null(policy))
		return ST_OK;
	if (!json_is_object(policy))
		return REFUSE(err, "\"policy\" is not an object");
	TRY(read_defaults(b, json_object_get(policy, "defaults_outbound"), err));
	TRY(read_triggers(b, json_object_get(policy, "triggering_assertions"), err));
	TRY(read_values(b, json_object_get(policy, "agreement_values"), err));
	if (json_is_object(json_object_get(policy, "legal_floor")))
		TRY(read_floors(b, json_object_get(policy, "legal_floor"), a, err));
	return read_minors(b, json_object_get(policy, "minor_with_proxy_in_thread"), a, err);
}
