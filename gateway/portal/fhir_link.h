/*
 * fhir_link -- a FHIR server we may speak to: discovery, a token that is renewed, what the server can do, and requests
 * whose answers are resources.
 *
 * Statuses of an answer become ours here: 404 and 410 are no resource, 401 asks for one new token and one more try, 429
 * and 5xx are ST_REMOTE_DOWN, other 4xx ST_MSG_REFUSED with the code. What a server says in words is not kept:
 * it may quote a patient.
 * Threads: one struct fhir_link belongs to one thread.
 */
#ifndef PORTAL_FHIR_LINK_H
#define PORTAL_FHIR_LINK_H

#include "base/arena.h"
#include "base/clock.h"
#include "portal/fhir_auth.h"
#include "portal/fhir_http.h"
#include "portal/fhir_json.h"

/* Of Communication, as the CapabilityStatement says. */
struct fhir_caps {
	bool r4;
	bool create, read, search, update, patch, conditional_create;
	bool by_identifier, by_updated, by_received, by_recipient, by_category, by_patient, by_id;
	bool person_search; /* Patient by identifier */
	bool related_persons, conditions, tasks;
	char software[80]; /* as it calls itself; printable ASCII only */
};
/* false: no CapabilityStatement of a server. */
bool fhir_caps_read(const json_t *, struct fhir_caps *ret);
enum fhir_poll_by fhir_caps_poll_by(const struct fhir_caps *, int wanted);
/* A post can be asked for by its identifier. */
bool fhir_caps_can_ask(const struct fhir_caps *);

struct fhir_link;

/* Borrows conf and clock. Nothing is sent yet. */
enum status fhir_link_new(const struct fhir_conf *, const struct clock *, int64_t json_depth, struct fhir_link **ret,
    struct err *) MUST_CHECK;
void fhir_link_free(struct fhir_link *);
DEFINE_FREEP(fhir_link)

/* Each does what is not done yet; fhir_link_open() all of it. */
enum status fhir_link_discover(struct fhir_link *, struct err *) MUST_CHECK;
enum status fhir_link_token(struct fhir_link *, struct err *) MUST_CHECK;
enum status fhir_link_caps(struct fhir_link *, struct err *) MUST_CHECK;
enum status fhir_link_open(struct fhir_link *, struct err *) MUST_CHECK;
const struct fhir_caps *fhir_caps_of(const struct fhir_link *);
const char *fhir_token_url(const struct fhir_link *); /* NULL before discovery, or with token_file */

/* where: a URL of the server, or relative to its base ("Patient/7"). *ret is a new object, NULL when there is none. */
enum status fhir_get(struct fhir_link *, const char *where, json_t **ret, struct err *) MUST_CHECK;
/* <type>?<name>=<system>|<value>&_count=3 and so on: the one match. *ret is NULL when there is none; several are
 * ST_MSG_REFUSED fhir.several. */
enum status fhir_find_one(
    struct fhir_link *, const char *type, const char *system, const char *value, json_t **ret, struct err *) MUST_CHECK;

/* What came of a create. */
enum fhir_created {
	FHIR_CREATED,	/* it is there; *ret_id (own) names it, "" when the server did not say */
	FHIR_CONFLICT,	/* 409 or 412: something with this key is there */
	FHIR_UNKNOWN,	/* it may be there */
	FHIR_NOT_THERE, /* it is not: st and err say why */
};
enum fhir_created fhir_create(struct fhir_link *, const char *type, const json_t *resource, const char *if_none_exist,
    char **ret_id, struct err *);

#endif
