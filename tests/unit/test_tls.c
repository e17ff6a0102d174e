/* The TLS client against servers that are good, wrong, slow, or gone. */
#include "crypto/tls.h"

#include "base/buf.h"
#include "base/clock.h"
#include "tests/unit/tls_peer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void
say_hello(SSL *ssl, int fd, void *arg)
{
	(void)fd, (void)arg;
	SSL_write(ssl, "hello", 5);
	SSL_shutdown(ssl);
}

static int64_t
in(int64_t ms)
{
	return monotonic_ms() + ms;
}

static enum status
read_hello(const struct tls_target *to, struct err *err)
{
	AUTO(tls_conn) c = NULL;
	char p[16];
	size_t n = 0;

	TRY(tls_connect(to, in(5000), &c, err));
	assert_true(tls_is_secure(c));
	TRY(tls_read(c, p, sizeof p, in(5000), &n, err));
	assert_int_equal(n, 5);
	assert_memory_equal(p, "hello", 5);
	/* The end is an error, and stays one. */
	for (int i = 0; i < 2; i++) {
		struct err end = ERR_NONE;

		assert_int_equal(tls_read(c, p, sizeof p, in(5000), &n, &end), ST_REMOTE_DOWN);
		assert_string_equal(end.code, "tls.closed");
	}
	return ST_OK;
}

static void
only_the_right_certificate_will_do(void **state)
{
	static const struct {
		const char *name;
		struct tls_peer_cert cert;
		const char *host, *code;
		int max_version;
	} rows[] = {
		{ "name", { .san = "DNS:localhost" }, "localhost", "", 0 },
		{ "name in capitals", { .san = "DNS:localhost" }, "LocalHost", "", 0 },
		{ "address", { .san = "IP:127.0.0.1" }, "127.0.0.1", "", 0 },
		{ "one of several", { .san = "DNS:a.example,DNS:localhost,IP:10.0.0.1" }, "localhost", "", 0 },
		{ "TLS 1.2", { .san = "DNS:localhost" }, "localhost", "", TLS1_2_VERSION },
		{ "TLS 1.1", { .san = "DNS:localhost" }, "localhost", "tls.handshake", TLS1_1_VERSION },
		{ "TLS 1.0", { .san = "DNS:localhost" }, "localhost", "tls.handshake", TLS1_VERSION },
		{ "another name", { .san = "DNS:mail.example" }, "localhost", "tls.host", 0 },
		{ "another address", { .san = "IP:127.0.0.2" }, "127.0.0.1", "tls.host", 0 },
		{ "an address as a name", { .san = "DNS:127.0.0.1" }, "127.0.0.1", "tls.host", 0 },
		{ "a name for an address", { .san = "DNS:localhost" }, "127.0.0.1", "tls.host", 0 },
		{ "common name only", { .cn = "localhost" }, "localhost", "tls.host", 0 },
		{ "partial wildcard", { .san = "DNS:l*t" }, "localhost", "tls.host", 0 },
		{ "wildcard for everything", { .san = "DNS:*" }, "localhost", "tls.host", 0 },
		{ "expired", { .san = "DNS:localhost", .from_s = -7200, .until_s = -60 }, "localhost", "tls.verify",
		    0 },
		{ "not yet", { .san = "DNS:localhost", .from_s = 3600, .until_s = 7200 }, "localhost", "tls.verify",
		    0 },
		{ "self-signed", { .san = "DNS:localhost", .self_signed = true }, "localhost", "tls.verify", 0 },
		{ "for clients", { .san = "DNS:localhost", .client_only = true }, "localhost", "tls.verify", 0 },
		{ "a short key", { .san = "DNS:localhost", .weak = true }, "localhost", "tls.verify", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_peer_conf conf = {
			.cert = rows[i].cert, .max_version = rows[i].max_version, .serve = say_hello
		};
		struct tls_peer *peer = tls_peer_start(&conf);
		struct tls_target to = { rows[i].host, tls_peer_port(peer), tls_peer_ca(), false };
		struct err err = ERR_NONE;
		enum status st = read_hello(&to, &err);

		if (strcmp(err.code, rows[i].code) != 0 || st != (*rows[i].code == '\0' ? ST_OK : ST_REMOTE_DOWN))
			fail_msg("%s: %s %s %s", rows[i].name, status_name(st), err.code, err.text);
		tls_peer_stop(peer);
	}
}

static void
only_the_named_anchors_count(void **state)
{
	struct tls_peer_conf conf = { .cert = { .san = "DNS:localhost" }, .serve = say_hello };
	struct tls_peer *peer = tls_peer_start(&conf);
	struct tls_target to = { "localhost", tls_peer_port(peer), NULL, false };
	struct err err = ERR_NONE;

	(void)state;
	/* The system's store does not know our authority. */
	assert_int_equal(read_hello(&to, &err), ST_REMOTE_DOWN);
	assert_string_equal(err.code, "tls.verify");
	to.ca_file = "/nonexistent/ca.pem";
	assert_int_equal(read_hello(&to, &err), ST_LOCAL);
	assert_string_equal(err.code, "tls.ca");
	to.ca_file = "/dev/null";
	assert_int_equal(read_hello(&to, &err), ST_LOCAL);
	to.ca_file = tls_peer_ca();
	assert_int_equal(read_hello(&to, &err), ST_OK);
	tls_peer_stop(peer);
}

static void
do_nothing(SSL *ssl, int fd, void *arg)
{
	char p[4096];

	(void)ssl, (void)arg;
	while (recv(fd, p, sizeof p, 0) > 0)
		;
}

static void
say_plain_text(SSL *ssl, int fd, void *arg)
{
	(void)ssl, (void)arg;
	send(fd, "* OK IMAP without TLS here\r\n", 28, MSG_NOSIGNAL);
}

static void
every_way_not_to_connect_has_its_code(void **state)
{
	static const struct {
		const char *name, *host;
		int port; /* 0: the peer's */
		void (*serve)(SSL *, int, void *);
		const char *code;
	} rows[] = {
		{ "nobody there", "127.0.0.1", 1, NULL, "tls.connect" },
		{ "no such name", "no-such-host.invalid", 993, NULL, "tls.resolve" },
		{ "no name at all", "", 993, NULL, NULL },
		{ "a server that says nothing", "localhost", 0, do_nothing, "tls.timeout" },
		{ "a server without TLS", "localhost", 0, say_plain_text, "tls.handshake" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct tls_peer_conf conf = {
			.cert = { .san = "DNS:localhost" }, .clear = true, .serve = rows[i].serve
		};
		struct tls_peer *peer = tls_peer_start(&conf);
		struct tls_target to = { rows[i].host, rows[i].port, tls_peer_ca(), false };
		struct tls_conn *c = NULL;
		struct err err = ERR_NONE;
		int64_t start = monotonic_ms();

		if (to.port == 0)
			to.port = tls_peer_port(peer);
		assert_int_not_equal(tls_connect(&to, in(1000), &c, &err), ST_OK);
		assert_null(c);
		if (rows[i].code != NULL && strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s", rows[i].name, err.code, err.text);
		assert_true(monotonic_ms() - start < 3000);
		tls_peer_stop(peer);
	}
}

static void
drip(SSL *ssl, int fd, void *arg)
{
	(void)fd, (void)arg;
	for (int i = 0; i < 40 && SSL_write(ssl, "x", 1) == 1; i++)
		nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
}

static void
the_deadline_is_absolute(void **state)
{
	struct tls_peer_conf conf = { .cert = { .san = "DNS:localhost" }, .serve = drip };
	struct tls_peer *peer = tls_peer_start(&conf);
	struct tls_target to = { "localhost", tls_peer_port(peer), tls_peer_ca(), false };
	AUTO(tls_conn) c = NULL;
	struct err err = ERR_NONE;
	int64_t start = monotonic_ms();
	enum status st = ST_OK;
	size_t n = 0, reads = 0;
	char p[64];

	(void)state;
	assert_int_equal(tls_connect(&to, in(2000), &c, &err), ST_OK);
	for (int64_t until = in(400); st == ST_OK; reads++)
		st = tls_read(c, p, sizeof p, until, &n, &err);
	assert_string_equal(err.code, "tls.timeout");
	assert_true(reads > 3);
	assert_in_range(monotonic_ms() - start, 350, 1500);
	tls_conn_free(c);
	c = NULL;
	tls_peer_stop(peer);
}

static void
hang_up_rudely(SSL *ssl, int fd, void *arg)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)arg;
	SSL_write(ssl, "half", 4);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void
say_half_and_leave(SSL *ssl, int fd, void *arg)
{
	(void)fd, (void)arg;
	SSL_write(ssl, "half", 4);
}

static void
a_cut_connection_is_an_error_and_no_signal(void **state)
{
	/* A reset is told by the first write; after a mere end the second one is what raises SIGPIPE. */
	static void (*const ways[])(SSL *, int, void *) = { hang_up_rudely, say_half_and_leave };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct tls_peer_conf conf = { .cert = { .san = "DNS:localhost" }, .serve = ways[i] };
		struct tls_peer *peer = tls_peer_start(&conf);
		struct tls_target to = { "localhost", tls_peer_port(peer), tls_peer_ca(), false };
		AUTO(tls_conn) c = NULL;
		struct err err = ERR_NONE;
		enum status st = ST_OK;
		char p[64] = "";
		size_t n = 0;

		signal(SIGPIPE, SIG_DFL); /* would end this program */
		assert_int_equal(tls_connect(&to, in(2000), &c, &err), ST_OK);
		for (int k = 0; k < 1000 && st == ST_OK; k++) {
			if (k == 0)
				nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
			st = tls_write(c, p, sizeof p, in(2000), &err);
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		}
		assert_int_equal(st, ST_REMOTE_DOWN);
		assert_string_equal(err.code, "tls.closed");
		assert_int_equal(tls_read(c, p, sizeof p, in(2000), &n, &err), ST_REMOTE_DOWN);
		signal(SIGPIPE, SIG_IGN);
		tls_conn_free(c);
		c = NULL;
		tls_peer_stop(peer);
	}
}

static void
read_nothing(SSL *ssl, int fd, void *arg)
{
	(void)ssl, (void)fd, (void)arg;
	nanosleep(&(struct timespec){ 1, 0 }, NULL);
}

static void
who_does_not_read_cannot_hold_us(void **state)
{
	struct tls_peer_conf conf = { .cert = { .san = "DNS:localhost" }, .serve = read_nothing };
	struct tls_peer *peer = tls_peer_start(&conf);
	struct tls_target to = { "localhost", tls_peer_port(peer), tls_peer_ca(), false };
	char *big = calloc(1, 40 << 20);
	AUTO(tls_conn) c = NULL;
	struct err err = ERR_NONE;
	int64_t start = monotonic_ms();

	(void)state;
	assert_int_equal(tls_connect(&to, in(2000), &c, &err), ST_OK);
	assert_int_equal(tls_write(c, big, 40 << 20, in(300), &err), ST_REMOTE_DOWN);
	assert_string_equal(err.code, "tls.timeout");
	assert_true(monotonic_ms() - start < 1500);
	tls_conn_free(c);
	c = NULL;
	free(big);
	tls_peer_stop(peer);
}

static void
echo(SSL *ssl, int fd, void *arg)
{
	static char p[1 << 20];
	int n = 0, k;

	(void)fd, (void)arg;
	while (n < (int)sizeof p && (k = SSL_read(ssl, p + n, (int)sizeof p - n)) > 0)
		n += k;
	SSL_write(ssl, p, n);
}

static void
a_megabyte_goes_there_and_back(void **state)
{
	struct tls_peer_conf conf = { .cert = { .san = "DNS:localhost" }, .serve = echo };
	struct tls_peer *peer = tls_peer_start(&conf);
	struct tls_target to = { "localhost", tls_peer_port(peer), tls_peer_ca(), false };
	static char out[1 << 20], back[1 << 20];
	AUTO(tls_conn) c = NULL;
	struct err err = ERR_NONE;
	size_t n = 0, k = 0;

	(void)state;
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (char)(i * 31 + i / 256);
	assert_int_equal(tls_connect(&to, in(5000), &c, &err), ST_OK);
	assert_int_equal(tls_write(c, out, sizeof out, in(5000), &err), ST_OK);
	for (; n < sizeof back; n += k)
		assert_int_equal(tls_read(c, back + n, sizeof back - n, in(5000), &k, &err), ST_OK);
	assert_memory_equal(out, back, sizeof out);
	tls_conn_free(c);
	c = NULL;
	tls_peer_stop(peer);
}

static void
start_tls_on_request(SSL *none, int fd, void *arg)
{
	char p[16];
	SSL *ssl;

	(void)none;
	send(fd, "clear", 5, MSG_NOSIGNAL);
	if (recv(fd, p, sizeof p, 0) <= 0)
		return;
	send(fd, arg, strlen(arg), MSG_NOSIGNAL);
	if ((ssl = tls_peer_accept(tls_peer_self(), fd)) != NULL)
		SSL_write(ssl, "secret", 6);
	SSL_free(ssl);
}

static void
starttls_by_rows(void **state)
{
	static const struct {
		const char *name, *san, *clear, *code;
	} rows[] = {
		{ "clear, then TLS", "DNS:localhost", "OK", "" },
		{ "another host", "DNS:mail.example", "OK", "tls.host" },
		{ "bytes in clear behind the answer", "DNS:localhost", "OK* CAPABILITY IMAP4rev1\r\n",
		    "tls.handshake" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR clear = xstrdup(rows[i].clear);
		struct tls_peer_conf conf = {
			.cert = { .san = rows[i].san }, .clear = true, .serve = start_tls_on_request, .arg = clear
		};
		struct tls_peer *peer = tls_peer_start(&conf);
		struct tls_target to = { "localhost", tls_peer_port(peer), tls_peer_ca(), true };
		AUTO(tls_conn) c = NULL;
		struct err err = ERR_NONE;
		char p[16];
		size_t n;

		assert_int_equal(tls_connect(&to, in(2000), &c, &err), ST_OK);
		assert_false(tls_is_secure(c));
		assert_int_equal(tls_read(c, p, 5, in(2000), &n, &err), ST_OK);
		assert_memory_equal(p, "clear", n);
		assert_int_equal(tls_write(c, "go", 2, in(2000), &err), ST_OK);
		assert_int_equal(tls_read(c, p, 2, in(2000), &n, &err), ST_OK);
		(void)!tls_start(c, in(2000), &err);
		if (strcmp(err.code, rows[i].code) != 0)
			fail_msg("%s: %s %s", rows[i].name, err.code, err.text);
		assert_int_equal(tls_is_secure(c), *rows[i].code == '\0');
		/* After a failed handshake nothing goes out in clear. */
		assert_int_equal(tls_write(c, "x", 1, in(2000), &err), *rows[i].code == '\0' ? ST_OK : ST_REMOTE_DOWN);
		tls_conn_free(c);
		c = NULL;
		tls_peer_stop(peer);
	}
}

static void
descriptors_above_1024_work(void **state)
{
	struct tls_peer_conf conf = { .cert = { .san = "DNS:localhost" }, .serve = say_hello };
	struct tls_peer *peer = tls_peer_start(&conf);
	struct tls_target to = { "localhost", tls_peer_port(peer), tls_peer_ca(), false };
	struct rlimit lim;
	struct err err = ERR_NONE;
	int fds[1100];
	size_t n = 0;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max < 2048 ? lim.rlim_max : 2048;
	setrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur < 2048)
		skip();
	while (n < ARRAY_LEN(fds))
		fds[n++] = dup(0);
	assert_int_equal(read_hello(&to, &err), ST_OK);
	while (n > 0)
		close(fds[--n]);
	tls_peer_stop(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_right_certificate_will_do),
		cmocka_unit_test(only_the_named_anchors_count),
		cmocka_unit_test(every_way_not_to_connect_has_its_code),
		cmocka_unit_test(the_deadline_is_absolute),
		cmocka_unit_test(a_cut_connection_is_an_error_and_no_signal),
		cmocka_unit_test(who_does_not_read_cannot_hold_us),
		cmocka_unit_test(a_megabyte_goes_there_and_back),
		cmocka_unit_test(starttls_by_rows),
		cmocka_unit_test(descriptors_above_1024_work),
	};

	/* The peer's own writes use the stock socket; ours must not need this. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
