/*
 * keys -- the two things a private key does, and nothing else: unwrap a RecipientInfo, sign a digest.
 *
 * Whoever seals or opens holds a struct keys, which may be keys in this process (keys_load) or a socket to
 * portico-keys; the caller cannot tell and never sees a key. Calls may block for milliseconds.
 * Threads: any.
 */
#ifndef CRYPTO_KEYS_H
#define CRYPTO_KEYS_H

#include "base/err.h"
#include "crypto/cert.h"

struct keys;

/* Reads <dir>/<id>.key (PEM, mode 0600) with <dir>/<id>.crt (leaf first, then intermediates), and <dir>/site.key (the
 * 32-byte site key, hex). Keys named <id>.old-*.key are used to decrypt only. */
enum status keys_load(const char *dir, struct keys **ret, struct err *) MUST_CHECK;
void keys_free(struct keys *);
DEFINE_FREEP(keys)

/* The chain that goes with a key, leaf first; borrowed, as long as keys live. ST_LOCAL when there is no such key. */
enum status keys_chain(struct keys *, const char *id, struct cert *const **ret, size_t *nret, struct err *) MUST_CHECK;
/* All certificates we can decrypt for; borrowed. */
size_t keys_recipients(struct keys *, struct cert *const **ret);
/* An EVP_PKEY whose private operations go through sign()/unwrap() of this struct keys; own (EVP_PKEY_free). */
EVP_PKEY *keys_pkey(struct keys *, const struct cert *);

#endif
