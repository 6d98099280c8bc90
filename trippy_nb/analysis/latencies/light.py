"""Whether places can be right: no answer is faster than light in fibre.

Light travels in glass at about two thirds of its speed in a vacuum: 200 km in a millisecond. An RTT that is
too short for the way from the source to a place and back proves that the place is wrong (or the source's, or
the RTT). An RTT that is long enough proves nothing: cables take detours, and answers wait.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trippy_nb.analysis.arrays import Floats, Ints, Probes, distinct, example_of, pack, probe_arrays
from trippy_nb.analysis.cells import Cells, cell_numbers, cells_of
from trippy_nb.analysis.steady import sure_cells
from trippy_nb.analysis.tracks import tracks_of
from trippy_nb.errors import ConfigError
from trippy_nb.frames.answers import LIGHT
from trippy_nb.frames.check import conform
from trippy_nb.model import check_number, normalise_address

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

LIGHT_KM_PER_MS = 299.792458
"""In a vacuum, by the definition of the metre."""
SOURCE = "source"
"""Key of a place that stands for the source of every run that has none by its address."""
_FIBRE, _SLACK_KM = 2 / 3, 100.0
_EARTH_KM = 6371.0088  # mean radius (IUGG); a sphere is off by up to 0.56 % of a distance
_POLE, _HALF_TURN = 90.0, 180.0

Place = tuple[float, float]
"""Latitude and longitude, degrees, north and east."""


def great_circle_km(one: ArrayLike, two: ArrayLike) -> Floats:
    """Return the shortest way over the ground, km, by the haversine formula.

    Parameters
    ----------
    one, two
        Latitude and longitude in the last axis, degrees.
    """
    a, b = np.radians(np.asarray(one, dtype=np.float64)), np.radians(np.asarray(two, dtype=np.float64))
    half = (b - a) / 2
    share = np.sin(half[..., 0]) ** 2 + np.cos(a[..., 0]) * np.cos(b[..., 0]) * np.sin(half[..., 1]) ** 2
    distance: Floats = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(share, 0, 1)))
    return distance


def light_check(
    tables: "Tables", places: Mapping[str, Place], *, speed: float = _FIBRE, slack_km: float = _SLACK_KM
) -> pd.DataFrame:
    """Check the places of responders against their RTTs.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    places
        Latitude and longitude (degrees, north and east) by address; those of sources by their address, or one
        for all under ``"source"``. Addresses without a place are not checked.
    speed
        Fastest speed to allow, as a share of the speed of light. 2/3 is that in fibre; 4/9 is what paths get
        in practice, which proves nothing.
    slack_km
        How much longer the way may be than light could go there and back, km: for places that are those of a
        city.

    Returns
    -------
    light
        The columns of :data:`trippy_nb.frames.answers.LIGHT`: for each address with a place one row, and for
        each two of them on one path of one flow, where the flow decided on it, another: the farther one's
        packet came by the nearer one. Sorted by run and addresses.

    Raises
    ------
    ConfigError
        If a place is none, or `speed` or `slack_km` are out of bounds; or if there are places, but none of a
        source of these runs.

    Notes
    -----
    One address: 2 d(source, a) may not be more than RTT v, that is d <= RTT / 2 * 2c/3 of Gueye et al. (CBG,
    ToN 2006), about 100 km for each millisecond. Two of them: d(source, a) + d(a, b) + d(b, source) may not
    be more than RTT(b) v, whatever way the answer took. The difference of two RTTs bounds nothing: their
    answers may have come back on different ways. RTTs are the smallest of the run; for a pair, of the rounds
    whose path had both.
    """
    check_number("speed", speed, high=1, above=True)
    check_number("slack_km", slack_km)
    places = check_places(places)
    probes = probe_arrays(tables)
    spots = _Spots(tables, places, probes.names)
    if places:
        spots.check()
    return _table(tables, probes, spots, speed=speed, slack_km=slack_km)


def light_of(tables: "Tables", places: Mapping[str, Place]) -> pd.DataFrame:
    """Check places as `light_check` does, by its defaults, as far as it goes: of nobody, if need be."""
    probes = probe_arrays(tables)
    return _table(tables, probes, _Spots(tables, places, probes.names), speed=_FIBRE, slack_km=_SLACK_KM)


def _table(
    tables: "Tables", probes: Probes, spots: "_Spots", *, speed: float, slack_km: float
) -> pd.DataFrame:
    cells = cells_of(probes)
    rows = [*_alone(probes, spots), *_in_pairs(tables, probes, cells, spots)]
    frame = pd.DataFrame(rows, columns=["run_id", "from_addr", "addr", "rtt_ms", "n", "way_km"])
    # An empty text sorts first: an address alone stands before its pairs.
    frame = frame.sort_values(
        ["run_id", "addr", "from_addr"],
        key=lambda column: column if column.name == "run_id" else column.fillna(""),
    )
    fastest = LIGHT_KM_PER_MS * speed
    frame["limit_km"] = frame["rtt_ms"] * fastest + slack_km
    frame["needs_ms"] = frame["way_km"] / fastest
    frame["possible"] = frame["way_km"] <= frame["limit_km"]
    return conform(frame, LIGHT)


def check_places(places: Mapping[str, Place]) -> dict[str, Place]:
    """Check that places are some, and spell their addresses as tables do.

    Raises
    ------
    ConfigError
        If one is of no address, or no pair of a latitude and a longitude.
    """
    if not isinstance(places, Mapping):
        raise ConfigError(f"places is a dict of places by address, not {type(places).__name__}")
    for addr, place in places.items():
        try:
            latitude, longitude = map(float, place)
        except (TypeError, ValueError):
            raise ConfigError(
                f"places[{addr!r}]={place!r} is not a pair (latitude, longitude) in degrees"
            ) from None
        if not (abs(latitude) <= _POLE and abs(longitude) <= _HALF_TURN):
            raise ConfigError(
                f"places[{addr!r}]={place!r} is nowhere: latitude is up to 90, longitude up to 180 degrees"
            )
    return {_spelled(addr): place for addr, place in places.items()}


def _spelled(addr: object) -> str:
    if addr == SOURCE:
        return SOURCE
    try:
        return normalise_address(str(addr))
    except ValueError:
        raise ConfigError(f"places[{addr!r}]: that is no address, and not {SOURCE!r}") from None


class _Spots:
    """Where addresses and sources are; NaN where it is not known."""

    def __init__(self, tables: "Tables", places: Mapping[str, Place], names: tuple[str, ...]) -> None:
        self.names = names
        self.where = np.array(
            [places.get(name, (np.nan, np.nan)) for name in names], dtype=np.float64
        ).reshape(-1, 2)
        self._sources = {
            int(run): places.get(str(addr), places.get(SOURCE))
            for run, addr in zip(tables.runs["run_id"], tables.runs["src_addr"], strict=True)
        }

    def source(self, run: int) -> Place | None:
        return self._sources.get(run)

    def check(self) -> None:
        """Refuse places without that of a source: nothing can be checked by them."""
        if self._sources and not any(self._sources.values()):
            raise ConfigError(
                f"places say where no source of these runs is: add places[{SOURCE!r}], or that of its address"
            )

    def known(self, codes: Ints) -> "np.typing.NDArray[np.bool_]":
        found: np.typing.NDArray[np.bool_] = ~np.isnan(self.where[codes, 0])
        return found


def _alone(probes: Probes, spots: _Spots) -> list[dict[str, Any]]:
    """Take the smallest RTT of each address of each run."""
    rows = np.flatnonzero(probes.answered & ~np.isnan(probes.rtt))
    rows = rows[spots.known(probes.addr[rows])] if len(rows) else rows
    found = []
    for run, addr, rtt, n in _smallest(probes.rtt[rows], probes.run[rows], probes.addr[rows]):
        source = spots.source(run)
        if source is not None:
            way = 2 * float(great_circle_km(source, spots.where[addr]))
            found.append(_row(run, None, spots.names[addr], rtt, n, way))
    return found


def _in_pairs(tables: "Tables", probes: Probes, cells: Cells, spots: _Spots) -> list[dict[str, Any]]:
    """Take the smallest RTT of the farther of two addresses on one path, wherever both have a place."""
    if not len(cells.run):
        return []
    tracks = tracks_of(cells)
    rows = np.flatnonzero(probes.answered & ~np.isnan(probes.rtt))
    cell = cell_numbers(probes, cells)[rows]
    sure = sure_cells(tables, probes, cells)
    fits = sure[cell] & cells.in_view[cell] & ~cells.mixed[cell] & spots.known(probes.addr[rows])
    rows, cell = rows[fits], cell[fits]
    # What is nearer on a way that chance decided on is no proof, either.
    chance = np.bincount(cells.path[~sure & cells.in_view], minlength=len(tracks.way)) > 0
    kept = ~chance[cells.path[cell]]
    rows, cell = rows[kept], cell[kept]
    way = tracks.way[cells.path[cell]]
    best: dict[tuple[int, int, int], tuple[float, int]] = {}
    for run, ttl, number, rtt, n in _smallest(probes.rtt[rows], probes.run[rows], probes.ttl[rows], way):
        one = tracks.ways[number]
        place = ttl - one.first_ttl
        for near in {code for code in one.places[:place] if code >= 0 and spots.known(np.array([code]))[0]}:
            key = (run, near, one.places[place])
            if near != one.places[place]:
                smallest, count = best.get(key, (np.inf, 0))
                best[key] = (min(smallest, rtt), count + n)
    found = []
    for (run, near, far), (rtt, n) in best.items():
        source = spots.source(run)
        if source is not None:
            stops = np.array([source, spots.where[near], spots.where[far], source])
            length = float(great_circle_km(stops[:-1], stops[1:]).sum())
            found.append(_row(run, spots.names[near], spots.names[far], rtt, n, length))
    return found


def _smallest(rtt: Floats, *keys: Ints) -> list[tuple[Any, ...]]:
    """List each distinct key with the smallest RTT that has it, and how many there are."""
    _, group, n = (
        distinct(pack(*keys)) if len(rtt) else (rtt, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=int))
    )
    least = np.full(len(n), np.inf)
    np.minimum.at(least, group, rtt)
    one = example_of(group, len(n))
    return list(zip(*(key[one].tolist() for key in keys), least.tolist(), n.tolist(), strict=True))


def _row(run: int, near: str | None, addr: str, rtt: float, n: int, way_km: float) -> dict[str, Any]:
    return {"run_id": run, "from_addr": near, "addr": addr, "rtt_ms": rtt, "n": n, "way_km": way_km}
