#include "base/own.h"
#include "conf/conf_in.h"
#include "conf/fhir.h"
#include "conf/zone.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KB (int64_t)1024
#define MB (1024 * KB)
#define MINUTE (int64_t)60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct sections {
	struct ynode files, clinic, mail, milter, state, keys, worker, trust, couriers, deadlines, limits, portals,
	    imap_servers;
};

static const struct conf_key top_keys[] = {
	KEY(sections, "files", files, CONF_NODE, .help = "the other four files"),
	KEY(sections, "clinic", clinic, CONF_NODE, .required = true, .help = "who we are, where, and whom to call"),
	KEY(sections, "mail", mail, CONF_NODE, .required = true,
	    .help = "our addresses and what sealed mail looks like"),
	KEY(sections, "milter", milter, CONF_NODE, .help = "where Postfix finds us"),
	KEY(sections, "state", state, CONF_NODE, .help = "where our data is"),
	KEY(sections, "keys", keys, CONF_NODE, .help = "who has the private keys"),
	KEY(sections, "worker", worker, CONF_NODE, .help = "processes that open mail"),
	KEY(sections, "trust", trust, CONF_NODE, .help = "whose certificates count"),
	KEY(sections, "couriers", couriers, CONF_NODE, .help = "who carries messages out, how often, how long"),
	KEY(sections, "deadlines", deadlines, CONF_NODE, .help = "how long a message may wait for a person"),
	KEY(sections, "limits", limits, CONF_NODE, .help = "what is too much; exceeding one is a clear answer"),
	KEY(sections, "portals", portals, CONF_NODE, .required = true, .help = "where patients write"),
	KEY(sections, "imap_servers", imap_servers, CONF_NODE, .required = true,
	    .help = "where clinicians' mailboxes are"),
};

static const struct conf_key files_keys[] = {
	KEY(files_conf, "clinicians", clinicians, CONF_PATH, .def = "clinicians.yaml", .help = "people and pools"),
	KEY(files_conf, "boundaries", boundaries, CONF_PATH, .def = "boundaries.yaml",
	    .help = "what may be said by portal"),
	KEY(files_conf, "response_times", response_times, CONF_PATH, .def = "response-times.yaml",
	    .help = "calendars and what patients are promised"),
	KEY(files_conf, "support", support, CONF_PATH, .def = "support.yaml",
	    .help = "who helps when something breaks"),
};

static const struct conf_key clinic_keys[] = {
	KEY(site_conf, "name", clinic, CONF_STR, .required = true, .help = "as patients know the clinic"),
	KEY(site_conf, "id", tenant, CONF_STR, .required = true,
	    .help = "short and for ever: part of every Message-ID; lower-case letters, digits and -"),
	KEY(site_conf, "zone", zone, CONF_STR, .required = true, .help = "time zone, IANA name"),
	KEY(site_conf, "language", language, CONF_STR, .def = "en", .help = "of patients who did not choose one"),
	KEY(site_conf, "jurisdiction", jurisdiction, CONF_STR, .def = "US-default",
	    .help = "whose law sets the floor of the boundaries: US-default or US-<state>"),
	KEY(site_conf, "phone", phone, CONF_STR, .required = true, .help = "what a patient who cannot wait calls"),
	KEY(site_conf, "phone_hours", phone_hours, CONF_STR, .required = true, .help = "when it is answered, in words"),
	KEY(site_conf, "emergency_number", emergency_number, CONF_STR, .def = "911",
	    .help = "in every automatic reply"),
	KEY(site_conf, "crisis_line", crisis_line, CONF_STR, .def = "988", .help = "suicide and crisis lifeline"),
};

static const struct conf_key mail_keys[] = {
	KEY(site_conf, "gateway_address", gateway_address, CONF_ADDR, .required = true,
	    .help = "From of every sealed mail, and what clinicians answer to"),
	KEY(site_conf, "bounce_address", bounce_address, CONF_ADDR, .required = true,
	    .help = "envelope sender; we add +token to its local part"),
	KEY(site_conf, "submission_services", submission_services, CONF_LIST, .def = "ORIGINATING",
	    .help = "Postfix services ({daemon_name}) whose SASL login we believe"),
	KEY(site_conf, "folder", mail_folder, CONF_STR, .def = "Portal", .help = "IMAP folder of sealed mail"),
	KEY(site_conf, "show_patient_name", show_patient_name, CONF_BOOL, .def = "true",
	    .help = "name, birth date and record number inside the sealed mail; never outside it"),
};

/* Debian runs smtpd and cleanup in a chroot in Postfix's queue directory: a socket outside of it cannot be reached. */
static const struct conf_key milter_keys[] = {
	KEY(site_conf, "socket", milter_socket, CONF_STR, .def = "/var/spool/postfix/portico/milter.sock",
	    .help = "unix socket, inside Postfix's queue directory because smtpd is chrooted there"),
	KEY(site_conf, "socket_group", milter_socket_group, CONF_STR, .def = "postfix",
	    .help = "group that may connect; the socket has mode 0660"),
};

static const struct conf_key state_keys[] = {
	KEY(site_conf, "dir", state_dir, CONF_PATH, .def = "/var/lib/portico",
	    .help = "store, keys, ca and certs; on a local disk"),
	KEY(site_conf, "control_socket", control_socket, CONF_PATH, .def = "/run/portico/control.sock",
	    .help = "where the command reaches the bridge"),
};

static const struct conf_key key_process_keys[] = {
	KEY(site_conf, "socket", keys_socket, CONF_PATH,
	    .help = "where portico-keys answers; without it each daemon reads the keys itself"),
	KEY(site_conf, "rate", keys_rate, CONF_INT, .def = "500", .min = 10, .max = 100000,
	    .help = "private key operations a second that portico-keys does; one or two for each mail"),
};

static const struct conf_key worker_keys[] = {
	KEY(site_conf, "processes", worker_processes, CONF_INT, .def = "2", .min = 0, .max = 64,
	    .help = "mails that each daemon can have opened at the same time; 0: in the daemon itself, unprotected"),
	KEY(site_conf, "timeout", worker_timeout_s, CONF_DURATION, .def = "20s", .min = 1, .max = 5 * MINUTE,
	    .help = "for one mail; then its worker is killed"),
};

static const struct conf_key trust_keys[] = {
	KEY(site_conf, "anchors", trust, CONF_LIST,
	    .help = "PEM files of the authorities we believe; without any: ca/root.crt in the state directory"),
	KEY(site_conf, "rsa_min_bits", rsa_min_bits, CONF_INT, .def = "2048", .min = 2048, .max = 16384,
	    .help = "smaller RSA keys are not used"),
	KEY(site_conf, "certificate_warning", cert_warn_s, CONF_DURATION, .def = "30d", .min = DAY, .max = 365 * DAY,
	    .help = "how long before a certificate ends somebody is told"),
};

static const struct conf_key courier_keys[] = {
	KEY(site_conf, "threads", courier_threads, CONF_INT, .def = "4", .min = 1, .max = 64,
	    .help = "deliveries at the same time"),
	KEY(site_conf, "lease", lease_s, CONF_DURATION, .def = "2m", .min = 10, .max = HOUR,
	    .help = "work a dead courier held comes back after this"),
	KEY(site_conf, "retry_first", retry_min_s, CONF_DURATION, .def = "5s", .min = 1, .max = HOUR,
	    .help = "second try after this; then twice as long each time"),
	KEY(site_conf, "retry_longest", retry_max_s, CONF_DURATION, .def = "15m", .min = 1, .max = DAY,
	    .help = "but never longer than this"),
	KEY(site_conf, "give_up", retry_give_up_s, CONF_DURATION, .def = "2d", .min = 10 * MINUTE, .max = 14 * DAY,
	    .help = "then its author is told and an incident opened"),
};

static const struct conf_key deadline_keys[] = {
	KEY(site_conf, "hold", hold_s, CONF_DURATION, .def = "4h", .min = 10 * MINUTE, .max = 14 * DAY,
	    .help = "open hours a held message waits for its clinician; less when a promise or urgency asks for it"),
	KEY(site_conf, "support_hold", support_hold_s, CONF_DURATION, .def = "4h", .min = 5 * MINUTE, .max = 3 * DAY,
	    .help = "a patient's message whose addressee we do not know, until the desk looked at it"),
	KEY(site_conf, "emergency_page", page_after_s, CONF_DURATION, .def = "5m", .min = 30, .max = HOUR,
	    .help = "an emergency that is in no mailbox by then pages the on-call"),
};

static const struct conf_key limit_keys[] = {
	KEY(limits_conf, "mime_depth", mime_depth, CONF_INT, .def = "32", .min = 4, .max = 64,
	    .help = "multiparts inside multiparts"),
	KEY(limits_conf, "mime_parts", mime_parts, CONF_INT, .def = "1000", .min = 10, .max = 10000,
	    .help = "parts of a mail"),
	KEY(limits_conf, "headers", headers, CONF_INT, .def = "1000", .min = 50, .max = 10000,
	    .help = "header fields of a mail or part"),
	KEY(limits_conf, "header_size", header_bytes, CONF_SIZE, .def = "128K", .min = 8 * KB, .max = MB,
	    .help = "bytes of all header fields"),
	KEY(limits_conf, "message_size", message_bytes, CONF_SIZE, .def = "35M", .min = 64 * KB, .max = 150 * MB,
	    .help = "a whole mail; not above Postfix's message_size_limit"),
	KEY(limits_conf, "recipients", recipients, CONF_INT, .def = "100", .min = 1, .max = 1000,
	    .help = "recipients of a mail"),
	KEY(limits_conf, "smime_layers", cms_layers, CONF_INT, .def = "3", .min = 2, .max = 8,
	    .help = "signatures and encryptions around each other"),
	KEY(limits_conf, "attachment_text", attachment_text, CONF_SIZE, .def = "8M", .min = 64 * KB, .max = 64 * MB,
	    .help = "text taken out of one attachment for the boundaries"),
	KEY(limits_conf, "json_depth", json_depth, CONF_INT, .def = "32", .min = 8, .max = 64,
	    .help = "nesting of what a portal sends"),
};

static const struct conf_key portal_keys[] = {
	KEY(portal_conf, "driver", driver, CONF_STR, .required = true,
	    .help = "local: the portal built in; fhir: a FHIR R4 server; null: nobody writes, posts vanish"),
	KEY(portal_conf, "poll", poll_s, CONF_DURATION, .def = "1s", .min = 1, .max = HOUR,
	    .help = "how often we look where the portal cannot call us"),
	KEY(portal_conf, "options", options, CONF_NODE, .help = "keys of the driver's own"),
};

static const struct conf_key server_keys[] = {
	KEY(imap_server_conf, "host", host, CONF_STR, .required = true,
	    .help = "name; the server's certificate must carry it"),
	KEY(imap_server_conf, "port", port, CONF_INT, .min = 1, .max = 65535,
	    .help = "without it: 993, or 143 with starttls"),
	KEY(imap_server_conf, "starttls", starttls, CONF_BOOL, .def = "false",
	    .help = "TLS by STARTTLS instead of from the first byte; without TLS nothing is sent"),
	KEY(imap_server_conf, "ca_file", ca_file, CONF_PATH,
	    .help = "PEM file of the server's authority; without it: the system's"),
	KEY(imap_server_conf, "master_user", master_user, CONF_STR,
	    .help = "logs in for every clinician; without it each has a password_file"),
	KEY(imap_server_conf, "password_file", password_file, CONF_PATH,
	    .help = "master_user's password, alone in a file of mode 0600"),
	KEY(imap_server_conf, "timeout", timeout_s, CONF_DURATION, .def = "30s", .min = 1, .max = 10 * MINUTE,
	    .help = "for one step of the conversation"),
};

static const void *
site_at(const struct conf *c, size_t i, const char **id)
{
	*id = "";
	return i == 0 ? &c->site : NULL;
}

static const void *
limits_at(const struct conf *c, size_t i, const char **id)
{
	*id = "";
	return i == 0 ? &c->site.limits : NULL;
}

static const void *
portal_at(const struct conf *c, size_t i, const char **id)
{
	*id = i < c->site.nportals ? c->site.portals[i].id : "";
	return i < c->site.nportals ? &c->site.portals[i] : NULL;
}

static const void *
server_at(const struct conf *c, size_t i, const char **id)
{
	*id = i < c->site.nservers ? c->site.servers[i].id : "";
	return i < c->site.nservers ? &c->site.servers[i] : NULL;
}

static const void *
fhir_at(const struct conf *c, size_t i, const char **id)
{
	*id = "";
	return i < c->site.nportals ? c->site.portals[i].fhir : NULL;
}

static const struct conf_area fhir_area = {
	.section = "options", .keys = fhir_keys, .nkeys = N_FHIR_KEYS, .at = fhir_at
};

#define AREA(sec, table, at, text)                                                                                     \
	{                                                                                                              \
		"portico.yaml", sec, table, ARRAY_LEN(table), text, at, NULL                                           \
	}
const struct conf_area site_areas[] = {
	AREA("", top_keys, NULL, "the site: everything the IT administrator owns"),
	AREA("files", files_keys, NULL, "the other four files; relative to the directory of portico.yaml"),
	AREA("clinic", clinic_keys, site_at, "what patients read in automatic replies"),
	AREA("mail", mail_keys, site_at, "mail between us and clinicians"),
	AREA("milter", milter_keys, site_at, "Postfix's filter"),
	AREA("state", state_keys, site_at, "where our data is"),
	AREA("keys", key_process_keys, site_at, "private keys in a process of their own"),
	AREA("worker", worker_keys, site_at, "mail is opened where it can do no harm"),
	AREA("trust", trust_keys, site_at, "certificates of clinicians"),
	AREA("couriers", courier_keys, site_at, "how messages leave"),
	AREA("deadlines", deadline_keys, site_at, "what waits for a person"),
	AREA("limits", limit_keys, limits_at, "what is too much"),
	{ "portico.yaml", "portals.<id>", portal_keys, ARRAY_LEN(portal_keys), "one portal", portal_at, &fhir_area },
	{ "portico.yaml", "portals.<id>.options", fhir_keys, N_FHIR_KEYS, "of a portal whose driver is fhir", NULL,
	    NULL },
	AREA("imap_servers.<id>", server_keys, server_at, "one IMAP server with clinicians' mailboxes"),
};
const size_t n_site_areas = ARRAY_LEN(site_areas);

#define READ(node, table, out) yaml_read_map(node, table, ARRAY_LEN(table), out)

static void
read_clinic(struct reading *r, struct ynode at)
{
	static const char states[] = " default AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN "
				     "MS MO MT NE NV NH NJ NM NY"
				     " NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI ";
	struct site_conf *s = &r->conf->site;
	struct err err = ERR_NONE;
	char word[16];

	READ(at, clinic_keys, s);
	check_language(ynode_get(at, "language"), s->language);
	if (s->tenant != NULL) {
		size_t n = strspn(s->tenant, "abcdefghijklmnopqrstuvwxyz0123456789-");

		if (s->tenant[n] != '\0' || n > 32)
			yaml_complain(ynode_get(at, "id"),
			    "\"%s\", expected at most 32 lower-case letters, digits and \"-\"",
			    ynode_quote(ynode_get(at, "id")));
	}
	if (s->zone != NULL && zone_get(zone_table_new(r->arena), s->zone, &err) == NULL)
		yaml_complain(ynode_get(at, "zone"), "\"%s\", expected a time zone such as America/New_York",
		    ynode_quote(ynode_get(at, "zone")));
	snprintf(word, sizeof word, " %.10s ", strncmp(s->jurisdiction, "US-", 3) == 0 ? s->jurisdiction + 3 : "?");
	if (strstr(states, word) == NULL || strchr(s->jurisdiction, ' ') != NULL)
		yaml_complain(ynode_get(at, "jurisdiction"), "\"%s\", expected US-default or a state such as US-CA",
		    ynode_quote(ynode_get(at, "jurisdiction")));
}

static void
read_mail(struct reading *r, struct ynode at)
{
	struct site_conf *s = &r->conf->site;
	struct ynode folder = ynode_get(at, "folder"), bounce = ynode_get(at, "bounce_address");

	READ(at, mail_keys, s);
	if (s->gateway_address != NULL && s->bounce_address != NULL &&
	    strcasecmp(s->gateway_address, s->bounce_address) == 0)
		yaml_complain(bounce, "the same as gateway_address, expected an address of its own for bounces");
	if (s->bounce_address != NULL && strchr(s->bounce_address, '+') != NULL)
		yaml_complain(bounce, "\"+\" in the address, expected none: we add +token to it");
	/* RFC 3501 5.1: these are wild cards, quoting, or the shift of modified UTF-7. */
	if (s->mail_folder[strcspn(s->mail_folder, "%*\"\\&")] != '\0' || strcasecmp(s->mail_folder, "INBOX") == 0)
		yaml_complain(
		    folder, "\"%s\", expected a folder of its own, without %% * & \" \\", ynode_quote(folder));
	for (const char *p = s->mail_folder; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80) {
			yaml_complain(folder, "\"%s\", expected a folder name in ASCII", ynode_quote(folder));
			break;
		}
}

/* Who can connect to the milter's socket can claim any SASL login. Permissions guard a unix socket; nothing guards an
 * inet one. */
static void
read_milter(struct reading *r, struct ynode at)
{
	struct site_conf *s = &r->conf->site;
	struct ynode socket = ynode_get(at, "socket");

	READ(at, milter_keys, s);
	if (strncasecmp(s->milter_socket, "inet:", 5) == 0 || strncasecmp(s->milter_socket, "inet6:", 6) == 0) {
		yaml_complain(socket,
		    "\"%s\" is an inet socket, expected a unix socket: whoever can connect to it can claim any login, "
		    "and only a file's permissions keep others out",
		    ynode_quote(socket));
		return;
	}
	if (strncmp(s->milter_socket, "unix:", 5) == 0)
		s->milter_socket += 5;
	else if (strncmp(s->milter_socket, "local:", 6) == 0)
		s->milter_socket += 6;
	if (s->milter_socket[0] != '/')
		yaml_complain(socket, "\"%s\", expected an absolute path", ynode_quote(socket));
	check_socket_path(socket, s->milter_socket);
}

static void
read_state(struct reading *r, struct ynode at)
{
	struct site_conf *s = &r->conf->site;

	READ(at, state_keys, s);
	check_socket_path(ynode_get(at, "control_socket"), s->control_socket);
	/* The doorbell is a socket in there. */
	check_socket_path(ynode_get(at, "dir"), arena_printf(r->arena, "%s/doorbell", s->state_dir));
}

static void
read_processes(struct reading *r, struct ynode keys, struct ynode worker)
{
	struct site_conf *s = &r->conf->site;

	READ(keys, key_process_keys, s);
	READ(worker, worker_keys, s);
	check_socket_path(ynode_get(keys, "socket"), s->keys_socket);
}

static void
read_trust(struct reading *r, struct ynode at)
{
	static const struct conf_key path = { .kind = CONF_PATH };
	struct site_conf *s = &r->conf->site;
	struct ynode anchors = ynode_get(at, "anchors");
	bool one = ynode_kind(anchors) == Y_SCALAR;

	READ(at, trust_keys, s);
	for (size_t i = 0; i < s->trust.n; i++) {
		struct ynode item = one ? anchors : ynode_item(anchors, i);

		if (yaml_read_value(item, &path, &s->trust.item[i]))
			check_file(item, s->trust.item[i]);
	}
	/* Not checked: `portico ca init` makes it, and needs this file to know where. */
	if (s->trust.n == 0) {
		s->trust.item = ARENA_ARRAY(r->arena, 1, const char *);
		s->trust.item[0] = arena_printf(r->arena, "%s/ca/root.crt", s->state_dir);
		s->trust.n = 1;
	}
}

/* Complains at whichever of the two was written. */
static void
check_order(struct ynode at, const char *less, int64_t a, const char *more, int64_t b)
{
	struct ynode where = ynode_get(at, more);

	if (a <= b)
		return;
	if (where.id == 0)
		where = ynode_get(at, less);
	yaml_complain(where, "%s is shorter than %s, expected it to be at least as long", more, less);
}

static void
read_couriers(struct reading *r, struct ynode at)
{
	struct site_conf *s = &r->conf->site;

	READ(at, courier_keys, s);
	check_order(at, "retry_first", s->retry_min_s, "retry_longest", s->retry_max_s);
	check_order(at, "retry_longest", s->retry_max_s, "give_up", s->retry_give_up_s);
}

static void
read_portals(struct reading *r, struct ynode at)
{
	static const char *const drivers[] = { "local", "fhir", "null" };
	struct site_conf *s = &r->conf->site;

	if (!check_entries(at, "portals"))
		return;
	if (at.id != 0 && ynode_count(at) == 0)
		yaml_complain(at, "no portal, expected at least one");
	s->nportals = ynode_count(at);
	s->portals = ARENA_ARRAY(r->arena, s->nportals + 1, struct portal_conf);
	for (size_t i = 0; i < s->nportals; i++) {
		struct portal_conf *p = &s->portals[i];
		struct ynode node = ynode_item(at, i), driver = ynode_get(node, "driver");

		check_id(ynode_key(at, i), "a portal");
		p->id = arena_strdup(r->arena, ynode_text(ynode_key(at, i)));
		READ(node, portal_keys, p);
		if (p->driver != NULL && strcmp(p->driver, drivers[0]) != 0 && strcmp(p->driver, drivers[1]) != 0 &&
		    strcmp(p->driver, drivers[2]) != 0)
			yaml_complain(driver, "\"%s\", expected local, fhir or null", ynode_quote(driver));
		if (p->driver != NULL && strcmp(p->driver, "fhir") == 0)
			p->fhir = fhir_conf_read(node, p->options, r->arena);
	}
}

static void
read_server(struct reading *r, struct ynode node, struct imap_server_conf *s)
{
	struct ynode host = ynode_get(node, "host");

	READ(node, server_keys, s);
	if (s->port == 0)
		s->port = s->starttls ? 143 : 993;
	if (s->host != NULL &&
	    s->host[strspn(s->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:")] != '\0')
		yaml_complain(host, "\"%s\", expected a host name", ynode_quote(host));
	if (s->ca_file != NULL)
		check_file(ynode_get(node, "ca_file"), s->ca_file);
	if (s->password_file != NULL)
		check_secret(ynode_get(node, "password_file"), s->password_file);
	if (s->master_user != NULL && ynode_get(node, "password_file").id == 0)
		yaml_complain(
		    ynode_get(node, "master_user"), "a master_user without a password, expected password_file");
	if (s->master_user == NULL && s->password_file != NULL)
		yaml_complain(ynode_get(node, "password_file"),
		    "a password without a user, expected master_user (a clinician's own is in clinicians.yaml)");
	if (s->timeout_s >= r->conf->site.lease_s)
		yaml_complain(ynode_get(node, "timeout").id != 0 ? ynode_get(node, "timeout") : node,
		    "a timeout of %llds, expected less than the couriers' lease of %llds: the work would be done twice",
		    (long long)s->timeout_s, (long long)r->conf->site.lease_s);
}

static void
read_servers(struct reading *r, struct ynode at)
{
	struct site_conf *s = &r->conf->site;

	if (!check_entries(at, "IMAP servers"))
		return;
	if (at.id != 0 && ynode_count(at) == 0)
		yaml_complain(at, "no IMAP server, expected at least one");
	s->nservers = ynode_count(at);
	s->servers = ARENA_ARRAY(r->arena, s->nservers + 1, struct imap_server_conf);
	for (size_t i = 0; i < s->nservers; i++) {
		check_id(ynode_key(at, i), "an IMAP server");
		s->servers[i].id = arena_strdup(r->arena, ynode_text(ynode_key(at, i)));
		read_server(r, ynode_item(at, i), &s->servers[i]);
	}
}

void
site_read(struct reading *r, struct ynode root, struct files_conf *ret)
{
	struct sections at;

	READ(root, top_keys, &at);
	READ(at.files, files_keys, ret);
	read_clinic(r, at.clinic);
	read_mail(r, at.mail);
	read_milter(r, at.milter);
	read_state(r, at.state);
	read_processes(r, at.keys, at.worker);
	read_trust(r, at.trust);
	read_couriers(r, at.couriers);
	READ(at.deadlines, deadline_keys, &r->conf->site);
	READ(at.limits, limit_keys, &r->conf->site.limits);
	read_portals(r, at.portals);
	read_servers(r, at.imap_servers);
}
