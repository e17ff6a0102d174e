"""A throw-away clinic: real Postfix, real Dovecot, portico-milter, portico-bridge and the embedded portal, in a private
directory on loopback ports. The flow tests and the demo are made of it. Standard library only.

    with Clinic(programs="build/release") as c:
        c.start()
        c.portico("patient", "write", "--patient", "homer", "--to", "lee", "--subject", "Hello", stdin="May I ask ...")

Everything started is a direct child that dies with this process; close() ends what is left and removes the directory.
Needs root: Postfix's master does. The daemons of ours run under a numeric uid without a passwd entry.
"""

import atexit
import fcntl
import grp
import imaplib
import json
import os
import pwd
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import config
import smime

PORTICO_UID = 60997         # our daemons; systemd's dynamic users begin at 61184
MAIL_UID = 60998            # owner of the mailboxes
FIRST_PORT, LAST_PORT, BLOCK = 20020, 29990, 10
POSTFIX_LIB = Path("/usr/lib/postfix/sbin")
REPOSITORY = Path(__file__).resolve().parents[2]


class RigError(Exception):
    """The clinic could not be set up or did not do what was waited for."""


def wait_until(check, timeout=20.0, what="", every=0.05):
    """The first true value of check(); RigError after timeout seconds, saying what was waited for."""
    end = time.monotonic() + timeout
    while True:
        got = check()
        if got:
            return got
        if time.monotonic() > end:
            raise RigError(f"waited {timeout:g} s in vain for {what or getattr(check, '__name__', 'a condition')}")
        time.sleep(every)


def listening_ports():
    """Ports somebody listens on. Postfix binds with SO_REUSEPORT, so a clash would not be an error: look first."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        ports.update(int(f[1].rpartition(":")[2], 16) for f in map(str.split, lines) if f[3] == "0A")
    return ports


def world_traversable(path):
    return all(p.stat().st_mode & 0o001 for p in [path, *path.parents])


def scratch_base():
    """Where every user can reach what we put there: never in a checkout, never below a 0700 home."""
    for base in filter(None, (os.environ.get("TMPDIR"), "/tmp", "/var/tmp")):
        path = Path(base).resolve()
        if path.is_dir() and world_traversable(path) and REPOSITORY not in [path, *path.parents]:
            return path
    raise RigError("neither /tmp nor /var/tmp can be entered by every user")


def missing_tools():
    """What this module runs and does not find."""
    tools = ["openssl", "setpriv", "postfix", "postconf", "dovecot"]
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [t for t in tools if not shutil.which(t, path=path)]


def as_portico(*command, groups=()):
    extra = ",".join(str(g) for g in (PORTICO_UID, *groups))
    return ["setpriv", "--reuid", str(PORTICO_UID), "--regid", str(PORTICO_UID), "--groups", extra,
            "--pdeathsig", "SIGKILL", "--", *map(str, command)]


@dataclass
class Reply:
    """What an SMTP server said last."""
    code: int
    text: str
    stage: str      # "auth", "mail", "rcpt", "data", "connect"
    seconds: float

    def __str__(self):
        return f"{self.code} {self.text}"


class Daemon:
    """One long-running child with a log file; ready when the log says so or when its ports answer."""

    def __init__(self, name, argv, log, ready, env=None, grace=15):
        self.name, self.argv, self.log, self.ready, self.grace = name, argv, Path(log), ready, grace
        self.env = env or {}
        self.proc = None

    def running(self):
        return self.proc is not None and self.proc.poll() is None

    def start(self, env=None, wait=True):
        if self.running():
            raise RigError(f"{self.name} is running already")
        self.mark = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                         env={**os.environ, **self.env, **(env or {})}, start_new_session=True)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        def up():
            if self.proc.poll() is not None:
                raise RigError(f"{self.name} ended at its start with status {self.proc.returncode}\n{self.tail()}")
            return self.ready(self)
        wait_until(up, 30, f"{self.name} to be ready")

    def wait_dead(self, timeout=15):
        """Until it has ended by itself (a fault point); its status."""
        try:
            return self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            raise RigError(f"{self.name} still lives after {timeout} s") from None

    def logged(self, text, since_start=True):
        if not self.log.exists():
            return False
        with open(self.log, "rb") as log:
            log.seek(self.mark if since_start else 0)
            return text.encode() in log.read()

    def tail(self, lines=25):
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number):
        self.proc.send_signal(number)

    def kill(self):
        """As the kernel would: no warning, the whole group."""
        if self.running():
            try:
                os.killpg(self.proc.pid, signal.SIGKILL)
            except ProcessLookupError:
                self.proc.kill()
            self.proc.wait()

    def stop(self):
        """SIGTERM and the exit status; a daemon that does not obey is killed, and that is an error."""
        if not self.running():
            return self.proc.returncode if self.proc else None
        self.proc.terminate()
        try:
            return self.proc.wait(self.grace)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RigError(f"{self.name} did not end within {self.grace} s of SIGTERM") from None

    def restart(self, env=None):
        self.stop()
        self.start(env)


def log_says_ready(daemon):
    return daemon.logged("event=ready")


class Clinic:
    """The directory, the servers and the people. Nothing runs before start()."""

    alive = []      # every clinic that was made and not closed

    def __init__(self, programs=None, domain="clinic.example", keep=False, settings=None):
        if os.geteuid() != 0:
            raise RigError("root is needed: Postfix's master runs as root")
        missing = missing_tools()
        if missing:
            raise RigError(f"missing: {', '.join(missing)} (tests/setup.sh demo installs them)")
        self.programs = Path(programs or os.environ.get("PORTICO_PROGRAMS") or REPOSITORY / "build/release").resolve()
        self.domain, self.keep, self.closed = domain, keep, False
        self.settings = config.Settings(domain=domain, **(settings or {}))
        self.dir = Path(tempfile.mkdtemp(prefix="portico-", dir=scratch_base()))
        self.dir.chmod(0o755)
        atexit.register(self.close)
        Clinic.alive.append(self)
        if not world_traversable(self.programs):
            self.programs = self.copied_programs()
        self.daemons = []
        self.base, self.port_lock = self.take_ports()
        self.smtp_port, self.submission_port, self.submissions_port, self.imaps_port = range(self.base, self.base + 4)
        self.people = {}
        self.postfix_gid = grp.getgrnam("postfix").gr_gid
        self.make()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- what it is made of -------------------------------------------------------------------------------------

    @staticmethod
    def take_ports():
        """The first free block. An abstract socket marks it as taken while we live, also before anybody listens."""
        used = listening_ports()
        for base in range(FIRST_PORT, LAST_PORT, BLOCK):
            if used & set(range(base, base + BLOCK)):
                continue
            lock = socket.socket(socket.AF_UNIX)
            fcntl.fcntl(lock, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
            try:
                lock.bind(f"\0portico-rig-{base}")
                return base, lock
            except OSError:
                lock.close()
        raise RigError("no free block of ports")

    def path(self, *parts):
        return self.dir.joinpath(*parts)

    def folder(self, *parts, owner=None, mode=0o755):
        path = self.path(*parts)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if owner is not None:
            os.chown(path, *owner)
        return path

    def copied_programs(self):
        """A checkout below a 0700 home: our daemons, which are not root, could not run what lies there."""
        copy = self.folder("bin")
        for program in self.programs.glob("portico*"):
            if program.is_file():
                shutil.copy(program, copy)
        if (self.programs / "tool").is_dir():       # test programs: make flow builds them
            shutil.copytree(self.programs / "tool", copy / "tool", ignore=shutil.ignore_patterns("*.o", "*.d"))
        return copy

    def secret(self, name, text):
        path = self.path("portico", "secrets", name)
        path.touch(mode=0o600)
        path.write_text(text + "\n")
        os.chown(path, PORTICO_UID, PORTICO_UID)
        return path

    def make(self):
        ours = (PORTICO_UID, PORTICO_UID)
        self.log_dir = self.folder("log")
        self.ca, self.tls_cert, self.tls_key = smime.make_tls(self.path("tls"))
        self.folder("portico", owner=ours)
        self.folder("portico", "secrets", owner=ours, mode=0o700)
        self.folder("state", owner=ours, mode=0o700)
        self.folder("run", owner=ours)
        self.folder("enrolled", owner=ours, mode=0o700)
        self.folder("people", mode=0o700)
        self.secret("imap", "master-" + self.dir.name)
        self.milter_socket = self.path("run", "milter.sock")
        self.conf_file = self.path("portico", "portico.yaml")
        self.write_config()
        self.make_dovecot()
        self.make_postfix()
        conf = ["--config", self.conf_file]
        self.dovecot = self.daemon("dovecot", ["setpriv", "--pdeathsig", "SIGKILL", "--", "dovecot", "-F", "-c",
                                               self.path("dovecot", "etc", "dovecot.conf")],
                                   lambda _: self.greets(self.imaps_port, tls=True))
        self.postfix = self.daemon("postfix", ["setpriv", "--pdeathsig", "SIGKILL", "--", POSTFIX_LIB / "master", "-c",
                                               self.path("postfix", "etc")], lambda _: self.postfix_answers())
        self.keys = self.daemon("keys", as_portico(self.programs / "portico-keys", *conf), log_says_ready)
        self.milter = self.daemon("milter", as_portico(self.programs / "portico-milter", *conf,
                                                       groups=[self.postfix_gid]), log_says_ready)
        self.bridge = self.daemon("bridge", as_portico(self.programs / "portico-bridge", *conf), log_says_ready)

    def daemon(self, name, argv, ready):
        d = Daemon(name, [str(a) for a in argv], self.log_dir / f"{name}.log", ready)
        self.daemons.append(d)
        return d

    def write_config(self, **changes):
        """portico.yaml and the files beside it; changes are fields of config.Settings."""
        for name, value in changes.items():
            setattr(self.settings, name, value)
        for name, text in config.files(self.settings, self).items():
            path = self.path("portico", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def make_dovecot(self):
        etc = self.folder("dovecot", "etc")
        for name in ("run", "state"):
            self.folder("dovecot", name)
        self.folder("dovecot", "mail", owner=(MAIL_UID, MAIL_UID), mode=0o700)
        dovecot = grp.getgrnam("dovecot").gr_gid
        people = self.settings.people
        users = {p.login: f"{{PLAIN}}{p.password}" for p in people}
        masters = {"portico": "{PLAIN}" + self.path("portico", "secrets", "imap").read_text().strip()}
        # One mailbox by two names: the login for IMAP, the address for LMTP.
        homes = {name: f":{MAIL_UID}:{MAIL_UID}::{self.path('dovecot', 'mail', p.id)}"
                 for p in people for name in (p.login, p.address(self.domain))}
        for name, table in (("users", users), ("masters", masters), ("homes", homes)):
            path = etc / name
            path.touch(mode=0o640)
            path.write_text("".join(f"{user}:{rest}\n" for user, rest in table.items()))
            os.chown(path, 0, dovecot)
        (etc / "dovecot.conf").write_text(config.dovecot_conf(self, MAIL_UID))

    def make_postfix(self):
        etc = self.folder("postfix", "etc")
        self.folder("postfix", "queue")
        self.folder("postfix", "data", owner=(pwd.getpwnam("postfix").pw_uid, self.postfix_gid), mode=0o700)
        main, master, tables = config.postfix_conf(self)
        (etc / "main.cf").write_text(main)
        (etc / "master.cf").write_text(master)
        for name, text in tables.items():
            (etc / name).write_text(text)
        # The tree of postfix-files(5). "postfix check" would make it as well, and take two seconds.
        postfix, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        for name in "active bounce corrupt defer deferred flush hold incoming private saved trace".split():
            self.folder("postfix", "queue", name, owner=(postfix, 0), mode=0o700)
        self.folder("postfix", "queue", "maildrop", owner=(postfix, postdrop), mode=0o730)
        self.folder("postfix", "queue", "public", owner=(postfix, postdrop), mode=0o710)
        self.folder("postfix", "queue", "pid")

    # ---- running ------------------------------------------------------------------------------------------------

    def start(self):
        """The servers, the authority, everybody's certificate, our daemons, the patients."""
        self.dovecot.start(wait=False)
        self.start_postfix(wait=False)
        self.portico("ca", "init")
        for person in self.settings.people:
            self.enroll(person)
        self.keys.start()
        self.milter.start(wait=False)
        self.bridge.start(wait=False)
        for d in self.daemons:
            d.wait_ready()
        for patient in self.settings.patients:
            self.portico("patient", "add", *patient.options())
        return self

    def start_postfix(self, wait=True):
        # A smtpd of a master that just ended may hold the port a moment longer.
        wait_until(lambda: not listening_ports() & {self.smtp_port, self.submission_port, self.submissions_port}, 15,
                   "Postfix's ports to be free")
        self.postfix.start(wait=wait)

    def enroll(self, person):
        password = self.secret(f"p12-{person.id}", person.p12_password)
        made = self.path("enrolled", f"{person.id}.p12")
        self.portico("clinician", "enroll", person.id, "--p12", made, "--password-file", password,
                     *person.enroll_options)
        home = self.folder("people", person.id, mode=0o700)
        p12 = home / f"{person.id}.p12"
        shutil.copyfile(made, p12)
        self.people[person.id] = smime.Client(person.name, person.address(self.domain), person.login, person.password,
                                              home, self.path("state", "ca", "root.crt"), p12,
                                              person.p12_password).import_p12()

    def impostor(self, person_id):
        """Somebody with the name and address of a clinician and a certificate of his own making."""
        real = self.people[person_id]
        home = self.folder("people", f"impostor-{person_id}", mode=0o700)
        fake = smime.Client(real.name, real.address, real.login, real.password, home, real.root)
        fake.known = dict(real.known)
        return fake.self_signed()

    def greets(self, port, tls=False):
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                s.settimeout(5)
                if tls:
                    with self.tls_context().wrap_socket(s, server_hostname="localhost") as t:
                        return bool(t.recv(1))
                return bool(s.recv(1))
        except OSError:
            return False

    def postfix_answers(self):
        return self.greets(self.smtp_port) and self.greets(self.submission_port)

    def close(self):
        """Ends everything and removes the directory. Safe to call twice."""
        if self.closed:
            return
        self.closed = True
        Clinic.alive.remove(self)
        atexit.unregister(self.close)
        for d in reversed(self.daemons):
            if d.running():
                d.proc.terminate()
        end = time.monotonic() + 15
        for d in reversed(self.daemons):
            if d.running():
                try:
                    d.proc.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    pass
            d.kill()
        self.port_lock.close()
        if self.keep:
            print(f"kept: {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    # ---- using it -----------------------------------------------------------------------------------------------

    def portico(self, *args, json=False, stdin="", check=True, timeout=60):  # pylint: disable=redefined-outer-name
        """Runs the command. With json: its output parsed. check: a status other than 0 is an error."""
        if json:
            args += ("--json",)
        done = subprocess.run(as_portico(self.programs / "portico", "--config", self.conf_file, *args), input=stdin,
                              capture_output=True, text=True, timeout=timeout, check=False, cwd="/")
        if check and done.returncode != 0:
            raise RigError(f"portico {' '.join(map(str, args[:2]))}: status {done.returncode}: {done.stderr.strip()}")
        if json:
            return parse_json(done.stdout)
        return done

    def ask(self, verb, **args):
        """What the command asks the bridge, over the control socket itself: a tenth of the time of a process."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            try:
                s.connect(str(self.path("run", "control.sock")))
                s.sendall(json.dumps({"verb": verb, "args": args}).encode() + b"\n")
                answer = b"".join(iter(lambda: s.recv(65536), b""))
            except OSError as e:
                raise RigError(f"{verb}: the bridge does not answer: {e}") from None
        said = json.loads(answer) if answer else {"error": "no answer"}
        if not said.get("ok"):
            raise RigError(f"{verb}: {said.get('error')}")
        return said

    def tls_context(self):
        return ssl.create_default_context(cafile=str(self.ca))

    def submit(self, mail, who, to=None, sender=None, port=None, auth=True, password=None):
        """Sends one mail as a mail program does: STARTTLS verified, AUTH, MAIL, RCPT, DATA. The last answer."""
        to = [to or self.settings.gateway_address] if not isinstance(to, (list, tuple)) else list(to)
        begun = time.monotonic()
        stage = "connect"

        def reply(code, text):
            text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
            return Reply(code, text, stage, time.monotonic() - begun)
        try:
            with smtplib.SMTP("localhost", port or self.submission_port, timeout=120) as s:
                s.starttls(context=self.tls_context())
                s.ehlo()
                if auth:
                    stage = "auth"
                    s.login(who.login, password or who.password)
                stage = "mail"
                code, text = s.mail(who.address if sender is None else sender)
                if code != 250:
                    return reply(code, text)
                stage = "rcpt"
                for one in to:
                    code, text = s.rcpt(one)
                    if code not in (250, 251):
                        return reply(code, text)
                stage = "data"
                return reply(*s.data(mail))
        except smtplib.SMTPResponseException as e:
            return reply(e.smtp_code, e.smtp_error)
        except (smtplib.SMTPServerDisconnected, ConnectionError) as e:
            return reply(421, str(e))

    def imap(self, who):
        """A logged-in IMAP connection of this person."""
        box = imaplib.IMAP4_SSL("localhost", self.imaps_port, ssl_context=self.tls_context(), timeout=30)
        box.login(who.login, who.password)
        return box

    def mails(self, who, folder="Portal"):
        """All mails of a folder, oldest first, as bytes; none when there is no such folder."""
        box = self.imap(who)
        try:
            if box.select(folder, readonly=True)[0] != "OK":
                return []
            numbers = box.search(None, "ALL")[1][0].split()
            if not numbers:
                return []
            got = box.fetch(b"%s:%s" % (numbers[0], numbers[-1]), "(BODY.PEEK[])")[1]
            return [part[1] for part in got if isinstance(part, tuple)]
        finally:
            box.logout()

    def opened(self, who, folder="Portal"):
        """All mails of a folder after the independent program opened them: [(raw, Opened)]."""
        return [(raw, who.open(raw)) for raw in self.mails(who, folder)]

    def wait_mail(self, who, fits, folder="Portal", timeout=30, what="a mail"):
        """The newest mail, opened, for which fits(opened) is true: (raw, Opened)."""
        def look():
            for raw in reversed(self.mails(who, folder)):
                opened = who.open(raw)
                if fits(opened):
                    return raw, opened
            return None
        return wait_until(look, timeout, what, every=0.15)

    # ---- when something is wrong --------------------------------------------------------------------------------

    def tail(self, name, lines=25):
        path = self.log_dir / name
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def logs(self, lines=25):
        """The end of every log, for a failed test. Logs hold no content: that is a promise, and tested."""
        out = []
        for path in sorted(self.log_dir.iterdir()):
            text = self.tail(path.name, lines)
            if text:
                out.append(f"---- {path.name}\n{text}")
        return "\n".join(out)


def parse_json(text):
    """One JSON document, or JSON Lines as a list."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError:
            raise RigError("portico --json printed something that is not JSON") from None


def exit_on_signals():
    """SIGTERM and SIGHUP end this program the ordinary way, so that close() runs."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _frame: sys.exit(128 + n))
