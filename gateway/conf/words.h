/*
 * words -- text as the boundary engine reads it: a row of words and marks, each knowing where it stood.
 *
 * One spelling for what people write in many ways, so that terms and texts meet: compatibility decomposition (Unicode
 * UAX #15) without its combining marks, lower case, apostrophes inside a word dropped ("can't", "cant"), hyphens inside
 * a word as a space ("x-ray", "x ray"), white space as one space. Composed and decomposed input give the same row, and
 * so does invalid UTF-8 with the bad bytes left out. Format characters (soft hyphen, zero width) vanish.
 *
 * The canonical text is the words joined by single blanks: what is scanned for literals. A word is a maximal run of
 * Unicode letters and digits, so a match that begins and ends at a blank is a match on word boundaries.
 *
 * Units:    bytes. Owns: all memory is in the arena. Errors: none, any bytes are a text. Threads: any.
 */
#ifndef CONF_WORDS_H
#define CONF_WORDS_H

#include "base/arena.h"
#include "base/buf.h"

#include <stdint.h>

enum word_kind { WORD_TEXT, WORD_NUMBER, WORD_MARK };
enum {
	WORD_CAPITAL = 1, /* began with a capital letter */
	WORD_LINE = 2,	  /* a line end stood before it */
	WORD_PARA = 4,	  /* an empty line or a list marker stood before it */
	WORD_GLUED = 8,	  /* nothing stood between it and the word before */
	WORD_SPACED = 16, /* white space follows, or the text ends */
};

struct word {
	uint32_t begin, end; /* in the canonical text */
	uint32_t from, to;   /* in the original */
	uint8_t kind, flags;
};

struct words {
	const char *text; /* canonical, NUL-terminated */
	size_t len;
	struct word *w;
	size_t n;
	size_t letters, foreign; /* letters seen; those of another script than Latin */
};

void words_split(struct slice text, struct arena *, struct words *ret);
/* Puts other words in the place of some: instead[i] is NULL where the word stays. Places in the original stay. */
void words_replace(struct words *, const char *const *instead, struct arena *);
/* The word as a slice of the canonical text. */
struct slice word_text(const struct words *, size_t i);
bool word_is(const struct words *, size_t i, const char *s); /* false beyond the end */
char word_mark(const struct words *, size_t i);		     /* the mark, or 0 for a word and beyond the end */

#endif
