/* Target: from_mailbox() msg_ids() addr_spec_valid() -- the input is a header; seeds: corpus/address */
#include "mail/address.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static const struct limits_conf limits = {
	.mime_depth = 8,
	.mime_parts = 50,
	.headers = 100,
	.header_bytes = 16 << 10,
	.message_bytes = 1 << 20,
};

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	AUTO(arena) a = arena_new();
	const char *addr = NULL, *ids[8], *value;
	struct entity e;

	if (entity_scan((struct slice){ n > 0 ? (const char *)in : "", n }, &limits, a, &e, NULL) != ST_OK)
		return 0;
	if (from_mailbox(&e, a, &addr, NULL) == ST_OK) {
		assert(entity_count(&e, "From") == 1 && addr_spec_valid(addr) && addr_spec_equal(addr, addr));
		/* it stands there as it is, in one piece */
		assert(memmem(in, n, addr, strlen(addr)) != NULL);
		for (const char *p = addr; *p != '\0'; p++)
			assert(*p > ' ' && *p <= '~' && strchr("<>()\",;:\\", *p) == NULL);
	}
	value = entity_get(&e, "References", a);
	for (size_t i = 0, m = msg_ids(value, a, 8, ids); i < m; i++)
		assert(strpbrk(ids[i], "<> \t\r\n") == NULL && strchr(ids[i], '@') != NULL);
	return 0;
}
