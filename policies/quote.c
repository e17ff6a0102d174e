#include "policies/read.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct line {
	char *p;
	size_t n;
};

/* Letters in either case; one blank of s is any number of them. */
static bool
begins(struct line l, const char *s)
{
	for (; *s != '\0'; s++) {
		if (l.n == 0)
			return false;
		if (*s == ' ') {
			if (*l.p != ' ' && *l.p != '\t')
				return false;
			while (l.n > 0 && (*l.p == ' ' || *l.p == '\t'))
				l.p++, l.n--;
			continue;
		}
		if (tolower((unsigned char)*l.p) != *s)
			return false;
		l.p++, l.n--;
	}
	return true;
}

static bool
ends(struct line l, const char *s)
{
	size_t n = strlen(s);

	while (l.n > 0 && isspace((unsigned char)l.p[l.n - 1]))
		l.n--;
	return l.n >= n && strncasecmp(l.p + l.n - n, s, n) == 0;
}

static struct line
skip_blanks(struct line l)
{
	while (l.n > 0 && (*l.p == ' ' || *l.p == '\t'))
		l.p++, l.n--;
	return l;
}

static bool
is_blank_line(struct line l)
{
	return skip_blanks(l).n == 0 || (skip_blanks(l).n == 1 && skip_blanks(l).p[0] == '\r');
}

static void
blank(struct line l)
{
	memset(l.p, ' ', l.n);
}

static bool
is_quoted(struct line l)
{
	return begins(skip_blanks(l), ">") || begins(skip_blanks(l), "|>");
}

/* "-----Original Message-----": what follows was not written now. */
static bool
is_separator(struct line l)
{
	static const char *const words[] = { "original message", "mensaje original", "forwarded message",
		"mensaje reenviado", "reply message", "begin forwarded message" };
	struct line s = skip_blanks(l);

	if (!begins(s, "--") && !begins(s, "__") && !begins(s, "==") && !begins(s, "begin forwarded"))
		return false;
	while (s.n > 0 && strchr("-_= ", *s.p) != NULL)
		s.p++, s.n--;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (begins(s, words[i]))
			return true;
	return false;
}

/* "On Mon, 2 Mar 2026 at 10:00, Somebody wrote:" in one line or two. */
static bool
is_introduction(struct line l)
{
	struct line s = skip_blanks(l);

	if (begins(s, "on ") && (ends(s, "wrote:") || ends(s, "writes:") || ends(s, "said:")))
		return true;
	if ((begins(s, "el ") || begins(s, "en ") || begins(s, "a las ")) &&
	    (ends(s, "escribió:") || ends(s, "escribio:") || ends(s, "escribe:")))
		return true;
	return false;
}

static bool
begins_introduction(struct line l)
{
	struct line s = skip_blanks(l);
	bool digit = false;

	for (size_t i = 0; i < s.n; i++)
		digit = digit || isdigit((unsigned char)s.p[i]);
	return digit && (begins(s, "on ") || begins(s, "el "));
}

/* Outlook: "From:" with "Sent:" or "Date:" and "To:" or "Subject:" in the lines after it. */
static bool
is_header_block(const struct line *l, size_t n, size_t at)
{
	size_t seen = 0;

	if (!begins(skip_blanks(l[at]), "from:") && !begins(skip_blanks(l[at]), "de:") &&
	    !begins(skip_blanks(l[at]), "*from:*"))
		return false;
	for (size_t i = at + 1; i < n && i < at + 6; i++) {
		struct line s = skip_blanks(l[i]);

		if (s.n > 0 && *s.p == '*')
			s.p++, s.n--;
		seen += begins(s, "sent:") || begins(s, "date:") || begins(s, "to:") || begins(s, "subject:") ||
			begins(s, "enviado:") || begins(s, "enviado el:") || begins(s, "fecha:") ||
			begins(s, "para:") || begins(s, "asunto:");
	}
	return seen >= 2;
}

static bool
quote_follows(const struct line *l, size_t n, size_t at)
{
	while (at < n && is_blank_line(l[at]))
		at++;
	return at < n && is_quoted(l[at]);
}

static void
blank_rest(struct line *l, size_t n, size_t at)
{
	for (; at < n; at++)
		blank(l[at]);
}

static void
blank_lines(struct line *l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool two = i + 1 < n && begins_introduction(l[i]) && !is_introduction(l[i]) && !is_quoted(l[i]) &&
			   (ends(l[i + 1], "wrote:") || ends(l[i + 1], "escribió:") || ends(l[i + 1], "escribio:"));

		if (is_quoted(l[i])) {
			blank(l[i]);
			continue;
		}
		if (is_separator(l[i]) || is_header_block(l, n, i)) {
			blank_rest(l, n, i);
			return;
		}
		if (!is_introduction(l[i]) && !two)
			continue;
		if (!quote_follows(
			l, n, i + 1 + (two ? 1 : 0))) { /* a client that marks no lines: all below is quoted */
			blank_rest(l, n, i);
			return;
		}
		blank(l[i]);
		if (two)
			blank(l[++i]);
	}
}

char *
quote_blank(const char *text, struct arena *a)
{
	char *copy = arena_strdup(a, text);
	size_t n = 1, at = 0;
	struct line *l;

	for (const char *p = copy; *p != '\0'; p++)
		n += *p == '\n';
	l = ARENA_ARRAY(a, n, struct line);
	for (char *p = copy; at < n; at++) {
		char *end = strchrnul(p, '\n');

		l[at] = (struct line){ p, (size_t)(end - p) };
		p = end + 1;
	}
	blank_lines(l, n);
	return copy;
}

bool
quote_is_reply_subject(const char *subject)
{
	static const char *const marks[] = { "re:", "re :", "aw:", "rv:", "resp:", "sv:", "ref:", "re[", NULL };

	while (*subject == ' ')
		subject++;
	for (size_t i = 0; marks[i] != NULL; i++)
		if (strncasecmp(subject, marks[i], strlen(marks[i])) == 0)
			return true;
	return false;
}
