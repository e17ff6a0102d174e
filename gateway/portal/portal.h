/*
 * portal -- where patients write: the contract of every portal driver.
 *
 * A driver is a const table of functions; a second driver is a new file. The same contract test runs on all.
 * Threads:  a struct portal belongs to the thread that opened it. wake_fd becomes readable when the thread must stop
 *           waiting (shutdown, doorbell); the driver does not read it.
 * Damage:   ST_MSG_RETRY / ST_MSG_REFUSED concern the one message, ST_REMOTE_DOWN the portal, ST_LOCAL us.
 */
#ifndef PORTAL_PORTAL_H
#define PORTAL_PORTAL_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/conf.h"
#include "mail/content.h"
#include "store/store.h"

enum portal_caps {
	PORTAL_FETCH = 1,   /* patients' messages come from here */
	PORTAL_POST = 2,    /* answers go there */
	PORTAL_CAN_ASK = 4, /* find() answers by idempotency key: an unknown outcome can be settled */
};

/* One patient's message as the portal has it. Lives in the arena given to fetch(). */
struct portal_message {
	const char *id;		 /* the portal's, unique in this portal: the source key is made from it */
	const char *thread;	 /* the portal's thread id */
	const char *patient_key; /* how the portal names the patient */
	const char *addressee;	 /* how the portal names the clinician or pool */
	int64_t received_ms;	 /* when the portal accepted it */
	const struct content *content;
	bool patient_only; /* proxies do not read this thread */
};

/* What goes to the patient. All borrowed. */
struct portal_post {
	const char *idem_key; /* the same for every try of this delivery */
	const char *thread;   /* the portal's thread id */
	const char *patient_key;
	const char *author;	 /* "clinician:lee" or "portico"; a notification is never the clinician's */
	const char *author_name; /* display name, from the directory */
	bool notification;	 /* automatic: skipped by fetch() of every driver */
	int64_t sent_ms;
	const struct content *content;
	/* A thread that proxies do not read. It is ours by name: the portal opens it when it does not have it yet. */
	bool patient_only;
	const char *addressee; /* who the patient writes to there, as the portal names clinician or pool */
};

struct portal;
struct portal_env { /* what a driver may use; borrowed, outlives the portal */
	const struct conf *conf;
	const struct portal_conf *self;
	struct store *store; /* for the embedded portal and for drivers' cursors (fact_*) */
	const struct clock *clock;
};

struct portal_driver {
	const char *name;
	unsigned caps; /* ask caps, not for NULL */

	/* Connect and log in. */
	enum status (*open)(const struct portal_env *, struct portal **ret, struct err *) MUST_CHECK;
	/* Hang up and free. NULL is fine. */
	void (*close)(struct portal *);
	/* Sleep until a message may wait, wake_fd is readable, or the timeout. */
	enum status (*wait)(struct portal *, int wake_fd, int timeout_ms, struct err *) MUST_CHECK;
	/* Next message not yet acked, or *ret = NULL. Messages of one thread come in the portal's order. After ST_OK
	 * the next call may hand out the next message before this one is acked; a new open() starts again at the oldest
	 * message that was not acked. */
	enum status (*fetch)(struct portal *, struct arena *, struct portal_message **ret, struct err *) MUST_CHECK;
	/* "We hold it": called only once it is durable here. Twice is harmless. */
	enum status (*ack)(struct portal *, const char *id, struct err *) MUST_CHECK;
	/* Exactly once per idem_key where caps has PORTAL_CAN_ASK: a repeat is ST_OK with the first one's id.
	 * ret_id (own) is the portal's id of the post. */
	enum status (*post)(struct portal *, const struct portal_post *, char **ret_id, struct err *) MUST_CHECK;
	/* Has the portal a post with this key? *ret_id = NULL (own otherwise) when it has not. */
	enum status (*find)(struct portal *, const char *idem_key, char **ret_id, struct err *) MUST_CHECK;
};

struct portal {
	const struct portal_driver *drv; /* first member of every driver's own struct */
};

extern const struct portal_driver portal_local; /* the embedded portal, in the store */
extern const struct portal_driver portal_null;	/* nobody writes; posts vanish; template and dry run */
extern const struct portal_driver portal_fhir;	/* FHIR R4, see conf/fhir.h; the session may lack PORTAL_CAN_ASK */

const struct portal_driver *portal_driver_named(const char *name); /* NULL: no such driver */

/* portal_proxy: wraps any portal, counts its calls, and makes the n-th call of a function fail or lie (faults in tests:
 * fail before, fail after the far side did it). */
struct portal_fault {
	const char *call; /* "fetch", "ack", "post", "find", "wait" */
	int nth;	  /* 1 = first; 0 = every */
	enum status st;
	bool after; /* the far side did it and the answer was lost */
};
/* Takes inner; faults are borrowed. */
struct portal *portal_proxy(struct portal *inner, const struct portal_fault *faults, size_t nfaults);
unsigned portal_proxy_calls(const struct portal *, const char *call);

#endif
