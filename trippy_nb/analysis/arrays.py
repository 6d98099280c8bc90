"""Probes as sorted numpy arrays: the form in which everything here is grouped.

One sort, by (run, round, flow, ttl, attempt); every group that is asked for later is either a
stretch of rows or a small integer a row, so row order and splitting of the input cannot matter.
"""

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

_INT64_END = 2**63
_IPV6, _UNREACHABLE_V4, _UNREACHABLE_V6 = 6, 3, 1
_KEY = ("run_id", "round", "flow", "ttl", "attempt")
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

    @property
    def answered(self) -> Bools:
        """Somebody answered, in time or late."""
        return _is_answer(self.status)

    @property
    def settled(self) -> Bools:
        """Sent, and its fate is known."""
        settled: Bools = self.answered | (self.status == Status.TIMEOUT)
        return settled


def probe_arrays(tables: "Tables") -> Probes:
    """Sort the probes of all runs, and find out which of their answers came from the target."""
    frame = tables.probes
    columns = [_ints(frame[name]) for name in _KEY]
    key, reply_key, hits = _keys_of_answers(columns, tables.replies)
    order = np.argsort(key, kind="stable") if np.any(key[1:] < key[:-1]) else slice(None)
    run, round_, flow, ttl, attempt = (column[order] for column in columns)
    status = _codes(frame["status"], {status.word: int(status) for status in Status})[order]
    addr, names = _address_codes(frame["addr"])
    addr = addr[order]
    answered = _is_answer(status)
    from_target = _is_target(tables.runs, run, addr, names)
    place = np.searchsorted(key[order], reply_key)
    from_target[place[hits >= 0]] = hits[hits >= 0] == 1
    return Probes(
        run=run,
        round=round_,
        flow=flow,
        ttl=ttl,
        attempt=attempt,
        status=status,
        addr=np.where(answered, addr, -1),
        rtt=frame["rtt_ms"].to_numpy(dtype=np.float64, na_value=np.nan)[order],
        from_target=from_target & answered,
        refused=_refusals(frame, tables.runs)[order] & answered & ~from_target,
        names=names,
    )


def pack(*columns: Ints) -> Ints:
    """Make one integer a row that sorts, and is equal, as the columns do; columns hold no negatives."""
    key = columns[0]
    largest = int(key.max(initial=0))
    for column in columns[1:]:
        span = int(column.max(initial=0)) + 1
        if (largest + 1) * span >= _INT64_END:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            largest = int(key.max(initial=0))
        key = key * span + column
        largest = largest * span + span - 1
    return key


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


def _keys_of_answers(columns: list[Ints], replies: pd.DataFrame) -> tuple[Ints, Ints, Ints]:
    """Return the keys of probes, of first answers, and 1, 0 or -1 (not known): did the target answer."""
    if replies.empty:
        none = np.zeros(0, dtype=np.int64)
        return pack(*columns), none, none
    answers = replies["kind"].isin(_FIRST_ANSWERS) & replies["attempt"].notna() & replies["round"].notna()
    first = replies.loc[answers.to_numpy()]
    target = first["from_target"].astype("boolean")
    hits: Ints = np.where(target.isna(), -1, target.fillna(value=False).astype("int64"))
    both = pack(
        *(np.concatenate([column, _ints(first[name])]) for name, column in zip(_KEY, columns, strict=True))
    )
    key, reply_key = both[: len(columns[0])], both[len(columns[0]) :]
    present: Bools = np.asarray(
        np.isin(reply_key, key)
    )  # max_samples lets go of probes whose replies may still be there
    return key, reply_key[present], hits[present]


def _refusals(frame: pd.DataFrame, runs: pd.DataFrame) -> Bools:
    """Find Destination Unreachable: ICMP type 3 (RFC 792), ICMPv6 type 1 (RFC 4443 section 3.1)."""
    if "icmp_type" not in frame or frame["icmp_type"].isna().all():
        return np.zeros(len(frame), dtype=np.bool_)
    six = runs.loc[runs["af"] == _IPV6, "run_id"]
    wanted = np.where(frame["run_id"].isin(six), _UNREACHABLE_V6, _UNREACHABLE_V4)
    refusals: Bools = frame["icmp_type"].to_numpy(dtype=np.int64, na_value=-1) == wanted
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
    """Fall back on addresses, for sources that have no reply rows."""
    number = {name: code for code, name in enumerate(names)}
    pairs = zip(_ints(runs["run_id"]).tolist(), runs["dst_addr"].astype("str"), strict=True)
    target = {run_id: number.get(addr, -2) for run_id, addr in pairs}
    starts = starts_of(run)
    each = np.array([target.get(int(run[start]), -2) for start in starts], dtype=np.int64)
    if not len(each):
        return np.zeros(0, dtype=np.bool_)
    result: Bools = each[group_numbers(starts, len(run))] == addr
    return result
