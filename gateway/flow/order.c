#include "flow/order.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/own.h"
#include "flow/due.h"
#include "flow/notice.h"
#include "policies/calendar.h"
#include "policies/promise.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 120
#define MORNING (9 * 3600)

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* What mail programs add under a text is no text of the clinician's. */
static bool
is_signature(struct slice s)
{
	static const char *const begins[] = { "Sent from my ", "Sent via ", "Get Outlook for ", "Enviado desde mi " };

	for (size_t i = 0; i < ARRAY_LEN(begins); i++)
		if (s.n > strlen(begins[i]) && strncasecmp(s.p, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/* The one line of the text, without its full stop; false when there is more than one. */
static bool
only_line(const char *text, struct arena *a, const char **ret)
{
	struct slice one = { "", 0 };

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		struct slice s = slice_trim((struct slice){ text, n });

		text += n + (text[n] == '\n');
		if (slice_eq(s, "--"))
			break;
		if (s.n == 0 || (one.n > 0 && is_signature(s)))
			continue;
		if (one.n > 0 || s.n > LINE_MAX_BYTES)
			return false;
		one = s;
	}
	while (one.n > 0 && strchr(".!", one.p[one.n - 1]) != NULL)
		one.n--;
	*ret = arena_strndup(a, one.p, one.n);
	return one.n > 0;
}

static const char *
after(const char *line, const char *const *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncasecmp(line, prefixes[i], strlen(prefixes[i])) == 0)
			return line + strlen(prefixes[i]) + strspn(line + strlen(prefixes[i]), " ");
	return NULL;
}

static size_t
words_in(const char *s)
{
	size_t n = 0;

	while (*s != '\0') {
		s += strspn(s, " ");
		n += *s != '\0';
		s += strcspn(s, " ");
	}
	return n;
}

/* By id, address or the whole display name: nothing is guessed. */
static const char *
somebody(const struct conf *conf, const char *name, struct arena *a)
{
	const struct people_conf *people = &conf->people;
	const struct clinician_conf *who = conf_clinician_by_address(conf, name);

	for (size_t i = 0; who == NULL && i < people->nclinicians; i++)
		if (strcasecmp(people->clinician[i].id, name) == 0 || strcasecmp(people->clinician[i].name, name) == 0)
			who = &people->clinician[i];
	if (who != NULL)
		return arena_printf(a, "clinician:%s", who->id);
	for (size_t i = 0; i < people->npools; i++)
		if (strcasecmp(people->pool[i].id, name) == 0 || strcasecmp(people->pool[i].name, name) == 0)
			return arena_printf(a, "pool:%s", people->pool[i].id);
	return NULL;
}

/* "15:30", "3 pm", "3:30 pm": seconds after midnight. All of s must be it. */
static bool
time_of_day(const char *s, int32_t *ret)
{
	int h = 0, m = 0, n = 0;
	char half[3] = "";

	if (sscanf(s, "%2d:%2d%n", &h, &m, &n) == 2 && s[n] == '\0' && h >= 0 && h < 24 && m >= 0 && m < 60) {
		*ret = h * 3600 + m * 60;
		return true;
	}
	m = n = 0;
	if (!((sscanf(s, "%2d:%2d %2[apmAPM]%n", &h, &m, half, &n) == 3 && s[n] == '\0') ||
		(m = 0, sscanf(s, "%2d %2[apmAPM]%n", &h, half, &n) == 2 && s[n] == '\0')))
		return false;
	if (h < 1 || h > 12 || m < 0 || m > 59 || (strcasecmp(half, "am") != 0 && strcasecmp(half, "pm") != 0))
		return false;
	*ret = (h % 12 + (strcasecmp(half, "pm") == 0 ? 12 : 0)) * 3600 + m * 60;
	return true;
}

static const char *const days[][2] = { { "monday", "lunes" }, { "tuesday", "martes" },
	{ "wednesday", "mi\303\251rcoles" }, { "thursday", "jueves" }, { "friday", "viernes" },
	{ "saturday", "s\303\241bado" }, { "sunday", "domingo" } };

/* "2026-03-09", "tomorrow", "monday": the local day. *ret_n is how much of s it took; 0: none. */
static size_t
day_named(const char *s, int64_t today, int64_t *ret)
{
	size_t n = strcspn(s, " ");
	struct slice word = { s, n };
	char text[11] = "";
	int32_t day;

	if (n == 10) {
		memcpy(text, s, 10);
		if (!date_text_parse(text, &day))
			return 0;
		*ret = day;
		return n;
	}
	if (slice_caseeq(word, "tomorrow") || slice_eq(word, "ma\303\261ana") || slice_caseeq(word, "manana")) {
		*ret = today + 1;
		return n;
	}
	for (int i = 0; i < 7; i++)
		if (slice_caseeq(word, days[i][0]) || slice_caseeq(word, days[i][1])) {
			*ret = today + 1 + (i - day_of_week(today + 1) + 7) % 7;
			return n;
		}
	return 0;
}

static bool
moment(const struct zone *zone, const char *s, int64_t now, int64_t *ret)
{
	int64_t today, day;
	int32_t second, at = MORNING;
	size_t n;

	zone_local(zone, now, &today, &second);
	day = today;
	n = day_named(s, today, &day);
	s += n;
	s += strspn(s, " ");
	if (n > 0 && strncasecmp(s, "at ", 3) == 0)
		s += 3;
	if (*s != '\0' ? !time_of_day(s, &at) : n == 0)
		return false;
	if (n == 0 && at <= second) /* a time alone is the next one */
		day++;
	*ret = zone_local_to_utc(zone, day, at);
	return *ret > now;
}

struct order
order_read(const struct conf *conf, const struct calendar *cal, const char *text, int64_t now, struct arena *a)
{
	static const char *const reassign[] = { "reassign to ", "reasignar a " },
				 *const snooze[] = { "snooze until ", "posponer hasta ", "aplazar hasta " },
				 *const closed[] = { "closed by phone", "cerrado por tel\303\251fono",
					 "cerrado por telefono" };
	struct order o = { .kind = ORDER_NONE };
	const char *line, *rest;

	if (!only_line(text, a, &line))
		return o;
	rest = after(line, closed, ARRAY_LEN(closed));
	if (rest != NULL && *rest == '\0')
		o.kind = ORDER_CLOSED;
	rest = after(line, reassign, ARRAY_LEN(reassign));
	if (rest != NULL) {
		o.to = somebody(conf, rest, a);
		o.kind = o.to != NULL ? ORDER_REASSIGN : words_in(rest) == 1 ? ORDER_UNCLEAR : ORDER_NONE;
	}
	rest = after(line, snooze, ARRAY_LEN(snooze));
	if (rest != NULL)
		o.kind = moment(cal->zone, rest, now, &o.until) ? ORDER_SNOOZE
			 : words_in(rest) <= 2			? ORDER_UNCLEAR
								: ORDER_NONE;
	return o;
}

/* ---- doing ------------------------------------------------------------------------------------------------------- */

struct doing {
	struct judging *j;
	const struct order *o;
};

static const char *
lang_of(const struct judging *j)
{
	return j->who->language != NULL ? j->who->language : j->v->conf->site.language;
}

/* The questions that wait, oldest first; where none does, the message that was answered. */
static enum status
bring_open(struct tx *tx, struct judging *j, const char *to, const struct promise_row *p, size_t n, struct err *err)
{
	struct message_row *m = NULL;

	for (size_t i = 0; i < n; i++)
		if (p[i].message[0] != '\0')
			TRY(due_bring(tx, j->v->conf, p[i].message, to, j->a, err));
	if (n > 0)
		return ST_OK;
	TRY(message_get(tx, j->token.ref, j->a, &m, err));
	return m != NULL && m->kind == KIND_HUMAN ? due_bring(tx, j->v->conf, m->ref, to, j->a, err) : ST_OK;
}

static enum status
reassign(struct tx *tx, struct judging *j, const char *to, const struct promise_row *p, size_t n, const char **ret,
    struct err *err)
{
	const char *thread = j->c.thread->ref;
	bool es = strncmp(lang_of(j), "es", 2) == 0;

	TRY(thread_assign(tx, thread, to, err));
	TRY(promise_assign(tx, thread, to, err));
	TRY(fact_set(tx, arena_printf(j->a, "reassigned/%s", thread), to, err));
	TRY(bring_open(tx, j, to, p, n, err));
	*ret = arena_printf(j->a,
	    es ? "Hecho: la conversación %s la responde ahora %s.\nEl plazo prometido no cambia.\n"
	       : "Done: conversation %s is answered by %s from now on.\nThe promised time stays.\n",
	    thread, addressee_name(j->v->conf, to));
	return ST_OK;
}

/* Both reminders wait; one that was sent comes again. What was promised to the patient stays. */
static enum status
snooze(struct tx *tx, struct judging *j, int64_t until, const struct promise_row *p, size_t n, const char **ret,
    struct err *err)
{
	const struct conf *conf = j->v->conf;
	const char *lang = lang_of(j), *when = promise_words(j->a, conf->response, until, conf->site.zone, lang);
	bool es = strncmp(lang, "es", 2) == 0;

	for (size_t i = 0; i < n; i++) {
		int64_t at = until * 1000 < p[i].due_ms ? until * 1000 : p[i].due_ms;
		int64_t first = p[i].warn_ms[0] > at ? p[i].warn_ms[0] : at;
		int64_t second = p[i].warn_ms[1] > at ? p[i].warn_ms[1] : at;

		if (p[i].warned < 3)
			TRY(promise_remind_at(tx, p[i].ref, first, second, p[i].warned > 1 ? 1 : p[i].warned, err));
	}
	*ret = arena_printf(j->a,
	    es ? "Hecho: no habrá recordatorios de la conversación %s hasta %s.\nEl plazo prometido al paciente no "
		 "cambia%s%s.\n"
	       : "Done: no reminders about conversation %s until %s.\nWhat the patient was promised stays%s%s.\n",
	    j->c.thread->ref, when, n > 0 ? ": " : "",
	    n > 0 ? promise_words(j->a, conf->response, p[0].due_ms / 1000, conf->site.zone, lang) : "");
	return ST_OK;
}

static enum status
close_by_phone(struct tx *tx, struct judging *j, const char **ret, struct err *err)
{
	bool es = strncmp(lang_of(j), "es", 2) == 0;
	size_t n = 0;

	TRY(promise_answer(tx, j->c.thread->ref, tx_now_ms(tx), &n, err));
	*ret = arena_printf(j->a,
	    es ? "Hecho: la conversación %s se resolvió por teléfono. Promesas cerradas: %zu.\n"
	       : "Done: conversation %s was settled by phone. Promises closed: %zu.\n",
	    j->c.thread->ref, n);
	return ST_OK;
}

static const char *
unclear_text(bool es)
{
	return es ? "No se entendió su instrucción. No se hizo nada y nada llegó al paciente.\n\n"
		    "Una sola línea, nada más:\n"
		    "  reasignar a ID (el nombre corto de un profesional o equipo)\n"
		    "  posponer hasta AAAA-MM-DD HH:MM\n"
		    "  cerrado por teléfono\n\n"
		    "Si era para el paciente, escríbalo de nuevo con otras palabras.\n"
		  : "Your instruction was not understood. Nothing was done and nothing reached the patient.\n\n"
		    "One line, nothing else:\n"
		    "  reassign to ID (the short name of a clinician or a team)\n"
		    "  snooze until YYYY-MM-DD HH:MM\n"
		    "  closed by phone\n\n"
		    "If it was meant for the patient, please write it again in other words.\n";
}

static enum status
confirm(struct tx *tx, struct judging *j, const char *text, struct err *err)
{
	bool es = strncmp(lang_of(j), "es", 2) == 0;
	char ref[REF_LEN + 1];
	struct notice n = { .thread = j->c.thread->ref,
		.clinician = j->who->id,
		.note = "order",
		.key = arena_printf(j->a, "notice/order/%s", j->source_key),
		.in_reply_to = "",
		.subject = es ? "Sobre su instrucción" : "About your instruction",
		.text = text };

	return notice_add(tx, j->v, &n, ref, err);
}

static enum status
use_text_once(struct tx *tx, struct judging *j, const char *ref, struct err *err)
{
	char other[REF_LEN + 1];
	bool first = false;

	TRY(digest_use(tx, j->opened.signed_digest, ref, &first, other, err));
	return first ? ST_OK : err_set(err, ST_MSG_REFUSED, "replay", "signed text was used before, by %s", other);
}

static enum status
order_in_tx(struct tx *tx, void *arg, struct err *err)
{
	static const char *const notes[] = { "", "order-unclear", "reassigned", "snoozed", "closed-by-phone" };
	struct doing *d = arg;
	struct judging *j = d->j;
	struct promise_row *p = NULL;
	char ref[REF_LEN + 1];
	const char *text = unclear_text(strncmp(lang_of(j), "es", 2) == 0);
	size_t n = 0;
	bool dup;
	struct message_new m = { .kind = KIND_COMMAND,
		.state = MSG_RECORDED,
		.thread = j->c.thread->ref,
		.author = arena_printf(j->a, "clinician:%s", j->who->id),
		.source_key = j->source_key,
		.message_id = j->message_id,
		.in_reply_to = "",
		.owner = "portico",
		.received_ms = tx_now_ms(tx),
		.note = notes[d->o->kind],
		.urgency = "",
		.categories = "" };

	TRY(message_insert(tx, &m, ref, &dup, err));
	j->answer.kind = ANSWER_TAKEN;
	j->answer.code = dup ? "duplicate" : "command";
	snprintf(j->answer.ref, sizeof j->answer.ref, "%s", ref);
	if (dup)
		return ST_OK;
	TRY(use_text_once(tx, j, ref, err));
	TRY(promise_list(tx, j->c.thread->ref, true, j->a, &p, &n, err));
	if (d->o->kind == ORDER_REASSIGN)
		TRY(reassign(tx, j, d->o->to, p, n, &text, err));
	else if (d->o->kind == ORDER_SNOOZE)
		TRY(snooze(tx, j, d->o->until, p, n, &text, err));
	else if (d->o->kind == ORDER_CLOSED)
		TRY(close_by_phone(tx, j, &text, err));
	return confirm(tx, j, text, err);
}

enum status
order_commit(struct judging *j, const struct order *o, struct err *err)
{
	struct doing d = { j, o };

	return store_write(j->v->w->store, order_in_tx, &d, err);
}
