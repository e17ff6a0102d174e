/*
 * html -- what an HTML mail says, as text.
 *
 * Not a browser: one pass over the bytes, no tree, no style, nothing fetched, nothing active left. Scripts, styles,
 * comments and the head are dropped; blocks become lines, links keep their address in brackets, quotations get "> ".
 * Time and memory are linear in the input, whatever the nesting. Threads: any.
 */
#ifndef MAIL_HTML_H
#define MAIL_HTML_H

#include "base/buf.h"

/* html is UTF-8; the text is appended to ret. */
void html_to_text(struct slice html, struct buf *ret);

#endif
