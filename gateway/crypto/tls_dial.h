/*
 * tls_dial -- a TCP connection to a host name, within a deadline that covers resolving too.
 *
 * The socket does not block and has keepalive and TCP_USER_TIMEOUT set: a peer that vanished is noticed in half a
 * minute. All addresses of the name are tried in turn (RFC 6724 order), each with its share of the time left.
 * Errors: ST_REMOTE_DOWN tls.resolve, tls.connect, tls.timeout; ST_LOCAL tls.socket. Threads: any.
 */
#ifndef CRYPTO_TLS_DIAL_H
#define CRYPTO_TLS_DIAL_H

#include "base/err.h"

#include <stdint.h>

enum status tls_dial(const char *host, int port, int64_t deadline_ms, int *ret_fd, struct err *) MUST_CHECK;

#endif
