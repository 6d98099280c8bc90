"""How long recording and building take, and how much memory a probe and a reply need.

Run: python benchmarks/bench_frames.py
"""

import gc
import statistics
import time
import tracemalloc

from trippy_nb.frames import Recorder
from trippy_nb.frames.records import CHUNK_RECORDS
from trippy_nb.model import (
    ClockSampled,
    Event,
    Match,
    Plan,
    Probe,
    ProbeSent,
    Protocol,
    Quote,
    Reply,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
    SendReceipt,
    SocketMode,
    Stamped,
    Target,
    TraceConfig,
)

HOPS, ROUNDS, REPEATS = 30, 1000, 5
WALL = 1_700_000_000_000_000_000


class StoppedClock:
    def now_ns(self):
        return 10**15

    def sample(self):
        return ClockSampled(0, WALL, 100)


def plan(**options) -> Plan:
    return Plan(
        config=TraceConfig(rounds=ROUNDS, max_ttl=HOPS, **options),
        target=Target("example.com", "198.51.100.9"),
        protocol=Protocol.ICMP,
        mode=SocketMode.RAW,
        reason="benchmark",
        source="192.0.2.2",
        sport=None,
        dport=None,
        trace_id=1,
        secret=bytes(8),
    )


def events(packets: bool) -> list[list[Event]]:
    """Rounds of events: sent, stamped and answered, as the engine makes them (new objects each)."""
    out: list[Event] = []
    rounds: list[list[Event]] = []
    key = 0
    for number in range(ROUNDS):
        out = []
        for ttl in range(1, HOPS + 1):
            before = number * 10**9 + ttl * 1000
            packet = bytes(84) if packets else None
            probe = Probe(key, number, 0, ttl, 0, 33434 + key % 1000, 0, 0)
            out.append(ProbeSent(probe, SendReceipt(key, before, before + 900, 0, packet)))
            out.append(Stamped(key, WALL + before + 300))
            reply = Reply(
                responder=f"10.0.0.{ttl}",
                read_ns=before + 5_000_000,
                kernel_ns=WALL + before + 4_900_000,
                icmp_type=11,
                icmp_code=0,
                quote=quote_of(probe),
                ttl=64,
                size=112,
                tos=0,
                ip_id=key & 0xFFFF,
                packet=bytes(112) if packets else None,
            )
            out.append(ReplyReceived(reply, probe, ReplyKind.FIRST, Match.TOKEN, ttl == HOPS))
            key += 1
        out.append(RoundEnded(number, number * 10**9, (number + 1) * 10**9, HOPS, HOPS))
        rounds.append(out)
    return rounds


def quote_of(probe: Probe) -> Quote:
    """The whole header, as nearly every router returns it today, and nothing rewritten."""
    return Quote(
        src="192.0.2.2",
        dst="198.51.100.9",
        protocol=1,
        ttl=1,
        tos=0,
        length=84,
        ip_id=0,
        dont_fragment=True,
        icmp_id=1,
        icmp_seq=probe.seq,
        checksum=0x1234,
        payload=bytes(56),
    )


def new_recorder(**options) -> Recorder:
    return Recorder(plan(**options), run_uuid="bench", source="live", clock=StoppedClock())


def best(function, repeats=REPEATS) -> float:
    times = []
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def record_all(recorder: Recorder, stream) -> Recorder:
    record = recorder.record
    for part in stream:
        for event in part:
            record(event)
    return recorder


def main() -> None:
    for packets in (False, True):
        measure_times(packets)
    measure_memory()


def measure_times(packets: bool) -> None:
    n = HOPS * ROUNDS
    stream = events(packets)
    seconds = best(lambda: record_all(new_recorder(keep_packets=packets), stream))
    print(f"record sent + stamped + reply, packets {packets}: {seconds / n * 1e6:.2f} us a probe")
    recorder = record_all(new_recorder(keep_packets=packets), stream)
    print(f"build {HOPS} hops x {ROUNDS} rounds, packets {packets}: {best(recorder.tables) * 1e3:.1f} ms")
    times = []
    for _ in range(20):
        start = time.perf_counter()
        recorder.tables()
        times.append(time.perf_counter() - start)
    print(f"  wall: median {statistics.median(times) * 1e3:.1f} ms")


def measure_memory() -> None:
    n = HOPS * ROUNDS
    sent = [[event for event in part if isinstance(event, ProbeSent | Stamped)] for part in events(False)]
    whole = events(False)
    used = []
    for stream in (sent, whole):
        tracemalloc.start()
        recorder = record_all(new_recorder(keep_packets=False), stream)
        used.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        del recorder
    of_probe, of_reply = used[0] / n, (used[1] - used[0]) / n
    print(f"memory: {of_probe:.1f} bytes a probe, {of_reply:.1f} a reply (chunk {CHUNK_RECORDS})")


if __name__ == "__main__":
    main()
