/*
 * local_posts -- the rows both halves of the embedded portal work on. Private to portal_local.c and local_patient.c.
 */
#ifndef PORTAL_LOCAL_POSTS_H
#define PORTAL_LOCAL_POSTS_H

#include "mail/content.h"
#include "store/impl.h"

struct local_post_new {
	const char *thread;
	const char *idem_key; /* NULL: the patient's */
	const char *author, *author_name;
	bool notification;
	const struct content *content;
};
/* Seals and keeps a post. */
enum status local_posts_add(
    struct tx *, const struct local_post_new *, char ret_id[REF_LEN + 1], struct err *) MUST_CHECK;
/* Columns 0, 1 and 2 of the row are id, data_key and sealed. The content lives in the arena. limits NULL: design's. */
enum status local_posts_content(struct tx *, struct query *, const struct limits_conf *, struct arena *,
    const struct content **ret, struct err *) MUST_CHECK;
/* The patient with exactly this name here. ST_MSG_REFUSED: there is none. */
enum status local_patient_ref(struct tx *, const char *patient_key, char ret[REF_LEN + 1], struct err *) MUST_CHECK;
/* ST_MSG_REFUSED: no such thread, or another patient's; the same answer for both. */
enum status local_thread_of(struct tx *, const char *thread, const char *patient, struct err *) MUST_CHECK;

#endif
