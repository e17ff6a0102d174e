/*
 * imap_command -- the machinery under imap_session's commands: one command out, its answers in, the tagged verdict
 * mapped to a status. Private to imap_*.c.
 *
 * Use: begin, then text and strings, then end; a failure of any of them ends the command (and, when it is
 * ST_REMOTE_DOWN, the session). Threads: one session, one thread.
 */
#ifndef MAILBOX_IMAP_COMMAND_H
#define MAILBOX_IMAP_COMMAND_H

#include "mailbox/imap_parse.h"
#include "mailbox/imap_session.h"
#include "mailbox/imap_stream.h"

enum imap_kind { IMAP_ANY, IMAP_LOGIN, IMAP_APPEND, IMAP_CREATE };

struct imap_session {
	struct imap_stream *stream; /* own */
	struct imap_parser *parser; /* own */
	int64_t timeout_ms;
	bool dead, bye;
	char *caps;	/* own; " NAME NAME " in capitals */
	char delimiter; /* of folder levels; 0: flat */
	char *prefix;	/* own; of the personal namespace, as on the wire */
	enum imap_kind kind;
	unsigned tag;
	struct buf out;		 /* the command so far; wiped after sending: it may hold a password */
	struct imap_folder seen; /* what untagged answers and codes said during this command */
	uint32_t append_uidvalidity, append_uid;
};

/* Sees every untagged answer of a command. */
typedef enum status imap_sink(struct imap_session *, struct slice answer, void *arg, struct err *);

/* A status answer taken apart: "OK [APPENDUID 7 9] Done". */
struct imap_verdict {
	enum { IMAP_V_NONE, IMAP_V_OK, IMAP_V_NO, IMAP_V_BAD, IMAP_V_BYE, IMAP_V_PREAUTH } word;
	struct slice code, args; /* inside the brackets */
	struct slice text;
};
/* From the word on, without the tag. */
struct imap_verdict imap_verdict_read(struct slice);
/* NO and BAD as our status and code. */
enum status imap_verdict_status(const struct imap_verdict *, enum imap_kind, struct err *);

enum status imap_begin(struct imap_session *, enum imap_kind, const char *verb, struct err *) MUST_CHECK;
void imap_text(struct imap_session *, const char *text);
enum status imap_string(struct imap_session *, struct slice, struct err *) MUST_CHECK;
/* " {n}" and the bytes; half-way through FAULT_POINTs may strike. */
enum status imap_literal(struct imap_session *, struct slice, struct err *) MUST_CHECK;
/* Ends the line and sends it; then waits for "+". For SASL. */
enum status imap_await_plus(struct imap_session *, struct err *) MUST_CHECK;
enum status imap_end(struct imap_session *, imap_sink *, void *arg, struct err *) MUST_CHECK;
/* Marks the session dead when st says so; returns st. */
enum status imap_note(struct imap_session *, enum status st);

/* The second or (with a number before it) third word of an untagged answer: "FETCH". */
bool imap_answer_is(struct slice answer, const char *keyword, uint32_t *ret_number);
/* A whole decimal number of at most 32 bits at the start; moves *s behind it. */
bool imap_number(struct slice *s, uint32_t *ret);
bool imap_contains(struct slice hay, const char *needle); /* ASCII case aside */

#endif
