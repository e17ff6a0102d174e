#include "base/hash.h"
#include "store/impl.h"

#include <string.h>

static const char *const states[] = { "open", "kept", "broken", "void" };

const char *
promise_state_name(enum promise_state s)
{
	return (size_t)s < ARRAY_LEN(states) ? states[s] : "unknown";
}

enum status
promise_add(struct tx *tx, const struct promise_row *p, char ret_ref[REF_LEN + 1], struct err *err)
{
	char ref[REF_LEN + 1];

	random_ref(ref, REF_LEN);
	TRY(SQL_RUN(tx, NULL, err,
	    "INSERT INTO promise (ref, thread, message, category, urgency, addressee, received_ms, due_ms, closed_ms,"
	    " warn1_ms, warn2_ms, warned, state, by_cover, provisional) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	    "?, ?)",
	    b_text(ref), b_text(p->thread), b_ref(p->message), b_text(p->category), b_text(p->urgency),
	    b_text(p->addressee), b_int(p->received_ms), b_int(p->due_ms),
	    b_int(p->state == PROMISE_OPEN ? 0
		  : p->closed_ms != 0	   ? p->closed_ms
					   : tx->now_ms),
	    b_int(p->warn_ms[0]), b_int(p->warn_ms[1]), b_int(p->warned), b_text(promise_state_name(p->state)),
	    b_int(p->by_cover), b_int(p->provisional)));
	memcpy(ret_ref, ref, sizeof ref);
	return ST_OK;
}

/* closed_ms is never 0 for a closed one, whatever the clock of a test says. */
enum status
promise_answer(struct tx *tx, const char *thread, int64_t at_ms, size_t *ret, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE promise SET state = CASE WHEN ?2 <= due_ms THEN 'kept' ELSE 'broken' END, closed_ms = max(?2, 1)"
	    " WHERE thread = ?1 AND closed_ms = 0",
	    b_text(thread), b_int(at_ms)));
	*ret = (size_t)changed;
	return ST_OK;
}

static struct promise_row
row(struct query *q, struct arena *a)
{
	int state = name_index(states, ARRAY_LEN(states), query_text(q, 12, a));
	struct promise_row p = {
		.thread = query_text(q, 1, a),
		.message = query_text(q, 2, a),
		.category = query_text(q, 3, a),
		.urgency = query_text(q, 4, a),
		.addressee = query_text(q, 5, a),
		.received_ms = query_int(q, 6),
		.due_ms = query_int(q, 7),
		.closed_ms = query_int(q, 8),
		.warn_ms = { query_int(q, 9), query_int(q, 10) },
		.warned = (int)query_int(q, 11),
		.state = state < 0 ? PROMISE_OPEN : (enum promise_state)state,
		.by_cover = query_int(q, 13) != 0,
		.provisional = query_int(q, 14) != 0,
	};

	query_copy(q, 0, p.ref, sizeof p.ref);
	return p;
}

#define COLS                                                                                                           \
	"ref, thread, message, category, urgency, addressee, received_ms, due_ms, closed_ms, warn1_ms, warn2_ms,"      \
	" warned, state, by_cover, provisional"

enum status
promise_list(struct tx *tx, const char *thread, bool open_only, struct arena *a, struct promise_row **ret, size_t *nret,
    struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct promise_row *list = NULL;
	size_t n = 0;

	if (thread != NULL)
		TRY(SQL_QUERY(&q, tx, err,
		    "SELECT " COLS " FROM promise WHERE thread = ? AND (closed_ms = 0 OR ? = 0) ORDER BY due_ms, seq",
		    b_text(thread), b_int(open_only)));
	else if (open_only)
		TRY(SQL_QUERY(
		    &q, tx, err, "SELECT " COLS " FROM promise WHERE closed_ms = 0 ORDER BY due_ms, seq", B_NONE));
	else
		TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM promise ORDER BY due_ms, seq", B_NONE));
	while (query_next(&q))
		LIST_PUSH(a, list, n, row(&q, a));
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

enum status
promise_warned(struct tx *tx, const char *ref, int warned, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err, "UPDATE promise SET warned = ?2 WHERE ref = ?1", b_text(ref), b_int(warned)));
	return changed == 1 ? ST_OK : NO_ROW(err, "promise");
}

enum status
promise_void(struct tx *tx, const char *ref, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE promise SET state = 'void', closed_ms = max(?2, 1) WHERE ref = ?1 AND closed_ms = 0", b_text(ref),
	    b_int(tx->now_ms)));
	return changed == 1 ? ST_OK : NO_ROW(err, "open promise");
}

enum status
promise_assign(struct tx *tx, const char *thread, const char *addressee, struct err *err)
{
	return SQL_RUN(tx, NULL, err, "UPDATE promise SET addressee = ?2 WHERE thread = ?1 AND closed_ms = 0",
	    b_text(thread), b_text(addressee));
}

enum status
promise_remind_at(struct tx *tx, const char *ref, int64_t warn1_ms, int64_t warn2_ms, int warned, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE promise SET warn1_ms = ?2, warn2_ms = ?3, warned = ?4 WHERE ref = ?1 AND closed_ms = 0",
	    b_text(ref), b_int(warn1_ms), b_int(warn2_ms), b_int(warned)));
	return changed == 1 ? ST_OK : NO_ROW(err, "open promise");
}
