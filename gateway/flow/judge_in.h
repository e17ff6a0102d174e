/* judge_in -- what judge.c shares with command.c and commit.c; nobody else includes it. */
#ifndef FLOW_JUDGE_IN_H
#define FLOW_JUDGE_IN_H

#include "crypto/open.h"
#include "flow/facts.h"
#include "flow/judge.h"
#include "mail/reply.h"
#include "mail/token.h"

struct judging {
	struct view *v;
	const struct inbound *in;
	struct arena *a;
	struct entity outer;
	char source_key[65];
	char refusal[16]; /* "R-7Q2M4K9C", the same for every repeat */
	const char *message_id;
	int64_t now;
	struct opened opened;
	const struct clinician_conf *who; /* the author, once identity is certain */
	struct token token;
	struct conversation c;
	struct worker_content inside; /* own: what a worker found inside, if one did the opening */
	struct content *content;      /* own: what will be posted */
	struct verdict verdict;
	const struct clinician_conf *login; /* who logged in, for notices; NULL */
	struct answer answer;
};

/* What the author wrote, as content; own. NULL and a code: "limit..." or another reason why it cannot be taken over. */
struct content *judge_content(struct judging *, const char **code);

/* Taken: delivered, held, redacted, delayed or redirected as the verdict says. ST_MSG_REFUSED replay. */
enum status commit_reply(struct judging *, struct err *) MUST_CHECK;
/* Refused by a boundary: nothing in custody, a notice and the decision. */
enum status commit_refusal(struct judging *, struct err *) MUST_CHECK;
/* Refused for cryptography, identity, routing or form; reason is a stable literal. */
enum status commit_unreadable(struct judging *, const char *reason, struct err *) MUST_CHECK;
/* A robot's mail: kept as an event, never posted. */
enum status commit_event(struct judging *, const char *note, struct err *) MUST_CHECK;
/* The answer to a question about a hold. */
enum status commit_command(struct judging *, struct err *) MUST_CHECK;
/* Is the whole text nothing but such an answer (SEND, ACORDADO, 3)? Then it is never meant for a patient. */
bool is_hold_answer(const char *text);

/* couriers.hold open hours, half the time left on the promise, 30 minutes when urgent: the earliest. Seconds UTC. */
enum status hold_deadline(struct tx *, struct judging *, int64_t *ret, struct err *) MUST_CHECK;

#endif
