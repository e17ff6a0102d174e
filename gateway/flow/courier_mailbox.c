/* courier_mailbox -- the lane to the clinician: compose, seal, journal, append; or find what is there already. */
#include "base/fault.h"
#include "base/hash.h"
#include "base/own.h"
#include "crypto/seal.h"
#include "flow/courier_in.h"
#include "flow/notice.h"
#include "mail/compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATEWAY_KEY "gateway"

static const char *
domain_of(const struct conf *conf)
{
	return strrchr(conf->site.gateway_address, '@') + 1;
}

/* The Message-ID under which this clinician knows a message of the thread. */
static const char *
known_as(const struct job *job, const struct message_row *m, const char *recipient)
{
	struct token t = { .kind = m->kind == KIND_HUMAN ? TOKEN_MESSAGE : TOKEN_NOTICE };
	AUTO_STR id = NULL;

	if (m->kind == KIND_HUMAN && strncmp(m->author, "clinician:", 10) == 0) {
		const char *own = m->message_id;
		size_t n = strlen(own);

		return n > 2 && own[0] == '<' && own[n - 1] == '>' ? arena_strndup(job->a, own + 1, n - 2)
								   : arena_strdup(job->a, own);
	}
	if (strncmp(m->note, "hold:", 5) == 0) {
		t.kind = TOKEN_HOLD;
		snprintf(t.ref, sizeof t.ref, "%s", m->note + 5);
	} else {
		snprintf(t.ref, sizeof t.ref, "%s", m->ref);
	}
	snprintf(t.thread, sizeof t.thread, "%s", m->thread);
	id = token_message_id(&job->c->w->tokens, job->v->conf->site.tenant, domain_of(job->v->conf), &t, recipient);
	return arena_strdup(job->a, id);
}

/* Oldest first. Automatic replies to the patient are nothing a clinician has. */
static const char **
references(const struct job *job, const char *recipient, size_t *nret)
{
	const char **id = ARENA_ARRAY(job->a, job->nbefore + 1, const char *);
	size_t n = 0;

	for (size_t i = job->nbefore; i-- > 0;) {
		const struct message_row *m = &job->before[i];

		if (strcmp(m->ref, job->m->ref) == 0 || m->created_ms > job->m->created_ms || m->kind != KIND_HUMAN)
			continue;
		id[n] = known_as(job, m, recipient);
		n += id[n][0] != '\0';
	}
	*nret = n;
	return id;
}

/* Stands in X-Portal-Token: how the copy is found again. Says nothing to anybody else. */
static const char *
search_token(const struct job *job)
{
	uint8_t mac[HASH_SIZE];
	char hex[HASH_HEX];

	hmac_sha256(job->c->w->tokens.key[0].key, 32, job->d->idem_key, strlen(job->d->idem_key), mac);
	hex_encode(mac, 12, hex);
	return arena_strdup(job->a, hex);
}

static enum status
seal_for(struct job *job, const struct clinician_conf *to, struct mailbox_mail *mail, struct buf *raw, struct err *err)
{
	const struct conf *conf = job->v->conf;
	AUTO(cert) cert = NULL;
	AUTO_BUF inner = BUF_INIT, outer = BUF_INIT;
	bool human = job->m->kind == KIND_HUMAN, asks = strncmp(job->m->note, "hold:", 5) == 0;
	struct compose c = { .from_name = conf->site.clinic,
		.from = conf->site.gateway_address,
		.to = to->address,
		.message_id = known_as(job, job->m, to->address),
		.date = job->m->received_ms / 1000,
		.content = job->content,
		.automatic = !human,
		.token = search_token(job) };
	int64_t now = clock_now(&job->c->w->clock);
	struct cert **help = NULL;
	size_t nhelp = 0;
	enum status st;

	TRY(view_encryption_cert(job->v, to, now, &cert, err));
	c.thread = job->thread != NULL && (human || asks) ? job->thread->ref : NULL;
	c.outer_subject = arena_printf(job->a, human ? "Portal message [%s]" : "Portal notice [%s]",
	    job->thread != NULL ? job->thread->ref : job->m->ref);
	c.subject = job->content->subject;
	c.references = references(job, to->address, &c.nreferences);
	c.block = human ? courier_block(job) : NULL;
	c.footer = arena_printf(job->a, "%s %s\n%s",
	    to->language != NULL && strncmp(to->language, "es", 2) == 0 ? "Referencia:" : "Reference:", job->m->ref,
	    notice_footer(job->v, to->language, job->a));
	c.urgent = strcmp(job->m->urgency, "urgent") == 0 || strcmp(job->m->urgency, "emergency") == 0;
	TRY(compose_inner(&c, &inner, err));
	TRY(compose_outer(&c, &outer, err));
	view_helpers(job->v, to, &help, &nhelp);
	struct seal s = { .outer = buf_slice(&outer),
		.inner = buf_slice(&inner),
		.signer = GATEWAY_KEY,
		.recipient = cert,
		.extra = help,
		.nextra = nhelp,
		.gcm = to->prefer_gcm,
		.now = now };

	st = seal_mail(job->c->w->keys, job->v->trust, &s, raw, err);
	certs_free(help, nhelp);
	TRY(st);
	*mail = (struct mailbox_mail){ .raw = buf_slice(raw),
		.token = c.token,
		.message_id = c.message_id,
		.mail_from = conf->site.bounce_address,
		.rcpt = to->address,
		.folder = conf->site.mail_folder };
	return ST_OK;
}

static enum status
open_box(struct job *job, const struct clinician_conf *who, struct mailbox **ret, struct err *err)
{
	const struct mailbox_driver *drv = job->c->drivers->mailbox;
	struct session *s = courier_session(job->c, who->id);

	/* A session that fell silent since the last mail is opened anew before anything is risked on it. */
	if (s->box != NULL && drv->check(s->box, err) != ST_OK) {
		courier_drop(job->c, who->id);
		s = courier_session(job->c, who->id);
	}
	if (s->box == NULL)
		TRY(drv->open(job->v->conf, who, &s->box, err));
	*ret = s->box;
	return ST_OK;
}

struct journal {
	struct job *job;
	const char *text;
};

static enum status
journal_in_tx(struct tx *tx, void *arg, struct err *err)
{
	struct journal *j = arg;

	return delivery_journal(tx, j->job->d->ref, j->text, err);
}

enum status
courier_to_mailbox(struct job *job, struct err *err)
{
	const struct mailbox_driver *drv = job->c->drivers->mailbox;
	const struct clinician_conf *who = job_clinician(job);
	const char *folder = job->v->conf->site.mail_folder;
	struct mailbox *box = NULL;
	struct mailbox_mail mail;
	AUTO_STR journal = NULL;
	AUTO_BUF raw = BUF_INIT;
	enum status st;

	if (who == NULL)
		return err_set(err, ST_MSG_REFUSED, "clinician.unknown", "%s: nobody of that id in clinicians.yaml",
		    job->d->destination);
	TRY(open_box(job, who, &box, err));
	if (job->d->state == DLV_UNKNOWN && (drv->caps & MAILBOX_CAN_ASK) != 0 && job->d->journal[0] != '\0') {
		TRY(drv->find(box, folder, search_token(job), job->d->journal, &job->remote_id, err));
		if (job->remote_id != NULL)
			return ST_OK;
	}
	TRY(seal_for(job, who, &mail, &raw, err));
	TRY(drv->prepare(box, folder, &journal, err));
	TRY(store_write(job->c->w->store, journal_in_tx, &(struct journal){ job, journal }, err));
	job->size = (int64_t)raw.n;
	FAULT_POINT("courier.journalled");
	st = drv->deliver(box, &mail, &job->remote_id, err);
	/* A plain "no" leaves nothing behind; everything else may have left a copy. */
	if (st != ST_OK && st != ST_MSG_REFUSED && st != ST_MSG_RETRY)
		job->d->state = DLV_UNKNOWN;
	else if (st != ST_OK)
		job->d->state = DLV_CLAIMED;
	return st;
}
