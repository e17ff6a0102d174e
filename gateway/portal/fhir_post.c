/*
 * fhir_post -- what the patient is sent: once. The key is searched for before every create, the create is conditional
 * where the server knows how, and after an outcome that is unknown the key is searched for again. Where the server can
 * search for nothing, a post is tried once, and what became of it is for people to find out.
 */
#include "portal/fhir_in.h"

#include <stdlib.h>
#include <string.h>

static struct fhir *
of(struct portal *p)
{
	return (struct fhir *)p;
}

/* ---- asked by key -------------------------------------------------------------------------------------------------
 */

enum status
fhir_find(struct portal *p, const char *idem_key, char **ret_id, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct fhir *f = of(p);
	json_t *r = NULL;

	TRY(fhir_find_one(f->link, "Communication", f->c->message_system, idem_key, &r, err));
	*ret_id = r != NULL ? xstrdup(fhir_text(r, a, "id")) : NULL;
	json_decref(r);
	return ST_OK;
}

static const char *
condition_of(const struct fhir *f, const char *key, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	buf_puts(&b, "identifier=");
	fhir_escape(f->c->message_system, &b);
	buf_puts(&b, "%7C");
	fhir_escape(key, &b);
	return arena_strdup(a, buf_str(&b));
}

/* why: what the create said. Found is done; not found is as bad as it was, and the next try asks first. */
static enum status
reconcile(struct fhir *f, const char *key, const struct err *why, char **ret_id, struct err *err)
{
	char *id = NULL;

	if (fhir_find(&f->base, key, &id, NULL) == ST_OK && id != NULL) {
		*ret_id = id;
		return ST_OK;
	}
	if (err != NULL)
		*err = *why;
	return why->st;
}

static enum status
create_once(struct fhir *f, const json_t *r, const char *key, char **ret_id, struct err *err)
{
	AUTO(arena) a = arena_new();
	bool conditional = fhir_caps_of(f->link)->conditional_create;
	struct err why = ERR_NONE;
	char *id = NULL;

	TRY(fhir_find(&f->base, key, &id, err));
	if (id != NULL) {
		*ret_id = id;
		return ST_OK;
	}
	switch (fhir_create(f->link, "Communication", r, conditional ? condition_of(f, key, a) : NULL, &id, &why)) {
	case FHIR_CREATED:
		*ret_id = id;
		return ST_OK;
	case FHIR_CONFLICT:
	case FHIR_UNKNOWN:
		return reconcile(f, key, &why, ret_id, err);
	default:
		if (err != NULL)
			*err = why;
		return why.st;
	}
}

/* ---- tried once ---------------------------------------------------------------------------------------------------
 */

struct trying {
	const char *name, *value, *was;
	struct arena *a;
};

static enum status
try_first(struct tx *tx, void *arg, struct err *err)
{
	struct trying *t = arg;

	TRY(fact_get(tx, t->name, t->a, &t->was, err));
	return t->was[0] == '\0' ? fact_set(tx, t->name, t->value, err) : ST_OK;
}

static enum status
try_again(struct tx *tx, void *arg, struct err *err)
{
	struct trying *t = arg;

	return fact_set(tx, t->name, t->value, err);
}

static enum status
create_blind(struct fhir *f, const json_t *r, const char *key, char **ret_id, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct trying t = { arena_printf(a, "fhir/%s/tried/%s", f->id, key), "tried", "", a };
	struct err why = ERR_NONE;
	char *id = NULL;

	TRY(store_write(f->env.store, try_first, &t, err));
	if (strncmp(t.was, "id ", 3) == 0) {
		*ret_id = xstrdup(t.was + 3);
		return ST_OK;
	}
	if (t.was[0] != '\0')
		return err_set(err, ST_MSG_REFUSED, "fhir.outcome-unknown",
		    "the portal may have it and cannot be asked: look there before it is sent again");
	switch (fhir_create(f->link, "Communication", r, NULL, &id, &why)) {
	case FHIR_CREATED:
		t.value = arena_printf(a, "id %s", id);
		*ret_id = id;
		return store_write(f->env.store, try_again, &t, err);
	case FHIR_CONFLICT:
	case FHIR_UNKNOWN:
		return err_set(err, ST_MSG_REFUSED, "fhir.outcome-unknown",
		    "the portal may have it and cannot be asked: look there before it is sent again");
	default:
		break;
	}
	t.value = "";
	TRY(store_write(f->env.store, try_again, &t, err));
	if (err != NULL)
		*err = why;
	return why.st;
}

static enum status
create(struct fhir *f, const json_t *r, const char *key, char **ret_id, struct err *err)
{
	return fhir_caps_can_ask(fhir_caps_of(f->link)) ? create_once(f, r, key, ret_id, err)
							: create_blind(f, r, key, ret_id, err);
}

/* ---- the post -----------------------------------------------------------------------------------------------------
 */

/* Our own thread: its header is made when it is not there yet. */
static enum status
own_thread(struct fhir *f, const struct portal_post *p, struct fhir_outgoing *out, struct arena *a, struct err *err)
{
	struct fhir_outgoing header = *out;
	AUTO_STR id = NULL;
	json_t *r;
	enum status st;

	header.key = arena_printf(a, FHIR_OWN_THREAD "%s", p->thread);
	header.content = NULL;
	header.notification = false;
	header.topic = p->content->subject;
	r = fhir_write_communication(&header);
	st = create(f, r, header.key, &id, err);
	json_decref(r);
	if (st == ST_OK)
		out->thread = arena_printf(a, "Communication/%s", id);
	return st;
}

/* The thread is there and it is this patient's: never a guess. */
static enum status
check_thread(struct fhir *f, const struct portal_post *p, struct fhir_outgoing *out, struct arena *a, struct err *err)
{
	struct fhir_communication m;
	json_t *r = NULL;
	bool his;

	if (p->patient_only)
		return own_thread(f, p, out, a, err);
	if (!fhir_id_valid(p->thread))
		return err_set(err, ST_MSG_REFUSED, "fhir.thread", "not a thread of this portal");
	out->thread = arena_printf(a, "Communication/%s", p->thread);
	TRY(fhir_get(f->link, out->thread, &r, err));
	if (r == NULL || !fhir_read_communication(r, f->c, a, &m, NULL)) {
		json_decref(r);
		return err_set(err, ST_MSG_REFUSED, "fhir.thread", "the portal has no such thread");
	}
	his = strcmp(m.subject[0] != '\0' ? m.subject : m.sender, out->patient) == 0;
	for (size_t i = 0; m.subject[0] == '\0' && i < m.nrecipients; i++)
		his = his || strcmp(m.recipient[i], out->patient) == 0;
	json_decref(r);
	if (!his)
		return err_set(err, ST_MSG_REFUSED, "fhir.thread", "the thread is another patient's");
	if (m.has_payload)
		out->answers = out->thread;
	return ST_OK;
}

enum status
fhir_post(struct portal *portal, const struct portal_post *p, char **ret_id, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct fhir *f = of(portal);
	struct fhir_outgoing out = { .message_system = f->c->message_system,
		.key = p->idem_key,
		.notification = p->notification,
		.sent_ms = p->sent_ms,
		.content = p->content };
	json_t *r;
	enum status st;

	if (p->idem_key == NULL || p->idem_key[0] == '\0')
		return err_set(err, ST_LOCAL, "portal.key", "a post needs an idempotency key");
	TRY(fhir_patient_ref(f, p->patient_key, a, &out.patient, err));
	TRY(fhir_sender_ref(f, p, a, &out.sender, err));
	TRY(check_thread(f, p, &out, a, err));
	r = fhir_write_communication(&out);
	st = create(f, r, p->idem_key, ret_id, err);
	json_decref(r);
	return st;
}
