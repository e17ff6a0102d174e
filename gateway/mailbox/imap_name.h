/*
 * imap_name -- mailbox names between UTF-8 and the modified UTF-7 of the wire (RFC 3501 section 5.1.3).
 *
 * Errors: false for what is not valid (malformed UTF-8, control characters; on the way back anything but the one
 * canonical spelling); *ret (own) is written on true only. Threads: any.
 */
#ifndef MAILBOX_IMAP_NAME_H
#define MAILBOX_IMAP_NAME_H

#include <stdbool.h>

bool imap_name_encode(const char *utf8, char **ret);
bool imap_name_decode(const char *wire, char **ret);

#endif
