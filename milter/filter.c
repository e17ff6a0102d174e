#include "milter/filter.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/own.h"
#include "flow/judge.h"
#include "milter/answer.h"
#include "milter/capture.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* libmilter wants char * for what it only reads. */
static char filter_name[] = "portico-milter";
static char macro_service[] = "{daemon_name}";
static char macro_login[] = "{auth_authen}";

static struct world *world;
static atomic_int live;

struct session {
	struct capture cap;
	struct view view; /* from MAIL to the end of this mail */
	bool busy;
};

void
filter_use(struct world *w)
{
	world = w;
}

int
filter_live(void)
{
	return atomic_load(&live);
}

static void
mail_end(struct session *s)
{
	if (s == NULL || !s->busy)
		return;
	capture_reset(&s->cap);
	view_end(&s->view);
	s->busy = false;
	atomic_fetch_sub(&live, 1);
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
    unsigned long *ret_actions, unsigned long *ret_steps, unsigned long *ret_f2, unsigned long *ret_f3)
{
	(void)ctx;
	(void)f2;
	(void)f3;
	if ((actions & SMFIF_DELRCPT) == 0 || (steps & SMFIP_HDR_LEADSPC) == 0)
		return SMFIS_REJECT; /* an MTA too old to hand over the mail as it is */
	*ret_actions = SMFIF_DELRCPT;
	*ret_steps = SMFIP_HDR_LEADSPC | (steps & (SMFIP_NOHELO | SMFIP_NOUNKNOWN));
	*ret_f2 = *ret_f3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_envfrom(SMFICTX *ctx, char **argv)
{
	struct session *s = smfi_getpriv(ctx);
	const char *service = smfi_getsymval(ctx, macro_service), *login = smfi_getsymval(ctx, macro_login);

	if (s == NULL) {
		s = xcalloc(1, sizeof *s);
		smfi_setpriv(ctx, s);
	}
	mail_end(s);
	atomic_fetch_add(&live, 1);
	s->busy = true;
	view_begin(world, &s->view);
	s->cap.mail_from = capture_clean(argv[0]);
	s->cap.submission = service != NULL && conf_list_has(&s->view.conf->site.submission_services, service);
	s->cap.login = s->cap.submission && login != NULL ? xstrdup(login) : NULL;
	return SMFIS_CONTINUE;
}

static sfsistat
on_envrcpt(SMFICTX *ctx, char **argv)
{
	struct session *s = smfi_getpriv(ctx);
	AUTO_STR clean = capture_clean(argv[0]);
	bool ours;

	if (s == NULL || !s->busy)
		return SMFIS_TEMPFAIL;
	ours = judge_is_ours(s->view.conf, clean);
	if (ours && (int64_t)s->cap.nours >= s->view.conf->site.limits.recipients)
		return SMFIS_TEMPFAIL;
	capture_rcpt(&s->cap, argv[0], ours);
	return SMFIS_CONTINUE;
}

/* Not ours: let through before the first header. */
static sfsistat
on_data(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	if (s == NULL || !s->busy)
		return SMFIS_TEMPFAIL;
	if (s->cap.nours > 0)
		return SMFIS_CONTINUE;
	mail_end(s);
	return SMFIS_ACCEPT;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *s = smfi_getpriv(ctx);

	if (s == NULL || !s->busy)
		return SMFIS_TEMPFAIL;
	capture_header(&s->cap, name, value, s->view.conf->site.limits.message_bytes);
	return SMFIS_CONTINUE;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *p, size_t n)
{
	struct session *s = smfi_getpriv(ctx);

	if (s == NULL || !s->busy)
		return SMFIS_TEMPFAIL;
	capture_body(&s->cap, p, n, s->view.conf->site.limits.message_bytes);
	return SMFIS_CONTINUE;
}

static sfsistat
judge(SMFICTX *ctx, struct session *s)
{
	struct capture *c = &s->cap;
	const char **rcpt = xcalloc(c->nrcpt + 1, sizeof *rcpt);
	struct inbound in = { .channel = c->submission ? CHANNEL_SUBMISSION : CHANNEL_PORT25,
		.login = c->login,
		.mail_from = c->mail_from,
		.rcpt = rcpt };
	struct answer answer = { .kind = ANSWER_REFUSED, .code = "" };
	struct err err = ERR_NONE;
	int64_t began = monotonic_ms();
	enum status st;

	capture_body(
	    c, NULL, 0, s->view.conf->site.limits.message_bytes); /* the empty line, for a mail without a body */
	for (size_t i = 0; i < c->nrcpt; i++)
		if (c->rcpt[i].ours)
			rcpt[in.nrcpt++] = c->rcpt[i].clean;
	in.raw = buf_slice(&c->raw);
	FAULT_POINT("milter.eom");
	st = judge_mail(&s->view, &in, &answer, &err);
	free(rcpt);
	if (st != ST_OK)
		log_event(LOG_ERR, "judge-later", F_NUM("ms", monotonic_ms() - began), F_ERR(&err));
	else
		log_event(LOG_NOTICE, "judged", F_MSG(answer.ref), F_NAME("answer", answer.code),
		    F_NUM("taken", answer.kind == ANSWER_TAKEN), F_NUM("bytes", (int64_t)in.raw.n),
		    F_NUM("ms", monotonic_ms() - began));
	if (st == ST_OK)
		doorbell_ring(s->view.conf);
	return answer_send(ctx, c, st, &answer);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);
	sfsistat answer;

	if (s == NULL || !s->busy)
		return SMFIS_TEMPFAIL;
	answer = s->cap.too_big ? answer_too_big(ctx) : judge(ctx, s);
	FAULT_POINT("milter.answer");
	mail_end(s);
	return answer;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	mail_end(smfi_getpriv(ctx));
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	mail_end(s);
	free(s);
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

const struct smfiDesc filter_desc = {
	.xxfi_name = filter_name,
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_DELRCPT,
	.xxfi_envfrom = on_envfrom,
	.xxfi_envrcpt = on_envrcpt,
	.xxfi_header = on_header,
	.xxfi_body = on_body,
	.xxfi_eom = on_eom,
	.xxfi_abort = on_abort,
	.xxfi_close = on_close,
	.xxfi_data = on_data,
	.xxfi_negotiate = on_negotiate,
};
