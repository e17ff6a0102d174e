#include "policies/engine.h"

#include "policies/decide.h"
#include "policies/leak.h"
#include "policies/triage.h"

#include <string.h>
#include <time.h>

#define MAX_ATTACHMENTS 1000
#define TEXT_MAX ((size_t)1 << 20) /* of a body or an attachment; a longer one is nobody's message */
#define PATTERN_WORDS 200	   /* more words than any pattern covers */
#define PASSAGE_TERMS 500	   /* mentions of a passage that are weighed one by one; beyond them only new kinds */

/* A mention while it is being weighed against the others. */
struct weighed {
	struct mention m;
	const char *rule;
	int urgency;
	bool heading, positive, by_reply; /* of a subject line; a test found it; the subject of the thread */
	struct span redact;
	uint32_t sentence, clause, clause_end; /* of its passage */
	const struct passage *passage;
};

struct judging {
	struct reader rd;
	const struct passage **passage;
	size_t npassages, passages_cap;
	struct weighed *w;
	size_t nw, cap;
	const char *not_screened;
	bool leaked;
};

static bool
is_class(const char *class_name, const char *family)
{
	return strncmp(class_name, family, strlen(family)) == 0;
}

static struct weighed *
add(struct judging *j, struct mention m, const char *rule, int urgency)
{
	if (j->nw == j->cap) {
		size_t cap = j->cap ? j->cap * 2 : 32;
		struct weighed *more = ARENA_ARRAY(j->rd.arena, cap, struct weighed);

		if (j->nw > 0)
			memcpy(more, j->w, j->nw * sizeof *more);
		j->w = more;
		j->cap = cap;
	}
	j->w[j->nw] = (struct weighed){ .m = m, .rule = rule, .urgency = urgency };
	return &j->w[j->nw++];
}

/* A condition on the problem list is no news: "malignancy" makes news.malignancy an update. */
static const char *
known_class(const struct reader *rd, const struct class_conf *c, bool *ret_known)
{
	struct words list, word;

	*ret_known = false;
	for (size_t i = 0; i < rd->f->patient.nknown_problems; i++) {
		words_split(slice_of(rd->f->patient.known_problems[i]), rd->arena, &list);
		for (size_t k = 0; k < c->known_words.n; k++) {
			AUTO_BUF pad = BUF_INIT, needle = BUF_INIT;

			words_split(slice_of(c->known_words.item[k]), rd->arena, &word);
			buf_printf(&pad, " %s ", list.text);
			buf_printf(&needle, " %s ", word.text);
			if (strstr(buf_str(&pad), buf_str(&needle)) != NULL) {
				*ret_known = true;
				return c->becomes != NULL ? c->becomes : c->name;
			}
		}
	}
	return c->name;
}

static bool
sentence_has(const struct passage *p, uint32_t sentence, enum cue cue)
{
	for (size_t i = 0; i < p->ncues; i++)
		if (found_rule(p, &p->cue[i])->cue == (int)cue && p->sentence_of[p->cue[i].begin] == sentence)
			return true;
	return false;
}

/* "No evidence of cancer on your mammogram" is a normal result, and "not high" and "not normal" change places. */
static void
add_result(struct judging *j, const struct passage *p, const struct found *f, struct weighed *w)
{
	static const char normal[] = "result.normal", abnormal[] = "result.abnormal";
	const char *c = w->m.class_name;
	struct mention m = w->m;
	struct weighed *normal_too;

	if (w->m.assertion != ASSERT_NEGATED || boundaries_class(j->rd.b, normal) == NULL ||
	    boundaries_class(j->rd.b, abnormal) == NULL)
		return;
	if (strcmp(c, abnormal) == 0 || strcmp(c, normal) == 0) {
		w->m.class_name = strcmp(c, abnormal) == 0 ? normal : abnormal;
		w->m.assertion = ASSERT_AFFIRMED;
		return;
	}
	if (p->direction != TO_PATIENT || !is_class(c, "news.") || m.experiencer != WHO_PATIENT ||
	    m.temporality != TIME_CURRENT || !sentence_has(p, p->sentence_of[f->begin], CUE_TEST))
		return;
	m.class_name = normal;
	m.assertion = ASSERT_AFFIRMED;
	normal_too = add(j, m, "negated_news", 0);
	normal_too->passage = p;
	normal_too->sentence = p->sentence_of[f->begin];
	normal_too->clause = p->clause_of[f->begin];
	normal_too->clause_end = p->clause_of[f->end - 1];
}

static void
add_term(struct judging *j, const struct passage *p, const struct found *f)
{
	const struct lex_rule *r = found_rule(p, f);
	const struct class_conf *c = &j->rd.b->classes[r->cls];
	struct meaning mean = context_of(&j->rd, p, f);
	struct weighed *w;
	bool known;

	w = add(j,
	    (struct mention){ .class_name = c->name,
		.assertion = mean.assertion,
		.temporality = mean.temporality,
		.experiencer = mean.experiencer,
		.begin = p->base + p->words.w[f->begin].from,
		.end = p->base + p->words.w[f->end - 1].to,
		.source = p->source },
	    r->id, r->urgency);
	w->heading = p->heading;
	w->passage = p;
	w->sentence = p->sentence_of[f->begin];
	w->clause = p->clause_of[f->begin];
	w->clause_end = p->clause_of[f->end - 1];
	w->positive = mean.positive;
	if (mean.experiencer == WHO_PATIENT) {
		w->m.class_name = known_class(&j->rd, c, &known);
		if (known && c->becomes == NULL && w->m.temporality == TIME_CURRENT)
			w->m.temporality = TIME_HISTORICAL; /* not news: both know it */
	}
	add_result(j, p, f, w);
}

static void
add_leaks(struct judging *j, const struct passage *p)
{
	struct leak *l;
	size_t n = leak_find(&j->rd, p, &l);

	for (size_t i = 0; i < n; i++) {
		const struct regex_conf *r = l[i].is_number ? &j->rd.b->regex[l[i].regex] : NULL;
		const char *name = r != NULL ? r->class_name : "leak.other_patient";
		struct span at = { p->base + p->words.w[l[i].begin].from, p->base + p->words.w[l[i].end - 1].to };
		struct weighed *w = add(j,
		    (struct mention){
			.class_name = boundaries_class(j->rd.b, name) != NULL ? name : "leak.other_patient",
			.begin = at.begin,
			.end = at.end,
			.source = p->source },
		    r != NULL ? r->id : "name", 0);

		w->redact = at;
		j->leaked = j->leaked || strcmp(name, "leak.other_patient") == 0;
	}
}

/* Of hits of one class that overlap the longest speaks. */
static bool
inside_another(const struct passage *p, size_t i)
{
	const struct found *f = &p->found[i];
	const struct lex_rule *r = found_rule(p, f);

	size_t k = i;

	while (k > 0 && p->found[k - 1].begin + PATTERN_WORDS > f->begin)
		k--;
	for (; k < p->nfound; k++) {
		const struct found *o = &p->found[k];
		const struct lex_rule *q = found_rule(p, o);

		if (o->begin >= f->end)
			break;
		if (k == i || q->kind != RULE_CLASS || q->cls != r->cls)
			continue;
		/* a pattern that reached over a negation knows less than one inside it that did not */
		if (f->denied_inside && !o->denied_inside && o->begin >= f->begin && o->end <= f->end)
			return true;
		if (o->begin > f->begin || o->end < f->end || (o->denied_inside && !f->denied_inside))
			continue;
		if (o->begin == f->begin && o->end == f->end) {
			if (k < i && q->negation == r->negation && q->says == r->says)
				return true;
			/* the rule that knows more about its words: one that carries its own assertion */
			if (q->says >= 0 && r->says < 0)
				return true;
			continue;
		}
		return true;
	}
	return false;
}

/* Does the newest mention say what an earlier one from first on said? */
static bool
seen_before(const struct judging *j, size_t first)
{
	const struct weighed *w = &j->w[j->nw - 1];

	for (size_t i = first; i + 1 < j->nw; i++) {
		const struct weighed *o = &j->w[i];

		if (strcmp(o->m.class_name, w->m.class_name) == 0 && o->m.assertion == w->m.assertion &&
		    o->m.temporality == w->m.temporality && o->m.experiencer == w->m.experiencer &&
		    o->urgency >= w->urgency && o->positive == w->positive)
			return true;
	}
	return false;
}

static void
read_terms(struct judging *j, const struct passage *p, bool by_reply)
{
	size_t first = j->nw;

	for (size_t i = 0; i < p->nfound; i++) {
		size_t before = j->nw;

		if (found_rule(p, &p->found[i])->kind != RULE_CLASS || inside_another(p, i))
			continue;
		add_term(j, p, &p->found[i]);
		if (j->nw - first > PASSAGE_TERMS && seen_before(j, first))
			j->nw--;
		for (size_t k = before; k < j->nw; k++)
			j->w[k].by_reply = by_reply;
	}
	add_leaks(j, p);
}

/* How much of a text makes the next piece: up to the last end of a line, or else of a word. */
static size_t
piece(const char *text, size_t n)
{
	size_t cut = PASSAGE_MAX;

	if (n <= PASSAGE_MAX)
		return n;
	while (cut > PASSAGE_MAX / 2 && text[cut - 1] != '\n')
		cut--;
	if (cut > PASSAGE_MAX / 2)
		return cut;
	for (cut = PASSAGE_MAX; cut > PASSAGE_MAX / 2 && text[cut - 1] != ' '; cut--)
		;
	return cut > PASSAGE_MAX / 2 ? cut : PASSAGE_MAX;
}

static enum status
read_piece(struct judging *j, int16_t source, const char *text, uint32_t at, size_t n, bool by_reply, struct err *err)
{
	struct passage *p = ARENA_NEW(j->rd.arena, struct passage);

	TRY(passage_read(&j->rd, source, (struct slice){ text + at, n }, p, err));
	p->base = at;
	if (j->npassages == j->passages_cap) {
		size_t cap = j->passages_cap ? j->passages_cap * 2 : 8;
		const struct passage **more = ARENA_ARRAY(j->rd.arena, cap, const struct passage *);

		if (j->npassages > 0)
			memcpy(more, j->passage, j->npassages * sizeof *more);
		j->passage = more;
		j->passages_cap = cap;
	}
	j->passage[j->npassages++] = p;
	read_terms(j, p, by_reply);
	return ST_OK;
}

/* *ret_foreign: a piece of it is in a language that no lexicon reads. */
static enum status
read_text(struct judging *j, int16_t source, const char *text, bool by_reply, bool *ret_foreign, struct err *err)
{
	size_t len = strlen(text);
	uint32_t at = 0;
	bool foreign = false;

	do {
		size_t n = piece(text + at, len - at);

		TRY(read_piece(j, source, text, at, n, by_reply, err));
		foreign = foreign || j->passage[j->npassages - 1]->foreign;
		at += (uint32_t)n;
	} while (at < len);
	*ret_foreign = foreign;
	return ST_OK;
}

static bool
is_type(const struct conf_list *l, const char *type)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t n = strlen(l->item[i]);

		if (strncmp(l->item[i], type, n) == 0 &&
		    (type[n] == '\0' || type[n] == ';' || l->item[i][n - 1] == '/'))
			return true;
	}
	return false;
}

static enum status
read_attachment(struct judging *j, size_t i, struct err *err)
{
	const struct attachment_facts *a = &j->rd.f->attachments[i];
	const struct attach_conf *conf = &j->rd.b->attach;
	struct mention opaque = { .class_name = "attach.opaque", .source = (int16_t)(i + 1) };
	const char *type = a->type != NULL ? a->type : "";
	bool foreign = false;

	if (is_type(&conf->harmless, type))
		return ST_OK;
	if (a->text != NULL && strlen(a->text) <= TEXT_MAX && a->text[strspn(a->text, " \t\r\n\f\v")] != '\0') {
		TRY(read_text(j, (int16_t)(i + 1), a->text, false, &foreign, err));
		if (!foreign &&
		    (conf->max_bytes == 0 || a->size <= (size_t)conf->max_bytes || j->rd.f->direction == TO_CLINICIAN))
			return ST_OK;
	}
	add(j, opaque, "attachment", 0);
	if (j->not_screened == NULL)
		j->not_screened = "attachment.unreadable";
	return ST_OK;
}

/* The body decides; one too short to tell is believed to be in the language that came with it. */
static bool
is_foreign(const struct judging *j, const struct passage *body, bool any)
{
	const struct lexicon *lx = &j->rd.b->lexicon;
	const char *hint = j->rd.f->language;

	if (body->words.n == 0)
		return false;
	if (body->language_told)
		return any;
	if (hint == NULL || hint[0] == '\0')
		return false;
	for (size_t i = 0; i < lx->nlanguages; i++)
		if (strncmp(lx->language[i], hint, strlen(lx->language[i])) == 0)
			return false;
	return true;
}

static enum status
read_message(struct judging *j, struct err *err)
{
	const struct message_facts *f = j->rd.f;
	const char *subject = f->subject != NULL ? f->subject : "";
	const char *body = quote_blank(f->body != NULL ? f->body : "", j->rd.arena);
	bool reply = quote_is_reply_subject(subject), foreign = false;
	size_t n = f->nattachments < MAX_ATTACHMENTS ? f->nattachments : MAX_ATTACHMENTS;

	if (strlen(body) > TEXT_MAX) { /* its beginning is read all the same */
		body = arena_strndup(j->rd.arena, body, TEXT_MAX);
		j->not_screened = "text.too_long";
	}
	TRY(read_text(j, 0, body, false, &foreign, err));
	if (is_foreign(j, j->passage[0], foreign))
		j->not_screened = "language.unknown";
	if (!(reply && f->direction == TO_PATIENT)) /* the patient's own words come back to the patient */
		TRY(read_text(j, -1, subject, reply, &foreign, err));
	for (size_t i = 0; i < n; i++)
		TRY(read_attachment(j, i, err));
	if (n < f->nattachments)
		j->not_screened = "text.too_many_attachments";
	return ST_OK;
}

/* Weighing */

static bool
same_class(const struct weighed *a, const struct weighed *b)
{
	return strcmp(a->m.class_name, b->m.class_name) == 0;
}

static void
remove_at(struct judging *j, size_t i)
{
	memmove(&j->w[i], &j->w[i + 1], (j->nw - i - 1) * sizeof *j->w);
	j->nw--;
}

/* What a topic's several mentions say together: a test that found it, a doubt, a test that did not, or the bare word.
 * Where there is no test, a statement outweighs a denial. */
static int
topic_weight(const struct weighed *w)
{
	bool tested = is_class(w->m.class_name, "topic.hiv") || is_class(w->m.class_name, "topic.hepatitis") ||
		      is_class(w->m.class_name, "topic.sti") || is_class(w->m.class_name, "topic.genetic");

	if (w->m.assertion == ASSERT_AFFIRMED && w->positive)
		return 4;
	if (w->m.assertion == ASSERT_POSSIBLE)
		return 3;
	if (w->m.assertion == ASSERT_NEGATED)
		return tested ? 2 : 0;
	return 1;
}

static bool
outweighed(const struct judging *j, size_t i)
{
	const struct weighed *w = &j->w[i];

	for (size_t k = 0; k < j->nw; k++) {
		const struct weighed *o = &j->w[k];
		bool same_time = o->m.temporality == w->m.temporality;

		if (k == i || !same_class(o, w))
			continue;
		if (is_class(w->m.class_name, "leak.") && (w->m.source == 0) != (o->m.source == 0))
			continue; /* the body can be masked, the rest cannot */
		if (w->heading && !o->heading)
			return true; /* a heading names what the text then says */
		if (o->heading != w->heading || o->m.experiencer != w->m.experiencer)
			continue;
		if (is_class(w->m.class_name, "topic.")) {
			if (topic_weight(o) > topic_weight(w) ||
			    (topic_weight(o) == topic_weight(w) &&
				(o->m.temporality < w->m.temporality || (same_time && k < i))))
				return true;
			continue;
		}
		if (!same_time)
			continue;
		if (o->m.assertion == w->m.assertion && (k < i ? o->urgency >= w->urgency : o->urgency > w->urgency))
			return true;
		if (o->m.assertion == ASSERT_AFFIRMED && w->m.assertion == ASSERT_POSSIBLE)
			return true;
	}
	return false;
}

static bool
in_same_sentence(const struct weighed *a, const struct weighed *b)
{
	return a->passage != NULL && a->passage == b->passage && a->sentence == b->sentence;
}

static bool
in_same_clause(const struct weighed *a, const struct weighed *b)
{
	return in_same_sentence(a, b) && a->clause <= b->clause_end && b->clause <= a->clause_end;
}

/* "Your HIV test was negative" is about HIV and no other normal result; "the margins were positive" is no more abnormal
 * than the cancer it speaks of. What is written to another patient is no result of this one. */
static bool
spoken_for(const struct judging *j, size_t i)
{
	const struct weighed *w = &j->w[i];
	bool normal = strcmp(w->m.class_name, "result.normal") == 0;

	for (size_t k = 0; k < j->nw && strcmp(w->m.class_name, "topic.repro") == 0; k++)
		if (strcmp(j->w[k].m.class_name, "news.pregnancy_loss") == 0 &&
		    (w->heading || in_same_sentence(w, &j->w[k])))
			return true;
	if (!normal && strcmp(w->m.class_name, "result.abnormal") != 0)
		return false;
	if (normal && j->leaked)
		return true;
	for (size_t k = 0; k < j->nw; k++) {
		const struct weighed *o = &j->w[k];
		bool news = is_class(o->m.class_name, "news.") || is_class(o->m.class_name, "update.");
		bool topic = is_class(o->m.class_name, "topic.");

		if (k == i || !(news ? in_same_sentence(w, o) : topic && in_same_clause(w, o)))
			continue;
		if (topic && strcmp(o->m.class_name, "topic.mental_health") != 0)
			return true;
		if (news && (!normal || o->m.assertion != ASSERT_NEGATED))
			return true;
	}
	return false;
}

/* "Re: chest pain" over "Thank you!" is no news of chest pain. */
static void
forget_thread(struct judging *j)
{
	for (size_t i = 0; i < j->nw;)
		if (j->w[i].by_reply)
			remove_at(j, i);
		else
			i++;
}

static void
weigh(struct judging *j)
{
	for (size_t i = 0; i < j->nw;)
		if (spoken_for(j, i))
			remove_at(j, i);
		else
			i++;
	for (size_t i = 0; i < j->nw;)
		if (outweighed(j, i))
			remove_at(j, i);
		else
			i++;
}

/* Verdict */

static enum urgency
urgency_of(const struct weighed *w)
{
	if (w->m.assertion == ASSERT_NEGATED)
		return URGENCY_NONE;
	if (w->m.temporality == TIME_RECENT || w->by_reply)
		return w->urgency > URGENCY_URGENT ? URGENCY_URGENT : (enum urgency)w->urgency;
	return w->m.temporality == TIME_CURRENT ? (enum urgency)w->urgency : URGENCY_NONE;
}

static struct findings
gather(const struct judging *j)
{
	struct findings f = { .reply_subject =
				  quote_is_reply_subject(j->rd.f->subject != NULL ? j->rd.f->subject : "") };

	for (size_t i = 0; i < j->nw; i++) {
		const struct weighed *w = &j->w[i];
		const char *c = w->m.class_name;
		bool ours = w->m.experiencer == WHO_PATIENT, now = w->m.temporality <= TIME_RECENT;

		if (is_class(c, "flag.critical_med_out"))
			f.supply_out = true;
		else if (is_class(c, "flag."))
			f.flag_seen = f.flag_advice = true;
		if (is_class(c, "flag.") && urgency_of(w) > f.flag)
			f.flag = urgency_of(w);
		if (is_class(c, "topic."))
			f.topic = true;
		/* that a test found it or did not is a result; the word alone is not */
		if ((is_class(c, "topic.hiv") || is_class(c, "topic.hepatitis") || is_class(c, "topic.sti") ||
			is_class(c, "topic.genetic")) &&
		    ours && (w->m.assertion == ASSERT_NEGATED || w->positive || is_class(c, "topic.genetic")))
			f.result = true;
		if (is_class(c, "news.") || is_class(c, "update.")) {
			f.news = f.news || (ours && now);
			f.other_news = f.other_news || !ours || !now;
		}
		f.result = f.result || is_class(c, "result.");
		f.med_change = f.med_change || is_class(c, "med.");
	}
	return f;
}

static void
raise(struct verdict *v, const struct ruling *r, const struct weighed *w)
{
	if (r->act <= v->act)
		return;
	v->act = r->act;
	v->rule = r->rule;
	v->class_name = w->m.class_name;
	v->whose = r->whose;
	v->agreement = r->agreement;
	v->delay_until = r->until;
}

static void
decide(struct judging *j, struct verdict *v)
{
	bool redirect = false;

	for (size_t i = 0; i < j->nw; i++) {
		const struct weighed *w = &j->w[i];
		struct ruling r = decide_mention(&j->rd, &w->m, w->rule);

		if (r.act == ACT_REDACT && w->m.source != 0)
			r.act = ACT_HOLD_CONFIRM; /* only the body can be masked */
		redirect = redirect || r.redirect;
		raise(v, &r, w);
	}
	if (j->not_screened != NULL && strncmp(j->not_screened, "attachment", 10) != 0 &&
	    j->rd.b->unknown_language > (int)v->act) {
		v->act = (enum decision)j->rd.b->unknown_language;
		v->rule = "not_screened.text";
		v->class_name = "";
		v->whose = CHOICE_SAFETY;
		v->agreement = "";
	}
	if (redirect && v->act >= ACT_REDIRECT && v->act <= ACT_HOLD_CONFIRM) {
		v->redirect_to = j->rd.b->minor_redirect;
		v->redirect_on_release = v->act > ACT_REDIRECT;
	}
}

/* Every identifier of the body, whatever decided: on release of a held message they are masked too. */
static void
list_redactions(struct judging *j, struct verdict *v)
{
	struct span *s = ARENA_ARRAY(j->rd.arena, j->nw + 1, struct span);

	for (size_t i = 0; i < j->nw; i++)
		if (strcmp(j->w[i].m.class_name, "leak.identifier") == 0 && j->w[i].m.source == 0)
			s[v->nredactions++] = j->w[i].redact;
	v->redactions = s;
}

static void
list_mentions(struct judging *j, struct verdict *v)
{
	struct mention *m = ARENA_ARRAY(j->rd.arena, j->nw + 1, struct mention);

	for (size_t i = 0; i < j->nw; i++) {
		bool again = false;

		for (size_t k = 0; k < v->nmentions; k++)
			again = again || (strcmp(m[k].class_name, j->w[i].m.class_name) == 0 &&
					     m[k].assertion == j->w[i].m.assertion &&
					     m[k].temporality == j->w[i].m.temporality &&
					     m[k].experiencer == j->w[i].m.experiencer);
		if (!again)
			m[v->nmentions++] = j->w[i].m;
	}
	v->mentions = m;
}

static void
triage(struct judging *j, struct verdict *v)
{
	struct findings f = gather(j);
	const char **category;
	struct triage t;

	triage_message(&j->rd, j->passage, j->npassages, &f, &t);
	if (j->not_screened != NULL && j->rd.f->direction == TO_CLINICIAN && t.urgency < URGENCY_URGENT) {
		t.urgency = URGENCY_URGENT;
		triage_route(j->rd.b, &t);
	}
	category = ARENA_ARRAY(j->rd.arena, t.n + 1, const char *);
	memcpy(category, t.category, t.n * sizeof *category);
	v->categories = category;
	v->ncategories = t.n;
	v->urgency = t.urgency;
	v->route = t.route;
	v->auto_reply = t.auto_reply;
}

static int
year_of(int64_t now)
{
	time_t t = (time_t)now;
	struct tm tm;

	return now > 0 && gmtime_r(&t, &tm) != NULL ? tm.tm_year + 1900 : 0;
}

enum status
policy_judge(
    const struct boundaries *b, const struct message_facts *f, struct arena *a, struct verdict *ret, struct err *err)
{
	struct judging j = { .rd = { .b = b, .f = f, .arena = a } };
	struct verdict v = { .act = ACT_DELIVER, .rule = "", .class_name = "", .agreement = "" };
	enum status st;

	j.rd.patient_is_child = f->patient.age >= 0 && f->patient.age < 18;
	j.rd.year = year_of(f->now);
	TRY(boundaries_scratch(b, &j.rd.scratch, err));
	st = read_message(&j, err);
	hs_free_scratch(j.rd.scratch);
	if (st != ST_OK)
		return st;
	list_redactions(&j, &v);
	if (f->direction == TO_CLINICIAN && j.npassages > 0 && triage_is_thanks(&j.rd, j.passage[0]))
		forget_thread(&j);
	weigh(&j);
	if (f->direction == TO_PATIENT)
		decide(&j, &v);
	list_mentions(&j, &v);
	triage(&j, &v);
	v.not_screened = j.not_screened != NULL;
	v.not_screened_why = j.not_screened != NULL ? j.not_screened : "";
	v.policy_version = b->version;
	v.policy_hash = b->hash;
	*ret = v;
	return ST_OK;
}

const char *
policy_invitation(const char *language)
{
	if (language != NULL && strncmp(language, "es", 2) == 0)
		return "Sus resultados ya están listos y me gustaría hablar con usted en persona. Por favor llame al "
		       "consultorio "
		       "o pida una cita para esta semana.";
	return "Your results are back and I would like to go over them with you in person. Please call the office or "
	       "book a "
	       "visit this week.";
}

const char *
policy_class_words(const struct boundaries *b, const char *class_name, const char *language)
{
	const struct class_conf *c = boundaries_class(b, class_name);
	bool es = language != NULL && strncmp(language, "es", 2) == 0;

	if (c == NULL || c->words[0] == NULL)
		return class_name;
	return es && c->words[1] != NULL ? c->words[1] : c->words[0];
}
