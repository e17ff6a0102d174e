#include "ctl/explain.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "crypto/reason.h"
#include "flow/book.h"
#include "mail/address.h"
#include "mail/auto.h"
#include "mail/content.h"
#include "mail/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RSA_MIN_BITS 2048
#define FILE_MAX (INT64_C(256) << 20)

/* What holds without a configuration: the defaults of portico.yaml. */
static const struct limits_conf default_limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 35 << 20,
	.recipients = 100,
	.cms_layers = 3,
	.attachment_text = 8 << 20,
	.json_depth = 32,
};

struct words {
	const char **item;
	size_t n;
};
struct explain {
	struct words trust, key, cert, clinician, file;
	int64_t at;
	struct trust *anchors;
	struct keys *keys;
	struct conf *conf; /* NULL without --config */
	struct book *book;
	const struct limits_conf *limits;
};

static void
words_add(struct words *w, const char *s)
{
	w->item = xreallocarray(w->item, w->n + 1, sizeof *w->item);
	w->item[w->n++] = s;
}

static void
explain_clear(struct explain *x)
{
	free(x->trust.item);
	free(x->key.item);
	free(x->cert.item);
	free(x->clinician.item);
	free(x->file.item);
	trust_free(x->anchors);
	keys_free(x->keys);
	book_free(x->book);
	if (x->conf != NULL)
		conf_unref(x->conf);
}

/* The text of ctl_usage(), with the exit code this verb promises. */
#define USAGE(...) (ctl_usage(__VA_ARGS__), EX_DATAERR)

static int
take_option(const struct ctl *c, struct explain *x, const char *name, const char *value)
{
	struct err err = ERR_NONE;

	if (strcmp(name, "--trust") == 0)
		words_add(&x->trust, value);
	else if (strcmp(name, "--key") == 0)
		words_add(&x->key, value);
	else if (strcmp(name, "--cert") == 0)
		words_add(&x->cert, value);
	else if (strcmp(name, "--clinician") == 0 && addr_spec_valid(value))
		words_add(&x->clinician, value);
	else if (strcmp(name, "--clinician") == 0)
		return USAGE(c, "--clinician wants a plain mail address");
	else if (strcmp(name, "--at") == 0 && time_parse_rfc3339(value, &x->at, &err) != ST_OK)
		return USAGE(c, "--at wants a time such as 2026-03-04T22:00:00Z");
	return 0;
}

static bool
is_option(const char *name)
{
	static const char *const known[] = { "--trust", "--key", "--cert", "--clinician", "--at" };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

static int
take_arguments(struct ctl *c, struct explain *x)
{
	bool only_files = false;

	for (int i = 1; i < c->argc; i++) {
		const char *arg = c->argv[i], *equals = strchr(arg, '='), *value;
		AUTO_STR name = equals != NULL ? xstrndup(arg, (size_t)(equals - arg)) : xstrdup(arg);
		int rc;

		if (only_files || arg[0] != '-') {
			words_add(&x->file, arg);
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			only_files = true;
			continue;
		}
		if (!is_option(name))
			return USAGE(c, "%s: no such option here", name);
		if (equals == NULL && i + 1 == c->argc)
			return USAGE(c, "%s: a value is missing", name);
		value = equals != NULL ? equals + 1 : c->argv[++i];
		rc = take_option(c, x, name, value);
		if (rc != 0)
			return rc;
	}
	if (x->key.n != x->cert.n)
		return USAGE(c, "--key and --cert come in pairs");
	if (x->file.n == 0)
		return USAGE(c, "no file to explain");
	return 0;
}

/* A file that cannot be read is 66; one that is not what it should be, 65. */
static int
cannot_use(const struct err *err)
{
	fprintf(stderr, "portico: %s (%s)\n", err->text, err->code);
	return strncmp(err->code, "file.", 5) == 0 ? EX_NOINPUT : EX_DATAERR;
}

static int
load_site(struct ctl *c, struct explain *x, struct err *err)
{
	int rc = ctl_conf(c, &x->conf);

	if (rc != 0)
		return rc;
	x->limits = &x->conf->site.limits;
	x->book = book_new(x->conf);
	if (x->trust.n == 0) {
		AUTO_STR root = xasprintf("%s/ca/root.crt", x->conf->site.state_dir);
		const char *one = root;
		const struct conf_list *list = &x->conf->site.trust;

		if (trust_from_files(list->n > 0 ? list->item : &one, list->n > 0 ? list->n : 1,
			x->conf->site.rsa_min_bits, &x->anchors, err) != ST_OK)
			return cannot_use(err);
	}
	if (x->key.n == 0) {
		AUTO_STR dir = xasprintf("%s/keys", x->conf->site.state_dir);

		/* A supporter may read the configuration but not the keys: then nothing is decrypted, and that is said.
		 */
		if (keys_load(dir, &x->keys, err) != ST_OK)
			fprintf(stderr, "portico: nothing will be decrypted: %s\n", err->text);
	}
	return 0;
}

static int
load(struct ctl *c, struct explain *x)
{
	struct err err = ERR_NONE;
	int rc = c->config_given ? load_site(c, x, &err) : 0;

	if (rc != 0)
		return rc;
	if (x->trust.n > 0 &&
	    trust_from_files(x->trust.item, x->trust.n, x->conf != NULL ? x->conf->site.rsa_min_bits : RSA_MIN_BITS,
		&x->anchors, &err) != ST_OK)
		return cannot_use(&err);
	if (x->key.n > 0 && keys_from_files(x->key.item, x->cert.item, x->key.n, &x->keys, &err) != ST_OK)
		return cannot_use(&err);
	return 0;
}

/* --clinician first, then the configuration; with neither, whoever a trusted certificate names. */
static bool
is_registered(void *arg, const char *addr, const struct cert *cert)
{
	const struct explain *x = arg;
	const struct clinician_conf *who = x->conf != NULL ? conf_clinician_by_address(x->conf, addr) : NULL;

	for (size_t i = 0; i < x->clinician.n; i++)
		if (addr_spec_equal(x->clinician.item[i], addr))
			return true;
	if (x->clinician.n > 0)
		return false;
	return x->conf == NULL || (who != NULL && book_has(x->book, who, cert));
}

static void
add_parts(struct explained *e, const struct limits_conf *lim, struct slice raw, unsigned depth, struct arena *a)
{
	struct entity part;
	struct mime_type type, disposition;
	struct explain_part *p;
	const char *said;
	struct slice *sub;
	size_t n;

	if (e->nparts == EXPLAIN_PARTS || depth > (unsigned)lim->mime_depth ||
	    entity_scan(raw, lim, a, &part, NULL) != ST_OK)
		return;
	mime_type_parse(entity_get(&part, "Content-Type", a), a, &type);
	said = entity_get(&part, "Content-Disposition", a);
	mime_type_parse(said != NULL ? arena_printf(a, "x/%s", said) : NULL, a, &disposition);
	p = &e->part[e->nparts++];
	p->depth = depth;
	p->type = arena_printf(a, "%s/%s", type.type, type.subtype);
	p->name = mime_param(&disposition, "filename");
	if (p->name == NULL)
		p->name = mime_param(&type, "name");
	p->bytes = part.body.n;
	if (mime_type_is(&type, "message", "rfc822"))
		add_parts(e, lim, part.body, depth + 1, a);
	if (strcmp(type.type, "multipart") != 0 || mime_split(&part, &type, a, &sub, &n, NULL) != ST_OK)
		return;
	for (size_t i = 0; i < n; i++)
		add_parts(e, lim, sub[i], depth + 1, a);
}

/* The conversation a reply belongs to, as its token says: "p1.<kind><thread>.<ref>...". */
static const char *
thread_of(const struct entity *e, struct arena *a)
{
	static const char *const fields[] = { "In-Reply-To", "References" };
	const char *ids[64];

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *value = entity_get(e, fields[i], a);
		size_t n = value != NULL ? msg_ids(value, a, ARRAY_LEN(ids), ids) : 0;

		while (n-- > 0) {
			const char *from, *dot;
			char *s;

			if (!token_shaped(ids[n]))
				continue;
			from = strchr(ids[n], '.') + 2;
			dot = strchr(from, '.');
			if (dot == NULL || dot - from < 2)
				continue;
			s = arena_strndup(a, from, (size_t)(dot - from));
			for (char *p = s; *p != '\0'; p++)
				*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
			return s;
		}
	}
	return NULL;
}

/* Opening says who; taking the content over may still find that it cannot be shown to anybody: then it is held. */
static void
check_content(const struct explain *x, struct explained *e, struct arena *a)
{
	AUTO(content) content = NULL;
	struct err err = ERR_NONE;
	char *code;

	if (e->outcome == OPEN_HOLD || e->outcome == OPEN_REJECT ||
	    content_from_mime(e->opened.inner.raw, x->limits, &content, &err) == ST_OK)
		return;
	e->outcome = OPEN_HOLD;
	if (strncmp(err.code, "limit.", 6) == 0)
		e->limit_hit = err.code;
	code = arena_strdup(a, err.code);
	for (char *p = code; *p != '\0'; p++)
		*p = *p == '.' ? '-' : *p;
	e->reason = e->limit_hit != NULL ? reason_name(R_LIMIT) : code;
}

static enum status
explain_mail(const struct explain *x, struct slice raw, struct arena *a, struct explained *e, struct err *err)
{
	struct open_env env = { .limits = x->limits,
		.keys = x->keys,
		.trust = x->anchors,
		.now = x->at,
		.registered = is_registered,
		.arg = (void *)x };
	enum auto_kind kind;

	TRY(open_mail(&env, raw, a, &e->opened, err));
	e->outcome = e->opened.outcome;
	e->reason = e->opened.reason;
	e->limit_hit = e->opened.limit_hit;
	if (e->opened.outer.nfields > 0) {
		kind = auto_classify(&e->opened.outer, NULL, a);
		e->automatic = kind != AUTO_NO;
		e->automatic_kind = auto_kind_name(kind);
		e->thread = thread_of(&e->opened.outer, a);
	}
	check_content(x, e, a);
	if (e->limit_hit == NULL && e->opened.inner.nfields > 0)
		add_parts(e, x->limits, e->opened.inner.raw, 0, a);
	return ST_OK;
}

static int
explain_file(const struct ctl *c, const struct explain *x, const char *path)
{
	struct explained *e;
	AUTO(arena) a = arena_new();
	AUTO_BUF raw = BUF_INIT;
	struct err err = ERR_NONE;
	int rc = 0;

	if (file_read(path, FILE_MAX, &raw, &err) != ST_OK) {
		fprintf(stderr, "portico: %s (%s)\n", err.text, err.code);
		return EX_NOINPUT;
	}
	e = xcalloc(1, sizeof *e);
	e->file = path;
	if (explain_mail(x, buf_slice(&raw), a, e, &err) != ST_OK) {
		rc = ctl_fail(&err);
	} else if (c->json) {
		explain_json(e);
	} else {
		explain_people(e);
	}
	opened_clear(&e->opened);
	free(e);
	return rc;
}

int
cmd_mail_explain(struct ctl *c)
{
	struct clock clock = clock_from_env();
	struct explain x = { .at = clock_now(&clock), .limits = &default_limits };
	int rc = take_arguments(c, &x);

	if (rc == 0)
		rc = load(c, &x);
	/* All files get their answer; the first failure is the exit code. */
	for (size_t i = 0, n = rc == 0 ? x.file.n : 0; i < n; i++) {
		int one = explain_file(c, &x, x.file.item[i]);

		rc = rc != 0 ? rc : one;
	}
	explain_clear(&x);
	return rc;
}
