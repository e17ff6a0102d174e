/*
 * boundaries_in -- what boundaries.yaml and the lexicons became: for policies/ and the policy verbs only.
 *
 * A lexicon rule is a class and patterns. A pattern is a row of elements, each one of several literals, with gaps of at
 * most so many words between them; "(chest|rib) ... (hurts|aches)". All literals of all rules are one Vectorscan
 * database: the scan finds literals, the engine joins them to elements, patterns and mentions. What a literal cannot
 * say (a number with check digits) is a regular expression in a second, small database. Both run over the canonical
 * text of conf/words.h.
 *
 * Decisions, assertions and urgencies are numbers here, those of the enums in policies/facts.h, a layer above.
 * Const after loading; threads: any, with a scratch of their own (boundaries_scratch()).
 */
#ifndef CONF_BOUNDARIES_IN_H
#define CONF_BOUNDARIES_IN_H

#include "base/err.h"
#include "conf/boundaries.h"
#include "conf/spelling.h"
#include "conf/words.h"

#include <hs/hs.h>

/* A file given as text: the shipped one inside a program, or one of a test. The first is boundaries.yaml; lexicons are
 * found by the name it gives them. */
struct boundaries_source {
	const char *name;
	struct slice text;
};
struct boundaries *boundaries_parse(const struct boundaries_source *, size_t n, struct arena *, struct conf_errors *);

/* ---- lexicon ---------------------------------------------------------------------------------------------------- */

/* What a cue does to the mentions of its clause; lexicon key under "cues". */
enum cue {
	CUE_NEGATED,	   /* "no", "denies": what follows */
	CUE_NEGATED_AFTER, /* "was negative": what came before */
	CUE_PSEUDO,	   /* "not only", "no change": looks like a cue and is none */
	CUE_POSSIBLE,	   /* "suspicious for" */
	CUE_POSSIBLE_AFTER,
	CUE_HYPOTHETICAL, /* "if you develop" */
	CUE_HISTORICAL,	  /* "in 2019", "history of" */
	CUE_RECENT,	  /* "yesterday" */
	CUE_RESOLVED,	  /* "is gone now" */
	CUE_NOW,	  /* "since", "still": not past, whatever else is said */
	CUE_PAST,	  /* "had", "was": what a time in the past needs beside it */
	CUE_OTHER,	  /* "my father" */
	CUE_OTHER_PAST,	  /* "family history of": another's, and in the past */
	CUE_CHILD,	  /* "my son": the patient, when the patient is a child */
	CUE_PRONOUN,	  /* "he": whoever the sentence before was about */
	CUE_SELF,	  /* "i", "my": the writer again */
	CUE_TERMINATOR,	  /* "but": ends the reach of every cue */
	CUE_SUBJECT,	  /* "i", "it": begins a new clause after a comma or "and" */
	CUE_BRIDGE,	  /* "sign of", "any": may stand between a cue and what it reaches */
	CUE_JOIN,	  /* "or", "nor" */
	CUE_AND,
	CUE_TEST,     /* "mammogram": a test, an examination */
	CUE_GREETING, /* "dear" */
	CUE_TITLE,    /* "mrs" */
	CUE_STAFF,    /* "nurse": the name that follows is one of the clinic */
	CUE_POSITIVE, /* "positive for", "detected": says that a topic's test found it */
	CUE_FUNCTION, /* words every text of the language is full of */
	CUE_COUNT,
};
extern const char *const cue_names[CUE_COUNT + 1];

enum rule_kind { RULE_CLASS, RULE_CUE, RULE_CATEGORY };
enum rule_negation {
	NEGATION_CLAUSE,   /* cues inside the clause */
	NEGATION_NEVER,	   /* the words are the news whatever stands before them */
	NEGATION_SENTENCE, /* protected topics: negation changes what is recorded, not what is decided */
};
enum rule_direction { DIRECTION_BOTH, DIRECTION_IN, DIRECTION_OUT };

struct lex_rule {
	const char *id;
	const char *class_name; /* "flag.stroke", or a category */
	const char *origin;	/* "en.yaml:12" */
	int kind;
	int cue;
	int cls;       /* index into classes, RULE_CLASS */
	int language;  /* index into languages */
	int direction; /* enum rule_direction */
	int urgency;   /* enum urgency of a current mention; 0 none */
	int negation;
	int says;					   /* assertion the words themselves carry; -1: by context */
	int when;					   /* temporality they carry; -1: by context */
	bool needs_with, has_without, has_ignore, heading; /* heading: does not count in a subject line */
	struct conf_list match, no_match;
};

enum pattern_role { ROLE_TERM, ROLE_IGNORE, ROLE_WITH, ROLE_WITHOUT };
struct lex_link {
	uint32_t element;
	uint8_t gap; /* words that may stand before it */
};
struct lex_pattern {
	uint32_t rule;
	uint8_t role, nlinks;
	const struct lex_link *link;
};
struct lex_range {
	uint32_t first, n; /* into the array beside it */
};

struct lexicon {
	const struct lex_rule *rule;
	size_t nrules;
	const struct lex_pattern *pattern;
	size_t npatterns;
	size_t nliterals, nelements;
	const bool *literal_open;	       /* ends anywhere inside a word: "depress*" */
	const uint32_t *literal_len;	       /* bytes */
	const struct lex_range *literal_elems; /* a literal's elements, in elems */
	const uint32_t *elems;
	const struct lex_range *element_starts; /* patterns that begin with this element, in starts */
	const uint32_t *starts;
	const char *const *literal;  /* for explain and tests */
	const char *const *language; /* "en" */
	size_t nlanguages;	     /* with a lexicon; those known by their words only follow */
	size_t nlanguages_known;
	const struct spelling *spelling; /* own: boundaries_unload() */
};

/* Reads one lexicon file into the builder; see lexicon.c. */
struct lex_builder;
struct lex_builder *lex_builder_new(struct arena *, struct conf_errors *);
void lex_builder_free(struct lex_builder *);
DEFINE_FREEP(lex_builder)
/* class_index answers -1 for a class that boundaries.yaml does not name. */
void lex_read(struct lex_builder *, struct ynode root, int (*class_index)(void *, const char *), void *ctx);
void lex_read_language(struct lex_builder *, const char *language, struct ynode words);
/* Compiles everything read. False when the database could not be built: the reason is in errs. */
bool lex_finish(struct lex_builder *, struct ynode where, struct lexicon *ret, hs_database_t **ret_db);

/* ---- boundaries ------------------------------------------------------------------------------------------------- */

struct class_conf {
	const char *name;
	int decision;		   /* default to the patient */
	unsigned triggers;	   /* bit per assertion */
	const char *words[2];	   /* in a clinician's words, English and Spanish; NULL none */
	const char *known_problem; /* on the problem list the class becomes .. */
	const char *becomes;
	struct conf_list known_words;
};

struct floor_conf {
	const char *jurisdiction, *class_name, *source;
	int decision;
};

struct route_conf {
	const char *category, *route;
};

enum regex_check { CHECK_NONE, CHECK_SSN, CHECK_LUHN, CHECK_MRN };
struct regex_conf {
	const char *id, *class_name, *pattern;
	int check;
	struct conf_list match, no_match;
};

struct time_rule {
	const char *id, *class_name;
	bool enabled;
	int from_day, to_day;	/* 0 = Monday */
	int32_t from_at, to_at; /* seconds after local midnight */
	const char *zone_name;
	const struct zone *zone;
	int decision;
};

struct attach_conf {
	struct conf_list readable; /* media types whose text the worker reads; "text/" is all of them */
	struct conf_list harmless; /* types that need no reading */
	int64_t max_bytes;	   /* to the patient; 0: no limit of ours */
};

struct boundaries {
	const char *version;
	char hash[65];
	struct class_conf *classes;
	size_t nclasses;
	struct floor_conf *floors;
	size_t nfloors;
	int agreement[4]; /* decision of each enum agreement_value */
	struct conf_list minor_classes;
	int minor_from, minor_to, minor_decision;
	const char *minor_redirect;
	int unreadable, unknown_language; /* decisions to the patient */
	struct route_conf *routes;	  /* strongest first */
	size_t nroutes;
	const char *route_default, *route_emergency;
	struct regex_conf *regex;
	size_t nregex;
	struct time_rule *time_rules;
	size_t ntime_rules;
	struct attach_conf attach;
	struct conf_list *nicknames; /* each a group of equal given names */
	size_t nnicknames;
	struct lexicon lexicon;
	hs_database_t *literals, *regexes;
	hs_scratch_t *scratch; /* prototype; cloned per call */
	struct arena *arena;   /* of the configuration */
};

const struct class_conf *boundaries_class(const struct boundaries *, const char *name); /* NULL: none such */
/* A scratch of the caller's own: hs_free_scratch(). ST_LOCAL when there is no memory. */
enum status boundaries_scratch(const struct boundaries *, hs_scratch_t **ret, struct err *) MUST_CHECK;
bool boundaries_list_has(const struct conf_list *, const char *);

#endif
