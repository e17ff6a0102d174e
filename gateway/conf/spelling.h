/*
 * spelling -- the lexicon word that a misspelt one stands for.
 *
 * Only what fingers do: one letter missing, one too many, two swapped, or one vowel for another; never at either end of
 * the word, never into a word the lexicons do not watch for, and never from a word they know. "chest pian" is read as
 * "chest pain", "chess" stays what it is.
 *
 * Owns: words are copied. Threads: const after spelling_known() and spelling_watch() are done.
 */
#ifndef CONF_SPELLING_H
#define CONF_SPELLING_H

#include "base/buf.h"
#include "base/own.h"

struct spelling;

struct spelling *spelling_new(void);
void spelling_free(struct spelling *);
DEFINE_FREEP(spelling)
void spelling_known(struct spelling *, const char *word); /* is right as it is */
void spelling_watch(struct spelling *, const char *word); /* may be meant */
/* NULL when the word is right, too short, or nothing watched for is near. */
const char *spelling_meant(const struct spelling *, struct slice word);

#endif
