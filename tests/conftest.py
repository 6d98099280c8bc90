"""Ground rules of every test: what the machine lacks is said aloud, and random tests are repeatable."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

from tests import needs

# Derandomized, so that a red test is red again on the next machine. "explore" is for a free evening.
settings.register_profile("fast", max_examples=20, deadline=None, derandomize=True, database=None)
settings.register_profile("ci", max_examples=22, deadline=None, derandomize=True, database=None)
settings.register_profile("explore", max_examples=2200, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("TRIPPY_NB_PROFILE", "fast"))


def pytest_configure() -> None:
    """Hear interrupts, which some tests send themselves: a script's background job is begun deaf to them."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests: one that comes last runs alone, the other core idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        needs.need(*mark.args)
    for marker, name in needs.IMPLIED.items():
        if item.get_closest_marker(marker):
            needs.need(name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    lines = needs.missing_table([str(report.longrepr) for report in skipped])
    if lines:
        terminalreporter.section("NOT TESTED ON THIS MACHINE", sep="!", red=True, bold=True)
        for line in lines:
            terminalreporter.write_line(line, red=True)
