#include "portal/fhir_json.h"

#include "base/clock.h"
#include "crypto/base64.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Before anything is built: jansson's own limit is far above ours. Brackets inside strings do not count. */
static bool
too_deep(struct slice s, int64_t max)
{
	int64_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > max)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

enum status
fhir_parse(struct slice text, int64_t depth, json_t **ret, struct err *err)
{
	json_error_t why;
	json_t *root;

	if (too_deep(text, depth))
		return err_set(err, ST_REMOTE_DOWN, "fhir.not-json", "the answer nests deeper than limits.json_depth");
	root = json_loadb(text.p != NULL ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, ST_REMOTE_DOWN, "fhir.not-json", "the answer is no JSON object (at byte %d)",
		    root == NULL ? why.position : 0);
	}
	*ret = root;
	return ST_OK;
}

static const json_t *
walk(const json_t *o, va_list ap)
{
	const char *name;

	while (o != NULL && (name = va_arg(ap, const char *)) != NULL)
		o = json_object_get(o, name);
	return o;
}

const json_t *
fhir_at_path(const json_t *o, ...)
{
	va_list ap;

	va_start(ap, o);
	o = walk(o, ap);
	va_end(ap);
	return o;
}

static const char *
text_of(const json_t *s, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;
	const char *p = json_string_value(s);
	size_t n = json_string_length(s);

	if (p == NULL)
		return "";
	if (memchr(p, '\0', n) == NULL)
		return arena_strndup(a, p, n);
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\0')
			buf_puts(&b, "\xEF\xBF\xBD");
		else
			buf_putc(&b, p[i]);
	return arena_strdup(a, buf_str(&b));
}

const char *
fhir_text_at(const json_t *o, struct arena *a, ...)
{
	va_list ap;

	va_start(ap, a);
	o = walk(o, ap);
	va_end(ap);
	return text_of(o, a);
}

size_t
fhir_count(const json_t *list)
{
	return json_is_array(list) ? json_array_size(list) : 0;
}

bool
fhir_id_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	return n > 0 && n <= FHIR_ID_MAX && s[n] == '\0';
}

/* Is the word one of those in a list with blanks between? */
static bool
in_words(const char *words, const char *word, size_t n)
{
	for (const char *p = words; (p = strstr(p, word)) != NULL; p++)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

const char *
fhir_reference(const char *ref, const char *base, const char *types, struct arena *a)
{
	size_t nbase = base != NULL ? strlen(base) : 0, ntype, nid;
	const char *type, *id;

	if (nbase > 0 && strncmp(ref, base, nbase) == 0 && ref[nbase] == '/')
		ref += nbase + 1;
	ntype = strspn(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	if (ntype == 0 || ntype > 40 || ref[ntype] != '/')
		return "";
	nid = strcspn(ref + ntype + 1, "/");
	if (ref[ntype + 1 + nid] != '\0' && strncmp(ref + ntype + 1 + nid, "/_history/", 10) != 0)
		return "";
	type = arena_strndup(a, ref, ntype);
	id = arena_strndup(a, ref + ntype + 1, nid);
	if (!fhir_id_valid(id) || (types != NULL && !in_words(types, type, ntype)))
		return "";
	return arena_printf(a, "%s/%s", type, id);
}

const char *
fhir_identifier(const json_t *resource, const char *system, struct arena *a)
{
	const json_t *list = json_object_get(resource, "identifier");
	const char *found = "";

	for (size_t i = 0; i < fhir_count(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *value = fhir_text(one, a, "value");

		if (strcmp(fhir_text(one, a, "system"), system) != 0 || value[0] == '\0' ||
		    strcmp(fhir_text(one, a, "use"), "old") == 0)
			continue;
		if (found[0] != '\0' && strcmp(found, value) != 0)
			return "";
		found = value;
	}
	return found;
}

bool
fhir_has_code(const json_t *list, const char *system, const char *code)
{
	for (size_t i = 0; i < fhir_count(list); i++) {
		const json_t *codings = json_object_get(json_array_get(list, i), "coding");

		for (size_t k = 0; k < fhir_count(codings); k++) {
			const json_t *c = json_array_get(codings, k);
			const char *s = json_string_value(json_object_get(c, "system"));
			const char *v = json_string_value(json_object_get(c, "code"));

			if (v != NULL && strcmp(v, code) == 0 &&
			    (system == NULL || (s != NULL && strcmp(s, system) == 0)))
				return true;
		}
	}
	return false;
}

int64_t
fhir_time_ms(const char *s)
{
	int64_t seconds;
	const char *dot = strchr(s, '.');
	int ms = 0, y, m, d, n = 0;

	if (strlen(s) == 10 && sscanf(s, "%4d-%2d-%2d%n", &y, &m, &d, &n) == 3 && n == 10 && m >= 1 && m <= 12 &&
	    d >= 1 && d <= 31)
		return days_from_civil(y, m, d) * 86400000;
	if (time_parse_rfc3339(s, &seconds, NULL) != ST_OK)
		return -1;
	for (int i = 0, unit = 100; dot != NULL && i < 3 && dot[1 + i] >= '0' && dot[1 + i] <= '9'; i++, unit /= 10)
		ms += (dot[1 + i] - '0') * unit;
	return seconds * 1000 + ms;
}

const char *
fhir_instant(int64_t ms, struct arena *a)
{
	char seconds[40];

	time_rfc3339(ms / 1000, seconds, sizeof seconds);
	return arena_printf(a, "%.19s.%03dZ", seconds, (int)(ms % 1000));
}

const char *
fhir_issue_code(const json_t *o, struct arena *a)
{
	const char *code = fhir_text(json_array_get(json_object_get(o, "issue"), 0), a, "code");

	return code[strspn(code, "abcdefghijklmnopqrstuvwxyz-")] == '\0' && strlen(code) < 40 ? code : "";
}
