#include "bridge/control.h"

#include "base/log.h"
#include "base/own.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define REQUEST_MAX (40 * 1024 * 1024)
#define REQUEST_MS 10000

const char *
arg_str(const struct request *r, const char *name)
{
	const char *s = json_string_value(json_object_get(r->args, name));

	return s != NULL && *s != '\0' ? s : NULL;
}

enum status
arg_need(const struct request *r, const char *name, const char **ret, struct err *err)
{
	const char *s = arg_str(r, name);

	if (s == NULL)
		return err_set(err, ST_MSG_REFUSED, "usage", "%s is missing", name);
	*ret = s;
	return ST_OK;
}

static enum status
listen_on(const char *path, int *ret, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t old;
	int rc;

	if (strlen(path) >= sizeof sun.sun_path) {
		close(fd);
		return err_set(err, ST_LOCAL, "control.path", "%s: longer than a socket's name may be", path);
	}
	memcpy(sun.sun_path, path, strlen(path));
	unlink(path);
	old = umask(0177);
	rc = fd >= 0 ? bind(fd, (struct sockaddr *)&sun, sizeof sun) : -1;
	umask(old);
	if (rc != 0 || listen(fd, 16) != 0) {
		err_set(err, ST_LOCAL, "control.listen", "%s: cannot listen: %s", path, strerrordesc_np(errno));
		if (fd >= 0)
			close(fd);
		return ST_LOCAL;
	}
	*ret = fd;
	return ST_OK;
}

/* Until the line end; false on a time-out, a hang-up or more than is allowed. */
static bool
read_request(int fd, struct buf *b)
{
	int64_t until = monotonic_ms() + REQUEST_MS;
	char part[65536];

	while (b->n == 0 || b->p[b->n - 1] != '\n') {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until - monotonic_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return false;
		n = recv(fd, part, sizeof part, 0);
		if (n <= 0 || b->n + (size_t)n > REQUEST_MAX)
			return false;
		buf_append(b, part, (size_t)n);
	}
	explicit_bzero(part, sizeof part);
	return true;
}

static void
write_answer(int fd, const json_t *answer)
{
	int64_t until = monotonic_ms() + REQUEST_MS;
	char *text = json_dumps(answer, JSON_COMPACT);
	AUTO_BUF b = BUF_INIT;
	size_t done = 0;

	buf_puts(&b, text != NULL ? text : "{\"ok\":false,\"exit\":70,\"error\":\"no answer\"}");
	buf_putc(&b, '\n');
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
	while (done < b.n && monotonic_ms() < until) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t n;

		if (poll(&p, 1, REQUEST_MS) <= 0)
			return;
		n = send(fd, b.p + done, b.n - done, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static int
exit_of(enum status st)
{
	return st == ST_MSG_REFUSED ? EX_DATAERR : st == ST_LOCAL ? EX_SOFTWARE : EX_TEMPFAIL;
}

static enum status
run_verb(struct request *r, const json_t *root, const char **ret_verb, struct err *err)
{
	const char *verb = json_string_value(json_object_get(root, "verb"));

	r->args = json_object_get(root, "args");
	for (size_t i = 0; verb != NULL && i < control_nverbs; i++)
		if (strcmp(control_verbs[i].name, verb) == 0) {
			*ret_verb = control_verbs[i].name;
			return control_verbs[i].run(r, err);
		}
	return err_set(err, ST_MSG_REFUSED, "usage", "no such verb; is the command newer than the bridge?");
}

static void
serve(struct bridge *b, int fd)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t n = sizeof who;
	struct request r = { .b = b };
	struct err err = ERR_NONE;
	const char *verb = "unknown";
	AUTO_BUF text = BUF_INIT;
	json_t *root = NULL;
	struct view v;
	enum status st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || (who.uid != 0 && who.uid != geteuid())) {
		log_event(LOG_WARNING, "control-denied", F_NUM("uid", who.uid));
		return;
	}
	if (!read_request(fd, &text))
		return;
	r.uid = who.uid;
	r.answer = json_object();
	root = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	view_begin(b->world, &v);
	r.v = &v;
	st = json_is_object(root) ? run_verb(&r, root, &verb, &err)
				  : err_set(&err, ST_MSG_REFUSED, "usage", "the request is not JSON");
	view_end(&v);
	json_object_set_new(r.answer, "ok", json_boolean(st == ST_OK));
	if (st != ST_OK) {
		json_object_set_new(r.answer, "exit", json_integer(exit_of(st)));
		json_object_set_new(r.answer, "error", json_string(err.text));
		json_object_set_new(r.answer, "code", json_string(err.code));
	}
	log_event(st == ST_OK ? LOG_INFO : LOG_NOTICE, "control", F_NAME("verb", verb), F_NUM("uid", who.uid),
	    F_NAME("st", status_name(st)));
	write_answer(fd, r.answer);
	json_decref(r.answer);
	json_decref(root);
	if (st == ST_OK)
		bell_ring(b->bell);
}

void *
run_control(void *arg)
{
	struct bridge *b = arg;
	struct err err = ERR_NONE;
	AUTO_STR path = NULL;
	struct view v;
	int fd = -1;

	view_begin(b->world, &v);
	path = xstrdup(v.conf->site.control_socket);
	view_end(&v);
	if (listen_on(path, &fd, &err) != ST_OK) {
		log_event(LOG_ERR, "control-trouble", F_ERR(&err));
		return NULL;
	}
	while (!atomic_load(&b->stop)) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = bell_fd(b->bell), .events = POLLIN } };
		int peer;

		poll(p, 2, -1);
		if ((p[0].revents & POLLIN) == 0)
			continue;
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0)
			continue;
		serve(b, peer);
		close(peer);
	}
	close(fd);
	unlink(path);
	return NULL;
}
