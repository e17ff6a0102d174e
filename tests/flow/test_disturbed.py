"""Nothing is lost and nothing is doubled: servers down, daemons killed, many messages."""

import os
import random
import re
import signal
import subprocess
import time

import pytest

from load import Load
from rig import REPOSITORY, RigError, wait_until
from talk import Talk, find

LONG = os.environ.get("PORTICO_LONG") == "1"
# In the short form: one point of each step between two systems.
SHORT_POINTS = ["intake.committed", "courier.journalled", "courier.sent", "judge.after-commit"]


def fault_points():
    """Every FAULT_POINT("name") of the programs: a new one is tested from the day it is written."""
    found = set()
    for top in ("gateway", "milter"):
        for path in (REPOSITORY / top).rglob("*.c"):
            found.update(re.findall(r'FAULT_POINT\("([^"]+)"\)', path.read_text()))
    return sorted(found)


def ledger_is_right(clinic):
    done = clinic.portico("ledger", "check", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def nothing_in_flight(clinic):
    return list(find(clinic.portico("status", json=True), "in_flight"))[:1] == [0]


# ---- somebody is down ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talk(clinic):
    return Talk(clinic)


def test_filter_down_means_later_and_then_it_goes(talk, clinic):
    lee = clinic.people["lee"]
    thread, raw, _ = talk.conversation()
    mail = talk.answer(lee, raw, "Patience.\n")
    clinic.milter.kill()
    reply = clinic.submit(mail, lee)
    assert 400 <= reply.code < 500, reply
    clinic.milter.start()
    reply = clinic.submit(mail, lee)
    assert reply.code == 250, reply
    talk.wait_answer("homer", thread, "Patience.")


def test_bridge_down_the_answer_is_taken_and_delivered_later(talk, clinic):
    lee = clinic.people["lee"]
    thread, raw, _ = talk.conversation()
    clinic.bridge.kill()
    reply = clinic.submit(talk.answer(lee, raw, "Taken while you slept.\n"), lee)
    assert reply.code == 250, reply
    clinic.bridge.start()
    talk.wait_answer("homer", thread, "Taken while")
    assert len(talk.answers("homer", thread)) == 1


def test_imap_down_delays_the_mail_and_the_patient_still_hears_at_once(talk, clinic):
    clinic.dovecot.stop()
    words = f"Is anybody there? ({time.monotonic_ns()})"
    thread = talk.write("homer", "lee", words)
    talk.wait_autoreply("homer", thread, timeout=10)
    time.sleep(2)                   # at least one vain try
    clinic.dovecot.start()
    talk.wait_sealed(clinic.people["lee"], words)
    assert sum(words in m.text for _, m in clinic.opened(clinic.people["lee"])) == 1


def test_postfix_restarted_in_the_middle_of_a_conversation(talk, clinic):
    lee = clinic.people["lee"]
    thread, raw, _ = talk.conversation()
    clinic.postfix.stop()
    clinic.start_postfix()
    assert clinic.submit(talk.answer(lee, raw, "After the restart.\n"), lee).code == 250
    talk.wait_answer("homer", thread, "After the restart.")


def fill_up(path):
    out = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(out, bytes(4096))
    except OSError:
        pass
    finally:
        os.close(out)


def test_an_unwritable_store_means_later(talk, clinic):
    """A full disk: the state lies on a file system of its own that is filled to the brim."""
    lee = clinic.people["lee"]
    thread, raw, _ = talk.conversation()
    mail = talk.answer(lee, raw, "When there is room.\n")
    state, full = clinic.path("state"), clinic.path("state", "fill")
    clinic.milter.stop()
    clinic.bridge.stop()
    copy = clinic.path("state-copy")
    state.rename(copy)
    state.mkdir(mode=0o700)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "none", str(state)], check=True)
        subprocess.run(["cp", "-a", f"{copy}/.", str(state)], check=True)
        clinic.milter.start()
        clinic.bridge.start()
        fill_up(full)
        reply = clinic.submit(mail, lee)
        assert 400 <= reply.code < 500, reply
        full.unlink(missing_ok=True)

        def goes():
            for d in (clinic.milter, clinic.bridge):
                if not d.running():
                    d.start()       # a failed commit is final for a process: systemd starts it again
            return clinic.submit(mail, lee).code == 250
        wait_until(goes, 30, "the mail to be taken once there is room", every=0.5)
        talk.wait_answer("homer", thread, "When there is room.")
        clinic.milter.stop()
        clinic.bridge.stop()
        subprocess.run(["cp", "-a", f"{state}/.", str(copy)], check=True)
    finally:
        for d in (clinic.milter, clinic.bridge):
            d.kill()
        subprocess.run(["umount", str(state)], check=False)
        state.rmdir()
        copy.rename(state)
        clinic.milter.start()
        clinic.bridge.start()
    ledger_is_right(clinic)


def test_a_reload_loses_nothing_and_a_mistake_keeps_the_old_configuration(talk, clinic):
    lee = clinic.people["lee"]
    thread, raw, _ = talk.conversation()
    good = clinic.conf_file.read_text()
    try:
        clinic.conf_file.write_text(good + "nonsense: true\n")
        for d in (clinic.milter, clinic.bridge):
            d.signal(signal.SIGUSR1)
            wait_until(lambda d=d: d.logged("event=reload-refused"), 10, f"{d.name} to refuse the mistake")
        checked = clinic.portico("config", "check", check=False)
        assert checked.returncode != 0 and "portico.yaml" in checked.stdout + checked.stderr
    finally:
        clinic.conf_file.write_text(good)
    for d in (clinic.milter, clinic.bridge):
        d.signal(signal.SIGUSR1)
        wait_until(lambda d=d: d.logged("event=reloaded"), 10, f"{d.name} to reload")
    assert clinic.submit(talk.answer(lee, raw, "Still here.\n"), lee).code == 250
    talk.wait_answer("homer", thread, "Still here.")


# ---- many, and killed ------------------------------------------------------------------------------------------------


@pytest.mark.limit(900)
def test_many_messages_each_way_arrive_exactly_once(new_clinic):
    clinic = new_clinic()
    load = Load(clinic, 200 if LONG else 20).run()
    assert load.settle(120) == ([], [], [])
    wait_until(lambda: nothing_in_flight(clinic), 30, "nothing to be in flight", every=0.5)
    ledger_is_right(clinic)


@pytest.mark.limit(3600)
def test_killing_either_daemon_in_the_middle_loses_and_doubles_nothing(new_clinic):
    clinic = new_clinic()
    seed = int(os.environ.get("PORTICO_SEED", "1"))
    dice = random.Random(seed)
    wanted = 100 if LONG else 6
    load = Load(clinic, 200 if LONG else 30)

    def disturb():
        time.sleep(dice.uniform(0.05, 1.0) if LONG else dice.uniform(0.02, 0.3))
        if sum(load.deaths.values()) < wanted:
            dice.choice((clinic.milter, clinic.bridge)).kill()
    load.run(disturb, every=0.3 if LONG else 0.05)
    assert load.settle(120) == ([], [], []), f"seed {seed}, deaths {dict(load.deaths)}"
    assert sum(load.deaths.values()) >= min(wanted, 3)
    wait_until(lambda: nothing_in_flight(clinic), 60, "nothing to be in flight", every=0.5)
    ledger_is_right(clinic)


@pytest.fixture(scope="module")
def fragile(request):
    """One clinic for all fault points: what one left behind must not disturb the next."""
    import rig                      # pylint: disable=import-outside-toplevel
    del request
    with rig.Clinic() as c:
        yield c.start()


@pytest.mark.parametrize("point", fault_points() if LONG else SHORT_POINTS)
@pytest.mark.parametrize("nth", (1, 2) if LONG else (1,))
def test_killed_at(fragile, point, nth):
    assert point in fault_points(), "this point is gone from the sources"
    load = Load(fragile, 3)
    fragile.milter.stop()
    fragile.bridge.stop()
    armed = {"PORTICO_DIE_AT": f"{point}:{nth}"}
    fragile.milter.start(armed, wait=False)
    fragile.bridge.start(armed, wait=False)
    load.run(every=0.05)
    lost_doubled = load.settle(60)

    def died():
        load.tend()
        if sum(load.deaths.values()) > 0:
            return True
        try:                        # some points are reached only while there is work
            load.talk.write("marge", "lee", "One more.")
        except RigError:
            pass
        return False
    try:
        wait_until(died, 60 if "checkpoint" in point else 5, f"somebody to reach {point}", every=0.5)
    except RigError:
        pytest.fail(f"nobody died at {point}:{nth}: is it ever reached?")
    finally:
        for d in (fragile.milter, fragile.bridge):
            if d.running():
                d.stop()
            d.start()
    assert lost_doubled == ([], [], [])
    wait_until(lambda: nothing_in_flight(fragile), 30, "nothing to be in flight", every=0.5)
    ledger_is_right(fragile)
