#include "base/clock.h"
#include "store/impl.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* "INC-2026-0001": the year, and the next number of that year. */
static enum status
next_ref(struct tx *tx, char ret[16], struct err *err)
{
	char prefix[16];
	int64_t last = 0;
	int y, m, d;

	civil_from_days(tx->now_ms / DAY_MS, &y, &m, &d);
	snprintf(prefix, sizeof prefix, "INC-%04d-", y % 10000);
	TRY(SQL_INT(tx, 0, &last, err,
	    "SELECT max(CAST(substr(ref, length(?1) + 1) AS INTEGER)) FROM incident WHERE substr(ref, 1, length(?1)) = "
	    "?1",
	    b_text(prefix)));
	if (last >= 999999)
		return err_set(err, ST_LOCAL, "store.refs", "more incidents in a year than have numbers");
	snprintf(ret, 16, "%.9s%04u", prefix, (unsigned)(last + 1) % 1000000u);
	return ST_OK;
}

enum status
incident_touch(struct tx *tx, const char *cause, const char *kind, const char *severity, const char *owner,
    bool *ret_new, struct err *err)
{
	char ref[16];
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE incident SET count = count + 1, last_ms = ?2 WHERE cause = ?1 AND closed_ms = 0", b_text(cause),
	    b_int(tx->now_ms)));
	if (changed == 0) {
		TRY(next_ref(tx, ref, err));
		TRY(SQL_RUN(tx, NULL, err,
		    "INSERT INTO incident (ref, cause, kind, severity, owner, first_ms, last_ms, count)"
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)",
		    b_text(ref), b_text(cause), b_text(kind), b_text(severity), b_text(owner), b_int(tx->now_ms)));
	}
	*ret_new = changed == 0;
	return ST_OK;
}

enum status
incident_close(struct tx *tx, const char *cause, struct err *err)
{
	return SQL_RUN(tx, NULL, err, "UPDATE incident SET closed_ms = ?2 WHERE cause = ?1 AND closed_ms = 0",
	    b_text(cause), b_int(tx->now_ms > 0 ? tx->now_ms : 1));
}

enum status
incident_list(struct tx *tx, bool open_only, struct arena *a, struct incident **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct incident *list = NULL;
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT ref, cause, kind, severity, owner, first_ms, last_ms, closed_ms, count FROM incident"
	    " WHERE closed_ms = 0 OR ? = 0 ORDER BY first_ms, ref",
	    b_int(open_only)));
	while (query_next(&q)) {
		struct incident i = {
			.cause = query_text(&q, 1, a),
			.kind = query_text(&q, 2, a),
			.severity = query_text(&q, 3, a),
			.owner = query_text(&q, 4, a),
			.first_ms = query_int(&q, 5),
			.last_ms = query_int(&q, 6),
			.closed_ms = query_int(&q, 7),
			.count = query_int(&q, 8),
		};

		query_copy(&q, 0, i.ref, sizeof i.ref);
		LIST_PUSH(a, list, n, i);
	}
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

/* ---- named values ------------------------------------------------------------------------------------------------ */

enum status
fact_set(struct tx *tx, const char *name, const char *value, struct err *err)
{
	return SQL_RUN(tx, NULL, err,
	    "INSERT INTO fact (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", b_text(name),
	    b_text(value));
}

enum status
fact_get(struct tx *tx, const char *name, struct arena *a, const char **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	const char *value = "";

	TRY(SQL_QUERY(&q, tx, err, "SELECT value FROM fact WHERE name = ?", b_text(name)));
	if (query_next(&q))
		value = query_text(&q, 0, a);
	TRY(query_end(&q, err));
	*ret = value;
	return ST_OK;
}
