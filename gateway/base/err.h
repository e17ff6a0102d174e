/*
 * err -- how a function says what went wrong.
 *
 * Use:      enum status f(..., struct err *err) MUST_CHECK;   TRY(f(...)) passes a failure up.
 * Outputs:  parameters named ret are written on ST_OK only.
 * Owns:     nothing; struct err lives on the caller's stack and holds no pointer that needs freeing.
 * Text:     an operator's words. Never content, a subject, a name or an address: the text is logged.
 * Threads:  any; one struct err belongs to one thread.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* What broke decides who retries. */
enum status {
	ST_OK = 0,
	ST_MSG_RETRY,	/* this message, later:   4xx, quota, greylisting        */
	ST_MSG_REFUSED, /* this message, never:   5xx, no certificate, too big   */
	ST_REMOTE_DOWN, /* this far side, rest:   network, TLS, login            */
	ST_LOCAL,	/* us: disk full, database locked, configuration         */
};

struct err {
	enum status st;
	const char *code; /* stable literal such as "imap.login"; what logs, traces and incidents carry */
	const char *file; /* where it was found */
	int line;
	char text[256];
};

#define ERR_NONE ((struct err){ .st = ST_OK, .code = "", .file = "", .text = "" })
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Fill err (NULL is fine) and return st, so that "return err_set(err, ST_LOCAL, "store.open", "...")" reads as one act.
 * code must be a string literal: the "" in front of it does not compile for a variable. */
#define err_set(e, st, code, ...) err_set_at((e), __FILE__, __LINE__, (st), "" code, __VA_ARGS__)
enum status err_set_at(struct err *, const char *file, int line, enum status, const char *code, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

/* "retry", "refused", "remote-down", "local" or "ok". */
const char *status_name(enum status);

#define TRY(call)                                                                                                      \
	do {                                                                                                           \
		enum status st_ = (call);                                                                              \
		if (st_ != ST_OK)                                                                                      \
			return st_;                                                                                    \
	} while (0)

#endif
