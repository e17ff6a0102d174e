/*
 * boundaries -- boundaries.yaml and the lexicon files it names, compiled once, const ever after.
 *
 * struct boundaries is opaque here: policies/ reads it through the accessors below and those in conf/boundaries_in.h.
 */
#ifndef CONF_BOUNDARIES_H
#define CONF_BOUNDARIES_H

#include "conf/yaml.h"

struct boundaries;

/* Complains into errs; NULL when the file or a lexicon cannot be used. Compiled databases are released when the
 * configuration snapshot goes: boundaries_unload(). */
struct boundaries *boundaries_load(const char *path, struct arena *, struct conf_errors *errs);
void boundaries_unload(struct boundaries *);

const char *boundaries_version(const struct boundaries *);
const char *boundaries_hash(const struct boundaries *); /* SHA-256 hex over boundaries.yaml and its lexicons */
bool boundaries_has_class(const struct boundaries *, const char *class_name); /* also "news.*" */

#endif
