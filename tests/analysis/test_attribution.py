"""What silences are put down to: against an independent oracle, and case by case on tables made by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from tests.analysis.handmade import TARGET, Row, a, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from trippy_nb.analysis import attribute_loss, evidence, findings
from trippy_nb.analysis.attribution import priors
from trippy_nb.analysis.attribution.chain import Spot, log_evidence, weigh
from trippy_nb.analysis.attribution.places import pattern_of, turns_taken
from trippy_nb.frames import Tables, check_frame, concat_tables
from trippy_nb.frames.answers import LOSSES

WAY: list[str | None] = [a(1), a(2), a(3), a(4), TARGET]
CHANCES = [name for name in LOSSES.names if name.startswith("p_")]


def one_each(*spots: tuple[float, float] | tuple[float, float, str]) -> list[list[Spot]]:
    """A path of single hops, the target last."""
    levels = [[Spot(*spot)] for spot in spots]
    levels[-1] = [replace(spot, target=True) for spot in levels[-1]]
    return levels


def losses(made: Tables) -> Any:
    """The table, as a frame of anything: its cells are compared one by one."""
    return attribute_loss(made)


class Sampled:
    """The same posterior by drawing causes from the priors, and weighing each draw by its likelihood.

    No grid, no recursion. Lossy links are drawn ten times as often as they are, and weighed down again.
    """

    OFTEN = 10 * priors.LOSSY_LINK

    def __init__(self, spots: list[Spot], draws: int, seed: int = 0) -> None:
        luck = np.random.default_rng(seed)
        survival, back, log = np.ones(draws), np.zeros(draws), np.zeros(draws)
        marks: dict[str, list[Any]] = {"links": [], "limits": [], "never": [], "returns": []}
        alike, mute = np.zeros(draws, dtype=np.bool_), np.zeros(draws, dtype=np.bool_)
        farthest = max((t for t, spot in enumerate(spots) if spot.answered), default=0)
        for t, spot in enumerate(spots):
            lossy = luck.random(draws) < self.OFTEN
            ratio = np.where(luck.random(draws) < 0.05, 1 - 1e-5, luck.beta(0.6, 3.0, draws))
            survival = np.where(lossy, survival * (1 - ratio), survival)
            log += np.where(
                lossy, np.log(0.1), np.log((1 - priors.LOSSY_LINK) / (1 - self.OFTEN))
            )  # how much likelier than it is was this drawn
            luck_back = luck.random(draws)
            begins = (back == 0) & (luck_back < priors.RETURN_BEGINS + priors.ALIKE_BEGINS)
            ends = (back > 0) & (luck_back < priors.RETURN_ENDS)
            back = np.where(begins, luck.random(draws), np.where(ends, 0.0, back))
            alike = np.where(begins, luck_back >= priors.RETURN_BEGINS, alike) & (back > 0)
            mute = np.where(begins, luck.random(draws) < priors.ALIKE_MUTE, mute) & alike
            back = np.where(mute, 1.0, back)
            if t >= farthest:
                log[(back > 0) & (spot.target | ~alike)] = -np.inf
            kind = luck.random(draws)
            limits = kind < priors.LIMITS
            never = ~limits & (kind < priors.LIMITS + priors.NEVER_ANSWERS)
            kept = np.where(limits, luck.beta(1.0, 2.0, draws), never)
            number = priors.PATTERNS.index(spot.pattern)
            log += np.log(
                np.where(
                    limits | never | alike, priors.PATTERN_IF_LIMITED[number], priors.PATTERN_IF_LOST[number]
                )
            )
            share = np.clip(survival * (1 - back) * (1 - kept), 1e-12, 1 - 1e-12)
            log += spot.answered * np.log(share) + (spot.n - spot.answered) * np.log1p(-share)
            for name, values in (
                ("links", lossy),
                ("limits", (limits | alike) & ~never & ~mute),
                ("never", never | mute),
                ("returns", (back > 0) & ~alike),
            ):
                marks[name].append(values)
        weight = np.exp(log - log.max())
        self.effective = float(weight.sum() ** 2 / (weight**2).sum())
        """As many equally weighted draws would say as much."""
        self.log_evidence = float(log.max() + np.log(weight.mean()))
        self.chances = {
            name: [float(weight @ values / weight.sum()) for values in each] for name, each in marks.items()
        }


@pytest.mark.slow
@pytest.mark.parametrize(
    "spots",
    [
        [Spot(20, 20), Spot(20, 18), Spot(20, 17)],
        [Spot(10, 10), Spot(10, 3), Spot(10, 9)],
        [Spot(8, 7), Spot(8, 0), Spot(8, 7)],
        [Spot(12, 11), Spot(12, 0)],
        [Spot(30, 29), Spot(30, 27, "random"), Spot(30, 25, "bursts")],
        [Spot(4, 0), Spot(4, 0), Spot(4, 4)],
    ],
    ids=str,
)
def test_chances_are_those_of_drawing_causes_at_random(spots: list[Spot]):
    sampled, weighed = Sampled(spots, 400_000), weigh([[spot] for spot in spots])
    noise = 4 / sampled.effective**0.5
    assert noise < 0.2
    assert weighed.log_evidence == pytest.approx(sampled.log_evidence, abs=noise)
    assert [link.chance for link in weighed.links] == pytest.approx(sampled.chances["links"], abs=noise / 2)
    for name in ("limits", "never", "returns"):
        for t, (spot, (causes,)) in enumerate(zip(spots, weighed.spots, strict=True)):
            if spot.answered < spot.n:
                assert getattr(causes, name) == pytest.approx(sampled.chances[name][t], abs=noise / 2), (
                    name,
                    t,
                )


spots = st.builds(
    lambda n, share, pattern: Spot(n, round(n * share), pattern),
    st.integers(1, 60),
    st.sampled_from([0.0, 0.3, 0.9, 1.0, 1.0]),
    st.sampled_from(priors.PATTERNS),
)


@pytest.mark.slow
@settings(max_examples=15)
@given(st.lists(st.lists(spots, min_size=1, max_size=2), min_size=1, max_size=5))
def test_chances_are_chances_and_shares_sum_to_one(levels: list[list[Spot]]):
    weighed = weigh(levels)
    assert weighed.log_evidence == pytest.approx(log_evidence(levels))
    assert weighed.log_evidence == pytest.approx(log_evidence([level[::-1] for level in levels]))
    for link in weighed.links:
        assert 0 <= link.chance <= 1
        assert 0 <= link.low <= link.ratio + 0.05
        assert link.low <= link.high <= 1
    for level, causes in zip(levels, weighed.spots, strict=True):
        for spot, one in zip(level, causes, strict=True):
            chances = (one.limits, one.never, one.returns, one.before, *one.shares)
            assert all(-1e-9 <= chance <= 1 + 1e-9 for chance in chances)
            assert sum(one.shares) == pytest.approx(float(spot.answered < spot.n))


def test_what_the_grid_says_before_anything_is_seen_is_what_the_priors_say():
    made = priors.grid()
    assert made.steps.sum(axis=1) == pytest.approx(1)
    assert made.turns.sum(axis=1) == pytest.approx(1)
    assert made.own_weights.sum() == pytest.approx(1)
    nothing = weigh(one_each(*[(0, 0)] * 4))
    assert [link.chance for link in nothing.links] == pytest.approx([priors.LOSSY_LINK] * 4, rel=0.005)
    lost = 0.95 * 0.6 / 3.6 + 0.05  # the mean of the beta distribution, and outages
    assert nothing.links[0].ratio == pytest.approx(lost, rel=0.02)


@pytest.mark.parametrize("ratio", [0.02, 0.05, 0.2, 0.6])
def test_the_estimate_of_what_a_link_loses_agrees_with_the_exact_interval_of_the_pooled_counts(ratio: float):
    lost = round(400 * ratio)
    link = weigh(one_each(*[(400, 400)] * 3, *[(400, 400 - lost, "random")] * 5)).links[3]
    exact = binomtest(5 * lost, 2000).proportion_ci(0.95)
    assert link.chance > 0.99
    assert link.ratio == pytest.approx(ratio, rel=0.08)
    assert link.low == pytest.approx(exact.low, abs=0.01)
    assert link.high == pytest.approx(exact.high, abs=0.01)


def test_two_lossy_links_are_told_apart_from_one_and_from_each_other():
    weighed = weigh(one_each(*[(200, 200)] * 2, *[(200, 180, "random")] * 3, *[(200, 90, "random")] * 3))
    assert [link.chance > 0.95 for link in weighed.links] == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    assert weighed.links[2].ratio == pytest.approx(0.1, abs=0.02)
    assert weighed.links[5].ratio == pytest.approx(0.5, abs=0.04)


def evenly(n: int, every: int) -> list[bool]:
    return [i % every == 0 for i in range(n)]


@pytest.mark.parametrize(
    ("answered", "pattern"),
    [
        (evenly(100, 2), "even"),
        (evenly(100, 3), "even"),
        ([not one for one in evenly(200, 10)], "even"),
        ([i % 6 < 2 for i in range(100)], "even"),
        ([True] * 30 + [False] * 70, "bursts"),
        (([True] * 9 + [False] * 13 + [True] * 21 + [False] * 8 + [True] * 40) * 2, "bursts"),
        (evenly(19, 2), "untested"),
        ([True] * 100, "untested"),
        ([True] * 96 + [False] * 4, "untested"),
    ],
)
def test_patterns_are_told(answered: list[bool], pattern: str):
    assert pattern_of(np.array(answered)) == pattern


@pytest.mark.slow
def test_chance_looks_like_chance():
    luck = np.random.default_rng(7)
    series = [luck.random(120) < luck.uniform(0.2, 0.95) for _ in range(60)]
    found = [pattern_of(one) for one in series]
    assert sum(word in ("even", "bursts") for word in found) <= 2
    turns = [turns_taken(luck.random(200) < 0.5) for _ in range(2000)]
    assert np.count_nonzero(turns) <= 8


def seen(*paths: list[str | None], times: int = 1, **more: Any) -> Any:
    return losses(tables(rounds(*paths * times), **more))


def series(n: int, **silent: list[int]) -> list[list[str | None]]:
    """Rounds of the plain way, with silences of these hops (h1 to h5) in these rounds."""
    return [
        [None if i in silent.get(f"h{ttl}", ()) else addr for ttl, addr in enumerate(WAY, start=1)]
        for i in range(n)
    ]


def luck(n: int, ratio: float, seed: int) -> list[int]:
    return np.flatnonzero(np.random.default_rng(seed).random(n) < ratio).tolist()


N = 100
CASES: dict[str, tuple[list[list[str | None]], list[str]]] = {
    "all-answer": (series(N), ["none"] * 5),
    "limit": (series(N, h3=luck(N, 0.7, 1)), ["none", "none", "rate limit", "none", "none"]),
    "two-limits": (
        series(N, h2=luck(N, 0.3, 1), h4=luck(N, 0.8, 2)),
        ["none", "rate limit", "none", "rate limit", "none"],
    ),
    "link": (
        series(N, h3=luck(N, 0.2, 1), h4=luck(N, 0.2, 2), h5=luck(N, 0.2, 3)),
        ["none", "none", "link loss", "upstream", "upstream"],
    ),
    "first-link": (
        series(N, **{f"h{ttl}": luck(N, 0.2, ttl) for ttl in range(1, 6)}),
        ["link loss", *["upstream"] * 4],
    ),
    "link-and-limit": (
        series(N, h2=luck(N, 0.15, 1), h3=luck(N, 0.15, 2), h4=luck(N, 0.8, 3), h5=luck(N, 0.15, 4)),
        ["none", "link loss", "upstream", "rate limit", "upstream"],
    ),
    "policy": (series(N, h2=list(range(N))), ["none", "policy", "none", "none", "none"]),
    "target-alone": (series(N, h5=luck(N, 0.2, 1)), [*["none"] * 4, "cannot tell"]),
    "target-evenly": (series(N, h5=list(range(0, N, 2))), [*["none"] * 4, "rate limit"]),
    "way-back-or-limits-alike": (
        series(N, h1=luck(N, 0.5, 1), h2=luck(N, 0.5, 2), h3=luck(N, 0.5, 3), h4=luck(N, 0.5, 4)),
        [*["cannot tell"] * 4, "none"],
    ),
    "few": (series(4, h3=[0]), ["none", "none", "cannot tell", "none", "none"]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_silence_is_put_down_to_its_cause(name: str):
    paths, verdicts = CASES[name]
    found = seen(*paths)
    assert found["verdict"].tolist() == verdicts
    check_frame(found, LOSSES)


def test_the_sentence_has_the_numbers_and_the_query_the_rows():
    made = tables(rounds(*series(40, h3=luck(40, 0.7, 3))))
    found = losses(made)
    silent = len(luck(40, 0.7, 3))
    assert found["says"][2] == (
        f"Hop 3 (10.0.0.3) left {100 * silent / 40:.0f} % of 40 probes unanswered; hops 4-5 answered 80 of "
        "80: ICMP rate limiting at hop 3, or its answers alone are lost on the way back; not loss on the way "
        "there."
    )
    rows = made.probes.query(found["query"][2])
    assert sorted(set(rows["ttl"])) == [2, 3, 4, 5]
    assert len(rows) == 160


@pytest.mark.slow
def test_chances_sum_to_one_where_a_probe_has_no_answer_and_are_missing_where_all_have():
    for name in ("link-and-limit", "way-back-or-limits-alike", "policy", "few"):
        found = seen(*CASES[name][0])
        silent = found["unanswered"] + found["local"] > 0
        assert found.loc[silent, CHANCES].sum(axis=1).tolist() == pytest.approx([1.0] * silent.sum())
        assert found.loc[~silent, CHANCES].isna().all(axis=None)


def test_there_and_back_over_one_link_are_shared_out_evenly_and_the_link_is_estimated():
    row = seen(*CASES["link"][0]).iloc[2]
    assert row["p_forward"] == pytest.approx(row["p_return"], abs=0.01)
    assert row["p_forward"] > 0.45
    assert row["link_loss_low_ratio"] < 0.2 < row["link_loss_high_ratio"]
    assert row["from_addr"] == a(2)


@pytest.mark.parametrize(("status", "answered"), [("send_error", 0), ("in_flight", 0), ("late", 1)])
def test_what_was_never_on_the_wire_is_counted_and_what_came_late_is_an_answer(status: str, answered: int):
    rows = rounds(*series(30))
    rows += [
        probe(30, ttl, addr if ttl != 3 or status == "late" else None, status=status if ttl == 3 else "reply")
        for ttl, addr in enumerate(WAY, start=1)
    ]
    row = losses(tables(rows)).iloc[2]
    assert (row["n"], row["unanswered"], row["local"]) == (30 + answered, 0, 1 - answered)
    assert row["verdict"] == ("none" if answered else "local")
    if not answered:
        assert row["p_local"] == 1


def test_local_failures_beside_silences_take_their_exact_share():
    rows = rounds(*series(100, h3=luck(100, 0.3, 1)))
    n = len(luck(100, 0.3, 1))
    rows += [probe(round_, 3, None, status="send_error") for round_ in range(100, 100 + n)]
    row = losses(tables(rows)).iloc[2]
    assert row["verdict"] == "rate limit"
    assert row["p_local"] == pytest.approx(0.5)
    assert row[CHANCES].sum() == pytest.approx(1)


@pytest.mark.parametrize("times", [20, 200])
def test_a_silent_end_cannot_be_told_from_an_outage_by_any_number_of_probes(times: int):
    found = seen([a(1), a(2), None, None, None], times=times)
    row = found.iloc[2]
    assert (len(found), row["verdict"]) == (3, "cannot tell")
    assert pd.isna(row["n_needed"])
    assert "it keeps silent, or nothing gets there" in row["says"]


def test_nothing_heard_at_all_is_no_verdict():
    found = seen([None, None], times=30)
    assert found["verdict"].tolist() == ["cannot tell"]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "ratio"), [(4, 0.25), (60, 1 / 60)])
def test_so_many_more_probes_would_tell(n: int, ratio: float):
    few = seen(*series(n, h3=list(range(round(n * ratio))))).iloc[2]
    assert few["verdict"] == "cannot tell"
    more = n + int(few["n_needed"])
    silent = np.random.default_rng(5).permutation(more)[: round(more * ratio)].tolist()
    many = seen(*series(more, h3=silent)).iloc[2]
    assert many["verdict"] == "rate limit"


def flows(n: int, times: int, way_of: Any, lost: Any, seed: int = 3) -> list[Row]:
    """Flows that take ways of their own; `lost` gives the share that a hop of a flow leaves unanswered."""
    chance = np.random.default_rng(seed)
    return [
        probe(round_, ttl, None if chance.random() < lost(flow, ttl) else addr, flow=flow)
        for flow in range(n)
        for round_ in range(times)
        for ttl, addr in enumerate(way_of(flow), start=1)
    ]


LONG: list[str | None] = [*[a(n) for n in range(1, 9)], TARGET]


@pytest.mark.slow
def test_answers_lost_on_a_way_back_that_some_hops_share_are_told_from_limits():
    found = losses(tables(flows(1, 100, lambda _: LONG, lambda _, ttl: 0.4 * (2 <= ttl <= 8))))
    said = found["verdict"].tolist()
    assert (said[0], said[8]) == ("none", "none")
    assert set(said[1:8]) <= {"return loss", "cannot tell"}
    assert said.count("return loss") >= 3
    assert found["p_return"].mean() > 0.85


@pytest.mark.slow
def test_routers_that_limit_alike_lose_nothing():
    rows = [
        probe(i, ttl, addr if ttl == 9 or i % 6 < 2 else None)
        for i in range(100)
        for ttl, addr in enumerate(LONG, start=1)
    ]
    assert losses(tables(rows))["verdict"].tolist() == [*["rate limit"] * 8, "none"]


def diamond(flow: int) -> list[str | None]:
    return [a(1), a(20 + flow % 2), a(30 + flow % 2), a(4), a(5), TARGET]


def test_the_branch_that_loses_is_named_and_the_other_is_not():
    rows = flows(8, 40, diamond, lambda flow, ttl: 0.2 * (flow % 2 and ttl >= 2))
    found = losses(tables(rows)).set_index(["ttl", "addr", "from_addr"])["verdict"]
    assert found[2, a(21), a(1)] == "link loss"
    assert found[2, a(20), a(1)] == "none"
    assert found[3, a(31), a(21)] == "upstream"
    assert (found == "link loss").sum() == 1


def test_loss_behind_a_diamond_is_pooled_over_its_branches():
    rows = flows(8, 12, lambda flow: [*diamond(flow)[:5], a(6), TARGET], lambda _, ttl: 0.2 * (ttl >= 5))
    found = losses(tables(rows))
    named = found[found["verdict"] == "link loss"]
    assert named[["ttl", "addr", "from_addr", "n"]].to_numpy().tolist() == [[5, a(5), a(4), 96]]


def test_a_silent_router_on_a_branch_is_a_hop_of_its_own():
    rows = flows(8, 10, diamond, lambda flow, ttl: float(flow % 2 and ttl == 2))
    found = losses(tables(rows)).query("ttl == 2")
    assert found["addr"].isna().tolist() == [False, True]
    assert found["verdict"].tolist() == ["none", "policy"]


def test_flows_that_a_limiter_starves_met_it_all_the_same():
    rows = flows(12, 10, lambda _: WAY, lambda flow, ttl: float(flow >= 6 and ttl == 2))
    found = losses(tables(rows)).query("ttl == 2")
    assert found[["addr", "n", "unanswered", "verdict"]].to_numpy().tolist() == [
        [a(2), 120, 60, "rate limit"]
    ]


def test_with_one_probe_a_flow_a_limit_looks_like_a_silent_branch():
    rows = flows(60, 1, lambda _: WAY, lambda _, ttl: 0.5 * (ttl == 2), seed=5)
    (row,) = losses(tables(rows)).query("ttl == 2").itertuples()
    assert row.verdict == "cannot tell"
    assert "either way no loss. One flow, asked again and again, would tell." in row.says
    assert row.p_rate_limit + row.p_policy > 0.9


def fan(flow: int) -> list[str | None]:
    """Five branches of one router each, then two places where all flows meet again."""
    return [a(1), a(20 + flow % 5), a(30), a(4), TARGET]


def test_a_hop_where_nobody_answers_any_flow_is_silent_by_policy_and_said_once():
    made = tables(flows(40, 1, fan, lambda _, ttl: float(ttl == 3)))
    found = losses(made)
    silent = found[found["ttl"] == 3]
    assert silent["verdict"].tolist() == ["policy"] * 5
    assert set(silent["from_addr"]) == {a(n) for n in range(20, 25)}
    assert set(silent["says"]) == {
        "Hop 3 answered none of 40 probes; hops 4-5 answered 80 of 80: silent by policy, not loss."
    }
    assert (silent["confidence"] > 0.98).all()
    told = findings(made)
    assert told[told["ttl"] == 3]["kind"].tolist() == ["silent-hop"]


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_hops_in_a_row_that_answer_nothing_are_silent_and_do_not_limit_alike(hops: int):
    weighed = weigh(one_each((40, 40), *[(40, 0)] * hops, (40, 40), (40, 40)))
    for (causes,) in weighed.spots[1 : 1 + hops]:
        assert causes.never > 0.95
        assert causes.limits + causes.never < 1.001
        assert causes.shares[1] == pytest.approx(causes.never, abs=0.02)


def test_a_limiter_behind_several_links_is_told_once_with_all_its_probes():
    rows = flows(5, 20, fan, lambda _, ttl: 0.6 * (ttl == 3))
    made = tables(rows)
    found = losses(made).query("ttl == 3")
    assert found["n"].tolist() == [20] * 5
    assert set(found["verdict"]) == {"rate limit"}
    (says,) = set(found["says"])
    silent = found["unanswered"].sum()
    assert says.startswith(f"Hop 3 (10.0.0.30) left {silent:.0f} % of 100 probes unanswered")
    told = findings(made)
    assert (told["kind"] == "rate-limit").sum() == 1


def test_a_silent_branch_shows_by_the_routers_behind_it_where_no_flow_comes_twice():
    branch = np.random.default_rng(1).permutation(np.arange(40) % 4).tolist()
    rows = flows(
        40,
        1,
        lambda flow: [a(1), a(20 + branch[flow]), a(30 + branch[flow]), a(4), TARGET],
        lambda flow, ttl: float(ttl == 2 and branch[flow] == 0),
    )
    row = losses(tables(rows)).query("ttl == 2").iloc[0]
    assert (row["n"], row["unanswered"], row["verdict"]) == (40, 10, "policy")
    assert "another router, on a branch of its own, never answers; no loss" in row["says"]


@pytest.mark.parametrize("silent", [1, 10, 30])
def test_where_no_flow_comes_twice_a_random_silence_is_never_surely_a_limit(silent: int):
    mute = set(np.random.default_rng(silent).permutation(40)[:silent].tolist())
    branch = np.random.default_rng(2).integers(0, 3, 40).tolist()
    for way in (lambda _: WAY, lambda flow: [a(1), a(20 + branch[flow]), a(3), a(4), TARGET]):
        rows = flows(40, 1, way, lambda flow, ttl: float(ttl == 2 and flow in mute))
        row = losses(tables(rows)).query("ttl == 2 and unanswered > 0").iloc[0]
        assert row["verdict"] == "cannot tell"


def test_limiters_in_step_are_no_silent_branches():
    rows = flows(40, 1, lambda _: LONG, lambda flow, ttl: float(ttl < 9 and flow % 4 > 0))
    assert losses(tables(rows))["verdict"].tolist()[:8] == ["rate limit"] * 8


def test_a_hop_whose_answers_alone_may_be_lost_says_so_unless_their_order_is_a_limiters():
    chance = seen(*CASES["limit"][0]).iloc[2]
    even = seen(*series(N, h3=list(range(0, N, 2)))).iloc[2]
    assert (chance["verdict"], even["verdict"]) == ("rate limit", "rate limit")
    assert "or its answers alone are lost on the way back" in chance["says"]
    assert "ICMP rate limiting at hop 3, not loss." in even["says"]


def test_two_neighbours_that_miss_some_alike_are_left_open():
    found = seen(*series(N, h2=luck(N, 0.12, 1), h3=luck(N, 0.12, 2)))
    assert found["verdict"].tolist() == ["none", *["cannot tell"] * 2, "none", "none"]
    assert "answers are lost on the way back" in found["says"][1]


def test_silences_among_several_responders_are_of_all_of_them_together():
    rows = flows(80, 1, diamond, lambda _, ttl: 0.25 * (ttl >= 2), seed=2)
    found = losses(tables(rows))
    second = found[found["ttl"] == 2]
    assert second["n"].tolist() == [80]
    assert second["addr"].isna().all()
    assert "2 responders" in second["says"].item()


@pytest.mark.slow
@settings(max_examples=6)
@given(probe_rows(), st.integers(0, 2**32 - 1))
def test_row_order_changes_nothing_and_runs_stand_alone(rows: list[Row], seed: int):
    made = tables(rows)
    found = losses(made)
    check_frame(found, LOSSES)
    pd.testing.assert_frame_equal(losses(shuffled(made, seed)), found)
    for run_id, part in found.groupby("run_id"):
        own = [row for row in rows if row["run_id"] == run_id]
        alone = losses(tables(own)).drop(columns=["query"])
        pd.testing.assert_frame_equal(alone, part.drop(columns=["query"]).reset_index(drop=True))
    for query in found["query"]:
        assert len(made.probes.query(query)) > 0


@pytest.mark.slow
@settings(max_examples=10)
@given(probe_rows(runs=1))
def test_every_settled_probe_up_to_the_end_is_counted_once(rows: list[Row]):
    made = tables(rows)
    found = losses(made)
    counted = found.groupby("ttl")["n"].sum()
    settled = made.probes[made.probes["status"].isin(["reply", "late", "timeout"])]
    for ttl, n in counted.items():
        assert n <= (settled["ttl"] == ttl).sum()
    assert found["unanswered"].le(found["n"]).all()


def test_no_rows_make_an_empty_table():
    found = losses(tables([]))
    assert len(found) == 0
    check_frame(found, LOSSES)


def test_an_even_pattern_agrees_with_the_evidence_that_says_rate_limit():
    made = tables(rounds(*series(60, h2=[i for i in range(60) if i % 2])))
    assert set(evidence(made)["kind"]) >= {"rate-limit"}
    row = losses(made).iloc[1]
    assert row["verdict"] == "rate limit"
    assert re.search(r"It answers more regularly than chance would\.$", row["says"])


@pytest.mark.slow
def test_runs_together_say_what_they_say_alone():
    one, two = (tables(rounds(*CASES[name][0])) for name in ("link", "limit"))
    both = losses(concat_tables([one, two]))
    alone = [losses(part)["verdict"].tolist() for part in (one, two)]
    assert [part["verdict"].tolist() for _, part in both.groupby("run_id")] == alone
