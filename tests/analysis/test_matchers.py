"""Matchers raise and clear as SmokePing's and PingPlotter's documentation says; unknown is not 0."""

from __future__ import annotations

import os
import statistics
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis import smokeping_oracle as oracle
from trippy_nb.analysis.matchers import (
    AddressInRoute,
    Avgratio,
    CheckLatency,
    CheckLoss,
    ConsecutiveLoss,
    ExpLoss,
    JitterOver,
    LatencyOver,
    LossOver,
    Matcher,
    Median,
    Medratio,
    MosBelow,
    Pattern,
    RouteChanged,
    Samples,
    from_smokeping,
    mos,
)
from trippy_nb.analysis.matchers.base import in_a_row
from trippy_nb.errors import ConfigError

EXAMPLES = 100 if os.environ.get("TRIPPY_NB_PROFILE") == "ci" else 60
PINGS = 20
U = None


def samples(
    *,
    loss: list[float | None] | None = None,
    rtt: list[float | None] | None = None,
    changed: list[int] | None = None,
    seen: dict[int, list[str]] | None = None,
) -> Samples:
    """A series: loss in percent of 20 pings, or RTTs; None is unknown loss, or no answer."""
    count = len(loss if loss is not None else rtt or [])
    loss = [0.0] * count if loss is None else loss
    rtt = [10.0] * count if rtt is None else rtt
    known = np.array([value is not None for value in loss], dtype=bool)
    percent = np.array([value or 0 for value in loss], dtype=float)
    sent = np.where(known, PINGS, 0)
    names = tuple(sorted({name for names in (seen or {}).values() for name in names}))
    pairs = [(place, names.index(name)) for place, given in sorted((seen or {}).items()) for name in given]
    return Samples(
        run=np.zeros(count, np.int64),
        first_round=np.arange(count),
        last_round=np.arange(count),
        begun_ns=np.arange(count) * 10**9,
        sent=sent,
        lost=np.where(known, np.rint(percent * PINGS / 100), 0).astype(np.int64),
        rtt_ms=np.array([np.nan if value is None else value for value in rtt], dtype=float),
        changed=np.isin(np.arange(count), changed or []),
        routed=np.ones(count, bool) if seen is None else np.isin(np.arange(count), list(seen)),
        seen_sample=np.array([place for place, _ in pairs], np.int64),
        seen_addr=np.array([place for _, place in pairs], np.int64),
        names=names,
        ttl=None,
        ttls=(8,),
        runs=(0,),
        addr="198.51.100.9",
    )


def raised(matcher: Matcher | str, given: Samples) -> str:
    """One sign a sample: X where the alert is raised."""
    found = from_smokeping(matcher) if isinstance(matcher, str) else matcher
    return "".join("X" if state else "." for state in found.states(given)[0])


# --- SmokePing's documentation, example by example

DOCUMENTED = [
    # Its manual (smokeping_config, Alerts) says: "from constantly below 10ms to constantly 100ms and more"
    ("<10,<10,<10,<10,<10,>10,>100,>100,>100", [5, 5, 5, 5, 5, 50, 150, 150, 150, 150], "........X."),
    ("<10,<10,<10,<10,<10,<100,>100,>100,>100", [5] * 5 + [50] + [150] * 3, "........X"),
    ("==0%,==0%,==0%,==0%,>20%,>20%,>=20%", [0, 0, 0, 0, 25, 40, 20, 20], "......X."),
    ("==0%,==0%,==0%,==0%,>20%,>20%,>20%", [0, 0, 0, 0, 25, 40, 20, 40], "........"),
    # Its manual: "lines that have been losing more than 20% of the packets for two periods after startup"
    ("==S,>20%,>20%", [40, 40, 40], ".X."),
    ("==S,>20%,>20%", [0, 40, 40], "..."),
    # Its manual: "more than 10% of the packets have been lost at least twice over the last 10 samples"
    (">10%,*10*,>10%", [20, 20], ".X"),
    (">10%,*10*,>10%", [20] + [0] * 9 + [20, 0], "..........X."),
    (">10%,*10*,>10%", [20] + [0] * 10 + [20], "............"),
    # Its manual: "detected loss 3 times over the last two hours"
    (">0%,*12*,>0%,*12*,>0%", [5, 0, 0, 5, 0, 0, 5, 0], "......X."),
    # "offline at startup"
    ("==S,==U", [U, U, 10], "X.."),
    ("==S,==U", [10, U], ".."),
    # "* which is true for all values", and two comparisons in one entry
    (">20%,==*,>20%", [40, U, 40], "..X"),
    ("!=U,==U", [10, U, U], ".X."),
    (">=10<20", [9, 10, 19, 20], ".XX."),
]


@pytest.mark.parametrize(("text", "values", "expected"), DOCUMENTED)
def test_patterns_match_as_the_manual_says(text: str, values: list[float | None], expected: str):
    given = samples(loss=values) if "%" in text else samples(rtt=values)
    assert raised(text, given) == expected


@pytest.mark.parametrize(
    ("matcher", "given", "expected"),
    [
        # Its manual: so much loss or more over x samples raises, x samples under it clear
        ("CheckLoss(l=>20,x=>3)", {"loss": [20, 20, 20, 0, 0, 20, 0, 0, 0, 0]}, "..XXXXXX.."),
        ("CheckLatency(l=>100,x=>2)", {"rtt": [99, 100, 99, 100, 101, 99, 99, 99]}, "....XX.."),
        # Its manual: "At least 10% over 1 cycle. Alert will clear when loss stays at max 2% for 3 cycles"
        (
            "ConsecutiveLoss(pctlossraise=>10,stepsraise=>1,pctlossclear=>3,stepsclear=>3)",
            {"loss": [0, 10, 5, 0, 0, 5, 0, 0, 0, 0]},
            ".XXXXXXX..",
        ),
        # "more than 1.5 times the historic latency average established over the last 10 rounds"
        (
            "Avgratio(historic=>10,current=>2,comparator=>'>',percentage=>150);",
            {"rtt": [10] * 10 + [15, 15, 20, 20]},
            "............XX",
        ),
        (
            "Medratio(historic=>10,current=>2,comparator=>'>',percentage=>150)",
            {"rtt": [10] * 10 + [99, 10, 10, 16, 16, 16]},
            "...........X.XXX",
        ),
        # "the difference between the median latency is larger than z seconds"
        ("Median(old=>3,new=>2,diff=>0.01)", {"rtt": [10, 10, 10, 21, 21, 21, 21, 21]}, "....XX.."),
        # "If the average reaches the rising threshold, hold it until the average drops under the falling"
        ("ExpLoss(hist=>4,rising=>50,falling=>20)", {"loss": [0, 100, 100, 0, 0, 0, 0]}, ".XXX..."),
        ("ExpLoss(hist=>4,rising=>50,skip=>3)", {"loss": [100, 100, 100, 100]}, "...X"),
        ("ExpLoss(hist=>99,rising=>50,fast=>2)", {"loss": [0] * 5 + [60, 60, 0, 0]}, "......X.."),
    ],
)
def test_matchers_do_as_their_documentation_says(matcher: str, given: dict[str, Any], expected: str):
    assert raised(matcher, samples(**given)) == expected


# --- the same, by loops over histories

PERCENT = st.lists(st.sampled_from([0.0, 0.0, 5.0, 10.0, 20.0, 25.0, 50.0, 100.0]), min_size=1, max_size=40)
MILLISECONDS = st.lists(st.sampled_from([1.0, 2.0, 5.0, 10.0, 10.5, 20.0, 100.0]), min_size=1, max_size=40)
SMALL = st.integers(1, 5)


def same(matcher: Matcher, given: Samples, values: list[float], test: oracle.Test) -> None:
    expected = oracle.states(values, test)
    assert raised(matcher, given) == "".join("X" if state else "." for state in expected)


@settings(max_examples=EXAMPLES)
@given(values=PERCENT, up=st.sampled_from([5, 20, 50]), down=st.sampled_from([0, 5]), n=SMALL, m=SMALL)
def test_runs_of_loss_are_those_of_the_oracle(values: list[float], up: int, down: int, n: int, m: int):
    given_ = samples(loss=[*values])
    same(CheckLoss(loss_ratio=up / 100, samples=n), given_, values, oracle.check(up, n))
    consecutive = ConsecutiveLoss(
        raise_ratio=up / 100, raise_samples=n, clear_ratio=down / 100, clear_samples=m
    )
    same(consecutive, given_, values, oracle.consecutive(up, n, down, m))


@settings(max_examples=EXAMPLES)
@given(
    values=PERCENT,
    history=st.integers(1, 8),
    rising=st.sampled_from([7, 23, 61]),
    falling=st.sampled_from([3, 6]),
    skip=st.integers(0, 3),
    fast=st.integers(0, 3),
)
def test_weighted_loss_is_that_of_the_oracle(
    values: list[float], history: int, rising: int, falling: int, skip: int, fast: int
):
    matcher = ExpLoss(
        history=history,
        rising_ratio=rising / 100,
        falling_ratio=falling / 100,
        skip=skip,
        fast=min(fast, history),
    )
    test = oracle.weighted(history, rising, falling, skip, min(fast, history))
    same(matcher, samples(loss=[*values]), values, test)


@settings(max_examples=EXAMPLES)
@given(values=MILLISECONDS, old=SMALL, new=SMALL, limit=st.sampled_from([0.53, 1.01, 1.49]))
def test_latencies_are_those_of_the_oracle(values: list[float], old: int, new: int, limit: float):
    given_ = samples(rtt=[*values])
    for sign in ("<", ">"):
        avg = Avgratio(historic=old, current=new, comparator=sign, ratio=limit)
        same(avg, given_, values, oracle.ratio(old, new, sign, limit, statistics.fmean))
        med = Medratio(historic=old, current=new, comparator=sign, ratio=limit)
        same(med, given_, values, oracle.ratio(old, new, sign, limit, oracle.upper_median))
    median = Median(old=old, new=new, diff_ms=4.75)
    same(median, given_, values, oracle.difference(old, new, 4.75, statistics.median))
    same(CheckLatency(rtt_ms=10, samples=new), given_, values, oracle.check(10, new))


ENTRIES = st.sampled_from(
    ["<10", ">10", "==10", "!=10", ">=5<20", "==U", "!=U", "==S", "==*", "*1*", "*2*", "*4*"]
)


@settings(max_examples=EXAMPLES)
@given(
    entries=st.lists(ENTRIES, min_size=1, max_size=5).filter(
        lambda given_: not given_[0].startswith("*") and not given_[-1].startswith("*")
    ),
    values=st.lists(st.sampled_from([1.0, 10.0, 15.0, None]), min_size=1, max_size=12),
)
def test_patterns_are_those_of_the_oracle(entries: list[str], values: list[float | None]):
    text = ",".join(entries)
    matches = oracle.pattern(text)
    expected = "".join("X" if matches(values[: end + 1]) else "." for end in range(len(values)))
    assert raised(Pattern(text=text, kind="rtt"), samples(rtt=values)) == expected


def test_a_gap_at_the_end_lets_the_match_last():
    assert raised(">10%,*3*", samples(loss=[0, 20, 0, 0, 0])) == ".XXX."


# --- hysteresis, and what is not known

LOSSES = st.lists(st.sampled_from([None, 0.0, 5.0, 50.0, 100.0]), min_size=1, max_size=50)
ANY = st.sampled_from(
    [
        CheckLoss(loss_ratio=0.1, samples=2),
        ConsecutiveLoss(raise_ratio=0.5, raise_samples=2, clear_ratio=0.1, clear_samples=3),
        ExpLoss(history=5, rising_ratio=0.3, falling_ratio=0.1),
        Pattern(text=">0%,*3*,>0%"),
        LossOver(loss_ratio=0.2, of=3),
        LatencyOver(rtt_ms=5, samples=2, of=4),
        MosBelow(score=3.9, of=2),
        Median(old=2, new=2, diff_ms=3),
    ]
)


@settings(max_examples=EXAMPLES)
@given(matcher=ANY, loss=LOSSES, up=SMALL, down=SMALL)
def test_nothing_is_raised_or_cleared_but_by_so_many_samples_in_a_row(
    matcher: Matcher, loss: list[float | None], up: int, down: int
):
    slow = replace(matcher, raise_after=up, clear_after=down)
    rtt = [None if value in (None, 100.0) else 10.0 - value / 10 for value in loss]
    states, judged = slow.states(samples(loss=loss, rtt=rtt))
    assert not (judged.raises & judged.clears).any()
    before = False
    for place, state in enumerate(states):
        reasons = judged.raises if state else judged.clears
        if state != before:
            span = slice(max(place + 1 - (up if state else down), 0), place + 1)
            assert reasons[span].all()
            assert place + 1 >= (up if state else down)
        elif not state:
            assert in_a_row(judged.raises)[place] < up
        else:
            assert in_a_row(judged.clears)[place] < down
        before = bool(state)


@pytest.mark.parametrize(
    ("matcher", "given", "expected"),
    [
        (CheckLoss(loss_ratio=0.5), {"loss": [50, U, U, 0]}, "XXX."),
        (CheckLoss(loss_ratio=0.5, samples=2), {"loss": [50, U, 50, 50, 0, U, 0, 0]}, "...XXXX."),
        (CheckLatency(rtt_ms=50), {"rtt": [60, U, U, 10]}, "XXX."),  # SmokePing: a lost step clears it
        (Median(old=2, new=2, diff_ms=5), {"rtt": [20, 20]}, ".."),  # SmokePing: raised, against nothing
        (Medratio(historic=2, current=1, ratio=1.5), {"rtt": [10, U, 10, U, 20]}, "....X"),
        (Avgratio(historic=2, current=2, ratio=1.5), {"rtt": [10, U, 20, U, U, U, 20]}, "...XXXX"),
        (ExpLoss(history=3, rising_ratio=0.5), {"loss": [100, U, U, 0, 0]}, "XXX.."),
        (LossOver(loss_ratio=0.5, of=2), {"loss": [100, 0, U, 0, 0]}, ".XX.."),
        (JitterOver(jitter_ms=5, of=3), {"rtt": [10, 20, U, U, 20, 20]}, "..XXX."),
    ],
)
def test_what_is_not_known_leaves_an_alert_as_it_is(matcher: Matcher, given: dict[str, Any], expected: str):
    assert raised(matcher, samples(**given)) == expected


def test_equal_shares_are_at_the_limit_whatever_their_number():
    for percent in range(5, 101, 5):
        given_ = samples(loss=[percent])
        assert raised(f"CheckLoss(l=>{percent},x=>1)", given_) == "X"
        assert raised(f"=={percent}%", given_) == "X"
        assert raised(f">{percent}%", given_) == "."
        assert raised(LossOver(loss_ratio=percent / 100, of=1), given_) == "X"


# --- PingPlotter


@pytest.mark.parametrize(
    ("matcher", "given", "expected"),
    [
        (LatencyOver(rtt_ms=300, samples=2, of=4), {"rtt": [9, 301, 300, 301, 9, 9, 9]}, "...XX.."),
        (LatencyOver(rtt_ms=300, samples=2, of=3), {"rtt": [9, U, U, 9, 9]}, "..XX."),
        (LatencyOver(rtt_ms=300, samples=2, of=3, lost_counts=False), {"rtt": [9, U, U, 9, 9]}, "....."),
        # its manual: "if the last 10 of 10 sample requests are lost"
        (LossOver(loss_ratio=1.0, of=10), {"loss": [100] * 11 + [0]}, ".........XX."),
        (LossOver(loss_ratio=0.1, of=4), {"loss": [0, 0, 40, 0, 0, 0, 0]}, "...XXX."),
        (JitterOver(jitter_ms=43.2, of=5), {"rtt": [136, 184, 115, 148, 125, 125]}, "....X."),
        (JitterOver(jitter_ms=43.3, of=5), {"rtt": [136, 184, 115, 148, 125, 125]}, "......"),
        (MosBelow(score=1.5, of=2), {"rtt": [10, U, U, 10, 10], "loss": [0, 100, 100, 0, 0]}, ".XXX."),
        (RouteChanged(), {"rtt": [1] * 5, "changed": [1, 3]}, ".X.X."),
        (RouteChanged(clear_after=2), {"rtt": [1] * 6, "changed": [1, 3]}, ".XXXX."),
        (
            AddressInRoute(network="10.1.0.0/16"),
            {"rtt": [1] * 4, "seen": {0: ["10.0.0.1"], 1: ["10.0.0.1", "10.1.9.9"], 3: ["10.0.0.1"]}},
            ".XX.",
        ),
        (
            AddressInRoute(network="10.0.0.1"),
            {"rtt": [1] * 2, "seen": {0: ["router"], 1: ["10.0.0.1"]}},
            ".X",
        ),
    ],
)
def test_conditions_over_the_latest_samples(matcher: Matcher, given: dict[str, Any], expected: str):
    assert raised(matcher, samples(**given)) == expected


@settings(max_examples=EXAMPLES)
@given(
    rtt=st.lists(st.none() | st.floats(0.1, 500), min_size=1, max_size=30),
    of=st.integers(2, 6),
    seed=st.integers(0, 9),
)
def test_windows_are_those_of_plain_loops(rtt: list[float | None], of: int, seed: int):
    rng = np.random.default_rng(seed)
    loss = [100.0 if value is None else float(rng.choice([0, 5, 50])) for value in rtt]
    given_ = samples(rtt=rtt, loss=[*loss])
    values = {
        kind: kind_of.states(given_)[1].value
        for kind, kind_of in {
            "loss": LossOver(loss_ratio=0.5, of=of),
            "jitter": JitterOver(jitter_ms=1, of=of),
            "mos": MosBelow(score=3, of=of),
        }.items()
    }
    for end in range(len(rtt)):
        window, lost = rtt[max(end + 1 - of, 0) : end + 1], loss[max(end + 1 - of, 0) : end + 1]
        known = [value for value in window if value is not None]
        steps = [abs(one - other) for one, other in pairwise(known)]
        full = end + 1 >= of
        share = statistics.fmean(lost) / 100
        jitter = statistics.fmean(steps) if steps else 0.0
        expected_mos = float(mos(statistics.fmean(known), jitter, share)) if known else 1.0
        assert values["loss"][end] == pytest.approx(share if full else np.nan, abs=1e-9, nan_ok=True)
        assert values["jitter"][end] == pytest.approx(
            jitter if full and steps else np.nan, abs=1e-9, nan_ok=True
        )
        assert values["mos"][end] == pytest.approx(expected_mos if full else np.nan, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(
    ("latency", "jitter", "loss", "expected"),
    [
        (0, 0, 0, 4.404),  # R = 92.95: as good as it gets
        (141.6, 43.25, 0, 4.075),  # the manual's pings 136 184 115 148 125: R = 93.2 - 118.1 / 10 = 81.39
        (149.999999, 0, 0, 4.319),  # 160 ms: R = 89.2 by either line
        (150, 0, 0, 4.319),
        (300, 20, 0.02, 3.365),  # R = 93.2 - 23 - 5 = 65.2
        (100, 5, 0.2, 2.074),  # R = 93.2 - 3 - 50 = 40.2
        (50, 5, 0.5, 1.0),
        (50, 5, 1.0, 1.0),
    ],
)
def test_the_opinion_score_by_hand(latency: float, jitter: float, loss: float, expected: float):
    assert float(mos(latency, jitter, loss)) == pytest.approx(expected, abs=0.0005)


@given(st.floats(0, 2000), st.floats(0, 200), st.floats(0, 1), st.floats(0, 500))
def test_a_worse_line_never_scores_better(latency: float, jitter: float, loss: float, more: float):
    here = float(mos(latency, jitter, loss))
    assert 1 <= here <= 4.41
    worse = [
        mos(latency + more, jitter, loss),
        mos(latency, jitter + more, loss),
        mos(latency, jitter, min(loss + more, 1)),
    ]
    assert all(float(score) <= here + 1e-9 for score in worse)


# --- notation and errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CheckLoss(l=>20,x=>3)", CheckLoss(loss_ratio=0.2, samples=3)),
        (" CheckLatency( l => 100 , x=>2 ) ", CheckLatency(rtt_ms=100, samples=2)),
        ("Median(old=>10,new=>5,diff=>0.02)", Median(old=10, new=5, diff_ms=20)),
        (
            'Avgratio(historic=>10,current=>2,comparator=>">=",percentage=>150)',
            Avgratio(historic=10, current=2, comparator=">=", ratio=1.5),
        ),
        ("ExpLoss(hist=>10,rising=>50)", ExpLoss(history=10, rising_ratio=0.5)),
        (">0%,*12*,>0%", Pattern(text=">0%,*12*,>0%")),
    ],
)
def test_smokepings_notation_is_read_in_its_units(text: str, expected: Matcher):
    assert from_smokeping(text) == expected
    assert hash(from_smokeping(text)) == hash(expected)


def test_the_kind_of_a_pattern_without_a_unit_is_what_is_said():
    assert from_smokeping("==U", kind="rtt") == Pattern(text="==U", kind="rtt")
    assert from_smokeping("==U", kind="loss") == Pattern(text="==U", kind="loss")
    assert from_smokeping("==U", kind="rtt").title == "rtt ==U"


def test_a_title_is_what_one_writes():
    matcher = CheckLoss(loss_ratio=0.2, samples=3, clear_after=5)
    assert eval(matcher.title) == matcher
    assert Pattern(text="==U", kind="loss").title == "loss ==U"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: from_smokeping("CheckLos(l=>1,x=>1)"), "there is no matcher CheckLos"),
        (lambda: from_smokeping("CheckLoss(l=>1)"), "needs x"),
        (lambda: from_smokeping("CheckLoss(l=>1,x=>1,y=>1)"), "has no argument 'y'"),
        (lambda: from_smokeping("CheckLoss(l=>1,x=>many)"), "x is 'many'"),
        (lambda: from_smokeping("CheckLoss(l=1,x=1)"), "arguments are name=>value"),
        (lambda: from_smokeping("CheckLoss(l=>1 x=>1)"), "arguments are name=>value"),
        (lambda: from_smokeping(7), "neither a matcher nor"),  # type: ignore[arg-type]  # what is refused
        (lambda: Pattern(text=""), "'' is no entry"),
        (lambda: Pattern(text="*3*"), "compares nothing"),
        (lambda: Pattern(text=">10%,20%"), "'20%' is no entry"),
        (lambda: Pattern(text=">10%,*0*"), "'*0*' is no entry"),
        (lambda: Pattern(text=">10%,>20"), "loss is in percent"),
        (lambda: Pattern(text=">10%", kind="rtt"), "loss is in percent"),
        (lambda: Pattern(text=">U"), "U goes with == and !="),
        (lambda: Pattern(text="!=S"), "S and * go with == only"),
        (lambda: Pattern(text="==U<5"), "second comparison"),
        (lambda: Pattern(text=">1", kind="jitter"), "a pattern is of loss or of rtt"),
        (lambda: CheckLoss(loss_ratio=20), "loss_ratio=20 is not a number from 0 to 1"),
        (lambda: CheckLoss(loss_ratio=0.2, samples=0), "samples=0 is not a whole number from 1"),
        (lambda: CheckLoss(loss_ratio=0.2, raise_after=0), "raise_after=0"),
        (lambda: CheckLoss(loss_ratio=True), "loss_ratio=True"),
        (lambda: CheckLatency(rtt_ms=float("nan")), "rtt_ms=nan"),
        (
            lambda: ConsecutiveLoss(raise_ratio=0.1, raise_samples=1, clear_ratio=0.2, clear_samples=1),
            "would raise and clear at once",
        ),
        (lambda: ExpLoss(history=5, rising_ratio=0.2, falling_ratio=0.3), "falling_ratio=0.3"),
        (lambda: Avgratio(historic=1, current=1, comparator="!", ratio=1), "comparator='!'"),
        (lambda: LatencyOver(rtt_ms=1, samples=5, of=4), "samples=5 is not a whole number from 1 to 4"),
        (lambda: LossOver(loss_ratio=0.0, of=4), "loss_ratio=0.0 is not a number above 0"),
        (lambda: MosBelow(score=6, of=4), "score=6"),
        (lambda: AddressInRoute(network="router"), "neither an address nor a network"),
    ],
)
def test_an_error_says_which_argument_is_wrong(make: Any, says: str):
    with pytest.raises(ConfigError) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
