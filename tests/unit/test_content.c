#include "mail/content.h"

#include "mail/flowed.h"
#include "mail/html.h"
#include "mail/text.h"

#include <setjmp.h>
#include <stdarg.h>
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

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define ALTERNATIVE "Content-Type: multipart/alternative; boundary=a\r\n\r\n"
#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n\r\n"
#define HTML "Content-Type: text/html; charset=utf-8\r\n\r\n"

/* subject|text|name type flag size|... or the code of the refusal */
static char *
describe(struct slice raw)
{
	AUTO(content) c = NULL;
	struct err err = ERR_NONE;
	struct buf b = BUF_INIT;

	if (content_from_mime(raw, &limits, &c, &err) != ST_OK) {
		assert_null(c);
		assert_int_equal(err.st, ST_MSG_REFUSED);
		return xstrdup(err.code);
	}
	buf_printf(&b, "%s|%s", c->subject, c->text);
	for (size_t i = 0; i < c->natt; i++)
		buf_printf(&b, "|%s %s%s %zu", c->att[i].name, c->att[i].type, c->att[i].inline_image ? " inline" : "",
		    c->att[i].data.n);
	return buf_take(&b);
}

static void
a_mail_becomes_what_was_said(void **state)
{
	static const struct {
		const char *name, *raw, *expect;
	} rows[] = {
		{ "plain", "Subject: Hi\r\n" PLAIN "Hello\r\nDoctor\r\n", "Hi|Hello\nDoctor\n" },
		{ "M14 empty mail", "", "|" },
		{ "M14 header only", "Subject: x\r\n", "x|" },
		{ "M14 body only", "\r\nhello", "|hello" },
		{ "encoded subject", "Subject: =?utf-8?q?caf=C3=A9?= =?utf-8?b?IGF1IGxhaXQ=?=\r\n\r\nx",
		    "caf\303\251 au lait|x" },
		{ "base64 words that end in padding",
		    "Subject: a =?UTF-8?B?YQ==?=\r\n =?utf-8?b?Yg==?= =?UTF-8?B?w6Q=?= c"
		    "\r\n\r\nx",
		    "a ab\303\244 c|x" },
		{ "a letter in two base64 words", "Subject: =?UTF-8?B?YcM=?= =?UTF-8?B?pGI=?=\r\n\r\nx",
		    "a\303\244b|x" },
		{ "base64 words of two charsets", "Subject: =?utf-8?B?YQ==?= =?iso-8859-1?B?5A==?=\r\n\r\nx",
		    "a\303\244|x" },
		{ "raw UTF-8 subject", "Subject: caf\303\251\r\n\r\nx", "caf\303\251|x" },
		{ "subject with a line end hidden in a word", "Subject: =?utf-8?q?a=0D=0ABcc:_x?=\r\n\r\nx",
		    "a Bcc: x|x" },
		{ "quoted-printable latin-1",
		    "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
		    "quoted-printable\r\n\r\n"
		    "caf=E9 =93x=94",
		    "|caf\303\251 \342\200\234x\342\200\235" },
		{ "base64 UTF-16",
		    "Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\nZQDpAA==",
		    "|e\303\251" },
		{ "windows-1251", "Content-Type: text/plain; charset=windows-1251\r\n\r\n\340", "|\320\260" },
		{ "M8 a charset that lies", PLAIN "caf\351!", "|caf\357\277\275!" },
		{ "M8 overlong UTF-8", PLAIN "\300\257\340\200\257", "|\357\277\275\357\277\275\357\277\275" },
		{ "M8 surrogates in UTF-8", PLAIN "\355\240\200", "|\357\277\275" },
		{ "M8 UTF-7", "Content-Type: text/plain; charset=utf-7\r\n\r\n+ADw-script+AD4-", "|<script>" },
		{ "M8 right-to-left override, zero width space", PLAIN "a\342\200\256b\342\200\213c\357\273\277",
		    "|abc" },
		{ "M8 joiners stay where they join",
		    PLAIN "\360\237\221\251\342\200\215\360\237\221\247 can\342\200\215cer",
		    "|\360\237\221\251\342\200\215\360\237\221\247 cancer" },
		{ "M8 unknown charset", "Content-Type: text/plain; charset=x-klingon\r\n\r\nx", "mime.charset" },
		{ "M8 a charset that instructs iconv",
		    "Content-Type: text/plain; charset=\"utf-16//TRANSLIT\"\r\n\r\nx", "mime.charset" },
		{ "M6 NUL and bare CR", "Subject: a\r\n\r\nx\ry", "a|x\ny" },
		{ "HTML only", HTML "<p>Hello <b>there</b></p><p>Bye", "|Hello there\n\nBye" },
		{ "alternative: plain wins",
		    ALTERNATIVE "--a\r\n" PLAIN "plain\r\n--a\r\n" HTML "<p>html</p>\r\n--a--\r\n", "|plain" },
		{ "alternative: HTML when plain is blank",
		    ALTERNATIVE "--a\r\n" PLAIN " \r\n--a\r\n" HTML "<p>html</p>\r\n--a--\r\n", "|html" },
		{ "attachments",
		    MIXED "--b\r\n" PLAIN "see file\r\n--b\r\nContent-Type: application/PDF; name=a.pdf\r\n"
			  "Content-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"
			  "\r\nJVBERg==\r\n--b--\r\n",
		    "|see file|a.pdf application/pdf 4" },
		{ "only an attachment",
		    "Subject: s\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=x.png\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n",
		    "s||x.png image/png 4" },
		{ "text as a file",
		    MIXED "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\nContent-Type: text/plain\r\n"
			  "Content-Disposition: inline; filename=log.txt\r\n\r\nlog\r\n--b--\r\n",
		    "|hi|log.txt text/plain 3" },
		{ "two texts", MIXED "--b\r\n" PLAIN "one\r\n--b\r\n" PLAIN "two\r\n--b--\r\n", "|one\n\ntwo" },
		{ "related: inline image",
		    "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n" HTML
		    "see <img src=\"cid:1\" alt=\"the rash\">\r\n--b\r\nContent-Type: image/jpeg; name=r.jpg\r\n"
		    "Content-Id: <1>\r\n\r\nxx\r\n--b--\r\n",
		    "|see [the rash]|r.jpg image/jpeg inline 2" },
		{ "Apple Mail: attachments inside an alternative",
		    ALTERNATIVE "--a\r\n" PLAIN "text\r\n--a\r\n" MIXED "--b\r\n" HTML "text\r\n--b\r\n"
				"Content-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n--b\r\n" HTML
				"more\r\n--b--\r\n\r\n--a--\r\n",
		    "|text|a.pdf application/pdf 1" },
		{ "attached message",
		    MIXED "--b\r\n" PLAIN
			  "fwd\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nsecret"
			  "\r\n--b--\r\n",
		    "|fwd|message.eml message/rfc822 24" },
		{ "digest",
		    "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n",
		    "||message.eml message/rfc822 15" },
		{ "no file name", MIXED "--b\r\nContent-Type: application/zip\r\n\r\nPK\r\n--b--\r\n",
		    "||attachment application/zip 2" },
		{ "M9 a path as the name",
		    "Content-Type: application/pdf\r\nContent-Disposition: attachment; "
		    "filename=\"../../etc/pass\\\\wd\"\r\n\r\n",
		    "||wd application/pdf 0" },
		{ "M9 dots as the name",
		    "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"..\"\r\n\r\n",
		    "||attachment application/pdf 0" },
		{ "M9 line end and override in the name",
		    "Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n "
		    "filename*=utf-8''a%0D%0Ab%E2%80%AEfdp.exe\r\n\r\n",
		    "||a bfdp.exe application/pdf 0" },
		{ "M12 partial", "Content-Type: message/partial; id=x; number=1; total=2\r\n\r\nx", "mime.partial" },
		{ "M12 external body",
		    MIXED "--b\r\nContent-Type: message/external-body; access-type=URL;\r\n URL=\"http://x\""
			  "\r\n\r\nContent-Type: a/b\r\n\r\n\r\n--b--\r\n",
		    "mime.external-body" },
		{ "M10 winmail.dat", MIXED "--b\r\nContent-Type: application/ms-tnef; name=x\r\n\r\nx\r\n--b--\r\n",
		    "mime.tnef" },
		{ "M10 winmail.dat by its name",
		    MIXED "--b\r\nContent-Type: application/octet-stream; name=WINMAIL.DAT\r\n\r\nx\r\n--b--\r\n",
		    "mime.tnef" },
		{ "M4 no boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", "mime.boundary" },
		{ "M4 boundary twice",
		    "Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\nx\r\n--b--",
		    "mime.boundary" },
		{ "M4 unterminated", MIXED "--b\r\n" PLAIN "x\r\n", "mime.boundary" },
		{ "M5 two types", "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", "mime.ambiguous" },
		{ "M7 base64 with junk", "Content-Transfer-Encoding: base64\r\n\r\naGVs!bG8=", "mime.encoding" },
		{ "M7 data after the padding", "Content-Transfer-Encoding: base64\r\n\r\naA==aA==", "mime.encoding" },
		{ "M7 unknown encoding", "Content-Transfer-Encoding: x-uue\r\n\r\nbegin 644 x", "mime.encoding" },
		{ "flowed", "Content-Type: text/plain; format=flowed; charset=utf-8\r\n\r\na \r\nb\r\n-- \r\nsig\r\n",
		    "|a b\n-- \nsig\n" },
		{ "language", "Content-Language: es\r\n\r\nhola", "|hola" },
		{ "legacy display is taken away",
		    "Content-Type: text/plain; hp=cipher; hp-legacy-display=1\r\n\r\nSubject: x\r\n"
		    "\r\nwords",
		    "|words" },
		{ "legacy display hides no words",
		    "Content-Type: text/plain; hp=cipher; hp-legacy-display=1\r\n\r\n"
		    "Take two.\r\n\r\nwords",
		    "|Take two.\n\nwords" },
		{ "legacy display without protection is text",
		    "Content-Type: text/plain; hp-legacy-display=1\r\n\r\nSubject: x\r\n\r\nwords",
		    "|Subject: x\n\nwords" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR got = describe(slice_of(rows[i].raw));

		print_message("  %s\n", rows[i].name);
		assert_string_equal(got, rows[i].expect);
	}
	{
		static const char nul[] = "Subject: a\r\n\r\nx\0y";
		AUTO_STR got = describe((struct slice){ nul, sizeof nul - 1 });

		assert_string_equal(got, "a|x\357\277\275y");
	}
}

static void
limits_are_named(void **state)
{
	AUTO_BUF deep = BUF_INIT;
	AUTO_BUF wide = BUF_INIT;
	AUTO_BUF params = BUF_INIT;
	long start = cpu_ms();

	(void)state;
	for (int i = 0; i < 100000; i++)
		buf_printf(&deep, "Content-Type: multipart/mixed; boundary=\"b%d\"\r\n\r\n\r\n--b%d\r\n", i, i);
	buf_puts(&wide, MIXED);
	for (int i = 0; i < 100000; i++)
		buf_puts(&wide, "--b\r\n\r\nx\r\n");
	buf_puts(&wide, "--b--\r\n");
	buf_puts(&params, "Content-Type: text/plain");
	for (int i = 0; i < 100000; i++)
		buf_puts(&params, ";a=b");
	buf_puts(&params, "\r\n\r\nx");
	{
		AUTO_STR a = describe(buf_slice(&deep));
		AUTO_STR b = describe(buf_slice(&wide));
		AUTO_STR c = describe(buf_slice(&params));

		assert_string_equal(a, "limit.mime-depth");
		assert_string_equal(b, "limit.mime-parts");
		assert_string_equal(c, "limit.header-bytes");
	}
	assert_cpu_below(start, 200);
}

static void
html_becomes_text(void **state)
{
	static const struct {
		const char *name, *html, *text;
	} rows[] = {
		{ "nothing", "", "" },
		{ "words", "Hello   <b>dear</b>\n patient", "Hello dear patient" },
		{ "lines", "a<br>b<br/><br >c", "a\nb\n\nc" },
		{ "paragraphs", "<p>a</p>\n<p>b</p>", "a\n\nb" },
		{ "div", "<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc" },
		{ "entities", "&lt;3 &amp; caf&eacute; &#8364; &#x1F600; &nbsp;x &unknown; &",
		    "<3 & caf\303\251 \342\202\254 "
		    "\360\237\230\200  x &unknown; &" },
		{ "numbers that are no characters", "&#0;&#xD800;&#x110000;&#99999999999;&#128;",
		    "\357\277\275\357\277\275\357\277\275\357\277\275\342\202\254" },
		{ "entity without its semicolon", "a&ltb &lt b", "a&ltb < b" },
		{ "ordered list", "<ol><li>one<li>two</ol>x", "1. one\n2. two\n\nx" },
		{ "ordered list that goes on", "<ol start=3><li>three</li><li value=7>seven</li></ol>",
		    "3. three\n7. seven" },
		{ "bullets, nested", "<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n  - b\n- c" },
		{ "table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc" },
		{ "quotation", "x<blockquote>a<br>b<blockquote>c</blockquote></blockquote>y", "x\n> a\n> b\n>> c\ny" },
		{ "pre", "<pre>a\n  b</pre>", "a\n  b" },
		{ "link", "<a href=\"https://clinic.example/x?a=1&amp;b=2\">our page</a>",
		    "our page (https://clinic.example/x?a=1&b=2)" },
		{ "link that is its text", "<a href='https://a.example'>https://a.example</a>", "https://a.example" },
		{ "mail link", "<a href=mailto:a@b.example>a@b.example</a>", "a@b.example" },
		{ "link with no words", "x<a href=http://a.example></a>", "x" },
		{ "image", "<img alt='the &quot;rash&quot;'><img src=x>", "[the \"rash\"]" },
		{ "rule", "a<hr>b", "a\n----------\nb" },
		{ "less than", "a < b <3 <", "a < b <3 <" },
		{ "head", "<html><head><title>t</title><meta charset=x></head><body>b</body></html>", "b" },
		{ "P1 script", "a<script>alert('</p>')</script>b<SCRIPT src=x></SCRIPT >c", "abc" },
		{ "P1 unclosed script", "a<script>alert(1)", "a" },
		{ "P1 style and comment", "a<style>p{background:url(http://x)}</style><!-- c <b> -->b", "ab" },
		{ "P1 conditional comment", "a<!--[if mso]><p>x</p><![endif]--><![if !mso]>b<![endif]>", "ab" },
		{ "P1 short comments", "a<!-->b<!--->c<!x>d<?x?>e</ x>f", "abcdef" },
		{ "P1 event handlers", "<p onclick=\"alert('>')\" onload=x>a</p>", "a" },
		{ "P1 javascript link", "<a href=\"java\nscript:alert(1)\">a</a><a href='data:text/html,x'>b</a>",
		    "ab" },
		{ "P1 refresh, form, frame",
		    "<meta http-equiv=refresh content='0;url=http://x'><form action=http://x><input "
		    "value=v>a</form><iframe src=x>f</iframe>",
		    "a" },
		{ "P1 remote image", "<img src=\"http://track.example/1.gif\">a", "a" },
		{ "P1 svg", "<svg onload=alert(1)><text>a</text></svg>", "a" },
		{ "P1 tags that come back together", "<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt>alert(1)ipt>" },
		{ "P1 quotes that do not end", "a<p title=\"b", "a" },
		{ "a name too long is no element", "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa href=http://x>a", "a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF b = BUF_INIT;

		print_message("  %s\n", rows[i].name);
		html_to_text(slice_of(rows[i].html), &b);
		assert_string_equal(buf_str(&b), rows[i].text);
	}
}

static void
hostile_html_is_linear(void **state)
{
	static const char *const pieces[] = { "<blockquote>", "<a href=x>", "<!--", "<script>", "<", "&", "<b \"",
		"<ul><li>", "<td>", "<br>", "<pre>\n", "&#", "</", "<a href=\"&amp;", "x<br><blockquote>" };
	long start = cpu_ms();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		AUTO_BUF in = BUF_INIT;
		AUTO_BUF out = BUF_INIT;

		while (in.n < 2 << 20)
			buf_puts(&in, pieces[i]);
		html_to_text(buf_slice(&in), &out);
		assert_true(out.n <= 8 * in.n);
	}
	assert_cpu_below(start, 4000);
}

static void
flowed_text_is_joined(void **state)
{
	static const struct {
		const char *in, *out;
		bool delsp;
	} rows[] = {
		{ "", "", false },
		{ "a \nb \nc\nd", "a b c\nd", false },
		{ "a \nb", "ab", true },
		{ " >not quoted\n From x\n", ">not quoted\nFrom x\n", false },
		{ "> a \n> b\nc", "> a b\nc", false },
		{ "> a \nb", "> a \nb", false },
		{ ">>a\n> b\n", ">> a\n> b\n", false },
		{ "a\n\nb \n\nc", "a\n\nb \nc", false },
		{ "x \n-- \nsig", "x \n-- \nsig", false },
		{ "a ", "a ", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF b = BUF_INIT;

		flowed_join(slice_of(rows[i].in), rows[i].delsp, &b);
		assert_string_equal(buf_str(&b), rows[i].out);
	}
}

static void
file_names_are_only_names(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "report.pdf", "report.pdf" },
		{ "../../etc/passwd", "passwd" },
		{ "C:\\temp\\x.doc", "x.doc" },
		{ "..", "attachment" },
		{ "", "attachment" },
		{ "...hidden", "hidden" },
		{ "-rf", "rf" },
		{ "a/", "attachment" },
		{ "a:b*c?.pdf", "a_b_c_.pdf" },
		{ "\342\200\256gpj.exe", "gpj.exe" },
		{ "a\rb\nc", "a b c" },
		{ "x.pdf. . ", "x.pdf" },
		{ "r\303\251sum\303\251.pdf", "r\303\251sum\303\251.pdf" },
		{ "\377.pdf", "\357\277\275.pdf" },
	};
	AUTO_BUF longest = BUF_INIT;
	AUTO_BUF got = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF b = BUF_INIT;

		text_file_name(slice_of(rows[i].in), &b);
		assert_string_equal(buf_str(&b), rows[i].out);
	}
	for (int i = 0; i < 5000; i++)
		buf_puts(&longest, "\303\251");
	buf_puts(&longest, ".pdf");
	text_file_name(buf_slice(&longest), &got);
	assert_true(got.n <= 120);
	assert_string_equal(got.p + got.n - 6, "\303\251.pdf");
}

static void
the_stored_form_is_exact(void **state)
{
	AUTO(content)
	c = content_new("Re:  two  blanks \342\230\225 and a subject that is much longer than one encoded word",
	    "From me\r\nline \t\r\n.\n\n  caf\303\251\rx");
	AUTO(content) d = NULL;
	AUTO(content) other = NULL; /* as any MIME reader sees it */
	AUTO_BUF first = BUF_INIT;
	AUTO_BUF second = BUF_INIT;
	static const char bytes[] = "\0\r\n--=_portico-content--\r\n\377";

	(void)state;
	assert_string_equal(c->text, "From me\nline \t\n.\n\n  caf\303\251\nx");
	c->language = xstrdup("es-MX");
	content_add(c, "../r\303\251sum\303\251 \"x\".pdf", "Application/PDF", bytes, sizeof bytes);
	content_add(c, "a", "multipart/mixed", "", 0);
	content_add(c, NULL, "not a type\r\nX: y", bytes, 3);
	c->att[2].inline_image = true;
	content_encode(c, &first);
	assert_int_equal(content_decode(buf_slice(&first), &limits, &d, NULL), ST_OK);
	assert_string_equal(d->subject, c->subject);
	assert_string_equal(d->text, c->text);
	assert_string_equal(d->language, "es-MX");
	assert_int_equal(d->natt, 3);
	assert_string_equal(d->att[0].name, "r\303\251sum\303\251 _x_.pdf");
	assert_string_equal(d->att[0].type, "application/pdf");
	assert_int_equal(d->att[0].data.n, sizeof bytes);
	assert_memory_equal(d->att[0].data.p, bytes, sizeof bytes);
	assert_string_equal(d->att[1].type, "application/octet-stream");
	assert_int_equal(d->att[1].data.n, 0);
	assert_string_equal(d->att[2].type, "application/octet-stream");
	assert_string_equal(d->att[2].name, "attachment");
	assert_true(d->att[2].inline_image && !d->att[0].inline_image);
	assert_int_equal(content_from_mime(buf_slice(&first), &limits, &other, NULL), ST_OK);
	assert_string_equal(other->subject, c->subject);
	assert_string_equal(other->text, c->text);
	assert_int_equal(other->natt, 3);
	assert_string_equal(other->att[0].name, c->att[0].name);
	content_encode(d, &second);
	assert_string_equal(buf_str(&first), buf_str(&second));
	for (const char *line = first.p, *end; (end = strstr(line, "\r\n")) != NULL; line = end + 2)
		assert_true(end - line <= 998);
}

static void
the_stored_form_is_read_strictly(void **state)
{
	AUTO(content) c = content_new("s", "t");
	AUTO_BUF form = BUF_INIT;
	size_t refused = 0;

	(void)state;
	content_add(c, "a.txt", "text/plain", "abc", 3);
	content_encode(c, &form);
	/* cut off anywhere it is either refused or still whole */
	for (size_t n = 0; n < form.n; n++) {
		AUTO(content) d = NULL;
		enum status st = content_decode((struct slice){ form.p, n }, &limits, &d, NULL);

		refused += st != ST_OK;
		if (st == ST_OK)
			assert_int_equal(d->natt, 1);
	}
	assert_true(refused >= form.n - 4);
}

static void
empty_content_is_content(void **state)
{
	AUTO(content) c = content_new(NULL, NULL);
	AUTO(content) d = NULL;
	AUTO_BUF form = BUF_INIT;

	(void)state;
	content_encode(c, &form);
	assert_int_equal(content_decode(buf_slice(&form), &limits, &d, NULL), ST_OK);
	assert_string_equal(d->subject, "");
	assert_string_equal(d->text, "");
	assert_null(d->language);
	assert_int_equal(d->natt, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_becomes_what_was_said),
		cmocka_unit_test(limits_are_named),
		cmocka_unit_test(html_becomes_text),
		cmocka_unit_test(hostile_html_is_linear),
		cmocka_unit_test(flowed_text_is_joined),
		cmocka_unit_test(file_names_are_only_names),
		cmocka_unit_test(the_stored_form_is_exact),
		cmocka_unit_test(the_stored_form_is_read_strictly),
		cmocka_unit_test(empty_content_is_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
