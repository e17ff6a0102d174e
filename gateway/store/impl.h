/*
 * impl -- what the files of the store share: connections, a transaction's inside, site keys, blobs, names.
 *
 * Private to gateway/store, except the blob_* half, which portal/portal_local uses for the posts it keeps.
 */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include "store/sql.h"
#include "store/store.h"

#include <sqlite3.h>

#define KEY_SIZE 32
#define NEVER_MS INT64_MAX /* due_ms of a delivery whose message is held */

/* One SQLite connection; used by one thread at a time. */
struct conn {
	sqlite3 *db;
	struct cached *cache; /* statements by the address of their text */
	size_t ncache;
	int grave; /* a result code that ends the whole transaction, not only the statement; 0: none */
};
void conn_forget_statements(struct conn *);
/* For statements outside of any cache (BEGIN, PRAGMA): an SQLite result code. */
int conn_exec(struct conn *, const char *sql);
/* A result code in our words. Returns the status. */
enum status sql_fail(struct conn *, int rc, struct err *);

struct site_keys { /* derived from the site key, one per use */
	uint8_t wrap[KEY_SIZE], person[KEY_SIZE], index[KEY_SIZE];
};

struct tx {
	struct conn *conn;
	const struct site_keys *keys; /* NULL: opened for reading without them; see need_keys() */
	int64_t now_ms;
	bool writing;
};

/* ---- migrations ---- */
struct migration {
	int number;
	const char *const *sql; /* statements, NULL at the end */
};
extern const struct migration migrate_001, migrate_002;
int migrate_newest(void);
/* Brings the schema from its version to the newest; the caller holds the lock of the store. */
enum status migrate_run(struct conn *, struct err *) MUST_CHECK;
enum status migrate_version(struct conn *, int *ret, struct err *) MUST_CHECK;

/* ---- sealing: AES-256-GCM (NIST SP 800-38D), a random 96-bit IV each time; form: 1, IV, ciphertext, tag ---- */
void site_keys_derive(const uint8_t *site_key, struct site_keys *ret);
void site_keys_wipe(struct site_keys *);
/* Before tx->keys is used in anything that may happen while reading. */
enum status need_keys(struct tx *, struct err *) MUST_CHECK;
/* A new data key for the row named ref, and the form of it that may be kept. */
void blob_key_new(struct tx *, const char *ref, uint8_t ret_key[KEY_SIZE], struct buf *ret_wrapped);
enum status blob_key_unwrap(
    struct tx *, const char *ref, struct slice wrapped, uint8_t ret_key[KEY_SIZE], struct err *) MUST_CHECK;
/* ref and role are bound: a blob moved to another row or role does not open. Both append to ret. */
void blob_seal(const uint8_t key[KEY_SIZE], const char *ref, const char *role, struct slice clear, struct buf *ret);
enum status blob_open(const uint8_t key[KEY_SIZE], const char *ref, const char *role, struct slice sealed,
    struct buf *ret, struct err *) MUST_CHECK;
/* A value that finds a row without telling what it was made of. */
void index_tag(struct tx *, const char *kind, const char *value, uint8_t ret[KEY_SIZE]);

/* ---- names as they stand in the tables ---- */
const char *blob_role_name(enum blob_role);
int name_index(const char *const *names, size_t n, const char *s); /* -1: not there */
enum message_kind message_kind_of(const char *);
enum message_state message_state_of(const char *);

/* ---- between the files ---- */
/* One line written by the ledger itself. */
enum status history_note(
    struct tx *, const char *message, const char *event, const char *code, struct err *) MUST_CHECK;
/* The message's state from its deliveries; leaves held and recorded ones alone. */
enum status message_fold(struct tx *, const char *ref, struct err *) MUST_CHECK;
/* The patient whom a portal names so, this portal's before another's; "" when there is none. ST_MSG_REFUSED: several.
 */
enum status patient_by_key(
    struct tx *, const char *prefer_portal, const char *portal_key, char ret_ref[REF_LEN + 1], struct err *) MUST_CHECK;
/* Deliveries of a message that left the hold, entered it, or never go. */
enum status delivery_unpark(struct tx *, const char *message, struct err *) MUST_CHECK;
enum status delivery_park(struct tx *, const char *message, struct err *) MUST_CHECK;
enum status delivery_fail_all(struct tx *, const char *message, const char *code, struct err *) MUST_CHECK;

#endif
