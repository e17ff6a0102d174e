#include "mail/content.h"

#include "mail/entity.h"
#include "mail/flowed.h"
#include "mail/gmime.h"
#include "mail/html.h"
#include "mail/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SUBJECT_MAX 998

/* What one branch of the tree says. */
struct branch {
	struct buf plain, html; /* html already as text */
	bool has_plain, has_html;
};

struct reader {
	const struct limits_conf *lim;
	struct arena *a;
	struct content *content;
	bool legacy_display; /* the mail carries its protected fields once more in its text (RFC 9788) */
};

/* Where a part stands: an image in related belongs to a text, a part of a digest is a message unless it says otherwise.
 */
enum place { PLACE_PLAIN, PLACE_RELATED, PLACE_DIGEST };

static void
branch_wipe(struct branch *b)
{
	buf_wipe(&b->plain);
	buf_wipe(&b->html);
}
#define AUTO_BRANCH __attribute__((cleanup(branch_wipe))) struct branch

static void
add_text(struct buf *to, bool *has, struct slice text)
{
	if (*has && to->n > 0 && to->p[to->n - 1] != '\n')
		buf_putc(to, '\n');
	if (*has && text.n > 0)
		buf_putc(to, '\n');
	buf_append(to, text.p, text.n);
	*has = true;
}

/* The lines "Name: value" at the head of the text, which a client that knows them does not show: only when they are
 * header fields and nothing else. */
static struct slice
skip_legacy_display(struct slice s)
{
	struct slice rest = s;

	while (rest.n > 0) {
		const char *lf = memchr(rest.p, '\n', rest.n);
		struct slice line = { rest.p, lf != NULL ? (size_t)(lf - rest.p) : rest.n };
		size_t name = 0;

		rest.p += line.n + (lf != NULL);
		rest.n -= line.n + (lf != NULL);
		if (line.n == 0)
			return rest;
		while (name < line.n && line.p[name] > ' ' && line.p[name] <= '~' && line.p[name] != ':')
			name++;
		if (name == 0 || name + 1 >= line.n || line.p[name] != ':' || line.p[name + 1] != ' ')
			return s;
	}
	return s;
}

static enum status
read_text(struct reader *r, const struct entity *e, GMimeObject *object, bool html, struct branch *ret, struct err *err)
{
	const char *charset = g_mime_object_get_content_type_parameter(object, "charset");
	const char *format = g_mime_object_get_content_type_parameter(object, "format");
	const char *delsp = g_mime_object_get_content_type_parameter(object, "delsp");
	AUTO_BUF bytes = BUF_INIT;
	AUTO_BUF utf8 = BUF_INIT;
	AUTO_BUF shown = BUF_INIT;
	AUTO_BUF clean = BUF_INIT;
	struct slice text;

	TRY(mime_decode(e, &bytes, err));
	if (!text_to_utf8(charset, buf_slice(&bytes), &utf8))
		return err_set(err, ST_MSG_REFUSED, "mime.charset", "text in a charset that is not known");
	if (html) {
		html_to_text(buf_slice(&utf8), &shown);
		text_clean(buf_slice(&shown), &clean);
		add_text(&ret->html, &ret->has_html, buf_slice(&clean));
		return ST_OK;
	}
	text_clean(buf_slice(&utf8), &clean);
	if (format != NULL && strcasecmp(format, "flowed") == 0)
		flowed_join(buf_slice(&clean), delsp != NULL && strcasecmp(delsp, "yes") == 0, &shown);
	else
		buf_append(&shown, buf_str(&clean), clean.n);
	text = buf_slice(&shown);
	if (r->legacy_display && g_mime_object_get_content_type_parameter(object, "hp-legacy-display") != NULL)
		text = skip_legacy_display(text);
	add_text(&ret->plain, &ret->has_plain, text);
	return ST_OK;
}

static const char *
file_name(GMimeObject *object)
{
	const char *name = GMIME_IS_PART(object) ? g_mime_part_get_filename(GMIME_PART(object)) : NULL;

	if (name == NULL)
		name = g_mime_object_get_content_disposition_parameter(object, "filename");
	return name;
}

static enum status
read_attachment(
    struct reader *r, const struct entity *e, GMimeObject *object, const char *type, enum place place, struct err *err)
{
	const char *disposition = g_mime_object_get_disposition(object), *name = file_name(object);
	AUTO_BUF data = BUF_INIT;
	struct attachment *a;

	/* An attached message is taken as it stands; a transfer encoding on it is not allowed and would hide it. */
	if (strncmp(type, "message/", 8) == 0)
		buf_append(&data, e->body.p, e->body.n);
	else
		TRY(mime_decode(e, &data, err));
	if (name == NULL && strcmp(type, "message/rfc822") == 0)
		name = "message.eml";
	content_add(r->content, name, type, buf_str(&data), data.n);
	a = &r->content->att[r->content->natt - 1];
	a->inline_image = strncmp(a->type, "image/", 6) == 0 &&
			  (place == PLACE_RELATED || (disposition != NULL && strcasecmp(disposition, "inline") == 0));
	return ST_OK;
}

/* What we neither read nor pass on: parts that are elsewhere, and Outlook's own box that hides its contents. */
static enum status
refuse_opaque(GMimeObject *object, const char *type, struct err *err)
{
	const char *name = file_name(object);

	if (strcmp(type, "message/partial") == 0)
		return err_set(err, ST_MSG_REFUSED, "mime.partial", "a piece of a message");
	if (strcmp(type, "message/external-body") == 0)
		return err_set(err, ST_MSG_REFUSED, "mime.external-body", "a part that is somewhere else");
	if (strcmp(type, "application/ms-tnef") == 0 || strcmp(type, "application/vnd.ms-tnef") == 0 ||
	    (name != NULL && strcasecmp(name, "winmail.dat") == 0))
		return err_set(err, ST_MSG_REFUSED, "mime.tnef", "winmail.dat: rich text only Outlook can read");
	return ST_OK;
}

static enum status
read_leaf(struct reader *r, const struct entity *e, GMimeObject *object, const char *type, enum place place,
    struct branch *ret, struct err *err)
{
	const char *disposition = g_mime_object_get_disposition(object);
	bool html = strcmp(type, "text/html") == 0;
	bool text = (html || strcmp(type, "text/plain") == 0) &&
		    (disposition == NULL || strcasecmp(disposition, "attachment") != 0);

	TRY(refuse_opaque(object, type, err));
	/* A text file that is shown in line is still a file when it has a name and follows the words. */
	if (text && file_name(object) != NULL && (ret->has_plain || ret->has_html || place == PLACE_RELATED))
		text = false;
	if (text)
		return read_text(r, e, object, html, ret, err);
	return read_attachment(r, e, object, type, place, err);
}

static bool
is_blank(const struct buf *b)
{
	return slice_trim(buf_slice(b)).n == 0;
}

/* The same said several ways: text/plain if it says anything. Attachments inside any of the ways are kept. */
static void
choose(const struct branch *way, struct branch *best)
{
	if (way->has_plain && (!best->has_plain || is_blank(&best->plain))) {
		best->has_plain = true;
		buf_clear(&best->plain);
		buf_append(&best->plain, buf_str(&way->plain), way->plain.n);
	}
	if (way->has_html && (!best->has_html || is_blank(&best->html))) {
		best->has_html = true;
		buf_clear(&best->html);
		buf_append(&best->html, buf_str(&way->html), way->html.n);
	}
}

/* One text of a branch: what is plain, else what was HTML. */
static struct slice
said(const struct branch *b)
{
	return b->has_html && (!b->has_plain || is_blank(&b->plain)) ? buf_slice(&b->html) : buf_slice(&b->plain);
}

static enum status walk(struct reader *, struct slice raw, GMimeObject *, enum place, struct branch *, struct err *);

static enum status
walk_multipart(struct reader *r, const struct entity *e, const struct mime_type *type, GMimeMultipart *m,
    struct branch *ret, struct err *err)
{
	bool alternative = strcmp(type->subtype, "alternative") == 0;
	enum place place = strcmp(type->subtype, "related") == 0  ? PLACE_RELATED
			   : strcmp(type->subtype, "digest") == 0 ? PLACE_DIGEST
								  : PLACE_PLAIN;
	AUTO_BRANCH best = { .has_plain = false };
	struct slice *parts;
	size_t n;

	TRY(mime_split(e, type, r->a, &parts, &n, err));
	/* Two readers, one tree: what they see differently is not passed on. */
	if (m == NULL || g_mime_multipart_get_count(m) < 0 || (size_t)g_mime_multipart_get_count(m) != n)
		return err_set(err, ST_MSG_REFUSED, "mime.ambiguous", "parts can be counted in two ways");
	for (size_t i = 0; i < n; i++) {
		AUTO_BRANCH way = { .has_plain = false };

		/* The first part of related is the text, the others belong to it. */
		TRY(walk(r, parts[i], g_mime_multipart_get_part(m, (int)i),
		    i > 0 || place == PLACE_DIGEST ? place : PLACE_PLAIN, alternative ? &way : ret, err));
		if (alternative)
			choose(&way, &best);
	}
	if (alternative && (best.has_plain || best.has_html))
		add_text(&ret->plain, &ret->has_plain, said(&best));
	return ST_OK;
}

static enum status
walk(struct reader *r, struct slice raw, GMimeObject *object, enum place place, struct branch *ret, struct err *err)
{
	GMimeContentType *seen = object != NULL ? g_mime_object_get_content_type(object) : NULL;
	const char *value, *gtype, *gsubtype, *type;
	struct mime_type t;
	struct entity e;

	TRY(entity_scan(raw, r->lim, r->a, &e, err));
	value = entity_get(&e, "Content-Type", r->a);
	mime_type_parse(value == NULL && place == PLACE_DIGEST ? "message/rfc822" : value, r->a, &t);
	gtype = seen != NULL ? g_mime_content_type_get_media_type(seen) : NULL;
	gsubtype = seen != NULL ? g_mime_content_type_get_media_subtype(seen) : NULL;
	if (gtype == NULL || gsubtype == NULL || strcasecmp(gtype, t.type) != 0 || strcasecmp(gsubtype, t.subtype) != 0)
		return err_set(err, ST_MSG_REFUSED, "mime.ambiguous", "a content type can be read in two ways");
	if (strcmp(t.type, "multipart") == 0)
		return walk_multipart(r, &e, &t, GMIME_IS_MULTIPART(object) ? GMIME_MULTIPART(object) : NULL, ret, err);
	type = arena_printf(r->a, "%s/%s", t.type, t.subtype);
	return read_leaf(r, &e, object, type, place, ret, err);
}

static GMimeObject *
parse(struct slice raw)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(raw.p, raw.n);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeObject *root = g_mime_parser_construct_part(parser, NULL);

	g_object_unref(parser);
	g_object_unref(stream);
	return root;
}

/* A branch that has both: what is plain first, then the words that were only said in HTML. */
static void
finish_text(const struct branch *b, struct content *c)
{
	AUTO_BUF both = BUF_INIT;
	bool has = b->has_plain && !is_blank(&b->plain);

	if (has)
		buf_append(&both, buf_str(&b->plain), b->plain.n);
	if (b->has_html && !is_blank(&b->html))
		add_text(&both, &has, buf_slice(&b->html));
	free(c->text);
	c->text = buf_take(&both);
}

static enum status
read_tree(struct reader *r, struct slice raw, GMimeObject *root, struct err *err)
{
	AUTO_BRANCH words = { .has_plain = false };
	const char *hp = g_mime_object_get_content_type_parameter(root, "hp");

	r->legacy_display = hp != NULL && strcasecmp(hp, "cipher") == 0;
	TRY(walk(r, raw, root, PLACE_PLAIN, &words, err));
	finish_text(&words, r->content);
	return ST_OK;
}

enum status
content_from_mime(struct slice raw, const struct limits_conf *lim, struct content **ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	AUTO(content) c = NULL;
	AUTO_BUF subject = BUF_INIT;
	struct reader r = { .lim = lim, .a = a };
	const char *value, *language;
	struct entity e;
	GMimeObject *root;
	enum status st;

	TRY(mime_prescan(raw, lim, err));
	TRY(entity_scan(raw, lim, a, &e, err));
	value = entity_get(&e, "Subject", a);
	if (value != NULL)
		gmime_header_text(value, SUBJECT_MAX, &subject);
	gmime_ready();
	c = content_new(buf_str(&subject), "");
	language = entity_get(&e, "Content-Language", a);
	if (language != NULL &&
	    strspn(language, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == strlen(language) &&
	    strlen(language) <= 35)
		c->language = xstrdup(language);
	/* For GMime a mail without a header is none. */
	root = parse(e.nfields > 0 ? raw : SLICE("Content-Type: text/plain\r\n\r\n"));
	if (root == NULL)
		return err_set(err, ST_MSG_REFUSED, "mime.ambiguous", "not a MIME entity");
	r.content = c;
	st = read_tree(&r, raw, root, err);
	g_object_unref(root);
	if (st == ST_OK)
		*ret = TAKE(c);
	return st;
}
