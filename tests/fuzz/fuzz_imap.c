/*
 * The IMAP session fed with whatever a server may send. The first byte chooses how far a well-behaved server has come
 * before the input takes over, which command is given then, and how large the pieces are that arrive.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"
#include "mailbox/imap_name.h"
#include "mailbox/imap_session.h"
#include "mailbox/imap_stream.h"

#include <stdlib.h>
#include <string.h>

struct feed {
	struct slice first, then;
	size_t chunk;
	bool secure;
};

static enum status
feed_read(void *ctx, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *err)
{
	struct feed *f = ctx;
	struct slice *from = f->first.n > 0 ? &f->first : &f->then;

	(void)deadline_ms;
	if (from->n == 0)
		return err_set(err, ST_REMOTE_DOWN, "tls.closed", "end of input");
	if (f->chunk > 0 && n > f->chunk)
		n = f->chunk;
	if (n > from->n)
		n = from->n;
	memcpy(p, from->p, n);
	from->p += n, from->n -= n;
	*ret = n;
	return ST_OK;
}

static enum status
feed_write(void *ctx, const void *p, size_t n, int64_t deadline_ms, struct err *err)
{
	(void)ctx, (void)p, (void)n, (void)deadline_ms, (void)err;
	return ST_OK;
}

static enum status
feed_start_tls(void *ctx, int64_t deadline_ms, struct err *err)
{
	(void)deadline_ms, (void)err;
	((struct feed *)ctx)->secure = true;
	return ST_OK;
}

static bool
feed_is_secure(void *ctx)
{
	return ((struct feed *)ctx)->secure;
}

static void
feed_free(void *ctx)
{
	(void)ctx;
}

static void
see(void *arg, uint32_t uid, struct slice raw)
{
	size_t *sum = arg;

	if (uid == 0)
		abort();
	for (size_t i = 0; i < raw.n; i++)
		*sum += (unsigned char)raw.p[i];
}

static void
give(struct imap_session *s, unsigned which)
{
	uint32_t a = 0, b = 0, n = 0;
	struct imap_folder f;
	size_t sum = 0;
	struct err err;

	switch (which) {
	case 0:
		(void)!imap_status(s, "Portal", &f, &err);
		break;
	case 1:
		(void)!imap_append(s, "Portal/Failed", SLICE("X-Portal-Token: t\r\n\r\nx\r\n"), &a, &b, &err);
		break;
	case 2:
		(void)!imap_examine(s, "Portal", &f, &err);
		break;
	case 3:
		(void)!imap_fetch_field(
		    s, (struct imap_range){ false, 1, UINT32_MAX }, "X-PORTAL-TOKEN", see, &sum, &n, &err);
		break;
	case 4:
		(void)!imap_fetch_field(s, (struct imap_range){ true, 1, 500 }, "X-PORTAL-TOKEN", see, &sum, &n, &err);
		break;
	case 5:
		(void)!imap_create(s, "\303\204rzte", &err);
		break;
	case 6:
		(void)!imap_noop(s, &err);
		break;
	default:
		(void)!imap_close_folder(s, &err);
		break;
	}
}

static void
names(struct slice in)
{
	AUTO_STR text = slice_dup(in);
	AUTO_STR wire = NULL;
	AUTO_STR back = NULL;

	if (imap_name_encode(text, &wire) && (!imap_name_decode(wire, &back) || strcmp(back, text) != 0))
		abort();
	free(TAKE(wire));
	free(TAKE(back));
	if (imap_name_decode(text, &back) && (!imap_name_encode(back, &wire) || strcmp(wire, text) != 0))
		abort();
}

/* libetpan 1.9.4 loses a few bytes when an answer ends inside a section: once a connection, which then ends. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libetpan";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hello[] =
	    "* OK ready\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+ UIDPLUS\r\nP1 OK\r\n";
	static const char login[] =
	    "P2 OK\r\n* CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS\r\nP3 OK\r\n* LIST () \"/\" \"\"\r\nP4 OK\r\n";
	AUTO_STR first = NULL;
	AUTO(imap_session) s = NULL;
	struct feed f;
	struct imap_io io = { &f, feed_read, feed_write, feed_start_tls, feed_is_secure, feed_free };
	unsigned start, which;
	struct err err;

	if (size == 0 || size > 100000)
		return 0;
	start = data[0] & 3; /* 0: nothing said, 1: nothing and STARTTLS, 2: greeted, 3: logged in */
	which = data[0] >> 2 & 7;
	first = xasprintf("%s%s", start >= 2 ? hello : "", start == 3 ? login : "");
	f = (struct feed){ .first = slice_of(first),
		.then = { (const char *)data + 1, size - 1 },
		.chunk = data[0] >> 5 == 7 ? 1 : 0,
		.secure = start != 1 };
	if (data[0] >> 5 == 6)
		names(f.then);
	if (imap_open_io(&io, start == 1, 60000, &s, &err) != ST_OK)
		return 0;
	if (imap_login(s, "lee", "portico", SLICE("secret"), &err) == ST_OK)
		for (unsigned i = 0; i < 8; i++)
			give(s, (which + i) % 8);
	imap_logout(s);
	return 0;
}
