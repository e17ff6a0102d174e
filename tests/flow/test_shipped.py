"""What an administrator installs: the shipped files are what the tests run with, and the programs take them."""

import re
import subprocess

import config
import rig
from config import SHIPPED


def settings(text):
    """Parameters of a main.cf, comments and continuations folded away."""
    lines = re.sub(r"\n[ \t]+", " ", "\n".join(row for row in text.splitlines() if not row.startswith("#")))
    return dict(re.split(r"\s*=\s*", row, maxsplit=1) for row in lines.splitlines() if "=" in row)


def test_the_rigs_postfix_is_the_shipped_one():
    ours = settings(config.PORTICO_MAIN)
    shipped = settings((SHIPPED / "postfix/main.cf.portico").read_text())
    for name, value in ours.items():
        assert shipped[name] == value.replace("{socket}", "portico/milter.sock"), name
    assert set(shipped) - set(ours) == {"smtpd_sasl_authenticated_header", "smtpd_tls_received_header"}


def test_postfix_knows_every_shipped_parameter(clinic):
    place = clinic.folder("postconf")
    main = (SHIPPED / "postfix/main.cf.portico").read_text()
    (place / "main.cf").write_text(main)
    (place / "master.cf").write_text((SHIPPED / "postfix/master.cf.portico").read_text())
    done = subprocess.run(["postconf", "-c", str(place), "-n"], capture_output=True, text=True, check=True)
    assert "unused parameter" not in done.stderr, done.stderr
    used = settings(done.stdout)
    del used["config_directory"]
    assert used == settings(main)
    done = subprocess.run(["postconf", "-c", str(place), "-P"], capture_output=True, text=True, check=True)
    assert "submission/inet/milter_macro_daemon_name = ORIGINATING" in done.stdout
    assert "smtp/inet/milter_macro_daemon_name = MX" in done.stdout


def test_the_shipped_configuration_has_no_mistake_but_the_files_only_a_site_has(clinic):
    place = clinic.folder("shipped")
    for path in SHIPPED.rglob("*"):
        if path.is_file() and path.relative_to(SHIPPED).parts[0] not in ("postfix", "systemd", "man"):
            copy = place / path.relative_to(SHIPPED)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text())
    site = place / "portico.yaml"
    site.write_text(site.read_text().replace("/etc/portico/imap-master.password",
                                             str(clinic.path("portico", "secrets", "imap"))))
    command = rig.as_portico(clinic.programs / "portico", "--config", site, "config", "check")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_mistake_is_told_with_its_place(clinic):
    text = clinic.conf_file.read_text()
    broken = clinic.path("portico", "broken.yaml")
    broken.write_text(text.replace("tenant", "tennant").replace('lease: "10s"', 'lease: "ten"')
                      .replace("America/New_York", "America/Gotham").replace('driver: "local"', 'driver: "pigeon"'))
    command = rig.as_portico(clinic.programs / "portico", "--config", broken, "config", "check")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    places = re.findall(r"broken\.yaml:\d+:\d+: ", done.stdout + done.stderr)
    assert done.returncode == 78 and len(places) >= 3, done.stdout + done.stderr


def test_an_inet_socket_and_an_open_secret_are_refused(clinic):
    broken = clinic.path("portico", "broken.yaml")
    broken.write_text(clinic.conf_file.read_text().replace(str(clinic.milter_socket), "inet:8891@localhost"))
    secret = clinic.path("portico", "secrets", "imap")
    secret.chmod(0o644)
    try:
        command = rig.as_portico(clinic.programs / "portico", "--config", broken, "config", "check")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        secret.chmod(0o600)
    said = done.stdout + done.stderr
    assert done.returncode == 78 and "inet" in said and "0600" in said, said


def test_no_program_of_ours_leaves_a_core_or_runs_as_root():
    for name in ("portico-milter", "portico-bridge", "portico-keys"):
        unit = (SHIPPED / f"systemd/{name}.service").read_text()
        for line in ("User=portico", "LimitCORE=0", "NoNewPrivileges=yes", "ProtectSystem=strict",
                     "CapabilityBoundingSet=", "Restart=always",
                     f"ExecStart=/usr/sbin/{name} --config /etc/portico/portico.yaml"):
            assert f"\n{line}\n" in unit, f"{name}: {line}"
