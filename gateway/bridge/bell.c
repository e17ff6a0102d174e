#include "bridge/bridge.h"

#include "base/own.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct bell {
	pthread_mutex_t lock;
	pthread_cond_t rung;
	unsigned count;
	int stop_fd;
};

struct bell *
bell_new(void)
{
	struct bell *b = xcalloc(1, sizeof *b);
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&b->rung, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&b->lock, NULL);
	b->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return b;
}

void
bell_free(struct bell *b)
{
	if (b == NULL)
		return;
	close(b->stop_fd);
	pthread_cond_destroy(&b->rung);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void
bell_ring(struct bell *b)
{
	pthread_mutex_lock(&b->lock);
	b->count++;
	pthread_cond_broadcast(&b->rung);
	pthread_mutex_unlock(&b->lock);
}

void
bell_wait(struct bell *b, unsigned *seen, int timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&b->lock);
	while (b->count == *seen)
		if (pthread_cond_timedwait(&b->rung, &b->lock, &until) != 0)
			break;
	*seen = b->count;
	pthread_mutex_unlock(&b->lock);
}

int
bell_fd(struct bell *b)
{
	return b->stop_fd;
}

void
bell_stop(struct bell *b)
{
	eventfd_write(b->stop_fd, 1);
	bell_ring(b);
}
