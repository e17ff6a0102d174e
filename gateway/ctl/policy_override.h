/*
 * policy_override -- a case file's "policy" object laid over the boundaries it is run with.
 *
 * Owns: what it adds lives in the boundaries' arena. Errors: ST_MSG_REFUSED in operators' words.
 */
#ifndef CTL_POLICY_OVERRIDE_H
#define CTL_POLICY_OVERRIDE_H

#include "conf/boundaries_in.h"

#include <jansson.h>

enum status policy_override(struct boundaries *, json_t *policy, struct arena *, struct err *) MUST_CHECK;

#endif
