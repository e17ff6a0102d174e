/*
 * zone_rule -- the POSIX TZ string in the footer of a TZif file (RFC 8536 3.3, POSIX.1-2017 8.3): the rule for every
 * instant after the last transition in the table. Times of day from -167 to 167 hours as version 3 allows.
 *
 * Owns: abbreviations live in the arena. Errors: false for a string that is no rule. Threads: const after parsing.
 */
#ifndef CONF_ZONE_RULE_H
#define CONF_ZONE_RULE_H

#include "conf/zone.h"

#define ZONE_INSTANT_MAX ((int64_t)1 << 40) /* year 36812; beyond it a rule is not asked */

struct zone_rule_date {
	enum { RULE_JULIAN1, RULE_JULIAN0, RULE_MONTH } kind; /* Jn, n, Mm.w.d */
	int month, week, day;
	int32_t time; /* seconds after local midnight */
};

struct zone_rule {
	struct zone_offset std, dst;
	bool has_dst;
	struct zone_rule_date start, end;
};

bool zone_rule_parse(struct arena *, struct slice text, struct zone_rule *ret);
struct zone_offset zone_rule_at(const struct zone_rule *, int64_t utc);
/* The next change after utc; false when the rule has none. */
bool zone_rule_next(const struct zone_rule *, int64_t utc, int64_t *ret);

#endif
