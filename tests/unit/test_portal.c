/* The contract on the embedded portal, the null portal and the proxy; the patient's half; the proxy's faults. */
#include "portal_contract.h"

#include "portal/portal_local.h"
#include "store_help.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct temp_store s;
static struct arena *ids;

/* ---- the embedded portal ----------------------------------------------------------------------------------------- */

static enum status
two_patients(struct tx *tx, void *arg, struct err *err)
{
	struct patient homer = { .portal = "local", .portal_key = "homer" };
	struct patient ned = { .portal = "local", .portal_key = "ned" };
	char ref[REF_LEN + 1];

	(void)arg;
	TRY(patient_put(tx, &homer, ref, err));
	return patient_put(tx, &ned, ref, err);
}

static bool
local_up(void)
{
	temp_store_open(&s);
	ids = arena_new();
	return store_write(s.store, two_patients, NULL, NULL) == ST_OK;
}

static void
local_down(void)
{
	arena_free(ids);
	temp_store_close(&s);
}

static struct portal *
open_local(void)
{
	struct portal_env env = { .store = s.store, .clock = &s.clock };
	struct portal *p = NULL;

	return portal_local.open(&env, &p, NULL) == ST_OK ? p : NULL;
}

struct writing {
	const char *who, *thread, *text, *ret_thread, *ret_id;
};

static enum status
write_one(struct tx *tx, void *arg, struct err *err)
{
	struct writing *w = arg;
	AUTO(content) c = content_new("Question", w->text);

	return local_write(tx, w->who, w->thread, "clinician:lee", c, ids, &w->ret_thread, &w->ret_id, err);
}

static bool
homer_writes(const char *thread, const char *text, const char **ret_thread, const char **ret_id)
{
	struct writing w = { "homer", thread, text, NULL, NULL };

	if (store_write(s.store, write_one, &w, NULL) != ST_OK)
		return false;
	*ret_thread = w.ret_thread;
	*ret_id = w.ret_id;
	return true;
}

struct reading {
	const char *who, *thread;
	struct arena *a;
	struct local_post *list;
	size_t n;
};

static enum status
read_all(struct tx *tx, void *arg, struct err *err)
{
	struct reading *r = arg;

	return local_read(tx, r->who, r->thread, r->a, &r->list, &r->n, err);
}

/* The patient does not see keys: a post is there once when find() has its id and reading shows that id once. */
static int
local_posts(const char *idem_key)
{
	AUTO(arena) a = arena_new();
	AUTO_STR id = NULL;
	struct reading r = { "homer", NULL, a, NULL, 0 };
	struct portal *p = open_local();
	int seen = 0;

	assert_int_equal(p->drv->find(p, idem_key, &id, NULL), ST_OK);
	p->drv->close(p);
	assert_int_equal(store_read(s.store, read_all, &r, NULL), ST_OK);
	for (size_t i = 0; i < r.n && id != NULL; i++)
		seen += strcmp(r.list[i].id, id) == 0;
	return seen;
}

static int
bench_local(void **state)
{
	(void)state;
	portal_bench = (struct portal_bench){ local_up, local_down, open_local, homer_writes, local_posts };
	return 0;
}

/* ---- null and proxy ---------------------------------------------------------------------------------------------- */

static bool
null_up(void)
{
	return true;
}

static void
null_down(void)
{
}

static struct portal *
open_null(void)
{
	struct portal_env env = { 0 };
	struct portal *p = NULL;

	return portal_null.open(&env, &p, NULL) == ST_OK ? p : NULL;
}

static int
bench_null(void **state)
{
	(void)state;
	portal_bench = (struct portal_bench){ null_up, null_down, open_null, NULL, NULL };
	return 0;
}

static struct portal *
open_proxy(void)
{
	return portal_proxy(open_local(), NULL, 0);
}

static int
bench_proxy(void **state)
{
	(void)state;
	portal_bench = (struct portal_bench){ local_up, local_down, open_proxy, homer_writes, local_posts };
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return local_up() ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	local_down();
	return 0;
}

static void
faults_come_as_planned(void **state)
{
	static const struct portal_fault plan[] = {
		{ "post", 1, ST_REMOTE_DOWN, false },
		{ "post", 2, ST_MSG_RETRY, true },
		{ "find", 1, ST_REMOTE_DOWN, false },
		{ "ack", 0, ST_REMOTE_DOWN, true },
	};
	struct portal *p = portal_proxy(open_local(), plan, ARRAY_LEN(plan));
	AUTO(content) c = content_new("", "x");
	struct portal_post post = {
		.idem_key = "k", .patient_key = "homer", .author = "portico", .author_name = "Clinic", .content = c
	};
	const char *thread = NULL, *id = NULL;
	char *got = NULL;

	(void)state;
	assert_true(homer_writes(NULL, "hi", &thread, &id));
	post.thread = thread;
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_REMOTE_DOWN);
	assert_int_equal(local_posts("k"), 0); /* before: the far side never heard of it */
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_MSG_RETRY);
	assert_int_equal(local_posts("k"), 1); /* after: it has it, and we do not know */
	assert_null(got);
	assert_int_equal(p->drv->find(p, "k", &got, NULL), ST_REMOTE_DOWN);
	assert_int_equal(p->drv->find(p, "k", &got, NULL), ST_OK);
	assert_non_null(got);
	free(got);
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_OK);
	free(got);
	assert_int_equal(local_posts("k"), 1);
	assert_int_equal(p->drv->ack(p, id, NULL), ST_REMOTE_DOWN);
	assert_int_equal(p->drv->ack(p, id, NULL), ST_REMOTE_DOWN);
	assert_int_equal(portal_proxy_calls(p, "post"), 3);
	assert_int_equal(portal_proxy_calls(p, "find"), 2);
	assert_int_equal(portal_proxy_calls(p, "ack"), 2);
	assert_int_equal(portal_proxy_calls(p, "fetch"), 0);
	assert_int_equal(portal_proxy_calls(p, "nonsense"), 0);
	p->drv->close(p);
}

/* ---- the patient's half ------------------------------------------------------------------------------------------ */

static void
conversation_reads_as_it_happened(void **state)
{
	AUTO(arena) a = arena_new();
	AUTO(content) answer = content_new("Re: Question", "rest it");
	struct portal *p = open_local();
	struct portal_post post = { .idem_key = "k",
		.patient_key = "homer",
		.author = "clinician:lee",
		.author_name = "Dr. Lee",
		.content = answer };
	struct reading r = { "homer", NULL, a, NULL, 0 };
	const char *t1 = NULL, *t2 = NULL, *id = NULL;
	char *got = NULL;

	(void)state;
	assert_true(homer_writes(NULL, "knee", &t1, &id));
	post.thread = t1;
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_OK);
	free(got);
	post.idem_key = "k2";
	post.notification = true;
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_OK);
	free(got);
	assert_true(homer_writes(t1, "thanks", &t2, &id));
	assert_string_equal(t1, t2);
	assert_true(homer_writes(NULL, "elbow", &t2, &id));
	assert_int_equal(store_read(s.store, read_all, &r, NULL), ST_OK);
	assert_int_equal(r.n, 5);
	r.thread = t1;
	assert_int_equal(store_read(s.store, read_all, &r, NULL), ST_OK);
	assert_int_equal(r.n, 4);
	assert_string_equal(r.list[0].content->text, "knee");
	assert_true(r.list[0].from_patient);
	assert_string_equal(r.list[1].content->text, "rest it");
	assert_string_equal(r.list[1].author_name, "Dr. Lee");
	assert_false(r.list[1].from_patient || r.list[1].notification);
	assert_true(r.list[2].notification);
	assert_string_equal(r.list[3].content->text, "thanks");
	assert_int_equal(r.list[3].at_ms, T0);
	p->drv->close(p);
}

static void
nobody_reads_or_writes_for_another(void **state)
{
	static const struct {
		const char *name, *who;
		bool in_homers_thread;
	} rows[] = { { "unknown patient", "nobody", false }, { "unknown in a thread", "nobody", true },
		{ "another patient's thread", "ned", true }, { "empty", "", false } };
	AUTO(arena) a = arena_new();
	const char *thread = NULL, *id = NULL;

	(void)state;
	assert_true(homer_writes(NULL, "secret", &thread, &id));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct writing w = { rows[i].who, rows[i].in_homers_thread ? thread : NULL, "x", NULL, NULL };
		struct reading r = { rows[i].who, rows[i].in_homers_thread ? thread : NULL, a, NULL, 0 };

		if (store_write(s.store, write_one, &w, NULL) != ST_MSG_REFUSED)
			fail_msg("%s wrote", rows[i].name);
		if (store_read(s.store, read_all, &r, NULL) != ST_MSG_REFUSED)
			fail_msg("%s read", rows[i].name);
	}
}

static void
attachments_survive(void **state)
{
	static const char bytes[] = { 0, 1, 2, '\r', '\n', (char)0xff };
	AUTO(arena) a = arena_new();
	AUTO(content) c = content_new("Photo", "see below\nand here");
	struct portal *p = open_local();
	struct portal_message *m = NULL;
	struct tx *tx = tx_begin(s.store);
	const char *thread = NULL, *id = NULL;

	(void)state;
	content_add(c, "knee.png", "image/png", bytes, sizeof bytes);
	assert_int_equal(local_write(tx, "homer", NULL, "pool:nurses", c, a, &thread, &id, NULL), ST_OK);
	assert_int_equal(tx_end(true, NULL), ST_OK);
	assert_int_equal(p->drv->fetch(p, a, &m, NULL), ST_OK);
	assert_string_equal(m->addressee, "pool:nurses");
	assert_string_equal(m->content->subject, "Photo");
	assert_string_equal(m->content->text, "see below\nand here");
	assert_int_equal(m->content->natt, 1);
	assert_string_equal(m->content->att[0].name, "knee.png");
	assert_string_equal(m->content->att[0].type, "image/png");
	assert_int_equal(m->content->att[0].data.n, sizeof bytes);
	assert_memory_equal(m->content->att[0].data.p, bytes, sizeof bytes);
	p->drv->close(p);
}

/* A thread that proxies do not read is ours by name: it begins with the first post into it. */
static void
private_thread_begins_with_its_first_post(void **state)
{
	AUTO(arena) a = arena_new();
	AUTO(content) c = content_new("", "between us");
	struct portal *p = open_local();
	struct portal_post post = { .idem_key = "k",
		.thread = "PRIVATETHREAD000",
		.patient_key = "homer",
		.author = "clinician:lee",
		.author_name = "Dr. Lee",
		.content = c,
		.patient_only = true,
		.addressee = "clinician:lee" };
	struct portal_message *m = NULL;
	const char *thread = NULL, *id = NULL;
	char *got = NULL;

	(void)state;
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_OK);
	free(got);
	post.idem_key = "k2";
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_OK);
	free(got);
	post.idem_key = "k3"; /* and it is nobody else's */
	post.patient_key = "ned";
	assert_int_equal(p->drv->post(p, &post, &got, NULL), ST_MSG_REFUSED);
	assert_true(homer_writes("PRIVATETHREAD000", "I see", &thread, &id));
	assert_int_equal(p->drv->fetch(p, a, &m, NULL), ST_OK);
	assert_non_null(m);
	assert_true(m->patient_only);
	assert_string_equal(m->addressee, "clinician:lee");
	p->drv->close(p);
}

static bool
file_has(const char *path, const char *word)
{
	AUTO_BUF b = BUF_INIT;
	AUTO_FD fd = open(path, O_RDONLY);
	char part[65536];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, part, sizeof part)) > 0)
		buf_append(&b, part, (size_t)n);
	return b.n > 0 && memmem(b.p, b.n, word, strlen(word)) != NULL;
}

static void
nothing_a_patient_wrote_lies_in_clear(void **state)
{
	AUTO_STR db = xstrdup(dir_file(s.dir, "portico.db"));
	AUTO_STR wal = xstrdup(dir_file(s.dir, "portico.db-wal"));
	const char *thread = NULL, *id = NULL;

	(void)state;
	assert_true(homer_writes(NULL, "canary-word", &thread, &id));
	assert_int_equal(store_checkpoint(s.store, NULL), ST_OK);
	assert_true(file_has(db, id) && file_has(wal, id)); /* the search itself works */
	assert_false(file_has(db, "canary-word") || file_has(wal, "canary-word"));
	assert_false(file_has(db, "Question") || file_has(wal, "Question"));
	assert_false(file_has(db, "homer") || file_has(wal, "homer"));
}

static void *
write_soon(void *arg)
{
	const char *thread = NULL, *id = NULL;

	(void)arg;
	usleep(50000);
	return homer_writes(NULL, "hi", &thread, &id) ? NULL : (void *)"failed";
}

static void
wait_is_woken_by_the_commit(void **state)
{
	struct portal *p = open_local();
	int64_t begin = monotonic_ms();
	pthread_t t;
	void *failed;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, write_soon, NULL), 0);
	assert_int_equal(p->drv->wait(p, -1, 20000, NULL), ST_OK);
	assert_in_range(monotonic_ms() - begin, 40, 900); /* before the poll of a second would have seen it */
	pthread_join(t, &failed);
	assert_null(failed);
	p->drv->close(p);
}

static void
drivers_have_names(void **state)
{
	(void)state;
	assert_ptr_equal(portal_driver_named("local"), &portal_local);
	assert_ptr_equal(portal_driver_named("null"), &portal_null);
	assert_null(portal_driver_named("nonsense"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest own[] = {
		CASE(faults_come_as_planned),
		CASE(conversation_reads_as_it_happened),
		CASE(nobody_reads_or_writes_for_another),
		CASE(attachments_survive),
		CASE(private_thread_begins_with_its_first_post),
		CASE(nothing_a_patient_wrote_lies_in_clear),
		CASE(wait_is_woken_by_the_commit),
		cmocka_unit_test(drivers_have_names),
	};
	int failed = 0;

	failed += _cmocka_run_group_tests("local", portal_contract, portal_contract_size, bench_local, NULL);
	failed += _cmocka_run_group_tests("null", portal_contract, portal_contract_size, bench_null, NULL);
	failed += _cmocka_run_group_tests("proxy", portal_contract, portal_contract_size, bench_proxy, NULL);
	failed += cmocka_run_group_tests_name("portal", own, NULL, NULL);
	return failed;
}
