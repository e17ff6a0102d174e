/*
 * text -- bytes in some charset become valid UTF-8 that shows what it says.
 *
 * Bytes that mean nothing become U+FFFD; line ends become "\n"; what is invisible or turns the reading direction
 * (Unicode TR 36, TR 39) is dropped, because a screen must show what a rule has read. Time is linear. Threads: any.
 */
#ifndef MAIL_TEXT_H
#define MAIL_TEXT_H

#include "base/buf.h"

#include <stdint.h>

/* One character at s, of n > 0 bytes. Returns the bytes read; *ret is 0xFFFD for what is not UTF-8 (RFC 3629). */
size_t utf8_get(const char *s, size_t n, uint32_t *ret);
void utf8_put(struct buf *, uint32_t c);

/* Converts and appends. charset NULL or "us-ascii": UTF-8 when it is that. False, and nothing appended, for a charset
 * that is not known. */
bool text_to_utf8(const char *charset, struct slice, struct buf *ret);
/* Valid UTF-8 with "\n" line ends; nothing else changes. */
void text_normalise(struct slice, struct buf *ret);
/* The same, and without controls, bidirectional overrides and invisible characters. */
void text_clean(struct slice, struct buf *ret);
/* As text_clean(), on one line: line ends and tabs become blanks; trimmed; at most max bytes. */
void text_clean_line(struct slice, size_t max, struct buf *ret);
/* A file name as a display name: the last part of a path, no character a file system or a shell would read as more
 * than a letter, at most 120 bytes with its extension; never empty, never "." or "..". */
void text_file_name(struct slice, struct buf *ret);

#endif
