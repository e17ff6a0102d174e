/* worker -- the daemon's side of one exchange. Whatever comes back is a stranger's. */
#include "crypto/worker.h"

#include "base/clock.h"
#include "base/own.h"
#include "crypto/reason.h"
#include "crypto/worker_in.h"

#include <string.h>
#include <sys/param.h>

#define MAX_ASKED 64 /* questions about one mail: each layer needs one key, each signature one person */
#define MAX_LAYERS 8
#define ANSWER_ROOM ((size_t)1024 * 1024)
#define START_MS 20000

static enum status
garbage(struct err *err)
{
	return err_set(err, ST_LOCAL, "worker.garbage", "the worker gave an answer that is none");
}

bool
worker_blames(const struct err *err)
{
	return strcmp(err->code, "worker.died") == 0 || strcmp(err->code, "worker.late") == 0 ||
	       strcmp(err->code, "worker.garbage") == 0;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/* One of our own literals, or NULL. */
static const char *
reason_literal(const char *said, enum open_outcome *outcome)
{
	for (int r = 0; said != NULL && r < R_NONE; r++)
		if (strcmp(reason_name((enum reason)r), said) == 0) {
			*outcome = reason_outcome((enum reason)r);
			return reason_name((enum reason)r);
		}
	return NULL;
}

/* A text that may be absent; no control characters, so that it can stand in a header field. */
static const char *
read_text(struct wire_in *in, size_t max, struct arena *a)
{
	const char *s = wire_text(in, a);

	for (size_t i = 0; s != NULL && s[i] != '\0'; i++)
		in->bad |= (unsigned char)s[i] < ' ' || s[i] == 0x7f || i >= max;
	return in->bad ? NULL : s;
}

static void
read_verdict(struct wire_in *in, struct arena *a, struct opened *ret)
{
	const char **layer = ARENA_ARRAY(a, MAX_LAYERS, const char *);

	ret->reason = reason_literal(read_text(in, 64, a), &ret->outcome);
	ret->from = read_text(in, 1000, a);
	ret->signer = read_text(in, 1000, a);
	ret->nlayers = wire_u32(in);
	in->bad |= ret->nlayers > MAX_LAYERS || ret->reason == NULL;
	for (size_t i = 0; i < ret->nlayers && !in->bad; i++)
		layer[i] = wire_word(in, 32, a);
	ret->layers = layer;
	ret->cipher = read_text(in, 32, a);
	ret->digest = read_text(in, 32, a);
	ret->encrypted = wire_bool(in);
	ret->signed_valid = wire_bool(in);
	ret->signing_time = wire_i64(in);
	wire_copy(in, ret->signed_digest, sizeof ret->signed_digest);
	ret->limit_hit = read_text(in, 64, a);
	/* A verified mail has an author, and nothing else is said to have a valid signature. */
	in->bad |= !in->bad && ret->signed_valid != (ret->outcome == OPEN_VERIFIED);
	in->bad |= ret->signed_valid && (ret->from == NULL || ret->signer == NULL || ret->nlayers == 0);
}

/* The header is cut again here, by the same small cutter that saw the outer one. */
static void
read_entity(struct wire_in *in, const struct limits_conf *lim, struct slice raw, struct arena *a, struct entity *ret)
{
	uint8_t kind = wire_u8(in);
	struct slice s = raw;

	if (kind == INNER_NONE)
		return;
	if (kind == INNER_OTHER) {
		s = wire_bytes(in);
		s.p = arena_strndup(a, s.p, s.n);
	}
	in->bad |= kind > INNER_OTHER;
	/* What was held for its limits cannot be cut: then there is nothing to look at. */
	if (!in->bad && entity_scan(s, lim, a, ret, NULL) != ST_OK)
		*ret = (struct entity){ .raw = s, .body = s };
}

static void
read_attachment(struct wire_in *in, struct content *c, struct arena *a)
{
	const char *name = wire_text(in, a), *type = wire_text(in, a);
	bool shown = wire_bool(in);
	struct slice data = wire_bytes(in);

	if (in->bad || name == NULL || type == NULL) {
		in->bad = true;
		return;
	}
	content_add(c, name, type, data.p, data.n);
	c->att[c->natt - 1].inline_image = shown;
}

static void
read_content(struct wire_in *in, const struct limits_conf *lim, struct arena *a, struct worker_content *ret)
{
	uint8_t kind = wire_u8(in);
	const char *subject, *text, *language;
	uint32_t n;

	ret->code = kind == CONTENT_LIMIT ? "limit.content" : kind == CONTENT_REFUSED ? "mime.content" : "";
	in->bad |= kind > CONTENT_REFUSED;
	if (kind != CONTENT_OK || in->bad)
		return;
	subject = wire_text(in, a);
	text = wire_text(in, a);
	language = wire_text(in, a);
	n = wire_u32(in);
	if (in->bad || subject == NULL || text == NULL || n > (uint32_t)lim->mime_parts) {
		in->bad = true;
		return;
	}
	/* content_new() and content_add() clean what they are given. */
	ret->content = content_new(subject, text);
	ret->content->language = language != NULL ? xstrdup(language) : NULL;
	for (uint32_t i = 0; i < n && !in->bad; i++)
		read_attachment(in, ret->content, a);
}

/* A failure of ours that the worker met. */
static enum status
read_failure(struct wire_in *in, struct arena *a, struct err *err)
{
	const char *code = wire_word(in, 64, a);

	if (!wire_good(in))
		return garbage(err);
	if (strcmp(code, "keys.rate") == 0)
		return err_set(err, ST_LOCAL, "keys.rate", "the key process has too much to do");
	if (strncmp(code, "keys.", 5) == 0)
		return err_set(err, ST_LOCAL, "keys.away", "the key process does not answer");
	return err_set(err, ST_LOCAL, "worker.failed", "the worker could not judge the mail");
}

enum status
worker_read_opened(struct slice body, const struct limits_conf *lim, struct slice raw, struct arena *a,
    struct opened *ret, struct worker_content *content, struct err *err)
{
	struct wire_in in = wire_in(body);
	struct slice der;

	memset(ret, 0, sizeof *ret);
	*content = (struct worker_content){ .code = "" };
	if (wire_u8(&in) != ST_OK)
		return read_failure(&in, a, err);
	read_verdict(&in, a, ret);
	der = wire_bytes(&in);
	read_entity(&in, lim, raw, a, &ret->inner);
	if (entity_scan(raw, lim, a, &ret->outer, NULL) != ST_OK)
		ret->outer = (struct entity){ .raw = raw, .body = raw };
	read_content(&in, lim, a, content);
	/* Nobody's certificate is decoded here but one that was found good, and then it is asked again who has it. */
	if (wire_good(&in) && ret->signed_valid && cert_from_der(der, &ret->signer_cert, NULL) != ST_OK)
		in.bad = true;
	if (wire_good(&in) && (ret->signer_cert == NULL || cert_has_email(ret->signer_cert, ret->from)))
		return ST_OK;
	opened_clear(ret);
	content_free(content->content);
	content->content = NULL;
	return garbage(err);
}

/* ---- the exchange ------------------------------------------------------------------------------------------------ */

static enum status
failed(enum wire_io io, struct err *err)
{
	if (io == WIRE_LATE)
		return err_set(err, ST_LOCAL, "worker.late", "the worker took too long and was killed");
	if (io == WIRE_LONG)
		return garbage(err);
	return err_set(err, ST_LOCAL, "worker.died", "the worker died");
}

static enum status
say_hello(struct worker *w, struct err *err)
{
	AUTO_BUF body = BUF_INIT;
	uint8_t type = 0;

	if (w->hello)
		return ST_OK;
	if (wire_recv(w->fd, 0, monotonic_ms() + START_MS, &type, &body) != WIRE_OK || type != WORKER_HELLO)
		return err_set(err, ST_LOCAL, "worker.start", "a worker does not come up");
	w->hello = true;
	return ST_OK;
}

static bool
same_limits(const struct limits_conf *a, const struct limits_conf *b)
{
	return memcmp(a, b, sizeof *a) == 0; /* nine int64_t, no holes */
}

static enum status
tell(struct worker *w, const struct open_env *env, int64_t timeout_s, int64_t deadline, struct err *err)
{
	const struct limits_conf *l = env->limits;
	const int64_t number[] = { l->mime_depth, l->mime_parts, l->headers, l->header_bytes, l->message_bytes,
		l->recipients, l->cms_layers, l->attachment_text, l->json_depth, timeout_s };
	AUTO_BUF body = BUF_INIT;
	AUTO_BUF list = BUF_INIT;
	AUTO_BUF anchors = BUF_INIT;
	enum wire_io io;

	if (w->told && w->keys == env->keys && w->trust_serial == trust_serial(env->trust) &&
	    same_limits(&w->limits, l))
		return ST_OK;
	if (env->keys != NULL && keys_answer(env->keys, KEYS_FOR_WORKER, KEYS_LIST, SLICE(""), &list) != ST_OK)
		return err_set(err, ST_LOCAL, "worker.start", "cannot say which keys there are");
	if (env->trust != NULL)
		trust_export(env->trust, &anchors);
	for (size_t i = 0; i < ARRAY_LEN(number); i++)
		wire_put_i64(&body, number[i]);
	wire_put_u8(&body, env->keys != NULL);
	wire_put_bytes(&body, list.p, list.n);
	wire_put_u8(&body, env->trust != NULL);
	wire_put_bytes(&body, anchors.p, anchors.n);
	io = wire_send(w->fd, WORKER_CONFIG, buf_slice(&body), SLICE(""), deadline);
	if (io != WIRE_OK)
		return err_set(err, ST_LOCAL, "worker.start", "a worker does not listen");
	w->told = true;
	w->keys = env->keys;
	w->trust_serial = trust_serial(env->trust);
	w->limits = *l;
	return ST_OK;
}

/* A question of the worker. false: it is none. */
static bool
answer(const struct open_env *env, uint8_t type, struct slice body, struct buf *ret)
{
	struct wire_in in = wire_in(body);
	AUTO(arena) a = arena_new();
	AUTO_BUF said = BUF_INIT;

	if (type == WORKER_KEYS && env->keys != NULL) {
		uint8_t op = wire_u8(&in);
		struct slice request = { (const char *)in.p, in.n };

		/* Only what opening needs: a worker that asks for more is not ours any more. */
		if (op != KEYS_UNWRAP)
			return false;
		wire_put_u8(ret, (uint8_t)keys_answer(env->keys, KEYS_FOR_WORKER, op, request, &said));
		buf_append(ret, said.p, said.n);
		return true;
	}
	if (type == WORKER_REGISTERED && env->registered != NULL) {
		const char *addr = read_text(&in, 1000, a), *digest = wire_word(&in, 64, a);
		struct cert c = { .x509 = NULL }; /* who is registered is known by digest alone */

		if (!wire_good(&in) || addr == NULL || strlen(digest) + 1 != sizeof c.sha256)
			return false;
		memcpy(c.sha256, digest, sizeof c.sha256);
		wire_put_u8(ret, env->registered(env->arg, addr, &c));
		return true;
	}
	return false;
}

enum status
worker_talk(struct worker *w, const struct open_env *env, struct slice raw, int64_t timeout_s, struct arena *a,
    struct opened *ret, struct worker_content *content, struct err *err)
{
	size_t max = MAX(ANSWER_ROOM + 8 * raw.n, WORKER_ASK_MAX);
	AUTO_BUF head = BUF_INIT;
	int64_t deadline;
	enum wire_io io;

	TRY(say_hello(w, err));
	deadline = monotonic_ms() + timeout_s * 1000;
	TRY(tell(w, env, timeout_s, deadline, err));
	wire_put_i64(&head, env->now);
	wire_put_u8(&head, env->registered != NULL);
	io = wire_send(w->fd, WORKER_OPEN, buf_slice(&head), raw, deadline);
	for (int asked = 0; io == WIRE_OK && asked <= MAX_ASKED; asked++) {
		AUTO_BUF body = BUF_INIT;
		AUTO_BUF said = BUF_INIT;
		uint8_t type = 0;

		io = wire_recv(w->fd, max, deadline, &type, &body);
		if (io == WIRE_OK && type == WORKER_OPENED)
			return worker_read_opened(buf_slice(&body), env->limits, raw, a, ret, content, err);
		if (io == WIRE_OK && !answer(env, type, buf_slice(&body), &said))
			return garbage(err);
		if (io == WIRE_OK)
			io = wire_send(w->fd, type, buf_slice(&said), SLICE(""), deadline);
	}
	return io == WIRE_OK ? garbage(err) : failed(io, err);
}
