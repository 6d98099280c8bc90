"""How long stopping takes: traces stopped at random moments, in every mode, on the loopback.

`bench_stop.py [TIMES]`. The promise is 250 ms at any moment, beside a computing cell too. A line for each
mode: how often, and milliseconds. Needs root (a namespace of its own, where everything is allowed).
"""

from __future__ import annotations

import random
import shutil
import sys
import threading
from statistics import median
from time import perf_counter

from trippy_nb.capture import Capture
from trippy_nb.errors import PrivilegeError, TrippyError
from trippy_nb.lifetimes import records
from trippy_nb.model import TraceConfig
from trippy_nb.net import LiveNetwork

MODES = {
    "raw ICMP": {"protocol": "icmp", "mode": "raw"},
    "raw UDP": {"protocol": "udp", "mode": "raw"},
    "raw TCP": {"protocol": "tcp", "mode": "raw"},
    "error queue": {"protocol": "udp", "mode": "error-queue"},
    "error queue, a socket a probe": {"protocol": "udp", "mode": "error-queue", "target_port": 33333},
    "datagram ICMP": {"protocol": "icmp", "mode": "datagram"},
    "TCP by connecting": {"protocol": "tcp", "mode": "connect"},
    "mtr-packet": {"protocol": "udp", "mode": "mtr-packet"},
}
LONG = {"rounds": None, "min_round_duration": 0.01, "max_round_duration": 1.0, "grace_duration": 0.01}
LATEST_S = 0.12


def stop_once(options: dict[str, object], address: str, after_s: float) -> float:
    """Start a trace, stop it a little later; how many seconds stopping took."""
    network = LiveNetwork()
    config = TraceConfig.from_options(**(LONG | options))
    (target,) = network.resolve(address, config)
    capture = Capture(target, config, network)
    capture.start()
    threading.Event().wait(after_s)
    begun = perf_counter()
    capture.stop()
    took = perf_counter() - begun
    if any(record.closed_at is None for record in records(capture.collected.run_uuid)):
        raise AssertionError("something is open after stop()")
    capture.wait(0)
    return took


def measure(options: dict[str, object], address: str, times: int, chance: random.Random) -> list[float]:
    """Stop that many traces at random moments; milliseconds, sorted."""
    return sorted(1000 * stop_once(options, address, chance.uniform(0, LATEST_S)) for _ in range(times))


def computing(over: threading.Event) -> None:
    """What a busy cell does to the others: it holds the interpreter lock."""
    while not over.is_set():
        sum(range(2000))


def main() -> int:
    from tunnel import open_ping, run_inside, tunnel

    if "inside" not in sys.argv:
        with tunnel(hops=2, rtt_ms=1) as name:
            open_ping(name)
            run_inside(name, __file__, *sys.argv[1:], "inside")
        return 0
    times = int(sys.argv[1]) if len(sys.argv) > 2 else 40
    addresses = ["127.0.0.1", "::1"]
    chance = random.Random(1)
    slowest = 0.0
    for busy in (False, True):
        over = threading.Event()
        cell = threading.Thread(target=computing, args=(over,))
        if busy:
            cell.start()
        try:
            print("beside a computing thread:" if busy else "alone:")
            for name, options in MODES.items():
                if options["mode"] == "mtr-packet" and not shutil.which("mtr-packet"):
                    continue
                try:
                    took = [ms for address in addresses for ms in measure(options, address, times, chance)]
                except (PrivilegeError, TrippyError) as error:
                    print(f"  {name:30} left out: {error}")
                    continue
                took.sort()
                slowest = max(slowest, took[-1])
                p90 = took[int(0.9 * (len(took) - 1))]
                how = f"median {median(took):6.1f}  p90 {p90:6.1f}  max {took[-1]:6.1f} ms"
                print(f"  {name:30} {len(took):4} × {how}")
        finally:
            over.set()
            if busy:
                cell.join()
    print(f"slowest {slowest:.1f} ms of 250")
    return int(slowest > 250)


if __name__ == "__main__":
    sys.exit(main())
