/*
 * ec -- ephemeral-static ECDH for CMS (RFC 5753): X9.63 KDF and AES key wrap, both ways.
 *
 * Threads: any. Curves: P-256 and P-384.
 */
#ifndef CRYPTO_EC_H
#define CRYPTO_EC_H

#include "crypto/der.h"
#include "crypto/keys.h"

/* ECC-CMS-SharedInfo: the AlgorithmIdentifier of the key wrap exactly as the RecipientInfo has it, its key size, and
 * the user keying material or none. */
void ec_shared_info(struct der wrap_alg, int wrap_bits, struct slice ukm, struct buf *ret);
/* A new ephemeral key on the recipient's curve, AES-256 key wrap; its point and the wrapped content key are appended.
 */
bool ec_wrap(
    EVP_PKEY *recipient, const char *md, const uint8_t *cek, size_t n, struct buf *ret_point, struct buf *ret_wrapped);
/* False when it does not open; the point is checked to be on the curve. */
bool ec_unwrap(EVP_PKEY *own, const struct key_wrap *, uint8_t *ret, size_t n);

#endif
