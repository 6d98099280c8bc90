"""First answers, counted by all that they show: a small table, however many probes there were.

Values that change from probe to probe whatever happens (ports, identifiers, sequence numbers, checksums) are
left out; that they differ from what was sent is kept.
"""

from typing import Final

import numpy as np
import pandas as pd

from trippy_nb.analysis.arrays import Ints, Probes, distinct, example_of, is_first_answer, pack, reply_keys
from trippy_nb.analysis.cells import Cells

_VALUES_KEPT: Final = ("src", "dst", "tos", "df", "mss")
_REST: Final = ("q_ttl", "reply_ttl", "mpls", "icmp_type", "icmp_code", "from_target", "changed", "nat")
_TIME_EXCEEDED: Final = {4: 11, 6: 3}  # RFC 792; RFC 4443 section 3.3


def answer_groups(replies: pd.DataFrame, probes: Probes, cells: Cells) -> pd.DataFrame:
    """Count the first answers of one run, to the end of each path: beyond it the last hop answers again.

    Parameters
    ----------
    replies, probes, cells
        Of the run.

    Returns
    -------
    groups
        Columns `flow`, `ttl`, `addr`, `q_ttl` and `reply_ttl` (-1 where missing), `mpls` (empty text),
        `from_target`, `expired` (Time Exceeded), `changed` (fields as in REPLIES.rewritten, without values
        that say nothing; missing as there), `nat`, `n` (answers) and `rtt_ms` (their median); sorted by the
        first three.
    """
    first = replies.iloc[_in_view(replies, probes, cells)]
    changed, texts = _without_values(first["rewritten"])
    columns = {
        "flow": _numbers(first["flow"]),
        "ttl": _numbers(first["ttl"]),
        "addr": _numbers(first["addr"].cat.codes),
        "q_ttl": _numbers(first["q_ttl"]),
        "reply_ttl": _numbers(first["reply_ttl"]),
        "mpls": _numbers(first["mpls"].cat.codes),
        "icmp_type": _numbers(first["icmp_type"]),
        "icmp_code": _numbers(first["icmp_code"]),
        "from_target": _numbers(first["from_target"]),
        "changed": changed,
        "nat": _numbers(first["nat"].cat.codes),
    }
    _, number, n = distinct(pack(*(column + 1 for column in columns.values())))  # -1 is missing
    example = example_of(number, len(n))
    groups = pd.DataFrame({name: column[example] for name, column in columns.items()})
    for name, words in (
        ("addr", list(first["addr"].cat.categories)),
        ("mpls", ["", *first["mpls"].cat.categories]),
        ("nat", list(first["nat"].cat.categories)),
        ("changed", texts),
    ):
        shift = 1 if name == "mpls" else 0
        groups[name] = pd.Series([*words, None], dtype="str").take(groups[name].to_numpy() + shift).to_numpy()
    groups["from_target"] = groups["from_target"] == 1
    groups["n"] = n
    groups["rtt_ms"] = first["rtt_ms"].reset_index(drop=True).groupby(number).median()
    groups = groups.sort_values(["flow", "ttl", "addr", *_REST], ignore_index=True)
    six = groups["addr"].str.contains(":")
    groups["expired"] = groups["icmp_type"] == np.where(six, _TIME_EXCEEDED[6], _TIME_EXCEEDED[4])
    return groups


def _in_view(replies: pd.DataFrame, probes: Probes, cells: Cells) -> Ints:
    """Find the first answers that are not beyond the end of their path."""
    first = np.flatnonzero(is_first_answer(replies))
    rows = probes.rows_of(reply_keys(replies, first))
    first, rows = first[rows >= 0], rows[rows >= 0]
    return first[cells.in_view[np.searchsorted(cells.starts, rows, side="right") - 1]]


def _numbers(series: "pd.Series[int]") -> Ints:
    return np.asarray(series.to_numpy(dtype="int64", na_value=-1), dtype=np.int64)


def _without_values(series: "pd.Series[str]") -> tuple[Ints, list[str]]:
    """Leave off the values that differ from probe to probe anyway: codes, and the texts they stand for."""
    short = [_shortened(text) for text in series.cat.categories]
    texts = sorted({*short})
    number = {text: code for code, text in enumerate(texts)}
    table = np.array([number[text] for text in short] + [-1], dtype=np.int64)
    return table[series.cat.codes], texts


def _shortened(text: str) -> str:
    parts = [part.split("=", 1) for part in text.split(";") if part]
    return ";".join(f"{name}={value}" if name in _VALUES_KEPT else name for name, value in parts)


def names_in(changed: str) -> dict[str, str]:
    """Read `changed`: the value of each field that differs, empty where it was left off."""
    parts = [part.partition("=") for part in changed.split(";") if part]
    return {name: value for name, _, value in parts}
