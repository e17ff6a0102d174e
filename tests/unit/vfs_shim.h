/*
 * vfs_shim -- a disk that misbehaves: SQLite's own file system underneath, counted, slowed down or failing on demand.
 *
 * Becomes SQLite's default when installed, so the store under test needs no hook. One per process; the knobs may be
 * turned at any time.
 */
#ifndef TESTS_VFS_SHIM_H
#define TESTS_VFS_SHIM_H

#include <stdatomic.h>

enum shim_call { SHIM_WRITE = 1, SHIM_SYNC = 2, SHIM_READ = 4 };

struct vfs_shim {
	atomic_long writes, syncs, reads; /* so far */
	atomic_int fail_calls;		  /* enum shim_call bits that count towards fail_after */
	atomic_long fail_after;		  /* that many more succeed, then fail_times fail; -1: none fails */
	atomic_long fail_times;
	atomic_int fail_with;	  /* an SQLite result code */
	atomic_int sync_delay_us; /* a slower disk */
	atomic_long sync_us;	  /* spent in syncs so far, delays and waiting for a processor included */
};
extern struct vfs_shim vfs_shim;

/* Before the first store_open(). */
void vfs_shim_install(void);
void vfs_shim_fail(int calls, long after, long times, int with);
void vfs_shim_heal(void);

#endif
