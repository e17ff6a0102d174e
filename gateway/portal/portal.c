#include "portal/portal.h"

#include <string.h>

static const struct portal_driver *const drivers[] = { &portal_local, &portal_fhir, &portal_null };

const struct portal_driver *
portal_driver_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}
