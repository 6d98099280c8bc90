"""The command as its user meets it: what it prints, in which mode, and how it says no."""

import csv
import io
import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

import trippy_nb as tn
from trippy_nb.cli import main
from trippy_nb.cli.main import MODES
from trippy_nb.model import OPTIONS

SIM = ("trace", "target.example", "--sim", "first-steps", "-C", "3")


def invoke(*words):
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


def output(*words):
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_help_names_every_option_of_the_table_with_its_spellings():
    text = output("trace", "--help")
    for option in OPTIONS:
        for flag in option.flags:
            assert flag.replace("/", " / ") in text
    for group in {option.group for option in OPTIONS}:
        assert f"{group}:" in text


def test_help_without_a_command_shows_how_to_begin():
    text = output("--help")
    assert "trippy-nb trace example.com" in text
    assert "--sim first-steps" in text


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_prints_what_it_says(mode):
    text = output(*SIM, "-m", mode)
    assert (text == "") == (mode == "silent")


def test_pretty_says_which_sockets_and_why_and_marks_silence():
    text = output(*SIM)
    assert "built-in internet" in text
    assert "Loss%" in text
    assert "*" in text


def test_csv_is_read_again_with_ipv6_and_missing_as_empty():
    rows = list(csv.DictReader(io.StringIO(output(*SIM, "-m", "csv", "-6"))))
    assert [int(row["Hop"]) for row in rows] == list(range(1, len(rows) + 1))
    silent = [row for row in rows if row["IPs"] == "0"]
    assert silent
    assert all(row["Avg"] == "" for row in silent)
    assert all(row["Addrs"].count(":") >= 2 for row in rows if row["IPs"] == "1")


def test_json_has_numbers_and_nulls():
    document = json.loads(output(*SIM, "-m", "json"))
    assert (document["schema"], document["version"]) == ("trippy_nb/report", 1)
    hops = document["runs"][0]["hops"]
    silent = [hop for hop in hops if hop["recv"] == 0]
    assert silent
    assert all(hop["avg_ms"] is None and hop["loss_ratio"] == 1.0 for hop in silent)
    assert all(isinstance(hop["avg_ms"], float) for hop in hops if hop["recv"])


def test_probes_are_one_object_a_line_one_for_each_probe():
    lines = [json.loads(line) for line in output(*SIM, "-m", "probes").splitlines()]
    run = tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=3)
    assert len(lines) == len(run.probes)
    assert {line["status"] for line in lines} == set(run.probes["status"].unique())
    assert {(line["round"], line["flow"], line["ttl"], line["attempt"]) for line in lines} == set(
        run.probes[["round", "flow", "ttl", "attempt"]].itertuples(index=False, name=None)
    )


def test_stream_is_a_line_a_hop_with_time_and_round():
    lines = output(*SIM, "-m", "stream").splitlines()
    assert lines[-1].startswith("time=")
    assert " round=2 " in lines[-1]


def test_markdown_is_a_table():
    lines = output(*SIM, "-m", "markdown").splitlines()
    assert lines[2].startswith("| Hop | Host |")
    assert all(line.count("|") == lines[2].count("|") for line in lines[3:] if line)


def test_save_writes_what_read_reads(tmp_path):
    path = tmp_path / "run.parquet"
    output(*SIM, "-m", "silent", "--save", str(path))
    assert tn.read(path).one().target == "target.example"


def test_what_is_saved_is_explained_and_compared(tmp_path):
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    said = output(*SIM, "-m", "explain", "--save", str(one))
    assert "Reached 198.51.100.80" in said
    assert "What these probes cannot tell:" in said
    assert output("explain", str(one)) == said
    found = json.loads(output("explain", str(one), "-m", "json"))
    assert found[0]["kind"] == "reached"
    assert found[0]["query"].startswith("run_id == 0 and ")
    output(*SIM, "-m", "silent", "--save", str(two))
    assert "Same" in output("compare", str(one), str(two)) or "Cannot tell" in output(
        "compare", str(one), str(two)
    )


def test_a_file_that_is_no_run_is_one_line(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no run")
    result = invoke("explain", str(path))
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_zero_cycles_go_on_until_the_duration_is_over():
    text = output(
        "trace", "target.example", "--sim", "first-steps", "-C", "0", "--duration", "3s", "-m", "json"
    )
    assert json.loads(text)["runs"][0]["end_reason"] == "duration"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("trace", "target.example", "--sim", "first-steps", "-f", "0"), "first_ttl is 0"),
        (("trace", "target.example", "--sim", "first-steps", "--udp", "--tcp"), "--udp and --tcp contradict"),
        (
            ("trace", "target.example", "--sim", "first-steps", "-p", "icmp", "--udp"),
            "-p and --udp contradict",
        ),
        (("trace", "target.example", "--sim", "first-steps", "-4", "-6"), "-4 and -6 contradict"),
        (("trace", "target.example", "--sim", "frist-steps"), "first-steps"),
        (("trace", "no-such.example", "--sim", "first-steps"), "no-such.example"),
        (("trace", "target.example", "-i", "10"), "10ms, 1s"),
        (("trace", "target.example", "--ttls", "1,x"), "'x'"),
        (("trace", "a b"), "a b"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_a_status(words, says):
    result = invoke(*words)
    assert result.exit_code != 0
    assert says in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_ctrl_c_prints_what_was_collected():
    command = [
        sys.executable,
        "-m",
        "trippy_nb",
        "trace",
        "127.0.0.1",
        "-u",
        "-p",
        "udp",
        "-C",
        "0",
        "-m",
        "probes",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    # not communicate(): it would pass over what readline() has read ahead
    rest, errors = process.stdout.read(), process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=20) == 130, errors
    assert json.loads(first)["target"] == "127.0.0.1"
    assert "Traceback" not in errors
    assert all(json.loads(line) for line in rest.splitlines())


VERBS = ("trace", "discover", "pmtu")


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_that_is_not_there_is_told_before_any_packet_leaves(verb, tmp_path):
    file = tmp_path / "no" / "run.parquet"
    result = invoke(verb, "target.example", "--sim", "first-steps", "--save", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"trippy-nb: --save {file}: the folder {file.parent} does not exist: choose another\n"
    )


@pytest.mark.parametrize("verb", VERBS)
def test_what_the_disk_refuses_is_one_line_below_the_report(verb, tmp_path, monkeypatch):
    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tn.Run, "save", full)
    monkeypatch.setattr(tn.RunSet, "save", full)
    file = tmp_path / "run.parquet"
    result = invoke(verb, "target.example", "--sim", "first-steps", "--save", str(file))
    assert result.exit_code == 1
    assert "198.51.100.80" in result.stdout
    assert result.stderr == f"trippy-nb: {file} cannot be written: No space left on device\n"
