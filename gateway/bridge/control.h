/*
 * control -- the bridge's control socket: one JSON request, one JSON answer, then the connection ends.
 *
 *   -> {"verb": "patient.write", "args": {"patient": "homer", ...}}\n
 *   <- {"ok": true, ...}\n   or   {"ok": false, "exit": 65, "error": "..."}\n
 *
 * A unix socket, 0600; who asks is known from SO_PEERCRED: root and the bridge's own user. Requests are bounded in size
 * and time. exit is a code of sysexits(3).
 */
#ifndef BRIDGE_CONTROL_H
#define BRIDGE_CONTROL_H

#include "bridge/bridge.h"

#include <jansson.h>

struct request {
	struct bridge *b;
	struct view *v;
	json_t *args;
	json_t *answer; /* an object to add to */
	int exit;	/* set with an error */
	uid_t uid;
};
typedef enum status (*verb_fn)(struct request *, struct err *);
struct verb {
	const char *name;
	verb_fn run;
};
extern const struct verb control_verbs[];
extern const size_t control_nverbs;

/* A string argument; NULL when it is missing or empty. Borrowed from the request. */
const char *arg_str(const struct request *, const char *name);
/* The same, but missing is an error that names it. */
enum status arg_need(const struct request *, const char *name, const char **ret, struct err *) MUST_CHECK;

#endif
