"""One sheet, two spellings: a title, a sentence, facts and a table, as text and as HTML.

The HTML uses only what notebooks keep of an untrusted output: no script, no style element, no inline
SVG, no class that means anything; every word is escaped. Words have the page's own colour, light or dark: no
single one has enough contrast on both.
"""

import re
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

from trippy_nb.display.spark import HEIGHT, WIDTH
from trippy_nb.display.words import clean

_GAP = "  "
_OVERFLOW = "overflow-x:auto;overflow-wrap:break-word"
_RULE = "1px solid rgba(128,128,128,.3)"
_CELL = "padding:2px 5px;vertical-align:top;border:none;white-space:nowrap;background:none"
_LABEL = f"{_CELL};text-align:left;font-weight:normal;opacity:.7"
_PARTS = re.compile(r"(?<=[.:])(?=[^.:])")
_MARK = "background-color:rgba(213,94,0,.18);font-weight:600"
_LETTER_EM, _LEAST_EM, _MOST_EM = 0.6, 13, 30
"""How wide a letter is at most, and a column of names may become: what is beside it has to be seen, too."""


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column."""

    heading: str
    numeric: bool = False
    """Set to the right, in figures of equal width."""
    wraps: bool = False
    """Sentences: HTML may break their lines."""
    names: bool = False
    """Names and addresses: HTML may break their lines at each part, and keeps them short."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: for each column the lines of its cell."""

    cells: tuple[tuple[str, ...], ...]
    picture: tuple[str, str] | None = None
    """URI and description of an image that HTML shows in place of the last cell."""
    muted: bool = False
    marked: tuple[int, ...] = ()
    """Columns to draw the eye to."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What both spellings say."""

    title: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""


def sheet_text(sheet: Sheet) -> str:
    """Spell for a terminal; no line ends in a space, none holds a control character."""
    lines = [clean(line) for line in (sheet.title, sheet.sentence) if line]
    if sheet.facts:
        width = max(len(clean(label)) for label, _ in sheet.facts)
        lines += ["", *(f"{clean(label):<{width}}{_GAP}{clean(value)}" for label, value in sheet.facts)]
    if sheet.rows:
        lines += ["", *_grid(sheet)]
    if sheet.note:
        lines.append(clean(sheet.note))
    return "\n".join(line.rstrip() for line in lines)


def _grid(sheet: Sheet) -> list[str]:
    blocks: list[list[tuple[str, ...]]] = [[(clean(column.heading),) for column in sheet.columns]]
    blocks += [[tuple(clean(line) for line in cell) for cell in row.cells] for row in sheet.rows]
    widths = [max(len(line) for block in blocks for line in block[i]) for i in range(len(sheet.columns))]
    lines = []
    for block in blocks:
        for parts in zip_longest(*block, fillvalue=""):
            cells = zip(parts, widths, sheet.columns, strict=True)
            lines.append(_GAP.join(p.rjust(w) if c.numeric else p.ljust(w) for p, w, c in cells))
    return lines


def sheet_html(sheet: Sheet) -> str:
    """Spell as a fragment of HTML."""
    parts = [
        f'<div style="font-variant-numeric:tabular-nums;line-height:1.45;{_OVERFLOW}">',
        f'<div style="font-size:1.15em;font-weight:600">{_safe(sheet.title)}</div>',
        f'<div style="margin:2px 0 6px">{_safe(sheet.sentence)}</div>' if sheet.sentence else "",
        _facts_html(sheet.facts),
        _table_html(sheet),
    ]
    if sheet.note:
        parts.append(f'<div style="font-size:.9em;opacity:.7;margin-top:4px">{_safe(sheet.note)}</div>')
    parts.append("</div>")
    return "".join(parts)


def _safe(text: str) -> str:
    return escape(clean(text), quote=True)


def _breakable(text: str) -> str:
    """Let a name or an address be broken between its parts; what is copied holds none of it."""
    # Sanitisers take `overflow-wrap:anywhere` away, which would do.
    return "<wbr>".join(_safe(part) for part in _PARTS.split(text))


def _facts_html(facts: tuple[tuple[str, str], ...]) -> str:
    if not facts:
        return ""
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="{_LABEL}">{_safe(label)}</th>'
        f'<td style="{_CELL};text-align:left;white-space:normal">{_safe(value)}</td></tr>'
        for label, value in facts
    )
    return f'<table style="border-collapse:collapse;border:none;margin:0 0 8px">{rows}</table>'


def _table_html(sheet: Sheet) -> str:
    if not sheet.rows:
        return ""
    heads = "".join(
        f'<th scope="col" style="{_CELL};border-bottom:{_RULE};text-align:{_side(column)};opacity:.7">'
        f"{_safe(column.heading)}</th>"
        for column in sheet.columns
    )
    styles = [_column_style(sheet, i) for i in range(len(sheet.columns))]
    body = "".join(_row_html(row, sheet.columns, styles) for row in sheet.rows)
    return (
        '<table style="border-collapse:collapse;border:none;margin:0">'
        f'<thead><tr style="background:none">{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def _side(column: Column) -> str:
    return "right" if column.numeric else "left"


def _column_style(sheet: Sheet, i: int) -> str:
    """Return what the cells of a column have in common, but its head."""
    column = sheet.columns[i]
    style = f"{_CELL};border-bottom:{_RULE};text-align:{_side(column)}"
    if not column.wraps and not column.names:
        return style
    longest = max((len(line) for row in sheet.rows for line in row.cells[i]), default=0)
    least = min(round(longest * _LETTER_EM), _LEAST_EM)
    style += f";white-space:normal;min-width:{least}em"
    return f"{style};max-width:{_MOST_EM}em" if column.names else style


def _row_html(row: Row, columns: tuple[Column, ...], styles: list[str]) -> str:
    cells = []
    for i, (lines, column, common) in enumerate(zip(row.cells, columns, styles, strict=True)):
        style = common + (f";{_MARK}" if i in row.marked else ";opacity:.65" if row.muted else "")
        inner = "<br>".join(_breakable(line) if column.names else _safe(line) for line in lines)
        if row.picture is not None and i == len(styles) - 1:
            uri, words = row.picture
            inner = (
                f'<img src="{escape(uri)}" alt="{_safe(words)}" title="{_safe(words)}" width="{WIDTH}" '
                f'height="{HEIGHT}" style="vertical-align:middle;margin:0;max-width:none">'
            )
        tag = 'th scope="row"' if i == 0 else "td"
        weight = ";font-weight:normal" if i == 0 else ""
        cells.append(f'<{tag} style="{style}{weight}">{inner}</{tag.partition(" ")[0]}>')
    return f'<tr style="background:none">{"".join(cells)}</tr>'
