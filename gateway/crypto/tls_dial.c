#include "crypto/tls_dial.h"

#include "base/clock.h"
#include "base/own.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/*
 * getaddrinfo() has no deadline: a dead name server keeps it for half a minute. It runs in a thread of its own, and
 * whoever comes last, the thread or the one that got tired of waiting, frees the question.
 */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t done_cond;
	int users;
	bool done;
	int rc;
	char *host, port[16];
	struct addrinfo *answer; /* own */
};

static void
question_unref(struct question *q)
{
	bool last;

	pthread_mutex_lock(&q->lock);
	last = --q->users == 0;
	pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	if (q->answer != NULL)
		freeaddrinfo(q->answer);
	pthread_cond_destroy(&q->done_cond);
	pthread_mutex_destroy(&q->lock);
	free(q->host);
	free(q);
}

static int
ask(const char *host, const char *port, int flags, struct addrinfo **ret)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC, .ai_flags = AI_NUMERICSERV | flags
	};

	return getaddrinfo(host, port, &hints, ret);
}

static void *
resolve_thread(void *arg)
{
	struct question *q = arg;
	struct addrinfo *answer = NULL;
	int rc = ask(q->host, q->port, 0, &answer);

	pthread_mutex_lock(&q->lock);
	q->rc = rc;
	q->answer = rc == 0 ? answer : NULL;
	q->done = true;
	pthread_cond_signal(&q->done_cond);
	pthread_mutex_unlock(&q->lock);
	question_unref(q);
	return NULL;
}

static struct question *
question_new(const char *host, const char *port)
{
	struct question *q = xcalloc(1, sizeof *q);
	pthread_condattr_t attr;

	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->done_cond, &attr);
	pthread_condattr_destroy(&attr);
	q->users = 2;
	q->host = xstrdup(host);
	snprintf(q->port, sizeof q->port, "%s", port);
	return q;
}

static enum status
resolve(const char *host, int port, int64_t deadline_ms, struct addrinfo **ret, struct err *err)
{
	struct timespec until = { .tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000 };
	pthread_attr_t attr;
	struct question *q;
	pthread_t thread;
	char service[16];
	int rc;

	snprintf(service, sizeof service, "%d", port);
	if (ask(host, service, AI_NUMERICHOST, ret) == 0)
		return ST_OK;
	q = question_new(host, service);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, resolve_thread, q);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		q->users = 1;
		question_unref(q);
		return err_set(
		    err, ST_LOCAL, "tls.socket", "no thread to resolve a host name: %s", strerrordesc_np(rc));
	}
	pthread_mutex_lock(&q->lock);
	for (rc = 0; !q->done && rc == 0;)
		rc = pthread_cond_timedwait(&q->done_cond, &q->lock, &until);
	rc = q->done ? q->rc : EAI_AGAIN;
	*ret = rc == 0 ? TAKE(q->answer) : NULL;
	pthread_mutex_unlock(&q->lock);
	question_unref(q);
	if (rc != 0)
		return err_set(err, ST_REMOTE_DOWN, "tls.resolve", "%s: %s", host, gai_strerror(rc));
	return ST_OK;
}

static void
tune(int fd)
{
	static const struct {
		int level, name, value;
	} opts[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};

	/* Comforts: a kernel without one of them still gives a connection. */
	for (size_t i = 0; i < ARRAY_LEN(opts); i++)
		(void)setsockopt(fd, opts[i].level, opts[i].name, &opts[i].value, sizeof opts[i].value);
}

/* 0, or the errno of the attempt. */
static int
connect_one(const struct addrinfo *a, int64_t deadline_ms, int *ret_fd)
{
	AUTO_FD fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t n = sizeof(int);
	int why = 0;

	if (fd < 0)
		return errno;
	tune(fd);
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
		return errno;
	while (p.revents == 0) {
		int64_t left = deadline_ms - monotonic_ms();

		if (left <= 0)
			return ETIMEDOUT;
		if (poll(&p, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return errno;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) != 0)
		return errno;
	if (why != 0)
		return why;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

enum status
tls_dial(const char *host, int port, int64_t deadline_ms, int *ret_fd, struct err *err)
{
	struct addrinfo *all = NULL;
	int why = ETIMEDOUT, left = 0;

	TRY(resolve(host, port, deadline_ms, &all, err));
	for (const struct addrinfo *a = all; a != NULL; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = all; a != NULL && why != 0; a = a->ai_next, left--) {
		int64_t now = monotonic_ms();

		why = connect_one(a, now + (deadline_ms - now) / left, ret_fd);
	}
	freeaddrinfo(all);
	if (why == 0)
		return ST_OK;
	if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM)
		return err_set(err, ST_LOCAL, "tls.socket", "no socket: %s", strerrordesc_np(why));
	if (why == ETIMEDOUT)
		return err_set(err, ST_REMOTE_DOWN, "tls.timeout", "%s port %d: no connection in time", host, port);
	return err_set(err, ST_REMOTE_DOWN, "tls.connect", "%s port %d: %s", host, port, strerrordesc_np(why));
}
