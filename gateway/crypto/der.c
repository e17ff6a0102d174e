#include "crypto/der.h"

#include "base/clock.h"
#include "base/own.h"

#include <stdlib.h>
#include <string.h>

#define CONSTRUCTED 0x20

struct head {
	uint8_t tag;
	bool indefinite, sloppy; /* sloppy: a longer length than DER writes */
	size_t n;
};

static bool
head_read(struct der *in, struct head *ret)
{
	struct head h = { 0 };
	size_t bytes;

	if (in->n < 2)
		return false;
	h.tag = in->p[0];
	/* Tag numbers above 30 occur nowhere in CMS; tag 0 is the end-of-contents mark. */
	if ((h.tag & 0x1f) == 0x1f || h.tag == 0)
		return false;
	bytes = in->p[1];
	in->p += 2, in->n -= 2;
	if (bytes < 0x80) {
		h.n = bytes;
	} else if (bytes == 0x80) {
		if ((h.tag & CONSTRUCTED) == 0)
			return false;
		h.indefinite = true;
	} else {
		bytes &= 0x7f;
		if (bytes > 4 || bytes > in->n)
			return false;
		h.sloppy = in->p[0] == 0;
		for (size_t i = 0; i < bytes; i++)
			h.n = h.n << 8 | in->p[i];
		h.sloppy |= h.n < 0x80;
		in->p += bytes, in->n -= bytes;
	}
	if (!h.indefinite && h.n > in->n)
		return false;
	*ret = h;
	return true;
}

/* Two walks in the same order: measure() notes the content length of each constructed value, emit() uses them. */
struct norm {
	size_t *len, nlen, cap, at;
	bool ber;
	bool too_deep;
	struct buf *out;
};

static bool
is_end(const struct der *in)
{
	return in->n >= 2 && in->p[0] == 0 && in->p[1] == 0;
}

/* Only OCTET STRINGs come in pieces in real mail; other strings in pieces are refused. */
static bool
pieces_allowed(uint8_t tag)
{
	return tag == (DER_OCTETS | CONSTRUCTED) || tag == DER_SEQ || tag == DER_SET || (tag & 0xc0) == 0x80;
}

static bool
measure(struct norm *m, struct der *in, unsigned depth, uint8_t *ret_tag, size_t *ret)
{
	struct head h;
	struct der body;
	size_t slot, sum = 0;
	bool joins;

	if (depth > DER_DEPTH) {
		m->too_deep = true;
		return false;
	}
	if (!head_read(in, &h))
		return false;
	*ret_tag = h.tag;
	m->ber |= h.sloppy || h.indefinite;
	if ((h.tag & CONSTRUCTED) == 0) {
		in->p += h.n, in->n -= h.n;
		*ret = h.n;
		return true;
	}
	if (!pieces_allowed(h.tag) || m->nlen == DER_CONSTRUCTED)
		return false;
	joins = h.tag == (DER_OCTETS | CONSTRUCTED);
	m->ber |= joins;
	if (m->nlen == m->cap) {
		m->cap = m->cap != 0 ? 2 * m->cap : 64;
		m->len = xreallocarray(m->len, m->cap, sizeof *m->len);
	}
	slot = m->nlen++;
	body = h.indefinite ? *in : (struct der){ in->p, h.n };
	while (h.indefinite ? !is_end(&body) : body.n > 0) {
		uint8_t tag;
		size_t n;

		if (!measure(m, &body, depth + 1, &tag, &n))
			return false;
		if (joins && (tag & ~CONSTRUCTED) != DER_OCTETS)
			return false;
		sum += joins ? n : der_size(n);
	}
	if (h.indefinite) {
		in->p = body.p + 2;
		in->n = body.n - 2;
	} else {
		in->p += h.n, in->n -= h.n;
	}
	m->len[slot] = sum;
	*ret = sum;
	return true;
}

/* The second walk over bytes that measure() accepted; bare: the content alone, for a piece of a longer string. */
static void
emit(struct norm *m, struct der *in, bool bare)
{
	struct head h;
	struct der body;
	bool joins;
	size_t n;

	if (!head_read(in, &h))
		return;
	if ((h.tag & CONSTRUCTED) == 0) {
		if (!bare)
			der_head(m->out, h.tag, h.n);
		buf_append(m->out, in->p, h.n);
		in->p += h.n, in->n -= h.n;
		return;
	}
	joins = h.tag == (DER_OCTETS | CONSTRUCTED);
	n = m->len[m->at++];
	if (!bare)
		der_head(m->out, joins ? DER_OCTETS : h.tag, n);
	body = h.indefinite ? *in : (struct der){ in->p, h.n };
	while (h.indefinite ? !is_end(&body) : body.n > 0)
		emit(m, &body, joins);
	if (h.indefinite) {
		in->p = body.p + 2;
		in->n = body.n - 2;
	} else {
		in->p += h.n, in->n -= h.n;
	}
}

enum der_check
der_from_ber(struct der in, struct buf *tmp, struct der *ret)
{
	struct norm m = { .out = tmp };
	struct der walk = in;
	enum der_check got = DER_GOOD;
	uint8_t tag;
	size_t n;

	if (!measure(&m, &walk, 0, &tag, &n) || walk.n != 0) {
		got = m.too_deep ? DER_TOO_DEEP : DER_MALFORMED;
	} else if (!m.ber) {
		*ret = in;
	} else {
		buf_clear(tmp);
		buf_reserve(tmp, der_size(n));
		walk = in;
		emit(&m, &walk, false);
		*ret = (struct der){ (const uint8_t *)buf_str(tmp), tmp->n };
	}
	free(m.len);
	return got;
}

bool
der_any(struct der *in, uint8_t *tag, struct der *ret, struct der *whole)
{
	struct der rest = *in;
	struct head h;

	if (!head_read(&rest, &h) || h.indefinite || h.sloppy)
		return false;
	if (tag != NULL)
		*tag = h.tag;
	if (ret != NULL)
		*ret = (struct der){ rest.p, h.n };
	if (whole != NULL)
		*whole = (struct der){ in->p, (size_t)(rest.p - in->p) + h.n };
	in->p = rest.p + h.n;
	in->n = rest.n - h.n;
	return true;
}

bool
der_is(const struct der *in, uint8_t tag)
{
	return in->n > 0 && in->p[0] == tag;
}

bool
der_next(struct der *in, uint8_t tag, struct der *ret)
{
	return der_is(in, tag) && der_any(in, NULL, ret, NULL);
}

bool
der_optional(struct der *in, uint8_t tag, struct der *ret)
{
	return der_next(in, tag, ret);
}

bool
der_small(struct der *in, unsigned *ret)
{
	struct der v;

	if (!der_next(in, DER_INTEGER, &v) || v.n == 0 || v.n > 3 || (v.p[0] & 0x80) != 0)
		return false;
	if (v.n == 3 && v.p[0] != 0)
		return false;
	*ret = 0;
	for (size_t i = 0; i < v.n; i++)
		*ret = *ret << 8 | v.p[i];
	return true;
}

bool
der_equal(struct der a, struct der b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool
two_digits(const uint8_t *p, int lo, int hi, int *ret)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*ret = (p[0] - '0') * 10 + (p[1] - '0');
	return *ret >= lo && *ret <= hi;
}

bool
der_time(uint8_t tag, struct der v, int64_t *ret)
{
	int century = 0, y, mon, d, h, min, s;
	const uint8_t *p = v.p;

	if (tag == DER_GENTIME && v.n == 15) {
		if (!two_digits(p, 0, 99, &century))
			return false;
		p += 2;
	} else if (tag != DER_UTCTIME || v.n != 13) {
		return false;
	}
	if (!two_digits(p, 0, 99, &y) || !two_digits(p + 2, 1, 12, &mon) || !two_digits(p + 4, 1, 31, &d) ||
	    !two_digits(p + 6, 0, 23, &h) || !two_digits(p + 8, 0, 59, &min) || !two_digits(p + 10, 0, 60, &s) ||
	    p[12] != 'Z')
		return false;
	if (tag == DER_GENTIME)
		y += century * 100;
	else
		y += y >= 50 ? 1900 : 2000;
	*ret = days_from_civil(y, mon, d) * 86400 + h * 3600 + min * 60 + s;
	return true;
}

static size_t
length_bytes(size_t n)
{
	size_t bytes = 1;

	if (n < 0x80)
		return 1;
	for (; n > 0; n >>= 8)
		bytes++;
	return bytes;
}

size_t
der_size(size_t n)
{
	return 1 + length_bytes(n) + n;
}

static size_t
head_make(uint8_t tag, size_t n, uint8_t ret[10])
{
	size_t bytes = length_bytes(n);

	ret[0] = tag;
	if (bytes == 1) {
		ret[1] = (uint8_t)n;
		return 2;
	}
	ret[1] = (uint8_t)(0x80 | (bytes - 1));
	for (size_t i = 1; i < bytes; i++)
		ret[1 + i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	return 1 + bytes;
}

void
der_head(struct buf *b, uint8_t tag, size_t n)
{
	uint8_t head[10];

	buf_append(b, head, head_make(tag, n, head));
}

void
der_put(struct buf *b, uint8_t tag, struct der v)
{
	der_head(b, tag, v.n);
	buf_append(b, v.p, v.n);
}

void
der_raw(struct buf *b, struct der v)
{
	buf_append(b, v.p, v.n);
}

void
der_wrap(struct buf *b, size_t from, uint8_t tag)
{
	uint8_t head[10];
	size_t n = b->n - from, h = head_make(tag, n, head);

	buf_append(b, head, h); /* makes room */
	memmove(b->p + from + h, b->p + from, n);
	memcpy(b->p + from, head, h);
}
