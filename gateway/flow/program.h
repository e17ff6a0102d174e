/*
 * program -- how both daemons begin: options, no core file, the log, the world.
 *
 * Called once from main(), before any thread. A mistake in the configuration is printed line by line.
 */
#ifndef FLOW_PROGRAM_H
#define FLOW_PROGRAM_H

#include "flow/world.h"

#include <signal.h>

struct program {
	const char *name; /* "portico-bridge" */
	const char *does; /* for --help: what it does, and its signals; lines of text */
	struct world_options world;
	sigset_t waited; /* signals that a thread waits for: blocked in every thread */
};
/* True with an open world; false with the exit code, when the program is to end at once. */
bool program_begin(const struct program *, int argc, char **argv, struct world **ret, int *ret_exit);
/* Reads the configuration again and logs what came of it; with a mistake the old one stays in force. */
void program_reload(const struct program *, struct world *);

#endif
