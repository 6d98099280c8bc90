"""What tests of pictures have in common: odd runs, and reading artists back."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection
from matplotlib.colors import to_rgb
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text

from tests.analysis.handmade import TARGET, Row, a, probe, replaced, rounds, tables
from trippy_nb.frames import Tables

START_NS = 946_684_800_000_000_000  # 2000-01-01T00:00Z


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def diamond(count: int = 4, length: int = 13) -> Tables:
    """As many flows as branches, as long as real paths are."""
    rows: list[Row] = []
    for flow in range(count):
        way = [a(1), *(a(20 * ttl + flow) for ttl in range(2, length)), a(9), TARGET]
        rows += rounds(way, way, flow=flow)
    return tables(rows)


def odd_runs() -> dict[str, Tables]:
    return {
        "empty": tables([]),
        "one hop": tables(rounds([TARGET])),
        "all silent": tables(rounds([None] * 5)),
        "long": tables(rounds([a(n) for n in range(255)])),
        "no RTTs": tables([probe(0, 1, a(1), float("nan")), probe(0, 2, TARGET, float("nan"))]),
        "zero RTTs": tables([probe(0, 1, a(1), 0.0), probe(1, 1, a(1), 0.0)]),
        "loop": tables(rounds([a(1), a(2), a(2), a(1), a(2)])),
        "all refused": tables([probe(0, 1, None, status="send_error")]),
    }


def spots(points: Collection) -> list[list[float]]:
    """Where the marks of a scatter stand."""
    found: list[list[float]] = np.asarray(points.get_offsets(), dtype=float).tolist()
    return found


def drawn(ax: Axes) -> Axes:
    """Really draw: some mistakes only show then."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    return ax


def luminance(colour: str) -> float:
    """WCAG 2.1, relative luminance."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def legend(ax: Axes) -> Legend:
    found = ax.get_legend()
    assert found is not None
    return found


def overlapping(labels: list[Text], ax: Axes) -> list[tuple[str, str]]:
    drawn(ax)
    boxes = [(label.get_text(), label.get_window_extent()) for label in labels]
    return [(one, two) for (one, p), (two, q) in itertools.combinations(boxes, 2) if p.overlaps(q)]


def timed(made: Tables, step_s: float = 1.0) -> Tables:
    """The same probes, sent one round after another."""
    ns = made.probes["round"].to_numpy(dtype=np.int64) * int(step_s * 1e9)
    when = pd.DatetimeIndex(START_NS + ns + made.probes["ttl"].to_numpy(dtype=np.int64) * 1_000_000)
    return replaced(made, probes=made.probes.assign(sent_at=when.tz_localize("UTC")))


def lines(ax: Axes, label: str) -> list[Line2D]:
    """Lines of this label."""
    return [line for line in ax.lines if line.get_label() == label]


def points(line: Line2D) -> list[tuple[float, float]]:
    """Where a line goes."""
    xy = (np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float))
    return list(zip(*(one.tolist() for one in xy), strict=True))


def ways(ax: Axes, label: str) -> list[list[tuple[float, float]]]:
    """Lines that are drawn at once under this label, and where each goes."""
    (found,) = [one for one in ax.collections if one.get_label() == label]
    assert isinstance(found, LineCollection)
    return [[(float(x), float(y)) for x, y in np.asarray(way)] for way in found.get_segments()]


def keys(ax: Axes) -> list[str]:
    """What the legend explains."""
    found = ax.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def title(ax: Axes) -> str:
    return ax.get_title(loc="left").replace("\n", " ")
