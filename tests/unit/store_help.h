/*
 * store_help -- for tests that use a store: a temporary directory, a clock that stands, and a transaction that the test
 * itself holds between tx_begin() and tx_end(), so that a failing assertion never fires inside the store's own thread.
 */
#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

#include "store/store.h"

#include <stdbool.h>

#define T0 INT64_C(1772661600000) /* 2026-03-04T22:00:00Z */
#define HOUR INT64_C(3600000)

extern const uint8_t test_site_key[32];

struct temp_store {
	char dir[64];
	struct clock clock; /* fixed: move it with clock.fixed_ms */
	struct store *store;
};
/* Aborts the test program when it cannot. */
void temp_store_open(struct temp_store *);
/* Closes and opens the same directory again. */
void temp_store_reopen(struct temp_store *);
void temp_store_close(struct temp_store *); /* ends a forgotten transaction, frees, removes the directory */
void remove_dir(const char *dir);
char *dir_file(const char *dir, const char *name); /* static buffer, one at a time */

/* One transaction at a time. tx_end(false) rolls back. */
struct tx *tx_begin(struct store *);
struct tx *tx_begin_read(struct store *);
enum status tx_end(bool commit, struct err *);

/* Rows that a test needs and does not care about. All abort on failure. */
void put_patient(struct tx *, const char *key, char ret[REF_LEN + 1]);
void put_thread(struct tx *, const char *patient_key, const char *thread_key, char ret[THREAD_LEN + 1]);
/* source is the source key; "<source@test>" its Message-ID and "text of <source>" its content. */
void put_message(struct tx *, const char *thread, const char *source, enum message_state, char ret[REF_LEN + 1]);
void put_delivery(struct tx *, const char *message, const char *destination, const char *key);
enum message_state state_of(struct tx *, const char *ref);
/* Breaches found by ledger_check(); the report is printed when there are any that were not expected. */
size_t breaches(struct store *, bool open_blobs, bool expected);

#endif
