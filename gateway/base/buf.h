/*
 * buf -- bytes that grow, and slices that borrow.
 *
 * A struct buf starts as BUF_INIT, is always followed by a NUL that does not count in n, and is released by
 * buf_free(). buf_wipe() releases content: it overwrites first. A slice owns nothing and need not be terminated.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *p;
	size_t n;
};

struct buf {
	char *p; /* own; never NULL after the first append */
	size_t n, cap;
};

#define BUF_INIT ((struct buf){ NULL, 0, 0 })
#define AUTO_BUF __attribute__((cleanup(buf_wipe))) struct buf
#define SLICE(s) ((struct slice){ (s), sizeof(s) - 1 })

void buf_free(struct buf *);
void buf_wipe(struct buf *);
void buf_clear(struct buf *); /* keeps the memory */
void buf_reserve(struct buf *, size_t more);
void buf_append(struct buf *, const void *p, size_t n);
void buf_puts(struct buf *, const char *s);
void buf_putc(struct buf *, char c);
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_str(const struct buf *); /* "" when nothing was appended */
char *buf_take(struct buf *);		 /* the caller owns the string; the buf is empty again */
struct slice buf_slice(const struct buf *);

struct slice slice_of(const char *s); /* NULL gives an empty slice */
bool slice_eq(struct slice, const char *s);
bool slice_caseeq(struct slice, const char *s); /* ASCII case only */
struct slice slice_trim(struct slice);		/* blanks, tabs, CR and LF at both ends */
char *slice_dup(struct slice);			/* own, NUL-terminated */

#endif
