"""Reports of hand-made hops: hostile names stay text, missing stays missing, addresses can be split again."""

import csv
import io
import json

import pandas as pd
import pytest

import trippy_nb as tn
from trippy_nb import reports


@pytest.fixture(scope="module")
def run():
    return tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=4, dns=False)


HOSTILE = {"192.0.2.1": "a|b`c`<script>*x*_y_[z](u)"}


def test_a_hostile_name_breaks_no_markdown(run):
    text = reports.markdown_report(run.tables, run.hops, HOSTILE, extensions=False)
    (row,) = (line for line in text.splitlines() if "192.0.2.1" in line and line.startswith("| 1 "))
    assert "<script>" not in row
    assert row.replace("\\|", "").count("|") == text.splitlines()[2].count("|")


def test_several_responders_are_split_again_from_csv(run):
    hops = run.hops.assign(addrs=[("2001:db8::1", "2001:db8::2"), *run.hops["addrs"][1:]])
    (row, *_) = csv.DictReader(io.StringIO(reports.csv_report(run.tables, hops, {"2001:db8::2": "x,y"})))
    assert row["Addrs"].split(";") == ["2001:db8::1", "2001:db8::2"]
    assert row["Hosts"].split(";") == ["", "x,y"]


def test_json_says_null_for_what_is_missing_and_never_nan(run):
    text = reports.json_report([(run.tables, run.hops, {})])
    document = json.loads(text, parse_constant=pytest.fail)
    hop = next(hop for hop in document["runs"][0]["hops"] if hop["recv"] == 0)
    assert {name: hop[name] for name in ("avg_ms", "p99_ms", "mpls")} == dict.fromkeys(
        ("avg_ms", "p99_ms", "mpls")
    )
    assert hop["responders"] == []


def test_a_stream_line_has_a_dash_for_what_is_missing(run):
    lines = reports.stream_lines(run.hops, {}, round_=3, at=pd.Timestamp("2026-01-02T03:04:05.000006Z"))
    silent = lines[2]
    assert silent.startswith(
        "time=2026-01-02T03:04:05.000006Z round=3 ttl=3 addrs=- exts=- loss_pct=100.0 sent=4"
    )
    assert "avg=-" in silent
