/* FHIR without a network: URLs, Retry-After, capabilities, resources read and written. */
#include "portal/fhir_http.h"
#include "portal/fhir_json.h"
#include "portal/fhir_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE "https://fhir.example/R4"
static const struct fhir_conf conf = { .base = BASE,
	.patient_system = "urn:mrn",
	.mrn_system = "urn:mrn",
	.clinician_system = "urn:staff",
	.pool_system = "urn:team",
	.message_system = "urn:portico:message" };

static json_t *
parse(const char *text)
{
	json_t *o = NULL;

	assert_int_equal(fhir_parse(slice_of(text), 32, &o, NULL), ST_OK);
	return o;
}

/* ---- HTTP ---------------------------------------------------------------------------------------------------------
 */

static void
retry_after_is_seconds_or_a_date(void **state)
{
	const int64_t now = 1772661600; /* 2026-03-04T22:00:00Z */
	static const struct {
		const char *field;
		int64_t want;
	} rows[] = {
		{ "120", 120 },
		{ "0", 0 },
		{ "99999999999999999999", 3600 },
		{ "7200", 3600 },
		{ "Wed, 04 Mar 2026 22:00:30 GMT", 30 },
		{ "Wednesday, 04-Mar-26 22:00:30 GMT", 30 },
		{ "Wed Mar  4 22:00:30 2026", 30 },
		{ "Wed, 04 Mar 2026 21:00:00 GMT", 0 },
		{ "Thu, 05 Mar 2026 22:00:00 GMT", 3600 },
		{ "", -1 },
		{ "-5", -1 },
		{ "1.5", -1 },
		{ "soon", -1 },
		{ "not, a date", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (fhir_retry_after(rows[i].field, now) != rows[i].want)
			fail_msg("\"%s\": %lld", rows[i].field, (long long)fhir_retry_after(rows[i].field, now));
}

static void
origins_are_scheme_host_and_port(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "https://a.example/x", "https://a.example:443/y?z", true },
		{ "https://A.example/x", "https://a.EXAMPLE/", true },
		{ "https://a.example/x", "https://a.example:8443/x", false },
		{ "https://a.example/x", "http://a.example/x", false },
		{ "http://a.example/x", "http://a.example/x", false },
		{ "https://a.example/x", "https://a.example.evil/x", false },
		{ "https://a.example/x", "https://a.example@evil/x", false },
		{ "https://a.example/x", "//a.example/x", false },
		{ "https://a.example/x", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (fhir_same_origin(rows[i].a, rows[i].b) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
}

static void
links_are_resolved_as_they_are_given(void **state)
{
	static const struct {
		const char *ref, *want;
	} rows[] = {
		{ "https://fhir.example/next?c=1%7C2", "https://fhir.example/next?c=1%7C2" },
		{ "/R4/next?c=1", "https://fhir.example/R4/next?c=1" },
		{ "Communication?page=2", "https://fhir.example/R4/Communication?page=2" },
		{ "?page=2", "https://fhir.example/R4/Communication?page=2" },
		{ "//evil.example/x", "https://evil.example/x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR got = fhir_resolve_url(BASE "/Communication?x", rows[i].ref);

		assert_non_null(got);
		assert_string_equal(got, rows[i].want);
	}
}

/* ---- capabilities -------------------------------------------------------------------------------------------------
 */

static void
capabilities_decide(void **state)
{
	static const struct {
		const char *name, *communication;
		bool conditional, can_ask, patch;
		enum fhir_poll_by poll;
	} rows[] = {
		{ "medplum-like",
		    "\"interaction\":[{\"code\":\"create\"},{\"code\":\"search-type\"}],\"conditionalCreate\":true,"
		    "\"searchParam\":[{\"name\":\"_lastUpdated\"},{\"name\":\"identifier\"}]",
		    true, true, false, FHIR_POLL_UPDATED },
		{ "oracle-like",
		    "\"interaction\":[{\"code\":\"create\"},{\"code\":\"patch\"},{\"code\":\"search-type\"}],"
		    "\"searchParam\":[{\"name\":\"received\"},{\"name\":\"recipient\"},{\"name\":\"category\"}]",
		    false, false, true, FHIR_POLL_RECEIVED },
		{ "epic-like",
		    "\"interaction\":[{\"code\":\"create\"},{\"code\":\"search-type\"}],"
		    "\"searchParam\":[{\"name\":\"patient\"}]",
		    false, false, false, FHIR_POLL_PATIENT },
		{ "parameters without search", "\"searchParam\":[{\"name\":\"identifier\"}]", false, false, false,
		    FHIR_POLL_PATIENT },
		{ "members of wrong types",
		    "\"interaction\":{\"code\":\"create\"},\"conditionalCreate\":\"true\",\"searchParam\":[7,null]",
		    false, false, false, FHIR_POLL_PATIENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR text =
		    xasprintf("{\"resourceType\":\"CapabilityStatement\",\"fhirVersion\":\"4.0.1\","
			      "\"software\":{\"name\":\"x\\ny\"},\"rest\":[{\"mode\":\"server\",\"resource\":"
			      "[{\"type\":\"Communication\",%s}]}]}",
			rows[i].communication);
		json_t *o = parse(text);
		struct fhir_caps c;

		assert_true(fhir_caps_read(o, &c));
		assert_true(c.r4);
		assert_string_equal(c.software, "xy");
		if (c.conditional_create != rows[i].conditional || fhir_caps_can_ask(&c) != rows[i].can_ask ||
		    c.patch != rows[i].patch || fhir_caps_poll_by(&c, FHIR_POLL_AUTO) != rows[i].poll)
			fail_msg("%s", rows[i].name);
		assert_int_equal(fhir_caps_poll_by(&c, FHIR_POLL_UPDATED), FHIR_POLL_UPDATED);
		json_decref(o);
	}
}

static void
other_documents_are_no_capabilities(void **state)
{
	static const char *const rows[] = { "{}", "{\"resourceType\":\"CapabilityStatement\"}",
		"{\"resourceType\":\"CapabilityStatement\",\"rest\":[{\"mode\":\"client\"}]}",
		"{\"resourceType\":\"OperationOutcome\",\"rest\":[{\"mode\":\"server\"}]}" };
	struct fhir_caps c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *o = parse(rows[i]);

		assert_false(fhir_caps_read(o, &c));
		json_decref(o);
	}
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static void
json_has_limits(void **state)
{
	static const struct {
		const char *name, *text;
		bool ok;
	} rows[] = {
		{ "an object", "{\"a\":[1,2]}", true },
		{ "brackets in a string are no depth", "{\"a\":\"[[[[[[[[[[\\\"[[\"}", true },
		{ "U+0000", "{\"a\":\"x\\u0000y\"}", true },
		{ "too deep", "{\"a\":[[[[[[[[1]]]]]]]]}", false },
		{ "a list", "[1]", false },
		{ "a login page", "<html><body>Log in</body></html>", false },
		{ "cut off", "{\"a\":[1,2", false },
		{ "nothing", "", false },
		{ "a key twice", "{\"a\":1,\"a\":2}", false },
		{ "half a surrogate", "{\"a\":\"\\ud800\"}", false },
		{ "not UTF-8", "{\"a\":\"\xff\"}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *o = NULL;

		if ((fhir_parse(slice_of(rows[i].text), 6, &o, NULL) == ST_OK) != rows[i].ok)
			fail_msg("%s", rows[i].name);
		json_decref(o);
	}
}

static void
references_are_this_servers_or_none(void **state)
{
	static const struct {
		const char *ref, *types, *want;
	} rows[] = {
		{ "Patient/7", NULL, "Patient/7" },
		{ BASE "/Patient/7", NULL, "Patient/7" },
		{ "Patient/7/_history/2", NULL, "Patient/7" },
		{ "https://evil.example/R4/Patient/7", NULL, "" },
		{ "Patient/7", "Practitioner RelatedPerson", "" },
		{ "Patient/7", "RelatedPerson Patient", "Patient/7" },
		{ "Person/7", "RelatedPerson Patient", "" },
		{ "#contained", NULL, "" },
		{ "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", NULL, "" },
		{ "Patient/../metadata", NULL, "" },
		{ "Patient/7?x=1", NULL, "" },
		{ "Patient/7/other", NULL, "" },
		{ "Patient/", NULL, "" },
		{ "", NULL, "" },
	};
	AUTO(arena) a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(fhir_reference(rows[i].ref, BASE, rows[i].types, a), rows[i].want);
}

static void
times_are_instants_or_dates(void **state)
{
	static const struct {
		const char *s;
		int64_t want;
	} rows[] = {
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "1970-01-01T00:00:01.5Z", 1500 },
		{ "1970-01-01T00:00:01.123456Z", 1123 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1970-01-02", 86400000 },
		{ "1970-01", -1 },
		{ "1970-13-02", -1 },
		{ "", -1 },
		{ "yesterday", -1 },
	};
	AUTO(arena) a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(fhir_time_ms(rows[i].s), rows[i].want);
	assert_string_equal(fhir_instant(1123, a), "1970-01-01T00:00:01.123Z");
}

#define MESSAGE(more)                                                                                                  \
	"{\"resourceType\":\"Communication\",\"id\":\"m1\",\"status\":\"in-progress\","                                \
	"\"sender\":{\"reference\":\"Patient/7\"},\"subject\":{\"reference\":\"Patient/7\"}" more "}"

static void
a_patients_message_is_read(void **state)
{
	static const struct {
		const char *name, *text, *want;
		size_t natt, nfiles;
	} rows[] = {
		{ "text", MESSAGE(",\"payload\":[{\"contentString\":\"a < b\"}]"), "a < b", 0, 0 },
		{ "two texts", MESSAGE(",\"payload\":[{\"contentString\":\"a\"},{\"contentString\":\"b\"}]"), "a\n\nb",
		    0, 0 },
		{ "HTML", MESSAGE(",\"payload\":[{\"contentString\":\"<p>a &amp; b</p>\"}]"), "a & b", 0, 0 },
		{ "text about HTML", MESSAGE(",\"payload\":[{\"contentString\":\"I see <p> and </p>\"}]"),
		    "I see <p> and </p>", 0, 0 },
		{ "U+0000", MESSAGE(",\"payload\":[{\"contentString\":\"a\\u0000b\"}]"),
		    "a\xEF\xBF\xBD"
		    "b",
		    0, 0 },
		{ "inline attachment",
		    MESSAGE(",\"payload\":[{\"contentAttachment\":{\"contentType\":\"image/png\",\"title\":\"x.png\","
			    "\"data\":\"AAEC\"}}]"),
		    "", 1, 0 },
		{ "text in an attachment",
		    MESSAGE(
			",\"payload\":[{\"contentAttachment\":{\"contentType\":\"text/plain\",\"data\":\"aGk=\"}}]"),
		    "hi", 0, 0 },
		{ "attachment elsewhere", MESSAGE(",\"payload\":[{\"contentAttachment\":{\"url\":\"Binary/1\"}}]"), "",
		    0, 1 },
		{ "reference", MESSAGE(",\"payload\":[{\"contentReference\":{\"reference\":\"Binary/1\"}}]"), "", 0,
		    1 },
		{ "broken base64", MESSAGE(",\"payload\":[{\"contentAttachment\":{\"title\":\"x\",\"data\":\"!\"}}]"),
		    "", 0, 1 },
		{ "wrong types",
		    MESSAGE(",\"payload\":[7,{\"contentString\":7},{\"contentAttachment\":[]}],\"topic\":[]"), "", 0,
		    0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		AUTO(content) c = content_new("", "");
		json_t *o = parse(rows[i].text);
		struct fhir_communication m;
		AUTO_STR text = NULL;

		assert_true(fhir_read_communication(o, &conf, a, &m, c));
		text = slice_dup(slice_trim(slice_of(m.text)));
		assert_true(m.from_patient && m.has_payload && !m.ours && !m.notification && fhir_is_sent(&m));
		if (strcmp(text, rows[i].want) != 0 || c->natt != rows[i].natt || m.nfiles != rows[i].nfiles)
			fail_msg("%s: \"%s\", %zu, %zu", rows[i].name, m.text, c->natt, m.nfiles);
		json_decref(o);
	}
}

static void
ours_drafts_and_staff_are_told_apart(void **state)
{
	AUTO(arena) a = arena_new();
	struct fhir_communication m;
	json_t *o;

	(void)state;
	o = parse(MESSAGE(",\"identifier\":[{\"system\":\"urn:portico:message\",\"value\":\"k\"}]"));
	assert_true(fhir_read_communication(o, &conf, a, &m, NULL) && m.ours && !m.has_payload);
	json_decref(o);
	o = parse(MESSAGE(",\"category\":[{\"coding\":[{\"code\":\"notification\"}]}]"));
	assert_true(fhir_read_communication(o, &conf, a, &m, NULL) && m.notification);
	json_decref(o);
	o = parse("{\"resourceType\":\"Communication\",\"id\":\"m\",\"status\":\"preparation\",\"sender\":"
		  "{\"reference\":\"Practitioner/1\"}}");
	assert_true(fhir_read_communication(o, &conf, a, &m, NULL) && !m.from_patient && !fhir_is_sent(&m));
	json_decref(o);
	o = parse("{\"resourceType\":\"Communication\",\"id\":\"../m\"}");
	assert_false(fhir_read_communication(o, &conf, a, &m, NULL));
	json_decref(o);
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static void
what_we_write_reads_back(void **state)
{
	AUTO(arena) a = arena_new();
	AUTO(content) c = content_new("Re: knee", "rest\x01 it\nplease \"\xE2\x82\xAC\"");
	AUTO(content) back = content_new("", "");
	struct fhir_outgoing out = { "urn:portico:message", "key/1", "Communication/9", NULL, "Patient/7",
		"Practitioner/3", false, 1772661600000, c, NULL };
	struct fhir_communication m;
	json_t *o, *other;

	(void)state;
	content_add(c, "x.bin", "application/octet-stream", "\0\1\2\3", 4);
	o = fhir_write_communication(&out);
	json_object_set_new(o, "id", json_string("m"));
	assert_true(fhir_read_communication(o, &conf, a, &m, back));
	assert_true(m.ours && !m.notification && !m.from_patient);
	assert_string_equal(m.text, "rest it\nplease \"\xE2\x82\xAC\"");
	assert_string_equal(m.topic, "Re: knee");
	assert_string_equal(m.part_of, "Communication/9");
	assert_string_equal(m.subject, "Patient/7");
	assert_string_equal(m.recipient[0], "Patient/7");
	assert_int_equal(m.sent_ms, 1772661600000);
	assert_int_equal(back->natt, 1);
	assert_memory_equal(back->att[0].data.p, "\0\1\2\3", 4);
	assert_string_equal(fhir_identifier(o, "urn:portico:message", a), "key/1");
	out.notification = true;
	other = fhir_write_communication(&out);
	assert_true(fhir_has_code(json_object_get(other, "category"), NULL, "notification"));
	json_decref(other);
	json_decref(o);
}

static void
nothing_empty_is_written(void **state)
{
	AUTO(content) c = content_new("", " \n");
	struct fhir_outgoing out = { "urn:x", "k", NULL, NULL, "Patient/7", "Device/1", true, 0, c, NULL };
	json_t *o = fhir_write_communication(&out);

	(void)state;
	assert_null(json_object_get(o, "payload"));
	assert_null(json_object_get(o, "topic"));
	assert_null(json_object_get(o, "partOf"));
	assert_null(json_object_get(o, "sent"));
	json_decref(o);
}

/* ---- people -------------------------------------------------------------------------------------------------------
 */

static void
a_patient_becomes_a_record(void **state)
{
	AUTO(arena) a = arena_new();
	struct patient p = { .portal = "fhir" };
	json_t *o = parse(
	    "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"1001\"},"
	    "{\"system\":\"urn:mrn\",\"value\":\"999\",\"use\":\"old\"}],\"name\":[{\"use\":\"nickname\",\"given\":["
	    "\"H\"]},"
	    "{\"use\":\"official\",\"given\":[\"Homer\",\"Jay\"],\"family\":\"Simpson\"}],\"birthDate\":\"1956-05-12\","
	    "\"address\":[{\"use\":\"old\",\"state\":\"NV\"},{\"state\":\"OR\",\"country\":\"US\"}],\"communication\":"
	    "[{\"language\":{\"coding\":[{\"code\":\"es\"}]}}],\"extension\":[{\"url\":"
	    "\"http://hl7.org/fhir/StructureDefinition/timezone\",\"valueCode\":\"America/New_York\"}]}");

	(void)state;
	fhir_read_patient(o, &conf, a, &p);
	assert_string_equal(p.portal_key, "1001");
	assert_string_equal(p.given, "Homer Jay");
	assert_string_equal(p.family, "Simpson");
	assert_string_equal(p.birth_date, "1956-05-12");
	assert_string_equal(p.zone, "America/New_York");
	assert_string_equal(p.language, "es");
	assert_string_equal(p.jurisdiction, "US-OR");
	json_decref(o);
	o = parse(
	    "{\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"1\"},{\"system\":\"urn:mrn\",\"value\":\"2\"}]}");
	fhir_read_patient(o, &conf, a, &p);
	assert_string_equal(p.portal_key, ""); /* two names are none */
	json_decref(o);
}

#define CONDITION(system, code, more)                                                                                  \
	"{\"resource\":{\"resourceType\":\"Condition\",\"code\":{\"coding\":[{\"system\":\"" system                    \
	"\",\"code\":\"" code "\"}]}" more "}}"

static void
conditions_become_known_problems(void **state)
{
	static const char *mine[] = { "http://snomed.info/sct|86406008=hiv" };
	static const struct {
		const char *name, *entry, *want;
	} rows[] = {
		{ "ICD-10", CONDITION("http://hl7.org/fhir/sid/icd-10-cm", "C50.911", ""), "malignancy" },
		{ "configured", CONDITION("http://snomed.info/sct", "86406008", ""), "hiv" },
		{ "not configured", CONDITION("http://snomed.info/sct", "1", ""), "" },
		{ "another system", CONDITION("urn:x", "C50", ""), "" },
		{ "no class", CONDITION("http://hl7.org/fhir/sid/icd-10", "J45", ""), "" },
		{ "refuted",
		    CONDITION("http://hl7.org/fhir/sid/icd-10", "C50",
			",\"verificationStatus\":{\"coding\":[{\"code\":\"refuted\"}]}"),
		    "" },
		{ "resolved",
		    CONDITION("http://hl7.org/fhir/sid/icd-10", "C50",
			",\"clinicalStatus\":{\"coding\":[{\"code\":\"resolved\"}]}"),
		    "" },
		{ "twice",
		    CONDITION("http://hl7.org/fhir/sid/icd-10", "C50", "") "," CONDITION(
			"http://hl7.org/fhir/sid/icd-10", "C51", ""),
		    "malignancy" },
	};
	struct fhir_conf f = conf;
	AUTO(arena) a = arena_new();

	(void)state;
	f.problem_codes = (struct conf_list){ mine, 1 };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR text = xasprintf("{\"entry\":[%s]}", rows[i].entry);
		json_t *o = parse(text);

		if (strcmp(fhir_read_problems(o, &f, a), rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, fhir_read_problems(o, &f, a));
		json_decref(o);
	}
}

static void
related_persons_become_proxies(void **state)
{
	AUTO(arena) a = arena_new();
	json_t *o =
	    parse("{\"entry\":[{\"resource\":{\"resourceType\":\"RelatedPerson\",\"relationship\":[{\"coding\":"
		  "[{\"code\":\"MTH\"}]}]}},{\"resource\":{\"resourceType\":\"RelatedPerson\",\"active\":false}},"
		  "{\"resource\":{\"resourceType\":\"RelatedPerson\",\"relationship\":[{\"text\":\"Aunt, 2:x\"}]}}]}");

	(void)state;
	assert_string_equal(fhir_read_proxies(o, a), "mother:full:in_thread,aunt-2-x:full:in_thread");
	json_decref(o);
}

static void
issues_are_codes_and_no_words(void **state)
{
	AUTO(arena) a = arena_new();
	json_t *o = parse("{\"issue\":[{\"code\":\"too-long\",\"diagnostics\":\"Homer\"}]}");
	json_t *odd = parse("{\"issue\":[{\"code\":\"Homer Simpson\"}]}");

	(void)state;
	assert_string_equal(fhir_issue_code(o, a), "too-long");
	assert_string_equal(fhir_issue_code(odd, a), "");
	json_decref(o);
	json_decref(odd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(origins_are_scheme_host_and_port),
		cmocka_unit_test(links_are_resolved_as_they_are_given),
		cmocka_unit_test(capabilities_decide),
		cmocka_unit_test(other_documents_are_no_capabilities),
		cmocka_unit_test(json_has_limits),
		cmocka_unit_test(references_are_this_servers_or_none),
		cmocka_unit_test(times_are_instants_or_dates),
		cmocka_unit_test(a_patients_message_is_read),
		cmocka_unit_test(ours_drafts_and_staff_are_told_apart),
		cmocka_unit_test(what_we_write_reads_back),
		cmocka_unit_test(nothing_empty_is_written),
		cmocka_unit_test(a_patient_becomes_a_record),
		cmocka_unit_test(conditions_become_known_problems),
		cmocka_unit_test(related_persons_become_proxies),
		cmocka_unit_test(issues_are_codes_and_no_words),
	};

	return cmocka_run_group_tests_name("fhir", tests, NULL, NULL);
}
