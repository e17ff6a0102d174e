/*
 * log -- events with typed fields, one line each on standard error (systemd's journal, or the rig's file).
 *
 * The type system keeps patients' words out: the event name and every F_CONST value must be string literals (the ""
 * in the macro does not compile for a variable), a reference is checked against its own alphabet, and a mail address
 * appears only as a keyed hash with its domain. There is no field that takes text from a message.
 *
 * Threads: any. Only the programs (bridge, milter, ctl) log; a library function fills struct err instead.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

#include <stdint.h>
#include <syslog.h>

struct log_field {
	enum { LOG_F_END, LOG_F_CONST, LOG_F_REF, LOG_F_NUM, LOG_F_ADDR, LOG_F_ERR, LOG_F_ID } kind;
	const char *name;
	const char *s;
	int64_t n;
	const struct err *err;
};

#define F_CONST(name, s) ((struct log_field){ LOG_F_CONST, "" name, "" s, 0, NULL })
/* One of a closed set of literals chosen at run time by one of our own *_name() functions. */
#define F_NAME(name, s) ((struct log_field){ LOG_F_ID, "" name, (s), 0, NULL })
/* A reference of ours: letters, digits and "-._:" only; anything else is written as "?". */
#define F_REF(name, s) ((struct log_field){ LOG_F_REF, "" name, (s), 0, NULL })
#define F_MSG(ref) F_REF("msg", ref)
#define F_NUM(name, v) ((struct log_field){ LOG_F_NUM, "" name, NULL, (v), NULL })
#define F_ADDR(name, s) ((struct log_field){ LOG_F_ADDR, "" name, (s), 0, NULL })
#define F_ERR(e) ((struct log_field){ LOG_F_ERR, "err", NULL, 0, (e) })

/* At least one field. */
#define log_event(prio, name, ...)                                                                                     \
	log_write((prio), "" name, (const struct log_field[]){ __VA_ARGS__, { LOG_F_END, NULL, NULL, 0, NULL } })
void log_write(int prio, const char *event, const struct log_field *);

/* Who speaks ("portico-bridge") and from which priority on. program is borrowed. Once, before threads. */
void log_open(const char *program, int max_prio);
/* The key of address hashes: the same address has the same hash in all our logs, and nobody else can compute it. */
void log_set_key(const uint8_t *key, unsigned n);

#endif
