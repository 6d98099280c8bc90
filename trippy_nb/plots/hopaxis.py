"""Hops from top to bottom, one a row, named by who answered; the same way in every picture."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from trippy_nb.frames.schema import PROBES
from trippy_nb.plots.theme import SMALL_PT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED_UP_TO = 40
"""Rows; of more, addresses would overlap."""


def responder_words(addrs: Sequence[str]) -> str:
    """Name who answered at a hop: the most frequent, and how many more; ``*`` if nobody."""
    if not addrs:
        return "*"
    return f"{addrs[0]} +{len(addrs) - 1}" if len(addrs) > 1 else addrs[0]


def dress_hops(ax: "Axes", ttls: Sequence[int], addrs: Mapping[int, Sequence[str]], theme: Theme) -> None:
    """Name the rows 0, 1, 2, ... of a picture by their hops."""
    ax.set_ylabel(PROBES.label("ttl"))
    ax.tick_params(axis="y", length=0)
    if len(ttls) <= _NAMED_UP_TO:
        ax.set_yticks(range(len(ttls)), [f"{responder_words(addrs.get(ttl, ()))}  {ttl}" for ttl in ttls])
    else:
        ax.yaxis.set_major_locator(MaxNLocator(nbins=20, integer=True))
        ax.yaxis.set_major_formatter(lambda y, _: str(ttls[round(y)]) if 0 <= round(y) < len(ttls) else "")
    for label in ax.get_yticklabels():
        label.set_fontsize(SMALL_PT)
        label.set_color(theme.ink)
