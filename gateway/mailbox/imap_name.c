#include "mailbox/imap_name.h"

#include "base/buf.h"
#include "base/own.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* The next character of well-formed UTF-8 (RFC 3629), or UINT32_MAX. Moves *s behind it. */
static uint32_t
utf8_next(const char **s)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*s;
	uint32_t c = *p;
	int more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : -1;

	if (more < 0)
		return UINT32_MAX;
	if (more > 0)
		c &= 0x3fu >> more;
	for (int i = 1; i <= more; i++) {
		if (p[i] >> 6 != 2)
			return UINT32_MAX;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return UINT32_MAX;
	*s += more + 1;
	return c;
}

static void
utf8_put(struct buf *b, uint32_t c)
{
	if (c >= 0x10000) {
		buf_putc(b, (char)(0xf0 | c >> 18));
		buf_putc(b, (char)(0x80 | (c >> 12 & 0x3f)));
	} else if (c >= 0x800) {
		buf_putc(b, (char)(0xe0 | c >> 12));
	}
	if (c >= 0x800)
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	else
		buf_putc(b, (char)(0xc0 | c >> 6));
	buf_putc(b, (char)(0x80 | (c & 0x3f)));
}

/* A run of 16-bit units as base64: bits wait in acc until there are six. */
struct run {
	uint32_t acc;
	int bits;
};

static void
run_put(struct buf *b, struct run *r, uint32_t unit)
{
	r->acc = r->acc << 16 | unit;
	for (r->bits += 16; r->bits >= 6; r->bits -= 6)
		buf_putc(b, alphabet[r->acc >> (r->bits - 6) & 0x3f]);
	r->acc &= (1u << r->bits) - 1;
}

static void
run_end(struct buf *b, struct run *r)
{
	if (r->bits > 0)
		buf_putc(b, alphabet[r->acc << (6 - r->bits) & 0x3f]);
	buf_putc(b, '-');
	*r = (struct run){ 0, 0 };
}

bool
imap_name_encode(const char *utf8, char **ret)
{
	AUTO_BUF b = BUF_INIT;
	struct run r = { 0, 0 };
	bool in_run = false;

	while (*utf8 != '\0') {
		uint32_t c = utf8_next(&utf8);

		if (c == UINT32_MAX || c < 0x20 || (c >= 0x7f && c < 0xa0))
			return false;
		if (c < 0x7f) {
			if (in_run)
				run_end(&b, &r);
			in_run = false;
			buf_putc(&b, (char)c);
			if (c == '&')
				buf_putc(&b, '-');
			continue;
		}
		if (!in_run)
			buf_putc(&b, '&');
		in_run = true;
		if (c >= 0x10000)
			run_put(&b, &r, 0xd800 + ((c - 0x10000) >> 10));
		run_put(&b, &r, c >= 0x10000 ? 0xdc00 + ((c - 0x10000) & 0x3ff) : c);
	}
	if (in_run)
		run_end(&b, &r);
	*ret = buf_take(&b);
	return true;
}

/* "&...-" behind its ampersand; moves *s behind the "-". */
static bool
decode_run(const char **s, struct buf *b)
{
	uint32_t acc = 0, high = 0;
	int bits = 0;

	for (; **s != '-'; ++*s) {
		const char *at = **s != '\0' ? strchr(alphabet, **s) : NULL;
		uint32_t unit;

		if (at == NULL)
			return false;
		acc = acc << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits < 16)
			continue;
		bits -= 16;
		unit = acc >> bits;
		acc &= (1u << bits) - 1;
		if (high != 0 && (unit < 0xdc00 || unit > 0xdfff))
			return false;
		if (high == 0 && unit >= 0xdc00 && unit <= 0xdfff)
			return false;
		if (high == 0 && unit >= 0xd800 && unit < 0xdc00) {
			high = unit;
			continue;
		}
		if (high == 0 && unit < 0x80)
			return false;
		utf8_put(b, high != 0 ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
		high = 0;
	}
	++*s;
	return high == 0 && acc == 0;
}

bool
imap_name_decode(const char *wire, char **ret)
{
	AUTO_BUF b = BUF_INIT;
	AUTO_STR again = NULL;
	const char *s = wire;

	while (*s != '\0') {
		if (*s < 0x20 || *s > 0x7e)
			return false;
		if (*s != '&') {
			buf_putc(&b, *s++);
		} else if (s[1] == '-') {
			buf_putc(&b, '&');
			s += 2;
		} else {
			s++;
			if (!decode_run(&s, &b))
				return false;
		}
	}
	/* Two spellings of one name would be two folders to us and one to the server. */
	if (!imap_name_encode(buf_str(&b), &again) || strcmp(again, wire) != 0)
		return false;
	*ret = buf_take(&b);
	return true;
}
