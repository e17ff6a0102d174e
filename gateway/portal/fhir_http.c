#include "portal/fhir_http.h"

#include "base/clock.h"
#include "base/hash.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REST_MAX_S 3600
#define ORIGINS 16
#define FAILURES 3 /* in a row, then the origin rests */
#define FAILED_REST_MS 2000
#define FAILED_REST_MAX_MS 60000
#define HEADERS_MAX 200

struct fhir_http {
	const struct fhir_http_options *o;
	CURL *curl;
};

/* ---- rest ---------------------------------------------------------------------------------------------------------
 */

static struct {
	char origin[300];
	int64_t until_ms; /* monotonic */
	unsigned failed;
} resting[ORIGINS];
static pthread_mutex_t rest_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t
rest_slot(const char *origin)
{
	size_t free_slot = 0;

	for (size_t i = 0; i < ORIGINS; i++) {
		if (strcmp(resting[i].origin, origin) == 0)
			return i;
		if (resting[i].until_ms < resting[free_slot].until_ms)
			free_slot = i;
	}
	snprintf(resting[free_slot].origin, sizeof resting[free_slot].origin, "%s", origin);
	resting[free_slot].until_ms = 0;
	resting[free_slot].failed = 0;
	return free_slot;
}

static int64_t
rests_for_ms(const char *origin)
{
	int64_t left;

	pthread_mutex_lock(&rest_lock);
	left = resting[rest_slot(origin)].until_ms - monotonic_ms();
	pthread_mutex_unlock(&rest_lock);
	return left > 0 ? left : 0;
}

static void
rest(const char *origin, int64_t ms)
{
	int64_t until = monotonic_ms() + ms;
	size_t i;

	pthread_mutex_lock(&rest_lock);
	i = rest_slot(origin);
	if (until > resting[i].until_ms)
		resting[i].until_ms = until;
	pthread_mutex_unlock(&rest_lock);
}

/* A quarter of jitter: several hosts do not come back in step. */
static void
note_result(const char *origin, bool failed)
{
	unsigned n;
	uint16_t r;
	size_t i;

	pthread_mutex_lock(&rest_lock);
	i = rest_slot(origin);
	n = resting[i].failed = failed ? resting[i].failed + 1 : 0;
	pthread_mutex_unlock(&rest_lock);
	if (n >= FAILURES) {
		int64_t ms = n - FAILURES < 5 ? (int64_t)FAILED_REST_MS << (n - FAILURES) : FAILED_REST_MAX_MS;

		random_bytes(&r, sizeof r);
		rest(origin, ms + ms * (r % 512 - 256) / 1024);
	}
}

void
fhir_rest_clear(void)
{
	pthread_mutex_lock(&rest_lock);
	memset(resting, 0, sizeof resting);
	pthread_mutex_unlock(&rest_lock);
}

int64_t
fhir_retry_after(const char *field, int64_t now)
{
	size_t digits = strspn(field, "0123456789");
	int64_t s;

	if (digits > 0 && field[digits] == '\0')
		return digits > 6			      ? REST_MAX_S
		       : strtol(field, NULL, 10) > REST_MAX_S ? REST_MAX_S
							      : strtol(field, NULL, 10);
	/* RFC 9110 5.6.7: an HTTP-date begins with the name of a day. */
	if (strchr(field, ',') == NULL && strchr(field, ' ') == NULL)
		return -1;
	s = (int64_t)curl_getdate(field, NULL);
	if (s < 0)
		return -1;
	return s <= now ? 0 : s - now > REST_MAX_S ? REST_MAX_S : s - now;
}

/* ---- URLs ---------------------------------------------------------------------------------------------------------
 */

/* "https://host:port" in ret; false when the URL is none of https. */
static bool
origin_of(const char *url, char *ret, size_t n)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL;
	bool ok = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		  strcmp(scheme, "https") == 0;

	if (ok) {
		for (char *p = host; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p + 32);
		ok = snprintf(ret, n, "https://%s:%s", host, port) < (int)n;
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return ok;
}

bool
fhir_same_origin(const char *a, const char *b)
{
	char x[300], y[300];

	return origin_of(a, x, sizeof x) && origin_of(b, y, sizeof y) && strcmp(x, y) == 0;
}

char *
fhir_resolve_url(const char *base, const char *ref)
{
	CURLU *u = curl_url();
	char *got = NULL, *ret = NULL;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, ref, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_URL, &got, 0) == CURLUE_OK)
		ret = xstrdup(got);
	curl_free(got);
	curl_url_cleanup(u);
	return ret;
}

void
fhir_escape(const char *s, struct buf *ret)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c) != NULL)
			buf_putc(ret, (char)c);
		else
			buf_append(ret, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
}

/* ---- one request --------------------------------------------------------------------------------------------------
 */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct fhir_http *
fhir_http_new(const struct fhir_http_options *o)
{
	struct fhir_http *h = xcalloc(1, sizeof *h);

	pthread_once(&once, global_init);
	h->o = o;
	return h;
}

void
fhir_http_free(struct fhir_http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->curl);
	free(h);
}

void
fhir_answer_free(struct fhir_answer *a)
{
	buf_wipe(&a->body);
}

struct taking {
	struct buf *body;
	size_t max;
	bool too_big;
};

static size_t
take_body(char *p, size_t size, size_t n, void *arg)
{
	struct taking *t = arg;

	if (t->body->n + size * n > t->max) {
		t->too_big = true;
		return 0;
	}
	buf_append(t->body, p, size * n);
	return size * n;
}

/* Field values have no line ends: what we put into them is checked here, once. */
static bool
add_header(struct curl_slist **list, const char *name, const char *value)
{
	AUTO_BUF line = BUF_INIT;
	struct curl_slist *more;

	if (value == NULL)
		return true;
	if (value[strcspn(value, "\r\n")] != '\0')
		return false;
	buf_printf(&line, "%s: %s", name, value);
	more = curl_slist_append(*list, buf_str(&line));
	if (more == NULL)
		return false;
	*list = more;
	return true;
}

static bool
make_headers(const struct fhir_request *q, struct curl_slist **ret)
{
	AUTO_BUF bearer = BUF_INIT;

	if (q->bearer != NULL)
		buf_printf(&bearer, "Bearer %s", q->bearer);
	return add_header(ret, "Accept", "application/fhir+json, application/json;q=0.9") &&
	       add_header(ret, "Content-Type", q->body.p != NULL ? q->content_type : NULL) &&
	       add_header(ret, "If-None-Exist", q->if_none_exist) && add_header(ret, "If-Match", q->if_match) &&
	       add_header(ret, "Authorization", q->bearer != NULL ? buf_str(&bearer) : NULL) &&
	       add_header(ret, "Expect", "");
}

static bool
set_options(struct fhir_http *h, const struct fhir_request *q, struct curl_slist *headers, struct taking *t)
{
	CURL *c = h->curl;
	bool ok = true;

#define SET(opt, value) ok = ok && curl_easy_setopt(c, opt, value) == CURLE_OK
	SET(CURLOPT_URL, q->url);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (h->o->ca_file != NULL) {
		SET(CURLOPT_CAINFO, h->o->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_PROXY, ""); /* not what the environment says */
	SET(CURLOPT_TIMEOUT_MS, (long)h->o->timeout_s * 1000);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(h->o->timeout_s < 10 ? h->o->timeout_s : 10) * 1000);
	SET(CURLOPT_USERAGENT, "Portico");
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)h->o->response_bytes);
	if (q->body.p != NULL) {
		/* On a connection it had before, libcurl sends a request again by itself when the server hangs up
		 * without an answer: a second copy of a post. On a new one it does not. */
		SET(CURLOPT_FRESH_CONNECT, 1L);
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, q->body.p);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
	}
	if (q->method != NULL)
		SET(CURLOPT_CUSTOMREQUEST, q->method);
#undef SET
	return ok;
}

static void
copy_header(CURL *c, const char *name, char *ret, size_t n)
{
	struct curl_header *h;

	ret[0] = '\0';
	if (curl_easy_header(c, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK && strlen(h->value) < n)
		snprintf(ret, n, "%s", h->value);
}

/* curl's own words may quote what came over the wire: the code is enough. */
static enum status
failed(CURLcode rc, const struct taking *t, struct fhir_answer *a, struct err *err)
{
	a->maybe = true;
	if (t->too_big || rc == CURLE_FILESIZE_EXCEEDED)
		return err_set(err, ST_REMOTE_DOWN, "fhir.too-big", "the server's answer is larger than response_size");
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		a->maybe = false;
		return err_set(err, ST_REMOTE_DOWN, "fhir.connect", "the server cannot be reached (curl %d)", (int)rc);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		a->maybe = false;
		return err_set(err, ST_REMOTE_DOWN, "fhir.tls",
		    "the server's certificate is not one we trust for this name (curl %d): see ca_file", (int)rc);
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		a->maybe = false;
		return err_set(err, ST_REMOTE_DOWN, "fhir.url", "not a https URL (curl %d)", (int)rc);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ST_REMOTE_DOWN, "fhir.timeout", "the server did not answer in time");
	default:
		return err_set(err, ST_REMOTE_DOWN, "fhir.broken", "the server's answer broke off (curl %d)", (int)rc);
	}
}

static void
after_answer(struct fhir_http *h, const char *origin, struct fhir_answer *a)
{
	char wait[64];
	int64_t s;

	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &a->status);
	copy_header(h->curl, "Location", a->location, sizeof a->location);
	copy_header(h->curl, "ETag", a->etag, sizeof a->etag);
	note_result(origin, a->status >= 500 && a->status != 501);
	if (a->status != 429 && a->status != 503)
		return;
	copy_header(h->curl, "Retry-After", wait, sizeof wait);
	s = fhir_retry_after(wait, (int64_t)time(NULL));
	rest(origin, s >= 0 ? s * 1000 : FAILED_REST_MS);
}

enum status
fhir_http_do(struct fhir_http *h, const struct fhir_request *q, struct fhir_answer *ret, struct err *err)
{
	struct taking t = { &ret->body, (size_t)h->o->response_bytes, false };
	struct curl_slist *headers = NULL;
	char origin[300];
	enum status st = ST_OK;
	CURLcode rc;

	buf_clear(&ret->body);
	ret->status = 0;
	ret->maybe = false;
	ret->location[0] = ret->etag[0] = '\0';
	if (!origin_of(q->url, origin, sizeof origin))
		return err_set(err, ST_REMOTE_DOWN, "fhir.url", "not a https URL");
	if (q->bearer != NULL && !fhir_same_origin(q->url, h->o->origin_url))
		return err_set(err, ST_REMOTE_DOWN, "fhir.origin", "the server points to another server: not followed");
	if (rests_for_ms(origin) > 0)
		return err_set(err, ST_REMOTE_DOWN, "fhir.resting", "the server asked for %lld s of rest",
		    (long long)(rests_for_ms(origin) + 999) / 1000);
	/* A handle keeps its connection through a reset. */
	if (h->curl == NULL)
		h->curl = curl_easy_init();
	else
		curl_easy_reset(h->curl);
	if (h->curl == NULL || !make_headers(q, &headers) || !set_options(h, q, headers, &t)) {
		curl_slist_free_all(headers);
		return err_set(err, ST_LOCAL, "fhir.curl", "a request could not be made");
	}
	rc = curl_easy_perform(h->curl);
	if (rc == CURLE_OK) {
		after_answer(h, origin, ret);
	} else {
		note_result(origin, true);
		st = failed(rc, &t, ret, err);
	}
	curl_slist_free_all(headers);
	return st;
}
