#include "ctl/explain.h"

#include "base/clock.h"
#include "base/own.h"
#include "mail/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* design.md 2: by submission and port 25 there is one uniform refusal, by IMAP nothing is lost and a person decides. */
struct explain_would
explain_would(const struct explained *e)
{
	switch (e->outcome) {
	case OPEN_VERIFIED:
		if (e->automatic)
			break;
		return (struct explain_would){ "accept", "accept", "accept" };
	case OPEN_ENCRYPTED_OK:
	case OPEN_UNVERIFIED:
		if (e->automatic)
			break;
		return (struct explain_would){ "reject", "hold", "reject" };
	case OPEN_HOLD:
	case OPEN_REJECT:
		return (struct explain_would){ "reject", "hold", "reject" };
	}
	return (struct explain_would){ "record", "record", "record" };
}

/* Whatever the bytes, valid UTF-8 or null. */
static json_t *
text(const char *s)
{
	AUTO_BUF clean = BUF_INIT;

	if (s == NULL)
		return json_null();
	text_normalise(slice_of(s), &clean);
	return json_string(buf_str(&clean));
}

static json_t *
parts_json(const struct explained *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->nparts; i++) {
		const struct explain_part *p = &e->part[i];

		json_array_append_new(list, json_pack("{s:o,s:o,s:i,s:I}", "type", text(p->type), "name", text(p->name),
						"depth", (int)p->depth, "bytes", (json_int_t)p->bytes));
	}
	return list;
}

void
explain_json(const struct explained *e)
{
	struct explain_would would = explain_would(e);
	json_t *all = json_object(), *layers = json_array(), *limits = json_array();

	for (size_t i = 0; i < e->opened.nlayers; i++)
		json_array_append_new(layers, text(e->opened.layers[i]));
	if (e->limit_hit != NULL)
		json_array_append_new(limits, text(e->limit_hit));
	json_object_set_new(all, "file", text(e->file));
	json_object_set_new(all, "outcome", text(open_outcome_name(e->outcome)));
	json_object_set_new(all, "reason", text(e->reason));
	json_object_set_new(all, "from", text(e->opened.from));
	json_object_set_new(all, "signer", text(e->opened.signer));
	json_object_set_new(all, "layers", layers);
	json_object_set_new(all, "cipher", text(e->opened.cipher));
	json_object_set_new(all, "digest", text(e->opened.digest));
	json_object_set_new(all, "auto_submitted", json_boolean(e->automatic));
	json_object_set_new(all, "parts", parts_json(e));
	json_object_set_new(all, "limits_hit", limits);
	json_object_set_new(all, "thread", text(e->thread));
	json_object_set_new(all, "would",
	    json_pack("{s:s,s:s,s:s}", "submission", would.submission, "imap", would.imap, "port25", would.port25));
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

/* A terminal obeys control characters: what came from a mail is shown without them. */
static void
line(const char *label, const char *s)
{
	AUTO_BUF clean = BUF_INIT;

	if (s == NULL)
		return;
	text_clean_line(slice_of(s), 400, &clean);
	printf("  %-11s %s\n", label, buf_str(&clean));
}

void
explain_people(const struct explained *e)
{
	struct explain_would would = explain_would(e);
	AUTO_BUF b = BUF_INIT;
	char when[32];

	buf_printf(&b, "%s (%s)", open_outcome_name(e->outcome), e->reason);
	line("file", e->file);
	line("outcome", buf_str(&b));
	buf_clear(&b);
	for (size_t i = 0; i < e->opened.nlayers; i++)
		buf_printf(&b, "%s%s", i > 0 ? " > " : "", e->opened.layers[i]);
	line("layers", b.n > 0 ? buf_str(&b) : "none");
	line("from", e->opened.from != NULL ? e->opened.from : "not one mailbox");
	line("signer", e->opened.signer);
	line("cipher", e->opened.cipher);
	line("digest", e->opened.digest);
	if (e->opened.signing_time != 0)
		line("signed at", time_rfc3339(e->opened.signing_time, when, sizeof when));
	line("written by", e->automatic ? e->automatic_kind : "a person, as far as the header says");
	line("thread", e->thread);
	line("limit hit", e->limit_hit);
	for (size_t i = 0; i < e->nparts; i++) {
		const struct explain_part *p = &e->part[i];

		buf_clear(&b);
		buf_printf(&b, "%*s%s, %zu bytes%s%s", (int)(2 * p->depth), "", p->type, p->bytes,
		    p->name != NULL ? ", " : "", p->name != NULL ? p->name : "");
		printf("  %-11s %*s", i == 0 ? "parts" : "", (int)(2 * p->depth), "");
		{
			AUTO_BUF clean = BUF_INIT;

			text_clean_line(buf_slice(&b), 400, &clean);
			printf("%s\n", buf_str(&clean));
		}
	}
	buf_clear(&b);
	buf_printf(&b, "submission %s, IMAP %s, port 25 %s", would.submission, would.imap, would.port25);
	line("would", buf_str(&b));
}
