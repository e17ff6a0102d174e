#include "crypto/open_in.h"

#include "base/own.h"
#include "crypto/base64.h"

#include <string.h>
#include <strings.h>

#define MAX_PARAMS 64 /* what is read of one Content-Type; more than that is an attack on somebody's parser */

static bool
ends_with(const char *s, const char *tail)
{
	size_t n = s != NULL ? strlen(s) : 0, m = strlen(tail);

	return n >= m && strcasecmp(s + n - m, tail) == 0;
}

/* The file name as the type or the disposition gives it. */
static bool
is_named(const struct entity *e, const struct mime_type *t, struct arena *a, const char *tail)
{
	const char *disposition = entity_get(e, "Content-Disposition", a);
	struct mime_type d;

	if (ends_with(mime_param(t, "name"), tail))
		return true;
	if (disposition == NULL)
		return false;
	/* Read like a type: only the parameters count. */
	mime_type_parse(arena_printf(a, "x/%s", disposition), a, &d);
	return ends_with(mime_param(&d, "filename"), tail);
}

static bool
is_p7m(const struct entity *e, const struct mime_type *t, struct arena *a)
{
	if (mime_type_is(t, "application", "pkcs7-mime") || mime_type_is(t, "application", "x-pkcs7-mime"))
		return true;
	return mime_type_is(t, "application", "octet-stream") && is_named(e, t, a, ".p7m");
}

static bool
is_p7s(const struct entity *e, const struct mime_type *t, struct arena *a)
{
	if (mime_type_is(t, "application", "pkcs7-signature") || mime_type_is(t, "application", "x-pkcs7-signature"))
		return true;
	return mime_type_is(t, "application", "octet-stream") && is_named(e, t, a, ".p7s");
}

/* R_NONE, or R_LIMIT for a type with more parameters than anybody needs. */
static enum reason
type_of(const struct entity *e, struct arena *a, struct mime_type *ret)
{
	const char *value = entity_get(e, "Content-Type", a);
	size_t n = 0;

	for (const char *p = value; p != NULL && *p != '\0'; p++)
		n += *p == ';';
	mime_type_parse(n <= MAX_PARAMS ? value : NULL, a, ret);
	return n <= MAX_PARAMS ? R_NONE : R_LIMIT;
}

/* The body of a CMS part as DER or BER. */
static enum reason
decode_cms(const struct entity *e, struct arena *a, struct buf *ret)
{
	const char *cte = entity_get(e, "Content-Transfer-Encoding", a);
	size_t n;

	if (cte == NULL || strcasecmp(cte, "base64") != 0)
		return mime_decode(e, ret, NULL) == ST_OK ? R_NONE : R_MIME_ENCODING;
	buf_reserve(ret, e->body.n / 4 * 3 + 3);
	if (!base64_read(e->body, (uint8_t *)ret->p, &n))
		return R_MIME_ENCODING;
	ret->n = n;
	return R_NONE;
}

/* Cut at the end of the closing boundary: what follows is no part of the multipart. */
static bool
without_epilogue(const struct entity *e, const struct mime_type *t, struct arena *a, struct entity *ret)
{
	const char *boundary = mime_param(t, "boundary"), *close, *p, *end = e->body.p + e->body.n;
	size_t n;

	if (boundary == NULL)
		return false;
	close = arena_printf(a, "--%s--", boundary);
	n = strlen(close);
	for (p = e->body.p; p < end; p++) {
		p = memmem(p, (size_t)(end - p), close, n);
		if (p == NULL)
			return false;
		if (p == e->body.p || p[-1] == '\n')
			break;
	}
	*ret = *e;
	ret->body.n = (size_t)(p - e->body.p) + n;
	return p < end;
}

/* The parts of a multipart; *after tells that there was text behind it. */
static bool
split(const struct entity *e, const struct mime_type *t, struct arena *a, struct slice **parts, size_t *n, bool *after)
{
	struct entity cut;

	*after = false;
	if (mime_split(e, t, a, parts, n, NULL) == ST_OK)
		return true;
	*after = true;
	return without_epilogue(e, t, a, &cut) && mime_split(&cut, t, a, parts, n, NULL) == ST_OK;
}

static bool
says_smime(const struct mime_type *t)
{
	const char *protocol = mime_param(t, "protocol");

	return protocol != NULL && (strcasecmp(protocol, "application/pkcs7-signature") == 0 ||
				       strcasecmp(protocol, "application/x-pkcs7-signature") == 0);
}

static bool
says_pgp(const struct mime_type *t)
{
	const char *protocol = mime_param(t, "protocol");

	return protocol != NULL && strncasecmp(protocol, "application/pgp-", 16) == 0;
}

/* multipart/signed, RFC 8551 3.5.3. What it really is, is told by the second part; protocol and micalg may lie. */
static enum reason
shape_signed(const struct entity *e, const struct mime_type *t, const struct limits_conf *lim, struct arena *a,
    struct shape *ret)
{
	struct entity second;
	struct mime_type type;
	struct slice *parts;
	size_t n;
	bool after;

	if (says_pgp(t))
		return R_NONE;
	if (!split(e, t, a, &parts, &n, &after))
		return R_MIME_BOUNDARY;
	if (n != 2)
		return R_SIGNED_PARTS;
	if (entity_scan(parts[1], lim, a, &second, NULL) != ST_OK)
		return R_SIGNED_PARTS;
	if (type_of(&second, a, &type) != R_NONE)
		return R_LIMIT;
	if (!is_p7s(&second, &type, a))
		return says_smime(t) ? R_SIGNED_PARTS : R_NONE;
	/* A list's footer behind the signed multipart is not covered; it is never cut off to save the signature. */
	if (after) {
		ret->partial = true;
		return R_NONE;
	}
	ret->kind = SHAPE_DETACHED;
	ret->content = parts[0];
	return decode_cms(&second, a, &ret->der);
}

enum reason
shape_of(const struct entity *e, const struct limits_conf *lim, struct arena *a, struct shape *ret)
{
	struct mime_type t;

	memset(ret, 0, sizeof *ret);
	if (entity_count(e, "Content-Type") > 1 || entity_count(e, "Content-Transfer-Encoding") > 1)
		return R_MIME_AMBIGUOUS;
	if (type_of(e, a, &t) != R_NONE)
		return R_LIMIT;
	if (mime_type_is(&t, "multipart", "signed"))
		return t.broken ? R_MIME_AMBIGUOUS : shape_signed(e, &t, lim, a, ret);
	if (mime_type_is(&t, "multipart", "encrypted"))
		return R_UNSUPPORTED;
	if (is_p7m(e, &t, a)) {
		if (t.broken)
			return R_MIME_AMBIGUOUS;
		ret->kind = SHAPE_CMS;
		return decode_cms(e, a, &ret->der);
	}
	if (is_p7s(e, &t, a))
		ret->partial = true;
	return R_NONE;
}

/* A CMS part that is not the whole message. */
static enum reason
misplaced_cms(const struct entity *e, const struct mime_type *t, struct arena *a)
{
	const char *said = mime_param(t, "smime-type");
	AUTO_BUF der = BUF_INIT;

	if (said != NULL && (strcasecmp(said, "enveloped-data") == 0 || strcasecmp(said, "authEnveloped-data") == 0))
		return R_MIXED;
	if (decode_cms(e, a, &der) != R_NONE)
		return R_MIXED;
	/* What cannot be seen to be harmless is taken for what it is called. */
	return cms_peek(buf_slice(&der)) == CMS_SIGNED ? R_PARTIAL : R_MIXED;
}

static enum reason
worse(enum reason a, enum reason b)
{
	if (a == R_NONE || b == R_NONE)
		return a == R_NONE ? b : a;
	return a == R_PARTIAL ? b : a;
}

/* attached: inside somebody else's message, where only what is hidden matters, not how tidy it is. */
static enum reason
walk(struct slice raw, const struct limits_conf *lim, struct arena *a, bool attached, unsigned depth)
{
	enum reason got = R_NONE;
	struct entity e;
	struct mime_type t;
	struct slice *parts;
	size_t n;
	bool after;

	if (depth > (unsigned)lim->mime_depth)
		return R_LIMIT;
	if (entity_scan(raw, lim, a, &e, NULL) != ST_OK)
		return attached ? R_NONE : R_MIME_AMBIGUOUS;
	if (type_of(&e, a, &t) != R_NONE)
		return R_LIMIT;
	if (is_p7m(&e, &t, a))
		return misplaced_cms(&e, &t, a);
	if (is_p7s(&e, &t, a))
		return R_PARTIAL;
	if (mime_type_is(&t, "message", "rfc822") || mime_type_is(&t, "message", "global"))
		return walk(e.body, lim, a, true, depth + 1);
	if (strcmp(t.type, "multipart") != 0)
		return R_NONE;
	if (!split(&e, &t, a, &parts, &n, &after))
		return attached ? R_NONE : R_MIME_BOUNDARY;
	for (size_t i = 0; i < n; i++)
		got = worse(got, walk(parts[i], lim, a, attached, depth + 1));
	return got;
}

enum reason
shape_below(const struct entity *e, const struct limits_conf *lim, struct arena *a)
{
	struct mime_type t;

	if (type_of(e, a, &t) != R_NONE)
		return R_LIMIT;
	/* A leaf needs no walk, however large it is. */
	if (strcmp(t.type, "multipart") != 0 && strcmp(t.type, "message") != 0)
		return R_NONE;
	return walk(e->raw, lim, a, false, 0);
}
