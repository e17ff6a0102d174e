/*
 * yaml_in -- what the files of this folder share and nobody else needs.
 */
#ifndef CONF_YAML_IN_H
#define CONF_YAML_IN_H

#include "conf/yaml.h"

struct arena *yaml_arena(const struct yaml_doc *);
/* The document outlives the reading: from now on it is reached through ynode_rebind() or const functions only. */
void yaml_release(struct yaml_doc *);
bool yaml_full(const struct yaml_doc *); /* no further mistake will be listed */

/* ---- scalars (yaml_scalar.c) --------------------------------------------------------------------------------------
 */

bool yaml_parse_number(enum conf_kind, const char *s, int64_t *ret);
const char *yaml_format_number(struct arena *, enum conf_kind, int64_t);
bool yaml_addr_ok(const char *);
bool yaml_has_control(const char *s, const char *allowed);

#endif
