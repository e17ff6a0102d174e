/*
 * conf_in -- what the readers of the areas (site, people, support) share with conf.c and describe.c.
 */
#ifndef CONF_CONF_IN_H
#define CONF_CONF_IN_H

#include "conf/conf.h"
#include "conf/describe.h"

/* One row of a key table whose key is not called like its member. */
#define KEY(type, key, member, k, ...)                                                                                 \
	{                                                                                                              \
		.name = (key), .kind = (k), .offset = offsetof(struct type, member), __VA_ARGS__                       \
	}

/* One conf_load() at work. Areas are read from the bottom up: whoever checks across areas finds the others filled. */
struct reading {
	struct arena *arena;
	struct conf_errors *errs;
	struct conf *conf;
};

struct files_conf { /* the "files:" section of portico.yaml */
	const char *clinicians, *boundaries, *response_times, *support;
};

void site_read(struct reading *, struct ynode root, struct files_conf *ret);
void people_read(struct reading *, struct ynode root);
void support_read(struct reading *, struct ynode root);

extern const struct conf_area site_areas[], people_areas[], support_areas[];
extern const size_t n_site_areas, n_people_areas, n_support_areas;

/* ---- checks that several areas need; each complains by itself (check.c) -------------------------------------------
 */

/* Lower-case letters, digits, - and _; 1 to 32 of them, a letter or digit first. Ids become names of files and parts of
 * references, so nothing else is let in. */
bool check_id(struct ynode at, const char *what);
/* "map of x, each under its id": false, with a complaint, for anything else. Absent or empty is fine. */
bool check_entries(struct ynode map, const char *what);
/* The file is there, as far as this user can see. */
bool check_file(struct ynode at, const char *path);
/* And nobody but its owner may read or write it. */
bool check_secret(struct ynode at, const char *path);
bool check_language(struct ynode at, const char *s);
bool check_socket_path(struct ynode at, const char *path);

/* Things that only one may have. */
struct claim {
	const char *value; /* compared without case */
	const char *owner;
	struct ynode at;
};
/* Complains at the later one of each pair. Sorts the array. */
void check_unique(struct claim *, size_t n, const char *what);

#endif
