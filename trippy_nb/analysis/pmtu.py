"""What a path MTU run found out: from its rows alone.

A size gets through if somebody at the end of the path answered it; it does not if a router refused it, if
this machine would not send it, or if nobody ever answered it. Losses by chance are told from a black hole
by how many large probes in a row were lost, beside how many small ones were.
"""

from dataclasses import dataclass
from math import ceil, log
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Bools, Ints, is_first_answer, probe_arrays
from trippy_nb.analysis.told import Told
from trippy_nb.frames.check import conform
from trippy_nb.frames.derived import PMTU
from trippy_nb.frames.schema import PROBES

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_CHANCE: Final = 0.001
"""Chance that all large probes were lost as small ones are, up to which it is called a black hole."""
_ANSWERED: Final = ("reply", "late", "beyond_target")
_MOST_NAMED: Final = 3
_TOO_BIG: Final = {4: (3, 4), 6: (2, 0)}  # RFC 1191 section 4; RFC 4443 section 3.2


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PathMtu(Told):
    """The path MTU, as far as it is known."""

    hops: pd.DataFrame
    """Who limits it: `frames.derived.PMTU`, the nearest first."""
    low: int | None
    """Largest size in bytes that got through; None if nothing did."""
    high: int | None
    """Smallest size above it that did not; None if all that were tried did."""
    black_hole: str
    """Whether larger packets vanish without a word: ``yes``, ``no`` or ``cannot tell``."""
    until: str
    """How far it was measured: the target, or the farthest hop that answers."""
    probes: int
    ended: str
    """Why it ended, as `runs.end_reason` says."""
    sentence: str
    """All of it in words."""

    @property
    def mtu(self) -> int | None:
        """The path MTU in bytes: None where it is only known to lie between `low` and `high`."""
        return self.low if self.high is None or self.low is None or self.high == self.low + 1 else None

    @property
    def said(self) -> tuple[str, pd.DataFrame]:
        """The sentence, and who limits it."""
        return self.sentence, self.hops.drop(columns="run_id")


def path_mtu(tables: "Tables") -> PathMtu:
    """Tell the path MTU that a run found.

    Parameters
    ----------
    tables
        Of one run, made by `trippy_nb.pmtu`. Of another run it tells what its one size shows.

    Returns
    -------
    found
        `hops` has a row for each router, or this machine, that refuses packets, and one for where they
        vanish.
    """
    sights = _Sights(tables)
    low, high = sights.low, sights.high
    rows = [*sights.refusals(), *sights.vanished()]
    frame = pd.DataFrame(rows, columns=list(PMTU.names)).sort_values(
        "ttl", kind="stable", na_position="first"
    )
    hops = conform(frame.reset_index(drop=True), PMTU)
    hole = sights.black_hole
    end = tables.runs["end_reason"].iloc[0]
    return PathMtu(
        hops=hops,
        low=low,
        high=high,
        black_hole=hole,
        until=sights.until,
        probes=len(tables.probes),
        ended="under way" if pd.isna(end) else str(end),
        sentence=_sentence(sights, hops, hole),
    )


class _Sights:
    """Probes by size and TTL, and what became of them."""

    def __init__(self, tables: "Tables") -> None:
        self.run = tables.runs.iloc[0]
        probes = tables.probes
        self.small = int(self.run["size"]) if pd.notna(self.run["size"]) else 0
        self.target = str(self.run["dst_addr"])
        far = int(self.run["max_ttl"])
        self.size = probes["size"].to_numpy(dtype=np.int64, na_value=self.small)
        self.ttl = probes["ttl"].to_numpy(dtype=np.int64)
        self.addr = probes["addr"].astype(object)
        status = probes["status"].astype(str)
        self.told = _told(tables)  # MTU that a router said; 0 where it did not say
        self.too_big = self._is_too_big(probes)
        self.heard = status.isin(_ANSWERED).to_numpy() & self.addr.notna().to_numpy() & ~self.too_big
        beyond = (status == "beyond_target") & self.addr.isna()  # small ones to the far end, unanswered
        self.lost = ((status == "timeout") | beyond).to_numpy()
        self.local = (status == "send_error").to_numpy()
        small = self.size == self.small
        usual = probe_arrays(tables)
        ends = usual.ttl[usual.from_target & usual.answered]
        self.whole_way = bool(len(ends))
        self.aim = self._aim(small, far, int(ends.min(initial=far)))
        at_aim = self.ttl == self.aim
        fits = not bool((self.too_big & small).any())
        self.low = _least_or_most(self.size[self.heard & (self.ttl >= self.aim)], most=True) if fits else None
        above = self.size > (self.low or 0)
        stopped = above & (self.too_big | self.local | (self.lost & at_aim))
        self.high = _least_or_most(self.size[stopped], most=False)
        self.vanishing = self.lost & at_aim & (self.size == (self.high or 0))
        self.small_sent = (self.heard | self.lost) & at_aim & ~above
        self.small_lost = self.small_sent & self.lost

    def _aim(self, small: Bools, far: int, end: int) -> int:
        """Tell the TTL of the probes that show what gets through."""
        if far in self.ttl[self.heard]:
            return far
        return end if self.whole_way else int(self.ttl[self.heard & small].max(initial=0))

    @property
    def until(self) -> str:
        if self.whole_way:
            return "the target"
        return f"hop {self.aim}" if self.aim else "nowhere"

    @property
    def black_hole(self) -> str:
        if self.high is None or self.low is None or not self._is_silent(self.high):
            return "no"
        return "yes" if int(self.vanishing.sum()) >= self.needed else "cannot tell"

    @property
    def needed(self) -> int:
        """How many large probes must be lost until chance is an unlikely cause."""
        ratio = (int(self.small_lost.sum()) + 1) / (int(self.small_sent.sum()) + 2)
        return max(1, ceil(log(_CHANCE) / log(ratio)))

    def _is_too_big(self, probes: pd.DataFrame) -> Bools:
        kind, code = _TOO_BIG[int(self.run["af"])]
        said = (probes["icmp_type"] == kind) & (probes["icmp_code"] == code)
        return said.to_numpy(dtype=np.bool_, na_value=False)

    def _is_silent(self, size: int) -> bool:
        return not bool((self.too_big | self.local)[self.size == size].any())

    def refusals(self) -> list[dict[str, Any]]:
        """Who refused packets, and what they said would fit."""
        rows = []
        here = np.flatnonzero(self.too_big)
        for addr in dict.fromkeys(self.addr.iloc[here]):
            mine = here[(self.addr.iloc[here] == addr).to_numpy()]
            told = [int(mtu) for mtu in self.told[mine] if mtu]
            mtu = min(told) if told else None
            rows.append(_row(self._hop_of(addr, mine), addr, mtu, self._how(mtu), len(mine)))
        if self.local.any():
            mtu = int(self.size[self.local].min()) - 1
            known = mtu == self.low
            rows.append(
                _row(None, str(self.run["src_addr"]), mtu if known else None, "local", int(self.local.sum()))
            )
        return rows

    def _hop_of(self, addr: str, rows: Ints) -> int | None:
        """Find the TTL of a router: where it answered, or one before the first at which it refused."""
        own = self.ttl[self.heard & (self.addr == addr).to_numpy()]
        if len(own):
            return int(own.min())
        near = self.ttl[rows][self.ttl[rows] < self.aim]
        return int(near.min()) - 1 if len(near) and near.min() > 1 else None

    def _how(self, mtu: int | None) -> str:
        if mtu is None or self.low is None:
            return "reported"
        if self.low > mtu:
            return "refuted"
        return "confirmed" if self.low == mtu and self.high == mtu + 1 else "reported"

    def vanished(self) -> list[dict[str, Any]]:
        """Behind which hop packets vanish without a word."""
        if self.high is None or self.low is None or not self._is_silent(self.high):
            return []
        large = self.heard & (self.size == self.high)
        ttl = int(self.ttl[large].max(initial=0)) or None
        addr = None if ttl is None else str(self.addr[large & (self.ttl == ttl)].iloc[0])
        return [
            _row(
                ttl,
                addr,
                self.low if self.high == self.low + 1 else None,
                "silent",
                int(self.vanishing.sum()),
            )
        ]


def _row(ttl: int | None, addr: str | None, mtu: int | None, how: str, n: int) -> dict[str, Any]:
    return {"run_id": 0, "ttl": ttl, "addr": addr, "mtu": mtu, "how": how, "n": n}


def _least_or_most(sizes: Ints, *, most: bool) -> int | None:
    if not len(sizes):
        return None
    return int(sizes.max() if most else sizes.min())


def _told(tables: "Tables") -> Ints:
    """Join to each probe the MTU of its first answer; 0 where it has none."""
    key = [name for name in PROBES.key if name != "run_id"]
    replies = tables.replies[is_first_answer(tables.replies)]
    said = replies.loc[replies["mtu"].notna(), [*key, "mtu"]].drop_duplicates(key)
    if said.empty:
        return np.zeros(len(tables.probes), dtype=np.int64)
    joined = tables.probes[key].merge(said.astype(dict.fromkeys(key, "int64")), on=key, how="left")
    return joined["mtu"].to_numpy(dtype=np.int64, na_value=0)


def _sentence(sights: _Sights, hops: pd.DataFrame, hole: str) -> str:
    target, low, high = sights.target, sights.low, sights.high
    if low is None and high is not None:
        said = [_reason(row, sights, hole) for row in hops.to_dict("records")]
        return f"Packets of {high} bytes, the smallest that were tried, do not fit: {'; '.join(said)}."
    if low is None:
        return f"Nobody on the way to {target} answers small packets: no size can be told."
    far = target if sights.whole_way else f"hop {sights.aim} ({target} does not answer)"
    if high is None:
        return f"Packets of {low} bytes, the largest that were tried, get through to {far}."
    exact = high == low + 1
    text = (
        f"The path MTU to {far} is {low} bytes"
        if exact
        else f"The path MTU to {far} is from {low} to {high - 1} bytes"
    )
    reasons = [words for row in hops.to_dict("records") if (words := _reason(row, sights, hole))]
    return f"{text}: {'; '.join(reasons[:_MOST_NAMED])}." if reasons else f"{text}."


def _reason(row: dict[Any, Any], sights: _Sights, hole: str) -> str:
    where = f"hop {row['ttl']} ({row['addr']})" if pd.notna(row["ttl"]) else str(row["addr"])
    mtu = None if pd.isna(row["mtu"]) else int(row["mtu"])
    match row["how"]:
        case "confirmed":
            return f"{where} says so, and one byte more does not pass"
        case "reported" if mtu is None:
            return f"{where} refuses larger ones without saying what would fit"
        case "reported":
            return f"{where} says that {mtu} bytes would fit"
        case "refuted":
            return f"{where} says {mtu} bytes, which is not true: {sights.low} bytes pass"
        case "local":
            return "this machine's own link takes no larger ones"
        case _:
            pass
    behind = "on the way" if pd.isna(row["ttl"]) else f"behind {where}"
    counts = (
        f"all {row['n']} probes of {sights.high} bytes were lost, of smaller ones "
        f"{int(sights.small_lost.sum())} of {int(sights.small_sent.sum())}"
    )
    if hole == "yes":
        return f"larger ones vanish {behind}, and nobody says so, a black hole ({counts})"
    return f"larger ones vanish {behind}, by chance or not ({counts}): {sights.needed} lost ones would tell"
