#include "conf/templates.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LANGUAGES 64

const char *const templates_kinds[] = { "promise", "urgent", "emergency", "no_promise", "technical", "late",
	"undelivered", NULL };
#define NKINDS (ARRAY_LEN(templates_kinds) - 1)

const char *const templates_placeholders[] = { "clinic", "who", "ref", "received", "received_clinic", "expected",
	"expected_clinic", "latest", "latest_clinic", "emergency", "crisis", "phone", "phone_hours", "support_name",
	"support_phone", "if_apology", "if_provisional", NULL };

/* The shipped files become part of the program: there is always a text, whatever happens to a directory. The path is
 * relative to the top of the source, where make runs. */
#define SHIP(lang, kind)                                                                                               \
	__asm__(".section .rodata\n"                                                                                   \
		".global template_" #lang "_" #kind "\n"                                                               \
		"template_" #lang "_" #kind ":\n"                                                                      \
		".incbin \"conf/templates/" #lang "/" #kind ".txt\"\n"                                                 \
		".byte 0\n"                                                                                            \
		".previous\n");                                                                                        \
	extern const char template_##lang##_##kind[]

SHIP(en, promise);
SHIP(en, urgent);
SHIP(en, emergency);
SHIP(en, no_promise);
SHIP(en, technical);
SHIP(en, late);
SHIP(en, undelivered);
SHIP(es, promise);
SHIP(es, urgent);
SHIP(es, emergency);
SHIP(es, no_promise);
SHIP(es, technical);
SHIP(es, late);
SHIP(es, undelivered);

struct language {
	const char *name;
	const char *text[NKINDS];
};

static const struct language shipped[] = {
	{ "en", { template_en_promise, template_en_urgent, template_en_emergency, template_en_no_promise,
		    template_en_technical, template_en_late, template_en_undelivered } },
	{ "es", { template_es_promise, template_es_urgent, template_es_emergency, template_es_no_promise,
		    template_es_technical, template_es_late, template_es_undelivered } },
};

struct templates {
	struct language *lang;
	size_t n;
};

static size_t
kind_index(const char *kind)
{
	size_t i = 0;

	while (i < NKINDS && strcmp(templates_kinds[i], kind) != 0)
		i++;
	return i;
}

bool
template_kind_known(const char *kind)
{
	return kind_index(kind) < NKINDS;
}

static bool
placeholder_known(const char *s, size_t n)
{
	for (size_t i = 0; templates_placeholders[i] != NULL; i++)
		if (strlen(templates_placeholders[i]) == n && strncmp(templates_placeholders[i], s, n) == 0)
			return true;
	return false;
}

/* One line: every brace opens a known name or is a mistake. */
static bool
check_line(const char *name, int line, const char *s, size_t n, struct conf_errors *errs)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		size_t end = i + 1;

		if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f) {
			conf_complain(errs, name, line, (int)i + 1, "a control character, expected text");
			ok = false;
		}
		if (s[i] == '}') {
			conf_complain(errs, name, line, (int)i + 1, "a } without its {, expected {name}");
			ok = false;
		}
		if (s[i] != '{')
			continue;
		while (end < n && s[end] != '}' && s[end] != '{')
			end++;
		if (end == n || s[end] != '}' || !placeholder_known(s + i + 1, end - i - 1)) {
			conf_complain(errs, name, line, (int)i + 1,
			    "{%.*s} is no value of a template, expected one such as {received}, {who}, {expected}, "
			    "{ref}, "
			    "{emergency}, {crisis}, {phone}",
			    (int)(end - i - 1 < 40 ? end - i - 1 : 40), s + i + 1);
			ok = false;
		}
		i = end < n && s[end] == '}' ? end : end - 1;
	}
	return ok;
}

bool
template_form_check(const char *name, const char *text, struct conf_errors *errs)
{
	bool ok = true;
	int line = 0;

	for (const char *s = text; *s != '\0';) {
		size_t n = strcspn(s, "\n");

		line++;
		if (line == 1 && (strncmp(s, "Subject: ", 9) != 0 || n < 10 || n > 200)) {
			conf_complain(errs, name, 1, 1,
			    "no subject, expected a first line such as \"Subject: We have your "
			    "message\"");
			ok = false;
		}
		if (line == 2 && n != 0) {
			conf_complain(errs, name, 2, 1, "text right after the subject, expected an empty line");
			ok = false;
		}
		ok = check_line(name, line, s, n, errs) && ok;
		s += n + (s[n] == '\n');
	}
	if (line < 3) {
		conf_complain(errs, name, line > 0 ? line : 1, 1, "nothing below the subject, expected a text");
		ok = false;
	}
	return ok;
}

static bool
language_name_ok(const char *s)
{
	size_t n = strlen(s);

	return n >= 2 && n <= 8 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == n;
}

static void
load_file(const char *path, struct arena *a, struct conf_errors *errs, const char **ret)
{
	AUTO_BUF text = BUF_INIT;
	uint8_t both[2 * HASH_SIZE];
	struct err err = ERR_NONE;
	struct stat st;

	if (stat(path, &st) != 0 && errno == ENOENT)
		return; /* the shipped text stands */
	if (file_read(path, TEMPLATE_MAX_BYTES, &text, &err) != ST_OK) {
		conf_complain(
		    errs, path, 0, 0, "%s, expected a template of at most %d bytes", err.text, TEMPLATE_MAX_BYTES);
		return;
	}
	if (text.n == 0 || memchr(text.p, '\0', text.n) != NULL) {
		conf_complain(errs, path, 0, 0, "empty or not text, expected a template");
		return;
	}
	memcpy(both, errs->digest, HASH_SIZE);
	sha256(text.p, text.n, both + HASH_SIZE);
	sha256(both, sizeof both, errs->digest);
	if (template_form_check(path, buf_str(&text), errs))
		*ret = arena_strndup(a, text.p, text.n);
}

static int
is_language(const struct dirent *e)
{
	return language_name_ok(e->d_name);
}

const struct templates *
templates_load(const char *dir, struct arena *a, struct conf_errors *errs)
{
	struct templates *t = ARENA_NEW(a, struct templates);
	struct dirent **names = NULL;
	int n;

	if (dir == NULL)
		return t;
	n = scandir(dir, &names, is_language, alphasort); /* sorted: the digest does not depend on the file system */
	if (n < 0) {
		conf_complain(errs, dir, 0, 0, "%s, expected a directory of templates", strerrordesc_np(errno));
		return t;
	}
	t->lang = ARENA_ARRAY(a, MAX_LANGUAGES, struct language);
	for (int i = 0; i < n; i++) {
		struct language *l = &t->lang[t->n];

		if (t->n < MAX_LANGUAGES) {
			l->name = arena_strdup(a, names[i]->d_name);
			for (size_t k = 0; k < NKINDS; k++)
				load_file(arena_printf(a, "%s/%s/%s.txt", dir, l->name, templates_kinds[k]), a, errs,
				    &l->text[k]);
			t->n++;
		}
		free(names[i]);
	}
	free(names);
	return t;
}

static const char *
find(const struct language *l, size_t n, const char *language, size_t name_len, size_t kind)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(l[i].name) == name_len && strncmp(l[i].name, language, name_len) == 0 &&
		    l[i].text[kind] != NULL)
			return l[i].text[kind];
	return NULL;
}

const char *
templates_get(const struct templates *t, const char *language, const char *kind)
{
	size_t k = kind_index(kind);
	const char *wanted[] = { language != NULL ? language : "en", language != NULL ? language : "en", "en" };
	/* "es-MX", then "es", then English */
	size_t len[] = { strlen(wanted[0]), strcspn(wanted[1], "-_"), 2 };

	if (k == NKINDS)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const char *text = t != NULL ? find(t->lang, t->n, wanted[i], len[i], k) : NULL;

		if (text == NULL)
			text = find(shipped, ARRAY_LEN(shipped), wanted[i], len[i], k);
		if (text != NULL)
			return text;
	}
	return NULL;
}
