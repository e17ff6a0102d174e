#include "store_help.h"

#include "base/hash.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const uint8_t test_site_key[32] = { 7, 1, 9, 2, 5, 1 };

static void
must(enum status st, const struct err *err, const char *what)
{
	if (st == ST_OK)
		return;
	fprintf(stderr, "%s: %s %s %s (%s:%d)\n", what, status_name(st), err->code, err->text, err->file, err->line);
	abort();
}

void
remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(dir);
}

char *
dir_file(const char *dir, const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void
open_it(struct temp_store *t)
{
	struct store_options o = { .dir = t->dir, .site_key = test_site_key, .clock = &t->clock, .checkpoints = true };
	struct err err = ERR_NONE;

	must(store_open(&o, &t->store, &err), &err, "store_open");
}

void
temp_store_open(struct temp_store *t)
{
	/* In memory where there is such a file system: what these tests are about does not need a disk's waits. */
	strcpy(t->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/portico-test.XXXXXX" : "/tmp/portico-test.XXXXXX");
	if (mkdtemp(t->dir) == NULL)
		abort();
	t->clock = clock_fixed(T0);
	open_it(t);
}

void
temp_store_reopen(struct temp_store *t)
{
	store_free(t->store);
	open_it(t);
}

void
temp_store_close(struct temp_store *t)
{
	struct err err;

	(void)!tx_end(false, &err);
	store_free(t->store);
	t->store = NULL;
	remove_dir(t->dir);
}

/* ---- a transaction held by the test ------------------------------------------------------------------------------ */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_t runner;
	struct store *store;
	bool open, reading, ready, finish, commit;
	struct tx *tx;
	enum status st;
	struct err err;
} held = { .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static enum status
hold_tx(struct tx *tx, void *arg, struct err *err)
{
	(void)arg;
	pthread_mutex_lock(&held.mutex);
	held.tx = tx;
	held.ready = true;
	pthread_cond_broadcast(&held.cond);
	while (!held.finish)
		pthread_cond_wait(&held.cond, &held.mutex);
	pthread_mutex_unlock(&held.mutex);
	return held.commit ? ST_OK : err_set(err, ST_LOCAL, "test.rollback", "rolled back by the test");
}

static void *
run_tx(void *arg)
{
	(void)arg;
	held.err = ERR_NONE;
	held.st = held.reading ? store_read(held.store, hold_tx, NULL, &held.err)
			       : store_write(held.store, hold_tx, NULL, &held.err);
	pthread_mutex_lock(&held.mutex);
	held.ready = true; /* also when the transaction never began */
	pthread_cond_broadcast(&held.cond);
	pthread_mutex_unlock(&held.mutex);
	return NULL;
}

static struct tx *
begin(struct store *st, bool reading)
{
	if (held.open)
		abort();
	held.store = st;
	held.reading = reading;
	held.ready = held.finish = false;
	held.tx = NULL;
	held.open = true;
	if (pthread_create(&held.runner, NULL, run_tx, NULL) != 0)
		abort();
	pthread_mutex_lock(&held.mutex);
	while (!held.ready)
		pthread_cond_wait(&held.cond, &held.mutex);
	pthread_mutex_unlock(&held.mutex);
	return held.tx;
}

struct tx *
tx_begin(struct store *st)
{
	return begin(st, false);
}

struct tx *
tx_begin_read(struct store *st)
{
	return begin(st, true);
}

enum status
tx_end(bool commit, struct err *err)
{
	if (!held.open)
		return ST_OK;
	pthread_mutex_lock(&held.mutex);
	held.commit = commit;
	held.finish = true;
	pthread_cond_broadcast(&held.cond);
	pthread_mutex_unlock(&held.mutex);
	pthread_join(held.runner, NULL);
	held.open = false;
	if (held.st != ST_OK && err != NULL)
		*err = held.err;
	return held.st;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

void
put_patient(struct tx *tx, const char *key, char ret[REF_LEN + 1])
{
	struct patient p = {
		.portal = "local", .portal_key = key, .given = "Homer", .family = "Simpson", .zone = "UTC"
	};
	struct err err = ERR_NONE;

	must(patient_put(tx, &p, ret, &err), &err, "patient_put");
}

void
put_thread(struct tx *tx, const char *patient_key, const char *thread_key, char ret[THREAD_LEN + 1])
{
	char patient[REF_LEN + 1];
	struct thread t = {
		.portal = "local", .portal_key = thread_key, .addressee = "clinician:lee", .patient = patient
	};
	struct err err = ERR_NONE;

	put_patient(tx, patient_key, patient);
	must(thread_find_or_open(tx, &t, ret, &err), &err, "thread_find_or_open");
}

void
put_message(struct tx *tx, const char *thread, const char *source, enum message_state state, char ret[REF_LEN + 1])
{
	AUTO_STR text = xasprintf("text of %s", source);
	AUTO_STR id = xasprintf("<%s@test>", source);
	struct message_new m = {
		.kind = KIND_HUMAN,
		.state = state,
		.thread = thread,
		.author = "patient:X",
		.source_key = source,
		.message_id = id,
		.owner = "portico",
		.deadline_ms = T0 + HOUR,
		.received_ms = T0,
		.content = slice_of(text),
	};
	struct err err = ERR_NONE;
	bool dup;

	must(message_insert(tx, &m, ret, &dup, &err), &err, "message_insert");
}

void
put_delivery(struct tx *tx, const char *message, const char *destination, const char *key)
{
	struct err err = ERR_NONE;

	must(delivery_add(tx, message, destination, key, 0, &err), &err, "delivery_add");
}

enum message_state
state_of(struct tx *tx, const char *ref)
{
	AUTO(arena) a = arena_new();
	struct message_row *m = NULL;
	struct err err = ERR_NONE;

	must(message_get(tx, ref, a, &m, &err), &err, "message_get");
	if (m == NULL)
		abort();
	return m->state;
}

struct check {
	bool open_blobs;
	struct buf report;
	size_t n;
};

static enum status
run_check(struct tx *tx, void *arg, struct err *err)
{
	struct check *c = arg;

	buf_clear(&c->report);
	return ledger_check(tx, c->open_blobs, &c->report, &c->n, err);
}

size_t
breaches(struct store *st, bool open_blobs, bool expected)
{
	struct check c = { open_blobs, BUF_INIT, 0 };
	struct err err = ERR_NONE;

	must(store_read(st, run_check, &c, &err), &err, "ledger_check");
	if (c.n > 0 && !expected)
		fprintf(stderr, "%s", buf_str(&c.report));
	buf_free(&c.report);
	return c.n;
}
