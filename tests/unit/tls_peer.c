#include "tests/unit/tls_peer.h"

#include "base/own.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_peer {
	struct tls_peer_conf conf;
	SSL_CTX *ctx;
	int listen_fd, port, stop[2];
	pthread_t thread;
};

static struct {
	pthread_once_t once;
	EVP_PKEY *key;
	X509 *cert;
	char path[64];
} authority = { .once = PTHREAD_ONCE_INIT };

static _Thread_local struct tls_peer *self;

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(e != NULL);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *
cert_new(EVP_PKEY *key, const char *cn, long from_s, long until_s)
{
	static long serial;
	X509 *c = X509_new();

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c), from_s);
	X509_gmtime_adj(X509_getm_notAfter(c), until_s);
	X509_set_pubkey(c, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	return c;
}

static void
remove_file(void)
{
	unlink(authority.path);
}

static void
make_authority(void)
{
	int fd;
	FILE *f;

	authority.key = EVP_EC_gen("P-256");
	authority.cert = cert_new(authority.key, "test authority", -86400, 86400);
	X509_set_issuer_name(authority.cert, X509_get_subject_name(authority.cert));
	add_extension(authority.cert, authority.cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(authority.cert, authority.cert, NID_key_usage, "critical,keyCertSign");
	X509_sign(authority.cert, authority.key, EVP_sha256());
	snprintf(authority.path, sizeof authority.path, "/tmp/tls_peer.XXXXXX");
	fd = mkstemp(authority.path);
	f = fdopen(fd, "w");
	assert(f != NULL);
	PEM_write_X509(f, authority.cert);
	fclose(f);
	atexit(remove_file);
}

const char *
tls_peer_ca(void)
{
	pthread_once(&authority.once, make_authority);
	return authority.path;
}

static SSL_CTX *
context_new(const struct tls_peer_conf *conf)
{
	const struct tls_peer_cert *want = &conf->cert;
	bool dated = want->from_s != 0 || want->until_s != 0;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = want->weak ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256");
	X509 *c, *issuer;

	tls_peer_ca();
	c = cert_new(
	    key, want->cn != NULL ? want->cn : "peer", dated ? want->from_s : -3600, dated ? want->until_s : 3600);
	issuer = want->self_signed ? c : authority.cert;
	X509_set_issuer_name(c, X509_get_subject_name(issuer));
	if (want->san != NULL)
		add_extension(c, issuer, NID_subject_alt_name, want->san);
	add_extension(c, issuer, NID_ext_key_usage, want->client_only ? "clientAuth" : "serverAuth");
	X509_sign(c, want->self_signed ? key : authority.key, EVP_sha256());
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, conf->max_version);
	if (SSL_CTX_use_certificate(ctx, c) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		abort();
	X509_free(c);
	EVP_PKEY_free(key);
	return ctx;
}

SSL *
tls_peer_accept(struct tls_peer *p, int fd)
{
	SSL *ssl = SSL_new(p->ctx);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

struct tls_peer *
tls_peer_self(void)
{
	return self;
}

static void *
serve_all(void *arg)
{
	struct tls_peer *p = arg;

	self = p;
	for (;;) {
		struct pollfd fds[2] = { { .fd = p->listen_fd, .events = POLLIN },
			{ .fd = p->stop[0], .events = POLLIN } };
		struct timeval patience = { .tv_sec = 20 };
		SSL *ssl;
		int fd;

		if (poll(fds, 2, -1) < 0 || fds[1].revents != 0)
			return NULL;
		fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		ssl = p->conf.clear ? NULL : tls_peer_accept(p, fd);
		if (p->conf.serve != NULL && (ssl != NULL || p->conf.clear))
			p->conf.serve(ssl, fd, p->conf.arg);
		SSL_free(ssl);
		close(fd);
	}
}

struct tls_peer *
tls_peer_start(const struct tls_peer_conf *conf)
{
	struct tls_peer *p = xcalloc(1, sizeof *p);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;

	p->conf = *conf;
	p->ctx = context_new(conf);
	p->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(p->listen_fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(p->listen_fd, 8) != 0 ||
	    getsockname(p->listen_fd, (struct sockaddr *)&a, &n) != 0 || pipe(p->stop) != 0)
		abort();
	p->port = ntohs(a.sin_port);
	if (pthread_create(&p->thread, NULL, serve_all, p) != 0)
		abort();
	return p;
}

void
tls_peer_stop(struct tls_peer *p)
{
	if (p == NULL)
		return;
	if (write(p->stop[1], "", 1) != 1)
		abort();
	pthread_join(p->thread, NULL);
	close(p->listen_fd);
	close(p->stop[0]);
	close(p->stop[1]);
	SSL_CTX_free(p->ctx);
	free(p);
}

int
tls_peer_port(const struct tls_peer *p)
{
	return p->port;
}
