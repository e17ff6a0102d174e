/* Target: token_parse() token_bounce_parse() token_shaped() -- seeds: corpus/token */
#include "mail/token.h"

#include "base/buf.h"
#include "base/own.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static const struct token_keys keys = { .key = { { "k2", { 2 } }, { "k1", { 1 } } }, .n = 2 };
	AUTO_BUF b = BUF_INIT;
	struct token t = { .kind = TOKEN_MESSAGE };

	buf_append(&b, in, n);
	token_shaped(buf_str(&b));
	/* Only what we made ourselves is ours: a token that is accepted is made again and must be the same. */
	if (token_parse(&keys, "demo", buf_str(&b), "lee@clinic.example", &t)) {
		const char *domain = strchr(buf_str(&b), '@') + 1;
		AUTO_STR id = token_message_id(&keys, "demo", domain, &t, "lee@clinic.example");

		assert(token_shaped(buf_str(&b)));
		assert(strlen(id) == strlen(buf_str(&b)));
	}
	if (token_bounce_parse(&keys, "demo", "b@clinic.example", buf_str(&b), &t)) {
		AUTO_STR rcpt = token_bounce_address(&keys, "demo", "b@clinic.example", &t);

		assert(strlen(rcpt) == strlen(buf_str(&b)));
	}
	return 0;
}
