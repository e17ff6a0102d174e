/*
 * facts -- what the policies are told, and what they answer. Pure data: no I/O, no clock, no database.
 *
 * Owns:     everything is borrowed from the caller, except struct verdict's arrays, which live in the arena of the
 * call. Instants: int64_t seconds UTC. Text: valid UTF-8, line ends "\n", quoted parts still in place.
 */
#ifndef POLICIES_FACTS_H
#define POLICIES_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum direction { TO_CLINICIAN, TO_PATIENT };

/* Strictness order: the most restrictive mention of a message decides. */
enum decision {
	ACT_DELIVER,
	ACT_REDACT,
	ACT_REDIRECT,
	ACT_DELAY,
	ACT_HOLD_CONFIRM,
	ACT_REFUSE_IN_PERSON,
	ACT_QUARANTINE,
};
const char *decision_name(enum decision); /* "hold_confirm" */
bool decision_parse(const char *, enum decision *ret);

enum urgency { URGENCY_NONE, URGENCY_ROUTINE, URGENCY_URGENT, URGENCY_EMERGENCY };
const char *urgency_name(enum urgency);
bool urgency_parse(const char *, enum urgency *ret);

enum assertion { ASSERT_AFFIRMED, ASSERT_NEGATED, ASSERT_POSSIBLE };
enum temporality { TIME_CURRENT, TIME_RECENT, TIME_HISTORICAL, TIME_HYPOTHETICAL };
enum experiencer { WHO_PATIENT, WHO_OTHER };
const char *assertion_name(enum assertion);
const char *temporality_name(enum temporality);
const char *experiencer_name(enum experiencer);

/* One thing a message says. The span is evidence: offsets into the text that was read, never the text itself. */
struct mention {
	const char *class_name; /* "news.malignancy"; a literal of the lexicon, lives as long as the boundaries */
	enum assertion assertion;
	enum temporality temporality;
	enum experiencer experiencer;
	uint32_t begin, end;
	int16_t source; /* -1 subject, 0 body, n the n-th attachment counted from 1 */
};

struct attachment_facts {
	const char *name, *type; /* "report.pdf", "application/pdf" */
	const char *text;	 /* NULL: could not be read; "": read and empty */
	size_t size;
};

struct proxy_facts {
	const char *who, *access; /* "mother", "full" */
	bool in_thread;
};

/* An agreement as it stands: see policies/agreement.h for how proposals become one. */
enum agreement_value { AGREE_PORTAL_OK, AGREE_PORTAL_AFTER_CALL, AGREE_IN_PERSON_ONLY, AGREE_NEVER_ELECTRONIC };
const char *agreement_value_name(enum agreement_value);
bool agreement_value_parse(const char *, enum agreement_value *ret);

enum agreement_scope { SCOPE_CLINICIAN, SCOPE_TEAM, SCOPE_CLINIC };
struct agreement {
	char id[20];
	enum agreement_scope scope;
	const char *scope_id;	/* clinician or pool id; "" for the clinic */
	const char *class_name; /* "news.malignancy", or "news.*" */
	enum agreement_value value;
	int64_t patient_consent, clinician_consent; /* when each said it; 0: has not */
	const char *by;				    /* who the last consent came from, a reference */
	int64_t made, expires, revoked, review_due; /* 0: never */
};

struct patient_facts {
	const char *given, *family, *mrn;
	int age;		  /* years; -1 unknown */
	const char *jurisdiction; /* "US-CA"; NULL: US-default */
	const char *language;
	const char *const *known_problems; /* "malignancy", ... */
	size_t nknown_problems;
	const struct proxy_facts *proxies;
	size_t nproxies;
};

struct message_facts {
	enum direction direction;
	const char *subject, *body; /* body with its quoted part: the engine removes quotes itself */
	const char *language;	    /* "en"; NULL or "": detect */
	const struct attachment_facts *attachments;
	size_t nattachments;
	struct patient_facts patient;
	const char *clinician;	  /* id of the author (to the patient) or addressee (from the patient); NULL unknown */
	const char *const *teams; /* pools of that clinician */
	size_t nteams;
	const struct agreement *agreements; /* all of this patient */
	size_t nagreements;
	int64_t now;
	bool patient_only_thread;
};

/* Whose choice a decision was: what the sealed notice tells the clinician. */
enum choice { CHOICE_DEFAULT, CHOICE_AGREEMENT, CHOICE_LAW, CHOICE_MINOR, CHOICE_SAFETY };
const char *choice_name(enum choice);

struct span {
	uint32_t begin, end;
};

struct verdict {
	enum decision act;
	bool redirect_on_release; /* held, and on release to the patient-only thread */
	const char *redirect_to;  /* "patient_only_thread" or a pool id; NULL */
	int64_t delay_until;	  /* ACT_DELAY */
	const char *rule;	  /* stable id of the rule that decided */
	const char *class_name;	  /* class that decided; "" when nothing did */
	enum choice whose;
	const char *agreement;	      /* id of the agreement that decided, or "" */
	bool not_screened;	      /* unknown language, unreadable attachment or engine failure */
	const char *not_screened_why; /* stable code */
	const struct mention *mentions;
	size_t nmentions;
	const struct span *redactions; /* in the body; ACT_REDACT */
	size_t nredactions;
	/* triage */
	const char *const *categories; /* "rx_renewal", ...: see policies/triage.h */
	size_t ncategories;
	enum urgency urgency;
	const char *route; /* "clinician", "clinician+on_call", "rx_pool", "front_desk", "tech_support", "billing" */
	const char *auto_reply;	    /* "promise", "urgent", "emergency", "none" */
	const char *policy_version; /* version of boundaries.yaml, with its hash in policy_hash */
	const char *policy_hash;
};

#endif
