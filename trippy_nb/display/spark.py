"""Sparklines: the RTTs of one hop in the order of sending, as text and as an SVG inside a data URI.

An image cannot inherit the page's colours, so these are mid tones that keep 3:1 on white and on #111
(Okabe-Ito blue and vermillion, as `theme.css`).
"""

import base64
import math
from collections.abc import Sequence

from trippy_nb.display.words import count_text, decimals_for, ms_text

WIDTH, HEIGHT = 96, 18
SAMPLES = 60
"""The latest so many are drawn: more would be less than two pixels apart."""

_BLUE, _VERMILLION, _GREY = "#3a86c8", "#d55e00", "#808080"
_BARS = "▁▂▃▄▅▆▇█"
_TEXT_SAMPLES = 20
_LOST, _UNTIMED = "×", "·"


def spark_text(samples_ms: Sequence[float | None], top_ms: float) -> str:
    """Draw with block characters; a cross for a probe that nobody answered, a dot for an answer without RTT.

    None stands for the first, NaN for the second, here and below.
    """
    return "".join(_bar(sample, top_ms) for sample in samples_ms[-_TEXT_SAMPLES:])


def _bar(sample_ms: float | None, top_ms: float) -> str:
    if sample_ms is None:
        return _LOST
    if math.isnan(sample_ms):
        return _UNTIMED
    share = sample_ms / top_ms if top_ms > 0 else 0.0
    return _BARS[min(len(_BARS) - 1, max(0, int(share * len(_BARS))))]


def spark_words(samples_ms: Sequence[float | None]) -> str:
    """Say in words what the picture shows, for those who do not see it."""
    shown = samples_ms[-SAMPLES:]
    known = [sample for sample in shown if sample is not None and not math.isnan(sample)]
    if not shown:
        return "no probes"
    answered = [sample for sample in shown if sample is not None]
    lost = f"{len(shown) - len(answered)} of {count_text(len(shown), 'probe')} unanswered"
    if len(answered) > len(known):
        lost += f", {count_text(len(answered) - len(known), 'answer')} without RTT"
    if not known:
        return lost
    decimals = decimals_for(known)
    return f"RTT from {ms_text(min(known), decimals)} to {ms_text(max(known), decimals)} ms, {lost}"


def spark_uri(samples_ms: Sequence[float | None], top_ms: float) -> str:
    """Draw as SVG, in a ``data:image/svg+xml;base64,`` URI."""
    picture = base64.b64encode(_svg(samples_ms[-SAMPLES:], top_ms)).decode("ascii")
    return f"data:image/svg+xml;base64,{picture}"


def _svg(samples_ms: Sequence[float | None], top_ms: float) -> bytes:
    step = min(8.0, (WIDTH - 4) / max(1, len(samples_ms) - 1))
    line: list[str] = []
    dots: list[str] = []
    lost: list[str] = []
    untimed: list[str] = []
    pen = "M"
    for i, sample in enumerate(samples_ms):
        x = f"{2 + i * step:.1f}"
        if sample is None or math.isnan(sample):
            place = lost if sample is None else untimed
            place.append(f"M{x} {HEIGHT - 4}v3" if sample is None else f"M{x} {HEIGHT - 2}h0")
            pen = "M"
            continue
        share = min(1.0, max(0.0, sample / top_ms)) if top_ms > 0 else 0.0
        y = f"{HEIGHT - 5 - share * (HEIGHT - 8):.1f}"
        line.append(f"{pen}{x} {y}")
        dots.append(f"M{x} {y}h0")
        pen = "L"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" fill="none" '
        f'stroke-linecap="round"><path stroke="{_BLUE}" stroke-opacity=".55" d="{"".join(line)}"/>'
        f'<path stroke="{_BLUE}" stroke-width="2.2" d="{"".join(dots)}"/>'
        f'<path stroke="{_VERMILLION}" stroke-width="1.6" d="{"".join(lost)}"/>'
        + (f'<path stroke="{_GREY}" stroke-width="2.2" d="{"".join(untimed)}"/>' if untimed else "")
        + "</svg>"
    ).encode("ascii")
