/*
 * imap_deliver -- the IMAP mailbox driver by hand, for the flow tests.
 *
 *   imap_deliver HOST PORT CA USER MASTER PASSWORD-FILE TIMEOUT FOLDER ACTION ...
 *   (MASTER "-": as the user itself; PORT with a leading "s": STARTTLS; CA "-": the system's)
 *
 *   open                        connect, log in, make the folder
 *   prepare                     print what goes to the journal
 *   deliver TOKEN FILE          print the id
 *   find TOKEN JOURNAL          print the id or "none"
 *   exactly-once DIR GRACE-MS TOKEN ...   what a courier does, with DIR as its journal: a token with TOKEN.intent is
 *                               looked for (after the grace) before it is sent, TOKEN.done ends it
 *
 * A failure prints "status code" on standard output and ends with 1. PORTICO_DIE_AT works as in the programs.
 */
#include "base/fault.h"
#include "base/file.h"
#include "base/own.h"
#include "mailbox/mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAIL_MAX (64u << 20)

static const char *folder;

static int
failed(enum status st, const struct err *err)
{
	printf("%s %s\n", status_name(st), err->code);
	fprintf(stderr, "%s:%d: %s\n", err->file, err->line, err->text);
	return 1;
}

static void
make_mail(const char *token, struct buf *ret)
{
	buf_printf(ret,
	    "From: Portal <portal@clinic.example>\r\nTo: lee@clinic.example\r\nSubject: Portal message\r\n"
	    "Message-ID: <%s@clinic.example>\r\nX-Portal-Token: %s\r\nMIME-Version: 1.0\r\n\r\n",
	    token, token);
	for (int i = 0; i < 200; i++)
		buf_printf(ret, "line %d of a mail that takes more than one packet\r\n", i);
}

static enum status
send_one(struct mailbox *m, const char *token, struct slice raw, char **ret_id, struct err *err)
{
	struct mailbox_mail mail = { .raw = raw, .token = token, .message_id = token, .folder = folder };

	return m->drv->deliver(m, &mail, ret_id, err);
}

static enum status
exactly_once(struct mailbox *m, const char *dir, long grace_ms, const char *token, struct err *err)
{
	AUTO_STR intent = xasprintf("%s/%s.intent", dir, token);
	AUTO_STR done = xasprintf("%s/%s.done", dir, token);
	AUTO_BUF journal = BUF_INIT;
	AUTO_BUF mail = BUF_INIT;
	AUTO_STR id = NULL;
	AUTO_STR noted = NULL;

	if (access(done, F_OK) == 0)
		return ST_OK;
	if (access(intent, F_OK) == 0) {
		/* The server may still be at it. */
		nanosleep(&(struct timespec){ grace_ms / 1000, grace_ms % 1000 * 1000000 }, NULL);
		TRY(file_read(intent, 4096, &journal, err));
		TRY(m->drv->find(m, folder, token, buf_str(&journal), &id, err));
	}
	if (id == NULL) {
		TRY(m->drv->prepare(m, folder, &noted, err));
		TRY(file_write(intent, noted, strlen(noted), 0600, false, err));
		make_mail(token, &mail);
		TRY(send_one(m, token, buf_slice(&mail), &id, err));
	}
	return file_write(done, id, strlen(id), 0600, false, err);
}

static enum status
act(struct mailbox *m, int argc, char **argv, struct err *err)
{
	const char *action = argv[0];
	AUTO_BUF mail = BUF_INIT;
	AUTO_STR text = NULL;

	if (strcmp(action, "prepare") == 0) {
		TRY(m->drv->prepare(m, folder, &text, err));
		puts(text);
	} else if (strcmp(action, "deliver") == 0 && argc == 3) {
		TRY(file_read(argv[2], MAIL_MAX, &mail, err));
		TRY(send_one(m, argv[1], buf_slice(&mail), &text, err));
		puts(text);
	} else if (strcmp(action, "find") == 0 && argc == 3) {
		TRY(m->drv->find(m, folder, argv[1], argv[2], &text, err));
		puts(text != NULL ? text : "none");
	} else if (strcmp(action, "exactly-once") == 0 && argc > 3) {
		for (int i = 3; i < argc; i++)
			TRY(exactly_once(m, argv[1], strtol(argv[2], NULL, 10), argv[i], err));
	} else if (strcmp(action, "open") != 0) {
		return err_set(err, ST_LOCAL, "usage", "no such action");
	}
	return m->drv->check(m, err);
}

int
main(int argc, char **argv)
{
	struct imap_server_conf server = { .id = "rig" };
	struct clinician_conf who = { .id = "rig", .mailbox = "rig" };
	struct conf conf = { .site = { .servers = &server, .nservers = 1 } };
	struct mailbox *m = NULL;
	struct err err = ERR_NONE;
	enum status st;

	if (argc < 10)
		return 64;
	fault_init();
	server.host = argv[1];
	server.starttls = argv[2][0] == 's';
	server.port = strtol(argv[2] + server.starttls, NULL, 10);
	server.ca_file = strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
	who.login = argv[4];
	server.master_user = strcmp(argv[5], "-") != 0 ? argv[5] : NULL;
	server.password_file = who.password_file = argv[6];
	server.timeout_s = strtol(argv[7], NULL, 10);
	conf.site.mail_folder = folder = argv[8];
	st = mailbox_imap.open(&conf, &who, &m, &err);
	if (st == ST_OK)
		st = act(m, argc - 9, argv + 9, &err);
	mailbox_imap.close(m);
	return st == ST_OK ? 0 : failed(st, &err);
}
