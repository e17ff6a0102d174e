#include "base/hash.h"
#include "store/impl.h"

#include <string.h>

#define COLS "ref, message, clinician, reason, class_name, kind, made_ms, deadline_ms, ended_ms, ended_by, reminders"

static struct hold
row(struct query *q, struct arena *a)
{
	struct hold h = {
		.clinician = query_text(q, 2, a),
		.reason = query_text(q, 3, a),
		.class_name = query_text(q, 4, a),
		.kind = query_text(q, 5, a),
		.made_ms = query_int(q, 6),
		.deadline_ms = query_int(q, 7),
		.ended_ms = query_int(q, 8),
		.ended_by = query_text(q, 9, a),
		.reminders = (int)query_int(q, 10),
	};

	query_copy(q, 0, h.ref, sizeof h.ref);
	query_copy(q, 1, h.message, sizeof h.message);
	return h;
}

enum status
hold_open(struct tx *tx, const struct hold *h, char ret_ref[REF_LEN + 1], struct err *err)
{
	char ref[REF_LEN + 1];

	random_ref(ref, REF_LEN);
	TRY(SQL_RUN(tx, NULL, err,
	    "INSERT INTO hold (ref, message, clinician, reason, class_name, kind, made_ms, deadline_ms, reminders)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    b_text(ref), b_text(h->message), b_text(h->clinician), b_text(h->reason), b_text(h->class_name),
	    b_text(h->kind), b_int(h->made_ms != 0 ? h->made_ms : tx->now_ms), b_int(h->deadline_ms),
	    b_int(h->reminders)));
	TRY(history_note(tx, h->message, "hold-opened", h->reason, err));
	memcpy(ret_ref, ref, sizeof ref);
	return ST_OK;
}

enum status
hold_get(struct tx *tx, const char *ref, struct arena *a, struct hold **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct hold *h = NULL;

	TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM hold WHERE ref = ?", b_text(ref)));
	if (query_next(&q)) {
		h = ARENA_NEW(a, struct hold);
		*h = row(&q, a);
	}
	TRY(query_end(&q, err));
	*ret = h;
	return ST_OK;
}

enum status
hold_end(struct tx *tx, const char *ref, const char *ended_by, struct err *err)
{
	AUTO_QUERY q = { 0 };
	char message[REF_LEN + 1] = "";

	if (!tx->writing)
		return err_set(err, ST_LOCAL, "store.read-only", "ending a hold is a change");
	TRY(SQL_QUERY(&q, tx, err,
	    "UPDATE hold SET ended_ms = ?2, ended_by = ?3 WHERE ref = ?1 AND ended_ms = 0 RETURNING message",
	    b_text(ref), b_int(tx->now_ms), b_text(ended_by)));
	while (query_next(&q))
		query_copy(&q, 0, message, sizeof message);
	TRY(query_end(&q, err));
	if (message[0] == '\0')
		return err_set(err, ST_MSG_REFUSED, "hold.ended", "that question was answered before, or never asked");
	return history_note(tx, message, "hold-ended", ended_by, err);
}

enum status
hold_list(struct tx *tx, bool open_only, struct arena *a, struct hold **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct hold *list = NULL;
	size_t n = 0;

	if (open_only)
		TRY(SQL_QUERY(
		    &q, tx, err, "SELECT " COLS " FROM hold WHERE ended_ms = 0 ORDER BY deadline_ms, ref", B_NONE));
	else
		TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM hold ORDER BY made_ms, ref", B_NONE));
	while (query_next(&q))
		LIST_PUSH(a, list, n, row(&q, a));
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

enum status
hold_reminded(struct tx *tx, const char *ref, int64_t next_deadline_ms, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE hold SET reminders = reminders + 1, deadline_ms = ?2 WHERE ref = ?1 AND ended_ms = 0", b_text(ref),
	    b_int(next_deadline_ms)));
	return changed == 1 ? ST_OK : NO_ROW(err, "open hold");
}
