"""The player through a dummy comm: pick, change, break, trace, undo, and whatever else a browser may say."""

from __future__ import annotations

import json

import pytest
import traitlets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances

import trippy_nb as tn
from trippy_nb.analysis import LinkFate
from trippy_nb.errors import ConfigError, ResolveError, ScenarioError, StoppedError
from trippy_nb.widgets.knobs import KNOBS, read_typed

LINK = "r1 \N{RIGHTWARDS ARROW} r2"


@pytest.fixture
def player(wire):
    made = tn.play("nested-diamonds")
    yield made
    made.close()


def say(player, **content):
    """Play the browser: a custom message."""
    player._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


def links(player, fate):
    return sorted((link.near, link.far) for link in player.belief.having(fate))


def test_what_travels_is_json_and_describes_the_network(player):
    for name in ("knobs", "view", "asked", "status", "belief_shown"):
        assert json.loads(json.dumps(getattr(player, name), allow_nan=False)) is not None
    assert {node["id"]: node["kind"] for node in player.view["nodes"]} == {
        "source": "source", "r1": "fork", "r2": "router", "r3": "fork", "r4": "router", "r5": "router",
        "r6": "router", "r7": "router", "target.example": "target",
    }  # fmt: skip
    layers = {node["id"]: node["layer"] for node in player.view["nodes"]}
    assert all(layers[link["b"]] == layers[link["a"]] + 1 for link in player.view["links"])
    assert player.view["parts"]["r1"]["says"] == "203.0.113.1, 2001:db8:f::1"
    assert repr(player) == "<Player: nested-diamonds, 7 routers>"


@pytest.mark.parametrize("name", tn.sim.scenarios())
def test_every_scenario_can_be_drawn_and_no_two_nodes_stand_in_one_place(player, name):
    player.pick(name)
    places = [(node["layer"], node["lane"]) for node in player.view["nodes"]]
    assert len(set(places)) == len(places)
    drawn = {node["id"] for node in player.view["nodes"]}
    assert {
        end for link in player.view["links"] + player.view["backs"] for end in (link["a"], link["b"])
    } <= drawn
    assert {node.id for node in player.network.scenario.targets} <= drawn
    assert tn.sim.parse_scenario(player.scenario) == player.network.scenario


@pytest.mark.parametrize("seed", range(4))
def test_links_lead_downwards_however_meshed_the_network(wire, seed):
    player = tn.play(tn.sim.random(seed))
    layers = {node["id"]: node["layer"] for node in player.view["nodes"]}
    assert all(layers[link["a"]] < layers[link["b"]] for link in player.view["links"])
    player.close()


def test_a_circle_is_cut_open_where_it_closes(player):
    player.pick("routing-loop")
    layers = {node["id"]: node["layer"] for node in player.view["nodes"]}
    upwards = [link["id"] for link in player.view["links"] if layers[link["a"]] >= layers[link["b"]]]
    assert upwards == ["west \N{RIGHTWARDS ARROW} east"]


def test_a_classic_trace_believes_links_that_are_not_there_and_a_discovery_does_not(player):
    run = player.trace(how="classic", rounds=12)
    assert player.run is run
    assert links(player, "wrong") == [("r2", "r5"), ("r2", "r7"), ("r3", "r4")]
    assert not any(link.claimed for link in player.belief.having(LinkFate.WRONG))
    assert player.belief_shown["says"] == player.belief.says
    assert player.belief_shown["rows"][1][:5] == [
        "2",
        "203.0.113.2, 203.0.113.3",
        "r2, r3",
        "100.0 %",
        "100.0 %",
    ]
    assert player.status["words"] == f"{len(run.probes)} probes in 11 s of virtual time"
    player.trace(how="discover")
    assert player.belief.says == "Seen: 8 of the 8 nodes that answer."
    assert {str(link.fate) for link in player.belief.links} == {"right"}


def test_the_browser_picks_changes_breaks_looks_traces_and_takes_back(player):
    say(player, type="ask", key="name", text="case-23-mpls-invisible")
    assert player.asked["name"] == "case-23-mpls-invisible"
    say(player, type="change", part="tunnel 1", key="kind", text="")
    assert player.network.scenario.tunnels[0].kind == "explicit"
    say(player, type="change", part="home", key="limit", text='{ kind = "bucket", rate = 1, burst = 3 }')
    assert player.view["parts"]["home"]["values"]["limit"] == '{ kind = "bucket", rate = 1.0, burst = 3 }'
    say(player, type="break", part="p1 \N{RIGHTWARDS ARROW} p2", at="5", until="", reroute="")
    say(player, type="ask", key="at", text="6")
    assert [link["id"] for link in player.view["links"] if link["down"]] == ["p1 \N{RIGHTWARDS ARROW} p2"]
    assert player.view["moments"] == [0.0, 5.0]
    for key, text in (("rounds", "3"), ("protocol", "icmp"), ("how", "paris")):
        say(player, type="ask", key=key, text=text)
    say(player, type="trace")
    assert player.run.runs["started_at"].iloc[0].second == 6
    assert player.run.probes["round"].max() == 2
    assert "p2" not in player.belief.nodes
    assert [row[4] for row in player.belief_shown["rows"][:4]] == ["100.0 %"] * 3 + ["0.0 %"]  # swallowed
    assert player.status["undo"] == 4
    for _ in range(5):
        say(player, type="undo")
    assert player.network.scenario == tn.sim.load("nested-diamonds").scenario
    assert player.belief is None
    assert player.refused == 0
    assert player.status["error"] == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"type": "change", "part": "r1", "key": "answer_ratio", "text": "2"}, "r1: answer_ratio: 2 is not"),
        ({"type": "change", "part": "r1", "key": "id", "text": "r9"}, "r1: 'id' cannot be changed"),
        ({"type": "change", "part": "r1", "key": "limit", "text": "x" * 3000}, "too many for a value"),
        ({"type": "change", "part": LINK, "key": "loss", "text": "a lot"}, "loss: 'a lot' is not a number"),
        ({"type": "break", "part": LINK, "at": "soon", "until": "", "reroute": ""}, "a number of seconds"),
        ({"type": "break", "part": LINK, "at": "9", "until": "3", "reroute": ""}, "ends before it begins"),
        ({"type": "ask", "key": "at", "text": "nan"}, "a number of seconds from 0, not 'nan'"),
        ({"type": "ask", "key": "rounds", "text": "1e3"}, "rounds is a whole number from 1 to 1,000"),
        ({"type": "ask", "key": "rounds", "text": "5000"}, "rounds is a whole number from 1 to 1,000"),
        ({"type": "ask", "key": "how", "text": "magic"}, "how is one of classic, paris, discover"),
        ({"type": "ask", "key": "target", "text": "nobody"}, "target is one of target.example, not 'nobody'"),
        ({"type": "ask", "key": "name", "text": "/etc/passwd"}, "no scenario '/etc/passwd'"),
        ({"type": "write", "text": "[scenario]\nname = 3"}, "the file:1: : no [source]"),
        ({"type": "write", "text": "x" * 300_000}, "too many for a scenario"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_in_the_status_and_changes_nothing(player, content, says):
    before = player.scenario
    say(player, **content)
    assert says in player.status["error"]
    assert "\n" not in player.status["error"]
    assert player.scenario == before
    assert player.refused == 0
    say(player, type="ask", key="rounds", text="2")
    assert player.status["error"] == ""  # what is right again takes it away


JUNK = [
    {}, {"type": 3}, {"type": "open"}, {"type": "change"},
    {"type": "change", "part": [], "key": "a", "text": ""},
    {"type": "change", "part": "r1", "key": "part", "text": "r2"}, {"type": "ask", "key": "who", "text": "x"},
    {"type": "change", "part": "nobody", "key": "silent", "text": "true"},
    {"type": "change", "part": "r1", "key": "self", "text": "true"},
    {"type": "change", "part": "r1", "key": "silent", "text": True},
    {"type": "break", "part": "r1", "at": "0", "until": "", "reroute": ""}, {"type": "write", "text": None},
    {"type": "break", "part": LINK, "at": 0},
]  # fmt: skip


@pytest.mark.parametrize("content", JUNK, ids=str)
def test_a_message_that_no_view_sends_is_refused_and_counted(player, content):
    before = player.scenario
    say(player, **content)
    assert player.refused == 1
    assert player.scenario == before
    assert player.status["error"] == ""


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda some: st.lists(some, max_size=2) | st.dictionaries(st.text(max_size=4), some, max_size=2),
    max_leaves=4,
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(["part", "key", "text", "at", "until", "reroute"]), _ANYTHING),
    st.sampled_from(["ask", "change", "break", "write", "undo", "nothing"]) | _ANYTHING,
)
def test_no_message_at_all_brings_it_down(player, content, kind):
    say(player, **content, type=kind)
    assert tn.sim.parse_scenario(player.scenario) == player.network.scenario


def test_what_is_selected_is_there_and_the_browser_sets_nothing_else(player, browser_says, wire):
    browser_says(player, selected=LINK)
    assert player.selected == LINK
    before = player.scenario
    wire.messages.clear()
    browser_says(player, selected="nobody")
    browser_says(player, scenario="[scenario]")
    assert (player.selected, player.scenario, player.refused) == (LINK, before, 2)
    assert wire.states() == [{"selected": LINK}, {"scenario": before}]  # it is told what holds
    with pytest.raises(traitlets.TraitError, match="there is no 'nobody' here, only scenario, r1, "):
        player.selected = "nobody"
    player.pick("case-20-mpls-explicit")
    assert player.selected == "scenario"


def test_in_python_what_is_wrong_is_an_error(player):
    with pytest.raises(StoppedError, match="nothing was traced yet"):
        _ = player.run
    with pytest.raises(ScenarioError, match="no scenario 'nested'"):
        player.pick("nested")
    with pytest.raises(ResolveError, match=r"'elsewhere.example' is not in"):
        player.trace("elsewhere.example")
    with pytest.raises(ConfigError, match="rounds is a whole number"):
        player.trace(rounds=0)
    with pytest.raises(ConfigError, match="a time is seconds from 0"):
        player.look_at(-1)
    with pytest.raises(ConfigError, match="a time is seconds from 0, not 'foo'"):
        player.look_at("foo")
    with pytest.raises(ConfigError, match="a scenario's name, a path or a network, not int"):
        tn.play(3)  # type: ignore[arg-type]  # it is refused, which is the point
    assert (player.status["busy"], player.asked["target"]) == (False, "target.example")
    player.undo()
    assert player.trace("198.51.100.80", rounds=1).target == "198.51.100.80"


@pytest.mark.parametrize(
    ("form", "error", "words"),
    [
        ({"protcol": "tcp"}, TypeError, "protcol"),
        ({"at": 5.0}, TypeError, "at"),
        ({"name": "first-steps"}, TypeError, "name"),
        ({"protocol": "sctp"}, ConfigError, "protocol one of icmp, udp, tcp"),
        ({"target": "nobody"}, ConfigError, "target is one of target.example, not 'nobody'"),
        ({"target": ["target.example"]}, ConfigError, "target is one of target.example"),
        ({"rounds": "5"}, ConfigError, "rounds is a whole number"),
    ],
)
def test_a_form_is_filled_in_with_what_it_has_or_not_at_all(player, form, error, words):
    before = dict(player.asked)
    with pytest.raises(error, match=words):
        player.ask(**{"rounds": 3} | form)
    assert player.asked == before
    player.ask(protocol="tcp", how="paris", rounds=2, target="target.example")
    assert player.asked == before | {"protocol": "tcp", "how": "paris", "rounds": 2}
    assert player.trace().runs["protocol"].tolist() == ["tcp"]


def test_it_begins_with_a_network_and_leaves_it_alone(wire, tmp_path):
    network = tn.sim.load("case-43-change").at(31)
    player = tn.play(network)
    player.change("r1", silent=True)
    assert player.network.clock.now_ns() == network.clock.now_ns() == 31_000_000_000
    assert not network.scenario.routers[0].silent
    (tmp_path / "mine.toml").write_text(player.scenario)
    assert tn.play(tmp_path / "mine.toml").network.scenario == player.network.scenario
    assert {link["id"] for link in player.view["links"] if not link["used"]} == {
        "r1 \N{RIGHTWARDS ARROW} a", "a \N{RIGHTWARDS ARROW} r2",
    }  # fmt: skip


def test_a_change_and_a_flap_during_the_trace_are_true_as_well(player):
    player.pick("case-43-change")
    player.look_at(25)
    player.trace(rounds=10)
    assert player.belief.says == "Seen: 5 of the 5 nodes that answer."
    player.pick("case-44-flap")
    player.look_at(55)
    player.trace(rounds=30, how="paris")
    assert set(player.belief.nodes) == {"r1", "a", "b", "c", "r2", "target.example"}
    assert links(player, LinkFate.WRONG) == []


def test_more_ways_than_can_be_listed_are_traced_without_a_truth_beside(player, monkeypatch):
    monkeypatch.setattr("trippy_nb.sim.truth.MOST_PATHS", 2)  # of 4,096
    player.trace(rounds=1)
    assert player.belief is None
    assert player.status["words"].endswith("there are too many ways to lay beside it")
    assert "203.0.113.7" not in player._card_html()  # the card does without, too


def test_every_knob_is_a_key_that_can_be_turned_to_each_of_its_choices(player):
    parts = {"router": "r3", "target": "target.example", "link": ("r1", "r2"), "tunnel": 0, "scenario": None}
    for kind, knobs in KNOBS.items():
        player.pick("case-20-mpls-explicit" if kind == "tunnel" else "nested-diamonds")
        for knob in knobs:
            for text in (*map(str, knob.choices), *knob.examples):
                player.change(parts[kind], **{knob.key: read_typed(knob.key, text)})
                assert knob.key in str(player.view["parts"])


def test_one_display_holds_three_forms_and_closing_leaves_nothing(wire):
    before = set(_instances)
    player = tn.play("nested-diamonds")
    player.trace(rounds=12)
    bundle, _ = player._repr_mimebundle_()
    assert bundle["text/plain"].startswith("nested-diamonds: A diamond of two branches")
    assert "are no links" in bundle["text/plain"]
    assert "203.0.113.7" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle
    player.close()
    assert set(_instances) == before
