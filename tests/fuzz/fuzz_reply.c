/* Target: reply_trim() reply_first_line() html_to_text() flowed_join() -- seeds: corpus/reply */
#include "mail/reply.h"

#include "base/buf.h"
#include "mail/flowed.h"
#include "mail/html.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	struct slice raw = { n > 0 ? (const char *)in : "", n };
	AUTO(arena) a = arena_new();
	AUTO_BUF text = BUF_INIT;
	AUTO_BUF html = BUF_INIT;
	AUTO_BUF flowed = BUF_INIT;
	struct reply r, again;

	buf_append(&text, in, n);
	for (size_t i = 0; i < n; i++)
		if (text.p[i] == '\0')
			text.p[i] = ' ';
	reply_trim(buf_str(&text), "P-7K3QXM", a, &r);
	assert(strlen(r.text) <= n);
	/* never trims to nothing */
	assert(*r.text != '\0' || strspn(buf_str(&text), " \t\r\n\302\240") == n);
	assert(strlen(reply_first_line(buf_str(&text), "P-7K3QXM", a)) <= n);
	reply_trim(r.text, "P-7K3QXM", a, &again);
	assert(strlen(again.text) <= strlen(r.text));
	html_to_text(raw, &html);
	assert(html.n <= 16 * n + 64);
	flowed_join(raw, n % 2 == 0, &flowed);
	assert(flowed.n <= 2 * n + 64);
	return 0;
}
