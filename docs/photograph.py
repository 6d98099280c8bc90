"""Photograph widgets for the docs, into `docs/pictures`. Needs chromium.

Run: PYTHONPATH=. python docs/photograph.py
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

import trippy_nb as tn
from tests.analysis.test_holdings import EPOCH_NS
from tests.browser.bare import bare_page
from tests.browser.chromium import chromium, visit
from tests.plots.test_handles import SEVEN
from trippy_nb.widgets import HandlesView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from trippy_nb.widgets.base import CardWidget

OUT = Path(__file__).parent / "pictures"
_BALANCED = Path(__file__).parents[1] / "data" / "scenarios" / "case-04-per-packet.toml"


def widgets() -> Iterator[tuple[str, int, CardWidget]]:
    """Make what is photographed: its name, and how wide the page is."""
    network = tn.sim.load("first-steps").paced(50)
    with tn.live("target.example", network=network, rounds=60) as live:
        live.wait()
        live.widget.say(live.widget.status["words"], running=True)
        yield "live", 860, live.widget

    run = tn.trace("target.example", network=tn.sim.load("first-steps"), rounds=120)
    yield "explore", 1000, run.explore()

    nat = tn.sim.load("case-15-nat-kept")  # the probe passed a translator
    lens = tn.lens(tn.trace("target.example", network=nat, rounds=1, protocol="udp"), ttl=4)
    fields = lens.view["packets"][1]["fields"]
    lens.selected = max(i for i, field in enumerate(fields) if field["key"] == "ip.source")
    yield "lens", 1160, lens
    yield "compare", 1280, _compared()

    player = tn.play("nested-diamonds")
    player.trace(rounds=12)
    player.selected = "r3"
    yield "player", 980, player
    yield "settings", 760, tn.settings()
    yield "handles-live", 980, HandlesView(lambda: SEVEN, now_ns=lambda: EPOCH_NS + 2_500_000_000)


def _compared() -> CardWidget:
    """A balancer of packets gets another branch, and the way behind it becomes 4 ms longer."""
    before = _BALANCED.read_text()
    after = before.replace('"203.0.113.2"', '"203.0.113.9"').replace('1ms"\n\n[[route]]', '3ms"\n\n[[route]]')
    networks = [tn.sim.SimNetwork(tn.sim.parse_scenario(text)) for text in (before, after)]
    one, two = (tn.trace("target.example", network=net, rounds=50, protocol="icmp") for net in networks)
    widget = tn.compare(one, two).explore(asns={"203.0.113.8": 64500, "198.51.100.80": 64511})
    widget.masked = [0]
    return widget


def photograph(browser: Browser, widget: CardWidget, width: int, *, dark: bool = False) -> bytes:
    """Show a widget in a bare page, and take its picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        visit(browser, width=width, height=810, dark=dark) as here,
    ):
        page = Path(folder) / "widget.html"
        page.write_text(bare_page(widget), encoding="utf-8")
        here.page.goto(page.as_uri())
        here.page.wait_for_function("window.ready")
        replay = here.page.get_by_role("button", name="Replay")
        if replay.count():
            replay.click()
            for key in ["PageUp"] * 100 + ["ArrowRight"] * 9:
                here.page.keyboard.press(key)
        here.page.wait_for_timeout(100)  # until what scrolls has scrolled
        return here.page.locator(".tnb").screenshot()


def main() -> None:
    """Take them all."""
    with chromium() as browser:
        for name, width, widget in widgets():
            out = OUT / f"{name}.png"
            picture = Image.open(io.BytesIO(photograph(browser, widget, width)))
            picture.convert("RGB").quantize(160).save(out, optimize=True)
            print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
