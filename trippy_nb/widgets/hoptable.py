"""The hop table of a focus window: what `analysis` computes, packed for the browser.

While the brush moves the browser has only counts, quantiles and loss ratios; everything else is told when it
is let go.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis import hop_table
from trippy_nb.frames import Tables
from trippy_nb.frames.schema import HOPS
from trippy_nb.widgets.wire import pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CHOICES = (
    "sent",
    "recv",
    "late",
    "failed",
    "loss_ratio",
    "last_ms",
    "avg_ms",
    "best_ms",
    "worst_ms",
    "stddev_ms",
    "gmean_ms",
    "mad_ms",
    "jitter_ms",
    "javg_ms",
    "jmax_ms",
    "jinta_ms",
    "p50_ms",
    "p90_ms",
    "p95_ms",
    "p99_ms",
    "forward_loss",
    "backward_loss",
    "n_addrs",
)
"""Columns of HOPS that a table may show: all that are one number a hop, in Trippy's order."""
SHOWN = (
    "loss_ratio",
    "sent",
    "recv",
    "late",
    "last_ms",
    "avg_ms",
    "best_ms",
    "p50_ms",
    "worst_ms",
    "stddev_ms",
)
"""Those of Trippy's default, the median, and late answers, which Trippy counts as lost."""


MOVING = ("sent", "recv", "late", "loss_ratio", "best_ms", "p50_ms", "worst_ms")
"""What the browser alone computes, and Python never tells it. Of others it shows what it can compute (last,
mean, standard deviation) while a brush moves, rows come in or a run is replayed, until Python tells them."""


def told_table(
    hops: pd.DataFrame,
    focus: "Sequence[float]" = (),
    names: "Iterable[str]" = CHOICES,
    *,
    flow: int | None = None,
) -> dict[str, Any]:
    """Pack a hop table.

    Parameters
    ----------
    hops
        HOPS of one run.
    focus
        The window it was computed for.
    names
        Columns to pack, but for those of `MOVING`.
    flow
        The flow it was computed for, if not for all.

    Returns
    -------
    told
        `names` (columns), `ttls` (rows), `values` (packed; one row after the other), `focus`, `flow`.
    """
    names = [name for name in names if name not in MOVING]
    values = hops[names].to_numpy(dtype=np.float64, na_value=np.nan)
    return {
        "names": names,
        "ttls": [int(ttl) for ttl in hops["ttl"]],
        "values": pack(values.ravel(), "f8"),
        "focus": list(focus),
        "flow": flow,
    }


def hops_within(
    tables: Tables,
    at: Any,  # noqa: ANN401 - an array
    focus: "Sequence[float]",
    flow: int | None = None,
) -> pd.DataFrame:
    """Compute the hop table of a focus window, or of what a flow showed in it.

    Parameters
    ----------
    tables
        Tables of one run.
    at
        Place of each of its probes on the time axis.
    focus
        ``[from, to]``, ends included, or empty for all.
    flow
        Number of the flow; None for all.
    """
    if not focus and flow is None:
        return hop_table(tables)
    inside = np.ones(len(tables.probes), dtype=np.bool_)
    if focus:
        inside &= (at >= focus[0]) & (at <= focus[1])
    if flow is not None:
        inside &= (tables.probes["flow"] == flow).to_numpy()
    frames = {table.name: frame for table, frame in tables.items()}
    return hop_table(Tables(**(frames | {"probes": tables.probes[inside]})))


def _choice(name: str) -> dict[str, str]:
    """Name, heading, meaning and kind of number; times without their unit, which the table says once."""
    column = HOPS.column(name)
    kind = "time" if name.endswith("_ms") else "ratio" if name.endswith("_ratio") else "count"
    return {"name": name, "label": column.label, "title": column.meaning, "kind": kind}


HEADINGS = {
    "labels": {"ttl": "Hop", "addr": "Responder"},
    "choices": [_choice(name) for name in CHOICES],
    "moving": list(MOVING),
}
"""What the browser's table says and may show, whatever the run."""
