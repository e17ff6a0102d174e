/*
 * arena -- many small things that die together.
 *
 * For what is read once and kept (configuration) and for what one message needs while it is judged.
 * Memory is zeroed when handed out and overwritten when freed. Threads: one arena belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/buf.h"
#include "base/own.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *);
DEFINE_FREEP(arena)

void *arena_alloc(struct arena *, size_t n); /* zeroed, aligned for any type, never NULL */
char *arena_strdup(struct arena *, const char *s);
char *arena_strndup(struct arena *, const char *s, size_t n);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_alloc((a), (n) * sizeof(type)))

#endif
