/*
 * gmime -- GMime 3, set up once for the process, with our conventions. Threads: any.
 */
#ifndef MAIL_GMIME_H
#define MAIL_GMIME_H

#include "base/buf.h"

#include <gmime/gmime.h>

void gmime_ready(void);
/* Releases any GObject; NULL is fine. */
void gmime_unref(void *object);
/* An unstructured header value with its encoded words (RFC 2047) decoded: clean UTF-8 on one line, at most max bytes.
 */
void gmime_header_text(const char *value, size_t max, struct buf *ret);

#endif
