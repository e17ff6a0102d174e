#include "crypto/seal.h"

#include "base/hash.h"
#include "crypto/base64.h"
#include "crypto/cms.h"

#include <string.h>

#define MAX_LINE 998 /* RFC 5322 2.1.1 */
#define MAX_HELP 16

static bool
has_high_bit(struct slice s)
{
	uint64_t all = 0, word;
	size_t i = 0;

	for (; i + sizeof word <= s.n; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		all |= word;
	}
	for (; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return (all & UINT64_C(0x8080808080808080)) != 0;
}

/* A signature survives relays only over 7-bit text with CRLF and lines of bounded length; what compose gives is that,
 * so anything else here is our own mistake. */
static enum status
check_canonical(struct slice s, struct err *err)
{
	size_t at = 0;

	if (has_high_bit(s) || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
		return err_set(err, ST_LOCAL, "seal.not-canonical", "the entity to seal is not 7-bit text");
	while (at < s.n) {
		const char *lf = memchr(s.p + at, '\n', s.n - at);
		size_t end = lf != NULL ? (size_t)(lf - s.p) : s.n;
		const char *cr = memchr(s.p + at, '\r', end - at);

		if ((lf == NULL) != (cr == NULL) || (lf != NULL && cr + 1 != lf) || end - at > MAX_LINE + 1)
			return err_set(err, ST_LOCAL, "seal.not-canonical",
			    "the entity to seal has a bare CR or LF, or a line that is too long");
		at = end + 1;
	}
	return ST_OK;
}

/* The sender's own intermediates help too: both certificates come from the same authority in most clinics. */
static enum status
check_recipient(struct keys *keys, struct trust *trust, const struct seal *s, struct err *err)
{
	struct cert *const *own;
	struct cert *help[MAX_HELP];
	size_t nown, n = 0;

	TRY(keys_chain(keys, s->signer, &own, &nown, err));
	for (size_t i = 0; i < s->nextra && n < MAX_HELP; i++)
		help[n++] = s->extra[i];
	for (size_t i = 1; i < nown && n < MAX_HELP; i++)
		help[n++] = own[i];
	return trust_check(trust, s->recipient, help, n, CERT_ENCRYPT, s->now, err);
}

/* Around the inner entity: the head and tail of multipart/signed (RFC 8551 3.5.3). */
static enum status
sign_inner(struct keys *keys, const struct seal *s, struct buf *head, struct buf *tail, struct err *err)
{
	AUTO_BUF cms = BUF_INIT;
	uint8_t digest[HASH_SIZE];
	char boundary[25];

	random_ref(boundary, sizeof boundary - 1);
	sha256(s->inner.p, s->inner.n, digest);
	TRY(cms_sign(keys, s->signer, digest, s->now, &cms, err));
	buf_printf(head,
	    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
	    " micalg=sha-256; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n",
	    boundary, boundary);
	buf_printf(tail,
	    "\r\n--=_%s\r\n"
	    "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
	    boundary);
	base64_lines(cms.p, cms.n, tail);
	buf_printf(tail, "--=_%s--\r\n", boundary);
	return ST_OK;
}

enum status
seal_mail(struct keys *keys, struct trust *trust, const struct seal *s, struct buf *ret, struct err *err)
{
	AUTO_BUF head = BUF_INIT, tail = BUF_INIT, cms = BUF_INIT;
	struct slice piece[3];

	TRY(check_canonical(s->outer, err));
	TRY(check_canonical(s->inner, err));
	TRY(check_recipient(keys, trust, s, err));
	TRY(sign_inner(keys, s, &head, &tail, err));
	piece[0] = buf_slice(&head);
	piece[1] = s->inner;
	piece[2] = buf_slice(&tail);
	TRY(cms_encrypt(s->recipient, s->gcm, s->oaep, piece, ARRAY_LEN(piece), &cms, err));
	buf_reserve(ret, s->outer.n + cms.n / 57 * 78 + 512);
	buf_append(ret, s->outer.p, s->outer.n);
	if (s->outer.n > 0 && s->outer.p[s->outer.n - 1] != '\n')
		buf_puts(ret, "\r\n");
	buf_printf(ret,
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: application/pkcs7-mime; smime-type=%s;\r\n name=\"smime.p7m\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n",
	    s->gcm ? "authEnveloped-data" : "enveloped-data");
	base64_lines(cms.p, cms.n, ret);
	return ST_OK;
}
