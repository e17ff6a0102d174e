/*
 * fhir_http -- HTTPS to one server: verified TLS, one connection that is reused, deadlines, sizes, and rest when asked.
 *
 * An answer of any status is ST_OK; ST_REMOTE_DOWN means that no whole answer came, and says in maybe whether the
 * request can have been acted on. Nothing is redirected, nothing is unpacked, and a request that carries a credential
 * goes to the origin it was made for and to no other.
 * 429 and 503 put the origin to rest for as long as it said (RFC 9110 10.2.3: seconds or a date), several failures in a
 * row for a growing while; a request to a resting origin is ST_REMOTE_DOWN at once. The rest is the whole process's.
 * Threads: one struct fhir_http belongs to one thread.
 */
#ifndef PORTAL_FHIR_HTTP_H
#define PORTAL_FHIR_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"

#include <stdint.h>

struct fhir_http;

struct fhir_request {
	const char *method; /* NULL: GET */
	const char *url;    /* absolute */
	struct slice body;
	const char *content_type; /* of the body */
	const char *if_none_exist, *if_match;
	const char *bearer; /* credential, or NULL */
};

struct fhir_answer {
	long status;
	struct buf body;
	char location[512], etag[128]; /* "" when there is none */
	bool maybe;		       /* it failed, and the server may have acted on the request all the same */
};
#define FHIR_ANSWER ((struct fhir_answer){ .status = 0 })
void fhir_answer_free(struct fhir_answer *);

struct fhir_http_options {
	const char *origin_url; /* credentials go to this origin only */
	const char *ca_file;	/* NULL: the system's */
	int64_t timeout_s, response_bytes;
};
/* Options are borrowed and outlive it. */
struct fhir_http *fhir_http_new(const struct fhir_http_options *);
void fhir_http_free(struct fhir_http *);
DEFINE_FREEP(fhir_http)

enum status fhir_http_do(
    struct fhir_http *, const struct fhir_request *, struct fhir_answer *ret, struct err *) MUST_CHECK;

/* Scheme, host and port are the same, and the scheme is https. */
bool fhir_same_origin(const char *a, const char *b);
/* RFC 3986 5: ref as seen from base; own. NULL when either is no URL. */
char *fhir_resolve_url(const char *base, const char *ref);
/* Seconds to wait, at most an hour; -1 when the field is not one. now: seconds UTC. */
int64_t fhir_retry_after(const char *field, int64_t now);
/* Percent-encodes everything but RFC 3986 unreserved characters; appended. */
void fhir_escape(const char *s, struct buf *ret);
/* For tests: nobody rests. */
void fhir_rest_clear(void);

#endif
