#include "mail/compose.h"

#include "base/clock.h"
#include "base/hash.h"
#include "mail/address.h"
#include "mail/entity_in.h"
#include "mail/gmime.h"
#include "mail/reply.h"
#include "mail/text.h"

#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 900 /* of a header value before it is encoded and folded */
#define NAME_MAX_BYTES 200
#define MAX_REFERENCES 20 /* the first and the newest: what a client needs to put a mail into its conversation */

#define AUTO_GMIME(type) __attribute__((cleanup(unref_##type))) type *
#define DEFINE_UNREF(type)                                                                                             \
	static void unref_##type(type **p)                                                                             \
	{                                                                                                              \
		gmime_unref(*p);                                                                                       \
	}
DEFINE_UNREF(GMimeObject)
DEFINE_UNREF(GMimeHeaderList)
DEFINE_UNREF(GMimeStream)

/* What stands in a message identifier or a reference of ours; everything else could end the field. */
static bool
is_plain(const char *s, size_t max)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' || s[i] == '<' || s[i] == '>')
			return false;
	return n > 0 && n <= max;
}

static enum status
check(const struct compose *c, struct err *err)
{
	if (!addr_spec_valid(c->from) || !addr_spec_valid(c->to))
		return err_set(err, ST_MSG_REFUSED, "compose.address", "sender or recipient is no plain address");
	if (c->message_id == NULL || !is_plain(c->message_id, 900))
		return err_set(
		    err, ST_MSG_REFUSED, "compose.message-id", "message identifier cannot stand in a header");
	if ((c->token != NULL && *c->token != '\0' && !is_plain(c->token, 64)) ||
	    (c->thread != NULL && *c->thread != '\0' && !is_plain(c->thread, 32)))
		return err_set(err, ST_MSG_REFUSED, "compose.reference", "reference cannot stand in a header");
	return ST_OK;
}

/* Whatever is in a name or a subject, it is one line here. */
static void
append_header(GMimeHeaderList *list, const char *name, const char *value, size_t max)
{
	AUTO_BUF line = BUF_INIT;

	text_clean_line(slice_of(value), max, &line);
	g_mime_header_list_append(list, name, buf_str(&line), "utf-8");
}

/* From or To as a header value, encoded. */
static void
put_mailbox(struct buf *b, const char *name, const char *addr)
{
	AUTO_BUF clean = BUF_INIT;
	InternetAddress *box;
	char *s;

	text_clean_line(slice_of(name), NAME_MAX_BYTES, &clean);
	/* An address inside a display name invites a reader to believe it. */
	for (size_t i = 0; i < clean.n; i++)
		if (strchr("@<>", clean.p[i]) != NULL)
			clean.p[i] = ' ';
	box = internet_address_mailbox_new(clean.n > 0 ? clean.p : NULL, addr);
	internet_address_set_charset(box, "utf-8");
	s = internet_address_to_string(box, NULL, TRUE);
	buf_puts(b, s);
	g_free(s);
	g_object_unref(box);
}

static void
put_references(struct buf *b, const struct compose *c)
{
	for (size_t i = 0; i < c->nreferences; i++) {
		if (c->nreferences > MAX_REFERENCES && i > 0 && i < c->nreferences - (MAX_REFERENCES - 1))
			continue;
		if (is_plain(c->references[i], 900))
			buf_printf(b, "%s<%s>", b->n > 0 ? " " : "", c->references[i]);
	}
}

static const char *
newest_reference(const struct compose *c)
{
	for (size_t i = c->nreferences; i-- > 0;)
		if (is_plain(c->references[i], 900))
			return c->references[i];
	return NULL;
}

/* The fields a reader sees, for outside or for inside. Inside each outer one stands once more as HP-Outer (RFC 9788
 * 2.2), which lets a client that knows it tell what was protected from what was replaced. */
static void
append_fields(const struct compose *c, bool inside, GMimeHeaderList *list)
{
	static const char *const names[] = { "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To",
		"References" };
	AUTO_BUF from = BUF_INIT;
	AUTO_BUF to = BUF_INIT;
	AUTO_BUF id = BUF_INIT;
	AUTO_BUF answers = BUF_INIT;
	AUTO_BUF references = BUF_INIT;
	char date[48];
	const char *outer[ARRAY_LEN(names)];

	put_mailbox(&from, c->from_name, c->from);
	put_mailbox(&to, NULL, c->to);
	buf_printf(&id, "<%s>", c->message_id);
	put_references(&references, c);
	if (newest_reference(c) != NULL)
		buf_printf(&answers, "<%s>", newest_reference(c));
	outer[0] = buf_str(&from);
	outer[1] = buf_str(&to);
	outer[2] = c->outer_subject;
	outer[3] = time_rfc5322(c->date, date, sizeof date);
	outer[4] = buf_str(&id);
	outer[5] = buf_str(&answers);
	outer[6] = buf_str(&references);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		bool real = inside && i == 2 && c->subject != NULL && *c->subject != '\0';
		const char *value = real ? c->subject : outer[i];
		size_t max = i == 6 ? references.n : LINE_MAX_BYTES;

		if (value != NULL && *value != '\0')
			append_header(list, names[i], value, max);
	}
	for (size_t i = 0; inside && i < ARRAY_LEN(names); i++) {
		AUTO_BUF line = BUF_INIT;

		if (outer[i] == NULL || *outer[i] == '\0')
			continue;
		buf_printf(&line, "%s: %s", names[i], outer[i]);
		append_header(list, "HP-Outer", buf_str(&line), line.n);
	}
}

static GMimeFormatOptions *
crlf_format(void)
{
	GMimeFormatOptions *f = g_mime_format_options_new();

	g_mime_format_options_set_newline_format(f, GMIME_NEWLINE_FORMAT_DOS);
	return f;
}

enum status
compose_outer(const struct compose *c, struct buf *ret, struct err *err)
{
	AUTO_GMIME(GMimeHeaderList) list = NULL;
	GMimeFormatOptions *format;
	char *text;

	TRY(check(c, err));
	gmime_ready();
	list = g_mime_header_list_new(NULL);
	append_fields(c, false, list);
	if (c->token != NULL && *c->token != '\0')
		append_header(list, "X-Portal-Token", c->token, LINE_MAX_BYTES);
	if (c->thread != NULL && *c->thread != '\0')
		append_header(list, "X-Portal-Thread", c->thread, LINE_MAX_BYTES);
	append_header(list, "X-Auto-Response-Suppress", "OOF, AutoReply, RN, NRN", LINE_MAX_BYTES);
	if (c->automatic)
		append_header(list, "Auto-Submitted", "auto-generated", LINE_MAX_BYTES);
	if (c->urgent)
		append_header(list, "Importance", "high", LINE_MAX_BYTES);
	format = crlf_format();
	text = g_mime_header_list_to_string(list, format);
	g_mime_format_options_free(format);
	buf_puts(ret, text);
	g_free(text);
	return ST_OK;
}

static bool
has_marker(const struct compose *c)
{
	return c->thread != NULL && *c->thread != '\0';
}

/* Everything we wrote follows the marker, so that in a reply everything from it on is quotation. Only the legacy
 * display line (RFC 9788 5.2.2) must come before it: a client that knows it takes it away. */
static void
plain_text(const struct compose *c, struct buf *ret)
{
	AUTO_BUF text = BUF_INIT;

	if (c->subject != NULL && *c->subject != '\0') {
		buf_puts(&text, "Subject: ");
		text_clean_line(slice_of(c->subject), LINE_MAX_BYTES, &text);
		buf_puts(&text, "\n\n");
	}
	if (has_marker(c))
		buf_printf(&text, "%s [%s] --\n\n", REPLY_MARKER, c->thread);
	if (c->block != NULL && *c->block != '\0')
		buf_printf(&text, "%s\n\n", c->block);
	if (c->content != NULL && c->content->text != NULL)
		buf_puts(&text, c->content->text);
	if (c->footer != NULL && *c->footer != '\0')
		buf_printf(&text, "\n\n-- \n%s\n", c->footer);
	else
		buf_putc(&text, '\n');
	text_normalise(buf_slice(&text), ret);
}

/* Text as HTML; its lines and blanks stay, also where a reader does not know "white-space". */
static void
put_html(struct buf *b, const char *text)
{
	AUTO_BUF clean = BUF_INIT;

	text_normalise(slice_of(text), &clean);
	for (size_t i = 0; i < clean.n; i++) {
		switch (clean.p[i]) {
		case '<':
			buf_puts(b, "&lt;");
			break;
		case '>':
			buf_puts(b, "&gt;");
			break;
		case '&':
			buf_puts(b, "&amp;");
			break;
		case '"':
			buf_puts(b, "&quot;");
			break;
		case '\n':
			buf_puts(b, "<br>\n");
			break;
		case '\t':
			buf_puts(b, "&nbsp;&nbsp;&nbsp; ");
			break;
		case ' ':
			buf_puts(b, i == 0 || clean.p[i - 1] == ' ' || clean.p[i - 1] == '\n' ? "&nbsp;" : " ");
			break;
		default:
			buf_putc(b, clean.p[i]);
		}
	}
}

static void
html_text(const struct compose *c, struct buf *b)
{
	buf_puts(b, "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n</head>\n"
		    "<body style=\"font-family: sans-serif; font-size: 1em; line-height: 1.4\">\n");
	if (c->subject != NULL && *c->subject != '\0') {
		AUTO_BUF line = BUF_INIT;

		text_clean_line(slice_of(c->subject), LINE_MAX_BYTES, &line);
		buf_puts(b,
		    "<div class=\"header-protection-legacy-display\"><pre style=\"white-space: pre-wrap\">Subject: ");
		put_html(b, buf_str(&line));
		buf_puts(b, "</pre></div>\n");
	}
	if (has_marker(c))
		buf_printf(b, "<p style=\"color: #666\">%s [%s] --</p>\n", REPLY_MARKER, c->thread);
	if (c->block != NULL && *c->block != '\0') {
		buf_puts(b, "<p style=\"border-left: 4px solid #999; padding-left: 8px\">");
		put_html(b, c->block);
		buf_puts(b, "</p>\n");
	}
	if (c->content != NULL && c->content->text != NULL) {
		buf_puts(b, "<p>");
		put_html(b, c->content->text);
		buf_puts(b, "</p>\n");
	}
	if (c->footer != NULL && *c->footer != '\0') {
		buf_puts(b, "<hr>\n<p style=\"color: #666\">");
		put_html(b, c->footer);
		buf_puts(b, "</p>\n");
	}
	buf_puts(b, "</body></html>\n");
}

/* A leaf whose body is already encoded: GMime copies it as it is. */
static GMimeObject *
leaf(const char *type, const char *subtype, GMimeContentEncoding encoding, const struct buf *encoded)
{
	GMimePart *part = g_mime_part_new_with_type(type, subtype);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(buf_str(encoded), encoded->n);
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, encoding);

	g_object_unref(stream);
	g_mime_part_set_content(part, content);
	g_object_unref(content);
	g_mime_part_set_content_encoding(part, encoding);
	return GMIME_OBJECT(part);
}

static GMimeObject *
text_leaf(const char *subtype, const struct buf *text, bool legacy)
{
	AUTO_BUF encoded = BUF_INIT;
	GMimeObject *part;

	quoted_printable_put(buf_slice(text), &encoded);
	part = leaf("text", subtype, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, &encoded);
	g_mime_object_set_content_type_parameter(part, "charset", "utf-8");
	if (legacy)
		g_mime_object_set_content_type_parameter(part, "hp-legacy-display", "1");
	return part;
}

static GMimeObject *
attachment_leaf(const struct attachment *a)
{
	AUTO_BUF encoded = BUF_INIT;
	const char *slash = strchr(a->type, '/');
	AUTO_STR type = NULL;
	GMimeObject *part;

	base64_put(buf_slice(&a->data), 76, &encoded);
	if (encoded.n > 0)
		buf_puts(&encoded, "\r\n");
	/* A composite type may not be base64 (RFC 2046 5.2), and nothing of ours is to be taken for structure. */
	if (slash == NULL || strncasecmp(a->type, "message/", 8) == 0 || strncasecmp(a->type, "multipart/", 10) == 0) {
		part = leaf("application", "octet-stream", GMIME_CONTENT_ENCODING_BASE64, &encoded);
	} else {
		type = xstrndup(a->type, (size_t)(slash - a->type));
		part = leaf(type, slash + 1, GMIME_CONTENT_ENCODING_BASE64, &encoded);
	}
	g_mime_object_set_disposition(part, GMIME_DISPOSITION_ATTACHMENT);
	g_mime_part_set_filename(GMIME_PART(part), a->name);
	return part;
}

static GMimeObject *
multipart(const char *subtype)
{
	GMimeMultipart *m = g_mime_multipart_new_with_subtype(subtype);
	char random[21], boundary[40];

	random_ref(random, sizeof random - 1);
	/* "=_" stands in neither quoted-printable nor base64. */
	snprintf(boundary, sizeof boundary, "=_%s", random);
	g_mime_multipart_set_boundary(m, boundary);
	return GMIME_OBJECT(m);
}

static void
take_into(GMimeObject *m, GMimeObject *part)
{
	g_mime_multipart_add(GMIME_MULTIPART(m), part);
	g_object_unref(part);
}

static GMimeObject *
build(const struct compose *c)
{
	bool legacy = c->subject != NULL && *c->subject != '\0';
	GMimeObject *both = multipart("alternative"), *mixed;
	AUTO_BUF text = BUF_INIT;
	AUTO_BUF html = BUF_INIT;

	plain_text(c, &text);
	html_text(c, &html);
	take_into(both, text_leaf("plain", &text, legacy));
	take_into(both, text_leaf("html", &html, legacy));
	if (c->content == NULL || c->content->natt == 0)
		return both;
	mixed = multipart("mixed");
	take_into(mixed, both);
	for (size_t i = 0; i < c->content->natt; i++)
		take_into(mixed, attachment_leaf(&c->content->att[i]));
	return mixed;
}

enum status
compose_inner(const struct compose *c, struct buf *ret, struct err *err)
{
	AUTO_GMIME(GMimeObject) root = NULL;
	AUTO_GMIME(GMimeStream) out = NULL;
	GMimeFormatOptions *format;
	GByteArray *bytes;

	TRY(check(c, err));
	gmime_ready();
	root = build(c);
	g_mime_object_set_content_type_parameter(root, "hp", "cipher");
	append_fields(c, true, g_mime_object_get_header_list(root));
	out = g_mime_stream_mem_new();
	format = crlf_format();
	if (g_mime_object_write_to_stream(root, format, out) < 0) {
		g_mime_format_options_free(format);
		return err_set(err, ST_LOCAL, "compose.write", "a mail could not be written to memory");
	}
	g_mime_format_options_free(format);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out));
	buf_append(ret, bytes->data, bytes->len);
	explicit_bzero(bytes->data, bytes->len);
	return ST_OK;
}
