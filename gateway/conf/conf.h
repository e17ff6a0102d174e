/*
 * conf -- everything an administrator decided, as const structs.
 *
 * conf_load() reads portico.yaml and the four files it names (clinicians, boundaries, response-times, support), checks
 * them against each other, and gives one snapshot. A reload is a second snapshot: whoever works with the old one holds
 * a reference until done (conf_ref/conf_unref), so a reload never changes a message half-way.
 *
 * Errors:   conf_load() collects every mistake in errs and returns ST_LOCAL if there was one; *ret is written on ST_OK.
 * Owns:     all strings belong to the snapshot. Threads: const after loading; the count is atomic.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/err.h"
#include "conf/yaml.h"

#include <stdbool.h>
#include <stdint.h>

struct boundaries; /* conf/boundaries.h */
struct response;   /* conf/response.h */
struct fhir_conf;  /* conf/fhir.h */

/* design: exceeding one is a clear answer to whoever sent it */
struct limits_conf {
	int64_t mime_depth, mime_parts, headers, header_bytes, message_bytes, recipients, cms_layers, attachment_text,
	    json_depth;
};

struct portal_conf {
	const char *id;	      /* "local" */
	const char *driver;   /* "local", "null", "fhir", "mail" */
	struct ynode options; /* driver's own keys; valid while the snapshot lives; read through ynode_rebind() */
	int64_t poll_s;
	const struct fhir_conf *fhir; /* conf/fhir.h; NULL for other drivers */
};

struct imap_server_conf { /* where clinicians' mailboxes are */
	const char *id;
	const char *host;
	int64_t port;
	bool starttls;		   /* else implicit TLS */
	const char *ca_file;	   /* NULL: the system's */
	const char *master_user;   /* SASL PLAIN authentication identity, NULL: each clinician's own password file */
	const char *password_file; /* secret */
	int64_t timeout_s;
};

struct site_conf {
	/* the clinic */
	const char *clinic;	  /* display name */
	const char *tenant;	  /* short id, [a-z0-9-]+ */
	const char *zone;	  /* IANA */
	const char *language;	  /* "en" */
	const char *jurisdiction; /* "US-default" */
	const char *phone, *phone_hours, *emergency_number, *crisis_line;
	/* mail */
	const char *gateway_address;			 /* what clinicians write to: From of every sealed mail */
	const char *bounce_address;			 /* our envelope sender: local part gets +token */
	struct conf_list submission_services;		 /* {daemon_name} values whose {auth_authen} counts */
	const char *milter_socket, *milter_socket_group; /* a path; "unix:" is cut off */
	/* where things are */
	const char *state_dir; /* store, keys, ca, certs */
	const char *control_socket;
	struct conf_list trust; /* anchor PEM files; default: <state_dir>/ca/root.crt */
	int64_t rsa_min_bits;
	int64_t cert_warn_s; /* an incident this long before a certificate ends */
	/* keys and workers */
	const char *keys_socket;  /* of portico-keys; NULL: keys are read by each daemon itself */
	int64_t keys_rate;	  /* private key operations a second */
	int64_t worker_processes; /* of each daemon; 0: mail is opened in the daemon itself */
	int64_t worker_timeout_s;
	/* couriers */
	int64_t courier_threads, lease_s, retry_min_s, retry_max_s, retry_give_up_s;
	/* deadlines of what waits for a person */
	int64_t hold_s;		 /* a held message, for its clinician: open time */
	int64_t support_hold_s;	 /* one nobody could be found for, for the desk */
	int64_t page_after_s;	 /* an emergency that is in no mailbox */
	const char *mail_folder; /* "Portal" */
	bool show_patient_name;	 /* the block inside the sealed mail; never outside */
	struct limits_conf limits;
	struct portal_conf *portals;
	size_t nportals;
	struct imap_server_conf *servers;
	size_t nservers;
};

enum reply_profile { REPLY_SIGNED_ENCRYPTED, REPLY_SIGNED, REPLY_SASL };

struct clinician_conf {
	const char *id;	     /* "lee" */
	const char *name;    /* the only display name a patient ever sees */
	const char *login;   /* as SASL names it */
	const char *address; /* addr-spec; From, rfc822Name and mailbox must agree with it */
	struct conf_list aliases;
	const char *mailbox;	  /* id of an imap server */
	const char *mailbox_user; /* default: login */
	const char *password_file;
	const char *calendar; /* id in response-times.yaml; NULL: the clinic's */
	struct conf_list pools;
	const char *cover;	       /* id of a clinician, or NULL */
	struct conf_list certificates; /* files; beside them <state_dir>/certs/<id>*.crt count too */
	int reply;		       /* enum reply_profile */
	const char *language;
	const char *portal_id; /* how the portal names this clinician; default: id */
	bool prefer_gcm;
};

struct pool_conf {
	const char *id, *name, *calendar;
	struct conf_list members; /* clinician ids, filled from clinicians' pools as well */
};

struct people_conf {
	struct clinician_conf *clinician;
	size_t nclinicians;
	struct pool_conf *pool;
	size_t npools;
};

struct supporter_conf {
	const char *id, *name, *address, *phone, *hours;
};
struct support_conf {
	const char *name, *phone, *address; /* the desk every mail names; address NULL: none */
	const char *hours;		    /* "Monday to Friday 8 am to 5 pm", or NULL */
	struct supporter_conf *supporter;
	size_t nsupporters;
	const char *privacy_officer, *on_call; /* supporter or clinician ids */
	const char *page_command;	       /* hook; NULL: none */
};

struct conf {
	const char *path; /* of portico.yaml */
	char hash[65];	  /* SHA-256 over all files read, hex */
	struct site_conf site;
	struct people_conf people;
	struct support_conf support;
	const struct boundaries *boundaries;
	const struct response *response;
};

/* Mistakes go to errs for the administrator's eyes; err says only how many there are and is fit for a log. */
enum status conf_load(const char *path, struct conf_errors *errs, struct conf **ret, struct err *) MUST_CHECK;
/* For a command that only looks or asks: compiling the boundaries would take most of its time. boundaries is NULL then.
 */
enum status conf_load_without_boundaries(
    const char *path, struct conf_errors *errs, struct conf **ret, struct err *) MUST_CHECK;
struct conf *conf_ref(struct conf *);
void conf_unref(struct conf *);

const struct clinician_conf *conf_clinician(const struct conf *, const char *id);
const struct clinician_conf *conf_clinician_by_login(const struct conf *, const char *login);
/* Exact on the local part, case-insensitive on the domain; aliases count. */
const struct clinician_conf *conf_clinician_by_address(const struct conf *, const char *addr_spec);
const struct pool_conf *conf_pool(const struct conf *, const char *id);
const struct imap_server_conf *conf_imap_server(const struct conf *, const char *id);
const struct portal_conf *conf_portal(const struct conf *, const char *id);
bool conf_in_pool(const struct conf *, const char *clinician, const char *pool);
bool conf_list_has(const struct conf_list *, const char *s);

#endif
