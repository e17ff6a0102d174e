/*
 * triage -- what a message asks for, how soon it must be seen, and where it goes.
 *
 * Categories: "medical_advice", "test_result_question" (from a patient) or "test_result" (from a clinician),
 * "rx_renewal", "appointment", "form", "billing", "technical", "complaint", "social".
 *
 * Owns: strings are literals or of the boundaries. Errors: none. Threads: any.
 */
#ifndef POLICIES_TRIAGE_H
#define POLICIES_TRIAGE_H

#include "policies/read.h"

#define TRIAGE_MAX 16 /* categories of one message */

struct triage {
	const char *category[TRIAGE_MAX];
	size_t n;
	enum urgency urgency; /* from the categories and mentions; not screened is the engine's business */
	const char *route, *auto_reply;
};

/* What the mentions add up to, gathered by the engine while it makes them. */
struct findings {
	enum urgency flag;	  /* highest of the red flags that count */
	bool flag_seen;		  /* any red flag but one that is about supply */
	bool supply_out;	  /* flag.critical_med_out */
	bool topic, news, result; /* of the patient, current */
	bool other_news;	  /* somebody else's, or not now */
	bool med_change;
	bool flag_advice;   /* to the patient: a red flag spoken of */
	bool reply_subject; /* the subject line is the thread's, not this message's */
};

void triage_message(
    const struct reader *, const struct passage *const *p, size_t np, const struct findings *, struct triage *ret);
/* A few words of thanks and nothing else. */
bool triage_is_thanks(const struct reader *, const struct passage *body);
/* Route and automatic reply for an urgency that was raised after triage_message(). */
void triage_route(const struct boundaries *, struct triage *);

#endif
