/* Target: entity_scan() mime_prescan() mime_type_parse() mime_split() mime_decode() entity_canonical()
 * seeds: corpus/entity */
#include "mail/entity.h"

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

static void
walk(struct slice raw, struct arena *a, int depth)
{
	AUTO_BUF body = BUF_INIT;
	struct mime_type type;
	struct slice *parts;
	struct entity e;
	size_t n;

	if (entity_scan(raw, &limits, a, &e, NULL) != ST_OK)
		return;
	/* exact slices of what came in */
	assert(e.header.p == raw.p && e.header.n <= raw.n && e.body.p + e.body.n == raw.p + raw.n);
	assert(e.nfields <= (size_t)limits.headers);
	for (size_t i = 0; i < e.nfields; i++) {
		assert(e.fields[i].value.p >= raw.p && e.fields[i].value.p + e.fields[i].value.n <= e.body.p);
		assert(memchr(e.fields[i].name.p, ':', e.fields[i].name.n) == NULL);
	}
	mime_type_parse(entity_get(&e, "Content-Type", a), a, &type);
	assert(*type.type != '\0' && *type.subtype != '\0');
	if (mime_decode(&e, &body, NULL) == ST_OK)
		assert(body.n <= e.body.n);
	if (depth > 8 || mime_split(&e, &type, a, &parts, &n, NULL) != ST_OK)
		return;
	assert(n > 0);
	for (size_t i = 0; i < n && i < 50; i++) {
		assert(parts[i].p >= e.body.p && parts[i].p + parts[i].n <= e.body.p + e.body.n);
		assert(i == 0 || parts[i].p >= parts[i - 1].p + parts[i - 1].n);
		walk(parts[i], a, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct slice raw = { n > 0 ? (const char *)in : "", n };
	AUTO(arena) a = arena_new();
	AUTO_BUF once = BUF_INIT;
	AUTO_BUF twice = BUF_INIT;

	if (mime_prescan(raw, &limits, NULL) == ST_OK)
		walk(raw, a, 0);
	entity_canonical(raw, &once);
	entity_canonical(buf_slice(&once), &twice);
	assert(once.n == twice.n && memcmp(buf_str(&once), buf_str(&twice), once.n) == 0);
	return 0;
}
