/*
 * portal_proxy -- a portal around a portal: counts, and fails where a test says so. Before the call, as when the far
 * side never heard us; or after it, as when it did and its answer was lost.
 */
#include "portal/portal.h"

#include <stdlib.h>
#include <string.h>

static const char *const calls[] = { "wait", "fetch", "ack", "post", "find" };
enum call { CALL_WAIT, CALL_FETCH, CALL_ACK, CALL_POST, CALL_FIND };

struct proxy {
	struct portal base;
	struct portal_driver drv; /* its own: the capabilities are the inner portal's */
	struct portal *inner;	  /* own */
	const struct portal_fault *faults;
	size_t nfaults;
	unsigned count[ARRAY_LEN(calls)];
};

static struct proxy *
of(struct portal *p)
{
	return (struct proxy *)p;
}

/* The fault of this call, or NULL. */
static const struct portal_fault *
planned(struct proxy *x, enum call call)
{
	unsigned nth = ++x->count[call];

	for (size_t i = 0; i < x->nfaults; i++)
		if (strcmp(x->faults[i].call, calls[call]) == 0 &&
		    (x->faults[i].nth == 0 || (unsigned)x->faults[i].nth == nth))
			return &x->faults[i];
	return NULL;
}

static enum status
fail(const struct portal_fault *f, struct err *err)
{
	return err_set(err, f->st, "portal.fault", "a fault of the test");
}

/* fault: what planned() gave; done: the inner call, made only when it is to happen. */
#define THROUGH(fault, err, done)                                                                                      \
	do {                                                                                                           \
		const struct portal_fault *f_ = (fault);                                                               \
		enum status st_;                                                                                       \
		if (f_ != NULL && !f_->after)                                                                          \
			return fail(f_, (err));                                                                        \
		st_ = (done);                                                                                          \
		if (st_ != ST_OK || f_ == NULL)                                                                        \
			return st_;                                                                                    \
		return fail(f_, (err));                                                                                \
	} while (0)

static enum status
proxy_open(const struct portal_env *env, struct portal **ret, struct err *err)
{
	(void)env;
	(void)ret;
	return err_set(err, ST_LOCAL, "portal.proxy", "a proxy is made around an open portal, see portal_proxy()");
}

static void
proxy_close(struct portal *p)
{
	if (p == NULL)
		return;
	of(p)->inner->drv->close(of(p)->inner);
	free(p);
}

static enum status
proxy_wait(struct portal *p, int wake_fd, int timeout_ms, struct err *err)
{
	struct portal *in = of(p)->inner;

	THROUGH(planned(of(p), CALL_WAIT), err, in->drv->wait(in, wake_fd, timeout_ms, err));
}

/* A message handed out and lost comes back only with the next open(): so a lost answer is kept from the inner fetch. */
static enum status
proxy_fetch(struct portal *p, struct arena *a, struct portal_message **ret, struct err *err)
{
	struct portal *in = of(p)->inner;
	const struct portal_fault *f = planned(of(p), CALL_FETCH);

	if (f != NULL)
		return fail(f, err);
	return in->drv->fetch(in, a, ret, err);
}

static enum status
proxy_ack(struct portal *p, const char *id, struct err *err)
{
	struct portal *in = of(p)->inner;

	THROUGH(planned(of(p), CALL_ACK), err, in->drv->ack(in, id, err));
}

static enum status
proxy_post(struct portal *p, const struct portal_post *post, char **ret_id, struct err *err)
{
	struct portal *in = of(p)->inner;
	const struct portal_fault *f = planned(of(p), CALL_POST);
	AUTO_STR id = NULL;

	if (f != NULL && !f->after)
		return fail(f, err);
	TRY(in->drv->post(in, post, &id, err));
	if (f != NULL)
		return fail(f, err);
	*ret_id = TAKE(id);
	return ST_OK;
}

static enum status
proxy_find(struct portal *p, const char *idem_key, char **ret_id, struct err *err)
{
	struct portal *in = of(p)->inner;
	const struct portal_fault *f = planned(of(p), CALL_FIND);

	if (f != NULL)
		return fail(f, err);
	return in->drv->find(in, idem_key, ret_id, err);
}

struct portal *
portal_proxy(struct portal *inner, const struct portal_fault *faults, size_t nfaults)
{
	struct proxy *x = xcalloc(1, sizeof *x);

	x->drv = (struct portal_driver){
		.name = "proxy",
		.caps = inner->drv->caps,
		.open = proxy_open,
		.close = proxy_close,
		.wait = proxy_wait,
		.fetch = proxy_fetch,
		.ack = proxy_ack,
		.post = proxy_post,
		.find = proxy_find,
	};
	x->base.drv = &x->drv;
	x->inner = inner;
	x->faults = faults;
	x->nfaults = nfaults;
	return &x->base;
}

unsigned
portal_proxy_calls(const struct portal *p, const char *call)
{
	const struct proxy *x = (const struct proxy *)p;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (strcmp(calls[i], call) == 0)
			return x->count[i];
	return 0;
}
