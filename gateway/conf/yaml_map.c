#include "base/own.h"
#include "conf/yaml_in.h"

#include <assert.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIST 10000

static const char *
resolve_path(struct ynode at, const char *s)
{
	AUTO_STR copy = NULL;

	if (s[0] == '/')
		return arena_strdup(yaml_arena(at.doc), s);
	copy = xstrdup(yaml_name(at.doc));
	return arena_printf(yaml_arena(at.doc), "%s/%s", dirname(copy), s);
}

static const char *
list_names(struct arena *a, const char *const *names)
{
	AUTO_BUF all = BUF_INIT;

	for (size_t i = 0; names[i] != NULL; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ", names[i]);
	return arena_strdup(a, buf_str(&all));
}

/* Values */

static void
complain_kind(struct ynode v, const char *expected)
{
	switch (ynode_kind(v)) {
	case Y_NONE:
		yaml_complain(v, "nothing, expected %s", expected);
		return;
	case Y_LIST:
		yaml_complain(v, "a list, expected %s", expected);
		return;
	case Y_MAP:
		yaml_complain(v, "a map of keys, expected %s", expected);
		return;
	case Y_SCALAR:
		yaml_complain(v, "\"%s\", expected %s", ynode_quote(v), expected);
		return;
	}
}

static const char *
expected_of(struct arena *a, const struct conf_key *key)
{
	switch (key->kind) {
	case CONF_STR:
	case CONF_TEXT:
		return "a text";
	case CONF_BOOL:
		return "true or false";
	case CONF_INT:
		return "a whole number";
	case CONF_SIZE:
		return "a size such as 64K or 35M";
	case CONF_DURATION:
		return "a duration such as 30s, 15m, 4h or 2d";
	case CONF_PATH:
		return "a path";
	case CONF_ENUM:
		return list_names(a, key->names);
	case CONF_LIST:
		return "a list";
	case CONF_ADDR:
		return "an address such as lee@clinic.example";
	case CONF_NODE:
		return "a value";
	}
	return "a value";
}

static bool
read_number(struct ynode v, const struct conf_key *key, int64_t *out)
{
	struct arena *a = yaml_arena(v.doc);
	bool bounded = key->min != 0 || key->max != 0;
	int64_t n;

	if (!yaml_parse_number(key->kind, ynode_text(v), &n)) {
		complain_kind(v, expected_of(a, key));
		return false;
	}
	if (bounded ? n < key->min || n > key->max : n < 0) {
		if (bounded)
			yaml_complain(v, "\"%s\", expected %s to %s", ynode_quote(v),
			    yaml_format_number(a, key->kind, key->min), yaml_format_number(a, key->kind, key->max));
		else
			yaml_complain(v, "\"%s\", expected 0 or more", ynode_quote(v));
		return false;
	}
	*out = n;
	return true;
}

static bool
read_text(struct ynode v, const struct conf_key *key, const char **out)
{
	const char *s = ynode_text(v);
	size_t max = key->kind == CONF_TEXT ? YAML_MAX_TEXT : YAML_MAX_STR;

	if (s[0] == '\0') {
		yaml_complain(v, "an empty text, expected %s", expected_of(yaml_arena(v.doc), key));
		return false;
	}
	if (strlen(s) > max) {
		yaml_complain(v, "%zu bytes of text, expected at most %zu", strlen(s), max);
		return false;
	}
	if (yaml_has_control(s, key->kind == CONF_TEXT ? "\n\t" : "")) {
		yaml_complain(v, "\"%s\" holds a line break or control character, expected %s", ynode_quote(v),
		    key->kind == CONF_TEXT ? "plain text" : "one line of plain text");
		return false;
	}
	if (key->kind == CONF_ADDR && !yaml_addr_ok(s)) {
		complain_kind(v, expected_of(yaml_arena(v.doc), key));
		return false;
	}
	*out = key->kind == CONF_PATH ? resolve_path(v, s) : arena_strdup(yaml_arena(v.doc), s);
	return true;
}

static bool
read_bool(struct ynode v, const struct conf_key *key, bool *out)
{
	const char *s = ynode_text(v);

	if (strcmp(s, "true") == 0 || strcmp(s, "yes") == 0)
		*out = true;
	else if (strcmp(s, "false") == 0 || strcmp(s, "no") == 0)
		*out = false;
	else {
		complain_kind(v, expected_of(NULL, key));
		return false;
	}
	return true;
}

static bool
read_enum(struct ynode v, const struct conf_key *key, int *out)
{
	for (int i = 0; key->names[i] != NULL; i++)
		if (strcmp(ynode_text(v), key->names[i]) == 0) {
			*out = i;
			return true;
		}
	complain_kind(v, expected_of(yaml_arena(v.doc), key));
	return false;
}

static bool
read_list(struct ynode v, const struct conf_key *key, struct conf_list *out)
{
	static const struct conf_key item = { .kind = CONF_STR };
	bool one = ynode_kind(v) == Y_SCALAR, ok = true;
	size_t n = one ? 1 : ynode_count(v);
	struct conf_list list = { 0 };

	if (ynode_kind(v) == Y_MAP) {
		complain_kind(v, expected_of(NULL, key));
		return false;
	}
	if (n > MAX_LIST) {
		yaml_complain(v, "%zu items, expected at most %d", n, MAX_LIST);
		return false;
	}
	if (n == 0 && key->required) {
		yaml_complain(v, "an empty list, expected at least one item");
		return false;
	}
	list.item = ARENA_ARRAY(yaml_arena(v.doc), n + 1, const char *);
	for (size_t i = 0; i < n; i++) {
		struct ynode it = one ? v : ynode_item(v, i);

		if (ynode_kind(it) != Y_SCALAR) {
			complain_kind(it, "a text");
			ok = false;
		} else if (read_text(it, &item, &list.item[list.n])) {
			list.n++;
		} else {
			ok = false;
		}
	}
	if (ok)
		*out = list;
	return ok;
}

bool
yaml_read_value(struct ynode v, const struct conf_key *key, void *out)
{
	enum ykind kind = ynode_kind(v);

	if (key->kind == CONF_NODE) {
		*(struct ynode *)out = v;
		return true;
	}
	if (key->kind == CONF_LIST)
		return read_list(v, key, out);
	if (kind != Y_SCALAR) {
		complain_kind(v, expected_of(yaml_arena(v.doc), key));
		return false;
	}
	switch (key->kind) {
	case CONF_BOOL:
		return read_bool(v, key, out);
	case CONF_INT:
	case CONF_SIZE:
	case CONF_DURATION:
		return read_number(v, key, out);
	case CONF_ENUM:
		return read_enum(v, key, out);
	default:
		return read_text(v, key, out);
	}
}

/* Tables */

/* A default that its own table refuses is our bug. */
static void
set_default(struct ynode map, const struct conf_key *key, void *out)
{
	struct arena *a = yaml_arena(map.doc);
	struct conf_list *list = out;
	int64_t n = 0;
	int i = 0;

	switch (key->kind) {
	case CONF_STR:
	case CONF_TEXT:
	case CONF_ADDR:
		*(const char **)out = key->def;
		return;
	case CONF_PATH:
		*(const char **)out = resolve_path(map, key->def);
		return;
	case CONF_BOOL:
		*(bool *)out = strcmp(key->def, "true") == 0 || strcmp(key->def, "yes") == 0;
		return;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_DURATION:
		if (!yaml_parse_number(key->kind, key->def, &n))
			assert(!"the default is a number");
		*(int64_t *)out = n;
		return;
	case CONF_ENUM:
		while (key->names[i] != NULL && strcmp(key->names[i], key->def) != 0)
			i++;
		assert(key->names[i] != NULL);
		*(int *)out = i;
		return;
	case CONF_LIST:
		list->item = ARENA_ARRAY(a, 1, const char *);
		list->item[0] = key->def;
		list->n = 1;
		return;
	case CONF_NODE:
		return;
	}
}

static void
complain_unknown(struct ynode k, const struct conf_key *keys, size_t nkeys)
{
	const char **names = xcalloc(nkeys + 1, sizeof *names);
	const char *near;

	for (size_t i = 0; i < nkeys; i++)
		names[i] = keys[i].name;
	near = conf_nearest(ynode_text(k), names, nkeys);
	if (near != NULL)
		yaml_complain(k, "unknown key \"%s\", expected \"%s\" perhaps", ynode_quote(k), near);
	else
		yaml_complain(
		    k, "unknown key \"%s\", expected one of %s", ynode_quote(k), list_names(yaml_arena(k.doc), names));
	free(names);
}

static const struct conf_key *
find_key(const char *name, const struct conf_key *keys, size_t nkeys)
{
	for (size_t i = 0; i < nkeys; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

void
yaml_read_map(struct ynode map, const struct conf_key *keys, size_t nkeys, void *out)
{
	char *base = out;

	for (size_t i = 0; i < nkeys; i++) {
		if (keys[i].def != NULL)
			set_default(map, &keys[i], base + keys[i].offset);
		else if (keys[i].kind == CONF_NODE)
			*(struct ynode *)(void *)(base + keys[i].offset) = (struct ynode){ map.doc, 0 };
	}
	if (map.id == 0)
		return;
	if (ynode_kind(map) != Y_MAP && ynode_kind(map) != Y_NONE) {
		complain_kind(map, "a map of keys");
		return;
	}
	for (size_t i = 0; i < ynode_count(map) && !yaml_full(map.doc); i++) {
		struct ynode k = ynode_key(map, i);
		const struct conf_key *key = find_key(ynode_text(k), keys, nkeys);

		/* A repeated key was complained about when the file was opened; the first counts here. */
		if (ynode_get(map, ynode_text(k)).id != ynode_item(map, i).id)
			continue;
		if (key == NULL)
			complain_unknown(k, keys, nkeys);
		else
			yaml_read_value(ynode_item(map, i), key, base + key->offset);
	}
	for (size_t i = 0; i < nkeys; i++)
		if (keys[i].required && ynode_get(map, keys[i].name).id == 0)
			yaml_complain(map, "key \"%s\" is missing, expected %s", keys[i].name,
			    expected_of(yaml_arena(map.doc), &keys[i]));
}
