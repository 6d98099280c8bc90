"""Take the picture of the live view for docs/live.md, in a real browser.

Run: python benchmarks/picture_live.py [docs/pictures/live.png]
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

import trippy_nb as tn
from tests.browser.bare import bare_page
from tests.browser.chromium import chromium, visit


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures/live.png")
    with TemporaryDirectory() as folder, chromium() as browser, visit(browser, width=860, height=640) as here:
        network = tn.sim.load("first-steps").paced(50)
        with tn.live("target.example", network=network, rounds=60) as live:
            live.wait()
            live.widget.say(live.widget.status["words"], running=True)
            page = Path(folder) / "live.html"
            page.write_text(bare_page(live.widget), encoding="utf-8")
        here.page.goto(page.as_uri())
        here.page.wait_for_selector(".tnb-box", state="attached")
        here.page.locator(".tnb").screenshot(path=out)


if __name__ == "__main__":
    main()
