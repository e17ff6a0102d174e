#include "policies/read.h"

#define MAX_LANGUAGES 32

/* A text is told by its function words: in any language every second or third word is one. */
unsigned
language_of(const struct passage *p, bool *ret_known)
{
	const struct lexicon *lx = &p->b->lexicon;
	size_t count[MAX_LANGUAGES] = { 0 }, words = 0, best = 0;
	uint32_t last[MAX_LANGUAGES];
	unsigned bits = 0;

	*ret_known = false;
	if (p->words.letters >= 8 && p->words.foreign * 3 > p->words.letters) {
		*ret_known = true; /* another script */
		return 0;
	}
	for (size_t i = 0; i < MAX_LANGUAGES; i++)
		last[i] = UINT32_MAX;
	for (size_t i = 0; i < p->words.n; i++)
		words += p->words.w[i].kind == WORD_TEXT;
	for (size_t i = 0; i < p->nfound; i++) {
		int l = found_rule(p, &p->found[i])->language;

		if (l < MAX_LANGUAGES && last[l] != p->found[i].begin) {
			count[l]++;
			last[l] = p->found[i].begin;
		}
	}
	for (size_t i = 0; i < lx->nlanguages_known && i < MAX_LANGUAGES; i++)
		if (count[i] > best)
			best = count[i];
	if (words < 4)
		return 0;
	for (size_t i = 0; i < lx->nlanguages; i++)
		if (count[i] > 0 && count[i] * 3 >= best)
			bits |= 1u << i;
	/* one of ours must be the likeliest, or nearly so: languages share words */
	for (size_t i = 0; i < lx->nlanguages; i++)
		if (count[i] == best && best > 0) {
			*ret_known = true;
			return bits;
		}
	if (best >= 2) {
		*ret_known = true;
		return 0;
	}
	*ret_known = words >= 8; /* eight words and none of them ours */
	return bits;
}

void
language_of_sentences(struct passage *p)
{
	size_t n = p->b->lexicon.nlanguages;

	for (size_t s = 0, at = 0; s < p->nsentences; s++) {
		size_t count[MAX_LANGUAGES] = { 0 }, best = 0;

		while (at < p->nfound && p->sentence_of[p->found[at].begin] < s)
			at++;
		for (size_t i = at; i < p->nfound && p->sentence_of[p->found[i].begin] == s; i++)
			if ((size_t)found_rule(p, &p->found[i])->language < n)
				count[found_rule(p, &p->found[i])->language]++;
		for (size_t l = 0; l < n; l++)
			best = count[l] > best ? count[l] : best;
		p->sentence[s].languages = 0;
		for (size_t l = 0; l < n; l++)
			if (count[l] * 2 > best || best < 2)
				p->sentence[s].languages |= 1u << l;
		p->sentence[s].languages &= p->languages;
		if (p->sentence[s].languages == 0)
			p->sentence[s].languages = p->languages;
	}
}
