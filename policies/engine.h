/*
 * engine -- facts in, verdict out: the one entry the milter, the bridge, `portico policy` and the tests call.
 *
 * policy_judge() reads subject, body and attachments against the lexicons, gives each mention its assertion, time and
 * experiencer, triages, applies defaults, agreements and legal floors, and names the decision with its rule.
 *
 * Asymmetric: a mention is downgraded only by a closed list of cues inside the same clause; doubt stays affirmed.
 * TO_CLINICIAN is never held: act is ACT_DELIVER always. TO_PATIENT fails closed: what cannot be read is held.
 *
 * Owns:     arrays of *ret live in a; strings of *ret in a or in b.
 * Errors:   ST_LOCAL when the engine itself failed; the caller then holds (to the patient) or delivers flagged as not
 *           screened and urgent (to the clinician).
 * Threads:  any; struct boundaries is const, scratch memory is per call or per thread.
 */
#ifndef POLICIES_ENGINE_H
#define POLICIES_ENGINE_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/boundaries.h"
#include "policies/facts.h"

enum status policy_judge(const struct boundaries *b, const struct message_facts *f, struct arena *a,
    struct verdict *ret, struct err *) MUST_CHECK;

/* The neutral text a clinician can send instead of news that belongs in a conversation; the engine itself lets it
 * pass. language "es" or English. A literal. */
const char *policy_invitation(const char *language);
/* A class in a clinician's words: "a diagnosis of cancer". A literal; the class name itself when there is none. */
const char *policy_class_words(const struct boundaries *b, const char *class_name, const char *language);

#endif
