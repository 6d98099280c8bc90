"""What travels to the browser: probes as columns of bytes, the rest as plain JSON.

Little-endian, as every browser's typed arrays are in practice. About 28 bytes a probe.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.frames.schema import HOPS
from trippy_nb.model import Status

if TYPE_CHECKING:
    import networkx as nx

_WIDE = 2**16 - 1
_CODES = {status.word: int(status) for status in Status}

Packed = dict[str, list[Any]]
"""Column name -> [type of the array, its bytes]."""


def _pack(values: Any, dtype: str) -> list[Any]:  # noqa: ANN401 - whatever numpy takes
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
        "round": _pack(probes["round"], "u4"),
        "flow": _pack(probes["flow"], "u2"),
        "ttl": _pack(probes["ttl"], "u1"),
        "status": _pack(probes["status"].astype("str").map(_CODES), "u1"),
        "addr": _pack(np.where(codes < 0, none, codes), "u4" if wide else "u2"),
        "rtt": _pack(probes["rtt_ms"].to_numpy(dtype=np.float64, na_value=np.nan), "f8"),
        "at": _pack(at, "f8"),
    }


def time_axis(probes: pd.DataFrame) -> tuple[dict[str, Any], "np.typing.NDArray[np.float64]"]:
    """Place probes in time: seconds since the first was sent, or the round where no time is known.

    Returns
    -------
    axis
        `kind` (``time`` or ``round``), `origin` (ISO 8601, or None) and `span` (first and last place).
    at
        Place of each probe; NaN for one without a time among others that have one.
    """
    sent_at = probes["sent_at"]
    if not sent_at.notna().any():
        at = probes["round"].to_numpy(dtype=np.float64)
        return {"kind": "round", "origin": None, "span": _span(at)}, at
    origin = sent_at.min()
    at = (sent_at - origin).dt.total_seconds().to_numpy(dtype=np.float64)
    return {"kind": "time", "origin": origin.isoformat(), "span": _span(at)}, at


def _span(at: "np.typing.NDArray[np.float64]") -> list[float]:
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
        {"a": number[a], "b": number[b], "dashed": data["evidence"] == "positional", "share": data["share"]}
        for a, b, data in graph.edges(data=True)
    ]
    return {"nodes": nodes, "edges": edges, "lanes": round(max(across) - min(across)) + 1}


_SHORT = {"ttl": "Hop", "addr": "Responder"}


def column_labels(names: Iterable[str]) -> dict[str, str]:
    """Headings of HOPS columns; times without their unit, which the table says once."""
    labels = {}
    for name in names:
        known = name in HOPS.names
        labels[name] = _SHORT.get(name) or (HOPS.column(name).label if known else "") or name.capitalize()
    return labels
