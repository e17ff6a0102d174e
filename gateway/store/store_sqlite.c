/*
 * store_sqlite -- one database file, shared by the processes of one host.
 *
 * A writer thread owns the only connection that writes. It takes whatever has queued up while the last commit was
 * syncing, runs each request in a savepoint, commits once and wakes them all: the busier, the larger the group, and
 * nobody ever waits for a timer. A few more connections read.
 *
 * SQLite before 3.51.3 can corrupt a WAL database when a checkpoint and a commit of two connections meet at the moment
 * the WAL is reset. Here they cannot meet: both hold the flock (see lock.c).
 */
#include "base/fault.h"
#include "base/file.h"
#include "base/hash.h"
#include "store/impl.h"
#include "store/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define READERS 4
#define GROUP_MAX 512
#define WATCHERS 16
#define PATIENCE_MS 15000 /* for a lock that another process holds */
#define BUSY_MS 5000	  /* SQLite's own waiting: recovery after a crash, a backup */
#define WAL_PAGES 4000	  /* 16 MB: copied back at the latest then */

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

struct store {
	const struct clock *clock;
	bool checkpoints, read_only;
	struct site_keys keys;
	int lock_fd;
	char *path;

	pthread_mutex_t mutex; /* what follows */
	pthread_cond_t work, reader_free;
	struct job *head, **tail;
	bool stop, broken;
	struct conn reader[READERS];
	bool reader_busy[READERS];
	int watcher[WATCHERS];
	size_t nwatchers;

	struct conn writer; /* the writer thread's alone */
	int wal_pages;	    /* after its last commit */
	pthread_t thread;
	bool has_thread;
};

static enum status
say_broken(struct err *err)
{
	return err_set(err, ST_LOCAL, "store.broken", "a commit failed earlier: this process must end and start anew");
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static void
conn_close(struct conn *c)
{
	conn_forget_statements(c);
	sqlite3_close(c->db);
	c->db = NULL;
}

static int
remember_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *st = arg;

	(void)db;
	(void)name;
	st->wal_pages = pages;
	return SQLITE_OK;
}

static enum status
conn_open(struct store *st, struct conn *c, bool writer, struct err *err)
{
	/* secure_delete: what is forgotten is overwritten. No mmap: a failed read must be an error, not a signal. */
	static const char both[] = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
				   "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
				   "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -16000";
	int rc = sqlite3_open_v2(st->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_extended_result_codes(c->db, 1);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(c->db, BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_autocheckpoint(c->db, 0);
	if (rc == SQLITE_OK)
		rc = conn_exec(c, both);
	if (rc == SQLITE_OK && !writer)
		rc = conn_exec(c, "PRAGMA query_only = ON");
	if (rc == SQLITE_OK && writer)
		sqlite3_wal_hook(c->db, remember_wal, st);
	if (rc == SQLITE_OK)
		return ST_OK;
	conn_close(c);
	return sql_fail(c, rc, err);
}

/* ---- a transaction ----------------------------------------------------------------------------------------------- */

int64_t
tx_now_ms(struct tx *tx)
{
	return tx->now_ms;
}

static void
run_job(struct store *st, struct job *j, int64_t now_ms)
{
	struct tx tx = { &st->writer, &st->keys, now_ms, true };
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

static void *
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

			fail_group(group, say_broken(&err), &err);
		} else if (group->checkpoint) {
			group->err = ERR_NONE;
			group->st = checkpoint(st, &group->err);
		} else {
			broken = run_group(st, group);
		}
		pthread_mutex_lock(&st->mutex);
		st->broken = broken;
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
		rc = say_broken(err);
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

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum status
take_reader(struct store *st, size_t *ret, struct err *err)
{
	enum status rc = ST_OK;
	size_t i = 0;

	pthread_mutex_lock(&st->mutex);
	while (!st->broken) {
		for (i = 0; i < READERS && st->reader_busy[i]; i++) {
		}
		if (i < READERS)
			break;
		pthread_cond_wait(&st->reader_free, &st->mutex);
	}
	if (st->broken)
		rc = say_broken(err);
	else
		st->reader_busy[i] = true;
	pthread_mutex_unlock(&st->mutex);
	if (rc != ST_OK)
		return rc;
	*ret = i;
	return ST_OK;
}

static void
give_reader(struct store *st, size_t i)
{
	pthread_mutex_lock(&st->mutex);
	st->reader_busy[i] = false;
	pthread_cond_signal(&st->reader_free);
	pthread_mutex_unlock(&st->mutex);
}

static enum status
read_on(struct store *st, struct conn *c, store_fn fn, void *arg, struct err *err)
{
	struct tx tx = { c, &st->keys, clock_now_ms(st->clock), false };
	enum status ret;
	int rc;

	if (c->db == NULL)
		TRY(conn_open(st, c, false, err));
	rc = conn_exec(c, "BEGIN");
	if (rc != SQLITE_OK)
		return sql_fail(c, rc, err);
	ret = fn(&tx, arg, err);
	conn_exec(c, "ROLLBACK");
	return ret;
}

enum status
store_read(struct store *st, store_fn fn, void *arg, struct err *err)
{
	enum status rc;
	size_t i;

	TRY(take_reader(st, &i, err));
	rc = read_on(st, &st->reader[i], fn, arg, err);
	give_reader(st, i);
	return rc;
}

int
store_commit_fd(struct store *st)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	pthread_mutex_lock(&st->mutex);
	if (fd >= 0 && st->nwatchers < WATCHERS) {
		st->watcher[st->nwatchers++] = fd;
	} else if (fd >= 0) {
		close(fd);
		fd = -1;
	}
	pthread_mutex_unlock(&st->mutex);
	return fd;
}

void
store_commit_fd_close(struct store *st, int fd)
{
	pthread_mutex_lock(&st->mutex);
	for (size_t i = 0; fd >= 0 && i < st->nwatchers; i++)
		if (st->watcher[i] == fd) {
			close(fd);
			st->watcher[i] = st->watcher[--st->nwatchers];
			break;
		}
	pthread_mutex_unlock(&st->mutex);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* The first opening leaves a word sealed under the site key; later ones open it. Better a clear refusal now than
 * messages under two keys. */
static enum status
check_site_key(struct tx *tx, void *arg, struct err *err)
{
	static const char word[] = "portico";
	AUTO_BUF sealed = BUF_INIT;
	AUTO(arena) a = arena_new();
	const char *kept;
	uint8_t raw[64];
	char hex[2 * sizeof raw + 1];
	size_t n;

	(void)arg;
	TRY(fact_get(tx, "store.site-key", a, &kept, err));
	n = strlen(kept) / 2;
	if (n == 0 && !tx->writing)
		return err_set(
		    err, ST_LOCAL, "store.old", "the store was never opened for writing: start the bridge first");
	if (n == 0) {
		blob_seal(tx->keys->wrap, "store", "site-key", (struct slice){ word, sizeof word }, &sealed);
		assert(sealed.n <= sizeof raw);
		hex_encode((const uint8_t *)sealed.p, sealed.n, hex);
		return fact_set(tx, "store.site-key", hex, err);
	}
	if (n > sizeof raw || !hex_decode(kept, raw, n) ||
	    blob_open(tx->keys->wrap, "store", "site-key", (struct slice){ (const char *)raw, n }, &sealed, NULL) !=
		ST_OK)
		return err_set(err, ST_LOCAL, "store.site-key",
		    "this store was made with another site key: put the right key file back, nothing was changed");
	return ST_OK;
}

static enum status
prepare_file(struct store *st, struct err *err)
{
	/* Made here, not by SQLite, for its mode; the WAL takes the mode of the database. */
	AUTO_FD fd = open(st->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return err_set(err, ST_LOCAL, "store.open", "%s: cannot open or make it (%d)", st->path, errno);
	TRY(conn_open(st, &st->writer, true, err));
	rc = conn_exec(&st->writer, "PRAGMA journal_mode = WAL");
	if (rc != SQLITE_OK)
		return sql_fail(&st->writer, rc, err);
	return migrate_run(&st->writer, err);
}

static enum status
open_for_writing(struct store *st, struct err *err)
{
	enum status rc;

	TRY(lock_take(st->lock_fd, PATIENCE_MS, err));
	rc = prepare_file(st, err);
	lock_give(st->lock_fd);
	TRY(rc);
	if (pthread_create(&st->thread, NULL, writer_main, st) != 0)
		return err_set(err, ST_LOCAL, "store.thread", "the writer thread does not start");
	st->has_thread = true;
	return store_write(st, check_site_key, NULL, err);
}

static enum status
open_for_reading(struct store *st, bool has_key, struct err *err)
{
	int have = 0;

	if (access(st->path, F_OK) != 0)
		return err_set(
		    err, ST_LOCAL, "store.absent", "%s: no store here yet: start the bridge first", st->path);
	TRY(conn_open(st, &st->reader[0], false, err));
	TRY(migrate_version(&st->reader[0], &have, err));
	if (have > migrate_newest())
		return err_set(err, ST_LOCAL, "store.newer",
		    "a newer Portico has run here: schema %d, this one reads %d", have, migrate_newest());
	if (have < migrate_newest())
		return err_set(err, ST_LOCAL, "store.old",
		    "the database has schema %d, this program reads %d: start the bridge first, it brings it up to "
		    "date",
		    have, migrate_newest());
	return has_key ? store_read(st, check_site_key, NULL, err) : ST_OK;
}

static enum status
open_all(const struct store_options *o, struct store *st, struct err *err)
{
	AUTO_STR lock = path_join(o->dir, "store.lock");

	st->path = path_join(o->dir, "portico.db");
	if (o->read_only)
		return open_for_reading(st, o->site_key != NULL, err);
	TRY(dir_make(o->dir, 0700, err));
	TRY(lock_open(lock, &st->lock_fd, err));
	return open_for_writing(st, err);
}

/* SQLite counts its memory under one lock for all threads unless told not to. Too late once something else in the
 * process has started SQLite; then it counts, and nothing else is different. */
static void
configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum status
store_open(const struct store_options *o, struct store **ret, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct store *st = xcalloc(1, sizeof *st);
	enum status rc;

	pthread_once(&once, configure);
	st->clock = o->clock;
	st->checkpoints = o->checkpoints;
	st->read_only = o->read_only;
	st->lock_fd = -1;
	st->tail = &st->head;
	if (o->site_key != NULL)
		site_keys_derive(o->site_key, &st->keys);
	pthread_mutex_init(&st->mutex, NULL);
	pthread_cond_init(&st->work, NULL);
	pthread_cond_init(&st->reader_free, NULL);
	rc = open_all(o, st, err);
	if (rc != ST_OK) {
		store_free(st);
		return rc;
	}
	*ret = st;
	return ST_OK;
}

void
store_free(struct store *st)
{
	if (st == NULL)
		return;
	if (st->has_thread) {
		pthread_mutex_lock(&st->mutex);
		st->stop = true;
		pthread_cond_signal(&st->work);
		pthread_mutex_unlock(&st->mutex);
		pthread_join(st->thread, NULL);
	}
	for (size_t i = 0; i < READERS; i++)
		conn_close(&st->reader[i]);
	conn_close(&st->writer);
	for (size_t i = 0; i < st->nwatchers; i++)
		close(st->watcher[i]);
	if (st->lock_fd >= 0)
		close(st->lock_fd);
	pthread_cond_destroy(&st->reader_free);
	pthread_cond_destroy(&st->work);
	pthread_mutex_destroy(&st->mutex);
	site_keys_wipe(&st->keys);
	free(st->path);
	free(st);
}
