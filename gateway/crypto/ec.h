/*
 * ec -- ephemeral-static ECDH for CMS (RFC 5753): X9.63 KDF and AES key wrap, both ways.
 *
 * Threads: any. Curves: P-256 and P-384.
 */
#ifndef CRYPTO_EC_H
#define CRYPTO_EC_H

#include "crypto/keys.h"

/* ECC-CMS-SharedInfo with AES key wrap of wrap_bits, and the user keying material of the RecipientInfo or none. */
void ec_shared_info(int wrap_bits, struct slice ukm, struct buf *ret);
/* A new ephemeral key on the recipient's curve; its point and the wrapped content key are appended. */
bool ec_wrap(EVP_PKEY *recipient, const char *md, int wrap_bits, const uint8_t *cek, size_t n, struct buf *ret_point,
    struct buf *ret_wrapped);
/* False when it does not open; the point is checked to be on the curve. */
bool ec_unwrap(EVP_PKEY *own, const struct key_wrap *, uint8_t *ret, size_t n);

#endif
