#include "crypto/cms.h"

#include <string.h>

static struct slice
slice_der(struct der d)
{
	return (struct slice){ (const char *)d.p, d.n };
}

enum cms_type
cms_type_of(struct der oid)
{
	if (der_equal(oid, OID_SIGNED))
		return CMS_SIGNED;
	if (der_equal(oid, OID_ENVELOPED))
		return CMS_ENVELOPED;
	if (der_equal(oid, OID_AUTH_ENVELOPED))
		return CMS_AUTH_ENVELOPED;
	if (der_equal(oid, OID_ENCRYPTED))
		return CMS_ENCRYPTED;
	if (der_equal(oid, OID_COMPRESSED))
		return CMS_COMPRESSED;
	return CMS_OTHER;
}

/* ContentInfo begins with a SEQUENCE of any length, definite or not, and then the type. */
enum cms_type
cms_peek(struct slice s)
{
	struct der in = { (const uint8_t *)s.p, s.n }, oid;
	size_t skip;

	if (in.n < 2 || in.p[0] != DER_SEQ)
		return CMS_OTHER;
	skip = 2 + ((in.p[1] & 0x80) != 0 ? (size_t)(in.p[1] & 0x7f) : 0);
	if (skip >= in.n)
		return CMS_OTHER;
	in.p += skip, in.n -= skip;
	return der_next(&in, DER_OID, &oid) ? cms_type_of(oid) : CMS_OTHER;
}

/* IssuerAndSerialNumber, or a key identifier under tag ski. */
static bool
read_sid(struct der *in, uint8_t ski_tag, struct slice *issuer_serial, struct slice *ski)
{
	struct der v;

	if (der_is(in, DER_SEQ)) {
		if (!der_any(in, NULL, NULL, &v))
			return false;
		*issuer_serial = slice_der(v);
		return true;
	}
	if (!der_next(in, ski_tag, &v) || v.n == 0)
		return false;
	*ski = slice_der(v);
	return true;
}

static bool
read_signer(struct der *in, struct cms_signer *ret)
{
	struct cms_signer s = { 0 };
	struct der v, unsigned_attrs;
	unsigned version;

	if (!der_next(in, DER_SEQ, &v) || !der_small(&v, &version) ||
	    !read_sid(&v, DER_PRIM0, &s.issuer_serial, &s.ski) || !der_next(&v, DER_SEQ, &s.digest_alg))
		return false;
	der_optional(&v, DER_CTX0, &s.attrs);
	if (!der_next(&v, DER_SEQ, &s.sig_alg) || !der_next(&v, DER_OCTETS, &s.signature))
		return false;
	der_optional(&v, DER_CTX0 + 1, &unsigned_attrs); /* nobody signed them: never looked at */
	*ret = s;
	return v.n == 0;
}

/* SignedData, RFC 5652 5.1. */
static enum reason
read_signed(struct der in, struct cms_signed *ret)
{
	struct der v, part, digests, crls, signers;
	unsigned version;

	if (!der_next(&in, DER_SEQ, &v) || in.n != 0 || !der_small(&v, &version) || !der_next(&v, DER_SET, &digests) ||
	    !der_next(&v, DER_SEQ, &part) || !der_next(&part, DER_OID, &ret->content_type))
		return R_MALFORMED;
	if (part.n > 0) {
		struct der explicit;

		if (!der_next(&part, DER_CTX0, &explicit) || part.n != 0 ||
		    !der_next(&explicit, DER_OCTETS, &ret->content) || explicit.n != 0)
			return R_MALFORMED;
		ret->has_content = true;
	}
	if (der_optional(&v, DER_CTX0, &part)) {
		while (part.n > 0) {
			struct der whole;
			uint8_t tag;

			if (!der_any(&part, &tag, NULL, &whole))
				return R_MALFORMED;
			if (tag == DER_SEQ && ret->ncerts < CMS_MAX_CERTS)
				ret->cert[ret->ncerts++] = whole;
		}
	}
	der_optional(&v, DER_CTX0 + 1, &crls); /* revocation is what our own lists say */
	if (!der_next(&v, DER_SET, &signers) || v.n != 0)
		return R_MALFORMED;
	while (signers.n > 0) {
		struct cms_signer s;

		if (!read_signer(&signers, &s))
			return R_MALFORMED;
		if (ret->nsigners < CMS_MAX_SIGNERS)
			ret->signer[ret->nsigners] = s;
		ret->nsigners++;
	}
	return R_NONE;
}

struct recipients {
	struct cms_enveloped *ed;
	struct arena *arena;
	size_t cap, max;
};

static bool
push_recipient(struct recipients *r, const struct cms_recipient *one)
{
	struct cms_enveloped *ed = r->ed;

	if (ed->nrecipients == r->max)
		return false;
	if (ed->nrecipients == r->cap) {
		struct cms_recipient *bigger;

		r->cap = r->cap == 0 ? 4 : 2 * r->cap;
		bigger = ARENA_ARRAY(r->arena, r->cap, struct cms_recipient);
		if (ed->nrecipients > 0)
			memcpy(bigger, ed->recipient, ed->nrecipients * sizeof *bigger);
		ed->recipient = bigger;
	}
	ed->recipient[ed->nrecipients++] = *one;
	return true;
}

/* KeyTransRecipientInfo, RFC 5652 6.2.1. */
static enum reason
read_ktri(struct recipients *r, struct der v)
{
	struct cms_recipient one = { 0 };
	struct der key;
	unsigned version;

	if (!der_small(&v, &version) || !read_sid(&v, DER_PRIM0, &one.issuer_serial, &one.ski) ||
	    !der_next(&v, DER_SEQ, &one.key_alg) || !der_next(&v, DER_OCTETS, &key) || v.n != 0)
		return R_MALFORMED;
	one.wrapped = slice_der(key);
	return push_recipient(r, &one) ? R_NONE : R_LIMIT;
}

/* OriginatorPublicKey: only the point counts, the curve is the recipient's own. */
static bool
read_point(struct der v, struct slice *ret)
{
	struct der key, alg, bits;

	if (!der_next(&v, DER_CTX0 + 1, &key) || v.n != 0 || !der_next(&key, DER_SEQ, &alg) ||
	    !der_next(&key, DER_BITS, &bits) || key.n != 0 || bits.n < 2 || bits.p[0] != 0)
		return false;
	*ret = (struct slice){ (const char *)bits.p + 1, bits.n - 1 };
	return true;
}

/* KeyAgreeRecipientInfo, RFC 5652 6.2.2 and RFC 5753 3.1.1. */
static enum reason
read_kari(struct recipients *r, struct der v)
{
	struct cms_recipient common = { .agree = true };
	struct der originator, ukm, explicit, keys;
	unsigned version;

	if (!der_small(&v, &version) || !der_next(&v, DER_CTX0, &originator))
		return R_MALFORMED;
	if (!der_is(&originator, DER_CTX0 + 1)) {
		r->ed->foreign = true; /* a static key of the sender: nothing we use */
		return R_NONE;
	}
	if (!read_point(originator, &common.point))
		return R_MALFORMED;
	if (der_optional(&v, DER_CTX0 + 1, &explicit)) {
		if (!der_next(&explicit, DER_OCTETS, &ukm) || explicit.n != 0)
			return R_MALFORMED;
		common.ukm = slice_der(ukm);
	}
	if (!der_next(&v, DER_SEQ, &common.key_alg) || !der_next(&v, DER_SEQ, &keys) || v.n != 0)
		return R_MALFORMED;
	while (keys.n > 0) {
		struct cms_recipient one = common;
		struct der rek, id, key;

		if (!der_next(&keys, DER_SEQ, &rek))
			return R_MALFORMED;
		if (der_optional(&rek, DER_CTX0, &id)) {
			struct der ski;

			if (!der_next(&id, DER_OCTETS, &ski))
				return R_MALFORMED;
			one.ski = slice_der(ski);
		} else if (!read_sid(&rek, DER_PRIM0, &one.issuer_serial, &one.ski)) {
			return R_MALFORMED;
		}
		if (!der_next(&rek, DER_OCTETS, &key) || rek.n != 0)
			return R_MALFORMED;
		one.wrapped = slice_der(key);
		if (!push_recipient(r, &one))
			return R_LIMIT;
	}
	return R_NONE;
}

static enum reason
read_recipients(struct recipients *r, struct der set)
{
	enum reason got = R_NONE;
	size_t n = 0;

	while (set.n > 0 && got == R_NONE) {
		struct der v;
		uint8_t tag;

		if (!der_any(&set, &tag, &v, NULL))
			return R_MALFORMED;
		if (n++ == r->max)
			return R_LIMIT;
		if (tag == DER_SEQ)
			got = read_ktri(r, v);
		else if (tag == DER_CTX0 + 1)
			got = read_kari(r, v);
		else
			r->ed->foreign = true; /* KEKRI, PWRI, ORI */
	}
	return got;
}

/* [0] IMPLICIT OCTET STRING, in one piece or (BER) in several: then it is put together in the arena. */
static bool
read_ciphertext(struct der *in, struct arena *a, struct der *ret)
{
	struct der v, part;
	uint8_t *joined;
	size_t n = 0;

	if (der_next(in, DER_PRIM0, ret))
		return true;
	if (!der_next(in, DER_CTX0, &v))
		return false;
	joined = arena_alloc(a, v.n + 1);
	while (v.n > 0) {
		if (!der_next(&v, DER_OCTETS, &part))
			return false;
		if (part.n > 0)
			memcpy(joined + n, part.p, part.n);
		n += part.n;
	}
	*ret = (struct der){ joined, n };
	return true;
}

/* EnvelopedData (RFC 5652 6.1), AuthEnvelopedData (RFC 5083 2.1). */
static enum reason
read_enveloped(struct der in, size_t max_recipients, struct arena *a, struct cms_enveloped *ret)
{
	struct recipients r = { .ed = ret, .arena = a, .max = max_recipients };
	struct der v, part, originator;
	enum reason got;
	unsigned version;

	if (!der_next(&in, DER_SEQ, &v) || in.n != 0 || !der_small(&v, &version))
		return R_MALFORMED;
	der_optional(&v, DER_CTX0, &originator); /* certificates of the sender: help for static keys only */
	if (!der_next(&v, DER_SET, &part))
		return R_MALFORMED;
	got = read_recipients(&r, part);
	if (got != R_NONE)
		return got;
	if (!der_next(&v, DER_SEQ, &part) || !der_next(&part, DER_OID, &ret->content_type) ||
	    !der_next(&part, DER_SEQ, &ret->cipher_alg) || !read_ciphertext(&part, a, &ret->content) || part.n != 0)
		return R_MALFORMED;
	if (ret->auth) {
		ret->auth_attrs = der_optional(&v, DER_CTX0 + 1, &part);
		if (!der_next(&v, DER_OCTETS, &ret->mac))
			return R_MALFORMED;
		der_optional(&v, DER_CTX0 + 2, &part);
	} else {
		der_optional(&v, DER_CTX0 + 1, &part);
	}
	return v.n == 0 ? R_NONE : R_MALFORMED;
}

enum reason
cms_read(struct slice s, size_t max_recipients, struct arena *a, struct buf *tmp, struct cms *ret)
{
	struct der in = { (const uint8_t *)s.p, s.n }, all, v, oid, content;

	memset(ret, 0, sizeof *ret);
	switch (der_from_ber(in, tmp, &all)) {
	case DER_GOOD:
		break;
	case DER_TOO_DEEP:
		ret->limit_hit = "limit.cms-depth";
		return R_LIMIT;
	case DER_MALFORMED:
		return R_MALFORMED;
	}
	if (!der_next(&all, DER_SEQ, &v) || !der_next(&v, DER_OID, &oid) || !der_next(&v, DER_CTX0, &content) ||
	    v.n != 0)
		return R_MALFORMED;
	ret->limit_hit = "limit.recipients"; /* the only limit below */
	ret->type = cms_type_of(oid);
	switch (ret->type) {
	case CMS_SIGNED:
		return read_signed(content, &ret->u.sd);
	case CMS_AUTH_ENVELOPED:
		ret->u.ed.auth = true;
		return read_enveloped(content, max_recipients, a, &ret->u.ed);
	case CMS_ENVELOPED:
		return read_enveloped(content, max_recipients, a, &ret->u.ed);
	case CMS_ENCRYPTED:
	case CMS_COMPRESSED:
	case CMS_OTHER:
		break;
	}
	return R_UNSUPPORTED;
}
