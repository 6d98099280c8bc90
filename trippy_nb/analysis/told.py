"""How a finding shows itself: what it says, and the table that it rests on."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd


class Told:
    """Something with a sentence and a table, at a prompt and in a notebook."""

    __slots__ = ()

    @property
    def said(self) -> tuple[str, pd.DataFrame]:
        """The sentence, and the table without what is the same in every row."""
        raise NotImplementedError

    def __repr__(self) -> str:
        sentence, table = self.said
        return sentence if table.empty else f"{sentence}\n\n{_filled(table).to_string(index=False)}"

    def _repr_html_(self) -> str:
        sentence, table = self.said
        told = f"<p>{escape(sentence)}</p>"
        return told if table.empty else told + _filled(table).to_html(index=False, border=0)


def plural(count: int, noun: str) -> str:
    """Return the noun as it stands behind a number."""
    return noun if count == 1 else f"{noun}s"


def either(numbers: Sequence[int], noun: str) -> str:
    """Name a count that may be one of several: ``3 or 4 hops``."""
    listed = [", ".join(map(str, numbers[:-1])), str(numbers[-1])]
    return f"{' or '.join(filter(None, listed))} {plural(numbers[-1], noun)}"


def target_text(run: Mapping[Any, Any]) -> str:
    """Name the target of a row of RUNS: as it was asked for, with its address; or what is known of it."""
    name, addr = (value if isinstance(value, str) else None for value in (run["target"], run["dst_addr"]))
    if name is None or addr is None or name == addr:
        return name or addr or "an unknown target"
    return f"{name} ({addr})"


def _filled(table: pd.DataFrame) -> pd.DataFrame:
    """Leave empty what is missing."""
    return table.astype(object).where(table.notna(), "")
