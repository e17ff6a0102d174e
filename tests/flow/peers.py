"""Other people's S/MIME programs, each as one reader and one writer of mail. None of Portico's code is in here.

read() gives what was signed, after the peer decrypted and verified it; write() gives a whole mail, signed by the
clinician and encrypted to the gateway. Either raises Refused with what the peer said. Keys are "rsa" or "ec";
an algorithm is "<signer> <recipient> <cipher>", such as "rsa rsa cbc" or "ec ec gcm".
"""

import base64
import email
import email.headerregistry
import email.message
import email.policy
import email.utils
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIMIT = 60          # seconds one program may take
PASSWORD = "x"


class Refused(Exception):
    """The peer would not or could not; says why in its own words."""


def run(*command, data=b"", env=None, both=False):
    """The output (with both, what went to standard error as well); Refused with the last words if it failed."""
    done = subprocess.run([str(c) for c in command], input=data, capture_output=True, timeout=LIMIT, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})})
    if done.returncode != 0:
        words = (done.stderr + done.stdout).decode(errors="replace").strip().splitlines()
        raise Refused(" / ".join(words[-4:]) or f"status {done.returncode}")
    return done.stdout + done.stderr if both else done.stdout


def crlf(data):
    return re.sub(rb"\r?\n", b"\r\n", data)


@dataclass
class Content:
    """What one person says."""
    name: str
    subject: str = "Hello"
    text: str = "Hello\n"
    files: tuple = ()       # (name, type, bytes)


def parameter(name, value):
    """A parameter as RFC 2231 writes it."""
    if value.isascii() and '"' not in value:
        return f'{name}="{value}"'
    return f"{name}*={email.utils.encode_rfc2231(value, 'utf-8')}"


def eight_bit(c):
    """An entity in which the text travels as it is, however long its lines."""
    text = (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            + crlf(c.text.encode()))
    if not c.files:
        return text
    parts = [text]
    for name, kind, data in c.files:
        head = (f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
                f"Content-Disposition: attachment;\r\n {parameter('filename', name)}\r\n\r\n")
        parts.append(head.encode() + crlf(base64.encodebytes(data)))
    body = b"".join(b"--=_p\r\n" + p.rstrip(b"\r\n") + b"\r\n" for p in parts)
    return b'Content-Type: multipart/mixed; boundary="=_p"\r\n\r\n' + body + b"--=_p--\r\n"


def python_made(c):
    """An entity as Python's email package writes it."""
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m.set_content(c.text)
    for name, kind, data in c.files:
        major, minor = kind.split("/")
        m.add_attachment(data, maintype=major, subtype=minor, filename=name)
    del m["MIME-Version"]
    return m.as_bytes()


def mail_head(subject):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"] = email.headerregistry.Address("Dr. Jordan Lee", addr_spec="lee@clinic.example")
    m["To"] = "portal@clinic.example"
    m["Subject"] = subject
    m["Date"] = email.utils.localtime()
    m["Message-ID"] = email.utils.make_msgid(domain="clinic.example")
    return m.as_bytes().removesuffix(b"\r\n") + b"MIME-Version: 1.0\r\n"


def cms_mail(subject, kind, der):
    return mail_head(subject) + cms_entity(kind, der)


def cms_entity(kind, der):
    return (f'Content-Type: application/pkcs7-mime; smime-type={kind};\r\n name="smime.p7m"\r\n'
            'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="smime.p7m"\r\n\r\n'
            ).encode() + crlf(base64.encodebytes(der))


def signed_entity(entity, der):
    return (b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n micalg=sha-256;'
            b' boundary="=_s"\r\n\r\n--=_s\r\n' + entity + b'\r\n--=_s\r\n'
            b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n'
            b'Content-Transfer-Encoding: base64\r\n\r\n' + crlf(base64.encodebytes(der)) + b"--=_s--\r\n")


def body_der(mail):
    """The CMS of a sealed mail."""
    return base64.b64decode(mail.split(b"\r\n\r\n", 1)[1])


def split_signed(entity, eol=b"\r\n"):
    """What was signed, byte for byte, and the signature of a multipart/signed."""
    found = re.search(rb'boundary="([^"]+)"', entity)
    if found is None:
        raise Refused("what came out is not multipart/signed")
    pieces = entity.split(b"--" + found.group(1))
    if len(pieces) != 4:
        raise Refused("multipart/signed has not two parts")
    signed = pieces[1].removeprefix(eol).removesuffix(eol)
    return signed, base64.b64decode(pieces[2].split(eol + eol, 1)[1])


class Peer:
    """What all have in common."""
    name = ""
    writes = ("rsa rsa cbc",)           # what it can be asked to write
    cipher = {"cbc": "aes-256-cbc", "gcm": "aes-256-gcm", "oaep": "aes-256-cbc"}
    entity = staticmethod(eight_bit)
    layers = ("enveloped", "signed")

    def __init__(self, home, place, tool):
        self.home, self.place, self.tool = Path(home), Path(place), tool
        self.place.mkdir(mode=0o700)
        self.root = self.home / "ca/root.crt"
        self.intermediate = self.home / "ca/intermediate.crt"
        self.prepare()

    def prepare(self):
        pass

    def close(self):
        pass

    def key(self, kind):
        return self.home / f"lee-{kind}.key"

    def cert(self, kind):
        return self.home / f"lee-{kind}.crt"

    def gateway(self, kind):
        return self.home / f"keys/gw-{kind}.crt"

    def file(self, name, data=None):
        path = self.place / name
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
        return path


class OpenSSL(Peer):
    """The command line, everything it can."""
    name = "OpenSSL"
    writes = ("rsa rsa cbc", "rsa rsa gcm", "rsa rsa oaep", "ec ec cbc", "ec ec gcm", "ec rsa cbc")
    opaque = False

    def decrypt(self, mail, kind):
        return run("openssl", "cms", "-decrypt", "-binary", "-recip", self.cert(kind), "-inkey", self.key(kind),
                   data=mail)

    def verify(self, entity):
        return run("openssl", "cms", "-verify", "-CAfile", self.root, "-purpose", "smimesign", data=entity)

    def read(self, mail, kind):
        return self.verify(self.decrypt(mail, kind))

    def sign(self, entity, kind):
        how = ["-nodetach"] if self.opaque else []
        return run("openssl", "cms", "-sign", "-binary", "-outform", "DER", "-md", "sha256", "-signer",
                   self.cert(kind), "-inkey", self.key(kind), "-certfile", self.intermediate, *how, data=entity)

    def encrypt(self, entity, kind, cipher):
        to = ["-recip", self.gateway(kind)]
        if cipher == "oaep":
            to += ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"]
        name = "-aes-256-gcm" if cipher == "gcm" else "-aes-256-cbc"
        return run("openssl", "cms", "-encrypt", "-binary", "-outform", "DER", name, *to, data=entity)

    def write(self, content, signer, recipient, cipher):
        entity = self.entity(content)
        der = self.sign(entity, signer)
        signed = cms_entity("signed-data", der) if self.opaque else signed_entity(entity, der)
        kind = "authEnveloped-data" if cipher == "gcm" else "enveloped-data"
        return cms_mail(content.subject, kind, self.encrypt(signed, recipient, cipher))


class Opaque(OpenSSL):
    """The same, with the signed content inside the signature."""
    name = "OpenSSL, opaque"
    writes = ("rsa rsa cbc", "ec ec cbc")
    opaque = True
    layers = ("enveloped", "signed-opaque")
    reads = False


class Python(OpenSSL):
    """Python's email package as the reader and writer of MIME."""
    name = "Python"
    entity = staticmethod(python_made)
    writes = ("rsa rsa cbc", "ec ec cbc")

    def read(self, mail, kind):
        m = email.message_from_bytes(mail, policy=email.policy.SMTP)
        if m.get_content_type() != "application/pkcs7-mime":
            raise Refused(f"a {m.get_content_type()}")
        again = mail_head("again") + cms_entity("enveloped-data", m.get_content())
        return super().read(again, kind)


class GMime(OpenSSL):
    """GMime as the reader and writer of MIME."""
    name = "GMime"
    writes = ("rsa rsa cbc", "ec ec cbc")

    def entity(self, content):  # pylint: disable=method-hidden
        files = []
        for i, (name, kind, data) in enumerate(content.files):
            files += [self.file(f"file-{i}", data), name, kind]
        out = self.file("entity")
        run(self.tool, "client", "8bit", self.file("text", content.text.encode()), out, *files)
        return out.read_bytes()

    def read(self, mail, kind):
        seen = run(self.tool, "tree", self.file("mail", mail)).decode().splitlines()
        if len(seen) != 2 or not seen[1].startswith("application/pkcs7-mime "):
            raise Refused(f"GMime sees {seen}")
        if int(seen[1].split()[2]) != len(body_der(mail)):
            raise Refused("GMime decodes another number of bytes")
        return super().read(mail, kind)


class Gpgsm(Peer):
    """GnuPG's S/MIME."""
    name = "gpgsm"
    writes = ("rsa rsa cbc", "ec rsa cbc", "ec ec cbc")
    cipher = {"cbc": "aes-256-cbc"}

    def prepare(self):
        (self.place / "gpgsm.conf").write_text("disable-crl-checks\n")
        # else it takes a second to make a passphrase hard to guess
        (self.place / "gpg-agent.conf").write_text("s2k-count 65536\nallow-loopback-pinentry\n")
        print_ = run("openssl", "x509", "-in", self.root, "-noout", "-fingerprint", "-sha1").decode()
        (self.place / "trustlist.txt").write_text(f"{print_.strip().rpartition('=')[2]} S relax\n")
        self.gpgsm("--import", self.home / "lee-rsa-legacy.p12")
        for kind in ("rsa", "ec"):
            self.gpgsm("--import", self.gateway(kind))
            self.gpgsm("--import", self.cert(kind))
        self.ec_import = None
        try:
            self.gpgsm("--import", self.home / "lee-ec-legacy.p12")
        except Refused as e:
            self.ec_import = str(e)

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.place, "--kill", "all"], capture_output=True, timeout=LIMIT,
                       check=False)

    def gpgsm(self, *args):
        return run("gpgsm", "--homedir", self.place, "--batch", "--yes", "--pinentry-mode", "loopback",
                   "--passphrase-fd", "0", *args, data=f"{PASSWORD}\n".encode())

    def who(self, cert):
        print_ = run("openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha1").decode()
        return "0x" + print_.strip().rpartition("=")[2].replace(":", "")

    def read(self, mail, kind):
        out = self.file("decrypted")
        self.gpgsm("-o", out, "--decrypt", self.file("mail.der", body_der(mail)))
        content, der = split_signed(out.read_bytes())
        self.gpgsm("--verify", self.file("p7s", der), self.file("content", content))
        return content

    def write(self, content, signer, recipient, cipher):
        entity, p7s, out = self.entity(content), self.file("p7s"), self.file("out")
        self.gpgsm("-u", self.who(self.cert(signer)), "--digest-algo", "SHA256", "-o", p7s, "--detach-sign",
                   self.file("entity", entity))
        signed = self.file("signed", signed_entity(entity, p7s.read_bytes()))
        self.gpgsm("-r", self.who(self.gateway(recipient)), "--cipher-algo", "AES256", "-o", out, "--encrypt", signed)
        return cms_mail(content.subject, "enveloped-data", out.read_bytes())


class Nss(Peer):
    """Mozilla's library, as Debian 12 has it, by its cmsutil."""
    name = "NSS"
    writes = ("rsa rsa cbc", "ec rsa cbc", "ec ec cbc")
    cipher = {"cbc": "aes-128-cbc"}     # it has no option, and picks this for whose capabilities it does not know

    def prepare(self):
        for kind in ("rsa", "ec"):
            db = self.place / kind
            db.mkdir()
            run("certutil", "-N", "-d", db, "--empty-password")
            run("certutil", "-A", "-d", db, "-n", "root", "-t", "C,C,C", "-i", self.root)
            run("certutil", "-A", "-d", db, "-n", "intermediate", "-t", ",,", "-i", self.intermediate)
            run("pk12util", "-i", self.home / f"lee-{kind}.p12", "-d", db, "-W", PASSWORD)
        # one database cannot tell two gateways of the same address apart: one each, and the signer's key in both
        for kind, other in (("rsa", "ec"), ("ec", "rsa")):
            shutil.copytree(self.place / kind, self.place / f"{kind}-{other}")
        for db in self.place.iterdir():
            run("certutil", "-A", "-d", db, "-n", "gateway", "-t", ",,", "-i",
                self.gateway(db.name.rpartition("-")[2]))

    def cmsutil(self, db, *args):
        return run("cmsutil", *args[:1], "-d", self.place / db, "-p", "", *args[1:])

    def read(self, mail, kind):
        out, info = self.file("decrypted"), self.file("info")
        self.cmsutil(kind, "-D", "-i", self.file("mail.der", body_der(mail)), "-o", out)
        content, der = split_signed(out.read_bytes())
        self.cmsutil(kind, "-D", "-u", "4", "-h", "2", "-i", self.file("p7s", der), "-c",
                     self.file("content", content), "-o", info)
        if b"signer0.status=GoodSignature" not in info.read_bytes():
            raise Refused("NSS does not call it a good signature")
        return content

    def write(self, content, signer, recipient, cipher):
        entity, p7s, out = self.entity(content), self.file("p7s"), self.file("out")
        db = signer if signer == recipient else f"{signer}-{recipient}"
        self.cmsutil(db, "-S", "-N", "Dr. Jordan Lee", "-H", "SHA256", "-T", "-G", "-P", "-i",
                     self.file("entity", entity), "-o", p7s)
        signed = self.file("signed", signed_entity(entity, p7s.read_bytes()))
        self.cmsutil(db, "-E", "-r", "portal@clinic.example", "-i", signed, "-o", out)
        return cms_mail(content.subject, "enveloped-data", out.read_bytes())


class SNail(Peer):
    """A mail program: it writes and reads the MIME itself."""
    name = "s-nail"
    writes = ("rsa rsa cbc", "ec rsa cbc", "ec ec cbc")

    def prepare(self):
        for kind in ("rsa", "ec"):
            (self.place / f"lee-{kind}.pem").write_bytes(self.key(kind).read_bytes() + self.cert(kind).read_bytes())
        mta = self.place / "mta"
        mta.write_text(f"#!/bin/sh\ncat >{self.place}/sent\n")
        mta.chmod(0o700)

    def s_nail(self, kind, *args, data=b""):
        me = self.place / f"lee-{kind}.pem"
        return run("s-nail", "-:/", "-Sv15-compat", "-Sttycharset=utf-8", "-Ssendwait", f"-Smta={self.place}/mta",
                   "-Sfrom=Dr. Jordan Lee <lee@clinic.example>", f"-Ssmime-ca-file={self.root}",
                   f"-Ssmime-sign-cert-lee@clinic.example={me}", f"-Ssmime-sign-cert={me}", *args, data=data,
                   env={"HOME": str(self.place), "MAILRC": "/dev/null"}, both=True)

    def read(self, mail, kind):
        out = self.file("decrypted")
        lf = mail.replace(b"\r\n", b"\n")
        box = self.file("box", b"From portal@clinic.example Sun Nov 22 16:00:00 2026\n" + lf + b"\n")
        said = self.s_nail(kind, "-R", "-Y", f"decrypt 1 {out}", "-Y", "x", "-f", box)
        if b"s-nail: " in said:
            raise Refused(said.decode(errors="replace").strip().splitlines()[-1])
        said = self.s_nail(kind, "-R", "-Y", "verify 1", "-Y", "x", "-f", out)
        if b"verified successfully" not in said:
            raise Refused(said.decode(errors="replace").strip().splitlines()[-1])
        decrypted = out.read_bytes()
        content, _ = split_signed(decrypted[decrypted.rindex(b"Content-Type: multipart/signed"):], b"\n")
        return crlf(content)

    def write(self, content, signer, recipient, cipher):
        sent, files = self.file("sent"), []
        folder = self.place / "files"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, _, data in content.files:
            (folder / name).write_bytes(data)
            files += ["-a", folder / name]
        gateway = self.gateway(recipient)
        self.s_nail(signer, "-Ssmime-sign", "-Ssmime-sign-digest=sha256",
                    f"-Ssmime-sign-include-certs-lee@clinic.example={self.intermediate}", "-Ssmime-force-encryption",
                    f"-Ssmime-encrypt-portal@clinic.example={gateway}",
                    "-Ssmime-cipher-portal@clinic.example=aes256", "-s", content.subject, *files,
                    "portal@clinic.example", data=content.text.encode())
        return crlf(sent.read_bytes())


class BouncyCastle(Peer):
    """Java, through the bcmail library and a class of ours; one process for all requests."""
    name = "BouncyCastle"
    writes = ("rsa rsa cbc", "ec ec cbc", "ec rsa cbc")

    def prepare(self):
        source = Path(__file__).resolve().parents[1] / "interop/BouncyCastle.java"
        jars = ("bcmail", "bcpkix", "bcprov", "bcutil", "javax.mail", "javax.activation")
        path = ":".join([*(f"/usr/share/java/{j}.jar" for j in jars), str(self.place)])
        run("javac", "-cp", path, "-d", self.place, source)
        self.java = subprocess.Popen(["java", "-Xmx1g", "-cp", path, "BouncyCastle"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def close(self):
        self.java.stdin.close()
        try:
            self.java.wait(10)
        except subprocess.TimeoutExpired:
            self.java.kill()

    def ask(self, *words):
        self.java.stdin.write("\t".join(map(str, words)).encode() + b"\n")
        self.java.stdin.flush()
        said = self.java.stdout.readline().decode().strip()
        if said != "ok":
            raise Refused(said.removeprefix("no ") or "Java ended")

    def p12(self, kind):
        return self.home / f"lee-{kind}.p12"

    def read(self, mail, kind):
        out = self.file("out")
        self.ask("read", self.p12(kind), self.root, self.file("mail", mail), out)
        return out.read_bytes()

    def write(self, content, signer, recipient, cipher):
        out = self.file("out")
        self.ask("write", self.p12(signer), self.gateway(recipient), self.file("entity", self.entity(content)),
                 self.file("head", mail_head(content.subject)), out)
        return crlf(out.read_bytes())
