#include "flow/program.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/sandbox.h"

#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <sysexits.h>

#define DEFAULT_CONFIG "/etc/portico/portico.yaml"

static void
print_usage(const struct program *p, FILE *to)
{
	fprintf(to, "usage: %s [--config FILE] [--debug]\n\n%s", p->name, p->does);
}

bool
program_begin(const struct program *p, int argc, char **argv, struct world **ret, int *ret_exit)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "debug", no_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *config = DEFAULT_CONFIG;
	struct conf_errors errs = { .n = 0 };
	struct err err = ERR_NONE;
	int prio = LOG_INFO, c;
	bool ok;

	while ((c = getopt_long(argc, argv, "c:dh", longs, NULL)) != -1) {
		if (c == 'c')
			config = optarg;
		else if (c == 'd')
			prio = LOG_DEBUG;
		else {
			print_usage(p, c == 'h' ? stdout : stderr);
			*ret_exit = c == 'h' ? 0 : EX_USAGE;
			return false;
		}
	}
	/* Patients' words must not end in a core file, nor be read by another process of the same user. */
	sandbox_quiet();
	fault_init();
	log_open(p->name, prio);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &p->waited, NULL);
	ok = world_open(config, &p->world, &errs, ret, &err) == ST_OK;
	if (!ok) {
		fputs(buf_str(&errs.text), stderr);
		log_event(LOG_ERR, "cannot-start", F_ERR(&err));
		*ret_exit = errs.n > 0 ? EX_CONFIG : EX_UNAVAILABLE;
	}
	conf_errors_free(&errs);
	return ok;
}

void
program_reload(const struct program *p, struct world *w)
{
	struct conf_errors errs = { .n = 0 };
	struct err err = ERR_NONE;

	if (world_reload(w, &errs, &err) == ST_OK) {
		log_event(LOG_NOTICE, "reloaded", F_NAME("program", p->name));
	} else {
		log_event(LOG_ERR, "reload-refused", F_NUM("mistakes", (int64_t)errs.n), F_ERR(&err));
		fputs(buf_str(&errs.text), stderr);
	}
	conf_errors_free(&errs);
}
