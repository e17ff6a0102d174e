/*
 * local_patient -- the patient's half of the embedded portal: write, and read what is there.
 */
#include "base/hash.h"
#include "portal/local_posts.h"
#include "portal/portal_local.h"

#include <string.h>

static enum status
new_thread(struct tx *tx, const char *patient, const char *addressee, char ret_id[REF_LEN + 1], struct err *err)
{
	if (addressee == NULL || *addressee == '\0')
		return err_set(
		    err, ST_MSG_REFUSED, "portal.addressee", "a new conversation needs somebody to write to");
	random_ref(ret_id, REF_LEN);
	return SQL_RUN(tx, NULL, err,
	    "INSERT INTO local_thread (id, patient, addressee, opened_ms) VALUES (?, ?, ?, ?)", b_text(ret_id),
	    b_text(patient), b_text(addressee), b_int(tx->now_ms));
}

enum status
local_write(struct tx *tx, const char *patient_key, const char *thread, const char *addressee,
    const struct content *content, struct arena *a, const char **ret_thread, const char **ret_id, struct err *err)
{
	char patient[REF_LEN + 1], in[REF_LEN + 1], id[REF_LEN + 1];
	struct local_post_new post = { .author = "", .author_name = "", .content = content };

	TRY(local_patient_ref(tx, patient_key, patient, err));
	if (thread == NULL) {
		TRY(new_thread(tx, patient, addressee, in, err));
		thread = in;
	} else {
		TRY(local_thread_of(tx, thread, patient, err));
	}
	post.thread = thread;
	TRY(local_posts_add(tx, &post, id, err));
	*ret_thread = arena_strdup(a, thread);
	*ret_id = arena_strdup(a, id);
	return ST_OK;
}

enum status
local_read(struct tx *tx, const char *patient_key, const char *thread, struct arena *a, struct local_post **ret,
    size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	char patient[REF_LEN + 1];
	struct local_post *list = NULL;
	size_t n = 0;

	TRY(local_patient_ref(tx, patient_key, patient, err));
	if (thread != NULL)
		TRY(local_thread_of(tx, thread, patient, err));
	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT p.id, p.data_key, p.sealed, p.thread, p.author_name, p.idem_key IS NULL, p.notification, p.at_ms"
	    " FROM local_post p JOIN local_thread t ON t.id = p.thread"
	    " WHERE t.patient = ?1 AND (?2 IS NULL OR t.id = ?2) ORDER BY p.seq",
	    b_text(patient), b_ref(thread)));
	while (query_next(&q)) {
		struct local_post p = {
			.id = query_text(&q, 0, a),
			.thread = query_text(&q, 3, a),
			.author_name = query_text(&q, 4, a),
			.from_patient = query_int(&q, 5) != 0,
			.notification = query_int(&q, 6) != 0,
			.at_ms = query_int(&q, 7),
		};

		TRY(local_posts_content(tx, &q, NULL, a, &p.content, err));
		LIST_PUSH(a, list, n, p);
	}
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}
