"""Whatever the network does (drop, delay, repeat, reorder, refuse), these hold."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracing.world import MS, START, Log, Player, S, exceeded, make_plan, reached
from trippy_nb.model import (
    Plan,
    Probe,
    ProbeFailed,
    ProbeSent,
    Protocol,
    Reply,
    ReplyKind,
    ReplyReceived,
    RoundEnded,
)
from trippy_nb.tracing import Send

CREDIT = (ReplyKind.FIRST, ReplyKind.LATE)


@dataclass
class Weather:
    """A network with a seed: path lengths that vary by round, loss, delays, repetitions, refusals."""

    plan: Plan
    seed: int
    loss: float = 0.2
    repeats: float = 0.2
    longest_ms: float = 1500.0
    lengths: tuple[int, ...] = (6,)
    refusals: float = 0.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.truth: dict[int, int] = {}  # id of the reply -> key of its probe
        self.kept: list[Reply] = []  # ids stay unique while the objects live

    def respond(self, probe: Probe, at_ns: int) -> Iterable[Reply]:
        rng = self.random
        length = self.lengths[probe.round % len(self.lengths)]
        if rng.random() < self.loss:
            return
        while True:
            read_ns = at_ns + round(rng.random() ** 3 * self.longest_ms * MS)
            make = reached if probe.ttl >= length else exceeded
            reply = make(self.plan, probe, read_ns)
            self.truth[id(reply)] = probe.key
            self.kept.append(reply)
            yield reply
            if rng.random() >= self.repeats:
                return

    def errno_of(self, probe: Probe) -> int:
        if self.random.random() >= self.refusals:
            return 0
        return self.random.choice([errno.EADDRINUSE, errno.EPERM])


def play(weather: Weather) -> Log:
    player = Player(weather.plan, weather.respond, errno_of=weather.errno_of)
    return player.play(actions=200_000)


PLANS = st.fixed_dictionaries(
    {
        "protocol": st.sampled_from(["icmp", "udp", "tcp"]),
        "rounds": st.integers(1, 6),
        "max_inflight": st.integers(1, 12),
        "max_ttl": st.integers(4, 20),
        "first_ttl": st.integers(1, 4),
        "gap_limit": st.none() | st.integers(1, 8),
        "ttls": st.none() | st.lists(st.integers(1, 30), min_size=1, max_size=8),
        "min_round_duration": st.sampled_from([0.0, 0.05, 0.3]),
        "max_round_duration": st.sampled_from([0.3, 0.8]),
        "grace_duration": st.sampled_from([0.01, 0.2]),
        "probe_timeout": st.sampled_from([0.2, 2.0]),
        "duration": st.none() | st.sampled_from([0.4, 1.3]),
        "initial_sequence": st.sampled_from([33434, 64511]),
    }
)
WEATHER = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "loss": st.sampled_from([0.0, 0.2, 0.7, 1.0]),
        "repeats": st.sampled_from([0.0, 0.4]),
        "longest_ms": st.sampled_from([1.0, 80.0, 1500.0]),
        "lengths": st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
        "refusals": st.sampled_from([0.0, 0.15]),
    }
)
MULTIPATH = st.sampled_from(["classic", "paris", "dublin"])


def _plan(options: dict[str, Any], multipath: str, af: int) -> Plan:
    if options["protocol"] == "udp":
        options = {**options, "multipath": multipath}
    return make_plan(af, **options)


@given(options=PLANS, weather=WEATHER, multipath=MULTIPATH, af=st.sampled_from([4, 6]))
def test_no_weather_breaks_the_rules(options, weather, multipath, af):
    plan = _plan(options, multipath, af)
    network = Weather(plan, **weather)
    log = play(network)
    _check_keys(log)
    _check_credits(log, network)
    _check_windows(log, plan)
    _check_live_numbers(log, plan)
    _check_rounds_and_end(log, plan)


def _check_keys(log: Log) -> None:
    keys = [probe.key for probe in log.probes]
    assert sorted(keys) == list(range(len(keys)))
    assert len({(probe.round, probe.flow, probe.ttl, probe.attempt) for probe in log.probes}) == len(keys)


def _check_credits(log: Log, network: Weather) -> None:
    """Each reply goes to the probe that it was made for, and the first one only counts."""
    credited: set[int] = set()
    for event in log.replies:
        assert event.probe is not None
        assert event.probe.key == network.truth[id(event.reply)]
        assert (event.kind in CREDIT) == (event.probe.key not in credited)
        credited.add(event.probe.key)


def _check_windows(log: Log, plan: Plan) -> None:
    """Replay the events, and work out anew, the slow way, what each window was allowed to hold."""
    config = plan.config
    schedule = list(config.ttls or range(config.first_ttl, config.max_ttl + 1))
    windows: dict[int, list[Probe]] = {}
    for after, (_, send) in zip(log.sent_after, log.sends, strict=True):
        windows.setdefault(after, []).extend(send.probes)
    target: int | None = None
    farthest: dict[int, int] = {}
    found: set[int] = set()
    allowed: set[int] = set()
    for index, event in enumerate(log.events):
        for probe in windows.get(index, []):
            if probe.key not in allowed:  # else it is issued again
                _check_allowed(schedule, config, probe, target, farthest, found=probe.round in found)
                allowed.add(probe.key)
        if isinstance(event, ReplyReceived) and event.probe is not None and event.kind in CREDIT:
            probe = event.probe
            assert probe.key in allowed
            if event.from_target:
                target = probe.ttl if target is None else min(target, probe.ttl)
                found.add(probe.round)
            elif target is not None and probe.ttl >= target:
                target = None
            farthest[probe.round] = max(farthest.get(probe.round, 0), probe.ttl)
    assert allowed == {probe.key for probe in log.probes}


def _check_allowed(
    schedule: list[int],
    config: Any,
    probe: Probe,
    target: int | None,
    farthest: dict[int, int],
    *,
    found: bool,
) -> None:
    assert probe.ttl in schedule
    assert not found, "sent although the target had answered in this round"
    if target is not None:
        assert probe.ttl <= target
        return
    place = schedule.index(probe.ttl) + 1
    beyond = place - sum(ttl <= farthest.get(probe.round, 0) for ttl in schedule)
    assert beyond < max(config.max_inflight, 2)
    if config.gap_limit is not None:
        ever = max(farthest.values(), default=0)
        assert place - sum(ttl <= ever for ttl in schedule) <= config.gap_limit


def _check_live_numbers(log: Log, plan: Plan) -> None:
    """No two probes that may be answered bear the same number, unless their ports differ."""
    answered_ns: dict[int, int] = {}
    for event in log.replies:
        if event.kind in CREDIT and event.probe is not None:
            answered_ns[event.probe.key] = event.reply.read_ns
    final = {probe.key: probe.seq for probe in log.probes}
    failed = {event.probe.key for event in log.events if isinstance(event, ProbeFailed)}
    timeout_ns = round(plan.config.probe_timeout * S)
    live: dict[tuple[int, int, int], tuple[int, int]] = {}
    for at_ns, send in log.sends:
        for probe in send.probes:
            if probe.seq != final[probe.key] or probe.key in failed:
                continue  # refused: it never left under this number
            name = (probe.seq, probe.sport, probe.dport)
            if name in live:
                key, sent_ns = live[name]
                assert answered_ns.get(key, sent_ns + timeout_ns) <= at_ns
            live[name] = (probe.key, at_ns)


def _check_rounds_and_end(log: Log, plan: Plan) -> None:
    config = plan.config
    rounds = log.rounds
    assert [event.round for event in rounds] == list(range(len(rounds)))
    assert {probe.round for probe in log.probes} == set(range(len(rounds)))
    assert log.reason is not None
    if config.duration is None:
        assert len(rounds) == config.rounds
    for before, after in pairwise(rounds):
        assert before.started_ns <= before.at_ns <= after.started_ns
    for event in rounds:
        assert event.at_ns - event.started_ns <= round(config.max_round_duration * S)
    # Nothing that may be waited for is left: every probe up to its round's target has answered or expired.
    _check_nothing_in_flight(log, plan)


def _check_nothing_in_flight(log: Log, plan: Plan) -> None:
    timeout_ns = round(plan.config.probe_timeout * S)
    answered = {event.probe.key for event in log.replies if event.probe is not None}
    nearest: dict[int, int] = {}
    for event in log.replies:
        if event.from_target and event.probe is not None:
            nearest[event.probe.round] = min(nearest.get(event.probe.round, 999), event.probe.ttl)
    latest = START
    silent = [sent for sent in log.events if isinstance(sent, ProbeSent) and sent.probe.key not in answered]
    for sent in silent:
        if sent.probe.ttl <= nearest.get(sent.probe.round, 999):
            latest = max(latest, sent.receipt.after_ns + timeout_ns)
            assert sent.receipt.after_ns + timeout_ns <= log.ended_ns
    arrived = [event.reply.read_ns for event in log.replies]
    ended = [event.at_ns for event in log.rounds]
    assert log.ended_ns <= max([latest, *arrived, *ended])


@given(
    order=st.permutations(range(24)),
    dropped=st.sets(st.integers(0, 23)),
    repeated=st.lists(st.integers(0, 23), max_size=6),
    length=st.integers(1, 14),
    protocol=st.sampled_from(list(Protocol)),
)
def test_the_credits_do_not_depend_on_the_order_of_replies(order, dropped, repeated, length, protocol):
    plan = make_plan(protocol=protocol, max_ttl=12, max_inflight=255, rounds=1, ttls=None)
    outcomes = []
    for sequence in (sorted(order), order, [*repeated, *order[::-1]]):
        player = Player(plan)
        player.play(until_ns=START)
        for index in sequence:
            if index < 12 and index not in dropped:
                probe = player.log.probes[index]
                make = reached if probe.ttl >= length else exceeded
                player.expect(make(plan, probe, START + MS))
        player.play(until_ns=START + MS)
        credits_ = {
            (event.probe.key, event.match, event.from_target)
            for event in player.log.replies
            if event.probe is not None and event.kind in CREDIT
        }
        found = [ttl for key, _, from_target in credits_ if from_target for ttl in [key + 1]]
        outcomes.append((credits_, min(found, default=None)))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="icmp"),
        pytest.param({"protocol": "udp"}, id="udp"),
        pytest.param({"protocol": "tcp"}, id="tcp"),
        pytest.param({"protocol": "udp", "multipath": "paris"}, id="paris"),
        pytest.param({"protocol": "udp", "multipath": "dublin"}, id="dublin"),
    ],
)
def test_numbers_come_round_for_a_thousand_rounds_and_no_late_answer_goes_astray(options):
    plan = make_plan(
        rounds=1000,
        initial_sequence=64_511,
        max_ttl=8,
        min_round_duration=0.1,
        max_round_duration=0.1,
        grace_duration=0.05,
        **options,
    )
    network = Weather(plan, 42, loss=0.3, repeats=0.1, longest_ms=1900.0, lengths=(7, 6, 7))
    log = play(network)
    assert len(log.rounds) == 1000
    wraps = sum(
        later.probes[0].seq < earlier.probes[0].seq for (_, earlier), (_, later) in pairwise(log.sends)
    )
    assert wraps >= 10
    _check_credits(log, network)
    _check_live_numbers(log, plan)
    late = sum(event.kind is ReplyKind.LATE for event in log.replies)
    assert late > 1000


def test_the_same_weather_makes_the_same_story():
    plan = make_plan(rounds=20)
    stories = [play(Weather(plan, 7)) for _ in range(2)]
    assert stories[0].events == stories[1].events


def test_the_checks_of_this_page_can_fail():
    plan = make_plan(rounds=2, max_inflight=4)
    network = Weather(plan, 7, loss=0.0)
    log = play(network)
    stray = Probe(999, 0, 0, 60, 0, 40_000, 0, 0)
    send = log.sends[0][1]
    receipt = next(event.receipt for event in log.events if isinstance(event, ProbeSent))
    log.sends.append((START, Send((stray,), send.flows)))
    log.sent_after.append(len(log.events))
    log.events.append(ProbeSent(stray, receipt))
    with pytest.raises(AssertionError):
        _check_keys(log)
    with pytest.raises(AssertionError):
        _check_windows(log, plan)
    with pytest.raises(AssertionError):
        _check_rounds_and_end(Log([RoundEnded(1, 0, 0, None, 0)]), plan)
