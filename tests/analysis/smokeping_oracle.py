"""SmokePing's alerts once more, as its documentation and files tell them: a question after each step.

Plain loops over lists, nothing shared with the matchers. `START` stands before the first step, as SmokePing
puts it there. Values of a history are known, except where a pattern asks for unknown ones.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

START = "S"
COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}

Test = Callable[[list[float], Any], Any]
"""(values so far, oldest first; whether it matched before) -> whether it matches now."""


def states(values: Sequence[float], test: Test) -> list[bool]:
    """Ask after each step."""
    told: list[bool] = []
    for count in range(1, len(values) + 1):
        told.append(bool(test(list(values[:count]), told[-1] if told else False)))
    return told


def check(limit: float, count: int) -> Test:
    """CheckLoss and CheckLatency."""
    return consecutive(limit, count, limit, count)


def consecutive(up: float, up_count: int, down: float, down_count: int) -> Test:
    """ConsecutiveLoss."""

    def test(history: list[float], before: Any) -> Any:
        needed = down_count if before else up_count
        if len(history) < needed:
            return before
        latest = history[-needed:]
        turns = all(value < down for value in latest) if before else all(value >= up for value in latest)
        return before != turns

    return test


def weighted(history_length: int, rising: float, falling: float, skip: int, fast: int) -> Test:
    """ExpLoss."""

    def test(history: list[float], before: Any) -> Any:
        if len(history) <= skip:
            return False
        known = history[-history_length:]
        keep = 0.01 ** (1 / history_length)
        mean, ups, downs = 0.0, 0, 0
        for value in known:
            mean = keep * mean + (1 - keep) * value
            ups = ups + 1 if value >= rising else 0
            downs = downs + 1 if value <= falling else 0
        mean += sum(known) / len(known) * keep ** len(known)
        if fast and ups >= fast:
            return True
        if fast and downs >= fast:
            return False
        return mean >= rising or (before and mean >= falling)

    return test


def ratio(
    historic: int, current: int, comparator: str, limit: float, middle: Callable[[list[float]], float]
) -> Test:
    """Avgratio and Medratio."""

    def test(history: list[float], _before: Any) -> Any:
        if len(history) < historic + current:
            return False
        old, new = middle(history[-historic - current : -current]), middle(history[-current:])
        return bool(COMPARE[comparator](new / old, limit)) if old and new else False

    return test


def upper_median(values: list[float]) -> float:
    """The larger of the two middle ones."""
    return sorted(values)[len(values) // 2]


def difference(old: int, new: int, limit: float, middle: Callable[[list[float]], float]) -> Test:
    """Median, once its window is full."""

    def test(history: list[float], _before: Any) -> Any:
        if len(history) < old + new:
            return False
        return abs(middle(history[-old - new : -new]) - middle(history[-new:])) > limit

    return test


def pattern(text: str) -> Callable[[Sequence[float | None]], bool]:
    """A pattern: try every way to place its entries, the last one on the latest step."""
    entries = text.split(",")

    def matches(history: Sequence[float | None]) -> bool:
        line: list[Any] = [START, *history]
        return any(
            all(_fits(entry, line[place]) for entry, place in zip(_compared(entries), places, strict=True))
            for places in _placements(entries, len(line))
        )

    return matches


def _compared(entries: list[str]) -> list[str]:
    return [entry for entry in entries if not entry.startswith("*")]


def _placements(entries: list[str], length: int) -> Iterator[tuple[int, ...]]:
    """Every way to put the entries on places, from the end; gaps skip fewer than their number."""
    slack = [0]
    for entry in entries:
        if entry.startswith("*"):
            slack[-1] += int(entry.strip("*")) - 1
        else:
            slack.append(0)
    count = len(slack) - 1

    def put(after: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        left = count - len(after)
        if not left:
            yield after
            return
        first = length - 1 if not after else after[0] - 1
        for skipped in range(slack[left] + 1):
            if first - skipped >= 0:
                yield from put((first - skipped, *after))

    for places in put(()):
        assert all(one < other for one, other in pairwise(places))
        yield places


def _fits(entry: str, value: float | str | None) -> bool:
    if entry == "==S":
        return value == START
    if entry == "==*":
        return True
    if value == START:
        return False
    if entry in ("==U", "!=U"):
        return (value is None) == (entry == "==U")
    if value is None:
        return False
    tests = re.findall(r"(==|!=|<=|>=|<|>)([\d.]+)", entry)
    return all(COMPARE[sign](value, float(number)) for sign, number in tests)
