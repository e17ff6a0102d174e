/* The CMS reader against what honest programs do not write: built or bent here, byte by byte. */
#include "pki.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/own.h"
#include "crypto/cms.h"

#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIT(s)                                                                                                         \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	} /* a slice, where only a constant will do */
#define TEXT "Content-Type: text/plain\r\n\r\nhello\r\n"

static struct keys *keys;
static struct cert *lee, *ec;

static int
setup(void **state)
{
	(void)state;
	pki_person("lee", "lee@clinic.example", false);
	pki_person("ec", "lee@clinic.example", true);
	keys = pki_keys();
	lee = pki_cert("lee");
	ec = pki_cert("ec");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	keys_free(keys);
	cert_free(lee);
	cert_free(ec);
	return 0;
}

/* ---- BER ---- */

static void
ber_becomes_der(void **state)
{
	static const struct {
		const char *name;
		struct slice in, out; /* out.n == 0: refused */
	} rows[] = {
		{ "DER stays", LIT("\x30\x03\x02\x01\x05"), LIT("\x30\x03\x02\x01\x05") },
		{ "indefinite", LIT("\x30\x80\x02\x01\x05\0\0"), LIT("\x30\x03\x02\x01\x05") },
		{ "long length", LIT("\x30\x81\x03\x02\x01\x05"), LIT("\x30\x03\x02\x01\x05") },
		{ "leading zeros in a length", LIT("\x30\x83\0\0\x03\x02\x01\x05"), LIT("\x30\x03\x02\x01\x05") },
		{ "string in pieces", LIT("\x24\x80\x04\x01\x61\x04\x01\x62\0\0"), LIT("\x04\x02\x61\x62") },
		{ "pieces of pieces", LIT("\x24\x80\x24\x03\x04\x01\x61\x04\x01\x62\0\0"), LIT("\x04\x02\x61\x62") },
		{ "[0] of pieces keeps its form", LIT("\xa0\x80\x04\x01\x61\0\0"), LIT("\xa0\x03\x04\x01\x61") },
		{ "trailing byte", LIT("\x30\x00\x00"), { "", 0 } },
		{ "too short", LIT("\x30\x05\x02\x01\x05"), { "", 0 } },
		{ "no end", LIT("\x30\x80\x02\x01\x05"), { "", 0 } },
		{ "length of five bytes", LIT("\x30\x85\0\0\0\0\x03\x02\x01\x05"), { "", 0 } },
		{ "indefinite primitive", LIT("\x04\x80\x61\0\0"), { "", 0 } },
		{ "integer among pieces", LIT("\x24\x03\x02\x01\x05"), { "", 0 } },
		{ "bit string in pieces", LIT("\x23\x03\x03\x01\x00"), { "", 0 } },
		{ "high tag number", LIT("\x3f\x21\x00"), { "", 0 } },
		{ "child beyond its parent", LIT("\x30\x03\x02\x02\x05\x05"), { "", 0 } },
		{ "nothing", LIT(""), { "", 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF tmp = BUF_INIT;
		struct der got = { NULL, 0 };
		bool ok =
		    der_from_ber((struct der){ (const uint8_t *)rows[i].in.p, rows[i].in.n }, &tmp, &got) == DER_GOOD;

		print_message("%s\n", rows[i].name);
		assert_int_equal(ok, rows[i].out.n > 0);
		if (!ok)
			continue;
		assert_int_equal(got.n, rows[i].out.n);
		assert_memory_equal(got.p, rows[i].out.p, got.n);
	}
}

static void
depth_is_bounded(void **state)
{
	AUTO_BUF b = BUF_INIT, tmp = BUF_INIT;
	struct der got;

	(void)state;
	for (int i = 0; i < 1000000; i++)
		buf_append(&b, "\x24\x80", 2);
	assert_int_equal(der_from_ber((struct der){ (const uint8_t *)b.p, b.n }, &tmp, &got), DER_TOO_DEEP);
}

/* ---- signed attributes ---- */

static void
attr(struct buf *b, struct der oid, uint8_t tag, struct der v, int values)
{
	size_t at = b->n, set;

	der_put(b, DER_OID, oid);
	set = b->n;
	for (int i = 0; i < values; i++)
		der_put(b, tag, v);
	der_wrap(b, set, DER_SET);
	der_wrap(b, at, DER_SEQ);
}

static void
alg(struct buf *b, struct der oid)
{
	size_t at = b->n;

	der_put(b, DER_OID, oid);
	der_wrap(b, at, DER_SEQ);
}

static void
der_cert(struct buf *b, const struct cert *c)
{
	unsigned char *p = NULL;
	int n = i2d_X509(c->x509, &p);

	buf_append(b, p, (size_t)n);
	OPENSSL_free(p);
}

/* An opaque SignedData over TEXT with these signed attributes, truly signed. */
static void
build_signed(const struct buf *attrs, size_t unsigned_bytes, struct buf *ret)
{
	AUTO_BUF set = BUF_INIT, sig = BUF_INIT, b = BUF_INIT, junk = BUF_INIT;
	uint8_t hash[32];
	size_t at;

	der_put(&set, DER_SET, (struct der){ (const uint8_t *)buf_str(attrs), attrs->n });
	sha256(set.p, set.n, hash);
	assert_int_equal(keys_sign(keys, "lee", hash, &sig, NULL), ST_OK);
	der_put(&b, DER_INTEGER, DER_LIT("\x01"));
	at = b.n;
	alg(&b, OID_SHA256);
	der_wrap(&b, at, DER_SET);
	at = b.n;
	der_put(&b, DER_OID, OID_DATA);
	{
		size_t content = b.n;

		der_put(&b, DER_OCTETS, DER_LIT(TEXT));
		der_wrap(&b, content, DER_CTX0);
	}
	der_wrap(&b, at, DER_SEQ);
	at = b.n;
	der_cert(&b, lee);
	der_wrap(&b, at, DER_CTX0);
	at = b.n;
	der_put(&b, DER_INTEGER, DER_LIT("\x01"));
	buf_append(&b, lee->issuer_serial.p, lee->issuer_serial.n);
	alg(&b, OID_SHA256);
	if (attrs->n > 0)
		der_put(&b, DER_CTX0, (struct der){ (const uint8_t *)attrs->p, attrs->n });
	alg(&b, OID_RSA);
	der_put(&b, DER_OCTETS, (struct der){ (const uint8_t *)sig.p, sig.n });
	if (unsigned_bytes > 0) {
		for (size_t i = 0; i < unsigned_bytes; i++)
			buf_putc(&junk, 'x');
		size_t un = b.n;

		attr(&b, DER_LIT("\x2a\x03"), DER_OCTETS, (struct der){ (const uint8_t *)junk.p, junk.n }, 1);
		der_wrap(&b, un, DER_CTX0 + 1);
	}
	der_wrap(&b, at, DER_SEQ);
	der_wrap(&b, at, DER_SET);
	der_wrap(&b, 0, DER_SEQ);
	der_wrap(&b, 0, DER_CTX0);
	at = ret->n;
	der_put(ret, DER_OID, OID_SIGNED);
	buf_append(ret, b.p, b.n);
	der_wrap(ret, at, DER_SEQ);
}

enum { A_TYPE = 1, A_DIGEST = 2, A_TIME = 4, A_CERT = 8 };

static void
signed_attributes_say_one_thing_each(void **state)
{
	static const struct {
		const char *name;
		int what, twice, two_values; /* sets of A_* */
		bool other_type, other_digest, short_digest, other_cert, bad_time;
		size_t junk;
		enum reason expect;
	} rows[] = {
		{ .name = "as it should be", .what = A_TYPE | A_DIGEST | A_TIME, .expect = R_NONE },
		{ .name = "S16 no time", .what = A_TYPE | A_DIGEST, .expect = R_NONE },
		{ .name = "with the signer's certificate named", .what = A_TYPE | A_DIGEST | A_CERT, .expect = R_NONE },
		{ .name = "S21 a megabyte that nobody signed",
		    .what = A_TYPE | A_DIGEST,
		    .junk = 1 << 20,
		    .expect = R_NONE },
		{ .name = "S20 none at all", .what = 0, .expect = R_SIG_ATTRIBUTES },
		{ .name = "S20 no content type", .what = A_DIGEST, .expect = R_SIG_ATTRIBUTES },
		{ .name = "S20 no digest", .what = A_TYPE, .expect = R_SIG_ATTRIBUTES },
		{ .name = "S20 digest twice",
		    .what = A_TYPE | A_DIGEST,
		    .twice = A_DIGEST,
		    .expect = R_SIG_ATTRIBUTES },
		{ .name = "S20 type twice", .what = A_TYPE | A_DIGEST, .twice = A_TYPE, .expect = R_SIG_ATTRIBUTES },
		{ .name = "S20 time twice",
		    .what = A_TYPE | A_DIGEST | A_TIME,
		    .twice = A_TIME,
		    .expect = R_SIG_ATTRIBUTES },
		{ .name = "two digests in one",
		    .what = A_TYPE | A_DIGEST,
		    .two_values = A_DIGEST,
		    .expect = R_SIG_ATTRIBUTES },
		{ .name = "two times in one",
		    .what = A_TYPE | A_DIGEST | A_TIME,
		    .two_values = A_TIME,
		    .expect = R_SIG_ATTRIBUTES },
		{ .name = "another type", .what = A_TYPE | A_DIGEST, .other_type = true, .expect = R_SIG_ATTRIBUTES },
		{ .name = "another digest", .what = A_TYPE | A_DIGEST, .other_digest = true, .expect = R_SIG_INVALID },
		{ .name = "half a digest", .what = A_TYPE | A_DIGEST, .short_digest = true, .expect = R_SIG_INVALID },
		{ .name = "another certificate named",
		    .what = A_TYPE | A_DIGEST | A_CERT,
		    .other_cert = true,
		    .expect = R_SIG_ATTRIBUTES },
		{ .name = "a time that is none",
		    .what = A_TYPE | A_DIGEST | A_TIME,
		    .bad_time = true,
		    .expect = R_SIG_ATTRIBUTES },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF attrs = BUF_INIT, cms = BUF_INIT, tmp = BUF_INIT, named = BUF_INIT;
		AUTO(arena) a = arena_new();
		struct cms c;
		struct cms_verdict v;
		uint8_t digest[32], id[32];

		sha256(TEXT, sizeof TEXT - 1, digest);
		digest[0] ^= rows[i].other_digest;
		assert_true(hex_decode(rows[i].other_cert ? ec->sha256 : lee->sha256, id, sizeof id));
		der_put(&named, DER_OCTETS, (struct der){ id, 32 });
		der_wrap(&named, 0, DER_SEQ);
		der_wrap(&named, 0, DER_SEQ);
		for (int again = 0; again < 2; again++) {
			int what = again ? rows[i].twice : rows[i].what;

			if (what & A_TYPE)
				attr(&attrs, OID_CONTENT_TYPE, DER_OID, rows[i].other_type ? OID_SIGNED : OID_DATA, 1);
			if (what & A_DIGEST)
				attr(&attrs, OID_MESSAGE_DIGEST, DER_OCTETS,
				    (struct der){ digest, rows[i].short_digest ? 16 : 32 },
				    rows[i].two_values & A_DIGEST ? 2 : 1);
			if (what & A_TIME)
				attr(&attrs, OID_SIGNING_TIME, DER_UTCTIME,
				    rows[i].bad_time ? DER_LIT("261399000000Z") : DER_LIT("260304220000Z"),
				    rows[i].two_values & A_TIME ? 2 : 1);
			if (what & A_CERT)
				attr(&attrs, OID_SIGNING_CERT_V2, DER_SEQ, (struct der){ (uint8_t *)named.p, named.n },
				    1);
		}
		build_signed(&attrs, rows[i].junk, &cms);
		assert_int_equal(cms_read(buf_slice(&cms), 10, a, &tmp, &c), R_NONE);
		cms_verify(&c.u.sd, SLICE(TEXT), NULL, &v);
		print_message("%s: %s\n", rows[i].name, reason_name(v.reason));
		assert_int_equal(v.reason, rows[i].expect);
		if (v.reason == R_NONE && (rows[i].what & A_TIME))
			assert_int_equal(v.signing_time, 1772661600);
		cms_verdict_clear(&v);
	}
}

/* ---- enveloped data ---- */

static enum reason
try_open(struct slice cms, struct buf *plain)
{
	AUTO(arena) a = arena_new();
	AUTO_BUF tmp = BUF_INIT;
	struct cms c;
	const char *cipher;
	struct slice out;
	enum reason got = cms_read(cms, 100, a, &tmp, &c);

	if (got != R_NONE)
		return got;
	assert_int_equal(cms_decrypt(&c.u.ed, keys, a, &got, &cipher, &out, NULL), ST_OK);
	if (got == R_NONE) {
		buf_clear(plain);
		buf_append(plain, out.p, out.n);
	}
	return got;
}

static void
seal_text(const struct cert *to, bool gcm, bool oaep, struct buf *ret)
{
	struct slice piece = SLICE(TEXT);

	buf_clear(ret);
	assert_int_equal(cms_encrypt(to, gcm, oaep, &piece, 1, ret, NULL), ST_OK);
}

static void
replace(struct buf *b, struct slice from, struct slice to)
{
	char *p = memmem(b->p, b->n, from.p, from.n);

	assert_non_null(p);
	assert_int_equal(from.n, to.n);
	memcpy(p, to.p, to.n);
}

static void
bent_envelopes_are_held(void **state)
{
	static const struct {
		const char *name;
		bool ec, gcm, oaep;
		struct slice from, to;
		enum reason expect;
	} rows[] = {
		{ "E2 tag of 12 bytes announced", false, true, false, LIT("\x02\x01\x10"), LIT("\x02\x01\x0c"),
		    R_UNSUPPORTED_ALG },
		{ "E2 tag of 4 bytes announced", false, true, false, LIT("\x02\x01\x10"), LIT("\x02\x01\x04"),
		    R_UNSUPPORTED_ALG },
		{ "GCM called CBC", false, true, false, LIT("\x03\x04\x01\x2e\x30"), LIT("\x03\x04\x01\x2a\x30"),
		    R_MALFORMED },
		{ "CBC called GCM", false, false, false, LIT("\x03\x04\x01\x2a\x04"), LIT("\x03\x04\x01\x2e\x04"),
		    R_MALFORMED },
		{ "E10 OAEP without parameters", false, false, false,
		    LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04"),
		    LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07\x05\x00\x04"), R_MALFORMED },
		{ "E10 OAEP with another mask", false, false, true, LIT("\x01\x01\x08\x30"), LIT("\x01\x01\x07\x30"),
		    R_UNSUPPORTED_ALG },
		{ "PKCS#1 called PSS", false, false, false, LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04"),
		    LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x05\x00\x04"), R_UNSUPPORTED_ALG },
		{ "E10 no key wrap named", true, false, false,
		    LIT("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d"),
		    LIT("\x04\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d"), R_MALFORMED },
		{ "another key wrap", true, false, false, LIT("\x65\x03\x04\x01\x2d"), LIT("\x65\x03\x04\x01\x05"),
		    R_DECRYPT },
		{ "another key derivation", true, false, false, LIT("\x2b\x81\x04\x01\x0b\x01"),
		    LIT("\x2b\x81\x04\x01\x0b\x02"), R_DECRYPT },
		{ "unknown key derivation", true, false, false, LIT("\x2b\x81\x04\x01\x0b\x01"),
		    LIT("\x2b\x81\x04\x01\x0c\x01"), R_UNSUPPORTED_ALG },
		{ "point not on the curve", true, false, false, LIT("\x03\x42\x00\x04"), LIT("\x03\x42\x00\x05"),
		    R_DECRYPT },
		{ "content of another type", false, false, false, LIT("\x01\x07\x01\x30"), LIT("\x01\x07\x02\x30"),
		    R_UNSUPPORTED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF cms = BUF_INIT, plain = BUF_INIT;

		seal_text(rows[i].ec ? ec : lee, rows[i].gcm, rows[i].oaep, &cms);
		assert_int_equal(try_open(buf_slice(&cms), &plain), R_NONE);
		replace(&cms, rows[i].from, rows[i].to);
		print_message("%s: %s\n", rows[i].name, reason_name(try_open(buf_slice(&cms), &plain)));
		assert_int_equal(try_open(buf_slice(&cms), &plain), rows[i].expect);
	}
}

/* E2: whatever single bit of an authenticated message is turned, the text is the text or there is none. */
static void
no_bit_of_an_authenticated_message_can_be_turned(void **state)
{
	(void)state;
	for (int which = 0; which < 2; which++) {
		AUTO_BUF cms = BUF_INIT, plain = BUF_INIT;
		size_t opened = 0;

		seal_text(which ? ec : lee, true, false, &cms);
		for (size_t i = 0; i < cms.n; i++) {
			for (int bit = 0; bit < 8; bit += 3) {
				cms.p[i] ^= (char)(1 << bit);
				if (try_open(buf_slice(&cms), &plain) == R_NONE) {
					assert_int_equal(plain.n, sizeof TEXT - 1);
					assert_memory_equal(plain.p, TEXT, plain.n);
					opened++;
				}
				cms.p[i] ^= (char)(1 << bit);
			}
		}
		/* version numbers and the like */
		assert_true(opened < 40);
	}
}

/* E5, E6: the wrong key, a broken key, broken padding, a key that is for somebody else: one answer. */
static void
every_failure_to_decrypt_is_the_same(void **state)
{
	AUTO_BUF cms = BUF_INIT, plain = BUF_INIT;
	size_t key_at;

	(void)state;
	seal_text(lee, false, false, &cms);
	key_at = (size_t)((char *)memmem(cms.p, cms.n, "\x04\x82\x01\x00", 4) - cms.p) + 4;
	for (size_t i = 0; i < 200; i++) {
		size_t at = i % 2 == 0 ? key_at + i : cms.n - 1 - i % 16;

		enum reason got;

		cms.p[at] ^= 0x55;
		got = try_open(buf_slice(&cms), &plain);
		/* a broken key may by chance give good padding: 1 of 256 tries, another one each time, and then noise,
		 * which open_mail() holds */
		if (got == R_NONE)
			assert_true(plain.n != sizeof TEXT - 1 || memcmp(plain.p, TEXT, plain.n) != 0);
		else
			assert_int_equal(got, R_DECRYPT);
		cms.p[at] ^= 0x55;
	}
	assert_int_equal(try_open(buf_slice(&cms), &plain), R_NONE);
	for (size_t n = 0; n < cms.n; n++)
		assert_int_equal(try_open((struct slice){ cms.p, n }, &plain), R_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ber_becomes_der),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(signed_attributes_say_one_thing_each),
		cmocka_unit_test(bent_envelopes_are_held),
		cmocka_unit_test(no_bit_of_an_authenticated_message_can_be_turned),
		cmocka_unit_test(every_failure_to_decrypt_is_the_same),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
