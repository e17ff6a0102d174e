/*
 * keys -- the two things a private key does, and nothing else: unwrap a content key, sign a digest.
 *
 * Whoever seals or opens holds a struct keys, which may be keys in this process (keys_load) or a socket to
 * portico-keys; the caller cannot tell and never sees a key, nor a raw RSA operation. Calls may block for milliseconds.
 * Threads: any.
 */
#ifndef CRYPTO_KEYS_H
#define CRYPTO_KEYS_H

#include "base/err.h"
#include "crypto/cert.h"

struct keys;

/* Makes <dir> (0700) and <dir>/site.key (32 random bytes in hex, 0600) unless they exist. */
enum status keys_init(const char *dir, struct err *) MUST_CHECK;
/* Reads <dir>/<id>.key (PEM, mode 0600) with <dir>/<id>.crt (leaf first, then intermediates), and <dir>/site.key (the
 * 32-byte site key, hex). Keys named <id>.old-*.key are used to decrypt only. */
enum status keys_load(const char *dir, struct keys **ret, struct err *) MUST_CHECK;
/* Keys from files given one by one, to decrypt only and without a site key: what "mail explain" works with. Whoever
 * names a file on the command line answers for its mode. */
enum status keys_from_files(
    const char *const *key_path, const char *const *cert_path, size_t n, struct keys **ret, struct err *) MUST_CHECK;
/* Keys that portico-keys holds behind a unix socket. A key process that is away or starts again is ST_LOCAL keys.away
 * for as long as it lasts; certificates are those of the first call. Limited there: ST_LOCAL keys.rate. */
enum status keys_connect(const char *socket, struct keys **ret, struct err *) MUST_CHECK;
/* The same over a way of the caller's own: list is a KEYS_LIST answer (keys_serve.h), ask puts one question. */
typedef enum status keys_ask_fn(void *arg, uint8_t op, struct slice request, struct buf *ret, struct err *);
enum status keys_elsewhere(struct slice list, keys_ask_fn *ask, void *arg, struct keys **ret, struct err *) MUST_CHECK;
void keys_free(struct keys *);
DEFINE_FREEP(keys)

/* The chain that goes with a key, leaf first; borrowed, as long as keys live. ST_LOCAL when there is no such key. */
enum status keys_chain(struct keys *, const char *id, struct cert *const **ret, size_t *nret, struct err *) MUST_CHECK;
/* All certificates we can decrypt for; borrowed. */
size_t keys_recipients(struct keys *, struct cert *const **ret);

/* The signature of key id over a SHA-256 digest, appended to ret: RSASSA-PKCS1-v1_5, or ECDSA as a DER sequence. */
enum status keys_sign(
    struct keys *, const char *id, const uint8_t sha256[32], struct buf *ret, struct err *) MUST_CHECK;

/* A content-encryption key as one RecipientInfo holds it (RFC 5652 6.2.1; RFC 5753 3.1). Slices are borrowed. */
enum wrap_kind { WRAP_PKCS1, WRAP_OAEP, WRAP_ECDH };
struct key_wrap {
	enum wrap_kind kind;
	struct slice wrapped;
	const char *md, *mgf_md;  /* OAEP: digest and MGF1 digest; ECDH: digest of the X9.63 KDF (md) */
	struct slice label;	  /* OAEP pSource */
	struct slice point;	  /* ECDH: the sender's ephemeral public key, uncompressed */
	struct slice shared_info; /* ECDH: DER ECC-CMS-SharedInfo */
	int wrap_bits;		  /* ECDH: AES key wrap with 128, 192 or 256 bits */
};
/* n bytes of content key for one of keys_recipients(). A wrap that does not open gives random bytes and ST_OK: whether
 * it did is learnt from the content alone, so nobody can use us as a padding oracle. Other failures are ours. */
enum status keys_unwrap(
    struct keys *, const struct cert *, const struct key_wrap *, uint8_t *ret, size_t n, struct err *) MUST_CHECK;

/* The site key, and keys derived from it for one purpose each ("token", "log"). ST_LOCAL keys.site when there is none.
 */
enum status keys_site_key(struct keys *, uint8_t ret[32], struct err *) MUST_CHECK;
enum status keys_derive(struct keys *, const char *purpose, uint8_t ret[32], struct err *) MUST_CHECK;

#endif
