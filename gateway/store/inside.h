/*
 * inside -- struct store as its three files share it: store_sqlite.c opens, reads and closes, writer.c is the writer
 * thread, connection.c one SQLite connection.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include "store/impl.h"

#include <pthread.h>

#define READERS 4
#define WATCHERS 16
#define PATIENCE_MS 15000 /* for a lock that another process holds */

struct store {
	const struct clock *clock;
	bool checkpoints, read_only;
	bool has_keys;
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

/* wal_pages (NULL: not asked for) is told the size of the WAL after each commit. Half-open on failure: conn_close(). */
enum status conn_open(struct conn *, const char *path, bool writer, int *wal_pages, struct err *) MUST_CHECK;
void conn_close(struct conn *);

/* What a transaction may use; NULL when the store was opened without the site key. */
const struct site_keys *store_keys(const struct store *);
enum status store_say_broken(struct err *);

/* Runs until stop is set and the queue is empty. arg: the store. */
void *writer_main(void *arg);

#endif
