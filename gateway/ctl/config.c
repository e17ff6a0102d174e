#include "ctl/config.h"

#include "base/own.h"
#include "conf/conf.h"
#include "conf/describe.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* "file:line:column: text"; the file's name may hold colons, the text may hold anything. */
static json_t *
mistake_json(const char *row, size_t n)
{
	AUTO_STR line = xstrndup(row, n);
	char *p = line, *text;
	int at, column;

	while ((p = strchr(p, ':')) != NULL && (sscanf(p, ":%d:%d: ", &at, &column) != 2 || strstr(p, ": ") == NULL))
		p++;
	if (p == NULL)
		return json_pack("{s:s}", "text", line);
	text = strstr(p, ": ") + 2;
	*p = '\0';
	return json_pack("{s:s, s:i, s:i, s:s}", "file", line, "line", at, "column", column, "text", text);
}

static void
print_json(const struct conf_errors *errs, const struct conf *c)
{
	json_t *all = json_array(), *root;

	for (const char *p = buf_str(&errs->text), *end; *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		json_array_append_new(all, mistake_json(p, (size_t)(end - p)));
	}
	root = json_pack("{s:b, s:i, s:o}", "ok", c != NULL, "count", (int)errs->n, "mistakes", all);
	if (c != NULL)
		json_object_set_new(root, "hash", json_string(c->hash));
	json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
}

static void
print_summary(const struct conf *c)
{
	size_t np = c->site.nportals, ns = c->site.nservers, nc = c->people.nclinicians, nq = c->people.npools;

	printf("ok: %s: %zu clinician%s, %zu pool%s, %zu portal%s, %zu IMAP server%s; configuration %.12s\n", c->path,
	    nc, nc == 1 ? "" : "s", nq, nq == 1 ? "" : "s", np, np == 1 ? "" : "s", ns, ns == 1 ? "" : "s", c->hash);
}

int
cmd_config_check(struct ctl *ctl)
{
	struct conf_errors errs = { 0 };
	struct conf *c = NULL;
	struct err err = ERR_NONE;
	enum status st;

	if (ctl->argc > 1)
		return ctl_usage(ctl, "\"%s\" is too much", ctl->argv[1]);
	st = conf_load(ctl->config, &errs, &c, &err);
	if (ctl->json)
		print_json(&errs, c);
	else if (st == ST_OK)
		print_summary(c);
	else
		fputs(buf_str(&errs.text), stderr);
	conf_errors_free(&errs);
	conf_unref(c);
	return st == ST_OK ? EX_OK : EX_CONFIG;
}

int
cmd_config_show(struct ctl *ctl)
{
	struct conf_errors errs = { 0 };
	AUTO_BUF text = BUF_INIT;
	struct conf *c = NULL;
	struct err err = ERR_NONE;

	if (ctl->argc > 1)
		return ctl_usage(ctl, "\"%s\" is too much", ctl->argv[1]);
	if (conf_load(ctl->config, &errs, &c, &err) != ST_OK) {
		fputs(buf_str(&errs.text), stderr);
		conf_errors_free(&errs);
		return EX_CONFIG;
	}
	conf_show(c, &text);
	fputs(buf_str(&text), stdout);
	conf_errors_free(&errs);
	conf_unref(c);
	return EX_OK;
}

static json_t *
key_json(const struct conf_area *area, const struct conf_key *key)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "file", area->file, "section", area->section, "key",
	    key->name, "kind", conf_kind_name(key->kind), "required", key->required, "help", key->help);

	if (key->def != NULL)
		json_object_set_new(row, "default", json_string(key->def));
	return row;
}

int
cmd_config_keys(struct ctl *ctl)
{
	enum describe_form form = DESCRIBE_TEXT;
	AUTO_BUF text = BUF_INIT;
	json_t *all;

	if (ctl->argc == 2 && strcmp(ctl->argv[1], "--man") == 0)
		form = DESCRIBE_MAN;
	else if (ctl->argc > 1)
		return ctl_usage(ctl, "\"%s\" is too much", ctl->argv[1]);
	if (!ctl->json) {
		conf_describe(form, &text);
		fputs(buf_str(&text), stdout);
		return EX_OK;
	}
	all = json_array();
	for (size_t i = 0; i < conf_area_count(); i++)
		for (size_t j = 0; j < conf_area_at(i)->nkeys; j++)
			json_array_append_new(all, key_json(conf_area_at(i), &conf_area_at(i)->keys[j]));
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
	return EX_OK;
}
