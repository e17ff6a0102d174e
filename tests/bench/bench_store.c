/*
 * bench_store -- what durability costs: the store's grouped commits beside the two ends of the scale, in one process
 * and in turn, so that the ratios stand however busy the machine is.
 *
 *   log      the floor: 32 producers, appended records, one fdatasync for all that waited (no tables, no crypto)
 *   commit   the store's grouped commit with one row a message: what the other two do, done its way
 *   store    the product: 32 producers, each message sealed, with its delivery and two lines of history
 *   each     the plain way: 32 connections, one small transaction per message, SQLite's own waiting for the lock
 *
 * Regimes add a delay to every sync, as an ordinary SSD (+1 ms) or a busy or networked disk (+5 ms) has. The open loop
 * has messages arrive at random times whether or not the ones before are done: there waiting shows as it is felt.
 *
 * Usage: bench_store [--rounds N] [--ms N] [--enforce]; PORTICO_BENCH_DIR: the disk to measure (default /var/tmp).
 * One line per cell, tab-separated, then GOAL lines; --enforce makes a missed goal the exit status.
 */
#include "base/hash.h"
#include "store/store.h"

#include "tests/unit/vfs_shim.c"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BLOB 4096
#define MAX_THREADS 64
#define MAX_LAT 400000
#define MAX_ROUNDS 31

struct side {
	const char *name;
	bool (*up)(void);
	bool (*put)(int producer, int n); /* one message, durable when it returns */
	void (*down)(void);
	long (*groups)(void); /* commits so far; NULL: as many as messages */
};

static char dir[256];
static uint8_t body[BLOB];
static struct clock clock_;

static void
wait_us(int us)
{
	struct timespec ts = { us / 1000000, (long)(us % 1000000) * 1000 };

	if (us > 0)
		nanosleep(&ts, NULL);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static char *
in_dir(const char *name)
{
	static char path[320];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* ---- log: append and fdatasync, grouped -------------------------------------------------------------------------- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t more, synced;
	int fd;
	pthread_t thread;
	bool stop;
	long queued, done, groups;
} lg = { .mutex = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .synced = PTHREAD_COND_INITIALIZER };

static void *
log_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lg.mutex);
	while (!lg.stop) {
		long from = lg.done, to = lg.queued;

		if (from == to) {
			pthread_cond_wait(&lg.more, &lg.mutex);
			continue;
		}
		pthread_mutex_unlock(&lg.mutex);
		for (long i = from; i < to; i++)
			if (write(lg.fd, body, sizeof body) != (ssize_t)sizeof body)
				abort();
		if (fdatasync(lg.fd) != 0)
			abort();
		wait_us(atomic_load(&vfs_shim.sync_delay_us));
		pthread_mutex_lock(&lg.mutex);
		lg.done = to;
		lg.groups++;
		pthread_cond_broadcast(&lg.synced);
	}
	pthread_mutex_unlock(&lg.mutex);
	return NULL;
}

static bool
log_up(void)
{
	lg.fd = open(in_dir("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return lg.fd >= 0 && pthread_create(&lg.thread, NULL, log_main, NULL) == 0;
}

static bool
log_put(int producer, int n)
{
	long mine;

	(void)producer;
	(void)n;
	pthread_mutex_lock(&lg.mutex);
	mine = ++lg.queued;
	pthread_cond_signal(&lg.more);
	while (lg.done < mine)
		pthread_cond_wait(&lg.synced, &lg.mutex);
	pthread_mutex_unlock(&lg.mutex);
	return true;
}

static void
log_down(void)
{
	pthread_mutex_lock(&lg.mutex);
	lg.stop = true;
	pthread_cond_signal(&lg.more);
	pthread_mutex_unlock(&lg.mutex);
	pthread_join(lg.thread, NULL);
	close(lg.fd);
	unlink(in_dir("log"));
}

static long
log_groups(void)
{
	return lg.groups;
}

/* ---- store: the product ------------------------------------------------------------------------------------------ */

static struct {
	struct store *store;
	int fd;
	long groups;
} pr;

struct put {
	int producer, n;
};

static char text[BLOB + 1];

static enum status
put_row(struct tx *tx, void *arg, struct err *err)
{
	struct put *p = arg;
	char key[48];

	snprintf(key, sizeof key, "bench:%d:%d", p->producer, p->n);
	return fact_set(tx, key, text, err);
}

static bool
commit_put(int producer, int n)
{
	struct put p = { producer, n };

	return store_write(pr.store, put_row, &p, NULL) == ST_OK;
}

static bool
commit_up(void)
{
	hex_encode(body, BLOB / 2, text);
	return true;
}

static void
commit_down(void)
{
}

static enum status
put_message(struct tx *tx, void *arg, struct err *err)
{
	struct put *p = arg;
	char key[48], ref[REF_LEN + 1];
	struct message_new m = { .kind = KIND_HUMAN,
		.state = MSG_IN_FLIGHT,
		.author = "clinician:lee",
		.source_key = key,
		.owner = "portico",
		.deadline_ms = 1,
		.content = { (const char *)body, sizeof body } };
	bool dup;

	snprintf(key, sizeof key, "bench:%d:%d", p->producer, p->n);
	TRY(message_insert(tx, &m, ref, &dup, err));
	return delivery_add(tx, ref, "portal:local", key, 0, err);
}

static bool
store_up(void)
{
	static const uint8_t key[32] = { 1 };
	char *path = in_dir("store");
	struct store_options o = { .dir = path, .site_key = key, .clock = &clock_, .checkpoints = true };
	struct err err = ERR_NONE;

	if (store_open(&o, &pr.store, &err) != ST_OK) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	pr.fd = store_commit_fd(pr.store);
	return true;
}

static bool
store_put(int producer, int n)
{
	struct put p = { producer, n };

	return store_write(pr.store, put_message, &p, NULL) == ST_OK;
}

static void
store_down(void)
{
	static const char *const names[] = { "store/portico.db", "store/portico.db-wal", "store/portico.db-shm",
		"store/store.lock" };

	store_free(pr.store);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(in_dir(names[i]));
	rmdir(in_dir("store"));
}

static long
store_groups(void)
{
	uint64_t n = 0;

	if (read(pr.fd, &n, sizeof n) == (ssize_t)sizeof n)
		pr.groups += (long)n;
	return pr.groups;
}

/* ---- each: one transaction per message --------------------------------------------------------------------------- */

static struct {
	sqlite3 *db[MAX_THREADS];
	sqlite3_stmt *insert[MAX_THREADS];
} ea;

static bool
each_up(void)
{
	for (int i = 0; i < MAX_THREADS; i++) {
		if (sqlite3_open(in_dir("each.db"), &ea.db[i]) != SQLITE_OK)
			return false;
		sqlite3_busy_timeout(ea.db[i], 60000);
		if (sqlite3_exec(ea.db[i],
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS m (id "
			"INTEGER PRIMARY"
			" KEY, source TEXT, body BLOB)",
			NULL, NULL, NULL) != SQLITE_OK ||
		    sqlite3_prepare_v2(
			ea.db[i], "INSERT INTO m (source, body) VALUES (?, ?)", -1, &ea.insert[i], NULL) != SQLITE_OK)
			return false;
	}
	return true;
}

static bool
each_put(int producer, int n)
{
	sqlite3_stmt *s = ea.insert[producer];
	char key[48];
	int rc;

	snprintf(key, sizeof key, "bench:%d:%d", producer, n);
	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, body, sizeof body, SQLITE_STATIC);
	rc = sqlite3_step(s);
	sqlite3_reset(s);
	return rc == SQLITE_DONE;
}

static void
each_down(void)
{
	for (int i = 0; i < MAX_THREADS; i++) {
		sqlite3_finalize(ea.insert[i]);
		sqlite3_close(ea.db[i]);
	}
	unlink(in_dir("each.db"));
	unlink(in_dir("each.db-wal"));
	unlink(in_dir("each.db-shm"));
}

static const struct side sides[] = {
	{ "log", log_up, log_put, log_down, log_groups },
	{ "commit", commit_up, commit_put, commit_down, store_groups }, /* the same store: up and down with it */
	{ "store", store_up, store_put, store_down, store_groups },
	{ "each", each_up, each_put, each_down, NULL },
};
enum { LOG, COMMIT, STORE, EACH, SIDES };

/* ---- one cell ---------------------------------------------------------------------------------------------------- */

struct cell {
	double per_s, p50_ms, p99_ms, cpu_us, per_group, syncs_per_group, sync_ms;
	long n;
};

static struct {
	const struct side *side;
	int64_t end_us, begin_us;
	double rate; /* arrivals per second over all producers; 0: closed loop */
	int producers;
	atomic_long nlat;
	atomic_bool failed;
	int64_t lat[MAX_LAT];
} run;
static atomic_int serial;

static void
note(int64_t us)
{
	long i = atomic_fetch_add(&run.nlat, 1);

	if (i < MAX_LAT)
		run.lat[i] = us;
}

/* Minus the natural logarithm of u in (0, 1): the gap between arrivals that do not know of each other. */
static double
gap(double u)
{
	double y, term, sum = 0, halvings = 0;

	for (; u < 0.5; u *= 2)
		halvings++;
	y = (u - 1) / (u + 1);
	term = y;
	for (int k = 1; k < 20; k += 2, term *= y * y)
		sum += term / k;
	return halvings * 0.69314718055994531 - 2 * sum;
}

static void *
produce(void *arg)
{
	int me = (int)(intptr_t)arg;
	unsigned seed = (unsigned)(me + 1) * 7919u + (unsigned)atomic_load(&serial);
	int64_t due = run.begin_us;

	for (;;) {
		int64_t begin = now_us();

		if (run.rate > 0) {
			double u = (rand_r(&seed) + 1.0) / ((double)RAND_MAX + 2.0);

			due += (int64_t)(gap(u) * run.producers / run.rate * 1e6);
			if (due >= run.end_us)
				break;
			while (now_us() < due)
				wait_us((int)(due - now_us() > 0 ? due - now_us() : 0));
			begin = due;
		} else if (begin >= run.end_us) {
			break;
		}
		if (!run.side->put(me, atomic_fetch_add(&serial, 1)))
			atomic_store(&run.failed, true);
		note(now_us() - begin);
	}
	return NULL;
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static struct cell
measure(const struct side *side, int producers, double rate, int ms)
{
	pthread_t t[MAX_THREADS];
	struct cell c = { 0 };
	double cpu = cpu_us();
	long groups = side->groups != NULL ? side->groups() : 0, syncs = atomic_load(&vfs_shim.syncs);
	long sync_us = atomic_load(&vfs_shim.sync_us), n;

	run.side = side;
	run.rate = rate;
	run.producers = producers;
	atomic_store(&run.nlat, 0);
	run.begin_us = now_us();
	run.end_us = run.begin_us + (int64_t)ms * 1000;
	for (int i = 0; i < producers; i++)
		if (pthread_create(&t[i], NULL, produce, (void *)(intptr_t)i) != 0)
			abort();
	for (int i = 0; i < producers; i++)
		pthread_join(t[i], NULL);
	c.n = atomic_load(&run.nlat);
	n = c.n < MAX_LAT ? c.n : MAX_LAT;
	if (n == 0 || atomic_load(&run.failed)) {
		fprintf(stderr, "%s: a message was not stored\n", side->name);
		exit(2);
	}
	qsort(run.lat, (size_t)n, sizeof *run.lat, by_value);
	c.per_s = (double)c.n * 1e6 / (double)(now_us() - run.begin_us);
	c.p50_ms = (double)run.lat[n / 2] / 1000;
	c.p99_ms = (double)run.lat[n * 99 / 100] / 1000;
	c.cpu_us = (cpu_us() - cpu) / (double)c.n;
	groups = side->groups != NULL ? side->groups() - groups : c.n;
	c.per_group = (double)c.n / (double)(groups > 0 ? groups : 1);
	c.syncs_per_group = (double)(atomic_load(&vfs_shim.syncs) - syncs) / (double)(groups > 0 ? groups : 1);
	syncs = atomic_load(&vfs_shim.syncs) - syncs;
	c.sync_ms = (double)(atomic_load(&vfs_shim.sync_us) - sync_us) / 1000 / (double)(syncs > 0 ? syncs : 1);
	return c;
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static int
by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, by_double);
	return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static bool all_met = true;

static void
goal(const char *id, const char *what, double limit, bool at_least, double got)
{
	bool met = at_least ? got >= limit : got <= limit;

	all_met = all_met && met;
	printf("GOAL\t%s\t%s %s %.2f\t%.2f\t%s\n", id, what, at_least ? ">=" : "<=", limit, got, met ? "PASS" : "FAIL");
}

static double
pick_per_s(const struct cell *c)
{
	return c->per_s;
}
static double
pick_p50(const struct cell *c)
{
	return c->p50_ms;
}
static double
pick_p99(const struct cell *c)
{
	return c->p99_ms;
}
static double
pick_cpu(const struct cell *c)
{
	return c->cpu_us;
}
static double
pick_group(const struct cell *c)
{
	return c->per_group;
}
static double
pick_syncs(const struct cell *c)
{
	return c->syncs_per_group;
}

static double
pick_sync_ms(const struct cell *c)
{
	return c->sync_ms;
}

static double
over(const struct cell *c, int rounds, double (*pick)(const struct cell *))
{
	double v[MAX_ROUNDS];

	for (int i = 0; i < rounds; i++)
		v[i] = pick(&c[i]);
	return median(v, rounds);
}

/* The median of the rounds' own ratios: what one round's neighbours did to the machine, they did to both. */
static double
ratio(const struct cell *a, const struct cell *b, int rounds, double (*pick)(const struct cell *))
{
	double v[MAX_ROUNDS];

	for (int i = 0; i < rounds; i++)
		v[i] = pick(&a[i]) / pick(&b[i]);
	return median(v, rounds);
}

static void
print_row(const char *regime, const char *side, const struct cell *c, const struct cell *floor, int rounds)
{
	printf("queue\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.1f\t%.1f\t%.2f\t%.2f\t", regime, side, over(c, rounds, pick_per_s),
	    over(c, rounds, pick_p50), over(c, rounds, pick_p99), over(c, rounds, pick_cpu),
	    over(c, rounds, pick_group), over(c, rounds, pick_syncs), over(c, rounds, pick_sync_ms));
	if (floor != NULL)
		printf("%.2f", ratio(c, floor, rounds, pick_per_s));
	printf("\n");
	fflush(stdout);
}

static struct cell cells[SIDES][MAX_ROUNDS];

static void
closed_loop(int rounds, int ms)
{
	static const struct {
		const char *name;
		int delay_us;
		double vs_each, vs_log;
	} regimes[] = { { "native", 0, 4, 0.40 }, { "+1ms", 1000, 10, 0.70 }, { "+5ms", 5000, 20, 0.80 } };

	for (size_t r = 0; r < ARRAY_LEN(regimes); r++) {
		char what[64];

		atomic_store(&vfs_shim.sync_delay_us, regimes[r].delay_us);
		for (int i = 0; i < rounds; i++)
			for (int s = 0; s < SIDES; s++)
				cells[s][i] = measure(&sides[s], 32, 0, ms);
		for (int s = 0; s < SIDES; s++)
			print_row(regimes[r].name, sides[s].name, cells[s], cells[LOG], rounds);
		snprintf(what, sizeof what, "store/each %s", regimes[r].name);
		goal("P8", what, regimes[r].vs_each, true, ratio(cells[STORE], cells[EACH], rounds, pick_per_s));
		snprintf(what, sizeof what, "commit/log %s", regimes[r].name);
		goal("P9", what, regimes[r].vs_log, true, ratio(cells[COMMIT], cells[LOG], rounds, pick_per_s));
		goal("P9", "syncs per commit", 1.25, false, over(cells[STORE], rounds, pick_syncs));
	}
}

static void
open_loop(int rounds, int ms)
{
	static const int order[] = { STORE, EACH };

	atomic_store(&vfs_shim.sync_delay_us, 2000);
	for (int i = 0; i < rounds; i++)
		for (size_t k = 0; k < ARRAY_LEN(order); k++)
			cells[order[k]][i] = measure(&sides[order[k]], 64, 1000, ms);
	for (size_t k = 0; k < ARRAY_LEN(order); k++)
		print_row("open 1000/s +2ms", sides[order[k]].name, cells[order[k]], NULL, rounds);
	goal("P10", "p99 / sync time", 10, false,
	    over(cells[STORE], rounds, pick_p99) / over(cells[STORE], rounds, pick_sync_ms));
	goal("P10", "p99 store/each", 0.02, false, ratio(cells[STORE], cells[EACH], rounds, pick_p99));
}

int
main(int argc, char **argv)
{
	const char *base = getenv("PORTICO_BENCH_DIR");
	int rounds = 5, ms = 400;
	bool enforce = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--enforce") == 0)
			enforce = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = atoi(argv[++i]);
		else if (strcmp(argv[i], "--ms") == 0 && i + 1 < argc)
			ms = atoi(argv[++i]);
		else
			return fprintf(stderr, "usage: bench_store [--rounds N] [--ms N] [--enforce]\n"), 2;
	}
	rounds = rounds < 1 ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
	snprintf(dir, sizeof dir, "%s/portico-bench.XXXXXX", base != NULL ? base : "/var/tmp");
	if (mkdtemp(dir) == NULL)
		return perror(dir), 2;
	clock_ = clock_real();
	random_bytes(body, sizeof body);
	vfs_shim_install();
	for (int s = 0; s < SIDES; s++)
		if (!sides[s].up())
			return fprintf(stderr, "%s: does not start\n", sides[s].name), 2;
	printf("bench\tcase\tvariant\tmsg_per_s\tp50_ms\tp99_ms\tcpu_us\tmsgs_per_commit\tsyncs_per_commit\tratio_to_"
	       "log\n");
	for (int s = 0; s < SIDES; s++) /* warm files and caches */
		measure(&sides[s], 32, 0, 300);
	closed_loop(rounds, ms);
	open_loop(rounds < 3 ? rounds : 3, ms * 4);
	for (int s = 0; s < SIDES; s++)
		sides[s].down();
	rmdir(dir);
	return enforce && !all_met ? 1 : 0;
}
