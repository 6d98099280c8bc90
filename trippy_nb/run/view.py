"""The frames that a run and a set of runs both have, the answers made of them, and parts of them."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from trippy_nb.analysis import (
    Answers,
    Matchers,
    alerts,
    epochs,
    explanation,
    findings,
    hop_graph,
    hop_stats,
    links,
    paths,
    prevalence,
)
from trippy_nb.frames import (
    Numbers,
    Responders,
    Tables,
    When,
    Words,
    between,
    notes_frame,
    where,
    with_label,
    with_note,
    write_tables,
)
from trippy_nb.run.latency import RunLatency

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from trippy_nb.analysis import By, Explanation


class View(ABC):
    """What a run and a set of runs both have: frames, parts of them, words on them."""

    tables: Tables

    @abstractmethod
    def _made_of(self, tables: Tables) -> Self:
        """Make another of these tables."""

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self.tables)

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

    @property
    def hops(self) -> "pd.DataFrame":
        """One row a hop: `frames.schema.HOPS`, computed from the probes."""
        return self._answers.hops

    def hop_stats(
        self,
        *,
        by: "By" = "ttl",
        columns: Collection[str] | None = None,
        trippy_compat: bool = False,
        mtr_compat: bool = False,
    ) -> "pd.DataFrame":
        """Summarise hop by hop: see `analysis.hop_stats`.

        Parameters
        ----------
        by
            What a row is: ``ttl``, ``flow`` (each TTL of each) or ``responder`` (each address at a TTL).
        columns
            Those that are wanted, besides the key of a row; all by default.
        trippy_compat, mtr_compat
            Give the numbers that Trippy or mtr would.

        Raises
        ------
        ConfigError
            If one is something else, or they exclude each other.
        """
        return hop_stats(
            self.tables, by=by, columns=columns, trippy_compat=trippy_compat, mtr_compat=mtr_compat
        )

    @cached_property
    def links(self) -> "pd.DataFrame":
        """One row a link between adjacent hops, within a flow only (see `analysis.links`)."""
        return links(self.tables)

    @cached_property
    def paths(self) -> "pd.DataFrame":
        """One row for each round of each flow: who answered, loops and cycles (see `analysis.paths`)."""
        return paths(self.tables)

    @property
    def losses(self) -> "pd.DataFrame":
        """One row for each hop: what its unanswered probes are due to (see `analysis.attribute_loss`)."""
        return self._answers.losses

    @cached_property
    def epochs(self) -> "pd.DataFrame":
        """One row for each stretch of time in which a flow kept to one path (see `analysis.history`)."""
        return epochs(self.tables)

    @property
    def changes(self) -> "pd.DataFrame":
        """One row for each change of path and flow that showed it (see `analysis.history`)."""
        return self._answers.changes

    @property
    def rtt_changes(self) -> "pd.DataFrame":
        """One row for each change in the level of the RTTs of a responder (see `analysis.rtt_changes`)."""
        return self._answers.rtt_changes

    @property
    def events(self) -> "pd.DataFrame":
        """One row for each change in RTT, and what changed with it (see `analysis.joint_events`)."""
        return self._answers.events

    @cached_property
    def prevalence(self) -> "pd.DataFrame":
        """One row for each flow: how much of it one path had (see `analysis.history`)."""
        return prevalence(self.tables)

    @property
    def diamonds(self) -> "pd.DataFrame":
        """One row for each place where paths part and meet again (see `analysis.diamonds`)."""
        return self._answers.diamonds

    @property
    def latency(self) -> "RunLatency":
        """Distributions and differences of round-trip times, hop by hop."""
        return RunLatency(self.tables)

    @property
    def evidence(self) -> "pd.DataFrame":
        """One row for each thing that answers give reason to say, and why (see `analysis.evidence`)."""
        return self._answers.evidence

    @cached_property
    def findings(self) -> "pd.DataFrame":
        """One row for everything worth telling, in words, with its rows (see `analysis.findings`)."""
        return findings(self.tables, answers=self._answers)

    def explain(self) -> "Explanation":
        """Tell the findings in prose: text in `print` and at a prompt, lists in a notebook."""
        return explanation(self.tables, self.findings)

    def graph(self) -> "nx.MultiDiGraph[str]":
        """Make the hop graph: see `analysis.hop_graph` for what nodes and edges carry."""
        return hop_graph(self.tables, evidence=self.evidence)

    def between(self, start: When | None = None, end: When | None = None) -> Self:
        """Keep what was sent from `start` on and before `end`: see `frames.select.between`.

        Parameters
        ----------
        start, end
            Times, as datetime or text (in UTC if they have no zone; ``"14:03"`` is on the day the run began),
            or seconds since the run began; None is no bound.

        Raises
        ------
        ConfigError
            If a bound is no time, or nothing was sent between them.
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
        """Keep the probes that fulfil all conditions: see `frames.select.where`.

        Parameters
        ----------
        flow, ttl, round
            A number, several, a `range`, or a `slice` (both without their end).
        responder
            An address, a network (``"192.0.2.0/24"``), or several: who gave the first answer.
        status
            A word of `probes.status`, or several.

        Raises
        ------
        ConfigError
            If a condition is not of its kind, or nothing is left.
        """
        return self._made_of(
            where(self.tables, flow=flow, ttl=ttl, responder=responder, round=round, status=status)
        )

    def labelled(self, label: str | None) -> Self:
        """Return the same under a name in your own words, in every run; None takes it away."""
        return self._made_of(with_label(self.tables, label))

    def note(self, text: str, *, at: When | None = None, ttl: int | None = None) -> Self:
        """Return the same with one more note, in every run, on a time, a hop, or the whole.

        Parameters
        ----------
        text
            What it says.
        at
            When it is about, as for `between`; None for the whole time.
        ttl
            Hop that it is about; None for all.

        Raises
        ------
        ConfigError
            If the text is empty, the time none, or the TTL none.
        """
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
        """Look for alerts, of the target or of hops: see `analysis.alerts`.

        Parameters
        ----------
        matchers
            What raises them: one of `tn.matchers`, or SmokePing's text, or several; a dict gives them names.
        ttl
            Hops to look at; None for the target.
        step_s
            Length of a sample in seconds; None is a round.
        across_runs
            Runs from one vantage to one target are one series.
        changes
            For `tn.matchers.RouteChanged`: such as `run.changes`.

        Raises
        ------
        ConfigError
            If a matcher is none, a hop was not probed, or there is no time to cut into steps.
        """
        return alerts(self.tables, matchers, ttl=ttl, step_s=step_s, across_runs=across_runs, changes=changes)

    def save(self, path: str | Path) -> Path:
        """Write everything to one Parquet file of probes, which any tool can read.

        The file appears whole or not at all; an existing one is replaced.
        """
        write_tables(self.tables, path)
        return Path(path)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the probes to any Arrow library (pyarrow, polars, duckdb, ...) without a copy."""
        return self.tables.__arrow_c_stream__(requested_schema)
