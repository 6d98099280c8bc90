"""True places never need more than light; wrong ones are found out where an answer was too fast for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.analysis.handmade import SOURCE, Row, a, probe, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.analysis.timing import few
from trippy_nb.analysis import light_check
from trippy_nb.analysis.latencies.light import LIGHT_KM_PER_MS, great_circle_km
from trippy_nb.errors import ConfigError
from trippy_nb.frames import check_frame
from trippy_nb.frames.answers import LIGHT

V = LIGHT_KM_PER_MS * 2 / 3
EQUATOR_KM = 2 * np.pi * 6371.0088
BERLIN, MUNICH, NEW_YORK = (52.52, 13.405), (48.137, 11.575), (40.713, -74.006)


@pytest.mark.parametrize(
    ("one", "two", "km"),
    [
        ((0, 0), (0, 90), EQUATOR_KM / 4),
        ((0, 0), (90, 0), EQUATOR_KM / 4),
        ((0, -90), (0, 90), EQUATOR_KM / 2),
        ((0, 179), (0, -179), EQUATOR_KM / 180),  # across the date line
        ((50, 10), (50, 10), 0),
        (BERLIN, MUNICH, 504),  # published distances of the cities, to the kilometre
        (BERLIN, NEW_YORK, 6385),
    ],
)
def test_distances_over_the_ground(one: Any, two: Any, km: float):
    assert great_circle_km(one, two) == pytest.approx(km, rel=2e-3, abs=1e-9)
    assert great_circle_km(two, one) == pytest.approx(great_circle_km(one, two))


def test_a_hundred_kilometres_take_a_millisecond():
    rows = [probe(0, 1, a(1), 1.0), probe(1, 1, a(1), 0.9)]
    places = {SOURCE: (0.0, 0.0), a(1): (0.0, 0.8)}  # 89 km east
    row = light_check(tables(rows), places, slack_km=0).iloc[0]
    assert row["way_km"] == pytest.approx(2 * 0.8 * EQUATOR_KM / 360)
    assert (row["rtt_ms"], row["n"], row["possible"]) == (0.9, 2, True)
    assert row["limit_km"] / 2 == pytest.approx(89.94, abs=0.01)
    assert row["needs_ms"] == pytest.approx(row["way_km"] / V)
    assert not light_check(tables(rows), places, speed=4 / 9, slack_km=0)["possible"].item()
    assert light_check(tables(rows), places, speed=4 / 9)["possible"].item()


def test_two_places_that_are_possible_alone_may_not_be_so_on_one_path():
    """Two hops, each within reach in its time, on opposite sides of the source: there and back is too far."""
    places = {SOURCE: (0.0, 0.0), a(1): (0.0, -4.0), a(2): (0.0, 4.0)}  # 445 km west, 445 km east
    rows = [probe(0, 1, a(1), 5.0), probe(0, 2, a(2), 5.0)]
    found = light_check(tables(rows), places, slack_km=0)
    check_frame(found, LIGHT)
    assert found["possible"].tolist() == [True, True, False]
    pair = found.iloc[2]
    assert (pair["from_addr"], pair["addr"]) == (a(1), a(2))
    assert pair["way_km"] == pytest.approx(16 * EQUATOR_KM / 360)
    assert (
        light_check(tables(rows, stable=False), places)["from_addr"].isna().all()
    )  # chance may have parted them


def test_a_pair_takes_the_smallest_rtt_of_the_rounds_that_had_both():
    rows = [probe(0, 1, a(1), 1.0), probe(0, 2, a(2), 9.0), probe(1, 1, a(3), 1.0), probe(1, 2, a(2), 4.0)]
    places = {SOURCE: (0.0, 0.0), a(1): (0.0, 0.1), a(2): (0.0, 0.2)}
    found = light_check(tables(rows), places)
    pair, alone = found[found["from_addr"].notna()].iloc[0], found[found["addr"] == a(2)].iloc[0]
    assert (pair["rtt_ms"], alone["rtt_ms"]) == (9.0, 4.0)


latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)


@few
@given(
    st.lists(st.tuples(latitudes, longitudes), min_size=2, max_size=6),
    st.floats(1, 2),
    st.floats(1, 2),
    st.floats(1e-6, 5),
)
def test_true_places_never_need_more_than_light(
    spots: list[tuple[float, float]], there: float, back: float, wait_ms: float
):
    at = np.array(spots)
    way = np.cumsum(great_circle_km(at[:-1], at[1:])) * there
    rtts = (way + great_circle_km(at[1:], at[0]) * back) / V + wait_ms
    rows = [probe(0, ttl, a(ttl), float(rtt)) for ttl, rtt in enumerate(rtts, 1)]
    places = {a(ttl): spot for ttl, spot in enumerate(spots)} | {SOURCE: spots[0]}
    found = light_check(tables(rows), places, slack_km=0)
    check_frame(found, LIGHT)
    assert len(found) == len(rtts) * (len(rtts) + 1) / 2
    assert found["possible"].all()


@few
@given(st.floats(1, 170), st.floats(0, 0.95))
def test_a_place_farther_than_light_gets_is_found_out(degrees: float, share: float):
    needed = 2 * great_circle_km((0, 0), (0, degrees)) / V
    found = light_check(
        tables([probe(0, 1, a(1), float(needed * share))]),
        {"source": (0.0, 0.0), a(1): (0.0, degrees)},
        slack_km=0,
    )
    assert not found["possible"].item()


def test_without_a_place_nothing_is_checked():
    made = tables([probe(0, 1, a(1)), probe(0, 2, a(2))])
    assert light_check(made, {}).empty
    assert light_check(made, {a(1): (0.0, 0.0), "source": (0.0, 0.0)})["addr"].tolist() == [a(1)]
    check_frame(light_check(made, {}), LIGHT)


@few
@given(probe_rows(), st.integers(0, 9))
def test_the_order_of_rows_changes_nothing(rows: list[Row], seed: int):
    places = {a(1): (1.0, 1.0), a(2): (10.0, 50.0), a(10): (-40.0, 170.0), "source": (0.0, 0.0)}
    made = tables(rows)
    assume(made.probes["addr"].isin([*places]).any())
    one = light_check(made, places)
    check_frame(one, LIGHT)
    pd.testing.assert_frame_equal(light_check(shuffled(made, seed), places), one)


@pytest.mark.parametrize(
    ("places", "options", "message"),
    [
        ({a(1): (91.0, 0.0)}, {}, "is nowhere"),
        ({a(1): (0.0, float("nan"))}, {}, "is nowhere"),
        ({a(1): "Berlin"}, {}, "is not a pair"),
        ({a(1): (1.0,)}, {}, "is not a pair"),
        ({"zzz": (0.0, 0.0)}, {}, "places\\['zzz'\\]: that is no address, and not 'source'"),
        ([], {}, "places is a dict of places by address, not list"),
        ({a(1): (0.0, 0.0)}, {}, "where no source of these runs is: add places\\['source'\\]"),
        ({}, {"speed": 0}, "speed=0 is not a number above 0 to 1"),
        ({}, {"speed": 1.5}, "speed=1.5 is not a number above 0 to 1"),
        ({}, {"slack_km": -1}, "slack_km=-1 is not a number from 0"),
    ],
)
def test_what_is_asked_wrongly_is_said(places: Any, options: dict[str, float], message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        light_check(tables([probe(0, 1, a(1))]), places, **options)
    assert "\n" not in str(caught.value)


def test_an_address_may_be_spelled_in_any_way():
    made = tables([probe(0, 1, "2001:db8::1")])
    found = light_check(made, {"2001:DB8:0::1": (0.0, 0.0), "source": (0.0, 0.0)})
    assert found["addr"].tolist() == ["2001:db8::1"]
