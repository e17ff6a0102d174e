/*
 * imap_session -- one logged-in IMAP connection: typed commands, and answers as far as we need them.
 *
 * Every string goes out as atom, quoted string or literal, whichever can hold it; what none can (CR, LF, NUL in a
 * name) is refused here. A command returns ST_OK only for the server's tagged OK. Nothing of a server's text gets
 * into struct err: its response code or its shape is mapped to a code of ours.
 *
 * Errors:   ST_REMOTE_DOWN ends the session (imap.gone ever after); with a command that changes something the outcome
 *           is then unknown. ST_MSG_RETRY and ST_MSG_REFUSED are the server's own "no": it did not happen.
 *           Codes: imap.greeting, imap.bye, imap.answer, imap.budget, imap.timeout, imap.injected, imap.preauth,
 *           imap.no-starttls, imap.login, imap.no-mechanism, imap.unavailable, imap.throttled | imap.quota,
 *           imap.no-folder, imap.permission, imap.busy, imap.no, imap.bad | imap.too-big, imap.content | imap.string.
 * Threads:  one session, one thread.
 * Source:   RFC 3501 / 9051, 4315 (UIDPLUS), 4616 (PLAIN), 4959 (SASL-IR), 5530 (codes), 7888 (LITERAL+), 7889.
 */
#ifndef MAILBOX_IMAP_SESSION_H
#define MAILBOX_IMAP_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/own.h"
#include "crypto/tls.h"

#include <stdbool.h>
#include <stdint.h>

struct imap_io; /* mailbox/imap_stream.h */
struct imap_session;

/* Connect, TLS, greeting, CAPABILITY. timeout_ms bounds each command from its first byte to its tagged answer. */
enum status imap_open(
    const struct tls_target *, int64_t timeout_ms, struct imap_session **ret, struct err *) MUST_CHECK;
/* The same over any connection; takes io->ctx, also on failure. */
enum status imap_open_io(
    const struct imap_io *io, bool starttls, int64_t timeout_ms, struct imap_session **ret, struct err *) MUST_CHECK;
/* Hangs up without a word; after imap_logout() that is polite. */
void imap_session_free(struct imap_session *);
DEFINE_FREEP(imap_session)

/* as: the mailbox's user. by: who authenticates (a master user), NULL: as itself. Refused on a connection without
 * TLS. PLAIN where the server has it, else LOGIN when as authenticates itself. */
enum status imap_login(
    struct imap_session *, const char *as, const char *by, struct slice password, struct err *) MUST_CHECK;
void imap_logout(struct imap_session *); /* a second at most; the answer does not matter */
bool imap_has(const struct imap_session *, const char *capability);

/* Folders are UTF-8 with "/" between levels; the session translates to the server's spelling. */
struct imap_folder {
	uint32_t uidvalidity, uidnext, messages;
};
/* imap.no-folder or imap.no when it cannot be looked at. */
enum status imap_status(struct imap_session *, const char *folder, struct imap_folder *ret, struct err *) MUST_CHECK;
enum status imap_create(struct imap_session *, const char *folder, struct err *) MUST_CHECK;
enum status imap_subscribe(struct imap_session *, const char *folder, struct err *) MUST_CHECK;
/* No flags, the server's date. Where the server says so (UIDPLUS) *ret_uid is the new mail's, else both are 0. */
enum status imap_append(struct imap_session *, const char *folder, struct slice mail, uint32_t *ret_uidvalidity,
    uint32_t *ret_uid, struct err *) MUST_CHECK;

/* Opens for reading only (EXAMINE) until imap_close_folder(). */
enum status imap_examine(struct imap_session *, const char *folder, struct imap_folder *ret, struct err *) MUST_CHECK;
enum status imap_close_folder(struct imap_session *, struct err *) MUST_CHECK;
/* One header field of the mails first..last: UIDs, or places in the folder counted from 1. Calls each with the raw
 * field ("Name: value CRLF CRLF"; empty: no such field), borrowed. *ret_n: how many mails the server spoke of. */
struct imap_range {
	bool by_place;
	uint32_t first, last;
};
enum status imap_fetch_field(struct imap_session *, struct imap_range, const char *field,
    void (*each)(void *arg, uint32_t uid, struct slice raw), void *arg, uint32_t *ret_n, struct err *) MUST_CHECK;
enum status imap_noop(struct imap_session *, struct err *) MUST_CHECK;

#endif
