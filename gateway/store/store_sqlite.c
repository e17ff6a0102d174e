/*
 * store_sqlite -- one database file, shared by the processes of one host: opening, reading and closing. Writing is
 * writer.c.
 */
#include "base/file.h"
#include "base/hash.h"
#include "store/inside.h"
#include "store/lock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int64_t
tx_now_ms(struct tx *tx)
{
	return tx->now_ms;
}

const struct site_keys *
store_keys(const struct store *st)
{
	return st->has_keys ? &st->keys : NULL;
}

enum status
store_say_broken(struct err *err)
{
	return err_set(err, ST_LOCAL, "store.broken", "a commit failed earlier: this process must end and start anew");
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
		rc = store_say_broken(err);
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
	struct tx tx = { c, store_keys(st), clock_now_ms(st->clock), false };
	enum status ret;
	int rc;

	if (c->db == NULL)
		TRY(conn_open(c, st->path, false, NULL, err));
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
	TRY(conn_open(&st->writer, st->path, true, &st->wal_pages, err));
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
open_for_reading(struct store *st, struct err *err)
{
	int have = 0;

	if (access(st->path, R_OK) != 0 && errno == EACCES)
		return err_set(err, ST_LOCAL, "store.access",
		    "%s: permission denied: run the command as root or as the bridge's user", st->path);
	if (access(st->path, F_OK) != 0)
		return err_set(
		    err, ST_LOCAL, "store.absent", "%s: no store here yet: start the bridge first", st->path);
	TRY(conn_open(&st->reader[0], st->path, false, NULL, err));
	TRY(migrate_version(&st->reader[0], &have, err));
	if (have > migrate_newest())
		return err_set(err, ST_LOCAL, "store.newer",
		    "a newer Portico has run here: schema %d, this one reads %d", have, migrate_newest());
	if (have < migrate_newest())
		return err_set(err, ST_LOCAL, "store.old",
		    "the database has schema %d, this program reads %d: start the bridge first, it brings it up to "
		    "date",
		    have, migrate_newest());
	return st->has_keys ? store_read(st, check_site_key, NULL, err) : ST_OK;
}

static enum status
open_all(const struct store_options *o, struct store *st, struct err *err)
{
	AUTO_STR lock = path_join(o->dir, "store.lock");

	st->path = path_join(o->dir, "portico.db");
	if (o->read_only)
		return open_for_reading(st, err);
	if (!st->has_keys)
		return err_set(err, ST_LOCAL, "store.no-key", "writing to the store needs the site key");
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
	st->has_keys = o->site_key != NULL;
	if (st->has_keys)
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
