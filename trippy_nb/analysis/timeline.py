"""What a picture of RTTs over time needs: every probe in its place, levels, and changes of path."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.along import Along, along_of
from trippy_nb.analysis.arrays import Bools, probe_arrays, spread
from trippy_nb.analysis.cells import cells_of
from trippy_nb.analysis.latency import check_hops
from trippy_nb.model import Status

if TYPE_CHECKING:
    from trippy_nb.analysis.arrays import Probes
    from trippy_nb.frames import Tables


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The RTTs of some hops over time. Places are those of :class:`trippy_nb.analysis.along.Along`."""

    probes: pd.DataFrame
    """One row a probe whose fate is known: `ttl`, `addr`, `fate` (reply, late, timeout), `place`,
    `rtt_ms`."""
    levels: pd.DataFrame
    """One row for each stretch between changes in RTT: `ttl`, `addr`, `start`, `end`, `level_ms`."""
    shifts: pd.DataFrame
    """One row for each change in RTT of a hop: `ttl`, `place`, `level_ms` (after it), `shift_ms`."""
    breaks: pd.DataFrame
    """One row for each change of path: `place`, `kind`, `first_ttl`, `last_ttl`."""
    is_timed: bool
    """Places are seconds since 1970; else rounds."""
    about: str
    """``target``; ``last``: the farthest responder, as the target never answered; ``nobody``: the first hop,
    as nobody ever answered; ``asked``."""
    left_out: int
    """Probes of these hops of which nobody knows when they were sent."""

    @property
    def ttls(self) -> list[int]:
        """The hops, nearest first."""
        return sorted({int(ttl) for ttl in self.probes["ttl"]})


def timeline(
    tables: "Tables",
    *,
    ttl: int | Iterable[int] | None = None,
    rtt_changes: pd.DataFrame | None = None,
    changes: pd.DataFrame | None = None,
) -> Timeline:
    """Lay out the RTTs of the target, or of some hops, over time.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    ttl
        Hops to show; by default the target, at whatever TTL it is, or else the farthest responder, or the
        first hop.
    rtt_changes, changes
        What `analysis.rtt_changes` and `analysis.path_changes` found, if it shall be shown.

    Raises
    ------
    ConfigError
        If `ttl` names a hop that was not probed, or none at all.
    """
    probes = probe_arrays(tables)
    along = along_of(tables)
    wanted, about = _wanted(probes, ttl)
    rows = np.flatnonzero(wanted & probes.settled)
    frame = tables.probes.take(rows if probes.order is None else probes.order[rows])
    status = frame["status"].astype("str").to_numpy()
    shown = pd.DataFrame(
        {
            "ttl": frame["ttl"].to_numpy(dtype=np.int64),
            "addr": frame["addr"].astype("str").to_numpy(),
            "fate": status,
            "place": along.places(frame, "sent_at"),
            "rtt_ms": np.where(
                status == Status.TIMEOUT.word, np.nan, frame["rtt_ms"].to_numpy(np.float64, na_value=np.nan)
            ),
        }
    )
    lost = shown["place"].isna()
    shown = shown.loc[~lost].reset_index(drop=True)
    levels, shifts = _levels(rtt_changes, along, shown)
    return Timeline(
        shown, levels, shifts, _breaks(changes, along), along.is_timed, about, left_out=int(lost.sum())
    )


def _wanted(probes: "Probes", ttl: int | Iterable[int] | None) -> tuple[Bools, str]:
    """Choose probes, and say what they are about."""
    if ttl is not None:
        return np.isin(probes.ttl, check_hops(ttl, set(np.unique(probes.ttl).tolist()))), "asked"
    if not len(probes.ttl):
        return np.zeros(0, dtype=np.bool_), "target"
    cells = cells_of(probes)
    if cells.reached.any():
        at_target = cells.reached & (cells.ttl == cells.end)
        return spread(at_target, cells.starts, len(probes.ttl)), "target"
    if not probes.answered.any():
        return probes.ttl == probes.ttl.min(), "nobody"
    return probes.ttl == probes.ttl[probes.answered].max(), "last"


def _levels(
    found: pd.DataFrame | None, along: Along, shown: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make stretches of constant level of the changes between them."""
    levels: list[tuple[int, str, float, float, float]] = []
    shifts: list[list[float]] = []
    ttls = {int(ttl) for ttl in shown["ttl"]}
    if found is not None and len(found) and len(shown):
        begin, end = float(shown["place"].min()), float(shown["place"].max())
        mine = found.assign(place=along.places(found, "at"), addr=found["addr"].astype("str"))
        mine = mine.loc[mine["ttl"].isin(ttls)].sort_values("place", kind="stable")
        groups: Any = mine.groupby(["series", "ttl", "addr"], dropna=False, sort=True)
        for (_, ttl, addr), group in groups:
            edges = [begin, *group["place"], end]
            heights = [float(group["before_ms"].iloc[0]), *group["after_ms"]]
            levels += [(int(ttl), addr, edges[i], edges[i + 1], height) for i, height in enumerate(heights)]
        shifts = mine[["event", "ttl", "place", "after_ms", "shift_ms"]].to_numpy(dtype=np.float64).tolist()
    once = pd.DataFrame(shifts, columns=["event", "ttl", "place", "level_ms", "shift_ms"])
    order = once["shift_ms"].abs().sort_values(ascending=False, kind="stable").index
    once = once.loc[order].drop_duplicates(["event", "ttl"]).sort_values(["place", "ttl"], kind="stable")
    return (
        pd.DataFrame(levels, columns=["ttl", "addr", "start", "end", "level_ms"]),
        once.drop(columns="event").reset_index(drop=True),
    )


def _breaks(changes: pd.DataFrame | None, along: Along) -> pd.DataFrame:
    """List each change of path once, however many flows showed it."""
    if changes is None:
        return pd.DataFrame(columns=["place", "kind", "first_ttl", "last_ttl"])
    once = changes.drop_duplicates("event")
    return pd.DataFrame(
        {
            "place": along.places(once, "at"),
            "kind": once["kind"].astype("str").to_numpy(),
            "first_ttl": once["first_ttl"].to_numpy(),
            "last_ttl": once["last_ttl"].to_numpy(),
        }
    ).dropna(subset="place")
