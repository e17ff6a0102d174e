#include "ctl/policy.h"

#include <stdio.h>
#include <stdlib.h>

int
policy_boundaries(const char *file, struct arena *a, struct boundaries **ret)
{
	struct conf_errors errs = { .text = BUF_INIT };
	const struct boundaries_source *src;
	struct boundaries *b;
	size_t n;
	int rc = 0;

	if (file == NULL)
		file = getenv("PORTICO_BOUNDARIES");
	if (file != NULL && *file != '\0') {
		b = boundaries_load(file, a, &errs);
	} else {
		src = shipped_boundaries(&n);
		b = boundaries_parse(src, n, a, &errs);
	}
	if (b == NULL) {
		fprintf(stderr, "%s", buf_str(&errs.text));
		fprintf(stderr, "portico: %zu mistake%s in the boundaries; nothing was run\n", errs.n,
		    errs.n == 1 ? "" : "s");
		rc = EX_CONFIG;
	}
	conf_errors_free(&errs);
	if (rc == 0)
		*ret = b;
	return rc;
}
