"""A missing tool is said aloud, and is a failure where everything is demanded."""

from __future__ import annotations

import pytest

from tests import needs


@pytest.fixture
def bare_machine(monkeypatch):
    monkeypatch.delenv("TRIPPY_NB_REQUIRE_ALL", raising=False)
    monkeypatch.setattr(needs, "has", lambda _name: False)


def test_a_missing_tool_skips_and_names_its_package(bare_machine):
    with pytest.raises(pytest.skip.Exception, match="apt-get install mtr-tiny"):
        needs.need("mtr")


def test_a_missing_tool_fails_where_everything_is_demanded(bare_machine, monkeypatch):
    monkeypatch.setenv("TRIPPY_NB_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="needs netns"):
        needs.need("netns")


def test_missing_shared_data_is_never_a_failure(bare_machine, monkeypatch):
    monkeypatch.setenv("TRIPPY_NB_REQUIRE_ALL", "1")
    with pytest.raises(pytest.skip.Exception, match="beside the project"):
        needs.need("shared-data")


def test_an_unknown_need_is_a_mistake_and_names_the_known_ones():
    with pytest.raises(pytest.UsageError, match="tcpdump"):
        needs.need("tcp-dump")


def test_the_summary_counts_by_what_is_missing():
    table = needs.missing_table(["Skipped: needs mtr: apt", "Skipped: needs mtr: apt", "Skipped: not today"])
    assert len(table) == 1
    assert "2 tests skipped: no mtr" in table[0]


@pytest.mark.needs("shared-data")
def test_shared_data_is_what_its_list_says():
    assert (needs.SHARED_DATA / "SOURCES.md").is_file()
