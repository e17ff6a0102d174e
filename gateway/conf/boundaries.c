#include "conf/boundaries_in.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"
#include "conf/zone.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)4 << 20)
#define MAX_SOURCES 16
#define MAX_CLASSES 200
#define TRIGGERS_ALL 7u

/* In the order of enum decision, assertion and agreement_value; test_policy_names compares. */
static const char *const decision_names[] = { "deliver", "redact", "redirect", "delay", "hold_confirm",
	"refuse_in_person", "quarantine", NULL };
static const char *const assertion_names[] = { "affirmed", "negated", "possible", NULL };
static const char *const value_names[] = { "portal_ok", "portal_after_call", "in_person_only", "never_electronic",
	NULL };
static const char *const check_names[] = { "none", "ssn", "luhn", "mrn", NULL };
static const char *const day_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL };

struct top_keys {
	const char *version;
	struct conf_list lexicons;
	struct ynode classes, agreement_values, legal_floor, minors, not_screened, attachments, time_rules, routes,
	    identifiers, nicknames, languages;
};
static const struct conf_key top_keys[] = {
	CONF_KEY(struct top_keys, version, CONF_STR, .required = true, .help = "recorded with every decision"),
	CONF_KEY(struct top_keys, lexicons, CONF_LIST, .required = true, .help = "files of terms, one per language"),
	CONF_KEY(struct top_keys, classes, CONF_NODE, .required = true, .help = "what can be spoken of"),
	CONF_KEY(struct top_keys, agreement_values, CONF_NODE, .help = "what an agreement's value means"),
	CONF_KEY(struct top_keys, legal_floor, CONF_NODE, .help = "packs of law: class to least decision"),
	CONF_KEY(struct top_keys, minors, CONF_NODE, .help = "confidential classes of minors"),
	CONF_KEY(struct top_keys, not_screened, CONF_NODE, .help = "what happens to what cannot be read"),
	CONF_KEY(struct top_keys, attachments, CONF_NODE, .help = "types and sizes"),
	CONF_KEY(struct top_keys, time_rules, CONF_NODE, .help = "delays by day and hour"),
	CONF_KEY(struct top_keys, routes, CONF_NODE, .help = "where a request goes"),
	CONF_KEY(struct top_keys, identifiers, CONF_NODE, .help = "numbers that must not travel"),
	CONF_KEY(struct top_keys, nicknames, CONF_NODE, .help = "given names that are the same"),
	CONF_KEY(struct top_keys, languages, CONF_NODE, .help = "languages without a lexicon, known by their words"),
};

struct class_keys {
	struct ynode def;
	struct conf_list triggers, known;
	const char *becomes, *en, *es;
};
static const struct conf_key class_keys[] = {
	{ .name = "default",
	    .kind = CONF_NODE,
	    .offset = offsetof(struct class_keys, def),
	    .required = true,
	    .help = "decision when nothing else applies" },
	CONF_KEY(struct class_keys, triggers, CONF_LIST, .help = "assertions that count; all when not said"),
	CONF_KEY(struct class_keys, known, CONF_LIST, .help = "words of a problem list"),
	CONF_KEY(struct class_keys, becomes, CONF_STR, .help = "class when the problem is known"),
	CONF_KEY(struct class_keys, en, CONF_STR, .help = "in words"),
	CONF_KEY(struct class_keys, es, CONF_STR, .help = "in words"),
};

/* Answers */

const struct class_conf *
boundaries_class(const struct boundaries *b, const char *name)
{
	for (size_t i = 0; i < b->nclasses; i++)
		if (strcmp(b->classes[i].name, name) == 0)
			return &b->classes[i];
	return NULL;
}

bool
boundaries_has_class(const struct boundaries *b, const char *name)
{
	size_t n = strlen(name);

	if (n < 3 || strcmp(name + n - 2, ".*") != 0)
		return boundaries_class(b, name) != NULL;
	for (size_t i = 0; i < b->nclasses; i++)
		if (strncmp(b->classes[i].name, name, n - 1) == 0)
			return true;
	return false;
}

const char *
boundaries_version(const struct boundaries *b)
{
	return b->version;
}

const char *
boundaries_hash(const struct boundaries *b)
{
	return b->hash;
}

bool
boundaries_list_has(const struct conf_list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->item[i], s) == 0)
			return true;
	return false;
}

enum status
boundaries_scratch(const struct boundaries *b, hs_scratch_t **ret, struct err *err)
{
	hs_scratch_t *s = NULL;

	if (hs_clone_scratch(b->scratch, &s) != HS_SUCCESS)
		return err_set(err, ST_LOCAL, "policy.scratch", "no memory to read a text with");
	*ret = s;
	return ST_OK;
}

void
boundaries_unload(struct boundaries *b)
{
	if (b == NULL)
		return;
	hs_free_scratch(b->scratch);
	hs_free_database(b->literals);
	hs_free_database(b->regexes);
	spelling_free((struct spelling *)(uintptr_t)b->lexicon.spelling);
	b->lexicon.spelling = NULL;
	b->scratch = NULL;
	b->literals = NULL;
	b->regexes = NULL;
}

/* Reading */

static int
name_index(const char *const *names, const char *s)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], s) == 0)
			return i;
	return -1;
}

static int
read_decision(struct ynode n, int otherwise)
{
	int d = name_index(decision_names, ynode_text(n));

	if (ynode_kind(n) == Y_NONE)
		return otherwise;
	if (d < 0)
		yaml_complain(n,
		    "\"%s\" is no decision; deliver, redact, redirect, delay, hold_confirm, refuse_in_person "
		    "or quarantine",
		    ynode_text(n));
	return d < 0 ? otherwise : d;
}

static void
read_classes(struct boundaries *b, struct ynode map)
{
	size_t n = ynode_count(map);

	if (n > MAX_CLASSES) {
		yaml_complain(map, "more than %d classes", MAX_CLASSES);
		n = MAX_CLASSES;
	}
	b->classes = ARENA_ARRAY(b->arena, n + 1, struct class_conf);
	for (size_t i = 0; i < n; i++) {
		struct ynode node = ynode_item(map, i);
		struct class_conf *c = &b->classes[b->nclasses++];
		struct class_keys k = { 0 };

		yaml_read_map(node, class_keys, ARRAY_LEN(class_keys), &k);
		*c = (struct class_conf){ .name = arena_strdup(b->arena, ynode_text(ynode_key(map, i))),
			.decision = read_decision(k.def, 0),
			.words = { k.en, k.es },
			.becomes = k.becomes,
			.known_words = k.known };
		for (size_t j = 0; j < k.triggers.n; j++) {
			int a = name_index(assertion_names, k.triggers.item[j]);

			if (a < 0)
				yaml_complain(ynode_get(node, "triggers"),
				    "\"%s\" is none of affirmed, possible, negated", k.triggers.item[j]);
			else
				c->triggers |= 1u << a;
		}
		if (k.triggers.n == 0)
			c->triggers = TRIGGERS_ALL;
	}
	for (size_t i = 0; i < b->nclasses; i++)
		if (b->classes[i].becomes != NULL && boundaries_class(b, b->classes[i].becomes) == NULL)
			yaml_complain(ynode_item(map, i), "becomes: there is no class \"%s\"", b->classes[i].becomes);
}

static void
read_values(struct boundaries *b, struct ynode map)
{
	static const int shipped[] = { 0, 4, 5, 5 };

	memcpy(b->agreement, shipped, sizeof shipped);
	for (size_t i = 0; i < ynode_count(map); i++) {
		int v = name_index(value_names, ynode_text(ynode_key(map, i)));

		if (v < 0)
			yaml_complain(ynode_key(map, i), "an agreement's value is portal_ok, portal_after_call, "
							 "in_person_only or never_electronic");
		else
			b->agreement[v] = read_decision(ynode_item(map, i), b->agreement[v]);
	}
}

static void
read_floors(struct boundaries *b, struct ynode map)
{
	size_t n = 0;

	for (size_t i = 0; i < ynode_count(map); i++)
		n += ynode_count(ynode_item(map, i));
	b->floors = ARENA_ARRAY(b->arena, n + 1, struct floor_conf);
	for (size_t i = 0; i < ynode_count(map); i++) {
		struct ynode pack = ynode_item(map, i);
		const char *name = arena_strdup(b->arena, ynode_text(ynode_key(map, i)));

		for (size_t j = 0; j < ynode_count(pack); j++) {
			struct floor_conf *f = &b->floors[b->nfloors++];

			*f = (struct floor_conf){ .jurisdiction = name,
				.decision = read_decision(ynode_item(pack, j), 0),
				.class_name = arena_strdup(b->arena, ynode_text(ynode_key(pack, j))) };
			if (!boundaries_has_class(b, f->class_name))
				yaml_complain(ynode_key(pack, j), "there is no class \"%s\"", f->class_name);
		}
	}
}

struct minor_keys {
	struct conf_list classes, ages;
	struct ynode decision;
	const char *to;
};
static const struct conf_key minor_keys[] = {
	CONF_KEY(struct minor_keys, classes, CONF_LIST, .required = true, .help = "confidential classes"),
	CONF_KEY(struct minor_keys, ages, CONF_LIST, .required = true, .help = "[from, to] in years"),
	CONF_KEY(struct minor_keys, decision, CONF_NODE, .help = "redirect"),
	CONF_KEY(struct minor_keys, to, CONF_STR, .def = "patient_only_thread", .help = "where it goes"),
};

static void
read_minors(struct boundaries *b, struct ynode map)
{
	struct minor_keys k = { 0 };

	b->minor_from = 1000;
	b->minor_to = -1;
	if (ynode_kind(map) == Y_NONE)
		return;
	yaml_read_map(map, minor_keys, ARRAY_LEN(minor_keys), &k);
	for (size_t i = 0; i < k.classes.n; i++)
		if (!boundaries_has_class(b, k.classes.item[i]))
			yaml_complain(ynode_get(map, "classes"), "there is no class \"%s\"", k.classes.item[i]);
	b->minor_classes = k.classes;
	if (k.ages.n != 2)
		yaml_complain(ynode_get(map, "ages"), "two ages are expected: [12, 17]");
	else {
		b->minor_from = (int)strtol(k.ages.item[0], NULL, 10);
		b->minor_to = (int)strtol(k.ages.item[1], NULL, 10);
	}
	b->minor_decision = read_decision(k.decision, 2);
	b->minor_redirect = k.to;
}

struct attach_keys {
	struct conf_list readable, harmless;
	int64_t max_bytes;
};
static const struct conf_key attach_keys[] = {
	CONF_KEY(struct attach_keys, readable, CONF_LIST, .help = "types whose text is read"),
	CONF_KEY(struct attach_keys, harmless, CONF_LIST, .help = "types that need no reading"),
	CONF_KEY(struct attach_keys, max_bytes, CONF_SIZE, .help = "of one attachment to a patient"),
};

struct screen_keys {
	struct ynode attachment, language;
};
static const struct conf_key screen_keys[] = {
	CONF_KEY(struct screen_keys, attachment, CONF_NODE, .help = "decision for an attachment that cannot be read"),
	CONF_KEY(struct screen_keys, language, CONF_NODE, .help = "decision for an unknown language"),
};

static void
read_screening(struct boundaries *b, const struct top_keys *top)
{
	struct attach_keys a = { 0 };
	struct screen_keys s = { 0 };

	yaml_read_map(top->attachments, attach_keys, ARRAY_LEN(attach_keys), &a);
	b->attach = (struct attach_conf){ a.readable, a.harmless, a.max_bytes };
	yaml_read_map(top->not_screened, screen_keys, ARRAY_LEN(screen_keys), &s);
	b->unreadable = read_decision(s.attachment, 4);
	b->unknown_language = read_decision(s.language, 4);
}

struct time_keys {
	const char *id, *from, *to, *zone, *class;
	bool enabled;
	struct ynode decision;
};
static const struct conf_key time_keys[] = {
	CONF_KEY(struct time_keys, id, CONF_STR, .required = true, .help = "told in verdicts"),
	CONF_KEY(struct time_keys, class, CONF_STR, .required = true, .help = "class that waits"),
	CONF_KEY(struct time_keys, enabled, CONF_BOOL, .def = "false", .help = "off unless said"),
	CONF_KEY(struct time_keys, from, CONF_STR, .required = true, .help = "fri 17:00"),
	CONF_KEY(struct time_keys, to, CONF_STR, .required = true, .help = "mon 08:00"),
	CONF_KEY(struct time_keys, zone, CONF_STR, .required = true, .help = "IANA zone"),
	CONF_KEY(struct time_keys, decision, CONF_NODE, .help = "delay"),
};

static void
read_day_time(struct ynode n, const char *s, int *day, int32_t *at)
{
	char name[4] = "";
	int h = -1, m = -1;

	if (s == NULL)
		return;
	if (sscanf(s, "%3s %2d:%2d", name, &h, &m) != 3 || (*day = name_index(day_names, name)) < 0 || h < 0 ||
	    h > 24 || m < 0 || m > 59) {
		yaml_complain(n, "\"%s\": a day and a time are expected, as in \"fri 17:00\"", s);
		*day = 0;
		return;
	}
	*at = h * 3600 + m * 60;
}

static void
read_time_rules(struct boundaries *b, struct ynode list)
{
	struct zone_table *zones = zone_table_new(b->arena);

	b->time_rules = ARENA_ARRAY(b->arena, ynode_count(list) + 1, struct time_rule);
	for (size_t i = 0; i < ynode_count(list); i++) {
		struct ynode node = ynode_item(list, i);
		struct time_rule *r = &b->time_rules[b->ntime_rules++];
		struct time_keys k = { 0 };
		struct err err = ERR_NONE;

		yaml_read_map(node, time_keys, ARRAY_LEN(time_keys), &k);
		*r = (struct time_rule){ .id = k.id,
			.class_name = k.class,
			.enabled = k.enabled,
			.zone_name = k.zone,
			.decision = read_decision(k.decision, 3) };
		read_day_time(ynode_get(node, "from"), k.from, &r->from_day, &r->from_at);
		read_day_time(ynode_get(node, "to"), k.to, &r->to_day, &r->to_at);
		if (k.class != NULL && !boundaries_has_class(b, k.class))
			yaml_complain(ynode_get(node, "class"), "there is no class \"%s\"", k.class);
		if (k.zone != NULL && k.enabled && (r->zone = zone_get(zones, k.zone, &err)) == NULL)
			yaml_complain(ynode_get(node, "zone"), "%s", err.text);
	}
}

struct route_keys {
	const char *emergency, *def;
	struct ynode categories;
};
static const struct conf_key route_keys[] = {
	CONF_KEY(struct route_keys, emergency, CONF_STR, .def = "clinician+on_call", .help = "where an emergency goes"),
	{ .name = "default",
	    .kind = CONF_STR,
	    .offset = offsetof(struct route_keys, def),
	    .def = "clinician",
	    .help = "where everything else goes" },
	CONF_KEY(struct route_keys, categories, CONF_NODE, .help = "list of category: route, strongest first"),
};

static void
read_routes(struct boundaries *b, struct ynode map)
{
	struct route_keys k = { 0 };

	yaml_read_map(map, route_keys, ARRAY_LEN(route_keys), &k);
	b->route_emergency = k.emergency;
	b->route_default = k.def;
	b->routes = ARENA_ARRAY(b->arena, ynode_count(k.categories) + 1, struct route_conf);
	for (size_t i = 0; i < ynode_count(k.categories); i++) {
		struct ynode pair = ynode_item(k.categories, i);

		if (ynode_kind(pair) != Y_MAP || ynode_count(pair) != 1) {
			yaml_complain(pair, "\"category: route\" is expected");
			continue;
		}
		b->routes[b->nroutes++] = (struct route_conf){ arena_strdup(b->arena, ynode_text(ynode_key(pair, 0))),
			arena_strdup(b->arena, ynode_text(ynode_item(pair, 0))) };
	}
}

struct ident_keys {
	const char *id, *class, *regex;
	int check;
	struct conf_list must_match, must_not_match;
};
static const struct conf_key ident_keys[] = {
	CONF_KEY(struct ident_keys, id, CONF_STR, .required = true, .help = "told in verdicts"),
	CONF_KEY(struct ident_keys, class, CONF_STR, .required = true, .help = "class of the mention"),
	CONF_KEY(struct ident_keys, regex, CONF_STR, .required = true, .help = "over the canonical text"),
	CONF_KEY(
	    struct ident_keys, check, CONF_ENUM, .names = check_names, .def = "none", .help = "test of the digits"),
	CONF_KEY(struct ident_keys, must_match, CONF_LIST, .help = "examples"),
	CONF_KEY(struct ident_keys, must_not_match, CONF_LIST, .help = "examples that look alike"),
};

static void
read_identifiers(struct boundaries *b, struct ynode list)
{
	size_t n = ynode_count(list);
	unsigned flags[64], ids[64];
	const char *patterns[64];
	hs_compile_error_t *why = NULL;

	if (n > ARRAY_LEN(patterns)) {
		yaml_complain(list, "more than %zu identifiers", ARRAY_LEN(patterns));
		n = ARRAY_LEN(patterns);
	}
	b->regex = ARENA_ARRAY(b->arena, n + 1, struct regex_conf);
	for (size_t i = 0; i < n; i++) {
		struct ynode node = ynode_item(list, i);
		struct ident_keys k = { 0 };
		struct regex_conf *r = &b->regex[b->nregex];

		yaml_read_map(node, ident_keys, ARRAY_LEN(ident_keys), &k);
		if (k.class == NULL || k.regex == NULL)
			continue;
		if (boundaries_class(b, k.class) == NULL)
			yaml_complain(ynode_get(node, "class"), "there is no class \"%s\"", k.class);
		*r = (struct regex_conf){ k.id, k.class, k.regex, k.check, k.must_match, k.must_not_match };
		patterns[b->nregex] = r->pattern;
		flags[b->nregex] = HS_FLAG_SOM_LEFTMOST;
		ids[b->nregex] = (unsigned)b->nregex;
		b->nregex++;
	}
	if (b->nregex == 0)
		return;
	if (hs_compile_multi(patterns, flags, ids, (unsigned)b->nregex, HS_MODE_BLOCK, NULL, &b->regexes, &why) !=
	    HS_SUCCESS) {
		int which = why != NULL && why->expression >= 0 ? why->expression : 0;

		yaml_complain(ynode_get(ynode_item(list, (size_t)which), "regex"), "%s",
		    why != NULL ? why->message : "does not compile");
	}
	hs_free_compile_error(why);
}

static void
read_nicknames(struct boundaries *b, struct ynode list)
{
	b->nicknames = ARENA_ARRAY(b->arena, ynode_count(list) + 1, struct conf_list);
	for (size_t i = 0; i < ynode_count(list); i++) {
		struct ynode group = ynode_item(list, i);
		struct conf_list *l = &b->nicknames[b->nnicknames++];

		l->item = ARENA_ARRAY(b->arena, ynode_count(group) + 1, const char *);
		for (size_t j = 0; j < ynode_count(group); j++) {
			struct words ws;

			words_split(slice_of(ynode_text(ynode_item(group, j))), b->arena, &ws);
			l->item[l->n++] = ws.text;
		}
	}
}

/* Lexicons */

static int
class_index(void *ctx, const char *name)
{
	const struct boundaries *b = ctx;
	const struct class_conf *c = boundaries_class(b, name);

	return c != NULL ? (int)(c - b->classes) : -1;
}

static const struct boundaries_source *
source_named(const struct boundaries_source *s, size_t n, const char *name)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(s[i].name, name) == 0)
			return &s[i];
	return NULL;
}

static bool
cpu_can_scan(struct ynode where)
{
#if defined(__x86_64__)
	/* The library's own check has been wrong about this, and what follows then is SIGILL. */
	if (!__builtin_cpu_supports("sse4.2")) {
		yaml_complain(where, "this processor has no SSE4.2, which reading text against the lexicons needs");
		return false;
	}
#endif
	if (hs_valid_platform() != HS_SUCCESS) {
		yaml_complain(where, "this processor lacks instructions that reading text against the lexicons needs");
		return false;
	}
	return true;
}

static bool
read_lexicons(struct boundaries *b, struct yaml_doc *doc, const struct top_keys *top,
    const struct boundaries_source *src, size_t nsrc, struct conf_errors *errs)
{
	struct ynode where = ynode_get(yaml_root(doc), "lexicons");
	AUTO(lex_builder) lx = lex_builder_new(b->arena, errs);
	struct yaml_doc *docs[MAX_SOURCES];
	size_t ndocs = 0;
	bool ok;

	for (size_t i = 0; i < top->lexicons.n && ndocs < MAX_SOURCES; i++) {
		const struct boundaries_source *s = source_named(src, nsrc, top->lexicons.item[i]);

		if (s == NULL || (docs[ndocs] = yaml_parse(s->name, s->text, b->arena, errs)) == NULL) {
			yaml_complain(where, "lexicon \"%s\" cannot be read", top->lexicons.item[i]);
			continue;
		}
		lex_read(lx, yaml_root(docs[ndocs]), class_index, b);
		ndocs++;
	}
	b->lexicon.nlanguages = ndocs;
	for (size_t i = 0; i < ynode_count(top->languages); i++)
		lex_read_language(lx, ynode_text(ynode_key(top->languages, i)), ynode_item(top->languages, i));
	{
		size_t nlanguages = b->lexicon.nlanguages;

		ok = lex_finish(lx, where, &b->lexicon, &b->literals);
		b->lexicon.nlanguages = nlanguages;
	}
	for (size_t i = 0; i < ndocs; i++)
		yaml_close(docs[i]);
	return ok;
}

static void
hash_sources(struct boundaries *b, const struct boundaries_source *src, size_t n)
{
	AUTO_BUF all = BUF_INIT;
	uint8_t digest[HASH_SIZE];

	for (size_t i = 0; i < n; i++) {
		sha256(src[i].text.p, src[i].text.n, digest);
		buf_append(&all, digest, sizeof digest);
	}
	sha256(all.p, all.n, digest);
	hex_encode(digest, HASH_SIZE, b->hash);
}

static struct boundaries *
read_all(struct yaml_doc *doc, const struct boundaries_source *src, size_t n, struct arena *a, struct conf_errors *errs)
{
	struct boundaries *b = ARENA_NEW(a, struct boundaries);
	struct top_keys top = { 0 };
	size_t before = errs->n;
	bool ok;

	b->arena = a;
	if (!cpu_can_scan(yaml_root(doc)))
		return NULL;
	yaml_read_map(yaml_root(doc), top_keys, ARRAY_LEN(top_keys), &top);
	b->version = top.version != NULL ? top.version : "";
	read_classes(b, top.classes);
	read_values(b, top.agreement_values);
	read_floors(b, top.legal_floor);
	read_minors(b, top.minors);
	read_screening(b, &top);
	read_time_rules(b, top.time_rules);
	read_routes(b, top.routes);
	read_identifiers(b, top.identifiers);
	read_nicknames(b, top.nicknames);
	ok = read_lexicons(b, doc, &top, src, n, errs);
	hash_sources(b, src, n);
	if (ok && hs_alloc_scratch(b->literals, &b->scratch) != HS_SUCCESS)
		ok = false;
	if (ok && b->regexes != NULL && hs_alloc_scratch(b->regexes, &b->scratch) != HS_SUCCESS)
		ok = false;
	if (!ok || errs->n > before) {
		boundaries_unload(b);
		return NULL;
	}
	return b;
}

struct boundaries *
boundaries_parse(const struct boundaries_source *src, size_t n, struct arena *a, struct conf_errors *errs)
{
	struct yaml_doc *doc = yaml_parse(src[0].name, src[0].text, a, errs);
	struct boundaries *b;

	if (doc == NULL)
		return NULL;
	b = read_all(doc, src, n, a, errs);
	yaml_close(doc);
	return b;
}

/* boundaries.yaml first tells which lexicons to read; they lie relative to it. */
struct boundaries *
boundaries_load(const char *path, struct arena *a, struct conf_errors *errs)
{
	struct boundaries_source src[MAX_SOURCES + 1] = { { 0 } };
	struct buf text[MAX_SOURCES + 1] = { BUF_INIT };
	AUTO_STR dup = xstrdup(path);
	const char *dir = dirname(dup);
	struct yaml_doc *doc;
	struct boundaries *b = NULL;
	struct err err = ERR_NONE;
	struct ynode list;
	size_t n = 1;

	if ((doc = yaml_open(path, a, errs)) == NULL)
		return NULL;
	if (file_read(path, MAX_FILE, &text[0], &err) != ST_OK) {
		yaml_complain(yaml_root(doc), "%s", err.text);
		goto out;
	}
	src[0] = (struct boundaries_source){ path, buf_slice(&text[0]) };
	list = ynode_get(yaml_root(doc), "lexicons");
	for (size_t i = 0; i < ynode_count(list) && n <= MAX_SOURCES; i++) {
		AUTO_STR file = path_join(dir, ynode_text(ynode_item(list, i)));

		if (file_read(file, MAX_FILE, &text[n], &err) != ST_OK) {
			yaml_complain(ynode_item(list, i), "%s", err.text);
			continue;
		}
		src[n] =
		    (struct boundaries_source){ arena_strdup(a, ynode_text(ynode_item(list, i))), buf_slice(&text[n]) };
		n++;
	}
	b = read_all(doc, src, n, a, errs);
out:
	yaml_close(doc);
	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		buf_free(&text[i]);
	return b;
}
