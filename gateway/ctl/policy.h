/*
 * policy -- what the policy verbs share: which boundaries they use, and how a verdict is told.
 *
 * The boundaries are those of --boundaries FILE, else of $PORTICO_BOUNDARIES, else the shipped ones, which are part of
 * the program: the verbs run with no configuration and no daemon.
 */
#ifndef CTL_POLICY_H
#define CTL_POLICY_H

#include "conf/boundaries_in.h"
#include "ctl/ctl.h"
#include "policies/facts.h"

/* The files shipped with this version; the first is boundaries.yaml. */
const struct boundaries_source *shipped_boundaries(size_t *ret_n);

/* 0, or an exit code after having said why. file: the value of --boundaries or NULL. boundaries_unload() when done. */
int policy_boundaries(const char *file, struct arena *, struct boundaries **ret);

#endif
