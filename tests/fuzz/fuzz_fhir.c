/* Target: fhir_parse() and everything that reads a resource -- seeds: corpus/fhir */
#include "portal/fhir_json.h"
#include "portal/fhir_link.h"

#include <assert.h>

static const struct fhir_conf conf = { .base = "https://fhir.example/R4",
	.patient_system = "urn:mrn",
	.mrn_system = "urn:mrn",
	.clinician_system = "urn:staff",
	.pool_system = "urn:team",
	.message_system = "urn:portico:message" };

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	AUTO(arena) a = arena_new();
	AUTO(content) c = content_new("", "");
	struct fhir_communication m;
	struct patient p = { .portal = "fhir" };
	struct fhir_caps caps;
	json_t *o = NULL;

	if (fhir_parse((struct slice){ (const char *)in, n }, 32, &o, NULL) != ST_OK)
		return 0;
	if (fhir_read_communication(o, &conf, a, &m, c)) {
		assert(fhir_id_valid(m.id));
		assert(m.nfiles + c->natt <= 200);
	}
	fhir_read_patient(o, &conf, a, &p);
	(void)fhir_read_proxies(o, a);
	(void)fhir_read_problems(o, &conf, a);
	(void)fhir_issue_code(o, a);
	(void)fhir_caps_read(o, &caps);
	json_decref(o);
	return 0;
}
