"""JavaScript's counts, quantiles and words against the Python analysis, in node."""

from __future__ import annotations

import base64
import json
import math
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.display.made import made_tables
from tests.needs import find_tool
from trippy_nb.analysis import hop_table, probes_in_view
from trippy_nb.display import words
from trippy_nb.display.assets import asset
from trippy_nb.frames import tables_from_probes
from trippy_nb.model import Status
from trippy_nb.plots.loss import _EDGES
from trippy_nb.widgets.hoptable import hops_within
from trippy_nb.widgets.wire import pack, pack_probes, time_axis

pytestmark = pytest.mark.needs("node")

_MAIN = (Path(__file__).parent / "calls.js").read_text(encoding="utf-8")


def _spell(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$odd": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, dict):
        return {key: _spell(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_spell(part) for part in value]
    return value


def in_node(calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call functions of our modules, one after the other, in one node."""
    parts = [
        asset(f"{name}.js")
        for name in ("sums", "stats", "words", "dom", "time", "compare", "panels", "replay")
    ]
    module = "".join(
        line
        for part in parts
        for line in part.splitlines(keepends=True)
        if not line.startswith(("import ", "export default"))
    ).replace("export ", "")
    # Each part is a module of its own in the browser's joined file; here their names must not meet.
    module = module.replace("function render(", "function unused(", 1)
    script = f"const INPUT = {json.dumps(json.dumps(_spell(list(calls))))};\n{{{{\n{module}\n{_MAIN}\n}}}}"
    node = find_tool("node")
    assert node is not None
    done = subprocess.run(
        [node, "--input-type=module", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert not done.stderr, done.stderr
    odd = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    results: list[Any] = json.loads(
        done.stdout, object_hook=lambda found: odd[found["$odd"]] if "$odd" in found else found
    )
    return results


def packed(tables):
    probes = probes_in_view(tables)
    axis, at = time_axis(probes)
    return axis, at, pack_probes(probes, sorted(probes["addr"].dropna().astype("str").unique()), at)


COUNTED = ("sent", "recv", "late", "loss_ratio", "best_ms", "p50_ms", "worst_ms")
NAMES = (*COUNTED, "last_ms", "avg_ms", "stddev_ms")


def assert_same(told, hops):
    told = dict(told)
    assert sorted(told) == list(hops["ttl"])
    for _, hop in hops.iterrows():
        for name in NAMES:
            got = told[hop["ttl"]][name]
            assert (
                got == hop[name]
                or (math.isnan(got) and math.isnan(hop[name]))
                or got == pytest.approx(hop[name], rel=1e-12)
            ), (hop["ttl"], name)


def test_the_codes_of_a_status_are_those_of_the_model():
    assert in_node([("STATUS",)]) == [{status.word: int(status) for status in Status}]


def test_without_a_window_the_numbers_are_those_of_the_hop_table():
    tables = made_tables(rounds=100, flows=3)
    (told,) = in_node([("window", packed(tables)[2], [])])
    assert_same(told, hop_table(tables))


@pytest.mark.parametrize("window", [(0.0, 10.0), (10.01, 23.1), (20.0, 20.0), (39.14, 50.0)])
def test_in_a_window_the_numbers_are_those_of_a_hop_table_of_its_probes(window):
    tables = made_tables()
    _, at, raw = packed(tables)
    inside = probes_in_view(tables)[(at >= window[0]) & (at <= window[1])]
    (told,) = in_node([("window", raw, list(window))])
    told = [[ttl, stats] for ttl, stats in told if stats["sent"]]
    assert_same(told, hop_table(tables_from_probes(inside, runs=tables.runs)))


def test_any_window_of_probes_in_any_order_has_the_quantiles_of_its_times():
    rng = np.random.default_rng(11)
    n = 600
    at = rng.integers(0, 60, n).astype(float)  # many at one moment
    at[rng.random(n) < 0.1] = np.nan
    rtt = np.where(rng.random(n) < 0.2, np.nan, rng.integers(1, 40, n) / 4)
    frame = pd.DataFrame({"ttl": rng.integers(1, 4, n), "round": range(n), "rtt_ms": rtt})
    probes = tables_from_probes(frame).probes
    windows = [(0.0, 59.0), (10.0, 10.0), (5.5, 5.9), (-9.0, 3.0), (20.0, 45.0), (58.0, 99.0), (70.0, 80.0)]
    raw = pack_probes(probes, [], at)
    for window, told in zip(windows, in_node([("window", raw, list(w)) for w in windows]), strict=True):
        for ttl, stats in told:
            here = (probes["ttl"] == ttl).to_numpy() & (at >= window[0]) & (at <= window[1])
            times = rtt[here & ~np.isnan(rtt)]
            assert (stats["sent"], stats["recv"]) == (here.sum(), len(times))
            for name, q in (
                ("best_ms", 0),
                ("p25_ms", 0.25),
                ("p50_ms", 0.5),
                ("p75_ms", 0.75),
                ("worst_ms", 1),
            ):
                wanted = np.quantile(times, q) if len(times) else np.nan
                assert stats[name] == pytest.approx(wanted, rel=1e-12, nan_ok=True), (window, ttl, name)


@pytest.mark.parametrize("flow", [None, 1])
@pytest.mark.parametrize("window", [(), (10.0, 30.0), (10.5, 10.9), (57.0, 99.0), (200.0, 300.0)])
def test_who_answered_in_a_window_or_a_flow_is_who_the_hop_table_says_in_its_order(window, flow):
    rng = np.random.default_rng(5)
    n = 300
    names = np.array(["203.0.113.9", "203.0.113.10", "203.0.113.2", "2001:db8::9", None], dtype=object)
    addr = names[rng.integers(0, len(names), n)]  # often as many of one as of another
    rtt = np.where(addr == None, np.nan, 1.0)  # noqa: E711 - of each
    frame = pd.DataFrame(
        {"ttl": 1 + np.arange(n) % 3, "round": np.arange(n) // 3, "addr": addr, "rtt_ms": rtt}
    )
    tables = tables_from_probes(frame.assign(flow=frame["round"] % 2))
    at = tables.probes["round"].to_numpy(dtype=float)
    addresses = sorted(set(names) - {None})
    (told,) = in_node([("whose", pack_probes(tables.probes, addresses, at), addresses, list(window), flow)])
    hops = hops_within(tables, at, list(window), flow)
    found = {ttl: list(addrs) for ttl, addrs in zip(hops["ttl"], hops["addrs"], strict=True)}
    assert {ttl: addrs for ttl, addrs in told if addrs} == {
        ttl: addrs for ttl, addrs in found.items() if addrs
    }


def settled(tables, moment):
    """Probes whose fate is known by then: answered, or their round is over."""
    _, at = time_axis(probes_in_view(tables))
    probes = probes_in_view(tables)
    begins = pd.Series(at).groupby(probes["round"].to_numpy()).min()
    over = begins.shift(-1).fillna(np.nanmax(at + probes["rtt_ms"].fillna(0).to_numpy() / 1000))
    due = np.where(
        probes["rtt_ms"].notna(),
        at + probes["rtt_ms"].to_numpy(dtype=float, na_value=0) / 1000,
        over[probes["round"]].to_numpy(),
    )
    return probes[due <= moment]


@pytest.mark.parametrize("moment", [0.0, 0.05, 5.1204, 21.0, 99.0])
def test_a_replay_has_counted_what_the_analysis_counts_of_all_that_has_settled(moment):
    tables = made_tables()
    (told,) = in_node([("replayed", packed(tables)[2], "time", moment)])
    by_then = settled(tables, moment)
    told = [[ttl, stats] for ttl, stats in told if stats["sent"]]
    assert len(told) == by_then["ttl"].nunique()
    if len(by_then):
        assert_same(told, hop_table(tables_from_probes(by_then, runs=tables.runs)))


@pytest.mark.parametrize("kind", ["time", "round"])
def test_each_probe_of_a_replay_is_sent_before_it_settles_and_in_order(kind):
    tables = made_tables(rounds=6)
    raw = packed(tables)[2]
    if kind == "round":
        raw["at"] = ["f8", np.ascontiguousarray(probes_in_view(tables)["round"], dtype="<f8").tobytes()]
    ((at, due, order, times),) = in_node([("plan", raw, kind)])
    n = len(probes_in_view(tables))
    assert sorted(order) == list(range(2 * n))
    assert times == sorted(times)
    places = {code: place for place, code in enumerate(order)}
    assert all(places[2 * row] < places[2 * row + 1] for row in range(n))
    assert all(sent <= over for sent, over in zip(at, due, strict=True))
    if kind == "round":
        assert [int(place) for place in at] == list(probes_in_view(tables)["round"])


def test_the_steps_of_the_raster_are_those_of_the_plot():
    ratios = [0.0, 0.001, 0.0999, 0.1, 0.25, 0.4, 0.5, 0.75, 0.999, 1.0]
    steps = np.digitize(ratios, _EDGES[1:-1])  # as matplotlib's BoundaryNorm
    assert in_node([("lossStep", ratio) for ratio in ratios]) == steps.tolist()


def test_the_runs_of_a_raster_cover_each_cell_that_was_probed_once():
    rng = np.random.default_rng(3)
    sent = rng.integers(0, 3, (5, 40))
    lost = (sent * (rng.random((5, 40)) < 0.3)).astype(int)
    lost[2] = sent[2]  # never answered
    raw = {"sent": pack(sent.ravel(), "u4"), "unanswered": pack(lost.ravel(), "u4")}
    (runs,) = in_node([("rasterRuns", raw, list(range(5)), 40)])
    seen = np.full((5, 40), -1)
    for step, (row, start, end) in runs:
        assert (seen[row, start:end] == -1).all()
        seen[row, start:end] = step
    assert ((seen == -1) == (sent == 0)).all()
    assert set(seen[2]) <= {-1, 7}
    np.testing.assert_array_equal((seen == 6)[[0, 1, 3, 4]], ((lost == sent) & (sent > 0))[[0, 1, 3, 4]])


def test_only_probes_whose_fate_is_known_are_counted():
    statuses = [status.word for status in Status]
    frame = pd.DataFrame(
        {"ttl": 1, "round": range(len(statuses)), "status": statuses, "rtt_ms": [1.0, 9.0, *[None] * 5]}
    )
    raw = pack_probes(tables_from_probes(frame).probes, [], np.arange(7.0))
    (told,) = in_node([("window", raw, [])])
    stats = dict(told)[1]
    assert (stats["sent"], stats["recv"], stats["late"]) == (3, 2, 1)
    assert stats["loss_ratio"] == pytest.approx(1 / 3)
    assert (stats["best_ms"], stats["p50_ms"], stats["worst_ms"]) == (1.0, 5.0, 9.0)


def test_an_empty_window_has_no_loss_and_no_times():
    (told,) = in_node([("window", packed(made_tables())[2], [900.0, 901.0])])
    for _, stats in told:
        assert stats["sent"] == 0
        assert all(math.isnan(stats[name]) for name in ("loss_ratio", "best_ms", "p50_ms", "worst_ms"))


def test_a_zero_time_is_an_answer():
    frame = pd.DataFrame({"ttl": 1, "round": [0, 1], "rtt_ms": [0.0, 2.0]})
    raw = pack_probes(tables_from_probes(frame).probes, [], np.arange(2.0))
    stats = dict(in_node([("window", raw, [])])[0])[1]
    assert (stats["recv"], stats["best_ms"], stats["p50_ms"]) == (2, 0.0, 1.0)


def test_quantiles_are_numpys():
    rng = np.random.default_rng(7)
    samples = [np.sort(rng.gamma(2, 5, size)).tolist() for size in (1, 2, 3, 10, 101, 1000)]
    cases = [(ordered, q) for ordered in samples for q in (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)]
    told = in_node([("quantile", *case) for case in cases])
    assert told == pytest.approx([float(np.quantile(ordered, q)) for ordered, q in cases], rel=1e-14)


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1e4, width=32)), max_size=8),
    st.one_of(st.none(), st.floats(0, 1)),
)
def test_javascript_and_python_spell_alike(values, ratio):
    decimals = words.decimals_for(values)
    given_ratio = math.nan if ratio is None else ratio
    told = in_node(
        [
            ("decimalsFor", [math.nan if value is None else value for value in values]),
            ("ratioText", given_ratio),
        ]
        + [("msText", math.nan if value is None else value, decimals) for value in values]
    )
    assert told[0] == decimals
    assert told[1] == words.ratio_text(ratio)
    assert told[2:] == [words.ms_text(value, decimals) for value in values]


def test_a_number_between_two_spellings_is_rounded_alike():
    assert in_node([("ratioText", 1 / 80), ("msText", 0.125, 2), ("signedText", -1.25, 1)]) == [
        "1.3 %",
        "0.13",
        "\N{MINUS SIGN}1.3",
    ]
    assert [words.ratio_text(1 / 80), words.ms_text(0.125, 2), words.shift_text(-1.25, None, None, 1)] == [
        "1.3 %",
        "0.13",
        "\N{MINUS SIGN}1.3",
    ]


def test_a_shift_is_spelt_with_its_sign():
    shifts = [3.14, -3.14, 0.01, -0.01, math.nan]
    assert in_node([("signedText", shift, 1) for shift in shifts]) == [
        words.shift_text(s, None, None, 1) for s in shifts
    ]


def test_sorting_puts_what_is_missing_last_either_way_and_keeps_ties():
    values = [2.0, math.nan, 1.0, 2.0, None]
    assert in_node([("sortedOrder", values, False), ("sortedOrder", values, True)]) == [
        [2, 0, 3, 1, 4],
        [0, 3, 2, 1, 4],
    ]


def test_texts_are_sorted_with_numbers_in_them_as_numbers():
    texts = ["203.0.113.10", "core10.example", None, "core9.example", "203.0.113.9"]
    assert in_node([("sortedOrder", texts, False)]) == [[4, 0, 3, 1, 2]]


@pytest.mark.parametrize(
    ("ends", "focus"),
    [
        ((3, 1), [1, 3]),
        ((-5, 4), [0, 4]),
        ((4, 50), [4, 10]),
        ((-1, 11), []),
        ((0, 10), []),
        ((4, 4), []),
        ((math.nan, 1), []),
    ],
)
def test_a_dragged_window_is_kept_in_order_and_inside(ends, focus):
    assert in_node([("tidyFocus", list(ends), [0, 10])]) == [focus]


@pytest.mark.parametrize(("low", "high"), [(0, 30), (0, 0.004), (-0.6, 9.7), (0, 123456), (5, 5)])
def test_ticks_are_round_even_and_inside(low, high):
    (marks,) = in_node([("ticks", low, high, 5)])
    assert all(low - 1e-9 <= mark <= high + 1e-9 for mark in marks)
    assert 1 <= len(marks) <= 8
    if high > low:
        steps = np.diff(marks)
        assert steps == pytest.approx(steps[0])
        assert f"{steps[0]:.0e}"[0] in "125"


@pytest.mark.parametrize(
    ("marks", "decimals"),
    [([], 0), ([0.0], 0), ([0.02], 2), ([20.0], 0), ([0.12], 2), ([0, 0.5, 1.0], 1), ([0, 20, 40], 0)],
)
def test_ticks_are_spelt_as_what_they_are_be_it_one_alone(marks, decimals):
    assert in_node([("tickDecimals", marks)]) == [decimals]


def test_the_scale_of_shifts_holds_zero_and_ignores_absurd_intervals():
    def hop(shift, low, high):
        return {"shift_ms": shift, "low_ms": low, "high_ms": high}

    (low, high), empty = in_node(
        [
            ("shiftDomain", [hop(9.0, 8.0, 10.0), hop(1.0, -500.0, 500.0), hop(None, None, None)]),
            ("shiftDomain", []),
        ]
    )
    assert low < 0
    assert 10 < high < 12
    assert empty[0] < 0 < empty[1]
