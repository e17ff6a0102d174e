/*
 * store -- the ledger: every message, its deliveries, and who has them until when.
 *
 * Durable:  store_write() returns ST_OK after its transaction reached the disk. Before that we never had it.
 * Grouped:  concurrent store_write() calls of a process share one commit (natural batching, no timer); each runs in a
 *           savepoint of its own, so one that fails undoes only itself.
 * Threads:  a struct store may be used by any thread. A struct tx belongs to the call it was handed to.
 * Hosts:    every write transaction and every checkpoint holds an flock on <dir>/store.lock, so several processes of
 *           one host share the file. Work is claimed by lease: a dead worker's work comes back by itself.
 * Fails:    ST_LOCAL only (disk full, permissions, damage) unless a function says otherwise; nothing of the
 *           transaction remains then. A failed commit or sync is final for this handle ("store.broken"): end the
 *           process, start anew. A full disk is not ("store.full"): nothing was written, and it may be emptied.
 *           A change of a row that does not exist is ST_MSG_REFUSED "store.none"; asking for one (x_get, x_find) is
 *           ST_OK with *ret = NULL.
 * Content:  blobs are sealed under a data key per message (AES-256-GCM, bound to row and role), wrapped by the site
 *           key; forgetting a message is forgetting its key.
 * Owns:     nothing of the caller's; rows handed out live in the arena that was passed in.
 * Times:    _ms are UTC milliseconds.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/own.h"
#include "policies/facts.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
struct tx;

#define REF_LEN 16   /* a message, delivery or hold reference: Crockford base32, random */
#define THREAD_LEN 8 /* "P-7K3QXM" */

struct store_options {
	const char *dir;	   /* holds portico.db and store.lock; made 0700 if absent */
	const uint8_t *site_key;   /* 32 bytes: wraps the data keys; NULL with read_only: rows only, nothing sealed */
	const struct clock *clock; /* borrowed */
	bool checkpoints;	   /* only the bridge: runs passive checkpoints */
	bool read_only;		   /* the command's look at the ledger; store_write() is refused */
};

/* Creates the schema or runs the numbered migrations that are missing. */
enum status store_open(const struct store_options *, struct store **ret, struct err *) MUST_CHECK;
void store_free(struct store *);
DEFINE_FREEP(store)

/* fn runs inside a transaction; it must not block, call the network or another store_write(). What fn returns other
 * than ST_OK rolls back its own changes and comes back from store_write(). fn may be run again after a lock was lost,
 * so it writes its results only to memory it can write twice. */
typedef enum status (*store_fn)(struct tx *, void *arg, struct err *);
enum status store_write(struct store *, store_fn, void *arg, struct err *) MUST_CHECK;
/* A pool of four connections: a reader never waits for a writer. One consistent snapshot; writing functions fail inside
 * it, delivery_claim() among them. */
enum status store_read(struct store *, store_fn, void *arg, struct err *) MUST_CHECK;
/* Copies committed pages back and trims nothing; the bridge calls it between bursts. */
enum status store_checkpoint(struct store *, struct err *) MUST_CHECK;
int64_t tx_now_ms(struct tx *); /* the same for a whole transaction */
/* A new eventfd that becomes readable after each commit of this process (of other processes only a poll can tell);
 * whoever asked for it reads it to clear it. The store's: closed by store_free(), or earlier by the second function.
 * -1 when there are none left. */
int store_commit_fd(struct store *);
void store_commit_fd_close(struct store *, int fd);

/* ---- patients and threads ------------------------------------------------------------------------------------- */

struct patient {
	const char *ref;	/* ours, random; what logs may show */
	const char *portal;	/* portal id */
	const char *portal_key; /* how that portal names the patient; for "local" the login name, e.g. "homer" */
	const char *mrn, *given, *family, *birth_date /* YYYY-MM-DD or "" */, *zone, *language, *jurisdiction;
	const char *known_problems; /* comma-separated classes, "malignancy,..." */
	const char *proxies;	    /* comma-separated "who:access[:in_thread]" */
};
/* Adds, or updates the row with the same (portal, portal_key). */
enum status patient_put(struct tx *, const struct patient *, char ret_ref[REF_LEN + 1], struct err *) MUST_CHECK;
/* By our reference, by portal key ("homer") or by record number; *ret = NULL when there is none. ST_MSG_REFUSED when
 * several match: never a guess. */
enum status patient_get(struct tx *, const char *which, struct arena *, struct patient **ret, struct err *) MUST_CHECK;
enum status patient_list(struct tx *, struct arena *, struct patient **ret, size_t *nret, struct err *) MUST_CHECK;

struct thread {
	char ref[THREAD_LEN + 1];
	const char *patient;		 /* ref */
	const char *portal, *portal_key; /* the portal's name of this thread */
	const char *addressee;		 /* "clinician:lee" or "pool:nurses" */
	bool open, patient_only;
	int64_t opened_ms;
};
/* Finds by (portal, portal_key) or opens a new thread (always a new one when portal_key is ""). ST_MSG_REFUSED when the
 * portal's thread is known as another patient's. */
enum status thread_find_or_open(
    struct tx *, const struct thread *want, char ret_ref[THREAD_LEN + 1], struct err *) MUST_CHECK;
enum status thread_get(struct tx *, const char *ref, struct arena *, struct thread **ret, struct err *) MUST_CHECK;
enum status thread_list(struct tx *, struct arena *, struct thread **ret, size_t *nret, struct err *) MUST_CHECK;
enum status thread_close(struct tx *, const char *ref, struct err *) MUST_CHECK;
enum status thread_reopen(struct tx *, const char *ref, struct err *) MUST_CHECK;
/* Somebody else answers in it from now on. */
enum status thread_assign(struct tx *, const char *ref, const char *addressee, struct err *) MUST_CHECK;
/* Message-IDs of the thread, oldest first, at most max (then the first and the newest): for References. */
enum status thread_message_ids(
    struct tx *, const char *ref, size_t max, struct arena *, const char ***ret, size_t *nret, struct err *) MUST_CHECK;

/* ---- messages -------------------------------------------------------------------------------------------------- */

enum message_kind { KIND_HUMAN, KIND_NOTICE, KIND_COMMAND, KIND_EVENT };
enum message_state { MSG_IN_FLIGHT, MSG_HELD, MSG_DELIVERED, MSG_RETURNED, MSG_RECORDED };
const char *message_kind_name(enum message_kind);
const char *message_state_name(enum message_state); /* "in_flight" */

enum blob_role { BLOB_CONTENT /* mail/content.h form */, BLOB_ORIGINAL /* raw bytes as received */ };

struct message_new {
	enum message_kind kind;
	enum message_state state;
	const char *thread;	 /* ref or "" */
	const char *author;	 /* "patient:<ref>", "clinician:lee", "portico" */
	const char *source_key;	 /* UNIQUE: what makes a repeat a repeat */
	const char *message_id;	 /* RFC 5322, as received or as ours; "" when none */
	const char *in_reply_to; /* our message ref this answers, or "" */
	const char *owner;	 /* who has it: "portico", "clinician:lee", "support" */
	int64_t deadline_ms;	 /* by when it must have moved on */
	int64_t received_ms;	 /* the author's side accepted it */
	const char *note;	 /* notices: "autoreply", "refused", "hold", ...; events: "out-of-office", "dsn", ... */
	const char *urgency, *categories; /* triage; categories comma-separated */
	bool not_screened;
	struct slice content, original; /* clear; sealed on the way in; .n == 0: none */
};

struct message_row {
	char ref[REF_LEN + 1];
	enum message_kind kind;
	enum message_state state;
	const char *thread, *author, *source_key, *message_id, *in_reply_to, *owner, *note, *urgency, *categories;
	int64_t created_ms, received_ms, deadline_ms;
	bool not_screened, forgotten;
};

/* ST_OK with *dup = true and the first one's reference when source_key was seen before: nothing is written then. */
enum status message_insert(
    struct tx *, const struct message_new *, char ret_ref[REF_LEN + 1], bool *ret_dup, struct err *) MUST_CHECK;
enum status message_get(
    struct tx *, const char *ref, struct arena *, struct message_row **ret, struct err *) MUST_CHECK;
/* By reference, RFC 5322 Message-ID, source key or the far side's id; several deliveries of one message count once.
 * ST_MSG_REFUSED when several messages match. */
enum status message_find(
    struct tx *, const char *what, struct arena *, struct message_row **ret, struct err *) MUST_CHECK;
struct message_filter {
	const char *thread; /* NULL: all */
	int state;	    /* -1: all */
	size_t limit;	    /* newest first; 0: 100 */
};
enum status message_list(struct tx *, const struct message_filter *, struct arena *, struct message_row **ret,
    size_t *nret, struct err *) MUST_CHECK;
/* The clear blob, appended to ret. ST_MSG_REFUSED when there is none or it was forgotten. */
enum status message_blob(struct tx *, const char *ref, enum blob_role, struct buf *ret, struct err *) MUST_CHECK;
/* Sets state, owner and deadline in one act, with a line of history. From held only; in_flight and delivered are
 * otherwise a fold of the deliveries, kept by delivery_*(). While a message is held none of its deliveries is claimed;
 * released they can be, returned or recorded they fail with why as code. Two moves of a message in flight are possible:
 * to in_flight (another owner or deadline) and, when no delivery is claimed, to held. Anything else ST_MSG_REFUSED. */
enum status message_move(struct tx *, const char *ref, enum message_state, const char *owner, int64_t deadline_ms,
    const char *why, struct err *) MUST_CHECK;
/* Destroys the data key: the content is gone for good, the row stays. */
enum status message_forget(struct tx *, const char *ref, struct err *) MUST_CHECK;

/* ---- deliveries ------------------------------------------------------------------------------------------------ */

enum delivery_state { DLV_QUEUED, DLV_CLAIMED, DLV_DONE, DLV_FAILED, DLV_UNKNOWN /* outcome unknown: ask first */ };
const char *delivery_state_name(enum delivery_state);

struct delivery {
	char ref[REF_LEN + 1];
	char message[REF_LEN + 1];
	const char *destination; /* "portal:local", "mailbox:lee" */
	const char *idem_key;	 /* UNIQUE: what the far side can be asked for */
	enum delivery_state state;
	int64_t lease_until_ms, not_before_ms, done_ms;
	int tries;
	const char *remote_id, *code; /* the far side's id; the last error's code */
	const char *journal;	      /* driver's own note written before it acts (IMAP: uidvalidity, uidnext); "" */
};
/* Puts a delivered or returned message under way again (cover); a recorded one is ST_MSG_REFUSED. The same message,
 * destination and key again are ST_OK and one delivery. */
enum status delivery_add(struct tx *, const char *message, const char *destination, const char *idem_key,
    int64_t not_before_ms, struct err *) MUST_CHECK;
/* The oldest due delivery whose destination begins with lane ("mailbox:", "portal:") and does not rest; marks it
 * claimed until now + lease. *ret = NULL when there is nothing to do. Also takes back expired leases: state is then
 * DLV_UNKNOWN in what is handed out, as it is for one deferred as unknown. An older delivery of the same thread to the
 * same destination goes first, unless its message is held. */
enum status delivery_claim(
    struct tx *, const char *lane, int64_t lease_ms, struct arena *, struct delivery **ret, struct err *) MUST_CHECK;
/* Before the far side may see it; durable when store_write() returns. */
enum status delivery_journal(struct tx *, const char *ref, const char *journal, struct err *) MUST_CHECK;
/* Done; folds the message: delivered when no delivery is under way and one at least is done. Twice is harmless, and so
 * are delivery_defer() and delivery_fail() after it; a failed one that is found there after all becomes done. */
enum status delivery_settle(struct tx *, const char *ref, const char *remote_id, struct err *) MUST_CHECK;
/* Again at not_before; unknown says that the far side may have it. blame: counts as a try of this message. */
enum status delivery_defer(struct tx *, const char *ref, int64_t not_before_ms, bool unknown, bool blame,
    const char *code, struct err *) MUST_CHECK;
/* Never: the message becomes returned when no other delivery can still succeed. */
enum status delivery_fail(struct tx *, const char *ref, const char *code, struct err *) MUST_CHECK;
enum status delivery_list(
    struct tx *, const char *message, struct arena *, struct delivery **ret, size_t *nret, struct err *) MUST_CHECK;
/* The far side rests: no delivery to destination is claimed before until. */
enum status destination_rest(
    struct tx *, const char *destination, int64_t until_ms, const char *code, struct err *) MUST_CHECK;
int64_t destination_rests_until(struct tx *, const char *destination); /* 0: it does not */
/* When delivery_claim() may next have something for the lane, an expiring lease among it; INT64_MAX: not before
 * somebody commits. */
int64_t delivery_next_due_ms(struct tx *, const char *lane);

/* ---- history --------------------------------------------------------------------------------------------------- */

struct history_row {
	int64_t at_ms;
	const char *event, *code, *actor; /* "sealed", "imap.quota", "courier" */
	int64_t size, took_ms;
};
/* Append-only; the functions above write their own lines. code and event are literals or references of ours. */
enum status history_add(struct tx *, const char *message, const struct history_row *, struct err *) MUST_CHECK;
enum status history_list(
    struct tx *, const char *message, struct arena *, struct history_row **ret, size_t *nret, struct err *) MUST_CHECK;

/* ---- decisions, digests, holds --------------------------------------------------------------------------------- */

struct decision_row {
	const char *message; /* ref, or "" for a refused one: then reference is what the notice says */
	const char *reference, *direction, *act, *rule, *class_name, *whose, *agreement, *policy_version, *policy_hash;
	const char *evidence; /* "class:assertion:time:who@source:begin-end ..." offsets only */
	int64_t at_ms;
};
enum status decision_add(struct tx *, const struct decision_row *, struct err *) MUST_CHECK;
enum status decision_list(
    struct tx *, const char *message, struct arena *, struct decision_row **ret, size_t *nret, struct err *) MUST_CHECK;

/* A signed text is used once. *ret_first = true the first time; else ret_message is who used it. */
enum status digest_use(struct tx *, const uint8_t digest[32], const char *message, bool *ret_first,
    char ret_message[REF_LEN + 1], struct err *) MUST_CHECK;

struct hold {
	char ref[REF_LEN + 1]; /* single-use token */
	char message[REF_LEN + 1];
	const char *clinician; /* who may answer */
	const char *reason;    /* rule */
	const char *class_name, *kind /* "boundary", "identity" */;
	int64_t made_ms, deadline_ms, ended_ms; /* ended 0: open */
	const char *ended_by;			/* "send", "agreed", "withdraw", "expired" */
	int reminders;
};
enum status hold_open(struct tx *, const struct hold *, char ret_ref[REF_LEN + 1], struct err *) MUST_CHECK;
enum status hold_get(struct tx *, const char *ref, struct arena *, struct hold **ret, struct err *) MUST_CHECK;
/* ST_MSG_REFUSED when it had ended before. */
enum status hold_end(struct tx *, const char *ref, const char *ended_by, struct err *) MUST_CHECK;
enum status hold_list(
    struct tx *, bool open_only, struct arena *, struct hold **ret, size_t *nret, struct err *) MUST_CHECK;
enum status hold_reminded(struct tx *, const char *ref, int64_t next_deadline_ms, struct err *) MUST_CHECK;

/* ---- agreements ------------------------------------------------------------------------------------------------ */

/* One consent. A new (patient, scope, class, value) makes a row; a further consent to the same open row completes it;
 * another value for the same scope and class supersedes (the old one is revoked, every version is kept) as soon as it
 * can stand: both consent, or the patient alone to one at least as strict. Until then it is a proposal beside it. */
struct consent {
	const char *patient, *class_name;
	enum agreement_scope scope;
	const char *scope_id;
	enum agreement_value value;
	bool by_patient, by_clinician;
	const char *by;		     /* reference of who said it */
	const char *how;	     /* "portal", "mail", "visit", "admin" */
	int64_t expires, review_due; /* seconds; 0 never */
};
enum status agreement_put(
    struct tx *, const struct consent *, struct arena *, struct agreement **ret, struct err *) MUST_CHECK;
enum status agreement_revoke(struct tx *, const char *id, const char *by, struct err *) MUST_CHECK;
enum status agreement_list(
    struct tx *, const char *patient, struct arena *, struct agreement **ret, size_t *nret, struct err *) MUST_CHECK;

/* ---- promises -------------------------------------------------------------------------------------------------- */

enum promise_state { PROMISE_OPEN, PROMISE_KEPT, PROMISE_BROKEN, PROMISE_VOID };
const char *promise_state_name(enum promise_state);
struct promise_row {
	char ref[REF_LEN + 1];
	const char *thread, *message, *category, *urgency, *addressee;
	int64_t received_ms, due_ms, closed_ms;
	int64_t warn_ms[2]; /* at 50 and 80 % of the open time */
	int warned;	    /* reminders already sent: 0..3 */
	enum promise_state state;
	bool by_cover, provisional;
};
enum status promise_add(struct tx *, const struct promise_row *, char ret_ref[REF_LEN + 1], struct err *) MUST_CHECK;
/* Closes all open promises of the thread: kept when at_ms <= due, else broken. *ret counts them. */
enum status promise_answer(struct tx *, const char *thread, int64_t at_ms, size_t *ret, struct err *) MUST_CHECK;
enum status promise_list(struct tx *, const char *thread /* NULL: all */, bool open_only, struct arena *,
    struct promise_row **ret, size_t *nret, struct err *) MUST_CHECK;
enum status promise_warned(struct tx *, const char *ref, int warned, struct err *) MUST_CHECK;
/* A nearer one for the same request took its place: neither kept nor broken. ST_MSG_REFUSED when it is not open. */
enum status promise_void(struct tx *, const char *ref, struct err *) MUST_CHECK;
/* The open promises of the thread are somebody else's now. The time they were given for stays. */
enum status promise_assign(struct tx *, const char *thread, const char *addressee, struct err *) MUST_CHECK;
/* Reminders at other times; the promise itself never moves. */
enum status promise_remind_at(
    struct tx *, const char *ref, int64_t warn1_ms, int64_t warn2_ms, int warned, struct err *) MUST_CHECK;

/* ---- incidents and small facts --------------------------------------------------------------------------------- */

struct incident {
	char ref[16];	   /* "INC-2026-0001" */
	const char *cause; /* dedupe key: "mailbox:lee/imap.login" */
	const char *kind, *severity, *owner;
	int64_t first_ms, last_ms, closed_ms, count;
};
/* Opens one per cause, or counts another. *ret_new says which. */
enum status incident_touch(struct tx *, const char *cause, const char *kind, const char *severity, const char *owner,
    bool *ret_new, struct err *) MUST_CHECK;
enum status incident_close(struct tx *, const char *cause, struct err *) MUST_CHECK; /* fine when none is open */
enum status incident_list(
    struct tx *, bool open_only, struct arena *, struct incident **ret, size_t *nret, struct err *) MUST_CHECK;

/* Named values: cursors of portals and the like. *ret = "" when never set. */
enum status fact_set(struct tx *, const char *name, const char *value, struct err *) MUST_CHECK;
enum status fact_get(struct tx *, const char *name, struct arena *, const char **ret, struct err *) MUST_CHECK;

/* ---- proof ----------------------------------------------------------------------------------------------------- */

struct ledger_count {
	int64_t in, delivered, returned, recorded, held, in_flight;
	int64_t deliveries_queued, deliveries_claimed, deliveries_done, deliveries_failed;
	int64_t oldest_in_flight_ms; /* when it came in; 0: none */
	int64_t open_promises, open_holds, open_incidents;
};
enum status ledger_count(struct tx *, struct ledger_count *ret, struct err *) MUST_CHECK;
/* in = delivered + returned + recorded + held + in_flight; each message has an owner and a deadline (or is final), its
 * state is the fold of its deliveries, every open hold belongs to a held message, every blob has its key and opens,
 * SQLite's own integrity_check passes, history and rows tell the same. A message in flight without a delivery is a
 * breach: nobody carries it. Each breach is one line appended to ret_report. */
enum status ledger_check(
    struct tx *, bool open_blobs, struct buf *ret_report, size_t *ret_breaches, struct err *) MUST_CHECK;

#endif
