/*
 * agreement -- what a clinician and a patient agreed may be said by portal.
 *
 * The patient may tighten alone, at any time and at once; loosening is proposed until patient and clinician have both
 * said it. Nothing goes below the legal floor. Expired or revoked means the default again. (Kane & Sands, JAMIA 1998.)
 */
#ifndef POLICIES_AGREEMENT_H
#define POLICIES_AGREEMENT_H

#include "conf/boundaries.h"
#include "policies/facts.h"

enum agreement_state { AGREEMENT_PROPOSED, AGREEMENT_IN_FORCE, AGREEMENT_EXPIRED, AGREEMENT_REVOKED };
const char *agreement_state_name(enum agreement_state);

/* Is this agreement in force at now? Tightening (stricter than the class's default) needs only the patient's consent;
 * loosening needs both. */
enum agreement_state agreement_state(const struct boundaries *, const struct agreement *, int64_t now);
/* The decision a value stands for. */
enum decision agreement_decision(enum agreement_value);
/* The agreement that applies to a class: clinician scope before team before clinic; among equals the newest in force;
 * an exact class before "news.*". NULL: none, the default applies. */
const struct agreement *agreement_for(const struct boundaries *, const struct message_facts *, const char *class_name);
/* May a proxy give this consent? Not for a minor's confidential classes. */
bool agreement_proxy_may(const struct boundaries *, const struct patient_facts *, const char *class_name);

#endif
