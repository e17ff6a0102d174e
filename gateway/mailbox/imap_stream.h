/*
 * imap_stream -- one IMAP connection as a stream of whole, vetted answers.
 *
 * An answer is a line and the literals announced in it (RFC 9051 section 4.3). Everything the far side can overdo is
 * bounded here, before any parser sees a byte: length of a line, a literal and all answers to one command, number of
 * answers, nesting, numbers that do not fit 32 bits (64 after MODSEQ), stray NUL and CR. One absolute deadline covers
 * a command, however slowly its answers drip.
 *
 * Errors:   ST_REMOTE_DOWN: imap.answer (not IMAP, or more than we take), imap.budget, or what the io said (tls.*).
 * Threads:  one stream, one thread.
 */
#ifndef MAILBOX_IMAP_STREAM_H
#define MAILBOX_IMAP_STREAM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAP_LINE_MAX (64u << 10)     /* without its literals */
#define IMAP_LITERAL_MAX (256u << 10) /* header fields; nothing else is asked for */
#define IMAP_BUDGET (16u << 20)	      /* all answers to one command */
#define IMAP_ANSWERS_MAX 100000	      /* likewise */
#define IMAP_DEPTH_MAX 32

/* Where bytes come from and go to: a verified TLS connection, or a script in a test. Functions as in crypto/tls.h. */
struct imap_io {
	void *ctx;
	enum status (*read)(void *ctx, void *p, size_t n, int64_t deadline_ms, size_t *ret, struct err *);
	enum status (*write)(void *ctx, const void *p, size_t n, int64_t deadline_ms, struct err *);
	enum status (*start_tls)(void *ctx, int64_t deadline_ms, struct err *);
	bool (*is_secure)(void *ctx);
	void (*free)(void *ctx);
};

struct imap_stream;
/* Takes io->ctx. */
struct imap_stream *imap_stream_new(const struct imap_io *);
void imap_stream_free(struct imap_stream *);
DEFINE_FREEP(imap_stream)

/* A new command: a new deadline and a full budget. */
void imap_stream_begin(struct imap_stream *, int64_t deadline_ms);
/* More time for this command: a big literal on its way out. */
void imap_stream_extend(struct imap_stream *, int64_t ms);
enum status imap_stream_write(struct imap_stream *, const void *p, size_t n, struct err *) MUST_CHECK;
/* The next answer with its CRLF and its literals; borrowed until the next call. */
enum status imap_stream_read(struct imap_stream *, struct slice *ret, struct err *) MUST_CHECK;
/* The handshake. Bytes that came in clear after the answer to STARTTLS are an attack: imap.injected. */
enum status imap_stream_start_tls(struct imap_stream *, struct err *) MUST_CHECK;
bool imap_stream_is_secure(const struct imap_stream *);

/* May this text of an answer (a line or a part of one between literals) go to a parser? depth counts parentheses
 * across the parts of one answer. */
bool imap_text_is_sane(struct slice, int *depth);

#endif
