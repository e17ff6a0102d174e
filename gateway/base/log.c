#include "base/log.h"

#include "base/buf.h"
#include "base/hash.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *log_program = "portico";
static int log_max = LOG_INFO;
static uint8_t log_key[32];

void
log_open(const char *program, int max_prio)
{
	log_program = program;
	log_max = max_prio;
}

void
log_set_key(const uint8_t *key, unsigned n)
{
	memset(log_key, 0, sizeof log_key);
	memcpy(log_key, key, n < sizeof log_key ? n : sizeof log_key);
}

static void
put_ref(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		buf_putc(b, isalnum((unsigned char)*s) || strchr("-._:/", *s) != NULL ? *s : '?');
}

/* "5f3a91c2@clinic.example": enough to follow one correspondent, not enough to know who it is. */
static void
put_addr(struct buf *b, const char *s)
{
	const char *at = strrchr(s, '@');
	char hex[2 * HASH_SIZE + 1];
	uint8_t mac[HASH_SIZE];

	hmac_sha256(log_key, sizeof log_key, s, strlen(s), mac);
	hex_encode(mac, 4, hex);
	buf_puts(b, hex);
	if (at != NULL) {
		buf_putc(b, '@');
		put_ref(b, at + 1);
	}
}

void
log_write(int prio, const char *event, const struct log_field *f)
{
	AUTO_BUF b = BUF_INIT;

	if (prio > log_max)
		return;
	/* systemd reads the <N> prefix as the priority of the line (sd-daemon(3)). */
	buf_printf(&b, "<%d>%s: event=%s", prio, log_program, event);
	for (; f->kind != LOG_F_END; f++) {
		if (f->kind == LOG_F_ERR) {
			buf_printf(&b, " st=%s code=%s at=%s:%d text=\"%s\"", status_name(f->err->st),
			    f->err->code ? f->err->code : "", f->err->file ? f->err->file : "", f->err->line,
			    f->err->text);
			continue;
		}
		buf_printf(&b, " %s=", f->name);
		switch (f->kind) {
		case LOG_F_NUM:
			buf_printf(&b, "%lld", (long long)f->n);
			break;
		case LOG_F_ADDR:
			put_addr(&b, f->s != NULL ? f->s : "");
			break;
		default:
			put_ref(&b, f->s != NULL ? f->s : "");
		}
	}
	for (size_t i = 0; i < b.n; i++)
		if ((unsigned char)b.p[i] < 0x20 || b.p[i] == 0x7f)
			b.p[i] = ' ';
	buf_putc(&b, '\n');
	if (write(STDERR_FILENO, b.p, b.n) < 0) { /* a log that cannot be written must not stop the mail */
	}
}
