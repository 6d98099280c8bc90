"""Draw the pictures of docs/plots.md again, on the built-in internet: `python docs/draw.py [folder]`.

They are small: 128 colours are enough for flat ones, and keep a PNG below 60 kB.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import trippy_nb as tn
from trippy_nb.plots import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HERE = Path(__file__).parent / "pictures"
_SCENARIOS = Path(__file__).parents[1] / "data" / "scenarios"
_COLOURS = 128
_WIDTH = 1000


def _losing() -> tn.sim.SimNetwork:
    """Rush hour, and a link behind it that loses one packet in forty."""
    text = (_SCENARIOS / "rush-hour.toml").read_text()
    return tn.sim.SimNetwork(tn.sim.parse_scenario(text.replace('id = "core"', 'id = "core"\nloss = 0.025')))


def _pictures() -> dict[str, Axes]:
    rush = tn.trace("target.example", network=tn.sim.load("rush-hour"), rounds=600)
    flap = tn.trace("target.example", network=tn.sim.load("case-44-flap"), rounds=120, protocol="icmp")
    lossy = tn.trace("target.example", network=tn.sim.load("case-07-loss"), protocol="udp", rounds=300)
    found = tn.discover("target.example", network=tn.sim.load("nested-diamonds"))
    busy = tn.trace("target.example", network=_losing(), rounds=600)
    return {
        "timeline": flap.plot.timeline(),
        "loss": lossy.plot.loss(),
        "paths": flap.plot.paths(),
        "discovery": found.plot.discovery(),
        "ridge": rush.plot.distribution("ridge"),
        "ecdf": rush.plot.distribution("ecdf"),
        "smoke": busy.plot.distribution("smoke"),
    }


def _save(axes: Axes, path: Path) -> None:
    out = BytesIO()
    save_figure(axes, out)
    with Image.open(out) as image:
        small = image.convert("RGB")
        small.thumbnail((_WIDTH, 10 * _WIDTH), Image.Resampling.LANCZOS)
        small.quantize(_COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else _HERE
    for name, axes in _pictures().items():
        _save(axes, folder / f"plot-{name}.png")
        print(folder / f"plot-{name}.png")
