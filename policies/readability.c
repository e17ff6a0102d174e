/*
 * How many years of school a text needs. The formulas are crude, and that is enough here: they stop long sentences and
 * long words, which is what makes a notice hard to read for somebody who is unwell.
 */
#include "policies/autoreply.h"

#include <ctype.h>
#include <string.h>

struct counts {
	size_t words, sentences, syllables;
};

/* A letter of a word: folded to ASCII where that keeps its sound; *accented for í and ú, which end a diphthong. */
static size_t
letter(const unsigned char *p, char *ret, bool *accented)
{
	*accented = false;
	if (isalpha(p[0]) && p[0] < 0x80) {
		*ret = (char)tolower(p[0]);
		return 1;
	}
	if (p[0] != 0xc3 || p[1] < 0x80)
		return 0;
	switch (p[1] | 0x20) { /* U+00C0..U+00DF and their small letters */
	case 0xa1:
		*ret = 'a';
		break;
	case 0xa9:
		*ret = 'e';
		break;
	case 0xad:
		*ret = 'i';
		*accented = true;
		break;
	case 0xb3:
		*ret = 'o';
		break;
	case 0xba:
		*ret = 'u';
		*accented = true;
		break;
	case 0xbc:
		*ret = 'u';
		break;
	case 0xb1:
		*ret = 'n';
		break;
	default:
		return 0;
	}
	return 2;
}

static bool
is_vowel(char c)
{
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* Groups of vowels, without the silent e at the end ("late", but not "table"). */
static size_t
syllables_en(const char *w, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		bool v = is_vowel(w[i]) || (w[i] == 'y' && i > 0);
		bool before = i > 0 && (is_vowel(w[i - 1]) || (w[i - 1] == 'y' && i > 1));

		count += v && !before;
	}
	if (count > 1 && n > 2 && w[n - 1] == 'e' && !is_vowel(w[n - 2]) && !(w[n - 2] == 'l' && !is_vowel(w[n - 3])))
		count--;
	if (count > 1 && n > 3 && w[n - 2] == 'e' && w[n - 1] == 'd' && w[n - 3] != 't' && w[n - 3] != 'd' &&
	    !is_vowel(w[n - 3]))
		count--;
	return count > 0 ? count : 1;
}

static bool
is_strong(char c)
{
	return c == 'a' || c == 'e' || c == 'o';
}

/* Two strong vowels are two syllables, and so are a strong one and an accented i or u. The u of que and gui is not
 * heard. */
static size_t
syllables_es(const char *w, const bool *accented, size_t n)
{
	size_t count = 0, last = n; /* place of the vowel heard just before, n when there is none */

	for (size_t i = 0; i < n; i++) {
		bool mute = w[i] == 'u' && i > 0 && i + 1 < n && (w[i - 1] == 'q' || w[i - 1] == 'g') &&
			    (w[i + 1] == 'e' || w[i + 1] == 'i');

		if (!is_vowel(w[i]) || mute) {
			last = n;
			continue;
		}
		if (last == n || (is_strong(w[i]) && is_strong(w[last])) || accented[i] || accented[last])
			count++;
		last = i;
	}
	return count > 0 ? count : 1;
}

/* A line ends a sentence when its text does, or when what follows is empty or the next point of a list: words that were
 * only wrapped do not become short sentences. */
static bool
line_ends_sentence(const char *next)
{
	return *next == '\0' || *next == '\n' || *next == '-' || *next == '*';
}

static struct counts
count(const char *text, bool spanish)
{
	struct counts c = { 0, 0, 0 };
	size_t open = 0; /* words since the last end of a sentence */

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
		char word[64];
		bool accented[64];
		size_t n = 0, step;
		char ch;
		bool acc;

		if (*p == '{') { /* a value: one short word; dates and numbers are no prose */
			const char *end = strchr((const char *)p, '}');

			c.words++;
			c.syllables++;
			open++;
			p = end != NULL ? (const unsigned char *)end + 1 : p + 1;
			continue;
		}
		while ((step = letter(p, &ch, &acc)) > 0) {
			if (n < sizeof word) {
				word[n] = ch;
				accented[n++] = acc;
			}
			p += step;
		}
		if (n > 0) {
			c.words++;
			c.syllables += spanish ? syllables_es(word, accented, n) : syllables_en(word, n);
			open++;
			continue;
		}
		if (open > 0 && (*p == '.' || *p == '!' || *p == '?' || *p == ':' ||
				    (*p == '\n' && line_ends_sentence((const char *)p + 1)))) {
			c.sentences++;
			open = 0;
		}
		p++;
	}
	c.sentences += open > 0;
	return c;
}

double
autoreply_grade(const char *language, const char *text)
{
	bool spanish = strncmp(language, "es", 2) == 0;
	struct counts c = count(text, spanish);
	double words, sentences, syllables;

	if (c.words == 0)
		return 0;
	words = (double)c.words;
	sentences = (double)c.sentences;
	syllables = (double)c.syllables;
	/* Crawford 1985 counts by the hundred words; Kincaid et al. 1975 by the sentence and the word. */
	if (spanish)
		return -0.205 * (sentences * 100 / words) + 0.049 * (syllables * 100 / words) - 3.407;
	return 0.39 * (words / sentences) + 11.8 * (syllables / words) - 15.59;
}
