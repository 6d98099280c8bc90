"""The explorer of a comparison: two paths side by side, what changed, and by how much the RTT shifted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from trippy_nb.analysis import as_of, as_path, difference_text
from trippy_nb.display import comparison_card, comparison_html, comparison_text, esm, stylesheet
from trippy_nb.display.words import MISSING, count_text, shown_names
from trippy_nb.widgets.base import CardWidget

if TYPE_CHECKING:
    from trippy_nb.analysis import ComparisonTables, TurningHop

Systems = Mapping[str, Any] | pd.Series
_SHARES = "other shares"
"""A hop with a responder in common, where chance does not explain how often each answered."""
_LACKING = (("name", "name"), ("as", "known AS"))


class CompareExplorer(CardWidget):
    """Explore a comparison of two runs.

    Parameters
    ----------
    comparison
        What `analysis.compare_tables` found, with nothing left out.
    names
        Host name by address.
    asns
        Autonomous system by address, a dict or a Series.
    turning
        Hops that may be left out: what `analysis.turning_hops` found.
    compare
        Makes the comparison anew, without some of them.
    masked
        Numbers of those (in `turning`) that are left out from the start.
    """

    _esm = esm("compare")
    _css = stylesheet()

    view = traitlets.Dict().tag(sync=True)
    """Aligned hops and words; another one whenever `masked` changes."""
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    """Row of the aligned paths (`ComparisonTables.paths`) that is selected, or None. Two-way."""
    masked = traitlets.List(traitlets.Int()).tag(sync=True)
    """Numbers of the hops (in `turning`) that are left out. Two-way."""
    naming = traitlets.Enum(("ip", "name", "as"), "name").tag(sync=True)
    """What responders are called by, where it is known: else by their addresses. Two-way."""

    def __init__(
        self,
        comparison: "ComparisonTables",
        *,
        names: Mapping[str, str] | None = None,
        asns: Systems | None = None,
        turning: "Iterable[TurningHop]" = (),
        compare: "Callable[[Sequence[TurningHop]], ComparisonTables] | None" = None,
        masked: Iterable[int] = (),
    ) -> None:
        self.turning = tuple(turning) if compare is not None else ()
        self._whole, self._compare = comparison, compare
        self._names, self._asns = dict(shown_names(names)), asns
        masked = sorted(masked)
        super().__init__(view=self._seen(masked), masked=masked)

    def _seen(self, masked: Sequence[int]) -> dict[str, Any]:
        """Compare without these, and gather what is to be seen."""
        whole = self._whole
        self.comparison = whole
        if masked and self._compare is not None:
            self.comparison = self._compare([self.turning[number] for number in masked])
        self.card = comparison_card(self.comparison, names=self._names)
        self._rows = len(self.card.hops)
        hops = [{name: _finite(value) for name, value in asdict(hop).items()} for hop in self.card.hops]
        for hop, addrs, others, p_value in zip(
            hops, *(self.comparison.paths[name] for name in ("a_addrs", "b_addrs", "p_value")), strict=True
        ):
            told = bool(p_value <= self.comparison.path_level)
            drifted = told and hop["change"] == "same"
            hop |= {
                "change": _SHARES if drifted else hop["change"],
                "a_addrs": _strangers_first(addrs, others) if drifted else list(addrs),
                "b_addrs": _strangers_first(others, addrs) if drifted else list(others),
                "p": _p_text(float(p_value)),
                "told": told,
            }
        return {
            "title": self.card.title,
            "verdict": self.card.verdict,
            "sides": list(self.card.sides),
            "hops": hops,
            "aspects": [[one.name, one.verdict, one.test, one.found] for one in self.comparison.aspects],
            "caveats": [*self.comparison.caveats, *filter(None, [self.comparison.power])],
            "turning": [_turning_words(hop, self.card.sides) for hop in self.turning],
            "masked": list(masked),
            "difference": difference_text(whole, self.comparison) if masked else "",
            **self._called(hops),
        }

    def _called(self, hops: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Gather what responders may be called by, and what to say below the table then."""
        asns = {} if self._asns is None else self._asns
        addrs = sorted({addr for hop in hops for side in "ab" for addr in hop[f"{side}_addrs"]})
        known = {
            "name": {addr: self._names[addr] for addr in addrs if addr in self._names},
            "ip": {},
            "as": {addr: text for addr in addrs if (text := _system_text(as_of(addr, asns)))},
        }
        a, b = self.card.sides
        sure = "its interval, told here of a selected row, says how sure it is"
        note = f"Times in ms. The shift is {b} minus {a}; {sure}."
        nameless, strangers = (_stay_words(len(addrs) - len(known[key]), what) for key, what in _LACKING)
        return {
            "called": {kind: called for kind, called in known.items() if called or kind == "ip"},
            "headings": {"name": "Name", "ip": "IP", "as": "AS"},
            "titles": {
                addr: ", ".join(filter(None, [addr, known["name"].get(addr), known["as"].get(addr)]))
                for addr in addrs
            },
            "notes": {
                "name": f"{note}{nameless}",
                "ip": note,
                "as": f"{note}{strangers}{self._ways(hops, known['as'])}",
            },
        }

    def _ways(self, hops: Sequence[Mapping[str, Any]], systems: Mapping[str, str]) -> str:
        """Say which systems the first flow went through."""
        first = [hop for hop in hops if hop["flow"] == hops[0]["flow"]]
        one, two = (
            " \N{RIGHTWARDS ARROW} ".join(
                str(asn or "?")
                for asn in as_path(
                    [hop[f"{side}_addr"] for hop in first if hop[f"{side}_ttl"] is not None], systems
                )
            )
            for side in "ab"
        )
        a, b = self.card.sides
        return f" AS path of both: {one}." if one == two else f" AS path {a}: {one}; {b}: {two}."

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Mapping[str, Any]) -> int | None:
        row: int | None = proposal["value"]
        if row is not None and not 0 <= row < self._rows:
            raise traitlets.TraitError(f"there is no row {row} here, only 0 to {self._rows - 1}")
        return row

    @traitlets.validate("masked")
    def _check_masked(self, proposal: Mapping[str, Any]) -> list[int]:
        numbers = sorted(set(proposal["value"]))
        wrong = [number for number in numbers if not 0 <= number < len(self.turning)]
        if wrong:
            raise traitlets.TraitError(f"there is no oscillating hop {wrong[0]} here, of {len(self.turning)}")
        return numbers

    @traitlets.observe("masked")
    def _compare_anew(self, change: Mapping[str, Any]) -> None:
        if self.view and change["new"] != self.view["masked"]:
            self.view = self._seen(change["new"])
            if self.selected is not None and self.selected >= self._rows:
                self.selected = None

    def _summary(self) -> str:
        return f"{self.card.title}, {self._rows} rows"

    def _card_text(self) -> str:
        return comparison_text(self.card)

    def _card_html(self) -> str:
        return comparison_html(self.card)


def _finite(value: Any) -> Any:  # noqa: ANN401 - fields of a card
    # JSON has no infinity and no NaN; browsers refuse the whole message.
    return None if isinstance(value, float) and not isfinite(value) else value


def _strangers_first(addrs: Sequence[str], others: Sequence[str]) -> list[str]:
    """Put first who answers on one side only: a cell names the first, and counts the rest."""
    return sorted(addrs, key=lambda addr: addr in others)


def _p_text(p_value: float) -> str:
    least = 0.0001
    return MISSING if isnan(p_value) else f"<{least}" if p_value < least else f"{p_value:.2g}"


def _stay_words(count: int, what: str) -> str:
    if not count:
        return ""
    return (
        f" {count_text(count, 'responder')} without a {what} {'stays' if count == 1 else 'stay'} an address."
    )


def _system_text(asn: Any) -> str:  # noqa: ANN401 - whatever a user's mapping holds
    if asn is None:
        return ""
    text = str(int(asn)) if isinstance(asn, float) else str(asn)
    return f"AS{text}" if text.isdecimal() else text


def _turning_words(hop: "TurningHop", sides: Sequence[str]) -> list[str]:
    """Name a hop, and say who takes turns there, and when."""
    before, after = hop.ttls
    number = before if before is not None else after
    name = f"Hop {number}" if after in {number, None} else f"Hop {number} ({after} {sides[1]})"
    when = " and ".join(side for side, does in zip(sides, hop.sides, strict=True) if does)
    return [name, f"{', '.join(hop.addrs)} take turns {when}"]
