#include "base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fault_armed;
static size_t fault_len;
static atomic_int fault_left;

void
fault_init(void)
{
	const char *spec = secure_getenv("PORTICO_DIE_AT");
	const char *colon;

	if (spec == NULL || *spec == '\0')
		return;
	colon = strrchr(spec, ':');
	fault_len = colon != NULL ? (size_t)(colon - spec) : strlen(spec);
	atomic_store(&fault_left, colon != NULL ? atoi(colon + 1) : 1);
	fault_armed = spec;
}

void
fault_hit(const char *name)
{
	if (strlen(name) != fault_len || strncmp(name, fault_armed, fault_len) != 0)
		return;
	if (atomic_fetch_sub(&fault_left, 1) == 1)
		kill(getpid(), SIGKILL);
}
