/*
 * fhir -- the options of a portal whose driver is "fhir": one FHIR R4 server and how it names people.
 *
 * Checked with the rest of portico.yaml, so a mistake has a line and a column; struct portal_conf has the result.
 */
#ifndef CONF_FHIR_H
#define CONF_FHIR_H

#include "conf/yaml.h"

enum fhir_alg { FHIR_ALG_AUTO, FHIR_ALG_RS384, FHIR_ALG_ES384 };
enum fhir_poll_by { FHIR_POLL_AUTO, FHIR_POLL_UPDATED, FHIR_POLL_RECEIVED, FHIR_POLL_PATIENT };

struct fhir_conf {
	const char *base; /* https, no slash at the end */
	const char *ca_file;
	/* who we are there: SMART Backend Services, or a token somebody else renews */
	const char *client_id, *key_file, *kid, *token_url, *scope, *token_file;
	struct conf_list published_keys;
	int alg; /* enum fhir_alg */
	/* how the portal names people */
	const char *patient_system, *mrn_system, *clinician_system, *pool_system, *message_system;
	const char *notifier, *category;
	const char *test_patient;
	struct conf_list problem_codes; /* "system|code=class" */
	int poll_by;			/* enum fhir_poll_by */
	int64_t page_size, overlap_s, first_look_s, timeout_s, response_bytes;
};

#define N_FHIR_KEYS 25
extern const struct conf_key fhir_keys[N_FHIR_KEYS];

/* Complains by itself; the struct lives in the arena. */
const struct fhir_conf *fhir_conf_read(struct ynode portal, struct ynode options, struct arena *);

#endif
