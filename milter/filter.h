/*
 * filter -- the milter callbacks: capture, then one call to judge_mail(), then one answer.
 *
 * A mail with no recipient of ours is let through before its body is looked at. {auth_authen} counts only on services
 * the configuration names: the milter's socket is an authentication boundary.
 * Threads: libmilter's; everything a session has hangs on its private pointer.
 */
#ifndef MILTER_FILTER_H
#define MILTER_FILTER_H

#include "flow/world.h"

#include <libmilter/mfapi.h>

/* world is borrowed and outlives smfi_main(). */
extern const struct smfiDesc filter_desc;
void filter_use(struct world *);
/* Sessions that have a mail in hand: what a stop waits for. */
int filter_live(void);

#endif
