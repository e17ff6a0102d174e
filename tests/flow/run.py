#!/usr/bin/python3
"""Runs flow tests: real Postfix, Dovecot and our programs.   run.py [--programs DIR] [--long] [NAME ...]

NAME is a file tests/flow/test_NAME.py; none means all. An unknown name, no test run, a skipped test or a missing tool
is a failure. The last line alone is the total "N passed, N failed".
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import rig          # noqa: E402  pylint: disable=wrong-import-position
import sandbox      # noqa: E402  pylint: disable=wrong-import-position

LIMIT = 180         # seconds one test may take; @pytest.mark.limit(n) says otherwise


def pytest_trylast(hook):
    """What @pytest.hookimpl(trylast=True) does, before we know that pytest is there."""
    hook.pytest_impl = {"trylast": True}
    return hook


class TooLong(Exception):
    """A test exceeded its limit."""


class Results:
    """Counts and prints one line a test."""

    def __init__(self):
        self.passed = self.failed = 0
        self.bad, self.shown = set(), set()

    @staticmethod
    def sentence(nodeid):
        path, _, name = nodeid.partition("::")
        return f"{Path(path).stem.removeprefix('test_')}: {name.removeprefix('test_').replace('_', ' ')}"

    def fail(self, nodeid, why, text=""):
        if nodeid in self.bad:
            return
        self.bad.add(nodeid)
        self.failed += 1
        print(f"FAILED {self.sentence(nodeid)}: {why}", flush=True)
        if text and text in self.shown:
            print("    as above", flush=True)
        elif text:
            self.shown.add(text)
            print("    " + text.replace("\n", "\n    "), flush=True)

    def pytest_collectreport(self, report):
        if report.failed or report.skipped:
            self.fail(report.nodeid, "could not be read", str(report.longrepr))

    def pytest_runtest_logreport(self, report):
        if report.failed:
            parts = [str(report.longrepr)] + [f"-- {name}\n{text.rstrip()}" for name, text in report.sections]
            self.fail(report.nodeid, report.when, "\n".join(parts))
        elif report.skipped or hasattr(report, "wasxfail"):
            self.fail(report.nodeid, "was skipped, which is a failure here", str(report.longrepr))
        elif report.when == "call":
            self.passed += 1
            print(f"passed {self.sentence(report.nodeid)} ({report.duration:.1f} s)", flush=True)

    @pytest_trylast
    def pytest_configure(self, config):
        config.pluginmanager.unregister(name="terminalreporter")
        config.addinivalue_line("markers", "limit(seconds): how long this test may take")

    def pytest_runtest_setup(self, item):
        mark = item.get_closest_marker("limit")
        seconds = mark.args[0] if mark else LIMIT

        def late(_number, _frame):
            raise TooLong(f"longer than {seconds} s")
        signal.signal(signal.SIGALRM, late)
        signal.alarm(seconds)

    def pytest_runtest_teardown(self):
        signal.alarm(60)


def total(passed, failed):
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if failed == 0 and passed > 0 else 1


def refuse(why):
    print(f"flow: {why}", file=sys.stderr)
    return total(0, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", default=str(rig.REPOSITORY / "build/release"))
    parser.add_argument("--long", action="store_true", help="the long form of every test")
    parser.add_argument("--here", action="store_true", help="no namespaces: use this machine's loopback")
    parser.add_argument("-k", dest="match", default="", help="only tests whose name contains this")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()

    files = [HERE / f"test_{name}.py" for name in args.names] or sorted(HERE.glob("test_*.py"))
    unknown = [f for f in files if not f.exists()]
    if unknown or not files:
        there = ", ".join(sorted(p.stem.removeprefix("test_") for p in HERE.glob("test_*.py"))) or "none"
        return refuse(f"no such test: {', '.join(f.stem.removeprefix('test_') for f in unknown)}; there are: {there}")
    if os.geteuid() != 0:
        return refuse("root is needed: Postfix's master runs as root")
    missing = rig.missing_tools()
    if missing:
        return refuse(f"missing: {', '.join(missing)}; tests/setup.sh demo test installs them")
    try:
        import pytest       # pylint: disable=import-outside-toplevel
    except ImportError:
        return refuse("missing: python3-pytest; tests/setup.sh test installs it")
    programs = Path(args.programs).resolve()
    names = [f"portico{tail}" for tail in ("", "-milter", "-bridge", "-worker", "-keys")]
    absent = [p for p in names if not (programs / p).exists()]
    if absent:
        return refuse(f"not built: {', '.join(absent)} in {programs}; run make")

    os.environ["PORTICO_PROGRAMS"] = str(programs)
    os.environ["PORTICO_LONG"] = "1" if args.long else os.environ.get("PORTICO_LONG", "")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    if not args.here:
        sandbox.enter(network=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)       # pytest stops on it, and clinics are closed
    begun = time.monotonic()
    results = Results()
    options = ["-p", "no:cacheprovider", "-s", "--rootdir", str(HERE), "-c", os.devnull]
    if args.match:
        options += ["-k", args.match]
    if pytest.main(options + [str(f) for f in files], plugins=[results]) == pytest.ExitCode.INTERRUPTED:
        results.fail("run::interrupted", "the tests were stopped")
    print(f"flow: {time.monotonic() - begun:.0f} s")
    return total(results.passed, results.failed)


if __name__ == "__main__":
    sys.exit(main())
