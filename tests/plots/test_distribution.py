"""Pictures of distributions: heights, shares and bands are those of the analysis; silence is told."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from tests.analysis.handmade import TARGET, a, probe, rounds, tables
from tests.plots.drawing import drawn, keys, lines, overlapping, points, texts, timed, title, ways
from trippy_nb.analysis import answered_shares, densities, ridges, smoke
from trippy_nb.errors import ConfigError
from trippy_nb.frames import PROBES, Tables
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes, plot_answered_shares, plot_ridges, plot_smoke
from trippy_nb.plots.theme import VERMILLION, theme_of
from trippy_nb.run import Run

PICTURES: dict[str, Callable[[Tables, Axes | None], Axes]] = {
    "ridge": lambda made, ax: plot_ridges(ridges(made), ax=ax),
    "ecdf": lambda made, ax: plot_answered_shares(answered_shares(made), ax=ax),
    "smoke": lambda made, ax: plot_smoke(smoke(made), ax=ax),
}


def noisy(n: int = 60) -> Tables:
    """Hop 2 is silent, hop 3 leaves every fourth unanswered; ten rounds are a minute later."""
    rng = np.random.default_rng(1)
    rows = [
        probe(number, ttl, addr, None if addr is None else 10 * ttl + rng.gamma(2, 1))
        for number in [*range(n), *range(n + 60, n + 70)]
        for ttl, addr in enumerate([a(1), None, None if number % 4 == 0 else TARGET], start=1)
    ]
    return timed(tables(rows))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_are_drawn_on_the_axes_given_and_in_its_theme(picture: str, theme: Theme):
    ax = new_axes(6, 4, theme=theme)
    assert PICTURES[picture](noisy(), ax) is ax
    assert theme_of(ax) is theme
    assert {text.get_color() for text in ax.texts} <= {theme.ink, theme.muted}


def test_a_ridge_is_the_density_with_its_peak_at_the_height_of_a_row():
    made = noisy()
    ax = plot_ridges(ridges(made))
    one, three = ways(ax, "ridge")
    table = densities(made, by=("ttl",))
    for row, line, ttl in ((0, one, 1), (2, three, 3)):
        expected = table.loc[table["ttl"] == ttl]
        heights = row - np.array([y for _, y in line])
        np.testing.assert_allclose([x for x, _ in line], expected["rtt_ms"])
        np.testing.assert_allclose(
            heights / heights.max(), expected["density_per_ms"] / expected["density_per_ms"].max()
        )
        assert 0 < heights.max() < 1
    medians = [way[0] for way in ways(ax, "median")]
    assert [y for _, y in medians] == [0.0, 2.0]
    assert {x for x, _ in medians} == {
        float(np.median(made.probes.loc[made.probes["ttl"] == ttl, "rtt_ms"].dropna())) for ttl in (1, 3)
    }


def test_a_silent_hop_has_a_row_without_a_ridge_and_every_share_unanswered_is_told():
    ax = plot_ridges(ridges(noisy()))
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"{a(1)}  1", "*  2", f"{TARGET}  3"]
    assert texts(ax) == ["100 % unanswered", "26 % unanswered"]
    assert ax.get_ylabel() == PROBES.label("ttl")


def test_equal_rtts_have_no_density_and_are_a_line():
    ax = plot_ridges(ridges(tables([probe(n, 1, TARGET, 5.0) for n in range(9)])))
    assert not ways(ax, "ridge")
    assert {x for x, _ in ways(ax, "median")[0]} == {5.0}


def test_a_curve_of_shares_ends_at_the_share_that_was_answered():
    rows = [probe(n, 1, None if n < 2 else TARGET, None if n < 2 else float(n)) for n in range(8)]
    ax = plot_answered_shares(answered_shares(tables(rows)))
    (curve,) = lines(ax, "1")
    assert points(curve) == [(2.0, 0.0), *((float(n), (n - 1) / 8) for n in range(2, 8))]
    (end,) = lines(ax, "end")
    assert points(end) == [(7.0, 0.75)]


def test_hops_differ_in_more_than_colour_and_a_silent_one_is_named_without_a_line():
    ax = plot_answered_shares(answered_shares(tables(rounds([a(n) for n in range(1, 8)]))))
    looks = {
        (str(line.get_color()), str(vars(line)["_dash_pattern"]))
        for line in ax.lines
        if line.get_label() != "end"
    }
    assert len(looks) == 7
    assert "hop 2: *" in keys(plot_answered_shares(answered_shares(noisy())))


def test_many_hops_are_coloured_by_ttl_beside_a_bar():
    ax = plot_answered_shares(answered_shares(tables(rounds([a(n) for n in range(1, 30)]))))
    figure = ax.get_figure(root=True)
    assert figure is not None
    assert [other.get_ylabel() for other in figure.axes if other is not ax] == [PROBES.label("ttl")]


def test_rtts_that_differ_widely_are_on_a_logarithmic_axis_unless_one_is_zero():
    wide = [probe(0, 1, a(1), 0.1), probe(0, 2, TARGET, 90.0)]
    assert plot_answered_shares(answered_shares(tables(wide))).get_xscale() == "log"
    wide.append(probe(1, 1, a(1), 0.0))
    assert plot_answered_shares(answered_shares(tables(wide))).get_xscale() == "linear"


@pytest.mark.parametrize("low_ms", [0.004, 0.9, 1.4, 30.0])
@pytest.mark.parametrize("factor", [60, 700, 1e6])
@pytest.mark.parametrize("width_in", [4, 8.4])
def test_a_logarithmic_axis_has_plain_numbers_that_do_not_overlap(
    low_ms: float, factor: float, width_in: float
):
    made = tables([probe(0, 1, a(1), low_ms), probe(0, 2, TARGET, low_ms * factor)])
    ax = drawn(plot_answered_shares(answered_shares(made), ax=new_axes(width_in, 3)))
    low, high = ax.get_xlim()
    labels = [
        label
        for at, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        if low <= at <= high and label.get_text()
    ]
    said = [label.get_text() for label in labels]
    assert len(said) >= (3 if width_in > 8 else 2)
    assert all(re.fullmatch(r"0\.0*[125]|[125]0{0,2}(,000)*", words) for words in said)
    assert overlapping(labels, ax) == []
    assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))


def test_smoke_is_the_bands_of_the_analysis_and_a_gap_stays_one():
    made = noisy()
    found = smoke(made)
    ax = plot_smoke(found)
    assert found.ttl == 3
    for share in (1.0, 0.8, 0.5):
        (band,) = [it for it in ax.collections if it.get_label() == f"{100 * share:.0f} %"]
        part = found.bands.loc[found.bands["band_share"] == share].dropna(subset="low_ms")
        heights = {y for path in band.get_paths() for y in np.asarray(path.vertices)[:, 1].tolist()}
        assert {*part["low_ms"], *part["high_ms"]} <= heights
        assert len(band.get_paths()) == len(part)
    begins = (found.bands["at"].drop_duplicates().astype("int64") / 86_400e9).tolist()
    assert max(np.diff(begins)) > 50 / 86_400
    assert title(ax) == f"Hop 3: {TARGET}; a stretch is 1 s long"


def test_a_stretch_with_loss_has_another_median_and_a_bar_as_high_as_its_share():
    made = timed(tables([probe(n, 1, None if n % 2 else TARGET, None if n % 2 else 5.0) for n in range(8)]))
    ax = plot_smoke(smoke(made, bin_s=4))
    bars = [it for it in ax.get_children() if isinstance(it, Rectangle) and it.get_label() == "unanswered"]
    assert len(bars) == 2
    assert {to_hex(bar.get_facecolor()) for bar in bars} == {VERMILLION.lower()}
    whole = plot_smoke(smoke(made, bin_s=1))
    alone = [
        it for it in whole.get_children() if isinstance(it, Rectangle) and it.get_label() == "unanswered"
    ]
    assert alone[0].get_height() == pytest.approx(2 * bars[0].get_height())
    assert "median, and some unanswered" in keys(ax)


def test_smoke_without_times_is_refused_in_words():
    with pytest.raises(ConfigError, match="no probe has a time of sending"):
        smoke(tables(rounds([TARGET])))


@pytest.mark.parametrize("kind", ["ridge", "ecdf", "smoke", "box"])
def test_a_run_draws_every_kind_for_one_hop(kind: str):
    run = Run(noisy())
    drawn(run.plot.distribution(kind, 3))  # type: ignore[arg-type]  # a word of the parametrisation
    with pytest.raises(ConfigError, match="ttl=9"):
        run.plot.distribution(kind, 9)  # type: ignore[arg-type]  # a word of the parametrisation


def test_an_unknown_kind_and_smoke_of_several_hops_are_errors():
    run = Run(noisy())
    with pytest.raises(ConfigError, match="ridge, ecdf, smoke or box"):
        run.plot.distribution("violin")  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ConfigError, match="one hop"):
        run.plot.distribution("smoke", [1, 3])


def test_a_hundred_thousand_answers_are_few_points_of_a_ridge():
    n = 100_000
    frame = pd.DataFrame({"round": np.arange(n), "ttl": 1, "addr": TARGET})
    frame["rtt_ms"] = np.random.default_rng(0).gamma(2, 5, n)
    (line,) = ways(plot_ridges(ridges(Run.from_probes(frame).tables)), "ridge")
    assert len(line) == 200
