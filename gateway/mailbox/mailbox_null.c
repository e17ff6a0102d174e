#include "mailbox/mailbox_null.h"

#include "base/own.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	char *clinician, *folder, *token; /* own */
	struct buf raw;
	uint32_t uid;
	struct kept *next;
};

/* One "server" for the process; kept in the order of delivery. */
static struct {
	pthread_mutex_t lock;
	struct kept *all;
	uint32_t uidvalidity, uidnext;
	enum status fail;
	bool lost;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER, .uidvalidity = 1, .uidnext = 1 };

struct null_box {
	struct mailbox base; /* first */
	char *clinician;
};

static void
kept_free(struct kept *k)
{
	free(k->clinician);
	free(k->folder);
	free(k->token);
	buf_wipe(&k->raw);
	free(k);
}

static bool
is_in(const struct kept *k, const char *clinician, const char *folder)
{
	return strcmp(k->clinician, clinician) == 0 && strcmp(k->folder, folder) == 0;
}

static size_t
count(const char *clinician, const char *folder)
{
	size_t n = 0;

	for (const struct kept *k = server.all; k != NULL; k = k->next)
		n += is_in(k, clinician, folder);
	return n;
}

size_t
mailbox_null_count(const char *clinician, const char *folder)
{
	size_t n;

	pthread_mutex_lock(&server.lock);
	n = count(clinician, folder);
	pthread_mutex_unlock(&server.lock);
	return n;
}

bool
mailbox_null_mail(const char *clinician, const char *folder, size_t i, struct buf *ret)
{
	bool found = false;

	pthread_mutex_lock(&server.lock);
	for (const struct kept *k = server.all; k != NULL && !found; k = k->next) {
		if (!is_in(k, clinician, folder) || i-- > 0)
			continue;
		buf_append(ret, k->raw.p, k->raw.n);
		found = true;
	}
	pthread_mutex_unlock(&server.lock);
	return found;
}

void
mailbox_null_fail(enum status st, bool lost)
{
	pthread_mutex_lock(&server.lock);
	server.fail = st;
	server.lost = lost;
	pthread_mutex_unlock(&server.lock);
}

void
mailbox_null_renumber(void)
{
	pthread_mutex_lock(&server.lock);
	server.uidvalidity++;
	server.uidnext = 1;
	for (struct kept *k = server.all; k != NULL; k = k->next)
		k->uid = server.uidnext++;
	pthread_mutex_unlock(&server.lock);
}

void
mailbox_null_reset(void)
{
	pthread_mutex_lock(&server.lock);
	while (server.all != NULL) {
		struct kept *k = server.all;

		server.all = k->next;
		kept_free(k);
	}
	server.uidvalidity = server.uidnext = 1;
	server.fail = ST_OK;
	pthread_mutex_unlock(&server.lock);
}

static enum status
null_open(const struct conf *conf, const struct clinician_conf *who, struct mailbox **ret, struct err *err)
{
	struct null_box *b = xcalloc(1, sizeof *b);

	(void)conf, (void)err;
	b->base.drv = &mailbox_null;
	b->clinician = xstrdup(who->id);
	*ret = &b->base;
	return ST_OK;
}

static void
null_close(struct mailbox *m)
{
	struct null_box *b = (struct null_box *)m;

	if (b == NULL)
		return;
	free(b->clinician);
	free(b);
}

static enum status
null_prepare(struct mailbox *m, const char *folder, char **ret_journal, struct err *err)
{
	(void)m, (void)folder, (void)err;
	pthread_mutex_lock(&server.lock);
	*ret_journal = xasprintf("v=%u next=%u", server.uidvalidity, server.uidnext);
	pthread_mutex_unlock(&server.lock);
	return ST_OK;
}

/* With the lock held. */
static uint32_t
keep(const char *clinician, const struct mailbox_mail *mail)
{
	struct kept *k = xcalloc(1, sizeof *k), **at = &server.all;

	k->clinician = xstrdup(clinician);
	k->folder = xstrdup(mail->folder);
	k->token = xstrdup(mail->token);
	buf_append(&k->raw, mail->raw.p, mail->raw.n);
	k->uid = server.uidnext++;
	if (count(clinician, mail->folder) >= MAILBOX_NULL_KEEP) {
		while (!is_in(*at, clinician, mail->folder))
			at = &(*at)->next;
		struct kept *oldest = *at;

		*at = oldest->next;
		kept_free(oldest);
	}
	for (at = &server.all; *at != NULL;)
		at = &(*at)->next;
	*at = k;
	return k->uid;
}

static enum status
null_deliver(struct mailbox *m, const struct mailbox_mail *mail, char **ret_id, struct err *err)
{
	const char *clinician = ((struct null_box *)m)->clinician;
	enum status fail;
	uint32_t uid = 0, uidvalidity;

	pthread_mutex_lock(&server.lock);
	fail = server.fail;
	server.fail = ST_OK;
	uidvalidity = server.uidvalidity;
	if (fail == ST_OK || server.lost)
		uid = keep(clinician, mail);
	pthread_mutex_unlock(&server.lock);
	if (fail != ST_OK)
		return err_set(err, fail, "null.fail", "the test asked for it");
	*ret_id = xasprintf("%u/%u", uidvalidity, uid);
	return ST_OK;
}

static enum status
null_find(struct mailbox *m, const char *folder, const char *token, const char *journal, char **ret_id, struct err *err)
{
	const char *clinician = ((struct null_box *)m)->clinician;
	unsigned v = 0, next = 0;

	(void)err;
	*ret_id = NULL;
	pthread_mutex_lock(&server.lock);
	if (sscanf(journal, "v=%10u next=%10u", &v, &next) != 2 || v != server.uidvalidity)
		next = 0;
	for (const struct kept *k = server.all; k != NULL && *ret_id == NULL; k = k->next)
		if (is_in(k, clinician, folder) && k->uid >= next && strcmp(k->token, token) == 0)
			*ret_id = xasprintf("%u/%u", server.uidvalidity, k->uid);
	pthread_mutex_unlock(&server.lock);
	return ST_OK;
}

static enum status
null_check(struct mailbox *m, struct err *err)
{
	(void)m, (void)err;
	return ST_OK;
}

const struct mailbox_driver mailbox_null = {
	.name = "null",
	.caps = MAILBOX_CAN_ASK,
	.open = null_open,
	.close = null_close,
	.prepare = null_prepare,
	.deliver = null_deliver,
	.find = null_find,
	.check = null_check,
};
