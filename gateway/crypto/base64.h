/*
 * base64 -- RFC 2045 6.8 body lines of 76 columns with CRLF, fast enough not to be seen beside the cipher.
 */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include "base/buf.h"

/* Appended to ret; the last line ends with CRLF too. Nothing for nothing. */
void base64_lines(const void *p, size_t n, struct buf *ret);

#endif
