#include "vfs_shim.h"

#include <sqlite3.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct vfs_shim vfs_shim = { .fail_after = -1 };

struct file {
	sqlite3_file base;
	sqlite3_file *inner; /* in the same allocation, behind */
};

static sqlite3_vfs *inner_vfs;
static sqlite3_vfs shim_vfs;

static sqlite3_file *
in(sqlite3_file *f)
{
	return ((struct file *)f)->inner;
}

/* SQLITE_OK, or the failure whose turn it is. */
static int
turn(int call)
{
	if ((atomic_load(&vfs_shim.fail_calls) & call) == 0 || atomic_load(&vfs_shim.fail_after) < 0)
		return SQLITE_OK;
	if (atomic_load(&vfs_shim.fail_after) > 0) {
		atomic_fetch_sub(&vfs_shim.fail_after, 1);
		return SQLITE_OK;
	}
	if (atomic_fetch_sub(&vfs_shim.fail_times, 1) > 0)
		return atomic_load(&vfs_shim.fail_with);
	atomic_store(&vfs_shim.fail_after, -1);
	return SQLITE_OK;
}

static int
x_close(sqlite3_file *f)
{
	return in(f)->pMethods != NULL ? in(f)->pMethods->xClose(in(f)) : SQLITE_OK;
}

static int
x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	int rc = turn(SHIM_READ);

	atomic_fetch_add(&vfs_shim.reads, 1);
	return rc != SQLITE_OK ? rc : in(f)->pMethods->xRead(in(f), p, n, at);
}

static int
x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = turn(SHIM_WRITE);

	atomic_fetch_add(&vfs_shim.writes, 1);
	return rc != SQLITE_OK ? rc : in(f)->pMethods->xWrite(in(f), p, n, at);
}

static long
monotonic_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int
x_sync(sqlite3_file *f, int flags)
{
	int us = atomic_load(&vfs_shim.sync_delay_us);
	struct timespec ts = { us / 1000000, (long)(us % 1000000) * 1000 };
	long begin = monotonic_us();
	int rc = turn(SHIM_SYNC);

	if (rc == SQLITE_OK)
		rc = in(f)->pMethods->xSync(in(f), flags);
	if (us > 0)
		nanosleep(&ts, NULL);
	atomic_fetch_add(&vfs_shim.syncs, 1);
	atomic_fetch_add(&vfs_shim.sync_us, monotonic_us() - begin);
	return rc;
}

/* The rest goes straight through. */
static int
x_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return in(f)->pMethods->xTruncate(in(f), n);
}
static int
x_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return in(f)->pMethods->xFileSize(in(f), n);
}
static int
x_lock(sqlite3_file *f, int how)
{
	return in(f)->pMethods->xLock(in(f), how);
}
static int
x_unlock(sqlite3_file *f, int how)
{
	return in(f)->pMethods->xUnlock(in(f), how);
}
static int
x_reserved(sqlite3_file *f, int *out)
{
	return in(f)->pMethods->xCheckReservedLock(in(f), out);
}
static int
x_control(sqlite3_file *f, int op, void *arg)
{
	return in(f)->pMethods->xFileControl(in(f), op, arg);
}
static int
x_sector(sqlite3_file *f)
{
	return in(f)->pMethods->xSectorSize(in(f));
}
static int
x_device(sqlite3_file *f)
{
	return in(f)->pMethods->xDeviceCharacteristics(in(f));
}
static int
x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **pp)
{
	return in(f)->pMethods->xShmMap(in(f), page, size, extend, pp);
}
static int
x_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return in(f)->pMethods->xShmLock(in(f), at, n, flags);
}
static void
x_shm_barrier(sqlite3_file *f)
{
	in(f)->pMethods->xShmBarrier(in(f));
}
static int
x_shm_unmap(sqlite3_file *f, int drop)
{
	return in(f)->pMethods->xShmUnmap(in(f), drop);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = x_close,
	.xRead = x_read,
	.xWrite = x_write,
	.xTruncate = x_truncate,
	.xSync = x_sync,
	.xFileSize = x_size,
	.xLock = x_lock,
	.xUnlock = x_unlock,
	.xCheckReservedLock = x_reserved,
	.xFileControl = x_control,
	.xSectorSize = x_sector,
	.xDeviceCharacteristics = x_device,
	.xShmMap = x_shm_map,
	.xShmLock = x_shm_lock,
	.xShmBarrier = x_shm_barrier,
	.xShmUnmap = x_shm_unmap,
};

static int
x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct file *w = (struct file *)f;
	int rc;

	(void)vfs;
	w->inner = (sqlite3_file *)(w + 1);
	rc = inner_vfs->xOpen(inner_vfs, name, w->inner, flags, out);
	w->base.pMethods = w->inner->pMethods != NULL ? &methods : NULL;
	return rc;
}

void
vfs_shim_install(void)
{
	if (inner_vfs != NULL)
		return;
	inner_vfs = sqlite3_vfs_find(NULL);
	shim_vfs = *inner_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.szOsFile = (int)sizeof(struct file) + inner_vfs->szOsFile;
	shim_vfs.xOpen = x_open;
	shim_vfs.pNext = NULL;
	if (sqlite3_vfs_register(&shim_vfs, 1) != SQLITE_OK)
		abort();
}

void
vfs_shim_fail(int calls, long after, long times, int with)
{
	atomic_store(&vfs_shim.fail_after, -1);
	atomic_store(&vfs_shim.fail_calls, calls);
	atomic_store(&vfs_shim.fail_times, times);
	atomic_store(&vfs_shim.fail_with, with);
	atomic_store(&vfs_shim.fail_after, after);
}

void
vfs_shim_heal(void)
{
	atomic_store(&vfs_shim.fail_after, -1);
}
