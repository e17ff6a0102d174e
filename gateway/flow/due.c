#include "flow/due.h"

#include "base/own.h"
#include "flow/facts.h"
#include "policies/promise.h"

#include <stdio.h>
#include <string.h>

#define COVERS_DEEP 3

const struct calendar *
due_calendar(const struct conf *conf, const char *addressee)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	addressee_of(conf, addressee, &who, &pool);
	if (who != NULL)
		return response_calendar_for(conf->response, who->calendar, who->id);
	if (pool != NULL)
		return response_calendar_for(conf->response, pool->calendar, pool->id);
	return conf->response->clinic;
}

static bool
at_once(const struct sla *s)
{
	return s != NULL && s->mode == SLA_ELAPSED_MINUTES && s->n == 0;
}

const struct sla *
due_rule(const struct conf *conf, const struct calendar *cal, const char *category, enum urgency urgency)
{
	const struct sla *s = promise_sla(conf->response, cal, category, urgency);

	if (urgency == URGENCY_EMERGENCY && (s == NULL || s->mode == SLA_NONE || at_once(s)))
		s = promise_sla(conf->response, cal, category, URGENCY_URGENT);
	/* Nobody keeps a promise that is over when it is made. */
	return at_once(s) ? NULL : s;
}

bool
due_is_away(const struct calendar *c, int64_t at)
{
	for (size_t i = 0; i < c->nabsences; i++)
		if (c->absences[i].from <= at && at < c->absences[i].to)
			return true;
	return false;
}

static const char *
as_addressee(const struct conf *conf, const char *id, struct arena *a)
{
	if (conf_clinician(conf, id) != NULL)
		return arena_printf(a, "clinician:%s", id);
	return conf_pool(conf, id) != NULL ? arena_printf(a, "pool:%s", id) : NULL;
}

/* The directory's word, else the calendar's. */
static const char *
named_cover(const struct conf *conf, const char *addressee, const struct calendar *cal, struct arena *a)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	addressee_of(conf, addressee, &who, &pool);
	if (who != NULL && who->cover != NULL)
		return as_addressee(conf, who->cover, a);
	return cal->cover != NULL ? as_addressee(conf, cal->cover->id, a) : NULL;
}

const char *
due_cover(const struct conf *conf, const char *addressee, int64_t at, struct arena *a)
{
	const char *cover = named_cover(conf, addressee, due_calendar(conf, addressee), a);

	for (int deep = 1; cover != NULL && deep < COVERS_DEEP; deep++) {
		const struct calendar *cal = due_calendar(conf, cover);
		const char *next = due_is_away(cal, at) ? named_cover(conf, cover, cal, a) : NULL;

		if (next == NULL || strcmp(next, addressee) == 0)
			break;
		cover = next;
	}
	return cover;
}

const char *
due_next(const struct conf *conf, const char *addressee, int64_t at, struct arena *a)
{
	const char *cover = due_cover(conf, addressee, at, a);
	const struct clinician_conf *who;
	const struct pool_conf *pool;

	if (cover != NULL)
		return cover;
	addressee_of(conf, addressee, &who, &pool);
	return who != NULL && who->pools.n > 0 ? arena_printf(a, "pool:%s", who->pools.item[0]) : NULL;
}

struct due_readers
due_readers(const struct conf *conf, const char *addressee, struct arena *a)
{
	const struct clinician_conf *who;
	const struct pool_conf *pool;
	const char **one = ARENA_ARRAY(a, 1, const char *);

	addressee_of(conf, addressee, &who, &pool);
	if (pool != NULL)
		return (struct due_readers){ (const char *const *)pool->members.item, pool->members.n };
	one[0] = who != NULL ? who->id : NULL;
	return (struct due_readers){ one, who != NULL };
}

enum status
due_bring(struct tx *tx, const struct conf *conf, const char *message, const char *addressee, struct arena *a,
    struct err *err)
{
	struct due_readers r = due_readers(conf, addressee, a);
	char destination[80], key[120];

	for (size_t i = 0; i < r.n; i++) {
		snprintf(destination, sizeof destination, "mailbox:%s", r.id[i]);
		snprintf(key, sizeof key, "%s/%s", message, destination);
		TRY(delivery_add(tx, message, destination, key, 0, err));
	}
	return ST_OK;
}
