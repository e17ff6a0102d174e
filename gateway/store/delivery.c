/*
 * delivery -- work that is claimed by lease. What makes a delivery claimable is one number, due_ms, kept right by the
 * functions here, so that a claim is one step on an index whatever is held, resting or deferred.
 */
#include "base/hash.h"
#include "store/impl.h"

#include <string.h>

static const char *const states[] = { "queued", "claimed", "done", "failed", "unknown" };

const char *
delivery_state_name(enum delivery_state s)
{
	return (size_t)s < ARRAY_LEN(states) ? states[s] : "unknown";
}

#define COLS                                                                                                           \
	"ref, (SELECT m.ref FROM message m WHERE m.seq = mseq), destination, idem_key, state, lease_until_ms, "        \
	"not_before_ms, ended_ms, tries, remote_id, code,"                                                             \
	" journal, ask"

static struct delivery
row(struct query *q, struct arena *a)
{
	int state = name_index(states, ARRAY_LEN(states), query_text(q, 4, a));
	struct delivery d = {
		.destination = query_text(q, 2, a),
		.idem_key = query_text(q, 3, a),
		.state = state < 0 ? DLV_UNKNOWN : (enum delivery_state)state,
		.lease_until_ms = query_int(q, 5),
		.not_before_ms = query_int(q, 6),
		.done_ms = query_int(q, 7),
		.tries = (int)query_int(q, 8),
		.remote_id = query_text(q, 9, a),
		.code = query_text(q, 10, a),
		.journal = query_text(q, 11, a),
	};

	query_copy(q, 0, d.ref, sizeof d.ref);
	query_copy(q, 1, d.message, sizeof d.message);
	return d;
}

/* "mailbox:lee" is of lane "mailbox:". */
static const char *
lane_of(struct arena *a, const char *destination)
{
	const char *colon = strchr(destination, ':');

	return arena_strndup(a, destination, colon != NULL ? (size_t)(colon - destination) + 1 : strlen(destination));
}

#define DUE                                                                                                            \
	"CASE WHEN m.state = 'held' THEN 9223372036854775807"                                                          \
	" ELSE max(d.not_before_ms, coalesce((SELECT x.rests_until_ms FROM destination x WHERE x.name = "              \
	"d.destination), 0))"                                                                                          \
	" END"

/* The key is taken: fine when it is the same delivery. */
static enum status
known_key(struct tx *tx, int64_t mseq, const char *destination, const char *idem_key, struct err *err)
{
	int64_t same = 0;

	TRY(SQL_INT(tx, 0, &same, err,
	    "SELECT count(*) FROM delivery WHERE idem_key = ? AND mseq = ? AND destination = ?", b_text(idem_key),
	    b_int(mseq), b_text(destination)));
	if (same == 1)
		return ST_OK;
	return err_set(err, ST_LOCAL, "store.constraint", "another delivery has this idempotency key");
}

struct place { /* where a new delivery goes */
	int64_t mseq, due_ms;
	const char *thread;
	enum message_state state;
};

static enum status
find_place(struct tx *tx, const char *message, const char *destination, int64_t not_before_ms, struct arena *a,
    struct place *ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct place p = { 0 };
	int64_t rests = 0;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT m.seq, m.thread, m.state, (SELECT x.rests_until_ms FROM destination x WHERE x.name = ?2)"
	    " FROM message m WHERE m.ref = ?1",
	    b_text(message), b_text(destination)));
	if (!query_next(&q)) {
		TRY(query_end(&q, err));
		return NO_ROW(err, "message");
	}
	p.mseq = query_int(&q, 0);
	p.thread = query_text(&q, 1, a);
	p.state = message_state_of(query_text(&q, 2, a));
	rests = query_int(&q, 3);
	TRY(query_end(&q, err));
	p.due_ms = p.state == MSG_HELD ? NEVER_MS : rests > not_before_ms ? rests : not_before_ms;
	*ret = p;
	return ST_OK;
}

enum status
delivery_add(struct tx *tx, const char *message, const char *destination, const char *idem_key, int64_t not_before_ms,
    struct err *err)
{
	AUTO(arena) a = arena_new();
	char ref[REF_LEN + 1];
	struct place p = { 0 };
	int64_t added = 0;

	/* "At once" means now: were it 0, a steady stream of new ones would always go before what was deferred. */
	if (not_before_ms < tx->now_ms)
		not_before_ms = tx->now_ms;
	TRY(find_place(tx, message, destination, not_before_ms, a, &p, err));
	if (p.state == MSG_RECORDED)
		return err_set(err, ST_MSG_REFUSED, "delivery.recorded", "what was recorded as an event goes nowhere");
	random_ref(ref, REF_LEN);
	TRY(SQL_RUN(tx, &added, err,
	    "INSERT INTO delivery (ref, mseq, thread, lane, destination, idem_key, state, due_ms, not_before_ms, "
	    "made_ms)"
	    " VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?) ON CONFLICT (idem_key) DO NOTHING",
	    b_text(ref), b_int(p.mseq), b_ref(p.thread), b_text(lane_of(a, destination)), b_text(destination),
	    b_text(idem_key), b_int(p.due_ms), b_int(not_before_ms), b_int(tx->now_ms)));
	if (added == 0)
		return known_key(tx, p.mseq, destination, idem_key, err);
	TRY(history_note(tx, message, "queued", destination, err));
	/* Almost always it is in flight or held already, and stays so. */
	return p.state == MSG_DELIVERED || p.state == MSG_RETURNED ? message_fold(tx, message, err) : ST_OK;
}

/* Nothing older of the same thread may still be on its way to the same destination. Held messages do not block. */
#define IN_ORDER                                                                                                       \
	" AND NOT EXISTS (SELECT 1 FROM delivery o WHERE o.thread = d.thread AND o.destination = d.destination"        \
	" AND o.mseq < d.mseq AND o.ended_ms = 0 AND o.due_ms < 9223372036854775807)"

enum status
delivery_claim(
    struct tx *tx, const char *lane, int64_t lease_ms, struct arena *a, struct delivery **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct delivery *d = NULL;
	bool ask = false;

	if (!tx->writing)
		return err_set(err, ST_LOCAL, "store.read-only", "a claim is a change");
	/* In the outer UPDATE the old state is still to be seen: what was not simply queued must ask first. */
	TRY(SQL_QUERY(&q, tx, err,
	    "UPDATE delivery SET ask = (state <> 'queued'), state = 'claimed', lease_until_ms = ?3, due_ms = ?3"
	    " WHERE seq = (SELECT d.seq FROM delivery d WHERE d.lane = ?1 AND d.ended_ms = 0 AND d.due_ms <= ?4"
	    "  AND substr(d.destination, 1, length(?2)) = ?2" IN_ORDER " ORDER BY d.due_ms, d.seq LIMIT 1)"
	    " RETURNING " COLS,
	    b_text(lane_of(a, lane)), b_text(lane), b_int(tx->now_ms + (lease_ms > 0 ? lease_ms : 1)),
	    b_int(tx->now_ms)));
	while (query_next(&q)) {
		d = ARENA_NEW(a, struct delivery);
		*d = row(&q, a);
		ask = query_int(&q, 12) != 0;
	}
	TRY(query_end(&q, err));
	if (d != NULL && ask) {
		d->state = DLV_UNKNOWN;
		TRY(history_note(tx, d->message, "claimed-again", d->destination, err));
	}
	*ret = d;
	return ST_OK;
}

int64_t
delivery_next_due_ms(struct tx *tx, const char *lane)
{
	AUTO(arena) a = arena_new();
	int64_t due = NEVER_MS;

	if (SQL_INT(tx, NEVER_MS, &due, NULL,
		"SELECT d.due_ms FROM delivery d WHERE d.lane = ?1 AND d.ended_ms = 0"
		" AND substr(d.destination, 1, length(?2)) = ?2" IN_ORDER " ORDER BY d.due_ms, d.seq LIMIT 1",
		b_text(lane_of(a, lane)), b_text(lane)) != ST_OK)
		return NEVER_MS;
	return due;
}

static enum status
find(struct tx *tx, const char *ref, char ret_message[REF_LEN + 1], bool *ret_ended, bool *ret_done, struct err *err)
{
	AUTO_QUERY q = { 0 };
	char state[16] = "";

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT m.ref, d.state FROM delivery d JOIN message m ON m.seq = d.mseq WHERE d.ref = ?", b_text(ref)));
	if (query_next(&q)) {
		query_copy(&q, 0, ret_message, REF_LEN + 1);
		query_copy(&q, 1, state, sizeof state);
	}
	TRY(query_end(&q, err));
	if (state[0] == '\0')
		return NO_ROW(err, "delivery");
	*ret_done = strcmp(state, "done") == 0;
	*ret_ended = *ret_done || strcmp(state, "failed") == 0;
	return ST_OK;
}

enum status
delivery_journal(struct tx *tx, const char *ref, const char *journal, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(
	    tx, &changed, err, "UPDATE delivery SET journal = ?2 WHERE ref = ?1", b_text(ref), b_text(journal)));
	return changed == 1 ? ST_OK : NO_ROW(err, "delivery");
}

enum status
delivery_settle(struct tx *tx, const char *ref, const char *remote_id, struct err *err)
{
	char message[REF_LEN + 1] = "";
	bool ended, done;

	TRY(find(tx, ref, message, &ended, &done, err));
	if (done)
		return ST_OK;
	/* A failed one that turns out to be there after all is done: the truth wins over our verdict. */
	TRY(SQL_RUN(tx, NULL, err,
	    "UPDATE delivery SET state = 'done', ask = 0, lease_until_ms = 0, ended_ms = ?2, remote_id = ?3, code = ''"
	    " WHERE ref = ?1",
	    b_text(ref), b_int(tx->now_ms), b_text(remote_id)));
	TRY(history_note(tx, message, "done", "", err));
	return message_fold(tx, message, err);
}

enum status
delivery_defer(
    struct tx *tx, const char *ref, int64_t not_before_ms, bool unknown, bool blame, const char *code, struct err *err)
{
	char message[REF_LEN + 1] = "";
	bool ended, done;

	TRY(find(tx, ref, message, &ended, &done, err));
	if (ended)
		return ST_OK;
	TRY(SQL_RUN(tx, NULL, err,
	    "UPDATE delivery SET state = ?2, ask = 0, lease_until_ms = 0, not_before_ms = ?3, tries = tries + ?4, code "
	    "= ?5"
	    " WHERE ref = ?1",
	    b_text(ref), b_text(unknown ? "unknown" : "queued"), b_int(not_before_ms), b_int(blame), b_text(code)));
	TRY(SQL_RUN(tx, NULL, err,
	    "UPDATE delivery AS d SET due_ms = " DUE " FROM message m WHERE m.seq = d.mseq AND d.ref = ?",
	    b_text(ref)));
	return history_note(tx, message, unknown ? "unknown" : "deferred", code, err);
}

enum status
delivery_fail(struct tx *tx, const char *ref, const char *code, struct err *err)
{
	char message[REF_LEN + 1] = "";
	bool ended, done;

	TRY(find(tx, ref, message, &ended, &done, err));
	if (ended)
		return ST_OK;
	TRY(SQL_RUN(tx, NULL, err,
	    "UPDATE delivery SET state = 'failed', ask = 0, lease_until_ms = 0, ended_ms = ?2, code = ?3 WHERE ref = "
	    "?1",
	    b_text(ref), b_int(tx->now_ms), b_text(code)));
	TRY(history_note(tx, message, "failed", code, err));
	return message_fold(tx, message, err);
}

enum status
delivery_list(struct tx *tx, const char *message, struct arena *a, struct delivery **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct delivery *list = NULL;
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT " COLS " FROM delivery WHERE mseq = (SELECT seq FROM message WHERE ref = ?) ORDER BY seq",
	    b_text(message)));
	while (query_next(&q))
		LIST_PUSH(a, list, n, row(&q, a));
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

/* ---- held messages, resting destinations ------------------------------------------------------------------------- */

enum status
delivery_unpark(struct tx *tx, const char *message, struct err *err)
{
	return SQL_RUN(tx, NULL, err,
	    "UPDATE delivery AS d SET due_ms = " DUE " FROM message m"
	    " WHERE m.seq = d.mseq AND m.ref = ? AND d.state IN ('queued', 'unknown')",
	    b_text(message));
}

enum status
delivery_park(struct tx *tx, const char *message, struct err *err)
{
	return SQL_RUN(tx, NULL, err,
	    "UPDATE delivery SET due_ms = 9223372036854775807 WHERE mseq = (SELECT seq FROM message WHERE ref = ?) AND "
	    "ended_ms = 0",
	    b_text(message));
}

enum status
delivery_fail_all(struct tx *tx, const char *message, const char *code, struct err *err)
{
	return SQL_RUN(tx, NULL, err,
	    "UPDATE delivery SET state = 'failed', ask = 0, lease_until_ms = 0, ended_ms = ?2, code = ?3"
	    " WHERE mseq = (SELECT seq FROM message WHERE ref = ?1) AND ended_ms = 0",
	    b_text(message), b_int(tx->now_ms), b_text(code));
}

enum status
destination_rest(struct tx *tx, const char *destination, int64_t until_ms, const char *code, struct err *err)
{
	AUTO(arena) a = arena_new();

	TRY(SQL_RUN(tx, NULL, err,
	    "INSERT INTO destination (name, rests_until_ms, code) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (name) DO UPDATE SET rests_until_ms = ?2, code = ?3",
	    b_text(destination), b_int(until_ms), b_text(code)));
	return SQL_RUN(tx, NULL, err,
	    "UPDATE delivery AS d SET due_ms = " DUE
	    " FROM message m WHERE m.seq = d.mseq AND d.lane = ?2 AND d.destination = ?1"
	    " AND d.ended_ms = 0 AND d.state IN ('queued', 'unknown')",
	    b_text(destination), b_text(lane_of(a, destination)));
}

int64_t
destination_rests_until(struct tx *tx, const char *destination)
{
	int64_t until = 0;

	if (SQL_INT(tx, 0, &until, NULL, "SELECT rests_until_ms FROM destination WHERE name = ?",
		b_text(destination)) != ST_OK)
		return 0;
	return until > tx->now_ms ? until : 0;
}
