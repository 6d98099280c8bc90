"""Columns of PROBES as plain numbers, in passes as few as may be."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from trippy_nb.model import Status

if TYPE_CHECKING:
    from trippy_nb.analysis.arrays import Bools, Codes, Floats, Ints

_IPV6, _UNREACHABLE_V4, _UNREACHABLE_V6 = 6, 3, (1, 2)


def floats(series: "pd.Series[Any]") -> "Floats":
    """Return the numbers; nothing is copied if they are floats."""
    if series.dtype == np.float64:
        return series.to_numpy()
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def status_codes(series: "pd.Series[Any]") -> "Codes":
    """Return codes of `model.Status`."""
    category = pd.Categorical(series)
    if tuple(category.categories) == Status.words():
        return category.codes
    words = {status.word: int(status) for status in Status}
    table = np.array([words[str(word)] for word in category.categories] + [-1], dtype=np.int8)
    codes: Codes = table.take(category.codes)
    return codes


def address_codes(series: "pd.Series[Any]") -> "tuple[Ints, tuple[str, ...]]":
    """Return indices into the names, -1 where there is none, and the names in the order of their text."""
    category = pd.Categorical(series)
    texts = category.categories.astype("str").tolist()
    order = sorted(range(len(texts)), key=texts.__getitem__)
    table = np.full(len(texts) + 1, -1, dtype=np.int64)
    table[order] = np.arange(len(texts))
    return table.take(category.codes), tuple([texts[code] for code in order])


def of_answers(addr: "Ints", answered: "Bools") -> "Ints":
    """Forget the addresses of what is no answer: most often there are none."""
    stray = (addr >= 0) & ~answered
    return np.where(stray, -1, addr) if stray.any() else addr


def is_refusal(icmp_type: "Ints", af: int) -> "Bools":
    """Find who would not forward: ICMP type 3 (RFC 792), ICMPv6 types 1 and 2 (RFC 4443 section 3)."""
    found: Bools = np.isin(icmp_type, _UNREACHABLE_V6) if af == _IPV6 else icmp_type == _UNREACHABLE_V4
    return found


def refusals(frame: pd.DataFrame, runs: pd.DataFrame) -> "Bools":
    """Find who would not forward: ICMP type 3 (RFC 792), ICMPv6 types 1 and 2 (RFC 4443 section 3)."""
    none = np.zeros(len(frame), dtype=np.bool_)
    if "icmp_type" not in frame:
        return none
    kinds = frame["icmp_type"].to_numpy(dtype=np.int16, na_value=-1)
    refused: Bools = kinds == _UNREACHABLE_V4
    six = runs.loc[runs["af"] == _IPV6, "run_id"]
    if not len(six):
        return refused
    refused_v6: Bools = np.isin(kinds, _UNREACHABLE_V6)
    if not (refused.any() or refused_v6.any()):
        return none
    return np.where(frame["run_id"].isin(six), refused_v6, refused)
