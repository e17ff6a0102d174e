/*
 * base64 -- RFC 2045 6.8 bodies, fast enough not to be seen beside the cipher.
 */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include "base/buf.h"

/* Lines of 76 columns, appended to ret; the last line ends with CRLF too. Nothing for nothing. */
void base64_lines(const void *p, size_t n, struct buf *ret);
/* Strictly: the alphabet, blanks and line ends, padding at the end only. out holds in.n / 4 * 3 + 3 bytes. */
bool base64_read(struct slice in, uint8_t *out, size_t *ret);

#endif
