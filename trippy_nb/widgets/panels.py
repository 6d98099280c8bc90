"""What the explorer shows along time beside single probes: loss by hop and time, and the paths of flows."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis import loss_raster, ribbon
from trippy_nb.widgets.wire import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trippy_nb.analysis.arrays import Floats
    from trippy_nb.analysis.raster import LossRaster
    from trippy_nb.analysis.ribbon import Ribbon
    from trippy_nb.frames import Tables

    Placed = Callable[[Any], list[float]]

_COLUMNS = 160
"""Stretches of time of the raster: cells of four to eight pixels on a usual page."""
_MOST_NAMED = 8
_MOST_TTLS = 3


def panels_of(
    tables: "Tables",
    axis: "Mapping[str, Any]",
    *,
    epochs: pd.DataFrame,
    changes: pd.DataFrame,
    rounds: "Sequence[int]" = (),
) -> dict[str, Any]:
    """Compute what lies along time, on the axis of the view.

    Parameters
    ----------
    tables
        Tables of one run, or of several that are shown as one.
    axis
        As `wire.time_axis` laid it out.
    epochs, changes
        What `analysis.epochs` and `analysis.path_changes` found in them.
    rounds
        Those of the view, ascending: its axis where no probe has a time.

    Returns
    -------
    panels
        `raster` (`ttls`, `edges`, counts as bytes, a row a TTL) and `ribbon` (`lanes`, `stretches`,
        `changes`, `paths`, `note`), each as plain JSON.
    """
    made = ribbon(tables, found=epochs, changes=changes)

    def placed(places: Any) -> list[float]:  # noqa: ANN401 - whatever numpy takes
        """Put places of `analysis.along` (seconds since 1970, or the place of a round) on the axis."""
        at: Floats = np.asarray(places, dtype=np.float64)
        if axis["kind"] == "time":
            at = at - pd.Timestamp(axis["origin"]).timestamp()
        elif rounds:
            known = np.clip(at.astype(np.int64), 0, len(rounds) - 1)
            at = np.asarray(rounds)[known] + (at - known)
        return at.round(6).tolist()  # type: ignore[no-any-return]  # numpy's tolist is untyped

    return {
        "raster": _raster(loss_raster(tables, columns=_COLUMNS), placed),
        "ribbon": _ribbon(made, epochs, placed),
    }


def _raster(raster: "LossRaster", placed: "Placed") -> dict[str, Any]:
    return {
        "ttls": list(raster.ttls),
        "edges": placed(raster.edges),
        "each": raster.rounds_each,
        "sent": pack(raster.sent.ravel(), "u4"),
        "unanswered": pack(raster.unanswered.ravel(), "u4"),
    }


def _ribbon(ribbon: "Ribbon", epochs: pd.DataFrame, placed: "Placed") -> dict[str, Any]:
    flows = dict(zip(epochs["series"].astype(int), epochs["flow"].astype(int), strict=True))
    alone: dict[int, list[int]] = {}
    for series, lane in ribbon.lanes.items():
        alone.setdefault(lane, []).append(flows[series])
    looks = {letter: number for number, letter in enumerate(ribbon.paths)}
    rows = ribbon.stretches
    once = ribbon.changes.drop_duplicates(["place", "kind"])
    return {
        "lanes": [
            {"name": name, "flow": alone[lane][0] if len(set(alone[lane])) == 1 else None}
            for lane, name in enumerate(ribbon.names)
        ],
        "stretches": [
            {
                "lane": ribbon.lanes[series],
                "letter": letter,
                "look": looks.get(letter),
                "start": start,
                "end": end,
                "standing": standing,
                "n": n,
            }
            for series, letter, start, end, standing, n in zip(
                rows["series"].tolist(),
                rows["letter"].tolist(),
                placed(rows["start"]),
                placed(rows["end"]),
                rows["standing"].tolist(),
                rows["n"].tolist(),
                strict=True,
            )
        ],
        "changes": [
            {"at": at, "words": _change_words(row)}
            for at, row in zip(placed(once["place"]), once.to_dict("records"), strict=True)
        ],
        "paths": _path_words(ribbon),
        "note": _note(ribbon),
    }


def _change_words(change: "Mapping[Any, Any]") -> str:
    first, last = change["first_ttl"], change["last_ttl"]
    if pd.isna(first):
        return str(change["kind"])
    return f"{change['kind']}, hop {first}" if first == last else f"{change['kind']}, hops {first}-{last}"


def _path_words(ribbon: "Ribbon") -> list[dict[str, str]]:
    differing = ribbon.differences
    named = []
    for letter in list(ribbon.paths)[:_MOST_NAMED]:
        words = "; ".join(f"hop {ttl} {ribbon.at(letter, ttl)}" for ttl in differing[:_MOST_TTLS])
        more = f"; {len(differing) - _MOST_TTLS} more hops differ" if len(differing) > _MOST_TTLS else ""
        named.append({"letter": letter, "words": f"{words}{more}" or "the only path"})
    return named


def _note(ribbon: "Ribbon") -> str:
    """Say what the letters leave open."""
    if len(ribbon.stretches) and not ribbon.paths:
        return "no path can be told: a balancer may send each probe another way"
    more = len(ribbon.paths) - _MOST_NAMED
    return f"and {more} more" if more > 0 else ""
