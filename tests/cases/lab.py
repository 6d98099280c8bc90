"""Traces of the hard cases, as a user would make them."""

from __future__ import annotations

from typing import Any

import trippy_nb as tn
from trippy_nb.testing import simulated

TARGET = "198.51.100.80"
HOME, TWO, THREE, FOUR, FIVE, SIX = ("192.0.2.1", *(f"203.0.113.{number}" for number in range(2, 7)))
"""The routers of these scenarios, in the order of their files."""


def trace(
    name: str, *, at_s: float = 0.0, target: str = "target.example", **options: Any
) -> Any:  # Run, whose frames are of any type
    """Trace a scenario; UDP paris, 20 rounds, unless something else is said."""
    asked: dict[str, Any] = {"protocol": "udp", "rounds": 20} | options
    if asked["protocol"] == "udp":
        asked.setdefault("multipath", "paris")
    return simulated(name, target, at_s=at_s, **asked)


def discover(name: str, **options: Any) -> Any:
    """Discover all paths of a scenario."""
    return tn.discover("target.example", network=tn.sim.load(name), progress=False, **options)


def edges(run: tn.Run, *, evidence: str | None = None) -> set[tuple[str | None, str | None]]:
    """Pairs of addresses that the graph joins, without the source."""
    drawn = run.graph().edges(data=True)
    return {
        (near, far)
        for near, far, data in drawn
        if near != "source" and (evidence is None or data["evidence"] == evidence)
    }


def true_edges(name: str, addr: str = TARGET) -> set[tuple[str | None, str | None]]:
    """The same of the network itself."""
    return set(tn.sim.load(name).truth.edges(addr))


def said(run: tn.Run) -> set[tuple[str, str]]:
    """Kind and strength of each statement, without facts about addresses."""
    found = run.evidence[run.evidence["kind"] != "address-edge"]
    return {*zip(found["kind"].astype(str), found["strength"].astype(str), strict=True)}


def hop(run: tn.Run, ttl: int) -> dict[str, Any]:
    """The row of a hop."""
    (row,) = run.hops[run.hops["ttl"] == ttl].to_dict("records")
    return {str(name): value for name, value in row.items()}
