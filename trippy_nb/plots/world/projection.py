"""From degrees to the plane: the Equal Earth projection, and the outline of the land on it.

Šavrič, Patterson and Jenny, The Equal Earth map projection, International Journal of Geographical Information
Science 33 (2019), equations 6 to 9: areas are right, and the polynomial needs no iteration.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.path import Path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trippy_nb.analysis.latencies.light import Place

    Points = NDArray[np.float64]

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_TENTHS = 10.0
_TURN = 360.0
_SEAM = 180.0
_FINE = 91
"""Points of a meridian."""


def project(lon: "Points", lat: "Points") -> "Points":
    """Project degrees from the middle of the map: one row `x`, `y` for each."""
    theta = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(lat)))
    square = theta**2
    slope = 9 * _A4 * square**4 + 7 * _A3 * square**3 + 3 * _A2 * square + _A1
    x = 2 * np.sqrt(3) * np.radians(lon) * np.cos(theta) / (3 * slope)
    y = theta * (_A4 * square**4 + _A3 * square**3 + _A2 * square + _A1)
    return np.column_stack([x, y])


@lru_cache(maxsize=1)
def _rings() -> "tuple[Points, ...]":
    text = files("trippy_nb.plots.world").joinpath("land.json").read_text(encoding="utf-8")
    return tuple(np.array(ring, dtype=np.float64) / _TENTHS for ring in json.loads(text))


@lru_cache(maxsize=8)
def land(middle: float) -> Path:
    """Return the land, with a longitude in the middle; what lies on the seam is there at both sides."""
    vertices, codes = [], []
    for ring in _rings():
        # A ring goes on over the seam; which of its copies are seen is a matter of limits.
        lon, lat = np.unwrap(ring[:, 0] - middle, period=_TURN), ring[:, 1]
        lon -= _TURN * np.round(lon.mean() / _TURN)
        if abs(lon[-1] - lon[0]) > _SEAM:  # around the pole
            lon = np.concatenate([lon, lon[[-1, 0, 0]]])
            lat = np.concatenate([lat, np.copysign([90.0, 90.0, 90.0], lat[0])])
        copies = [0.0, *([_TURN] if lon.min() < -_SEAM else []), *([-_TURN] if lon.max() > _SEAM else [])]
        for shift in copies:
            points = project(lon + shift, lat)
            vertices.append(points)
            codes.append([Path.MOVETO, *[Path.LINETO] * (len(points) - 2), Path.CLOSEPOLY])
    return Path(np.concatenate(vertices), np.concatenate(codes).tolist())


def meridian(lon: float, south: float = -90.0, north: float = 90.0) -> "Points":
    """Return a line of one longitude."""
    lat = np.linspace(south, north, _FINE)
    return project(np.full(_FINE, lon), lat)


def parallel(lat: float) -> "Points":
    """Return a line of one latitude, from seam to seam."""
    return project(np.array([-_SEAM, _SEAM]), np.full(2, lat))


@dataclass(frozen=True, slots=True)
class View:
    """Part of the world."""

    middle: float
    """Longitude in the middle."""
    left: float
    right: float
    bottom: float
    top: float
    is_whole: bool

    @property
    def ratio(self) -> float:
        """Width for a height of 1."""
        return (self.right - self.left) / (self.top - self.bottom)

    def spot(self, place: "Place") -> tuple[float, float]:
        """Return where a place is."""
        lon = (place[1] - self.middle + _SEAM) % _TURN - _SEAM
        ((x, y),) = project(np.array([lon]), np.array([place[0]])).tolist()
        return x, y


def _middle_of(turns: "Points") -> float:
    """Return the middle of the shortest stretch of longitudes that has them all."""
    around = np.sort(turns % _TURN)
    gaps = np.diff(around, append=around[0] + _TURN)
    begin = int(gaps.argmax()) + 1
    middle = around[begin % len(around)] + (_TURN - gaps.max()) / 2
    return float((middle + _SEAM) % _TURN - _SEAM)


_WIDEST_DEG = 140.0
_NARROWEST = 0.22
"""Of what is seen of the world, in the plane's unit: about 13 degrees."""
_MARGIN = 0.25
_LEAST_RATIO, _MOST_RATIO = 1.7, 2.1
_SOUTH, _NORTH = -58.0, 84.0


def view_of(places: "list[Place]") -> View:
    """Look at the part of the world where these places are, or at all of it."""
    turns = np.array([lon for _, lon in places] or [0.0])
    middle = _middle_of(turns)
    lon = (turns - middle + _SEAM) % _TURN - _SEAM
    if not places or lon.max() - lon.min() > _WIDEST_DEG:
        ((_, bottom), (_, top)) = project(np.zeros(2), np.array([_SOUTH, _NORTH])).tolist()
        ((right, _),) = project(np.array([_SEAM]), np.zeros(1)).tolist()
        lowest = min((project(np.zeros(1), np.array([lat]))[0, 1] for lat, _ in places), default=0.0)
        return View(0.0, -right, right, min(bottom, lowest - 0.05), top, is_whole=True)
    spots = project(lon, np.array([lat for lat, _ in places]))
    (left, bottom), (right, top) = spots.min(axis=0).tolist(), spots.max(axis=0).tolist()
    width, height = (max(size * (1 + 2 * _MARGIN), _NARROWEST) for size in (right - left, top - bottom))
    width, height = max(width, height * _LEAST_RATIO), max(height, width / _MOST_RATIO)
    pole = float(project(np.zeros(1), np.array([90.0]))[0, 1])
    height = min(height, 2 * pole)
    x, y = (left + right) / 2, float(np.clip((bottom + top) / 2, height / 2 - pole, pole - height / 2))
    return View(middle, x - width / 2, x + width / 2, y - height / 2, y + height / 2, is_whole=False)
