/* away -- an out-of-office mail proposes an absence; only a person puts one into the calendar. */
#include "base/own.h"
#include "flow/due.h"
#include "flow/notice.h"
#include "flow/order.h"

#include <stdio.h>
#include <string.h>

static const char *
cause_of(struct view *v, const struct clinician_conf *who, int64_t now, struct arena *a)
{
	const char *cover = due_cover(v->conf, arena_printf(a, "clinician:%s", who->id), now, a);

	return arena_printf(a, "away/%s, cover %s", who->id, cover != NULL ? strchr(cover, ':') + 1 : "none");
}

static enum status
tell_cover(struct tx *tx, struct view *v, const struct clinician_conf *who, const char *reader, struct arena *a,
    struct err *err)
{
	const struct clinician_conf *to = conf_clinician(v->conf, reader);
	bool es = to != NULL && to->language != NULL && strncmp(to->language, "es", 2) == 0;
	char ref[REF_LEN + 1];
	struct notice n = { .thread = "",
		.clinician = reader,
		.note = "away",
		.key = arena_printf(a, "notice/away/%s/%s/%lld", who->id, reader, (long long)tx_now_ms(tx) / 86400000),
		.in_reply_to = "",
		.subject = es ? "¿Ausente?" : "Away?",
		.text = arena_printf(a,
		    es ? "El buzón de %s contesta que está fuera. Usted es quien responde en su lugar.\n"
			 "Si es así, pida al soporte que anote la ausencia; entonces los mensajes le llegan a usted.\n"
		       : "The mailbox of %s answers that they are away. You answer in their place.\n"
			 "If it is so, please have the desk enter the absence; then the messages come to you.\n",
		    who->name) };

	return to != NULL ? notice_add(tx, v, &n, ref, err) : ST_OK;
}

enum status
away_note(struct tx *tx, struct view *v, const struct clinician_conf *who, struct arena *a, struct err *err)
{
	int64_t now = tx_now_ms(tx) / 1000;
	const char *self = arena_printf(a, "clinician:%s", who->id);
	const char *cover = due_cover(v->conf, self, now, a);
	bool fresh;

	if (due_is_away(due_calendar(v->conf, self), now))
		return ST_OK; /* the calendar knows */
	TRY(incident_touch(tx, cause_of(v, who, now, a), "clinician.away", "medium", "support", &fresh, err));
	if (cover == NULL)
		return ST_OK;
	struct due_readers r = due_readers(v->conf, cover, a);

	for (size_t i = 0; i < r.n; i++)
		TRY(tell_cover(tx, v, who, r.id[i], a, err));
	return ST_OK;
}

enum status
away_over(struct tx *tx, struct view *v, const struct clinician_conf *who, struct arena *a, struct err *err)
{
	return incident_close(tx, cause_of(v, who, tx_now_ms(tx) / 1000, a), err);
}
