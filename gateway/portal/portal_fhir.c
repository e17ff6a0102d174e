/*
 * portal_fhir -- a portal that speaks FHIR R4: the driver's table. What it concluded about the server decides whether a
 * post can be asked for later; a server that cannot search by identifier gets a table without PORTAL_CAN_ASK.
 */
#include "portal/fhir_in.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

static const struct portal_driver portal_fhir_blind;

static struct fhir *
of(struct portal *p)
{
	return (struct fhir *)p;
}

static void
driver_close(struct portal *p)
{
	struct fhir *f = of(p);

	if (f == NULL)
		return;
	fhir_poll_free(f);
	known_free(&f->patients);
	known_free(&f->people);
	known_free(&f->threads);
	fhir_link_free(f->link);
	free(f);
}

static enum status
begin(struct fhir *f, struct err *err)
{
	const struct fhir_caps *caps;

	TRY(fhir_link_new(f->c, f->env.clock, f->limits.json_depth, &f->link, err));
	TRY(fhir_link_open(f->link, err));
	caps = fhir_caps_of(f->link);
	if (!caps->r4)
		return err_set(err, ST_REMOTE_DOWN, "fhir.version", "the server does not speak FHIR R4 (4.0)");
	if (!caps->search && !caps->create)
		return err_set(
		    err, ST_REMOTE_DOWN, "fhir.capabilities", "the server has no Communication to work with");
	f->base.drv = fhir_caps_can_ask(caps) ? &portal_fhir : &portal_fhir_blind;
	return fhir_begin(f, err);
}

static enum status
driver_open(const struct portal_env *env, struct portal **ret, struct err *err)
{
	struct fhir *f;
	enum status st;

	if (env->store == NULL || env->self == NULL || env->self->fhir == NULL || env->clock == NULL)
		return err_set(err, ST_LOCAL, "portal.store", "a FHIR portal needs the store and its options");
	f = xcalloc(1, sizeof *f);
	f->base.drv = &portal_fhir;
	f->env = *env;
	f->c = env->self->fhir;
	f->id = env->self->id;
	f->limits = env->conf != NULL ? env->conf->site.limits
				      : (struct limits_conf){ .message_bytes = 35 << 20, .json_depth = 32 };
	st = begin(f, err);
	if (st != ST_OK) {
		driver_close(&f->base);
		return st;
	}
	*ret = &f->base;
	return ST_OK;
}

static enum status
driver_wait(struct portal *p, int wake_fd, int timeout_ms, struct err *err)
{
	int64_t until = monotonic_ms() + (timeout_ms > 0 ? timeout_ms : 0);

	for (;;) {
		struct pollfd fd = { .fd = wake_fd, .events = POLLIN };
		int64_t left, pause;
		json_t *waiting = NULL;

		TRY(fhir_poll_next(of(p), &waiting, err));
		left = timeout_ms < 0 ? 60000 : until - monotonic_ms();
		if (waiting != NULL || left <= 0)
			return ST_OK;
		pause = fhir_poll_wait_ms(of(p));
		if (poll(&fd, 1, (int)(left < pause ? left : pause)) < 0 && errno != EINTR)
			return err_set(err, ST_LOCAL, "portal.wait", "waiting failed (%d)", errno);
		if (fd.revents != 0)
			return ST_OK;
	}
}

static enum status
driver_fetch(struct portal *p, struct arena *a, struct portal_message **ret, struct err *err)
{
	struct portal_message *m = NULL;
	json_t *next = NULL;

	TRY(fhir_poll_next(of(p), &next, err));
	if (next != NULL) {
		TRY(fhir_take(of(p), next, a, &m, err));
		fhir_poll_done(of(p), m->id);
	}
	*ret = m;
	return ST_OK;
}

static enum status
driver_ack(struct portal *p, const char *id, struct err *err)
{
	return fhir_poll_ack(of(p), id, err);
}

const struct portal_driver portal_fhir = {
	.name = "fhir",
	.caps = PORTAL_FETCH | PORTAL_POST | PORTAL_CAN_ASK,
	.open = driver_open,
	.close = driver_close,
	.wait = driver_wait,
	.fetch = driver_fetch,
	.ack = driver_ack,
	.post = fhir_post,
	.find = fhir_find,
};

static const struct portal_driver portal_fhir_blind = {
	.name = "fhir",
	.caps = PORTAL_FETCH | PORTAL_POST,
	.open = driver_open,
	.close = driver_close,
	.wait = driver_wait,
	.fetch = driver_fetch,
	.ack = driver_ack,
	.post = fhir_post,
	.find = fhir_find,
};
