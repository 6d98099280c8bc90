"""Where hops are on the ground, as whoever calls says: places, legs between them, and what has no place.

A leg is between two places that follow each other on the way of a flow. What lies between them without a
place is said, and not drawn; the ground under a leg is the shortest, and no cable's.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from trippy_nb.analysis.flowbands import FlowBand, FlowBands, flow_bands
from trippy_nb.analysis.graph import SOURCE
from trippy_nb.analysis.hops import hop_stats
from trippy_nb.analysis.latencies.light import Place, check_places, light_of
from trippy_nb.errors import ConfigError

if TYPE_CHECKING:
    from trippy_nb.analysis.arrays import Floats
    from trippy_nb.frames import Tables

_STEP_DEG = 2.0
_NEEDED = ("addr", "lat", "lon")
_NEARLY_OPPOSITE = np.pi - 1e-6


@dataclass(frozen=True, slots=True)
class Stop:
    """A responder at a TTL, or the source at TTL 0."""

    ttl: int
    addr: str | None
    """None for the source without an address, and where nobody answered."""
    kind: str
    """``source``, ``router``, ``target`` or ``silent``."""
    place: Place | None
    """Latitude and longitude, degrees; None if it is not known."""
    flows: int
    rtt_p50_ms: float | None
    too_fast: bool
    """It answered faster than light gets to its place and back."""


@dataclass(frozen=True, slots=True)
class Leg:
    """From one place to the next."""

    start: Place
    end: Place
    flows: int
    skipped: bool
    """On some way there are hops without a place between the two."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The ways of flows over the ground."""

    stops: tuple[Stop, ...]
    """By TTL and address; those without a place, too."""
    legs: tuple[Leg, ...]
    flows: int


def ground(tables: "Tables", places: "Mapping[str, Place] | pd.DataFrame") -> Ground:
    """Find where the ways of flows go.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    places
        Latitude and longitude (degrees, north and east) by address, and of the source by its address or as
        ``"source"``; or a frame with the columns `addr`, `lat` and `lon`. No place is guessed.

    Raises
    ------
    ConfigError
        If a place is none, or the frame lacks a column.
    """
    known = check_places(_mapping(places))
    sources = [str(addr) for addr in tables.runs["src_addr"].dropna().unique()]
    home = next((known[addr] for addr in sources if addr in known), known.get(SOURCE))
    bands = flow_bands(tables)
    where = {
        key: home if node.kind == "source" else known.get(node.addr or "")
        for key, node in bands.nodes.items()
    }
    return Ground(_stops(tables, bands, where, known), _legs(bands.bands, where), bands.flows)


def arc(start: Place, end: Place, *, middle: float = 0.0) -> "list[Floats]":
    """Return the shortest way over the ground, in points at most two degrees apart.

    Parameters
    ----------
    start, end
        Latitude and longitude, degrees. Of two opposite ends one of the shortest ways is taken, over a pole.
    middle
        Longitude in the middle of the map.

    Returns
    -------
    parts
        Of each part longitude (from `middle`, -180 to 180) and latitude; two parts where the way leaves the
        map on one side and comes back on the other.
    """
    one, two = _vector(start), _vector(end)
    angle = float(np.arctan2(np.linalg.norm(np.cross(one, two)), one @ two))
    if angle > _NEARLY_OPPOSITE:
        pole = np.array([0.0, 0.0, 1.0])
        points = np.concatenate([_between(one, pole, angle / 2), _between(pole, two, angle / 2)[1:]])
    else:
        points = _between(one, two, angle)
    lat = np.degrees(np.arcsin(np.clip(points[:, 2], -1, 1)))
    lon = (np.degrees(np.arctan2(points[:, 1], points[:, 0])) - middle + 180) % 360 - 180
    return _split(np.column_stack([lon, lat]))


def _vector(place: Place) -> "Floats":
    lat, lon = np.radians(place)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _between(one: "Floats", two: "Floats", angle: float) -> "Floats":
    share = np.linspace(0, 1, int(np.degrees(angle) / _STEP_DEG) + 2)[:, None]
    if angle == 0:
        return np.repeat(one[None, :], len(share), axis=0)
    points: Floats = (np.sin((1 - share) * angle) * one + np.sin(share * angle) * two) / np.sin(angle)
    return points


def _split(points: "Floats") -> "list[Floats]":
    """Cut a way where it jumps from one side of the map to the other; both parts go to the edge."""
    jumps = np.flatnonzero(np.abs(np.diff(points[:, 0])) > 180)  # noqa: PLR2004 - half of a turn
    parts = []
    begin: Floats = points[:0]
    last = 0
    for at in jumps.tolist():
        (lon0, lat0), (lon1, lat1) = points[at], points[at + 1]
        edge = np.copysign(180.0, lon0)
        gap = (edge - lon0) + (lon1 + edge)
        share = (edge - lon0) / gap if gap else 0.0
        lat = lat0 + share * (lat1 - lat0)
        parts.append(np.concatenate([begin, points[last : at + 1], [[edge, lat]]]))
        begin, last = np.array([[-edge, lat]]), at + 1
    return [*parts, np.concatenate([begin, points[last:]])]


def _mapping(places: "Mapping[str, Place] | pd.DataFrame") -> dict[str, Place]:
    if not isinstance(places, pd.DataFrame):
        if not isinstance(places, Mapping):
            raise ConfigError(
                f"places is a dict or a DataFrame of places by address, not {type(places).__name__}"
            )
        return dict(places)
    missing = [name for name in _NEEDED if name not in places.columns]
    if missing:
        raise ConfigError(f"places has no column {missing[0]!r}: it needs {', '.join(_NEEDED)}")
    kept = places.loc[places["lat"].notna() & places["lon"].notna()]
    rows = zip(kept["addr"], kept["lat"], kept["lon"], strict=True)
    return {str(addr): (float(lat), float(lon)) for addr, lat, lon in rows}


def _stops(
    tables: "Tables", bands: FlowBands, where: Mapping[str, Place | None], known: dict[str, Place]
) -> tuple[Stop, ...]:
    check = light_of(tables, known)
    alone = check.loc[check["from_addr"].isna() & ~check["possible"]]
    too_fast = {str(addr) for addr in alone["addr"]}
    table = hop_stats(tables, by="responder", columns=["p50_ms"])
    medians: dict[tuple[int, str], float] = {}
    for ttl, addr, median in zip(table["ttl"], table["addr"], table["p50_ms"], strict=True):
        if not pd.isna(median):
            medians.setdefault((int(ttl), str(addr)), float(median))
    stops = [
        Stop(
            ttl=node.ttl,
            addr=node.addr,
            kind=node.kind,
            place=where[key],
            flows=node.flows,
            rtt_p50_ms=medians.get((node.ttl, node.addr or "")),
            too_fast=node.addr in too_fast,
        )
        for key, node in bands.nodes.items()
    ]
    return tuple(sorted(stops, key=lambda stop: (stop.ttl, stop.addr or "")))


def _legs(bands: tuple[FlowBand, ...], where: Mapping[str, Place | None]) -> tuple[Leg, ...]:
    flows: dict[tuple[Place, Place], int] = defaultdict(int)
    skipped: dict[tuple[Place, Place], bool] = defaultdict(bool)
    for band in bands:
        placed = [(step.ttl, step.flows, where[step.node]) for step in band.steps]
        there = [(ttl, count, place) for ttl, count, place in placed if place is not None]
        for (ttl0, _, one), (ttl1, count, two) in pairwise(there):
            if one != two:
                flows[one, two] += count
                skipped[one, two] |= ttl1 > ttl0 + 1
    return tuple(Leg(one, two, count, skipped[one, two]) for (one, two), count in flows.items())
