/*
 * worker_in -- between worker.c, worker_pool.c and worker_serve.c only: the bodies of frames (wire.h).
 *
 *   WORKER_HELLO       -
 *   WORKER_CONFIG      nine i64: struct limits_conf; i64 seconds of CPU for one mail; u8 keys?, bytes KEYS_LIST answer;
 *                      u8 trust?, bytes trust_export()
 *   WORKER_OPEN        i64 now, u8 ask who is registered?, then the mail to the end of the frame
 *   WORKER_KEYS        u8 enum keys_op, then the question      answer: u8 enum status, then the answer's body
 *   WORKER_REGISTERED  text address, word SHA-256              answer: u8 0 or 1
 *   WORKER_OPENED      u8 enum status, then word code; or for ST_OK what put_opened() in worker_serve.c writes
 */
#ifndef CRYPTO_WORKER_IN_H
#define CRYPTO_WORKER_IN_H

#include "crypto/keys_serve.h"
#include "crypto/wire.h"
#include "crypto/worker.h"

#include <sys/types.h>

enum worker_frame {
	WORKER_HELLO = 'h',
	WORKER_CONFIG = 'c',
	WORKER_OPEN = 'o',
	WORKER_KEYS = 'k',
	WORKER_REGISTERED = 'r',
	WORKER_OPENED = 'O',
};
enum inner_kind { INNER_NONE, INNER_SAME, INNER_OTHER };
enum content_kind { CONTENT_NONE, CONTENT_OK, CONTENT_LIMIT, CONTENT_REFUSED };

#define WORKER_ASK_MAX (KEYS_REQUEST_MAX + 1024)

/* One process of the pool. */
struct worker {
	pid_t pid; /* 0: none */
	int fd, pidfd;
	bool hello, busy;
	unsigned mails;
	/* what it was told last */
	bool told;
	uint64_t trust_serial;
	const struct keys *keys;
	struct limits_conf limits;
};
/* The whole exchange about one mail; worker.garbage, worker.died, worker.late or what the worker says. */
enum status worker_talk(struct worker *, const struct open_env *, struct slice raw, int64_t timeout_s, struct arena *,
    struct opened *ret, struct worker_content *, struct err *) MUST_CHECK;
/* The body of WORKER_OPENED. Another status than ST_OK: what the worker says, or worker.garbage. */
enum status worker_read_opened(struct slice body, const struct limits_conf *, struct slice raw, struct arena *,
    struct opened *ret, struct worker_content *, struct err *) MUST_CHECK;

#endif
