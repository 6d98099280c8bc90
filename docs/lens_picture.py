"""Draw `docs/pictures/lens.png`: the packet lens on a probe that passed a translator. Needs chromium.

Run: PYTHONPATH=. python docs/lens_picture.py
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image

import trippy_nb as tn
from tests.browser.bare import bare_page
from tests.browser.chromium import chromium, visit

OUT = Path(__file__).parent / "pictures" / "lens.png"


def main() -> None:
    """Draw it."""
    network = tn.sim.load("case-15-nat-kept")
    run = tn.trace("target.example", network=network, rounds=1, protocol="udp")
    lens = tn.lens(run, ttl=4)
    fields = lens.view["packets"][1]["fields"]
    lens.selected = max(i for i, field in enumerate(fields) if field["key"] == "ip.source")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        page = Path(folder) / "lens.html"
        page.write_text(bare_page(lens), encoding="utf-8")
        with visit(browser, width=1160, height=810) as here:
            here.page.goto(page.as_uri())
            here.page.wait_for_function("window.ready")
            here.page.wait_for_timeout(100)  # until the tree has scrolled
            shot = here.page.locator(".tnb").screenshot()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(160).save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
