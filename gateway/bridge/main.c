#include "bridge/bridge.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/own.h"
#include "flow/courier.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define PORTAL_COURIERS 2
#define MAX_THREADS 64

static const char usage[] =
    "usage: portico-bridge [--config FILE] [--debug]\n"
    "\n"
    "Brings patients' messages to clinicians' mailboxes and answers to the portal.\n"
    "Runs in the foreground; SIGTERM ends it, SIGUSR1 or SIGHUP reads the configuration again.\n";

/* Patients' words must not end in a core file, nor be read by another process of the same user. */
static void
harden(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
}

struct threads {
	pthread_t id[MAX_THREADS];
	size_t n;
};

static void
start(struct threads *t, void *(*body)(void *), void *arg)
{
	if (t->n == MAX_THREADS || pthread_create(&t->id[t->n], NULL, body, arg) != 0)
		abort();
	t->n++;
}

static void
start_all(struct bridge *b, struct threads *t)
{
	struct view v;

	view_begin(b->world, &v);
	start(t, run_control, b);
	start(t, run_doorbell, b);
	start(t, run_clockwork, b);
	for (size_t i = 0; i < v.conf->site.nportals && i < 8; i++) {
		struct portal_task *task = xcalloc(1, sizeof *task);

		task->b = b;
		snprintf(task->portal_id, sizeof task->portal_id, "%s", v.conf->site.portals[i].id);
		start(t, run_portal, task);
	}
	for (int64_t i = 0; i < v.conf->site.courier_threads + PORTAL_COURIERS && i < 40; i++) {
		struct courier_task *task = xcalloc(1, sizeof *task);

		task->b = b;
		task->lane = i < PORTAL_COURIERS ? LANE_PORTAL : LANE_MAILBOX;
		start(t, run_courier, task);
	}
	view_end(&v);
}

static void
reload(struct bridge *b)
{
	struct conf_errors errs = { .n = 0 };
	struct err err = ERR_NONE;

	if (world_reload(b->world, &errs, &err) == ST_OK) {
		log_event(LOG_NOTICE, "reloaded", F_CONST("program", "bridge"));
	} else {
		log_event(LOG_ERR, "reload-refused", F_NUM("mistakes", (int64_t)errs.n), F_ERR(&err));
		fputs(buf_str(&errs.text), stderr);
	}
	conf_errors_free(&errs);
	bell_ring(b->bell);
}

static void
wait_for_signals(struct bridge *b, const sigset_t *set)
{
	for (;;) {
		int sig = 0;

		if (sigwait(set, &sig) != 0)
			continue;
		if (sig == SIGTERM || sig == SIGINT)
			return;
		reload(b);
	}
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "debug", no_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *config = "/etc/portico/portico.yaml";
	struct world_options opt = { .checkpoints = true, .workers = true };
	struct conf_errors errs = { .n = 0 };
	struct bridge b = { .world = NULL };
	struct threads threads = { .n = 0 };
	struct err err = ERR_NONE;
	int prio = LOG_INFO, c;
	sigset_t set;

	while ((c = getopt_long(argc, argv, "c:dh", longs, NULL)) != -1) {
		if (c == 'c')
			config = optarg;
		else if (c == 'd')
			prio = LOG_DEBUG;
		else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : EX_USAGE;
		}
	}
	harden();
	fault_init();
	log_open("portico-bridge", prio);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN); /* the pager's hook is not waited for */
	/* Threads inherit the mask: signals come to sigwait() alone. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (world_open(config, &opt, &errs, &b.world, &err) != ST_OK) {
		fputs(buf_str(&errs.text), stderr);
		log_event(LOG_ERR, "cannot-start", F_ERR(&err));
		conf_errors_free(&errs);
		return errs.n > 0 ? EX_CONFIG : EX_UNAVAILABLE;
	}
	conf_errors_free(&errs);
	b.bell = bell_new();
	start_all(&b, &threads);
	log_event(LOG_NOTICE, "ready", F_NUM("threads", (int64_t)threads.n));
	wait_for_signals(&b, &set);
	atomic_store(&b.stop, true);
	bell_stop(b.bell);
	for (size_t i = 0; i < threads.n; i++)
		pthread_join(threads.id[i], NULL);
	log_event(LOG_NOTICE, "stopped", F_CONST("program", "bridge"));
	world_free(b.world);
	bell_free(b.bell);
	return 0;
}
