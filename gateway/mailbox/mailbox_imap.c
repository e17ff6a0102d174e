/*
 * mailbox_imap -- APPEND to a clinician's folder over verified TLS, exactly once.
 *
 * prepare() notes UIDVALIDITY and UIDNEXT; whatever became of a deliver(), find() looks at the X-Portal-Token field of
 * the mails from that UID on. It fetches fields and compares here: a server's header search may lag behind or miss
 * (RFC 3501 leaves that to its index). A UIDVALIDITY that changed says nothing about mails, so the whole folder is
 * looked at then, and likewise when the journal is empty or UIDNEXT went back (a restored backup).
 */
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "mailbox/imap_session.h"
#include "mailbox/mailbox.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN_FIELD "X-PORTAL-TOKEN"
#define WINDOW 500	     /* mails in one FETCH */
#define FOLDER_MAX 1000000   /* mails; more is no folder of ours but a hostile server's number */
#define FIND_MS (10 * 60000) /* for all of one find() */
#define PASSWORD_MAX 4096

struct imap_box {
	struct mailbox base; /* first */
	struct imap_session *s;
	char *journal; /* own; what prepare() said last, for an APPEND without APPENDUID */
};

static struct imap_box *
box_of(struct mailbox *m)
{
	return (struct imap_box *)m;
}

static void
box_close(struct mailbox *m)
{
	struct imap_box *b = box_of(m);

	if (b == NULL)
		return;
	imap_logout(b->s);
	imap_session_free(b->s);
	free(b->journal);
	free(b);
}

static void
imap_box_free(struct imap_box *b)
{
	box_close((struct mailbox *)b);
}
DEFINE_FREEP(imap_box)

static enum status
log_in(struct imap_session *s, const struct imap_server_conf *server, const struct clinician_conf *who, struct err *err)
{
	const char *file = server->master_user != NULL ? server->password_file : who->password_file;
	AUTO_BUF password = BUF_INIT;
	struct slice p;

	if (file == NULL)
		return err_set(
		    err, ST_LOCAL, "imap.no-password", "no password_file for the mailbox server %s", server->id);
	TRY(file_read_secret(file, PASSWORD_MAX, &password, err));
	p = buf_slice(&password);
	/* Editors end a file with a newline; a password may end with a blank. */
	while (p.n > 0 && (p.p[p.n - 1] == '\n' || p.p[p.n - 1] == '\r'))
		p.n--;
	return imap_login(s, who->mailbox_user != NULL ? who->mailbox_user : who->login, server->master_user, p, err);
}

/* STATUS, and the folder is made when it is not there. A server that answers a missing folder with a bare NO is asked
 * to make it all the same; what it then says is the answer. */
static enum status
folder_ready(struct imap_session *s, const char *folder, struct imap_folder *ret, struct err *err)
{
	struct err why = ERR_NONE;
	enum status st = imap_status(s, folder, ret, &why);

	if (st == ST_MSG_RETRY) {
		st = imap_create(s, folder, &why);
		/* Not subscribed, it is there but hidden in some clients: not worth a message. */
		if (st == ST_OK)
			st = imap_subscribe(s, folder, &why);
		if (st == ST_OK || st == ST_MSG_RETRY || st == ST_MSG_REFUSED)
			/* Somebody else may have made it in between: asking again decides, whatever CREATE said. */
			return imap_status(s, folder, ret, err);
	}
	if (st != ST_OK && err != NULL)
		*err = why;
	return st;
}

static enum status
box_open(const struct conf *conf, const struct clinician_conf *who, struct mailbox **ret, struct err *err)
{
	const struct imap_server_conf *server = who->mailbox != NULL ? conf_imap_server(conf, who->mailbox) : NULL;
	AUTO(imap_box) b = xcalloc(1, sizeof *b);
	struct imap_folder folder;
	struct tls_target to;

	if (server == NULL)
		return err_set(err, ST_LOCAL, "imap.no-server", "clinician %s has no mailbox server", who->id);
	b->base.drv = &mailbox_imap;
	to = (struct tls_target){ server->host, (int)server->port, server->ca_file, server->starttls };
	TRY(imap_open(&to, server->timeout_s * 1000, &b->s, err));
	TRY(log_in(b->s, server, who, err));
	TRY(folder_ready(b->s, conf->site.mail_folder, &folder, err));
	*ret = &TAKE(b)->base;
	return ST_OK;
}

static enum status
box_prepare(struct mailbox *m, const char *folder, char **ret_journal, struct err *err)
{
	struct imap_box *b = box_of(m);
	struct imap_folder f;

	TRY(folder_ready(b->s, folder, &f, err));
	free(b->journal);
	b->journal = xasprintf("v=%u next=%u", f.uidvalidity, f.uidnext);
	*ret_journal = xstrdup(b->journal);
	return ST_OK;
}

struct search {
	const char *token;
	uint32_t uid; /* lowest with the token; 0: none */
};

/* "X-Portal-Token: abc CRLF CRLF"; folded lines count as one. The same field twice: either may match. */
static void
compare(void *arg, uint32_t uid, struct slice raw)
{
	struct search *look = arg;

	while (raw.n > 0) {
		const char *end = raw.p, *stop = raw.p + raw.n, *colon;
		struct slice field, name, value;

		do {
			end = memchr(end, '\n', (size_t)(stop - end));
			end = end != NULL ? end + 1 : stop;
		} while (end < stop && (*end == ' ' || *end == '\t'));
		field = (struct slice){ raw.p, (size_t)(end - raw.p) };
		raw = (struct slice){ end, (size_t)(stop - end) };
		if ((colon = memchr(field.p, ':', field.n)) == NULL)
			continue;
		name = slice_trim((struct slice){ field.p, (size_t)(colon - field.p) });
		value = slice_trim((struct slice){ colon + 1, field.n - (size_t)(colon + 1 - field.p) });
		if (slice_caseeq(name, TOKEN_FIELD) && slice_eq(value, look->token) &&
		    (look->uid == 0 || uid < look->uid))
			look->uid = uid;
	}
}

static enum status
scan(struct imap_session *s, bool by_place, uint32_t first, uint32_t last, struct search *look, struct err *err)
{
	int64_t until = monotonic_ms() + FIND_MS;

	while (first <= last && first > 0) {
		struct imap_range r = { by_place, first, last - first >= WINDOW ? first + WINDOW - 1 : last };
		uint32_t n = 0;

		TRY(imap_fetch_field(s, r, TOKEN_FIELD, compare, look, &n, err));
		/* By place every mail must have been spoken of: one passed over in silence could be ours. */
		if (look->uid == 0 && by_place && n < r.last - r.first + 1)
			return err_set(
			    err, ST_MSG_RETRY, "imap.partial", "the folder changed while it was looked through");
		if (look->uid != 0 || r.last == last)
			return ST_OK;
		if (monotonic_ms() > until)
			return err_set(
			    err, ST_MSG_RETRY, "imap.slow", "the folder could not be looked through in ten minutes");
		first = r.last + 1;
	}
	return ST_OK;
}

static enum status
look_in_folder(
    struct imap_session *s, const struct imap_folder *f, const char *journal, struct search *look, struct err *err)
{
	unsigned v = 0, next = 0;

	if (f->messages > FOLDER_MAX)
		return err_set(
		    err, ST_MSG_RETRY, "imap.folder-size", "the folder claims more than %d mails", FOLDER_MAX);
	if (f->messages == 0)
		return ST_OK;
	/* Fewer UIDs than mails: look at those. A gap of millions of UIDs is no reason for thousands of commands. */
	if (journal != NULL && sscanf(journal, "v=%10u next=%10u", &v, &next) == 2 && v == f->uidvalidity && next > 0 &&
	    f->uidnext >= next && f->uidnext - next <= f->messages)
		return scan(s, false, next, f->uidnext - 1, look, err);
	return scan(s, true, 1, f->messages, look, err);
}

static enum status
find_uid(struct imap_session *s, const char *folder, const char *token, const char *journal, uint32_t *ret_uidvalidity,
    uint32_t *ret_uid, struct err *err)
{
	struct search look = { token, 0 };
	struct imap_folder f = { 0 };
	struct err ignored = ERR_NONE;
	enum status st;

	TRY(imap_examine(s, folder, &f, err));
	st = look_in_folder(s, &f, journal, &look, err);
	/* Whatever came of it: a folder that stays open would have STATUS answered from an old view. */
	if (st != ST_REMOTE_DOWN && imap_close_folder(s, &ignored) == ST_REMOTE_DOWN && st == ST_OK && look.uid == 0)
		return err_set(err, ST_REMOTE_DOWN, "imap.gone", "the connection ended after looking for a mail");
	TRY(st);
	*ret_uidvalidity = f.uidvalidity;
	*ret_uid = look.uid;
	return ST_OK;
}

static enum status
box_deliver(struct mailbox *m, const struct mailbox_mail *mail, char **ret_id, struct err *err)
{
	struct imap_box *b = box_of(m);
	uint32_t uidvalidity = 0, uid = 0;
	struct err why = ERR_NONE;
	struct imap_folder f;
	enum status st;

	st = imap_append(b->s, mail->folder, mail->raw, &uidvalidity, &uid, &why);
	if (st == ST_MSG_RETRY && strcmp(why.code, "imap.no-folder") == 0) {
		/* Deleted or renamed since prepare(). The server said no, so there is no copy anywhere. */
		TRY(folder_ready(b->s, mail->folder, &f, err));
		st = imap_append(b->s, mail->folder, mail->raw, &uidvalidity, &uid, &why);
	}
	if (st != ST_OK && err != NULL)
		*err = why;
	TRY(st);
	FAULT_POINT("imap.append.answered");
	/* Without UIDPLUS look for it. It is there, the server said OK: not finding it changes the id, not the outcome.
	 */
	if (uid == 0)
		(void)!find_uid(b->s, mail->folder, mail->token, b->journal, &uidvalidity, &uid, &why);
	*ret_id = xasprintf("%u/%u", uidvalidity, uid);
	return ST_OK;
}

static enum status
box_find(struct mailbox *m, const char *folder, const char *token, const char *journal, char **ret_id, struct err *err)
{
	struct imap_box *b = box_of(m);
	uint32_t uidvalidity = 0, uid = 0;
	struct imap_folder f;

	/* A folder that is gone holds no mail of ours: it is made again, and the answer is no. */
	TRY(folder_ready(b->s, folder, &f, err));
	TRY(find_uid(b->s, folder, token, journal, &uidvalidity, &uid, err));
	*ret_id = uid != 0 ? xasprintf("%u/%u", uidvalidity, uid) : NULL;
	return ST_OK;
}

static enum status
box_check(struct mailbox *m, struct err *err)
{
	return imap_noop(box_of(m)->s, err);
}

const struct mailbox_driver mailbox_imap = {
	.name = "imap",
	.caps = MAILBOX_CAN_ASK,
	.open = box_open,
	.close = box_close,
	.prepare = box_prepare,
	.deliver = box_deliver,
	.find = box_find,
	.check = box_check,
};
