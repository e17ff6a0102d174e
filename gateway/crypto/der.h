/*
 * der -- as much of X.690 as CMS needs: a bounded BER reader that gives DER, a cursor over DER, a small writer.
 *
 * Everything here reads bytes from outside: one tag byte, lengths of at most four bytes, nesting at most DER_DEPTH,
 * linear time. Nothing is guessed; false means "not well formed".
 * Owns: a struct der borrows. Threads: any.
 */
#ifndef CRYPTO_DER_H
#define CRYPTO_DER_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DER_DEPTH 48		  /* certificates and time stamps inside a SignedData need about 25 */
#define DER_CONSTRUCTED (1 << 20) /* constructed values in one CMS */

enum {
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTCTIME = 0x17,
	DER_GENTIME = 0x18,
	DER_SEQ = 0x30,
	DER_SET = 0x31,
	DER_CTX0 = 0xa0, /* constructed [0], [1], ... are DER_CTX0 + n */
	DER_PRIM0 = 0x80,
};

/* Bytes still to be read, or a value. */
struct der {
	const uint8_t *p;
	size_t n;
};

enum der_check { DER_GOOD, DER_MALFORMED, DER_TOO_DEEP };
/* Exactly one value of BER as DER: definite shortest lengths, strings in one piece. *ret points into in when that was
 * DER already, else into tmp. */
enum der_check der_from_ber(struct der in, struct buf *tmp, struct der *ret);

/* Read the next value and move on. ret (content) and whole (with tag and length) may be NULL. */
bool der_next(struct der *in, uint8_t tag, struct der *ret);
bool der_any(struct der *in, uint8_t *tag, struct der *ret, struct der *whole);
bool der_is(const struct der *in, uint8_t tag);			 /* the next value has this tag */
bool der_optional(struct der *in, uint8_t tag, struct der *ret); /* false: well, it is not there */
bool der_small(struct der *in, unsigned *ret);			 /* INTEGER 0..65535 */
bool der_equal(struct der, struct der);
/* UTCTime or GeneralizedTime in Z with seconds (RFC 5652 11.3), to seconds UTC. */
bool der_time(uint8_t tag, struct der, int64_t *ret);

#define DER_LIT(s) ((struct der){ (const uint8_t *)(s), sizeof(s) - 1 }) /* of a string literal */

/* Writing: appended to the buffer. */
size_t der_size(size_t n); /* of a value with n bytes of content, all in all */
void der_head(struct buf *, uint8_t tag, size_t n);
void der_put(struct buf *, uint8_t tag, struct der);
void der_raw(struct buf *, struct der);
void der_wrap(struct buf *, size_t from, uint8_t tag); /* what was written since from becomes content */

#endif
