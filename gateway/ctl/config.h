/*
 * config -- portico config check | show | keys: what the administrator wrote, what is in force, what can be written.
 */
#ifndef CTL_CONFIG_H
#define CTL_CONFIG_H

#include "ctl/ctl.h"

/* Each mistake on a line of its own on standard error and EX_CONFIG, or one line that says ok. Needs no daemon. */
int cmd_config_check(struct ctl *);
int cmd_config_show(struct ctl *);
int cmd_config_keys(struct ctl *); /* [--man] */

#endif
