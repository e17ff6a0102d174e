/*
 * mailbox_null -- the mailbox that keeps mails in memory: template for a new driver, and the tests' double.
 *
 * Mails outlive the struct mailbox, as they would on a server: they are kept for the process under the clinician's id,
 * the last MAILBOX_NULL_KEEP of each. Folders have UIDs and a UIDVALIDITY as IMAP's have.
 * Threads: any; one lock.
 */
#ifndef MAILBOX_MAILBOX_NULL_H
#define MAILBOX_MAILBOX_NULL_H

#include "mailbox/mailbox.h"

#define MAILBOX_NULL_KEEP 64

/* How many mails of this clinician are in the folder. */
size_t mailbox_null_count(const char *clinician, const char *folder);
/* Mail i (0 is the oldest kept) appended to ret; false when there is none. */
bool mailbox_null_mail(const char *clinician, const char *folder, size_t i, struct buf *ret);
/* The next deliver() fails like this: before the mail is kept, or (lost) after, as when the answer is lost. */
void mailbox_null_fail(enum status, bool lost);
/* Every folder as if newly made by the server's administrator: new UIDVALIDITY, UIDs from 1, the same mails. */
void mailbox_null_renumber(void);
void mailbox_null_reset(void); /* forget everything */

#endif
