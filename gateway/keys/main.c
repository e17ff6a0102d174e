/* portico-keys -- has the private keys, and answers the few questions of crypto/keys_serve.h about them. */
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "base/sandbox.h"
#include "conf/conf.h"
#include "crypto/keys_serve.h"
#include "crypto/wire.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define THREADS 8
#define DESCRIPTORS 64
#define BACKLOG 128
#define REQUEST_MS 5000

static const char usage[] =
    "usage: portico-keys [--config FILE]\n"
    "       portico-keys --keys DIR --socket PATH\n"
    "\n"
    "Holds the private keys for portico-milter and portico-bridge and answers on a unix socket.\n"
    "Runs in the foreground; SIGTERM ends it. New keys count after a restart.\n";

struct server {
	struct keys *keys;
	int fd;
	uid_t self;
	pthread_barrier_t locked_in;
	pthread_mutex_t lock; /* over what follows */
	int64_t tokens_ms, filled_ms, rate;
};

/* So many operations a second, saved up for four seconds: enough for a surge of mail, too few to open an archive
 * quickly. */
static bool
within_rate(struct server *s)
{
	int64_t now = monotonic_ms(), cost = 1000;
	bool ok;

	pthread_mutex_lock(&s->lock);
	s->tokens_ms = MIN(s->tokens_ms + (now - s->filled_ms) * s->rate, 4 * s->rate * 1000);
	s->filled_ms = now;
	ok = s->tokens_ms >= cost;
	if (ok)
		s->tokens_ms -= cost;
	pthread_mutex_unlock(&s->lock);
	return ok;
}

/* Our own user, or root. Permissions of the socket say the same; this holds when somebody changes them. */
static bool
may_ask(const struct server *s, int fd)
{
	struct ucred who;
	socklen_t n = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == 0 || who.uid == s->self);
}

static void
answer(struct server *s, int fd)
{
	int64_t deadline = monotonic_ms() + REQUEST_MS;
	AUTO_BUF request = BUF_INIT;
	AUTO_BUF body = BUF_INIT;
	enum status st = ST_LOCAL;
	uint8_t op = 0;

	if (wire_recv(fd, KEYS_REQUEST_MAX, deadline, &op, &request) != WIRE_OK)
		return;
	if (op != KEYS_LIST && !within_rate(s)) {
		wire_put_text(&body, "keys.rate");
		wire_put_text(&body, "more private key operations than the limit (keys.rate)");
		log_event(LOG_WARNING, "keys-rate", F_NUM("op", op));
	} else {
		st = keys_answer(s->keys, KEYS_FOR_DAEMON, op, buf_slice(&request), &body);
	}
	/* Who asked and is gone does not matter. */
	(void)wire_send(fd, (uint8_t)st, buf_slice(&body), SLICE(""), deadline);
}

static void *
serve(void *arg)
{
	struct server *s = arg;

	pthread_barrier_wait(&s->locked_in);
	for (;;) {
		AUTO_FD fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			usleep(100000); /* out of descriptors: what is open will be closed */
			continue;
		}
		if (may_ask(s, fd))
			answer(s, fd);
		else
			log_event(LOG_WARNING, "keys-refused", F_CONST("why", "another-user"));
	}
	return NULL;
}

static enum status
listen_at(const char *path, int *ret, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AUTO_FD other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	if (connect(other, (struct sockaddr *)&sun, sizeof sun) == 0) {
		close(fd);
		return err_set(err, ST_LOCAL, "keys.running", "%s: another portico-keys answers there", path);
	}
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0 || chmod(path, 0600) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		err_set(err, ST_LOCAL, "keys.listen", "%s: cannot listen: %s", path, strerrordesc_np(errno));
		if (fd >= 0)
			close(fd);
		return ST_LOCAL;
	}
	*ret = fd;
	return ST_OK;
}

static enum status
run(const char *dir, const char *path, int64_t rate, struct err *err)
{
	static struct server s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	sigset_t set;

	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	TRY(keys_load(dir, &s.keys, err));
	s.self = geteuid(); /* not to be asked for later */
	s.rate = rate;
	s.tokens_ms = 4 * rate * 1000;
	s.filled_ms = monotonic_ms();
	/* Best effort: a small LimitMEMLOCK does not keep mail from being read, and there is no core file anyway. */
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) != 0)
		log_event(LOG_NOTICE, "keys-unlocked", F_CONST("why", "memlock"));
	TRY(listen_at(path, &s.fd, err));
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_barrier_init(&s.locked_in, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++) {
		pthread_t id;

		if (pthread_create(&id, NULL, serve, &s) != 0)
			return err_set(err, ST_LOCAL, "keys.thread", "cannot start a thread");
	}
	TRY(sandbox_limits(0, DESCRIPTORS, err));
	TRY(sandbox_enter(SANDBOX_KEYS, err));
	/* Not one question was read before this. */
	pthread_barrier_wait(&s.locked_in);
	log_event(LOG_NOTICE, "ready", F_CONST("program", "keys"));
	for (int sig = 0; sig != SIGTERM && sig != SIGINT;)
		if (sigwait(&set, &sig) != 0)
			break;
	unlink(path);
	log_event(LOG_NOTICE, "stopped", F_CONST("program", "keys"));
	return ST_OK;
}

/* What portico.yaml says, unless the command line said everything. */
static enum status
from_config(const char *config, char **dir, char **path, int64_t *rate, struct err *err)
{
	struct conf_errors errs = { .n = 0 };
	struct conf *c = NULL;
	enum status st = conf_load_without_boundaries(config, &errs, &c, err);

	fputs(buf_str(&errs.text), stderr);
	conf_errors_free(&errs);
	TRY(st);
	if (c->site.keys_socket == NULL)
		st = err_set(err, ST_LOCAL, "keys.config", "%s: names no socket under keys:", config);
	if (st == ST_OK) {
		*dir = xasprintf("%s/keys", c->site.state_dir);
		*path = xstrdup(c->site.keys_socket);
		*rate = c->site.keys_rate;
	}
	conf_unref(c);
	return st;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "keys", required_argument, NULL, 'k' }, { "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *config = "/etc/portico/portico.yaml";
	AUTO_STR dir = NULL;
	AUTO_STR path = NULL;
	struct err err = ERR_NONE;
	int64_t rate = 500;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		if (c == 'c') {
			config = optarg;
		} else if (c == 'k' && dir == NULL) {
			dir = xstrdup(optarg);
		} else if (c == 's' && path == NULL) {
			path = xstrdup(optarg);
		} else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : EX_USAGE;
		}
	}
	if ((dir == NULL) != (path == NULL)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	sandbox_quiet();
	signal(SIGPIPE, SIG_IGN);
	log_open("portico-keys", LOG_INFO);
	if (dir == NULL && from_config(config, &dir, &path, &rate, &err) != ST_OK) {
		log_event(LOG_ERR, "cannot-start", F_ERR(&err));
		return EX_CONFIG;
	}
	if (run(dir, path, rate, &err) != ST_OK) {
		log_event(LOG_ERR, "cannot-start", F_ERR(&err));
		return EX_UNAVAILABLE;
	}
	return 0;
}
