#include "mail/address.h"

#include <setjmp.h>
#include <stdarg.h>
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

static void
from_is_one_plain_mailbox_or_refused(void **state)
{
	static const struct {
		const char *name, *raw, *expect; /* an address, or a code with a "." and no "@" */
	} rows[] = {
		{ "bare address", "From: lee@clinic.example\r\n", "lee@clinic.example" },
		{ "case of the local part stays", "from: Lee@Clinic.Example\r\n", "Lee@Clinic.Example" },
		{ "name and address", "From: Dr. Dana Lee <lee@clinic.example>\r\n", "lee@clinic.example" },
		{ "quoted name", "From: \"Lee, Dana (MD)\" <lee@clinic.example>\r\n", "lee@clinic.example" },
		{ "encoded name", "From: =?utf-8?q?J=C3=B3se?= <lee@clinic.example>\r\n", "lee@clinic.example" },
		{ "UTF-8 name", "From: J\303\263se <lee@clinic.example>\r\n", "lee@clinic.example" },
		{ "name folded by the client", "From: \"Dana\r\n Lee\"\r\n <lee@clinic.example>\r\n",
		    "lee@clinic.example" },
		{ "no name", "From: <lee@clinic.example>\r\n", "lee@clinic.example" },
		{ "I5 another address as the name", "From: \"lee@clinic.example\" <eve@evil.example>\r\n",
		    "eve@evil.example" },
		{ "I5 an encoded address as the name", "From: =?utf-8?q?lee=40clinic.example?= <eve@evil.example>\r\n",
		    "eve@evil.example" },
		{ "I2 two fields", "From: lee@clinic.example\r\nFrom: eve@evil.example\r\n", "identity.from-count" },
		{ "I2 the same twice", "From: lee@clinic.example\r\nFROM: lee@clinic.example\r\n",
		    "identity.from-count" },
		{ "I2 a second one with a blank", "From: lee@clinic.example\r\nFrom : eve@evil.example\r\n",
		    "identity.from-count" },
		{ "I2 a second one with its colon folded",
		    "From: lee@clinic.example\r\nFrom\r\n : eve@evil.example\r\n", "identity.from-count" },
		{ "I2 a second one on the first line", " From: eve@evil.example\r\nFrom: lee@clinic.example\r\n",
		    "identity.from-count" },
		{ "I2 a second one with a control in its name",
		    "Fr\001om: eve@evil.example\r\nFrom: lee@clinic.example\r\n", "identity.from-count" },
		{ "I2 blank before the colon", "From : lee@clinic.example\r\n", "identity.from-syntax" },
		{ "I2 colon folded", "From\r\n : lee@clinic.example\r\n", "identity.from-syntax" },
		{ "I2 first line begins with a blank", " From: lee@clinic.example\r\n", "identity.from-syntax" },
		{ "I2 bare CR hides a second field", "Subject: x\rFrom: lee@clinic.example\r\n",
		    "identity.from-count" },
		{ "I3 two mailboxes", "From: lee@clinic.example, eve@evil.example\r\n", "identity.from-syntax" },
		{ "I3 two in brackets", "From: <lee@clinic.example>, <eve@evil.example>\r\n", "identity.from-syntax" },
		{ "I3 two after each other", "From: <lee@clinic.example> <eve@evil.example>\r\n",
		    "identity.from-syntax" },
		{ "I3 group", "From: Doctors: lee@clinic.example;\r\n", "identity.from-syntax" },
		{ "I3 empty group", "From: undisclosed:;\r\n", "identity.from-syntax" },
		{ "I4 missing", "Subject: x\r\n", "identity.from-count" },
		{ "I4 empty", "From:\r\n", "identity.from-syntax" },
		{ "I4 blank", "From: \t \r\n", "identity.from-syntax" },
		{ "I4 name only", "From: Dana Lee\r\n", "identity.from-syntax" },
		{ "I4 empty brackets", "From: Dana Lee <>\r\n", "identity.from-syntax" },
		{ "I6 encoded word as the address", "From: =?utf-8?q?lee=40clinic.example?=\r\n",
		    "identity.from-syntax" },
		{ "I6 encoded word as the local part", "From: =?utf-8?q?lee?=@clinic.example\r\n",
		    "identity.from-syntax" },
		{ "I6 encoded word in brackets", "From: <=?utf-8?q?lee?=@clinic.example>\r\n", "identity.from-syntax" },
		{ "I6 tab in the address", "From: <lee\t@clinic.example>\r\n", "identity.from-syntax" },
		{ "I6 CR in the address", "From: lee@clinic\r.example\r\n", "identity.from-syntax" },
		{ "I6 control in the address", "From: <lee\001@clinic.example>\r\n", "identity.from-syntax" },
		{ "I6 fold in the address", "From: <lee@\r\n clinic.example>\r\n", "identity.from-syntax" },
		{ "I7 route", "From: <@evil.example:lee@clinic.example>\r\n", "identity.from-syntax" },
		{ "I7 quoted local part", "From: \"lee\"@clinic.example\r\n", "identity.from-syntax" },
		{ "I7 quoted local part in brackets", "From: <\"lee\"@clinic.example>\r\n", "identity.from-syntax" },
		{ "I7 two at signs", "From: \"a@b\"@clinic.example\r\n", "identity.from-syntax" },
		{ "I7 comment after", "From: lee@clinic.example (Dana)\r\n", "identity.from-syntax" },
		{ "I7 comment inside", "From: lee(x)@clinic.example\r\n", "identity.from-syntax" },
		{ "I7 comment in the name", "From: Dana (MD) <lee@clinic.example>\r\n", "identity.from-syntax" },
		{ "I7 blanks in the brackets", "From: < lee@clinic.example >\r\n", "identity.from-syntax" },
		{ "I7 unquoted address before the address", "From: lee@clinic.example <eve@evil.example>\r\n",
		    "identity.from-syntax" },
		{ "I7 text after the brackets", "From: <lee@clinic.example> x\r\n", "identity.from-syntax" },
		{ "I7 unterminated quote", "From: \"Dana <lee@clinic.example>\r\n", "identity.from-syntax" },
		{ "I8 U-label", "From: lee@cl\303\255nic.example\r\n", "identity.from-syntax" },
		{ "I8 A-label", "From: lee@xn--clnic-3ya.example\r\n", "lee@xn--clnic-3ya.example" },
		{ "I9 trailing dot", "From: lee@clinic.example.\r\n", "identity.from-syntax" },
		{ "I9 8-bit local part", "From: l\303\251e@clinic.example\r\n", "identity.from-syntax" },
		{ "name that is not UTF-8", "From: J\363se <lee@clinic.example>\r\n", "identity.from-syntax" },
		{ "domain literal", "From: lee@[192.0.2.1]\r\n", "identity.from-syntax" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct err err = ERR_NONE;
		const char *got = "untouched";
		struct entity e;
		enum status st;

		print_message("  %s\n", rows[i].name);
		assert_int_equal(entity_scan(slice_of(rows[i].raw), &limits, a, &e, &err), ST_OK);
		st = from_mailbox(&e, a, &got, &err);
		if (strchr(rows[i].expect, '@') != NULL) {
			assert_int_equal(st, ST_OK);
			assert_string_equal(got, rows[i].expect);
		} else {
			assert_int_equal(st, ST_MSG_REFUSED);
			assert_string_equal(err.code, rows[i].expect);
			assert_string_equal(got, "untouched");
			assert_null(strchr(err.text, '@'));
		}
	}
}

static void
addresses_are_valid_or_not(void **state)
{
	static const struct {
		const char *s;
		bool valid;
	} rows[] = {
		{ "a@b", true },
		{ "a.b+c@d.example", true },
		{ "o'neil@d-e.example", true },
		{ "", false },
		{ "@b", false },
		{ "a@", false },
		{ "a", false },
		{ ".a@b", false },
		{ "a.@b", false },
		{ "a..b@c", false },
		{ "a@b..c", false },
		{ "a@-b", false },
		{ "a@b-", false },
		{ "a@b_c", false },
		{ "a@b@c", false },
		{ "a b@c", false },
		{ "a@b c", false },
		{ "<a@b>", false },
		{ "a@b\n", false },
		{ "=?x?q?y?=@b", false },
		{ NULL, false },
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(addr_spec_valid(rows[i].s), rows[i].valid);
	memset(longest, 'a', sizeof longest);
	longest[64] = '@';
	longest[70] = '\0';
	assert_true(addr_spec_valid(longest));
	longest[64] = 'a';
	longest[65] = '@';
	assert_false(addr_spec_valid(longest));
	memset(longest, 'a', 255);
	for (int i = 1; i < 254; i += 2)
		longest[i] = i == 1 ? '@' : '.';
	longest[255] = '\0';
	assert_false(addr_spec_valid(longest));
	longest[253] = '\0';
	assert_true(addr_spec_valid(longest));
}

static void
addresses_are_compared_as_mail_compares_them(void **state)
{
	(void)state;
	assert_true(addr_spec_equal("lee@clinic.example", "lee@CLINIC.example"));
	assert_false(addr_spec_equal("lee@clinic.example", "Lee@clinic.example"));
	assert_false(addr_spec_equal("lee@clinic.example", "lee@clinic.example."));
	assert_false(addr_spec_equal("lee@clinic.example", "lee@clinic.example "));
	assert_false(addr_spec_equal("lee", "lee"));
	assert_false(addr_spec_equal(NULL, "lee@clinic.example"));
}

static void
message_ids_come_in_order(void **state)
{
	static const struct {
		const char *value, *expect;
	} rows[] = {
		{ "<a@b>", "a@b" },
		{ "<a@b> <c@d>\t<e@f>", "a@b c@d e@f" },
		{ "<a@b><c@d>", "a@b c@d" },
		{ "Your mail of Monday <a@b>", "a@b" },
		{ "<a@b c@d> <e@f>", "e@f" },
		{ "<a@b", "" },
		{ "a@b", "" },
		{ "<<a@b>>", "a@b" },
		{ "<a> <@b> <a@> <c@d>", "c@d" },
		{ "<a@b> <c@d> <e@f> <g@h>", "a@b c@d e@f" },
		{ "", "" },
		{ NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		AUTO_BUF got = BUF_INIT;
		const char *ids[3];
		size_t n = msg_ids(rows[i].value, a, 3, ids);

		for (size_t j = 0; j < n; j++)
			buf_printf(&got, "%s%s", j > 0 ? " " : "", ids[j]);
		assert_string_equal(buf_str(&got), rows[i].expect);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_is_one_plain_mailbox_or_refused),
		cmocka_unit_test(addresses_are_valid_or_not),
		cmocka_unit_test(addresses_are_compared_as_mail_compares_them),
		cmocka_unit_test(message_ids_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
