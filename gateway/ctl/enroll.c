/* enroll -- certificates: the clinic's small authority, the gateway's own key, and a clinician's first day. */
#include "ctl/ctl.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "conf/conf.h"
#include "crypto/ca.h"
#include "crypto/cert.h"
#include "crypto/keys.h"
#include "flow/book.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATEWAY_DAYS 730
#define CLINICIAN_DAYS 730

/* Root makes the files, the daemons' user must read them: they go to whoever owns the state directory. */
static void
give_to_owner(const char *state_dir, const char *path)
{
	struct stat st;

	if (geteuid() == 0 && stat(state_dir, &st) == 0 && chown(path, st.st_uid, st.st_gid) != 0)
		fprintf(stderr, "portico: %s: cannot be given to the owner of %s\n", path, state_dir);
}

static enum status
make_dir(const char *state_dir, const char *name, char **ret, struct err *err)
{
	char *path = xasprintf("%s/%s", state_dir, name);
	enum status st = dir_make(path, 0700, err);

	if (st == ST_OK) {
		give_to_owner(state_dir, path);
		*ret = path;
	} else {
		free(path);
	}
	return st;
}

static enum status
put_file(const char *state_dir, const char *dir, const char *name, const struct buf *b, mode_t mode, struct err *err)
{
	AUTO_STR path = xasprintf("%s/%s", dir, name);

	TRY(file_write(path, b->p, b->n, mode, true, err));
	give_to_owner(state_dir, path);
	return ST_OK;
}

static enum status
init_all(const struct conf *conf, int64_t now, struct err *err)
{
	const char *state = conf->site.state_dir;
	AUTO_STR ca = xasprintf("%s/ca", state);
	AUTO_STR keys = NULL;
	AUTO_STR certs = NULL;
	AUTO_STR site_key = NULL;
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT;
	struct ca_subject gateway = { .name = conf->site.clinic,
		.email = conf->site.gateway_address,
		.not_before = now - 300,
		.days = GATEWAY_DAYS };

	TRY(dir_make(state, 0700, err));
	TRY(dir_make(ca, 0755, err));
	TRY(ca_init(ca, conf->site.clinic, now - 300, err));
	TRY(make_dir(state, "keys", &keys, err));
	TRY(make_dir(state, "certs", &certs, err));
	TRY(keys_init(keys, err));
	site_key = xasprintf("%s/site.key", keys);
	give_to_owner(state, site_key);
	TRY(ca_issue(ca, &gateway, &key, &chain, err));
	TRY(put_file(state, keys, "gateway.key", &key, 0600, err));
	return put_file(state, keys, "gateway.crt", &chain, 0644, err);
}

int
cmd_ca_init(struct ctl *c)
{
	const char *word[1];
	struct clock clock = clock_from_env();
	struct conf *conf = NULL;
	struct err err = ERR_NONE;
	int rc = ctl_options(c, NULL, 0, word, 0);

	if (rc == 0)
		rc = ctl_conf(c, &conf);
	if (rc != 0)
		return rc;
	if (init_all(conf, clock_now(&clock), &err) != ST_OK)
		rc = ctl_fail(&err);
	else if (c->json)
		printf("{\"root\":\"%s/ca/root.crt\",\"gateway\":\"%s/keys/gateway.crt\"}\n", conf->site.state_dir,
		    conf->site.state_dir);
	else
		printf("Made the clinic's certificate authority and the gateway's certificate for %s.\n"
		       "Clients must trust %s/ca/root.crt.\n"
		       "Next: portico clinician enroll ID --p12 FILE --password-file FILE\n",
		    conf->site.gateway_address, conf->site.state_dir);
	conf_unref(conf);
	return rc;
}

struct enrolment {
	const char *id, *p12, *password_file;
	int days;
	bool legacy, ec;
};

static void
first_line(struct buf *b)
{
	size_t n = strcspn(buf_str(b), "\r\n");

	if (b->n > n) {
		b->n = n;
		b->p[n] = '\0';
	}
}

static enum status
enroll(const struct conf *conf, const struct clinician_conf *who, const struct enrolment *e, int64_t now,
    const char **ret_sha, struct arena *a, struct err *err)
{
	const char *state = conf->site.state_dir;
	AUTO_STR ca = xasprintf("%s/ca", state);
	AUTO_STR certs = NULL;
	AUTO_STR name = NULL;
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT, p12 = BUF_INIT, password = BUF_INIT;
	struct ca_subject s = {
		.name = who->name, .email = who->address, .ec = e->ec, .not_before = now - 300, .days = e->days
	};
	struct cert **list = NULL;
	size_t n = 0;

	TRY(file_read_secret(e->password_file, 1024, &password, err));
	first_line(&password);
	if (password.n < 8)
		return err_set(err, ST_MSG_REFUSED, "enroll.password",
		    "%s: the first line must hold at least 8 characters", e->password_file);
	TRY(ca_issue(ca, &s, &key, &chain, err));
	TRY(ca_pkcs12(ca, buf_slice(&key), buf_slice(&chain), who->name, buf_str(&password), e->legacy, &p12, err));
	TRY(file_write(e->p12, p12.p, p12.n, 0600, true, err));
	TRY(make_dir(state, "certs", &certs, err));
	name = xasprintf("%s.%lld.crt", who->id, (long long)now);
	TRY(put_file(state, certs, name, &chain, 0644, err));
	AUTO_STR path = path_join(certs, name);

	TRY(certs_from_file(path, &list, &n, err));
	*ret_sha = n > 0 ? arena_strdup(a, list[0]->sha256) : "";
	certs_free(list, n);
	return ST_OK;
}

static void
print_instructions(
    const struct conf *conf, const struct clinician_conf *who, const struct enrolment *e, const char *sha)
{
	printf(
	    "Enrolled %s. Fingerprint (SHA-256): %s\n\n"
	    "1. Bring %s and its password to the clinician, each by its own way. No copy of the private key is kept.\n"
	    "2. In the mail client:\n"
	    "     Thunderbird   Settings, Privacy & Security, Manage Certificates, Your Certificates, Import;\n"
	    "                   then Account Settings, End-To-End Encryption, S/MIME: select it for signing and "
	    "encryption\n"
	    "     Outlook       File, Options, Trust Center, Email Security, Import/Export\n"
	    "     Apple Mail    open the file; it goes to the login keychain\n"
	    "3. The client must trust %s/ca/root.crt.\n"
	    "4. Answers go to %s: signed and encrypted.\n",
	    who->id, sha, e->p12, conf->site.state_dir, conf->site.gateway_address);
	if (!e->legacy)
		puts("   (A client that cannot read the file is old: enroll again with --p12-legacy.)");
}

int
cmd_clinician_enroll(struct ctl *c)
{
	AUTO(arena) a = arena_new();
	struct enrolment e = { .id = NULL };
	const char *word[2], *sha = "", *days = NULL;
	char *end = NULL;
	const struct ctl_opt opt[] = { { "--p12", &e.p12, NULL }, { "--password-file", &e.password_file, NULL },
		{ "--days", &days, NULL }, { "--p12-legacy", NULL, &e.legacy }, { "--ec", NULL, &e.ec } };
	struct clock clock = clock_from_env();
	struct conf *conf = NULL;
	const struct clinician_conf *who;
	struct err err = ERR_NONE;
	int rc = ctl_options(c, opt, ARRAY_LEN(opt), word, 1);

	if (rc != 0)
		return rc;
	e.id = word[0];
	if (e.id == NULL || e.p12 == NULL || e.password_file == NULL)
		return ctl_usage(c, "the clinician's id, --p12 and --password-file are needed");
	e.days = days != NULL ? (int)strtol(days, &end, 10) : CLINICIAN_DAYS;
	if (e.days < 1 || e.days > 1825 || (end != NULL && *end != '\0'))
		return ctl_usage(c, "--days is between 1 and 1825");
	rc = ctl_conf(c, &conf);
	if (rc != 0)
		return rc;
	who = conf_clinician(conf, e.id);
	if (who == NULL)
		rc = ctl_usage(c, "%s: nobody of that id in clinicians.yaml", e.id);
	else if (enroll(conf, who, &e, clock_now(&clock), &sha, a, &err) != ST_OK)
		rc = ctl_fail(&err);
	else if (c->json)
		printf("{\"clinician\":\"%s\",\"sha256\":\"%s\"}\n", who->id, sha);
	else
		print_instructions(conf, who, &e, sha);
	conf_unref(conf);
	return rc;
}

static json_t *
clinician_json(const struct conf *conf, struct book *book, const struct clinician_conf *who)
{
	json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "id", who->id, "name", who->name, "address", who->address,
		   "login", who->login),
	       *certs = json_array();
	struct cert **list = NULL;
	size_t n = 0;
	char until[32];

	(void)conf;
	book_certs(book, who, &list, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(certs, json_pack("{s:s, s:s}", "sha256", list[i]->sha256, "not_after",
						 time_rfc3339(list[i]->not_after, until, sizeof until)));
	certs_free(list, n);
	json_object_set_new(j, "certificates", certs);
	return j;
}

int
cmd_clinician_list(struct ctl *c)
{
	const char *word[1];
	struct conf *conf = NULL;
	struct book *book;
	json_t *out;
	const json_t *one;
	size_t i;
	int rc = ctl_options(c, NULL, 0, word, 0);

	if (rc == 0)
		rc = ctl_conf(c, &conf);
	if (rc != 0)
		return rc;
	book = book_new(conf);
	out = json_array();
	for (i = 0; i < conf->people.nclinicians; i++)
		json_array_append_new(out, clinician_json(conf, book, &conf->people.clinician[i]));
	if (c->json)
		json_dumpf(out, stdout, JSON_COMPACT), putchar('\n');
	else
		json_array_foreach (out, i, one) {
			const json_t *newest = json_array_get(json_object_get(one, "certificates"), 0);

			printf("%-10s %-28s %-24s %s %s\n", json_string_value(json_object_get(one, "id")),
			    json_string_value(json_object_get(one, "name")),
			    json_string_value(json_object_get(one, "address")),
			    newest != NULL ? "certificate until" : "no certificate: portico clinician enroll",
			    newest != NULL ? json_string_value(json_object_get(newest, "not_after")) : "");
		}
	json_decref(out);
	book_free(book);
	conf_unref(conf);
	return 0;
}
