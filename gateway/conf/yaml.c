#include "conf/yaml_in.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct yaml_doc {
	const char *name;
	struct arena *arena; /* foreign */
	struct conf_errors *errs;
	yaml_document_t doc; /* own */
};

/* Mistakes */

void
conf_errors_free(struct conf_errors *errs)
{
	buf_free(&errs->text);
	errs->n = 0;
}

/* Reads "name:line:column:" at the start of a line; false for another file. */
static bool
place_of(const char *at, const char *name, int *line, int *column)
{
	size_t n = strlen(name);
	char *end;

	if (strncmp(at, name, n) != 0 || at[n] != ':')
		return false;
	*line = (int)strtol(at + n + 1, &end, 10);
	if (*end != ':')
		return false;
	*column = (int)strtol(end + 1, &end, 10);
	return *end == ':';
}

/* Checks run table by table and then across files, but people read a file from the top. */
static size_t
place_for(const struct conf_errors *errs, const char *name, int line, int column)
{
	size_t best = errs->text.n;
	bool seen = false;
	const char *text = buf_str(&errs->text);

	for (size_t at = 0; at < errs->text.n;) {
		size_t next = (size_t)(strchr(text + at, '\n') - text) + 1;
		int l, c;

		if (place_of(text + at, name, &l, &c)) {
			if (l > line || (l == line && c > column))
				return seen ? best : at;
			seen = true;
			best = next;
		}
		at = next;
	}
	return best;
}

static void
add_line(struct conf_errors *errs, const char *name, int line, int column, const char *text)
{
	AUTO_BUF row = BUF_INIT;
	AUTO_BUF all = BUF_INIT;
	size_t at;

	errs->n++;
	if (errs->n > YAML_MAX_MISTAKES) {
		if (errs->n == YAML_MAX_MISTAKES + 1)
			buf_printf(&errs->text, "%s:%d:%d: more than %d mistakes, the others are not listed\n", name,
			    line, column, YAML_MAX_MISTAKES);
		return;
	}
	buf_printf(&row, "%s:%d:%d: ", name, line, column);
	for (const char *p = text; *p != '\0'; p++)
		buf_putc(&row, (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
	buf_putc(&row, '\n');
	at = place_for(errs, name, line, column);
	buf_append(&all, buf_str(&errs->text), at);
	buf_append(&all, row.p, row.n);
	buf_puts(&all, buf_str(&errs->text) + at);
	buf_free(&errs->text);
	errs->text = all;
	all = BUF_INIT;
}

static void complain_at(struct conf_errors *, const char *name, int line, int column, const char *fmt, va_list)
    PRINTF_LIKE(5, 0);

static void
complain_at(struct conf_errors *errs, const char *name, int line, int column, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof text, fmt, ap);
	add_line(errs, name, line > 0 ? line : 1, column > 0 ? column : 1, text);
}

void
conf_complain(struct conf_errors *errs, const char *name, int line, int column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_at(errs, name, line, column, fmt, ap);
	va_end(ap);
}

/* Nodes */

static const yaml_node_t *
node_of(struct ynode n)
{
	if (n.doc == NULL || n.id == 0)
		return NULL;
	return yaml_document_get_node(&n.doc->doc, n.id);
}

/* Nothing was written, or "~". The word null is left a word: it is the name of a driver. */
static bool
is_null(const yaml_node_t *n)
{
	const char *s = (const char *)n->data.scalar.value;

	return n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (*s == '\0' || strcmp(s, "~") == 0);
}

enum ykind
ynode_kind(struct ynode node)
{
	const yaml_node_t *n = node_of(node);

	if (n == NULL || is_null(n))
		return Y_NONE;
	switch (n->type) {
	case YAML_SCALAR_NODE:
		return Y_SCALAR;
	case YAML_SEQUENCE_NODE:
		return Y_LIST;
	case YAML_MAPPING_NODE:
		return Y_MAP;
	default:
		return Y_NONE;
	}
}

const char *
ynode_text(struct ynode node)
{
	const yaml_node_t *n = node_of(node);

	return n != NULL && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

size_t
ynode_count(struct ynode node)
{
	const yaml_node_t *n = node_of(node);

	if (n != NULL && n->type == YAML_SEQUENCE_NODE)
		return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
	if (n != NULL && n->type == YAML_MAPPING_NODE)
		return (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
	return 0;
}

struct ynode
ynode_item(struct ynode node, size_t i)
{
	const yaml_node_t *n = node_of(node);

	if (i >= ynode_count(node))
		return (struct ynode){ node.doc, 0 };
	if (n->type == YAML_SEQUENCE_NODE)
		return (struct ynode){ node.doc, n->data.sequence.items.start[i] };
	return (struct ynode){ node.doc, n->data.mapping.pairs.start[i].value };
}

struct ynode
ynode_key(struct ynode node, size_t i)
{
	const yaml_node_t *n = node_of(node);

	if (n == NULL || n->type != YAML_MAPPING_NODE || i >= ynode_count(node))
		return (struct ynode){ node.doc, 0 };
	return (struct ynode){ node.doc, n->data.mapping.pairs.start[i].key };
}

struct ynode
ynode_get(struct ynode map, const char *key)
{
	for (size_t i = 0; i < ynode_count(map); i++) {
		struct ynode k = ynode_key(map, i);

		if (k.id != 0 && strcmp(ynode_text(k), key) == 0)
			return ynode_item(map, i);
	}
	return (struct ynode){ map.doc, 0 };
}

int
ynode_line(struct ynode node)
{
	const yaml_node_t *n = node_of(node);

	return n != NULL ? (int)n->start_mark.line + 1 : 0;
}

const char *
yaml_name(const struct yaml_doc *doc)
{
	return doc->name;
}

struct arena *
yaml_arena(const struct yaml_doc *doc)
{
	return doc->arena;
}

bool
yaml_full(const struct yaml_doc *doc)
{
	return doc->errs->n > YAML_MAX_MISTAKES;
}

void
yaml_complain(struct ynode node, const char *fmt, ...)
{
	const yaml_node_t *n = node_of(node);
	va_list ap;

	assert(node.doc != NULL && node.doc->errs != NULL);
	va_start(ap, fmt);
	complain_at(
	    node.doc->errs, node.doc->name, ynode_line(node), n != NULL ? (int)n->start_mark.column + 1 : 1, fmt, ap);
	va_end(ap);
}

/* Cuts between characters, never inside one. */
static size_t
cut_utf8(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n <= max)
		return n;
	for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

const char *
ynode_quote(struct ynode node)
{
	const char *s = ynode_text(node);
	size_t n = cut_utf8(s, 60);
	char *q;

	if (node.doc == NULL)
		return "";
	q = arena_printf(node.doc->arena, "%.*s%s", (int)n, s, s[n] != '\0' ? "..." : "");
	for (char *p = q; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return q;
}

/* Documents */

static int
line_at(struct slice text, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < text.n && i < offset; i++)
		line += text.p[i] == '\n';
	return line;
}

static void
complain_parser(struct yaml_doc *d, const yaml_parser_t *p, struct slice text)
{
	const char *problem = p->problem != NULL ? p->problem : "out of memory";

	if (p->error == YAML_READER_ERROR) {
		conf_complain(d->errs, d->name, line_at(text, p->problem_offset), 1,
		    "not readable as text (%s), expected UTF-8 without control characters", problem);
		return;
	}
	if (p->problem_mark.index < text.n && text.p[p->problem_mark.index] == '\t') {
		conf_complain(d->errs, d->name, (int)p->problem_mark.line + 1, (int)p->problem_mark.column + 1,
		    "a tab, expected spaces: YAML does not indent with tabs");
		return;
	}
	conf_complain(d->errs, d->name, (int)p->problem_mark.line + 1, (int)p->problem_mark.column + 1,
	    "%s%s%s, expected YAML", p->context != NULL ? p->context : "", p->context != NULL ? ": " : "", problem);
}

/* What the events of a file add up to before a document is built from it. */
struct scan {
	size_t nodes, depth, documents;
	bool fatal; /* an alias could make a cycle, too many nodes could take all memory */
};

static void
scan_event(struct yaml_doc *d, struct scan *s, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	int line = (int)e->start_mark.line + 1, column = (int)e->start_mark.column + 1;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++s->documents == 2)
			conf_complain(d->errs, d->name, line, column, "a second document, expected one in a file");
		return;
	case YAML_ALIAS_EVENT:
		conf_complain(d->errs, d->name, line, column,
		    "alias *%.40s, expected the values written out: aliases are not used here",
		    (const char *)e->data.alias.anchor);
		s->fatal = true;
		return;
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		if (memchr(e->data.scalar.value, '\0', e->data.scalar.length) != NULL)
			conf_complain(d->errs, d->name, line, column, "a NUL character, expected text");
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		s->depth++;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		s->depth++;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		return;
	default:
		return;
	}
	if (anchor != NULL)
		conf_complain(d->errs, d->name, line, column,
		    "anchor &%.40s, expected a plain value: anchors are not used here", (const char *)anchor);
	if (tag != NULL)
		conf_complain(d->errs, d->name, line, column,
		    "tag %.40s, expected a plain value: tags are not used here", (const char *)tag);
	if (s->depth > YAML_MAX_DEPTH) {
		conf_complain(
		    d->errs, d->name, line, column, "nested more than %d deep, expected less", YAML_MAX_DEPTH);
		s->fatal = true;
	}
	if (++s->nodes > YAML_MAX_NODES) {
		conf_complain(
		    d->errs, d->name, line, column, "more than %d values in a file, expected fewer", YAML_MAX_NODES);
		s->fatal = true;
	}
}

static bool
scan_text(struct yaml_doc *d, struct slice text)
{
	struct scan s = { 0 };
	yaml_parser_t parser;
	bool end = false, ok = true;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	while (!end && ok) {
		yaml_event_t e;

		if (!yaml_parser_parse(&parser, &e)) {
			complain_parser(d, &parser, text);
			ok = false;
			break;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		scan_event(d, &s, &e);
		/* Every alias of a file is listed, but depth and number end it at once. */
		ok = s.depth <= YAML_MAX_DEPTH && s.nodes <= YAML_MAX_NODES;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return ok && !s.fatal;
}

struct key_place {
	const char *text;
	struct ynode node;
};

static int
by_text_then_place(const void *a, const void *b)
{
	const struct key_place *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c != 0 ? c : (x->node.id > y->node.id) - (x->node.id < y->node.id);
}

/* In every map of the file, also those that a driver reads by itself. */
static void
check_keys(struct ynode map)
{
	size_t n = ynode_count(map);
	struct key_place *keys = xcalloc(n + 1, sizeof *keys);
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		struct ynode k = ynode_key(map, i);

		if (node_of(k)->type != YAML_SCALAR_NODE)
			yaml_complain(k, "a list or map as a key, expected a word");
		keys[i] = (struct key_place){ ynode_text(k), k };
	}
	qsort(keys, n, sizeof *keys, by_text_then_place);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(keys[i].text, keys[first].text) != 0) {
			first = i;
			continue;
		}
		if (node_of(keys[i].node)->type == YAML_SCALAR_NODE)
			yaml_complain(keys[i].node, "key \"%s\" is repeated, expected once (it is on line %d)",
			    ynode_quote(keys[i].node), ynode_line(keys[first].node));
	}
	free(keys);
}

static bool
load_text(struct yaml_doc *d, struct slice text)
{
	yaml_parser_t parser;
	int ok;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	ok = yaml_parser_load(&parser, &d->doc);
	if (!ok)
		complain_parser(d, &parser, text);
	yaml_parser_delete(&parser);
	return ok;
}

struct yaml_doc *
yaml_parse(const char *name, struct slice text, struct arena *arena, struct conf_errors *errs)
{
	struct yaml_doc *d = xcalloc(1, sizeof *d);

	d->name = arena_strdup(arena, name);
	d->arena = arena;
	d->errs = errs;
	if (text.n > YAML_MAX_BYTES) {
		conf_complain(errs, d->name, 0, 0, "%zu bytes, expected at most %d", text.n, YAML_MAX_BYTES);
		free(d);
		return NULL;
	}
	if (!scan_text(d, text) || !load_text(d, text)) {
		free(d);
		return NULL;
	}
	if (yaml_document_get_root_node(&d->doc) == NULL || ynode_kind(yaml_root(d)) == Y_NONE) {
		conf_complain(errs, d->name, 0, 0, "an empty file, expected a map of keys");
		yaml_close(d);
		return NULL;
	}
	for (int id = 1; yaml_document_get_node(&d->doc, id) != NULL; id++)
		if (ynode_kind((struct ynode){ d, id }) == Y_MAP)
			check_keys((struct ynode){ d, id });
	return d;
}

struct yaml_doc *
yaml_open(const char *path, struct arena *arena, struct conf_errors *errs)
{
	AUTO_BUF text = BUF_INIT;
	uint8_t both[2 * HASH_SIZE];
	struct err err = ERR_NONE;

	if (file_read(path, YAML_MAX_BYTES, &text, &err) != ST_OK) {
		size_t n = strlen(path);
		bool named = strncmp(err.text, path, n) == 0 && strncmp(err.text + n, ": ", 2) == 0;

		conf_complain(errs, path, 0, 0, "%s, expected a readable file", err.text + (named ? n + 2 : 0));
		return NULL;
	}
	memcpy(both, errs->digest, HASH_SIZE);
	sha256(text.p != NULL ? text.p : "", text.n, both + HASH_SIZE);
	sha256(both, sizeof both, errs->digest);
	return yaml_parse(path, buf_slice(&text), arena, errs);
}

void
yaml_close(struct yaml_doc *d)
{
	if (d == NULL)
		return;
	yaml_document_delete(&d->doc);
	free(d);
}

struct ynode
ynode_rebind(struct ynode node, struct arena *arena, struct conf_errors *errs)
{
	struct yaml_doc *view = ARENA_NEW(arena, struct yaml_doc);

	if (node.doc == NULL)
		return node;
	*view = *node.doc; /* the nodes stay the document's own */
	view->arena = arena;
	view->errs = errs;
	return (struct ynode){ view, node.id };
}

void
yaml_release(struct yaml_doc *d)
{
	d->arena = NULL;
	d->errs = NULL;
}

struct ynode
yaml_root(struct yaml_doc *d)
{
	return (struct ynode){ d, yaml_document_get_root_node(&d->doc) != NULL ? 1 : 0 };
}
