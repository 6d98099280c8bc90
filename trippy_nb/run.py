"""What a user holds: `Run`, `RunSet`, `Comparison`. Thin: each method is one line into a room."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from trippy_nb.analysis import (
    ALPHA,
    ComparisonTables,
    Discovery,
    Matchers,
    PathMtu,
    alerts,
    compare_tables,
    diamonds,
    discovery,
    epochs,
    evidence,
    explanation,
    findings,
    hop_graph,
    hop_stats,
    hop_table,
    links,
    path_changes,
    path_mtu,
    paths,
    prevalence,
)
from trippy_nb.errors import ConfigError
from trippy_nb.frames import (
    Numbers,
    Responders,
    Tables,
    When,
    Words,
    between,
    concat_tables,
    notes_frame,
    part_of,
    read_tables,
    tables_from_probes,
    where,
    with_label,
    with_note,
    write_tables,
)

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
    from matplotlib.axes import Axes

    from trippy_nb.analysis import By, Explanation
    from trippy_nb.display import ComparisonCard, RunCard
    from trippy_nb.widgets import CompareExplorer, Explorer

Names = Callable[[str], str | None]


def _no_names(_addr: str) -> str | None:
    return None


class _Frames(ABC):
    """What a run and a set of runs both have: frames, parts of them, words on them."""

    tables: Tables

    @abstractmethod
    def __iter__(self) -> "Iterator[Run]":
        """Go through the runs, in order."""

    @abstractmethod
    def _made_of(self, tables: Tables) -> Self:
        """Make another of these tables."""

    @property
    def probes(self) -> "pd.DataFrame":
        """One row a probe: `frames.schema.PROBES`."""
        return self.tables.probes

    @property
    def replies(self) -> "pd.DataFrame":
        """One row a packet that came back: `frames.schema.REPLIES`."""
        return self.tables.replies

    @property
    def flows(self) -> "pd.DataFrame":
        """One row a flow: `frames.schema.FLOWS`."""
        return self.tables.flows

    @property
    def runs(self) -> "pd.DataFrame":
        """One row a run: `frames.schema.RUNS`."""
        return self.tables.runs

    @property
    def packets(self) -> "pd.DataFrame":
        """One row a packet kept: `frames.schema.PACKETS`."""
        return self.tables.packets

    @property
    def handles(self) -> "pd.DataFrame":
        """One row a socket that was held: `frames.schema.HANDLES`; it shows itself as a card."""
        from trippy_nb.display import CardFrame, handles_sheet

        return CardFrame(self.tables.handles, handles_sheet)

    @cached_property
    def hops(self) -> "pd.DataFrame":
        """One row a hop: `frames.schema.HOPS`, computed from the probes."""
        return hop_table(self.tables)

    def hop_stats(
        self, *, by: "By" = "ttl", trippy_compat: bool = False, mtr_compat: bool = False
    ) -> "pd.DataFrame":
        """Summarise by TTL, flow or responder; or with Trippy's or mtr's numbers (`analysis.hop_stats`)."""
        return hop_stats(self.tables, by=by, trippy_compat=trippy_compat, mtr_compat=mtr_compat)

    @cached_property
    def links(self) -> "pd.DataFrame":
        """One row a link between adjacent hops, within a flow only (see `analysis.links`)."""
        return links(self.tables)

    @cached_property
    def paths(self) -> "pd.DataFrame":
        """One row for each round of each flow: who answered, loops and cycles (see `analysis.paths`)."""
        return paths(self.tables)

    @cached_property
    def epochs(self) -> "pd.DataFrame":
        """One row for each stretch of time in which a flow kept to one path (see `analysis.history`)."""
        return epochs(self.tables)

    @cached_property
    def changes(self) -> "pd.DataFrame":
        """One row for each change of path and flow that showed it (see `analysis.history`)."""
        return path_changes(self.tables)

    @cached_property
    def prevalence(self) -> "pd.DataFrame":
        """One row for each flow: how much of it one path had (see `analysis.history`)."""
        return prevalence(self.tables)

    @cached_property
    def diamonds(self) -> "pd.DataFrame":
        """One row for each place where paths part and meet again (see `analysis.diamonds`)."""
        return diamonds(self.tables)

    @cached_property
    def evidence(self) -> "pd.DataFrame":
        """One row for each thing that answers give reason to say, and why (see `analysis.evidence`)."""
        return evidence(self.tables)

    @cached_property
    def findings(self) -> "pd.DataFrame":
        """One row for everything worth telling, in words, with its rows (see `analysis.findings`)."""
        return findings(self.tables)

    def explain(self) -> "Explanation":
        """Tell the findings in prose: text in `print` and at a prompt, lists in a notebook."""
        return explanation(self.tables, self.findings)

    def graph(self) -> "nx.MultiDiGraph[str]":
        """Make the hop graph: see `analysis.hop_graph` for what nodes and edges carry."""
        return hop_graph(self.tables, evidence=self.evidence)

    def between(self, start: When | None = None, end: When | None = None) -> Self:
        """Keep what was sent from `start` on and before `end`: see `frames.select.between`.

        Times are in UTC if they have no zone; numbers are seconds since the run began; None is no bound.
        """
        return self._made_of(between(self.tables, start, end))

    def where(
        self,
        *,
        flow: Numbers | None = None,
        ttl: Numbers | None = None,
        responder: Responders | None = None,
        round: Numbers | None = None,  # noqa: A002 - the column is called round
        status: Words | None = None,
    ) -> Self:
        """Keep the probes that fulfil all conditions: see `frames.select.where`."""
        return self._made_of(
            where(self.tables, flow=flow, ttl=ttl, responder=responder, round=round, status=status)
        )

    def labelled(self, label: str | None) -> Self:
        """Return the same under a name in your own words, in every run; None takes it away."""
        return self._made_of(with_label(self.tables, label))

    def note(self, text: str, *, at: When | None = None, ttl: int | None = None) -> Self:
        """Return the same with one more note, in every run, on a time, a hop, or the whole."""
        return self._made_of(with_note(self.tables, text, at=at, ttl=ttl))

    @property
    def notes(self) -> "pd.DataFrame":
        """One row a note: `frames.derived.NOTES`."""
        return notes_frame(self.tables)

    def alerts(
        self,
        matchers: Matchers,
        *,
        ttl: int | Iterable[int] | None = None,
        step_s: float | None = None,
        across_runs: bool = False,
        changes: "pd.DataFrame | None" = None,
    ) -> "pd.DataFrame":
        """Look for alerts, of the target or of hops: see `analysis.alerts`; `tn.matchers` raise them."""
        return alerts(self.tables, matchers, ttl=ttl, step_s=step_s, across_runs=across_runs, changes=changes)

    def concat(self, *others: "Run | RunSet") -> "RunSet":
        """Put the runs of others behind these: also ``runs + others``."""
        return RunSet([run for one in (self, *others) for run in one])

    def __add__(self, other: object) -> "RunSet":
        """Put the runs of another behind these."""
        return self.concat(other) if isinstance(other, Run | RunSet) else NotImplemented

    def save(self, path: str | Path) -> Path:
        """Write everything to one Parquet file of probes, which any tool can read.

        The file appears whole or not at all; an existing one is replaced.
        """
        write_tables(self.tables, path)
        return Path(path)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the probes to any Arrow library (pyarrow, polars, duckdb, ...) without a copy."""
        return self.tables.__arrow_c_stream__(requested_schema)


class Run(_Frames):
    """One trace of one target: probes, replies and everything that follows from them.

    Parameters
    ----------
    tables
        The tables, or a function that makes them when they are first looked at.
    names
        Tells the host name of an address, or None; must not block.
    """

    def __init__(self, tables: Tables | Callable[[], Tables], *, names: Names = _no_names) -> None:
        self._make = tables if callable(tables) else (lambda: tables)
        self._names = names

    @classmethod
    def from_probes(cls, probes: "pd.DataFrame") -> "Run":
        """Make a run of any frame with the columns of PROBES (missing optional ones are filled).

        Raises
        ------
        SchemaError
            If a column that cannot be filled is missing, or holds what it must not.
        ConfigError
            If the frame holds several runs: use `RunSet.from_probes`.
        """
        return RunSet.from_probes(probes).one()

    @cached_property
    def tables(self) -> Tables:  # type: ignore[override]  # made on first look, then constant
        """All tables, frozen."""
        return self._make()

    def __iter__(self) -> Iterator["Run"]:
        """Go through the runs: this one."""
        return iter((self,))

    def _made_of(self, tables: Tables) -> "Run":
        return self if tables is self.tables else Run(tables, names=self._names)

    @property
    def uuid(self) -> str:
        """Identity of the run."""
        return str(self.runs["run_uuid"].iloc[0])

    @property
    def target(self) -> str:
        """Target as it was asked for."""
        return str(self.runs["target"].iloc[0])

    def _value(self, key: "str | Callable[[Run], Hashable]") -> Any:  # noqa: ANN401 - a cell of a frame
        if callable(key):
            return key(self)
        if key not in self.runs.columns:
            raise ConfigError(f"runs has no column {key!r} to group by: {', '.join(self.runs.columns)}")
        values = self.runs[key].dropna().tolist()
        return values[0] if values else None

    @property
    def names(self) -> dict[str, str]:
        """Host names of the responders, as far as they are known by now."""
        addrs = self.probes["addr"].dropna().unique()
        return {addr: name for addr in addrs if (name := self._names(addr)) is not None}

    @cached_property
    def discovery(self) -> Discovery:
        """What this run shows of branching, and what it may have missed (see `analysis.discovery`)."""
        return discovery(self.tables)

    @cached_property
    def pmtu(self) -> PathMtu:
        """The path MTU that this run found (see `analysis.path_mtu`)."""
        return path_mtu(self.tables)

    @cached_property
    def plot(self) -> "RunPlots":
        """Pictures of this run; each returns matplotlib Axes."""
        return RunPlots(self)

    def explore(self) -> "Explorer":
        """Open the run in a widget: hop graph, latency, hop table, one time window, one selection."""
        from trippy_nb.widgets import Explorer

        return Explorer(self.tables, self.hops, self.graph(), names=self.names, card=self._card())

    def _card(self) -> "RunCard":
        from trippy_nb.display import card_from_tables

        return card_from_tables(self.tables, self.hops, names=self.names)

    def __repr__(self) -> str:
        """Return the card as plain text."""
        from trippy_nb.display import run_text

        return run_text(self._card())

    def _repr_html_(self) -> str:
        from trippy_nb.display import run_html

        return run_html(self._card())

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the tables and the names known by now; no socket, thread or recorder."""
        return {"tables": self.tables, "names": self.names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what `__getstate__` kept."""
        tables, names = state["tables"], state["names"]
        self._make = lambda: tables
        self._names = names.get


class RunPlots:
    """The pictures of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def graph(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the hop graph."""
        from trippy_nb.plots import plot_graph

        return plot_graph(self._run.graph(), ax=ax)

    def latency(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the distribution of round-trip times of each hop."""
        from trippy_nb.plots import plot_latency

        return plot_latency(self._run.tables, ax=ax)

    def handles(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw which handles the run held, from opening to closing."""
        from trippy_nb.plots import plot_handles

        return plot_handles(self._run.handles, ax=ax)


class RunSet(_Frames):
    """Several runs, in order. Their frames are one, with `run_id` counted from 0.

    Parameters
    ----------
    runs
        The runs, in the order they get their `run_id`.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = tuple(runs)

    @classmethod
    def from_tables(cls, tables: Tables, *, names: Names = _no_names) -> "RunSet":
        """Split tables of several runs into runs."""
        ids = tables.runs["run_id"].tolist()
        parts = [tables] if len(ids) == 1 else [partial(part_of, tables, one) for one in ids]
        runs = cls([Run(part, names=names) for part in parts])
        runs.tables = tables  # as they are: nothing is put together again
        return runs

    @classmethod
    def from_probes(cls, probes: "pd.DataFrame") -> "RunSet":
        """Make runs of any frame with the columns of PROBES.

        Raises
        ------
        SchemaError
            If a column that cannot be filled is missing, or holds what it must not.
        """
        return cls.from_tables(tables_from_probes(probes))

    @cached_property
    def tables(self) -> Tables:  # type: ignore[override]  # made on first look, then constant
        """All tables of all runs, keyed by `run_id`."""
        return concat_tables([run.tables for run in self._runs])

    def _made_of(self, tables: Tables) -> "RunSet":
        return self if tables is self.tables else RunSet.from_tables(tables, names=self._name_of)

    def _name_of(self, addr: str) -> str | None:
        return next((name for run in self if (name := run._names(addr)) is not None), None)  # noqa: SLF001 - the same module

    def by(self, *keys: str | Callable[[Run], Hashable]) -> "dict[Any, RunSet]":
        """Group the runs: by columns of `runs` (``"target"``, ``"label"``, ``"vantage"``, ...) or functions.

        Returns
        -------
        groups
            The runs for each value (for several keys, a tuple of values), in the order of their first; the
            value is None where it is missing.

        Raises
        ------
        ConfigError
            If no key is given, or one is no column.
        """
        if not keys:
            raise ConfigError(
                f'by what? Name columns of runs, such as "target": {", ".join(self.runs.columns)}'
            )
        groups: dict[Any, list[Run]] = {}
        for run in self:
            values = tuple(run._value(key) for key in keys)  # noqa: SLF001 - the same module
            groups.setdefault(values if len(keys) > 1 else values[0], []).append(run)
        return {value: RunSet(runs) for value, runs in groups.items()}

    def one(self) -> Run:
        """Return the only run.

        Raises
        ------
        ConfigError
            If there is none, or more than one.
        """
        if len(self._runs) != 1:
            raise ConfigError(f"there are {len(self._runs)} runs here, not one: pick one by its index")
        return self._runs[0]

    def __len__(self) -> int:
        """Count the runs."""
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        """Go through the runs, in order."""
        return iter(self._runs)

    def __getitem__(self, index: int) -> Run:
        """Return a run by its position."""
        return self._runs[index]

    def __repr__(self) -> str:
        """Return a line for each run."""
        from trippy_nb.display import set_text

        return set_text([run._card() for run in self._runs])  # noqa: SLF001 - the same module

    def _repr_html_(self) -> str:
        from trippy_nb.display import set_html

        return set_html([run._card() for run in self._runs])  # noqa: SLF001 - the same module


class Comparison:
    """Two sides beside one another: before and after, here and there, this protocol and that.

    Parameters
    ----------
    before, after
        Runs, sets of runs (each taken as one), or tables, as of a window of time.
    alpha
        Probability of calling changed what is not.
    """

    def __init__(self, before: "Side", after: "Side", *, alpha: float = ALPHA) -> None:
        self.before = before
        self.after = after
        self.alpha = alpha

    @cached_property
    def tables(self) -> ComparisonTables:
        """The frames of the comparison and its verdict."""
        return compare_tables(tables_of(self.before), tables_of(self.after), alpha=self.alpha)

    @property
    def verdict(self) -> str:
        """The outcome: same, changed or cannot tell."""
        return self.tables.verdict

    @property
    def sentence(self) -> str:
        """The verdict in words, with what it rests on."""
        return self.tables.sentence

    @property
    def power(self) -> str:
        """How small a change would have shown, in words."""
        return self.tables.power

    @property
    def paths(self) -> "pd.DataFrame":
        """The two paths of each flow, aligned: `frames.answers.COMPARED_PATHS`."""
        return self.tables.paths

    @property
    def edges(self) -> "pd.DataFrame":
        """The links that either side saw: `frames.answers.COMPARED_EDGES`."""
        return self.tables.edges

    @property
    def rtt(self) -> "pd.DataFrame":
        """The shift of the round-trip time of each hop that both have: `frames.answers.COMPARED_RTT`."""
        return self.tables.rtt

    @property
    def responses(self) -> "pd.DataFrame":
        """The unanswered probes of each hop that both have: `frames.answers.COMPARED_RESPONSES`."""
        return self.tables.responses

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw both paths side by side, and what shifted."""
        from trippy_nb.plots import plot_comparison

        return plot_comparison(self.tables, ax=ax)

    def explore(self) -> "CompareExplorer":
        """Open the comparison in a widget."""
        from trippy_nb.widgets import CompareExplorer

        return CompareExplorer(self.tables, card=self._card())

    def _card(self) -> "ComparisonCard":
        from trippy_nb.display import comparison_card

        return comparison_card(self.tables, names=_names_of(self.before) | _names_of(self.after))

    def __repr__(self) -> str:
        """Return the comparison as plain text."""
        from trippy_nb.display import comparison_text

        return comparison_text(self._card())

    def _repr_html_(self) -> str:
        from trippy_nb.display import comparison_html

        return comparison_html(self._card())


Side = Run | RunSet | Tables
"""What can be compared."""


def tables_of(side: Side) -> Tables:
    """Return the tables of a side."""
    return side if isinstance(side, Tables) else side.tables


def _names_of(side: Side) -> dict[str, str]:
    runs = side if isinstance(side, RunSet) else [side] if isinstance(side, Run) else []
    return {addr: name for run in runs for addr, name in run.names.items()}


def read_runs(path: str | Path) -> RunSet:
    """Read a saved run, or several.

    Raises
    ------
    FormatError
        If the file is not one that `save` wrote.
    """
    return RunSet.from_tables(read_tables(path))
