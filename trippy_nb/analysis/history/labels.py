"""Which responders were seen with MPLS labels, and when."""

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from trippy_nb.analysis.arrays import is_first_answer, pack
from trippy_nb.analysis.history.spells import History, Spell

if TYPE_CHECKING:
    from trippy_nb.frames import Tables


class Labels:
    """Observations in which an address answered with a label stack (RFC 4950), by series."""

    __slots__ = ("_seen",)

    def __init__(self, tables: "Tables", history: History) -> None:
        self._seen: dict[tuple[int, int], list[int]] = defaultdict(list)
        replies = tables.replies
        labelled = np.flatnonzero(replies["mpls"].notna().to_numpy()) if len(replies) else np.zeros(0, int)
        if not len(labelled):
            return
        labelled = labelled[is_first_answer(replies.iloc[labelled])]
        found = replies.iloc[labelled]
        code = {name: number for number, name in enumerate(history.seen.probes.names)}
        wanted = [found[name].to_numpy(dtype=np.int64) for name in ("run_id", "round", "flow")]
        mine = (history.seen.run, history.seen.round, history.seen.flow)
        key = pack(*(np.concatenate(pair) for pair in zip(mine, wanted, strict=True)))
        known, asked = key[: len(history.series)], key[len(history.series) :]
        order = np.argsort(known)
        place = order[np.minimum(np.searchsorted(known[order], asked), len(known) - 1)]
        for observation, same, addr in zip(
            place.tolist(), (known[place] == asked).tolist(), found["addr"].astype("str"), strict=True
        ):
            if same and addr in code:
                self._seen[int(history.series[observation]), code[addr]].append(observation)
        for seen in self._seen.values():
            seen.sort()

    def __contains__(self, what: tuple[Spell, int | None]) -> bool:
        """Tell whether an address was labelled during a spell."""
        spell, code = what
        if code is None:
            return False
        seen = self._seen.get((spell.series, code), [])
        place = bisect_left(seen, spell.first)
        return place < len(seen) and seen[place] <= spell.last
