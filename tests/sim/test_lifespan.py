"""Where a TTL ends: tables by hand, and a walk that moves headers from router to router."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trippy_nb.sim.lifespan import Egress, Ingress, Lifespan, Lsp, Lsr, Role, Station, find_lifespan
from trippy_nb.wire import mpls_text

PLAIN, TARGET = Station(), Station(is_target=True)
EXPLICIT = Lsp(labels=(101, 102, None))
EXPLICIT_UHP = Lsp(labels=(101, 102, 0))
IMPLICIT = Lsp(labels=(101, 102, None), reports=False)
OPAQUE = Lsp(labels=(101, 102, 103), propagates=False)
INVISIBLE = Lsp(labels=(101, 102, None), propagates=False, reports=False)
INVISIBLE_UHP = Lsp(labels=(101, 102, 0), propagates=False, least=False, reports=False, hides_egress=True)
VPN = Lsp(labels=(101, 102, None), inner=500, exp=5)


def through(lsp: Lsp, *, before: int = 1, behind: int = 1) -> list[Station]:
    """Routers, a path from ingress to egress, routers, the target."""
    inside: list[Role] = [Lsr(lsp, position) for position in range(1, len(lsp.labels))]
    roles: list[Role] = [Ingress(lsp), *inside, Egress(lsp)]
    return [PLAIN] * before + [Station(role=role) for role in roles] + [PLAIN] * behind + [TARGET]


def told(stations: list[Station], ttls: range = range(1, 9)) -> list[tuple[int, int, str]]:
    """What a trace shows: who answers, quoted TTL, labels; up to the target."""
    found = []
    for ttl in ttls:
        life = find_lifespan(stations, ttl)
        found.append((life.end, life.quoted_ttl, mpls_text(life.stack)))
        if not life.expired:
            break
    return found


# r0 -- ingress 1 -- LSR 2 -- LSR 3 -- egress 4 -- r5 -- target 6
@pytest.mark.parametrize(
    ("lsp", "expected"),
    [
        pytest.param(
            EXPLICIT,
            [(0, 1, ""), (1, 1, ""), (2, 1, "101/0/1/1"), (3, 2, "102/0/1/1"), (4, 1, ""), (5, 1, ""),
             (6, 1, "")],
            id="explicit: every router, quoted TTL rises inside",
        ),
        pytest.param(
            EXPLICIT_UHP,
            [(0, 1, ""), (1, 1, ""), (2, 1, "101/0/1/1"), (3, 2, "102/0/1/1"), (4, 1, "0/0/1/1"),
             (5, 1, ""), (6, 1, "")],
            id="explicit uhp: the egress gets the explicit null label",
        ),
        pytest.param(
            IMPLICIT,
            [(0, 1, ""), (1, 1, ""), (2, 1, ""), (3, 2, ""), (4, 1, ""), (5, 1, ""), (6, 1, "")],
            id="implicit: the same without labels",
        ),
        pytest.param(
            OPAQUE,
            [(0, 1, ""), (1, 1, ""), (4, 1, "103/0/1/253"), (5, 1, ""), (6, 1, "")],
            id="opaque: two routers hidden, label TTL 255 - 2",
        ),
        pytest.param(
            INVISIBLE,
            [(0, 1, ""), (1, 1, ""), (4, 1, ""), (5, 1, ""), (6, 1, "")],
            id="invisible php: ingress and egress seem to be neighbours",
        ),
        pytest.param(
            INVISIBLE_UHP,
            [(0, 1, ""), (1, 1, ""), (5, 1, ""), (5, 1, ""), (6, 1, "")],
            id="invisible uhp: the router behind the egress shows twice",
        ),
        pytest.param(
            VPN,
            [(0, 1, ""), (1, 1, ""), (2, 1, "101/5/0/1;500/5/1/1"), (3, 2, "102/5/0/1;500/5/1/2"),
             (4, 1, "500/5/1/1"), (5, 1, ""), (6, 1, "")],
            id="VPN: the inner label stays until the egress",
        ),
    ],
)  # fmt: skip
def test_what_a_trace_through_a_tunnel_shows(lsp, expected):
    assert told(through(lsp)) == expected


def test_without_tunnels_every_router_quotes_one_and_the_target_takes_what_is_left():
    stations = [PLAIN, PLAIN, TARGET]
    assert told(stations) == [(0, 1, ""), (1, 1, ""), (2, 1, "")]
    assert find_lifespan(stations, 64) == Lifespan(end=2, expired=False, quoted_ttl=62, arrivals=(64, 63, 62))


def test_a_router_that_forwards_zero_shows_the_next_one_twice_and_quotes_tell_them_apart():
    stations = [PLAIN, Station(zero_ttl=True), PLAIN, TARGET]
    assert told(stations) == [(0, 1, ""), (2, 0, ""), (2, 1, ""), (3, 1, "")]


def test_a_target_takes_a_packet_whose_ttl_is_zero():
    assert find_lifespan([Station(zero_ttl=True), TARGET], 1) == Lifespan(
        end=1, expired=False, quoted_ttl=0, arrivals=(1, 0)
    )


def test_the_second_of_two_that_forward_zero_answers():
    life = find_lifespan([Station(zero_ttl=True), Station(zero_ttl=True), TARGET], 1)
    assert (life.end, life.expired, life.quoted_ttl) == (1, True, 0)


def test_a_packet_comes_to_the_last_station_given_if_its_ttl_lasts():
    way = [PLAIN, PLAIN]
    assert find_lifespan(way, 3) == Lifespan(end=1, expired=False, quoted_ttl=2, arrivals=(3, 2))
    assert find_lifespan(way, 2).expired


def test_a_tunnelled_error_turns_back_at_the_egress():
    lsp = Lsp(labels=(101, 102, None), detours=True)
    detours = [find_lifespan(through(lsp), ttl).detour for ttl in range(1, 8)]
    assert detours == [None, None, 4, 4, None, None, None]


def test_one_path_may_begin_where_another_ends():
    second = Lsp(labels=(201, None))
    stations = [Station(role=role) for role in (Ingress(EXPLICIT), Lsr(EXPLICIT, 1), Lsr(EXPLICIT, 2),
                Egress(EXPLICIT, then=second), Lsr(second, 1), Egress(second))]  # fmt: skip
    assert told([*stations, TARGET]) == [
        (0, 1, ""), (1, 1, "101/0/1/1"), (2, 2, "102/0/1/1"), (3, 1, ""), (4, 1, "201/0/1/1"), (5, 1, ""),
        (6, 1, ""),
    ]  # fmt: skip


def test_a_pipe_shortens_the_life_of_what_has_more_than_its_label_can_count():
    stations = through(Lsp(labels=(*range(100, 110), None), propagates=False), before=0, behind=0)
    # Ten routers in the tunnel: the label comes out with 245.
    assert [find_lifespan(stations, ttl).arrivals[-2:] for ttl in (255, 247, 246, 200)] == [
        (245, 244), (245, 244), (245, 244), (199, 198)
    ]  # fmt: skip
    pipe = through(Lsp(labels=(*range(100, 110), 0), propagates=False, least=False), before=0, behind=0)
    assert find_lifespan(pipe, 255).arrivals[-2:] == (254, 253)


def test_a_path_of_two_neighbours_pops_before_it_pushes():
    stations = [Station(role=Ingress(Lsp(labels=(None,)))), Station(role=Egress(Lsp(labels=(None,)))), TARGET]
    assert told(stations) == [(0, 1, ""), (1, 1, ""), (2, 1, "")]


def test_a_packet_needs_a_station():
    with pytest.raises(ValueError, match="way"):
        find_lifespan([], 1)


# --- the second opinion: a packet with headers on it, moved from router to router ---


@dataclass
class Load:
    ip: int
    stack: list[list[int]] = field(default_factory=list)
    """Entries of label and TTL, outermost first."""


def walk(stations: list[Station], ttl: int) -> tuple[int, bool, int, list[list[int]], tuple[int, ...]]:
    load, arrivals = Load(ttl), []
    for index, station in enumerate(stations):
        arrivals.append(load.ip)
        arrived = [list(entry) for entry in load.stack]
        if isinstance(station.role, Egress):
            pop_all(load, station.role.lsp)
        spent = is_spent(load, station)
        if spent or station.is_target or index == len(stations) - 1:
            return index, spent, load.ip, arrived, tuple(arrivals)
        if isinstance(station.role, Lsr):
            swap(load, station.role)
        else:
            route(load, station)
    raise AssertionError


def is_spent(load: Load, station: Station) -> bool:
    passes_on = isinstance(station.role, Egress) and station.role.lsp.hides_egress
    if station.is_target or passes_on:
        return False
    left = (load.stack[0][1] if load.stack else load.ip) - 1
    return left < (0 if station.zero_ttl else 1)


def pop_all(load: Load, lsp: Lsp) -> None:
    if load.stack and lsp.least:
        load.ip = min(load.ip, load.stack[0][1])
    load.stack.clear()


def swap(load: Load, role: Lsr) -> None:
    new, left = role.lsp.labels[role.position], load.stack[0][1] - 1
    if new is not None:
        load.stack[0] = [new, left]
        return
    load.stack.pop(0)
    if load.stack:
        load.stack[0][1] = left
    elif role.lsp.least:
        load.ip = min(load.ip, left)


def route(load: Load, station: Station) -> None:
    if load.ip - 1 >= (0 if station.zero_ttl else 1):  # else it is of those that pass it on
        load.ip -= 1
    lsp = None
    if isinstance(station.role, Ingress):
        lsp = station.role.lsp
    elif isinstance(station.role, Egress):
        lsp = station.role.then
    if lsp is not None:
        pushed = load.ip if lsp.propagates else 255
        load.stack = [[label, pushed] for label in (lsp.labels[0], lsp.inner) if label is not None]


@st.composite
def lsps(draw) -> Lsp:
    kind = draw(st.sampled_from(["explicit", "implicit", "opaque", "invisible"]))
    uhp = draw(st.booleans())
    inside = draw(st.integers(0, 3))
    propagates = kind in ("explicit", "implicit")
    return Lsp(
        labels=(*range(100, 100 + inside), 999 if uhp or kind == "opaque" else None),
        inner=draw(st.sampled_from([None, 500])),
        exp=draw(st.integers(0, 7)),
        propagates=propagates,
        least=propagates or not uhp or kind == "opaque",
        reports=kind in ("explicit", "opaque"),
        hides_egress=uhp and kind == "invisible",
    )


@st.composite
def ways(draw) -> list[Station]:
    roles: list[Role | None] = []
    for lsp in draw(st.lists(st.none() | lsps(), max_size=4)):
        if lsp is None:
            roles.append(None)
            continue
        if roles and isinstance(roles[-1], Egress) and draw(st.booleans()):
            roles[-1] = Egress(roles[-1].lsp, then=lsp)
        else:
            roles.append(Ingress(lsp))
        roles += [Lsr(lsp, position) for position in range(1, len(lsp.labels))] + [Egress(lsp)]
    stations = [Station(role=role, zero_ttl=draw(st.integers(0, 4)) == 0) for role in roles]
    return [*stations, TARGET] if draw(st.booleans()) or not stations else stations


@pytest.mark.slow
@settings(max_examples=300)
@given(ways(), st.integers(1, 25) | st.integers(240, 255))
def test_a_life_ends_where_a_packet_with_headers_on_it_ends(stations, ttl):
    life = find_lifespan(stations, ttl)
    end, expired, quoted_ttl, stack, arrivals = walk(stations, ttl)
    assert (life.end, life.expired, life.quoted_ttl, life.arrivals) == (end, expired, quoted_ttl, arrivals)
    role = stations[end].role
    if isinstance(role, Lsr | Egress) and role.lsp.reports:
        assert [[entry.label, entry.ttl] for entry in life.stack] == stack
        assert [entry.bottom for entry in life.stack] == [False] * (len(stack) - 1) + [True] * bool(stack)
        assert {entry.exp for entry in life.stack} <= {role.lsp.exp}
    else:
        assert life.stack == ()
