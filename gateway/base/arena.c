#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 8192

struct chunk {
	struct chunk *next;
	size_t used, size;
	alignas(max_align_t) char mem[];
};

struct arena {
	struct chunk *chunks;
};

struct arena *
arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	for (struct chunk *c = a->chunks, *next; c != NULL; c = next) {
		next = c->next;
		explicit_bzero(c->mem, c->used);
		free(c);
	}
	free(a);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t want = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
	struct chunk *c = a->chunks;
	void *p;

	if (want < n)
		abort();
	if (c == NULL || c->size - c->used < want) {
		size_t size = want > CHUNK_SIZE ? want : CHUNK_SIZE;

		c = xmalloc(sizeof *c + size);
		c->used = 0;
		c->size = size;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->mem + c->used;
	c->used += want;
	return memset(p, 0, want);
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	return memcpy(p, s, n);
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
