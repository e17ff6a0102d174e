#include "mailbox/imap_session.h"

#include "base/clock.h"
#include "mailbox/imap_command.h"
#include "mailbox/imap_name.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
imap_has(const struct imap_session *s, const char *capability)
{
	AUTO_STR want = xasprintf(" %s ", capability);

	return s->caps != NULL && strcasestr(s->caps, want) != NULL;
}

/* The number of "NAME=123", or 0. */
static uint32_t
capability_number(const struct imap_session *s, const char *name)
{
	AUTO_STR want = xasprintf(" %s=", name);
	const char *at = s->caps != NULL ? strcasestr(s->caps, want) : NULL;
	struct slice v = slice_of(at != NULL ? at + strlen(want) : "");
	uint32_t n = 0;

	return imap_number(&v, &n) && v.n > 0 && v.p[0] == ' ' ? n : 0;
}

/* What no session can do without: a "no" to it is the server's trouble, not a message's. */
static enum status
must(struct imap_session *s, enum status st, struct err *err)
{
	if (st == ST_MSG_RETRY || st == ST_MSG_REFUSED) {
		st = ST_REMOTE_DOWN;
		if (err != NULL)
			err->st = st;
	}
	return imap_note(s, st);
}

static enum status
capability_answer(struct imap_session *s, struct slice a, void *arg, struct err *err)
{
	(void)arg, (void)err;
	if (!imap_answer_is(a, "CAPABILITY", NULL))
		return ST_OK;
	a = slice_trim(a);
	free(s->caps);
	s->caps = xasprintf("%.*s ", (int)a.n - 1, a.p + 1);
	return ST_OK;
}

/* Never believed from before TLS or before the login. */
static enum status
ask_capabilities(struct imap_session *s, struct err *err)
{
	free(s->caps);
	s->caps = NULL;
	TRY(imap_begin(s, IMAP_ANY, "CAPABILITY", err));
	TRY(must(s, imap_end(s, capability_answer, NULL, err), err));
	if (s->caps == NULL || !(imap_has(s, "IMAP4rev1") || imap_has(s, "IMAP4rev2")))
		return imap_note(
		    s, err_set(err, ST_REMOTE_DOWN, "imap.greeting", "the server does not speak IMAP4rev1"));
	return ST_OK;
}

static enum status
greet(struct imap_session *s, struct err *err)
{
	struct imap_verdict v;
	struct slice a;

	imap_stream_begin(s->stream, monotonic_ms() + s->timeout_ms);
	TRY(imap_stream_read(s->stream, &a, err));
	if (a.n < 2 || memcmp(a.p, "* ", 2) != 0)
		return err_set(err, ST_REMOTE_DOWN, "imap.greeting", "the server does not greet as IMAP");
	v = imap_verdict_read((struct slice){ a.p + 2, a.n - 2 });
	if (v.word == IMAP_V_BYE) {
		(void)imap_verdict_status(&v, IMAP_ANY, err);
		if (err != NULL && strcmp(err->code, "imap.throttled") == 0)
			return ST_REMOTE_DOWN;
		return err_set(err, ST_REMOTE_DOWN, "imap.bye", "the server takes no connection now");
	}
	/* Somebody in the line can say PREAUTH to keep us from asking for TLS; and a login of another than the
	 * clinician is not the one we want. */
	if (v.word == IMAP_V_PREAUTH)
		return err_set(err, ST_REMOTE_DOWN, "imap.preauth", "the server logs us in before we said who we are");
	if (v.word != IMAP_V_OK)
		return err_set(err, ST_REMOTE_DOWN, "imap.greeting", "the server does not greet as IMAP");
	return ST_OK;
}

static enum status
start_tls(struct imap_session *s, struct err *err)
{
	TRY(ask_capabilities(s, err));
	if (!imap_has(s, "STARTTLS"))
		return err_set(
		    err, ST_REMOTE_DOWN, "imap.no-starttls", "the server does not offer STARTTLS (any more)");
	TRY(imap_begin(s, IMAP_ANY, "STARTTLS", err));
	TRY(must(s, imap_end(s, NULL, NULL, err), err));
	return imap_stream_start_tls(s->stream, err);
}

enum status
imap_open_io(const struct imap_io *io, bool starttls, int64_t timeout_ms, struct imap_session **ret, struct err *err)
{
	AUTO(imap_session) s = xcalloc(1, sizeof *s);

	s->stream = imap_stream_new(io);
	s->parser = imap_parser_new();
	s->timeout_ms = timeout_ms;
	s->delimiter = '/';
	s->prefix = xstrdup("");
	TRY(greet(s, err));
	if (starttls)
		TRY(start_tls(s, err));
	TRY(ask_capabilities(s, err));
	*ret = TAKE(s);
	return ST_OK;
}

static enum status
tls_io_read(void *ctx, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *err)
{
	return tls_read(ctx, p, n, deadline_ms, ret, err);
}

static enum status
tls_io_write(void *ctx, const void *p, size_t n, int64_t deadline_ms, struct err *err)
{
	return tls_write(ctx, p, n, deadline_ms, err);
}

static enum status
tls_io_start(void *ctx, int64_t deadline_ms, struct err *err)
{
	return tls_start(ctx, deadline_ms, err);
}

static bool
tls_io_is_secure(void *ctx)
{
	return tls_is_secure(ctx);
}

static void
tls_io_free(void *ctx)
{
	tls_conn_free(ctx);
}

enum status
imap_open(const struct tls_target *to, int64_t timeout_ms, struct imap_session **ret, struct err *err)
{
	struct imap_io io = { NULL, tls_io_read, tls_io_write, tls_io_start, tls_io_is_secure, tls_io_free };
	struct tls_conn *c;

	TRY(tls_connect(to, monotonic_ms() + timeout_ms, &c, err));
	io.ctx = c;
	return imap_open_io(&io, to->starttls, timeout_ms, ret, err);
}

void
imap_session_free(struct imap_session *s)
{
	if (s == NULL)
		return;
	imap_stream_free(s->stream);
	imap_parser_free(s->parser);
	buf_wipe(&s->out);
	free(s->caps);
	free(s->prefix);
	free(s);
}

/* RFC 4616: authzid NUL authcid NUL password, in base64. */
static enum status
plain_token(const char *as, const char *by, struct slice password, struct buf *ret, struct err *err)
{
	AUTO_BUF raw = BUF_INIT;

	if (memchr(password.p, '\0', password.n) != NULL || password.n == 0 || *as == '\0')
		return err_set(err, ST_LOCAL, "imap.string", "an empty user or password, or one with a NUL in it");
	if (by != NULL)
		buf_puts(&raw, as);
	buf_putc(&raw, '\0');
	buf_puts(&raw, by != NULL ? by : as);
	buf_putc(&raw, '\0');
	buf_append(&raw, password.p, password.n);
	buf_reserve(ret, (raw.n + 2) / 3 * 4 + 1);
	ret->n = (size_t)EVP_EncodeBlock((unsigned char *)ret->p, (const unsigned char *)raw.p, (int)raw.n);
	return ST_OK;
}

static enum status
authenticate_plain(struct imap_session *s, const char *as, const char *by, struct slice password, struct err *err)
{
	AUTO_BUF token = BUF_INIT;

	if (password.n > 4096)
		return err_set(err, ST_LOCAL, "imap.string", "a password longer than 4096 bytes");
	TRY(plain_token(as, by, password, &token, err));
	TRY(imap_begin(s, IMAP_LOGIN, "AUTHENTICATE PLAIN", err));
	if (imap_has(s, "SASL-IR"))
		imap_text(s, " ");
	else
		TRY(imap_await_plus(s, err));
	imap_text(s, buf_str(&token));
	return imap_end(s, NULL, NULL, err);
}

static enum status
login_plainly(struct imap_session *s, const char *as, struct slice password, struct err *err)
{
	TRY(imap_begin(s, IMAP_LOGIN, "LOGIN", err));
	TRY(imap_string(s, slice_of(as), err));
	TRY(imap_string(s, password, err));
	return imap_end(s, NULL, NULL, err);
}

/* One quoted string at the start of *s, without escapes. */
static bool
quoted(struct slice *s, struct slice *ret)
{
	const char *end;

	if (s->n < 2 || s->p[0] != '"' || (end = memchr(s->p + 1, '"', s->n - 1)) == NULL)
		return false;
	*ret = (struct slice){ s->p + 1, (size_t)(end - s->p) - 1 };
	*s = (struct slice){ end + 1, s->n - (size_t)(end + 1 - s->p) };
	return true;
}

/* "* NAMESPACE (("INBOX." ".")) ...": the first personal one (RFC 2342). libetpan reads past the end of some of these,
 * and this much is quickly read. */
static enum status
namespace_answer(struct imap_session *s, struct slice a, void *arg, struct err *err)
{
	static const char start[] = "* NAMESPACE ((";
	struct slice prefix, delimiter;

	(void)err;
	if (a.n < sizeof start || strncasecmp(a.p, start, sizeof start - 1) != 0)
		return ST_OK;
	a = (struct slice){ a.p + sizeof start - 1, a.n - (sizeof start - 1) };
	if (!quoted(&a, &prefix) || a.n == 0 || *a.p != ' ' || memchr(prefix.p, '\\', prefix.n) != NULL)
		return ST_OK;
	a.p++, a.n--;
	if (!quoted(&a, &delimiter) || delimiter.n != 1)
		return ST_OK;
	free(s->prefix);
	s->prefix = slice_dup(prefix);
	s->delimiter = delimiter.p[0];
	*(bool *)arg = true;
	return ST_OK;
}

static enum status
list_answer(struct imap_session *s, struct slice a, void *arg, struct err *err)
{
	(void)arg;
	if (!imap_answer_is(a, "LIST", NULL))
		return ST_OK;
	return imap_parse_list(s->parser, a, &s->delimiter, err);
}

/* How this server spells folders. */
static enum status
ask_spelling(struct imap_session *s, struct err *err)
{
	bool known = false;

	if (imap_has(s, "NAMESPACE")) {
		TRY(imap_begin(s, IMAP_ANY, "NAMESPACE", err));
		TRY(must(s, imap_end(s, namespace_answer, &known, err), err));
	}
	if (known)
		return ST_OK;
	TRY(imap_begin(s, IMAP_ANY, "LIST \"\" \"\"", err));
	return must(s, imap_end(s, list_answer, NULL, err), err);
}

enum status
imap_login(struct imap_session *s, const char *as, const char *by, struct slice password, struct err *err)
{
	if (!imap_stream_is_secure(s->stream))
		return err_set(err, ST_LOCAL, "imap.login", "no login without TLS");
	if (imap_has(s, "AUTH=PLAIN"))
		TRY(authenticate_plain(s, as, by, password, err));
	else if (by == NULL && !imap_has(s, "LOGINDISABLED"))
		TRY(login_plainly(s, as, password, err));
	else
		return imap_note(s, err_set(err, ST_REMOTE_DOWN, "imap.no-mechanism",
					"the server offers no way to log in that we have: AUTH=PLAIN%s",
					by == NULL ? " or LOGIN" : ""));
	TRY(ask_capabilities(s, err));
	return ask_spelling(s, err);
}

void
imap_logout(struct imap_session *s)
{
	if (s == NULL || s->dead)
		return;
	s->timeout_ms = 1000;
	if (imap_begin(s, IMAP_ANY, "LOGOUT", NULL) == ST_OK)
		(void)!imap_end(s, NULL, NULL, NULL);
	s->dead = true;
}

/* "Portal/Failed" as this server and its namespace write it; own. */
static enum status
folder_wire(const struct imap_session *s, const char *folder, char **ret, struct err *err)
{
	AUTO_STR wire = NULL;

	if (strcasecmp(folder, "INBOX") == 0) {
		*ret = xstrdup("INBOX");
		return ST_OK;
	}
	if (*folder == '\0' || !imap_name_encode(folder, &wire))
		return err_set(
		    err, ST_LOCAL, "imap.string", "a folder name that is empty, not UTF-8 or has control characters");
	for (char *p = wire; *p != '\0' && s->delimiter != '/'; p++) {
		if (*p == s->delimiter || (*p == '/' && s->delimiter == '\0'))
			return err_set(err, ST_LOCAL, "imap.string", "a folder name that this server cannot have");
		if (*p == '/')
			*p = s->delimiter;
	}
	if (strncmp(wire, s->prefix, strlen(s->prefix)) == 0)
		*ret = TAKE(wire);
	else
		*ret = xasprintf("%s%s", s->prefix, wire);
	return ST_OK;
}

static enum status
begin_with_folder(struct imap_session *s, enum imap_kind kind, const char *verb, const char *folder, struct err *err)
{
	AUTO_STR wire = NULL;

	TRY(folder_wire(s, folder, &wire, err));
	TRY(imap_begin(s, kind, verb, err));
	return imap_string(s, slice_of(wire), err);
}

static enum status
status_answer(struct imap_session *s, struct slice a, void *arg, struct err *err)
{
	if (!imap_answer_is(a, "STATUS", NULL))
		return ST_OK;
	return imap_parse_status(s->parser, a, arg, err);
}

enum status
imap_status(struct imap_session *s, const char *folder, struct imap_folder *ret, struct err *err)
{
	struct imap_counts n = { 0 };

	TRY(begin_with_folder(s, IMAP_ANY, "STATUS", folder, err));
	imap_text(s, " (MESSAGES UIDNEXT UIDVALIDITY)");
	TRY(imap_end(s, status_answer, &n, err));
	if (n.uidvalidity == 0 || n.uidnext == 0)
		return imap_note(s, err_set(err, ST_REMOTE_DOWN, "imap.answer", "no UIDNEXT or UIDVALIDITY in STATUS"));
	*ret = (struct imap_folder){ n.uidvalidity, n.uidnext, n.messages };
	return ST_OK;
}

enum status
imap_create(struct imap_session *s, const char *folder, struct err *err)
{
	TRY(begin_with_folder(s, IMAP_CREATE, "CREATE", folder, err));
	return imap_end(s, NULL, NULL, err);
}

enum status
imap_subscribe(struct imap_session *s, const char *folder, struct err *err)
{
	TRY(begin_with_folder(s, IMAP_ANY, "SUBSCRIBE", folder, err));
	return imap_end(s, NULL, NULL, err);
}

enum status
imap_append(struct imap_session *s, const char *folder, struct slice mail, uint32_t *ret_uidvalidity, uint32_t *ret_uid,
    struct err *err)
{
	uint32_t limit = capability_number(s, "APPENDLIMIT");

	if (mail.n == 0 || memchr(mail.p, '\0', mail.n) != NULL)
		return err_set(err, ST_MSG_REFUSED, "imap.content", "an empty mail, or one with a NUL in it");
	if ((limit > 0 && mail.n > limit) || mail.n > UINT32_MAX)
		return err_set(err, ST_MSG_REFUSED, "imap.too-big", "%zu bytes; the server takes %u", mail.n, limit);
	TRY(begin_with_folder(s, IMAP_APPEND, "APPEND", folder, err));
	TRY(imap_literal(s, mail, err));
	TRY(imap_end(s, NULL, NULL, err));
	*ret_uidvalidity = s->append_uidvalidity;
	*ret_uid = s->append_uid;
	return ST_OK;
}

enum status
imap_examine(struct imap_session *s, const char *folder, struct imap_folder *ret, struct err *err)
{
	TRY(begin_with_folder(s, IMAP_ANY, "EXAMINE", folder, err));
	TRY(imap_end(s, NULL, NULL, err));
	*ret = s->seen;
	return ST_OK;
}

enum status
imap_close_folder(struct imap_session *s, struct err *err)
{
	TRY(imap_begin(s, IMAP_ANY, "CLOSE", err));
	return imap_end(s, NULL, NULL, err);
}

struct fetch {
	struct imap_range range;
	void (*each)(void *arg, uint32_t uid, struct slice raw);
	void *arg;
	uint32_t n;
};

static enum status
fetch_answer(struct imap_session *s, struct slice a, void *arg, struct err *err)
{
	struct fetch *f = arg;
	struct imap_fetched got = { 0 };
	struct slice line = a;
	uint32_t place;

	if (!imap_answer_is(a, "FETCH", &place))
		return ST_OK;
	/* A line about flags, not for us. */
	line.n = (size_t)((const char *)memchr(a.p, '\n', a.n) - a.p);
	if (!imap_contains(line, "BODY[HEADER.FIELDS"))
		return ST_OK;
	TRY(imap_parse_fetch(s->parser, a, &got, err));
	if (got.uid == 0 || place == 0)
		return err_set(err, ST_REMOTE_DOWN, "imap.answer", "a FETCH without its UID");
	/* "n:m" of a folder that ends before n may bring the last mail (RFC 9051, 6.4.9): not asked for. */
	if ((f->range.by_place ? place : got.uid) < f->range.first ||
	    (f->range.by_place ? place : got.uid) > f->range.last)
		return ST_OK;
	f->n++;
	f->each(f->arg, got.uid, got.header);
	return ST_OK;
}

enum status
imap_fetch_field(struct imap_session *s, struct imap_range range, const char *field,
    void (*each)(void *arg, uint32_t uid, struct slice raw), void *arg, uint32_t *ret_n, struct err *err)
{
	struct fetch f = { range, each, arg, 0 };
	AUTO_STR what = xasprintf(" %u:%u (UID BODY.PEEK[HEADER.FIELDS (%s)])", range.first, range.last, field);

	assert(range.first > 0 && range.first <= range.last &&
	       strspn(field, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == strlen(field));
	TRY(imap_begin(s, IMAP_ANY, range.by_place ? "FETCH" : "UID FETCH", err));
	imap_text(s, what);
	TRY(imap_end(s, fetch_answer, &f, err));
	*ret_n = f.n;
	return ST_OK;
}

enum status
imap_noop(struct imap_session *s, struct err *err)
{
	TRY(imap_begin(s, IMAP_ANY, "NOOP", err));
	return imap_end(s, NULL, NULL, err);
}
