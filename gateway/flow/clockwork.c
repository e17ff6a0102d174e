#include "flow/clockwork.h"

#include "base/own.h"
#include "flow/due.h"
#include "flow/facts.h"
#include "flow/notice.h"
#include "policies/autoreply.h"
#include "policies/promise.h"

#include <stdio.h>
#include <string.h>

#define HOLD_AGAIN_MS (3600 * 1000LL)
#define BROKEN "promise/"

struct tick {
	struct view *v;
	struct arena *a;
	struct clockwork_done done;
	struct promise_row *promise;
	size_t npromises;
	struct hold *hold;
	size_t nholds;
	struct incident *incident;
	size_t nincidents;
	size_t i; /* which of them this transaction is about */
};

static enum status
look(struct tx *tx, void *arg, struct err *err)
{
	struct tick *t = arg;

	TRY(promise_list(tx, NULL, true, t->a, &t->promise, &t->npromises, err));
	TRY(incident_list(tx, true, t->a, &t->incident, &t->nincidents, err));
	return hold_list(tx, true, t->a, &t->hold, &t->nholds, err);
}

/* ---- promises ---------------------------------------------------------------------------------------------------- */

/* One sealed reminder to one clinician. The key holds the time it was due: a snoozed one is another. */
static enum status
remind_one(struct tx *tx, struct tick *t, const struct promise_row *p, int stage, const char *id, struct err *err)
{
	const struct clinician_conf *who = conf_clinician(t->v->conf, id);
	const char *lang = who != NULL && who->language != NULL ? who->language : t->v->conf->site.language;
	int64_t at_ms = stage == 3 ? p->due_ms : p->warn_ms[stage - 1];
	bool es = strncmp(lang, "es", 2) == 0;
	char ref[REF_LEN + 1];
	struct notice n = { .thread = p->thread,
		.clinician = id,
		.note = "reminder",
		.key = arena_printf(t->a, "notice/reminder/%s/%d/%lld/%s", p->ref, stage, (long long)at_ms, id),
		.in_reply_to = p->message };

	if (who == NULL)
		return ST_OK;
	n.subject = es ? "Recordatorio: un paciente espera respuesta" : "Reminder: a patient is waiting for an answer";
	n.text = arena_printf(t->a,
	    es ? "La conversación %s (%s) espera respuesta.\nPrometido: %s.\n\n"
		 "En lugar de responder al paciente, puede contestar a este correo con una sola línea:\n"
		 "  reasignar a ID  |  posponer hasta AAAA-MM-DD HH:MM  |  cerrado por teléfono\n"
	       : "Conversation %s (%s) waits for an answer.\nPromised: %s.\n\n"
		 "Instead of answering the patient you can answer this mail with one line alone:\n"
		 "  reassign to ID  |  snooze until YYYY-MM-DD HH:MM  |  closed by phone\n",
	    p->thread, addressee_name(t->v->conf, p->addressee),
	    promise_words(t->a, t->v->conf->response, p->due_ms / 1000, t->v->conf->site.zone, lang));
	t->done.reminders++;
	return notice_add(tx, t->v, &n, ref, err);
}

static enum status
remind(struct tx *tx, struct tick *t, const struct promise_row *p, int stage, const char *addressee, struct err *err)
{
	struct due_readers r = due_readers(t->v->conf, addressee, t->a);

	for (size_t i = 0; i < r.n; i++)
		TRY(remind_one(tx, t, p, stage, r.id[i], err));
	return ST_OK;
}

/* Somebody else gets the patient's message, and is told why. */
static enum status
pass_on(struct tx *tx, struct tick *t, const struct promise_row *p, int stage, const char *to, struct err *err)
{
	if (to == NULL || strcmp(to, p->addressee) == 0)
		return ST_OK;
	if (p->message[0] != '\0')
		TRY(due_bring(tx, t->v->conf, p->message, to, t->a, err));
	return remind(tx, t, p, stage, to, err);
}

/* The patient is told honestly, with a new time where there is one; once for what was due at the same time. */
static enum status
tell_late(struct tx *tx, struct tick *t, const struct promise_row *p, struct err *err)
{
	const struct calendar *cal = due_calendar(t->v->conf, p->addressee);
	const struct sla *sla;
	struct conversation c = { .patient = NULL };
	struct promise again = { .none = true };
	enum urgency urgency = URGENCY_ROUTINE;
	const char *subject, *text, *key;
	char ref[REF_LEN + 1], destination[80];
	AUTO(content) reply = NULL;
	AUTO_BUF encoded = BUF_INIT;
	int64_t now = tx_now_ms(tx) / 1000;
	bool dup;

	TRY(conversation_of_thread(tx, t->v->conf, p->thread, t->a, &c, err));
	if (!urgency_parse(p->urgency, &urgency))
		urgency = URGENCY_ROUTINE;
	sla = due_rule(t->v->conf, cal, p->category, urgency);
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
	key = arena_printf(t->a, "late/%s/%lld", p->thread, (long long)p->due_ms);
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
	return delivery_add(tx, ref, destination, key, 0, err);
}

static int
stage_due(const struct promise_row *p, int64_t now_ms)
{
	return now_ms >= p->due_ms ? 3 : now_ms >= p->warn_ms[1] ? 2 : now_ms >= p->warn_ms[0] ? 1 : 0;
}

/* 50 %: whoever answers now is reminded. 80 %: the cover, or the pool, gets it too. 100 %: the desk has an incident,
 * and the patient hears the truth. What was missed on the way is made good. */
static enum status
act_on(struct tx *tx, struct tick *t, const struct promise_row *p, int stage, struct err *err)
{
	const struct conf *conf = t->v->conf;
	int64_t now = tx_now_ms(tx) / 1000;
	bool fresh;

	TRY(remind(tx, t, p, stage, p->addressee, err));
	if (stage >= 2)
		TRY(pass_on(tx, t, p, stage, due_next(conf, p->addressee, now, t->a), err));
	else if (p->by_cover || due_is_away(due_calendar(conf, p->addressee), now))
		TRY(pass_on(tx, t, p, stage, due_cover(conf, p->addressee, now, t->a), err));
	if (stage < 3)
		return ST_OK;
	TRY(tell_late(tx, t, p, err));
	return incident_touch(
	    tx, arena_printf(t->a, BROKEN "%s", p->addressee), "promise.broken", "medium", "support", &fresh, err);
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
	TRY(act_on(tx, t, p, stage, err));
	return promise_warned(tx, p->ref, stage, err);
}

/* The desk's incident ends when nothing of this addressee is overdue any more. */
static enum status
close_broken(struct tx *tx, void *arg, struct err *err)
{
	struct tick *t = arg;
	const char *cause = t->incident[t->i].cause, *addressee = cause + strlen(BROKEN);
	struct promise_row *open = NULL;
	size_t n = 0;

	TRY(promise_list(tx, NULL, true, t->a, &open, &n, err));
	for (size_t i = 0; i < n; i++)
		if (open[i].warned >= 3 && strcmp(open[i].addressee, addressee) == 0)
			return ST_OK;
	return incident_close(tx, cause, err);
}

static bool
still_broken(const struct tick *t, const struct incident *k)
{
	for (size_t i = 0; i < t->npromises; i++)
		if (t->promise[i].warned >= 3 && strcmp(t->promise[i].addressee, k->cause + strlen(BROKEN)) == 0)
			return true;
	return false;
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
	for (t.i = 0; t.i < t.nincidents; t.i++)
		if (strncmp(t.incident[t.i].cause, BROKEN, strlen(BROKEN)) == 0 && !still_broken(&t, &t.incident[t.i]))
			TRY(store_write(v->w->store, close_broken, &t, err));
	for (t.i = 0; t.i < t.nholds; t.i++)
		if (t.hold[t.i].deadline_ms <= now)
			TRY(store_write(v->w->store, watch_hold, &t, err));
	*ret = t.done;
	return ST_OK;
}
