"""A portal that speaks FHIR R4: the demo's story through a server written by others, and what goes wrong on the way."""

import json
import re
import subprocess
import time

import pytest

import fhir
from rig import as_portico, wait_until
from talk import REFUSED, Talk, find, ledger_thread

BAD_NEWS = "I am sorry to tell you that your biopsy shows cancer. Please do not worry.\n"


class World:
    """One clinic with its FHIR server, and the words the tests use."""

    def __init__(self, **options):
        self.clinic, self.server, self.portal = fhir.clinic_with_portal(**options)
        self.talk, self.lee = Talk(self.clinic), self.clinic.people.get("lee")
        self.homer = self.portal.homer

    def conversation(self, words=None, **odd):
        """Homer wrote and lee has the mail: (thread, raw, opened)."""
        words = words or f"May I take ibuprofen with my tablets? ({time.monotonic_ns()})"
        thread = self.portal.write(self.homer, "lee", words, **odd)
        return (thread, *self.talk.wait_sealed(self.lee, words))

    def answer(self, raw, text):
        return self.clinic.submit(self.talk.answer(self.lee, raw, text), self.lee)

    def answers(self, thread, words):
        return [p for p in self.portal.posts(thread) if words in self.portal.text(p)]


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    w.clinic.close()


@pytest.fixture(autouse=True)
def calm(request):
    """Every test of the shared server begins without faults."""
    if "world" in request.fixturenames:
        w = request.getfixturevalue("world")
        w.server.fault()
        w.server.variant("reference")


# ---- the story -------------------------------------------------------------------------------------------------------


def test_the_command_walks_through_every_step_and_shows_what_it_concluded(world):
    done = world.clinic.portico("portal", "check")
    assert done.stdout.count("pass ") == 8 and "FAIL" not in done.stdout, done.stdout
    shown = world.clinic.portico("portal", "show", "fhir", json=True)
    assert shown["conditional_create"] and shown["can_ask"] and shown["r4"]
    keys = world.clinic.portico("portal", "jwks", json=True)["keys"]
    assert [k["crv"] for k in keys] == ["P-384"] and "d" not in keys[0]


def test_the_demos_story_through_fhir(world):
    thread, raw, opened = world.conversation("My stomach hurts since I take the new tablets. Should I stop?",
                                             topic="Stomach pain")
    assert opened.subject == "Stomach pain"
    assert "Simpson" in opened.text and b"Simpson" not in raw, "who it is stands inside, from the Patient resource"
    reply = world.portal.wait_post(thread, "911", notification=True)
    assert reply["sender"]["reference"] == "Organization/clinic", "an automatic reply is never the clinician's"
    assert re.search(r"\b(EST|EDT|Eastern)\b", world.portal.text(reply))

    assert world.answer(raw, "Please take them with food.\n").code == 250
    post = world.portal.wait_post(thread, "with food")
    assert post["sender"]["reference"] == world.portal.who["lee"]
    assert post["subject"]["reference"] == world.homer and post["partOf"] == [{"reference": thread}]
    wait_until(lambda: "kept" in list(find(world.clinic.portico("thread", "show", ledger_thread(opened), json=True),
                                           "state")), 10, "the promise to be marked kept")

    refused = world.answer(raw, BAD_NEWS)
    assert refused.code == 550 and REFUSED.match(refused.text)
    for who in ("patient", "clinician"):
        world.clinic.portico("agreement", "set", "--patient", "homer", "--scope", "clinician:lee", "--class",
                             "news.malignancy", "--value", "portal_ok", "--by", who)
    assert world.answer(raw, BAD_NEWS).code == 250
    world.portal.wait_post(thread, "biopsy")
    assert len(world.answers(thread, "biopsy")) == 1 and len(world.answers(thread, "with food")) == 1


def test_a_message_to_a_care_team_reaches_the_pool(world):
    words = f"Is the clinic open on Friday? ({time.monotonic_ns()})"
    world.portal.write(world.portal.marge, "nurses", words)
    for member in ("nan", "pat"):
        world.talk.wait_sealed(world.clinic.people[member], words)


def test_attachments_html_and_proxies_arrive(world):
    binary = world.server.add({"resourceType": "Binary", "contentType": "text/csv", "data": "MTIwLDgwCg=="})
    mother = world.server.add({"resourceType": "RelatedPerson", "patient": {"reference": world.homer}, "active": True,
                               "relationship": [{"coding": [{"code": "MTH"}]}]})
    words = f"pressure {time.monotonic_ns()}"
    payload = [{"contentString": f"<div><p>My {words}</p><p>Second&nbsp;line</p></div>"},
               {"contentAttachment": {"contentType": "text/csv", "title": "pressure.csv", "url": binary}},
               {"contentAttachment": {"contentType": "text/plain", "title": "notes.txt", "data": "aGVsbG8="}},
               {"contentAttachment": {"contentType": "image/png", "title": "far.png",
                                      "url": "https://elsewhere.example/far.png"}}]
    world.portal.write(world.homer, "lee", "", payload=payload, sender={"reference": mother})
    raw, opened = world.talk.wait_sealed(world.lee, words)
    assert "<p>" not in opened.text and "Second" in opened.text
    assert "far.png" in opened.text and "see it in the portal" in opened.text, "nothing is fetched from elsewhere"
    assert "behalf: mother" in opened.text
    assert b"pressure.csv" not in raw
    names = [a.get_filename() for a in opened.inner.walk() if a.get_filename()]
    assert "pressure.csv" in names and "notes.txt" in names


def test_a_patient_the_portal_cannot_tell_apart_is_kept_for_support_and_never_guessed(world):
    twin = world.portal.patient("bart", "Bart", "Simpson", "1980-04-01")
    world.portal.patient("bart", "Bartholomew", "Simpson", "1980-04-01")
    world.portal.write(twin, "lee", f"Who am I? ({time.monotonic_ns()})")
    wait_until(lambda: any("patient-unknown" in str(i) for i in
                           world.clinic.portico("incident", "list", json=True)["incidents"]), 15, "an incident")
    held = world.clinic.portico("message", "list", "--state", "held", json=True)
    assert "support" in json.dumps(held)


# ---- what goes wrong -------------------------------------------------------------------------------------------------


FAULTS = {
    "429 with seconds": {"kind": "status", "status": 429, "retry_after": "1"},
    "503 with a date": {"kind": "status", "status": 503, "retry_after": "Mon, 23 Nov 2020 10:00:00 GMT"},
    "500": {"kind": "status", "status": 500},
    "answer lost after the commit": {"kind": "lost"},
    "answer cut after the commit": {"kind": "truncate"},
    "login page": {"kind": "login-page"},
    "conflict": {"kind": "status", "status": 409},
    "redirect to another host": {"kind": "redirect", "to": "https://elsewhere.example/"},
}


def test_whatever_goes_wrong_with_a_post_the_patient_gets_it_once(world):
    thread, raw, _ = world.conversation()
    world.portal.wait_post(thread, "911", notification=True)
    for number, (name, fault) in enumerate(FAULTS.items()):
        words = f"Answer number {number}."
        world.server.fault({**fault, "method": "POST", "path": "/Communication", "times": 1})
        assert world.answer(raw, words + "\n").code == 250, name
        world.portal.wait_post(thread, words, timeout=30)
    time.sleep(2)
    for number, name in enumerate(FAULTS):
        assert len(world.answers(thread, f"Answer number {number}.")) == 1, name
    hits = [e for e in world.server.log() if e.get("fault")]
    assert len(hits) >= len(FAULTS)


def test_trouble_while_looking_loses_nothing_and_doubles_nothing(world, long_form):
    words = [f"Trouble {n} {time.monotonic_ns()}" for n in range(4)]
    world.server.fault({"kind": "truncate", "method": "GET", "path": "/Communication", "times": 1},
                       {"kind": "status", "status": 401, "method": "GET", "path": "/Communication", "times": 1},
                       {"kind": "foreign-next", "to": "https://elsewhere.example/x", "method": "GET",
                        "path": "/Communication", "times": 1},
                       *([{"kind": "login-page", "method": "GET", "path": "/Communication", "times": 1},
                          {"kind": "status", "status": 502, "method": "GET", "path": "/", "times": 2}]
                         if long_form else []))
    for w in words:
        world.portal.write(world.homer, "lee", w)
    for w in words:
        world.talk.wait_sealed(world.lee, w, timeout=60)
    for w in words:
        assert sum(w in m.text for _, m in world.clinic.opened(world.lee)) == 1


def test_pages_are_followed_to_their_end(world, long_form):
    count = 10000 if long_form else 45
    thread = world.portal.thread(world.portal.marge, "hibbert", "Many")
    for n in range(count):
        world.portal.write(world.portal.marge, "hibbert", f"Page test {n:05}.", thread=thread)
    begun = time.monotonic()

    def arrived():
        box = world.clinic.imap(world.clinic.people["hibbert"])
        try:
            status, found = box.select("Portal", readonly=True)     # the folder comes with the first mail
            return status == "OK" and int(found[0] or 0) >= count
        finally:
            box.logout()
    wait_until(arrived, 60 if not long_form else 1800, "all of them in the mailbox", every=0.5)
    print(f"fhir: {count} messages in {time.monotonic() - begun:.1f} s")


def test_a_server_that_ignores_conditions_and_speaks_sloppily_gets_everything_once(world):
    world.server.variant("sloppy")
    thread, raw, _ = world.conversation()
    world.server.fault({"kind": "lost", "method": "POST", "path": "/Communication", "times": 1})
    assert world.answer(raw, "Only one copy of this.\n").code == 250
    world.portal.wait_post(thread, "Only one copy", timeout=30)
    time.sleep(2)
    assert len(world.answers(thread, "Only one copy")) == 1


def test_everything_we_sent_is_what_hl7_defines(world):
    ours = [p for p in world.server.posts() if "urn:portico:message" in json.dumps(p["body"].get("identifier", []))]
    assert len(ours) > 5
    assert [v for p in ours for v in p["violations"]] == []


def test_no_log_holds_content_or_a_patients_name(world):
    logs = "".join((world.clinic.log_dir / n).read_text() for n in ("milter.log", "bridge.log"))
    for word in ("Simpson", "Homer", "ibuprofen", "biopsy", "with food", "urn:mrn"):
        assert word not in logs
    done = world.clinic.portico("ledger", "check")
    assert done.returncode == 0, done.stdout


def test_an_oracle_like_server_is_read_clinician_by_clinician(world):
    world.server.variant("oracle")
    world.clinic.bridge.restart()
    try:
        words = f"Found by recipient ({time.monotonic_ns()})"
        world.portal.write(world.homer, "lee", words, category=[{"coding": [{"system": "urn:cat", "code": "patient"}]}],
                           received=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        world.talk.wait_sealed(world.lee, words)
        assert "clinician by clinician" in world.clinic.portico("portal", "show").stdout
    finally:
        world.server.variant("reference")
        world.clinic.bridge.restart()


def test_an_epic_like_server_is_read_patient_by_patient_and_says_so(world):
    thread, _, _ = world.conversation()
    world.server.variant("epic")
    world.clinic.bridge.restart()
    try:
        words = f"Second question ({time.monotonic_ns()})"
        world.portal.write(world.homer, "lee", words, thread=thread)
        world.talk.wait_sealed(world.lee, words)
        assert "a new conversation is not seen" in world.clinic.portico("portal", "show").stdout
    finally:
        world.server.variant("reference")
        world.clinic.bridge.restart()


def test_a_certificate_of_another_host_gets_no_token(world):
    site = world.clinic.settings.site
    wrong = world.server.url.replace("localhost", "wrong.localhost") + "/fhir/R4"
    options = {**site["portals"]["fhir"]["options"], "base": wrong}
    before = len(world.server.log())
    world.clinic.write_config(site={"portals": {"fhir": {"driver": "fhir", "poll": "1s", "options": options}}})
    try:
        done = world.clinic.portico("portal", "check", check=False)
        assert done.returncode == 69 and "(fhir.tls)" in done.stdout, done.stdout + done.stderr
    finally:
        world.clinic.write_config(site=site)
    assert [e for e in world.server.log()[before:] if "smart-configuration" in e["path"]] == []


def test_the_contract_of_portal_drivers_holds_on_the_real_server(world):
    """The last one: it empties the server."""
    key = world.clinic.settings.site["portals"]["fhir"]["options"]["key_file"]
    world.clinic.bridge.stop()
    contract = as_portico(world.clinic.programs / "tool/fhir_contract", world.server.url, world.clinic.ca, key)
    done = subprocess.run(contract, cwd="/", capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stderr.count("[       OK ]") + done.stdout.count("[       OK ]") == 13
