"""`tn.discover`, `trippy-nb discover`: what is refused, what is told meanwhile, what is left in the end."""

import json
import re
import signal
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

import trippy_nb as tn
from tests.api.holding import HoldingNetwork
from trippy_nb.api import HiddenChance, prepare_discovery
from trippy_nb.cli import main
from trippy_nb.errors import ConfigError
from trippy_nb.frames import check_frame
from trippy_nb.frames.derived import DISCOVERY
from trippy_nb.model import DiscoveryOptions, flows_needed, hidden_ratio

TARGET = {4: "198.51.100.80", 6: "2001:db8:80::80"}
SIM = ("discover", "target.example", "--sim", "nested-diamonds")


@pytest.fixture
def net():
    return tn.sim.load("nested-diamonds")


def edges(run):
    return {(near, far) for near, far in run.graph().edges() if near != "source"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rounds": 3}, "rounds has no meaning for a discovery"),
        ({"ttls": [1, 2]}, "ttls has no meaning for a discovery"),
        ({"multipath": "classic"}, "multipath_strategy is paris, not classic"),
        ({"source_port": 5000, "target_port": 33434}, "leave source_port or target_port out"),
        ({"confidence": 0.4}, "confidence"),
        ({"confidence": 1.0}, "confidence"),
        ({"algorithm": "mad"}, "algorithm"),
        ({"attempts": 0}, "attempts"),
        ({"max_probes": 0}, "max_probes"),
        ({"probe_rate": -1}, "probe_rate"),
    ],
)
def test_what_cannot_be_is_said_before_any_packet_leaves(net, options, words):
    before = net.clock.now_ns()
    with pytest.raises(ConfigError, match=words) as caught:
        tn.discover("target.example", network=net, progress=False, **options)
    assert "\n" not in str(caught.value)
    assert net.clock.now_ns() == before


@pytest.mark.parametrize("verb", [tn.discover, tn.pmtu])
@pytest.mark.parametrize("target", [None, 5, ["target.example"], ["target.example"] * 2, ("a", "b")], ids=str)
def test_several_targets_are_refused_not_traced_for_the_first_alone(net, verb, target):
    before = net.clock.now_ns()
    with pytest.raises(ConfigError, match="a target is the text of a host name or an address, not"):
        verb(target, network=net, progress=False)
    assert net.clock.now_ns() == before


def test_who_is_not_called_is_refused_at_once(net):
    before = net.clock.now_ns()
    with pytest.raises(
        ConfigError, match="on_progress is a function that is called with the run so far, not 5"
    ):
        tn.discover("target.example", network=net, on_progress=5)  # type: ignore[arg-type]  # on purpose
    assert net.clock.now_ns() == before


@pytest.mark.parametrize("af", [4, 6])
@pytest.mark.parametrize("protocol", ["udp", "icmp", "tcp"])
@pytest.mark.parametrize("algorithm", ["mda", "mda-lite"])
def test_every_protocol_and_family_finds_the_links_of_the_nsdi_20_figure(net, af, protocol, algorithm):
    run = tn.discover(
        TARGET[af], network=net, protocol=protocol, algorithm=algorithm, confidence=0.9999, progress=False
    )
    assert edges(run) == set(net.truth.edges(TARGET[af]))
    row = run.runs.iloc[0]
    assert (row["method"], row["outcome"], row["end_reason"]) == (algorithm, "reached", "complete")
    assert len(run.flows) == run.probes["flow"].nunique()


def test_the_nodes_say_what_the_stopping_rule_says(net):
    found = tn.discover("target.example", network=net, progress=False).discovery
    check_frame(found.nodes, DISCOVERY)
    inner = found.nodes[found.nodes["next_hops"] > 0]
    for node in inner.to_dict("records"):
        assert node["flows_needed"] == flows_needed(node["next_hops"], 0.95)
        assert node["hidden_ratio"] == pytest.approx(hidden_ratio(node["next_hops"], node["flows_on"]))
        assert node["complete"] == (node["flows_on"] >= node["flows_needed"])
    kept = 1.0
    for ratio in inner["hidden_ratio"]:
        kept *= 1 - ratio
    assert found.all_found_ratio == pytest.approx(kept)
    assert f"{100 * (1 - kept):.1f} %" in found.sentence


def test_it_shows_itself_in_words_and_with_a_table_and_escapes_what_it_shows(net):
    found = tn.discover("target.example", network=net, progress=False).discovery
    assert repr(found).startswith(found.sentence)
    assert "hidden_ratio" in repr(found)
    html = found._repr_html_()
    assert html.startswith("<p>8 responders, 2 places where paths part")
    assert html.count("<tr") == len(found.nodes) + 1
    assert "<NA>" not in repr(found)
    assert "NaN" not in html


def test_a_budget_that_is_spent_is_told_and_nothing_is_lost(net):
    run = tn.discover("target.example", network=net, max_probes=30, progress=False)
    assert len(run.probes) == 30
    assert run.discovery.ended == "budget"
    assert "not asked often enough (budget)" in run.discovery.sentence


@pytest.fixture
def _often(monkeypatch):
    """Look up so often that a test is short."""
    monkeypatch.setattr(sys.modules["trippy_nb.api.discover"], "TICK_S", 0.001)


@pytest.mark.usefixtures("_often")
def test_on_progress_is_handed_the_run_so_far_with_what_may_be_hidden_hop_by_hop():
    net, seen = HoldingNetwork(), []

    def look(run):
        if net.holds.is_set():
            seen.append((len(run.probes), run.discovery))  # a run is as it is when it is first looked at
            net.go_on.set()

    run = tn.discover("target.example", network=net, progress=False, on_progress=look)
    sent, early = seen[0]
    assert 0 < sent < len(run.probes)
    assert early.ended == "under way"
    assert early.hidden_by_ttl.max() > run.discovery.hidden_by_ttl.max()
    assert run.discovery.nodes["hidden_ratio"].max() <= 0.05


@pytest.mark.usefixtures("_often")
def test_ctrl_c_ends_it_and_returns_what_is_there():
    net = HoldingNetwork()

    def press(_run):
        if net.holds.is_set():
            signal.raise_signal(signal.SIGINT)

    run = tn.discover("target.example", network=net, progress=False, on_progress=press)
    assert (run.runs["end_reason"].iloc[0], run.discovery.ended) == ("interrupted", "interrupted")
    assert len(run.probes) > 0
    assert "(interrupted)" in run.discovery.sentence
    assert tn.sessions()["state"].iloc[-1] == "ended"


def test_the_progress_line_says_the_chance_that_a_branch_is_hidden_and_at_which_hops(capsys):
    net = HoldingNetwork()
    tracing = prepare_discovery("target.example", DiscoveryOptions(), {}, network=net)
    assert HiddenChance(tracing)() == ""
    with tracing.progress(wanted=True, words=HiddenChance(tracing)):
        while not net.holds.is_set():
            tracing.advance(0.001)
        before = HiddenChance(tracing)()
        net.go_on.set()
        while not tracing.advance(0.05):
            pass
    after = HiddenChance(tracing)()
    form = r"chance of a hidden branch ([\d.]+) % \((hop \d+ [\d.]+ %(, )?){1,2}\)"
    matches = [re.fullmatch(form, words) for words in (before, after)]
    assert all(matches), (before, after)
    chances = [float(match[1]) for match in matches if match]
    assert chances[0] > chances[1] > 0
    shown = capsys.readouterr().err
    assert after.partition(" (")[0] in " ".join(shown.split())
    assert "round" not in shown


def test_it_comes_back_from_parquet_as_it_was(net, tmp_path):
    run = tn.discover("target.example", network=net, progress=False)
    again = tn.read(run.save(tmp_path / "run.parquet")).one()
    pd.testing.assert_frame_equal(again.discovery.nodes, run.discovery.nodes)
    assert again.discovery.sentence == run.discovery.sentence
    assert edges(again) == edges(run)
    pd.testing.assert_frame_equal(again.diamonds, run.diamonds)


def test_of_a_run_that_was_no_discovery_it_tells_the_same(net):
    run = tn.trace(
        "target.example", network=net, protocol="udp", multipath="paris", rounds=20, progress=False
    )
    assert set(run.discovery.nodes["addr"].dropna()) <= {addr for edge in edges(run) for addr in edge}
    assert run.discovery.confidence == 0.95


def output(*words):
    result = CliRunner().invoke(main, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_prints_a_row_a_node_and_the_sentence():
    text = output(*SIM)
    assert "Chance that a branch is hidden somewhere" in text
    assert text.count("203.0.113.") >= 7
    assert "per-flow" in text


def test_the_command_prints_json_and_saves_parquet(tmp_path, net):
    file = tmp_path / "run.parquet"
    found = json.loads(output(*SIM, "-m", "json", "--confidence", "0.9999", "--save", str(file)))
    assert {(edge["from"], edge["to"]) for edge in found["edges"]} == set(net.truth.edges(TARGET[4]))
    assert (found["algorithm"], found["confidence"], found["ended"]) == ("mda", 0.9999, "complete")
    run = tn.read(file).one()
    assert len(run.probes) == found["probes"]
    assert [node["addr"] for node in found["nodes"]] == run.discovery.nodes["addr"].tolist()


def test_ctrl_c_ends_the_command_and_prints_and_saves_what_is_there(monkeypatch, tmp_path):
    net, file = HoldingNetwork(interrupted=True), tmp_path / "run.parquet"
    monkeypatch.setattr("trippy_nb.cli.discover.sim.load", lambda _scenario: net)
    result = CliRunner().invoke(main, [*SIM, "-m", "json", "--save", str(file)], catch_exceptions=False)
    assert result.exit_code == 130
    found = json.loads(result.stdout)
    assert found["ended"] == "interrupted"
    assert found["probes"] == len(tn.read(file).one().probes) > 0
    assert found["nodes"]


def test_the_command_says_where_mda_lite_did_not_do():
    text = output(*SIM, "--algorithm", "mda-lite")
    assert "there MDA-Lite goes on as the MDA" in " ".join(text.split())
    assert json.loads(output(*SIM, "--algorithm", "mda-lite", "-m", "json"))["uneven_ttls"]


def test_the_command_refuses_in_one_line():
    result = CliRunner().invoke(main, [*SIM, "--confidence", "2"])
    assert result.exit_code != 0
    assert result.output.count("\n") == 1
