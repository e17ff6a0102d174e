/*
 * read -- a text on its way from bytes to mentions; shared by the files of policies/ only.
 *
 * passage_read() takes away what was quoted, splits into words and sentences, and finds the terms and cues of the
 * lexicons. context_of() then says how a term was meant. Spans are of words, half-open, unless they say otherwise.
 */
#ifndef POLICIES_READ_H
#define POLICIES_READ_H

#include "conf/boundaries_in.h"
#include "policies/facts.h"

/* A rule of the lexicon that matched. */
struct found {
	uint32_t rule;
	uint32_t begin, end;
	uint8_t role;	    /* enum pattern_role */
	bool denied_inside; /* a bare negation stands in one of its gaps: "chest does not hurt" */
};

struct sentence {
	uint32_t begin, end; /* without its closing mark */
	uint32_t cue;	     /* first cue at or after its begin */
	bool other_person;   /* somebody else was spoken of last before it */
	bool question;
	unsigned languages; /* whose cues count here: "son" is a child in English and a verb in Spanish */
};

/* What the words of a number pattern said. */
struct number_found {
	uint32_t regex;
	uint32_t begin, end; /* words */
	uint32_t from, to;   /* bytes of the original: the number itself */
};

struct passage {
	int16_t source; /* as in struct mention */
	uint32_t base;	/* where this piece begins in the text */
	bool heading;	/* a subject line */
	enum direction direction;
	const struct boundaries *b;
	struct words words;
	struct sentence *sentence;
	size_t nsentences;
	uint32_t *sentence_of; /* by word */
	uint32_t *clause_of;   /* by word; numbers rise through the passage */
	uint32_t *cues;	       /* by word: bit per enum cue that covers it */
	struct found *found;   /* terms of classes and categories; sorted by begin, longer first */
	size_t nfound;
	struct found *cue; /* cues that count: those inside a pseudo cue are gone */
	size_t ncues;
	struct number_found *number;
	size_t nnumbers;
	unsigned languages; /* bit per language whose cues count */
	bool foreign;	    /* in a language that no lexicon reads */
	bool language_told; /* foreign is known; else the text was too short to tell */
};

#define CUE_BIT(c) (1u << (c))

/* How a term was meant. */
struct meaning {
	enum assertion assertion;
	enum temporality temporality;
	enum experiencer experiencer;
	bool positive; /* a topic's test found it */
};

/* What context_of() needs beyond the passage. */
struct reader {
	const struct boundaries *b;
	const struct message_facts *f;
	struct arena *arena;
	hs_scratch_t *scratch;
	bool patient_is_child;
	int year; /* of f->now; 0 unknown */
};

/* What one passage may hold: a longer text is read in pieces, so that no text costs more than its length. */
#define PASSAGE_MAX 32768

/* Nobody's sentence is longer; a table without marks is. */
#define SENTENCE_MAX 200

/* Order of found rules: by place, the longer first. For qsort(). */
int found_order(const void *, const void *);
/* What counts of all that matched: terms whose rule's conditions hold, cues that no longer cue takes away. */
void passage_sift(struct passage *, const struct found *all, size_t n, struct arena *);

/* Text of which quoted lines and what introduced them became blanks, length and offsets unchanged. In the arena. */
char *quote_blank(const char *text, struct arena *);
/* "Re:" and its kind: the words are those of whoever began the thread. */
bool quote_is_reply_subject(const char *subject);

enum status passage_read(
    const struct reader *, int16_t source, struct slice text, struct passage *ret, struct err *) MUST_CHECK;
void passage_clauses(const struct reader *, struct passage *);
/* Which of the languages with a lexicon a text is in, as bits; 0: none of them. known: false when too short to tell. */
unsigned language_of(const struct passage *, bool *ret_known);
/* Tells the languages of each sentence from the function words found; needs passage.languages. */
void language_of_sentences(struct passage *);

struct meaning context_of(const struct reader *, const struct passage *, const struct found *);

static inline const struct lex_rule *
found_rule(const struct passage *p, const struct found *f)
{
	return &p->b->lexicon.rule[f->rule];
}

#endif
