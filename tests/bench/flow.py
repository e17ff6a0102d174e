#!/usr/bin/python3
"""How fast messages go from end to end on this machine: real Postfix, Dovecot and our programs, one clinic.

    flow.py [--programs DIR] [-n MESSAGES]

Prints messages a second and the time each needed, both ways. What it measures includes Postfix, Dovecot, fsync and the
two openssl processes a clinician's answer costs this script; compare runs on one machine, not machines.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flow"))

import rig                  # noqa: E402
import sandbox              # noqa: E402
from talk import Talk       # noqa: E402


def line(what, n, seconds, each):
    print(f"{what:28} {n} messages, {n / seconds:6.1f}/s; each p50 {statistics.median(each) * 1000:.0f} ms, "
          f"longest {max(each) * 1000:.0f} ms")


def to_clinician(talk, n):
    """From the portal's acceptance to the mail in the folder, by the server's own dates."""
    lee = talk.clinic.people["lee"]
    before = len(talk.clinic.mails(lee))
    begun = time.monotonic()
    sent = []
    for i in range(n):
        talk.write("homer", "lee", f"Question number {i}, please.")
        sent.append(time.monotonic())
    seen = []

    def all_there():
        count = len(talk.clinic.mails(lee)) - before
        seen.extend([time.monotonic()] * (count - len(seen)))
        return count >= n
    rig.wait_until(all_there, 300, "all mails in the folder", every=0.02)
    line("patient to clinician", n, time.monotonic() - begun, [max(b - a, 0.0) for a, b in zip(sent, seen)])


def to_patient(talk, n):
    """From the 250 of Postfix to the answer in the patient's thread."""
    lee = talk.clinic.people["lee"]
    thread, raw, _ = talk.conversation()
    mails = [talk.answer(lee, raw, f"Answer number {i}.\n") for i in range(n)]
    begun = time.monotonic()
    taken = []
    for mail in mails:
        reply = talk.clinic.submit(mail, lee)
        if reply.code != 250:
            raise rig.RigError(f"not taken: {reply}")
        taken.append(reply.seconds)
    rig.wait_until(lambda: len(talk.answers("homer", thread)) >= n, 300, "all answers in the thread", every=0.05)
    line("clinician to patient, SMTP", n, time.monotonic() - begun, taken)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", default=str(rig.REPOSITORY / "build/release"))
    parser.add_argument("-n", type=int, default=100)
    args = parser.parse_args()
    sandbox.enter(network=True)
    rig.exit_on_signals()
    with rig.Clinic(programs=args.programs) as clinic:
        talk = Talk(clinic.start())
        talk.conversation()         # warm
        to_clinician(talk, args.n)
        to_patient(talk, args.n)
    return 0


if __name__ == "__main__":
    sys.exit(main())
