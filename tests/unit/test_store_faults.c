/*
 * The store on a bad day: disks that fill up, fail or flip a bit; the wrong key; a schema from another time; a process
 * that does not give the lock back.
 */
#include "base/file.h"
#include "base/hash.h"
#include "store_help.h"
#include "vfs_shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct temp_store s;

static int
setup(void **state)
{
	(void)state;
	vfs_shim_heal();
	temp_store_open(&s);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	vfs_shim_heal();
	temp_store_close(&s);
	return 0;
}

struct put {
	const char *key;
	size_t size;
	char ref[REF_LEN + 1];
};

static enum status
put_one(struct tx *tx, void *arg, struct err *err)
{
	struct put *p = arg;
	AUTO_BUF text = BUF_INIT;
	struct message_new m = { .kind = KIND_HUMAN,
		.state = MSG_IN_FLIGHT,
		.author = "clinician:lee",
		.source_key = p->key,
		.owner = "portico",
		.deadline_ms = T0,
		.received_ms = T0 };
	bool dup;

	buf_reserve(&text, p->size);
	while (text.n < p->size)
		buf_append(&text, "0123456789abcdef", 16);
	m.content = buf_slice(&text);
	TRY(message_insert(tx, &m, p->ref, &dup, err));
	return delivery_add(tx, p->ref, "mailbox:lee", p->key, 0, err);
}

static enum status
put(const char *key, size_t size, struct err *err)
{
	struct put p = { .key = key, .size = size };

	return store_write(s.store, put_one, &p, err);
}

static enum status
count_in(struct tx *tx, void *arg, struct err *err)
{
	struct ledger_count c;

	TRY(ledger_count(tx, &c, err));
	*(int64_t *)arg = c.in;
	return ST_OK;
}

static int64_t
messages(void)
{
	int64_t n = -1;

	assert_int_equal(store_read(s.store, count_in, &n, NULL), ST_OK);
	return n;
}

/* ---- the disk ---------------------------------------------------------------------------------------------------- */

static void
full_disk_loses_nothing_and_recovers(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(put("before", 100, &err), ST_OK);
	for (long at = 0; at < 6; at++) { /* wherever in the commit it fills up */
		vfs_shim_fail(SHIM_WRITE, at, 1000000, SQLITE_FULL);
		assert_int_equal(put("during", 20000, &err), ST_LOCAL);
		assert_string_equal(err.code, "store.full");
		assert_int_equal(messages(), 1);
		vfs_shim_heal();
	}
	assert_int_equal(put("during", 20000, &err), ST_OK);
	assert_int_equal(messages(), 2);
	assert_int_equal(breaches(s.store, true, false), 0);
	temp_store_reopen(&s);
	assert_int_equal(messages(), 2);
	assert_int_equal(breaches(s.store, true, false), 0);
}

static void
failed_sync_is_final(void **state)
{
	struct err err = ERR_NONE;
	int64_t n;

	(void)state;
	assert_int_equal(put("before", 100, &err), ST_OK);
	vfs_shim_fail(SHIM_SYNC, 0, 1, SQLITE_IOERR_FSYNC);
	assert_int_equal(put("during", 100, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.io");
	vfs_shim_heal();
	/* The disk may be well again; this handle does not believe it. */
	assert_int_equal(put("after", 100, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.broken");
	assert_int_equal(store_read(s.store, count_in, &n, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.broken");
	assert_int_equal(store_checkpoint(s.store, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.broken");
	temp_store_reopen(&s);
	assert_int_equal(breaches(s.store, true, false), 0);
	assert_int_equal(put("after", 100, &err), ST_OK);
	assert_in_range(messages(), 2, 3); /* "during" was never acknowledged: there or not, but whole */
}

/* The n-th write or sync of a scenario fails, for every n until none does: what was acknowledged is there. */
static void
every_failing_call_is_survived(void **state)
{
	static const struct {
		const char *name;
		int calls, with;
	} kinds[] = { { "write", SHIM_WRITE, SQLITE_IOERR_WRITE }, { "full", SHIM_WRITE, SQLITE_FULL },
		{ "sync", SHIM_SYNC, SQLITE_IOERR_FSYNC } };
	long runs = 0;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (long nth = 0;; nth++, runs++) {
			struct err err = ERR_NONE;
			int64_t acked = 0;
			bool failed = false;

			vfs_shim_fail(kinds[k].calls, nth, 1, kinds[k].with);
			for (int i = 0; i < 3; i++) {
				char key[16];

				snprintf(key, sizeof key, "m%d", i);
				if (put(key, 2000, &err) == ST_OK)
					acked++;
				else
					failed = true;
				if (i == 1 && store_checkpoint(s.store, &err) != ST_OK)
					failed = true;
			}
			vfs_shim_heal();
			temp_store_reopen(&s);
			if (breaches(s.store, true, false) != 0 || messages() < acked || messages() > 3)
				fail_msg("%s %ld: %d of %d acknowledged are there", kinds[k].name, nth, (int)messages(),
				    (int)acked);
			temp_store_close(&s);
			temp_store_open(&s);
			if (!failed)
				break;
			if (nth > 500)
				fail_msg("%s never stops failing", kinds[k].name);
		}
	assert_true(runs > 20);
}

/* A file system of 2 MB that really is full, where we may mount one. */
static void
small_disk_fills_up(void **state)
{
	char dir[] = "/tmp/portico-small.XXXXXX";
	struct store_options o = { .site_key = test_site_key, .clock = &s.clock };
	struct store *st = NULL;
	struct err err = ERR_NONE;
	int64_t acked = 0, n = 0, refused = 0;
	char key[24];

	(void)state;
	assert_non_null(mkdtemp(dir));
	if (mount("none", dir, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "size=2m") != 0) {
		rmdir(dir);
		skip();
	}
	o.dir = dir;
	assert_int_equal(store_open(&o, &st, &err), ST_OK);
	for (int i = 0; i < 200; i++) {
		struct put p = { .key = key, .size = 20000 };

		snprintf(key, sizeof key, "k%d", i);
		if (store_write(st, put_one, &p, &err) == ST_OK) {
			acked++;
		} else {
			assert_string_equal(err.code, "store.full");
			refused++;
		}
	}
	assert_true(acked > 10 && refused > 10);
	assert_int_equal(store_read(st, count_in, &n, &err), ST_OK);
	assert_int_equal(n, acked);
	store_free(st);
	/* More room, and the same file goes on. */
	assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT | MS_NODEV | MS_NOSUID | MS_NOEXEC, "size=8m"), 0);
	assert_int_equal(store_open(&o, &st, &err), ST_OK);
	assert_int_equal(breaches(st, true, false), 0);
	struct put p = { .key = "after", .size = 20000 };
	assert_int_equal(store_write(st, put_one, &p, &err), ST_OK);
	store_free(st);
	assert_int_equal(umount(dir), 0);
	rmdir(dir);
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static void
tamper(const char *sql)
{
	AUTO_STR path = xstrdup(dir_file(s.dir, "portico.db"));
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Behind the ledger's back, each in a fresh store: a message with content, delivered; one held; one forgotten. */
static void
check_finds_every_breach(void **state)
{
	static const struct {
		const char *name, *sql;
		bool only_open; /* seen only when blobs are opened */
	} rows[] = {
		{ "a bit in a blob",
		    "UPDATE blob SET sealed = CAST(substr(sealed, 1, 20) || x'00' || substr(sealed, 22) AS BLOB)",
		    true },
		{ "two blobs swapped",
		    "UPDATE blob SET sealed = (SELECT b.sealed FROM blob b WHERE b.id <> blob.id LIMIT 1)", true },
		{ "two keys swapped",
		    "UPDATE message SET data_key = (SELECT b.data_key FROM message b WHERE b.ref <> message.ref AND "
		    "b.data_key"
		    " IS NOT NULL LIMIT 1) WHERE data_key IS NOT NULL",
		    true },
		{ "a size", "UPDATE blob SET size = size + 1", true },
		{ "a blob gone", "DELETE FROM blob", false },
		{ "a key gone", "UPDATE message SET data_key = NULL, forgotten_ms = 1 WHERE state = 'delivered'",
		    false },
		{ "a message gone",
		    "DELETE FROM blob; DELETE FROM delivery; DELETE FROM message WHERE state = 'delivered'", false },
		{ "a state", "UPDATE message SET state = 'returned' WHERE state = 'held'", false },
		{ "delivered without a delivery done", "UPDATE delivery SET state = 'failed'", false },
		{ "a delivery gone back", "UPDATE delivery SET state = 'queued', ended_ms = 0 WHERE state = 'done'",
		    false },
		{ "a delivery of nothing", "UPDATE delivery SET mseq = 999", false },
		{ "a message that never came in",
		    "INSERT INTO message SELECT NULL, '0000000000000000', kind, state, thread, author, 'x', '', "
		    "in_reply_to,"
		    " owner, deadline_ms, received_ms, created_ms, note, urgency, categories, not_screened, data_key,"
		    " forgotten_ms FROM message WHERE state = 'held'",
		    false },
		{ "a held message set free", "UPDATE message SET state = 'in_flight' WHERE state = 'held'", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = ERR_NONE;
		struct tx *tx = tx_begin(s.store);
		char m[REF_LEN + 1];
		AUTO(arena) a = arena_new();
		struct delivery *d;
		AUTO_STR sql =
		    xasprintf("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; %s", rows[i].sql);

		put_message(tx, NULL, "forgotten", MSG_RECORDED, m);
		assert_int_equal(message_forget(tx, m, &err), ST_OK);
		put_message(tx, NULL, "held", MSG_HELD, m);
		put_message(tx, NULL, "delivered", MSG_IN_FLIGHT, m);
		put_delivery(tx, m, "mailbox:lee", "d");
		assert_int_equal(delivery_claim(tx, "mailbox:", 1000, a, &d, &err), ST_OK);
		assert_int_equal(delivery_settle(tx, d->ref, "r", &err), ST_OK);
		assert_int_equal(tx_end(true, &err), ST_OK);
		assert_int_equal(breaches(s.store, true, false), 0);
		tamper(sql);
		if (breaches(s.store, true, true) == 0)
			fail_msg("%s: not found", rows[i].name);
		if (rows[i].only_open != (breaches(s.store, false, true) == 0))
			fail_msg("%s: found %s", rows[i].name, rows[i].only_open ? "too early" : "only by opening");
		temp_store_close(&s);
		temp_store_open(&s);
	}
}

static void
history_cannot_be_rewritten(void **state)
{
	static const char *const rows[] = { "UPDATE history SET event = 'x'", "DELETE FROM history",
		"UPDATE decision SET act = 'x'", "DELETE FROM decision", "DELETE FROM agreement" };
	AUTO_STR path = xstrdup(dir_file(s.dir, "portico.db"));
	struct err err = ERR_NONE;
	char p[REF_LEN + 1];
	AUTO(arena) a = arena_new();
	struct agreement *g;
	struct tx *tx = tx_begin(s.store);
	sqlite3 *db;

	(void)state;
	put_patient(tx, "homer", p);
	struct consent c = {
		.patient = p, .class_name = "x", .scope = SCOPE_CLINIC, .scope_id = "", .by_patient = true
	};
	struct decision_row d = { .reference = "R" };
	assert_int_equal(agreement_put(tx, &c, a, &g, &err), ST_OK);
	assert_int_equal(decision_add(tx, &d, &err), ST_OK);
	assert_int_equal(tx_end(true, &err), ST_OK);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(sqlite3_exec(db, rows[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
	sqlite3_close(db);
}

static void
flip_bytes(const char *path, off_t from, off_t to)
{
	AUTO_FD fd = open(path, O_RDWR);
	unsigned char c;

	assert_true(fd >= 0);
	for (off_t at = from; at < to; at++) {
		assert_int_equal(pread(fd, &c, 1, at), 1);
		c ^= 0xff;
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
	}
}

/* Whole pages of the file are ruined, one after another: never a crash, never silence. */
static void
ruined_page_is_found(void **state)
{
	AUTO_STR db = xstrdup(dir_file(s.dir, "portico.db"));
	AUTO_STR wal = xstrdup(dir_file(s.dir, "portico.db-wal"));
	AUTO_BUF good = BUF_INIT;
	struct stat st;
	size_t found = 0, pages;

	(void)state;
	for (int i = 0; i < 30; i++) {
		char key[16];

		snprintf(key, sizeof key, "m%d", i);
		assert_int_equal(put(key, 3000, NULL), ST_OK);
	}
	assert_int_equal(store_checkpoint(s.store, NULL), ST_OK);
	store_free(s.store);
	unlink(wal);
	assert_int_equal(stat(db, &st), 0);
	assert_int_equal(file_read(db, 1 << 26, &good, NULL), ST_OK);
	pages = good.n / 4096;
	assert_true(pages > 30);
	for (size_t i = 0; i < pages; i++) {
		struct store_options o = { .dir = s.dir, .site_key = test_site_key, .clock = &s.clock };
		struct err err = ERR_NONE;
		AUTO_BUF report = BUF_INIT;
		size_t n = 0;
		struct tx *tx;

		flip_bytes(db, (off_t)i * 4096, (off_t)(i + 1) * 4096);
		if (store_open(&o, &s.store, &err) != ST_OK) {
			found++;
		} else {
			tx = tx_begin_read(s.store);
			if (tx == NULL || ledger_check(tx, true, &report, &n, &err) != ST_OK || n > 0)
				found++;
			(void)!tx_end(false, NULL);
			store_free(s.store);
		}
		unlink(wal);
		assert_int_equal(file_write(db, good.p, good.n, 0600, false, NULL), ST_OK);
	}
	s.store = NULL;
	temp_store_reopen(&s);
	/* A page of the free list or of an unused tail holds nothing that could be wrong. */
	if (found + 2 < pages)
		fail_msg("%zu of %zu ruined pages were found", found, pages);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static enum status
try_open(const uint8_t *key, bool read_only, struct err *err)
{
	struct store_options o = { .dir = s.dir, .site_key = key, .clock = &s.clock, .read_only = read_only };
	struct store *st = NULL;
	enum status rc = store_open(&o, &st, err);

	store_free(st);
	return rc;
}

static void
wrong_site_key_is_refused(void **state)
{
	uint8_t other[32] = { 9 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(try_open(other, false, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.site-key");
	assert_int_equal(try_open(other, true, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.site-key");
	assert_int_equal(try_open(test_site_key, false, &err), ST_OK);
}

static void
newer_schema_is_refused(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	tamper("PRAGMA user_version = 999");
	assert_int_equal(try_open(test_site_key, false, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.newer");
	assert_non_null(strstr(err.text, "999"));
	assert_int_equal(try_open(test_site_key, true, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.newer");
}

static void
older_schema_is_brought_up_to_date(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(put("kept", 100, &err), ST_OK);
	tamper("DROP TABLE local_post; DROP TABLE local_thread; PRAGMA user_version = 1");
	assert_int_equal(try_open(test_site_key, true, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.old");
	temp_store_reopen(&s);
	assert_int_equal(messages(), 1);
	assert_int_equal(breaches(s.store, true, false), 0); /* looks into local_post as well */
	assert_int_equal(try_open(test_site_key, true, &err), ST_OK);
}

static void
garbage_is_not_a_store(void **state)
{
	AUTO_STR db = xstrdup(dir_file(s.dir, "portico.db"));
	AUTO_BUF b = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	store_free(s.store);
	s.store = NULL;
	unlink(dir_file(s.dir, "portico.db-wal"));
	while (b.n < 20000)
		buf_puts(&b, "not a database ");
	assert_int_equal(file_write(db, b.p, b.n, 0600, false, NULL), ST_OK);
	assert_int_equal(try_open(test_site_key, false, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.corrupt");
}

static void
reader_neither_makes_nor_writes(void **state)
{
	struct store_options o = {
		.dir = "/tmp/portico-test-absent", .site_key = test_site_key, .clock = &s.clock, .read_only = true
	};
	struct err err = ERR_NONE;
	struct store *st = NULL;
	struct put p = { .key = "k", .size = 1 };
	int64_t n = -1;

	(void)state;
	assert_int_equal(store_open(&o, &st, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.absent");
	assert_int_not_equal(access(o.dir, F_OK), 0);
	assert_int_equal(put("there", 10, &err), ST_OK);
	o.dir = s.dir;
	assert_int_equal(store_open(&o, &st, &err), ST_OK);
	assert_int_equal(store_write(st, put_one, &p, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.read-only");
	assert_int_equal(store_read(st, count_in, &n, &err), ST_OK);
	assert_int_equal(n, 1);
	store_free(st);
}

/* The supporter's look: rows, and a clear word where there is more to see. */
static void
without_the_key_only_rows_are_seen(void **state)
{
	struct store_options o = { .dir = s.dir, .clock = &s.clock, .read_only = true };
	AUTO(arena) a = arena_new();
	AUTO_BUF b = BUF_INIT;
	struct err err = ERR_NONE;
	struct store *st = NULL;
	struct put p = { .key = "there", .size = 10 };
	struct message_row *m = NULL;
	struct patient *people;
	size_t n = 7;
	struct tx *tx = tx_begin(s.store);
	char ref[REF_LEN + 1];

	(void)state;
	put_patient(tx, "homer", ref);
	assert_int_equal(tx_end(true, &err), ST_OK);
	assert_int_equal(store_write(s.store, put_one, &p, &err), ST_OK);
	assert_int_equal(store_open(&o, &st, &err), ST_OK);
	tx = tx_begin_read(st);
	assert_int_equal(message_get(tx, p.ref, a, &m, &err), ST_OK);
	assert_string_equal(m->source_key, "there");
	assert_int_equal(ledger_check(tx, false, &b, &n, &err), ST_OK);
	assert_int_equal(n, 0);
	assert_int_equal(message_blob(tx, p.ref, BLOB_CONTENT, &b, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.no-key");
	assert_int_equal(patient_list(tx, a, &people, &n, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.no-key");
	assert_int_equal(ledger_check(tx, true, &b, &n, &err), ST_LOCAL); /* not: damage */
	assert_string_equal(err.code, "store.no-key");
	(void)!tx_end(false, NULL);
	store_free(st);
	o.read_only = false;
	assert_int_equal(store_open(&o, &st, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.no-key");
}

static void
only_the_owner_may_read_the_files(void **state)
{
	static const char *const names[] = { "portico.db", "portico.db-wal", "portico.db-shm", "store.lock" };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(stat(dir_file(s.dir, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 077, 0);
	}
}

/* ---- several handles --------------------------------------------------------------------------------------------- */

/* Somebody holds the lock for a while: we wait, and then it is done. */
static void
writer_waits_for_the_lock(void **state)
{
	int fd = open(dir_file(s.dir, "store.lock"), O_RDWR | O_CLOEXEC);
	int64_t begin = monotonic_ms();
	pid_t pid;

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		usleep(300000);
		flock(fd, LOCK_UN);
		_exit(0);
	}
	assert_int_equal(put("patient", 10, NULL), ST_OK);
	assert_in_range(monotonic_ms() - begin, 250, 10000);
	waitpid(pid, NULL, 0);
	close(fd);
}

static void
only_the_bridge_checkpoints(void **state)
{
	struct store_options o = { .dir = s.dir, .site_key = test_site_key, .clock = &s.clock };
	AUTO_STR wal = xstrdup(dir_file(s.dir, "portico.db-wal"));
	AUTO_STR db = xstrdup(dir_file(s.dir, "portico.db"));
	struct store *st = NULL;
	struct err err = ERR_NONE;
	struct stat before, after;
	struct put p = { .key = "k", .size = 100000 };

	(void)state;
	assert_int_equal(store_checkpoint(s.store, NULL), ST_OK);
	assert_int_equal(stat(db, &before), 0);
	assert_int_equal(store_open(&o, &st, &err), ST_OK);
	assert_int_equal(store_write(st, put_one, &p, &err), ST_OK);
	assert_int_equal(store_checkpoint(st, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.checkpoint");
	store_free(st);
	store_free(s.store); /* the last one out does not either, nor does it remove the WAL */
	s.store = NULL;
	assert_int_equal(stat(db, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(stat(wal, &after), 0);
	assert_true(after.st_size > 100000);
	temp_store_reopen(&s);
	assert_int_equal(messages(), 1);
	assert_int_equal(store_checkpoint(s.store, NULL), ST_OK);
	assert_int_equal(stat(db, &after), 0);
	assert_true(after.st_size > before.st_size);
}

/* design: forgetting a message is forgetting its key. After the WAL went round, the wrapped key is in no file. */
static void
forgotten_key_is_overwritten(void **state)
{
	AUTO_STR db = xstrdup(dir_file(s.dir, "portico.db"));
	AUTO_BUF b = BUF_INIT;
	struct tx *tx = tx_begin(s.store);
	char m[REF_LEN + 1];
	unsigned char key[61];
	sqlite3 *raw;
	sqlite3_stmt *q;

	(void)state;
	put_message(tx, NULL, "secret", MSG_RECORDED, m);
	assert_int_equal(tx_end(true, NULL), ST_OK);
	assert_int_equal(store_checkpoint(s.store, NULL), ST_OK);
	assert_int_equal(sqlite3_open(db, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(raw, "SELECT data_key FROM message", -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_int_equal(sqlite3_column_bytes(q, 0), sizeof key);
	memcpy(key, sqlite3_column_blob(q, 0), sizeof key);
	sqlite3_finalize(q);
	sqlite3_close(raw);
	assert_int_equal(file_read(db, 1 << 26, &b, NULL), ST_OK);
	assert_non_null(memmem(b.p, b.n, key, sizeof key));
	tx = tx_begin(s.store);
	assert_int_equal(message_forget(tx, m, NULL), ST_OK);
	assert_int_equal(tx_end(true, NULL), ST_OK);
	assert_int_equal(store_checkpoint(s.store, NULL), ST_OK);
	buf_clear(&b);
	assert_int_equal(file_read(db, 1 << 26, &b, NULL), ST_OK);
	assert_null(memmem(b.p, b.n, key, sizeof key));
}

static enum status
always_refuse(struct tx *tx, void *arg, struct err *err)
{
	(void)arg;
	TRY(fact_set(tx, "left", "behind", err));
	return err_set(err, ST_MSG_REFUSED, "test.no", "no");
}

static void
commits_ring_and_refusals_do_not(void **state)
{
	int one = store_commit_fd(s.store), two = store_commit_fd(s.store);
	uint64_t n;

	(void)state;
	assert_true(one >= 0 && two >= 0);
	assert_int_equal(store_write(s.store, always_refuse, NULL, NULL), ST_MSG_REFUSED);
	assert_int_equal(read(one, &n, sizeof n), -1);
	assert_int_equal(put("k", 10, NULL), ST_OK);
	assert_int_equal(read(one, &n, sizeof n), sizeof n);
	assert_int_equal(read(one, &n, sizeof n), -1);
	store_commit_fd_close(s.store, one);
	assert_int_equal(read(two, &n, sizeof n), sizeof n);
	assert_int_equal(put("k2", 10, NULL), ST_OK);
	assert_int_equal(read(two, &n, sizeof n), sizeof n);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(full_disk_loses_nothing_and_recovers),
		CASE(failed_sync_is_final),
		CASE(every_failing_call_is_survived),
		CASE(small_disk_fills_up),
		CASE(check_finds_every_breach),
		CASE(history_cannot_be_rewritten),
		CASE(ruined_page_is_found),
		CASE(wrong_site_key_is_refused),
		CASE(newer_schema_is_refused),
		CASE(older_schema_is_brought_up_to_date),
		CASE(garbage_is_not_a_store),
		CASE(reader_neither_makes_nor_writes),
		CASE(without_the_key_only_rows_are_seen),
		CASE(only_the_owner_may_read_the_files),
		CASE(writer_waits_for_the_lock),
		CASE(only_the_bridge_checkpoints),
		CASE(forgotten_key_is_overwritten),
		CASE(commits_ring_and_refusals_do_not),
	};

	vfs_shim_install();
	return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
