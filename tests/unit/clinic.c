#include "clinic.h"

#include "base/file.h"
#include "base/hash.h"
#include "crypto/open.h"
#include "crypto/seal.h"
#include "flow/intake.h"
#include "mail/content.h"
#include "mailbox/mailbox_null.h"
#include "pki.h"
#include "portal/portal.h"
#include "portal/portal_local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		struct err err = ERR_NONE;                                                                             \
		if ((call) != ST_OK)                                                                                   \
			fail_msg("%s: %s (%s)", #call, err.text, err.code);                                            \
	} while (0)

static const char portico_yaml[] =
    "files:\n  boundaries: %s/conf/boundaries.yaml\n  response_times: %s/conf/response-times.yaml\n"
    "clinic:\n  name: Test Clinic\n  id: test\n  zone: America/New_York\n  phone: 555-0100\n"
    "  phone_hours: Monday to Friday, 8 am to 5 pm\n"
    "mail:\n  gateway_address: portal@clinic.example\n  bounce_address: bounce@clinic.example\n"
    "milter:\n  socket: %s/milter.sock\n"
    "state:\n  dir: %s/state\n  control_socket: %s/control.sock\n"
    "couriers:\n  lease: 10s\n  retry_first: 1s\n  retry_longest: 2s\n"
    "portals:\n  local:\n    driver: local\n"
    "imap_servers:\n  none:\n    host: localhost\n    master_user: m\n    password_file: %s/secret\n    timeout: 5s\n";

static const char clinicians_yaml[] =
    "clinicians:\n"
    "  lee:\n    name: Dr. Lee\n    login: lee-mail\n    address: lee@clinic.example\n    cover: patel\n"
    "  patel:\n    name: Dr. Patel\n    login: patel-mail\n    address: patel@clinic.example\n"
    "  nan:\n    name: Nan Ortiz RN\n    login: nan-mail\n    address: nan@clinic.example\n    pools: [nurses]\n"
    "  pat:\n    name: Pat Kim RN\n    login: pat-mail\n    address: pat@clinic.example\n    pools: [nurses]\n"
    "pools:\n  nurses:\n    name: Nurses\n";

static const char support_yaml[] =
    "desk:\n  name: Help desk\n  phone: 555-0111\n  address: help@clinic.example\n"
    "supporters:\n  kim:\n    name: Jordan Kim\n    address: kim@clinic.example\n    phone: 555-0112\n"
    "privacy_officer: kim\non_call: patel\n";

static const char *const people[] = { "lee", "patel", "nan", "pat" };

int64_t
clinic_now(void)
{
	int64_t day = PKI_NOW / PKI_DAY;

	while (day % 7 != 6) /* 1970-01-01 was a Thursday */
		day++;
	return day * PKI_DAY + 15 * 3600;
}

static void
put(struct clinic *c, const char *name, const char *text, mode_t mode)
{
	AUTO_STR path = xasprintf("%s/%s", c->dir, name);

	OK(file_write(path, text, strlen(text), mode, false, &err));
}

static void
copy_pki(struct clinic *c, const char *id, const char *as)
{
	AUTO_BUF b = BUF_INIT;
	AUTO_STR from = xasprintf("%s.crt", id);

	pki_read(from, &b);
	put(c, as, buf_str(&b), 0644);
}

static void
make_keys(struct clinic *c)
{
	AUTO_STR state = xasprintf("%s/state/keys", c->dir);
	AUTO_STR certs = xasprintf("%s/state/certs", c->dir);
	AUTO_STR ca = xasprintf("%s/state/ca", c->dir);
	AUTO_BUF key = BUF_INIT;

	OK(dir_make(state, 0700, &err));
	OK(dir_make(certs, 0700, &err));
	OK(dir_make(ca, 0700, &err));
	OK(keys_init(state, &err));
	static bool made; /* keys are dear: once for all tests of the process */

	if (!made)
		pki_person("gateway", "portal@clinic.example", false);
	for (size_t i = 0; i < ARRAY_LEN(people); i++) {
		AUTO_STR email = xasprintf("%s@clinic.example", people[i]);
		AUTO_STR as = xasprintf("state/certs/%s.1.crt", people[i]);

		if (!made)
			pki_person(people[i], email, true);
		copy_pki(c, people[i], as);
	}
	made = true;
	copy_pki(c, "gateway", "state/keys/gateway.crt");
	pki_read("gateway.key", &key);
	put(c, "state/keys/gateway.key", buf_str(&key), 0600);
}

/* Why something was not delivered, where a test that fails can be read. */
static void
say_why(void *arg, const char *event, const struct delivery *d, const struct err *why, int64_t took_ms)
{
	(void)arg;
	(void)took_ms;
	if (why != NULL)
		print_message("%s to %s: %s (%s)\n", event, d->destination, why->text, why->code);
}

void
clinic_open(struct clinic *c)
{
	static const struct courier_drivers drivers = { &mailbox_null, portal_driver_named };
	struct conf_errors errs = { .n = 0 };
	struct world_options opt = { .checkpoints = true };
	struct err why = ERR_NONE;
	char cwd[4096], template[] = "/tmp/portico-test-XXXXXX";
	AUTO_STR yaml = NULL;
	AUTO_STR path = NULL;
	AUTO_BUF root = BUF_INIT;

	assert_non_null(getcwd(cwd, sizeof cwd));
	assert_non_null(mkdtemp(template));
	*c = (struct clinic){ .a = arena_new(), .dir = xstrdup(template) };
	yaml = xasprintf(portico_yaml, cwd, cwd, c->dir, c->dir, c->dir, c->dir);
	put(c, "portico.yaml", yaml, 0644);
	put(c, "clinicians.yaml", clinicians_yaml, 0644);
	put(c, "support.yaml", support_yaml, 0644);
	put(c, "secret", "x\n", 0600);
	make_keys(c);
	OK(file_read(pki_path("ca/root.crt"), 1 << 20, &root, &err));
	put(c, "state/ca/root.crt", buf_str(&root), 0644);
	path = xasprintf("%s/portico.yaml", c->dir);
	if (world_open(path, &opt, &errs, &c->w, &why) != ST_OK)
		fail_msg("%s%s", buf_str(&errs.text), why.text);
	conf_errors_free(&errs);
	clinic_set_clock(c, CLINIC_NOW);
	mailbox_null_reset();
	c->to_mailbox = courier_new(c->w, LANE_MAILBOX, &drivers, say_why, NULL);
	c->to_portal = courier_new(c->w, LANE_PORTAL, &drivers, say_why, NULL);
}

void
clinic_close(struct clinic *c)
{
	AUTO_STR remove = xasprintf("rm -rf '%s'", c->dir);

	courier_free(c->to_mailbox);
	courier_free(c->to_portal);
	world_free(c->w);
	arena_free(c->a);
	assert_int_equal(system(remove), 0);
	free(c->dir);
}

void
clinic_set_clock(struct clinic *c, int64_t now)
{
	c->w->clock = clock_fixed(now * 1000);
}

struct in_portal {
	struct clinic *c;
	const char *patient, *to, *thread, *text;
	struct patient row;
	struct local_post *post;
	size_t n;
};

static enum status
add_patient(struct tx *tx, void *arg, struct err *err)
{
	struct in_portal *p = arg;
	char ref[REF_LEN + 1];

	return patient_put(tx, &p->row, ref, err);
}

void
clinic_patient(struct clinic *c, const char *key, const char *given, const char *family, const char *mrn)
{
	struct in_portal p = { .row = { .portal = "local",
				   .portal_key = key,
				   .mrn = mrn,
				   .given = given,
				   .family = family,
				   .birth_date = "1956-05-12",
				   .zone = "America/New_York",
				   .language = "en",
				   .jurisdiction = "US-default",
				   .known_problems = "",
				   .proxies = "" } };

	OK(store_write(c->w->store, add_patient, &p, &err));
}

static enum status
write_post(struct tx *tx, void *arg, struct err *err)
{
	struct in_portal *p = arg;
	AUTO(content) content = content_new("Question", p->text);
	const char *id = NULL;

	return local_write(tx, p->patient, p->thread, p->to, content, p->c->a, &p->thread, &id, err);
}

void
clinic_take_in(struct clinic *c)
{
	struct view v;
	struct portal *portal = NULL;
	struct portal_message *pm = NULL;
	struct intake_result done;

	view_begin(c->w, &v);
	struct portal_env env = { v.conf, &v.conf->site.portals[0], c->w->store, &c->w->clock };

	OK(portal_local.open(&env, &portal, &err));
	for (;;) {
		OK(portal_local.fetch(portal, c->a, &pm, &err));
		if (pm == NULL)
			break;
		OK(intake_message(&v, "local", pm, &done, &err));
		OK(portal_local.ack(portal, pm->id, &err));
	}
	portal_local.close(portal);
	view_end(&v);
}

const char *
clinic_post(struct clinic *c, const char *patient, const char *to, const char *thread, const char *text)
{
	struct in_portal p = { .c = c, .patient = patient, .to = to, .thread = thread, .text = text };

	OK(store_write(c->w->store, write_post, &p, &err));
	return p.thread;
}

const char *
clinic_write(struct clinic *c, const char *patient, const char *to, const char *thread, const char *text)
{
	thread = clinic_post(c, patient, to, thread, text);
	clinic_take_in(c);
	return thread;
}

size_t
clinic_run(struct clinic *c)
{
	size_t n = 0;
	bool one = true, other = true;
	int64_t next;

	for (int i = 0; i < 200 && (one || other); i++) {
		OK(courier_step(c->to_mailbox, &one, &next, &err));
		OK(courier_step(c->to_portal, &other, &next, &err));
		n += (size_t)one + (size_t)other;
	}
	return n;
}

size_t
clinic_mails(const char *who)
{
	return mailbox_null_count(who, "Portal");
}

bool
clinic_mail(struct clinic *c, const char *who, size_t i, struct clinic_mail *ret)
{
	AUTO_STR key = xasprintf("%s/%s.key", pki_dir(), who);
	AUTO_STR crt = xasprintf("%s/%s.crt", pki_dir(), who);
	const char *key_path = key, *crt_path = crt;
	AUTO(keys) keys = NULL;
	AUTO(trust) trust = pki_trust();
	struct view v;
	struct opened o = { .from = NULL };
	struct content *said = NULL;
	AUTO_BUF raw = BUF_INIT;

	if (!mailbox_null_mail(who, "Portal", i, &raw))
		return false;
	ret->raw = (struct slice){ arena_strndup(c->a, raw.p, raw.n), raw.n };
	OK(keys_from_files(&key_path, &crt_path, 1, &keys, &err));
	view_begin(c->w, &v);
	struct open_env env = {
		.limits = &v.conf->site.limits, .keys = keys, .trust = trust, .now = clock_now(&c->w->clock)
	};

	OK(open_mail(&env, ret->raw, c->a, &o, &err));
	if (o.outcome != OPEN_VERIFIED)
		fail_msg("a mail of ours is not verified: %s", o.reason);
	OK(content_from_mime(o.inner.raw, &v.conf->site.limits, &said, &err));
	ret->text = arena_strdup(c->a, said->text);
	ret->subject_outer = entity_get(&o.outer, "Subject", c->a);
	ret->message_id = entity_get(&o.outer, "Message-ID", c->a);
	ret->message_id = arena_strndup(c->a, ret->message_id + 1, strlen(ret->message_id) - 2);
	content_free(said);
	opened_clear(&o);
	view_end(&v);
	return true;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* What a mail client puts inside: plain text, and below it what it quotes. */
static void
inner_of(const struct clinic_answer *a, struct buf *ret)
{
	buf_puts(ret, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
	buf_puts(ret, a->text);
	buf_puts(ret,
	    "\r\n\r\nOn Wed, 4 Mar 2026 at 10:00, Test Clinic <portal@clinic.example> wrote:\r\n> an older text\r\n");
}

struct answer
clinic_judge(struct clinic *c, const struct clinic_answer *a)
{
	const char *signer = a->signer != NULL ? a->signer : a->from, *rcpt = "portal@clinic.example";
	static unsigned serial;
	AUTO(keys) keys = pki_keys();
	AUTO(trust) trust = pki_trust();
	AUTO(cert) gateway = pki_cert("gateway");
	AUTO_BUF outer = BUF_INIT;
	AUTO_BUF inner = BUF_INIT;
	AUTO_BUF raw = BUF_INIT;
	struct answer answer = { .code = "" };
	struct view v;

	buf_printf(&outer, "From: Somebody <%s@clinic.example>\r\nTo: portal@clinic.example\r\n", a->from);
	if (a->message_id != NULL)
		buf_printf(&outer, "Message-ID: <%s>\r\n", a->message_id);
	else
		buf_printf(&outer, "Message-ID: <%u.%s@client.example>\r\n", ++serial, a->from);
	if (a->in_reply_to != NULL)
		buf_printf(&outer, "In-Reply-To: <%s>\r\n", a->in_reply_to);
	buf_puts(&outer, "Subject: Re: Portal message\r\nDate: Wed, 04 Mar 2026 15:00:00 +0000\r\n");
	if (a->headers != NULL)
		buf_puts(&outer, a->headers);
	inner_of(a, &inner);
	if (a->again != NULL) {
		const char *body = strstr(buf_str(a->again), "MIME-Version:");

		assert_non_null(body);
		buf_append(&raw, outer.p, outer.n);
		buf_puts(&raw, body);
	} else if (*signer == '\0') {
		buf_append(&raw, outer.p, outer.n);
		buf_puts(&raw, "MIME-Version: 1.0\r\n");
		buf_append(&raw, inner.p, inner.n);
	} else {
		struct seal s = { .outer = buf_slice(&outer),
			.inner = buf_slice(&inner),
			.signer = signer,
			.recipient = gateway,
			.now = clock_now(&c->w->clock) };

		OK(seal_mail(keys, trust, &s, &raw, &err));
	}
	if (a->keep != NULL)
		buf_append(a->keep, raw.p, raw.n);
	view_begin(c->w, &v);
	AUTO_STR login = xasprintf("%s-mail", a->from);
	const char *as = a->login != NULL ? a->login : login;
	struct inbound in = { .raw = buf_slice(&raw),
		.channel = *as ? CHANNEL_SUBMISSION : CHANNEL_PORT25,
		.login = *as ? as : NULL,
		.mail_from = "somebody@clinic.example",
		.rcpt = &rcpt,
		.nrcpt = 1 };

	OK(judge_mail(&v, &in, &answer, &err));
	view_end(&v);
	return answer;
}

static enum status
read_posts(struct tx *tx, void *arg, struct err *err)
{
	struct in_portal *p = arg;

	return local_read(tx, p->patient, NULL, p->c->a, &p->post, &p->n, err);
}

const char *
clinic_last_post(struct clinic *c, const char *patient, size_t *ret_n)
{
	struct in_portal p = { .c = c, .patient = patient };

	OK(store_read(c->w->store, read_posts, &p, &err));
	if (ret_n != NULL)
		*ret_n = p.n;
	return p.n > 0 ? p.post[p.n - 1].content->text : "";
}

static enum status
count_in_tx(struct tx *tx, void *arg, struct err *err)
{
	return ledger_count(tx, arg, err);
}

struct ledger_count
clinic_count(struct clinic *c)
{
	struct ledger_count n;

	OK(store_read(c->w->store, count_in_tx, &n, &err));
	return n;
}

static enum status
check_in_tx(struct tx *tx, void *arg, struct err *err)
{
	size_t breaches = 0;

	TRY(ledger_check(tx, true, arg, &breaches, err));
	return ST_OK;
}

void
clinic_check(struct clinic *c)
{
	AUTO_BUF report = BUF_INIT;
	struct ledger_count n = clinic_count(c);

	OK(store_read(c->w->store, check_in_tx, &report, &err));
	assert_string_equal(buf_str(&report), "");
	assert_int_equal(n.in, n.delivered + n.returned + n.recorded + n.held + n.in_flight);
}
