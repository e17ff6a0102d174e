#include "crypto/base64.h"

#include <pthread.h>
#include <string.h>

#define LINE_BYTES 57 /* 76 columns */

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Twelve bits at once: half the look-ups of the table everybody writes. */
static char pair[4096][2];
enum { SKIP = 64, PAD = 65, JUNK = 128 };
static uint8_t value[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fill(void)
{
	for (size_t i = 0; i < 4096; i++) {
		pair[i][0] = digit[i >> 6];
		pair[i][1] = digit[i & 63];
	}
	memset(value, JUNK, sizeof value);
	for (size_t i = 0; i < 64; i++)
		value[(uint8_t)digit[i]] = (uint8_t)i;
	value['\r'] = value['\n'] = value[' '] = value['\t'] = SKIP;
	value['='] = PAD;
}

static char *
whole_triples(const uint8_t *p, size_t n, char *out)
{
	for (; n >= 3; p += 3, n -= 3, out += 4) {
		unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];

		memcpy(out, pair[v >> 12], 2);
		memcpy(out + 2, pair[v & 4095], 2);
	}
	return out;
}

static char *
last_triple(const uint8_t *p, size_t n, char *out)
{
	unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0);

	memcpy(out, pair[v >> 12], 2);
	out[2] = n > 1 ? digit[v >> 6 & 63] : '=';
	out[3] = '=';
	return out + 4;
}

void
base64_lines(const void *data, size_t n, struct buf *ret)
{
	const uint8_t *p = data;
	char *out;

	pthread_once(&once, fill);
	buf_reserve(ret, (n + LINE_BYTES - 1) / LINE_BYTES * 78);
	out = ret->p + ret->n;
	while (n > 0) {
		size_t line = n < LINE_BYTES ? n : LINE_BYTES, rest = line % 3;

		out = whole_triples(p, line, out);
		if (rest > 0)
			out = last_triple(p + line - rest, rest, out);
		*out++ = '\r';
		*out++ = '\n';
		p += line, n -= line;
	}
	ret->n = (size_t)(out - ret->p);
	ret->p[ret->n] = '\0';
}

bool
base64_read(struct slice in, uint8_t *out, size_t *ret)
{
	const uint8_t *p = (const uint8_t *)in.p, *end = p + in.n;
	uint8_t *start = out;
	unsigned acc = 0, have = 0, pad = 0;

	pthread_once(&once, fill);
	while (p < end) {
		unsigned v;

		/* Whole groups within a line: nearly everything. */
		if (have == 0 && pad == 0) {
			while (end - p >= 4) {
				unsigned a = value[p[0]], b = value[p[1]], c = value[p[2]], d = value[p[3]];

				if ((a | b | c | d) >= SKIP)
					break;
				acc = a << 18 | b << 12 | c << 6 | d;
				*out++ = (uint8_t)(acc >> 16);
				*out++ = (uint8_t)(acc >> 8);
				*out++ = (uint8_t)acc;
				p += 4;
			}
			acc = 0;
			if (p == end)
				break;
		}
		v = value[*p++];
		if (v == SKIP)
			continue;
		if (v == PAD) {
			if (have < 2 || have + ++pad > 4)
				return false;
			continue;
		}
		if (v == JUNK || pad > 0)
			return false;
		acc = acc << 6 | v;
		if (++have == 4) {
			*out++ = (uint8_t)(acc >> 16);
			*out++ = (uint8_t)(acc >> 8);
			*out++ = (uint8_t)acc;
			have = 0;
			acc = 0;
		}
	}
	if (have > 0) {
		if (have + pad != 4)
			return false;
		acc <<= 6 * pad;
		*out++ = (uint8_t)(acc >> 16);
		if (have == 3)
			*out++ = (uint8_t)(acc >> 8);
	}
	*ret = (size_t)(out - start);
	return true;
}
