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
#include <stddef.h>
#include <sysexits.h>

struct ctl {
	int argc;	    /* arguments after noun and verb; the common options are already taken out */
	char **argv;	    /* argv[0] is the verb */
	bool json;	    /* --json */
	const char *config; /* --config FILE, else $PORTICO_CONFIG, else /etc/portico/portico.yaml */
	bool config_given;  /* --config was said */
};

typedef int (*ctl_fn)(struct ctl *);

/* The text printed by --help for this verb goes to stderr, with "portico: " and the reason first; returns EX_USAGE. */
int ctl_usage(const struct ctl *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "portico: <text>" on stderr; returns the exit code that fits (ST_LOCAL 71..75, ST_MSG_REFUSED EX_DATAERR, ...). */
int ctl_fail(const struct err *);

/* Options of one verb: "--name VALUE", or "--name" alone for a flag; what is left over are the words. */
struct ctl_opt {
	const char *name;   /* "--patient" */
	const char **value; /* set to the text; borrowed from argv */
	bool *flag;	    /* or set to true */
};
/* At most max words into word (NULL-terminated; room for max + 1). 0, or EX_USAGE after having said why. */
int ctl_options(const struct ctl *, const struct ctl_opt *, size_t n, const char **word, size_t max);

/* Prints JSON on one line, or what print_people() makes of it when --json was not given. */
struct json_t;
/* Asks the bridge; *ret is a new json object (json_decref). 0 or an exit code after having said why and what to do. */
int ctl_ask(const struct ctl *, const char *verb, struct json_t *args /* takes */, struct json_t **ret);

/* The configuration (without its boundaries) and the store, for looking only; 0 or an exit code. */
struct conf;
struct store;
int ctl_conf(const struct ctl *, struct conf **ret);
int ctl_look(const struct ctl *, struct conf **ret_conf, struct store **ret_store);
/* The same with boundaries and the site key, so that sealed rows and blobs can be read; root or the bridge's user. */
int ctl_look_with_keys(const struct ctl *, struct conf **ret_conf, struct store **ret_store);

/* Verbs that need neither configuration nor daemon. */
int cmd_policy_cases(struct ctl *);   /* policy cases FILE.json */
int cmd_policy_test(struct ctl *);    /* policy test [--boundaries FILE] */
int cmd_policy_explain(struct ctl *); /* policy explain [--boundaries FILE] ... FILE */
int cmd_promise_cases(struct ctl *);  /* promise cases FILE.json */
int cmd_template_check(struct ctl *); /* template check [--language L] [DIR] */
int cmd_mail_explain(struct ctl *);   /* mail explain [--trust FILE]... FILE... */

/* The administrator's verbs. */
int cmd_status(struct ctl *);
int cmd_message_list(struct ctl *);
int cmd_message_show(struct ctl *);
int cmd_message_trace(struct ctl *);
int cmd_thread_show(struct ctl *);
int cmd_thread_list(struct ctl *);
int cmd_thread_close(struct ctl *);
int cmd_patient_add(struct ctl *);
int cmd_patient_show(struct ctl *);
int cmd_patient_list(struct ctl *);
int cmd_patient_write(struct ctl *);
int cmd_patient_read(struct ctl *);
int cmd_agreement_set(struct ctl *);
int cmd_agreement_list(struct ctl *);
int cmd_agreement_revoke(struct ctl *);
int cmd_clinician_enroll(struct ctl *);
int cmd_clinician_list(struct ctl *);
int cmd_ca_init(struct ctl *);
int cmd_ledger_check(struct ctl *);
int cmd_incident_list(struct ctl *);
int cmd_bridge_reload(struct ctl *);

int cmd_promise_list(struct ctl *);   /* promise list [--open] [--thread T] [--since TIME] */
int cmd_promise_show(struct ctl *);   /* promise show REF */
int cmd_promise_report(struct ctl *); /* promise report [--since TIME] */

/* Verbs that read the configuration. */
int cmd_promise_when(struct ctl *);  /* promise when --clinician X --category C [--at TIME] */
int cmd_calendar_show(struct ctl *); /* calendar show [ID] */
int cmd_template_show(struct ctl *); /* template show KIND [--language L]: as a patient would read it */

#endif
