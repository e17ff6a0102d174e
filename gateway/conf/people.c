#include "base/own.h"
#include "conf/conf_in.h"
#include "conf/response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct people_nodes {
	struct ynode clinicians, pools;
};

static const struct conf_key top_keys[] = {
	KEY(people_nodes, "clinicians", clinicians, CONF_NODE, .required = true, .help = "each under a short id"),
	KEY(people_nodes, "pools", pools, CONF_NODE, .help = "clinicians who share a queue, each under a short id"),
};

static const char *const reply_names[] = { "signed-encrypted", "signed", "sasl", NULL };

static const struct conf_key clinician_keys[] = {
	KEY(clinician_conf, "name", name, CONF_STR, .required = true, .help = "the only name of theirs a patient sees"),
	KEY(clinician_conf, "login", login, CONF_STR, .required = true, .help = "as Postfix's SASL names them"),
	KEY(clinician_conf, "address", address, CONF_ADDR, .required = true,
	    .help = "From, certificate and mailbox must agree with it"),
	KEY(clinician_conf, "aliases", aliases, CONF_LIST, .help = "other addresses they may write from"),
	KEY(clinician_conf, "mailbox", mailbox, CONF_STR,
	    .help = "id of an IMAP server of portico.yaml; without it the only one"),
	KEY(clinician_conf, "mailbox_user", mailbox_user, CONF_STR, .help = "user there; without it the login"),
	KEY(clinician_conf, "password_file", password_file, CONF_PATH,
	    .help = "password there, in a file of mode 0600; not needed where the server has a master_user"),
	KEY(clinician_conf, "calendar", calendar, CONF_STR,
	    .help = "calendar of response-times.yaml; without it the one of their id, else the clinic's"),
	KEY(clinician_conf, "pools", pools, CONF_LIST, .help = "queues they share"),
	KEY(clinician_conf, "cover", cover, CONF_STR, .help = "id of who answers while they are away"),
	KEY(clinician_conf, "certificates", certificates, CONF_LIST,
	    .help = "PEM files; those in <state dir>/certs/<id>.* count too"),
	KEY(clinician_conf, "reply", reply, CONF_ENUM, .def = "signed-encrypted", .names = reply_names,
	    .help = "the least an answer must be: signed-encrypted, signed or sasl (login only)"),
	KEY(clinician_conf, "language", language, CONF_STR, .help = "of our notices; without it the clinic's"),
	KEY(clinician_conf, "portal_id", portal_id, CONF_STR, .help = "how the portal names them; without it the id"),
	KEY(clinician_conf, "prefer_gcm", prefer_gcm, CONF_BOOL, .def = "false",
	    .help = "encrypt with AES-GCM; only where their mail client reads it"),
};

static const struct conf_key pool_keys[] = {
	KEY(pool_conf, "name", name, CONF_STR, .required = true, .help = "what patients read: Nurses"),
	KEY(pool_conf, "calendar", calendar, CONF_STR,
	    .help = "calendar of response-times.yaml; without it the one of its id, else the clinic's"),
	KEY(pool_conf, "members", members, CONF_LIST, .help = "ids of clinicians, with those who name the pool"),
};

static const void *
clinician_at(const struct conf *c, size_t i, const char **id)
{
	*id = i < c->people.nclinicians ? c->people.clinician[i].id : "";
	return i < c->people.nclinicians ? &c->people.clinician[i] : NULL;
}

static const void *
pool_at(const struct conf *c, size_t i, const char **id)
{
	*id = i < c->people.npools ? c->people.pool[i].id : "";
	return i < c->people.npools ? &c->people.pool[i] : NULL;
}

#define AREA(sec, table, at, text)                                                                                     \
	{                                                                                                              \
		"clinicians.yaml", sec, table, ARRAY_LEN(table), text, at, NULL                                        \
	}
const struct conf_area people_areas[] = {
	AREA("", top_keys, NULL, "who answers patients"),
	AREA("clinicians.<id>", clinician_keys, clinician_at, "one clinician"),
	AREA("pools.<id>", pool_keys, pool_at, "one pool"),
};
const size_t n_people_areas = ARRAY_LEN(people_areas);

/* The node a list's item came from: a list may be written as one scalar. */
static struct ynode
item_of(struct ynode list, size_t i)
{
	return ynode_kind(list) == Y_SCALAR ? list : ynode_item(list, i);
}

/* Who has a calendar under their id means it. */
static const char *
own_calendar(struct reading *r, const char *written, const char *id)
{
	if (written != NULL || r->conf->response == NULL)
		return written;
	return response_calendar(r->conf->response, id) != NULL ? id : NULL;
}

static void
check_calendar(struct reading *r, struct ynode at, const char *id)
{
	if (id != NULL && at.id != 0 && r->conf->response != NULL && response_calendar(r->conf->response, id) == NULL)
		yaml_complain(
		    at, "\"%s\" is no calendar of response-times.yaml, expected the id of one", ynode_quote(at));
}

/* Says which id was perhaps meant. */
static void
complain_unknown_id(struct ynode at, const char *what, const char *const *ids, size_t n)
{
	const char *near = conf_nearest(ynode_text(at), ids, n);

	if (near != NULL)
		yaml_complain(at, "\"%s\" is no %s, expected \"%s\" perhaps", ynode_quote(at), what, near);
	else
		yaml_complain(at, "\"%s\" is no %s, expected the id of one", ynode_quote(at), what);
}

static void
check_clinician_id(struct reading *r, struct ynode at, const char *id)
{
	const struct people_conf *p = &r->conf->people;
	const char **ids;

	if (conf_clinician(r->conf, id) != NULL)
		return;
	ids = ARENA_ARRAY(r->arena, p->nclinicians + 1, const char *);
	for (size_t i = 0; i < p->nclinicians; i++)
		ids[i] = p->clinician[i].id;
	complain_unknown_id(at, "clinician", ids, p->nclinicians);
}

static void
check_pool_id(struct reading *r, struct ynode at, const char *id)
{
	const struct people_conf *p = &r->conf->people;
	const char **ids;

	if (conf_pool(r->conf, id) != NULL)
		return;
	ids = ARENA_ARRAY(r->arena, p->npools + 1, const char *);
	for (size_t i = 0; i < p->npools; i++)
		ids[i] = p->pool[i].id;
	complain_unknown_id(at, "pool", ids, p->npools);
}

/* Reading: one map into one struct */

static void
read_clinician(struct reading *r, struct ynode node, struct clinician_conf *c)
{
	static const struct conf_key addr = { .kind = CONF_ADDR }, path = { .kind = CONF_PATH };
	struct ynode aliases = ynode_get(node, "aliases"), certs = ynode_get(node, "certificates");

	yaml_read_map(node, clinician_keys, ARRAY_LEN(clinician_keys), c);
	for (size_t i = 0; i < c->aliases.n; i++)
		yaml_read_value(item_of(aliases, i), &addr, &c->aliases.item[i]);
	for (size_t i = 0; i < c->certificates.n; i++)
		if (yaml_read_value(item_of(certs, i), &path, &c->certificates.item[i]))
			check_file(item_of(certs, i), c->certificates.item[i]);
	check_language(ynode_get(node, "language"), c->language);
	if (c->password_file != NULL)
		check_secret(ynode_get(node, "password_file"), c->password_file);
	if (c->mailbox == NULL && r->conf->site.nservers == 1)
		c->mailbox = r->conf->site.servers[0].id;
	if (c->mailbox_user == NULL)
		c->mailbox_user = c->login;
	if (c->portal_id == NULL)
		c->portal_id = c->id;
	c->calendar = own_calendar(r, c->calendar, c->id);
}

/* Checking: against the others and the other files */

static void
check_mailbox(struct reading *r, struct ynode node, const struct clinician_conf *c)
{
	const struct imap_server_conf *s;
	struct ynode at = ynode_get(node, "mailbox");

	if (r->conf->site.nservers == 0)
		return; /* said already */
	if (c->mailbox == NULL) {
		if (at.id == 0)
			yaml_complain(node,
			    "key \"mailbox\" is missing, expected the id of one of the %zu IMAP servers",
			    r->conf->site.nservers);
		return;
	}
	s = conf_imap_server(r->conf, c->mailbox);
	if (s == NULL)
		yaml_complain(at, "\"%s\" is no IMAP server of portico.yaml, expected the id of one", ynode_quote(at));
	else if (s->master_user == NULL && ynode_get(node, "password_file").id == 0)
		yaml_complain(node,
		    "key \"password_file\" is missing, expected one because IMAP server \"%s\" has no master_user",
		    s->id);
}

static void
check_clinician(struct reading *r, struct ynode node, const struct clinician_conf *c)
{
	struct ynode pools = ynode_get(node, "pools"), cover = ynode_get(node, "cover");

	check_mailbox(r, node, c);
	check_calendar(r, ynode_get(node, "calendar"), c->calendar);
	for (size_t i = 0; i < c->pools.n; i++)
		check_pool_id(r, item_of(pools, i), c->pools.item[i]);
	if (c->cover == NULL)
		return;
	if (strcmp(c->cover, c->id) == 0)
		yaml_complain(cover, "their own cover, expected the id of another clinician");
	else
		check_clinician_id(r, cover, c->cover);
}

/* What the milter and the portal look people up by must lead to one of them. */
static void
check_identities(struct reading *r, struct ynode clinicians, struct ynode pools)
{
	const struct people_conf *p = &r->conf->people;
	const struct site_conf *site = &r->conf->site;
	size_t n = 0, nlogin = 0, naddr = 0, nportal = 0;
	struct claim *login, *addr, *portal;

	for (size_t i = 0; i < p->nclinicians; i++)
		n += 1 + p->clinician[i].aliases.n;
	login = ARENA_ARRAY(r->arena, n + 1, struct claim);
	addr = ARENA_ARRAY(r->arena, n + 1, struct claim);
	portal = ARENA_ARRAY(r->arena, n + p->npools + 1, struct claim);
	for (size_t i = 0; i < p->npools; i++)
		portal[nportal++] = (struct claim){ p->pool[i].id, p->pool[i].id, ynode_key(pools, i) };
	for (size_t i = 0; i < p->nclinicians; i++) {
		const struct clinician_conf *c = &p->clinician[i];
		struct ynode node = ynode_item(clinicians, i);

		if (c->login != NULL)
			login[nlogin++] = (struct claim){ c->login, c->id, ynode_get(node, "login") };
		if (c->address != NULL)
			addr[naddr++] = (struct claim){ c->address, c->id, ynode_get(node, "address") };
		for (size_t j = 0; j < c->aliases.n; j++)
			addr[naddr++] =
			    (struct claim){ c->aliases.item[j], c->id, item_of(ynode_get(node, "aliases"), j) };
		portal[nportal] = (struct claim){ c->portal_id, c->id, ynode_get(node, "portal_id") };
		if (portal[nportal].at.id == 0)
			portal[nportal].at = ynode_key(clinicians, i);
		nportal++;
	}
	for (size_t i = 0; i < naddr; i++)
		if ((site->gateway_address != NULL && strcasecmp(addr[i].value, site->gateway_address) == 0) ||
		    (site->bounce_address != NULL && strcasecmp(addr[i].value, site->bounce_address) == 0))
			yaml_complain(addr[i].at, "the gateway's own address, expected the clinician's");
	check_unique(login, nlogin, "the login");
	check_unique(addr, naddr, "the address");
	check_unique(portal, nportal, "the portal's name");
}

/* Membership can be written on either side; afterwards both sides say it, and each member once. */

static void
join_clinician(struct reading *r, struct clinician_conf *c, const char *pool)
{
	const char **item = ARENA_ARRAY(r->arena, c->pools.n + 1, const char *);

	for (size_t i = 0; i < c->pools.n; i++)
		item[i] = c->pools.item[i];
	item[c->pools.n] = pool;
	c->pools = (struct conf_list){ item, c->pools.n + 1 };
}

static void
join_pool(struct reading *r, struct pool_conf *pool)
{
	struct people_conf *p = &r->conf->people;
	struct conf_list all = { ARENA_ARRAY(r->arena, pool->members.n + p->nclinicians + 1, const char *), 0 };

	for (size_t i = 0; i < pool->members.n; i++)
		if (!conf_list_has(&all, pool->members.item[i]))
			all.item[all.n++] = pool->members.item[i];
	for (size_t i = 0; i < p->nclinicians; i++) {
		struct clinician_conf *c = &p->clinician[i];
		bool theirs = conf_list_has(&c->pools, pool->id), ours = conf_list_has(&pool->members, c->id);

		if (theirs && !ours)
			all.item[all.n++] = c->id;
		else if (ours && !theirs)
			join_clinician(r, c, pool->id);
	}
	pool->members = all;
}

static void
read_clinicians(struct reading *r, struct ynode at)
{
	struct people_conf *p = &r->conf->people;

	if (!check_entries(at, "clinicians"))
		return;
	if (at.id != 0 && ynode_count(at) == 0)
		yaml_complain(at, "no clinician, expected at least one");
	p->nclinicians = ynode_count(at);
	p->clinician = ARENA_ARRAY(r->arena, p->nclinicians + 1, struct clinician_conf);
	for (size_t i = 0; i < p->nclinicians; i++) {
		check_id(ynode_key(at, i), "a clinician");
		p->clinician[i].id = arena_strdup(r->arena, ynode_text(ynode_key(at, i)));
		read_clinician(r, ynode_item(at, i), &p->clinician[i]);
	}
}

static void
read_pools(struct reading *r, struct ynode at)
{
	struct people_conf *p = &r->conf->people;

	if (!check_entries(at, "pools"))
		return;
	p->npools = ynode_count(at);
	p->pool = ARENA_ARRAY(r->arena, p->npools + 1, struct pool_conf);
	for (size_t i = 0; i < p->npools; i++) {
		check_id(ynode_key(at, i), "a pool");
		p->pool[i].id = arena_strdup(r->arena, ynode_text(ynode_key(at, i)));
		yaml_read_map(ynode_item(at, i), pool_keys, ARRAY_LEN(pool_keys), &p->pool[i]);
		p->pool[i].calendar = own_calendar(r, p->pool[i].calendar, p->pool[i].id);
	}
}

void
people_read(struct reading *r, struct ynode root)
{
	struct people_conf *p = &r->conf->people;
	struct people_nodes at;

	yaml_read_map(root, top_keys, ARRAY_LEN(top_keys), &at);
	read_clinicians(r, at.clinicians);
	read_pools(r, at.pools);
	for (size_t i = 0; i < p->nclinicians; i++)
		check_clinician(r, ynode_item(at.clinicians, i), &p->clinician[i]);
	for (size_t i = 0; i < p->npools; i++) {
		struct ynode node = ynode_item(at.pools, i), members = ynode_get(node, "members");

		check_calendar(r, ynode_get(node, "calendar"), p->pool[i].calendar);
		for (size_t j = 0; j < p->pool[i].members.n; j++)
			check_clinician_id(r, item_of(members, j), p->pool[i].members.item[j]);
	}
	check_identities(r, at.clinicians, at.pools);
	for (size_t i = 0; i < p->npools; i++) {
		join_pool(r, &p->pool[i]);
		if (p->pool[i].members.n == 0)
			yaml_complain(
			    ynode_key(at.pools, i), "a pool without members, expected at least one clinician");
	}
}
