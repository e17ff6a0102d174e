/* fhir_take -- a Communication of a patient as the message the intake takes: thread, people, text, attachments. */
#include "crypto/base64.h"
#include "portal/fhir_in.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILES 50
#define MAX_CHAIN 16

struct taking {
	struct fhir *f;
	struct arena *a;
	struct content *content; /* own */
	struct buf notes;	 /* what could not be taken over */
	size_t left;		 /* bytes of attachments */
};

/* ---- attachments --------------------------------------------------------------------------------------------------
 */

static void
note_missing(struct taking *t, const char *title)
{
	AUTO(content) name = content_new(title, "");

	buf_printf(&t->notes, "\n\n[The attachment%s%s%s is not in this mail. Please see it in the portal.]",
	    name->subject[0] != '\0' ? " \"" : "", name->subject, name->subject[0] != '\0' ? "\"" : "");
}

static bool
add_bytes(struct taking *t, const json_t *data, const char *title, const char *type)
{
	size_t n = json_string_length(data), got = 0, room = n / 4 * 3 + 4;
	uint8_t *bytes;
	bool ok;

	if (!json_is_string(data) || room > t->left)
		return false;
	bytes = xmalloc(room);
	ok = base64_read((struct slice){ json_string_value(data), n }, bytes, &got);
	if (ok) {
		content_add(t->content, title, type, bytes, got);
		t->left -= got;
	}
	OPENSSL_cleanse(bytes, room);
	free(bytes);
	return ok;
}

/* Only what is gone, forbidden, or too big is left out; trouble with the portal is trouble: the message comes again. */
static bool
left_out(const struct err *why)
{
	return why->st == ST_MSG_REFUSED || strcmp(why->code, "fhir.forbidden") == 0 ||
	       strcmp(why->code, "fhir.too-big") == 0 || strcmp(why->code, "fhir.not-json") == 0;
}

/* A URL in a message is the sender's: it is asked for only when it is a Binary or DocumentReference of this server. */
static enum status
get_file(struct taking *t, const char *ref, const struct fhir_file *file, int level, struct err *err)
{
	struct err why = ERR_NONE;
	const char *type = file->type, *title = file->title;
	json_t *r = NULL;
	enum status st;
	bool ok = false;

	if (ref[0] == '\0' || file->size > (int64_t)t->left) {
		note_missing(t, title);
		return ST_OK;
	}
	st = fhir_get(t->f->link, ref, &r, &why);
	if (st != ST_OK && !left_out(&why)) {
		if (err != NULL)
			*err = why;
		return st;
	}
	st = ST_OK;
	if (r != NULL && strncmp(ref, "Binary/", 7) == 0) {
		if (type[0] == '\0')
			type = fhir_text(r, t->a, "contentType");
		ok = add_bytes(t, json_object_get(r, "data"), title, type);
	} else if (r != NULL && level == 0) {
		const json_t *at = fhir_at(json_array_get(json_object_get(r, "content"), 0), "attachment");
		struct fhir_file inner = { fhir_text(at, t->a, "url"), fhir_text(at, t->a, "contentType"),
			fhir_text(at, t->a, "title"), -1 };

		if (inner.title[0] == '\0')
			inner.title = title;
		ok = add_bytes(t, json_object_get(at, "data"), inner.title, inner.type);
		if (!ok && inner.url[0] != '\0') {
			ok = true;
			st = get_file(t, fhir_reference(inner.url, t->f->c->base, "Binary", t->a), &inner, 1, err);
		}
	}
	json_decref(r);
	if (!ok)
		note_missing(t, title);
	return st;
}

static enum status
get_files(struct taking *t, const struct fhir_communication *m, struct err *err)
{
	for (size_t i = 0; i < m->nfiles; i++) {
		const char *ref = fhir_reference(m->file[i].url, t->f->c->base, "Binary DocumentReference", t->a);

		TRY(get_file(t, i < MAX_FILES ? ref : "", &m->file[i], 0, err));
	}
	return ST_OK;
}

/* ---- thread -------------------------------------------------------------------------------------------------------
 */

/* The portal's thread: the header a message is part of, else the first message of the chain it answers, else itself. A
 * thread that we opened is called as we called it. */
struct place {
	const char *thread;
	const char *ours; /* our name of it, or "" */
	struct fhir_communication header;
	bool has_header;
	json_t *json; /* own: the header points into it */
};

static enum status
root_of(struct fhir *f, const struct fhir_communication *m, struct arena *a, const char **ret, struct err *err)
{
	const char *at = m->part_of[0] != '\0' ? m->part_of : m->in_response_to;

	for (int i = 0; m->part_of[0] == '\0' && at[0] != '\0' && i < MAX_CHAIN; i++) {
		const struct known *k = known_get(&f->threads, at);
		struct fhir_communication parent;
		const char *above = "";
		json_t *r = NULL;

		if (k == NULL) {
			TRY(fhir_get(f->link, at, &r, err));
			if (r != NULL && fhir_read_communication(r, f->c, a, &parent, NULL))
				above = parent.part_of[0] != '\0' ? parent.part_of : parent.in_response_to;
			json_decref(r);
			k = known_put(&f->threads, at, above, NULL);
		}
		if (k->is[0] == '\0')
			break;
		at = arena_strdup(a, k->is);
	}
	*ret = at[0] != '\0' ? strchr(at, '/') + 1 : m->id;
	return ST_OK;
}

static enum status
find_place(struct fhir *f, const struct fhir_communication *m, struct arena *a, struct place *ret, struct err *err)
{
	const char *key;

	TRY(root_of(f, m, a, &ret->thread, err));
	ret->ours = "";
	if (strcmp(ret->thread, m->id) == 0)
		return ST_OK;
	TRY(fhir_get(f->link, arena_printf(a, "Communication/%s", ret->thread), &ret->json, err));
	if (ret->json == NULL || !fhir_read_communication(ret->json, f->c, a, &ret->header, NULL))
		return ST_OK;
	ret->has_header = true;
	key = fhir_identifier(ret->json, f->c->message_system, a);
	if (strncmp(key, FHIR_OWN_THREAD, strlen(FHIR_OWN_THREAD)) == 0)
		ret->ours = key + strlen(FHIR_OWN_THREAD);
	return ST_OK;
}

/* ---- the message --------------------------------------------------------------------------------------------------
 */

/* When the portal accepted it; a clock of the patient's that is off by more than a day does not count. */
static int64_t
received_of(const struct fhir_communication *m, int64_t now_ms)
{
	int64_t at = m->updated_ms > 0 && m->updated_ms < now_ms ? m->updated_ms : now_ms;

	return m->sent_ms > 0 && m->sent_ms <= at && at - m->sent_ms < 86400000 ? m->sent_ms : at;
}

static enum status
fill(struct taking *t, const struct fhir_communication *m, const struct place *at, struct portal_message *pm,
    struct err *err)
{
	struct fhir *f = t->f;
	const char *subject = m->subject, *proxy = "", *acting = "";
	const struct fhir_communication *h = at->has_header ? &at->header : NULL;

	/* A proxy's message is about the patient it names; who sent it, if a patient, is that patient. */
	if (strncmp(m->sender, "Patient/", 8) == 0)
		subject = subject[0] == '\0' || strcmp(subject, m->sender) == 0 ? m->sender : "";
	else
		TRY(fhir_patient_key(f, m->sender, t->a, &acting, &proxy, err));
	if (subject[0] == '\0' && strncmp(m->sender, "Patient/", 8) != 0)
		pm->patient_key = acting;
	else
		TRY(fhir_patient_key(f, subject, t->a, &pm->patient_key, &acting, err));
	TRY(fhir_addressee(f, m, t->a, &pm->addressee, err));
	if (pm->addressee[0] == '\0' && h != NULL)
		TRY(fhir_addressee(f, h, t->a, &pm->addressee, err));
	TRY(get_files(t, m, err));
	if (strncmp(m->sender, "RelatedPerson/", 14) == 0)
		buf_printf(
		    &t->notes, "\n\n[Written on the patient's behalf%s%s.]", proxy[0] != '\0' ? ": " : "", proxy);
	return ST_OK;
}

static void
finish(struct taking *t, const struct fhir_communication *m, const struct place *at)
{
	const char *topic = m->topic[0] != '\0' ? m->topic : at->has_header ? at->header.topic : "";
	AUTO_BUF text = BUF_INIT;
	struct content *c;

	buf_printf(&text, "%s%s", m->text, buf_str(&t->notes));
	c = content_new(topic, m->text[0] == '\0' && t->notes.n > 2 ? buf_str(&text) + 2 : buf_str(&text));
	c->att = TAKE(t->content->att);
	c->natt = t->content->natt;
	t->content->natt = 0;
	if (m->language[0] != '\0') {
		free(c->language);
		c->language = xstrndup(m->language, 2);
	}
	content_free(t->content);
	t->content = c;
}

/* A content of our own that lives, and is wiped, with the arena. */
static void
keep_content(struct taking *t, struct portal_message *pm)
{
	struct content *c = ARENA_NEW(t->a, struct content);

	*c = (struct content){ .subject = arena_strdup(t->a, t->content->subject),
		.text = arena_strdup(t->a, t->content->text),
		.language = t->content->language != NULL ? arena_strdup(t->a, t->content->language) : NULL,
		.natt = t->content->natt };
	c->att = ARENA_ARRAY(t->a, c->natt + 1, struct attachment);
	for (size_t i = 0; i < c->natt; i++) {
		const struct attachment *from = &t->content->att[i];
		char *bytes = arena_alloc(t->a, from->data.n + 1);

		if (from->data.n > 0)
			memcpy(bytes, from->data.p, from->data.n);
		c->att[i] = (struct attachment){ .name = arena_strdup(t->a, from->name),
			.type = arena_strdup(t->a, from->type),
			.data = { bytes, from->data.n, from->data.n + 1 },
			.inline_image = from->inline_image };
	}
	pm->content = c;
}

enum status
fhir_take(struct fhir *f, const json_t *resource, struct arena *a, struct portal_message **ret, struct err *err)
{
	struct taking t = { .f = f, .a = a, .content = content_new("", ""), .notes = BUF_INIT };
	struct portal_message *pm = ARENA_NEW(a, struct portal_message);
	struct fhir_communication m;
	struct place at = { .thread = "" };
	enum status st = ST_OK;

	t.left = (size_t)f->limits.message_bytes / 4 * 3;
	if (!fhir_read_communication(resource, f->c, a, &m, t.content))
		st = err_set(err, ST_REMOTE_DOWN, "fhir.communication", "a Communication without an id");
	if (st == ST_OK)
		st = find_place(f, &m, a, &at, err);
	if (st == ST_OK)
		st = fill(&t, &m, &at, pm, err);
	if (st == ST_OK) {
		finish(&t, &m, &at);
		pm->id = m.id;
		pm->thread = at.ours[0] != '\0' ? at.ours : at.thread;
		pm->patient_only = at.ours[0] != '\0';
		pm->received_ms = received_of(&m, clock_now_ms(f->env.clock));
		keep_content(&t, pm);
	}
	json_decref(at.json);
	content_free(t.content);
	buf_wipe(&t.notes);
	if (st == ST_OK)
		*ret = pm;
	return st;
}
