/* Target: der_from_ber() cms_read() cms_verify() cms_decrypt() -- seeds: corpus/cms_shape, made by pki/make.sh */
#include "crypto/cms.h"

#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* What DER was made of BER must be DER: reading it again changes nothing. */
static void
check_normal_form(struct der in)
{
	AUTO_BUF first = BUF_INIT, second = BUF_INIT;
	struct der once, twice;

	if (der_from_ber(in, &first, &once) != DER_GOOD)
		return;
	assert(der_from_ber(once, &second, &twice) == DER_GOOD);
	assert(second.n == 0 && der_equal(once, twice));
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF tmp = BUF_INIT;
	struct slice raw = { (const char *)in, n };
	struct cms cms;

	check_normal_form((struct der){ in, n });
	if (cms_read(raw, 8, a, &tmp, &cms) != R_NONE)
		return 0;
	assert(cms_peek(raw) == cms.type || tmp.n > 0);
	if (cms.type == CMS_SIGNED) {
		struct cms_verdict v;

		cms_verify(&cms.u.sd, (struct slice){ (const char *)cms.u.sd.content.p, cms.u.sd.content.n }, NULL, &v);
		assert(v.reason != R_OK);
		assert(v.reason != R_NONE || v.signer != NULL);
		cms_verdict_clear(&v);
	} else {
		const char *cipher;
		struct slice out;
		enum reason reason;

		assert(cms.u.ed.nrecipients <= 8);
		assert(cms_decrypt(&cms.u.ed, NULL, a, &reason, &cipher, &out, NULL) == ST_OK);
		assert(reason != R_NONE);
	}
	return 0;
}
