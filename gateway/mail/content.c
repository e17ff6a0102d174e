#include "mail/content.h"

#include "mail/entity.h"
#include "mail/entity_in.h"
#include "mail/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Every body is base64, in which "=_" does not occur: the same content always has the same form. */
#define BOUNDARY "=_portico-content"
#define TYPE_MAX 100
#define SUBJECT_MAX 998
#define WORD_BYTES 45 /* of UTF-8 in one encoded word: 60 of its 75 characters (RFC 2047 2) */

static char *
normal_text(const char *s)
{
	struct buf b = BUF_INIT;

	text_normalise(slice_of(s), &b);
	return buf_take(&b);
}

/* One line; a subject or a name ends up in header fields. */
static char *
normal_line(const char *s)
{
	struct buf b = BUF_INIT;

	text_clean_line(slice_of(s), SUBJECT_MAX, &b);
	return buf_take(&b);
}

static char *
normal_type(const char *s)
{
	static const char more[] = "!#$&^_.+-";
	char *t = xstrdup(s != NULL ? s : "");
	size_t slashes = 0, n = strlen(t);
	bool good = n > 2 && n <= TYPE_MAX && t[0] != '/' && t[n - 1] != '/';

	for (size_t i = 0; i < n; i++) {
		if (t[i] >= 'A' && t[i] <= 'Z')
			t[i] = (char)(t[i] + 32);
		slashes += t[i] == '/';
		good &= (t[i] >= 'a' && t[i] <= 'z') || (t[i] >= '0' && t[i] <= '9') || t[i] == '/' ||
			strchr(more, t[i]) != NULL;
	}
	if (good && slashes == 1 && strncmp(t, "multipart/", 10) != 0)
		return t;
	free(t);
	return xstrdup("application/octet-stream");
}

struct content *
content_new(const char *subject, const char *text)
{
	struct content *c = xcalloc(1, sizeof *c);

	c->subject = normal_line(subject);
	c->text = normal_text(text);
	return c;
}

void
content_add(struct content *c, const char *name, const char *type, const void *p, size_t n)
{
	struct buf safe = BUF_INIT;
	struct attachment *a;

	c->att = xreallocarray(c->att, c->natt + 1, sizeof *c->att);
	a = &c->att[c->natt++];
	text_file_name(slice_of(name), &safe);
	*a = (struct attachment){ .name = buf_take(&safe), .type = normal_type(type), .data = BUF_INIT };
	buf_append(&a->data, p, n);
}

static void
free_text(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
content_free(struct content *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->natt; i++) {
		free_text(c->att[i].name);
		free_text(c->att[i].type);
		buf_wipe(&c->att[i].data);
	}
	free(c->att);
	free_text(c->subject);
	free_text(c->text);
	free_text(c->language);
	free(c);
}

/* Encoded words, base64, a whole number of characters in each, so that what is read is byte for byte what was
 * written: folding plain words would not keep two blanks apart. */
static void
put_words(struct buf *b, const char *s)
{
	for (const char *sep = " "; *s != '\0'; sep = "\r\n ") {
		size_t n = strlen(s);

		if (n > WORD_BYTES)
			for (n = WORD_BYTES; n > 1 && ((unsigned char)s[n] & 0xC0) == 0x80;)
				n--;
		buf_printf(b, "%s=?UTF-8?B?", sep);
		base64_put((struct slice){ s, n }, 0, b);
		buf_puts(b, "?=");
		s += n;
	}
}

static void
put_percent(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-')
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

/* RFC 5646 letters, digits and hyphens; "" for anything else. */
static const char *
safe_language(const char *s)
{
	if (s == NULL || strlen(s) > 35 ||
	    s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return "";
	return s;
}

static void
put_body(struct buf *b, struct slice body)
{
	buf_puts(b, "Content-Transfer-Encoding: base64\r\n\r\n");
	base64_put(body, 76, b);
}

void
content_encode(const struct content *c, struct buf *ret)
{
	buf_puts(ret, "MIME-Version: 1.0\r\nSubject:");
	put_words(ret, c->subject != NULL ? c->subject : "");
	buf_puts(ret, "\r\n");
	if (*safe_language(c->language) != '\0')
		buf_printf(ret, "Content-Language: %s\r\n", c->language);
	if (c->natt > 0)
		buf_puts(ret, "Content-Type: multipart/mixed; boundary=\"" BOUNDARY "\"\r\n\r\n--" BOUNDARY "\r\n");
	buf_puts(ret, "Content-Type: text/plain; charset=utf-8\r\n");
	put_body(ret, slice_of(c->text));
	for (size_t i = 0; i < c->natt; i++) {
		const struct attachment *a = &c->att[i];

		buf_printf(ret, "\r\n--" BOUNDARY "\r\nContent-Type: %s\r\n", a->type);
		buf_printf(
		    ret, "Content-Disposition: %s;\r\n filename*=UTF-8''", a->inline_image ? "inline" : "attachment");
		put_percent(ret, a->name);
		buf_puts(ret, "\r\n");
		put_body(ret, buf_slice(&a->data));
	}
	if (c->natt > 0)
		buf_puts(ret, "\r\n--" BOUNDARY "--\r\n");
}

static bool
get_words(const char *s, struct buf *ret)
{
	while (*s != '\0') {
		const char *end = strncmp(s, "=?UTF-8?B?", 10) == 0 ? strstr(s + 10, "?=") : NULL;

		if (end == NULL || !base64_get((struct slice){ s + 10, (size_t)(end - s) - 10 }, ret))
			return false;
		for (s = end + 2; *s == ' ' || *s == '\t';)
			s++;
	}
	return true;
}

static enum status
decode_attachment(struct slice raw, const struct limits_conf *lim, struct arena *a, struct content *c, struct err *err)
{
	AUTO_BUF data = BUF_INIT;
	struct mime_type disposition;
	const char *type, *how;
	struct entity e;

	TRY(entity_scan(raw, lim, a, &e, err));
	type = entity_get(&e, "Content-Type", a);
	how = entity_get(&e, "Content-Disposition", a);
	if (type == NULL || how == NULL)
		return err_set(err, ST_MSG_REFUSED, "content.form", "stored attachment without its fields");
	/* A disposition has the grammar of a type without "/". */
	mime_type_parse(arena_printf(a, "x/%s", how), a, &disposition);
	TRY(mime_decode(&e, &data, err));
	content_add(c, mime_param(&disposition, "filename"), type, buf_str(&data), data.n);
	c->att[c->natt - 1].inline_image = strcmp(disposition.subtype, "inline") == 0;
	return ST_OK;
}

enum status
content_decode(struct slice form, const struct limits_conf *lim, struct content **ret, struct err *err)
{
	AUTO(content) c = NULL;
	AUTO(arena) a = arena_new();
	AUTO_BUF subject = BUF_INIT;
	AUTO_BUF text = BUF_INIT;
	/* base64 makes the form larger than the message was; the limit is for messages. */
	struct limits_conf twice = *lim;
	struct slice whole, *parts = &whole;
	struct mime_type type;
	struct entity e, first;
	size_t n = 1;

	twice.message_bytes *= 2;
	TRY(entity_scan(form, &twice, a, &e, err));
	mime_type_parse(entity_get(&e, "Content-Type", a), a, &type);
	whole = e.raw;
	if (mime_type_is(&type, "multipart", "mixed"))
		TRY(mime_split(&e, &type, a, &parts, &n, err));
	if (n > (size_t)lim->mime_parts)
		return err_set(err, ST_MSG_REFUSED, "limit.mime-parts", "more parts than the limit");
	TRY(entity_scan(parts[0], &twice, a, &first, err));
	if (entity_get(&e, "Subject", a) == NULL || !get_words(entity_get(&e, "Subject", a), &subject))
		return err_set(err, ST_MSG_REFUSED, "content.form", "stored subject cannot be read");
	if (entity_get(&first, "Content-Transfer-Encoding", a) == NULL)
		return err_set(err, ST_MSG_REFUSED, "content.form", "stored text is missing");
	TRY(mime_decode(&first, &text, err));
	if (memchr(buf_str(&text), '\0', text.n) != NULL)
		return err_set(err, ST_MSG_REFUSED, "content.form", "stored text cannot be read");
	c = content_new(buf_str(&subject), buf_str(&text));
	if (entity_get(&e, "Content-Language", a) != NULL)
		c->language = xstrdup(safe_language(entity_get(&e, "Content-Language", a)));
	for (size_t i = 1; i < n; i++)
		TRY(decode_attachment(parts[i], &twice, a, c, err));
	*ret = TAKE(c);
	return ST_OK;
}
