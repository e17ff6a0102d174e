#include "mail/reply.h"

#include "base/buf.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define INTRO_LINES 3 /* "On ... wrote:" broken over so many */
#define INTRO_BYTES 400
#define BLANKS_BETWEEN 2 /* blank lines a client puts between its introduction and the quotation */
#define HINT_BYTES 400
#define HEADER_LINES 12 /* a header block with long lists of recipients */

static const char phrase[] = "please write above this line";

struct lines {
	char **s;
	size_t n;
};

/* What a line is; found in this order. */
struct mail {
	struct lines l;
	bool *drop;
	bool tight; /* the client quotes with ">" and no blank */
	size_t cut; /* from here on all is quotation; l.n: nowhere */
};

static struct lines
split_lines(const char *text, struct arena *a)
{
	char *copy = arena_strdup(a, text);
	struct lines l = { NULL, 1 };

	for (const char *s = text; (s = strchr(s, '\n')) != NULL; s++)
		l.n++;
	l.s = ARENA_ARRAY(a, l.n, char *);
	for (size_t i = 0; i < l.n; i++) {
		char *end = strchrnul(copy, '\n');

		l.s[i] = copy;
		copy = *end == '\n' ? end + 1 : end;
		*end = '\0';
		if (end > l.s[i] && end[-1] == '\r')
			end[-1] = '\0';
	}
	return l;
}

static const char *
skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t' || strncmp(s, "\302\240", 2) == 0)
		s += *s == '\302' ? 2 : 1;
	return s;
}

static bool
is_blank(const char *s)
{
	return *skip_blanks(s) == '\0';
}

static bool
begins(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

static bool
ends(const char *s, size_t n, const char *with)
{
	size_t w = strlen(with);

	return n >= w && strncasecmp(s + n - w, with, w) == 0;
}

/* Behind the ">" of a quotation, or NULL. */
static const char *
behind_quote(const char *s)
{
	const char *p = s;

	while (*p == ' ' && p - s < 3)
		p++;
	if (*p != '>')
		return NULL;
	while (*p == '>' || (*p == ' ' && p[1] == '>'))
		p++;
	return p;
}

static bool
is_marker(const char *s)
{
	return strcasestr(s, phrase) != NULL;
}

/* A line a client quoted. ">140/90: call" is a person's, unless this client quotes without a blank. */
static bool
is_quoted(const struct mail *m, const char *s)
{
	const char *p = behind_quote(s);

	return p != NULL && (m->tight || *p == ' ' || *p == '\t' || *p == '\0' || is_marker(p));
}

static size_t
next_full(const struct mail *m, size_t i)
{
	size_t blanks = 0;

	while (i < m->l.n && is_blank(m->l.s[i]) && blanks < BLANKS_BETWEEN)
		i++, blanks++;
	return i;
}

/* Does a quotation begin at line i? Our own text may begin with its subject before the marker. */
static bool
quotation_at(const struct mail *m, size_t i)
{
	i = next_full(m, i);
	if (i < m->l.n && behind_quote(m->l.s[i]) != NULL)
		return true;
	if (i < m->l.n && begins(skip_blanks(m->l.s[i]), "Subject: "))
		i = next_full(m, i + 1);
	return i < m->l.n && is_marker(m->l.s[i]);
}

/* "On Wed, 4 Mar 2026 at 10:00, Patient portal <portal@clinic.example> wrote:", perhaps broken into lines. Returns how
 * many lines, 0 for none. It counts only where a quotation follows: a person may write that somebody wrote something.
 */
static size_t
introduction(const struct mail *m, size_t at)
{
	static const char *const first[] = { "On ", "El ", "Am ", "Le ", "Il ", "Em ", NULL };
	static const char *const last[] = { "wrote:", "writes:", "escribi\303\263:", "escribi\303\263 :", "escribio:",
		"schrieb:", "a \303\251crit :", "a \303\251crit\302\240:", "a \303\251crit:", "ha scritto:",
		"escreveu:", NULL };
	const char *s = skip_blanks(m->l.s[at]);
	char joined[INTRO_BYTES + 1] = "";
	size_t n = 0, i = 0;
	bool dated = false;

	while (first[i] != NULL && !begins(s, first[i]))
		i++;
	if (first[i] == NULL)
		return 0;
	for (size_t k = 0; k < INTRO_LINES && at + k < m->l.n; k++) {
		size_t len;

		s = skip_blanks(m->l.s[at + k]);
		len = strlen(s);
		if (len == 0 || n + len + 1 > INTRO_BYTES)
			return 0;
		for (size_t c = 0; c < len; c++)
			dated |= isdigit((unsigned char)s[c]) || s[c] == '@';
		memcpy(joined + n, s, len);
		n += len;
		while (n > 0 && joined[n - 1] == ' ')
			n--;
		for (i = 0; dated && last[i] != NULL; i++)
			if (ends(joined, n, last[i]) && quotation_at(m, at + k + 1))
				return k + 1;
		/* German puts the name behind the verb. */
		joined[n] = '\0';
		if (dated && begins(joined, "Am ") && strstr(joined, " schrieb ") != NULL && joined[n - 1] == ':' &&
		    quotation_at(m, at + k + 1))
			return k + 1;
		/* A sentence that ends here is a person's. */
		if (strchr(".:!?", joined[n - 1]) != NULL && !ends(joined, n, ".m."))
			return 0;
		joined[n++] = ' ';
	}
	return 0;
}

/* "-----Original Message-----" */
static bool
is_separator(const char *s)
{
	static const char *const words[] = { "original message", "mensaje original", "urspr\303\274ngliche nachricht",
		"message d'origine", "messaggio originale", NULL };
	size_t dashes = 0;

	s = skip_blanks(s);
	while (s[dashes] == '-')
		dashes++;
	if (dashes < 2 || strlen(s) > 100)
		return false;
	for (size_t i = 0; words[i] != NULL; i++)
		if (begins(skip_blanks(s + dashes), words[i]))
			return strstr(s + dashes, "--") != NULL;
	return false;
}

/* "From:" of a header block, in the words of some client; a bold one may have stars. */
static bool
label_is(const char *s, const char *const *labels)
{
	s = skip_blanks(s);
	while (*s == '*')
		s++;
	for (; *labels != NULL; labels++) {
		size_t n = strlen(*labels);

		if (!begins(s, *labels))
			continue;
		while (s[n] == '*' || s[n] == ' ' || strncmp(s + n, "\302\240", 2) == 0)
			n++;
		if (s[n] == ':')
			return true;
	}
	return false;
}

/* Outlook's way: From, Sent, To, Subject of the mail that is quoted, one under the other, and then its text as it is.
 */
static bool
is_header_block(const struct mail *m, size_t at)
{
	static const char *const labels[4][10] = {
		{ "From", "De", "Von", "Da", NULL },
		{ "Sent", "Date", "Enviado el", "Enviado", "Fecha", "Gesendet", "Datum", "Envoy\303\251", "Inviato",
		    NULL },
		{ "To", "Para", "An", "\303\200", "A", NULL },
		{ "Subject", "Asunto", "Betreff", "Objet", "Oggetto", NULL },
	};
	size_t found = 1;

	/* All four, in this order: a person may well write "From: Monday" and "To: Friday". */
	if (!label_is(m->l.s[at], labels[0]))
		return false;
	for (size_t i = at + 1; i < m->l.n && i < at + HEADER_LINES && !is_blank(m->l.s[i]); i++) {
		found += label_is(m->l.s[i], labels[found]);
		if (found == 4)
			return true;
	}
	return false;
}

/* A line that only draws a rule. */
static bool
is_rule(const char *s)
{
	size_t n;

	s = skip_blanks(s);
	n = strspn(s, "_");
	if (n == 0)
		n = strspn(s, "-");
	return n >= 5 && is_blank(s + n);
}

static bool
ends_in_colon(const char *s)
{
	return *s != '\0' && s[strlen(s) - 1] == ':';
}

/* The first line from which on all is quotation: a separator, a header block or a marker without ">". */
static void
find_cut(struct mail *m)
{
	size_t i = 0;

	while (i < m->l.n) {
		const char *s = m->l.s[i];
		size_t next = next_full(m, i + 1);
		/* A separator above ">" lines is an introduction only. */
		bool prefixed = next < m->l.n && behind_quote(m->l.s[next]) != NULL;

		if (behind_quote(s) == NULL &&
		    (is_marker(s) || is_header_block(m, i) || (is_separator(s) && !prefixed)))
			break;
		i++;
	}
	m->cut = i;
	if (i == m->l.n)
		return;
	/* Our own legacy display line stands above our marker, a rule above what Outlook quotes. */
	if (is_marker(m->l.s[i])) {
		size_t j = i;

		while (j > 0 && i - j < BLANKS_BETWEEN && is_blank(m->l.s[j - 1]))
			j--;
		if (j > 0 && j < i && begins(skip_blanks(m->l.s[j - 1]), "Subject: ") &&
		    (j == 1 || is_blank(m->l.s[j - 2]) || is_rule(m->l.s[j - 2]) || ends_in_colon(m->l.s[j - 2])))
			m->cut = j - 1;
	}
	for (i = m->cut; i > 0 && m->cut - i < BLANKS_BETWEEN && is_blank(m->l.s[i - 1]);)
		i--;
	if (i > 0 && is_rule(m->l.s[i - 1]))
		m->cut = i - 1;
}

/* Quotations with ">": from the first that is introduced or holds our marker on; "> " before that may be a person's
 * list. Lines between them that have no ">" are the person's. */
static void
find_quoted(struct mail *m)
{
	bool quoting = false;

	for (size_t i = 0; i < m->cut; i++) {
		size_t n = behind_quote(m->l.s[i]) == NULL ? introduction(m, i) : 0;
		size_t run = i;

		if (n > 0 || (is_separator(m->l.s[i]) && behind_quote(m->l.s[i]) == NULL)) {
			n = n > 0 ? n : 1;
			for (size_t k = 0; k < n && i + k < m->cut; k++)
				m->drop[i + k] = true;
			i = next_full(m, i + n);
			if (i < m->cut && behind_quote(m->l.s[i]) != NULL) {
				const char *p = behind_quote(m->l.s[i]);

				m->tight |= !quoting && *p != ' ' && *p != '\0' && *p != '\t';
			}
			quoting = true;
			i--;
			continue;
		}
		if (!is_quoted(m, m->l.s[i]))
			continue;
		if (!quoting) {
			bool marker = false;

			for (; run < m->cut && is_quoted(m, m->l.s[run]); run++)
				marker |= is_marker(m->l.s[run]);
			quoting = marker;
			if (!quoting) {
				i = run - 1;
				continue;
			}
		}
		m->drop[i] = true;
	}
}

/* The reference in brackets behind the marker, in upper case; NULL when there is none. */
static char *
marker_thread(const struct mail *m, size_t at, struct arena *a)
{
	const char *s = strcasestr(m->l.s[at], phrase) + sizeof phrase - 1;
	const char *open = strchr(s, '[');
	size_t n;
	char *ref;

	/* A client that broke the line has it on the next one. */
	if (open == NULL && at + 1 < m->l.n)
		open = strchr(m->l.s[at + 1], '[');
	if (open == NULL)
		return NULL;
	n = strspn(open + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
	if (n < 3 || n > 16 || open[n + 1] != ']' || (open[1] | 0x20) != 'p' || open[2] != '-')
		return NULL;
	ref = arena_strndup(a, open + 1, n);
	for (size_t i = 0; i < n; i++)
		ref[i] = (char)toupper((unsigned char)ref[i]);
	return ref;
}

static const char *
other_thread(const struct mail *m, const char *thread, struct arena *a)
{
	for (size_t i = 0; i < m->l.n; i++) {
		const char *ref = is_marker(m->l.s[i]) ? marker_thread(m, i, a) : NULL;

		if (ref != NULL && strcasecmp(ref, thread) != 0)
			return ref;
	}
	return NULL;
}

/* The lines that stay, without blank lines around them. */
static const char *
kept(const struct mail *m, struct arena *a, bool all)
{
	AUTO_BUF b = BUF_INIT;
	size_t end = 0;
	const char *s;

	for (size_t i = 0; i < m->l.n && (all || i < m->cut); i++) {
		if (!all && m->drop[i])
			continue;
		if (end == 0 && is_blank(m->l.s[i]))
			continue;
		if (b.n > 0)
			buf_putc(&b, '\n');
		buf_puts(&b, m->l.s[i]);
		if (!is_blank(m->l.s[i]))
			end = b.n;
	}
	while (end > 0 && (b.p[end - 1] == ' ' || b.p[end - 1] == '\t'))
		end--;
	s = arena_strndup(a, buf_str(&b), end);
	return s;
}

/* "My answers are in red below": then what is below holds answers, and nobody but a person can tell them apart. */
static bool
points_below(const char *own)
{
	static const char *const hints[] = { "below", "in line", "inline", "in-line", "in red", "in blue", "in bold",
		"in green", "abajo", "debajo", "en rojo", "en azul", "en negrita", NULL };

	if (strlen(own) > HINT_BYTES)
		return false;
	for (size_t i = 0; hints[i] != NULL; i++)
		if (strcasestr(own, hints[i]) != NULL)
			return true;
	return false;
}

static struct mail
read_mail(const char *text, struct arena *a)
{
	struct mail m = { .l = split_lines(text != NULL ? text : "", a) };

	m.drop = ARENA_ARRAY(a, m.l.n, bool);
	find_cut(&m);
	find_quoted(&m);
	return m;
}

void
reply_trim(const char *text, const char *thread, struct arena *a, struct reply *ret)
{
	struct mail m = read_mail(text, a);
	const char *whole = kept(&m, a, true), *own = kept(&m, a, false);

	if (*own == '\0' || (m.cut < m.l.n && points_below(own)))
		own = whole;
	*ret = (struct reply){
		.text = own,
		.trimmed = strcmp(own, whole) != 0,
		.other_thread = other_thread(&m, thread != NULL ? thread : "", a),
	};
}

const char *
reply_first_line(const char *text, const char *thread, struct arena *a)
{
	struct mail m = read_mail(text, a);
	const char *own = skip_blanks(kept(&m, a, false));
	size_t n = strcspn(own, "\n");

	(void)thread;
	while (n > 0 && (own[n - 1] == ' ' || own[n - 1] == '\t'))
		n--;
	return arena_strndup(a, own, n);
}
