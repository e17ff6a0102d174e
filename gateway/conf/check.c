#include "conf/conf_in.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

bool
check_id(struct ynode at, const char *what)
{
	const char *s = ynode_text(at);
	bool ok = strlen(s) >= 1 && strlen(s) <= 32 && (islower((unsigned char)s[0]) || isdigit((unsigned char)s[0]));

	for (const char *p = s; ok && *p != '\0'; p++)
		ok = islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '-' || *p == '_';
	if (!ok)
		yaml_complain(at, "\"%s\" as the id of %s, expected 1 to 32 lower-case letters, digits, \"-\" or \"_\"",
		    ynode_quote(at), what);
	return ok;
}

bool
check_entries(struct ynode map, const char *what)
{
	if (map.id == 0 || ynode_kind(map) == Y_MAP || ynode_kind(map) == Y_NONE)
		return true;
	yaml_complain(map, "%s, expected %s, each under its id", ynode_kind(map) == Y_LIST ? "a list" : "a text", what);
	return false;
}

/* A daemon need not be able to look into a directory that is another daemon's. Who reads the file will say so. */
static bool
stat_file(struct ynode at, const char *path, struct stat *st)
{
	if (lstat(path, st) == 0)
		return true;
	if (errno != EACCES)
		yaml_complain(at, "%s: %s, expected a file", path, strerrordesc_np(errno));
	return false;
}

bool
check_file(struct ynode at, const char *path)
{
	struct stat st;

	if (path == NULL || !stat_file(at, path, &st))
		return false;
	if (S_ISDIR(st.st_mode)) {
		yaml_complain(at, "%s is a directory, expected a file", path);
		return false;
	}
	return true;
}

bool
check_secret(struct ynode at, const char *path)
{
	struct stat st;

	if (path == NULL || !stat_file(at, path, &st))
		return false;
	if (!S_ISREG(st.st_mode)) {
		yaml_complain(at, "%s is a link, directory or device, expected a plain file for a secret", path);
		return false;
	}
	if ((st.st_mode & 077) != 0) {
		yaml_complain(at, "%s has mode %04o: others may read or change the secret, expected 0600 or 0400", path,
		    (unsigned)st.st_mode & 07777);
		return false;
	}
	return true;
}

bool
check_language(struct ynode at, const char *s)
{
	size_t n = s != NULL ? strspn(s, "abcdefghijklmnopqrstuvwxyz") : 2;

	if (s == NULL || ((n == 2 || n == 3) && s[n] == '\0'))
		return true;
	yaml_complain(at, "\"%s\", expected a language such as en or es", ynode_quote(at));
	return false;
}

bool
check_socket_path(struct ynode at, const char *path)
{
	if (path == NULL || strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path)
		return true;
	yaml_complain(at, "a path of %zu bytes for a socket, expected at most %zu", strlen(path),
	    sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
	return false;
}

static int
by_value_then_place(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int c = strcasecmp(x->value, y->value);

	return c != 0 ? c : ynode_line(x->at) - ynode_line(y->at);
}

void
check_unique(struct claim *claims, size_t n, const char *what)
{
	size_t first = 0;

	qsort(claims, n, sizeof *claims, by_value_then_place);
	for (size_t i = 1; i < n; i++) {
		if (strcasecmp(claims[i].value, claims[first].value) != 0) {
			first = i;
			continue;
		}
		yaml_complain(claims[i].at, "%s is that of \"%s\" (line %d) too, expected one that nobody else has",
		    what, claims[first].owner, ynode_line(claims[first].at));
	}
}
