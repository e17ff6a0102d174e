"""The patient knows when, and it is kept: worked examples, a week lived through with a clock of its own, orders by
mail, and robots that never talk to each other."""

import os
import re
import subprocess
import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rig import PORTICO_UID, REPOSITORY, as_portico, log_says_ready, wait_until
from talk import Talk, ledger_thread

HERE = ZoneInfo("America/New_York")
LATE = "will not answer by the time we gave you"


# ---- worked examples -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["response_time_cases.json", "response_time_more.json"])
def test_worked_examples(name):
    programs = os.environ["PORTICO_PROGRAMS"]
    for zone in ("UTC", "Australia/Lord_Howe"):
        done = subprocess.run([f"{programs}/portico", "promise", "cases", REPOSITORY / "tests/cases" / name],
                              capture_output=True, text=True, check=False, cwd="/", env={"TZ": zone})
        assert done.returncode == 0, done.stdout
        assert re.fullmatch(r"[1-9][0-9]* passed, 0 failed", done.stdout.splitlines()[-1])


# ---- a week ----------------------------------------------------------------------------------------------------------


class Week:
    """A running clinic whose clock we set. Day 0 is a Monday; day 2 is a holiday; lee is away on days 7 and 8."""

    def __init__(self, clinic):
        self.clinic, self.talk = clinic, Talk(clinic)
        today = datetime.now(HERE).date()
        self.monday = today + timedelta(days=7 - today.weekday() + (7 if today.weekday() > 4 else 0))
        self.file = clinic.path("run", "clock")
        clinic.path("portico", "response-times.yaml").write_text(self.response_times())

    def day(self, n) -> date:
        return self.monday + timedelta(days=n)

    def response_times(self):
        rules = {"emergency": "at once", "urgent": "120 open minutes", "rx_renewal": "1 business day",
                 "appointment": "1 business day", "medical_advice": "2 business days",
                 "test_result_question": "2 business days", "form": "5 business days", "billing": "3 business days",
                 "technical": "4 open hours", "complaint": "1 business day", "social": "none"}
        return (f"""clinic:
  zone: {HERE.key}
  weekly:
    mon-fri: 09:00-17:00
  cutoff: "16:00"
  holidays:
    {self.day(2)}: a holiday in the middle of the week
  holidays_known_through: {self.day(90)}
  sla:
""" + "".join(f"    {k}: {v}\n" for k, v in rules.items()) + f"""
clinicians:
  lee:
    name: Dr. Jordan Lee
    cover: hibbert
    absences:
      - from: {self.day(7)}
        to: {self.day(8)}
        why: leave
  hibbert:
    name: Dr. Julius Hibbert
""")

    def instant(self, n, clock):
        hour, minute = map(int, clock.split(":"))
        return datetime(*self.day(n).timetuple()[:3], hour, minute, tzinfo=HERE)

    def go_to(self, n, clock):
        """It is that time now, for every program of ours."""
        shift = int(self.instant(n, clock).timestamp() - time.time())
        new = self.file.with_suffix(".new")
        new.write_text(f"{shift}\n")
        os.chown(new, PORTICO_UID, PORTICO_UID)
        new.rename(self.file)
        time.sleep(1.2)     # one look of the clockwork

    def mails(self, who):
        return [m.text for _, m in self.clinic.opened(self.clinic.people[who])]

    def reminders(self, who):
        return sum("waits for an answer" in text for text in self.mails(who))

    def promises(self, *options):
        return self.clinic.portico("promise", "list", *options, json=True)

    def incidents(self, kind):
        shown = self.clinic.portico("incident", "list", json=True)
        return [i for i in shown["incidents"] if i["kind"] == kind]


@pytest.fixture(name="week")
def make_week(new_clinic):
    clinic = new_clinic(start=False)
    week = Week(clinic)
    os.environ["PORTICO_CLOCK_FILE"] = str(week.file)
    try:
        clinic.start()
        yield week
    finally:
        del os.environ["PORTICO_CLOCK_FILE"]


def utc(instant):
    return instant.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_week_with_a_holiday_a_weekend_an_absence_and_an_escalation(week):
    talk, people = week.talk, week.clinic.people
    week.go_to(1, "10:00")
    words = "My knee has been sore for two weeks after running. Should I ice it or come in?"
    thread = talk.write("homer", "lee", words)
    told = talk.wait_autoreply("homer", thread)["text"]
    assert "Friday" in told and re.search(r"\bE[SD]T\b", told), told
    talk.wait_sealed(people["lee"], words)
    due = week.instant(4, "17:00")
    [row] = week.promises()
    assert (row["due"], row["state"]) == (utc(due), "open"), "the holiday does not count"
    # The holiday passes without a reminder; half of 23 open hours is over on Thursday at 13:30.
    week.go_to(2, "15:00")
    week.go_to(3, "13:29")
    assert week.reminders("lee") == 0
    week.go_to(3, "13:31")
    wait_until(lambda: week.reminders("lee") == 1, 15, "the reminder at 50 %")
    assert week.mails("hibbert") == []
    # 80 %: the cover has the patient's own message, and is told why.
    week.go_to(4, "12:25")
    wait_until(lambda: week.reminders("hibbert") == 1 and any(words in m for m in week.mails("hibbert")), 15,
               "the message and the reminder at the cover")
    # Nobody answers: the patient hears the truth and a new time; the desk has an incident.
    week.go_to(4, "17:01")
    late = talk.wait_post("homer", thread, lambda p: LATE in p["text"], "the honest word", 15)
    assert late["notification"] and "Wednesday" in late["text"], late["text"]
    assert [i["owner"] for i in week.incidents("promise.broken")] == ["support"]
    # The weekend: a second patient; the answering day is the cover's, so the cover gets it at once.
    week.go_to(5, "12:00")
    refill = "Please renew my prescription for lisinopril."
    second = talk.write("marge", "lee", refill)
    assert "Tuesday" in talk.wait_autoreply("marge", second)["text"]
    for who in ("lee", "hibbert"):
        talk.wait_sealed(people[who], refill)
    renewal = next(p for p in week.promises("--open") if p["category"] == "rx_renewal")
    assert (renewal["due"], renewal["by_cover"]) == (utc(week.instant(8, "17:00")), True)
    week.go_to(6, "12:00")
    assert week.reminders("hibbert") == 2, "no reminders on a Sunday"
    # The cover answers both: one too late, one in time.
    week.go_to(7, "10:00")
    for asked, patient, where, text in ((words, "homer", thread, "Ice it and rest.\n"),
                                        (refill, "marge", second, "It is renewed.\n")):
        raw, _ = talk.wait_sealed(people["hibbert"], asked)
        reply = week.clinic.submit(talk.answer(people["hibbert"], raw, text), people["hibbert"])
        assert reply.code == 250, reply
        talk.wait_answer(patient, where, text.strip())
    wait_until(lambda: not week.promises("--open"), 10, "the promises to be closed")
    wait_until(lambda: not week.incidents("promise.broken"), 10, "the incident to end by itself")
    rows = {(r["by"], r["name"]): r for r in week.clinic.portico("promise", "report", json=True)}
    assert {k: rows["all", ""][k] for k in ("promised", "kept", "broken", "open", "kept_rate")} == {
        "promised": 2, "kept": 1, "broken": 1, "open": 0, "kept_rate": 0.5}
    assert rows["category", "rx_renewal"]["kept"] == rows["category", "medical_advice"]["broken"] == 1
    assert rows["clinician", "lee"]["promised"] == 2
    # 24 open hours and what was left of Monday's first; one hour for the renewal.
    assert 0.9 < rows["category", "rx_renewal"]["median_open_hours"] < 1.2
    assert 23.9 < rows["category", "medical_advice"]["p90_open_hours"] < 24.2
    assert week.clinic.portico("promise", "report", "--since", str(week.day(5)), json=True)[0]["promised"] == 1
    assert week.clinic.portico("promise", "show", row["ref"], json=True)[0]["state"] == "broken"
    assert week.clinic.portico("ledger", "check", check=False).returncode == 0


# ---- orders by mail --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talk(clinic):
    return Talk(clinic)


def test_orders_are_done_confirmed_and_never_posted(talk, clinic):
    lee = clinic.people["lee"]
    thread, raw, opened = talk.conversation()
    talk.wait_autoreply("homer", thread)
    ref = ledger_thread(opened)
    for text, confirmed in (("snooze until tomorrow 3 pm\n", "no reminders about conversation"),
                            ("reassign to hibbert\n", "Dr. Julius Hibbert")):
        reply = clinic.submit(talk.answer(lee, raw, text), lee)
        assert reply.code == 250, reply
        clinic.wait_mail(lee, lambda m, c=confirmed: c in m.text and ref in m.text, what="the confirmation")
    words = opened.text.split("?")[0].splitlines()[-1]
    theirs, _ = talk.wait_sealed(clinic.people["hibbert"], words)
    hibbert = clinic.people["hibbert"]
    assert clinic.submit(talk.answer(hibbert, theirs, "closed by phone\n"), hibbert).code == 250
    wait_until(lambda: clinic.portico("promise", "show", ref, json=True)[0]["state"] == "kept", 10, "a kept promise")
    assert talk.answers("homer", thread) == []


# ---- robots (L1 to L5) -----------------------------------------------------------------------------------------------

ROBOTS = {
    "auto-replied": ("Auto-Submitted", "auto-replied"),
    "auto-generated": ("Auto-Submitted", "auto-generated"),
    "bulk": ("Precedence", "bulk"),
    "junk": ("Precedence", "junk"),
    "list": ("List-Id", "<news.clinic.example>"),
    "unsubscribe": ("List-Unsubscribe", "<mailto:x@clinic.example>"),
    "loop": ("X-Loop", "portal@clinic.example"),
    "ours": ("X-Portal-Token", "0123456789abcdef01234567"),
}


def quiet(talk, clinic, patient, thread, who, seconds=2.5):
    """What patient and clinician have after some time in which nobody should have said anything."""
    time.sleep(seconds)
    return len(talk.posts(patient, thread)), len(clinic.mails(clinic.people[who]))


@pytest.fixture(name="settled")
def make_settled(talk, clinic):
    thread, raw, _ = talk.conversation()
    talk.wait_autoreply("homer", thread)
    return thread, raw, quiet(talk, clinic, "homer", thread, "lee", 0.5)


def test_l1_robots_are_never_answered(talk, clinic, settled):
    thread, raw, before = settled
    lee = clinic.people["lee"]
    for name, header in ROBOTS.items():
        mail = talk.answer(lee, raw, f"I am a robot ({name}).\n", headers=[header], sign=False, encrypt=False)
        reply = clinic.submit(mail, lee)
        assert reply.code == 250, (name, reply)
    reply = clinic.submit(talk.answer(lee, raw, "null sender\n", sign=False, encrypt=False), lee, sender="",
                          port=clinic.smtp_port, auth=False)
    assert reply.code == 250, reply
    assert quiet(talk, clinic, "homer", thread, "lee") == before


def test_l2_a_vacation_robot_and_we_do_not_play_ping_pong(talk, clinic, settled):
    thread, raw, before = settled
    lee = clinic.people["lee"]
    for n in range(5):
        mail = talk.answer(lee, raw, f"I am away ({n}).\n", headers=[("Auto-Submitted", "auto-replied")], sign=False,
                           encrypt=False)
        assert clinic.submit(mail, lee, sender="", port=clinic.smtp_port, auth=False).code == 250
    assert quiet(talk, clinic, "homer", thread, "lee") == before
    away = [i for i in clinic.portico("incident", "list", json=True)["incidents"] if i["kind"] == "clinician.away"]
    assert len(away) == 1 and away[0]["owner"] == "support"
    assert clinic.submit(talk.answer(lee, raw, "I am here.\n"), lee).code == 250
    assert not [i for i in clinic.portico("incident", "list", json=True)["incidents"]
                if i["kind"] == "clinician.away"], "who writes is not away"


@pytest.mark.parametrize("kind", ["delivery-status", "disposition-notification"])
def test_l3_a_forged_report_is_no_message(talk, clinic, settled, kind):
    thread, raw, before = settled
    report = talk.answer(
        clinic.people["lee"], raw, "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n"
        f"--b\nContent-Type: message/{kind}\n\nReporting-MTA: dns; mx\n\n--b--\n", sign=False, encrypt=False,
        content_type=f"multipart/report; report-type={kind}; boundary=b", quote=False)
    for to in (clinic.settings.gateway_address, clinic.settings.bounce_address):
        reply = clinic.submit(report, clinic.people["lee"], to=to, sender="", port=clinic.smtp_port, auth=False)
        assert reply.code == 250, reply
    assert quiet(talk, clinic, "homer", thread, "lee") == before


def test_l4_what_we_post_does_not_come_back_as_mail(talk, clinic, settled):
    thread, raw, (posts, mails) = settled
    lee = clinic.people["lee"]
    assert clinic.submit(talk.answer(lee, raw, "Ice it.\n"), lee).code == 250
    talk.wait_answer("homer", thread, "Ice it.")
    assert quiet(talk, clinic, "homer", thread, "lee") == (posts + 1, mails)


def test_l5_two_bridges_deliver_each_message_once(talk, clinic):
    conf = clinic.path("portico", "portico.yaml")
    other = clinic.path("portico", "second.yaml")
    other.write_text(conf.read_text().replace("control.sock", "second.sock"))
    second = clinic.daemon("second", as_portico(clinic.programs / "portico-bridge", "--config", other), log_says_ready)
    second.start()
    try:
        mark = f"twice {time.monotonic_ns()}"
        threads = [talk.write("marge", "lee", f"Is it open on Friday? ({mark} {n})") for n in range(8)]
        for thread in threads:
            talk.wait_autoreply("marge", thread)
        lee = clinic.people["lee"]
        wait_until(lambda: sum(mark in m.text for _, m in clinic.opened(lee)) >= 8, 30, "eight mails")
        time.sleep(2)
        assert sum(mark in m.text for _, m in clinic.opened(lee)) == 8
        assert all(sum(p["notification"] for p in talk.posts("marge", t)) == 1 for t in threads)
    finally:
        second.stop()
