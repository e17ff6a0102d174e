/* command -- a clinician answers a question about a hold: SEND, AGREED or WITHDRAW, or its number, English or Spanish.
 */
#include "base/own.h"
#include "flow/judge_in.h"
#include "flow/notice.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum word { WORD_NONE, WORD_SEND, WORD_AGREED, WORD_WITHDRAW };

static enum word
word_of(const char *line)
{
	static const struct {
		const char *text;
		enum word word;
	} words[] = {
		{ "1", WORD_SEND },
		{ "SEND", WORD_SEND },
		{ "ENVIAR", WORD_SEND },
		{ "2", WORD_AGREED },
		{ "AGREED", WORD_AGREED },
		{ "ACORDADO", WORD_AGREED },
		{ "3", WORD_WITHDRAW },
		{ "WITHDRAW", WORD_WITHDRAW },
		{ "RETIRAR", WORD_WITHDRAW },
	};
	struct slice s = slice_trim(slice_of(line));

	while (s.n > 0 && strchr(".!)", s.p[s.n - 1]) != NULL)
		s.n--;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (slice_caseeq(s, words[i].text))
			return words[i].word;
	return WORD_NONE;
}

bool
is_hold_answer(const char *text)
{
	struct slice s = slice_trim(slice_of(text));

	/* A lone number may be an answer to a patient ("How many a day?"); a lone word of ours is not. */
	return s.n > 2 && memchr(s.p, '\n', s.n) == NULL && word_of(text) != WORD_NONE;
}

struct command {
	struct judging *j;
	enum word word;
	const char *why; /* refused: a stable reason; NULL otherwise */
};

static enum status
record(struct tx *tx, struct judging *j, const char *note, struct err *err)
{
	char ref[REF_LEN + 1];
	struct message_new m = { .kind = KIND_COMMAND,
		.state = MSG_RECORDED,
		.thread = j->token.thread,
		.author = arena_printf(j->a, "clinician:%s", j->who->id),
		.source_key = j->source_key,
		.message_id = j->message_id,
		.in_reply_to = "",
		.owner = "portico",
		.received_ms = tx_now_ms(tx),
		.note = note,
		.urgency = "",
		.categories = "" };
	bool dup;

	TRY(message_insert(tx, &m, ref, &dup, err));
	j->answer.kind = ANSWER_TAKEN;
	j->answer.code = "command";
	snprintf(j->answer.ref, sizeof j->answer.ref, "%s", ref);
	return ST_OK;
}

/* "The patient agreed" is recorded as the clinician's consent; the patient's own is still asked for. */
static enum status
record_consent(struct tx *tx, struct judging *j, const struct hold *h, struct err *err)
{
	struct conversation c = { .patient = NULL };
	struct agreement *made = NULL;

	if (h->class_name == NULL || h->class_name[0] == '\0')
		return ST_OK;
	TRY(conversation_of_thread(tx, j->v->conf, j->token.thread, j->a, &c, err));
	struct consent consent = { .patient = c.patient->ref,
		.class_name = h->class_name,
		.scope = SCOPE_CLINICIAN,
		.scope_id = j->who->id,
		.value = AGREE_PORTAL_OK,
		.by_clinician = true,
		.by = j->who->id,
		.how = "mail" };

	return agreement_put(tx, &consent, j->a, &made, err);
}

static enum status
ask_again(struct tx *tx, struct judging *j, const struct hold *h, struct err *err)
{
	bool es = j->who->language != NULL && strncmp(j->who->language, "es", 2) == 0;
	char note[40], key[100], ref[REF_LEN + 1];
	struct notice n = {
		.thread = j->token.thread, .clinician = j->who->id, .note = note, .key = key, .in_reply_to = h->message
	};

	snprintf(note, sizeof note, "hold:%s", h->ref);
	snprintf(key, sizeof key, "notice/again/%s", j->source_key);
	n.subject = es ? "No se entendió su respuesta" : "Your answer was not understood";
	n.text = es ? "Su mensaje sigue esperando. Responda con ENVIAR, ACORDADO o RETIRAR en la primera línea.\n"
		    : "Your message is still waiting. Answer with SEND, AGREED or WITHDRAW on the first line.\n";
	TRY(record(tx, j, "hold-unclear", err));
	return notice_add(tx, j->v, &n, ref, err);
}

static enum status
command_in_tx(struct tx *tx, void *arg, struct err *err)
{
	static const char *const ended_by[] = { "", "send", "agreed", "withdraw" };
	struct command *c = arg;
	struct judging *j = c->j;
	struct hold *h = NULL;

	c->why = NULL;
	TRY(hold_get(tx, j->token.ref, j->a, &h, err));
	if (h == NULL || strcmp(h->clinician, j->who->id) != 0) {
		c->why = "thread-not-yours";
		return ST_OK;
	}
	if (h->ended_ms != 0) /* answered before: a late or second answer changes nothing */
		return record(tx, j, "hold-already-ended", err);
	/* What is about somebody else can only be withdrawn. */
	if (strcmp(h->kind, "quarantine") == 0 && c->word != WORD_WITHDRAW)
		c->word = WORD_NONE;
	if (c->word == WORD_NONE)
		return ask_again(tx, j, h, err);
	TRY(record(tx, j, "hold-answer", err));
	TRY(hold_end(tx, h->ref, ended_by[c->word], err));
	if (c->word == WORD_AGREED)
		TRY(record_consent(tx, j, h, err));
	if (c->word == WORD_WITHDRAW)
		return message_move(tx, h->message, MSG_RETURNED, "portico", 0, "withdrawn", err);
	return message_move(tx, h->message, MSG_IN_FLIGHT, "portico",
	    tx_now_ms(tx) + j->v->conf->site.retry_give_up_s * 1000, ended_by[c->word], err);
}

enum status
commit_command(struct judging *j, struct err *err)
{
	struct command c = { .j = j };
	const char *code = "";
	struct content *said = judge_content(j, &code);

	if (said != NULL)
		c.word = word_of(reply_first_line(said->text, j->token.thread, j->a));
	content_free(said);
	TRY(store_write(j->v->w->store, command_in_tx, &c, err));
	return c.why != NULL ? commit_unreadable(j, c.why, err) : ST_OK;
}
