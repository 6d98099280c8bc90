"""Probes as sorted numpy arrays: the form in which everything here is grouped.

One sort, by (run, round, flow, ttl, attempt); every group that is asked for later is either a
stretch of rows or a small integer a row, so row order and splitting of the input cannot matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trippy_nb.model import ReplyKind, Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
AnyArray = NDArray[Any]

_INT64_END = 2**63
_IPV6, _UNREACHABLE_V4, _UNREACHABLE_V6 = 6, 3, (1, 2)
KEY = ("run_id", "round", "flow", "ttl", "attempt")
_ATTEMPTS = 256
_FIRST_ANSWERS = (ReplyKind.FIRST.word, ReplyKind.LATE.word)


@dataclass(frozen=True, slots=True)
class Probes:
    """Columns of PROBES, in key order."""

    run: Ints
    round: Ints
    flow: Ints
    ttl: Ints
    attempt: Ints
    status: Ints
    """Codes of `model.Status`."""
    addr: Ints
    """Index into `names`; -1 where nobody answered."""
    rtt: Floats
    """Milliseconds; NaN where there is none."""
    from_target: Bools
    """Answered, and the answer shows that the probe reached the target."""
    refused: Bools
    """Answered, and the answer says that the target cannot be reached."""
    names: tuple[str, ...]
    """Addresses, in the order of their text."""
    path_starts: Ints
    """First row of each path, that is (run, round, flow)."""
    order: Ints | None
    """Row of PROBES for each row here; None if they are the same. Probes of other sizes than the run's are
    left off."""

    @property
    def answered(self) -> Bools:
        """Somebody answered, in time or late."""
        return _is_answer(self.status)

    @property
    def settled(self) -> Bools:
        """Sent, and its fate is known."""
        settled: Bools = self.answered | (self.status == Status.TIMEOUT)
        return settled

    def rows_of(self, key: Sequence[Ints]) -> Ints:
        """Find rows by key, five columns (run, round, flow, ttl, attempt); -1 where there is none."""
        paths = (column[self.path_starts] for column in (self.run, self.round, self.flow))
        return _places(
            (self.path_starts, len(self.run)), tuple(paths), (self.ttl, self.attempt), key[:3], key[3:]
        )


def probe_arrays(tables: "Tables") -> Probes:
    """Sort the probes of all runs, and find out which of their answers came from the target."""
    frame = tables.probes
    columns = [_ints(frame[name]) for name in KEY]
    key = pack(*columns)
    order = np.argsort(key, kind="stable") if np.any(key[1:] < key[:-1]) else None
    if frame["size"].notna().any():
        order = _usual(frame, order)

    def sorted_(values: AnyArray) -> AnyArray:
        return values if order is None else values[order]

    run, round_, flow, ttl, attempt = (sorted_(column) for column in columns)
    status = sorted_(_codes(frame["status"], {status.word: int(status) for status in Status}))
    addr, names = _address_codes(frame["addr"])
    addr, answered = sorted_(addr), _is_answer(status)
    probes = Probes(
        run=run,
        round=round_,
        flow=flow,
        ttl=ttl,
        attempt=attempt,
        status=status,
        addr=np.where(answered, addr, -1),
        rtt=sorted_(frame["rtt_ms"].to_numpy(dtype=np.float64, na_value=np.nan)),
        from_target=_is_target(tables.runs, run, addr, names),
        refused=sorted_(_refusals(frame, tables.runs)) & answered,
        names=names,
        path_starts=starts_of(run, round_, flow),
        order=order,
    )
    _correct_targets(probes, tables)
    probes.from_target[~answered] = False
    probes.refused[probes.from_target] = False
    return probes


def _usual(frame: pd.DataFrame, order: Ints | None) -> Ints:
    """Leave off the probes of another size than the run's: what is too large shows nothing of hops."""
    usual = frame["size"].isna().to_numpy()
    rows = np.arange(len(frame)) if order is None else order
    return rows[usual[rows]]


def _correct_targets(probes: Probes, tables: "Tables") -> None:
    """Believe the replies, where they say something else than the addresses do: few, if any."""
    replies = tables.replies
    if replies.empty:
        return
    said = replies["from_target"]
    told = said.to_numpy(dtype=np.bool_, na_value=False)
    odd = np.flatnonzero((told != _is_from_target_address(replies, tables.runs)) & said.notna().to_numpy())
    if not len(odd):
        return
    odd = odd[is_first_answer(replies.iloc[odd])]
    rows = probes.rows_of(reply_keys(replies, odd))
    probes.from_target[rows[rows >= 0]] = told[odd[rows >= 0]]


def _is_from_target_address(replies: pd.DataFrame, runs: pd.DataFrame) -> Bools:
    category = pd.Categorical(replies["addr"])
    names = [str(name) for name in category.categories]
    if len(runs) == 1:  # no need to look at the run of each row
        target = str(runs["dst_addr"].iloc[0])
        same: Bools = category.codes == (names.index(target) if target in names else -2)
        return same
    return _is_target(runs, _ints(replies["run_id"]), category.codes.astype(np.int64), tuple(names))


def is_first_answer(replies: pd.DataFrame) -> Bools:
    """Tell which replies are the first answers to probes, in time or late."""
    kinds = pd.Categorical(replies["kind"])
    wanted = np.array([word in _FIRST_ANSWERS for word in kinds.categories] + [False])
    whose: Bools = (
        wanted[kinds.codes] & replies["attempt"].notna().to_numpy() & replies["round"].notna().to_numpy()
    )
    return whose


def reply_keys(replies: pd.DataFrame, rows: Ints) -> list[Ints]:
    """Return the key of the probe of these replies: five columns."""
    return [replies[name].iloc[rows].to_numpy(dtype=np.int64, na_value=-1) for name in KEY]


def _places(
    extent: tuple[Ints, int],
    paths: tuple[Ints, ...],
    within: tuple[Ints, Ints],
    wanted_path: Sequence[Ints],
    wanted: Sequence[Ints],
) -> Ints:
    """Find the path of each key first, then its row among those of the path: neither search is large."""
    starts, size = extent
    count = len(starts)
    if not count or not len(wanted[0]):
        return np.full(len(wanted[0]), -1, dtype=np.int64)
    both = pack(*(np.concatenate(pair) for pair in zip(paths, wanted_path, strict=True)))
    place = np.minimum(np.searchsorted(both[:count], both[count:]), count - 1)
    known = both[:count][place] == both[count:]
    row, end = starts[place], np.append(starts[1:], size)[place]
    ttl, attempt = within
    target = wanted[0] * _ATTEMPTS + wanted[1]
    low, high = row.copy(), end.copy()
    while np.any(low < high):
        middle = np.minimum((low + high) // 2, size - 1)
        less = (ttl[middle] * _ATTEMPTS + attempt[middle] < target) & (low < high)
        low, high = np.where(less, middle + 1, low), np.where(less | (low >= high), high, middle)
    found = np.minimum(low, size - 1)
    hit = known & (low < end) & (ttl[found] * _ATTEMPTS + attempt[found] == target)
    return np.where(hit, found, -1)


def pack(*columns: Ints) -> Ints:
    """Make one integer a row that sorts, and is equal, as the columns do; columns hold no negatives."""
    key = columns[0].astype(np.int64)
    largest = int(key.max(initial=0))
    for column in columns[1:]:
        span = int(column.max(initial=0)) + 1
        if (largest + 1) * span >= _INT64_END:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            largest = int(key.max(initial=0))
        if span > 1:
            key *= span
            key += column
        largest = largest * span + span - 1
    return key


def distinct(key: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the distinct values, sorted, which of them each row has, and how many rows have each.

    As `numpy.unique` does; by hashing it takes a third of the time where values are few.
    """
    codes, values = pd.factorize(key)
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    number = rank[codes]
    return values[order], number, np.bincount(number, minlength=len(order))


def starts_of(*sorted_columns: Ints) -> Ints:
    """Return the first row of each stretch of equal rows."""
    size = len(sorted_columns[0])
    if not size:
        return np.zeros(0, dtype=np.int64)
    new = np.ones(size, dtype=np.bool_)
    new[1:] = False
    for column in sorted_columns:
        new[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(new)


def group_numbers(starts: Ints, size: int) -> Ints:
    """Return the number of the stretch that each row is in."""
    numbers = np.zeros(size, dtype=np.int64)
    numbers[starts[1:]] = 1
    return np.cumsum(numbers)


def _is_answer(status: Ints) -> Bools:
    answer: Bools = (status == Status.REPLY) | (status == Status.LATE)
    return answer


def _ints(series: "pd.Series[Any]") -> Ints:
    return series.to_numpy(dtype=np.int64)


def _refusals(frame: pd.DataFrame, runs: pd.DataFrame) -> Bools:
    """Find who would not forward: ICMP type 3 (RFC 792), ICMPv6 types 1 and 2 (RFC 4443 section 3)."""
    if "icmp_type" not in frame or frame["icmp_type"].isna().all():
        return np.zeros(len(frame), dtype=np.bool_)
    six = runs.loc[runs["af"] == _IPV6, "run_id"]
    kinds = frame["icmp_type"].to_numpy(dtype=np.int64, na_value=-1)
    refusals: Bools = np.where(
        frame["run_id"].isin(six), np.isin(kinds, _UNREACHABLE_V6), kinds == _UNREACHABLE_V4
    )
    return refusals


def _codes(series: "pd.Series[Any]", words: dict[str, int]) -> Ints:
    category = pd.Categorical(series)
    table = np.array([words[str(word)] for word in category.categories] + [-1], dtype=np.int64)
    codes: Ints = table[category.codes]
    return codes


def _address_codes(series: "pd.Series[Any]") -> tuple[Ints, tuple[str, ...]]:
    category = pd.Categorical(series)
    texts = [str(text) for text in category.categories]
    names = sorted(texts)
    rank = {name: number for number, name in enumerate(names)}
    table = np.array([rank[text] for text in texts] + [-1], dtype=np.int64)
    return table[category.codes], tuple(names)


def _is_target(runs: pd.DataFrame, run: Ints, addr: Ints, names: tuple[str, ...]) -> Bools:
    """Go by addresses: those of targets."""
    ids = _ints(runs["run_id"])
    if not len(ids) or not len(run):
        return np.zeros(len(run), dtype=np.bool_)
    number = {name: code for code, name in enumerate(names)}
    targets = np.array([number.get(str(name), -2) for name in runs["dst_addr"]], dtype=np.int64)
    order = np.argsort(ids)
    place = (
        np.minimum(np.searchsorted(ids[order], run), len(ids) - 1) if len(ids) > 1 else np.zeros(1, np.int64)
    )
    result: Bools = (targets[order][place] == addr) & (ids[order][place] == run)
    return result
