"""`trippy-nb sim`: the networks that come with the package, what is true of them, and one behind a device."""

import contextlib
import dataclasses
import json
import signal
from collections.abc import Iterator, Sequence

import click
from rich.table import Table
from rich.text import Text

from trippy_nb import sim
from trippy_nb.cli.trace import empty_table, interrupt_flag, wide_console
from trippy_nb.serve import serve
from trippy_nb.sim import SimNetwork, TruePath
from trippy_nb.tracing import MonotonicClock

_HEADS = ("Hop", "Node", "Address", "Best RTT", "Answered", "MPLS")
_WORDS = ("Node", "Address", "MPLS")


def list_scenarios(*, report: str) -> None:
    """Name all scenarios, and say what each is about."""
    rows = {name: sim.describe(name) for name in sim.scenarios()}
    if report == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, about in rows.items():
        table.add_row(Text(name), Text(about))
    wide_console().print(table)


def show_scenario(scenario: str, *, report: str) -> None:
    """Print what is true of a network: every way to every target, hop by hop.

    Raises
    ------
    ScenarioError
        If there is none, or its file is wrong.
    """
    network = sim.load(scenario)
    paths = network.truth.paths
    if report == "json":
        document = {
            "name": network.scenario.name,
            "description": network.scenario.description,
            "source": _source(network),
            "paths": [dataclasses.asdict(path) for path in paths],
            "links": [dataclasses.asdict(link) for link in network.truth.links],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    console = wide_console()
    console.print(Text(f"{network.scenario.name}: {network.scenario.description}"), soft_wrap=True)
    console.print(Text(f"From {', '.join(_source(network))}"), soft_wrap=True)
    for addr, ways in _by_target(paths).items():
        console.print(Text(f"\n{_headline(addr, ways)}"), soft_wrap=True)
        for path in ways:
            if len(ways) > 1:
                console.print(Text(f"\n{100 * path.share:.0f} % of flows{_when(path)}"), soft_wrap=True)
            console.print(_hops(path))


def serve_scenario(scenario: str, device: str) -> None:
    """Serve a network on a device until Ctrl-C or SIGTERM; say what was carried.

    Raises
    ------
    TrippyError
        If the scenario is wrong, or the device cannot be had.
    """
    network = sim.load(scenario)
    where = ", ".join(_source(network))
    targets = ", ".join(
        " ".join((target.name, *target.v4, *target.v6)) for target in network.scenario.targets
    )
    what = f"{network.scenario.name} on {device}: source {where}; target {targets}"
    with interrupt_flag() as interrupted, _terminated(interrupted):
        counts = serve(
            network,
            device,
            clock=MonotonicClock(),
            stop=lambda: bool(interrupted),
            on_ready=lambda: click.echo(f"serving {what}; Ctrl-C ends it"),
        )
    rest = [
        f"{counts[name]} {name}"
        for name in ("other source", "fragments", "not understood", "not taken")
        if counts[name]
    ]
    click.echo("; ".join([f"{counts['in']} packets in, {counts['out']} answers out", *rest]))


@contextlib.contextmanager
def _terminated(flag: list[int]) -> Iterator[None]:
    """Have SIGTERM end it as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, lambda number, _frame: flag.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _source(network: SimNetwork) -> list[str]:
    source = network.scenario.source
    return [addr for addr in (source.v4, source.v6) if addr]


def _by_target(paths: Sequence[TruePath]) -> dict[str, list[TruePath]]:
    found: dict[str, list[TruePath]] = {}
    for path in paths:
        found.setdefault(path.addr, []).append(path)
    return found


def _headline(addr: str, ways: Sequence[TruePath]) -> str:
    hops = sorted({len(path.hops) for path in ways})
    far = f"{hops[0]} hops" if len(hops) == 1 else f"{hops[0]} to {hops[-1]} hops"
    count = "one way" if len(ways) == 1 else f"{len(ways)} ways"
    return f"To {ways[0].target or 'nobody: a loop'} ({addr}): {count}, {far}"


def _when(path: TruePath) -> str:
    if path.until_s is None:
        return f", from {path.since_s:g} s on" if path.since_s else ""
    return f", from {path.since_s:g} to {path.until_s:g} s"


def _hops(path: TruePath) -> Table:
    table = empty_table(_HEADS, _WORDS)
    for hop in path.hops:
        answered = f"{100 * hop.delivery:.0f} %" if hop.answers else "never"
        best = f"{hop.best_ms:.2f} ms" if hop.answers else ""
        cells = (str(hop.ttl), hop.node, hop.addr or "*", best, answered, hop.labels or "")
        table.add_row(*(Text(cell) for cell in cells))
    return table
