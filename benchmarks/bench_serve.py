"""What serving the built-in internet on a TUN device adds: to RTTs, and in CPU time a packet (Linux, root).

RTTs of our own tracer over the device, less those of the network itself, which are constant; first alone,
then beside a program that sends 2,000 packets a second. What one core carries follows from the CPU time.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import trippy_nb as tn
from tests.netns.serving import TARGET, Served, served

ROUNDS = 20
PACKETS = 20_000
RATE = 2_000
FLOOD = f"""
import socket, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_IP, socket.IP_TTL, 2)
began = time.monotonic()
for number in range({PACKETS}):
    sock.sendto(bytes(40), ("{TARGET[4]}", 33434 + number % 1000))
    late = began + number / {RATE} - time.monotonic()
    if late > 0.001:
        time.sleep(late)
"""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def server_pid(it: Served) -> int:
    words = ["ip", "netns", "pids", it.namespace]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()[0])


def added_us(it: Served) -> list[float]:
    (path,) = tn.sim.load(it.scenario).truth.paths_to(TARGET[4])
    true_ms = {hop.ttl: hop.best_ms for hop in path.hops}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.parquet"
        words = ("trace", TARGET[4], "-p", "udp", "-C", str(ROUNDS), "-i", "100ms", "-m", "silent")
        it.run(sys.executable, "-m", "trippy_nb", *words, "--save", str(file))
        probes = tn.read(file).one().probes
        probes = probes[probes["status"] == "reply"]
    return [1000 * (rtt - true_ms[ttl]) for rtt, ttl in zip(probes["rtt_ms"], probes["ttl"], strict=True)]


def show(name: str, added: list[float]) -> None:
    cuts = statistics.quantiles(added, n=100)
    print(f"{name:28} added RTT {cuts[49]:7.0f} us median  {cuts[94]:7.0f} us 95 %  {len(added)} probes")


def main() -> None:
    with served("narrow-link") as it:
        show("alone", added_us(it))
        pid = server_pid(it)
        before = cpu_s(pid)
        flood = subprocess.Popen(it.command(sys.executable, "-c", FLOOD))
        added = added_us(it)
        flood.wait()
        used = cpu_s(pid) - before
        show(f"beside {RATE:,} packets/s", added)
        cost = used / PACKETS * 1e6
        print(f"{'server':28} {cost:.0f} us of CPU a packet: one core carries {1e6 / cost:,.0f} packets/s")


if __name__ == "__main__":
    main()
