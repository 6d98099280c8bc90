"""A map draws the places it is given: nothing is guessed, nothing stands at 0, 0, no way crosses the page."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.text import Text

from tests.analysis.handmade import TARGET, a, rounds, tables
from tests.plots.drawing import drawn, keys, lines, texts, title
from trippy_nb.analysis import ground
from trippy_nb.analysis.ground import arc
from trippy_nb.analysis.latencies.light import Place, great_circle_km
from trippy_nb.errors import ConfigError
from trippy_nb.frames import Tables
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes, plot_map
from trippy_nb.plots.world.projection import land, project, view_of

WAY = [a(1), a(2), a(3), None, a(5), TARGET]
BERLIN, FRANKFURT, LONDON = (52.5, 13.4), (50.1, 8.7), (51.5, -0.1)
NEW_YORK, TOKYO, SYDNEY = (40.7, -74.0), (35.7, 139.7), (-33.9, 151.2)
PLACES: dict[str, Place] = {"source": BERLIN, a(1): BERLIN, a(3): FRANKFURT, a(5): LONDON, TARGET: NEW_YORK}


def slow(*paths: list[str | None]) -> Tables:
    """Paths whose RTTs are long enough for any place."""
    return tables([row | {"rtt_ms": None if row["addr"] is None else 400.0} for row in rounds(*paths)])


def marks(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if line.get_label() in {"source", "router", "target"}]


def at(line: Line2D) -> tuple[float, float]:
    return float(np.asarray(line.get_xdata())[0]), float(np.asarray(line.get_ydata())[0])


# --- over the ground ---


def test_legs_join_places_that_follow_each_other_and_say_what_they_skip():
    found = ground(slow(WAY), PLACES)
    assert [(leg.start, leg.end, leg.skipped) for leg in found.legs] == [
        (BERLIN, FRANKFURT, True),  # hop 2 has no place
        (FRANKFURT, LONDON, True),  # nobody answers at hop 4
        (LONDON, NEW_YORK, False),
    ]
    assert [(stop.ttl, stop.addr) for stop in found.stops if stop.place is None] == [(2, a(2)), (4, None)]


def test_a_frame_of_places_is_as_good_as_a_mapping_and_its_gaps_are_no_places():
    frame = pd.DataFrame({"addr": list(PLACES), "lat": [p[0] for p in PLACES.values()],
                          "lon": [p[1] for p in PLACES.values()]})  # fmt: skip
    assert ground(slow(WAY), frame).legs == ground(slow(WAY), PLACES).legs
    frame.loc[0, "lat"] = np.nan
    assert ground(slow(WAY), frame).stops[0].place is None
    with pytest.raises(ConfigError, match="no column 'lon'"):
        ground(slow(WAY), frame.drop(columns="lon"))
    with pytest.raises(ConfigError, match="is nowhere"):
        ground(slow(WAY), {a(1): (91.0, 0.0)})


def test_the_address_of_the_source_goes_before_the_word():
    made = slow(WAY)
    home = str(made.runs["src_addr"].iloc[0])
    assert ground(made, {home: TOKYO, "source": BERLIN}).stops[0].place == TOKYO


@given(*[st.tuples(st.floats(-90, 90), st.floats(-180, 180))] * 2, st.floats(-180, 180))
def test_a_way_is_as_long_as_the_great_circle_and_never_jumps(one: Place, two: Place, middle: float):
    parts = arc(one, two, middle=middle)
    assert len(parts) <= 3
    for part in parts:
        steps = np.abs(np.diff(part[:, 0]))
        far_from_poles = np.abs(part[:-1, 1]) < 80
        assert (steps[far_from_poles] < 45).all()
        assert (np.abs(part[:, 0]) <= 180).all()
    points = np.concatenate(parts)[:, ::-1] + np.array([0.0, middle])
    length = float(great_circle_km(points[:-1], points[1:]).sum())
    assert length == pytest.approx(float(great_circle_km(one, two)), abs=30.0, rel=0.01)


def test_a_way_over_the_antimeridian_is_cut_at_the_edges_of_the_map():
    east, west = arc(TOKYO, (37.4, -122.1))
    assert (east[-1, 0], west[0, 0]) == (180.0, -180.0)
    assert east[-1, 1] == west[0, 1]
    assert len(arc(TOKYO, (37.4, -122.1), middle=180.0)) == 1


def test_opposite_ends_are_joined_over_a_pole():
    (part,) = arc((10.0, 20.0), (-10.0, -160.0), middle=20.0)[:1]
    assert part[:, 1].max() == pytest.approx(90.0)


# --- the plane ---


def test_the_projection_has_the_published_extent_and_true_areas():
    corner = project(np.array([180.0]), np.array([0.0]))[0]
    pole = project(np.array([0.0]), np.array([90.0]))[0]
    assert (corner[0], pole[1]) == (pytest.approx(2.70663, abs=1e-5), pytest.approx(1.31737, abs=1e-5))
    cells = []
    for lat in (0.0, 30.0, 60.0):
        (x0, _), (_, y1) = project(np.array([1.0, 0.0]), np.array([lat, lat + 0.1]))
        height = y1 - project(np.array([0.0]), np.array([lat]))[0, 1]
        cells.append(x0 * height / np.cos(np.radians(lat + 0.05)))
    assert cells == pytest.approx([cells[0]] * 3, rel=2e-3)


def test_land_has_no_edge_from_one_side_of_the_map_to_the_other():
    for middle in (0.0, 180.0):
        path = land(middle)
        steps = np.abs(np.diff(np.asarray(path.vertices)[:, 0]))
        inside = np.asarray(path.codes)[1:] == 2
        high = np.abs(np.asarray(path.vertices)[:-1, 1]) < 1.2  # around the south pole there is one
        assert steps[inside & high].max() < 0.6


def test_near_places_are_seen_near_and_far_ones_with_the_world():
    near, far = view_of([BERLIN, LONDON]), view_of([TOKYO, LONDON, NEW_YORK])
    assert (near.is_whole, far.is_whole) == (False, True)
    across = view_of([TOKYO, (37.4, -122.1)])
    assert (across.is_whole, abs(across.middle) > 150) == (False, True)
    for place in (TOKYO, (37.4, -122.1)):
        x, y = across.spot(place)
        assert across.left < x < across.right
        assert across.bottom < y < across.top


# --- the picture ---


def test_each_place_has_one_mark_with_the_ttls_of_its_hops():
    ax = plot_map(ground(slow(WAY), PLACES))
    assert [mark.get_label() for mark in marks(ax)] == ["source", "router", "router", "target"]
    assert {"source, 1", "3", "5", "6"} <= {*texts(ax)}
    view = view_of([BERLIN, FRANKFURT, LONDON, NEW_YORK])
    assert [at(mark) for mark in marks(ax)] == [
        pytest.approx(view.spot(place)) for place in (BERLIN, FRANKFURT, LONDON, NEW_YORK)
    ]


def test_hops_without_a_position_are_listed_and_on_no_map():
    ax = plot_map(ground(slow(WAY), PLACES))
    said = texts(ax)
    assert said.index("no position") < said.index(a(2)) < said.index("*")
    assert title(ax) == "4 of 5 responders have a position"
    assert "hops without a position between" in keys(ax)
    none = plot_map(ground(slow(WAY), {}))
    assert marks(none) == []
    assert lines(none, "leg") == []
    assert {a(1), a(5), "source"} <= {*texts(none)}


def test_dashed_legs_are_those_that_skip_hops():
    ax = plot_map(ground(slow(WAY), PLACES))
    assert [leg.get_linestyle() for leg in lines(ax, "leg")] == ["--", "--", "-"]


def test_an_answer_faster_than_light_is_crossed_out_with_a_word():
    quick = tables(rounds([a(1), TARGET]))
    ax = plot_map(ground(quick, {"source": BERLIN, a(1): BERLIN, TARGET: SYDNEY}))
    assert [mark.get_marker() for mark in marks(ax)] == ["^", "X"]
    assert "2.0 ms ×" in texts(ax)
    assert "× answered faster than light" in keys(ax)


def test_of_many_hops_the_list_says_how_many_are_left_out():
    ax = plot_map(ground(slow([a(n) for n in range(60)]), {a(0): BERLIN}))
    shown = sum(words.startswith("10.0.") for words in texts(ax))
    assert f"and {60 - shown} hops more" in texts(ax)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_a_map_is_drawn_on_the_axes_given_and_its_labels_do_not_overlap(theme: Theme):
    crowd = {a(n): (40.0 + n * 1.5, 8.0 + 4 * (n % 3)) for n in range(1, 9)} | {
        "source": BERLIN,
        TARGET: TOKYO,
    }
    ax = new_axes(8.4, 4, theme=theme)
    assert plot_map(ground(slow([*[a(n) for n in range(1, 9)], TARGET]), crowd), ax=ax) is ax
    assert {text.get_color() for text in ax.texts} <= {theme.ink, theme.muted}
    on_map = [text for text in ax.texts if text.get_path_effects()]
    assert len(on_map) > 5
    drawn(ax)
    boxes = [Text.get_window_extent(text) for text in on_map]  # without the line to the mark
    assert not any(one.overlaps(two) for one, two in combinations(boxes, 2))


def test_the_frame_of_a_map_is_drawn_whole():
    for places in (PLACES, {**PLACES, a(1): TOKYO}):
        ax = plot_map(ground(slow(WAY), places))
        (frame,) = [patch for patch in ax.patches if patch.get_label() == "edge"]
        assert not frame.get_clip_on()


def test_no_label_lies_on_a_way_if_there_is_room():
    east = [(51.0, 0.0), (50.0, 10.0), (51.5, 20.0), (50.0, 30.0), (51.0, 40.0)]
    places = {a(n + 1): place for n, place in enumerate(east)}
    ax = drawn(plot_map(ground(slow([a(n + 1) for n in range(5)]), places)))
    ways = [ax.transData.transform(np.column_stack(leg.get_data())) for leg in lines(ax, "leg")]
    labels = [text for text in ax.texts if text.get_path_effects()]
    assert len(labels) == 5
    for label in labels:
        box = Text.get_window_extent(label)
        assert not any(Path(way).intersects_bbox(box, filled=False) for way in ways)


def test_nothing_can_be_drawn():
    assert title(drawn(plot_map(ground(tables([]), {})))) == "0 of 0 responders have a position"


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=6))
@settings(max_examples=6, deadline=None)
def test_any_places_can_be_drawn_within_the_map(places: list[Place]):
    addrs = [a(n) for n in range(len(places))]
    ax = drawn(plot_map(ground(slow(list(addrs)), dict(zip(addrs, places, strict=True)))))
    view = view_of(places)
    for mark in marks(ax):
        x, y = at(mark)
        assert view.left - 1e-9 <= x <= view.right + 1e-9
        assert view.bottom - 1e-9 <= y <= max(view.top, 1.32)
