/*
 * fhir_poll -- finding what patients wrote: looks that overlap, pages that are followed as given, nothing twice.
 *
 * A look begins a little before the newest message the last one saw, because a server's commits are not in the order of
 * its clock. What the ledger has, or what was acked, is passed over. The mark moves on when everything up to it is
 * durable here, so a crash repeats a look and loses nothing.
 */
#include "portal/fhir_in.h"

#include "store/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAGES 10000 /* of one look: a server whose next link leads in a circle */

/* ---- what is remembered -------------------------------------------------------------------------------------------
 */

static const char *
since_name(const struct fhir *f, struct arena *a)
{
	return arena_printf(a, "fhir/%s/since", f->id);
}

static const char *
acked_name(const struct fhir *f, const char *id, struct arena *a)
{
	return arena_printf(a, "fhir/%s/acked/%s", f->id, id);
}

struct mark {
	struct fhir *f;
	int64_t ms;
};

/* Acks older than any look will begin are forgotten with it. */
static enum status
save_mark(struct tx *tx, void *arg, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct mark *m = arg;
	int64_t old = m->ms - m->f->c->overlap_s * 1000;

	TRY(fact_set(tx, since_name(m->f, a), arena_printf(a, "%015lld", (long long)m->ms), err));
	return SQL_RUN(tx, NULL, err, "DELETE FROM fact WHERE name >= ?1 AND name < ?2 AND value < ?3",
	    b_text(acked_name(m->f, "", a)), b_text(acked_name(m->f, "~", a)),
	    b_text(arena_printf(a, "%015lld", (long long)(old - 1000))));
}

static enum status
load_mark(struct tx *tx, void *arg, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct mark *m = arg;
	const char *s;

	TRY(fact_get(tx, since_name(m->f, a), a, &s, err));
	m->ms = strtoll(s, NULL, 10);
	return ST_OK;
}

static enum status
move_mark(struct fhir *f, int64_t to_ms, struct err *err)
{
	struct mark m = { f, to_ms };

	if (to_ms <= f->since_ms)
		return ST_OK;
	TRY(store_write(f->env.store, save_mark, &m, err));
	f->since_ms = to_ms;
	return ST_OK;
}

enum status
fhir_begin(struct fhir *f, struct err *err)
{
	struct mark m = { f, 0 };

	TRY(store_read(f->env.store, load_mark, &m, err));
	f->since_ms = m.ms;
	if (m.ms > 0)
		return ST_OK;
	return move_mark(f, clock_now_ms(f->env.clock) - f->c->first_look_s * 1000 + f->c->overlap_s * 1000, err);
}

/* ---- one page -----------------------------------------------------------------------------------------------------
 */

struct sifting {
	struct fhir *f;
	struct arena *a;
	const char **id;
	bool *seen;
	size_t n;
};

static enum status
mark_seen(struct tx *tx, void *arg, struct err *err)
{
	struct sifting *s = arg;

	for (size_t i = 0; i < s->n; i++) {
		struct message_row *row = NULL;
		const char *value = "";

		/* Several matches are a match too. */
		if (message_find(tx, arena_printf(s->a, "portal:%s:%s", s->f->id, s->id[i]), s->a, &row, NULL) != ST_OK)
			s->seen[i] = true;
		TRY(fact_get(tx, acked_name(s->f, s->id[i], s->a), s->a, &value, err));
		s->seen[i] = s->seen[i] || row != NULL || value[0] != '\0';
	}
	return ST_OK;
}

static bool
is_out(const struct fhir *f, const char *id)
{
	for (size_t i = 0; i < f->nout; i++)
		if (strcmp(f->out[i], id) == 0)
			return true;
	return false;
}

/* A message of a patient, sent, with something in it. What we wrote ourselves comes back in every look. */
static bool
is_wanted(struct fhir *f, const json_t *r, struct arena *a, const char **ret_id)
{
	struct fhir_communication m;

	if (!fhir_read_communication(r, f->c, a, &m, NULL))
		return false;
	if (m.updated_ms > 0) {
		f->look.ordered = f->look.ordered && m.updated_ms >= f->look.last_ms;
		f->look.last_ms = m.updated_ms;
		if (m.updated_ms > f->look.newest_ms)
			f->look.newest_ms = m.updated_ms;
		if (m.updated_ms > f->high_ms)
			f->high_ms = m.updated_ms;
	}
	*ret_id = m.id;
	return m.from_patient && !m.ours && !m.notification && m.has_payload && fhir_is_sent(&m) && !is_out(f, m.id);
}

static enum status
sift(struct fhir *f, const json_t *bundle, struct arena *a, struct err *err)
{
	const json_t *list = json_object_get(bundle, "entry");
	struct sifting s = { .f = f, .a = a };
	json_t **item = xcalloc(fhir_count(list) + 1, sizeof *item);
	enum status st;

	s.id = ARENA_ARRAY(a, fhir_count(list) + 1, const char *);
	s.seen = ARENA_ARRAY(a, fhir_count(list) + 1, bool);
	for (size_t i = 0; i < fhir_count(list); i++) {
		json_t *r = json_object_get(json_array_get(list, i), "resource");

		if (is_wanted(f, r, a, &s.id[s.n]))
			item[s.n++] = r;
	}
	st = s.n > 0 ? store_read(f->env.store, mark_seen, &s, err) : ST_OK;
	f->look.queue = xreallocarray(f->look.queue, s.n + 1, sizeof *item);
	f->look.nqueue = f->look.done = 0;
	for (size_t i = 0; st == ST_OK && i < s.n; i++)
		if (!s.seen[i])
			f->look.queue[f->look.nqueue++] = json_incref(item[i]);
	free(item);
	return st;
}

/* Opaque, and never to another server: the token goes along. */
static enum status
next_link(struct fhir *f, const json_t *bundle, const char *from, struct arena *a, struct err *err)
{
	const json_t *list = json_object_get(bundle, "link");

	for (size_t i = 0; i < fhir_count(list); i++) {
		AUTO_STR url = NULL;

		if (strcmp(fhir_text(json_array_get(list, i), a, "relation"), "next") != 0)
			continue;
		url = fhir_resolve_url(from, fhir_text(json_array_get(list, i), a, "url"));
		if (url == NULL || !fhir_same_origin(url, f->c->base))
			return err_set(
			    err, ST_REMOTE_DOWN, "fhir.origin", "the next page is on another server: not followed");
		f->look.next = xstrdup(url);
		return ST_OK;
	}
	return ST_OK;
}

static enum status
load_page(struct fhir *f, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct look *l = &f->look;
	AUTO_STR url = TAKE(l->next);
	json_t *bundle = NULL;
	enum status st;

	if (url == NULL)
		url = xasprintf("%s/%s", f->c->base, l->start[l->at++]);
	if (++l->count > MAX_PAGES)
		return err_set(err, ST_REMOTE_DOWN, "fhir.pages", "the pages of a search do not end");
	TRY(fhir_get(f->link, url, &bundle, err));
	st = strcmp(fhir_text(bundle, a, "resourceType"), "Bundle") == 0
		 ? ST_OK
		 : err_set(err, ST_REMOTE_DOWN, "fhir.bundle", "a search was not answered with a Bundle");
	if (st == ST_OK)
		st = next_link(f, bundle, url, a, err);
	if (st == ST_OK)
		st = sift(f, bundle, a, err);
	json_decref(bundle);
	return st;
}

/* ---- one look -----------------------------------------------------------------------------------------------------
 */

static void
add_search(struct look *l, char *search)
{
	l->start = xreallocarray(l->start, l->nstart + 1, sizeof *l->start);
	l->start[l->nstart++] = search;
}

/* Oracle-like: category, received and recipient together, for each clinician of the directory. */
static enum status
searches_by_recipient(struct fhir *f, const char *since, struct err *err)
{
	const struct people_conf *people = f->env.conf != NULL ? &f->env.conf->people : NULL;

	for (size_t i = 0; people != NULL && i < people->nclinicians; i++) {
		AUTO(arena) a = arena_new();
		AUTO_BUF s = BUF_INIT;
		struct portal_post who = { .author = arena_printf(a, "clinician:%s", people->clinician[i].id) };
		const char *ref;
		struct err why = ERR_NONE;
		enum status st = fhir_sender_ref(f, &who, a, &ref, &why);

		if (st == ST_MSG_REFUSED) /* not everybody of the directory need be in every portal */
			continue;
		if (st != ST_OK) {
			if (err != NULL)
				*err = why;
			return st;
		}
		buf_printf(&s, "Communication?recipient=%s&received=ge%s", ref, since);
		if (f->c->category != NULL) {
			buf_puts(&s, "&category=");
			fhir_escape(f->c->category, &s);
		}
		buf_printf(&s, "&_count=%lld", (long long)f->c->page_size);
		add_search(&f->look, buf_take(&s));
	}
	return ST_OK;
}

struct open_patients {
	struct fhir *f;
	struct arena *a;
	const char **key;
	size_t n;
};

static enum status
list_open_patients(struct tx *tx, void *arg, struct err *err)
{
	struct open_patients *o = arg;
	struct thread *list = NULL;
	size_t n = 0;

	o->n = 0;
	TRY(thread_list(tx, o->a, &list, &n, err));
	o->key = ARENA_ARRAY(o->a, n + 1, const char *);
	for (size_t i = 0; i < n; i++) {
		struct patient *p = NULL;
		bool twice = false;

		if (!list[i].open || strcmp(list[i].portal, o->f->id) != 0)
			continue;
		TRY(patient_get(tx, list[i].patient, o->a, &p, err));
		for (size_t k = 0; p != NULL && k < o->n; k++)
			twice = twice || strcmp(o->key[k], p->portal_key) == 0;
		if (p != NULL && !twice)
			o->key[o->n++] = p->portal_key;
	}
	return ST_OK;
}

/* Epic-like: no question for "what is new", so patient by patient, for those with an open conversation. */
static enum status
searches_by_patient(struct fhir *f, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct open_patients o = { .f = f, .a = a };

	TRY(store_read(f->env.store, list_open_patients, &o, err));
	for (size_t i = 0; i < o.n; i++) {
		const char *ref;
		enum status st = fhir_patient_ref(f, o.key[i], a, &ref, err);

		if (st == ST_MSG_REFUSED)
			continue;
		TRY(st);
		add_search(
		    &f->look, xasprintf("Communication?patient=%s&_count=%lld", ref, (long long)f->c->page_size));
	}
	return ST_OK;
}

static void
end_look(struct look *l)
{
	for (size_t i = 0; i < l->nstart; i++)
		free(l->start[i]);
	for (size_t i = l->done; i < l->nqueue; i++)
		json_decref(l->queue[i]);
	free(l->start);
	free(l->next);
	free(l->queue);
	*l = (struct look){ .on = false };
}

static enum status
begin_look(struct fhir *f, struct err *err)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF since = BUF_INIT;
	enum fhir_poll_by by = fhir_caps_poll_by(fhir_caps_of(f->link), f->c->poll_by);

	end_look(&f->look);
	f->look.ordered = true;
	fhir_escape(fhir_instant(f->since_ms - f->c->overlap_s * 1000, a), &since);
	if (by == FHIR_POLL_UPDATED)
		add_search(&f->look, xasprintf("Communication?_lastUpdated=ge%s&_sort=_lastUpdated&_count=%lld",
					 buf_str(&since), (long long)f->c->page_size));
	else if (by == FHIR_POLL_RECEIVED)
		TRY(searches_by_recipient(f, buf_str(&since), err));
	else
		TRY(searches_by_patient(f, err));
	f->look.on = true;
	return ST_OK;
}

enum status
fhir_poll_next(struct fhir *f, json_t **ret, struct err *err)
{
	struct look *l = &f->look;

	for (;;) {
		if (l->done < l->nqueue) {
			*ret = l->queue[l->done];
			return ST_OK;
		}
		if (l->on && (l->next != NULL || l->at < l->nstart)) {
			/* What came in order and is all durable need not be looked at again after a crash. */
			if (l->ordered && l->nstart == 1 && f->nout == 0)
				TRY(move_mark(f, l->last_ms, err));
			TRY(load_page(f, err));
			continue;
		}
		if (l->on) {
			l->on = false;
			f->looked = true;
			f->looked_ms = monotonic_ms();
			if (f->nout == 0)
				TRY(move_mark(f, l->newest_ms, err));
		}
		if (fhir_poll_wait_ms(f) > 0) {
			*ret = NULL;
			return ST_OK;
		}
		TRY(begin_look(f, err));
	}
}

void
fhir_poll_done(struct fhir *f, const char *id)
{
	struct look *l = &f->look;

	f->out = xreallocarray(f->out, f->nout + 1, sizeof *f->out);
	f->out[f->nout++] = xstrdup(id);
	json_decref(l->queue[l->done++]);
}

int64_t
fhir_poll_wait_ms(const struct fhir *f)
{
	int64_t left = f->looked_ms + f->env.self->poll_s * 1000 - monotonic_ms();

	return !f->looked || left < 0 ? 0 : left;
}

/* ---- ack ----------------------------------------------------------------------------------------------------------
 */

struct acking {
	struct fhir *f;
	const char *id;
	bool known;
};

/* What the ledger has needs no second note. A note is as old as the newest message then, by the server's clock as the
 * mark is: it goes when no look will reach back to its message. */
static enum status
ledger_has(struct tx *tx, void *arg, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct acking *k = arg;
	struct message_row *row = NULL;

	(void)err;
	k->known =
	    message_find(tx, arena_printf(a, "portal:%s:%s", k->f->id, k->id), a, &row, NULL) == ST_OK && row != NULL;
	return ST_OK;
}

static enum status
note_ack(struct tx *tx, void *arg, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct acking *k = arg;

	return fact_set(tx, acked_name(k->f, k->id, a), arena_printf(a, "%015lld", (long long)k->f->high_ms), err);
}

enum status
fhir_poll_ack(struct fhir *f, const char *id, struct err *err)
{
	struct acking k = { f, id, false };

	TRY(store_read(f->env.store, ledger_has, &k, err));
	if (!k.known)
		TRY(store_write(f->env.store, note_ack, &k, err));
	for (size_t i = 0; i < f->nout; i++)
		if (strcmp(f->out[i], id) == 0) {
			free(f->out[i]);
			f->out[i--] = f->out[--f->nout];
		}
	/* All durable, and the look is over: the next one begins here. */
	if (f->nout == 0 && !f->look.on)
		return move_mark(f, f->look.newest_ms, err);
	return ST_OK;
}

void
fhir_poll_free(struct fhir *f)
{
	end_look(&f->look);
	for (size_t i = 0; i < f->nout; i++)
		free(f->out[i]);
	free(f->out);
}
