"""Translation there and back, on bytes: against scapy's reading, and against the NAT of a Linux kernel."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.oracle import CASES, ICMP, IP, ROUTER, SOURCE, TARGET, TCP, UDP, sent, stack
from trippy_nb import wire
from trippy_nb.model import Protocol
from trippy_nb.sim.nat import Translator
from trippy_nb.sim.rewrite import rewritten
from trippy_nb.sim.scenario import Nat, Rewrite

OUTSIDE = "203.0.113.77"
KINDS = [(protocol, multipath) for protocol, multipath, af in CASES if af == 4]
kinds = pytest.mark.parametrize(("protocol", "multipath"), KINDS)
LAYERS = {Protocol.ICMP: ICMP, Protocol.UDP: UDP, Protocol.TCP: TCP}
QUOTES = [None, 28, 36, 60]
EXTENSIONS: dict[str, dict[str, Any]] = {"plain": {}, "labels": {"extensions": stack(24001)},
              "old labels": {"extensions": stack(24001), "state_length": False}}  # fmt: skip


def nat(**options: Any) -> Translator:
    return Translator(Nat(**{"v4": OUTSIDE, "ports": (20000, 29999), **options}), 7)


def number_of(packet: bytes) -> int:
    number = wire.find_number(packet)
    assert number is not None
    return number


def from_host(port: int, host: str = SOURCE[4], protocol: Protocol = Protocol.UDP) -> bytes:
    return wire.with_source(sent(protocol), wire.pack_address(host), port)


def error_about(packet: bytes, **options: Any) -> bytes:
    return wire.encode_icmp_error(
        packet, source=ROUTER[4], **{"icmp_type": 11, "icmp_code": 0, "ttl": 60, **options}
    )


def has_right_checksums(packet: bytes) -> bool:
    again = IP(packet)
    for layer in (again, again.payload):
        if "chksum" in layer.fields:
            layer.delfieldval("chksum")
    return bytes(again) == packet


@kinds
def test_what_goes_out_has_the_nats_address_and_a_port_of_its_block(protocol, multipath):
    before = sent(protocol, multipath)
    after = nat().outwards(before)
    read, asked = IP(after), IP(before)
    assert (read.src, read.dst, read.ttl) == (OUTSIDE, TARGET[4], 1)
    layer, old = read[LAYERS[protocol]], asked[LAYERS[protocol]]
    number = layer.id if protocol is Protocol.ICMP else layer.sport
    assert 20000 <= number <= 29999
    assert bytes(layer.payload) == bytes(old.payload)
    if protocol is not Protocol.ICMP:
        assert layer.dport == old.dport
    assert has_right_checksums(after)


def test_an_echo_keeps_its_identifier_where_ids_are_not_translated():
    before = sent(Protocol.ICMP)
    after = nat(ids=False).outwards(before)
    assert after[20:] == before[20:]
    assert IP(after).src == OUTSIDE


def test_ipv6_and_what_has_no_port_pass_as_rfc_4787_has_nothing_to_say_of_them():
    six = sent(Protocol.UDP, af=6)
    assert nat().outwards(six) is six
    assert nat().back(six, before=six, after=six) is six
    bare = wire.encode_ip(b"hello, world", source=bytes(4), target=wire.pack_address(TARGET[4]), protocol=47)
    after = nat().outwards(bare)
    assert after[12:16] == wire.pack_address(OUTSIDE)
    assert after[16:] == bare[16:]


@given(st.lists(st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2"]), st.integers(1, 60)), max_size=80))
def test_mappings_are_endpoint_independent_and_no_two_share_a_port(sendings):
    translator = nat(ports=(1000, 1199))
    found: dict[tuple[str, int], int] = {}
    for host, port in sendings:
        number = number_of(translator.outwards(from_host(port, host)))
        elsewhere = wire.with_target(from_host(port, host), bytes(4), 53)
        assert number_of(translator.outwards(elsewhere)) == number
        assert found.setdefault((host, port), number) == number
    assert len(set(found.values())) == len(found)
    assert all(1000 <= number <= 1199 for number in found.values())


def test_protocols_have_ports_of_their_own():
    translator = nat(ports=(1000, 1000))
    assert [number_of(translator.outwards(from_host(9, protocol=protocol))) for protocol in Protocol] == [
        1000
    ] * 3


def test_a_full_block_gives_away_the_port_that_was_used_least_recently():
    translator = nat(ports=(1000, 1002))
    first = [number_of(translator.outwards(from_host(port))) for port in (1, 2, 3)]
    assert sorted(first) == [1000, 1001, 1002]
    assert number_of(translator.outwards(from_host(1))) == first[0]
    assert number_of(translator.outwards(from_host(4))) == first[1]
    assert number_of(translator.outwards(from_host(1))) == first[0]
    assert number_of(translator.outwards(from_host(2))) == first[2]


def test_ports_follow_from_the_seed():
    def ports(seed: int) -> list[int]:
        translator = Translator(Nat(v4=OUTSIDE, ports=(20000, 29999)), seed)
        return [number_of(translator.outwards(from_host(port))) for port in range(1, 30)]

    assert ports(1) == ports(1)
    assert ports(1) != ports(2)
    assert sorted(ports(1)) != ports(1)  # nor are they handed out in turn


# --- back ---


@kinds
@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("size", QUOTES)
def test_a_restored_quote_is_the_packet_as_it_was_sent(protocol, multipath, size, extension):
    translator, before = nat(), sent(protocol, multipath)
    after = translator.outwards(before)
    options = {"quote_size": size, **EXTENSIONS[extension]}
    error = error_about(after, **options)
    assert translator.back(error, before=before, after=after) == error_about(before, **options)
    assert error != error_about(before, **options)


@kinds
@pytest.mark.parametrize("size", QUOTES)
def test_with_addresses_only_the_quoted_checksum_is_that_of_the_translated_packet(protocol, multipath, size):
    translator, before = nat(quote="addresses"), sent(protocol, multipath)
    after = translator.outwards(before)
    answer = translator.back(error_about(after, quote_size=size), before=before, after=after)
    offset = 20 + {Protocol.ICMP: 2, Protocol.UDP: 6, Protocol.TCP: 16}[protocol]
    mixed = before[:offset] + after[offset : offset + 2] + before[offset + 2 :]
    assert answer == error_about(mixed, quote_size=size)
    reply = wire.decode_reply(answer, read_ns=1)
    assert reply is not None
    assert reply.responder == ROUTER[4]
    assert has_right_checksums(answer)


@kinds
def test_a_kept_quote_is_the_translated_packet(protocol, multipath):
    translator, before = nat(quote="kept"), sent(protocol, multipath)
    after = translator.outwards(before)
    answer = translator.back(error_about(after), before=before, after=after)
    assert answer[28:] == error_about(after)[28:]
    assert IP(answer).dst == SOURCE[4]
    assert has_right_checksums(answer)


@kinds
def test_what_was_rewritten_farther_on_stays_as_it_was_quoted(protocol, multipath):
    translator, before = nat(), sent(protocol, multipath)
    after = translator.outwards(before)
    spec = Rewrite(tos=0x28, ip_id=777, df=False)
    answer = translator.back(error_about(rewritten(after, spec, 0)), before=before, after=after)
    assert answer == error_about(rewritten(before, spec, 0))


def test_echo_replies_come_back_to_the_source_and_its_identifier():
    translator, before = nat(), sent(Protocol.ICMP)
    after = translator.outwards(before)
    answer = wire.encode_echo_reply(after, ttl=60)
    assert translator.back(answer, before=before, after=after) == wire.encode_echo_reply(before, ttl=60)


def test_tcp_and_udp_answers_come_back_to_the_source_and_its_port():
    for protocol in (Protocol.TCP, Protocol.UDP):
        translator, before = nat(), sent(protocol)
        after = translator.outwards(before)

        def reply(packet: bytes, protocol: Protocol = protocol) -> bytes:
            if protocol is Protocol.TCP:
                return wire.encode_tcp_reply(packet, flags=wire.SYN | wire.ACK)
            return wire.encode_udp_reply(packet, b"hello")

        assert translator.back(reply(after), before=before, after=after) == reply(before)


def test_what_does_not_go_to_the_nat_is_none_of_its_business():
    translator, before = nat(), sent(Protocol.UDP)
    after = translator.outwards(before)
    own = error_about(before)
    assert translator.back(own, before=before, after=after) is own


def test_a_quote_of_another_port_is_another_hosts_and_left_alone():
    translator, before = nat(), sent(Protocol.UDP)
    after = translator.outwards(before)
    other = wire.with_source(after, wire.pack_address(OUTSIDE), number_of(after) ^ 1)
    answer = translator.back(error_about(other), before=before, after=after)
    assert answer[28:] == other
    assert IP(answer).dst == SOURCE[4]


@given(st.sampled_from(KINDS), st.sampled_from(["restored", "addresses", "kept"]),
       st.sampled_from(["restored", "addresses", "kept"]))  # fmt: skip
def test_of_two_nats_in_a_row_each_undoes_what_it_knows(kind, near_quote, far_quote):
    near = Translator(Nat(v4="100.64.3.4", ports=(4000, 4999), quote=near_quote), 1)
    far = nat(quote=far_quote)
    before = sent(*kind)
    between = near.outwards(before)
    after = far.outwards(between)
    halfway = far.back(error_about(after), before=between, after=after)
    answer = near.back(halfway, before=before, after=between)
    reply = wire.decode_reply(answer, read_ns=1)
    assert reply is not None
    assert IP(answer).dst == SOURCE[4]
    assert has_right_checksums(answer)
    if near_quote == far_quote == "restored":
        assert answer == error_about(before)
    if far_quote == "kept":  # the near one does not know that packet
        assert answer[28:] == error_about(after)[28:]
    elif near_quote == "kept":
        assert reply.quote.src == "100.64.3.4"
    else:
        assert reply.quote.src == SOURCE[4]


@settings(max_examples=200)
@given(st.binary(min_size=20, max_size=40), st.integers(20, 90), st.sampled_from(KINDS))
def test_no_answer_makes_a_translator_fail(junk, size, kind):
    translator, before = nat(), sent(*kind)
    after = translator.outwards(before)
    to_nat = wire.encode_ip(
        junk, source=bytes(4), target=wire.pack_address(OUTSIDE), protocol=junk[0] % 2 or 17
    )
    short = error_about(after)[: 28 + size]
    cut = short[:2] + len(short).to_bytes(2, "big") + short[4:]
    for answer in (to_nat, cut):
        assert len(translator.back(answer, before=before, after=after)) == len(answer)
