#include "crypto/base64.h"

#include <pthread.h>
#include <string.h>

#define LINE_BYTES 57 /* 76 columns */

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Twelve bits at once: half the look-ups of the table everybody writes. */
static char pair[4096][2];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fill(void)
{
	for (size_t i = 0; i < 4096; i++) {
		pair[i][0] = digit[i >> 6];
		pair[i][1] = digit[i & 63];
	}
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
