"""Scenario files: what is refused, and where the error points."""

from __future__ import annotations

import re

import pytest

from tests.sim.world import SMALL
from trippy_nb.errors import ScenarioError
from trippy_nb.sim import parse_scenario, read_scenario
from trippy_nb.sim.delays import Bimodal, Constant, Gamma, Uniform
from trippy_nb.sim.scenario import Link, LinkSpec, Route, Router, Scenario, Source, Target

TOPS = {
    text: SMALL.splitlines().index(text) + 1 for text in ("[scenario]", "[source]", "[[target]]", "[[route]]")
}
R1, R2 = (number + 1 for number, line in enumerate(SMALL.splitlines()) if line == "[[router]]")
ROUTE = TOPS["[[route]]"]
LAST = len(SMALL.splitlines())


def put(old: str, new: str) -> str:
    assert SMALL.count(old) >= 1, old
    return SMALL.replace(old, new, 1)


def under(header: str, line: str) -> str:
    return put(header, f"{header}\n{line}")


EVIL = [
    # text, line, table.key, part of the reason
    ("", 1, "", "no [scenario]"),
    (put("[scenario]\n", "[scenario\n"), 1, "", "not TOML"),
    (put('v4 = "192.0.2.1"', "v4 = "), R1 + 2, "", "not TOML"),
    (SMALL + "x = [1,", LAST + 1, "", "not TOML"),
    (SMALL + "[[rooter]]\n", LAST + 1, "rooter", "did you mean 'router'"),
    ("colour = 3\n" + SMALL, 1, "colour", "unknown table"),
    (put("[[target]]", "[target]"), TOPS["[[target]]"], "target", "[[target]]"),
    (put("[scenario]", "[[scenario]]"), 1, "scenario", "write [scenario]"),
    (SMALL.replace("[[route]]\nvia = ", "[x]\nv = "), ROUTE, "x", "unknown table"),
    (SMALL[: SMALL.index("[[route]]")], 1, "", "no [[route]]"),
    (under("[scenario]", "sede = 1"), 2, "scenario.sede", "did you mean 'seed'"),
    (put('name = "small"', "description = 'x'"), 1, "scenario", "'name' is missing"),
    (put('name = "small"', 'name = ""'), 2, "scenario.name", "not a text"),
    (under("[scenario]", 'seed = "x"'), 2, "scenario.seed", "whole number"),
    (under("[scenario]", "seed = -1"), 2, "scenario.seed", "whole number"),
    (under("[scenario]", "seed = true"), 2, "scenario.seed", "whole number"),
    (under("[scenario]", "epoch = 2000-01-01T00:00:00"), 2, "scenario.epoch", "time zone"),
    (under("[scenario]", "epoch = 5"), 2, "scenario.epoch", "time zone"),
    (put("192.0.2.10", "192.0.2.300"), 5, "source.v4", "not an IP address"),
    (put("192.0.2.10", "2001:db8::1"), 5, "source.v4", "not an IPv4 address"),
    (put("2001:db8:10::10", "192.0.2.1"), 6, "source.v6", "not an IPv6 address"),
    (put('v4 = "192.0.2.10"\n', ""), 9, "target.v4", "source has no IPv4"),
    (put('v4 = "192.0.2.10"\nv6 = "2001:db8:10::10"\n', ""), 4, "source", "no address"),
    (put('v4 = "198.51.100.80"\nv6 = "2001:db8:80::80"\n', ""), 8, "target", "no address"),
    (put('v4 = "198.51.100.80"', 'v4 = [\n"198.51.100.80",\n"oops",\n]'), 12, "target.v4", "'oops'"),
    (put('v4 = "198.51.100.80"', "v4 = 7"), 10, "target.v4", "7 is not an IP address"),
    (under("[[target]]", 'icmp = "maybe"'), 9, "target.icmp", "answers, silent"),
    (under("[[target]]", 'udp = "shut"'), 9, "target.udp", "closed, open, filtered, answers"),
    (under("[[target]]", "tcp_open = [80, 70000]"), 9, "target.tcp_open", "70000"),
    (under("[[target]]", "tcp_open = 80"), 9, "target.tcp_open", "not a list"),
    (under("[[target]]", "id = 'x'"), 9, "target.id", "unknown key"),
    (put('delay = "1ms"', "delay = 1"), 12, "target.delay", "a number and a unit"),
    (put('delay = "1ms"', 'delay = "1"'), 12, "target.delay", "not a duration"),
    (put('delay = "1ms"', 'delay = { base = "1ms" }'), 12, "target.delay", "a kind"),
    (
        put('delay = "1ms"', 'delay = { kind = "normal" }'),
        12,
        "target.delay",
        "constant, uniform, gamma, bimodal",
    ),
    (put('delay = "1ms"', 'delay = { kind = "uniform", min = "1ms" }'), 12, "target.delay", "needs 'max'"),
    (put('delay = "1ms"', 'delay = { kind = "constant", base = "1ms", x = 1 }'), 12, "target.delay", "'x'"),
    (
        put('delay = "1ms"', 'delay = { kind = "uniform", min = "2ms", max = "1ms" }'),
        12,
        "target.delay",
        "longer than max",
    ),
    (
        put('delay = "1ms"', 'delay = { kind = "gamma", base = "1ms", shape = 0, scale = "1ms" }'),
        12,
        "target.delay",
        "not a shape",
    ),
    (
        put('delay = "1ms"', 'delay = { kind = "bimodal", base = "1ms", spike = "1ms", chance = 2 }'),
        12,
        "target.delay",
        "not a share",
    ),
    (under('id = "r2"', "loss = 1.5"), R2 + 2, "router.loss", "not a share"),
    (under('id = "r2"', "loss = nan"), R2 + 2, "router.loss", "not a number"),
    (under('id = "r2"', "loss_back = '5%'"), R2 + 2, "router.loss_back", "not a number"),
    (under('id = "r2"', "silent = 1"), R2 + 2, "router.silent", "true nor false"),
    (under('id = "r2"', "quote = 27"), R2 + 2, "router.quote", "27 is not a whole number from 28"),
    (under('id = "r2"', "reply_ttl = 0"), R2 + 2, "router.reply_ttl", "from 1 to 255"),
    (under('id = "r2"', 'filter = "yes"'), R2 + 2, "router.filter", "prohibited"),
    (under('id = "r2"', 'filter_protocols = ["sctp"]'), R2 + 2, "router.filter_protocols", "'sctp'"),
    (put('id = "r2"\n', ""), R2, "router", "'id' is missing"),
    (put('id = "r2"', 'id = "r1"'), R2 + 1, "router.id", "router number 1"),
    (put('id = "r2"', 'id = "source"'), R2 + 1, "router.id", "the source"),
    (put('id = "r2"', 'id = "target.example"'), R2 + 1, "router.id", "target number 1"),
    (put("192.0.2.2", "192.0.2.1"), R2 + 2, "router.v4", "router 'r1'"),
    (put("192.0.2.2", "192.0.2.10"), R2 + 2, "router.v4", "the source"),
    (put("2001:db8:10::2", "2001:db8:80::80"), R2 + 3, "router.v6", "target 'target.example'"),
    (put('v6 = "2001:db8:10::2"\n', ""), R2, "router", "give it v6, or make it silent"),
    (put('"r1", "r2"', '"r1", "r9"'), ROUTE + 1, "route.via", "'r9' is not the id of a router"),
    (put('"r1", "r2"', '\n"r1",\n"r9"\n'), ROUTE + 3, "route.via", "'r9'"),
    (put('"r1", "r2"', '"r1", "r2", "r1"'), ROUTE + 1, "route.via", "more than once"),
    (put('via = ["r1", "r2"]', 'via = "r1"'), ROUTE + 1, "route.via", "not a list"),
    (put('via = ["r1", "r2"]', "at = '0s'"), ROUTE, "route", "a route has a via, or a next"),
    (under("[[route]]", 'at = "soon"'), ROUTE + 1, "route.at", "not a duration"),
    (under("[[route]]", 'at = "1s"'), 10, "target.v4", "no [[route]] at 0s"),
    (under("[[route]]", 'to = "elsewhere"'), ROUTE + 1, "route.to", "not the name of a target"),
    (under("[[route]]", 'family = "ipv4"'), ROUTE + 1, "route.family", "v4, v6"),
    (under("[[route]]", 'family = "v4"'), 11, "target.v6", "over IPv6"),
    (SMALL + '[[route]]\nvia = ["r2"]\n', LAST + 1, "route.at", "route number 1"),
    (SMALL + '[[link]]\nends = ["r2", "r1"]\n', LAST + 2, "link.ends", "no route goes from 'r2' to 'r1'"),
    (SMALL + '[[link]]\nends = ["r1"]\n', LAST + 2, "link.ends", "near and far"),
    (SMALL + 2 * '[[link]]\nends = ["r1", "r2"]\n', LAST + 4, "link.ends", "described twice"),
]


@pytest.mark.parametrize(
    ("text", "line", "key", "reason"), EVIL, ids=[f"{row[1]}-{row[2]}-{row[3]}" for row in EVIL]
)
def test_an_error_names_path_line_and_key(text, line, key, reason):
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, path="my.toml")
    message = str(caught.value)
    place = re.escape(f"my.toml:{line}: {key}")
    assert re.match(rf"{place}(: |$)" if key else place, message), message
    assert reason in message
    assert "\n" not in message


def test_the_small_scenario_itself_is_right():
    scenario = parse_scenario(SMALL)
    assert scenario == Scenario(
        name="small",
        source=Source(v4="192.0.2.10", v6="2001:db8:10::10"),
        targets=(
            Target(
                name="target.example",
                v4=("198.51.100.80",),
                v6=("2001:db8:80::80",),
                link=LinkSpec(delay=Constant(1_000_000)),
            ),
        ),
        routers=(
            Router(id="r1", v4="192.0.2.1", v6="2001:db8:10::1", link=LinkSpec(delay=Constant(2_000_000))),
            Router(id="r2", v4="192.0.2.2", v6="2001:db8:10::2", link=LinkSpec(delay=Constant(3_000_000))),
        ),
        routes=(Route(via=("r1", "r2")),),
    )


def test_every_key_is_read():
    scenario = parse_scenario("""
[scenario]
name = "all"
description = "everything"
seed = 9
epoch = 2024-02-29T12:00:00.000001+01:00
[source]
name = "me.example"
v4 = "192.0.2.10"
[[target]]
name = "t"
v4 = ["198.51.100.1", "198.51.100.2"]
icmp = "silent"
udp = "open"
udp_open = [53]
tcp = "filtered"
tcp_open = [22]
answer_delay = "1s"
answer_ratio = 0.5
quote = "short"
reply_ttl = 128
delay = "0ms"
[[router]]
id = "r"
name = "r.example"
v4 = "192.0.2.1"
silent = true
answer_delay = { kind = "constant", base = "1us" }
answer_ratio = 1
quote = "full"
reply_ttl = 1
filter = "drop"
filter_protocols = ["udp"]
delay = { kind = "uniform", min = "1ms", max = "2ms" }
delay_back = { kind = "gamma", base = "1ms", shape = 2, scale = "1us" }
loss = 0.25
loss_back = 0
[[link]]
ends = ["source", "r"]
delay = { kind = "bimodal", base = "1ms", spike = "1m30s", chance = 0.5 }
[[route]]
via = []
[[route]]
at = "1.5s"
to = "t"
family = "v4"
via = ["r"]
""")
    assert scenario == Scenario(
        name="all",
        description="everything",
        seed=9,
        epoch_ns=1_709_204_400_000_001_000,
        source=Source(name="me.example", v4="192.0.2.10"),
        targets=(
            Target(
                name="t",
                v4=("198.51.100.1", "198.51.100.2"),
                icmp="silent",
                udp="open",
                udp_open=(53,),
                tcp="filtered",
                tcp_open=(22,),
                answer_delay=Constant(10**9),
                answer_ratio=0.5,
                quote="short",
                reply_ttl=128,
            ),
        ),
        routers=(
            Router(
                id="r",
                name="r.example",
                v4="192.0.2.1",
                silent=True,
                answer_delay=Constant(1000),
                reply_ttl=1,
                filter="drop",
                filter_protocols=("udp",),
                link=LinkSpec(delay=Uniform(10**6, 2 * 10**6), delay_back=Gamma(10**6, 2.0, 1000), loss=0.25),
            ),
        ),
        links=(Link(ends=("source", "r"), link=LinkSpec(delay=Bimodal(10**6, 90 * 10**9, 0.5))),),
        routes=(Route(via=()), Route(via=("r",), at_ns=1_500_000_000, to="t", family=4)),
    )


def test_a_file_that_cannot_be_read_is_an_error_with_its_path(tmp_path):
    with pytest.raises(ScenarioError, match=r"nowhere\.toml:1: cannot be read"):
        read_scenario(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(ScenarioError, match=r"latin\.toml:1: cannot be read"):
        read_scenario(tmp_path / "latin.toml")


def test_the_later_of_two_routes_at_one_moment_is_in_force():
    own = SMALL + '[[route]]\nto = "target.example"\nfamily = "v6"\nvia = []\n'
    scenario = parse_scenario(own)
    assert [getattr(scenario.route("target.example", af, 0), "via", None) for af in (4, 6)] == [
        ("r1", "r2"),
        (),
    ]
