"""A scenario with one thing changed: what a player, or a lesson, does to a network.

Values are those of the file (docs/scenarios.md), read and checked as there. The scenario that is changed
stays as it is.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, replace
from typing import Any, Final

from trippy_nb.errors import ScenarioError
from trippy_nb.model import NS_PER_S, seconds_to_ns
from trippy_nb.sim.checks import check_scenario
from trippy_nb.sim.keys import LINK_KEYS, TABLES
from trippy_nb.sim.nodes import SOURCE, Link, LinkSpec, Router, Target
from trippy_nb.sim.routes import Congestion, NextHop, Route, Tables, links_of
from trippy_nb.sim.scenario import Scenario

Part = str | tuple[str, str] | int | None
"""A node by its id, a link by its ends, a tunnel by its number, or the scenario as a whole."""

_NAMES: Final = frozenset({"id", "name", "ends", "through", "cases", "description"})
_FOR_GOOD_NS: Final = 10 * 365 * 86_400 * NS_PER_S  # a congestion has an end


def changed(scenario: Scenario, part: Part, values: Mapping[str, object]) -> Scenario:
    """Set keys of a part to values as a file has them; None takes a key out.

    Raises
    ------
    ScenarioError
        If there is no such part, key or value, or the network would not hold together: in one line.
    """
    table, place = _find(scenario, part)
    said = _said(part)
    read = {name: _read(said, table, name, value) for name, value in values.items()}
    if isinstance(part, tuple):
        made = _with_link(scenario, part, read)
    else:
        made = _with_row(scenario, table, place, read)
    return _checked(made, said)


def broken(
    scenario: Scenario,
    near: str,
    far: str,
    *,
    at_s: float = 0.0,
    until_s: float | None = None,
    reroute_s: float | None = None,
) -> Scenario:
    """Take a link down: nothing passes it any more, in either direction.

    Parameters
    ----------
    scenario
        The scenario.
    near, far
        Ends of the link, as routes name them.
    at_s, until_s
        When it goes down, and when it is mended; None is not within ten years.
    reroute_s
        Time until routing has found the ways round it; None is never. Until then packets go into the gap.

    Raises
    ------
    ScenarioError
        If there is no such link, no such time, or no other way.
    """
    if at_s < 0:
        raise ScenarioError(f"virtual time begins at 0 s: {at_s:g} s is before that")
    at_ns = seconds_to_ns(at_s)
    until_ns = at_ns + _FOR_GOOD_NS if until_s is None else seconds_to_ns(until_s)
    gap = Congestion(ends=(near, far), at_ns=at_ns, until_ns=until_ns, loss=1.0, loss_back=1.0)
    made = replace(scenario, congestions=(*scenario.congestions, gap))
    said = _said((near, far))
    if reroute_s is None:
        return _checked(made, said)
    found_ns = at_ns + seconds_to_ns(max(0.0, reroute_s))
    routes = _ways_round(scenario, (near, far), found_ns, None if until_s is None else until_ns)
    if not routes:
        raise ScenarioError(f"{said}: there is no way round it: leave the time of rerouting out")
    return _checked(replace(made, routes=(*scenario.routes, *routes)), said)


def _said(part: Part) -> str:
    if isinstance(part, tuple):
        return " - ".join(part)
    return "scenario" if part is None else f"tunnel {part}" if isinstance(part, int) else part


def _find(scenario: Scenario, part: Part) -> tuple[str, int]:
    """Tell the table of a part, and its place there."""
    if part is None:
        return "scenario", 0
    if isinstance(part, tuple):
        return "link", 0
    if isinstance(part, int):
        if not 0 <= part < len(scenario.tunnels):
            raise ScenarioError(f"there is no tunnel {part} here, only {len(scenario.tunnels)} of them")
        return "tunnel", part
    nodes: tuple[tuple[str, tuple[Router | Target, ...]], ...] = (
        ("router", scenario.routers),
        ("target", scenario.targets),
    )
    for table, rows in nodes:
        ids = [row.id for row in rows]
        if part in ids:
            return table, ids.index(part)
    known = ", ".join(node.id for node in scenario.nodes)
    raise ScenarioError(f"there is no node {part!r} here, only {known}")


def _read(said: str, table: str, name: str, value: object) -> tuple[str, object]:
    """Return the field of a key, and what it is set to; MISSING is its default."""
    keys = TABLES[table]
    if name not in keys or name in _NAMES:
        raise ScenarioError(f"{said}: {name!r} cannot be changed, only {', '.join(sorted({*keys} - _NAMES))}")
    key = keys[name]
    if value is None:
        return key.field or name, MISSING
    try:
        return key.field or name, key.read(value)
    except ValueError as why:
        raise ScenarioError(f"{said}: {name}: {why}") from None


def _set(row: Any, read: Mapping[str, object]) -> Any:  # noqa: ANN401 - a row of any table
    usual = {field.name: _default(field) for field in fields(row)}
    return replace(row, **{name: usual[name] if value is MISSING else value for name, value in read.items()})


def _default(field: "Field[Any]") -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _with_row(scenario: Scenario, table: str, place: int, read: Mapping[str, tuple[str, object]]) -> Scenario:
    if table == "scenario":
        made: Scenario = _set(scenario, dict(read.values()))
        return made
    rows = list(getattr(scenario, f"{table}s"))
    own = dict(pair for name, pair in read.items() if name not in LINK_KEYS or table == "tunnel")
    row = _set(rows[place], own)
    if table != "tunnel":
        crossing = dict(pair for name, pair in read.items() if name in LINK_KEYS)
        row = replace(row, link=_set(row.link, crossing))
    rows[place] = row
    return replace(scenario, **{f"{table}s": tuple(rows)})  # type: ignore[arg-type]  # one field, by name


def _with_link(scenario: Scenario, ends: tuple[str, str], read: Mapping[str, tuple[str, object]]) -> Scenario:
    """Change what crossing a link does: in its own description, else in that of the farther node."""
    crossing = dict(pair for name, pair in read.items() if name in LINK_KEYS)
    own = dict(pair for name, pair in read.items() if name not in LINK_KEYS)
    links = list(scenario.links)
    for number, link in enumerate(links):
        if link.ends == ends:
            links[number] = replace(_set(link, own), link=_set(link.link, crossing))
            return replace(scenario, links=tuple(links))
    if ends[1] == SOURCE:
        raise ScenarioError(f"{_said(ends)}: no route goes there")
    table, place = _find(scenario, ends[1])
    into = {near for near, far in scenario.outward_links if far == ends[1]}
    if into == {ends[0]} and not own:
        return _with_row(scenario, table, place, read)
    spec: LinkSpec = getattr(scenario, f"{table}s")[place].link
    fresh = _set(Link(ends=ends), own)
    return replace(scenario, links=(*links, replace(fresh, link=_set(spec, crossing))))


def _ways_round(
    scenario: Scenario, gap: tuple[str, str], at_ns: int, until_ns: int | None
) -> tuple[Route, ...]:
    """Make the routes that go round a link, for those targets that were reached by it and still can be."""
    made: list[Route] = []
    for target in scenario.targets:
        found: dict[int, dict[str, tuple[NextHop, ...]]] = {}
        for af in scenario.families(target):
            route = scenario.route(target.name, af, at_ns)
            here: Tables = {} if route is None else route.tables(target.name)
            if gap in links_of(here) and (round_it := _without(here, gap)) is not None:
                found[af] = round_it
        alike = len(found) == len(scenario.families(target)) and len({*map(repr, found.values())}) == 1
        for af, tables in found.items():
            family = None if alike else af
            route = Route(
                next=tuple(tables.items()), at_ns=at_ns, until_ns=until_ns, to=target.name, family=family
            )
            if route not in made:
                made.append(route)
    return tuple(made)


def _without(tables: Tables, gap: tuple[str, str]) -> dict[str, tuple[NextHop, ...]] | None:
    """Take a link out of forwarding tables, and all that then leads nowhere; None if nothing is left."""
    near, far = gap
    left: dict[str, tuple[NextHop, ...]] = {
        node: tuple(hop for hop in hops if (node, hop.to) != (near, far)) for node, hops in tables.items()
    }
    while dead := {node for node, hops in left.items() if not hops}:
        left = {
            node: tuple(hop for hop in hops if hop.to not in dead)
            for node, hops in left.items()
            if node not in dead
        }
    if SOURCE not in left:
        return None
    reached = {near for near, _ in links_of(left)}
    return {node: hops for node, hops in left.items() if node in reached}


def _checked(scenario: Scenario, said: str) -> Scenario:
    for _place, why in check_scenario(scenario):
        raise ScenarioError(f"{said}: {why}")
    return scenario
