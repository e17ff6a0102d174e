/*
 * file -- whole small files, read and written safely.
 *
 * Errors: ST_LOCAL with the path and the reason in operators' words; paths are ours, never from a message.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Appends the file to ret; refuses one larger than max bytes. */
enum status file_read(const char *path, size_t max, struct buf *ret, struct err *) MUST_CHECK;
/* The same for a secret: refused when anybody but its owner (or root) may read or write it, or when it is a link.
 * Its owner is the reader or root; root may read anybody's. */
enum status file_read_secret(const char *path, size_t max, struct buf *ret, struct err *) MUST_CHECK;
/* Writes under a temporary name in the same directory, syncs, renames and syncs the directory: the old file or the
 * new one, never half. With excl, an existing file is left alone and ST_MSG_REFUSED says so. */
enum status file_write(const char *path, const void *p, size_t n, mode_t, bool excl, struct err *) MUST_CHECK;
/* mkdir -p; existing directories keep their mode. */
enum status dir_make(const char *path, mode_t, struct err *) MUST_CHECK;
/* dir + "/" + name; own. An absolute name is returned as it is. */
char *path_join(const char *dir, const char *name);

#endif
