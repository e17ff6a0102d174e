/*
 * describe -- the key tables as people read them: `portico config keys` and the manual page are made from them.
 */
#ifndef CONF_DESCRIBE_H
#define CONF_DESCRIBE_H

#include "base/buf.h"
#include "conf/conf.h"

/* One section of one file and the table that reads it. */
struct conf_area {
	const char *file;    /* "portico.yaml" */
	const char *section; /* "couriers", "clinicians.<id>"; "": the top of the file */
	const struct conf_key *keys;
	size_t nkeys;
	const char *help; /* one line */
	/* The i-th struct that the table filled, and its id where there are several (else ""); NULL: no more. The
	 * function is NULL for what is not kept. */
	const void *(*at)(const struct conf *, size_t i, const char **ret_id);
	/* A section inside of each of them, or NULL; its at() takes the same i. */
	const struct conf_area *inner;
};

/* All of them, in the order in which the sample files show them. */
size_t conf_area_count(void);
const struct conf_area *conf_area_at(size_t i);

/* "size", "duration", "true or false", ... */
const char *conf_kind_name(enum conf_kind);

enum describe_form {
	DESCRIBE_TEXT, /* for a terminal, 100 columns */
	DESCRIBE_MAN,  /* mdoc(7) lists */
	DESCRIBE_KEYS, /* "file<TAB>section<TAB>key<TAB>kind<TAB>default<TAB>help", a line a key */
};
void conf_describe(enum describe_form, struct buf *ret);
/* What is in force, defaults included, as YAML that reads back, file by file. */
void conf_show(const struct conf *, struct buf *ret);

#endif
