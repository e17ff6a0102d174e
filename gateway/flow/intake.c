#include "flow/intake.h"

#include "base/own.h"
#include "flow/due.h"
#include "flow/facts.h"
#include "policies/autoreply.h"
#include "policies/engine.h"
#include "policies/promise.h"

#include <stdio.h>
#include <string.h>

#define MAX_PROMISES 16

struct incoming {
	struct view *v;
	struct arena *a;
	const char *portal_id;
	const struct portal_message *pm;
	const char *source_key;
	struct conversation c;
	const char *addressee; /* "clinician:lee"; NULL: unknown */
	const struct clinician_conf *who;
	const struct pool_conf *pool;
	struct verdict verdict;
	struct buf content;
	struct intake_result result;
};

/* The portal's name of a clinician or pool, in our words; NULL when it is nobody we know. */
static const char *
resolve_addressee(struct incoming *in)
{
	const struct people_conf *people = &in->v->conf->people;
	const char *name = in->pm->addressee;

	for (size_t i = 0; i < people->nclinicians; i++) {
		const struct clinician_conf *c = &people->clinician[i];

		if (strcmp(c->portal_id != NULL ? c->portal_id : c->id, name) == 0) {
			in->who = c;
			return arena_printf(in->a, "clinician:%s", c->id);
		}
	}
	in->pool = conf_pool(in->v->conf, name);
	return in->pool != NULL ? arena_printf(in->a, "pool:%s", in->pool->id) : NULL;
}

static enum status
read_facts(struct tx *tx, void *arg, struct err *err)
{
	struct incoming *in = arg;
	struct patient *p = NULL;
	enum status st = patient_get(tx, in->pm->patient_key, in->a, &p, err);

	in->c = (struct conversation){ .patient = NULL };
	if (st == ST_MSG_REFUSED || (st == ST_OK && p == NULL))
		return ST_OK; /* nobody, or several: kept for support */
	TRY(st);
	return conversation_of_patient(tx, in->v->conf, p, in->a, &in->c, err);
}

/* A failing engine must not stop a patient: the message goes on as urgent and not screened. */
static void
triage(struct incoming *in)
{
	struct message_facts f;
	struct err ignored = ERR_NONE;

	message_facts_fill(
	    in->v->conf, &in->c, in->who, TO_CLINICIAN, in->pm->content, in->pm->received_ms / 1000, in->a, &f);
	f.patient_only_thread = in->pm->patient_only;
	if (policy_judge(in->v->conf->boundaries, &f, in->a, &in->verdict, &ignored) == ST_OK)
		return;
	static const char *const medical[] = { "medical_advice" };
	in->verdict = (struct verdict){ .act = ACT_DELIVER,
		.rule = "engine-failed",
		.class_name = "",
		.agreement = "",
		.not_screened = true,
		.not_screened_why = "engine",
		.categories = medical,
		.ncategories = 1,
		.urgency = URGENCY_URGENT,
		.route = "clinician",
		.auto_reply = "urgent",
		.policy_version = "",
		.policy_hash = "" };
}

/* The addressee or each member of the pool; the cover where it answers; the on-call for an emergency. */
static enum status
add_deliveries(struct tx *tx, struct incoming *in, bool by_cover, struct err *err)
{
	const struct conf *conf = in->v->conf;
	const char *on_call = conf->support.on_call;
	const char *cover = by_cover ? due_cover(conf, in->addressee, tx_now_ms(tx) / 1000, in->a) : NULL;

	TRY(due_bring(tx, conf, in->result.ref, in->addressee, in->a, err));
	if (cover != NULL)
		TRY(due_bring(tx, conf, in->result.ref, cover, in->a, err));
	if (in->verdict.urgency != URGENCY_EMERGENCY || on_call == NULL || conf_clinician(conf, on_call) == NULL)
		return ST_OK;
	return due_bring(tx, conf, in->result.ref, arena_printf(in->a, "clinician:%s", on_call), in->a, err);
}

/* What stands after this message, and what of it the patient does not know yet. */
struct promised {
	struct promise soonest, latest; /* of n times that are still to come */
	size_t n, fresh, standing;
	bool by_cover, provisional, late; /* late: we were down, and promise anew from now */
	bool none;			  /* no open time within the horizon */
	bool rose;			  /* more urgent than what stood */
	bool technical;
	const struct promise_row *emergency; /* one that stood before */
};

/* The open promise for the same request that comes due first. */
static const struct promise_row *
standing_for(const struct promise_row *row, size_t n, const char *category)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(row[i].category, category) == 0)
			return &row[i];
	return NULL;
}

static enum urgency
urgency_of(const struct promise_row *row)
{
	enum urgency u;

	return urgency_parse(row->urgency, &u) ? u : URGENCY_ROUTINE;
}

static void
tell(struct promised *ret, const struct promise *p)
{
	if (ret->n == 0 || p->due < ret->soonest.due)
		ret->soonest = *p;
	if (ret->n == 0 || p->due > ret->latest.due)
		ret->latest = *p;
	ret->by_cover = ret->by_cover || p->by_cover;
	ret->provisional = ret->provisional || p->provisional;
	ret->n++;
}

static enum status
add_row(struct tx *tx, struct incoming *in, const char *thread, const struct calendar *cal, const char *category,
    const struct promise *p, struct err *err)
{
	/* Promised anew, the time to answer in begins now. */
	int64_t from = p->already_past ? tx_now_ms(tx) / 1000 : in->pm->received_ms / 1000;
	struct promise_row row = { .thread = thread,
		.message = in->result.ref,
		.category = category,
		.urgency = urgency_name(in->verdict.urgency),
		.addressee = in->addressee,
		.received_ms = in->pm->received_ms,
		.due_ms = p->due * 1000,
		.warn_ms = { promise_fraction(cal, from, p->due, 50) * 1000,
		    promise_fraction(cal, from, p->due, 80) * 1000 },
		.state = PROMISE_OPEN,
		.by_cover = p->by_cover,
		.provisional = p->provisional };
	char ref[REF_LEN + 1];

	return promise_add(tx, &row, ref, err);
}

/* One request. What stands is never moved later: a nearer time or a higher urgency takes its place, and a promise that
 * is overdue stays what it is. */
static enum status
promise_request(struct tx *tx, struct incoming *in, const char *thread, const char *category,
    const struct promise_row *stands, struct promised *ret, struct err *err)
{
	const struct calendar *cal = due_calendar(in->v->conf, in->addressee);
	const struct sla *sla = due_rule(in->v->conf, cal, category, in->verdict.urgency);
	int64_t now = tx_now_ms(tx) / 1000;
	struct promise p = { .due = 0 };
	bool rises, overdue;

	if (sla == NULL || sla->mode == SLA_NONE)
		return ST_OK;
	TRY(promise_compute(cal, sla, in->pm->received_ms / 1000, now, &p, err));
	if (p.none) {
		ret->none = ret->none || stands == NULL;
		return ST_OK;
	}
	if (p.already_past)
		p.due = p.due_from_now;
	rises = stands != NULL && in->verdict.urgency > urgency_of(stands);
	overdue = stands != NULL && stands->due_ms / 1000 <= now;
	if (stands != NULL && !rises && (overdue || stands->due_ms / 1000 <= p.due)) {
		ret->standing++;
		p = (struct promise){ .due = stands->due_ms / 1000,
			.by_cover = stands->by_cover,
			.provisional = stands->provisional,
			.reason = "",
			.zone = cal->zone_name };
		if (!overdue)
			tell(ret, &p);
		return ST_OK;
	}
	if (stands != NULL && !overdue) {
		if (stands->due_ms / 1000 < p.due)
			p.due = p.due_from_now = stands->due_ms / 1000;
		TRY(promise_void(tx, stands->ref, err));
	}
	ret->fresh++;
	ret->rose = ret->rose || rises;
	ret->late = ret->late || p.already_past;
	tell(ret, &p);
	return add_row(tx, in, thread, cal, category, &p, err);
}

static enum status
note_bridge_delay(struct tx *tx, struct incoming *in, struct err *err)
{
	struct history_row late = { .at_ms = tx_now_ms(tx),
		.event = "bridge_delay",
		.code = "promised-again",
		.actor = "intake",
		.took_ms = tx_now_ms(tx) - in->pm->received_ms };

	return history_add(tx, in->result.ref, &late, err);
}

static enum status
add_promises(struct tx *tx, struct incoming *in, const char *thread, struct promised *ret, struct err *err)
{
	const struct verdict *v = &in->verdict;
	struct promise_row *open = NULL;
	size_t nopen = 0;
	bool fresh;

	*ret = (struct promised){ .n = 0 };
	TRY(promise_list(tx, thread, true, in->a, &open, &nopen, err));
	for (size_t i = 0; i < nopen && ret->emergency == NULL; i++)
		if (urgency_of(&open[i]) == URGENCY_EMERGENCY)
			ret->emergency = &open[i];
	for (size_t i = 0; i < v->ncategories && i < MAX_PROMISES; i++) {
		ret->technical = ret->technical || strcmp(v->categories[i], "technical") == 0;
		TRY(promise_request(
		    tx, in, thread, v->categories[i], standing_for(open, nopen, v->categories[i]), ret, err));
	}
	if (ret->late)
		TRY(note_bridge_delay(tx, in, err));
	if (ret->none)
		TRY(incident_touch(tx, arena_printf(in->a, "calendar/%s", in->addressee), "calendar.no-open-time",
		    "high", "support", &fresh, err));
	if (ret->provisional)
		TRY(incident_touch(tx, arena_printf(in->a, "holidays/%s", in->addressee), "calendar.holidays-unknown",
		    "low", "support", &fresh, err));
	return ST_OK;
}

/* What makes a second automatic reply a repeat. An emergency is answered again, but not more than once an hour; where
 * nothing could be promised, once a day. */
static const char *
autoreply_key(const struct incoming *in, const char *thread, const struct promised *p, enum autoreply_kind kind)
{
	int64_t received = in->pm->received_ms;

	if (kind == AUTOREPLY_EMERGENCY && p->fresh == 0 && p->emergency != NULL)
		return arena_printf(in->a, "autoreply/%s/%s/%lld", thread, p->emergency->ref,
		    (long long)(received - p->emergency->received_ms) / 3600000);
	if (kind == AUTOREPLY_NO_PROMISE)
		return arena_printf(in->a, "autoreply/%s/none/%lld", thread, (long long)received / 86400000);
	return arena_printf(in->a, "autoreply/%s", in->result.ref);
}

static bool
patient_knows(const struct incoming *in, const struct promised *p, enum autoreply_kind kind)
{
	if (p->fresh > 0 || p->standing == 0)
		return false;
	return kind != AUTOREPLY_EMERGENCY ||
	       (p->emergency != NULL && in->pm->received_ms - p->emergency->received_ms < 3600000);
}

/* The patient hears at once; not for a mere "thank you", and not again while the same promise stands. */
static enum status
add_autoreply(struct tx *tx, struct incoming *in, const char *thread, const struct promised *p, struct err *err)
{
	const char *kind = in->verdict.auto_reply, *subject, *text;
	struct autoreply_facts f = { .language = in->c.facts.language,
		.patient_zone = in->c.patient->zone,
		.who = addressee_name(in->v->conf, in->addressee),
		.ref = thread,
		.received = in->pm->received_ms / 1000 };
	char ref[REF_LEN + 1], destination[80], idem[80];
	AUTO(content) reply = NULL;
	AUTO_BUF encoded = BUF_INIT;
	bool dup;

	if (strcmp(kind, "none") == 0)
		return ST_OK;
	f.kind = strcmp(kind, "emergency") == 0 ? AUTOREPLY_EMERGENCY
		 : p->n == 0			? AUTOREPLY_NO_PROMISE
		 : strcmp(kind, "urgent") == 0	? AUTOREPLY_URGENT
		 : p->technical && p->n == 1	? AUTOREPLY_TECHNICAL
						: AUTOREPLY_PROMISE;
	if (patient_knows(in, p, f.kind))
		return ST_OK;
	f.promise = p->n > 0 ? &p->soonest : NULL;
	f.latest = p->n > 1 && p->latest.due != p->soonest.due ? &p->latest : NULL;
	TRY(autoreply_text(in->v->conf, &f, in->a, &subject, &text, err));
	reply = content_new(subject, text);
	content_encode(reply, &encoded);
	struct message_new m = { .kind = KIND_NOTICE,
		.state = MSG_IN_FLIGHT,
		.thread = thread,
		.author = "portico",
		.source_key = autoreply_key(in, thread, p, f.kind),
		.message_id = "",
		.in_reply_to = in->result.ref,
		.owner = "portico",
		.deadline_ms = tx_now_ms(tx) + 5 * 60 * 1000,
		.received_ms = tx_now_ms(tx),
		.note = "autoreply",
		.urgency = "",
		.categories = "",
		.content = buf_slice(&encoded) };
	TRY(message_insert(tx, &m, ref, &dup, err));
	snprintf(destination, sizeof destination, "portal:%s", in->portal_id);
	snprintf(idem, sizeof idem, "autoreply/%s", in->result.ref);
	return dup ? ST_OK : delivery_add(tx, ref, destination, idem, 0, err);
}

static enum status
add_decision(struct tx *tx, struct incoming *in, struct err *err)
{
	const struct verdict *v = &in->verdict;
	struct decision_row d = { .message = in->result.ref,
		.reference = "",
		.direction = "to_clinician",
		.act = decision_name(v->act),
		.rule = v->rule != NULL ? v->rule : "",
		.class_name = v->class_name,
		.whose = choice_name(v->whose),
		.agreement = v->agreement,
		.policy_version = v->policy_version,
		.policy_hash = v->policy_hash,
		.evidence = verdict_evidence(v, in->a),
		.at_ms = tx_now_ms(tx) };

	return decision_add(tx, &d, err);
}

static enum status
commit_held(struct tx *tx, struct incoming *in, struct err *err)
{
	const char *why = in->c.patient == NULL ? "patient-unknown" : "addressee-unknown";
	struct message_new m = { .kind = KIND_HUMAN,
		.state = MSG_HELD,
		.thread = "",
		.author = in->c.patient != NULL ? arena_printf(in->a, "patient:%s", in->c.patient->ref) : "patient:",
		.source_key = in->source_key,
		.message_id = "",
		.in_reply_to = "",
		.owner = "support",
		.deadline_ms = tx_now_ms(tx) + in->v->conf->site.support_hold_s * 1000,
		.received_ms = in->pm->received_ms,
		.note = why,
		.urgency = urgency_name(in->verdict.urgency),
		.categories = verdict_categories(&in->verdict, in->a),
		.not_screened = in->verdict.not_screened,
		.content = buf_slice(&in->content) };
	bool fresh;

	in->result.held = true;
	TRY(message_insert(tx, &m, in->result.ref, &in->result.dup, err));
	if (in->result.dup)
		return ST_OK;
	return incident_touch(
	    tx, arena_printf(in->a, "portal:%s/%s", in->portal_id, why), why, "high", "support", &fresh, err);
}

/* Who was given the conversation by the one it was written to answers in it from then on. */
static enum status
follow_reassignment(struct tx *tx, struct incoming *in, const char *thread, struct err *err)
{
	const char *now = NULL;

	TRY(fact_get(tx, arena_printf(in->a, "reassigned/%s", thread), in->a, &now, err));
	if (*now == '\0' || due_readers(in->v->conf, now, in->a).n == 0)
		return ST_OK;
	in->addressee = now;
	addressee_of(in->v->conf, now, &in->who, &in->pool);
	return ST_OK;
}

static enum status
commit(struct tx *tx, void *arg, struct err *err)
{
	struct incoming *in = arg;
	struct thread want;
	char thread[THREAD_LEN + 1];
	struct promised promised;

	in->result.dup = in->result.held = false;
	if (in->c.patient == NULL || in->addressee == NULL)
		return commit_held(tx, in, err);
	want = (struct thread){ .patient = in->c.patient->ref,
		.portal = in->portal_id,
		.portal_key = in->pm->thread,
		.addressee = in->addressee,
		.open = true,
		.patient_only = in->pm->patient_only };
	TRY(thread_find_or_open(tx, &want, thread, err));
	TRY(follow_reassignment(tx, in, thread, err));
	struct message_new m = { .kind = KIND_HUMAN,
		.state = MSG_IN_FLIGHT,
		.thread = thread,
		.author = arena_printf(in->a, "patient:%s", in->c.patient->ref),
		.source_key = in->source_key,
		.message_id = "",
		.in_reply_to = "",
		.owner = "portico",
		.deadline_ms = tx_now_ms(tx) + in->v->conf->site.retry_give_up_s * 1000,
		.received_ms = in->pm->received_ms,
		.note = "",
		.urgency = urgency_name(in->verdict.urgency),
		.categories = verdict_categories(&in->verdict, in->a),
		.not_screened = in->verdict.not_screened,
		.content = buf_slice(&in->content) };
	TRY(message_insert(tx, &m, in->result.ref, &in->result.dup, err));
	if (in->result.dup)
		return ST_OK;
	/* A closed conversation is open again, so that it can be answered; one looked at twice stays closed. */
	TRY(thread_reopen(tx, thread, err));
	TRY(add_decision(tx, in, err));
	TRY(add_promises(tx, in, thread, &promised, err));
	TRY(add_deliveries(tx, in, promised.by_cover, err));
	return add_autoreply(tx, in, thread, &promised, err);
}

enum status
intake_message(
    struct view *v, const char *portal_id, const struct portal_message *pm, struct intake_result *ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct incoming in = { .v = v, .a = a, .portal_id = portal_id, .pm = pm, .content = BUF_INIT };
	enum status st;

	in.source_key = arena_printf(a, "portal:%s:%s", portal_id, pm->id);
	TRY(store_read(v->w->store, read_facts, &in, err));
	in.addressee = resolve_addressee(&in);
	triage(&in);
	in.result.urgency = in.verdict.urgency;
	content_encode(pm->content, &in.content);
	st = store_write(v->w->store, commit, &in, err);
	buf_wipe(&in.content);
	if (st == ST_OK)
		*ret = in.result;
	return st;
}
