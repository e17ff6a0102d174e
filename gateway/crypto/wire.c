#include "crypto/wire.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>

#define NONE UINT32_MAX
#define HEADER 5
#define STEP (256 * 1024) /* memory follows what arrives, not what was announced */

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static enum wire_io
wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline == NO_DEADLINE ? -1 : deadline - monotonic_ms();
	int n;

	if (deadline != NO_DEADLINE && left <= 0)
		return WIRE_LATE;
	n = poll(&p, 1, (int)MIN(left, INT32_MAX));
	if (n < 0)
		return errno == EINTR ? WIRE_OK : WIRE_END;
	return n == 0 ? WIRE_LATE : WIRE_OK;
}

static enum wire_io
send_all(int fd, const char *p, size_t n, int64_t deadline)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		enum wire_io io;

		if (done > 0) {
			p += done;
			n -= (size_t)done;
			continue;
		}
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			return WIRE_END;
		io = wait_for(fd, POLLOUT, deadline);
		if (io != WIRE_OK)
			return io;
	}
	return WIRE_OK;
}

enum wire_io
wire_send(int fd, uint8_t type, struct slice head, struct slice tail, int64_t deadline)
{
	AUTO_BUF first = BUF_INIT;
	enum wire_io io;

	if (head.n + tail.n >= NONE)
		return WIRE_LONG;
	wire_put_u32(&first, (uint32_t)(1 + head.n + tail.n));
	wire_put_u8(&first, type);
	buf_append(&first, head.p, head.n);
	io = send_all(fd, first.p, first.n, deadline);
	return io == WIRE_OK ? send_all(fd, tail.p, tail.n, deadline) : io;
}

static enum wire_io
recv_all(int fd, char *p, size_t n, int64_t deadline)
{
	while (n > 0) {
		ssize_t done = recv(fd, p, n, MSG_DONTWAIT);
		enum wire_io io;

		if (done > 0) {
			p += done;
			n -= (size_t)done;
			continue;
		}
		if (done == 0 || (errno != EAGAIN && errno != EINTR))
			return WIRE_END;
		io = wait_for(fd, POLLIN, deadline);
		if (io != WIRE_OK)
			return io;
	}
	return WIRE_OK;
}

enum wire_io
wire_recv(int fd, size_t max, int64_t deadline, uint8_t *type, struct buf *ret)
{
	uint8_t header[HEADER];
	enum wire_io io = recv_all(fd, (char *)header, sizeof header, deadline);
	struct wire_in in = { header, sizeof header, false };
	size_t left = wire_u32(&in);

	buf_clear(ret);
	if (io != WIRE_OK)
		return io;
	if (left == 0 || left - 1 > max)
		return WIRE_LONG;
	*type = wire_u8(&in);
	for (left--; left > 0;) {
		size_t n = MIN(left, STEP);

		buf_reserve(ret, n);
		io = recv_all(fd, ret->p + ret->n, n, deadline);
		if (io != WIRE_OK)
			return io;
		ret->n += n;
		ret->p[ret->n] = '\0';
		left -= n;
	}
	return WIRE_OK;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void
put_number(struct buf *b, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

void
wire_put_u8(struct buf *b, uint8_t v)
{
	put_number(b, v, 1);
}

void
wire_put_u32(struct buf *b, uint32_t v)
{
	put_number(b, v, 4);
}

void
wire_put_i64(struct buf *b, int64_t v)
{
	put_number(b, (uint64_t)v, 8);
}

void
wire_put_bytes(struct buf *b, const void *p, size_t n)
{
	wire_put_u32(b, (uint32_t)n);
	if (n > 0)
		buf_append(b, p, n);
}

void
wire_put_text(struct buf *b, const char *s)
{
	if (s == NULL)
		wire_put_u32(b, NONE);
	else
		wire_put_bytes(b, s, strlen(s));
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct wire_in
wire_in(struct slice body)
{
	return (struct wire_in){ (const uint8_t *)body.p, body.n, false };
}

static const uint8_t *
take(struct wire_in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (in->bad || in->n < n) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	in->n -= n;
	return p;
}

static uint64_t
number(struct wire_in *in, size_t bytes)
{
	const uint8_t *p = take(in, bytes);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint8_t
wire_u8(struct wire_in *in)
{
	return (uint8_t)number(in, 1);
}

bool
wire_bool(struct wire_in *in)
{
	uint8_t v = wire_u8(in);

	in->bad |= v > 1;
	return v == 1 && !in->bad;
}

uint32_t
wire_u32(struct wire_in *in)
{
	return (uint32_t)number(in, 4);
}

int64_t
wire_i64(struct wire_in *in)
{
	return (int64_t)number(in, 8);
}

struct slice
wire_bytes(struct wire_in *in)
{
	size_t n = wire_u32(in);
	const uint8_t *p = take(in, n);

	return p != NULL ? (struct slice){ (const char *)p, n } : (struct slice){ "", 0 };
}

void
wire_copy(struct wire_in *in, void *ret, size_t n)
{
	struct slice s = wire_bytes(in);

	if (s.n != n)
		in->bad = true;
	if (in->bad)
		memset(ret, 0, n);
	else
		memcpy(ret, s.p, n);
}

const char *
wire_text(struct wire_in *in, struct arena *a)
{
	size_t n = wire_u32(in);
	const uint8_t *p;

	if (in->bad || n == NONE)
		return NULL;
	p = take(in, n);
	if (p != NULL && n > 0 && memchr(p, '\0', n) != NULL)
		in->bad = true;
	return in->bad ? NULL : arena_strndup(a, (const char *)p, n);
}

const char *
wire_word(struct wire_in *in, size_t max, struct arena *a)
{
	struct slice s = wire_bytes(in);

	in->bad |= s.n == 0 || s.n > max;
	for (size_t i = 0; i < s.n && !in->bad; i++)
		in->bad = s.p[i] <= ' ' || s.p[i] >= 0x7f;
	return in->bad ? "" : arena_strndup(a, s.p, s.n);
}

bool
wire_good(const struct wire_in *in)
{
	return !in->bad && in->n == 0;
}
