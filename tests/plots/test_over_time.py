"""Pictures with time from left to right: RTTs, loss, and paths; places and signs read back."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from tests.analysis.handmade import TARGET, a, probe, replaced, rounds, tables
from tests.plots.drawing import (
    START_NS,
    drawn,
    keys,
    lines,
    luminance,
    odd_runs,
    overlapping,
    points,
    texts,
    timed,
    title,
)
from trippy_nb.analysis import (
    loss_raster,
    path_changes,
    ribbon,
    rtt_changes,
    timeline,
)
from trippy_nb.analysis.ribbon import letter_of
from trippy_nb.errors import ConfigError
from trippy_nb.frames import HOPS, PROBES, Tables
from trippy_nb.frames.columns import moments
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes, plot_loss, plot_paths, plot_timeline
from trippy_nb.plots.loss import colours
from trippy_nb.plots.theme import theme_of
from trippy_nb.run import Run

DAY = START_NS / 86_400e9


def draw_timeline(made: Tables, ax: Axes | None = None) -> Axes:
    found = timeline(made, rtt_changes=rtt_changes(made), changes=path_changes(made))
    return plot_timeline(found, ax=ax)


PICTURES: dict[str, Callable[[Tables, Axes | None], Axes]] = {
    "timeline": draw_timeline,
    "loss": lambda made, ax: plot_loss(loss_raster(made), ax=ax),
    "paths": lambda made, ax: plot_paths(ribbon(made), ax=ax),
}


@pytest.mark.parametrize("name", odd_runs())
@pytest.mark.parametrize("picture", PICTURES)
def test_odd_runs_with_times_can_be_drawn(picture: str, name: str):
    drawn(PICTURES[picture](timed(odd_runs()[name]), None))  # without times: test_every_plot


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_are_drawn_on_the_axes_given_and_in_its_theme(picture: str, theme: Theme):
    ax = new_axes(6, 4, theme=theme)
    assert PICTURES[picture](rerouted(), ax) is ax
    assert theme_of(ax) is theme
    assert {text.get_color() for text in ax.texts} <= {theme.ink, theme.muted}
    assert ax.xaxis.label.get_color() == theme.ink


@pytest.mark.parametrize("picture", PICTURES)
def test_the_axis_says_time_in_utc_or_rounds(picture: str):
    made = tables(rounds(*[[a(1), TARGET]] * 6))
    assert PICTURES[picture](made, None).get_xlabel() == PROBES.label("round")
    assert PICTURES[picture](timed(made), None).get_xlabel() == f"{PROBES.label('sent_at')} (UTC)"


@pytest.mark.parametrize("picture", PICTURES)
def test_words_do_not_overlap(picture: str):
    ax = PICTURES[picture](rerouted(), None)
    drawn(ax)
    labels = [*ax.texts, *(label for label in ax.get_xticklabels() if label.get_text())]
    assert overlapping([text for text in labels if text.get_text()], ax) == []


def rerouted(n: int = 30, by_ms: float = 18.0) -> Tables:
    """A path that changes at hop 2 in the middle; the target gets slower with it."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(n):
        late = number >= n // 2
        rows += [probe(number, ttl, addr, 5.0 * ttl + rng.random() / 5 + (by_ms if late and ttl > 1 else 0))
                 for ttl, addr in enumerate([a(1), a(3) if late else a(2), TARGET], start=1)]  # fmt: skip
    return timed(tables(rows))


# --- timeline ---


def test_every_answer_of_the_target_is_a_dot_at_its_time():
    made = rerouted()
    (dots,) = lines(plot_timeline(timeline(made)), "answer")
    mine = made.probes.loc[made.probes["ttl"] == 3]
    days = mine["sent_at"].astype("int64") / 86_400e9
    np.testing.assert_allclose([x for x, _ in points(dots)], days, rtol=0, atol=1e-9)
    assert [y for _, y in points(dots)] == mine["rtt_ms"].tolist()


def test_silence_is_a_tick_above_the_picture_and_never_a_dot():
    rows = [probe(n, 1, None if n % 3 else TARGET, None if n % 3 else 5.0) for n in range(9)]
    ax = plot_timeline(timeline(tables(rows)))
    (ticks,) = lines(ax, "unanswered")
    (dots,) = lines(ax, "answer")
    assert [x for x, _ in points(ticks)] == [1, 2, 4, 5, 7, 8]
    assert [y for _, y in points(dots)] == [5.0] * 3
    low = ticks.get_transform().transform((0, 1))[1]
    assert low > ax.transAxes.transform((0, 1))[1]
    assert "6 of 9 unanswered" in texts(ax)


def test_late_answers_are_hollow():
    rows = [probe(0, 1, TARGET, 3.0), probe(1, 1, TARGET, 900.0, status="late")]
    ax = plot_timeline(timeline(tables(rows)))
    (late,) = lines(ax, "late answer")
    assert points(late) == [(1.0, 900.0)]
    assert late.get_markerfacecolor() == LIGHT.background
    assert "late answer" in keys(ax)


def test_levels_are_steps_that_say_by_how_much_and_path_changes_are_lines_across():
    made = rerouted()
    ax = draw_timeline(made)
    before, after = lines(ax, "level")
    changed = rtt_changes(made)
    (row,) = changed.loc[changed["ttl"] == 3].to_dict("records")
    assert {y for _, y in points(before)} == {row["before_ms"]}
    assert {y for _, y in points(after)} == {row["after_ms"]}
    assert points(before)[1][0] == points(after)[0][0]
    assert f"{row['shift_ms']:+.3g} ms" in texts(ax)
    (line,) = lines(ax, "change")
    assert points(line)[0][0] == pytest.approx(path_changes(made)["at"].astype("int64").item() / 86_400e9)
    assert "reroute, hop 2" in texts(ax)


def test_several_hops_differ_in_shape_and_colour_and_are_named():
    ax = plot_timeline(timeline(rerouted(), ttl=[1, 3]))
    looks = {(str(line.get_marker()), str(line.get_color())) for line in lines(ax, "answer")}
    assert len({marker for marker, _ in looks}) == len({colour for _, colour in looks}) == 2
    assert {f"hop 1: {a(1)}", f"hop 3: {TARGET}"} <= {*keys(ax)}


def test_where_the_target_never_answered_the_farthest_responder_is_shown_and_the_title_says_so():
    ax = plot_timeline(timeline(tables(rounds(*[[a(1), a(2), None, None]] * 4))))
    assert title(ax).startswith("The target never answered: the farthest responder")
    assert f"hop 2: {a(2)}" in keys(ax)


def test_where_nobody_answered_at_all_the_title_says_that_and_no_more():
    silent = timed(tables(rounds(*[[None] * 4] * 2)))
    assert title(plot_timeline(timeline(silent))) == "No hop answered; shown is the first that was probed"
    refused = tables([probe(0, 1, None, status="send_error")])
    assert title(plot_timeline(timeline(refused))) == "No hop answered; shown is the first that was probed"


def test_one_moment_has_one_tick_and_midnight_two_days():
    one = timed(tables(rounds([TARGET])))
    ax = drawn(plot_timeline(timeline(one)))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["00:00:00.001"]
    assert ax.xaxis.get_offset_text().get_text() == "2000-01-01"
    made = timed(tables(rounds(*[[TARGET]] * 60)))
    evening = replaced(made, probes=made.probes.assign(sent_at=made.probes["sent_at"] - pd.Timedelta("30s")))
    ax = drawn(plot_timeline(timeline(evening)))
    assert ax.xaxis.get_offset_text().get_text() == "1999-12-31 to 2000-01-01"


@pytest.mark.parametrize("ttl", [9, [1, 9], []])
def test_a_hop_that_was_not_probed_is_an_error_that_says_which_were(ttl: int | list[int]):
    with pytest.raises(ConfigError, match="1 to 3"):
        timeline(rerouted(), ttl=ttl)


def test_probes_without_a_time_stand_where_their_round_began_or_are_counted():
    made = timed(tables([probe(n, 1, TARGET, 1.0) for n in range(3)]))
    when = made.probes["sent_at"].copy()
    when.iloc[1] = pd.NaT
    found = timeline(replaced(made, probes=made.probes.assign(sent_at=when)))
    assert (len(found.probes), found.left_out) == (2, 1)
    assert "1 probe left out" in title(plot_timeline(found))


def test_a_hundred_thousand_probes_are_drawn_within_a_second():
    n = 100_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"round": np.arange(n), "ttl": 1, "addr": TARGET, "rtt_ms": rng.gamma(2, 5, n)})
    frame.loc[::50, ["addr", "rtt_ms"]] = [None, np.nan]
    frame["sent_at"] = moments(START_NS + np.arange(n) * 1_000_000_000)
    found = timeline(Run.from_probes(frame).tables, ttl=1)
    begin = time.process_time()
    ax = plot_timeline(found)
    drawn(ax)
    assert time.process_time() - begin < 1.0
    (dots,) = lines(ax, "answer")
    assert len(points(dots)) == n - n // 50
    assert dots.get_rasterized()


# --- loss ---


def cells_of(ax: Axes) -> QuadMesh:
    (mesh,) = [it for it in ax.collections if it.get_label() == "cells"]
    assert isinstance(mesh, QuadMesh)
    return mesh


def shares(mesh: QuadMesh) -> np.ndarray:
    return np.asarray(np.ma.getdata(np.ma.asarray(mesh.get_array())))


def lossy() -> Tables:
    rows = [
        probe(n, ttl, None if ttl == 2 or (ttl == 3 and n in {1, 2}) else addr)
        for n in range(6)
        for ttl, addr in enumerate([a(1), a(2), TARGET], start=1)
        if not (ttl == 1 and n == 4)
    ]
    return timed(tables(rows))


def test_a_cell_is_the_share_of_its_probes_that_nobody_answered():
    values = shares(cells_of(plot_loss(loss_raster(lossy()))))
    np.testing.assert_array_equal(values[2], [0, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(values[0, [0, 1, 2, 3, 5]], [0, 0, 0, 0, 0])


def test_what_was_not_probed_and_a_hop_that_never_answered_are_no_loss():
    ax = plot_loss(loss_raster(lossy()))
    mask = np.ma.getmaskarray(np.ma.asarray(cells_of(ax).get_array()))
    assert mask[0].tolist() == [False] * 4 + [True, False]
    assert mask[1].all()
    assert keys(ax) == ["never answered: a silent hop", "not probed"]
    (silent,) = [it for it in ax.collections if it.get_label() == "never answered"]
    assert silent.get_hatch()
    assert ax.patch.get_hatch()
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"{a(1)}  1", "*  2", f"{TARGET}  3"]


def test_all_partly_and_none_have_colours_of_their_own():
    made = timed(tables([probe(n, 1, None if n in {1, 2, 5} else TARGET) for n in range(6)]))
    mesh = cells_of(plot_loss(loss_raster(made, columns=3)))
    drawn_in = [to_hex(tuple(one)) for one in mesh.to_rgba(np.array([0.0, 0.5, 1.0]))]
    assert shares(mesh).tolist() == [[0.5, 0.5, 0.5]]
    scale = colours(LIGHT)
    assert drawn_in == [scale[0], scale[4], scale[-1]]
    assert len({*drawn_in}) == 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_scale_is_told_apart_in_grey(theme: Theme):
    grey = [luminance(colour) for colour in colours(theme)]
    assert grey == sorted(grey, reverse=theme is LIGHT)
    assert all((max(pair) + 0.05) / (min(pair) + 0.05) > 1.15 for pair in pairwise(grey))


def test_the_colour_bar_says_what_it_shows():
    figure = plot_loss(loss_raster(lossy())).get_figure(root=True)
    assert figure is not None
    _, bar = figure.axes
    assert bar.get_ylabel() == HOPS.column("loss_ratio").label
    words = [label.get_text() for label in bar.get_yticklabels()]
    assert words == ["all answered", "10 %", "25 %", "50 %", "75 %", "none answered"]


@pytest.mark.parametrize("n", [1, 7, 100, 101, 1000, 1234])
def test_columns_are_whole_rounds_and_no_probe_is_lost(n: int):
    made = timed(tables([probe(number, 1, TARGET) for number in range(n)]))
    found = loss_raster(made)
    assert found.sent.shape[1] == len(found.edges) - 1 <= 100
    assert found.sent.sum() == n
    assert {*found.sent[0, :-1].tolist()} <= {found.rounds_each}
    assert (np.diff(found.edges) > 0).all()


def test_a_pause_is_a_column_without_probes():
    made = tables([probe(n, 1, TARGET) for n in range(6)])
    seconds = np.array([0, 1, 2, 3600, 3601, 3602])
    when = moments(START_NS + seconds * 1_000_000_000)
    found = loss_raster(replaced(made, probes=made.probes.assign(sent_at=when)))
    assert found.sent.tolist() == [[1, 1, 1, 0, 1, 1, 1]]
    assert (found.edges - START_NS / 1e9).tolist() == [0, 1, 2, 3, 3600, 3601, 3602, 3603]


# --- paths ---


def stretches(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_an_epoch_is_a_stretch_from_its_first_to_its_last_observation_with_the_letter_of_its_path():
    made = rerouted(30)
    ax = plot_paths(ribbon(made))
    found = ribbon(made).stretches
    for patch, row in zip(stretches(ax), found.itertuples(), strict=True):
        assert patch.get_x() * 86_400 == pytest.approx(row.start, abs=1e-3)
        assert (patch.get_x() + patch.get_width()) * 86_400 == pytest.approx(row.end, abs=1e-3)
    assert [text for text in texts(ax) if len(text) == 1] == ["A", "B"]
    assert keys(ax)[:2] == [f"A  hop 2: {a(2)}", f"B  hop 2: {a(3)}"]
    assert "reroute, hop 2" in texts(ax)


def test_flows_have_lanes_and_equal_paths_one_letter_and_look():
    one, two = [a(1), a(2), TARGET], [a(1), a(3), TARGET]
    ways = {0: [one] * 4, 1: [two] * 4, 2: [one] * 4}
    rows = [row for flow, paths in ways.items() for row in rounds(*paths, flow=flow)]
    found = ribbon(tables(rows))
    assert found.stretches["letter"].tolist() == ["A", "B", "A"]
    ax = plot_paths(found)
    looks = [(patch.get_facecolor(), patch.get_hatch()) for patch in stretches(ax)]
    assert looks[0] == looks[2] != looks[1]
    assert [patch.get_y() for patch in stretches(ax)] == sorted(patch.get_y() for patch in stretches(ax))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["flow 0", "flow 1", "flow 2"]


def test_a_silent_place_fits_any_path():
    rows = rounds(*[[a(1), None, TARGET]] * 3) + rounds(*[[a(1), a(2), TARGET]] * 3, flow=1)
    found = ribbon(tables(rows))
    assert found.stretches["letter"].tolist() == ["A", "A"]


def test_what_cannot_be_judged_has_no_letter_and_is_hatched():
    ax = plot_paths(ribbon(tables(rounds(*[[a(1), TARGET]] * 5), stable=False)))
    (patch,) = stretches(ax)
    assert patch.get_hatch()
    assert keys(ax) == ["not judged"]
    assert not [text for text in texts(ax) if text == "A"]
    assert title(ax).startswith("No path can be told")


def test_what_was_seen_too_seldom_is_pale_and_dashed():
    way, other = [a(1), a(2), TARGET], [a(1), a(3), TARGET]
    ax = plot_paths(ribbon(tables(rounds(*[way] * 4, other, *[way] * 4))))
    odd = [patch for patch in stretches(ax) if patch.get_linestyle() != "solid"]
    assert [to_hex(patch.get_facecolor()) for patch in odd] == [LIGHT.background]
    assert "seen too seldom to count" in keys(ax)


def test_many_flows_that_were_seen_once_share_a_lane():
    rows = [row for flow in range(20) for row in rounds([a(1), TARGET], flow=flow)]
    made = tables([row | {"round": row["flow"]} for row in rows])
    found = ribbon(made)
    assert found.names == ("20 flows, each once",)
    assert {*found.lanes.values()} == {0}


@pytest.mark.parametrize(("number", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")])
def test_letters_count_as_spreadsheets_do(number: int, letters: str):
    assert letter_of(number) == letters
