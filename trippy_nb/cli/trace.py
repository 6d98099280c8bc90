"""`trippy-nb trace`: trace, and print in the mode that was asked for."""

import contextlib
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trippy_nb import reports, sim
from trippy_nb.api import Tracing, prepare
from trippy_nb.errors import TrippyError
from trippy_nb.model import TraceConfig
from trippy_nb.run import Run, RunSet

_TICK_S = 0.05
_NAMES_WAIT_S = 1.0  # a report is printed once: give look-ups that are under way this long
_NUMBERS = ("Hop", "Loss%", "Snt", "Recv", "Last", "Avg", "Best", "Wrst", "StdDev")
_SETTLED = ("reply", "late", "timeout", "send_error", "beyond_target")
_PIPE_WIDTH = 160
_KEY = ["round", "flow", "ttl", "attempt"]


def run_trace_command(
    targets: list[str], options: dict[str, Any], *, report: str, save: Path | None, scenario: str | None
) -> bool:
    """Trace and print; tell whether it was interrupted.

    Raises
    ------
    TrippyError
        As :func:`trippy_nb.trace`.
    """
    config = TraceConfig.from_options(**options)
    network = None if scenario is None else sim.load(scenario)
    tracing = prepare(targets, config, network=network)
    printer = _PRINTERS[report](tracing, config)
    with (
        interrupt_flag() as interrupted,
        tracing.progress(
            wanted=None if report in ("pretty", "explain", "markdown", "csv", "json") else False
        ) as bar,
    ):
        while not tracing.advance(_TICK_S):
            bar.update()
            printer.tick()
            if interrupted:
                tracing.stop()
                break
    if config.dns and report != "silent":
        tracing.wait_for_names(_NAMES_WAIT_S)
    printer.end()
    if save is not None and tracing.runs():
        _save(RunSet(tracing.runs()), save)
    return bool(interrupted)


@contextlib.contextmanager
def interrupt_flag() -> Iterator[list[int]]:
    """Give a list that Ctrl-C puts something into, so that no line is torn; a second Ctrl-C raises."""
    pressed: list[int] = []

    def press(number: int, _frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def run_to_end(
    tracing: Tracing,
    show: Callable[[Run], None],
    *,
    save: Path | None,
    names_wait_s: float = 0,
    words: Callable[[], str] | None = None,
) -> bool:
    """Run what has no rounds, show what it found, and save that; tell whether it was interrupted."""
    with interrupt_flag() as interrupted, tracing.progress(words=words) as bar:
        while not tracing.advance(_TICK_S):
            bar.update()
            if interrupted:
                tracing.stop(by="interrupt")
                break
    tracing.wait_for_names(names_wait_s)
    for run in tracing.runs():
        show(run)
        if save is not None:
            _save(run, save)
    return bool(interrupted)


def _save(what: Run | RunSet, path: Path) -> None:
    """Save, and say where; the report is out already, whatever the disk says."""
    try:
        saved = what.save(path)
    except OSError as error:
        raise TrippyError(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"saved {saved}", err=True)


class _Silent:
    """Print nothing; the other modes print at the end, or while the trace goes on."""

    def __init__(self, tracing: Tracing, config: TraceConfig) -> None:
        self.tracing = tracing
        self.config = config

    def tick(self) -> None:
        """Look whether there is something new to print."""

    def end(self) -> None:
        """Print what is left."""


class _Pretty(_Silent):
    """A table for people, through rich."""

    def end(self) -> None:
        console = wide_console()
        for run in self.tracing.runs():
            console.print(Text(reports.title(run.tables)), soft_wrap=True)
            console.print(pretty_table(run, extensions=self.config.icmp_extensions))


class _Markdown(_Silent):
    """Markdown tables."""

    def end(self) -> None:
        for run in self.tracing.runs():
            extensions = self.config.icmp_extensions
            click.echo(reports.markdown_report(run.tables, run.hops, run.names, extensions=extensions))


class _Explain(_Silent):
    """The findings, in prose."""

    def end(self) -> None:
        click.echo("\n\n".join(str(run.explain()) for run in self.tracing.runs()))


class _Csv(_Silent):
    """One CSV table for all runs."""

    def end(self) -> None:
        for number, run in enumerate(self.tracing.runs()):
            click.echo(reports.csv_report(run.tables, run.hops, run.names, header=number == 0), nl=False)


class _Json(_Silent):
    """One JSON document."""

    def end(self) -> None:
        runs = self.tracing.runs()
        click.echo(reports.json_report((run.tables, run.hops, run.names) for run in runs), nl=False)


class _Stream(_Silent):
    """A line a hop, after each round."""

    def __init__(self, tracing: Tracing, config: TraceConfig) -> None:
        super().__init__(tracing, config)
        self._printed = [0] * len(tracing.captures)

    def tick(self) -> None:
        for number, capture in enumerate(self.tracing.collected):
            if capture.rounds_ended > self._printed[number]:
                self._printed[number] = capture.rounds_ended
                run = self.tracing.run(capture)
                lines = reports.stream_lines(
                    run.hops, run.names, round_=capture.rounds_ended - 1, at=pd.Timestamp.now("UTC")
                )
                click.echo("\n".join(lines))
                sys.stdout.flush()

    def end(self) -> None:
        self.tick()


class _Probes(_Silent):
    """A JSON object for each probe, once its fate is known."""

    def __init__(self, tracing: Tracing, config: TraceConfig) -> None:
        super().__init__(tracing, config)
        self._printed: list[set[tuple[int, ...]]] = [set() for _ in tracing.captures]

    def tick(self) -> None:
        self._print(final=False)

    def end(self) -> None:
        self._print(final=True)

    def _print(self, *, final: bool) -> None:
        for capture, printed in zip(self.tracing.collected, self._printed, strict=True):
            if capture.plan is None or not capture.probes_sent:
                continue
            probes = capture.tables().probes
            ready = probes if final else probes[probes["status"].isin(_SETTLED)]
            keys = list(ready[_KEY].itertuples(index=False, name=None))
            new = ready[[key not in printed for key in keys]]
            printed.update(keys)
            for line in reports.probe_lines(new, target=self.tracing.run(capture).target):
                click.echo(line)
        sys.stdout.flush()


_PRINTERS = {
    "pretty": _Pretty,
    "markdown": _Markdown,
    "explain": _Explain,
    "csv": _Csv,
    "json": _Json,
    "stream": _Stream,
    "probes": _Probes,
    "silent": _Silent,
}


def wide_console() -> Console:
    """Return a console that folds tables to fit a terminal, and does not in a file or a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_WIDTH)


def empty_table(heads: Iterable[str], words: Collection[str]) -> Table:
    """Make a table with these heads: words stand to the left, numbers to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="left" if head in words else "right", overflow="fold")
    return table


def pretty_table(run: Run, *, extensions: bool = False) -> Table:
    """Make a rich table of the hops of a run."""
    columns = reports.table_columns(extensions=extensions)
    heads = [column.head for column in columns]
    table = empty_table(heads, {*heads} - {*_NUMBERS})
    for hop in reports.hop_lines(run.hops, run.names):
        table.add_row(*(Text(column.text(hop, missing="")) for column in columns))
    return table
