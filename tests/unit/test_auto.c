#include "mail/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct limits_conf limits = {
	.mime_depth = 32,
	.mime_parts = 1000,
	.headers = 1000,
	.header_bytes = 128 << 10,
	.message_bytes = 35 << 20,
};

#define LEE "From: lee@clinic.example\r\n"

static void
robots_are_told_from_people(void **state)
{
	static const struct {
		const char *name, *raw, *mail_from, *kind;
	} rows[] = {
		{ "a person", LEE "Subject: Your question\r\nMessage-ID: <x@clinic.example>\r\n", "lee@clinic.example",
		    "no" },
		{ "a person, sender not known", LEE, NULL, "no" },
		{ "a person writes about an absence", LEE "Subject: Out of office next week\r\n", "lee@clinic.example",
		    "no" },
		{ "Auto-Submitted: no", LEE "Auto-Submitted: No\r\n", "lee@clinic.example", "no" },
		{ "read receipt asked for", LEE "Disposition-Notification-To: lee@clinic.example\r\n",
		    "lee@clinic.example", "no" },
		{ "first class", LEE "Precedence: first-class\r\n", "lee@clinic.example", "no" },
		{ "suppressing answers is no answer", LEE "X-Auto-Response-Suppress: All\r\n", "lee@clinic.example",
		    "no" },
		{ "L1 auto-replied", LEE "Auto-Submitted: auto-replied (vacation)\r\n", "lee@clinic.example", "reply" },
		{ "auto-replied with a parameter", LEE "Auto-Submitted: Auto-Replied; owner-token=x\r\n",
		    "lee@clinic.example", "reply" },
		{ "a second field does not hide the first",
		    LEE "Auto-Submitted: no\r\nAuto-Submitted: auto-replied\r\n", "lee@clinic.example", "reply" },
		{ "X-Autoreply", LEE "X-Autoreply: yes\r\n", "lee@clinic.example", "reply" },
		{ "X-Autorespond", LEE "X-Autorespond: Your question\r\n", "lee@clinic.example", "reply" },
		{ "Precedence auto_reply", LEE "Precedence: auto_reply\r\n", "lee@clinic.example", "reply" },
		{ "Exchange's agent", LEE "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\r\n",
		    "lee@clinic.example", "reply" },
		{ "Outlook out of office",
		    LEE "Subject: Automatic reply: Portal message [P-7K3QXM]\r\nAuto-Submitted: auto-generated\r\n"
			"X-Auto-Response-Suppress: All\r\n",
		    "", "reply" },
		{ "Outlook out of office, no more than the subject and the suppression",
		    LEE "Subject: Automatic reply: x\r\nX-Auto-Response-Suppress: All\r\n", NULL, "reply" },
		{ "the same in Spanish, encoded",
		    LEE "Subject: =?utf-8?Q?Respuesta_autom=C3=A1tica:_x?=\r\nAuto-Submitted: auto-generated\r\n", NULL,
		    "reply" },
		{ "absence from the null sender", LEE "Subject: Out of Office: x\r\n", "", "reply" },
		{ "null sender and nothing else", LEE, "", "reply" },
		{ "null sender with brackets", LEE, "<>", "reply" },
		{ "null Return-Path, picked up over IMAP", "Return-Path: <>\r\n" LEE, NULL, "reply" },
		{ "envelope counts more than Return-Path", "Return-Path: <>\r\n" LEE, "lee@clinic.example", "no" },
		{ "L3 delivery report",
		    "From: MAILER-DAEMON@clinic.example\r\n"
		    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
		    "", "dsn" },
		{ "report without a type", "Content-Type: multipart/report; boundary=b\r\n", "", "dsn" },
		{ "bounce without a report", "From: Mailer-Daemon@clinic.example\r\nSubject: failure notice\r\n", "",
		    "dsn" },
		{ "X-Failed-Recipients", LEE "X-Failed-Recipients: kim@clinic.example\r\n", "", "dsn" },
		{ "forged delivery report from a person's address",
		    LEE "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
		    "lee@clinic.example", "dsn" },
		{ "L3 read receipt",
		    LEE "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n", "",
		    "mdn" },
		{ "read receipt in one part", LEE "Content-Type: message/disposition-notification\r\n", "", "mdn" },
		{ "read receipts win over auto-replied",
		    LEE "Auto-Submitted: auto-replied\r\nContent-Type: multipart/report; "
			"report-type=\"disposition-notification\"\r\n",
		    "", "mdn" },
		{ "another report", "Content-Type: multipart/report; report-type=feedback-report\r\n", NULL, "bulk" },
		{ "L1 auto-generated", LEE "Auto-Submitted: auto-generated\r\n", "lee@clinic.example", "bulk" },
		{ "auto-notified", LEE "Auto-Submitted: auto-notified; x\r\n", "lee@clinic.example", "bulk" },
		{ "unknown Auto-Submitted", LEE "Auto-Submitted: x-robot\r\n", "lee@clinic.example", "bulk" },
		{ "L1 Precedence bulk", LEE "Precedence: Bulk\r\n", "lee@clinic.example", "bulk" },
		{ "L1 Precedence junk", LEE "Precedence: junk\r\n", "lee@clinic.example", "bulk" },
		{ "L1 list", LEE "List-Id: <staff.clinic.example>\r\n", "lee@clinic.example", "bulk" },
		{ "L1 loop", LEE "X-Loop: x\r\n", "lee@clinic.example", "bulk" },
		{ "L1 ours by its header", "X-Portal-Token: ABC\r\nAuto-Submitted: auto-replied\r\n", "", "ours" },
		{ "L1 ours by its identifier", LEE "Message-ID: <P1.MP-7K3QXM.7Q2M.K1.ABC@clinic.example>\r\n",
		    "lee@clinic.example", "ours" },
		{ "an answer to ours is not ours", LEE "In-Reply-To: <p1.mp-7k3qxm.7q2m.k1.abc@clinic.example>\r\n",
		    "lee@clinic.example", "no" },
		{ "a type that cannot be read", LEE "Content-Type: ;;;\r\n", "lee@clinic.example", "no" },
		{ "nothing at all", "", NULL, "no" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) a = arena_new();
		struct entity e;

		print_message("  %s\n", rows[i].name);
		assert_int_equal(entity_scan(slice_of(rows[i].raw), &limits, a, &e, NULL), ST_OK);
		assert_string_equal(auto_kind_name(auto_classify(&e, rows[i].mail_from, a)), rows[i].kind);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(robots_are_told_from_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
