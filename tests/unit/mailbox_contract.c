#include "tests/unit/mailbox_contract.h"

#include "base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mailbox *
opened(const struct mailbox_subject *s)
{
	struct mailbox *m = NULL;
	struct err err = ERR_NONE;

	if (s->drv->open(s->conf, s->who, &m, &err) != ST_OK)
		fail_msg("open: %s %s", err.code, err.text);
	assert_ptr_equal(m->drv, s->drv);
	return m;
}

static char *
prepared(const struct mailbox_subject *s, struct mailbox *m, const char *folder)
{
	char *journal = NULL;
	struct err err = ERR_NONE;

	if (s->drv->prepare(m, folder, &journal, &err) != ST_OK)
		fail_msg("prepare: %s %s", err.code, err.text);
	return journal;
}

static enum status
sent(const struct mailbox_subject *s, struct mailbox *m, const char *folder, const char *token, char **ret,
    struct err *err)
{
	AUTO_STR raw =
	    xasprintf("From: portal@clinic.example\r\nMessage-ID: <%s@clinic.example>\r\nX-Portal-Token: %s\r\n"
		      "Subject: Portal message\r\n\r\nSealed.\r\n",
		token, token);
	struct mailbox_mail mail = { .raw = slice_of(raw),
		.token = token,
		.message_id = "1@clinic.example",
		.mail_from = "bounce@clinic.example",
		.rcpt = "lee@clinic.example",
		.folder = folder };

	return s->drv->deliver(m, &mail, ret, err);
}

static void
must_send(const struct mailbox_subject *s, struct mailbox *m, const char *folder, const char *token, char **ret)
{
	struct err err = ERR_NONE;

	if (sent(s, m, folder, token, ret, &err) != ST_OK)
		fail_msg("deliver: %s %s", err.code, err.text);
	assert_non_null(*ret);
}

/* The id, or NULL; own. */
static char *
found(const struct mailbox_subject *s, struct mailbox *m, const char *folder, const char *token, const char *journal)
{
	char *id = (char *)"untouched";
	struct err err = ERR_NONE;

	if (s->drv->find(m, folder, token, journal, &id, &err) != ST_OK)
		fail_msg("find: %s %s", err.code, err.text);
	assert_true(id == NULL || strcmp(id, "untouched") != 0);
	return id;
}

static void
what_was_delivered_is_found_under_its_id(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR journal = prepared(s, m, "Portal");
	AUTO_STR before = found(s, m, "Portal", "tok-1", journal);
	AUTO_STR id = NULL;
	AUTO_STR after = NULL;

	assert_null(before);
	must_send(s, m, "Portal", "tok-1", &id);
	after = found(s, m, "Portal", "tok-1", journal);
	assert_non_null(after);
	assert_string_equal(id, after);
	assert_int_equal(s->count("Portal"), 1);
	s->drv->close(m);
}

static void
a_token_is_found_among_others_and_only_itself(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR journal = prepared(s, m, "Portal");
	AUTO_STR first = NULL;
	AUTO_STR second = NULL;
	AUTO_STR third = NULL;
	AUTO_STR got = NULL;
	AUTO_STR none = NULL;
	AUTO_STR part = NULL;
	AUTO_STR upper = NULL;

	must_send(s, m, "Portal", "tok-12", &first);
	must_send(s, m, "Portal", "tok-1", &second);
	must_send(s, m, "Portal", "tok-123", &third);
	got = found(s, m, "Portal", "tok-1", journal);
	assert_non_null(got);
	assert_string_equal(got, second);
	none = found(s, m, "Portal", "tok-4", journal);
	assert_null(none);
	part = found(s, m, "Portal", "tok", journal);
	assert_null(part);
	upper = found(s, m, "Portal", "TOK-1", journal);
	assert_null(upper);
	s->drv->close(m);
}

static void
a_lost_answer_is_found_by_the_next_connection(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR journal = NULL;
	AUTO_STR id = NULL;
	AUTO_STR got = NULL;
	struct err err = ERR_NONE;

	must_send(s, m, "Portal", "earlier", &id);
	free(TAKE(id));
	journal = prepared(s, m, "Portal");
	s->lose_next();
	assert_int_equal(sent(s, m, "Portal", "tok-1", &id, &err), ST_REMOTE_DOWN);
	assert_null(id);
	s->drv->close(m);
	m = opened(s);
	got = found(s, m, "Portal", "tok-1", journal);
	assert_non_null(got);
	assert_int_equal(s->count("Portal"), 2);
	s->drv->close(m);
}

static void
what_never_arrived_is_not_found(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR journal = prepared(s, m, "Portal");
	AUTO_STR id = NULL;
	AUTO_STR got = NULL;
	struct err err = ERR_NONE;

	s->break_next();
	assert_int_equal(sent(s, m, "Portal", "tok-1", &id, &err), ST_REMOTE_DOWN);
	assert_null(id);
	s->drv->close(m);
	m = opened(s);
	got = found(s, m, "Portal", "tok-1", journal);
	assert_null(got);
	must_send(s, m, "Portal", "tok-1", &id);
	assert_int_equal(s->count("Portal"), 1);
	s->drv->close(m);
}

static void
a_refusal_leaves_nothing_and_the_session_usable(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR journal = prepared(s, m, "Portal");
	AUTO_STR id = NULL;
	AUTO_STR got = NULL;
	struct err err = ERR_NONE;

	s->refuse_next();
	assert_int_equal(sent(s, m, "Portal", "tok-1", &id, &err), ST_MSG_RETRY);
	assert_null(id);
	assert_int_equal(err.st, ST_MSG_RETRY);
	assert_true(err.code[0] != '\0');
	assert_int_equal(s->drv->check(m, &err), ST_OK);
	got = found(s, m, "Portal", "tok-1", journal);
	assert_null(got);
	must_send(s, m, "Portal", "tok-1", &id);
	s->drv->close(m);
}

static void
a_renumbered_folder_is_searched_whole(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR one = NULL;
	AUTO_STR two = NULL;
	AUTO_STR id = NULL;
	AUTO_STR got = NULL;
	AUTO_STR none = NULL;
	AUTO_STR journal = NULL;

	must_send(s, m, "Portal", "earlier-1", &one);
	must_send(s, m, "Portal", "earlier-2", &two);
	journal = prepared(s, m, "Portal");
	must_send(s, m, "Portal", "tok-1", &id);
	s->renumber();
	s->drv->close(m);
	m = opened(s);
	/* Found, and under its new id. */
	got = found(s, m, "Portal", "tok-1", journal);
	assert_non_null(got);
	assert_string_not_equal(got, id);
	none = found(s, m, "Portal", "tok-2", journal);
	assert_null(none);
	s->drv->close(m);
}

static void
without_a_journal_the_whole_folder_is_searched(void **state)
{
	static const char *const journals[] = { "", "nonsense", "v=0 next=0", "v=99999999999999999999 next=-4" };
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR id = NULL;

	must_send(s, m, "Portal", "tok-1", &id);
	for (size_t i = 0; i < ARRAY_LEN(journals); i++) {
		AUTO_STR got = found(s, m, "Portal", "tok-1", journals[i]);
		AUTO_STR none = found(s, m, "Portal", "tok-2", journals[i]);

		assert_non_null(got);
		assert_string_equal(got, id);
		assert_null(none);
	}
	s->drv->close(m);
}

static void
folders_are_separate_and_made_when_missing(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR failed = prepared(s, m, "Portal/Failed");
	AUTO_STR portal = prepared(s, m, "Portal");
	AUTO_STR id = NULL;
	AUTO_STR elsewhere = NULL;
	AUTO_STR here = NULL;
	AUTO_STR never = NULL;

	must_send(s, m, "Portal/Failed", "tok-1", &id);
	elsewhere = found(s, m, "Portal", "tok-1", portal);
	assert_null(elsewhere);
	here = found(s, m, "Portal/Failed", "tok-1", failed);
	assert_non_null(here);
	/* No folder, no mail. */
	never = found(s, m, "Never made", "tok-1", "v=1 next=1");
	assert_null(never);
	s->drv->close(m);
}

static void
one_among_sixty_is_found(void **state)
{
	const struct mailbox_subject *s = *state;
	struct mailbox *m = opened(s);
	AUTO_STR id = NULL;
	AUTO_STR got = NULL;
	AUTO_STR none = NULL;
	AUTO_STR journal = prepared(s, m, "Portal");

	for (int i = 0; i < 60; i++) {
		AUTO_STR token = xasprintf("tok-%d", i);
		AUTO_STR one = NULL;

		must_send(s, m, "Portal", token, &one);
		if (i == 57)
			id = TAKE(one);
	}
	got = found(s, m, "Portal", "tok-57", journal);
	assert_non_null(got);
	assert_string_equal(got, id);
	none = found(s, m, "Portal", "tok-60", "");
	assert_null(none);
	s->drv->close(m);
}

static void
close_takes_nothing(void **state)
{
	const struct mailbox_subject *s = *state;

	s->drv->close(NULL);
	assert_true(s->drv->name[0] != '\0');
}

static int
fresh(void **state)
{
	const struct mailbox_subject *s = *state;

	s->reset();
	return 0;
}

int
mailbox_contract(const struct mailbox_subject *s)
{
	void *p = (void *)(uintptr_t)s;
	const struct CMUnitTest mailbox_contract_tests[] = {
		cmocka_unit_test_prestate_setup_teardown(what_was_delivered_is_found_under_its_id, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(a_token_is_found_among_others_and_only_itself, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(a_lost_answer_is_found_by_the_next_connection, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(what_never_arrived_is_not_found, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(
		    a_refusal_leaves_nothing_and_the_session_usable, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(a_renumbered_folder_is_searched_whole, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(
		    without_a_journal_the_whole_folder_is_searched, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(folders_are_separate_and_made_when_missing, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(one_among_sixty_is_found, fresh, NULL, p),
		cmocka_unit_test_prestate_setup_teardown(close_takes_nothing, fresh, NULL, p),
	};

	return cmocka_run_group_tests(mailbox_contract_tests, NULL, NULL);
}
