"""Round-trip times over time: every answer a dot, every silence a tick, levels and changes."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy

from trippy_nb.analysis.timeline import Timeline
from trippy_nb.plots.hopaxis import responder_words
from trippy_nb.plots.theme import (
    MANY,
    SMALL_PT,
    WIDTH_IN,
    Look,
    Theme,
    add_legend,
    counted,
    dress,
    new_axes,
    set_title,
    theme_of,
)
from trippy_nb.plots.timeaxis import across, change_words, dress_rtt, dress_time, mark_moments

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from trippy_nb.analysis.arrays import Floats

_HEIGHT_IN = 3.6
_STRIP_IN, _WORDS_IN = 0.14, 0.15
"""Height of a strip above the picture, where silence is told, and of a line of words."""
_MOST_SHIFTS = 12
_FAINT_FROM = 400  # dots of a hop; more hide each other


def plot_timeline(timeline: Timeline, *, ax: "Axes | None" = None) -> "Axes":
    """Draw RTTs over time.

    Parameters
    ----------
    timeline
        As `analysis.timeline` makes it.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A dot for each answer (hollow if late), a tick above the picture for each probe that nobody
        answered. Lines: levels between changes in RTT, with the shift in ms. Dashed: changes of path.
        No dot is left out; of very many, vector files hold a picture.
    """
    if ax is None:
        ax = new_axes(WIDTH_IN, _HEIGHT_IN)
    theme, ttls = theme_of(ax), timeline.ttls
    looks = {ttl: theme.look(number) for number, ttl in enumerate(ttls)}
    x = across(timeline.probes["place"], timed=timeline.is_timed)
    handles, strips = [], 0
    for ttl in ttls:
        mine = (timeline.probes["ttl"] == ttl).to_numpy()
        part = timeline.probes.loc[mine]
        _draw_answers(ax, x[mine], part, looks[ttl], theme)
        strips += _draw_silence(ax, x[mine], part, (strips + 0.6) * _STRIP_IN, theme, several=len(ttls) > 1)
        handles.append(_handle(part, ttl, looks[ttl]))
    _draw_levels(ax, timeline, theme)
    dress(ax, theme)
    dress_time(ax, theme, x, timed=timeline.is_timed)
    dress_rtt(ax, theme, timeline.probes["rtt_ms"])
    above_in = (strips + 0.3) * _STRIP_IN if strips else 0.0
    _mark_breaks(ax, timeline, theme, above_in=above_in + 0.03)
    add_legend(ax, handles + _more_handles(timeline, theme), theme, below_in=0.52)
    set_title(ax, theme, _title(timeline), above_in=above_in + (_WORDS_IN if len(timeline.breaks) else 0.0))
    return ax


def _draw_answers(
    ax: "Axes",
    x: "Floats",
    part: "pd.DataFrame",
    look: Look,
    theme: Theme,
) -> None:
    late = (part["fate"] == "late").to_numpy()
    y = part["rtt_ms"].to_numpy(dtype=np.float64)
    in_time = ~late & ~np.isnan(y)
    few = in_time.sum() <= _FAINT_FROM
    ax.plot(
        x[in_time],
        y[in_time],
        linestyle="",
        marker=look.marker,
        markersize=3.0 if few else 2.2,
        markeredgewidth=0,
        color=look.colour,
        alpha=0.75 if few else 0.45,
        rasterized=bool(in_time.sum() > MANY),
        zorder=3,
        label="answer",
    )
    if late.any():
        ax.plot(
            x[late],
            y[late],
            linestyle="",
            marker=look.marker,
            markersize=5,
            markerfacecolor=theme.background,
            markeredgecolor=look.colour,
            rasterized=bool(late.sum() > MANY),
            zorder=3.2,
            label="late answer",
        )


def _draw_silence(
    ax: "Axes",
    x: "Floats",
    part: "pd.DataFrame",
    above_in: float,
    theme: Theme,
    *,
    several: bool,
) -> bool:
    """Tell what nobody answered in a strip above the picture: it has no time to be drawn at."""
    silent = (part["fate"] == "timeout").to_numpy()
    if not silent.any():
        return False
    figure = ax.get_figure(root=True)
    strip = offset_copy(ax.get_xaxis_transform(), fig=figure, y=above_in, units="inches")
    ax.plot(
        x[silent],
        np.ones(silent.sum()),
        linestyle="",
        marker="|",
        markersize=7,
        markeredgewidth=1.1,
        color=theme.ink,
        transform=strip,
        clip_on=False,
        rasterized=bool(silent.sum() > MANY),
        zorder=4,
        label="unanswered",
    )
    hop = f"hop {part['ttl'].iloc[0]}: " if several else ""
    ax.text(
        1.01,
        1.0,
        f"{hop}{silent.sum():,} of {len(part):,} unanswered",
        transform=offset_copy(ax.transAxes, fig=figure, y=above_in, units="inches"),
        va="center_baseline",
        fontsize=SMALL_PT,
        color=theme.ink,
    )
    return True


def _draw_levels(ax: "Axes", timeline: Timeline, theme: Theme) -> None:
    for row in timeline.levels.to_dict("records"):
        ends = across(np.array([row["start"], row["end"]]), timed=timeline.is_timed)
        ax.plot(ends, [row["level_ms"]] * 2, color=theme.ink, linewidth=1.2, zorder=3.6, label="level")
    largest = timeline.shifts["shift_ms"].abs().sort_values(ascending=False, kind="stable").index
    for row in timeline.shifts.loc[largest[:_MOST_SHIFTS]].to_dict("records"):
        (x,) = across(np.array([row["place"]]), timed=timeline.is_timed)
        ax.annotate(
            f"{row['shift_ms']:+.3g} ms".replace("-", "\N{MINUS SIGN}"),
            (x, row["level_ms"]),
            xytext=(3, 4),
            textcoords="offset points",
            va="bottom",
            fontsize=SMALL_PT,
            fontweight="bold",
            color=theme.ink,
            bbox={
                "boxstyle": "round,pad=0.15",
                "facecolor": theme.background,
                "edgecolor": "none",
                "alpha": 0.8,
            },
            zorder=5,
        )


def _mark_breaks(ax: "Axes", timeline: Timeline, theme: Theme, *, above_in: float) -> None:
    x = across(timeline.breaks["place"], timed=timeline.is_timed)
    rows = timeline.breaks.to_dict("records")
    words = [change_words(row["kind"], row["first_ttl"], row["last_ttl"]) for row in rows]
    mark_moments(ax, theme, zip(x.tolist(), words, strict=True), above_in=above_in)


def _handle(part: "pd.DataFrame", ttl: int, look: Look) -> Line2D:
    addrs = part["addr"].dropna().value_counts().index.tolist()
    words = f"hop {ttl}: {responder_words(addrs)}"
    return Line2D([], [], linestyle="", marker=look.marker, markersize=4, color=look.colour, label=words)


def _more_handles(timeline: Timeline, theme: Theme) -> list[Line2D]:
    handles = []
    if (timeline.probes["fate"] == "late").any():
        style = {"marker": "o", "markersize": 5, "markerfacecolor": "none", "markeredgecolor": theme.muted}
        handles.append(Line2D([], [], linestyle="", label="late answer", **style))  # type: ignore[arg-type]  # of mixed types
    if (timeline.probes["fate"] == "timeout").any():
        handles.append(
            Line2D([], [], linestyle="", marker="|", markersize=7, color=theme.ink, label="unanswered")
        )
    if len(timeline.levels):
        handles.append(Line2D([], [], color=theme.ink, linewidth=1.6, label="level"))
    if len(timeline.breaks):
        handles.append(
            Line2D([], [], color=theme.ink, linewidth=0.9, linestyle=(0, (4, 2)), label="change of path")
        )
    return handles


def _title(timeline: Timeline) -> str:
    answered = timeline.probes["fate"].isin(("reply", "late"))
    answers = int(answered.sum())
    untimed = int((answered & timeline.probes["rtt_ms"].isna()).sum())
    who = {"target": "The target", "last": "The target never answered: the farthest responder"}
    words = f"{who.get(timeline.about, 'Hops asked for')}; {counted(answers, 'answer')}"
    if untimed:
        words += f", {untimed} of them without a round-trip time"
    if timeline.about == "nobody":
        words = "No hop answered; shown is the first that was probed"
    if timeline.left_out:
        probes = counted(timeline.left_out, "probe")
        words += f"; {probes} left out, of which nobody knows when they were sent"
    return words
