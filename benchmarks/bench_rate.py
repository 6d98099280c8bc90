"""Probes a second through the error queue: the channel alone, and 20 sessions with strategy and recorder.

Every probe is answered by kernel routers in namespaces of our own, and read. Needs root for the namespaces;
the sockets need no privilege. Goals: 20,000 on one core alone, 8,000 together. On a busy machine the
figures per second of CPU say more than those per second.
"""

import subprocess
import sys
import time
from pathlib import Path

from trippy_nb.capture import Capture, make_plan
from trippy_nb.lifetimes import Vault
from trippy_nb.model import Probe, Reply, TraceConfig
from trippy_nb.net import LiveNetwork

_SECONDS, _WINDOW, _SESSIONS, _ROUTERS = 3.0, 64, 20, 12
_UUID = "11111111-2222-4333-8444-555555555555"


def _alone(addr: str) -> None:
    network = LiveNetwork()
    config = TraceConfig.from_options(protocol="udp", mode="error-queue")
    (target,) = network.resolve(addr, config)
    with Vault(_UUID) as vault:
        plan = make_plan(target, config, network.choose(target, config), run_uuid=_UUID)
        channel = network.open(plan, vault)
        key = answered = 0
        begun, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - begun < _SECONDS:
            numbers = range(key, key + _WINDOW)
            channel.send(
                [
                    Probe(i, 0, 0, 1, 0, 33434 + i % 20_000, plan.sport or 0, 33434 + i % 20_000)
                    for i in numbers
                ]
            )
            key += _WINDOW
            answered += sum(isinstance(arrival, Reply) for arrival in channel.receive(0))
        took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(
        f"alone: {answered / took:8.0f} probes/s answered of {key / took:.0f} sent, "
        f"{answered / cpu:.0f} per second of CPU: {answered / took / 20_000:.2f} of the goal"
    )


def _together(addr: str) -> None:
    network = LiveNetwork()
    config = TraceConfig.from_options(
        protocol="udp",
        mode="error-queue",
        rounds=None,
        duration=_SECONDS,
        dns=False,
        min_round_duration=0.0,
        grace_duration=0.01,
        keep_packets=False,
    )
    (target,) = network.resolve(addr, config)
    captures = [Capture(target, config, network) for _ in range(_SESSIONS)]
    begun, cpu = time.perf_counter(), time.process_time()
    for capture in captures:
        capture.start()
    for capture in captures:
        capture.wait()
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    sent = sum(capture.collected.probes_sent for capture in captures)
    lost = sum((capture.collected.tables().probes["status"] == "timeout").sum() for capture in captures)
    print(
        f"{_SESSIONS} sessions: {sent / took:.0f} probes/s, {sent / cpu:.0f} per second of CPU, "
        f"{lost} time-outs: {sent / took / 8_000:.2f} of the goal"
    )


def main() -> None:
    if sys.argv[1:2] == ["inside"]:
        _alone(sys.argv[2])
        _together(sys.argv[2])
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.net.kernel_net import kernel_net

    with kernel_net("tnrate", routers=_ROUTERS) as net:
        command = ["ip", "netns", "exec", net.source, sys.executable, __file__, "inside", net.target_addr(4)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
