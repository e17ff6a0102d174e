/*
 * policy_help -- the shipped boundaries and a judged message, for the tests of policies/.
 *
 * Tests run from the top of the source tree. Errors: a failing assert of cmocka.
 */
#ifndef TESTS_POLICY_HELP_H
#define TESTS_POLICY_HELP_H

#include "conf/boundaries_in.h"
#include "policies/engine.h"

/* The shipped boundaries, loaded once per program; never freed before policy_help_done(). */
const struct boundaries *policy_shipped(void);
void policy_help_done(void);

/* Homer Simpson, 1001, adult, US-default, Monday 2026-03-02 15:00 UTC. */
struct message_facts policy_facts(enum direction, const char *subject, const char *body);
struct verdict policy_judged(const struct boundaries *, const struct message_facts *, struct arena *);

/* "flag.stroke+cp news.malignancy-ho": class, assertion + - ?, time c r h y, who p o; sorted by name. In the arena. */
const char *policy_mentions(const struct verdict *, struct arena *);
/* The mentions of a body by a patient, or by a clinician. */
const char *policy_from_patient(const char *body, struct arena *);
const char *policy_to_patient(const char *body, struct arena *);

#endif
