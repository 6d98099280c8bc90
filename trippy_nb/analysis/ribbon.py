"""Epochs as stretches of a ribbon: equal paths of all flows have one letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.along import along_of
from trippy_nb.analysis.history import epochs, path_changes

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

Place = frozenset[str] | None
"""Who answers at a TTL: several where they take turns; None is silence, which fits anything."""

_MOST_LANES, _TWO = 8, 2


@dataclass(frozen=True, slots=True, eq=False)
class Ribbon:
    """Which path each flow took, and when. Places are those of :class:`trippy_nb.analysis.along.Along`."""

    stretches: pd.DataFrame
    """One row an epoch: `series`, `letter` (equal paths have equal ones; empty if not judged), `start`, `end`
    (places of the first and the last observation), `standing`, `n`."""
    changes: pd.DataFrame
    """One row for each change and series: `series`, `start` (last sight of the old path), `place` (first
    sight of the new), `kind`, `first_ttl`, `last_ttl`."""
    paths: dict[str, tuple[Place, ...]]
    """The path of each letter, from `first_ttl` on."""
    first_ttl: int
    lanes: dict[int, int]
    """Number of the lane of each series, from 0. Of many flows those that were seen only at one moment share
    lanes, if no two of them were seen at the same."""
    names: tuple[str, ...]
    """What each lane is called."""
    is_timed: bool

    @property
    def differences(self) -> list[int]:
        """TTLs at which not all paths have the same responders."""
        longest = max((len(path) for path in self.paths.values()), default=0)
        return [
            self.first_ttl + place
            for place in range(longest)
            if len({path[place] if place < len(path) else () for path in self.paths.values()}) > 1
        ]

    def at(self, letter: str, ttl: int) -> str:
        """Say who answers on a path at a TTL: ``*`` if nobody, ``–`` if the path is shorter."""
        path, place = self.paths[letter], ttl - self.first_ttl
        if not 0 <= place < len(path):
            return "–"
        here = path[place]
        return "*" if here is None else "/".join(sorted(here))


def ribbon(
    tables: "Tables", *, found: pd.DataFrame | None = None, changes: pd.DataFrame | None = None
) -> Ribbon:
    """Lay out the epochs of all flows over time.

    Parameters
    ----------
    tables
        Of any number of runs, in any row order.
    found, changes
        What `analysis.epochs` and `analysis.path_changes` found, if that is known.
    """
    found = epochs(tables) if found is None else found
    changes = path_changes(tables) if changes is None else changes
    along = along_of(tables)
    letters, known = _letters(found)
    stretches = pd.DataFrame(
        {
            "series": found["series"].to_numpy(dtype=np.int64),
            "letter": letters,
            "start": along.places(found, "started_at"),
            "end": along.places(found, "ended_at", "last_run_id", "last_round"),
            "standing": found["standing"].astype("str").to_numpy(),
            "n": found["n"].to_numpy(dtype=np.int64),
        }
    )
    marks = pd.DataFrame(
        {
            "series": changes["series"].to_numpy(dtype=np.int64),
            "start": along.places(changes, "last_seen_at", "last_run_id", "last_round"),
            "place": along.places(changes, "at"),
            "kind": changes["kind"].astype("str").to_numpy(),
            "first_ttl": changes["first_ttl"].to_numpy(),
            "last_ttl": changes["last_ttl"].to_numpy(),
        }
    )
    stretches = stretches.dropna(subset=["start", "end"]).reset_index(drop=True)
    lanes, names = _lanes(stretches, _names(found))
    return Ribbon(
        stretches=stretches,
        changes=marks.dropna(subset="place").reset_index(drop=True),
        paths=known,
        first_ttl=int(found["first_ttl"].min()) if len(found) else 1,
        lanes=lanes,
        names=names,
        is_timed=along.is_timed,
    )


def letter_of(number: int) -> str:
    """Count as spreadsheets do: A, B, ... Z, AA, AB, ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, len(ascii_uppercase))
        text = ascii_uppercase[rest] + text
    return text


def _letters(found: pd.DataFrame) -> tuple[list[str], dict[str, tuple[Place, ...]]]:
    """Give each path a letter, and the same to all that fit each other, in the order of time."""
    order = found.sort_values(["started_at", "run_id", "round", "series"], kind="stable").index
    known: list[tuple[tuple[Place, ...], bool]] = []
    of_path: dict[tuple[int, int], int] = {}
    for row in order.tolist():
        one = found.loc[row]
        key = int(one["series"]), int(one["path"])
        if one["standing"] == "not judged" or key in of_path:
            continue
        path, ended = _path(one), bool(one["reached"])
        number = next((i for i, other in enumerate(known) if _fit(path, ended, *other)), len(known))
        if number == len(known):
            known.append((path, ended))
        of_path[key] = number
    rows = zip(found["series"], found["path"], found["standing"], strict=True)
    letters = [
        "" if standing == "not judged" else letter_of(of_path[int(series), int(path)])
        for series, path, standing in rows
    ]
    return letters, {letter_of(number): path for number, (path, _) in enumerate(known)}


def _path(one: "pd.Series[Any]") -> tuple[Place, ...]:
    turns = dict(zip(one["masked_ttls"], one["masked_addrs"], strict=True))
    base = int(one["first_ttl"])
    return tuple(
        None if addr is None else frozenset(turns.get(base + place, (addr,)))
        for place, addr in enumerate(one["addrs"])
    )


def _fit(one: Sequence[Place], one_ends: bool, two: Sequence[Place], two_ends: bool) -> bool:  # noqa: FBT001 - whether it ends, beside each path
    """Tell whether two paths may be one: silence fits anything, and what did not end may go on."""
    if (one_ends and len(two) > len(one)) or (two_ends and len(one) > len(two)):
        return False
    if one_ends and two_ends and len(one) != len(two):
        return False
    return all(a is None or b is None or bool(a & b) for a, b in zip(one, two, strict=False))


def _names(found: pd.DataFrame) -> dict[int, str]:
    """Name the series: by their flow, and by the target where there are several."""
    several = len(found["dst_addr"].dropna().unique()) > 1
    names = {}
    for row in found.drop_duplicates("series").sort_values("series").itertuples():
        words = f"flow {row.flow}"
        names[int(row.series)] = f"{words} to {row.dst_addr}" if several else words  # type: ignore[arg-type]  # a named tuple made by pandas
    return names


def _lanes(stretches: pd.DataFrame, names: dict[int, str]) -> tuple[dict[int, int], tuple[str, ...]]:
    """Give each series a lane; of many, those seen at one moment only share some."""
    spans = stretches.groupby("series").agg(start=("start", "min"), end=("end", "max"))
    brief = spans.loc[spans["start"] == spans["end"], "start"].sort_values(kind="stable")
    if len(names) <= _MOST_LANES or len(brief) < _TWO:
        return {series: lane for lane, series in enumerate(names)}, tuple(names.values())
    alone = [series for series in names if series not in set(brief.index)]
    lanes = {series: lane for lane, series in enumerate(alone)}
    last: list[float] = []
    members: list[int] = []
    for series, at in brief.items():
        lane = next((number for number, before in enumerate(last) if before < at), len(last))
        if lane == len(last):
            last.append(at)
            members.append(0)
        last[lane] = at
        members[lane] += 1
        lanes[int(series)] = len(alone) + lane  # type: ignore[call-overload]  # a number, as series are
    shared = [f"{count:,} flows, each once" for count in members]
    return lanes, (*(names[series] for series in alone), *shared)
