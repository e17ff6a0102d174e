#include "mail/entity.h"
#include "mail/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_PARAMS 64 /* as written; the longest split file name seen in the wild had 12 */

/* One parameter as it stands there: name, name*, name*0 or name*0* (RFC 2231). */
struct raw_param {
	const char *name, *value;
	int section; /* -1: not split */
	bool extended;
};
struct parse {
	const char *p;
	struct arena *a;
	bool broken;
	struct raw_param raw[MAX_PARAMS];
	size_t nraw;
};

static bool
is_token_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* Blanks and comments (RFC 5322 3.2.2). */
static void
skip_cfws(struct parse *s)
{
	size_t depth = 0;

	for (; *s->p != '\0'; s->p++) {
		if (*s->p == '(')
			depth++;
		else if (depth > 0 && *s->p == ')')
			depth--;
		else if (depth > 0 && *s->p == '\\' && s->p[1] != '\0')
			s->p++;
		else if (depth == 0 && *s->p != ' ' && *s->p != '\t')
			break;
	}
	s->broken |= depth > 0;
}

static char *
lower(struct arena *a, const char *p, size_t n)
{
	char *s = arena_strndup(a, p, n);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	return s;
}

static char *
token(struct parse *s)
{
	const char *start = s->p;

	while (is_token_char(*s->p))
		s->p++;
	return s->p > start ? lower(s->a, start, (size_t)(s->p - start)) : NULL;
}

static const char *
value(struct parse *s)
{
	const char *start = s->p;
	char *out;
	size_t n = 0;

	if (*s->p != '"') {
		/* Unquoted "=", "/", "?" and ":" are wrong and common, and there is only one way to read them. */
		while (is_token_char(*s->p) || (*s->p != '\0' && strchr("=/?:", *s->p) != NULL))
			s->p++;
		return s->p > start ? arena_strndup(s->a, start, (size_t)(s->p - start)) : NULL;
	}
	out = arena_alloc(s->a, strlen(start) + 1);
	for (s->p++; *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1] != '\0')
			s->p++;
		if (*s->p == '\0')
			return NULL;
		out[n++] = *s->p;
	}
	s->p++;
	return out;
}

/* "name*3*" into its parts. */
static bool
split_name(struct parse *s, char *name, struct raw_param *ret)
{
	char *star = strchr(name, '*');

	*ret = (struct raw_param){ .name = name, .section = -1 };
	if (star == NULL)
		return true;
	*star++ = '\0';
	if (*star == '\0') {
		ret->extended = true;
		return *name != '\0';
	}
	if (!isdigit((unsigned char)*star) || (*star == '0' && isdigit((unsigned char)star[1])))
		return false;
	ret->section = 0;
	for (; isdigit((unsigned char)*star); star++) {
		ret->section = ret->section * 10 + (*star - '0');
		if (ret->section >= MAX_PARAMS)
			return false;
	}
	ret->extended = *star == '*';
	(void)s;
	return *name != '\0' && star[ret->extended ? 1 : 0] == '\0';
}

static bool
one_param(struct parse *s)
{
	struct raw_param p;
	char *name = token(s);

	if (name == NULL || !split_name(s, name, &p))
		return false;
	skip_cfws(s);
	if (*s->p != '=')
		return false;
	s->p++;
	skip_cfws(s);
	p.value = value(s);
	if (p.value == NULL || s->nraw == MAX_PARAMS)
		return false;
	s->raw[s->nraw++] = p;
	return true;
}

static bool
percent_decode(const char *s, struct buf *ret)
{
	static const char hex[] = "0123456789abcdef";

	for (; *s != '\0'; s++) {
		const char *hi, *lo;
		int c;

		if (*s != '%') {
			buf_putc(ret, *s);
			continue;
		}
		hi = s[1] != '\0' ? strchr(hex, tolower((unsigned char)s[1])) : NULL;
		lo = hi != NULL && s[2] != '\0' ? strchr(hex, tolower((unsigned char)s[2])) : NULL;
		if (lo == NULL)
			return false;
		c = (int)((hi - hex) << 4 | (lo - hex));
		if (c == 0)
			return false;
		buf_putc(ret, (char)c);
		s += 2;
	}
	return true;
}

/* charset'language'text; what stands before the text is cut off. */
static const char *
cut_charset(struct parse *s, const char *v, const char **charset)
{
	const char *first = strchr(v, '\''), *second = first != NULL ? strchr(first + 1, '\'') : NULL;

	if (second == NULL)
		return NULL;
	*charset = arena_strndup(s->a, v, (size_t)(first - v));
	return second + 1;
}

/* All that is said about one name, put together. NULL: it contradicts itself or cannot be read. */
static const char *
assemble(struct parse *s, const char *name)
{
	const struct raw_param *section[MAX_PARAMS] = { NULL }, *plain = NULL;
	AUTO_BUF bytes = BUF_INIT;
	AUTO_BUF text = BUF_INIT;
	const char *charset = NULL;
	size_t nsections = 0;

	for (size_t i = 0; i < s->nraw; i++) {
		const struct raw_param *p = &s->raw[i];
		size_t at = p->section < 0 ? 0 : (size_t)p->section;

		if (strcmp(p->name, name) != 0)
			continue;
		if (p->section < 0 && !p->extended) {
			s->broken |= plain != NULL;
			plain = plain != NULL ? plain : p;
			continue;
		}
		/* name* beside name*0 is as much of a contradiction as the same section twice. */
		if (section[at] != NULL ||
		    (nsections > 0 && (p->section < 0) != (section[0] && section[0]->section < 0)))
			s->broken = true;
		else
			section[at] = p, nsections++;
	}
	if (nsections == 0)
		return plain->value;
	s->broken |= plain != NULL;
	for (size_t i = 0; i < nsections; i++) {
		const char *v = section[i] != NULL ? section[i]->value : NULL;

		if (v != NULL && i == 0 && section[i]->extended)
			v = cut_charset(s, v, &charset);
		if (v == NULL)
			return NULL;
		if (!section[i]->extended)
			buf_puts(&bytes, v);
		else if (!percent_decode(v, &bytes))
			return NULL;
	}
	if (!text_to_utf8(charset, buf_slice(&bytes), &text) || memchr(buf_str(&text), '\0', text.n) != NULL)
		return NULL;
	return arena_strdup(s->a, buf_str(&text));
}

static void
collect(struct parse *s, struct mime_type *ret)
{
	struct mime_param *params = ARENA_ARRAY(s->a, s->nraw + 1, struct mime_param);
	size_t n = 0;

	for (size_t i = 0; i < s->nraw; i++) {
		const char *v;
		size_t j = 0;

		while (j < i && strcmp(s->raw[j].name, s->raw[i].name) != 0)
			j++;
		if (j < i)
			continue;
		v = assemble(s, s->raw[i].name);
		s->broken |= v == NULL;
		if (v != NULL)
			params[n++] = (struct mime_param){ s->raw[i].name, v };
	}
	ret->params = params;
	ret->nparams = n;
}

void
mime_type_parse(const char *v, struct arena *a, struct mime_type *ret)
{
	struct parse s = { .p = v != NULL ? v : "text/plain", .a = a };
	const char *type, *subtype = NULL;

	*ret = (struct mime_type){ .type = "text", .subtype = "plain" };
	skip_cfws(&s);
	type = token(&s);
	skip_cfws(&s);
	if (type != NULL && *s.p == '/') {
		s.p++;
		skip_cfws(&s);
		subtype = token(&s);
	}
	if (type == NULL || subtype == NULL) {
		ret->broken = true;
		return;
	}
	ret->type = type;
	ret->subtype = subtype;
	for (;;) {
		skip_cfws(&s);
		if (*s.p == '\0')
			break;
		if (*s.p != ';') {
			s.broken = true;
			break;
		}
		s.p++;
		skip_cfws(&s);
		if (*s.p == '\0' || *s.p == ';')
			continue;
		if (!one_param(&s)) {
			s.broken = true;
			break;
		}
	}
	collect(&s, ret);
	ret->broken = s.broken;
}

const char *
mime_param(const struct mime_type *t, const char *name)
{
	for (size_t i = 0; i < t->nparams; i++)
		if (strcasecmp(t->params[i].name, name) == 0)
			return t->params[i].value;
	return NULL;
}

bool
mime_type_is(const struct mime_type *t, const char *type, const char *subtype)
{
	return strcmp(t->type, type) == 0 && strcmp(t->subtype, subtype) == 0;
}
