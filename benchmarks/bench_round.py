"""How many round-trip times one round costs: 15 hops, the farthest at 100 ms, all answering.

Printed as ratios to the largest RTT, in a quiet process and beside a pure-Python loop in the main
thread (as a notebook cell that computes would be); and how many probes were called a time-out.
Needs root (a namespace and a TUN device of its own).
"""

import statistics
import sys
import threading
import time
from collections.abc import Callable

import trippy_nb as tn

HOPS, RTT_MS, REPEATS = 15, 100.0, 15


def _traced(target: str, options: dict[str, object]) -> tuple[float, int, int]:
    before = time.perf_counter()
    run = tn.trace(target, rounds=1, dns=False, progress=False, **options)
    took = time.perf_counter() - before
    return took, int((run.probes["status"] == "timeout").sum()), int(run.runs["clock_suspect"].iloc[0])


def _count_until(over: Callable[[], bool]) -> float:
    """Compute as a cell would; turns of the loop a second."""
    count, began = 0, time.perf_counter()
    while not over():
        for _ in range(1000):
            count += 1
    return count / (time.perf_counter() - began)


def _busy(target: str, options: dict[str, object]) -> tuple[list[tuple[float, int, int]], float]:
    results: list[tuple[float, int, int]] = []

    def work() -> None:
        results.extend(_traced(target, options) for _ in range(REPEATS))

    worker = threading.Thread(target=work)
    worker.start()
    speed = _count_until(lambda: not worker.is_alive())
    worker.join()
    return results, speed


def _print(name: str, results: list[tuple[float, int, int]], more: str = "") -> None:
    ratios = sorted(took * 1000 / RTT_MS for took, _, _ in results)
    timeouts = sum(row[1] for row in results)
    print(
        f"{name:34s} {statistics.median(ratios):5.3f} RTT median, {ratios[-1]:5.3f} worst of {len(ratios)}; "
        f"{timeouts} false time-outs, {sum(row[2] for row in results)} clocks not believed{more}"
    )


def main() -> None:
    from tunnel import TARGET, open_ping, run_inside, tunnel

    if sys.argv[1:] != ["inside"]:
        with tunnel(hops=HOPS, rtt_ms=RTT_MS) as name:
            open_ping(name)
            run_inside(name, __file__, "inside")
        return
    print("one round over 15 hops, largest RTT 100 ms (goal: 1.15 quiet, 1.5 busy, no false time-out)")
    ends = time.perf_counter() + 1
    alone = _count_until(lambda: time.perf_counter() > ends)
    kinds = (("icmp", False), ("icmp", True), ("udp", False), ("udp", True), ("tcp", True))
    for protocol, unprivileged in kinds:
        for af in (4, 6):
            options: dict[str, object] = {"protocol": protocol, "unprivileged": unprivileged}
            _traced(TARGET[af], options)  # warm
            name = f"{protocol} IPv{af} {'unprivileged' if unprivileged else 'raw'}"
            _print(f"{name}, quiet", [_traced(TARGET[af], options) for _ in range(REPEATS)])
            results, speed = _busy(TARGET[af], options)
            _print(f"{name}, busy", results, f"; the loop runs at {speed / alone:.0%}")


if __name__ == "__main__":
    main()
