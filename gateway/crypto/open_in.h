/* open_in -- between open.c, open_shape.c and identity.c only. */
#ifndef CRYPTO_OPEN_IN_H
#define CRYPTO_OPEN_IN_H

#include "crypto/cms.h"
#include "crypto/reason.h"

enum shape_kind {
	SHAPE_LEAF,	/* no cryptographic layer here: this is what was said */
	SHAPE_DETACHED, /* multipart/signed */
	SHAPE_CMS,	/* one CMS object, whatever is in it */
};
struct shape {
	enum shape_kind kind;
	struct slice content; /* detached: the first part, raw */
	struct buf der;	      /* own (buf_wipe): the CMS object, decoded */
	bool partial;	      /* leaf: something signed is not the whole message */
};
/* What one entity is, as a whole: the list of forms that are accepted is here. R_NONE, or why it is held. */
enum reason shape_of(const struct entity *, const struct limits_conf *, struct arena *, struct shape *ret);

/* Below the last layer: R_MIXED when an encrypted part is hidden in it, R_PARTIAL when a signed one is, R_MIME_* when
 * it cannot be walked, else R_NONE. */
enum reason shape_below(const struct entity *, const struct limits_conf *, struct arena *);

/* The outer From. R_NONE and *ret, or a reject. */
enum reason identity_outer(const struct entity *, struct arena *, const char **ret);
/* The From of the innermost entity when its header is protected (RFC 9788 hp=), else NULL and R_NONE. */
enum reason identity_protected(const struct entity *, struct arena *, const char **ret);
/* Is this signature, already known to be good, that of addr, now? R_OK, or why not. */
enum reason identity_bind(const struct open_env *, const struct cms_verdict *, const char *addr);
/* The certificate alone: trusted, in time, fit for signing mail. R_OK, or why not. */
enum reason identity_trust(const struct open_env *, const struct cms_verdict *);

#endif
