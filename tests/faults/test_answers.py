"""Answers that are cut, forged or doubled: what is not ours is not credited, what is ours is not lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.faults.tunnel import ROUTER, TARGET, tunnel, wrap
from trippy_nb.wire import (
    ICMP_TYPES,
    RST,
    IpPacket,
    MplsEntry,
    decode_icmp,
    decode_ip,
    encode_echo_reply,
    encode_extensions,
    encode_icmp_error,
    encode_tcp_reply,
    mpls_object,
    pack_address,
    with_ttl,
)

pytestmark = [pytest.mark.netns, pytest.mark.needs("raw_socket", "tun")]
CHANNELS = {
    "raw-icmp": {"protocol": "icmp"},
    "raw-udp": {"protocol": "udp"},
    "raw-paris": {"protocol": "udp", "multipath": "paris"},
    "raw-tcp": {"protocol": "tcp"},
    "queue-udp": {"protocol": "udp", "mode": "error-queue"},
    "datagram-icmp": {"protocol": "icmp", "mode": "datagram"},
}
LEAST = {("raw-udp", 4): 4, ("raw-udp", 6): 4, ("raw-tcp", 4): 4, ("raw-tcp", 6): 4, ("raw-paris", 4): 4}
"""Bytes of the quoted transport header that name the probe; the kernel's own channels want eight."""
HIDDEN = {4: 8, 6: 4}
"""ICMP messages of fewer bytes than this the kernel shows nobody (icmp_filter, icmpv6_filter)."""
IP_SIZE = {4: 20, 6: 40}
families = pytest.mark.parametrize(
    "af", [4, pytest.param(6, marks=pytest.mark.needs("ipv6"))], ids=["v4", "v6"]
)
channels = pytest.mark.parametrize("channel", CHANNELS)


@pytest.fixture(scope="module")
def path():
    with tunnel() as it:
        yield it


def exceeded(packet: bytes, extensions: bytes = b"") -> bytes:
    ip = decode_ip(packet)
    kind = ICMP_TYPES[ip.af].time_exceeded
    return encode_icmp_error(
        with_ttl(packet, 1), source=ROUTER[ip.af], icmp_type=kind, icmp_code=0, extensions=extensions
    )


@channels
@families
@pytest.mark.parametrize("labelled", [False, True], ids=["plain", "mpls"])
def test_an_error_cut_at_every_length_is_credited_if_it_names_its_probe(path, channel, af, labelled):
    label = encode_extensions([mpls_object([MplsEntry(24015, 0, bottom=True, ttl=1)])]) if labelled else b""

    def answer(packet: bytes, ip: IpPacket) -> Iterator[bytes]:
        whole = decode_ip(exceeded(packet, label)).payload
        yield wrap(whole[: ip.ttl - 1], source=ROUTER[af], to=ip.src_packed)

    longest = 8 + 128 + 16 if labelled else 8 + 84
    run = path.trace(answer, af, ttls=range(1, longest + 2), **CHANNELS[channel])
    probes = run.probes.set_index("ttl")
    least = 8 + IP_SIZE[af] + LEAST.get((channel, af), 8)
    answered = set(probes.index[probes["status"] == "reply"])
    assert len(probes) == longest + 1
    assert answered == set(range(least + 1, longest + 2))
    assert set(probes["status"]) == {"reply", "timeout"}
    row = run.runs.iloc[0]
    if channel.startswith("raw"):
        assert row["foreign"] + row["unmatched"] == longest + 1 - len(answered) - HIDDEN[af]
    if labelled and channel != "datagram-icmp":
        assert set(run.replies.loc[run.replies["mpls"].notna(), "mpls"]) == {"24015/0/1/1"}


@families
@pytest.mark.parametrize("channel", ["raw-icmp", "datagram-icmp"])
def test_an_echo_reply_cut_at_every_length_is_credited_from_its_header_on(path, channel, af):
    def answer(packet: bytes, ip: IpPacket) -> Iterator[bytes]:
        whole = decode_ip(encode_echo_reply(packet)).payload
        yield wrap(whole[: ip.ttl - 1], source=TARGET[af], to=ip.src_packed)

    size = 84 - IP_SIZE[af]
    run = path.trace(answer, af, ttls=range(1, size + 2), **CHANNELS[channel])
    credited = run.replies[run.replies["kind"] == "first"]
    assert sorted(credited["ttl"]) == list(range(9, size + 2))
    assert set(run.probes.loc[run.probes["ttl"] < 9, "status"]) == {"timeout"}


def bent(packet: bytes, at: int, value: bytes) -> bytes:
    return packet[:at] + value + packet[at + len(value) :]


def icmp_forgeries(packet: bytes, ip: IpPacket) -> Sequence[bytes]:
    types, source = ICMP_TYPES[ip.af], TARGET[ip.af]
    echo = decode_icmp(ip.payload, af=ip.af)
    start, identifier = IP_SIZE[ip.af], echo.identifier
    reply = decode_ip(encode_echo_reply(packet)).payload

    def said(message: bytes, who: str = source) -> bytes:
        return wrap(message, source=who, to=ip.src_packed)

    return [
        said(bent(reply, 4, b"\0\0")),
        said(bent(reply, 4, (identifier ^ 1).to_bytes(2, "big"))),
        said(bent(reply, 6, (echo.sequence + 20_000 & 0xFFFF).to_bytes(2, "big"))),
        said(bent(reply, 10, b"notours!")),
        said(reply[:8], who=ROUTER[ip.af]),
        said(bent(reply, 0, bytes([types.echo_request]))),
        said(bytes([types.time_exceeded, 1]) + decode_ip(exceeded(packet)).payload[2:]),
        exceeded(bent(packet, start + 4, b"\0\0")),
        exceeded(bent(packet, start + 10, b"notours!")),
    ]


def udp_forgeries(packet: bytes, ip: IpPacket) -> Sequence[bytes]:
    start = IP_SIZE[ip.af]
    sport = int.from_bytes(packet[start : start + 2], "big")
    return [
        exceeded(bent(packet, start, (sport ^ 1).to_bytes(2, "big"))),
        exceeded(bent(packet, start + 2, b"\0\1")),
        exceeded(bent(packet, start + 8, b"\1not ours!\2")),
    ]


def tcp_forgeries(packet: bytes, ip: IpPacket) -> Sequence[bytes]:
    start = IP_SIZE[ip.af]
    sport = int.from_bytes(packet[start : start + 2], "big")
    other = bent(packet, start, (sport ^ 0x4000).to_bytes(2, "big"))
    return [
        exceeded(other),
        exceeded(bent(packet, start + 4, b"\1\2\3\4")),
        encode_tcp_reply(bent(packet, start + 4, b"\1\2\3\4"), flags=RST | 0x10),
        encode_tcp_reply(other, flags=RST | 0x10),
    ]


def elsewhere(packet: bytes, ip: IpPacket) -> Sequence[bytes]:
    """Errors about a packet to somebody else, and about one of another protocol."""
    at = 16 if ip.af == 4 else 24
    protocol_at = 9 if ip.af == 4 else 6
    return [
        exceeded(bent(packet, at, pack_address(ROUTER[ip.af]))),
        exceeded(bent(packet, protocol_at, b"\x84")),
    ]


FORGERIES = {"icmp": (icmp_forgeries, 11), "udp": (udp_forgeries, 5), "tcp": (tcp_forgeries, 6)}


@channels
@families
def test_forged_answers_are_never_credited_and_the_right_one_still_is(path, channel, af):
    forge, count = FORGERIES[CHANNELS[channel]["protocol"]]

    def answer(packet: bytes, ip: IpPacket) -> Iterator[bytes]:
        forgeries = [*forge(packet, ip), *elsewhere(packet, ip)]
        assert len(forgeries) == count
        yield forgeries[ip.ttl - 1] if ip.ttl <= count else exceeded(packet)

    run = path.trace(answer, af, ttls=range(1, count + 2), **CHANNELS[channel])
    status = dict(zip(run.probes["ttl"], run.probes["status"], strict=True))
    assert status == dict.fromkeys(range(1, count + 1), "timeout") | {count + 1: "reply"}
    row = run.runs.iloc[0]
    assert row["outcome"] != "reached"
    if channel.startswith("raw"):
        hidden = channel == "raw-icmp"  # the echo request, which the socket's filter takes away
        assert row["foreign"] + row["unmatched"] == count - hidden


@channels
@families
def test_duplicates_are_rows_of_their_own_and_count_once(path, channel, af):
    def answer(packet: bytes, ip: IpPacket) -> Sequence[bytes]:
        return [exceeded(packet)] * (3 if ip.ttl < 5 else 1)  # the last answer ends the trace

    run = path.trace(
        answer,
        af,
        ttls=[1, 2, 5],
        rounds=2,
        min_round_duration=0.5,
        max_round_duration=0.5,
        probe_timeout=0.5,
        **CHANNELS[channel],
    )
    assert list(run.probes["status"]) == ["reply"] * 6
    assert list(run.probes["n_replies"]) == [3, 3, 1] * 2
    assert run.replies["kind"].value_counts().to_dict() == {"first": 6, "dup": 8, "late": 0, "unmatched": 0}
    assert list(run.hops["recv"]) == [2] * len(run.hops)
