/*
 * lexicon_in -- the lexicons while they are being read: lexicon.c fills it file by file, lexicon_build.c compiles it.
 */
#ifndef CONF_LEXICON_IN_H
#define CONF_LEXICON_IN_H

#include "conf/boundaries_in.h"

#include <glib.h>

struct lex_builder {
	struct arena *arena;	  /* foreign: what is kept */
	struct arena *scrap;	  /* own: what is not */
	struct conf_errors *errs; /* foreign */
	GArray *rules, *patterns;
	GHashTable *literal_ids; /* text, with "*" at the end when open -> id + 1 */
	GHashTable *element_ids; /* sorted literal ids as bytes -> id + 1 */
	GPtrArray *literals;	 /* keys of literal_ids */
	GPtrArray *elements;	 /* GArray of literal ids */
	GHashTable *words;	 /* "{name}" of the file being read -> ynode */
	GPtrArray *languages;
	struct ynode words_map;
	GPtrArray *right; /* words of "right_as_they_are" */
	const char *file;
	int language;
};

#endif
