/*
 * fhir_auth -- who we are, as SMART Backend Services wants it: a signed assertion for a token (RFC 7521, RFC 7523).
 *
 * Threads: any, one key belongs to one thread at a time.
 */
#ifndef PORTAL_FHIR_AUTH_H
#define PORTAL_FHIR_AUTH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"
#include "conf/fhir.h"

#include <stdint.h>

struct fhir_key;
struct json_t;

/* A private key of RSA (2048 bits and more) or P-384. kid NULL: its thumbprint (RFC 7638). */
enum status fhir_key_read(const char *path, const char *kid, int alg, struct fhir_key **ret, struct err *) MUST_CHECK;
/* The same from PEM in memory. */
enum status fhir_key_parse(struct slice pem, const char *kid, int alg, struct fhir_key **ret, struct err *) MUST_CHECK;
void fhir_key_free(struct fhir_key *);
DEFINE_FREEP(fhir_key)

/* The public half as a JWK (RFC 7517); a new object. */
struct json_t *fhir_key_jwk(const struct fhir_key *);

/* A JWT for one use, valid for 4 minutes from now (seconds UTC); appended. jti: 16 random bytes as hex. */
enum status fhir_assertion(const struct fhir_key *, const char *client_id, const char *token_url, int64_t now,
    const char *jti, struct buf *ret, struct err *) MUST_CHECK;

/* RFC 4648 5 without padding; appended. */
void base64url_put(const void *p, size_t n, struct buf *ret);

#endif
