#include "tests/unit/fake_imap.h"

#include "base/buf.h"
#include "base/own.h"
#include "tests/unit/tls_peer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct mail {
	struct buf raw;
	uint32_t uid;
};
struct folder {
	char name[64];
	struct mail mail[256];
	size_t n;
	uint32_t uidnext;
};

static struct {
	pthread_mutex_t lock;
	struct fake_imap_conf conf;
	struct tls_peer *peer;
	struct folder folder[8];
	size_t nfolders, subscribed;
	uint32_t uidvalidity;
	enum fake_imap_fault next;
} srv = { .lock = PTHREAD_MUTEX_INITIALIZER, .uidvalidity = 1000 };

struct conn {
	SSL *ssl;
	int fd;
	struct folder *selected;
	bool in, gone;
};

static void say(struct conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void
say(struct conn *c, const char *fmt, ...)
{
	static _Thread_local char text[65536];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n <= 0 || c->gone)
		return;
	if (c->ssl != NULL)
		c->gone = SSL_write(c->ssl, text, n) != n;
	else
		c->gone = send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n;
}

static bool
hear(struct conn *c, char *p, size_t n)
{
	while (n > 0 && !c->gone) {
		ssize_t k = c->ssl != NULL ? SSL_read(c->ssl, p, (int)n) : recv(c->fd, p, n, 0);

		if (k <= 0)
			c->gone = true;
		else
			p += k, n -= (size_t)k;
	}
	return !c->gone;
}

static bool
hear_line(struct conn *c, char *p, size_t max)
{
	size_t n = 0;

	while (n + 1 < max && hear(c, p + n, 1))
		if (p[n++] == '\n')
			break;
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	p[n] = '\0';
	return !c->gone;
}

static void
chat(struct conn *c)
{
	if (srv.conf.chatty)
		say(c, "* OK Still here\r\n* 3 FOO (1 {2}\r\nab)\r\n* XBAR \"a\"\r\n* 1 FETCH (FLAGS (\\Seen))\r\n");
}

static bool
has(const char *cap)
{
	return strstr(srv.conf.caps, cap) != NULL;
}

static struct folder *
folder_of(const char *name)
{
	for (size_t i = 0; i < srv.nfolders; i++)
		if (strcmp(srv.folder[i].name, name) == 0)
			return &srv.folder[i];
	return NULL;
}

static enum fake_imap_fault
fault(enum fake_imap_fault a, enum fake_imap_fault b)
{
	enum fake_imap_fault f = srv.next;

	if (f < a || f > b)
		return FAKE_NONE;
	srv.next = FAKE_NONE;
	return f;
}

/* An atom or quoted string off *s, into out. */
static void
string(char **s, char *out, size_t max)
{
	size_t n = 0;
	bool q;

	while (**s == ' ')
		++*s;
	q = **s == '"';
	*s += q;
	while (**s != '\0' && **s != (q ? '"' : ' ') && n + 1 < max)
		out[n++] = *(*s)++;
	*s += q && **s == '"';
	out[n] = '\0';
}

static void
append(struct conn *c, const char *tag, char *args)
{
	enum fake_imap_fault f = fault(FAKE_LOSE, FAKE_BYE);
	struct folder *to;
	char name[64], crlf[2];
	AUTO_BUF raw = BUF_INIT;
	size_t size = 0;
	bool plus;

	string(&args, name, sizeof name);
	while (*args == ' ')
		args++;
	size = *args == '{' ? strtoul(args + 1, NULL, 10) : 0;
	plus = strstr(args, "+}") != NULL;
	if (!plus) {
		chat(c);
		if (f == FAKE_QUOTA) {
			say(c, "%s NO [OVERQUOTA] canary\r\n", tag);
			return;
		}
		say(c, "+ go\r\n");
	}
	buf_reserve(&raw, size);
	raw.n = size;
	if (!hear(c, raw.p, f == FAKE_BREAK ? size / 2 : size))
		return;
	if (f == FAKE_BREAK || !hear(c, crlf, 2)) {
		c->gone = true;
		return;
	}
	if (f == FAKE_VANISH && srv.nfolders > 0)
		srv.nfolders = 0, srv.uidvalidity++;
	to = folder_of(name);
	if (f == FAKE_BYE) {
		say(c, "* BYE canary\r\n");
		c->gone = true;
	} else if (f == FAKE_QUOTA) {
		say(c, "%s NO [OVERQUOTA] canary\r\n", tag);
	} else if (to == NULL) {
		say(c, "%s NO [TRYCREATE] canary\r\n", tag);
	} else {
		struct mail *m = &to->mail[to->n++ % 256];

		buf_free(&m->raw);
		m->raw = raw;
		raw = BUF_INIT;
		m->uid = to->uidnext;
		to->uidnext += srv.conf.uid_step != 0 ? srv.conf.uid_step : 1;
		chat(c);
		if (f == FAKE_LOSE)
			c->gone = true;
		if (has("UIDPLUS"))
			say(c, "%s OK [APPENDUID %u %u] done\r\n", tag, srv.uidvalidity, m->uid);
		else
			say(c, "%s OK done\r\n", tag);
	}
}

/* "a:b (UID BODY.PEEK[...])" */
static void
fetch(struct conn *c, const char *tag, char *args, bool by_uid)
{
	enum fake_imap_fault f = fault(FAKE_HALF_FETCH, FAKE_NO_FETCH);
	unsigned long first = strtoul(args, &args, 10), last = strtoul(args + (*args == ':'), &args, 10);
	size_t n = c->selected->n;

	for (size_t i = 0; i < (f != FAKE_NONE ? n / 2 : n); i++) {
		const struct mail *m = &c->selected->mail[i];
		unsigned long key = by_uid ? m->uid : i + 1;
		const char *at = strcasestr(buf_str(&m->raw), "X-Portal-Token:");
		int len = at != NULL ? (int)(strstr(at, "\r\n") - at) : 0;

		if (key >= first && key <= last)
			say(c, "* %zu FETCH (UID %u BODY[HEADER.FIELDS (X-PORTAL-TOKEN)] {%d}\r\n%.*s%s\r\n)\r\n",
			    i + 1, m->uid, len + (at != NULL ? 4 : 2), len, at != NULL ? at : "",
			    at != NULL ? "\r\n" : "");
	}
	chat(c);
	say(c, f == FAKE_NO_FETCH ? "%s NO canary\r\n" : "%s OK fetched\r\n", tag);
}

static void
authenticate(struct conn *c, const char *tag, char *args)
{
	char token[256];

	if (strlen(args) > 5) {
		snprintf(token, sizeof token, "%s", args + 6);
	} else {
		say(c, "+ \r\n");
		if (!hear_line(c, token, sizeof token))
			return;
	}
	/* lee NUL portico NUL secret */
	c->in = strcmp(token, "bGVlAHBvcnRpY28Ac2VjcmV0") == 0;
	say(c, c->in ? "%s OK in\r\n" : "%s NO [AUTHENTICATIONFAILED] canary\r\n", tag);
}

static void
on_folder(struct conn *c, const char *tag, const char *verb, char *args)
{
	struct folder *f;
	char name[64];

	string(&args, name, sizeof name);
	f = folder_of(name);
	if (strcasecmp(verb, "CREATE") == 0) {
		if (f != NULL || srv.nfolders == 8) {
			say(c, "%s NO [ALREADYEXISTS] canary\r\n", tag);
			return;
		}
		f = &srv.folder[srv.nfolders++];
		snprintf(f->name, sizeof f->name, "%s", name);
		f->n = 0;
		f->uidnext = 1;
		say(c, "%s OK made\r\n", tag);
	} else if (f == NULL) {
		say(c, "%s NO [NONEXISTENT] canary\r\n", tag);
	} else if (strcasecmp(verb, "SUBSCRIBE") == 0) {
		srv.subscribed++;
		say(c, "%s OK subscribed\r\n", tag);
	} else if (strcasecmp(verb, "STATUS") == 0) {
		chat(c);
		say(c, "* STATUS %s (MESSAGES %zu UIDNEXT %u UIDVALIDITY %u)\r\n%s OK\r\n", name, f->n, f->uidnext,
		    srv.uidvalidity, tag);
	} else {
		c->selected = f;
		say(c,
		    "* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS ()] x\r\n* %zu EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY "
		    "%u] x\r\n"
		    "* OK [UIDNEXT %u] x\r\n* OK [HIGHESTMODSEQ 99999999999] x\r\n%s OK [READ-ONLY] x\r\n",
		    f->n, srv.uidvalidity, f->uidnext, tag);
	}
}

static void
command(struct conn *c, char *line)
{
	char tag[32], verb[32];
	char *args = line;

	string(&args, tag, sizeof tag);
	string(&args, verb, sizeof verb);
	while (*args == ' ')
		args++;
	chat(c);
	if (strcasecmp(verb, "CAPABILITY") == 0)
		say(c, "* CAPABILITY IMAP4rev1%s %s\r\n%s OK\r\n", c->ssl != NULL ? " AUTH=PLAIN" : " LOGINDISABLED",
		    srv.conf.caps, tag);
	else if (strcasecmp(verb, "STARTTLS") == 0 && c->ssl == NULL) {
		say(c, "%s OK begin\r\n", tag);
		c->ssl = tls_peer_accept(tls_peer_self(), c->fd);
		c->gone = c->ssl == NULL;
	} else if (strcasecmp(verb, "NOOP") == 0)
		say(c, "%s OK\r\n", tag);
	else if (strcasecmp(verb, "LOGOUT") == 0)
		say(c, "* BYE\r\n%s OK\r\n", tag);
	else if (strcasecmp(verb, "AUTHENTICATE") == 0 && c->ssl != NULL)
		authenticate(c, tag, args);
	else if (!c->in)
		say(c, "%s BAD log in first\r\n", tag);
	else if (strcasecmp(verb, "NAMESPACE") == 0)
		say(c, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n%s OK\r\n", tag);
	else if (strcasecmp(verb, "LIST") == 0)
		say(c, "* LIST (\\Noselect) \"/\" \"\"\r\n%s OK\r\n", tag);
	else if (strcasecmp(verb, "APPEND") == 0)
		append(c, tag, args);
	else if (strcasecmp(verb, "UID") == 0 && strncasecmp(args, "FETCH ", 6) == 0 && c->selected != NULL)
		fetch(c, tag, args + 6, true);
	else if (strcasecmp(verb, "FETCH") == 0 && c->selected != NULL)
		fetch(c, tag, args, false);
	else if (strcasecmp(verb, "CLOSE") == 0 && c->selected != NULL) {
		c->selected = NULL;
		say(c, "%s OK\r\n", tag);
	} else if (strcasecmp(verb, "CREATE") == 0 || strcasecmp(verb, "SUBSCRIBE") == 0 ||
		   strcasecmp(verb, "STATUS") == 0 || strcasecmp(verb, "EXAMINE") == 0)
		on_folder(c, tag, verb, args);
	else
		say(c, "%s BAD what is %s\r\n", tag, verb);
}

static void
serve(SSL *ssl, int fd, void *arg)
{
	struct conn c = { .ssl = ssl, .fd = fd };
	char line[4096];

	(void)arg;
	say(&c, "* OK fake\r\n");
	while (hear_line(&c, line, sizeof line)) {
		pthread_mutex_lock(&srv.lock);
		command(&c, line);
		pthread_mutex_unlock(&srv.lock);
	}
	if (ssl == NULL)
		SSL_free(c.ssl);
}

int
fake_imap_start(const struct fake_imap_conf *conf)
{
	struct tls_peer_conf peer = { .cert = { .san = "DNS:localhost" }, .clear = conf->starttls, .serve = serve };

	srv.conf = *conf;
	srv.peer = tls_peer_start(&peer);
	return tls_peer_port(srv.peer);
}

void
fake_imap_stop(void)
{
	tls_peer_stop(srv.peer);
	srv.peer = NULL;
	fake_imap_reset();
}

void
fake_imap_next(enum fake_imap_fault f)
{
	pthread_mutex_lock(&srv.lock);
	srv.next = f;
	pthread_mutex_unlock(&srv.lock);
}

void
fake_imap_renumber(void)
{
	pthread_mutex_lock(&srv.lock);
	srv.uidvalidity++;
	for (size_t i = 0; i < srv.nfolders; i++) {
		struct folder *f = &srv.folder[i];
		struct mail last = f->n > 0 ? f->mail[f->n - 1] : f->mail[0];

		/* The newest comes first now: a bound of the old numbers would miss it. */
		if (f->n > 1)
			memmove(f->mail + 1, f->mail, (f->n - 1) * sizeof *f->mail);
		f->mail[0] = last;
		for (size_t k = 0; k < f->n; k++)
			f->mail[k].uid = (uint32_t)k + 1;
		f->uidnext = (uint32_t)f->n + 1;
	}
	pthread_mutex_unlock(&srv.lock);
}

void
fake_imap_restore(uint32_t uidnext)
{
	pthread_mutex_lock(&srv.lock);
	for (size_t i = 0; i < srv.nfolders; i++)
		srv.folder[i].uidnext = uidnext;
	pthread_mutex_unlock(&srv.lock);
}

void
fake_imap_reset(void)
{
	pthread_mutex_lock(&srv.lock);
	for (size_t i = 0; i < ARRAY_LEN(srv.folder); i++) {
		for (size_t k = 0; k < 256; k++)
			buf_free(&srv.folder[i].mail[k].raw);
		srv.folder[i].n = 0;
	}
	srv.nfolders = srv.subscribed = 0;
	srv.next = FAKE_NONE;
	srv.uidvalidity++;
	pthread_mutex_unlock(&srv.lock);
}

size_t
fake_imap_count(const char *folder)
{
	const struct folder *f;
	size_t n;

	pthread_mutex_lock(&srv.lock);
	f = folder_of(folder);
	n = f != NULL ? f->n : 0;
	pthread_mutex_unlock(&srv.lock);
	return n;
}

size_t
fake_imap_subscribed(void)
{
	size_t n;

	pthread_mutex_lock(&srv.lock);
	n = srv.subscribed;
	pthread_mutex_unlock(&srv.lock);
	return n;
}
