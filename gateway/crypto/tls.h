/*
 * tls -- a verified TLS client connection over OpenSSL: chain, host name, TLS 1.2 or newer, no exceptions.
 *
 * Blocking calls with an absolute deadline (monotonic_ms()); EOF is an error. Threads: one connection, one thread.
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
	const char *ca_file;  /* NULL: the system's anchors */
	bool starttls;	      /* connect in clear; tls_start() later */
};
/* ST_REMOTE_DOWN: tls.resolve, tls.connect, tls.timeout, tls.verify, tls.host, tls.handshake. */
enum status tls_connect(const struct tls_target *, int64_t deadline_ms, struct tls_conn **ret, struct err *) MUST_CHECK;
/* STARTTLS: the handshake on a connection opened in clear. */
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
