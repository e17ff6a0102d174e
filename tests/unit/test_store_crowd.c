/*
 * Many at once, and death at any moment: two processes and a dozen threads on one store, workers that vanish with a
 * claim, processes killed between any two steps. Nothing acknowledged is lost, nothing is done twice, order is kept.
 */
#include "base/fault.h"
#include "base/hash.h"
#include "store_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 4  /* threads of each process that write */
#define CLAIMERS 4 /* and that carry */
#define EACH 300   /* messages per writer */
#define TOTAL (2 * WRITERS * EACH)
#define VANISH_EVERY 40

/* Seen by both processes. */
struct board {
	atomic_int written[TOTAL], settled[TOTAL];
	atomic_int last[2 * WRITERS]; /* per conversation: the newest that was claimed for carrying */
	atomic_int done, out_of_order, failures, taken_back;
	atomic_int acked[4096]; /* of the crash test */
};
static struct board *board;
static char dir[64];

static int
setup(void **state)
{
	(void)state;
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return -1;
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/portico-crowd.XXXXXX" : "/tmp/portico-crowd.XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	munmap(board, sizeof *board);
	remove_dir(dir);
	return 0;
}

static struct store *
open_store(struct clock *clock, bool checkpoints)
{
	struct store_options o = { .dir = dir, .site_key = test_site_key, .clock = clock, .checkpoints = checkpoints };
	struct store *st = NULL;
	struct err err = ERR_NONE;

	*clock = clock_real();
	if (store_open(&o, &st, &err) != ST_OK) {
		fprintf(stderr, "open: %s %s\n", err.code, err.text);
		return NULL;
	}
	return st;
}

/* ---- a crowd ----------------------------------------------------------------------------------------------------- */

struct worker {
	struct store *store;
	int number; /* of the writer among all of both processes */
	unsigned seed;
};

struct one {
	int conversation, index;
	char thread[THREAD_LEN + 1];
};

static enum status
write_one(struct tx *tx, void *arg, struct err *err)
{
	struct one *o = arg;
	char key[32], text[64], ref[REF_LEN + 1];
	struct message_new m = { .kind = KIND_HUMAN,
		.state = MSG_IN_FLIGHT,
		.thread = o->thread,
		.author = "patient:X",
		.source_key = key,
		.owner = "portico",
		.deadline_ms = 1,
		.received_ms = tx_now_ms(tx) };
	bool dup;

	snprintf(key, sizeof key, "%d", o->index);
	snprintf(text, sizeof text, "text of %d", o->index);
	m.content = slice_of(text);
	TRY(message_insert(tx, &m, ref, &dup, err));
	return delivery_add(tx, ref, "mailbox:lee", key, 0, err);
}

static enum status
begin_conversation(struct tx *tx, void *arg, struct err *err)
{
	struct one *o = arg;
	struct patient p = { .portal = "local", .portal_key = "homer" };
	char patient[REF_LEN + 1], name[16];
	struct thread t = { .patient = patient, .portal = "local", .portal_key = name, .addressee = "clinician:lee" };

	snprintf(name, sizeof name, "c%d", o->conversation);
	TRY(patient_put(tx, &p, patient, err));
	return thread_find_or_open(tx, &t, o->thread, err);
}

static void *
writer(void *arg)
{
	struct worker *w = arg;
	struct one o = { .conversation = w->number };

	if (store_write(w->store, begin_conversation, &o, NULL) != ST_OK)
		atomic_fetch_add(&board->failures, 1);
	for (int i = 0; i < EACH; i++) {
		o.index = w->number * EACH + i;
		if (store_write(w->store, write_one, &o, NULL) == ST_OK)
			atomic_fetch_add(&board->written[o.index], 1);
		else
			atomic_fetch_add(&board->failures, 1);
	}
	return NULL;
}

struct carry {
	bool vanish;
	struct arena *arena;
	struct delivery *got;
};

static enum status
claim(struct tx *tx, void *arg, struct err *err)
{
	struct carry *c = arg;

	return delivery_claim(tx, "mailbox:", c->vanish ? 40 : 20000, c->arena, &c->got, err);
}

static enum status
settle(struct tx *tx, void *arg, struct err *err)
{
	return delivery_settle(tx, arg, "remote", err);
}

static void
carry_one(struct worker *w, struct arena *a)
{
	struct carry c = { .vanish = rand_r(&w->seed) % VANISH_EVERY == 0, .arena = a };
	int index, before;

	if (store_write(w->store, claim, &c, NULL) != ST_OK) {
		atomic_fetch_add(&board->failures, 1);
		return;
	}
	if (c.got == NULL) {
		usleep(500);
		return;
	}
	index = atoi(c.got->idem_key);
	before = atomic_exchange(&board->last[index / EACH], index);
	/* Claimed again after somebody vanished: the same one, and we are told to ask. */
	if (before > index || (before == index && index % EACH != 0 && c.got->state != DLV_UNKNOWN))
		atomic_fetch_add(&board->out_of_order, 1);
	if (c.got->state == DLV_UNKNOWN)
		atomic_fetch_add(&board->taken_back, 1);
	if (c.vanish)
		return;
	if (store_write(w->store, settle, c.got->ref, NULL) != ST_OK)
		atomic_fetch_add(&board->failures, 1);
	atomic_fetch_add(&board->settled[index], 1);
	atomic_fetch_add(&board->done, 1);
}

static void *
claimer(void *arg)
{
	struct worker *w = arg;
	int64_t until = monotonic_ms() + 120000;

	while (atomic_load(&board->done) < TOTAL && atomic_load(&board->failures) == 0 && monotonic_ms() < until) {
		AUTO(arena) a = arena_new();

		carry_one(w, a);
	}
	return NULL;
}

static void
run_process(int which)
{
	struct clock clock;
	struct store *st = open_store(&clock, which == 0);
	struct worker w[WRITERS + CLAIMERS];
	pthread_t t[WRITERS + CLAIMERS];

	if (st == NULL) {
		atomic_fetch_add(&board->failures, 1);
		return;
	}
	for (int i = 0; i < WRITERS + CLAIMERS; i++) {
		w[i] = (struct worker){ st, which * WRITERS + i, (unsigned)(which * 100 + i) };
		if (pthread_create(&t[i], NULL, i < WRITERS ? writer : claimer, &w[i]) != 0)
			abort();
	}
	for (int i = 0; i < WRITERS + CLAIMERS; i++)
		pthread_join(t[i], NULL);
	store_free(st);
}

static void
nothing_is_lost_or_doubled_in_a_crowd(void **state)
{
	struct clock clock;
	struct store *st;
	pid_t pid;
	int status;
	struct ledger_count c;
	struct tx *tx;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		run_process(1);
		_exit(0);
	}
	run_process(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(board->failures, 0);
	assert_int_equal(board->done, TOTAL);
	assert_int_equal(board->out_of_order, 0);
	assert_true(board->taken_back > 0);
	for (int i = 0; i < TOTAL; i++)
		if (board->written[i] != 1 || board->settled[i] != 1)
			fail_msg("message %d: written %d, settled %d times", i, board->written[i], board->settled[i]);
	st = open_store(&clock, true);
	assert_non_null(st);
	tx = tx_begin_read(st);
	assert_int_equal(ledger_count(tx, &c, NULL), ST_OK);
	assert_int_equal(tx_end(false, NULL), ST_LOCAL);
	assert_int_equal(c.in, TOTAL);
	assert_int_equal(c.delivered, TOTAL);
	assert_int_equal(c.deliveries_done, TOTAL);
	assert_int_equal(breaches(st, true, false), 0);
	store_free(st);
}

/* ---- death ------------------------------------------------------------------------------------------------------- */

static const char *const points[] = { "store.begin", "store.pre-commit", "store.post-commit", "store.checkpoint" };

struct mortal {
	struct store *store;
	int first, n; /* indexes of acked */
	bool checkpoints;
};

static enum status
write_mortal(struct tx *tx, void *arg, struct err *err)
{
	struct one *o = arg;
	char key[32], ref[REF_LEN + 1];
	struct message_new m = { .kind = KIND_HUMAN,
		.state = MSG_IN_FLIGHT,
		.author = "clinician:lee",
		.source_key = key,
		.owner = "portico",
		.deadline_ms = 1,
		.content = SLICE("what was said") };
	bool dup;

	snprintf(key, sizeof key, "%d", o->index);
	TRY(message_insert(tx, &m, ref, &dup, err));
	return delivery_add(tx, ref, "portal:local", key, 0, err);
}

static void *
mortal_writer(void *arg)
{
	struct mortal *m = arg;

	for (int i = 0; i < m->n; i++) {
		struct one o = { .index = m->first + i };

		if (store_write(m->store, write_mortal, &o, NULL) == ST_OK)
			atomic_store(&board->acked[o.index], 1);
		else
			atomic_fetch_add(&board->failures, 1);
		if (m->checkpoints && i % 5 == 4 && store_checkpoint(m->store, NULL) != ST_OK)
			atomic_fetch_add(&board->failures, 1);
	}
	return NULL;
}

/* A process of three writing threads, the first of which checkpoints where it may. */
static pid_t
spawn(const char *die_at, int first, int each, bool checkpoints)
{
	pid_t pid = fork();
	struct clock clock;
	struct mortal m[3];
	pthread_t t[3];
	struct store *st;

	if (pid != 0)
		return pid;
	if (die_at != NULL)
		setenv("PORTICO_DIE_AT", die_at, 1);
	fault_init();
	st = open_store(&clock, checkpoints);
	for (int i = 0; i < 3 && st != NULL; i++) {
		m[i] = (struct mortal){ st, first + i * each, each, checkpoints && i == 0 };
		if (pthread_create(&t[i], NULL, mortal_writer, &m[i]) != 0)
			abort();
	}
	for (int i = 0; i < 3 && st != NULL; i++)
		pthread_join(t[i], NULL);
	store_free(st);
	_exit(st != NULL ? 0 : 1);
}

struct lookup {
	int first, n, missing;
};

static enum status
find_acked(struct tx *tx, void *arg, struct err *err)
{
	struct lookup *l = arg;

	l->missing = 0;
	for (int i = l->first; i < l->first + l->n; i++) {
		AUTO(arena) a = arena_new();
		struct message_row *m = NULL;
		char key[16];

		if (!atomic_load(&board->acked[i]))
			continue;
		snprintf(key, sizeof key, "%d", i);
		TRY(message_find(tx, key, a, &m, err));
		l->missing += m == NULL;
	}
	return ST_OK;
}

static void
acknowledged_survives_any_death(void **state)
{
	enum { ROUNDS = 24, EACH_MORTAL = 20 };
	unsigned seed = 4711;
	struct clock clock;
	int deaths = 0, at = 0;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		char die_at[48];
		bool by_point = round % 3 != 0;
		pid_t victim, survivor;
		int status;
		struct store *st;
		struct lookup l = { 0, 0, 0 };

		snprintf(die_at, sizeof die_at, "%s:%d", points[(unsigned)round % ARRAY_LEN(points)],
		    1 + rand_r(&seed) % (round % 4 == 3 ? 3 : 12));
		/* Who checkpoints is in turn the one that dies and the one that lives on. */
		victim = spawn(by_point ? die_at : NULL, at, EACH_MORTAL, round % 4 == 3 || round % 2 == 0);
		survivor = spawn(NULL, at + 3 * EACH_MORTAL, EACH_MORTAL, !(round % 4 == 3 || round % 2 == 0));
		assert_true(victim > 0 && survivor > 0);
		if (!by_point) {
			usleep(1000 + (useconds_t)rand_r(&seed) % 15000);
			kill(victim, SIGKILL);
		}
		assert_int_equal(waitpid(victim, &status, 0), victim);
		deaths += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		assert_int_equal(waitpid(survivor, &status, 0), survivor);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("round %d: the survivor did not survive (%d)", round, status);
		at += 6 * EACH_MORTAL;
		st = open_store(&clock, true);
		assert_non_null(st);
		l.n = at;
		assert_int_equal(store_read(st, find_acked, &l, NULL), ST_OK);
		if (l.missing != 0)
			fail_msg("round %d (%s): %d acknowledged messages are gone", round, by_point ? die_at : "kill",
			    l.missing);
		if (breaches(st, true, false) != 0)
			fail_msg("round %d (%s): the ledger does not hold", round, by_point ? die_at : "kill");
		store_free(st);
	}
	assert_int_equal(board->failures, 0);
	assert_true(deaths >= ROUNDS / 2);
	for (int i = 0; i < 3; i++) /* the survivor of the first round had everything acknowledged */
		assert_int_equal(board->acked[3 * EACH_MORTAL + i * EACH_MORTAL], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_lost_or_doubled_in_a_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(acknowledged_survives_any_death, setup, teardown),
	};

	return cmocka_run_group_tests_name("store_crowd", tests, NULL, NULL);
}
