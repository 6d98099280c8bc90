"""Rows for the browser: those the hop table counts, at every look, whatever world is traced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.widgets.watched import Played
from trippy_nb.analysis import probes_in_view
from trippy_nb.model import Status
from trippy_nb.widgets.feed import NOBODY, ROW, Delta
from trippy_nb.widgets.watch import Watch

WORLDS = [
    "first-steps",
    "case-02-unequal",
    "case-05-two-ways",
    "case-08-silent",
    "case-10-many-ttls",
    "case-06-rate-limit",
]


class Browser:
    """Applies deltas, as `placedRows` does."""

    def __init__(self) -> None:
        self.rows: dict[int, Any] = {}

    def take(self, delta: Delta | None) -> None:
        if delta is None:
            return
        fresh = np.zeros(delta.count, ROW)
        start, places = 0, np.zeros(0, "u4")
        for name in ("rtt", "at", "place", "round", "addr", "flow", "ttl", "status"):
            dtype = np.dtype("<u4") if name == "place" else ROW[name]
            part = np.frombuffer(delta.data, dtype, delta.count, start)
            start += part.nbytes
            if name == "place":
                places = part
            else:
                fresh[name] = part
        self.rows |= dict(zip(places.tolist(), fresh.tolist(), strict=True))
        self.rows = {place: row for place, row in self.rows.items() if place >= delta.base}

    def counted(self, addresses: list[str]) -> list[tuple[Any, ...]]:
        """Round, flow, TTL, status, responder and RTT of what was sent, in order."""
        words = Status.words()
        rows = [dict(zip(ROW.names or (), row, strict=True)) for row in self.rows.values()]
        return sorted(
            (
                *(row[name] for name in ("round", "flow", "ttl")),
                words[row["status"]],
                "" if row["addr"] == NOBODY else addresses[row["addr"]],
                -1.0 if np.isnan(row["rtt"]) else row["rtt"],
            )
            for row in rows
            if row["status"] != Status.NOT_SENT
        )


def wanted(played: Played) -> list[tuple[Any, ...]]:
    probes = probes_in_view(played.tables())
    columns = [probes[name].tolist() for name in ("round", "flow", "ttl", "status")]
    columns.append(probes["addr"].astype(object).fillna("").tolist())
    columns.append(probes["rtt_ms"].fillna(-1.0).tolist())
    return sorted(zip(*columns, strict=True))


@pytest.mark.parametrize("world", WORLDS)
def test_what_the_browser_has_is_what_the_hop_table_counts(world):
    played = Played(world, 30, max_samples=12)
    watch, browser = Watch(played.recent), Browser()
    while not played.advance(0):
        news = watch.has_news or watch.is_behind
        browser.take(watch.look(at_all=news))
        if watch.has_news or watch.is_behind:
            continue  # the picture is out of date, and so may be what was settled
        assert browser.counted(watch.addresses) == wanted(played)
    browser.take(watch.look(at_all=True))
    assert browser.counted(watch.addresses) == wanted(played)


def test_a_look_tells_only_what_is_new():
    played = Played("first-steps", 40)
    watch = Watch(played.recent)
    played.play(20)
    watch.look()
    played.play()
    delta = watch.look()
    assert delta is not None
    assert delta.count <= 30
    assert watch.look() is None


def test_a_responder_that_was_not_there_is_news():
    played = Played("first-steps", 40)
    watch = Watch(played.recent)
    news = []
    for _ in range(12):
        played.play()
        watch.look()
        news.append(watch.has_news)
    assert not news[0]
    assert news[-1]  # hop 4 answers half of the time
    watch.look(at_all=True)
    assert [watch.has_news] == [False]


def test_who_comes_late_is_told_everything():
    played = Played("first-steps", 10).play(5)
    watch = Watch(played.recent)
    first = watch.look()
    watch.forget()
    again = watch.look(at_all=True)
    assert first is not None
    assert again is not None
    assert again == first
