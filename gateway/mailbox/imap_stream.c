#include "mailbox/imap_stream.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct imap_stream {
	struct imap_io io; /* ctx own */
	int64_t deadline_ms;
	size_t budget, answers;
	struct buf in; /* read from io, not yet part of an answer */
	size_t in_pos;
	struct buf answer; /* the answer that was handed out last */
};

struct imap_stream *
imap_stream_new(const struct imap_io *io)
{
	struct imap_stream *s = xcalloc(1, sizeof *s);

	s->io = *io;
	return s;
}

void
imap_stream_free(struct imap_stream *s)
{
	if (s == NULL)
		return;
	s->io.free(s->io.ctx);
	buf_wipe(&s->in);
	buf_wipe(&s->answer);
	free(s);
}

void
imap_stream_begin(struct imap_stream *s, int64_t deadline_ms)
{
	s->deadline_ms = deadline_ms;
	s->budget = IMAP_BUDGET;
	s->answers = 0;
}

void
imap_stream_extend(struct imap_stream *s, int64_t ms)
{
	s->deadline_ms += ms;
}

enum status
imap_stream_write(struct imap_stream *s, const void *p, size_t n, struct err *err)
{
	return s->io.write(s->io.ctx, p, n, s->deadline_ms, err);
}

bool
imap_stream_is_secure(const struct imap_stream *s)
{
	return s->io.is_secure(s->io.ctx);
}

enum status
imap_stream_start_tls(struct imap_stream *s, struct err *err)
{
	if (s->in_pos < s->in.n)
		return err_set(err, ST_REMOTE_DOWN, "imap.injected",
		    "bytes in clear after the answer to STARTTLS: somebody is in the line");
	buf_clear(&s->in);
	s->in_pos = 0;
	return s->io.start_tls(s->io.ctx, s->deadline_ms, err);
}

/* ABNF of RFC 9051: number is 32 bits, mod-sequence-value (RFC 7162) 63. The parser behind us wraps silently. */
static bool
number_fits(struct slice text, size_t at, size_t n)
{
	static const char modseq[] = "MODSEQ";
	uint64_t v = 0, max = UINT32_MAX;
	size_t end = at;

	if (n > 19)
		return false;
	while (end > 0 && (text.p[end - 1] == ' ' || text.p[end - 1] == '('))
		end--;
	if (end >= sizeof modseq - 1 && end < at &&
	    slice_caseeq((struct slice){ text.p + end - (sizeof modseq - 1), sizeof modseq - 1 }, modseq))
		max = INT64_MAX;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint64_t)(text.p[at + i] - '0');
	return v <= max;
}

/* Does the text end in {123}? RFC 9051 literal; a server never sends {123+}. *ret_at: where its brace is. */
static bool
ends_in_literal(struct slice t, size_t *ret_at, size_t *ret_n)
{
	size_t i, n = 0;

	if (t.n < 3 || t.p[t.n - 1] != '}')
		return false;
	for (i = t.n - 1; i > 0 && isdigit((unsigned char)t.p[i - 1]); i--)
		;
	if (i == t.n - 1 || i == 0 || t.p[i - 1] != '{')
		return false;
	*ret_at = i - 1;
	for (; i < t.n - 1 && n <= IMAP_LITERAL_MAX; i++)
		n = n * 10 + (size_t)(t.p[i] - '0');
	*ret_n = n;
	return true;
}

bool
imap_text_is_sane(struct slice t, int *depth)
{
	bool quoted = false, word = false;
	size_t brace = t.n, literal = 0;

	(void)ends_in_literal(t, &brace, &literal);
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		size_t digits = 0;

		if (c == '\0' || c == '\r' || c == '\n')
			return false;
		if (quoted) {
			if (c == '\\' && (++i == t.n || (t.p[i] != '"' && t.p[i] != '\\')))
				return false;
			if (c == '"')
				quoted = false;
			continue;
		}
		while (!word && i + digits < t.n && isdigit((unsigned char)t.p[i + digits]))
			digits++;
		if (digits > 0) {
			if (!number_fits(t, i, digits))
				return false;
			i += digits - 1;
		}
		/* Digits inside a word, as in "X-7QJ99999999999", are no number. */
		word = digits > 0 || isalnum(c) || c == '-' || c == '.' || c == '_' || c >= 0x80;
		/* A brace is a literal's, at the end, or nobody's: libetpan takes "{2147483648}" anywhere for one. A
		 * quote begins a string: so that its idea of what is quoted is ours. */
		if (c == '{' && i != brace)
			return false;
		quoted = c == '"';
		if (quoted && (i == 0 || (t.p[i - 1] != ' ' && t.p[i - 1] != '(')))
			return false;
		if (c == '(' && ++*depth > IMAP_DEPTH_MAX)
			return false;
		if (c == ')' && --*depth < 0)
			return false;
	}
	return !quoted;
}

/* Is this a status answer, whose human text is free? "* OK ...", "A7 NO ...", "+ ...". */
static bool
is_free_text(struct slice line)
{
	static const char *const words[] = { "OK", "NO", "BAD", "BYE", "PREAUTH" };
	const char *sp = memchr(line.p, ' ', line.n);
	struct slice second;
	const char *end;

	if (line.n > 0 && line.p[0] == '+')
		return true;
	if (sp == NULL)
		return false;
	second = (struct slice){ sp + 1, line.n - (size_t)(sp + 1 - line.p) };
	if ((end = memchr(second.p, ' ', second.n)) != NULL)
		second.n = (size_t)(end - second.p);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (slice_caseeq(second, words[i]))
			return true;
	return false;
}

/* At most IMAP_LINE_MAX bytes of a status line, printable or not, but no NUL and no stray CR. */
static bool
free_text_is_sane(struct slice t)
{
	return memchr(t.p, '\0', t.n) == NULL && memchr(t.p, '\r', t.n) == NULL;
}

static enum status
refuse(struct err *err, const char *what)
{
	return err_set(err, ST_REMOTE_DOWN, "imap.answer", "the server's answer was refused: %s", what);
}

static enum status
fill(struct imap_stream *s, struct err *err)
{
	char part[8192];
	size_t n = 0;

	if (s->in_pos == s->in.n) {
		buf_clear(&s->in);
		s->in_pos = 0;
	}
	/* Also when the far side never lets us wait: only waiting looks at the deadline otherwise. */
	if (monotonic_ms() >= s->deadline_ms)
		return err_set(err, ST_REMOTE_DOWN, "imap.timeout", "no whole answer in time");
	if (s->budget == 0)
		return err_set(
		    err, ST_REMOTE_DOWN, "imap.budget", "more than %u bytes in answer to one command", IMAP_BUDGET);
	TRY(s->io.read(s->io.ctx, part, s->budget < sizeof part ? s->budget : sizeof part, s->deadline_ms, &n, err));
	s->budget -= n;
	buf_append(&s->in, part, n);
	return ST_OK;
}

/* Moves up to and including the next LF. */
static enum status
take_line(struct imap_stream *s, size_t *line_left, struct err *err)
{
	for (;;) {
		size_t n = s->in.n - s->in_pos;
		const char *p = buf_str(&s->in) + s->in_pos, *lf = n > 0 ? memchr(p, '\n', n) : NULL;

		if (lf != NULL)
			n = (size_t)(lf + 1 - p);
		if (n > *line_left)
			return refuse(err, "a line too long");
		*line_left -= n;
		buf_append(&s->answer, p, n);
		s->in_pos += n;
		if (lf != NULL)
			return ST_OK;
		TRY(fill(s, err));
	}
}

static enum status
take_bytes(struct imap_stream *s, size_t n, struct err *err)
{
	while (n > 0) {
		size_t k = s->in.n - s->in_pos;

		if (k > n)
			k = n;
		if (k > 0)
			buf_append(&s->answer, s->in.p + s->in_pos, k);
		s->in_pos += k;
		n -= k;
		if (n > 0)
			TRY(fill(s, err));
	}
	return ST_OK;
}

enum status
imap_stream_read(struct imap_stream *s, struct slice *ret, struct err *err)
{
	size_t line_left = IMAP_LINE_MAX;
	bool free_text = false;
	int depth = 0;

	if (++s->answers > IMAP_ANSWERS_MAX)
		return err_set(
		    err, ST_REMOTE_DOWN, "imap.budget", "more than %d answers to one command", IMAP_ANSWERS_MAX);
	buf_clear(&s->answer);
	for (;;) {
		size_t start = s->answer.n, brace, literal = 0;
		struct slice text;

		TRY(take_line(s, &line_left, err));
		text = (struct slice){ s->answer.p + start, s->answer.n - start };
		if (text.n < 2 || text.p[text.n - 2] != '\r')
			return refuse(err, "a line without CR LF");
		text.n -= 2;
		if (start == 0)
			free_text = is_free_text(text);
		if (free_text && !free_text_is_sane(text))
			return refuse(err, "a control character");
		if (!free_text && !imap_text_is_sane(text, &depth))
			return refuse(err, "nesting, numbers or quoting out of bounds");
		if (free_text || !ends_in_literal(text, &brace, &literal))
			break;
		if (literal > IMAP_LITERAL_MAX)
			return refuse(err, "a literal too long");
		TRY(take_bytes(s, literal, err));
	}
	*ret = buf_slice(&s->answer);
	return ST_OK;
}
