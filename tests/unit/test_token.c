#include "mail/token.h"

#include "base/own.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEE "lee@clinic.example"

static struct token_keys keys;
static const struct token message = { TOKEN_MESSAGE, "P-7K3QXM", "7Q2M4K9C1XHD8T0B" };

static int
make_keys(void **state)
{
	(void)state;
	keys.n = 2;
	for (size_t i = 0; i < keys.n; i++) {
		keys.key[i].id[0] = 'k';
		keys.key[i].id[1] = (char)('2' - i);
		memset(keys.key[i].key, (int)i + 1, sizeof keys.key[i].key);
	}
	return 0;
}

static char *
change_case(const char *s, int (*f)(int))
{
	char *t = xstrdup(s);

	for (char *p = t; *p != '\0'; p++)
		*p = (char)f((unsigned char)*p);
	return t;
}

static void
an_identifier_comes_back_as_it_was_made(void **state)
{
	static const struct token rows[] = {
		{ TOKEN_MESSAGE, "P-7K3QXM", "7Q2M4K9C1XHD8T0B" },
		{ TOKEN_HOLD, "P-7K3QXM", "H1" },
		{ TOKEN_NOTICE, "", "7Q2M4K9C1XHD8T0B" },
		{ TOKEN_NOTICE, "", "" },
		{ TOKEN_BOUNCE, "P-7K3QXM", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR id = token_message_id(&keys, "demo", "Portal.Clinic.Example", &rows[i], LEE);
		AUTO_STR shout = change_case(id, toupper);
		AUTO_STR quiet = change_case(id, tolower);
		struct token t;

		assert_string_equal(id, quiet);
		assert_true(strlen(id) < 120);
		assert_true(token_shaped(id) && token_shaped(shout));
		assert_true(token_parse(&keys, "demo", shout, "LEE@clinic.example", &t));
		assert_int_equal(t.kind, rows[i].kind);
		assert_string_equal(t.thread, rows[i].thread);
		assert_string_equal(t.ref, rows[i].ref);
	}
}

static void
anything_altered_is_not_ours(void **state)
{
	AUTO_STR id = token_message_id(&keys, "demo", "clinic.example", &message, LEE);
	struct token t = { .ref = "untouched" };
	size_t at = strcspn(id, "@");

	(void)state;
	assert_true(token_parse(&keys, "demo", id, LEE, &t));
	assert_false(token_parse(&keys, "other", id, LEE, &t));
	assert_false(token_parse(&keys, "demo", id, "kim@clinic.example", &t));
	assert_false(token_parse(&keys, "demo", id, NULL, &t));
	strcpy(t.ref, "untouched");
	/* every character before the domain, changed to every other letter, digit and some more */
	for (size_t i = 0; i < at; i++) {
		char kept = id[i];

		for (const char *c = "abcdefghijklmnopqrstuvwxyz0123456789.-@| "; *c != '\0'; c++) {
			id[i] = *c;
			if (*c != kept)
				assert_false(token_parse(&keys, "demo", id, LEE, &t));
		}
		id[i] = kept;
	}
	assert_string_equal(t.ref, "untouched");
	assert_true(token_parse(&keys, "demo", id, LEE, &t));
}

static void
fields_cannot_be_moved_across_their_borders(void **state)
{
	static const struct token a = { TOKEN_MESSAGE, "P-7K3QXM", "AB" };
	AUTO_STR id = token_message_id(&keys, "demo", "clinic.example", &a, LEE);
	struct token t;

	(void)state;
	/* p1.mp-7k3qxm.ab.  ->  p1.mp-7k3qxma.b. */
	assert_memory_equal(id, "p1.mp-7k3qxm.ab.k2.", 19);
	memcpy(id, "p1.mp-7k3qxma.b.k2.", 19);
	assert_false(token_parse(&keys, "demo", id, LEE, &t));
}

static void
odd_identifiers_are_not_ours(void **state)
{
	static const char *const rows[] = { "", "@", "p1", "p1.", "p1.m", "p1.m@", "p1.m@clinic.example",
		"p1.mp-7k3qxm.7q2m.k2@clinic.example", "p1.mp-7k3qxm.7q2m.k2.@clinic.example",
		"p1.mp-7k3qxm.7q2m.k2.abcdefghijklmnopqrstuvwxyz.x@clinic.example",
		"p1.mp-7k3qxm.7q2m4k9c1xhd8t0b7q2m4k9c1xhd8t0b.k2.abcdefghijklmnopqrstuvwxyz@clinic.example",
		"p1.mp-7k3qxmp-7k3qxm.7q2m.k2.abcdefghijklmnopqrstuvwxyz@clinic.example",
		"p1.mp-7k3qxm.7q2m.k2k2k2.abcdefghijklmnopqrstuvwxyz@clinic.example",
		"p1.xp-7k3qxm.7q2m.k2.abcdefghijklmnopqrstuvwxyz@clinic.example", "CADw+x3@mail.gmail.example" };
	struct token t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_false(token_parse(&keys, "demo", rows[i], LEE, &t));
	assert_false(token_parse(&keys, "demo", NULL, LEE, &t));
	assert_false(token_shaped(NULL));
	assert_false(token_shaped("CADw+x3@mail.gmail.example"));
	assert_false(token_shaped("p1.message.123.456@host.example"));
	/* damaged, but plainly meant to be one of ours */
	assert_true(token_shaped("p1.mp-7k3qxm.7q2m.k2.abc@clinic.example"));
	assert_true(token_shaped("P1.HP-7K3QXM.7Q2M.K9.ABC@clinic.example"));
}

static void
old_keys_still_verify_and_unknown_ones_do_not(void **state)
{
	struct token_keys old = { .n = 1 }, other = keys;
	struct token t;

	(void)state;
	old.key[0] = keys.key[1];
	{
		AUTO_STR id = token_message_id(&old, "demo", "clinic.example", &message, LEE);

		assert_true(token_parse(&keys, "demo", id, LEE, &t));
		other.n = 1;
		assert_false(token_parse(&other, "demo", id, LEE, &t));
		other.key[0] = keys.key[1];
		other.key[0].key[31] ^= 1;
		assert_false(token_parse(&other, "demo", id, LEE, &t));
	}
}

static void
bounce_addresses_come_back(void **state)
{
	AUTO_STR rcpt = token_bounce_address(&keys, "demo", "portico-bounce@clinic.example", &message);
	AUTO_STR shout = change_case(rcpt, toupper);
	AUTO_STR id = token_message_id(&keys, "demo", "clinic.example", &message, "");
	struct token t;
	size_t local = strcspn(rcpt, "@");

	(void)state;
	assert_true(local <= 64);
	assert_memory_equal(rcpt, "portico-bounce+", 15);
	assert_true(token_bounce_parse(&keys, "demo", "portico-bounce@clinic.example", shout, &t));
	assert_int_equal(t.kind, TOKEN_BOUNCE);
	assert_string_equal(t.thread, message.thread);
	assert_string_equal(t.ref, message.ref);
	assert_false(token_bounce_parse(&keys, "other", "portico-bounce@clinic.example", rcpt, &t));
	assert_false(token_bounce_parse(&keys, "demo", "portico-bounce@other.example", rcpt, &t));
	assert_false(token_bounce_parse(&keys, "demo", "bounce@clinic.example", rcpt, &t));
	assert_false(
	    token_bounce_parse(&keys, "demo", "portico-bounce@clinic.example", "portico-bounce@clinic.example", &t));
	assert_false(
	    token_bounce_parse(&keys, "demo", "portico-bounce@clinic.example", "portico-bounce+@clinic.example", &t));
	assert_false(token_bounce_parse(&keys, "demo", "portico-bounce@clinic.example", id, &t));
	assert_false(token_bounce_parse(&keys, "demo", "portico-bounce@clinic.example", NULL, &t));
	for (size_t i = 0; i < local; i++) {
		char kept = rcpt[i];

		rcpt[i] = kept == 'a' ? 'b' : 'a';
		assert_false(token_bounce_parse(&keys, "demo", "portico-bounce@clinic.example", rcpt, &t));
		rcpt[i] = kept;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_identifier_comes_back_as_it_was_made),
		cmocka_unit_test(anything_altered_is_not_ours),
		cmocka_unit_test(fields_cannot_be_moved_across_their_borders),
		cmocka_unit_test(odd_identifiers_are_not_ours),
		cmocka_unit_test(old_keys_still_verify_and_unknown_ones_do_not),
		cmocka_unit_test(bounce_addresses_come_back),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
