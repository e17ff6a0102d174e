#include "conf/fhir.h"

#include "base/own.h"
#include "conf/conf_in.h"

#include <string.h>

static const char *const alg_names[] = { "auto", "RS384", "ES384", NULL };
static const char *const poll_names[] = { "auto", "last-updated", "received", "patient", NULL };

const struct conf_key fhir_keys[N_FHIR_KEYS] = {
	KEY(fhir_conf, "base", base, CONF_STR, .required = true, .help = "https URL of the FHIR R4 server"),
	KEY(fhir_conf, "ca_file", ca_file, CONF_PATH,
	    .help = "PEM file of the server's authority; without it: the system's"),
	KEY(fhir_conf, "client_id", client_id, CONF_STR,
	    .help = "as the portal registered us (SMART Backend Services); without it: token_file"),
	KEY(fhir_conf, "key_file", key_file, CONF_PATH,
	    .help =
		"PEM private key we sign with, RSA or P-384, mode 0600; portico portal jwks prints the public half"),
	KEY(fhir_conf, "kid", kid, CONF_STR, .help = "name of that key; without it: its RFC 7638 thumbprint"),
	KEY(fhir_conf, "algorithm", alg, CONF_ENUM, .names = alg_names, .def = "auto",
	    .help = "of our signature; auto goes by the key"),
	KEY(fhir_conf, "published_keys", published_keys, CONF_LIST,
	    .help = "other key files whose public halves portico portal jwks prints: the next one, or the last one"),
	KEY(fhir_conf, "token_url", token_url, CONF_STR,
	    .help = "where tokens come from; without it the server's smart-configuration says"),
	KEY(fhir_conf, "scope", scope, CONF_STR,
	    .def = "system/Communication.cruds system/Patient.rs system/Practitioner.rs system/PractitionerRole.rs "
		   "system/CareTeam.rs system/RelatedPerson.rs system/Condition.rs system/Binary.rs "
		   "system/DocumentReference.rs",
	    .help = "what we ask for"),
	KEY(fhir_conf, "token_file", token_file, CONF_PATH,
	    .help = "goes before client_id: a bearer token that another program renews, alone in a file of mode 0600"),
	KEY(fhir_conf, "patient_system", patient_system, CONF_STR, .required = true,
	    .help = "identifier system that names patients; exactly one patient must have each value"),
	KEY(fhir_conf, "mrn_system", mrn_system, CONF_STR,
	    .help = "identifier system of record numbers; without it: patient_system"),
	KEY(fhir_conf, "clinician_system", clinician_system, CONF_STR, .required = true,
	    .help = "identifier system that names clinicians; its values are portal_id in clinicians.yaml"),
	KEY(fhir_conf, "pool_system", pool_system, CONF_STR,
	    .help = "identifier system of CareTeams, organizations and services that are pools here; without it: "
		    "clinician_system"),
	KEY(fhir_conf, "message_system", message_system, CONF_STR, .def = "urn:portico:message",
	    .help = "identifier system of what we write; never change it while messages are under way"),
	KEY(fhir_conf, "notifier", notifier, CONF_STR, .required = true,
	    .help = "who automatic replies come from: Device/<id> or Organization/<id>"),
	KEY(fhir_conf, "category", category, CONF_STR,
	    .help = "category of patients' messages, system|code; for servers that cannot search without one"),
	KEY(fhir_conf, "poll_by", poll_by, CONF_ENUM, .names = poll_names, .def = "auto",
	    .help = "how new messages are found; auto goes by the server's CapabilityStatement"),
	KEY(fhir_conf, "page_size", page_size, CONF_INT, .def = "50", .min = 1, .max = 1000,
	    .help = "messages asked for at a time"),
	KEY(fhir_conf, "overlap", overlap_s, CONF_DURATION, .def = "1m", .min = 1, .max = 86400,
	    .help = "every look begins this long before the newest message seen: late commits, clocks"),
	KEY(fhir_conf, "first_look", first_look_s, CONF_DURATION, .def = "1d", .min = 60, .max = 30 * 86400,
	    .help = "the very first look begins this long ago"),
	KEY(fhir_conf, "timeout", timeout_s, CONF_DURATION, .def = "20s", .min = 1, .max = 300,
	    .help = "for one question and its answer; below the couriers' lease"),
	KEY(fhir_conf, "response_size", response_bytes, CONF_SIZE, .def = "64M", .min = 65536, .max = 512 << 20,
	    .help = "longer answers are refused"),
	KEY(fhir_conf, "problem_codes", problem_codes, CONF_LIST,
	    .help = "conditions that count as known problems: system|code=class; ICD-10 is built in"),
	KEY(fhir_conf, "test_patient", test_patient, CONF_STR, .help = "a patient portico portal check may write to"),
};

/* Credentials go there: TLS, a host, and nothing that makes one URL look like another. */
static void
check_url(struct ynode at, const char *url)
{
	if (strncmp(url, "https://", 8) != 0 || url[8] == '\0' || url[8] == '/' ||
	    url[strcspn(url, "?#@\\ \"<>")] != '\0')
		yaml_complain(at, "\"%s\", expected https://host/path without query or user", ynode_quote(at));
}

static void
check_who(struct ynode portal, struct ynode options, const struct fhir_conf *f)
{
	if (f->client_id == NULL && f->token_file == NULL)
		yaml_complain(options.id != 0 ? options : portal,
		    "neither client_id nor token_file, expected one of them: the server must know who asks");
	if (f->client_id != NULL && f->key_file == NULL)
		yaml_complain(ynode_get(options, "client_id"), "a client_id without a key, expected key_file");
	if (f->key_file != NULL)
		check_secret(ynode_get(options, "key_file"), f->key_file);
	if (f->token_file != NULL)
		check_secret(ynode_get(options, "token_file"), f->token_file);
}

static void
check_lists(struct ynode options, const struct fhir_conf *f)
{
	static const struct conf_key path = { .kind = CONF_PATH };
	struct ynode keys = ynode_get(options, "published_keys"), codes = ynode_get(options, "problem_codes");

	for (size_t i = 0; i < f->published_keys.n; i++) {
		struct ynode item = ynode_kind(keys) == Y_SCALAR ? keys : ynode_item(keys, i);

		if (yaml_read_value(item, &path, &f->published_keys.item[i]))
			check_secret(item, f->published_keys.item[i]);
	}
	for (size_t i = 0; i < f->problem_codes.n; i++) {
		const char *bar = strchr(f->problem_codes.item[i], '|');
		const char *is = bar != NULL ? strchr(bar, '=') : NULL;

		if (is == NULL || is == bar + 1 || is[1] == '\0') {
			struct ynode item = ynode_kind(codes) == Y_SCALAR ? codes : ynode_item(codes, i);

			yaml_complain(item, "\"%s\", expected system|code=class", ynode_quote(item));
		}
	}
}

static void
check_notifier(struct ynode at, const char *s)
{
	const char *id = strchr(s, '/');

	if (id == NULL || (strncmp(s, "Device/", 7) != 0 && strncmp(s, "Organization/", 13) != 0) || id[1] == '\0' ||
	    strlen(id + 1) > 64 ||
	    id[1 + strspn(id + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")] != '\0')
		yaml_complain(at, "\"%s\", expected Device/<id> or Organization/<id>", ynode_quote(at));
}

const struct fhir_conf *
fhir_conf_read(struct ynode portal, struct ynode options, struct arena *a)
{
	struct fhir_conf *f = ARENA_NEW(a, struct fhir_conf);

	if (options.id == 0 || ynode_kind(options) != Y_MAP) {
		yaml_complain(options.id != 0 ? options : portal,
		    "a fhir portal without options, expected at least base, patient_system, clinician_system, "
		    "notifier");
		return f;
	}
	yaml_read_map(options, fhir_keys, N_FHIR_KEYS, f);
	if (f->base != NULL) {
		size_t n = strlen(f->base);

		check_url(ynode_get(options, "base"), f->base);
		while (n > 0 && f->base[n - 1] == '/')
			n--;
		f->base = arena_strndup(a, f->base, n);
	}
	if (f->token_url != NULL)
		check_url(ynode_get(options, "token_url"), f->token_url);
	if (f->ca_file != NULL)
		check_file(ynode_get(options, "ca_file"), f->ca_file);
	if (f->notifier != NULL)
		check_notifier(ynode_get(options, "notifier"), f->notifier);
	if (f->mrn_system == NULL)
		f->mrn_system = f->patient_system;
	if (f->pool_system == NULL)
		f->pool_system = f->clinician_system;
	check_who(portal, options, f);
	check_lists(options, f);
	return f;
}
