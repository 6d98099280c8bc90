"""Answers with an RTT, grouped as the caller asks, and when their probes were sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Floats, Ints, distinct, pack
from trippy_nb.analysis.hops import probes_in_view
from trippy_nb.errors import ConfigError
from trippy_nb.frames import columns as col
from trippy_nb.model import ANSWERED, Status, check_number

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

GROUPS = ("run_id", "flow", "ttl", "addr")
"""What answers may be grouped by."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Timed:
    """Settled probes in view, in the order of their key, and which group each is in."""

    group: Ints
    rtt: Floats
    """Milliseconds; NaN where nobody answered, or without a time."""
    silent: "np.typing.NDArray[np.bool_]"
    """Nobody answered."""
    sent_ns: Ints
    """Since 1970; `NO_TIME` where it is not known."""
    addr: Ints
    """Responder; -1 where nobody answered."""
    keys: dict[str, Ints]
    """Of each group, for the columns asked for."""
    names: tuple[str, ...]
    """Addresses, in the order of their text."""

    @property
    def count(self) -> int:
        """How many groups there are."""
        return len(next(iter(self.keys.values()))) if self.keys else 1

    def columns(self, groups: Ints) -> dict[str, Any]:
        """Make the group columns of a table whose rows are of these groups."""
        made: dict[str, Any] = {}
        for name, values in self.keys.items():
            if name == "addr":
                made[name] = col.codes(values[groups], self.names)
            else:
                made[name] = col.whole_numbers(values[groups], DTYPES[name])
        return made

    def n_addrs(self, group: Ints, count: int) -> Ints:
        """Count the responders of each of these groups, one number for each probe."""
        seen = (self.addr >= 0) & (group >= 0)
        return different(group[seen], self.addr[seen], count)


DTYPES = {"run_id": "UInt32", "flow": "UInt16", "ttl": "UInt8"}


def check_groups(by: Iterable[str], allowed: tuple[str, ...] = GROUPS) -> tuple[str, ...]:
    """Check what to group by; return it in the order of `allowed`."""
    if not isinstance(by, Iterable):
        raise ConfigError(f"by={by!r} is nothing to group by: use any of {', '.join(allowed)}")
    asked = (by,) if isinstance(by, str) else tuple(by)
    strange = [name for name in asked if name not in allowed]
    if strange:
        raise ConfigError(f"by={strange[0]!r} is nothing to group by: use any of {', '.join(allowed)}")
    return tuple(name for name in allowed if name in asked)


def timed_probes(tables: "Tables", by: Iterable[str], *, silent: bool = False) -> Timed:
    """Group the probes that the hop table counts: the answered ones, and with `silent` all settled ones."""
    wanted = check_groups(by)
    frame = probes_in_view(tables)
    status = frame["status"]
    answered = status.isin(ANSWERED).to_numpy()
    rtt = frame["rtt_ms"].to_numpy(dtype=np.float64, na_value=np.nan)
    rtt = np.where(answered, rtt, np.nan)
    lost = (status == Status.TIMEOUT.word).to_numpy()
    if silent and "addr" not in wanted:
        kept = np.flatnonzero(answered | lost)
    else:
        kept = np.flatnonzero(~np.isnan(rtt))
    category = pd.Categorical(frame["addr"])
    names = sorted(str(text) for text in category.categories)
    rank = np.array([names.index(str(text)) for text in category.categories] + [-1], dtype=np.int64)
    addr = np.where(answered, rank[category.codes], -1)[kept]
    columns = {
        name: addr if name == "addr" else frame[name].to_numpy(dtype=np.int64)[kept] for name in wanted
    }
    key = pack(*columns.values()) if columns else np.zeros(len(kept), dtype=np.int64)
    values, group, _ = distinct(key)
    one = np.zeros(len(values), dtype=np.int64)
    one[group] = np.arange(len(kept))
    return Timed(
        group=group,
        rtt=rtt[kept],
        silent=lost[kept],
        sent_ns=col.nanoseconds(frame["sent_at"])[kept],
        addr=addr,
        keys={name: column[one] for name, column in columns.items()},
        names=tuple(names),
    )


def check_sent(when_ns: Ints, otherwise: str) -> None:
    """Check that some probe knows when it was sent."""
    if len(when_ns) and np.all(when_ns == col.NO_TIME):
        raise ConfigError(f"no probe has a time of sending (runs.has_send_times): {otherwise}")


def different(group: Ints, values: Ints, count: int) -> Ints:
    """Count the different values in each of `count` groups; none is negative."""
    span = int(values.max(initial=0)) + 1
    return np.bincount(distinct(group * span + values)[0] // span, minlength=count)


def bins_of(when_ns: Ints, bin_s: float) -> tuple[Ints, Ints]:
    """Number the stretches of time that moments are in; they begin at whole multiples of `bin_s` since 1970.

    Returns
    -------
    number
        From 0, in order of time; -1 where the moment is not known.
    begins_ns
        When each began.
    """
    check_number("bin_s", bin_s, above=True)
    known = when_ns != col.NO_TIME
    length = max(round(bin_s * _NS), 1)
    values, number, _ = distinct(when_ns[known] // length)
    result = np.full(len(when_ns), -1, dtype=np.int64)
    result[known] = number
    return result, values * length


def all_pairs(near_groups: Ints, near: Ints, far_groups: Ints, far: Ints) -> tuple[Ints, Ints, Ints]:
    """Pair all rows of one group with all rows of another.

    Parameters
    ----------
    near_groups, far_groups
        Group of each row of either side, sorted.
    near, far
        Groups to pair: the first of one with the first of the other, and so on.

    Returns
    -------
    pair, one, two
        For each pair of rows: the place in `near` and `far` that it is from, and the row of either side.
    """
    begin, after = np.searchsorted(near_groups, near), np.searchsorted(far_groups, far)
    many = np.searchsorted(near_groups, near, side="right") - begin
    many_after = np.searchsorted(far_groups, far, side="right") - after
    count = many * many_after
    pair = np.repeat(np.arange(len(near)), count)
    step = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    width = np.maximum(many_after, 1)[pair]
    return pair, begin[pair] + step // width, after[pair] + step % width
