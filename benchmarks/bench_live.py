"""What the live view costs: time and bytes of a look, as the trace grows longer.

Run: python benchmarks/bench_live.py [rounds ...]

The built-in internet's `thirty-hops` is traced, a round a second of virtual time; after each round a view is
shown what is there, as `tn.live` does, with a comm that only counts. Printed for the last 20 looks: processor
time, bytes to the browser, and how often the view is brought up to date if that may cost a tenth of a
processor (`widgets.pump`). The yardstick for the bytes is a snapshot of all, as many widgets send.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import comm

import trippy_nb as tn
from trippy_nb.widgets import LiveView

SHARE, LEAST_S = 10, 0.2
LAST = 20


class Counter(comm.base_comm.BaseComm):
    """A comm that leads nowhere."""

    n_bytes = 0

    def publish_msg(self, _msg_type, data=None, *_metadata, buffers=None, **_keys) -> None:
        Counter.n_bytes += len(repr(data)) + sum(len(part) for part in buffers or [])


def looks(rounds: int) -> tuple[list[float], list[int], int]:
    """Trace, and return seconds and bytes of each look, and the bytes of everything at the end."""
    nothing: Any = lambda *_: None  # noqa: E731 - nobody presses a button
    view = LiveView("target.example", {}, on_start=nothing, on_stop=nothing)
    took, sent = [], []

    def after(run: tn.Run) -> None:
        tables = run.tables
        n_bytes, begin = Counter.n_bytes, time.thread_time()
        view.show(tables, {})
        took.append(time.thread_time() - begin)
        sent.append(Counter.n_bytes - n_bytes)

    network = tn.sim.load("thirty-hops")
    target = network.scenario.targets[0].name
    options = {"rounds": rounds, "max_samples": rounds, "dns": False, "progress": False}
    run = tn.trace(target, network=network, on_round=after, **options)
    n_bytes = Counter.n_bytes
    view.snapshot()
    view.show(run.tables, {})
    whole = Counter.n_bytes - n_bytes
    view.close()
    return took, sent, whole


def main() -> None:
    comm.create_comm = Counter
    print("rounds   hops x rounds   a look     bytes of a look   of everything   looks a second")
    for rounds in [int(word) for word in sys.argv[1:]] or [30, 256, 1000]:
        took, sent, whole = looks(rounds)
        look_s, n_bytes = statistics.median(took[-LAST:]), statistics.median(sent[-LAST:])
        print(
            f"{rounds:6}   {30 * rounds:13,}   {1000 * look_s:5.1f} ms   {n_bytes:15,.0f}   {whole:13,}   "
            f"{1 / max(LEAST_S, SHARE * look_s):14.1f}"
        )


if __name__ == "__main__":
    main()
