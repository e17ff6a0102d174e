/*
 * sql -- statements of one transaction: cached by their text's address, bound by type, errors in our own words.
 *
 * Private to the layers that keep tables in the store's database (store, portal/portal_local).
 * Text:     SQL is always a string literal (the "" in the macros does not compile for a variable): nothing from outside
 *           ever becomes part of a statement.
 * Owns:     bound text and blobs are borrowed until the statement ends. Column results are copied into the arena.
 * Errors:   ST_LOCAL with a code of ours and SQLite's number; never SQLite's text, which may quote a value.
 * Threads:  those of the transaction.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct conn;

struct bind {
	enum { BIND_END, BIND_NONE, BIND_TEXT, BIND_NULL, BIND_INT, BIND_BLOB } kind;
	const char *p;
	int64_t n;
};
static inline struct bind
b_text(const char *s) /* NULL is stored as "" */
{
	return (struct bind){ BIND_TEXT, s != NULL ? s : "", 0 };
}
static inline struct bind
b_ref(const char *s) /* "" and NULL are stored as NULL: a reference to nothing */
{
	return (struct bind){ s != NULL && *s != '\0' ? BIND_TEXT : BIND_NULL, s, 0 };
}
static inline struct bind
b_int(int64_t n)
{
	return (struct bind){ BIND_INT, NULL, n };
}
static inline struct bind
b_blob(const void *p, size_t n)
{
	return (struct bind){ BIND_BLOB, p != NULL ? p : "", (int64_t)n };
}
#define B_NONE ((struct bind){ BIND_NONE, NULL, 0 })
#define BINDS(...)                                                                                                     \
	(const struct bind[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__,                                                                                           \
		{                                                                                                      \
			BIND_END, NULL, 0                                                                              \
		}                                                                                                      \
	}

/* Runs a statement to its end; *changed (NULL is fine) counts rows inserted, updated or deleted. */
#define SQL_RUN(tx, changed, err, sql, ...) sql_run((tx), "" sql, BINDS(__VA_ARGS__), (changed), (err))
enum status sql_run(struct tx *, const char *sql, const struct bind *, int64_t *changed, struct err *) MUST_CHECK;

struct query {
	struct conn *conn;
	void *stmt;
	bool *busy;
	int rc;
};
#define AUTO_QUERY __attribute__((cleanup(query_close))) struct query
/* AUTO_QUERY q = { 0 };  TRY(SQL_QUERY(&q, tx, err, "SELECT ...", b_text(ref)));
 * while (query_next(&q)) ... query_int(&q, 0) ...;  return query_end(&q, err); */
#define SQL_QUERY(q, tx, err, sql, ...) query_open((q), (tx), "" sql, BINDS(__VA_ARGS__), (err))
enum status query_open(struct query *, struct tx *, const char *sql, const struct bind *, struct err *) MUST_CHECK;
bool query_next(struct query *);
/* ST_OK when the rows ended because there are no more. */
enum status query_end(struct query *, struct err *) MUST_CHECK;
void query_close(struct query *);
int64_t query_int(struct query *, int col);
const char *query_text(struct query *, int col, struct arena *); /* "" for NULL */
void query_copy(struct query *, int col, char *ret, size_t n);	 /* cut to n - 1 characters */
struct slice query_blob(struct query *, int col);		 /* until the next row */
bool query_is_null(struct query *, int col);
/* The first column of the first row, or none when there is no row. */
#define SQL_INT(tx, none, ret, err, sql, ...) sql_int((tx), "" sql, BINDS(__VA_ARGS__), (none), (ret), (err))
enum status sql_int(
    struct tx *, const char *sql, const struct bind *, int64_t none, int64_t *ret, struct err *) MUST_CHECK;

/* Room for one more in an arena's array: returns the array, moved when it was full. */
void *list_grow(struct arena *, void *list, size_t n, size_t size);
#define LIST_PUSH(arena, list, n, item)                                                                                \
	((list) = list_grow((arena), (list), (n), sizeof *(list)), (list)[(n)++] = (item))

/* "No such row" for a reference somebody gave us. */
#define NO_ROW(err, what) err_set((err), ST_MSG_REFUSED, "store.none", "the store has no such " what)

#endif
