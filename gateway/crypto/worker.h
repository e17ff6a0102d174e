/*
 * worker -- mail is opened in a process that has nothing to lose.
 *
 * A pool of portico-worker processes, started before they are needed. One of them gets one mail at a time over a socket
 * pair; it has no files, no network, no store and no key, only the right to ask us to unwrap content keys. What it
 * answers is checked again where that is cheap: the set of reasons, sizes, and text, which we clean ourselves.
 *
 * A worker that dies, hangs or talks nonsense costs that mail: ST_LOCAL with worker_blames(), and the next mail gets a
 * fresh worker. Other failures are ours. Owns: as open.h says; signer_cert is given for verified mail only.
 * Threads: any; who finds no worker free waits.
 */
#ifndef CRYPTO_WORKER_H
#define CRYPTO_WORKER_H

#include "crypto/open.h"
#include "mail/content.h"

struct worker_pool;
struct worker_options {
	const char *program; /* NULL: portico-worker beside the running program */
	size_t processes;
	int64_t timeout_s; /* for one mail, by the wall clock; then the worker is killed */
};
/* ST_LOCAL worker.program when there is no such program. */
enum status worker_pool_new(const struct worker_options *, struct worker_pool **ret, struct err *) MUST_CHECK;
void worker_pool_free(struct worker_pool *);
DEFINE_FREEP(worker_pool)

struct worker_content {
	struct content *content; /* own; NULL: content_from_mime() refused, or nothing was opened */
	const char *code;	 /* why not: "limit.content" or "mime.content"; "" when there is content */
};
/* open_mail() and, where that opened anything, content_from_mime() of what is inside. */
enum status worker_open(struct worker_pool *, const struct open_env *, struct slice raw, struct arena *,
    struct opened *ret, struct worker_content *, struct err *) MUST_CHECK;
/* Is it the mail's doing (worker.died, worker.late, worker.garbage), so that a second time is once too often? */
bool worker_blames(const struct err *);

/* ---- in the worker ---- */

/* Answers until the other side hangs up; 0, or an exit status. */
int worker_serve(int fd);

#endif
