/*
 * yaml -- a configuration file becomes a const struct through one table of keys.
 *
 * Files are read as libyaml documents, so every node knows its line and column. A mistake never stops the reading:
 * all of them are collected as "file:line:column: what was found, what was expected", in file order.
 * Unknown and repeated keys are mistakes. Aliases, anchors and tags are refused (a file that a person can read has
 * none). A key with nothing after it is an empty map or list where one is expected, and a mistake elsewhere.
 *
 * Mistakes quote what was written: they are for the administrator's terminal, never for a log.
 *
 * Limits:   YAML_MAX_BYTES, YAML_MAX_NODES, YAML_MAX_DEPTH; a line of text YAML_MAX_STR bytes, texts YAML_MAX_TEXT;
 *           YAML_MAX_MISTAKES are listed, then one line says that there are more.
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

#define YAML_MAX_BYTES (4 << 20)
#define YAML_MAX_NODES 200000
#define YAML_MAX_DEPTH 16
#define YAML_MAX_STR 1000
#define YAML_MAX_TEXT 16384
#define YAML_MAX_MISTAKES 200

/* What reading a set of files found. Starts as { 0 }. */
struct conf_errors {
	struct buf text; /* one line a mistake; per file in file order */
	size_t n;
	uint8_t digest[32]; /* changes with every byte of every file yaml_open() read */
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

/* The same place for a reader who comes later, perhaps in another thread: what is read through it goes to this arena
 * and mistakes to these errs. Valid while the document and the arena live; the documents of a configuration snapshot
 * can be read in no other way once conf_load() has returned. */
struct ynode ynode_rebind(struct ynode, struct arena *, struct conf_errors *errs);

enum ykind { Y_NONE, Y_SCALAR, Y_LIST, Y_MAP };
enum ykind ynode_kind(struct ynode);
const char *ynode_text(struct ynode);		       /* a scalar's text, else "" ; lives as long as the document */
size_t ynode_count(struct ynode);		       /* items of a list or pairs of a map */
struct ynode ynode_item(struct ynode, size_t i);       /* list item, or the value of pair i */
struct ynode ynode_key(struct ynode, size_t i);	       /* the key of pair i of a map */
struct ynode ynode_get(struct ynode, const char *key); /* of a map */
int ynode_line(struct ynode);			       /* from 1; 0 when not there */
const char *yaml_name(const struct yaml_doc *);	       /* the path it was opened by */
/* Adds "file:line:column: <text>" for this place (the start of the file when it is not there). The text says what was
 * found, a comma, and what was expected. */
void yaml_complain(struct ynode, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A scalar's text made fit to be quoted in a mistake: one line, no control characters, cut at 60 bytes; in the arena.
 */
const char *ynode_quote(struct ynode);
/* A mistake about a file that is no YAML document of ours: a lexicon, a key. line 0: the whole file (1:1). */
void conf_complain(struct conf_errors *, const char *name, int line, int column, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

enum conf_kind {
	CONF_STR,      /* const char *; one line without control characters       */
	CONF_BOOL,     /* bool; true/false/yes/no                                 */
	CONF_INT,      /* int64_t within min..max                                 */
	CONF_SIZE,     /* int64_t bytes; 10, 64K, 35M, 2G                          */
	CONF_DURATION, /* int64_t seconds; 30s, 15m, 4h, 2d                        */
	CONF_PATH,     /* const char *; relative to the directory of the file      */
	CONF_ENUM,     /* int: index into names                                   */
	CONF_LIST,     /* struct conf_list of strings; one scalar is a list of one */
	CONF_ADDR,     /* const char *; one RFC 5322 addr-spec, stored as written  */
	CONF_NODE,     /* struct ynode: the caller reads it itself                 */
	CONF_TEXT,     /* const char *; several lines                             */
};

struct conf_list {
	const char **item;
	size_t n;
};

struct conf_key {
	const char *name;
	enum conf_kind kind;
	size_t offset;	 /* into the struct that is filled */
	const char *def; /* default as it would be written; NULL: the zero value */
	bool required;
	const char *const *names; /* CONF_ENUM: NULL-terminated */
	int64_t min, max;	  /* CONF_INT, CONF_SIZE, CONF_DURATION; both 0: any value >= 0 */
	const char *help;	  /* one line for people: the manual page and config show print it */
};

#define CONF_KEY(type, member, k, ...)                                                                                 \
	{                                                                                                              \
		.name = #member, .kind = (k), .offset = offsetof(type, member), __VA_ARGS__                            \
	}

/* Fills *out from a map by the table; defaults first, then what the file says. Complains by itself. A map that is not
 * there gives the defaults and no complaint: whoever looked it up knows whether it had to be there. A CONF_NODE that is
 * not there becomes such a place (id 0). */
void yaml_read_map(struct ynode map, const struct conf_key *keys, size_t nkeys, void *out);
/* One value of a kind without a map around it. true: *out was written. The same complaints. */
bool yaml_read_value(struct ynode value, const struct conf_key *key, void *out);
/* The value in a field as it would be written in a file; "" for none and for CONF_NODE. */
void yaml_write_value(const struct conf_key *, const void *field, struct buf *ret);
/* "emergncy" -> "emergency"; NULL when none of the n names is near. */
const char *conf_nearest(const char *word, const char *const *names, size_t n);

#endif
