"""What a view of one run is told beside its probes: hops, graph, names, words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trippy_nb.display.words import shown_names
from trippy_nb.widgets.hoptable import HEADINGS
from trippy_nb.widgets.wire import graph_json

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from trippy_nb.display import RunCard
    from trippy_nb.frames import Tables


def run_view(
    tables: "Tables",
    hops: "pd.DataFrame",
    graph: "nx.MultiDiGraph[str]",
    card: "RunCard",
    *,
    axis: Mapping[str, Any],
    addresses: Sequence[str],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """Gather hops, graph and words of one run, as plain JSON; packed probes count in `addresses`."""
    rows, names = hops.sort_values("ttl"), shown_names(names)
    mpls = (stack if isinstance(stack, str) else None for stack in rows["mpls"])
    run = tables.runs.iloc[0]
    source = run["src_addr"] if isinstance(run["src_addr"], str) else run["vantage"]
    ttls = [int(ttl) for ttl in rows["ttl"]]
    target = run["target_ttl"]
    return {
        "title": card.title,
        "verdict": card.verdict,
        "axis": axis,
        "addresses": list(addresses),
        "names": {addr: names[addr] for addr in addresses if addr in names},
        "source": source if isinstance(source, str) else "source",
        "target_ttl": int(target) if str(target).isdigit() and int(target) in ttls else max(ttls, default=0),
        "hops": [
            {"ttl": ttl, "addrs": list(addrs), "mpls": stack}
            for ttl, addrs, stack in zip(ttls, rows["addrs"], mpls, strict=True)
        ],
        "graph": graph_json(graph),
    } | HEADINGS


def responders_of(hops: Iterable[Mapping[str, Any]]) -> dict[int, frozenset[str]]:
    """Tell who answered at each hop of a view."""
    return {hop["ttl"]: frozenset(hop["addrs"]) for hop in hops}


def flows_of(probes: "pd.DataFrame") -> frozenset[int]:
    """Tell which flows were traced."""
    return frozenset(probes["flow"].unique().tolist())
