#include "base/fault.h"
#include "base/hash.h"
#include "base/own.h"
#include "flow/courier_in.h"
#include "flow/notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#define REFUSED_AGAIN_MS (3600 * 1000LL) /* a patient's message is never given up: somebody must mend the cause */
#define GRACE_MS 60000
#define REFERENCES 20

/* ---- sessions --------------------------------------------------------------------------------------------------- */

static void
session_close(struct courier *c, struct session *s)
{
	if (s->box != NULL)
		c->drivers->mailbox->close(s->box);
	if (s->portal != NULL)
		s->portal->drv->close(s->portal);
	*s = (struct session){ .id = "" };
}

struct session *
courier_session(struct courier *c, const char *id)
{
	struct session *s = &c->session[0];

	for (size_t i = 0; i < SESSIONS; i++) {
		if (strcmp(c->session[i].id, id) == 0) {
			s = &c->session[i];
			break;
		}
		if (c->session[i].used_ms < s->used_ms)
			s = &c->session[i];
	}
	if (strcmp(s->id, id) != 0) {
		session_close(c, s);
		snprintf(s->id, sizeof s->id, "%s", id);
	}
	s->used_ms = monotonic_ms();
	return s;
}

void
courier_drop(struct courier *c, const char *id)
{
	for (size_t i = 0; i < SESSIONS; i++)
		if (strcmp(c->session[i].id, id) == 0)
			session_close(c, &c->session[i]);
}

void
courier_rest(struct courier *c)
{
	for (size_t i = 0; i < SESSIONS; i++)
		session_close(c, &c->session[i]);
	if (c->has_view)
		view_end(&c->view);
	c->has_view = false;
}

struct courier *
courier_new(struct world *w, const char *lane, const struct courier_drivers *drivers, courier_note note, void *arg)
{
	struct courier *c = xcalloc(1, sizeof *c);

	c->w = w;
	c->lane = lane;
	c->drivers = drivers;
	c->note = note;
	c->note_arg = arg;
	return c;
}

void
courier_free(struct courier *c)
{
	if (c == NULL)
		return;
	courier_rest(c);
	free(c);
}

/* Sessions were opened under one configuration; after a reload they are opened anew. */
static void
fresh_view(struct courier *c)
{
	struct view now;

	view_begin(c->w, &now);
	if (c->has_view && now.conf == c->view.conf) {
		view_end(&now);
		return;
	}
	courier_rest(c);
	c->view = now;
	c->has_view = true;
}

/* ---- claim and load --------------------------------------------------------------------------------------------- */

struct claim {
	struct job *job;
	int64_t lease_ms, next_ms;
};

static enum status
claim_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct claim *cl = arg;
	struct job *job = cl->job;

	TRY(delivery_claim(tx, job->c->lane, cl->lease_ms, job->a, &job->d, err));
	if (job->d == NULL)
		cl->next_ms = delivery_next_due_ms(tx, job->c->lane);
	return ST_OK;
}

static enum status
peek_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct claim *cl = arg;

	(void)err;
	cl->next_ms = delivery_next_due_ms(tx, cl->job->c->lane);
	return ST_OK;
}

static enum status
load_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct job *job = arg;
	AUTO_BUF blob = BUF_INIT;
	struct message_filter f = { .limit = REFERENCES, .state = -1 };

	TRY(message_get(tx, job->d->message, job->a, &job->m, err));
	if (job->m == NULL)
		return err_set(err, ST_LOCAL, "ledger.message", "delivery %s has no message", job->d->ref);
	TRY(message_blob(tx, job->m->ref, BLOB_CONTENT, &blob, err));
	content_free(job->content);
	job->content = NULL;
	TRY(content_decode(buf_slice(&blob), &job->v->conf->site.limits, &job->content, err));
	if (job->m->thread[0] == '\0')
		return ST_OK;
	TRY(thread_get(tx, job->m->thread, job->a, &job->thread, err));
	if (job->thread == NULL)
		return err_set(err, ST_LOCAL, "ledger.thread", "message %s has no conversation", job->m->ref);
	TRY(patient_get(tx, job->thread->patient, job->a, &job->patient, err));
	if (job->patient == NULL)
		return err_set(err, ST_LOCAL, "ledger.patient", "conversation %s has no patient", job->thread->ref);
	TRY(promise_list(tx, job->m->thread, true, job->a, &job->promises, &job->npromises, err));
	TRY(agreement_list(tx, job->patient->ref, job->a, &job->agreements, &job->nagreements, err));
	f.thread = job->m->thread;
	return message_list(tx, &f, job->a, &job->before, &job->nbefore, err);
}

const struct clinician_conf *
job_clinician(const struct job *job)
{
	return conf_clinician(job->v->conf, job->d->destination + strlen(LANE_MAILBOX));
}

/* ---- what became of it ------------------------------------------------------------------------------------------ */

static bool
answers_patient(const struct job *job)
{
	return job->m->kind == KIND_HUMAN && strncmp(job->m->author, "clinician:", 10) == 0;
}

struct outcome {
	struct job *job;
	const struct err *why;
	int64_t at_ms, rest_ms; /* when this delivery, and when the far side, is tried again */
	bool unknown, blame;
};

static enum status
settle_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct job *job = arg;
	size_t n = 0;

	struct history_row sent = { .at_ms = tx_now_ms(tx),
		.event = "sent",
		.code = job->d->destination,
		.actor = "courier",
		.size = job->size,
		.took_ms = monotonic_ms() - job->began_ms };

	TRY(history_add(tx, job->m->ref, &sent, err));
	TRY(delivery_settle(tx, job->d->ref, job->remote_id, err));
	TRY(incident_close(tx, job->d->destination, err));
	if (strcmp(job->m->urgency, "emergency") == 0)
		TRY(incident_close(tx, arena_printf(job->a, "emergency/%s", job->m->ref), err));
	if (strcmp(job->c->lane, LANE_PORTAL) != 0 || !answers_patient(job) || job->thread == NULL)
		return ST_OK;
	/* Kept = the first human answer accepted by the portal at or before due. */
	return promise_answer(tx, job->thread->ref, tx_now_ms(tx), &n, err);
}

static enum status
defer_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct outcome *o = arg;

	return delivery_defer(tx, o->job->d->ref, o->at_ms, o->unknown, o->blame, o->why->code, err);
}

/* The far side rests, and its message is not blamed for it. */
static enum status
rest_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct outcome *o = arg;
	const char *dest = o->job->d->destination;
	bool fresh;

	TRY(delivery_defer(tx, o->job->d->ref, o->at_ms, o->unknown, false, o->why->code, err));
	TRY(destination_rest(tx, dest, o->rest_ms, o->why->code, err));
	return incident_touch(tx, dest, o->why->code, "medium", "support", &fresh, err);
}

/* The author is told once; nothing is lost silently. */
static enum status
give_back_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct outcome *o = arg;
	struct job *job = o->job;
	const char *who = job->m->author + strlen("clinician:");
	const struct clinician_conf *c = answers_patient(job) ? conf_clinician(job->v->conf, who) : NULL;
	char ref[REF_LEN + 1], key[100];
	bool fresh;

	TRY(incident_touch(tx, job->d->destination, o->why->code, "high", "support", &fresh, err));
	TRY(delivery_fail(tx, job->d->ref, o->why->code, err));
	if (c == NULL)
		return ST_OK;
	struct notice n = { .thread = job->m->thread,
		.clinician = c->id,
		.note = "undelivered",
		.key = key,
		.in_reply_to = job->m->ref };
	bool es = c->language != NULL && strncmp(c->language, "es", 2) == 0;

	snprintf(key, sizeof key, "notice/undelivered/%s", job->d->ref);
	n.subject = es ? "Su respuesta no llegó al portal" : "Your answer did not reach the portal";
	n.text = es ? "El portal no aceptó su respuesta y el paciente no la ve. Llame al paciente o al soporte.\n"
		    : "The portal did not take your answer and the patient does not see it.\n"
		      "Please call the patient, or the support named below.\n";
	return notice_add(tx, job->v, &n, ref, err);
}

/* No usable certificate, or a mail the mailbox will never take: somebody else must get it, at once. */
static enum status
reroute_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct outcome *o = arg;
	struct job *job = o->job;
	const struct clinician_conf *from = job_clinician(job);
	const char *on_call = job->v->conf->support.on_call;
	const char *to = from != NULL && from->cover != NULL ? from->cover : on_call;
	char destination[80], key[120];
	struct delivery *list = NULL;
	size_t n = 0;
	bool fresh, placed = false;

	TRY(incident_touch(tx, job->d->destination, o->why->code, "high", "support", &fresh, err));
	if (to == NULL || conf_clinician(job->v->conf, to) == NULL || job->m->kind != KIND_HUMAN)
		return delivery_defer(tx, job->d->ref, o->at_ms, false, true, o->why->code, err);
	snprintf(destination, sizeof destination, LANE_MAILBOX "%s", to);
	TRY(delivery_list(tx, job->m->ref, job->a, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		placed = placed || strcmp(list[i].destination, destination) == 0;
	if (placed) /* it is there already, or cannot go there either: this one waits for its cause to be mended */
		return delivery_defer(tx, job->d->ref, o->at_ms, false, true, o->why->code, err);
	snprintf(key, sizeof key, "%s/%s", job->m->ref, destination);
	TRY(delivery_add(tx, job->m->ref, destination, key, 0, err));
	return delivery_fail(tx, job->d->ref, o->why->code, err);
}

/* Doubling from retry_min to retry_max, with a quarter of jitter: retries of many never come in step. */
static int64_t
back_off_ms(const struct site_conf *site, int tries)
{
	int64_t ms = site->retry_min_s * 1000;
	uint16_t r;

	while (tries-- > 0 && ms < site->retry_max_s * 1000)
		ms *= 2;
	ms = MIN(ms, site->retry_max_s * 1000);
	random_bytes(&r, sizeof r);
	return ms + ms * (r % 512 - 256) / 1024;
}

static enum status
handle_failure(struct job *job, const struct err *why, struct err *err)
{
	struct courier *c = job->c;
	const struct site_conf *site = &job->v->conf->site;
	int64_t now = clock_now_ms(&c->w->clock);
	bool mailbox = strcmp(c->lane, LANE_MAILBOX) == 0;
	struct outcome o = { .job = job, .why = why, .at_ms = now + back_off_ms(site, job->d->tries), .blame = true };

	/* Once the intent was journalled, only the far side knows whether it has the mail; and it may still be filing
	 * what a connection that is gone had sent: it is asked only after a grace. */
	o.unknown = job->d->state == DLV_UNKNOWN;
	o.rest_ms = o.at_ms;
	if (o.unknown)
		o.at_ms = MAX(o.at_ms, now + MIN(site->lease_s * 1000, GRACE_MS));
	switch (why->st) {
	case ST_MSG_RETRY:
		return store_write(c->w->store, defer_in_tx, &o, err);
	case ST_MSG_REFUSED:
		o.at_ms = now + REFUSED_AGAIN_MS;
		return store_write(c->w->store, mailbox ? reroute_in_tx : give_back_in_tx, &o, err);
	case ST_REMOTE_DOWN:
		courier_drop(c, strchr(job->d->destination, ':') + 1);
		return store_write(c->w->store, rest_in_tx, &o, err);
	default:
		o.at_ms = now + site->retry_min_s * 1000;
		o.blame = false;
		TRY(store_write(c->w->store, defer_in_tx, &o, err));
		*err = *why;
		return ST_LOCAL;
	}
}

static enum status
bring(struct job *job, struct err *err)
{
	struct err why = ERR_NONE;
	int64_t began = job->began_ms = monotonic_ms();
	bool mailbox = strcmp(job->c->lane, LANE_MAILBOX) == 0;
	enum status st = store_read(job->c->w->store, load_in_tx, job, &why);

	if (st == ST_OK)
		st = mailbox ? courier_to_mailbox(job, &why) : courier_to_portal(job, &why);
	if (st != ST_OK) {
		if (job->c->note != NULL)
			job->c->note(job->c->note_arg, "deferred", job->d, &why, monotonic_ms() - began);
		return job->m != NULL || st == ST_LOCAL ? handle_failure(job, &why, err) : ST_LOCAL;
	}
	FAULT_POINT("courier.sent");
	TRY(store_write(job->c->w->store, settle_in_tx, job, err));
	FAULT_POINT("courier.settled");
	if (job->c->note != NULL)
		job->c->note(job->c->note_arg, "delivered", job->d, NULL, monotonic_ms() - began);
	return ST_OK;
}

enum status
courier_step(struct courier *c, bool *ret_worked, int64_t *ret_next_ms, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct job job = { .c = c, .a = a };
	struct claim cl = { .job = &job };
	enum status st;

	fresh_view(c);
	job.v = &c->view;
	cl.lease_ms = c->view.conf->site.lease_s * 1000;
	*ret_worked = false;
	/* Looking costs no lock; only what is due is claimed. */
	TRY(store_read(c->w->store, peek_in_tx, &cl, err));
	*ret_next_ms = cl.next_ms;
	if (cl.next_ms > clock_now_ms(&c->w->clock))
		return ST_OK;
	TRY(store_write(c->w->store, claim_in_tx, &cl, err));
	*ret_next_ms = cl.next_ms;
	if (job.d == NULL)
		return ST_OK;
	FAULT_POINT("courier.claimed");
	*ret_worked = true;
	st = bring(&job, err);
	content_free(job.content);
	free(job.remote_id);
	return st;
}
