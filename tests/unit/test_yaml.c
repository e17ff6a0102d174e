/* Configuration files: what is read, and what each mistake says. */
#include "base/file.h"
#include "base/own.h"
#include "conf/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct sample {
	const char *name, *path, *address, *text;
	bool on;
	int64_t count, size, wait, any;
	int choice;
	struct conf_list list;
	struct ynode node;
};

static const char *const choices[] = { "red", "green", "blue", NULL };

static const struct conf_key keys[] = {
	CONF_KEY(struct sample, name, CONF_STR, .required = true),
	CONF_KEY(struct sample, path, CONF_PATH, .def = "beside.yaml"),
	CONF_KEY(struct sample, address, CONF_ADDR, .help = "one"),
	CONF_KEY(struct sample, text, CONF_TEXT, .help = "one"),
	CONF_KEY(struct sample, on, CONF_BOOL, .def = "true"),
	CONF_KEY(struct sample, count, CONF_INT, .def = "7", .min = 1, .max = 100),
	CONF_KEY(struct sample, size, CONF_SIZE, .def = "35M", .min = 1024, .max = 1 << 30),
	CONF_KEY(struct sample, wait, CONF_DURATION, .def = "90s", .min = 1, .max = 86400),
	CONF_KEY(struct sample, any, CONF_INT, .help = "one"),
	CONF_KEY(struct sample, choice, CONF_ENUM, .def = "green", .names = choices),
	CONF_KEY(struct sample, list, CONF_LIST, .def = "one"),
	CONF_KEY(struct sample, node, CONF_NODE, .help = "one"),
};

/* Reads text by the table; the mistakes are the answer. */
static void
read_sample(struct arena *a, struct slice text, struct conf_errors *errs, struct sample *s)
{
	struct yaml_doc *doc = yaml_parse("/etc/x/t.yaml", text, a, errs);

	if (doc != NULL)
		yaml_read_map(yaml_root(doc), keys, ARRAY_LEN(keys), s);
	yaml_close(doc);
}

static const struct {
	const char *name, *text, *mistakes;
} mistakes[] = {
	{ "nothing wrong", "name: x\n", "" },
	{ "unknown key, one near", "name: x\ncuont: 3\n", "2:1: unknown key \"cuont\", expected \"count\" perhaps\n" },
	{ "unknown key, none near", "name: x\nwhatever: 3\n",
	    "2:1: unknown key \"whatever\", expected one of name, path, address, text, on, count, size, wait, any, "
	    "choice, list or node\n" },
	{ "repeated key", "name: x\ncount: 1\nname: y\n",
	    "3:1: key \"name\" is repeated, expected once (it is on line 1)\n" },
	{ "repeated key in a map nobody reads", "name: x\nnode:\n  a: 1\n  b: 2\n  a: 3\n",
	    "5:3: key \"a\" is repeated, expected once (it is on line 3)\n" },
	{ "missing key", "count: 1\n", "1:1: key \"name\" is missing, expected a text\n" },
	{ "list for text", "name: [a]\n", "1:7: a list, expected a text\n" },
	{ "map for text", "name: {a: b}\n", "1:7: a map of keys, expected a text\n" },
	{ "nothing for text", "name:\ncount: 1\n", "1:6: nothing, expected a text\n" },
	{ "tilde for text", "name: ~\n", "1:7: nothing, expected a text\n" },
	{ "empty text", "name: \"\"\n", "1:7: an empty text, expected a text\n" },
	{ "line break in a name", "name: \"x\\nBcc: y\"\n",
	    "1:7: \"x?Bcc: y\" holds a line break or control character, expected one line of plain text\n" },
	{ "escape character in a text", "name: x\ntext: \"\\e[2J\"\n",
	    "2:7: \"?[2J\" holds a line break or control character, expected plain text\n" },
	{ "NUL in a name", "name: \"a\\0b\"\n", "1:7: a NUL character, expected text\n" },
	{ "word for truth", "name: x\non: on\n", "2:5: \"on\", expected true or false\n" },
	{ "word for number", "name: x\ncount: many\n", "2:8: \"many\", expected a whole number\n" },
	{ "fraction", "name: x\ncount: 1.5\n", "2:8: \"1.5\", expected a whole number\n" },
	{ "hexadecimal", "name: x\ncount: 0x10\n", "2:8: \"0x10\", expected a whole number\n" },
	{ "blank in number", "name: x\ncount: \"5 \"\n", "2:8: \"5 \", expected a whole number\n" },
	{ "too small", "name: x\ncount: 0\n", "2:8: \"0\", expected 1 to 100\n" },
	{ "too large", "name: x\ncount: 101\n", "2:8: \"101\", expected 1 to 100\n" },
	{ "larger than any number", "name: x\ncount: 99999999999999999999\n",
	    "2:8: \"99999999999999999999\", expected a whole number\n" },
	{ "negative where none is said", "name: x\nany: -1\n", "2:6: \"-1\", expected 0 or more\n" },
	{ "size with a wrong unit", "name: x\nsize: 3MB\n", "2:7: \"3MB\", expected a size such as 64K or 35M\n" },
	{ "size out of range", "name: x\nsize: 2G\n", "2:7: \"2G\", expected 1K to 1G\n" },
	{ "size that wraps", "name: x\nsize: 999999999999999999G\n",
	    "2:7: \"999999999999999999G\", expected a size such as 64K or 35M\n" },
	{ "duration without a unit", "name: x\nwait: 30\n",
	    "2:7: \"30\", expected a duration such as 30s, 15m, 4h or 2d\n" },
	{ "duration out of range", "name: x\nwait: 2d\n", "2:7: \"2d\", expected 1s to 1d\n" },
	{ "no such choice", "name: x\nchoice: gren\n", "2:9: \"gren\", expected red, green or blue\n" },
	{ "two at signs", "name: x\naddress: lee@@clinic.example\n",
	    "2:10: \"lee@@clinic.example\", expected an address such as lee@clinic.example\n" },
	{ "no domain", "name: x\naddress: lee\n", "2:10: \"lee\", expected an address such as lee@clinic.example\n" },
	{ "display name", "name: x\naddress: Lee <lee@clinic.example>\n",
	    "2:10: \"Lee <lee@clinic.example>\", expected an address such as lee@clinic.example\n" },
	{ "dot at the end of the local part", "name: x\naddress: lee.@clinic.example\n",
	    "2:10: \"lee.@clinic.example\", expected an address such as lee@clinic.example\n" },
	{ "empty label", "name: x\naddress: lee@clinic..example\n",
	    "2:10: \"lee@clinic..example\", expected an address such as lee@clinic.example\n" },
	{ "not ASCII", "name: x\naddress: l\xc3\xa9@clinic.example\n",
	    "2:10: \"l\xc3\xa9@clinic.example\", expected an address such as lee@clinic.example\n" },
	{ "list of lists", "name: x\nlist: [a, [b], c]\n", "2:11: a list, expected a text\n" },
	{ "map for list", "name: x\nlist: {a: b}\n", "2:7: a map of keys, expected a list\n" },
	{ "anchor", "name: &n x\n", "1:7: anchor &n, expected a plain value: anchors are not used here\n" },
	{ "alias", "name: &n x\ntext: *n\n",
	    "1:7: anchor &n, expected a plain value: anchors are not used here\n"
	    "2:7: alias *n, expected the values written out: aliases are not used here\n" },
	{ "alias to what holds it", "name: x\nnode: &n [*n]\n",
	    "2:7: anchor &n, expected a plain value: anchors are not used here\n"
	    "2:11: alias *n, expected the values written out: aliases are not used here\n" },
	{ "tag", "name: !!binary aGk=\n",
	    "1:7: tag tag:yaml.org,2002:binary, expected a plain value: tags are not used here\n" },
	{ "key that is a list", "name: x\n? [a, b]\n: 1\n",
	    "2:3: a list or map as a key, expected a word\n"
	    "2:3: unknown key \"\", expected one of name, path, address, text, on, count, size, wait, any, choice, "
	    "list or node\n" },
	{ "second document", "name: x\n---\nname: y\n", "2:1: a second document, expected one in a file\n" },
	{ "tab", "name: x\nnode:\n\ta: 1\n", "3:1: a tab, expected spaces: YAML does not indent with tabs\n" },
	{ "open bracket", "name: [a\n",
	    "2:1: while parsing a flow sequence: did not find expected ',' or ']', expected YAML\n" },
	{ "control character", "name: x\ntext: \001\n",
	    "2:1: not readable as text (control characters are not allowed), expected UTF-8 without control "
	    "characters\n" },
	{ "not UTF-8", "name: \xff\n",
	    "1:1: not readable as text (invalid leading UTF-8 octet), expected UTF-8 without control characters\n" },
	{ "empty file", "", "1:1: an empty file, expected a map of keys\n" },
	{ "only remarks", "# nothing\n", "1:1: an empty file, expected a map of keys\n" },
	{ "a list instead of keys", "- a\n", "1:1: a list, expected a map of keys\n" },
	{ "all of them, in file order", "count: 0\nwait: x\ncolour: 3\non: maybe\n",
	    "1:1: key \"name\" is missing, expected a text\n"
	    "1:8: \"0\", expected 1 to 100\n"
	    "2:7: \"x\", expected a duration such as 30s, 15m, 4h or 2d\n"
	    "3:1: unknown key \"colour\", expected one of name, path, address, text, on, count, size, wait, any, "
	    "choice, list or node\n"
	    "4:5: \"maybe\", expected true or false\n" },
};

static void
mistakes_name_their_place_and_what_was_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		AUTO(arena) a = arena_new();
		struct conf_errors errs = { 0 };
		struct sample s = { 0 };
		AUTO_BUF want = BUF_INIT;
		AUTO_STR copy = xstrdup(mistakes[i].mistakes);
		char *save = NULL;

		for (char *l = strtok_r(copy, "\n", &save); l != NULL; l = strtok_r(NULL, "\n", &save))
			buf_printf(&want, "/etc/x/t.yaml:%s\n", l);
		read_sample(a, slice_of(mistakes[i].text), &errs, &s);
		if (strcmp(buf_str(&errs.text), buf_str(&want)) != 0)
			fail_msg("%s:\n%sexpected:\n%s", mistakes[i].name, buf_str(&errs.text), buf_str(&want));
		conf_errors_free(&errs);
	}
}

static void
values_are_read_and_defaults_fill_the_rest(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { 0 };
	struct sample s = { 0 };

	(void)state;
	read_sample(a, SLICE("name: Dr. Lee\n"), &errs, &s);
	assert_int_equal(errs.n, 0);
	assert_string_equal(s.name, "Dr. Lee");
	assert_string_equal(s.path, "/etc/x/beside.yaml");
	assert_null(s.address);
	assert_true(s.on);
	assert_int_equal(s.count, 7);
	assert_int_equal(s.size, 35 * 1024 * 1024);
	assert_int_equal(s.wait, 90);
	assert_int_equal(s.choice, 1);
	assert_int_equal(s.list.n, 1);
	assert_string_equal(s.list.item[0], "one");
	assert_int_equal(s.node.id, 0);

	read_sample(a,
	    SLICE("name: 'null'\npath: /a/b\naddress: O'Neil+x@Clinic.Example\ntext: |\n  one\n  two\non: no\n"
		  "count: 100\nsize: 64K\nwait: 4h\nany: 0\nchoice: blue\nlist: [a, 'b c']\nnode: {k: v}\n"),
	    &errs, &s);
	assert_string_equal(buf_str(&errs.text), "");
	assert_string_equal(s.name, "null");
	assert_string_equal(s.path, "/a/b");
	assert_string_equal(s.address, "O'Neil+x@Clinic.Example");
	assert_string_equal(s.text, "one\ntwo\n");
	assert_false(s.on);
	assert_int_equal(s.count, 100);
	assert_int_equal(s.size, 65536);
	assert_int_equal(s.wait, 4 * 3600);
	assert_int_equal(s.any, 0);
	assert_int_equal(s.choice, 2);
	assert_int_equal(s.list.n, 2);
	assert_string_equal(s.list.item[1], "b c");
	assert_int_not_equal(s.node.id, 0);

	read_sample(a, SLICE("name: x\nlist: single\n"), &errs, &s);
	assert_int_equal(s.list.n, 1);
	assert_string_equal(s.list.item[0], "single");
	read_sample(a, SLICE("name: x\nlist:\n"), &errs, &s);
	assert_int_equal(s.list.n, 0);
	assert_int_equal(errs.n, 0);
}

static void
what_was_written_back_reads_the_same(void **state)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF text = BUF_INIT;
	struct conf_errors errs = { 0 };
	struct sample s = { 0 }, t = { 0 };

	(void)state;
	read_sample(a,
	    SLICE("name: 'a: \"b\" \\ # c'\naddress: a@b.example\ntext: \"x\\ny\"\nsize: 3000\nwait: 25h\nlist: "
		  "['- x', '', y]\n"),
	    &errs, &s);
	assert_int_equal(errs.n, 2); /* 25h is too long, '' is no text */
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		AUTO_BUF v = BUF_INIT;

		yaml_write_value(&keys[i], (char *)&s + keys[i].offset, &v);
		if (v.n > 0)
			buf_printf(&text, "%s: %s\n", keys[i].name, v.p);
	}
	conf_errors_free(&errs);
	read_sample(a, buf_slice(&text), &errs, &t);
	assert_string_equal(buf_str(&errs.text), "");
	assert_string_equal(t.name, "a: \"b\" \\ # c");
	assert_string_equal(t.text, "x\ny");
	assert_int_equal(t.size, 3000);
	assert_int_equal(t.wait, 90);
	assert_int_equal(t.choice, s.choice);
	assert_int_equal(t.list.n, s.list.n);
}

static void
nodes_can_be_walked_and_absent_ones_are_harmless(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { 0 }, late = { 0 };
	struct yaml_doc *doc = yaml_parse("w.yaml", SLICE("a:\n  b: [x, y]\n  c: z\n"), a, &errs);
	struct ynode root, seq, none, again;

	(void)state;
	assert_non_null(doc);
	root = yaml_root(doc);
	assert_int_equal(ynode_kind(root), Y_MAP);
	seq = ynode_get(ynode_get(root, "a"), "b");
	assert_int_equal(ynode_kind(seq), Y_LIST);
	assert_int_equal(ynode_count(seq), 2);
	assert_string_equal(ynode_text(ynode_item(seq, 1)), "y");
	assert_string_equal(ynode_text(ynode_key(ynode_get(root, "a"), 1)), "c");
	assert_int_equal(ynode_line(seq), 2);
	none = ynode_get(ynode_get(ynode_item(seq, 9), "q"), "r");
	assert_int_equal(none.id, 0);
	assert_int_equal(ynode_kind(none), Y_NONE);
	assert_int_equal(ynode_count(none), 0);
	assert_string_equal(ynode_text(none), "");
	yaml_complain(none, "no q, expected one");
	assert_string_equal(buf_str(&errs.text), "w.yaml:1:1: no q, expected one\n");
	again = ynode_rebind(seq, a, &late);
	yaml_complain(again, "two, expected three");
	assert_string_equal(buf_str(&late.text), "w.yaml:2:6: two, expected three\n");
	assert_int_equal(errs.n, 1);
	yaml_close(doc);
	conf_errors_free(&errs);
	conf_errors_free(&late);
}

static void
limits_hold(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { 0 };
	AUTO_BUF text = BUF_INIT;
	struct sample s = { 0 };
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < YAML_MAX_DEPTH + 1; i++)
		buf_putc(&text, '[');
	for (int i = 0; i < YAML_MAX_DEPTH + 1; i++)
		buf_putc(&text, ']');
	read_sample(a, buf_slice(&text), &errs, &s);
	assert_string_equal(buf_str(&errs.text), "/etc/x/t.yaml:1:17: nested more than 16 deep, expected less\n");
	conf_errors_free(&errs);

	buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		buf_putc(&text, '[');
	read_sample(a, buf_slice(&text), &errs, &s);
	assert_int_equal(errs.n, 1);
	conf_errors_free(&errs);

	buf_clear(&text);
	buf_puts(&text, "name: x\nnode: [");
	for (int i = 0; i < YAML_MAX_NODES; i++)
		buf_puts(&text, "a,");
	buf_puts(&text, "]\n");
	read_sample(a, buf_slice(&text), &errs, &s);
	assert_non_null(strstr(buf_str(&errs.text), "more than 200000 values in a file"));
	conf_errors_free(&errs);

	buf_clear(&text);
	buf_reserve(&text, YAML_MAX_BYTES + 1);
	while (text.n <= YAML_MAX_BYTES)
		buf_putc(&text, '#');
	read_sample(a, buf_slice(&text), &errs, &s);
	assert_string_equal(buf_str(&errs.text), "/etc/x/t.yaml:1:1: 4194305 bytes, expected at most 4194304\n");
	conf_errors_free(&errs);

	buf_clear(&text);
	buf_puts(&text, "name: ");
	for (int i = 0; i <= YAML_MAX_STR; i++)
		buf_putc(&text, 'x');
	read_sample(a, buf_slice(&text), &errs, &s);
	assert_string_equal(buf_str(&errs.text), "/etc/x/t.yaml:1:7: 1001 bytes of text, expected at most 1000\n");
	conf_errors_free(&errs);

	buf_clear(&text);
	for (int i = 0; i < 50000; i++)
		buf_printf(&text, "k%d: 1\n", i);
	read_sample(a, buf_slice(&text), &errs, &s);
	for (const char *p = buf_str(&errs.text); *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, YAML_MAX_MISTAKES + 1);
	assert_non_null(strstr(buf_str(&errs.text), "more than 200 mistakes"));
	conf_errors_free(&errs);
}

static void
files_are_opened_and_digested(void **state)
{
	char dir[] = "/tmp/portico-yaml-XXXXXX";
	AUTO_STR path = NULL;
	AUTO_STR gone = NULL;
	AUTO_STR want = NULL;
	AUTO(arena) a = arena_new();
	struct conf_errors one = { 0 }, two = { 0 };
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/f.yaml", dir);
	gone = xasprintf("%s/gone.yaml", dir);
	want = xasprintf("%s:1:1: cannot open: No such file or directory, expected a readable file\n", gone);
	assert_null(yaml_open(gone, a, &one));
	assert_string_equal(buf_str(&one.text), want);
	assert_int_equal(file_write(path, "a: 1\n", 5, 0600, false, &err), ST_OK);
	yaml_close(yaml_open(path, a, &one));
	yaml_close(yaml_open(path, a, &two));
	assert_memory_equal(one.digest, two.digest, sizeof one.digest);
	assert_int_equal(file_write(path, "a: 2\n", 5, 0600, false, &err), ST_OK);
	memset(two.digest, 0, sizeof two.digest);
	yaml_close(yaml_open(path, a, &two));
	assert_memory_not_equal(one.digest, two.digest, sizeof one.digest);
	unlink(path);
	rmdir(dir);
	conf_errors_free(&one);
	conf_errors_free(&two);
}

static void
near_words_are_found(void **state)
{
	static const char *const words[] = { "emergency", "privacy_officer", "on_call" };

	(void)state;
	assert_string_equal(conf_nearest("emergncy", words, 3), "emergency");
	assert_string_equal(conf_nearest("no_call", words, 3), "on_call");
	assert_string_equal(conf_nearest("privacy-officer", words, 3), "privacy_officer");
	assert_null(conf_nearest("zebra", words, 3));
	assert_null(conf_nearest("x", words, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_name_their_place_and_what_was_expected),
		cmocka_unit_test(values_are_read_and_defaults_fill_the_rest),
		cmocka_unit_test(what_was_written_back_reads_the_same),
		cmocka_unit_test(nodes_can_be_walked_and_absent_ones_are_harmless),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(files_are_opened_and_digested),
		cmocka_unit_test(near_words_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
