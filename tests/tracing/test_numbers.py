"""Numbers, ports and flows of every kind of probe that Trippy has, and how numbers come round."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Any

import pytest

from tests.tracing.world import (
    MS,
    SPORT,
    START,
    Player,
    S,
    exceeded,
    make_plan,
    path,
    play,
    reached,
    router,
)
from trippy_nb.errors import ConfigError
from trippy_nb.model import (
    FlowOpened,
    Match,
    Plan,
    Probe,
    ReplyKind,
    SocketMode,
    flow_checksum,
    flow_label,
)
from trippy_nb.tracing import Numbering, Strategy
from trippy_nb.wire import decode_ip, encode_probe

SEQ = 33434
VARIES = None

# protocol, multipath, options -> for round 1 and its second probe: ports, and the flow's ports.
# (Two rounds of 23 and 5 probes are played: the second probe of round 1 has the number SEQ + 24.)
MATRIX: list[Any] = [
    pytest.param("icmp", "classic", {}, (0, 0), (None, None), id="icmp"),
    pytest.param("icmp", "paris", {}, (0, 0), (None, None), id="icmp-paris"),
    pytest.param("tcp", "paris", {}, (SEQ + 1, 80), (SEQ + 1, 80), id="tcp-paris"),
    pytest.param(
        "tcp", "paris", {"source_port": 5000}, (5000, SEQ + 1), (5000, SEQ + 1), id="tcp-paris-sport"
    ),
    pytest.param(
        "tcp",
        "paris",
        {"source_port": 5000, "target_port": 443},
        (5000, 443),
        (5000, 443),
        id="tcp-paris-both",
    ),
    pytest.param("udp", "classic", {}, (SPORT, SEQ + 24), (SPORT, VARIES), id="udp-classic"),
    pytest.param(
        "udp", "classic", {"source_port": 5000}, (5000, SEQ + 24), (5000, VARIES), id="udp-classic-sport"
    ),
    pytest.param("udp", "classic", {"target_port": 53}, (SEQ + 24, 53), (VARIES, 53), id="udp-classic-dport"),
    pytest.param("tcp", "classic", {}, (SEQ + 24, 80), (VARIES, 80), id="tcp"),
    pytest.param("tcp", "classic", {"target_port": 443}, (SEQ + 24, 443), (VARIES, 443), id="tcp-dport"),
    pytest.param("tcp", "classic", {"source_port": 5000}, (5000, SEQ + 24), (5000, VARIES), id="tcp-sport"),
    *(
        pytest.param("udp", strategy, options, ports, ports, id=f"udp-{strategy}-{name}")
        for strategy in ("paris", "dublin")
        for name, options, ports in [
            ("default", {}, (SPORT, SEQ + 1)),
            ("sport", {"source_port": 5000}, (5000, SEQ + 1)),
            ("dport", {"target_port": 53}, (SEQ + 1, 53)),
            ("both", {"source_port": 5000, "target_port": 53}, (5000, 53)),
        ]
    ),
]


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize(("protocol", "multipath", "options", "ports", "flow"), MATRIX)
def test_every_kind_of_probe_is_numbered_answered_and_has_its_flow(
    af, protocol, multipath, options, ports, flow
):
    plan = make_plan(af, protocol=protocol, multipath=multipath, rounds=2, **options)
    log = play(plan, path(plan, 5))
    second = log.probes[24]
    assert (second.round, second.ttl, second.seq) == (1, 2, SEQ + 24)
    assert (second.sport, second.dport) == ports
    opened = log.flows[-1]
    assert (opened.sport, opened.dport) == flow
    assert opened.flow == second.flow
    # Everything was answered by what its bytes, sent and quoted, tell.
    assert {kind for kinds in log.kinds().values() for kind in kinds} == {ReplyKind.FIRST}
    assert len(log.replies) == len(log.probes) == 28
    assert [event.target_ttl for event in log.rounds] == [5, 5]


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize(("protocol", "multipath", "options", "ports", "flow"), MATRIX)
@pytest.mark.parametrize("size", [8, 16, None])
def test_a_quote_of_the_first_eight_bytes_is_enough(af, protocol, multipath, options, ports, flow, size):
    plan = make_plan(af, protocol=protocol, multipath=multipath, rounds=1, max_ttl=4, **options)
    quote_size = None if size is None else size + (20 if af == 4 else 40)
    log = play(plan, lambda probe, at: [exceeded(plan, probe, at + MS, quote_size=quote_size)])
    assert log.kinds() == {(0, ttl): [ReplyKind.FIRST] for ttl in range(1, 5)}
    tokens = [event.match is Match.TOKEN for event in log.replies]
    if protocol == "tcp":
        assert all(tokens)  # the number on the wire holds half a secret, in the first eight bytes
    elif size == 8:
        assert not any(tokens)
    elif size is None and not (multipath == "dublin" and af == 6):  # its first payloads are too short
        assert all(tokens)


def test_flows_name_what_stays_the_same():
    icmp, classic = make_plan(6), make_plan(6, protocol="udp")
    paris = make_plan(6, protocol="udp", multipath="paris")
    assert play(icmp).flows[0] == FlowOpened(0, None, None, 0x7E57, 0x1234, 0x54321)
    assert play(classic).flows[0] == FlowOpened(0, SPORT, None, None, None, 0x54321)
    assert play(paris).flows[1] == FlowOpened(1, SPORT, 33435, None, None, flow_label(paris, 1))
    many = make_plan(6, protocol="icmp", multipath="paris")
    second = FlowOpened(1, None, None, 0x7E57, flow_checksum(many, 1), flow_label(many, 1))
    assert play(many).flows[1] == second
    tcp = make_plan(6, protocol="tcp", multipath="paris")
    assert play(tcp).flows[1] == FlowOpened(1, 33435, 80, None, None, flow_label(tcp, 1))


def test_a_datagram_socket_makes_up_its_own_identifier_and_label():
    plan = make_plan(6, mode=SocketMode.DATAGRAM)
    assert play(plan).flows[0] == FlowOpened(0, None, None, None, None, None)


def test_a_flow_is_opened_once_before_its_first_probe():
    plan = make_plan(protocol="udp", multipath="dublin", rounds=4)
    log = play(plan, path(plan, 3))
    assert [event.flow for event in log.flows] == [0, 1, 2, 3]
    assert [{probe.flow for probe in log.probes if probe.round == n} for n in range(4)] == [
        {0},
        {1},
        {2},
        {3},
    ]
    positions = {event.flow: index for index, event in enumerate(log.events) if isinstance(event, FlowOpened)}
    for index, event in enumerate(log.events):
        probe = getattr(event, "probe", None)
        if probe is not None:
            assert positions[probe.flow] < index


@pytest.mark.parametrize("options", [{}, {"protocol": "udp"}, {"protocol": "tcp"}])
def test_other_kinds_have_one_flow_for_ever(options):
    plan = make_plan(rounds=5, **options)
    assert len(play(plan, path(plan, 3)).flows) == 1


@pytest.mark.parametrize("initial", [1, 1023, 1024, 33434, 64511])
def test_ports_of_rounds_come_round_without_touching_low_ones(initial):
    numbering = Numbering(make_plan(protocol="udp", multipath="paris", initial_sequence=initial))
    ports = [numbering.round_port(round_) for round_ in range(64_511)]
    assert ports[0] == max(initial, 1024)
    assert (min(ports), max(ports), len(set(ports))) == (1024, 65_534, 64_511)
    assert numbering.round_port(64_511) == ports[0]


def test_a_port_that_came_round_is_its_old_flow_so_flows_fit_sixteen_bits():
    numbering = Numbering(make_plan(protocol="udp", multipath="paris"))
    flows = [numbering.open_flow(round_)[0] for round_ in range(64_511)]
    assert max(flows) == 64_510
    assert numbering.open_flow(64_511) == (0, None)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("both", [False, True])
def test_a_plan_whose_ports_cannot_tell_probes_apart_is_refused(protocol, both):
    plan = make_plan(protocol=protocol)
    ports = {"sport": 5000, "dport": 53} if both else {"sport": None, "dport": None}
    broken = Plan(**{name: getattr(plan, name) for name in Plan.__dataclass_fields__} | ports)
    with pytest.raises(ConfigError, match="source_port or"):
        Strategy(broken)


def test_port_zero_is_nobodys():
    plan = make_plan(protocol="udp", initial_sequence=0, rounds=1)
    assert play(plan).probes[0].dport == 1
    assert play(make_plan(initial_sequence=0, rounds=1)).probes[0].seq == 0


# --- numbers come round -----------------------------------------------------------------------------------


def test_numbers_begin_again_between_rounds_only():
    """As Trippy's test_sequence_wrap1: a round that begins at 65022 is the last before the wrap."""
    plan = make_plan(initial_sequence=64_511, rounds=14, max_ttl=40)
    log = play(plan, path(plan, 40))
    firsts = [next(probe.seq for probe in log.probes if probe.round == n) for n in range(14)]
    assert firsts == [64_511 + 40 * n for n in range(13)] + [64_511]
    for n in range(14):
        seqs = [probe.seq for probe in log.probes if probe.round == n]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_after_thousands_of_rounds_the_numbers_are_where_trippys_are():
    """As Trippy's test_sequence_wrap2: 2000 rounds of 254 probes end where they began."""
    plan = make_plan(max_ttl=254, max_inflight=255, rounds=None)
    numbering, seq = Numbering(plan), 33434
    for _ in range(2000):
        seq += 254
        if seq >= numbering.wrap_at:
            seq = numbering.first
    assert seq == 33434


@pytest.mark.parametrize("options", [{"source_port": 5000, "target_port": 53}, {}])
def test_dublin_on_ipv6_starts_again_after_512_so_packets_stay_small(options):
    plan = make_plan(
        6, protocol="udp", multipath="dublin", max_ttl=254, max_inflight=255, rounds=6, **options
    )
    log = play(plan, path(plan, 254))
    firsts = [next(probe.seq for probe in log.probes if probe.round == n) for n in range(6)]
    assert firsts == [33434, 33434 + 254, 33434 + 508, 33434, 33434 + 254, 33434 + 508]
    sizes = [len(encode_probe(plan, probe)) for probe in log.probes]
    assert max(sizes) == 40 + 8 + 6 + 508 + 253
    assert len(log.replies) == len(log.probes)


# --- late, and after a number was used again --------------------------------------------------------------


def test_a_late_answer_is_credited_to_its_own_probe_and_marked():
    plan = make_plan(rounds=3)
    log = play(plan, path(plan, 3, rtt_ms=[10.0, 1500.0, 20.0]))
    assert log.kinds()[0, 2] == log.kinds()[1, 2] == [ReplyKind.LATE]
    assert log.kinds()[0, 1] == log.kinds()[0, 3] == [ReplyKind.FIRST]


def test_an_answer_after_its_time_out_is_late_even_in_its_round():
    plan = make_plan(rounds=2, min_round_duration=3.0, max_round_duration=5.0, probe_timeout=1.0)
    log = play(plan, path(plan, 3, rtt_ms=[1000.0, 1001.0, 20.0]))
    assert log.kinds()[0, 1] == [ReplyKind.FIRST]
    assert log.kinds()[0, 2] == [ReplyKind.LATE]


def test_late_is_judged_by_arrival_not_by_reading():
    plan = make_plan(rounds=1, max_ttl=1, min_round_duration=0.5, max_round_duration=0.5)
    player = Player(plan)
    player.play(until_ns=START + 600 * MS)
    (probe,) = player.log.probes
    reply = exceeded(plan, probe, START + 600 * MS)
    assert player.strategy.on_reply(reply, START + 499 * MS).kind is ReplyKind.FIRST


def test_a_target_that_is_farther_away_than_a_round_is_long_is_found_all_the_same():
    plan = make_plan(rounds=8, min_round_duration=0.1, max_round_duration=0.1, grace_duration=0.05)
    log = play(plan, path(plan, 4, rtt_ms=350.0))
    assert [len(log.ttls(n)) for n in range(8)] == [23] * 4 + [4] * 4
    assert {kind for kinds in log.kinds().values() for kind in kinds} == {ReplyKind.LATE}


def test_the_second_answer_is_a_duplicate_and_moves_nothing():
    plan = make_plan(rounds=2)

    def respond(probe: Probe, at_ns: int):
        yield from path(plan, 5)(probe, at_ns)
        if probe.ttl == 5:  # something else claims the target's place, 5 ms later
            yield exceeded(plan, probe, at_ns + 15 * MS)

    log = play(plan, respond)
    assert log.kinds()[0, 5] == [ReplyKind.FIRST, ReplyKind.DUP]
    assert log.rounds[1].target_ttl == 5
    assert log.ttls(1) == [1, 2, 3, 4, 5]


def test_tcp_may_answer_with_an_error_and_then_a_reset():
    """As Trippy's test_tcp_dest_unreachable_and_refused."""
    from tests.tracing.world import error, refused

    plan = make_plan(protocol="tcp", rounds=1)
    log = play(
        plan,
        lambda probe, at: [
            error(plan, probe, at + MS, by=plan.target.addr, kind=3, code=1),
            refused(plan, probe, at + 2 * MS),
        ],
    )
    assert log.kinds()[0, 1] == [ReplyKind.FIRST]
    assert log.ended_ns - START == MS


def _wrapped(*, gap_s: float = 0.0, **options: Any) -> tuple[Player, list[Probe]]:
    """A run whose numbers came round: (player, the probes with the number of TTL 2 in round 0)."""
    plan = make_plan(initial_sequence=64_511, rounds=None, max_ttl=64, max_inflight=255, **options)
    player = Player(plan, path(plan, 64, silent=[2, 64]))
    player.play(until_ns=START + round((8.5 + gap_s) * S))
    seq = player.log.probes[1].seq
    return player, [probe for probe in player.log.probes if probe.seq == seq]


def test_a_late_answer_that_came_before_its_number_was_used_again_is_the_old_probes():
    player, (old, new) = _wrapped()
    assert (old.round, new.round, old.ttl, new.ttl) == (0, 8, 2, 2)
    reply = exceeded(player.plan, old, player.now_ns)
    event = player.strategy.on_reply(reply, START + 7 * S)  # stamped before round 8 began
    assert (event.probe, event.kind) == (old, ReplyKind.LATE)
    short = exceeded(player.plan, old, player.now_ns, quote_size=28)
    event = player.strategy.on_reply(short, START + 8 * S + 200 * MS)
    assert (event.probe, event.kind) == (new, ReplyKind.FIRST)  # nothing in 28 bytes tells them apart


@pytest.mark.parametrize(
    "options", [{}, {"protocol": "udp"}, {"protocol": "tcp"}], ids=["icmp", "udp", "tcp"]
)
def test_the_token_tells_the_late_answer_from_the_new_one_whenever_it_comes(options):
    player, (old, new) = _wrapped(**options)
    late_ns = START + 8 * S + 200 * MS  # after the new one was sent
    for probe, kind in (
        (old, ReplyKind.LATE),
        (old, ReplyKind.DUP),
        (new, ReplyKind.FIRST),
        (old, ReplyKind.DUP),
    ):
        event = player.strategy.on_reply(exceeded(player.plan, probe, late_ns), late_ns)
        assert (event.probe, event.kind, event.match) == (probe, kind, Match.TOKEN)


def test_a_token_goes_before_what_merely_does_not_contradict():
    """A secret that ends in zeros might be padding cut short: then the newer probe is not contradicted."""
    options: dict[str, Any] = {"initial_sequence": 64_511, "rounds": None, "max_ttl": 64, "max_inflight": 255}
    plan = replace(make_plan(**options), secret=b"1234567\0")
    player = Player(plan, path(plan, 64, silent=[2, 64]))
    player.play(until_ns=START + round(8.5 * S))
    old, new = (probe for probe in player.log.probes if probe.seq == player.log.probes[1].seq)
    late_ns = START + 8 * S + 200 * MS
    event = player.strategy.on_reply(exceeded(plan, old, late_ns), late_ns)
    assert (new.round, event.probe, event.match) == (8, old, Match.TOKEN)


def test_ports_of_rounds_tell_the_late_answer_from_the_new_one_whenever_it_comes():
    plan = make_plan(
        6, protocol="udp", multipath="dublin", rounds=None, max_ttl=64, max_inflight=255, probe_timeout=60.0
    )
    player = Player(plan, path(plan, 64, silent=[2, 64]))
    player.play(until_ns=START + round(8.5 * S))
    old, new = (probe for probe in player.log.probes if probe.seq == player.log.probes[1].seq)
    assert (old.round, new.round) == (0, 8)
    event = player.strategy.on_reply(exceeded(plan, old, player.now_ns), player.now_ns)
    assert (event.probe, event.kind) == (old, ReplyKind.LATE)
    event = player.strategy.on_reply(exceeded(plan, new, player.now_ns), player.now_ns)
    assert (event.probe, event.kind) == (new, ReplyKind.FIRST)


def test_the_number_of_an_unanswered_probe_is_not_used_again_too_soon():
    """512 numbers, silence, and rounds of 10 ms: without the guard they would come round within 80 ms."""
    plan = make_plan(
        initial_sequence=64_511,
        rounds=30,
        max_inflight=255,
        probe_timeout=2.0,
        min_round_duration=0.01,
        max_round_duration=0.01,
    )
    log = play(plan)
    last: dict[int, int] = {}
    for at_ns, send in log.sends:
        for probe in send.probes:
            assert at_ns - last.get(probe.seq, -10 * S) >= 2 * S
            last[probe.seq] = at_ns
    assert len({probe.round for probe in log.probes}) == 30
    assert all(len(log.ttls(n)) == 64 for n in range(30))


def test_a_wait_for_numbers_does_not_outlast_the_duration():
    plan = make_plan(
        initial_sequence=64_511,
        rounds=None,
        duration=0.1,
        max_inflight=255,
        probe_timeout=0.01,
        min_round_duration=0.01,
        max_round_duration=0.01,
    )
    log = play(plan)
    # Eight rounds, then nothing is free before 0.125 s: 512 numbers at 4096 a second.
    assert len(log.rounds) == 8
    assert log.ended_ns - START == 100 * MS


def test_answered_numbers_are_free_at_once():
    plan = make_plan(
        initial_sequence=64_511,
        rounds=40,
        max_ttl=64,
        min_round_duration=0.01,
        max_round_duration=0.05,
        grace_duration=0.01,
    )
    log = play(plan, path(plan, 64, rtt_ms=1.0))
    assert log.ended_ns - START < 2 * S


def test_what_is_remembered_is_bounded_and_what_is_forgotten_is_unmatched():
    plan = make_plan(rounds=None, max_ttl=20, max_inflight=255)
    player = Player(plan, path(plan, 20, silent=[20]))
    player.play(until_ns=START + round(70.5 * S))
    memory = player.strategy._memory
    assert len(memory) == 63 * 20  # at 70 s those of 8 s, which expired at 10 s, are the oldest
    old = player.log.probes[19]
    assert (
        player.strategy.on_reply(exceeded(plan, old, player.now_ns), player.now_ns).kind
        is ReplyKind.UNMATCHED
    )
    assert next(iter(memory)).probe.round == 8


def test_no_more_than_65536_probes_are_remembered(monkeypatch):
    from trippy_nb.tracing import memory as module

    monkeypatch.setattr(module, "REMEMBERED_PROBES", 100)
    plan = make_plan(rounds=20, max_ttl=30, max_inflight=255)
    player = Player(plan, path(plan, 30, silent=range(31)))
    player.play()
    assert len(player.strategy._memory) == 100 + 30


def test_a_chain_of_old_numbers_is_cut_where_memory_ends():
    plan = make_plan(6, protocol="udp", multipath="dublin", rounds=None, max_ttl=64, max_inflight=255)
    player = Player(plan)
    player.play(until_ns=START + 200 * S)
    for record in player.strategy._memory:
        length, older = 0, record.older
        while older is not None:
            length, older = length + 1, older.older
        assert length <= 9  # a number comes round every 8 s; 63 s are remembered
    forgotten = next(probe for probe in player.log.probes if probe.round == 133)
    assert next(iter(player.strategy._memory)).probe.round == 138  # whose numbers are those of round 130
    event = player.strategy.on_reply(exceeded(plan, forgotten, player.now_ns), player.now_ns)
    assert event.kind is ReplyKind.UNMATCHED


def test_a_forged_flood_of_ports_does_not_fill_the_paris_sums():
    plan = make_plan(protocol="udp", multipath="paris", target_port=53, rounds=1, max_ttl=1)
    player = Player(plan)
    player.play(until_ns=START)
    (probe,) = player.log.probes
    for sport in range(2000, 3000):
        reply = exceeded(plan, probe, START, sport=sport)
        player.strategy.on_reply(reply, START)
    assert len(player.strategy._numbering._paris_sums) <= 512


def test_a_number_given_back_is_its_former_probes_again():
    """After the wrap a port is in use: the late answer to who had that number before still finds its way."""
    plan = make_plan(protocol="tcp", initial_sequence=64_511, rounds=None, max_ttl=64, max_inflight=255)
    busy = 64_511 + 9
    player = Player(
        plan, errno_of=lambda probe: errno.EADDRINUSE if (probe.round, probe.seq) == (8, busy) else 0
    )
    player.play(until_ns=START + round(8.5 * S))
    old = player.log.probes[9]
    again = next(probe for probe in player.log.probes if probe.round == 8 and probe.ttl == old.ttl)
    assert (old.seq, again.seq) == (busy, 64_511 + 64)
    event = player.strategy.on_reply(exceeded(plan, old, player.now_ns), player.now_ns)
    assert (event.probe, event.kind) == (old, ReplyKind.LATE)
    event = player.strategy.on_reply(exceeded(plan, again, player.now_ns), player.now_ns)
    assert (event.probe, event.kind) == (again, ReplyKind.FIRST)


def test_a_stamp_from_before_the_probe_was_sent_is_not_believed_but_the_reply_is():
    plan = make_plan(rounds=None, max_ttl=1, max_round_duration=1.0)
    player = Player(plan)
    player.play(until_ns=START + round(1.5 * S))
    probe = player.log.probes[1]
    event = player.strategy.on_reply(exceeded(plan, probe, player.now_ns), START)
    assert (event.probe, event.kind) == (probe, ReplyKind.FIRST)
    # Were the stamp believed, this round's latest answer would lie before its beginning.
    assert player.strategy._round is not None
    assert player.strategy._round.latest_ns == player.now_ns


def test_the_ip_header_of_a_probe_is_what_the_flow_says():
    plan = make_plan(6, protocol="udp", multipath="paris", rounds=1)
    log = play(plan)
    packet = decode_ip(encode_probe(plan, log.probes[0]))
    assert packet.src == plan.source
    assert int.from_bytes(packet.payload[:2], "big") == log.flows[0].sport
    assert int.from_bytes(packet.payload[2:4], "big") == log.flows[0].dport


def test_routers_of_the_tests_are_no_target():
    assert router(1) != make_plan().target.addr
    assert reached(make_plan(), Probe(0, 0, 0, 1, 0, 33434, 0, 0), 0).responder == make_plan().target.addr
