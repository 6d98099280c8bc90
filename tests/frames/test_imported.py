"""Tables from probes alone: as much as is known, and flags for what is not."""

import pandas as pd
import pytest

from tests.frames.play import TARGET, small_trace
from trippy_nb.errors import ConfigError, SchemaError
from trippy_nb.frames import check_frame, conform, empty_frame, read_tables, tables_from_probes, write_tables
from trippy_nb.frames.schema import PROBES, RUNS
from trippy_nb.run import Run, RunSet

SPARSE = pd.DataFrame({"ttl": [1, 2, 3], "addr": ["10.0.0.1", None, TARGET], "rtt_ms": [0.5, None, 3.25]})


def checked(tables):
    for table, frame in tables.items():
        check_frame(frame, table)
    return tables


def test_a_ttl_an_address_and_an_rtt_are_enough():
    tables = checked(tables_from_probes(SPARSE))
    assert list(tables.probes["status"]) == ["reply", "timeout", "reply"]
    assert tables.probes["rtt_source"].dropna().tolist() == ["imported", "imported"]
    assert list(tables.probes["n_replies"]) == [1, 0, 1]
    assert list(tables.replies["ttl"]) == [1, 3]
    assert list(tables.replies["kind"]) == ["first", "first"]
    assert tables.replies["received_at"].isna().all()
    run = tables.runs.iloc[0]
    assert (run.source, run.tool, run.af, run.rounds, run.max_ttl) == ("imported", "unknown", 4, 1, 3)
    assert run[["target", "dst_addr", "protocol", "outcome", "end_reason", "started_at"]].isna().all()
    assert run.has_losses
    assert not run[["has_send_times", "has_all_replies", "has_quote_header", "flow_stable"]].any()
    assert len(tables.flows) == 1


def test_probes_in_are_rows_out():
    probes = small_trace().tables().probes
    pd.testing.assert_frame_equal(checked(tables_from_probes(probes)).probes, probes)


def test_what_is_known_of_the_runs_can_be_said():
    known = pd.DataFrame(
        {
            "run_id": [0],
            "target": ["example.com"],
            "dst_addr": [TARGET],
            "protocol": ["udp"],
            "started_at": pd.to_datetime(["2026-01-01"], utc=True),
            "has_all_replies": [True],
        }
    )
    tables = checked(tables_from_probes(SPARSE, runs=known))
    run = tables.runs.iloc[0]
    assert (run.target, run.protocol, run.outcome, run.target_ttl) == ("example.com", "udp", "reached", 3)
    assert run.started_at == pd.Timestamp("2026-01-01", tz="UTC")
    assert run.has_all_replies
    assert tables.replies["from_target"].tolist() == [pd.NA, True]


def test_a_whole_runs_frame_may_be_given_back():
    tables = small_trace().tables()
    again = checked(tables_from_probes(tables.probes, runs=tables.runs))
    pd.testing.assert_frame_equal(again.runs, tables.runs)


def test_runs_without_any_probe_and_several_runs():
    known = pd.DataFrame({"run_id": [3, 5], "target": ["a", "b"]})
    tables = checked(tables_from_probes(SPARSE.assign(run_id=3), runs=known))
    assert list(tables.runs["run_id"]) == [3, 5]
    assert list(tables.runs["rounds"]) == [1, 0]
    assert tables.runs["af"].tolist() == [4, pd.NA]


def test_attempts_are_counted_where_the_source_has_none():
    tables = tables_from_probes(pd.DataFrame({"ttl": [1, 1, 2, 1]}))
    assert list(tables.probes["attempt"]) == [0, 1, 0, 2]
    assert list(tables.probes["status"]) == ["timeout"] * 4
    assert len(tables.replies) == 0


def test_the_time_of_an_answer_follows_from_the_time_of_sending():
    frame = SPARSE.assign(sent_at=pd.to_datetime(["2026-01-01"] * 3, utc=True))
    tables = tables_from_probes(frame)
    assert tables.replies["received_at"].iloc[1] == pd.Timestamp("2026-01-01T00:00:00.00325Z")
    assert tables.runs["has_send_times"].item()


def test_ipv6_is_known_by_its_addresses():
    tables = tables_from_probes(pd.DataFrame({"ttl": [1], "addr": ["2001:db8::1"]}))
    assert tables.runs["af"].item() == 6


def test_the_same_probes_are_the_same_run_and_others_are_not():
    one, again = (tables_from_probes(SPARSE).runs["run_uuid"].item() for _ in range(2))
    other = tables_from_probes(SPARSE.assign(rtt_ms=[0.5, float("nan"), 3.5])).runs["run_uuid"].item()
    assert one == again
    assert one != other


@pytest.mark.parametrize(
    ("types", "codes", "target"),
    [
        ([11, None, 0], [0, None, 0], TARGET),
        ([11, None, 3], [0, None, 3], TARGET),
        ([11, None, None], [0, None, None], TARGET),  # answered, but not by ICMP
        ([11, None, 11], [0, None, 0], None),
        ([0, None, 0], [0, None, 0], None),  # two candidates
    ],
)
def test_the_target_is_known_by_answers_that_only_a_target_gives(types, codes, target):
    runs = tables_from_probes(SPARSE.assign(icmp_type=types, icmp_code=codes)).runs
    assert (runs["dst_addr"].dropna().tolist() or [None]) == [target]
    assert (runs["outcome"].dropna().tolist() == ["reached"]) == (target is not None)


def test_a_source_without_icmp_types_names_no_target():
    runs = tables_from_probes(pd.DataFrame({"ttl": [1], "addr": ["10.0.0.1"]})).runs
    assert runs[["dst_addr", "outcome"]].isna().all(axis=None)


def test_no_probes_at_all():
    tables = checked(tables_from_probes(empty_frame(PROBES)))
    assert [len(frame) for _, frame in tables.items()] == [0] * 6


def test_what_is_no_probes_frame_is_refused():
    with pytest.raises(SchemaError, match="'ttl' is missing"):
        tables_from_probes(pd.DataFrame({"hop": [1]}))
    with pytest.raises(SchemaError, match="'ttl' has 300"):
        tables_from_probes(pd.DataFrame({"ttl": [300]}))


def test_imported_tables_can_be_saved(tmp_path):
    tables = tables_from_probes(SPARSE)
    write_tables(tables, tmp_path / "run.parquet")
    pd.testing.assert_frame_equal(read_tables(tmp_path / "run.parquet").runs, tables.runs)


def test_the_frame_given_is_left_alone():
    before = SPARSE.copy()
    tables_from_probes(SPARSE)
    pd.testing.assert_frame_equal(SPARSE, before)
    assert conform(tables_from_probes(SPARSE).runs, RUNS)["run_id"].tolist() == [0]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"rtt_ms": [-1.0, None, 3.0]}, r"'rtt_ms' has -1.0 in row 0, which is no time from 0 on"),
        ({"rtt_ms": [1.0, None, float("inf")]}, r"'rtt_ms' has inf in row 2"),
        ({"addr": ["10.0.0.1", "zzz", None]}, r"'addr' has 'zzz', which is no address"),
        ({"addr": ["fe80::1%eth0", None, None]}, r"'fe80::1%eth0': put the zone into the column 'zone'"),
    ],
)
def test_what_is_no_time_and_no_address_is_refused(changed, says):
    with pytest.raises(SchemaError, match=says) as caught:
        tables_from_probes(SPARSE.assign(**changed))
    assert "\n" not in str(caught.value)


def test_addresses_are_spelled_as_in_all_tables():
    told = pd.Series(["2001:DB8:0::1", None, "::ffff:10.0.0.1"])
    assert tables_from_probes(SPARSE.assign(addr=told)).probes["addr"].dropna().tolist() == [
        "2001:db8::1",
        "10.0.0.1",
    ]


def test_a_frame_without_rows_is_no_run():
    with pytest.raises(ConfigError, match="the frame has no rows: there is no run without a probe"):
        Run.from_probes(SPARSE.iloc[:0])
    assert len(RunSet.from_probes(SPARSE.iloc[:0])) == 0
