/*
 * state -- who has a message: the fold of its deliveries, and the moves out of and into a hold.
 */
#include "store/impl.h"

#include <stdio.h>
#include <string.h>

/* Every change of state is a line of history named after the new state: the ledger's second entry, against which
 * ledger_check() holds the first. */
static enum status
enter(struct tx *tx, const char *ref, enum message_state to, const char *why, struct err *err)
{
	return history_note(tx, ref, message_state_name(to), why, err);
}

enum status
message_fold(struct tx *tx, const char *ref, struct err *err)
{
	AUTO_QUERY q = { 0 };
	char have[16] = "";
	int64_t waiting = 0, done = 0, failed = 0;
	enum message_state is, want;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT m.state, count(*) FILTER (WHERE d.ended_ms = 0), count(*) FILTER (WHERE d.state = 'done'),"
	    " count(*) FILTER (WHERE d.state = 'failed')"
	    " FROM message m LEFT JOIN delivery d ON d.mseq = m.seq WHERE m.ref = ? GROUP BY m.ref",
	    b_text(ref)));
	if (query_next(&q)) {
		query_copy(&q, 0, have, sizeof have);
		waiting = query_int(&q, 1);
		done = query_int(&q, 2);
		failed = query_int(&q, 3);
	}
	TRY(query_end(&q, err));
	if (have[0] == '\0')
		return NO_ROW(err, "message");
	is = message_state_of(have);
	if (is == MSG_HELD || is == MSG_RECORDED || waiting + done + failed == 0)
		return ST_OK;
	want = waiting > 0 ? MSG_IN_FLIGHT : done > 0 ? MSG_DELIVERED : MSG_RETURNED;
	if (want == is)
		return ST_OK;
	/* A delivery added to a finished message puts it under way again; it needs a deadline then. */
	TRY(SQL_RUN(tx, NULL, err,
	    "UPDATE message SET state = ?2, deadline_ms = CASE WHEN deadline_ms > 0 THEN deadline_ms ELSE ?3 END"
	    " WHERE ref = ?1",
	    b_text(ref), b_text(message_state_name(want)), b_int(tx->now_ms)));
	return enter(tx, ref, want, "deliveries", err);
}

static enum status
state_of(struct tx *tx, const char *ref, enum message_state *ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	char have[16] = "";

	TRY(SQL_QUERY(&q, tx, err, "SELECT state FROM message WHERE ref = ?", b_text(ref)));
	if (query_next(&q))
		query_copy(&q, 0, have, sizeof have);
	TRY(query_end(&q, err));
	if (have[0] == '\0')
		return NO_ROW(err, "message");
	*ret = message_state_of(have);
	return ST_OK;
}

/* May it go from one state to the other by hand? Everything else is the deliveries' business. */
static enum status
check_move(struct tx *tx, const char *ref, enum message_state from, enum message_state to, struct err *err)
{
	int64_t claimed = 0, waiting = 0;

	if (from == MSG_HELD && to != MSG_DELIVERED)
		return ST_OK;
	if (from == MSG_IN_FLIGHT && to == MSG_IN_FLIGHT)
		return ST_OK;
	TRY(SQL_INT(tx, 0, &claimed, err,
	    "SELECT count(*) FROM delivery WHERE mseq = (SELECT seq FROM message WHERE ref = ?) AND state = 'claimed'",
	    b_text(ref)));
	TRY(SQL_INT(tx, 0, &waiting, err,
	    "SELECT count(*) FROM delivery WHERE mseq = (SELECT seq FROM message WHERE ref = ?) AND state <> 'done'",
	    b_text(ref)));
	if (from == MSG_HELD && waiting == 0)
		return ST_OK;
	if (from == MSG_IN_FLIGHT && to == MSG_HELD && claimed == 0)
		return ST_OK;
	return err_set(err, ST_MSG_REFUSED, "message.move", "a message that is %s cannot be made %s",
	    message_state_name(from), message_state_name(to));
}

enum status
message_move(struct tx *tx, const char *ref, enum message_state to, const char *owner, int64_t deadline_ms,
    const char *why, struct err *err)
{
	enum message_state from = MSG_RECORDED;

	TRY(state_of(tx, ref, &from, err));
	TRY(check_move(tx, ref, from, to, err));
	TRY(SQL_RUN(tx, NULL, err, "UPDATE message SET state = ?2, owner = ?3, deadline_ms = ?4 WHERE ref = ?1",
	    b_text(ref), b_text(message_state_name(to)), b_text(owner), b_int(deadline_ms)));
	TRY(enter(tx, ref, to, why, err));
	if (from == to)
		return ST_OK;
	switch (to) {
	case MSG_HELD:
		return delivery_park(tx, ref, err);
	case MSG_IN_FLIGHT:
		TRY(delivery_unpark(tx, ref, err));
		return message_fold(tx, ref, err);
	case MSG_RETURNED:
	case MSG_RECORDED:
		return delivery_fail_all(tx, ref, why, err);
	case MSG_DELIVERED:
		break;
	}
	return ST_OK;
}
