/*
 * bench_smime -- sealing and opening against what cannot be avoided.
 *
 * For each row the whole step (seal_mail, open_mail: framing, base64, MIME, checks) and the raw primitives it needs
 * (digest, private and public key operations, AES, base64) run in turn in one process; printed is the median of the
 * paired ratios of thread CPU time, which the speed of the machine does not move. The processes a script would start
 * (openssl cms) run the same mail in the same minute. Ends with 1 when a limit is exceeded.
 */
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"
#include "crypto/base64.h"
#include "crypto/ca.h"
#include "crypto/ec.h"
#include "crypto/open.h"
#include "crypto/seal.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 41

static const struct limits_conf limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 35 << 20,
	.recipients = 100,
	.cms_layers = 3,
};

static char dir[64] = "/tmp/portico-bench.XXXXXX";
static int failed;

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench_smime: %s\n", what);
	exit(2);
}

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double
children_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

struct party {
	const char *id;
	struct cert *cert;
	EVP_PKEY *key; /* the same key as the struct keys holds, for the raw operations */
};
struct bench {
	struct keys *keys;
	struct trust *trust;
	struct party who;
	int64_t now;
	bool gcm;
	struct buf inner, sealed;
	/* what the raw operations work on */
	uint8_t cek[32], iv[16], hash[32];
	struct buf sig, wrapped, point, shared, cipher, plain;
	uint8_t tag[16];
	char key_file[128], crt_file[128];
};

/* ---- the raw primitives ---- */

static void
raw_sign(struct bench *b)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(b->who.key, NULL);
	uint8_t sig[1024];
	size_t n = sizeof sig;

	must(EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		 EVP_PKEY_sign(ctx, sig, &n, b->hash, 32) == 1,
	    "raw sign");
	EVP_PKEY_CTX_free(ctx);
	buf_clear(&b->sig);
	buf_append(&b->sig, sig, n);
}

static void
raw_verify(struct bench *b)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(b->who.cert->x509), NULL);

	must(EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		 EVP_PKEY_verify(ctx, (uint8_t *)b->sig.p, b->sig.n, b->hash, 32) == 1,
	    "raw verify");
	EVP_PKEY_CTX_free(ctx);
}

static void
raw_wrap(struct bench *b)
{
	EVP_PKEY *key = X509_get0_pubkey(b->who.cert->x509);
	EVP_PKEY_CTX *ctx;
	uint8_t out[1024];
	size_t n = sizeof out;

	buf_clear(&b->wrapped);
	buf_clear(&b->point);
	if (b->who.cert->ec) {
		must(ec_wrap(key, "SHA256", b->cek, sizeof b->cek, &b->point, &b->wrapped), "raw ECDH");
		return;
	}
	ctx = EVP_PKEY_CTX_new(key, NULL);
	must(EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_encrypt(ctx, out, &n, b->cek, sizeof b->cek) == 1,
	    "raw encrypt");
	EVP_PKEY_CTX_free(ctx);
	buf_append(&b->wrapped, out, n);
}

static void
raw_unwrap(struct bench *b)
{
	uint8_t out[1024];
	size_t n = sizeof out;

	if (b->who.cert->ec) {
		struct key_wrap w = { .kind = WRAP_ECDH,
			.md = "SHA256",
			.wrapped = buf_slice(&b->wrapped),
			.point = buf_slice(&b->point),
			.shared_info = buf_slice(&b->shared),
			.wrap_bits = 256 };

		must(ec_unwrap(b->who.key, &w, out, 32), "raw ECDH back");
	} else {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(b->who.key, NULL);

		must(EVP_PKEY_decrypt_init(ctx) == 1 &&
			 EVP_PKEY_decrypt(ctx, out, &n, (uint8_t *)b->wrapped.p, b->wrapped.n) == 1,
		    "raw decrypt");
		EVP_PKEY_CTX_free(ctx);
	}
}

static void
raw_cipher(struct bench *b, bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const struct buf *in = encrypt ? &b->inner : &b->cipher;
	struct buf *out = encrypt ? &b->cipher : &b->plain;
	int n = 0, more = 0;
	bool ok;

	buf_clear(out);
	buf_reserve(out, in->n + 32);
	ok = EVP_CipherInit_ex(ctx, b->gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc(), NULL, b->cek, b->iv, encrypt) == 1;
	if (ok && b->gcm && !encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, b->tag) == 1;
	ok = ok && EVP_CipherUpdate(ctx, (uint8_t *)out->p, &n, (uint8_t *)in->p, (int)in->n) == 1 &&
	     EVP_CipherFinal_ex(ctx, (uint8_t *)out->p + n, &more) == 1;
	if (ok && b->gcm && encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, b->tag) == 1;
	must(ok, "raw AES");
	EVP_CIPHER_CTX_free(ctx);
	out->n = (size_t)n + (size_t)more;
}

static void
raw_out(struct bench *b)
{
	AUTO_BUF text = BUF_INIT;

	sha256(b->inner.p, b->inner.n, b->hash);
	raw_sign(b);
	raw_wrap(b);
	raw_cipher(b, true);
	base64_lines(b->cipher.p, b->cipher.n, &text);
}

static void
raw_in(struct bench *b)
{
	struct slice body = { strstr(b->sealed.p, "\r\n\r\n") + 4, 0 };
	uint8_t *der;
	size_t n;

	body.n = b->sealed.n - (size_t)(body.p - b->sealed.p);
	der = xmalloc(body.n);
	must(base64_read(body, der, &n), "raw base64");
	free(der);
	raw_unwrap(b);
	raw_cipher(b, false);
	sha256(b->plain.p, b->plain.n, b->hash);
	raw_verify(b);
}

/* ---- the whole step ---- */

static void
whole_out(struct bench *b)
{
	struct seal s = { .outer = SLICE("From: gw@clinic.example\r\nTo: gw@clinic.example\r\nSubject: x\r\n"),
		.inner = buf_slice(&b->inner),
		.signer = b->who.id,
		.recipient = b->who.cert,
		.gcm = b->gcm,
		.now = b->now };
	struct err err = ERR_NONE;

	buf_clear(&b->sealed);
	must(seal_mail(b->keys, b->trust, &s, &b->sealed, &err) == ST_OK, err.text);
}

static void
whole_in(struct bench *b)
{
	struct open_env env = { .limits = &limits, .keys = b->keys, .trust = b->trust, .now = b->now };
	AUTO(arena) a = arena_new();
	struct opened o;
	struct err err = ERR_NONE;

	must(open_mail(&env, buf_slice(&b->sealed), a, &o, &err) == ST_OK, err.text);
	must(o.outcome == OPEN_VERIFIED, o.reason);
	opened_clear(&o);
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_size);
	return v[n / 2];
}

static double
time_of(void (*f)(struct bench *), struct bench *b, int times)
{
	double start = cpu_us();

	for (int i = 0; i < times; i++)
		f(b);
	return (cpu_us() - start) / times;
}

static double
cli_us(struct bench *b, bool out)
{
	char cmd[1024];
	double start = children_us();
	int times = 5;

	for (int i = 0; i < times; i++) {
		if (out)
			snprintf(cmd, sizeof cmd,
			    "openssl cms -sign -binary -in %s/inner -signer %s -inkey %s -certfile "
			    "%s/ca/intermediate.crt | openssl cms "
			    "-encrypt -aes256 -out %s/cli.eml %s",
			    dir, b->crt_file, b->key_file, dir, dir, b->crt_file);
		else
			snprintf(cmd, sizeof cmd,
			    "openssl cms -decrypt -in %s/sealed.eml -recip %s -inkey %s | openssl cms -verify -CAfile "
			    "%s/ca/root.crt "
			    "-out /dev/null 2>/dev/null",
			    dir, b->crt_file, b->key_file, dir);
		must(system(cmd) == 0, cmd);
	}
	return (children_us() - start) / times;
}

static void
report(const char *name, const char *way, bool large, double raw, double whole, double ratio, double limit, double cli)
{
	/* With megabytes the arithmetic is most of either side: there only the ratio to it can be judged. */
	bool ok = ratio <= limit && (cli == 0 || large || cli / whole >= 10);

	printf("%-22s %-4s %9.0f us raw %9.0f us whole   %5.2f x (at most %.2f)", name, way, raw, whole, ratio, limit);
	if (cli > 0)
		printf("   openssl cms %9.0f us, %5.1f x more%s", cli, cli / whole, large ? "" : " (at least 10)");
	printf("   %s\n", ok ? "ok" : "EXCEEDED");
	failed += !ok;
}

static void
run(struct bench *b, const char *name, bool out, double limit, double cli)
{
	void (*raw_f)(struct bench *) = out ? raw_out : raw_in, (*whole_f)(struct bench *) = out ? whole_out : whole_in;
	int times = b->inner.n > 1 << 20 ? 1
		    : b->who.cert->ec	 ? 20
					 : 4,
	    rounds = b->inner.n > 1 << 20 ? 15 : MAX_ROUNDS;
	double raw[MAX_ROUNDS], whole[MAX_ROUNDS], ratio[MAX_ROUNDS];

	time_of(raw_f, b, 2);
	time_of(whole_f, b, 2);
	for (int i = 0; i < rounds; i++) {
		raw[i] = time_of(raw_f, b, times);
		whole[i] = time_of(whole_f, b, times);
		ratio[i] = whole[i] / raw[i];
	}
	report(name, out ? "seal" : "open", b->inner.n > 1 << 20, median(raw, (size_t)rounds),
	    median(whole, (size_t)rounds), median(ratio, (size_t)rounds), limit, cli);
}

static void
fill(struct bench *b, size_t n)
{
	buf_clear(&b->inner);
	buf_puts(&b->inner, "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	while (b->inner.n < n)
		buf_puts(&b->inner, "Please take one tablet in the morning and come back on Tuesday at nine.\r\n");
}

static void
setup_party(struct bench *b, const char *id, bool ec)
{
	struct ca_subject s = { id, "gw@clinic.example", ec, b->now - 3600, 30 };
	AUTO_STR ca = xasprintf("%s/ca", dir);
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT;
	struct err err = ERR_NONE;
	struct cert **list;
	size_t n;
	BIO *in;

	must(ca_issue(ca, &s, &key, &chain, &err) == ST_OK, err.text);
	snprintf(b->key_file, sizeof b->key_file, "%s/%s.key", dir, id);
	snprintf(b->crt_file, sizeof b->crt_file, "%s/%s.crt", dir, id);
	must(file_write(b->key_file, key.p, key.n, 0600, false, &err) == ST_OK, err.text);
	must(file_write(b->crt_file, chain.p, chain.n, 0600, false, &err) == ST_OK, err.text);
	must(certs_from_file(b->crt_file, &list, &n, &err) == ST_OK, err.text);
	cert_free(b->who.cert);
	EVP_PKEY_free(b->who.key);
	in = BIO_new_mem_buf(key.p, (int)key.n);
	b->who = (struct party){ id, cert_ref(list[0]), PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) };
	BIO_free(in);
	certs_free(list, n);
	keys_free(b->keys);
	must(keys_load(dir, &b->keys, &err) == ST_OK, err.text);
}

int
main(void)
{
	static const struct {
		const char *name;
		size_t n;
	} sizes[] = { { "4 KB", 4 << 10 }, { "100 KB", 100 << 10 }, { "5 MB", 5 << 20 } };
	struct bench b = { .now = time(NULL) };
	struct err err = ERR_NONE;
	AUTO_STR ca = NULL;
	AUTO_STR root = NULL;
	AUTO_STR inner_file = NULL;
	AUTO_STR sealed_file = NULL;
	const char *anchor;
	char name[64], clean[128];

	must(mkdtemp(dir) != NULL, "no directory");
	ca = xasprintf("%s/ca", dir);
	root = xasprintf("%s/ca/root.crt", dir);
	inner_file = xasprintf("%s/inner", dir);
	sealed_file = xasprintf("%s/sealed.eml", dir);
	anchor = root;
	must(ca_init(ca, "Bench", b.now - 7200, &err) == ST_OK && keys_init(dir, &err) == ST_OK, err.text);
	must(trust_from_files(&anchor, 1, 2048, &b.trust, &err) == ST_OK, err.text);
	random_bytes(b.cek, sizeof b.cek);
	random_bytes(b.iv, sizeof b.iv);
	ec_shared_info((struct der){ (const uint8_t *)"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d", 13 }, 256,
	    SLICE(""), &b.shared);
	for (int ec = 0; ec < 2; ec++) {
		setup_party(&b, ec ? "p256" : "rsa", ec);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			double limit_out = ec ? 2.8 : 1.25, limit_in = limit_out, cli_out, cli_in;

			if (sizes[i].n > 1 << 20)
				limit_out = 2, limit_in = 4;
			fill(&b, sizes[i].n);
			b.gcm = false;
			whole_out(&b);
			must(file_write(inner_file, b.inner.p, b.inner.n, 0600, false, &err) == ST_OK &&
				 file_write(sealed_file, b.sealed.p, b.sealed.n, 0600, false, &err) == ST_OK,
			    err.text);
			cli_out = cli_us(&b, true);
			cli_in = cli_us(&b, false);
			snprintf(name, sizeof name, "%s, %s, CBC", ec ? "P-256" : "RSA-2048", sizes[i].name);
			run(&b, name, true, limit_out, cli_out);
			run(&b, name, false, limit_in, cli_in);
		}
		fill(&b, 4 << 10);
		b.gcm = true;
		snprintf(name, sizeof name, "%s, 4 KB, GCM", ec ? "P-256" : "RSA-2048");
		run(&b, name, true, ec ? 2.8 : 1.25, 0);
		run(&b, name, false, ec ? 2.8 : 1.25, 0);
	}
	snprintf(clean, sizeof clean, "rm -rf %s", dir);
	if (system(clean) != 0)
		fprintf(stderr, "cannot remove %s\n", dir);
	printf("%s\n", failed == 0 ? "all within the limits" : "a limit was exceeded");
	return failed != 0;
}
