/*
 * entity_in -- what the files of the cutter share: lines, and the boundaries that are open at a place.
 */
#ifndef MAIL_ENTITY_IN_H
#define MAIL_ENTITY_IN_H

#include "mail/entity.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

struct line {
	size_t start, end; /* without the line end */
	size_t next;	   /* where the next line starts */
};
struct line line_at(struct slice, size_t at);

/* One container that is open: a multipart with its boundary, or a message/rfc822 (n is 0). */
struct bound {
	char s[BOUNDARY_MAX + 1];
	size_t n;
	bool digest;
};
enum bound_match { BOUND_NO, BOUND_PART, BOUND_END };
/* Is this line exactly "--" boundary ["--"] blanks? */
enum bound_match bound_line(const struct bound *, const char *line, size_t n);

/* As entity_scan(), but a line that is one of the open boundaries ends the header as well. */
enum status entity_scan_within(struct slice raw, const struct limits_conf *, const struct bound *open, size_t nopen,
    struct arena *, struct entity *ret, struct err *) MUST_CHECK;
/* ST_MSG_REFUSED mime.boundary unless the type names one usable boundary. */
enum status bound_from_type(const struct mime_type *, struct bound *ret, struct err *) MUST_CHECK;

/* Appends base64, broken into lines of that many characters (0: one line), no line end after the last. */
void base64_put(struct slice, size_t line, struct buf *ret);
/* Appends what base64 says, strictly; false for anything else, and ret may have grown. */
bool base64_get(struct slice, struct buf *ret);
/* Appends quoted-printable of text with "\n" line ends: CRLF, at most 76 characters a line, no blank at the end of one,
 * and nothing a relay would touch ("From ", a lone "."). */
void quoted_printable_put(struct slice, struct buf *ret);

#endif
