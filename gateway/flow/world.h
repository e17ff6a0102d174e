/*
 * world -- what a coordinator works with: one configuration snapshot, the store, the keys, the certificates, the clock.
 *
 * A program opens one world; world_reload() swaps the snapshot. Whoever handles one message takes a struct view at its
 * start and gives it back at its end, so a reload never changes a message half-way.
 * Threads: any. Errors: ST_LOCAL for everything an administrator must mend first.
 */
#ifndef FLOW_WORLD_H
#define FLOW_WORLD_H

#include "base/clock.h"
#include "conf/conf.h"
#include "crypto/cert.h"
#include "crypto/keys.h"
#include "crypto/worker.h"
#include "mail/token.h"
#include "store/store.h"

struct book;
struct world {
	const char *conf_path;
	struct clock clock;
	struct store *store;
	struct keys *keys;
	struct worker_pool *workers; /* NULL: mail is opened in this process */
	struct token_keys tokens;
	struct world_inner *in; /* what a reload replaces */
};
/* One message's view: const until view_end(). */
struct view {
	struct world *w;
	struct conf *conf;
	struct trust *trust;
	struct book *book;
	struct world_inner *hold; /* private */
};

struct world_options {
	bool checkpoints; /* only the bridge */
	bool read_only;
	bool without_keys; /* the command, when it only looks */
	bool workers;	   /* those who open mail, as many as the configuration says */
};
enum status world_open(const char *conf_path, const struct world_options *, struct conf_errors *errs,
    struct world **ret, struct err *) MUST_CHECK;
void world_free(struct world *);
DEFINE_FREEP(world)
/* Reads the configuration again; on a mistake the old one stays in force and errs says why. */
enum status world_reload(struct world *, struct conf_errors *errs, struct err *) MUST_CHECK;
void view_begin(struct world *, struct view *);
void view_end(struct view *);

/* ---- certificates of clinicians: the files clinicians.yaml names, and <state_dir>/certs/<id>.* --------------- */

/* True when cert is one of the certificates registered for the clinician who has this address. */
bool view_registered(void *view, const char *addr_spec, const struct cert *);
/* The certificate to encrypt to: the newest usable one. ST_MSG_REFUSED cert.none or the best candidate's cert.*. */
enum status view_encryption_cert(
    struct view *, const struct clinician_conf *, int64_t now, struct cert **ret, struct err *) MUST_CHECK;
/* The intermediates that were registered with them; own references. */
void view_helpers(struct view *, const struct clinician_conf *, struct cert ***ret, size_t *nret);

/* ---- the doorbell: milter and command wake the bridge's couriers ------------------------------------------------- */

/* Best effort; the bridge also polls once a second. */
void doorbell_ring(const struct conf *);
/* A bound datagram socket (non-blocking), or ST_LOCAL. */
enum status doorbell_listen(const struct conf *, int *ret_fd, struct err *) MUST_CHECK;

#endif
