/*
 * tls_peer -- a TLS server in a thread of the test, with the certificate the test wants, right or wrong.
 *
 * One authority for the process, made at first use; its certificate is in a file. Connections are served one after
 * another.
 */
#ifndef TESTS_TLS_PEER_H
#define TESTS_TLS_PEER_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls_peer_cert {
	const char *san; /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
	const char *cn;
	long from_s, until_s; /* from now; 0,0: valid for an hour either way */
	bool self_signed, client_only, weak;
};
struct tls_peer_conf {
	struct tls_peer_cert cert;
	int max_version; /* TLS1_1_VERSION; 0: newest */
	bool clear;	 /* no handshake: serve() gets ssl NULL and does as it likes */
	void (*serve)(SSL *, int fd, void *arg);
	void *arg;
};
struct tls_peer;
struct tls_peer *tls_peer_start(const struct tls_peer_conf *);
void tls_peer_stop(struct tls_peer *);
int tls_peer_port(const struct tls_peer *);
/* For serve() of a clear connection: the handshake. NULL when it fails; SSL_free() it. */
SSL *tls_peer_accept(struct tls_peer *, int fd);
struct tls_peer *tls_peer_self(void); /* inside serve() */
const char *tls_peer_ca(void);	      /* the authority's PEM file */

#endif
