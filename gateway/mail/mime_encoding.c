#include "mail/entity.h"
#include "mail/entity_in.h"

#include <string.h>
#include <strings.h>

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* RFC 2045 6.7. Blanks at the end of a line were added in transit; a line end of the text stays as it was received. */
static bool
decode_quoted_printable(struct slice in, struct buf *ret)
{
	size_t at = 0;

	buf_reserve(ret, in.n);
	while (at < in.n) {
		struct line l = line_at(in, at);
		size_t end = l.end;
		bool soft;

		while (end > at && (in.p[end - 1] == ' ' || in.p[end - 1] == '\t'))
			end--;
		soft = end > at && in.p[end - 1] == '=';
		end -= soft;
		for (; at < end; at++) {
			unsigned char c = (unsigned char)in.p[at];
			int hi, lo;

			if (c != '=') {
				if ((c < ' ' && c != '\t') || c > '~')
					return false;
				buf_putc(ret, (char)c);
				continue;
			}
			if (end - at < 3)
				return false;
			hi = hex_value(in.p[at + 1]);
			lo = hex_value(in.p[at + 2]);
			if (hi < 0 || lo < 0)
				return false;
			buf_putc(ret, (char)(hi << 4 | lo));
			at += 2;
		}
		if (!soft)
			buf_append(ret, in.p + l.end, l.next - l.end);
		at = l.next;
	}
	return true;
}

/* RFC 2045 6.8, without its permission to ignore what is not in the alphabet. */
bool
base64_get(struct slice in, struct buf *ret)
{
	uint32_t acc = 0;
	unsigned have = 0, pad = 0;

	buf_reserve(ret, in.n / 4 * 3 + 3);
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		unsigned v;

		if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
			continue;
		if (c == '=') {
			if (have + pad == 4 || have < 2)
				return false;
			pad++;
			continue;
		}
		if (pad > 0)
			return false;
		if (c >= 'A' && c <= 'Z')
			v = c - 'A';
		else if (c >= 'a' && c <= 'z')
			v = c - 'a' + 26u;
		else if (c >= '0' && c <= '9')
			v = c - '0' + 52u;
		else if (c == '+' || c == '/')
			v = c == '+' ? 62 : 63;
		else
			return false;
		acc = acc << 6 | v;
		if (++have == 4) {
			char out[3] = { (char)(acc >> 16), (char)(acc >> 8), (char)acc };

			buf_append(ret, out, 3);
			have = 0;
			acc = 0;
		}
	}
	if (have == 0)
		return pad == 0;
	if (have + pad != 4)
		return false;
	acc <<= 6 * pad;
	buf_putc(ret, (char)(acc >> 16));
	if (have == 3)
		buf_putc(ret, (char)(acc >> 8));
	return true;
}

void
base64_put(struct slice in, size_t line, struct buf *ret)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)in.p;
	size_t column = 0;

	buf_reserve(ret, (in.n + 2) / 3 * 4 + (line > 0 ? in.n * 4 / 3 / line * 2 + 2 : 0));
	for (size_t i = 0; i < in.n; i += 3) {
		size_t have = in.n - i < 3 ? in.n - i : 3;
		uint32_t v =
		    (uint32_t)p[i] << 16 | (have > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (have > 2 ? p[i + 2] : 0);
		char out[4] = { digits[v >> 18], digits[v >> 12 & 63], have > 1 ? digits[v >> 6 & 63] : '=',
			have > 2 ? digits[v & 63] : '=' };

		if (line > 0 && column + 4 > line) {
			buf_append(ret, "\r\n", 2);
			column = 0;
		}
		buf_append(ret, out, 4);
		column += 4;
	}
}

static bool
needs_quoting(struct slice in, size_t at, size_t line_start, bool last)
{
	unsigned char c = (unsigned char)in.p[at];

	if (c == ' ' || c == '\t')
		return last;
	if (c < ' ' || c > '~' || c == '=')
		return true;
	if (at != line_start)
		return false;
	/* A mail store may write ">From ", and "." alone ends a message for SMTP. */
	return (c == 'F' && in.n - at >= 5 && memcmp(in.p + at, "From ", 5) == 0) || (c == '.' && last);
}

void
quoted_printable_put(struct slice in, struct buf *ret)
{
	size_t column = 0, start = 0;

	buf_reserve(ret, in.n + in.n / 8);
	for (size_t i = 0; i < in.n; i++) {
		bool last = i + 1 == in.n || in.p[i + 1] == '\n';
		bool quote;

		if (in.p[i] == '\n') {
			buf_append(ret, "\r\n", 2);
			column = 0;
			start = i + 1;
			continue;
		}
		quote = needs_quoting(in, i, start, last);
		/* 75 and the "=" of a soft line break make 76. */
		if (column + (quote ? 3 : 1) > 75) {
			buf_append(ret, "=\r\n", 3);
			column = 0;
		}
		/* After a soft break the line begins anew for whoever looks at lines. */
		if (column == 0 && !quote)
			quote = needs_quoting(in, i, i, last);
		if (quote)
			buf_printf(ret, "=%02X", (unsigned char)in.p[i]);
		else
			buf_putc(ret, in.p[i]);
		column += quote ? 3 : 1;
	}
}

enum status
mime_decode(const struct entity *e, struct buf *ret, struct err *err)
{
	static const char *const identity[] = { "", "7bit", "8bit", "binary" };
	struct slice name = { "", 0 };
	AUTO_BUF out = BUF_INIT;
	bool ok;

	if (entity_count(e, "Content-Transfer-Encoding") > 1)
		return err_set(err, ST_MSG_REFUSED, "mime.encoding", "transfer encoding given twice");
	for (size_t i = 0; i < e->nfields; i++)
		if (slice_caseeq(e->fields[i].name, "Content-Transfer-Encoding"))
			name = slice_trim(e->fields[i].value);
	for (size_t i = 0; i < sizeof identity / sizeof *identity; i++)
		if (slice_caseeq(name, identity[i])) {
			buf_append(ret, e->body.p, e->body.n);
			return ST_OK;
		}
	if (slice_caseeq(name, "quoted-printable"))
		ok = decode_quoted_printable(e->body, &out);
	else if (slice_caseeq(name, "base64"))
		ok = base64_get(e->body, &out);
	else
		return err_set(err, ST_MSG_REFUSED, "mime.encoding", "transfer encoding is not known");
	if (!ok)
		return err_set(err, ST_MSG_REFUSED, "mime.encoding", "body is not what its transfer encoding says");
	buf_append(ret, out.p, out.n);
	return ST_OK;
}
