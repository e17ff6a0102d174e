#include "base/file.h"

#include "base/hash.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* strerror() is not for threads; strerrordesc_np() is. */
#define SAY(err, path, what)                                                                                           \
	err_set((err), ST_LOCAL, "file.io", "%s: cannot %s: %s", (path), (what), strerrordesc_np(errno))

static enum status
read_fd(int fd, const char *path, size_t max, struct buf *ret, struct err *err)
{
	char part[16384];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SAY(err, path, "read");
		total += (size_t)n;
		if (total > max) {
			explicit_bzero(part, sizeof part);
			return err_set(err, ST_LOCAL, "file.size", "%s: larger than %zu bytes", path, max);
		}
		buf_append(ret, part, (size_t)n);
	}
	explicit_bzero(part, sizeof part);
	return ST_OK;
}

enum status
file_read(const char *path, size_t max, struct buf *ret, struct err *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return SAY(err, path, "open");
	return read_fd(fd, path, max, ret, err);
}

enum status
file_read_secret(const char *path, size_t max, struct buf *ret, struct err *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return SAY(err, path, "open");
	if (fstat(fd, &st) != 0)
		return SAY(err, path, "stat");
	/* Root looks at what belongs to the daemons' user: the administrator's command. */
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 ||
	    (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0))
		return err_set(err, ST_LOCAL, "file.mode",
		    "%s: a secret must be a plain file of mode 0600 or 0400 owned by the reader (chmod 600 it)", path);
	return read_fd(fd, path, max, ret, err);
}

static enum status
sync_dir(const char *path, struct err *err)
{
	AUTO_STR copy = xstrdup(path);
	AUTO_FD fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return SAY(err, path, "sync the directory of");
	return ST_OK;
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return fsync(fd);
}

enum status
file_write(const char *path, const void *p, size_t n, mode_t mode, bool excl, struct err *err)
{
	char tag[9];
	AUTO_STR tmp = NULL;
	AUTO_FD fd = -1;
	int rc;

	random_ref(tag, sizeof tag - 1);
	tmp = xasprintf("%s.%s.new", path, tag);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return SAY(err, tmp, "create");
	if (fchmod(fd, mode) != 0 || write_all(fd, p, n) != 0) {
		SAY(err, tmp, "write");
		unlink(tmp);
		return ST_LOCAL;
	}
	rc = excl ? link(tmp, path) : rename(tmp, path);
	if (rc != 0) {
		bool exists = errno == EEXIST;

		if (exists)
			err_set(err, ST_MSG_REFUSED, "file.exists", "%s: exists already and is left alone", path);
		else
			SAY(err, path, "put in place");
		unlink(tmp);
		return exists ? ST_MSG_REFUSED : ST_LOCAL;
	}
	if (excl)
		unlink(tmp);
	return sync_dir(path, err);
}

enum status
dir_make(const char *path, mode_t mode, struct err *err)
{
	AUTO_STR part = xstrdup(path);

	for (char *s = part + 1; s[-1] != '\0'; s++) {
		char keep = *s;

		if (keep != '/' && keep != '\0')
			continue;
		*s = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return SAY(err, part, "make the directory");
		*s = keep;
		if (keep == '\0')
			break;
	}
	return ST_OK;
}

char *
path_join(const char *dir, const char *name)
{
	if (name[0] == '/' || dir == NULL || dir[0] == '\0')
		return xstrdup(name);
	return xasprintf("%s/%s", dir, name);
}
