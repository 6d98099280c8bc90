"""Draw every plot and photograph every widget, light and dark: `PYTHONPATH=. python docs/gallery.py`.

Writes docs/pictures/gallery and the page that shows them in pairs, docs/gallery.md. Widgets need chromium;
without it, or with `--plots`, their pictures stay as they are.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from draw import pictures, save, shrink
from photograph import photograph, widgets

import trippy_nb as tn
from tests.browser.chromium import chromium
from tests.needs import has
from trippy_nb.plots import DARK, LIGHT, new_axes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trippy_nb.widgets.base import CardWidget

_HERE = Path(__file__).parent
_OUT = _HERE / "pictures" / "gallery"
_WIDTH, _COLOURS = 760, 64
_CALLS = {
    "graph": "run.plot.graph(direction='across', asns=...)",
    "graph-tunnel": "run.plot.graph(asns=...)",
    "graph-loss": "run.plot.graph(colour='loss')",
    "flows": "run.plot.flows()",
    "flows-silent": "run.plot.flows(), a balancer before silent hops",
    "map": "run.plot.map(positions)",
    "packet": "run.plot.packet(ttl=4)",
    "timeline": "run.plot.timeline()",
    "loss": "run.plot.loss()",
    "paths": "run.plot.paths()",
    "discovery": "run.plot.discovery()",
    "latency": "run.plot.latency()",
    "ridge": "run.plot.distribution()",
    "ecdf": "run.plot.distribution('ecdf')",
    "smoke": "run.plot.distribution('smoke')",
    "comparison": "tn.compare(before, after).plot()",
    "handles": "tn.handles.plot()",
    "live": "tn.live('target.example')",
    "lens": "run.lens(ttl=4)",
    "explorer": "run.explore()",
    "compare": "tn.compare(before, after).explore()",
}


def _more_widgets() -> Iterator[tuple[str, int, CardWidget]]:
    """Make those that no other page shows."""
    flap = tn.trace("target.example", network=tn.sim.load("case-44-flap"), rounds=120, protocol="icmp")
    yield "explorer", 1160, flap.explore()
    change = tn.trace("target.example", network=tn.sim.load("case-43-change"), rounds=120, protocol="icmp")
    yield "compare", 1160, tn.compare(change.between(0, 30), change.between(30)).explore()


def _draw() -> None:
    drawn = pictures()
    for theme in (LIGHT, DARK):
        # Pictures make Axes of a size of their own, which are light unless somebody says so here.
        new_axes.__kwdefaults__["theme"] = theme
        for name, draw in drawn.items():
            save(draw(), _OUT / f"{name}-{theme.name}.png", width=_WIDTH, colours=_COLOURS)
    new_axes.__kwdefaults__["theme"] = LIGHT


def _photograph() -> None:
    with chromium() as browser:
        seen: set[str] = set()
        for name, width, widget in (*widgets(), *_more_widgets()):
            if name in seen:
                continue
            seen.add(name)
            for theme in (LIGHT, DARK):
                shot = photograph(browser, widget, width, dark=theme is DARK)
                out = _OUT / f"{name}-{theme.name}.png"
                shrink(io.BytesIO(shot), out, width=_WIDTH, colours=_COLOURS)
            widget.close()


def _page() -> str:
    lines = [
        "# Gallery",
        "",
        "<!-- Made by docs/gallery.py: change that, not this page. -->",
        "",
        "Every picture and every widget, light and dark. [plots.md](plots.md) says how to read the pictures,",
        "[live.md](live.md) and [lens.md](lens.md) what the widgets do. The built-in internet is traced, and",
        "`PYTHONPATH=. python docs/gallery.py` makes all of it again.",
        "",
        "| light | dark |",
        "|---|---|",
    ]
    names = [path.name.removesuffix("-light.png") for path in _OUT.glob("*-light.png")]
    order = [*_CALLS, *sorted(set(names) - set(_CALLS))]
    for name in order:
        if name in names:
            pair = [f"![{name}, {theme}](pictures/gallery/{name}-{theme}.png)" for theme in ("light", "dark")]
            lines += [f"| `{_CALLS.get(name, name)}` | |", f"| {' | '.join(pair)} |"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    _OUT.mkdir(exist_ok=True)
    _draw()
    if "--plots" not in sys.argv and has("chromium"):
        _photograph()
    (_HERE / "gallery.md").write_text(_page(), encoding="utf-8")
    sizes = {path.name: path.stat().st_size for path in sorted(_OUT.glob("*.png"))}
    print(f"{len(sizes)} pictures, {sum(sizes.values()):,} bytes; the largest: {max(sizes.values()):,}")
