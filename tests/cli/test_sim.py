"""`trippy-nb sim list` and `show`: what is printed is what the networks are."""

import json

import pytest
from click.testing import CliRunner

import trippy_nb as tn
from trippy_nb.cli import main


def invoke(*words):
    return CliRunner().invoke(main, ["sim", *words], catch_exceptions=False)


def output(*words):
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_list_names_every_scenario_with_what_it_is_about():
    lines = output("list").splitlines()
    assert [line.split()[0] for line in lines] == list(tn.sim.scenarios())
    found = json.loads(output("list", "-m", "json"))
    assert found == {name: tn.sim.describe(name) for name in tn.sim.scenarios()}
    assert all(about in line for line, about in zip(lines, found.values(), strict=True))


@pytest.mark.parametrize("name", tn.sim.scenarios())
def test_show_has_every_hop_of_every_way(name):
    text = output("show", name)
    for path in tn.sim.load(name).truth.paths:
        assert f"({path.addr})" in text
        for hop in path.hops:
            assert hop.node in text
            assert (hop.addr or "*") in text


def test_show_tells_shares_and_times():
    assert "25 % of flows" in output("show", "nested-diamonds")
    assert "50 % of flows" in output("show", "nested-diamonds")
    assert "from 60 s on" in output("show", "first-steps")
    assert "24001" in output("show", "case-20-mpls-explicit")


def test_show_as_json_is_the_truth():
    found = json.loads(output("show", "first-steps", "-m", "json"))
    truth = tn.sim.load("first-steps").truth
    assert len(found["paths"]) == len(truth.paths)
    assert [hop["addr"] for hop in found["paths"][0]["hops"]] == [hop.addr for hop in truth.paths[0].hops]
    assert len(found["links"]) == len(truth.links)


def test_a_file_of_ones_own_is_shown_and_a_wrong_name_is_told_in_one_line(tmp_path):
    text = output("show", "first-steps")
    assert text
    result = invoke("show", "first-step")
    assert result.exit_code != 0
    assert "did you mean" in result.output
    assert result.output.count("\n") == 1
