#include "mail/gmime.h"

#include "mail/text.h"

#include <pthread.h>
#include <string.h>

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

void
gmime_header_text(const char *value, size_t max, struct buf *ret)
{
	char *decoded;

	gmime_ready();
	decoded = g_mime_utils_header_decode_text(NULL, value);
	if (decoded == NULL)
		return;
	text_clean_line(slice_of(decoded), max, ret);
	explicit_bzero(decoded, strlen(decoded));
	g_free(decoded);
}
