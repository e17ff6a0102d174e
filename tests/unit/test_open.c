/* The rows of the threat table about signatures (S), encryption (E) and identity (I), made by other programs with our
 * own keys, each with the one outcome and reason it must have. */
#include "pki.h"

#include "base/arena.h"
#include "base/own.h"
#include "crypto/open.h"
#include "crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct limits_conf limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 35 << 20,
	.recipients = 100,
	.cms_layers = 3,
};

/* Shell functions for the rows below. h: header of the mail; sign, opaque, crypt: S/MIME entities from stdin. */
static const char shell[] =
    "h() { printf 'From: %s\\r\\nTo: portal@clinic.example\\r\\nSubject: x\\r\\n' \"${1:-Lee <lee@clinic.example>}\"; "
    "}\n"
    "text() { printf 'Content-Type: text/plain\\r\\n\\r\\nTake two a day.\\r\\nSee you.\\r\\n'; }\n"
    "sign() { i=$1; shift; openssl cms -sign -signer $i.crt -inkey $i.key -certfile ca/intermediate.crt -md sha256 "
    "\"$@\"; }\n"
    "opaque() { sign \"$@\" -nodetach; }\n"
    "crypt() { i=$1; shift; openssl cms -encrypt -aes256 \"$@\" $i.crt; }\n"
    "gcm() { i=$1; shift; openssl cms -encrypt -aes-256-gcm \"$@\" $i.crt; }\n"
    "b64() { openssl base64 -e; }\n"
    /* p7m NAME: DER from stdin as a MIME entity */
    "p7m() { printf 'MIME-Version: 1.0\\nContent-Type: application/pkcs7-mime; smime-type=%s; name=smime.p7m\\n"
    "Content-Transfer-Encoding: base64\\n\\n' $1; b64; }\n"
    /* detached FILE: the entity in FILE with the DER signature from stdin */
    "detached() { printf 'MIME-Version: 1.0\\r\\nContent-Type: multipart/signed; micalg=sha-256; boundary=bb;"
    " protocol=\"application/pkcs7-signature\"\\r\\n\\r\\n--bb\\r\\n'; cat $1; printf '\\r\\n--bb\\r\\nContent-Type:"
    " application/pkcs7-signature; name=smime.p7s\\r\\nContent-Transfer-Encoding: base64\\r\\n\\r\\n'; b64; "
    "printf -- '--bb--\\r\\n'; }\n";

static struct keys *keys;
static struct trust *trust;

static int
setup(void **state)
{
	(void)state;
	pki_person("gw", "portal@clinic.example", false);
	pki_person("gwec", "portal@clinic.example", true);
	pki_person("lee", "lee@clinic.example", false);
	pki_person("leeec", "lee@clinic.example", true);
	pki_person("eve", "eve@clinic.example", false);
	pki_odd(&(struct pki_odd){ .id = "p384", .email = "lee@clinic.example", .curve = "P-384" });
	pki_odd(&(struct pki_odd){ .id = "p521", .email = "lee@clinic.example", .curve = "P-521" });
	pki_odd(&(struct pki_odd){ .id = "rsa1024", .email = "lee@clinic.example", .rsa_bits = 1024 });
	pki_odd(&(struct pki_odd){ .id = "expired", .email = "lee@clinic.example", .until = -1 });
	pki_odd(&(struct pki_odd){ .id = "early", .email = "lee@clinic.example", .from = 3600 });
	pki_odd(&(struct pki_odd){ .id = "young", .email = "lee@clinic.example", .from = -60 });
	pki_odd(&(struct pki_odd){ .id = "self", .email = "lee@clinic.example", .self_signed = true });
	pki_odd(&(struct pki_odd){ .id = "tls", .email = "lee@clinic.example", .ext_usage = "serverAuth" });
	pki_odd(&(struct pki_odd){ .id = "anyeku", .email = "lee@clinic.example", .ext_usage = "anyExtendedKeyUsage" });
	pki_odd(&(struct pki_odd){ .id = "noeku", .email = "lee@clinic.example", .ext_usage = "" });
	pki_odd(&(struct pki_odd){ .id = "enconly", .email = "lee@clinic.example", .usage = "keyEncipherment" });
	pki_odd(&(struct pki_odd){ .id = "noemail" });
	pki_odd(&(struct pki_odd){ .id = "org", .email = "clinic.example", .dns_only = true });
	pki_odd(&(struct pki_odd){ .id = "space", .email = "lee@clinic.example " });
	pki_odd(&(struct pki_odd){ .id = "nul", .email = "lee@clinic.example\0.evil.example", .email_n = 32 });
	pki_odd(&(struct pki_odd){ .id = "dot", .email = "lee@clinic.example." });
	pki_odd(&(struct pki_odd){ .id = "upper", .email = "LEE@clinic.example" });
	pki_odd(&(struct pki_odd){ .id = "updom", .email = "lee@CLINIC.example" });
	pki_odd(&(struct pki_odd){ .id = "many", .email = "lee@clinic.example", .more_email = "x", .more_n = 116 });
	pki_odd(&(struct pki_odd){ .id = "sha1crt", .email = "lee@clinic.example", .md = "SHA1" });
	pki_odd(&(struct pki_odd){
	    .id = "ed", .email = "lee@clinic.example", .ed25519 = true, .usage = "digitalSignature" });
	pki_odd(&(struct pki_odd){ .id = "evilca", .ca = true, .self_signed = true });
	pki_odd(&(struct pki_odd){ .id = "byevil", .email = "lee@clinic.example", .issuer = "evilca" });
	pki_odd(&(struct pki_odd){ .id = "byeve", .email = "lee@clinic.example", .issuer = "eve" });
	pki_write("lib.sh", SLICE(shell));
	assert_int_equal(pki_run(". ./lib.sh; text >t; mkdir -p k; cp gw.key gw.crt gwec.key gwec.crt site.key k/"), 0);
	assert_int_equal(keys_load(pki_path("k"), &keys, NULL), ST_OK);
	trust = pki_trust();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	keys_free(keys);
	trust_free(trust);
	return 0;
}

struct seen {
	char outcome[16], reason[32], from[64], signer[64], layers[128], cipher[24], digest[16], limit[32];
	uint8_t signed_digest[32];
};

static const char *only_for; /* the one registered address; NULL: everybody */

static bool
is_registered(void *arg, const char *addr, const struct cert *c)
{
	(void)arg;
	assert_true(cert_has_email(c, addr));
	return only_for == NULL || strcmp(addr, only_for) == 0;
}

static void
look_with(struct trust *anchors, const char *file, int64_t now, struct seen *ret)
{
	struct open_env env = {
		.limits = &limits, .keys = keys, .trust = anchors, .now = now, .registered = is_registered
	};
	AUTO(arena) a = arena_new();
	AUTO_BUF raw = BUF_INIT;
	struct opened o;
	struct err err = ERR_NONE;

	memset(ret, 0, sizeof *ret);
	pki_read(file, &raw);
	assert_int_equal(open_mail(&env, buf_slice(&raw), a, &o, &err), ST_OK);
#define COPY(field, s) snprintf(ret->field, sizeof ret->field, "%s", (s) != NULL ? (s) : "-")
	COPY(outcome, open_outcome_name(o.outcome));
	COPY(reason, o.reason);
	COPY(from, o.from);
	COPY(signer, o.signer);
	COPY(cipher, o.cipher);
	COPY(digest, o.digest);
	COPY(limit, o.limit_hit);
	for (size_t i = 0; i < o.nlayers; i++)
		snprintf(ret->layers + strlen(ret->layers), sizeof ret->layers - strlen(ret->layers), "%s%s",
		    i > 0 ? "," : "", o.layers[i]);
	memcpy(ret->signed_digest, o.signed_digest, sizeof ret->signed_digest);
	assert_int_equal(o.signed_valid, o.outcome == OPEN_VERIFIED);
	opened_clear(&o);
}

static void
look(const char *file, int64_t now, struct seen *ret)
{
	look_with(trust, file, now, ret);
}

struct row {
	const char *name, *make, *reason, *layers;
};

static int
run_rows(const struct row *rows, size_t n)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct seen s;
		int rc = pki_run(". ./lib.sh; { %s ; } >m.eml", rows[i].make);

		if (rc != 0) {
			print_message("%s: cannot be made (%d)\n", rows[i].name, rc);
			wrong++;
			continue;
		}
		look("m.eml", PKI_NOW, &s);
		if (strcmp(s.reason, rows[i].reason) != 0 ||
		    (rows[i].layers != NULL && strcmp(s.layers, rows[i].layers) != 0)) {
			print_message("%s: %s %s [%s] instead of %s [%s]\n", rows[i].name, s.outcome, s.reason,
			    s.layers, rows[i].reason, rows[i].layers != NULL ? rows[i].layers : "any");
			wrong++;
		}
	}
	return wrong;
}

static void
good_mail_of_every_accepted_shape_is_verified(void **state)
{
	static const struct row rows[] = {
		{ "S1 detached, RSA", "h; text | sign lee", "ok", "signed" },
		{ "S14 ECDSA P-256", "h; text | sign leeec", "ok", "signed" },
		{ "ECDSA P-384, SHA-384", "h; text | sign p384 -md sha384", "ok", "signed" },
		{ "S14 RSA-PSS", "h; text | sign lee -keyopt rsa_padding_mode:pss", "ok", "signed" },
		{ "RSA-PSS, short salt", "h; text | sign lee -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20",
		    "ok", NULL },
		{ "SHA-512", "h; text | sign lee -md sha512", "ok", "signed" },
		{ "by key identifier", "h; text | sign lee -keyid", "ok", "signed" },
		{ "opaque", "h; text | opaque lee", "ok", "signed-opaque" },
		{ "opaque, BER in pieces", "h; text | opaque lee -stream -indef", "ok", "signed-opaque" },
		{ "x-pkcs7 names", "h; text | sign lee | sed s,application/pkcs7-,application/x-pkcs7-,", "ok",
		    "signed" },
		{ "opaque, x-pkcs7-mime", "h; text | opaque lee | sed s,application/pkcs7-,application/x-pkcs7-,", "ok",
		    "signed-opaque" },
		{ "octet-stream named .p7m",
		    "h; text | opaque lee | sed 's,application/pkcs7-mime; "
		    "smime-type=signed-data,application/octet-stream,'",
		    "ok", "signed-opaque" },
		{ "S17 micalg lies", "h; text | sign lee | sed s,micalg=.sha-256.,micalg=md5,", "ok", "signed" },
		{ "S17 no protocol", "h; text | sign lee | sed 's,protocol=\"[^\"]*\"; ,,'", "ok", "signed" },
		{ "S19 line ends LF only", "h | tr -d '\\r'; text | sign lee | tr -d '\\r'", "ok", "signed" },
		{ "encrypted, signed inside", "h; text | sign lee | crypt gw", "ok", "enveloped,signed" },
		{ "encrypted, opaque inside", "h; text | opaque lee | crypt gw", "ok", "enveloped,signed-opaque" },
		{ "encrypted in pieces (BER)", "h; text | sign lee | crypt gw -stream", "ok", "enveloped,signed" },
		{ "AES-128", "h; text | sign lee | crypt gw -aes128", "ok", "enveloped,signed" },
		{ "GCM, signed inside", "h; text | sign lee | gcm gw", "ok", "auth-enveloped,signed" },
		{ "ECDH", "h; text | sign leeec | crypt gwec", "ok", "enveloped,signed" },
		{ "ECDH, SHA-256",
		    "h; text | sign leeec | openssl cms -encrypt -aes256 -recip gwec.crt -keyopt ecdh_kdf_md:sha256",
		    "ok", "enveloped,signed" },
		{ "ECDH, AES-128 wrap", "h; text | sign leeec | crypt gwec -aes128", "ok", "enveloped,signed" },
		{ "ECDH and GCM", "h; text | sign leeec | gcm gwec", "ok", "auth-enveloped,signed" },
		{ "OAEP, default SHA-1",
		    "h; text | sign lee | openssl cms -encrypt -aes256 -recip gw.crt -keyopt rsa_padding_mode:oaep",
		    "ok", "enveloped,signed" },
		{ "OAEP, SHA-256",
		    "h; text | sign lee | openssl cms -encrypt -aes256 -recip gw.crt -keyopt rsa_padding_mode:oaep "
		    "-keyopt "
		    "rsa_oaep_md:sha256",
		    "ok", "enveloped,signed" },
		{ "OAEP, SHA-256, MGF1 SHA-1",
		    "h; text | sign lee | openssl cms -encrypt -aes256 -recip gw.crt -keyopt rsa_padding_mode:oaep "
		    "-keyopt "
		    "rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
		    "ok", "enveloped,signed" },
		{ "recipient by key identifier", "h; text | sign lee | crypt gw -keyid", "ok", "enveloped,signed" },
		{ "several recipients", "h; text | sign lee | crypt 'lee.crt eve.crt leeec.crt gw'", "ok",
		    "enveloped,signed" },
		{ "signed, encrypted inside", "h; text | crypt gw | sign lee", "ok", "signed,enveloped" },
		{ "E13 triple wrap", "h; text | sign lee | crypt gw | sign lee", "ok", "signed,enveloped,signed" },
		{ "E13 triple wrap, other way", "h; text | crypt gw | sign lee | crypt gw", "ok",
		    "enveloped,signed,enveloped" },
		{ "triple wrap, opaque", "h; text | opaque lee | crypt gw | opaque lee", "ok",
		    "signed-opaque,enveloped,signed-opaque" },
		{ "no signer's certificate, but it is an anchor of the chain only", "h; text | sign lee -nocerts",
		    "signer-cert-missing", "signed" },
		{ "any extended usage", "h; text | sign anyeku", "ok", NULL },
		{ "no extended usage", "h; text | sign noeku", "ok", NULL },
		{ "I9 domain in upper case in the certificate", "h; text | sign updom", "ok", NULL },
		{ "I10 117 names", "h; text | sign many", "ok", NULL },
		{ "I11 Sender, Reply-To, Resent-From differ",
		    "h; printf 'Sender: eve@evil.example\\r\\nReply-To: eve@evil.example\\r\\nResent-From: "
		    "eve@evil.example\\r\\n'; "
		    "text | sign lee",
		    "ok", NULL },
		{ "I16 protected From of the signer",
		    "h 'Portal <portal@clinic.example>'; { printf 'From: lee@clinic.example\\r\\nContent-Type: "
		    "text/plain; "
		    "hp=\"cipher\"\\r\\n\\r\\nx\\r\\n'; } | sign lee | crypt gw",
		    "ok", NULL },
		{ "I18 protected headers of the old kind are ignored",
		    "h; { printf 'From: eve@evil.example\\r\\nContent-Type: text/plain; "
		    "protected-headers=\"v1\"\\r\\n\\r\\nx\\r\\n'; } | sign lee | crypt gw",
		    "ok", NULL },
		{ "S9 a signed mail attached to a signed mail",
		    "{ printf 'Content-Type: message/rfc822\\r\\n\\r\\n'; h 'eve@clinic.example'; text | sign eve; } "
		    ">a.txt; h; sign "
		    "lee -in a.txt",
		    "ok", "signed" },
		{ "S21 a megabyte of attachment and a long line end",
		    "{ text; head -c 1000000 /dev/zero | tr '\\0' x | fold -w 70 | sed 's/$/\\r/'; } >a.txt; h; sign "
		    "lee -in a.txt",
		    "ok", NULL },
	};

	(void)state;
	assert_int_equal(run_rows(rows, ARRAY_LEN(rows)), 0);
}

static void
signatures_that_prove_nothing(void **state)
{
	static const struct row rows[] = {
		{ "plain", "h; text", "unsigned", "" },
		{ "S2 one byte", "h; text | sign lee | sed 's/two/ten/'", "sig-invalid", "signed" },
		{ "S2 in encrypted mail", "h; text | sign lee | sed 's/two/ten/' | crypt gw", "sig-invalid",
		    "enveloped,signed" },
		{ "S3 content inside a detached signature",
		    "h; openssl cms -sign -signer lee.crt -inkey lee.key -nodetach -in t "
		    "-outform DER | detached t",
		    "embedded-content", "signed" },
		{ "S4 two signers",
		    "h; openssl cms -sign -signer lee.crt -inkey lee.key -signer eve.crt -inkey eve.key -in t",
		    "signer-count", "signed" },
		{ "S4 two signers, the other order",
		    "h; openssl cms -sign -signer eve.crt -inkey eve.key -signer lee.crt -inkey lee.key -in t "
		    "-nodetach",
		    "signer-count", NULL },
		{ "S5 certificates only", "h; openssl crl2pkcs7 -nocrl -certfile lee.crt -outform DER | p7m certs-only",
		    "no-signer", NULL },
		{ "S5 certificates only, as a detached signature",
		    "h; openssl crl2pkcs7 -nocrl -certfile lee.crt -outform DER | detached t", "no-signer", NULL },
		{ "S6 text before a signed part",
		    "h; printf 'MIME-Version: 1.0\\r\\nContent-Type: multipart/mixed; "
		    "boundary=mm\\r\\n\\r\\n--mm\\r\\n\\r\\nText "
		    "before.\\r\\n--mm\\r\\n'; text | sign lee | sed 1d; printf '\\r\\n--mm--\\r\\n'",
		    "partial-signature", "" },
		{ "S7 opaque part in multipart/related",
		    "h; printf 'MIME-Version: 1.0\\r\\nContent-Type: multipart/related; "
		    "boundary=mm\\r\\n\\r\\n--mm\\r\\nContent-Type: "
		    "text/html\\r\\n\\r\\n<p>x\\r\\n--mm\\r\\n'; text | opaque lee | sed 1d; printf "
		    "'\\r\\n--mm--\\r\\n'",
		    "partial-signature", "" },
		{ "S8 a list's footer in a wrapper",
		    "h; printf 'MIME-Version: 1.0\\r\\nContent-Type: multipart/mixed; "
		    "boundary=mm\\r\\n\\r\\n--mm\\r\\n'; text | sign "
		    "lee | sed 1d; printf '\\r\\n--mm\\r\\n\\r\\n-- \\r\\nlist\\r\\n--mm--\\r\\n'",
		    "partial-signature", "" },
		{ "S8 a list's footer behind the end", "h; text | sign lee; printf -- '-- \\r\\nlist footer\\r\\n'",
		    "partial-signature", "" },
		{ "S12 SHA-1", "h; text | sign lee -md sha1", "weak-digest", "signed" },
		{ "S12 MD5", "h; text | sign lee -md md5", "weak-digest", "signed" },
		{ "S13 RSA-1024", "h; text | sign rsa1024", "weak-key", "signed" },
		{ "P-521 is not used here", "h; text | sign p521", "unsupported-alg", NULL },
		{ "S18 one child",
		    "h; text | sign lee | sed '/^Content-Type: application.pkcs7-signature/,$d' | sed '$d'; b=$(sed -n "
		    "'s/.*boundary=\"\\(.*\\)\"/\\1/p' m.eml | head -1); printf -- \"--$b--\\r\\n\"",
		    "signed-parts", "" },
		{ "S18 three children",
		    "h; text | sign lee >x; b=$(sed -n 's/.*boundary=\"\\(.*\\)\".*/\\1/p' x | head -1); sed "
		    "\"s/^--$b--.*/--$b\\n\\nthree"
		    "\\n--$b--/\" x",
		    "signed-parts", "" },
		{ "S19 trailing blanks removed by a relay",
		    "h; { text; printf 'blank at the end \\r\\n'; } | sign lee | sed 's/ *\\r*$//'", "sig-invalid",
		    NULL },
		{ "S20 no signed attributes", "h; text | sign lee -noattr", "sig-attributes", NULL },
		{ "S23 empty signature", "h; detached t </dev/null", "cms-malformed", NULL },
		{ "S23 random signature", "h; head -c 3000 /dev/urandom | detached t", "cms-malformed", NULL },
		{ "S23 truncated",
		    "h; openssl cms -sign -signer lee.crt -inkey lee.key -in t -outform DER | head -c 900 | detached t",
		    "cms-malformed", NULL },
		{ "S23 9 MB", "h; head -c 9000000 /dev/zero | detached t", "cms-malformed", NULL },
		{ "S22 nested 10000 deep",
		    "h; for i in $(seq 10000); do printf '\\44\\200'; done >x; cat x | p7m signed-data", "limit",
		    NULL },
		{ "junk in the base64 of the signature", "h; text | sign lee | sed 's/^MII/M*II/'", "mime-encoding",
		    NULL },
		{ "signed twice over", "h; text | sign lee | sign lee", "shape", NULL },
		{ "I1 somebody else's", "h; text | sign eve", "identity-mismatch", "signed" },
		{ "I1 in encrypted mail", "h; text | sign eve | crypt gw", "identity-mismatch", "enveloped,signed" },
		{ "outer signature of somebody else", "h; text | sign lee | crypt gw | sign eve", "identity-mismatch",
		    NULL },
		{ "I9 blank in the name", "h; text | sign space", "cert-no-email", NULL },
		{ "I9 NUL in the name", "h; text | sign nul", "cert-no-email", NULL },
		{ "I9 dot at the end", "h; text | sign dot", "identity-mismatch", NULL },
		{ "I9 upper case in the local part", "h; text | sign upper", "identity-mismatch", NULL },
		{ "I10 an organisation's", "h; text | sign org", "cert-no-email", NULL },
		{ "a certificate without a name", "h; text | sign noemail", "cert-no-email", NULL },
		{ "I13 expired", "h; text | sign expired", "cert-expired", NULL },
		{ "I13 not valid yet", "h; text | sign early", "cert-not-yet-valid", NULL },
		{ "I13 self-signed", "h; text | sign self", "cert-untrusted", NULL },
		{ "I13 an authority of their own, sent along", "h; text | sign byevil -certfile evilca.crt",
		    "cert-untrusted", NULL },
		{ "I13 a clinician as an authority", "h; text | sign byeve", "cert-untrusted", NULL },
		{ "issued with SHA-1", "h; text | sign sha1crt", "cert-untrusted", NULL },
		{ "I14 for servers", "h; text | sign tls", "cert-usage", NULL },
		{ "I14 only to encrypt", "h; text | sign enconly", "cert-usage", NULL },
		{ "I17 protected From, no signature",
		    "h; { printf 'From: eve@clinic.example\\r\\nContent-Type: text/plain; "
		    "hp=\"cipher\"\\r\\n\\r\\nx\\r\\n'; } | gcm gw",
		    "from-mismatch", NULL },
		{ "I17 protected From, signature of the outer one",
		    "h; { printf 'From: eve@clinic.example\\r\\nContent-Type: text/plain; "
		    "hp=\"cipher\"\\r\\n\\r\\nx\\r\\n'; } | sign "
		    "lee | gcm gw",
		    "from-mismatch", NULL },
		{ "OpenPGP signature",
		    "h; printf 'Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; "
		    "boundary=b\\r\\n\\r\\n--b\\r\\n\\r\\nx\\r\\n--b\\r\\nContent-Type: "
		    "application/pgp-signature\\r\\n\\r\\nx\\r\\n--b--\\r\\n'",
		    "unsigned", "" },
	};

	(void)state;
	assert_int_equal(run_rows(rows, ARRAY_LEN(rows)), 0);
}

static void
encryption_is_opened_whole_or_not_at_all(void **state)
{
	static const struct row rows[] = {
		{ "E1 GCM to us", "h; text | gcm gw", "encrypted", "auth-enveloped" },
		{ "E1 GCM and ECDH to us", "h; text | gcm gwec", "encrypted", "auth-enveloped" },
		{ "E3 CBC, unsigned", "h; text | crypt gw", "cbc-unsigned", "enveloped" },
		{ "E5 not for us", "h; text | crypt eve", "decrypt", "enveloped" },
		{ "E5 not for us, GCM", "h; text | gcm eve", "decrypt", "auth-enveloped" },
		{ "E7 password only", "h; openssl cms -encrypt -aes256 -pwri_password x -in t", "unsupported-recipient",
		    "enveloped" },
		{ "E7 password beside us", "h; openssl cms -encrypt -aes256 -pwri_password x -in t gw.crt",
		    "unsupported-recipient", NULL },
		{ "E7 key encryption key",
		    "h; openssl cms -encrypt -aes256 -secretkey 000102030405060708090A0B0C0D0E0F -secretkeyid 01 -in t",
		    "unsupported-recipient", NULL },
		{ "E8 101 recipients",
		    "h; for i in $(seq 101); do printf 'eve.crt '; done >l; crypt \"$(cat l) gw\" -in t", "limit",
		    NULL },
		{ "E9 3DES", "h; text | openssl cms -encrypt -des3 gw.crt", "weak-cipher", "enveloped" },
		{ "E11 encrypted beside text",
		    "h; printf 'MIME-Version: 1.0\\r\\nContent-Type: multipart/mixed; "
		    "boundary=mm\\r\\n\\r\\n--mm\\r\\n\\r\\n<img "
		    "src=\"http://x/\\r\\n--mm\\r\\n'; text | crypt gw | sed 1d; printf '\\r\\n--mm--\\r\\n'",
		    "mixed-encryption", "" },
		{ "E11 and signed around it",
		    "{ printf 'Content-Type: multipart/mixed; "
		    "boundary=mm\\r\\n\\r\\n--mm\\r\\n\\r\\nx\\r\\n--mm\\r\\n'; text | crypt gw | "
		    "sed 1d; printf '\\r\\n--mm--\\r\\n'; } >x; h; sign lee -in x",
		    "mixed-encryption", "signed" },
		{ "E12 inside a report",
		    "h; printf 'MIME-Version: 1.0\\r\\nContent-Type: multipart/report; report-type=delivery-status; "
		    "boundary=mm\\r\\n\\r\\n--mm\\r\\n\\r\\nx\\r\\n--mm\\r\\nContent-Type: "
		    "message/rfc822\\r\\n\\r\\n'; h; text | crypt gw; "
		    "printf '\\r\\n--mm--\\r\\n'",
		    "mixed-encryption", "" },
		{ "E13 four layers", "h; text | sign lee | crypt gw | sign lee | crypt gw", "layers", NULL },
		{ "encrypted twice", "h; text | crypt gw | crypt gw", "shape", NULL },
		{ "OpenPGP",
		    "h; printf 'Content-Type: multipart/encrypted; "
		    "boundary=b\\r\\n\\r\\n--b\\r\\n\\r\\nx\\r\\n--b--\\r\\n'",
		    "unsupported-type", NULL },
		{ "EncryptedData",
		    "h; openssl cms -EncryptedData_encrypt -aes256 -secretkey "
		    "000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F -in t",
		    "unsupported-type", NULL },
		{ "E15 headers inside do not count",
		    "h; { printf 'From: eve@evil.example\\r\\nReceived: x\\r\\n'; text; } | sign lee | crypt gw", "ok",
		    NULL },
		{ "inner signature bad, outer good", "h; text | sign lee | sed s/two/ten/ | crypt gw | sign lee",
		    "sig-invalid", NULL },
	};

	(void)state;
	assert_int_equal(run_rows(rows, ARRAY_LEN(rows)), 0);
}

static void
confused_headers_are_refused(void **state)
{
	static const struct row rows[] = {
		{ "I2 two From fields", "printf 'From: eve@evil.example\\r\\n'; h; text | sign lee", "from-count",
		    NULL },
		{ "I2 blank before the colon", "h | sed 's/From:/From :/'; text | sign lee", "from-syntax", NULL },
		{ "I3 two mailboxes", "h 'lee@clinic.example, eve@clinic.example'; text | sign lee", "from-syntax",
		    NULL },
		{ "I4 none", "h | sed 1d; text | sign lee", "from-count", NULL },
		{ "I4 a name alone", "h 'Doctor Lee'; text | sign lee", "from-syntax", NULL },
		{ "I5 an address as the name", "h '\"lee@clinic.example\" <eve@evil.example>'; text | sign lee",
		    "identity-mismatch", NULL },
		{ "M5 two content types", "h; printf 'Content-Type: text/plain\\r\\n'; text | sign lee",
		    "mime-ambiguous", NULL },
		{ "M6 NUL", "h; printf '\\r\\nx\\000y\\r\\n'", "mime-nul", NULL },
		{ "M6 bare CR", "h; printf '\\r\\nx\\ry\\r\\n'", "mime-line-ends", NULL },
		{ "M14 nothing", ":", "empty", NULL },
		{ "M14 no header", "printf 'hello\\r\\n'", "empty", NULL },
	};

	(void)state;
	assert_int_equal(run_rows(rows, ARRAY_LEN(rows)), 0);
}

static void
time_revocation_and_registration_decide_too(void **state)
{
	AUTO(trust) revoking = pki_trust();
	AUTO(trust) alone = NULL;
	const char *leaf;
	struct seen s;

	(void)state;
	assert_int_equal(pki_run(". ./lib.sh; { h; text | sign lee; } >m.eml; { h; text | sign self; } >self.eml"), 0);
	/* S16: signed three days ahead of us; a day is what clocks may differ */
	look("m.eml", PKI_NOW - 3 * PKI_DAY, &s);
	assert_string_equal(s.reason, "signing-time");
	look("m.eml", PKI_NOW - PKI_DAY / 2, &s);
	assert_string_equal(s.reason, "ok");
	look("m.eml", PKI_NOW + 200 * PKI_DAY, &s);
	assert_string_equal(s.reason, "ok");
	only_for = "eve@clinic.example";
	look("m.eml", PKI_NOW, &s);
	assert_string_equal(s.reason, "not-registered");
	only_for = NULL;
	pki_revoke("lee", "lee", -3600, 3600);
	assert_int_equal(trust_add_crl(revoking, pki_path("lee.crl"), NULL), ST_OK);
	look_with(revoking, "m.eml", PKI_NOW, &s);
	assert_string_equal(s.reason, "cert-revoked");
	look_with(NULL, "m.eml", PKI_NOW, &s);
	assert_string_equal(s.reason, "cert-untrusted");
	/* a self-signed certificate is its own anchor once somebody said so */
	leaf = pki_path("self.crt");
	assert_int_equal(trust_from_files(&leaf, 1, 2048, &alone, NULL), ST_OK);
	look_with(alone, "self.eml", PKI_NOW, &s);
	assert_string_equal(s.reason, "ok");
}

/* What was sealed here is opened here. */
static void
our_own_sealed_mail_opens(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 100 << 10, 5 << 20 };
	static const struct {
		const char *signer, *to;
		bool gcm, oaep;
	} rows[] = {
		{ "gw", "gw", false, false },
		{ "gw", "gw", true, false },
		{ "gw", "gw", false, true },
		{ "gwec", "gwec", false, false },
		{ "gwec", "gwec", true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t j = 0; j < ARRAY_LEN(sizes); j++) {
			AUTO(cert) c = pki_cert(rows[i].to);
			AUTO_BUF inner = BUF_INIT, out = BUF_INIT;
			struct err err = ERR_NONE;
			struct seal s = { SLICE("From: portal@clinic.example\r\nSubject: x\r\n"), { 0 }, rows[i].signer,
				c, NULL, 0, rows[i].gcm, rows[i].oaep, PKI_NOW };
			struct seen seen;

			buf_puts(&inner, "Content-Type: text/plain\r\n\r\n");
			for (size_t k = 0; k < sizes[j]; k++)
				buf_puts(&inner, k % 72 == 71 ? "\r\n" : "a");
			s.inner = buf_slice(&inner);
			assert_int_equal(seal_mail(keys, trust, &s, &out, &err), ST_OK);
			pki_write("m.eml", buf_slice(&out));
			look("m.eml", PKI_NOW, &seen);
			assert_string_equal(seen.reason, "ok");
			assert_string_equal(seen.signer, "portal@clinic.example");
			assert_string_equal(seen.cipher, rows[i].gcm ? "aes-256-gcm" : "aes-256-cbc");
			assert_string_equal(seen.digest, "sha256");
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_mail_of_every_accepted_shape_is_verified),
		cmocka_unit_test(signatures_that_prove_nothing),
		cmocka_unit_test(encryption_is_opened_whole_or_not_at_all),
		cmocka_unit_test(confused_headers_are_refused),
		cmocka_unit_test(time_revocation_and_registration_decide_too),
		cmocka_unit_test(our_own_sealed_mail_opens),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
