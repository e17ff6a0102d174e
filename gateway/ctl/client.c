/* client -- the command's side of the bridge's control socket, and its own look at configuration and store. */
#include "ctl/ctl.h"

#include "base/clock.h"
#include "base/own.h"
#include "conf/conf.h"
#include "crypto/keys.h"
#include "store/store.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
read_conf(const struct ctl *c, bool boundaries, struct conf **ret)
{
	struct conf_errors errs = { .n = 0 };
	struct err err = ERR_NONE;
	enum status st = boundaries ? conf_load(c->config, &errs, ret, &err)
				    : conf_load_without_boundaries(c->config, &errs, ret, &err);

	if (st == ST_OK) {
		conf_errors_free(&errs);
		return 0;
	}
	fputs(buf_str(&errs.text), stderr);
	fprintf(stderr, "portico: %s\n", err.text);
	conf_errors_free(&errs);
	return EX_CONFIG;
}

int
ctl_conf(const struct ctl *c, struct conf **ret)
{
	return read_conf(c, false, ret);
}

static int
look(const struct ctl *c, bool with_keys, struct conf **ret_conf, struct store **ret_store)
{
	static struct clock clock;
	uint8_t key[32] = { 0 };
	struct err err = ERR_NONE;
	int rc = read_conf(c, with_keys, ret_conf);
	enum status st = ST_OK;

	if (rc != 0)
		return rc;
	clock = clock_from_env();
	struct store_options opt = { .dir = (*ret_conf)->site.state_dir,
		.site_key = with_keys ? key : NULL,
		.clock = &clock,
		.read_only = true };

	if (with_keys) {
		AUTO_STR dir = xasprintf("%s/keys", opt.dir);
		AUTO(keys) keys = NULL;

		st = keys_load(dir, &keys, &err);
		if (st == ST_OK)
			st = keys_site_key(keys, key, &err);
	}
	if (st == ST_OK)
		st = store_open(&opt, ret_store, &err);
	explicit_bzero(key, sizeof key);
	if (st == ST_OK)
		return 0;
	conf_unref(*ret_conf);
	*ret_conf = NULL;
	return ctl_fail(&err);
}

int
ctl_look(const struct ctl *c, struct conf **ret_conf, struct store **ret_store)
{
	return look(c, false, ret_conf, ret_store);
}

int
ctl_look_with_keys(const struct ctl *c, struct conf **ret_conf, struct store **ret_store)
{
	return look(c, true, ret_conf, ret_store);
}

static int
dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = 30 };

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	fprintf(stderr, "portico: %s: %s\n%s", path, strerrordesc_np(errno),
	    errno == EACCES ? "portico: run the command as root or as the bridge's user\n"
			    : "portico: is portico-bridge running? (systemctl status portico-bridge)\n");
	close(fd);
	return -1;
}

static bool
exchange(int fd, const char *request, struct buf *answer)
{
	size_t n = strlen(request), done = 0;
	char part[16384];
	ssize_t got;

	while (done < n) {
		ssize_t w = send(fd, request + done, n - done, MSG_NOSIGNAL);

		if (w <= 0)
			return false;
		done += (size_t)w;
	}
	if (send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
		return false;
	while ((got = recv(fd, part, sizeof part, 0)) > 0)
		buf_append(answer, part, (size_t)got);
	explicit_bzero(part, sizeof part);
	return answer->n > 0;
}

int
ctl_ask(const struct ctl *c, const char *verb, struct json_t *args, struct json_t **ret)
{
	json_t *request = json_pack("{s:s, s:o}", "verb", verb, "args", args), *answer;
	char *text = json_dumps(request, JSON_COMPACT);
	struct conf *conf = NULL;
	AUTO_BUF b = BUF_INIT;
	int rc = ctl_conf(c, &conf), fd;
	bool ok;

	json_decref(request);
	if (rc != 0) {
		free(text);
		return rc;
	}
	fd = dial(conf->site.control_socket);
	conf_unref(conf);
	ok = fd >= 0 && exchange(fd, text, &b);
	if (fd >= 0)
		close(fd);
	explicit_bzero(text, strlen(text));
	free(text);
	if (fd < 0)
		return EX_UNAVAILABLE;
	answer = ok ? json_loadb(b.p, b.n, 0, NULL) : NULL;
	if (answer == NULL) {
		fputs("portico: the bridge did not answer; its log says more\n", stderr);
		return EX_TEMPFAIL;
	}
	if (!json_is_true(json_object_get(answer, "ok"))) {
		const char *mistakes = json_string_value(json_object_get(answer, "mistakes"));

		rc = (int)json_integer_value(json_object_get(answer, "exit"));
		if (mistakes != NULL)
			fputs(mistakes, stderr);
		fprintf(stderr, "portico: %s\n", json_string_value(json_object_get(answer, "error")));
		json_decref(answer);
		return rc != 0 ? rc : EX_SOFTWARE;
	}
	*ret = answer;
	return 0;
}

int
cmd_bridge_reload(struct ctl *c)
{
	const char *word[1];
	json_t *answer = NULL;
	int rc = ctl_options(c, NULL, 0, word, 0);

	if (rc == 0)
		rc = ctl_ask(c, "reload", json_object(), &answer);
	if (rc == 0)
		puts(c->json ? "{\"reloaded\":true}" : "The bridge works with the new configuration.");
	json_decref(answer);
	return rc;
}
