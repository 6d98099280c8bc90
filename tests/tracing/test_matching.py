"""Credit: what contradicts a probe, what does not, and what shows the target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracing.world import (
    MS,
    SECRET,
    SPORT,
    START,
    Player,
    decoded,
    error,
    exceeded,
    make_plan,
    path,
    play,
    reached,
    refused,
    router,
)
from trippy_nb.model import (
    Match,
    Plan,
    Probe,
    Quote,
    Reply,
    ReplyKind,
    ReplyReceived,
    SocketMode,
    flow_checksum,
)
from trippy_nb.wire import encode_echo_reply, encode_icmp_error, encode_probe

NATTED = "203.0.113.200"
ELSEWHERE = "198.51.100.77"

KINDS: dict[str, dict[str, Any]] = {
    "icmp": {},
    "udp": {"protocol": "udp"},
    "udp-dport": {"protocol": "udp", "target_port": 53},
    "paris": {"protocol": "udp", "multipath": "paris"},
    "paris-dport": {"protocol": "udp", "multipath": "paris", "target_port": 53},
    "dublin": {"protocol": "udp", "multipath": "dublin"},
    "dublin-dport": {"protocol": "udp", "multipath": "dublin", "target_port": 53},
    "tcp": {"protocol": "tcp"},
    "tcp-sport": {"protocol": "tcp", "source_port": 5000},
}


def sent(plan: Plan) -> tuple[Player, Probe]:
    """A strategy that has sent its first window, and the third probe of it."""
    player = Player(plan)
    player.play(until_ns=START)
    return player, player.log.probes[2]


def judged(plan: Plan, make: Any, **changes: Any) -> ReplyReceived:
    player, probe = sent(plan)
    event = player.strategy.on_reply(make(plan, probe, START + MS, **changes), START + MS)
    assert event.probe in (None, probe), "credited to the wrong probe"
    return event


SHORT = {"quote_size": 28}

# What the quote says instead, and what that makes of the reply (None = unmatched); a whole packet is quoted
# unless the case says otherwise.
CONTRADICTIONS: list[Any] = [
    # anyone's
    *[(kind, {"dst": ELSEWHERE}, None) for kind in KINDS],
    *[(kind, {"protocol": 99}, None) for kind in KINDS],
    *[(kind, {"payload": b"\x77" * 40}, None) for kind in KINDS if not kind.startswith(("paris", "tcp"))],
    *[(kind, {"payload": b"\x77" * 40}, None) for kind in ("paris", "paris-dport")],
    # identifier and checksum
    ("icmp", {"icmp_id": 1}, None),
    ("icmp", {"icmp_id": 0, "src": NATTED, **SHORT}, None),
    ("icmp", {"icmp_id": 1, "src": NATTED, **SHORT}, Match.PORT_ONLY),
    ("icmp", {"icmp_id": 1, "src": NATTED}, Match.TOKEN),
    ("icmp", {"checksum": 1, **SHORT}, Match.PORT_ONLY),
    ("icmp", {"checksum": 1, "dst": None, **SHORT}, None),
    ("icmp", {"checksum": 1, "dst": None, "src": NATTED, **SHORT}, Match.PORT_ONLY),
    ("icmp", {"checksum": 1}, Match.TOKEN),
    ("icmp", {"icmp_seq": 1}, None),
    ("icmp", {"icmp_seq": None}, None),
    # ports
    ("udp", {"sport": 1}, None),
    ("udp", {"sport": 1, "src": NATTED, **SHORT}, Match.PORT_ONLY),
    ("udp", {"sport": 1, "src": NATTED}, Match.TOKEN),
    ("udp", {"dport": 1}, None),
    ("udp", {"src": NATTED, **SHORT}, Match.PORT_ONLY),
    ("udp", {"checksum": 1}, Match.TOKEN),  # what translators leave behind
    ("udp-dport", {"dport": 54}, None),
    ("udp-dport", {"src": NATTED}, None),  # the port that was the number cannot be trusted
    ("paris", {"sport": 1}, None),
    ("paris", {"dport": 1}, None),
    ("paris", {"sport": 1, "src": NATTED, **SHORT}, Match.PORT_ONLY),
    ("paris-dport", {"dport": 54}, None),
    ("paris", {"dport": None}, Match.TOKEN),
    ("paris", {"dport": None, "checksum": None, "ip_id": None}, None),
    ("paris", {"dport": None, "checksum": None}, Match.TOKEN),
    ("paris", {"dport": None, "checksum": None, "payload": None}, None),
    # Two places for the number: a translator rewrites one, a firewall the other, nobody the payload.
    ("paris", {**SHORT}, Match.HEADER),
    ("paris", {"checksum": 7, "src": NATTED, "sport": 1, **SHORT}, Match.PORT_ONLY),
    ("paris", {"checksum": 7, **SHORT}, Match.PORT_ONLY),
    ("paris", {"ip_id": 7, **SHORT}, Match.PORT_ONLY),
    ("paris", {"ip_id": 7, "checksum": 8, **SHORT}, None),
    ("paris", {"ip_id": 7, "checksum": 8}, Match.TOKEN),
    ("dublin", {"sport": 1}, None),
    ("dublin", {"dport": 1}, None),
    ("dublin", {"ip_id": 1}, Match.TOKEN),
    ("dublin", {"ip_id": None}, Match.TOKEN),
    ("dublin", {"ip_id": 1, **SHORT}, None),
    ("dublin", {"ip_id": None, **SHORT}, None),
    ("dublin", {"sport": 1, "src": NATTED, **SHORT}, Match.PORT_ONLY),
    ("dublin-dport", {"sport": 1}, None),
    ("dublin", {"sport": None, "dport": None, "dst": None, "payload": None}, Match.PORT_ONLY),
    # TCP
    ("tcp", {"tcp_seq": 1}, None),
    ("tcp", {"tcp_seq": 0x1111 << 16 | 33436}, None),  # the right number, without the secret
    ("tcp", {"sport": 1}, None),
    ("tcp", {"dport": 81}, None),
    ("tcp", {"sport": 1, "src": NATTED}, Match.TOKEN),  # its sequence number came back
    ("tcp", {"tcp_seq": None}, Match.HEADER),
    ("tcp", {"tcp_seq": None, "src": NATTED}, None),
    ("tcp-sport", {"tcp_seq": None, "sport": 1, "src": NATTED}, Match.PORT_ONLY),
]


@pytest.mark.parametrize(("kind", "changes", "match"), CONTRADICTIONS)
def test_contradictions_reject_and_translations_weaken(kind, changes, match):
    event = judged(make_plan(**KINDS[kind]), exceeded, **changes)
    assert event.match is match
    assert (event.kind is ReplyKind.UNMATCHED) == (match is None) == (event.probe is None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "field", ["src", "dst", "protocol", "ttl", "tos", "length", "checksum", "payload", "udp_length"]
)
def test_what_is_missing_contradicts_nothing(kind, field):
    plan = make_plan(**KINDS[kind])
    changes: dict[str, Any] = {field: None}
    if kind.startswith("paris") and field == "payload":
        changes = {field: None, **SHORT}
    assert judged(plan, exceeded, **changes).kind is ReplyKind.FIRST


def test_what_an_error_queue_tells_is_enough():
    """Destination and its port, nothing else: no sport, no address of ours, no payload."""
    plan = make_plan(protocol="udp", mode=SocketMode.ERROR_QUEUE)
    player, probe = sent(plan)
    quote = Quote(dst=plan.target.addr, dport=probe.dport)
    reply = Reply(responder=router(3), read_ns=START, icmp_type=11, icmp_code=0, quote=quote)
    event = player.strategy.on_reply(reply, START)
    assert (event.probe, event.match) == (probe, Match.HEADER)
    alone = replace(reply, quote=Quote(dport=player.log.probes[3].dport))
    assert player.strategy.on_reply(alone, START).match is Match.PORT_ONLY


def test_a_datagram_socket_brings_an_identifier_of_its_own():
    plan = make_plan(mode=SocketMode.DATAGRAM)
    assert judged(plan, exceeded, icmp_id=77).match is Match.TOKEN
    assert judged(plan, exceeded, icmp_id=77, payload=None).match is Match.HEADER
    player, probe = sent(plan)
    reply = reached(plan, probe, START)
    event = player.strategy.on_reply(replace(reply, quote=replace(reply.quote, icmp_id=77)), START)
    assert (event.probe, event.match) == (probe, Match.TOKEN)


def test_the_operating_system_may_name_the_probe():
    plan = make_plan(protocol="tcp", mode=SocketMode.ERROR_QUEUE)
    player, probe = sent(plan)
    named = Reply(responder=plan.target.addr, read_ns=START, tcp_flags=0x12, quote=Quote(), key=probe.key)
    event = player.strategy.on_reply(named, START)
    assert (event.probe, event.match, event.from_target) == (probe, Match.HEADER, True)
    other = player.log.probes[3]
    hop = Reply(responder=router(4), read_ns=START, icmp_type=11, icmp_code=0, quote=Quote(), key=other.key)
    assert player.strategy.on_reply(hop, START).match is Match.HEADER
    unknown = replace(named, key=999)
    assert player.strategy.on_reply(unknown, START).kind is ReplyKind.UNMATCHED


def test_a_kernel_that_chooses_the_sequence_number_contradicts_nothing():
    plan = make_plan(protocol="tcp", mode=SocketMode.ERROR_QUEUE)
    assert judged(plan, exceeded, tcp_seq=12345).match is Match.HEADER


# --- padding, cuts, and the secret ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [28, 29, 30, 31, 36, 38, 40])
def test_a_short_quote_padded_with_zeros_is_a_short_quote(kind, cut):
    """RFC 4884: a quote before extensions is padded to 128 bytes."""
    plan = make_plan(**KINDS[kind])
    player, probe = sent(plan)
    quote = encode_probe(plan, probe)[:cut].ljust(128, b"\0")
    packet = encode_icmp_error(quote, source=router(3), icmp_type=11, icmp_code=0)
    event = player.strategy.on_reply(decoded(packet, START), START)
    assert (event.probe, event.kind) == (probe, ReplyKind.FIRST)


@pytest.mark.parametrize("secret", [SECRET, b"ABCDEF\0\0", b"\0BCDEFG\0"])
@pytest.mark.parametrize("kind", ["icmp", "udp", "dublin"])
def test_a_secret_may_begin_and_end_with_zeros(kind, secret):
    plan = replace(make_plan(**KINDS[kind]), secret=secret)
    assert judged(plan, exceeded).kind is ReplyKind.FIRST
    assert judged(plan, reached).kind is ReplyKind.FIRST


def test_a_packet_without_room_for_the_secret_is_matched_by_its_headers():
    plan = make_plan(packet_size=28)
    assert judged(plan, exceeded).match is Match.HEADER
    assert judged(plan, reached).match is Match.HEADER


def test_paris_crosses_a_translator_that_restores_nothing_if_thirty_bytes_are_quoted():
    """Trippy cannot (its issue 1104): the checksum, which is the number, is not ours any more."""
    plan = make_plan(protocol="udp", multipath="paris")
    for checksum in (1, 33434, 33438, 0xFFFF):
        event = judged(plan, exceeded, src=NATTED, sport=1, checksum=checksum)
        assert (event.kind, event.match) == (ReplyKind.FIRST, Match.TOKEN)


@pytest.mark.parametrize("kind", ["paris", "dublin"])
def test_a_number_in_the_payload_is_believed_against_all_headers(kind):
    """A forger who knows one probe's headers, and another's payload, is credited with neither by header."""
    plan = make_plan(**KINDS[kind])
    player, probe = sent(plan)
    other = player.log.probes[3]
    theirs = decoded(
        encode_icmp_error(encode_probe(plan, other), source=router(3), icmp_type=11, icmp_code=0), START
    )
    mixed = replace(theirs.quote, ip_id=probe.seq, checksum=exceeded(plan, probe, START).quote.checksum)
    event = player.strategy.on_reply(replace(theirs, quote=mixed), START)
    assert event.probe == other


@pytest.mark.parametrize("kind", ["icmp", "tcp"])
def test_paris_of_icmp_and_tcp_is_told_by_its_sequence_number(kind):
    plan = make_plan(protocol=kind, multipath="paris")
    assert judged(plan, exceeded).match is Match.TOKEN
    assert judged(plan, exceeded, **SHORT).match is (Match.TOKEN if kind == "tcp" else Match.HEADER)
    assert judged(plan, reached).match is Match.TOKEN
    if kind == "tcp":
        assert judged(plan, exceeded, tcp_seq=None).match is None
        assert judged(plan, exceeded, sport=1, src=NATTED).match is Match.TOKEN


def test_an_icmp_flow_is_told_by_its_checksum():
    plan = make_plan(multipath="paris", protocol="icmp", rounds=3)
    player = Player(plan)
    player.play(until_ns=START + 2_500_000_000)
    first, third = (next(p for p in player.log.probes if p.round == number) for number in (0, 2))
    assert (first.flow, third.flow) == (0, 2)
    quote = exceeded(plan, third, START).quote
    assert quote.checksum == flow_checksum(plan, 2) != flow_checksum(plan, 0)


def test_another_run_of_ours_is_told_by_its_secret():
    plan = make_plan()
    other = replace(plan, secret=b"-another")
    player, probe = sent(plan)
    for reply in (exceeded(other, probe, START), reached(other, probe, START)):
        assert player.strategy.on_reply(reply, START).kind is ReplyKind.UNMATCHED


# --- other people's packets -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("icmp_id", "payload", "responder", "match"),
    [
        pytest.param(0, "ours", "target", None, id="identifier-0"),
        pytest.param(0x7E58, "ours", "target", None, id="identifier"),
        pytest.param(0x7E57, b"another program's ping ......", "target", None, id="payload"),
        pytest.param(0x7E57, b"", "target", Match.HEADER, id="payload-cut"),
        pytest.param(0x7E57, b"", ELSEWHERE, None, id="payload-cut-elsewhere"),
        pytest.param(0x7E57, "ours", ELSEWHERE, Match.TOKEN, id="target-with-two-addresses"),
        pytest.param(0x7E57, "ours", "target", Match.TOKEN, id="ours"),
    ],
)
def test_echo_replies_of_others(icmp_id, payload, responder, match):
    plan = make_plan()
    player, probe = sent(plan)
    reply = decoded(encode_echo_reply(encode_probe(plan, probe)), START)
    quote = replace(reply.quote, icmp_id=icmp_id)
    if payload != "ours":
        quote = replace(quote, payload=payload)
    where = plan.target.addr if responder == "target" else responder
    event = player.strategy.on_reply(replace(reply, responder=where, quote=quote), START)
    assert event.match is match


def test_a_syn_ack_of_somebody_elses_connection_is_not_ours():
    """Our numbers are ephemeral ports too: another program's connection to another host's port 80."""
    plan = make_plan(protocol="tcp")
    player, probe = sent(plan)
    reply = reached(plan, probe, START)
    for quote in (
        replace(reply.quote, tcp_seq=1),
        replace(reply.quote, tcp_seq=None),
    ):
        event = player.strategy.on_reply(replace(reply, responder=ELSEWHERE, quote=quote), START)
        assert event.kind is ReplyKind.UNMATCHED
    event = player.strategy.on_reply(replace(reply, responder=ELSEWHERE), START)
    assert (event.match, event.from_target) == (Match.TOKEN, True)


@pytest.mark.parametrize(
    ("field", "value"), [("sport", 1), ("dport", 81), ("tcp_seq", 7), ("tcp_seq", 0x1111 << 16 | 33436)]
)
def test_a_tcp_answer_that_differs_is_not_ours(field, value):
    plan = make_plan(protocol="tcp", mode=SocketMode.RAW)
    player, probe = sent(plan)
    reply = refused(plan, probe, START)
    changed = replace(reply, quote=replace(reply.quote, **{field: value}))
    assert player.strategy.on_reply(changed, START).kind is ReplyKind.UNMATCHED


def test_a_reset_without_an_acknowledgment_is_believed_of_the_target_only():
    plan = make_plan(protocol="tcp")
    player, probe = sent(plan)
    reply = refused(plan, probe, START)
    bare = replace(reply, quote=replace(reply.quote, tcp_seq=None))
    assert player.strategy.on_reply(bare, START).match is Match.HEADER


@pytest.mark.parametrize(
    ("af", "kind", "code"), [(4, 11, 1), (6, 3, 1), (4, 5, 0), (4, 8, 0), (6, 128, 0), (6, 135, 0)]
)
def test_what_tells_of_no_hop_is_unmatched(af, kind, code):
    """Fragment reassembly exceeded (trippy issue 979), redirects, requests, neighbours."""
    plan = make_plan(af)
    player, probe = sent(plan)
    reply = replace(exceeded(plan, probe, START), icmp_type=kind, icmp_code=code)
    assert player.strategy.on_reply(reply, START).kind is ReplyKind.UNMATCHED


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_an_echo_reply_answers_no_udp_or_tcp_probe(kind):
    plan = make_plan(**KINDS[kind])
    player, probe = sent(plan)
    echo = replace(exceeded(plan, probe, START), icmp_type=0)
    assert player.strategy.on_reply(echo, START).kind is ReplyKind.UNMATCHED


def test_a_tcp_answer_answers_no_icmp_probe():
    player, probe = sent(make_plan())
    reply = replace(reached(make_plan(), probe, START), icmp_type=None, tcp_flags=0x12)
    assert player.strategy.on_reply(reply, START).kind is ReplyKind.UNMATCHED
    nothing = Reply(responder=router(1), read_ns=START, quote=Quote())
    assert player.strategy.on_reply(nothing, START).kind is ReplyKind.UNMATCHED


OPTIONAL = st.none() | st.integers(0, 0xFFFF)
ADDRESSES = st.sampled_from([None, "192.0.2.1", "198.51.100.9", ELSEWHERE, NATTED])


@given(
    kind=st.sampled_from(sorted(KINDS)),
    quote=st.builds(
        Quote,
        src=ADDRESSES,
        dst=ADDRESSES,
        protocol=st.sampled_from([None, 1, 6, 17]),
        ip_id=OPTIONAL,
        sport=st.sampled_from([None, SPORT, 5000, 33436]),
        dport=st.sampled_from([None, 53, 80, 33434, 33436]),
        icmp_id=st.sampled_from([None, 0, 0x7E57]),
        icmp_seq=st.sampled_from([None, 33436]),
        checksum=st.sampled_from([None, 0x1234, 33436]),
        udp_length=OPTIONAL,
        tcp_seq=OPTIONAL,
        payload=st.none() | st.binary(max_size=24),
    ),
    icmp_type=st.sampled_from([None, 0, 3, 11]),
    key=st.sampled_from([None, 2, 99]),
)
def test_no_quote_breaks_the_judge_and_a_wrong_destination_is_never_credited(kind, quote, icmp_type, key):
    player, _ = sent(make_plan(**KINDS[kind]))
    flags = 0x12 if icmp_type is None else None
    reply = Reply(
        responder=router(3),
        read_ns=START,
        icmp_type=icmp_type,
        tcp_flags=flags,
        icmp_code=0,
        quote=quote,
        key=key,
    )
    event = player.strategy.on_reply(reply, START)
    if event.probe is not None and icmp_type in (3, 11):
        assert quote.dst in (None, "198.51.100.9")
    if event.probe is not None and icmp_type == 0:
        assert quote.icmp_id != 0


# --- the target -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "af", "icmp", "by", "from_target"),
    [
        pytest.param("icmp", 4, (11, 0), "router", False, id="router"),
        pytest.param("icmp", 4, (11, 0), "target", True, id="exceeded-by-target"),
        pytest.param("icmp", 4, (3, 1), "target", True, id="unreachable-by-target"),
        pytest.param("icmp", 4, (3, 3), "router", False, id="port-unreachable-to-icmp"),
        pytest.param("udp", 4, (3, 3), "router", True, id="udp-target-with-two-addresses"),
        pytest.param("udp", 6, (1, 4), "router", True, id="udp-target-with-two-addresses-v6"),
        pytest.param("udp", 4, (3, 1), "router", False, id="host-unreachable"),
        pytest.param("tcp", 4, (3, 3), "router", False, id="firewall-rejects-tcp"),
        pytest.param("udp", 4, (3, 13), "router", False, id="prohibited"),
        pytest.param("udp", 4, (3, 9), "router", False, id="network-prohibited"),
        pytest.param("udp", 4, (3, 10), "router", False, id="host-prohibited"),
        pytest.param("udp", 6, (1, 1), "router", False, id="prohibited-v6"),
    ],
)
def test_who_shows_the_target(kind, af, icmp, by, from_target):
    plan = make_plan(af, **KINDS[kind])
    player, probe = sent(plan)
    addr = plan.target.addr if by == "target" else router(3, af)
    reply = error(plan, probe, START, by=addr, kind=icmp[0], code=icmp[1])
    event = player.strategy.on_reply(reply, START)
    assert (event.kind, event.from_target) == (ReplyKind.FIRST, from_target)


def test_tracing_ourselves_reaches_the_target():
    plan = make_plan(protocol="udp")
    ourselves = replace(plan, target=replace(plan.target, addr=plan.source))
    log = play(ourselves, path(ourselves, 1))
    assert log.kinds()[0, 1] == [ReplyKind.FIRST]
    assert log.rounds[0].target_ttl == 1


def test_dublin_on_ipv6_is_numbered_by_length_and_by_nothing_else():
    plan = make_plan(6, protocol="udp", multipath="dublin")
    assert judged(plan, exceeded, udp_length=None).kind is ReplyKind.UNMATCHED
    assert judged(plan, exceeded, udp_length=9999).kind is ReplyKind.UNMATCHED
    assert judged(plan, exceeded).match is Match.HEADER  # two bytes after "trippy": no room for the secret
