#include "mail/entity.h"

#include "mail/entity_in.h"

#include <string.h>
#include <strings.h>

struct line
line_at(struct slice s, size_t at)
{
	const char *lf = at < s.n ? memchr(s.p + at, '\n', s.n - at) : NULL;
	struct line l = { .start = at, .end = s.n, .next = s.n };

	if (lf == NULL)
		return l;
	l.end = (size_t)(lf - s.p);
	l.next = l.end + 1;
	if (l.end > at && s.p[l.end - 1] == '\r')
		l.end--;
	return l;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

enum bound_match
bound_line(const struct bound *b, const char *line, size_t n)
{
	enum bound_match found = BOUND_PART;
	size_t at = 2 + b->n;

	if (b->n == 0 || n < at || line[0] != '-' || line[1] != '-' || memcmp(line + 2, b->s, b->n) != 0)
		return BOUND_NO;
	if (n >= at + 2 && line[at] == '-' && line[at + 1] == '-') {
		found = BOUND_END;
		at += 2;
	}
	while (at < n && is_blank(line[at]))
		at++;
	return at == n ? found : BOUND_NO;
}

static bool
is_open_boundary(const struct bound *open, size_t nopen, const char *line, size_t n)
{
	if (n < 2 || line[0] != '-' || line[1] != '-')
		return false;
	for (size_t i = nopen; i-- > 0;)
		if (bound_line(&open[i], line, n) != BOUND_NO)
			return true;
	return false;
}

/* Control characters other than tab; CR and LF are fine only where they fold. */
static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
			continue;
		if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7f)
			return true;
	}
	return false;
}

static bool
is_field_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

/* text is one field with its folds, without the last line end; first is how long its first line is. False: no field,
 * the body has begun. "From CRLF SP :" is a field to some readers, so it is one here, an odd one. */
static bool
field_cut(struct slice text, size_t first, struct field *ret)
{
	const char *colon = memchr(text.p, ':', text.n);
	size_t at = colon != NULL ? (size_t)(colon - text.p) : text.n;

	if (colon == NULL)
		return false;
	for (size_t i = first; i < at; i++)
		if (strchr(" \t\r\n", text.p[i]) == NULL)
			return false;
	ret->name = slice_trim((struct slice){ text.p, at });
	ret->value = (struct slice){ colon + 1, text.n - at - 1 };
	ret->odd = ret->name.n != at || !is_field_name(ret->name) || has_control(ret->value);
	return true;
}

enum status
entity_scan_within(struct slice raw, const struct limits_conf *lim, const struct bound *open, size_t nopen,
    struct arena *a, struct entity *ret, struct err *err)
{
	size_t max_bytes = (size_t)lim->header_bytes, max_fields = (size_t)lim->headers;
	struct field *fields = NULL;
	size_t n = 0, cap = 0, at = 0, body = raw.n;

	if (raw.n > (size_t)lim->message_bytes)
		return err_set(err, ST_MSG_REFUSED, "limit.message", "message larger than the limit");
	for (;;) {
		struct line l = line_at(raw, at);
		size_t end = l.end, next = l.next;
		struct field f;

		body = at;
		if (at == raw.n)
			break;
		if (l.start == l.end) {
			body = l.next;
			break;
		}
		if (is_open_boundary(open, nopen, raw.p + at, l.end - at))
			break;
		while (next < raw.n && is_blank(raw.p[next]) && next <= max_bytes) {
			struct line more = line_at(raw, next);

			end = more.end;
			next = more.next;
		}
		if (!field_cut((struct slice){ raw.p + at, end - at }, l.end - at, &f))
			break;
		if (next > max_bytes)
			return err_set(err, ST_MSG_REFUSED, "limit.header-bytes", "header larger than the limit");
		if (memchr(raw.p + at, '\0', end - at) != NULL)
			return err_set(err, ST_MSG_REFUSED, "mime.nul", "NUL in a header field");
		if (n == max_fields)
			return err_set(err, ST_MSG_REFUSED, "limit.headers", "more header fields than the limit");
		if (n == cap) {
			struct field *bigger = ARENA_ARRAY(a, cap == 0 ? 16 : 2 * cap, struct field);

			if (n > 0)
				memcpy(bigger, fields, n * sizeof *fields);
			fields = bigger;
			cap = cap == 0 ? 16 : 2 * cap;
		}
		fields[n++] = f;
		at = next;
	}
	*ret = (struct entity){
		.raw = raw,
		.header = { raw.p, at },
		.body = { raw.p + body, raw.n - body },
		.fields = fields,
		.nfields = n,
	};
	return ST_OK;
}

enum status
entity_scan(struct slice raw, const struct limits_conf *lim, struct arena *a, struct entity *ret, struct err *err)
{
	if (raw.p == NULL)
		raw = SLICE("");
	return entity_scan_within(raw, lim, NULL, 0, a, ret, err);
}

size_t
entity_count(const struct entity *e, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < e->nfields; i++)
		n += slice_caseeq(e->fields[i].name, name);
	return n;
}

const char *
entity_get(const struct entity *e, const char *name, struct arena *a)
{
	const struct field *f = NULL;
	struct slice v;
	char *s;
	size_t n = 0;

	for (size_t i = 0; i < e->nfields && f == NULL; i++)
		if (slice_caseeq(e->fields[i].name, name))
			f = &e->fields[i];
	if (f == NULL)
		return NULL;
	v = slice_trim(f->value);
	s = arena_alloc(a, v.n + 1);
	/* Unfolding drops the line end and keeps the blank that follows it (RFC 5322 2.2.3). */
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] != '\n' && !(v.p[i] == '\r' && i + 1 < v.n && v.p[i + 1] == '\n'))
			s[n++] = v.p[i];
	s[n] = '\0';
	return s;
}

void
entity_canonical(struct slice raw, struct buf *ret)
{
	size_t at = 0;

	buf_reserve(ret, raw.n + raw.n / 32);
	while (at < raw.n) {
		const char *lf = memchr(raw.p + at, '\n', raw.n - at);
		size_t end = lf != NULL ? (size_t)(lf - raw.p) : raw.n;

		if (lf == NULL) {
			buf_append(ret, raw.p + at, end - at);
			return;
		}
		if (end > at && raw.p[end - 1] == '\r')
			end--;
		buf_append(ret, raw.p + at, end - at);
		buf_append(ret, "\r\n", 2);
		at = (size_t)(lf - raw.p) + 1;
	}
}
