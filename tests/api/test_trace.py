"""The verbs, on the built-in internet: what a user holds after a trace, and after a trace that went wrong."""

import asyncio
import inspect
import pickle
import threading
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import trippy_nb as tn
from trippy_nb.errors import ConfigError, FormatError, ResolveError, SchemaError
from trippy_nb.frames import check_frame
from trippy_nb.frames.schema import TABLES
from trippy_nb.model import OPTIONS


@pytest.fixture
def net():
    return tn.sim.load("first-steps")


@pytest.fixture
def run(net):
    return tn.trace("target.example", network=net, rounds=4)


def test_every_frame_keeps_the_contract_of_its_table(run):
    for name, table in TABLES.items():
        check_frame(getattr(run, name), table)


@pytest.mark.parametrize("protocol", ["icmp", "udp", "tcp"])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_every_protocol_and_family_reaches_the_target(net, protocol, family):
    run = tn.trace("target.example", network=net, rounds=3, protocol=protocol, addr_family=family)
    row = run.runs.iloc[0]
    assert (row["outcome"], row["protocol"], row["af"]) == ("reached", protocol, 4 if family == "ipv4" else 6)
    assert run.hops["addrs"].iloc[-1] == (row["dst_addr"],)


def test_silence_is_a_row_and_never_a_zero(run):
    silent = run.probes[run.probes["status"] == "timeout"]
    assert len(silent) >= 4
    assert silent["rtt_ms"].isna().all()
    assert silent["addr"].isna().all()


def test_the_last_round_ends_with_its_last_answer_on_a_path_that_answers():
    net = tn.sim.load("long-path")
    before = net.clock.now_ns()
    run = tn.trace(net.truth.paths[0].target, network=net, rounds=1)
    assert set(run.probes["status"].unique()) <= {"reply", "beyond_target"}
    took_ms = (net.clock.now_ns() - before) / 1e6
    assert took_ms <= 1.15 * run.probes["rtt_ms"].max()


def test_the_same_run_is_the_same_rows():
    def once() -> pd.DataFrame:
        return tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=5).probes

    pd.testing.assert_frame_equal(once(), once())


def test_saving_and_reading_bring_every_table_back_equal(run, tmp_path):
    again = tn.read(run.save(tmp_path / "x.parquet")).one()
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(run, name))


def test_a_set_saves_and_splits_again(net, tmp_path):
    runs = tn.trace(["target.example", "target.example"], network=net, rounds=2)
    assert [r.run_id for r in runs.runs.itertuples()] == [0, 1]
    again = tn.read(runs.save(tmp_path / "two.parquet"))
    assert [r.uuid for r in again] == [r.uuid for r in runs]
    pd.testing.assert_frame_equal(again.probes, runs.probes)
    with pytest.raises(ConfigError, match="2 runs"):
        runs.one()


def test_probes_alone_make_a_run(run):
    made = tn.Run.from_probes(run.probes)
    pd.testing.assert_frame_equal(made.hops[["sent", "recv", "p50_ms"]], run.hops[["sent", "recv", "p50_ms"]])
    with pytest.raises(SchemaError, match="ttl"):
        tn.Run.from_probes(run.probes.drop(columns="ttl"))


def test_a_run_pickles_with_its_names(run):
    again = pickle.loads(pickle.dumps(run))
    pd.testing.assert_frame_equal(again.replies, run.replies)
    assert again.names == run.names


def test_arrow_libraries_read_a_run_as_its_probes(run):
    table = pa.table(run)
    assert table.num_rows == len(run.probes)
    assert set(table.column_names) == set(run.probes.columns)


def test_on_round_sees_each_round_and_may_end_the_trace(net):
    seen: list[int] = []

    def look(partial: tn.Run) -> bool:
        seen.append(int(partial.probes["round"].max()))
        return len(seen) < 3

    run = tn.trace("target.example", network=net, rounds=50, on_round=look)
    assert seen == [0, 1, 2]
    assert run.runs["end_reason"].iloc[0] == "on_round"


def test_what_on_round_raises_comes_with_what_was_collected(net):
    def fail(_run: tn.Run) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        tn.trace("target.example", network=net, rounds=5, on_round=fail)
    partial: tn.Run = vars(caught.value)["partial_run"]
    assert len(partial.probes) > 0
    assert any("partial_run" in note for note in caught.value.__notes__)


def test_an_endless_trace_keeps_bounded_memory_and_says_what_it_let_go(net):
    rounds = 0

    def count(_run: tn.Run) -> bool:
        nonlocal rounds
        rounds += 1
        return rounds < 1500

    run = tn.trace("target.example", network=net, rounds=None, max_samples=20, on_round=count)
    assert run.probes["round"].nunique() < 1500
    assert run.probes["round"].max() == 1499
    assert run.runs["dropped_probes"].iloc[0] > 0


def test_duration_ends_a_trace_in_the_time_of_its_network(net):
    run = tn.trace("target.example", network=net, rounds=None, duration=4.5)
    assert run.runs["end_reason"].iloc[0] == "duration"
    assert run.probes["round"].max() == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rounds": 0}, "rounds is 0, but must be from 1 to 1,000,000,000"),
        ({"max_ttl": 255}, "max_ttl is 255, but must be from 1 to 254"),
        ({"first_ttl": 0}, "first_ttl is 0"),
        ({"packet_size": 27}, "packet_size is 27"),
        ({"protocol": "udp", "target_port": 0}, "target_port is 0"),
        ({"protcol": "udp"}, "did you mean 'protocol'"),
        ({"protocol": "icmp", "multipath": "dublin"}, "dublin is for UDP, not icmp: use paris"),
        ({"source_address": "203.0.113.77"}, "203.0.113.77"),
    ],
)
def test_bad_options_are_one_line_before_any_packet(net, options, words):
    with pytest.raises(ConfigError, match=words) as caught:
        tn.trace("target.example", network=net, **options)
    assert "\n" not in str(caught.value)
    assert net.clock.now_ns() == tn.sim.load("first-steps").clock.now_ns()


@pytest.mark.parametrize("target", [None, 5, "", " ", [], [None], ["target.example", ""], b"target.example"])
def test_what_is_no_target_is_one_line_before_any_packet(net, target):
    with pytest.raises(ConfigError, match="a target is the text of a host name or an address, not"):
        tn.trace(target, network=net)
    assert net.clock.now_ns() == tn.sim.load("first-steps").clock.now_ns()


def test_an_unknown_host_is_a_line_that_names_it(net):
    with pytest.raises(ResolveError, match=r"no-such-host\.example"):
        tn.trace("no-such-host.example", network=net)


def test_a_missing_or_foreign_file_is_a_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing-here\.parquet"):
        tn.read(tmp_path / "nothing-here.parquet")
    junk = tmp_path / "junk.parquet"
    junk.write_bytes(b"PAR1 no")
    with pytest.raises(FormatError, match="junk"):
        tn.read(junk)


def test_await_gives_the_same_run(net):
    waited = asyncio.run(tn.trace_async("target.example", network=net.fresh(), rounds=3))
    pd.testing.assert_frame_equal(
        waited.probes, tn.trace("target.example", network=net.fresh(), rounds=3).probes
    )


def test_a_cancelled_trace_returns_what_it_has(net):
    begun = threading.Event()

    def look(_run: tn.Run) -> None:
        begun.set()

    async def cancel() -> tn.Run:
        task = asyncio.create_task(tn.trace_async("target.example", network=net, rounds=None, on_round=look))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        return await task

    run = asyncio.run(cancel())
    assert run.runs["end_reason"].iloc[0] == "interrupted"
    assert len(run.probes) > 0


def test_the_built_in_internet_opens_no_handle(run):
    assert run.handles.empty
    assert "no packets leave" in run.runs["reason"].iloc[0]


def test_two_runs_around_a_route_change_compare_as_changed(net):
    before = tn.trace("target.example", network=net, rounds=60)
    comparison = tn.compare(before, tn.trace("target.example", network=net.at(70)))
    assert comparison.verdict == "changed"
    again = tn.compare(before, before)
    assert (again.tables.path_verdict, again.tables.rtt_verdict) == ("same", "same")
    assert again.tables.response_verdict == "cannot tell"  # its target leaves one probe in five unanswered


@pytest.mark.parametrize("verb", [tn.trace, tn.trace_async, tn.rounds])
def test_the_signature_and_the_help_show_every_option(verb):
    parameters = inspect.signature(verb).parameters
    for option in OPTIONS:
        assert parameters[option.name].default == option.default
        assert f"{option.name}: {option.help}" in (inspect.getdoc(verb) or "")


def test_the_signature_and_the_help_of_live_show_what_differs_there():
    parameters, text = inspect.signature(tn.live).parameters, inspect.getdoc(tn.live) or ""
    assert parameters["rounds"].default is None
    assert "Default: until stopped." in text
    assert "Default: 10." not in text
    assert "dns_resolve_all" not in parameters
    assert parameters["max_ttl"].default == inspect.signature(tn.trace).parameters["max_ttl"].default


def test_text_and_html_cards_say_the_same(run):
    for words in ("target.example", run.runs["dst_addr"].iloc[0]):
        assert words in repr(run)
        assert words in run._repr_html_()


def test_save_replaces_a_file_whole_or_not_at_all(run, tmp_path, monkeypatch):
    path: Path = run.save(tmp_path / "x.parquet")
    before = path.read_bytes()
    monkeypatch.setattr("pyarrow.parquet.write_table", _fail)
    with pytest.raises(OSError, match="disk"):
        run.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _fail(*_args: object, **_options: object) -> None:
    raise OSError("disk full")
