#include "store/sql.h"

#include "store/impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SLOTS 512 /* a power of two, more than twice our statements */

struct cached {
	const char *sql;
	sqlite3_stmt *stmt;
	bool busy;
};

enum status
sql_fail(struct conn *c, int rc, struct err *err)
{
	int primary = rc & 0xff;

	if (primary == SQLITE_FULL || primary == SQLITE_IOERR || primary == SQLITE_CORRUPT ||
	    primary == SQLITE_NOTADB || primary == SQLITE_NOMEM)
		c->grave = rc;
	switch (primary) {
	case SQLITE_FULL:
		return err_set(err, ST_LOCAL, "store.full", "the disk of the store is full (%d)", rc);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ST_LOCAL, "store.busy", "the store stayed locked by another process (%d)", rc);
	case SQLITE_READONLY:
		return err_set(err, ST_LOCAL, "store.read-only", "writing to a store opened for reading (%d)", rc);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ST_LOCAL, "store.corrupt", "the database is damaged: restore a backup (%d)", rc);
	case SQLITE_IOERR:
		return err_set(err, ST_LOCAL, "store.io", "reading or writing the database failed (%d)", rc);
	case SQLITE_CONSTRAINT:
		return err_set(err, ST_LOCAL, "store.constraint", "the change breaks a rule of the ledger (%d)", rc);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return err_set(err, ST_LOCAL, "store.open", "the database cannot be opened: permissions? (%d)", rc);
	case SQLITE_TOOBIG:
		return err_set(err, ST_LOCAL, "store.size", "larger than the database can hold (%d)", rc);
	case SQLITE_NOMEM:
		return err_set(err, ST_LOCAL, "store.memory", "out of memory (%d)", rc);
	default:
		return err_set(err, ST_LOCAL, "store.sql", "the database refused a statement (%d)", rc);
	}
}

int
conn_exec(struct conn *c, const char *sql)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL);
}

void
conn_forget_statements(struct conn *c)
{
	for (size_t i = 0; c->cache != NULL && i < CACHE_SLOTS; i++)
		sqlite3_finalize(c->cache[i].stmt);
	free(c->cache);
	c->cache = NULL;
	c->ncache = 0;
}

static int
prepare(struct conn *c, const char *sql, struct cached **ret)
{
	size_t i = ((uintptr_t)sql >> 3) * 2654435761u % CACHE_SLOTS;
	struct cached *slot;

	if (c->cache == NULL)
		c->cache = xcalloc(CACHE_SLOTS, sizeof *c->cache);
	while (c->cache[i].sql != NULL && c->cache[i].sql != sql)
		i = (i + 1) % CACHE_SLOTS;
	slot = &c->cache[i];
	if (slot->sql == NULL) {
		int rc = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &slot->stmt, NULL);

		if (rc != SQLITE_OK)
			return rc;
		assert(c->ncache < CACHE_SLOTS / 2);
		slot->sql = sql;
		c->ncache++;
	}
	assert(!slot->busy);
	*ret = slot;
	return SQLITE_OK;
}

static int
bind_all(sqlite3_stmt *s, const struct bind *b)
{
	int rc = SQLITE_OK;

	for (int i = 1; b->kind != BIND_END && rc == SQLITE_OK; b++) {
		switch (b->kind) {
		case BIND_TEXT:
			rc = sqlite3_bind_text(s, i++, b->p, -1, SQLITE_STATIC);
			break;
		case BIND_BLOB:
			rc = sqlite3_bind_blob64(s, i++, b->p, (sqlite3_uint64)b->n, SQLITE_STATIC);
			break;
		case BIND_INT:
			rc = sqlite3_bind_int64(s, i++, b->n);
			break;
		case BIND_NULL:
			rc = sqlite3_bind_null(s, i++);
			break;
		case BIND_NONE:
		case BIND_END:
			break;
		}
	}
	return rc;
}

enum status
query_open(struct query *q, struct tx *tx, const char *sql, const struct bind *b, struct err *err)
{
	struct cached *slot = NULL;
	int rc = prepare(tx->conn, sql, &slot);

	if (rc != SQLITE_OK)
		return sql_fail(tx->conn, rc, err);
	*q = (struct query){ tx->conn, slot->stmt, &slot->busy, SQLITE_OK };
	slot->busy = true;
	rc = bind_all(slot->stmt, b);
	if (rc != SQLITE_OK) {
		query_close(q);
		return sql_fail(tx->conn, rc, err);
	}
	return ST_OK;
}

bool
query_next(struct query *q)
{
	q->rc = sqlite3_step(q->stmt);
	return q->rc == SQLITE_ROW;
}

enum status
query_end(struct query *q, struct err *err)
{
	int rc = q->rc;

	query_close(q);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? ST_OK : sql_fail(q->conn, rc, err);
}

void
query_close(struct query *q)
{
	if (q->stmt == NULL)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	*q->busy = false;
	q->stmt = NULL;
}

int64_t
query_int(struct query *q, int col)
{
	return sqlite3_column_int64(q->stmt, col);
}

const char *
query_text(struct query *q, int col, struct arena *a)
{
	const char *s = (const char *)sqlite3_column_text(q->stmt, col);

	return arena_strdup(a, s != NULL ? s : "");
}

void
query_copy(struct query *q, int col, char *ret, size_t n)
{
	const char *s = (const char *)sqlite3_column_text(q->stmt, col);
	size_t len = s != NULL ? strlen(s) : 0;

	if (len > n - 1)
		len = n - 1;
	if (len > 0)
		memcpy(ret, s, len);
	ret[len] = '\0';
}

struct slice
query_blob(struct query *q, int col)
{
	const void *p = sqlite3_column_blob(q->stmt, col);

	return (struct slice){ p != NULL ? p : "", p != NULL ? (size_t)sqlite3_column_bytes(q->stmt, col) : 0 };
}

bool
query_is_null(struct query *q, int col)
{
	return sqlite3_column_type(q->stmt, col) == SQLITE_NULL;
}

enum status
sql_run(struct tx *tx, const char *sql, const struct bind *b, int64_t *changed, struct err *err)
{
	AUTO_QUERY q = { 0 };

	/* query_only makes SQLite refuse as well, but only statements that find something to change. */
	if (!tx->writing)
		return sql_fail(tx->conn, SQLITE_READONLY, err);
	TRY(query_open(&q, tx, sql, b, err));
	while (query_next(&q)) {
	}
	TRY(query_end(&q, err));
	if (changed != NULL)
		*changed = sqlite3_changes64(tx->conn->db);
	return ST_OK;
}

enum status
sql_int(struct tx *tx, const char *sql, const struct bind *b, int64_t none, int64_t *ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	int64_t got = none;

	TRY(query_open(&q, tx, sql, b, err));
	if (query_next(&q))
		got = query_int(&q, 0);
	TRY(query_end(&q, err));
	*ret = got;
	return ST_OK;
}

void *
list_grow(struct arena *a, void *list, size_t n, size_t size)
{
	void *bigger;

	/* Full at every power of two from 8 on. */
	if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
		return list;
	bigger = arena_alloc(a, (n < 8 ? 8 : n * 2) * size);
	if (n > 0)
		memcpy(bigger, list, n * size);
	return bigger;
}

int
name_index(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], s) == 0)
			return (int)i;
	return -1;
}
