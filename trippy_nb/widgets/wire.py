"""What travels to the browser: probes as columns of bytes, the rest as plain JSON.

Little-endian, as every browser's typed arrays are in practice. About 28 bytes a probe.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.model import Status

if TYPE_CHECKING:
    import networkx as nx
    from numpy.typing import NDArray

_WIDE = 2**16 - 1
_CODES = {status.word: int(status) for status in Status}

Packed = dict[str, list[Any]]
"""Column name -> [type of the array, its bytes]."""


def pack(values: Any, dtype: str) -> list[Any]:  # noqa: ANN401 - whatever numpy takes
    """Pack numbers of one type: its name and the bytes."""
    return [dtype, np.ascontiguousarray(values, dtype=f"<{dtype}").tobytes()]


def pack_probes(probes: pd.DataFrame, addresses: list[str], at: Any) -> Packed:  # noqa: ANN401 - an array
    """Pack probes for the browser.

    Parameters
    ----------
    probes
        Rows of PROBES.
    addresses
        All responders; a probe holds its responder's place here, or the largest number for none.
    at
        Place of each probe on the time axis.
    """
    wide = len(addresses) >= _WIDE
    codes = pd.Index(addresses, dtype="str").get_indexer(pd.Index(probes["addr"].astype("str")))
    none = np.iinfo(np.uint32 if wide else np.uint16).max
    return {
        "round": pack(probes["round"], "u4"),
        "flow": pack(probes["flow"], "u2"),
        "ttl": pack(probes["ttl"], "u1"),
        "status": pack(probes["status"].astype("str").map(_CODES), "u1"),
        "addr": pack(np.where(codes < 0, none, codes), "u4" if wide else "u2"),
        "rtt": pack(probes["rtt_ms"].to_numpy(dtype=np.float64, na_value=np.nan), "f8"),
        "at": pack(at, "f8"),
    }


def time_axis(
    probes: pd.DataFrame, origin: "pd.Timestamp | None" = None
) -> tuple[dict[str, Any], "NDArray[np.float64]"]:
    """Place probes in time: seconds since the first was sent, or the round where no time is known.

    Parameters
    ----------
    probes
        Rows of PROBES.
    origin
        Where the axis begins, if not with the first probe: the first ones may have been let go of.

    Returns
    -------
    axis
        `kind` (``time`` or ``round``), `origin` (ISO 8601, or None) and `span` (first and last place).
    at
        Place of each probe; NaN for one without a time among others that have one.
    """
    sent_at = probes["sent_at"]
    if not sent_at.notna().any():
        rounds: NDArray[np.float64] = probes["round"].to_numpy(dtype=np.float64)
        return {"kind": "round", "origin": None, "span": _span(rounds)}, rounds
    origin = sent_at.min() if origin is None else origin
    at: NDArray[np.float64] = np.asarray((sent_at - origin).dt.total_seconds(), dtype=np.float64)
    return {"kind": "time", "origin": origin.isoformat(), "span": _span(at)}, at


def places_on(axis: Mapping[str, Any], probes: pd.DataFrame) -> "NDArray[np.float64]":
    """Place other probes of the run on an axis of :func:`time_axis`."""
    if axis["kind"] == "round":
        return probes["round"].to_numpy(dtype=np.float64)
    return time_axis(probes, pd.Timestamp(axis["origin"]))[1]


def _span(at: "NDArray[np.float64]") -> list[float]:
    known = at[~np.isnan(at)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return [low, high if high > low else low + 1.0]


def graph_json(graph: "nx.MultiDiGraph[str]") -> dict[str, Any]:
    """Spell a hop graph of `analysis.hop_graph` for the browser: nodes by number, edges between them."""
    number = {node: i for i, node in enumerate(graph.nodes)}
    across = [data["pos"][1] for _, data in graph.nodes(data=True)] or [0.0]
    nodes = [
        {
            "ttl": min(data["layer"], max(data["ttls"])),  # rows are those of the hop table
            "ttls": list(data["ttls"]),
            "lane": data["pos"][1],
            "kind": data["kind"],
            "addr": data["addr"],
            "label": data["label"],
        }
        for _, data in graph.nodes(data=True)
    ]
    edges = [
        {"a": number[a], "b": number[b], "dashed": data["evidence"] != "flow", "share": data["share"]}
        for a, b, data in graph.edges(data=True)
    ]
    return {"nodes": nodes, "edges": edges, "lanes": round(max(across) - min(across)) + 1}
