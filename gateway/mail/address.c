#include "mail/address.h"

#include "mail/text.h"

#include <string.h>
#include <strings.h>

#define ADDR_MAX 254 /* RFC 5321 4.5.3.1.3 without the brackets */
#define LOCAL_MAX 64
#define LABEL_MAX 63

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 5322 3.2.3 */
static bool
is_atext(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
is_dot_atom(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' ? i == 0 || s[i - 1] == '.' : !is_atext(s[i]))
			return false;
	return n > 0 && s[n - 1] != '.';
}

static bool
is_domain(const char *s)
{
	size_t label = 0;

	for (;; s++) {
		if (*s == '.' || *s == '\0') {
			if (label == 0 || label > LABEL_MAX || s[-1] == '-')
				return false;
			if (*s == '\0')
				return true;
			label = 0;
		} else if (is_alnum(*s) || (*s == '-' && label > 0)) {
			label++;
		} else {
			return false;
		}
	}
}

bool
addr_spec_valid(const char *s)
{
	const char *at = s != NULL ? strchr(s, '@') : NULL;
	size_t local = at != NULL ? (size_t)(at - s) : 0;

	if (at == NULL || strlen(s) > ADDR_MAX || local > LOCAL_MAX || !is_dot_atom(s, local) || !is_domain(at + 1))
		return false;
	/* An encoded word is made of letters an address may have; nobody's mailbox is called that. */
	return strstr(s, "=?") == NULL;
}

bool
addr_spec_equal(const char *a, const char *b)
{
	const char *at_a = a != NULL ? strrchr(a, '@') : NULL, *at_b = b != NULL ? strrchr(b, '@') : NULL;

	if (at_a == NULL || at_b == NULL || at_a - a != at_b - b)
		return false;
	return memcmp(a, b, (size_t)(at_a - a)) == 0 && strcasecmp(at_a, at_b) == 0;
}

/* Is this a From field for any reader? Blanks, controls and 8-bit bytes in the name do not hide it. */
static bool
reads_as_from(struct slice name)
{
	char plain[5] = "";
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] <= ' ' || name.p[i] > '~')
			continue;
		if (n == 4)
			return false;
		plain[n++] = name.p[i];
	}
	return strcasecmp(plain, "From") == 0;
}

/* The display name of a mailbox: words, dots, quoted strings, UTF-8 (RFC 6532). Returns where the "<" is, or NULL. */
static const char *
skip_display_name(const char *s)
{
	for (; *s != '<'; s++) {
		uint32_t c;

		if (*s == '"') {
			for (s++; *s != '"'; s++) {
				if (*s == '\\' && s[1] != '\0')
					s++;
				if (*s == '\0')
					return NULL;
			}
		} else if ((unsigned char)*s >= 0x80) {
			s += utf8_get(s, strlen(s), &c) - 1;
			if (c == 0xFFFD)
				return NULL;
		} else if (!is_atext(*s) && *s != '.' && *s != ' ' && *s != '\t') {
			return NULL;
		}
	}
	return s;
}

/* mailbox = [display-name] "<" addr-spec ">" / addr-spec, without comments and without the obsolete forms. */
static const char *
mailbox_addr(const char *s, struct arena *a)
{
	const char *open, *close;
	char *addr;

	if (addr_spec_valid(s))
		return s;
	open = skip_display_name(s);
	close = open != NULL ? strchr(open, '>') : NULL;
	if (close == NULL || close[1] != '\0')
		return NULL;
	addr = arena_strndup(a, open + 1, (size_t)(close - open) - 1);
	return addr_spec_valid(addr) ? addr : NULL;
}

enum status
from_mailbox(const struct entity *e, struct arena *a, const char **ret, struct err *err)
{
	const char *value, *addr;
	bool odd = false;
	size_t n = 0;

	for (size_t i = 0; i < e->nfields; i++) {
		if (!reads_as_from(e->fields[i].name))
			continue;
		n++;
		odd |= e->fields[i].odd || !slice_caseeq(e->fields[i].name, "From");
	}
	if (n != 1)
		return err_set(err, ST_MSG_REFUSED, "identity.from-count", "there must be exactly one From field");
	value = odd ? NULL : entity_get(e, "From", a);
	addr = value != NULL ? mailbox_addr(value, a) : NULL;
	if (addr == NULL)
		return err_set(err, ST_MSG_REFUSED, "identity.from-syntax", "From must be one plain mailbox");
	*ret = addr;
	return ST_OK;
}

size_t
msg_ids(const char *value, struct arena *a, size_t max, const char **ret)
{
	size_t n = 0;

	while (value != NULL && n < max && (value = strchr(value, '<')) != NULL) {
		const char *start = ++value, *at;

		while (*value > ' ' && *value <= '~' && *value != '<' && *value != '>')
			value++;
		if (*value != '>')
			continue;
		at = memchr(start, '@', (size_t)(value - start));
		if (at != NULL && at > start && at + 1 < value)
			ret[n++] = arena_strndup(a, start, (size_t)(value - start));
	}
	return n;
}
