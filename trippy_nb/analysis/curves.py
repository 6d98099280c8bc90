"""What pictures of distributions need: ridges, shares and smoke, hop by hop."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.hops import probes_in_view
from trippy_nb.analysis.latencies import densities, ecdf, quantile_bands
from trippy_nb.analysis.latency import latency
from trippy_nb.model import Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

Addrs = dict[int, tuple[str, ...]]
"""Who answered at each TTL, most frequent first; nobody at a silent one."""


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """One curve a hop, all flows and runs taken together."""

    hops: pd.DataFrame
    """One row a TTL: `ttl`, `n` (answers with an RTT), `loss_ratio`, `p50_ms`."""
    addrs: Addrs
    points: pd.DataFrame
    """One row a point, in order: `ttl`, `rtt_ms`, `height`."""


@dataclass(frozen=True, slots=True, eq=False)
class Smoke:
    """How the RTTs of one hop lie around their median as time goes by."""

    ttl: int
    addrs: tuple[str, ...]
    bands: pd.DataFrame
    """As `analysis.quantile_bands` has them: rows of one hop."""


def ridges(tables: "Tables", *, ttl: int | Iterable[int] | None = None) -> Curves:
    """Return the density of the RTTs of each hop, its peak at 1; NaN where a sample has none.

    Raises
    ------
    ConfigError
        If `ttl` names a hop that the hop table does not have, or none.
    """
    hops, addrs = _hops(tables, ttl)
    found = _points(densities(tables, by=("ttl",)), hops, "density_per_ms")
    found["height"] /= found.groupby("ttl")["height"].transform("max")
    return Curves(hops, addrs, found)


def answered_shares(tables: "Tables", *, ttl: int | Iterable[int] | None = None) -> Curves:
    """Return the share of the probes of each hop that were answered up to each RTT.

    It ends at the share that was answered at all. (An answer without an RTT counts as if it had one.)

    Raises
    ------
    ConfigError
        If `ttl` names a hop that the hop table does not have, or none.
    """
    hops, addrs = _hops(tables, ttl)
    found = _points(ecdf(tables, by=("ttl",)), hops, "share")
    answered = found["ttl"].map(dict(zip(hops["ttl"], 1 - hops["loss_ratio"], strict=True)))
    return Curves(hops, addrs, found.assign(height=found["height"] * answered.astype("float64")))


def smoke(tables: "Tables", *, ttl: int | None = None, bin_s: float | None = None) -> Smoke:
    """Return bands of quantiles over time of one hop: by default the farthest that answered.

    Raises
    ------
    ConfigError
        If the hop table does not have the hop, or no probe has a time of sending.
    """
    hops, addrs = _hops(tables, ttl)
    timed = hops.loc[hops["n"] > 0, "ttl"]
    one = int(timed.max()) if len(timed) else int(hops["ttl"].max()) if len(hops) else 0
    bands = quantile_bands(tables, by=("ttl",), bin_s=bin_s)
    mine = bands.loc[(bands["ttl"] == one).fillna(value=False).astype(bool)]
    return Smoke(one, addrs.get(one, ()), mine.reset_index(drop=True))


def responders(frame: pd.DataFrame) -> Addrs:
    """List who answered these probes, by TTL."""
    found: dict[int, list[tuple[int, str]]] = {int(ttl): [] for ttl in np.unique(frame["ttl"])}
    answered = frame.loc[frame["addr"].notna() & (frame["status"] != Status.TIMEOUT.word)]
    counts: Any = answered.groupby(["ttl", "addr"], observed=True).size().items()
    for (ttl, addr), count in counts:
        found[int(ttl)].append((-int(count), str(addr)))
    return {ttl: tuple(addr for _, addr in sorted(pairs)) for ttl, pairs in found.items()}


def _hops(tables: "Tables", ttl: int | Iterable[int] | None) -> tuple[pd.DataFrame, Addrs]:
    hops = latency(tables, ttl=ttl).hops[["ttl", "n", "loss_ratio", "p50_ms"]]
    return hops, responders(probes_in_view(tables))


def _points(found: pd.DataFrame, hops: pd.DataFrame, height: str) -> pd.DataFrame:
    points = pd.DataFrame(
        {
            "ttl": found["ttl"].to_numpy(dtype=np.int64, na_value=0),
            "rtt_ms": found["rtt_ms"].to_numpy(dtype=np.float64),
            "height": found[height].to_numpy(dtype=np.float64, na_value=np.nan),
        }
    )
    return points.loc[points["ttl"].isin(hops["ttl"])].reset_index(drop=True)
