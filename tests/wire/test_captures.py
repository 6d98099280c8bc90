"""Real packets: every one of the captures is read, and scapy reads the same, field by field."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.needs import SHARED_DATA
from tests.wire.oracle import (
    ICMP,
    IP,
    TCP,
    UDP,
    Ether,
    ICMPerror,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6TimeExceeded,
    IPerror,
    IPv6,
    PcapReader,
    Raw,
    TCPerror,
    UDPerror,
)
from trippy_nb import wire

pytestmark = pytest.mark.needs("shared-data")
# How many replies, of how many packets: counted once by hand, so that an empty folder is no success.
CAPTURES = {
    "lab/lab.pcap": (626, None),
    "pcap/icmp-icmp-ttl-exceeded.pcap": (2, 1),
    "pcap/icmp6-icmp6-echo-reply.pcap": (2, 1),
    "pcap/udp-icmp-ttl-exceeded.pcap": (2, 1),
    "pcap/udp-icmp6-ttl-exceeded.pcap": (2, 1),
}


def packets(name):
    with PcapReader(str(SHARED_DATA / name)) as reader:
        for frame in reader:
            outer = frame[Ether].payload
            yield outer, bytes(outer.original)


def check_header(outer, found):
    assert (found.src, found.dst) == (outer.src, outer.dst)
    if isinstance(outer, IP):
        flags = (found.dont_fragment, found.more_fragments, found.fragment_offset)
        assert flags == (outer.flags.DF, outer.flags.MF, outer.frag * 8)
        assert (found.ttl, found.tos, found.size) == (outer.ttl, outer.tos, outer.len)
        assert (found.protocol, found.ip_id, found.header_size) == (outer.proto, outer.id, outer.ihl * 4)
    else:
        assert (found.ttl, found.tos, found.size) == (outer.hlim, outer.tc, outer.plen + 40)
        assert (found.protocol, found.flow_label) == (outer.nh, outer.fl)


def check_segment(outer, found):
    inner = outer.payload
    if isinstance(inner, UDP):
        datagram = wire.decode_udp(found.payload, whole=False)
        assert (datagram.sport, datagram.dport) == (inner.sport, inner.dport)
        assert (datagram.length, datagram.checksum) == (inner.len, inner.chksum)
        assert datagram.payload == bytes(inner.payload)
    elif isinstance(inner, TCP):
        segment = wire.decode_tcp(found.payload)
        assert (segment.sport, segment.dport) == (inner.sport, inner.dport)
        assert (segment.seq, segment.ack, segment.flags) == (inner.seq, inner.ack, int(inner.flags))
        assert (segment.window, segment.checksum) == (inner.window, inner.chksum)
    else:
        message = wire.decode_icmp(found.payload, af=found.af)
        total = inner.chksum if found.af == 4 else inner.cksum
        assert (message.type, message.code, message.checksum) == (inner.type, inner.code, total)
        if message.type in (0, 8):
            assert (message.identifier, message.sequence) == (inner.id, inner.seq)
            assert message.body == bytes(inner.payload)


def check_quote(outer, reply):
    """Compare the quote with what scapy calls IPerror, UDPerror and so on."""
    error, quote = outer.payload, reply.quote
    assert (reply.icmp_type, reply.icmp_code) == (error.type, error.code)
    header = error.payload
    assert (quote.src, quote.dst) == (header.src, header.dst)
    if isinstance(header, IPerror):
        assert (quote.ttl, quote.tos, quote.length) == (header.ttl, header.tos, header.len)
        assert (quote.ip_id, quote.protocol) == (header.id, header.proto)
    else:
        assert (quote.ttl, quote.tos, quote.length) == (header.hlim, header.tc, header.plen + 40)
        assert (quote.flow_label, quote.protocol) == (header.fl, header.nh)
    inner = header.payload
    payload = bytes(inner[Raw]) if Raw in inner else None
    if isinstance(inner, UDPerror):
        assert (quote.sport, quote.dport, quote.udp_length) == (inner.sport, inner.dport, inner.len)
    elif isinstance(inner, ICMPerror):
        assert (quote.icmp_id, quote.icmp_seq) == (inner.id, inner.seq)
    else:
        assert isinstance(inner, TCPerror)
        assert (quote.sport, quote.dport, quote.tcp_seq) == (inner.sport, inner.dport, inner.seq)
    if isinstance(inner, TCPerror):
        return
    assert quote.checksum == inner.chksum
    misread = getattr(error, "ext", None)
    if misread is None:
        assert quote.payload == payload
    else:  # scapy 2.8 takes whatever follows 128 bytes of a quote for extensions, even of version 0
        assert (misread.version, reply.extensions) == (0, None)
        assert quote.payload.startswith(payload)


def is_error(outer):
    inner = outer.payload
    return isinstance(inner, ICMPv6TimeExceeded) or (isinstance(inner, ICMP) and inner.type in (3, 11))


def is_probe(inner):
    return isinstance(inner, UDP) or (isinstance(inner, (ICMP, ICMPv6EchoRequest)) and inner.type in (8, 128))


def is_answer(outer):
    inner = outer.payload
    if isinstance(inner, TCP):
        return "R" in inner.flags or str(inner.flags) == "SA"
    return (
        is_error(outer) or isinstance(inner, ICMPv6EchoReply) or (isinstance(inner, ICMP) and inner.type == 0)
    )


@pytest.mark.parametrize(("name", "counts"), CAPTURES.items(), ids=CAPTURES.keys())
def test_every_packet_reads_as_scapy_reads_it(name, counts):
    seen: Counter[str] = Counter()
    for outer, octets in packets(name):
        found = wire.decode_ip(octets, whole=False)
        check_header(outer, found)
        check_segment(outer, found)
        reply = wire.decode_reply(octets, read_ns=1, whole=False)
        assert (reply is not None) == is_answer(outer)
        seen["packets"] += 1
        if reply is None:
            continue
        seen["replies"] += 1
        assert (reply.responder, reply.ttl, reply.size) == (outer.src, found.ttl, found.size)
        if is_error(outer):
            check_quote(outer, reply)
        elif isinstance(outer.payload, TCP):
            assert (reply.quote.dst, reply.quote.dport) == (outer.src, outer.payload.sport)
            assert (reply.quote.src, reply.quote.sport) == (outer.dst, outer.payload.dport)
        else:
            assert (reply.quote.icmp_id, reply.quote.icmp_seq) == (outer.payload.id, outer.payload.seq)
    assert seen["packets"] == counts[0]
    assert seen["replies"] == (counts[1] or seen["replies"]) > 0


@pytest.mark.parametrize("name", CAPTURES)
def test_every_echo_request_and_datagram_is_written_again_byte_for_byte(name):
    written = 0
    for outer, octets in packets(name):
        inner = outer.payload
        found = wire.decode_ip(octets, whole=False)
        if found.size > len(octets) or not is_probe(inner):
            continue  # the capture kept the first 200 bytes of each frame
        ends: dict[str, Any] = {"source": found.src_packed, "target": found.dst_packed}
        if isinstance(inner, UDP):
            made = wire.encode_udp(bytes(inner.payload), **ends, sport=inner.sport, dport=inner.dport)
            if inner.chksum != int.from_bytes(made[6:8], "big"):
                continue  # left unfinished for the network card
        else:
            body = wire.decode_icmp(found.payload, af=found.af).body
            made = wire.encode_echo(body, **ends, identifier=inner.id, sequence=inner.seq)
        packet = wire.encode_ip(
            made, **ends, protocol=found.protocol, ttl=found.ttl, tos=found.tos, ip_id=found.ip_id or 0,
            flow_label=found.flow_label or 0, dont_fragment=found.dont_fragment,
        )  # fmt: skip
        assert packet == octets[: found.size]
        written += 1
    assert written > 0


@pytest.mark.parametrize("name", CAPTURES)
def test_a_real_packet_with_another_ttl_still_verifies(name):
    for outer, octets in packets(name):
        changed = wire.with_ttl(octets, 33)
        assert wire.decode_ip(changed, whole=False).ttl == 33
        if isinstance(outer, IP):
            assert wire.verify_checksum(changed[: outer.ihl * 4])
        else:
            assert isinstance(outer, IPv6)
