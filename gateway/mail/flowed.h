/*
 * flowed -- format=flowed text (RFC 3676) as it was typed: paragraphs are one line again.
 */
#ifndef MAIL_FLOWED_H
#define MAIL_FLOWED_H

#include "base/buf.h"

/* text: UTF-8 with "\n" line ends. delsp: the blank that marks a soft line break is not part of the text. */
void flowed_join(struct slice text, bool delsp, struct buf *ret);

#endif
