"""Floods: packets that are all different, made as fast as a test can read them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

from tests.security.forger import exceeded, flipped, patched, whole
from tests.security.wired import read
from tests.tracing.world import MS, START, Player, VirtualClock, make_plan
from trippy_nb import wire
from trippy_nb.frames import Recorder
from trippy_nb.model import Foreign, ForeignSeen, Plan, Probe, Stamped

_PAGE_KB = 4


def resident_kb() -> int:
    """Memory of this process that is in use now (Linux)."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KB


def all_different(plan: Plan, probe: Probe, count: int, addresses: int = 1 << 24) -> Iterator[bytes]:
    """In turn: another run's answer, a second answer to the probe, something malformed.

    Each from an address of its own, as far as there are so many, the first two with an extension
    structure of their own.
    """
    sent = wire.with_ttl(wire.encode_probe(plan, probe), 1)
    structure = wire.encode_extensions([wire.ExtensionObject(9, 9, bytes(64))], with_checksum=False)
    ours = exceeded(plan, sent, ext=structure)
    foreign = exceeded(plan, flipped(sent, 20 + 8 + 2), ext=structure)
    broken = patched(exceeded(plan, sent), 28, 0x95)
    for number in range(count):
        packet = (foreign, ours, broken)[number % 3]
        name = number.to_bytes(4, "big")
        sender = (number % addresses).to_bytes(3, "big")
        packet = packet[:12] + b"\x0b" + sender + packet[16:]
        yield packet if number % 3 == 2 else packet[:-4] + name


class Flooded:
    """A trace of four probes whose second was answered; then came the flood."""

    def __init__(self) -> None:
        self.plan = make_plan(rounds=1, max_ttl=4)
        player = Player(self.plan)
        player.play(until_ns=START)
        self.probe = player.log.probes[1]
        self.sent = len(player.log.probes)
        self._strategy = player.strategy
        uuid = "00000000-0000-4000-8000-000000000000"
        self.recorder = Recorder(self.plan, run_uuid=uuid, source="sim", clock=VirtualClock())
        for event in player.log.events:
            self.recorder.record(event)
        sent = wire.with_ttl(wire.encode_probe(self.plan, self.probe), 1)
        (self.answer,) = whole(self.plan, self.probe, sent)
        self.take(self.answer)

    def take(self, packet: bytes) -> None:
        """Read a packet as the tracer does: decode, judge, record."""
        arrival = read(packet, START + MS)
        assert not isinstance(arrival, Stamped)
        if isinstance(arrival, Foreign):
            self.recorder.record(ForeignSeen(arrival))
        else:
            self.recorder.record(self._strategy.on_reply(arrival, START + MS))

    def pour(self, count: int, addresses: int = 1 << 24) -> Iterator[int]:
        """Take a flood; yields how many packets have come."""
        for number, packet in enumerate(all_different(self.plan, self.probe, count, addresses), 1):
            self.take(packet)
            yield number
