"""What may be handed to `compare`, and what comes back."""

from __future__ import annotations

import pytest

import trippy_nb as tn
from trippy_nb.api.files import compare, compare_many
from trippy_nb.errors import ConfigError
from trippy_nb.run import Run, RunSet
from trippy_nb.testing import simulated


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return [simulated("first-steps", protocol="icmp", at_s=at_s) for at_s in (0.0, 20.0, 70.0)]


def test_runs_sets_of_runs_and_tables_are_sides(runs: list[Run]):
    alone, several, window = runs[2], RunSet(runs[:2]), runs[0].tables
    found = compare(several, alone)
    assert found.paths["a_n"].max() == 6  # two runs of three rounds are one side
    assert compare(window, alone).tables.names == ("before", "after")
    assert {"203.0.113.1", "203.0.113.129"} <= {*found.edges["from_addr"], *found.edges["to_addr"]}
    assert not found.responses.empty
    assert found.power in repr(found)
    assert "Unanswered before" in found._repr_html_()


def test_alpha_reaches_the_tests(runs: list[Run]):
    strict, lax = (compare(runs[0], runs[2], alpha=alpha) for alpha in (0.01, 0.5))
    assert strict.verdict == "cannot tell"  # three rounds of each
    assert lax.verdict == "changed"


def test_several_sides_are_compared_by_name(runs: list[Run]):
    found = compare_many({"first": runs[0], "second": RunSet(runs[1:2]), "third": runs[2].tables})
    assert found.pairs[["a", "b"]].to_numpy().tolist() == [
        ["first", "second"],
        ["first", "third"],
        ["second", "third"],
    ]


def test_what_is_no_side_is_refused_in_a_line(runs: list[Run]):
    with pytest.raises(ConfigError, match="compare takes runs, sets of runs or tables, not str"):
        compare(runs[0], "yesterday.parquet")  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ConfigError, match="compare takes"):
        compare_many({"one": runs[0], "two": None})  # type: ignore[dict-item]  # the mistake


@pytest.mark.parametrize("alpha", [0, -0.1, 0.6, 2, float("nan")])
def test_what_is_no_alpha_is_refused_at_once(runs: list[Run], alpha: float):
    with pytest.raises(ConfigError, match=r"alpha is a probability above 0 and up to 0\.5, not"):
        compare(runs[0], runs[1], alpha=alpha)
    with pytest.raises(ConfigError, match="alpha is a probability"):
        compare_many(dict(zip("abc", runs, strict=True)), alpha=alpha)


def test_what_is_not_compared_shows_itself_and_opens():
    nothing = tn.RunSet([])
    comparison = tn.compare(nothing, tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=1))
    assert comparison.sentence == "Cannot tell: side before has no probes."
    assert comparison.sentence in repr(comparison)
    assert comparison.power == ""
    assert (comparison.aspects, comparison.caveats, comparison.turning) == ((), (), ())
    assert comparison.plot().get_title(loc="left") == comparison.sentence
    explorer = comparison.explore()
    assert explorer.view["caveats"] == []
    explorer.close()


def test_a_comparison_has_its_aspects_and_caveats():
    run = tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=9)
    comparison = tn.compare(run, run)
    assert [one.name for one in comparison.aspects] == ["Paths", "Round-trip time", "Unanswered"]
    assert comparison.caveats == comparison.tables.caveats
    assert comparison.caveats
