/*
 * portal_null -- nobody writes, and what is posted is gone. A template for new drivers, and a dry run: a gateway with
 * this portal judges, seals and accounts as ever. It cannot be asked what it got, so it has no PORTAL_CAN_ASK.
 */
#include "portal/portal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

static enum status
null_open(const struct portal_env *env, struct portal **ret, struct err *err)
{
	struct portal *p = xcalloc(1, sizeof *p);

	(void)env;
	(void)err;
	p->drv = &portal_null;
	*ret = p;
	return ST_OK;
}

static void
null_close(struct portal *p)
{
	free(p);
}

static enum status
null_wait(struct portal *p, int wake_fd, int timeout_ms, struct err *err)
{
	struct pollfd fd = { .fd = wake_fd, .events = POLLIN };

	(void)p;
	if (poll(&fd, 1, timeout_ms) < 0 && errno != EINTR)
		return err_set(err, ST_LOCAL, "portal.wait", "waiting failed (%d)", errno);
	return ST_OK;
}

static enum status
null_fetch(struct portal *p, struct arena *a, struct portal_message **ret, struct err *err)
{
	(void)p;
	(void)a;
	(void)err;
	*ret = NULL;
	return ST_OK;
}

static enum status
null_ack(struct portal *p, const char *id, struct err *err)
{
	(void)p;
	(void)id;
	(void)err;
	return ST_OK;
}

static enum status
null_post(struct portal *p, const struct portal_post *post, char **ret_id, struct err *err)
{
	(void)p;
	(void)err;
	*ret_id = xasprintf("null-%s", post->idem_key);
	return ST_OK;
}

static enum status
null_find(struct portal *p, const char *idem_key, char **ret_id, struct err *err)
{
	(void)p;
	(void)idem_key;
	(void)err;
	*ret_id = NULL;
	return ST_OK;
}

const struct portal_driver portal_null = {
	.name = "null",
	.caps = PORTAL_FETCH | PORTAL_POST,
	.open = null_open,
	.close = null_close,
	.wait = null_wait,
	.fetch = null_fetch,
	.ack = null_ack,
	.post = null_post,
	.find = null_find,
};
