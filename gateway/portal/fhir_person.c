/* fhir_person -- Patient, RelatedPerson and Condition as the ledger's patient record: fhir_json.h. */
#include "portal/fhir_json.h"

#include <string.h>
#include <strings.h>

#define ICD10 "http://hl7.org/fhir/sid/icd-10"
#define TIMEZONE "http://hl7.org/fhir/StructureDefinition/timezone"
#define TIMEZONE_OLD "http://hl7.org/fhir/StructureDefinition/tz-code"

/* The official name, or the usual one, or the first. */
static const json_t *
name_of(const json_t *list, struct arena *a)
{
	static const char *const uses[] = { "official", "usual" };

	for (size_t u = 0; u < ARRAY_LEN(uses); u++)
		for (size_t i = 0; i < fhir_count(list); i++)
			if (strcmp(fhir_text(json_array_get(list, i), a, "use"), uses[u]) == 0)
				return json_array_get(list, i);
	return json_array_get(list, 0);
}

static const char *
joined(const json_t *list, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (size_t i = 0; i < fhir_count(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s != NULL)
			buf_printf(&b, "%s%s", b.n > 0 ? " " : "", s);
	}
	return arena_strdup(a, buf_str(&b));
}

static const char *
zone_of(const json_t *extensions, struct arena *a)
{
	for (size_t i = 0; i < fhir_count(extensions); i++) {
		const json_t *x = json_array_get(extensions, i);
		const char *url = fhir_text(x, a, "url");

		if (strcmp(url, TIMEZONE) == 0 || strcmp(url, TIMEZONE_OLD) == 0)
			return fhir_text(x, a, "valueCode");
	}
	return "";
}

/* The preferred language, or the only one. */
static const char *
language_of(const json_t *list, struct arena *a)
{
	for (size_t i = 0; i < fhir_count(list); i++) {
		const json_t *one = json_array_get(list, i);

		if (fhir_count(list) == 1 || json_is_true(json_object_get(one, "preferred")))
			return fhir_text(json_array_get(fhir_at(one, "language", "coding"), 0), a, "code");
	}
	return "";
}

/* Of the home address in the United States, "US-CA". */
static const char *
jurisdiction_of(const json_t *list, struct arena *a)
{
	for (size_t i = 0; i < fhir_count(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *state = fhir_text(one, a, "state"), *country = fhir_text(one, a, "country");
		const char *use = fhir_text(one, a, "use");

		if (strcmp(use, "old") == 0 || strcmp(use, "work") == 0 || strcmp(use, "billing") == 0)
			continue;
		if (strlen(state) == 2 && strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2 &&
		    (country[0] == '\0' || strcmp(country, "US") == 0 || strcmp(country, "USA") == 0))
			return arena_printf(a, "US-%s", state);
	}
	return "";
}

void
fhir_read_patient(const json_t *r, const struct fhir_conf *f, struct arena *a, struct patient *ret)
{
	const json_t *name = name_of(json_object_get(r, "name"), a);
	const char *born = fhir_text(r, a, "birthDate");

	*ret = (struct patient){
		.ref = ret->ref,
		.portal = ret->portal,
		.portal_key = fhir_identifier(r, f->patient_system, a),
		.mrn = fhir_identifier(r, f->mrn_system, a),
		.given = joined(json_object_get(name, "given"), a),
		.family = fhir_text(name, a, "family"),
		.birth_date = strlen(born) == 10 ? born : "",
		.zone = zone_of(json_object_get(r, "extension"), a),
		.language = language_of(json_object_get(r, "communication"), a),
		.jurisdiction = jurisdiction_of(json_object_get(r, "address"), a),
		.known_problems = "",
		.proxies = "",
	};
}

/* A word for proxies: letters, digits and blanks as -, so that neither ',' nor ':' splits it. */
static const char *
word_of(const char *s, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;

	for (; *s != '\0' && b.n < 40; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9'))
			buf_putc(&b, *s);
		else if (*s >= 'A' && *s <= 'Z')
			buf_putc(&b, (char)(*s + 32));
		else if (b.n > 0 && b.p[b.n - 1] != '-')
			buf_putc(&b, '-');
	return b.n > 0 ? arena_strdup(a, buf_str(&b)) : "proxy";
}

static const char *
relation_of(const json_t *r, struct arena *a)
{
	static const struct {
		const char *code, *word;
	} known[] = { { "MTH", "mother" }, { "FTH", "father" }, { "PRN", "parent" }, { "GUARD", "guardian" },
		{ "SPS", "spouse" }, { "HUSB", "husband" }, { "WIFE", "wife" }, { "CHILD", "child" } };
	const json_t *list = json_object_get(r, "relationship");
	const json_t *first = json_array_get(list, 0);
	const char *text = fhir_text(first, a, "text");

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (fhir_has_code(list, NULL, known[i].code))
			return known[i].word;
	if (text[0] == '\0')
		text = fhir_text(json_array_get(json_object_get(first, "coding"), 0), a, "display");
	return word_of(text, a);
}

/* FHIR does not say what a RelatedPerson may read: all of it, in every thread, is the careful reading. */
const char *
fhir_read_proxies(const json_t *bundle, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;
	const json_t *list = json_object_get(bundle, "entry");

	for (size_t i = 0; i < fhir_count(list); i++) {
		const json_t *r = json_object_get(json_array_get(list, i), "resource");

		if (strcmp(fhir_text(r, a, "resourceType"), "RelatedPerson") != 0 ||
		    json_is_false(json_object_get(r, "active")))
			continue;
		buf_printf(&b, "%s%s:full:in_thread", b.n > 0 ? "," : "", relation_of(r, a));
	}
	return arena_strdup(a, buf_str(&b));
}

/* ---- known problems -----------------------------------------------------------------------------------------------
 */

/* By the first characters of an ICD-10 code, from..to. */
static const struct {
	const char *from, *to, *class_name;
} icd10[] = {
	{ "B15", "B19", "hepatitis" },
	{ "B20", "B24", "hiv" },
	{ "Z21", "Z21", "hiv" },
	{ "A50", "A64", "sti" },
	{ "C00", "C97", "malignancy" },
	{ "F10", "F19", "sud" },
	{ "F20", "F69", "mental_health" },
	{ "G10", "G12", "neurodegenerative" },
	{ "G20", "G20", "neurodegenerative" },
	{ "G30", "G31", "neurodegenerative" },
	{ "G35", "G35", "neurodegenerative" },
	{ "O00", "O08", "pregnancy_loss" },
};

static const char *
class_of(const json_t *coding, const struct fhir_conf *f, struct arena *a)
{
	const char *system = fhir_text(coding, a, "system"), *code = fhir_text(coding, a, "code");
	const char *want = arena_printf(a, "%s|%s=", system, code);

	for (size_t i = 0; i < f->problem_codes.n; i++)
		if (strncmp(f->problem_codes.item[i], want, strlen(want)) == 0)
			return f->problem_codes.item[i] + strlen(want);
	/* icd-10 and icd-10-cm */
	if (strncmp(system, ICD10, strlen(ICD10)) != 0)
		return "";
	for (size_t i = 0; i < ARRAY_LEN(icd10); i++)
		if (strncasecmp(code, icd10[i].from, 3) >= 0 && strncasecmp(code, icd10[i].to, 3) <= 0)
			return icd10[i].class_name;
	return "";
}

/* What is refuted, resolved or a mistake is no known problem: news about it would be news. */
static bool
is_current(const json_t *condition)
{
	static const char *const gone[] = { "inactive", "remission", "resolved" };
	static const char *const untrue[] = { "refuted", "entered-in-error", "unconfirmed", "provisional",
		"differential" };
	json_t *clinical = json_array(), *verified = json_array();
	bool ok = true;

	json_array_append(clinical, json_object_get(condition, "clinicalStatus"));
	json_array_append(verified, json_object_get(condition, "verificationStatus"));
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		ok = ok && !fhir_has_code(clinical, NULL, gone[i]);
	for (size_t i = 0; i < ARRAY_LEN(untrue); i++)
		ok = ok && !fhir_has_code(verified, NULL, untrue[i]);
	json_decref(clinical);
	json_decref(verified);
	return ok;
}

const char *
fhir_read_problems(const json_t *bundle, const struct fhir_conf *f, struct arena *a)
{
	AUTO_BUF b = BUF_INIT;
	const json_t *list = json_object_get(bundle, "entry");

	for (size_t i = 0; i < fhir_count(list); i++) {
		const json_t *r = json_object_get(json_array_get(list, i), "resource");
		const json_t *codings = fhir_at(r, "code", "coding");

		if (strcmp(fhir_text(r, a, "resourceType"), "Condition") != 0 || !is_current(r))
			continue;
		for (size_t k = 0; k < fhir_count(codings); k++) {
			const char *is = class_of(json_array_get(codings, k), f, a);

			if (is[0] != '\0' && strstr(buf_str(&b), is) == NULL)
				buf_printf(&b, "%s%s", b.n > 0 ? "," : "", is);
		}
	}
	return arena_strdup(a, buf_str(&b));
}
