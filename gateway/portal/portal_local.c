/*
 * portal_local -- the driver's half of the embedded portal. Its tables are in the store, so "has the portal got it?" is
 * always answered, and a post is one row under its idempotency key: exactly once.
 */
#include "portal/local_posts.h"
#include "portal/portal.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define POLL_MS 1000 /* other processes' commits do not ring */

struct local {
	struct portal base;
	struct portal_env env;
	int commit_fd;
	int64_t after; /* seq of the last message handed out */
};

static struct local *
of(struct portal *p)
{
	return (struct local *)p;
}

static enum status
local_open(const struct portal_env *env, struct portal **ret, struct err *err)
{
	struct local *l;

	if (env->store == NULL)
		return err_set(err, ST_LOCAL, "portal.store", "the embedded portal needs the store");
	l = xcalloc(1, sizeof *l);
	l->base.drv = &portal_local;
	l->env = *env;
	l->commit_fd = store_commit_fd(env->store); /* -1: the poll alone */
	*ret = &l->base;
	return ST_OK;
}

static void
local_close(struct portal *p)
{
	if (p == NULL)
		return;
	store_commit_fd_close(of(p)->env.store, of(p)->commit_fd);
	free(p);
}

/* ---- what patients wrote ----------------------------------------------------------------------------------------- */

struct waiting {
	int64_t after;
	int64_t ret;
};

static enum status
count_waiting(struct tx *tx, void *arg, struct err *err)
{
	struct waiting *w = arg;

	return SQL_INT(tx, 0, &w->ret, err,
	    "SELECT EXISTS (SELECT 1 FROM local_post WHERE idem_key IS NULL AND acked_ms = 0 AND seq > ?)",
	    b_int(w->after));
}

static enum status
sleep_until(struct local *l, int wake_fd, int timeout_ms, bool *ret_woken, struct err *err)
{
	struct pollfd fds[] = { { .fd = wake_fd, .events = POLLIN }, { .fd = l->commit_fd, .events = POLLIN } };
	eventfd_t count;

	if (poll(fds, ARRAY_LEN(fds), timeout_ms) < 0 && errno != EINTR)
		return err_set(err, ST_LOCAL, "portal.wait", "waiting failed (%d)", errno);
	if (fds[1].revents != 0)
		eventfd_read(l->commit_fd, &count);
	*ret_woken = fds[0].revents != 0;
	return ST_OK;
}

static enum status
local_wait(struct portal *p, int wake_fd, int timeout_ms, struct err *err)
{
	struct local *l = of(p);
	int64_t until = monotonic_ms() + (timeout_ms > 0 ? timeout_ms : 0);
	bool woken = false;

	while (!woken) {
		struct waiting w = { l->after, 0 };
		int64_t left;

		TRY(store_read(l->env.store, count_waiting, &w, err));
		if (w.ret > 0)
			return ST_OK;
		left = until - monotonic_ms();
		if (timeout_ms >= 0 && left <= 0)
			return ST_OK;
		TRY(sleep_until(l, wake_fd, timeout_ms < 0 || left > POLL_MS ? POLL_MS : (int)left, &woken, err));
	}
	return ST_OK;
}

struct fetch {
	struct local *l;
	struct arena *arena;
	struct portal_message *ret;
	int64_t seq;
};

static enum status
patient_key_of(struct tx *tx, const char *ref, struct arena *a, const char **ret, struct err *err)
{
	struct patient *p = NULL;

	TRY(patient_get(tx, ref, a, &p, err));
	if (p == NULL)
		return NO_ROW(err, "patient");
	*ret = p->portal_key;
	return ST_OK;
}

static enum status
fetch_next(struct tx *tx, void *arg, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct fetch *f = arg;
	struct portal_message *m;

	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT p.id, p.data_key, p.sealed, p.seq, p.thread, p.at_ms, t.addressee, t.patient_only, t.patient"
	    " FROM local_post p JOIN local_thread t ON t.id = p.thread"
	    " WHERE p.idem_key IS NULL AND p.acked_ms = 0 AND p.seq > ? ORDER BY p.seq LIMIT 1",
	    b_int(f->l->after)));
	if (!query_next(&q)) {
		f->ret = NULL;
		return query_end(&q, err);
	}
	m = ARENA_NEW(f->arena, struct portal_message);
	m->id = query_text(&q, 0, f->arena);
	m->thread = query_text(&q, 4, f->arena);
	m->received_ms = query_int(&q, 5);
	m->addressee = query_text(&q, 6, f->arena);
	m->patient_only = query_int(&q, 7) != 0;
	f->seq = query_int(&q, 3);
	TRY(patient_key_of(tx, query_text(&q, 8, f->arena), f->arena, &m->patient_key, err));
	TRY(local_posts_content(
	    tx, &q, f->l->env.conf != NULL ? &f->l->env.conf->site.limits : NULL, f->arena, &m->content, err));
	f->ret = m;
	return query_end(&q, err);
}

static enum status
local_fetch(struct portal *p, struct arena *a, struct portal_message **ret, struct err *err)
{
	struct fetch f = { of(p), a, NULL, 0 };

	TRY(store_read(of(p)->env.store, fetch_next, &f, err));
	if (f.ret != NULL)
		of(p)->after = f.seq;
	*ret = f.ret;
	return ST_OK;
}

static enum status
ack_one(struct tx *tx, void *arg, struct err *err)
{
	return SQL_RUN(tx, NULL, err, "UPDATE local_post SET acked_ms = ?2 WHERE id = ?1 AND acked_ms = 0", b_text(arg),
	    b_int(tx->now_ms > 0 ? tx->now_ms : 1));
}

static enum status
local_ack(struct portal *p, const char *id, struct err *err)
{
	return store_write(of(p)->env.store, ack_one, (void *)(uintptr_t)id, err);
}

/* ---- what goes to them ------------------------------------------------------------------------------------------- */

struct lookup {
	const char *idem_key;
	const struct portal_post *post;
	char id[REF_LEN + 1]; /* "": not there */
};

static enum status
find_one(struct tx *tx, void *arg, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct lookup *l = arg;

	l->id[0] = '\0';
	TRY(SQL_QUERY(&q, tx, err, "SELECT id FROM local_post WHERE idem_key = ?", b_text(l->idem_key)));
	if (query_next(&q))
		query_copy(&q, 0, l->id, sizeof l->id);
	return query_end(&q, err);
}

static enum status
post_one(struct tx *tx, void *arg, struct err *err)
{
	struct lookup *l = arg;
	const struct portal_post *p = l->post;
	char patient[REF_LEN + 1];
	struct local_post_new post = {
		.thread = p->thread,
		.idem_key = p->idem_key,
		.author = p->author,
		.author_name = p->author_name,
		.notification = p->notification,
		.content = p->content,
	};

	TRY(find_one(tx, l, err));
	if (l->id[0] != '\0')
		return ST_OK;
	TRY(local_patient_ref(tx, p->patient_key, patient, err));
	if (p->patient_only)
		TRY(SQL_RUN(tx, NULL, err,
		    "INSERT INTO local_thread (id, patient, addressee, patient_only, opened_ms)"
		    " VALUES (?, ?, ?, 1, ?) ON CONFLICT (id) DO NOTHING",
		    b_text(p->thread), b_text(patient), b_text(p->addressee), b_int(tx_now_ms(tx))));
	TRY(local_thread_of(tx, p->thread, patient, err));
	return local_posts_add(tx, &post, l->id, err);
}

static enum status
local_post(struct portal *p, const struct portal_post *post, char **ret_id, struct err *err)
{
	struct lookup l = { .idem_key = post->idem_key, .post = post };

	if (post->idem_key == NULL || post->idem_key[0] == '\0')
		return err_set(err, ST_LOCAL, "portal.key", "a post needs an idempotency key");
	TRY(store_write(of(p)->env.store, post_one, &l, err));
	*ret_id = xstrdup(l.id);
	return ST_OK;
}

static enum status
local_find(struct portal *p, const char *idem_key, char **ret_id, struct err *err)
{
	struct lookup l = { .idem_key = idem_key };

	TRY(store_read(of(p)->env.store, find_one, &l, err));
	*ret_id = l.id[0] != '\0' ? xstrdup(l.id) : NULL;
	return ST_OK;
}

const struct portal_driver portal_local = {
	.name = "local",
	.caps = PORTAL_FETCH | PORTAL_POST | PORTAL_CAN_ASK,
	.open = local_open,
	.close = local_close,
	.wait = local_wait,
	.fetch = local_fetch,
	.ack = local_ack,
	.post = local_post,
	.find = local_find,
};
