/*
 * keys_serve -- keys for another process: the questions portico-keys answers, and nothing else.
 *
 *   KEYS_LIST    -                                              -> u32 n, then each: word id, u8 old, u32 m, m DER
 *   KEYS_SIGN    word id, bytes digest (32)                      -> bytes signature
 *   KEYS_UNWRAP  word SHA-256 of the certificate, u8 kind, bytes wrapped, text md, text mgf_md, bytes label,
 *                bytes point, bytes shared_info, u32 wrap_bits, u32 n -> bytes content key (n)
 *   KEYS_DERIVE  word purpose                                    -> bytes key (32)
 *   KEYS_SITE    -                                               -> bytes site key (32): the store's, for the daemons
 *
 * An answer that is not ST_OK holds word code, text explanation. Formats: wire.h. Threads: any.
 */
#ifndef CRYPTO_KEYS_SERVE_H
#define CRYPTO_KEYS_SERVE_H

#include "crypto/keys.h"

enum keys_op { KEYS_LIST = 1, KEYS_SIGN, KEYS_UNWRAP, KEYS_DERIVE, KEYS_SITE };
#define KEYS_REQUEST_MAX 65536
#define KEYS_ANSWER_MAX (4 * 1024 * 1024)

/* What the other side may ask. A worker opens what it is handed: it gets content keys and nothing else. */
enum keys_peer { KEYS_FOR_DAEMON, KEYS_FOR_WORKER };
/* The answer's status and body, for any request, hostile ones included. */
enum status keys_answer(struct keys *, enum keys_peer, uint8_t op, struct slice request, struct buf *ret);

#endif
