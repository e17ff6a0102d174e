/*
 * book -- which certificates are registered for which clinician.
 *
 * Files named in clinicians.yaml and every <state_dir>/certs/<id>.crt or <id>.*.crt, so that `clinician enroll` needs
 * no reload: the directory is looked at again when its modification time changes. A file that cannot be read is left
 * out. Threads: any.
 */
#ifndef FLOW_BOOK_H
#define FLOW_BOOK_H

#include "conf/conf.h"
#include "crypto/cert.h"

struct book;
/* conf is borrowed and outlives the book. */
struct book *book_new(const struct conf *);
void book_free(struct book *);
/* Newest first; own array of own references. */
void book_certs(struct book *, const struct clinician_conf *, struct cert ***ret, size_t *nret);
/* The intermediates that came in the same files: help for building a chain, nothing more. */
void book_helpers(struct book *, const struct clinician_conf *, struct cert ***ret, size_t *nret);
bool book_has(struct book *, const struct clinician_conf *, const struct cert *);

#endif
