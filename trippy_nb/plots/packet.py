"""A packet as RFCs draw it: rows of 32 bits, every field as wide as it is long."""

from typing import TYPE_CHECKING, Any

from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from trippy_nb.analysis.lens import Exchange, Fate, FieldFate, Shown
from trippy_nb.errors import ConfigError
from trippy_nb.plots.packetrows import BYTE, WORD, PacketRows, fitting, pieces_of, rows_of, rows_spanned
from trippy_nb.plots.theme import (
    SMALL_PT,
    TEXT_PT,
    VERMILLION,
    Theme,
    add_legend,
    new_axes,
    say_empty,
    set_title,
    theme_of,
    width_in,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trippy_nb.wire.anatomy import Field

_BIT_IN, _ROW_IN = 0.225, 0.42
_TITLES_BITS = 7.4
"""What stands beside the rows, in bits: the names of layers to the left, offsets between."""
_LETTER_IN = 0.062  # of DejaVu Sans at _NAME_PT; measured
_NAME_PT, _LEAST_PT = 7.0, 3.5
_NOTE_IN = 0.15
_RULER = (0, 8, 16, 24, 31)


def plot_packet(exchange: Exchange, number: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw one packet of an exchange.

    Parameters
    ----------
    exchange
        As `analysis.lens.exchange` makes it.
    number
        Which packet: 0 is the probe, if it was kept. By default the first answer, if there is one.
    ax
        Where to draw; its background decides between light and dark.

    Returns
    -------
    ax
        A row for each 32 bits, a box for each field with its name and value; names that do not fit are their
        initials, and told below. Grey: quoted by the answer. Vermillion with a sign: what somebody changed on
        the way, and what was sent; dotted: what has to differ. A long field is torn.

    Raises
    ------
    ConfigError
        If there is no such packet.
    """
    shown = _chosen(exchange, number)
    rows = rows_of(shown)
    whole_in = (WORD + _TITLES_BITS) * _BIT_IN
    across_in = whole_in if ax is None else width_in(ax)
    if ax is None:
        height = max(rows.count, 1) * _ROW_IN
        ax = new_axes(whole_in, height + 1.3)
    theme = theme_of(ax)
    size = min(1.0, across_in / whole_in)
    marks = {
        fate.quoted_field: fate
        for fate in shown.fates
        if fate.quoted_field is not None and fate.fate is not Fate.SAME and fate.sent != fate.quoted
    }
    initials: dict[str, str] = {}
    for i, field in enumerate(shown.anatomy.fields):
        quoted = shown.anatomy.layers[field.layer].quoted
        _draw_field(ax, field, rows, marks.get(i), theme, quoted=quoted)
        _write_field(ax, field, rows, marks.get(i), theme, size=size, initials=initials)
    _draw_layers(ax, shown, rows, theme, size=size)
    _draw_ruler(ax, rows, theme, size=size)
    ax.set_xlim(-_TITLES_BITS, WORD + 0.15)
    ax.set_ylim(max(rows.count, 1) + 0.08, -0.55)
    ax.axis("off")
    if not shown.anatomy.fields:
        say_empty(ax, theme, "no bytes")
    _write_notes(ax, shown, initials, theme)
    add_legend(ax, _keys(shown, marks, theme), theme, below_in=0.1 + _NOTE_IN * len(_notes(shown, initials)))
    set_title(ax, theme, f"{exchange.title}. {shown.title}: {shown.says}", across_in=across_in)
    return ax


def _chosen(exchange: Exchange, number: int | None) -> Shown:
    last = len(exchange.packets) - 1
    place = min(1, last) if number is None else number
    if not 0 <= place <= last:
        raise ConfigError(f"there is no packet {number} here, only 0 to {last}")
    return exchange.packets[place]


def _draw_field(
    ax: "Axes", field: "Field", rows: PacketRows, fate: FieldFate | None, theme: Theme, *, quoted: bool
) -> None:
    kind = fate.fate if fate is not None else Fate.SAME
    changed = kind is Fate.CHANGED
    vertices: list[tuple[float, float]] = []
    codes: list[Any] = []
    for top, bottom, left, right in pieces_of(field, rows):
        vertices += [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        codes += [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    ax.add_patch(
        PathPatch(
            Path(vertices, codes),
            facecolor=(VERMILLION, 0.22) if changed else theme.faint if quoted else theme.background,
            edgecolor=VERMILLION if changed else theme.ink,
            linestyle=":" if kind is Fate.MUST else "solid",
            linewidth=1.8 if changed else 1.2 if kind is Fate.MUST else 0.7,
            zorder=3 if changed else 2.5 if kind is Fate.MUST else 2,
            label=field.key,
        )
    )
    for row in rows.torn & set(range(*rows_spanned(field, rows))):
        for end in (0, WORD):
            ax.text(
                end,
                row + 0.5,
                "≈",
                ha="center",
                va="center_baseline",
                fontsize=TEXT_PT + 2,
                color=theme.ink,
                zorder=5,
                bbox={"boxstyle": "square,pad=0.02", "facecolor": theme.background, "edgecolor": "none"},
            )


def _write_field(
    ax: "Axes",
    field: "Field",
    rows: PacketRows,
    fate: FieldFate | None,
    theme: Theme,
    *,
    size: float,
    initials: dict[str, str],
) -> None:
    """Write name, value and what was sent, in the largest box of the field."""
    top, bottom, left, right = max(
        pieces_of(field, rows), key=lambda box: ((box[1] - box[0]) * (box[3] - box[2]), -box[0])
    )
    letters = int((right - left) * _BIT_IN / _LETTER_IN)
    name = field.name
    if len(name) > letters:
        name = "".join(word[0] for word in field.name.split()).upper()
        initials[name] = field.name
    lines = [(name, theme.muted), (fitting(_plain(field.value), letters), theme.ink)]
    if fate is not None:
        sign = "≠ " if fate.fate is Fate.CHANGED else ""
        before = fitting(_plain(fate.sent), letters - 5 - len(sign)) if fate.sent else ""
        lines.append((f"{sign}sent {before}" if before else f"{sign}added", theme.ink))
    step = 0.29 if len(lines) > 2 else 0.36  # noqa: PLR2004 - shares of a row
    middle = (top + bottom) / 2 - step * (len(lines) - 1) / 2
    for i, (words, colour) in enumerate(lines):
        ax.text(
            (left + right) / 2,
            middle + i * step,
            words,
            ha="center",
            va="center",
            fontsize=max(_NAME_PT * size, _LEAST_PT),
            color=colour,
            fontweight="bold" if words.startswith("≠") else "normal",
            parse_math=False,
            zorder=4,
            in_layout=False,  # it fits in its box, and need not be measured
        )


def _plain(value: str) -> str:
    """Spell out what the font may lack: a router names its interfaces as it likes."""
    return value.encode("ascii", "backslashreplace").decode()


def _draw_layers(ax: "Axes", shown: Shown, rows: PacketRows, theme: Theme, *, size: float) -> None:
    """Name the layers to the left of their rows, quoted ones as such."""
    free_from = -1.0
    for number, layer in enumerate(shown.anatomy.layers):
        mine = [field for field in shown.anatomy.fields if field.layer == number]
        top, bottom = rows_spanned(mine[0], rows)[0], rows_spanned(mine[-1], rows)[1]
        ax.plot(
            [-1.75, -1.9, -1.9, -1.75],
            [top + 0.08, top + 0.08, bottom - 0.08, bottom - 0.08],
            color=theme.muted,
            linewidth=0.9,
            label=layer.title,
        )
        at = max((top + bottom) / 2, free_from)
        free_from = at + 0.9
        ax.text(
            -2.15,
            at,
            f"{layer.title},\nquoted" if layer.quoted else layer.title,
            ha="right",
            va="center",
            fontsize=max(SMALL_PT * size, _LEAST_PT),
            color=theme.ink,
        )


def _draw_ruler(ax: "Axes", rows: PacketRows, theme: Theme, *, size: float) -> None:
    """Number bits above, and bytes to the left."""
    style: dict[str, Any] = {"fontsize": max(_NAME_PT * size, _LEAST_PT), "color": theme.muted}
    for bit in _RULER:
        ax.text(bit + 0.5, -0.12, str(bit), ha="center", va="bottom", **style)
    ax.text(-2.15, -0.12, "byte, bit", ha="right", va="bottom", **style)
    for word, row in rows.at.items():
        ax.text(-0.3, row + 0.5, f"{word * WORD // BYTE:,}", ha="right", va="center", **style)


def _notes(shown: Shown, initials: dict[str, str]) -> list[str]:
    notes = []
    if initials:
        notes.append("; ".join(f"{short}: {name}" for short, name in initials.items()))
    cut = dict.fromkeys(fate.name for fate in shown.fates if fate.fate is Fate.CUT)
    if cut:
        notes.append(f"Not quoted: {', '.join(cut)}")
    return notes


def _write_notes(ax: "Axes", shown: Shown, initials: dict[str, str], theme: Theme) -> None:
    notes = _notes(shown, initials)
    if notes:
        ax.annotate(
            "\n".join(notes),
            (0, 0),
            xycoords="axes fraction",
            xytext=(0, -3),
            textcoords="offset points",
            va="top",
            fontsize=SMALL_PT,
            color=theme.muted,
            annotation_clip=False,
        )


def _keys(shown: Shown, marks: dict[int, FieldFate], theme: Theme) -> list[Patch]:
    fates = {fate.fate for fate in marks.values()}
    keys = []
    is_quote = any(layer.quoted for layer in shown.anatomy.layers)
    if is_quote:
        keys.append(Patch(facecolor=theme.faint, edgecolor=theme.ink, linewidth=0.7, label="quoted"))
    if Fate.CHANGED in fates:
        keys.append(
            Patch(
                facecolor=(VERMILLION, 0.22),
                edgecolor=VERMILLION,
                linewidth=1.8,
                label="≠ changed on the way",
            )
        )
    if Fate.MUST in fates:
        style = {"facecolor": theme.background, "edgecolor": theme.ink, "linestyle": ":"}
        words = "changed as every router does" if is_quote else "differs as it must"
        keys.append(Patch(label=words, **style))  # type: ignore[arg-type]  # of mixed types
    return keys
