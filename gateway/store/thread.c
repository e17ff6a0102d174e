#include "base/hash.h"
#include "store/impl.h"

#include <stdio.h>
#include <string.h>

#define COLS "ref, patient, portal, portal_key, addressee, open, patient_only, opened_ms"

static struct thread
row(struct query *q, struct arena *a)
{
	struct thread t = {
		.patient = query_text(q, 1, a),
		.portal = query_text(q, 2, a),
		.portal_key = query_text(q, 3, a),
		.addressee = query_text(q, 4, a),
		.open = query_int(q, 5) != 0,
		.patient_only = query_int(q, 6) != 0,
		.opened_ms = query_int(q, 7),
	};

	query_copy(q, 0, t.ref, sizeof t.ref);
	return t;
}

static enum status
open_thread(struct tx *tx, const struct thread *want, char ret_ref[THREAD_LEN + 1], struct err *err)
{
	char ref[THREAD_LEN + 1];
	int64_t changed = 0;

	/* 30 random bits: long enough to be read out, short enough to meet another one day. */
	for (int attempt = 0; attempt < 20 && changed == 0; attempt++) {
		memcpy(ref, "P-", 2);
		random_ref(ref + 2, THREAD_LEN - 2);
		TRY(SQL_RUN(tx, &changed, err,
		    "INSERT INTO thread (ref, patient, portal, portal_key, addressee, open, patient_only, opened_ms)"
		    " VALUES (?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (ref) DO NOTHING",
		    b_text(ref), b_text(want->patient), b_text(want->portal), b_text(want->portal_key),
		    b_text(want->addressee), b_int(want->patient_only),
		    b_int(want->opened_ms != 0 ? want->opened_ms : tx->now_ms)));
	}
	if (changed == 0)
		return err_set(err, ST_LOCAL, "store.refs", "no free thread reference was found");
	memcpy(ret_ref, ref, sizeof ref);
	return ST_OK;
}

enum status
thread_find_or_open(struct tx *tx, const struct thread *want, char ret_ref[THREAD_LEN + 1], struct err *err)
{
	AUTO_QUERY q = { 0 };
	char ref[THREAD_LEN + 1] = "", patient[REF_LEN + 1] = "";

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT ref, patient FROM thread WHERE portal = ? AND portal_key = ? AND portal_key <> ''",
	    b_text(want->portal), b_text(want->portal_key)));
	if (query_next(&q)) {
		query_copy(&q, 0, ref, sizeof ref);
		query_copy(&q, 1, patient, sizeof patient);
	}
	TRY(query_end(&q, err));
	if (ref[0] == '\0')
		return open_thread(tx, want, ret_ref, err);
	if (strcmp(patient, want->patient) != 0)
		return err_set(err, ST_MSG_REFUSED, "thread.patient", "the portal's thread belongs to another patient");
	memcpy(ret_ref, ref, sizeof ref);
	return ST_OK;
}

enum status
thread_get(struct tx *tx, const char *ref, struct arena *a, struct thread **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct thread *t = NULL;

	TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM thread WHERE ref = ?", b_text(ref)));
	if (query_next(&q)) {
		t = ARENA_NEW(a, struct thread);
		*t = row(&q, a);
	}
	TRY(query_end(&q, err));
	*ret = t;
	return ST_OK;
}

enum status
thread_list(struct tx *tx, struct arena *a, struct thread **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct thread *list = NULL;
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM thread ORDER BY opened_ms, ref", B_NONE));
	while (query_next(&q))
		LIST_PUSH(a, list, n, row(&q, a));
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

enum status
thread_close(struct tx *tx, const char *ref, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE thread SET open = 0, closed_ms = CASE WHEN closed_ms = 0 THEN ?2 ELSE closed_ms END WHERE ref = ?1",
	    b_text(ref), b_int(tx->now_ms)));
	return changed == 1 ? ST_OK : NO_ROW(err, "thread");
}

enum status
thread_reopen(struct tx *tx, const char *ref, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err, "UPDATE thread SET open = 1, closed_ms = 0 WHERE ref = ?", b_text(ref)));
	return changed == 1 ? ST_OK : NO_ROW(err, "thread");
}

enum status
thread_assign(struct tx *tx, const char *ref, const char *addressee, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(
	    tx, &changed, err, "UPDATE thread SET addressee = ?2 WHERE ref = ?1", b_text(ref), b_text(addressee)));
	return changed == 1 ? ST_OK : NO_ROW(err, "thread");
}

/* RFC 5322 3.6.4: References names the conversation's first message and those since. Of a long one the first and the
 * newest are kept, as mail readers do when they shorten it. */
enum status
thread_message_ids(
    struct tx *tx, const char *ref, size_t max, struct arena *a, const char ***ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	const char **list = NULL;
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT message_id FROM (SELECT seq, message_id,"
	    "   row_number() OVER (ORDER BY seq) AS nth, count(*) OVER () AS total"
	    "   FROM message WHERE thread = ?1 AND message_id <> '')"
	    " WHERE (nth = 1 AND ?2 > 0) OR nth > total - (?2 - 1) ORDER BY seq",
	    b_text(ref), b_int((int64_t)max)));
	while (query_next(&q))
		LIST_PUSH(a, list, n, query_text(&q, 0, a));
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}
