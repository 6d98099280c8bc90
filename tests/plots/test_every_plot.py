"""What holds for every picture, also for one that nobody has drawn yet: see `every.EVERY`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

from tests.analysis.handmade import TARGET, Row, a, rounds, tables
from tests.analysis.strategies import probe_rows
from tests.plots.drawing import drawn
from tests.plots.every import EVERY, oddest_runs
from trippy_nb import plots
from trippy_nb.plots import DARK, LIGHT, Theme, new_axes
from trippy_nb.plots.theme import theme_of
from trippy_nb.run import RunPlots
from trippy_nb.testing import simulated


def test_no_picture_is_forgotten():
    assert set(EVERY) == {name for name in dir(plots) if name.startswith("plot_")}


@pytest.mark.slow
@pytest.mark.parametrize("picture", EVERY)
def test_the_oddest_runs_can_be_drawn(picture: str):
    for made in oddest_runs().values():
        ax = drawn(EVERY[picture](made))
        assert isinstance(ax, Axes)
        assert ax.has_data() or ax.texts or ax.patches


@pytest.mark.slow
@given(st.data())
@settings(max_examples=10, deadline=None)
def test_any_probes_can_be_drawn(data: st.DataObject):
    rows: list[Row] = data.draw(probe_rows())
    picture = data.draw(st.sampled_from(sorted(EVERY)))
    drawn(EVERY[picture](tables(rows)))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("picture", EVERY)
def test_every_picture_is_drawn_on_the_axes_given_in_its_theme(picture: str, theme: Theme):
    made = tables([*rounds([a(1), None, a(3), TARGET]), *rounds([a(1), a(2), a(3), TARGET], flow=1)])
    ax = new_axes(6, 4, theme=theme)
    assert EVERY[picture](made, ax=ax) is ax
    assert theme_of(ax) is theme
    plain = {text.get_color() for text in ax.texts}
    assert plain <= {theme.ink, theme.muted, theme.background}


PLACES = {"source": (52.5, 13.4), "192.0.2.1": (52.5, 13.4), "198.51.100.80": (48.1, 11.6)}
OF_A_RUN: dict[str, dict[str, Any]] = {
    name: {} for name in ("graph", "latency", "timeline", "loss", "paths", "flows", "discovery", "handles")
} | {"distribution": {}, "map": {"positions": PLACES}, "packet": {"ttl": 1}}


def test_no_picture_of_a_run_is_forgotten():
    assert set(OF_A_RUN) == {name for name in dir(RunPlots) if not name.startswith("_")}


@pytest.mark.parametrize("picture", OF_A_RUN)
def test_each_picture_of_a_run_is_drawn_on_the_axes_given(picture: str):
    ax = new_axes(6, 4)
    assert getattr(simulated("first-steps", rounds=3).plot, picture)(**OF_A_RUN[picture], ax=ax) is ax


@pytest.mark.parametrize("kind", ["ridge", "ecdf", "smoke", "box"])
def test_each_distribution_is_drawn_on_the_axes_given(kind: Any):
    ax = new_axes(6, 4)
    assert simulated("first-steps", rounds=3).plot.distribution(kind, ax=ax) is ax
