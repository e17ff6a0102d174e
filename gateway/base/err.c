#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

enum status
err_set_at(struct err *e, const char *file, int line, enum status st, const char *code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return st;
	e->st = st;
	e->code = code;
	e->file = file;
	e->line = line;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return st;
}

const char *
status_name(enum status st)
{
	static const char *const names[] = { "ok", "retry", "refused", "remote-down", "local" };

	return (unsigned)st < sizeof names / sizeof *names ? names[st] : "unknown";
}
