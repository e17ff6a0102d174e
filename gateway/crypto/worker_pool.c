/* worker_pool -- which worker gets the next mail; starting and ending them. */
#include "base/clock.h"
#include "base/own.h"
#include "crypto/worker_in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAILS_PER_WORKER 500 /* then a fresh one: what a mail may have left behind does not stay for ever */
#define WAIT_S 30	     /* for a free worker; then the sender tries again */
#define SOCKET_BYTES (256 * 1024)
#define MAX_ENV 8

struct worker_pool {
	char *program;
	int64_t timeout_s;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	size_t n;
	struct worker worker[];
};

/* ---- processes --------------------------------------------------------------------------------------------------- */

/* The worker sees nothing of our environment but what tests and sanitizers need. */
static void
few_variables(char **ret)
{
	static const char *const names[] = {
		"PORTICO_WORKER_FAULTS=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS="
	};
	size_t n = 0;

	for (char **e = environ; *e != NULL; e++)
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if (strncmp(*e, names[i], strlen(names[i])) == 0 && n + 1 < MAX_ENV)
				ret[n++] = *e;
	ret[n] = NULL;
}

/* The socket is the worker's descriptor 0. What it writes goes nowhere: a library's complaint may hold content. */
static int
spawn(const char *program, int fd, pid_t *ret)
{
	char *argv[] = { (char *)(uintptr_t) "portico-worker", NULL }, *env[MAX_ENV];
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	few_variables(env);
	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_adddup2(&act, fd, 0);
	posix_spawn_file_actions_addopen(&act, 1, "/dev/null", O_WRONLY, 0);
#ifndef __SANITIZE_ADDRESS__
	posix_spawn_file_actions_addopen(&act, 2, "/dev/null", O_WRONLY, 0);
#endif
	posix_spawn_file_actions_addclosefrom_np(&act, 3);
	rc = posix_spawn(ret, program, &act, &attr, argv, env);
	posix_spawn_file_actions_destroy(&act);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static enum status
start(struct worker *w, const char *program, struct err *err)
{
	int pair[2], size = SOCKET_BYTES, rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_set(err, ST_LOCAL, "worker.start", "no socket pair: %s", strerrordesc_np(errno));
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	*w = (struct worker){ .fd = pair[0], .busy = w->busy };
	rc = spawn(program, pair[1], &w->pid);
	close(pair[1]);
	/* Where SIGCHLD is ignored the number of a dead worker may become somebody else's: never kill by number. */
	w->pidfd = rc == 0 ? pidfd_open(w->pid, 0) : -1;
	if (rc == 0)
		return ST_OK;
	close(pair[0]);
	w->pid = 0;
	return err_set(err, ST_LOCAL, "worker.start", "%s: cannot be started: %s", program, strerrordesc_np(rc));
}

static void
end(struct worker *w)
{
	if (w->pid == 0)
		return;
	close(w->fd);
	if (w->pidfd >= 0) {
		pidfd_send_signal(w->pidfd, SIGKILL, NULL, 0);
		close(w->pidfd);
	}
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
}

/* Died while it had nothing to do: nobody's fault. */
static bool
is_dead(const struct worker *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLRDHUP };

	return w->pid == 0 || (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

/* ---- the pool ---------------------------------------------------------------------------------------------------- */

static char *
program_beside_ours(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0)
		return xstrdup("/usr/sbin/portico-worker");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	return xasprintf("%s/portico-worker", self);
}

enum status
worker_pool_new(const struct worker_options *opt, struct worker_pool **ret, struct err *err)
{
	AUTO(worker_pool) p = xcalloc(1, sizeof *p + opt->processes * sizeof p->worker[0]);
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->freed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&p->lock, NULL);
	p->program = opt->program != NULL ? xstrdup(opt->program) : program_beside_ours();
	p->timeout_s = opt->timeout_s;
	p->n = opt->processes;
	if (access(p->program, X_OK) != 0)
		return err_set(
		    err, ST_LOCAL, "worker.program", "%s: cannot be run: %s", p->program, strerrordesc_np(errno));
	for (size_t i = 0; i < p->n; i++)
		TRY(start(&p->worker[i], p->program, err));
	*ret = TAKE(p);
	return ST_OK;
}

void
worker_pool_free(struct worker_pool *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		end(&p->worker[i]);
	pthread_cond_destroy(&p->freed);
	pthread_mutex_destroy(&p->lock);
	free(p->program);
	free(p);
}

static struct worker *
find_free(struct worker_pool *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->worker[i].busy)
			return &p->worker[i];
	return NULL;
}

static struct worker *
take(struct worker_pool *p)
{
	struct timespec until;
	struct worker *w;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&p->lock);
	while ((w = find_free(p)) == NULL)
		if (pthread_cond_timedwait(&p->freed, &p->lock, &until) == ETIMEDOUT)
			break;
	if (w != NULL)
		w->busy = true;
	pthread_mutex_unlock(&p->lock);
	return w;
}

static void
give_back(struct worker_pool *p, struct worker *w)
{
	pthread_mutex_lock(&p->lock);
	w->busy = false;
	pthread_cond_signal(&p->freed);
	pthread_mutex_unlock(&p->lock);
}

enum status
worker_open(struct worker_pool *p, const struct open_env *env, struct slice raw, struct arena *a, struct opened *ret,
    struct worker_content *content, struct err *err)
{
	struct worker *w = take(p);
	struct err why = ERR_NONE;
	enum status st = ST_OK;

	if (w == NULL)
		return err_set(err, ST_LOCAL, "worker.busy", "no worker was free for %d s", WAIT_S);
	if (w->mails >= MAILS_PER_WORKER || is_dead(w)) {
		end(w);
		st = start(w, p->program, &why);
	}
	if (st == ST_OK)
		st = worker_talk(w, env, raw, p->timeout_s, a, ret, content, &why);
	w->mails++;
	/* Failures that the worker told of itself leave it well; after any other it is not to be believed. */
	if (st != ST_OK && (worker_blames(&why) || strcmp(why.code, "worker.start") == 0))
		end(w);
	give_back(p, w);
	if (st != ST_OK && err != NULL)
		*err = why;
	return st;
}
