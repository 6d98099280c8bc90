"""A run, its pictures, and several runs together."""

from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from trippy_nb.analysis import Discovery, PathMtu, discovery, path_mtu
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables, concat_tables, part_of, read_tables, tables_from_probes
from trippy_nb.run.one import exchange_of
from trippy_nb.run.plots import RunPlots
from trippy_nb.run.view import View

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.display import RunCard
    from trippy_nb.widgets import Explorer, PacketLens, RunsExplorer

Names = Callable[[str], str | None]


def _no_names(_addr: str) -> str | None:
    return None


class _Together(View):
    """Runs that can be put together: one, or several."""

    @abstractmethod
    def __iter__(self) -> "Iterator[Run]":
        """Go through the runs, in order."""

    def concat(self, *others: "Run | RunSet") -> "RunSet":
        """Put the runs of others behind these: also ``runs + others``."""
        return RunSet([run for one in (self, *others) for run in one])

    def __add__(self, other: object) -> "RunSet":
        """Put the runs of another behind these."""
        return self.concat(other) if isinstance(other, Run | RunSet) else NotImplemented


class Run(_Together):
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
            If the frame holds several runs (use `RunSet.from_probes`), or nothing.
        """
        runs = RunSet.from_probes(probes)
        if not len(runs):
            raise ConfigError("the frame has no rows: there is no run without a probe")
        return runs.one()

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
        """Target as it was asked for; its address, if nobody knows how; empty if it is not known either."""
        known = self.runs[["target", "dst_addr"]].iloc[0].dropna().tolist()
        return str(known[0]) if known else ""

    def _value(self, key: "str | Callable[[Run], Hashable]") -> Any:  # noqa: ANN401 - a cell of a frame
        if callable(key):
            value = key(self)
            if not isinstance(value, Hashable):
                raise ConfigError(f"a group is named by what can be a key of a dict, not by {value!r}")
            return value
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
        """Open the run in a widget: graph, latency, loss, paths, hop table; one window, one selection."""
        from trippy_nb.run.explore import run_explorer

        return run_explorer(self)

    def lens(
        self,
        row: "pd.Series | int | None" = None,
        *,
        ttl: int | None = None,
        round: int = 0,  # noqa: A002 - the column is called round
        flow: int = 0,
        attempt: int = 0,
    ) -> "PacketLens":
        """Look at a probe and its answers byte by byte, and at what each router changed.

        Parameters
        ----------
        row
            Row of `probes`, or its index: ``run.lens(run.probes.iloc[7])``. In place of the others.
        ttl, round, flow, attempt
            Which probe: ``run.lens(ttl=3)``.

        Raises
        ------
        ConfigError
            If neither is given, there is no such probe, or its packets were not kept.
        """
        from trippy_nb.widgets import PacketLens

        return PacketLens(exchange_of(self.tables, row, ttl=ttl, round_=round, flow=flow, attempt=attempt))

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


class RunSet(_Together):
    """Several runs, in order. Their frames are one, with `run_id` counted from 0.

    Parameters
    ----------
    runs
        The runs, in the order they get their `run_id`.

    Raises
    ------
    ConfigError
        If one of them is no run.
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        if not isinstance(runs, Iterable):
            raise ConfigError(f"a set is made of several runs, not of {runs!r}")
        self._runs = tuple(runs)
        for one in self._runs:
            if not isinstance(one, Run):
                raise ConfigError(f"a set is one of runs, not of {type(one).__name__}")

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
            If no key is given, one is no column, or a function returns what cannot be a key.
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

    def explore(self) -> "RunsExplorer":
        """Open the runs in a widget: each by itself or, if they have one target, all along one time axis.

        Raises
        ------
        ConfigError
            If there are no runs.
        """
        from trippy_nb.run.explore import runs_explorer

        return runs_explorer(self)

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

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> "RunSet": ...
    def __getitem__(self, index: int | slice) -> "Run | RunSet":
        """Return a run by its position, or those of a slice as a set."""
        return RunSet(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __repr__(self) -> str:
        """Return a line for each run."""
        from trippy_nb.display import set_text

        return set_text([run._card() for run in self._runs])  # noqa: SLF001 - the same module

    def _repr_html_(self) -> str:
        from trippy_nb.display import set_html

        return set_html([run._card() for run in self._runs])  # noqa: SLF001 - the same module


def read_runs(path: str | Path) -> RunSet:
    """Read a saved run, or several.

    Raises
    ------
    FormatError
        If the file is not one that `save` wrote.
    """
    return RunSet.from_tables(read_tables(path))
