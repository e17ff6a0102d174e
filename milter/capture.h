/*
 * capture -- one mail as Postfix hands it over, put together again byte for byte.
 *
 * Header values come with LF inside folds and, as negotiated (SMFIP_HDR_LEADSPC), with their leading space; they are
 * written back with CRLF. Body chunks are cut anywhere and are appended as they come.
 * Threads: a capture belongs to one milter session; libmilter calls it from one thread at a time.
 */
#ifndef MILTER_CAPTURE_H
#define MILTER_CAPTURE_H

#include "base/buf.h"
#include "conf/conf.h"

#include <stdbool.h>

struct capture {
	char *mail_from; /* own; without brackets */
	char *login;	 /* own; NULL: none that counts */
	bool submission;
	struct {
		char *arg;   /* own; exactly as Postfix said it: what smfi_delrcpt() wants */
		char *clean; /* own; without brackets */
		bool ours;
	} * rcpt;
	size_t nrcpt, nours;
	struct buf raw;
	bool header_done, too_big;
};

void capture_reset(struct capture *);
/* "<a@b>" or "a@b" without the brackets; own. */
char *capture_clean(const char *arg);
void capture_rcpt(struct capture *, const char *arg, bool ours);
void capture_header(struct capture *, const char *name, const char *value, int64_t max);
void capture_body(struct capture *, const unsigned char *p, size_t n, int64_t max);

#endif
