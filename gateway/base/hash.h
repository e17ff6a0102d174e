/*
 * hash -- digests, random references and their text forms.
 *
 * Threads: any. A failing random source or digest ends the process: nothing here may go on with a guess.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 32		     /* SHA-256 (FIPS 180-4) */
#define HASH_HEX (2 * HASH_SIZE + 1) /* with its NUL */

void sha256(const void *p, size_t n, uint8_t ret[HASH_SIZE]);
/* RFC 2104 over SHA-256. */
void hmac_sha256(const uint8_t *key, size_t nkey, const void *p, size_t n, uint8_t ret[HASH_SIZE]);
bool bytes_equal(const void *a, const void *b, size_t n); /* in constant time */

void hex_encode(const uint8_t *p, size_t n, char *ret); /* ret holds 2 * n + 1 */
bool hex_decode(const char *s, uint8_t *ret, size_t n); /* exactly 2 * n digits */
/* Lower-case base32 of RFC 4648 without padding; ret holds (n * 8 + 4) / 5 + 1. */
void base32_encode(const uint8_t *p, size_t n, char *ret);
/* Either case. Returns the bytes written (at most max), or -1 for a character outside the alphabet. */
int base32_decode(const char *s, size_t n, uint8_t *ret, size_t max);

void random_bytes(void *p, size_t n);
/* n characters of Crockford's alphabet (no I, L, O, U), then NUL: what people read out over the telephone. */
void random_ref(char *ret, size_t n);

#endif
