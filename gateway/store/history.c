#include "store/impl.h"

enum status
history_add(struct tx *tx, const char *message, const struct history_row *h, struct err *err)
{
	int64_t at_ms = h->at_ms != 0 ? h->at_ms : tx->now_ms, added = 0;

	if (message == NULL || *message == '\0')
		return SQL_RUN(tx, NULL, err,
		    "INSERT INTO history (at_ms, event, code, actor, size, took_ms) VALUES (?, ?, ?, ?, ?, ?)",
		    b_int(at_ms), b_text(h->event), b_text(h->code), b_text(h->actor), b_int(h->size),
		    b_int(h->took_ms));
	TRY(SQL_RUN(tx, &added, err,
	    "INSERT INTO history (mseq, at_ms, event, code, actor, size, took_ms)"
	    " SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7 FROM message WHERE ref = ?1",
	    b_text(message), b_int(at_ms), b_text(h->event), b_text(h->code), b_text(h->actor), b_int(h->size),
	    b_int(h->took_ms)));
	return added == 1 ? ST_OK : NO_ROW(err, "message");
}

enum status
history_note(struct tx *tx, const char *message, const char *event, const char *code, struct err *err)
{
	return history_add(tx, message, &(struct history_row){ .event = event, .code = code, .actor = "ledger" }, err);
}

enum status
history_list(
    struct tx *tx, const char *message, struct arena *a, struct history_row **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct history_row *list = NULL;
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT at_ms, event, code, actor, size, took_ms FROM history WHERE mseq = (SELECT seq FROM message WHERE "
	    "ref = ?) ORDER BY seq",
	    b_text(message)));
	while (query_next(&q)) {
		struct history_row h = {
			.at_ms = query_int(&q, 0),
			.event = query_text(&q, 1, a),
			.code = query_text(&q, 2, a),
			.actor = query_text(&q, 3, a),
			.size = query_int(&q, 4),
			.took_ms = query_int(&q, 5),
		};

		LIST_PUSH(a, list, n, h);
	}
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}
