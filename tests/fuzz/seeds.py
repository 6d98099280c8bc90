"""The seed corpus: one small input for each thing a decoder knows. `python tests/fuzz/seeds.py` writes it.

Made by our own encoders, and from packets that our own traces of the lab brought back (data/recorded).
"""

from __future__ import annotations

import hashlib
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.fuzz import target  # noqa: E402 - a script finds its project first
from trippy_nb import wire  # noqa: E402 - after the path is set
from trippy_nb.lifetimes import pack_control  # noqa: E402 - after the path is set
from trippy_nb.model import Protocol  # noqa: E402 - after the path is set
from trippy_nb.net.addresses import pack_sockaddr  # noqa: E402 - after the path is set

CORPUS = Path(__file__).with_name("corpus")
_SCENARIO = ROOT / "data" / "scenarios" / "filtered.toml"


def _seed(reader: target.Reader, detail: int, octets: bytes) -> bytes:
    return bytes((target.READERS.index(reader), detail)) + octets


def _answers(number: int) -> Iterator[bytes]:
    """Every kind of answer to a probe of a plan."""
    plan = target.plan_for(number)
    _, probes = target._STARTED[number]
    sent, types = wire.with_ttl(wire.encode_probe(plan, probes[2]), 1), wire.ICMP_TYPES[plan.af]
    source, header = target.ROUTER[plan.af], target.HEADER[plan.af]
    mpls = wire.mpls_object([wire.MplsEntry(24015, 1, bottom=True, ttl=1)])
    role = wire.InterfaceRole.INCOMING
    interface = wire.interface_object(
        wire.InterfaceInfo(role=role, index=7, addr=source, name="eth0", mtu=1500)
    )
    structure = wire.encode_extensions([mpls, interface])
    exceeded = types.time_exceeded
    yield wire.encode_icmp_error(sent, source=source, icmp_type=exceeded, icmp_code=0)
    yield wire.encode_icmp_error(sent, source=source, icmp_type=exceeded, icmp_code=0, quote_size=header + 8)
    yield wire.encode_icmp_error(sent, source=source, icmp_type=exceeded, icmp_code=0, extensions=structure)
    yield wire.encode_icmp_error(sent, source=source, icmp_type=types.unreachable, icmp_code=3, mtu=1400)
    if plan.protocol is Protocol.ICMP:
        yield wire.encode_echo_reply(sent)
    if plan.protocol is Protocol.TCP:
        yield wire.encode_tcp_reply(sent, flags=wire.SYN | wire.ACK)
        yield wire.encode_tcp_reply(sent, flags=wire.RST | wire.ACK)


def _controls() -> Iterator[bytes]:
    """Ancillary data as Linux packs it: stamp, TTL and error, both families."""
    stamp = pack_control(1, 37, struct.pack("@qqqqqq", 1_700_000_000, 5, 0, 0, 0, 0))
    for af, level, ttl, recverr in ((4, 0, 2, 11), (6, 41, 52, 25)):
        origin = 2 if af == 4 else 3
        error = struct.pack("@IBBBxII", 113, origin, 11 if af == 4 else 3, 0, 0, 0)
        errors = pack_control(level, recverr, error + pack_sockaddr(target.ROUTER[af]))
        yield stamp + pack_control(level, ttl, struct.pack("@i", 63)) + errors
    yield stamp + pack_control(0, 11, struct.pack("@IBBBxII", 42, 4, 0, 0, 0, 7))


def _recorded() -> Iterator[bytes]:
    """Packets that came back in our own lab, one of each length."""
    import trippy_nb as tn

    for name in ("lab-udp-paris", "lab-udp-classic"):
        packets = tn.read(ROOT / "data" / "recorded" / f"{name}.parquet").one().tables.packets
        came = packets.loc[packets["direction"] == "in", "bytes"]
        yield from {len(octets): octets for octets in came}.values()


def seeds() -> Iterator[bytes]:
    """All of them, in a fixed order."""
    for number in range(10):
        for answer in _answers(number):
            yield _seed(target.packet, number, answer)
        probe = target._STARTED[number][1][0]
        yield _seed(target.there_and_back, number, probe.seq.to_bytes(2, "big") + bytes(6))
        yield _seed(target.there_and_back, number, bytes((0, 3, 0, 0, 9, 4, 1, 1)) + bytes(8))
    first = next(_answers(0))
    yield _seed(target.message_v4, 0, first[20:])
    yield _seed(target.message_v6, 0, next(_answers(5))[40:])
    for detail in range(10):
        yield _seed(target.parts, detail, first[20 * (detail > 1) :])
    mpls = wire.mpls_object(
        [wire.MplsEntry(16, 0, bottom=False, ttl=1), wire.MplsEntry(17, 0, bottom=True, ttl=1)]
    )
    yield _seed(target.extensions, 0, wire.encode_extensions([mpls, wire.ExtensionObject(9, 9, b"new!")]))
    for control in _controls():
        yield _seed(target.ancillary, 0, control)
        address = pack_sockaddr(target.TARGET[4], 33434)
        entry = bytes((len(control) // 2, len(address))) + control + address + b"payload quoted"
        yield _seed(target.error_queue, 1, entry)
    yield _seed(target.scenario, 0, _SCENARIO.read_bytes())
    for packet in _recorded():
        yield _seed(target.packet, 2, bytes(packet))


def main() -> int:
    """Write the corpus anew."""
    CORPUS.mkdir(exist_ok=True)
    for old in CORPUS.iterdir():
        old.unlink()
    for octets in seeds():
        (CORPUS / hashlib.sha256(octets).hexdigest()[:16]).write_bytes(octets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
