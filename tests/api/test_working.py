"""Parts of runs, sets of them, words on them: each is a run again, with all that a run can do."""

from __future__ import annotations

import pickle
import re
from datetime import timedelta
from functools import cache
from typing import Any

import pandas as pd
import pytest

import trippy_nb as tn
from tests.needs import ROOT
from trippy_nb import analysis
from trippy_nb.errors import ConfigError, TrippyError
from trippy_nb.reports.hops import title
from trippy_nb.testing import assert_valid, simulated


@cache
def whole() -> tn.Run:
    return simulated("first-steps", rounds=6)


def test_a_part_of_a_run_is_a_run_that_is_shown_saved_and_drawn(tmp_path):
    part = whole().between(2, 5).where(ttl=range(1, 5))
    assert isinstance(part, tn.Run)
    assert_valid(part)
    assert "3 rounds" in repr(part)
    assert set(part.hops["ttl"]) == {1, 2, 3, 4}
    assert set(part.names) < set(whole().names)
    assert part.names
    assert part.graph().number_of_nodes() > 0
    assert tn.read(part.save(tmp_path / "part.parquet")).one().uuid == part.uuid


def test_what_changes_nothing_is_the_run_itself():
    assert whole().between() is whole()
    assert whole().where(ttl=range(1, 40)) is whole()


def test_two_parts_are_compared():
    comparison = tn.compare(whole().between(0, 3), whole().between(3, 6))
    assert comparison.verdict


def test_runs_are_put_together_in_order_and_keep_their_names():
    first, second = whole().between(0, 3), whole().between(3)
    for together in (
        first + second,
        first.concat(second),
        tn.RunSet([first]) + second,
        first + tn.RunSet([second]),
    ):
        assert isinstance(together, tn.RunSet)
        assert [run.uuid for run in together] == [first.uuid, second.uuid]
        assert_valid(together)
    assert [*first] == [first]
    assert set(first.concat().one().names) == set(first.names)
    with pytest.raises(TypeError):
        first + 1


def test_what_a_set_is_asked_each_of_its_runs_is():
    both = whole().between(0, 3) + whole().between(3)
    part = both.where(ttl=1)
    assert isinstance(part, tn.RunSet)
    assert [run.probes["ttl"].unique().tolist() for run in part] == [[1], [1]]
    assert part[0].names == {"192.0.2.1": "home.example"}
    assert both.where(round=0).one().uuid == both[0].where(round=0).uuid
    assert both.between() is both


def test_words_stay_with_a_run_through_a_file_a_pickle_and_a_set(tmp_path):
    noted = whole().labelled("before the change").note("link cut", at=2.5, ttl=4).note("all of it")
    assert noted.uuid == whole().uuid
    assert whole().notes.empty, "a run is never changed"
    copies = [
        tn.read(noted.save(tmp_path / "noted.parquet")).one(),
        pickle.loads(pickle.dumps(noted)),
        (whole() + noted)[1],
        tn.RunSet.from_tables((whole() + noted).tables)[1],
    ]
    for copy in copies:
        pd.testing.assert_frame_equal(copy.notes, noted.notes)
        assert copy.runs["label"].item() == "before the change"
    assert "before the change" in repr(noted)
    assert (whole() + noted).labelled("x").runs["label"].tolist() == ["x", "x"]
    assert (whole() + noted).note("y").notes["run_id"].tolist() == [0, 1, 1, 1]


def test_runs_are_grouped_by_what_is_known_of_them():
    old, new = whole().labelled("old"), whole().between(1, 4).labelled("new")
    runs = old + new + whole() + new
    groups = runs.by("label")
    assert list(groups) == ["old", "new", None]
    assert [len(group) for group in groups.values()] == [1, 2, 1]
    assert list(runs.by("label", "protocol")) == [("old", "icmp"), ("new", "icmp"), (None, "icmp")]
    assert list(runs.by("af")) == [4]
    assert list(runs.by(lambda run: int(run.runs["rounds"].item()))) == [6, 3]
    assert sum(map(len, runs.by("target").values())) == len(runs)


@pytest.mark.parametrize(("keys", "says"), [((), "by what"), (("colour",), "no column 'colour'")])
def test_a_group_needs_a_column(keys, says):
    with pytest.raises(ConfigError, match=says):
        tn.RunSet([whole()]).by(*keys)


nb: Any = tn  # mypy would not let these pass


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda run: nb.RunSet([run, 5]), "a set is one of runs, not of int"),
        (lambda _: nb.Run.from_probes({"ttl": [1]}), "probes are a DataFrame, not dict"),
        (lambda run: run.plot.graph(asns=64500), "asns is a dict or a Series of systems by address, not int"),
        (
            lambda run: nb.compare(run, run).explore(asns=[64500]),
            "asns is a dict or a Series .*, not list",
        ),
        (
            lambda _: nb.trace("target.example", network="first-steps"),
            "network is what .*, not 'first-steps'",
        ),
        (lambda _: nb.live("target.example", network=5), "network is what .*, not 5"),
        (lambda _: nb.live(5, start=False), "a target is the text of a host name or an address, not 5"),
        (
            lambda _: nb.rounds("target.example", network=5).__iter__().__next__(),
            "network is what .*, not 5",
        ),
        (lambda _: nb.trace("target.example", on_round=5), "on_round is a function .*, not 5"),
        (
            lambda _: nb.sim.load("first-steps").at("noon"),
            "virtual time is a number of seconds, not 'noon'",
        ),
        (lambda _: nb.sim.load(5), "a scenario is a name or a path, not 5"),
        (lambda run: nb.compare_many([run, run]), "compare_many takes sides by name, .*, not list"),
        (lambda run: run.plot.map("Berlin"), "places is a dict or a DataFrame of places by address, not str"),
    ],
)
def test_what_is_of_another_kind_is_refused_in_a_line(mistake, says):
    with pytest.raises(TrippyError, match=f"^{says}$"):
        mistake(whole())


def test_a_run_is_not_saved_where_there_is_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such folder: '.*nowhere'"):
        whole().save(tmp_path / "nowhere" / "run.parquet")


def test_a_run_and_a_set_summarise_the_columns_that_are_asked_for():
    for one in (whole(), whole().between(0, 3) + whole().between(3)):
        few = one.hop_stats(by="flow", columns=["loss_ratio"])
        assert list(few) == ["run_id", "flow", "ttl", "loss_ratio"]
        pd.testing.assert_frame_equal(few, one.hop_stats(by="flow")[list(few)])
    with pytest.raises(ConfigError, match="hops have no 'p75_ms'"):
        whole().hop_stats(columns=["p75_ms"])


def test_a_run_tells_its_alerts():
    found = whole().alerts([tn.matchers.CheckLoss(loss_ratio=1.0), "<1000"], ttl=[3, 4])
    assert set(found["ttl"]) == {3, 4}
    assert found.loc[found["ttl"] == 3, "cleared_at"].isna().all(), "it never answers"
    assert whole().alerts("CheckLoss(l=>100,x=>1)").empty
    both = whole().between(0, 3) + whole().between(3)
    assert both.alerts("<1000", across_runs=True)["n"].tolist() == [6]


def test_parts_around_a_change_tell_whose_loss_it_was(tmp_path):
    """The numbers of docs/loss.md, "A route that changed"."""
    text = (ROOT / "data" / "scenarios" / "case-43-change.toml").read_text()
    (tmp_path / "lossy.toml").write_text(text.replace('delay = "12ms"', 'delay = "12ms"\nloss = 0.2'))
    network = tn.sim.load(tmp_path / "lossy.toml")
    run = tn.trace("target.example", network=network, rounds=120, progress=False)
    (change,) = set(run.changes["at"])
    hop, old, new = (
        part.losses.set_index("ttl").loc[2]
        for part in (run, run.between(None, change), run.between(change, None))
    )
    assert (hop["unanswered"], hop["n"], hop["verdict"]) == (19, 120, "link loss")
    assert "2 responders" in hop["says"]
    assert "one or more of the links" in hop["says"]
    assert (old["addr"], old["unanswered"], old["n"]) == ("203.0.113.2", 0, 30)
    assert (new["addr"], new["unanswered"], new["n"]) == ("203.0.113.3", 19, 90)
    assert new["verdict"] == "link loss"


@pytest.mark.slow
@pytest.mark.parametrize("page", ["working-with-runs", "matchers", "loss", "latency"])
def test_each_snippet_of_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"run": whole()} if page in ("loss", "latency") else {}
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text(), re.DOTALL)
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, f"{page}.md", "exec"), names)


def test_the_page_of_matchers_names_them_all():
    text = (ROOT / "docs" / "matchers.md").read_text()
    own = [name for name, one in vars(tn.matchers).items() if isinstance(one, type) and name[0].isupper()]
    told = {name for name in own if f"`{name}(" in text}
    assert set(own) - told == {"Matcher", "Judged", "Samples"}


DOOR: Any = tn  # what is asked wrongly is wrong for mypy, too


def test_a_slice_of_a_set_is_a_set():
    runs = tn.RunSet([whole(), whole(), whole()])
    part = runs[0:2]
    assert isinstance(part, tn.RunSet)
    assert len(part) == 2
    assert_valid(part)
    assert runs[-1] is whole()


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda run: run.between(1e300), r"1e\+300 is no time"),
        (lambda run: run.between(10**400), "is no time"),
        (lambda run: run.hop_stats(columns=[["p50_ms"]]), r"hops have no \['p50_ms'\]"),
        (lambda run: analysis.quantile_bands(run.tables, bands=DOOR), "are not shares above 0"),
        (lambda run: analysis.daily_swing(run.probes), "last_mile: no column 'vantage'"),
        (lambda run: run.between(timedelta(days=10**8)), "is no time"),
        (lambda run: run.hop_stats(by=["flow", "responder"]), r"by=\['flow', 'responder'\]: a row is"),
        (lambda run: run.hop_stats(columns="p50_ms"), "columns='p50_ms' is no list of columns"),
        (lambda run: run.hop_stats(columns=5), "columns=5 is no list of columns"),
        (lambda run: run.hop_stats(columns=["p50"]), "hops have no 'p50'"),
        (
            lambda run: run.alerts(DOOR.matchers.RouteChanged(), changes=run.hops),
            "changes: no column 'round'",
        ),
        (lambda run: run.alerts(">0%", ttl=99), "ttl=99: give one or more of the hops that were probed"),
        (lambda run: DOOR.RunSet([run]).by(lambda _: [1]), r"what can be a key of a dict, not by \[1\]"),
        (lambda _: DOOR.RunSet(3), "a set is made of several runs, not of 3"),
        (lambda _: DOOR.read(3), "a file is named by a text or a Path, not by 3"),
        (lambda run: DOOR.compare(run, run, alpha="a"), "alpha is a probability above 0 .*, not 'a'"),
        (lambda run: DOOR.compare(run, run, alpha=None), "alpha is a probability above 0 .*, not None"),
        (lambda run: DOOR.compare_many({"a": run, "b": run}, alpha=[0.05]), "alpha is a probability above 0"),
        (lambda run: run.latency.histograms(by=3), "by=3 is nothing to group by"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(ask: Any, says: str):
    with pytest.raises(ConfigError, match=says) as caught:
        ask(whole())
    assert "\n" not in str(caught.value)


def test_a_ttl_of_our_own_tables_is_one():
    ttl = whole().hops["ttl"].iloc[0]
    drawn = whole().plot.timeline(ttl=ttl), whole().plot.timeline(ttl=int(ttl))
    assert len({ax.get_title() for ax in drawn}) == 1
    for kind in ("ridge", "ecdf", "smoke", "box"):
        assert whole().plot.distribution(kind, ttl=ttl).has_data()
    assert whole().alerts(">50%", ttl=ttl).empty


PROBES_ONLY = ["round", "flow", "ttl", "addr", "status"]


def test_a_run_of_probes_alone_says_what_is_not_known():
    sparse = tn.Run.from_probes(whole().probes[PROBES_ONLY])
    told = str(sparse.explain()) + repr(sparse) + title(sparse.tables)
    assert "to None" not in told
    assert title(sparse.tables) == "an unknown target from an unknown source, unknown protocol"
    assert str(sparse.explain()).startswith("A trace to an unknown target: ")
    assert "Whether the probes of a flow look alike to balancers is not known" in told
    assert "do not look alike" not in told
    assert sparse.target == ""
    assert "·····" in repr(sparse.where(ttl=1))
    assert "×" not in repr(sparse.where(ttl=1))
    drawn = sparse.plot.timeline(ttl=1)
    assert drawn.get_title(loc="left").endswith("6 answers, 6 of them without a round-trip time")
    assert "no round-trip times" in [text.get_text() for text in drawn.texts]


def test_without_a_name_the_address_stands_for_the_target():
    known = tn.Run.from_probes(whole().probes)
    assert known.target == "198.51.100.80"
    assert repr(known).startswith("Trace to 198.51.100.80\n")
    assert str(known.explain()).startswith("A trace to 198.51.100.80 on 2000-01-01")
    assert title(known.tables) == "198.51.100.80 from an unknown source, unknown protocol"


BY = ("ttl", "addr")
PLACES = {"source": (52.5, 13.4), "203.0.113.65": (48.1, 11.6)}
LATENCY: dict[str, tuple[Any, Any]] = {
    "ecdf": (lambda of: of.ecdf(by=BY), lambda it: analysis.ecdf(it, by=BY)),
    "bands": (lambda of: of.bands(by=BY, bin_s=2), lambda it: analysis.quantile_bands(it, by=BY, bin_s=2)),
    "histograms": (
        lambda of: of.histograms(by=BY, log=True),
        lambda it: analysis.histograms(it, by=BY, log=True),
    ),
    "densities": (lambda of: of.densities(by=BY), lambda it: analysis.densities(it, by=BY)),
    "delays": (
        lambda of: of.delays(by=("flow",), bin_s=2),
        lambda it: analysis.delays(it, by=("flow",), bin_s=2),
    ),
    "anomalies": (
        lambda of: of.anomalies(by=("flow",), bin_s=2),
        lambda it: analysis.delay_anomalies(analysis.delays(it, by=("flow",), bin_s=2)),
    ),
    "spikes": (lambda of: of.spikes(), analysis.spikes),
    "light": (lambda of: of.light(PLACES), lambda it: analysis.light_check(it, PLACES)),
    "last_mile": (lambda of: of.last_mile(bin_s=2), lambda it: analysis.last_mile(it, bin_s=2)),
    "daily_swing": (
        lambda of: of.daily_swing(),
        lambda it: analysis.daily_swing(analysis.last_mile(it)),
    ),
}


@pytest.mark.parametrize("name", LATENCY)
def test_each_line_of_latency_is_its_analysis_with_the_same_arguments(name: str):
    line, function = LATENCY[name]
    pd.testing.assert_frame_equal(line(whole().latency), function(whole().tables))


def test_no_line_of_latency_is_forgotten():
    assert set(LATENCY) == {name for name in dir(whole().latency) if not name.startswith("_")}
