/* courier_in -- what courier.c shares with its two lanes; nobody else includes it. */
#ifndef FLOW_COURIER_IN_H
#define FLOW_COURIER_IN_H

#include "flow/courier.h"
#include "flow/facts.h"

#define SESSIONS 8

struct session {
	char id[64]; /* clinician or portal id */
	struct mailbox *box;
	struct portal *portal;
	int64_t used_ms;
};

struct courier {
	struct world *w;
	const char *lane;
	const struct courier_drivers *drivers;
	courier_note note;
	void *note_arg;
	struct session session[SESSIONS];
	struct view view; /* of the sessions: they were opened under this configuration */
	bool has_view;
};

/* One delivery in hand. */
struct job {
	struct courier *c;
	struct view *v;
	struct arena *a;
	struct delivery *d;
	struct message_row *m;
	struct thread *thread;	 /* NULL: the message belongs to none */
	struct patient *patient; /* NULL then */
	struct promise_row *promises;
	size_t npromises;
	struct agreement *agreements;
	size_t nagreements;
	struct message_row *before; /* newest first: the thread's messages, for References */
	size_t nbefore;
	struct content *content; /* own */
	char *remote_id;	 /* own; set by the lanes on success */
	int64_t began_ms, size;	 /* monotonic; bytes handed over, for the trace */
};

/* Each brings the job to the far side; on ST_OK job->remote_id says what it is called there. */
enum status courier_to_mailbox(struct job *, struct err *) MUST_CHECK;
enum status courier_to_portal(struct job *, struct err *) MUST_CHECK;
/* The clinician of "mailbox:lee"; NULL when the directory no longer knows the name. */
const struct clinician_conf *job_clinician(const struct job *);
/* A slot for the session with id; the least recently used one is closed to make room. */
struct session *courier_session(struct courier *, const char *id);
void courier_drop(struct courier *, const char *id);
/* Everything a clinician reads around the patient's words: courier_block.c. In the arena. */
const char *courier_block(const struct job *);

#endif
