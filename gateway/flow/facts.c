#include "flow/facts.h"

#include "base/own.h"
#include "flow/due.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char **
split_commas(const char *s, struct arena *a, size_t *nret)
{
	size_t n = 0, max = 1;
	const char **item;

	for (const char *p = s; p != NULL && *p != '\0'; p++)
		max += *p == ',';
	item = ARENA_ARRAY(a, max, const char *);
	while (s != NULL && *s != '\0') {
		size_t len = strcspn(s, ",");
		struct slice one = slice_trim((struct slice){ s, len });

		if (one.n > 0)
			item[n++] = arena_strndup(a, one.p, one.n);
		s += len + (s[len] == ',');
	}
	*nret = n;
	return item;
}

/* "mother:full:in_thread, guardian:read" */
static const struct proxy_facts *
parse_proxies(const char *s, struct arena *a, size_t *nret)
{
	size_t n = 0;
	const char **item = split_commas(s, a, &n);
	struct proxy_facts *p = ARENA_ARRAY(a, n + 1, struct proxy_facts);

	for (size_t i = 0; i < n; i++) {
		char *who = arena_strdup(a, item[i]);
		char *access = strchr(who, ':');
		char *in = access != NULL ? strchr(access + 1, ':') : NULL;

		if (access != NULL)
			*access++ = '\0';
		if (in != NULL)
			*in++ = '\0';
		p[i] = (struct proxy_facts){ who, access != NULL ? access : "full",
			in != NULL && strcmp(in, "in_thread") == 0 };
	}
	*nret = n;
	return p;
}

/* Whole years on the day of now (UTC is near enough for a birthday); -1 when the birth date is not known. */
static int
age_at(const char *birth_date, int64_t now)
{
	int y, m, d, ty, tm, td;

	if (birth_date == NULL || sscanf(birth_date, "%4d-%2d-%2d", &y, &m, &d) != 3)
		return -1;
	civil_from_days(now / 86400, &ty, &tm, &td);
	return ty - y - (tm < m || (tm == m && td < d));
}

enum status
conversation_of_patient(struct tx *tx, const struct conf *conf, struct patient *p, struct arena *a,
    struct conversation *ret, struct err *err)
{
	struct agreement *list = NULL;
	size_t n = 0, nproblems = 0, nproxies = 0;
	const char **problems;

	TRY(agreement_list(tx, p->ref, a, &list, &n, err));
	problems = split_commas(p->known_problems, a, &nproblems);
	ret->patient = p;
	ret->agreements = list;
	ret->nagreements = n;
	ret->facts = (struct patient_facts){
		.given = p->given,
		.family = p->family,
		.mrn = p->mrn,
		.age = age_at(p->birth_date, tx_now_ms(tx) / 1000),
		.jurisdiction = p->jurisdiction != NULL && *p->jurisdiction ? p->jurisdiction : conf->site.jurisdiction,
		.language = p->language != NULL && *p->language ? p->language : conf->site.language,
		.known_problems = problems,
		.nknown_problems = nproblems,
		.proxies = parse_proxies(p->proxies, a, &nproxies),
	};
	ret->facts.nproxies = nproxies;
	return ST_OK;
}

enum status
conversation_of_thread(
    struct tx *tx, const struct conf *conf, const char *ref, struct arena *a, struct conversation *ret, struct err *err)
{
	struct patient *p = NULL;
	struct thread *t = NULL;

	TRY(thread_get(tx, ref, a, &t, err));
	if (t == NULL)
		return err_set(err, ST_MSG_REFUSED, "thread.unknown", "no such conversation");
	TRY(patient_get(tx, t->patient, a, &p, err));
	if (p == NULL)
		return err_set(err, ST_LOCAL, "ledger.patient", "conversation %s has no patient", t->ref);
	ret->thread = t;
	return conversation_of_patient(tx, conf, p, a, ret, err);
}

/* What the engine can read for itself; anything else is opaque until a worker extracts its text. */
static const char *
attachment_text(const struct attachment *att)
{
	return strcmp(att->type, "text/plain") == 0 && memchr(buf_str(&att->data), '\0', att->data.n) == NULL
		   ? buf_str(&att->data)
		   : NULL;
}

void
message_facts_fill(const struct conf *conf, const struct conversation *c, const struct clinician_conf *who,
    enum direction dir, const struct content *content, int64_t now, struct arena *a, struct message_facts *ret)
{
	struct attachment_facts *att = ARENA_ARRAY(a, content->natt + 1, struct attachment_facts);
	const char **teams = ARENA_ARRAY(a, conf->people.npools + 1, const char *);
	size_t nteams = 0;

	for (size_t i = 0; i < content->natt; i++)
		att[i] = (struct attachment_facts){ content->att[i].name, content->att[i].type,
			attachment_text(&content->att[i]), content->att[i].data.n };
	for (size_t i = 0; who != NULL && i < conf->people.npools; i++)
		if (conf_in_pool(conf, who->id, conf->people.pool[i].id))
			teams[nteams++] = conf->people.pool[i].id;
	*ret = (struct message_facts){
		.direction = dir,
		.subject = content->subject != NULL ? content->subject : "",
		.body = content->text != NULL ? content->text : "",
		.language = NULL, /* what it is written in is for the engine to find out */
		.attachments = att,
		.nattachments = content->natt,
		.patient = c->facts,
		.clinician = who != NULL ? who->id : NULL,
		.teams = teams,
		.nteams = nteams,
		.agreements = c->agreements,
		.nagreements = c->nagreements,
		.now = now,
		.patient_only_thread = c->thread != NULL && c->thread->patient_only,
	};
}

const char *
verdict_evidence(const struct verdict *v, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (size_t i = 0; i < v->nmentions; i++) {
		const struct mention *m = &v->mentions[i];

		buf_printf(&b, "%s%s:%s:%s:%s@%d:%u-%u", i > 0 ? " " : "", m->class_name, assertion_name(m->assertion),
		    temporality_name(m->temporality), experiencer_name(m->experiencer), m->source, m->begin, m->end);
	}
	return arena_strdup(a, buf_str(&b));
}

const char *
verdict_categories(const struct verdict *v, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (size_t i = 0; i < v->ncategories; i++)
		buf_printf(&b, "%s%s", i > 0 ? "," : "", v->categories[i]);
	return arena_strdup(a, buf_str(&b));
}

void
addressee_of(const struct conf *conf, const char *addressee, const struct clinician_conf **ret_who,
    const struct pool_conf **ret_pool)
{
	*ret_who = strncmp(addressee, "clinician:", 10) == 0 ? conf_clinician(conf, addressee + 10) : NULL;
	*ret_pool = strncmp(addressee, "pool:", 5) == 0 ? conf_pool(conf, addressee + 5) : NULL;
}

const char *
addressee_name(const struct conf *conf, const char *addressee)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	addressee_of(conf, addressee, &who, &pool);
	return who != NULL ? who->name : pool != NULL ? pool->name : conf->site.clinic;
}

/* Cover by the directory or by the calendar; the on-call; a colleague of a pool. Each of them needs a mail of ours as
 * well: the token in it is made for one reader. */
static bool
stands_in(const struct conf *conf, const char *addressee, const struct clinician_conf *who, const char *clinician)
{
	const struct calendar *cal = due_calendar(conf, addressee);

	if (conf->support.on_call != NULL && strcmp(conf->support.on_call, clinician) == 0)
		return true;
	if (who != NULL && who->cover != NULL && strcmp(who->cover, clinician) == 0)
		return true;
	for (size_t i = 0; who != NULL && i < who->pools.n; i++)
		if (conf_in_pool(conf, clinician, who->pools.item[i]))
			return true;
	for (int deep = 0; deep < 3 && cal->cover != NULL; deep++, cal = cal->cover)
		if (strcmp(cal->cover->id, clinician) == 0 || conf_in_pool(conf, clinician, cal->cover->id))
			return true;
	return false;
}

bool
may_answer(const struct conf *conf, const char *addressee, const char *clinician)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	addressee_of(conf, addressee, &who, &pool);
	if (who != NULL && strcmp(who->id, clinician) == 0)
		return true;
	if (pool != NULL && conf_in_pool(conf, clinician, pool->id))
		return true;
	return (who != NULL || pool != NULL) && stands_in(conf, addressee, who, clinician);
}
