/*
 * The contract of every portal driver, on portal_fhir and the server of tests/fhir; and a server that cannot be asked.
 * The flow test starts both: contract URL CA KEY
 */
#include "portal_contract.h"

#include "conf/fhir.h"
#include "portal/fhir_http.h"
#include "portal/fhir_json.h"
#include "store_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *url;
static struct temp_store s;
static struct clock now;
static struct arena *ids;
static struct fhir_http *http;
static struct fhir_http_options http_options;
static struct fhir_conf conf = { .client_id = "portico",
	.scope = "system/Communication.cruds",
	.patient_system = "urn:mrn",
	.mrn_system = "urn:mrn",
	.clinician_system = "urn:staff",
	.pool_system = "urn:staff",
	.message_system = "urn:portico:message",
	.notifier = "Organization/clinic",
	.page_size = 2,
	.overlap_s = 60,
	.first_look_s = 3600,
	.timeout_s = 10,
	.response_bytes = 1 << 20 };
static struct portal_conf self = { .id = "fhir", .driver = "fhir", .poll_s = 1, .fhir = &conf };
static const char *homer, *lee;

/* As the far side's own users, without a token. */
static json_t *
ask(const char *path, const char *body)
{
	AUTO_STR where = xasprintf("%s%s", url, path);
	struct fhir_request q = { .url = where,
		.method = body != NULL ? "POST" : NULL,
		.body = body != NULL ? slice_of(body) : (struct slice){ NULL, 0 },
		.content_type = "application/fhir+json" };
	struct fhir_answer a = FHIR_ANSWER;
	json_t *ret = NULL;

	fhir_rest_clear();
	if (fhir_http_do(http, &q, &a, NULL) == ST_OK && a.status < 300)
		ret = json_loadb(a.body.p, a.body.n, 0, NULL);
	fhir_answer_free(&a);
	return ret;
}

static const char *
add(const char *type, const char *body)
{
	AUTO_STR path = xasprintf("/open/%s", type);
	json_t *o = ask(path, body);
	const char *id = arena_printf(ids, "%s/%s", type, json_string_value(json_object_get(o, "id")));

	json_decref(o);
	return id;
}

static const char *
add_named(const char *type, const char *system, const char *value)
{
	AUTO_STR body = xasprintf(
	    "{\"resourceType\":\"%s\",\"identifier\":[{\"system\":\"%s\",\"value\":\"%s\"}]}", type, system, value);

	return add(type, body);
}

static bool
up(void)
{
	temp_store_open(&s);
	ids = arena_new();
	json_decref(ask("/__clear", "{}"));
	homer = add_named("Patient", "urn:mrn", "homer");
	add_named("Patient", "urn:mrn", "ned");
	lee = add_named("Practitioner", "urn:staff", "clinician:lee");
	return true;
}

static void
down(void)
{
	arena_free(ids);
	temp_store_close(&s);
}

static struct portal *
open_portal(void)
{
	struct portal_env env = { .self = &self, .store = s.store, .clock = &now };
	struct portal *p = NULL;
	struct err err = ERR_NONE;

	fhir_rest_clear();
	if (portal_fhir.open(&env, &p, &err) != ST_OK)
		printf("open: %s (%s)\n", err.text, err.code);
	return p;
}

static bool
homer_writes(const char *thread, const char *text, const char **ret_thread, const char **ret_id)
{
	AUTO_STR header = xasprintf("{\"resourceType\":\"Communication\",\"status\":\"in-progress\",\"subject\":"
				    "{\"reference\":\"%s\"},\"sender\":{\"reference\":\"%s\"}}",
	    homer, homer);
	const char *at = thread != NULL ? arena_printf(ids, "Communication/%s", thread) : add("Communication", header);
	AUTO_STR body =
	    xasprintf("{\"resourceType\":\"Communication\",\"status\":\"in-progress\",\"subject\":"
		      "{\"reference\":\"%s\"},\"sender\":{\"reference\":\"%s\"},\"recipient\":[{\"reference\":"
		      "\"%s\"}],\"partOf\":[{\"reference\":\"%s\"}],\"payload\":[{\"contentString\":\"%s\"}]}",
		homer, homer, lee, at, text);

	*ret_id = strchr(add("Communication", body), '/') + 1;
	*ret_thread = strchr(at, '/') + 1;
	return true;
}

static int
posts(const char *idem_key)
{
	AUTO_BUF path = BUF_INIT;
	json_t *o;
	int n;

	buf_puts(&path, "/open/Communication?identifier=urn:portico:message%7C");
	fhir_escape(idem_key, &path);
	o = ask(buf_str(&path), NULL);
	n = (int)fhir_count(json_object_get(o, "entry"));
	json_decref(o);
	return n;
}

struct portal_bench portal_bench_of_server = { up, down, open_portal, homer_writes, posts };

/* ---- a server that can neither be asked by key nor deduplicate ----------------------------------------------------
 */

static int
setup(void **state)
{
	(void)state;
	return up() ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	down();
	return 0;
}

static void
post_into(const char *variant, const char *fault, enum status first, const char *code, enum status second)
{
	AUTO(content) c = content_new("", "once");
	AUTO_STR name = xasprintf("{\"name\":\"%s\"}", variant);
	const char *thread, *id;
	struct portal *p;
	struct err err = ERR_NONE;
	AUTO_STR got = NULL;

	assert_true(homer_writes(NULL, "hi", &thread, &id));
	json_decref(ask("/__variant", name));
	p = open_portal();
	assert_non_null(p);
	assert_int_equal(p->drv->caps & PORTAL_CAN_ASK, 0);
	struct portal_post post = {
		.idem_key = "k", .thread = thread, .patient_key = "homer", .author = "clinician:lee", .content = c
	};

	json_decref(ask("/__fault", fault));
	assert_int_equal(p->drv->post(p, &post, &got, &err), first);
	if (first != ST_OK)
		assert_string_equal(err.code, code);
	fhir_rest_clear();
	free(got);
	got = NULL;
	p->drv->close(p);
	p = open_portal(); /* it is remembered beyond the session */
	assert_int_equal(p->drv->post(p, &post, &got, &err), second);
	p->drv->close(p);
	json_decref(ask("/__variant", "{\"name\":\"reference\"}"));
	assert_int_equal(posts("k"), 1);
}

static void
an_unknown_outcome_is_not_tried_again_where_nobody_can_be_asked(void **state)
{
	(void)state;
	post_into("oracle", "[{\"kind\":\"lost\",\"method\":\"POST\",\"path\":\"/Communication\",\"times\":1}]",
	    ST_MSG_REFUSED, "fhir.outcome-unknown", ST_MSG_REFUSED);
}

static void
a_clear_refusal_may_be_tried_again(void **state)
{
	(void)state;
	post_into("epic",
	    "[{\"kind\":\"status\",\"status\":429,\"method\":\"POST\",\"path\":\"/Communication\",\"times\":1}]",
	    ST_REMOTE_DOWN, "fhir.status", ST_OK);
}

static void
what_went_well_is_not_repeated_either(void **state)
{
	(void)state;
	post_into("epic", "[]", ST_OK, "", ST_OK);
}

static int
bench(void **state)
{
	(void)state;
	portal_bench = portal_bench_of_server;
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest own[] = {
		CASE(an_unknown_outcome_is_not_tried_again_where_nobody_can_be_asked),
		CASE(a_clear_refusal_may_be_tried_again),
		CASE(what_went_well_is_not_repeated_either),
	};
	int failed;

	if (argc != 4)
		return 2;
	url = argv[1];
	now = clock_real();
	conf.base = xasprintf("%s/fhir/R4", url);
	conf.ca_file = argv[2];
	conf.key_file = argv[3];
	http_options = (struct fhir_http_options){ url, argv[2], 10, 1 << 24 };
	http = fhir_http_new(&http_options);
	failed = _cmocka_run_group_tests("fhir", portal_contract, portal_contract_size, bench, NULL);
	failed += cmocka_run_group_tests_name("blind", own, NULL, NULL);
	fhir_http_free(http);
	return failed;
}
