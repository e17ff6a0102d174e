#include "milter/capture.h"

#include "base/own.h"

#include <stdlib.h>
#include <string.h>

void
capture_reset(struct capture *c)
{
	free(c->mail_from);
	free(c->login);
	for (size_t i = 0; i < c->nrcpt; i++) {
		free(c->rcpt[i].arg);
		free(c->rcpt[i].clean);
	}
	free(c->rcpt);
	buf_wipe(&c->raw);
	*c = (struct capture){ .raw = BUF_INIT };
}

char *
capture_clean(const char *arg)
{
	size_t n = strlen(arg);

	return n >= 2 && arg[0] == '<' && arg[n - 1] == '>' ? xstrndup(arg + 1, n - 2) : xstrdup(arg);
}

void
capture_rcpt(struct capture *c, const char *arg, bool ours)
{
	c->rcpt = xreallocarray(c->rcpt, c->nrcpt + 1, sizeof *c->rcpt);
	c->rcpt[c->nrcpt].arg = xstrdup(arg);
	c->rcpt[c->nrcpt].clean = capture_clean(arg);
	c->rcpt[c->nrcpt].ours = ours;
	c->nrcpt++;
	c->nours += ours;
}

static bool
fits(struct capture *c, size_t more, int64_t max)
{
	if (!c->too_big && (int64_t)(c->raw.n + more) > max) {
		c->too_big = true;
		buf_wipe(&c->raw);
	}
	return !c->too_big;
}

void
capture_header(struct capture *c, const char *name, const char *value, int64_t max)
{
	if (!fits(c, strlen(name) + 2 * strlen(value) + 3, max))
		return;
	buf_puts(&c->raw, name);
	buf_putc(&c->raw, ':');
	for (; *value != '\0'; value++) {
		if (*value == '\n' && (c->raw.n == 0 || c->raw.p[c->raw.n - 1] != '\r'))
			buf_putc(&c->raw, '\r');
		buf_putc(&c->raw, *value);
	}
	buf_puts(&c->raw, "\r\n");
}

void
capture_body(struct capture *c, const unsigned char *p, size_t n, int64_t max)
{
	if (!c->header_done)
		buf_puts(&c->raw, "\r\n");
	c->header_done = true;
	if (fits(c, n, max))
		buf_append(&c->raw, p, n);
}
