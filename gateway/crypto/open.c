#include "crypto/open_in.h"

#include "base/own.h"
#include "mail/address.h"

#include <string.h>

#define MAX_LAYERS 8 /* whatever the limits say */

struct opening {
	const struct open_env *env;
	struct arena *arena;
	struct opened *ret;
	const char *layer[MAX_LAYERS];
	struct cms_verdict sig[MAX_LAYERS];
	size_t nsigs;
	bool cbc, last_signed;
	bool crlf; /* the bytes of this layer have CRLF line ends throughout */
	bool partial;
	struct err *err;
	enum status st; /* not ST_OK: we could not judge */
};

/* Bytes that no honest mail has and that readers see differently: NUL, CR that is not part of CRLF. *crlf: every line
 * ends in CRLF, which is the form a signature is made over. */
static enum reason
check_bytes(struct slice s, bool *crlf)
{
	const char *p = s.p, *end = s.p + s.n;

	*crlf = true;
	if (s.n == 0)
		return R_NONE;
	if (memchr(p, '\0', s.n) != NULL)
		return R_MIME_NUL;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p)), *stop = lf != NULL ? lf : end;
		const char *cr = memchr(p, '\r', (size_t)(stop - p));

		if (cr != NULL && (lf == NULL || cr + 1 != lf))
			return R_MIME_LINES;
		*crlf &= lf == NULL || cr != NULL;
		p = lf != NULL ? lf + 1 : end;
	}
	return R_NONE;
}

/* Limits first, in one linear pass, then the header. fresh: bytes that were not part of what was scanned before. */
static enum reason
scan(struct opening *o, struct slice raw, bool fresh, struct entity *ret)
{
	struct err err = ERR_NONE;
	enum reason got = fresh ? check_bytes(raw, &o->crlf) : R_NONE;

	if (got != R_NONE)
		return got;
	if ((fresh && mime_prescan(raw, o->env->limits, &err) != ST_OK) ||
	    entity_scan(raw, o->env->limits, o->arena, ret, &err) != ST_OK) {
		got = reason_of_code(err.code);
		if (got == R_LIMIT)
			o->ret->limit_hit = err.code;
	}
	return got;
}

/* CBC that decrypted to noise is a failure to decrypt, and must not be told apart from one: a MIME entity begins with
 * a line of printable text. */
static bool
begins_like_mail(struct slice s)
{
	for (size_t i = 0; i < s.n && s.p[i] != '\n'; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t' && c != '\r') || c >= 0x7f)
			return false;
	}
	return true;
}

static enum reason
add_layer(struct opening *o, const char *name, bool is_signed)
{
	size_t n = o->ret->nlayers;

	if (n == MAX_LAYERS || n == (size_t)o->env->limits->cms_layers) {
		o->ret->limit_hit = "limit.cms-layers";
		return R_LAYERS;
	}
	/* Signed, encrypted, signed and the other way round; never twice the same. */
	if (n > 0 && o->last_signed == is_signed)
		return R_SHAPE;
	o->last_signed = is_signed;
	o->layer[n] = name;
	o->ret->nlayers++;
	return R_NONE;
}

static enum reason
open_signed(struct opening *o, const struct shape *shape, const struct cms_signed *sd, struct slice *next)
{
	bool detached = shape->kind == SHAPE_DETACHED;
	struct cms_verdict *v = &o->sig[o->nsigs];
	AUTO_BUF canonical = BUF_INIT;
	struct slice content = { (const char *)sd->content.p, sd->content.n };
	enum reason got = add_layer(o, detached ? "signed" : "signed-opaque", true);

	if (got != R_NONE)
		return got;
	if (sd->nsigners == 0)
		return R_NO_SIGNER;
	if (detached && sd->has_content)
		return R_EMBEDDED;
	if (!detached && !sd->has_content)
		return R_NO_CONTENT;
	if (detached && o->crlf) {
		content = shape->content;
	} else if (detached) {
		entity_canonical(shape->content, &canonical);
		content = buf_slice(&canonical);
	}
	cms_verify(sd, content, o->env->trust, v);
	o->nsigs++;
	if (v->digest != NULL)
		o->ret->digest = v->digest;
	if (v->reason != R_NONE)
		return v->reason;
	/* The content of an opaque signature may lie in a buffer that ends with this layer. */
	*next = detached ? shape->content : (struct slice){ arena_strndup(o->arena, content.p, content.n), content.n };
	return R_NONE;
}

static enum reason
open_enveloped(struct opening *o, const struct cms_enveloped *ed, struct slice *next)
{
	enum reason got = add_layer(o, ed->auth ? "auth-enveloped" : "enveloped", false);
	const char *cipher = NULL;

	if (got != R_NONE)
		return got;
	o->ret->encrypted = true;
	o->st = cms_decrypt(ed, o->env->keys, o->arena, &got, &cipher, next, o->err);
	if (o->st != ST_OK)
		return R_DECRYPT;
	if (o->ret->cipher == NULL)
		o->ret->cipher = cipher;
	if (got != R_NONE)
		return got;
	o->cbc |= !ed->auth;
	return ed->auth || begins_like_mail(*next) ? R_NONE : R_DECRYPT;
}

/* One layer off. R_NONE with *next, or the end. */
static enum reason
peel(struct opening *o, const struct shape *shape, struct slice *next)
{
	AUTO_BUF tmp = BUF_INIT;
	struct cms cms;
	enum reason got;

	got = cms_read(buf_slice(&shape->der), (size_t)o->env->limits->recipients, o->arena, &tmp, &cms);
	if (got == R_LIMIT)
		o->ret->limit_hit = cms.limit_hit;
	if (got != R_NONE)
		return got;
	if (cms.type == CMS_SIGNED)
		return open_signed(o, shape, &cms.u.sd, next);
	if (shape->kind == SHAPE_DETACHED)
		return R_MALFORMED;
	return open_enveloped(o, &cms.u.ed, next);
}

static enum reason
peel_all(struct opening *o)
{
	struct entity *inner = &o->ret->inner;

	for (;;) {
		struct shape shape;
		struct slice next = { "", 0 };
		enum reason got = shape_of(inner, o->env->limits, o->arena, &shape);

		if (got == R_NONE && shape.kind == SHAPE_LEAF) {
			o->partial = shape.partial;
			return R_NONE;
		}
		if (got == R_NONE)
			got = peel(o, &shape, &next);
		if (got == R_NONE)
			got = scan(o, next, shape.kind == SHAPE_CMS, inner);
		buf_wipe(&shape.der);
		if (got != R_NONE)
			return got;
	}
}

/* Nobody vouches for it: what can still be said. */
static enum reason
judge_unsigned(struct opening *o, enum reason below, const char *protected_from)
{
	if (o->ret->nlayers > 0 && protected_from != NULL && !addr_spec_equal(protected_from, o->ret->from))
		return R_FROM_MISMATCH;
	if (o->partial || below == R_PARTIAL)
		return R_PARTIAL;
	if (!o->ret->encrypted)
		return slice_trim(o->ret->inner.body).n == 0 ? R_EMPTY : R_UNSIGNED;
	return o->cbc ? R_CBC_UNSIGNED : R_ENCRYPTED;
}

/* Every signature must be good, trusted and the author's own. With a protected header (RFC 9788 4.4) the author is its
 * From if the signature is that person's; otherwise a differing protected From is a warning nobody may overlook. */
static enum reason
judge_signed(struct opening *o, const char *protected_from)
{
	const struct cms_verdict *inner = &o->sig[o->nsigs - 1];

	for (size_t i = 0; i < o->nsigs; i++) {
		enum reason got = identity_trust(o->env, &o->sig[i]);

		if (got != R_OK)
			return got;
	}
	if (protected_from != NULL && !addr_spec_equal(protected_from, o->ret->from)) {
		if (!cert_has_email(inner->signer, protected_from))
			return R_FROM_MISMATCH;
		o->ret->from = protected_from;
	}
	for (size_t i = 0; i < o->nsigs; i++) {
		enum reason got = identity_bind(o->env, &o->sig[i], o->ret->from);

		if (got != R_OK)
			return got;
	}
	return R_OK;
}

static enum reason
judge(struct opening *o, struct slice raw)
{
	struct opened *ret = o->ret;
	const char *protected_from = NULL;
	struct err err = ERR_NONE;
	enum reason got, below;

	if (raw.n == 0)
		return R_EMPTY;
	/* Who says it comes first: without one author nothing else matters. */
	if (entity_scan(raw, o->env->limits, o->arena, &ret->outer, &err) != ST_OK) {
		got = reason_of_code(err.code);
		ret->limit_hit = got == R_LIMIT ? err.code : NULL;
		return got;
	}
	ret->inner = ret->outer;
	if (ret->outer.nfields == 0)
		return R_EMPTY;
	got = identity_outer(&ret->outer, o->arena, &ret->from);
	if (got != R_NONE)
		return got;
	got = scan(o, raw, true, &ret->inner);
	if (got == R_NONE)
		got = peel_all(o);
	if (got != R_NONE)
		return got;
	below = shape_below(&ret->inner, o->env->limits, o->arena);
	if (below != R_NONE && below != R_PARTIAL)
		return below;
	got = ret->nlayers > 0 ? identity_protected(&ret->inner, o->arena, &protected_from) : R_NONE;
	if (got != R_NONE)
		return got;
	return o->nsigs == 0 ? judge_unsigned(o, below, protected_from) : judge_signed(o, protected_from);
}

/* The innermost signature is the author's: what is known about it goes into the answer, whatever the verdict. */
static void
report_signer(struct opening *o)
{
	const struct cms_verdict *v = o->nsigs > 0 ? &o->sig[o->nsigs - 1] : NULL;
	struct opened *ret = o->ret;

	if (v == NULL || v->signer == NULL || v->reason != R_NONE)
		return;
	ret->signer_cert = cert_ref(v->signer);
	ret->signing_time = v->signing_time;
	memcpy(ret->signed_digest, v->content_sha256, sizeof ret->signed_digest);
	if (v->signer->nemails > 0)
		ret->signer = arena_strdup(o->arena, v->signer->emails[0]);
	if (ret->from != NULL && cert_has_email(v->signer, ret->from))
		ret->signer = ret->from;
}

enum status
open_mail(const struct open_env *env, struct slice raw, struct arena *a, struct opened *ret, struct err *err)
{
	struct opening o = { .env = env, .arena = a, .ret = ret, .err = err, .st = ST_OK };
	enum reason reason;

	memset(ret, 0, sizeof *ret);
	reason = judge(&o, raw);
	if (reason == R_LIMIT && ret->limit_hit == NULL)
		ret->limit_hit = "limit.mime-params";
	report_signer(&o);
	for (size_t i = 0; i < o.nsigs; i++)
		cms_verdict_clear(&o.sig[i]);
	ret->layers = memcpy(ARENA_ARRAY(a, MAX_LAYERS, const char *), o.layer, sizeof o.layer);
	ret->reason = reason_name(reason);
	ret->outcome = reason_outcome(reason);
	ret->signed_valid = reason == R_OK;
	if (o.st != ST_OK)
		opened_clear(ret);
	return o.st;
}

void
opened_clear(struct opened *o)
{
	cert_free(o->signer_cert);
	o->signer_cert = NULL;
}
