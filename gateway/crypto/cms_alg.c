#include "crypto/cms_alg.h"

#include "base/own.h"
#include "crypto/ec.h"

#include <string.h>

#define OID(s)                                                                                                         \
	{                                                                                                              \
		(const uint8_t *)(s), sizeof(s) - 1                                                                    \
	}

enum standing { GOOD, SHA1_ONLY, WEAK };

static const struct {
	struct der oid;
	struct cms_digest digest;
	enum standing standing;
} digests[] = {
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01"), { "sha256", "SHA256", 32 }, GOOD },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x02\x02"), { "sha384", "SHA384", 48 }, GOOD },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x02\x03"), { "sha512", "SHA512", 64 }, GOOD },
	{ OID("\x2b\x0e\x03\x02\x1a"), { "sha1", "SHA1", 20 }, SHA1_ONLY },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x02\x04"), { "sha224", "SHA224", 28 }, WEAK },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x02\x05"), { "md5", "MD5", 16 }, WEAK },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x02\x04"), { "md4", "MD4", 16 }, WEAK },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x02\x02"), { "md2", "MD2", 16 }, WEAK },
	{ OID("\x2b\x24\x03\x02\x01"), { "rmd160", "RIPEMD160", 20 }, WEAK },
};

/* Signature algorithms that name their digest; it must be the one the signer says (RFC 5652 5.3). */
static const struct {
	struct der oid;
	enum sig_kind kind;
	const char *md; /* NULL: whatever the signer says; "": one that is too weak */
} signatures[] = {
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), SIG_PKCS1, NULL },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), SIG_PKCS1, "SHA256" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"), SIG_PKCS1, "SHA384" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"), SIG_PKCS1, "SHA512" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), SIG_PSS, NULL },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02"), SIG_PKCS1, "" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"), SIG_PKCS1, "" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"), SIG_PKCS1, "" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e"), SIG_PKCS1, "" },
	{ OID("\x2a\x86\x48\xce\x3d\x02\x01"), SIG_ECDSA, NULL },
	{ OID("\x2a\x86\x48\xce\x3d\x04\x03\x02"), SIG_ECDSA, "SHA256" },
	{ OID("\x2a\x86\x48\xce\x3d\x04\x03\x03"), SIG_ECDSA, "SHA384" },
	{ OID("\x2a\x86\x48\xce\x3d\x04\x03\x04"), SIG_ECDSA, "SHA512" },
	{ OID("\x2a\x86\x48\xce\x3d\x04\x01"), SIG_ECDSA, "" },
	{ OID("\x2a\x86\x48\xce\x3d\x04\x03\x01"), SIG_ECDSA, "" },
};

static const struct {
	struct der oid;
	struct cms_cipher cipher;
	bool weak;
} ciphers[] = {
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x02"), { .name = "aes-128-cbc", .key_bytes = 16 }, false },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x16"), { .name = "aes-192-cbc", .key_bytes = 24 }, false },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2a"), { .name = "aes-256-cbc", .key_bytes = 32 }, false },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x06"), { .name = "aes-128-gcm", .key_bytes = 16, .gcm = true }, false },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x1a"), { .name = "aes-192-gcm", .key_bytes = 24, .gcm = true }, false },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2e"), { .name = "aes-256-gcm", .key_bytes = 32, .gcm = true }, false },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x03\x07"), { .name = "des-ede3-cbc" }, true },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x03\x02"), { .name = "rc2-cbc" }, true },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x03\x04"), { .name = "rc4" }, true },
	{ OID("\x2b\x0e\x03\x02\x07"), { .name = "des-cbc" }, true },
};

/* X9.63 key derivation with standard or cofactor ECDH: on our curves, whose cofactor is 1, the same thing. */
static const struct {
	struct der oid;
	const char *md;
} agreements[] = {
	{ OID("\x2b\x81\x04\x01\x0b\x00"), "SHA224" },
	{ OID("\x2b\x81\x04\x01\x0b\x01"), "SHA256" },
	{ OID("\x2b\x81\x04\x01\x0b\x02"), "SHA384" },
	{ OID("\x2b\x81\x04\x01\x0b\x03"), "SHA512" },
	{ OID("\x2b\x81\x05\x10\x86\x48\x3f\x00\x02"), "SHA1" },
	{ OID("\x2b\x81\x04\x01\x0e\x00"), "SHA224" },
	{ OID("\x2b\x81\x04\x01\x0e\x01"), "SHA256" },
	{ OID("\x2b\x81\x04\x01\x0e\x02"), "SHA384" },
	{ OID("\x2b\x81\x04\x01\x0e\x03"), "SHA512" },
	{ OID("\x2b\x81\x05\x10\x86\x48\x3f\x00\x03"), "SHA1" },
};

static const struct {
	struct der oid;
	int bits;
} wraps[] = {
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x05"), 128 },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x19"), 192 },
	{ OID("\x60\x86\x48\x01\x65\x03\x04\x01\x2d"), 256 },
};

/* No parameters, or NULL: what most algorithms have. */
static bool
no_params(struct der v)
{
	struct der null;

	return v.n == 0 || (der_next(&v, DER_NULL, &null) && null.n == 0 && v.n == 0);
}

enum reason
alg_digest(struct der alg, bool weak_ok, struct cms_digest *ret)
{
	struct der oid;

	if (!der_next(&alg, DER_OID, &oid) || !no_params(alg))
		return R_MALFORMED;
	for (size_t i = 0; i < ARRAY_LEN(digests); i++) {
		if (!der_equal(oid, digests[i].oid))
			continue;
		*ret = digests[i].digest;
		if (digests[i].standing == GOOD || (weak_ok && digests[i].standing == SHA1_ONLY))
			return R_NONE;
		return R_WEAK_DIGEST;
	}
	return R_UNSUPPORTED_ALG;
}

/* [n] EXPLICIT AlgorithmIdentifier of a digest, SHA-1 when left out (RFC 8017 A.2). */
static enum reason
digest_param(struct der *params, uint8_t tag, struct cms_digest *ret)
{
	struct der explicit, alg;

	*ret = (struct cms_digest){ "sha1", "SHA1", 20 };
	if (!der_optional(params, tag, &explicit))
		return R_NONE;
	if (!der_next(&explicit, DER_SEQ, &alg) || explicit.n != 0)
		return R_MALFORMED;
	return alg_digest(alg, true, ret);
}

/* [1] EXPLICIT MaskGenAlgorithm: always MGF1, with a digest of its own. */
static enum reason
mgf_param(struct der *params, struct cms_digest *ret)
{
	struct der explicit, alg, oid, inner;

	*ret = (struct cms_digest){ "sha1", "SHA1", 20 };
	if (!der_optional(params, DER_CTX0 + 1, &explicit))
		return R_NONE;
	if (!der_next(&explicit, DER_SEQ, &alg) || explicit.n != 0 || !der_next(&alg, DER_OID, &oid) ||
	    !der_next(&alg, DER_SEQ, &inner) || alg.n != 0)
		return R_MALFORMED;
	return der_equal(oid, OID_MGF1) ? alg_digest(inner, true, ret) : R_UNSUPPORTED_ALG;
}

/* RSASSA-PSS-params. The digest must be the signer's; the mask's digest may be weak, it protects nothing. */
static enum reason
pss_params(struct der in, const struct cms_digest *digest, struct cms_sig *ret)
{
	struct cms_digest hash, mgf;
	struct der params, explicit;
	unsigned salt = 20, trailer = 1;
	enum reason got;

	if (!der_next(&in, DER_SEQ, &params) || in.n != 0)
		return R_MALFORMED;
	got = digest_param(&params, DER_CTX0, &hash);
	if (got == R_NONE)
		got = mgf_param(&params, &mgf);
	if (got != R_NONE)
		return got;
	if (der_optional(&params, DER_CTX0 + 2, &explicit) && !der_small(&explicit, &salt))
		return R_MALFORMED;
	if (der_optional(&params, DER_CTX0 + 3, &explicit) && (!der_small(&explicit, &trailer) || trailer != 1))
		return R_MALFORMED;
	if (params.n != 0)
		return R_MALFORMED;
	if (strcmp(hash.md, digest->md) != 0)
		return R_SIG_INVALID;
	ret->salt = (int)salt;
	ret->mgf_md = mgf.md;
	return R_NONE;
}

enum reason
alg_signature(struct der alg, const struct cms_digest *digest, struct cms_sig *ret)
{
	struct der oid;

	if (!der_next(&alg, DER_OID, &oid))
		return R_MALFORMED;
	for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
		const char *md = signatures[i].md;

		if (!der_equal(oid, signatures[i].oid))
			continue;
		ret->kind = signatures[i].kind;
		if (ret->kind == SIG_PSS)
			return pss_params(alg, digest, ret);
		if (md != NULL && *md == '\0')
			return R_WEAK_DIGEST;
		return md == NULL || strcmp(md, digest->md) == 0 ? R_NONE : R_SIG_INVALID;
	}
	return R_UNSUPPORTED_ALG;
}

/* GCMParameters, RFC 5084 3.2: only the nonce and tag everybody uses; a short tag is an attack. */
static enum reason
gcm_params(struct der in, struct cms_cipher *ret)
{
	struct der params;
	unsigned tag = 12;

	if (!der_next(&in, DER_SEQ, &params) || in.n != 0 || !der_next(&params, DER_OCTETS, &ret->iv))
		return R_MALFORMED;
	if (params.n > 0 && (!der_small(&params, &tag) || params.n != 0))
		return R_MALFORMED;
	return ret->iv.n == 12 && tag == 16 ? R_NONE : R_UNSUPPORTED_ALG;
}

enum reason
alg_cipher(struct der alg, struct cms_cipher *ret)
{
	struct der oid;

	if (!der_next(&alg, DER_OID, &oid))
		return R_MALFORMED;
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		if (!der_equal(oid, ciphers[i].oid))
			continue;
		*ret = ciphers[i].cipher;
		if (ciphers[i].weak)
			return R_WEAK_CIPHER;
		if (ret->gcm)
			return gcm_params(alg, ret);
		return der_next(&alg, DER_OCTETS, &ret->iv) && alg.n == 0 && ret->iv.n == 16 ? R_NONE : R_MALFORMED;
	}
	return R_UNSUPPORTED_ALG;
}

/* RSAES-OAEP-params; an absent SEQUENCE is not the default but a mistake (and once crashed OpenSSL). */
static enum reason
oaep_params(struct der in, struct key_wrap *ret)
{
	struct cms_digest hash, mgf;
	struct der params, explicit, alg, oid, label;
	enum reason got;

	if (!der_next(&in, DER_SEQ, &params) || in.n != 0)
		return R_MALFORMED;
	got = digest_param(&params, DER_CTX0, &hash);
	if (got == R_NONE)
		got = mgf_param(&params, &mgf);
	if (got != R_NONE)
		return got;
	if (der_optional(&params, DER_CTX0 + 2, &explicit)) {
		if (!der_next(&explicit, DER_SEQ, &alg) || explicit.n != 0 || !der_next(&alg, DER_OID, &oid) ||
		    !der_equal(oid, OID_PSPECIFIED) || !der_next(&alg, DER_OCTETS, &label) || alg.n != 0)
			return R_MALFORMED;
		ret->label = (struct slice){ (const char *)label.p, label.n };
	}
	if (params.n != 0)
		return R_MALFORMED;
	ret->kind = WRAP_OAEP;
	ret->md = hash.md;
	ret->mgf_md = mgf.md;
	return R_NONE;
}

static enum reason
agreement(const struct cms_recipient *r, struct key_wrap *ret, struct buf *shared_info)
{
	struct der alg = r->key_alg, oid, wrap, whole, wrap_oid;

	if (!der_next(&alg, DER_OID, &oid) || !der_any(&alg, NULL, &wrap, &whole) || alg.n != 0 ||
	    whole.p[0] != DER_SEQ || !der_next(&wrap, DER_OID, &wrap_oid) || !no_params(wrap))
		return R_MALFORMED;
	ret->kind = WRAP_ECDH;
	for (size_t i = 0; i < ARRAY_LEN(agreements); i++)
		if (der_equal(oid, agreements[i].oid))
			ret->md = agreements[i].md;
	for (size_t i = 0; i < ARRAY_LEN(wraps); i++)
		if (der_equal(wrap_oid, wraps[i].oid))
			ret->wrap_bits = wraps[i].bits;
	if (ret->md == NULL || ret->wrap_bits == 0)
		return R_UNSUPPORTED_ALG;
	ec_shared_info(whole, ret->wrap_bits, r->ukm, shared_info);
	ret->shared_info = buf_slice(shared_info);
	return R_NONE;
}

enum reason
alg_wrap(const struct cms_recipient *r, struct key_wrap *ret, struct buf *shared_info)
{
	struct der alg = r->key_alg, oid;

	if (r->agree)
		return agreement(r, ret, shared_info);
	if (!der_next(&alg, DER_OID, &oid))
		return R_MALFORMED;
	if (der_equal(oid, OID_OAEP))
		return oaep_params(alg, ret);
	if (!der_equal(oid, OID_RSA))
		return R_UNSUPPORTED_ALG;
	ret->kind = WRAP_PKCS1;
	return no_params(alg) ? R_NONE : R_MALFORMED;
}
