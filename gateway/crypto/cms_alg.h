/*
 * cms_alg -- which algorithms a strange CMS may use, and what they are called (RFC 5754, RFC 8017, RFC 5753, RFC 5084).
 *
 * Each function answers R_NONE and fills *ret, or R_WEAK_*, R_UNSUPPORTED_ALG, R_MALFORMED. alg: the content of an
 * AlgorithmIdentifier. Strings are literals.
 */
#ifndef CRYPTO_CMS_ALG_H
#define CRYPTO_CMS_ALG_H

#include "crypto/cms.h"

struct cms_digest {
	const char *name; /* for people: "sha256" */
	const char *md;	  /* for OpenSSL: "SHA256" */
	size_t size;
};
/* SHA-256, -384, -512; SHA-1 too where weak_ok says that nobody signs with it (OAEP, key derivation). */
enum reason alg_digest(struct der alg, bool weak_ok, struct cms_digest *ret);

enum sig_kind { SIG_PKCS1, SIG_PSS, SIG_ECDSA };
struct cms_sig {
	enum sig_kind kind;
	int salt;	    /* PSS */
	const char *mgf_md; /* PSS */
};
enum reason alg_signature(struct der alg, const struct cms_digest *, struct cms_sig *ret);

struct cms_cipher {
	const char *name; /* "aes-256-cbc"; also OpenSSL's name */
	size_t key_bytes;
	bool gcm;
	struct der iv;
};
/* ret->name is filled for weak ciphers too. */
enum reason alg_cipher(struct der alg, struct cms_cipher *ret);

/* How a content key was wrapped; fills all of *ret but wrapped and point. shared_info: storage for its DER. */
enum reason alg_wrap(const struct cms_recipient *, struct key_wrap *ret, struct buf *shared_info);

#endif
