#include "flow/world.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/own.h"
#include "flow/book.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct world_inner {
	atomic_int refs;
	struct conf *conf;
	struct trust *trust;
	struct book *book;
};

static pthread_mutex_t swap_lock = PTHREAD_MUTEX_INITIALIZER;

static void
inner_unref(struct world_inner *in)
{
	if (in == NULL || atomic_fetch_sub(&in->refs, 1) != 1)
		return;
	book_free(in->book);
	trust_free(in->trust);
	conf_unref(in->conf);
	free(in);
}

static enum status
inner_load(const char *path, struct conf_errors *errs, struct world_inner **ret, struct err *err)
{
	struct world_inner *in = xcalloc(1, sizeof *in);
	enum status st;
	const struct site_conf *site;

	atomic_init(&in->refs, 1);
	st = conf_load(path, errs, &in->conf, err);
	if (st != ST_OK)
		goto fail;
	site = &in->conf->site;
	if (site->trust.n > 0) {
		st = trust_from_files(site->trust.item, site->trust.n, site->rsa_min_bits, &in->trust, err);
	} else {
		AUTO_STR root = xasprintf("%s/ca/root.crt", site->state_dir);
		const char *one = root;

		st = trust_from_files(&one, 1, site->rsa_min_bits, &in->trust, err);
	}
	if (st != ST_OK)
		goto fail;
	in->book = book_new(in->conf);
	*ret = in;
	return ST_OK;
fail:
	inner_unref(in);
	return st;
}

static enum status
token_keys_load(struct world *w, struct err *err)
{
	uint8_t log_key[32];

	/* One key for now; rotation adds a newer one in front and keeps this one for verifying. */
	memcpy(w->tokens.key[0].id, "k1", 3);
	TRY(keys_derive(w->keys, "token", w->tokens.key[0].key, err));
	w->tokens.n = 1;
	TRY(keys_derive(w->keys, "log", log_key, err));
	log_set_key(log_key, sizeof log_key);
	return ST_OK;
}

/* Private keys are in a process of their own, or in this one. */
static enum status
keys_get(const struct site_conf *site, struct keys **ret, struct err *err)
{
	AUTO_STR dir = xasprintf("%s/keys", site->state_dir);

	return site->keys_socket != NULL ? keys_connect(site->keys_socket, ret, err) : keys_load(dir, ret, err);
}

static enum status
workers_start(const struct site_conf *site, struct worker_pool **ret, struct err *err)
{
	struct worker_options opt = { .processes = (size_t)site->worker_processes,
		.timeout_s = site->worker_timeout_s };

	return opt.processes > 0 ? worker_pool_new(&opt, ret, err) : ST_OK;
}

enum status
world_open(
    const char *path, const struct world_options *opt, struct conf_errors *errs, struct world **ret, struct err *err)
{
	AUTO(world) w = xcalloc(1, sizeof *w);
	uint8_t site_key[32] = { 0 };
	struct store_options so = { .clock = &w->clock, .checkpoints = opt->checkpoints, .read_only = opt->read_only };
	enum status st;

	w->conf_path = xstrdup(path);
	w->clock = clock_from_env();
	TRY(inner_load(path, errs, &w->in, err));
	if (opt->workers)
		TRY(workers_start(&w->in->conf->site, &w->workers, err));
	if (!opt->without_keys) {
		TRY(keys_get(&w->in->conf->site, &w->keys, err));
		TRY(keys_site_key(w->keys, site_key, err));
		TRY(token_keys_load(w, err));
	}
	so.dir = w->in->conf->site.state_dir;
	so.site_key = site_key;
	st = store_open(&so, &w->store, err);
	explicit_bzero(site_key, sizeof site_key);
	TRY(st);
	*ret = TAKE(w);
	return ST_OK;
}

void
world_free(struct world *w)
{
	if (w == NULL)
		return;
	store_free(w->store);
	worker_pool_free(w->workers);
	keys_free(w->keys);
	inner_unref(w->in);
	free((char *)w->conf_path);
	explicit_bzero((void *)w, sizeof *w);
	free(w);
}

enum status
world_reload(struct world *w, struct conf_errors *errs, struct err *err)
{
	struct world_inner *fresh = NULL, *old;

	TRY(inner_load(w->conf_path, errs, &fresh, err));
	pthread_mutex_lock(&swap_lock);
	old = w->in;
	w->in = fresh;
	pthread_mutex_unlock(&swap_lock);
	inner_unref(old);
	return ST_OK;
}

void
view_begin(struct world *w, struct view *v)
{
	pthread_mutex_lock(&swap_lock);
	atomic_fetch_add(&w->in->refs, 1);
	*v = (struct view){ .w = w, .conf = w->in->conf, .trust = w->in->trust, .book = w->in->book, .hold = w->in };
	pthread_mutex_unlock(&swap_lock);
}

void
view_end(struct view *v)
{
	inner_unref(v->hold);
	*v = (struct view){ .w = NULL };
}

bool
view_registered(void *view, const char *addr, const struct cert *c)
{
	struct view *v = view;
	const struct clinician_conf *who = conf_clinician_by_address(v->conf, addr);

	return who != NULL && book_has(v->book, who, c);
}

enum status
view_encryption_cert(struct view *v, const struct clinician_conf *who, int64_t now, struct cert **ret, struct err *err)
{
	struct cert **list = NULL, **help = NULL;
	size_t n = 0, nhelp = 0;
	enum status st = ST_MSG_REFUSED;

	book_certs(v->book, who, &list, &n);
	book_helpers(v->book, who, &help, &nhelp);
	if (n == 0)
		err_set(err, ST_MSG_REFUSED, "cert.none", "no certificate is registered for clinician %s", who->id);
	for (size_t i = 0; i < n && st != ST_OK; i++) {
		/* The complaint about the newest certificate is the one that helps. */
		struct err mine = ERR_NONE;

		st = trust_check(v->trust, list[i], help, nhelp, CERT_ENCRYPT, now, &mine);
		if (st == ST_OK)
			*ret = cert_ref(list[i]);
		else if (i == 0 && err != NULL)
			*err = mine;
	}
	certs_free(list, n);
	certs_free(help, nhelp);
	return st;
}

void
view_helpers(struct view *v, const struct clinician_conf *who, struct cert ***ret, size_t *nret)
{
	book_helpers(v->book, who, ret, nret);
}

static void
doorbell_address(const struct conf *c, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sun->sun_path, sizeof sun->sun_path, "%s/doorbell", c->site.state_dir);
}

void
doorbell_ring(const struct conf *c)
{
	AUTO_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun;

	doorbell_address(c, &sun);
	if (fd >= 0 && sendto(fd, "!", 1, MSG_NOSIGNAL, (struct sockaddr *)&sun, sizeof sun) < 0) {
		/* nobody listens: the bridge is down, or will look within a second */
	}
}

enum status
doorbell_listen(const struct conf *c, int *ret_fd, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sun;

	doorbell_address(c, &sun);
	unlink(sun.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) != 0 || chmod(sun.sun_path, 0600) != 0) {
		err_set(err, ST_LOCAL, "doorbell.bind", "%s: cannot listen: %s", sun.sun_path, strerrordesc_np(errno));
		if (fd >= 0)
			close(fd);
		return ST_LOCAL;
	}
	*ret_fd = fd;
	return ST_OK;
}
