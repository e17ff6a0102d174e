/*
 * watch -- troubles that nobody reports: an emergency that is in no mailbox, a certificate that is about to end.
 *
 * Each opens one incident per cause; a page is sent once. Threads: any. Errors: ST_LOCAL.
 */
#ifndef FLOW_WATCH_H
#define FLOW_WATCH_H

#include "flow/world.h"

/* An emergency that no mailbox took within page_after pages the on-call by the hook. *ret counts the pages sent. */
enum status watch_emergencies(struct view *, size_t *ret, struct err *) MUST_CHECK;
/* Certificates of clinicians and of the gateway: missing, unusable, or ending within cert_warn. *ret counts those. */
enum status watch_certificates(struct view *, size_t *ret, struct err *) MUST_CHECK;

#endif
