#include "store_contract.h"

#include "base/hash.h"
#include "store_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_status((call), ST_OK, &err, __LINE__)
#define REFUSED(call, want)                                                                                            \
	do {                                                                                                           \
		assert_int_equal((call), ST_MSG_REFUSED);                                                              \
		assert_string_equal(err.code, (want));                                                                 \
	} while (0)

static struct temp_store s;
static struct arena *a;

static void
assert_status(enum status got, enum status want, const struct err *err, int line)
{
	if (got != want)
		fail_msg("line %d: %s instead of %s (%s: %s)", line, status_name(got), status_name(want), err->code,
		    err->text);
}

static int
setup(void **state)
{
	(void)state;
	temp_store_open(&s);
	a = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	temp_store_close(&s);
	arena_free(a);
	return 0;
}

static void
commit(void)
{
	struct err err = ERR_NONE;

	OK(tx_end(true, &err));
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */

static void
rolled_back_leaves_nothing(void **state)
{
	struct err err = ERR_NONE;
	char ref[REF_LEN + 1];
	struct tx *tx = tx_begin(s.store);
	struct patient *list;
	size_t n;

	(void)state;
	put_patient(tx, "homer", ref);
	assert_int_equal(tx_end(false, &err), ST_LOCAL);
	assert_string_equal(err.code, "test.rollback");
	tx = tx_begin_read(s.store);
	OK(patient_list(tx, a, &list, &n, &err));
	assert_int_equal(n, 0);
}

static void
reading_cannot_write(void **state)
{
	struct err err = ERR_NONE;
	struct patient p = { .portal = "local", .portal_key = "homer" };
	struct delivery *d;
	char ref[REF_LEN + 1] = "unwritten";
	struct tx *tx = tx_begin_read(s.store);

	(void)state;
	assert_int_equal(patient_put(tx, &p, ref, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.read-only");
	assert_string_equal(ref, "unwritten");
	assert_int_equal(delivery_claim(tx, "mailbox:", 1000, a, &d, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.read-only");
}

static void
time_stands_still_in_a_transaction(void **state)
{
	struct tx *tx = tx_begin(s.store);

	(void)state;
	assert_int_equal(tx_now_ms(tx), T0);
	s.clock.fixed_ms = T0 + HOUR;
	assert_int_equal(tx_now_ms(tx), T0);
	commit();
	tx = tx_begin(s.store);
	assert_int_equal(tx_now_ms(tx), T0 + HOUR);
}

/* ---- patients and threads ---------------------------------------------------------------------------------------- */

static void
patient_comes_back_as_put(void **state)
{
	struct err err = ERR_NONE;
	struct patient p = { .portal = "local",
		.portal_key = "homer",
		.mrn = "MRN 00123",
		.given = "Homer",
		.family = "Simpson",
		.birth_date = "1956-05-12",
		.zone = "America/New_York",
		.language = "en",
		.jurisdiction = "US-CA",
		.known_problems = "malignancy,hiv",
		.proxies = "marge:full:in_thread" };
	char ref[REF_LEN + 1], again[REF_LEN + 1];
	struct patient *got;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	OK(patient_put(tx, &p, ref, &err));
	const char *by[] = { ref, "homer", "MRN 00123", "mrn00123" };
	for (size_t i = 0; i < ARRAY_LEN(by); i++) {
		OK(patient_get(tx, by[i], a, &got, &err));
		assert_non_null(got);
		assert_string_equal(got->ref, ref);
		assert_string_equal(got->portal, "local");
		assert_string_equal(got->portal_key, "homer");
		assert_string_equal(got->mrn, "MRN 00123");
		assert_string_equal(got->birth_date, "1956-05-12");
		assert_string_equal(got->zone, "America/New_York");
		assert_string_equal(got->jurisdiction, "US-CA");
		assert_string_equal(got->known_problems, "malignancy,hiv");
		assert_string_equal(got->proxies, "marge:full:in_thread");
	}
	p.family = "Thompson";
	OK(patient_put(tx, &p, again, &err));
	assert_string_equal(again, ref);
	OK(patient_get(tx, "homer", a, &got, &err));
	assert_string_equal(got->family, "Thompson");
}

static void
patient_is_never_guessed(void **state)
{
	struct err err = ERR_NONE;
	struct patient one = { .portal = "local", .portal_key = "homer", .mrn = "1" };
	struct patient two = { .portal = "fhir", .portal_key = "homer", .mrn = "2" };
	struct patient three = { .portal = "local", .portal_key = "Homer", .mrn = "2" };
	char r1[REF_LEN + 1], r2[REF_LEN + 1], r3[REF_LEN + 1];
	struct patient *got;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	OK(patient_put(tx, &one, r1, &err));
	OK(patient_put(tx, &two, r2, &err));
	OK(patient_put(tx, &three, r3, &err));
	assert_string_not_equal(r1, r3); /* cases tell portal keys apart */
	REFUSED(patient_get(tx, "homer", a, &got, &err), "patient.several");
	REFUSED(patient_get(tx, "2", a, &got, &err), "patient.several");
	OK(patient_get(tx, "1", a, &got, &err));
	assert_string_equal(got->ref, r1);
	OK(patient_get(tx, "nobody", a, &got, &err));
	assert_null(got);
	OK(patient_get(tx, "", a, &got, &err)); /* no record number is not a record number */
	assert_null(got);
}

static void
thread_is_found_again(void **state)
{
	struct err err = ERR_NONE;
	char patient[REF_LEN + 1], other[REF_LEN + 1], t1[THREAD_LEN + 1], t2[THREAD_LEN + 1];
	struct thread want = {
		.portal = "local", .portal_key = "t-1", .addressee = "pool:nurses", .patient_only = true
	};
	struct thread *got;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_patient(tx, "homer", patient);
	put_patient(tx, "ned", other);
	want.patient = patient;
	OK(thread_find_or_open(tx, &want, t1, &err));
	assert_int_equal(strlen(t1), THREAD_LEN);
	assert_memory_equal(t1, "P-", 2);
	OK(thread_find_or_open(tx, &want, t2, &err));
	assert_string_equal(t1, t2);
	want.patient = other;
	REFUSED(thread_find_or_open(tx, &want, t2, &err), "thread.patient");
	OK(thread_get(tx, t1, a, &got, &err));
	assert_string_equal(got->patient, patient);
	assert_string_equal(got->addressee, "pool:nurses");
	assert_true(got->open && got->patient_only);
	assert_int_equal(got->opened_ms, T0);
	OK(thread_close(tx, t1, &err));
	OK(thread_get(tx, t1, a, &got, &err));
	assert_false(got->open);
	OK(thread_reopen(tx, t1, &err));
	OK(thread_get(tx, t1, a, &got, &err));
	assert_true(got->open);
	OK(thread_get(tx, "P-NONE00", a, &got, &err));
	assert_null(got);
	REFUSED(thread_close(tx, "P-NONE00", &err), "store.none");
	REFUSED(thread_reopen(tx, "P-NONE00", &err), "store.none");
	OK(thread_list(tx, a, &got, &n, &err));
	assert_int_equal(n, 1);
}

static void
references_keep_first_and_newest(void **state)
{
	struct err err = ERR_NONE;
	char t[THREAD_LEN + 1], m[REF_LEN + 1];
	const char **ids;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_thread(tx, "homer", "t", t);
	put_message(tx, t, "a", MSG_RECORDED, m);
	put_message(tx, t, "b", MSG_RECORDED, m);
	put_message(tx, t, "c", MSG_RECORDED, m);
	put_message(tx, t, "d", MSG_RECORDED, m);
	static const struct {
		size_t max;
		const char *want[4];
	} rows[] = { { 0, { NULL } }, { 1, { "<a@test>" } }, { 2, { "<a@test>", "<d@test>" } },
		{ 3, { "<a@test>", "<c@test>", "<d@test>" } },
		{ 4, { "<a@test>", "<b@test>", "<c@test>", "<d@test>" } },
		{ 9, { "<a@test>", "<b@test>", "<c@test>", "<d@test>" } } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t want = rows[i].max < 4 ? rows[i].max : 4;

		OK(thread_message_ids(tx, t, rows[i].max, a, &ids, &n, &err));
		assert_int_equal(n, want);
		for (size_t j = 0; j < n; j++)
			assert_string_equal(ids[j], rows[i].want[j]);
	}
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static void
message_comes_back_as_put(void **state)
{
	struct err err = ERR_NONE;
	char t[THREAD_LEN + 1], first[REF_LEN + 1], ref[REF_LEN + 1];
	bool dup;
	struct message_row *m;
	AUTO_BUF b = BUF_INIT;
	static const char raw[] = "From: lee\r\n\0binary\xff";
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_thread(tx, "homer", "t", t);
	put_message(tx, t, "question", MSG_RECORDED, first);
	struct message_new n = { .kind = KIND_NOTICE,
		.state = MSG_IN_FLIGHT,
		.thread = t,
		.author = "portico",
		.source_key = "smtp:lee:1",
		.message_id = "<1@clinic>",
		.in_reply_to = first,
		.owner = "clinician:lee",
		.deadline_ms = T0 + HOUR,
		.received_ms = T0 - 5,
		.note = "autoreply",
		.urgency = "urgent",
		.categories = "rx_renewal,billing",
		.not_screened = true,
		.content = SLICE("hello"),
		.original = { raw, sizeof raw } };
	OK(message_insert(tx, &n, ref, &dup, &err));
	assert_false(dup);
	commit();
	temp_store_reopen(&s);
	tx = tx_begin_read(s.store);
	OK(message_get(tx, ref, a, &m, &err));
	assert_int_equal(m->kind, KIND_NOTICE);
	assert_int_equal(m->state, MSG_IN_FLIGHT);
	assert_string_equal(m->thread, t);
	assert_string_equal(m->author, "portico");
	assert_string_equal(m->source_key, "smtp:lee:1");
	assert_string_equal(m->message_id, "<1@clinic>");
	assert_string_equal(m->in_reply_to, first);
	assert_string_equal(m->owner, "clinician:lee");
	assert_string_equal(m->note, "autoreply");
	assert_string_equal(m->urgency, "urgent");
	assert_string_equal(m->categories, "rx_renewal,billing");
	assert_true(m->not_screened);
	assert_false(m->forgotten);
	assert_int_equal(m->created_ms, T0);
	assert_int_equal(m->received_ms, T0 - 5);
	assert_int_equal(m->deadline_ms, T0 + HOUR);
	buf_puts(&b, "kept:");
	OK(message_blob(tx, ref, BLOB_CONTENT, &b, &err));
	assert_string_equal(b.p, "kept:hello");
	buf_clear(&b);
	OK(message_blob(tx, ref, BLOB_ORIGINAL, &b, &err));
	assert_int_equal(b.n, sizeof raw);
	assert_memory_equal(b.p, raw, sizeof raw);
	REFUSED(message_blob(tx, first, BLOB_ORIGINAL, &b, &err), "message.no-blob");
	REFUSED(message_blob(tx, "NONE", BLOB_CONTENT, &b, &err), "store.none");
}

static void
repeat_writes_nothing(void **state)
{
	struct err err = ERR_NONE;
	struct message_new n = { .kind = KIND_HUMAN,
		.state = MSG_IN_FLIGHT,
		.author = "clinician:lee",
		.source_key = "k",
		.owner = "portico",
		.deadline_ms = T0 + 1,
		.content = SLICE("first") };
	char r1[REF_LEN + 1], r2[REF_LEN + 1];
	struct history_row *h;
	size_t nh;
	bool dup;
	AUTO_BUF b = BUF_INIT;
	struct ledger_count c;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	OK(message_insert(tx, &n, r1, &dup, &err));
	assert_false(dup);
	n.content = SLICE("second");
	n.state = MSG_HELD;
	OK(message_insert(tx, &n, r2, &dup, &err));
	assert_true(dup);
	assert_string_equal(r1, r2);
	OK(message_blob(tx, r1, BLOB_CONTENT, &b, &err));
	assert_string_equal(b.p, "first");
	OK(history_list(tx, r1, a, &h, &nh, &err));
	assert_int_equal(nh, 1);
	OK(ledger_count(tx, &c, &err));
	assert_int_equal(c.in, 1);
	assert_int_equal(c.held, 0);
}

static void
message_found_by_any_name(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1], other[REF_LEN + 1];
	struct delivery *d;
	struct message_row *got;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k1", MSG_IN_FLIGHT, m);
	put_message(tx, NULL, "k2", MSG_IN_FLIGHT, other);
	put_delivery(tx, m, "mailbox:lee", "idem-1");
	put_delivery(tx, m, "mailbox:ana", "idem-2");
	OK(delivery_claim(tx, "mailbox:lee", 1000, a, &d, &err));
	OK(delivery_settle(tx, d->ref, "<same@far>", &err));
	OK(delivery_claim(tx, "mailbox:ana", 1000, a, &d, &err));
	OK(delivery_settle(tx, d->ref, "<same@far>", &err));
	const char *names[] = { m, "k1", "<k1@test>", "k1@test", "idem-2", d->ref, "<same@far>", "same@far" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		OK(message_find(tx, names[i], a, &got, &err));
		assert_non_null(got);
		assert_string_equal(got->ref, m);
	}
	OK(message_find(tx, "nothing", a, &got, &err));
	assert_null(got);
	OK(message_find(tx, "", a, &got, &err));
	assert_null(got);
	put_message(tx, NULL, "<k1@test>", MSG_RECORDED, other); /* a source key that is another's Message-ID */
	REFUSED(message_find(tx, "<k1@test>", a, &got, &err), "message.several");
}

static void
list_is_newest_first(void **state)
{
	struct err err = ERR_NONE;
	char t[THREAD_LEN + 1], m1[REF_LEN + 1], m2[REF_LEN + 1], m3[REF_LEN + 1];
	struct message_row *got;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_thread(tx, "homer", "t", t);
	put_message(tx, t, "1", MSG_HELD, m1);
	put_message(tx, "", "2", MSG_HELD, m2);
	put_message(tx, t, "3", MSG_RECORDED, m3);
	const struct {
		const char *name;
		struct message_filter f;
		const char *want[3];
	} rows[] = { { "all", { NULL, -1, 0 }, { m3, m2, m1 } }, { "limit", { NULL, -1, 2 }, { m3, m2 } },
		{ "thread", { t, -1, 0 }, { m3, m1 } }, { "state", { NULL, MSG_HELD, 0 }, { m2, m1 } },
		{ "both", { t, MSG_HELD, 0 }, { m1 } }, { "none", { "P-NONE00", -1, 0 }, { NULL } } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t want = 0;

		while (want < 3 && rows[i].want[want] != NULL)
			want++;
		OK(message_list(tx, &rows[i].f, a, &got, &n, &err));
		assert_int_equal(n, want);
		for (size_t j = 0; j < n; j++)
			assert_string_equal(got[j].ref, rows[i].want[j]);
	}
}

static void
forgetting_is_for_good(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1];
	struct message_row *got;
	AUTO_BUF b = BUF_INIT;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_RECORDED, m);
	OK(message_forget(tx, m, &err));
	OK(message_forget(tx, m, &err)); /* twice is harmless */
	REFUSED(message_blob(tx, m, BLOB_CONTENT, &b, &err), "message.forgotten");
	REFUSED(message_forget(tx, "NONE", &err), "store.none");
	OK(message_get(tx, m, a, &got, &err));
	assert_true(got->forgotten);
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

/* ---- moves ------------------------------------------------------------------------------------------------------- */

static void
only_held_messages_are_moved(void **state)
{
	static const struct {
		const char *name;
		enum message_state from, to;
		bool delivery, ok;
	} rows[] = {
		{ "release", MSG_HELD, MSG_IN_FLIGHT, true, true },
		{ "longer hold", MSG_HELD, MSG_HELD, true, true },
		{ "withdraw", MSG_HELD, MSG_RETURNED, true, true },
		{ "record", MSG_HELD, MSG_RECORDED, true, true },
		{ "delivered with one under way", MSG_HELD, MSG_DELIVERED, true, false },
		{ "delivered with nothing to carry", MSG_HELD, MSG_DELIVERED, false, true },
		{ "another owner under way", MSG_IN_FLIGHT, MSG_IN_FLIGHT, true, true },
		{ "hold what is under way", MSG_IN_FLIGHT, MSG_HELD, true, true },
		{ "deliver by decree", MSG_IN_FLIGHT, MSG_DELIVERED, true, false },
		{ "return by decree", MSG_IN_FLIGHT, MSG_RETURNED, true, false },
		{ "reopen a record", MSG_RECORDED, MSG_IN_FLIGHT, false, false },
		{ "hold what is delivered", MSG_DELIVERED, MSG_HELD, false, false },
	};
	struct err err = ERR_NONE;
	struct message_row *m;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char ref[REF_LEN + 1];
		enum status got;

		put_message(tx, NULL, rows[i].name, rows[i].from, ref);
		if (rows[i].delivery)
			put_delivery(tx, ref, "portal:local", rows[i].name);
		got = message_move(tx, ref, rows[i].to, "support", T0 + 9, "because", &err);
		OK(message_get(tx, ref, a, &m, &err));
		if (got != (rows[i].ok ? ST_OK : ST_MSG_REFUSED))
			fail_msg("%s: %s", rows[i].name, status_name(got));
		if (m->state != (rows[i].ok ? rows[i].to : rows[i].from))
			fail_msg("%s: became %s", rows[i].name, message_state_name(m->state));
		if (rows[i].ok) {
			assert_string_equal(m->owner, "support");
			assert_int_equal(m->deadline_ms, T0 + 9);
		} else {
			assert_string_equal(err.code, "message.move");
		}
	}
	REFUSED(message_move(tx, "NONE", MSG_HELD, "x", 1, "", &err), "store.none");
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

static void
held_messages_are_not_carried(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1], w[REF_LEN + 1];
	struct delivery *d, *list;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "release", MSG_HELD, m);
	put_delivery(tx, m, "portal:local", "1");
	put_message(tx, NULL, "withdraw", MSG_HELD, w);
	put_delivery(tx, w, "portal:local", "2");
	OK(delivery_claim(tx, "portal:", 1000, a, &d, &err));
	assert_null(d);
	assert_int_equal(delivery_next_due_ms(tx, "portal:"), INT64_MAX);
	OK(destination_rest(tx, "portal:local", T0 - 1, "x", &err)); /* a rest that ends does not set them free */
	OK(delivery_claim(tx, "portal:", 1000, a, &d, &err));
	assert_null(d);
	OK(message_move(tx, m, MSG_IN_FLIGHT, "portico", T0 + 1, "send", &err));
	OK(message_move(tx, w, MSG_RETURNED, "clinician:lee", 0, "withdraw", &err));
	OK(delivery_claim(tx, "portal:", 1000, a, &d, &err));
	assert_non_null(d);
	assert_string_equal(d->message, m);
	OK(delivery_list(tx, w, a, &list, &n, &err));
	assert_int_equal(list[0].state, DLV_FAILED);
	assert_string_equal(list[0].code, "withdraw");
	assert_int_equal(state_of(tx, w), MSG_RETURNED);
	/* Claimed: no longer to be held. */
	REFUSED(message_move(tx, m, MSG_HELD, "support", T0 + 1, "x", &err), "message.move");
	OK(delivery_defer(tx, d->ref, T0, false, true, "x", &err));
	OK(message_move(tx, m, MSG_HELD, "support", T0 + 1, "x", &err));
	OK(delivery_claim(tx, "portal:", 1000, a, &d, &err));
	assert_null(d);
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

/* ---- deliveries -------------------------------------------------------------------------------------------------- */

static void
fold_follows_the_deliveries(void **state)
{
	static const struct {
		const char *name, *does; /* per delivery: s settle, f fail, d defer, - nothing */
		enum message_state want;
	} rows[] = {
		{ "nothing yet", "--", MSG_IN_FLIGHT },
		{ "one of two", "s-", MSG_IN_FLIGHT },
		{ "one failed, one to go", "f-", MSG_IN_FLIGHT },
		{ "deferred", "sd", MSG_IN_FLIGHT },
		{ "all done", "ss", MSG_DELIVERED },
		{ "all failed", "ff", MSG_RETURNED },
		{ "a pool of which one has it", "sf", MSG_DELIVERED },
		{ "single done", "s", MSG_DELIVERED },
		{ "single failed", "f", MSG_RETURNED },
	};
	struct err err = ERR_NONE;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char m[REF_LEN + 1], key[64];
		struct delivery *list;
		size_t n;

		put_message(tx, NULL, rows[i].name, MSG_IN_FLIGHT, m);
		for (size_t j = 0; rows[i].does[j] != '\0'; j++) {
			snprintf(key, sizeof key, "%zu-%zu", i, j);
			put_delivery(tx, m, "mailbox:lee", key);
		}
		OK(delivery_list(tx, m, a, &list, &n, &err));
		for (size_t j = 0; j < n; j++) {
			switch (rows[i].does[j]) {
			case 's':
				OK(delivery_settle(tx, list[j].ref, "r", &err));
				break;
			case 'f':
				OK(delivery_fail(tx, list[j].ref, "x.never", &err));
				break;
			case 'd':
				OK(delivery_defer(tx, list[j].ref, T0 + 5, false, true, "x.later", &err));
				break;
			default:
				break;
			}
		}
		if (state_of(tx, m) != rows[i].want)
			fail_msg("%s: %s", rows[i].name, message_state_name(state_of(tx, m)));
	}
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

static void
done_is_the_last_word(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1];
	struct delivery *d, *list;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_IN_FLIGHT, m);
	put_delivery(tx, m, "mailbox:lee", "1");
	OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
	OK(delivery_settle(tx, d->ref, "first", &err));
	OK(delivery_settle(tx, d->ref, "second", &err));
	OK(delivery_defer(tx, d->ref, T0, true, true, "late", &err));
	OK(delivery_fail(tx, d->ref, "late", &err));
	OK(delivery_list(tx, m, a, &list, &n, &err));
	assert_int_equal(list[0].state, DLV_DONE);
	assert_string_equal(list[0].remote_id, "first");
	assert_int_equal(list[0].tries, 0);
	assert_int_equal(list[0].done_ms, T0);
	/* Somebody must cover: it is under way again. */
	put_delivery(tx, m, "mailbox:ana", "2");
	assert_int_equal(state_of(tx, m), MSG_IN_FLIGHT);
	OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
	OK(delivery_fail(tx, d->ref, "x", &err));
	assert_int_equal(state_of(tx, m), MSG_DELIVERED);
	/* It was there after all. */
	OK(delivery_settle(tx, d->ref, "found", &err));
	assert_int_equal(state_of(tx, m), MSG_DELIVERED);
	REFUSED(delivery_settle(tx, "NONE", "", &err), "store.none");
	REFUSED(delivery_fail(tx, "NONE", "", &err), "store.none");
	REFUSED(delivery_defer(tx, "NONE", 0, false, false, "", &err), "store.none");
	REFUSED(delivery_journal(tx, "NONE", "", &err), "store.none");
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

static void
key_makes_one_delivery(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1], e[REF_LEN + 1];
	struct delivery *list;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_IN_FLIGHT, m);
	put_message(tx, NULL, "event", MSG_RECORDED, e);
	put_delivery(tx, m, "mailbox:lee", "key");
	put_delivery(tx, m, "mailbox:lee", "key");
	OK(delivery_list(tx, m, a, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(delivery_add(tx, m, "mailbox:ana", "key", 0, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.constraint");
	REFUSED(delivery_add(tx, "NONE", "mailbox:ana", "key2", 0, &err), "store.none");
	REFUSED(delivery_add(tx, e, "mailbox:ana", "key3", 0, &err), "delivery.recorded");
}

static void
claims_are_leases(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1];
	struct delivery *d, *none;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_IN_FLIGHT, m);
	put_delivery(tx, m, "mailbox:lee", "1");
	OK(delivery_claim(tx, "portal:", 1000, a, &d, &err));
	assert_null(d);
	OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
	assert_non_null(d);
	assert_int_equal(d->state, DLV_CLAIMED);
	assert_int_equal(d->lease_until_ms, T0 + 1000);
	assert_string_equal(d->destination, "mailbox:lee");
	assert_string_equal(d->idem_key, "1");
	OK(delivery_journal(tx, d->ref, "uidnext 7", &err));
	OK(delivery_claim(tx, "mailbox:", 1000, a, &none, &err));
	assert_null(none);
	assert_int_equal(delivery_next_due_ms(tx, "mailbox:"), T0 + 1000);
	commit();
	s.clock.fixed_ms = T0 + 999;
	tx = tx_begin(s.store);
	OK(delivery_claim(tx, "mailbox:", 1000, a, &none, &err));
	assert_null(none);
	commit();
	/* The worker died: its work comes back, and the next one must ask first. */
	s.clock.fixed_ms = T0 + 1000;
	tx = tx_begin(s.store);
	OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
	assert_non_null(d);
	assert_int_equal(d->state, DLV_UNKNOWN);
	assert_string_equal(d->journal, "uidnext 7");
	OK(delivery_defer(tx, d->ref, T0 + 2000, true, false, "imap.lost", &err));
	assert_int_equal(delivery_next_due_ms(tx, "mailbox:"), T0 + 2000);
	commit();
	s.clock.fixed_ms = T0 + 2000;
	tx = tx_begin(s.store);
	OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
	assert_int_equal(d->state, DLV_UNKNOWN);
	assert_int_equal(d->tries, 0);
	assert_string_equal(d->code, "imap.lost");
	OK(delivery_defer(tx, d->ref, T0 + 2000, false, true, "imap.quota", &err));
	OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
	assert_int_equal(d->state, DLV_CLAIMED);
	assert_int_equal(d->tries, 1);
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

static void
oldest_due_goes_first(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1];
	struct delivery *d;
	static const struct {
		const char *key;
		int64_t not_before;
	} in[] = { { "c", T0 + 30 }, { "a", 0 }, { "b1", T0 + 20 }, { "b2", T0 + 20 }, { "later", T0 + HOUR } };
	static const char *const want[] = { "a", "b1", "b2", "c", NULL };
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_IN_FLIGHT, m);
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		OK(delivery_add(tx, m, "mailbox:lee", in[i].key, in[i].not_before, &err));
	commit();
	s.clock.fixed_ms = T0 + 100;
	tx = tx_begin(s.store);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
		if (want[i] == NULL) {
			assert_null(d);
			continue;
		}
		assert_non_null(d);
		assert_string_equal(d->idem_key, want[i]);
	}
}

static void
thread_keeps_its_order(void **state)
{
	struct err err = ERR_NONE;
	char t[THREAD_LEN + 1], u[THREAD_LEN + 1], m[REF_LEN + 1], held[REF_LEN + 1];
	struct delivery *d, *e;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_thread(tx, "homer", "t", t);
	put_thread(tx, "homer", "u", u);
	put_message(tx, t, "0", MSG_HELD, held);
	put_delivery(tx, held, "mailbox:lee", "0");
	put_message(tx, t, "1", MSG_IN_FLIGHT, m);
	put_delivery(tx, m, "mailbox:lee", "1");
	put_message(tx, t, "2", MSG_IN_FLIGHT, m);
	put_delivery(tx, m, "mailbox:lee", "2");
	put_delivery(tx, m, "mailbox:ana", "2ana");
	put_message(tx, u, "3", MSG_IN_FLIGHT, m);
	put_delivery(tx, m, "mailbox:lee", "3");
	/* The held one blocks nobody. */
	OK(delivery_claim(tx, "mailbox:lee", 1000, a, &d, &err));
	assert_string_equal(d->idem_key, "1");
	/* While 1 is with somebody, 2 waits for it; another destination and another thread do not. */
	OK(delivery_claim(tx, "mailbox:", 1000, a, &e, &err));
	assert_string_equal(e->idem_key, "2ana");
	OK(delivery_claim(tx, "mailbox:lee", 1000, a, &e, &err));
	assert_string_equal(e->idem_key, "3");
	OK(delivery_claim(tx, "mailbox:", 1000, a, &e, &err));
	assert_null(e);
	/* Nor does 2 overtake a deferred 1; and asking when to come back does not name the blocked one's time. */
	OK(delivery_defer(tx, d->ref, T0 + 5000, false, true, "x", &err));
	OK(delivery_claim(tx, "mailbox:lee", 1000, a, &e, &err));
	assert_null(e);
	assert_int_equal(delivery_next_due_ms(tx, "mailbox:lee"), T0 + 1000); /* the lease of 3 */
	OK(delivery_fail(tx, d->ref, "x", &err));
	OK(delivery_claim(tx, "mailbox:lee", 1000, a, &e, &err));
	assert_string_equal(e->idem_key, "2");
}

static void
resting_destination_is_left_alone(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1];
	struct delivery *d;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_IN_FLIGHT, m);
	put_delivery(tx, m, "mailbox:lee", "1");
	OK(destination_rest(tx, "mailbox:lee", T0 + 500, "imap.down", &err));
	put_delivery(tx, m, "mailbox:lee", "2"); /* added while it rests */
	put_delivery(tx, m, "mailbox:leeds", "other");
	assert_int_equal(destination_rests_until(tx, "mailbox:lee"), T0 + 500);
	assert_int_equal(destination_rests_until(tx, "mailbox:ana"), 0);
	OK(delivery_claim(tx, "mailbox:", 10000, a, &d, &err));
	assert_string_equal(d->idem_key, "other");
	OK(delivery_claim(tx, "mailbox:", 10000, a, &d, &err));
	assert_null(d);
	assert_int_equal(delivery_next_due_ms(tx, "mailbox:"), T0 + 500);
	commit();
	s.clock.fixed_ms = T0 + 500;
	tx = tx_begin(s.store);
	assert_int_equal(destination_rests_until(tx, "mailbox:lee"), 0);
	OK(delivery_claim(tx, "mailbox:", 10000, a, &d, &err));
	assert_string_equal(d->idem_key, "1");
	OK(destination_rest(tx, "mailbox:lee", T0 + 9000, "imap.down", &err));
	OK(delivery_defer(tx, d->ref, T0, false, false, "imap.down", &err));
	OK(delivery_claim(tx, "mailbox:", 10000, a, &d, &err));
	assert_null(d);
	OK(destination_rest(tx, "mailbox:lee", 0, "", &err)); /* it is back */
	OK(delivery_claim(tx, "mailbox:", 10000, a, &d, &err));
	assert_string_equal(d->idem_key, "1");
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static void
history_tells_the_way(void **state)
{
	static const char *const want[] = { "in", "queued", "hold-opened", "in_flight", "sealed", "deferred", "done",
		"delivered" };
	struct err err = ERR_NONE;
	char m[REF_LEN + 1], h[REF_LEN + 1];
	struct delivery *d;
	struct history_row *list;
	struct hold hold = {
		.clinician = "lee", .reason = "news.malignancy", .kind = "boundary", .deadline_ms = T0 + 1
	};
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_HELD, m);
	put_delivery(tx, m, "mailbox:lee", "1");
	strcpy(hold.message, m);
	OK(hold_open(tx, &hold, h, &err));
	OK(message_move(tx, m, MSG_IN_FLIGHT, "portico", T0 + 1, "send", &err));
	OK(delivery_claim(tx, "mailbox:", 1000, a, &d, &err));
	OK(history_add(tx, m, &(struct history_row){ 0, "sealed", "", "courier", 4096, 3 }, &err));
	OK(delivery_defer(tx, d->ref, T0, false, true, "imap.quota", &err));
	OK(delivery_settle(tx, d->ref, "r", &err));
	OK(history_list(tx, m, a, &list, &n, &err));
	assert_int_equal(n, ARRAY_LEN(want));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(list[i].event, want[i]);
	assert_string_equal(list[0].code, "held");
	assert_string_equal(list[3].code, "send");
	assert_string_equal(list[4].actor, "courier");
	assert_int_equal(list[4].size, 4096);
	assert_int_equal(list[4].took_ms, 3);
	assert_int_equal(list[4].at_ms, T0);
	assert_string_equal(list[5].code, "imap.quota");
}

static void
decisions_are_kept(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1];
	struct decision_row d = { .reference = "R-1",
		.direction = "to_patient",
		.act = "hold_confirm",
		.rule = "news.malignancy",
		.class_name = "news.malignancy",
		.whose = "default",
		.agreement = "",
		.policy_version = "3",
		.policy_hash = "ab",
		.evidence = "x:affirmed:current:patient@body:1-2" };
	struct decision_row *list;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_HELD, m);
	OK(decision_add(tx, &d, &err)); /* refused: no message */
	d.message = m;
	d.reference = "R-2";
	OK(decision_add(tx, &d, &err));
	OK(decision_list(tx, m, a, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].reference, "R-2");
	assert_string_equal(list[0].evidence, d.evidence);
	assert_int_equal(list[0].at_ms, T0);
	OK(decision_list(tx, "R-1", a, &list, &n, &err));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].message, "");
	OK(decision_list(tx, "", a, &list, &n, &err));
	assert_int_equal(n, 0);
}

static void
signed_text_is_used_once(void **state)
{
	struct err err = ERR_NONE;
	uint8_t d1[32] = { 1 }, d2[32] = { 2 };
	char who[REF_LEN + 1];
	bool first;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	OK(digest_use(tx, d1, "MESSAGEONE000000", &first, who, &err));
	assert_true(first);
	OK(digest_use(tx, d1, "MESSAGETWO000000", &first, who, &err));
	assert_false(first);
	assert_string_equal(who, "MESSAGEONE000000");
	OK(digest_use(tx, d2, "MESSAGETWO000000", &first, who, &err));
	assert_true(first);
}

static void
hold_is_answered_once(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1], ref[REF_LEN + 1];
	struct hold h = {
		.clinician = "lee", .reason = "r", .class_name = "c", .kind = "boundary", .deadline_ms = T0 + HOUR
	};
	struct hold *got;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "k", MSG_HELD, m);
	strcpy(h.message, m);
	OK(hold_open(tx, &h, ref, &err));
	OK(hold_reminded(tx, ref, T0 + 2 * HOUR, &err));
	OK(hold_get(tx, ref, a, &got, &err));
	assert_string_equal(got->message, m);
	assert_string_equal(got->clinician, "lee");
	assert_string_equal(got->class_name, "c");
	assert_int_equal(got->reminders, 1);
	assert_int_equal(got->deadline_ms, T0 + 2 * HOUR);
	assert_int_equal(got->ended_ms, 0);
	OK(hold_list(tx, true, a, &got, &n, &err));
	assert_int_equal(n, 1);
	OK(hold_end(tx, ref, "send", &err));
	REFUSED(hold_end(tx, ref, "withdraw", &err), "hold.ended");
	REFUSED(hold_end(tx, "NONE", "withdraw", &err), "hold.ended");
	REFUSED(hold_reminded(tx, ref, T0, &err), "store.none");
	OK(hold_get(tx, ref, a, &got, &err));
	assert_string_equal(got->ended_by, "send");
	assert_int_equal(got->ended_ms, T0);
	OK(hold_list(tx, true, a, &got, &n, &err));
	assert_int_equal(n, 0);
	OK(hold_list(tx, false, a, &got, &n, &err));
	assert_int_equal(n, 1);
	OK(hold_get(tx, "NONE", a, &got, &err));
	assert_null(got);
}

/* Each row: who says which value, and how many versions stand unrevoked after it. */
static void
agreements_supersede_when_they_can_stand(void **state)
{
	static const struct {
		const char *name;
		enum agreement_value value;
		bool patient, clinician;
		size_t rows, open;
		enum agreement_value newest_complete;
	} steps[] = {
		{ "both agree", AGREE_PORTAL_AFTER_CALL, true, true, 1, 1, AGREE_PORTAL_AFTER_CALL },
		{ "clinician alone would loosen", AGREE_PORTAL_OK, false, true, 2, 2, AGREE_PORTAL_AFTER_CALL },
		{ "patient agrees: it stands", AGREE_PORTAL_OK, true, false, 2, 1, AGREE_PORTAL_OK },
		{ "patient tightens alone", AGREE_NEVER_ELECTRONIC, true, false, 3, 1, AGREE_NEVER_ELECTRONIC },
		{ "patient alone would loosen", AGREE_IN_PERSON_ONLY, true, false, 4, 2, AGREE_NEVER_ELECTRONIC },
		{ "clinician agrees: it stands", AGREE_IN_PERSON_ONLY, false, true, 4, 1, AGREE_IN_PERSON_ONLY },
	};
	struct err err = ERR_NONE;
	char p[REF_LEN + 1];
	struct agreement *g, *list;
	size_t n;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_patient(tx, "homer", p);
	commit();
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct consent c = { .patient = p,
			.class_name = "news.malignancy",
			.scope = SCOPE_CLINICIAN,
			.scope_id = "lee",
			.value = steps[i].value,
			.by_patient = steps[i].patient,
			.by_clinician = steps[i].clinician,
			.by = "lee",
			.how = "visit" };
		size_t open = 0;
		bool stands = false;

		s.clock.fixed_ms = T0 + (int64_t)i * HOUR;
		tx = tx_begin(s.store);
		OK(agreement_put(tx, &c, a, &g, &err));
		assert_int_equal(g->value, steps[i].value);
		OK(agreement_list(tx, p, a, &list, &n, &err));
		for (size_t j = 0; j < n; j++) {
			open += list[j].revoked == 0;
			stands = stands || (list[j].revoked == 0 && list[j].value == steps[i].newest_complete);
		}
		if (n != steps[i].rows || open != steps[i].open || !stands)
			fail_msg(
			    "%s: %zu rows, %zu open, %s", steps[i].name, n, open, stands ? "stands" : "does not stand");
		commit();
	}
	tx = tx_begin(s.store);
	OK(agreement_list(tx, p, a, &list, &n, &err));
	assert_int_equal(list[1].patient_consent, (T0 + 2 * HOUR) / 1000);
	assert_int_equal(list[1].clinician_consent, (T0 + 1 * HOUR) / 1000);
	OK(agreement_revoke(tx, list[3].id, "homer", &err));
	OK(agreement_revoke(tx, list[3].id, "homer", &err));
	REFUSED(agreement_revoke(tx, "AG-NONE", "homer", &err), "store.none");
	OK(agreement_list(tx, p, a, &list, &n, &err));
	assert_int_equal(list[3].revoked, (T0 + 5 * HOUR) / 1000);
}

static void
expired_agreement_is_not_completed(void **state)
{
	struct err err = ERR_NONE;
	char p[REF_LEN + 1];
	struct agreement *one, *two, *clinic;
	struct consent c = { .class_name = "news.*",
		.scope = SCOPE_CLINIC,
		.scope_id = "",
		.value = AGREE_PORTAL_OK,
		.by_clinician = true,
		.by = "lee",
		.how = "mail",
		.expires = T0 / 1000 + 10 };
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_patient(tx, "homer", p);
	c.patient = p;
	OK(agreement_put(tx, &c, a, &one, &err));
	commit();
	s.clock.fixed_ms = T0 + 10000;
	tx = tx_begin(s.store);
	c.by_patient = true;
	c.by_clinician = false;
	c.expires = 0;
	OK(agreement_put(tx, &c, a, &two, &err));
	assert_string_not_equal(one->id, two->id);
	assert_int_equal(two->clinician_consent, 0);
	c.by_patient = false;
	REFUSED(agreement_put(tx, &c, a, &clinic, &err), "agreement.who");
}

static void
promises_are_kept_or_broken(void **state)
{
	static const struct {
		const char *name;
		int64_t due, at;
		enum promise_state want;
	} rows[] = { { "early", T0 + 10, T0, PROMISE_KEPT }, { "to the moment", T0 + 10, T0 + 10, PROMISE_KEPT },
		{ "late", T0 + 10, T0 + 11, PROMISE_BROKEN } };
	struct err err = ERR_NONE;
	char t[THREAD_LEN + 1], ref[REF_LEN + 1];
	struct promise_row *list;
	size_t n, closed;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promise_row p = { .category = "other",
			.urgency = "routine",
			.addressee = "clinician:lee",
			.received_ms = T0 - 5,
			.due_ms = rows[i].due,
			.warn_ms = { 1, 2 },
			.by_cover = true };

		put_thread(tx, "homer", rows[i].name, t);
		p.thread = t;
		OK(promise_add(tx, &p, ref, &err));
		OK(promise_add(tx, &p, ref, &err));
		OK(promise_warned(tx, ref, 2, &err));
		OK(promise_list(tx, t, true, a, &list, &n, &err));
		assert_int_equal(n, 2);
		assert_int_equal(list[1].warned, 2);
		assert_int_equal(list[1].warn_ms[1], 2);
		assert_true(list[1].by_cover);
		assert_string_equal(list[1].thread, t);
		OK(promise_answer(tx, t, rows[i].at, &closed, &err));
		assert_int_equal(closed, 2);
		OK(promise_answer(tx, t, rows[i].at, &closed, &err));
		assert_int_equal(closed, 0);
		OK(promise_list(tx, t, true, a, &list, &n, &err));
		assert_int_equal(n, 0);
		OK(promise_list(tx, t, false, a, &list, &n, &err));
		assert_int_equal(list[0].state, rows[i].want);
		assert_int_equal(list[0].closed_ms, rows[i].at);
	}
	OK(promise_list(tx, NULL, false, a, &list, &n, &err));
	assert_int_equal(n, 6);
	REFUSED(promise_warned(tx, "NONE", 1, &err), "store.none");
}

static void
one_incident_per_cause(void **state)
{
	struct err err = ERR_NONE;
	struct incident *list;
	size_t n;
	bool fresh;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	OK(incident_touch(tx, "mailbox:lee/imap.login", "mailbox", "high", "support", &fresh, &err));
	assert_true(fresh);
	OK(incident_touch(tx, "mailbox:lee/imap.login", "mailbox", "high", "support", &fresh, &err));
	assert_false(fresh);
	OK(incident_touch(tx, "mailbox:ana/imap.login", "mailbox", "high", "support", &fresh, &err));
	assert_true(fresh);
	OK(incident_close(tx, "mailbox:lee/imap.login", &err));
	OK(incident_close(tx, "mailbox:lee/imap.login", &err));
	OK(incident_touch(tx, "mailbox:lee/imap.login", "mailbox", "high", "support", &fresh, &err));
	assert_true(fresh);
	OK(incident_list(tx, false, a, &list, &n, &err));
	assert_int_equal(n, 3);
	assert_string_equal(list[0].ref, "INC-2026-0001");
	assert_int_equal(list[0].count, 2);
	assert_int_equal(list[0].closed_ms, T0);
	assert_string_equal(list[2].ref, "INC-2026-0003");
	OK(incident_list(tx, true, a, &list, &n, &err));
	assert_int_equal(n, 2);
}

static void
facts_are_remembered(void **state)
{
	struct err err = ERR_NONE;
	const char *v;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	OK(fact_get(tx, "cursor", a, &v, &err));
	assert_string_equal(v, "");
	OK(fact_set(tx, "cursor", "7", &err));
	OK(fact_set(tx, "cursor", "8", &err));
	OK(fact_get(tx, "cursor", a, &v, &err));
	assert_string_equal(v, "8");
}

static void
count_adds_up(void **state)
{
	static const enum message_state all[] = { MSG_HELD, MSG_HELD, MSG_DELIVERED, MSG_RETURNED, MSG_RECORDED,
		MSG_RECORDED, MSG_RECORDED };
	struct err err = ERR_NONE;
	char m[REF_LEN + 1], name[16];
	struct ledger_count c;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		snprintf(name, sizeof name, "m%zu", i);
		put_message(tx, NULL, name, all[i], m);
	}
	put_message(tx, NULL, "flying", MSG_IN_FLIGHT, m);
	put_delivery(tx, m, "mailbox:lee", "1");
	put_delivery(tx, m, "mailbox:ana", "2");
	OK(ledger_count(tx, &c, &err));
	assert_int_equal(c.in, 8);
	assert_int_equal(c.held, 2);
	assert_int_equal(c.delivered, 1);
	assert_int_equal(c.returned, 1);
	assert_int_equal(c.recorded, 3);
	assert_int_equal(c.in_flight, 1);
	assert_int_equal(c.deliveries_queued, 2);
	assert_int_equal(c.oldest_in_flight_ms, T0);
	commit();
	assert_int_equal(breaches(s.store, true, false), 0);
}

static void
check_finds_what_nobody_carries(void **state)
{
	struct err err = ERR_NONE;
	char m[REF_LEN + 1], h[REF_LEN + 1];
	struct hold hold = { .clinician = "lee", .reason = "r", .kind = "boundary", .deadline_ms = T0 + 1 };
	struct tx *tx = tx_begin(s.store);

	(void)state;
	put_message(tx, NULL, "stuck", MSG_IN_FLIGHT, m);
	put_message(tx, NULL, "held", MSG_HELD, m);
	strcpy(hold.message, m);
	OK(hold_open(tx, &hold, h, &err));
	commit();
	assert_int_equal(breaches(s.store, false, true), 1);
	tx = tx_begin(s.store);
	OK(message_move(tx, m, MSG_RECORDED, "portico", 0, "x", &err)); /* and the hold is forgotten */
	commit();
	assert_int_equal(breaches(s.store, false, true), 2);
}

static void
bad_row_undoes_only_itself(void **state)
{
	struct err err = ERR_NONE;
	struct message_new bad = { .kind = KIND_HUMAN,
		.state = MSG_IN_FLIGHT,
		.author = "x",
		.source_key = "k",
		.owner = "",
		.deadline_ms = 1 };
	struct message_new late = {
		.kind = KIND_HUMAN, .state = MSG_HELD, .author = "x", .source_key = "k", .owner = "x"
	};
	char ref[REF_LEN + 1] = "unwritten";
	struct ledger_count c;
	bool dup = true;
	struct tx *tx = tx_begin(s.store);

	(void)state;
	assert_int_equal(message_insert(tx, &bad, ref, &dup, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.constraint");
	assert_int_equal(message_insert(tx, &late, ref, &dup, &err), ST_LOCAL);
	assert_string_equal(err.code, "store.constraint");
	assert_string_equal(ref, "unwritten");
	assert_true(dup);
	OK(fact_set(tx, "still", "alive", &err));
	commit();
	tx = tx_begin_read(s.store);
	OK(ledger_count(tx, &c, &err));
	assert_int_equal(c.in, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
const struct CMUnitTest store_contract[] = {
	CASE(rolled_back_leaves_nothing),
	CASE(reading_cannot_write),
	CASE(time_stands_still_in_a_transaction),
	CASE(patient_comes_back_as_put),
	CASE(patient_is_never_guessed),
	CASE(thread_is_found_again),
	CASE(references_keep_first_and_newest),
	CASE(message_comes_back_as_put),
	CASE(repeat_writes_nothing),
	CASE(message_found_by_any_name),
	CASE(list_is_newest_first),
	CASE(forgetting_is_for_good),
	CASE(only_held_messages_are_moved),
	CASE(held_messages_are_not_carried),
	CASE(fold_follows_the_deliveries),
	CASE(done_is_the_last_word),
	CASE(key_makes_one_delivery),
	CASE(claims_are_leases),
	CASE(oldest_due_goes_first),
	CASE(thread_keeps_its_order),
	CASE(resting_destination_is_left_alone),
	CASE(history_tells_the_way),
	CASE(decisions_are_kept),
	CASE(signed_text_is_used_once),
	CASE(hold_is_answered_once),
	CASE(agreements_supersede_when_they_can_stand),
	CASE(expired_agreement_is_not_completed),
	CASE(promises_are_kept_or_broken),
	CASE(one_incident_per_cause),
	CASE(facts_are_remembered),
	CASE(count_adds_up),
	CASE(check_finds_what_nobody_carries),
	CASE(bad_row_undoes_only_itself),
};
const size_t store_contract_size = sizeof store_contract / sizeof *store_contract;
