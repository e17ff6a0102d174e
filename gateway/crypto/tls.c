#include "crypto/tls.h"

#include "base/clock.h"
#include "crypto/tls_dial.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ANCHORS_MAX 16
#define ANCHORS_AGE_MS 60000

struct tls_conn {
	int fd;
	SSL *ssl;
	struct tls_target to; /* strings own */
	bool secure;	      /* handshake done, peer verified */
	bool dead;
};

/*
 * The anchors of a system are some hundred certificates: a megabyte and tens of milliseconds for each connection, were
 * they not shared. An SSL_CTX is counted, and safe to make SSLs from in several threads.
 */
static struct {
	pthread_mutex_t lock;
	size_t n;
	struct {
		char *ca_file; /* own; NULL: the system's */
		int64_t read_ms;
		SSL_CTX *ctx;
	} of[ANCHORS_MAX];
} anchors = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A socket BIO of our own: the stock one writes without MSG_NOSIGNAL. */
static struct {
	pthread_once_t once;
	BIO_METHOD *method;
} bio = { .once = PTHREAD_ONCE_INIT };

static int
bio_send(BIO *b, const char *p, int n)
{
	struct tls_conn *c = BIO_get_data(b);
	ssize_t k;

	BIO_clear_retry_flags(b);
	do
		k = send(c->fd, p, (size_t)n, MSG_NOSIGNAL);
	while (k < 0 && errno == EINTR);
	if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_write(b);
	return (int)k;
}

static int
bio_recv(BIO *b, char *p, int n)
{
	struct tls_conn *c = BIO_get_data(b);
	ssize_t k;

	BIO_clear_retry_flags(b);
	do
		k = recv(c->fd, p, (size_t)n, 0);
	while (k < 0 && errno == EINTR);
	if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_read(b);
	return (int)k;
}

static long
bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b, (void)num, (void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static void
bio_once(void)
{
	bio.method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "portico socket");
	if (bio.method == NULL)
		abort();
	BIO_meth_set_write(bio.method, bio_send);
	BIO_meth_set_read(bio.method, bio_recv);
	BIO_meth_set_ctrl(bio.method, bio_ctrl);
}

static SSL_CTX *
context_new(const char *ca_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    (ca_file != NULL ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL)
			     : SSL_CTX_set_default_verify_paths(ctx)) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static bool
same_file(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The caller owns one count of the result; NULL when the anchors cannot be read. */
static SSL_CTX *
context_get(const char *ca_file)
{
	int64_t now = monotonic_ms();
	SSL_CTX *ctx = NULL;
	size_t i, oldest = 0;

	pthread_mutex_lock(&anchors.lock);
	for (i = 0; i < anchors.n && !same_file(anchors.of[i].ca_file, ca_file); i++)
		if (anchors.of[i].read_ms < anchors.of[oldest].read_ms)
			oldest = i;
	if (i < anchors.n && now - anchors.of[i].read_ms < ANCHORS_AGE_MS) {
		ctx = anchors.of[i].ctx;
		SSL_CTX_up_ref(ctx);
	} else if ((ctx = context_new(ca_file)) != NULL) {
		if (i == anchors.n && anchors.n < ANCHORS_MAX)
			anchors.n++;
		else if (i == anchors.n)
			i = oldest;
		SSL_CTX_free(anchors.of[i].ctx);
		free(anchors.of[i].ca_file);
		anchors.of[i].ca_file = ca_file != NULL ? xstrdup(ca_file) : NULL;
		anchors.of[i].read_ms = now;
		anchors.of[i].ctx = ctx;
		SSL_CTX_up_ref(ctx);
	}
	pthread_mutex_unlock(&anchors.lock);
	return ctx;
}

/* Sleeps until the socket can do it. */
static enum status
wait_for(struct tls_conn *c, short events, int64_t deadline_ms, struct err *err)
{
	for (;;) {
		struct pollfd p = { .fd = c->fd, .events = events };
		int64_t left = deadline_ms - monotonic_ms();

		if (left <= 0)
			return err_set(err, ST_REMOTE_DOWN, "tls.timeout", "%s port %d: no progress in time",
			    c->to.host, c->to.port);
		if (poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left) < 0 && errno != EINTR)
			return err_set(err, ST_LOCAL, "tls.socket", "poll: %s", strerrordesc_np(errno));
		if (p.revents != 0)
			return ST_OK;
	}
}

static enum status
closed(struct tls_conn *c, struct err *err)
{
	return err_set(err, ST_REMOTE_DOWN, "tls.closed", "%s port %d: the far side closed the connection", c->to.host,
	    c->to.port);
}

/* After an SSL_ call that returned n <= 0: ST_OK means try it again. */
static enum status
ssl_wait(struct tls_conn *c, int n, int64_t deadline_ms, struct err *err)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(c, POLLIN, deadline_ms, err);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(c, POLLOUT, deadline_ms, err);
	default:
		return closed(c, err);
	}
}

/* Why a handshake failed. Reasons are OpenSSL's constant texts: nothing of the certificate goes into them. */
static enum status
handshake_failed(struct tls_conn *c, struct err *err)
{
	long verdict = SSL_get_verify_result(c->ssl);
	const char *why = ERR_reason_error_string(ERR_peek_error());

	if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return err_set(err, ST_REMOTE_DOWN, "tls.host", "%s port %d: its certificate is for another host",
		    c->to.host, c->to.port);
	if (verdict != X509_V_OK)
		return err_set(err, ST_REMOTE_DOWN, "tls.verify", "%s port %d: certificate not accepted: %s",
		    c->to.host, c->to.port, X509_verify_cert_error_string(verdict));
	return err_set(err, ST_REMOTE_DOWN, "tls.handshake", "%s port %d: no TLS 1.2 or newer agreed: %s", c->to.host,
	    c->to.port, why != NULL ? why : "connection closed");
}

static enum status
ssl_new(struct tls_conn *c, struct err *err)
{
	SSL_CTX *ctx = context_get(c->to.ca_file);
	BIO *b;

	if (ctx == NULL) {
		ERR_clear_error();
		return err_set(err, ST_LOCAL, "tls.ca", "cannot read trust anchors from %s",
		    c->to.ca_file != NULL ? c->to.ca_file : "the system's store");
	}
	c->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	pthread_once(&bio.once, bio_once);
	b = BIO_new(bio.method);
	if (c->ssl == NULL || b == NULL) {
		BIO_free(b);
		return err_set(err, ST_LOCAL, "tls.socket", "OpenSSL cannot make a connection object");
	}
	BIO_set_data(b, c);
	BIO_set_init(b, 1);
	SSL_set_bio(c->ssl, b, b);
	/* An address is matched against iPAddress names, anything else against dNSName, and is what SNI says. */
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), c->to.host) == 1)
		return ST_OK;
	ERR_clear_error();
	SSL_set_hostflags(c->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (SSL_set1_host(c->ssl, c->to.host) != 1 || SSL_set_tlsext_host_name(c->ssl, c->to.host) != 1)
		return err_set(err, ST_LOCAL, "tls.name", "\"%s\" is not a host name", c->to.host);
	return ST_OK;
}

static enum status
handshake(struct tls_conn *c, int64_t deadline_ms, struct err *err)
{
	int n;

	TRY(ssl_new(c, err));
	for (;;) {
		int why;

		ERR_clear_error();
		n = SSL_connect(c->ssl);
		if (n == 1)
			break;
		why = SSL_get_error(c->ssl, n);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return handshake_failed(c, err);
		TRY(wait_for(c, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ms, err));
	}
	/* SSL_VERIFY_PEER has refused already; this line is for whoever changes that. */
	if (SSL_get_verify_result(c->ssl) != X509_V_OK)
		return handshake_failed(c, err);
	c->secure = true;
	return ST_OK;
}

enum status
tls_start(struct tls_conn *c, int64_t deadline_ms, struct err *err)
{
	enum status st;

	if (c->dead || c->ssl != NULL)
		return err_set(err, ST_REMOTE_DOWN, "tls.closed", "connection cannot start TLS any more");
	st = handshake(c, deadline_ms, err);
	c->dead = st != ST_OK;
	ERR_clear_error();
	return st;
}

enum status
tls_connect(const struct tls_target *to, int64_t deadline_ms, struct tls_conn **ret, struct err *err)
{
	AUTO(tls_conn) c = xcalloc(1, sizeof *c);
	size_t n = strlen(to->host);

	c->to = *to;
	/* The root's dot at the end of a name is for the resolver; no certificate has it. */
	c->to.host = xstrndup(to->host, n > 1 && to->host[n - 1] == '.' ? n - 1 : n);
	c->to.ca_file = to->ca_file != NULL ? xstrdup(to->ca_file) : NULL;
	c->fd = -1;
	TRY(tls_dial(to->host, to->port, deadline_ms, &c->fd, err));
	if (!to->starttls)
		TRY(tls_start(c, deadline_ms, err));
	*ret = TAKE(c);
	return ST_OK;
}

static enum status
read_clear(struct tls_conn *c, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *err)
{
	for (;;) {
		ssize_t k = recv(c->fd, p, n, 0);

		if (k > 0) {
			*ret = (size_t)k;
			return ST_OK;
		}
		if (k == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			return closed(c, err);
		TRY(wait_for(c, POLLIN, deadline_ms, err));
	}
}

static enum status
read_some(struct tls_conn *c, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *err)
{
	if (!c->secure)
		return read_clear(c, p, n, deadline_ms, ret, err);
	for (;;) {
		size_t got = 0;
		int k;

		ERR_clear_error();
		k = SSL_read_ex(c->ssl, p, n, &got);
		if (k == 1 && got > 0) {
			*ret = got;
			return ST_OK;
		}
		TRY(ssl_wait(c, k, deadline_ms, err));
	}
}

enum status
tls_read(struct tls_conn *c, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *err)
{
	enum status st;

	if (c->dead)
		return closed(c, err);
	st = read_some(c, p, n, deadline_ms, ret, err);
	c->dead = st != ST_OK;
	return st;
}

static enum status
write_all(struct tls_conn *c, const char *p, size_t n, int64_t deadline_ms, struct err *err)
{
	while (n > 0 && !c->secure) {
		ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return closed(c, err);
		if (k < 0)
			TRY(wait_for(c, POLLOUT, deadline_ms, err));
		else
			p += k, n -= (size_t)k;
	}
	while (n > 0) {
		/* A record at a time, so that the deadline is looked at also while the far side takes everything. */
		size_t part = n < 16384 ? n : 16384, put = 0;
		int k;

		ERR_clear_error();
		k = SSL_write_ex(c->ssl, p, part, &put);
		if (k == 1)
			p += put, n -= put;
		else
			TRY(ssl_wait(c, k, deadline_ms, err));
		if (n > 0 && monotonic_ms() >= deadline_ms)
			return err_set(err, ST_REMOTE_DOWN, "tls.timeout", "%s port %d: not taken in time", c->to.host,
			    c->to.port);
	}
	return ST_OK;
}

enum status
tls_write(struct tls_conn *c, const void *p, size_t n, int64_t deadline_ms, struct err *err)
{
	enum status st;

	if (c->dead)
		return closed(c, err);
	st = write_all(c, p, n, deadline_ms, err);
	c->dead = st != ST_OK;
	return st;
}

bool
tls_is_secure(const struct tls_conn *c)
{
	return c->secure;
}

int
tls_fd(const struct tls_conn *c)
{
	return c->fd;
}

bool
tls_pending(const struct tls_conn *c)
{
	return c->ssl != NULL && SSL_has_pending(c->ssl);
}

void
tls_conn_free(struct tls_conn *c)
{
	if (c == NULL)
		return;
	if (c->secure && !c->dead) {
		ERR_clear_error();
		SSL_shutdown(c->ssl); /* says goodbye once and does not wait: the socket does not block */
	}
	SSL_free(c->ssl);
	own_close_fd(&c->fd);
	free((char *)c->to.host);
	free((char *)c->to.ca_file);
	ERR_clear_error();
	free(c);
}
