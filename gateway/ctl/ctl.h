/*
 * ctl -- the administrator's and supporter's command: portico <noun> <verb> [options].
 *
 * A verb is one function and one row of the table in portico.c. It prints to standard output for people, or JSON with
 * --json, says what went wrong and what to do next on standard error, and returns an exit code of sysexits(3).
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/err.h"

#include <stdbool.h>
#include <sysexits.h>

struct ctl {
	int argc;	    /* arguments after noun and verb; the common options are already taken out */
	char **argv;	    /* argv[0] is the verb */
	bool json;	    /* --json */
	const char *config; /* --config FILE, else $PORTICO_CONFIG, else /etc/portico/portico.yaml */
};

typedef int (*ctl_fn)(struct ctl *);

/* The text printed by --help for this verb goes to stderr, with "portico: " and the reason first; returns EX_USAGE. */
int ctl_usage(const struct ctl *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "portico: <text>" on stderr; returns the exit code that fits (ST_LOCAL 71..75, ST_MSG_REFUSED EX_DATAERR, ...). */
int ctl_fail(const struct err *);

/* Verbs that need neither configuration nor daemon. */
int cmd_policy_cases(struct ctl *);  /* policy cases FILE.json */
int cmd_promise_cases(struct ctl *); /* promise cases FILE.json */
int cmd_mail_explain(struct ctl *);  /* mail explain [--trust FILE]... FILE... */

#endif
