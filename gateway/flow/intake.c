#include "flow/intake.h"

#include "base/own.h"
#include "flow/facts.h"
#include "policies/autoreply.h"
#include "policies/engine.h"
#include "policies/promise.h"

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

static const struct calendar *
calendar_of(const struct incoming *in)
{
	const struct response *r = in->v->conf->response;
	const char *id = in->who != NULL ? in->who->calendar : in->pool != NULL ? in->pool->calendar : NULL;
	const struct calendar *cal = id != NULL ? response_calendar(r, id) : NULL;

	return cal != NULL ? cal : r->clinic;
}

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

static enum status
deliver_to(struct tx *tx, const char *msg, const char *clinician, struct err *err)
{
	char destination[80], key[120];

	snprintf(destination, sizeof destination, "mailbox:%s", clinician);
	snprintf(key, sizeof key, "%s/%s", msg, destination);
	return delivery_add(tx, msg, destination, key, 0, err);
}

/* The addressee or each member of the pool; the cover where it answers; the on-call for an emergency. */
static enum status
add_deliveries(struct tx *tx, struct incoming *in, bool by_cover, struct err *err)
{
	const struct conf *conf = in->v->conf;
	const char *on_call = conf->support.on_call;
	const char *ref = in->result.ref;
	bool emergency =
	    in->verdict.urgency == URGENCY_EMERGENCY && on_call != NULL && conf_clinician(conf, on_call) != NULL;

	if (in->pool != NULL) {
		for (size_t i = 0; i < in->pool->members.n; i++) {
			TRY(deliver_to(tx, ref, in->pool->members.item[i], err));
			if (emergency && strcmp(in->pool->members.item[i], on_call) == 0)
				emergency = false;
		}
	} else {
		TRY(deliver_to(tx, ref, in->who->id, err));
		if (by_cover && in->who->cover != NULL) {
			TRY(deliver_to(tx, ref, in->who->cover, err));
			emergency = emergency && strcmp(in->who->cover, on_call) != 0;
		}
		emergency = emergency && strcmp(in->who->id, on_call) != 0;
	}
	return emergency ? deliver_to(tx, ref, on_call, err) : ST_OK;
}

struct promised {
	struct promise soonest, latest;
	size_t n, fresh;
	bool none; /* no open time within the horizon */
	bool technical;
};

static bool
has_open_promise(const struct promise_row *row, size_t n, const char *category, const char *urgency)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(row[i].category, category) == 0 && strcmp(row[i].urgency, urgency) == 0)
			return true;
	return false;
}

/* One promise per request. An open promise of the thread for the same request stands: it is never moved later. */
static enum status
add_promises(struct tx *tx, struct incoming *in, const char *thread, struct promised *ret, struct err *err)
{
	const struct calendar *cal = calendar_of(in);
	const struct verdict *v = &in->verdict;
	struct promise_row *open = NULL;
	size_t nopen = 0;

	*ret = (struct promised){ .n = 0 };
	TRY(promise_list(tx, thread, true, in->a, &open, &nopen, err));
	for (size_t i = 0; i < v->ncategories && i < MAX_PROMISES; i++) {
		const struct sla *sla = promise_sla(in->v->conf->response, cal, v->categories[i], v->urgency);
		struct promise p = { .due = 0 };
		struct promise_row row;
		char ref[REF_LEN + 1];
		int64_t due;

		ret->technical = ret->technical || strcmp(v->categories[i], "technical") == 0;
		if (sla == NULL || sla->mode == SLA_NONE)
			continue;
		TRY(promise_compute(cal, sla, in->pm->received_ms / 1000, tx_now_ms(tx) / 1000, &p, err));
		if (p.none) {
			ret->none = true;
			continue;
		}
		due = p.already_past ? p.due_from_now : p.due;
		p.due = due;
		if (ret->n == 0 || due < ret->soonest.due)
			ret->soonest = p;
		if (ret->n == 0 || due > ret->latest.due)
			ret->latest = p;
		ret->n++;
		if (has_open_promise(open, nopen, v->categories[i], urgency_name(v->urgency)))
			continue;
		ret->fresh++;
		row = (struct promise_row){ .thread = thread,
			.message = in->result.ref,
			.category = v->categories[i],
			.urgency = urgency_name(v->urgency),
			.addressee = in->addressee,
			.received_ms = in->pm->received_ms,
			.due_ms = due * 1000,
			.warn_ms = { promise_fraction(cal, in->pm->received_ms / 1000, due, 50) * 1000,
			    promise_fraction(cal, in->pm->received_ms / 1000, due, 80) * 1000 },
			.state = PROMISE_OPEN,
			.by_cover = p.by_cover,
			.provisional = p.provisional };
		TRY(promise_add(tx, &row, ref, err));
	}
	return ST_OK;
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
	char ref[REF_LEN + 1], key[64], destination[80];
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
	if (p->fresh == 0 && p->n > 0 && f.kind != AUTOREPLY_EMERGENCY)
		return ST_OK;
	f.promise = p->n > 0 ? &p->soonest : NULL;
	f.latest = p->n > 1 && p->latest.due != p->soonest.due ? &p->latest : NULL;
	TRY(autoreply_text(in->v->conf, &f, in->a, &subject, &text, err));
	reply = content_new(subject, text);
	content_encode(reply, &encoded);
	snprintf(key, sizeof key, "autoreply/%s", in->result.ref);
	struct message_new m = { .kind = KIND_NOTICE,
		.state = MSG_IN_FLIGHT,
		.thread = thread,
		.author = "portico",
		.source_key = key,
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
	return dup ? ST_OK : delivery_add(tx, ref, destination, key, 0, err);
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
	TRY(add_decision(tx, in, err));
	TRY(add_promises(tx, in, thread, &promised, err));
	if (promised.none) {
		bool fresh;

		TRY(incident_touch(tx, arena_printf(in->a, "calendar/%s", in->addressee), "calendar.no-open-time",
		    "high", "support", &fresh, err));
	}
	TRY(add_deliveries(tx, in, promised.n > 0 && promised.soonest.by_cover, err));
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
