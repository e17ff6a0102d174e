/* The configuration as a whole: what each mistake says, what comes out, and that the samples are complete. */
#include "base/file.h"
#include "base/own.h"
#include "conf/conf.h"
#include "conf/describe.h"
#include "conf/response.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PORTICO, CLINICIANS, SUPPORT, BOUNDARIES, LEXICON, RESPONSE, PASSWORD, CERT, PAGER, NFILES };

static const char *const file_names[NFILES] = { "portico.yaml", "clinicians.yaml", "support.yaml", "boundaries.yaml",
	"lexicon.yaml", "response-times.yaml", "imap.password", "lee.pem", "page" };

static const char *const file_texts[NFILES] = {
	[PORTICO] = "clinic:\n"
		    "  name: Riverside\n"
		    "  id: riverside\n"
		    "  zone: America/New_York\n"
		    "  phone: 555-0100\n"
		    "  phone_hours: always\n"
		    "mail:\n"
		    "  gateway_address: portal@clinic.example\n"
		    "  bounce_address: bounce@clinic.example\n"
		    "milter:\n"
		    "  socket: /run/x/milter.sock\n"
		    "couriers:\n"
		    "  lease: 2m\n"
		    "portals:\n"
		    "  local:\n"
		    "    driver: local\n"
		    "imap_servers:\n"
		    "  clinic:\n"
		    "    host: imap.clinic.example\n"
		    "    master_user: portico\n"
		    "    password_file: imap.password\n",
	[CLINICIANS] = "clinicians:\n"
		       "  lee:\n"
		       "    name: Dr. Lee\n"
		       "    login: lee@login\n"
		       "    address: lee@clinic.example\n"
		       "    aliases: [Susan.Lee@clinic.example]\n"
		       "    certificates: lee.pem\n"
		       "    cover: patel\n"
		       "    pools: [nurses]\n"
		       "  patel:\n"
		       "    name: Dr. Patel\n"
		       "    login: patel\n"
		       "    address: patel@clinic.example\n"
		       "pools:\n"
		       "  nurses:\n"
		       "    name: Nurses\n"
		       "    members: [patel]\n",
	[SUPPORT] = "desk:\n"
		    "  name: Help desk\n"
		    "  phone: 555-0111\n"
		    "supporters:\n"
		    "  kim:\n"
		    "    name: Jordan Kim\n"
		    "    address: kim@clinic.example\n"
		    "    phone: 555-0112\n"
		    "privacy_officer: kim\n"
		    "on_call: patel\n"
		    "page_command: page\n",
	[BOUNDARIES] = "version: \"1\"\nlexicons: [lexicon.yaml]\nclasses:\n  news.x: {default: hold_confirm}\n",
	[LEXICON] = "language: en\nrules:\n  - {id: x, class: news.x, terms: [badness]}\n",
	[RESPONSE] = "clinic:\n  zone: America/New_York\n  weekly:\n    mon-fri: 09:00-17:00\nclinicians:\n  lee: {}\n",
	[PASSWORD] = "secret\n",
	[CERT] = "-----BEGIN CERTIFICATE-----\n",
	[PAGER] = "#!/bin/sh\n",
};
static const mode_t file_modes[NFILES] = { 0640, 0640, 0640, 0640, 0640, 0640, 0600, 0644, 0755 };

static char dir[] = "/tmp/portico-conf-XXXXXX";

static char *
in_dir(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
	AUTO_STR path = in_dir(name);
	struct err err;

	if (file_write(path, text, strlen(text), mode, false, &err) != ST_OK)
		fail_msg("%s", err.text);
}

static void
write_all_files(void)
{
	for (int i = 0; i < NFILES; i++)
		write_file(file_names[i], file_texts[i], file_modes[i]);
}

/* text with the first old replaced; own. */
static char *
replaced(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);

	if (at == NULL)
		fail_msg("\"%s\" is not in the text", old);
	return xasprintf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
}

/* Without the name of the directory, so that rows can be written down. */
static char *
without_dir(const char *text)
{
	AUTO_BUF out = BUF_INIT;
	size_t n = strlen(dir) + 1;

	while (*text != '\0') {
		if (strncmp(text, dir, n - 1) == 0 && text[n - 1] == '/')
			text += n;
		else
			buf_putc(&out, *text++);
	}
	return buf_take(&out);
}

static struct conf *
load(struct conf_errors *errs)
{
	AUTO_STR path = in_dir("portico.yaml");
	struct err err = ERR_NONE;
	struct conf *c = NULL;
	enum status st = conf_load(path, errs, &c, &err);

	assert_true((st == ST_OK) == (c != NULL) && (st == ST_OK) == (errs->n == 0));
	if (st != ST_OK)
		assert_string_equal(err.code, "conf.mistakes");
	return c;
}

static const struct row {
	const char *name;
	int file;
	const char *old, *new;
	const char *mistakes;
} rows[] = {
	{ "nothing wrong", PORTICO, "riverside", "riverside", "" },

	/* portico.yaml */
	{ "misspelt section", PORTICO,
	    "couriers:", "courier:", "portico.yaml:12:1: unknown key \"courier\", expected \"couriers\" perhaps\n" },
	{ "misspelt key", PORTICO, "phone_hours:", "phone_hour:",
	    "portico.yaml:2:3: key \"phone_hours\" is missing, expected a text\n"
	    "portico.yaml:6:3: unknown key \"phone_hour\", expected \"phone_hours\" perhaps\n" },
	{ "section missing", PORTICO, "portals:\n  local:\n    driver: local\n", "",
	    "portico.yaml:1:1: key \"portals\" is missing, expected a value\n" },
	{ "section empty", PORTICO, "  local:\n    driver: local\n", "",
	    "portico.yaml:14:9: no portal, expected at least one\n" },
	{ "tenant", PORTICO, "id: riverside", "id: River_side",
	    "portico.yaml:3:7: \"River_side\", expected at most 32 lower-case letters, digits and \"-\"\n" },
	{ "zone", PORTICO, "zone: America/New_York", "zone: America/Newyork",
	    "portico.yaml:4:9: \"America/Newyork\", expected a time zone such as America/New_York\n" },
	{ "zone that climbs", PORTICO, "zone: America/New_York", "zone: ../../../etc/passwd",
	    "portico.yaml:4:9: \"../../../etc/passwd\", expected a time zone such as America/New_York\n" },
	{ "jurisdiction", PORTICO, "id: riverside", "id: riverside\n  jurisdiction: US-XX",
	    "portico.yaml:4:17: \"US-XX\", expected US-default or a state such as US-CA\n" },
	{ "no jurisdiction after all", PORTICO, "id: riverside", "id: riverside\n  jurisdiction: US-",
	    "portico.yaml:4:17: \"US-\", expected US-default or a state such as US-CA\n" },
	{ "language", PORTICO, "id: riverside", "id: riverside\n  language: English",
	    "portico.yaml:4:13: \"English\", expected a language such as en or es\n" },
	{ "gateway address", PORTICO, "portal@clinic.example", "portal at clinic",
	    "portico.yaml:8:20: \"portal at clinic\", expected an address such as lee@clinic.example\n" },
	{ "bounces to the gateway address", PORTICO, "bounce@clinic", "Portal@clinic",
	    "portico.yaml:9:19: the same as gateway_address, expected an address of its own for bounces\n" },
	{ "plus in the bounce address", PORTICO, "bounce@clinic", "b+x@clinic",
	    "portico.yaml:9:19: \"+\" in the address, expected none: we add +token to it\n" },
	{ "folder", PORTICO, "milter:", "  folder: inbox\nmilter:",
	    "portico.yaml:10:11: \"inbox\", expected a folder of its own, without % * & \" \\\n" },
	{ "inet milter socket", PORTICO, "/run/x/milter.sock", "inet:8891@127.0.0.1",
	    "portico.yaml:11:11: \"inet:8891@127.0.0.1\" is an inet socket, expected a unix socket: whoever can "
	    "connect "
	    "to it can claim any login, and only a file's permissions keep others out\n" },
	{ "relative milter socket", PORTICO, "/run/x/milter.sock", "unix:portico/milter.sock",
	    "portico.yaml:11:11: \"unix:portico/milter.sock\", expected an absolute path\n" },
	{ "milter socket too long", PORTICO, "/run/x/milter.sock",
	    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaa",
	    "portico.yaml:11:11: a path of 109 bytes for a socket, expected at most 107\n" },
	{ "trust anchor gone", PORTICO, "couriers:", "trust:\n  anchors:\n    - lee.pem\n    - gone.pem\ncouriers:",
	    "portico.yaml:15:7: gone.pem: No such file or directory, expected a file\n" },
	{ "small RSA keys", PORTICO, "couriers:", "trust:\n  rsa_min_bits: 1024\ncouriers:",
	    "portico.yaml:13:17: \"1024\", expected 2048 to 16384\n" },
	{ "retries out of order", PORTICO, "lease: 2m", "retry_longest: 1s",
	    "portico.yaml:13:18: retry_longest is shorter than retry_first, expected it to be at least as long\n" },
	{ "lease shorter than a time-out", PORTICO, "lease: 2m", "lease: 20s",
	    "portico.yaml:19:5: a timeout of 30s, expected less than the couriers' lease of 20s: the work would be "
	    "done "
	    "twice\n" },
	{ "limit", PORTICO,
	    "portals:", "limits:\n  mime_depth: 1000\nportals:", "portico.yaml:15:15: \"1000\", expected 4 to 64\n" },
	{ "portal driver", PORTICO, "driver: local", "driver: locale",
	    "portico.yaml:16:13: \"locale\", expected local, fhir or null\n" },
	{ "portal as a list", PORTICO, "  local:\n    driver: local\n", "  - driver: local\n",
	    "portico.yaml:15:3: a list, expected portals, each under its id\n" },
	{ "id of a portal", PORTICO, "  local:", "  Local Portal:",
	    "portico.yaml:15:3: \"Local Portal\" as the id of a portal, expected 1 to 32 lower-case letters, digits, "
	    "\"-\" or \"_\"\n" },
	{ "host", PORTICO, "imap.clinic.example", "imaps://imap.clinic.example",
	    "portico.yaml:19:11: \"imaps://imap.clinic.example\", expected a host name\n" },
	{ "port", PORTICO, "host: imap", "port: 99999\n    host: imap",
	    "portico.yaml:19:11: \"99999\", expected 1 to 65535\n" },
	{ "master user without a password", PORTICO, "    password_file: imap.password\n", "",
	    "portico.yaml:20:18: a master_user without a password, expected password_file\n" },
	{ "password without a master user", PORTICO, "    master_user: portico\n", "",
	    "portico.yaml:20:20: a password without a user, expected master_user (a clinician's own is in "
	    "clinicians.yaml)\n"
	    "clinicians.yaml:3:5: key \"password_file\" is missing, expected one because IMAP server \"clinic\" has no "
	    "master_user\n"
	    "clinicians.yaml:11:5: key \"password_file\" is missing, expected one because IMAP server \"clinic\" has "
	    "no "
	    "master_user\n" },
	{ "password file gone", PORTICO, "imap.password", "imap.passwd",
	    "portico.yaml:21:20: imap.passwd: No such file or directory, expected a file\n" },
	{ "password file that others read", PORTICO, "imap.password", "lee.pem",
	    "portico.yaml:21:20: lee.pem has mode 0644: others may read or change the secret, expected 0600 or "
	    "0400\n" },
	{ "password file that is a directory", PORTICO, "imap.password", ".",
	    "portico.yaml:21:20: . is a link, directory or device, expected a plain file for a secret\n" },
	{ "a file of ours gone", PORTICO, "clinic:\n", "files:\n  support: help.yaml\nclinic:\n",
	    "help.yaml:1:1: cannot open: No such file or directory, expected a readable file\n" },

	/* clinicians.yaml */
	{ "nobody", CLINICIANS, "clinicians:", "clinicans:",
	    "clinicians.yaml:1:1: unknown key \"clinicans\", expected \"clinicians\" perhaps\n"
	    "clinicians.yaml:1:1: key \"clinicians\" is missing, expected a value\n"
	    "clinicians.yaml:17:15: \"patel\" is no clinician, expected the id of one\n" },
	{ "id of a clinician", CLINICIANS, "  patel:", "  Patel:",
	    "clinicians.yaml:8:12: \"patel\" is no clinician, expected \"Patel\" perhaps\n"
	    "clinicians.yaml:10:3: \"Patel\" as the id of a clinician, expected 1 to 32 lower-case letters, digits, "
	    "\"-\" or \"_\"\n"
	    "clinicians.yaml:17:15: \"patel\" is no clinician, expected \"Patel\" perhaps\n"
	    "support.yaml:10:10: \"patel\" is nobody we know, expected the id of a supporter or clinician\n" },
	{ "no login", CLINICIANS, "    login: patel\n", "",
	    "clinicians.yaml:11:5: key \"login\" is missing, expected a text\n" },
	{ "same login", CLINICIANS, "login: patel", "login: LEE@login",
	    "clinicians.yaml:12:12: the login is that of \"lee\" (line 4) too, expected one that nobody else has\n" },
	{ "same address as an alias", CLINICIANS, "address: patel@", "address: susan.lee@",
	    "clinicians.yaml:13:14: the address is that of \"lee\" (line 6) too, expected one that nobody else has\n" },
	{ "gateway's address", CLINICIANS, "address: patel@", "address: Portal@",
	    "clinicians.yaml:13:14: the gateway's own address, expected the clinician's\n" },
	{ "bounce address as an alias", CLINICIANS, "Susan.Lee@", "bounce@",
	    "clinicians.yaml:6:15: the gateway's own address, expected the clinician's\n" },
	{ "alias", CLINICIANS, "Susan.Lee@clinic.example", "susan",
	    "clinicians.yaml:6:15: \"susan\", expected an address such as lee@clinic.example\n" },
	{ "certificate gone", CLINICIANS, "lee.pem", "lea.pem",
	    "clinicians.yaml:7:19: lea.pem: No such file or directory, expected a file\n" },
	{ "mailbox", CLINICIANS, "login: patel", "login: patel\n    mailbox: exchange",
	    "clinicians.yaml:13:14: \"exchange\" is no IMAP server of portico.yaml, expected the id of one\n" },
	{ "mailbox not said where there are two", PORTICO, "imap_servers:\n",
	    "imap_servers:\n  other: {host: x, master_user: u, password_file: imap.password}\n",
	    "clinicians.yaml:3:5: key \"mailbox\" is missing, expected the id of one of the 2 IMAP servers\n"
	    "clinicians.yaml:11:5: key \"mailbox\" is missing, expected the id of one of the 2 IMAP servers\n" },
	{ "calendar", CLINICIANS, "login: patel", "login: patel\n    calendar: nights",
	    "clinicians.yaml:13:15: \"nights\" is no calendar of response-times.yaml, expected the id of one\n" },
	{ "calendar of a pool", CLINICIANS, "name: Nurses", "name: Nurses\n    calendar: nights",
	    "clinicians.yaml:17:15: \"nights\" is no calendar of response-times.yaml, expected the id of one\n" },
	{ "own cover", CLINICIANS, "cover: patel", "cover: lee",
	    "clinicians.yaml:8:12: their own cover, expected the id of another clinician\n" },
	{ "cover", CLINICIANS, "cover: patel", "cover: ptael",
	    "clinicians.yaml:8:12: \"ptael\" is no clinician, expected \"patel\" perhaps\n" },
	{ "pool", CLINICIANS, "pools: [nurses]", "pools: [nurse]",
	    "clinicians.yaml:9:13: \"nurse\" is no pool, expected \"nurses\" perhaps\n" },
	{ "member of a pool", CLINICIANS, "members: [patel]", "members: [patel, brown]",
	    "clinicians.yaml:17:22: \"brown\" is no clinician, expected the id of one\n" },
	{ "pool without members", CLINICIANS, "pools:\n  nurses:", "pools:\n  surgeons: {name: Surgeons}\n  nurses:",
	    "clinicians.yaml:15:3: a pool without members, expected at least one clinician\n" },
	{ "reply profile", CLINICIANS, "login: patel", "login: patel\n    reply: plain",
	    "clinicians.yaml:13:12: \"plain\", expected signed-encrypted, signed or sasl\n" },
	{ "portal's name taken", CLINICIANS, "login: patel", "login: patel\n    portal_id: nurses",
	    "clinicians.yaml:16:3: the portal's name is that of \"patel\" (line 13) too, expected one that nobody else "
	    "has\n" },

	/* support.yaml */
	{ "desk", SUPPORT, "  phone: 555-0111\n", "", "support.yaml:2:3: key \"phone\" is missing, expected a text\n" },
	{ "nobody on call", SUPPORT, "on_call: patel\n", "",
	    "support.yaml:1:1: key \"on_call\" is missing, expected a text\n" },
	{ "stranger on call", SUPPORT, "on_call: patel", "on_call: brown",
	    "support.yaml:10:10: \"brown\" is nobody we know, expected the id of a supporter or clinician\n" },
	{ "supporter with a clinician's id", SUPPORT, "  kim:", "  lee:",
	    "support.yaml:5:3: \"lee\" is a clinician's id too, expected one that nobody else has\n"
	    "support.yaml:9:18: \"kim\" is nobody we know, expected the id of a supporter or clinician\n" },
	{ "pager that cannot run", SUPPORT, "page_command: page", "page_command: lee.pem",
	    "support.yaml:11:15: lee.pem cannot be run, expected a program (chmod 755 it)\n" },

	/* several files */
	{ "not YAML", SUPPORT, "desk:\n", "desk: [\n",
	    "support.yaml:3:8: while parsing a flow sequence: did not find expected ',' or ']', expected YAML\n" },
};

static void
mistakes_name_their_place_and_what_was_expected(void **state)
{
	int bad = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		AUTO_STR text = replaced(file_texts[row->file], row->old, row->new);
		AUTO_STR got = NULL;
		struct conf_errors errs = { 0 };

		write_file(file_names[row->file], text, file_modes[row->file]);
		conf_unref(load(&errs));
		got = without_dir(buf_str(&errs.text));
		if (strcmp(got, row->mistakes) != 0) {
			print_message("%s:\n%sexpected:\n%s", row->name, got, row->mistakes);
			bad++;
		}
		conf_errors_free(&errs);
		write_file(file_names[row->file], file_texts[row->file], file_modes[row->file]);
	}
	assert_int_equal(bad, 0);
}

static void
files_that_others_may_change_are_refused(void **state)
{
	AUTO_STR pager = in_dir("page");
	AUTO_STR people = in_dir("clinicians.yaml");
	struct conf_errors errs = { 0 };
	AUTO_STR got = NULL;

	(void)state;
	chmod(people, 0666);
	chmod(pager, 0775);
	assert_null(load(&errs));
	got = without_dir(buf_str(&errs.text));
	assert_string_equal(got,
	    "clinicians.yaml:1:1: mode 0666: everybody may change this file, expected 0640\n"
	    "support.yaml:11:15: page has mode 0775: others may change the program, expected 0755\n");
	conf_errors_free(&errs);
	write_all_files();
}

static void
what_was_written_comes_out(void **state)
{
	struct conf_errors errs = { 0 };
	struct conf *c = load(&errs);
	AUTO_STR root = in_dir("x");
	const struct clinician_conf *lee, *patel;

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->site.clinic, "Riverside");
	assert_string_equal(c->site.tenant, "riverside");
	assert_string_equal(c->site.jurisdiction, "US-default");
	assert_string_equal(c->site.emergency_number, "911");
	assert_string_equal(c->site.milter_socket, "/run/x/milter.sock");
	assert_string_equal(c->site.state_dir, "/var/lib/portico");
	assert_int_equal(c->site.trust.n, 1);
	assert_string_equal(c->site.trust.item[0], "/var/lib/portico/ca/root.crt");
	assert_true(conf_list_has(&c->site.submission_services, "ORIGINATING"));
	assert_false(conf_list_has(&c->site.submission_services, "smtpd"));
	assert_int_equal(c->site.lease_s, 120);
	assert_int_equal(c->site.limits.message_bytes, 35 << 20);
	assert_int_equal(c->site.hold_s, 14400);
	assert_int_equal(c->site.nportals, 1);
	assert_string_equal(c->site.portals[0].driver, "local");
	assert_int_equal(c->site.portals[0].poll_s, 1);
	assert_int_equal(conf_imap_server(c, "clinic")->port, 993);
	assert_int_equal(conf_imap_server(c, "clinic")->timeout_s, 30);

	lee = conf_clinician(c, "lee");
	patel = conf_clinician_by_login(c, "patel");
	assert_non_null(lee);
	assert_non_null(patel);
	assert_ptr_equal(conf_clinician_by_login(c, "lee@login"), lee);
	assert_null(conf_clinician_by_login(c, "LEE@login"));
	assert_null(conf_clinician_by_login(c, NULL));
	assert_string_equal(lee->mailbox, "clinic");
	assert_string_equal(lee->mailbox_user, "lee@login");
	assert_string_equal(lee->portal_id, "lee");
	assert_string_equal(lee->calendar, "lee");
	assert_null(patel->calendar);
	assert_int_equal(lee->reply, REPLY_SIGNED_ENCRYPTED);
	assert_int_equal(lee->certificates.n, 1);
	assert_true(lee->certificates.item[0][0] == '/');

	assert_ptr_equal(conf_clinician_by_address(c, "lee@CLINIC.example"), lee);
	assert_ptr_equal(conf_clinician_by_address(c, "Susan.Lee@clinic.example"), lee);
	assert_null(conf_clinician_by_address(c, "susan.lee@clinic.example"));
	assert_null(conf_clinician_by_address(c, "Lee@clinic.example"));
	assert_null(conf_clinician_by_address(c, "lee@clinic.example.org"));
	assert_null(conf_clinician_by_address(c, "lee"));
	assert_null(conf_clinician_by_address(c, ""));

	/* Written on one side each, true on both. */
	assert_true(conf_in_pool(c, "lee", "nurses"));
	assert_true(conf_in_pool(c, "patel", "nurses"));
	assert_true(conf_list_has(&patel->pools, "nurses"));
	assert_int_equal(conf_pool(c, "nurses")->members.n, 2);
	assert_false(conf_in_pool(c, "lee", "surgeons"));
	assert_string_equal(c->support.on_call, "patel");
	assert_string_equal(c->support.name, "Help desk");
	assert_null(c->support.address);
	conf_unref(c);
	conf_errors_free(&errs);
}

static void
the_hash_follows_every_file(void **state)
{
	static const int files[] = { PORTICO, CLINICIANS, SUPPORT, BOUNDARIES, LEXICON, RESPONSE };
	struct conf_errors errs = { 0 };
	struct conf *one = load(&errs), *same = load(&errs);

	(void)state;
	assert_int_equal(strlen(one->hash), 64);
	assert_string_equal(one->hash, same->hash);
	conf_unref(same);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_STR text = xasprintf("%s# changed\n", file_texts[files[i]]);
		struct conf *two;

		write_file(file_names[files[i]], text, 0640);
		two = load(&errs);
		assert_non_null(two);
		if (strcmp(one->hash, two->hash) == 0)
			fail_msg("%s is not in the hash", file_names[files[i]]);
		conf_unref(two);
		write_file(file_names[files[i]], file_texts[files[i]], 0640);
	}
	conf_unref(one);
}

static void
a_snapshot_lives_as_long_as_its_last_holder(void **state)
{
	AUTO_STR text = replaced(file_texts[PORTICO], "driver: local", "driver: local\n    options: {a: {b: c}, d: 1}");
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { 0 }, late = { 0 };
	struct conf *c, *held;
	struct ynode opt;

	(void)state;
	write_file("portico.yaml", text, 0640);
	c = load(&errs);
	assert_non_null(c);
	held = conf_ref(c);
	conf_unref(c);
	assert_string_equal(ynode_text(ynode_get(ynode_get(held->site.portals[0].options, "a"), "b")), "c");
	opt = ynode_rebind(held->site.portals[0].options, a, &late);
	yaml_complain(ynode_get(opt, "d"), "a number, expected a map");
	assert_non_null(strstr(buf_str(&late.text), "portico.yaml:17:29: a number, expected a map\n"));
	conf_errors_free(&late);
	conf_unref(held);
	conf_unref(NULL);
	write_all_files();
}

static void
what_is_shown_reads_back(void **state)
{
	struct conf_errors errs = { 0 };
	struct conf *c = load(&errs), *again;
	AUTO_BUF first = BUF_INIT;
	AUTO_BUF second = BUF_INIT;
	const char *part, *next;

	(void)state;
	conf_show(c, &first);
	conf_unref(c);
	for (part = strstr(first.p, "# portico.yaml"); part != NULL; part = next) {
		AUTO_STR name = xstrndup(part + 2, strcspn(part + 2, "\n"));
		AUTO_STR text = NULL;

		next = strstr(part, "\n\n# ");
		text = xstrndup(part, next != NULL ? (size_t)(next - part) + 1 : strlen(part));
		next = next != NULL ? next + 2 : NULL;
		/* The default anchor is not there until the CA is made. */
		if (strstr(text, "  anchors: [/var/lib/portico/ca/root.crt]\n") != NULL) {
			char *cut = replaced(text, "  anchors: [/var/lib/portico/ca/root.crt]\n", "");

			free(text);
			text = cut;
		}
		write_file(name, text, 0640);
	}
	again = load(&errs);
	if (again == NULL)
		fail_msg("%s", buf_str(&errs.text));
	conf_show(again, &second);
	assert_string_equal(first.p, second.p);
	conf_unref(again);
	write_all_files();
}

/* The samples */

/* As it is shipped, or with every "#key:" and "#- item" taken at its word; paths lead to our directory. own. */
static char *
sample_text(const char *name, bool uncomment)
{
	AUTO_STR path = xasprintf("conf/%s", name);
	AUTO_BUF text = BUF_INIT;
	AUTO_BUF out = BUF_INIT;
	struct err err;

	if (file_read(path, 1 << 20, &text, &err) != ST_OK)
		fail_msg("%s (the tests run at the top of the tree)", err.text);
	for (const char *p = text.p, *end; *p != '\0'; p = end + 1) {
		size_t blanks = strspn(p, " ");

		end = strchr(p, '\n');
		if (end == NULL)
			fail_msg("%s: the last line has no end", name);
		if (uncomment && p[blanks] == '#' && p[blanks + 1] != ' ' && p[blanks + 1] != '\n') {
			buf_append(&out, p, blanks);
			p += blanks + 1;
		}
		for (const char *at; (at = strstr(p, "/etc/portico/")) != NULL && at < end; p = at + 12) {
			buf_append(&out, p, (size_t)(at - p));
			buf_puts(&out, dir);
		}
		buf_append(&out, p, (size_t)(end - p) + 1);
	}
	return buf_take(&out);
}

static void
write_samples(bool uncomment)
{
	static const char *const made[] = { "portico.yaml", "clinicians.yaml", "support.yaml" };
	static const char *const secrets[] = { "imap-master.password", "lee.password", "fhir.key", "fhir-next.key",
		"fhir.token" };
	static const char *const open[] = { "hospital-root.pem", "imap-ca.pem", "lee.pem", "fhir-ca.pem" };

	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		AUTO_STR text = sample_text(made[i], uncomment);

		write_file(made[i], text, 0640);
	}
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		write_file(secrets[i], "secret\n", 0600);
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		write_file(open[i], "x\n", 0644);
	write_file("page-on-call", "#!/bin/sh\n", 0755);
	/* The other two files are read where they are shipped: they name lexicons and templates beside them. */
	if (!uncomment) {
		AUTO_STR cwd = getcwd(NULL, 0);
		AUTO_STR text = sample_text("portico.yaml", false);
		AUTO_STR with = xasprintf("files:\n  boundaries: %s/conf/boundaries.yaml\n"
					  "  response_times: %s/conf/response-times.yaml\n%s",
		    cwd, cwd, text);

		write_file("portico.yaml", with, 0640);
	}
}

static void
the_samples_load_as_they_are(void **state)
{
	struct conf_errors errs = { 0 };
	struct conf *c;

	(void)state;
	write_samples(false);
	c = load(&errs);
	if (c == NULL)
		fail_msg("%s", buf_str(&errs.text));
	assert_string_equal(conf_clinician(c, "lee")->calendar, "lee");
	assert_int_equal(conf_pool(c, "nurses")->members.n, 2);
	conf_unref(c);
	write_all_files();
}

static void
the_samples_load_with_every_default_written_out(void **state)
{
	struct conf_errors errs = { 0 };
	struct conf *c;

	(void)state;
	write_samples(true);
	write_file("response-times.yaml",
	    "clinic:\n  zone: America/New_York\n  weekly:\n    mon-fri: 09:00-17:00\nteams:\n  nurses: {}\n"
	    "clinicians:\n  lee: {}\n",
	    0640);
	c = load(&errs);
	if (c == NULL)
		fail_msg("%s", buf_str(&errs.text));
	conf_unref(c);
	write_all_files();
}

/* Any of the maps of a section, or the section itself, shows the key. */
static struct ynode
sample_value(struct ynode root, const struct conf_area *area, const char *key)
{
	const char *dot = strchr(area->section, '.');
	AUTO_STR head = xstrndup(area->section, dot != NULL ? (size_t)(dot - area->section) : strlen(area->section));
	struct ynode at = head[0] != '\0' ? ynode_get(root, head) : root;

	if (dot == NULL)
		return ynode_get(at, key);
	for (size_t i = 0; i < ynode_count(at); i++) {
		struct ynode one = ynode_item(at, i), v;

		if (strchr(dot + 1, '.') != NULL) /* a section inside of it */
			one = ynode_get(one, strchr(dot + 1, '.') + 1);
		v = one.id != 0 ? ynode_get(one, key) : one;
		if (v.id != 0)
			return v;
	}
	return (struct ynode){ root.doc, 0 };
}

static void
the_samples_show_every_key_with_its_default(void **state)
{
	AUTO(arena) a = arena_new();
	struct conf_errors errs = { 0 };
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < conf_area_count(); i++) {
		const struct conf_area *area = conf_area_at(i);
		AUTO_STR text = sample_text(area->file, true);
		AUTO_STR shipped = sample_text(area->file, false);
		struct yaml_doc *doc = yaml_parse(area->file, slice_of(text), a, &errs);
		struct yaml_doc *bare = yaml_parse(area->file, slice_of(shipped), a, &errs);

		if (doc == NULL || bare == NULL)
			fail_msg("%s", buf_str(&errs.text));
		for (size_t j = 0; j < area->nkeys; j++, seen++) {
			const struct conf_key *key = &area->keys[j];
			struct ynode v = sample_value(yaml_root(doc), area, key->name);

			if (v.id == 0)
				fail_msg("conf/%s: section \"%s\" does not show \"%s\"", area->file, area->section,
				    key->name);
			if (key->help == NULL || key->help[0] == '\0')
				fail_msg("%s: \"%s\" has no help", area->file, key->name);
			/* What is commented out is the default, to the letter. */
			if (key->def != NULL && ynode_kind(v) == Y_SCALAR &&
			    sample_value(yaml_root(bare), area, key->name).id == 0)
				assert_string_equal(ynode_text(v), key->def);
			if (key->required && strchr(area->section, '.') == NULL)
				assert_int_not_equal(sample_value(yaml_root(bare), area, key->name).id, 0);
		}
		yaml_close(doc);
		yaml_close(bare);
	}
	assert_true(seen > 80);
}

static void
every_key_is_described(void **state)
{
	AUTO_BUF keys = BUF_INIT;
	AUTO_BUF text = BUF_INIT;
	AUTO_BUF man = BUF_INIT;

	(void)state;
	conf_describe(DESCRIBE_KEYS, &keys);
	conf_describe(DESCRIBE_TEXT, &text);
	conf_describe(DESCRIBE_MAN, &man);
	assert_non_null(strstr(keys.p,
	    "portico.yaml\tcouriers\tlease\tduration 10s to 1h\t2m\twork a dead courier held comes back after this\n"));
	assert_non_null(strstr(keys.p,
	    "clinicians.yaml\tclinicians.<id>\treply\tone of signed-encrypted, signed, sasl\tsigned-encrypted\t"));
	assert_non_null(strstr(keys.p, "support.yaml\tdesk\tphone\ttext\trequired\tits number\n"));
	assert_non_null(strstr(text.p, "message_size"));
	assert_non_null(strstr(man.p, ".It Ic message_size : Ar size 64K to 150M\n"));
}

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	write_all_files();
	return 0;
}

static int
remove_dir(void **state)
{
	static const char *const more[] = { "imap-master.password", "lee.password", "hospital-root.pem", "imap-ca.pem",
		"page-on-call", "fhir.key", "fhir-next.key", "fhir.token", "fhir-ca.pem" };

	(void)state;
	for (int i = 0; i < NFILES; i++) {
		AUTO_STR path = in_dir(file_names[i]);

		unlink(path);
	}
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		AUTO_STR path = in_dir(more[i]);

		unlink(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_name_their_place_and_what_was_expected),
		cmocka_unit_test(files_that_others_may_change_are_refused),
		cmocka_unit_test(what_was_written_comes_out),
		cmocka_unit_test(the_hash_follows_every_file),
		cmocka_unit_test(a_snapshot_lives_as_long_as_its_last_holder),
		cmocka_unit_test(what_is_shown_reads_back),
		cmocka_unit_test(the_samples_load_as_they_are),
		cmocka_unit_test(the_samples_load_with_every_default_written_out),
		cmocka_unit_test(the_samples_show_every_key_with_its_default),
		cmocka_unit_test(every_key_is_described),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
