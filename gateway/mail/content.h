/*
 * content -- what one person said: subject, text, attachments. The form messages have inside the store and between
 * portal drivers, policies and mail.
 *
 * Text is valid UTF-8 with "\n" line ends. In the store it is one MIME entity (RFC 2045) in a fixed form that any MIME
 * reader opens: the same content has the same bytes, and comes back exactly.
 * Owns: a struct content owns all it points to. Threads: any, one at a time.
 */
#ifndef MAIL_CONTENT_H
#define MAIL_CONTENT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"
#include "conf/conf.h"

struct attachment {
	char *name, *type; /* display name, sanitised; media type in lower case */
	struct buf data;
	bool inline_image;
};
struct content {
	char *subject, *text, *language;
	struct attachment *att;
	size_t natt;
};

/* Copies. The subject becomes one line; both become valid UTF-8. */
struct content *content_new(const char *subject, const char *text);
/* Copies. A name becomes a display name (no path, no control), a type that is none application/octet-stream. */
void content_add(struct content *, const char *name, const char *type, const void *p, size_t n);
void content_free(struct content *);
DEFINE_FREEP(content)

void content_encode(const struct content *, struct buf *ret);
enum status content_decode(struct slice, const struct limits_conf *, struct content **ret, struct err *) MUST_CHECK;
/* What a mail client sent, as content: text/plain preferred, else HTML as text; every other leaf an attachment.
 * entity: a MIME entity from its headers on. ST_MSG_REFUSED with a stable code for what cannot be taken over:
 * mime.partial, mime.external-body, mime.tnef, mime.charset, mime.encoding, mime.boundary, mime.ambiguous (two readers
 * see two trees), mime.nul, limit.*. */
enum status content_from_mime(
    struct slice entity, const struct limits_conf *, struct content **ret, struct err *) MUST_CHECK;

#endif
