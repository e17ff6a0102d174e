/* courier_block -- the short block above a patient's words: who, what about, how soon, what was agreed. */
#include "base/own.h"
#include "conf/boundaries.h"
#include "flow/courier_in.h"
#include "policies/agreement.h"
#include "policies/engine.h"
#include "policies/promise.h"

#include <string.h>

static const struct {
	const char *code, *en, *es;
} category_words[] = {
	{ "medical_advice", "medical advice", "consulta médica" },
	{ "appointment", "appointment", "cita" },
	{ "rx_renewal", "prescription renewal", "renovación de receta" },
	{ "test_result_question", "question about a result", "pregunta sobre un resultado" },
	{ "form", "form or letter", "formulario o carta" },
	{ "billing", "billing", "facturación" },
	{ "technical", "technical trouble", "problema técnico" },
	{ "complaint", "complaint", "queja" },
	{ "social", "thanks or greeting", "agradecimiento o saludo" },
};

static void
put_categories(struct buf *b, const struct job *job, bool es)
{
	size_t n = 0;
	const char **code = split_commas(job->m->categories, job->a, &n);

	for (size_t i = 0; i < n; i++) {
		const char *words = code[i];

		for (size_t k = 0; k < ARRAY_LEN(category_words); k++)
			if (strcmp(category_words[k].code, code[i]) == 0)
				words = es ? category_words[k].es : category_words[k].en;
		buf_printf(b, "%s%s", i > 0 ? ", " : "", words);
	}
}

static void
put_patient(struct buf *b, const struct job *job, bool es)
{
	const struct patient *p = job->patient;

	if (!job->v->conf->site.show_patient_name) {
		buf_printf(b, "%s%s\n", es ? "Paciente:   " : "Patient:    ", p->ref);
		return;
	}
	buf_printf(b, "%s%s %s", es ? "Paciente:   " : "Patient:    ", p->given, p->family);
	if (p->birth_date[0] != '\0')
		buf_printf(b, ", %s %s", es ? "nac." : "born", p->birth_date);
	buf_printf(b, ", %s %s\n", es ? "expediente" : "record", p->mrn);
}

/* Who reads it for somebody else, as the cover, on call or in a pool, sees for whom. */
static void
put_addressee(struct buf *b, const struct job *job, const struct clinician_conf *to, bool es)
{
	const char *to_whom = job->thread != NULL ? job->thread->addressee : "";

	if (*to_whom == '\0' || (to != NULL && strcmp(to_whom, arena_printf(job->a, "clinician:%s", to->id)) == 0))
		return;
	buf_printf(b, "%s%s\n", es ? "Escrito a:  " : "Written to: ", addressee_name(job->v->conf, to_whom));
}

static void
put_urgency(struct buf *b, const struct job *job, bool es)
{
	static const struct {
		const char *code, *en, *es;
	} words[] = { { "emergency", "EMERGENCY", "EMERGENCIA" }, { "urgent", "URGENT", "URGENTE" },
		{ "routine", "routine", "rutina" }, { "none", "none", "ninguna" } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].code, job->m->urgency) == 0)
			buf_puts(b, es ? words[i].es : words[i].en);
	if (job->m->not_screened)
		buf_puts(b, es ? " (no se pudo leer todo: por favor mire usted)"
			       : " (not everything could be screened: please look yourself)");
}

static void
put_promise(struct buf *b, const struct job *job, const char *lang, bool es)
{
	const struct promise_row *soonest = NULL;

	for (size_t i = 0; i < job->npromises; i++)
		if (soonest == NULL || job->promises[i].due_ms < soonest->due_ms)
			soonest = &job->promises[i];
	if (soonest == NULL)
		return;
	buf_printf(b, "%s%s\n", es ? "Prometido:  " : "Promised:   ",
	    promise_words(job->a, job->v->conf->response, soonest->due_ms / 1000, job->v->conf->site.zone, lang));
}

static void
put_agreements(struct buf *b, const struct job *job, const char *lang, bool es)
{
	const struct boundaries *rules = job->v->conf->boundaries;
	int64_t now = clock_now(&job->c->w->clock);
	bool any = false;

	for (size_t i = 0; i < job->nagreements; i++) {
		const struct agreement *g = &job->agreements[i];

		if (agreement_state(rules, g, now) != AGREEMENT_IN_FORCE)
			continue;
		buf_printf(b, "%s%s: %s\n",
		    any	 ? "            "
		    : es ? "Acuerdos:   "
			 : "Agreements: ",
		    policy_class_words(rules, g->class_name, lang), agreement_value_name(g->value));
		any = true;
	}
}

const char *
courier_block(const struct job *job)
{
	const struct clinician_conf *to = job_clinician(job);
	const char *lang = to != NULL && to->language != NULL ? to->language : job->v->conf->site.language;
	bool es = strncmp(lang, "es", 2) == 0;
	AUTO_BUF b = BUF_INIT;

	if (job->patient == NULL)
		return NULL;
	put_patient(&b, job, es);
	put_addressee(&b, job, to, es);
	buf_puts(&b, es ? "Asunto:     " : "About:      ");
	put_categories(&b, job, es);
	buf_puts(&b, es ? "\nUrgencia:   " : "\nUrgency:    ");
	put_urgency(&b, job, es);
	buf_putc(&b, '\n');
	put_promise(&b, job, lang, es);
	put_agreements(&b, job, lang, es);
	return arena_strdup(job->a, buf_str(&b));
}
