/*
 * yaml -- a configuration file becomes a const struct through one table of keys.
 *
 * Files are read as libyaml documents, so every node knows its line and column. A mistake never stops the reading:
 * all of them are collected as "file:line:column: what was found, what was expected", in file order.
 * Unknown and repeated keys are mistakes. Aliases and anchors are refused (a file that a person can read has none).
 *
 * Owns:     strings and arrays handed out live in the arena given to yaml_open().
 * Threads:  a reader belongs to one thread; what was read is const ever after and may be shared.
 */
#ifndef CONF_YAML_H
#define CONF_YAML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_errors {
	struct buf text; /* one line a mistake */
	size_t n;
};
void conf_errors_free(struct conf_errors *);

struct yaml_doc; /* one open file */
struct ynode {	 /* a place in it; by value; .id 0 means "not there" */
	struct yaml_doc *doc;
	int id;
};

/* NULL when the file cannot be read or is not YAML; the reason is in errs then. arena and errs are borrowed and must
 * outlive the document; structs read from it live as long as the arena. */
struct yaml_doc *yaml_open(const char *path, struct arena *, struct conf_errors *errs);
/* The same from memory; name stands for the path in mistakes. */
struct yaml_doc *yaml_parse(const char *name, struct slice text, struct arena *, struct conf_errors *errs);
void yaml_close(struct yaml_doc *);
struct ynode yaml_root(struct yaml_doc *);

enum ykind { Y_NONE, Y_SCALAR, Y_LIST, Y_MAP };
enum ykind ynode_kind(struct ynode);
const char *ynode_text(struct ynode);		     /* a scalar's text, else "" ; lives as long as the document */
size_t ynode_count(struct ynode);		     /* items of a list or pairs of a map */
struct ynode ynode_item(struct ynode, size_t i);     /* list item, or the value of pair i */
struct ynode ynode_key(struct ynode, size_t i);	     /* the key of pair i of a map */
struct ynode ynode_get(struct ynode, const char *key); /* of a map */
/* Adds "file:line:column: <text>" for this place. */
void yaml_complain(struct ynode, const char *fmt, ...) PRINTF_LIKE(2, 3);

enum conf_kind {
	CONF_STR,      /* const char *                                            */
	CONF_BOOL,     /* bool; true/false/yes/no                                 */
	CONF_INT,      /* int64_t within min..max                                 */
	CONF_SIZE,     /* int64_t bytes; 10, 64K, 35M, 2G                          */
	CONF_DURATION, /* int64_t seconds; 30s, 15m, 4h, 2d                        */
	CONF_PATH,     /* const char *; relative to the directory of the file      */
	CONF_ENUM,     /* int: index into names                                   */
	CONF_LIST,     /* struct conf_list of strings; one scalar is a list of one */
	CONF_ADDR,     /* const char *; one RFC 5322 addr-spec, stored as written  */
	CONF_NODE,     /* struct ynode: the caller reads it itself                 */
};

struct conf_list {
	const char **item;
	size_t n;
};

struct conf_key {
	const char *name;
	enum conf_kind kind;
	size_t offset;		  /* into the struct that is filled */
	const char *def;	  /* default as it would be written; NULL: the zero value */
	bool required;
	const char *const *names; /* CONF_ENUM: NULL-terminated */
	int64_t min, max;	  /* CONF_INT, CONF_SIZE, CONF_DURATION; both 0: any value >= 0 */
	const char *help;	  /* one line for people: the manual page and config show print it */
};

#define CONF_KEY(type, member, k, ...) { .name = #member, .kind = (k), .offset = offsetof(type, member), __VA_ARGS__ }

/* Fills *out from a map by the table; defaults first, then what the file says. Complains by itself. */
void yaml_read_map(struct ynode map, const struct conf_key *keys, size_t nkeys, void *out);

#endif
