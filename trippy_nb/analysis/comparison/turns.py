"""Hops whose responders take turns, and what a comparison says without them.

Behind a balancer of packets every switch is chance. The tests allow for that as long as chance deals evenly;
where its shares drift, they call it a change. Whoever sees that can leave the hop out. It is a second look at
the same data: alpha holds for the comparison of all hops, and the outcome without some of them says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from trippy_nb.analysis.align import Place
from trippy_nb.analysis.comparison.routes import Route
from trippy_nb.analysis.comparison.words import LEFT_OUT, Ttls, hops_text
from trippy_nb.analysis.history.spells import looked_at
from trippy_nb.analysis.told import plural

if TYPE_CHECKING:
    from trippy_nb.analysis.comparison.compare import ComparisonTables
    from trippy_nb.frames import Tables


@dataclass(frozen=True, slots=True)
class TurningHop:
    """A place of the aligned paths at which responders take turns."""

    ttls: Ttls
    """Its TTL on either side."""
    addrs: tuple[str, ...]
    """Those that take turns."""
    sides: tuple[bool, bool]
    """Whether they do before, and after."""


def turning_hops(comparison: "ComparisonTables", a: "Tables", b: "Tables") -> tuple[TurningHop, ...]:
    """Find the places whose responders take turns within a flow, on either side.

    Parameters
    ----------
    comparison
        Of the two, with nothing left out.
    a, b
        The sides.

    Returns
    -------
    hops
        In the order of the path; places of several flows with the same TTLs are one.
    """
    turns = _turns(a), _turns(b)
    found: dict[Ttls, tuple[set[str], list[bool]]] = {}
    columns = ["a_ttl", "b_ttl", "a_addrs", "b_addrs"]
    for *numbers, one, two in comparison.paths[columns].itertuples(index=False):
        ttls = tuple(None if pd.isna(ttl) else int(ttl) for ttl in numbers)
        here = [
            side.get(ttl or 0, set()) & {*seen}
            for side, ttl, seen in zip(turns, ttls, (one, two), strict=True)
        ]
        if any(here):
            addrs, sides = found.setdefault((ttls[0], ttls[1]), (set(), [False, False]))
            addrs.update(*here)
            sides[:] = [known or bool(new) for known, new in zip(sides, here, strict=True)]
    return tuple(
        TurningHop(ttls, tuple(sorted(addrs)), (sides[0], sides[1]))
        for ttls, (addrs, sides) in sorted(found.items(), key=lambda item: _order(item[0]))
    )


def _order(ttls: Ttls) -> tuple[int, int]:
    known = [ttl for ttl in ttls if ttl is not None]
    return min(known), max(known)


def _turns(tables: "Tables") -> dict[int, set[str]]:
    """Return who takes turns at each TTL, in any flow and run."""
    seen = looked_at(tables)
    names = seen.seen.probes.names
    found: dict[int, set[str]] = {}
    for (_, ttl), classes in seen.masks.turns.items():
        found.setdefault(ttl, set()).update(names[code] for codes in classes.values() for code in codes)
    return found


def leave_out(
    routes: Mapping[tuple[object, ...], Route], ttls: Iterable[int | None]
) -> dict[tuple[object, ...], Route]:
    """Take hops out of routes: they are as if silent there; only the target stays where it is."""
    gone = {ttl for ttl in ttls if ttl is not None}
    return {key: _without(route, gone) if gone else route for key, route in routes.items()}


def _without(route: Route, gone: set[int]) -> Route:
    kept = route.targets

    def targets_of(who: Mapping[str, int]) -> dict[str, int]:
        return {addr: count for addr, count in who.items() if addr in kept}

    first = {ttl: targets_of(who) if ttl in gone else who for ttl, who in route.first.items()}
    return replace(
        route,
        places=tuple(
            Place(place.ttl, targets_of(place.answers)) if place.ttl in gone else place
            for place in route.places
        ),
        past_end={ttl: count for ttl, count in route.past_end.items() if ttl not in gone},
        first={ttl: who for ttl, who in first.items() if who},
        unanswered={ttl: probes for ttl, probes in route.unanswered.items() if ttl not in gone},
        left_out={place.ttl: place for place in route.places if place.ttl in gone},
    )


def difference_text(whole: "ComparisonTables", part: "ComparisonTables") -> str:
    """Say what leaving hops out has changed.

    Parameters
    ----------
    whole, part
        The comparison with all hops, and without those of `part.without`.
    """
    said = [
        f"{name} from {before} to {after}"
        for name, before, after in (
            ("the verdict", whole.verdict, part.verdict),
            ("paths", whole.path_verdict, part.path_verdict),
            ("round-trip time", whole.rtt_verdict, part.rtt_verdict),
            ("unanswered probes", whole.response_verdict, part.response_verdict),
        )
        if before != after
    ]
    before, after = _words_by_ttl(whole), _words_by_ttl(part)
    others = sum(before[key] != after[key] != LEFT_OUT for key in before.keys() & after.keys())
    if others:
        said.append(f"{others} other {plural(others, 'row')} of the table")
    outcome = f"changes {', '.join(said)}" if said else "changes no verdict, and no other row"
    return f"Leaving out {hops_text(part.without)} {outcome}."


def _words_by_ttl(comparison: "ComparisonTables") -> dict[tuple[int, ...], str]:
    rows = comparison.paths[["flow", "a_ttl", "b_ttl", "change"]].itertuples(index=False)
    return {
        (int(flow), *(0 if pd.isna(ttl) else int(ttl) for ttl in ttls)): str(change)
        for flow, *ttls, change in rows
    }
