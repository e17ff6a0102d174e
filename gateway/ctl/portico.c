#include "ctl/config.h"
#include "ctl/ctl.h"
#include "ctl/portal.h"

#include "base/buf.h"
#include "base/own.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verb {
	const char *noun, *verb, *args, *help;
	ctl_fn run;
};

/* Sorted by noun: this is what --help prints, and the manual page is checked against it. */
static const struct verb verbs[] = {
	{ "agreement", "list", "[--patient P]", "what was agreed, proposed, expired or revoked", cmd_agreement_list },
	{ "agreement", "revoke", "ID --by patient|clinician", "end an agreement: the default applies again",
	    cmd_agreement_revoke },
	{ "agreement", "set", "--patient P --scope S --class C --value V --by patient|clinician [--expires TIME]",
	    "record one consent; loosening is proposed until both have said it", cmd_agreement_set },
	{ "bridge", "reload", "", "let the bridge read its configuration again", cmd_bridge_reload },
	{ "ca", "init", "", "root, intermediate, site key and the gateway's own certificate", cmd_ca_init },
	{ "calendar", "show", "[ID]", "when messages are answered, and which line of the configuration says so",
	    cmd_calendar_show },
	{ "clinician", "enroll", "ID --p12 FILE --password-file FILE [--p12-legacy] [--ec] [--days N]",
	    "certificate and PKCS#12 for a clinician's mail client", cmd_clinician_enroll },
	{ "clinician", "list", "", "who can be written to, and until when their certificates last",
	    cmd_clinician_list },
	{ "config", "check", "", "every mistake in the configuration, with file, line and column", cmd_config_check },
	{ "config", "keys", "[--man]", "every configuration key with its default and meaning", cmd_config_keys },
	{ "config", "show", "", "the configuration as it is understood", cmd_config_show },
	{ "incident", "list", "[--all]", "what is wrong, since when and whose it is", cmd_incident_list },
	{ "ledger", "check", "[--blobs]", "prove that every message is accounted for", cmd_ledger_check },
	{ "mail", "explain",
	    "[--config F] [--at TIME] [--trust FILE]... [--key K --cert C]... [--clinician ADDR]... FILE...",
	    "what Portico sees in a mail and would do with it", cmd_mail_explain },
	{ "message", "list", "[--thread T] [--state S] [--limit N]", "messages, newest first", cmd_message_list },
	{ "message", "show", "REF", "one message's state, owner and deadline", cmd_message_show },
	{ "message", "trace", "REF", "every step of a message with time, size and code; no content",
	    cmd_message_trace },
	{ "patient", "add", "--portal-key K --given G --family F --mrn M [--birth-date D] [--zone Z] ...",
	    "add or change a patient", cmd_patient_add },
	{ "patient", "list", "", "known patients", cmd_patient_list },
	{ "patient", "read", "--patient P [--thread T]", "what a patient sees in the embedded portal",
	    cmd_patient_read },
	{ "patient", "show", "P", "one patient's record", cmd_patient_show },
	{ "patient", "write", "--patient P --to ID [--subject S] [--thread T] <TEXT",
	    "write as a patient in the embedded portal", cmd_patient_write },
	{ "policy", "cases", "[--boundaries F] FILE.json", "run worked examples against the boundaries",
	    cmd_policy_cases },
	{ "policy", "explain", "[--boundaries F] [--from-patient] [--agree CLASS=VALUE] [--jurisdiction J] ... FILE",
	    "how a text is read, what is decided, by which rule, and what would change it", cmd_policy_explain },
	{ "policy", "test", "[--boundaries F]", "run the examples that every rule brings", cmd_policy_test },
	{ "portal", "check", "[ID]", "walk through every step with a portal's server: pass, or what to do",
	    cmd_portal_check },
	{ "portal", "jwks", "[ID]", "the public keys to register with a portal", cmd_portal_jwks },
	{ "portal", "show", "[ID]", "what we concluded about a portal's server", cmd_portal_show },
	{ "promise", "cases", "FILE.json", "run worked examples against the response times", cmd_promise_cases },
	{ "promise", "list", "[--open] [--thread T] [--since TIME]", "what patients were told, and what became of it",
	    cmd_promise_list },
	{ "promise", "report", "[--since TIME]",
	    "promised, kept, broken and how long it took, by clinician, team, category", cmd_promise_report },
	{ "promise", "show", "REF", "one promise, or those of one conversation", cmd_promise_show },
	{ "promise", "when", "--clinician X --category C [--urgency U] [--at TIME]",
	    "by when a message would be answered, and by which rule", cmd_promise_when },
	{ "status", "", "", "where everything is, in one screen", cmd_status },
	{ "template", "check", "[--language L] [DIR]", "are the automatic replies fit to be sent", cmd_template_check },
	{ "template", "show", "KIND [--language L]", "an automatic reply as a patient would read it",
	    cmd_template_show },
	{ "thread", "close", "T", "close a conversation; the patient can open it again", cmd_thread_close },
	{ "thread", "list", "", "conversations", cmd_thread_list },
	{ "thread", "show", "T", "one conversation's messages and promises; no content", cmd_thread_show },
};

static const struct verb *running;

static void
print_usage(FILE *to, const struct verb *v)
{
	fprintf(to, "usage: portico %s%s%s%s%s\n  %s\n", v->noun, *v->verb ? " " : "", v->verb, *v->args ? " " : "",
	    v->args, v->help);
}

static void
print_help(FILE *to, const char *noun)
{
	fputs("usage: portico [--config FILE] [--json] NOUN VERB ...\n\n", to);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (noun == NULL || strcmp(verbs[i].noun, noun) == 0)
			fprintf(to, "  %-10s %-8s %s\n", verbs[i].noun, verbs[i].verb, verbs[i].help);
	fputs("\nportico NOUN VERB --help says more. portico(8) is the manual.\n", to);
}

int
ctl_usage(const struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	(void)c;
	fputs("portico: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	if (running != NULL)
		print_usage(stderr, running);
	return EX_USAGE;
}

int
ctl_fail(const struct err *err)
{
	fprintf(stderr, "portico: %s (%s)\n", err->text, err->code);
	switch (err->st) {
	case ST_MSG_REFUSED:
		return EX_DATAERR;
	case ST_MSG_RETRY:
	case ST_REMOTE_DOWN:
		return EX_TEMPFAIL;
	default:
		return EX_OSERR;
	}
}

int
ctl_options(const struct ctl *c, const struct ctl_opt *opt, size_t n, const char **word, size_t max)
{
	size_t words = 0;

	for (size_t i = 0; i <= max; i++)
		word[i] = NULL;
	for (int i = 1; i < c->argc; i++) {
		const struct ctl_opt *o = NULL;

		if (strncmp(c->argv[i], "--", 2) != 0) {
			if (words == max)
				return ctl_usage(c, "%s: one word too many", c->argv[i]);
			word[words++] = c->argv[i];
			continue;
		}
		for (size_t k = 0; k < n; k++)
			if (strcmp(opt[k].name, c->argv[i]) == 0)
				o = &opt[k];
		if (o == NULL)
			return ctl_usage(c, "%s: no such option here", c->argv[i]);
		if (o->flag != NULL) {
			*o->flag = true;
			continue;
		}
		if (i + 1 == c->argc)
			return ctl_usage(c, "%s: a value is missing", c->argv[i]);
		*o->value = c->argv[++i];
	}
	return 0;
}

static const struct verb *
find(const char *noun, const char *verb)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].noun, noun) == 0 && (verbs[i].verb[0] == '\0' || strcmp(verbs[i].verb, verb) == 0))
			return &verbs[i];
	return NULL;
}

/* "--json" and "--config FILE" may stand anywhere; "mail explain" reads its own --config. */
static int
take_common(struct ctl *c, int argc, char **argv, char **rest, bool *ret_help)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			*ret_help = true;
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
			c->config = argv[++i];
			c->config_given = true;
		} else if (strncmp(argv[i], "--config=", 9) == 0) {
			c->config = argv[i] + 9;
			c->config_given = true;
		} else
			rest[n++] = argv[i];
	}
	rest[n] = NULL;
	return n;
}

int
main(int argc, char **argv)
{
	const char *env = getenv("PORTICO_CONFIG");
	struct ctl c = { .config = env != NULL && *env != '\0' ? env : "/etc/portico/portico.yaml" };
	char **rest = xcalloc((size_t)argc + 1, sizeof *rest);
	bool help = false;
	int n = take_common(&c, argc, argv, rest, &help), rc;
	const struct verb *v = n > 0 ? find(rest[0], n > 1 ? rest[1] : "") : NULL;
	int used = v != NULL && v->verb[0] != '\0' ? 2 : 1;

	if (v == NULL) {
		bool known = false;

		for (size_t i = 0; n > 0 && i < ARRAY_LEN(verbs); i++)
			known = known || strcmp(verbs[i].noun, rest[0]) == 0;
		if (n > 0 && !help)
			fprintf(stderr, "portico: %s%s%s: %s\n", rest[0], n > 1 && known ? " " : "",
			    n > 1 && known ? rest[1] : "",
			    !known  ? "no such noun"
			    : n > 1 ? "no such verb"
				    : "a verb is missing");
		print_help(help ? stdout : stderr, known ? rest[0] : NULL);
		free(rest);
		return help ? 0 : EX_USAGE;
	}
	running = v;
	if (help) {
		print_usage(stdout, v);
		free(rest);
		return 0;
	}
	c.argv = rest + used - 1;
	c.argc = n - used + 1;
	rc = v->run(&c);
	free(rest);
	if (fflush(stdout) != 0 || ferror(stdout))
		return rc != 0 ? rc : EX_IOERR;
	return rc;
}
