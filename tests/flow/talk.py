"""What patients and clinicians do, in a few words: used by the flow tests and the demo."""

import json
import re
import time

from rig import RigError, wait_until

# The one SMTP text of every failure of cryptography, identity or routing: nothing in it tells one from another.
NEUTRAL = re.compile(r"^5\.7\.1 Not sent; nothing reached the patient\. Reference (R-[0-9A-F]{8})\. "
                     r"Questions: 555-0111$")
# A boundary's refusal also names the conversation.
REFUSED = re.compile(r"^5\.7\.1 Not sent; nothing reached the patient\. Reference (R-[0-9A-F]{8}) in (P-[0-9A-Z]{6})\. "
                     r"Questions: 555-0111$")


class Talk:
    """Conversations in one clinic."""

    def __init__(self, clinic):
        self.clinic = clinic

    def write(self, patient, to, text, subject="A question", thread=None):
        """The patient writes; the portal's thread id."""
        args = {"thread": thread} if thread else {}
        return self.clinic.ask("patient.write", patient=patient, to=to, subject=subject, text=text, **args)["thread"]

    def posts(self, patient, thread=None):
        """What the patient sees, oldest first."""
        args = {"thread": thread} if thread else {}
        return self.clinic.ask("patient.read", patient=patient, **args)["posts"]

    def answers(self, patient, thread):
        """The texts of clinicians' answers."""
        return [p["text"] for p in self.posts(patient, thread) if not p["from_patient"] and not p["notification"]]

    def wait_post(self, patient, thread, fits, what, timeout=20):
        def look():
            return next((p for p in self.posts(patient, thread) if fits(p)), None)
        return wait_until(look, timeout, what)

    def wait_autoreply(self, patient, thread, timeout=20):
        return self.wait_post(patient, thread, lambda p: p["notification"], "the automatic reply", timeout)

    def wait_answer(self, patient, thread, words, timeout=20):
        return self.wait_post(patient, thread, lambda p: words in p["text"] and not p["from_patient"],
                              "the clinician's answer in the patient's thread", timeout)

    def wait_sealed(self, who, words, timeout=30):
        """The sealed mail with these words in its text: (raw, Opened)."""
        return self.clinic.wait_mail(who, lambda m: words in m.text, timeout=timeout,
                                     what="the sealed mail in the clinician's folder")

    def wait_notice(self, who, reference, timeout=30):
        return self.clinic.wait_mail(who, lambda m: reference in m.text and "Not sent" in m.subject, timeout=timeout,
                                     what="the sealed notice that explains the refusal")

    def answer(self, who, raw, text, **odd):
        """A mail that answers raw, from who's mail program; the keywords are those of smime.Client.write()."""
        return who.write(self.clinic.settings.gateway_address, "Re: Portal message", text, answers=raw, **odd)

    def conversation(self, patient="homer", clinician="lee", words=None):
        """A patient wrote and the clinician has it: (thread, raw, opened)."""
        words = words or f"May I take ibuprofen with my tablets? ({time.monotonic_ns()})"
        thread = self.write(patient, clinician, words)
        raw, opened = self.wait_sealed(self.clinic.people[clinician], words)
        return thread, raw, opened


def reference_of(reply):
    """The reference in a refusal's text."""
    found = NEUTRAL.match(reply.text) or REFUSED.match(reply.text)
    if not found:
        raise RigError(f"not the text of a refusal: {reply}")
    return found[1]


def ledger_thread(opened):
    """Our name of the conversation, from the mail's outer subject."""
    return re.search(r"\[(P-[0-9A-Z]{6})\]", str(opened.outer["Subject"]))[1]


def message_reference(opened):
    """Our reference of the message, from the last lines of the sealed text."""
    return re.findall(r"^Reference: (\S+)$", opened.text, re.M)[-1]


def find(value, key):
    """Every value of this key anywhere in parsed JSON."""
    if isinstance(value, dict):
        for k, v in value.items():
            if k == key:
                yield v
            yield from find(v, key)
    elif isinstance(value, list):
        for v in value:
            yield from find(v, key)


def shown(value):
    return json.dumps(value, indent=2, sort_keys=True)
