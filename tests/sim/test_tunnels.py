"""Who is in which tunnel, and what tunnels on the way back do to an answer's TTL."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trippy_nb.sim.lifespan import Egress, Ingress, Lsr, Role, Station, find_lifespan
from trippy_nb.sim.scenario import Tunnel
from trippy_nb.sim.tunnels import answer_ttl, back_tunnels, roles
from trippy_nb.wire import mpls_text

WAY = ("home", "pe1", "p1", "p2", "pe2", "edge", "target")
CORE = ("pe1", "p1", "p2", "pe2")


def tunnel(*through: str, **options: Any) -> Tunnel:
    return Tunnel(through=through or CORE, **options)


def shape(found: tuple[Role | None, ...]) -> str:
    """One letter a node: Ingress, Lsr, Egress, X for both ends at once."""
    letters = []
    for role in found:
        both = isinstance(role, Egress) and role.then is not None
        letters.append("." if role is None else "X" if both else type(role).__name__[0])
    return "".join(letters)


def told(kind: str, pop: str, af: int = 4, **options: Any) -> list[str]:
    """What a trace shows: who, quoted TTL, labels."""
    found = roles(WAY, [tunnel(kind=kind, pop=pop, labels=(101, 102), **options)], 7, af=af)
    stations = [Station(role=role, is_target=node == "target") for node, role in zip(WAY, found, strict=True)]
    lives = [find_lifespan(stations, ttl) for ttl in range(1, 8)]
    return [f"{WAY[life.end]} {life.quoted_ttl} {mpls_text(life.stack)}".strip() for life in lives]


VISIBLE = ["home 1", "pe1 1", "p1 1", "p2 2", "pe2 1", "edge 1", "target 1"]
LABELLED = ["home 1", "pe1 1", "p1 1 101/0/1/1", "p2 2 102/0/1/1", "pe2 1", "edge 1", "target 1"]


@pytest.mark.parametrize(
    ("kind", "pop", "expected"),
    [
        ("explicit", "php", LABELLED),
        ("explicit", "uhp", [*LABELLED[:4], "pe2 1 0/0/1/1", *LABELLED[5:]]),
        ("implicit", "php", VISIBLE),
        ("implicit", "uhp", VISIBLE),
        ("invisible", "php", ["home 1", "pe1 1", "pe2 1", "edge 1", "target 1", "target 2", "target 3"]),
        ("invisible", "uhp", ["home 1", "pe1 1", "edge 1", "edge 1", "target 1", "target 2", "target 3"]),
    ],
)
def test_each_kind_and_pop_looks_as_the_papers_say(kind, pop, expected):
    assert told(kind, pop) == expected


@pytest.mark.parametrize("pop", ["php", "uhp"])
def test_an_opaque_tunnel_shows_one_label_that_counts_what_it_hides(pop):
    *before, egress, edge, target, _, _ = told("opaque", pop)
    assert before == ["home 1", "pe1 1"]
    assert egress.startswith("pe2 1 ")
    assert egress.endswith("/0/1/253")
    assert (edge, target) == ("edge 1", "target 1")


def test_the_explicit_null_label_is_the_familys():
    assert "pe2 1 0/0/1/1" in told("explicit", "uhp")
    assert "pe2 1 2/0/1/1" in told("explicit", "uhp", af=6)


def test_an_inner_label_lies_at_the_bottom_of_every_stack():
    shown = told("explicit", "php", inner_label=500, exp=3)
    assert shown[2:5] == ["p1 1 101/3/0/1;500/3/1/1", "p2 2 102/3/0/1;500/3/1/2", "pe2 1 500/3/1/1"]


def test_a_tunnel_holds_only_where_its_nodes_follow_one_another():
    assert shape(roles(WAY, [tunnel()], 1)) == ".ILLE.."
    for way in (WAY[::-1], ("pe1", "p1", "detour", "p2", "pe2"), ("p1", "p2", "pe2"), ()):
        assert set(roles(way, [tunnel()], 1)) <= {None}


def test_tunnels_may_meet_at_a_node_and_the_earlier_has_a_shared_link():
    first, second = tunnel("home", "pe1", "p1"), tunnel("p1", "p2", "pe2")
    for tunnels in ([first, second], [second, first]):
        assert shape(roles(WAY, tunnels, 1)) == "ILXLE.."
    both = roles(WAY, [second, first], 1)[2]
    assert isinstance(both, Egress)
    assert both.then is not None
    assert both.lsp != both.then
    assert shape(roles(WAY, [first, tunnel()], 1)) == "ILE...."
    assert shape(roles(WAY, [tunnel(), first], 1)) == ".ILLE.."


def test_a_loop_passes_a_tunnel_each_time_round():
    assert shape(roles(("a", "b", "c", "a", "b", "c"), [tunnel("a", "b", "c")], 1)) == "ILEILE"


def test_labels_that_are_not_stated_follow_from_the_seed_and_are_none_of_the_reserved():
    def labels(seed: int, *tunnels: Tunnel) -> list[tuple[int | None, ...]]:
        return [role.lsp.labels for role in roles(WAY, tunnels, seed) if isinstance(role, Ingress)]

    assert labels(1, tunnel()) == labels(1, tunnel())
    assert labels(1, tunnel()) != labels(2, tunnel())
    found = {label for seed in range(200) for label in labels(seed, tunnel())[0][:2] if label is not None}
    assert len(found) == 400  # of a million: no two routers share one by a rule
    assert all(16 <= label < 1 << 20 for label in found)
    assert labels(1, tunnel(labels=(30,)))[0][0] == 30
    assert labels(1, tunnel(labels=(30,)))[0][1] == labels(1, tunnel())[0][1]


def test_tunnelled_errors_turn_at_the_egress_only_if_the_tunnel_says_so():
    for icmp, expected in (("direct", None), ("tunnelled", 4)):
        found = roles(WAY, [tunnel(icmp=icmp)], 1)
        life = find_lifespan([Station(role=role) for role in found], 3)
        assert (life.end, life.detour) == (2, expected)


def back(initial: int, way: tuple[str, ...], **options: Any) -> int | None:
    return answer_ttl(initial, roles(way, back_tunnels([tunnel(**options)]), 1))


HOMEWARDS = WAY[-2::-1]  # edge, pe2, p2, p1, pe1, home


@pytest.mark.parametrize("pop", ["php", "uhp"])
@pytest.mark.parametrize("kind", ["explicit", "implicit", "opaque", "invisible"])
def test_an_answer_loses_one_at_each_router_unless_tunnels_go_back_too(kind, pop):
    for start in range(len(HOMEWARDS)):
        passed = len(HOMEWARDS) - start - 1
        assert back(255, HOMEWARDS[start:], kind=kind, pop=pop) == 255 - passed
        assert back(64, HOMEWARDS[start:], kind=kind, pop=pop) == 64 - passed


@pytest.mark.parametrize(
    ("kind", "pop", "error", "echo"),
    [
        ("explicit", "php", 250, 59),  # five routers, all counted
        ("implicit", "uhp", 250, 59),
        ("invisible", "php", 251, 61),  # p2 and p1 count in the error only: pe2 pushed 255
        ("opaque", "php", 251, 61),
        ("invisible", "uhp", 252, 61),  # nobody compares: p2 and p1 count in neither
    ],
)
def test_a_pipe_back_counts_in_errors_of_255_and_hides_in_echoes_of_64(kind, pop, error, echo):
    assert back(255, HOMEWARDS, kind=kind, pop=pop, back=True) == error
    assert back(64, HOMEWARDS, kind=kind, pop=pop, back=True) == echo


def test_the_egress_enters_the_tunnel_back_and_what_is_inside_does_not():
    assert back(255, HOMEWARDS[1:], kind="invisible", back=True) == 251  # the label starts at 255 as well
    assert back(64, HOMEWARDS[1:], kind="invisible", back=True) == 62  # p2 and p1 hidden
    assert back(64, HOMEWARDS[2:], kind="invisible", back=True) == 61  # p1, pe1, home


def test_an_answer_whose_ttl_runs_out_never_arrives():
    assert back(5, HOMEWARDS) is None
    assert back(6, HOMEWARDS) == 1


@given(st.integers(1, 255), st.integers(0, 20))
def test_a_plain_way_back_is_a_subtraction(initial, passed):
    expected = initial - passed if initial > passed else None
    assert answer_ttl(initial, [None] * (passed + 1)) == expected


def test_labels_of_the_tunnel_back_are_its_own():
    (there,) = [tunnel(back=True, labels=(30, 31))]
    (again,) = back_tunnels([there, tunnel()])
    assert again.through == CORE[::-1]
    lsr = roles(HOMEWARDS, [again], 1)[2]
    assert isinstance(lsr, Lsr)
    assert not {30, 31} & set(lsr.lsp.labels)
