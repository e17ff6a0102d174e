"""portico mail explain: the options, the exit codes and the JSON that other programs read."""

import json
import os
import subprocess
from pathlib import Path

import pytest

LEE = "lee@clinic.example"
HEAD = f"From: Lee <{LEE}>\r\nTo: portal@clinic.example\r\nSubject: x\r\n"
TEXT = "Content-Type: text/plain\r\n\r\nOne a day.\r\n"
KEYS = {"file", "outcome", "reason", "from", "signer", "layers", "cipher", "digest", "auto_submitted", "parts",
        "limits_hit", "would", "thread"}


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *args], input=stdin, stdout=subprocess.PIPE, check=True, timeout=60,
                          stderr=subprocess.DEVNULL).stdout


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """Two self-signed certificates: the clinician's, which is its own anchor, and the gateway's."""
    top = tmp_path_factory.mktemp("explain")
    for name, address in (("lee", LEE), ("gw", "portal@clinic.example")):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-days", "30",
                "-addext", f"subjectAltName=email:{address}", "-addext", "extendedKeyUsage=emailProtection",
                "-keyout", str(top / f"{name}.key"), "-out", str(top / f"{name}.crt"))
    signed = openssl("cms", "-sign", "-signer", str(top / "lee.crt"), "-inkey", str(top / "lee.key"),
                     stdin=TEXT.encode())
    (top / "signed.eml").write_bytes(HEAD.encode() + signed)
    for cipher in ("aes-256-cbc", "aes-256-gcm"):
        for what, inner in (("signed", signed), ("plain", TEXT.encode())):
            sealed = openssl("cms", "-encrypt", f"-{cipher}", str(top / "gw.crt"), stdin=inner)
            (top / f"{cipher}-{what}.eml").write_bytes(HEAD.encode() + sealed)
    (top / "plain.eml").write_text(HEAD + TEXT, newline="")
    (top / "auto.eml").write_text(HEAD + "Auto-Submitted: auto-replied\r\n" + TEXT, newline="")
    (top / "two.eml").write_text("From: eve@evil.example\r\n" + HEAD + TEXT, newline="")
    (top / "deep.eml").write_text(HEAD + "".join(
        f"Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n" for i in range(50)), newline="")
    return top


def explain(pki, *args, code=0):
    program = Path(os.environ["PORTICO_PROGRAMS"]) / "portico"
    done = subprocess.run([str(program), "mail", "explain", *args], cwd=pki, text=True, timeout=60, check=False,
                          capture_output=True)
    assert done.returncode == code, done.stderr
    return done


def as_json(pki, *args, code=0):
    return [json.loads(line) for line in explain(pki, "--json", *args, code=code).stdout.splitlines()]


WITH_ALL = ("--trust", "lee.crt", "--key", "gw.key", "--cert", "gw.crt")


@pytest.mark.parametrize("name,outcome,reason,layers", [
    ("signed", "verified", "ok", ["signed"]),
    ("aes-256-cbc-signed", "verified", "ok", ["enveloped", "signed"]),
    ("aes-256-gcm-signed", "verified", "ok", ["auth-enveloped", "signed"]),
    ("aes-256-cbc-plain", "unverified", "cbc-unsigned", ["enveloped"]),
    ("aes-256-gcm-plain", "encrypted-ok", "encrypted", ["auth-enveloped"]),
    ("plain", "unverified", "unsigned", []),
    ("two", "reject", "from-count", []),
    ("deep", "hold", "limit", []),
])
def test_each_kind_of_mail_has_its_outcome(pki, name, outcome, reason, layers):
    one, = as_json(pki, *WITH_ALL, f"{name}.eml")
    assert (one["outcome"], one["reason"], one["layers"]) == (outcome, reason, layers)
    assert set(one) == KEYS and set(one["would"]) == {"submission", "imap", "port25"}
    assert one["from"] == (None if outcome == "reject" else LEE)
    assert one["signer"] == (LEE if outcome == "verified" else None)
    assert one["cipher"] == (name[:11] if name.startswith("aes") else None)
    assert one["limits_hit"] == (["limit.mime-depth"] if name == "deep" else [])


def test_objects_come_in_the_order_of_the_files(pki):
    names = ["two.eml", "plain.eml", "auto.eml", "signed.eml"]
    seen = as_json(pki, *WITH_ALL, *names)
    assert [one["file"] for one in seen] == names
    assert [one["auto_submitted"] for one in seen] == [False, False, True, False]
    assert [one["would"]["submission"] for one in seen] == ["reject", "reject", "record", "accept"]


def test_without_key_or_anchor_nothing_is_opened_or_believed(pki):
    assert as_json(pki, "--trust", "lee.crt", "aes-256-gcm-signed.eml")[0]["reason"] == "decrypt"
    assert as_json(pki, "signed.eml")[0]["reason"] == "cert-untrusted"


def test_only_the_clinicians_named_are_registered(pki):
    assert as_json(pki, *WITH_ALL, "--clinician", LEE, "signed.eml")[0]["outcome"] == "verified"
    one, = as_json(pki, *WITH_ALL, "--clinician", "other@clinic.example", "signed.eml")
    assert (one["outcome"], one["reason"]) == ("unverified", "not-registered")


def test_time_is_what_at_says(pki):
    assert as_json(pki, *WITH_ALL, "--at", "2001-01-01T00:00:00Z", "signed.eml")[0]["reason"] == "cert-not-yet-valid"
    assert as_json(pki, *WITH_ALL, "--at=2101-01-01T00:00:00+02:00", "signed.eml")[0]["reason"] == "cert-expired"


@pytest.mark.parametrize("args,code", [
    ([], 65),
    (["--at", "yesterday", "plain.eml"], 65),
    (["--key", "gw.key", "plain.eml"], 65),
    (["--cert", "gw.crt", "plain.eml"], 65),
    (["--clinician", "not an address", "plain.eml"], 65),
    (["--what", "plain.eml"], 65),
    (["--trust"], 65),
    (["--trust", "plain.eml", "plain.eml"], 65),
    (["--key", "lee.key", "--cert", "gw.crt", "plain.eml"], 65),
    (["--trust", "absent.crt", "plain.eml"], 66),
    (["absent.eml"], 66),
    (["."], 66),
])
def test_bad_usage_is_65_and_an_unreadable_file_66(pki, args, code):
    assert explain(pki, *args, code=code).stderr != ""


def test_the_other_files_are_still_explained(pki):
    assert [one["file"] for one in as_json(pki, "absent.eml", "plain.eml", code=66)] == ["plain.eml"]


def test_people_read_the_same(pki):
    text = explain(pki, *WITH_ALL, "aes-256-cbc-signed.eml").stdout
    for words in ("verified (ok)", "enveloped > signed", LEE, "aes-256-cbc", "text/plain"):
        assert words in text
