#include "policies/autoreply.h"

#include "conf/templates.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_GRADE 8.0

/* Words that would tell somebody who looks over the patient's shoulder what the message is about. A star stands for any
 * ending. */
static const char *const clinical_words[] = { "abort*", "addict*", "aids", "alcohol*", "alzheimer*", "anemia", "biops*",
	"cancer*", "cáncer*", "carcinoma*", "chemo*", "clamidia", "chlamydia", "dementia", "demencia", "depress*",
	"depresi*", "diabet*", "diagnos*", "diagnós*", "disease*", "embaraz*", "enfermedad*", "gonorr*", "hepatitis",
	"hiv", "infection*", "infecci*", "leucemia", "leukemia", "linfoma", "lymphoma", "malign*", "medication*",
	"medicamento*", "melanoma", "metasta*", "metásta*", "miscarr*", "mutation*", "mutaci*", "oncolog*", "overdose*",
	"patholog*", "patolog*", "positive", "positivo", "pregnan*", "prescription*", "psych*", "psiqui*", "quimio*",
	"receta*", "refill*", "relapse*", "result", "results", "resultado*", "seizure*", "sida", "sífilis",
	"sobredosis", "std", "sti", "suicid*", "syphilis", "symptom*", "síntoma*", "terminal", "tumor*", "tumour*",
	"vih" };

struct check {
	const char *name, *text;
	struct buf *out;
	size_t n;
};

static void find(struct check *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
find(struct check *c, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_printf(c->out, "%s: %s\n", c->name, text);
	c->n++;
}

static bool
has_value(const struct check *c, const char *name)
{
	AUTO_STR braced = xasprintf("{%s}", name);

	return strstr(c->text, braced) != NULL;
}

static void
need(struct check *c, const char *value, const char *why)
{
	if (!has_value(c, value))
		find(c, "{%s} is missing, expected %s", value, why);
}

/* A line goes when one of its values is missing: nothing may take the emergency lines along. */
static void
check_alone(struct check *c, const char *value)
{
	AUTO_STR braced = xasprintf("{%s}", value);
	const char *at = strstr(c->text, braced), *from = at, *end;

	if (at == NULL)
		return;
	while (from > c->text && from[-1] != '\n')
		from--;
	end = at + strcspn(at, "\n");
	for (const char *p = memchr(from, '{', (size_t)(end - from)); p != NULL;
	     p = memchr(p + 1, '{', (size_t)(end - p - 1)))
		if (strncmp(p, braced, strlen(braced)) != 0) {
			find(c, "{%s} shares its line with another value, expected a line of its own", value);
			return;
		}
}

static bool
word_char(char ch)
{
	return isalnum((unsigned char)ch) || (unsigned char)ch >= 0x80;
}

static void
check_words(struct check *c)
{
	for (const char *p = c->text; *p != '\0';) {
		size_t n = 0;

		if (*p == '{') {
			p += strcspn(p, "}\n");
			continue;
		}
		while (word_char(p[n]))
			n++;
		for (size_t i = 0; i < ARRAY_LEN(clinical_words) && n > 0; i++) {
			size_t len = strcspn(clinical_words[i], "*");
			bool open = clinical_words[i][len] == '*';

			if ((open ? n >= len : n == len) && strncasecmp(p, clinical_words[i], len) == 0)
				find(c, "the word \"%.*s\", expected no clinical words", (int)n, p);
		}
		p += n > 0 ? n : 1;
	}
}

/* "5 PM", "17:00": a time written by hand names no zone and is somebody else's tomorrow. */
static void
check_times(struct check *c)
{
	for (const char *p = c->text; *p != '\0'; p++) {
		size_t n = strspn(p, "0123456789");
		const char *rest = p + n + strspn(p + n, " ");

		if (n == 0 || (p > c->text && word_char(p[-1])))
			continue;
		if (n <= 2 && ((p[n] == ':' && isdigit((unsigned char)p[n + 1])) || strncasecmp(rest, "am", 2) == 0 ||
				  strncasecmp(rest, "pm", 2) == 0 || strncasecmp(rest, "a.m", 3) == 0 ||
				  strncasecmp(rest, "p.m", 3) == 0))
			find(c,
			    "a time of day written by hand, expected {received} or {expected}, which name their zone");
		p += n - 1;
	}
}

static void
check_values(struct check *c, enum autoreply_kind kind)
{
	need(c, "received", "when the message was received");
	need(c, "ref", "the reference a patient can quote");
	need(c, "emergency", "the emergency number");
	need(c, "crisis", "the crisis line");
	need(c, "phone", "the clinic's telephone");
	need(c, "support_name", "who helps when the portal does not work");
	need(c, "support_phone", "the telephone of who helps when the portal does not work");
	if (kind != AUTOREPLY_TECHNICAL)
		need(c, "who", "who answers");
	if (kind == AUTOREPLY_PROMISE || kind == AUTOREPLY_URGENT || kind == AUTOREPLY_TECHNICAL ||
	    kind == AUTOREPLY_LATE) {
		need(c, "expected", "by when there is an answer");
		need(c, "expected_clinic", "the same time in the clinic's zone, on a line of its own");
		check_alone(c, "expected_clinic");
	}
	check_alone(c, "emergency");
	check_alone(c, "crisis");
}

size_t
autoreply_check(const char *name, const char *language, enum autoreply_kind kind, const char *template, struct buf *ret)
{
	struct check c = { .name = name, .text = template, .out = ret };
	struct conf_errors errs = { .n = 0 };
	size_t subject = strcspn(template, "\n");
	double grade;

	if (!template_form_check(name, template, &errs)) {
		buf_append(ret, buf_str(&errs.text), errs.text.n);
		c.n += errs.n;
		conf_errors_free(&errs);
		return c.n;
	}
	conf_errors_free(&errs);
	if (memchr(template, '{', subject) != NULL)
		find(&c, "a value in the subject, expected fixed words: subjects travel outside the portal");
	check_values(&c, kind);
	check_words(&c);
	check_times(&c);
	grade = autoreply_grade(language, template + subject);
	if ((strncmp(language, "en", 2) == 0 || strncmp(language, "es", 2) == 0) && grade > MAX_GRADE)
		find(&c, "needs %.1f years of school to read, expected at most %.0f: shorter sentences, shorter words",
		    grade, MAX_GRADE);
	return c.n;
}
