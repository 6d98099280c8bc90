"""Draw every plot and photograph every widget, light and dark: `PYTHONPATH=. python docs/gallery.py`.

Writes docs/pictures/gallery and the page that shows them in pairs, docs/gallery.md. Widgets need chromium;
without it, or with `--plots`, their pictures stay as they are.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from draw import pictures, save, shrink
from photograph import photograph, widgets

from tests.browser.chromium import chromium
from tests.needs import has
from trippy_nb.model import Settings, use_settings
from trippy_nb.plots import DARK, LIGHT

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
    "handles": "run.plot.handles()",
    "live": "tn.live('target.example')",
    "lens": "run.lens(ttl=4)",
    "explore": "run.explore()",
    "compare": "tn.compare(before, after).explore()",
    "player": "tn.play('nested-diamonds')",
    "settings": "tn.settings()",
    "handles-live": "tn.handles(live=True)",
}
"""What makes each, in the order of the page; one that is missing here is an error."""


def _draw() -> None:
    drawn = pictures()
    for theme in (LIGHT, DARK):
        use_settings(Settings(theme=theme.name))
        for name, draw in drawn.items():
            save(draw(), _OUT / f"{name}-{theme.name}.png", width=_WIDTH, colours=_COLOURS)
    use_settings(Settings())


def _photograph() -> None:
    with chromium() as browser:
        for name, width, widget in widgets():
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
    drawn = {path.name.removesuffix("-light.png") for path in _OUT.glob("*-light.png")}
    if drawn != _CALLS.keys():
        raise KeyError(f"a picture without a caption, or a caption without one: {drawn ^ _CALLS.keys()}")
    for name, call in _CALLS.items():
        pair = [f"![{name}, {theme}](pictures/gallery/{name}-{theme}.png)" for theme in ("light", "dark")]
        lines += [f"| `{call}` | |", f"| {' | '.join(pair)} |"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    _OUT.mkdir(exist_ok=True)
    _draw()
    if "--plots" not in sys.argv and has("chromium"):
        _photograph()
    (_HERE / "gallery.md").write_text(_page(), encoding="utf-8")
    sizes = {path.name: path.stat().st_size for path in sorted(_OUT.glob("*.png"))}
    print(f"{len(sizes)} pictures, {sum(sizes.values()):,} bytes; the largest: {max(sizes.values()):,}")
