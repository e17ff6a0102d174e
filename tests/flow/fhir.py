"""The FHIR R4 server of the tests, and patients who write in it. Standard library only."""

import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from rig import REPOSITORY, PORTICO_UID, Clinic, Daemon, RigError, wait_until

PATIENTS, CLINICIANS, POOLS, OURS = "urn:mrn", "urn:staff", "urn:team", "urn:portico:message"
SERVER = REPOSITORY / "tests/fhir/server.mjs"


def modules():
    """Where `make` put the packages of tests/fhir/package-lock.json."""
    path = Path(os.environ.get("PORTICO_FHIR_MODULES") or
                Path(os.environ["PORTICO_PROGRAMS"]) / "fhir/node_modules").resolve()
    if not (path / "@medplum/fhir-router").is_dir():
        raise RigError(f"no FHIR server in {path}: npm ci in tests/fhir failed, see the output of make")
    return path


class Server:
    """The daemon and its levers."""

    def __init__(self, clinic, port):
        self.clinic, self.port, self.url = clinic, port, f"https://localhost:{port}"
        self.jwks = clinic.path("portico", "jwks.json")
        argv = ["setpriv", "--pdeathsig", "SIGKILL", "--", "node", str(SERVER), "--modules", str(modules()),
                "--port", str(port), "--cert", str(clinic.tls_cert), "--key", str(clinic.tls_key),
                "--client", "portico", "--jwks", str(self.jwks)]
        self.daemon = Daemon("fhir", argv, clinic.log_dir / "fhir.log", lambda d: d.logged("event=ready"))
        clinic.daemons.insert(0, self.daemon)

    def call(self, path, body=None, method=None, tries=3):
        request = urllib.request.Request(self.url + path, method=method or ("POST" if body is not None else "GET"),
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"content-type": "application/fhir+json"})
        try:
            context = ssl.create_default_context(cafile=str(self.clinic.ca))
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as e:
            raise RigError(f"FHIR {request.method} {path.split('?')[0]}: {e.code}: {e.read()[:300]}") from None
        except (urllib.error.URLError, ConnectionError):
            if tries <= 1:
                raise
            time.sleep(0.2)
            return self.call(path, body, method, tries - 1)

    def add(self, resource):
        made = self.call(f"/open/{resource['resourceType']}", resource)
        return f"{made['resourceType']}/{made['id']}"

    def search(self, query):
        bundle = self.call(f"/open/{query}{'&' if '?' in query else '?'}_count=1000")
        return [e["resource"] for e in bundle.get("entry", [])]

    def fault(self, *faults):
        self.call("/__fault", list(faults))

    def variant(self, name):
        self.call("/__variant", {"name": name})

    def log(self):
        return self.call("/__log")

    def posts(self):
        return self.call("/__posts")


class Portal:
    """Homer, Marge and the clinic's people as FHIR resources."""

    def __init__(self, server, people):
        self.server, self.count = server, 0
        self.notifier = self.put_organization()
        self.who = {p.id: self.identified("Practitioner", CLINICIANS, p.id, name=[{"text": p.name}]) for p in people}
        self.who["nurses"] = self.identified("CareTeam", POOLS, "nurses", name="Nurses")
        self.homer = self.patient("homer", "Homer", "Simpson", "1956-05-12")
        self.marge = self.patient("marge", "Marge", "Simpson", "1956-03-19")

    def put_organization(self):
        self.server.call("/open/Organization/clinic", {"resourceType": "Organization", "id": "clinic",
                                                        "name": "Springfield Clinic"}, method="PUT")
        return "Organization/clinic"

    def identified(self, kind, system, value, **more):
        return self.server.add({"resourceType": kind, "identifier": [{"system": system, "value": value}], **more})

    def patient(self, key, given, family, born):
        zone = {"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "America/New_York"}
        return self.identified("Patient", PATIENTS, key, birthDate=born, extension=[zone],
                               name=[{"use": "official", "given": [given], "family": family}])

    def thread(self, patient, to, topic="A question"):
        return self.server.add({"resourceType": "Communication", "status": "in-progress", "topic": {"text": topic},
                                "subject": {"reference": patient}, "sender": {"reference": patient},
                                "recipient": [{"reference": self.who[to]}, {"reference": patient}]})

    def write(self, patient, to, text, thread=None, topic="A question", **odd):
        """A message as a patient's app would file it; its thread."""
        thread = thread or self.thread(patient, to, topic)
        message = {"resourceType": "Communication", "status": "in-progress", "subject": {"reference": patient},
                   "sender": {"reference": patient}, "recipient": [{"reference": self.who[to]}],
                   "partOf": [{"reference": thread}], "payload": [{"contentString": text}],
                   "sent": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **odd}
        self.server.add({k: v for k, v in message.items() if v is not None})
        return thread

    def posts(self, thread):
        """What we wrote into it."""
        return [m for m in self.server.search(f"Communication?part-of={thread}")
                if any(i["system"] == OURS for i in m.get("identifier", []))]

    @staticmethod
    def text(message):
        return "".join(p.get("contentString", "") for p in message.get("payload", []))

    def is_notification(self, message):
        return any(c["code"] == "notification" for k in message.get("category", []) for c in k["coding"])

    def wait_post(self, thread, words, notification=False, timeout=25):
        def look():
            return next((m for m in self.posts(thread)
                         if words in self.text(m) and self.is_notification(m) == notification), None)
        return wait_until(look, timeout, "our post in the patient's thread", every=0.2)


def clinic_with_portal(programs=None, options=None, algorithm="ES384", start=True):
    """A clinic whose patients write in a FHIR server: (clinic, server, portal)."""
    clinic = Clinic(programs=programs, settings={"patients": []})
    key = clinic.path("portico", "secrets", "fhir.pem")
    make = {"ES384": ["openssl", "ecparam", "-genkey", "-noout", "-name", "secp384r1"],
            "RS384": ["openssl", "genrsa", "2048"]}[algorithm]
    key.touch(mode=0o600)
    key.write_bytes(subprocess.run(make, check=True, capture_output=True).stdout)
    os.chown(key, PORTICO_UID, PORTICO_UID)
    server = Server(clinic, clinic.base + 4)
    settings = {"base": f"{server.url}/fhir/R4", "ca_file": str(clinic.ca), "client_id": "portico",
                "key_file": str(key), "patient_system": PATIENTS, "clinician_system": CLINICIANS,
                "pool_system": POOLS, "notifier": "Organization/clinic", "timeout": "5s", "page_size": 20,
                "test_patient": "marge", "category": "urn:cat|patient", **(options or {})}
    clinic.settings.site = {"portals": {"fhir": {"driver": "fhir", "poll": "1s", "options": settings}}}
    clinic.write_config()
    server.jwks.write_text(clinic.portico("portal", "jwks").stdout)
    server.daemon.start()
    portal = Portal(server, clinic.settings.people)
    return (clinic.start() if start else clinic), server, portal
