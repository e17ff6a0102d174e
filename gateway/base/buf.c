#include "base/buf.h"

#include "base/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT;
}

void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	if (b->p != NULL)
		b->p[0] = '\0';
}

void
buf_reserve(struct buf *b, size_t more)
{
	size_t want = b->n + more + 1;
	size_t cap = b->cap ? b->cap : 64;
	char *p;

	if (want <= b->cap)
		return;
	while (cap < want)
		cap += cap / 2;
	/* Not realloc: an old copy of a patient's words must not stay behind in freed memory. */
	p = xmalloc(cap);
	if (b->p != NULL) {
		memcpy(p, b->p, b->n);
		explicit_bzero(b->p, b->n);
		free(b->p);
	}
	p[b->n] = '\0';
	b->p = p;
	b->cap = cap;
}

void
buf_append(struct buf *b, const void *p, size_t n)
{
	buf_reserve(b, n);
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_reserve(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

const char *
buf_str(const struct buf *b)
{
	return b->p != NULL ? b->p : "";
}

char *
buf_take(struct buf *b)
{
	char *p = b->p != NULL ? b->p : xstrdup("");

	*b = BUF_INIT;
	return p;
}

struct slice
buf_slice(const struct buf *b)
{
	return (struct slice){ buf_str(b), b->n };
}

struct slice
slice_of(const char *s)
{
	return (struct slice){ s != NULL ? s : "", s != NULL ? strlen(s) : 0 };
}

bool
slice_eq(struct slice a, const char *s)
{
	return strlen(s) == a.n && memcmp(a.p, s, a.n) == 0;
}

bool
slice_caseeq(struct slice a, const char *s)
{
	return strlen(s) == a.n && strncasecmp(a.p, s, a.n) == 0;
}

struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && strchr(" \t\r\n", s.p[0]) != NULL && s.p[0] != '\0')
		s.p++, s.n--;
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL && s.p[s.n - 1] != '\0')
		s.n--;
	return s;
}

char *
slice_dup(struct slice s)
{
	char *p = xmalloc(s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}
