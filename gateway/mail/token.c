#include "mail/token.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/own.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define MAC_BYTES 16
#define MAC_CHARS 26
/* An envelope sender has 64 bytes for its local part (RFC 5321 4.5.3.1.1): 80 bits of MAC must do there. */
#define BOUNCE_MAC_BYTES 10
#define BOUNCE_MAC_CHARS 16
#define ID_MAX 320

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static char
upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
}

static void
put_lower(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		buf_putc(b, lower(*s));
}

/* "-" belongs to a thread's reference and to nothing else. */
static bool
is_ref(const char *s, size_t n, bool thread)
{
	for (size_t i = 0; i < n; i++) {
		char c = lower(s[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (thread && c == '-')))
			return false;
	}
	return true;
}

static bool
is_kind(char c)
{
	return c == TOKEN_MESSAGE || c == TOKEN_HOLD || c == TOKEN_NOTICE || c == TOKEN_BOUNCE;
}

/* scope keeps the two kinds of MAC apart: one is never good in the other's place. */
static void
mac_text(const uint8_t key[32], const char *scope, const char *tenant, const struct token *t, const char *recipient,
    size_t nbytes, char *ret)
{
	AUTO_BUF b = BUF_INIT;
	uint8_t mac[HASH_SIZE];

	buf_printf(&b, "%s|", scope);
	put_lower(&b, tenant);
	buf_printf(&b, "|%c|", (char)t->kind);
	put_lower(&b, t->thread);
	buf_putc(&b, '|');
	put_lower(&b, t->ref);
	buf_putc(&b, '|');
	put_lower(&b, recipient);
	hmac_sha256(key, 32, buf_str(&b), b.n, mac);
	base32_encode(mac, nbytes, ret);
}

/* thread "." ref "." key id "." mac */
static void
put_token(struct buf *b, const struct token_keys *keys, const char *scope, const char *tenant, const struct token *t,
    const char *recipient, size_t nbytes)
{
	char mac[MAC_CHARS + 1];

	assert(keys->n > 0 && is_kind((char)t->kind));
	assert(is_ref(t->thread, strlen(t->thread), true) && is_ref(t->ref, strlen(t->ref), false));
	mac_text(keys->key[0].key, scope, tenant, t, recipient, nbytes, mac);
	put_lower(b, t->thread);
	buf_putc(b, '.');
	put_lower(b, t->ref);
	buf_putc(b, '.');
	put_lower(b, keys->key[0].id);
	buf_printf(b, ".%s", mac);
}

struct token_text {
	struct slice thread, ref, key, mac;
};

static bool
cut_field(struct slice *rest, struct slice *ret, size_t max, bool thread)
{
	const char *dot = memchr(rest->p, '.', rest->n);

	*ret = (struct slice){ rest->p, dot != NULL ? (size_t)(dot - rest->p) : rest->n };
	if (ret->n > max || !is_ref(ret->p, ret->n, thread))
		return false;
	rest->p += ret->n + (dot != NULL);
	rest->n -= ret->n + (dot != NULL);
	return true;
}

/* All of s must be the token. */
static bool
cut_token(struct slice s, size_t mac_chars, struct token_text *ret)
{
	size_t dots = 0;

	for (size_t i = 0; i < s.n; i++)
		dots += s.p[i] == '.';
	return dots == 3 && cut_field(&s, &ret->thread, sizeof((struct token *)0)->thread - 1, true) &&
	       cut_field(&s, &ret->ref, sizeof((struct token *)0)->ref - 1, false) &&
	       cut_field(&s, &ret->key, sizeof((struct token_keys *)0)->key[0].id - 1, false) &&
	       cut_field(&s, &ret->mac, mac_chars, false) && ret->mac.n == mac_chars && s.n == 0;
}

static void
copy_upper(char *to, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		to[i] = upper(s.p[i]);
	to[s.n] = '\0';
}

static bool
verify(const struct token_keys *keys, const char *scope, const char *tenant, char kind, const struct token_text *text,
    const char *recipient, size_t nbytes, struct token *ret)
{
	char got[MAC_CHARS + 1] = "", want[MAC_CHARS + 1];
	struct token t = { .kind = (enum token_kind)kind };
	bool good = false;

	copy_upper(t.thread, text->thread);
	copy_upper(t.ref, text->ref);
	/* The text is compared, not the bytes: the spare bits of base32 must be right as well. */
	for (size_t i = 0; i < text->mac.n; i++)
		got[i] = lower(text->mac.p[i]);
	for (size_t i = 0; i < keys->n && i < ARRAY_LEN(keys->key); i++) {
		if (!slice_caseeq(text->key, keys->key[i].id))
			continue;
		mac_text(keys->key[i].key, scope, tenant, &t, recipient, nbytes, want);
		good |= bytes_equal(got, want, text->mac.n);
	}
	if (good)
		*ret = t;
	return good;
}

char *
token_message_id(
    const struct token_keys *keys, const char *tenant, const char *domain, const struct token *t, const char *recipient)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "p1.%c", (char)t->kind);
	put_token(&b, keys, "p1", tenant, t, recipient, MAC_BYTES);
	buf_putc(&b, '@');
	put_lower(&b, domain);
	return buf_take(&b);
}

/* "p1." kind ... "@": the part between, or false. */
static bool
cut_id(const char *id, char *kind, struct slice *ret)
{
	const char *at = id != NULL && strlen(id) <= ID_MAX ? strchr(id, '@') : NULL;

	if (at == NULL || at - id < 5 || strncasecmp(id, "p1.", 3) != 0 || !is_kind(lower(id[3])))
		return false;
	*kind = lower(id[3]);
	*ret = (struct slice){ id + 4, (size_t)(at - id) - 4 };
	return true;
}

bool
token_parse(const struct token_keys *keys, const char *tenant, const char *id, const char *recipient, struct token *ret)
{
	struct token_text text;
	struct slice s;
	char kind;

	return recipient != NULL && cut_id(id, &kind, &s) && cut_token(s, MAC_CHARS, &text) &&
	       verify(keys, "p1", tenant, kind, &text, recipient, MAC_BYTES, ret);
}

bool
token_shaped(const char *id)
{
	struct slice s;
	size_t dots = 0;
	char kind;

	if (!cut_id(id, &kind, &s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		dots += s.p[i] == '.';
	return dots >= 2 && (s.p[0] == '.' || lower(s.p[0]) == 'p');
}

char *
token_bounce_address(
    const struct token_keys *keys, const char *tenant, const char *bounce_address, const struct token *t)
{
	const char *at = strrchr(bounce_address, '@');
	struct token bounce = *t;
	struct buf b = BUF_INIT;

	assert(at != NULL);
	bounce.kind = TOKEN_BOUNCE;
	buf_append(&b, bounce_address, (size_t)(at - bounce_address));
	buf_putc(&b, '+');
	put_token(&b, keys, "p1-bounce", tenant, &bounce, "", BOUNCE_MAC_BYTES);
	buf_puts(&b, at);
	return buf_take(&b);
}

bool
token_bounce_parse(
    const struct token_keys *keys, const char *tenant, const char *bounce_address, const char *rcpt, struct token *ret)
{
	const char *at = strrchr(bounce_address, '@'), *rcpt_at = rcpt != NULL ? strrchr(rcpt, '@') : NULL;
	size_t local = at != NULL ? (size_t)(at - bounce_address) : 0;
	struct token_text text;

	if (at == NULL || rcpt_at == NULL || strlen(rcpt) > ID_MAX || strcasecmp(at, rcpt_at) != 0)
		return false;
	if ((size_t)(rcpt_at - rcpt) <= local + 1 || strncasecmp(rcpt, bounce_address, local) != 0 ||
	    rcpt[local] != '+')
		return false;
	return cut_token(
		   (struct slice){ rcpt + local + 1, (size_t)(rcpt_at - rcpt) - local - 1 }, BOUNCE_MAC_CHARS, &text) &&
	       verify(keys, "p1-bounce", tenant, TOKEN_BOUNCE, &text, "", BOUNCE_MAC_BYTES, ret);
}
