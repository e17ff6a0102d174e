/* show -- where everything is: status, messages, conversations, incidents. References, states and times; no content. */
#include "ctl/ctl.h"

#include "base/clock.h"
#include "base/own.h"
#include "conf/conf.h"
#include "store/store.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct look {
	struct ctl *c;
	struct conf *conf;
	struct store *store;
	struct arena *a;
	const char *what; /* a reference */
	struct message_filter filter;
	json_t *out;
	bool all;
};

/* Runs fn in one snapshot; fn fills l->out, print makes it readable. */
static int
look_at(struct ctl *c, struct look *l, store_fn fn, void (*print)(const json_t *))
{
	AUTO(arena) a = arena_new();
	struct err err = ERR_NONE;
	int rc = ctl_look(c, &l->conf, &l->store);

	if (rc != 0)
		return rc;
	l->c = c;
	l->a = a;
	l->out = json_object();
	if (store_read(l->store, fn, l, &err) != ST_OK)
		rc = ctl_fail(&err);
	else if (c->json)
		json_dumpf(l->out, stdout, JSON_COMPACT), putchar('\n');
	else
		print(l->out);
	json_decref(l->out);
	store_free(l->store);
	conf_unref(l->conf);
	return rc;
}

static const char *
str(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s != NULL ? s : "";
}

static long long
num(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static json_t *
at(int64_t ms)
{
	char text[32];

	return ms > 0 ? json_string(time_rfc3339(ms / 1000, text, sizeof text)) : json_null();
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static json_t *
message_json(const struct message_row *m)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "ref", m->ref, "kind",
	    message_kind_name(m->kind), "state", message_state_name(m->state), "thread", m->thread, "author", m->author,
	    "owner", m->owner, "note", m->note, "urgency", m->urgency, "categories", m->categories, "not_screened",
	    m->not_screened);

	json_object_set_new(j, "created", at(m->created_ms));
	json_object_set_new(j, "received", at(m->received_ms));
	json_object_set_new(j, "deadline", at(m->deadline_ms));
	return j;
}

static enum status
list_messages(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct message_row *m = NULL;
	json_t *list = json_array();
	size_t n = 0;

	json_object_set_new(l->out, "messages", list);
	TRY(message_list(tx, &l->filter, l->a, &m, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, message_json(&m[i]));
	return ST_OK;
}

static void
print_messages(const json_t *out)
{
	const json_t *m;
	size_t i;

	printf("%-16s %-9s %-7s %-10s %-22s %-18s %s\n", "REF", "THREAD", "KIND", "STATE", "CREATED", "AUTHOR", "NOTE");
	json_array_foreach (json_object_get(out, "messages"), i, m)
		printf("%-16s %-9s %-7s %-10s %-22s %-18.18s %.20s\n", str(m, "ref"), str(m, "thread"), str(m, "kind"),
		    str(m, "state"), str(m, "created"), str(m, "author"), str(m, "note"));
}

static int
state_number(const char *name)
{
	for (int s = MSG_IN_FLIGHT; s <= MSG_RECORDED; s++)
		if (strcmp(message_state_name((enum message_state)s), name) == 0)
			return s;
	return -1;
}

int
cmd_message_list(struct ctl *c)
{
	const char *thread = NULL, *state = NULL, *limit = NULL, *word[1];
	const struct ctl_opt opt[] = { { "--thread", &thread, NULL }, { "--state", &state, NULL },
		{ "--limit", &limit, NULL } };
	int rc = ctl_options(c, opt, ARRAY_LEN(opt), word, 0);
	struct look l = { .filter = { .state = -1, .limit = 100 } };
	char *end;

	if (rc != 0)
		return rc;
	l.filter.thread = thread;
	if (limit != NULL) {
		l.filter.limit = strtoul(limit, &end, 10);
		if (*limit < '0' || *limit > '9' || *end != '\0' || l.filter.limit == 0)
			return ctl_usage(c, "--limit is a number from 1");
	}
	if (state != NULL && (l.filter.state = state_number(state)) < 0)
		return ctl_usage(c, "--state is in_flight, held, delivered, returned or recorded");
	return look_at(c, &l, list_messages, print_messages);
}

static enum status
find_message(struct tx *tx, struct look *l, struct message_row **ret, struct err *err)
{
	TRY(message_find(tx, l->what, l->a, ret, err));
	if (*ret == NULL)
		return err_set(err, ST_MSG_REFUSED, "message.unknown",
		    "nothing is known by that reference; `portico message list` shows what is");
	return ST_OK;
}

static enum status
trace_message(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct message_row *m = NULL;
	struct history_row *h = NULL;
	struct delivery *d = NULL;
	struct decision_row *k = NULL;
	json_t *list;
	size_t n = 0;

	TRY(find_message(tx, l, &m, err));
	json_object_set_new(l->out, "message", message_json(m));
	json_object_set_new(l->out, "decisions", list = json_array());
	TRY(decision_list(tx, m->ref, l->a, &k, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "act", k[i].act, "rule",
						k[i].rule, "class", k[i].class_name, "whose", k[i].whose, "policy",
						k[i].policy_version, "evidence", k[i].evidence, "at", at(k[i].at_ms)));
	json_object_set_new(l->out, "deliveries", list = json_array());
	TRY(delivery_list(tx, m->ref, l->a, &d, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:o}", "ref", d[i].ref, "to", d[i].destination,
			      "state", delivery_state_name(d[i].state), "tries", d[i].tries, "remote_id",
			      d[i].remote_id, "code", d[i].code, "done", at(d[i].done_ms)));
	json_object_set_new(l->out, "history", list = json_array());
	TRY(history_list(tx, m->ref, l->a, &h, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:o, s:s, s:s, s:s, s:I, s:I}", "at", at(h[i].at_ms), "event", h[i].event, "code",
			h[i].code, "actor", h[i].actor, "size", (json_int_t)h[i].size, "ms", (json_int_t)h[i].took_ms));
	return ST_OK;
}

static void
print_message(const json_t *out)
{
	const json_t *m = json_object_get(out, "message");

	printf("message   %s  %s, %s%s%s\n", str(m, "ref"), str(m, "kind"), str(m, "state"),
	    *str(m, "note") ? ", " : "", str(m, "note"));
	printf("thread    %s\nauthor    %s\nowner     %s\n", str(m, "thread"), str(m, "author"), str(m, "owner"));
	printf("created   %s\ndeadline  %s\n", str(m, "created"), str(m, "deadline"));
	if (*str(m, "urgency"))
		printf("triage    %s, %s%s\n", str(m, "categories"), str(m, "urgency"),
		    json_is_true(json_object_get(m, "not_screened")) ? ", not screened" : "");
}

static void
print_trace(const json_t *out)
{
	const json_t *r;
	size_t i;

	print_message(out);
	json_array_foreach (json_object_get(out, "decisions"), i, r)
		printf("decision  %s %s by %s, rule %s, class %s\n", str(r, "at"), str(r, "act"), str(r, "whose"),
		    str(r, "rule"), *str(r, "class") ? str(r, "class") : "-");
	json_array_foreach (json_object_get(out, "deliveries"), i, r)
		printf("delivery  %-22s %-8s tries %lld  %s %s\n", str(r, "to"), str(r, "state"), num(r, "tries"),
		    str(r, "done"), str(r, "code"));
	json_array_foreach (json_object_get(out, "history"), i, r) {
		printf("  %s  %-12s %-24s %-8s", str(r, "at"), str(r, "event"), str(r, "code"), str(r, "actor"));
		if (num(r, "size") > 0)
			printf(" %lld bytes, %lld ms", num(r, "size"), num(r, "ms"));
		putchar('\n');
	}
}

static int
one_message(struct ctl *c, void (*print)(const json_t *))
{
	const char *word[2];
	int rc = ctl_options(c, NULL, 0, word, 1);
	struct look l = { .what = word[0] };

	if (rc != 0)
		return rc;
	if (l.what == NULL)
		return ctl_usage(c, "which message? A reference, a Message-ID or the portal's id is needed");
	return look_at(c, &l, trace_message, print);
}

int
cmd_message_show(struct ctl *c)
{
	return one_message(c, print_message);
}

int
cmd_message_trace(struct ctl *c)
{
	return one_message(c, print_trace);
}

/* ---- conversations ----------------------------------------------------------------------------------------------- */

static json_t *
thread_json(const struct thread *t)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "ref", t->ref, "patient", t->patient, "addressee",
	    t->addressee, "portal", t->portal, "open", t->open, "patient_only", t->patient_only);

	json_object_set_new(j, "opened", at(t->opened_ms));
	return j;
}

static enum status
list_threads(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct thread *t = NULL;
	json_t *list = json_array();
	size_t n = 0;

	json_object_set_new(l->out, "threads", list);
	TRY(thread_list(tx, l->a, &t, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, thread_json(&t[i]));
	return ST_OK;
}

static void
print_threads(const json_t *out)
{
	const json_t *t;
	size_t i;

	printf("%-9s %-16s %-20s %-8s %-6s %s\n", "THREAD", "PATIENT", "ADDRESSEE", "PORTAL", "STATE", "OPENED");
	json_array_foreach (json_object_get(out, "threads"), i, t)
		printf("%-9s %-16s %-20s %-8s %-6s %s\n", str(t, "ref"), str(t, "patient"), str(t, "addressee"),
		    str(t, "portal"), json_is_true(json_object_get(t, "open")) ? "open" : "closed", str(t, "opened"));
}

int
cmd_thread_list(struct ctl *c)
{
	const char *word[1];
	struct look l = { .c = c };
	int rc = ctl_options(c, NULL, 0, word, 0);

	return rc != 0 ? rc : look_at(c, &l, list_threads, print_threads);
}

static enum status
show_thread(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct thread *t = NULL;
	struct promise_row *p = NULL;
	json_t *list = json_array();
	size_t n = 0;

	TRY(thread_get(tx, l->what, l->a, &t, err));
	if (t == NULL)
		return err_set(
		    err, ST_MSG_REFUSED, "thread.unknown", "no such conversation; `portico thread list` shows them");
	json_object_set_new(l->out, "thread", thread_json(t));
	json_object_set_new(l->out, "promises", list);
	TRY(promise_list(tx, t->ref, false, l->a, &p, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:b}", "ref", p[i].ref, "category", p[i].category,
			"urgency", p[i].urgency, "state", promise_state_name(p[i].state), "due", at(p[i].due_ms),
			"closed", at(p[i].closed_ms), "by_cover", p[i].by_cover, "provisional", p[i].provisional));
	l->filter = (struct message_filter){ .thread = t->ref, .state = -1 };
	return list_messages(tx, l, err);
}

static void
print_thread(const json_t *out)
{
	const json_t *t = json_object_get(out, "thread"), *p;
	size_t i;

	printf("thread    %s, %s\npatient   %s\naddressee %s\nopened    %s\n", str(t, "ref"),
	    json_is_true(json_object_get(t, "open")) ? "open" : "closed", str(t, "patient"), str(t, "addressee"),
	    str(t, "opened"));
	json_array_foreach (json_object_get(out, "promises"), i, p)
		printf("promise   %s by %s: %s%s%s\n", str(p, "category"), str(p, "due"), str(p, "state"),
		    *str(p, "closed") ? " at " : "", str(p, "closed"));
	print_messages(out);
}

int
cmd_thread_show(struct ctl *c)
{
	const char *word[2];
	int rc = ctl_options(c, NULL, 0, word, 1);
	struct look l = { .what = word[0] };

	if (rc != 0)
		return rc;
	return l.what == NULL ? ctl_usage(c, "which conversation? For example P-7K3QXM")
			      : look_at(c, &l, show_thread, print_thread);
}

int
cmd_thread_close(struct ctl *c)
{
	const char *word[2];
	json_t *answer = NULL;
	int rc = ctl_options(c, NULL, 0, word, 1);

	if (rc != 0)
		return rc;
	if (word[0] == NULL)
		return ctl_usage(c, "which conversation? For example P-7K3QXM");
	rc = ctl_ask(c, "thread.close", json_pack("{s:s}", "thread", word[0]), &answer);
	if (rc == 0)
		puts(c->json ? "{\"closed\":true}" : "The conversation is closed.");
	json_decref(answer);
	return rc;
}

/* ---- incidents --------------------------------------------------------------------------------------------------- */

static enum status
list_incidents(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct incident *k = NULL;
	json_t *list = json_array();
	size_t n = 0;

	json_object_set_new(l->out, "incidents", list);
	TRY(incident_list(tx, !l->all, l->a, &k, &n, err));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "ref", k[i].ref, "cause",
			      k[i].cause, "kind", k[i].kind, "severity", k[i].severity, "owner", k[i].owner, "count",
			      (json_int_t)k[i].count, "first", at(k[i].first_ms), "last", at(k[i].last_ms), "closed",
			      at(k[i].closed_ms)));
	return ST_OK;
}

static void
print_incidents(const json_t *out)
{
	const json_t *k;
	size_t i;

	if (json_array_size(json_object_get(out, "incidents")) == 0)
		puts("No incident is open.");
	json_array_foreach (json_object_get(out, "incidents"), i, k)
		printf("%-14s %-7s %-20s %-24s x%-4lld since %s%s%s  owner %s\n", str(k, "ref"), str(k, "severity"),
		    str(k, "kind"), str(k, "cause"), num(k, "count"), str(k, "first"),
		    *str(k, "closed") ? " until " : "", str(k, "closed"), str(k, "owner"));
}

int
cmd_incident_list(struct ctl *c)
{
	const char *word[1];
	struct look l = { .c = c };
	const struct ctl_opt opt[] = { { "--all", NULL, &l.all } };
	int rc = ctl_options(c, opt, 1, word, 0);

	return rc != 0 ? rc : look_at(c, &l, list_incidents, print_incidents);
}

/* ---- status and proof -------------------------------------------------------------------------------------------- */

static enum status
show_status(struct tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct ledger_count n;
	int64_t now = tx_now_ms(tx), rest;

	TRY(ledger_count(tx, &n, err));
	json_object_set_new(l->out, "clinic", json_string(l->conf->site.clinic));
	json_object_set_new(l->out, "now", at(now));
	json_object_set_new(l->out, "messages",
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "in", (json_int_t)n.in, "delivered", (json_int_t)n.delivered,
		"returned", (json_int_t)n.returned, "recorded", (json_int_t)n.recorded, "held", (json_int_t)n.held,
		"in_flight", (json_int_t)n.in_flight));
	json_object_set_new(l->out, "deliveries",
	    json_pack("{s:I, s:I, s:I, s:I}", "queued", (json_int_t)n.deliveries_queued, "claimed",
		(json_int_t)n.deliveries_claimed, "done", (json_int_t)n.deliveries_done, "failed",
		(json_int_t)n.deliveries_failed));
	json_object_set_new(l->out, "oldest_in_flight_s",
	    json_integer(n.oldest_in_flight_ms > 0 ? (now - n.oldest_in_flight_ms) / 1000 : 0));
	json_object_set_new(l->out, "open_promises", json_integer(n.open_promises));
	json_object_set_new(l->out, "open_holds", json_integer(n.open_holds));
	json_object_set_new(l->out, "open_incidents", json_integer(n.open_incidents));
	json_t *resting = json_array();

	json_object_set_new(l->out, "resting", resting);
	for (size_t i = 0; i < l->conf->people.nclinicians; i++) {
		const char *dest = arena_printf(l->a, "mailbox:%s", l->conf->people.clinician[i].id);

		if ((rest = destination_rests_until(tx, dest)) > now)
			json_array_append_new(resting, json_pack("{s:s, s:o}", "to", dest, "until", at(rest)));
	}
	for (size_t i = 0; i < l->conf->site.nportals; i++) {
		const char *dest = arena_printf(l->a, "portal:%s", l->conf->site.portals[i].id);

		if ((rest = destination_rests_until(tx, dest)) > now)
			json_array_append_new(resting, json_pack("{s:s, s:o}", "to", dest, "until", at(rest)));
	}
	return list_incidents(tx, l, err);
}

static void
print_status(const json_t *out)
{
	const json_t *m = json_object_get(out, "messages"), *d = json_object_get(out, "deliveries"), *r;
	size_t i;

	printf("%s, %s\n\n", str(out, "clinic"), str(out, "now"));
	printf("messages    %lld in = %lld delivered + %lld returned + %lld recorded + %lld held + %lld in flight\n",
	    num(m, "in"), num(m, "delivered"), num(m, "returned"), num(m, "recorded"), num(m, "held"),
	    num(m, "in_flight"));
	printf("deliveries  %lld waiting, %lld under way, %lld done, %lld failed\n", num(d, "queued"),
	    num(d, "claimed"), num(d, "done"), num(d, "failed"));
	printf("oldest      %lld s: the age of the oldest message that is not where it should be\n",
	    num(out, "oldest_in_flight_s"));
	printf("open        %lld promises, %lld holds, %lld incidents\n", num(out, "open_promises"),
	    num(out, "open_holds"), num(out, "open_incidents"));
	json_array_foreach (json_object_get(out, "resting"), i, r)
		printf("resting     %s until %s\n", str(r, "to"), str(r, "until"));
	print_incidents(out);
}

int
cmd_status(struct ctl *c)
{
	const char *word[1];
	struct look l = { .c = c };
	int rc = ctl_options(c, NULL, 0, word, 0);

	return rc != 0 ? rc : look_at(c, &l, show_status, print_status);
}

struct proof {
	bool blobs;
	struct buf report;
	size_t breaches;
	struct ledger_count n;
};

static enum status
prove(struct tx *tx, void *arg, struct err *err)
{
	struct proof *p = arg;

	buf_clear(&p->report);
	p->breaches = 0;
	TRY(ledger_count(tx, &p->n, err));
	return ledger_check(tx, p->blobs, &p->report, &p->breaches, err);
}

int
cmd_ledger_check(struct ctl *c)
{
	const char *word[1];
	struct proof p = { .report = BUF_INIT };
	const struct ctl_opt opt[] = { { "--blobs", NULL, &p.blobs } };
	struct conf *conf = NULL;
	struct store *store = NULL;
	struct err err = ERR_NONE;
	int rc = ctl_options(c, opt, 1, word, 0);

	if (rc == 0)
		rc = p.blobs ? ctl_look_with_keys(c, &conf, &store) : ctl_look(c, &conf, &store);
	if (rc != 0)
		return rc;
	if (store_read(store, prove, &p, &err) != ST_OK)
		rc = ctl_fail(&err);
	else if (c->json)
		printf("{\"ok\":%s,\"breaches\":%zu,\"in\":%lld}\n", p.breaches == 0 ? "true" : "false", p.breaches,
		    (long long)p.n.in);
	else
		printf("%s%lld in = %lld delivered + %lld returned + %lld recorded + %lld held + %lld in flight\n%s\n",
		    buf_str(&p.report), (long long)p.n.in, (long long)p.n.delivered, (long long)p.n.returned,
		    (long long)p.n.recorded, (long long)p.n.held, (long long)p.n.in_flight,
		    p.breaches == 0 ? "The ledger balances." : "The ledger does not balance: see the lines above.");
	if (rc == 0 && p.breaches > 0)
		rc = EX_DATAERR;
	buf_free(&p.report);
	store_free(store);
	conf_unref(conf);
	return rc;
}
