"""Several sides, each compared with each: who answers which protocol, which vantage, which day."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.comparison.compare import (
    ALPHA,
    ComparisonTables,
    compare_tables,
    frame_from,
)
from trippy_nb.analysis.comparison.routes import END, Route, routes_of, together
from trippy_nb.analysis.comparison.words import CANNOT_TELL, CHANGED, SAME
from trippy_nb.analysis.ratios import check_alpha
from trippy_nb.analysis.told import Told
from trippy_nb.errors import ConfigError
from trippy_nb.frames.answers import COMPARED_HOPS, COMPARED_PAIRS

if TYPE_CHECKING:
    from trippy_nb.frames import Tables


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ManySides(Told):
    """What comparing several sides found."""

    pairs: pd.DataFrame
    """One row for every two of them: `frames.answers.COMPARED_PAIRS`."""
    hops: pd.DataFrame
    """One row for every TTL of each side: `frames.answers.COMPARED_HOPS`."""
    verdict: str
    """``changed`` if any two differ, ``same`` if no two do, else ``cannot tell``."""
    sentence: str
    """The verdict in words, in one line."""
    comparisons: dict[tuple[str, str], ComparisonTables]
    """Each comparison, whole."""

    @property
    def said(self) -> tuple[str, pd.DataFrame]:
        """The sentence, and what each two of them came to."""
        return self.sentence, self.pairs.drop(columns=["sentence"])


def compare_many(sides: Mapping[str, "Tables"], *, alpha: float = ALPHA) -> ManySides:
    """Compare several sides, each with each.

    Parameters
    ----------
    sides
        At least two, by name.
    alpha
        Probability of calling any two of them different wrongly: each pair gets its part (Bonferroni).

    Returns
    -------
    compared
        Frames, verdict and sentence; see :class:`ManySides`.

    Raises
    ------
    ConfigError
        If there are fewer than two sides, or alpha is no probability up to 0.5.
    """
    check_alpha(alpha)
    if len(sides) < 2:  # noqa: PLR2004 - nothing to compare
        raise ConfigError(f"compare_many needs at least two sides by name, not {len(sides)}")
    pairs = list(combinations(sides, 2))
    comparisons = {
        (a, b): compare_tables(sides[a], sides[b], alpha=alpha / len(pairs), names=(a, b)) for a, b in pairs
    }
    verdicts = {found.verdict for found in comparisons.values()}
    verdict = CHANGED if CHANGED in verdicts else CANNOT_TELL if CANNOT_TELL in verdicts else SAME
    return ManySides(
        pairs=frame_from([_pair(names, found) for names, found in comparisons.items()], COMPARED_PAIRS),
        hops=frame_from(_hops(sides), COMPARED_HOPS),
        verdict=verdict,
        sentence=_say(comparisons),
        comparisons=comparisons,
    )


def _pair(names: tuple[str, str], found: ComparisonTables) -> dict[str, Any]:
    rtt, response = found.decided
    return {
        "a": names[0],
        "b": names[1],
        "verdict": found.verdict,
        "path_verdict": found.path_verdict,
        "rtt_verdict": found.rtt_verdict,
        "response_verdict": found.response_verdict,
        "shift_ms": rtt["shift_ms"] if rtt else None,
        "rise_ratio": response["rise_ratio"] if response else None,
        "sentence": found.sentence,
    }


def _say(comparisons: Mapping[tuple[str, str], ComparisonTables]) -> str:
    said = []
    for verdict in (CHANGED, SAME, CANNOT_TELL):
        pairs = [f"{a} and {b}" for (a, b), found in comparisons.items() if found.verdict == verdict]
        if pairs:
            said.append(f"{verdict}: {', '.join(pairs)}")
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _hops(sides: Mapping[str, "Tables"]) -> list[dict[str, Any]]:
    rows = [
        row for name, tables in sides.items() for row in _hops_of(name, together(routes_of(tables).values()))
    ]
    order = list(sides)
    return sorted(rows, key=lambda row: (row["ttl"], order.index(row["side"])))


def _hops_of(name: str, route: Route) -> list[dict[str, Any]]:
    rows = []
    for place in route.places:
        sent = route.unanswered.get(place.ttl, np.zeros(0, dtype=np.bool_))
        samples = [rtt for (ttl, _), rtt in route.rtt.items() if ttl == place.ttl]
        rtt = np.concatenate([np.zeros(0), *samples])
        rows.append(
            {
                "ttl": place.ttl,
                "side": name,
                "flows": sum(n for who, n in route.first.get(place.ttl, {}).items() if who != END),
                "addrs": place.ranked,
                "sent": len(sent),
                "unanswered": int(sent.sum()),
                "unanswered_ratio": float(sent.mean()) if len(sent) else None,
                "p50_ms": float(np.median(rtt)) if len(rtt) else None,
                "n": len(rtt),
            }
        )
    return rows
