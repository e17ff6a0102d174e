#include "base/hash.h"
#include "store/impl.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = { "human", "notice", "command", "event" };
static const char *const states[] = { "in_flight", "held", "delivered", "returned", "recorded" };

const char *
message_kind_name(enum message_kind k)
{
	return (size_t)k < ARRAY_LEN(kinds) ? kinds[k] : "unknown";
}

const char *
message_state_name(enum message_state s)
{
	return (size_t)s < ARRAY_LEN(states) ? states[s] : "unknown";
}

/* The tables' CHECKs leave no other name; 0 would be the answer to a damaged file. */
enum message_kind
message_kind_of(const char *s)
{
	int i = name_index(kinds, ARRAY_LEN(kinds), s);

	return i < 0 ? KIND_HUMAN : (enum message_kind)i;
}

enum message_state
message_state_of(const char *s)
{
	int i = name_index(states, ARRAY_LEN(states), s);

	return i < 0 ? MSG_IN_FLIGHT : (enum message_state)i;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static enum status
insert_blob(struct tx *tx, const uint8_t key[KEY_SIZE], const char *ref, int64_t seq, enum blob_role role,
    struct slice clear, struct err *err)
{
	AUTO_BUF sealed = BUF_INIT;
	const char *name = blob_role_name(role);

	if (clear.n == 0)
		return ST_OK;
	blob_seal(key, ref, name, clear, &sealed);
	return SQL_RUN(tx, NULL, err, "INSERT INTO blob (id, mseq, role, size, sealed) VALUES (?, ?, ?, ?, ?)",
	    b_int(seq * 2 + (role == BLOB_ORIGINAL)), b_int(seq), b_text(name), b_int((int64_t)clear.n),
	    b_blob(sealed.p, sealed.n));
}

static enum status
find_source(struct tx *tx, const char *source_key, char ret_ref[REF_LEN + 1], struct err *err)
{
	AUTO_QUERY q = { 0 };

	TRY(SQL_QUERY(&q, tx, err, "SELECT ref FROM message WHERE source_key = ?", b_text(source_key)));
	if (query_next(&q))
		query_copy(&q, 0, ret_ref, REF_LEN + 1);
	return query_end(&q, err);
}

static enum status
insert_row(struct tx *tx, const struct message_new *m, const char *ref, const struct buf *wrapped, bool *ret_added,
    struct err *err)
{
	int64_t added = 0;

	TRY(SQL_RUN(tx, &added, err,
	    "INSERT INTO message (ref, kind, state, thread, author, source_key, message_id, in_reply_to, owner,"
	    " deadline_ms, received_ms, created_ms, note, urgency, categories, not_screened, data_key)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source_key) DO NOTHING",
	    b_text(ref), b_text(message_kind_name(m->kind)), b_text(message_state_name(m->state)), b_ref(m->thread),
	    b_text(m->author), b_text(m->source_key), b_text(m->message_id), b_ref(m->in_reply_to), b_text(m->owner),
	    b_int(m->deadline_ms), b_int(m->received_ms), b_int(tx->now_ms), b_text(m->note), b_text(m->urgency),
	    b_text(m->categories), b_int(m->not_screened), b_blob(wrapped->p, wrapped->n)));
	*ret_added = added == 1;
	return ST_OK;
}

static enum status
insert_rest(struct tx *tx, const struct message_new *m, const char *ref, const uint8_t key[KEY_SIZE], struct err *err)
{
	int64_t seq = sqlite3_last_insert_rowid(tx->conn->db);

	TRY(insert_blob(tx, key, ref, seq, BLOB_CONTENT, m->content, err));
	TRY(insert_blob(tx, key, ref, seq, BLOB_ORIGINAL, m->original, err));
	return history_add(tx, ref,
	    &(struct history_row){ .at_ms = tx->now_ms,
		.event = "in",
		.code = message_state_name(m->state),
		.actor = "ledger",
		.size = (int64_t)(m->original.n != 0 ? m->original.n : m->content.n) },
	    err);
}

enum status
message_insert(struct tx *tx, const struct message_new *m, char ret_ref[REF_LEN + 1], bool *ret_dup, struct err *err)
{
	AUTO_BUF wrapped = BUF_INIT;
	uint8_t key[KEY_SIZE];
	char ref[REF_LEN + 1];
	enum status st;
	bool added;

	random_ref(ref, REF_LEN);
	blob_key_new(tx, ref, key, &wrapped);
	st = insert_row(tx, m, ref, &wrapped, &added, err);
	if (st == ST_OK)
		st = added ? insert_rest(tx, m, ref, key, err) : find_source(tx, m->source_key, ref, err);
	explicit_bzero(key, sizeof key);
	TRY(st);
	memcpy(ret_ref, ref, sizeof ref);
	*ret_dup = !added;
	return ST_OK;
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

#define COLS                                                                                                           \
	"m.ref, m.kind, m.state, m.thread, m.author, m.source_key, m.message_id, m.in_reply_to, m.owner, m.note, "     \
	"m.urgency,"                                                                                                   \
	" m.categories, m.created_ms, m.received_ms, m.deadline_ms, m.not_screened, m.forgotten_ms"

static struct message_row
row(struct query *q, struct arena *a)
{
	struct message_row m = {
		.kind = message_kind_of(query_text(q, 1, a)),
		.state = message_state_of(query_text(q, 2, a)),
		.thread = query_text(q, 3, a),
		.author = query_text(q, 4, a),
		.source_key = query_text(q, 5, a),
		.message_id = query_text(q, 6, a),
		.in_reply_to = query_text(q, 7, a),
		.owner = query_text(q, 8, a),
		.note = query_text(q, 9, a),
		.urgency = query_text(q, 10, a),
		.categories = query_text(q, 11, a),
		.created_ms = query_int(q, 12),
		.received_ms = query_int(q, 13),
		.deadline_ms = query_int(q, 14),
		.not_screened = query_int(q, 15) != 0,
		.forgotten = query_int(q, 16) != 0,
	};

	query_copy(q, 0, m.ref, sizeof m.ref);
	return m;
}

enum status
message_get(struct tx *tx, const char *ref, struct arena *a, struct message_row **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct message_row *m = NULL;

	TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM message m WHERE m.ref = ?", b_text(ref)));
	if (query_next(&q)) {
		m = ARENA_NEW(a, struct message_row);
		*m = row(&q, a);
	}
	TRY(query_end(&q, err));
	*ret = m;
	return ST_OK;
}

/* A Message-ID is found with and without its angle brackets: people copy either. */
enum status
message_find(struct tx *tx, const char *what, struct arena *a, struct message_row **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct message_row *m = NULL;
	size_t n = strlen(what);
	const char *other = n > 2 && what[0] == '<' && what[n - 1] == '>' ? arena_strndup(a, what + 1, n - 2)
									  : arena_printf(a, "<%s>", what);

	if (n == 0) {
		*ret = NULL;
		return ST_OK;
	}
	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT " COLS " FROM message m WHERE m.seq IN ("
	    " SELECT seq FROM message WHERE ref = ?1"
	    " UNION SELECT seq FROM message WHERE source_key = ?1"
	    " UNION SELECT seq FROM message WHERE message_id IN (?1, ?2) AND message_id <> ''"
	    " UNION SELECT mseq FROM delivery WHERE ref = ?1"
	    " UNION SELECT mseq FROM delivery WHERE idem_key = ?1"
	    " UNION SELECT mseq FROM delivery WHERE remote_id IN (?1, ?2) AND remote_id <> '') LIMIT 2",
	    b_text(what), b_text(other)));
	while (query_next(&q)) {
		if (m != NULL)
			return err_set(err, ST_MSG_REFUSED, "message.several",
			    "several messages match: use our reference, see portico message list");
		m = ARENA_NEW(a, struct message_row);
		*m = row(&q, a);
	}
	TRY(query_end(&q, err));
	*ret = m;
	return ST_OK;
}

enum status
message_list(struct tx *tx, const struct message_filter *f, struct arena *a, struct message_row **ret, size_t *nret,
    struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct message_row *list = NULL;
	size_t n = 0;
	int64_t limit = f->limit != 0 ? (int64_t)f->limit : 100;

	/* Three texts, so that each has an index to walk backwards on. */
	if (f->thread != NULL)
		TRY(SQL_QUERY(&q, tx, err,
		    "SELECT " COLS " FROM message m WHERE m.thread = ?1 AND (?2 = '' OR m.state = ?2)"
		    " ORDER BY m.seq DESC LIMIT ?3",
		    b_text(f->thread), b_text(f->state < 0 ? "" : message_state_name((enum message_state)f->state)),
		    b_int(limit)));
	else if (f->state >= 0)
		TRY(SQL_QUERY(&q, tx, err,
		    "SELECT " COLS " FROM message m WHERE m.state = ? ORDER BY m.received_ms DESC, m.seq DESC LIMIT ?",
		    b_text(message_state_name((enum message_state)f->state)), b_int(limit)));
	else
		TRY(SQL_QUERY(&q, tx, err, "SELECT " COLS " FROM message m ORDER BY m.seq DESC LIMIT ?", b_int(limit)));
	while (query_next(&q))
		LIST_PUSH(a, list, n, row(&q, a));
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

enum status
message_blob(struct tx *tx, const char *ref, enum blob_role role, struct buf *ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	uint8_t key[KEY_SIZE];
	enum status st;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT m.data_key, b.sealed FROM message m LEFT JOIN blob b ON b.id = m.seq * 2 + ?2 WHERE m.ref = ?1",
	    b_text(ref), b_int(role == BLOB_ORIGINAL)));
	if (!query_next(&q)) {
		TRY(query_end(&q, err));
		return NO_ROW(err, "message");
	}
	if (query_is_null(&q, 0))
		return err_set(err, ST_MSG_REFUSED, "message.forgotten", "the content of this message was forgotten");
	if (query_is_null(&q, 1))
		return err_set(err, ST_MSG_REFUSED, "message.no-blob", "nothing of that kind is kept for this message");
	TRY(blob_key_unwrap(tx, ref, query_blob(&q, 0), key, err));
	st = blob_open(key, ref, blob_role_name(role), query_blob(&q, 1), ret, err);
	explicit_bzero(key, sizeof key);
	TRY(st);
	return query_end(&q, err);
}

/* The sealed blobs go with the key: they are of no use to anybody, and secure_delete overwrites both. Frames of the WAL
 * and backups from before still hold them until they are overwritten or expire. */
enum status
message_forget(struct tx *tx, const char *ref, struct err *err)
{
	int64_t changed = 0;

	TRY(SQL_RUN(tx, &changed, err,
	    "UPDATE message SET data_key = NULL, forgotten_ms = CASE WHEN forgotten_ms = 0 THEN ?2 ELSE forgotten_ms "
	    "END"
	    " WHERE ref = ?1",
	    b_text(ref), b_int(tx->now_ms)));
	if (changed == 0)
		return NO_ROW(err, "message");
	TRY(SQL_RUN(tx, &changed, err,
	    "DELETE FROM blob WHERE id IN (SELECT seq * 2 + n FROM message, (SELECT 0 AS n UNION SELECT 1) WHERE ref = "
	    "?)",
	    b_text(ref)));
	return changed > 0 ? history_note(tx, ref, "forgotten", "", err) : ST_OK;
}
