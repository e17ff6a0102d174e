"""Reads a composed mail (outer fields, a line of "=", inner entity) on standard input with Python's email package and
checks it against what the test expects: another parser than ours must see the same mail."""
import email
import email.policy
import re
import sys

raw = sys.stdin.buffer.read()
outer_raw, inner_raw, want_raw = raw.split(b"\r\n=====\r\n")
want = dict(line.split("=", 1) for line in want_raw.decode().split("\x1e") if line)


def check(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r} is not {expected!r}")


outer = email.message_from_bytes(outer_raw + b"\r\n\r\n", policy=email.policy.default)
inner = email.message_from_bytes(inner_raw, policy=email.policy.default)
for part in (outer_raw, inner_raw):
    check("bytes above 127", [b for b in part if b > 127], [])
    check("bare line ends", re.findall(rb"[^\r]\n|\r[^\n]", part), [])
for line in inner_raw.split(b"\r\n") + outer_raw.split(b"\r\n"):
    if len(line) > 76 and b"<" not in line and b"*" not in line:
        sys.exit(f"a line is longer than 76 characters: {line}")
    if line[-1:] in b" \t" and line:
        sys.exit("a line ends in a blank")
    if line.startswith(b"From ") or line == b".":
        sys.exit("a line a relay would change")
for name, allowed in (("outer", outer), ("inner", inner)):
    known = {"from", "to", "subject", "date", "message-id", "in-reply-to", "references", "x-portal-token",
             "x-portal-thread", "x-auto-response-suppress", "auto-submitted", "importance", "content-type", "hp-outer",
             "mime-version"}
    check(f"{name} fields that nobody asked for", [k for k in allowed.keys() if k.lower() not in known], [])
    for k in ("From", "To", "Subject", "Date", "Message-ID"):
        check(f"{name} {k} count", len(allowed.get_all(k, [])), 1)
    check(f"{name} defects", allowed.defects, [])
    check(f"{name} from", allowed["From"].addresses[0].addr_spec, want["from"])
    check(f"{name} from count", len(allowed["From"].addresses), 1)
    check(f"{name} from name", allowed["From"].addresses[0].display_name, want["from_name"])
    check(f"{name} to", allowed["To"].addresses[0].addr_spec, want["to"])
    check(f"{name} id", allowed["Message-ID"].strip(), "<" + want["id"] + ">")
check("outer subject", outer["Subject"], want["outer_subject"])
check("inner subject", inner["Subject"], want["subject"])
check("hp", inner["Content-Type"].params.get("hp"), "cipher")
check("HP-Outer", sorted(v.split(":")[0] for v in inner.get_all("HP-Outer")),
      sorted(k for k in ("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References") if outer[k]))
hp = {v.split(":", 1)[0]: v.split(":", 1)[1].strip() for v in inner.get_all("HP-Outer")}
check("HP-Outer Subject", hp["Subject"], want["outer_subject"])
plain = inner.get_body(("plain",))
html = inner.get_body(("html",))
check("legacy display", plain["Content-Type"].params.get("hp-legacy-display"), "1" if want["subject"] else None)
check("plain", plain.get_content().replace("\r\n", "\n"), want["plain"])
if "<script" in html.get_content().lower():
    sys.exit("a script in the HTML")
files = [(p.get_filename(), p.get_content_type(), len(p.get_payload(decode=True)))
         for p in inner.iter_attachments()] if inner.get_content_type() == "multipart/mixed" else []
check("files", ";".join(f"{n} {t} {s}" for n, t, s in files), want["files"])
for p in inner.walk():
    check("defects", p.defects, [])
