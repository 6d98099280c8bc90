"""What the explorers are made of: a run, or several as one."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from trippy_nb.analysis import hop_graph, hop_table
from trippy_nb.frames import as_one_run

if TYPE_CHECKING:
    from trippy_nb.run.runs import Run, RunSet
    from trippy_nb.widgets import Explored, Explorer, RunsExplorer


def explored_run(run: "Run") -> "Explored":
    """Gather what an explorer shows of a run."""
    from trippy_nb.widgets import Explored

    return Explored(
        tables=run.tables,
        hops=run.hops,
        graph=run.graph(),
        names=run.names,
        card=run._card(),  # noqa: SLF001 - the same room
        along=run.tables,
        epochs=run.epochs,
        changes=run.changes,
    )


def explored_together(runs: "RunSet") -> "Explored":
    """Gather what an explorer shows of several runs to one target as one."""
    from trippy_nb.display import card_from_tables
    from trippy_nb.widgets import Explored

    tables = as_one_run(runs.tables)
    hops = hop_table(tables)
    names = {addr: name for run in runs for addr, name in run.names.items()}
    card = card_from_tables(tables, hops, names=names)
    return Explored(
        tables=tables,
        hops=hops,
        graph=hop_graph(tables),
        names=names,
        card=replace(card, title=f"{len(runs)} runs, as one: {card.title}"),
        along=runs.tables,
        epochs=runs.epochs,
        changes=runs.changes,
    )


def run_explorer(run: "Run") -> "Explorer":
    """Make the explorer of a run."""
    from trippy_nb.widgets import Explorer

    return Explorer(explored_run(run))


def runs_explorer(runs: "RunSet") -> "RunsExplorer":
    """Make the explorer of several runs, in their order; together only those that share their target."""
    from trippy_nb.widgets import RunsExplorer

    targets = runs.runs["dst_addr"]
    joint = len(runs) > 1 and bool(targets.notna().all()) and targets.nunique() == 1
    return RunsExplorer(
        [(_line(run), partial(explored_run, run)) for run in runs],
        together=partial(explored_together, runs) if joint else None,
    )


def _line(run: "Run") -> str:
    """Tell a run from the others: where to, when, and under what label."""
    from trippy_nb.display import moment_text

    label, began = run.runs["label"].iloc[0], run.probes["sent_at"].dropna()
    words = [run.target, moment_text(began.min()) if len(began) else ""]
    words.append(label if isinstance(label, str) else "")
    return ", ".join(word for word in words if word)
