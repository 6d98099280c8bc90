"""`trippy-nb discover`: every path, hop by hop, and what may still be hidden."""

import json
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.text import Text

from trippy_nb import sim
from trippy_nb.api import HiddenChance, prepare_discovery
from trippy_nb.cli.trace import empty_table, run_to_end, wide_console
from trippy_nb.model import DiscoveryOptions
from trippy_nb.run import Run

_NAMES_WAIT_S = 1.0  # as of a trace: a report is printed once
_HEADS = ("Hop", "Responder", "Flows", "Next hops", "Of flows", "Needed", "Hidden", "Balancing")
_WORDS = ("Responder", "Balancing")


def run_discover_command(
    target: str,
    options: dict[str, Any],
    purpose: DiscoveryOptions,
    *,
    report: str,
    save: Path | None,
    scenario: str | None,
) -> bool:
    """Discover and print; tell whether it was interrupted.

    Raises
    ------
    TrippyError
        As :func:`trippy_nb.discover`.
    """
    network = None if scenario is None else sim.load(scenario)
    tracing = prepare_discovery(target, purpose, options, network=network)
    show = _print_json if report == "json" else _print_pretty
    words = HiddenChance(tracing)
    return run_to_end(tracing, show, save=save, names_wait_s=_NAMES_WAIT_S, words=words)


def _print_pretty(run: Run) -> None:
    console = wide_console()
    addr = run.runs["dst_addr"].iloc[0]
    console.print(Text(f"Paths to {run.target} ({addr}), {run.discovery.algorithm}"), soft_wrap=True)
    table = empty_table(_HEADS, _WORDS)
    names, last = run.names, None
    for node in run.discovery.nodes.to_dict("records"):
        hop = "" if node["ttl"] == last else str(node["ttl"])
        last = node["ttl"]
        table.add_row(*(Text(text) for text in (hop, *_cells(node, names))))
    console.print(table)
    console.print(Text(run.discovery.sentence), soft_wrap=True)


def _cells(node: dict[Any, Any], names: dict[str, str]) -> tuple[str, ...]:
    if pd.isna(node["addr"]):
        who = "*"
    else:
        name = names.get(node["addr"])
        who = f"{name} ({node['addr']})" if name else str(node["addr"])
    if pd.isna(node["flows_needed"]):
        return who, str(node["flows"]), "", "", "", "", ""
    return (
        who,
        str(node["flows"]),
        str(node["next_hops"]),
        str(node["flows_on"]),
        str(node["flows_needed"]),
        f"{100 * node['hidden_ratio']:.1f} %",
        str(node["balancing"]),
    )


def _print_json(run: Run) -> None:
    found = run.discovery
    nodes = [
        {name: None if pd.isna(value) else value for name, value in node.items()}
        for node in found.nodes.drop(columns="run_id").to_dict("records")
    ]
    edges = [
        {"ttl": int(ttl), "from": str(near), "to": str(far)}
        for ttl, near, far in run.links[["ttl", "from_addr", "to_addr"]].drop_duplicates().to_numpy().tolist()
    ]
    document = {
        "target": run.target,
        "addr": str(run.runs["dst_addr"].iloc[0]),
        "algorithm": found.algorithm,
        "confidence": found.confidence,
        "all_found_ratio": found.all_found_ratio,
        "probes": found.probes,
        "ended": found.ended,
        "uneven_ttls": list(found.uneven_ttls),
        "nodes": nodes,
        "edges": edges,
    }
    click.echo(json.dumps(document, indent=2))
