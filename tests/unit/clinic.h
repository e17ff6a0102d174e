/*
 * clinic -- a whole clinic in one test process: configuration, ledger, certificates, the embedded portal and mailboxes
 * in memory; a clock that stands still until a test moves it. Real policies, real S/MIME, real SQLite.
 */
#ifndef TEST_CLINIC_H
#define TEST_CLINIC_H

#include "flow/courier.h"
#include "flow/judge.h"
#include "flow/world.h"

struct clinic {
	struct world *w;
	struct courier *to_mailbox, *to_portal;
	struct arena *a;
	char *dir;
};

/* A Wednesday at 15:00 UTC, 10 or 11 in New York: everybody is at work. The first one that the certificates, which are
 * made for today, reach. */
#define CLINIC_NOW clinic_now()
int64_t clinic_now(void);

void clinic_open(struct clinic *);
void clinic_close(struct clinic *);
void clinic_set_clock(struct clinic *, int64_t now);
/* A patient of the embedded portal, and what the patient writes there; intake included. */
void clinic_patient(struct clinic *, const char *key, const char *given, const char *family, const char *mrn);
const char *clinic_write(struct clinic *, const char *patient, const char *to, const char *thread, const char *text);
/* The two halves of it: the portal has it, and we take in what waits there. */
const char *clinic_post(struct clinic *, const char *patient, const char *to, const char *thread, const char *text);
void clinic_take_in(struct clinic *);
/* Runs both couriers until there is nothing to do; how many deliveries were handled. */
size_t clinic_run(struct clinic *);
/* The i-th mail of a clinician, opened with the clinician's own key: headers and text, own by the arena. */
struct clinic_mail {
	const char *message_id, *subject_outer, *text;
	struct slice raw;
};
bool clinic_mail(struct clinic *, const char *who, size_t i, struct clinic_mail *ret);
size_t clinic_mails(const char *who);

/* An answer as a mail client makes it; zero fields mean the ordinary thing. */
struct clinic_answer {
	const char *from;	 /* clinician id; also the signer and the login unless said otherwise */
	const char *signer;	 /* id of another key; "" for not signed */
	const char *login;	 /* "" for not logged in */
	bool clear;		 /* signed, not encrypted */
	const char *in_reply_to; /* Message-ID without brackets */
	const char *text;
	const char *headers; /* further outer header lines, CRLF */
	const char *message_id;
	struct buf *keep;	 /* the mail as it was sent is appended here */
	const struct buf *again; /* the signed and encrypted body of a mail that was kept, under this answer's header */
};
/* Judges it; the answer's code and text. */
struct answer clinic_judge(struct clinic *, const struct clinic_answer *);
/* What the patient reads: the last post's text in the arena, and how many posts there are. */
const char *clinic_last_post(struct clinic *, const char *patient, size_t *ret_n);
/* Balance and no breach, or the test fails. */
void clinic_check(struct clinic *);
struct ledger_count clinic_count(struct clinic *);

#endif
