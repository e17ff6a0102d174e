/*
 * judging -- one message while it is judged: mentions.c finds what it says, weigh.c lets one mention speak for another,
 * engine.c decides. Shared by those three only.
 */
#ifndef POLICIES_JUDGING_H
#define POLICIES_JUDGING_H

#include "policies/read.h"

#include <string.h>

/* A mention while it is being weighed against the others. */
struct weighed {
	struct mention m;
	const char *rule;
	int urgency;
	bool heading, positive, by_reply; /* of a subject line; a test found it; the subject of the thread */
	struct span redact;
	uint32_t sentence, clause, clause_end; /* of its passage */
	const struct passage *passage;
};

struct judging {
	struct reader rd;
	const struct passage **passage;
	size_t npassages, passages_cap;
	struct weighed *w;
	size_t nw, cap;
	const char *not_screened;
	bool leaked;
};

static inline bool
is_class(const char *class_name, const char *family)
{
	return strncmp(class_name, family, strlen(family)) == 0;
}

/* One more mention; its place is valid until the next one is added. */
struct weighed *mention_add(struct judging *, struct mention, const char *rule, int urgency);
/* The mentions of a passage, leaks included. by_reply: it is the subject of a thread that began before. */
void mentions_read(struct judging *, const struct passage *, bool by_reply);
/* Drops what another mention says better. */
void mentions_weigh(struct judging *);
/* Drops what only the subject of the thread says. */
void mentions_forget_thread(struct judging *);

#endif
