#include "mail/html.h"

#include "mail/html_entities.h"
#include "mail/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 15
#define QUOTE_MAX 5 /* levels that are shown */
#define LIST_MAX 8
#define LINES_MAX 3 /* line ends in a row */
#define HREF_MAX_BYTES 2000

enum kind {
	K_OTHER,
	K_BLOCK,
	K_PARA,
	K_BR,
	K_HR,
	K_ITEM,
	K_ORDERED,
	K_UNORDERED,
	K_QUOTE,
	K_PRE,
	K_LINK,
	K_IMAGE,
	K_CELL,
	K_DROP
};

/* Sorted, for bsearch. K_DROP: no tags inside, only the end tag ends it, and nothing of it is shown. */
static const struct element {
	char name[NAME_MAX_BYTES + 1];
	enum kind kind;
} elements[] = {
	{ "a", K_LINK },
	{ "address", K_BLOCK },
	{ "article", K_BLOCK },
	{ "blockquote", K_QUOTE },
	{ "body", K_BLOCK },
	{ "br", K_BR },
	{ "center", K_BLOCK },
	{ "dd", K_BLOCK },
	{ "div", K_BLOCK },
	{ "dl", K_PARA },
	{ "dt", K_BLOCK },
	{ "fieldset", K_BLOCK },
	{ "footer", K_BLOCK },
	{ "form", K_BLOCK },
	{ "h1", K_PARA },
	{ "h2", K_PARA },
	{ "h3", K_PARA },
	{ "h4", K_PARA },
	{ "h5", K_PARA },
	{ "h6", K_PARA },
	{ "header", K_BLOCK },
	{ "hr", K_HR },
	{ "iframe", K_DROP },
	{ "img", K_IMAGE },
	{ "li", K_ITEM },
	{ "main", K_BLOCK },
	{ "noembed", K_DROP },
	{ "noframes", K_DROP },
	{ "ol", K_ORDERED },
	{ "option", K_BLOCK },
	{ "p", K_PARA },
	{ "pre", K_PRE },
	{ "script", K_DROP },
	{ "section", K_BLOCK },
	{ "style", K_DROP },
	{ "table", K_PARA },
	{ "td", K_CELL },
	{ "th", K_CELL },
	{ "title", K_DROP },
	{ "tr", K_BLOCK },
	{ "ul", K_UNORDERED },
};

struct writer {
	struct buf *out;
	size_t origin;	/* where our text begins in out */
	unsigned lines; /* line ends to write before the next character */
	bool blank;	/* a blank to write before it */
	bool pre;
	bool cell; /* something stands in this table row already */
	unsigned quotes, lists;
	int item[LIST_MAX]; /* next number, 0: bullets */
	char *href;
	size_t link_at;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
want_lines(struct writer *w, unsigned n)
{
	if (w->lines < n)
		w->lines = n;
	w->blank = false;
	w->cell = false;
}

static void
put_quotes(struct writer *w)
{
	unsigned n = w->quotes < QUOTE_MAX ? w->quotes : QUOTE_MAX;

	for (unsigned i = 0; i < n; i++)
		buf_putc(w->out, '>');
}

/* Writes what is due before the next visible character. */
static void
settle(struct writer *w)
{
	bool start = w->out->n == w->origin;

	if (w->lines > 0 || start) {
		for (unsigned i = 0; !start && i < w->lines; i++) {
			buf_putc(w->out, '\n');
			if (i + 1 < w->lines)
				put_quotes(w);
		}
		put_quotes(w);
		if (w->quotes > 0)
			buf_putc(w->out, ' ');
	} else if (w->blank) {
		buf_putc(w->out, ' ');
	}
	w->lines = 0;
	w->blank = false;
}

static void
put_char(struct writer *w, uint32_t c)
{
	if (w->pre && c == '\n') {
		if (w->lines < LINES_MAX)
			w->lines++;
		return;
	}
	if (!w->pre && c < 0x80 && is_space((char)c)) {
		w->blank = true;
		return;
	}
	settle(w);
	utf8_put(w->out, c == 0xA0 ? ' ' : c);
}

static void
put_text(struct writer *w, const char *s)
{
	settle(w);
	buf_puts(w->out, s);
}

struct tag {
	char name[NAME_MAX_BYTES + 1];
	bool end;
	struct slice href, alt, start, value; /* of the attributes that matter; p NULL: not there */
};

static struct slice *
attribute_of(struct tag *t, struct slice name)
{
	return slice_caseeq(name, "href")    ? &t->href
	       : slice_caseeq(name, "alt")   ? &t->alt
	       : slice_caseeq(name, "start") ? &t->start
	       : slice_caseeq(name, "value") ? &t->value
					     : NULL;
}

/* s.p is at "<" and a tag begins there. Returns the bytes up to and with its ">"; the rest when there is none. */
static size_t
read_tag(struct slice s, struct tag *t)
{
	size_t i = 1, n = 0;

	*t = (struct tag){ .end = s.p[i] == '/' };
	i += t->end;
	for (; i < s.n && !is_space(s.p[i]) && s.p[i] != '/' && s.p[i] != '>'; i++) {
		/* A name that is too long is no name we know. */
		if (n < NAME_MAX_BYTES)
			t->name[n] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
		else
			t->name[0] = '?';
		n++;
	}
	while (i < s.n && s.p[i] != '>') {
		struct slice name = { s.p + i, 0 }, value = { NULL, 0 }, *where;

		if (is_space(s.p[i]) || s.p[i] == '/') {
			i++;
			continue;
		}
		do
			i++;
		while (i < s.n && !is_space(s.p[i]) && strchr("/>=", s.p[i]) == NULL);
		name.n = (size_t)(s.p + i - name.p);
		while (i < s.n && is_space(s.p[i]))
			i++;
		if (i < s.n && s.p[i] == '=') {
			for (i++; i < s.n && is_space(s.p[i]);)
				i++;
			value.p = s.p + i;
			if (i < s.n && (s.p[i] == '"' || s.p[i] == '\'')) {
				const char *close = memchr(s.p + i + 1, s.p[i], s.n - i - 1);

				value.p++;
				value.n = (size_t)((close != NULL ? close : s.p + s.n) - value.p);
				i = close != NULL ? (size_t)(close - s.p) + 1 : s.n;
			} else {
				while (i < s.n && !is_space(s.p[i]) && s.p[i] != '>')
					i++;
				value.n = (size_t)(s.p + i - value.p);
			}
		}
		where = attribute_of(t, name);
		if (where != NULL && where->p == NULL && value.p != NULL)
			*where = value;
	}
	return i < s.n ? i + 1 : s.n;
}

static void
attribute_text(struct slice v, size_t max, struct buf *ret)
{
	AUTO_BUF raw = BUF_INIT;
	uint32_t c;

	for (size_t i = 0; i < v.n && raw.n < 4 * max;) {
		size_t used = v.p[i] == '&' ? entity_reference((struct slice){ v.p + i, v.n - i }, &c) : 0;

		if (used > 0 && c != 0)
			utf8_put(&raw, c);
		else
			buf_append(&raw, v.p + i, used = 1);
		i += used;
	}
	text_clean_line(buf_slice(&raw), max, ret);
}

static void
link_end(struct writer *w)
{
	static const char *const shown[] = { "http://", "https://", "mailto:", "tel:" };
	const char *href = w->href;
	struct slice text;

	if (href == NULL)
		return;
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		if (strncasecmp(href, shown[i], strlen(shown[i])) != 0)
			continue;
		if (i >= 2)
			href += strlen(shown[i]);
		text = slice_trim((struct slice){ buf_str(w->out) + w->link_at, w->out->n - w->link_at });
		/* An image or nothing: there is nothing to hang the address on. */
		if (text.n > 0 && !slice_caseeq(text, href) && !slice_caseeq(text, w->href)) {
			buf_puts(w->out, " (");
			buf_puts(w->out, href);
			buf_putc(w->out, ')');
		}
		break;
	}
	free(w->href);
	w->href = NULL;
}

static void
link_start(struct writer *w, const struct tag *t)
{
	struct buf href = BUF_INIT;

	link_end(w);
	if (t->href.p == NULL)
		return;
	attribute_text(t->href, HREF_MAX_BYTES, &href);
	w->href = buf_take(&href);
	w->link_at = w->out->n;
}

static int
small_number(struct slice s, int otherwise)
{
	int v = 0;

	s = slice_trim(s);
	if (s.n == 0 || s.n > 6)
		return otherwise;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return otherwise;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

static void
item(struct writer *w, const struct tag *t)
{
	int *number = w->lists > 0 && w->lists <= LIST_MAX ? &w->item[w->lists - 1] : NULL;
	char mark[16] = "- ";

	want_lines(w, 1);
	if (t->end)
		return;
	if (number != NULL && *number > 0) {
		*number = small_number(t->value, *number);
		snprintf(mark, sizeof mark, "%d. ", *number);
		++*number;
	}
	settle(w);
	for (unsigned i = 1; i < w->lists && i < LIST_MAX; i++)
		buf_puts(w->out, "  ");
	put_text(w, mark);
}

static void
list(struct writer *w, const struct tag *t, int first)
{
	if (t->end)
		w->lists -= w->lists > 0;
	want_lines(w, w->lists == 0 ? 2 : 1);
	if (t->end)
		return;
	if (w->lists < LIST_MAX)
		w->item[w->lists] = first;
	w->lists++;
}

static void
image(struct writer *w, const struct tag *t)
{
	AUTO_BUF alt = BUF_INIT;

	attribute_text(t->alt.p != NULL ? t->alt : (struct slice){ "", 0 }, 200, &alt);
	if (alt.n == 0)
		return;
	put_text(w, "[");
	buf_append(w->out, alt.p, alt.n);
	buf_putc(w->out, ']');
}

static int
by_name(const void *key, const void *e)
{
	return strcmp(key, ((const struct element *)e)->name);
}

static void
element(struct writer *w, const struct tag *t, enum kind kind)
{
	switch (kind) {
	case K_BLOCK:
		want_lines(w, 1);
		break;
	case K_PARA:
		want_lines(w, 2);
		break;
	case K_BR:
		w->lines += w->lines < LINES_MAX;
		w->blank = false;
		break;
	case K_HR:
		want_lines(w, 1);
		put_text(w, "----------");
		want_lines(w, 1);
		break;
	case K_ITEM:
		item(w, t);
		break;
	case K_ORDERED:
		list(w, t, small_number(t->start.p != NULL ? t->start : (struct slice){ "", 0 }, 1));
		break;
	case K_UNORDERED:
		list(w, t, 0);
		break;
	case K_QUOTE:
		want_lines(w, 1);
		if (!t->end)
			w->quotes++;
		else
			w->quotes -= w->quotes > 0;
		break;
	case K_PRE:
		want_lines(w, 1);
		w->pre = !t->end;
		break;
	case K_LINK:
		if (t->end)
			link_end(w);
		else
			link_start(w, t);
		break;
	case K_IMAGE:
		image(w, t);
		break;
	case K_CELL:
		if (!t->end && w->cell)
			put_text(w, "\t");
		w->cell = true;
		break;
	case K_DROP:
	case K_OTHER:
		break;
	}
}

/* Past the end tag of an element whose inside is not HTML; the end of the text when there is none. */
static size_t
skip_raw(struct slice s, size_t at, const char *name)
{
	size_t n = strlen(name);

	while (at < s.n) {
		const char *lt = memchr(s.p + at, '<', s.n - at);

		if (lt == NULL)
			return s.n;
		at = (size_t)(lt - s.p) + 1;
		if (s.n - at > n && s.p[at] == '/' && strncasecmp(s.p + at + 1, name, n) == 0) {
			const char *gt = memchr(s.p + at, '>', s.n - at);

			return gt != NULL ? (size_t)(gt - s.p) + 1 : s.n;
		}
	}
	return s.n;
}

static size_t
skip_comment(struct slice s, size_t at)
{
	const char *end;

	if (s.n - at >= 4 && memcmp(s.p + at, "<!--", 4) == 0) {
		/* "<!-->" and "<!--->" are whole comments. */
		end = memmem(s.p + at + 2, s.n - at - 2, "-->", 3);
		return end != NULL ? (size_t)(end - s.p) + 3 : s.n;
	}
	end = memchr(s.p + at, '>', s.n - at);
	return end != NULL ? (size_t)(end - s.p) + 1 : s.n;
}

void
html_to_text(struct slice s, struct buf *ret)
{
	struct writer w = { .out = ret, .origin = ret->n };
	size_t at = 0;

	while (at < s.n) {
		char next = at + 1 < s.n ? s.p[at + 1] : '\0', then = at + 2 < s.n ? s.p[at + 2] : '\0';
		const struct element *e;
		struct tag tag;
		uint32_t c = 0;
		size_t used;

		if (s.p[at] == '<' && (next == '!' || next == '?' || (next == '/' && !is_letter(then)))) {
			at = skip_comment(s, at);
			continue;
		}
		if (s.p[at] == '<' && (is_letter(next) || next == '/')) {
			at += read_tag((struct slice){ s.p + at, s.n - at }, &tag);
			e = bsearch(tag.name, elements, sizeof elements / sizeof *elements, sizeof *elements, by_name);
			if (e != NULL)
				element(&w, &tag, e->kind);
			if (e != NULL && e->kind == K_DROP && !tag.end)
				at = skip_raw(s, at, e->name);
			continue;
		}
		used = s.p[at] == '&' ? entity_reference((struct slice){ s.p + at, s.n - at }, &c) : 0;
		if (c == 0) {
			used = utf8_get(s.p + at, s.n - at, &c);
			put_char(&w, c);
		} else if (c < 0x80 && is_space((char)c)) {
			put_char(&w, ' ');
		} else {
			put_char(&w, c);
		}
		at += used;
	}
	link_end(&w);
}
