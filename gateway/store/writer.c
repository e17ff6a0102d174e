/*
 * writer -- the thread that owns the only connection that writes.
 *
 * It takes whatever has queued up while the last commit was syncing, runs each request in a savepoint, commits once and
 * wakes them all: the busier, the larger the group, and nobody ever waits for a timer.
 *
 * SQLite before 3.51.3 can corrupt a WAL database when a checkpoint and a commit of two connections meet at the moment
 * the WAL is reset. Here they cannot meet: both hold the flock (see lock.c).
 */
#include "base/fault.h"
#include "store/inside.h"
#include "store/lock.h"

#include <assert.h>
#include <sys/eventfd.h>

#define GROUP_MAX 512
#define WAL_PAGES 4000 /* 16 MB: copied back at the latest then */

struct job { /* one store_write() that waits; lives on its caller's stack */
	store_fn fn;
	void *arg;
	bool checkpoint;
	enum status st;
	struct err err;
	bool done;
	pthread_cond_t woken;
	struct job *next;
};

/* ---- a transaction ----------------------------------------------------------------------------------------------- */

static void
run_job(struct store *st, struct job *j, int64_t now_ms)
{
	struct tx tx = { &st->writer, store_keys(st), now_ms, true };
	int rc = conn_exec(&st->writer, "SAVEPOINT job");

	j->err = ERR_NONE;
	if (rc != SQLITE_OK) {
		j->st = sql_fail(&st->writer, rc, &j->err);
		return;
	}
	j->st = j->fn(&tx, j->arg, &j->err);
	if (st->writer.grave != 0)
		return;
	if (j->st != ST_OK)
		conn_exec(&st->writer, "ROLLBACK TO job");
	rc = conn_exec(&st->writer, "RELEASE job");
	if (rc != SQLITE_OK && j->st == ST_OK)
		j->st = sql_fail(&st->writer, rc, &j->err);
}

static void
fail_group(struct job *group, enum status st, const struct err *err)
{
	for (struct job *j = group; j != NULL; j = j->next) {
		j->st = st;
		j->err = *err;
	}
}

/* Runs the group in one transaction. ST_OK: every job has its own outcome, the good ones are durable. Otherwise nothing
 * of any of them remains; *again says that a lock was lost and it may be tried anew, *broken that the handle is done.
 */
static enum status
try_group(struct store *st, struct job *group, bool *again, bool *broken, struct err *err)
{
	struct conn *c = &st->writer;
	bool any = false;
	int64_t now;
	int rc;

	c->grave = 0;
	*again = *broken = false;
	rc = conn_exec(c, "BEGIN IMMEDIATE");
	if (rc != SQLITE_OK) {
		*again = (rc & 0xff) == SQLITE_BUSY;
		return sql_fail(c, rc, err);
	}
	FAULT_POINT("store.begin");
	now = clock_now_ms(st->clock);
	for (struct job *j = group; j != NULL; j = j->next) {
		run_job(st, j, now);
		any = any || j->st == ST_OK;
		/* SQLite may have rolled back everything by itself: what ran before is gone with it. */
		if (c->grave != 0 || sqlite3_get_autocommit(c->db)) {
			rc = c->grave != 0 ? c->grave : SQLITE_ABORT;
			conn_exec(c, "ROLLBACK");
			*broken = (rc & 0xff) != SQLITE_FULL && (rc & 0xff) != SQLITE_NOMEM;
			return sql_fail(c, rc, err);
		}
	}
	if (!any) {
		conn_exec(c, "ROLLBACK");
		return ST_OK;
	}
	FAULT_POINT("store.pre-commit");
	rc = conn_exec(c, "COMMIT");
	if (rc != SQLITE_OK) {
		conn_exec(c, "ROLLBACK");
		*again = (rc & 0xff) == SQLITE_BUSY;
		/* A full disk wrote nothing that counts, and may be emptied. Anything else, a failed sync above all,
		 * leaves open what is on the disk: only a new look from a new process can tell. */
		*broken = !*again && (rc & 0xff) != SQLITE_FULL;
		return sql_fail(c, rc, err);
	}
	FAULT_POINT("store.post-commit");
	return ST_OK;
}

static bool
run_group(struct store *st, struct job *group)
{
	int64_t until = monotonic_ms() + PATIENCE_MS;
	struct err err = ERR_NONE;
	bool again = true, broken = false;
	enum status rc = ST_LOCAL;

	while (again) {
		rc = lock_take(st->lock_fd, PATIENCE_MS, &err);
		if (rc != ST_OK)
			break;
		rc = try_group(st, group, &again, &broken, &err);
		lock_give(st->lock_fd);
		again = again && rc != ST_OK && monotonic_ms() < until;
	}
	if (rc != ST_OK)
		fail_group(group, rc, &err);
	return broken;
}

/* Copies what is committed back into the database file, as far as no reader needs the old pages. Never waits for
 * readers and never truncates: a WAL that grows again pays the file system's journal at every sync. */
static enum status
checkpoint(struct store *st, struct err *err)
{
	int rc;

	TRY(lock_take(st->lock_fd, PATIENCE_MS, err));
	FAULT_POINT("store.checkpoint");
	rc = sqlite3_wal_checkpoint_v2(st->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	lock_give(st->lock_fd);
	st->wal_pages = 0;
	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		return sql_fail(&st->writer, rc, err);
	return ST_OK;
}

/* ---- the writer thread ------------------------------------------------------------------------------------------- */

/* A checkpoint is alone in its group. */
static struct job *
take_group(struct store *st)
{
	struct job *group = st->head, *last = group;

	for (size_t n = 1; !last->checkpoint && last->next != NULL && !last->next->checkpoint && n < GROUP_MAX; n++)
		last = last->next;
	st->head = last->next;
	last->next = NULL;
	if (st->head == NULL)
		st->tail = &st->head;
	return group;
}

static void
wake_group(struct store *st, struct job *group)
{
	bool any = false;

	for (struct job *j = group, *next; j != NULL; j = next) {
		next = j->next; /* once done is set, the job may be gone as soon as the mutex is */
		any = any || (j->st == ST_OK && !j->checkpoint);
		j->done = true;
		pthread_cond_signal(&j->woken);
	}
	for (size_t i = 0; any && i < st->nwatchers; i++)
		eventfd_write(st->watcher[i], 1);
}

void *
writer_main(void *arg)
{
	struct store *st = arg;
	bool broken;

	pthread_mutex_lock(&st->mutex);
	for (;;) {
		struct job *group;

		while (st->head == NULL && !st->stop)
			pthread_cond_wait(&st->work, &st->mutex);
		if (st->head == NULL)
			break;
		group = take_group(st);
		broken = st->broken;
		pthread_mutex_unlock(&st->mutex);
		if (broken) {
			struct err err;

			fail_group(group, store_say_broken(&err), &err);
		} else if (group->checkpoint) {
			group->err = ERR_NONE;
			group->st = checkpoint(st, &group->err);
		} else {
			broken = run_group(st, group);
		}
		pthread_mutex_lock(&st->mutex);
		st->broken = broken;
		if (broken)
			pthread_cond_broadcast(&st->reader_free); /* whoever waits there waits in vain */
		wake_group(st, group);
		if (st->checkpoints && !broken && st->wal_pages >= WAL_PAGES) {
			pthread_mutex_unlock(&st->mutex);
			/* A failure shows again, with somebody to tell, at the next store_checkpoint(). */
			if (checkpoint(st, NULL) != ST_OK)
				st->wal_pages = 0;
			pthread_mutex_lock(&st->mutex);
		}
	}
	pthread_mutex_unlock(&st->mutex);
	return NULL;
}

static enum status
submit(struct store *st, struct job *j, struct err *err)
{
	enum status rc = ST_OK;

	if (st->read_only)
		return err_set(err, ST_LOCAL, "store.read-only", "this program opened the store for reading only");
	/* A job that waits for a job would wait for itself. */
	assert(!pthread_equal(pthread_self(), st->thread));
	pthread_cond_init(&j->woken, NULL);
	pthread_mutex_lock(&st->mutex);
	if (st->broken) {
		rc = store_say_broken(err);
	} else {
		*st->tail = j;
		st->tail = &j->next;
		pthread_cond_signal(&st->work);
		while (!j->done)
			pthread_cond_wait(&j->woken, &st->mutex);
		rc = j->st;
		if (rc != ST_OK && err != NULL)
			*err = j->err;
	}
	pthread_mutex_unlock(&st->mutex);
	pthread_cond_destroy(&j->woken);
	return rc;
}

enum status
store_write(struct store *st, store_fn fn, void *arg, struct err *err)
{
	struct job j = { .fn = fn, .arg = arg };

	return submit(st, &j, err);
}

enum status
store_checkpoint(struct store *st, struct err *err)
{
	struct job j = { .checkpoint = true };

	if (!st->checkpoints)
		return err_set(err, ST_LOCAL, "store.checkpoint", "only the bridge checkpoints the store");
	return submit(st, &j, err);
}
