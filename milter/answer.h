/*
 * answer -- from status to SMTP, in one place.
 *
 *   ST_OK and taken        250, the mail is ours now (discarded from Postfix's queue, or our recipients deleted)
 *   ST_OK and refused      550 5.7.1 with the neutral text of the judgement
 *   anything else          451 4.7.1: the sender keeps the mail and tries again; never silence, never a guess
 */
#ifndef MILTER_ANSWER_H
#define MILTER_ANSWER_H

#include "flow/judge.h"
#include "milter/capture.h"

#include <libmilter/mfapi.h>

sfsistat answer_send(SMFICTX *, const struct capture *, enum status, const struct answer *);
sfsistat answer_later(SMFICTX *);
sfsistat answer_too_big(SMFICTX *);

#endif
