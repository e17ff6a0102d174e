#include "mail/entity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cpu_budget.h"

static const struct limits_conf limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 35 << 20,
};

static const char *
scan_code(struct slice raw, struct arena *a, struct entity *e)
{
	struct err err = ERR_NONE;

	return entity_scan(raw, &limits, a, e, &err) == ST_OK ? "" : err.code;
}

static const char *
prescan_code(struct slice raw)
{
	struct err err = ERR_NONE;

	return mime_prescan(raw, &limits, &err) == ST_OK ? "" : err.code;
}

static void
header_is_cut_as_received(void **state)
{
	static const struct {
		const char *name, *raw, *code, *body;
		size_t nfields, odd; /* odd: a bit per field */
	} rows[] = {
		{ "empty mail", "", "", "", 0, 0 },
		{ "header only", "A: b\r\n", "", "", 1, 0 },
		{ "header without a line end", "A: b", "", "", 1, 0 },
		{ "body only", "\r\nhello", "", "hello", 0, 0 },
		{ "text without a header", "Hello there\r\n world\r\n", "", "Hello there\r\n world\r\n", 0, 0 },
		{ "bare LF", "A: b\nC: d\n\nx\n", "", "x\n", 2, 0 },
		{ "fold", "A: b\r\n c\r\nD: e\r\n\r\n", "", "", 2, 0 },
		{ "line without a colon ends the header", "A: b\r\nnonsense\r\nC: d\r\n", "", "nonsense\r\nC: d\r\n", 1,
		    0 },
		{ "blank before the colon", "From : a@b\r\n\r\n", "", "", 1, 1 },
		{ "colon on the folded line", "A: b\r\nFrom\r\n : a@b\r\n\r\n", "", "", 2, 2 },
		{ "first line begins with a blank", " From: a@b\r\nC: d\r\n\r\n", "", "", 2, 1 },
		{ "control character in a value", "A: b\001c\r\nD: e\r\n\r\n", "", "", 2, 1 },
		{ "bare CR in a value", "A: b\rFrom: x\r\n\r\n", "", "", 1, 1 },
		{ "blank inside a name", "Hello world: x\r\n\r\n", "", "", 1, 1 },
		{ "8-bit in a name", "Fr\303\266m: x\r\n\r\n", "", "", 1, 1 },
		{ "8-bit in a value is not odd", "A: \303\266\r\n\r\n", "", "", 1, 0 },
		{ "no name", ": x\r\n\r\n", "", "", 1, 1 },
		{ "CR LF inside the body stays", "A: b\r\n\r\n\r\n\rx", "", "\r\n\rx", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct entity e;

		print_message("  %s\n", rows[i].name);
		assert_string_equal(scan_code(slice_of(rows[i].raw), a, &e), rows[i].code);
		assert_int_equal(e.nfields, rows[i].nfields);
		assert_int_equal(e.body.n, strlen(rows[i].body));
		assert_memory_equal(e.body.p, rows[i].body, e.body.n);
		for (size_t f = 0; f < e.nfields; f++)
			assert_int_equal(e.fields[f].odd, rows[i].odd >> f & 1);
		assert_ptr_equal(e.header.p, e.raw.p);
	}
}

static void
fields_are_found_and_unfolded(void **state)
{
	AUTO(arena) a = arena_new();
	struct entity e;

	(void)state;
	assert_string_equal(
	    scan_code(SLICE("subject: one\r\n\ttwo\n  three \r\nSUBJECT : four\r\nEmpty:\r\n\r\n"), a, &e), "");
	assert_int_equal(entity_count(&e, "Subject"), 2);
	assert_string_equal(entity_get(&e, "Subject", a), "one\ttwo  three");
	assert_string_equal(entity_get(&e, "empty", a), "");
	assert_null(entity_get(&e, "From", a));
	/* raw: folds and all */
	assert_int_equal(e.fields[0].value.n, strlen(" one\r\n\ttwo\n  three "));
}

static void
header_limits_hold(void **state)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF many = BUF_INIT;
	AUTO_BUF wide = BUF_INIT;
	AUTO_BUF folded = BUF_INIT;
	AUTO_BUF huge = BUF_INIT;
	AUTO_BUF text = BUF_INIT;
	struct entity e;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_puts(&many, "A: b\r\n");
	assert_string_equal(scan_code(buf_slice(&many), a, &e), "");
	buf_puts(&many, "A: b\r\n");
	assert_string_equal(scan_code(buf_slice(&many), a, &e), "limit.headers");
	buf_puts(&wide, "A: ");
	buf_puts(&folded, "A: b");
	for (int i = 0; i < 1 << 20; i++) {
		buf_putc(&wide, 'x');
		buf_puts(&folded, "\r\n x");
	}
	assert_string_equal(scan_code(buf_slice(&wide), a, &e), "limit.header-bytes");
	assert_string_equal(scan_code(buf_slice(&folded), a, &e), "limit.header-bytes");
	assert_string_equal(scan_code(SLICE("A: b\0c\r\n\r\n"), a, &e), "mime.nul");
	assert_string_equal(scan_code(SLICE("A: b\r\n\r\n\0"), a, &e), "");
	buf_reserve(&huge, 35 << 20);
	memset(huge.p, '\n', 35 << 20);
	huge.n = (35 << 20) + 1;
	assert_string_equal(scan_code(buf_slice(&huge), a, &e), "limit.message");
	/* Text without a header is body, however long its indented lines are. */
	buf_puts(&text, "Hello");
	for (int i = 0; i < 100000; i++)
		buf_puts(&text, "\r\n  x");
	assert_string_equal(scan_code(buf_slice(&text), a, &e), "");
	assert_int_equal(e.body.n, text.n);
}

static void
types_are_parsed_strictly(void **state)
{
	static const struct {
		const char *name, *value, *type, *param, *expect;
		bool broken;
	} rows[] = {
		{ "none", NULL, "text/plain", "charset", NULL, false },
		{ "plain", "Text/HTML; Charset=UTF-8", "text/html", "charset", "UTF-8", false },
		{ "quoted", "text/plain; name=\"a \\\"b\\\" c\"", "text/plain", "name", "a \"b\" c", false },
		{ "comments", "text/(x)plain (a (b) \\) c); charset (d) = us-ascii", "text/plain", "charset",
		    "us-ascii", false },
		{ "unquoted equals sign", "multipart/mixed; boundary=----=_Part_1", "multipart/mixed", "boundary",
		    "----=_Part_1", false },
		{ "stray semicolons", "text/plain;; charset=x; ", "text/plain", "charset", "x", false },
		{ "extended", "application/pdf; name*=utf-8'en'r%C3%A9sum%c3%a9.pdf", "application/pdf", "name",
		    "r\303\251sum\303\251.pdf", false },
		{ "extended latin-1", "a/b; name*=iso-8859-1''%e9", "a/b", "name", "\303\251", false },
		{ "continued", "a/b; name*1=\"two\"; name*0=one", "a/b", "name", "onetwo", false },
		{ "continued and extended", "a/b; name*0*=utf-8''%e2%82; name*1*=%ac; name*2=%41", "a/b", "name",
		    "\342\202\254%41", false },
		{ "twice", "a/b; boundary=x; boundary=y", "a/b", "boundary", "x", true },
		{ "twice in another case", "a/b; boundary=x; BOUNDARY=x", "a/b", "boundary", "x", true },
		{ "plain and extended", "a/b; name=x; name*=utf-8''y", "a/b", "name", "y", true },
		{ "plain and continued", "a/b; name=x; name*0=y", "a/b", "name", "y", true },
		{ "section missing", "a/b; name*0=x; name*2=y", "a/b", "name", NULL, true },
		{ "section twice", "a/b; name*0=x; name*0=y", "a/b", "name", "x", true },
		{ "section with a leading zero", "a/b; name*00=x", "a/b", "name", NULL, true },
		{ "NUL in a parameter", "a/b; name*=utf-8''%00", "a/b", "name", NULL, true },
		{ "percent without digits", "a/b; name*=utf-8''%4", "a/b", "name", NULL, true },
		{ "unknown charset", "a/b; name*=x-none''a", "a/b", "name", NULL, true },
		{ "unterminated quote", "a/b; name=\"x", "a/b", "name", NULL, true },
		{ "quote that ends in a backslash", "a/b; name=\"x\\", "a/b", "name", NULL, true },
		{ "junk after the value", "a/b; name=x y", "a/b", "name", "x", true },
		{ "no value", "a/b; name", "a/b", "name", NULL, true },
		{ "no subtype", "text", "text/plain", "name", NULL, true },
		{ "empty", "", "text/plain", "name", NULL, true },
		{ "unclosed comment", "a/b (", "a/b", "name", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct mime_type t;
		const char *v;

		print_message("  %s\n", rows[i].name);
		mime_type_parse(rows[i].value, a, &t);
		assert_string_equal(arena_printf(a, "%s/%s", t.type, t.subtype), rows[i].type);
		assert_int_equal(t.broken, rows[i].broken);
		v = mime_param(&t, rows[i].param);
		if (rows[i].expect == NULL)
			assert_null(v);
		else
			assert_string_equal(v, rows[i].expect);
	}
}

static void
a_hundred_thousand_parameters_are_no_work(void **state)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF b = BUF_INIT;
	struct mime_type t;
	long start;

	(void)state;
	buf_puts(&b, "a/b");
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "; p%d=v", i);
	start = cpu_ms();
	mime_type_parse(buf_str(&b), a, &t);
	assert_true(t.broken);
	assert_cpu_below(start, 50);
}

static void
multiparts_are_split_exactly(void **state)
{
	static const struct {
		const char *name, *type, *body;
		const char *parts; /* joined with "|"; NULL: refused as mime.boundary */
	} rows[] = {
		{ "two parts", "b", "--b\r\none\r\n--b\r\ntwo\r\n\r\n--b--\r\n", "one|two\r\n" },
		{ "bare LF", "b", "--b\none\n--b\ntwo\n--b--", "one|two" },
		{ "preamble", "b", "This is S/MIME\r\n--b\r\none\r\n--b--\r\n", "one" },
		{ "blanks after the boundary", "b", "--b \t\r\none\r\n--b--  \r\n", "one" },
		{ "empty parts", "b", "--b\r\n--b\r\n\r\n--b--\r\n", "|" },
		{ "boundary inside a line is text", "b", "--b\r\nx--b\r\n--bx\r\n --b\r\n--b--\r\n",
		    "x--b\r\n--bx\r\n --b" },
		{ "longer boundary is another one", "b", "--b\r\n--bb\r\n--bb--\r\n--b--\r\n", "--bb\r\n--bb--" },
		{ "end mark with text is text", "b", "--b\r\n--b--x\r\n--b--\r\n", "--b--x" },
		{ "quoted with a blank inside", "\"a b\"", "--a b\r\none\r\n--a b--", "one" },
		{ "70 characters", "0123456789012345678901234567890123456789012345678901234567890123456789",
		    "--0123456789012345678901234567890123456789012345678901234567890123456789\r\nx\r\n"
		    "--0123456789012345678901234567890123456789012345678901234567890123456789--",
		    "x" },
		{ "71 characters", "01234567890123456789012345678901234567890123456789012345678901234567890",
		    "--01234567890123456789012345678901234567890123456789012345678901234567890\r\nx\r\n"
		    "--01234567890123456789012345678901234567890123456789012345678901234567890--",
		    NULL },
		{ "a single quote mark", "\"\\\"\"", "--\"\r\nx\r\n--\"--", NULL },
		{ "empty boundary", "\"\"", "--\r\nx\r\n----", NULL },
		{ "boundary ends in a blank", "\"b \"", "--b \r\nx\r\n--b --", NULL },
		{ "boundary twice", "b; boundary=c", "--b\r\nx\r\n--b--", NULL },
		{ "no boundary", NULL, "--b\r\nx\r\n--b--", NULL },
		{ "does not occur", "b", "one\r\ntwo\r\n", NULL },
		{ "not closed", "b", "--b\r\none\r\n--b\r\ntwo\r\n", NULL },
		{ "closed before it began", "b", "--b--\r\n", NULL },
		{ "text after the end", "b", "--b\r\none\r\n--b--\r\nfooter\r\n", NULL },
		{ "boundary only in the preamble's words", "b", "see --b\r\n--b--\r\n", NULL },
		{ "nothing", "b", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		AUTO_BUF raw = BUF_INIT;
		AUTO_BUF got = BUF_INIT;
		struct err err = ERR_NONE;
		struct mime_type t;
		struct slice *parts;
		struct entity e;
		size_t n;

		print_message("  %s\n", rows[i].name);
		buf_printf(&raw, "Content-Type: multipart/mixed%s%s\r\n\r\n%s", rows[i].type ? "; boundary=" : "",
		    rows[i].type ? rows[i].type : "", rows[i].body);
		assert_string_equal(scan_code(buf_slice(&raw), a, &e), "");
		mime_type_parse(entity_get(&e, "Content-Type", a), a, &t);
		if (rows[i].parts == NULL) {
			assert_int_equal(mime_split(&e, &t, a, &parts, &n, &err), ST_MSG_REFUSED);
			assert_string_equal(err.code, "mime.boundary");
			continue;
		}
		assert_int_equal(mime_split(&e, &t, a, &parts, &n, &err), ST_OK);
		for (size_t p = 0; p < n; p++) {
			buf_puts(&got, p > 0 ? "|" : "");
			buf_append(&got, parts[p].p, parts[p].n);
		}
		assert_string_equal(buf_str(&got), rows[i].parts);
	}
}

static void
deep_and_wide_mails_are_refused_at_once(void **state)
{
	AUTO_BUF deep = BUF_INIT;
	AUTO_BUF messages = BUF_INIT;
	AUTO_BUF wide = BUF_INIT;
	AUTO_BUF headers = BUF_INIT;
	AUTO_BUF digest = BUF_INIT;
	long start;

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(
		    &deep, "Content-Type: multipart/mixed; boundary=\"b%d\"\r\n\r\nxxxxxxxxxx\r\n--b%d\r\n", i, i);
	for (int i = 0; i < 30000; i++)
		buf_puts(&messages, "Content-Type: message/rfc822\r\n\r\n");
	buf_puts(&wide, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		buf_puts(&wide, "--b\r\n\r\nx\r\n");
	buf_puts(&headers, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int p = 0; p < 20; p++) {
		buf_puts(&headers, "--b\r\n");
		for (int i = 0; i < 900; i++)
			buf_puts(&headers, "a:\r\n");
		buf_puts(&headers, "\r\n");
	}
	buf_puts(&digest, "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n");
	for (int i = 0; i < 40; i++)
		buf_printf(&digest, "Content-Type: multipart/digest; boundary=c%d\r\n\r\n--c%d\r\n\r\n", i, i);
	assert_true(deep.n > 6 << 20);

	start = cpu_ms();
	assert_string_equal(prescan_code(buf_slice(&deep)), "limit.mime-depth");
	assert_string_equal(prescan_code(buf_slice(&messages)), "limit.mime-depth");
	assert_string_equal(prescan_code(buf_slice(&wide)), "limit.mime-parts");
	assert_string_equal(prescan_code(buf_slice(&headers)), "limit.headers");
	assert_string_equal(prescan_code(buf_slice(&digest)), "limit.mime-depth");
	assert_cpu_below(start, 50);
}

static void
a_large_mail_is_scanned_in_linear_time(void **state)
{
	AUTO_BUF b = BUF_INIT;
	char bound[71] = "";
	long start;

	(void)state;
	/* 30 open boundaries that differ in their last characters only, and lines that nearly match all of them. */
	memset(bound, 'x', 68);
	for (int i = 0; i < 30; i++)
		buf_printf(
		    &b, "Content-Type: multipart/mixed; boundary=%s%02d\r\n\r\n--%s%02d\r\n", bound, i, bound, i);
	buf_puts(&b, "\r\n");
	while (b.n < 20 << 20)
		buf_printf(&b, "--%s99\n", bound);
	start = cpu_ms();
	assert_string_equal(prescan_code(buf_slice(&b)), "");
	assert_cpu_below(start, 2000);
}

static void
prescan_refuses_what_two_readers_would_read_differently(void **state)
{
	static const struct {
		const char *name, *raw, *code;
	} rows[] = {
		{ "empty", "", "" },
		{ "plain", "A: b\r\n\r\nx", "" },
		{ "mixed", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", "" },
		{ "no boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n", "mime.boundary" },
		{ "type twice", "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", "mime.ambiguous" },
		{ "encoding twice", "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n\r\nx",
		    "mime.ambiguous" },
		{ "type twice in a part",
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b\r\ncontent-type: "
		    "c/d\r\n\r\n"
		    "--b--",
		    "mime.ambiguous" },
		{ "inner boundary is the outer one",
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--",
		    "mime.boundary" },
		{ "inner boundary is the end of the outer one",
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
		    "Content-Type: multipart/mixed; boundary=b--\r\n\r\n--b--",
		    "mime.boundary" },
		{ "inner boundary begins like the outer one",
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
		    "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\n--bb--\r\n--b--",
		    "" },
		{ "boundary that looks like a field ends the header",
		    "Content-Type: multipart/mixed; boundary=\"a:b\"\r\n\r\n--a:b\r\nX: y\r\n--a:b\r\n"
		    "Content-Type: multipart/mixed\r\n\r\n--a:b--",
		    "mime.boundary" },
		{ "an attached message may be odd",
		    "Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed\r\nContent-Type: x\r\n\r\n",
		    "" },
		{ "after an attached message strictness returns",
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
		    "Subject: x\r\n\r\ny\r\n--b\r\nContent-Type: multipart/mixed\r\n\r\n--b--",
		    "mime.boundary" },
		{ "NUL in the header of a part",
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: \001\r\n\r\n--b--", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("  %s\n", rows[i].name);
		assert_string_equal(prescan_code(slice_of(rows[i].raw)), rows[i].code);
	}
}

static void
transfer_encodings_are_undone_strictly(void **state)
{
	static const struct {
		const char *name, *encoding, *body, *expect; /* NULL: mime.encoding */
	} rows[] = {
		{ "none", NULL, "a=b\r\n", "a=b\r\n" },
		{ "8bit", " 8BIT ", "\303\251", "\303\251" },
		{ "base64", "Base64", "aGVs\r\nbG8=\r\n", "hello" },
		{ "base64 of nothing", "base64", "\r\n", "" },
		{ "base64, two pads", "base64", "aA==", "h" },
		{ "base64 with junk", "base64", "aGVs!bG8=", NULL },
		{ "base64 with data after the padding", "base64", "aA==aA==", NULL },
		{ "base64 without padding", "base64", "aGVsbG8", NULL },
		{ "base64 with too much padding", "base64", "aA===", NULL },
		{ "base64, padding only", "base64", "====", NULL },
		{ "base64, padding after a whole group", "base64", "aGVs=", NULL },
		{ "base64 with a footer", "base64", "aGVs\r\n-- \r\nlist\r\n", NULL },
		{ "qp", "quoted-printable", "caf=C3=a9 =\r\nau lait =20\r\nx=\r\n", "caf\303\251 au lait  \r\nx" },
		{ "qp, blanks added in transit", "quoted-printable", "a \t\r\nb= \r\nc", "a\r\nbc" },
		{ "qp, LF", "quoted-printable", "a=\nb\n", "ab\n" },
		{ "qp, bad hex", "quoted-printable", "a=G1", NULL },
		{ "qp, cut off", "quoted-printable", "a=4", NULL },
		{ "qp, raw 8-bit", "quoted-printable", "\303\251", NULL },
		{ "qp, NUL is junk", "quoted-printable", "a\001b", NULL },
		{ "uuencode", "x-uuencode", "begin 644 a", NULL },
		{ "unknown", "x-unknown", "x", NULL },
	};
	AUTO(arena) a = arena_new();
	struct entity twice;
	AUTO_BUF none = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF raw = BUF_INIT;
		AUTO_BUF got = BUF_INIT;
		struct err err = ERR_NONE;
		struct entity e;

		print_message("  %s\n", rows[i].name);
		if (rows[i].encoding != NULL)
			buf_printf(&raw, "Content-Transfer-Encoding: %s\r\n", rows[i].encoding);
		buf_printf(&raw, "\r\n%s", rows[i].body);
		assert_string_equal(scan_code(buf_slice(&raw), a, &e), "");
		if (rows[i].expect == NULL) {
			assert_int_equal(mime_decode(&e, &got, &err), ST_MSG_REFUSED);
			assert_string_equal(err.code, "mime.encoding");
			assert_int_equal(got.n, 0);
			continue;
		}
		assert_int_equal(mime_decode(&e, &got, &err), ST_OK);
		assert_string_equal(buf_str(&got), rows[i].expect);
	}
	assert_string_equal(
	    scan_code(SLICE("Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"), a, &twice),
	    "");
	assert_int_equal(mime_decode(&twice, &none, NULL), ST_MSG_REFUSED);
}

static void
canonical_form_has_crlf_only(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "a", "a" },
		{ "a\nb\r\nc", "a\r\nb\r\nc" },
		{ "\n\n", "\r\n\r\n" },
		{ "a\r", "a\r" },
		{ "a \t\n", "a \t\r\n" },
		{ "a\r\r\n", "a\r\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF got = BUF_INIT;

		entity_canonical(slice_of(rows[i].in), &got);
		assert_string_equal(buf_str(&got), rows[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_cut_as_received),
		cmocka_unit_test(fields_are_found_and_unfolded),
		cmocka_unit_test(header_limits_hold),
		cmocka_unit_test(types_are_parsed_strictly),
		cmocka_unit_test(a_hundred_thousand_parameters_are_no_work),
		cmocka_unit_test(multiparts_are_split_exactly),
		cmocka_unit_test(deep_and_wide_mails_are_refused_at_once),
		cmocka_unit_test(a_large_mail_is_scanned_in_linear_time),
		cmocka_unit_test(prescan_refuses_what_two_readers_would_read_differently),
		cmocka_unit_test(transfer_encodings_are_undone_strictly),
		cmocka_unit_test(canonical_form_has_crlf_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
