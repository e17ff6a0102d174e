#include "mail/gmime.h"

#include "mail/entity_in.h"
#include "mail/text.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

static void
ready_once(void)
{
	g_mime_init();
}

void
gmime_ready(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, ready_once);
}

void
gmime_unref(void *object)
{
	if (object != NULL)
		g_object_unref(object);
}

/* "=?charset?B?data?=" at s, RFC 2047 2. */
struct b_word {
	struct slice charset, data;
	const char *end;
};

static bool
b_word_at(const char *s, struct b_word *ret)
{
	size_t charset, data;

	if (s[0] != '=' || s[1] != '?')
		return false;
	charset = strcspn(s + 2, "? \t\r\n");
	if (charset == 0 || strncasecmp(s + 2 + charset, "?B?", 3) != 0)
		return false;
	ret->charset = (struct slice){ s + 2, charset };
	ret->data.p = s + 2 + charset + 3;
	data = strcspn(ret->data.p, "? \t\r\n");
	ret->data.n = data;
	ret->end = ret->data.p + data + 2;
	return strncmp(ret->data.p + data, "?=", 2) == 0;
}

/* GMime 3.2.13 joins neighbouring base64 words and gives up behind the first that ends in padding: what follows would
 * be lost. So neighbours of one charset become one word. */
static void
join_b_words(const char *s, struct buf *ret)
{
	struct b_word word, next;

	while (*s != '\0') {
		AUTO_BUF bytes = BUF_INIT;
		bool good = b_word_at(s, &word) && base64_get(word.data, &bytes);

		if (!good) {
			buf_putc(ret, *s++);
			continue;
		}
		s = word.end;
		while (b_word_at(s + strspn(s, " \t\r\n"), &next) && next.charset.n == word.charset.n &&
		       strncasecmp(next.charset.p, word.charset.p, word.charset.n) == 0) {
			size_t before = bytes.n;

			if (!base64_get(next.data, &bytes)) {
				bytes.n = before;
				break;
			}
			s = next.end;
		}
		buf_puts(ret, "=?");
		buf_append(ret, word.charset.p, word.charset.n);
		buf_puts(ret, "?B?");
		base64_put(buf_slice(&bytes), 0, ret);
		buf_puts(ret, "?=");
	}
}

void
gmime_header_text(const char *value, size_t max, struct buf *ret)
{
	AUTO_BUF joined = BUF_INIT;
	char *decoded;

	gmime_ready();
	join_b_words(value, &joined);
	decoded = g_mime_utils_header_decode_text(NULL, buf_str(&joined));
	if (decoded == NULL)
		return;
	text_clean_line(slice_of(decoded), max, ret);
	explicit_bzero(decoded, strlen(decoded));
	g_free(decoded);
}
