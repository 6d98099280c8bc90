"""Make the outline of the world that maps are drawn on: `python docs/outline.py land-110m.json`.

Reads Natural Earth's land at 1:110,000,000 as TopoJSON (the package world-atlas has it), and writes it at a
tenth of a degree: finer would not show at the size of a page. `trippy_nb/plots/world/NOTICE.md` says whose it
is.
"""

from __future__ import annotations

import json
import sys
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

_OUT = Path(__file__).parents[1] / "trippy_nb" / "plots" / "world" / "land.json"
_TENTHS = 10
_LEAST = 4  # points of a ring that is still a shape


def rings_of(topology: dict[str, Any]) -> list[list[list[int]]]:
    """Decode the rings of the land, in tenths of a degree: longitude, latitude."""
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        steps = accumulate(arc, lambda one, two: [one[0] + two[0], one[1] + two[1]])
        arcs.append([[p * s + t for p, s, t in zip(point, scale, shift, strict=True)] for point in steps])
    (land,) = topology["objects"]["land"]["geometries"]
    rings = []
    for polygon in land["arcs"]:
        for numbers in polygon:
            parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
            points = [point for i, part in enumerate(parts) for point in part[i > 0 :]]
            tenths = [[round(part * _TENTHS) for part in point] for point in points]
            ring = [point for point, _ in groupby(tenths)]
            if len(ring) >= _LEAST:
                rings.append(ring)
    return rings


if __name__ == "__main__":
    found = rings_of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    lines = ",\n".join(json.dumps(ring, separators=(",", ":")) for ring in found)
    _OUT.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{_OUT}: {len(found)} rings, {_OUT.stat().st_size:,} bytes")
