#include "store/lock.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum status
lock_open(const char *path, int *ret_fd, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, ST_LOCAL, "store.open", "%s: cannot open (%d)", path, errno);
	*ret_fd = fd;
	return ST_OK;
}

static int
turnstile(int fd, short type)
{
	struct flock all = { .l_type = type, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &all);
}

static int
try_turnstile(int fd)
{
	return turnstile(fd, F_WRLCK);
}

static int
try_flock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

/* Polled rather than slept in, because a process that was stopped while it held the lock must not stop the others for
 * ever. The first pauses are shorter than a commit takes. */
static enum status
wait_for(int fd, int (*attempt)(int), int64_t until_ms, struct err *err)
{
	long pause_us = 30;

	while (attempt(fd) != 0) {
		struct timespec ts = { 0, pause_us * 1000 };

		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return err_set(err, ST_LOCAL, "store.io", "the lock of the store failed (%d)", errno);
		if (monotonic_ms() >= until_ms)
			return err_set(err, ST_LOCAL, "store.busy", "another process keeps the store locked");
		nanosleep(&ts, NULL);
		pause_us = pause_us < 1000 ? pause_us * 2 : 1000;
	}
	return ST_OK;
}

enum status
lock_take(int fd, int64_t patience_ms, struct err *err)
{
	int64_t until = monotonic_ms() + patience_ms;
	enum status st;

	TRY(wait_for(fd, try_turnstile, until, err));
	st = wait_for(fd, try_flock, until, err);
	turnstile(fd, F_UNLCK);
	return st;
}

void
lock_give(int fd)
{
	flock(fd, LOCK_UN);
}
