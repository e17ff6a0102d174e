/*
 * ledger -- the count and the proof.
 *
 * The count has two entries: the rows of message by state, and the append-only history, where each message has one "in"
 * and one line for every change of state. A row lost, doubled or changed behind the ledger's back makes them differ.
 */
#include "store/impl.h"

#include <string.h>

enum status
ledger_count(struct tx *tx, struct ledger_count *ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct ledger_count c = { 0 };

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT (SELECT count(*) FROM message),"
	    " (SELECT count(*) FROM message WHERE state = 'delivered'),"
	    " (SELECT count(*) FROM message WHERE state = 'returned'),"
	    " (SELECT count(*) FROM message WHERE state = 'recorded'),"
	    " (SELECT count(*) FROM message WHERE state = 'held'),"
	    " (SELECT count(*) FROM message WHERE state = 'in_flight'),"
	    " (SELECT count(*) FROM delivery WHERE ended_ms = 0 AND state <> 'claimed'),"
	    " (SELECT count(*) FROM delivery WHERE ended_ms = 0 AND state = 'claimed'),"
	    " (SELECT count(*) FROM delivery WHERE state = 'done'),"
	    " (SELECT count(*) FROM delivery WHERE state = 'failed'),"
	    " (SELECT coalesce(min(received_ms), 0) FROM message WHERE state = 'in_flight'),"
	    " (SELECT count(*) FROM promise WHERE closed_ms = 0),"
	    " (SELECT count(*) FROM hold WHERE ended_ms = 0),"
	    " (SELECT count(*) FROM incident WHERE closed_ms = 0)",
	    B_NONE));
	if (query_next(&q)) {
		int64_t *to[] = { &c.in, &c.delivered, &c.returned, &c.recorded, &c.held, &c.in_flight,
			&c.deliveries_queued, &c.deliveries_claimed, &c.deliveries_done, &c.deliveries_failed,
			&c.oldest_in_flight_ms, &c.open_promises, &c.open_holds, &c.open_incidents };

		for (size_t i = 0; i < ARRAY_LEN(to); i++)
			*to[i] = query_int(&q, (int)i);
	}
	TRY(query_end(&q, err));
	*ret = c;
	return ST_OK;
}

/* A rule and a statement that lists what breaks it, by reference: one line each. */
struct rule {
	const char *says, *sql;
};
/* clang-format off */
#define MESSAGES "SELECT m.ref FROM message m WHERE "
#define WITH_DELIVERY "EXISTS (SELECT 1 FROM delivery d WHERE d.mseq = m.seq AND "
static const struct rule rules[] = {
	{ "is counted in history other than exactly once as come in",
	    MESSAGES "(SELECT count(*) FROM history h WHERE h.mseq = m.seq AND h.event = 'in') <> 1" },
	{ "came in by history, but the ledger has no such message",
	    "SELECT 'number ' || h.mseq FROM history h WHERE h.event = 'in' AND h.mseq NOT IN (SELECT seq FROM message)" },
	{ "is in another state than its history says",
	    MESSAGES "m.state <> (SELECT CASE h.event WHEN 'in' THEN h.code ELSE h.event END FROM history h"
	    " WHERE h.mseq = m.seq AND h.event IN ('in', 'in_flight', 'held', 'delivered', 'returned', 'recorded')"
	    " ORDER BY h.seq DESC LIMIT 1)" },
	{ "has no known state",
	    MESSAGES "m.state NOT IN ('in_flight', 'held', 'delivered', 'returned', 'recorded')" },
	{ "has no owner",
	    MESSAGES "m.owner = ''" },
	{ "has no deadline",
	    MESSAGES "m.state IN ('in_flight', 'held') AND m.deadline_ms <= 0" },
	{ "is in flight, but nothing carries it",
	    MESSAGES "m.state = 'in_flight' AND NOT " WITH_DELIVERY "d.ended_ms = 0)" },
	{ "is finished, but a delivery still goes",
	    MESSAGES "m.state IN ('delivered', 'returned', 'recorded') AND " WITH_DELIVERY "d.ended_ms = 0)" },
	{ "is delivered, but no delivery is done",
	    MESSAGES "m.state = 'delivered' AND " WITH_DELIVERY "1) AND NOT " WITH_DELIVERY "d.state = 'done')" },
	{ "is returned, but a delivery is done",
	    MESSAGES "m.state = 'returned' AND " WITH_DELIVERY "d.state = 'done')" },
	{ "is held, but a delivery could be claimed",
	    MESSAGES "m.state = 'held' AND " WITH_DELIVERY "d.ended_ms = 0 AND d.due_ms < 9223372036854775807)" },
	{ "is in flight, but a delivery is kept back as if held",
	    MESSAGES "m.state = 'in_flight' AND " WITH_DELIVERY "d.ended_ms = 0 AND d.due_ms = 9223372036854775807)" },
	{ "is a delivery of a message that is not there",
	    "SELECT d.ref FROM delivery d WHERE d.mseq NOT IN (SELECT seq FROM message)" },
	{ "is an open hold of a message that is not held",
	    "SELECT h.ref FROM hold h WHERE h.ended_ms = 0 AND NOT EXISTS"
	    " (SELECT 1 FROM message m WHERE m.ref = h.message AND m.state = 'held')" },
	{ "has content without a key",
	    "SELECT coalesce(m.ref, 'number ' || b.mseq) FROM blob b LEFT JOIN message m ON m.seq = b.mseq"
	    " WHERE m.data_key IS NULL" },
	{ "lost its content",
	    MESSAGES "m.forgotten_ms = 0 AND m.seq NOT IN (SELECT mseq FROM blob) AND EXISTS"
	    " (SELECT 1 FROM history h WHERE h.mseq = m.seq AND h.event = 'in' AND h.size > 0)" },
	{ "was forgotten, but its key is still there",
	    MESSAGES "m.forgotten_ms > 0 AND m.data_key IS NOT NULL" },
};
/* clang-format on */

struct report {
	struct buf *text;
	size_t n;
};

static void
breach(struct report *r, const char *ref, const char *says)
{
	r->n++;
	buf_printf(r->text, "%s %s\n", ref[0] != '\0' ? ref : "?", says);
}

static enum status
check_rule(struct tx *tx, const struct rule *rule, struct report *r, struct err *err)
{
	AUTO_QUERY q = { 0 };
	char ref[32];

	TRY(query_open(&q, tx, rule->sql, BINDS(B_NONE), err));
	while (query_next(&q)) {
		query_copy(&q, 0, ref, sizeof ref);
		breach(r, ref, rule->says);
	}
	return query_end(&q, err);
}

static enum status
check_sum(struct tx *tx, struct report *r, struct err *err)
{
	struct ledger_count c;

	TRY(ledger_count(tx, &c, err));
	if (c.in != c.delivered + c.returned + c.recorded + c.held + c.in_flight)
		breach(r, "ledger", "in is not delivered + returned + recorded + held + in flight");
	return ST_OK;
}

/* SQLite's own words may quote a value: only that there were some is told. */
static enum status
check_file(struct tx *tx, struct report *r, struct err *err)
{
	AUTO_QUERY q = { 0 };
	AUTO_QUERY k = { 0 };
	char first[8] = "";
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err, "PRAGMA integrity_check(20)", B_NONE));
	for (; query_next(&q); n++)
		if (n == 0)
			query_copy(&q, 0, first, sizeof first);
	if (q.rc != SQLITE_DONE || n != 1 || strcmp(first, "ok") != 0)
		breach(r, "portico.db", "fails SQLite's integrity check: restore a backup");
	query_close(&q);
	TRY(SQL_QUERY(&k, tx, err, "PRAGMA foreign_key_check", B_NONE));
	for (n = 0; query_next(&k); n++) {
	}
	if (k.rc != SQLITE_DONE || n > 0)
		breach(r, "portico.db", "has rows that refer to rows which are not there");
	query_close(&k);
	return ST_OK;
}

/* Columns: the reference bound to, the wrapped key, role, sealed blob, size (-1: not known). */
static enum status
open_each(struct tx *tx, struct query *q, struct report *r, struct err *err)
{
	while (query_next(q)) {
		AUTO_BUF clear = BUF_INIT;
		uint8_t key[KEY_SIZE];
		char ref[REF_LEN + 1], role[16];

		query_copy(q, 0, ref, sizeof ref);
		query_copy(q, 2, role, sizeof role);
		if (blob_key_unwrap(tx, ref, query_blob(q, 1), key, NULL) != ST_OK) {
			breach(r, ref, "has a data key that does not open: damage");
			continue;
		}
		if (blob_open(key, ref, role, query_blob(q, 3), &clear, NULL) != ST_OK)
			breach(r, ref, "has content that does not open: damage");
		else if (query_int(q, 4) >= 0 && query_int(q, 4) != (int64_t)clear.n)
			breach(r, ref, "has content of another size than was put in");
		explicit_bzero(key, sizeof key);
	}
	return query_end(q, err);
}

static enum status
check_blobs(struct tx *tx, struct report *r, struct err *err)
{
	AUTO_QUERY q = { 0 };
	AUTO_QUERY p = { 0 };

	TRY(need_keys(tx, err));
	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT m.ref, m.data_key, b.role, b.sealed, b.size FROM blob b JOIN message m ON m.seq = b.mseq"
	    " WHERE m.data_key IS NOT NULL",
	    B_NONE));
	TRY(open_each(tx, &q, r, err));
	TRY(SQL_QUERY(&p, tx, err, "SELECT id, data_key, 'post', sealed, -1 FROM local_post", B_NONE));
	return open_each(tx, &p, r, err);
}

enum status
ledger_check(struct tx *tx, bool open_blobs, struct buf *ret_report, size_t *ret_breaches, struct err *err)
{
	struct report r = { ret_report, 0 };

	TRY(check_file(tx, &r, err));
	TRY(check_sum(tx, &r, err));
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		TRY(check_rule(tx, &rules[i], &r, err));
	if (open_blobs)
		TRY(check_blobs(tx, &r, err));
	*ret_breaches = r.n;
	return ST_OK;
}
