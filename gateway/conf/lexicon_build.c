#include "conf/lexicon_in.h"

#include "base/own.h"

#include <stdlib.h>
#include <string.h>

#define LEX_MAX_LITERALS 200000

static void
index_literals(struct lex_builder *b, struct lexicon *lx)
{
	struct lex_range *of = ARENA_ARRAY(b->arena, b->literals->len, struct lex_range);
	uint32_t total = 0, *elems;

	for (guint e = 0; e < b->elements->len; e++) {
		const GArray *ids = b->elements->pdata[e];

		total += ids->len;
		for (guint i = 0; i < ids->len; i++)
			of[g_array_index(ids, uint32_t, i)].n++;
	}
	elems = ARENA_ARRAY(b->arena, total, uint32_t);
	for (guint i = 0, first = 0; i < b->literals->len; i++) {
		of[i].first = first;
		first += of[i].n;
		of[i].n = 0;
	}
	for (guint e = 0; e < b->elements->len; e++) {
		const GArray *ids = b->elements->pdata[e];

		for (guint i = 0; i < ids->len; i++) {
			struct lex_range *r = &of[g_array_index(ids, uint32_t, i)];

			elems[r->first + r->n++] = e;
		}
	}
	lx->literal_elems = of;
	lx->elems = elems;
}

static void
index_patterns(struct lex_builder *b, struct lexicon *lx)
{
	struct lex_range *of = ARENA_ARRAY(b->arena, b->elements->len, struct lex_range);
	uint32_t *starts = ARENA_ARRAY(b->arena, b->patterns->len, uint32_t);

	for (size_t i = 0; i < lx->npatterns; i++)
		of[lx->pattern[i].link[0].element].n++;
	for (guint i = 0, first = 0; i < b->elements->len; i++) {
		of[i].first = first;
		first += of[i].n;
		of[i].n = 0;
	}
	for (size_t i = 0; i < lx->npatterns; i++) {
		struct lex_range *r = &of[lx->pattern[i].link[0].element];

		starts[r->first + r->n++] = (uint32_t)i;
	}
	lx->element_starts = of;
	lx->starts = starts;
}

/* Every word of every term is right; those that make flags, news and topics may be meant by a misspelt one. */
static struct spelling *
collect_spellings(struct lex_builder *b, const struct lexicon *lx)
{
	struct spelling *s = spelling_new();
	bool *watch = xcalloc(lx->nelements, sizeof *watch);

	for (size_t i = 0; i < lx->npatterns; i++) {
		const struct lex_rule *r = &lx->rule[lx->pattern[i].rule];
		const char *c = r->class_name;

		if (r->kind == RULE_CLASS && lx->pattern[i].role == ROLE_TERM &&
		    (g_str_has_prefix(c, "flag.") || g_str_has_prefix(c, "news.") || g_str_has_prefix(c, "topic.")))
			for (size_t k = 0; k < lx->pattern[i].nlinks; k++)
				watch[lx->pattern[i].link[k].element] = true;
	}
	for (size_t e = 0; e < lx->nelements; e++) {
		const GArray *ids = b->elements->pdata[e];

		for (guint i = 0; i < ids->len; i++) {
			struct words ws;

			words_split(slice_of(lx->literal[g_array_index(ids, uint32_t, i)]), b->scrap, &ws);
			for (size_t k = 0; k < ws.n; k++) {
				AUTO_STR word = slice_dup(word_text(&ws, k));

				spelling_known(s, word);
				if (watch[e])
					spelling_watch(s, word);
			}
		}
	}
	for (guint i = 0; i < b->right->len; i++)
		spelling_known(s, b->right->pdata[i]);
	free(watch);
	return s;
}

static bool
compile(struct lex_builder *b, struct ynode where, const struct lexicon *lx, hs_database_t **ret)
{
	size_t n = lx->nliterals;
	unsigned *flags = xcalloc(n, sizeof *flags), *ids = xcalloc(n, sizeof *ids);
	size_t *lens = xcalloc(n, sizeof *lens);
	hs_compile_error_t *why = NULL;
	hs_error_t rc;

	for (size_t i = 0; i < n; i++) {
		ids[i] = (unsigned)i;
		lens[i] = lx->literal_len[i];
	}
	rc = hs_compile_lit_multi(
	    (const char *const *)b->literals->pdata, flags, ids, lens, (unsigned)n, HS_MODE_BLOCK, NULL, ret, &why);
	if (rc != HS_SUCCESS)
		yaml_complain(where, "the terms do not compile: %s", why != NULL ? why->message : "no reason given");
	hs_free_compile_error(why);
	free(flags);
	free(ids);
	free(lens);
	return rc == HS_SUCCESS;
}

static void *
keep(struct arena *a, const void *p, size_t n, size_t size)
{
	void *own = arena_alloc(a, n * size);

	return n > 0 ? memcpy(own, p, n * size) : own;
}

bool
lex_finish(struct lex_builder *b, struct ynode where, struct lexicon *ret, hs_database_t **ret_db)
{
	struct lexicon lx = { .nrules = b->rules->len,
		.npatterns = b->patterns->len,
		.nliterals = b->literals->len,
		.nelements = b->elements->len,
		.nlanguages_known = b->languages->len };
	bool *open = ARENA_ARRAY(b->arena, lx.nliterals, bool);
	uint32_t *len = ARENA_ARRAY(b->arena, lx.nliterals, uint32_t);

	if (lx.nliterals == 0 || lx.nliterals > LEX_MAX_LITERALS) {
		yaml_complain(where, "%zu terms; between 1 and %d can be compiled", lx.nliterals, LEX_MAX_LITERALS);
		return false;
	}
	for (size_t i = 0; i < lx.nliterals; i++) {
		const char *s = b->literals->pdata[i];

		len[i] = (uint32_t)strlen(s);
		open[i] = s[len[i] - 1] == '*';
		len[i] -= open[i];
	}
	lx.literal_len = len;
	lx.literal_open = open;
	lx.literal = keep(b->arena, b->literals->pdata, lx.nliterals, sizeof(char *));
	lx.language = keep(b->arena, b->languages->pdata, lx.nlanguages_known, sizeof(char *));
	lx.rule = keep(b->arena, b->rules->data, lx.nrules, sizeof(struct lex_rule));
	lx.pattern = keep(b->arena, b->patterns->data, lx.npatterns, sizeof(struct lex_pattern));
	index_literals(b, &lx);
	index_patterns(b, &lx);
	if (!compile(b, where, &lx, ret_db))
		return false;
	lx.spelling = collect_spellings(b, &lx);
	*ret = lx;
	return true;
}
