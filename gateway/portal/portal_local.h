/*
 * portal_local -- the embedded portal: threads and posts of patients, kept in the store.
 *
 * The driver half is portal.h's; this is the patient's half, used by `portico patient write|read` through the bridge,
 * by the demo and by tests. All functions run inside the caller's transaction.
 */
#ifndef PORTAL_PORTAL_LOCAL_H
#define PORTAL_PORTAL_LOCAL_H

#include "mail/content.h"
#include "store/store.h"

/* A patient writes. thread: an id from before, or NULL for a new one (its id is in ret_thread then). The portal accepts
 * at tx_now_ms(). ST_MSG_REFUSED: no such patient or thread, thread of another patient. */
enum status local_write(struct tx *, const char *patient_key, const char *thread, const char *addressee,
    const struct content *, struct arena *, const char **ret_thread, const char **ret_id, struct err *) MUST_CHECK;

struct local_post {
	const char *id, *thread, *author_name;
	bool from_patient, notification;
	int64_t at_ms;
	const struct content *content; /* NULL in local_threads() */
};
/* What the patient sees, oldest first; thread NULL: all threads of the patient. */
enum status local_read(struct tx *, const char *patient_key, const char *thread, struct arena *,
    struct local_post **ret, size_t *nret, struct err *) MUST_CHECK;

#endif
