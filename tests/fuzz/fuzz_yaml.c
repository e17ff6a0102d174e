/* Target: yaml_parse() yaml_read_map() yaml_write_value() -- seeds: corpus/yaml. Whatever the text: no crash, mistakes
 * one a line and each with its place, and what is read is within the bounds of its table. */
#include "conf/yaml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct inner {
	const char *host, *address, *path;
	int64_t port;
};
struct outer {
	const char *name, *words;
	bool on;
	int64_t size, wait;
	int colour;
	struct conf_list list;
	struct ynode inner, any;
};

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static const char *const colours[] = { "red", "green", NULL };

static const struct conf_key outer_keys[] = {
	CONF_KEY(struct outer, name, CONF_STR, .required = true),
	CONF_KEY(struct outer, words, CONF_TEXT, .help = "words"),
	CONF_KEY(struct outer, on, CONF_BOOL, .def = "true"),
	CONF_KEY(struct outer, size, CONF_SIZE, .def = "1M", .min = 1, .max = 1 << 20),
	CONF_KEY(struct outer, wait, CONF_DURATION, .def = "1m", .min = 1, .max = 3600),
	CONF_KEY(struct outer, colour, CONF_ENUM, .def = "red", .names = colours),
	CONF_KEY(struct outer, list, CONF_LIST, .help = "list"),
	CONF_KEY(struct outer, inner, CONF_NODE, .help = "inner"),
	CONF_KEY(struct outer, any, CONF_NODE, .help = "any"),
};
static const struct conf_key inner_keys[] = {
	CONF_KEY(struct inner, host, CONF_STR, .required = true),
	CONF_KEY(struct inner, address, CONF_ADDR, .help = "address"),
	CONF_KEY(struct inner, path, CONF_PATH, .def = "x"),
	CONF_KEY(struct inner, port, CONF_INT, .def = "993", .min = 1, .max = 65535),
};

/* Everything that can be reached, as a driver reads options of its own. */
static size_t
walk(struct ynode node, int depth)
{
	size_t sum = strlen(ynode_text(node)) + strlen(ynode_quote(node));

	assert(depth <= YAML_MAX_DEPTH);
	for (size_t i = 0; i < ynode_count(node); i++) {
		sum += strlen(ynode_text(ynode_key(node, i)));
		sum += walk(ynode_item(node, i), depth + 1);
	}
	return sum;
}

static void
check_mistakes(const struct conf_errors *errs)
{
	size_t lines = 0;

	for (const char *p = buf_str(&errs->text), *end; *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		assert(end != NULL && strncmp(p, "fuzz.yaml:", 10) == 0 && strtol(p + 10, NULL, 10) > 0);
		lines++;
	}
	assert(lines == (errs->n <= YAML_MAX_MISTAKES ? errs->n : YAML_MAX_MISTAKES + 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { 0 };
	struct yaml_doc *doc = yaml_parse("fuzz.yaml", (struct slice){ (const char *)in, n }, a, &errs);
	struct outer o = { .name = NULL };
	struct inner i = { .host = NULL };

	if (doc == NULL) {
		assert(errs.n > 0);
	} else {
		yaml_read_map(yaml_root(doc), outer_keys, ARRAY_LEN(outer_keys), &o);
		yaml_read_map(o.inner, inner_keys, ARRAY_LEN(inner_keys), &i);
		walk(yaml_root(doc), 0);
		assert(o.size >= 1 && o.size <= 1 << 20 && o.wait >= 1 && o.wait <= 3600);
		assert(o.colour == 0 || o.colour == 1);
		assert(o.name == NULL || (o.name[0] != '\0' && strchr(o.name, '\n') == NULL));
		assert(i.address == NULL || strchr(i.address, '@') != NULL);
		assert(errs.n > 0 || o.name != NULL);
	}
	check_mistakes(&errs);
	yaml_close(doc);
	conf_errors_free(&errs);
	return 0;
}
