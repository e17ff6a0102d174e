#include "store/impl.h"

enum status
decision_add(struct tx *tx, const struct decision_row *d, struct err *err)
{
	return SQL_RUN(tx, NULL, err,
	    "INSERT INTO decision (message, reference, direction, act, rule, class_name, whose, agreement, "
	    "policy_version,"
	    " policy_hash, evidence, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    b_ref(d->message), b_text(d->reference), b_text(d->direction), b_text(d->act), b_text(d->rule),
	    b_text(d->class_name), b_text(d->whose), b_text(d->agreement), b_text(d->policy_version),
	    b_text(d->policy_hash), b_text(d->evidence), b_int(d->at_ms != 0 ? d->at_ms : tx->now_ms));
}

/* A refused message has no row: its decision is found by the reference its notice gave. */
enum status
decision_list(
    struct tx *tx, const char *message, struct arena *a, struct decision_row **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct decision_row *list = NULL;
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT message, reference, direction, act, rule, class_name, whose, agreement, policy_version, "
	    "policy_hash,"
	    " evidence, at_ms FROM decision WHERE message = ?1 OR (reference = ?1 AND reference <> '') ORDER BY seq",
	    b_text(message)));
	while (query_next(&q)) {
		struct decision_row d = {
			.message = query_text(&q, 0, a),
			.reference = query_text(&q, 1, a),
			.direction = query_text(&q, 2, a),
			.act = query_text(&q, 3, a),
			.rule = query_text(&q, 4, a),
			.class_name = query_text(&q, 5, a),
			.whose = query_text(&q, 6, a),
			.agreement = query_text(&q, 7, a),
			.policy_version = query_text(&q, 8, a),
			.policy_hash = query_text(&q, 9, a),
			.evidence = query_text(&q, 10, a),
			.at_ms = query_int(&q, 11),
		};

		LIST_PUSH(a, list, n, d);
	}
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

enum status
digest_use(struct tx *tx, const uint8_t digest[32], const char *message, bool *ret_first, char ret_message[REF_LEN + 1],
    struct err *err)
{
	AUTO_QUERY q = { 0 };
	int64_t added = 0;

	TRY(SQL_RUN(tx, &added, err,
	    "INSERT INTO digest (digest, message, at_ms) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
	    b_blob(digest, 32), b_text(message), b_int(tx->now_ms)));
	TRY(SQL_QUERY(&q, tx, err, "SELECT message FROM digest WHERE digest = ?", b_blob(digest, 32)));
	if (query_next(&q))
		query_copy(&q, 0, ret_message, REF_LEN + 1);
	TRY(query_end(&q, err));
	*ret_first = added == 1;
	return ST_OK;
}
