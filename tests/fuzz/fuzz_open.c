/* Target: open_mail() with a key that some seeds are encrypted to -- seeds: corpus/open, made by pki/make.sh */
#include "crypto/open.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PKI "tests/fuzz/pki/"

static const struct limits_conf limits = {
	.mime_depth = 8,
	.mime_parts = 50,
	.headers = 100,
	.header_bytes = 16 << 10,
	.message_bytes = 1 << 20,
	.recipients = 8,
	.cms_layers = 3,
};

static struct open_env env = { .limits = &limits };

static void
load(void)
{
	static const char *const key = PKI "gw.key", *const cert = PKI "gw.crt", *const root = PKI "root.crt";
	struct cert **list;
	size_t n;

	if (keys_from_files(&key, &cert, 1, &env.keys, NULL) != ST_OK ||
	    trust_from_files(&root, 1, 2048, &env.trust, NULL) != ST_OK ||
	    certs_from_file(cert, &list, &n, NULL) != ST_OK)
		abort(); /* run from the top of the checkout */
	env.now = list[0]->not_before + 3600;
	certs_free(list, n);
}

static void
check(const struct opened *o, struct slice raw)
{
	assert(o->reason != NULL && open_outcome_name(o->outcome) != NULL);
	assert((o->outcome == OPEN_VERIFIED) == (strcmp(o->reason, "ok") == 0));
	assert(o->nlayers <= 3);
	/* Nobody but the holders of these two keys is ever believed. */
	if (o->outcome == OPEN_VERIFIED) {
		assert(o->signer_cert != NULL && strcmp(o->from, o->signer) == 0);
		assert(cert_has_email(o->signer_cert, o->from) && o->digest != NULL && o->nlayers > 0);
	}
	if (o->outcome == OPEN_ENCRYPTED_OK)
		assert(o->encrypted && strstr(o->cipher, "gcm") != NULL);
	if (o->outcome != OPEN_REJECT && strcmp(o->reason, "unsigned") == 0)
		assert(o->nlayers == 0 && o->inner.raw.p == raw.p && o->inner.raw.n == raw.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct slice raw = { (const char *)in, n };
	AUTO(arena) a = arena_new();
	struct opened o;

	if (env.keys == NULL)
		load();
	assert(open_mail(&env, raw, a, &o, NULL) == ST_OK);
	check(&o, raw);
	opened_clear(&o);
	return 0;
}
