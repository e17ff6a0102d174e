/* keys_remote -- keys that another process has: what keys.c asks instead of computing. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/own.h"
#include "crypto/keys_in.h"
#include "crypto/keys_serve.h"
#include "crypto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_MS 5000
#define TRIES 4 /* a key process that is being started again is back in a moment */
#define PAUSE_US 100000
#define MAX_KEYS 256
#define MAX_CHAIN 16

/* ---- the way to portico-keys ------------------------------------------------------------------------------------- */

static enum status
away(struct err *err, const char *socket, const char *why)
{
	return err_set(err, ST_LOCAL, "keys.away", "%s: portico-keys does not answer: %s", socket, why);
}

/* A connection for each question: a key process that was started again is found without looking for it. */
static enum wire_io
ask_once(const char *path, uint8_t op, struct slice request, uint8_t *status, struct buf *ret)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t deadline = monotonic_ms() + ASK_MS;
	enum wire_io io;

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0)
		return WIRE_END;
	io = wire_send(fd, op, request, SLICE(""), deadline);
	return io == WIRE_OK ? wire_recv(fd, KEYS_ANSWER_MAX, deadline, status, ret) : io;
}

static enum status
ask_socket(void *arg, uint8_t op, struct slice request, struct buf *ret, struct err *err)
{
	const struct keys *k = arg;
	enum wire_io io = WIRE_END;
	uint8_t status = 0;

	for (int i = 0; i < TRIES && io == WIRE_END; i++) {
		if (i > 0)
			usleep(PAUSE_US);
		io = ask_once(k->socket, op, request, &status, ret);
	}
	if (io != WIRE_OK)
		return away(err, k->socket, io == WIRE_LATE ? "no answer in time" : "no connection");
	return status <= ST_LOCAL ? (enum status)status : away(err, k->socket, "an answer that is none");
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static const char *
known_code(const char *said)
{
	static const char *const codes[] = { "keys.unknown", "keys.size", "keys.sign", "keys.site", "keys.rate",
		"keys.request", "keys.away", NULL };

	for (size_t i = 0; codes[i] != NULL; i++)
		if (strcmp(codes[i], said) == 0)
			return codes[i];
	return "keys.failed";
}

/* One question. ST_OK and the answer's body, or what the other side says is wrong. */
static enum status
ask(struct keys *k, uint8_t op, const struct buf *request, struct buf *ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct err way = ERR_NONE;
	enum status st = k->ask(k->ask_arg, op, buf_slice(request), ret, &way);
	struct wire_in in = wire_in(buf_slice(ret));
	const char *code, *text;

	if (st == ST_OK)
		return ST_OK;
	if (way.st != ST_OK) {
		if (err != NULL)
			*err = way;
		return st;
	}
	code = wire_word(&in, 64, a);
	text = wire_text(&in, a);
	return err_set_at(
	    err, __FILE__, __LINE__, st, known_code(code), "%s", text != NULL ? text : "the key process says no");
}

/* An answer that is one string of bytes. */
static enum status
one_field(const struct buf *answer, struct slice *ret, struct err *err)
{
	struct wire_in in = wire_in(buf_slice(answer));

	*ret = wire_bytes(&in);
	if (!wire_good(&in))
		return err_set(err, ST_LOCAL, "keys.away", "the key process gave an answer that is none");
	return ST_OK;
}

enum status
remote_sign(struct keys *k, const char *id, const uint8_t digest[32], struct buf *ret, struct err *err)
{
	AUTO_BUF request = BUF_INIT;
	AUTO_BUF answer = BUF_INIT;
	struct slice sig;

	wire_put_text(&request, id);
	wire_put_bytes(&request, digest, 32);
	TRY(ask(k, KEYS_SIGN, &request, &answer, err));
	TRY(one_field(&answer, &sig, err));
	buf_append(ret, sig.p, sig.n);
	return ST_OK;
}

static enum status
ask_exactly(struct keys *k, uint8_t op, const struct buf *request, uint8_t *ret, size_t n, struct err *err)
{
	AUTO_BUF answer = BUF_INIT;
	struct slice got;

	TRY(ask(k, op, request, &answer, err));
	TRY(one_field(&answer, &got, err));
	if (got.n != n)
		return err_set(err, ST_LOCAL, "keys.away", "the key process gave a key of another size");
	memcpy(ret, got.p, n);
	return ST_OK;
}

enum status
remote_unwrap(struct keys *k, const struct cert *c, const struct key_wrap *w, uint8_t *ret, size_t n, struct err *err)
{
	AUTO_BUF request = BUF_INIT;

	wire_put_text(&request, c->sha256);
	wire_put_u8(&request, (uint8_t)w->kind);
	wire_put_bytes(&request, w->wrapped.p, w->wrapped.n);
	wire_put_text(&request, w->md);
	wire_put_text(&request, w->mgf_md);
	wire_put_bytes(&request, w->label.p, w->label.n);
	wire_put_bytes(&request, w->point.p, w->point.n);
	wire_put_bytes(&request, w->shared_info.p, w->shared_info.n);
	wire_put_u32(&request, (uint32_t)w->wrap_bits);
	wire_put_u32(&request, (uint32_t)n);
	/* What would not even fit into a question is no wrapped key: as any other that does not open. */
	if (request.n > KEYS_REQUEST_MAX) {
		random_bytes(ret, n);
		return ST_OK;
	}
	return ask_exactly(k, KEYS_UNWRAP, &request, ret, n, err);
}

enum status
remote_site_key(struct keys *k, uint8_t ret[32], struct err *err)
{
	AUTO_BUF request = BUF_INIT;

	return ask_exactly(k, KEYS_SITE, &request, ret, 32, err);
}

enum status
remote_derive(struct keys *k, const char *purpose, uint8_t ret[32], struct err *err)
{
	AUTO_BUF request = BUF_INIT;

	wire_put_text(&request, purpose);
	return ask_exactly(k, KEYS_DERIVE, &request, ret, 32, err);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static enum status
read_one(struct wire_in *in, struct arena *a, struct keys *k, struct err *err)
{
	const char *id = wire_word(in, 255, a);
	struct key one = { .old = wire_bool(in) };
	uint32_t n = wire_u32(in);

	in->bad |= n == 0 || n > MAX_CHAIN;
	for (uint32_t i = 0; i < n && !in->bad; i++) {
		struct cert *c = NULL;
		enum status st = cert_from_der(wire_bytes(in), &c, err);

		if (st != ST_OK) {
			certs_free(one.chain, one.nchain);
			return st;
		}
		one.chain = xreallocarray(one.chain, one.nchain + 1, sizeof(struct cert *));
		one.chain[one.nchain++] = c;
	}
	if (in->bad) {
		certs_free(one.chain, one.nchain);
		return err_set(err, ST_LOCAL, "keys.away", "the key process gave a list that is none");
	}
	one.id = xstrdup(id);
	keys_add(k, &one);
	return ST_OK;
}

enum status
keys_elsewhere(struct slice list, keys_ask_fn *ask_fn, void *arg, struct keys **ret, struct err *err)
{
	AUTO(keys) k = xcalloc(1, sizeof *k);
	AUTO(arena) a = arena_new();
	struct wire_in in = wire_in(list);
	uint32_t n = wire_u32(&in);

	k->ask = ask_fn;
	k->ask_arg = arg;
	in.bad |= n > MAX_KEYS;
	for (uint32_t i = 0; i < n && !in.bad; i++)
		TRY(read_one(&in, a, k, err));
	if (!wire_good(&in))
		return err_set(err, ST_LOCAL, "keys.away", "the key process gave a list that is none");
	*ret = TAKE(k);
	return ST_OK;
}

enum status
keys_connect(const char *socket, struct keys **ret, struct err *err)
{
	struct keys first = { .ask = ask_socket, .socket = (char *)(uintptr_t)socket };
	AUTO_BUF request = BUF_INIT;
	AUTO_BUF answer = BUF_INIT;
	struct keys *k = NULL;

	first.ask_arg = &first;
	TRY(ask(&first, KEYS_LIST, &request, &answer, err));
	TRY(keys_elsewhere(buf_slice(&answer), ask_socket, NULL, &k, err));
	k->socket = xstrdup(socket);
	k->ask_arg = k;
	*ret = k;
	return ST_OK;
}
