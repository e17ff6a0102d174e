#include "conf/words.h"

#include <glib.h>
#include <string.h>

/* What a byte position of the input turns into: up to 18 characters by decomposition, each of at most 6 bytes. */
#define DECOMPOSED_MAX 18

struct splitter {
	const unsigned char *in;
	size_t n, at;
	struct arena *arena;
	struct buf text;
	struct word *w;
	size_t nw, cap;
	struct words *out;
	uint8_t pending; /* flags for the next word */
	bool in_word, spaced;
	uint32_t lines;	 /* line ends since the last word */
	bool line_start; /* nothing but white space on this line so far */
};

struct slice
word_text(const struct words *ws, size_t i)
{
	if (i >= ws->n)
		return (struct slice){ "", 0 };
	return (struct slice){ ws->text + ws->w[i].begin, ws->w[i].end - ws->w[i].begin };
}

bool
word_is(const struct words *ws, size_t i, const char *s)
{
	return i < ws->n && slice_eq(word_text(ws, i), s);
}

char
word_mark(const struct words *ws, size_t i)
{
	return i < ws->n && ws->w[i].kind == WORD_MARK ? ws->text[ws->w[i].begin] : 0;
}

/* The character at pos and its length in bytes; 0xFFFD with length 1 for what is no UTF-8. */
static gunichar
decode(const unsigned char *p, size_t n, size_t *len)
{
	gunichar c;

	if (p[0] < 0x80) {
		*len = 1;
		return p[0];
	}
	c = g_utf8_get_char_validated((const char *)p, (gssize)n);
	if (c == (gunichar)-1 || c == (gunichar)-2) {
		*len = 1;
		return 0xFFFD;
	}
	*len = (size_t)g_unichar_to_utf8(c, NULL);
	return c;
}

static gunichar
peek(const struct splitter *s, size_t at)
{
	size_t len;

	return at < s->n ? decode(s->in + at, s->n - at, &len) : 0;
}

static bool
is_word_char(gunichar c)
{
	return c < 0x80 ? g_ascii_isalnum((char)c) : c != 0xFFFD && (g_unichar_isalnum(c) || g_unichar_ismark(c));
}

static bool
is_apostrophe(gunichar c)
{
	return c == '\'' || c == 0x2019 || c == 0x2018 || c == 0x02BC || c == 0x00B4 || c == '`';
}

static bool
is_hyphen(gunichar c)
{
	return c == '-' || c == 0x2010 || c == 0x2011 || c == 0x2212;
}

static bool
is_dash(gunichar c)
{
	return c == 0x2013 || c == 0x2014 || c == 0x2015;
}

static bool
is_digit(gunichar c)
{
	return c >= '0' && c <= '9';
}

static struct word *
add_word(struct splitter *s, enum word_kind kind, size_t from)
{
	struct word *w;

	if (s->nw == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct word *more = ARENA_ARRAY(s->arena, cap, struct word);

		if (s->nw > 0)
			memcpy(more, s->w, s->nw * sizeof *more);
		s->w = more;
		s->cap = cap;
	}
	if (s->nw > 0) {
		if (s->spaced)
			s->w[s->nw - 1].flags |= WORD_SPACED;
		buf_putc(&s->text, ' ');
	}
	w = &s->w[s->nw++];
	*w = (struct word){ .begin = (uint32_t)s->text.n, .from = (uint32_t)from, .kind = (uint8_t)kind };
	w->flags = s->pending;
	if (s->nw > 1 && !s->spaced)
		w->flags |= WORD_GLUED;
	if (s->lines > 0)
		w->flags |= WORD_LINE;
	if (s->lines > 1)
		w->flags |= WORD_PARA;
	s->pending = 0;
	s->lines = 0;
	s->spaced = false;
	s->line_start = false;
	return w;
}

static void
end_word(struct splitter *s)
{
	if (!s->in_word)
		return;
	s->in_word = false;
	s->w[s->nw - 1].end = (uint32_t)s->text.n;
}

static void
put_char(struct splitter *s, gunichar c)
{
	char out[6];

	switch (c) { /* letters that have no decomposition of their own */
	case 0x00DF:
	case 0x1E9E:
		buf_puts(&s->text, "ss");
		return;
	case 0x00E6:
		buf_puts(&s->text, "ae");
		return;
	case 0x00F8:
		buf_putc(&s->text, 'o');
		return;
	case 0x0131:
		buf_putc(&s->text, 'i');
		return;
	case 0x0142:
		buf_putc(&s->text, 'l');
		return;
	case 0x0153:
		buf_puts(&s->text, "oe");
		return;
	}
	buf_append(&s->text, out, (size_t)g_unichar_to_utf8(c, out));
}

static void
put_letters(struct splitter *s, gunichar c, size_t from, size_t len)
{
	gunichar part[DECOMPOSED_MAX];
	gsize nparts = 1;

	if (g_unichar_ismark(c) && !s->in_word)
		return; /* a mark of its own spells nothing */
	if (!s->in_word) {
		struct word *w = add_word(s, is_digit(c) ? WORD_NUMBER : WORD_TEXT, from);

		if (g_unichar_isupper(c))
			w->flags |= WORD_CAPITAL;
		s->in_word = true;
	}
	if (c < 0x80) {
		s->out->letters += g_ascii_isalpha((char)c) ? 1 : 0;
		buf_putc(&s->text, g_ascii_tolower((char)c));
	} else {
		if (g_unichar_isalpha(c)) {
			s->out->letters++;
			s->out->foreign += c > 0x24F && !(c >= 0x1E00 && c < 0x1F00) && !(c >= 0xFB00 && c < 0xFB07) &&
					   !(c >= 0xFF00 && c < 0xFF5F) && c != 0x212A && c != 0x212B;
		}
		nparts = g_unichar_fully_decompose(c, TRUE, part, DECOMPOSED_MAX);
		for (gsize i = 0; i < nparts; i++)
			if (!g_unichar_ismark(part[i]))
				put_char(s, g_unichar_tolower(part[i]));
	}
	s->w[s->nw - 1].to = (uint32_t)(from + len);
}

static void
put_mark(struct splitter *s, char c, size_t from, size_t len)
{
	struct word *w;

	end_word(s);
	if (s->nw > 0 && word_mark(&(struct words){ s->text.p, s->text.n, s->w, s->nw, 0, 0 }, s->nw - 1) == c &&
	    !s->spaced && s->lines == 0) { /* "!!!" is one mark */
		s->w[s->nw - 1].to = (uint32_t)(from + len);
		return;
	}
	w = add_word(s, WORD_MARK, from);
	buf_putc(&s->text, c);
	w->end = (uint32_t)s->text.n;
	w->to = (uint32_t)(from + len);
}

/* "w/o", "b/c" and their kind become the word they stand for. */
static bool
put_abbreviation(struct splitter *s)
{
	static const struct {
		const char *abbr, *word;
	} table[] = { { "w/o", "without" }, { "b/c", "because" }, { "h/o", "hx" }, { "s/p", "after" },
		{ "r/o", "ruleout" }, { "c/o", "reports" } };
	const char *p = (const char *)s->in + s->at;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		size_t n = strlen(table[i].abbr);

		if (s->n - s->at < n || g_ascii_strncasecmp(p, table[i].abbr, n) != 0 ||
		    is_word_char(peek(s, s->at + n)))
			continue;
		add_word(s, WORD_TEXT, s->at);
		buf_puts(&s->text, table[i].word);
		s->w[s->nw - 1].to = (uint32_t)(s->at + n);
		s->in_word = true;
		end_word(s);
		s->at += n;
		return true;
	}
	return false;
}

static void
other_char(struct splitter *s, gunichar c, size_t len)
{
	size_t at = s->at;
	gunichar before = s->in_word ? 'a' : 0, after = peek(s, at + len);
	bool inside = before != 0 && is_word_char(after);
	bool bullet = s->line_start && g_unichar_isspace(after);

	if (c == 0xFFFD || g_unichar_type(c) == G_UNICODE_FORMAT || g_unichar_type(c) == G_UNICODE_NON_SPACING_MARK)
		return; /* as if it were not there */
	if (is_apostrophe(c) && inside)
		return;
	if ((c == '.' || c == ',') && inside && s->w[s->nw - 1].kind == WORD_NUMBER && is_digit(after) &&
	    is_digit(s->in[at - 1])) { /* 5.9, 10,000 */
		buf_putc(&s->text, (char)c);
		return;
	}
	end_word(s);
	if (c == '\n') {
		s->lines++;
		s->spaced = true;
		s->line_start = true;
	} else if (g_unichar_isspace(c) || c == 0) {
		s->spaced = true;
	} else if (bullet && (is_hyphen(c) || is_dash(c) || c == '*' || c == 0x2022 || c == 0x00B7)) {
		s->pending |= WORD_PARA;
	} else if (is_hyphen(c)) {
		if (!inside)
			put_mark(s, '-', at, len);
	} else if (is_dash(c)) {
		if (!(inside && is_digit(after)))
			put_mark(s, '-', at, len);
	} else if (c == 0x2026) {
		put_mark(s, '.', at, len);
	} else if (c == '&') {
		add_word(s, WORD_TEXT, at);
		buf_puts(&s->text, "and");
		s->w[s->nw - 1].to = (uint32_t)(at + len);
		s->in_word = true;
		end_word(s);
	} else if (c == '"' || c == 0x201C || c == 0x201D || c == 0xAB || c == 0xBB || is_apostrophe(c)) {
		put_mark(s, '"', at, len);
	} else if (c < 0x80 && strchr(".,;:!?()/", (int)c) != NULL) {
		put_mark(s, (char)c, at, len);
	} else if (c == '[' || c == '{') {
		put_mark(s, '(', at, len);
	} else if (c == ']' || c == '}') {
		put_mark(s, ')', at, len);
	} else if (c == 0xFF0C || c == 0x3001) {
		put_mark(s, ',', at, len);
	} else if (c == 0x3002 || c == 0xFF0E) {
		put_mark(s, '.', at, len);
	} else if (c == 0xBF || c == 0xA1) {
		put_mark(s, ';', at, len); /* an opening question or exclamation mark begins a sentence */
	}
}

void
words_split(struct slice text, struct arena *a, struct words *ret)
{
	struct words out = { 0 };
	struct splitter s = {
		.in = (const unsigned char *)text.p, .n = text.n, .arena = a, .out = &out, .line_start = true
	};

	while (s.at < s.n) {
		size_t len;
		gunichar c;

		if (!s.in_word && s.at + 2 < s.n && s.in[s.at + 1] == '/' && put_abbreviation(&s))
			continue;
		c = decode(s.in + s.at, s.n - s.at, &len);
		if (is_word_char(c))
			put_letters(&s, c, s.at, len);
		else
			other_char(&s, c, len);
		s.at += len;
	}
	end_word(&s);
	if (s.nw > 0)
		s.w[s.nw - 1].flags |= WORD_SPACED;
	out.text = arena_strndup(a, buf_str(&s.text), s.text.n);
	out.len = s.text.n;
	out.w = s.w;
	out.n = s.nw;
	buf_wipe(&s.text);
	*ret = out;
}

void
words_replace(struct words *ws, const char *const *instead, struct arena *a)
{
	AUTO_BUF text = BUF_INIT;

	for (size_t i = 0; i < ws->n; i++) {
		struct slice old = word_text(ws, i);
		uint32_t begin;

		if (i > 0)
			buf_putc(&text, ' ');
		begin = (uint32_t)text.n;
		if (instead[i] != NULL)
			buf_puts(&text, instead[i]);
		else
			buf_append(&text, old.p, old.n);
		ws->w[i].begin = begin;
		ws->w[i].end = (uint32_t)text.n;
	}
	ws->text = arena_strndup(a, buf_str(&text), text.n);
	ws->len = text.n;
}
