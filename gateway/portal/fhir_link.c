#include "portal/fhir_link.h"

#include "base/file.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define JWT_BEARER "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
#define TOKEN_MAX 16384
#define TOKEN_LEFT_S 30	      /* a token that ends sooner is renewed before it is used */
#define TOKEN_FILE_FRESH_S 60 /* another program renews the file */

struct fhir_link {
	const struct fhir_conf *c;
	const struct clock *clock;
	int64_t depth;
	struct fhir_http_options options;
	struct fhir_http *http;
	struct fhir_key *key;
	char *token_url, *token;
	int64_t token_until; /* seconds UTC */
	struct fhir_caps caps;
	bool has_caps;
};

enum status
fhir_link_new(
    const struct fhir_conf *c, const struct clock *clock, int64_t depth, struct fhir_link **ret, struct err *err)
{
	AUTO(fhir_link) l = xcalloc(1, sizeof *l);

	l->c = c;
	l->clock = clock;
	l->depth = depth;
	l->options = (struct fhir_http_options){ c->base, c->ca_file, c->timeout_s, c->response_bytes };
	l->http = fhir_http_new(&l->options);
	if (c->key_file != NULL)
		TRY(fhir_key_read(c->key_file, c->kid, c->alg, &l->key, err));
	*ret = TAKE(l);
	return ST_OK;
}

static void
drop_token(struct fhir_link *l)
{
	if (l->token != NULL)
		explicit_bzero(l->token, strlen(l->token));
	free(l->token);
	l->token = NULL;
}

void
fhir_link_free(struct fhir_link *l)
{
	if (l == NULL)
		return;
	drop_token(l);
	free(l->token_url);
	fhir_key_free(l->key);
	fhir_http_free(l->http);
	free(l);
}

const struct fhir_caps *
fhir_caps_of(const struct fhir_link *l)
{
	return &l->caps;
}

const char *
fhir_token_url(const struct fhir_link *l)
{
	return l->token_url;
}

/* ---- statuses -----------------------------------------------------------------------------------------------------
 */

static enum status
judge_status(const struct fhir_answer *a, int64_t depth, struct err *err)
{
	AUTO(arena) arena = arena_new();
	json_t *o = NULL;
	const char *code = "";

	if (a->status == 401 || a->status == 403)
		return err_set(err, ST_REMOTE_DOWN, "fhir.forbidden",
		    "the server does not let us do this (status %ld): client, scope or rights", a->status);
	if (a->status == 408 || a->status == 429 || a->status >= 500)
		return err_set(err, ST_REMOTE_DOWN, "fhir.status", "the server answered with status %ld", a->status);
	if (a->status < 400)
		return err_set(err, ST_REMOTE_DOWN, "fhir.status", "status %ld is no answer to this", a->status);
	if (fhir_parse(buf_slice(&a->body), depth, &o, NULL) == ST_OK)
		code = fhir_issue_code(o, arena);
	err_set(err, ST_MSG_REFUSED, "fhir.refused", "the server refused it: status %ld%s%s", a->status,
	    code[0] != '\0' ? ", " : "", code);
	json_decref(o);
	return ST_MSG_REFUSED;
}

/* The base's own documents need no credential; discovery must not send one. */
static enum status
get_open(struct fhir_link *l, const char *path, json_t **ret, struct err *err)
{
	AUTO_STR url = xasprintf("%s/%s", l->c->base, path);
	struct fhir_request q = { .url = url };
	struct fhir_answer a = FHIR_ANSWER;
	enum status st = fhir_http_do(l->http, &q, &a, err);

	if (st == ST_OK && a.status == 401 && l->token != NULL) {
		q.bearer = l->token;
		st = fhir_http_do(l->http, &q, &a, err);
	}
	if (st == ST_OK)
		st = a.status == 200 ? fhir_parse(buf_slice(&a.body), l->depth, ret, err)
				     : judge_status(&a, l->depth, err);
	fhir_answer_free(&a);
	/* No message is to blame for how the server introduces itself. */
	if (st == ST_MSG_REFUSED)
		st = err_set(err, ST_REMOTE_DOWN, "fhir.discovery", "the server does not give its %s", path);
	return st;
}

/* ---- token --------------------------------------------------------------------------------------------------------
 */

enum status
fhir_link_discover(struct fhir_link *l, struct err *err)
{
	AUTO(arena) a = arena_new();
	json_t *o = NULL;
	const char *url;

	if (l->c->client_id == NULL || l->token_url != NULL)
		return ST_OK;
	if (l->c->token_url != NULL) {
		l->token_url = xstrdup(l->c->token_url);
		return ST_OK;
	}
	TRY(get_open(l, ".well-known/smart-configuration", &o, err));
	url = fhir_text(o, a, "token_endpoint");
	json_decref(o);
	if (strncmp(url, "https://", 8) != 0)
		return err_set(
		    err, ST_REMOTE_DOWN, "fhir.discovery", "the server names no https token_endpoint: set token_url");
	l->token_url = xstrdup(url);
	return ST_OK;
}

static enum status
token_from_file(struct fhir_link *l, int64_t now, struct err *err)
{
	AUTO_BUF text = BUF_INIT;

	TRY(file_read_secret(l->c->token_file, TOKEN_MAX, &text, err));
	l->token = slice_dup(slice_trim(buf_slice(&text)));
	l->token_until = now + TOKEN_FILE_FRESH_S + TOKEN_LEFT_S;
	return ST_OK;
}

static enum status
ask_for_token(struct fhir_link *l, int64_t now, struct buf *form, struct err *err)
{
	AUTO_BUF jwt = BUF_INIT;
	uint8_t random[16];
	char jti[33];

	random_bytes(random, sizeof random);
	hex_encode(random, sizeof random, jti);
	TRY(fhir_assertion(l->key, l->c->client_id, l->token_url, now, jti, &jwt, err));
	buf_puts(form, "grant_type=client_credentials&scope=");
	fhir_escape(l->c->scope, form);
	buf_printf(form, "&client_assertion_type=%s&client_assertion=%s", JWT_BEARER, buf_str(&jwt));
	return ST_OK;
}

static enum status
take_token(struct fhir_link *l, const struct fhir_answer *a, int64_t now, struct err *err)
{
	AUTO(arena) arena = arena_new();
	json_t *o = NULL;
	const char *token;
	int64_t life;

	if (a->status != 200)
		return err_set(err, ST_REMOTE_DOWN, "fhir.token",
		    "no token: status %ld. Does the portal know client_id, and the key portico portal jwks prints?",
		    a->status);
	TRY(fhir_parse(buf_slice(&a->body), l->depth, &o, err));
	token = fhir_text(o, arena, "access_token");
	life = json_integer_value(json_object_get(o, "expires_in"));
	if (token[0] != '\0' && strlen(token) < TOKEN_MAX) {
		l->token = xstrdup(token);
		l->token_until = now + (life > 0 ? life : 300);
	}
	json_decref(o);
	return l->token != NULL ? ST_OK
				: err_set(err, ST_REMOTE_DOWN, "fhir.token", "the token endpoint gave no token");
}

enum status
fhir_link_token(struct fhir_link *l, struct err *err)
{
	int64_t now = clock_now(l->clock);
	AUTO_BUF form = BUF_INIT;
	struct fhir_answer a = FHIR_ANSWER;
	struct fhir_request q = { .method = "POST", .content_type = "application/x-www-form-urlencoded" };
	enum status st;

	if (l->token != NULL && l->token_until - TOKEN_LEFT_S > now)
		return ST_OK;
	drop_token(l);
	if (l->c->token_file != NULL)
		return token_from_file(l, now, err);
	TRY(fhir_link_discover(l, err));
	TRY(ask_for_token(l, now, &form, err));
	q.url = l->token_url;
	q.body = buf_slice(&form);
	st = fhir_http_do(l->http, &q, &a, err);
	if (st == ST_OK)
		st = take_token(l, &a, now, err);
	fhir_answer_free(&a);
	return st;
}

enum status
fhir_link_caps(struct fhir_link *l, struct err *err)
{
	json_t *o = NULL;

	if (l->has_caps)
		return ST_OK;
	TRY(get_open(l, "metadata", &o, err));
	l->has_caps = fhir_caps_read(o, &l->caps);
	json_decref(o);
	return l->has_caps
		   ? ST_OK
		   : err_set(err, ST_REMOTE_DOWN, "fhir.metadata", "metadata is no CapabilityStatement of a server");
}

enum status
fhir_link_open(struct fhir_link *l, struct err *err)
{
	TRY(fhir_link_token(l, err));
	return fhir_link_caps(l, err);
}

/* ---- requests -----------------------------------------------------------------------------------------------------
 */

/* One new token and one more try after 401: tokens are revoked, and clocks differ. */
static enum status
with_token(struct fhir_link *l, struct fhir_request *q, struct fhir_answer *a, struct err *err)
{
	for (int try = 0;; try++) {
		a->maybe = false;
		TRY(fhir_link_token(l, err));
		q->bearer = l->token;
		TRY(fhir_http_do(l->http, q, a, err));
		if (a->status != 401 || try > 0)
			return ST_OK;
		drop_token(l);
	}
}

enum status
fhir_get(struct fhir_link *l, const char *where, json_t **ret, struct err *err)
{
	AUTO_STR url = strncmp(where, "https://", 8) == 0 ? xstrdup(where) : xasprintf("%s/%s", l->c->base, where);
	struct fhir_request q = { .url = url };
	struct fhir_answer a = FHIR_ANSWER;
	enum status st = with_token(l, &q, &a, err);

	if (st == ST_OK && (a.status == 404 || a.status == 410))
		*ret = NULL;
	else if (st == ST_OK)
		st = a.status == 200 ? fhir_parse(buf_slice(&a.body), l->depth, ret, err)
				     : judge_status(&a, l->depth, err);
	fhir_answer_free(&a);
	return st;
}

/* A server that ignores the parameter returns everything: only what really has the identifier counts. */
static bool
really_has(const json_t *r, const char *type, const char *system, const char *value, struct arena *a)
{
	const json_t *ids = json_object_get(r, "identifier");

	if (strcmp(fhir_text(r, a, "resourceType"), type) != 0)
		return false;
	for (size_t i = 0; i < fhir_count(ids); i++) {
		const json_t *one = json_array_get(ids, i);

		if (strcmp(fhir_text(one, a, "system"), system) == 0 && strcmp(fhir_text(one, a, "value"), value) == 0)
			return true;
	}
	return false;
}

enum status
fhir_find_one(
    struct fhir_link *l, const char *type, const char *system, const char *value, json_t **ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF where = BUF_INIT;
	json_t *bundle = NULL, *found = NULL;
	size_t n = 0;

	buf_printf(&where, "%s?identifier=", type);
	fhir_escape(system, &where);
	buf_puts(&where, "%7C");
	fhir_escape(value, &where);
	buf_puts(&where, "&_count=10");
	TRY(fhir_get(l, buf_str(&where), &bundle, err));
	for (size_t i = 0; i < fhir_count(json_object_get(bundle, "entry")); i++) {
		json_t *r = json_object_get(json_array_get(json_object_get(bundle, "entry"), i), "resource");

		if (really_has(r, type, system, value, a) && n++ == 0)
			found = json_incref(r);
	}
	json_decref(bundle);
	if (n > 1 && strcmp(type, "Communication") != 0) {
		json_decref(found);
		return err_set(err, ST_MSG_REFUSED, "fhir.several", "%zu of type %s have the same identifier", n, type);
	}
	*ret = found;
	return ST_OK;
}

/* ".../Communication/<id>", with or without "/_history/<version>"; relative or absolute. */
static char *
id_from_location(const char *location, const char *type)
{
	AUTO_STR mark = xasprintf("%s/", type);
	const char *p = location, *last = NULL;
	char *id;

	while ((p = strstr(p, mark)) != NULL) {
		if (p == location || p[-1] == '/')
			last = p + strlen(mark);
		p++;
	}
	id = last != NULL ? xstrndup(last, strcspn(last, "/?#")) : xstrdup("");
	if (!fhir_id_valid(id))
		id[0] = '\0';
	return id;
}

static char *
created_id(const struct fhir_answer *a, const char *type, int64_t depth)
{
	AUTO(arena) arena = arena_new();
	json_t *o = NULL;
	const char *id = "";
	char *ret;

	if (fhir_parse(buf_slice(&a->body), depth, &o, NULL) == ST_OK &&
	    strcmp(fhir_text(o, arena, "resourceType"), type) == 0)
		id = fhir_text(o, arena, "id");
	ret = fhir_id_valid(id) ? xstrdup(id) : id_from_location(a->location, type);
	json_decref(o);
	return ret;
}

enum fhir_created
fhir_create(struct fhir_link *l, const char *type, const json_t *resource, const char *if_none_exist, char **ret_id,
    struct err *err)
{
	AUTO_STR url = xasprintf("%s/%s", l->c->base, type);
	char *text = json_dumps(resource, JSON_COMPACT);
	struct fhir_request q = { .method = "POST",
		.url = url,
		.body = slice_of(text),
		.content_type = "application/fhir+json",
		.if_none_exist = if_none_exist };
	struct fhir_answer a = FHIR_ANSWER;
	enum status st = with_token(l, &q, &a, err);
	enum fhir_created ret;

	if (st != ST_OK) {
		ret = a.maybe ? FHIR_UNKNOWN : FHIR_NOT_THERE;
	} else if (a.status == 200 || a.status == 201) {
		*ret_id = created_id(&a, type, l->depth);
		/* A login page is a 200 too: an id that was really given is the proof. */
		ret = (*ret_id)[0] != '\0' ? FHIR_CREATED : FHIR_UNKNOWN;
		if (ret == FHIR_UNKNOWN) {
			free(*ret_id);
			*ret_id = NULL;
			err_set(err, ST_REMOTE_DOWN, "fhir.not-json", "the server did not say what it created");
		}
	} else if (a.status == 409 || a.status == 412) {
		err_set(err, ST_MSG_RETRY, "fhir.conflict", "the server says that it is there (%ld)", a.status);
		ret = FHIR_CONFLICT;
	} else {
		/* A proxy in front may have given up on a server that had not. */
		ret = judge_status(&a, l->depth, err) == ST_REMOTE_DOWN && a.status >= 500 ? FHIR_UNKNOWN
											   : FHIR_NOT_THERE;
		if (a.status == 503)
			ret = FHIR_UNKNOWN;
	}
	explicit_bzero(text, strlen(text));
	free(text);
	fhir_answer_free(&a);
	return ret;
}
