/*
 * html_entities -- the character references of HTML that mail uses (HTML 4.01 section 24). Threads: any.
 */
#ifndef MAIL_HTML_ENTITIES_H
#define MAIL_HTML_ENTITIES_H

#include "base/buf.h"

#include <stdint.h>

/* s.p is at "&". Returns the bytes that were read, at least 1; *ret is 0 when they are no character reference. */
size_t entity_reference(struct slice s, uint32_t *ret);

#endif
