#include "flow/notice.h"

#include "base/own.h"
#include "policies/engine.h"
#include "policies/promise.h"

#include <stdio.h>
#include <string.h>

static bool
spanish(const char *lang)
{
	return lang != NULL && strncmp(lang, "es", 2) == 0;
}

enum status
notice_add(struct tx *tx, struct view *v, const struct notice *n, char ret_ref[REF_LEN + 1], struct err *err)
{
	AUTO(content) c = content_new(n->subject, n->text);
	AUTO_BUF encoded = BUF_INIT;
	char destination[80], key[160];
	bool dup;

	content_encode(c, &encoded);
	struct message_new m = { .kind = KIND_NOTICE,
		.state = MSG_IN_FLIGHT,
		.thread = n->thread,
		.author = "portico",
		.source_key = n->key,
		.message_id = "",
		.in_reply_to = n->in_reply_to,
		.owner = "portico",
		.deadline_ms = tx_now_ms(tx) + v->conf->site.retry_give_up_s * 1000,
		.received_ms = tx_now_ms(tx),
		.note = n->note,
		.urgency = "",
		.categories = "",
		.content = buf_slice(&encoded) };
	TRY(message_insert(tx, &m, ret_ref, &dup, err));
	if (dup)
		return ST_OK;
	snprintf(destination, sizeof destination, "mailbox:%s", n->clinician);
	snprintf(key, sizeof key, "%s/%s", ret_ref, destination);
	return delivery_add(tx, ret_ref, destination, key, 0, err);
}

const char *
notice_footer(struct view *v, const char *lang, struct arena *a)
{
	const struct support_conf *s = &v->conf->support;

	return arena_printf(a, spanish(lang) ? "Preguntas: %s, %s." : "Questions: %s, %s.", s->name, s->phone);
}

static const char *
whose_words(const struct verdict *v, bool es)
{
	switch (v->whose) {
	case CHOICE_AGREEMENT:
		return es ? "lo acordado con este paciente" : "the agreement with this patient";
	case CHOICE_LAW:
		return es ? "la ley de este lugar" : "the law that applies here";
	case CHOICE_MINOR:
		return es ? "la confidencialidad de un menor" : "the confidentiality of a minor";
	case CHOICE_SAFETY:
		return es ? "la seguridad: no se pudo leer todo el mensaje o no parece de este paciente"
			  : "safety: not everything could be read, or it does not look like this patient's";
	default:
		return es ? "la regla de la clínica (no hay acuerdo con este paciente)"
			  : "the clinic's default (there is no agreement with this patient)";
	}
}

const char *
notice_refused_text(struct view *v, const struct conversation *c, const struct verdict *vd, const char *reference,
    const char *lang, struct arena *a)
{
	bool es = spanish(lang);

	return arena_printf(a,
	    es ? "Su mensaje no se envió y nada llegó al paciente.\n\n"
		 "Motivo: parece contener %s, y eso no debe comunicarse por el portal.\n"
		 "Lo decide: %s (regla %s).\n\n"
		 "Puede enviar este texto en su lugar:\n\n    %s\n\n"
		 "Si el paciente y usted acuerdan que esto puede ir por el portal, regístrelo y envíe de nuevo.\n"
		 "Referencia: %s\n"
	       : "Your message was not sent and nothing reached the patient.\n\n"
		 "Why: it seems to contain %s, which belongs in a conversation and not in the portal.\n"
		 "Whose choice: %s (rule %s).\n\n"
		 "You can send this instead:\n\n    %s\n\n"
		 "If the patient and you agree that this may go by portal, have it recorded and send it again.\n"
		 "Reference: %s\n",
	    policy_class_words(v->conf->boundaries, vd->class_name, lang), whose_words(vd, es), vd->rule,
	    policy_invitation(c->facts.language), reference);
}

const char *
notice_hold_text(struct view *v, const struct verdict *vd, int64_t deadline, const char *lang, struct arena *a)
{
	bool es = spanish(lang);
	const char *until = promise_words(a, v->conf->response, deadline, v->conf->site.zone, lang);

	if (vd->act == ACT_QUARANTINE)
		return arena_printf(
		    a, es ? "Su mensaje está retenido: parece hablar de otra persona. Nadie más lo ve.\n"
			    "Responda con RETIRAR en la primera línea y escriba de nuevo al paciente correcto,\n"
			    "o llame al número de abajo.\n"
			  : "Your message is held: it seems to be about somebody else. Nobody else sees it.\n"
			    "Answer with WITHDRAW on the first line and write again to the right patient,\n"
			    "or call the number below.\n");
	return arena_printf(a,
	    es ? "Su mensaje espera su confirmación. Todavía no ha llegado nada al paciente.\n\n"
		 "Motivo: parece contener %s.\nLo decide: %s (regla %s).\n\n"
		 "Responda a este correo con una de estas palabras en la primera línea:\n\n"
		 "  1  ENVIAR    ya lo hablé con el paciente\n"
		 "  2  ACORDADO  el paciente quiere recibir esto por el portal (queda registrado)\n"
		 "  3  RETIRAR   no lo envíe, llamaré\n\n"
		 "Por favor, antes de: %s.\n"
	       : "Your message waits for your confirmation. Nothing has reached the patient yet.\n\n"
		 "Why: it seems to contain %s.\nWhose choice: %s (rule %s).\n\n"
		 "Answer this mail with one of these words on the first line:\n\n"
		 "  1  SEND      I have discussed it with the patient\n"
		 "  2  AGREED    the patient wants this by portal (this is recorded)\n"
		 "  3  WITHDRAW  do not send it, I will call\n\n"
		 "Please before: %s.\n",
	    policy_class_words(v->conf->boundaries, vd->class_name, lang), whose_words(vd, es), vd->rule, until);
}

/* One line per reason a person can do something about; everything else gets the general advice. */
static const struct {
	const char *reason, *en, *es;
} advice[] = {
	{ "not-encrypted", "The mail was not encrypted. Turn encryption on when you answer.",
	    "El correo no estaba cifrado. Active el cifrado al responder." },
	{ "not-signed", "The mail was not signed. Turn signing on when you answer.",
	    "El correo no estaba firmado. Active la firma al responder." },
	{ "cbc-unsigned", "The mail was encrypted but not signed. Turn signing on when you answer.",
	    "El correo estaba cifrado pero no firmado. Active la firma al responder." },
	{ "identity-mismatch", "The signature, the sender's address and the login do not belong to the same clinician.",
	    "La firma, la dirección del remitente y la cuenta no son de la misma persona." },
	{ "thread-unknown",
	    "The mail does not belong to a conversation. Please answer the portal message itself, do not start a new "
	    "mail.",
	    "El correo no pertenece a ninguna conversación. Responda al mensaje del portal; no cree un correo nuevo." },
	{ "thread-not-yours", "This conversation belongs to somebody else.", "Esta conversación es de otra persona." },
	{ "thread-closed", "This conversation is closed. The patient can write again at any time.",
	    "Esta conversación está cerrada. El paciente puede volver a escribir." },
	{ "thread-conflict", "The mail quotes another patient's conversation. Please answer the right message.",
	    "El correo cita la conversación de otro paciente. Responda al mensaje correcto." },
	{ "replay", "The same signed text was used before. Please write it anew.",
	    "El mismo texto firmado ya se usó. Escríbalo de nuevo." },
	{ "answer-elsewhere",
	    "SEND, AGREED and WITHDRAW answer the question about a waiting message. Please answer that mail.",
	    "ENVIAR, ACORDADO y RETIRAR responden a la pregunta sobre un mensaje que espera. Responda a ese correo." },
	{ "content",
	    "The mail contains something that cannot be shown in the portal (for example winmail.dat). "
	    "Please send plain text or HTML, and attachments as files.",
	    "El correo contiene algo que el portal no puede mostrar. Envíe texto y archivos adjuntos normales." },
	{ "empty", "The mail contains no text of your own above the quoted message.",
	    "El correo no contiene texto suyo encima del mensaje citado." },
	{ "worker", "The mail could not be read safely. Please write it anew; if it comes back, call us.",
	    "El correo no se pudo leer de forma segura. Escríbalo de nuevo; si vuelve, llámenos." },
	{ "limit", "The mail is larger or more deeply nested than the portal takes.",
	    "El correo es más grande o más complejo de lo que acepta el portal." },
	{ "cert", "Your certificate cannot be used (expired, revoked or not registered).",
	    "Su certificado no se puede usar (vencido, revocado o no registrado)." },
};

const char *
notice_unreadable_text(struct view *v, const char *reason, const char *reference, const char *lang, struct arena *a)
{
	bool es = spanish(lang);
	const char *what = es ? "No se pudo comprobar que el correo es suyo y está completo."
			      : "It could not be verified that the mail is yours and complete.";

	(void)v;
	for (size_t i = 0; i < ARRAY_LEN(advice); i++)
		if (strncmp(reason, advice[i].reason, strlen(advice[i].reason)) == 0)
			what = es ? advice[i].es : advice[i].en;
	return arena_printf(a,
	    es ? "Un correo enviado con su cuenta no se envió y nada llegó al paciente.\n\n%s\n\n"
		 "Código: %s\nReferencia: %s\n"
	       : "A mail sent with your login was not sent on and nothing reached the patient.\n\n%s\n\n"
		 "Code: %s\nReference: %s\n",
	    what, reason, reference);
}
