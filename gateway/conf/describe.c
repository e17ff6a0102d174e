#include "conf/describe.h"

#include "base/own.h"
#include "conf/conf_in.h"

#include <string.h>

size_t
conf_area_count(void)
{
	return n_site_areas + n_people_areas + n_support_areas;
}

const struct conf_area *
conf_area_at(size_t i)
{
	if (i < n_site_areas)
		return &site_areas[i];
	i -= n_site_areas;
	if (i < n_people_areas)
		return &people_areas[i];
	i -= n_people_areas;
	return i < n_support_areas ? &support_areas[i] : NULL;
}

const char *
conf_kind_name(enum conf_kind kind)
{
	static const char *const names[] = {
		[CONF_STR] = "text",
		[CONF_BOOL] = "true or false",
		[CONF_INT] = "number",
		[CONF_SIZE] = "size",
		[CONF_DURATION] = "duration",
		[CONF_PATH] = "path",
		[CONF_ENUM] = "one of",
		[CONF_LIST] = "list",
		[CONF_ADDR] = "address",
		[CONF_NODE] = "section",
		[CONF_TEXT] = "text",
	};

	return (size_t)kind < ARRAY_LEN(names) ? names[kind] : "";
}

/* "number 1 to 64", "one of signed-encrypted, signed, sasl" */
static void
describe_kind(const struct conf_key *key, struct buf *ret)
{
	buf_puts(ret, conf_kind_name(key->kind));
	for (size_t i = 0; key->kind == CONF_ENUM && key->names[i] != NULL; i++)
		buf_printf(ret, "%s%s", i == 0 ? " " : ", ", key->names[i]);
	if (key->min == 0 && key->max == 0)
		return;
	buf_putc(ret, ' ');
	yaml_write_value(key, &key->min, ret);
	buf_puts(ret, " to ");
	yaml_write_value(key, &key->max, ret);
}

static const char *
describe_default(const struct conf_key *key)
{
	return key->required ? "required" : key->def != NULL ? key->def : "";
}

static void
describe_text(const struct conf_area *area, struct buf *ret)
{
	buf_printf(ret, "%s%s%s: %s\n", area->file, area->section[0] != '\0' ? ", " : "", area->section, area->help);
	for (size_t i = 0; i < area->nkeys; i++) {
		const struct conf_key *key = &area->keys[i];
		AUTO_BUF kind = BUF_INIT;

		describe_kind(key, &kind);
		buf_printf(ret, "  %-20s %s", key->name, buf_str(&kind));
		if (key->required)
			buf_puts(ret, "; required");
		else if (key->def != NULL)
			buf_printf(ret, "; default %s", key->def);
		buf_printf(ret, "\n  %-20s   %s\n", "", key->help);
	}
	buf_putc(ret, '\n');
}

/* mdoc(7): a dot or quote at the start of a line is a request, a backslash an escape. */
static void
man_words(const char *s, struct buf *ret)
{
	if (*s == '.' || *s == '\'')
		buf_puts(ret, "\\&");
	for (; *s != '\0'; s++)
		buf_puts(ret, *s == '\\' ? "\\e" : (char[]){ *s, '\0' });
	buf_putc(ret, '\n');
}

static void
describe_man(const struct conf_area *area, struct buf *ret)
{
	buf_printf(ret, ".Ss \"%s%s%s\"\n", area->file, area->section[0] != '\0' ? ", " : "", area->section);
	man_words(area->help, ret);
	buf_puts(ret, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < area->nkeys; i++) {
		const struct conf_key *key = &area->keys[i];

		buf_printf(ret, ".It Ic %s : Ar ", key->name);
		describe_kind(key, ret);
		buf_putc(ret, '\n');
		man_words(key->help, ret);
		if (key->required)
			buf_puts(ret, "(required)\n");
		else if (key->def != NULL)
			buf_printf(ret, "(default: %s)\n", key->def);
	}
	buf_puts(ret, ".El\n");
}

static void
describe_keys(const struct conf_area *area, struct buf *ret)
{
	for (size_t i = 0; i < area->nkeys; i++) {
		const struct conf_key *key = &area->keys[i];

		buf_printf(ret, "%s\t%s\t%s\t", area->file, area->section, key->name);
		describe_kind(key, ret);
		buf_printf(ret, "\t%s\t%s\n", describe_default(key), key->help);
	}
}

void
conf_describe(enum describe_form form, struct buf *ret)
{
	for (size_t i = 0; i < conf_area_count(); i++) {
		const struct conf_area *area = conf_area_at(i);

		if (form == DESCRIBE_TEXT)
			describe_text(area, ret);
		else if (form == DESCRIBE_MAN)
			describe_man(area, ret);
		else
			describe_keys(area, ret);
	}
}

/* What is in force */

static void
show_keys(const struct conf_area *area, const void *from, const char *indent, struct buf *ret)
{
	for (size_t i = 0; i < area->nkeys; i++) {
		AUTO_BUF value = BUF_INIT;

		if (area->keys[i].kind == CONF_NODE)
			continue;
		yaml_write_value(&area->keys[i], (const char *)from + area->keys[i].offset, &value);
		if (value.n > 0)
			buf_printf(ret, "%s%s: %s\n", indent, area->keys[i].name, buf_str(&value));
	}
}

static void
show_area(const struct conf *c, const struct conf_area *area, struct buf *ret)
{
	const char *dot = strchr(area->section, '.'), *id = "";
	const void *from;

	if (area->section[0] != '\0' && area->at(c, 0, &id) != NULL)
		buf_printf(ret, "%.*s:\n", dot != NULL ? (int)(dot - area->section) : (int)strlen(area->section),
		    area->section);
	for (size_t i = 0; (from = area->at(c, i, &id)) != NULL; i++) {
		if (dot != NULL)
			buf_printf(ret, "  %s:\n", id);
		show_keys(area, from, dot != NULL ? "    " : area->section[0] != '\0' ? "  " : "", ret);
		if (area->inner != NULL && (from = area->inner->at(c, i, &id)) != NULL) {
			buf_printf(ret, "    %s:\n", area->inner->section);
			show_keys(area->inner, from, "      ", ret);
		}
	}
}

void
conf_show(const struct conf *c, struct buf *ret)
{
	const char *file = "";

	for (size_t i = 0; i < conf_area_count(); i++) {
		const struct conf_area *area = conf_area_at(i);

		if (strcmp(area->file, file) != 0)
			buf_printf(ret, "%s# %s\n", i == 0 ? "" : "\n", area->file);
		file = area->file;
		if (area->at != NULL)
			show_area(c, area, ret);
	}
}
