#include "bridge/bridge.h"

#include "base/log.h"
#include "base/own.h"
#include "flow/courier.h"
#include "flow/program.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORTAL_COURIERS 2
#define MAX_THREADS 64

static struct program program = {
	.name = "portico-bridge",
	.does = "Brings patients' messages to clinicians' mailboxes and answers to the portal.\n"
		"Runs in the foreground; SIGTERM ends it, SIGUSR1 or SIGHUP reads the configuration again.\n",
	.world = { .checkpoints = true, .workers = true },
};

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
wait_for_signals(struct bridge *b)
{
	for (;;) {
		int sig = 0;

		if (sigwait(&program.waited, &sig) != 0)
			continue;
		if (sig == SIGTERM || sig == SIGINT)
			return;
		program_reload(&program, b->world);
		bell_ring(b->bell);
	}
}

int
main(int argc, char **argv)
{
	static const int waited[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	struct bridge b = { .world = NULL };
	struct threads threads = { .n = 0 };
	int code;

	sigemptyset(&program.waited);
	for (size_t i = 0; i < ARRAY_LEN(waited); i++)
		sigaddset(&program.waited, waited[i]);
	signal(SIGCHLD, SIG_IGN); /* the pager's hook is not waited for */
	if (!program_begin(&program, argc, argv, &b.world, &code))
		return code;
	b.bell = bell_new();
	start_all(&b, &threads);
	log_event(LOG_NOTICE, "ready", F_NUM("threads", (int64_t)threads.n));
	wait_for_signals(&b);
	atomic_store(&b.stop, true);
	bell_stop(b.bell);
	for (size_t i = 0; i < threads.n; i++)
		pthread_join(threads.id[i], NULL);
	log_event(LOG_NOTICE, "stopped", F_CONST("program", "bridge"));
	world_free(b.world);
	bell_free(b.bell);
	return 0;
}
