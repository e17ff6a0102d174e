/*
 * tls -- a verified TLS client connection over OpenSSL: chain, host name, TLS 1.2 or newer, no exceptions.
 *
 * Blocking calls with an absolute deadline (monotonic_ms()), resolving included; EOF is an error. After a failure the
 * connection is of no more use: every later call fails at once. Never raises SIGPIPE.
 * Errors:   ST_REMOTE_DOWN for the far side, ST_LOCAL for us (tls.ca: the anchors cannot be read; tls.socket).
 * Threads:  one connection, one thread. Anchors are shared between connections and read again after a minute.
 * Source:   RFC 5246, RFC 8446; names by RFC 9525: subject alternative names only, no partial wildcards.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "base/err.h"
#include "base/own.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_conn;
struct tls_target {
	const char *host; /* name or address, also what the certificate must name */
	int port;
	const char *ca_file; /* NULL: the system's anchors */
	bool starttls;	     /* connect in clear; tls_start() later */
};
/* ST_REMOTE_DOWN: tls.resolve, tls.connect, tls.timeout, tls.verify, tls.host, tls.handshake; later tls.closed. */
enum status tls_connect(const struct tls_target *, int64_t deadline_ms, struct tls_conn **ret, struct err *) MUST_CHECK;
/* STARTTLS: the handshake on a connection opened in clear. The caller must have nothing left that it read in clear. */
enum status tls_start(struct tls_conn *, int64_t deadline_ms, struct err *) MUST_CHECK;
/* At least 1 byte, or a failure; never 0. */
enum status tls_read(struct tls_conn *, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *) MUST_CHECK;
enum status tls_write(struct tls_conn *, const void *p, size_t n, int64_t deadline_ms, struct err *) MUST_CHECK;
bool tls_is_secure(const struct tls_conn *);
int tls_fd(const struct tls_conn *);
bool tls_pending(const struct tls_conn *); /* bytes already decrypted and waiting */
void tls_conn_free(struct tls_conn *);
DEFINE_FREEP(tls_conn)

#endif
