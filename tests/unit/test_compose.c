#include "mail/compose.h"

#include "mail/address.h"
#include "mail/entity.h"
#include "mail/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct limits_conf limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 35 << 20,
};

static const char *const references[] = { "first@portal.clinic.example",
	"p1.mp-7k3qxm.7q2m4k9c1xhd8t0b.k1.abcdefghijklmnopqrstuvwxyz@clinic.example" };

static struct compose
example(const struct content *c)
{
	return (struct compose){
		.from_name = "Patient portal (Example Clinic)",
		.from = "portal@clinic.example",
		.to = "lee@clinic.example",
		.outer_subject = "Portal message [P-7K3QXM]",
		.subject = "A question",
		.message_id = "p1.mp-7k3qxm.8q2m4k9c1xhd8t0b.k1.abcdefghijklmnopqrstuvwxyz@clinic.example",
		.references = references,
		.nreferences = 2,
		.date = 1772632800,
		.block = "Patient: Jo\303\253l Rivera\nBorn: 1970-01-01",
		.content = c,
		.thread = "P-7K3QXM",
		.footer = "Reference 8Q2M\nCall +1 555 0100",
		.token = "0123456789ABCDEF",
	};
}

/* What the reader in compose_check.py must find. */
struct want {
	const char *from_name, *outer_subject, *subject, *plain, *files;
};

static void
other_parser_agrees(const struct compose *c, const struct want *w)
{
	AUTO_BUF outer = BUF_INIT;
	AUTO_BUF inner = BUF_INIT;
	struct err err = ERR_NONE;
	FILE *p;

	assert_int_equal(compose_outer(c, &outer, &err), ST_OK);
	assert_int_equal(compose_inner(c, &inner, &err), ST_OK);
	p = popen("/usr/bin/python3 tests/unit/compose_check.py", "w");
	assert_non_null(p);
	/* the line end of the last field belongs to the separator */
	fwrite(outer.p, 1, outer.n - 2, p);
	fputs("\r\n=====\r\n", p);
	fwrite(inner.p, 1, inner.n, p);
	fprintf(p,
	    "\r\n=====\r\nfrom=%s\036from_name=%s\036to=%s\036id=%s\036outer_subject=%s\036subject=%s\036plain=%s\036"
	    "files=%s",
	    c->from, w->from_name, c->to, c->message_id, w->outer_subject, w->subject, w->plain, w->files);
	assert_int_equal(pclose(p), 0);
}

static void
another_parser_reads_what_we_wrote(void **state)
{
	AUTO(content)
	plain = content_new("", "Hello doctor,\n\nFrom here on it hurts.   \n.\n\ttabs = \"quotes\" <b>\n");
	AUTO(content)
	rich = content_new("", "caf\303\251 \342\230\225 a very long line that goes on and on and on and on, "
			       "much longer than seventy-six characters, so that it must be broken softly");
	struct compose c = example(plain), automatic;
	static const char bytes[] = "\0\001\377 binary";

	(void)state;
	other_parser_agrees(&c,
	    &(struct want){ "Patient portal (Example Clinic)", "Portal message [P-7K3QXM]", "A question",
		"Subject: A question\n\n-- please write above this line [P-7K3QXM] --\n\nPatient: Jo\303\253l Rivera\n"
		"Born: 1970-01-01\n\nHello doctor,\n\nFrom here on it hurts.   \n.\n\ttabs = \"quotes\" <b>\n\n\n-- \n"
		"Reference 8Q2M\nCall +1 555 0100\n",
		"" });
	content_add(rich, "r\303\251sum\303\251 \342\230\225.pdf", "application/pdf", bytes, sizeof bytes);
	content_add(rich, "old.eml", "message/rfc822", "Subject: x\n\ny", 13);
	content_add(rich, "empty", "text/plain", "", 0);
	automatic = example(rich);
	automatic.subject =
	    "Caf\303\251 \342\230\225 und \303\234bel, with a subject that is so long that it has to be folded";
	automatic.from_name = "Cl\303\255nica \"del Sur\"";
	automatic.automatic = automatic.urgent = true;
	automatic.thread = "";
	automatic.footer = NULL;
	automatic.nreferences = 0;
	other_parser_agrees(&automatic,
	    &(struct want){ "Cl\303\255nica \"del Sur\"", "Portal message [P-7K3QXM]", automatic.subject,
		"Subject: Caf\303\251 \342\230\225 und \303\234bel, with a subject that is so long that it has to be "
		"folded\n\n"
		"Patient: Jo\303\253l Rivera\nBorn: 1970-01-01\n\ncaf\303\251 \342\230\225 a very long line that goes "
		"on and on "
		"and on and on, much longer than seventy-six characters, so that it must be broken softly\n",
		"r\303\251sum\303\251 \342\230\225.pdf application/pdf 11;old.eml application/octet-stream 13;empty "
		"text/plain 0" });
}

/* H2: whatever stands in a name or a subject, each field is one field. */
static void
nothing_can_be_injected_into_a_header(void **state)
{
	static const struct {
		const char *name, *text, *expect;
	} rows[] = {
		{ "CR LF", "a\r\nBcc: eve@evil.example", "a Bcc: eve@evil.example" },
		{ "LF", "a\nBcc: eve@evil.example", "a Bcc: eve@evil.example" },
		{ "bare CR", "a\rBcc: eve@evil.example", "a Bcc: eve@evil.example" },
		{ "CR LF and an empty line", "a\r\n\r\nbody", "a  body" },
		{ "U+2028 and U+2029", "a\342\200\250b\342\200\251c", "a b c" },
		{ "U+0085, vertical tab, form feed", "a\302\205b\013c\014d", "a b c d" },
		{ "a fold", "a\r\n b", "a  b" },
		{ "8-bit that is not UTF-8", "a\377b", "a\357\277\275b" },
		{ "right-to-left override", "a\342\200\256b", "ab" },
		{ "an encoded line end stays text", "=?utf-8?q?a=0D=0ABcc:_x?=", "=?utf-8?q?a=0D=0ABcc:_x?=" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(content) c = content_new("", "x");
		AUTO(arena) a = arena_new();
		AUTO_BUF outer = BUF_INIT;
		AUTO_BUF inner = BUF_INIT;
		struct compose k = example(c);
		struct entity e;
		const char *from;

		print_message("  %s\n", rows[i].name);
		k.from_name = k.subject = k.outer_subject = k.block = k.footer = rows[i].text;
		content_add(c, rows[i].text, "text/plain", "x", 1);
		assert_int_equal(compose_outer(&k, &outer, NULL), ST_OK);
		assert_int_equal(compose_inner(&k, &inner, NULL), ST_OK);
		assert_int_equal(entity_scan(buf_slice(&outer), &limits, a, &e, NULL), ST_OK);
		assert_int_equal(e.nfields, 10);
		assert_int_equal(e.body.n, 0);
		assert_int_equal(entity_count(&e, "Bcc"), 0);
		assert_int_equal(from_mailbox(&e, a, &from, NULL), ST_OK);
		assert_string_equal(from, "portal@clinic.example");
		assert_int_equal(entity_scan(buf_slice(&inner), &limits, a, &e, NULL), ST_OK);
		assert_int_equal(e.nfields, 7 + 7 + 1);
		assert_int_equal(from_mailbox(&e, a, &from, NULL), ST_OK);
		assert_string_equal(from, "portal@clinic.example");
		{
			AUTO(content) back = NULL;

			assert_int_equal(content_from_mime(buf_slice(&inner), &limits, &back, NULL), ST_OK);
			if (strncmp(rows[i].text, "=?", 2) != 0)
				assert_string_equal(back->subject, rows[i].expect);
			assert_null(strpbrk(back->subject, "\r\n"));
			assert_int_equal(back->natt, 1);
			assert_null(strpbrk(back->att[0].name, "\r\n/"));
		}
	}
}

static void
what_cannot_stand_in_a_header_is_refused(void **state)
{
	AUTO(content) c = content_new("", "x");
	struct compose good = example(c), bad;
	AUTO_BUF b = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	bad = good;
	bad.to = "lee@clinic.example\r\nBcc: eve@evil.example";
	assert_int_equal(compose_outer(&bad, &b, &err), ST_MSG_REFUSED);
	assert_string_equal(err.code, "compose.address");
	bad = good;
	bad.from = "Portal <portal@clinic.example>";
	assert_int_equal(compose_inner(&bad, &b, &err), ST_MSG_REFUSED);
	bad = good;
	bad.message_id = "a@b>\r\nX: y";
	assert_int_equal(compose_outer(&bad, &b, &err), ST_MSG_REFUSED);
	assert_string_equal(err.code, "compose.message-id");
	bad = good;
	bad.token = "a b";
	assert_int_equal(compose_outer(&bad, &b, &err), ST_MSG_REFUSED);
	assert_string_equal(err.code, "compose.reference");
	bad = good;
	bad.thread = "P-1]\n";
	assert_int_equal(compose_outer(&bad, &b, &err), ST_MSG_REFUSED);
	assert_int_equal(b.n, 0);
}

static void
bad_references_are_left_out_and_many_are_cut(void **state)
{
	AUTO(content) c = content_new("", "x");
	AUTO(arena) a = arena_new();
	AUTO_BUF b = BUF_INIT;
	struct compose k = example(c);
	const char *many[500], *ids[500];
	struct entity e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = arena_printf(a, "id%zu@clinic.example", i);
	many[499] = "newest@clinic.example\r\nX: y";
	k.references = many;
	k.nreferences = ARRAY_LEN(many);
	assert_int_equal(compose_outer(&k, &b, NULL), ST_OK);
	assert_int_equal(entity_scan(buf_slice(&b), &limits, a, &e, NULL), ST_OK);
	assert_int_equal(msg_ids(entity_get(&e, "References", a), a, 500, ids), 19);
	assert_string_equal(ids[0], "id0@clinic.example");
	assert_string_equal(ids[18], "id498@clinic.example");
	assert_string_equal(entity_get(&e, "In-Reply-To", a), "<id498@clinic.example>");
}

static void
fields_outside_say_what_they_should(void **state)
{
	AUTO(content) c = content_new("", "x");
	AUTO(arena) a = arena_new();
	AUTO_BUF b = BUF_INIT;
	AUTO_BUF human = BUF_INIT;
	struct compose k = example(c);
	struct entity e;

	(void)state;
	assert_int_equal(compose_outer(&k, &human, NULL), ST_OK);
	assert_int_equal(entity_scan(buf_slice(&human), &limits, a, &e, NULL), ST_OK);
	assert_string_equal(entity_get(&e, "X-Portal-Token", a), "0123456789ABCDEF");
	assert_string_equal(entity_get(&e, "X-Portal-Thread", a), "P-7K3QXM");
	assert_string_equal(entity_get(&e, "X-Auto-Response-Suppress", a), "OOF, AutoReply, RN, NRN");
	assert_null(entity_get(&e, "Auto-Submitted", a));
	assert_null(entity_get(&e, "Importance", a));
	assert_null(entity_get(&e, "Reply-To", a));
	assert_null(strstr(buf_str(&human), "A question"));
	assert_null(strstr(buf_str(&human), "Rivera"));
	k.automatic = k.urgent = true;
	assert_int_equal(compose_outer(&k, &b, NULL), ST_OK);
	assert_int_equal(entity_scan(buf_slice(&b), &limits, a, &e, NULL), ST_OK);
	assert_string_equal(entity_get(&e, "Auto-Submitted", a), "auto-generated");
	assert_string_equal(entity_get(&e, "Importance", a), "high");
}

static void
a_reply_above_our_text_keeps_only_its_own_words(void **state)
{
	AUTO(content) words = content_new("", "It hurts.\nWhat shall I do?");
	AUTO(content) back = NULL;
	AUTO(arena) a = arena_new();
	AUTO_BUF inner = BUF_INIT;
	AUTO_BUF answer = BUF_INIT;
	struct compose k = example(words);
	struct reply r;

	(void)state;
	assert_int_equal(compose_inner(&k, &inner, NULL), ST_OK);
	assert_int_equal(content_from_mime(buf_slice(&inner), &limits, &back, NULL), ST_OK);
	/* the client took the legacy display line away; our marker is the first thing it quotes */
	assert_memory_equal(back->text, "-- please write above this line [P-7K3QXM] --", 45);
	buf_puts(&answer, "Take two a day.\n\nD. Lee\n\nOn Wed, 4 Mar 2026, Patient portal wrote:\n");
	for (const char *s = back->text; *s != '\0'; s++) {
		if (s == back->text || s[-1] == '\n')
			buf_puts(&answer, "> ");
		buf_putc(&answer, *s);
	}
	reply_trim(buf_str(&answer), "P-7K3QXM", a, &r);
	assert_string_equal(r.text, "Take two a day.\n\nD. Lee");
	assert_true(r.trimmed);
	assert_null(r.other_thread);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_parser_reads_what_we_wrote),
		cmocka_unit_test(nothing_can_be_injected_into_a_header),
		cmocka_unit_test(what_cannot_stand_in_a_header_is_refused),
		cmocka_unit_test(bad_references_are_left_out_and_many_are_cut),
		cmocka_unit_test(fields_outside_say_what_they_should),
		cmocka_unit_test(a_reply_above_our_text_keeps_only_its_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
