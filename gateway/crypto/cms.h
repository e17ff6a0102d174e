/*
 * cms -- Cryptographic Message Syntax (RFC 5652, RFC 5083, RFC 8551), the few forms that we write and read.
 *
 * Reader and writer are our own and small: OpenSSL 3.0 spends more on decoding than on arithmetic, and its CMS code
 * meets bytes of strangers with structures we never use. Arithmetic is OpenSSL's; private keys are behind keys.h.
 * Threads: any.
 */
#ifndef CRYPTO_CMS_H
#define CRYPTO_CMS_H

#include "crypto/der.h"
#include "crypto/keys.h"
#include "crypto/reason.h"

/* ---- writing ---- */

/* A detached SignedData over content with this SHA-256, signing time and capabilities included, chain without root. */
enum status cms_sign(
    struct keys *, const char *id, const uint8_t sha256[32], int64_t now, struct buf *ret, struct err *) MUST_CHECK;
/* EnvelopedData (AES-256-CBC), or with gcm AuthEnvelopedData (AES-256-GCM), of the pieces in a row for one recipient.
 * The recipient's certificate is taken as it is: whoever calls has checked it. */
enum status cms_encrypt(const struct cert *recipient, bool gcm, bool oaep, const struct slice *piece, size_t n,
    struct buf *ret, struct err *) MUST_CHECK;

/* ---- reading ---- */

enum cms_type { CMS_OTHER, CMS_SIGNED, CMS_ENVELOPED, CMS_AUTH_ENVELOPED, CMS_ENCRYPTED, CMS_COMPRESSED };
/* What the first bytes say it is; no more is read. */
enum cms_type cms_peek(struct slice der);
enum cms_type cms_type_of(struct der oid);

#define CMS_MAX_CERTS 32
#define CMS_MAX_SIGNERS 8

struct cms_signer {
	struct slice issuer_serial, ski; /* one of them names the signer */
	struct der digest_alg, sig_alg;	 /* AlgorithmIdentifier content */
	struct der attrs;		 /* content of signedAttrs; n == 0: none */
	struct der signature;
};
struct cms_signed {
	struct der content_type; /* OID */
	struct der content;
	bool has_content;
	struct der cert[CMS_MAX_CERTS]; /* whole DER; more than that are not looked at */
	size_t ncerts;
	struct cms_signer signer[CMS_MAX_SIGNERS];
	size_t nsigners; /* counts on beyond the array */
};

struct cms_recipient {
	struct slice issuer_serial, ski;
	struct der key_alg;
	struct slice wrapped;
	struct slice ukm, point; /* key agreement */
	bool agree;
};
struct cms_enveloped {
	bool auth;			 /* AuthEnvelopedData */
	struct cms_recipient *recipient; /* in the arena */
	size_t nrecipients;
	bool foreign; /* a kind of RecipientInfo that we do not use is among them */
	struct der content_type, cipher_alg, mac;
	bool auth_attrs;    /* there are authenticated attributes: we know none */
	struct der content; /* ciphertext in one piece */
};

/* R_NONE: read. in must outlive *ret; tmp holds what had to be rewritten. */
struct cms {
	enum cms_type type;
	const char *limit_hit; /* with R_LIMIT: "limit.recipients", "limit.cms-depth" */
	union {
		struct cms_signed sd;
		struct cms_enveloped ed;
	} u;
};
enum reason cms_read(struct slice in, size_t max_recipients, struct arena *, struct buf *tmp, struct cms *ret);

/* One signature, judged. The caller binds the certificate to a person and to an anchor. */
struct cms_verdict {
	enum reason reason; /* R_NONE: a good signature */
	const char *digest; /* "sha256", or NULL when it is not one we know */
	uint8_t content_sha256[32];
	struct cert *signer;		   /* own reference, or NULL */
	struct cert *extra[CMS_MAX_CERTS]; /* own references: certificates that came along */
	size_t nextra;
	int64_t signing_time; /* 0: none said */
};
/* content: the exact bytes that were signed. */
void cms_verify(const struct cms_signed *, struct slice content, const struct trust *, struct cms_verdict *ret);
void cms_verdict_clear(struct cms_verdict *);

/* *reason R_NONE and the plaintext in the arena, or why not: every failure of key, padding or tag is R_DECRYPT.
 * cipher: its name as soon as it is known. Another status than ST_OK: we could not judge (the keys are away). */
enum status cms_decrypt(const struct cms_enveloped *, struct keys *, struct arena *, enum reason *reason,
    const char **cipher, struct slice *ret, struct err *) MUST_CHECK;

/* The dotted names we know, as the content of an OBJECT IDENTIFIER. */
#define OID_DATA DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
#define OID_SIGNED DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
#define OID_ENVELOPED DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03")
#define OID_ENCRYPTED DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06")
#define OID_COMPRESSED DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09")
#define OID_AUTH_ENVELOPED DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17")
#define OID_CONTENT_TYPE DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03")
#define OID_MESSAGE_DIGEST DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04")
#define OID_SIGNING_TIME DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05")
#define OID_CAPABILITIES DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f")
#define OID_SIGNING_CERT_V2 DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f")
#define OID_RSA DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
#define OID_OAEP DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07")
#define OID_MGF1 DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08")
#define OID_PSPECIFIED DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x09")
#define OID_PSS DER_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
#define OID_EC_KEY DER_LIT("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_ECDSA_SHA256 DER_LIT("\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define OID_SHA256 DER_LIT("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
#define OID_SHA384 DER_LIT("\x60\x86\x48\x01\x65\x03\x04\x02\x02")
#define OID_SHA512 DER_LIT("\x60\x86\x48\x01\x65\x03\x04\x02\x03")
#define OID_AES256_CBC DER_LIT("\x60\x86\x48\x01\x65\x03\x04\x01\x2a")
#define OID_AES256_GCM DER_LIT("\x60\x86\x48\x01\x65\x03\x04\x01\x2e")
#define OID_AES256_WRAP DER_LIT("\x60\x86\x48\x01\x65\x03\x04\x01\x2d")
#define OID_ECDH_SHA256 DER_LIT("\x2b\x81\x04\x01\x0b\x01")
#define OID_ECDH_SHA384 DER_LIT("\x2b\x81\x04\x01\x0b\x02")

#endif
