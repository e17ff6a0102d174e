/*
 * portal_contract -- what every portal driver must do, as portal.h says.
 *
 * A test program for a driver fills in struct portal_bench: how to open the portal, and how a patient writes there
 * (NULL for a portal nobody can write to). Then it runs the table.
 */
#ifndef TESTS_PORTAL_CONTRACT_H
#define TESTS_PORTAL_CONTRACT_H

#include "portal/portal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct portal_bench {
	/* A fresh far side; false when it cannot. And its end. */
	bool (*up)(void);
	void (*down)(void);
	/* A new session with the same far side. */
	struct portal *(*open)(void);
	/* The patient "homer" writes; thread NULL: a new one. Ids in static storage that the next call may reuse. */
	bool (*write)(const char *thread, const char *text, const char **ret_thread, const char **ret_id);
	/* How many posts the patient sees under this key; -1: it cannot be told. */
	int (*posts)(const char *idem_key);
};
extern struct portal_bench portal_bench;

extern const struct CMUnitTest portal_contract[];
extern const size_t portal_contract_size;

#endif
