"""Findings in prose: what a colleague would say who has looked at all tables."""

from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from trippy_nb.analysis.findings.finding import Row, rows_of
from trippy_nb.analysis.told import plural, target_text
from trippy_nb.frames.answers import WEIGHTS

if TYPE_CHECKING:
    from trippy_nb.frames import Tables

_HEADS = {
    "problem": "What somebody would feel:",
    "notice": "What explains the rest:",
    "limit": "What these probes cannot tell:",
}


_FIRST = "reached"
"""Told with the introduction."""


class Explanation:
    """What was found, in words: text at a prompt and in `print`, lists in a notebook.

    Parameters
    ----------
    introductions
        A sentence for each run: who asked whom, when and how.
    findings
        A FINDINGS frame.
    """

    def __init__(self, introductions: dict[int, str], findings: pd.DataFrame) -> None:
        self.introductions = introductions
        self.findings = findings

    def __str__(self) -> str:
        lines = []
        for introduction, lists in self._parts():
            lines.append(introduction)
            for head, items in lists:
                lines += ["", head, *(f"- {item}" for item in items)]
            lines.append("")
        return "\n".join(lines).rstrip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        html = []
        for introduction, lists in self._parts():
            html.append(f"<p>{escape(introduction)}</p>")
            for head, items in lists:
                inner = "".join(f"<li>{escape(item)}</li>" for item in items)
                html.append(f"<p><b>{escape(head)}</b></p><ul>{inner}</ul>")
        return "".join(html)

    def _parts(self) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
        told = rows_of(self.findings)
        for run_id, introduction in self.introductions.items():
            mine = [row for row in told if row["run_id"] == run_id]
            first = [row["says"] for row in mine if row["kind"] == _FIRST]
            rest = [(row["weight"], _sentences(row)) for row in mine if row["kind"] != _FIRST]
            lists = [(_HEADS[weight], [says for one, says in rest if one == weight]) for weight in WEIGHTS]
            yield " ".join([introduction, *first]), [(head, items) for head, items in lists if items]


def explanation(tables: "Tables", findings: pd.DataFrame) -> Explanation:
    """Tell findings in prose.

    Parameters
    ----------
    tables
        The runs that they are about.
    findings
        What `findings` made of them.
    """
    sent = Counter(tables.probes["run_id"].tolist())
    return Explanation({run["run_id"]: _introduction(run, sent) for run in rows_of(tables.runs)}, findings)


def _introduction(run: Row, sent: Counter[int]) -> str:
    how = " ".join(word for word in ((run["protocol"] or "").upper(), run["method"]) if word)
    label = f"{run['label']}: " if run["label"] else ""
    who = f" from {run['src_addr']}" if run["src_addr"] else ""
    when = "" if run["started_at"] is None else f" on {run['started_at']:%Y-%m-%d, %H:%M:%S} UTC"
    rounds = "" if run["rounds"] is None else f" in {_count(run['rounds'], 'round')}"
    probes = _count(sent[run["run_id"]], "probe")
    return f"{label}{how or 'A trace'} to {target_text(run)}{who}{when}: {probes}{rounds}."


def _sentences(row: Row) -> str:
    return " ".join(text for text in (row["says"], row["is_not"]) if text)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {plural(n, noun)}"
