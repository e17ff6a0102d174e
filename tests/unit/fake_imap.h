/*
 * fake_imap -- an IMAP server of a few folders in memory, behind TLS, that can be made to misbehave.
 *
 * It knows the commands our driver gives and refuses every other, so a new command needs a line here too.
 * One for the process; what is in the folders outlives connections.
 */
#ifndef TESTS_FAKE_IMAP_H
#define TESTS_FAKE_IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_imap_conf {
	const char *caps;  /* after "IMAP4rev1"; LITERAL+, UIDPLUS, SASL-IR, STARTTLS, NAMESPACE are acted on */
	bool starttls;	   /* begins in clear */
	bool chatty;	   /* untagged lines at every occasion */
	uint32_t uid_step; /* from one mail to the next; 0: 1 */
};
int fake_imap_start(const struct fake_imap_conf *); /* the port */
void fake_imap_stop(void);

enum fake_imap_fault {
	FAKE_NONE,
	FAKE_LOSE,	 /* stores the mail, then hangs up */
	FAKE_BREAK,	 /* hangs up in the literal */
	FAKE_QUOTA,	 /* NO [OVERQUOTA] */
	FAKE_VANISH,	 /* the folder is deleted under the APPEND: NO [TRYCREATE] */
	FAKE_BYE,	 /* BYE instead of storing */
	FAKE_HALF_FETCH, /* the next FETCH speaks of half its mails, then OK */
	FAKE_NO_FETCH,	 /* likewise, then NO */
};
void fake_imap_next(enum fake_imap_fault); /* once */
void fake_imap_renumber(void);		   /* UIDVALIDITY, UIDs from 1, and the order of the mails */
void fake_imap_reset(void);
size_t fake_imap_count(const char *folder);
size_t fake_imap_subscribed(void);
/* The folder forgets UIDs above this, as after a restored backup. */
void fake_imap_restore(uint32_t uidnext);

#endif
