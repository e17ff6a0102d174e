/*
 * lock -- one writer among the processes of a host, and a fair turn for each.
 *
 * Writing is exclusive under flock(2) on store.lock: held from BEGIN to COMMIT and during a checkpoint. flock alone
 * would let a busy process take the lock again before a waiting one wakes, so whoever wants it first takes the
 * turnstile (an open-file-description lock, fcntl(2), on the same file) and gives it back once in. Errors:  ST_LOCAL
 * "store.busy" when patience ends; "store.io" when locking itself fails.
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/err.h"

#include <stdint.h>

enum status lock_open(const char *path, int *ret_fd, struct err *) MUST_CHECK;
enum status lock_take(int fd, int64_t patience_ms, struct err *) MUST_CHECK;
void lock_give(int fd);

#endif
