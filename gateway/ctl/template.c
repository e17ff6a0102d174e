/*
 * template check, template show -- the automatic replies: is a text fit to be sent, and how would a patient read it.
 */
#include "base/clock.h"
#include "base/file.h"
#include "conf/conf.h"
#include "conf/response.h"
#include "conf/templates.h"
#include "ctl/ctl.h"
#include "policies/autoreply.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const languages[] = { "en", "es" };

static bool
kind_of(const char *name, enum autoreply_kind *ret)
{
	for (int k = AUTOREPLY_PROMISE; k <= AUTOREPLY_UNDELIVERED; k++)
		if (strcmp(autoreply_kind_name((enum autoreply_kind)k), name) == 0) {
			*ret = (enum autoreply_kind)k;
			return true;
		}
	return false;
}

/* The file in dir when there is one, else the shipped text. */
static enum status
text_for(const char *dir, const char *language, const char *kind, struct buf *text, char **ret_name, struct err *err)
{
	AUTO_STR name = xasprintf("%s/%s/%s.txt", dir != NULL ? dir : "shipped", language, kind);
	struct stat st;

	if (dir != NULL && stat(name, &st) == 0)
		TRY(file_read(name, TEMPLATE_MAX_BYTES, text, err));
	else
		buf_puts(text, templates_get(NULL, language, kind));
	*ret_name = TAKE(name);
	return ST_OK;
}

/* Counts findings into *n; false for a file that cannot be read. */
static bool
check_one(const char *dir, const char *language, enum autoreply_kind kind, size_t *n, FILE *out)
{
	AUTO_BUF text = BUF_INIT;
	AUTO_BUF findings = BUF_INIT;
	AUTO_STR name = NULL;
	struct err err = ERR_NONE;

	if (text_for(dir, language, autoreply_kind_name(kind), &text, &name, &err) != ST_OK) {
		fprintf(stderr, "portico: %s\n", err.text);
		return false;
	}
	*n += autoreply_check(name, language, kind, buf_str(&text), &findings);
	fputs(buf_str(&findings), out);
	return true;
}

/* template check [--language L] [DIR]: every kind of every shipped language, or of one of the site's own. */
int
cmd_template_check(struct ctl *ctl)
{
	const char *language = NULL, *word[2] = { NULL };
	const struct ctl_opt opts[] = { { "--language", &language, NULL } };
	int rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 1);
	size_t findings = 0, checked = 0;
	struct stat st;

	if (rc != 0)
		return rc;
	if (language != NULL && (strchr(language, '/') != NULL || *language == '\0' || *language == '.'))
		return ctl_usage(ctl, "--language is a code such as en or es");
	if (word[0] != NULL && (stat(word[0], &st) != 0 || !S_ISDIR(st.st_mode))) {
		fprintf(stderr, "portico: %s: not a directory of templates\n", word[0]);
		return EX_NOINPUT;
	}
	for (size_t i = 0; i < (language != NULL ? 1 : ARRAY_LEN(languages)); i++)
		for (int k = AUTOREPLY_PROMISE; k <= AUTOREPLY_UNDELIVERED; k++) {
			if (!check_one(word[0], language != NULL ? language : languages[i], (enum autoreply_kind)k,
				&findings, ctl->json ? stderr : stdout))
				return EX_NOINPUT;
			checked++;
		}
	printf(
	    ctl->json ? "{\"templates\":%zu,\"findings\":%zu}\n" : "%zu templates, %zu findings\n", checked, findings);
	return findings == 0 ? EX_OK : EX_DATAERR;
}

/* template show KIND [--language L]: with the site's values and a made-up message received now. */
int
cmd_template_show(struct ctl *ctl)
{
	const char *language = "en", *word[2] = { NULL }, *subject, *text;
	const struct ctl_opt opts[] = { { "--language", &language, NULL } };
	AUTO(arena) a = arena_new();
	struct clock clock = clock_from_env();
	struct autoreply_facts f = { .who = "Dr. Example", .ref = "T-0000", .received = clock_now(&clock) };
	struct promise p = { .none = true };
	const struct sla *sla;
	struct conf *conf = NULL;
	struct err err = ERR_NONE;
	enum status st = ST_OK;
	int rc = ctl_options(ctl, opts, ARRAY_LEN(opts), word, 1);

	if (rc != 0)
		return rc;
	if (word[0] == NULL || !kind_of(word[0], &f.kind))
		return ctl_usage(ctl,
		    "template show needs a kind: promise, urgent, emergency, no_promise, technical, late or "
		    "undelivered");
	rc = ctl_conf(ctl, &conf);
	if (rc != 0)
		return rc;
	sla = promise_sla(conf->response, conf->response->clinic, "medical_advice", URGENCY_ROUTINE);
	if (sla != NULL)
		st = promise_compute(conf->response->clinic, sla, f.received, f.received, &p, &err);
	f.promise = &p;
	f.language = language;
	if (st == ST_OK)
		st = autoreply_text(conf, &f, a, &subject, &text, &err);
	if (st == ST_OK && ctl->json) {
		json_t *j = json_pack("{s:s, s:s}", "subject", subject, "text", text);

		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(j);
	} else if (st == ST_OK)
		printf("Subject: %s\n\n%s", subject, text);
	conf_unref(conf);
	return st == ST_OK ? EX_OK : ctl_fail(&err);
}
