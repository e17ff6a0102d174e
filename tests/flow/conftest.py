"""Fixtures of the flow tests: a clinic for a whole file, and as many fresh ones as a test asks for."""

import os

import pytest

import rig


@pytest.fixture(scope="session")
def long_form():
    """True for `make test-all`: more messages, more kills."""
    return os.environ.get("PORTICO_LONG") == "1"


@pytest.fixture(scope="module")
def clinic():
    """A running clinic that the tests of one file share: each uses threads of its own."""
    with rig.Clinic() as c:
        yield c.start()


@pytest.fixture
def new_clinic():
    """Makes running clinics with settings of their own: for tests that kill or reconfigure."""
    made = []

    def make(start=True, **settings):
        made.append(rig.Clinic(settings=settings))
        return made[-1].start() if start else made[-1]
    yield make
    for c in made:
        c.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """A failed test shows the end of every log of its clinics. Logs hold no content."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        report.sections += [(f"logs of {c.dir.name}", c.logs()) for c in rig.Clinic.alive]
