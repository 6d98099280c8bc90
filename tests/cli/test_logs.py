"""Logging: silent unless asked, useful when asked, on standard error, and gone when the command is."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from click.testing import CliRunner

import trippy_nb as tn
from trippy_nb.cli import main
from trippy_nb.cli.logs import levels
from trippy_nb.errors import ConfigError

SIM = ("trace", "target.example", "--sim", "first-steps", "-C", "2", "--no-dns")
LIVE = ("trace", "127.0.0.1", "-C", "1", "-t", "1", "--no-dns", "--socket-mode", "error-queue")


def said(*words):
    result = CliRunner().invoke(main, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_more_v_is_more_and_the_report_stays_the_same():
    reports, logs = zip(*(said(*SIM, *["-v"] * count) for count in range(4)), strict=True)
    assert len(set(reports)) == 1
    assert logs[0] == ""
    assert "INFO" in logs[1]
    assert "DEBUG" not in logs[1]
    assert "round 1 ended" in logs[2]
    assert "trippy_nb.packets" not in logs[2]
    assert "trippy_nb.packets" in logs[3]
    assert len(logs[1]) < len(logs[2]) < len(logs[3])


def test_debug_tells_what_was_chosen_opened_closed_and_counted():
    _report, log = said(*LIVE, "-vv")
    for words in (
        "UDP by the error queue",
        "opened handle",
        "sending probes, receiving errors",
        "closed handle",
        "round 0 ended: target at ttl 1",
        "1 probes, 0 stray packets",
        "ended: rounds",
    ):
        assert words in log


def test_a_filter_chooses_loggers_and_is_the_last_word():
    _report, log = said(*LIVE, "--log-filter", "trippy_nb.lifetimes=debug")
    assert log
    assert all(" trippy_nb.lifetimes" in line for line in log.splitlines())
    assert levels(2, "trippy_nb=error, trippy_nb.packets=debug") == {"trippy_nb": 40, "trippy_nb.packets": 10}
    assert levels(0, None) == {}


@pytest.mark.parametrize("text", ["debug", "trippy_nb", "trippy_nb=loud", "urllib3=debug", "trippy_nbx=info"])
def test_a_filter_that_is_not_one_is_refused_in_one_line(text):
    with pytest.raises(ConfigError, match="--log-filter is"):
        levels(0, text)
    result = CliRunner().invoke(main, [*SIM, "--log-filter", text])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_afterwards_logging_is_as_before():
    logger = logging.getLogger("trippy_nb")
    before = logger.level, list(logger.handlers), logging.getLogger("trippy_nb.packets").level
    said(*SIM, "-vvv")
    assert (logger.level, list(logger.handlers), logging.getLogger("trippy_nb.packets").level) == before


def test_a_warning_is_not_printed_by_python_itself():
    program = "import logging, trippy_nb.api; logging.getLogger('trippy_nb.capture').warning('it broke off')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""


def test_doctor_prints_a_table_and_json_of_the_same():
    text, log = said("doctor", "--no-self-test", "-v")
    assert "This process may" in text
    assert "net.ipv4.ping_group_range" in text or "ping_group_range" in text
    frame = tn.doctor(self_test=False)
    for item in frame["item"]:
        assert item in text
    assert log == ""


def test_marks_may_be_written_in_hexadecimal():
    text, _log = said(*SIM, "--mark", "0x10", "-m", "json")
    assert text
    result = CliRunner().invoke(main, [*SIM, "--mark", "0xZZ"])
    assert result.exit_code == 2
    assert "not a hexadecimal number" in result.stderr
