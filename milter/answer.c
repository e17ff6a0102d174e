#include "milter/answer.h"

#include <string.h>

/* libmilter wants char * for what it only reads. */
#define MUTABLE(literal) ((char[]){ literal })

sfsistat
answer_later(SMFICTX *ctx)
{
	smfi_setreply(
	    ctx, MUTABLE("451"), MUTABLE("4.7.1"), MUTABLE("Not taken yet; nothing is lost, please try again later"));
	return SMFIS_TEMPFAIL;
}

sfsistat
answer_too_big(SMFICTX *ctx)
{
	smfi_setreply(ctx, MUTABLE("552"), MUTABLE("5.3.4"),
	    MUTABLE("Not sent; nothing reached the patient. The mail is larger than the portal takes"));
	return SMFIS_REJECT;
}

/* libmilter takes the text for a format: a single % would swallow what follows. */
static void
set_reply(SMFICTX *ctx, const char *text)
{
	char safe[400];
	size_t n = 0;

	for (; *text != '\0' && n + 2 < sizeof safe; text++) {
		if (*text == '%')
			safe[n++] = '%';
		safe[n++] = *text >= 0x20 && *text < 0x7f ? *text : '?';
	}
	safe[n] = '\0';
	smfi_setreply(ctx, MUTABLE("550"), MUTABLE("5.7.1"), safe);
}

sfsistat
answer_send(SMFICTX *ctx, const struct capture *c, enum status st, const struct answer *a)
{
	if (st != ST_OK)
		return answer_later(ctx);
	if (a->kind == ANSWER_REFUSED) {
		set_reply(ctx, a->text);
		return SMFIS_REJECT;
	}
	if (c->nours == c->nrcpt)
		return SMFIS_DISCARD;
	/* Somebody else gets a copy through Postfix; ours are taken out. A failed deletion is retried as a whole: the
	 * repeat is absorbed by its key. */
	for (size_t i = 0; i < c->nrcpt; i++)
		if (c->rcpt[i].ours && smfi_delrcpt(ctx, c->rcpt[i].arg) != MI_SUCCESS)
			return answer_later(ctx);
	return SMFIS_ACCEPT;
}
