#include "policies/autoreply.h"

#include "conf/response.h"
#include "conf/templates.h"

#include <assert.h>
#include <string.h>

static const char *const kind_names[] = { [AUTOREPLY_PROMISE] = "promise",
	[AUTOREPLY_URGENT] = "urgent",
	[AUTOREPLY_EMERGENCY] = "emergency",
	[AUTOREPLY_NO_PROMISE] = "no_promise",
	[AUTOREPLY_TECHNICAL] = "technical",
	[AUTOREPLY_LATE] = "late",
	[AUTOREPLY_UNDELIVERED] = "undelivered" };

const char *
autoreply_kind_name(enum autoreply_kind kind)
{
	return kind_names[kind];
}

/* The values of one reply by name; NULL: this line is left out. */
struct values {
	const struct conf *conf;
	const struct autoreply_facts *f;
	struct arena *a;
	const char *clinic_zone, *patient_zone;
};

static int64_t
due_of(const struct promise *p)
{
	return p->already_past ? p->due_from_now : p->due;
}

static const char *
words(const struct values *v, int64_t instant, const char *zone)
{
	return promise_words(v->a, v->conf->response, instant, zone, v->f->language);
}

/* The time in the clinic's zone, only where it would read differently from the patient's. */
static const char *
words_clinic(const struct values *v, int64_t instant, const char *clinic_zone)
{
	const char *mine = words(v, instant, v->patient_zone), *theirs = words(v, instant, clinic_zone);

	return strcmp(mine, theirs) == 0 ? NULL : theirs;
}

static const char *
some(const char *s)
{
	return s != NULL && *s != '\0' ? s : NULL;
}

static const char *
time_value(const struct values *v, const char *name)
{
	const struct promise *p = v->f->promise, *late = v->f->latest;

	if (p != NULL && p->none)
		p = NULL;
	if (late != NULL && (late->none || (p != NULL && due_of(late) <= due_of(p))))
		late = NULL;
	if (strcmp(name, "received") == 0)
		return words(v, v->f->received, v->patient_zone);
	if (strcmp(name, "received_clinic") == 0)
		return words_clinic(v, v->f->received, v->clinic_zone);
	if (strcmp(name, "expected") == 0)
		return p != NULL ? words(v, due_of(p), v->patient_zone) : NULL;
	if (strcmp(name, "expected_clinic") == 0)
		return p != NULL ? words_clinic(v, due_of(p), p->zone != NULL ? p->zone : v->clinic_zone) : NULL;
	if (strcmp(name, "latest") == 0)
		return late != NULL ? words(v, due_of(late), v->patient_zone) : NULL;
	if (strcmp(name, "latest_clinic") == 0)
		return late != NULL ? words_clinic(v, due_of(late), late->zone != NULL ? late->zone : v->clinic_zone)
				    : NULL;
	/* These two stand for nothing themselves: they decide whether their line is said. */
	if (strcmp(name, "if_apology") == 0)
		return p != NULL && p->already_past ? "" : NULL;
	if (strcmp(name, "if_provisional") == 0)
		return p != NULL && (p->provisional || (late != NULL && late->provisional)) ? "" : NULL;
	return NULL;
}

static const char *
value_of(const struct values *v, const char *name)
{
	const struct site_conf *s = &v->conf->site;
	const struct support_conf *d = &v->conf->support;
	const struct {
		const char *name, *value;
	} plain[] = {
		{ "clinic", s->clinic },
		{ "who", v->f->who },
		{ "ref", v->f->ref },
		{ "emergency", s->emergency_number },
		{ "crisis", s->crisis_line },
		{ "phone", s->phone },
		{ "phone_hours", s->phone_hours },
		{ "support_name", d->name },
		{ "support_phone", d->phone },
	};

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (strcmp(plain[i].name, name) == 0)
			return some(plain[i].value);
	return time_value(v, name);
}

/* One line with its values put in; false when one is missing and the line is left out. A missing value alone between
 * parentheses, " ({phone_hours})", takes only them along. */
static bool
fill_line(const struct values *v, const char *s, size_t n, struct buf *out)
{
	AUTO_BUF line = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		const char *end = s[i] == '{' ? memchr(s + i, '}', n - i) : NULL, *value;

		if (end == NULL) {
			buf_putc(&line, s[i]);
			continue;
		}
		value = value_of(v, arena_strndup(v->a, s + i + 1, (size_t)(end - s) - i - 1));
		if (value == NULL && line.n >= 2 && memcmp(line.p + line.n - 2, " (", 2) == 0 && end + 1 < s + n &&
		    end[1] == ')') {
			line.n -= 2;
			i = (size_t)(end - s) + 1;
			continue;
		}
		if (value == NULL)
			return false;
		buf_puts(&line, value);
		i = (size_t)(end - s);
	}
	buf_append(out, line.n > 0 ? line.p : "", line.n);
	return true;
}

/* Lines that were left out do not leave two empty ones together. */
static void
fill(const struct values *v, const char *text, struct buf *out)
{
	bool blank = true;

	for (const char *s = text; *s != '\0';) {
		size_t n = strcspn(s, "\n"), before = out->n;

		if (n == 0 && !blank) {
			buf_putc(out, '\n');
			blank = true;
		} else if (n > 0 && fill_line(v, s, n, out) && out->n > before) {
			buf_putc(out, '\n');
			blank = false;
		}
		s += n + (s[n] == '\n');
	}
}

enum status
autoreply_fill(const struct conf *conf, const struct autoreply_facts *f, const char *template, struct arena *a,
    const char **ret_subject, const char **ret_text, struct err *err)
{
	struct values v = { .conf = conf, .f = f, .a = a, .clinic_zone = conf->site.zone };
	AUTO_BUF subject = BUF_INIT;
	AUTO_BUF text = BUF_INIT;
	size_t first = strcspn(template, "\n");

	v.patient_zone =
	    f->patient_zone != NULL && zone_shared(f->patient_zone, NULL) != NULL ? f->patient_zone : v.clinic_zone;
	if (strncmp(template, "Subject: ", 9) != 0 || template[first] == '\0')
		return err_set(err, ST_LOCAL, "autoreply.template", "a template without a subject or without a text");
	/* A subject travels outside the portal too, in a notification: only fixed words. */
	buf_append(&subject, template + 9, first - 9);
	if (memchr(subject.p != NULL ? subject.p : "", '{', subject.n) != NULL)
		return err_set(err, ST_LOCAL, "autoreply.template", "a template with a value in its subject");
	fill(&v, template + first, &text);
	if (text.n == 0)
		return err_set(err, ST_LOCAL, "autoreply.template", "a template none of whose lines can be filled");
	*ret_subject = arena_strndup(a, subject.p != NULL ? subject.p : "", subject.n);
	*ret_text = arena_strndup(a, text.p, text.n);
	return ST_OK;
}

enum status
autoreply_text(const struct conf *conf, const struct autoreply_facts *f, struct arena *a, const char **ret_subject,
    const char **ret_text, struct err *err)
{
	const struct templates *t = conf->response != NULL ? conf->response->templates : NULL;
	enum autoreply_kind kind = f->kind;
	bool promised = f->promise != NULL && !f->promise->none;

	/* A promise without a time would be a sentence with a hole: then the telephone number is what we have. */
	if ((kind == AUTOREPLY_PROMISE || kind == AUTOREPLY_URGENT) && !promised)
		kind = AUTOREPLY_NO_PROMISE;
	return autoreply_fill(conf, f, templates_get(t, f->language, kind_names[kind]), a, ret_subject, ret_text, err);
}
