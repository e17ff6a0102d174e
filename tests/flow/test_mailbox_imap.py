"""The IMAP mailbox driver against a real Dovecot: exactly once through kills and cut lines, and every way a mailbox can
be in the way. The driver is run by tests/tool/imap_deliver.c, which journals as a courier does."""

import imaplib
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

import rig

GRACE_MS = 400      # a busy test machine's Dovecot files a mail in less
FAULTS = ["imap.append.begun", "imap.append.half", "imap.append.sent", "imap.append.answered"]


class Box:
    """One Dovecot, one clinician's mailbox, and the driver."""

    def __init__(self, clinic, tmp_path, dovecot=""):
        self.clinic, self.tmp = clinic, tmp_path
        self.tool = clinic.programs / "tool" / "imap_deliver"
        if not self.tool.exists():
            raise rig.RigError(f"{self.tool} is not built (make flow builds it)")
        self.person = clinic.settings.people[0]
        self.clear_port = clinic.base + 4
        self.secret = tmp_path / "master"
        self.secret.touch(mode=0o600)
        self.secret.write_text(clinic.path("portico", "secrets", "imap").read_text())
        path = clinic.path("dovecot", "etc", "dovecot.conf")
        text = path.read_text().replace("port = 0", f"port = {self.clear_port}", 1)
        path.write_text(text.replace("ssl = required", "ssl = yes", 1) + dovecot)
        clinic.dovecot.start()

    def run(self, *action, folder="Portal", port=None, ca=None, master="portico", secret=None, timeout=20, die=None,
            user=None):
        command = [self.tool, "localhost", port or self.clinic.imaps_port, ca or self.clinic.ca,
                   user or self.person.login, master, secret or self.secret, timeout, folder, *action]
        env = {k: v for k, v in os.environ.items() if k != "PORTICO_DIE_AT"}
        if die:
            env["PORTICO_DIE_AT"] = die
        return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, check=False,
                              env=env)

    def ok(self, *action, **how):
        done = self.run(*action, **how)
        assert done.returncode == 0, f"{action}: {done.stdout} {done.stderr}"
        return done.stdout.strip()

    def fails(self, *action, **how):
        """What it printed, and nothing else may have gone wrong."""
        done = self.run(*action, **how)
        assert done.returncode == 1, f"{action}: status {done.returncode}: {done.stdout} {done.stderr}"
        return done.stdout.strip()

    def imap(self):
        box = imaplib.IMAP4_SSL("localhost", self.clinic.imaps_port, ssl_context=self.clinic.tls_context(), timeout=30)
        box.login(self.person.login, self.person.password)
        return box

    def empty(self):
        """No folder but INBOX. Dovecot lists the inner ones after the outer."""
        box = self.imap()
        for line in reversed([x.decode() for x in box.list()[1] if x]):
            name = line.partition(' "/" ')[2]
            if name not in ("INBOX", "Sent"):
                box.delete(name)
        box.logout()

    def tokens(self, folder="Portal"):
        """The X-Portal-Token of every mail."""
        box = self.imap()
        try:
            if box.select(folder, readonly=True)[0] != "OK":
                return []
            got = box.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (X-PORTAL-TOKEN)])")[1]
            return [p[1].split(b":", 1)[1].strip().decode() for p in got if isinstance(p, tuple) and b":" in p[1]]
        finally:
            box.logout()

    def mail(self, token, size=0):
        path = self.tmp / f"{token}.eml"
        line = b"x" * 70 + b"\r\n"
        path.write_bytes(b"From: portal@clinic.example\r\nX-Portal-Token: " + token.encode() + b"\r\n\r\n"
                         + line * (size // len(line) + 1))
        return path

    def journal(self):
        path = self.tmp / "journal"
        path.mkdir(exist_ok=True)
        return path


@pytest.fixture(name="shared", scope="module")
def fixture_shared(tmp_path_factory):
    with rig.Clinic() as clinic:
        yield Box(clinic, tmp_path_factory.mktemp("shared"))


@pytest.fixture(name="box")
def fixture_box(shared, tmp_path):
    """The shared server with an empty mailbox."""
    shared.tmp = tmp_path
    shared.empty()
    return shared


@pytest.fixture(name="boxes")
def fixture_boxes(new_clinic, tmp_path):
    return lambda dovecot: Box(new_clinic(start=False), tmp_path, dovecot)


def test_a_mail_arrives_as_it_was_and_is_found_again(box):
    journal = box.ok("prepare")
    mail = box.mail("tok-1", 3000)
    assert box.ok("find", "tok-1", journal) == "none"
    made = box.ok("deliver", "tok-1", mail)
    assert box.ok("find", "tok-1", journal) == made
    assert box.ok("find", "tok-1", "") == made
    assert box.ok("find", "tok-2", journal) == "none"
    imap = box.imap()
    assert imap.select("Portal", readonly=True)[1] == [b"1"]
    got = imap.fetch("1", "(UID FLAGS BODY.PEEK[])")[1]
    assert got[0][1] == mail.read_bytes()
    assert b"FLAGS ()" in got[0][0] or b"FLAGS (\\Recent)" in got[0][0]
    assert imap.response("UIDVALIDITY")[1][0].decode() == made.split("/")[0]
    assert any(b"Portal" in line for line in imap.lsub()[1] if line)
    imap.logout()


def test_a_kill_at_any_point_loses_and_doubles_nothing(box, long_form):
    tokens = [f"kill-{i}" for i in range(200 if long_form else 16)]
    box.ok("open")
    killed = 0
    for i, token in enumerate(tokens):
        done = box.run("exactly-once", box.journal(), GRACE_MS, token, die=FAULTS[i % len(FAULTS)])
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        if i % 3 == 0:      # and once more, while recovering
            box.run("exactly-once", box.journal(), GRACE_MS, token, die=random.choice(FAULTS))
        box.ok("exactly-once", box.journal(), GRACE_MS, token)
    assert killed == len(tokens)
    assert sorted(box.tokens()) == sorted(tokens)


class Cutter:
    """A TCP proxy that cuts the line after so many bytes in one direction, or (silent) keeps it and says no more."""

    def __init__(self, to, silent=False):
        self.to, self.silent, self.listener = to, silent, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.up = self.down = None      # bytes left; None: no limit
        self.cuts = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            for a, b, name in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self.pump, args=(a, b, name), daemon=True).start()

    def pump(self, a, b, name):
        left = getattr(self, name)
        try:
            while True:
                data = a.recv(1024 if left is None else max(1, min(1024, left)))
                if not data:
                    break
                b.sendall(data)
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        self.cuts += 1
                        while self.silent and a.recv(4096):
                            pass
                        break
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


@pytest.mark.limit(600)
def test_a_line_cut_at_any_byte_loses_and_doubles_nothing(box, long_form):
    box.ok("open")
    cutter = Cutter(box.clinic.imaps_port)
    picks = random.Random(7)
    tokens = [f"cut-{i}" for i in range(120 if long_form else 24)]
    try:
        for i, token in enumerate(tokens):
            # A whole exchange is some 14 KB up and 4 KB down: cuts fall everywhere from the handshake to the answer.
            cutter.up = picks.randrange(400, 14000) if i % 2 else None
            cutter.down = None if i % 2 else picks.randrange(1500, 4200)
            done = box.run("exactly-once", box.journal(), GRACE_MS, token, port=cutter.port)
            if done.returncode != 0:
                assert done.stdout.startswith("remote-down "), done.stdout
            cutter.up = cutter.down = None
            box.ok("exactly-once", box.journal(), GRACE_MS, token, port=cutter.port)
    finally:
        cutter.close()
    assert cutter.cuts > len(tokens) // 2
    assert sorted(box.tokens()) == sorted(tokens)


def test_dovecot_killed_under_us_is_remote_down_and_then_all_is_well(box):
    journal = box.ok("prepare")
    box.clinic.dovecot.kill()
    assert box.fails("deliver", "tok-1", box.mail("tok-1")) == "remote-down tls.connect"
    rig.wait_until(lambda: box.clinic.imaps_port not in rig.listening_ports(), 15, "the port to be free")
    for path in box.clinic.path("dovecot", "run").glob("master.pid"):
        path.unlink()
    box.clinic.dovecot.start()
    assert box.ok("find", "tok-1", journal) == "none"
    box.ok("deliver", "tok-1", box.mail("tok-1"))
    assert box.tokens() == ["tok-1"]


@pytest.mark.parametrize("up, down", [(200, None), (None, 1000), (None, 3000), (9000, None)])
def test_a_line_that_goes_silent_is_left_in_time(box, up, down):
    box.ok("open")
    cutter = Cutter(box.clinic.imaps_port, silent=True)
    try:
        cutter.up, cutter.down = up, down
        begun = time.monotonic()
        told = box.fails("exactly-once", box.journal(), GRACE_MS, "tok-1", port=cutter.port, timeout=1)
        assert told in ("remote-down tls.timeout", "remote-down imap.timeout")
        assert time.monotonic() - begun < 6     # a second for each of the commands that were answered, and the farewell
    finally:
        cutter.close()
    box.ok("exactly-once", box.journal(), GRACE_MS, "tok-1")
    assert box.tokens() == ["tok-1"]


def test_a_full_mailbox_says_so_and_keeps_the_rest_working(boxes):
    box = boxes("""
mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=200K
}
""")
    small, big = box.mail("small", 1000), box.mail("big", 300 << 10)
    box.ok("deliver", "small", small)
    journal = box.ok("prepare")
    assert box.fails("deliver", "big", big) == "retry imap.quota"
    assert box.ok("find", "big", journal) == "none"
    box.ok("deliver", "again", box.mail("again", 1000))
    assert sorted(box.tokens()) == ["again", "small"]


def test_a_folder_that_was_renumbered_is_searched_whole(box):
    box.ok("deliver", "tok-0", box.mail("tok-0"))
    journal = box.ok("prepare")
    made = box.ok("deliver", "tok-1", box.mail("tok-1"))
    imap = box.imap()
    imap.rename("Portal", "Old")
    imap.create("Portal")
    imap.select("Old")
    imap.copy("1:*", "Portal")
    imap.logout()
    found = box.ok("find", "tok-1", journal)
    assert found != "none" and found.split("/")[0] != made.split("/")[0]
    assert box.ok("find", "tok-2", journal) == "none"


def test_a_deleted_folder_comes_back(box):
    journal = box.ok("prepare")
    imap = box.imap()
    imap.delete("Portal")
    imap.logout()
    assert box.ok("find", "tok-1", journal) == "none"
    box.ok("deliver", "tok-1", box.mail("tok-1"))
    assert box.tokens() == ["tok-1"]


def test_one_mail_among_many_is_found(box):
    """More than two windows, with gaps: the token stands in the last mail but one."""
    box.ok("open")
    home = box.clinic.path("dovecot", "mail", box.person.id, "Maildir", ".Portal", "cur")
    owner = home.stat()
    for i in range(1300):
        path = home / f"{1700000000 + i}.M{i}P1.rig:2,"
        path.write_bytes(b"From: a@b.example\r\nX-Portal-Token: many-%d\r\n\r\nx\r\n" % i)
        os.chown(path, owner.st_uid, owner.st_gid)
    journal = box.ok("prepare")
    begun = time.monotonic()
    assert box.ok("find", "many-1298", "").endswith("/1299")
    took = time.monotonic() - begun
    assert box.ok("find", "many-1298", journal) == "none"        # older than the journal
    assert box.ok("find", "many-1300", "") == "none"
    made = box.ok("deliver", "tok-1", box.mail("tok-1"))
    assert box.ok("find", "tok-1", journal) == made
    assert took < 20


@pytest.mark.parametrize("folder, wire", [
    ("Ärzte & Pflege", "&AMQ-rzte &- Pflege"), ("Portal/Failed", "Portal/Failed"), ("日本語", "&ZeVnLIqe-"),
    ("With space", "With space"), ("50% *new*", "50% *new*")])
def test_folder_names_of_all_kinds(box, folder, wire):
    made = box.ok("deliver", "tok-1", box.mail("tok-1"), folder=folder)
    assert box.ok("find", "tok-1", "", folder=folder) == made
    imap = box.imap()
    names = [line.decode() for line in imap.list()[1] if line]
    imap.logout()
    assert any(line.endswith((f' "{wire}"', f" {wire}")) for line in names), names


@pytest.mark.parametrize("capability", ["IMAP4rev1", "IMAP4rev1 LITERAL-", "IMAP4rev1 SASL-IR UIDPLUS"])
def test_a_server_with_few_extensions(boxes, capability):
    box = boxes(f"\nprotocol imap {{\n  imap_capability = {capability}\n}}\nimap_capability = {capability}\n")
    journal = box.ok("prepare")
    made = box.ok("deliver", "tok-1", box.mail("tok-1", 100000))
    assert box.ok("find", "tok-1", journal) == made


@pytest.mark.parametrize("separator, prefix", [(".", "INBOX."), (".", ""), ("/", "INBOX/")])
def test_a_server_that_spells_folders_otherwise(boxes, separator, prefix):
    box = boxes(f"\nnamespace inbox {{\n  separator = {separator}\n  prefix = {prefix}\n}}\n")
    box.ok("deliver", "tok-1", box.mail("tok-1"), folder="Portal/Failed")
    assert box.tokens(f"{prefix}Portal{separator}Failed") == ["tok-1"]


def test_starttls_is_as_good(box):
    made = box.ok("deliver", "tok-1", box.mail("tok-1"), port=f"s{box.clear_port}")
    assert box.ok("find", "tok-1", "") == made


def test_login_as_the_clinician_and_who_is_refused(box):
    own = box.tmp / "own"
    own.touch(mode=0o600)
    own.write_text(box.person.password + "\n")
    box.ok("open", master="-", secret=own)
    own.write_text("wrong")
    assert box.fails("open", master="-", secret=own) == "remote-down imap.login"
    assert box.fails("open", user="nobody-mail") == "remote-down imap.login"
    own.chmod(0o644)
    assert box.fails("open", secret=own) == "local file.mode"


def test_only_the_clinics_own_server_hears_the_password(box):
    mark = box.clinic.dovecot.log.stat().st_size
    other = box.tmp / "other"
    other.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "1", "-subj", "/CN=other", "-keyout", other / "key", "-out", other / "ca.crt"],
                   check=True, capture_output=True)
    for port in (box.clinic.imaps_port, f"s{box.clear_port}"):
        assert box.fails("open", ca=other / "ca.crt", port=port) == "remote-down tls.verify"
        assert box.fails("open", ca="-", port=port) == "remote-down tls.verify"
    assert box.fails("open", port=box.clear_port).startswith("remote-down tls.handshake")
    with open(box.clinic.dovecot.log, encoding="utf-8") as log:
        log.seek(mark)
        said = log.read()
    assert "no auth attempts" in said and "user=<" not in said.replace("user=<>", "")


def test_a_large_mail_goes_through(box):
    mail = box.mail("large", 34 << 20)
    begun = time.monotonic()
    made = box.ok("deliver", "large", mail)
    assert time.monotonic() - begun < 60
    assert box.ok("find", "large", "") == made
    mail.unlink()
