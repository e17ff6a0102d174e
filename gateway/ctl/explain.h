/*
 * explain -- "portico mail explain" in two halves: looking at a mail (mail_explain.c), and saying it (explain_show.c).
 */
#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

#include "crypto/open.h"
#include "ctl/ctl.h"

#define EXPLAIN_PARTS 1000

struct explain_part {
	unsigned depth;
	const char *type; /* "text/plain" */
	const char *name; /* file name, or NULL */
	size_t bytes;	  /* of the body as it travels */
};
struct explained {
	const char *file;
	enum open_outcome outcome; /* the stricter of what opening and what taking over the content said */
	const char *reason;
	const char *limit_hit;
	struct opened opened;
	bool automatic;
	const char *automatic_kind; /* "no", "reply", "dsn", ... */
	const char *thread;	    /* "P-7K3QXM" as the token in a reply says, its MAC unchecked; NULL */
	struct explain_part part[EXPLAIN_PARTS];
	size_t nparts;
};

/* What each way in would do with it: "accept", "reject" (550 in the compose window), "hold" (kept for a person; over
 * IMAP in Portal/Failed with an explanation) or "record" (an event, never an answer). */
struct explain_would {
	const char *submission, *imap, *port25;
};
struct explain_would explain_would(const struct explained *);

void explain_json(const struct explained *); /* one line */
void explain_people(const struct explained *);

#endif
