"""Whether two sides took other paths, and whether chance or balancing could explain it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trippy_nb.analysis.align import FITTING, Place, align, change_of
from trippy_nb.analysis.comparison.chance import (
    adjusted,
    detectable_share,
    differences,
    enough,
    flows_least_p,
    flows_p,
    strata_p,
)
from trippy_nb.analysis.comparison.routes import END, Route
from trippy_nb.analysis.comparison.sides import Compared, Sides
from trippy_nb.analysis.comparison.words import CANNOT_TELL, CHANGED, LEFT_OUT, SAME, Finding

_ROUNDS = "Fisher's exact test of each responder at each TTL, over rounds"
_MATCHED = "Fisher's exact test of each responder at each TTL, conditional on each flow"
_HEADERS = "Fisher's exact test of each responder at each TTL, over headers"
_DEALT = "permutation test: the flows dealt to the two sides anew"

Key = tuple[int, int, str]
"""Number of the pair, TTL on the first side, and who answered there."""


@dataclass(frozen=True, slots=True)
class Tests:
    """What was asked of the paths."""

    p: dict[Key, float]
    """Corrected for how many tests there are."""
    shares: dict[Key, tuple[float, float]]
    n: tuple[int, int]
    """Units behind each test: rounds, or flows if luck chose them; the least of all."""
    unit: str
    test: str
    """What was asked, in words."""
    detectable: float
    """Smallest share that a new responder of one hop must have had on the second side to be noticed with
    power 0.8; NaN if none would have been."""


def path_tests(sides: Sides, level: float) -> Tests:
    """Ask, for who answers at each TTL, whether chance explains the difference."""
    if not sides.sampled:
        return _same_flows(sides, level)
    (pair,) = sides.pairs
    return _sampled(pair, sides, level)


def _same_flows(sides: Sides, level: float) -> Tests:
    """Compare each flow with itself, round by round: Fisher's test, or its form for many flows."""
    found: dict[Key, tuple[float, float]] = {}
    shares: dict[Key, tuple[float, float]] = {}
    for number, pair in enumerate(sides.pairs):
        for ttl in sorted({place.ttl for route in (pair.a, pair.b) for place in route.places}):
            here, there = _at(pair.a, ttl), _at(pair.b, ttl)
            for who, p, least in differences(here, there):
                key = (number, ttl, who)
                found[key] = _by_flow(pair, ttl, who) if sides.kind == "matched" else (p, least)
                shares[key] = _shares(who, here, there)
    corrected = adjusted([p for p, _ in found.values()], [least for _, least in found.values()], level)
    n = min((_answered(pair) for pair in sides.pairs), key=min, default=(0, 0))
    return Tests(
        dict(zip(found, corrected.tolist(), strict=True)),
        shares,
        n,
        "rounds",
        _MATCHED if sides.kind == "matched" else _ROUNDS,
        detectable_share(0, *n, level / max(len(found), 1)),
    )


def _answered(pair: Compared) -> tuple[int, int]:
    return pair.a.rounds, pair.b.rounds


def _at(route: Route, ttl: int) -> dict[str, int]:
    answers = next((dict(place.answers) for place in route.places if place.ttl == ttl), {})
    return answers | ({END: route.past_end[ttl]} if route.past_end.get(ttl, 0) else {})


def _shares(who: str, here: Mapping[str, int], there: Mapping[str, int]) -> tuple[float, float]:
    return here.get(who, 0) / sum(here.values()), there.get(who, 0) / sum(there.values())


def _by_flow(pair: Compared, ttl: int, who: str) -> tuple[float, float]:
    tables = []
    for one, two in zip(pair.a.flows, pair.b.flows, strict=True):
        here, there = _at(one, ttl), _at(two, ttl)
        n, m = sum(here.values()), sum(there.values())
        if n and m:
            tables.append((here.get(who, 0), n, there.get(who, 0), m))
    return strata_p(tables)


def _sampled(pair: Compared, sides: Sides, level: float) -> Tests:
    """Compare the flows that were sent: another choice of them may differ as much."""
    keys = _places_of(pair, sides)
    ones, twos = (
        [_renamed(route.first, key) for route in side.flows]
        for side, key in zip((pair.a, pair.b), keys, strict=True)
    )
    here, there = _summed(ones), _summed(twos)
    shares = {
        (0, ttl, who): _shares(who, here[ttl], there[ttl])
        for ttl in here.keys() & there.keys()
        for who in here[ttl].keys() | there[ttl].keys()
    }
    if any(route.each_probe for route in (*pair.a.flows, *pair.b.flows)):
        tests = {
            (0, ttl, who): (p, least)
            for ttl in sorted(here.keys() & there.keys())
            for who, p, least in differences(here[ttl], there[ttl])
        }
        corrected = adjusted([p for p, _ in tests.values()], [least for _, least in tests.values()], level)
        n = min(
            ((sum(here[ttl].values()), sum(there[ttl].values())) for ttl in here.keys() & there.keys()),
            key=min,
            default=(0, 0),
        )
        detectable = detectable_share(0, *n, level / max(len(tests), 1))
        return Tests(
            dict(zip(tests, corrected.tolist(), strict=True)), shares, n, "flows", _HEADERS, detectable
        )
    single = [[{ttl: next(iter(who)) for ttl, who in flow.items()} for flow in side] for side in (ones, twos)]
    p = {(0, ttl, who): value for (ttl, who), value in flows_p(*single).items()}
    n = (len(ones), len(twos))
    able = all(n) and flows_least_p(*n) <= level
    detectable = detectable_share(0, *n, level) if able else float("nan")
    return Tests(p, shares, n, "flows", _DEALT, detectable)


def _places_of(pair: Compared, sides: Sides) -> tuple[dict[int, int] | None, dict[int, int] | None]:
    """Number the places from where the two ways meet, for from other sources TTLs differ by nature."""
    if not sides.apart:
        return None, None
    one, two = {}, {}
    for here, there in pair.places[sides.meeting :]:
        if here is not None and there is not None:
            one[here.ttl], two[there.ttl] = here.ttl, here.ttl
    return one, two


def _renamed(
    first: Mapping[int, Mapping[str, int]], key: dict[int, int] | None
) -> dict[int, Mapping[str, int]]:
    if key is None:
        return dict(first)
    return {key[ttl]: who for ttl, who in first.items() if ttl in key}


def _summed(flows: list[dict[int, Mapping[str, int]]]) -> dict[int, Counter[str]]:
    summed: dict[int, Counter[str]] = {}
    for flow in flows:
        for ttl, who in flow.items():
            summed.setdefault(ttl, Counter()).update(who)
    return summed


def judge_paths(sides: Sides, tests: Tests, level: float) -> tuple[Finding, set[int]]:
    """Judge the paths, and name the pairs (by number) in which a change is proven."""
    compared = [places for pair in sides.pairs for places in pair.places[sides.meeting :]]
    differing = [places for places in compared if change_of(*places) not in FITTING]
    common = sum(change_of(*places) == "same" for places in compared)
    mute = any(not any(place.answers for place in route.places) for p in sides.pairs for route in (p.a, p.b))
    if not common and (mute or not differing):
        reason = "the ways have no hop in common" if sides.apart else "no hop answered in both"
        return Finding(CANNOT_TELL, reason=reason), set()
    significant = {key[0] for key, p in tests.p.items() if p <= level}
    if significant:
        first = next(
            (
                places
                for n in sorted(significant)
                for places in sides.pairs[n].places[sides.meeting :]
                if change_of(*places) not in FITTING
            ),
            None,
        )
        clearest = min(tests.p, key=lambda key: (tests.p[key], key))
        row = _row(first, common, len(differing), sides, tests) | {
            "ttl": clearest[1],
            "ends": clearest[2] == END,
        }
        return Finding(CHANGED, row=row), significant
    odd = _odd_flows(sides)
    if not differing and not odd:
        return Finding(SAME, row=_row(None, common, 0, sides, tests)), set()
    if sides.sampled:
        return Finding(CANNOT_TELL, reason=sides.why, flows_needed=_needed(tests, level)), set()
    if odd and not differing:
        reason = f"{odd} of {len(sides.pairs[0].a.flows)} flows took other hops, but in few rounds each"
        return Finding(CANNOT_TELL, reason=reason), set()
    needed = _needed(tests, level)
    return Finding(CANNOT_TELL, reason="too few rounds to rule out chance", rounds_needed=needed), set()


def _odd_flows(sides: Sides) -> int:
    """Count the flows, of those taken together, that went other ways on the two sides."""
    if sides.kind != "matched":
        return 0
    (pair,) = sides.pairs
    return sum(
        any(change_of(*places) not in FITTING for places in align(one.places, two.places))
        for one, two in zip(pair.a.flows, pair.b.flows, strict=True)
    )


def _needed(tests: Tests, level: float) -> int | None:
    """Return how many units of each side it takes, if the shares stay as they are."""
    asked = level if tests.unit == "flows" and len(tests.p) else level / max(len(tests.p), 1)
    numbers = [n for shares in tests.shares.values() if (n := enough(shares, asked)) is not None]
    return min((n for n in numbers if n > min(tests.n)), default=min(numbers, default=None))


def _row(
    first: "tuple[Place | None, Place | None] | None",
    common: int,
    differing: int,
    sides: Sides,
    tests: Tests,
) -> dict[str, Any]:
    return {
        "first": first,
        "common": common,
        "differing": differing,
        "flows": sum(len(pair.a.flows) for pair in sides.pairs),
        "n": tests.n,
        "sampled": sides.sampled,
        "apart": sides.apart,
    }


def places_rows(sides: Sides, tests: Tests, significant: set[int]) -> list[dict[str, Any]]:
    """Write down the aligned paths."""
    rows = []
    for number, pair in enumerate(sides.pairs):
        for place, (here, there) in enumerate(pair.places):
            change = change_of(here, there)
            proven = number in significant and place >= sides.meeting
            if change == "silent" or (change != "same" and not proven):
                change = "unknown"
            if any(seen and seen.ttl in route.left_out for seen, route in ((here, pair.a), (there, pair.b))):
                change = LEFT_OUT
            row: dict[str, Any] = {"flow": pair.flow, "place": place, "change": change}
            for side, route, compared in (("a", pair.a, here), ("b", pair.b, there)):
                seen = route.left_out.get(compared.ttl, compared) if compared else None
                ranked = seen.ranked if seen else ()
                row |= {
                    f"{side}_ttl": seen.ttl if seen else None,
                    f"{side}_addr": ranked[0] if ranked else None,
                    f"{side}_addrs": ranked,
                    f"{side}_n": sum(seen.answers.values()) if seen else 0,
                    f"{side}_flows": _flows_at(route, seen.ttl) if seen else 0,
                }
            ttl = here.ttl if here else there.ttl if there else 0
            row["p_value"] = min((p for key, p in tests.p.items() if key[:2] == (number, ttl)), default=None)
            rows.append(row)
    return rows


def _flows_at(route: Route, ttl: int) -> int:
    return sum(n for who, n in route.first.get(ttl, {}).items() if who != END)
