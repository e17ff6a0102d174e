"""The whole main job: a patient and a clinician talk, both ways, through real Postfix and Dovecot."""

import re
import time

import pytest

import smime
from rig import wait_until
from talk import NEUTRAL, REFUSED, Talk, find, ledger_thread, message_reference, reference_of

BAD_NEWS = "I am sorry to tell you that the biopsy shows cancer.\n"


@pytest.fixture(scope="module")
def talk(clinic):
    return Talk(clinic)


@pytest.fixture(scope="module")
def lee(clinic):
    return clinic.people["lee"]


@pytest.fixture
def asked(talk):
    """A patient asked, and lee has the mail: (thread, raw, opened)."""
    return talk.conversation()


def still(check, seconds=2.0):
    """The value stays what it is."""
    first, end = check(), time.monotonic() + seconds
    while time.monotonic() < end:
        assert check() == first
        time.sleep(0.2)
    return first


# ---- patient to clinician --------------------------------------------------------------------------------------------


def test_the_patient_hears_within_seconds_when_to_expect_an_answer(talk):
    begun = time.monotonic()
    thread = talk.write("homer", "lee", "Please renew my prescription for lisinopril.")
    reply = talk.wait_autoreply("homer", thread, timeout=10)
    assert time.monotonic() - begun < 10
    text = reply["text"]
    assert re.search(r"\b(EST|EDT|Eastern)\b", text), "the time names its zone"
    assert "911" in text, "what to do in an emergency"
    assert "555-0111" in text, "whom to call when the portal misbehaves"
    assert "lisinopril" not in text, "never the patient's own words"


def test_the_clinician_gets_mail_that_is_signed_and_encrypted(talk, lee):
    words = "My chest feels fine again; shall I keep taking aspirin?"
    thread = talk.write("homer", "lee", words, subject="Aspirin and me")
    raw, opened = talk.wait_sealed(lee, words)
    assert opened.signer == talk.clinic.settings.gateway_address
    assert opened.subject == "Aspirin and me"
    assert re.fullmatch(r"Portal message \[P-[0-9A-Z]{6}\]", str(opened.outer["Subject"]))
    for secret in (b"Simpson", b"Homer", b"spirin", b"1001", b"1956"):
        assert secret not in raw, "nothing of the patient is outside the encryption"
    assert "Simpson" in opened.text and "1001" in opened.text
    assert thread not in str(opened.outer)


def test_a_message_to_a_pool_reaches_every_member_once(talk, clinic):
    words = f"Is the clinic open on Friday? ({time.monotonic_ns()})"
    talk.write("marge", "nurses", words)
    for member in ("nan", "pat"):
        talk.wait_sealed(clinic.people[member], words)
    for member in ("nan", "pat"):
        assert sum(words in m.text for _, m in clinic.opened(clinic.people[member])) == 1


# ---- clinician to patient --------------------------------------------------------------------------------------------


def test_the_answer_reaches_the_patient_and_the_promise_is_kept(talk, lee, asked):
    thread, raw, opened = asked
    reply = talk.clinic.submit(talk.answer(lee, raw, "Yes, with food, for a week at most.\n"), lee)
    assert reply.code == 250, reply
    post = talk.wait_answer("homer", thread, "with food")
    assert post["author"] == "Dr. Jordan Lee"
    assert post["text"].strip() == "Yes, with food, for a week at most.", "what the mail program quoted is gone"
    shown = talk.clinic.portico("thread", "show", ledger_thread(opened), json=True)
    wait_until(lambda: "kept" in list(find(talk.clinic.portico("thread", "show", ledger_thread(opened), json=True),
                                           "state")), 10, "the promise to be marked kept")
    assert "with food" not in str(shown), "the command shows no content"


def test_a_second_question_in_the_thread_is_answered_too(talk, lee, asked):
    thread, raw, _ = asked
    assert talk.clinic.submit(talk.answer(lee, raw, "Yes.\n"), lee).code == 250
    talk.wait_answer("homer", thread, "Yes.")
    words = "Thank you! And for how long may I take it?"
    talk.write("homer", "lee", words, thread=thread)
    second, opened = talk.wait_sealed(lee, words)
    assert opened.outer["References"], "mail programs show one conversation"
    assert talk.clinic.submit(talk.answer(lee, second, "One week.\n"), lee).code == 250
    talk.wait_answer("homer", thread, "One week.")
    assert len(talk.answers("homer", thread)) == 2


def test_bad_news_is_refused_inside_the_smtp_session(talk, lee, asked):
    thread, raw, opened = asked
    reply = talk.clinic.submit(talk.answer(lee, raw, BAD_NEWS), lee)
    assert (reply.code, reply.stage) == (550, "data"), reply
    found = REFUSED.match(reply.text)
    assert found, reply.text
    assert found[2] == ledger_thread(opened)
    for word in ("cancer", "malignan", "Simpson", "Lee", "boundary"):
        assert word.lower() not in reply.text.lower()
    _, notice = talk.wait_notice(lee, found[1])
    assert "cancer" in notice.text, "which boundary, in the clinician's words"
    assert "Whose choice: the clinic's default" in notice.text
    assert notice.outer["Auto-Submitted"] == "auto-generated"
    assert still(lambda: talk.answers("homer", thread)) == []
    invitation = re.search(r"You can send this instead:\n\n\s*(.+?)\n\n", notice.text, re.S)[1]
    sent = talk.clinic.submit(talk.answer(lee, raw, invitation + "\n"), lee)
    assert sent.code == 250, sent
    talk.wait_answer("homer", thread, invitation.split("\n")[0][:40])


def test_what_both_agreed_may_go_by_portal_goes(talk, clinic):
    hibbert = clinic.people["hibbert"]
    thread, raw, _ = talk.conversation("marge", "hibbert")

    def agree(by):
        return clinic.portico("agreement", "set", "--patient", "marge", "--scope", "clinician:hibbert", "--class",
                              "news.malignancy", "--value", "portal_ok", "--by", by, json=True)
    assert clinic.submit(talk.answer(hibbert, raw, BAD_NEWS), hibbert).code == 550
    assert agree("patient")["state"] == "proposed"
    assert clinic.submit(talk.answer(hibbert, raw, BAD_NEWS), hibbert).code == 550, "one consent is not two"
    assert agree("clinician")["state"] == "in_force"
    reply = clinic.submit(talk.answer(hibbert, raw, BAD_NEWS), hibbert)
    assert reply.code == 250, reply
    talk.wait_answer("marge", thread, "biopsy")


def test_the_same_mail_twice_is_one_answer(talk, lee, asked):
    thread, raw, _ = asked
    mail = talk.answer(lee, raw, "Once is enough.\n")
    assert talk.clinic.submit(mail, lee).code == 250
    talk.wait_answer("homer", thread, "Once is enough.")
    again = talk.clinic.submit(mail, lee)
    assert again.code == 250, "a repeat is absorbed"
    assert len(still(lambda: talk.answers("homer", thread))) == 1


def test_an_out_of_office_robot_is_recorded_and_never_an_answer(talk, lee, asked):
    thread, raw, _ = asked
    mail = talk.answer(lee, raw, "I am away until Monday.\n", headers=[("Auto-Submitted", "auto-replied")])
    reply = talk.clinic.submit(mail, lee, sender="")
    assert reply.code == 250, reply
    assert still(lambda: talk.answers("homer", thread)) == []


def test_port_25_takes_a_valid_signature_and_nothing_less(talk, lee, asked):
    thread, raw, _ = asked
    port = talk.clinic.smtp_port
    bare = talk.clinic.submit(talk.answer(lee, raw, "No.\n", sign=False), lee, port=port, auth=False)
    assert bare.code == 550 and NEUTRAL.match(bare.text), bare
    good = talk.clinic.submit(talk.answer(lee, raw, "From home: yes.\n"), lee, port=port, auth=False)
    assert good.code == 250, good
    talk.wait_answer("homer", thread, "From home: yes.")


# ---- the table: one identical 550, nothing in custody, the reason in a sealed notice --------------------------------


def wrong_person(talk, _lee, raw):
    hibbert = talk.clinic.people["hibbert"]
    hibbert.known.update(talk.clinic.people["lee"].known)
    return hibbert, talk.answer(hibbert, raw, "No, I say.\n")


def wrong_login(talk, lee, raw):
    return talk.clinic.people["hibbert"], talk.answer(lee, raw, "Sent from a colleague's account.\n")


def unsigned(talk, lee, raw):
    return lee, talk.answer(lee, raw, "Nobody signed this.\n", sign=False)


def unencrypted(talk, lee, raw):
    return lee, talk.answer(lee, raw, "Everybody can read this.\n", encrypt=False)


def neither(talk, lee, raw):
    return lee, talk.answer(lee, raw, "Plain.\n", sign=False, encrypt=False)


def impostor(talk, _lee, raw):
    return talk.clinic.people["lee"], talk.answer(talk.clinic.impostor("lee"), raw, "Trust me.\n")


def two_from_fields(talk, lee, raw):
    froms = [f"{lee.name} <{lee.address}>", "Dr. Julius Hibbert <hibbert@clinic.example>"]
    return lee, talk.answer(lee, raw, "Which one am I?\n", froms=froms)


def two_authors_in_from(talk, lee, raw):
    return lee, talk.answer(lee, raw, "Both of us.\n", froms=[f"{lee.address}, hibbert@clinic.example"])


def from_a_colleague(talk, lee, raw):
    return lee, talk.answer(lee, raw, "Signed by me.\n", froms=["Dr. Julius Hibbert <hibbert@clinic.example>"])


def broken_cms(talk, lee, raw):
    return lee, smime.break_cms(talk.answer(lee, raw, "This will not survive.\n"))


def cut_cms(talk, lee, raw):
    mail = talk.answer(lee, raw, "This ends too soon.\n")
    return lee, mail[:len(mail) * 2 // 3].rpartition(b"\r\n")[0] + b"\r\n"


def no_thread(talk, lee, raw):
    return lee, talk.answer(lee, raw, "To nobody.\n", headers=[("In-Reply-To", None), ("References", None)])


def forged_token(talk, lee, raw):
    mine = re.search(rb"(?im)^Message-ID:\s*<([^>]+)>", raw)[1].decode()
    local, at, domain = mine.partition("@")
    forged = f"<{local[:-1]}{'b' if local[-1] != 'b' else 'c'}{at}{domain}>"
    return lee, talk.answer(lee, raw, "Guessed.\n", headers=[("In-Reply-To", forged), ("References", forged)])


def two_threads(talk, lee, raw):
    _, other, opened = talk.conversation("marge", "lee")
    del other
    return lee, talk.answer(lee, raw, "Whose is it?\n", headers=[("References", opened.message_id)])


def closed_thread(talk, lee, raw):
    talk.clinic.portico("thread", "close", ledger_thread(lee.open(raw)))
    return lee, talk.answer(lee, raw, "Too late.\n")


def replay_in_a_new_envelope(talk, lee, raw):
    first = talk.answer(lee, raw, "Only once.\n")
    reply = talk.clinic.submit(first, lee)
    assert reply.code == 250, reply
    head, _, body = first.partition(b"\r\n\r\n")
    return lee, re.sub(rb"(?m)^Message-ID: <", b"Message-ID: <again-", head) + b"\r\n\r\n" + body + b"\r\n"


TABLE = [
    (wrong_person, "does not belong to a conversation"), (wrong_login, "do not belong to the same clinician"),
    (unsigned, "not signed"), (unencrypted, "not encrypted"), (neither, "not signed"), (impostor, ""),
    (two_from_fields, ""), (two_authors_in_from, ""), (from_a_colleague, ""), (broken_cms, ""), (cut_cms, ""),
    (no_thread, "does not belong to a conversation"), (forged_token, "does not belong to a conversation"),
    (two_threads, "another patient's conversation"), (closed_thread, "conversation is closed"),
    (replay_in_a_new_envelope, "used before"),
]


@pytest.mark.parametrize("make,reason", TABLE, ids=[make.__name__ for make, _ in TABLE])
def test_bad_reply(talk, lee, asked, make, reason):
    thread, raw, _ = asked
    who, mail = make(talk, lee, raw)
    if make is replay_in_a_new_envelope:
        talk.wait_answer("homer", thread, "Only once.")
    before = talk.answers("homer", thread)
    reply = talk.clinic.submit(mail, who)
    assert (reply.code, reply.stage) == (550, "data"), reply
    assert NEUTRAL.match(reply.text), "one identical text, whatever was wrong"
    _, notice = talk.wait_notice(who, reference_of(reply))
    assert reason in notice.text
    assert still(lambda: talk.answers("homer", thread), 1.0) == before, "nothing reached the patient"


# ---- afterwards ------------------------------------------------------------------------------------------------------


def test_the_ledger_is_right_and_says_where_everything_is(talk, clinic, lee):
    words = f"Where is this one? ({time.monotonic_ns()})"
    talk.write("homer", "lee", words)
    _, opened = talk.wait_sealed(lee, words)
    done = clinic.portico("ledger", "check")
    assert done.returncode == 0, done.stdout
    traced = clinic.portico("message", "trace", message_reference(opened))
    for secret in ("Simpson", "Homer", "Where is this one", lee.address):
        assert secret not in traced.stdout
    status = clinic.portico("status")
    assert status.returncode == 0 and "delivered" in status.stdout


def test_the_command_writes_and_reads_as_a_patient(clinic):
    wrote = clinic.portico("patient", "write", "--patient", "marge", "--to", "lee", "--subject", "By hand", json=True,
                           stdin="Typed on a terminal.")
    seen = clinic.portico("patient", "read", "--patient", "marge", "--thread", wrote["thread"], json=True)["posts"]
    assert [p["text"] for p in seen if p["from_patient"]] == ["Typed on a terminal."]
    assert "Typed on a terminal." in clinic.portico("patient", "read", "--patient", "marge").stdout
    wrong = clinic.portico("patient", "read", "--patient", "nobody", check=False)
    assert wrong.returncode == 65 and wrong.stderr.startswith("portico: ")


def test_no_log_holds_content_or_a_patients_name(clinic):
    logs = "".join(p.read_text(errors="replace") for p in clinic.log_dir.iterdir())
    for word in ("Simpson", "Homer", "Marge", "ibuprofen", "lisinopril", "biopsy", "spirin", "with food"):
        assert word not in logs
    ours = "".join((clinic.log_dir / n).read_text() for n in ("milter.log", "bridge.log"))
    assert "@clinic.example" not in re.sub(r"[0-9a-f]{8,}@clinic\.example", "", ours), "addresses only as keyed hashes"
