/* Mail that gpgsm and NSS made opens here. (test_seal.c: ours opens there.) */
#include "pki.h"

#include "base/arena.h"
#include "base/own.h"
#include "crypto/open.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "From: lee@clinic.example\r\nMIME-Version: 1.0\r\n"
#define P7M HEAD "Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"

static const struct limits_conf limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 35 << 20,
	.recipients = 100,
	.cms_layers = 3,
};

static struct keys *keys;
static struct trust *trust;

static void
import_gpgsm(const char *id)
{
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT, p12 = BUF_INIT;
	char name[80];

	snprintf(name, sizeof name, "%s.key", id);
	pki_read(name, &key);
	snprintf(name, sizeof name, "%s.crt", id);
	pki_read(name, &chain);
	assert_int_equal(
	    ca_pkcs12(pki_path("ca"), buf_slice(&key), buf_slice(&chain), id, "x", true, &p12, NULL), ST_OK);
	snprintf(name, sizeof name, "%s.p12", id);
	pki_write(name, buf_slice(&p12));
	assert_int_equal(
	    pki_run(
		"echo x | gpgsm --homedir gpg --batch --pinentry-mode loopback --passphrase-fd 0 --import %s", name),
	    0);
}

static int
setup(void **state)
{
	(void)state;
	pki_person("gw", "portal@clinic.example", false);
	pki_person("lee", "lee@clinic.example", false);
	keys = pki_keys();
	trust = pki_trust();
	pki_write("t", SLICE("Content-Type: text/plain\r\n\r\nTake two a day.\r\n"));
	pki_write("p7m", SLICE(P7M));
	pki_write("head", SLICE(HEAD));
	pki_write("sig",
	    SLICE("\r\n--b\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
	pki_write(
	    "signed", SLICE("Content-Type: multipart/signed; boundary=b; protocol=\"application/pkcs7-signature\"; "
			    "micalg=sha-256\r\n\r\n--b\r\n"));
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

static void
expect(const char *reason, const char *cipher)
{
	struct open_env env = { .limits = &limits, .keys = keys, .trust = trust, .now = PKI_NOW };
	AUTO(arena) a = arena_new();
	AUTO_BUF raw = BUF_INIT;
	struct opened o;

	pki_read("m.eml", &raw);
	assert_int_equal(open_mail(&env, buf_slice(&raw), a, &o, NULL), ST_OK);
	print_message("%s %s %s\n", o.reason, o.cipher != NULL ? o.cipher : "-", o.digest != NULL ? o.digest : "-");
	assert_string_equal(o.reason, reason);
	if (cipher != NULL)
		assert_string_equal(o.cipher, cipher);
	if (o.outcome == OPEN_VERIFIED)
		assert_non_null(memmem(o.inner.body.p, o.inner.body.n, "Take two a day.", 15));
	opened_clear(&o);
}

static void
gpgsm_mail_opens(void **state)
{
	static const char gpg[] = "gpgsm --homedir gpg --batch --pinentry-mode loopback --passphrase-fd 0 --yes";

	(void)state;
	if (pki_run("command -v gpgsm") != 0)
		skip();
	assert_int_equal(pki_run("mkdir -p -m 700 gpg && echo disable-crl-checks >gpg/gpgsm.conf && "
				 "fp=$(openssl x509 -in ca/root.crt -noout -fingerprint -sha1 | sed 's/.*=//') && "
				 "echo \"$fp S relax\" >gpg/trustlist.txt"),
	    0);
	import_gpgsm("lee");
	import_gpgsm("gw");
	assert_int_equal(
	    pki_run("echo x | %s -u lee@clinic.example --digest-algo SHA256 -o s.der --detach-sign t", gpg), 0);
	assert_int_equal(pki_run("{ cat head signed t sig; base64 s.der; printf -- '--b--\\r\\n'; } >m.eml"), 0);
	expect("ok", NULL);
	assert_int_equal(pki_run("echo x | %s -u lee@clinic.example --digest-algo SHA256 -o o.der --sign t", gpg), 0);
	assert_int_equal(pki_run("{ cat p7m; base64 o.der; } >m.eml"), 0);
	expect("ok", NULL);
	for (int aes = 128; aes <= 256; aes += 128) {
		assert_int_equal(
		    pki_run("{ cat signed t sig; base64 s.der; printf -- '--b--\\r\\n'; } >x; echo x | %s -r "
			    "portal@clinic.example --cipher-algo %s -o e.der --encrypt x",
			gpg, aes == 128 ? "AES" : "AES256"),
		    0);
		assert_int_equal(pki_run("{ cat p7m; base64 e.der; } >m.eml"), 0);
		expect("ok", aes == 128 ? "aes-128-cbc" : "aes-256-cbc");
	}
	assert_int_equal(pki_run("gpgconf --homedir gpg --kill all"), 0);
}

static void
nss_mail_opens(void **state)
{
	(void)state;
	if (pki_run("command -v cmsutil") != 0)
		skip();
	assert_int_equal(
	    pki_run("mkdir -p nss && certutil -N -d nss --empty-password && certutil -A -d nss -n root -t C,C,C "
		    "-i ca/root.crt && certutil -A -d nss -n sub -t ,, -i ca/intermediate.crt"),
	    0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    pki_run("openssl pkcs12 -export -in %s.crt -inkey %s.key -name %s -passout pass:x -out n.p12 && "
			    "pk12util -i n.p12 -d nss -W x",
			i ? "gw" : "lee", i ? "gw" : "lee", i ? "gw" : "lee"),
		    0);
	assert_int_equal(pki_run("cmsutil -S -d nss -T -G -N lee -H SHA256 -i t -o s.der"), 0);
	assert_int_equal(pki_run("{ cat head signed t sig; base64 s.der; printf -- '--b--\\r\\n'; } >m.eml"), 0);
	expect("ok", NULL);
	assert_int_equal(pki_run("cmsutil -S -d nss -G -N lee -H SHA256 -i t -o o.der"), 0);
	assert_int_equal(pki_run("{ cat p7m; base64 o.der; } >m.eml"), 0);
	expect("ok", NULL);
	assert_int_equal(
	    pki_run("{ cat signed t sig; base64 s.der; printf -- '--b--\\r\\n'; } >x; cmsutil -E -d nss -r "
		    "portal@clinic.example -i x -o e.der"),
	    0);
	assert_int_equal(pki_run("{ cat p7m; base64 e.der; } >m.eml"), 0);
	expect("ok", "aes-128-cbc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gpgsm_mail_opens),
		cmocka_unit_test(nss_mail_opens),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
