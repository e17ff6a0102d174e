/*
 * imap_parse -- what libetpan reads out of one vetted answer.
 *
 * libetpan never sees the connection: it is given one answer at a time, from memory, that imap_stream has let through
 * and that the session asked for (FETCH, STATUS, LIST). Its known faults (endless loops at EOF, wrapping numbers,
 * stack depth, crashes in answers nobody asked for) are out of reach that way.
 *
 * Errors:   ST_REMOTE_DOWN imap.answer: not what the grammar of RFC 9051 allows; the connection is of no more use.
 * Threads:  one parser, one thread.
 */
#ifndef MAILBOX_IMAP_PARSE_H
#define MAILBOX_IMAP_PARSE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"

#include <stdint.h>

struct imap_parser;
struct imap_parser *imap_parser_new(void);
void imap_parser_free(struct imap_parser *);
DEFINE_FREEP(imap_parser)

/* "* 5 FETCH (UID 7 BODY[HEADER.FIELDS (X)] {9} ...)". uid 0 or header.p NULL: not in this answer. header is
 * borrowed until the next call. */
struct imap_fetched {
	uint32_t uid;
	struct slice header;
};
enum status imap_parse_fetch(
    struct imap_parser *, struct slice answer, struct imap_fetched *ret, struct err *) MUST_CHECK;

/* "* STATUS Portal (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 9)"; what it does not say stays 0. */
struct imap_counts {
	uint32_t messages, uidnext, uidvalidity;
};
enum status imap_parse_status(
    struct imap_parser *, struct slice answer, struct imap_counts *ret, struct err *) MUST_CHECK;

/* The hierarchy delimiter of "* LIST (\Noselect) "/" """; 0 for a flat server. */
enum status imap_parse_list(struct imap_parser *, struct slice answer, char *ret_delimiter, struct err *) MUST_CHECK;

#endif
