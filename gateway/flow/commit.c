/* commit -- what judge.c decided becomes rows, in one transaction each. Nothing is answered before it is durable. */
#include "base/fault.h"
#include "base/hash.h"
#include "base/own.h"
#include "flow/judge_in.h"
#include "flow/notice.h"
#include "flow/order.h"
#include "policies/promise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#define HOLD_URGENT_S 1800

static const char *
language_of(const struct judging *j)
{
	const struct clinician_conf *c = j->who != NULL ? j->who : j->login;

	return c != NULL && c->language != NULL ? c->language : j->v->conf->site.language;
}

/* The text of an SMTP refusal: neutral, because logs and bounces of other servers are not private. */
static void
refuse(struct judging *j, const char *code, const char *thread)
{
	struct answer *a = &j->answer;

	a->kind = ANSWER_REFUSED;
	a->code = code;
	snprintf(a->ref, sizeof a->ref, "%s", j->refusal);
	snprintf(a->text, sizeof a->text, "Not sent; nothing reached the patient. Reference %s%s%s. Questions: %s",
	    j->refusal, thread != NULL ? " in " : "", thread != NULL ? thread : "", j->v->conf->support.phone);
}

static void
taken(struct judging *j, const char *code, const char *ref)
{
	j->answer.kind = ANSWER_TAKEN;
	j->answer.code = code;
	snprintf(j->answer.ref, sizeof j->answer.ref, "%s", ref);
}

static enum status
add_decision(struct tx *tx, struct judging *j, const char *message, struct err *err)
{
	const struct verdict *v = &j->verdict;
	struct decision_row d = { .message = message,
		.reference = j->refusal,
		.direction = "to_patient",
		.act = decision_name(v->act),
		.rule = v->rule != NULL ? v->rule : "",
		.class_name = v->class_name != NULL ? v->class_name : "",
		.whose = choice_name(v->whose),
		.agreement = v->agreement != NULL ? v->agreement : "",
		.policy_version = v->policy_version,
		.policy_hash = v->policy_hash,
		.evidence = verdict_evidence(v, j->a),
		.at_ms = tx_now_ms(tx) };

	return decision_add(tx, &d, err);
}

enum status
hold_deadline(struct tx *tx, struct judging *j, int64_t *ret, struct err *err)
{
	const struct response *r = j->v->conf->response;
	const struct calendar *cal = j->who->calendar != NULL ? response_calendar(r, j->who->calendar) : NULL;
	const struct sla open_hours = {
		.mode = SLA_BUSINESS_MINUTES, .n = (int32_t)(j->v->conf->site.hold_s / 60), .cutoff = -1
	};
	int64_t now = tx_now_ms(tx) / 1000, by;
	struct promise_row *row = NULL;
	struct promise p;
	size_t n = 0;

	TRY(promise_compute(cal != NULL ? cal : r->clinic, &open_hours, now, now, &p, err));
	by = p.none ? now + 86400 : p.due;
	if (j->verdict.urgency >= URGENCY_URGENT)
		by = MIN(by, now + HOLD_URGENT_S);
	TRY(promise_list(tx, j->c.thread->ref, true, j->a, &row, &n, err));
	for (size_t i = 0; i < n; i++)
		if (row[i].due_ms / 1000 > now)
			by = MIN(by, now + (row[i].due_ms / 1000 - now) / 2);
	*ret = by;
	return ST_OK;
}

/* ---- taken ------------------------------------------------------------------------------------------------------ */

static void
redact(struct judging *j)
{
	static const char mask[] = "[removed]";
	const struct verdict *v = &j->verdict;
	AUTO_BUF b = BUF_INIT;
	const char *text = j->content->text;
	size_t at = 0, len = strlen(text);

	for (size_t i = 0; i < v->nredactions; i++) {
		const struct span *s = &v->redactions[i];

		if (s->begin < at || s->end > len)
			continue;
		buf_append(&b, text + at, s->begin - at);
		buf_puts(&b, mask);
		at = s->end;
	}
	buf_puts(&b, text + at);
	explicit_bzero(j->content->text, len);
	free(j->content->text);
	j->content->text = buf_take(&b);
}

/* The thread only the patient reads: one beside each thread that a proxy can read. */
static enum status
private_thread(struct tx *tx, struct judging *j, char ret[THREAD_LEN + 1], struct err *err)
{
	struct thread want = *j->c.thread;
	uint8_t digest[HASH_SIZE];
	char name[17];

	if (want.patient_only) {
		snprintf(ret, THREAD_LEN + 1, "%s", want.ref);
		return ST_OK;
	}
	/* The same name every time, and one that fits every portal: 16 letters. */
	sha256(want.portal_key, strlen(want.portal_key), digest);
	base32_encode(digest, 10, name);
	want.portal_key = arena_strdup(j->a, name);
	want.patient_only = true;
	return thread_find_or_open(tx, &want, ret, err);
}

static enum status
add_hold(struct tx *tx, struct judging *j, const char *message, int64_t deadline, struct err *err)
{
	bool wrong = j->verdict.act == ACT_QUARANTINE;
	struct hold h = { .clinician = j->who->id,
		.reason = j->verdict.rule,
		.class_name = j->verdict.class_name,
		.kind = wrong ? "quarantine" : "boundary",
		.deadline_ms = deadline * 1000 };
	char hold[REF_LEN + 1], ref[REF_LEN + 1], note[40], key[80];
	struct notice n = {
		.thread = j->c.thread->ref, .clinician = j->who->id, .note = note, .key = key, .in_reply_to = message
	};
	bool es = strncmp(language_of(j), "es", 2) == 0;

	snprintf(h.message, sizeof h.message, "%s", message);
	TRY(hold_open(tx, &h, hold, err));
	snprintf(note, sizeof note, "hold:%s", hold);
	snprintf(key, sizeof key, "notice/hold/%s", hold);
	n.subject = es ? "Por favor confirme: su mensaje espera" : "Please confirm: your message is waiting";
	n.text = notice_hold_text(j->v, &j->verdict, deadline, language_of(j), j->a);
	return notice_add(tx, j->v, &n, ref, err);
}

/* What became of a message that went out otherwise than written. */
static const struct told {
	enum decision act;
	const char *note, *subject_en, *subject_es, *text_en, *text_es;
} told[] = {
	{ ACT_REDACT, "redacted", "Your message was sent without a number", "Su mensaje se envió sin un número",
	    "Your message went to the patient. An identifying number in it was replaced by [removed].\n",
	    "Su mensaje se envió al paciente. Un número de identificación se reemplazó por [removed].\n" },
	{ ACT_REDIRECT, "redirected", "Your message went to the patient alone", "Su mensaje fue solo al paciente",
	    "Somebody else reads the conversation you answered. Your message went to a conversation that only the "
	    "patient "
	    "reads.\n",
	    "Otra persona lee la conversación que usted respondió. Su mensaje fue a una conversación que solo el "
	    "paciente "
	    "lee.\n" },
	{ ACT_DELAY, "delayed", "Your message will be sent later", "Su mensaje se enviará más tarde",
	    "The clinic does not send such messages at this hour. Yours waits and goes out by itself.\n",
	    "La clínica no envía estos mensajes a esta hora. El suyo espera y se enviará solo.\n" },
};

static enum status
tell_author(struct tx *tx, struct judging *j, const char *message, struct err *err)
{
	bool es = strncmp(language_of(j), "es", 2) == 0;
	char key[80], ref[REF_LEN + 1];

	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		struct notice n = { .thread = j->c.thread->ref,
			.clinician = j->who->id,
			.note = told[i].note,
			.key = key,
			.in_reply_to = message,
			.subject = es ? told[i].subject_es : told[i].subject_en,
			.text = es ? told[i].text_es : told[i].text_en };

		if (told[i].act != j->verdict.act)
			continue;
		snprintf(key, sizeof key, "notice/%s/%s", told[i].note, message);
		return notice_add(tx, j->v, &n, ref, err);
	}
	return ST_OK;
}

static enum status
reply_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct judging *j = arg;
	const struct verdict *v = &j->verdict;
	bool held = v->act == ACT_HOLD_CONFIRM || v->act == ACT_QUARANTINE, dup, first = false;
	bool aside = v->act == ACT_REDIRECT || (held && v->redirect_on_release);
	char thread[THREAD_LEN + 1], ref[REF_LEN + 1], other[REF_LEN + 1], key[120], destination[80];
	AUTO_BUF content = BUF_INIT;
	uint8_t digest[HASH_SIZE];
	int64_t by = tx_now_ms(tx) / 1000 + j->v->conf->site.retry_give_up_s;

	snprintf(thread, sizeof thread, "%s", j->c.thread->ref);
	if (aside)
		TRY(private_thread(tx, j, thread, err));
	if (held)
		TRY(hold_deadline(tx, j, &by, err));
	content_encode(j->content, &content);
	struct message_new m = { .kind = KIND_HUMAN,
		.state = held ? MSG_HELD : MSG_IN_FLIGHT,
		.thread = thread,
		.author = arena_printf(j->a, "clinician:%s", j->who->id),
		.source_key = j->source_key,
		.message_id = j->message_id,
		.in_reply_to = j->token.ref,
		.owner = held ? arena_printf(j->a, "clinician:%s", j->who->id) : "portico",
		.deadline_ms = by * 1000,
		.received_ms = tx_now_ms(tx),
		.note = "",
		.urgency = urgency_name(v->urgency),
		.categories = verdict_categories(v, j->a),
		.not_screened = v->not_screened,
		.content = buf_slice(&content),
		.original = j->in->raw };
	TRY(message_insert(tx, &m, ref, &dup, err));
	if (dup) {
		taken(j, "duplicate", ref);
		return ST_OK;
	}
	memcpy(digest, j->opened.signed_digest, sizeof digest);
	if (!j->opened.signed_valid)
		sha256(j->outer.body.p, j->outer.body.n, digest);
	TRY(digest_use(tx, digest, ref, &first, other, err));
	if (!first)
		return err_set(err, ST_MSG_REFUSED, "replay", "signed text was used before, by %s", other);
	TRY(add_decision(tx, j, ref, err));
	snprintf(destination, sizeof destination, "portal:%s", j->c.thread->portal);
	snprintf(key, sizeof key, "%s/%s", ref, destination);
	TRY(delivery_add(tx, ref, destination, key, v->act == ACT_DELAY ? v->delay_until * 1000 : 0, err));
	if (held)
		TRY(add_hold(tx, j, ref, by, err));
	TRY(tell_author(tx, j, ref, err));
	TRY(away_over(tx, j->v, j->who, j->a, err));
	taken(j, held ? "held" : "taken", ref);
	return ST_OK;
}

enum status
commit_reply(struct judging *j, struct err *err)
{
	if (j->verdict.act == ACT_REDACT)
		redact(j);
	FAULT_POINT("judge.before-commit");
	TRY(store_write(j->v->w->store, reply_in_tx, j, err));
	FAULT_POINT("judge.after-commit");
	return ST_OK;
}

/* ---- refused ---------------------------------------------------------------------------------------------------- */

static enum status
refusal_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct judging *j = arg;
	bool es = strncmp(language_of(j), "es", 2) == 0;
	char key[100], ref[REF_LEN + 1];
	struct notice n = { .thread = j->c.thread->ref,
		.clinician = j->who->id,
		.note = "refused",
		.key = key,
		.in_reply_to = j->token.ref };

	snprintf(key, sizeof key, "notice/refused/%s", j->source_key);
	n.subject = es ? "No enviado: esto pertenece a una conversación" : "Not sent: this belongs in a conversation";
	n.text = notice_refused_text(j->v, &j->c, &j->verdict, j->refusal, language_of(j), j->a);
	TRY(notice_add(tx, j->v, &n, ref, err));
	return add_decision(tx, j, "", err);
}

enum status
commit_refusal(struct judging *j, struct err *err)
{
	TRY(store_write(j->v->w->store, refusal_in_tx, j, err));
	refuse(j, "boundary", j->c.thread->ref);
	return ST_OK;
}

struct unreadable {
	struct judging *j;
	const char *reason;
};

static enum status
unreadable_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct unreadable *u = arg;
	struct judging *j = u->j;
	const struct clinician_conf *to = j->who != NULL ? j->who : j->login;
	bool es = strncmp(language_of(j), "es", 2) == 0;
	char key[100], ref[REF_LEN + 1];
	struct notice n = { .thread = "", .clinician = to->id, .note = "unreadable", .key = key, .in_reply_to = "" };

	snprintf(key, sizeof key, "notice/unreadable/%s", j->source_key);
	n.subject = es ? "No enviado: hay un problema con su correo" : "Not sent: there is a problem with your mail";
	n.text = notice_unreadable_text(j->v, u->reason, j->refusal, language_of(j), j->a);
	return notice_add(tx, j->v, &n, ref, err);
}

enum status
commit_unreadable(struct judging *j, const char *reason, struct err *err)
{
	struct unreadable u = { j, reason };

	/* Only who logged in, or is certain, is told why: nobody can be made to receive mail by a forged From. */
	if (j->who != NULL || j->login != NULL)
		TRY(store_write(j->v->w->store, unreadable_in_tx, &u, err));
	refuse(j, reason, NULL);
	return ST_OK;
}

/* ---- robots ----------------------------------------------------------------------------------------------------- */

struct event {
	struct judging *j;
	const char *note;
};

static enum status
event_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct event *e = arg;
	struct judging *j = e->j;
	const struct clinician_conf *who = j->who != NULL ? j->who : j->login;
	char ref[REF_LEN + 1];
	struct message_new m = { .kind = KIND_EVENT,
		.state = MSG_RECORDED,
		.thread = "",
		.author = who != NULL ? arena_printf(j->a, "clinician:%s", who->id) : "robot",
		.source_key = j->source_key,
		.message_id = j->message_id,
		.in_reply_to = j->token.ref,
		.owner = "portico",
		.received_ms = tx_now_ms(tx),
		.note = e->note,
		.urgency = "",
		.categories = "" };
	bool dup;

	TRY(message_insert(tx, &m, ref, &dup, err));
	taken(j, "recorded", ref);
	return who != NULL && !dup && strcmp(e->note, "out-of-office") == 0 ? away_note(tx, j->v, who, j->a, err)
									    : ST_OK;
}

enum status
commit_event(struct judging *j, const char *note, struct err *err)
{
	struct event e = { j, note };

	return store_write(j->v->w->store, event_in_tx, &e, err);
}
