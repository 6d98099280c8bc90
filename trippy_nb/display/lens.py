"""The card of an exchange: the fields of a probe beside those that came back, or of one packet."""

from trippy_nb.analysis.lens import Exchange, Fate, FieldFate, Shown
from trippy_nb.display.sheet import Column, Row, Sheet, sheet_html, sheet_text
from trippy_nb.display.words import MISSING, count_text

_BYTE = 8


def lens_text(exchange: Exchange) -> str:
    """Spell an exchange for a terminal."""
    return sheet_text(lens_sheet(exchange))


def lens_html(exchange: Exchange) -> str:
    """Spell an exchange as HTML that passes the sanitiser of an untrusted notebook."""
    return sheet_html(lens_sheet(exchange))


def lens_sheet(exchange: Exchange) -> Sheet:
    """Make the card: the first answer that can be compared with the probe, else the first packet."""
    compared = next((shown for shown in exchange.packets if shown.fates), None)
    facts = tuple((shown.title, shown.says) for shown in exchange.packets)
    if compared is None:
        return _fields_sheet(exchange, exchange.packets[0], facts)
    columns = (
        Column("Layer"),
        Column("Field"),
        Column("Sent", wraps=True),
        Column("Came back", wraps=True),
        Column("Fate"),
        Column("What it means", wraps=True),
    )
    rows = tuple(_fate_row(fate, before) for before, fate in _with_layer_before(compared.fates))
    others = sum(1 for shown in exchange.packets if shown.fates) - 1
    note = f"{count_text(others, 'more answer')}: see the widget." if others else ""
    return Sheet(exchange.title, "", facts, columns, rows, note)


def _with_layer_before(fates: tuple[FieldFate, ...]) -> list[tuple[str, FieldFate]]:
    return list(zip(("", *(fate.layer for fate in fates)), fates, strict=False))


def _fate_row(fate: FieldFate, layer_before: str) -> Row:
    return Row(
        cells=(
            ("" if fate.layer == layer_before else fate.layer,),
            (fate.name,),
            (fate.sent or MISSING,),
            (fate.quoted or MISSING,),
            (fate.fate,),
            (fate.says,),
        ),
        muted=fate.fate is Fate.CUT,
        marked=(4,) if fate.fate is Fate.CHANGED else (),
    )


def _fields_sheet(exchange: Exchange, shown: Shown, facts: tuple[tuple[str, str], ...]) -> Sheet:
    columns = (
        Column("Layer"),
        Column("Field"),
        Column("Value", wraps=True),
        Column("Bytes"),
        Column("Defined in"),
    )
    found = shown.anatomy
    rows = []
    before = -1
    for field in found.fields:
        first, last = field.bit // _BYTE, (field.bit + field.bits - 1) // _BYTE
        layer = found.layers[field.layer]
        title = f"{layer.title}, quoted" if layer.quoted else layer.title
        rows.append(
            Row(
                (
                    ("" if field.layer == before else title,),
                    (field.name,),
                    (field.value,),
                    (str(first) if first == last else f"{first} to {last}",),
                    (field.rfc or MISSING,),
                )
            )
        )
        before = field.layer
    return Sheet(exchange.title, "", facts, columns, tuple(rows))
