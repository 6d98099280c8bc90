"""How smoothly the explorer's focus window moves: frames a second while the brush is dragged.

Run: python benchmarks/bench_explore.py [hops] [rounds]

A made run of 100 hops and 1,000 rounds stands in a bare page of a real browser (software rendering, so a
graphics card does better). The window is dragged over the timeline, a step for each frame of the browser;
printed are frames a second, how long one takes, and how much processor time of the page's own thread that is:
on a busy machine only the last tells anything.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.made import made_run
from tests.browser.bare import bare_page
from tests.browser.chromium import chromium, visit

STEPS = 120
DRAG = """async steps => {
  const canvas = document.querySelector('.tnb-time'), box = canvas.getBoundingClientRect();
  const y = box.top + 40, x = i => box.left + 60 + (box.width - 220) * (0.1 + 0.8 * i / steps);
  const fire = (type, i) => canvas.dispatchEvent(new PointerEvent(type,
    { clientX: x(i), clientY: y, button: 0, pointerId: 1, bubbles: true }));
  canvas.setPointerCapture = () => {};
  const frame = () => new Promise(requestAnimationFrame);
  fire('pointerdown', 0);
  await frame();
  const begin = performance.now();
  for (let i = 1; i <= steps; i++) {
    fire('pointermove', i);
    await frame();
  }
  const took = performance.now() - begin;
  fire('pointerup', steps);
  return [1000 * steps / took, took / steps];
}"""


def main_thread_ms(events: list[dict[str, Any]]) -> float:
    """Sum the processor time of the tasks of the page's main thread."""
    main = {(one["pid"], one["tid"]) for one in events if one["args"].get("name") == "CrRendererMain"}
    tasks = (one for one in events if (one["pid"], one["tid"]) in main and one["name"] == "RunTask")
    total_us: int = sum(one.get("tdur", 0) for one in tasks)
    return total_us / 1000


def main() -> None:
    hops, rounds = (int(word) for word in (*sys.argv[1:], "100", "1000")[:2])
    run = made_run(hops, rounds)
    print(f"{hops} hops, {len(run.probes):,} probes")
    with (
        TemporaryDirectory() as folder,
        chromium() as browser,
        visit(browser, width=1200, height=900) as here,
    ):
        page = Path(folder) / "explorer.html"
        page.write_text(bare_page(run.explore()), encoding="utf-8")
        here.page.goto(page.as_uri())
        here.page.wait_for_selector(".tnb-box", state="attached")
        here.page.locator(".tnb-timeline").scroll_into_view_if_needed()
        for _ in range(3):
            browser.start_tracing(page=here.page, categories=["disabled-by-default-devtools.timeline"])
            rate, each_ms = here.page.evaluate(DRAG, STEPS)
            busy_ms = main_thread_ms(json.loads(browser.stop_tracing())["traceEvents"]) / STEPS
            print(
                f"  {rate:5.1f} frames a second, {each_ms:5.1f} ms each, {busy_ms:5.1f} ms of its processor"
            )


if __name__ == "__main__":
    main()
