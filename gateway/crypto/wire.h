/*
 * wire -- what our processes say to each other: frames on a unix stream socket, and the fields in them.
 *
 *   frame   u32 length of all that follows, u8 type, body
 *   body    fields in a row: u8; u32; i64; bytes (u32 length, bytes); text (bytes without NUL; length 2^32-1: none)
 *
 * Numbers are little endian. The protocols, and which side may say what:
 *
 *   portico-keys    one connection, one request (type: enum keys_op), one answer (type: enum status). See keys_serve.h.
 *   portico-worker  says WORKER_HELLO once it is locked in. Then, for each mail, the daemon says WORKER_CONFIG if
 *                   anything changed, then WORKER_OPEN; the worker asks WORKER_KEYS and WORKER_REGISTERED as often as
 *                   it must, waiting for each answer, and ends with WORKER_OPENED. Bodies: worker_in.h.
 *
 * A reader takes nothing for granted: whatever is short, long or out of its set makes the reader bad, and a bad reader
 * gives zeroes from then on. Deadlines are monotonic_ms(); NO_DEADLINE waits for ever. Threads: any.
 */
#ifndef CRYPTO_WIRE_H
#define CRYPTO_WIRE_H

#include "base/arena.h"
#include "base/buf.h"

#define NO_DEADLINE INT64_C(-1)

enum wire_io { WIRE_OK, WIRE_END, WIRE_LATE, WIRE_LONG };
/* head and tail are the body, in a row; either may be empty. The socket may be blocking or not. */
enum wire_io wire_send(int fd, uint8_t type, struct slice head, struct slice tail, int64_t deadline_ms);
/* One frame of at most max bytes of body, which replaces what is in ret. WIRE_END: closed, or broken. */
enum wire_io wire_recv(int fd, size_t max, int64_t deadline_ms, uint8_t *type, struct buf *ret);

void wire_put_u8(struct buf *, uint8_t);
void wire_put_u32(struct buf *, uint32_t);
void wire_put_i64(struct buf *, int64_t);
void wire_put_bytes(struct buf *, const void *p, size_t n);
void wire_put_text(struct buf *, const char *); /* NULL: none */

struct wire_in {
	const uint8_t *p;
	size_t n;
	bool bad;
};
struct wire_in wire_in(struct slice body);
uint8_t wire_u8(struct wire_in *);
bool wire_bool(struct wire_in *); /* 0 or 1; anything else is bad */
uint32_t wire_u32(struct wire_in *);
int64_t wire_i64(struct wire_in *);
struct slice wire_bytes(struct wire_in *);		 /* borrowed from the body */
void wire_copy(struct wire_in *, void *ret, size_t n);	 /* bytes of exactly this length */
const char *wire_text(struct wire_in *, struct arena *); /* in the arena; NULL: none, or bad */
/* A text that must be there and have 1 to max characters, none of them a blank, a control or beyond ASCII; "" if not.
 */
const char *wire_word(struct wire_in *, size_t max, struct arena *);
bool wire_good(const struct wire_in *); /* read to its end, and never bad */

#endif
