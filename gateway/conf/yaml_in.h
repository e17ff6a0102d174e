/*
 * yaml_in -- what yaml.c and yaml_map.c share.
 */
#ifndef CONF_YAML_IN_H
#define CONF_YAML_IN_H

#include "conf/yaml.h"

struct arena *yaml_arena(const struct yaml_doc *);
bool yaml_full(const struct yaml_doc *); /* no further mistake will be listed */

#endif
