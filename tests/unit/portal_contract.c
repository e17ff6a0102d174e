#include "portal_contract.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct portal_bench portal_bench;

static struct portal *p;
static struct arena *a;
static int wake_fd;

#define OK(call)                                                                                                       \
	do {                                                                                                           \
		struct err e_ = ERR_NONE;                                                                              \
		struct err *err = &e_;                                                                                 \
		if ((call) != ST_OK)                                                                                   \
			fail_msg("line %d: %s: %s", __LINE__, e_.code, e_.text);                                       \
	} while (0)

static int
setup(void **state)
{
	(void)state;
	if (!portal_bench.up())
		return -1;
	a = arena_new();
	wake_fd = eventfd(0, EFD_CLOEXEC);
	p = portal_bench.open();
	return p == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (p != NULL)
		p->drv->close(p);
	p = NULL;
	portal_bench.down();
	close(wake_fd);
	arena_free(a);
	return 0;
}

static void
again(void)
{
	p->drv->close(p);
	p = portal_bench.open();
	assert_non_null(p);
}

static struct portal_message *
fetch(void)
{
	struct portal_message *m = NULL;

	OK(p->drv->fetch(p, a, &m, err));
	return m;
}

static void
close_takes_null(void **state)
{
	(void)state;
	p->drv->close(NULL);
}

static void
nothing_waiting_is_null(void **state)
{
	(void)state;
	assert_null(fetch());
	assert_null(fetch());
}

static void
wait_ends_at_the_timeout(void **state)
{
	int64_t begin = monotonic_ms();

	(void)state;
	OK(p->drv->wait(p, wake_fd, 60, err));
	assert_in_range(monotonic_ms() - begin, 50, 3000);
}

static void
wait_ends_when_woken(void **state)
{
	int64_t begin = monotonic_ms();
	eventfd_t n = 0;

	(void)state;
	eventfd_write(wake_fd, 1);
	OK(p->drv->wait(p, wake_fd, 20000, err));
	assert_in_range(monotonic_ms() - begin, 0, 5000);
	assert_int_equal(eventfd_read(wake_fd, &n), 0); /* the driver did not read it */
	assert_int_equal(n, 1);
}

static void
what_was_written_is_fetched(void **state)
{
	const char *thread = NULL, *id = NULL;
	struct portal_message *m;
	int64_t begin = monotonic_ms();

	(void)state;
	if (portal_bench.write == NULL)
		skip();
	assert_true(portal_bench.write(NULL, "my knee hurts", &thread, &id));
	thread = arena_strdup(a, thread);
	OK(p->drv->wait(p, wake_fd, 20000, err));
	assert_in_range(monotonic_ms() - begin, 0, 5000);
	m = fetch();
	assert_non_null(m);
	assert_string_equal(m->id, id);
	assert_string_equal(m->thread, thread);
	assert_string_equal(m->patient_key, "homer");
	assert_string_equal(m->addressee, "clinician:lee");
	assert_true(m->received_ms > 0);
	assert_string_equal(m->content->text, "my knee hurts");
	assert_null(fetch()); /* handed out once in a session */
}

static void
unacked_comes_back_acked_does_not(void **state)
{
	static const char *const texts[] = { "one", "two", "three" };
	const char *thread = NULL, *id = NULL;
	char ids[3][64];
	struct portal_message *m;

	(void)state;
	if (portal_bench.write == NULL)
		skip();
	for (size_t i = 0; i < 3; i++) {
		assert_true(portal_bench.write(thread, texts[i], &thread, &id));
		thread = arena_strdup(a, thread);
	}
	for (size_t i = 0; i < 3; i++) { /* in the order of writing, none acked yet */
		m = fetch();
		assert_non_null(m);
		assert_string_equal(m->content->text, texts[i]);
		snprintf(ids[i], sizeof ids[i], "%s", m->id);
	}
	OK(p->drv->ack(p, ids[1], err));
	OK(p->drv->ack(p, ids[1], err)); /* twice is harmless */
	again();
	m = fetch();
	assert_string_equal(m->id, ids[0]);
	m = fetch();
	assert_string_equal(m->id, ids[2]);
	assert_null(fetch());
	OK(p->drv->ack(p, ids[0], err));
	OK(p->drv->ack(p, ids[2], err));
	again();
	assert_null(fetch());
}

static struct portal_post
make_post(const char *thread, const char *key, const struct content *c)
{
	return (struct portal_post){ .idem_key = key,
		.thread = thread,
		.patient_key = "homer",
		.author = "clinician:lee",
		.author_name = "Dr. Lee",
		.sent_ms = 1,
		.content = c };
}

/* A thread to post into: where patients can write, one they began. */
static const char *
some_thread(void)
{
	const char *thread = "T", *id = NULL;

	if (portal_bench.write != NULL)
		assert_true(portal_bench.write(NULL, "hello", &thread, &id));
	return arena_strdup(a, thread);
}

static void
post_happens_once_per_key(void **state)
{
	AUTO(content) c = content_new("Re: knee", "rest it");
	AUTO(content) other = content_new("Re: knee", "something else");
	struct portal_post post = make_post(some_thread(), "key-1", c);
	AUTO_STR first = NULL;
	AUTO_STR second = NULL;
	AUTO_STR third = NULL;

	(void)state;
	OK(p->drv->post(p, &post, &first, err));
	assert_non_null(first);
	again();
	post.content = other;
	OK(p->drv->post(p, &post, &second, err));
	if ((p->drv->caps & PORTAL_CAN_ASK) == 0)
		return;
	assert_string_equal(first, second);
	assert_int_equal(portal_bench.posts("key-1"), 1);
	post.idem_key = "key-2";
	OK(p->drv->post(p, &post, &third, err));
	assert_string_not_equal(first, third);
}

static void
find_there(void)
{
	AUTO(content) c = content_new("", "rest it");
	struct portal_post post = make_post(some_thread(), "key-1", c);
	AUTO_STR id = NULL;
	AUTO_STR found = NULL;
	char *none = (char *)"untouched";

	OK(p->drv->find(p, "key-1", &none, err));
	assert_null(none);
	OK(p->drv->post(p, &post, &id, err));
	OK(p->drv->find(p, "key-1", &found, err));
	assert_non_null(found);
	assert_string_equal(found, id);
}

static void
find_tells_what_is_there(void **state)
{
	(void)state;
	if ((p->drv->caps & PORTAL_CAN_ASK) == 0)
		skip();
	find_there();
}

static void
own_posts_are_not_fetched(void **state)
{
	AUTO(content) c = content_new("", "we received your message");
	struct portal_post post = make_post(some_thread(), "key-1", c);
	AUTO_STR id = NULL;
	AUTO_STR id2 = NULL;
	struct portal_message *m;

	(void)state;
	while ((m = fetch()) != NULL)
		OK(p->drv->ack(p, m->id, err));
	OK(p->drv->post(p, &post, &id, err));
	post.idem_key = "key-2";
	post.notification = true;
	post.author = "portico";
	OK(p->drv->post(p, &post, &id2, err));
	assert_null(fetch());
	again();
	assert_null(fetch());
}

static void
post_wrongly(void)
{
	AUTO(content) c = content_new("", "for homer only");
	struct portal_post nowhere = make_post("0000000000000000", "key-1", c);
	struct portal_post nobody = make_post(some_thread(), "key-2", c);
	struct portal_post other = make_post(nobody.thread, "key-3", c);
	char *id = NULL;

	nobody.patient_key = "nobody";
	other.patient_key = "ned"; /* a patient, but the thread is homer's */
	assert_int_equal(p->drv->post(p, &nowhere, &id, NULL), ST_MSG_REFUSED);
	assert_int_equal(p->drv->post(p, &nobody, &id, NULL), ST_MSG_REFUSED);
	assert_int_equal(p->drv->post(p, &other, &id, NULL), ST_MSG_REFUSED);
	assert_null(id);
	assert_int_equal(portal_bench.posts("key-3"), 0);
}

static void
post_to_the_wrong_place_is_refused(void **state)
{
	(void)state;
	if ((p->drv->caps & PORTAL_CAN_ASK) == 0)
		skip();
	post_wrongly();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
const struct CMUnitTest portal_contract[] = {
	CASE(close_takes_null),
	CASE(nothing_waiting_is_null),
	CASE(wait_ends_at_the_timeout),
	CASE(wait_ends_when_woken),
	CASE(what_was_written_is_fetched),
	CASE(unacked_comes_back_acked_does_not),
	CASE(post_happens_once_per_key),
	CASE(find_tells_what_is_there),
	CASE(own_posts_are_not_fetched),
	CASE(post_to_the_wrong_place_is_refused),
};
const size_t portal_contract_size = sizeof portal_contract / sizeof *portal_contract;
