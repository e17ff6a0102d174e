/* worker_serve -- the worker's side: one mail after the other, and nothing kept between them but certificates. */
#include "base/own.h"
#include "crypto/worker_in.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX ((size_t)512 * 1024 * 1024) /* from the daemon, whom we must believe; RLIMIT_AS is the limit */

struct serving {
	int fd;
	struct limits_conf limits;
	int64_t cpu_s;
	struct keys *keys;
	struct trust *trust;
	bool faults; /* a test may hurt us */
	bool lost;   /* the daemon is gone, or makes no sense */
};

/* ---- what must be asked ------------------------------------------------------------------------------------------ */

/* Sends a question and waits for its answer, which has the same type. */
static bool
ask(struct serving *s, uint8_t type, const struct buf *question, struct buf *ret)
{
	uint8_t got = 0;

	if (wire_send(s->fd, type, buf_slice(question), SLICE(""), NO_DEADLINE) != WIRE_OK ||
	    wire_recv(s->fd, FRAME_MAX, NO_DEADLINE, &got, ret) != WIRE_OK || got != type)
		s->lost = true;
	return !s->lost;
}

static enum status
ask_keys(void *arg, uint8_t op, struct slice request, struct buf *ret, struct err *err)
{
	struct serving *s = arg;
	AUTO_BUF question = BUF_INIT;
	AUTO_BUF answer = BUF_INIT;
	struct wire_in in;
	enum status st;

	wire_put_u8(&question, op);
	buf_append(&question, request.p, request.n);
	if (!ask(s, WORKER_KEYS, &question, &answer))
		return err_set(err, ST_LOCAL, "keys.away", "the daemon is gone");
	in = wire_in(buf_slice(&answer));
	st = (enum status)wire_u8(&in);
	buf_append(ret, in.p, in.n);
	return st;
}

static bool
ask_registered(void *arg, const char *addr, const struct cert *c)
{
	struct serving *s = arg;
	AUTO_BUF question = BUF_INIT;
	AUTO_BUF answer = BUF_INIT;
	struct wire_in in;

	wire_put_text(&question, addr);
	wire_put_text(&question, c->sha256);
	if (!ask(s, WORKER_REGISTERED, &question, &answer))
		return false;
	in = wire_in(buf_slice(&answer));
	return wire_bool(&in);
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static void
put_entity(struct buf *b, const struct entity *e, struct slice raw)
{
	bool same = e->raw.p == raw.p && e->raw.n == raw.n;

	wire_put_u8(b, e->raw.p == NULL ? INNER_NONE : same ? INNER_SAME : INNER_OTHER);
	if (e->raw.p != NULL && !same)
		wire_put_bytes(b, e->raw.p, e->raw.n);
}

static void
put_opened(struct buf *b, const struct opened *o, struct slice raw)
{
	unsigned char *der = NULL;
	int n = o->signed_valid && o->signer_cert != NULL ? i2d_X509(o->signer_cert->x509, &der) : 0;

	wire_put_text(b, o->reason);
	wire_put_text(b, o->from);
	wire_put_text(b, o->signer);
	wire_put_u32(b, (uint32_t)o->nlayers);
	for (size_t i = 0; i < o->nlayers; i++)
		wire_put_text(b, o->layers[i]);
	wire_put_text(b, o->cipher);
	wire_put_text(b, o->digest);
	wire_put_u8(b, o->encrypted);
	wire_put_u8(b, o->signed_valid);
	wire_put_i64(b, o->signing_time);
	wire_put_bytes(b, o->signed_digest, sizeof o->signed_digest);
	wire_put_text(b, o->limit_hit);
	wire_put_bytes(b, der, n > 0 ? (size_t)n : 0);
	OPENSSL_free(der);
	put_entity(b, &o->inner, raw);
}

static void
put_content(struct buf *b, const struct serving *s, const struct opened *o)
{
	AUTO(content) c = NULL;
	struct err err = ERR_NONE;

	if (o->outcome == OPEN_HOLD || o->outcome == OPEN_REJECT || o->inner.raw.p == NULL) {
		wire_put_u8(b, CONTENT_NONE);
		return;
	}
	if (content_from_mime(o->inner.raw, &s->limits, &c, &err) != ST_OK) {
		wire_put_u8(b, strncmp(err.code, "limit", 5) == 0 ? CONTENT_LIMIT : CONTENT_REFUSED);
		return;
	}
	wire_put_u8(b, CONTENT_OK);
	wire_put_text(b, c->subject);
	wire_put_text(b, c->text);
	wire_put_text(b, c->language);
	wire_put_u32(b, (uint32_t)c->natt);
	for (size_t i = 0; i < c->natt; i++) {
		wire_put_text(b, c->att[i].name);
		wire_put_text(b, c->att[i].type);
		wire_put_u8(b, c->att[i].inline_image);
		wire_put_bytes(b, c->att[i].data.p, c->att[i].data.n);
	}
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static void
configure(struct serving *s, struct slice body)
{
	struct wire_in in = wire_in(body);
	struct limits_conf *l = &s->limits;
	int64_t *const field[] = { &l->mime_depth, &l->mime_parts, &l->headers, &l->header_bytes, &l->message_bytes,
		&l->recipients, &l->cms_layers, &l->attachment_text, &l->json_depth };
	bool keys, trust;
	struct slice list, anchors;

	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		*field[i] = wire_i64(&in);
	s->cpu_s = wire_i64(&in);
	keys = wire_bool(&in);
	list = wire_bytes(&in);
	trust = wire_bool(&in);
	anchors = wire_bytes(&in);
	keys_free(s->keys);
	trust_free(s->trust);
	s->keys = NULL;
	s->trust = NULL;
	if (!wire_good(&in) || (keys && keys_elsewhere(list, ask_keys, s, &s->keys, NULL) != ST_OK) ||
	    (trust && trust_import(anchors, &s->trust, NULL) != ST_OK))
		s->lost = true;
}

/* CPU is counted per process and limited per mail. */
static void
limit_cpu(int64_t seconds)
{
	struct rlimit r;
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	getrlimit(RLIMIT_CPU, &r);
	r.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + seconds);
	setrlimit(RLIMIT_CPU, &r);
}

/* What a test asks for, in a header field, of a worker that was started to be hurt. */
static void
fault(struct serving *s, struct slice mail)
{
	static const char field[] = "X-Portico-Fault: ";
	const char *at = s->faults ? memmem(mail.p, mail.n, field, sizeof field - 1) : NULL;
	const char *how = at != NULL ? at + sizeof field - 1 : "";

	if (strncmp(how, "segv", 4) == 0)
		raise(SIGSEGV);
	else if (strncmp(how, "hang", 4) == 0)
		pause();
	else if (strncmp(how, "spin", 4) == 0)
		for (volatile int i = 0;; i = i + 1) {
		}
	else if (strncmp(how, "file", 4) == 0 && open("/etc/passwd", O_RDONLY) < 0)
		_exit(0); /* as it must be */
	else if (strncmp(how, "net", 3) == 0 && socket(AF_INET, SOCK_STREAM, 0) < 0)
		_exit(0);
	else if (strncmp(how, "exit", 4) == 0)
		_exit(0);
	else if (strncmp(how, "garbage", 7) == 0)
		(void)wire_send(s->fd, WORKER_OPENED, SLICE("\0garbage"), SLICE(""), NO_DEADLINE);
	else if (strncmp(how, "flood", 5) == 0)
		(void)wire_send(s->fd, WORKER_OPENED, SLICE(""), (struct slice){ xcalloc(1, 96 << 20), 96 << 20 }, -1);
	else if (strncmp(how, "sign", 4) == 0) /* a worker that was taken over asks for what it may not have */
		(void)wire_send(s->fd, WORKER_KEYS, SLICE("\x05"), SLICE(""), NO_DEADLINE);
}

static void
open_one(struct serving *s, struct slice body)
{
	struct wire_in in = wire_in(body);
	struct open_env env = { .limits = &s->limits, .keys = s->keys, .trust = s->trust, .arg = s };
	AUTO(arena) a = arena_new();
	AUTO_BUF answer = BUF_INIT;
	struct err err = ERR_NONE;
	struct opened o;
	struct slice raw;
	enum status st;

	env.now = wire_i64(&in);
	env.registered = wire_bool(&in) ? ask_registered : NULL;
	raw = (struct slice){ (const char *)in.p, in.n };
	if (in.bad) {
		s->lost = true;
		return;
	}
	limit_cpu(s->cpu_s);
	fault(s, raw);
	st = open_mail(&env, raw, a, &o, &err);
	wire_put_u8(&answer, (uint8_t)st);
	if (st != ST_OK) {
		wire_put_text(&answer, err.code);
	} else {
		put_opened(&answer, &o, raw);
		put_content(&answer, s, &o);
		opened_clear(&o);
	}
	if (!s->lost && wire_send(s->fd, WORKER_OPENED, buf_slice(&answer), SLICE(""), NO_DEADLINE) != WIRE_OK)
		s->lost = true;
}

int
worker_serve(int fd)
{
	struct serving s = { .fd = fd, .faults = getenv("PORTICO_WORKER_FAULTS") != NULL };

	if (wire_send(fd, WORKER_HELLO, SLICE(""), SLICE(""), NO_DEADLINE) != WIRE_OK)
		return 1;
	while (!s.lost) {
		AUTO_BUF body = BUF_INIT;
		uint8_t type = 0;

		if (wire_recv(fd, FRAME_MAX, NO_DEADLINE, &type, &body) != WIRE_OK)
			break;
		if (type == WORKER_CONFIG)
			configure(&s, buf_slice(&body));
		else if (type == WORKER_OPEN)
			open_one(&s, buf_slice(&body));
		else
			s.lost = true;
	}
	keys_free(s.keys);
	trust_free(s.trust);
	return s.lost ? 1 : 0;
}
