"""docs/tables.md is the schema, and nothing else."""

from pathlib import Path

import pytest

from trippy_nb.frames import PROCESS_TABLES, TABLES
from trippy_nb.frames.docs import main, tables_markdown

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == tables_markdown(), (
        "run: python -m trippy_nb.frames.docs docs/tables.md"
    )


@pytest.mark.parametrize("table", (TABLES | PROCESS_TABLES).values(), ids=lambda table: table.name)
def test_every_column_is_on_the_page(table):
    section = tables_markdown().split(f"## {table.name}\n")[1].split("\n## ")[0]
    for column in table.columns:
        assert f"| `{column.name}` |" in section
        assert column.meaning in section
        for word in column.words:
            assert f"`{word}`" in section


def test_the_command_writes_the_file_it_is_given(tmp_path, capsys):
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == tables_markdown()
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_heading_has_its_unit():
    assert TABLES["probes"].label("rtt_ms") == "Round-trip time (ms)"
    assert TABLES["probes"].label("seq") == "seq"
    with pytest.raises(KeyError):
        TABLES["probes"].column("nonsense")
