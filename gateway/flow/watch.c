#include "flow/watch.h"

#include "base/own.h"
#include "flow/courier.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_AT 1000 /* messages under way; more than that is a trouble of its own, and has its incidents */

extern char **environ;

struct watch {
	struct view *v;
	struct arena *a;
	const char **ref, **fresh; /* emergencies, and those to page for */
	size_t n, nfresh;
};

static enum status
in_a_mailbox(struct tx *tx, struct watch *w, const char *ref, bool *ret, struct err *err)
{
	struct delivery *d = NULL;
	size_t n = 0;

	*ret = false;
	TRY(delivery_list(tx, ref, w->a, &d, &n, err));
	for (size_t i = 0; i < n; i++)
		if (d[i].state == DLV_DONE && strncmp(d[i].destination, LANE_MAILBOX, strlen(LANE_MAILBOX)) == 0)
			*ret = true;
	return ST_OK;
}

static bool
is_open(const struct incident *k, size_t n, const char *cause)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(k[i].cause, cause) == 0)
			return true;
	return false;
}

static const char *
cause_of(struct watch *w, const char *ref)
{
	return arena_printf(w->a, "emergency/%s", ref);
}

/* Looking is free; only what is new is written. */
static enum status
find_emergencies(struct tx *tx, void *arg, struct err *err)
{
	struct watch *w = arg;
	struct message_filter f = { .state = MSG_IN_FLIGHT, .limit = LOOK_AT };
	int64_t before = tx_now_ms(tx) - w->v->conf->site.page_after_s * 1000;
	struct message_row *m = NULL;
	struct incident *k = NULL;
	size_t n = 0, nk = 0;

	w->n = 0;
	TRY(message_list(tx, &f, w->a, &m, &n, err));
	TRY(incident_list(tx, true, w->a, &k, &nk, err));
	w->ref = ARENA_ARRAY(w->a, n + 1, const char *);
	for (size_t i = 0; i < n; i++) {
		bool there = true;

		if (m[i].kind != KIND_HUMAN || strcmp(m[i].urgency, "emergency") != 0 || m[i].created_ms > before ||
		    is_open(k, nk, cause_of(w, m[i].ref)))
			continue;
		TRY(in_a_mailbox(tx, w, m[i].ref, &there, err));
		if (!there)
			w->ref[w->n++] = m[i].ref;
	}
	return ST_OK;
}

/* Of several bridges, the one whose incident is new sends the page. */
static enum status
open_incidents(struct tx *tx, void *arg, struct err *err)
{
	struct watch *w = arg;
	const char *on_call = w->v->conf->support.on_call;
	size_t fresh_n = 0;

	for (size_t i = 0; i < w->n; i++) {
		bool fresh = false;

		TRY(incident_touch(tx, cause_of(w, w->ref[i]), "emergency.undelivered", "high",
		    on_call != NULL ? on_call : "support", &fresh, err));
		if (fresh)
			w->fresh[fresh_n++] = w->ref[i];
	}
	w->nfresh = fresh_n;
	return ST_OK;
}

/* Fire and forget: the hook's standard output and error are ours, its input is empty. It learns the reference and how
 * long it has been, nothing about anybody. Children are reaped by the kernel (the bridge ignores SIGCHLD). */
static bool
page(const char *command, const char *ref)
{
	char *argv[] = { (char *)command, (char *)ref, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(&pid, command, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc == 0;
}

enum status
watch_emergencies(struct view *v, size_t *ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	struct watch w = { .v = v, .a = a };
	const char *command = v->conf->support.page_command;

	*ret = 0;
	TRY(store_read(v->w->store, find_emergencies, &w, err));
	if (w.n == 0)
		return ST_OK;
	w.fresh = ARENA_ARRAY(a, w.n, const char *);
	TRY(store_write(v->w->store, open_incidents, &w, err));
	for (size_t i = 0; i < w.nfresh && command != NULL && *command != '\0'; i++)
		*ret += page(command, w.fresh[i]);
	return ST_OK;
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */

struct cert_trouble {
	struct arena *a;
	const char *cause, *kind; /* kind NULL: all is well */
};

static enum status
note_certificate(struct tx *tx, void *arg, struct err *err)
{
	struct cert_trouble *t = arg;
	bool fresh;

	if (t->kind == NULL)
		return incident_close(tx, t->cause, err);
	return incident_touch(tx, t->cause, t->kind, "medium", "support", &fresh, err);
}

static const char *
trouble_of(struct view *v, const struct clinician_conf *who, int64_t now, struct err *why)
{
	struct cert *c = NULL;
	bool soon;

	if (view_encryption_cert(v, who, now, &c, why) != ST_OK)
		return why->code;
	soon = c->not_after - now < v->conf->site.cert_warn_s;
	cert_free(c);
	return soon ? "cert.ends-soon" : NULL;
}

enum status
watch_certificates(struct view *v, size_t *ret, struct err *err)
{
	AUTO(arena) a = arena_new();
	int64_t now = clock_now(&v->w->clock);
	struct cert *const *chain = NULL;
	struct cert_trouble t = { .a = a, .cause = "cert/gateway" };
	size_t n = 0;

	*ret = 0;
	TRY(keys_chain(v->w->keys, "gateway", &chain, &n, err));
	if (chain[0]->not_after - now < v->conf->site.cert_warn_s)
		t.kind = chain[0]->not_after < now ? "cert.expired" : "cert.ends-soon";
	*ret += t.kind != NULL;
	TRY(store_write(v->w->store, note_certificate, &t, err));
	for (size_t i = 0; i < v->conf->people.nclinicians; i++) {
		const struct clinician_conf *who = &v->conf->people.clinician[i];
		struct err why = ERR_NONE;

		t.cause = arena_printf(a, "cert/%s", who->id);
		t.kind = trouble_of(v, who, now, &why);
		*ret += t.kind != NULL;
		TRY(store_write(v->w->store, note_certificate, &t, err));
	}
	return ST_OK;
}
