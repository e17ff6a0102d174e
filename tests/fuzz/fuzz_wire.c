/* Target: worker_read_opened() and keys_answer(): what a worker may answer and ask, and what portico-keys is asked.
 * The first byte says which -- seeds: corpus/wire */
#include "crypto/keys_serve.h"
#include "crypto/wire.h"
#include "crypto/worker_in.h"

#include "base/own.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static const struct limits_conf limits = { .mime_depth = 32,
	.mime_parts = 100,
	.headers = 100,
	.header_bytes = 8 << 10,
	.message_bytes = 64 << 10,
	.recipients = 100,
	.cms_layers = 3 };

static void
opened(struct slice body)
{
	static const char mail[] = "From: a@x.example\r\nSubject: x\r\n\r\ntext\r\n";
	AUTO(arena) a = arena_new();
	struct worker_content inside;
	struct opened o;
	struct err err = ERR_NONE;

	if (worker_read_opened(body, &limits, SLICE(mail), a, &o, &inside, &err) != ST_OK) {
		assert(err.code[0] != '\0' && inside.content == NULL);
		return;
	}
	/* Whatever a worker says: nothing is verified that has no author, no signature and no certificate naming him.
	 */
	assert(o.reason != NULL && o.signed_valid == (o.outcome == OPEN_VERIFIED));
	if (o.signed_valid)
		assert(o.nlayers > 0 && o.signer_cert != NULL && cert_has_email(o.signer_cert, o.from));
	if (inside.content != NULL)
		assert(inside.content->text != NULL && inside.content->natt <= 100);
	content_free(inside.content);
	opened_clear(&o);
}

static enum status
no_keys(void *arg, uint8_t op, struct slice request, struct buf *ret, struct err *err)
{
	(void)arg, (void)op, (void)request, (void)ret;
	return err_set(err, ST_LOCAL, "keys.away", "none here");
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct slice body = { (const char *)in + 1, n - 1 };
	AUTO(keys) k = NULL;
	AUTO(trust) t = NULL;
	AUTO_BUF ret = BUF_INIT;

	if (n == 0)
		return 0;
	switch (in[0]) {
	case 'O':
		opened(body);
		break;
	case 'L':
		if (keys_elsewhere(body, no_keys, NULL, &k, NULL) == ST_OK)
			assert(k != NULL);
		break;
	case 'T':
		if (trust_import(body, &t, NULL) == ST_OK)
			assert(trust_serial(t) != 0);
		break;
	default:
		if (keys_elsewhere(SLICE("\0\0\0\0"), no_keys, NULL, &k, NULL) == ST_OK)
			/* There is no key here: only the list may be had. */
			assert(keys_answer(k, KEYS_FOR_DAEMON, in[0], body, &ret) != ST_OK || in[0] == KEYS_LIST);
	}
	return 0;
}
