/* The session layer against scripted servers: every row is all a server ever says, whatever we ask. */
#include "mailbox/imap_session.h"
#include "mailbox/imap_stream.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct script {
	struct slice say;
	size_t pos, chunk; /* bytes a read */
	int64_t ms_per_read;
	bool secure;
	struct buf heard;
};

static enum status
script_read(void *ctx, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *err)
{
	struct script *s = ctx;
	size_t left = s->say.n - s->pos;

	if (monotonic_ms() > deadline_ms)
		return err_set(err, ST_REMOTE_DOWN, "tls.timeout", "script");
	if (left == 0)
		return err_set(err, ST_REMOTE_DOWN, "tls.closed", "script");
	if (s->chunk != 0 && n > s->chunk)
		n = s->chunk;
	if (n > left)
		n = left;
	memcpy(p, s->say.p + s->pos, n);
	s->pos += n;
	*ret = n;
	return ST_OK;
}

static enum status
script_write(void *ctx, const void *p, size_t n, int64_t deadline_ms, struct err *err)
{
	struct script *s = ctx;

	(void)deadline_ms, (void)err;
	buf_append(&s->heard, p, n);
	return ST_OK;
}

static enum status
script_start_tls(void *ctx, int64_t deadline_ms, struct err *err)
{
	struct script *s = ctx;

	(void)deadline_ms, (void)err;
	s->secure = true;
	buf_puts(&s->heard, "<TLS>");
	return ST_OK;
}

static bool
script_is_secure(void *ctx)
{
	return ((struct script *)ctx)->secure;
}

static void
script_free(void *ctx)
{
	(void)ctx;
}

static enum status
open_script(struct script *s, bool starttls, struct imap_session **ret, struct err *err)
{
	struct imap_io io = { s, script_read, script_write, script_start_tls, script_is_secure, script_free };

	return imap_open_io(&io, starttls, 2000, ret, err);
}

#define CAPS(more) "* CAPABILITY IMAP4rev1 " more "\r\n"
#define HELLO(more) "* OK ready\r\n" CAPS(more) "P1 OK\r\n"
/* Through the login: the next command is P5. */
#define START_WITH(more)                                                                                               \
	HELLO("AUTH=PLAIN SASL-IR " more)                                                                              \
	"P2 OK\r\n" CAPS(more) "P3 OK\r\n* LIST (\\Noselect) \"/\" \"\"\r\nP4 "                                        \
			       "OK\r\n"
#define START START_WITH("LITERAL+ UIDPLUS")

static void
opening_and_login_by_rows(void **state)
{
	static const struct {
		const char *name, *say, *code;
		bool starttls;
	} rows[] = {
		{ "all is well", START, "", false },
		{ "no greeting", "", "tls.closed", false },
		{ "a greeting of another protocol", "220 smtp.example ESMTP\r\n", "imap.greeting", false },
		{ "HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "imap.greeting", false },
		{ "BYE", "* BYE busy\r\n", "imap.bye", false },
		{ "BYE with too many connections",
		    "* BYE [THROTTLED] Maximum number of connections from user+IP exceeded\r\n", "imap.throttled",
		    false },
		{ "PREAUTH over TLS", "* PREAUTH welcome\r\n", "imap.preauth", false },
		{ "PREAUTH to prevent STARTTLS", "* PREAUTH welcome\r\n", "imap.preauth", true },
		{ "not IMAP4rev1", "* OK hi\r\n* CAPABILITY IMAP2\r\nP1 OK\r\n", "imap.greeting", false },
		{ "no CAPABILITY answer", "* OK hi\r\nP1 OK\r\n", "imap.greeting", false },
		{ "CAPABILITY refused", "* OK hi\r\nP1 BAD what\r\n", "imap.bad", false },
		{ "answer to another tag", "* OK hi\r\nP2 OK\r\n", "imap.answer", false },
		{ "a longer tag with ours in front", "* OK hi\r\nP11 OK\r\n", "imap.answer", false },
		{ "a plus out of turn", "* OK hi\r\n+ go on\r\n", "imap.answer", false },
		{ "STARTTLS",
		    HELLO("STARTTLS") "P2 OK\r\n" CAPS("AUTH=PLAIN SASL-IR") "P3 OK\r\nP4 OK\r\n" CAPS(
			"") "P5 OK\r\n* LIST () \"/\" \"\"\r\nP6 OK\r\n",
		    "", true },
		{ "STARTTLS stripped", HELLO("AUTH=PLAIN"), "imap.no-starttls", true },
		{ "STARTTLS refused", HELLO("STARTTLS") "P2 NO not now\r\n", "imap.no", true },
		{ "injected after STARTTLS",
		    HELLO("STARTTLS") "P2 OK\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nP3 OK\r\n", "imap.injected",
		    true },
		{ "capabilities from before TLS are not believed",
		    HELLO("STARTTLS AUTH=PLAIN") "P2 OK\r\n" CAPS("LOGINDISABLED") "P3 OK\r\n", "imap.no-mechanism",
		    true },
		{ "no new capabilities after TLS", HELLO("STARTTLS AUTH=PLAIN") "P2 OK\r\nP3 OK\r\n", "imap.greeting",
		    true },
		{ "wrong password", HELLO("AUTH=PLAIN SASL-IR") "P2 NO [AUTHENTICATIONFAILED] canary\r\n", "imap.login",
		    false },
		{ "wrong password without a code", HELLO("AUTH=PLAIN SASL-IR") "P2 NO canary\r\n", "imap.login",
		    false },
		{ "directory down", HELLO("AUTH=PLAIN SASL-IR") "P2 NO [UNAVAILABLE] canary\r\n", "imap.unavailable",
		    false },
		{ "Exchange without permission",
		    HELLO("AUTH=PLAIN SASL-IR") "P2 OK\r\n" CAPS(
			"") "P3 BAD User is authenticated but not connected.\r\n",
		    "imap.login", false },
		{ "throttled",
		    HELLO("AUTH=PLAIN SASL-IR") "P2 BAD Request is throttled. Suggested Backoff Time: 4567 "
						"milliseconds\r\n",
		    "imap.throttled", false },
		{ "no mechanism", HELLO("LOGINDISABLED"), "imap.no-mechanism", false },
		{ "BYE at the login", HELLO("AUTH=PLAIN SASL-IR") "* BYE canary\r\n", "imap.bye", false },
		{ "no LIST answer is a flat name space of /",
		    HELLO("AUTH=PLAIN SASL-IR") "P2 OK\r\n" CAPS("") "P3 OK\r\nP4 OK\r\n", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* Injected bytes are seen only when they came in the same read: rows are read whole. */
		struct script s = { .say = slice_of(rows[i].say),
			.secure = !rows[i].starttls,
			.chunk = rows[i].starttls && strcmp(rows[i].code, "imap.injected") != 0 ? 1 : 0 };
		AUTO(imap_session) session = NULL;
		struct err err = ERR_NONE;
		enum status st = open_script(&s, rows[i].starttls, &session, &err);

		if (st == ST_OK)
			st = imap_login(session, "lee", "portico", SLICE("secret"), &err);
		if (strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s, not %s (%s)", rows[i].name, err.code, rows[i].code, err.text);
		assert_int_equal(st, *rows[i].code == '\0' ? ST_OK : ST_REMOTE_DOWN);
		assert_null(strstr(err.text, "canary"));
		/* Nothing secret before TLS. */
		if (rows[i].starttls) {
			const char *tls = strstr(buf_str(&s.heard), "<TLS>"), *auth = strstr(buf_str(&s.heard), "AUTH");

			assert_true(auth == NULL || (tls != NULL && tls < auth));
		}
		buf_free(&s.heard);
	}
}

static void
login_sends_what_the_server_can(void **state)
{
	static const struct {
		const char *name, *say, *by, *password, *heard;
	} rows[] = {
		{ "initial response", HELLO("AUTH=PLAIN SASL-IR") "P2 OK\r\n", "portico", "secret",
		    "P2 AUTHENTICATE PLAIN bGVlAHBvcnRpY28Ac2VjcmV0\r\n" },
		{ "after plus", HELLO("AUTH=PLAIN") "+ \r\nP2 OK\r\n", "portico", "secret",
		    "P2 AUTHENTICATE PLAIN\r\nbGVlAHBvcnRpY28Ac2VjcmV0\r\n" },
		{ "as itself", HELLO("AUTH=PLAIN SASL-IR") "P2 OK\r\n", NULL, "secret",
		    "P2 AUTHENTICATE PLAIN AGxlZQBzZWNyZXQ=\r\n" },
		{ "LOGIN", HELLO("") "P2 OK\r\n", NULL, "secret", "P2 LOGIN lee secret\r\n" },
		{ "LOGIN quoted", HELLO("") "P2 OK\r\n", NULL, "a \"b\\", "P2 LOGIN lee \"a \\\"b\\\\\"\r\n" },
		{ "LOGIN that would be NIL", HELLO("") "P2 OK\r\n", NULL, "nil", "P2 LOGIN lee \"nil\"\r\n" },
		{ "LOGIN with a literal", HELLO("") "+ go\r\nP2 OK\r\n", NULL, "p\303\244ss",
		    "P2 LOGIN lee {5}\r\np\303\244ss\r\n" },
		{ "LOGIN with CR LF cannot be a second command", HELLO("LITERAL+") "P2 OK\r\n", NULL,
		    "a\r\nP3 DELETE INBOX", "P2 LOGIN lee {18+}\r\na\r\nP3 DELETE INBOX\r\n" },
		{ "LITERAL-", HELLO("LITERAL-") "P2 OK\r\n", NULL, "\377", "P2 LOGIN lee {1+}\r\n\377\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct script s = { .say = slice_of(rows[i].say), .secure = true };
		AUTO(imap_session) session = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(open_script(&s, false, &session, &err), ST_OK);
		(void)!imap_login(session, "lee", rows[i].by, slice_of(rows[i].password), &err);
		if (strstr(buf_str(&s.heard), rows[i].heard) == NULL)
			fail_msg("%s: heard %s", rows[i].name, buf_str(&s.heard));
		buf_free(&s.heard);
	}
}

static void
no_login_without_tls(void **state)
{
	struct script s = { .say = SLICE(HELLO("AUTH=PLAIN SASL-IR") "P2 OK\r\n") };
	AUTO(imap_session) session = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(open_script(&s, false, &session, &err), ST_OK);
	assert_int_equal(imap_login(session, "lee", NULL, SLICE("secret"), &err), ST_LOCAL);
	assert_null(strstr(buf_str(&s.heard), "lee"));
	buf_free(&s.heard);
}

/* Runs to the end of the login, then the rest of the script is for one command. */
static struct imap_session *
logged_in(struct script *s)
{
	struct imap_session *session = NULL;
	struct err err = ERR_NONE;

	s->secure = true;
	assert_int_equal(open_script(s, false, &session, &err), ST_OK);
	if (imap_login(session, "lee", "portico", SLICE("secret"), &err) != ST_OK)
		fail_msg("login: %s %s", err.code, err.text);
	return session;
}

static void
append_by_rows(void **state)
{
	static const struct {
		const char *name, *say;
		enum status st;
		const char *code;
		uint32_t uidvalidity, uid;
	} rows[] = {
		{ "UIDPLUS", START "P5 OK [APPENDUID 38505 3955] done\r\n", ST_OK, "", 38505, 3955 },
		{ "no UIDPLUS", START "P5 OK done\r\n", ST_OK, "", 0, 0 },
		{ "the biggest UID", START "P5 OK [APPENDUID 4294967295 4294967295] done\r\n", ST_OK, "", UINT32_MAX,
		    UINT32_MAX },
		{ "a UID that would wrap is no UID", START "P5 OK [APPENDUID 1 4294967297] done\r\n", ST_OK, "", 0, 0 },
		{ "a UID of many digits is no UID", START "P5 OK [APPENDUID 1 99999999999999999999999] done\r\n", ST_OK,
		    "", 0, 0 },
		{ "a set of UIDs is no UID", START "P5 OK [APPENDUID 1 5:7] done\r\n", ST_OK, "", 0, 0 },
		{ "UID 0 is no UID", START "P5 OK [APPENDUID 1 0] done\r\n", ST_OK, "", 0, 0 },
		{ "synchronising literal", START_WITH("UIDPLUS") "+ go\r\nP5 OK [APPENDUID 1 2] done\r\n", ST_OK, "", 1,
		    2 },
		{ "untagged lines before plus",
		    START_WITH("UIDPLUS") "* STATUS Portal (MESSAGES 3)\r\n* OK still here\r\n* 5 EXISTS\r\n+\r\nP5 OK "
					  "[APPENDUID 1 2] d\r\n",
		    ST_OK, "", 1, 2 },
		{ "unknown untagged lines",
		    START "* XFOO (1 2 {3}\r\nabc)\r\n* 5 FOO\r\n* ESEARCH (TAG \"x\") UID ALL 1:3\r\nP5 OK [APPENDUID "
			  "1 2] d\r\n",
		    ST_OK, "", 1, 2 },
		{ "NAMESPACE and PERMANENTFLAGS that crash others",
		    START "* NAMESPACE ((\"\" \"\")) NIL NIL\r\n* OK [PERMANENTFLAGS ()] x\r\n* OK "
			  "[PERMANENTFLAGS\r\nP5 OK d\r\n",
		    ST_OK, "", 0, 0 },
		{ "refused before the literal", START_WITH("") "P5 NO [OVERQUOTA] canary\r\n", ST_MSG_RETRY,
		    "imap.quota", 0, 0 },
		{ "quota", START "P5 NO [OVERQUOTA] canary\r\n", ST_MSG_RETRY, "imap.quota", 0, 0 },
		{ "quota in words", START "P5 NO Quota exceeded (mailbox for user is full)\r\n", ST_MSG_RETRY,
		    "imap.quota", 0, 0 },
		{ "no folder", START "P5 NO [TRYCREATE] canary\r\n", ST_MSG_RETRY, "imap.no-folder", 0, 0 },
		{ "too big", START "P5 NO [TOOBIG] canary\r\n", ST_MSG_REFUSED, "imap.too-big", 0, 0 },
		{ "too big for Exchange", START "P5 BAD Command Argument Error. 11\r\n", ST_MSG_REFUSED, "imap.too-big",
		    0, 0 },
		{ "not allowed", START "P5 NO [NOPERM] canary\r\n", ST_MSG_RETRY, "imap.permission", 0, 0 },
		{ "locked", START "P5 NO [INUSE] canary\r\n", ST_MSG_RETRY, "imap.busy", 0, 0 },
		{ "no reason", START "P5 NO canary\r\n", ST_MSG_RETRY, "imap.no", 0, 0 },
		{ "BAD", START "P5 BAD canary\r\n", ST_MSG_RETRY, "imap.bad", 0, 0 },
		{ "limit", START "P5 NO [LIMIT] canary\r\n", ST_REMOTE_DOWN, "imap.throttled", 0, 0 },
		{ "throttled", START "P5 BAD Request is throttled. Suggested Backoff Time: 299999 milliseconds\r\n",
		    ST_REMOTE_DOWN, "imap.throttled", 0, 0 },
		{ "throttled for longer than numbers go",
		    START "P5 BAD Request is throttled. Suggested Backoff Time: 99999999999999999 milliseconds\r\n",
		    ST_REMOTE_DOWN, "imap.throttled", 0, 0 },
		{ "BYE", START "* BYE canary\r\n", ST_REMOTE_DOWN, "imap.bye", 0, 0 },
		{ "BYE and yet done", START "* BYE canary\r\nP5 OK [APPENDUID 1 2] done\r\n", ST_OK, "", 1, 2 },
		{ "end after the literal", START, ST_REMOTE_DOWN, "tls.closed", 0, 0 },
		{ "end in the answer", START "P5 OK [APPENDUID 1 2", ST_REMOTE_DOWN, "tls.closed", 0, 0 },
		{ "end in a literal", START "* X {1000}\r\nabc", ST_REMOTE_DOWN, "tls.closed", 0, 0 },
		{ "a huge literal announced", START "* X {4294967290}\r\nabc", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "a literal that would wrap", START "* X {4294967297}\r\na\r\nP5 OK\r\n", ST_REMOTE_DOWN,
		    "imap.answer", 0, 0 },
		{ "a number that would wrap", START "* 4294967297 EXISTS\r\nP5 OK\r\n", ST_REMOTE_DOWN, "imap.answer",
		    0, 0 },
		{ "a mod-sequence may be long", START "* X (MODSEQ (9223372036854775807))\r\nP5 OK\r\n", ST_OK, "", 0,
		    0 },
		{ "but not longer", START "* X (MODSEQ (9223372036854775808))\r\nP5 OK\r\n", ST_REMOTE_DOWN,
		    "imap.answer", 0, 0 },
		{ "deep parentheses", START "* X (((((((((((((((((((((((((((((((((1\r\nP5 OK\r\n", ST_REMOTE_DOWN,
		    "imap.answer", 0, 0 },
		{ "deep over literals", START "* X ((((((((((((((((((((((((((((((((( {1}\r\n((\r\nP5 OK\r\n",
		    ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "an open quote", START "* X \"abc\r\nP5 OK\r\n", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "a literal in the middle of a line", START "* X a{2147483648}b\r\nP5 OK\r\n", ST_REMOTE_DOWN,
		    "imap.answer", 0, 0 },
		{ "a literal before a literal", START "* X {2147483648} {1}\r\na\r\nP5 OK\r\n", ST_REMOTE_DOWN,
		    "imap.answer", 0, 0 },
		{ "a brace of no literal", START "* X {a}\r\nP5 OK\r\n", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "a brace in quotes", START "* X \"{2147483648}\"\r\nP5 OK\r\n", ST_OK, "", 0, 0 },
		{ "a quote inside a word", START "* X a\"{2147483648}\"\r\nP5 OK\r\n", ST_REMOTE_DOWN, "imap.answer", 0,
		    0 },
		{ "bare LF", START "P5 OK\n", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "stray CR", START "* OK a\rb\r\nP5 OK\r\n", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "an empty line", START "\r\nP5 OK\r\n", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "a line of the client's", START "P5 APPEND x\r\n", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
		{ "the tag alone", START "P5\r\n", ST_REMOTE_DOWN, "imap.answer", 0, 0 },
	};
	uint32_t before = 77;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t chunk = 0; chunk < 4; chunk++) {
			struct script s = { .say = slice_of(rows[i].say), .chunk = chunk };
			AUTO(imap_session) session = logged_in(&s);
			uint32_t uidvalidity = before, uid = before;
			struct err err = ERR_NONE;
			enum status st =
			    imap_append(session, "Portal", SLICE("From: a\r\n\r\nb\r\n"), &uidvalidity, &uid, &err);

			if (st != rows[i].st || strcmp(err.code, rows[i].code) != 0)
				fail_msg("%s: %s %s", rows[i].name, status_name(st), err.code);
			assert_int_equal(uidvalidity, st == ST_OK ? rows[i].uidvalidity : before);
			assert_int_equal(uid, st == ST_OK ? rows[i].uid : before);
			assert_null(strstr(err.text, "canary"));
			if (strstr(rows[i].say, "299999") != NULL)
				assert_non_null(strstr(err.text, "299999 ms"));
			if (st == ST_REMOTE_DOWN) {
				assert_int_equal(imap_noop(session, &err), ST_REMOTE_DOWN);
				assert_string_equal(err.code, "imap.gone");
			}
			buf_free(&s.heard);
		}
}

static void
append_sends_one_literal(void **state)
{
	static const struct {
		const char *name, *say, *folder, *heard;
	} rows[] = {
		{ "LITERAL+", START, "Portal", "P5 APPEND Portal {4+}\r\na\r\nb\r\n" },
		{ "synchronising", START_WITH("") "+ go\r\n", "Portal", "P5 APPEND Portal {4}\r\na\r\nb\r\n" },
		{ "a blank", START, "My Portal", "P5 APPEND \"My Portal\" {4+}\r\na\r\nb\r\n" },
		{ "wild cards are quoted", START, "a*b", "P5 APPEND \"a*b\" {4+}\r\na\r\nb\r\n" },
		{ "umlauts and ampersand", START, "R&B/\303\204rzte", "P5 APPEND R&-B/&AMQ-rzte {4+}\r\na\r\nb\r\n" },
		{ "INBOX", START, "inbox", "P5 APPEND INBOX {4+}\r\na\r\nb\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct script s = { .say = slice_of(rows[i].say) };
		AUTO(imap_session) session = logged_in(&s);
		uint32_t v, u;

		(void)!imap_append(session, rows[i].folder, SLICE("a\r\nb"), &v, &u, NULL);
		if (strstr(buf_str(&s.heard), rows[i].heard) == NULL)
			fail_msg("%s: heard %s", rows[i].name, buf_str(&s.heard));
		buf_free(&s.heard);
	}
}

static void
nothing_is_sent_that_cannot_be_said(void **state)
{
	static const struct {
		const char *name, *folder;
		struct slice mail;
		const char *code;
	} rows[] = {
		{ "NUL in the mail", "Portal", { "a\0b", 3 }, "imap.content" },
		{ "empty mail", "Portal", { "", 0 }, "imap.content" },
		{ "larger than APPENDLIMIT", "Portal", { "12345678901", 11 }, "imap.too-big" },
		{ "CR LF in the folder", "a\r\nP9 DELETE INBOX", { "a", 1 }, "imap.string" },
		{ "no folder", "", { "a", 1 }, "imap.string" },
		{ "not UTF-8", "a\303", { "a", 1 }, "imap.string" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct script s = { .say = SLICE(START_WITH("LITERAL+ APPENDLIMIT=10")) };
		AUTO(imap_session) session = logged_in(&s);
		size_t before = s.heard.n;
		struct err err = ERR_NONE;
		uint32_t v, u;

		assert_int_not_equal(imap_append(session, rows[i].folder, rows[i].mail, &v, &u, &err), ST_OK);
		assert_string_equal(err.code, rows[i].code);
		assert_int_equal(s.heard.n, before);
		buf_free(&s.heard);
	}
}

static void
folders_are_spelled_as_the_server_wants(void **state)
{
	static const struct {
		const char *name, *space, *folder, *heard; /* NULL: refused */
	} rows[] = {
		{ "slash", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nP4 OK\r\n", "Portal/Failed",
		    "CREATE Portal/Failed\r\n" },
		{ "dot", "* NAMESPACE ((\"\" \".\")) NIL NIL\r\nP4 OK\r\n", "Portal/Failed",
		    "CREATE Portal.Failed\r\n" },
		{ "below INBOX", "* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\nP4 OK\r\n", "Portal/Failed",
		    "CREATE INBOX.Portal.Failed\r\n" },
		{ "below INBOX, said so", "* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\r\nP4 OK\r\n", "INBOX/Portal",
		    "CREATE INBOX.Portal\r\n" },
		{ "a dot in the name", "* NAMESPACE ((\"\" \".\")) NIL NIL\r\nP4 OK\r\n", "Dr. Lee", NULL },
		{ "no namespaces of one's own", "* NAMESPACE NIL NIL NIL\r\nP4 OK\r\n* LIST () \".\" \"\"\r\nP5 OK\r\n",
		    "a/b", "CREATE a.b\r\n" },
		{ "flat", "* NAMESPACE NIL NIL NIL\r\nP4 OK\r\n* LIST () NIL \"\"\r\nP5 OK\r\n", "Portal",
		    "CREATE Portal\r\n" },
		{ "no levels in a flat one", "* NAMESPACE NIL NIL NIL\r\nP4 OK\r\n* LIST () NIL \"\"\r\nP5 OK\r\n",
		    "a/b", NULL },
		{ "a namespace that crashes others",
		    "* NAMESPACE ((\"\" \"\")) NIL NIL\r\nP4 OK\r\n* LIST () \"/\" \"\"\r\nP5 OK\r\n", "Portal",
		    "CREATE Portal\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR say = xasprintf(
		    "%s%s", HELLO("AUTH=PLAIN SASL-IR") "P2 OK\r\n" CAPS("NAMESPACE") "P3 OK\r\n", rows[i].space);
		struct script s = { .say = slice_of(say) };
		AUTO(imap_session) session = logged_in(&s);
		struct err err = ERR_NONE;

		(void)!imap_create(session, rows[i].folder, &err);
		if ((strstr(buf_str(&s.heard), "CREATE") == NULL) != (rows[i].heard == NULL) ||
		    (rows[i].heard != NULL && strstr(buf_str(&s.heard), rows[i].heard) == NULL))
			fail_msg("%s: heard %s", rows[i].name, buf_str(&s.heard));
		buf_free(&s.heard);
	}
}

static void
status_by_rows(void **state)
{
	static const struct {
		const char *name, *say, *code;
		uint32_t uidvalidity, uidnext, messages;
	} rows[] = {
		{ "all three", "* STATUS Portal (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 9)\r\nP5 OK\r\n", "", 9, 4, 3 },
		{ "in another order, quoted", "* STATUS \"Portal\" (UIDVALIDITY 9 MESSAGES 3 UIDNEXT 4)\r\nP5 OK\r\n",
		    "", 9, 4, 3 },
		{ "name as a literal", "* STATUS {6}\r\nPortal (UIDVALIDITY 9 MESSAGES 3 UIDNEXT 4)\r\nP5 OK\r\n", "",
		    9, 4, 3 },
		{ "empty", "* STATUS Portal (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)\r\nP5 OK\r\n", "", 1, 1, 0 },
		{ "no STATUS", "P5 OK\r\n", "imap.answer", 0, 0, 0 },
		{ "no UIDNEXT", "* STATUS Portal (MESSAGES 3 UIDVALIDITY 9)\r\nP5 OK\r\n", "imap.answer", 0, 0, 0 },
		{ "UIDNEXT 0", "* STATUS Portal (MESSAGES 3 UIDNEXT 0 UIDVALIDITY 9)\r\nP5 OK\r\n", "imap.answer", 0, 0,
		    0 },
		{ "UIDNEXT wraps", "* STATUS Portal (MESSAGES 3 UIDNEXT 4294967297 UIDVALIDITY 9)\r\nP5 OK\r\n",
		    "imap.answer", 0, 0, 0 },
		{ "nonsense", "* STATUS Portal (MESSAGES three)\r\nP5 OK\r\n", "imap.answer", 0, 0, 0 },
		{ "NO after data is NO",
		    "* STATUS Portal (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 9)\r\nP5 NO [NONEXISTENT] x\r\n",
		    "imap.no-folder", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR say = xasprintf("%s%s", START, rows[i].say);
		struct script s = { .say = slice_of(say), .chunk = 1 };
		AUTO(imap_session) session = logged_in(&s);
		struct imap_folder f = { 0 };
		struct err err = ERR_NONE;
		enum status st = imap_status(session, "Portal", &f, &err);

		if (strcmp(err.code, rows[i].code) != 0 || (st == ST_OK) != (*rows[i].code == '\0'))
			fail_msg("%s: %s %s", rows[i].name, status_name(st), err.code);
		assert_int_equal(f.uidvalidity, rows[i].uidvalidity);
		assert_int_equal(f.uidnext, rows[i].uidnext);
		assert_int_equal(f.messages, rows[i].messages);
		buf_free(&s.heard);
	}
}

static void
note_uid(void *arg, uint32_t uid, struct slice raw)
{
	buf_printf(arg, "%u=%.*s;", uid, (int)slice_trim(raw).n, slice_trim(raw).p);
}

static void
fetch_by_rows(void **state)
{
#define FIELD "BODY[HEADER.FIELDS (X-PORTAL-TOKEN)]"
	static const struct {
		const char *name, *say, *code, *got;
	} rows[] = {
		{ "two",
		    "* 1 FETCH (UID 7 " FIELD " {6}\r\nX: a\r\n)\r\n* 2 FETCH (UID 9 " FIELD
		    " {6}\r\nX: b\r\n)\r\nP5 OK\r\n",
		    "", "7=X: a;9=X: b;" },
		{ "UID last", "* 1 FETCH (" FIELD " {6}\r\nX: a\r\n UID 7)\r\nP5 OK\r\n", "", "7=X: a;" },
		{ "quoted and quoted field name",
		    "* 1 FETCH (UID 7 BODY[HEADER.FIELDS (\"X-PORTAL-TOKEN\")] \"X: a\")\r\nP5 OK\r\n", "", "7=X: a;" },
		{ "no such field", "* 1 FETCH (UID 7 " FIELD " {0}\r\n)\r\nP5 OK\r\n", "", "7=;" },
		{ "NIL", "* 1 FETCH (UID 7 " FIELD " NIL)\r\nP5 OK\r\n", "", "7=;" },
		{ "flags in between",
		    "* 3 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (UID 7 " FIELD " {6}\r\nX: a\r\n)\r\nP5 OK\r\n", "",
		    "7=X: a;" },
		{ "flags nobody knows", "* 3 FETCH (FLAGS (\\Seen) SAVEDATE NIL EMAILID (x))\r\nP5 OK\r\n", "", "" },
		{ "flags as well", "* 1 FETCH (FLAGS (\\Seen $x) UID 7 " FIELD " {6}\r\nX: a\r\n)\r\nP5 OK\r\n", "",
		    "7=X: a;" },
		{ "outside the range", "* 1 FETCH (UID 700 " FIELD " {6}\r\nX: a\r\n)\r\nP5 OK\r\n", "", "" },
		{ "NO after data is NO",
		    "* 1 FETCH (UID 7 " FIELD " {6}\r\nX: a\r\n)\r\nP5 NO [EXPUNGEISSUED] some\r\n", "imap.busy",
		    "7=X: a;" },
		{ "without UID", "* 1 FETCH (" FIELD " {6}\r\nX: a\r\n)\r\nP5 OK\r\n", "imap.answer", "" },
		{ "UID wraps", "* 1 FETCH (UID 4294967303 " FIELD " {6}\r\nX: a\r\n)\r\nP5 OK\r\n", "imap.answer", "" },
		{ "UID 0", "* 1 FETCH (UID 0 " FIELD " {6}\r\nX: a\r\n)\r\nP5 OK\r\n", "imap.answer", "" },
		{ "place wraps", "* 4294967297 FETCH (UID 7 " FIELD " {6}\r\nX: a\r\n)\r\nP5 OK\r\n", "imap.answer",
		    "" },
		{ "literal of another size", "* 1 FETCH (UID 7 " FIELD " {3}\r\nX: a\r\n)\r\nP5 OK\r\n", "imap.answer",
		    "" },
		{ "literal too long", "* 1 FETCH (UID 7 " FIELD " {300000}\r\nX: a\r\n)\r\nP5 OK\r\n", "imap.answer",
		    "" },
		{ "something more behind it", "* 1 FETCH (UID 7 " FIELD " {6}\r\nX: a\r\n) x\r\nP5 OK\r\n",
		    "imap.answer", "" },
		{ "a second answer inside a literal", "* 1 FETCH (UID 7 " FIELD " {12}\r\nP5 OK\r\n* 1 F)\r\nP5 OK\r\n",
		    "", "7=P5 OK\r\n* 1 F;" },
		{ "end in the literal", "* 1 FETCH (UID 7 " FIELD " {100}\r\nX: a", "tls.closed", "" },
		{ "BYE in the middle", "* 1 FETCH (UID 7 " FIELD " {6}\r\nX: a\r\n)\r\n* BYE gone\r\n", "imap.bye",
		    "7=X: a;" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR say = xasprintf("%s%s", START, rows[i].say);
		struct script s = { .say = slice_of(say), .chunk = 1 };
		AUTO(imap_session) session = logged_in(&s);
		AUTO_BUF got = BUF_INIT;
		struct err err = ERR_NONE;
		uint32_t n;
		enum status st = imap_fetch_field(
		    session, (struct imap_range){ false, 1, 500 }, "X-PORTAL-TOKEN", note_uid, &got, &n, &err);

		if (strcmp(err.code, rows[i].code) != 0 || (st == ST_OK) != (*rows[i].code == '\0'))
			fail_msg("%s: %s %s", rows[i].name, status_name(st), err.code);
		if (strcmp(buf_str(&got), rows[i].got) != 0)
			fail_msg("%s: got %s", rows[i].name, buf_str(&got));
		buf_free(&s.heard);
	}
}

/* What never ends is ended: by bytes, by answers, by time. */
static enum status
endless_read(void *ctx, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *err)
{
	struct script *s = ctx;
	size_t len = s->say.n;

	if (s->ms_per_read > 0) {
		if (monotonic_ms() + s->ms_per_read > deadline_ms)
			return err_set(err, ST_REMOTE_DOWN, "tls.timeout", "script");
		nanosleep(&(struct timespec){ 0, s->ms_per_read * 1000000 }, NULL);
		n = 1;
	}
	for (size_t i = 0; i < n; i++)
		((char *)p)[i] = s->say.p[s->pos++ % len];
	*ret = n;
	return ST_OK;
}

static void
what_never_ends_is_ended(void **state)
{
	static const struct {
		const char *name, *say, *code;
		int64_t ms_per_read;
	} rows[] = {
		{ "untagged lines", "* OK hello\r\n", "imap.budget", 0 },
		{ "long untagged lines",
		    "* OK hellohellohellohellohellohellohellohellohellohellohellohellohellohello"
		    "hellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohellohello\r\n",
		    "imap.budget", 0 },
		{ "one line", "* OK hello ", "imap.answer", 0 },
		{ "a byte now and then", "* OK hello\r\n", "tls.timeout", 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct script s = { .say = slice_of(rows[i].say), .secure = true, .ms_per_read = rows[i].ms_per_read };
		struct imap_io io = { &s, endless_read, script_write, script_start_tls, script_is_secure, script_free };
		AUTO(imap_session) session = NULL;
		int64_t start = monotonic_ms();
		struct err err = ERR_NONE;

		assert_int_equal(
		    imap_open_io(&io, false, rows[i].ms_per_read > 0 ? 300 : 60000, &session, &err), ST_REMOTE_DOWN);
		if (strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s", rows[i].name, err.code, err.text);
		assert_true(monotonic_ms() - start < 10000);
		buf_free(&s.heard);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_and_login_by_rows),
		cmocka_unit_test(login_sends_what_the_server_can),
		cmocka_unit_test(no_login_without_tls),
		cmocka_unit_test(append_by_rows),
		cmocka_unit_test(append_sends_one_literal),
		cmocka_unit_test(nothing_is_sent_that_cannot_be_said),
		cmocka_unit_test(folders_are_spelled_as_the_server_wants),
		cmocka_unit_test(status_by_rows),
		cmocka_unit_test(fetch_by_rows),
		cmocka_unit_test(what_never_ends_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
