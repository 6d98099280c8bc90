"""Lines of magic: the command's own options, what is refused and why, and what Tab offers."""

from __future__ import annotations

import click
import pytest
from IPython.core.completer import CompletionContext

import trippy_nb as tn
from trippy_nb.cli import SHORTCUTS, main
from trippy_nb.errors import ConfigError
from trippy_nb.magic.command import _INSTEAD, _TAKEN, HANDLES, TRACE, help_of, read_handles, read_trace
from trippy_nb.magic.completion import match_trace
from trippy_nb.model import OPTIONS, Multipath, Protocol

COMMAND = main.commands["trace"]


def test_a_line_says_what_the_command_line_would():
    asked = read_trace("example.com -p udp -C 5 -i 10ms -6 --no-dns --ttls 1-3 --into run;")
    assert asked is not None
    assert (asked.targets, asked.scenario, asked.into) == (["example.com"], None, "run")
    assert asked.options == {
        "protocol": "udp",
        "rounds": 5,
        "min_round_duration": 0.01,
        "addr_family": "ipv6",
        "dns": False,
        "ttls": [1, 2, 3],
    }


def test_every_option_of_the_table_is_the_very_same_parameter():
    ours = {parameter.name: parameter for parameter in TRACE.params}
    for parameter in COMMAND.params:
        if parameter.name in {option.name for option in OPTIONS} | SHORTCUTS | {"sim"}:
            assert ours[parameter.name] is parameter


def test_every_option_of_the_command_is_taken_or_refused_with_a_reason():
    """A new one has to be decided upon: in `_TAKEN` or in `_INSTEAD`, nowhere else."""
    names = {parameter.name for parameter in COMMAND.params}
    assert names - _TAKEN == set(_INSTEAD)


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("-m json", "run.explain()"),
        ("--mode=no-such-mode", "run.explain()"),
        ("--save /no/such/folder/run.parquet", "run.save("),
        ("-v", "logging"),
        ("-vvv", "logging"),
        ("--log-filter nonsense", "logging"),
    ],
)
def test_what_belongs_to_a_terminal_is_refused_with_what_to_do_instead(words, instead):
    with pytest.raises(ConfigError, match="is not for notebooks") as caught:
        read_trace(f"example.com {words}")
    assert instead in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "Missing argument 'TARGET...'"),
        ("x -p foo", "'foo' is not one of 'icmp', 'udp', 'tcp'"),
        ("x -i 10", "a number and a unit, such as 10ms"),
        ("x --protcol udp", "Did you mean"),
        ("x -C", "requires an argument"),
        ("x 'y", "No closing quotation"),
        ("x -4 -6", "contradict each other"),
        ("x --into 1a", "'1a' is not the name of a variable"),
        ("x --into class", "'class' is not the name of a variable"),
    ],
)
def test_a_mistake_is_one_line(line, words):
    with pytest.raises(ConfigError, match=words.replace(".", r"\.")) as caught:
        read_trace(line)
    assert "\n" not in str(caught.value)


def test_a_cell_has_a_target_in_each_line():
    asked = read_trace("-C 3", "\nexample.com\n\n  # these are near\nexample.net  # the second\n-4\n")
    assert asked is not None
    assert asked.targets == ["example.com", "example.net", "-4"]  # no option: those stand in the line


@pytest.mark.parametrize(
    ("cell", "words"), [(" \n#none\n", "without a target"), ("a\nb c\n", "one target a line, not 'b c'")]
)
def test_a_cell_that_is_not_one_target_a_line_is_refused(cell, words):
    with pytest.raises(ConfigError, match=words):
        read_trace("", cell)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_printed_and_nothing_is_asked_for(flag, capsys):
    assert read_trace(flag) is None
    assert capsys.readouterr().out.strip() == help_of(TRACE).strip()
    assert read_handles(flag) is None


def test_help_is_made_from_the_table_and_shows_nothing_that_is_refused():
    page = help_of(TRACE)
    for option in OPTIONS:
        assert all(flag in page for flag in option.flags[0].split("/"))
    for group in {option.group for option in OPTIONS}:
        assert f"{group}:" in page
    for words in ("%trace {host}", "%%trace", "--into NAME", "--sim SCENARIO"):
        assert words in page
    assert "--mode" not in page
    assert "--save" not in page
    assert max(map(len, page.splitlines())) <= 100


def test_handles_takes_all_and_nothing_else():
    assert read_handles("") is False
    assert read_handles("--all") is True
    with pytest.raises(ConfigError, match="unexpected extra argument"):
        read_handles("foo")
    assert "--all" in help_of(HANDLES)


def completed(text: str) -> tuple[list[str], str]:
    """What Tab offers at the end of a cell, and what of it is there already."""
    lines = text.split("\n")
    found = match_trace(
        CompletionContext(
            token="", full_text=text, cursor_position=len(lines[-1]), cursor_line=len(lines) - 1, limit=None
        )
    )
    return [one.text for one in found["completions"]], found.get("matched_fragment", "")


@pytest.mark.parametrize(
    ("text", "offered", "there"),
    [
        ("%trace --prot", ["--protocol"], "--prot"),
        ("%trace -p ", [*Protocol], ""),
        ("%trace x --protocol u", ["udp"], "u"),
        ("run = %trace x -R ", [*Multipath], ""),
        ("%trace x --multipath-strategy=p", ["paris"], "p"),
        ("%trace x --sim first-", ["first-steps"], "first-"),
        ("%%trace --sim fir", ["first-steps"], "fir"),
        ("%trace x -p udp --prot", [], ""),  # it is said already
        ("%trace x --mod", [], ""),  # it is refused
        ("%trace x --into r --si", ["--sim"], "--si"),
        ("%trace --sim first-steps tar", ["target.example"], "tar"),
        ("%trace --sim first-steps 'tar", ["target.example"], "tar"),
        ("%%trace --sim first-steps\n# all\ntar", ["target.example"], "tar"),
        ("%%trace -p\n-", [], ""),
        ("%trac", [], ""),
        ("x.trace --prot", [], ""),
        ("%tracer --prot", [], ""),
        ("print(1)\ntar", [], ""),
    ],
)
def test_tab_offers_what_may_stand_there(text, offered, there):
    assert completed(text) == (offered, there)


def test_sockets_that_a_mode_names_and_scenarios_are_all_offered():
    assert completed("%trace x --sim ")[0] == list(tn.sim.scenarios())
    socket_mode = next(option for option in OPTIONS if option.name == "mode")
    assert completed("%trace x --socket-mode ")[0] == list(socket_mode.choices)


def test_targets_of_this_session_are_offered_latest_first_then_options():
    for name in ("long-path", "first-steps", "long-path"):
        net = tn.sim.load(name)
        tn.trace(net.truth.paths[0].addr, network=net, rounds=1)
    addrs = [tn.sim.load(name).truth.paths[0].addr for name in ("long-path", "first-steps")]
    offered, there = completed("%trace ")
    assert (offered[:2], there) == (addrs, "")
    assert "--into" in offered
    assert not [word for word in offered if word in ("-p", "--mode", "--save")]
    assert completed("%%trace\n")[0][:2] == addrs
    assert not [word for word in completed("%%trace\n")[0] if word.startswith("-")]


def test_an_ipv6_target_is_completed_as_one_word(monkeypatch):
    """IPython would begin a new word after each colon."""
    record = type("Record", (), {"target": "2001:db8::80"})
    monkeypatch.setattr("trippy_nb.magic.command.session_records", lambda: (record,))
    assert completed("%trace 2001:db8:") == (["2001:db8::80"], "2001:db8:")


def test_a_shell_completes_scenarios_by_the_same_option():
    sim = next(parameter for parameter in COMMAND.params if parameter.name == "sim")
    assert [item.value for item in sim.shell_complete(click.Context(COMMAND), "first-")] == ["first-steps"]
