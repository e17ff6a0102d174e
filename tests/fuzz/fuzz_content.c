/* Target: content_from_mime() content_encode() content_decode() compose_inner() -- seeds: corpus/content */
#include "mail/content.h"

#include "mail/compose.h"
#include "mail/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct limits_conf limits = {
	.mime_depth = 8,
	.mime_parts = 50,
	.headers = 100,
	.header_bytes = 16 << 10,
	.message_bytes = 1 << 20,
};

static void
assert_clean(const char *s)
{
	size_t n = strlen(s);
	uint32_t c;

	for (size_t i = 0, used; i < n; i += used) {
		used = utf8_get(s + i, n - i, &c);
		assert(c != 0xFFFD || (used == 3 && memcmp(s + i, "\357\277\275", 3) == 0));
		assert((c >= ' ' && c != 0x7f) || c == '\n' || c == '\t');
		assert(!(c >= 0x202A && c <= 0x202E));
	}
}

static void
assert_same(const struct content *a, const struct content *b)
{
	assert(strcmp(a->subject, b->subject) == 0 && strcmp(a->text, b->text) == 0 && a->natt == b->natt);
	for (size_t i = 0; i < a->natt; i++) {
		assert(strcmp(a->att[i].name, b->att[i].name) == 0 && strcmp(a->att[i].type, b->att[i].type) == 0);
		assert(a->att[i].data.n == b->att[i].data.n && a->att[i].inline_image == b->att[i].inline_image);
		assert(a->att[i].data.n == 0 || memcmp(a->att[i].data.p, b->att[i].data.p, a->att[i].data.n) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct slice raw = { n > 0 ? (const char *)in : "", n };
	AUTO(content) c = NULL;
	AUTO(content) stored = NULL;
	AUTO(content) sent = NULL;
	AUTO_BUF form = BUF_INIT;
	AUTO_BUF mail = BUF_INIT;
	struct compose k = { .from_name = "x",
		.from = "a@b.example",
		.to = "c@d.example",
		.message_id = "e@f",
		.thread = "P-7K3QXM",
		.outer_subject = "x" };

	if (content_decode(raw, &limits, &stored, NULL) == ST_OK)
		content_free(TAKE(stored));
	if (content_from_mime(raw, &limits, &c, NULL) != ST_OK)
		return 0;
	assert_clean(c->subject);
	assert_clean(c->text);
	assert(strchr(c->subject, '\n') == NULL);
	for (size_t i = 0; i < c->natt; i++) {
		assert_clean(c->att[i].name);
		assert(*c->att[i].name != '\0' && strpbrk(c->att[i].name, "/\\\n\t") == NULL);
		assert(strlen(c->att[i].name) <= 120 && strcmp(c->att[i].name, "..") != 0);
	}
	content_encode(c, &form);
	assert(content_decode(buf_slice(&form), &limits, &stored, NULL) == ST_OK);
	assert_same(c, stored);
	k.content = c;
	k.subject = k.block = c->subject;
	assert(compose_inner(&k, &mail, NULL) == ST_OK);
	assert(content_from_mime(buf_slice(&mail), &limits, &sent, NULL) == ST_OK);
	assert(sent->natt == c->natt);
	return 0;
}
