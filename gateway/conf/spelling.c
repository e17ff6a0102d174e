#include "conf/spelling.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS_MIN 5 /* shorter words are one letter away from too many others */
#define VOWEL_MIN 6
#define WORD_MAX 40

struct spelling {
	GHashTable *known;   /* words that are right */
	GHashTable *watched; /* words that may be meant */
	GHashTable *missing; /* a watched word less one inner letter -> the word */
};

struct spelling *
spelling_new(void)
{
	struct spelling *s = xcalloc(1, sizeof *s);

	s->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	s->watched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	s->missing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return s;
}

void
spelling_free(struct spelling *s)
{
	if (s == NULL)
		return;
	g_hash_table_unref(s->known);
	g_hash_table_unref(s->watched);
	g_hash_table_unref(s->missing);
	free(s);
}

void
spelling_known(struct spelling *s, const char *word)
{
	g_hash_table_add(s->known, g_strdup(word));
}

static bool
is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < 'a' || s[i] > 'z')
			return false;
	return n > 0;
}

void
spelling_watch(struct spelling *s, const char *word)
{
	size_t n = strlen(word);
	char part[WORD_MAX];
	const char *own;

	if (n < LETTERS_MIN || n >= WORD_MAX || !is_plain(word, n) || g_hash_table_contains(s->watched, word))
		return;
	own = g_strdup(word);
	g_hash_table_add(s->watched, (gpointer)own);
	for (size_t i = 1; i + 1 < n && n > LETTERS_MIN; i++) {
		memcpy(part, word, i);
		memcpy(part + i, word + i + 1, n - i); /* with the NUL */
		if (!g_hash_table_contains(s->missing, part))
			g_hash_table_insert(s->missing, g_strdup(part), (gpointer)own);
	}
}

static const char *
watched(const struct spelling *s, const char *word)
{
	gpointer key = NULL;

	return g_hash_table_lookup_extended(s->watched, word, &key, NULL) ? key : NULL;
}

static const char *
try_swaps(const struct spelling *s, char *w, size_t n)
{
	for (size_t i = 1; i + 1 < n; i++) {
		const char *hit;
		char c = w[i];

		if (w[i] == w[i + 1])
			continue;
		w[i] = w[i + 1];
		w[i + 1] = c;
		hit = watched(s, w);
		w[i + 1] = w[i];
		w[i] = c;
		if (hit != NULL)
			return hit;
	}
	return NULL;
}

static const char *
try_extra(const struct spelling *s, const char *w, size_t n)
{
	char part[WORD_MAX];

	for (size_t i = 1; i + 1 < n; i++) {
		const char *hit;

		memcpy(part, w, i);
		memcpy(part + i, w + i + 1, n - i);
		if ((hit = watched(s, part)) != NULL)
			return hit;
	}
	return NULL;
}

static const char *
try_vowels(const struct spelling *s, char *w, size_t n)
{
	static const char vowels[] = "aeiouy";

	for (size_t i = 1; i + 1 < n && n >= VOWEL_MIN; i++) {
		char c = w[i];

		if (strchr(vowels, c) == NULL)
			continue;
		for (const char *v = vowels; *v != '\0'; v++) {
			const char *hit;

			w[i] = *v;
			if (*v != c && (hit = watched(s, w)) != NULL) {
				w[i] = c;
				return hit;
			}
		}
		w[i] = c;
	}
	return NULL;
}

const char *
spelling_meant(const struct spelling *s, struct slice word)
{
	char w[WORD_MAX];
	const char *hit;

	if (word.n < LETTERS_MIN || word.n >= WORD_MAX || !is_plain(word.p, word.n))
		return NULL;
	memcpy(w, word.p, word.n);
	w[word.n] = '\0';
	if (g_hash_table_contains(s->known, w))
		return NULL;
	if ((hit = try_swaps(s, w, word.n)) != NULL || (hit = g_hash_table_lookup(s->missing, w)) != NULL)
		return hit;
	if ((hit = try_extra(s, w, word.n)) != NULL)
		return hit;
	return try_vowels(s, w, word.n);
}
