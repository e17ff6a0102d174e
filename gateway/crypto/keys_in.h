/* keys_in -- between keys.c, keys_remote.c and keys_serve.c only. */
#ifndef CRYPTO_KEYS_IN_H
#define CRYPTO_KEYS_IN_H

#include "crypto/keys.h"

#include <openssl/evp.h>

struct key {
	char *id;
	EVP_PKEY *pkey;	     /* NULL: it is elsewhere */
	struct cert **chain; /* leaf first */
	size_t nchain;
	bool old; /* decrypts what comes late, signs nothing */
};
struct keys {
	struct key *key;
	size_t n;
	struct cert **recipient; /* borrowed from key[].chain[0] */
	uint8_t site[32];
	bool has_site;
	/* keys elsewhere: one question, one answer; the answer's status and body, or why there was none */
	keys_ask_fn *ask;
	void *ask_arg;
	char *socket; /* own; of portico-keys */
};

/* Takes all of one. */
void keys_add(struct keys *, struct key *one);

enum status remote_sign(
    struct keys *, const char *id, const uint8_t sha256[32], struct buf *ret, struct err *) MUST_CHECK;
enum status remote_unwrap(
    struct keys *, const struct cert *, const struct key_wrap *, uint8_t *ret, size_t n, struct err *) MUST_CHECK;
enum status remote_site_key(struct keys *, uint8_t ret[32], struct err *) MUST_CHECK;
enum status remote_derive(struct keys *, const char *purpose, uint8_t ret[32], struct err *) MUST_CHECK;

#endif
