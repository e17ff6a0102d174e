/* courier_portal -- the lane to the patient: ask when the outcome is unknown, else post under a stable key. */
#include "base/fault.h"
#include "base/own.h"
#include "flow/courier_in.h"

#include <string.h>

static enum status
open_portal(struct job *job, const char *id, struct portal **ret, struct err *err)
{
	struct session *s = courier_session(job->c, id);
	const struct portal_conf *self = conf_portal(job->v->conf, id);
	const struct portal_driver *drv = self != NULL ? job->c->drivers->portal(self->driver) : NULL;
	struct portal_env env = {
		.conf = job->v->conf, .self = self, .store = job->c->w->store, .clock = &job->c->w->clock
	};

	if (drv == NULL || (drv->caps & PORTAL_POST) == 0)
		return err_set(err, ST_REMOTE_DOWN, "portal.unknown",
		    "no portal of the configuration takes this delivery (%s)", job->d->destination);
	if (s->portal == NULL)
		TRY(drv->open(&env, &s->portal, err));
	*ret = s->portal;
	return ST_OK;
}

/* As the portal names the clinician or pool of this thread. */
static const char *
addressee_at_portal(const struct job *job)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	addressee_of(job->v->conf, job->thread->addressee, &who, &pool);
	if (who != NULL)
		return who->portal_id != NULL ? who->portal_id : who->id;
	return pool != NULL ? pool->id : "";
}

static const char *
author_name(const struct job *job)
{
	const struct clinician_conf *who = NULL;

	if (strncmp(job->m->author, "clinician:", 10) == 0)
		who = conf_clinician(job->v->conf, job->m->author + 10);
	return who != NULL ? who->name : job->v->conf->site.clinic;
}

enum status
courier_to_portal(struct job *job, struct err *err)
{
	struct portal *portal = NULL;
	struct portal_post post;

	if (job->thread == NULL)
		return err_set(err, ST_MSG_REFUSED, "ledger.thread", "nothing without a conversation goes to a portal");
	TRY(open_portal(job, job->d->destination + strlen(LANE_PORTAL), &portal, err));
	if (job->d->state == DLV_UNKNOWN && (portal->drv->caps & PORTAL_CAN_ASK) != 0) {
		TRY(portal->drv->find(portal, job->d->idem_key, &job->remote_id, err));
		if (job->remote_id != NULL)
			return ST_OK;
	}
	post = (struct portal_post){ .idem_key = job->d->idem_key,
		.thread = job->thread->portal_key,
		.patient_key = job->patient->portal_key,
		.author = job->m->author,
		.author_name = author_name(job),
		.notification = job->m->kind != KIND_HUMAN,
		.sent_ms = job->m->received_ms,
		.content = job->content,
		.patient_only = job->thread->patient_only,
		.addressee = addressee_at_portal(job) };
	job->size = (int64_t)strlen(job->content->text);
	for (size_t i = 0; i < job->content->natt; i++)
		job->size += (int64_t)job->content->att[i].data.n;
	FAULT_POINT("courier.before-post");
	return portal->drv->post(portal, &post, &job->remote_id, err);
}
