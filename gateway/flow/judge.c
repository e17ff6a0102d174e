#include "flow/judge.h"

#include "base/hash.h"
#include "base/own.h"
#include "flow/due.h"
#include "flow/judge_in.h"
#include "flow/order.h"
#include "mail/address.h"
#include "mail/auto.h"
#include "policies/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_REFERENCES 64

bool
judge_is_ours(const struct conf *c, const char *rcpt)
{
	const char *bounce = c->site.bounce_address;
	const char *at = bounce != NULL ? strchr(bounce, '@') : NULL;
	const char *rat = strrchr(rcpt, '@');

	if (addr_spec_equal(rcpt, c->site.gateway_address))
		return true;
	if (at == NULL || rat == NULL || strcasecmp(at + 1, rat + 1) != 0)
		return false;
	return strncasecmp(rcpt, bounce, (size_t)(at - bounce)) == 0 &&
	       (rcpt[at - bounce] == '+' || rcpt[at - bounce] == '@');
}

static void
make_keys(struct judging *j)
{
	const char *login = j->in->login != NULL ? j->in->login : "";
	uint8_t body[HASH_SIZE], key[HASH_SIZE];
	char hex[HASH_HEX];
	AUTO_BUF b = BUF_INIT;

	sha256(j->outer.body.p, j->outer.body.n, body);
	hex_encode(body, sizeof body, hex);
	buf_printf(&b, "%s\n%s\n%s", login, j->message_id, hex);
	sha256(b.p, b.n, key);
	hex_encode(key, sizeof key, j->source_key);
	snprintf(j->refusal, sizeof j->refusal, "R-%.8s", j->source_key);
	for (char *p = j->refusal; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p -= 'a' - 'A';
}

struct seen {
	struct judging *j;
	bool seen;
};

static enum status
look_for_repeat(struct tx *tx, void *arg, struct err *err)
{
	struct seen *s = arg;
	struct message_row *row = NULL;

	TRY(message_find(tx, s->j->source_key, s->j->a, &row, err));
	s->seen = row != NULL;
	if (row != NULL)
		snprintf(s->j->answer.ref, sizeof s->j->answer.ref, "%s", row->ref);
	return ST_OK;
}

/* Why this mail may not count as its author's, or NULL. Sets j->who. */
static const char *
authorise(struct judging *j)
{
	const struct opened *o = &j->opened;
	const struct clinician_conf *from = o->from != NULL ? conf_clinician_by_address(j->v->conf, o->from) : NULL;
	enum reply_profile profile = from != NULL ? (enum reply_profile)from->reply : REPLY_SIGNED_ENCRYPTED;
	bool at_home = j->in->channel != CHANNEL_PORT25 && j->login != NULL && j->login == from;

	/* Where somebody logged in, the login must be the author's, whatever the signature says. */
	if (j->in->channel == CHANNEL_SUBMISSION && !at_home)
		return from == NULL || j->login == NULL ? "identity-unknown" : "identity-mismatch";
	if (o->outcome == OPEN_VERIFIED && o->encrypted) {
		j->who = from;
		return from != NULL ? NULL : "identity-unknown";
	}
	if (o->outcome == OPEN_VERIFIED && profile != REPLY_SIGNED_ENCRYPTED) {
		j->who = from;
		return NULL;
	}
	if (profile == REPLY_SASL && at_home && (o->outcome == OPEN_UNVERIFIED || o->outcome == OPEN_ENCRYPTED_OK) &&
	    !o->signed_valid && o->nlayers <= 1) {
		j->who = from;
		return NULL;
	}
	if (o->outcome == OPEN_VERIFIED)
		return "not-encrypted";
	if (o->outcome == OPEN_ENCRYPTED_OK || (o->outcome == OPEN_UNVERIFIED && o->nlayers == 0))
		return "not-signed";
	return o->reason;
}

/* The conversation a reply belongs to: a token of ours for this author in In-Reply-To, else the newest in References.
 * Two different conversations are a contradiction. */
static const char *
find_thread(struct judging *j)
{
	static const char *const fields[] = { "In-Reply-To", "References" };
	const char *ids[MAX_REFERENCES];
	const char *tenant = j->v->conf->site.tenant;
	bool found = false;

	for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
		const char *value = entity_get(&j->outer, fields[f], j->a);
		size_t n = value != NULL ? msg_ids(value, j->a, MAX_REFERENCES, ids) : 0;

		while (n-- > 0) {
			struct token t;

			if (!token_parse(&j->v->w->tokens, tenant, ids[n], j->who->address, &t))
				continue;
			if (!found)
				j->token = t;
			else if (strcasecmp(t.thread, j->token.thread) != 0)
				return "thread-conflict";
			found = true;
		}
	}
	return found && j->token.thread[0] != '\0' ? NULL : "thread-unknown";
}

struct content *
judge_content(struct judging *j, const char **code)
{
	struct content *ret = NULL;
	struct err why = ERR_NONE;

	if (j->v->w->workers != NULL) {
		*code = j->inside.code;
		return TAKE(j->inside.content);
	}
	if (content_from_mime(j->opened.inner.raw, &j->v->conf->site.limits, &ret, &why) == ST_OK)
		return ret;
	*code = why.code;
	return NULL;
}

/* What the clinician wrote, as content; j->content is what will be posted. */
static const char *
take_over(struct judging *j, struct reply *ret)
{
	const char *subject, *code = "";
	struct mime_type type;

	j->content = judge_content(j, &code);
	if (j->content == NULL)
		return strncmp(code, "limit", 5) == 0 ? "limit" : "content";
	reply_trim(j->content->text, j->token.thread, j->a, ret);
	free(j->content->text);
	j->content->text = xstrdup(ret->text);
	/* Outside the protected header a subject is ours ("Portal message [P-...]") and says nothing to the patient. */
	mime_type_parse(entity_get(&j->opened.inner, "Content-Type", j->a), j->a, &type);
	subject = mime_param(&type, "hp") != NULL ? entity_get(&j->opened.inner, "Subject", j->a) : NULL;
	if (subject == NULL || strstr(subject, j->token.thread) != NULL) {
		free(j->content->subject);
		j->content->subject = xstrdup("");
	}
	if (slice_trim(slice_of(j->content->text)).n == 0 && j->content->natt == 0)
		return "empty";
	return NULL;
}

static enum status
read_conversation(struct tx *tx, void *arg, struct err *err)
{
	struct judging *j = arg;

	return conversation_of_thread(tx, j->v->conf, j->token.thread, j->a, &j->c, err);
}

static void
apply_policy(struct judging *j, const struct reply *reply)
{
	struct message_facts f;
	struct err ignored = ERR_NONE;

	message_facts_fill(j->v->conf, &j->c, j->who, TO_PATIENT, j->content, j->now, j->a, &f);
	if (policy_judge(j->v->conf->boundaries, &f, j->a, &j->verdict, &ignored) != ST_OK)
		/* A failure of judging never releases a clinician's message. */
		j->verdict = (struct verdict){ .act = ACT_HOLD_CONFIRM,
			.rule = "engine-failed",
			.class_name = "",
			.whose = CHOICE_SAFETY,
			.agreement = "",
			.not_screened = true,
			.policy_version = "",
			.policy_hash = "",
			.route = "",
			.auto_reply = "none" };
	if (reply->other_thread != NULL && j->verdict.act < ACT_HOLD_CONFIRM) {
		j->verdict.act = ACT_HOLD_CONFIRM;
		j->verdict.rule = "thread-conflict";
		j->verdict.whose = CHOICE_SAFETY;
	}
}

/* Orders need a signature, also from those whose answers do not. */
static enum status
obey(struct judging *j, const struct order *o, struct err *err)
{
	enum status st;

	if (!j->opened.signed_valid)
		return commit_unreadable(j, "not-signed", err);
	st = order_commit(j, o, err);
	return st == ST_MSG_REFUSED ? commit_unreadable(j, "replay", err) : st;
}

/* From here on the author is certain. */
static enum status
judge_authored(struct judging *j, struct err *err)
{
	struct reply reply = { .text = NULL };
	struct order order = { .kind = ORDER_NONE };
	const char *why = find_thread(j);
	enum status st;

	if (why != NULL)
		return commit_unreadable(j, why, err);
	if (j->token.kind == TOKEN_HOLD)
		return commit_command(j, err);
	st = store_read(j->v->w->store, read_conversation, j, err);
	if (st == ST_MSG_REFUSED)
		return commit_unreadable(j, "thread-unknown", err);
	TRY(st);
	if (!may_answer(j->v->conf, j->c.thread->addressee, j->who->id))
		return commit_unreadable(j, "thread-not-yours", err);
	if (!j->c.thread->open)
		return commit_unreadable(j, "thread-closed", err);
	why = take_over(j, &reply);
	if (why != NULL)
		return commit_unreadable(j, why, err);
	if (j->content->natt == 0)
		order = order_read(
		    j->v->conf, due_calendar(j->v->conf, j->c.thread->addressee), j->content->text, j->now, j->a);
	if (order.kind != ORDER_NONE && reply.other_thread != NULL)
		order.kind = ORDER_UNCLEAR; /* about which conversation? */
	if (order.kind != ORDER_NONE)
		return obey(j, &order, err);
	/* The right word to the wrong mail: the question about the waiting message is another one. */
	if (is_hold_answer(j->content->text))
		return commit_unreadable(j, "answer-elsewhere", err);
	apply_policy(j, &reply);
	if (j->verdict.act == ACT_REFUSE_IN_PERSON)
		return commit_refusal(j, err);
	st = commit_reply(j, err);
	return st == ST_MSG_REFUSED ? commit_unreadable(j, "replay", err) : st;
}

struct victim {
	struct judging *j;
	bool again;
};

static enum status
count_victim(struct tx *tx, void *arg, struct err *err)
{
	struct victim *v = arg;
	const char *name = arena_printf(v->j->a, "worker/%s", v->j->source_key), *before;

	TRY(fact_get(tx, name, v->j->a, &before, err));
	v->again = *before != '\0';
	return v->again ? ST_OK : fact_set(tx, name, "1", err);
}

/* The mail broke a worker. It may have been chance: the sender tries again. A second time it is the mail. */
static enum status
judge_broken(struct judging *j, enum status st, struct err *err)
{
	struct victim v = { j, false };

	TRY(store_write(j->v->w->store, count_victim, &v, err));
	return v.again ? commit_unreadable(j, "worker", err) : st;
}

static enum status
judge_opened(struct judging *j, struct err *err)
{
	struct open_env env = { .limits = &j->v->conf->site.limits,
		.keys = j->v->w->keys,
		.trust = j->v->trust,
		.now = j->now,
		.registered = view_registered,
		.arg = j->v };
	struct err broken = ERR_NONE;
	const char *why;
	enum status st = ST_OK;

	if (j->v->w->workers == NULL)
		TRY(open_mail(&env, j->in->raw, j->a, &j->opened, err));
	else
		st = worker_open(j->v->w->workers, &env, j->in->raw, j->a, &j->opened, &j->inside, &broken);
	if (st != ST_OK && err != NULL)
		*err = broken;
	if (st != ST_OK)
		return worker_blames(&broken) ? judge_broken(j, st, err) : st;
	why = authorise(j);
	return why != NULL ? commit_unreadable(j, why, err) : judge_authored(j, err);
}

/* A robot's From proves nothing; the login does, or the answer to a Message-ID made for this clinician's eyes. */
static const struct clinician_conf *
whose_robot(struct judging *j)
{
	const char *addr = NULL;
	bool proven;

	if (j->login != NULL || from_mailbox(&j->outer, j->a, &addr, NULL) != ST_OK)
		return j->login;
	j->who = conf_clinician_by_address(j->v->conf, addr);
	proven = j->who != NULL && find_thread(j) == NULL;
	j->token = (struct token){ .thread = "" };
	return proven ? j->who : NULL;
}

static enum status
judge_scanned(struct judging *j, struct err *err)
{
	struct seen seen = { j, false };
	enum auto_kind robot;
	struct token t;

	TRY(store_read(j->v->w->store, look_for_repeat, &seen, err));
	if (seen.seen) {
		j->answer.code = "duplicate";
		return ST_OK;
	}
	for (size_t i = 0; i < j->in->nrcpt; i++)
		if (token_bounce_parse(&j->v->w->tokens, j->v->conf->site.tenant, j->v->conf->site.bounce_address,
			j->in->rcpt[i], &t)) {
			j->token = t;
			return commit_event(j, "dsn", err);
		}
	robot = auto_classify(&j->outer, j->in->mail_from, j->a);
	if (robot == AUTO_REPLY)
		j->who = whose_robot(j);
	if (robot != AUTO_NO)
		return commit_event(j, robot == AUTO_REPLY ? "out-of-office" : auto_kind_name(robot), err);
	return judge_opened(j, err);
}

enum status
judge_mail(struct view *v, const struct inbound *in, struct answer *ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct judging j = { .v = v, .in = in, .a = a, .now = clock_now(&v->w->clock) };
	struct err scan = ERR_NONE;
	const char *id;
	enum status st;

	j.login = in->login != NULL ? conf_clinician_by_login(v->conf, in->login) : NULL;
	st = entity_scan(in->raw, &v->conf->site.limits, a, &j.outer, &scan);
	if (st == ST_OK) {
		id = entity_get(&j.outer, "Message-ID", a);
		j.message_id = id != NULL ? id : "";
		make_keys(&j);
		st = judge_scanned(&j, err);
	} else {
		j.message_id = "";
		j.outer = (struct entity){ .raw = in->raw, .body = in->raw };
		make_keys(&j);
		st = commit_unreadable(&j, "limit", err);
	}
	opened_clear(&j.opened);
	content_free(j.content);
	content_free(j.inside.content);
	if (st == ST_OK)
		*ret = j.answer;
	return st;
}
