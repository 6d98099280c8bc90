"""Probes as sorted numpy arrays: the form in which everything here is grouped.

One sort, by (run, round, flow, ttl, attempt); every group that is asked for later is either a
stretch of rows or a small integer a row, so row order and splitting of the input cannot matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trippy_nb.analysis.encoded import address_codes, floats, of_answers, refusals, status_codes
from trippy_nb.analysis.given import check_tables
from trippy_nb.frames.columns import nanoseconds
from trippy_nb.model import ReplyKind, Status

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
"""Few different ones, in arrays an eighth as large."""
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
AnyArray = NDArray[Any]
_Item = TypeVar("_Item", bound=np.generic)

_INT_BITS = 63
_INT64_END = 2**_INT_BITS
KEY = ("run_id", "round", "flow", "ttl", "attempt")
_ATTEMPTS = 256
_SMALL_TABLE = 1 << 16
_FIRST_ANSWERS = (ReplyKind.FIRST.word, ReplyKind.LATE.word)


@dataclass(frozen=True)
class Probes:
    """Columns of PROBES, in key order; what is the same all along a path is kept once for each path."""

    path_starts: Ints
    """First row of each path, that is (run, round, flow)."""
    path_run: Ints
    path_round: Ints
    path_flow: Ints
    ttl: Ints
    attempt: Ints
    status: Codes
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
    order: Ints | None
    """Row of PROBES for each row here; None if they are the same. Probes of other sizes than the run's are
    left off."""

    @cached_property
    def run(self) -> Ints:
        """Run of each row."""
        return spread(self.path_run, self.path_starts, len(self.ttl))

    @cached_property
    def round(self) -> Ints:
        """Round of each row."""
        return spread(self.path_round, self.path_starts, len(self.ttl))

    @cached_property
    def flow(self) -> Ints:
        """Flow of each row."""
        return spread(self.path_flow, self.path_starts, len(self.ttl))

    @cached_property
    def answered(self) -> Bools:
        """Somebody answered, in time or late."""
        return _is_answer(self.status)

    @cached_property
    def settled(self) -> Bools:
        """Sent, and its fate is known."""
        settled: Bools = self.answered | (self.status == Status.TIMEOUT)
        return settled

    def rows_of(self, key: Sequence[Ints]) -> Ints:
        """Find rows by key, five columns (run, round, flow, ttl, attempt); -1 where there is none."""
        paths = (self.path_run, self.path_round, self.path_flow)
        return _places((self.path_starts, len(self.ttl)), paths, (self.ttl, self.attempt), key[:3], key[3:])


def probe_arrays(tables: "Tables") -> Probes:
    """Sort the probes of all runs, and find out which of their answers came from the target."""
    check_tables(tables)
    frame = tables.probes
    columns = [frame[name].to_numpy() for name in KEY]
    path_starts = _sorted_paths(*columns)
    order = None
    if path_starts is None:
        order = stable_order(pack(*map(_wide, columns)))
    if "size" in frame and frame["size"].notna().any():
        order = _usual(frame, order)

    def sorted_(values: AnyArray) -> AnyArray:
        return values if order is None else values[order]

    run, round_, flow, ttl, attempt = map(sorted_, columns)
    if path_starts is None or order is not None:
        path_starts = starts_of(run, round_, flow)
    status = sorted_(status_codes(frame["status"]))
    answered = _is_answer(status)
    addr, names = address_codes(frame["addr"])
    addr = of_answers(sorted_(addr), answered)
    path_run = _wide(run[path_starts])
    probes = Probes(
        path_starts=path_starts,
        path_run=path_run,
        path_round=_wide(round_[path_starts]),
        path_flow=_wide(flow[path_starts]),
        ttl=_wide(ttl),
        # Most runs have one attempt for each TTL: no need to fill an array with zeros.
        attempt=_wide(attempt) if attempt.any() else np.broadcast_to(np.int64(0), len(attempt)),
        status=status,
        addr=addr,
        rtt=sorted_(floats(frame["rtt_ms"])),
        from_target=_is_target_of(tables.runs, path_run, path_starts, addr, names),
        refused=sorted_(refusals(frame, tables.runs)) & answered,
        names=names,
        order=order,
    )
    _correct_targets(probes, tables)
    np.logical_and(probes.from_target, answered, out=probes.from_target)
    np.greater(probes.refused, probes.from_target, out=probes.refused)
    return probes


def sent_ns(tables: "Tables", probes: Probes, rows: "Ints | slice" = slice(None)) -> Ints:
    """Return when each row of `probes` (or of these) was sent, ns since 1970; `NO_TIME` if not known."""
    when = nanoseconds(tables.probes["sent_at"])
    return when[rows] if probes.order is None else when[probes.order[rows]]


def _sorted_paths(
    run: AnyArray, round_: AnyArray, flow: AnyArray, ttl: AnyArray, attempt: AnyArray
) -> Ints | None:
    """Find the first row of each path, if rows are sorted by their key, as those of one recorder are."""
    starts = starts_of(run, round_, flow)
    new = np.zeros(len(run), dtype=np.bool_)
    new[starts] = True
    place = ttl.astype(np.uint16) * np.uint16(_ATTEMPTS) + attempt
    if not np.all(new[1:] | (place[1:] >= place[:-1])):
        return None
    path = pack(*(_wide(column[starts]) for column in (run, round_, flow)))
    return starts if np.all(path[1:] > path[:-1]) else None


def _wide(values: AnyArray) -> Ints:
    return values.astype(np.int64)


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

    As `numpy.unique` does; by a table of counts, or by hashing, it takes a small part of the time where
    values are few.
    """
    bound = int(key.max(initial=-1)) + 1
    if bound <= max(len(key), _SMALL_TABLE) and int(key.min(initial=0)) >= 0:
        every = np.bincount(key, minlength=bound)
        values = np.flatnonzero(every)
        return values, (np.cumsum(every > 0) - 1).take(key), every[values]
    codes, values = pd.factorize(key)
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    number = rank[codes]
    return values[order], number, np.bincount(number, minlength=len(order))


def example_of(number: Ints, count: int) -> Ints:
    """Return a row of each of `count` numbers, as `distinct` gives them out: the last one."""
    example = np.zeros(count, dtype=np.int64)
    example[number] = np.arange(len(number))
    return example


def counted_from(start: Ints, length: Ints) -> Ints:
    """Count up from each start, one stretch after the other: the rows of stretches that begin there."""
    first = np.cumsum(length) - length
    rows = np.repeat(start - first, length)
    rows += np.arange(len(rows))
    return rows


def stable_order(key: Ints) -> Ints:
    """Return the rows in the order of their key, equal ones as they are; keys are not negative.

    numpy sorts single integers several times as fast as it finds the order of rows, so the row goes into the
    key where there is room for it.
    """
    bits = len(key).bit_length()
    if int(key.max(initial=0)).bit_length() + bits > _INT_BITS:
        return np.argsort(key, kind="stable")
    packed = key << bits
    packed |= np.arange(len(key))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


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


def last_of(which: Bools, starts: Ints) -> Ints:
    """Return the last of these rows in each stretch; -1 where there is none."""
    if not len(starts):
        return starts
    row = np.append(starts[1:], len(which)) - 1
    missed = np.flatnonzero(~which[row])
    while len(missed):  # most stretches have it near their end
        row[missed] -= 1
        none = row[missed] < starts[missed]
        row[missed[none]] = -1
        missed = missed[~none]
        missed = missed[~which[row[missed]]]
    return row


def group_numbers(starts: Ints, size: int) -> Ints:
    """Return the number of the stretch that each row is in."""
    return spread(np.arange(len(starts)), starts, size)


def spread(values: "NDArray[_Item]", starts: Ints, size: int) -> "NDArray[_Item]":
    """Give each row what its stretch has."""
    return np.repeat(values, np.diff(np.append(starts, size)))


def _is_answer(status: Codes) -> Bools:
    answer: Bools = (status == Status.REPLY) | (status == Status.LATE)
    return answer


def _ints(series: "pd.Series[Any]") -> Ints:
    return series.to_numpy(dtype=np.int64)


def _is_target_of(
    runs: pd.DataFrame, path_run: Ints, path_starts: Ints, addr: Ints, names: tuple[str, ...]
) -> Bools:
    """Go by addresses, of rows that are sorted by run: a run is looked up once."""
    first = starts_of(path_run)
    targets = _target_codes(runs, path_run[first], names)
    result: Bools = addr == spread(targets, path_starts[first], len(addr))
    return result


def _is_target(runs: pd.DataFrame, run: Ints, addr: Ints, names: tuple[str, ...]) -> Bools:
    """Go by addresses: those of targets."""
    values, number, _ = distinct(run)
    result: Bools = _target_codes(runs, values, names)[number] == addr
    return result


def _target_codes(runs: pd.DataFrame, wanted: Ints, names: tuple[str, ...]) -> Ints:
    """Return the target of each of these runs as an index into `names`; -2 where it has none."""
    number = dict(zip(names, range(len(names)), strict=True))
    targets = dict(zip(runs["run_id"], runs["dst_addr"].astype(object), strict=True))
    return np.array([number.get(str(targets.get(run)), -2) for run in wanted.tolist()], dtype=np.int64)
