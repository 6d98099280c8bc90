"""Settings of the session: each changes what is shown, none what was measured; and the panel of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances

import trippy_nb as tn
from trippy_nb.errors import ConfigError
from trippy_nb.model import Settings, settings_now, use_settings
from trippy_nb.plots import theme
from trippy_nb.testing import assert_runs_equal
from trippy_nb.widgets import Pump

if TYPE_CHECKING:
    from trippy_nb.frames import Few, Mark, Recent, Tables

ZONE = "Asia/Kathmandu"  # 5:45 h ahead, all year


@pytest.fixture(autouse=True)
def _as_it_was():
    yield
    use_settings(Settings())


@pytest.fixture(scope="module")
def run() -> tn.Run:
    traced: tn.Run = tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=5, progress=False)
    return traced


@pytest.fixture
def panel(wire):
    made = tn.settings()
    yield made
    made.close()


def say(panel, **content):
    panel._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def heads(run):
    return next(line for line in repr(run).splitlines() if line.startswith("Hop")).split("  ")


def test_columns_are_those_of_the_card_and_of_widgets_that_open_from_now_on(run, wire):
    before, old = repr(run), run.explore()
    tn.settings(columns=["p99_ms", "loss_ratio", "n_addrs"]).close()
    assert [word.strip() for word in heads(run) if word][2:5] == [
        "99 %",
        "Unanswered",
        "Responders",
    ]
    hop = next(line for line in repr(run).splitlines() if line.startswith("  4"))
    assert f"{run.hops['p99_ms'][3]:.2f}" in hop
    new = run.explore()
    assert new.shown == ["p99_ms", "loss_ratio", "n_addrs"]
    assert "p99_ms" not in old.shown  # somebody may have chosen there
    tn.settings(columns=()).close()
    assert repr(run) == before
    old.close()
    new.close()


def test_what_loses_is_marked_wherever_its_column_stands_and_nowhere_if_it_does_not(run, wire):
    marked = "background-color:rgba"
    assert marked in run._repr_html_()
    tn.settings(columns=["avg_ms", "loss_ratio"]).close()
    assert run._repr_html_().count(marked) == sum(run.hops["loss_ratio"] > 0)
    tn.settings(columns=["avg_ms"]).close()
    assert marked not in run._repr_html_()


def test_host_names_can_be_kept_away_from_cards_and_widgets(run, wire):
    explorer = run.explore()
    assert "home.example" in repr(run)
    assert "home.example" in explorer.view["names"].values()
    explorer.close()
    tn.settings(names="hidden").close()
    explorer = run.explore()
    assert "home.example" not in repr(run) + run._repr_html_() + str(explorer.view)
    assert "192.0.2.1" in repr(run)
    assert run.names["192.0.2.1"] == "home.example"  # it is known as before
    comparison = tn.compare(run, run)
    aligned = comparison.explore()
    assert "home.example" not in repr(comparison) + comparison._repr_html_() + str(aligned.view)
    explorer.close()
    aligned.close()


def test_times_are_told_in_the_zone_of_the_session_and_tables_stay_in_utc(run, wire):
    assert "2000-01-01 00:00:00 UTC" in repr(run)
    assert run.plot.timeline().get_xlabel() == "Sent at (UTC)"
    tn.settings(time_zone=ZONE).close()
    assert f"2000-01-01 05:45:00 {ZONE}" in repr(run)
    axes = run.plot.timeline()
    assert axes.get_xlabel() == f"Sent at ({ZONE})"
    axes.figure.draw_without_rendering()
    assert "05:45" in " ".join(label.get_text() for label in axes.get_xticklabels())
    assert str(run.probes["sent_at"].dt.tz) == "UTC"


def test_the_list_of_runs_tells_when_they_began_in_the_zone_of_the_session(run, wire):
    tn.settings(time_zone=ZONE).close()
    explorer = tn.RunSet([run, run]).explore()
    assert explorer.runs[-1]["text"] == f"1: target.example, 2000-01-01 05:45:00 {ZONE}"
    explorer.close()


def test_pictures_take_the_theme_of_the_session_unless_they_have_axes(run, wire):
    tn.settings(theme="dark").close()
    assert theme.theme_of(run.plot.latency()) is theme.DARK
    light = theme.new_axes(4, 3, theme=theme.LIGHT)
    assert theme.theme_of(run.plot.latency(ax=light)) is theme.LIGHT
    tn.settings(theme="light").close()
    assert theme.theme_of(run.plot.latency()) is theme.LIGHT


def test_nothing_that_was_measured_depends_on_a_setting(run, wire, tmp_path):
    run.save(tmp_path / "before.parquet")
    tn.settings(names="hidden", time_zone=ZONE, theme="dark", columns=["avg_ms"], refresh=3).close()
    run.save(tmp_path / "after.parquet")
    before, after = (tn.read(tmp_path / f"{name}.parquet").one() for name in ("before", "after"))
    assert_runs_equal(before, after)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"colour": "red"}, "there is no setting 'colour', only columns, names, theme, time_zone, refresh"),
        ({"columns": ["rtt"]}, "the hop table has no column 'rtt', only sent, recv"),
        ({"names": "maybe"}, "names is shown or hidden, not 'maybe'"),
        ({"theme": "blue"}, "theme is light or dark, not 'blue'"),
        ({"time_zone": "Mars/Base"}, "there is no time zone 'Mars/Base' here"),
        ({"time_zone": "../../etc/passwd"}, "there is no time zone"),
        ({"time_zone": 3}, "there is no time zone 3 here"),
        ({"refresh": 0.01}, "refresh is 0.1 to 60 seconds, not 0.01"),
        ({"refresh": float("nan")}, "refresh is 0.1 to 60 seconds"),
        ({"refresh": "often"}, "refresh is a number of seconds, not 'often'"),
        ({"names": "hidden", "refresh": -1}, "refresh is 0.1 to 60 seconds"),
    ],
)
def test_what_cannot_be_set_is_said_and_nothing_is_changed(changes, says):
    with pytest.raises(ConfigError, match=says.replace("(", r"\(").replace("..", r"\.\.")):
        tn.settings(**changes)
    assert settings_now() == Settings()


def test_every_panel_shows_what_holds_whoever_set_it(panel, wire):
    other = tn.settings(refresh=2)
    say(other, type="set", key="theme", text="dark")
    say(panel, type="column", name="p50_ms", on=True)
    say(panel, type="column", name="sent", on=True)
    assert panel.now == other.now == {
        "columns": ["sent", "p50_ms"], "names": "shown", "theme": "dark", "time_zone": "UTC", "refresh": 2,
    }  # fmt: skip
    say(panel, type="column", name="sent", on=False)
    say(panel, type="set", key="refresh", text="")
    assert settings_now() == Settings(columns=("p50_ms",), theme="dark")
    say(other, type="reset")
    assert settings_now() == Settings()
    assert panel.now == other.now
    other.close()
    assert (panel.refused, other.refused, panel.error) == (0, 0, "")


def test_what_somebody_types_wrong_is_said_until_it_is_right(panel):
    say(panel, type="set", key="time_zone", text="Mars/Base")
    assert panel.error.startswith("there is no time zone 'Mars/Base'")
    say(panel, type="set", key="refresh", text="often")
    assert panel.error == "refresh is a number of seconds, not 'often'"
    say(panel, type="column", name="rtt", on=True)
    assert panel.error == ""  # no panel offers it: such a column is left out
    assert settings_now() == Settings()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda some: st.lists(some, max_size=2) | st.dictionaries(st.text(max_size=4), some, max_size=2),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["key", "text", "name", "on"]), JUNK | st.sampled_from(["names", "sent"])
    ),
    st.sampled_from(["set", "column", "nothing"]) | JUNK,
)
def test_no_message_brings_the_panel_down(panel, content, kind):
    say(panel, **content, type=kind)
    assert isinstance(settings_now(), Settings)


def test_messages_that_no_panel_sends_are_counted(panel, browser_says):
    say(panel)
    say(panel, type="set", key="who", text="")
    say(panel, type="set", key="names")
    say(panel, type=[])
    browser_says(panel, now={"theme": "dark"})
    assert panel.refused == 5
    assert settings_now() == Settings()


class Watched:
    """A trace that has nothing to show at three looks; at the first the session asks for fewer."""

    has_begun = False

    def __init__(self) -> None:
        self.waits: list[float] = []

    def advance(self, timeout_s: float) -> bool:
        self.waits.append(timeout_s)
        use_settings(Settings(refresh=2.5))
        return len(self.waits) == 3

    def stop(self, *, by: str = "stop()") -> None: ...

    def request_stop(self, *, by: str = "stop()") -> None: ...

    def recent(self, since: Mark) -> Recent | Few:
        raise NotImplementedError

    def tables(self) -> Tables:
        raise NotImplementedError

    def names(self) -> dict[str, str]:
        return {}

    def words(self) -> str:
        return ""


def test_a_live_view_looks_as_often_as_it_is_told(wire):
    use_settings(Settings(refresh=0.1))
    watched = Watched()
    live = tn.live(network=tn.sim.load("first-steps"))
    pump = Pump(live.widget, lambda: watched)
    pump.start()
    assert pump.wait(10)
    live.close()
    assert watched.waits == [0.1, 2.5, 2.5]


def test_a_panel_has_three_forms_and_leaves_nothing(wire):
    before = set(_instances)
    panel = tn.settings()
    bundle, _ = panel._repr_mimebundle_()
    assert (
        bundle["text/plain"]
        == "Settings of this session: names shown, theme light, time_zone UTC, refresh 0.2"
    )
    assert bundle["text/plain"] in bundle["text/html"]
    assert repr(panel) == "<SettingsPanel: names shown, theme light, time_zone UTC, refresh 0.2>"
    panel.close()
    assert set(_instances) == before
