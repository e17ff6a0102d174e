#include "crypto/open_in.h"

#include "base/own.h"
#include "mail/address.h"

#include <string.h>
#include <strings.h>

#define DAY 86400

/* The From field with every 8-bit byte of its domain written as a letter; false when there is none. */
static bool
plain_domain(const struct entity *e, struct arena *a, struct entity *ret)
{
	struct field *fields = ARENA_ARRAY(a, e->nfields, struct field);
	bool changed = false;

	memcpy(fields, e->fields, e->nfields * sizeof *fields);
	for (size_t i = 0; i < e->nfields; i++) {
		struct slice *v = &fields[i].value;
		const char *at = v->n > 0 && slice_caseeq(fields[i].name, "From") ? memrchr(v->p, '@', v->n) : NULL;
		char *copy;

		if (at == NULL)
			continue;
		copy = arena_strndup(a, v->p, v->n);
		for (size_t k = (size_t)(at - v->p); k < v->n; k++) {
			changed |= (copy[k] & 0x80) != 0;
			copy[k] = (copy[k] & 0x80) != 0 ? 'x' : copy[k];
		}
		v->p = copy;
	}
	*ret = *e;
	ret->fields = fields;
	return changed;
}

enum reason
identity_outer(const struct entity *e, struct arena *a, const char **ret)
{
	struct err err = ERR_NONE;
	struct entity plain;
	const char *other;

	if (from_mailbox(e, a, ret, &err) == ST_OK)
		return R_NONE;
	/* An rfc822Name is ASCII: a domain in other letters (RFC 6532) is well said, and nobody's here. */
	if (reason_of_code(err.code) == R_FROM_SYNTAX && plain_domain(e, a, &plain) &&
	    from_mailbox(&plain, a, &other, NULL) == ST_OK)
		return R_FROM_IDN;
	return reason_of_code(err.code);
}

/* RFC 9788 2.1.1: the parameter is on the outermost type of the protected entity and nowhere else counts. */
static bool
is_protected(const struct entity *e, struct arena *a)
{
	struct mime_type t;
	const char *hp;

	mime_type_parse(entity_get(e, "Content-Type", a), a, &t);
	hp = mime_param(&t, "hp");
	return !t.broken && hp != NULL && (strcasecmp(hp, "clear") == 0 || strcasecmp(hp, "cipher") == 0);
}

enum reason
identity_protected(const struct entity *e, struct arena *a, const char **ret)
{
	struct err err = ERR_NONE;

	*ret = NULL;
	if (!is_protected(e, a) || entity_count(e, "From") == 0)
		return R_NONE;
	return from_mailbox(e, a, ret, &err) == ST_OK ? R_NONE : R_FROM_MISMATCH;
}

enum reason
identity_trust(const struct open_env *env, const struct cms_verdict *v)
{
	struct err err = ERR_NONE;

	if (env->trust == NULL)
		return R_CERT_UNTRUSTED;
	if (trust_check(env->trust, v->signer, v->extra, v->nextra, CERT_SIGN, env->now, &err) != ST_OK)
		return reason_of_code(err.code);
	/* Validity is judged at receipt; what the signer says about time must only not be absurd. */
	if (v->signing_time != 0 && (v->signing_time > env->now + DAY || v->signing_time < v->signer->not_before - DAY))
		return R_SIGNING_TIME;
	return R_OK;
}

enum reason
identity_bind(const struct open_env *env, const struct cms_verdict *v, const char *addr)
{
	if (!cert_has_email(v->signer, addr))
		return R_IDENTITY;
	if (env->registered != NULL && !env->registered(env->arg, addr, v->signer))
		return R_UNREGISTERED;
	return R_OK;
}
