"""A frame that shows itself as a card: any DataFrame, until something is made of it.

What pandas makes of it (a selection, a copy, a merge) is a plain DataFrame again: a card speaks of
the whole, and of this moment.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import pandas as pd

from trippy_nb.display.sheet import Sheet, sheet_html, sheet_text
from trippy_nb.display.words import count_text

SheetOf = Callable[[pd.DataFrame], Sheet]


class CardFrame(pd.DataFrame):
    """A DataFrame with a card in place of its table.

    Parameters
    ----------
    frame
        The data.
    sheet_of
        Makes the card of the data as they are when it is shown; a function of a module, so that the frame
        can be pickled.
    """

    _metadata: ClassVar[list[str]] = ["_sheet_of"]

    def __init__(self, frame: pd.DataFrame, sheet_of: SheetOf) -> None:
        super().__init__(frame)  # type: ignore[call-arg]  # pandas' stubs have a __new__ only
        self._sheet_of = sheet_of

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the data and the name of the function."""
        return type(self), (pd.DataFrame(self), self._sheet_of)

    def _card(self) -> Sheet | None:
        try:
            sheet = self._sheet_of(self)
        except (KeyError, AttributeError, TypeError, ValueError):  # its columns were changed in place
            return None
        size = f"A frame: {count_text(len(self), 'row')} of {', '.join(map(str, self.columns))}."
        note = f"{sheet.note} {size}" if sheet.note else size
        return Sheet(sheet.title, sheet.sentence, sheet.facts, sheet.columns, sheet.rows, note)

    def __repr__(self) -> str:
        """Return the card as plain text."""
        card = self._card()
        return super().__repr__() if card is None else sheet_text(card)

    def _repr_html_(self) -> str | None:
        card = self._card()
        return pd.DataFrame(self)._repr_html_() if card is None else sheet_html(card)  # type: ignore[operator]  # the stubs leave it out
