"""How long every picture takes, of 30 hops and 1,000 rounds: the goal is 300 ms of this process.

Run: python benchmarks/bench_plots.py [hops] [rounds]

Numbers (what `analysis` makes) and picture (drawing, layout and the PNG a notebook shows) apart, in process
time, the median of five; the first picture, which fills the font cache, is left out.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import trippy_nb as tn
from benchmarks.made import made_run
from tests.plots.test_handles import SEVEN
from trippy_nb import analysis, plots
from trippy_nb.analysis.lens import exchange
from trippy_nb.frames import handles_frame

if TYPE_CHECKING:
    from collections.abc import Callable

GOAL_MS = 300
TIMES = 5
PLACES = [(52.5, 13.4), (50.1, 8.7), (51.5, -0.1), (40.7, -74.0), (37.4, -122.1), (35.7, 139.7)]


def pictures(run: tn.Run) -> dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]]:
    it = run.tables
    half = run.probes["round"].max() // 2
    one, two = run.where(round=range(half)).tables, run.where(round=range(half, 2 * half)).tables
    places = {f"10.0.0.{ttl}": PLACES[ttl % 6] for ttl in range(1, 31, 2)}
    packet = tn.trace(
        "target.example", network=tn.sim.load("case-15-nat-kept"), rounds=1, protocol="udp"
    ).tables
    return {
        "answered shares": (lambda: analysis.answered_shares(it), plots.plot_answered_shares),
        "comparison": (lambda: analysis.compare_tables(one, two), plots.plot_comparison),
        "discovery": (lambda: analysis.discovery(it), plots.plot_discovery),
        "flows": (lambda: analysis.flow_bands(it), plots.plot_flows),
        "graph": (lambda: analysis.hop_graph(it), plots.plot_graph),
        "graph across": (
            lambda: analysis.hop_graph(it),
            lambda graph: plots.plot_graph(graph, direction="across", asns={"10.0.0.3": 64496}),
        ),
        "handles": (lambda: handles_frame(SEVEN), plots.plot_handles),
        "latency": (lambda: analysis.latency(it), plots.plot_latency),
        "loss": (lambda: analysis.loss_raster(it), plots.plot_loss),
        "map": (lambda: analysis.ground(it, places), plots.plot_map),
        "packet": (lambda: exchange(packet, ttl=4), plots.plot_packet),
        "paths": (lambda: analysis.ribbon(it), plots.plot_paths),
        "ridges": (lambda: analysis.ridges(it), plots.plot_ridges),
        "smoke": (lambda: analysis.smoke(it), plots.plot_smoke),
        "timeline": (lambda: analysis.timeline(it), plots.plot_timeline),
        "timeline, 3 hops": (lambda: analysis.timeline(it, ttl=[3, 9, 15]), plots.plot_timeline),
    }


def took_ms(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = process_time()
    result = work()
    return 1000 * (process_time() - begin), result


def main() -> None:
    hops, rounds = (int(word) for word in (*sys.argv[1:], "30", "1000")[:2])
    run = made_run(hops, rounds)
    plots.save_figure(plots.plot_handles(handles_frame(SEVEN)), BytesIO())  # fonts
    print(f"{hops} hops x {rounds:,} rounds, ms of process time, median of {TIMES}; the goal is {GOAL_MS}")
    empty = median(took_ms(lambda: plots.save_figure(plots.new_axes(8.4, 4), BytesIO()))[0] for _ in range(9))
    print(f"empty Axes as a PNG take {empty:.0f} ms here and now: `x` is how many of them a picture takes")
    print(f"{'':18}{'numbers':>9}{'draw':>9}{'PNG':>9}{'all':>9}{'x':>7}")
    for name, (numbers, draw) in pictures(run).items():
        parts: list[tuple[float, float, float]] = []
        for _ in range(TIMES):
            first_ms, found = took_ms(numbers)
            second_ms, ax = took_ms(lambda draw=draw, found=found: draw(found))
            third_ms, _ = took_ms(lambda ax=ax: plots.save_figure(ax, BytesIO()))
            parts.append((first_ms, second_ms, third_ms))
        each = [median(part[i] for part in parts) for i in range(3)]
        whole = median(sum(part) for part in parts)
        over = f"   {whole / GOAL_MS:.1f} x the goal" if whole > GOAL_MS else ""
        print(
            f"{name:18}{each[0]:9.0f}{each[1]:9.0f}{each[2]:9.0f}{whole:9.0f}{whole / empty:7.1f}{over}",
            flush=True,
        )


if __name__ == "__main__":
    main()
