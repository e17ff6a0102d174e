#include "bridge/bridge.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/own.h"
#include "flow/clockwork.h"
#include "flow/courier.h"
#include "flow/intake.h"
#include "flow/watch.h"
#include "mailbox/mailbox.h"
#include "portal/portal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_MS 1000	/* how long the bell may be missed before work is found anyway */
#define TROUBLE_MS 5000 /* pause after trouble of our own */
#define CLOCKWORK_MS 1000
#define CHECKPOINT_MS 30000
#define CERTIFICATES_MS (600 * 1000LL)

/* ---- portal -> ledger -------------------------------------------------------------------------------------------- */

static enum status
take_one(struct bridge *b, struct view *v, const char *id, struct portal *p, bool *ret_worked, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct portal_message *pm = NULL;
	struct intake_result done;

	*ret_worked = false;
	TRY(p->drv->fetch(p, a, &pm, err));
	if (pm == NULL)
		return ST_OK;
	*ret_worked = true;
	FAULT_POINT("intake.fetched");
	TRY(intake_message(v, id, pm, &done, err));
	FAULT_POINT("intake.committed");
	TRY(p->drv->ack(p, pm->id, err));
	FAULT_POINT("intake.acked");
	log_event(LOG_NOTICE, "received", F_MSG(done.ref), F_REF("portal", id),
	    F_NAME("urgency", urgency_name(done.urgency)), F_NUM("repeat", done.dup), F_NUM("held", done.held));
	bell_ring(b->bell);
	return ST_OK;
}

/* One session with the portal, until trouble, a reload or the end. */
static enum status
portal_session(struct portal_task *t, struct view *v, struct err *err)
{
	const struct portal_conf *self = conf_portal(v->conf, t->portal_id);
	const struct portal_driver *drv = self != NULL ? portal_driver_named(self->driver) : NULL;
	struct portal_env env = {
		.conf = v->conf, .self = self, .store = t->b->world->store, .clock = &t->b->world->clock
	};
	struct portal *p = NULL;
	enum status st = ST_OK;
	bool worked;

	if (drv == NULL)
		return err_set(err, ST_LOCAL, "portal.driver", "portal %s is no longer configured", t->portal_id);
	TRY(drv->open(&env, &p, err));
	while (st == ST_OK && !atomic_load(&t->b->stop)) {
		struct view now;
		bool changed;

		view_begin(t->b->world, &now);
		changed = now.conf != v->conf;
		view_end(&now);
		if (changed)
			break;
		st = take_one(t->b, v, t->portal_id, p, &worked, err);
		if (st == ST_OK && !worked)
			st = drv->wait(p, bell_fd(t->b->bell), POLL_MS, err);
	}
	drv->close(p);
	return st;
}

void *
run_portal(void *arg)
{
	struct portal_task *t = arg;
	unsigned seen = 0;

	while (!atomic_load(&t->b->stop)) {
		struct err err = ERR_NONE;
		struct view v;
		enum status st;

		view_begin(t->b->world, &v);
		st = portal_session(t, &v, &err);
		view_end(&v);
		if (st == ST_OK || atomic_load(&t->b->stop))
			continue;
		log_event(LOG_WARNING, "portal-trouble", F_REF("portal", t->portal_id), F_ERR(&err));
		bell_wait(t->b->bell, &seen, TROUBLE_MS);
	}
	free(t);
	return NULL;
}

/* ---- ledger -> portal and mailbox -------------------------------------------------------------------------------- */

static void
note_outcome(void *arg, const char *event, const struct delivery *d, const struct err *why, int64_t took_ms)
{
	(void)arg;
	if (why == NULL)
		log_event(LOG_NOTICE, "delivered", F_MSG(d->message), F_REF("to", d->destination),
		    F_NUM("try", d->tries), F_NUM("ms", took_ms));
	else
		log_event(LOG_WARNING, "deferred", F_MSG(d->message), F_REF("to", d->destination),
		    F_NUM("try", d->tries), F_NUM("ms", took_ms), F_ERR(why));
	(void)event;
}

void *
run_courier(void *arg)
{
	static const struct courier_drivers drivers = { &mailbox_imap, portal_driver_named };
	struct courier_task *t = arg;
	struct courier *c = courier_new(t->b->world, t->lane, &drivers, note_outcome, NULL);
	unsigned seen = 0;

	while (!atomic_load(&t->b->stop)) {
		struct err err = ERR_NONE;
		int64_t next_ms = 0, left;
		bool worked = false;

		if (courier_step(c, &worked, &next_ms, &err) != ST_OK) {
			log_event(LOG_ERR, "courier-trouble", F_REF("lane", t->lane), F_ERR(&err));
			bell_wait(t->b->bell, &seen, TROUBLE_MS);
			continue;
		}
		if (worked)
			continue;
		left = next_ms - clock_now_ms(&t->b->world->clock);
		bell_wait(t->b->bell, &seen, left < 10 ? 10 : left > POLL_MS ? POLL_MS : (int)left);
	}
	courier_free(c);
	free(t);
	return NULL;
}

/* ---- time and bells ---------------------------------------------------------------------------------------------- */

/* What is due by the wall clock: reminders, late promises, unanswered holds, emergencies nobody has. */
static void
tick(struct bridge *b, bool certificates)
{
	struct clockwork_done done = { 0 };
	struct err err = ERR_NONE;
	size_t pages = 0, troubles = 0;
	struct view v;
	enum status st;

	view_begin(b->world, &v);
	st = clockwork_tick(&v, &done, &err);
	if (st == ST_OK)
		st = watch_emergencies(&v, &pages, &err);
	if (st == ST_OK && certificates)
		st = watch_certificates(&v, &troubles, &err);
	view_end(&v);
	if (st != ST_OK)
		log_event(LOG_ERR, "clockwork-trouble", F_ERR(&err));
	if (pages > 0)
		log_event(LOG_ALERT, "paged", F_NUM("emergencies", (int64_t)pages));
	if (troubles > 0)
		log_event(LOG_WARNING, "certificates", F_NUM("trouble", (int64_t)troubles));
	if (done.reminders + done.late_notices + done.hold_reminders == 0)
		return;
	log_event(LOG_NOTICE, "reminded", F_NUM("promises", (int64_t)done.reminders),
	    F_NUM("late", (int64_t)done.late_notices), F_NUM("holds", (int64_t)done.hold_reminders));
	bell_ring(b->bell);
}

void *
run_clockwork(void *arg)
{
	struct bridge *b = arg;
	unsigned seen = 0;
	int64_t checkpoint_at = monotonic_ms() + CHECKPOINT_MS, certificates_at = monotonic_ms();

	while (!atomic_load(&b->stop)) {
		int64_t now = monotonic_ms(), until = now + CLOCKWORK_MS;
		struct err err = ERR_NONE;

		tick(b, now >= certificates_at);
		if (now >= certificates_at)
			certificates_at = now + CERTIFICATES_MS;
		if (now >= checkpoint_at) {
			checkpoint_at = now + CHECKPOINT_MS;
			if (store_checkpoint(b->world->store, &err) != ST_OK)
				log_event(LOG_ERR, "checkpoint-trouble", F_ERR(&err));
		}
		/* Bells are for couriers; the clockwork keeps its own pace. */
		while (!atomic_load(&b->stop) && monotonic_ms() < until)
			bell_wait(b->bell, &seen, (int)(until - monotonic_ms()) + 1);
	}
	return NULL;
}

void *
run_doorbell(void *arg)
{
	struct bridge *b = arg;
	struct err err = ERR_NONE;
	struct view v;
	int fd = -1;
	enum status st;

	view_begin(b->world, &v);
	st = doorbell_listen(v.conf, &fd, &err);
	view_end(&v);
	if (st != ST_OK) {
		log_event(LOG_WARNING, "doorbell-trouble", F_ERR(&err));
		return NULL; /* the couriers poll */
	}
	while (!atomic_load(&b->stop)) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = bell_fd(b->bell), .events = POLLIN } };
		char sink[64];

		poll(p, 2, -1);
		if ((p[0].revents & POLLIN) != 0 && recv(fd, sink, sizeof sink, 0) >= 0)
			bell_ring(b->bell);
	}
	close(fd);
	return NULL;
}
