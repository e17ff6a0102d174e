/*
 * bridge -- portico-bridge: portals, couriers, clockwork and the control socket as threads of one process.
 *
 * Every thread loops over one coordinator of flow/ and sleeps on the bell; nothing is shared but the world and the
 * bell.
 */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

#include "flow/world.h"

#include <stdatomic.h>
#include <stdbool.h>

struct bell;
struct bridge {
	struct world *world;
	struct bell *bell;
	atomic_bool stop;
	atomic_bool reload;
};

/* The bell: rung by commits of this process, by the doorbell socket, and at shutdown. */
struct bell *bell_new(void);
void bell_free(struct bell *);
void bell_ring(struct bell *);
/* Sleeps until the bell rings or timeout_ms passed; a ring since *seen (updated) returns at once. */
void bell_wait(struct bell *, unsigned *seen, int timeout_ms);
int bell_fd(struct bell *); /* readable while stopping: for portal.wait */
void bell_stop(struct bell *);

/* Thread bodies; arg as named. */
void *run_portal(void *portal_task);
void *run_courier(void *courier_task);
void *run_clockwork(void *bridge);
void *run_doorbell(void *bridge);
void *run_control(void *bridge);

struct portal_task {
	struct bridge *b;
	char portal_id[64];
};
struct courier_task {
	struct bridge *b;
	const char *lane;
};

#endif
