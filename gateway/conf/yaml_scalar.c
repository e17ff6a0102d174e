#include "base/own.h"
#include "conf/yaml_in.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Numbers */

/* Digits only: no sign, no blanks, no octal, and never a silent wrap. */
static bool
parse_digits(const char *s, size_t n, int64_t *ret)
{
	int64_t v = 0;

	if (n == 0 || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*ret = v;
	return true;
}

struct unit {
	char letter;
	int64_t factor;
};
static const struct unit size_units[] = { { 'G', 1 << 30 }, { 'M', 1 << 20 }, { 'K', 1 << 10 } };
static const struct unit time_units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

static bool
parse_unit(const char *s, const struct unit *units, size_t nunits, bool bare, int64_t *ret)
{
	size_t n = strlen(s);
	int64_t v;

	for (size_t i = 0; i < nunits && n > 0; i++)
		if (s[n - 1] == units[i].letter)
			return parse_digits(s, n - 1, &v) && !__builtin_mul_overflow(v, units[i].factor, ret);
	if (!parse_digits(s, n, &v) || (!bare && v != 0))
		return false;
	*ret = v;
	return true;
}

/* The largest unit that divides: 36700160 is "35M". */
static const char *
format_unit(struct arena *a, int64_t v, const struct unit *units, size_t nunits)
{
	for (size_t i = 0; i < nunits; i++)
		if (v != 0 && v % units[i].factor == 0)
			return arena_printf(a, "%" PRId64 "%c", v / units[i].factor, units[i].letter);
	return arena_printf(a, "%" PRId64, v);
}

const char *
yaml_format_number(struct arena *a, enum conf_kind kind, int64_t v)
{
	if (kind == CONF_SIZE)
		return format_unit(a, v, size_units, ARRAY_LEN(size_units));
	if (kind == CONF_DURATION)
		return format_unit(a, v, time_units, ARRAY_LEN(time_units));
	return arena_printf(a, "%" PRId64, v);
}

bool
yaml_parse_number(enum conf_kind kind, const char *s, int64_t *ret)
{
	if (kind == CONF_SIZE)
		return parse_unit(s, size_units, ARRAY_LEN(size_units), true, ret);
	if (kind == CONF_DURATION)
		return parse_unit(s, time_units, ARRAY_LEN(time_units), false, ret);
	return parse_digits(s[0] == '-' ? s + 1 : s, strlen(s) - (s[0] == '-'), ret) &&
	       (s[0] != '-' || (*ret = -*ret, true));
}

/* Texts */

/* RFC 5321 4.1.2: Dot-string "@" Domain, in ASCII; no quoted strings, no address literals. The same as
 * addr_spec_valid() of the layer above. */
bool
yaml_addr_ok(const char *s)
{
	const char *at = strrchr(s, '@');
	size_t label = 0;

	if (at == NULL || at == s || at - s > 64 || strlen(s) > 254)
		return false;
	for (const char *p = s; p < at; p++)
		if (*p == '.' ? (p == s || p + 1 == at || p[1] == '.')
			      : !isalnum((unsigned char)*p) && strchr("!#$%&'*+-/=?^_`{|}~", *p) == NULL)
			return false;
	for (const char *p = at + 1;; p++) {
		if (*p == '.' || *p == '\0') {
			if (label == 0 || label > 63 || p[-1] == '-')
				return false;
			if (*p == '\0')
				return true;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)*p) && (*p != '-' || label == 0))
			return false;
		label++;
	}
}

/* An escape such as "\n" in a name would end up in a mail header. */
bool
yaml_has_control(const char *s, const char *allowed)
{
	for (; *s != '\0'; s++)
		if (((unsigned char)*s < ' ' || *s == 0x7f) && strchr(allowed, *s) == NULL)
			return true;
	return false;
}

/* Optimal string alignment: a swapped pair of letters is one mistake, as people make them. */
static size_t
distance(const char *a, const char *b)
{
	enum { MAX = 48 };
	size_t na = strlen(a), nb = strlen(b);
	uint8_t d[MAX + 1][MAX + 1];

	if (na > MAX || nb > MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= na; i++)
		d[i][0] = (uint8_t)i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= na; i++)
		for (size_t j = 1; j <= nb; j++) {
			uint8_t best = (uint8_t)(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));

			if (d[i - 1][j] + 1 < best)
				best = (uint8_t)(d[i - 1][j] + 1);
			if (d[i][j - 1] + 1 < best)
				best = (uint8_t)(d[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = (uint8_t)(d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	return d[na][nb];
}

const char *
conf_nearest(const char *word, const char *const *names, size_t n)
{
	size_t best = strlen(word) / 3 + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, names[i]);

		if (d < best || (d == best && found == NULL)) {
			best = d;
			found = names[i];
		}
	}
	return found;
}

/* Quoted where a reader of YAML could take it for something else. */
static void
write_text(const char *s, struct buf *ret)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._/@+-";
	size_t n = strlen(s);

	if (n > 0 && s[strspn(s, plain)] == '\0' && (isalnum((unsigned char)s[0]) || s[0] == '/') && s[n - 1] != ' ') {
		buf_puts(ret, s);
		return;
	}
	buf_putc(ret, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(ret, "\\%c", *s);
		else if (*s == '\n')
			buf_puts(ret, "\\n");
		else
			buf_putc(ret, *s);
	}
	buf_putc(ret, '"');
}

void
yaml_write_value(const struct conf_key *key, const void *field, struct buf *ret)
{
	AUTO(arena) a = arena_new();
	const struct conf_list *list = field;
	const char *s;

	switch (key->kind) {
	case CONF_STR:
	case CONF_TEXT:
	case CONF_ADDR:
	case CONF_PATH:
		s = *(const char *const *)field;
		if (s != NULL)
			write_text(s, ret);
		return;
	case CONF_BOOL:
		buf_puts(ret, *(const bool *)field ? "true" : "false");
		return;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_DURATION:
		buf_puts(ret, yaml_format_number(a, key->kind, *(const int64_t *)field));
		return;
	case CONF_ENUM:
		buf_puts(ret, key->names[*(const int *)field]);
		return;
	case CONF_LIST:
		buf_putc(ret, '[');
		for (size_t i = 0; i < list->n; i++) {
			buf_puts(ret, i == 0 ? "" : ", ");
			write_text(list->item[i], ret);
		}
		buf_putc(ret, ']');
		return;
	case CONF_NODE:
		return;
	}
}
