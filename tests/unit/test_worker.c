/* Mail opened in portico-worker and keys held by portico-keys, as real processes: the same answers as in this process,
 * and what happens when they are hurt. */
#include "clinic.h"
#include "pki.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"
#include "crypto/keys_serve.h"
#include "crypto/seal.h"
#include "crypto/wire.h"
#include "crypto/worker_in.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
static struct keys *keys;
static struct trust *trust;
static struct err err;
#define OK(call) assert_string_equal((call) == ST_OK ? "" : err.text, "")

/* A program of the build that this test belongs to. */
static const char *
program(const char *name)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 100);

	assert_true(n > 0);
	path[n] = '\0';
	*strrchr(path, '/') = '\0';
	strcpy(strrchr(path, '/') + 1, name);
	return path;
}

static struct worker_pool *
pool_new(size_t processes, int64_t timeout_s)
{
	struct worker_options opt = {
		.program = program("portico-worker"), .processes = processes, .timeout_s = timeout_s
	};
	struct worker_pool *p = NULL;

	OK(worker_pool_new(&opt, &p, &err));
	return p;
}

static int
setup(void **state)
{
	(void)state;
	setenv("PORTICO_WORKER_FAULTS", "1", 1);
	pki_person("gw", "portal@clinic.example", false);
	pki_person("gwec", "portal@clinic.example", true);
	pki_person("lee", "lee@clinic.example", false);
	assert_int_equal(pki_run("mkdir -p k; cp gw.key gw.crt gwec.key gwec.crt site.key k/"), 0);
	keys = pki_keys();
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

/* Signed by lee, encrypted to one of ours. */
static void
make_mail(const char *to, const char *header, struct slice inner, struct buf *ret)
{
	AUTO(cert) c = pki_cert(to);
	AUTO_BUF outer = BUF_INIT;
	struct seal s = { .inner = inner, .signer = "lee", .recipient = c, .now = PKI_NOW };

	buf_printf(&outer, "From: lee@clinic.example\r\nTo: portal@clinic.example\r\n%s", header);
	s.outer = buf_slice(&outer);
	OK(seal_mail(keys, trust, &s, ret, &err));
}

static const char text[] = "Content-Type: text/plain; charset=utf-8\r\n\r\nTake two a day.\r\n";

static bool
nobody(void *arg, const char *addr, const struct cert *c)
{
	(void)arg, (void)addr, (void)c;
	return false;
}

static bool
lee_only(void *arg, const char *addr, const struct cert *c)
{
	AUTO(cert) lee = pki_cert("lee");

	(*(int *)arg)++;
	return strcmp(addr, "lee@clinic.example") == 0 && strcmp(c->sha256, lee->sha256) == 0;
}

static void
assert_text(const char *a, const char *b)
{
	assert_string_equal(a != NULL ? a : "(none)", b != NULL ? b : "(none)");
}

/* Opened here and opened there, field by field; the text that was found, or "". */
static void
compare(struct worker_pool *p, const struct open_env *env, struct slice raw, const char *reason, struct buf *said)
{
	AUTO(arena) a = arena_new();
	struct opened here, there;
	struct worker_content inside;

	OK(open_mail(env, raw, a, &here, &err));
	OK(worker_open(p, env, raw, a, &there, &inside, &err));
	assert_string_equal(here.reason, reason);
	assert_ptr_equal(there.reason, here.reason);
	assert_int_equal(there.outcome, here.outcome);
	assert_text(there.from, here.from);
	assert_text(there.signer, here.signer);
	assert_int_equal(there.nlayers, here.nlayers);
	for (size_t i = 0; i < here.nlayers; i++)
		assert_string_equal(there.layers[i], here.layers[i]);
	assert_text(there.cipher, here.cipher);
	assert_text(there.digest, here.digest);
	assert_text(there.limit_hit, here.limit_hit);
	assert_int_equal(there.encrypted, here.encrypted);
	assert_int_equal(there.signed_valid, here.signed_valid);
	assert_int_equal(there.signing_time, here.signing_time);
	assert_memory_equal(there.signed_digest, here.signed_digest, 32);
	assert_int_equal(there.inner.raw.n, here.inner.raw.n);
	if (here.inner.raw.n > 0)
		assert_memory_equal(there.inner.raw.p, here.inner.raw.p, here.inner.raw.n);
	assert_int_equal(there.inner.nfields, here.inner.nfields);
	assert_int_equal(there.outer.nfields, here.outer.nfields);
	assert_int_equal(there.signer_cert != NULL, here.signed_valid);
	if (here.signed_valid)
		assert_string_equal(there.signer_cert->sha256, here.signer_cert->sha256);
	if (inside.content != NULL) {
		AUTO(content) c = NULL;
		AUTO_BUF mine = BUF_INIT;
		AUTO_BUF theirs = BUF_INIT;

		OK(content_from_mime(here.inner.raw, env->limits, &c, &err));
		content_encode(c, &mine);
		content_encode(inside.content, &theirs);
		assert_int_equal(mine.n, theirs.n);
		assert_memory_equal(mine.p, theirs.p, mine.n);
		buf_puts(said, inside.content->text);
	}
	content_free(inside.content);
	opened_clear(&here);
	opened_clear(&there);
}

static void
test_same_answers(void **state)
{
	static const struct {
		const char *name, *to, *header, *inner, *reason, *text;
		bool (*registered)(void *, const char *, const struct cert *);
	} rows[] = {
		{ "RSA", "gw", "", text, "ok", "Take two a day.\n", NULL },
		{ "EC", "gwec", "", text, "ok", "Take two a day.\n", NULL },
		{ "asked who is registered", "gw", "", text, "ok", "Take two a day.\n", lee_only },
		{ "not registered", "gw", "", text, "not-registered", "Take two a day.\n", nobody },
		{ "not to us", "lee2", "", text, "decrypt", "", NULL },
		{ "not signed", NULL, "", text, "unsigned", "Take two a day.\n", NULL },
		{ "two authors", "gw", "From: eve@clinic.example\r\n", text, "from-count", "", NULL },
		{ "no charset of this world", NULL, "", "Content-Type: text/plain; charset=x-none\r\n\r\nx\r\n",
		    "unsigned", "", NULL },
		{ "a charset that is a file", NULL, "",
		    "Content-Type: text/plain; charset=shift_jis\r\n\r\n\x83\x65\x83\x58\x83\x67\r\n", "unsigned",
		    "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88\n", NULL },
		{ "HTML and a file", NULL, "MIME-Version: 1.0\r\n",
		    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Two "
		    "<b>a</b> "
		    "day.</p>\r\n--b\r\nContent-Type: image/png; name=\"x.png\"\r\nContent-Disposition: attachment\r\n"
		    "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n",
		    "unsigned", "Two a day.", NULL },
	};
	struct worker_pool *p = pool_new(1, 20);

	(void)state;
	pki_person("lee2", "lee@clinic.example", false);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct open_env env = { .limits = &limits, .trust = trust, .now = PKI_NOW };
		AUTO(keys) few = NULL;
		AUTO_BUF raw = BUF_INIT;
		AUTO_BUF said = BUF_INIT;
		int asked = 0;

		print_message("%s\n", rows[i].name);
		OK(keys_load(pki_path("k"), &few, &err));
		env.keys = few;
		env.registered = rows[i].registered;
		env.arg = &asked;
		if (rows[i].to != NULL)
			make_mail(rows[i].to, rows[i].header, slice_of(rows[i].inner), &raw);
		else
			buf_printf(&raw, "From: lee@clinic.example\r\n%s%s", rows[i].header, rows[i].inner);
		compare(p, &env, buf_slice(&raw), rows[i].reason, &said);
		assert_string_equal(buf_str(&said), rows[i].text);
		assert_int_equal(asked, rows[i].registered == lee_only ? 2 : 0);
	}
	worker_pool_free(p);
}

static void
test_big(void **state)
{
	struct worker_pool *p = pool_new(1, 60);
	struct open_env env = { .limits = &limits, .keys = keys, .trust = trust, .now = PKI_NOW };
	AUTO_BUF inner = BUF_INIT;
	AUTO_BUF raw = BUF_INIT;
	AUTO_BUF said = BUF_INIT;

	(void)state;
	buf_puts(&inner, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the picture.\r\n--b\r\n"
			 "Content-Type: image/png; name=x.png\r\nContent-Disposition: attachment\r\n"
			 "Content-Transfer-Encoding: base64\r\n\r\n");
	while (inner.n < (size_t)16 << 20)
		buf_puts(&inner, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\r\n");
	buf_puts(&inner, "--b--\r\n");
	make_mail("gw", "", buf_slice(&inner), &raw);
	compare(p, &env, buf_slice(&raw), "ok", &said);
	assert_string_equal(buf_str(&said), "See the picture.");
	worker_pool_free(p);
}

static void
test_hurt(void **state)
{
	static const struct {
		const char *how, *code;
	} rows[] = {
		{ "segv", "worker.died" },
		{ "exit", "worker.died" },
		{ "hang", "worker.late" },
		{ "spin", "worker.late" },
		{ "garbage", "worker.garbage" },
		{ "flood", "worker.garbage" },
		{ "sign", "worker.garbage" },
		{ "file", "worker.died" },
#if !defined(__SANITIZE_ADDRESS__)
		{ "net", "worker.died" },
#endif
	};
	struct worker_pool *p = pool_new(2, 1);
	struct open_env env = { .limits = &limits, .keys = keys, .trust = trust, .now = PKI_NOW };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		AUTO_STR header = xasprintf("X-Portico-Fault: %s\r\n", rows[i].how);
		AUTO_BUF bad = BUF_INIT;
		AUTO_BUF good = BUF_INIT;
		AUTO_BUF said = BUF_INIT;
		struct worker_content inside = { .content = NULL };
		struct opened o;
		int64_t begun;

		print_message("%s\n", rows[i].how);
		make_mail("gw", header, SLICE(text), &bad);
		make_mail("gw", "", SLICE(text), &good);
		begun = monotonic_ms();
		err = ERR_NONE;
		assert_int_equal(worker_open(p, &env, buf_slice(&bad), a, &o, &inside, &err), ST_LOCAL);
		assert_string_equal(err.code, rows[i].code);
		assert_true(worker_blames(&err));
		assert_true(monotonic_ms() - begun < 15000);
		assert_null(inside.content);
		/* The next mail does not notice. */
		compare(p, &env, buf_slice(&good), "ok", &said);
	}
	worker_pool_free(p);
}

/* A worker that is killed while it has nothing to do is nobody's fault. */
static void
test_killed_idle(void **state)
{
	struct worker_pool *p = pool_new(1, 20);
	struct open_env env = { .limits = &limits, .keys = keys, .trust = trust, .now = PKI_NOW };
	AUTO_BUF good = BUF_INIT;
	AUTO_BUF said = BUF_INIT;

	(void)state;
	make_mail("gw", "", SLICE(text), &good);
	compare(p, &env, buf_slice(&good), "ok", &said);
	assert_int_equal(pki_run("pkill -KILL -P %d portico-worker && sleep 0.2", (int)getpid()), 0);
	compare(p, &env, buf_slice(&good), "ok", &said);
	worker_pool_free(p);
}

static void
test_no_program(void **state)
{
	struct worker_options opt = { .program = "/nonexistent/portico-worker", .processes = 1, .timeout_s = 1 };
	struct worker_pool *p = NULL;

	(void)state;
	assert_int_equal(worker_pool_new(&opt, &p, &err), ST_LOCAL);
	assert_string_equal(err.code, "worker.program");
	assert_null(p);
}

struct crowd {
	struct worker_pool *p;
	struct open_env env;
	struct slice raw;
	int good;
};

static void *
open_some(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < 20; i++) {
		AUTO(arena) a = arena_new();
		struct worker_content inside;
		struct opened o;

		if (worker_open(c->p, &c->env, c->raw, a, &o, &inside, NULL) != ST_OK)
			continue;
		__atomic_add_fetch(&c->good, o.outcome == OPEN_VERIFIED && inside.content != NULL, __ATOMIC_RELAXED);
		content_free(inside.content);
		opened_clear(&o);
	}
	return NULL;
}

static void
test_crowd(void **state)
{
	struct crowd c = { pool_new(2, 20), { .limits = &limits, .keys = keys, .trust = trust, .now = PKI_NOW },
		{ NULL, 0 }, 0 };
	AUTO_BUF good = BUF_INIT;
	pthread_t id[6];

	(void)state;
	int64_t begun;

	make_mail("gw", "", SLICE(text), &good);
	c.raw = buf_slice(&good);
	begun = monotonic_ms();
	for (size_t i = 0; i < ARRAY_LEN(id); i++)
		assert_int_equal(pthread_create(&id[i], NULL, open_some, &c), 0);
	for (size_t i = 0; i < ARRAY_LEN(id); i++)
		pthread_join(id[i], NULL);
	assert_int_equal(c.good, 20 * ARRAY_LEN(id));
	print_message("%d mails in %lld ms\n", c.good, (long long)(monotonic_ms() - begun));
	worker_pool_free(c.p);
}

/* Same mail, second time: it is the mail. The sender hears "later" first, then the one uniform refusal. */
static void
test_poison(void **state)
{
	struct clinic c;
	struct clinic_mail mail;
	const struct clinic_answer poison = {
		.from = "lee", .text = "Take two.", .headers = "X-Portico-Fault: segv\r\n", .message_id = "<poison@x>"
	};
	struct clinic_answer now = poison;
	struct answer got;

	(void)state;
	clinic_open(&c);
	c.w->workers = pool_new(1, 10);
	clinic_patient(&c, "homer", "Homer", "Simpson", "1001");
	clinic_write(&c, "homer", "lee", NULL, "May I take two?");
	clinic_run(&c);
	assert_true(clinic_mail(&c, "lee", clinic_mails("lee") - 1, &mail));
	now.in_reply_to = mail.message_id;

	AUTO_BUF kept = BUF_INIT;
	struct view v;
	const char *rcpt = "portal@clinic.example";

	(void)now;
	make_mail("gw", "X-Portico-Fault: segv\r\nMessage-ID: <poison@x>\r\n", SLICE(text), &kept);
	struct inbound in = { .raw = buf_slice(&kept),
		.channel = CHANNEL_SUBMISSION,
		.login = "lee",
		.mail_from = "lee@clinic.example",
		.rcpt = &rcpt,
		.nrcpt = 1 };

	view_begin(c.w, &v);
	err = ERR_NONE;
	assert_int_equal(judge_mail(&v, &in, &got, &err), ST_LOCAL);
	assert_string_equal(err.code, "worker.died");
	OK(judge_mail(&v, &in, &got, &err));
	assert_int_equal(got.kind, ANSWER_REFUSED);
	assert_string_equal(got.code, "worker");
	assert_null(strstr(got.text, "worker"));
	view_end(&v);
	/* And an honest answer still arrives. */
	now.headers = NULL;
	now.message_id = NULL;
	got = clinic_judge(&c, &now);
	assert_int_equal(got.kind, ANSWER_TAKEN);
	clinic_run(&c);
	clinic_check(&c);
	clinic_close(&c);
}

/* ---- portico-keys ------------------------------------------------------------------------------------------------ */

static pid_t
start_keys(const char *socket)
{
	char *argv[] = { (char *)(uintptr_t) "portico-keys", (char *)(uintptr_t) "--keys",
		(char *)(uintptr_t)pki_path("k"), (char *)(uintptr_t) "--socket", (char *)(uintptr_t)socket, NULL };
	posix_spawn_file_actions_t act;
	pid_t pid;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, 2, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawn(&pid, program("portico-keys"), &act, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&act);
	for (int i = 0; i < 200 && access(socket, F_OK) != 0; i++)
		usleep(50000);
	return pid;
}

static void
stop_keys(pid_t pid, int sig)
{
	kill(pid, sig);
	waitpid(pid, NULL, 0);
}

static void
test_keys_process(void **state)
{
	AUTO_STR socket = xstrdup(pki_path("keys.sock"));
	AUTO(keys) here = NULL;
	AUTO(keys) there = NULL;
	struct cert *const *a, *const *b;
	size_t n, m;
	uint8_t x[32], y[32], digest[32] = { 7 };
	AUTO_BUF sig = BUF_INIT;
	AUTO_BUF mine = BUF_INIT;
	pid_t pid;

	(void)state;
	err = ERR_NONE;
	assert_int_equal(keys_connect(socket, &there, &err), ST_LOCAL);
	assert_string_equal(err.code, "keys.away");
	pid = start_keys(socket);
	OK(keys_load(pki_path("k"), &here, &err));
	OK(keys_connect(socket, &there, &err));
	n = keys_recipients(here, &a);
	m = keys_recipients(there, &b);
	assert_int_equal(n, m);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(a[i]->sha256, b[i]->sha256);
	OK(keys_chain(there, "gw", &b, &m, &err));
	OK(keys_chain(here, "gw", &a, &n, &err));
	assert_int_equal(n, m);
	OK(keys_derive(here, "token", x, &err));
	OK(keys_derive(there, "token", y, &err));
	assert_memory_equal(x, y, 32);
	OK(keys_site_key(here, x, &err));
	OK(keys_site_key(there, y, &err));
	assert_memory_equal(x, y, 32);
	OK(keys_sign(there, "gw", digest, &sig, &err));
	OK(keys_sign(here, "gw", digest, &mine, &err)); /* PKCS#1 v1.5: the same every time */
	assert_int_equal(sig.n, mine.n);
	assert_memory_equal(sig.p, mine.p, sig.n);
	assert_int_equal(keys_sign(there, "lee", digest, &sig, &err), ST_LOCAL);
	assert_string_equal(err.code, "keys.unknown");
	/* Killed: an error of ours, for as long as it lasts. Started again: as if nothing had been. */
	stop_keys(pid, SIGKILL);
	assert_int_equal(keys_sign(there, "gw", digest, &sig, &err), ST_LOCAL);
	assert_string_equal(err.code, "keys.away");
	assert_int_equal(unlink(socket), 0);
	pid = start_keys(socket);
	buf_clear(&sig);
	OK(keys_sign(there, "gw", digest, &sig, &err));
	assert_memory_equal(sig.p, mine.p, mine.n);
	stop_keys(pid, SIGTERM);
	assert_int_equal(access(socket, F_OK), -1);
}

/* Worker here, keys there; then no keys at all. */
static void
test_worker_and_keys(void **state)
{
	AUTO_STR socket = xstrdup(pki_path("keys2.sock"));
	pid_t pid = start_keys(socket);
	AUTO(keys) there = NULL;
	AUTO(arena) a = arena_new();
	struct worker_pool *p = pool_new(1, 20);
	struct open_env env = { .limits = &limits, .trust = trust, .now = PKI_NOW };
	static const char *const to[] = { "gw", "gwec" };
	struct worker_content inside = { .content = NULL };
	struct opened o;
	AUTO_BUF raw = BUF_INIT;

	(void)state;
	OK(keys_connect(socket, &there, &err));
	env.keys = there;
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		AUTO_BUF said = BUF_INIT;

		buf_clear(&raw);
		make_mail(to[i], "", SLICE(text), &raw);
		compare(p, &env, buf_slice(&raw), "ok", &said);
	}
	stop_keys(pid, SIGKILL);
	err = ERR_NONE;
	assert_int_equal(worker_open(p, &env, buf_slice(&raw), a, &o, &inside, &err), ST_LOCAL);
	assert_string_equal(err.code, "keys.away");
	assert_false(worker_blames(&err));
	unlink(socket);
	pid = start_keys(socket);
	AUTO_BUF said = BUF_INIT;
	compare(p, &env, buf_slice(&raw), "ok", &said);
	stop_keys(pid, SIGTERM);
	worker_pool_free(p);
}

/* Questions that are none get an answer that says so, from the same code the process runs. */
static void
test_bad_questions(void **state)
{
	static const struct {
		const char *name;
		enum keys_peer peer;
		uint8_t op;
		struct slice request;
	} rows[] = {
		{ "no such operation", KEYS_FOR_DAEMON, 9, { "", 0 } },
		{ "zero", KEYS_FOR_DAEMON, 0, { "", 0 } },
		{ "list with a rest", KEYS_FOR_DAEMON, KEYS_LIST, { "x", 1 } },
		{ "sign without anything", KEYS_FOR_DAEMON, KEYS_SIGN, { "", 0 } },
		{ "sign with a short digest", KEYS_FOR_DAEMON, KEYS_SIGN, { "\2\0\0\0gw\1\0\0\0x", 11 } },
		{ "unwrap cut off", KEYS_FOR_DAEMON, KEYS_UNWRAP, { "\2\0\0\0gw\0\377\377\377\377", 11 } },
		{ "a worker signs", KEYS_FOR_WORKER, KEYS_SIGN, { "", 0 } },
		{ "a worker derives", KEYS_FOR_WORKER, KEYS_DERIVE, { "\5\0\0\0token", 9 } },
		{ "a worker wants the site key", KEYS_FOR_WORKER, KEYS_SITE, { "", 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF ret = BUF_INIT;
		AUTO(arena) a = arena_new();
		struct wire_in in;

		print_message("%s\n", rows[i].name);
		assert_int_equal(keys_answer(keys, rows[i].peer, rows[i].op, rows[i].request, &ret), ST_LOCAL);
		in = wire_in(buf_slice(&ret));
		assert_string_equal(wire_word(&in, 64, a), "keys.request");
		assert_non_null(wire_text(&in, a));
		assert_true(wire_good(&in));
	}
}

/* What arrives in pieces, too long, too late or not at all. */
static void
test_frames(void **state)
{
	int pair[2];
	uint8_t type = 0;
	AUTO_BUF body = BUF_INIT;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(wire_send(pair[0], 'x', SLICE("ab"), SLICE("cd"), NO_DEADLINE), WIRE_OK);
	assert_int_equal(wire_recv(pair[1], 4, monotonic_ms() + 1000, &type, &body), WIRE_OK);
	assert_string_equal(buf_str(&body), "abcd");
	assert_int_equal(type, 'x');
	assert_int_equal(wire_send(pair[0], 'x', SLICE("abcde"), SLICE(""), NO_DEADLINE), WIRE_OK);
	assert_int_equal(wire_recv(pair[1], 4, monotonic_ms() + 1000, &type, &body), WIRE_LONG);
	assert_int_equal(read(pair[1], (char[6]){ 0 }, 6), 5);
	assert_int_equal(write(pair[0], "\3\0\0\0xa", 6), 6);
	assert_int_equal(wire_recv(pair[1], 4, monotonic_ms() + 50, &type, &body), WIRE_LATE);
	assert_int_equal(write(pair[0], "\0\0\0\0x", 5), 5);
	assert_int_equal(wire_recv(pair[1], 4, monotonic_ms() + 50, &type, &body), WIRE_LONG);
	close(pair[0]);
	assert_int_equal(wire_recv(pair[1], 4, monotonic_ms() + 50, &type, &body), WIRE_END);
	assert_int_equal(wire_send(pair[1], 'x', SLICE("ab"), SLICE(""), monotonic_ms() + 50), WIRE_END);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_bad_questions),
		cmocka_unit_test(test_same_answers),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_hurt),
		cmocka_unit_test(test_killed_idle),
		cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_keys_process),
		cmocka_unit_test(test_worker_and_keys),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
