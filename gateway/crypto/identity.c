#include "crypto/open_in.h"

#include "base/own.h"
#include "mail/address.h"

#include <string.h>
#include <strings.h>

#define DAY 86400

enum reason
identity_outer(const struct entity *e, struct arena *a, const char **ret)
{
	struct err err = ERR_NONE;

	return from_mailbox(e, a, ret, &err) == ST_OK ? R_NONE : reason_of_code(err.code);
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
