"""Messages both ways while something is being broken, and the count afterwards.

Patients and clinicians work in threads of this process and never give up; the main thread breaks things and starts
again what died. At the end everything that was acknowledged must be there exactly once, and what nobody acknowledged at
most once.
"""

import collections
import re
import secrets
import threading
import time

from rig import RigError, wait_until
from talk import Talk



class Load:
    """n messages each way between homer and lee."""

    def __init__(self, clinic, n, patience=120):
        self.clinic, self.talk, self.n, self.patience = clinic, Talk(clinic), n, patience
        self.lee = clinic.people["lee"]
        self.id = secrets.token_hex(4)
        self.marks = re.compile(rf"mark-{self.id}-([pc])-\d+-\d+")
        self.acked, self.unsure, self.errors = set(), set(), []
        self.threads = [threading.Thread(target=self.guard, args=(f,), daemon=True)
                        for f in (self.patient, self.clinician)]
        self.deaths = collections.Counter()
        self.thread, self.raw, _ = self.talk.conversation()

    def guard(self, work):
        try:
            work()
        except Exception as e:      # pylint: disable=broad-except
            self.errors.append(f"{work.__name__}: {e}")

    def patient(self):
        """A failed write may have happened: the next try says something new."""
        for i in range(self.n):
            end, tries = time.monotonic() + self.patience, 0
            while True:
                mark = f"mark-{self.id}-p-{i}-{tries}"
                try:
                    self.talk.write("homer", "lee", f"Question {i}, please. {mark}", thread=self.thread)
                    self.acked.add(mark)
                    break
                except RigError:
                    self.unsure.add(mark)
                    tries += 1
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.1)

    def clinician(self):
        """A mail program sends the very same mail until it hears 250."""
        for i in range(self.n):
            mark = f"mark-{self.id}-c-{i}-0"
            mail = self.talk.answer(self.lee, self.raw, f"Answer {i}: yes. {mark}\n")
            end = time.monotonic() + self.patience
            while True:
                reply = self.clinic.submit(mail, self.lee)
                if reply.code == 250:
                    self.acked.add(mark)
                    break
                if reply.code >= 500:
                    raise RigError(f"a good answer was refused: {reply}")
                if time.monotonic() > end:
                    raise RigError(f"no 250 within {self.patience} s: {reply}")
                time.sleep(0.1)

    def tend(self):
        """Starts again what died."""
        for d in (self.clinic.milter, self.clinic.bridge):
            if not d.running():
                self.deaths[d.name] += 1
                d.start(wait=False)

    def run(self, disturb=lambda: None, every=0.5):
        """Until both have finished; disturb() is called again and again meanwhile."""
        for t in self.threads:
            t.start()
        while any(t.is_alive() for t in self.threads):
            disturb()
            self.tend()
            time.sleep(every)
        if self.errors:
            raise RigError("; ".join(self.errors))
        return self

    def counted(self):
        """How often each mark is in the clinician's folder or in the patient's thread."""
        count = collections.Counter()
        for _, mail in self.clinic.opened(self.lee):
            count.update({m[0] for m in self.marks.finditer(mail.text) if m[1] == "p"})
        for text in self.talk.answers("homer", self.thread):
            count.update(m[0] for m in self.marks.finditer(text) if m[1] == "c")
        return count

    def settle(self, timeout=60):
        """Waits until nothing is on its way, then says what is lost and what is doubled."""
        def quiet():
            self.tend()
            try:
                return self.acked <= set(self.counted())
            except RigError:        # the bridge is just starting again
                return False
        try:
            wait_until(quiet, timeout, every=1.0)
        except RigError:
            pass                    # what is missing is said below
        count = self.counted()
        lost = sorted(self.acked - set(count))
        doubled = sorted(m for m, n in count.items() if n > 1)
        strange = sorted(set(count) - self.acked - self.unsure)
        return lost, doubled, strange
