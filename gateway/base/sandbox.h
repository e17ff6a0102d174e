/*
 * sandbox -- a process gives up what it will not need: limits (setrlimit(2)) and system calls (seccomp(2)).
 *
 * What is not on the list of its kind fails with EPERM; running a program, tracing and, in a worker, making a socket
 * end the process. It holds for all threads, and there is no way back. Once, after everything was opened that needs
 * opening. Errors: ST_LOCAL sandbox.*: go on without it at your own risk, or better not at all.
 */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include "base/err.h"

#include <stddef.h>

enum sandbox_kind {
	SANDBOX_WORKER, /* one thread, one connected socket; no file, no other process, no new descriptor */
	SANDBOX_KEYS,	/* threads that exist already, a listening socket; no file, no other process */
};
enum status sandbox_enter(enum sandbox_kind, struct err *) MUST_CHECK;

/* No core file, no tracing by others of the same user, no new privileges, umask 077; harmless to repeat. */
void sandbox_quiet(void);
/* Memory (bytes of address space; skipped under sanitizers, which need it all) and descriptors. With a limit of memory
 * nothing can be written to a file either; 0: no such limits. */
enum status sandbox_limits(size_t memory, unsigned descriptors, struct err *) MUST_CHECK;

#endif
