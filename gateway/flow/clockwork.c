#include "flow/clockwork.h"

#include "base/own.h"
#include "flow/facts.h"
#include "flow/notice.h"
#include "policies/autoreply.h"
#include "policies/promise.h"

#include <stdio.h>
#include <string.h>

#define HOLD_AGAIN_MS (3600 * 1000LL)

struct tick {
	struct view *v;
	struct arena *a;
	struct clockwork_done done;
	struct promise_row *promise;
	size_t npromises;
	struct hold *hold;
	size_t nholds;
	size_t i; /* which of them this transaction is about */
};

static enum status
look(struct tx *tx, void *arg, struct err *err)
{
	struct tick *t = arg;

	TRY(promise_list(tx, NULL, true, t->a, &t->promise, &t->npromises, err));
	return hold_list(tx, true, t->a, &t->hold, &t->nholds, err);
}

/* ---- promises ---------------------------------------------------------------------------------------------------- */

static const char *
reader_of(const struct tick *t, const char *addressee)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	addressee_of(t->v->conf, addressee, &who, &pool);
	return who != NULL ? who->id : pool != NULL && pool->members.n > 0 ? pool->members.item[0] : NULL;
}

static enum status
remind(struct tx *tx, struct tick *t, const struct promise_row *p, int stage, struct err *err)
{
	const char *id = reader_of(t, p->addressee);
	const struct clinician_conf *who = id != NULL ? conf_clinician(t->v->conf, id) : NULL;
	const char *lang = who != NULL && who->language != NULL ? who->language : t->v->conf->site.language;
	bool es = strncmp(lang, "es", 2) == 0;
	char key[80], ref[REF_LEN + 1];
	struct notice n = {
		.thread = p->thread, .clinician = id, .note = "reminder", .key = key, .in_reply_to = p->message
	};

	if (who == NULL)
		return ST_OK;
	snprintf(key, sizeof key, "notice/reminder/%s/%d", p->ref, stage);
	n.subject = es ? "Recordatorio: un paciente espera respuesta" : "Reminder: a patient is waiting for an answer";
	n.text = arena_printf(t->a,
	    es ? "La conversación %s espera respuesta.\nPrometido: %s.\n"
	       : "Conversation %s waits for an answer.\nPromised: %s.\n",
	    p->thread, promise_words(t->a, t->v->conf->response, p->due_ms / 1000, t->v->conf->site.zone, lang));
	t->done.reminders++;
	return notice_add(tx, t->v, &n, ref, err);
}

/* The patient is told honestly, with a new time where there is one. */
static enum status
tell_late(struct tx *tx, struct tick *t, const struct promise_row *p, struct err *err)
{
	const struct response *r = t->v->conf->response;
	const struct clinician_conf *who;
	const struct pool_conf *pool;
	const struct calendar *cal;
	const struct sla *sla;
	struct conversation c = { .patient = NULL };
	struct promise again = { .none = true };
	enum urgency urgency = URGENCY_ROUTINE;
	const char *subject, *text, *zone;
	char key[80], ref[REF_LEN + 1], destination[80];
	AUTO(content) reply = NULL;
	AUTO_BUF encoded = BUF_INIT;
	int64_t now = tx_now_ms(tx) / 1000;
	bool dup, fresh;

	TRY(conversation_of_thread(tx, t->v->conf, p->thread, t->a, &c, err));
	addressee_of(t->v->conf, p->addressee, &who, &pool);
	zone = who != NULL ? who->calendar : pool != NULL ? pool->calendar : NULL;
	cal = zone != NULL ? response_calendar(r, zone) : NULL;
	cal = cal != NULL ? cal : r->clinic;
	if (!urgency_parse(p->urgency, &urgency))
		urgency = URGENCY_ROUTINE;
	sla = promise_sla(r, cal, p->category, urgency);
	if (sla != NULL && sla->mode != SLA_NONE)
		TRY(promise_compute(cal, sla, now, now, &again, err));
	struct autoreply_facts f = { .kind = AUTOREPLY_LATE,
		.language = c.facts.language,
		.patient_zone = c.patient->zone,
		.who = addressee_name(t->v->conf, p->addressee),
		.ref = p->thread,
		.received = p->received_ms / 1000,
		.promise = again.none ? NULL : &again };
	TRY(autoreply_text(t->v->conf, &f, t->a, &subject, &text, err));
	reply = content_new(subject, text);
	content_encode(reply, &encoded);
	snprintf(key, sizeof key, "late/%s", p->ref);
	struct message_new m = { .kind = KIND_NOTICE,
		.state = MSG_IN_FLIGHT,
		.thread = p->thread,
		.author = "portico",
		.source_key = key,
		.message_id = "",
		.in_reply_to = p->message,
		.owner = "portico",
		.deadline_ms = tx_now_ms(tx) + 300000,
		.received_ms = tx_now_ms(tx),
		.note = "late",
		.urgency = "",
		.categories = "",
		.content = buf_slice(&encoded) };
	TRY(message_insert(tx, &m, ref, &dup, err));
	if (dup)
		return ST_OK;
	t->done.late_notices++;
	snprintf(destination, sizeof destination, "portal:%s", c.thread->portal);
	TRY(delivery_add(tx, ref, destination, key, 0, err));
	return incident_touch(
	    tx, arena_printf(t->a, "promise/%s", p->addressee), "promise.broken", "medium", "support", &fresh, err);
}

static int
stage_due(const struct promise_row *p, int64_t now_ms)
{
	return now_ms >= p->due_ms ? 3 : now_ms >= p->warn_ms[1] ? 2 : now_ms >= p->warn_ms[0] ? 1 : 0;
}

static enum status
watch_promise(struct tx *tx, void *arg, struct err *err)
{
	struct tick *t = arg;
	const struct promise_row *p = NULL;
	struct promise_row *now_open = NULL;
	size_t n = 0;
	int stage;

	/* Answered, or warned by another bridge, since we looked? */
	TRY(promise_list(tx, t->promise[t->i].thread, true, t->a, &now_open, &n, err));
	for (size_t i = 0; i < n; i++)
		if (strcmp(now_open[i].ref, t->promise[t->i].ref) == 0)
			p = &now_open[i];
	stage = p != NULL ? stage_due(p, tx_now_ms(tx)) : 0;
	if (p == NULL || stage <= p->warned)
		return ST_OK;
	TRY(remind(tx, t, p, stage, err));
	if (stage == 3)
		TRY(tell_late(tx, t, p, err));
	return promise_warned(tx, p->ref, stage, err);
}

/* ---- holds ------------------------------------------------------------------------------------------------------- */

static enum status
watch_hold(struct tx *tx, void *arg, struct err *err)
{
	struct tick *t = arg;
	struct hold *h = NULL;
	struct message_row *m = NULL;
	const struct clinician_conf *who;
	char note[40], key[80], ref[REF_LEN + 1];
	bool es, fresh;

	TRY(hold_get(tx, t->hold[t->i].ref, t->a, &h, err));
	if (h == NULL || h->ended_ms != 0 || h->deadline_ms > tx_now_ms(tx))
		return ST_OK;
	who = conf_clinician(t->v->conf, h->clinician);
	TRY(message_get(tx, h->message, t->a, &m, err));
	if (who == NULL || m == NULL)
		return ST_OK;
	if (h->reminders > 0) {
		t->done.hold_escalations++;
		TRY(incident_touch(
		    tx, arena_printf(t->a, "hold/%s", h->ref), "hold.unanswered", "high", "support", &fresh, err));
	}
	es = who->language != NULL && strncmp(who->language, "es", 2) == 0;
	snprintf(note, sizeof note, "hold:%s", h->ref);
	snprintf(key, sizeof key, "notice/hold/%s/%d", h->ref, h->reminders + 1);
	struct notice n = {
		.thread = m->thread, .clinician = h->clinician, .note = note, .key = key, .in_reply_to = h->message
	};

	n.subject = es ? "Recordatorio: su mensaje espera su confirmación"
		       : "Reminder: your message waits for your confirmation";
	n.text = es ? "Todavía no ha llegado nada al paciente. Responda con ENVIAR, ACORDADO o RETIRAR en la primera "
		      "línea.\n"
		    : "Nothing has reached the patient yet. Answer with SEND, AGREED or WITHDRAW on the first line.\n";
	t->done.hold_reminders++;
	TRY(notice_add(tx, t->v, &n, ref, err));
	return hold_reminded(tx, h->ref, tx_now_ms(tx) + HOLD_AGAIN_MS, err);
}

enum status
clockwork_tick(struct view *v, struct clockwork_done *ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct tick t = { .v = v, .a = a };
	int64_t now = clock_now_ms(&v->w->clock);

	TRY(store_read(v->w->store, look, &t, err));
	for (t.i = 0; t.i < t.npromises; t.i++)
		if (stage_due(&t.promise[t.i], now) > t.promise[t.i].warned)
			TRY(store_write(v->w->store, watch_promise, &t, err));
	for (t.i = 0; t.i < t.nholds; t.i++)
		if (t.hold[t.i].deadline_ms <= now)
			TRY(store_write(v->w->store, watch_hold, &t, err));
	*ret = t.done;
	return ST_OK;
}
