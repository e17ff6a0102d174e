#include "policies/engine.h"

#include "policies/decide.h"
#include "policies/judging.h"
#include "policies/triage.h"

#include <string.h>
#include <time.h>

#define MAX_ATTACHMENTS 1000
#define TEXT_MAX ((size_t)1 << 20) /* of a body or an attachment; a longer one is nobody's message */

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
	mentions_read(j, p, by_reply);
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
	mention_add(j, opaque, "attachment", 0);
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
		mentions_forget_thread(&j);
	mentions_weigh(&j);
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
