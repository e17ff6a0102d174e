/*
 * templates -- the words of automatic replies: the shipped ones are part of the program, an administrator's edited
 * copies in <directory>/<language>/<kind>.txt take their place one by one.
 *
 * A template is "Subject: ..." in its first line, an empty line, and the text. {name} stands for a value; a line in
 * which a value is missing is left out. What values there are: templates_placeholders.
 *
 * Errors:   templates_load() complains with file:line:column about an unknown {name} or a template without a subject.
 * Owns:     everything lives in the arena. Threads: const after loading.
 */
#ifndef CONF_TEMPLATES_H
#define CONF_TEMPLATES_H

#include "conf/yaml.h"

#define TEMPLATE_MAX_BYTES 16384

struct templates;

/* dir NULL: the shipped ones only. */
const struct templates *templates_load(const char *dir, struct arena *, struct conf_errors *errs);
/* t NULL: the shipped ones. A language that has no such template answers in English. Never NULL for a known kind. */
const char *templates_get(const struct templates *t, const char *language, const char *kind);
/* Complains about every mistake of form; false when there was one. name stands for the path. */
bool template_form_check(const char *name, const char *text, struct conf_errors *errs);
bool template_kind_known(const char *kind);

extern const char *const templates_kinds[];	   /* NULL-terminated: "promise", "urgent", ... */
extern const char *const templates_placeholders[]; /* NULL-terminated: "received", "expected", ... */

#endif
