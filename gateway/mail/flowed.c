#include "mail/flowed.h"

#include <string.h>

void
flowed_join(struct slice s, bool delsp, struct buf *ret)
{
	size_t at = 0, depth_before = 0;
	bool open = false; /* the line before goes on in this one */

	buf_reserve(ret, s.n + s.n / 8);
	while (at < s.n) {
		const char *lf = memchr(s.p + at, '\n', s.n - at);
		size_t end = lf != NULL ? (size_t)(lf - s.p) : s.n, depth = 0;
		struct slice line;
		bool signature;

		while (at < end && s.p[at] == '>')
			at++, depth++;
		/* a blank that was stuffed in front (4.4) */
		if (at < end && s.p[at] == ' ')
			at++;
		line = (struct slice){ s.p + at, end - at };
		signature = slice_eq(line, "-- ");
		if (open && (depth != depth_before || signature)) {
			buf_putc(ret, '\n');
			open = false;
		}
		if (!open && depth > 0) {
			for (size_t i = 0; i < depth; i++)
				buf_putc(ret, '>');
			buf_putc(ret, ' ');
		}
		open = line.n > 0 && line.p[line.n - 1] == ' ' && !signature;
		buf_append(ret, line.p, line.n - (open && delsp ? 1 : 0));
		if (!open && lf != NULL)
			buf_putc(ret, '\n');
		depth_before = depth;
		at = end + 1;
	}
}
