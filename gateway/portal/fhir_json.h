/*
 * fhir_json -- FHIR R4 resources as we read and write them. Pure: no network, no store.
 *
 * Everything read comes from outside: depth and size are limited, a member of another type than FHIR says counts as
 * absent, and U+0000 becomes U+FFFD. Texts handed out live in the arena.
 */
#ifndef PORTAL_FHIR_JSON_H
#define PORTAL_FHIR_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/fhir.h"
#include "mail/content.h"
#include "store/store.h"

#include <jansson.h>

#define FHIR_ID_MAX 64

/* A new object. ST_REMOTE_DOWN with code fhir.not-json for anything that is not one JSON object of at most depth. */
enum status fhir_parse(struct slice text, int64_t depth, json_t **ret, struct err *) MUST_CHECK;

/* Members, however deep: fhir_text(o, a, "topic", "text"). "" and NULL when absent or of another type. The names end
 * with NULL, which the macros add. */
const char *fhir_text_at(const json_t *, struct arena *, ...) __attribute__((sentinel));
const json_t *fhir_at_path(const json_t *, ...) __attribute__((sentinel));
#define fhir_text(o, a, ...) fhir_text_at((o), (a), __VA_ARGS__, NULL)
#define fhir_at(o, ...) fhir_at_path((o), __VA_ARGS__, NULL)
/* What makes a list of 0..* or of one. */
size_t fhir_count(const json_t *list);

/* "Patient/7", "<base>/Patient/7" and "Patient/7/_history/2" to "Patient/7" when the type is one of types ("Patient
 * RelatedPerson"; NULL: any); "" for everything else: other servers, contained resources, junk. */
const char *fhir_reference(const char *ref, const char *base, const char *types, struct arena *);
bool fhir_id_valid(const char *);
/* The one value of an identifier of this system; "" when there is none or several different ones. */
const char *fhir_identifier(const json_t *resource, const char *system, struct arena *);
bool fhir_has_code(const json_t *list_of_concepts, const char *system /* NULL: any */, const char *code);
/* instant, dateTime with a time, or date; milliseconds UTC. -1 when it is not one. */
int64_t fhir_time_ms(const char *);
/* "2026-03-04T22:00:00.123Z"; in the arena. */
const char *fhir_instant(int64_t ms, struct arena *);

/* ---- Communication ------------------------------------------------------------------------------------------------
 */

struct fhir_file { /* an attachment the message points to instead of having it in it */
	const char *url, *type, *title;
	int64_t size; /* as announced; -1: not said */
};

struct fhir_communication {
	const char *id, *status, *topic, *language;
	const char *sender, *subject;  /* "Patient/7", "" */
	const char **recipient;	       /* "Practitioner/3" */
	const json_t **recipient_json; /* the same, for identifiers in the reference itself */
	size_t nrecipients;
	const char *part_of, *in_response_to; /* "Communication/9" */
	int64_t sent_ms, updated_ms;	      /* -1: not said */
	bool from_patient;		      /* or somebody who acts for one */
	bool ours;			      /* carries an identifier of message_system */
	bool notification;
	bool has_payload;
	const char *text; /* all text payloads, HTML as text */
	struct fhir_file *file;
	size_t nfiles;
};

/* false: no Communication with an id. Attachments that are in it are added to ret_content, which may be NULL; those
 * that do not decode become files without url. */
bool fhir_read_communication(const json_t *, const struct fhir_conf *, struct arena *, struct fhir_communication *ret,
    struct content *ret_content);
/* A patient may read it: it was sent and not taken back. */
bool fhir_is_sent(const struct fhir_communication *);

struct fhir_outgoing {
	const char *message_system, *key;
	const char *thread;	      /* "Communication/9", or NULL */
	const char *answers;	      /* the same for a thread that is a message itself, or NULL */
	const char *patient, *sender; /* "Patient/7" */
	bool notification;
	int64_t sent_ms;
	const struct content *content; /* NULL: the header of a thread */
	const char *topic;
};
/* A new object. */
json_t *fhir_write_communication(const struct fhir_outgoing *);

/* ---- people -------------------------------------------------------------------------------------------------------
 */

/* portal and ref are left alone; keys of the patient that FHIR does not tell are "". */
void fhir_read_patient(const json_t *, const struct fhir_conf *, struct arena *, struct patient *ret);
/* From Bundles of RelatedPerson and Condition, for patient_put(). */
const char *fhir_read_proxies(const json_t *bundle, struct arena *);
const char *fhir_read_problems(const json_t *bundle, const struct fhir_conf *, struct arena *);

/* The first issue's code of an OperationOutcome, if it is one of FHIR's ("" otherwise): its texts may hold anything. */
const char *fhir_issue_code(const json_t *, struct arena *);

#endif
