/*
 * agreement -- every version of what was agreed.
 *
 * When does another value revoke the one before? When it can stand: both have said it, or the patient alone has said
 * something at least as strict (the patient tightens alone, at once). A loosening that only one of them has said stays
 * a proposal beside the version in force: were the older revoked by it, the class would fall back to its default and
 * one side alone would have loosened what both had agreed.
 */
#include "base/hash.h"
#include "store/impl.h"

#include <stdio.h>
#include <string.h>

static const char *const scopes[] = { "clinician", "team", "clinic" };

#define COLS                                                                                                           \
	"id, scope, scope_id, class_name, value, patient_consent, clinician_consent, said_by, made, expires, revoked," \
	" review_due"

static struct agreement
row(struct query *q, struct arena *a)
{
	int scope = name_index(scopes, ARRAY_LEN(scopes), query_text(q, 1, a));
	struct agreement g = {
		.scope = scope < 0 ? SCOPE_CLINICIAN : (enum agreement_scope)scope,
		.scope_id = query_text(q, 2, a),
		.class_name = query_text(q, 3, a),
		.value = (enum agreement_value)query_int(q, 4),
		.patient_consent = query_int(q, 5),
		.clinician_consent = query_int(q, 6),
		.by = query_text(q, 7, a),
		.made = query_int(q, 8),
		.expires = query_int(q, 9),
		.revoked = query_int(q, 10),
		.review_due = query_int(q, 11),
	};

	query_copy(q, 0, g.id, sizeof g.id);
	return g;
}

static enum status
find_open(struct tx *tx, const struct consent *c, char ret_id[20], struct err *err)
{
	AUTO_QUERY q = { 0 };

	ret_id[0] = '\0';
	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT id FROM agreement WHERE patient = ? AND scope = ? AND scope_id = ? AND class_name = ? AND value = ?"
	    " AND revoked = 0 AND (expires = 0 OR expires > ?) ORDER BY seq DESC LIMIT 1",
	    b_text(c->patient), b_text(scopes[c->scope]), b_text(c->scope_id), b_text(c->class_name), b_int(c->value),
	    b_int(tx->now_ms / 1000)));
	if (query_next(&q))
		query_copy(&q, 0, ret_id, 20);
	return query_end(&q, err);
}

static enum status
add(struct tx *tx, const struct consent *c, char ret_id[20], struct err *err)
{
	int64_t now = tx->now_ms / 1000;

	memcpy(ret_id, "AG-", 3);
	random_ref(ret_id + 3, 12);
	return SQL_RUN(tx, NULL, err,
	    "INSERT INTO agreement (id, patient, scope, scope_id, class_name, value, patient_consent, "
	    "clinician_consent,"
	    " said_by, how, made, expires, review_due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    b_text(ret_id), b_text(c->patient), b_text(scopes[c->scope]), b_text(c->scope_id), b_text(c->class_name),
	    b_int(c->value), b_int(c->by_patient ? now : 0), b_int(c->by_clinician ? now : 0), b_text(c->by),
	    b_text(c->how), b_int(now), b_int(c->expires), b_int(c->review_due));
}

/* The second consent. What the first one said about an end stays unless the second says something itself. */
static enum status
complete(struct tx *tx, const struct consent *c, const char *id, struct err *err)
{
	int64_t now = tx->now_ms / 1000;

	return SQL_RUN(tx, NULL, err,
	    "UPDATE agreement SET"
	    " patient_consent = CASE WHEN patient_consent = 0 THEN ?2 ELSE patient_consent END,"
	    " clinician_consent = CASE WHEN clinician_consent = 0 THEN ?3 ELSE clinician_consent END,"
	    " said_by = ?4, how = ?5,"
	    " expires = CASE WHEN ?6 > 0 THEN ?6 ELSE expires END,"
	    " review_due = CASE WHEN ?7 > 0 THEN ?7 ELSE review_due END WHERE id = ?1",
	    b_text(id), b_int(c->by_patient ? now : 0), b_int(c->by_clinician ? now : 0), b_text(c->by), b_text(c->how),
	    b_int(c->expires), b_int(c->review_due));
}

static enum status
supersede(struct tx *tx, const char *id, struct err *err)
{
	return SQL_RUN(tx, NULL, err,
	    "UPDATE agreement AS o SET revoked = ?2, revoked_by = ?1 FROM agreement AS n"
	    " WHERE n.id = ?1 AND o.id <> n.id AND o.patient = n.patient AND o.scope = n.scope"
	    " AND o.scope_id = n.scope_id AND o.class_name = n.class_name AND o.value <> n.value AND o.revoked = 0"
	    " AND n.patient_consent > 0 AND (n.clinician_consent > 0 OR n.value >= o.value)",
	    b_text(id), b_int(tx->now_ms / 1000));
}

static enum status
get(struct tx *tx, const char *id, struct arena *a, struct agreement **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct agreement *g = NULL;

	TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM agreement WHERE id = ?", b_text(id)));
	if (query_next(&q)) {
		g = ARENA_NEW(a, struct agreement);
		*g = row(&q, a);
	}
	TRY(query_end(&q, err));
	*ret = g;
	return ST_OK;
}

enum status
agreement_put(struct tx *tx, const struct consent *c, struct arena *a, struct agreement **ret, struct err *err)
{
	char id[20];

	if ((size_t)c->scope >= ARRAY_LEN(scopes) || (!c->by_patient && !c->by_clinician))
		return err_set(
		    err, ST_MSG_REFUSED, "agreement.who", "an agreement needs a scope and somebody who consents");
	TRY(find_open(tx, c, id, err));
	if (id[0] == '\0')
		TRY(add(tx, c, id, err));
	else
		TRY(complete(tx, c, id, err));
	TRY(supersede(tx, id, err));
	TRY(history_note(tx, "", "agreement", id, err));
	return get(tx, id, a, ret, err);
}

enum status
agreement_revoke(struct tx *tx, const char *id, const char *by, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE agreement SET revoked_by = CASE WHEN revoked = 0 THEN ?3 ELSE revoked_by END,"
	    " revoked = CASE WHEN revoked = 0 THEN ?2 ELSE revoked END WHERE id = ?1",
	    b_text(id), b_int(tx->now_ms / 1000), b_text(by)));
	if (changed == 0)
		return NO_ROW(err, "agreement");
	return history_note(tx, "", "agreement-revoked", id, err);
}

enum status
agreement_list(
    struct tx *tx, const char *patient, struct arena *a, struct agreement **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct agreement *list = NULL;
	size_t n = 0;

	TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM agreement WHERE patient = ? ORDER BY seq", b_text(patient)));
	while (query_next(&q))
		LIST_PUSH(a, list, n, row(&q, a));
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}
