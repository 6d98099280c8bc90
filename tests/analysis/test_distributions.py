"""Distributions are numpy's and scipy's, count everything once, and hold in any order and any split."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tests.analysis import oracle
from tests.analysis.handmade import Row, a, probe, rounds, shuffled, tables
from tests.analysis.strategies import probe_rows
from tests.analysis.timing import EPOCH_S, few, sent
from trippy_nb.analysis import densities, ecdf, histograms, quantile_bands
from trippy_nb.analysis.latencies.edges import edges_of
from trippy_nb.errors import ConfigError
from trippy_nb.frames import check_frame, concat, concat_tables
from trippy_nb.frames.answers import BANDS, DENSITY, ECDF, HISTOGRAM

MAKERS: list[tuple[Any, Any]] = [(ecdf, ECDF), (histograms, HISTOGRAM), (densities, DENSITY)]
GROUPINGS = [(), ("ttl",), ("run_id", "ttl"), ("run_id", "flow", "ttl"), ("ttl", "addr"), ("addr",)]
groupings = st.sampled_from(GROUPINGS)


def samples(rows: list[Row], by: tuple[str, ...]) -> dict[tuple[Any, ...], list[float]]:
    """RTTs of each group, of the probes that the hop table counts."""
    end, reached = oracle.ends(rows)
    last: dict[int, int] = defaultdict(int)
    for (run, _, _), ttl in end.items():
        last[run] = max(last[run], ttl)
    found = defaultdict(list)
    for row in rows:
        flow = row["run_id"], row["flow"]
        limit = end[row["run_id"], row["round"], row["flow"]] if reached[flow] else last[row["run_id"]]
        if row["status"] in oracle.ANSWERED and row["ttl"] <= limit:
            found[tuple(row[name] for name in by)].append(row["rtt_ms"])
    return dict(found)


def grouped(frame: pd.DataFrame, by: tuple[str, ...]) -> dict[tuple[Any, ...], pd.DataFrame]:
    if not by:
        return {(): frame} if len(frame) else {}
    return {
        tuple(key): part
        for key, part in frame.groupby(list(by), observed=True)  # a key of one column is a tuple, too
    }


@few
@given(probe_rows(), groupings)
def test_the_distribution_function_is_scipys(rows: list[Row], by: tuple[str, ...]):
    frame = ecdf(tables(rows), by=by)
    check_frame(frame, ECDF)
    wanted = samples(rows, by)
    found = grouped(frame, by)
    assert found.keys() == wanted.keys()
    for key, rtts in wanted.items():
        expected = stats.ecdf(rtts).cdf
        assert found[key]["rtt_ms"].tolist() == expected.quantiles.tolist()
        np.testing.assert_allclose(found[key]["share"], expected.probabilities, rtol=1e-12)
        assert set(found[key]["n"]) == {len(rtts)}
        assert found[key]["share"].iloc[-1] == 1
        assert (found[key]["low_share"] <= found[key]["share"]).all()
        assert (found[key]["share"] <= found[key]["high_share"]).all()


@few
@given(probe_rows(), groupings, st.booleans(), st.booleans())
def test_the_counts_of_a_histogram_add_up_and_are_what_lies_between_the_edges(
    rows: list[Row],
    by: tuple[str, ...],
    log: bool,  # noqa: FBT001 - drawn by hypothesis
    common: bool,  # noqa: FBT001 - drawn by hypothesis
):
    frame = histograms(tables(rows), by=by, log=log, common=common)
    check_frame(frame, HISTOGRAM)
    wanted = samples(rows, by)
    found = grouped(frame, by)
    assert found.keys() == wanted.keys()
    edges = set()
    for key, rtts in wanted.items():
        part = found[key]
        assert part["count"].sum() == len(rtts) == part["n"].iloc[0]
        assert part["share"].sum() == pytest.approx(1)
        assert (part["high_ms"].iloc[:-1].to_numpy() == part["low_ms"].iloc[1:].to_numpy()).all()
        for low, high, count in part[["low_ms", "high_ms", "count"]].itertuples(index=False):
            last = high == part["high_ms"].iloc[-1]
            assert count == sum(low <= rtt < high or (last and rtt == high) for rtt in rtts)
        edges.add((*part["low_ms"], part["high_ms"].iloc[-1]))
    assert len(edges) <= 1 or not common


@given(st.lists(st.floats(0, 500), min_size=2, max_size=80))
def test_bins_are_as_wide_as_numpys_freedman_diaconis_up_to_200_of_them(values: list[float]):
    sample = np.sort(np.array(values))
    assume(np.subtract(*np.quantile(sample, (0.75, 0.25))) > 1e-6)  # numpy fails where it asks for 1e300 bins
    expected = np.histogram_bin_edges(sample, "fd")
    assume(len(expected) <= 200)
    assert abs(len(edges_of([sample])) - len(expected)) <= (1 if len(np.unique(sample)) < 3 else 0)


def test_a_few_huge_answers_do_not_ask_for_a_million_bins():
    sample = np.sort(np.concatenate([np.linspace(10, 11, 500), [1e6]]))
    assert len(edges_of([sample])) == 201
    assert len(edges_of([sample], log=True)) <= 201


def test_where_the_middle_half_is_one_value_there_are_bins_all_the_same():
    sample = np.array([5.0] * 90 + [6.0, 7.0, 20.0])
    assert len(edges_of([sample])) - 1 == math.ceil(math.log2(93) + 1)


def test_an_rtt_of_0_is_counted_on_a_logarithmic_axis():
    rows = [probe(number, 1, a(1), rtt) for number, rtt in enumerate([0.0, 1.0, 10.0, 100.0])]
    frame = histograms(tables(rows), log=True, bins=2)
    assert frame["count"].tolist() == [1, 1, 2]
    np.testing.assert_allclose(frame["low_ms"], [0, 1, 10])


@few
@given(probe_rows(runs=1), st.sampled_from([1.0, 2.0, 60.0]), groupings)
def test_bands_are_numpys_quantiles_and_loss_is_counted(rows: list[Row], bin_s: float, by: tuple[str, ...]):
    made = sent(rows)
    frame = quantile_bands(made, by=by, bin_s=bin_s, bands=(0.5, 1.0))
    check_frame(frame, BANDS)
    shown: set[tuple[Any, ...]] = set()
    for row in rows:
        row["at"] = int((EPOCH_S + row["round"]) // bin_s * bin_s)
    wanted = samples(rows, (*by, "at"))
    for record in frame.to_dict("records"):
        key = (*(record[name] for name in by), int(record["at"].timestamp()))
        rtts = wanted.get(key, [])
        share = record["band_share"]
        for name, q in (("low_ms", (1 - share) / 2), ("high_ms", (1 + share) / 2), ("p50_ms", 0.5)):
            expected = np.quantile(rtts, q) if rtts else np.nan
            assert record[name] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
        assert record["n"] == len(rtts)
        if "addr" in by:
            assert pd.isna(record["sent"])
            assert pd.isna(record["loss_ratio"])
        else:
            assert record["loss_ratio"] == pytest.approx((record["sent"] - len(rtts)) / record["sent"])
        shown.add(key)
    assert set(wanted) <= shown


def test_silence_has_bands_without_edges_and_a_pause_has_none():
    rows = rounds([a(1)], [None], [a(1)])
    made = sent(rows, lambda row: row.round * 10)
    frame = quantile_bands(made, bin_s=5, bands=[1.0])
    assert frame["at"].dt.second.tolist() == [0, 10, 20]
    assert frame["loss_ratio"].tolist() == [0.0, 1.0, 0.0]
    assert frame["low_ms"].isna().tolist() == [False, True, False]


def test_the_usual_length_makes_no_more_than_200_stretches():
    for span_s in (1, 3600, 86400 * 2000):
        made = sent(rounds(*[[a(1)]] * 20), step_s=span_s / 19)
        length = quantile_bands(made)["bin_s"].iloc[0]
        assert span_s / length <= 200 or length == 86400


@few
@given(probe_rows(statuses=["reply"]), groupings)
def test_a_density_is_one_in_all_and_never_below_0(rows: list[Row], by: tuple[str, ...]):
    frame = densities(tables(rows), by=by, points=2000)
    check_frame(frame, DENSITY)
    wanted = samples(rows, by)
    found = grouped(frame, by)
    assert found.keys() == wanted.keys()
    for key, rtts in wanted.items():
        part = found[key]
        if len(rtts) < 3 or len(set(rtts)) == 1:
            assert part["rtt_ms"].tolist() == [np.median(rtts)]
            assert part["density_per_ms"].isna().all()
        elif part["rtt_ms"].iloc[-1] < 500 * part["bandwidth_ms"].iloc[0]:  # the grid is fine enough
            area = np.trapezoid(part["density_per_ms"], part["rtt_ms"])
            assert area == pytest.approx(1, abs=0.01)
            assert part["rtt_ms"].iloc[0] >= 0


def test_a_density_is_scipys_with_silvermans_bandwidth():
    rtts = np.random.default_rng(1).gamma(3, 2, 400) + 50
    frame = densities(tables([probe(number, 1, a(1), rtt) for number, rtt in enumerate(rtts)]))
    iqr = np.subtract(*np.quantile(rtts, (0.75, 0.25)))
    width = 0.9 * min(rtts.std(ddof=1), iqr / 1.349) * 400**-0.2
    assert frame["bandwidth_ms"].iloc[0] == pytest.approx(width)
    expected = stats.norm.pdf(frame["rtt_ms"].to_numpy()[:, None], rtts, width).mean(axis=1)
    np.testing.assert_allclose(frame["density_per_ms"], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_of_many_answers_a_few_stand_for_all():
    rtts = np.random.default_rng(2).gamma(3, 2, 8_000) + 50
    frame = densities(tables([probe(number, 1, a(1), rtt) for number, rtt in enumerate(rtts)]))
    width = frame["bandwidth_ms"].iloc[0]
    expected = stats.norm.pdf(frame["rtt_ms"].to_numpy()[:, None], rtts, width).mean(axis=1)
    np.testing.assert_allclose(frame["density_per_ms"], expected, atol=0.002 * expected.max())


@few
@given(probe_rows(), groupings, st.integers(0, 9))
def test_the_order_of_rows_changes_nothing(rows: list[Row], by: tuple[str, ...], seed: int):
    made = tables(rows)
    for maker, _ in MAKERS:
        pd.testing.assert_frame_equal(maker(shuffled(made, seed), by=by), maker(made, by=by))
    timed = sent(rows)
    pd.testing.assert_frame_equal(
        quantile_bands(shuffled(timed, seed), by=by, bin_s=2), quantile_bands(timed, by=by, bin_s=2)
    )


@few
@given(probe_rows(runs=1), probe_rows(runs=1))
def test_runs_alone_and_together_give_the_same_rows(one: list[Row], two: list[Row]):
    assume(one and two)
    parts = [tables(one), tables(two)]
    for maker, table in ((ecdf, ECDF), (densities, DENSITY)):
        apart = [
            maker(part).assign(run_id=pd.array([number] * len(maker(part)), dtype="UInt32"))
            for number, part in enumerate(parts)
        ]
        whole = concat(apart)
        together = maker(concat_tables(parts))
        pd.testing.assert_frame_equal(together, whole)
        check_frame(together, table)


NUMBER: Any = 3
TEXT: Any = "1h"
NOTHING: Any = None
FRAME: Any = pd.DataFrame()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda made: ecdf(made, by=("hop",)), "by='hop' is nothing to group by"),
        (lambda made: ecdf(made, by="round"), "by='round'"),
        (lambda made: histograms(made, by=NUMBER), "by=3 is nothing to group by: use any of run_id"),
        (lambda made: ecdf(made, alpha=2), "alpha is a probability above 0"),
        (lambda _: ecdf(NOTHING), "tables are what run.tables holds, not NoneType"),
        (lambda _: ecdf(FRAME), "tables are what run.tables holds, not DataFrame"),
        (lambda made: quantile_bands(made, bin_s=TEXT), "bin_s='1h' is not a number above 0"),
        (lambda made: histograms(made, bins=0), "bins=0 is not a whole number from 1"),
        (lambda made: densities(made, points=1), "points=1 is not a whole number from 2"),
        (lambda made: quantile_bands(made, bands=[1.5]), "are not shares"),
        (lambda made: quantile_bands(made, bands=[]), "are not shares"),
        (quantile_bands, "no probe has a time of sending"),
        (lambda made: quantile_bands(made, bin_s=0), "bin_s=0 is not a number above 0"),
    ],
)
def test_what_is_asked_wrongly_is_said(call: Any, message: str):
    with pytest.raises(ConfigError, match=message):
        call(tables(rounds([a(1)])))


def test_a_single_name_is_a_grouping():
    made = tables(rounds([a(1), a(2)]))
    pd.testing.assert_frame_equal(ecdf(made, by="ttl"), ecdf(made, by=("ttl",)))
