"""What mail relays do to mail that they pass on: every function takes and gives a whole mail with CRLF.

And a real one: a Postfix whose next hop does not know 8BITMIME.
"""

import base64
import contextlib
import queue
import re
import smtplib
import socketserver
import textwrap
import threading

import peers

MAX_LINE = 998      # RFC 5321 4.5.3.1.6, without CRLF


def parts(mail):
    head, _, body = mail.partition(b"\r\n\r\n")
    return head, body


def header_fields(head):
    return re.sub(rb"\r\n[ \t]+", b" ", head).split(b"\r\n")


def converts_line_ends(mail):
    """Kept with LF by one machine, sent with CRLF by the next."""
    return mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def folds_headers_anew(mail):
    """Other names' case, other folds, tabs, other order, and fields of its own on top."""
    head, body = parts(mail)
    rows = []
    for field in reversed(header_fields(head)):
        name, _, value = field.partition(b":")
        words = textwrap.wrap(value.decode(), 40, break_long_words=False, break_on_hyphens=False)
        rows.append(name.upper() + b": " + b"\r\n\t".join(w.encode() for w in words))
    trace = b"Received: from a.example by b.example\r\n\twith SMTP id 1; Sun, 22 Nov 2026 16:00:00 +0000"
    return b"\r\n".join([trace, *rows]) + b"\r\n\r\n" + body


def strips_trailing_blanks(mail):
    """And puts empty lines behind the end."""
    return re.sub(rb"[ \t]+\r\n", b"\r\n", mail) + b"\r\n\r\n"


def breaks_long_lines(mail):
    rows = []
    for row in mail.split(b"\r\n"):
        while len(row) > MAX_LINE:
            rows.append(row[:MAX_LINE])
            row = row[MAX_LINE:]
        rows.append(row)
    return b"\r\n".join(rows)


def takes_seven_bits(mail):
    """The high bit is lost, NUL too."""
    return mail.translate(bytes(b & 0x7f for b in range(256)), b"\0\x80")


def keeps_it_in_an_mbox(mail):
    """Lines that begin with From get an angle, which nobody takes away again."""
    return re.sub(rb"(?m)^From ", b">From ", mail.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


def wraps_base64_anew(mail):
    """The body of a base64 mail decoded and encoded with shorter lines; other mail as it is."""
    head, body = parts(mail)
    if not re.search(rb"(?mi)^content-transfer-encoding:\s*base64\s*$", head):
        return mail
    text = base64.b64encode(base64.b64decode(body))
    return head + b"\r\n\r\n" + b"".join(text[i:i + 60] + b"\r\n" for i in range(0, len(text), 60))


def does_all_of_it(mail):
    for way in WAYS[:-1]:
        mail = way(mail)
    return mail


WAYS = (converts_line_ends, folds_headers_anew, strips_trailing_blanks, breaks_long_lines, takes_seven_bits,
        keeps_it_in_an_mbox, wraps_base64_anew, does_all_of_it)


class SevenBitServer(socketserver.ThreadingTCPServer):
    """A mail server that offers no extension at all; what it got is in the queue `got`."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), SevenBitSession)
        self.got = queue.Queue()
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *args):
        self.shutdown()
        super().__exit__(*args)


class SevenBitSession(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 sink")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("502 never heard of it")
            elif verb == b"DATA":
                self.say("354 go on")
                rows = iter(self.rfile.readline, b".\r\n")
                self.server.got.put(b"".join(row.removeprefix(b".") for row in rows))
                self.say("250 ok")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


@contextlib.contextmanager
def postfix_before(new_clinic, server):
    """A private Postfix that sends everything to server; gives a function: a mail in, the mail as it arrives out."""
    clinic = new_clinic(start=False)
    hop = f"smtp:[127.0.0.1]:{server.port}"
    settings = {"smtpd_milters": "", "non_smtpd_milters": "", "transport_maps": "", "virtual_mailbox_domains": "",
                "smtpd_relay_restrictions": "permit_mynetworks, reject", "disable_mime_output_conversion": "no",
                "default_transport": hop, "relay_transport": hop}
    peers.run("postconf", "-c", clinic.path("postfix", "etc"), "-e", *(f"{k}={v}" for k, v in settings.items()))
    clinic.dovecot.start()      # its submission service asks it at its start
    clinic.start_postfix()

    def send(mail):
        with smtplib.SMTP("127.0.0.1", clinic.smtp_port, timeout=60) as s:
            s.sendmail("portal@elsewhere.example", ["lee@relay.example"], mail, ["BODY=8BITMIME"])
        return server.got.get(timeout=60)
    yield send
