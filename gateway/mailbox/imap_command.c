#include "mailbox/imap_command.h"

#include "base/clock.h"
#include "base/fault.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool
imap_number(struct slice *s, uint32_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < s->n && i < 11 && isdigit((unsigned char)s->p[i]); i++)
		v = v * 10 + (uint64_t)(s->p[i] - '0');
	if (i == 0 || v > UINT32_MAX)
		return false;
	*s = (struct slice){ s->p + i, s->n - i };
	*ret = (uint32_t)v;
	return true;
}

bool
imap_contains(struct slice hay, const char *needle)
{
	size_t n = strlen(needle);

	for (size_t i = 0; i + n <= hay.n; i++)
		if (strncasecmp(hay.p + i, needle, n) == 0)
			return true;
	return false;
}

/* Takes the next word off *s. */
static struct slice
word(struct slice *s)
{
	struct slice w = *s;
	const char *sp;

	if ((sp = memchr(s->p, ' ', s->n)) != NULL)
		w.n = (size_t)(sp - s->p);
	*s = (struct slice){ s->p + w.n, s->n - w.n };
	if (s->n > 0)
		s->p++, s->n--;
	return w;
}

bool
imap_answer_is(struct slice answer, const char *keyword, uint32_t *ret_number)
{
	struct slice line = answer, w, digits;
	const char *cr = memchr(line.p, '\r', line.n);
	uint32_t n = 0;

	if (cr != NULL)
		line.n = (size_t)(cr - line.p);
	if (!slice_eq(word(&line), "*"))
		return false;
	w = digits = word(&line);
	if (imap_number(&digits, &n)) {
		if (digits.n != 0)
			return false;
		w = word(&line);
	}
	if (!slice_caseeq(w, keyword))
		return false;
	if (ret_number != NULL)
		*ret_number = n;
	return true;
}

struct imap_verdict
imap_verdict_read(struct slice s)
{
	static const char *const words[] = { [IMAP_V_OK] = "OK",
		[IMAP_V_NO] = "NO",
		[IMAP_V_BAD] = "BAD",
		[IMAP_V_BYE] = "BYE",
		[IMAP_V_PREAUTH] = "PREAUTH" };
	struct imap_verdict v = { .word = IMAP_V_NONE };
	struct slice w;
	const char *end;

	s = slice_trim(s);
	w = word(&s);
	for (unsigned i = IMAP_V_OK; i < ARRAY_LEN(words); i++)
		if (slice_caseeq(w, words[i]))
			v.word = i;
	v.text = s;
	if (v.word != IMAP_V_NONE && s.n > 0 && s.p[0] == '[' && (end = memchr(s.p, ']', s.n)) != NULL) {
		v.args = (struct slice){ s.p + 1, (size_t)(end - s.p) - 1 };
		v.code = word(&v.args);
		v.text = (struct slice){ end + 1, s.n - (size_t)(end + 1 - s.p) };
	}
	return v;
}

/* Exchange Online: "Request is throttled. Suggested Backoff Time: 12345 milliseconds". */
static enum status
throttled(struct slice text, struct err *err)
{
	static const char hint[] = "Backoff Time: ";
	uint32_t ms = 0;

	for (size_t i = 0; i + sizeof hint <= text.n && ms == 0; i++) {
		struct slice rest = { text.p + i + sizeof hint - 1, text.n - i - (sizeof hint - 1) };

		if (strncasecmp(text.p + i, hint, sizeof hint - 1) == 0)
			(void)imap_number(&rest, &ms);
	}
	if (ms > 0)
		return err_set(err, ST_REMOTE_DOWN, "imap.throttled", "the server asks for a pause of %u ms", ms);
	return err_set(err, ST_REMOTE_DOWN, "imap.throttled", "the server asks for a pause");
}

/* RFC 5530, RFC 7889; what servers write instead of a code comes after. Meanings, because err_set() wants literals. */
enum meaning { M_QUOTA, M_TOO_BIG, M_NO_FOLDER, M_PERMISSION, M_LIMIT, M_DOWN, M_BUSY, M_LOGIN, M_OTHER };

static enum meaning
meaning_of(const struct imap_verdict *v, enum imap_kind kind)
{
	static const struct {
		const char *code;
		enum meaning means;
	} codes[] = {
		{ "OVERQUOTA", M_QUOTA },
		{ "TOOBIG", M_TOO_BIG },
		{ "TRYCREATE", M_NO_FOLDER },
		{ "NONEXISTENT", M_NO_FOLDER },
		{ "NOPERM", M_PERMISSION },
		{ "CONTACTADMIN", M_PERMISSION },
		{ "LIMIT", M_LIMIT },
		{ "THROTTLED", M_LIMIT },
		{ "UNAVAILABLE", M_DOWN },
		{ "INUSE", M_BUSY },
		{ "SERVERBUG", M_BUSY },
		{ "EXPUNGEISSUED", M_BUSY },
		{ "AUTHENTICATIONFAILED", M_LOGIN },
		{ "AUTHORIZATIONFAILED", M_LOGIN },
		{ "EXPIRED", M_LOGIN },
		{ "PRIVACYREQUIRED", M_LOGIN },
	};
	static const struct {
		const char *text;
		enum meaning means;
		bool append_only;
	} texts[] = {
		{ "request is throttled", M_LIMIT, false },
		{ "backoff time", M_LIMIT, false },
		{ "too many simultaneous connections", M_LIMIT, false },
		{ "maximum number of connections", M_LIMIT, false },
		{ "authenticated but not connected", M_LOGIN, false },
		{ "quota", M_QUOTA, true },
		{ "mailbox is full", M_QUOTA, true },
		{ "mailbox full", M_QUOTA, true },
		{ "message too large", M_TOO_BIG, true },
		{ "command argument error. 11", M_TOO_BIG, true },
		{ "command argument error 11", M_TOO_BIG, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (slice_caseeq(v->code, codes[i].code))
			return codes[i].means;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if ((!texts[i].append_only || kind == IMAP_APPEND) && imap_contains(v->text, texts[i].text))
			return texts[i].means;
	return M_OTHER;
}

enum status
imap_verdict_status(const struct imap_verdict *v, enum imap_kind kind, struct err *err)
{
	enum meaning m = meaning_of(v, kind);

	if (m == M_LIMIT)
		return throttled(v->text, err);
	if (m == M_DOWN)
		return err_set(err, ST_REMOTE_DOWN, "imap.unavailable", "the server says a part of it is down");
	if (m == M_LOGIN || kind == IMAP_LOGIN)
		return err_set(
		    err, ST_REMOTE_DOWN, "imap.login", "the server refuses the login: user, password or master rights");
	if (m == M_QUOTA)
		return err_set(err, ST_MSG_RETRY, "imap.quota", "the mailbox is full");
	if (m == M_TOO_BIG)
		return err_set(err, ST_MSG_REFUSED, "imap.too-big", "the server takes no mail of this size");
	if (m == M_NO_FOLDER)
		return err_set(err, ST_MSG_RETRY, "imap.no-folder", "the folder is not there");
	if (m == M_PERMISSION)
		return err_set(err, ST_MSG_RETRY, "imap.permission", "the login may not do this in the folder");
	if (m == M_BUSY)
		return err_set(err, ST_MSG_RETRY, "imap.busy", "the server could not do it just now");
	if (v->word == IMAP_V_BAD)
		return err_set(err, ST_MSG_RETRY, "imap.bad", "the server did not understand the command");
	return err_set(err, ST_MSG_RETRY, "imap.no", "the server said no, without a code we know");
}

enum status
imap_note(struct imap_session *s, enum status st)
{
	if (st == ST_REMOTE_DOWN)
		s->dead = true;
	return st;
}

enum status
imap_begin(struct imap_session *s, enum imap_kind kind, const char *verb, struct err *err)
{
	if (s->dead)
		return err_set(err, ST_REMOTE_DOWN, "imap.gone", "the connection has ended");
	imap_stream_begin(s->stream, monotonic_ms() + s->timeout_ms);
	buf_wipe(&s->out);
	s->kind = kind;
	s->seen = (struct imap_folder){ 0 };
	s->append_uidvalidity = s->append_uid = 0;
	buf_printf(&s->out, "P%u %s", ++s->tag, verb);
	return ST_OK;
}

void
imap_text(struct imap_session *s, const char *text)
{
	buf_puts(&s->out, text);
}

static enum status
flush(struct imap_session *s, struct err *err)
{
	enum status st = imap_stream_write(s->stream, buf_str(&s->out), s->out.n, err);

	buf_wipe(&s->out);
	return imap_note(s, st);
}

/* Codes that matter to whoever gave the command, wherever they come. */
static void
note_code(struct imap_session *s, const struct imap_verdict *v)
{
	struct slice a = v->args;
	uint32_t n, uid;

	if (slice_caseeq(v->code, "UIDVALIDITY") && imap_number(&a, &n))
		s->seen.uidvalidity = n;
	if (slice_caseeq(v->code, "UIDNEXT") && imap_number(&a, &n))
		s->seen.uidnext = n;
	if (slice_caseeq(v->code, "APPENDUID") && imap_number(&a, &n) && a.n > 1 && a.p[0] == ' ') {
		a.p++, a.n--;
		if (imap_number(&a, &uid) && a.n == 0 && n > 0 && uid > 0)
			s->append_uidvalidity = n, s->append_uid = uid;
	}
}

static enum status
broken(struct err *err)
{
	return err_set(err, ST_REMOTE_DOWN, "imap.answer", "the server's answer was refused: out of turn");
}

/*
 * Reads until the tagged answer, or (with plus) until "+". In between the server may say what it likes: Dovecot with
 * NOTIFY sends untagged lines before "+", which the usual client code waits on for ever.
 */
static enum status
answers(struct imap_session *s, bool plus, imap_sink *sink, void *arg, struct err *err)
{
	char tag[16];
	size_t ntag = (size_t)snprintf(tag, sizeof tag, "P%u ", s->tag);

	for (;;) {
		struct imap_verdict v;
		enum status st;
		struct slice a;

		st = imap_stream_read(s->stream, &a, err);
		if (st == ST_REMOTE_DOWN && s->bye)
			return err_set(err, st, "imap.bye", "the server ended the session");
		TRY(st);
		if (a.p[0] == '+') {
			if (!plus)
				return broken(err);
			return ST_OK;
		}
		if (a.n > ntag && memcmp(a.p, tag, ntag) == 0) {
			v = imap_verdict_read((struct slice){ a.p + ntag, a.n - ntag });
			note_code(s, &v);
			if (v.word == IMAP_V_NO || v.word == IMAP_V_BAD)
				return imap_verdict_status(&v, s->kind, err);
			return v.word == IMAP_V_OK && !plus ? ST_OK : broken(err);
		}
		if (a.n < 2 || memcmp(a.p, "* ", 2) != 0)
			return broken(err);
		v = imap_verdict_read((struct slice){ a.p + 2, a.n - 2 });
		note_code(s, &v);
		s->bye = s->bye || v.word == IMAP_V_BYE;
		(void)imap_answer_is(a, "EXISTS", &s->seen.messages);
		if (sink != NULL)
			TRY(sink(s, a, arg, err));
	}
}

enum status
imap_await_plus(struct imap_session *s, struct err *err)
{
	imap_text(s, "\r\n");
	TRY(flush(s, err));
	return imap_note(s, answers(s, true, NULL, NULL, err));
}

enum status
imap_literal(struct imap_session *s, struct slice data, struct err *err)
{
	size_t half = data.n / 2;

	if (imap_has(s, "LITERAL+") || (data.n <= 4096 && imap_has(s, "LITERAL-"))) {
		buf_printf(&s->out, " {%zu+}\r\n", data.n);
		TRY(flush(s, err));
	} else {
		buf_printf(&s->out, " {%zu}", data.n);
		TRY(imap_await_plus(s, err));
	}
	/* 64 bytes in a millisecond is a poor line; the time for a big mail is not taken from the server's. */
	imap_stream_extend(s->stream, (int64_t)(data.n / 64));
	if (s->kind == IMAP_APPEND)
		FAULT_POINT("imap.append.begun");
	TRY(imap_note(s, imap_stream_write(s->stream, data.p, half, err)));
	if (s->kind == IMAP_APPEND)
		FAULT_POINT("imap.append.half");
	return imap_note(s, imap_stream_write(s->stream, data.p + half, data.n - half, err));
}

static bool
is_atom(struct slice v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] > '~' || strchr("(){%*\"\\]", v.p[i]) != NULL)
			return false;
	return v.n > 0 && !slice_caseeq(v, "NIL");
}

static bool
is_quotable(struct slice v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < ' ' || v.p[i] > '~')
			return false;
	return v.n <= 1000;
}

enum status
imap_string(struct imap_session *s, struct slice v, struct err *err)
{
	if (memchr(v.p, '\0', v.n) != NULL)
		return err_set(err, ST_LOCAL, "imap.string", "a NUL in a string for IMAP");
	if (is_atom(v)) {
		imap_text(s, " ");
		buf_append(&s->out, v.p, v.n);
		return ST_OK;
	}
	if (!is_quotable(v))
		return imap_literal(s, v, err);
	imap_text(s, " \"");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\')
			buf_putc(&s->out, '\\');
		buf_putc(&s->out, v.p[i]);
	}
	imap_text(s, "\"");
	return ST_OK;
}

enum status
imap_end(struct imap_session *s, imap_sink *sink, void *arg, struct err *err)
{
	enum status st;

	imap_text(s, "\r\n");
	TRY(flush(s, err));
	if (s->kind == IMAP_APPEND)
		FAULT_POINT("imap.append.sent");
	st = imap_note(s, answers(s, false, sink, arg, err));
	s->dead = s->dead || s->bye;
	return st;
}
