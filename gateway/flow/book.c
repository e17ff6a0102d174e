#include "flow/book.h"

#include "base/own.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct entry {
	const struct clinician_conf *who;
	struct cert *cert; /* own reference */
	bool helper;	   /* an intermediate that came in the same file */
};

struct book {
	const struct conf *conf;
	char *dir; /* <state_dir>/certs */
	pthread_mutex_t lock;
	struct timespec seen; /* modification time of dir when it was read */
	bool loaded;
	struct entry *entry;
	size_t n;
};

static void
forget_all(struct book *b)
{
	for (size_t i = 0; i < b->n; i++)
		cert_free(b->entry[i].cert);
	free(b->entry);
	b->entry = NULL;
	b->n = 0;
}

static void
add_file(struct book *b, const struct clinician_conf *who, const char *path)
{
	struct cert **list = NULL;
	size_t n = 0;

	/* The leaf comes first; what follows in the file are intermediates. */
	if (certs_from_file(path, &list, &n, NULL) != ST_OK || n == 0)
		return;
	b->entry = xreallocarray(b->entry, b->n + n, sizeof *b->entry);
	for (size_t i = 0; i < n; i++)
		b->entry[b->n++] = (struct entry){ who, cert_ref(list[i]), i > 0 };
	certs_free(list, n);
}

static bool
file_is_for(const char *name, const char *id)
{
	size_t n = strlen(id);
	const char *dot = strrchr(name, '.');

	return strncmp(name, id, n) == 0 && name[n] == '.' && dot != NULL && strcmp(dot, ".crt") == 0;
}

static int
newer_first(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->cert->not_before < y->cert->not_before) - (x->cert->not_before > y->cert->not_before);
}

static void
scan(struct book *b)
{
	const struct people_conf *people = &b->conf->people;
	DIR *dir;

	forget_all(b);
	for (size_t i = 0; i < people->nclinicians; i++)
		for (size_t j = 0; j < people->clinician[i].certificates.n; j++)
			add_file(b, &people->clinician[i], people->clinician[i].certificates.item[j]);
	dir = opendir(b->dir);
	for (const struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;)
		for (size_t i = 0; i < people->nclinicians; i++)
			if (file_is_for(d->d_name, people->clinician[i].id)) {
				AUTO_STR path = xasprintf("%s/%s", b->dir, d->d_name);

				add_file(b, &people->clinician[i], path);
			}
	if (dir != NULL)
		closedir(dir);
	if (b->n > 0)
		qsort(b->entry, b->n, sizeof *b->entry, newer_first);
	b->loaded = true;
}

/* With the lock held. */
static void
refresh(struct book *b)
{
	struct stat st = { .st_mtim = { 0, 0 } };

	if (stat(b->dir, &st) != 0)
		st.st_mtim = (struct timespec){ 0, 0 };
	if (b->loaded && st.st_mtim.tv_sec == b->seen.tv_sec && st.st_mtim.tv_nsec == b->seen.tv_nsec)
		return;
	b->seen = st.st_mtim;
	scan(b);
}

struct book *
book_new(const struct conf *conf)
{
	struct book *b = xcalloc(1, sizeof *b);

	b->conf = conf;
	b->dir = xasprintf("%s/certs", conf->site.state_dir);
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void
book_free(struct book *b)
{
	if (b == NULL)
		return;
	forget_all(b);
	pthread_mutex_destroy(&b->lock);
	free(b->dir);
	free(b);
}

static void
pick(struct book *b, const struct clinician_conf *who, bool helpers, struct cert ***ret, size_t *nret)
{
	struct cert **list;
	size_t n = 0;

	pthread_mutex_lock(&b->lock);
	refresh(b);
	list = xcalloc(b->n + 1, sizeof *list);
	for (size_t i = 0; i < b->n; i++)
		if (b->entry[i].who == who && b->entry[i].helper == helpers)
			list[n++] = cert_ref(b->entry[i].cert);
	pthread_mutex_unlock(&b->lock);
	*ret = list;
	*nret = n;
}

void
book_certs(struct book *b, const struct clinician_conf *who, struct cert ***ret, size_t *nret)
{
	pick(b, who, false, ret, nret);
}

void
book_helpers(struct book *b, const struct clinician_conf *who, struct cert ***ret, size_t *nret)
{
	pick(b, who, true, ret, nret);
}

bool
book_has(struct book *b, const struct clinician_conf *who, const struct cert *c)
{
	bool has = false;

	pthread_mutex_lock(&b->lock);
	refresh(b);
	for (size_t i = 0; i < b->n && !has; i++)
		has = b->entry[i].who == who && !b->entry[i].helper && strcmp(b->entry[i].cert->sha256, c->sha256) == 0;
	pthread_mutex_unlock(&b->lock);
	return has;
}
