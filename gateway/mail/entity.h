/*
 * entity -- the raw bytes of a mail, cut into header fields, body and parts without changing one of them.
 *
 * Signatures are verified and identities are read from exactly what was received, so this cutter is our own, small,
 * linear and strict; what people are shown is parsed by GMime (content.h). Bare LF is accepted as a line end for
 * cutting; entity_canonical() gives the CRLF form a signature was made over.
 *
 * Owns: slices point into the raw bytes that were passed in; arrays live in the arena. Threads: any.
 */
#ifndef MAIL_ENTITY_H
#define MAIL_ENTITY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"

struct field {
	struct slice name;  /* as written, without trailing blanks */
	struct slice value; /* after the colon, folded as received, without the last line end */
	bool odd;	    /* blank before the colon, control character, or a first line that begins with a blank */
};
struct entity {
	struct slice raw, header, body;
	const struct field *fields;
	size_t nfields;
};

/* ST_MSG_REFUSED with code limit.headers, limit.header-bytes, limit.message; a line without a colon ends the header
 * (code is not an error: RFC 5322 says nothing better), NUL bytes in the header are mime.nul. */
enum status entity_scan(
    struct slice raw, const struct limits_conf *, struct arena *, struct entity *ret, struct err *) MUST_CHECK;
size_t entity_count(const struct entity *, const char *name);
/* The first such field, unfolded and trimmed, in the arena; NULL when there is none. */
const char *entity_get(const struct entity *, const char *name, struct arena *);

struct mime_param {
	const char *name, *value;
};
struct mime_type {
	const char *type, *subtype; /* lower case; "text" "plain" by default */
	const struct mime_param *params;
	size_t nparams;
	bool broken; /* not parsable, or a parameter twice: treat as ambiguous */
};
void mime_type_parse(const char *value /* or NULL */, struct arena *, struct mime_type *ret);
const char *mime_param(const struct mime_type *, const char *name); /* NULL: none */
bool mime_type_is(const struct mime_type *, const char *type, const char *subtype);

/* The parts of a multipart body, raw (headers and body), without the line end that belongs to the boundary.
 * ST_MSG_REFUSED: mime.boundary (missing, overlong, not found, unterminated, text after it). */
enum status mime_split(const struct entity *, const struct mime_type *, struct arena *, struct slice **ret,
    size_t *nret, struct err *) MUST_CHECK;

/* One linear pass before any library parser sees the bytes: nesting depth (multipart and message/rfc822), parts and
 * header sizes within the limits, else ST_MSG_REFUSED limit.mime-depth, limit.mime-parts, limit.headers, ...; outside
 * attached messages also mime.boundary and mime.ambiguous (Content-Type or Content-Transfer-Encoding twice). */
enum status mime_prescan(struct slice raw, const struct limits_conf *, struct err *) MUST_CHECK;

/* Content-Transfer-Encoding undone, strictly: 7bit, 8bit, binary, quoted-printable, base64 (junk is mime.encoding). */
enum status mime_decode(const struct entity *, struct buf *ret, struct err *) MUST_CHECK;

/* CRLF line ends throughout; appended to ret. */
void entity_canonical(struct slice raw, struct buf *ret);

#endif
