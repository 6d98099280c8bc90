"""Rounds, as Trippy makes them: told times and replies, no channel at all."""

from __future__ import annotations

import errno

import pytest

from tests.tracing.world import (
    MS,
    START,
    Log,
    Player,
    S,
    error,
    exceeded,
    make_plan,
    path,
    play,
    reached,
)
from trippy_nb.errors import ChannelError
from trippy_nb.model import EndReason, Probe, ProbeFailed, ReplyKind, SendReceipt
from trippy_nb.tracing import Done, EndRound, Send, Strategy, WaitUntil


def seconds(log: Log) -> float:
    return (log.ended_ns - START) / S


def test_the_whole_window_leaves_in_one_send():
    plan = make_plan()
    send = Strategy(plan).next_action(START)
    assert isinstance(send, Send)
    # trippy: ttl - farthest < max_inflight, so 23 of 24
    assert [probe.ttl for probe in send.probes] == list(range(1, 24))


def test_keys_count_from_zero_and_sequences_from_the_initial_one():
    log = play(make_plan(rounds=3), path(make_plan(), 4))
    assert [probe.key for probe in log.probes] == list(range(len(log.probes)))
    assert [probe.seq for probe in log.probes] == [33434 + n for n in range(len(log.probes))]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, range(1, 24), id="trippy-defaults"),
        pytest.param({"max_ttl": 5}, range(1, 6), id="max-ttl"),
        pytest.param({"max_inflight": 4}, range(1, 4), id="window"),
        pytest.param({"max_inflight": 1}, [1], id="window-of-one-sends-one"),
        pytest.param({"first_ttl": 30}, range(30, 53), id="first-ttl-beyond-the-window"),
        pytest.param({"gap_limit": 5}, range(1, 6), id="gap-limit"),
        pytest.param({"gap_limit": 200}, range(1, 24), id="gap-limit-beyond-the-window"),
        pytest.param({"ttls": [11, 12, 16, 22]}, [11, 12, 16, 22], id="ttls-only"),
        pytest.param({"ttls": [11, 70, 90], "max_inflight": 3}, [11, 70], id="ttls-by-place"),
    ],
)
def test_a_silent_path_is_probed_as_far_as_the_window_goes(options, expected):
    log = play(make_plan(rounds=1, **options))
    assert log.ttls() == list(expected)


def test_each_answer_moves_the_window_on():
    plan = make_plan(rounds=1, max_inflight=4, max_round_duration=2.0)
    log = play(plan, path(plan, 30, rtt_ms=[10.0 * ttl for ttl in range(1, 31)], silent=[30]))
    # TTL 1 answers at 10 ms, which allows 4, and so on: never more than three beyond the farthest answer.
    assert log.windows()[:4] == [[1, 2, 3], [4], [5], [6]]
    assert log.ttls()[-1] == 30 + 2


def test_answers_out_of_order_do_not_draw_the_window_back():
    """As Trippy's ipv4_icmp_ooo."""
    plan = make_plan(rounds=1, max_inflight=4)
    log = play(plan, path(plan, 9, rtt_ms=[30.0, 20.0, 10.0, *[1.0] * 6], silent=range(4, 10)))
    assert log.windows() == [[1, 2, 3], [4, 5, 6]]
    assert log.rounds[0].largest_ttl == 4


def test_grace_counts_from_the_latest_arrival_not_from_the_latest_reading():
    plan = make_plan(rounds=2, max_ttl=2, min_round_duration=0.1, max_round_duration=1.0, grace_duration=0.1)
    player = Player(plan)
    player.play(until_ns=START + 60 * MS)
    hop, target = player.log.probes
    player.strategy.on_reply(reached(plan, target, START + 60 * MS), START + 50 * MS)
    player.strategy.on_reply(exceeded(plan, hop, START + 60 * MS), START + 20 * MS)
    assert player.strategy.next_action(player.now_ns) == WaitUntil(START + 150 * MS)


def test_a_contested_target_sends_no_more_in_its_round_and_explores_in_the_next():
    plan = make_plan(rounds=2, max_inflight=4)

    def respond(probe: Probe, at_ns: int):
        if probe.ttl == 2:
            return [reached(plan, probe, at_ns + 10 * MS)]
        return [exceeded(plan, probe, at_ns + 15 * MS)]

    log = play(plan, respond)
    assert log.windows() == [[1, 2, 3], [1, 2, 3]]
    assert log.rounds[0].target_ttl is None


def test_max_ttl_ends_the_window():
    plan = make_plan(rounds=1, max_ttl=6, max_inflight=4)
    log = play(plan, path(plan, 30))
    assert log.ttls() == [1, 2, 3, 4, 5, 6]


def test_the_first_round_explores_and_the_second_knows_the_target():
    plan = make_plan(rounds=2)
    log = play(plan, path(plan, 5))
    assert log.ttls(0) == list(range(1, 24))
    assert log.ttls(1) == [1, 2, 3, 4, 5]


def test_nothing_is_sent_once_the_target_has_answered_in_this_round():
    plan = make_plan(rounds=1, max_inflight=3)
    log = play(plan, path(plan, 2, rtt_ms=[5.0, 3.0]))
    assert log.ttls() == [1, 2]


@pytest.mark.parametrize(
    ("length", "rtt_ms", "lasts_ms"),
    [
        pytest.param(3, 10.0, 300, id="min"),
        pytest.param(3, [10.0, 10.0, 280.0], 280 + 100, id="grace-after-the-last-answer"),
        pytest.param(3, [10.0, 950.0, 10.0], 300, id="grace-not-for-ever"),
    ],
)
def test_a_round_lasts_min_and_grace(length, rtt_ms, lasts_ms):
    plan = make_plan(rounds=2, max_ttl=3, min_round_duration=0.3, max_round_duration=1.0, grace_duration=0.1)
    first = play(plan, path(plan, length, rtt_ms=rtt_ms)).rounds[0]
    assert (first.started_ns, first.at_ns) == (START, START + lasts_ms * MS)


def test_answers_that_keep_coming_keep_the_round_open_until_max():
    plan = make_plan(rounds=2, min_round_duration=0.3, max_round_duration=0.6, grace_duration=0.1)
    log = play(plan, path(plan, 8, rtt_ms=[90.0 * ttl for ttl in range(1, 8)] + [100.0]))
    assert log.rounds[0].at_ns - START == 600 * MS


def test_a_silent_target_makes_rounds_of_max_duration():
    plan = make_plan(rounds=3, min_round_duration=0.1, max_round_duration=0.5)
    log = play(plan, path(plan, 4, target_answers=False))
    assert [event.at_ns - event.started_ns for event in log.rounds] == [500 * MS] * 3


@pytest.mark.parametrize(
    ("target_ttl", "largest", "options", "silent"),
    [
        pytest.param(5, 5, {}, [], id="target"),
        pytest.param(None, 5, {"max_ttl": 64}, [5], id="one-past-the-farthest"),
        pytest.param(None, 4, {"max_ttl": 4}, [5], id="never-past-what-was-sent"),
        pytest.param(None, 0, {}, [1, 2, 3, 4, 5], id="nothing"),
    ],
)
def test_the_round_says_how_far_is_worth_showing(target_ttl, largest, options, silent):
    plan = make_plan(rounds=1, **options)
    (ended,) = play(plan, path(plan, 5, silent=silent)).rounds
    assert (ended.target_ttl, ended.largest_ttl) == (target_ttl, largest)


# --- the target's distance --------------------------------------------------------------------------------


def test_a_target_that_answers_at_many_ttls_stands_at_the_smallest_in_any_order():
    plan = make_plan(rounds=2)
    log = play(plan, path(plan, 4, rtt_ms=10.0))
    backwards = play(
        plan,
        lambda probe, at: [
            (reached if probe.ttl >= 4 else exceeded)(plan, probe, at + (100 - probe.ttl) * MS)
        ],
    )
    assert log.rounds[0].target_ttl == backwards.rounds[0].target_ttl == 4
    assert log.ttls(1) == backwards.ttls(1) == [1, 2, 3, 4]


def test_a_path_that_got_shorter_is_seen_in_its_round():
    plan = make_plan(rounds=3)
    log = play(plan, lambda probe, at: path(plan, 6 if probe.round == 0 else 4)(probe, at))
    assert [event.target_ttl for event in log.rounds] == [6, 4, 4]
    assert [len(log.ttls(n)) for n in range(3)] == [23, 6, 4]


def test_a_path_that_got_longer_forgets_the_target_and_explores_again():
    """Trippy issue 269: paths of different length (ECMP)."""
    plan = make_plan(rounds=3, max_round_duration=1.0)
    log = play(plan, lambda probe, at: path(plan, 4 if probe.round == 0 else 6)(probe, at))
    # In round 1 TTL 4 is a router: the distance is forgotten, and the window opens at once.
    assert [event.target_ttl for event in log.rounds] == [4, 6, 6]
    assert log.windows()[1] == [1, 2, 3, 4]
    assert log.ttls(1)[:6] == [1, 2, 3, 4, 5, 6]
    assert log.ttls(2) == [1, 2, 3, 4, 5, 6]


def test_a_time_exceeded_from_the_target_itself_is_the_target():
    """Trippy issue 1225."""
    plan = make_plan(rounds=2)
    log = play(plan, lambda probe, at: [exceeded(plan, probe, at + MS, by=plan.target.addr)])
    assert log.ttls(1) == [1]


def test_errors_of_our_own_host_are_no_hops():
    """No neighbour: Linux answers Host Unreachable from our own address, whatever the TTL."""
    plan = make_plan(rounds=1)
    log = play(plan, lambda probe, at: [error(plan, probe, at + MS, by=plan.source, kind=3, code=1)])
    assert log.ttls() == list(range(1, 24))
    assert {kind for kinds in log.kinds().values() for kind in kinds} == {ReplyKind.FIRST}
    assert log.rounds[0].largest_ttl == 0


def test_the_gap_limit_counts_from_the_farthest_answer_of_the_run():
    plan = make_plan(rounds=2, gap_limit=3)
    log = play(plan, path(plan, 10, silent=range(6, 11)))
    assert log.ttls(0) == [1, 2, 3, 4, 5, 6, 7, 8]
    # Nobody has answered in round 1 yet, but 8 is as far as it pays to go.
    assert log.windows()[-1] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_ttls_are_all_that_is_ever_sent():
    plan = make_plan(rounds=3, ttls=[2, 4, 9])
    log = play(plan, path(plan, 6))
    assert [log.ttls(n) for n in range(3)] == [[2, 4, 9]] * 3
    assert log.rounds[0].target_ttl == 9


# --- the end ----------------------------------------------------------------------------------------------


def test_the_last_round_ends_with_its_last_answer():
    plan = make_plan(rounds=1)
    log = play(plan, path(plan, 5, rtt_ms=[10, 20, 30, 40, 15]))
    assert log.reason is EndReason.ROUNDS
    assert log.ended_ns - START == 40 * MS


def test_rounds_before_the_last_take_their_time():
    plan = make_plan(rounds=3)
    log = play(plan, path(plan, 5, rtt_ms=10.0))
    assert log.ended_ns - START == 2 * S + 10 * MS


def test_probes_beyond_the_target_are_not_waited_for():
    plan = make_plan(rounds=1)
    log = play(plan, lambda probe, at: path(plan, 5)(probe, at) if probe.ttl <= 5 else ())
    assert log.ended_ns - START == 10 * MS


def test_a_silent_hop_before_the_target_has_its_whole_time_out():
    plan = make_plan(rounds=1, probe_timeout=2.0)
    log = play(plan, path(plan, 5, silent=[3]))
    assert log.rounds[0].at_ns - START == 1 * S
    assert log.ended_ns - START == 2 * S


def test_sixty_four_silent_ttls_cost_one_time_out():
    plan = make_plan(rounds=1, max_inflight=255, probe_timeout=2.0)
    log = play(plan)
    assert len(log.probes) == 64
    assert seconds(log) == 2.0


def test_a_last_round_without_hope_is_not_sat_out():
    plan = make_plan(rounds=1, min_round_duration=1.0, max_round_duration=600.0, probe_timeout=2.0)
    assert seconds(play(plan)) == 2.0


def test_the_last_round_hopes_for_its_latest_probe():
    plan = make_plan(rounds=1, max_inflight=3, max_round_duration=600.0, probe_timeout=2.0)
    log = play(plan, path(plan, 9, rtt_ms=500.0, silent=range(2, 10)))
    assert log.windows() == [[1, 2], [3]]
    assert log.rounds[0].at_ns - START == round(2.5 * S)


def test_the_last_probe_may_still_answer_at_its_time_out():
    plan = make_plan(rounds=1, probe_timeout=2.0, max_ttl=1)
    log = play(plan, lambda probe, at: [reached(plan, probe, at + 2 * S)])
    assert log.kinds() == {(0, 1): [ReplyKind.LATE]}  # after its round, within its time-out


def test_an_early_probe_of_the_last_rounds_is_not_waited_for_beyond_its_own_time_out():
    plan = make_plan(rounds=3, probe_timeout=1.5)
    log = play(plan, path(plan, 3, silent=[2]))
    # The last probe for hop 2 left at 2 s; those before it have expired by then.
    assert seconds(log) == 2 + 1.5


@pytest.mark.parametrize(
    ("duration", "rounds", "ended_s", "reason"),
    [
        pytest.param(2.5, None, 2.51, EndReason.DURATION, id="cuts-a-round"),
        pytest.param(2.0, None, 2.0, EndReason.DURATION, id="at-a-rounds-end"),
        pytest.param(9.0, 2, 1.01, EndReason.ROUNDS, id="rounds-first"),
    ],
)
def test_duration_ends_whatever_the_round(duration, rounds, ended_s, reason):
    plan = make_plan(rounds=rounds, duration=duration)

    def respond(probe: Probe, at_ns: int):
        return path(plan, 5, rtt_ms=10.0 if probe.round < 2 else 510.0)(probe, at_ns)

    log = play(plan, respond if reason is EndReason.DURATION else path(plan, 5))
    assert (seconds(log), log.reason) == (ended_s, reason)
    assert len(log.rounds) == 1 + max(probe.round for probe in log.probes)


def test_what_is_outstanding_when_the_duration_is_over_has_its_time_out():
    plan = make_plan(rounds=None, duration=0.5, probe_timeout=2.0)
    log = play(plan, path(plan, 5, rtt_ms=1900.0))
    assert seconds(log) == 1.9
    assert {kind for kinds in log.kinds().values() for kind in kinds} == {ReplyKind.LATE}


def test_an_interrupt_ends_at_once():
    plan = make_plan(rounds=None)
    player = Player(plan, path(plan, 5))
    player.play(until_ns=START + 5 * MS)
    player.strategy.request_end(EndReason.INTERRUPTED)
    log = player.play()
    assert (log.ended_ns - START, log.reason, log.rounds) == (5 * MS, EndReason.INTERRUPTED, [])
    assert player.strategy.next_action(START + S) == Done(EndReason.INTERRUPTED)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([EndReason.ON_ROUND], EndReason.ON_ROUND),
        ([EndReason.ON_ROUND, EndReason.DURATION], EndReason.ON_ROUND),
        ([EndReason.ON_ROUND, EndReason.INTERRUPTED], EndReason.INTERRUPTED),
        ([EndReason.INTERRUPTED, EndReason.ERROR], EndReason.INTERRUPTED),
    ],
)
def test_the_first_reason_stands_but_for_an_interrupt(asked, told):
    plan = make_plan(rounds=None)
    player = Player(plan, path(plan, 5))
    player.play(until_ns=START + 5 * MS)
    for reason in asked:
        player.strategy.request_end(reason)
    assert player.play().reason is told


def test_a_request_in_mid_round_ends_the_round_and_waits_for_what_is_outstanding():
    plan = make_plan(rounds=None)
    player = Player(plan, path(plan, 5, rtt_ms=10.0))
    player.play(until_ns=START + 5 * MS)
    player.strategy.request_end(EndReason.ON_ROUND)
    log = player.play()
    assert [event.at_ns - START for event in log.rounds] == [5 * MS]
    assert log.ended_ns - START == 10 * MS


# --- what the operating system refuses --------------------------------------------------------------------


def test_a_refused_probe_neither_shifts_hops_nor_holds_up_the_round():
    plan = make_plan(rounds=1)
    log = play(plan, path(plan, 5), errno_of=lambda probe: errno.ENETUNREACH if probe.ttl == 2 else 0)
    failed = [event for event in log.events if isinstance(event, ProbeFailed)]
    assert [(event.probe.ttl, event.receipt.errno) for event in failed] == [(2, errno.ENETUNREACH)]
    assert [probe.ttl for probe in log.probes] == list(range(1, 24))
    assert log.ended_ns - START == 10 * MS
    assert log.rounds[0].target_ttl == 5


def test_if_all_is_refused_the_last_round_ends_at_once():
    log = play(make_plan(rounds=1), errno_of=lambda probe: errno.EPERM)
    assert log.ended_ns == START
    assert len([event for event in log.events if isinstance(event, ProbeFailed)]) == 23


def test_an_answer_to_a_probe_that_never_left_is_nobodys():
    plan = make_plan(rounds=1)
    player = Player(plan, errno_of=lambda probe: errno.EPERM)
    player.play()
    first = player.log.probes[0]
    assert player.strategy.on_reply(reached(plan, first, START + MS), START + MS).kind is ReplyKind.UNMATCHED


def test_a_port_in_use_is_left_out_and_the_probe_keeps_its_key():
    plan = make_plan(protocol="tcp", rounds=1, max_ttl=5)
    busy = {33435, 33436, 33439}
    log = play(plan, path(plan, 5), errno_of=lambda probe: errno.EADDRINUSE if probe.sport in busy else 0)
    # 33435 and 33436 (TTL 2, 3) are issued again as 33439 and 33440, the first of these once more as 33441.
    assert {probe.ttl: probe.seq for probe in log.probes} == {
        1: 33434,
        2: 33441,
        3: 33440,
        4: 33437,
        5: 33438,
    }
    assert {probe.ttl: probe.key for probe in log.probes} == {1: 0, 2: 1, 3: 2, 4: 3, 5: 4}
    assert {probe.attempt for probe in log.probes} == {0}
    assert sorted(log.kinds()) == [(0, ttl) for ttl in range(1, 6)]
    assert log.rounds[0].target_ttl == 5


def test_ports_in_use_without_end_are_an_error_that_says_so_and_every_probe_has_its_event():
    plan = make_plan(protocol="tcp", rounds=1, max_ttl=5)
    player = Player(plan, errno_of=lambda probe: errno.EADDRINUSE if probe.ttl == 3 else 0)
    with pytest.raises(ChannelError, match=r"512 port numbers.*choose another initial_sequence"):
        player.play()
    (given_up,) = player.strategy.give_up()
    assert (given_up.probe.key, given_up.receipt.errno) == (2, errno.EADDRINUSE)
    assert player.strategy.give_up() == ()
    last = max(probe.seq for _, send in player.log.sends for probe in send.probes)
    assert last - 33434 < 512


@pytest.mark.parametrize("protocol", ["icmp", "udp"])
def test_an_address_in_use_is_final_where_another_number_would_not_help(protocol):
    log = play(make_plan(protocol=protocol, rounds=1), errno_of=lambda probe: errno.EADDRINUSE)
    assert len(log.sends) == 1
    assert len([event for event in log.events if isinstance(event, ProbeFailed)]) == 23


# --- the shape of the conversation ------------------------------------------------------------------------


def test_the_deadline_is_never_before_the_first_question():
    strategy = Strategy(make_plan())
    assert strategy.deadline_ns > 2**61


def test_a_round_is_told_between_its_last_wait_and_the_next_send():
    plan = make_plan(rounds=2, max_ttl=1, max_round_duration=1.0)
    strategy = Strategy(plan)
    send = strategy.next_action(START)
    assert isinstance(send, Send)
    strategy.on_sent([SendReceipt(0, START, START)])
    assert strategy.next_action(START) == WaitUntil(START + S)
    assert isinstance(strategy.next_action(START + S), EndRound)
    again = strategy.next_action(START + S)
    assert isinstance(again, Send)
    assert again.probes[0].round == 1
