/*
 * leak -- signs that a message to a patient is about, or meant for, somebody else, and numbers that must not travel.
 *
 * Errors: none. Threads: any.
 */
#ifndef POLICIES_LEAK_H
#define POLICIES_LEAK_H

#include "policies/read.h"

/* A name or number of another patient; begin and end are words. */
struct leak {
	uint32_t begin, end;
	bool is_number; /* of a regular expression: regex says which */
	uint32_t regex;
};

/* Leaks of a passage into ret (arena); returns how many. */
size_t leak_find(const struct reader *, const struct passage *, struct leak **ret);

#endif
