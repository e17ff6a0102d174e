#include "conf/lexicon_in.h"

#include "base/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEX_MAX_ITEMS 16    /* elements of one pattern */
#define LEX_MAX_VARIANTS 64 /* ways its optional elements can be left out */
#define LEX_MAX_GAP 12
#define LEX_GAP 3 /* what "..." means */

const char *const cue_names[CUE_COUNT + 1] = { "negated", "negated_after", "pseudo", "possible", "possible_after",
	"hypothetical", "historical", "recent", "resolved", "now", "past", "other", "other_past", "child", "pronoun",
	"self", "terminator", "subject", "bridge", "join", "and", "test", "greeting", "title", "staff", "positive",
	"function", NULL };

static const char *const direction_names[] = { "both", "to_clinician", "to_patient", NULL };
static const char *const urgency_names[] = { "none", "routine", "urgent", "emergency", NULL };
static const char *const negation_names[] = { "clause", "never", "sentence", NULL };
static const char *const assertion_names[] = { "affirmed", "negated", "possible", NULL };
static const char *const temporality_names[] = { "current", "recent", "historical", "hypothetical", NULL };

/* One element of a pattern while it is being read. */
struct item {
	GArray *literals; /* NULL: a gap */
	uint8_t gap;
	bool optional;
};

struct lex_builder *
lex_builder_new(struct arena *a, struct conf_errors *errs)
{
	struct lex_builder *b = xcalloc(1, sizeof *b);

	b->arena = a;
	b->scrap = arena_new();
	b->errs = errs;
	b->rules = g_array_new(FALSE, TRUE, sizeof(struct lex_rule));
	b->patterns = g_array_new(FALSE, TRUE, sizeof(struct lex_pattern));
	b->literal_ids = g_hash_table_new(g_str_hash, g_str_equal);
	b->element_ids = g_hash_table_new(g_str_hash, g_str_equal);
	b->literals = g_ptr_array_new();
	b->elements = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
	b->languages = g_ptr_array_new();
	b->right = g_ptr_array_new();
	return b;
}

void
lex_builder_free(struct lex_builder *b)
{
	if (b == NULL)
		return;
	g_array_unref(b->rules);
	g_array_unref(b->patterns);
	g_hash_table_unref(b->literal_ids);
	g_hash_table_unref(b->element_ids);
	g_ptr_array_unref(b->literals);
	g_ptr_array_unref(b->elements);
	g_ptr_array_unref(b->languages);
	g_ptr_array_unref(b->right);
	arena_free(b->scrap);
	free(b);
}

/* Literals and elements */

static uint32_t
literal_id(struct lex_builder *b, const char *key)
{
	gpointer found = g_hash_table_lookup(b->literal_ids, key);
	char *own;

	if (found != NULL)
		return GPOINTER_TO_UINT(found) - 1;
	own = arena_strdup(b->arena, key);
	g_ptr_array_add(b->literals, own);
	g_hash_table_insert(b->literal_ids, own, GUINT_TO_POINTER(b->literals->len));
	return b->literals->len - 1;
}

static gint
by_number(gconstpointer a, gconstpointer c)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)c;

	return x < y ? -1 : x > y;
}

static uint32_t
element_id(struct lex_builder *b, const GArray *literals)
{
	AUTO_BUF key = BUF_INIT;
	GArray *own = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), literals->len);
	gpointer found;
	uint32_t last = UINT32_MAX;

	g_array_append_vals(own, literals->data, literals->len);
	g_array_sort(own, by_number);
	for (guint i = 0; i < own->len;) {
		uint32_t id = g_array_index(own, uint32_t, i);

		if (id == last) {
			g_array_remove_index(own, i);
			continue;
		}
		buf_printf(&key, "%x,", id);
		last = id;
		i++;
	}
	found = g_hash_table_lookup(b->element_ids, buf_str(&key));
	if (found != NULL) {
		g_array_unref(own);
		return GPOINTER_TO_UINT(found) - 1;
	}
	g_ptr_array_add(b->elements, own);
	g_hash_table_insert(b->element_ids, arena_strdup(b->scrap, buf_str(&key)), GUINT_TO_POINTER(b->elements->len));
	return b->elements->len - 1;
}

/* Patterns */

static bool add_alternatives(struct lex_builder *, struct ynode where, struct slice text, GArray *literals, int depth);

static bool
add_named(struct lex_builder *b, struct ynode where, struct slice name, GArray *literals, int depth)
{
	AUTO_STR key = slice_dup(name);
	struct ynode list = ynode_get(b->words_map, key);

	if (ynode_kind(list) != Y_LIST) {
		yaml_complain(where, "{%s}: no such list under \"words\"", key);
		return false;
	}
	if (depth > 4) {
		yaml_complain(where, "{%s}: lists of lists of lists; at most 4 deep", key);
		return false;
	}
	for (size_t i = 0; i < ynode_count(list); i++)
		if (!add_alternatives(
			b, ynode_item(list, i), slice_of(ynode_text(ynode_item(list, i))), literals, depth + 1))
			return false;
	return true;
}

/* One alternative: a list by name, or words of which the last may end in "*". */
static bool
add_alternative(struct lex_builder *b, struct ynode where, struct slice text, GArray *literals, int depth)
{
	struct words ws;
	bool open = false;
	uint32_t id;

	text = slice_trim(text);
	if (text.n > 2 && text.p[0] == '{' && text.p[text.n - 1] == '}')
		return add_named(b, where, (struct slice){ text.p + 1, text.n - 2 }, literals, depth);
	if (text.n > 1 && text.p[text.n - 1] == '*') {
		open = true;
		text.n--;
	}
	for (size_t i = 0; i < text.n; i++)
		if (strchr("{}()|*?", text.p[i]) != NULL) {
			yaml_complain(where, "\"%.*s\": \"%c\" does not belong there", (int)text.n, text.p, text.p[i]);
			return false;
		}
	words_split(text, b->scrap, &ws);
	if (ws.n == 0) {
		yaml_complain(where, "\"%.*s\": no word in it", (int)text.n, text.p);
		return false;
	}
	id = literal_id(b, open ? arena_printf(b->scrap, "%s*", ws.text) : ws.text);
	g_array_append_val(literals, id);
	return true;
}

static bool
add_alternatives(struct lex_builder *b, struct ynode where, struct slice text, GArray *literals, int depth)
{
	size_t from = 0;

	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '|')
			continue;
		if (!add_alternative(b, where, (struct slice){ text.p + from, i - from }, literals, depth))
			return false;
		from = i + 1;
	}
	return true;
}

static void
items_free(struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].literals != NULL)
			g_array_unref(items[i].literals);
}

/* Plain words that stand together are one literal: they end where a group, a list, a gap or an optional word begins. */
static size_t
plain_run(struct slice text, size_t at, bool *optional)
{
	size_t end = at, word = at;

	*optional = false;
	while (end < text.n && strchr("({", text.p[end]) == NULL) {
		size_t stop = end;

		word = end;
		while (stop < text.n && text.p[stop] != ' ' && text.p[stop] != '(' && text.p[stop] != '{')
			stop++;
		if (stop - word >= 3 && memcmp(text.p + word, "...", 3) == 0)
			return word;
		if (text.p[stop - 1] == '?') { /* one word alone can be optional */
			if (word > at)
				return word;
			*optional = true;
			return stop;
		}
		if (text.p[stop - 1] == '*')
			return stop;
		end = stop;
		while (end < text.n && text.p[end] == ' ')
			end++;
	}
	return end;
}

static bool
read_item(struct lex_builder *b, struct ynode where, struct slice text, size_t *at, struct item *ret)
{
	struct slice inner;
	size_t end;

	*ret = (struct item){ 0 };
	if (text.n - *at >= 3 && memcmp(text.p + *at, "...", 3) == 0) {
		int gap = 0;

		*at += 3;
		while (*at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9' && gap <= LEX_MAX_GAP)
			gap = gap * 10 + (text.p[(*at)++] - '0');
		if (gap > LEX_MAX_GAP) {
			yaml_complain(where, "a gap is at most %d words", LEX_MAX_GAP);
			return false;
		}
		ret->gap = gap > 0 ? (uint8_t)gap : LEX_GAP;
		return true;
	}
	if (text.p[*at] == '(' || text.p[*at] == '{') {
		const char *close = memchr(text.p + *at, text.p[*at] == '(' ? ')' : '}', text.n - *at);

		if (close == NULL) {
			yaml_complain(where, "\"%c\" without its end", text.p[*at]);
			return false;
		}
		end = (size_t)(close - text.p) + 1;
		inner = text.p[*at] == '(' ? (struct slice){ text.p + *at + 1, end - *at - 2 }
					   : (struct slice){ text.p + *at, end - *at };
		if (end < text.n && text.p[end] == '?') {
			ret->optional = true;
			end++;
		}
	} else {
		end = plain_run(text, *at, &ret->optional);
		inner = (struct slice){ text.p + *at, end - *at - (ret->optional ? 1 : 0) };
	}
	ret->literals = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	*at = end;
	return add_alternatives(b, where, inner, ret->literals, 0);
}

/* One pattern for each way of leaving out optional elements. */
static bool
add_variants(struct lex_builder *b, struct ynode where, const struct item *items, size_t n, struct lex_pattern like)
{
	size_t noptional = 0;

	for (size_t i = 0; i < n; i++)
		noptional += items[i].optional;
	if (noptional > 5) {
		yaml_complain(where, "more than 5 optional words");
		return false;
	}
	for (size_t mask = 0; mask < (size_t)1 << noptional; mask++) {
		struct lex_link link[LEX_MAX_ITEMS];
		size_t nlinks = 0, bit = 0;
		unsigned gap = 0;

		for (size_t i = 0; i < n; i++) {
			if (items[i].optional && (mask >> bit++ & 1) != 0)
				continue;
			if (items[i].literals == NULL) {
				gap += items[i].gap;
				continue;
			}
			link[nlinks] =
			    (struct lex_link){ element_id(b, items[i].literals), nlinks > 0 ? (uint8_t)gap : 0 };
			nlinks++;
			gap = 0;
		}
		if (nlinks == 0 || items[n - 1].literals == NULL || items[0].literals == NULL) {
			yaml_complain(where, "a pattern begins and ends with a word");
			return false;
		}
		like.nlinks = (uint8_t)nlinks;
		like.link = memcpy(ARENA_ARRAY(b->arena, nlinks, struct lex_link), link, nlinks * sizeof *link);
		g_array_append_val(b->patterns, like);
	}
	return true;
}

static bool
add_pattern(struct lex_builder *b, struct ynode where, uint32_t rule, enum pattern_role role)
{
	struct slice text = slice_trim(slice_of(ynode_text(where)));
	struct item items[LEX_MAX_ITEMS];
	size_t n = 0, at = 0;
	bool ok = text.n > 0;

	if (!ok)
		yaml_complain(where, "an empty pattern");
	while (ok && at < text.n) {
		if (text.p[at] == ' ') {
			at++;
			continue;
		}
		if (n == LEX_MAX_ITEMS) {
			yaml_complain(where, "more than %d parts", LEX_MAX_ITEMS);
			ok = false;
			break;
		}
		ok = read_item(b, where, text, &at, &items[n++]);
	}
	if (ok)
		ok = add_variants(b, where, items, n, (struct lex_pattern){ .rule = rule, .role = (uint8_t)role });
	items_free(items, n);
	return ok;
}

static size_t
add_patterns(struct lex_builder *b, struct ynode list, uint32_t rule, enum pattern_role role)
{
	size_t n = 0;

	if (ynode_kind(list) == Y_SCALAR)
		return add_pattern(b, list, rule, role) ? 1 : 0;
	if (ynode_kind(list) == Y_MAP)
		yaml_complain(list, "a list of patterns is expected");
	if (ynode_kind(list) == Y_LIST)
		for (size_t i = 0; i < ynode_count(list); i++)
			n += add_pattern(b, ynode_item(list, i), rule, role);
	return n;
}

/* Rules */

struct rule_keys {
	const char *id, *class, *category;
	struct ynode terms, ignore, with, without;
	int direction, urgency, negation, says, when;
	bool body_only;
	struct conf_list must_match, must_not_match;
};

static const struct conf_key rule_keys[] = {
	CONF_KEY(struct rule_keys, id, CONF_STR, .required = true, .help = "stable name, told in verdicts"),
	CONF_KEY(struct rule_keys, class, CONF_STR, .help = "class of the mention"),
	CONF_KEY(struct rule_keys, category, CONF_STR, .help = "kind of request"),
	CONF_KEY(struct rule_keys, terms, CONF_NODE, .required = true, .help = "patterns that make the mention"),
	CONF_KEY(struct rule_keys, ignore, CONF_NODE, .help = "patterns around a term that take it back"),
	CONF_KEY(struct rule_keys, with, CONF_NODE, .help = "one of these in the same sentence"),
	CONF_KEY(struct rule_keys, without, CONF_NODE, .help = "none of these in the same sentence"),
	CONF_KEY(struct rule_keys, direction, CONF_ENUM, .names = direction_names, .def = "both",
	    .help = "which way the message goes"),
	CONF_KEY(struct rule_keys, urgency, CONF_ENUM, .names = urgency_names, .def = "none",
	    .help = "of a current mention by a patient"),
	CONF_KEY(struct rule_keys, negation, CONF_ENUM, .names = negation_names, .def = "clause",
	    .help = "how far a negation reaches"),
	CONF_KEY(struct rule_keys, says, CONF_ENUM, .names = assertion_names,
	    .help = "assertion that the words themselves carry"),
	CONF_KEY(struct rule_keys, when, CONF_ENUM, .names = temporality_names, .help = "time that the words carry"),
	CONF_KEY(struct rule_keys, body_only, CONF_BOOL, .help = "does not count in a subject line"),
	CONF_KEY(struct rule_keys, must_match, CONF_LIST, .help = "examples, run by portico policy test"),
	CONF_KEY(struct rule_keys, must_not_match, CONF_LIST, .help = "examples that look alike"),
};

static void
read_rule(struct lex_builder *b, struct ynode node, int (*class_index)(void *, const char *), void *ctx)
{
	struct rule_keys k = { .says = -1, .when = -1 };
	struct lex_rule r = { .kind = RULE_CLASS, .cls = -1, .language = b->language };
	uint32_t id = b->rules->len;

	yaml_read_map(node, rule_keys, ARRAY_LEN(rule_keys), &k);
	if (ynode_kind(ynode_get(node, "says")) == Y_NONE)
		k.says = -1;
	if (ynode_kind(ynode_get(node, "when")) == Y_NONE)
		k.when = -1;
	if ((k.class == NULL) == (k.category == NULL)) {
		yaml_complain(node, "a rule has either a class or a category");
		return;
	}
	if (k.class != NULL && (r.cls = class_index(ctx, k.class)) < 0) {
		yaml_complain(ynode_get(node, "class"), "class \"%s\" is not in boundaries.yaml", k.class);
		return;
	}
	r.kind = k.class != NULL ? RULE_CLASS : RULE_CATEGORY;
	r.id = k.id != NULL ? k.id : "";
	r.class_name = k.class != NULL ? k.class : k.category;
	r.origin = b->file;
	r.direction = k.direction;
	r.urgency = k.urgency;
	r.negation = k.negation;
	r.says = k.says;
	r.when = k.when;
	r.heading = k.body_only;
	r.match = k.must_match;
	r.no_match = k.must_not_match;
	g_array_append_val(b->rules, r);
	if (add_patterns(b, k.terms, id, ROLE_TERM) == 0)
		yaml_complain(node, "a rule needs at least one term");
	add_patterns(b, k.ignore, id, ROLE_IGNORE);
	g_array_index(b->rules, struct lex_rule, id).needs_with = add_patterns(b, k.with, id, ROLE_WITH) > 0;
	g_array_index(b->rules, struct lex_rule, id).has_without = add_patterns(b, k.without, id, ROLE_WITHOUT) > 0;
}

static void
read_cue(struct lex_builder *b, struct ynode list, int cue, const char *name)
{
	struct lex_rule r = { .id = name,
		.class_name = name,
		.origin = b->file,
		.kind = RULE_CUE,
		.cue = cue,
		.cls = -1,
		.language = b->language,
		.says = -1,
		.when = -1 };
	uint32_t id = b->rules->len;

	g_array_append_val(b->rules, r);
	add_patterns(b, list, id, ROLE_TERM);
}

static void
read_cues(struct lex_builder *b, struct ynode cues)
{
	for (size_t i = 0; i < ynode_count(cues); i++) {
		const char *name = ynode_text(ynode_key(cues, i));
		int cue = 0;

		while (cue < CUE_COUNT && strcmp(cue_names[cue], name) != 0)
			cue++;
		if (cue == CUE_COUNT)
			yaml_complain(ynode_key(cues, i), "there is no cue \"%s\"", name);
		else
			read_cue(b, ynode_item(cues, i), cue, cue_names[cue]);
	}
}

static int
language_index(struct lex_builder *b, const char *name)
{
	for (guint i = 0; i < b->languages->len; i++)
		if (strcmp(b->languages->pdata[i], name) == 0)
			return (int)i;
	g_ptr_array_add(b->languages, arena_strdup(b->arena, name));
	return (int)b->languages->len - 1;
}

void
lex_read_language(struct lex_builder *b, const char *language, struct ynode words)
{
	b->language = language_index(b, language);
	b->words_map = (struct ynode){ 0 };
	b->file = language;
	read_cue(b, words, CUE_FUNCTION, cue_names[CUE_FUNCTION]);
}

/* Known words need no rule: they are only never taken for misspelt ones. */
static void
read_right(struct lex_builder *b, struct ynode list)
{
	for (size_t i = 0; i < ynode_count(list); i++) {
		struct words ws;

		words_split(slice_of(ynode_text(ynode_item(list, i))), b->scrap, &ws);
		if (ws.n == 1)
			g_ptr_array_add(b->right, arena_strdup(b->scrap, ws.text));
	}
}

struct file_keys {
	const char *language;
	struct ynode words, right_as_they_are, cues, categories, rules;
};
static const struct conf_key file_keys[] = {
	CONF_KEY(struct file_keys, language, CONF_STR, .required = true, .help = "en, es"),
	CONF_KEY(struct file_keys, words, CONF_NODE, .help = "lists to be used as {name}"),
	CONF_KEY(struct file_keys, right_as_they_are, CONF_NODE, .help = "words that look misspelt and are not"),
	CONF_KEY(struct file_keys, cues, CONF_NODE, .help = "what changes the meaning of a mention near it"),
	CONF_KEY(struct file_keys, categories, CONF_NODE, .help = "rules for kinds of requests"),
	CONF_KEY(struct file_keys, rules, CONF_NODE, .help = "rules for mentions"),
};

void
lex_read(struct lex_builder *b, struct ynode root, int (*class_index)(void *, const char *), void *ctx)
{
	struct file_keys k = { 0 };

	yaml_read_map(root, file_keys, ARRAY_LEN(file_keys), &k);
	if (k.language == NULL)
		return;
	b->language = language_index(b, k.language);
	b->words_map = k.words;
	b->file = g_ptr_array_index(b->languages, (guint)b->language);
	read_right(b, k.right_as_they_are);
	read_cues(b, k.cues);
	for (size_t i = 0; i < ynode_count(k.categories); i++)
		read_rule(b, ynode_item(k.categories, i), class_index, ctx);
	for (size_t i = 0; i < ynode_count(k.rules); i++)
		read_rule(b, ynode_item(k.rules, i), class_index, ctx);
}
