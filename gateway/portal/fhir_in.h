/* fhir_in -- what the files of portal_fhir share; nobody else includes it. */
#ifndef PORTAL_FHIR_IN_H
#define PORTAL_FHIR_IN_H

#include "portal/fhir_link.h"
#include "portal/portal.h"

#define KNOWN 64

/* What was found out about somebody, for a while. */
struct known {
	char what[200]; /* "Practitioner/3"; "" for a free place */
	char *is;	/* own */
	char *more;	/* own; NULL */
	int64_t until_ms;
};
struct known_list {
	struct known item[KNOWN];
	size_t next;
};

/* A look at the portal: pages of one search, or of several one after the other. */
struct look {
	bool on, ordered;
	char **start; /* own: the searches */
	size_t nstart, at;
	char *next; /* own: the following page of the search at hand */
	json_t **queue;
	size_t nqueue, done;
	int64_t newest_ms, last_ms, count;
};

struct fhir {
	struct portal base;
	struct portal_env env;
	const struct fhir_conf *c;
	const char *id; /* of the portal */
	struct limits_conf limits;
	struct fhir_link *link;
	struct look look;
	bool looked;
	int64_t looked_ms; /* monotonic */
	int64_t since_ms;  /* the newest message of a finished look */
	int64_t high_ms;   /* the newest message seen in this session, by the server's clock */
	char **out;	   /* own: handed out and not acked */
	size_t nout;
	struct known_list patients, people, threads;
};

/* NULL when it is not known, or not any more. */
const struct known *known_get(const struct known_list *, const char *what);
const struct known *known_put(struct known_list *, const char *what, const char *is, const char *more);
void known_free(struct known_list *);

/* ---- fhir_people.c ------------------------------------------------------------------------------------------------
 */

/* The patient's name in the ledger, whose row is filled on the way; "" for nobody or several. ref: "Patient/7",
 * "RelatedPerson/3"; the proxy's relation, if it is one, in *ret_proxy. */
enum status fhir_patient_key(struct fhir *, const char *ref, struct arena *, const char **ret_key,
    const char **ret_proxy, struct err *) MUST_CHECK;
/* As the directory names clinician or pool; "" when none of the recipients is known. */
enum status fhir_addressee(
    struct fhir *, const struct fhir_communication *, struct arena *, const char **ret, struct err *) MUST_CHECK;
/* "Patient/7" for the ledger's name; ST_MSG_REFUSED for none or several. */
enum status fhir_patient_ref(struct fhir *, const char *key, struct arena *, const char **ret, struct err *) MUST_CHECK;
enum status fhir_sender_ref(
    struct fhir *, const struct portal_post *, struct arena *, const char **ret, struct err *) MUST_CHECK;

/* ---- fhir_poll.c, fhir_take.c, fhir_post.c -------------------------------------------------------------------------
 */

enum status fhir_begin(struct fhir *, struct err *) MUST_CHECK; /* where the last session ended */
/* The next message of a patient in the queue, asking for more where a look is due; *ret = NULL: nothing now. Stays the
 * next one until fhir_poll_done(). */
enum status fhir_poll_next(struct fhir *, json_t **ret, struct err *) MUST_CHECK;
void fhir_poll_done(struct fhir *, const char *id);
int64_t fhir_poll_wait_ms(const struct fhir *); /* until the next look is due; 0: now */
enum status fhir_poll_ack(struct fhir *, const char *id, struct err *) MUST_CHECK;
void fhir_poll_free(struct fhir *);

enum status fhir_take(
    struct fhir *, const json_t *resource, struct arena *, struct portal_message **ret, struct err *) MUST_CHECK;

enum status fhir_post(struct portal *, const struct portal_post *, char **ret_id, struct err *) MUST_CHECK;
enum status fhir_find(struct portal *, const char *idem_key, char **ret_id, struct err *) MUST_CHECK;
/* Identifier value of a thread that we opened. */
#define FHIR_OWN_THREAD "thread/"

#endif
