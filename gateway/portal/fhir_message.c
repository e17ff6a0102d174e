/* fhir_message -- Communication as we read and write it: fhir_json.h. */
#include "base/clock.h"
#include "crypto/base64.h"
#include "mail/html.h"
#include "portal/fhir_json.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATIENTS "Patient RelatedPerson"
#define CATEGORIES "http://terminology.hl7.org/CodeSystem/communication-category"
#define MAX_PAYLOADS 200

/* Some portals hand out what their web page shows (Canvas, Oracle): a tag at the start, or one that ends a block. */
static bool
looks_like_html(const char *s)
{
	static const char *const ends[] = { "</p>", "</div>", "<br>", "<br/>", "<br />", "</html>", "</span>" };
	const char *first = s + strspn(s, " \t\r\n");

	if (*first == '<' && (first[1] == '!' || (first[1] >= 'A' && first[1] <= 'z')) && strchr(first, '>') != NULL)
		for (size_t i = 0; i < ARRAY_LEN(ends); i++)
			if (strcasestr(s, ends[i]) != NULL)
				return true;
	return false;
}

static void
add_text(struct buf *text, const char *s)
{
	AUTO_BUF plain = BUF_INIT;

	if (looks_like_html(s)) {
		html_to_text(slice_of(s), &plain);
		s = buf_str(&plain);
	}
	if (text->n > 0 && *s != '\0')
		buf_puts(text, "\n\n");
	buf_puts(text, s);
}

static void
add_file(struct fhir_communication *m, struct fhir_file file)
{
	m->file[m->nfiles++] = file;
}

/* An Attachment: inline as data, or elsewhere as url. Text without a title is what the person wrote. */
static void
add_attachment(
    const json_t *at, struct arena *a, struct fhir_communication *m, struct buf *text, struct content *content)
{
	const json_t *data = json_object_get(at, "data"), *size = json_object_get(at, "size");
	struct fhir_file f = { fhir_text(at, a, "url"), fhir_text(at, a, "contentType"), fhir_text(at, a, "title"),
		json_is_integer(size) ? json_integer_value(size) : -1 };
	size_t n = json_string_length(data), got = 0;
	uint8_t *bytes;

	if (!json_is_string(data)) {
		add_file(m, f);
		return;
	}
	if (content == NULL)
		return;
	bytes = xmalloc(n / 4 * 3 + 4);
	if (!base64_read((struct slice){ json_string_value(data), n }, bytes, &got)) {
		f.url = "";
		add_file(m, f);
	} else if (f.title[0] == '\0' && strncasecmp(f.type, "text/", 5) == 0 && memchr(bytes, '\0', got) == NULL) {
		bytes[got] = '\0';
		add_text(text, (const char *)bytes);
	} else {
		content_add(content, f.title, f.type, bytes, got);
	}
	OPENSSL_cleanse(bytes, n / 4 * 3 + 4);
	free(bytes);
}

static void
read_payload(const json_t *list, struct arena *a, struct fhir_communication *m, struct content *content)
{
	AUTO_BUF text = BUF_INIT;
	size_t n = fhir_count(list) < MAX_PAYLOADS ? fhir_count(list) : MAX_PAYLOADS;

	m->file = ARENA_ARRAY(a, n + 1, struct fhir_file);
	for (size_t i = 0; i < n; i++) {
		const json_t *p = json_array_get(list, i), *at = json_object_get(p, "contentAttachment");
		const char *ref = fhir_text(p, a, "contentReference", "reference");

		if (json_is_string(json_object_get(p, "contentString")))
			add_text(&text, fhir_text(p, a, "contentString"));
		else if (json_is_object(at))
			add_attachment(at, a, m, &text, content);
		else if (ref[0] != '\0')
			add_file(m, (struct fhir_file){ ref, "", fhir_text(p, a, "contentReference", "display"), -1 });
	}
	m->has_payload = n > 0;
	m->text = arena_strdup(a, buf_str(&text));
}

static void
read_recipients(const json_t *list, const struct fhir_conf *f, struct arena *a, struct fhir_communication *m)
{
	size_t n = fhir_count(list);

	m->recipient = ARENA_ARRAY(a, n + 1, const char *);
	m->recipient_json = ARENA_ARRAY(a, n + 1, const json_t *);
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(list, i);

		m->recipient[m->nrecipients] = fhir_reference(fhir_text(one, a, "reference"), f->base, NULL, a);
		m->recipient_json[m->nrecipients++] = one;
	}
}

bool
fhir_read_communication(const json_t *r, const struct fhir_conf *f, struct arena *a, struct fhir_communication *ret,
    struct content *content)
{
	struct fhir_communication m = { .id = fhir_text(r, a, "id") };
	const json_t *codings = fhir_at(r, "topic", "coding"), *ids = json_object_get(r, "identifier");

	if (strcmp(fhir_text(r, a, "resourceType"), "Communication") != 0 || !fhir_id_valid(m.id))
		return false;
	m.status = fhir_text(r, a, "status");
	m.topic = fhir_text(r, a, "topic", "text");
	if (m.topic[0] == '\0')
		m.topic = fhir_text(json_array_get(codings, 0), a, "display");
	m.language = fhir_text(r, a, "language");
	m.sender = fhir_reference(fhir_text(r, a, "sender", "reference"), f->base, NULL, a);
	m.subject = fhir_reference(fhir_text(r, a, "subject", "reference"), f->base, "Patient", a);
	m.part_of = fhir_reference(
	    fhir_text(json_array_get(json_object_get(r, "partOf"), 0), a, "reference"), f->base, "Communication", a);
	m.in_response_to =
	    fhir_reference(fhir_text(json_array_get(json_object_get(r, "inResponseTo"), 0), a, "reference"), f->base,
		"Communication", a);
	m.sent_ms = fhir_time_ms(fhir_text(r, a, "sent"));
	m.updated_ms = fhir_time_ms(fhir_text(r, a, "meta", "lastUpdated"));
	m.from_patient = fhir_reference(m.sender, NULL, PATIENTS, a)[0] != '\0';
	m.notification = fhir_has_code(json_object_get(r, "category"), NULL, "notification");
	for (size_t i = 0; i < fhir_count(ids); i++)
		m.ours = m.ours || strcmp(fhir_text(json_array_get(ids, i), a, "system"), f->message_system) == 0;
	read_recipients(json_object_get(r, "recipient"), f, a, &m);
	read_payload(json_object_get(r, "payload"), a, &m, content);
	*ret = m;
	return true;
}

/* Medplum's convention leaves what was sent in-progress; others complete it. */
bool
fhir_is_sent(const struct fhir_communication *m)
{
	return strcmp(m->status, "in-progress") == 0 || strcmp(m->status, "completed") == 0 ||
	       strcmp(m->status, "unknown") == 0;
}

/* ---- what we write ------------------------------------------------------------------------------------------------
 */

/* FHIR's string: no control characters but tab and line ends, and something beside blanks. */
static json_t *
string_of(const char *s)
{
	AUTO_BUF b = BUF_INIT;

	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= ' ' || *s == '\n' || *s == '\t')
			buf_putc(&b, *s);
	return json_stringn(buf_str(&b), b.n);
}

static json_t *
reference_to(const char *ref)
{
	return json_pack("{s:s}", "reference", ref);
}

static json_t *
list_of(json_t *one)
{
	json_t *list = json_array();

	json_array_append_new(list, one);
	return list;
}

static json_t *
attachment_of(const struct attachment *at)
{
	AUTO_BUF data = BUF_INIT;
	json_t *o = json_object();

	buf_reserve(&data, at->data.n / 3 * 4 + 8);
	if (at->data.n > 0)
		data.n = (size_t)EVP_EncodeBlock((uint8_t *)data.p, (const uint8_t *)at->data.p, (int)at->data.n);
	json_object_set_new(o, "contentType", json_string(at->type));
	if (at->name != NULL && at->name[strspn(at->name, " ")] != '\0')
		json_object_set_new(o, "title", string_of(at->name));
	json_object_set_new(o, "size", json_integer((json_int_t)at->data.n));
	if (data.n > 0)
		json_object_set_new(o, "data", json_stringn(data.p, data.n));
	return json_pack("{s:o}", "contentAttachment", o);
}

static json_t *
payload_of(const struct content *c)
{
	json_t *list = json_array();

	if (c->text != NULL && c->text[strspn(c->text, " \t\r\n")] != '\0')
		json_array_append_new(list, json_pack("{s:o}", "contentString", string_of(c->text)));
	for (size_t i = 0; i < c->natt; i++)
		json_array_append_new(list, attachment_of(&c->att[i]));
	return list;
}

json_t *
fhir_write_communication(const struct fhir_outgoing *m)
{
	const char *topic = m->topic != NULL ? m->topic : m->content != NULL ? m->content->subject : NULL;
	json_t *o = json_pack("{s:s, s:[{s:s, s:s}], s:s}", "resourceType", "Communication", "identifier", "system",
	    m->message_system, "value", m->key, "status", m->content != NULL ? "completed" : "in-progress");
	json_t *payload = m->content != NULL ? payload_of(m->content) : NULL;
	char sent[40];

	if (m->notification)
		json_object_set_new(o, "category",
		    json_pack("[{s:[{s:s, s:s}]}]", "coding", "system", CATEGORIES, "code", "notification"));
	if (m->thread != NULL)
		json_object_set_new(o, "partOf", list_of(reference_to(m->thread)));
	if (m->answers != NULL)
		json_object_set_new(o, "inResponseTo", list_of(reference_to(m->answers)));
	if (topic != NULL && topic[strspn(topic, " ")] != '\0')
		json_object_set_new(o, "topic", json_pack("{s:o}", "text", string_of(topic)));
	json_object_set_new(o, "subject", reference_to(m->patient));
	json_object_set_new(o, "sender", reference_to(m->sender));
	json_object_set_new(o, "recipient", list_of(reference_to(m->patient)));
	if (m->sent_ms > 0)
		json_object_set_new(o, "sent", json_string(time_rfc3339(m->sent_ms / 1000, sent, sizeof sent)));
	if (json_array_size(payload) > 0)
		json_object_set(o, "payload", payload);
	json_decref(payload);
	return o;
}
