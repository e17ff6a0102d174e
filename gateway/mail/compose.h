/*
 * compose -- the mail a clinician reads, before it is sealed: RFC 5322 + MIME, 7-bit, canonical CRLF, written by GMime.
 *
 * RFC 9788 header protection: the inner entity carries the real From, To, Subject, Date and Message-ID with hp="cipher"
 * and, for clients that do not know it, a legacy display line at the head of the text.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "mail/content.h"

struct compose {
	const char *from_name, *from; /* one fixed address per clinic */
	const char *to;
	const char *outer_subject;     /* neutral: "Portal message [P-7K3QXM]" */
	const char *subject;	       /* the real one; inside only */
	const char *message_id;	       /* without brackets */
	const char *const *references; /* oldest first, without brackets */
	size_t nreferences;
	int64_t date;	   /* seconds UTC */
	const char *block; /* the short block of facts above the words; text */
	const struct content *content;
	const char *thread; /* for the marker line; "" for none (notices that take no answer) */
	const char *footer; /* reference and whom to call */
	bool automatic;	    /* Auto-Submitted: auto-generated (notices) */
	bool urgent;	    /* Importance: high */
	const char *token;  /* X-Portal-Token: for finding the copy again */
};
/* The inner entity: headers with hp="cipher", multipart as needed. */
enum status compose_inner(const struct compose *, struct buf *ret, struct err *) MUST_CHECK;
/* The outer header fields (everything but MIME-Version and Content-*), CRLF, without the empty line. */
enum status compose_outer(const struct compose *, struct buf *ret, struct err *) MUST_CHECK;

#endif
