/* fhir_caps -- what a CapabilityStatement says about the server: fhir_link.h. */
#include "portal/fhir_link.h"

#include <string.h>

static bool
lists(const json_t *list, const char *member, const char *value)
{
	for (size_t i = 0; i < fhir_count(list); i++) {
		const char *s = json_string_value(json_object_get(json_array_get(list, i), member));

		if (s != NULL && strcmp(s, value) == 0)
			return true;
	}
	return false;
}

static bool
does(const json_t *resource, const char *interaction)
{
	return lists(json_object_get(resource, "interaction"), "code", interaction);
}

static bool
searches(const json_t *resource, const char *parameter)
{
	return lists(json_object_get(resource, "searchParam"), "name", parameter);
}

static const json_t *
type_of(const json_t *rest, const char *type)
{
	const json_t *list = json_object_get(rest, "resource");

	for (size_t i = 0; i < fhir_count(list); i++) {
		const char *s = json_string_value(json_object_get(json_array_get(list, i), "type"));

		if (s != NULL && strcmp(s, type) == 0)
			return json_array_get(list, i);
	}
	return NULL;
}

static void
read_communication(const json_t *rest, struct fhir_caps *c)
{
	const json_t *m = type_of(rest, "Communication");
	/* What all types can be searched by may stand above them. */
	const json_t *all = json_object_get(rest, "searchParam");

	c->create = does(m, "create");
	c->read = does(m, "read");
	c->search = does(m, "search-type");
	c->update = does(m, "update");
	c->patch = does(m, "patch");
	c->conditional_create = json_is_true(json_object_get(m, "conditionalCreate"));
	c->by_identifier = c->search && searches(m, "identifier");
	c->by_updated = c->search && (searches(m, "_lastUpdated") || lists(all, "name", "_lastUpdated"));
	c->by_received = c->search && searches(m, "received");
	c->by_recipient = c->search && searches(m, "recipient");
	c->by_category = c->search && searches(m, "category");
	c->by_patient = c->search && (searches(m, "patient") || searches(m, "subject"));
	c->by_id = c->search && searches(m, "_id");
}

bool
fhir_caps_read(const json_t *statement, struct fhir_caps *ret)
{
	const json_t *rests = json_object_get(statement, "rest"), *rest = NULL;
	const char *type = json_string_value(json_object_get(statement, "resourceType"));
	const char *version = json_string_value(json_object_get(statement, "fhirVersion"));
	const char *name = json_string_value(fhir_at(statement, "software", "name"));
	struct fhir_caps c = { .r4 = version != NULL && strncmp(version, "4.0", 3) == 0 };
	size_t n = 0;

	for (size_t i = 0; i < fhir_count(rests) && rest == NULL; i++) {
		const char *mode = json_string_value(json_object_get(json_array_get(rests, i), "mode"));

		if (mode != NULL && strcmp(mode, "server") == 0)
			rest = json_array_get(rests, i);
	}
	if (type == NULL || strcmp(type, "CapabilityStatement") != 0 || rest == NULL)
		return false;
	read_communication(rest, &c);
	c.person_search = searches(type_of(rest, "Patient"), "identifier");
	c.related_persons = does(type_of(rest, "RelatedPerson"), "search-type");
	c.conditions = does(type_of(rest, "Condition"), "search-type");
	c.tasks = does(type_of(rest, "Task"), "create") && does(type_of(rest, "Task"), "update");
	for (const char *p = name; p != NULL && *p != '\0' && n + 1 < sizeof c.software; p++)
		if (*p >= ' ' && *p < 127)
			c.software[n++] = *p;
	*ret = c;
	return true;
}

enum fhir_poll_by
fhir_caps_poll_by(const struct fhir_caps *c, int wanted)
{
	if (wanted != FHIR_POLL_AUTO)
		return (enum fhir_poll_by)wanted;
	if (c->by_updated)
		return FHIR_POLL_UPDATED;
	return c->by_received && c->by_recipient ? FHIR_POLL_RECEIVED : FHIR_POLL_PATIENT;
}

bool
fhir_caps_can_ask(const struct fhir_caps *c)
{
	return c->by_identifier;
}
