/*
 * portal -- portico portal check | show | jwks: a portal of the configuration, as the server itself answers. No daemon
 * is needed; [ID] may be left out where only one portal is a server.
 */
#ifndef CTL_PORTAL_H
#define CTL_PORTAL_H

#include "ctl/ctl.h"

int cmd_portal_check(struct ctl *); /* [ID]: every step, pass or what to do; EX_UNAVAILABLE when one failed */
int cmd_portal_show(struct ctl *);  /* [ID] */
int cmd_portal_jwks(struct ctl *);  /* [ID] */

#endif
