#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static const char base32_alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void
sha256(const void *p, size_t n, uint8_t ret[HASH_SIZE])
{
	if (EVP_Digest(p, n, ret, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void
hmac_sha256(const uint8_t *key, size_t nkey, const void *p, size_t n, uint8_t ret[HASH_SIZE])
{
	if (HMAC(EVP_sha256(), key, (int)nkey, p, n, ret, NULL) == NULL)
		abort();
}

bool
bytes_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
hex_encode(const uint8_t *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_decode(const char *s, uint8_t *ret, size_t n)
{
	if (strlen(s) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_value(s[2 * i]), lo = hex_value(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		ret[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

void
base32_encode(const uint8_t *p, size_t n, char *ret)
{
	unsigned acc = 0, bits = 0;

	for (size_t i = 0; i < n; i++) {
		acc = (acc << 8 | p[i]) & 0xffff;
		for (bits += 8; bits >= 5; bits -= 5)
			*ret++ = base32_alphabet[acc >> (bits - 5) & 31];
	}
	if (bits > 0)
		*ret++ = base32_alphabet[acc << (5 - bits) & 31];
	*ret = '\0';
}

int
base32_decode(const char *s, size_t n, uint8_t *ret, size_t max)
{
	unsigned acc = 0, bits = 0;
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		char c = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
		const char *at = c != '\0' ? strchr(base32_alphabet, c) : NULL;

		if (at == NULL)
			return -1;
		acc = (acc << 5 | (unsigned)(at - base32_alphabet)) & 0xffff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			if (out == max)
				return -1;
			ret[out++] = (uint8_t)(acc >> bits);
		}
	}
	return (int)out;
}

void
random_bytes(void *p, size_t n)
{
	if (RAND_bytes(p, (int)n) != 1)
		abort();
}

void
random_ref(char *ret, size_t n)
{
	uint8_t raw[64];

	for (size_t i = 0; i < n; i++) {
		if (i % sizeof raw == 0)
			random_bytes(raw, sizeof raw);
		ret[i] = crockford[raw[i % sizeof raw] & 31];
	}
	ret[n] = '\0';
}
