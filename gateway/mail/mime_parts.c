#include "mail/entity.h"
#include "mail/entity_in.h"

#include "base/own.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* All parts of a mail together may have this many times the fields one header may have: each costs a parser memory. */
#define ALL_HEADERS 10

enum status
bound_from_type(const struct mime_type *t, struct bound *ret, struct err *err)
{
	const char *s = mime_param(t, "boundary");
	size_t n = s != NULL ? strlen(s) : 0;

	if (t->broken)
		return err_set(err, ST_MSG_REFUSED, "mime.boundary", "content type of a multipart is ambiguous");
	if (n == 0 || n > BOUNDARY_MAX || s[n - 1] == ' ')
		return err_set(err, ST_MSG_REFUSED, "mime.boundary", "boundary missing or of the wrong length");
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\')
			return err_set(
			    err, ST_MSG_REFUSED, "mime.boundary", "boundary with a character it may not have");
	*ret = (struct bound){ .n = n };
	memcpy(ret->s, s, n);
	return ST_OK;
}

static bool
all_blank(struct slice s)
{
	return slice_trim(s).n == 0;
}

/* One pass over the lines of a multipart. With out NULL it only counts. */
static enum status
split(struct slice body, const struct bound *b, struct slice *out, size_t *ret, struct err *err)
{
	size_t at = 0, start = 0, n = 0;
	bool inside = false;

	while (at < body.n) {
		struct line l = line_at(body, at);
		enum bound_match m = bound_line(b, body.p + at, l.end - at);
		size_t end = at;

		at = l.next;
		if (m == BOUND_NO)
			continue;
		if (inside) {
			/* The line end before a boundary belongs to the boundary. */
			if (end > start && body.p[end - 1] == '\n')
				end -= end - start > 1 && body.p[end - 2] == '\r' ? 2 : 1;
			if (out != NULL)
				out[n] = (struct slice){ body.p + start, end - start };
			n++;
		}
		inside = m == BOUND_PART;
		start = l.next;
		if (inside)
			continue;
		if (n == 0)
			return err_set(err, ST_MSG_REFUSED, "mime.boundary", "multipart without a part");
		if (!all_blank((struct slice){ body.p + at, body.n - at }))
			return err_set(err, ST_MSG_REFUSED, "mime.boundary", "text after the end of a multipart");
		*ret = n;
		return ST_OK;
	}
	return err_set(
	    err, ST_MSG_REFUSED, "mime.boundary", inside ? "multipart is not closed" : "boundary does not occur");
}

enum status
mime_split(const struct entity *e, const struct mime_type *t, struct arena *a, struct slice **ret, size_t *nret,
    struct err *err)
{
	struct slice *parts;
	struct bound b;
	size_t n;

	TRY(bound_from_type(t, &b, err));
	TRY(split(e->body, &b, NULL, &n, err));
	parts = ARENA_ARRAY(a, n, struct slice);
	TRY(split(e->body, &b, parts, &n, err));
	*ret = parts;
	*nret = n;
	return ST_OK;
}

struct prescan {
	struct slice raw;
	const struct limits_conf *lim;
	struct bound *open;
	size_t nopen, max;
	size_t messages; /* how many of the open containers are message/rfc822 */
	size_t parts, headers;
};

/* Two open boundaries of which one could be read as the other make every reader see another tree. */
static bool
collides(const struct prescan *p, const struct bound *b)
{
	for (size_t i = 0; i < p->nopen; i++) {
		const struct bound *o = &p->open[i], *lo = o->n < b->n ? o : b, *hi = o->n < b->n ? b : o;

		if (lo->n == 0 || memcmp(lo->s, hi->s, lo->n) != 0)
			continue;
		if (hi->n == lo->n || (hi->n == lo->n + 2 && memcmp(hi->s + lo->n, "--", 2) == 0))
			return true;
	}
	return false;
}

/* Skips to the next part; false at the end of the mail. */
static bool
next_part(struct prescan *p, size_t *at)
{
	while (p->nopen > p->messages && *at < p->raw.n) {
		struct line l = line_at(p->raw, *at);
		const char *s = p->raw.p + *at;
		enum bound_match m = BOUND_NO;
		size_t i = l.end - *at >= 2 && s[0] == '-' && s[1] == '-' ? p->nopen : 0;

		*at = l.next;
		while (i > 0 && (m = bound_line(&p->open[i - 1], s, l.end - l.start)) == BOUND_NO)
			i--;
		if (m == BOUND_NO)
			continue;
		if (m == BOUND_END)
			i--;
		while (p->nopen > i)
			p->messages -= p->open[--p->nopen].n == 0;
		if (m == BOUND_PART)
			return true;
	}
	return false;
}

/* Inside an attached message nothing is interpreted, so its oddities are its own affair; limits always count. */
static enum status
open_container(struct prescan *p, const struct entity *e, struct arena *a, bool *descend, struct err *err)
{
	bool strict = p->messages == 0;
	const char *value = entity_get(e, "Content-Type", a);
	struct bound b = { .n = 0 };
	struct mime_type t;

	*descend = false;
	mime_type_parse(value, a, &t);
	if (strict && (entity_count(e, "Content-Type") > 1 || entity_count(e, "Content-Transfer-Encoding") > 1))
		return err_set(err, ST_MSG_REFUSED, "mime.ambiguous", "content type or encoding given twice");
	if (value == NULL && p->nopen > 0 && p->open[p->nopen - 1].digest)
		t = (struct mime_type){ .type = "message", .subtype = "rfc822" };
	if (strcmp(t.type, "multipart") == 0) {
		if (strict)
			TRY(bound_from_type(&t, &b, err));
		else if (bound_from_type(&t, &b, NULL) != ST_OK)
			return ST_OK;
		if (strict && collides(p, &b))
			return err_set(err, ST_MSG_REFUSED, "mime.boundary", "boundary of an enclosing multipart");
		b.digest = strcmp(t.subtype, "digest") == 0;
	} else if (mime_type_is(&t, "message", "rfc822") || mime_type_is(&t, "message", "global")) {
		*descend = true;
	} else {
		return ST_OK;
	}
	if (p->nopen == p->max)
		return err_set(err, ST_MSG_REFUSED, "limit.mime-depth", "parts nested deeper than the limit");
	p->open[p->nopen++] = b;
	p->messages += *descend;
	return ST_OK;
}

static enum status
prescan_run(struct prescan *p, struct err *err)
{
	size_t at = 0;
	bool descend;

	do {
		AUTO(arena) a = arena_new();
		struct entity e;

		if (p->parts++ == (size_t)p->lim->mime_parts)
			return err_set(err, ST_MSG_REFUSED, "limit.mime-parts", "more parts than the limit");
		TRY(entity_scan_within(
		    (struct slice){ p->raw.p + at, p->raw.n - at }, p->lim, p->open, p->nopen, a, &e, err));
		p->headers += e.nfields;
		if (p->headers > ALL_HEADERS * (size_t)p->lim->headers)
			return err_set(err, ST_MSG_REFUSED, "limit.headers", "more header fields than the limit");
		at = (size_t)(e.body.p - p->raw.p);
		TRY(open_container(p, &e, a, &descend, err));
	} while (descend || next_part(p, &at));
	return ST_OK;
}

enum status
mime_prescan(struct slice raw, const struct limits_conf *lim, struct err *err)
{
	struct prescan p = { .raw = raw.p != NULL ? raw : SLICE(""), .lim = lim, .max = (size_t)lim->mime_depth };
	enum status st;

	p.open = xcalloc(p.max + 1, sizeof *p.open);
	st = prescan_run(&p, err);
	free(p.open);
	return st;
}
