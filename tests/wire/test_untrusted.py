"""Whatever the bytes: `decode_*` returns, or raises `BadPacketError`, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.oracle import DECODERS, answers, cut, decode_or_refuse, sent, stack
from trippy_nb import wire
from trippy_nb.model import Protocol

# Valid things to start from: bytes at random hardly get past a version field.
SEEDS = [*answers().values(), sent(Protocol.UDP), sent(Protocol.TCP, af=6), stack(16, 17)]
SEEDS += [packet[20 if packet[0] >> 4 == 4 else 40 :] for packet in answers().values()]
every_decoder = pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS.keys())


@st.composite
def damaged(draw):
    """Take a valid packet, overwrite some bytes, cut it, and perhaps make the header agree with the cut."""
    octets = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    size = draw(st.integers(0, len(octets)))
    packet = bytes(octets)
    return draw(st.sampled_from([packet, packet[:size], cut(packet, size), packet + packet[:size]]))


@every_decoder
@given(octets=st.binary(max_size=300))
def test_no_bytes_escape_as_another_exception(decode, octets):
    decode_or_refuse(decode, octets)


@every_decoder
@given(octets=damaged())
def test_no_damaged_packet_escapes_as_another_exception(decode, octets):
    decode_or_refuse(decode, octets)


@every_decoder
@given(first=st.integers(0, 255), octets=st.binary(max_size=120))
def test_no_bytes_behind_a_plausible_header_escape_as_another_exception(decode, first, octets):
    for version in (0x45, 0x4F, 0x60, first):
        whole = bytes((version,)) + octets
        decode_or_refuse(decode, cut(whole, len(whole)) if len(whole) > 40 else whole)


@every_decoder
def test_every_prefix_of_a_valid_packet_is_read_or_refused(decode):
    for seed in SEEDS[::7]:
        for size in range(len(seed) + 1):
            decode_or_refuse(decode, seed[:size])


@given(damaged())
def test_extensions_of_a_reply_can_always_be_read(octets):
    reply = decode_or_refuse(DECODERS["reply"], octets)
    if reply is not None and reply.extensions is not None:
        assert (
            wire.encode_extensions(wire.decode_extensions(reply.extensions).objects)[4:]
            == reply.extensions[4:]
        )


@pytest.mark.parametrize("first", [0, 43, 60, 135, 139, 140, 51, 44])
def test_a_packet_made_of_extension_headers_alone_ends(first):
    chain = bytes((first, 0, 0, 0, 0, 0, 0, 0)) * 8000
    packet = wire.encode_ip(chain, source=bytes(16), target=bytes(16), protocol=first)
    assert decode_or_refuse(wire.decode_ip, packet) is None


def test_quotes_within_quotes_are_not_followed():
    packet = sent(Protocol.UDP)
    for _ in range(500):
        packet = wire.encode_icmp_error(packet, source="192.0.2.1", icmp_type=11, icmp_code=0)
    assert wire.decode_reply(packet, read_ns=1) is None
