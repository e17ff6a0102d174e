"""Who lives in the throw-away clinic, and the configuration of its four servers as text."""

from dataclasses import dataclass, field
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "conf"


@dataclass
class Person:
    """A clinician: how the mail system, the directory and the certificate know him."""
    id: str
    name: str
    pools: tuple = ()
    reply: str = "signed-encrypted"
    enroll_options: tuple = ()
    aliases: tuple = ()

    @property
    def login(self):
        return f"{self.id}-mail"    # not the address: what SASL says and what mail says are two things

    @property
    def password(self):
        return f"pw-{self.id}"

    @property
    def p12_password(self):
        return f"certificate-{self.id}"

    def address(self, domain):
        return f"{self.id}@{domain}"


@dataclass
class Patient:
    """A patient of the embedded portal, as options of `portico patient add`."""
    key: str
    given: str
    family: str
    mrn: str
    birth_date: str
    more: dict = field(default_factory=dict)

    def options(self):
        known = {"portal-key": self.key, "given": self.given, "family": self.family, "mrn": self.mrn,
                 "birth-date": self.birth_date, **self.more}
        return [word for name, value in known.items() for word in (f"--{name}", value)]


def clinicians():
    return [Person("lee", "Dr. Jordan Lee"), Person("hibbert", "Dr. Julius Hibbert"),
            Person("nan", "Nan Ortiz RN", pools=("nurses",)), Person("pat", "Pat Kim RN", pools=("nurses",))]


def patients():
    return [Patient("homer", "Homer", "Simpson", "1001", "1956-05-12", {"zone": "America/New_York"}),
            Patient("marge", "Marge", "Simpson", "1002", "1956-03-19", {"zone": "America/Denver"})]


@dataclass
class Settings:
    """What a test may want different; everything else is the same for all."""
    domain: str = "clinic.example"
    people: list = field(default_factory=clinicians)
    patients: list = field(default_factory=patients)
    site: dict = field(default_factory=dict)        # "section": {"key": value} of portico.yaml, over the defaults below

    @property
    def gateway_address(self):
        return f"portal@{self.domain}"

    @property
    def bounce_address(self):
        return f"portico-bounce@{self.domain}"


def yaml(value, depth=0):
    """Plain YAML of dicts, lists and scalars, every string quoted."""
    pad = "  " * depth
    if isinstance(value, dict):
        out = []
        for k, v in value.items():
            nested = isinstance(v, (dict, list)) and v
            out.append(f"{pad}{k}:" + ("\n" + yaml(v, depth + 1) if nested else " " + yaml(v) + "\n"))
        return "".join(out) or "{}"
    if isinstance(value, list):
        out = []
        for v in value:
            text = yaml(v, depth + 1)
            out.append(f"{pad}- " + (text[2 * (depth + 1):] if isinstance(v, dict) else text + "\n"))
        return "".join(out) or "[]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def portico_yaml(s, rig):
    site = {
        "clinic": {"name": "Springfield Clinic", "id": "springfield", "zone": "America/New_York", "phone": "555-0100",
                   "phone_hours": "Monday to Friday, 8 am to 5 pm"},
        "mail": {"gateway_address": s.gateway_address, "bounce_address": s.bounce_address},
        "milter": {"socket": rig.milter_socket},
        "state": {"dir": rig.path("state"), "control_socket": rig.path("run", "control.sock")},
        "keys": {"socket": rig.path("run", "keys.sock")},
        # Impatient, so that a test sees the second try.
        "couriers": {"threads": 2, "lease": "10s", "retry_first": "1s", "retry_longest": "2s"},
        "portals": {"local": {"driver": "local", "poll": "1s"}},
        "imap_servers": {"dovecot": {"host": "localhost", "port": rig.imaps_port, "ca_file": rig.ca, "timeout": "5s",
                                     "master_user": "portico",
                                     "password_file": rig.path("portico", "secrets", "imap")}},
    }
    for section, keys in s.site.items():
        site[section] = {**site.get(section, {}), **keys}
    return site


def files(s, rig):
    """The configuration directory: name -> text. Policies and promises are the shipped ones."""
    people = {p.id: {"name": p.name, "login": p.login, "address": p.address(s.domain), "pools": list(p.pools),
                     "reply": p.reply, "aliases": list(p.aliases)} for p in s.people}
    made = {
        "portico.yaml": yaml(portico_yaml(s, rig)),
        "clinicians.yaml": yaml({"clinicians": people, "pools": {"nurses": {"name": "Nurses"}}}),
        "support.yaml": yaml({"desk": {"name": "Portal help desk", "phone": "555-0111", "address": f"help@{s.domain}"},
                              "supporters": {"kim": {"name": "Jordan Kim", "address": f"kim@{s.domain}",
                                                     "phone": "555-0112"}},
                              "privacy_officer": "kim", "on_call": "hibbert"}),
    }
    for path in SHIPPED.rglob("*"):
        name = str(path.relative_to(SHIPPED))
        if path.is_file() and name not in made and not name.startswith(("postfix/", "systemd/", "man/")):
            made[name] = path.read_text()
    return made


def dovecot_conf(rig, mail_uid):
    root = rig.path("dovecot")
    return f"""base_dir = {root}/run
state_dir = {root}/state
log_path = {rig.log_dir}/dovecot.log
instance_name = {rig.dir.name}
protocols = imap lmtp
listen = 127.0.0.1
ssl = required
ssl_cert = <{rig.tls_cert}
ssl_key = <{rig.tls_key}
ssl_min_protocol = TLSv1.2
auth_mechanisms = plain login
auth_master_user_separator = *
mail_location = maildir:~/Maildir
mail_uid = {mail_uid}
mail_gid = {mail_uid}
first_valid_uid = {mail_uid}
mail_max_userip_connections = 0
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
    auto = subscribe
  }}
}}
passdb {{
  driver = passwd-file
  args = username_format=%n {root}/etc/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/etc/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {root}/etc/homes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {rig.imaps_port}
    ssl = yes
  }}
}}
service lmtp {{
  user = root
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener {root}/auth-client {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


# What conf/postfix/main.cf.portico tells an administrator to set, with this rig's paths; a test compares the two.
PORTICO_MAIN = """milter_protocol = 6
milter_default_action = tempfail
smtpd_milters = unix:{socket}
non_smtpd_milters = unix:{socket}
internal_mail_filter_classes = bounce
smtpd_forbid_bare_newline = normalize
smtpd_forbid_unauth_pipelining = yes
smtpd_discard_ehlo_keywords = silent-discard, dsn, chunking
recipient_delimiter = +
message_size_limit = 50000000
bounce_size_limit = 1
"""


def postfix_conf(rig):
    """main.cf, master.cf and the tables beside them."""
    root, domain, s = rig.path("postfix"), rig.domain, rig.settings
    main = f"""compatibility_level = 3.7
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {rig.log_dir}/mail.log
maillog_file_prefixes = {rig.dir}
myhostname = mx.{domain}
mydomain = {domain}
myorigin = {domain}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
mydestination =
local_recipient_maps =
local_transport = error:no local delivery
alias_maps =
alias_database =
biff = no
append_dot_mydomain = no
notify_classes =
# no DNS
smtp_dns_support_level = disabled
disable_dns_lookups = yes
smtp_host_lookup = native
lmtp_host_lookup = native
smtpd_peername_lookup = no
default_transport = error:5.1.2 nothing leaves this clinic
# the clinic's mailboxes
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{root}/etc/mailboxes
virtual_transport = lmtp:unix:{root.parent}/dovecot/run/lmtp
transport_maps = texthash:{root}/etc/transport
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_tls_cert_file = {rig.tls_cert}
smtpd_tls_key_file = {rig.tls_key}
smtpd_tls_security_level = may
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_sasl_type = dovecot
smtpd_sasl_path = {root.parent}/dovecot/auth-client
smtpd_sasl_auth_enable = no
# one client does everything here
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_error_sleep_time = 0
minimal_backoff_time = 1s
maximal_backoff_time = 5s
queue_run_delay = 1s
""" + PORTICO_MAIN.format(socket=rig.milter_socket)
    submission = "".join(f"  -o {o}\n" for o in (
        "smtpd_tls_security_level=encrypt", "smtpd_sasl_auth_enable=yes", "smtpd_tls_auth_only=yes", "mynetworks=",
        "smtpd_relay_restrictions=permit_sasl_authenticated,reject", "milter_macro_daemon_name=ORIGINATING"))
    wrapped = submission.replace("smtpd_tls_security_level=encrypt", "smtpd_tls_wrappermode=yes")
    master = f"""127.0.0.1:{rig.smtp_port} inet n - n - - smtpd
  -o milter_macro_daemon_name=MX
127.0.0.1:{rig.submission_port} inet n - n - - smtpd
{submission}127.0.0.1:{rig.submissions_port} inet n - n - - smtpd
{wrapped}pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
    boxes = [p.address(domain) for p in s.people] + [s.gateway_address, s.bounce_address, f"help@{domain}"]
    waiting = "lmtp:unix:portico-waiting"     # nobody listens there: mail the milter did not take stays in the queue
    tables = {
        "mailboxes": "".join(f"{a} ok\n" for a in boxes),
        "transport": f"{s.gateway_address} {waiting}\n{s.bounce_address} {waiting}\n",
    }
    return main, master, tables
