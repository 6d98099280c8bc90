"""The same lies through the kernel: forged packets arrive at a device, and every kind of socket gets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.tunnel import ROUTER, TARGET, tunnel, wrap
from tests.security import forger
from trippy_nb import wire
from trippy_nb.model import Plan, Probe, Protocol, SocketMode, TraceConfig
from trippy_nb.model import Target as Host
from trippy_nb.wire import IpPacket

pytestmark = [pytest.mark.netns, pytest.mark.needs("raw_socket", "tun")]
CHANNELS: dict[str, dict[str, Any]] = {
    "raw-icmp": {"protocol": "icmp"},
    "raw-udp": {"protocol": "udp"},
    "raw-paris": {"protocol": "udp", "multipath": "paris"},
    "raw-dublin": {"protocol": "udp", "multipath": "dublin"},
    "raw-tcp": {"protocol": "tcp"},
    "queue-udp": {"protocol": "udp", "mode": "error-queue"},
    "queue-udp-sport": {"protocol": "udp", "mode": "error-queue", "target_port": 33_333},
    "datagram-icmp": {"protocol": "icmp", "mode": "datagram"},
}
FIRST = {"raw-dublin": 9}
"""Probes of UDP dublin on IPv6 before it are too short for the secret."""
LIES = [
    forger.another_target,
    forger.another_protocol,
    forger.another_port,
    forger.another_secret,
    forger.another_sender,
    forger.identifier_0,
    forger.error_about_an_error,
    forger.nobodys_message,
]
"""Those that need no second plan: what a packet says about itself is enough to bend it."""
RAW_LIES = [forger.bad_headers, forger.fragments]
"""Lies in the quoted IP header, which an error queue does not show. The secret must come back anyway."""


@pytest.fixture(scope="module")
def path():
    with tunnel() as it:
        yield it


@dataclass(frozen=True)
class Guess:
    """Plan and probe, as far as a forger on the path sees them."""

    plan: Plan
    probe: Probe


def seen_on_the_wire(packet: bytes, ip: IpPacket, options: dict[str, Any]) -> Guess:
    config = TraceConfig.from_options(**{key: value for key, value in options.items() if key != "mode"})
    assert config.protocol is not None
    mode = SocketMode(options.get("mode", "raw"))
    ports = [int.from_bytes(ip.payload[at : at + 2], "big") for at in (0, 2)]
    fixed_target = "target_port" in options or config.protocol is Protocol.TCP
    icmp = config.protocol is Protocol.ICMP
    plan = Plan(
        config=config,
        target=Host(ip.dst, ip.dst),
        protocol=config.protocol,
        mode=mode,
        reason="",
        source=ip.src,
        sport=None if icmp or fixed_target else ports[0],
        dport=ports[1] if fixed_target else None,
        trace_id=ports[0],
        secret=bytes(8),
        icmp_checksum=1 if icmp and mode in (SocketMode.RAW, SocketMode.DATAGRAM) else None,
    )
    seq = plan.config.initial_sequence + 8 if ip.af == 6 else 0
    return Guess(plan, Probe(0, 0, 0, ip.ttl, 0, seq, *ports))


def checked(packet: bytes) -> bytes:
    """The packet with right checksums of its own, or the kernel would drop it before we see it."""
    if packet[0] >> 4 == 4 and packet[0] & 0xF >= 5:
        size = (packet[0] & 0xF) * 4
        bare = packet[:10] + b"\0\0" + packet[12:size]
        packet = bare[:10] + wire.internet_checksum(bare).to_bytes(2, "big") + bare[12:] + packet[size:]
        start, covered = size, 0
    else:
        start, covered = 40, wire.pseudo_header(packet[8:24], packet[24:40], 58, len(packet) - 40)
    number = packet[9 if packet[0] >> 4 == 4 else 6]
    if number not in (1, 58) or len(packet) < start + 4:
        return packet
    bare = packet[start : start + 2] + b"\0\0" + packet[start + 4 :]
    total = wire.internet_checksum(bare, covered if number == 58 else 0)
    return packet[:start] + bare[:2] + total.to_bytes(2, "big") + bare[4:]


@pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_among_forged_packets_only_the_true_answer_is_credited(path, channel, af):
    """Each probe gets every lie, then the truth, then every lie again."""
    options = CHANNELS[channel]
    first = FIRST.get(channel, 1) if af == 6 else 1
    told = {"lies": 0}

    def answer(packet: bytes, ip: IpPacket) -> Iterator[bytes]:
        if ip.ttl < first:
            return
        dying = wire.with_ttl(packet, 1)
        guess = seen_on_the_wire(dying, ip, options)
        forgers = LIES + RAW_LIES if channel.startswith("raw") else LIES
        lies = [checked(lie) for forge in forgers for lie in forge(guess.plan, guess.probe, dying)]
        told["lies"] += len(lies)
        yield from lies
        yield forger.exceeded(guess.plan, dying, by=ROUTER[af])
        yield from lies

    # Making the lies takes its time, on a busy machine above all; the truth comes after them.
    patient = {"probe_timeout": 1.0, "max_round_duration": 2.0}
    run = path.trace(answer, af, max_ttl=first + 3, **patient, **options)
    probes = run.probes[run.probes["ttl"] >= first]
    assert list(probes["status"]) == ["reply"] * 4
    assert set(probes["addr"]) == {ROUTER[af]}
    row, kinds = run.runs.iloc[0], run.replies["kind"].astype(str)
    assert (kinds != "unmatched").sum() == 4, "a lie was taken for a second answer"
    assert row["unmatched"] == (kinds == "unmatched").sum()
    assert row["foreign"] + row["unmatched"] <= 2 * told["lies"]
    assert row["outcome"] != "reached"
    if channel.startswith("raw"):
        assert row["foreign"] > 0


@pytest.mark.parametrize("channel", [name for name in CHANNELS if not name.startswith("raw")])
@pytest.mark.parametrize("forge", RAW_LIES, ids=lambda forge: forge.__name__)
def test_a_quoted_header_that_the_kernel_hides_cannot_lie_without_the_secret(path, channel, forge):
    """A stated limit: version and fragment offset of a quote are not seen here. Its sender saw the probe."""
    options = CHANNELS[channel]

    def answer(packet: bytes, ip: IpPacket) -> Iterator[bytes]:
        dying = wire.with_ttl(packet, 1)
        guess = seen_on_the_wire(dying, ip, options)
        if ip.ttl == 1:
            yield from (checked(lie) for lie in forge(guess.plan, guess.probe, dying))
        else:
            blind = dying[:28] + b"guessed." + dying[36:]
            yield from (checked(lie) for lie in forge(guess.plan, guess.probe, blind))

    run = path.trace(answer, 4, max_ttl=2, **options)
    assert list(run.probes["status"]) == ["reply", "timeout"]
    assert set(run.replies["match"].dropna()) == {"token"}


@pytest.mark.parametrize("af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_answers_of_64_kilobytes_are_nobodys(path, channel, af):
    """Longer than any answer to a probe can be: what fits is counted, nothing else changes."""
    options = CHANNELS[channel]

    def answer(packet: bytes, ip: IpPacket) -> Iterator[bytes]:
        kind = 0 if af == 4 else 129
        number = ip.payload[4:8] if options["protocol"] == "icmp" else bytes(4)
        yield wrap(bytes((kind, 0, 0, 0)) + number + b"x" * 60_000, source=TARGET[af], to=ip.src_packed)
        types = wire.ICMP_TYPES[af]
        quote = wire.with_ttl(packet, 1) + bytes(60_000)
        message = bytes((types.time_exceeded, 0, 0, 0, 0, 0, 0, 0)) + quote
        if ip.ttl == 2:
            yield wrap(message, source=ROUTER[af], to=ip.src_packed)

    run = path.trace(answer, af, max_ttl=2, **options)
    row = run.runs.iloc[0]
    credited = run.replies[run.replies["kind"].astype(str) != "unmatched"]
    assert set(credited["ttl"]) <= {2}
    assert set(credited["addr"]) <= {ROUTER[af]}
    assert row["outcome"] != "reached"
    if channel.startswith("raw"):
        assert len(credited) == 0
        assert row["foreign"] + row["unmatched"] >= 2
