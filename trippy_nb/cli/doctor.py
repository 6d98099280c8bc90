"""`trippy-nb doctor`: what may be done here, why, and what would widen it."""

import json

import click
from rich import box
from rich.table import Table
from rich.text import Text

from trippy_nb.api import doctor
from trippy_nb.cli.trace import wide_console
from trippy_nb.display import doctor_sentence

_STYLES = {"yes": "green", "no": "red", "partly": "yellow", "unknown": "dim"}


def run_doctor_command(*, report: str, self_test: bool) -> None:
    """Examine, and print in the mode that was asked for."""
    findings = doctor(self_test=self_test)
    rows = [
        dict(zip(findings.columns, map(str, row), strict=True)) for row in findings.itertuples(index=False)
    ]
    if report == "json":
        document = {"schema": "trippy_nb/doctor", "version": 1, "findings": rows}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = wide_console()
    console.print(Text(doctor_sentence(findings)), soft_wrap=True)
    console.print(_table(rows))


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Topic", "Item", "State"):
        table.add_column(heading, no_wrap=True)
    table.add_column("What it rests on, and what would widen it", overflow="fold")
    before = ""
    for row in rows:
        text = Text(row["detail"])
        if row["remedy"]:
            text.append(f"\n→ {row['remedy']}", style="italic")
        topic = row["topic"] if row["topic"] != before else ""
        before = row["topic"]
        table.add_row(Text(topic), Text(row["item"]), Text(row["state"], _STYLES[row["state"]]), text)
    return table
