"""What each router changed, field by field: boxes of every kind between a probe and its quote."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trippy_nb as tn
from tests.display.made import made_tables
from tests.wire import oracle
from trippy_nb import wire
from trippy_nb.analysis.lens import Exchange, Fate, FieldFate, exchange, field_fates, packet_alone
from trippy_nb.errors import ConfigError
from trippy_nb.model import Protocol
from trippy_nb.wire.anatomy import anatomy

NAT = bytes((203, 0, 113, 2))


def fates_of(sent: bytes, quote: bytes, *, quote_size: int | None = None, icmp_type: int = 11):
    """Let the quote come back in an error, and compare it with what was sent; without what is the same."""
    answer = wire.encode_icmp_error(
        quote, source=oracle.ROUTER[4], icmp_type=icmp_type, icmp_code=0, quote_size=quote_size
    )
    fates = field_fates(anatomy(sent), anatomy(answer), expired=icmp_type == 11)
    return {fate.key: fate for fate in fates if fate.fate is not Fate.SAME}


def sent(protocol: Protocol = Protocol.UDP, ttl: int = 5) -> bytes:
    return wire.with_ttl(oracle.sent(protocol, tos=0xB8), ttl)


def arrived(packet: bytes) -> bytes:
    return wire.with_ttl(packet, 1)


def test_a_clean_path_changes_what_it_must_and_nothing_else():
    fates = fates_of(sent(), arrived(sent()))
    assert {key: fate.fate for key, fate in fates.items()} == {
        "ip.ttl": Fate.MUST,
        "ipv4.checksum": Fate.MUST,
    }
    assert fates["ip.ttl"].says == "The quote's TTL is 1: the last one, which this router took."
    assert fates["ipv4.checksum"].says == "Follows the TTL, as it must."


@pytest.mark.parametrize(
    ("ttl", "fate", "says"),
    [
        (0, Fate.MUST, "The quote's TTL is 0: this router takes its own"),
        (3, Fate.CHANGED, "The quote's TTL is 3, not used up"),
    ],
)
def test_a_ttl_that_expired_is_used_up(ttl, fate, says):
    found = fates_of(sent(), wire.with_ttl(sent(), ttl))["ip.ttl"]
    assert found.fate is fate
    assert found.says.startswith(says)


def test_a_ttl_that_did_not_expire_tells_the_distance():
    found = fates_of(sent(), wire.with_ttl(sent(), 2), icmp_type=3)["ip.ttl"]
    assert (found.fate, found.says) == (Fate.MUST, "The quote's TTL is 2: 3 of 5 were taken on the way.")


NO_DF = False
BOXES = [
    (Protocol.UDP, lambda p: wire.with_tos(p, 0), "ip.dscp", "Cleared: a router does not hand the mark on."),
    (Protocol.UDP, lambda p: wire.with_tos(p, 0x28), "ip.dscp", "Marked anew, from 46 (EF) to 10 (AF11)."),
    (Protocol.UDP, lambda p: wire.with_tos(p, 0xBB), "ip.ecn", "A router marked congestion."),
    (Protocol.ICMP, lambda p: wire.with_ip_id(p, 77), "ipv4.id", "Filled in: by the sending system"),
    (Protocol.UDP, lambda p: wire.with_dont_fragment(p, NO_DF), "ipv4.df", "Cleared by a box"),
    (Protocol.UDP, lambda p: wire.with_source(p, NAT), "ip.source", "Rewritten to 203.0.113.2: a transl"),
    (Protocol.UDP, lambda p: wire.with_source(p, NAT, 999), "udp.sport", "Rewritten with the source"),
    (Protocol.UDP, lambda p: wire.with_source(p, NAT, 999), "udp.checksum", "Follows the addresses and"),
    (Protocol.ICMP, lambda p: wire.with_source(p, NAT, 999), "icmp.id", "Rewritten with the source"),
    (Protocol.UDP, lambda p: wire.with_target(p, NAT), "ip.target", "Rewritten to 203.0.113.2: a transl"),
    (Protocol.TCP, lambda p: wire.with_clamped_mss(p, 1360), "tcp.option.2", "Lowered to 1,360 bytes: a"),
    (Protocol.TCP, lambda p: wire.with_clamped_mss(p, 1360), "tcp.checksum", "Follows what was rewritten"),
    (Protocol.UDP, lambda p: p[:26] + b"\x12\x34" + p[28:], "udp.checksum", "Changed, though nothing that"),
    (Protocol.UDP, lambda p: p[:20] + b"\x12\x34" + p[22:], "udp.sport", "Rewritten, though the source"),
    (Protocol.UDP, lambda p: p[:22] + b"\x12\x34" + p[24:], "udp.dport", "Changed from 33500 to 4660."),
    (Protocol.UDP, lambda p: p[:2] + p[3:4] + p[2:3] + p[4:], "ipv4.length", "Quoted with its bytes sw"),
    (Protocol.UDP, lambda p: p[:2] + bytes((0, len(p) - 20)) + p[4:], "ipv4.length", "Quoted 20 bytes too"),
    (Protocol.UDP, lambda p: p[:10] + b"\x12\x34" + p[12:], "ipv4.checksum", "Is not right for the header"),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "box", "key", "says"), BOXES)
def test_a_box_is_told_by_what_it_changed(protocol, box, key, says):
    probe = sent(protocol)
    found = fates_of(probe, box(arrived(probe)))[key]
    assert found.fate is Fate.CHANGED
    assert found.says.startswith(says)
    assert found.sent != found.quoted


def test_what_was_cut_off_is_not_quoted_and_never_changed():
    fates = fates_of(sent(), arrived(sent()), quote_size=28)
    assert fates["payload.data"] == FieldFate(
        "payload.data", "Payload", "Data", Fate.CUT, fates["payload.data"].sent, "", "", 19, None
    )
    assert {fate.fate for key, fate in fates.items() if not key.startswith("ip")} == {Fate.CUT}


def test_a_payload_quoted_in_part_is_compared_as_far_as_it_goes():
    answer = wire.encode_icmp_error(
        arrived(sent()), source=oracle.ROUTER[4], icmp_type=11, icmp_code=0, quote_size=40
    )
    fates = field_fates(anatomy(sent()), anatomy(answer), expired=True)
    assert (fates[-1].fate, fates[-1].says) == (
        Fate.SAME, "12 of 56 bytes are quoted, the same as were sent."
    )  # fmt: skip


def test_what_was_added_is_said_last():
    probe = sent()
    longer = bytes((0x46,)) + arrived(probe)[1:20] + bytes((148, 4, 0, 0)) + probe[20:]
    found = list(fates_of(probe, longer).values())[-1]
    assert (found.key, found.sent, found.quoted) == ("ipv4.option.148", "", "router alert: 00 00")
    assert found.says == "Was not sent: it was added on the way."


@settings(max_examples=200)
@given(quote=st.binary(min_size=20, max_size=120), size=st.integers(28, 84))
def test_whatever_is_quoted_every_field_sent_has_one_fate(quote, size):
    probe = anatomy(sent())
    answer = wire.encode_icmp_error(
        sent(), source=oracle.ROUTER[4], icmp_type=11, icmp_code=0, quote_size=size
    )
    for octets in (answer[:28] + quote, answer):
        fates = field_fates(probe, anatomy(octets), expired=True)
        assert [fate.sent_field for fate in fates if fate.sent_field is not None] == list(
            range(len(probe.fields))
        )
        assert all((fate.fate is Fate.CUT) == (fate.quoted_field is None) for fate in fates)


# --- a probe of a run ---


def traced(scenario: str, **options) -> tn.Run:
    run: tn.Run = tn.trace("target.example", network=tn.sim.load(scenario), rounds=1, **options)
    return run


def answer_of(found: Exchange):
    return found.packets[-1]


def changed(found: Exchange) -> dict[str, str]:
    return {fate.key: fate.says for fate in answer_of(found).fates if fate.fate is Fate.CHANGED}


def test_a_translator_is_placed_between_two_hops():
    found = exchange(traced("case-15-nat-kept", protocol="udp").tables, ttl=4)
    assert found.title == "Probe to target.example: hop 4, round 0"
    assert [shown.title for shown in found.packets] == ["Sent", "Answer"]
    assert set(changed(found)) == {"ip.source", "udp.sport", "udp.checksum"}
    assert changed(found)["ip.source"] == (
        "Rewritten to 203.0.113.2: a translator (NAT) stands on the way. "
        "That was at hop 2 or between it and hop 3."
    )  # fmt: skip
    assert answer_of(found).says == (
        "203.0.113.4 answered after 10.00 ms: Time exceeded (type 11), in transit, quoting all 84 bytes of "
        "the probe. Changed on the way: source, source port, checksum."
    )  # fmt: skip


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_what_a_box_rewrites_is_found_in_either_family(family):
    found = changed(exchange(traced("case-18-rewritten", tos=184, addr_family=family).tables, ttl=4))
    expected = {"ipv4": {"ip.dscp", "ipv4.id", "ipv4.df"}, "ipv6": {"ip.dscp", "ipv6.flow_label"}}
    assert set(found) == expected[family]


def test_a_short_quote_and_a_tunnel_are_said():
    short = answer_of(exchange(traced("case-19-short-quotes").tables, ttl=3))
    assert "quoting 28 of 84 bytes of the probe. Of what is quoted nothing was changed" in short.says
    tunnel = answer_of(exchange(traced("case-21-mpls-implicit").tables, ttl=4))
    assert tunnel.says.endswith("Its TTL was not used up.")


def test_an_echo_reply_carries_the_probe_back():
    found = answer_of(exchange(traced("case-18-rewritten").tables, ttl=5))
    assert found.says.endswith(
        "Echo reply (type 0). Identifier, number and payload came back as they were sent."
    )
    assert {fate.fate for fate in found.fates} == {Fate.SAME}
    secret = next(fate for fate in found.fates if fate.key == "payload.secret")
    assert secret.sent.endswith("of this run")


def test_a_tcp_answer_acknowledges_the_probe():
    found = answer_of(exchange(traced("case-18-rewritten", protocol="tcp").tables, ttl=5))
    assert found.says.endswith("TCP with RST, ACK. It acknowledges the probe.")
    assert [fate.says for fate in found.fates] == [
        "Comes back as destination port, as it must.",
        "Comes back as source port, as it must.",
        "Acknowledged: it comes back plus 1.",
    ]


def test_every_answer_of_a_probe_is_there():
    run = tn.trace("target.example", network=tn.sim.load("case-28-duplicates"), rounds=3)
    again = run.probes.query("n_replies == 3").iloc[0]
    found = exchange(run.tables, ttl=int(again["ttl"]), round_=int(again["round"]))
    assert [shown.title for shown in found.packets] == ["Sent", "Answer 1", "Answer 2", "Answer 3"]


def test_a_probe_that_nobody_answered_is_shown_alone():
    run = traced("case-08-silent")
    silent = run.probes.query("status == 'timeout'").iloc[0]
    assert [shown.title for shown in exchange(run.tables, ttl=int(silent["ttl"])).packets] == ["Sent"]


def test_a_message_of_a_raw_ipv6_socket_has_no_header():
    tables = traced("case-18-rewritten", addr_family="ipv6").tables
    packets = tables.packets.copy()
    inward = packets["direction"] == "in"
    packets.loc[inward, "bytes"] = packets.loc[inward, "bytes"].map(lambda octets: octets[40:])
    found = answer_of(exchange(replace(tables, packets=packets), ttl=3))
    assert found.anatomy.layers[0].title == "ICMPv6"
    assert found.says.startswith("2001:db8:f0::3 answered")


def test_of_an_error_queue_only_what_was_quoted_is_compared():
    tables = traced("case-18-rewritten", protocol="udp").tables
    packets = tables.packets.copy()
    out = packets["direction"] == "out"
    packets.loc[out, "bytes"] = packets.loc[out, "bytes"].map(lambda octets: octets[28:])
    packets.loc[~out, "bytes"] = packets.loc[~out, "bytes"].map(lambda octets: octets[56:])
    runs = tables.runs.assign(mode="error-queue")
    found = exchange(replace(tables, packets=packets, runs=runs), ttl=3)
    assert [layer.title for layer in answer_of(found).anatomy.layers] == ["Payload"]
    assert {fate.fate for fate in answer_of(found).fates} == {Fate.SAME}
    assert answer_of(found).says.startswith(
        "203.0.113.3 answered after 6.00 ms: Time exceeded (type 11), in transit. Of"
    )
    assert "Of this answer the kernel hands over only what it quotes." in answer_of(found).says
    assert "The kernel made the headers" in found.packets[0].says


def test_without_packets_one_line_says_how_to_keep_them():
    with pytest.raises(
        ConfigError, match=r"^no packets of this run were kept: trace again with keep_packets=True$"
    ):
        exchange(traced("case-18-rewritten", keep_packets=False).tables, ttl=3)
    imported = made_tables(source="ripe-atlas")
    with pytest.raises(ConfigError, match=r"^this run has no packets, for ripe-atlas keeps none: trace with"):
        exchange(imported, ttl=1)
    connected = traced("case-18-rewritten", keep_packets=False, protocol="tcp").tables
    connected = replace(connected, runs=connected.runs.assign(mode="connect"))
    with pytest.raises(
        ConfigError, match=r"^in mode connect the operating system shows no packets: trace with"
    ):
        exchange(connected, ttl=3)
    tables = traced("case-18-rewritten").tables
    with pytest.raises(ConfigError, match="the packets of this probe were not kept"):
        exchange(replace(tables, packets=tables.packets.query("ttl != 3")), ttl=3)
    with pytest.raises(
        ConfigError, match=r"there is no probe of round 0, flow 0, ttl 77, attempt 0; this run has"
    ):
        exchange(tables, ttl=77)


def test_one_packet_needs_no_run():
    packet = oracle.answers()["MPLS: udp paris v4"]
    found = packet_alone(packet)
    assert [shown.title for shown in found.packets] == ["Packet"]
    assert found.packets[0].says.endswith("quoting IPv4 and UDP.")
    assert packet_alone(b"\x99").packets[0].anatomy.fields[0].name == "Not understood"
