/*
 * due -- who owes an answer, by which calendar and rule, and who answers while they are away.
 *
 * An addressee is "clinician:lee" or "pool:nurses". Pure over one configuration; strings live in it or in the arena.
 */
#ifndef FLOW_DUE_H
#define FLOW_DUE_H

#include "conf/conf.h"
#include "conf/response.h"
#include "policies/facts.h"
#include "store/store.h"

/* The calendar that counts for an addressee; the clinic's for nobody we know. */
const struct calendar *due_calendar(const struct conf *, const char *addressee);
/* The rule by which a request is tracked. "At once" is an automatic answer, not a time a person can keep: an emergency
 * is then tracked as what is urgent. NULL or SLA_NONE: no answer is owed. */
const struct sla *due_rule(const struct conf *, const struct calendar *, const char *category, enum urgency);

bool due_is_away(const struct calendar *, int64_t at);
/* Who answers for the addressee at that time: the cover, or the cover's cover while that one is away too. NULL: nobody.
 */
const char *due_cover(const struct conf *, const char *addressee, int64_t at, struct arena *);
/* Who is asked next when the addressee does not answer: the cover, else the clinician's pool. NULL: nobody. */
const char *due_next(const struct conf *, const char *addressee, int64_t at, struct arena *);

/* The clinicians of an addressee: one, or the members of the pool. */
struct due_readers {
	const char *const *id;
	size_t n;
};
struct due_readers due_readers(const struct conf *, const char *addressee, struct arena *);
/* A delivery of the message to each of them; those who have it already get nothing new. */
enum status due_bring(struct tx *, const struct conf *, const char *message, const char *addressee, struct arena *,
    struct err *) MUST_CHECK;

#endif
