/* The contract on every mailbox driver, and what is IMAP's own. */
#include "mailbox/mailbox.h"

#include "base/clock.h"
#include "base/own.h"
#include "mailbox/imap_name.h"
#include "mailbox/mailbox_null.h"
#include "tests/unit/fake_imap.h"
#include "tests/unit/mailbox_contract.h"
#include "tests/unit/tls_peer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct imap_server_conf server = { .id = "fake", .host = "localhost", .master_user = "portico", .timeout_s = 5 };
static struct clinician_conf lee = { .id = "lee", .login = "lee", .mailbox = "fake", .address = "lee@clinic.example" };
static struct conf conf = { .site = { .mail_folder = "Portal", .servers = &server, .nservers = 1 } };
static char password_file[] = "/tmp/test_mailbox.XXXXXX";

static void
null_lose(void)
{
	mailbox_null_fail(ST_REMOTE_DOWN, true);
}
static void
null_break(void)
{
	mailbox_null_fail(ST_REMOTE_DOWN, false);
}
static void
null_refuse(void)
{
	mailbox_null_fail(ST_MSG_RETRY, false);
}
static size_t
null_count(const char *folder)
{
	return mailbox_null_count("lee", folder);
}
static void
imap_lose(void)
{
	fake_imap_next(FAKE_LOSE);
}
static void
imap_break(void)
{
	fake_imap_next(FAKE_BREAK);
}
static void
imap_refuse(void)
{
	fake_imap_next(FAKE_QUOTA);
}

static const struct mailbox_subject null_subject = {
	&mailbox_null,
	&conf,
	&lee,
	null_lose,
	null_break,
	null_refuse,
	mailbox_null_renumber,
	mailbox_null_reset,
	null_count,
};
static const struct mailbox_subject imap_subject = {
	&mailbox_imap,
	&conf,
	&lee,
	imap_lose,
	imap_break,
	imap_refuse,
	fake_imap_renumber,
	fake_imap_reset,
	fake_imap_count,
};

static void
start_server(const struct fake_imap_conf *fake)
{
	server.starttls = fake->starttls;
	server.ca_file = tls_peer_ca();
	server.password_file = password_file;
	server.port = fake_imap_start(fake);
}

static int
start_usual(void **state)
{
	(void)state;
	start_server(&(struct fake_imap_conf){ .caps = "SASL-IR LITERAL+ UIDPLUS NAMESPACE" });
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	fake_imap_stop();
	chmod(password_file, 0600);
	return 0;
}

static const char mail_text[] = "X-Portal-Token: tok-1\r\n\r\nSealed.\r\n";

static struct mailbox_mail
mail(const char *folder)
{
	return (
	    struct mailbox_mail){ .raw = SLICE(mail_text), .token = "tok-1", .message_id = "1@x", .folder = folder };
}

static struct mailbox *
opened(void)
{
	struct mailbox *m = NULL;
	struct err err = ERR_NONE;

	if (mailbox_imap.open(&conf, &lee, &m, &err) != ST_OK)
		fail_msg("open: %s %s", err.code, err.text);
	return m;
}

static void
open_makes_and_subscribes_the_folder_once(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		mailbox_imap.close(opened());
		assert_int_equal(fake_imap_subscribed(), 1);
	}
}

static void
a_password_must_be_there_secret_and_right(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *password;
		enum status st;
		const char *code;
	} rows[] = {
		{ "right", 0600, "secret", ST_OK, "" },
		{ "with a newline", 0400, "secret\n", ST_OK, "" },
		{ "wrong", 0600, "secret2", ST_REMOTE_DOWN, "imap.login" },
		{ "with a blank", 0600, "secret \n", ST_REMOTE_DOWN, "imap.login" },
		{ "empty", 0600, "\n", ST_LOCAL, "imap.string" },
		{ "readable by others", 0644, "secret", ST_LOCAL, "file.mode" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		FILE *f;
		struct mailbox *m = NULL;
		struct err err = ERR_NONE;
		enum status st;

		chmod(password_file, 0600);
		f = fopen(password_file, "w");
		fputs(rows[i].password, f);
		fclose(f);
		chmod(password_file, rows[i].mode);
		st = mailbox_imap.open(&conf, &lee, &m, &err);
		if (st != rows[i].st || strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s", rows[i].name, status_name(st), err.code);
		assert_true((m != NULL) == (st == ST_OK));
		if (st == ST_REMOTE_DOWN)
			assert_null(strstr(err.text, "secret"));
		assert_null(strstr(err.text, "canary"));
		mailbox_imap.close(m);
	}
}

static void
a_server_without_our_trust_gets_no_login(void **state)
{
	struct mailbox *m = NULL;
	struct err err = ERR_NONE;

	(void)state;
	server.ca_file = NULL;
	assert_int_equal(mailbox_imap.open(&conf, &lee, &m, &err), ST_REMOTE_DOWN);
	assert_string_equal(err.code, "tls.verify");
	server.ca_file = tls_peer_ca();
	server.host = "127.0.0.1";
	assert_int_equal(mailbox_imap.open(&conf, &lee, &m, &err), ST_REMOTE_DOWN);
	assert_string_equal(err.code, "tls.host");
	server.host = "localhost";
}

static void
nobody_there_is_remote_down(void **state)
{
	struct mailbox *m = NULL;
	struct err err = ERR_NONE;

	(void)state;
	server.port = 1;
	assert_int_equal(mailbox_imap.open(&conf, &lee, &m, &err), ST_REMOTE_DOWN);
	assert_string_equal(err.code, "tls.connect");
}

static void
a_folder_deleted_under_us_is_made_again(void **state)
{
	struct mailbox *m = opened();
	struct mailbox_mail one = mail("Portal");
	AUTO_STR journal = NULL;
	AUTO_STR id = NULL;
	AUTO_STR got = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(mailbox_imap.prepare(m, "Portal", &journal, &err), ST_OK);
	fake_imap_next(FAKE_VANISH);
	assert_int_equal(mailbox_imap.deliver(m, &one, &id, &err), ST_OK);
	assert_int_equal(fake_imap_count("Portal"), 1);
	assert_int_equal(mailbox_imap.find(m, "Portal", "tok-1", journal, &got, &err), ST_OK);
	assert_string_equal(got, id);
	mailbox_imap.close(m);
}

static void
bye_instead_of_an_answer_ends_the_session(void **state)
{
	struct mailbox *m = opened();
	struct mailbox_mail one = mail("Portal");
	AUTO_STR id = NULL;
	struct err err = ERR_NONE;

	(void)state;
	fake_imap_next(FAKE_BYE);
	assert_int_equal(mailbox_imap.deliver(m, &one, &id, &err), ST_REMOTE_DOWN);
	assert_string_equal(err.code, "imap.bye");
	assert_int_equal(mailbox_imap.check(m, &err), ST_REMOTE_DOWN);
	assert_string_equal(err.code, "imap.gone");
	mailbox_imap.close(m);
}

static void
half_an_answer_is_not_the_answer_no(void **state)
{
	static const enum fake_imap_fault faults[] = { FAKE_HALF_FETCH, FAKE_NO_FETCH };
	struct mailbox *m = opened();
	struct mailbox_mail other = { .raw = SLICE("X-Portal-Token: x\r\n\r\n"), .token = "x", .folder = "Portal" };
	struct mailbox_mail one = mail("Portal");
	struct err err = ERR_NONE;

	(void)state;
	for (int i = 0; i < 4; i++) {
		AUTO_STR id = NULL;

		assert_int_equal(mailbox_imap.deliver(m, i < 3 ? &other : &one, &id, &err), ST_OK);
	}
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		AUTO_STR got = NULL;

		fake_imap_next(faults[i]);
		assert_int_equal(mailbox_imap.find(m, "Portal", "tok-1", "", &got, &err), ST_MSG_RETRY);
		assert_null(got);
		assert_int_equal(mailbox_imap.find(m, "Portal", "tok-1", "", &got, &err), ST_OK);
		assert_non_null(got);
	}
	mailbox_imap.close(m);
}

static void
a_restored_backup_is_searched_whole(void **state)
{
	struct mailbox *m = opened();
	struct mailbox_mail one = mail("Portal");
	AUTO_STR id = NULL;
	AUTO_STR journal = NULL;
	AUTO_STR got = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(mailbox_imap.deliver(m, &one, &id, &err), ST_OK);
	assert_int_equal(mailbox_imap.prepare(m, "Portal", &journal, &err), ST_OK);
	fake_imap_restore(1);
	assert_int_equal(mailbox_imap.find(m, "Portal", "tok-1", journal, &got, &err), ST_OK);
	assert_non_null(got);
	mailbox_imap.close(m);
}

static void
folder_names_there_and_back(void **state)
{
	static const struct {
		const char *utf8, *wire; /* NULL: there is none */
	} rows[] = {
		{ "Portal", "Portal" },
		{ "R&B", "R&-B" },
		{ "~peter/mail/\345\217\260\345\214\227/\346\227\245\346\234\254\350\252\236",
		    "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
		{ "\303\204rzte & Pflege", "&AMQ-rzte &- Pflege" },
		{ "\360\237\230\200", "&2D3eAA-" },
		{ "\303\244\303\266\303\274", "&AOQA9gD8-" },
		{ "", "" },
		{ "a\nb", NULL },
		{ "a\177", NULL },
		{ "\302\205", NULL },
		{ "\303", NULL },
		{ "\303(", NULL },
		{ "\300\257", NULL },
		{ "\355\240\200", NULL },
		{ "\364\220\200\200", NULL },
		{ "\377", NULL },
		{ NULL, "&" },
		{ NULL, "&AMQ" },
		{ NULL, "&AGE-" },	/* "a" in base64 */
		{ NULL, "&AMR-" },	/* bits left over */
		{ NULL, "&2D0-" },	/* half a pair */
		{ NULL, "&3gA-" },	/* the other half */
		{ NULL, "&AMQ-&AMQ-" }, /* one run written as two */
		{ NULL, "&AM!-" },
		{ NULL, "a\r" },
		{ NULL, "\303\244" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR wire = NULL;
		AUTO_STR utf8 = NULL;

		if (rows[i].utf8 != NULL) {
			assert_int_equal(imap_name_encode(rows[i].utf8, &wire), rows[i].wire != NULL);
			if (rows[i].wire != NULL)
				assert_string_equal(wire, rows[i].wire);
		}
		if (rows[i].wire != NULL) {
			if (imap_name_decode(rows[i].wire, &utf8) != (rows[i].utf8 != NULL))
				fail_msg("%s", rows[i].wire);
			if (rows[i].utf8 != NULL)
				assert_string_equal(utf8, rows[i].utf8);
		}
	}
}

/* The contract on servers that differ. */
static int
imap_contract(void)
{
	static const struct fake_imap_conf servers[] = {
		{ .caps = "SASL-IR LITERAL+ UIDPLUS NAMESPACE" },
		{ .caps = "", .chatty = true },
		{ .caps = "STARTTLS LITERAL-", .starttls = true, .uid_step = 1000 },
		{ .caps = "UIDPLUS LITERAL+", .chatty = true, .uid_step = 1000000 },
	};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		start_server(&servers[i]);
		failed += mailbox_contract(&imap_subject);
		fake_imap_stop();
	}
	return failed;
}

int
main(void)
{
	const struct CMUnitTest imap[] = {
		cmocka_unit_test_setup_teardown(open_makes_and_subscribes_the_folder_once, start_usual, stop),
		cmocka_unit_test_setup_teardown(a_password_must_be_there_secret_and_right, start_usual, stop),
		cmocka_unit_test_setup_teardown(a_server_without_our_trust_gets_no_login, start_usual, stop),
		cmocka_unit_test_setup_teardown(nobody_there_is_remote_down, start_usual, stop),
		cmocka_unit_test_setup_teardown(a_folder_deleted_under_us_is_made_again, start_usual, stop),
		cmocka_unit_test_setup_teardown(bye_instead_of_an_answer_ends_the_session, start_usual, stop),
		cmocka_unit_test_setup_teardown(half_an_answer_is_not_the_answer_no, start_usual, stop),
		cmocka_unit_test_setup_teardown(a_restored_backup_is_searched_whole, start_usual, stop),
		cmocka_unit_test(folder_names_there_and_back),
	};
	int fd = mkstemp(password_file), failed;

	signal(SIGPIPE, SIG_IGN); /* for the fake's sake */
	if (fd < 0 || write(fd, "secret", 6) != 6)
		return 1;
	close(fd);
	failed = mailbox_contract(&null_subject);
	failed += imap_contract();
	failed += cmocka_run_group_tests(imap, NULL, NULL);
	unlink(password_file);
	return failed;
}
