"""The independent S/MIME program of the tests and the demo: the openssl command line, driven as a mail client would be.

Nothing here is Portico's code. A Client holds what a clinician's mail program holds: the certificate and key from the
PKCS#12 file, the clinic's root, and the correspondents' certificates it learnt from signed mail.
"""

import email
import email.policy
import email.utils
import os
import re
import subprocess
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path


class SmimeError(Exception):
    """openssl refused: the mail is not what it should be."""


def openssl(*args, data=b"", ok=(0,)):
    done = subprocess.run(["openssl", *map(str, args)], input=data, capture_output=True, timeout=60, check=False)
    if done.returncode not in ok:
        why = done.stderr.decode(errors="replace").strip().splitlines()
        raise SmimeError(f"openssl {' '.join(map(str, args[:2]))}: {why[-1] if why else done.returncode}")
    return done.stdout


def crlf(data):
    return re.sub(rb"\r?\n", b"\r\n", data)


@dataclass
class Opened:
    """A sealed mail after an independent program opened it."""
    outer: email.message.EmailMessage   # the header fields a server sees
    inner: email.message.EmailMessage   # what was signed, with its protected header fields
    signer: str                         # the address in the signer's certificate
    signer_pem: bytes
    text: str = ""

    @property
    def subject(self):
        return str(self.inner.get("Subject") or self.outer.get("Subject") or "")

    @property
    def message_id(self):
        return str(self.outer["Message-ID"])


@dataclass
class Client:
    """One person's mail program."""
    name: str
    address: str
    login: str
    password: str
    home: Path                          # a private directory of the test
    root: Path                          # the anchor this client trusts
    p12: Path | None = None
    p12_password: str = ""
    known: dict = field(default_factory=dict)   # address -> certificate file, learnt from signed mail
    read: dict = field(default_factory=dict)    # mails opened before

    @property
    def key(self):
        return self.home / "key.pem"

    @property
    def cert(self):
        return self.home / "cert.pem"

    @property
    def chain(self):
        return self.home / "chain.pem"

    def import_p12(self):
        """What "import certificate" does in a mail program."""
        def take(*what):
            return openssl("pkcs12", "-in", self.p12, "-passin", f"pass:{self.p12_password}", "-nodes", *what)
        self.home.mkdir(parents=True, exist_ok=True)
        self.key.touch(mode=0o600)
        self.key.write_bytes(take("-nocerts"))
        self.cert.write_bytes(take("-nokeys", "-clcerts"))
        self.chain.write_bytes(take("-nokeys", "-cacerts"))
        return self

    def self_signed(self):
        """A certificate nobody vouches for, with this client's own name and address: an impostor's."""
        self.home.mkdir(parents=True, exist_ok=True)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.cert, "-days", "30",
                "-subj", f"/CN={self.name}", "-addext", f"subjectAltName=email:{self.address}",
                "-addext", "keyUsage=digitalSignature,keyEncipherment", "-addext", "extendedKeyUsage=emailProtection")
        self.chain.write_bytes(b"")
        return self

    # ---- reading -----------------------------------------------------------------------------------------------

    def open(self, raw):
        """Decrypt with our key, verify against the clinic's root, and say who signed. Raises SmimeError."""
        if raw not in self.read:
            self.read[raw] = self.open_first(raw)
        return self.read[raw]

    def open_first(self, raw):
        outer = email.message_from_bytes(raw, policy=email.policy.default)
        inside = openssl("cms", "-decrypt", "-inform", "SMIME", "-recip", self.cert, "-inkey", self.key, data=raw)
        with tempfile.NamedTemporaryFile(dir=self.home) as signer:
            signed = openssl("cms", "-verify", "-inform", "SMIME", "-CAfile", self.root, "-purpose", "smimesign",
                             "-signer", signer.name, data=inside)
            pem = Path(signer.name).read_bytes()
        address = openssl("x509", "-noout", "-email", data=pem).decode().split()
        inner = email.message_from_bytes(signed, policy=email.policy.default)
        got = Opened(outer, inner, address[0] if address else "", pem)
        body = inner.get_body(("plain", "html"))
        got.text = body.get_content().replace("\r\n", "\n") if body is not None else ""
        if got.signer:
            self.learn(got.signer, pem)
        return got

    def learn(self, address, pem):
        path = self.home / f"known-{len(self.known)}.pem"
        path.write_bytes(pem)
        self.known.setdefault(address.lower(), path)

    # ---- writing -----------------------------------------------------------------------------------------------

    def sign(self, entity, detached=True, digest="sha256"):
        extra = [] if detached else ["-nodetach"]
        if self.chain.stat().st_size:
            extra += ["-certfile", self.chain]
        return openssl("cms", "-sign", "-inform", "SMIME", "-outform", "SMIME", "-signer", self.cert, "-inkey",
                       self.key, "-md", digest, *extra, data=entity)

    def encrypt(self, entity, *addresses, cipher="-aes-256-cbc"):
        to = [self.known[a.lower()] for a in addresses] + [self.cert]
        return openssl("cms", "-encrypt", cipher, "-outform", "SMIME", *to, data=entity)

    def quoted(self, raw):
        """As Thunderbird quotes what it answers."""
        try:
            text = self.open(raw).text
        except SmimeError:
            text = "(this could not be read)"
        return "On 11/22/26 4:39 PM, Springfield Clinic wrote:\n" + "".join(
            f"> {row}".rstrip() + "\n" for row in text.splitlines())

    def write(self, to, subject, text, *, answers=None, sign=True, encrypt=True, headers=(), froms=None, detached=True,
              message_id=None, content_type="text/plain; charset=utf-8", date=None, quote=True):
        """A mail from this client: bytes with CRLF. answers is the raw mail it replies to.

        headers replace or add outer fields, (name, value) or (name, None) to leave one out; froms makes any number of
        From fields. Everything odd a test needs is asked for by name; the default is what a sane client sends.
        """
        if quote and answers is not None:
            text = (text.rstrip("\n") + "\n\nOn Wed, 4 Mar 2026 at 10:00, Springfield Clinic <portal@clinic.example> "
                    "wrote:\n> (quoted)\n")
        entity = (f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
                  + crlf(text.encode()))
        if sign:
            entity = self.sign(entity, detached)
        if encrypt:
            entity = self.encrypt(entity, to)
        fields = [("From", f) for f in (froms or [f"{self.name} <{self.address}>"])]
        now = email.utils.format_datetime(email.utils.localtime())
        fields += [("To", to), ("Subject", subject), ("Date", date or now),
                   ("Message-ID", message_id or f"<{uuid.uuid4()}@{self.address.partition('@')[2]}>")]
        if answers is not None:
            first = email.message_from_bytes(answers, policy=email.policy.compat32)
            parent = "".join((first["Message-ID"] or "").split())
            chain = " ".join((first["References"] or "").split() + [parent])
            fields += [("In-Reply-To", parent), ("References", chain)]
        for name, value in headers:
            fields = [f for f in fields if f[0].lower() != name.lower()]
            if value is not None:
                fields.append((name, value))
        head = "".join(f"{n}: {v}\r\n" for n, v in fields).encode()
        entity = crlf(entity)
        if not entity.lower().startswith(b"mime-version:"):
            head += b"MIME-Version: 1.0\r\n"
        return head + entity


def break_cms(raw):
    """The same mail with one byte in the middle of its base64 changed."""
    at = raw.index(b"\r\n\r\n") + (len(raw) - raw.index(b"\r\n\r\n")) // 2
    while not raw[at:at + 1].isalnum():
        at += 1
    return raw[:at] + (b"A" if raw[at:at + 1] != b"A" else b"B") + raw[at + 1:]


def make_tls(directory, names=("localhost",), ip="127.0.0.1"):
    """A TLS authority and one certificate for Postfix and Dovecot: (ca.crt, server.crt, server.key)."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    ca, ca_key = directory / "ca.crt", directory / "ca.key"
    crt, key, csr = directory / "server.crt", directory / "server.key", directory / "server.csr"
    ext = directory / "server.ext"
    old = os.umask(0o077)
    try:
        ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *ec, "-keyout", ca_key, "-out", ca, "-days", "30", "-subj", "/CN=Demo clinic servers",
                "-addext", "basicConstraints=critical,CA:true,pathlen:0",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl("req", *ec, "-keyout", key, "-out", csr, "-subj", f"/CN={names[0]}")
        ext.write_text("basicConstraints=CA:false\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
                       f"subjectAltName={','.join('DNS:' + n for n in names)},IP:{ip}\n")
        openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", crt, "-days", "30",
                "-extfile", ext)
    finally:
        os.umask(old)
    for public in (ca, crt):
        public.chmod(0o644)
    return ca, crt, key
