"""Which flows of two sides are set beside one another, and what balancers could make of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from trippy_nb.analysis.align import Aligned, align, change_of
from trippy_nb.analysis.comparison.routes import UNKNOWN, Route, together
from trippy_nb.analysis.flowkeys import Definition

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

FEW_ROUNDS = 5
"""Flows with fewer rounds are tested together: each alone, 4 against 4, is never significant at 0.05 / 3."""

Kind = Literal["flow", "matched", "sampled"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two routes side by side."""

    a: Route
    b: Route
    places: Aligned

    @property
    def flow(self) -> int:
        """What to call it: the smaller number that it has on either side."""
        return min((route.flow for route in (self.a, self.b) if route.places), default=0)


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared, and how."""

    kind: Kind
    """``flow``: equal flows, each with itself; ``matched``: equal flows, all together, for each has few
    rounds; ``sampled``: other flows on each side, all together: which branches they took is a matter of
    luck."""
    pairs: list[Compared]
    why: str = ""
    """If sampled: what balancing could explain a difference by."""
    meeting: int = 0
    """Place from which on paths are compared: where those from two sources meet."""
    apart: bool = False
    """The sources differ."""

    @property
    def sampled(self) -> bool:
        """Balancers may have sent the flows of the two sides elsewhere."""
        return self.kind == "sampled"


def sides_of(a: Mapping[Definition, Route], b: Mapping[Definition, Route], *, apart: bool) -> Sides:
    """Pair equal flows; where there are none, take all flows of each side together."""
    common = [key for key in a if key in b and key != UNKNOWN and a[key].steady and b[key].steady]
    if common:
        if len(common) > 1 and median(min(a[key].rounds, b[key].rounds) for key in common) < FEW_ROUNDS:
            one, two = (together(side[key] for key in common) for side in (a, b))
            return Sides("matched", [_beside(one, two)])
        return Sides("flow", [_beside(a[key], b[key]) for key in common])
    one, two = together(a.values()), together(b.values())
    pair = _beside(one, two)
    first = next(
        (n for n, places in enumerate(pair.places) if change_of(*places) == "same"), len(pair.places)
    )
    steady = one.steady and two.steady
    return Sides(
        "sampled",
        [pair],
        why="the two sides sent different flows, which balancing may send on different paths"
        if steady
        else "probes of one flow may take different paths, so that balancing could explain a difference",
        meeting=first if apart else 0,
        apart=apart,
    )


def _beside(one: Route, two: Route) -> Compared:
    return Compared(one, two, align(one.places, two.places))


def asked_differently(a: "Tables", b: "Tables", names: tuple[str, str]) -> tuple[str, tuple[str, ...], bool]:
    """Return why the two cannot be compared at all, what else differs, and whether the sources do."""
    empty = [name for name, tables in zip(names, (a, b), strict=True) if tables.probes.empty]
    if empty:
        return _EMPTY[len(empty)].format(*empty), (), False
    said = {name: (_words(a, name), _words(b, name)) for name in ("dst_addr", "protocol", "src_addr")}
    one, two = said["dst_addr"]
    what = "the targets differ" if _NOBODY not in (one, two) else "the target of one side is not known"
    other_target = f"{what} ({one} and {two})" if one != two else ""
    titles = {"protocol": "protocol", "src_addr": "source"}
    differing = [(title, *said[name]) for name, title in titles.items() if said[name][0] != said[name][1]]
    notes = [f"{title} {before} against {after}" for title, before, after in differing]
    source = said["src_addr"]
    return other_target, tuple(notes), source[0] != source[1] and _NOBODY not in source


_NOBODY = "unknown"
_EMPTY = {1: "side {} has no probes", 2: "sides {} and {} have no probes"}


def _words(tables: "Tables", column: str) -> str:
    return ", ".join(sorted({str(value) for value in tables.runs[column].dropna()})) or _NOBODY


def name_of(tables: "Tables", otherwise: str) -> str:
    """Name a side: the label that all its runs have, or else what is given."""
    labels = (
        [str(value) for value in tables.runs["label"].dropna().unique()] if "label" in tables.runs else []
    )
    return labels[0] if len(labels) == 1 else otherwise
