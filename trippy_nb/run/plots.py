"""The pictures of a run, one line each: docs/plots.md shows them, and how to read them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from trippy_nb.analysis import (
    answered_shares,
    flow_bands,
    ground,
    latency,
    loss_raster,
    ribbon,
    ridges,
    smoke,
    timeline,
)
from trippy_nb.errors import ConfigError
from trippy_nb.model import is_number
from trippy_nb.run.one import exchange_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from trippy_nb.analysis.latencies.light import Place
    from trippy_nb.run.runs import Run


class RunPlots:
    """The pictures of one run.

    Each is drawn on `ax`, whose background decides between light and dark, or on Axes of its own.
    """

    def __init__(self, run: "Run") -> None:
        self._run = run

    def graph(
        self,
        *,
        direction: Literal["down", "across"] = "down",
        colour: Literal["rtt", "loss"] = "rtt",
        asns: "Mapping[str, Any] | pd.Series | None" = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw the hop graph.

        Parameters
        ----------
        direction
            Where TTLs grow: ``down`` the page, or ``across`` it.
        colour
            What the fill of a node says: ``rtt``, the median, or ``loss``, the share unanswered.
        asns
            Autonomous system of each address, a dict or a Series, for bands behind the nodes.
        ax
            Where to draw.

        Raises
        ------
        ConfigError
            If `direction` or `colour` is something else.
        """
        from trippy_nb.plots import plot_graph

        return plot_graph(self._run.graph(), direction=direction, colour=colour, asns=asns, ax=ax)

    def latency(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the distribution of round-trip times of each hop."""
        from trippy_nb.plots import plot_latency

        return plot_latency(self._run.tables, ax=ax)

    def timeline(self, ttl: int | Iterable[int] | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """Draw RTTs over time, of the target or of some hops, with levels and changes of path.

        Parameters
        ----------
        ttl
            Hops to draw; by default the target, at whatever TTL it is, or else the farthest responder.
        ax
            Where to draw.

        Raises
        ------
        ConfigError
            If `ttl` names a hop that was not probed.
        """
        from trippy_nb.plots import plot_timeline

        run = self._run
        made = timeline(run.tables, ttl=ttl, rtt_changes=run.rtt_changes, changes=run.changes)
        return plot_timeline(made, ax=ax)

    def loss(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the share of probes that nobody answered, by hop and time."""
        from trippy_nb.plots import plot_loss

        return plot_loss(loss_raster(self._run.tables), ax=ax)

    def paths(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw which path each flow took over time: a lane a flow, a letter a path."""
        from trippy_nb.plots import plot_paths

        run = self._run
        return plot_paths(ribbon(run.tables, found=run.epochs, changes=run.changes), ax=ax)

    def flows(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the ways that flows go: a column a TTL, a bar a responder, a band all flows of one way."""
        from trippy_nb.plots import plot_flows

        return plot_flows(flow_bands(self._run.tables), ax=ax)

    def distribution(
        self,
        kind: Literal["ridge", "ecdf", "smoke", "box"] = "ridge",
        ttl: int | Iterable[int] | None = None,
        *,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw how RTTs are distributed.

        Parameters
        ----------
        kind
            ``ridge``: the density of each hop; ``ecdf``: the share answered within each RTT; ``smoke``: bands
            around the median of one hop as time goes by; ``box``: every answer, quartiles and whiskers.
        ttl
            Hops to draw; all by default, or the farthest that answered for ``smoke``.
        ax
            Where to draw.

        Raises
        ------
        ConfigError
            If there is no such kind or hop, or smoke is asked for of several hops, or without times.
        """
        from trippy_nb.plots import plot_answered_shares, plot_latency, plot_ridges, plot_smoke

        tables = self._run.tables
        match kind:
            case "ridge":
                return plot_ridges(ridges(tables, ttl=ttl), ax=ax)
            case "ecdf":
                return plot_answered_shares(answered_shares(tables, ttl=ttl), ax=ax)
            case "smoke" if ttl is None or is_number(ttl, whole=True):
                return plot_smoke(smoke(tables, ttl=None if ttl is None else int(ttl)), ax=ax)
            case "box":
                return plot_latency(latency(tables, ttl=ttl), ax=ax)
            case "smoke":
                raise ConfigError(f"ttl={ttl}: smoke is of one hop")
        raise ConfigError(f"kind={kind!r}: a distribution is drawn as ridge, ecdf, smoke or box")

    def discovery(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw how many flows were asked at each node against its stopping point, and what may be hidden."""
        from trippy_nb.plots import plot_discovery

        return plot_discovery(self._run.discovery, ax=ax)

    def map(self, positions: "Mapping[str, Place] | pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
        """Draw the ways that flows go over a map.

        Parameters
        ----------
        positions
            Latitude and longitude by address, and of the source as ``"source"``; or a frame with the columns
            `addr`, `lat` and `lon`. No position is looked up or guessed.
        ax
            Where to draw.

        Raises
        ------
        ConfigError
            If a position is none, or the frame lacks a column.
        """
        from trippy_nb.plots import plot_map

        return plot_map(ground(self._run.tables, positions), ax=ax)

    def packet(
        self,
        row: "pd.Series | int | None" = None,
        number: int | None = None,
        *,
        ttl: int | None = None,
        round: int = 0,  # noqa: A002 - the column is called round
        flow: int = 0,
        attempt: int = 0,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw a packet as RFCs do: rows of 32 bits, every field as wide as it is long.

        Parameters
        ----------
        row, ttl, round, flow, attempt
            Which probe, as :meth:`Run.lens` takes it.
        number
            Which of its packets: 0 is the probe, 1 the first answer. By default the answer, if there is one.
        ax
            Where to draw.

        Raises
        ------
        ConfigError
            If there is no such probe or packet, or its packets were not kept.
        """
        from trippy_nb.plots import plot_packet

        tables = self._run.tables
        found = exchange_of(tables, row, ttl=ttl, round_=round, flow=flow, attempt=attempt)
        return plot_packet(found, number, ax=ax)

    def handles(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw which handles the run held, from opening to closing."""
        from trippy_nb.plots import plot_handles

        return plot_handles(self._run.handles, ax=ax)
