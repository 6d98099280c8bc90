"""How far our RTTs are from tcpdump's on the same interface, in microseconds: median and p95.

On a TUN device and on a veth pair, with a quiet main thread and beside a pure-Python loop in it. TCP by
connecting has clocks of its own (docs/modes.md): routers answer by ICMP, a closed port by RST, an open one by
SYN-ACK.
Needs root and tcpdump.
"""

import contextlib
import os
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import trippy_nb as tn

ROUNDS = 60
OPEN = 81
_LISTEN = f"""
import socket
with socket.create_server(("", {OPEN}), backlog=1000) as server:
    print("ready", flush=True)
    while True:
        server.accept()[0].close()
"""
_TCP, _UDP, _SYN, _SYN_ACK_RST = 6, 17, 0x02, 0x16
_PCAP_NS_MAGIC = 0xA1B23C4D
_QUOTED = {"icmp": 6, "udp": 2, "tcp": 0}
"""Where the number of a probe lies in its header."""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def veth() -> Iterator[tuple[str, str]]:
    """Two namespaces and a cable; give the names of both."""
    a, b = f"trippy-bench-a{os.getpid()}", f"trippy-bench-b{os.getpid()}"
    try:
        for name in (a, b):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "path0", "netns", a, "type", "veth", "peer", "name", "path1", "netns", b)
        _ip("-n", a, "addr", "add", "10.202.0.1/24", "dev", "path0")
        _ip("-n", b, "addr", "add", "10.202.0.2/24", "dev", "path1")
        _ip("-n", a, "link", "set", "path0", "up")
        _ip("-n", b, "link", "set", "path1", "up")
        sysctl = ("net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000")
        subprocess.run(["ip", "netns", "exec", b, "sysctl", "-qw", *sysctl], check=False)
        server = subprocess.Popen(
            ["ip", "netns", "exec", b, sys.executable, "-c", _LISTEN], stdout=subprocess.PIPE
        )
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield a, "10.202.0.2"
        finally:
            server.kill()
            server.communicate()
    finally:
        for name in (a, b):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@contextlib.contextmanager
def captured(path: Path) -> Iterator[None]:
    """Run tcpdump on the path's device meanwhile."""
    words = [
        "-i",
        "path0",
        "-n",
        "-Z",
        "root",
        "-B",
        "32768",
        "--time-stamp-precision=nano",
        "-U",
        "-w",
        str(path),
    ]
    dump = subprocess.Popen(["tcpdump", *words, "icmp or udp or tcp"], stderr=subprocess.PIPE)
    assert dump.stderr is not None
    while b"listening" not in dump.stderr.readline():
        pass
    try:
        yield
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            dump.wait(1)  # let the last packets arrive in its buffer
        dump.send_signal(signal.SIGINT)
        dump.communicate()


def _number(protocol: str) -> str:
    return {"icmp": "seq", "udp": "dport", "tcp": "sport"}[protocol]


def _truth(path: Path, protocol: str) -> dict[int, tuple[int, int]]:
    """Read when each probe left and its answer came, by its number; ns."""
    raw = path.read_bytes()
    magic, link = struct.unpack_from("<I", raw)[0], struct.unpack_from("<I", raw, 20)[0]
    assert magic == _PCAP_NS_MAGIC
    skip = 14 if link == 1 else 0
    sent: dict[int, int] = {}
    came: dict[int, int] = {}
    at = 24
    while at < len(raw):
        seconds, ns, size, _ = struct.unpack_from("<IIII", raw, at)
        packet = raw[at + 16 + skip : at + 16 + size]
        at += 16 + size
        stamp = seconds * 10**9 + ns
        body = packet[20:]
        if packet[9] == _UDP:
            sent.setdefault(struct.unpack_from("!H", body, 2)[0], stamp)
        elif packet[9] == _TCP:
            sport, dport = struct.unpack_from("!HH", body)
            if body[13] & _SYN_ACK_RST == _SYN:
                sent.setdefault(sport, stamp)
            elif dport in sent:
                came.setdefault(dport, stamp)
        elif body[0] == 8:
            sent.setdefault(struct.unpack_from("!H", body, 6)[0], stamp)
        elif body[0] == 0:
            came.setdefault(struct.unpack_from("!H", body, 6)[0], stamp)
        elif body[0] in (3, 11):
            came.setdefault(struct.unpack_from("!H", body, 8 + 20 + _QUOTED[protocol])[0], stamp)
    return {key: (sent[key], came[key]) for key in sent if key in came}


def _measure(target: str, options: dict[str, object], *, busy: bool, device: str) -> None:
    protocol = str(options["protocol"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "truth.pcap"
        runs: list[tn.Run] = []

        def work() -> None:
            pace = {"min_round_duration": 0.03, "max_round_duration": 0.03, "grace_duration": 0.01}
            runs.append(tn.trace(target, rounds=ROUNDS, dns=False, progress=False, **options, **pace))

        with captured(path):
            if busy:
                worker = threading.Thread(target=work)
                worker.start()
                count = 0
                while worker.is_alive():
                    for _ in range(1000):
                        count += 1
                worker.join()
            else:
                work()
        truth = _truth(path, protocol)
    probes = runs[0].probes
    probes = probes[probes["rtt_ms"].notna()]
    found = [
        (row.rtt_source, abs(row.rtt_ms * 1000 - (truth[key][1] - truth[key][0]) / 1000))
        for row in probes.itertuples()
        if (key := int(getattr(row, _number(protocol)))) in truth
    ]
    mode = runs[0].runs["mode"].iloc[0]
    for source in sorted({source for source, _ in found}):
        errors = sorted(error for by, error in found if by == source)
        name = f"{device} {protocol} {mode} {options.get('target_port', '')} {'busy' if busy else 'idle'}"
        print(
            f"{name:36s} {source:10s} median {statistics.median(errors):7.1f}  "
            f"p95 {errors[int(0.95 * len(errors))]:7.1f}  max {errors[-1]:8.1f}  n {len(errors)}"
        )


def main() -> None:
    from tunnel import TARGET, open_ping, run_inside, tunnel

    if len(sys.argv) == 1:
        print("RTT against tcpdump, absolute error in us (goals for UDP and ICMP by both kernel stamps:")
        print("TUN 3/12 idle, 5/15 busy; veth 8/20, 10/50; TCP has none)")
        with tunnel(hops=8, rtt_ms=8) as name:
            open_ping(name)
            run_inside(name, __file__, "TUN", TARGET[4])
        with veth() as (name, target):
            open_ping(name)
            run_inside(name, __file__, "veth", target)
        return
    device, target = sys.argv[1:]
    kinds = [{"protocol": p, "unprivileged": u} for p in ("icmp", "udp", "tcp") for u in (False, True)]
    if device == "veth":
        kinds += [dict(kind, target_port=OPEN) for kind in kinds if kind["protocol"] == "tcp"]
    for options in kinds:
        for busy in (False, True):
            _measure(target, options, busy=busy, device=device)


if __name__ == "__main__":
    main()
