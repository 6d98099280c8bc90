"""What a picture of the latency of each hop needs: quantiles, loss, and every single answer."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trippy_nb.analysis.hops import probes_in_view
from trippy_nb.errors import ConfigError
from trippy_nb.model import SETTLED, Status, is_number

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_QUANTILES = {"p05_ms": 0.05, "p25_ms": 0.25, "p50_ms": 0.50, "p75_ms": 0.75, "p95_ms": 0.95}


def check_hops(ttl: object, there: AbstractSet[int]) -> list[int]:
    """Check that somebody asks for hops that there are, one or several; return them, nearest first."""
    given = list(ttl) if isinstance(ttl, Iterable) and not isinstance(ttl, str) else [ttl]
    asked = [int(one) for one in given if is_number(one, whole=True)]
    if not asked or len(asked) < len(given) or not set(asked) <= there:
        words = f"{min(there)} to {max(there)}" if there else "none"
        raise ConfigError(f"ttl={ttl!r}: give one or more of the hops that were probed ({words})")
    return sorted(set(asked))


@dataclass(frozen=True, slots=True, eq=False)
class Latency:
    """The latency of each TTL, over all runs given."""

    hops: pd.DataFrame
    """One row a TTL: `ttl`, `n` (answers with an RTT), `loss_ratio` (missing if no fate is known),
    `p05_ms`, `p25_ms`, `p50_ms`, `p75_ms`, `p95_ms` (linear interpolation; missing without answers)."""
    answers: pd.DataFrame
    """One row an answer with an RTT, in order: `ttl`, `place` (0 to 1: where it stands among the answers
    of its TTL, in order of sending), `rtt_ms`, `late`."""


def latency(tables: "Tables", *, ttl: int | Iterable[int] | None = None) -> Latency:
    """Summarise the RTTs of each TTL, or of some; flows and runs are taken together, probe by probe.

    Raises
    ------
    ConfigError
        If `ttl` names a hop that the hop table does not have, or none.
    """
    probes = probes_in_view(tables)
    probes = probes.loc[probes["status"].isin(SETTLED)]
    if ttl is not None:
        probes = probes.loc[probes["ttl"].isin(check_hops(ttl, {int(one) for one in probes["ttl"]}))]
    answered = (probes["status"] != Status.TIMEOUT.word).to_numpy()
    by_ttl = pd.DataFrame({"ttl": probes["ttl"].to_numpy(), "answered": answered}).groupby("ttl")["answered"]
    timed = probes.loc[answered & probes["rtt_ms"].notna().to_numpy()].sort_values("ttl", kind="stable")
    grouped = timed.groupby("ttl", sort=True)["rtt_ms"]
    hops = pd.DataFrame({"loss_ratio": 1 - by_ttl.mean().astype("float64")})
    hops["n"] = grouped.size().reindex(hops.index, fill_value=0)
    for name, q in _QUANTILES.items():
        hops[name] = grouped.quantile(q).reindex(hops.index).astype("float64")
    count = grouped.transform("size").to_numpy(dtype=np.float64)
    order = grouped.cumcount().to_numpy(dtype=np.float64)
    answers = pd.DataFrame(
        {
            "ttl": timed["ttl"].to_numpy(),
            "place": np.where(count > 1, order / np.maximum(count - 1, 1), 0.5),
            "rtt_ms": timed["rtt_ms"].to_numpy(),
            "late": (timed["status"] == Status.LATE.word).to_numpy(),
        }
    )
    return Latency(hops.reset_index()[["ttl", "n", "loss_ratio", *_QUANTILES]], answers)
