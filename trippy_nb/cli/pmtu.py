"""`trippy-nb pmtu`: the largest packet that a path carries, and who limits it."""

import json
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.text import Text

from trippy_nb import sim
from trippy_nb.api import SizesKnown, prepare_pmtu
from trippy_nb.cli.trace import empty_table, run_to_end, wide_console
from trippy_nb.model import PmtuOptions
from trippy_nb.run import Run

_HEADS = ("Hop", "Who", "MTU", "How it is known", "Probes")
_WORDS = ("Who", "How it is known")


def run_pmtu_command(
    target: str,
    options: dict[str, Any],
    purpose: PmtuOptions,
    *,
    report: str,
    save: Path | None,
    scenario: str | None,
) -> bool:
    """Find the path MTU and print it; tell whether it was interrupted.

    Raises
    ------
    TrippyError
        As :func:`trippy_nb.pmtu`.
    """
    network = None if scenario is None else sim.load(scenario)
    tracing = prepare_pmtu(target, purpose, options, network=network)
    show = _print_json if report == "json" else _print_pretty
    return run_to_end(tracing, show, save=save, words=SizesKnown(tracing))


def _print_pretty(run: Run) -> None:
    console, found = wide_console(), run.pmtu
    console.print(Text(found.sentence), soft_wrap=True)
    if found.hops.empty:
        return
    table = empty_table(_HEADS, _WORDS)
    for row in found.hops.to_dict("records"):
        hop, mtu = ("" if pd.isna(row[name]) else str(row[name]) for name in ("ttl", "mtu"))
        who = "*" if pd.isna(row["addr"]) else str(row["addr"])
        table.add_row(*(Text(text) for text in (hop, who, mtu, str(row["how"]), str(row["n"]))))
    console.print(table)


def _print_json(run: Run) -> None:
    found = run.pmtu
    rows = found.hops.drop(columns="run_id").to_dict("records")
    document = {
        "target": run.target,
        "addr": str(run.runs["dst_addr"].iloc[0]),
        "mtu": found.mtu,
        "low": found.low,
        "high": found.high,
        "black_hole": found.black_hole,
        "until": found.until,
        "probes": found.probes,
        "ended": found.ended,
        "hops": [
            {str(name): None if pd.isna(value) else value for name, value in row.items()} for row in rows
        ],
    }
    click.echo(json.dumps(document, indent=2))
