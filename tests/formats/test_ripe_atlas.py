"""RIPE Atlas results: what a probe said, and nothing else; whatever the file holds."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.needs import SHARED_DATA
from trippy_nb.analysis import paths
from trippy_nb.analysis.history import epochs, path_changes, prevalence
from trippy_nb.errors import FormatError
from trippy_nb.formats import read_atlas
from trippy_nb.frames import Tables, check_frame


def only(frame: pd.DataFrame) -> Any:
    """The one row of a frame."""
    (row,) = frame.itertuples()
    return row


DATA = SHARED_DATA / "ripe_atlas"
EXAMPLES = 100 if os.environ.get("TRIPPY_NB_PROFILE") == "ci" else 10


def answer(addr: str = "192.0.2.1", rtt: float = 1.5, **more: Any) -> dict[str, Any]:
    return {"from": addr, "ttl": 63, "size": 76, "rtt": rtt} | more


def result(*hops: Any, **more: Any) -> dict[str, Any]:
    return {
        "fw": 5080,
        "type": "traceroute",
        "msm_id": 5051,
        "prb_id": 42,
        "af": 4,
        "proto": "UDP",
        "paris_id": 7,
        "timestamp": 1_700_000_000,
        "endtime": 1_700_000_009,
        "dst_name": "target.example",
        "dst_addr": "198.51.100.9",
        "src_addr": "10.0.0.2",
        "from": "203.0.113.5",
        "size": 48,
        "result": [
            {"hop": number, "result": one} if isinstance(one, list) else one
            for number, one in enumerate(hops, start=1)
        ],
    } | more


@pytest.fixture
def read(tmp_path):
    def reading(*results: Any) -> Tables:
        path = tmp_path / "results.json"
        path.write_text(json.dumps(list(results)))
        made = read_atlas(path)
        for table, frame in made.items():
            check_frame(frame, table)
        return made

    return reading


X = {"x": "*"}
PLAIN = result([answer(), answer(rtt=1.25), X], [X, X, X], [answer("198.51.100.9")])


def test_a_result_is_a_run(read):
    made = read(PLAIN)
    run = only(made.runs)
    assert (run.source, run.source_ref, run.vantage, run.tool_version) == (
        "ripe-atlas",
        "5051/42",
        "42",
        "5080",
    )
    assert (run.target, run.dst_addr, run.src_addr) == ("target.example", "198.51.100.9", "10.0.0.2")
    assert (run.protocol, run.method, run.af, run.rounds) == ("udp", "paris", 4, 1)
    assert run.started_at == pd.Timestamp(1_700_000_000, unit="s", tz="UTC")
    assert run.ended_at == pd.Timestamp(1_700_000_009, unit="s", tz="UTC")
    assert (run.first_ttl, run.max_ttl, run.target_ttl, run.outcome) == (1, 3, 3, "reached")
    assert (run.flow_stable, run.has_send_times, run.has_quote_header) == (True, False, False)
    assert pd.isna(run.error)
    assert json.loads(run.config)["size"] == 48
    assert made.flows["paris_id"].tolist() == [7]


def test_silence_is_a_row(read):
    probes = read(PLAIN).probes
    assert probes["ttl"].tolist() == [1, 1, 1, 2, 2, 2, 3]
    assert probes["attempt"].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert probes["status"].tolist() == ["reply"] * 2 + ["timeout"] * 4 + ["reply"]
    assert probes["rtt_ms"].tolist()[:2] == [1.5, 1.25]
    assert probes["sent_at"].isna().all()


def test_a_late_answer_is_a_reply_without_a_probe(read):
    made = read(result([X, X, X], [{"late": 2, "from": "192.0.2.1", "ttl": 63, "size": 76}, answer()]))
    assert made.probes["status"].tolist() == ["timeout"] * 3 + ["reply"]
    late = made.replies[made.replies["kind"] == "late"]
    assert len(late) == 1
    assert late[["round", "flow", "ttl", "attempt", "rtt_ms"]].isna().all().all()


def test_a_duplicate_is_a_second_reply_to_the_same_probe(read):
    made = read(result([answer(), answer(dup=True, rtt=2.0), answer()]))
    assert made.probes["attempt"].tolist() == [0, 1]
    assert made.probes["n_replies"].tolist() == [2, 1]
    assert made.replies["kind"].tolist() == ["first", "dup", "first"]
    assert made.replies["reply_no"].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("af", "err", "expected"),
    [
        (4, "N", (3, 0)),
        (4, "H", (3, 1)),
        (4, "P", (3, 2)),
        (4, "p", (3, 3)),
        (4, "A", (3, 13)),
        (4, 9, (3, 9)),
        (4, "9", (3, 9)),
        (4, "?", (None, None)),
        (6, "N", (1, 0)),
        (6, "A", (1, 1)),
        (6, "h", (1, 2)),
        (6, "H", (1, 3)),
        (6, "p", (1, 4)),
    ],
)
def test_errors_are_codes_of_unreachable(read, af, err, expected):
    addr = "192.0.2.1" if af == 4 else "2001:db8::1"
    made = read(result([answer(addr, err=err)], af=af))
    for frame in (made.probes, made.replies):
        (row,) = frame[["icmp_type", "icmp_code"]].astype(object).itertuples(index=False)
        assert tuple(None if pd.isna(one) else one for one in row) == expected


def test_what_else_an_answer_says(read):
    stack = {
        "version": 2,
        "rfc4884": 1,
        "obj": [{"class": 1, "type": 1, "mpls": [LABEL, LABEL | {"ttl": 9}]}],
    }
    said = answer(ittl=0, itos=184, mtu=1400, icmpext=stack, edst="192.0.2.99", flags="SA")
    row = only(read(result([said])).replies)
    assert (row.reply_ttl, row.reply_size, row.q_ttl, row.q_tos, row.mtu) == (63, 76, 0, 184, 1400)
    assert row.mpls == "24015/0/1/1;24015/0/1/9"
    assert (row.rewritten, row.tcp_flags) == ("dst=192.0.2.99", "SA")


LABEL = {"label": 24015, "exp": 0, "s": 1, "ttl": 1}


@pytest.mark.parametrize("there", [True, False])
def test_the_packet_past_the_target_is_no_hop(read, there):
    hops = [[answer()], [X], [X], [X], [X], [X]]
    last = {"hop": 255, "result": [answer("198.51.100.9") if there else X]}
    made = read(result(*hops, last))
    assert made.probes["status"].tolist()[-1] == "beyond_target"
    run = only(made.runs)
    assert pd.isna(run.target_ttl)
    assert run.max_ttl == 6
    assert pd.isna(run.outcome) is not there
    assert paths(made)["addrs"].tolist() == [("192.0.2.1", None)]


@pytest.mark.parametrize(
    ("hop", "probes"),
    [
        ({"hop": 2, "error": "connect failed: Network is unreachable"}, ["reply", "send_error"]),
        ([{"error": "sendto failed: Operation not permitted"}], ["reply", "send_error"]),
        ({"error": "resolve failed"}, ["reply"]),
    ],
)
def test_what_failed_at_the_sender_says_so(read, hop, probes):
    made = read(result([answer()], hop))
    assert made.probes["status"].tolist() == probes
    assert "failed" in made.runs["error"].item()


@pytest.mark.parametrize("paris_id", [0, None])
def test_a_classic_traceroute_has_no_stable_flow(read, paris_id):
    made = read(result([answer()], paris_id=paris_id))
    assert made.runs["flow_stable"].tolist() == [False]


def test_addresses_are_in_normal_form_and_zones_apart(read):
    made = read(result([answer("::ffff:192.0.2.1"), answer("FE80:0::1%eth0")], af=6))
    assert made.probes["addr"].tolist() == ["192.0.2.1", "fe80::1"]
    assert made.probes["zone"].astype(object).fillna("").tolist() == ["", "eth0"]


BAD = [
    ({"type": "dns"}, "type dns"),
    ("traceroute to ...", "not a JSON object"),
    (result(result="1  192.0.2.1  1.5 ms", fw=1), "not a list of hops"),
    (None, "not a JSON object"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_record_is_kept_and_named(read, bad, reason):
    made = read(PLAIN, bad, PLAIN)
    assert made.runs["has_probes"].tolist() == [True, False, True]
    assert made.runs["error"].iloc[1].startswith("result 2: ")
    assert reason in made.runs["error"].iloc[1]
    assert sorted(set(made.probes["run_id"])) == [0, 2]


def test_a_bad_answer_is_counted(read):
    made = read(result([answer(), {"from": "nowhere"}, 5, {}], "no hop", {"hop": 999, "result": []}))
    assert made.runs["error"].item() == "result 1: 5 answers could not be read"
    assert len(made.probes) == 1


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(json.dumps, id="list"),
        pytest.param(lambda results: json.dumps({"info": results}), id="info"),
        pytest.param(lambda results: "\n".join(map(json.dumps, results)) + "\n", id="lines"),
        pytest.param(lambda results: "\n\n".join(map(json.dumps, results)), id="empty lines"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_of_file_says_the_same(tmp_path, write, packed):
    results = [PLAIN, PLAIN | {"prb_id": 43}]
    text = write(results).encode()
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(text) if packed else text)
    assert read_atlas(path).runs["vantage"].tolist() == ["42", "43"]


def test_one_result_alone_is_a_file_too(tmp_path):
    path = tmp_path / "one.json"
    path.write_text(json.dumps(PLAIN))
    assert len(read_atlas(path).runs) == 1


@pytest.mark.parametrize("text", ["", "not json", "{}", "[]", '[{"type": "ping"}]', "\x1f\x8b"])
def test_a_file_of_something_else_is_a_format_error(tmp_path, text):
    path = tmp_path / "other.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FormatError, match=r"other\.txt"):
        read_atlas(path)


def test_a_file_that_is_not_there_is_a_format_error(tmp_path):
    with pytest.raises(FormatError, match="missing"):
        read_atlas(tmp_path / "missing.json")


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats() | st.sampled_from(["*", "a", "1.2.3.4"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["from", "rtt", "x", "late", "dup", "err", "ttl", "icmpext", "obj", "mpls", "error"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
odd_results = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        (
            "af",
            "proto",
            "paris_id",
            "timestamp",
            "endtime",
            "dst_addr",
            "dst_name",
            "tos",
            "fw",
            "type",
        ),
        junk,
    )
    | {
        "result": junk
        | st.lists(
            st.fixed_dictionaries(
                {}, optional={"hop": junk, "result": st.lists(junk, max_size=3), "error": junk}
            ),
            max_size=3,
        )
    },
)


@pytest.mark.slow
@given(odd=st.lists(odd_results, max_size=2))
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_record_breaks_the_reader(read, odd):
    made = read(PLAIN, *odd)
    assert len(made.runs) == 1 + len(odd)
    assert (made.probes["run_id"] == 0).sum() == 7


# --- real files ------------------------------------------------------------------------------------------


def raw(name: str) -> list[dict[str, Any]]:
    text = (DATA / name).read_text()
    if text.startswith('{"info"'):
        return list(json.loads(text)["info"])
    return [json.loads(line) for line in text.splitlines() if line.strip()]


@pytest.mark.slow
@pytest.mark.needs("shared-data")
@pytest.mark.parametrize(
    "name", ["pantrace_14.ndjson", "sagan_firmwares.ndjson", "2018-01-01_prb4247_msm5004.ndjson"]
)
def test_every_answer_of_a_real_file_is_there(name):
    made = read_atlas(DATA / name)
    for run, record in enumerate(raw(name)):
        replies = made.replies[made.replies["run_id"] == run]
        probes = made.probes[made.probes["run_id"] == run]
        wanted: list[tuple[str, float | None]] = []
        sent: Counter[int] = Counter()
        for hop in record["result"]:
            for one in hop.get("result", ()):
                sent[hop["hop"]] += "late" not in one and not one.get("dup")
                if "from" in one:
                    wanted.append((one["from"], one.get("rtt")))
            sent[hop["hop"]] += "error" in hop
        rtts = [None if pd.isna(rtt) else rtt for rtt in replies["rtt_ms"]]
        assert list(zip(replies["addr"], rtts, strict=True)) == wanted
        assert probes["ttl"].value_counts().to_dict() == dict(sent)


@pytest.fixture(scope="module")
def folha() -> Tables:
    return read_atlas(DATA / "series_FolhaSP.json")


Trace = tuple[tuple[int, str, int], int, tuple[str, ...]]
"""Vantage, target address and Paris id; time; first responder of each hop, `*` where there is none."""


def naive_traces() -> list[Trace]:
    """The paths as anybody would read them out of the JSON."""
    traces = []
    for record in raw("series_FolhaSP.json"):
        path = tuple(
            next((one["from"] for one in hop.get("result", ()) if "from" in one and "late" not in one), "*")
            for hop in record["result"]
        )
        key = (record["prb_id"], record["dst_addr"], record["paris_id"])
        traces.append((key, record["timestamp"], path))
    return sorted(traces, key=lambda trace: trace[:2])


def successive(traces: list[Trace], parts: int) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Successive paths with the same first parts of their key."""
    series: dict[Any, list[tuple[int, tuple[str, ...]]]] = {}
    for key, at, path in traces:
        series.setdefault(key[:parts], []).append((at, path))
    ordered = [[path for _, path in sorted(one)] for one in series.values()]
    return [pair for one in ordered for pair in pairwise(one)]


def contradict(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    return any(a != b and "*" not in (a, b) for a, b in zip(one, two, strict=False))


@pytest.mark.slow
@pytest.mark.needs("shared-data")
def test_the_published_counts_of_a_naive_comparison():
    traces = naive_traces()
    assert len(traces) == 681
    every = successive(traces, 1)
    assert (sum(one != two for one, two in every), len(every)) == (455, 652)
    to_one = successive(traces, 2)
    assert (sum(contradict(*pair) for pair in to_one), len(to_one)) == (218, 522)
    of_flow = successive(traces, 3)
    assert (sum(contradict(*pair) for pair in of_flow), len(of_flow)) == (15, 54)
    by_target: dict[Any, Counter[Any]] = {}
    for key, _, path in traces:
        by_target.setdefault(key[:2], Counter())[path] += 1
    shares = pd.Series([max(one.values()) / one.total() for one in by_target.values()])
    assert (len(shares), round(shares.median(), 2)) == (159, 0.67)


@pytest.mark.slow
@pytest.mark.needs("shared-data")
def test_why_the_naive_comparison_sees_changes():
    # None of the 455 compares a flow with itself: neither traceroute of a pair says that a route changed.
    why: Counter[str] = Counter()
    of_probe: dict[int, list[Trace]] = {}
    for trace in naive_traces():
        of_probe.setdefault(trace[0][0], []).append(trace)
    for traces in of_probe.values():
        for (one, _, old), (two, _, new) in pairwise(sorted(traces, key=lambda trace: trace[1])):
            if old != new:
                why[
                    "another address" if one[1] != two[1] else "another flow" if one != two else "a change"
                ] += 1
    assert why == {"another address": 371, "another flow": 84}


@pytest.mark.slow
@pytest.mark.needs("shared-data")
def test_what_the_series_shows_if_flows_are_kept_apart(folha):
    table = epochs(folha)
    assert 681 - table["series"].nunique() == 54  # the same pairs
    flows = prevalence(folha)
    assert flows["n_transitions"].sum() == 15  # and the same contradictions
    # Most flows were seen once, and none more than twice where it changed: nothing confirms those but each
    # other, and that happened once.
    assert table.groupby("standing", observed=True)["series"].nunique().to_dict() == {
        "kept": 588,
        "unconfirmed": 13,
        "not judged": 26,
    }
    changes = path_changes(folha)
    assert changes.groupby("kind", observed=True)["event"].nunique().to_dict() == {
        "reroute": 1,
        "destination-moved": 510,
    }
    assert changes.loc[changes["kind"] == "reroute", "n_flows"].tolist() == [2, 2]
