#!/usr/bin/python3
"""A throw-away clinic and the story of one patient and one doctor, step by step on the terminal.

    demo.py [--programs DIR] [--once]

Real Postfix, real Dovecot, portico-milter, portico-bridge and the embedded portal run in a private directory on
loopback ports. Afterwards the clinic stays up for your own mail program until Ctrl-C; --once exits with the story's
result.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import textwrap
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow"))

import rig                                                          # noqa: E402
import sandbox                                                      # noqa: E402
import smime                                                        # noqa: E402
from talk import REFUSED, Talk, find, ledger_thread, message_reference  # noqa: E402

QUESTION = ("My stomach hurts since I take the new tablets. Should I stop taking them, and may I have "
            "a milk shake in the meantime?")
ANSWER = "Please take them with food from now on, and do not stop. A milk shake is fine.\n"
BAD_NEWS = "I am sorry to tell you that your biopsy shows cancer. Please do not worry.\n"


class Failed(Exception):
    """A step did not do what the story says."""


class Screen:
    """What a person follows: numbered steps, what happened, how long it took."""

    def __init__(self):
        bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.bold, self.dim, self.plain = ("\033[1m", "\033[2m", "\033[0m") if bold else ("", "", "")
        self.width = min(shutil.get_terminal_size((100, 24)).columns, 110)
        self.number = 0

    def step(self, title):
        self.number += 1
        self.begun = time.monotonic()
        print(f"\n{self.bold}{self.number:2}. {title}{self.plain}", flush=True)

    def say(self, text):
        print(textwrap.fill(" ".join(text.split()), self.width, initial_indent="    ", subsequent_indent="    "),
              flush=True)

    def show(self, text, lines=40):
        """Something quoted: a mail, the output of a command."""
        rows = []
        for row in text.rstrip().splitlines():
            indent = " " * (len(row) - len(row.lstrip()))
            rows += textwrap.wrap(row, self.width - 8, subsequent_indent=indent, break_on_hyphens=False) or [""]
        for row in rows[:lines]:
            print(f"      {self.dim}|{self.plain} {row}")
        if len(rows) > lines:
            print(f"      {self.dim}| ... {len(rows) - lines} lines more{self.plain}")
        sys.stdout.flush()

    def took(self, what, seconds=None):
        seconds = time.monotonic() - self.begun if seconds is None else seconds
        print(f"    {self.bold}ok{self.plain}  {what} {self.dim}({seconds:.2f} s){self.plain}", flush=True)

    def thread(self, posts):
        for p in posts:
            who = "Homer" if p["from_patient"] else p["author"] + (" (automatic)" if p["notification"] else "")
            self.show(f"{who}, {p['at']}:\n" + textwrap.indent(
                textwrap.fill(p["text"], self.width - 12) if p["from_patient"] else p["text"], "  "))


def expect(condition, what, found=""):
    if not condition:
        raise Failed(f"expected: {what}" + (f"\n    found: {found}" if found != "" else ""))


class Story:
    """Each step does one thing, shows it, and checks it."""

    def __init__(self, clinic, screen):
        self.clinic, self.screen, self.talk = clinic, screen, Talk(clinic)
        self.lee = None

    def tell(self):
        steps = (self.open_the_clinic, self.patient_writes, self.clinician_reads, self.clinician_answers, self.bad_news,
                 self.patient_saw_nothing, self.invitation, self.agreement, self.where_everything_is)
        for step in steps:
            step()

    def open_the_clinic(self):
        self.screen.step("The clinic opens")
        self.clinic.start()
        self.lee = self.clinic.people["lee"]
        self.screen.say(f"""Postfix, Dovecot, portico-milter and portico-bridge run in {self.clinic.dir}, on loopback
            ports {self.clinic.base} and up. The clinic made its own certificate authority; Dr. Lee and three colleagues
            were enrolled, each with a PKCS#12 file. Homer and Marge are patients of the embedded portal.""")
        self.screen.took("everything runs")

    def patient_writes(self):
        s = self.screen
        s.step("Homer writes to Dr. Lee in the portal")
        s.show(QUESTION)
        self.thread = self.talk.write("homer", "lee", QUESTION, subject="Stomach pain from the new tablets")
        reply = self.talk.wait_autoreply("homer", self.thread, timeout=15)
        seconds = time.monotonic() - s.begun
        s.say("The patient's thread shows an automatic reply:")
        s.show(reply["text"])
        expect(seconds < 10, "an automatic reply within seconds", f"{seconds:.1f} s")
        for what, pattern in (("the zone of the time", r"\b(E[SD]T|Eastern)\b"), ("what to do in an emergency", "911"),
                              ("whom to call when the portal misbehaves", "555-0111")):
            expect(re.search(pattern, reply["text"]), f"the automatic reply says {what}", reply["text"])
        s.took("Homer knows when to expect an answer, and what to do if it cannot wait", seconds)

    def clinician_reads(self):
        s = self.screen
        s.step("Dr. Lee has mail, signed and encrypted, in the IMAP folder Portal")
        self.raw, self.opened = self.talk.wait_sealed(self.lee, "milk shake")
        seconds = time.monotonic() - s.begun
        s.say("What Dovecot, the backup and anybody in between can read:")
        s.show("\n".join(f"{k}: {v}" for k, v in self.opened.outer.items()
                         if k in ("From", "To", "Subject", "Date", "Message-ID", "Content-Type")))
        for secret in (b"Simpson", b"stomach", b"Stomach", b"1001"):
            expect(secret not in self.raw, "nothing about the patient outside the encryption", secret.decode())
        s.say("openssl cms, which is not our code, decrypts it with Dr. Lee's key and verifies the signature:")
        s.show(f"Verification successful, signer {self.opened.signer}\n\n" + self.opened.text)
        expect(self.opened.signer == self.clinic.settings.gateway_address, "signed by the gateway", self.opened.signer)
        expect(self.opened.subject.startswith("Stomach pain"), "the real subject inside", self.opened.subject)
        s.took("read by an independent S/MIME program", seconds)

    def clinician_answers(self):
        s = self.screen
        s.step("Dr. Lee answers from a mail program: signed, encrypted, sent with a login to Postfix")
        reply = self.clinic.submit(self.talk.answer(self.lee, self.raw, ANSWER), self.lee)
        s.show(f"SMTP answer: {reply}")
        expect(reply.code == 250, "250", reply)
        self.talk.wait_answer("homer", self.thread, "with food")
        seconds = time.monotonic() - s.begun
        s.say("Homer's thread:")
        s.thread([p for p in self.talk.posts("homer", self.thread) if not p["notification"]])
        t = ledger_thread(self.opened)

        def kept():
            return "kept" in list(find(self.clinic.portico("thread", "show", t, json=True), "state"))
        rig.wait_until(kept, 10, "the promise to be marked kept")
        s.took("delivered, and the promise of step 2 is kept", seconds)

    def bad_news(self):
        s = self.screen
        s.step("Dr. Lee tries to send bad news by portal")
        s.show(BAD_NEWS)
        reply = self.clinic.submit(self.talk.answer(self.lee, self.raw, BAD_NEWS), self.lee)
        s.say("Postfix refuses it inside the SMTP session; the mail program says so while the mail is still open:")
        s.show(str(reply))
        found = REFUSED.match(reply.text)
        expect(reply.code == 550 and found, "550 with a neutral text", reply)
        expect("cancer" not in reply.text.lower(), "no word of the content in it", reply)
        s.took("not sent", reply.seconds)
        _, notice = self.talk.wait_notice(self.lee, found[1])
        s.say("A sealed notice in the folder says why (decrypted):")
        s.show(notice.text)
        expect("Whose choice:" in notice.text and "cancer" in notice.text, "which boundary and whose choice",
               notice.text)
        invitation = re.search(r"You can send this instead:\n\n\s*(.+?)\n\n", notice.text, re.S)
        expect(invitation, "a text that can be sent instead", notice.text)
        self.invitation_text = invitation[1]
        s.took("explained to the clinician, and only there")

    def patient_saw_nothing(self):
        s = self.screen
        s.step("Homer's thread shows nothing of it")
        before = self.talk.answers("homer", self.thread)
        time.sleep(2)
        after = self.talk.answers("homer", self.thread)
        expect(before == after and len(after) == 1 and "cancer" not in str(self.talk.posts("homer")),
               "one answer, the one of step 4", after)
        s.took(f"{len(after)} answer in the thread, the one from before")

    def invitation(self):
        s = self.screen
        s.step("Dr. Lee sends the text of the notice instead")
        reply = self.clinic.submit(self.talk.answer(self.lee, self.raw, self.invitation_text + "\n"), self.lee)
        expect(reply.code == 250, "250", reply)
        post = self.talk.wait_answer("homer", self.thread, self.invitation_text.split("\n")[0][:40])
        s.show(post["text"])
        s.took("delivered")

    def agreement(self):
        s = self.screen
        s.step("Homer and Dr. Lee agree that such news may come by portal")

        def agree(by):
            return self.clinic.portico("agreement", "set", "--patient", "homer", "--scope", "clinician:lee", "--class",
                                       "news.malignancy", "--value", "portal_ok", "--by", by, json=True)["state"]
        first = agree("patient")
        s.show(f"--by patient:   {first}")
        expect(first == "proposed", "proposed, as long as only one has said it", first)
        second = agree("clinician")
        s.show(f"--by clinician: {second}")
        expect(second == "in_force", "in_force, now that both have", second)
        reply = self.clinic.submit(self.talk.answer(self.lee, self.raw, BAD_NEWS), self.lee)
        s.show(f"the same news again: {reply}")
        expect(reply.code == 250, "250", reply)
        post = self.talk.wait_answer("homer", self.thread, "biopsy")
        s.show(post["text"])
        s.took("delivered, because both wanted it so")

    def where_everything_is(self):
        s = self.screen
        s.step("The administrator asks where everything is")
        for command in (("status",), ("message", "trace", message_reference(self.opened)), ("ledger", "check")):
            done = self.clinic.portico(*command, check=False)
            s.say("portico " + " ".join(command))
            s.show(done.stdout + done.stderr, 60)
            expect(done.returncode == 0, "exit status 0", done.returncode)
            for secret in ("Simpson", "milk shake", "cancer"):
                expect(secret not in done.stdout, "no content", secret)
        s.took("every message is accounted for, and no content was shown")


def how_to_connect(clinic, screen):
    """Everything a mail program of any user on this machine needs; the passwords are the demo's own."""
    screen.step("Your turn: connect a mail program on this machine")
    give = clinic.folder("connect")
    shutil.copyfile(clinic.ca, give / "servers.crt")
    shutil.copyfile(clinic.path("state", "ca", "root.crt"), give / "mail.crt")
    people = ""
    for person in clinic.people.values():
        shutil.copyfile(person.p12, give / person.p12.name)
        people += (f"{person.name:20} {person.address:24} login {person.login:13} password {person.password:11} "
                   f"{person.p12.name:12} password {person.p12_password}\n")
    command = f"{clinic.programs}/portico --config {clinic.conf_file}"
    print(f"""
    IMAP     localhost, port {clinic.imaps_port}, TLS
    SMTP     localhost, port {clinic.submission_port} with STARTTLS or {clinic.submissions_port} with TLS, with login
    files    {give}/
             servers.crt  authority of the servers' certificate: trust it for websites and servers
             mail.crt     authority of the mail certificates: trust it for e-mail
             NAME.p12     certificate and key of each clinician

{people.rstrip()}

    As root, in another terminal:
    echo 'Hello doctor' | {command} patient write --patient homer --to lee --subject Hello
    {command} patient read --patient homer
    {command} status

    logs     {clinic.log_dir}
""")
    screen.say("Answer a mail of the folder Portal, with signing and encryption on. Ctrl-C ends the clinic and removes "
               "all of it.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", default=str(rig.REPOSITORY / "build/release"))
    parser.add_argument("--once", action="store_true", help="exit after the story with its result")
    args = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("demo: root is needed: Postfix's master runs as root (try: sudo make demo)")
    missing = rig.missing_tools()
    if missing:
        sys.exit(f"demo: missing: {', '.join(missing)}; tests/setup.sh demo installs them")
    sandbox.enter(network=False)
    rig.exit_on_signals()
    screen = Screen()
    begun = time.monotonic()
    clinic = None
    try:
        clinic = rig.Clinic(programs=args.programs)
        Story(clinic, screen).tell()
        print(f"\n{screen.bold}The story came out as it should, in {time.monotonic() - begun:.0f} s.{screen.plain}")
        if not args.once:
            how_to_connect(clinic, screen)
            while True:
                signal.pause()
        return 0
    except KeyboardInterrupt:
        print("\nThe clinic closes; everything is removed.")
        return 0 if screen.number > 9 else 130
    except (Failed, rig.RigError, smime.SmimeError, OSError) as e:
        print(f"\nStep {screen.number} failed. {e}", file=sys.stderr)
        if clinic is not None:
            clinic.keep = True
            print(f"The logs are in {clinic.log_dir}; their ends:\n{clinic.logs(15)}", file=sys.stderr)
        return 1
    finally:
        if clinic is not None:
            clinic.close()


if __name__ == "__main__":
    sys.exit(main())
