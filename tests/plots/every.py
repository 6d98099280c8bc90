"""Every picture there is, each drawn of nothing but the tables of some run: what is added comes in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, tables
from tests.analysis.test_holdings import held
from tests.plots.drawing import odd_runs, timed
from trippy_nb import analysis, plots
from trippy_nb.analysis.lens import packet_alone
from trippy_nb.frames import Tables, handles_frame

ASNS = {a(1): 64496, a(2): 64496, a(10): 64497, TARGET: 64511}


def _compared(made: Tables) -> analysis.ComparisonTables:
    return analysis.compare_tables(made, tables(rounds([a(1), None, a(3), TARGET])))


def _handles(made: Tables) -> Any:
    count = len(made.probes) % 50
    return handles_frame([held(i + 1, i / 10, None if i % 3 else i / 10 + 1) for i in range(count)])


def _placed(made: Tables) -> analysis.Ground:
    """Give two of three responders a place: near each other, at the seam, at a pole."""
    spots = [(50.0, 8.0), (50.0, 8.1), (-17.0, 180.0), (-17.0, -180.0), (90.0, 0.0), (0.0, 0.0)]
    addrs = sorted({str(addr) for addr in made.probes["addr"].dropna()})
    return analysis.ground(made, {addr: spots[i % 6] for i, addr in enumerate(addrs) if i % 3})


def _octets(made: Tables) -> bytes:
    return b"\x45\x00" + bytes(ttl % 256 for ttl in made.probes["ttl"].tolist()[:70])


EVERY: dict[str, Callable[..., Any]] = {
    "plot_answered_shares": lambda it, **k: plots.plot_answered_shares(analysis.answered_shares(it), **k),
    "plot_comparison": lambda it, **k: plots.plot_comparison(_compared(it), **k),
    "plot_discovery": lambda it, **k: plots.plot_discovery(analysis.discovery(it), **k),
    "plot_flows": lambda it, **k: plots.plot_flows(analysis.flow_bands(it), **k),
    "plot_graph": lambda it, **k: plots.plot_graph(analysis.hop_graph(it), asns=ASNS, **k),
    "plot_handles": lambda it, **k: plots.plot_handles(_handles(it), **k),
    "plot_latency": lambda it, **k: plots.plot_latency(analysis.latency(it), **k),
    "plot_loss": lambda it, **k: plots.plot_loss(analysis.loss_raster(it), **k),
    "plot_map": lambda it, **k: plots.plot_map(_placed(it), **k),
    "plot_packet": lambda it, **k: plots.plot_packet(packet_alone(_octets(it)), **k),
    "plot_paths": lambda it, **k: plots.plot_paths(analysis.ribbon(it), **k),
    "plot_ridges": lambda it, **k: plots.plot_ridges(analysis.ridges(it), **k),
    "plot_smoke": lambda it, **k: plots.plot_smoke(analysis.smoke(timed(it)), **k),
    "plot_timeline": lambda it, **k: plots.plot_timeline(analysis.timeline(it), **k),
}


def oddest_runs() -> dict[str, Tables]:
    """Odd runs, and those that are odd by their number."""
    ways = [[a(1), a(2 + flow % 8), None if flow % 5 == 0 else a(100 + flow), TARGET] for flow in range(64)]
    flows: list[Row] = [row for flow, way in enumerate(ways) for row in rounds(way, flow=flow)]
    gaps = [probe(0, ttl, a(ttl), flow=flow) for flow in range(3) for ttl in (1 + flow, 5 + 2 * flow)]
    two = [row for run_id in (0, 1) for row in rounds([a(1), a(2), TARGET], run_id=run_id)]
    return odd_runs() | {
        "64 flows": tables(flows),
        "gaps": tables(gaps),
        "two runs": tables(two),
        "in flight": tables([probe(0, 1, None, status="in_flight"), probe(0, 2, None, status="not_sent")]),
    }
