"""A discovery while it goes on, and when it is over: what each hop has shown, and what it may still hide."""

from typing import TYPE_CHECKING

from trippy_nb.display.sheet import Column, Row, Sheet
from trippy_nb.display.words import count_text, ratio_text

if TYPE_CHECKING:
    import pandas as pd

    from trippy_nb.analysis import Discovery

_BAR = 20
_FULL, _REST = "\N{BOX DRAWINGS HEAVY HORIZONTAL}", "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


def discovery_sheet(found: "Discovery", probes_by_ttl: "pd.Series[int]", *, target: str, over: bool) -> Sheet:
    """Make the card of a discovery.

    Parameters
    ----------
    found
        What was found so far.
    probes_by_ttl
        Probes sent, by TTL.
    target
        Where it goes.
    over
        It goes on no more.
    """
    rows = []
    for ttl, hop in found.by_ttl.iterrows():
        chance = float(hop["hidden_ratio"])
        silent = " and silence" if hop["silent"] else ""
        rows.append(
            Row(
                cells=(
                    (str(ttl),),
                    (count_text(int(hop["responders"]), "responder") + silent,),
                    (f"{int(probes_by_ttl.get(ttl, 0)):,}",),
                    (ratio_text(chance),),
                    ("" if chance != chance else _bar(1 - chance),),  # noqa: PLR0124 - NaN is not itself
                ),
                muted=not hop["responders"],
                marked=() if hop["complete"] else (3,),
            )
        )
    return Sheet(
        title=f"{'Discovery' if over else 'Discovering'} of every path to {target}",
        sentence=found.sentence,
        facts=(),
        columns=(
            Column("Hop", numeric=True),
            Column("Found"),
            Column("Probes", numeric=True),
            Column("Chance of a hidden branch", numeric=True),
            Column("How sure"),
        ),
        rows=tuple(rows),
        note="" if over or not rows else "Hops in bold are not asked often enough yet.",
    )


def _bar(share: float) -> str:
    full = int(_BAR * share)  # full only when it is certain
    return _FULL * full + _REST * (_BAR - full)
