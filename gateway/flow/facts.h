/*
 * facts -- from rows of the ledger to what the policies are told.
 *
 * Runs inside a transaction (store_read or store_write); everything handed out lives in the arena.
 */
#ifndef FLOW_FACTS_H
#define FLOW_FACTS_H

#include "conf/conf.h"
#include "mail/content.h"
#include "policies/facts.h"
#include "store/store.h"

struct conversation {
	struct thread *thread; /* NULL before the first message */
	struct patient *patient;
	const struct agreement *agreements;
	size_t nagreements;
	struct patient_facts facts;
};
/* Fills everything but ret->thread from the patient's row. */
enum status conversation_of_patient(struct tx *, const struct conf *, struct patient *, struct arena *,
    struct conversation *ret, struct err *) MUST_CHECK;
/* ST_MSG_REFUSED thread.unknown when there is no such thread. */
enum status conversation_of_thread(struct tx *, const struct conf *, const char *thread, struct arena *,
    struct conversation *ret, struct err *) MUST_CHECK;

/* The facts of one message; clinician may be NULL (addressed to a pool). Borrows content. */
void message_facts_fill(const struct conf *, const struct conversation *, const struct clinician_conf *, enum direction,
    const struct content *, int64_t now, struct arena *, struct message_facts *ret);

/* "class:affirmed:current:patient@0:12-20 ..." for the decision row: offsets, never text. */
const char *verdict_evidence(const struct verdict *, struct arena *);
/* Comma-separated categories. */
const char *verdict_categories(const struct verdict *, struct arena *);

/* "clinician:lee" -> the clinician, "pool:nurses" -> NULL and the pool; both NULL for anything else. */
void addressee_of(const struct conf *, const char *addressee, const struct clinician_conf **ret_who,
    const struct pool_conf **ret_pool);
/* Display name of an addressee, from the directory. */
const char *addressee_name(const struct conf *, const char *addressee);
/* May this clinician answer there: addressee, member of the addressed pool, or who stands in for them: cover, on-call,
 * colleague of a pool. */
bool may_answer(const struct conf *, const char *addressee, const char *clinician);

/* In the arena: the items of a comma-separated list, blanks trimmed. */
const char **split_commas(const char *, struct arena *, size_t *nret);

#endif
