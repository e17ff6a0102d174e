#include "base/hash.h"
#include "base/own.h"
#include "conf/boundaries.h"
#include "conf/conf_in.h"
#include "conf/response.h"
#include "conf/yaml_in.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_DOCS 3

struct snapshot {
	struct conf conf; /* first: a struct conf * of ours is a struct snapshot * */
	atomic_uint refs;
	struct arena *arena;
	struct boundaries *boundaries;
	struct yaml_doc *docs[MAX_DOCS]; /* open as long as we live: options of portals point into them */
	size_t ndocs;
};

static void
snapshot_free(struct snapshot *s)
{
	for (size_t i = 0; i < s->ndocs; i++)
		yaml_close(s->docs[i]);
	boundaries_unload(s->boundaries);
	arena_free(s->arena);
	free(s);
}

/* Who can write to the configuration can read every patient's mail: he names himself a clinician. */
static void
check_writers(const char *path, struct conf_errors *errs)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 002) != 0)
		conf_complain(errs, path, 0, 0, "mode %04o: everybody may change this file, expected 0640",
		    (unsigned)st.st_mode & 07777);
}

/* An absent node when the file cannot be used; the reason is in errs then. */
static struct ynode
open_root(struct snapshot *s, const char *path, struct conf_errors *errs)
{
	struct yaml_doc *doc = yaml_open(path, s->arena, errs);

	if (doc == NULL)
		return (struct ynode){ NULL, 0 };
	check_writers(path, errs);
	s->docs[s->ndocs++] = doc;
	return yaml_root(doc);
}

/* Site first, then what people refer to, then people, then who helps them: each can check against those before. */
static void
read_all(struct snapshot *s, const char *path, bool rules, struct conf_errors *errs)
{
	struct reading r = { .arena = s->arena, .errs = errs, .conf = &s->conf };
	struct files_conf files = { NULL, NULL, NULL, NULL };
	struct ynode root = open_root(s, path, errs);

	if (root.id == 0)
		return;
	site_read(&r, root, &files);
	s->conf.response = response_load(files.response_times, s->arena, errs);
	if (rules)
		s->boundaries = boundaries_load(files.boundaries, s->arena, errs);
	s->conf.boundaries = s->boundaries;
	root = open_root(s, files.clinicians, errs);
	if (root.id != 0)
		people_read(&r, root);
	root = open_root(s, files.support, errs);
	if (root.id != 0)
		support_read(&r, root);
}

/* Over the bytes of the YAML files and, through boundaries_hash(), over the lexicons. */
static void
set_hash(struct snapshot *s, const struct conf_errors *errs)
{
	uint8_t digest[HASH_SIZE];
	AUTO_BUF all = BUF_INIT;

	buf_append(&all, errs->digest, sizeof errs->digest);
	if (s->boundaries != NULL)
		buf_puts(&all, boundaries_hash(s->boundaries));
	sha256(all.p, all.n, digest);
	hex_encode(digest, sizeof digest, s->conf.hash);
}

static enum status
load(const char *path, bool rules, struct conf_errors *errs, struct conf **ret, struct err *err)
{
	struct snapshot *s = xcalloc(1, sizeof *s);
	size_t before = errs->n;

	atomic_init(&s->refs, 1);
	s->arena = arena_new();
	s->conf.path = arena_strdup(s->arena, path);
	memset(errs->digest, 0, sizeof errs->digest);
	read_all(s, path, rules, errs);
	if (errs->n == before && (s->conf.response == NULL || (rules && s->boundaries == NULL)))
		conf_complain(errs, path, 0, 0, "a file that cannot be used, expected all of them");
	if (errs->n != before) {
		size_t n = errs->n - before;

		snapshot_free(s);
		return err_set(err, ST_LOCAL, "conf.mistakes",
		    "%zu mistake%s in the configuration; \"portico config check\" lists them", n, n == 1 ? "" : "s");
	}
	set_hash(s, errs);
	for (size_t i = 0; i < s->ndocs; i++)
		yaml_release(s->docs[i]);
	*ret = &s->conf;
	return ST_OK;
}

enum status
conf_load(const char *path, struct conf_errors *errs, struct conf **ret, struct err *err)
{
	return load(path, true, errs, ret, err);
}

enum status
conf_load_without_boundaries(const char *path, struct conf_errors *errs, struct conf **ret, struct err *err)
{
	return load(path, false, errs, ret, err);
}

struct conf *
conf_ref(struct conf *c)
{
	struct snapshot *s = (struct snapshot *)c;

	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return c;
}

void
conf_unref(struct conf *c)
{
	struct snapshot *s = (struct snapshot *)c;

	if (c != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		snapshot_free(s);
}

/* Looking things up */

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* RFC 5321 2.4: the local part must be treated as case sensitive, the domain is not. */
static bool
same_address(const char *a, const char *b)
{
	const char *at = a != NULL && b != NULL ? strrchr(a, '@') : NULL;
	size_t n = at != NULL ? (size_t)(at - a) + 1 : 0;

	return at != NULL && strncmp(a, b, n) == 0 && strcasecmp(a + n, b + n) == 0;
}

const struct clinician_conf *
conf_clinician(const struct conf *c, const char *id)
{
	for (size_t i = 0; i < c->people.nclinicians; i++)
		if (same(c->people.clinician[i].id, id))
			return &c->people.clinician[i];
	return NULL;
}

const struct clinician_conf *
conf_clinician_by_login(const struct conf *c, const char *login)
{
	for (size_t i = 0; i < c->people.nclinicians; i++)
		if (same(c->people.clinician[i].login, login))
			return &c->people.clinician[i];
	return NULL;
}

const struct clinician_conf *
conf_clinician_by_address(const struct conf *c, const char *addr_spec)
{
	for (size_t i = 0; i < c->people.nclinicians; i++) {
		const struct clinician_conf *who = &c->people.clinician[i];

		if (same_address(who->address, addr_spec))
			return who;
		for (size_t j = 0; j < who->aliases.n; j++)
			if (same_address(who->aliases.item[j], addr_spec))
				return who;
	}
	return NULL;
}

const struct pool_conf *
conf_pool(const struct conf *c, const char *id)
{
	for (size_t i = 0; i < c->people.npools; i++)
		if (same(c->people.pool[i].id, id))
			return &c->people.pool[i];
	return NULL;
}

const struct portal_conf *
conf_portal(const struct conf *c, const char *id)
{
	for (size_t i = 0; i < c->site.nportals; i++)
		if (strcmp(c->site.portals[i].id, id) == 0)
			return &c->site.portals[i];
	return NULL;
}

const struct imap_server_conf *
conf_imap_server(const struct conf *c, const char *id)
{
	for (size_t i = 0; i < c->site.nservers; i++)
		if (same(c->site.servers[i].id, id))
			return &c->site.servers[i];
	return NULL;
}

bool
conf_in_pool(const struct conf *c, const char *clinician, const char *pool)
{
	const struct pool_conf *p = conf_pool(c, pool);

	return p != NULL && conf_list_has(&p->members, clinician);
}

bool
conf_list_has(const struct conf_list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(l->item[i], s))
			return true;
	return false;
}
