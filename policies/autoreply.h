/*
 * autoreply -- the words a patient gets at once. Templates per language and kind; never the patient's own words, no
 * class names, always the emergency lines, the zone of every time, a reference, and whom to call when the portal
 * itself misbehaves.
 */
#ifndef POLICIES_AUTOREPLY_H
#define POLICIES_AUTOREPLY_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/conf.h"
#include "policies/promise.h"

enum autoreply_kind {
	AUTOREPLY_PROMISE,
	AUTOREPLY_URGENT,
	AUTOREPLY_EMERGENCY,
	AUTOREPLY_NO_PROMISE,  /* no open time: the phone number instead */
	AUTOREPLY_TECHNICAL,   /* goes to the designated support */
	AUTOREPLY_LATE,	       /* a promise will not be kept: a new time */
	AUTOREPLY_UNDELIVERED, /* the message could not be brought to the clinic in time */
};

struct autoreply_facts {
	enum autoreply_kind kind;
	const char *language;	  /* the patient's */
	const char *patient_zone; /* or NULL */
	const char *who;	  /* display name of clinician or team, from the directory */
	const char *ref;	  /* message or thread reference the patient can quote */
	int64_t received;
	const struct promise *promise; /* soonest; NULL where none */
	const struct promise *latest;  /* when several requests have different times; else NULL */
};

/* Subject and text, in a. Falls back to English. ST_LOCAL only for a template that cannot be filled. */
enum status autoreply_text(const struct conf *, const struct autoreply_facts *, struct arena *a,
    const char **ret_subject, const char **ret_text, struct err *) MUST_CHECK;

/* "promise", "no_promise", ...: the name of its template file. */
const char *autoreply_kind_name(enum autoreply_kind);
/* The same with a template given: for template check and show. */
enum status autoreply_fill(const struct conf *, const struct autoreply_facts *, const char *template, struct arena *a,
    const char **ret_subject, const char **ret_text, struct err *) MUST_CHECK;

/* What a template must be, whoever wrote it: form, the zone of every time, the emergency lines, a reference, whom to
 * call for the portal, no clinical words, readable at school grade 8 (English: Flesch-Kincaid; Spanish: Crawford 1985;
 * other languages are not measured). One line a finding, "<name>: ...", appended to ret; returns their number. */
size_t autoreply_check(
    const char *name, const char *language, enum autoreply_kind, const char *template, struct buf *ret);
/* Years of school needed to read it; language "en" or "es". */
double autoreply_grade(const char *language, const char *text);

#endif
