/*
 * mailbox_contract -- what mailbox/mailbox.h promises, asked of every driver in the same words.
 */
#ifndef TESTS_MAILBOX_CONTRACT_H
#define TESTS_MAILBOX_CONTRACT_H

#include "mailbox/mailbox.h"

struct mailbox_subject {
	const struct mailbox_driver *drv;
	const struct conf *conf;
	const struct clinician_conf *who;
	void (*lose_next)(void);   /* the next deliver(): the mail arrives, the answer does not */
	void (*break_next)(void);  /* the connection ends before the mail is there */
	void (*refuse_next)(void); /* quota */
	void (*renumber)(void);	   /* UIDVALIDITY changes, the mails stay */
	void (*reset)(void);	   /* an empty server */
	size_t (*count)(const char *folder);
};
/* Runs all tests; how many failed. */
int mailbox_contract(const struct mailbox_subject *);

#endif
