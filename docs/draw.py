"""Draw the pictures of docs/plots.md again, on the built-in internet: `PYTHONPATH=. python docs/draw.py`.

They are small: 128 colours are enough for flat ones, and keep a PNG below 60 kB. `docs/gallery.py` draws them
in light and dark. A folder may be named, to draw them there.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import trippy_nb as tn
from tests.plots.test_handles import SEVEN
from trippy_nb.frames import handles_frame
from trippy_nb.plots import plot_handles, save_figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

_HERE = Path(__file__).parent / "pictures"
_SCENARIOS = Path(__file__).parents[1] / "data" / "scenarios"
_COLOURS = 128
_WIDTH = 1000
_MOST_BYTES, _FEW = 60_000, 16
_NUMBERS = {"203.0.113.2": 64496, "203.0.113.3": 64496, "203.0.113.4": 64496, "203.0.113.5": 64496,
            "203.0.113.6": 64496, "203.0.113.7": 64497, "198.51.100.80": 64498}  # fmt: skip
_INSIDE = dict.fromkeys(["203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5", "203.0.113.7"], 64496)
_INSIDE |= {"203.0.113.6": 64497, "198.51.100.80": 64497}
_POSITIONS = {
    "source": (52.5, 13.4),  # Berlin
    "192.0.2.1": (52.5, 13.4),
    "203.0.113.2": (53.6, 10.0),  # Hamburg
    "203.0.113.3": (52.4, 4.9),  # Amsterdam
    "203.0.113.4": (50.8, 4.4),  # Brussels
    "203.0.113.5": (51.5, -0.1),  # London
    "203.0.113.7": (40.7, -74.0),  # New York: too far for its RTT
    "198.51.100.80": (43.7, -79.4),  # Toronto
}


def _losing() -> tn.sim.SimNetwork:
    """Rush hour, and a link behind it that loses one packet in forty."""
    text = (_SCENARIOS / "rush-hour.toml").read_text()
    return tn.sim.SimNetwork(tn.sim.parse_scenario(text.replace('id = "core"', 'id = "core"\nloss = 0.025')))


def pictures() -> dict[str, Callable[[], Axes]]:
    """Trace what is drawn, and return how to draw each."""

    def trace(scenario: str, **options: object) -> tn.Run:
        return tn.trace("target.example", network=tn.sim.load(scenario), **options)

    rush, lossy = trace("rush-hour", rounds=600), trace("case-07-loss", protocol="udp", rounds=300)
    flap = trace("case-44-flap", rounds=120, protocol="icmp")
    found = tn.discover("target.example", network=tn.sim.load("nested-diamonds"))
    silent = tn.discover("target.example", network=tn.sim.load("case-08-silent"))
    tunnel = trace("case-20-mpls-explicit", rounds=10, protocol="icmp")
    change = trace("case-43-change", rounds=120, protocol="icmp")
    nat = trace("case-15-nat-kept", rounds=1, protocol="udp")
    busy = tn.trace("target.example", network=_losing(), rounds=600)
    return {
        "graph": lambda: found.plot.graph(direction="across", asns=_INSIDE),
        "graph-tunnel": lambda: tunnel.plot.graph(asns=_NUMBERS),
        "graph-loss": lambda: lossy.plot.graph(colour="loss"),
        "flows": found.plot.flows,
        "flows-silent": silent.plot.flows,
        "map": lambda: tunnel.plot.map(_POSITIONS),
        "packet": lambda: nat.plot.packet(ttl=4),
        "timeline": flap.plot.timeline,
        "loss": lossy.plot.loss,
        "paths": flap.plot.paths,
        "discovery": found.plot.discovery,
        "latency": rush.plot.latency,
        "ridge": lambda: rush.plot.distribution("ridge"),
        "ecdf": lambda: rush.plot.distribution("ecdf"),
        "smoke": lambda: busy.plot.distribution("smoke"),
        "comparison": lambda: tn.compare(change.between(0, 30), change.between(30)).plot(),
        "handles": lambda: plot_handles(handles_frame(SEVEN)),
    }


def save(axes: Axes, path: Path, *, width: int = _WIDTH, colours: int = _COLOURS) -> None:
    """Write a small picture."""
    out = BytesIO()
    save_figure(axes, out)
    shrink(out, path, width=width, colours=colours)


def shrink(picture: BytesIO, path: Path, *, width: int, colours: int) -> None:
    """Write a picture no wider than this, with as many of so many colours as 60 kB hold."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
        small.thumbnail((width, 10 * width), Image.Resampling.LANCZOS)
        while True:
            # Rare colours are what a mark is told by: the usual method would spend all on shades of text.
            flat = small.quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=2)
            flat.save(path, optimize=True)
            if path.stat().st_size <= _MOST_BYTES or colours <= _FEW:
                return
            colours //= 2


_IN_PLOTS = (
    "graph",
    "graph-tunnel",
    "flows",
    "map",
    "packet",
    "timeline",
    "loss",
    "paths",
    "discovery",
    "ridge",
    "ecdf",
    "smoke",
)
"""Those on the page about pictures; the others have been drawn before, elsewhere."""

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else _HERE
    drawn = pictures()
    for name in _IN_PLOTS:
        save(drawn[name](), folder / f"plot-{name}.png")
        print(folder / f"plot-{name}.png")
