#include "portal/local_posts.h"

#include "base/hash.h"

#include <string.h>

/* design: one table of limits; what we kept ourselves was within them when it came. */
static const struct limits_conf own_limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 128 << 20, /* 35 MB as base64, and some air */
	.recipients = 100,
	.cms_layers = 3,
	.attachment_text = 8 << 20,
	.json_depth = 32,
};

enum status
local_posts_add(struct tx *tx, const struct local_post_new *p, char ret_id[REF_LEN + 1], struct err *err)
{
	AUTO_BUF clear = BUF_INIT;
	AUTO_BUF wrapped = BUF_INIT;
	AUTO_BUF sealed = BUF_INIT;
	uint8_t key[KEY_SIZE];
	char id[REF_LEN + 1];

	random_ref(id, REF_LEN);
	content_encode(p->content, &clear);
	blob_key_new(tx, id, key, &wrapped);
	blob_seal(key, id, "post", buf_slice(&clear), &sealed);
	explicit_bzero(key, sizeof key);
	TRY(SQL_RUN(tx, NULL, err,
	    "INSERT INTO local_post (id, thread, idem_key, author, author_name, notification, at_ms, data_key, sealed)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    b_text(id), b_text(p->thread), b_ref(p->idem_key), b_text(p->author), b_text(p->author_name),
	    b_int(p->notification), b_int(tx->now_ms), b_blob(wrapped.p, wrapped.n), b_blob(sealed.p, sealed.n)));
	memcpy(ret_id, id, sizeof id);
	return ST_OK;
}

static char *
keep(struct arena *a, const char *s)
{
	return s != NULL ? arena_strdup(a, s) : NULL;
}

/* A content of our own that lives, and is wiped, with the arena. */
static const struct content *
into_arena(struct arena *a, const struct content *c)
{
	struct content *to = ARENA_NEW(a, struct content);

	to->subject = keep(a, c->subject);
	to->text = keep(a, c->text);
	to->language = keep(a, c->language);
	to->natt = c->natt;
	to->att = c->natt > 0 ? ARENA_ARRAY(a, c->natt, struct attachment) : NULL;
	for (size_t i = 0; i < c->natt; i++) {
		to->att[i].name = keep(a, c->att[i].name);
		to->att[i].type = keep(a, c->att[i].type);
		to->att[i].inline_image = c->att[i].inline_image;
		to->att[i].data.p = arena_strndup(a, buf_str(&c->att[i].data), c->att[i].data.n);
		to->att[i].data.n = c->att[i].data.n;
	}
	return to;
}

enum status
local_posts_content(struct tx *tx, struct query *q, const struct limits_conf *limits, struct arena *a,
    const struct content **ret, struct err *err)
{
	AUTO_BUF clear = BUF_INIT;
	AUTO(content) c = NULL;
	uint8_t key[KEY_SIZE];
	char id[REF_LEN + 1];
	enum status st;

	query_copy(q, 0, id, sizeof id);
	TRY(blob_key_unwrap(tx, id, query_blob(q, 1), key, err));
	st = blob_open(key, id, "post", query_blob(q, 2), &clear, err);
	explicit_bzero(key, sizeof key);
	TRY(st);
	TRY(content_decode(buf_slice(&clear), limits != NULL ? limits : &own_limits, &c, err));
	*ret = into_arena(a, c);
	return ST_OK;
}

enum status
local_patient_ref(struct tx *tx, const char *patient_key, char ret[REF_LEN + 1], struct err *err)
{
	char ref[REF_LEN + 1];

	/* By the login only: a record number or a reference is not how a patient signs in. */
	TRY(patient_by_key(tx, "local", patient_key, ref, err));
	if (ref[0] == '\0')
		return err_set(err, ST_MSG_REFUSED, "portal.no-patient", "the portal has no such patient");
	memcpy(ret, ref, sizeof ref);
	return ST_OK;
}

enum status
local_thread_of(struct tx *tx, const char *thread, const char *patient, struct err *err)
{
	int64_t n = 0;

	TRY(SQL_INT(tx, 0, &n, err, "SELECT count(*) FROM local_thread WHERE id = ? AND patient = ?", b_text(thread),
	    b_text(patient)));
	if (n == 0)
		return err_set(err, ST_MSG_REFUSED, "portal.no-thread", "the patient has no such thread");
	return ST_OK;
}
