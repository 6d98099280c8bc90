"""`trippy-nb demo`: two traces, their hop tables, one Parquet file each, three pictures."""

from pathlib import Path

import click

from trippy_nb import reports, sim
from trippy_nb.api import compare, trace
from trippy_nb.cli.trace import pretty_table, wide_console
from trippy_nb.plots import save_figure
from trippy_nb.run import Run

SCENARIO = "first-steps"
CHANGE_S = 60.0
"""When the route of the scenario changes, in virtual seconds."""
_LIVE_ROUNDS = 5
_SIM_ROUNDS = 20


def run_demo(target: str | None, output: Path) -> None:
    """Trace twice, compare, and leave everything in a folder.

    Raises
    ------
    TrippyError
        As :func:`trippy_nb.trace`.
    """
    before, after = _simulated() if target is None else _live(target)
    output.mkdir(parents=True, exist_ok=True)
    console = wide_console()
    for name, run in (("before", before), ("after", after)):
        console.print(f"\n[bold]{name}[/bold]: ", end="")
        console.print(reports.title(run.tables), markup=False, soft_wrap=True)
        console.print(pretty_table(run))
        run.save(output / f"{name}.parquet")
    comparison = compare(before, after)
    console.print(comparison.sentence, style="bold", markup=False, soft_wrap=True)
    pictures = {
        "hop-graph.png": before.plot.graph(),
        "latency.png": before.plot.latency(),
        "path-change.png": comparison.plot(),
    }
    for name, axes in pictures.items():
        save_figure(axes, output / name)
    click.echo(f"\nIn {output}/: {', '.join(['before.parquet', 'after.parquet', *pictures])}")
    click.echo(
        "Next: make lab opens the notebooks; in Python, "
        f"trippy_nb.read('{output}/before.parquet').one() is the first run again."
    )


def _simulated() -> tuple[Run, Run]:
    network = sim.load(SCENARIO)
    click.echo(f"Tracing the built-in internet, scenario {SCENARIO!r}: no privilege, no network.")
    before = trace("target.example", network=network, rounds=_SIM_ROUNDS, progress=True)
    click.echo(f"The route changes at {CHANGE_S:g} s of virtual time; tracing again after it.")
    after = trace("target.example", network=network.at(CHANGE_S + 5), rounds=_SIM_ROUNDS, progress=True)
    return before, after


def _live(target: str) -> tuple[Run, Run]:
    click.echo(f"Tracing {target} twice, {_LIVE_ROUNDS} rounds each.")
    return trace(target, rounds=_LIVE_ROUNDS), trace(target, rounds=_LIVE_ROUNDS)
