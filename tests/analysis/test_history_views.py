"""The view of autonomous systems, and routers that forward otherwise than they used to."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.handmade import TARGET, Row, a, probe, replaced, rounds, shuffled, tables
from trippy_nb.analysis.history import as_changes, as_path, epochs, forwarding_anomalies, path_changes
from trippy_nb.analysis.history.forwarding import responsibilities
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables, check_frame
from trippy_nb.frames.answers import FORWARDING


def only(frame: pd.DataFrame) -> Any:
    """The one row of a frame."""
    (row,) = frame.itertuples()
    return row


PUBLIC = ["8.8.8.8", "9.9.9.9", "1.1.1.1", "5.5.5.5"]
ASNS = {"8.8.8.8": 1, "9.9.9.9": 1, "1.1.1.1": 2}


@pytest.mark.parametrize(
    ("addrs", "expected"),
    [
        (("8.8.8.8", "9.9.9.9", "1.1.1.1"), (1, 2)),
        (("8.8.8.8", None, "9.9.9.9"), (1,)),
        (("8.8.8.8", None, None, "1.1.1.1"), (1, None, 2)),
        (("8.8.8.8", "5.5.5.5", "9.9.9.9"), (1,)),
        (("10.0.0.1", "8.8.8.8", "192.168.1.1", "100.64.0.1", "9.9.9.9"), (1,)),
        (("8.8.8.8", "5.5.5.5", None), (1, None)),
        ((), ()),
        ((None, "10.0.0.1"), (None,)),
    ],
)
def test_a_path_of_systems(addrs, expected):
    assert as_path(addrs, ASNS) == expected
    assert as_path(addrs, pd.Series(ASNS)) == expected


def test_a_private_address_that_is_mapped_counts():
    assert as_path(("10.0.0.1", "8.8.8.8"), ASNS | {"10.0.0.1": 64512}) == (64512, 1)


def changed(old: list[str | None], new: list[str | None], asns: dict[str, int]) -> object:
    made = tables(rounds(*[[*old, TARGET]] * 3, *[[*new, TARGET]] * 3))
    row = only(as_changes(path_changes(made), epochs(made), asns | {TARGET: 99}))
    return None if pd.isna(row.as_changed) else row.as_changed


@pytest.mark.parametrize(
    ("old", "new", "asns", "expected"),
    [
        (["8.8.8.8"], ["9.9.9.9"], ASNS, False),
        (["8.8.8.8"], ["1.1.1.1"], ASNS, True),
        (["8.8.8.8", "1.1.1.1"], ["8.8.8.8", "5.5.5.5"], ASNS, None),
        (["8.8.8.8", "1.1.1.1"], ["1.1.1.1", "5.5.5.5"], ASNS, True),
        (["8.8.8.8"], ["5.5.5.5"], ASNS, None),
    ],
)
def test_whether_systems_changed(old, new, asns, expected):
    assert changed(old, new, asns) == expected


def test_nothing_is_said_where_no_system_is_known():
    made = tables(rounds(*[["8.8.8.8", TARGET]] * 3, *[["9.9.9.9", TARGET]] * 3))
    table = as_changes(path_changes(made), epochs(made), {})
    assert table[["as_before", "as_after", "as_changed"]].isna().all().all()


def test_frames_that_do_not_belong_together_are_refused():
    made = tables(rounds([a(1), TARGET]))
    with pytest.raises(ConfigError, match="series"):
        as_changes(path_changes(made), made.probes, ASNS)


# --- forwarding ---------------------------------------------------------------------------------------------

ROUTER = a(1)
HOUR = pd.Timestamp("2026-01-01", tz="UTC")


def traffic(*bins: dict[str | None, int]) -> Tables:
    """So many packets that passed the router, hour by hour, by who answered next."""
    rows: list[Row] = []
    hours: list[int] = []
    for hour, counts in enumerate(bins):
        for addr, count in counts.items():
            for _ in range(count):
                number = len(hours)
                rows += [probe(number, 1, ROUTER), probe(number, 2, addr), probe(number, 3, TARGET)]
                hours.append(hour)
    made = tables(rows)
    at = [HOUR + pd.Timedelta(hours=hours[int(one)]) for one in made.probes["round"]]
    return replaced(made, probes=made.probes.assign(sent_at=pd.DatetimeIndex(at).as_unit("ns")))


def mine(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["router"] == ROUTER]


def test_packets_that_go_another_way_and_some_that_vanish():
    # As in the paper's example: B loses its packets to C, and more than before are not answered.
    before: dict[str | None, int] = {a(10): 10, a(11): 100, None: 5}
    after: dict[str | None, int] = {a(10): 11, a(11): 1, a(12): 89, None: 30}
    table = mine(forwarding_anomalies(traffic(before, before, after)))
    check_frame(table.reset_index(drop=True), FORWARDING)
    assert set(table["bin_at"]) == {HOUR + pd.Timedelta(hours=2)}
    assert table["next_hop"].fillna("").tolist() == [a(10), a(11), a(12), ""]
    f, reference = np.array([11, 1, 89, 30.0]), np.array([10, 100, 0, 5.0])
    rho = np.corrcoef(f, reference)[0, 1]
    assert rho < -0.25
    np.testing.assert_allclose(table["correlation"], rho, rtol=1e-12)
    np.testing.assert_allclose(table["expected_packets"], reference)
    expected = -rho * (f - reference) / np.abs(f - reference).sum()
    np.testing.assert_allclose(table["responsibility"], expected, rtol=1e-12)
    part = dict(zip(table["next_hop"].fillna(""), table["responsibility"], strict=True))
    assert part[a(11)] < 0 < part[""] < part[a(12)]
    assert abs(part[a(10)]) < 0.01


@pytest.mark.parametrize(
    "bins",
    [
        pytest.param([{a(10): 10, a(11): 100}] * 5, id="as ever"),
        pytest.param([{a(10): 10, a(11): 100}, {a(10): 8, a(11): 80}], id="less of all"),
        pytest.param([{a(10): 100}] * 3, id="one next hop"),
        pytest.param([{a(10): 3}, {a(11): 3}], id="too few to tell"),
    ],
)
def test_no_anomaly(bins):
    assert mine(forwarding_anomalies(traffic(*bins))).empty


def test_the_reference_follows_slowly():
    usual: dict[str | None, int] = {a(10): 90, a(11): 10}
    table = mine(forwarding_anomalies(traffic(usual, {a(10): 190, a(11): 10}, {a(11): 100})))
    np.testing.assert_allclose(table["expected_packets"], [0.01 * 190 + 0.99 * 90, 10])


@given(
    st.lists(
        st.dictionaries(st.sampled_from([None, a(10), a(11)]), st.integers(1, 4), min_size=1),
        min_size=1,
        max_size=4,
    ),
    st.floats(0.01, 1),
)
@pytest.mark.slow
@settings(max_examples=50 if os.environ.get("TRIPPY_NB_PROFILE") == "ci" else 6, deadline=None)
def test_against_the_plainest_code(bins, gain):
    made = traffic(*bins)
    table = mine(forwarding_anomalies(made, gain=gain, min_packets=0))
    expected: dict[pd.Timestamp, float] = {}
    reference: Counter[str | None] | dict[str | None, float] = {}
    for hour, counts in enumerate(bins):
        hops = sorted({*counts, *reference}, key=str)
        f = np.array([counts.get(hop, 0) for hop in hops], dtype=float)
        r = np.array([reference.get(hop, 0) for hop in hops], dtype=float)
        if reference and np.std(f) > 0 and np.std(r) > 0:
            rho = np.corrcoef(f, r)[0, 1]
            if rho < -0.25:
                expected[HOUR + pd.Timedelta(hours=hour)] = rho
        first = not reference
        reference = {
            hop: one if first else gain * one + (1 - gain) * two
            for hop, one, two in zip(hops, f, r, strict=True)
        }
    got = table.groupby("bin_at")["correlation"].first().to_dict()
    assert got.keys() == expected.keys()
    np.testing.assert_allclose(list(got.values()), list(expected.values()), atol=1e-9)
    pd.testing.assert_frame_equal(
        table, mine(forwarding_anomalies(shuffled(made, 3), gain=gain, min_packets=0))
    )


def test_responsibilities_are_shares_of_what_changed():
    parts = responsibilities(np.array([0.0, 10]), np.array([10.0, 0]), -1.0)
    np.testing.assert_allclose(parts, [-0.5, 0.5])
    assert (responsibilities(np.ones(2), np.ones(2), -1.0) == 0).all()


@pytest.mark.parametrize("options", [{"bin_s": 0}, {"gain": 0}, {"gain": 1.5}])
def test_a_wrong_choice_is_said_in_one_line(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        forwarding_anomalies(tables([]), **options)


def test_what_has_no_time_is_left_out():
    assert forwarding_anomalies(tables(rounds([a(1), a(2), TARGET]))).empty
