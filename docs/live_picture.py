"""Take the picture of the live view for docs/live.md, in a real browser.

Run: PYTHONPATH=. python docs/live_picture.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import trippy_nb as tn
from tests.browser.bare import bare_page
from tests.browser.chromium import chromium, visit


def main() -> None:
    """Trace, and take it while it still says Stop."""
    with TemporaryDirectory() as folder, chromium() as browser, visit(browser, width=860, height=640) as here:
        network = tn.sim.load("first-steps").paced(50)
        with tn.live("target.example", network=network, rounds=60) as live:
            live.wait()
            live.widget.say(live.widget.status["words"], running=True)
            page = Path(folder) / "live.html"
            page.write_text(bare_page(live.widget), encoding="utf-8")
        here.page.goto(page.as_uri())
        here.page.wait_for_selector(".tnb-box", state="attached")
        here.page.locator(".tnb").screenshot(path=Path(__file__).parent / "pictures" / "live.png")


if __name__ == "__main__":
    main()
