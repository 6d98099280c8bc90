"""`tn.pmtu` and `trippy-nb pmtu`: what is refused before any packet leaves, and what is printed."""

import json

import pytest
from click.testing import CliRunner

import trippy_nb as tn
from trippy_nb.api import SizesKnown, prepare_pmtu
from trippy_nb.cli import main
from trippy_nb.errors import ConfigError
from trippy_nb.model import PmtuOptions

SIM = ("pmtu", "target.example", "--sim", "narrow-link")


@pytest.fixture
def net():
    return tn.sim.load("narrow-link")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": "tcp"}, "a SYN has no size to vary"),
        ({"rounds": 3}, "rounds has no meaning for a path MTU"),
        ({"multipath": "paris"}, "multipath has no meaning for a path MTU"),
        ({"max_size": 2001}, "max_size"),
        ({"max_size": 67}, "max_size"),
        ({"max_size": 1279, "addr_family": "ipv6"}, "at least 1280 bytes over IPv6"),
        ({"max_size": 500, "packet_size": 600}, "at least 600 bytes over IPv4"),
        ({"attempts": 0}, "attempts"),
        ({"probe_rate": 0}, "probe_rate"),
        ({"max_size": True}, "max_size"),
    ],
)
def test_what_cannot_be_is_said_before_any_packet_leaves(net, options, words):
    before = net.clock.now_ns()
    with pytest.raises(ConfigError, match=words) as caught:
        tn.pmtu("target.example", network=net, progress=False, **options)
    assert "\n" not in str(caught.value)
    assert net.clock.now_ns() == before


def test_the_example_of_the_docstring(net):
    run = tn.pmtu("target.example", network=net, progress=False)
    assert run.pmtu.mtu == 1400
    assert run.runs["method"].iloc[0] == "pmtu"
    assert json.loads(run.runs["config"].iloc[0])["pmtu"]["max_size"] == 1500


def test_the_same_network_gives_the_same_rows():
    one, two = (
        tn.pmtu("target.example", network=tn.sim.load("narrow-link"), progress=False) for _ in range(2)
    )
    assert one.probes.equals(two.probes)


def output(*words):
    result = CliRunner().invoke(main, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_says_it_in_words_and_as_a_table():
    text = output(*SIM)
    assert "The path MTU to 198.51.100.80 is 1400 bytes: hop 3 (203.0.113.3) says so" in text
    assert "confirmed" in text


def test_the_command_prints_json_with_numbers_and_nulls(tmp_path):
    file = tmp_path / "run.parquet"
    found = json.loads(output(*SIM, "-m", "json", "--save", str(file)))
    assert (found["mtu"], found["low"], found["high"], found["black_hole"]) == (1400, 1400, 1401, "no")
    assert found["hops"] == [{"ttl": 3, "addr": "203.0.113.3", "mtu": 1400, "how": "confirmed", "n": 5}]
    assert tn.read(file)[0].pmtu.mtu == 1400


def test_nothing_limits_the_built_in_path_of_first_steps():
    text = output("pmtu", "target.example", "--sim", "first-steps")
    assert "Packets of 1500 bytes, the largest that were tried, get through to 198.51.100.80." in text
    assert "─" not in text


def test_progress_says_which_sizes_pass_and_no_rounds(net):
    words = []

    class Heard(SizesKnown):
        def __call__(self) -> str:
            words.append(super().__call__())
            return words[-1]

    tracing = prepare_pmtu("target.example", PmtuOptions(), {}, network=net)
    heard = Heard(tracing)
    while not tracing.advance(0.01):
        heard()
    for _ in range(4):
        heard()
    assert words[-1] == "1400 bytes pass, 1401 do not"


@pytest.mark.parametrize("command", ["pmtu", "discover"])
def test_help_says_what_is_taken_if_nothing_is_said(command):
    text = " ".join(output(command, "--help").split())
    assert "never swapped for another. [default: udp]" in text
    assert "[1 to 255; default: 5]" in text


def test_the_command_refuses_in_one_line():
    result = CliRunner().invoke(main, [*SIM, "--max-size", "5000"])
    assert result.exit_code != 0
    assert result.output.count("\n") == 1
    assert "max_size" in result.output
