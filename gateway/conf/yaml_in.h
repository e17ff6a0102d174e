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

#endif
