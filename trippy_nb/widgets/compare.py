"""The explorer of a comparison: two paths side by side, what changed, and by how much the RTT shifted."""

from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

import traitlets

from trippy_nb.display import (
    ComparisonCard,
    comparison_card,
    comparison_html,
    comparison_text,
    esm,
    stylesheet,
)
from trippy_nb.widgets.base import CardWidget

if TYPE_CHECKING:
    from trippy_nb.analysis import ComparisonTables


class CompareExplorer(CardWidget):
    """Explore a comparison of two runs.

    Parameters
    ----------
    comparison
        What `analysis.compare_tables` found.
    names
        Host name by address; of no use if a card is given, which has its own.
    card
        What to show; made from the comparison if not given.
    """

    _esm = esm("compare")
    _css = stylesheet()

    view = traitlets.Dict().tag(sync=True)
    """Aligned hops and words; constant."""
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Row of the aligned paths (`ComparisonTables.paths`) that is selected, or None. Two-way."""

    def __init__(
        self,
        comparison: "ComparisonTables",
        *,
        names: Mapping[str, str] | None = None,
        card: ComparisonCard | None = None,
    ) -> None:
        self.card = card if card is not None else comparison_card(comparison, names=names)
        hops = [{name: _finite(value) for name, value in asdict(hop).items()} for hop in self.card.hops]
        view = {
            "title": self.card.title,
            "verdict": self.card.verdict,
            "sides": list(self.card.sides),
            "hops": hops,
        }
        self._rows = len(hops)
        super().__init__(view=view)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Mapping[str, Any]) -> int | None:
        row: int | None = proposal["value"]
        if row is not None and not 0 <= row < self._rows:
            raise traitlets.TraitError(f"there is no row {row} here, only 0 to {self._rows - 1}")
        return row

    def _summary(self) -> str:
        return f"{self.card.title}, {self._rows} rows"

    def _card_text(self) -> str:
        return comparison_text(self.card)

    def _card_html(self) -> str:
        return comparison_html(self.card)


def _finite(value: Any) -> Any:  # noqa: ANN401 - fields of a card
    # JSON has no infinity and no NaN; browsers refuse the whole message.
    return None if isinstance(value, float) and not isfinite(value) else value
