#include "mail/text.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#define REPLACEMENT 0xFFFDu
#define FILE_NAME_MAX 120
#define EXTENSION_MAX 12

size_t
utf8_get(const char *s, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
	uint32_t c = len < 2 ? p[0] : p[0] & (0x7Fu >> len);

	*ret = REPLACEMENT;
	if (len == 0)
		return 1;
	for (size_t i = 1; i < len; i++) {
		if (i == n || (p[i] & 0xC0) != 0x80)
			return i;
		c = c << 6 | (p[i] & 0x3F);
	}
	if (c >= least[len] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF))
		*ret = c;
	return len;
}

void
utf8_put(struct buf *b, uint32_t c)
{
	char s[4];

	if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		c = REPLACEMENT;
	if (c < 0x80) {
		buf_putc(b, (char)c);
	} else if (c < 0x800) {
		s[0] = (char)(0xC0 | c >> 6);
		s[1] = (char)(0x80 | (c & 0x3F));
		buf_append(b, s, 2);
	} else if (c < 0x10000) {
		s[0] = (char)(0xE0 | c >> 12);
		s[1] = (char)(0x80 | (c >> 6 & 0x3F));
		s[2] = (char)(0x80 | (c & 0x3F));
		buf_append(b, s, 3);
	} else {
		s[0] = (char)(0xF0 | c >> 18);
		s[1] = (char)(0x80 | (c >> 12 & 0x3F));
		s[2] = (char)(0x80 | (c >> 6 & 0x3F));
		s[3] = (char)(0x80 | (c & 0x3F));
		buf_append(b, s, 4);
	}
}

/* How many bytes from at on are plain: printable ASCII and "\n". Most text is, and is copied in one piece. */
static size_t
plain_run(struct slice s, size_t at)
{
	size_t i = at;

	while (i < s.n && ((s.p[i] >= ' ' && s.p[i] <= '~') || s.p[i] == '\n'))
		i++;
	return i - at;
}

/* ISO-8859-1 is read as its superset windows-1252, as every mail client does. Zero: not assigned. */
static void
from_windows_1252(struct slice in, struct buf *ret)
{
	static const uint16_t high[32] = { 0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030,
		0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC,
		0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178 };

	for (size_t i = 0; i < in.n; i++) {
		uint32_t c = (unsigned char)in.p[i];

		if (c >= 0x80 && c < 0xA0)
			c = high[c - 0x80] != 0 ? high[c - 0x80] : REPLACEMENT;
		utf8_put(ret, c);
	}
}

static bool
from_iconv(const char *charset, struct slice in, struct buf *ret)
{
	char *p = (char *)(uintptr_t)in.p, out[4096];
	size_t left = in.n;
	iconv_t cd;

	/* A name with "/" would be an instruction to iconv. */
	if (strlen(charset) > 40 || charset[strspn(charset, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
							    "0123456789._:+-")] != '\0')
		return false;
	cd = iconv_open("UTF-8", charset);
	if (cd == (iconv_t)-1)
		return false;
	while (left > 0) {
		char *q = out;
		size_t room = sizeof out, rc = iconv(cd, &p, &left, &q, &room);

		buf_append(ret, out, sizeof out - room);
		if (rc != (size_t)-1 || errno == E2BIG)
			continue;
		utf8_put(ret, REPLACEMENT);
		if (errno == EINVAL)
			break;
		p++;
		left--;
	}
	iconv_close(cd);
	return true;
}

static bool
is_one_of(const char *s, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcasecmp(s, *names) == 0)
			return true;
	return false;
}

bool
text_to_utf8(const char *charset, struct slice in, struct buf *ret)
{
	static const char *const utf8[] = { "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968", "unicode-1-1-utf-8",
		"", NULL };
	static const char *const latin1[] = { "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252", NULL };
	uint32_t c;

	if (charset != NULL && is_one_of(charset, latin1)) {
		from_windows_1252(in, ret);
		return true;
	}
	if (charset != NULL && !is_one_of(charset, utf8))
		return from_iconv(charset, in, ret);
	buf_reserve(ret, in.n);
	for (size_t i = 0; i < in.n;) {
		size_t run = plain_run(in, i);

		buf_append(ret, in.p + i, run);
		i += run;
		if (i == in.n)
			break;
		i += utf8_get(in.p + i, in.n - i, &c);
		utf8_put(ret, c);
	}
	return true;
}

void
text_normalise(struct slice in, struct buf *ret)
{
	uint32_t c;

	buf_reserve(ret, in.n);
	for (size_t i = 0; i < in.n;) {
		size_t run = plain_run(in, i), at = i + run;

		buf_append(ret, in.p + i, run);
		i = at;
		if (i == in.n)
			break;
		i += utf8_get(in.p + i, in.n - i, &c);
		if (c == '\r') {
			if (at + 1 < in.n && in.p[at + 1] == '\n')
				continue;
			c = '\n';
		}
		utf8_put(ret, c == 0 ? REPLACEMENT : c);
	}
}

/* Draws nothing, or turns what follows: the text would not read as it is. */
static bool
is_invisible(uint32_t c)
{
	return c == 0xAD || c == 0x34F || c == 0x61C || c == 0x115F || c == 0x1160 || c == 0x17B4 || c == 0x17B5 ||
	       (c >= 0x180B && c <= 0x180E) || c == 0x200B || c == 0x200E || c == 0x200F ||
	       (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || c == 0xFEFF ||
	       c == 0xFFA0 || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0x1D173 && c <= 0x1D17A) ||
	       (c >= 0xE0000 && c <= 0xE0FFF);
}

void
text_clean(struct slice in, struct buf *ret)
{
	uint32_t c, before = '\n', after;

	buf_reserve(ret, in.n);
	for (size_t i = 0; i < in.n;) {
		size_t run = plain_run(in, i), at = i + run;

		if (run > 0)
			before = (unsigned char)in.p[at - 1];
		buf_append(ret, in.p + i, run);
		i = at;
		if (i == in.n)
			break;
		i += utf8_get(in.p + i, in.n - i, &c);
		if (c == '\r' && i < in.n && in.p[i] == '\n')
			continue;
		if (c == '\r' || c == 0x0B || c == 0x0C || c == 0x85 || c == 0x2028 || c == 0x2029)
			c = '\n';
		if (c == 0)
			c = REPLACEMENT;
		if ((c < ' ' && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) || is_invisible(c))
			continue;
		if (c == 0x200C || c == 0x200D) {
			/* Joiners make emoji and Indic or Persian words; inside a Latin word they only hide it. */
			after = 0;
			if (i < in.n)
				utf8_get(in.p + i, in.n - i, &after);
			if (before < 0x300 || after < 0x300 || at == 0)
				continue;
		}
		utf8_put(ret, c);
		before = c;
	}
}

/* No more than max bytes, and no broken character at the end. */
static void
cut_at(struct buf *b, size_t max)
{
	if (b->n <= max)
		return;
	while (max > 0 && ((unsigned char)b->p[max] & 0xC0) == 0x80)
		max--;
	b->n = max;
	b->p[max] = '\0';
}

void
text_clean_line(struct slice in, size_t max, struct buf *ret)
{
	AUTO_BUF tmp = BUF_INIT;
	struct slice s;

	text_clean(in, &tmp);
	for (size_t i = 0; i < tmp.n; i++)
		if (tmp.p[i] == '\n' || tmp.p[i] == '\t')
			tmp.p[i] = ' ';
	cut_at(&tmp, max);
	s = slice_trim(buf_slice(&tmp));
	buf_append(ret, s.p, s.n);
}

void
text_file_name(struct slice in, struct buf *ret)
{
	AUTO_BUF name = BUF_INIT;
	struct slice s, ext = { "", 0 };

	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] == '/' || in.p[i] == '\\')
			in = (struct slice){ in.p + i + 1, in.n - i - 1 }, i = (size_t)-1;
	text_clean_line(in, in.n * 3 + 1, &name);
	for (size_t i = 0; i < name.n; i++)
		if (strchr("\"*:<>?|;`$&'", name.p[i]) != NULL)
			name.p[i] = '_';
	s = buf_slice(&name);
	while (s.n > 0 && (s.p[0] == '.' || s.p[0] == ' ' || s.p[0] == '-'))
		s.p++, s.n--;
	while (s.n > 0 && (s.p[s.n - 1] == '.' || s.p[s.n - 1] == ' '))
		s.n--;
	for (size_t i = s.n; i-- > 0 && s.n - i <= EXTENSION_MAX;)
		if (s.p[i] == '.' && i > 0) {
			ext = (struct slice){ s.p + i, s.n - i };
			break;
		}
	if (s.n == 0) {
		buf_puts(ret, "attachment");
	} else if (s.n <= FILE_NAME_MAX) {
		buf_append(ret, s.p, s.n);
	} else {
		AUTO_BUF stem = BUF_INIT;

		buf_append(&stem, s.p, s.n - ext.n);
		cut_at(&stem, FILE_NAME_MAX - ext.n);
		buf_append(ret, stem.p, stem.n);
		buf_append(ret, ext.p, ext.n);
	}
}
